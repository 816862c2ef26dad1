//! How many tasks a stage has, and which files each of them reads.
//!
//! The engine decides by the leaves of a stage, and knows which joins cannot be divided. It does not know that a node that
//! needs all rows (or all rows of a key) may have no exchange below it, because its input has a single partition anyway:
//! cut into several tasks, each would see a part. Such a stage has one task.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::datasource::physical_plan::{FileGroup, FileGroupPartitioner, FileScanConfig};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::{Distribution, Partitioning};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion_distributed::{
    BroadcastExec, DesiredTaskCountEvent, DesiredTaskCountEventResponse, DistributedLeafExec, NetworkBoundaryExt,
    ScaleUpLeafNodeEvent, ScaleUpLeafNodeEventResponse,
};

use super::align::WholeResultExec;

/// The number of tasks of the stage of a node, as far as the node decides it.
pub fn task_count(event: DesiredTaskCountEvent<'_>) -> Option<Result<DesiredTaskCountEventResponse>> {
    needs_one_task(event.plan).then(|| Ok(DesiredTaskCountEventResponse::maximum(1)))
}

fn needs_one_task(node: &Arc<dyn ExecutionPlan>) -> bool {
    if node.is::<WholeResultExec>() {
        return true;
    }
    let is_single = node.properties().output_partitioning().partition_count() == 1;
    // With several partitions, another node limits what they give together.
    if node.fetch().is_some() && is_single && !is_exchange(node) && !node.children().iter().any(|input| is_exchanged(input)) {
        return true;
    }
    let requirements = node.input_distribution_requirements();
    node.children().into_iter().zip(requirements.per_child_distributions()).any(|(input, requirement)| {
        !matches!(requirement, Distribution::UnspecifiedDistribution) && !is_exchange(node) && !is_exchanged(input)
    })
}

/// Whether all rows below a node pass an exchange first.
fn is_exchanged(node: &Arc<dyn ExecutionPlan>) -> bool {
    is_exchange(node) || (!node.children().is_empty() && node.children().into_iter().all(is_exchanged))
}

fn is_exchange(node: &Arc<dyn ExecutionPlan>) -> bool {
    let repartition = node.downcast_ref::<RepartitionExec>();
    repartition.is_some_and(|exchange| matches!(exchange.partitioning(), Partitioning::Hash(_, _)))
        || node.is::<CoalescePartitionsExec>()
        || node.is::<SortPreservingMergeExec>()
        || node.is::<BroadcastExec>()
        || node.is_network_boundary()
}

/// A scan of files with a share of them for each task: the same number of partitions, some of which may be empty.
pub fn shares(event: ScaleUpLeafNodeEvent<'_>) -> Option<Result<ScaleUpLeafNodeEventResponse>> {
    let scan = event.plan.downcast_ref::<DataSourceExec>()?.data_source().downcast_ref::<FileScanConfig>()?;
    let tasks = event.task_count.max(1);
    let partitions = scan.file_groups.len().max(1);
    let groups = FileGroupPartitioner::new()
        .with_target_partitions(partitions * tasks)
        .with_repartition_file_min_size(0)
        .with_preserve_order_within_groups(!scan.output_ordering.is_empty())
        .repartition_file_groups(&scan.file_groups)
        .unwrap_or_else(|| scan.file_groups.clone());
    let mut shares: Vec<Vec<FileGroup>> = vec![Vec::new(); tasks];
    for (number, group) in groups.into_iter().enumerate() {
        if let Some(share) = shares.get_mut(number % tasks) {
            share.push(group);
        }
    }
    let most = shares.iter().map(Vec::len).max().unwrap_or_default();
    let variants = shares.into_iter().map(|mut share| {
        share.resize_with(most, || FileGroup::new(Vec::new()));
        let mut scan = scan.clone();
        scan.file_groups = share;
        DataSourceExec::from_data_source(scan) as Arc<dyn ExecutionPlan>
    });
    let leaf = DistributedLeafExec::try_new(Arc::clone(event.plan), variants);
    Some(leaf.map(|leaf| ScaleUpLeafNodeEventResponse::new(Arc::new(leaf))))
}
