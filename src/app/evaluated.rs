//! Evaluates nouns once for all queries and explanations of a command.

use super::dataset::Dataset;
use super::error::AppError;
use crate::explain;
use crate::nouns::{self, ViewRequest};
use crate::run::{self, RunError};
use jiff::Timestamp;

/// The nouns that are computed from many records, after those that they are computed from. Others read their tables directly.
const COMPUTED: [&str; 7] = ["failures", "launches", "collisions", "schedules", "stalls", "quota", "incidents"];

/// The nouns that explanations of incidents read.
pub const OF_INCIDENTS: [&str; 6] = ["failures", "launches", "collisions", "schedules", "stalls", "incidents"];

/// What explanations request of a noun: they have no window, so ongoing states last until the newest event.
pub fn explained(tables: &Dataset) -> ViewRequest {
    ViewRequest { anchor: tables.last.map_or(0, Timestamp::as_microsecond), ..ViewRequest::default() }
}

/// Evaluates those of these nouns that are computed, and what explanations read besides them. Returns the views that
/// explanations can read.
pub fn evaluate(tables: &Dataset, need: ViewRequest, wanted: &[&str]) -> Result<Vec<String>, AppError> {
    let plain = explained(tables);
    let (mut for_explanations, mut evaluated) = (Vec::new(), Vec::new());
    for noun in COMPUTED.into_iter().filter(|word| wanted.contains(word)).filter_map(nouns::noun) {
        let same = (noun.view)(plain);
        // The rows are the same except for the evidence.
        let also: Vec<String> =
            Some(same).filter(|same| *same == (noun.view)(ViewRequest { evidence: false, ..need })).into_iter().collect();
        let (session, view, views, known) = (tables.session.clone(), (noun.view)(need), also.clone(), evaluated.clone());
        let read = view.clone();
        match tables.wait(async move { run::evaluate(&session, &read, &views, &known).await }) {
            Ok(()) => {
                for_explanations.extend(also);
                evaluated.push(view);
            }
            Err(RunError::Interrupted) => return Err(RunError::Interrupted.into()),
            // An error here occurs again where the rows are needed, and is reported there.
            Err(_) => {}
        }
    }
    let (session, view) = (tables.session.clone(), explain::definitions());
    for_explanations.push(view.clone());
    tables.wait(async move { run::evaluate(&session, &view, &[], &[]).await })?;
    Ok(for_explanations)
}
