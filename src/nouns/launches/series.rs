//! Groups attempts by caller: the schedule of each caller, and which attempt belongs to which expected start.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::micros::MINUTE;
use crate::nouns::schedules::schedule::{Schedule, Start, early, infer, late};

/// Callers with this prefix retry failed launches.
const RETRIER: &str = "AWS Step Functions";
/// How long after a failed attempt another attempt can be its retry, if no schedule predicts the next start.
pub const RETRIED_WITHIN: i64 = 30 * MINUTE;

/// A call to start tasks of a cluster and family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// Id of the call.
    pub id: &'a str,
    /// The time.
    pub time: i64,
    /// startedBy.
    pub started_by: Option<&'a str>,
    /// The task group; missing in calls that placed nothing and have no group.
    pub group: Option<&'a str>,
    /// The caller, with the session name.
    pub user: Option<&'a str>,
    /// Tasks requested.
    pub asked: i64,
    /// Tasks requested but not placed.
    pub missing: i64,
    /// Whether it was refused or placed fewer tasks than requested.
    pub failed: bool,
    /// The reason, if it failed.
    pub reason: Option<&'a str>,
    /// The digest of its overrides.
    pub overrides: Option<&'a str>,
}

impl<'a> Attempt<'a> {
    /// The role or name of the caller, without the session name.
    pub fn caller(&self) -> Option<&'a str> {
        self.user.map(|user| user.split('/').next().unwrap_or(user))
    }

    /// Whether the caller retries failed launches.
    pub fn retries(&self) -> bool {
        self.started_by == Some(RETRIER)
    }

    /// The identity of the caller: startedBy, else the calling role, and the group if it is not that of the family.
    fn series(&self) -> (&'a str, &'a str) {
        let who = self.started_by.or_else(|| self.caller()).unwrap_or_default();
        (who, self.group.filter(|group| !group.starts_with("family:")).unwrap_or_default())
    }
}

/// The attempts of a caller.
#[derive(Debug, Clone)]
pub struct Series {
    /// The indexes of its attempts, ordered by time.
    pub members: Vec<usize>,
    /// Its schedule; none = irregular.
    pub schedule: Option<Schedule>,
    /// Its expected starts, in order.
    pub slots: Vec<i64>,
    /// For each expected start, the attempt that is its start.
    pub starts: Vec<Option<usize>>,
}

impl Series {
    /// How much later than expected a start is still on time.
    pub fn late(&self, slot: usize) -> i64 {
        late(self.gap_after(slot))
    }

    fn gap_after(&self, slot: usize) -> i64 {
        let gap = |left: usize| Some(self.slots.get(left + 1)? - self.slots.get(left)?);
        gap(slot).or_else(|| gap(slot.checked_sub(1)?)).unwrap_or(crate::micros::DAY)
    }

    fn gap_before(&self, slot: usize) -> i64 {
        let gap = slot.checked_sub(1).and_then(|left| Some(self.slots.get(slot)? - self.slots.get(left)?));
        gap.unwrap_or_else(|| self.gap_after(slot))
    }
}

/// The callers of sorted attempts, and the caller of each attempt. Starts are expected up to `until`.
pub fn series_of(attempts: &[Attempt<'_>], zones: &[TimeZone], until: i64) -> (Vec<Series>, Vec<usize>) {
    let mut known: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut of = Vec::with_capacity(attempts.len());
    for (place, attempt) in attempts.iter().enumerate() {
        let number = *known.entry(attempt.series()).or_insert(members.len());
        if number == members.len() {
            members.push(Vec::new());
        }
        if let Some(members) = members.get_mut(number) {
            members.push(place);
        }
        of.push(number);
    }
    let healing = healing(attempts, &of);
    let series = members.into_iter().map(|members| one(attempts, members, &healing, zones, until)).collect();
    (series, of)
}

/// Attempts of a retrier shortly after a failed attempt of another caller follow failures, not a schedule.
fn healing(attempts: &[Attempt<'_>], of: &[usize]) -> Vec<bool> {
    // The latest failed attempt, and the latest one of a different caller.
    let mut newest: [Option<(usize, i64)>; 2] = [None, None];
    let mut healing = Vec::with_capacity(attempts.len());
    for (attempt, series) in attempts.iter().zip(of) {
        let other = newest.iter().flatten().find(|(failed, _)| failed != series);
        healing.push(attempt.retries() && other.is_some_and(|(_, time)| attempt.time - time <= RETRIED_WITHIN));
        if attempt.failed {
            if newest[0].is_some_and(|(failed, _)| failed != *series) {
                newest[1] = newest[0];
            }
            newest[0] = Some((*series, attempt.time));
        }
    }
    healing
}

fn one(attempts: &[Attempt<'_>], members: Vec<usize>, healing: &[bool], zones: &[TimeZone], until: i64) -> Series {
    let mut starts = Vec::with_capacity(members.len());
    let mut failed_at: Option<i64> = None;
    for place in members.iter().filter(|place| healing.get(**place) == Some(&false)) {
        let Some(attempt) = attempts.get(*place) else { continue };
        let after_failure = failed_at.is_some_and(|failed| attempt.time - failed <= RETRIED_WITHIN);
        starts.push(Start { time: attempt.time, after_failure });
        failed_at = if attempt.failed { Some(attempt.time) } else { failed_at };
    }
    let schedule = infer(&starts, zones);
    let last = starts.last().map_or(until, |start| start.time.max(until));
    let slots = schedule.as_ref().map(|schedule| schedule.slots(last)).unwrap_or_default();
    let mut series = Series { members, schedule, starts: vec![None; slots.len()], slots };
    series.starts = slot_starts(&series, attempts, healing);
    series
}

/// The first attempt for each expected start. Its slot begins shortly before the expected time and ends where the
/// next slot begins.
fn slot_starts(series: &Series, attempts: &[Attempt<'_>], healing: &[bool]) -> Vec<Option<usize>> {
    let mut starts = series.starts.clone();
    let mut next = 0;
    for place in series.members.iter().filter(|place| healing.get(**place) == Some(&false)) {
        let Some(attempt) = attempts.get(*place) else { continue };
        let opens = |slot: usize| series.slots.get(slot).map(|time| time - early(series.gap_before(slot)));
        while opens(next).is_some_and(|opens| opens <= attempt.time) {
            next += 1;
        }
        if let Some(start) = next.checked_sub(1).and_then(|slot| starts.get_mut(slot)) {
            start.get_or_insert(*place);
        }
    }
    starts
}
