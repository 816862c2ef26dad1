//! Writes record batches to the Parquet files of a table; each worker encodes its own.

use super::conflict::settle;
use super::manifest::DataFile;
use super::{StoreError, StoreRoot, fault, guard};
use crate::load::{Conflict, Day, RowSink, Settled};
use crate::table::{Columns, Encoded, ID_PLACEHOLDERS, Table, with_page_checksums};
use arrow::array::{Array, TimestampMicrosecondArray};
use arrow::compute::{max, min};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, SchemaDescriptor, Type};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The folder of a table.
pub fn table_folder(root: &Path, table: Table) -> PathBuf {
    root.join("tables").join(table.name())
}

/// A partition name such as `2026-03-04`.
pub fn day_name(day: Day) -> String {
    let date = jiff::civil::Date::constant(1970, 1, 1).checked_add(jiff::Span::new().days(i64::from(day)));
    date.map_or_else(|_| "0000-00-00".to_owned(), |date| date.to_string())
}

/// Parses a partition name.
pub fn day_of_name(name: &str) -> Option<Day> {
    let date: jiff::civil::Date = name.parse().ok()?;
    let since = jiff::civil::Date::constant(1970, 1, 1).until((jiff::Unit::Day, date)).ok()?;
    Some(since.get_days())
}

/// The day of a partition folder.
pub fn day_of_path(path: &str) -> Option<Day> {
    path.strip_prefix("day=").and_then(|rest| rest.split('/').next()).and_then(day_of_name)
}

/// The number of the load that wrote a file, from its path.
pub fn load_of(path: &str) -> Option<u64> {
    let name = path.rsplit('/').next()?;
    name.strip_prefix("load-")?.split('-').next()?.parse().ok().filter(|load| *load <= guard::MOST)
}

/// Hashes the bytes on their way to a file.
struct HashedFile {
    file: fs::File,
    hasher: blake3::Hasher,
}

impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// An open file of one table and day, written one row group at a time.
pub struct OpenFile {
    table: Table,
    day: Day,
    path: String,
    whole: PathBuf,
    writer: SerializedFileWriter<HashedFile>,
    rows: u64,
    first: Option<i64>,
    last: Option<i64>,
}

impl std::fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenFile").field("path", &self.path).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl OpenFile {
    /// Creates the file; `name` has no extension.
    pub fn create(root: &Path, table: Table, day: Day, name: &str) -> Result<OpenFile, StoreError> {
        let path = format!("day={}/{name}.parquet", day_name(day));
        let whole = table_folder(root, table).join(&path);
        fault::step(&whole)?;
        if let Some(folder) = whole.parent() {
            guard::make_folders(root, folder)?;
        }
        let file = HashedFile { file: guard::create(root, &whole)?, hasher: blake3::Hasher::new() };
        let writer = schema_of(table)
            .and_then(|schema| SerializedFileWriter::new(file, schema.root_schema_ptr(), Arc::new(properties(table))));
        let writer = writer.map_err(|error| StoreError::parquet(&whole, &error))?;
        Ok(OpenFile { table, day, path, whole, writer, rows: 0, first: None, last: None })
    }

    /// The Parquet schema of the file.
    pub fn schema(&self) -> &Type {
        self.writer.schema_descr().root_schema()
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.writer.bytes_written() as u64
    }

    /// Appends an encoded row group.
    pub fn append(&mut self, group: EncodedGroup) -> Result<(), StoreError> {
        let append = |writer: &mut SerializedFileWriter<HashedFile>| {
            let mut out = writer.next_row_group()?;
            for (chunk, close) in group.columns {
                out.append_column(&chunk, close)?;
            }
            out.close()
        };
        append(&mut self.writer).map_err(|error| StoreError::parquet(&self.whole, &error))?;
        self.count(group.rows as u64, group.span);
        Ok(())
    }

    /// Appends rows as one row group.
    pub fn append_rows(&mut self, rows: &RecordBatch) -> Result<(), StoreError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let encoded = group_of(self.table, rows).map_err(|error| StoreError::parquet(&self.whole, &error))?;
        let append = |writer: &mut SerializedFileWriter<HashedFile>| {
            let mut out = writer.next_row_group()?;
            for (chunk, close) in encoded {
                out.append_column(&chunk, close)?;
            }
            out.close()
        };
        append(&mut self.writer).map_err(|error| StoreError::parquet(&self.whole, &error))?;
        self.count(rows.num_rows() as u64, time_span(rows));
        Ok(())
    }

    /// Appends a row group of another file with the same schema, byte for byte. `pages` is its offset index, which
    /// the Parquet writer requires for all row groups or for none.
    pub fn copy(
        &mut self,
        from: &fs::File,
        group: &RowGroupMetaData,
        pages: &[OffsetIndexMetaData],
        span: (Option<i64>, Option<i64>),
    ) -> Result<(), StoreError> {
        let append = |writer: &mut SerializedFileWriter<HashedFile>| {
            let mut out = writer.next_row_group()?;
            for (column, pages) in group.columns().iter().zip(pages) {
                let close = ColumnCloseResult {
                    bytes_written: u64::try_from(column.compressed_size()).unwrap_or(0),
                    rows_written: u64::try_from(group.num_rows()).unwrap_or(0),
                    metadata: column.clone(),
                    bloom_filter: None,
                    column_index: None,
                    offset_index: Some(pages.clone()),
                };
                out.append_column(from, close)?;
            }
            out.close()
        };
        append(&mut self.writer).map_err(|error| StoreError::parquet(&self.whole, &error))?;
        self.count(u64::try_from(group.num_rows()).unwrap_or(0), span);
        Ok(())
    }

    fn count(&mut self, rows: u64, (first, last): (Option<i64>, Option<i64>)) {
        self.rows += rows;
        self.first = match (self.first, first) {
            (Some(known), Some(first)) => Some(known.min(first)),
            (known, first) => known.or(first),
        };
        self.last = self.last.max(last);
    }

    /// Finishes the file.
    pub fn close(self) -> Result<DataFile, StoreError> {
        fault::step(&self.whole)?;
        let parquet = |error: ParquetError| StoreError::parquet(&self.whole, &error);
        let HashedFile { file, hasher } = self.writer.into_inner().map_err(parquet)?;
        let size = file.metadata().map_err(|error| StoreError::io(&self.whole, error))?.len();
        let hash = Some(hasher.finalize().to_hex().to_string());
        Ok(DataFile { path: self.path, day: self.day, size, rows: self.rows, first: self.first, last: self.last, hash })
    }
}

/// Encodes stored rows as one row group. The Parquet library writes no page checksums, so it writes the group to
/// memory, and its pages are copied with checksums.
fn group_of(table: Table, rows: &RecordBatch) -> Result<Vec<Encoded>, ParquetError> {
    let schema = schema_of(table)?;
    let mut writer = SerializedFileWriter::new(Vec::new(), schema.root_schema_ptr(), Arc::new(properties(table)))?;
    let mut columns = ArrowRowGroupWriterFactory::new(&writer, table.schema()).create_column_writers(0)?.into_iter();
    let mut out = writer.next_row_group()?;
    for (field, array) in table.schema().fields().iter().zip(rows.columns()) {
        for leaf in compute_leaves(field, array)? {
            let Some(mut column) = columns.next() else { continue };
            column.write(&leaf)?;
            column.close()?.append_to_row_group(&mut out)?;
        }
    }
    out.close()?;
    with_page_checksums(&writer.into_inner()?.into())
}

/// An encoded row group.
pub struct EncodedGroup {
    columns: Vec<Encoded>,
    rows: usize,
    span: (Option<i64>, Option<i64>),
}

/// Encodes columns, which is most of the work of writing them.
fn encoded(table: Table, columns: Columns) -> Result<EncodedGroup, ParquetError> {
    let (rows, span) = (columns.rows(), columns.span().unzip());
    let descriptors = schema_of(table)?.columns().to_vec();
    let mut chunks = Vec::with_capacity(descriptors.len());
    columns.encode(&descriptors, &mut |chunk| {
        chunks.push(chunk);
        Ok(())
    })?;
    Ok(EncodedGroup { columns: chunks, rows, span })
}

fn schema_of(table: Table) -> Result<SchemaDescriptor, ParquetError> {
    ArrowSchemaConverter::new().schema_root("arrow_schema").convert(&table.schema())
}

/// Files are finished at this size: large enough for any engine, small enough to rewrite.
pub const LARGE_FILE: u64 = 64 << 20;

/// Maximum number of open files, well below 256, the lowest default limit of common systems.
const MOST_OPEN: usize = 96;

/// Writes the files of one load: the columns of a table and day become the next row group of its file.
#[derive(Debug)]
pub struct LoadWriter {
    root: StoreRoot,
    load: u64,
    next: AtomicU64,
    open: Mutex<BTreeMap<(Table, Day), Slot>>,
    files: Mutex<BTreeMap<Table, Vec<DataFile>>>,
    /// The files of earlier loads, to look up records in conflict.
    stored: BTreeMap<Table, Vec<DataFile>>,
}

/// The file slot of a table and day.
#[derive(Debug, Clone, Default)]
struct Slot {
    file: Arc<Mutex<Option<OpenFile>>>,
    /// Last-use counter; 0 if the file was finished to make room.
    used: u64,
}

impl LoadWriter {
    /// Creates a writer for the load with this number.
    pub fn new(root: impl Into<StoreRoot>, load: u64) -> Self {
        let root: StoreRoot = root.into();
        let (open, files, stored) = Default::default();
        LoadWriter { next: AtomicU64::new(root.first_number()), root, load, open, files, stored }
    }

    /// The same writer, which knows the files of earlier loads.
    pub fn with_stored(self, stored: BTreeMap<Table, Vec<DataFile>>) -> Self {
        LoadWriter { stored, ..self }
    }

    /// Writes the columns of a table and day.
    pub fn write(&self, table: Table, day: Day, columns: Columns) -> Result<(), StoreError> {
        if columns.rows() == 0 {
            return Ok(());
        }
        let group = encoded(table, columns).map_err(|error| StoreError::parquet(&table_folder(&self.root, table), &error))?;
        self.with_file(table, day, |file| file.append(group))
    }

    /// Writes stored rows of a table and day.
    pub fn write_rows(&self, table: Table, day: Day, rows: &RecordBatch) -> Result<(), StoreError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        self.with_file(table, day, |file| file.append_rows(rows))
    }

    /// Creates a file with a single writer.
    pub fn create(&self, table: Table, day: Day) -> Result<OpenFile, StoreError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        OpenFile::create(&self.root, table, day, &format!("load-{:06}-{number:05}", self.load))
    }

    /// Finishes such a file.
    pub fn keep(&self, file: OpenFile) -> Result<(), StoreError> {
        let table = file.table;
        let file = file.close()?;
        self.files.lock().unwrap_or_else(PoisonError::into_inner).entry(table).or_default().push(file);
        Ok(())
    }

    /// Writes to the shared file of a table and day.
    fn with_file(
        &self,
        table: Table,
        day: Day,
        write: impl FnOnce(&mut OpenFile) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let file = self.slot(table, day)?;
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = match file.take() {
            Some(open) => open,
            None => self.create(table, day)?,
        };
        write(&mut open)?;
        if open.bytes() >= LARGE_FILE {
            return self.keep(open);
        }
        *file = Some(open);
        Ok(())
    }

    /// The file slot of a table and day. If too many files are open, the least recently used one is finished.
    fn slot(&self, table: Table, day: Day) -> Result<Arc<Mutex<Option<OpenFile>>>, StoreError> {
        let (slot, oldest) = {
            let mut slots = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let now = 1 + slots.values().map(|slot| slot.used).max().unwrap_or(0);
            let slot = slots.entry((table, day)).or_default();
            slot.used = now;
            let slot = Arc::clone(&slot.file);
            let mut open: Vec<&mut Slot> = slots.values_mut().filter(|slot| slot.used > 0).collect();
            let oldest = if open.len() > MOST_OPEN { open.iter_mut().min_by_key(|slot| slot.used) } else { None };
            // The slot remains: a thread that is about to write to it opens a new file.
            let oldest = oldest.map(|slot| {
                slot.used = 0;
                Arc::clone(&slot.file)
            });
            (slot, oldest)
        };
        if let Some(file) = oldest.and_then(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).take()) {
            self.keep(file)?;
        }
        Ok(slot)
    }

    /// Finishes all open files.
    fn close_files(&self) -> Result<(), StoreError> {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        for slot in open.into_values() {
            if let Some(file) = slot.file.lock().unwrap_or_else(PoisonError::into_inner).take() {
                self.keep(file)?;
            }
        }
        Ok(())
    }

    /// The files written, in a fixed order.
    pub fn finish(self) -> Result<BTreeMap<Table, Vec<DataFile>>, StoreError> {
        self.close_files()?;
        let mut files = self.files.into_inner().unwrap_or_else(PoisonError::into_inner);
        for list in files.values_mut() {
            list.sort_by(|left, right| left.path.cmp(&right.path));
        }
        Ok(files)
    }
}

impl RowSink for LoadWriter {
    fn put(&self, table: Table, day: Day, columns: Columns) -> Result<(), String> {
        self.write(table, day, columns).map_err(|error| error.to_string())
    }

    fn columns(&self, table: Table) -> Columns {
        Columns::with_originals_apart(table)
    }

    fn settle(&self, conflicts: &[Conflict]) -> Result<Vec<Settled>, String> {
        let settle = || {
            self.close_files()?;
            let mut written = std::mem::take(&mut *self.files.lock().unwrap_or_else(PoisonError::into_inner));
            let settled = settle(&self.root, conflicts, &self.stored, &mut written, self);
            *self.files.lock().unwrap_or_else(PoisonError::into_inner) = written;
            settled
        };
        settle().map_err(|error: StoreError| error.to_string())
    }
}

/// The column of original records.
const ORIGINAL: &str = "raw";

/// Zstandard level 1 compresses about 1 GB/s per core; columns with unique values get no dictionary.
fn properties(table: Table) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by(concat!("ecs-audit ", env!("CARGO_PKG_VERSION")).to_owned());
    for field in table.fields() {
        let column = ColumnPath::from(field.name);
        if field.name == ORIGINAL {
            builder = builder
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_statistics_enabled(column, EnabledStatistics::None);
        } else if ID_PLACEHOLDERS.iter().any(|(_, id)| *id == field.name) {
            builder = builder.set_column_dictionary_enabled(column, false);
        }
    }
    builder.build()
}

fn time_span(batch: &RecordBatch) -> (Option<i64>, Option<i64>) {
    let times = batch.column_by_name("time").and_then(|column| column.as_any().downcast_ref::<TimestampMicrosecondArray>());
    times.map_or((None, None), |times| (min(times), max(times)))
}
