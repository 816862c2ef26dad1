//! How complete the data behind a report is: what is loaded for its window, and what cannot be known without the rest.

use super::ReportError;
use super::queries::{Between, QueryCache, QueryResult};
use crate::explain::span;
use crate::plural::word;
use crate::render::{MISSING, thousands};
use jiff::tz::TimeZone;
use serde::Serialize;

/// The coverage of a window.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Coverage {
    /// What is loaded, one entry per source.
    pub loaded: Vec<String>,
    /// What is not known, and why.
    pub unknown: Vec<String>,
}

/// The noun of the source whose missing hours are known.
const CALLS: &str = "calls";

/// A source: its name, its query, what one row is called, and what is not known without it.
const SOURCES: [(&str, &str, &str, &str); 4] = [
    ("CloudTrail", CALLS, "calls", "lost launches, missed starts, refused calls and who changed what"),
    ("ECS events", "events", "events", "failed tasks, deployments, stalls and what the agents were doing"),
    ("dstack", "runs", "job submissions", ""),
    ("VPC flow logs", "flows", "records", ""),
];

/// The coverage of a window.
pub fn coverage(cache: &QueryCache<'_>, window: Between, tz: &TimeZone) -> Result<Coverage, ReportError> {
    let mut coverage = Coverage::default();
    let mut has_calls = false;
    for (name, noun, rows, without) in SOURCES {
        let query = format!("{noun} show count, first(time) as first, last(time) as last");
        let missing = cache.unanswerable(noun, None)?;
        let result = match cache.measure(&query, window) {
            Err(ReportError::Run(error)) => {
                coverage.unknown.push(format!("{name}: not known, the query failed ({error})"));
                continue;
            }
            result => result?,
        };
        let count = result.number(0, "count").unwrap_or_default();
        let times = result.time(0, "first").zip(result.time(0, "last"));
        match (times.filter(|_| count > 0.0), without) {
            (Some((first, last)), _) => {
                let count = thousands(count as u64);
                coverage.loaded.push(format!("{name}: {count} {rows}, {}", span(first, last, tz)));
                has_calls |= noun == CALLS;
            }
            (None, "") => {}
            (None, without) => {
                let why = missing.map_or_else(|| format!("no {name} in the window"), |_| format!("no {name} loaded"));
                coverage.unknown.push(format!("{without}: not known, {why}"));
            }
        }
    }
    if has_calls {
        match cache.measure("gaps where kind = missing by account, region show count sort -count, account, region", window) {
            Ok(gaps) => match missing_hours(&gaps) {
                None => coverage.loaded.push("no hour of CloudTrail is missing".to_owned()),
                Some(hours) => coverage.unknown.push(hours),
            },
            Err(ReportError::Run(error)) => {
                coverage.unknown.push(format!("missing hours: not known, the query failed ({error})"))
            }
            Err(error) => return Err(error),
        }
    }
    Ok(coverage)
}

/// The hours without records, and the account and Region with most. A quiet Region has such hours, too, which the reader has to judge.
fn missing_hours(gaps: &QueryResult) -> Option<String> {
    let hours = |row: usize| gaps.number(row, "count").unwrap_or_default();
    let all: f64 = (0..gaps.rows.len()).map(hours).fold(0.0, |sum, hours| sum + hours);
    if all == 0.0 {
        return None;
    }
    let of = |name: &str| gaps.text(0, name).unwrap_or(MISSING);
    let (count, first) =
        (format!("{} {}", thousands(all as u64), word(all, "hour", "hours")), format!("{}/{}", of("account"), of("region")));
    let place = match gaps.rows.len() {
        1 => format!("in {first}"),
        many => format!("in {many} pairs of account and Region, the most ({}) in {first}", hours(0)),
    };
    Some(format!("{count} without CloudTrail records {place}: logs are missing, or nothing happened"))
}
