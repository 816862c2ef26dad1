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
use crate::plan::sweep::index::NONE;

/// Rows of a batch.
const ROWS: usize = 8192;
/// Ids that stand beside all steps of a pool; where it would be more, a step has at most [`FEW_IDS`].
const MOST_IDS: usize = 250_000;
/// Ids that stand beside a step of a pool with many, unless it is a peak.
const FEW_IDS: usize = 100;

/// What a span takes of its pool, in one word, for millions of them are sorted: its units; whether it is a task (a demand
/// of unknown size is none); and whether it was never seen to end.
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

/// Something happens to a span.
#[derive(Debug, Clone, Copy)]
struct Edge<T> {
    time: i64,
    what: T,
}

/// Edges of one kind, in the order of time: begins come nearly so, and all kinds are merged on the way.
#[derive(Debug)]
struct Edges<T> {
    list: Vec<Edge<T>>,
    /// The next one.
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

    /// Sorts them: what is in order already is only merged.
    fn sort(&mut self) {
        self.list.sort_by_key(|edge| edge.time);
    }

    /// When the next one is; the last instant where there is none.
    fn time(&self) -> i64 {
        self.list.get(self.at).map_or(i64::MAX, |edge| edge.time)
    }

    /// What the next one is of, if that is at this instant.
    fn next_at(&mut self, time: i64) -> Option<T> {
        let edge = self.list.get(self.at).filter(|edge| edge.time == time)?;
        self.at += 1;
        Some(edge.what)
    }
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
    fn begin(&mut self, taken: Taken) {
        self.used = self.used.saturating_add(taken.units());
        self.lower = self.lower.saturating_add(taken.units());
        self.tasks += taken.tasks();
        self.open += taken.open();
    }

    /// Its containers stop.
    fn stop(&mut self, taken: Taken) {
        self.lower = self.lower.saturating_sub(taken.units());
    }

    fn end(&mut self, taken: Taken) {
        self.used = self.used.saturating_sub(taken.units());
        self.tasks -= taken.tasks();
    }
}

/// A row that waits to become one of a batch.
#[derive(Debug, Clone, Copy)]
struct Step {
    pool: u32,
    time: i64,
    until: i64,
    level: Level,
}

/// The steps of some pools.
pub struct Walk {
    sweep: Arc<QuotaSteps>,
    whole: Arc<Whole>,
    /// Which of the pools that are shown are still to come.
    rest: Range<usize>,
    pool: u32,
    begins: Edges<Taken>,
    stops: Edges<Taken>,
    ends: Edges<Taken>,
    /// What more is refused from an instant on, or less: there is little of it.
    refused: Edges<i64>,
    /// The next change of a limit.
    change: usize,
    level: Level,
    steps: Vec<Step>,
    /// The records of the spans, where they are asked for, and by their places there when they begin and end.
    records: Vec<Arc<str>>,
    appear: Edges<u32>,
    vanish: Edges<u32>,
    active: BTreeSet<(Arc<str>, u32)>,
    ids: ListBuilder<StringBuilder>,
    listed: Listed,
}

/// Which steps of a pool name every record.
#[derive(Debug, Clone, Copy)]
enum Listed {
    All,
    /// Those at which most is used, and most is needed, for the first time.
    Peaks([Option<i64>; 2]),
}

/// What a walk over all steps of a pool finds.
#[derive(Debug, Default)]
struct Survey {
    /// The steps inside the window at which most is used, and most is needed, for the first time.
    peaks: [Option<Step>; 2],
    /// How many ids it takes to name the records of all steps.
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
    /// The steps of the pools of one piece.
    pub fn new(sweep: Arc<QuotaSteps>, whole: Arc<Whole>, piece: usize) -> Walk {
        let rest = whole.pieces.get(piece).cloned().unwrap_or(0..0);
        let change = sweep.changes.len();
        Walk {
            sweep,
            whole,
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

    /// Goes to the next pool; false when there is none.
    fn next_pool(&mut self) -> bool {
        let Some(pool) = self.rest.next().and_then(|place| self.whole.shown.get(place).copied()) else { return false };
        self.pool = pool;
        self.records.clear();
        self.active.clear();
        [&mut self.begins, &mut self.stops, &mut self.ends].into_iter().for_each(Edges::clear);
        [&mut self.appear, &mut self.vanish].into_iter().for_each(Edges::clear);
        self.refused.clear();
        let (whole, sweep) = (Arc::clone(&self.whole), Arc::clone(&self.sweep));
        let resource = whole.pools.get(pool).map_or(0, |pool| pool.resource);
        for share in &whole.shares {
            for row in share.spans(pool) {
                let Some((task, size)) = share.used(*row) else { continue };
                let units = units(&sweep, resource, size);
                let id = || share.uses.ids.get(*row as usize).cloned();
                self.add((task.start, task.early, task.end), (units, 0), task.named || units > 0, id);
            }
        }
        for row in whole.others(pool) {
            let Some(other) = whole.part.others.get(*row as usize) else { continue };
            self.add(other.times.span(), (other.units, other.refused), other.units > 0, || other.id.clone());
        }
        [&mut self.begins, &mut self.stops, &mut self.ends].into_iter().for_each(Edges::sort);
        [&mut self.appear, &mut self.vanish].into_iter().for_each(Edges::sort);
        self.refused.sort();
        if sweep.only_peaks {
            self.rewind();
            self.tell_peaks();
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

    /// Tells the peaks of this pool, in the order of time, and nothing else.
    fn tell_peaks(&mut self) {
        if self.refused.list.is_empty() && self.sweep.changes.is_empty() {
            // As much is needed as is used.
            self.steps.extend(self.highest());
            // All of them are done with.
            [&mut self.begins, &mut self.ends].into_iter().for_each(|edges| edges.at = edges.list.len());
            return;
        }
        let Survey { peaks: [used, needed], .. } = self.survey();
        let needed = needed.filter(|needed| used.is_none_or(|used| used.time != needed.time));
        let told = self.steps.len();
        self.steps.extend(used.into_iter().chain(needed));
        self.steps.get_mut(told..).unwrap_or_default().sort_by_key(|step| step.time);
    }

    /// Goes to where nothing has happened yet.
    fn rewind(&mut self) {
        self.level = Level::default();
        [&mut self.begins, &mut self.stops, &mut self.ends].into_iter().for_each(|edges| edges.at = 0);
        [&mut self.appear, &mut self.vanish].into_iter().for_each(|edges| edges.at = 0);
        self.refused.at = 0;
        let first = self.begins.time();
        self.change = self.sweep.changes.partition_point(|change| *change <= first);
    }

    /// Goes over all steps of this pool, to its end.
    fn survey(&mut self) -> Survey {
        let mut survey = Survey::default();
        let mut time = self.next_time();
        while time < i64::MAX {
            self.step(time);
            let until = self.next_time();
            if self.is_told(time, until) {
                let step = Step { pool: self.pool, time, until, level: self.level };
                survey.see(step, self.begins.at.saturating_sub(self.ends.at));
            }
            time = until;
        }
        survey
    }

    /// The step inside the window at which most is used for the first time, where nothing is refused and no limit
    /// changes. Whether something begins or ends next is seldom foreseen: it is computed with, not decided on.
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
            if time < until && highest.is_none_or(|highest| used > highest.level.used) && self.is_told(time, until) {
                let level = Level { used, ..Level::default() };
                highest = Some(Step { pool: self.pool, time, until, level });
            }
        }
    }

    /// Adds a span; one without length counts for nothing.
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
        // No peak is where containers stop; the lower bound, which this leaves too high, is not looked at.
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

    /// When something happens next; the last instant where nothing does.
    fn next_time(&self) -> i64 {
        let edges = self.begins.time().min(self.stops.time()).min(self.ends.time());
        self.sweep.changes.get(self.change).map_or(edges, |change| edges.min(*change))
    }

    /// Tells the steps of this pool that are inside the window, until a batch is full.
    fn walk(&mut self) {
        let mut time = self.next_time();
        while time < i64::MAX {
            self.step(time);
            let until = self.next_time();
            if self.is_told(time, until) {
                self.tell(time, until);
                if self.steps.len() >= ROWS {
                    return;
                }
            }
            time = until;
        }
    }

    /// Whether a step is inside the window.
    fn is_told(&self, time: i64, until: i64) -> bool {
        self.sweep.from.is_none_or(|from| until > from) && self.sweep.to.is_none_or(|to| time < to)
    }

    /// All that happens at an instant.
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
        // A limit changes: the level stays.
        if self.sweep.changes.get(self.change) == Some(&time) {
            self.change += 1;
        }
    }

    fn tell(&mut self, time: i64, until: i64) {
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

    /// What was told so far as a batch.
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
                    take(self.whole.columns.column(place), &pools, None)?
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
            let resource = self.whole.pools.get(step.pool).map_or(0, |pool| pool.resource);
            units(&step.level) as f64 / scale(resource)
        };
        Arc::new(Float64Array::from_iter_values(self.steps.iter().map(amount)))
    }
}

/// What a task of a size uses of a resource.
fn units(sweep: &QuotaSteps, resource: u8, (cpu, memory): Size) -> i64 {
    match resource {
        VCPU | VCPU_SPOT | CPU if cpu == i64::MIN => 0,
        VCPU | VCPU_SPOT => sweep.quotas.task_units(cpu),
        CPU => cpu,
        MEMORY => memory,
        _ => 1,
    }
}

/// What one unit of a resource is, in the units of its spans.
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

/// A text of a list.
pub fn item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Utf8, true))
}

fn ids() -> ListBuilder<StringBuilder> {
    ListBuilder::new(StringBuilder::new()).with_field(item())
}
