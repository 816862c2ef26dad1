//! Groups failures by cause and explains each cause once.

use super::advice;
use super::find::{Subject, failures_of};
use super::records::{Records, Row, time};
use crate::model::catalog::{FailureCatalog, filled_lines};
use crate::rfc3339::instant;
use crate::run::RunError;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Failures with the same cause or, without a cause, the same reason.
#[derive(Debug, Clone, Serialize)]
pub struct Group {
    /// How many.
    pub count: usize,
    /// The catalog entry; none if no entry matches the messages.
    pub cause: Option<String>,
    /// The reason code, if all failures share it.
    pub reason: Option<String>,
    /// Its name in the source.
    pub title: Option<String>,
    /// What it means.
    pub meaning: Option<String>,
    /// How to respond.
    pub class: Option<String>,
    /// The first.
    #[serde(serialize_with = "instant")]
    pub first: Timestamp,
    /// The last.
    #[serde(serialize_with = "instant")]
    pub last: Timestamp,
    /// The ids of the two newest failures.
    pub examples: Vec<String>,
    /// What to do.
    pub actions: Vec<String>,
    /// How to respond, in a sentence.
    pub response: Option<String>,
}

/// Groups the failures of a subject, or all failures, since a time; most frequent first. `only` restricts them to some
/// ids.
pub fn groups(
    records: &Records<'_>,
    subject: Option<&Subject>,
    since: Option<Timestamp>,
    only: Option<&BTreeSet<String>>,
) -> Result<Vec<Group>, RunError> {
    let mut failures = match subject {
        Some(subject) => failures_of(records, subject)?,
        None => records.failures(&since.map_or_else(|| "true".to_owned(), |since| format!("\"time\" >= {}", time(since))))?,
    };
    failures.retain(|row| row.time("time").is_some_and(|time| since.is_none_or(|since| time >= since)));
    failures.retain(|row| only.is_none_or(|only| row.text("id").is_some_and(|id| only.contains(id))));
    failures.sort_by_key(|row| std::cmp::Reverse(row.time("time")));
    let mut by_cause: BTreeMap<(Option<String>, Option<String>), Vec<&Row>> = BTreeMap::new();
    for row in &failures {
        let cause = row.text("cause").map(str::to_owned);
        let reason = if cause.is_some() { None } else { row.text("reason").map(str::to_owned) };
        by_cause.entry((cause, reason)).or_default().push(row);
    }
    let mut groups: Vec<Group> = by_cause.into_iter().filter_map(|((cause, _), rows)| group(cause, &rows)).collect();
    groups.sort_by(|left, right| (right.count, &left.cause, &left.reason).cmp(&(left.count, &right.cause, &right.reason)));
    Ok(groups)
}

/// A group of rows, newest first.
fn group(cause: Option<String>, rows: &[&Row]) -> Option<Group> {
    let entry = cause.as_deref().and_then(|cause| FailureCatalog::current().entry(cause));
    let same = |column: &str| {
        let value = rows.first()?.text(column);
        rows.iter().all(|row| row.text(column) == value).then_some(value?).map(str::to_owned)
    };
    let class = same("class");
    Some(Group {
        count: rows.len(),
        reason: same("reason"),
        title: entry.map(|entry| entry.name.clone()),
        meaning: entry.map(|entry| entry.cause.clone()),
        first: rows.last()?.time("time")?,
        last: rows.first()?.time("time")?,
        examples: rows.iter().take(2).filter_map(|row| row.text("id")).map(str::to_owned).collect(),
        actions: entry.map(|entry| filled_lines(&entry.actions, &[])).unwrap_or_default(),
        response: advice::response(entry, class.as_deref()),
        class,
        cause,
    })
}
