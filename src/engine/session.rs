//! Creates a session of the engine.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SessionContext;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;

use super::functions::{exact_sum_function, json_path_function, message_template_function};
use super::operators::{AnalysisRelations, PushIntoAnalyses, QueryPlannerWithAnalyses, WholePartitions};

/// The number of operators that an error about memory names: those that hold most.
const NAMED_CONSUMERS: NonZeroUsize = NonZeroUsize::new(3).unwrap();

/// A session without tables and without the functions of nouns, with a number of threads.
///
/// Filters are applied while Parquet is read. Statistics are not collected from files, because the store already
/// knows them. Queries use at most `memory` bytes, as far as the engine accounts for what it holds; sorts, joins and
/// groups beyond that spill to the system's folder of temporary files.
pub fn session(threads: usize, memory: usize) -> SessionContext {
    let mut config = SessionConfig::new()
        .with_target_partitions(threads.max(1))
        .with_batch_size(8192)
        .with_information_schema(true)
        .with_collect_statistics(false)
        .with_parquet_pruning(true);
    let parquet = &mut config.options_mut().execution.parquet;
    parquet.pushdown_filters = true;
    parquet.reorder_filters = true;
    let rules = WholePartitions::among(PhysicalOptimizer::new().rules);
    // A spilling operator gets an equal share of what the others leave: none can starve the rest.
    let pool = TrackConsumersPool::new(FairSpillPool::new(memory), NAMED_CONSUMERS);
    let runtime = Arc::new(RuntimeEnv { memory_pool: Arc::new(pool), ..RuntimeEnv::default() });
    let state = SessionStateBuilder::new_with_default_features()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_relation_planners(vec![Arc::new(AnalysisRelations)])
        .with_optimizer_rule(Arc::new(PushIntoAnalyses))
        .with_query_planner(Arc::new(QueryPlannerWithAnalyses))
        .with_physical_optimizer_rules(rules);
    let session = SessionContext::new_with_state(state.build());
    session.register_udf(json_path_function());
    session.register_udf(message_template_function());
    session.register_udaf(exact_sum_function());
    session
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::memory_pool::MemoryLimit;

    #[test]
    fn a_session_has_the_memory_it_was_given() {
        let limit = session(1, 64 << 20).runtime_env().memory_pool.memory_limit();
        assert!(matches!(limit, MemoryLimit::Finite(bytes) if bytes == 64 << 20));
    }
}
