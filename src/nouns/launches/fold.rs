//! Combines attempts into launches.
//!
//! Each regular start is a launch of its own, so the next regular start never heals the previous one. Any other
//! attempt joins a launch that still lacks tasks if it can be its retry; otherwise it is a new launch.

use super::series::{Attempt, RETRIED_WITHIN, Series};

/// An intended launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The indexes of its attempts, ordered by time.
    pub attempts: Vec<usize>,
    /// The number of failed attempts.
    pub failures: usize,
    /// The tasks that are missing after the last attempt.
    pub missing: i64,
    /// The attempt that placed the missing tasks, if the first one had not placed all.
    pub healed_by: Option<usize>,
    /// Whether its first attempt is a regular start.
    pub regular: bool,
}

/// The outcome of a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The first attempt placed all tasks.
    Started,
    /// A retry placed the missing tasks.
    Healed,
    /// Some tasks were never placed.
    Lost,
}

impl Outcome {
    /// The value in the query language.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Started => "started",
            Outcome::Healed => "healed",
            Outcome::Lost => "lost",
        }
    }
}

impl Launch {
    /// The outcome.
    pub fn outcome(&self) -> Outcome {
        match (self.healed_by, self.missing) {
            (Some(_), _) => Outcome::Healed,
            (None, 1..) => Outcome::Lost,
            (None, _) => Outcome::Started,
        }
    }
}

/// A launch that lacks tasks.
struct Open {
    launch: usize,
    first: usize,
    series: usize,
    /// The next regular start of its caller; none for an irregular caller.
    next: Option<i64>,
    regular: bool,
    /// Its latest attempt.
    last: i64,
    /// The number of missing tasks.
    missing: i64,
}

/// Combines sorted attempts; `of` has the series of each attempt. Also returns the launch of each attempt.
pub fn fold(attempts: &[Attempt<'_>], series: &[Series], of: &[usize]) -> (Vec<Launch>, Vec<usize>) {
    let regular = regular_starts(attempts, series);
    let mut launches: Vec<Launch> = Vec::new();
    let mut launch_of = Vec::with_capacity(attempts.len());
    let mut open: Vec<Open> = Vec::new();
    for (place, (attempt, number)) in attempts.iter().zip(of).enumerate() {
        open.retain(|launch| launch.takes(attempt.time));
        let start = regular.get(place).copied().flatten();
        let joined = match start {
            Some(_) => None,
            None => retried(&open, attempts, attempt, *number),
        };
        if let Some(index) = joined
            && let Some(known) = open.get_mut(index)
            && let Some(launch) = launches.get_mut(known.launch)
        {
            launch.attempts.push(place);
            launch.failures += usize::from(attempt.failed);
            known.missing = known.missing.saturating_sub(attempt.asked.saturating_sub(attempt.missing)).max(0);
            known.last = attempt.time;
            launch.missing = known.missing;
            launch_of.push(known.launch);
            if known.missing == 0 {
                launch.healed_by = Some(place);
                open.remove(index);
            }
            continue;
        }
        launch_of.push(launches.len());
        if attempt.missing > 0 {
            open.push(Open {
                launch: launches.len(),
                first: place,
                series: *number,
                next: start.and_then(|start| start.next),
                regular: start.is_some(),
                last: attempt.time,
                missing: attempt.missing,
            });
        }
        launches.push(Launch {
            attempts: vec![place],
            failures: usize::from(attempt.failed),
            missing: attempt.missing,
            healed_by: None,
            regular: start.is_some(),
        });
    }
    (launches, launch_of)
}

/// Whether it is a regular start, and when the next one of its caller is: the actual time, else the expected time.
#[derive(Debug, Clone, Copy)]
struct RegularStart {
    next: Option<i64>,
}

fn regular_starts(attempts: &[Attempt<'_>], series: &[Series]) -> Vec<Option<RegularStart>> {
    let mut regular = vec![None; attempts.len()];
    for series in series {
        for (slot, start) in series.starts.iter().enumerate() {
            let Some(place) = start.and_then(|place| regular.get_mut(place)) else { continue };
            let came = series.starts.get(slot + 1).copied().flatten().and_then(|place| attempts.get(place));
            let next = came.map(|attempt| attempt.time).or_else(|| series.slots.get(slot + 1).copied());
            *place = Some(RegularStart { next });
        }
    }
    regular
}

impl Open {
    /// Whether an attempt at a time can still be a retry.
    fn takes(&self, time: i64) -> bool {
        if self.regular { self.next.is_none_or(|next| time < next) } else { time - self.last <= RETRIED_WITHIN }
    }
}

/// The open launch that an attempt retries: preferably of the same session, else the oldest.
fn retried(open: &[Open], attempts: &[Attempt<'_>], attempt: &Attempt<'_>, series: usize) -> Option<usize> {
    let fits = |launch: &Open| {
        let first = attempts.get(launch.first)?;
        let same_work = first.overrides.is_none() || attempt.overrides.is_none() || first.overrides == attempt.overrides;
        let same_session = first.user.is_some() && first.user == attempt.user;
        let may = attempt.retries() || launch.series == series || same_session;
        (same_work && may && attempt.asked <= launch.missing).then_some(same_session)
    };
    let found: Vec<(usize, bool)> = open.iter().enumerate().filter_map(|(index, launch)| Some((index, fits(launch)?))).collect();
    let session = found.iter().find(|(_, same_session)| *same_session);
    session.or(found.first()).map(|(index, _)| *index)
}
