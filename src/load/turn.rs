//! In which turn files are read: by the day that their names tell.
//!
//! Exports are filed by account and region first, and by day within these. Read like that, rows of all days would
//! gather side by side, in many small parts. Day by day there are few parts, and large ones.

use crate::discover::Input;
use regex::Regex;
use std::sync::LazyLock;

/// A day as names have it: `2026/03/04`, `2026-03-04` or `20260304`.
static DAY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^0-9])(20[0-9]{2})[-/]?(0[1-9]|1[0-2])[-/]?(0[1-9]|[12][0-9]|3[01])(?:[^0-9]|$)")
        .expect("the pattern is a constant")
});

/// The inputs with their places in the list; those without a day come first.
pub(super) fn by_day(inputs: &[Input]) -> Vec<(usize, &Input)> {
    let mut turns: Vec<(usize, &Input)> = inputs.iter().enumerate().collect();
    turns.sort_by_cached_key(|(place, input)| (day_in(&input.name), *place));
    turns
}

fn day_in(name: &str) -> Option<[&str; 3]> {
    DAY.captures(name).map(|found| found.extract().1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_found_in_names() {
        let day = Some(["2026", "03", "04"]);
        for name in [
            "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/04/111122223333_CloudTrail_eu-west-1_20260305T0000Z_x.json.gz",
            "dt=2026-03-04/part-0.json",
            "20260304.json",
            "ecs-events-1-2026-03-04-00-00-07",
        ] {
            assert_eq!(day_in(name), day, "{name}");
        }
        for name in ["events.json", "202603041.json", "120260304.json", "2026/13/04/x"] {
            assert_eq!(day_in(name), None, "{name}");
        }
    }
}
