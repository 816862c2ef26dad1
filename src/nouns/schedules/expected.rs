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
}

/// The expected starts of a caller up to a time, in order.
pub fn expected(
    series: &Series,
    attempts: &[Attempt<'_>],
    launches: &[Launch],
    launch_of: &[usize],
    until: i64,
) -> Vec<Expected> {
    let mut found = Vec::with_capacity(series.slots.len());
    for (slot, (at, start)) in series.slots.iter().zip(&series.starts).enumerate() {
        let index = start.and_then(|place| launch_of.get(place)).copied();
        let launch = index.and_then(|index| launches.get(index));
        let Some((launch, first)) = launch.and_then(|launch| Some((launch, attempts.get(*launch.attempts.first()?)?))) else {
            if at.saturating_add(DELIVERED_WITHIN) <= until {
                found.push(Expected { at: *at, state: State::Missed, launch: None, started_at: None, placed_by: None });
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
        found.push(Expected { at: *at, state, launch: index, started_at, placed_by });
    }
    found
}
