//! Record batches become Parquet files of a table, encoded on the worker that brings them.

use super::StoreError;
use super::manifest::DataFile;
use crate::load::{Day, Shelf};
use crate::table::{Columns, STAND_INS, Table};
use arrow::array::{Array, TimestampMicrosecondArray};
use arrow::compute::{max, min};
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use std::collections::BTreeMap;
use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The folder of a table.
pub fn table_folder(root: &Path, table: Table) -> PathBuf {
    root.join("tables").join(table.name())
}

/// `2026-03-04`, as partitions are named.
pub fn day_name(day: Day) -> String {
    let date = jiff::civil::Date::constant(1970, 1, 1).checked_add(jiff::Span::new().days(i64::from(day)));
    date.map_or_else(|_| "0000-00-00".to_owned(), |date| date.to_string())
}

/// The day of such a name.
pub fn day_of_name(name: &str) -> Option<Day> {
    let date: jiff::civil::Date = name.parse().ok()?;
    let since = jiff::civil::Date::constant(1970, 1, 1).until((jiff::Unit::Day, date)).ok()?;
    Some(since.get_days())
}

/// The number of the load that wrote a file of this path.
pub fn load_of(path: &str) -> Option<u64> {
    let name = path.rsplit('/').next()?;
    name.strip_prefix("load-")?.split('-').next()?.parse().ok()
}

/// Writes the files of one load.
#[derive(Debug)]
pub struct LoadWriter {
    root: PathBuf,
    load: u64,
    next: AtomicU64,
    files: Mutex<BTreeMap<Table, Vec<DataFile>>>,
}

impl LoadWriter {
    /// A writer for the load of this number.
    pub fn new(root: &Path, load: u64) -> Self {
        LoadWriter { root: root.to_path_buf(), load, next: AtomicU64::new(1), files: Mutex::default() }
    }

    /// Writes the columns of a table and day as one file.
    pub fn write(&self, table: Table, day: Day, columns: Columns) -> Result<(), StoreError> {
        let (rows, span) = (columns.rows(), columns.span());
        self.file(table, day, rows, span.unzip(), |file| encode(file, table, columns))
    }

    /// Writes rows of a table and day, read from the store, as one file.
    pub fn write_rows(&self, table: Table, day: Day, rows: &RecordBatch) -> Result<(), StoreError> {
        self.file(table, day, rows.num_rows(), time_span(rows), |file| encode_rows(file, table, rows))
    }

    fn file(
        &self,
        table: Table,
        day: Day,
        rows: usize,
        (first, last): (Option<i64>, Option<i64>),
        encode: impl FnOnce(&fs::File) -> Result<(), ParquetError>,
    ) -> Result<(), StoreError> {
        if rows == 0 {
            return Ok(());
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = format!("day={}/load-{:06}-{number:05}.parquet", day_name(day), self.load);
        let whole = table_folder(&self.root, table).join(&path);
        let size = create(&whole, encode)?;
        let file = DataFile { path, day, size, rows: rows as u64, first, last };
        self.files.lock().unwrap_or_else(PoisonError::into_inner).entry(table).or_default().push(file);
        Ok(())
    }

    /// The files written, in a fixed order.
    pub fn finish(self) -> BTreeMap<Table, Vec<DataFile>> {
        let mut files = self.files.into_inner().unwrap_or_else(PoisonError::into_inner);
        for list in files.values_mut() {
            list.sort_by(|left, right| left.path.cmp(&right.path));
        }
        files
    }
}

impl Shelf for LoadWriter {
    fn put(&self, table: Table, day: Day, columns: Columns) -> Result<(), String> {
        self.write(table, day, columns).map_err(|error| error.to_string())
    }

    fn takes_originals_apart(&self) -> bool {
        true
    }
}

/// Creates a file and gives its size.
fn create(path: &Path, encode: impl FnOnce(&fs::File) -> Result<(), ParquetError>) -> Result<u64, StoreError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| StoreError::io(folder, error))?;
    }
    let file = fs::File::create(path).map_err(|error| StoreError::io(path, error))?;
    encode(&file).map_err(|error| StoreError::parquet(path, &error))?;
    file.metadata().map(|metadata| metadata.len()).map_err(|error| StoreError::io(path, error))
}

/// Bytes that are written to a file at once.
const WRITTEN_AT_ONCE: usize = 512 << 10;

/// One row group: what arrives at once fits into memory, and is read by ranges of pages.
fn encode(file: &fs::File, table: Table, columns: Columns) -> Result<(), ParquetError> {
    let schema = ArrowSchemaConverter::new().schema_root("arrow_schema").convert(&table.schema())?;
    let file = BufWriter::with_capacity(WRITTEN_AT_ONCE, file);
    let mut writer = SerializedFileWriter::new(file, schema.root_schema_ptr(), Arc::new(properties(table)))?;
    let descriptors = writer.schema_descr().columns().to_vec();
    let mut group = writer.next_row_group()?;
    columns.encode(&descriptors, &mut |(chunk, close)| group.append_column(&chunk, close))?;
    group.close()?;
    writer.close()?;
    Ok(())
}

/// Rows that are whole already.
fn encode_rows(file: &fs::File, table: Table, rows: &RecordBatch) -> Result<(), ParquetError> {
    let options = ArrowWriterOptions::new().with_properties(properties(table)).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(file, rows.schema(), options)?;
    writer.write(rows)?;
    writer.close()?;
    Ok(())
}

/// The column of original records.
const ORIGINAL: &str = "raw";

/// Zstandard level 1 runs at about 1 GB/s a core; what is unique in every row gets no dictionary.
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
        } else if STAND_INS.iter().any(|(_, id)| *id == field.name) {
            builder = builder.set_column_dictionary_enabled(column, false);
        }
    }
    builder.build()
}

fn time_span(batch: &RecordBatch) -> (Option<i64>, Option<i64>) {
    let times = batch.column_by_name("time").and_then(|column| column.as_any().downcast_ref::<TimestampMicrosecondArray>());
    times.map_or((None, None), |times| (min(times), max(times)))
}
