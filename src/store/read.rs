//! Reads columns of single files of the store without the query engine, for the ledger and for deduplication.

use super::manifest::{DataFile, Manifest};
use super::root::StoreFile;
use super::write::table_folder;
use super::{StoreError, StoreRoot};
use crate::load::{CellContent, Content, Day, Identity, compared, content_of_cells, identity_of_version};
use crate::table::Table;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use std::path::Path;

/// Reads some columns of a file.
pub fn read_columns(root: &StoreRoot, table: Table, file: &DataFile, columns: &[&str]) -> Result<Vec<RecordBatch>, StoreError> {
    let path = table_folder(root, table).join(&file.path);
    decode_columns(root.open(&path)?, &path, columns)
}

/// Decodes some columns of an open file.
pub fn decode_columns(open: StoreFile, path: &Path, columns: &[&str]) -> Result<Vec<RecordBatch>, StoreError> {
    let read = || -> Result<Vec<RecordBatch>, Box<dyn std::error::Error>> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(open)?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        let reader = builder.with_projection(mask).with_batch_size(16_384).build()?;
        reader.map(|batch| batch.map_err(Into::into)).collect()
    };
    read().map_err(|error| StoreError::parquet(path, &error))
}

/// The number of rows, and the times of the oldest and newest row in microseconds.
pub type RowsAndSpan = (u64, (Option<i64>, Option<i64>));

/// The row count and the oldest and newest time (in microseconds) of a file, from its footer.
pub fn rows_and_span(root: &StoreRoot, path: &Path) -> Result<RowsAndSpan, StoreError> {
    let open = root.open(path)?;
    let read = || -> Result<RowsAndSpan, Box<dyn std::error::Error>> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(open)?;
        let rows = builder.metadata().file_metadata().num_rows();
        let groups = builder.metadata().row_groups();
        let times = StatisticsConverter::try_new("time", builder.schema(), builder.parquet_schema())?;
        let (first, last) = (times.row_group_mins(groups)?, times.row_group_maxes(groups)?);
        let numbers = |times: &ArrayRef| arrow::compute::cast(times, &DataType::Int64);
        let (first, last) = (numbers(&first)?, numbers(&last)?);
        let (first, last) = (first.as_primitive::<Int64Type>(), last.as_primitive::<Int64Type>());
        Ok((u64::try_from(rows)?, (arrow::compute::min(first), arrow::compute::max(last))))
    };
    read().map_err(|error| StoreError::parquet(path, &error))
}

/// Converts a batch of an older version to the current columns.
pub fn in_schema(table: Table, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
    let schema = table.schema();
    let columns = schema.fields().iter().map(|field| {
        let column = batch.column_by_name(field.name()).cloned();
        let column = column.unwrap_or_else(|| arrow::array::new_null_array(field.data_type(), batch.num_rows()));
        arrow::compute::cast(&column, field.data_type())
    });
    let batch = columns.collect::<Result<Vec<_>, _>>().and_then(|columns| RecordBatch::try_new(table.schema(), columns));
    Ok(batch.map_err(crate::load::LoadError::from)?)
}

/// The values of a string column.
pub fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Vec<Option<&'a str>> {
    let Some(column) = batch.column_by_name(name) else { return vec![None; batch.num_rows()] };
    match column.data_type() {
        DataType::Utf8View => column.as_string_view().iter().collect(),
        DataType::Utf8 => column.as_string::<i32>().iter().collect(),
        DataType::LargeUtf8 => column.as_string::<i64>().iter().collect(),
        _ => vec![None; batch.num_rows()],
    }
}

/// The values of an integer column; times in microseconds.
pub fn ints(batch: &RecordBatch, name: &str) -> Vec<Option<i64>> {
    let Some(column) = batch.column_by_name(name) else { return vec![None; batch.num_rows()] };
    let cast: Option<ArrayRef> = arrow::compute::cast(column, &DataType::Int64).ok();
    match cast.as_ref().and_then(|column| column.as_primitive_opt::<Int64Type>()) {
        Some(numbers) => numbers.iter().collect(),
        None => vec![None; batch.num_rows()],
    }
}

/// The columns that identify a stored record.
pub struct StoredRecord<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its account.
    pub account: Option<&'a str>,
    /// Its version, for a state of a task or container instance.
    pub version: Option<i64>,
    /// Its time in microseconds.
    pub time: Option<i64>,
}

impl StoredRecord<'_> {
    /// Its identity, as a load computes it.
    pub fn identity(&self) -> Identity {
        identity_of_version(self.account, self.id, self.version)
    }
}

/// Visits the records of a file.
pub fn each_record(
    root: &StoreRoot,
    table: Table,
    file: &DataFile,
    mut each: impl FnMut(&StoredRecord<'_>),
) -> Result<(), StoreError> {
    let mut columns = vec!["id", "account", "time"];
    if matches!(table, Table::TaskEvents | Table::InstanceEvents) {
        columns.push("version");
    }
    for batch in read_columns(root, table, file, &columns)? {
        let rows = texts(&batch, "id").into_iter().zip(texts(&batch, "account"));
        let rows = rows.zip(ints(&batch, "version").into_iter().zip(ints(&batch, "time")));
        for ((id, account), (version, time)) in rows {
            each(&StoredRecord { id: id.unwrap_or_default(), account, version, time });
        }
    }
    Ok(())
}

/// The identities of the records that the store has for one table and day.
pub fn identities(root: &StoreRoot, manifest: &Manifest, table: Table, day: Day) -> Result<Vec<Identity>, StoreError> {
    let mut out = Vec::new();
    for file in manifest.files(table).iter().filter(|file| file.day == day) {
        each_record(root, table, file, |record| out.push(record.identity()))?;
    }
    Ok(out)
}

/// The identities and contents of the records that the store has for one table and day.
pub fn contents(root: &StoreRoot, manifest: &Manifest, table: Table, day: Day) -> Result<Vec<(Identity, Content)>, StoreError> {
    let Some((source, compared)) = compared(table) else {
        let identities = identities(root, manifest, table, day)?;
        return Ok(identities.into_iter().map(|identity| (identity, Content::UNKNOWN)).collect());
    };
    let mut columns: Vec<&str> = vec!["id", "account", "version"];
    columns.extend(compared.iter().map(|(name, _)| *name));
    let mut out = Vec::new();
    for file in manifest.files(table).iter().filter(|file| file.day == day) {
        for batch in read_columns(root, table, file, &columns)? {
            let cells: Vec<Vec<CellContent<'_>>> = compared
                .iter()
                .map(|(name, is_number)| match is_number {
                    true => ints(&batch, name).into_iter().map(CellContent::Number).collect(),
                    false => texts(&batch, name).into_iter().map(CellContent::Text).collect(),
                })
                .collect();
            let versioned = matches!(table, Table::TaskEvents | Table::InstanceEvents);
            let versions = if versioned { ints(&batch, "version") } else { vec![None; batch.num_rows()] };
            let rows = texts(&batch, "id").into_iter().zip(texts(&batch, "account")).zip(versions);
            for (row, ((id, account), version)) in rows.enumerate() {
                let content = content_of_cells(source, cells.iter().filter_map(|column| column.get(row).copied()));
                out.push((identity_of_version(account, id.unwrap_or_default(), version), content));
            }
        }
    }
    Ok(out)
}
