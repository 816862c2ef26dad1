//! Counts over the reports of files.

use crate::load::FileReport;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The times of the oldest and the newest event.
pub fn span(reports: &[FileReport]) -> (Option<Timestamp>, Option<Timestamp>) {
    let instant = |micros: i64| Timestamp::from_microsecond(micros).ok();
    (
        reports.iter().filter_map(|report| report.first).min().and_then(instant),
        reports.iter().filter_map(|report| report.last).max().and_then(instant),
    )
}

/// The number of files with each reason.
pub fn files_by_reason(reports: &[FileReport], reasons: impl Fn(&FileReport) -> Vec<String>) -> BTreeMap<String, u64> {
    let mut files: BTreeMap<String, u64> = BTreeMap::new();
    for report in reports {
        let mut reasons = reasons(report);
        reasons.sort();
        reasons.dedup();
        for reason in reasons {
            *files.entry(reason).or_default() += 1;
        }
    }
    files
}
