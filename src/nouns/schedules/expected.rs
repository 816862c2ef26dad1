//! Expected starts of a regular caller, and what happened to them.

use crate::micros::MINUTE;
use crate::nouns::launches::fold::{Launch, Outcome};
use crate::nouns::launches::series::{Attempt, Series};

/// Records are delivered minutes after the call, so an expected start this close to the end without a record is not
/// reported yet.
const DELIVERED_WITHIN: i64 = 20 * MINUTE;

/// The outcome of an expected start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It started on time, at the first attempt.
    Started,
    /// It started, but later than the schedule allows.
    Late,
    /// A retry started it.
    Healed,
    /// It never ran.
    Missed,
}

impl State {
    /// The value in the query language.
    pub fn word(self) -> &'static str {
        match self {
            State::Started => "started",
            State::Late => "late",
            State::Healed => "healed",
            State::Missed => "missed",
        }
    }
}

/// An expected start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The expected time.
    pub at: i64,
    /// The outcome.
    pub state: State,
    /// The launch for this start; none = no record.
    pub launch: Option<usize>,
    /// When it ran.
    pub started_at: Option<i64>,
    /// The call that placed its tasks.
    pub placed_by: Option<usize>,
    /// When the schedule ran before, if it missed this start.
    pub previous_run: Option<i64>,
    /// When the schedule ran next, if it missed this start.
    pub next_run: Option<i64>,
    /// The first call outside of schedules between this start and the next run, if this one was missed.
    pub rerun: Option<usize>,
}

impl Expected {
    fn of(at: i64, state: State) -> Self {
        let (launch, started_at, placed_by) = (None, None, None);
        Expected { at, state, launch, started_at, placed_by, previous_run: None, next_run: None, rerun: None }
    }
}

/// The attempts outside of schedules that placed all their tasks, with their times, in order: each may do the work of a start
/// that a schedule missed. Retries of a scheduled start do the work of that start.
pub fn unscheduled(series: &[Series], attempts: &[Attempt<'_>], launches: &[Launch], launch_of: &[usize]) -> Vec<(i64, usize)> {
    let irregular = series.iter().filter(|series| series.schedule.is_none());
    let mut places: Vec<usize> = irregular.flat_map(|series| series.members.iter().copied()).collect();
    places.sort_unstable();
    let placed = |place: usize| {
        let attempt = attempts.get(place).filter(|attempt| !attempt.failed && attempt.asked > attempt.missing)?;
        let launch = launch_of.get(place).and_then(|launch| launches.get(*launch));
        launch.is_none_or(|launch| !launch.regular).then_some((attempt.time, place))
    };
    places.into_iter().filter_map(placed).collect()
}

/// The expected starts of a caller up to a time, in order. `unscheduled` has the attempts outside of schedules.
pub fn expected(
    series: &Series,
    attempts: &[Attempt<'_>],
    launches: &[Launch],
    launch_of: &[usize],
    unscheduled: &[(i64, usize)],
    until: i64,
) -> Vec<Expected> {
    let mut found = Vec::with_capacity(series.slots.len());
    for (slot, (at, start)) in series.slots.iter().zip(&series.starts).enumerate() {
        let index = start.and_then(|place| launch_of.get(place)).copied();
        let launch = index.and_then(|index| launches.get(index));
        let Some((launch, first)) = launch.and_then(|launch| Some((launch, attempts.get(*launch.attempts.first()?)?))) else {
            if at.saturating_add(DELIVERED_WITHIN) <= until {
                found.push(Expected::of(*at, State::Missed));
            }
            continue;
        };
        let outcome = launch.outcome();
        let placed_by = match outcome {
            Outcome::Started => launch.attempts.first().copied(),
            Outcome::Healed => launch.healed_by,
            Outcome::Lost => None,
        };
        let (state, started_at) = match outcome {
            Outcome::Started if first.time - at > series.late(slot) => (State::Late, Some(first.time)),
            Outcome::Started => (State::Started, Some(first.time)),
            Outcome::Healed => {
                let healed = placed_by.and_then(|place| attempts.get(place));
                (State::Healed, healed.map(|attempt| attempt.time))
            }
            Outcome::Lost => (State::Missed, None),
        };
        found.push(Expected { launch: index, started_at, placed_by, ..Expected::of(*at, state) });
    }
    runs_around(&mut found, unscheduled);
    found
}

/// Adds to each missed start the runs before and after it.
fn runs_around(starts: &mut [Expected], unscheduled: &[(i64, usize)]) {
    let mut previous = None;
    for start in starts.iter_mut() {
        if start.started_at.is_some() {
            previous = start.started_at;
            continue;
        }
        let before = unscheduled.get(..unscheduled.partition_point(|(time, _)| *time < start.at)).and_then(<[_]>::last);
        start.previous_run = previous.max(before.map(|(time, _)| *time));
    }
    let mut next = None;
    for start in starts.iter_mut().rev() {
        if start.started_at.is_some() {
            next = start.started_at;
            continue;
        }
        start.next_run = next;
        let first = unscheduled.partition_point(|(time, _)| *time < start.at);
        let rerun = unscheduled.get(first).filter(|(time, _)| next.is_none_or(|next| *time < next));
        start.rerun = rerun.map(|(_, place)| *place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_start_knows_the_runs_around_it() {
        let ran = |at: i64| Expected { started_at: Some(at + 1), ..Expected::of(at, State::Started) };
        let missed = |at: i64| Expected::of(at, State::Missed);
        let mut starts = [missed(0), ran(10), missed(20), missed(30), ran(40), missed(50)];
        // The one at 5 is before a run, the one at 35 after the first start that was missed, and the one at 45 before a missed one.
        runs_around(&mut starts, &[(5, 0), (35, 1), (45, 2), (60, 3)]);
        let around = starts.map(|start| (start.previous_run, start.next_run, start.rerun));
        assert_eq!(
            around,
            [
                (None, Some(11), Some(0)),
                (None, None, None),
                (Some(11), Some(41), Some(1)),
                (Some(11), Some(41), Some(1)),
                (None, None, None),
                (Some(45), None, Some(3)),
            ]
        );
    }
}
