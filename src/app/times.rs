//! Points in time that options name.

use super::dataset::Dataset;
use super::error::AppError;
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::lang::ast::Instant;
use crate::lang::time::read_instant;
use crate::lang::{CheckContext, absolute};
use jiff::Timestamp;

/// A date or a time as a point in time; none for relative times.
pub fn on_the_clock(instant: Instant, context: &Context) -> Option<Timestamp> {
    let time = match instant {
        Instant::Date(date) => date.to_zoned(context.tz.clone()).map(|zoned| zoned.timestamp()),
        Instant::DateTime(time, Some(offset)) => offset.to_timestamp(time),
        Instant::DateTime(time, None) => time.to_zoned(context.tz.clone()).map(|zoned| zoned.timestamp()),
        _ => return None,
    };
    time.ok()
}

/// The time that `--at` names.
pub fn instant(text: &str, context: &Context) -> Result<Timestamp, AppError> {
    let wrong = || AppError::Sentence(format!("--at `{text}`: expected a time such as 2026-03-02T10:00:05Z"));
    let instant = read_instant(text, 0..text.len()).map_err(|_| wrong())?;
    on_the_clock(instant, context).ok_or_else(wrong)
}

/// A duration before the newest event, or a time.
pub fn since(text: Option<&str>, tables: &Dataset, context: &Context) -> Result<Option<Timestamp>, AppError> {
    let newest = tables.last.unwrap_or(context.now);
    text.map(|text| point_in_time("--since", text, newest, context)).transpose()
}

/// The value of an option: a duration back from `anchor`, a time, or a day such as `yesterday`.
pub fn point_in_time(option: &str, text: &str, anchor: Timestamp, context: &Context) -> Result<Timestamp, AppError> {
    let wrong = |diagnostic: Box<Diagnostic>| {
        let why = diagnostic.label.as_deref().map(|label| format!(" ({label})")).unwrap_or_default();
        AppError::Sentence(format!(
            "{option} `{text}`: expected a duration such as 7d, a time such as 2026-03-04, or yesterday, monday or last week{why}"
        ))
    };
    let instant = read_instant(text, 0..text.len()).map_err(wrong)?;
    let check = CheckContext { anchor, now: context.now, first: None, last: None, tz: context.tz.clone(), default_rows: None };
    absolute(&instant, &check, &(0..text.len())).map_err(wrong)
}
