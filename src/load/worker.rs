//! What one thread of a load has: buffers that are used again, and columns that fill up.

use super::dedup::{Claim, Deduplicator, LastDay, identity, identity_of_version};
use super::selection::Selection;
use crate::decode::buffer::Buffer;
use crate::decode::inflate::InflateLimits;
use crate::model::Record;
use crate::table::{Columns, Row, Table, TableSet, widened};
use arrow::error::ArrowError;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// A day, as days since 1970 UTC.
pub type Day = i32;

/// How a load behaves.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Records later than this (microseconds) are quarantined: the clock plus 24 h.
    pub latest: i64,
    /// Whether the original records are kept.
    pub keep_raw: bool,
    /// The tables whose rows are kept; the others are counted all the same.
    pub tables: TableSet,
    /// Limits of decompression.
    pub inflate: InflateLimits,
    /// Bytes a file may have on disk.
    pub max_file_bytes: u64,
    /// Which records are taken.
    pub selection: Selection,
}

/// Why a load ends.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Rows did not fit their schema: an error of this program.
    #[error("rows could not be converted to columns: {0}")]
    Columns(#[from] ArrowError),
    /// The place rows go to refused them.
    #[error("{0}")]
    Sink(String),
    /// Part of a record was kept when something panicked: an error of this program.
    #[error("`{file}`: internal error while adding a record: {said}; nothing from this load was stored")]
    Torn {
        /// The file.
        file: String,
        /// What the panic said.
        said: String,
    },
}

/// Where rows go.
pub trait RowSink: Sync + std::fmt::Debug {
    /// Takes the rows of one table and day.
    fn put(&self, table: Table, day: Day, columns: Columns) -> Result<(), String>;

    /// Whether it takes the original records apart from the rows.
    fn takes_originals_apart(&self) -> bool {
        false
    }

    /// Hears of the oldest and newest event, also of tables whose rows are not kept.
    fn span(&self, _first: i64, _last: i64) {}
}

/// Bytes that the columns of all workers may have together, less the identities, which are kept as long as the load lasts.
/// A load stays below 1 GiB: the rest is for the files that are being read and for the columns that are being encoded.
const COLUMNS: usize = 512 << 20;
/// Columns may have at least this many bytes, however many identities are kept.
const LEAST_COLUMNS: usize = 64 << 20;
/// Columns of this many bytes are handed on, whatever room there is: they become a row group, which queries read or skip as
/// a whole, and more rows in one compress no better.
const GROUP: usize = 32 << 20;
/// Buffers up to this many bytes are kept from file to file, larger ones only as long as files fill a quarter of them.
const SMALL_BUFFER: usize = 2 << 20;
/// Buffers larger than this are never kept.
const LARGE_BUFFER: usize = 16 << 20;

/// Rows that were not handed on yet, with their table and day.
pub type Rest = ((Table, Day), Columns);

/// The state of one thread of a load.
pub struct Worker<'s> {
    dedup: &'s Deduplicator<'s>,
    sink: &'s dyn RowSink,
    tables: TableSet,
    /// Threads that share the memory of the load.
    threads: usize,
    last_day: LastDay,
    columns: BTreeMap<(Table, Day), Columns>,
    bytes: usize,
    /// Oldest and newest event.
    span: Option<(i64, i64)>,
    /// Whether a record is being kept: then some columns may have a row more than others.
    keeping: bool,
}

impl std::fmt::Debug for Worker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl<'s> Worker<'s> {
    /// A worker without rows.
    pub fn new(dedup: &'s Deduplicator<'s>, sink: &'s dyn RowSink, tables: TableSet) -> Self {
        let threads = rayon::current_num_threads();
        Worker { dedup, sink, tables, threads, last_day: None, columns: BTreeMap::new(), bytes: 0, span: None, keeping: false }
    }

    /// Keeps the rows of a record, if it is new.
    pub fn keep(&mut self, record: &Record<'_>) -> Result<Claim, LoadError> {
        self.keeping = true;
        let kept = self.keep_new(record);
        self.keeping = false;
        kept
    }

    fn keep_new(&mut self, record: &Record<'_>) -> Result<Claim, LoadError> {
        let day = day_of(record.time);
        let identity = match record.rows.first() {
            Some(row) => identity_of_version(row.account(), row.id().unwrap_or_default(), version_of(row)),
            None => identity(record.account.as_deref(), &record.id),
        };
        let claim = self.dedup.claim(&mut self.last_day, record.table, day, identity).map_err(LoadError::Sink)?;
        if claim != Claim::New {
            return Ok(claim);
        }
        for row in &record.rows {
            self.push(row, record.time)?;
        }
        Ok(Claim::New)
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
        let apart = self.sink.takes_originals_apart();
        let columns = self.columns.entry((table, day));
        let columns = columns.or_insert_with(|| if apart { Columns::with_originals_apart(table) } else { Columns::new(table) });
        let before = columns.bytes();
        columns.push(row);
        let after = columns.bytes();
        self.bytes += after - before;
        if after > GROUP {
            self.hand_on((table, day))?;
        } else if self.bytes > self.room() {
            self.hand_on(self.fullest((table, day), after))?;
        }
        Ok(())
    }

    /// Bytes that its columns may have.
    fn room(&self) -> usize {
        COLUMNS.saturating_sub(self.dedup.bytes()).max(LEAST_COLUMNS) / self.threads
    }

    /// The largest columns but those at hand, of `bytes`: their day mostly is not over yet.
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

    /// What is left at the end.
    pub fn finish(self) -> impl Iterator<Item = Rest> {
        self.columns.into_iter()
    }
}

/// The workers and buffers of a load; a thread takes what it needs for one file or part and gives it back.
#[derive(Debug)]
pub struct Pool<'s> {
    dedup: &'s Deduplicator<'s>,
    sink: &'s dyn RowSink,
    tables: TableSet,
    workers: Mutex<Vec<Worker<'s>>>,
    /// Whether a worker was given back while it kept a record.
    torn: AtomicBool,
    buffers: Mutex<Vec<(Buffer, Buffer)>>,
}

impl<'s> Pool<'s> {
    /// A pool without workers.
    pub fn new(dedup: &'s Deduplicator<'s>, sink: &'s dyn RowSink, tables: TableSet) -> Self {
        Pool { dedup, sink, tables, workers: Mutex::default(), torn: AtomicBool::new(false), buffers: Mutex::default() }
    }

    /// Runs with a worker of its own, whose rows are kept also if it panics.
    pub fn with_worker<R>(&self, run: impl FnOnce(&mut Worker<'s>) -> R) -> R {
        let idle = self.workers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let worker = idle.unwrap_or_else(|| Worker::new(self.dedup, self.sink, self.tables));
        run(&mut Lent { pool: self, worker }.worker)
    }

    /// Whether what the workers have cannot be used any more, after a panic.
    pub fn is_torn(&self) -> bool {
        self.torn.load(Ordering::Relaxed)
    }

    /// Buffers for a file as it is stored, and for what is compressed in it.
    pub fn buffers(&self) -> (Buffer, Buffer) {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Gives buffers back; those that are larger than files need are let go.
    pub fn give_back(&self, (packed, plain): (Buffer, Buffer)) {
        let fits = |buffer: &Buffer| buffer.capacity() <= SMALL_BUFFER.max(buffer.len() * 4).min(LARGE_BUFFER);
        let kept = |buffer: Buffer| Some(buffer).filter(fits).unwrap_or_default();
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner).push((kept(packed), kept(plain)));
    }

    /// The workers at the end.
    pub fn into_workers(self) -> Vec<Worker<'s>> {
        self.workers.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker that goes back to its pool.
struct Lent<'p, 's> {
    pool: &'p Pool<'s>,
    worker: Worker<'s>,
}

impl Drop for Lent<'_, '_> {
    fn drop(&mut self) {
        let Pool { dedup, sink, tables, .. } = self.pool;
        let worker = std::mem::replace(&mut self.worker, Worker::new(dedup, *sink, *tables));
        self.pool.torn.fetch_or(worker.keeping, Ordering::Relaxed);
        self.pool.workers.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
    }
}

/// The version of what a row is a state of.
fn version_of(row: &Row<'_>) -> Option<i64> {
    match row {
        Row::TaskEvents(task) => task.version,
        Row::InstanceEvents(instance) => instance.version,
        _ => None,
    }
}

/// The day of a time in microseconds.
pub fn day_of(micros: i64) -> Day {
    i32::try_from(micros.div_euclid(86_400_000_000)).unwrap_or(i32::MAX)
}
