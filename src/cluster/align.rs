//! Rules for plans that are cut into tasks.
//!
//! [`AlignAnalyses`] lets analyses read their inputs by key, so that each task folds all rows of some keys. [`WholeResult`]
//! puts a node on top of a plan with a single output partition, because the client reads only one task.

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{Distribution, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, PlanProperties, SendableRecordBatchStream,
};

use super::codec::operators;

/// A rule of the engine.
type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// The rules of a session, with those for clusters.
pub fn rules(rules: &[Rule]) -> Vec<Rule> {
    let mut rules = rules.to_vec();
    // The next rule adds the exchanges that the inputs need.
    let place = rules.iter().position(|rule| rule.name() == "EnsureRequirements").unwrap_or(rules.len());
    rules.insert(place, Arc::new(AlignAnalyses));
    rules.push(Arc::new(WholeResult));
    rules
}

#[derive(Debug)]
struct AlignAnalyses;

impl PhysicalOptimizerRule for AlignAnalyses {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = plan.transform_up(|node| match operators().find_map(|operator| operator.aligned(&node)) {
            Some(aligned) => aligned.map(Transformed::yes),
            None => Ok(Transformed::no(node)),
        });
        Ok(replaced?.data)
    }

    fn name(&self) -> &str {
        "AlignAnalyses"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct WholeResult;

impl PhysicalOptimizerRule for WholeResult {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        // Several partitions are merged by a node that is recognized.
        let is_single = plan.properties().output_partitioning().partition_count() == 1;
        Ok(if is_single { Arc::new(WholeResultExec { input: plan }) } else { plan })
    }

    fn name(&self) -> &str {
        "WholeResult"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The result of a query, which one task computes.
#[derive(Debug)]
pub struct WholeResultExec {
    input: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for WholeResultExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WholeResultExec")
    }
}

impl ExecutionPlan for WholeResultExec {
    fn name(&self) -> &str {
        "WholeResultExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition])
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.into_iter().next().ok_or_else(|| exec_datafusion_err!("a result without rows"))?;
        Ok(Arc::new(WholeResultExec { input }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
}
