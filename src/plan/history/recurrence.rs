//! Whether collisions recur: how often a caller's starts meet gaps of the agent, when, and how far above chance.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::collision::{Agent, Class, Met};
use super::connection::TOLERANCE;
use super::rhythm::{Start, infer};
use super::{DAY, HOUR, MINUTE};

/// Attempts inside and outside the gaps of an agent, and how many of them failed for AGENT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// Attempts while the agent was gone, or nearly.
    pub inside: i64,
    /// Those that failed.
    pub inside_failed: i64,
    /// Attempts while it was there.
    pub outside: i64,
    /// Those that failed.
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

    /// Adds the counts of another.
    pub fn join(&mut self, other: Rates) {
        self.inside += other.inside;
        self.inside_failed += other.inside_failed;
        self.outside += other.outside;
        self.outside_failed += other.outside_failed;
    }
}

/// A call of one caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallOf<'a> {
    /// Id of the call.
    pub id: &'a str,
    /// When.
    pub time: i64,
    /// It placed all it asked for.
    pub accepted: bool,
    /// Where, if it is known.
    pub instance: Option<&'a str>,
}

/// A launch of one caller that failed for AGENT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureOf<'a> {
    /// Id of its call.
    pub call: &'a str,
    /// When.
    pub time: i64,
    /// On which instance.
    pub instance: Option<&'a str>,
    /// What it met.
    pub met: Met,
}

/// How often the starts of one caller meet gaps, and when.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recurrence {
    /// Calls that failed for AGENT.
    pub failures: i64,
    /// Calls that placed all they asked for.
    pub accepted: i64,
    /// All calls.
    pub calls: i64,
    /// Different gaps that were met.
    pub windows: i64,
    /// Different instances on which it failed.
    pub instances: i64,
    /// Failures by minute of the hour.
    pub minutes: String,
    /// Failures by hour of the day.
    pub hours: String,
    /// Median length of the gaps that were met, in microseconds.
    pub median: Option<i64>,
    /// How much the starts keep one place between two rotations: 0 = none, 1 = always the same.
    pub phase_lock: Option<f64>,
    /// The next start that meets a gap, if the gaps go on as they did.
    pub next_at_risk: Option<i64>,
}

/// Fewer starts between rotations say nothing of a phase.
const LOCKED_FROM: usize = 10;
/// A gap that recurs was met so often.
const RECURS_FROM: usize = 3;
/// A rotation comes about every half hour; what is farther apart are no neighbours.
const ROTATES_WITHIN: i64 = 2 * HOUR;

/// The recurrence of one caller.
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

/// `00×7, 30×2`: the most frequent values first, at most six.
fn profile(values: impl Iterator<Item = i8>) -> String {
    let mut counts: BTreeMap<i8, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let mut counts: Vec<(i8, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(value, count)| (std::cmp::Reverse(*count), *value));
    let told: Vec<String> = counts.iter().take(6).map(|(value, count)| format!("{value:02}×{count}")).collect();
    told.join(", ")
}

/// How much starts keep one place between two rotations: the length of their mean direction on the circle.
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

/// The first expected start in the next gap, where the gaps that were met come at like distances.
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
        let after_failure = failed_at.is_some_and(|failed| call.time - failed <= super::series::RETRIED_WITHIN);
        failed_at = if call.accepted { failed_at } else { Some(call.time) };
        Start { time: call.time, after_failure }
    };
    let rhythm = infer(&calls.iter().map(start).collect::<Vec<_>>(), zones)?;
    let slots = rhythm.slots(next.checked_add(2 * DAY)?);
    // The place of the next gap is only known as well as the distances are alike.
    slots.into_iter().find(|slot| *slot >= next - TOLERANCE - most_off)
}

/// The class that more than half of the collisions have.
pub fn main_class(failures: &[FailureOf<'_>]) -> Option<Class> {
    let mut counts: BTreeMap<Class, usize> = BTreeMap::new();
    for failure in failures {
        *counts.entry(failure.met.class).or_default() += 1;
    }
    counts.into_iter().find(|(_, count)| count * 2 > failures.len()).map(|(class, _)| class)
}
