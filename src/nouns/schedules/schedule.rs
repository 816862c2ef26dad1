//! Detects the schedule of a caller: a fixed period, or fixed times of day and weekdays, or none.
//!
//! Both forms are tried on the raw starts, and the one that leaves less unexplained is used. If the intervals change
//! permanently, the schedules before and after the change are detected separately. A caller without a match is
//! irregular and has no expected starts.

use jiff::tz::TimeZone;

use super::calendar::Calendar;
use super::period::Period;
use super::{calendar, period};
use crate::micros::{DAY, MINUTE, SECOND};

/// The maximum number of expected starts listed per caller.
pub const MOST_SLOTS: usize = 4_000_000;

/// With this many starts, a period is not checked for times of day.
const MANY: usize = 20_000;

/// The schedule of a caller.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// A fixed period.
    Every(Period),
    /// Fixed times on fixed days.
    At(Calendar),
    /// A schedule that was replaced by another.
    Changed {
        /// The earlier schedule.
        before: Box<Schedule>,
        /// The end of the earlier schedule.
        ended: i64,
        /// The first start of the later schedule.
        since: i64,
        /// The later schedule.
        after: Box<Schedule>,
    },
}

/// A start of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The time.
    pub time: i64,
    /// Whether it follows a failed start of the same caller, so that it may be a retry and need not fit.
    pub after_failure: bool,
}

/// The cost of a schedule: the starts that it does not explain, and the complexity of its description.
pub(super) type Cost = usize;

/// How many intervals on each side of a change are compared, and how many of them must agree.
const SIDE: usize = 5;
const AGREE: usize = 4;
/// The maximum number of changes: a caller that changes more often has no schedule.
const CHANGES: usize = 8;

/// The schedule of sorted starts; time zones are tried in the given order.
pub fn infer(starts: &[Start], zones: &[TimeZone]) -> Option<Schedule> {
    let whole = one(starts, zones);
    // A change costs as much as another schedule, plus a margin, so a single schedule is preferred.
    let cost = whole.as_ref().map_or(usize::MAX, |(_, cost)| *cost);
    let changes = if cost > SIDE { changes(starts) } else { Vec::new() };
    if changes.is_empty() || changes.len() > CHANGES {
        return whole.map(|(schedule, _)| schedule);
    }
    let changed = changed(starts, zones, &changes);
    match (whole, changed) {
        (Some((schedule, whole)), Some((_, cost))) if whole <= cost => Some(schedule),
        (_, Some((schedule, _))) => Some(schedule),
        (whole, None) => whole.map(|(schedule, _)| schedule),
    }
}

/// The schedules between changes, each with its own starts. Among the candidate changes, those that leave the least
/// unexplained are chosen.
fn changed(starts: &[Start], zones: &[TimeZone], changes: &[usize]) -> Option<(Schedule, Cost)> {
    let ends: Vec<usize> = changes.iter().copied().chain([starts.len()]).collect();
    // The best schedule of the starts before each end.
    let mut best: Vec<Option<(Schedule, Cost)>> = Vec::new();
    for (nth, end) in ends.iter().enumerate() {
        let mut least = starts.get(..*end).and_then(|starts| one(starts, zones));
        for (known, from) in best.iter().zip(&ends).take(nth) {
            let Some((before, left)) = known else { continue };
            let Some(new) = starts.get(*from..*end) else { continue };
            let (Some((after, right)), Some(first)) = (one(new, zones), new.first()) else { continue };
            // A change must explain more than it costs.
            let cost = left + right + SIDE;
            if least.as_ref().is_none_or(|(_, least)| cost < *least) {
                let since = first.time - first.time.rem_euclid(MINUTE);
                let met = from.checked_sub(1).and_then(|last| starts.get(last)).map_or(since, |last| last.time);
                let ended = met.max(since - shortest(new)).min(since - 1);
                let schedule = Schedule::Changed { before: Box::new(before.clone()), ended, since, after: Box::new(after) };
                least = Some((schedule, cost));
            }
        }
        best.push(least);
    }
    best.pop().flatten()
}

/// The shortest of the first intervals that is longer than a minute: after a restart, a caller waits this long before
/// its first start.
fn shortest(starts: &[Start]) -> i64 {
    let distances = starts.windows(2).take(SIDE).filter_map(|pair| match pair {
        [earlier, later] => Some(later.time - earlier.time),
        _ => None,
    });
    distances.filter(|distance| *distance > MINUTE).min().unwrap_or(0)
}

/// Finds permanent changes of the interval: the index of the first start after each change.
fn changes(starts: &[Start]) -> Vec<usize> {
    // Retries do not count as starts of a schedule.
    let regular: Vec<(usize, i64)> =
        starts.iter().enumerate().filter(|(_, start)| !start.after_failure).map(|(place, start)| (place, start.time)).collect();
    let distance = |pair: &[(usize, i64)]| match pair {
        [(_, earlier), (_, later)] => (later - earlier + MINUTE / 2).div_euclid(MINUTE),
        _ => 0,
    };
    let distances: Vec<i64> = regular.windows(2).map(distance).collect();
    let mut found: Vec<usize> = Vec::new();
    let mut last = 0;
    for middle in SIDE..distances.len().saturating_sub(SIDE - 1) {
        let side = |from: usize| distances.get(from..from + SIDE).and_then(usual);
        let (Some(before), Some(after)) = (side(middle - SIDE), side(middle)) else { continue };
        let begins = distances.get(middle) == Some(&after);
        if !alike(before, after) && begins && middle >= last + SIDE {
            found.extend(regular.get(middle).map(|(place, _)| *place));
            last = middle;
        }
    }
    found
}

/// The approximate interval of most starts.
fn usual(distances: &[i64]) -> Option<i64> {
    let count = |fits: &dyn Fn(i64) -> bool| distances.iter().filter(|other| fits(**other)).count();
    let frequent = distances.iter().copied().filter(|value| *value > 0 && count(&|other| alike(other, *value)) >= AGREE);
    frequent.max_by_key(|value| (count(&|other| other == *value), std::cmp::Reverse(*value)))
}

/// Starts are some seconds late, so intervals differ by up to a minute.
fn alike(left: i64, right: i64) -> bool {
    (left - right).abs() <= 1
}

/// A single schedule for all starts, with its cost.
fn one(starts: &[Start], zones: &[TimeZone]) -> Option<(Schedule, Cost)> {
    let every = period::infer(starts);
    if let Some((period, cost)) = &every
        && period.length % DAY != 0
        && (*cost == 1 || starts.len() > MANY)
    {
        return Some((Schedule::Every(*period), *cost));
    }
    let at = calendar::infer(starts, zones);
    match (every, at) {
        (None, None) => None,
        (Some((period, cost)), None) => Some((Schedule::Every(period), cost)),
        (None, Some((calendar, cost))) => Some((Schedule::At(calendar), cost)),
        (Some((period, every)), Some((calendar, at))) => {
            // A period of a day is described by its time of day.
            let calendar_wins = at < every || (at == every && period.length % DAY == 0);
            Some(if calendar_wins { (Schedule::At(calendar), at) } else { (Schedule::Every(period), every) })
        }
    }
}

impl Schedule {
    /// The expected starts up to a time, inclusive, in order.
    pub fn slots(&self, until: i64) -> Vec<i64> {
        match self {
            Schedule::Every(period) => period.slots(until),
            Schedule::At(calendar) => calendar.slots(until),
            Schedule::Changed { before, ended, after, .. } => {
                let mut slots = before.slots(until.min(*ended));
                slots.extend(after.slots(until));
                slots.sort_unstable();
                slots.dedup();
                slots
            }
        }
    }

    /// The description at a time: `every 15m`, `daily at 03:00`.
    pub fn name(&self, at: i64) -> String {
        match self {
            Schedule::Every(period) => period.name(),
            Schedule::At(calendar) => calendar.name(at),
            Schedule::Changed { before, since, after, .. } => {
                if at < *since {
                    before.name(at)
                } else {
                    after.name(at)
                }
            }
        }
    }
}

/// How much earlier than expected a start can be, given the distance to the previous one.
pub fn early(gap: i64) -> i64 {
    (gap / 10).min(MINUTE)
}

/// How much later than expected a start is still on time, given the distance to the next one.
pub fn late(gap: i64) -> i64 {
    (gap / 4).clamp(MINUTE, 5 * MINUTE)
}

/// How many starts a schedule may leave unexplained.
pub(super) fn few(unexplained: usize, starts: usize) -> bool {
    unexplained * 4 <= starts
}

/// Whether enough of the days with hits are consecutive. If days are hit by chance, the fraction of consecutive ones
/// equals the fraction of days with hits, and weekdays can be selected so that it is well over half; a few days prove
/// nothing either way.
pub(super) fn steady(adjacent: usize, hit: usize) -> bool {
    let pairs = hit.saturating_sub(1);
    if hit < 8 { adjacent * 5 >= pairs * 3 } else { adjacent * 4 >= pairs * 3 }
}

/// The whole minute at or before most values: the most frequent one, or a frequent one just before it. `values` are
/// minutes within `length` minutes.
pub(super) fn phase(counts: &std::collections::BTreeMap<i64, usize>, length: i64) -> Option<i64> {
    let (mode, most) = counts.iter().max_by_key(|(minute, count)| (**count, std::cmp::Reverse(**minute)))?;
    let mut phase = *mode;
    for _ in 0..2 {
        let before = (phase - 1).rem_euclid(length);
        if length < 5 || counts.get(&before).is_none_or(|count| count * 5 < *most) {
            break;
        }
        phase = before;
    }
    Some(phase)
}

/// A duration in its shortest form: `15m`, `2h`, `1h30m`, `90s`.
pub fn length(micros: i64) -> String {
    let seconds = micros / SECOND;
    let units = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let mut rest = seconds;
    let mut text = String::new();
    for (unit, letter) in units {
        if rest >= unit {
            text.push_str(&format!("{}{letter}", rest / unit));
            rest %= unit;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}
