//! Narrows a command to the rows that meet a condition.

use super::dataset::Dataset;
use super::error::AppError;
use super::runner::QueryRunner;
use crate::context::Context;
use crate::lang;
use crate::plan::Evidence;
use crate::render::{Look, rows};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// A condition, after checking it against the fields of `failures`; empty = everything.
pub fn checked_scope(condition: String, tables: &Dataset, anchor: Timestamp, context: &Context) -> Result<String, AppError> {
    if condition.is_empty() {
        return Ok(condition);
    }
    let text = format!("failures where {condition}");
    let wrong = |diagnostics| AppError::Query { text: text.clone(), diagnostics };
    let query = lang::parse(&text).map_err(wrong)?;
    lang::check(&query, &tables.catalog(), &tables.check_context(anchor, context)).map_err(wrong)?;
    Ok(condition)
}

/// The ids of the rows of some nouns that meet a condition; a noun without the fields of the condition has none.
pub fn ids(runner: &QueryRunner<'_>, nouns: &[&str], condition: &str) -> Result<BTreeSet<String>, AppError> {
    let mut ids = BTreeSet::new();
    for noun in nouns {
        let text = format!("{noun} where {condition} show id limit all");
        let wrong = |diagnostics| AppError::Query { text: text.clone(), diagnostics };
        let query = lang::parse(&text).map_err(wrong)?;
        let Ok(checked) = runner.check(&query, &text) else { continue };
        let answer = runner.answer(&checked, &text, Evidence::Without)?;
        for row in rows(&answer)? {
            ids.extend(row.first().map(|cell| cell.exact(&Look::default())));
        }
    }
    Ok(ids)
}
