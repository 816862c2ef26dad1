//! Computes the usage of each pool as a step function, in batches of rows.
//!
//! Intervals that end at an instant end before those that start there, and empty intervals are ignored. There is one
//! step per instant at which an interval starts or ends, and per change of a limit after the first. Steps entirely
//! outside the window are omitted, but the one in force at the start of the window is included. All sums are of whole
//! numbers, so the steps do not depend on the order of rows.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, ListBuilder, StringBuilder, TimestampMicrosecondArray, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::Result;

use super::pools::FinalState;
use super::task_interval::Size;
use super::{CPU, MEMORY, POOL_COLUMNS, PRICE, QuotaSteps, VCPU, VCPU_SPOT};
use crate::engine::operators::index::NONE;

/// Rows per batch.
const ROWS: usize = 8192;
/// The maximum number of ids over all steps of a pool; beyond it, a step has at most [`FEW_IDS`].
const MOST_IDS: usize = 250_000;
/// The number of ids of a step of a very large pool, unless it is a peak.
const FEW_IDS: usize = 100;

/// The usage of an interval, packed into one word because millions are sorted: its units, whether it is a task
/// (demand of unknown size is not), and whether it has no recorded end.
#[derive(Debug, Clone, Copy)]
struct Taken(i64);

impl Taken {
    fn new(units: i64, task: bool, open: bool) -> Taken {
        const MOST: i64 = i64::MAX >> 2;
        Taken(units.clamp(-MOST, MOST) << 2 | i64::from(open) << 1 | i64::from(task))
    }

    fn units(self) -> i64 {
        self.0 >> 2
    }

    fn tasks(self) -> i64 {
        self.0 & 1
    }

    fn open(self) -> i64 {
        self.0 >> 1 & 1
    }
}

/// A change of an interval.
#[derive(Debug, Clone, Copy)]
struct Edge<T> {
    time: i64,
    what: T,
}

/// Edges of one kind, ordered by time. Starts arrive nearly sorted, and the kinds are merged while iterating.
#[derive(Debug)]
struct Edges<T> {
    list: Vec<Edge<T>>,
    /// The next edge.
    at: usize,
}

impl<T> Default for Edges<T> {
    fn default() -> Self {
        Edges { list: Vec::new(), at: 0 }
    }
}

impl<T: Copy> Edges<T> {
    fn push(&mut self, time: i64, what: T) {
        self.list.push(Edge { time, what });
    }

    fn clear(&mut self) {
        self.list.clear();
        self.at = 0;
    }

    /// Sorts the edges; sorted runs are only merged.
    fn sort(&mut self) {
        self.list.sort_by_key(|edge| edge.time);
    }

    /// The time of the next edge; the last instant if there is none.
    fn time(&self) -> i64 {
        self.list.get(self.at).map_or(i64::MAX, |edge| edge.time)
    }

    /// The interval of the next edge, if it is at this instant.
    fn next_at(&mut self, time: i64) -> Option<T> {
        let edge = self.list.get(self.at).filter(|edge| edge.time == time)?;
        self.at += 1;
        Some(edge.what)
    }
}

/// The totals at an instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Level {
    used: i64,
    lower: i64,
    refused: i64,
    tasks: i64,
    open: i64,
}

impl Level {
    fn begin(&mut self, taken: Taken) {
        self.used = self.used.saturating_add(taken.units());
        self.lower = self.lower.saturating_add(taken.units());
        self.tasks += taken.tasks();
        self.open += taken.open();
    }

    /// The containers of a task stop.
    fn stop(&mut self, taken: Taken) {
        self.lower = self.lower.saturating_sub(taken.units());
    }

    fn end(&mut self, taken: Taken) {
        self.used = self.used.saturating_sub(taken.units());
        self.tasks -= taken.tasks();
    }
}

/// A row that will be added to a batch.
#[derive(Debug, Clone, Copy)]
struct Step {
    pool: u32,
    time: i64,
    until: i64,
    level: Level,
}

/// Iterates over the steps of some pools.
pub struct Walk {
    sweep: Arc<QuotaSteps>,
    merged: Arc<FinalState>,
    /// The remaining pools.
    rest: Range<usize>,
    pool: u32,
    begins: Edges<Taken>,
    stops: Edges<Taken>,
    ends: Edges<Taken>,
    /// Changes of refused demand; there are few.
    refused: Edges<i64>,
    /// The next change of a limit.
    change: usize,
    level: Level,
    steps: Vec<Step>,
    /// The record ids of the intervals, if needed, and the indexes of their starts and ends.
    records: Vec<Arc<str>>,
    appear: Edges<u32>,
    vanish: Edges<u32>,
    active: BTreeSet<(Arc<str>, u32)>,
    ids: ListBuilder<StringBuilder>,
    listed: Listed,
}

/// Which steps of a pool list all records.
#[derive(Debug, Clone, Copy)]
enum Listed {
    All,
    /// The first steps with the peak of usage and with the peak of demand.
    Peaks([Option<i64>; 2]),
}

/// The result of iterating over all steps of a pool.
#[derive(Debug, Default)]
struct Survey {
    /// The first steps within the window with the peak of usage and with the peak of demand.
    peaks: [Option<Step>; 2],
    /// The number of ids needed to list the records of all steps.
    ids: usize,
}

impl Survey {
    fn see(&mut self, step: Step, ids: usize) {
        self.ids = self.ids.saturating_add(ids);
        let heights = [|level: Level| level.used, |level: Level| level.used.saturating_add(level.refused)];
        for (peak, height) in self.peaks.iter_mut().zip(heights) {
            if peak.is_none_or(|peak| height(step.level) > height(peak.level)) {
                *peak = Some(step);
            }
        }
    }
}

impl Walk {
    /// The steps of the pools of a chunk.
    pub fn new(sweep: Arc<QuotaSteps>, merged: Arc<FinalState>, chunk: usize) -> Walk {
        let rest = merged.chunks.get(chunk).cloned().unwrap_or(0..0);
        let change = sweep.changes.len();
        Walk {
            sweep,
            merged,
            rest,
            pool: 0,
            begins: Edges::default(),
            stops: Edges::default(),
            ends: Edges::default(),
            refused: Edges::default(),
            change,
            level: Level::default(),
            steps: Vec::with_capacity(ROWS),
            records: Vec::new(),
            appear: Edges::default(),
            vanish: Edges::default(),
            active: BTreeSet::new(),
            ids: ids(),
            listed: Listed::All,
        }
    }

    /// Moves to the next pool; false if there is none.
    fn next_pool(&mut self) -> bool {
        let Some(pool) = self.rest.next().and_then(|place| self.merged.shown.get(place).copied()) else { return false };
        self.pool = pool;
        self.records.clear();
        self.active.clear();
        [&mut self.begins, &mut self.stops, &mut self.ends].into_iter().for_each(Edges::clear);
        [&mut self.appear, &mut self.vanish].into_iter().for_each(Edges::clear);
        self.refused.clear();
        let (merged, sweep) = (Arc::clone(&self.merged), Arc::clone(&self.sweep));
        let resource = merged.pools.get(pool).map_or(0, |pool| pool.resource);
        for share in &merged.shares {
            for row in share.spans(pool) {
                let Some((task, size)) = share.used(*row) else { continue };
                let units = units(&sweep, resource, size);
                let id = || share.uses.ids.get(*row as usize).cloned();
                self.add((task.start, task.early, task.end), (units, 0), task.named || units > 0, id);
            }
        }
        for row in merged.others(pool) {
            let Some(other) = merged.partial.others.get(*row as usize) else { continue };
            self.add(other.times.span(), (other.units, other.refused), other.units > 0, || other.id.clone());
        }
        [&mut self.begins, &mut self.stops, &mut self.ends].into_iter().for_each(Edges::sort);
        [&mut self.appear, &mut self.vanish].into_iter().for_each(Edges::sort);
        self.refused.sort();
        if sweep.only_peaks {
            self.rewind();
            self.emit_peaks();
            return true;
        }
        self.rewind();
        if sweep.with_ids {
            let records = std::mem::take(&mut self.records);
            let Survey { peaks, ids } = self.survey();
            self.records = records;
            self.rewind();
            self.listed = if ids <= MOST_IDS { Listed::All } else { Listed::Peaks(peaks.map(|peak| peak.map(|peak| peak.time))) };
        }
        true
    }

    /// Returns only the peaks of this pool, ordered by time.
    fn emit_peaks(&mut self) {
        if self.refused.list.is_empty() && self.sweep.changes.is_empty() {
            // Without refusals, demand equals usage.
            self.steps.extend(self.highest());
            // Nothing else in this pool is needed.
            [&mut self.begins, &mut self.ends].into_iter().for_each(|edges| edges.at = edges.list.len());
            return;
        }
        let Survey { peaks: [used, needed], .. } = self.survey();
        let needed = needed.filter(|needed| used.is_none_or(|used| used.time != needed.time));
        let observed = self.steps.len();
        self.steps.extend(used.into_iter().chain(needed));
        self.steps.get_mut(observed..).unwrap_or_default().sort_by_key(|step| step.time);
    }

    /// Resets to the beginning.
    fn rewind(&mut self) {
        self.level = Level::default();
        [&mut self.begins, &mut self.stops, &mut self.ends].into_iter().for_each(|edges| edges.at = 0);
        [&mut self.appear, &mut self.vanish].into_iter().for_each(|edges| edges.at = 0);
        self.refused.at = 0;
        let first = self.begins.time();
        self.change = self.sweep.changes.partition_point(|change| *change <= first);
    }

    /// Iterates over all steps of this pool.
    fn survey(&mut self) -> Survey {
        let mut survey = Survey::default();
        let mut time = self.next_time();
        while time < i64::MAX {
            self.step(time);
            let until = self.next_time();
            if self.is_reported(time, until) {
                let step = Step { pool: self.pool, time, until, level: self.level };
                survey.see(step, self.begins.at.saturating_sub(self.ends.at));
            }
            time = until;
        }
        survey
    }

    /// The first step within the window with the peak of usage, for a pool without refusals or limit changes. Whether
    /// the next edge is a start or an end is hard to predict, so the code is branchless.
    fn highest(&self) -> Option<Step> {
        let after_all = Edge { time: i64::MAX, what: Taken::new(0, false, false) };
        let next = |edges: &Edges<Taken>, at: usize| edges.list.get(at).copied().unwrap_or(after_all);
        let (mut begun, mut ended, mut used) = (0, 0, 0_i64);
        let (mut begin, mut end) = (next(&self.begins, begun), next(&self.ends, ended));
        let mut highest: Option<Step> = None;
        loop {
            let begins = begin.time <= end.time;
            let time = if begins { begin.time } else { end.time };
            if time == i64::MAX {
                return highest;
            }
            used = used.saturating_add(if begins { begin.what.units() } else { -end.what.units() });
            begun += usize::from(begins);
            ended += usize::from(!begins);
            (begin, end) = (next(&self.begins, begun), next(&self.ends, ended));
            let until = begin.time.min(end.time);
            if time < until && highest.is_none_or(|highest| used > highest.level.used) && self.is_reported(time, until) {
                let level = Level { used, ..Level::default() };
                highest = Some(Step { pool: self.pool, time, until, level });
            }
        }
    }

    /// Adds an interval; empty intervals are ignored.
    fn add(
        &mut self,
        (start, early, end): (i64, i64, i64),
        (units, refused): (i64, i64),
        task: bool,
        id: impl FnOnce() -> Option<Arc<str>>,
    ) {
        if end <= start {
            return;
        }
        let lasts = end == i64::MAX;
        let taken = Taken::new(units, task, task && lasts);
        self.begins.push(start, taken);
        if !lasts {
            self.ends.push(end, taken);
        }
        // Containers stopping cannot cause a peak. The lower bound, which is too high here, is not used.
        let early = early.min(end);
        if early < i64::MAX && !self.sweep.only_peaks {
            self.stops.push(early, taken);
        }
        if refused != 0 {
            self.refused.push(start, refused);
            if !lasts {
                self.refused.push(end, refused.saturating_neg());
            }
        }
        if self.sweep.with_ids {
            let span = u32::try_from(self.records.len()).unwrap_or(NONE);
            self.records.push(id().unwrap_or_else(|| "".into()));
            self.appear.push(start, span);
            if !lasts {
                self.vanish.push(end, span);
            }
        }
    }

    /// The time of the next change; the last instant if there is none.
    fn next_time(&self) -> i64 {
        let edges = self.begins.time().min(self.stops.time()).min(self.ends.time());
        self.sweep.changes.get(self.change).map_or(edges, |change| edges.min(*change))
    }

    /// Returns the steps of this pool within the window, until a batch is full.
    fn walk(&mut self) {
        let mut time = self.next_time();
        while time < i64::MAX {
            self.step(time);
            let until = self.next_time();
            if self.is_reported(time, until) {
                self.emit(time, until);
                if self.steps.len() >= ROWS {
                    return;
                }
            }
            time = until;
        }
    }

    /// Whether a step is within the window.
    fn is_reported(&self, time: i64, until: i64) -> bool {
        self.sweep.from.is_none_or(|from| until > from) && self.sweep.to.is_none_or(|to| time < to)
    }

    /// Applies all changes at an instant.
    fn step(&mut self, time: i64) {
        while let Some(taken) = self.begins.next_at(time) {
            self.level.begin(taken);
        }
        while let Some(taken) = self.stops.next_at(time) {
            self.level.stop(taken);
        }
        while let Some(taken) = self.ends.next_at(time) {
            self.level.end(taken);
        }
        while let Some(refused) = self.refused.next_at(time) {
            self.level.refused = self.level.refused.saturating_add(refused);
        }
        while let Some(span) = self.appear.next_at(time) {
            self.records.get(span as usize).into_iter().for_each(|id| _ = self.active.insert((Arc::clone(id), span)));
        }
        while let Some(span) = self.vanish.next_at(time) {
            self.records.get(span as usize).into_iter().for_each(|id| _ = self.active.remove(&(Arc::clone(id), span)));
        }
        // A change of the limit does not change the usage.
        if self.sweep.changes.get(self.change) == Some(&time) {
            self.change += 1;
        }
    }

    fn emit(&mut self, time: i64, until: i64) {
        self.steps.push(Step { pool: self.pool, time, until, level: self.level });
        if self.sweep.with_ids {
            let most = match self.listed {
                Listed::Peaks(peaks) if !peaks.contains(&Some(time)) => FEW_IDS,
                _ => usize::MAX,
            };
            self.active.iter().take(most).for_each(|(id, _)| self.ids.values().append_value(id));
            self.ids.append(true);
        }
    }

    /// The collected rows as a batch.
    fn batch(&mut self) -> Result<RecordBatch> {
        let pools = UInt32Array::from_iter_values(self.steps.iter().map(|step| step.pool));
        let ids: ArrayRef = Arc::new(self.ids.finish());
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.sweep.schema.fields().len());
        for field in self.sweep.schema.fields() {
            columns.push(match field.name().as_str() {
                "time" => self.times(|step| step.time, None),
                "ended_at" => {
                    let known: NullBuffer = self.steps.iter().map(|step| step.until != i64::MAX).collect();
                    self.times(|step| step.until, Some(known).filter(|known| known.null_count() > 0))
                }
                "used" => self.amounts(|level| level.used),
                "used_lower" => self.amounts(|level| level.lower),
                "refused" => self.amounts(|level| level.refused),
                "tasks" => self.counts(|level| level.tasks),
                "open_tasks" => self.counts(|level| level.open),
                "ids" => Arc::clone(&ids),
                name => {
                    let place = POOL_COLUMNS.iter().position(|(known, _)| *known == name).unwrap_or(0);
                    take(self.merged.columns.column(place), &pools, None)?
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.steps.len()));
        self.steps.clear();
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.sweep.schema), columns, &options)?)
    }

    fn times(&self, time: impl Fn(&Step) -> i64, known: Option<NullBuffer>) -> ArrayRef {
        let times: Vec<i64> = self.steps.iter().map(time).collect();
        Arc::new(TimestampMicrosecondArray::new(times.into(), known).with_timezone("UTC"))
    }

    fn counts(&self, count: impl Fn(&Level) -> i64) -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(self.steps.iter().map(|step| count(&step.level))))
    }

    fn amounts(&self, units: impl Fn(&Level) -> i64) -> ArrayRef {
        let amount = |step: &Step| {
            let resource = self.merged.pools.get(step.pool).map_or(0, |pool| pool.resource);
            units(&step.level) as f64 / scale(resource)
        };
        Arc::new(Float64Array::from_iter_values(self.steps.iter().map(amount)))
    }
}

/// The usage of a resource by a task with a size.
fn units(sweep: &QuotaSteps, resource: u8, (cpu, memory): Size) -> i64 {
    match resource {
        VCPU | VCPU_SPOT | CPU if cpu == i64::MIN => 0,
        VCPU | VCPU_SPOT => sweep.quotas.task_units(cpu),
        CPU => cpu,
        MEMORY => memory,
        _ => 1,
    }
}

/// The size of one unit of a resource, in the units of its intervals.
fn scale(resource: u8) -> f64 {
    match resource {
        VCPU | VCPU_SPOT => 1024.0,
        PRICE => 1_000_000.0,
        _ => 1.0,
    }
}

impl Iterator for Walk {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.walk();
            if self.steps.len() >= ROWS {
                return Some(self.batch());
            }
            if !self.next_pool() {
                break;
            }
        }
        (!self.steps.is_empty()).then(|| self.batch())
    }
}

/// A string of a list.
pub fn item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Utf8, true))
}

fn ids() -> ListBuilder<StringBuilder> {
    ListBuilder::new(StringBuilder::new()).with_field(item())
}
