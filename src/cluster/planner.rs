//! Plans queries for executors.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use datafusion_distributed::{DistributedExec, DistributedExt, SessionStateBuilderExt};

use super::align::rules;
use super::channel::Channels;
use super::codec::PlanCodec;
use super::exec::{ClusterExec, Replan};
use super::executors::{Executors, Resolver};
use super::tasks::{shares, task_count};

/// With a single partition, plans have no exchanges, at which they are cut into tasks.
const FEWEST_PARTITIONS: usize = 2;

/// The session with the same tables and functions, whose queries run on executors.
///
/// # Errors
///
/// If the engine refuses a setting.
pub fn on_cluster(session: &SessionContext, executors: &Arc<Executors>) -> Result<SessionContext> {
    let state = session.state();
    let rules = rules(state.physical_optimizers());
    let partitions = state.config().target_partitions().max(FEWEST_PARTITIONS);
    // The catalog with the tables is that of the session; a default one would take its place.
    let config = state.config().clone().with_create_default_catalog_and_schema(false);
    let mut config = config.with_target_partitions(partitions);
    let optimizer = &mut config.options_mut().optimizer;
    // Filters that one node learns while it runs cannot reach a scan in another process.
    optimizer.enable_dynamic_filter_pushdown = false;
    optimizer.enable_topk_dynamic_filter_pushdown = false;
    optimizer.enable_join_dynamic_filter_pushdown = false;
    optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    let mut builder = SessionStateBuilder::new_from_existing(state)
        .with_config(config)
        .with_physical_optimizer_rules(rules)
        .with_distributed_planner()
        .with_distributed_worker_resolver(Resolver(Arc::clone(executors)))
        .with_distributed_channel_resolver(Channels::default())
        .with_distributed_user_codec(PlanCodec)
        .with_distributed_desired_task_count_handler(task_count)
        .with_distributed_scale_up_leaf_node_handler(shares)
        // Whoever names a cluster wants it to be used: every scan is divided.
        .with_distributed_file_scan_config_bytes_per_partition(1)?
        .with_distributed_metrics_collection(false)?;
    if let Some(inner) = builder.query_planner().take() {
        builder = builder.with_query_planner(Arc::new(ClusterPlanner { inner, executors: Arc::clone(executors) }));
    }
    Ok(SessionContext::new_with_state(builder.build()))
}

#[derive(Clone)]
struct ClusterPlanner {
    inner: Arc<dyn QueryPlanner + Send + Sync>,
    executors: Arc<Executors>,
}

impl fmt::Debug for ClusterPlanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterPlanner").field("executors", &self.executors).finish_non_exhaustive()
    }
}

#[async_trait]
impl QueryPlanner for ClusterPlanner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        let physical = self.inner.create_physical_plan(plan, session).await?;
        let state = session.as_any().downcast_ref::<SessionState>();
        Ok(match state {
            Some(state) if physical.is::<DistributedExec>() => {
                let replan = Replan { planner: Arc::clone(&self.inner), logical: plan.clone(), state: state.clone() };
                Arc::new(ClusterExec::new(physical, replan, Arc::clone(&self.executors)))
            }
            _ => physical,
        })
    }
}
