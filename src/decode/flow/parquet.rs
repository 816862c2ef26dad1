//! Flow logs in Parquet files: each row is converted to the values of a text line.

use super::FlowLayout;
use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A row of a Parquet file.
#[derive(Debug)]
pub struct FlowRow<'r> {
    /// The layout.
    pub layout: &'r FlowLayout,
    /// The values; `-` if missing.
    pub values: &'r [&'r str],
}

/// Reads the rows of a Parquet file; returns false if its columns are not those of a flow log, and an error if it is
/// damaged.
pub fn read_parquet(bytes: &[u8], on: &mut dyn FnMut(FlowRow<'_>)) -> Result<bool, String> {
    let message = |error: &dyn std::fmt::Display| error.to_string();
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(bytes)).map_err(|error| message(&error))?;
    let layout = FlowLayout::new(builder.schema().fields().iter().map(|field| field.name().as_str()));
    if !layout.is_known() {
        return Ok(false);
    }
    if !layout.has_time() {
        return Err(super::NO_TIME.to_owned());
    }
    for batch in builder.build().map_err(|error| message(&error))? {
        let batch = batch.map_err(|error| message(&error))?;
        let columns = batch.columns().iter().map(texts).collect::<Result<Vec<_>, _>>().map_err(|error| message(&error))?;
        let mut values = Vec::with_capacity(columns.len());
        for row in 0..batch.num_rows() {
            values.clear();
            values.extend(columns.iter().map(|column| text_at(column, row)));
            on(FlowRow { layout: &layout, values: &values });
        }
    }
    Ok(true)
}

fn text_at(column: &StringArray, row: usize) -> &str {
    let text = if column.is_null(row) { "-" } else { column.value(row).trim() };
    if text.is_empty() { "-" } else { text }
}

/// A column as strings; times as whole seconds, as in text files.
fn texts(column: &ArrayRef) -> Result<StringArray, arrow::error::ArrowError> {
    let whole = match column.data_type() {
        DataType::Timestamp(_, zone) => {
            cast(&cast(column, &DataType::Timestamp(TimeUnit::Second, zone.clone()))?, &DataType::Int64)?
        }
        _ => column.clone(),
    };
    Ok(cast(&whole, &DataType::Utf8)?.as_string::<i32>().clone())
}
