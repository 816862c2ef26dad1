//! Window functions over whole partitions: instead of sorting all rows by their string keys, rows are distributed to
//! their partitions, and only the rows of a partition are sorted, by time and id.
//!
//! A view calls such a function in SQL, `fold_attempts(…) over (partition by … order by …)`; this operator replaces
//! the one of the engine before a sort is added for it. Rows are returned partition by partition.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, new_null_array};
use arrow::compute::{cast, concat, interleave};
use arrow::datatypes::{DataType, Int64Type, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::window::StandardWindowExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::windows::{WindowAggExec, WindowUDFExpr};

#[cfg(feature = "cluster")]
use datafusion::execution::FunctionRegistry;
#[cfg(feature = "cluster")]
use serde::{Deserialize, Serialize};

use super::exec::{Analysis, AnalysisExec, OutputChunk};
use super::held::HeldBuffers;
use super::index::{Groups, Interner, NONE, balanced};
#[cfg(feature = "cluster")]
use super::portable::{Encoded, PlanReader, PlanWriter, Portable, PortableOperator};
use super::texts::{Memory, Texts, renumbered};
use crate::engine::functions::{Compute, compute_of};

/// Rows per batch, unless a partition has more.
const MOST_ROWS: usize = 1 << 15;

/// The rule that replaces windows of such functions with this operator.
#[derive(Debug)]
pub struct WholePartitions;

impl WholePartitions {
    /// The rules of the engine, with this one before the rule that adds sorts for windows.
    pub fn among(mut rules: Vec<Rule>) -> Vec<Rule> {
        let place = rules.iter().position(|rule| rule.name() == "EnsureRequirements").unwrap_or(0);
        rules.insert(place, Arc::new(WholePartitions));
        rules
    }
}

/// An optimizer rule of the engine.
type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

impl PhysicalOptimizerRule for WholePartitions {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let outputs = config.execution.target_partitions;
        let replaced = plan.transform_up(|node| {
            let Some(window) = node.downcast_ref::<WindowAggExec>() else { return Ok(Transformed::no(node)) };
            let Some(partitions) = Partitions::of(window)? else { return Ok(Transformed::no(node)) };
            let inputs = vec![Arc::clone(window.input())];
            let operator = AnalysisExec::new(Arc::new(partitions), inputs, window.schema(), outputs);
            Ok(Transformed::yes(Arc::new(operator) as Arc<dyn ExecutionPlan>))
        });
        Ok(replaced?.data)
    }

    fn name(&self) -> &str {
        "WholePartitions"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A function over partitions.
#[derive(Debug)]
struct Partitions {
    /// The name of the function.
    function: String,
    /// The partition keys, which are strings.
    keys: Vec<Arc<dyn PhysicalExpr>>,
    /// The sort keys within a partition: a time, then an id.
    order: [Arc<dyn PhysicalExpr>; 2],
    compute: Compute,
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    input: SchemaRef,
    output: SchemaRef,
}

impl Partitions {
    /// The function of a window, if it is a supported one with string keys and a sort by time and id.
    fn of(window: &WindowAggExec) -> Result<Option<Partitions>> {
        let [expression] = window.window_expr() else { return Ok(None) };
        let standard = expression.as_any().downcast_ref::<StandardWindowExpr>();
        let called = standard.and_then(|standard| standard.get_standard_func_expr().as_any().downcast_ref::<WindowUDFExpr>());
        let Some((called, compute)) = called.and_then(|called| Some((called, compute_of(called.fun())?))) else {
            return Ok(None);
        };
        let [time, id] = expression.order_by() else { return Ok(None) };
        let input = window.input().schema();
        let kind = |expr: &Arc<dyn PhysicalExpr>| expr.data_type(&input);
        let mut fits = matches!(kind(&time.expr)?, DataType::Int64 | DataType::Timestamp(_, _));
        for text in expression.partition_by().iter().chain([&id.expr]) {
            fits = fits && kind(text)? == DataType::Utf8View;
        }
        fits = fits && [time, id].iter().all(|sorted| !sorted.options.descending && !sorted.options.nulls_first);
        Ok(fits.then(|| Partitions {
            function: called.fun().name().to_owned(),
            keys: expression.partition_by().to_vec(),
            order: [Arc::clone(&time.expr), Arc::clone(&id.expr)],
            compute,
            arguments: called.args().to_vec(),
            input,
            output: window.schema(),
        }))
    }

    /// The rows of several partitions, one partition after another.
    fn batch(&self, merged: &FinalState, partitions: Range<usize>) -> Result<RecordBatch> {
        let mut rows: Vec<&Place> = Vec::new();
        let mut ranges: Vec<Range<usize>> = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let start = rows.len();
            let members = merged.groups.of(u32::try_from(partition).unwrap_or(NONE));
            rows.extend(members.iter().filter_map(|row| merged.places.get(*row as usize)));
            if let Some(own) = rows.get_mut(start..) {
                merged.sort(own);
            }
            ranges.push(start..rows.len());
        }
        let columns = (0..self.input.fields().len()).map(|column| merged.gather(&rows, column));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let gathered = RecordBatch::try_new_with_options(Arc::clone(&self.input), columns, &options)?;
        let arguments = values(&self.arguments, &gathered)?;
        let of = |range: &Range<usize>| {
            let own: Vec<ArrayRef> = arguments.iter().map(|argument| argument.slice(range.start, range.len())).collect();
            (self.compute)(&own, range.len())
        };
        let computed = ranges.iter().map(of).collect::<Result<Vec<_>>>()?;
        let computed = match computed.as_slice() {
            [one] => Arc::clone(one),
            several => concat(&several.iter().map(AsRef::as_ref).collect::<Vec<_>>())?,
        };
        let mut columns = gathered.columns().to_vec();
        columns.push(computed);
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.output), columns, &options)?)
    }
}

/// The values of expressions over the rows of a batch.
fn values(expressions: &[Arc<dyn PhysicalExpr>], batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
    let value = |expr: &Arc<dyn PhysicalExpr>| expr.evaluate(batch)?.into_array(batch.num_rows());
    expressions.iter().map(value).collect()
}

/// The position of a row, and its time.
#[derive(Debug, Clone, Copy)]
struct Place {
    time: i64,
    batch: u32,
    row: u32,
}

/// The kept part of a batch.
#[derive(Debug)]
struct Kept {
    /// The columns. A column with a single value has that value in all rows.
    columns: Vec<ArrayRef>,
    ids: StringViewArray,
}

/// The rows of one thread.
#[derive(Debug, Default)]
struct PartialState {
    texts: Texts,
    memories: Vec<Memory>,
    /// For each key: the combination of the number of the previous keys and a string, interned.
    levels: Vec<Interner<(u32, u32)>>,
    batches: Vec<Kept>,
    /// The partition and the position of each row.
    rows: Vec<(u32, Place)>,
    held: HeldBuffers,
}

/// All rows, by partition.
struct FinalState {
    batches: Vec<Kept>,
    places: Vec<Place>,
    groups: Groups,
    /// The partitions of each chunk.
    shares: Vec<Range<usize>>,
}

impl FinalState {
    fn sort(&self, rows: &mut [&Place]) {
        let id = |place: &Place| {
            let ids = &self.batches.get(place.batch as usize)?.ids;
            ids.is_valid(place.row as usize).then(|| ids.value(place.row as usize))
        };
        rows.sort_unstable_by(|left, right| {
            left.time.cmp(&right.time).then_with(|| match (id(left), id(right)) {
                (Some(left), Some(right)) => left.cmp(right),
                // Missing ids come last.
                (left, right) => right.is_some().cmp(&left.is_some()),
            })
        });
    }

    /// A column of the selected rows.
    fn gather(&self, rows: &[&Place], column: usize) -> Result<ArrayRef> {
        let lost = || exec_datafusion_err!("a column of a partition is missing");
        let arrays: Option<Vec<&dyn Array>> =
            self.batches.iter().map(|batch| Some(batch.columns.get(column)?.as_ref())).collect();
        let arrays = arrays.ok_or_else(lost)?;
        let place = |place: &&Place| {
            let batch = place.batch as usize;
            let is_single = arrays.get(batch).is_some_and(|array| array.len() == 1);
            (batch, if is_single { 0 } else { place.row as usize })
        };
        Ok(interleave(&arrays, &rows.iter().map(place).collect::<Vec<_>>())?)
    }
}

/// A column with one value, if all its values are equal.
fn single(column: &ArrayRef) -> ArrayRef {
    if column.len() > 1 && column.null_count() == column.len() {
        return new_null_array(column.data_type(), 1);
    }
    match column.as_string_view_opt() {
        Some(texts) if column.len() > 1 && column.null_count() == 0 => match texts.views().split_first() {
            Some((first, rest)) if rest.iter().all(|view| view == first) => {
                Arc::new(StringViewArray::from_iter_values([texts.value(0)]))
            }
            _ => Arc::clone(column),
        },
        _ => Arc::clone(column),
    }
}

impl Analysis for Partitions {
    type BuildSide = ();
    type PartialState = PartialState;
    type FinalState = FinalState;

    const NAME: &'static str = "WholePartitionsExec";

    fn details(&self) -> String {
        let list = |expressions: &[Arc<dyn PhysicalExpr>]| {
            expressions.iter().map(|expression| expression.to_string()).collect::<Vec<_>>().join(", ")
        };
        format!("function={}, partition_by=[{}], order_by=[{}]", self.function, list(&self.keys), list(&self.order))
    }

    fn keys(&self, _input: usize, _rows: &Schema) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
        Ok(self.keys.clone())
    }

    fn partial(&self, _first: &Arc<()>) -> PartialState {
        PartialState::default()
    }

    fn add(&self, partial: &mut PartialState, _input: usize, batch: &RecordBatch) -> Result<()> {
        partial.memories.resize_with(self.keys.len(), Memory::default);
        partial.levels.resize_with(self.keys.len(), Interner::default);
        let mut groups = vec![0; batch.num_rows()];
        for (key, (memory, level)) in values(&self.keys, batch)?.iter().zip(partial.memories.iter_mut().zip(&mut partial.levels))
        {
            let texts = key.as_string_view_opt().ok_or_else(|| exec_datafusion_err!("a partition key is not a string"))?;
            let numbers = memory.numbers(texts, &mut partial.texts);
            groups.iter_mut().zip(numbers).for_each(|(group, number)| *group = level.intern((*group, number)));
        }
        let order = values(&self.order, batch)?;
        let [times, ids] = order.as_slice() else { return Ok(()) };
        let times = cast(times, &DataType::Int64)?;
        let ids = ids.as_string_view_opt().ok_or_else(|| exec_datafusion_err!("the id of a row is not a string"))?;
        let place = u32::try_from(partial.batches.len()).unwrap_or(NONE);
        let placed = groups.into_iter().zip(times.as_primitive::<Int64Type>()).zip(0_u32..);
        // Rows without a time come last.
        partial
            .rows
            .extend(placed.map(|((group, time), row)| (group, Place { time: time.unwrap_or(i64::MAX), batch: place, row })));
        let kept = Kept { columns: batch.columns().iter().map(single).collect(), ids: ids.clone() };
        kept.columns.iter().for_each(|column| partial.held.add(column));
        partial.held.add(&kept.ids);
        partial.batches.push(kept);
        Ok(())
    }

    fn bytes(partial: &PartialState) -> usize {
        let levels: usize = partial.levels.iter().map(Interner::bytes).sum();
        partial.held.bytes() + partial.texts.bytes() + levels + partial.rows.capacity() * size_of::<(u32, Place)>()
    }

    fn merged(&self, partials: Vec<PartialState>, chunks: usize) -> Result<FinalState> {
        let (mut texts, mut levels) = (Texts::default(), Vec::new());
        levels.resize_with(self.keys.len(), Interner::default);
        let mut batches: Vec<Kept> = Vec::new();
        let mut rows: Vec<(u32, Place)> = Vec::new();
        for partial in partials {
            let numbers = texts.merge(&partial.texts);
            let mut groups = vec![0];
            for (level, own) in levels.iter_mut().zip(&partial.levels) {
                let there =
                    |&(before, text): &(u32, u32)| level.intern((renumbered(&groups, before), renumbered(&numbers, text)));
                groups = own.list().iter().map(there).collect();
            }
            let before = u32::try_from(batches.len()).unwrap_or(NONE);
            let moved_row = |(group, place): (u32, Place)| {
                (renumbered(&groups, group), Place { batch: place.batch.saturating_add(before), ..place })
            };
            rows.extend(partial.rows.into_iter().map(moved_row));
            batches.extend(partial.batches);
        }
        if u32::try_from(rows.len()).is_err() {
            return Err(exec_datafusion_err!("more than {} rows to distribute over partitions", u32::MAX));
        }
        let count = levels.last().map_or(rows.len().min(1), |level: &Interner<(u32, u32)>| level.list().len());
        let groups = Groups::new(rows.iter().map(|(group, _)| *group).zip(0_u32..), count);
        let sizes: Vec<usize> = (0_u32..).take(count).map(|group| groups.size(group)).collect();
        let places = rows.into_iter().map(|(_, place)| place).collect();
        Ok(FinalState { batches, places, groups, shares: balanced(&sizes, chunks) })
    }

    fn rows(self: Arc<Self>, merged: Arc<FinalState>, chunk: usize) -> OutputChunk {
        let share = merged.shares.get(chunk).cloned().unwrap_or(0..0);
        let mut next = share.start;
        Box::new(std::iter::from_fn(move || {
            let first = next;
            let mut rows = 0;
            while next < share.end {
                rows += merged.groups.size(u32::try_from(next).unwrap_or(NONE));
                if next > first && rows > MOST_ROWS {
                    break;
                }
                next += 1;
            }
            (next > first).then(|| self.batch(&merged, first..next))
        }))
    }
}

/// The operator, for other processes.
#[cfg(feature = "cluster")]
pub fn portable() -> PortableOperator {
    PortableOperator::of::<Partitions>()
}

/// The parameters of [`Partitions`].
#[cfg(feature = "cluster")]
#[derive(Serialize, Deserialize)]
pub struct Document {
    function: String,
    keys: Vec<Encoded>,
    order: [Encoded; 2],
    arguments: Vec<Encoded>,
    input: Encoded,
    output: Encoded,
}

#[cfg(feature = "cluster")]
impl Portable for Partitions {
    type Document = Document;

    fn document(&self, writer: &PlanWriter<'_>) -> Result<Document> {
        let [time, id] = &self.order;
        Ok(Document {
            function: self.function.clone(),
            keys: writer.expressions(&self.keys)?,
            order: [writer.expression(time)?, writer.expression(id)?],
            arguments: writer.expressions(&self.arguments)?,
            input: writer.schema(&self.input)?,
            output: writer.schema(&self.output)?,
        })
    }

    fn of_document(document: Document, reader: &PlanReader<'_>) -> Result<Partitions> {
        let Document { function, keys, order: [time, id], arguments, input, output } = document;
        let compute = compute_of(reader.context().udwf(&function)?.as_ref());
        let compute = compute.ok_or_else(|| exec_datafusion_err!("`{function}` is not a function over partitions"))?;
        let input = reader.schema(&input)?;
        Ok(Partitions {
            keys: reader.expressions(&keys, &input)?,
            order: [reader.expression(&time, &input)?, reader.expression(&id, &input)?],
            arguments: reader.expressions(&arguments, &input)?,
            output: reader.schema(&output)?,
            function,
            compute,
            input,
        })
    }
}
