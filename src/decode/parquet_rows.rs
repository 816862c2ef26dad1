//! Rows of Parquet files as JSON objects: CloudTrail from Athena, CloudTrail Lake or Spark, Security Lake in OCSF, and
//! events or messages in columns.
//!
//! In: the bytes of a Parquet file. Out: each row as the text of a JSON object that [`super::envelope`] recognizes, or
//! nothing if the columns are not those of a log. Columns may be strings with JSON, structs, lists or maps; their names
//! may be in lower case or have underscores.

use super::budget::{Budget, Exceeded};
use super::cells::Unreadable;
use super::csv;
use super::parquet_cost::{Refused, cost};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Schema, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value as Json;
use std::fmt::Write;

/// What the columns of a Parquet file hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// The fields of CloudTrail records, in any spelling.
    CloudTrail,
    /// Events in OCSF.
    Ocsf,
    /// The fields of EventBridge events, or records as text.
    Events,
}

/// Why reading stopped.
#[derive(Debug)]
pub enum Stop {
    /// The file is damaged, or uses something that is not supported; a message for the user.
    Damaged(String),
    /// It costs more than the file may.
    Exceeded(Exceeded),
}

/// What the columns hold, by their names.
fn columns_of(schema: &Schema) -> Option<Columns> {
    let names: Vec<String> = schema.fields().iter().map(|field| csv::plain_name(field.name())).collect();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    if has("classuid") && (has("metadata") || has("api")) {
        return Some(Columns::Ocsf);
    }
    if csv::is_header(&names) {
        return Some(Columns::CloudTrail);
    }
    let is_text = |wanted: &str| {
        schema.fields().iter().any(|field| {
            csv::plain_name(field.name()) == wanted
                && matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        })
    };
    ((has("detailtype") && has("detail")) || ["message", "raw", "body"].into_iter().any(is_text)).then_some(Columns::Events)
}

/// Rows that are decoded together; a row may have large strings.
const BATCH: usize = 256;

/// Reads the rows; returns what the columns hold, or their names if they are not those of a log.
pub fn read_rows(
    bytes: &[u8],
    budget: &Budget,
    on: &mut dyn FnMut(Result<&str, Unreadable>),
) -> Result<Result<Columns, Vec<String>>, Stop> {
    let damaged = |error: &dyn std::fmt::Display| Stop::Damaged(error.to_string());
    let refused = |refused: Refused| match refused {
        Refused::Exceeded(limit) => Stop::Exceeded(limit),
        Refused::Damaged(detail) => Stop::Damaged(detail.to_owned()),
    };
    let cost = cost(bytes).map_err(refused)?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(bytes)).map_err(|error| damaged(&error))?;
    let Some(columns) = columns_of(builder.schema()) else {
        return Ok(Err(builder.schema().fields().iter().map(|field| field.name().clone()).collect()));
    };
    cost.charge(bytes, budget).map_err(refused)?;
    for batch in builder.with_batch_size(BATCH).build().map_err(|error| damaged(&error))? {
        let batch = batch.map_err(|error| damaged(&error))?;
        for row in 0..batch.num_rows() {
            let text = match columns {
                Columns::CloudTrail => call_of(&batch, row),
                Columns::Ocsf | Columns::Events => object_of(&batch, row, columns).map(Ok),
            };
            let text = match text.map_err(|error| damaged(&error))? {
                Ok(text) => text,
                Err(unreadable) => {
                    on(Err(unreadable));
                    continue;
                }
            };
            // A long value of a dictionary is stored once, and written in every row.
            budget.charge_inflated(text.len() as u64).map_err(Stop::Exceeded)?;
            on(Ok(&text));
        }
    }
    Ok(Ok(columns))
}

/// A row with the columns of a CloudTrail record, as that record.
fn call_of(batch: &RecordBatch, row: usize) -> Result<Result<String, Unreadable>, arrow::error::ArrowError> {
    let mut cells = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if column.is_null(row) {
            continue;
        }
        let mut text = String::new();
        write_value(column, row, &mut text)?;
        // A string is the text itself.
        let text = match serde_json::from_str(&text) {
            Ok(Json::String(inner)) => inner,
            _ => text,
        };
        cells.push((csv::plain_name(field.name()), text));
    }
    Ok(csv::record_text(cells.iter().map(|(name, cell)| (name.as_str(), cell.as_str()))))
}

/// A row as an object with the names of the columns.
fn object_of(batch: &RecordBatch, row: usize, columns: Columns) -> Result<String, arrow::error::ArrowError> {
    let mut text = String::from("{");
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if column.is_null(row) {
            continue;
        }
        if text.len() > 1 {
            text.push(',');
        }
        let name = match (columns, csv::plain_name(field.name()).as_str()) {
            (Columns::Events, "detailtype") => "detail-type",
            (Columns::Events, "raw") => "_raw",
            _ => field.name(),
        };
        write_key(name, &mut text);
        write_value(column, row, &mut text)?;
    }
    text.push('}');
    Ok(text)
}

fn write_key(name: &str, out: &mut String) {
    // Writing to a string does not fail.
    let _written = write!(out, "{}:", Json::from(name));
}

/// Writes a value as JSON; missing fields of a struct are left out, as in the records.
fn write_value(array: &ArrayRef, row: usize, out: &mut String) -> Result<(), arrow::error::ArrowError> {
    if array.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Struct(fields) => {
            out.push('{');
            let mut first = true;
            for (field, column) in fields.iter().zip(array.as_struct().columns()) {
                if column.is_null(row) {
                    continue;
                }
                if !std::mem::take(&mut first) {
                    out.push(',');
                }
                write_key(field.name(), out);
                write_value(column, row, out)?;
            }
            out.push('}');
        }
        DataType::List(_) => write_list(&array.as_list::<i32>().value(row), out)?,
        DataType::LargeList(_) => write_list(&array.as_list::<i64>().value(row), out)?,
        DataType::FixedSizeList(..) => write_list(&array.as_fixed_size_list().value(row), out)?,
        DataType::Map(..) => write_map(&array.as_map().value(row), out)?,
        DataType::Boolean => out.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Timestamp(..) => write_time(array, row, out)?,
        kind if kind.is_integer() => out.push_str(&display(array, row)?),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let text = display(array, row)?;
            out.push_str(if text.parse::<f64>().is_ok_and(f64::is_finite) { &text } else { "null" });
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            let text = arrow::compute::cast(&array.slice(row, 1), &DataType::Binary)?;
            write_text(&String::from_utf8_lossy(text.as_binary::<i32>().value(0)), out);
        }
        _ => write_text(&display(array, row)?, out),
    }
    Ok(())
}

fn write_text(text: &str, out: &mut String) {
    let _written = write!(out, "{}", Json::from(text));
}

fn display(array: &ArrayRef, row: usize) -> Result<String, arrow::error::ArrowError> {
    Ok(ArrayFormatter::try_new(array, &FormatOptions::default())?.value(row).to_string())
}

fn write_list(items: &ArrayRef, out: &mut String) -> Result<(), arrow::error::ArrowError> {
    out.push('[');
    for item in 0..items.len() {
        if item > 0 {
            out.push(',');
        }
        write_value(items, item, out)?;
    }
    out.push(']');
    Ok(())
}

fn write_map(entries: &arrow::array::StructArray, out: &mut String) -> Result<(), arrow::error::ArrowError> {
    let [keys, values] = entries.columns() else {
        out.push_str("null");
        return Ok(());
    };
    out.push('{');
    for entry in 0..entries.len() {
        if entry > 0 {
            out.push(',');
        }
        write_key(&display(keys, entry)?, out);
        write_value(values, entry, out)?;
    }
    out.push('}');
    Ok(())
}

/// A time as CloudTrail writes it.
fn write_time(array: &ArrayRef, row: usize, out: &mut String) -> Result<(), arrow::error::ArrowError> {
    let micros = arrow::compute::cast(&array.slice(row, 1), &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    let micros = micros.as_primitive::<TimestampMicrosecondType>().value(0);
    match jiff::Timestamp::from_microsecond(micros) {
        Ok(time) => write_text(&time.to_string(), out),
        Err(_) => out.push_str(&micros.to_string()),
    }
    Ok(())
}
