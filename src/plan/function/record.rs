//! Structs as columns: arguments of window functions read by kind, and results put together by kind.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListBuilder, StringBuilder, StringViewArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Int64Type};
use datafusion::common::{Result, exec_datafusion_err};

use super::time_type;

/// An argument as texts.
pub fn texts(values: &[ArrayRef], index: usize) -> Result<StringViewArray> {
    Ok(cast(value(values, index)?, &DataType::Utf8View)?.as_string_view().clone())
}

/// An argument as whole numbers; times are microseconds.
pub fn numbers(values: &[ArrayRef], index: usize) -> Result<Int64Array> {
    Ok(cast(value(values, index)?, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

/// An argument as flags.
pub fn flags(values: &[ArrayRef], index: usize) -> Result<BooleanArray> {
    Ok(cast(value(values, index)?, &DataType::Boolean)?.as_boolean().clone())
}

fn value(values: &[ArrayRef], index: usize) -> Result<&ArrayRef> {
    values.get(index).ok_or_else(|| exec_datafusion_err!("a function of the planner got too few arguments"))
}

/// A text at a place; none where it is missing or empty.
pub fn text(array: &StringViewArray, row: usize) -> Option<&str> {
    (array.is_valid(row)).then(|| array.value(row)).filter(|text| !text.is_empty())
}

/// A number at a place.
pub fn number(array: &Int64Array, row: usize) -> Option<i64> {
    array.is_valid(row).then(|| array.value(row))
}

/// A flag at a place.
pub fn flag(array: &BooleanArray, row: usize) -> Option<bool> {
    array.is_valid(row).then(|| array.value(row))
}

/// The kind of a column of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// True or false.
    Bool,
    /// A time.
    Time,
    /// A list of texts.
    Texts,
}

/// A value of a result.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Cell {
    /// Missing.
    #[default]
    None,
    /// Text.
    Text(String),
    /// A whole number, or a time in microseconds.
    Int(i64),
    /// A number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A list of texts.
    Texts(Vec<String>),
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Cell::Int(value)
    }
}

impl From<usize> for Cell {
    fn from(value: usize) -> Self {
        Cell::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Cell::Float(value)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Cell::Bool(value)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Cell::Text(value.to_owned())
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Cell::Text(value)
    }
}

impl From<Vec<String>> for Cell {
    fn from(value: Vec<String>) -> Self {
        Cell::Texts(value)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::None, Into::into)
    }
}

/// The type of a struct with these columns.
pub fn struct_type(columns: &[(&str, Kind)]) -> DataType {
    DataType::Struct(fields(columns))
}

fn fields(columns: &[(&str, Kind)]) -> Fields {
    columns.iter().map(|(name, kind)| Field::new(*name, data_type(*kind), true)).collect()
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8View,
        Kind::Int => DataType::Int64,
        Kind::Float => DataType::Float64,
        Kind::Bool => DataType::Boolean,
        Kind::Time => time_type(),
        Kind::Texts => DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))),
    }
}

/// The rows of a struct; a row without cells is missing.
pub fn structs(columns: &[(&str, Kind)], rows: &[Vec<Cell>]) -> Result<StructArray> {
    let array =
        |(place, (_, kind)): (usize, &(&str, Kind))| column(*kind, rows.iter().map(|row| row.get(place).unwrap_or(&Cell::None)));
    let arrays = columns.iter().enumerate().map(array).collect();
    let known = rows.iter().map(|row| !row.is_empty()).collect::<Vec<_>>();
    Ok(StructArray::try_new(fields(columns), arrays, Some(known.into()))?)
}

fn column<'c>(kind: Kind, cells: impl Iterator<Item = &'c Cell>) -> ArrayRef {
    let int = |cell: &Cell| if let Cell::Int(value) = cell { Some(*value) } else { None };
    match kind {
        Kind::Int => Arc::new(cells.map(int).collect::<Int64Array>()),
        Kind::Time => Arc::new(cells.map(int).collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
        Kind::Float => {
            let float = |cell: &Cell| if let Cell::Float(value) = cell { Some(*value) } else { None };
            Arc::new(cells.map(float).collect::<Float64Array>())
        }
        Kind::Bool => {
            let bool = |cell: &Cell| if let Cell::Bool(value) = cell { Some(*value) } else { None };
            Arc::new(cells.map(bool).collect::<BooleanArray>())
        }
        Kind::Text => {
            let text = |cell: &'c Cell| if let Cell::Text(value) = cell { Some(value.as_str()) } else { None };
            Arc::new(cells.map(text).collect::<StringViewArray>())
        }
        Kind::Texts => {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for cell in cells {
                match cell {
                    Cell::Texts(texts) => {
                        texts.iter().for_each(|text| lists.values().append_value(text));
                        lists.append(true);
                    }
                    _ => lists.append(false),
                }
            }
            Arc::new(lists.finish())
        }
    }
}
