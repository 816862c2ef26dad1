//! Compares each run of a schedule with the runs before it, and with the start of the next one.
//!
//! In: the expected starts of one caller, in order, with what its tasks did. Out: one comparison per expected start.
//! Invariants: only earlier runs that have ended are compared with; nothing is said about a run whose tasks are not
//! recorded, and a run without a recorded stop counts as running only as long as the records show that it could have been seen to
//! stop.

use std::collections::VecDeque;

use crate::micros::SECOND;

/// The number of earlier runs that are compared with, so that a schedule that has changed is compared with its present.
const REMEMBERED: usize = 50;
/// The standard deviation of a normal distribution, in median absolute deviations.
const NORMAL: f64 = 1.4826;
/// The least spread, as a share of the median and in seconds: the runs of many schedules are equal to the second.
const LEAST_SHARE: f64 = 0.05;
const LEAST_SECONDS: f64 = 1.0;

/// The outcome of an expected start. Times are microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The expected time.
    pub expected_at: i64,
    /// When the first of its tasks ran; none = not recorded, or it did not run.
    pub started_at: Option<i64>,
    /// When the last of its tasks stopped; none = not recorded, or it still runs.
    pub stopped_at: Option<i64>,
    /// If no stop is recorded: the newest record of its tasks, or of any task in its cluster if events with stops are exported from
    /// there. Up to then its stop would have been recorded.
    pub watched_until: Option<i64>,
}

/// A run in comparison.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Compared {
    /// From the expected start until its first task ran, in seconds.
    pub start_delay: Option<f64>,
    /// From its first start to its last stop, in seconds; without a recorded stop, so far.
    pub duration: Option<f64>,
    /// For how many seconds it still ran after the next run had started; 0 = it had ended. Without a recorded stop, so far.
    pub overlap: Option<f64>,
    /// The number of earlier runs that it is compared with.
    pub previous: usize,
    /// The comparison of the duration.
    pub usual_duration: Option<Usual>,
    /// The comparison of the start delay.
    pub usual_start_delay: Option<Usual>,
}

/// What is usual, and how far a value is from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// The median, in seconds.
    pub median: f64,
    /// The distance from the median, in scaled median absolute deviations; negative = less than usual.
    pub score: f64,
}

/// Compares the runs of a caller, which are in order. `now` is the newest event.
pub fn compare(runs: &[Run], now: i64) -> Vec<Compared> {
    let next_starts = next_starts(runs);
    let (mut durations, mut delays) = (VecDeque::new(), VecDeque::new());
    let mut compared = Vec::with_capacity(runs.len());
    for (run, next) in runs.iter().zip(next_starts) {
        let Some(started) = run.started_at else {
            compared.push(Compared { previous: durations.len(), ..Compared::default() });
            continue;
        };
        // A task without a stop has either not stopped yet, or its event is not in the export. It still runs if its stop would
        // have been recorded after the next run had started; the newest run is taken to be running.
        let running = match next {
            Some(next) => run.watched_until.filter(|until| *until > next),
            None => Some(now),
        };
        let ended = run.stopped_at.or(running).map(|ended| ended.max(started));
        let duration = ended.map(|ended| seconds(started, ended));
        // It is expected at a computed time: one that starts earlier has no delay.
        let start_delay = seconds(run.expected_at, started).max(0.0);
        compared.push(Compared {
            start_delay: Some(start_delay),
            duration,
            overlap: ended.zip(next).map(|(ended, next)| seconds(next, ended).max(0.0)),
            previous: durations.len(),
            usual_duration: duration.and_then(|duration| usual(&durations, duration)),
            usual_start_delay: usual(&delays, start_delay),
        });
        if let (Some(duration), Some(_)) = (duration, run.stopped_at) {
            remember(&mut durations, duration);
            remember(&mut delays, start_delay);
        }
    }
    compared
}

/// The start of the next run that is recorded, for each run.
fn next_starts(runs: &[Run]) -> Vec<Option<i64>> {
    let mut next = None;
    let mut starts: Vec<Option<i64>> = runs
        .iter()
        .rev()
        .map(|run| {
            let after = next;
            next = run.started_at.or(next);
            after
        })
        .collect();
    starts.reverse();
    starts
}

fn remember(values: &mut VecDeque<f64>, value: f64) {
    values.push_back(value);
    if values.len() > REMEMBERED {
        values.pop_front();
    }
}

/// A value in comparison with earlier ones; none without earlier ones.
fn usual(earlier: &VecDeque<f64>, value: f64) -> Option<Usual> {
    let median = median(earlier.iter().copied())?;
    let deviation = self::median(earlier.iter().map(|one| (one - median).abs()))?;
    let spread = (deviation * NORMAL).max(median.abs() * LEAST_SHARE).max(LEAST_SECONDS);
    Some(Usual { median, score: (value - median) / spread })
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some((lower + upper) / 2.0)
}

fn seconds(from: i64, to: i64) -> f64 {
    to.saturating_sub(from) as f64 / SECOND as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60 * SECOND;

    /// Runs every 10 minutes that start after a delay and last for a while, both in seconds.
    fn runs(of: &[(i64, i64)]) -> Vec<Run> {
        let run = |(nth, (delay, lasts)): (usize, &(i64, i64))| {
            let expected_at = nth as i64 * 10 * MINUTE;
            let started_at = expected_at + delay * SECOND;
            Run { expected_at, started_at: Some(started_at), stopped_at: Some(started_at + lasts * SECOND), watched_until: None }
        };
        of.iter().enumerate().map(run).collect()
    }

    #[test]
    fn a_run_that_starts_early_has_no_delay() {
        let early =
            Run { expected_at: 10 * SECOND, started_at: Some(7 * SECOND), stopped_at: Some(20 * SECOND), watched_until: None };
        assert_eq!(compare(&[early], 30 * SECOND)[0].start_delay, Some(0.0));
    }

    #[test]
    fn a_run_overlaps_the_next_one_that_started() {
        let mut runs = runs(&[(10, 590), (10, 720), (10, 60), (10, 60)]);
        let compared = compare(&runs, i64::MAX);
        let overlaps: Vec<Option<f64>> = compared.iter().map(|one| one.overlap).collect();
        // The second one runs from 10:10 to 22:10, and the third one starts at 20:10.
        assert_eq!(overlaps, [Some(0.0), Some(120.0), Some(0.0), None]);
        // A start that was missed does not end a run.
        runs[2].started_at = None;
        assert_eq!(compare(&runs, i64::MAX)[1].overlap, Some(0.0));
        assert_eq!(compare(&runs, i64::MAX)[2], Compared { previous: 2, ..Compared::default() });
    }

    #[test]
    fn a_run_that_never_stops_overlaps_as_long_as_it_is_watched() {
        let mut runs = runs(&[(0, 60), (0, 60), (0, 60), (0, 60)]);
        (runs[1].stopped_at, runs[1].watched_until) = (None, Some(31 * MINUTE));
        let compared = compare(&runs, 40 * MINUTE);
        // It started at 10:00, the next one at 20:00, and the newest event of the cluster is of 31:00.
        assert_eq!((compared[1].duration, compared[1].overlap), (Some(1260.0), Some(660.0)));
        assert_eq!(compared[1].usual_duration.unwrap().median, 60.0);
        assert_eq!(compared[2].previous, 1, "it says nothing about what is usual");
        // Before the next start it would not have been late, so that nothing is known.
        runs[1].watched_until = Some(20 * MINUTE);
        assert_eq!(compare(&runs, 40 * MINUTE)[1].duration, None);
    }

    #[test]
    fn a_run_without_a_stop_lasts_until_now_only_if_it_is_the_newest() {
        let mut runs = runs(&[(0, 60), (0, 60)]);
        (runs[0].stopped_at, runs[1].stopped_at) = (None, None);
        let compared = compare(&runs, 15 * MINUTE);
        assert_eq!((compared[0].duration, compared[0].overlap), (None, None));
        assert_eq!((compared[1].duration, compared[1].overlap), (Some(300.0), None));
        assert_eq!(compared[1].previous, 0, "a run that has not ended says nothing about what is usual");
    }

    #[test]
    fn runs_are_compared_with_the_median_of_earlier_ones() {
        let compared = compare(&runs(&[(5, 100), (5, 110), (5, 90), (5, 400), (65, 100)]), i64::MAX);
        let usual: Vec<Option<f64>> = compared.iter().map(|one| one.usual_duration.map(|usual| usual.median)).collect();
        assert_eq!(usual, [None, Some(100.0), Some(105.0), Some(100.0), Some(105.0)]);
        assert_eq!(compared.iter().map(|one| one.previous).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        // The median absolute deviation of 100, 110, 90 is 10.
        let score = compared[3].usual_duration.unwrap().score;
        assert!((score - 300.0 / 14.826).abs() < 1e-9, "{score}");
        // All delays are equal, so that the least spread counts.
        assert_eq!(compared[4].usual_start_delay, Some(Usual { median: 5.0, score: 60.0 }));
        assert_eq!(compared[4].start_delay, Some(65.0));
    }

    #[test]
    fn only_so_many_runs_are_remembered() {
        let compared = compare(&runs(&[(0, 60); REMEMBERED + 5]), i64::MAX);
        assert_eq!(compared.last().unwrap().previous, REMEMBERED);
        assert_eq!(compared.last().unwrap().usual_duration.unwrap().score, 0.0);
    }
}
