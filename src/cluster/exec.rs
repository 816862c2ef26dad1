//! The root of a plan on executors: it runs the whole query again if an executor is lost.
//!
//! The engine has no retries of tasks. A query only reads, so running it again gives the same rows; those of a failed run
//! are discarded, which is why nothing is returned before all rows are there.

use std::fmt::{self, Debug};
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, exec_err};
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream, collect,
};
use futures::stream::{StreamExt, TryStreamExt};

use super::executors::Executors;

/// What is needed to plan a query again.
#[derive(Clone)]
pub struct Replan {
    /// The planner.
    pub planner: Arc<dyn QueryPlanner + Send + Sync>,
    /// The query.
    pub logical: LogicalPlan,
    /// Its session.
    pub state: SessionState,
}

/// The root of a plan on executors.
pub struct ClusterExec {
    plan: Arc<dyn ExecutionPlan>,
    replan: Replan,
    executors: Arc<Executors>,
}

impl ClusterExec {
    /// The root of a plan.
    pub fn new(plan: Arc<dyn ExecutionPlan>, replan: Replan, executors: Arc<Executors>) -> ClusterExec {
        ClusterExec { plan, replan, executors }
    }
}

/// The rows of a plan, or of the same query on the executors that are left.
async fn rows(
    mut plan: Arc<dyn ExecutionPlan>,
    replan: Replan,
    executors: Arc<Executors>,
    context: Arc<TaskContext>,
) -> Result<Vec<RecordBatch>> {
    loop {
        let error = match collect(plan, Arc::clone(&context)).await {
            Ok(rows) => return Ok(rows),
            Err(error) => error,
        };
        let lost = executors.forget_lost().await;
        if lost.is_empty() {
            return Err(error);
        }
        if executors.addresses().is_empty() {
            let lost: Vec<String> = lost.iter().map(ToString::to_string).collect();
            return exec_err!("no executor is left: {}; without --cluster, the query runs on this machine", lost.join("; "));
        }
        plan = replan.planner.create_physical_plan(&replan.logical, &replan.state).await?;
    }
}

impl Debug for ClusterExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterExec").field("plan", &self.plan).field("executors", &self.executors).finish_non_exhaustive()
    }
}

impl DisplayAs for ClusterExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterExec: executors=[{}]", self.executors)
    }
}

impl ExecutionPlan for ClusterExec {
    fn name(&self) -> &str {
        "ClusterExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.plan.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.plan]
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = children.into_iter().next().unwrap_or_else(|| Arc::clone(&self.plan));
        Ok(Arc::new(ClusterExec { plan, replan: self.replan.clone(), executors: Arc::clone(&self.executors) }))
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
        if partition != 0 {
            return exec_err!("a result of executors has one partition, not {}", partition + 1);
        }
        let rows = rows(Arc::clone(&self.plan), self.replan.clone(), Arc::clone(&self.executors), context);
        let batches = futures::stream::once(rows).map_ok(|rows| futures::stream::iter(rows).map(Ok::<_, DataFusionError>));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches.try_flatten().boxed())))
    }
}
