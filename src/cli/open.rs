//! Opens the tables that the arguments of a command name.

use super::args::Global;
use super::environment::search_context;
use super::progress;
use super::stderr::say_note;
use crate::app::{AppError, Dataset};
use crate::context::Context;
use crate::store::Store;
use crate::table::Projection;
use std::path::PathBuf;

/// Opens the tables of the store, or of the given exports, and prints what a reader should know about them; `wanted` are the
/// tables or columns that queries will read.
pub fn open(
    from: &[PathBuf],
    keep_raw: bool,
    wanted: impl Into<Projection>,
    global: &Global,
    context: &Context,
) -> Result<Dataset, AppError> {
    if from.is_empty() {
        return open_store(&Store::open(&global.store)?, context);
    }
    let search = search_context()?;
    let tables =
        Dataset::of_export(from, keep_raw, wanted.into(), (&search, &|inputs| progress::of_load(inputs, context)), context)?;
    tables.notes.iter().for_each(say_note);
    Ok(tables)
}

/// Opens the tables of a store, and prints what a reader should know about them.
pub fn open_store(store: &Store, context: &Context) -> Result<Dataset, AppError> {
    let tables = Dataset::of_store(store, context)?;
    tables.notes.iter().for_each(say_note);
    Ok(tables)
}
