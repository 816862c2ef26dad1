//! `--where`, `--cluster`, `--service`, `--account` and `--region`: narrows a command to a part of the store.

use super::args::Scope;
use super::ask::Dataset;
use super::query::{Asker, catalog, check_context};
use super::stderr::CliError;
use crate::context::Context;
use crate::lang;
use crate::plan::Evidence;
use crate::render::{Look, rows};
use jiff::Timestamp;
use std::collections::BTreeSet;

impl Scope {
    /// The scope as a condition of the query language; empty = everything.
    pub fn condition(&self) -> String {
        let equal: [(&str, &[String]); 4] =
            [("account", &self.accounts), ("region", &self.regions), ("cluster", &self.clusters), ("service", &self.services)];
        lang::scope(&equal, self.condition.as_deref())
    }

    /// The condition, after checking it against the fields of `failures`.
    pub fn checked(&self, tables: &Dataset, anchor: Timestamp, context: &Context) -> Result<String, CliError> {
        let condition = self.condition();
        if condition.is_empty() {
            return Ok(condition);
        }
        let text = format!("failures where {condition}");
        let wrong = |diagnostics| CliError::Query { text: text.clone(), diagnostics };
        let query = lang::parse(&text).map_err(wrong)?;
        lang::check(&query, &catalog(tables), &check_context(anchor, tables, context)).map_err(wrong)?;
        Ok(condition)
    }
}

/// The ids of the rows of some nouns that meet a condition; a noun without the fields of the condition has none.
pub fn ids(asker: &Asker<'_>, nouns: &[&str], condition: &str) -> Result<BTreeSet<String>, CliError> {
    let mut ids = BTreeSet::new();
    for noun in nouns {
        let text = format!("{noun} where {condition} show id limit all");
        let wrong = |diagnostics| CliError::Query { text: text.clone(), diagnostics };
        let query = lang::parse(&text).map_err(wrong)?;
        let Ok(checked) = asker.check(&query, &text) else { continue };
        let answer = asker.answer(&checked, &text, Evidence::Without)?;
        for row in rows(&answer)? {
            ids.extend(row.first().map(|cell| cell.exact(&Look::default())));
        }
    }
    Ok(ids)
}
