//! The steps of the sum of the spans of each pool, as batches of rows.
//!
//! What ends at an instant ends before what starts there, and a span without length counts for nothing.
//! There is one step for each instant at which a span starts or ends and for each change of a limit after
//! the first; those wholly outside the window are left out, the one in force where it begins is not. All
//! sums are of whole numbers, so any order of rows gives the same steps.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, ListBuilder, StringBuilder, TimestampMicrosecondArray, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::Result;

use super::pools::Whole;
use super::span::Size;
use super::{CPU, MEMORY, POOL_COLUMNS, PRICE, QuotaSteps, VCPU, VCPU_SPOT};

/// Rows of a batch.
const ROWS: usize = 8192;
/// Ids that stand beside one step.
const MOST_IDS: usize = 100;

/// What a span does at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Begins,
    EndsEarly,
    /// Its containers were still running.
    Ends,
    /// Its containers had stopped.
    EndsAtLast,
    /// A limit changes: the level stays.
    Nothing,
}

/// What happens at an instant.
#[derive(Debug, Clone, Copy)]
struct Edge {
    time: i64,
    units: i64,
    refused: i64,
    /// The span, by its place in the pool.
    span: u32,
    change: Change,
    /// Whether it is a task: a demand of unknown size is none.
    task: bool,
    open: bool,
}

/// What holds at an instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Level {
    used: i64,
    lower: i64,
    refused: i64,
    tasks: i64,
    open: i64,
}

impl Level {
    fn add(&mut self, edge: &Edge) {
        let sign: i64 = match edge.change {
            Change::Begins => 1,
            Change::Ends | Change::EndsAtLast => -1,
            Change::EndsEarly => {
                self.lower = self.lower.saturating_sub(edge.units);
                return;
            }
            Change::Nothing => return,
        };
        self.used = self.used.saturating_add(sign.saturating_mul(edge.units));
        self.refused = self.refused.saturating_add(sign.saturating_mul(edge.refused));
        if edge.change != Change::EndsAtLast {
            self.lower = self.lower.saturating_add(sign.saturating_mul(edge.units));
        }
        self.tasks += sign * i64::from(edge.task);
        self.open += sign * i64::from(edge.open);
    }
}

/// Rows that wait to become a batch.
#[derive(Debug)]
struct Steps {
    pools: Vec<u32>,
    times: Vec<i64>,
    untils: Vec<i64>,
    used: Vec<f64>,
    lower: Vec<f64>,
    refused: Vec<f64>,
    tasks: Vec<i64>,
    open: Vec<i64>,
    ids: Option<ListBuilder<StringBuilder>>,
}

impl Steps {
    /// Room for a batch, with ids or without.
    fn new(with_ids: bool) -> Steps {
        Steps {
            pools: Vec::with_capacity(ROWS),
            times: Vec::with_capacity(ROWS),
            untils: Vec::with_capacity(ROWS),
            used: Vec::with_capacity(ROWS),
            lower: Vec::with_capacity(ROWS),
            refused: Vec::with_capacity(ROWS),
            tasks: Vec::with_capacity(ROWS),
            open: Vec::with_capacity(ROWS),
            ids: with_ids.then(ids),
        }
    }
}

/// The steps of some pools.
pub struct Walk {
    sweep: Arc<QuotaSteps>,
    whole: Arc<Whole>,
    /// Which of the pools that are shown are still to come.
    rest: Range<usize>,
    pool: u32,
    /// What one unit of the pool is, in the units of its spans.
    scale: f64,
    edges: Vec<Edge>,
    /// The next edge.
    at: usize,
    level: Level,
    active: BTreeSet<(Arc<str>, u32)>,
    steps: Steps,
}

impl Walk {
    /// The steps of the pools of one output.
    pub fn new(sweep: Arc<QuotaSteps>, whole: Arc<Whole>, output: usize) -> Walk {
        let rest = whole.shares.get(output).cloned().unwrap_or(0..0);
        let steps = Steps::new(sweep.with_ids);
        Walk {
            sweep,
            whole,
            rest,
            pool: 0,
            scale: 1.0,
            edges: Vec::new(),
            at: 0,
            level: Level::default(),
            active: BTreeSet::new(),
            steps,
        }
    }

    /// Goes to the next pool; false when there is none.
    fn next_pool(&mut self) -> bool {
        let Some(pool) = self.rest.next().and_then(|place| self.whole.shown.get(place).copied()) else { return false };
        let resource = self.whole.pools.get(pool as usize).map_or(0, |pool| pool.resource);
        self.pool = pool;
        self.scale = match resource {
            VCPU | VCPU_SPOT => 1024.0,
            PRICE => 1_000_000.0,
            _ => 1.0,
        };
        (self.at, self.level) = (0, Level::default());
        self.active.clear();
        self.edges.clear();
        let whole = Arc::clone(&self.whole);
        let spans = whole.spans(pool);
        // Nearly every span has a begin and an end; few end early.
        self.edges.reserve(2 * spans.len());
        for (span, name) in (0..).zip(spans) {
            let (share, row) = whole.at(*name);
            let Some(uses) = whole.uses.get(share) else {
                if let Some(other) = whole.part.others.get(row as usize) {
                    self.add(span, other.times.span(), (other.units, other.refused), other.units > 0);
                }
                continue;
            };
            let Some(task) = uses.list.get(row as usize) else { continue };
            let units = self.units(resource, uses.sizes.get(task.size as usize).copied().unwrap_or_default());
            self.add(span, (task.start, task.early, task.end), (units, 0), task.named || units > 0);
        }
        if let Some(first) = self.edges.iter().map(|edge| edge.time).min() {
            let changes = self.sweep.changes.iter().filter(|change| **change > first);
            let edge = |time| Edge { time, units: 0, refused: 0, span: 0, change: Change::Nothing, task: false, open: false };
            self.edges.extend(changes.map(|time| edge(*time)));
        }
        self.edges.sort_unstable_by_key(|edge| edge.time);
        true
    }

    /// What a task of a size uses of a resource.
    fn units(&self, resource: u8, (cpu, memory): Size) -> i64 {
        match resource {
            VCPU | VCPU_SPOT | CPU if cpu == i64::MIN => 0,
            VCPU | VCPU_SPOT => self.sweep.quotas.task_units(cpu),
            CPU => cpu,
            MEMORY => memory,
            _ => 1,
        }
    }

    /// The edges of a span; none for one without length.
    fn add(&mut self, span: u32, (start, early, end): (i64, i64, i64), (units, refused): (i64, i64), task: bool) {
        if end <= start {
            return;
        }
        let begins = Edge { time: start, units, refused, span, change: Change::Begins, task, open: task && end == i64::MAX };
        self.edges.push(begins);
        if early < end {
            self.edges.push(Edge { time: early, change: Change::EndsEarly, ..begins });
        }
        if end < i64::MAX {
            let change = if early < end { Change::EndsAtLast } else { Change::Ends };
            self.edges.push(Edge { time: end, change, ..begins });
        }
    }

    /// Tells the steps of this pool that are inside the window, until a batch is full.
    fn walk(&mut self) {
        while let Some(time) = self.edges.get(self.at).map(|edge| edge.time) {
            while let Some(edge) = self.edges.get(self.at).filter(|edge| edge.time == time) {
                self.level.add(edge);
                if self.sweep.with_ids {
                    let active = (id(&self.whole, self.pool, edge.span), edge.span);
                    match edge.change {
                        Change::Begins => self.active.insert(active),
                        Change::Ends | Change::EndsAtLast => self.active.remove(&active),
                        Change::EndsEarly | Change::Nothing => false,
                    };
                }
                self.at += 1;
            }
            let until = self.edges.get(self.at).map(|edge| edge.time);
            let after = self.sweep.from.is_none_or(|from| until.is_none_or(|until| until > from));
            if after && self.sweep.to.is_none_or(|to| time < to) {
                self.tell(time, until);
                if self.steps.times.len() >= ROWS {
                    return;
                }
            }
        }
    }

    fn tell(&mut self, time: i64, until: Option<i64>) {
        let Level { used, lower, refused, tasks, open } = self.level;
        let amount = |units: i64| units as f64 / self.scale;
        let steps = &mut self.steps;
        steps.pools.push(self.pool);
        steps.times.push(time);
        steps.untils.push(until.unwrap_or(i64::MAX));
        steps.used.push(amount(used));
        steps.lower.push(amount(lower));
        steps.refused.push(amount(refused));
        steps.tasks.push(tasks);
        steps.open.push(open);
        if let Some(ids) = &mut steps.ids {
            self.active.iter().take(MOST_IDS).for_each(|(id, _)| ids.values().append_value(id));
            ids.append(true);
        }
    }

    /// What was told so far as a batch.
    fn batch(&mut self) -> Result<RecordBatch> {
        let mut steps = std::mem::replace(&mut self.steps, Steps::new(self.sweep.with_ids));
        let rows = steps.times.len();
        let pools = UInt32Array::from(std::mem::take(&mut steps.pools));
        let known: NullBuffer = steps.untils.iter().map(|until| *until != i64::MAX).collect();
        let known = Some(known).filter(|known| known.null_count() > 0);
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.sweep.schema.fields().len());
        for field in self.sweep.schema.fields() {
            let time = |times: TimestampMicrosecondArray| -> ArrayRef { Arc::new(times.with_timezone("UTC")) };
            columns.push(match field.name().as_str() {
                "time" => time(std::mem::take(&mut steps.times).into()),
                "ended_at" => time(TimestampMicrosecondArray::new(std::mem::take(&mut steps.untils).into(), known.clone())),
                "used" => Arc::new(Float64Array::from(std::mem::take(&mut steps.used))),
                "used_lower" => Arc::new(Float64Array::from(std::mem::take(&mut steps.lower))),
                "refused" => Arc::new(Float64Array::from(std::mem::take(&mut steps.refused))),
                "tasks" => Arc::new(Int64Array::from(std::mem::take(&mut steps.tasks))),
                "open_tasks" => Arc::new(Int64Array::from(std::mem::take(&mut steps.open))),
                "ids" => Arc::new(steps.ids.take().unwrap_or_else(self::ids).finish()),
                name => {
                    let place = POOL_COLUMNS.iter().position(|(known, _)| *known == name).unwrap_or(0);
                    take(self.whole.columns.column(place), &pools, None)?
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.sweep.schema), columns, &options)?)
    }
}

impl Iterator for Walk {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.at < self.edges.len() {
                self.walk();
            }
            if self.steps.times.len() >= ROWS {
                return Some(self.batch());
            }
            if !self.next_pool() {
                break;
            }
        }
        (!self.steps.times.is_empty()).then(|| self.batch())
    }
}

/// The id of the record of a span.
fn id(whole: &Whole, pool: u32, span: u32) -> Arc<str> {
    let name = whole.spans(pool).get(span as usize).copied().unwrap_or_default();
    let (share, row) = whole.at(name);
    let id = match whole.part.shards.get(share) {
        Some(shard) => shard.ids.as_ref().and_then(|ids| ids.get(row)).cloned(),
        None => whole.part.others.get(row as usize).and_then(|other| other.id.clone()),
    };
    id.unwrap_or_else(|| "".into())
}

/// A text of a list.
pub fn item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Utf8, true))
}

fn ids() -> ListBuilder<StringBuilder> {
    ListBuilder::new(StringBuilder::new()).with_field(item())
}
