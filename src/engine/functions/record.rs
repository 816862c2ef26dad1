//! Structs as columns: typed arguments of window functions, and typed results.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Float64Array, Float64Builder, Int64Array, Int64Builder, ListArray,
    ListBuilder, StringBuilder, StringViewArray, StringViewBuilder, StructArray, TimestampMicrosecondBuilder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type, Int64Type};
use datafusion::common::{Result, exec_datafusion_err};

use super::time_type;

/// An argument as strings.
pub fn texts(values: &[ArrayRef], index: usize) -> Result<StringViewArray> {
    Ok(cast(value(values, index)?, &DataType::Utf8View)?.as_string_view().clone())
}

/// An argument as whole numbers; times are microseconds.
pub fn numbers(values: &[ArrayRef], index: usize) -> Result<Int64Array> {
    Ok(cast(value(values, index)?, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

/// An argument as numbers.
pub fn floats(values: &[ArrayRef], index: usize) -> Result<Float64Array> {
    Ok(cast(value(values, index)?, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// An argument as booleans.
pub fn flags(values: &[ArrayRef], index: usize) -> Result<BooleanArray> {
    Ok(cast(value(values, index)?, &DataType::Boolean)?.as_boolean().clone())
}

/// An argument as lists of strings.
pub fn text_lists(values: &[ArrayRef], index: usize) -> Result<ListArray> {
    Ok(cast(value(values, index)?, &data_type(Kind::Texts))?.as_list::<i32>().clone())
}

fn value(values: &[ArrayRef], index: usize) -> Result<&ArrayRef> {
    values.get(index).ok_or_else(|| exec_datafusion_err!("an internal function got too few arguments"))
}

/// The string at an index; none if it is missing or empty.
pub fn text(array: &StringViewArray, row: usize) -> Option<&str> {
    (array.is_valid(row)).then(|| array.value(row)).filter(|text| !text.is_empty())
}

/// The string at an index, which can be empty.
pub fn some(array: &StringViewArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

/// The number at an index.
pub fn number(array: &Int64Array, row: usize) -> Option<i64> {
    array.is_valid(row).then(|| array.value(row))
}

/// The boolean at an index.
pub fn flag(array: &BooleanArray, row: usize) -> Option<bool> {
    array.is_valid(row).then(|| array.value(row))
}

/// The type of a result column.
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
    /// A list of strings.
    Texts,
}

/// A value of a result.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Cell<'a> {
    /// Missing.
    #[default]
    None,
    /// Text.
    Text(Cow<'a, str>),
    /// A whole number, or a time in microseconds.
    Int(i64),
    /// A number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A list of strings.
    Texts(Vec<Cow<'a, str>>),
}

impl From<i64> for Cell<'_> {
    fn from(value: i64) -> Self {
        Cell::Int(value)
    }
}

impl From<usize> for Cell<'_> {
    fn from(value: usize) -> Self {
        Cell::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Cell<'_> {
    fn from(value: f64) -> Self {
        Cell::Float(value)
    }
}

impl From<bool> for Cell<'_> {
    fn from(value: bool) -> Self {
        Cell::Bool(value)
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(value: &'a str) -> Self {
        Cell::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Cell<'_> {
    fn from(value: String) -> Self {
        Cell::Text(Cow::Owned(value))
    }
}

impl<'a, T: Into<Cow<'a, str>>> From<Vec<T>> for Cell<'a> {
    fn from(value: Vec<T>) -> Self {
        Cell::Texts(value.into_iter().map(Into::into).collect())
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::None, Into::into)
    }
}

/// The struct type with these columns.
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

/// Builds the columns of a struct row by row.
#[derive(Debug)]
pub struct Rows {
    fields: Fields,
    columns: Vec<Column>,
    known: Vec<bool>,
}

#[derive(Debug)]
enum Column {
    Text(StringViewBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
    Texts(ListBuilder<StringBuilder>),
}

impl Rows {
    /// An empty struct with these columns.
    pub fn new(columns: &[(&str, Kind)], rows: usize) -> Self {
        let column = |kind: Kind| match kind {
            Kind::Text => Column::Text(StringViewBuilder::with_capacity(rows)),
            Kind::Int => Column::Int(Int64Builder::with_capacity(rows)),
            Kind::Float => Column::Float(Float64Builder::with_capacity(rows)),
            Kind::Bool => Column::Bool(BooleanBuilder::with_capacity(rows)),
            Kind::Time => Column::Time(TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC")),
            Kind::Texts => Column::Texts(ListBuilder::new(StringBuilder::new())),
        };
        let built = columns.iter().map(|(_, kind)| column(*kind)).collect();
        Rows { fields: fields(columns), columns: built, known: Vec::with_capacity(rows) }
    }

    /// Adds a row; a row without cells is missing.
    pub fn push(&mut self, cells: &[Cell<'_>]) {
        self.known.push(!cells.is_empty());
        for (place, column) in self.columns.iter_mut().enumerate() {
            column.push(cells.get(place).unwrap_or(&Cell::None));
        }
    }

    /// The struct.
    pub fn finish(self) -> Result<StructArray> {
        let arrays = self.columns.into_iter().map(Column::finish).collect();
        Ok(StructArray::try_new(self.fields, arrays, Some(self.known.into()))?)
    }
}

/// The type of a list of these structs.
pub fn list_type(columns: &[(&str, Kind)]) -> DataType {
    DataType::List(item(columns))
}

fn item(columns: &[(&str, Kind)]) -> FieldRef {
    Arc::new(Field::new("item", struct_type(columns), true))
}

/// Consecutive lists of structs, by length. An empty list is missing, so that readers can find nonempty lists without
/// reading them.
pub fn lists(columns: &[(&str, Kind)], lengths: &[usize], structs: Rows) -> Result<ListArray> {
    let known = NullBuffer::from_iter(lengths.iter().map(|length| *length > 0));
    let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
    Ok(ListArray::try_new(item(columns), offsets, Arc::new(structs.finish()?), Some(known))?)
}

impl Column {
    fn push(&mut self, cell: &Cell<'_>) {
        match (self, cell) {
            (Column::Text(column), Cell::Text(text)) => column.append_value(text),
            (Column::Text(column), _) => column.append_null(),
            (Column::Int(column), Cell::Int(value)) => column.append_value(*value),
            (Column::Int(column), _) => column.append_null(),
            (Column::Float(column), Cell::Float(value)) => column.append_value(*value),
            (Column::Float(column), _) => column.append_null(),
            (Column::Bool(column), Cell::Bool(value)) => column.append_value(*value),
            (Column::Bool(column), _) => column.append_null(),
            (Column::Time(column), Cell::Int(value)) => column.append_value(*value),
            (Column::Time(column), _) => column.append_null(),
            (Column::Texts(column), Cell::Texts(texts)) => {
                texts.iter().for_each(|text| column.values().append_value(text));
                column.append(true);
            }
            (Column::Texts(column), _) => column.append(false),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Column::Text(mut column) => Arc::new(column.finish()),
            Column::Int(mut column) => Arc::new(column.finish()),
            Column::Float(mut column) => Arc::new(column.finish()),
            Column::Bool(mut column) => Arc::new(column.finish()),
            Column::Time(mut column) => Arc::new(column.finish()),
            Column::Texts(mut column) => Arc::new(column.finish()),
        }
    }
}
