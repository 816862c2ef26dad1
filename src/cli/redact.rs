//! Creates the redactor of a store.

use super::ask::Dataset;
use super::stderr::CliError;
use crate::redact::{Kind, Redactor, read_or_create, statements};
use crate::render::{self, Cell};
use std::path::Path;

/// Reads the key of the store, or generates one and stores it if it may, and reads the names in its columns.
pub fn redactor(tables: &Dataset, store: &Path, may_create: bool) -> Result<Redactor, CliError> {
    let key = read_or_create(store, may_create).map_err(|error| CliError::Sentence(format!("`{}`: {error}", store.display())))?;
    let mut names: Vec<(Kind, String)> = Vec::new();
    for (kind, statement) in statements() {
        let rows = render::rows(&tables.sql(&statement)?)?;
        names.extend(rows.into_iter().filter_map(|row| match row.into_iter().next() {
            Some(Cell::Text(name)) => Some((kind, name)),
            _ => None,
        }));
    }
    Ok(Redactor::new(key.bytes(), names))
}
