//! The state of one load thread: reusable buffers and growing columns.

use super::content::{CopyContent, copy_of_row};
use super::dedup::{Claim, Conflict, Deduplicator, LastDay, identity, identity_of_version};
use super::integrity::Integrity;
use super::selection::Selection;
use super::settle::Settled;
use crate::decode::budget::{Budget, Limits};
use crate::decode::buffer::Buffer;
use crate::micros::DAY;
use crate::model::Record;
use crate::table::{Columns, Row, Table, TableSet, widened};
use arrow::error::ArrowError;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A day, as days since 1970 UTC.
pub type Day = i32;

/// Options of a load.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Records later than this (microseconds) are quarantined: the current time plus 24 h.
    pub latest: i64,
    /// Whether original records are stored.
    pub keep_raw: bool,
    /// The tables whose rows are stored; records of other tables are still counted.
    pub tables: TableSet,
    /// The limits for one file.
    pub limits: Limits,
    /// The records to accept.
    pub selection: Selection,
    /// The digests whose log files are checked.
    pub integrity: Option<Arc<Integrity>>,
}

/// The options of a load, and what the file at hand may still cost.
#[derive(Debug, Clone, Copy)]
pub struct FileContext<'l> {
    /// The options.
    pub options: &'l LoadOptions,
    /// The budget of the file.
    pub budget: &'l Budget,
}

impl std::ops::Deref for FileContext<'_> {
    type Target = LoadOptions;

    fn deref(&self) -> &LoadOptions {
        self.options
    }
}

/// Why a load failed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Rows did not match their schema: a bug in this program.
    #[error("rows could not be converted to columns: {0}")]
    Columns(#[from] ArrowError),
    /// The sink reported an error.
    #[error("{0}")]
    Sink(String),
    /// A panic occurred while a record was being added: a bug in this program.
    #[error("`{file}`: internal error while adding a record: {message}; nothing from this load was stored")]
    Torn {
        /// The file.
        file: String,
        /// The message of the panic.
        message: String,
    },
}

/// Receives finished columns.
pub trait RowSink: Sync + std::fmt::Debug {
    /// Accepts the rows of one table and day.
    fn put(&self, table: Table, day: Day, columns: Columns) -> Result<(), String>;

    /// Empty columns for rows of a table, as this sink accepts them.
    fn columns(&self, table: Table) -> Columns {
        Columns::new(table)
    }

    /// Reports the oldest and newest event, including those of tables that are not stored.
    fn span(&self, _first: i64, _last: i64) {}

    /// Removes the rows of records that are not kept because of a conflict, and finds the records in conflict. Called
    /// after the last row.
    fn settle(&self, _conflicts: &[Conflict]) -> Result<Vec<Settled>, String> {
        Ok(Vec::new())
    }
}

/// Memory budget, in bytes, shared by the columns of all workers and the fingerprints, which are kept for the whole
/// load. A load stays below 1 GiB; the rest is for files being read and columns being encoded.
const COLUMNS: usize = 512 << 20;
/// Minimum budget for columns, regardless of the number of fingerprints.
const LEAST_COLUMNS: usize = 64 << 20;
/// Columns of this size are flushed even if there is room: they become a row group, which queries read or skip as a
/// unit, and a larger one does not compress better.
const GROUP: usize = 32 << 20;
/// Columns of this many rows are flushed, too. A stored row takes more than 32 bytes; a row of a few columns in memory may
/// take a few bits until it becomes Arrow.
pub const GROUP_ROWS: usize = 1 << 20;
/// Buffers up to this size are always reused; larger ones only while files fill at least a quarter of them.
const SMALL_BUFFER: usize = 2 << 20;
/// Buffers larger than this are never reused.
const LARGE_BUFFER: usize = 16 << 20;

/// Unflushed rows with their table and day.
pub type Rest = ((Table, Day), Columns);

/// The state of one load thread.
pub struct Worker<'s> {
    dedup: &'s Deduplicator<'s>,
    sink: &'s dyn RowSink,
    tables: TableSet,
    /// The number of threads that share the memory budget.
    threads: usize,
    last_day: LastDay,
    columns: BTreeMap<(Table, Day), Columns>,
    bytes: usize,
    /// Oldest and newest event.
    span: Option<(i64, i64)>,
    /// Whether a record is being added, so that columns may have unequal lengths.
    keeping: bool,
}

impl std::fmt::Debug for Worker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl<'s> Worker<'s> {
    /// An empty worker.
    pub fn new(dedup: &'s Deduplicator<'s>, sink: &'s dyn RowSink, tables: TableSet) -> Self {
        let threads = rayon::current_num_threads();
        Worker { dedup, sink, tables, threads, last_day: None, columns: BTreeMap::new(), bytes: 0, span: None, keeping: false }
    }

    /// Adds the rows of a record if it is new, or kept rather than a conflicting or less complete one. The file and number say where it
    /// was read.
    pub fn keep(&mut self, record: &Record<'_>, place: (&str, i64)) -> Result<Claim, LoadError> {
        self.keeping = true;
        let kept = self.keep_new(record, place);
        self.keeping = false;
        kept
    }

    fn keep_new(&mut self, record: &Record<'_>, (file, number): (&str, i64)) -> Result<Claim, LoadError> {
        debug_assert!(record.rows.iter().all(|row| row.table().has_rows_of(record.table)), "{}", record.table.name());
        let day = day_of(record.time);
        let (identity, copy) = match record.rows.first() {
            Some(row) => {
                let identity = identity_of_version(row.account(), row.id().unwrap_or_default(), version_of(row));
                (identity, copy_of_row(row))
            }
            None => (identity(record.account.as_deref(), &record.id), CopyContent::NotCompared),
        };
        let conflict = |difference, is_kept| Conflict {
            table: record.table,
            day,
            id: record.rows.first().and_then(Row::id).unwrap_or_default().to_owned(),
            account: record.rows.first().and_then(Row::account).map(str::to_owned),
            version: record.rows.first().and_then(version_of),
            difference,
            later: (Arc::from(file), number),
            is_kept,
        };
        let key = (record.table, day);
        let claim = self.dedup.claim(&mut self.last_day, key, (identity, copy), conflict).map_err(LoadError::Sink)?;
        if matches!(claim, Claim::New | Claim::Fuller { .. } | Claim::Conflict { is_kept: true }) {
            for row in &record.rows {
                self.push(row, record.time)?;
            }
        }
        Ok(claim)
    }

    fn push(&mut self, row: &Row<'_>, record_time: i64) -> Result<(), LoadError> {
        let table = row.table();
        if let Some(time) = row.time().filter(|_| table.holds_events()) {
            self.span = widened(self.span, time);
        }
        if !self.tables.contains(table) {
            return Ok(());
        }
        let day = day_of(row.time().unwrap_or(record_time));
        let columns = self.columns.entry((table, day)).or_insert_with(|| self.sink.columns(table));
        let before = columns.bytes();
        columns.push(row);
        let after = columns.bytes();
        let is_full = after > GROUP || columns.rows() >= GROUP_ROWS;
        self.bytes += after - before;
        if is_full {
            self.hand_on((table, day))?;
        } else if self.bytes > self.room() {
            self.hand_on(self.fullest((table, day), after))?;
        }
        Ok(())
    }

    /// The memory budget of this worker's columns.
    fn room(&self) -> usize {
        COLUMNS.saturating_sub(self.dedup.bytes()).max(LEAST_COLUMNS) / self.threads
    }

    /// The largest columns other than the current ones (of `bytes`), whose day is usually still in progress.
    fn fullest(&self, at_hand: (Table, Day), bytes: usize) -> (Table, Day) {
        let others = self.columns.iter().filter(|(key, _)| **key != at_hand).map(|(key, columns)| (columns.bytes(), *key));
        others.max().filter(|(others, _)| *others >= bytes / 4).map_or(at_hand, |(_, key)| key)
    }

    fn hand_on(&mut self, key: (Table, Day)) -> Result<(), LoadError> {
        if let Some(columns) = self.columns.remove(&key) {
            self.bytes = self.bytes.saturating_sub(columns.bytes());
            self.sink.put(key.0, key.1, columns).map_err(LoadError::Sink)?;
        }
        Ok(())
    }

    /// Oldest and newest event so far.
    pub fn span(&self) -> Option<(i64, i64)> {
        self.span
    }

    /// The unflushed rows.
    pub fn finish(self) -> impl Iterator<Item = Rest> {
        self.columns.into_iter()
    }
}

/// The workers and buffers of a load; a thread borrows them for one file or part.
#[derive(Debug)]
pub struct Pool<'s> {
    dedup: &'s Deduplicator<'s>,
    sink: &'s dyn RowSink,
    tables: TableSet,
    workers: Mutex<Vec<Worker<'s>>>,
    /// Whether a worker was returned in the middle of a record.
    torn: AtomicBool,
    buffers: Mutex<Vec<(Buffer, Buffer)>>,
}

impl<'s> Pool<'s> {
    /// An empty pool.
    pub fn new(dedup: &'s Deduplicator<'s>, sink: &'s dyn RowSink, tables: TableSet) -> Self {
        Pool { dedup, sink, tables, workers: Mutex::default(), torn: AtomicBool::new(false), buffers: Mutex::default() }
    }

    /// Runs `run` with a worker, whose rows are kept even if `run` panics.
    pub fn with_worker<R>(&self, run: impl FnOnce(&mut Worker<'s>) -> R) -> R {
        let idle = self.workers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let worker = idle.unwrap_or_else(|| Worker::new(self.dedup, self.sink, self.tables));
        run(&mut BorrowedWorker { pool: self, worker }.worker)
    }

    /// Whether a panic left the columns of a worker unusable.
    pub fn is_torn(&self) -> bool {
        self.torn.load(Ordering::Relaxed)
    }

    /// Two buffers for a file: raw and decompressed.
    pub fn buffers(&self) -> (Buffer, Buffer) {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Returns buffers, dropping those that are larger than necessary.
    pub fn give_back(&self, (packed, plain): (Buffer, Buffer)) {
        let fits = |buffer: &Buffer| buffer.capacity() <= SMALL_BUFFER.max(buffer.len() * 4).min(LARGE_BUFFER);
        let kept = |buffer: Buffer| Some(buffer).filter(fits).unwrap_or_default();
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner).push((kept(packed), kept(plain)));
    }

    /// The workers, at the end of a load.
    pub fn into_workers(self) -> Vec<Worker<'s>> {
        self.workers.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A borrowed worker, returned to its pool on drop.
struct BorrowedWorker<'p, 's> {
    pool: &'p Pool<'s>,
    worker: Worker<'s>,
}

impl Drop for BorrowedWorker<'_, '_> {
    fn drop(&mut self) {
        let Pool { dedup, sink, tables, .. } = self.pool;
        let worker = std::mem::replace(&mut self.worker, Worker::new(dedup, *sink, *tables));
        self.pool.torn.fetch_or(worker.keeping, Ordering::Relaxed);
        self.pool.workers.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
    }
}

/// The version of versioned state.
fn version_of(row: &Row<'_>) -> Option<i64> {
    match row {
        Row::TaskEvents(task) => task.version,
        Row::InstanceEvents(instance) => instance.version,
        _ => None,
    }
}

/// The day of a time in microseconds.
pub fn day_of(micros: i64) -> Day {
    i32::try_from(micros.div_euclid(DAY)).unwrap_or(i32::MAX)
}
