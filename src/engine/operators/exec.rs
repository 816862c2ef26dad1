//! The physical operator of an analysis: the build side is read first; each partition of every other input is folded
//! into a partial state; the partial states are merged once; then every output partition streams its share in
//! batches.
//!
//! That is the fastest way in one process, where all outputs share the merged state. Where they do not, an operator is
//! [aligned](AnalysisExec::aligned): its inputs are partitioned by the keys of the analysis, and the rows of an output
//! partition depend on nothing but the input partitions with its number.

use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, SharedResult};
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_expr::{Distribution, EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, Partitioning, PlanProperties,
    SendableRecordBatchStream, collect,
};
use futures::future::{BoxFuture, FutureExt, Shared};
use futures::stream::{StreamExt, TryStreamExt};

/// The number of batches that an output buffers.
const WAITING: usize = 2;

/// Chunks per output, so that no output waits long for another one with more work or a slower processor.
const PIECES: usize = 16;

/// The target number of rows of a chunk.
pub type OutputChunk = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// The algorithm of an analysis.
pub trait Analysis: Debug + Send + Sync + Sized + 'static {
    /// The state of the build side, which is complete before the other inputs are read.
    type BuildSide: Default + Send + Sync + 'static;
    /// The partial state of some rows.
    type PartialState: Send + 'static;
    /// The merged state of all rows.
    type FinalState: Send + Sync + 'static;

    /// The name in plans.
    const NAME: &'static str;
    /// The number of build-side inputs.
    const FIRST: usize = 0;

    /// What it computes from which inputs, for readers of plans.
    fn details(&self) -> String;

    /// The strings that an input row and all rows that it contributes to have in common, as expressions over the rows of
    /// an input, in the same order for each input. Without any, each output row may depend on all input rows.
    ///
    /// # Errors
    ///
    /// If a column is missing.
    fn keys(&self, input: usize, rows: &Schema) -> Result<Vec<Arc<dyn PhysicalExpr>>>;

    /// Builds the state of the build side; empty if there are no build-side inputs.
    ///
    /// # Errors
    ///
    /// If a column is missing or has an unexpected type.
    fn first(&self, _batches: &[RecordBatch]) -> Result<Self::BuildSide> {
        Ok(Self::BuildSide::default())
    }

    /// An empty partial state.
    fn partial(&self, first: &Arc<Self::BuildSide>) -> Self::PartialState;

    /// Adds a batch of one of the other inputs, which are numbered after the build-side inputs.
    ///
    /// # Errors
    ///
    /// If a column is missing or has an unexpected type.
    fn add(&self, partial: &mut Self::PartialState, input: usize, batch: &RecordBatch) -> Result<()>;

    /// The bytes that a partial state holds, which count against the memory limit of queries. The merged state takes
    /// over what the partial states held.
    fn bytes(partial: &Self::PartialState) -> usize;

    /// Merges all partial states.
    ///
    /// # Errors
    ///
    /// If a condition cannot be evaluated.
    fn merged(&self, partials: Vec<Self::PartialState>, chunks: usize) -> Result<Self::FinalState>;

    /// The rows of a chunk.
    fn rows(self: Arc<Self>, merged: Arc<Self::FinalState>, chunk: usize) -> OutputChunk;
}

/// The merged state, and the memory reserved for it.
struct Merged<S: Analysis> {
    state: Arc<S::FinalState>,
    _reserved: Vec<MemoryReservation>,
}

type SharedState<S> = Shared<BoxFuture<'static, SharedResult<Arc<Merged<S>>>>>;

/// The shared result of reading all inputs.
struct Round<S: Analysis> {
    swept: SharedState<S>,
    /// The next chunk.
    next: Arc<AtomicUsize>,
    /// The outputs that have been requested.
    asked: BTreeSet<usize>,
}

/// The keys of each input; none if the inputs have a single partition.
pub type AlignedBy = Option<Vec<Vec<Arc<dyn PhysicalExpr>>>>;

/// The operator of an analysis.
pub struct AnalysisExec<S: Analysis> {
    sweep: Arc<S>,
    inputs: Vec<Arc<dyn ExecutionPlan>>,
    properties: Arc<PlanProperties>,
    /// How the inputs are partitioned, if each output depends only on the input partitions with its number.
    aligned: Option<AlignedBy>,
    /// The shared state, once an output has been requested.
    round: Mutex<Option<Round<S>>>,
}

impl<S: Analysis> AnalysisExec<S> {
    /// An operator over these inputs, with a number of outputs.
    pub fn new(sweep: Arc<S>, inputs: Vec<Arc<dyn ExecutionPlan>>, schema: SchemaRef, outputs: usize) -> Self {
        let properties = Arc::new(properties(schema, outputs));
        AnalysisExec { sweep, inputs, properties, aligned: None, round: Mutex::new(None) }
    }

    /// The same operator, with inputs that are partitioned by the keys of the analysis, or have a single partition if it
    /// has no keys. An output needs nothing from the others then, which may be computed elsewhere, or again.
    ///
    /// # Errors
    ///
    /// If an input lacks a key.
    pub fn aligned(&self) -> Result<Self> {
        let keys = (0..).zip(&self.inputs).map(|(number, input)| self.sweep.keys(number, &input.schema()));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let by = keys.iter().all(|keys| !keys.is_empty()).then_some(keys);
        Ok(Self::aligned_by(Arc::clone(&self.sweep), self.inputs.clone(), Arc::clone(self.schema_ref()), by))
    }

    /// An operator with inputs that are partitioned by these keys.
    pub fn aligned_by(sweep: Arc<S>, inputs: Vec<Arc<dyn ExecutionPlan>>, schema: SchemaRef, by: AlignedBy) -> Self {
        let outputs = inputs.iter().map(|input| input.properties().output_partitioning().partition_count()).max();
        let properties = Arc::new(properties(schema, outputs.unwrap_or(1)));
        AnalysisExec { sweep, inputs, properties, aligned: Some(by), round: Mutex::new(None) }
    }

    /// The analysis.
    pub fn analysis(&self) -> &S {
        &self.sweep
    }

    /// How the inputs are partitioned, if the operator is aligned.
    pub fn alignment(&self) -> Option<&AlignedBy> {
        self.aligned.as_ref()
    }

    fn schema_ref(&self) -> &SchemaRef {
        self.properties.equivalence_properties().schema()
    }

    /// The number of chunks into which the rows are divided.
    fn chunks(&self) -> usize {
        match self.properties.output_partitioning().partition_count() {
            _ if self.aligned.is_some() => PIECES,
            1 => 1,
            outputs => outputs * PIECES,
        }
    }

    /// Folds the rows of all partitions of the inputs, or only those of one.
    fn fold(&self, only: Option<usize>, context: &Arc<TaskContext>) -> SharedState<S> {
        let chunks = self.chunks();
        let (sweep, inputs, context) = (Arc::clone(&self.sweep), self.inputs.clone(), Arc::clone(context));
        let merged = async move {
            let (first, others) = inputs.split_at_checked(S::FIRST).unwrap_or((&[], &inputs));
            let mut batches = Vec::new();
            for input in first {
                batches.extend(match only {
                    Some(partition) => input.execute(partition, Arc::clone(&context))?.try_collect().await?,
                    None => collect(Arc::clone(input), Arc::clone(&context)).await?,
                });
            }
            let build_side = reservation::<S>(&context);
            build_side.try_grow(batches.iter().map(RecordBatch::get_array_memory_size).sum())?;
            let first = Arc::new(sweep.first(&batches)?);
            let mut folding = Vec::new();
            for (number, input) in (S::FIRST..).zip(others) {
                let all = 0..input.properties().output_partitioning().partition_count();
                for partition in only.map_or(all, |only| only..only + 1) {
                    let stream = input.execute(partition, Arc::clone(&context))?;
                    let reserved = reservation::<S>(&context);
                    let folded = fold(Arc::clone(&sweep), sweep.partial(&first), reserved, number, stream);
                    folding.push(SpawnedTask::spawn(folded));
                }
            }
            let mut partials = Vec::with_capacity(folding.len());
            let mut reserved = vec![build_side];
            for partial in folding {
                let (partial, memory) = partial.join().await.map_err(|error| DataFusionError::External(Box::new(error)))??;
                partials.push(partial);
                reserved.push(memory);
            }
            let state = Arc::new(sweep.merged(partials, chunks)?);
            Ok(Arc::new(Merged { state, _reserved: reserved }))
        };
        merged.map(|merged: Result<_>| merged.map_err(Arc::new)).boxed().shared()
    }
}

fn properties(schema: SchemaRef, outputs: usize) -> PlanProperties {
    let partitioning = Partitioning::UnknownPartitioning(outputs.max(1));
    PlanProperties::new(EquivalenceProperties::new(schema), partitioning, EmissionType::Final, Boundedness::Bounded)
}

/// An empty reservation of memory for an analysis.
fn reservation<S: Analysis>(context: &TaskContext) -> MemoryReservation {
    MemoryConsumer::new(S::NAME).register(context.memory_pool())
}

async fn fold<S: Analysis>(
    sweep: Arc<S>,
    mut partial: S::PartialState,
    reserved: MemoryReservation,
    input: usize,
    mut stream: SendableRecordBatchStream,
) -> Result<(S::PartialState, MemoryReservation)> {
    while let Some(batch) = stream.next().await {
        sweep.add(&mut partial, input, &batch?)?;
        reserved.try_resize(S::bytes(&partial))?;
    }
    Ok((partial, reserved))
}

impl<S: Analysis> Debug for AnalysisExec<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(S::NAME).field("sweep", &self.sweep).field("inputs", &self.inputs).finish_non_exhaustive()
    }
}

impl<S: Analysis> DisplayAs for AnalysisExec<S> {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", S::NAME, self.sweep.details())?;
        match &self.aligned {
            None => Ok(()),
            Some(None) => f.write_str(", in one partition, because its rows depend on all others"),
            Some(Some(keys)) => {
                let keys = keys.first().into_iter().flatten().map(ToString::to_string).collect::<Vec<_>>();
                write!(f, ", partitioned_by=[{}]", keys.join(", "))
            }
        }
    }
}

impl<S: Analysis> ExecutionPlan for AnalysisExec<S> {
    fn name(&self) -> &str {
        S::NAME
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.inputs.len()]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let per_input: Vec<Distribution> = match &self.aligned {
            None => vec![Distribution::UnspecifiedDistribution; self.inputs.len()],
            Some(None) => vec![Distribution::SinglePartition; self.inputs.len()],
            Some(Some(keys)) => keys.iter().cloned().map(Distribution::KeyPartitioned).collect(),
        };
        match (&self.aligned, per_input.len()) {
            (Some(Some(_)), 2..) => InputDistributionRequirements::co_partitioned(per_input),
            _ => InputDistributionRequirements::new(per_input),
        }
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inputs.iter().collect()
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(by) = &self.aligned {
            let schema = Arc::clone(self.schema_ref());
            return Ok(Arc::new(Self::aligned_by(Arc::clone(&self.sweep), children, schema, by.clone())));
        }
        Ok(Arc::new(AnalysisExec {
            sweep: Arc::clone(&self.sweep),
            inputs: children,
            properties: Arc::clone(&self.properties),
            aligned: None,
            round: Mutex::new(None),
        }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(datafusion::physical_plan::execution_plan::ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (swept, next) = if self.aligned.is_some() {
            // All chunks of a state of its own.
            (self.fold(Some(partition), &context), Arc::default())
        } else {
            let mut round = self.round.lock().unwrap_or_else(PoisonError::into_inner);
            // If an output is requested again, everything is computed again.
            let known = round.take().filter(|round| !round.asked.contains(&partition));
            let round = round.insert(known.unwrap_or_else(|| Round {
                swept: self.fold(None, &context),
                next: Arc::default(),
                asked: BTreeSet::new(),
            }));
            round.asked.insert(partition);
            (round.swept.clone(), Arc::clone(&round.next))
        };
        let sweep = Arc::clone(&self.sweep);
        let chunks = self.chunks();
        let schema = Arc::clone(self.schema_ref());
        let mut given = RecordBatchReceiverStreamBuilder::new(schema, WAITING);
        let sender = given.tx();
        // Producing rows is CPU-bound. On a thread of its own, it does not block other outputs.
        given.spawn(async move {
            let merged = swept.await.map_err(DataFusionError::Shared)?;
            let walk = move || {
                let taken = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed)).take_while(|chunk| *chunk < chunks);
                let mut rows = taken.flat_map(|chunk| Arc::clone(&sweep).rows(Arc::clone(&merged.state), chunk));
                rows.try_for_each(|batch| sender.blocking_send(batch)).ok()
            };
            SpawnedTask::spawn_blocking(walk).join().await.map_err(|error| DataFusionError::External(Box::new(error)))?;
            Ok(())
        });
        Ok(given.build())
    }
}
