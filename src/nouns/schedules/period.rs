//! Detects fixed periods from the intervals between starts.

use std::collections::BTreeMap;

use super::schedule::{Cost, MOST_SLOTS, Start, early, few, late, length, phase, steady};
use crate::micros::{DAY, HOUR, MINUTE};

/// A fixed period: starts are expected at `first`, `first + length`, and so on. After its last start, starts are
/// expected only for as long as the schedule was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first expected start.
    pub first: i64,
    /// The last one that was hit.
    pub last: i64,
    /// The length of the period.
    pub length: i64,
}

/// The number of different intervals that are tried.
const TRIED: usize = 6;

/// The period that explains sorted starts, with its cost.
pub fn infer(starts: &[Start]) -> Option<(Period, Cost)> {
    let mut distances: BTreeMap<i64, usize> = BTreeMap::new();
    for pair in starts.windows(2) {
        let [earlier, later] = pair else { continue };
        let minutes = (later.time - earlier.time + MINUTE / 2).div_euclid(MINUTE);
        if minutes > 0 {
            *distances.entry(minutes).or_default() += 1;
        }
    }
    let mut frequent: Vec<(usize, i64)> = distances.into_iter().map(|(minutes, count)| (count, minutes)).collect();
    frequent.sort_unstable_by_key(|(count, minutes)| (std::cmp::Reverse(*count), *minutes));
    let tried = frequent.into_iter().take(TRIED).filter_map(|(_, minutes)| fit(starts, minutes));
    tried.min_by_key(|(period, cost)| (*cost, period.length))
}

/// The period with a length in minutes, if it fits.
fn fit(starts: &[Start], minutes: i64) -> Option<(Period, Cost)> {
    let length = minutes * MINUTE;
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for start in starts {
        *counts.entry(start.time.div_euclid(MINUTE).rem_euclid(minutes)).or_default() += 1;
    }
    let phase = phase(&counts, minutes)? * MINUTE;
    let slot = |time: i64| {
        let index = (time - phase + early(length)).div_euclid(length);
        (time - phase - index * length <= late(length)).then_some(index)
    };
    let mut hit: Vec<i64> = starts.iter().filter_map(|start| slot(start.time)).collect();
    hit.dedup();
    // Only one of several starts in the same slot is explained.
    let mut taken = None;
    let mut unexplained = 0;
    for start in starts {
        let slot = slot(start.time);
        unexplained += usize::from(!start.after_failure && (slot.is_none() || slot == taken));
        taken = slot.or(taken);
    }
    let enough = if length <= HOUR {
        6
    } else if length < DAY {
        4
    } else {
        3
    };
    let steps = hit.windows(2).filter(|pair| matches!(pair, [left, right] if right - left == 1)).count();
    let is_steady = if length % DAY == 0 { steady(steps, hit.len()) } else { steps * 5 >= (hit.len().saturating_sub(1)) * 3 };
    if hit.len() < enough || !is_steady || !few(unexplained, starts.len()) {
        return None;
    }
    let (first, last) = (*hit.first()?, *hit.last()?);
    let slots = usize::try_from(last - first + 1).ok()?;
    // Occasional bursts of retries are not a schedule.
    if hit.len() * 5 < starts.len() || hit.len() * 3 < slots {
        return None;
    }
    let at = |index: i64| phase + index * length;
    Some((Period { first: at(first), last: at(last), length }, unexplained + slots - hit.len() + 1))
}

impl Period {
    /// The expected starts up to a time.
    pub fn slots(&self, until: i64) -> Vec<i64> {
        let until = until.min(self.last.saturating_add(self.last - self.first));
        let steps = (0..).map(|step| self.first + step * self.length);
        steps.take_while(|slot| *slot <= until).take(MOST_SLOTS).collect()
    }

    /// The description, such as `every 15m`.
    pub fn name(&self) -> String {
        format!("every {}", length(self.length))
    }
}
