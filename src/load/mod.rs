//! Loads inputs on all cores, from bytes through decoding and modeling to columns, and accounts for every record.
//!
//! In: [`Input`]s. Out: rows in a [`RowSink`] and one [`FileReport`] per file, in input order.
//! A bad file never aborts a load. Invariant: `read = loaded + duplicate + filtered + quarantined` for every file.

mod account;
mod archive;
mod contain;
mod content;
mod dedup;
mod file;
mod flow;
mod integrity;
mod layers;
mod order;
mod parquet;
mod quoted;
mod remodel;
mod selection;
mod settle;
mod tables;
mod worker;

pub use account::{FileReport, LogGroup, Rejected, Totals};
pub use contain::silence_contained_panics;
pub use content::{CellContent, Content, compared, content_of_cells};
pub use dedup::{Claim, Conflict, Deduplicator, Difference, Existing, Identity, Stored, identity, identity_of_version};
pub use file::read_bytes;
pub use integrity::Integrity;
pub use remodel::{OriginalRecord, remodel};
pub use selection::{QUARANTINED_MEMBERS, RemovalRule, Selection, is_incomplete};
pub use settle::{Removal, RowsToRemove, Settled, TableConflicts, WrittenRow};
pub use worker::{Day, LoadError, LoadOptions, Pool, RowSink, Worker, day_of};

use crate::discover::{Feed, Input, Source};
use crate::model::catalog::FailureCatalog;
use crate::table::{Columns, Table};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Receives progress of a load.
pub trait Progress: Sync {
    /// Called after each file and each member of an archive.
    fn file_done(&self, report: &FileReport);

    /// Called as the bytes of files are read.
    fn bytes_read(&self, _bytes: u64) {}
}

/// Ignores progress.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn file_done(&self, _report: &FileReport) {}
}

/// The version of the failure catalog that classifies loaded records.
pub fn catalog_version() -> String {
    FailureCatalog::current_version()
}

/// Returns the report of a fully loaded file with this content (BLAKE3, hex).
pub type Known<'s> = dyn Fn(&str) -> Option<FileReport> + Sync + 's;

/// Loads all inputs; an archive has a report before those of its members. `existing` returns the records in the store, `known` the loaded files.
pub fn load(
    inputs: &[Input],
    sink: &dyn RowSink,
    existing: Option<&Existing<'_>>,
    known: Option<&Known<'_>>,
    options: &LoadOptions,
    progress: &dyn Progress,
) -> Result<Vec<FileReport>, LoadError> {
    let dedup = Deduplicator::new(existing);
    let pool = Pool::new(&dedup, sink, options.tables);
    let reports: Vec<OnceLock<Vec<FileReport>>> = inputs.iter().map(|_| OnceLock::new()).collect();
    let keep = |place: usize, loaded: Vec<FileReport>| {
        let kept = reports.get(place).is_some_and(|slot| slot.set(loaded).is_ok());
        debug_assert!(kept, "each file has a slot of its own");
    };
    let (objects, files): (Vec<_>, Vec<_>) =
        order::day_by_day(inputs).into_iter().partition(|(_, input)| matches!(input.source, Source::Object(_)));
    // The first objects arrive while the local files are loaded.
    let feed = start_feed(&objects, options);
    files.into_par_iter().with_max_len(1).try_for_each(|(place, input)| {
        keep(place, file::load_file(&pool, input, known, options, progress)?);
        Ok::<(), LoadError>(())
    })?;
    if let Some(feed) = feed {
        // Each step takes the next object that has arrived, because threads that each wait for an object of their own would
        // start in the middle of the list, far ahead of the downloads.
        (0..objects.len()).into_par_iter().with_max_len(1).try_for_each(|_| {
            let stopped = || LoadError::Sink("internal error: downloads ended before the last object".to_owned());
            let (place, downloaded) = feed.next().ok_or_else(stopped)?;
            let input = inputs.get(place).ok_or_else(stopped)?;
            keep(place, file::load_object(&pool, input, downloaded, known, options, progress)?);
            Ok::<(), LoadError>(())
        })?;
    }
    let rest = rest_of(pool.into_workers(), sink);
    let conflicts = dedup.take_conflicts();
    // Nothing more is claimed, so the fingerprints need not stay in memory while the last files are written.
    drop(dedup);
    put_rest(rest, sink)?;
    let mut reports: Vec<FileReport> = reports.into_iter().filter_map(OnceLock::into_inner).flatten().collect();
    if !conflicts.is_empty() {
        settle::correct(&mut reports, &sink.settle(&conflicts).map_err(LoadError::Sink)?);
    }
    Ok(reports)
}

/// Starts to download objects in the order in which they are read.
fn start_feed(objects: &[(usize, &Input)], options: &LoadOptions) -> Option<Feed> {
    let objects = objects.iter().filter_map(|(place, input)| match &input.source {
        Source::Object(object) => Some((*place, object.clone())),
        _ => None,
    });
    Feed::start(objects.collect(), options.limits.file_bytes)
}

/// Columns of at least this many bytes get their own row group.
const OWN_GROUP: usize = 8 << 20;

/// Joins small parts of a table and day.
fn joined(parts: Vec<Columns>) -> Vec<Columns> {
    let mut files: Vec<Columns> = Vec::new();
    for columns in parts {
        let is_small = |first: &Columns| first.bytes().min(columns.bytes()) < OWN_GROUP && first.rows() < worker::GROUP_ROWS;
        match files.last_mut().filter(|first| is_small(first)) {
            Some(first) => first.join(columns),
            None => files.push(columns),
        }
    }
    files
}

/// Unwritten rows of each table and day.
type Rest = BTreeMap<(Table, Day), Vec<Columns>>;

/// Collects the unwritten rows of all workers.
fn rest_of(workers: Vec<Worker<'_>>, sink: &dyn RowSink) -> Rest {
    let mut rest = Rest::new();
    for worker in workers {
        if let Some((first, last)) = worker.span() {
            sink.span(first, last);
        }
        for (key, columns) in worker.finish() {
            rest.entry(key).or_default().push(columns);
        }
    }
    rest
}

/// Joins and writes the remaining rows, so that a small load writes one row group per table and day.
fn put_rest(rest: Rest, sink: &dyn RowSink) -> Result<(), LoadError> {
    let rest: Vec<_> = rest.into_iter().collect();
    rest.into_par_iter().with_max_len(1).try_for_each(|((table, day), parts)| {
        let files = joined(parts).into_par_iter().with_max_len(1);
        files.try_for_each(|columns| sink.put(table, day, columns).map_err(LoadError::Sink))
    })
}
