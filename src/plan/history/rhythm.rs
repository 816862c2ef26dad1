//! The rhythm of a caller: a fixed period, or fixed times of day and weekdays; or none.
//!
//! Both forms are tried on the raw starts, and the one that leaves the least unexplained is taken. A caller that
//! fits neither is irregular, and nothing is expected of it.

use jiff::tz::TimeZone;

use super::calendar::{self, Calendar};
use super::period::{self, Period};
use super::{DAY, MINUTE, SECOND};

/// More expected starts than this of one caller are not listed.
pub const MOST_SLOTS: usize = 4_000_000;

/// So many starts with a period are not asked for times of day.
const MANY: usize = 20_000;

/// When a caller starts what it starts.
#[derive(Debug, Clone)]
pub enum Rhythm {
    /// Every so often.
    Every(Period),
    /// At fixed times of fixed days.
    At(Calendar),
}

/// One start of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// When.
    pub time: i64,
    /// It came after a failed start of the same caller and may be a retry: it need not fit.
    pub after_failure: bool,
}

/// How badly a rhythm fits: what it does not explain, and how much it takes to say it.
pub(super) type Cost = usize;

/// The rhythm of starts that are in order of time; zones are tried in the order in which they are given.
pub fn infer(starts: &[Start], zones: &[TimeZone]) -> Option<Rhythm> {
    let every = period::infer(starts);
    if let Some((period, cost)) = &every
        && period.length % DAY != 0
        && (*cost == 1 || starts.len() > MANY)
    {
        return Some(Rhythm::Every(*period));
    }
    let at = calendar::infer(starts, zones);
    match (every, at) {
        (None, None) => None,
        (Some((period, _)), None) => Some(Rhythm::Every(period)),
        (None, Some((calendar, _))) => Some(Rhythm::At(calendar)),
        (Some((period, every)), Some((calendar, at))) => {
            // A day is told by its time of day.
            let calendar_wins = at < every || (at == every && period.length % DAY == 0);
            Some(if calendar_wins { Rhythm::At(calendar) } else { Rhythm::Every(period) })
        }
    }
}

impl Rhythm {
    /// The expected starts up to a time, inside, in order.
    pub fn slots(&self, until: i64) -> Vec<i64> {
        match self {
            Rhythm::Every(period) => period.slots(until),
            Rhythm::At(calendar) => calendar.slots(until),
        }
    }

    /// What it is called: `every 15m`, `daily at 03:00`.
    pub fn name(&self) -> String {
        match self {
            Rhythm::Every(period) => period.name(),
            Rhythm::At(calendar) => calendar.name(),
        }
    }
}

/// How much before the expected time a start may come, when the one before is so far away.
pub fn early(gap: i64) -> i64 {
    (gap / 10).min(MINUTE)
}

/// How much after the expected time a start still is in time, when the next one is so far away.
pub fn late(gap: i64) -> i64 {
    (gap / 4).clamp(MINUTE, 5 * MINUTE)
}

/// How many starts a rhythm may leave unexplained.
pub(super) fn few(unexplained: usize, starts: usize) -> bool {
    unexplained * 4 <= starts
}

/// The whole minute at or before which most values lie: the most frequent one, or one just before it that is
/// frequent, too. `values` are minutes within `length` minutes.
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

/// A length of time as short as it can be told: `15m`, `2h`, `1h30m`, `90s`.
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
