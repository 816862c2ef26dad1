//! Recurring collisions: how often the starts of a caller hit agent disconnects, when, and how much more often than
//! by chance.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::classify::{Agent, Class, Met};
use super::connection::TOLERANCE;
use crate::micros::{DAY, HOUR, MINUTE};
use crate::nouns::schedules::schedule::{Start, infer};

/// Attempts during and outside of agent disconnects, with how many of them failed with AGENT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// Attempts during a disconnect, or close to one.
    pub inside: i64,
    /// Failed attempts inside.
    pub inside_failed: i64,
    /// Attempts while the agent was connected.
    pub outside: i64,
    /// Failed attempts outside.
    pub outside_failed: i64,
}

impl Rates {
    /// Counts an attempt.
    pub fn add(&mut self, inside: bool, failed: bool) {
        let (attempts, failures) = match inside {
            true => (&mut self.inside, &mut self.inside_failed),
            false => (&mut self.outside, &mut self.outside_failed),
        };
        *attempts += 1;
        *failures += i64::from(failed);
    }

    /// Adds other counts.
    pub fn join(&mut self, other: Rates) {
        self.inside += other.inside;
        self.inside_failed += other.inside_failed;
        self.outside += other.outside;
        self.outside_failed += other.outside_failed;
    }
}

/// A call of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallOf<'a> {
    /// Id of the call.
    pub id: &'a str,
    /// The time.
    pub time: i64,
    /// Whether it placed all requested tasks.
    pub accepted: bool,
    /// The instance, if known.
    pub instance: Option<&'a str>,
}

/// A launch of a caller that failed with AGENT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureOf<'a> {
    /// Id of its call.
    pub call: &'a str,
    /// The time.
    pub time: i64,
    /// The instance.
    pub instance: Option<&'a str>,
    /// The collision.
    pub met: Met,
}

/// How often, and when, the starts of a caller hit disconnects.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recurrence {
    /// Calls that failed with AGENT.
    pub failures: i64,
    /// Calls that placed all requested tasks.
    pub accepted: i64,
    /// All calls.
    pub calls: i64,
    /// The number of different disconnects that were hit.
    pub windows: i64,
    /// The number of different instances on which it failed.
    pub instances: i64,
    /// Failures by minute of the hour.
    pub minutes: String,
    /// Failures by hour of the day.
    pub hours: String,
    /// The median length of the disconnects that were hit, in microseconds.
    pub median: Option<i64>,
    /// How consistently its starts fall at the same point between two rotations: 0 = random, 1 = always the same.
    pub phase_lock: Option<f64>,
    /// The next start that hits a disconnect, if the disconnects continue as before.
    pub next_at_risk: Option<i64>,
}

/// With fewer starts between rotations, no phase can be determined.
const LOCKED_FROM: usize = 10;
/// The minimum number of hits of a recurring disconnect.
const RECURS_FROM: usize = 3;
/// Rotations happen about every half hour; disconnects that are farther apart are not consecutive.
const ROTATES_WITHIN: i64 = 2 * HOUR;

/// The recurrence of a caller.
pub fn recurrence(
    calls: &[CallOf<'_>],
    failures: &[FailureOf<'_>],
    agents: &BTreeMap<&str, Agent<'_>>,
    zones: &[TimeZone],
    until: i64,
) -> Recurrence {
    let failed: BTreeMap<&str, i64> = failures.iter().map(|failure| (failure.call, failure.time)).collect();
    let accepted = calls.iter().filter(|call| call.accepted).count();
    let mut hit: BTreeMap<(&str, usize), i64> = BTreeMap::new();
    let mut starts: BTreeSet<i64> = BTreeSet::new();
    for failure in failures {
        let Some((instance, place)) = failure.instance.zip(failure.met.gap) else { continue };
        let Some(gap) = agents.get(instance).and_then(|agent| agent.gaps.get(place)) else { continue };
        hit.insert((instance, place), gap.length(until));
        starts.insert(gap.start);
    }
    let mut lengths: Vec<i64> = hit.values().copied().collect();
    lengths.sort_unstable();
    let instances: BTreeSet<&str> = failures.iter().filter_map(|failure| failure.instance).collect();
    let zone = zones.first().cloned().unwrap_or(TimeZone::UTC);
    let clock = |time: &i64| Timestamp::from_microsecond(*time).ok().map(|time| zone.to_datetime(time));
    Recurrence {
        failures: count(failed.len()),
        accepted: count(accepted),
        calls: count(calls.len()),
        windows: count(hit.len()),
        instances: count(instances.len()),
        minutes: profile(failed.values().filter_map(|time| clock(time).map(|time| time.minute()))),
        hours: profile(failed.values().filter_map(|time| clock(time).map(|time| time.hour()))),
        median: middle(&lengths),
        phase_lock: phase_lock(calls, failures, agents),
        next_at_risk: next_at_risk(calls, &starts, zones, until),
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn middle(sorted: &[i64]) -> Option<i64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    match sorted.len() % 2 {
        1 => Some(upper),
        _ => sorted.get(sorted.len() / 2 - 1).map(|lower| lower + (upper - lower) / 2),
    }
}

/// `00×7, 30×2`: the most frequent values, at most six.
fn profile(values: impl Iterator<Item = i8>) -> String {
    let mut counts: BTreeMap<i8, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let mut counts: Vec<(i8, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(value, count)| (std::cmp::Reverse(*count), *value));
    let texts: Vec<String> = counts.iter().take(6).map(|(value, count)| format!("{value:02}×{count}")).collect();
    texts.join(", ")
}

/// The consistency of the phase of starts between two rotations: the length of their mean direction on the circle.
fn phase_lock(calls: &[CallOf<'_>], failures: &[FailureOf<'_>], agents: &BTreeMap<&str, Agent<'_>>) -> Option<f64> {
    let placed = calls.iter().filter_map(|call| Some((call.instance?, call.time)));
    let failed = failures.iter().filter_map(|failure| Some((failure.instance?, failure.time)));
    let mut rotations: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    let (mut x, mut y, mut starts) = (0.0, 0.0, 0usize);
    for (instance, time) in placed.chain(failed) {
        let known = rotations.entry(instance).or_insert_with(|| agents.get(instance).map(rotations_of).unwrap_or_default());
        let after = known.partition_point(|start| *start <= time);
        let Some((before, next)) = after.checked_sub(1).and_then(|place| known.get(place)).zip(known.get(after)) else {
            continue;
        };
        if next - before > ROTATES_WITHIN {
            continue;
        }
        let phase = (time - before) as f64 / (next - before) as f64 * std::f64::consts::TAU;
        x += phase.cos();
        y += phase.sin();
        starts += 1;
    }
    (starts >= LOCKED_FROM).then(|| x.hypot(y) / starts as f64)
}

fn rotations_of(agent: &Agent<'_>) -> Vec<i64> {
    let short = agent.gaps.iter().filter(|gap| gap.end.is_some_and(|end| end - gap.start <= TOLERANCE));
    short.map(|gap| gap.start).collect()
}

/// The first expected start in the next disconnect, if the disconnects that were hit come at regular intervals.
fn next_at_risk(calls: &[CallOf<'_>], gaps: &BTreeSet<i64>, zones: &[TimeZone], until: i64) -> Option<i64> {
    let starts: Vec<i64> = gaps.iter().copied().collect();
    let last = *starts.last()?;
    let mut distances: Vec<i64> = starts.windows(2).filter_map(|pair| Some(pair.get(1)? - pair.first()?)).collect();
    distances.sort_unstable();
    let distance = middle(&distances)?;
    let off = distances.iter().map(|other| (*other - distance).abs()).filter(|off| *off <= distance / 10);
    let (alike, most_off) = off.fold((0, 0), |(count, most), off| (count + 1, off.max(most)));
    if starts.len() < RECURS_FROM || alike * 5 < distances.len() * 4 || distance < MINUTE {
        return None;
    }
    let steps = (until - last).max(0) / distance + 1;
    let next = last.checked_add(steps.checked_mul(distance)?)?;
    let mut failed_at: Option<i64> = None;
    let start = |call: &CallOf<'_>| {
        let after_failure = failed_at.is_some_and(|failed| call.time - failed <= crate::nouns::launches::series::RETRIED_WITHIN);
        failed_at = if call.accepted { failed_at } else { Some(call.time) };
        Start { time: call.time, after_failure }
    };
    let schedule = infer(&calls.iter().map(start).collect::<Vec<_>>(), zones)?;
    let slots = schedule.slots(next.checked_add(2 * DAY)?);
    // The prediction is only as precise as the intervals are regular.
    slots.into_iter().find(|slot| *slot >= next - TOLERANCE - most_off)
}

/// The class of more than half of the collisions.
pub fn main_class(failures: &[FailureOf<'_>]) -> Option<Class> {
    let mut counts: BTreeMap<Class, usize> = BTreeMap::new();
    for failure in failures {
        *counts.entry(failure.met.class).or_default() += 1;
    }
    counts.into_iter().find(|(_, count)| count * 2 > failures.len()).map(|(class, _)| class)
}
