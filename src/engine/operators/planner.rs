//! Plans analyses: logical nodes become operators.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::node::AnalysisNode;

/// The planner of a session: that of the engine, which also knows analyses.
#[derive(Debug)]
pub struct QueryPlannerWithAnalyses;

#[async_trait]
impl QueryPlanner for QueryPlannerWithAnalyses {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(AnalysisPlanner)]);
        planner.create_physical_plan(plan, session).await
    }
}

struct AnalysisPlanner;

#[async_trait]
impl ExtensionPlanner for AnalysisPlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        _context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<AnalysisNode>() else { return Ok(None) };
        node.operator(inputs.to_vec(), session.config().target_partitions()).map(Some)
    }
}
