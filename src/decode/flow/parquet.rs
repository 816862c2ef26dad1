//! Flow logs in Parquet files: each row is converted to the values of a text line.

use super::FlowLayout;
use crate::decode::budget::Budget;
use crate::decode::parquet_cost::{Refused, cost};
use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use std::sync::Arc;

/// A row of a Parquet file.
#[derive(Debug)]
pub struct FlowRow<'r> {
    /// The layout.
    pub layout: &'r FlowLayout,
    /// The values; `-` if missing.
    pub values: &'r [&'r str],
}

/// Why a Parquet file was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum FlowParquetError {
    /// It exceeds a limit, or its metadata is damaged.
    #[error("{}", match .0 { Refused::Exceeded(limit) => &limit.detail, Refused::Damaged(detail) => *detail })]
    Refused(Refused),
    /// It cannot be decoded.
    #[error("{0}")]
    Parquet(#[from] ParquetError),
    /// A column cannot be converted to text.
    #[error("{0}")]
    Column(#[from] ArrowError),
    /// Its records cannot be dated.
    #[error("{}", super::NO_TIME)]
    NoTime,
}

/// Reads the rows of a Parquet file; returns false if its columns are not those of a flow log.
pub fn read_parquet(bytes: &[u8], budget: &Budget, on: &mut dyn FnMut(FlowRow<'_>)) -> Result<bool, FlowParquetError> {
    let cost = cost(bytes).map_err(FlowParquetError::Refused)?;
    let file = Bytes::copy_from_slice(bytes);
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = ArrowReaderMetadata::load(&file, options)?;
    let layout = FlowLayout::new(metadata.schema().fields().iter().map(|field| field.name().as_str()));
    if !layout.is_known() {
        return Ok(false);
    }
    if !layout.has_time() {
        return Err(FlowParquetError::NoTime);
    }
    cost.charge(bytes, budget).map_err(FlowParquetError::Refused)?;
    let options = ArrowReaderOptions::new().with_schema(with_views(metadata.schema()));
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)?;
    for batch in ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata).build()? {
        let batch = batch?;
        let columns = batch.columns().iter().map(texts).collect::<Result<Vec<_>, _>>()?;
        let mut values = Vec::with_capacity(columns.len());
        for row in 0..batch.num_rows() {
            values.clear();
            values.extend(columns.iter().map(|column| text_at(column, row)));
            // A long value of a dictionary is stored once, and written in every row.
            let length: usize = values.iter().map(|value| value.len() + 1).sum();
            budget.charge_inflated(length as u64).map_err(|limit| FlowParquetError::Refused(Refused::Exceeded(limit)))?;
            on(FlowRow { layout: &layout, values: &values });
        }
    }
    Ok(true)
}

/// The schema with views for strings: rows that share a value of a dictionary share its bytes.
fn with_views(schema: &SchemaRef) -> SchemaRef {
    let view = |field: &FieldRef| match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => Arc::new(Field::clone(field).with_data_type(DataType::Utf8View)),
        DataType::Binary | DataType::LargeBinary => Arc::new(Field::clone(field).with_data_type(DataType::BinaryView)),
        _ => Arc::clone(field),
    };
    Arc::new(Schema::new(schema.fields().iter().map(view).collect::<Vec<_>>()))
}

fn text_at(column: &StringViewArray, row: usize) -> &str {
    let text = if column.is_null(row) { "-" } else { column.value(row).trim() };
    if text.is_empty() { "-" } else { text }
}

/// A column as strings; times as whole seconds, as in text files.
fn texts(column: &ArrayRef) -> Result<StringViewArray, ArrowError> {
    let whole = match column.data_type() {
        DataType::Timestamp(_, zone) => {
            cast(&cast(column, &DataType::Timestamp(TimeUnit::Second, zone.clone()))?, &DataType::Int64)?
        }
        _ => column.clone(),
    };
    Ok(cast(&whole, &DataType::Utf8View)?.as_string_view().clone())
}
