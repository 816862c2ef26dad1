//! Creates the redactor of a store.

use super::dataset::Dataset;
use super::error::AppError;
use crate::redact::{KEY_FILE, Key, Kind, Redactor, read_or_create, statements};
use crate::render::{self, Cell};
use crate::store::StoreRoot;

/// The largest file of a key in a bucket, in bytes.
const LONGEST_KEY: u64 = 4096;

/// Reads the key of the store, or generates one and stores it if it may, and reads the names in its columns.
pub fn redactor(tables: &Dataset, store: &StoreRoot, may_create: bool) -> Result<Redactor, AppError> {
    let failed = |error: std::io::Error| AppError::Sentence(format!("`{}`: {error}", store.display()));
    let key = match store.is_folder() {
        true => read_or_create(store, may_create).map_err(failed)?,
        // A bucket is only read.
        false => match store.read_text(&store.join(KEY_FILE), LONGEST_KEY)? {
            Some(text) => Key::of_text(&text, &store.join(KEY_FILE)).map_err(failed)?,
            None => Key::temporary().map_err(failed)?,
        },
    };
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
