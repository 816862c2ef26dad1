//! `fold_attempts(…)` and `expected_starts(…)`: combine the attempts of a cluster and family into launches, and
//! compare them with the schedules of their callers.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, StringViewArray};
use datafusion::common::Result;
use datafusion::logical_expr::WindowUDF;

use super::fold::{Launch, Outcome, fold};
use super::series::{Attempt, Series, series_of};
use crate::engine::functions::partition_function;
use crate::engine::functions::record::{
    Cell, Kind, Rows, flag, flags, list_type, lists, number, numbers, struct_type, text, texts,
};
use crate::nouns::schedules::expected::{expected, unscheduled};
use crate::nouns::schedules::schedule::Schedule;
use crate::nouns::zone;

/// The arguments of both functions, in order.
pub const ARGUMENTS: &[&str] = &[
    "id",
    "time",
    "started_by",
    "group",
    "user",
    "asked",
    "missing",
    "failed",
    "reason",
    "overrides",
    "anchor",
    "zone",
    "evidence",
];

/// The columns for the launch of each attempt.
const LAUNCH: &[(&str, Kind)] = &[
    ("launch", Kind::Text),
    ("nth", Kind::Int),
    ("attempts", Kind::Int),
    ("failures", Kind::Int),
    ("outcome", Kind::Text),
    ("healed_by", Kind::Text),
    ("healed_at", Kind::Time),
    ("lost_at", Kind::Time),
    ("delay", Kind::Float),
    ("missing", Kind::Int),
    ("reason", Kind::Text),
    ("regular", Kind::Bool),
    ("evidence", Kind::Texts),
];

/// The columns for each expected start.
const EXPECTED: &[(&str, Kind)] = &[
    ("expected_at", Kind::Time),
    ("state", Kind::Text),
    ("reason", Kind::Text),
    ("frequency", Kind::Text),
    ("started_at", Kind::Time),
    ("placed_by", Kind::Text),
    ("launch", Kind::Text),
    ("previous_run", Kind::Time),
    ("next_run", Kind::Time),
    ("rerun", Kind::Text),
    ("rerun_at", Kind::Time),
    ("evidence", Kind::Texts),
];

/// The columns for each caller: whether it is regular, and its expected starts.
const CALLER: &[(&str, Kind)] = &[("regular", Kind::Bool)];

/// The window functions over the attempts of a cluster and family.
pub fn functions() -> [WindowUDF; 3] {
    [fold_attempts_function(), expected_starts_function(), regular_caller_function()]
}

/// The launch of each attempt.
fn fold_attempts_function() -> WindowUDF {
    partition_function("fold_attempts", ARGUMENTS.len(), struct_type(LAUNCH), fold_attempts)
}

/// The expected starts of each regular caller, on the row of its first attempt; missing elsewhere.
fn expected_starts_function() -> WindowUDF {
    partition_function("expected_starts", ARGUMENTS.len(), list_type(EXPECTED), expected_starts)
}

/// Whether a caller is regular, on the row of its first attempt; missing elsewhere.
fn regular_caller_function() -> WindowUDF {
    partition_function("regular_caller", ARGUMENTS.len(), struct_type(CALLER), regular_caller)
}

/// The columns of a partition of attempts.
struct Columns {
    ids: StringViewArray,
    times: Int64Array,
    started_by: StringViewArray,
    groups: StringViewArray,
    users: StringViewArray,
    asked: Int64Array,
    missing: Int64Array,
    failed: BooleanArray,
    reasons: StringViewArray,
    overrides: StringViewArray,
    anchors: Int64Array,
    zones: StringViewArray,
    /// Whether launches name their attempts.
    evidence: bool,
}

impl Columns {
    fn read(values: &[ArrayRef]) -> Result<Self> {
        Ok(Columns {
            ids: texts(values, 0)?,
            times: numbers(values, 1)?,
            started_by: texts(values, 2)?,
            groups: texts(values, 3)?,
            users: texts(values, 4)?,
            asked: numbers(values, 5)?,
            missing: numbers(values, 6)?,
            failed: flags(values, 7)?,
            reasons: texts(values, 8)?,
            overrides: texts(values, 9)?,
            anchors: numbers(values, 10)?,
            zones: texts(values, 11)?,
            evidence: flag(&flags(values, 12)?, 0) == Some(true),
        })
    }

    fn attempts(&self) -> Vec<Attempt<'_>> {
        let attempt = |row: usize| Attempt {
            id: text(&self.ids, row).unwrap_or_default(),
            time: number(&self.times, row).unwrap_or_default(),
            started_by: text(&self.started_by, row),
            group: text(&self.groups, row),
            user: text(&self.users, row),
            asked: number(&self.asked, row).unwrap_or(1),
            missing: number(&self.missing, row).unwrap_or(0),
            failed: flag(&self.failed, row).unwrap_or(false),
            reason: text(&self.reasons, row),
            overrides: text(&self.overrides, row),
        };
        (0..self.ids.len()).map(attempt).collect()
    }

    /// Up to when starts are expected.
    fn until(&self) -> i64 {
        self.anchors.iter().next().flatten().unwrap_or(i64::MIN)
    }

    /// The callers, and the caller of each attempt.
    fn series(&self, attempts: &[Attempt<'_>]) -> (Vec<Series>, Vec<usize>) {
        let zones = zone::tried(self.zones.iter().next().flatten().unwrap_or_default());
        series_of(attempts, &zones, self.until())
    }
}

/// The analysis of a partition.
struct Worked<'c> {
    attempts: Vec<Attempt<'c>>,
    series: Vec<Series>,
    launches: Vec<Launch>,
    launch_of: Vec<usize>,
    until: i64,
}

fn work(columns: &Columns) -> Worked<'_> {
    let attempts = columns.attempts();
    let (series, series_of) = columns.series(&attempts);
    let (launches, launch_of) = fold(&attempts, &series, &series_of);
    Worked { attempts, series, launches, launch_of, until: columns.until() }
}

impl Worked<'_> {
    fn attempt(&self, place: usize) -> Option<&Attempt<'_>> {
        self.attempts.get(place)
    }

    fn ids(&self, launch: &Launch) -> Vec<&str> {
        launch.attempts.iter().filter_map(|place| Some(self.attempt(*place)?.id)).collect()
    }

    /// The calls before and after a start without a call, as evidence for the schedule.
    fn ids_around(&self, series: &Series, at: i64) -> Vec<&str> {
        let is_before = |place: &usize| self.attempt(*place).is_some_and(|attempt| attempt.time <= at);
        let next = series.members.partition_point(is_before);
        let around = next.checked_sub(1).into_iter().chain([next]);
        around.filter_map(|nth| Some(self.attempt(*series.members.get(nth)?)?.id)).collect()
    }

    fn reason(&self, launch: &Launch) -> Option<&str> {
        launch.attempts.iter().find_map(|place| self.attempt(*place)?.reason)
    }
}

fn fold_attempts(values: &[ArrayRef], _rows: usize) -> Result<ArrayRef> {
    let columns = Columns::read(values)?;
    let worked = work(&columns);
    let mut seen = vec![0usize; worked.launches.len()];
    let mut rows = Rows::new(LAUNCH, worked.attempts.len());
    for index in &worked.launch_of {
        let (Some(launch), Some(nth)) = (worked.launches.get(*index), seen.get_mut(*index)) else { continue };
        *nth += 1;
        rows.push(&launch_cells(&worked, launch, *nth, columns.evidence));
    }
    Ok(Arc::new(rows.finish()?))
}

fn launch_cells<'w>(worked: &'w Worked<'_>, launch: &Launch, nth: usize, evidence: bool) -> Vec<Cell<'w>> {
    let first = launch.attempts.first().and_then(|place| worked.attempt(*place));
    let healed = launch.healed_by.and_then(|place| worked.attempt(place));
    let delay = first.zip(healed).map(|(first, healed)| (healed.time - first.time) as f64 / 1e6);
    let lost = first.filter(|_| launch.outcome() == Outcome::Lost).map(|first| first.time);
    vec![
        first.map(|first| first.id).into(),
        nth.into(),
        launch.attempts.len().into(),
        launch.failures.into(),
        launch.outcome().word().into(),
        healed.map(|healed| healed.id).into(),
        healed.map(|healed| healed.time).into(),
        lost.into(),
        delay.into(),
        launch.missing.into(),
        worked.reason(launch).into(),
        launch.regular.into(),
        if nth == 1 && evidence { worked.ids(launch).into() } else { Cell::None },
    ]
}

fn expected_starts(values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    let columns = Columns::read(values)?;
    let worked = work(&columns);
    let mut slots = Rows::new(EXPECTED, rows);
    let mut lengths = vec![0usize; rows];
    let outside = unscheduled(&worked.series, &worked.attempts, &worked.launches, &worked.launch_of);
    // Lists are in row order, and series are in the order of their first attempts.
    for series in &worked.series {
        let (Some(first), Some(schedule)) = (series.members.first(), &series.schedule) else { continue };
        // A period has one name, but the times of a calendar change.
        let name = matches!(schedule, Schedule::Every(_)).then(|| schedule.name(0));
        let found = expected(series, &worked.attempts, &worked.launches, &worked.launch_of, &outside, worked.until);
        if let Some(length) = lengths.get_mut(*first) {
            *length = found.len();
        }
        for slot in found {
            let launch = slot.launch.and_then(|index| worked.launches.get(index));
            let id = launch.and_then(|launch| worked.attempt(*launch.attempts.first()?)).map(|attempt| attempt.id);
            let ids = match launch {
                _ if !columns.evidence => Vec::new(),
                Some(launch) => worked.ids(launch),
                None => worked.ids_around(series, slot.at),
            };
            let rerun = slot.rerun.and_then(|place| worked.attempt(place));
            slots.push(&[
                slot.at.into(),
                slot.state.word().into(),
                launch.and_then(|launch| worked.reason(launch)).into(),
                name.as_deref().map_or_else(|| schedule.name(slot.at), str::to_owned).into(),
                slot.started_at.into(),
                slot.placed_by.and_then(|place| worked.attempt(place)).map(|attempt| attempt.id).into(),
                id.into(),
                slot.previous_run.into(),
                slot.next_run.into(),
                rerun.map(|attempt| attempt.id).into(),
                rerun.map(|attempt| attempt.time).into(),
                ids.into(),
            ]);
        }
    }
    Ok(Arc::new(lists(EXPECTED, &lengths, slots)?))
}

fn regular_caller(values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    let columns = Columns::read(values)?;
    let (series, _) = columns.series(&columns.attempts());
    let first = |series: &Series| Some((*series.members.first()?, series.schedule.is_some()));
    let regular: BTreeMap<usize, bool> = series.iter().filter_map(first).collect();
    let mut structs = Rows::new(CALLER, rows);
    for row in 0..rows {
        let cell = regular.get(&row).map(|regular| Cell::Bool(*regular));
        structs.push(cell.as_slice());
    }
    Ok(Arc::new(structs.finish()?))
}
