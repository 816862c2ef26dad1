//! How complete the data behind a report is: what is loaded for its window, and what cannot be known without the rest.

use super::ReportError;
use super::queries::{Between, QueryCache};
use crate::explain::span;
use crate::plural::counted;
use crate::render::Look;
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
                let count = result.cell(0, "count").map(|cell| cell.human(&Look::default())).unwrap_or_default();
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
        let hours = cache.measure("gaps where kind = missing show count", window);
        match hours.map(|hours| hours.number(0, "count").unwrap_or_default()) {
            Ok(0.0) => coverage.loaded.push("no hour of CloudTrail is missing".to_owned()),
            Ok(hours) => {
                let hours = counted(hours, "hour", "hours");
                coverage.unknown.push(format!("{hours} without CloudTrail records, counted per account and Region"));
            }
            Err(ReportError::Run(error)) => {
                coverage.unknown.push(format!("missing hours: not known, the query failed ({error})"))
            }
            Err(error) => return Err(error),
        }
    }
    Ok(coverage)
}
