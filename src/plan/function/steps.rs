//! `level_steps(key, created, seen, early_end, end, units, refused, from, to, changes[, id])`: spans of
//! time with an amount in, the steps of their sum out, as a list.
//!
//! Rows with one key tell of one thing again and again: it was created at the least `created`, or first
//! `seen` where no row says so, and ended at the greatest `end`; without an end it lasts. A row without a
//! key is a span of its own. What ends at an instant ends before what starts there, and a span without
//! length counts for nothing. The sum of `units` up to `early_end` is the lower bound. There is one step
//! for each instant at which a span starts or ends and for each of `changes` after the first; those that
//! lie wholly outside `[from, to)` (microseconds, missing = no bound) are left out, the one in force at
//! `from` is not. All sums are of whole numbers, so any order of rows gives the same steps.
//!
//! A sort of all rows by text keys and a running sum give the same; for ten million rows that takes twice
//! the time and memory of what is kept here.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, Int64Builder, ListArray, ListBuilder, StringBuilder, StructArray,
    TimestampMicrosecondBuilder,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use super::key::{KeyHash, key_of};
use super::{numbers_of, time_type};

/// Arguments without the id.
const PLAIN: usize = 10;
/// Whole numbers that a span is kept as.
const WORDS: usize = 8;
/// Ids that stand beside one step.
const MOST_IDS: usize = 100;

#[derive(Debug, PartialEq, Eq, Hash)]
struct LevelSteps {
    signature: Signature,
}

/// The function, to be registered under its name.
pub fn level_steps_function() -> AggregateUDF {
    AggregateUDF::new_from_impl(LevelSteps { signature: Signature::variadic_any(Volatility::Immutable) })
}

/// What is known of a span. A time that is not known is the greatest where the least counts, and the
/// least where the greatest does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    /// Zero for what has no key.
    key: u128,
    created: i64,
    seen: i64,
    early: i64,
    end: i64,
    units: i64,
    refused: i64,
}

impl Span {
    /// Start, early end and end; what lasts ends at the last instant.
    fn times(&self) -> (i64, i64, i64) {
        let start = if self.created == i64::MAX { self.seen } else { self.created };
        let end = if self.end == i64::MIN { i64::MAX } else { self.end };
        let early = if self.early == i64::MIN { end } else { self.early };
        (start, early.max(start), end)
    }

    fn merge(&mut self, other: &Span) {
        self.created = self.created.min(other.created);
        self.seen = self.seen.min(other.seen);
        self.early = self.early.max(other.early);
        self.end = self.end.max(other.end);
        self.units = self.units.max(other.units);
        self.refused = self.refused.max(other.refused);
    }

    fn words(&self) -> [i64; WORDS] {
        let (high, low) = ((self.key >> 64) as u64, self.key as u64);
        [high.cast_signed(), low.cast_signed(), self.created, self.seen, self.early, self.end, self.units, self.refused]
    }

    fn of(words: &[i64]) -> Option<Span> {
        let &[high, low, created, seen, early, end, units, refused] = words else { return None };
        let key = u128::from(high.cast_unsigned()) << 64 | u128::from(low.cast_unsigned());
        Some(Span { key, created, seen, early, end, units, refused })
    }
}

/// What is added at an instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Level {
    used: i64,
    lower: i64,
    refused: i64,
    tasks: i64,
    open: i64,
}

impl Level {
    fn add(&mut self, other: Level) {
        self.used = self.used.saturating_add(other.used);
        self.lower = self.lower.saturating_add(other.lower);
        self.refused = self.refused.saturating_add(other.refused);
        self.tasks += other.tasks;
        self.open += other.open;
    }
}

/// One step of the sum.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    time: i64,
    until: Option<i64>,
    level: Level,
    ids: Vec<usize>,
}

/// The spans of one group.
#[derive(Debug, Default)]
struct Spans {
    spans: Vec<Span>,
    /// Where the span of a key stands.
    known: HashMap<u128, u32, KeyHash>,
    ids: Option<Vec<String>>,
    from: Option<i64>,
    to: Option<i64>,
    changes: Vec<i64>,
}

/// What a span does at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Begins,
    EndsEarly,
    Ends,
    /// A limit changes: the level stays.
    Nothing,
}

/// An instant, what happens there, and to which span.
type Edge = (i64, u32, Change);

impl Spans {
    /// All edges in order of time; none for a span without length.
    fn edges(&self) -> Vec<Edge> {
        let mut edges: Vec<Edge> = Vec::with_capacity(self.spans.len() * 2 + self.changes.len());
        for (index, span) in (0..).zip(&self.spans) {
            let (start, early, end) = span.times();
            if end <= start {
                continue;
            }
            edges.push((start, index, Change::Begins));
            if early < end {
                edges.push((early, index, Change::EndsEarly));
            }
            if end < i64::MAX {
                edges.push((end, index, Change::Ends));
            }
        }
        if let Some(first) = edges.iter().map(|edge| edge.0).min() {
            edges.extend(self.changes.iter().filter(|change| **change > first).map(|change| (*change, 0, Change::Nothing)));
        }
        edges.sort_unstable_by_key(|edge| edge.0);
        edges
    }

    /// What an edge adds to the level.
    fn added(&self, &(_, index, change): &Edge) -> Level {
        let Some(span) = self.spans.get(index as usize) else { return Level::default() };
        let (_, early, end) = span.times();
        let Span { units, refused, .. } = *span;
        // A demand of unknown size is no task.
        let tasks = i64::from(span.key != 0 || units > 0);
        let open = if end == i64::MAX { tasks } else { 0 };
        match change {
            Change::Begins => Level { used: units, lower: units, refused, tasks, open },
            Change::EndsEarly => Level { lower: -units, ..Level::default() },
            Change::Ends => {
                let lower = if early < end { 0 } else { -units };
                Level { used: -units, lower, refused: -refused, tasks: -tasks, open: -open }
            }
            Change::Nothing => Level::default(),
        }
    }

    /// Tells each step inside the window, in order.
    fn walk(&self, mut tell: impl FnMut(Step)) {
        let edges = self.edges();
        let mut level = Level::default();
        let mut active: BTreeSet<(&str, usize)> = BTreeSet::new();
        let mut rest = edges.as_slice();
        while let Some(&(time, ..)) = rest.first() {
            let here = rest.iter().take_while(|edge| edge.0 == time).count();
            let (now, later) = rest.split_at(here);
            for edge in now {
                level.add(self.added(edge));
                let index = edge.1 as usize;
                if let Some(id) = self.ids.as_ref().and_then(|ids| ids.get(index)) {
                    match edge.2 {
                        Change::Begins => active.insert((id, index)),
                        Change::Ends => active.remove(&(id.as_str(), index)),
                        Change::EndsEarly | Change::Nothing => false,
                    };
                }
            }
            rest = later;
            let until = rest.first().map(|edge| edge.0);
            let inside =
                until.is_none_or(|until| self.from.is_none_or(|from| until > from)) && self.to.is_none_or(|to| time < to);
            if inside {
                let ids = active.iter().take(MOST_IDS).map(|(_, index)| *index).collect();
                tell(Step { time, until, level, ids });
            }
        }
    }

    /// Adds a span, to what is known of its key.
    fn add(&mut self, span: Span, id: Option<&str>) {
        let next = self.spans.len();
        if span.key != 0 {
            let index = *self.known.entry(span.key).or_insert(u32::try_from(next).unwrap_or(u32::MAX)) as usize;
            if let Some(known) = self.spans.get_mut(index) {
                known.merge(&span);
                let known = self.ids.as_mut().and_then(|ids| ids.get_mut(index));
                if let (Some(known), Some(id)) = (known, id)
                    && id < known.as_str()
                {
                    id.clone_into(known);
                }
                return;
            }
        }
        self.spans.push(span);
        if let Some(ids) = &mut self.ids {
            ids.push(id.unwrap_or_default().to_owned());
        }
    }

    fn push(&mut self, values: &[ArrayRef]) -> Result<()> {
        let array = |index: usize| values.get(index).ok_or_else(|| exec_datafusion_err!("level_steps takes {PLAIN} arguments"));
        let column = |index: usize| numbers_of(array(index)?);
        let keys = cast(array(0)?, &DataType::Utf8View)?;
        let keys = keys.as_string_view();
        let (created, seen, early, end) = (column(1)?, column(2)?, column(3)?, column(4)?);
        let (units, refused) = (column(5)?, column(6)?);
        let ids = values.get(PLAIN).map(|ids| cast(ids, &DataType::Utf8View)).transpose()?;
        let ids = ids.as_ref().map(|ids| ids.as_string_view());
        let at = |array: &Int64Array, row: usize| array.is_valid(row).then(|| array.value(row));
        for row in 0..created.len() {
            let span = Span {
                key: if keys.is_valid(row) { key_of(keys.value(row)) } else { 0 },
                created: at(&created, row).unwrap_or(i64::MAX),
                seen: at(&seen, row).unwrap_or(i64::MAX),
                early: at(&early, row).unwrap_or(i64::MIN),
                end: at(&end, row).unwrap_or(i64::MIN),
                units: at(&units, row).unwrap_or(0),
                refused: at(&refused, row).unwrap_or(0),
            };
            self.add(span, ids.map(|ids| if ids.is_valid(row) { ids.value(row) } else { "" }));
        }
        if !created.is_empty() {
            self.from = at(&column(7)?, 0);
            self.to = at(&column(8)?, 0);
            self.changes = changes(array(9)?)?;
        }
        Ok(())
    }
}

/// The first list of a column of lists.
fn changes(lists: &ArrayRef) -> Result<Vec<i64>> {
    let Some(lists) = lists.as_list_opt::<i32>().filter(|lists| !lists.is_empty() && lists.is_valid(0)) else {
        return Ok(Vec::new());
    };
    let list = cast(&lists.value(0), &DataType::Int64)?;
    Ok(list.as_primitive::<Int64Type>().iter().flatten().collect())
}

fn numbers() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Int64, true))
}

fn texts() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Utf8, true))
}

fn step_fields(with_ids: bool) -> Fields {
    let mut fields = vec![
        Field::new("time", time_type(), true),
        Field::new("until", time_type(), true),
        Field::new("used", DataType::Int64, true),
        Field::new("lower", DataType::Int64, true),
        Field::new("refused", DataType::Int64, true),
        Field::new("tasks", DataType::Int64, true),
        Field::new("open", DataType::Int64, true),
    ];
    if with_ids {
        fields.push(Field::new("ids", DataType::List(texts()), true));
    }
    Fields::from(fields)
}

fn step_list(with_ids: bool) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Struct(step_fields(with_ids)), true)))
}

impl Accumulator for Spans {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.push(values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut times = TimestampMicrosecondBuilder::new();
        let mut untils = TimestampMicrosecondBuilder::new();
        let mut numbers: [Int64Builder; 5] = std::array::from_fn(|_| Int64Builder::new());
        let mut lists = ListBuilder::new(StringBuilder::new()).with_field(texts());
        self.walk(|step| {
            times.append_value(step.time);
            untils.append_option(step.until);
            let level = step.level;
            let values = [level.used, level.lower, level.refused, level.tasks, level.open];
            numbers.iter_mut().zip(values).for_each(|(builder, value)| builder.append_value(value));
            if let Some(ids) = &self.ids {
                step.ids.iter().filter_map(|index| ids.get(*index)).for_each(|id| lists.values().append_value(id));
                lists.append(true);
            }
        });
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(times.finish().with_timezone("UTC")), Arc::new(untils.finish().with_timezone("UTC"))];
        columns.extend(numbers.iter_mut().map(|builder| -> ArrayRef { Arc::new(builder.finish()) }));
        if self.ids.is_some() {
            columns.push(Arc::new(lists.finish()));
        }
        let structs = StructArray::try_new(step_fields(self.ids.is_some()), columns, None)?;
        let field = Arc::new(Field::new_list_field(structs.data_type().clone(), true));
        let offsets = OffsetBuffer::from_lengths([structs.len()]);
        Ok(ScalarValue::List(Arc::new(ListArray::try_new(field, offsets, Arc::new(structs), None)?)))
    }

    fn size(&self) -> usize {
        let ids = self.ids.as_ref().map_or(0, |ids| ids.iter().map(|id| id.capacity() + size_of::<String>()).sum());
        size_of_val(self) + self.spans.capacity() * size_of::<Span>() + self.known.capacity() * size_of::<(u128, u32)>() + ids
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let mut spans = ListBuilder::new(Int64Builder::with_capacity(self.spans.len() * WORDS)).with_field(numbers());
        self.spans.iter().for_each(|span| spans.values().append_slice(&span.words()));
        spans.append(true);
        let mut bounds = ListBuilder::new(Int64Builder::new()).with_field(numbers());
        bounds.values().append_option(self.from);
        bounds.values().append_option(self.to);
        bounds.values().append_slice(&self.changes);
        bounds.append(true);
        let mut state = vec![ScalarValue::List(Arc::new(spans.finish())), ScalarValue::List(Arc::new(bounds.finish()))];
        if let Some(ids) = &self.ids {
            let mut lists = ListBuilder::new(StringBuilder::new()).with_field(texts());
            ids.iter().for_each(|id| lists.values().append_value(id));
            lists.append(true);
            state.push(ScalarValue::List(Arc::new(lists.finish())));
        }
        Ok(state)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = |index: usize| states.get(index).and_then(|state| state.as_list_opt::<i32>());
        let ids: Vec<ArrayRef> = lists(2).into_iter().flat_map(|lists| lists.iter().flatten()).collect();
        for (index, spans) in lists(0).into_iter().flat_map(|lists| lists.iter().flatten()).enumerate() {
            let words = spans.as_primitive::<Int64Type>().values();
            let ids = ids.get(index).map(|ids| ids.as_string::<i32>());
            for (row, span) in words.chunks_exact(WORDS).filter_map(Span::of).enumerate() {
                self.add(span, ids.filter(|ids| row < ids.len()).map(|ids| ids.value(row)));
            }
        }
        for bounds in lists(1).into_iter().flat_map(|lists| lists.iter().flatten()) {
            let mut bounds = bounds.as_primitive::<Int64Type>().iter();
            self.from = bounds.next().flatten();
            self.to = bounds.next().flatten();
            self.changes = bounds.flatten().collect();
        }
        Ok(())
    }
}

impl AggregateUDFImpl for LevelSteps {
    fn name(&self) -> &str {
        "level_steps"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(step_list(types.len() > PLAIN))
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let ids = (args.exprs.len() > PLAIN).then(Vec::new);
        Ok(Box::new(Spans { ids, ..Spans::default() }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field =
            |word: &str, kind: FieldRef| Arc::new(Field::new(format!("{}[{word}]", args.name), DataType::List(kind), true));
        let mut fields = vec![field("spans", numbers()), field("bounds", numbers())];
        if args.input_fields.len() > PLAIN {
            fields.push(field("ids", texts()));
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Start, early end, end, units, refused.
    type Short = [i64; 5];

    fn span(&[created, early, end, units, refused]: &Short) -> Span {
        let end = if end == LASTS { i64::MIN } else { end };
        let early = if early == LASTS { i64::MIN } else { early };
        Span { key: 0, created, seen: i64::MAX, early, end, units, refused }
    }

    fn walked(spans: &Spans) -> Vec<Step> {
        let mut steps = Vec::new();
        spans.walk(|step| steps.push(step));
        steps
    }

    fn steps(spans: &[Short], from: Option<i64>, to: Option<i64>) -> Vec<(i64, Option<i64>, i64, i64, i64)> {
        let spans = Spans { spans: spans.iter().map(span).collect(), from, to, ..Spans::default() };
        let told = |step: Step| (step.time, step.until, step.level.used, step.level.lower, step.level.refused);
        walked(&spans).into_iter().map(told).collect()
    }

    const LASTS: i64 = i64::MAX;

    #[test]
    fn what_ends_at_an_instant_ends_before_what_starts_there() {
        let told = steps(&[[0, 5, 5, 4, 0], [5, LASTS, LASTS, 4, 0]], None, None);
        assert_eq!(told, [(0, Some(5), 4, 4, 0), (5, None, 4, 4, 0)]);
    }

    #[test]
    fn spans_without_length_count_for_nothing() {
        assert!(steps(&[[3, 3, 3, 4, 0]], None, None).is_empty());
        // An end before the start is no negative span.
        assert!(steps(&[[3, 1, 1, 4, 0]], None, None).is_empty());
    }

    #[test]
    fn the_lower_bound_ends_early() {
        let told = steps(&[[0, 7, 9, 4, 0]], None, None);
        assert_eq!(told, [(0, Some(7), 4, 4, 0), (7, Some(9), 4, 0, 0), (9, None, 0, 0, 0)]);
    }

    #[test]
    fn the_step_in_force_where_the_window_begins_is_kept() {
        let spans = [[0, 10, 10, 1, 0], [20, 30, 30, 2, 0], [22, 25, 25, 0, 4]];
        assert_eq!(steps(&spans, Some(12), Some(22)), [(10, Some(20), 0, 0, 0), (20, Some(22), 2, 2, 0)]);
        assert_eq!(steps(&spans, Some(30), None), [(30, None, 0, 0, 0)]);
    }

    #[test]
    fn limits_that_change_make_steps_after_the_first() {
        let spans = Spans { spans: vec![span(&[5, LASTS, LASTS, 4, 0])], changes: vec![1, 7], ..Spans::default() };
        let times: Vec<i64> = walked(&spans).iter().map(|step| step.time).collect();
        assert_eq!(times, [5, 7]);
    }

    #[test]
    fn parts_put_together_are_the_whole() {
        let keyed =
            |n: i64| Span { key: 1 + (n as u128) % 20, ..span(&[n * 7 % 31, n * 7 % 31 + n, n * 7 % 31 + 2 * n, n % 5, 0]) };
        let all: Vec<Span> = (0..50).map(keyed).collect();
        let mut whole = Spans::default();
        for part in all.chunks(7) {
            let mut spans = Spans { to: Some(60), changes: vec![9], ..Spans::default() };
            part.iter().for_each(|span| spans.add(*span, None));
            let mut part = spans;
            let state: Vec<ArrayRef> = part.state().unwrap().iter().map(|state| state.to_array().unwrap()).collect();
            whole.merge_batch(&state).unwrap();
        }
        let mut direct = Spans { to: Some(60), changes: vec![9], ..Spans::default() };
        all.iter().for_each(|span| direct.add(*span, None));
        assert_eq!(direct.spans.len(), 20);
        assert_eq!(walked(&whole), walked(&direct));
    }
}
