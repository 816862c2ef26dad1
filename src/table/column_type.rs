//! The column types of the tables: the Rust value of a row, the column that collects it, and the Arrow type.

use super::dictionary_column::{DictionaryColumn, arranged, encode_missing};
use super::pages::{Chunk, Encoded, PAGE_ROWS, PageCompression, put_bits, put_levels};
use super::{OriginalText, PlainColumn, RawRecordPages};
use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringViewArray, StringViewBuilder, TimestampMicrosecondArray, UInt32Array,
    new_null_array,
};
use arrow::buffer::Buffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;
use parquet::basic::Encoding;
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

/// The type of a field in the query language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// UTF-8 text: names, ids, account numbers, messages.
    Text,
    /// 64-bit whole number.
    Int,
    /// 64-bit float.
    Float,
    /// True or false.
    Bool,
    /// `Timestamp(µs, UTC)`.
    Time,
    /// A duration in seconds, 64-bit float.
    Duration,
}

impl FieldKind {
    /// Its Arrow type.
    pub fn data_type(self) -> DataType {
        match self {
            FieldKind::Text => DataType::Utf8View,
            FieldKind::Int => DataType::Int64,
            FieldKind::Float | FieldKind::Duration => DataType::Float64,
            FieldKind::Bool => DataType::Boolean,
            FieldKind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

/// A column type.
pub trait ColumnType {
    /// The value of a row; none = missing.
    type Value<'a>: Default;
    /// The column that collects rows.
    type Column: Default;
    /// The name of the type.
    const KIND: FieldKind;
    /// Adds a row and returns by how many bytes the column grew.
    fn push(column: &mut Self::Column, value: &Self::Value<'_>) -> usize;
    /// Appends the rows of another column.
    fn join(column: &mut Self::Column, other: Self::Column);
    /// The column as an Arrow array.
    fn into_array(column: Self::Column) -> Result<ArrayRef, ArrowError>;
    /// The column as a Parquet chunk.
    fn encode(column: Self::Column, descriptor: ColumnDescPtr) -> Result<Encoded>;
    /// Reorders the rows by their zero-based numbers.
    fn arrange(column: &mut Self::Column, order: &[u32]);
    /// Stores values as [`RawRecordPages`] from now on, if the type supports it.
    fn set_apart(_column: &mut Self::Column) {}
    /// The order in which the rows of this column are stored, if it differs from the insertion order. No more rows
    /// may be added.
    fn take_order(_column: &mut Self::Column) -> Option<Vec<u32>> {
        None
    }
}

/// Strings that many rows share.
#[derive(Debug)]
pub struct Text;
/// Strings that differ in every row, such as record ids.
#[derive(Debug)]
pub struct Unique;
/// Original records, which can be stored separately.
#[derive(Debug)]
pub struct Original;
/// Whole numbers.
#[derive(Debug)]
pub struct Int;
/// Floating-point numbers.
#[derive(Debug)]
pub struct Float;
/// Booleans.
#[derive(Debug)]
pub struct Bool;
/// Points in time, in microseconds since 1970 UTC.
#[derive(Debug)]
pub struct Time;
/// Durations in seconds.
#[derive(Debug)]
pub struct Duration;

impl ColumnType for Text {
    type Value<'a> = Option<Cow<'a, str>>;
    type Column = DictionaryColumn;
    const KIND: FieldKind = FieldKind::Text;

    #[inline]
    fn push(column: &mut DictionaryColumn, value: &Option<Cow<'_, str>>) -> usize {
        match value {
            Some(text) => column.push(text.as_bytes()),
            None => column.push_missing(),
        }
    }

    fn join(column: &mut DictionaryColumn, other: DictionaryColumn) {
        column.join(&other);
    }

    fn into_array(column: DictionaryColumn) -> Result<ArrayRef, ArrowError> {
        if column.is_missing() {
            return Ok(Arc::new(StringViewArray::new_null(column.rows())));
        }
        let rows: UInt32Array = column.codes().map(|code| code.checked_sub(1)).collect();
        let (bytes, ends) = column.into_values();
        let mut values = StringViewBuilder::with_capacity(ends.len());
        let block = values.append_block(Buffer::from_vec(bytes));
        let mut start = 0;
        for end in ends {
            let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            values.try_append_view(block, place(start), place(end - start))?;
            start = end;
        }
        take(&values.finish(), &rows, None)
    }

    fn arrange(column: &mut DictionaryColumn, order: &[u32]) {
        column.arrange(order);
    }

    fn encode(mut column: DictionaryColumn, descriptor: ColumnDescPtr) -> Result<Encoded> {
        let mut dictionary = Vec::new();
        for value in column.values() {
            dictionary.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
            dictionary.extend_from_slice(value);
        }
        let statistics = text_statistics(column.values(), column.nulls());
        column.encode(&dictionary, descriptor, statistics)
    }
}

/// The smallest and largest string, unless they are too long for statistics.
pub(super) fn text_statistics<'a>(mut values: impl Iterator<Item = &'a [u8]>, nulls: usize) -> Statistics {
    const LONGEST: usize = 64;
    let ends = values.next().map(|first| {
        values.fold((first, first), |(least, most), value| {
            (if is_before(value, least) { value } else { least }, if is_before(most, value) { value } else { most })
        })
    });
    let short_ends = ends.filter(|(least, most)| least.len() <= LONGEST && most.len() <= LONGEST);
    let text = |value: &[u8]| ByteArray::from(value.to_vec());
    Statistics::byte_array(
        short_ends.map(|(least, _)| text(least)),
        short_ends.map(|(_, most)| text(most)),
        None,
        Some(nulls as u64),
        false,
    )
}

/// Whether a string is less than another. Most differ in their first bytes, which are compared as a number.
#[inline]
fn is_before(left: &[u8], right: &[u8]) -> bool {
    let filled_up = |text: &[u8]| {
        let mut front = [0; 8];
        front.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        front
    };
    let front = |text: &[u8]| u64::from_be_bytes(text.first_chunk().copied().unwrap_or_else(|| filled_up(text)));
    match front(left).cmp(&front(right)) {
        Ordering::Equal => left < right,
        order => order.is_lt(),
    }
}

impl ColumnType for Unique {
    type Value<'a> = Option<Cow<'a, str>>;
    type Column = PlainColumn;
    const KIND: FieldKind = FieldKind::Text;

    fn push(column: &mut PlainColumn, value: &Option<Cow<'_, str>>) -> usize {
        column.push(value.as_deref())
    }
    fn join(column: &mut PlainColumn, other: PlainColumn) {
        column.join(other);
    }
    fn into_array(column: PlainColumn) -> Result<ArrayRef, ArrowError> {
        column.into_array()
    }
    fn arrange(column: &mut PlainColumn, order: &[u32]) {
        column.arrange(order);
    }
    fn encode(column: PlainColumn, descriptor: ColumnDescPtr) -> Result<Encoded> {
        column.encode(PageCompression::Letters, descriptor)
    }
}

/// Original records, in memory or in separate pages.
#[derive(Debug)]
pub enum OriginalColumn {
    /// As strings.
    Here(PlainColumn),
    /// Compressed as they are added.
    Apart(RawRecordPages),
}

impl Default for OriginalColumn {
    fn default() -> Self {
        OriginalColumn::Here(PlainColumn::default())
    }
}

impl ColumnType for Original {
    type Value<'a> = Option<OriginalText<'a>>;
    type Column = OriginalColumn;
    const KIND: FieldKind = FieldKind::Text;

    fn push(column: &mut OriginalColumn, value: &Option<OriginalText<'_>>) -> usize {
        match column {
            OriginalColumn::Here(texts) => texts.push(value.map(|original| original.text)),
            OriginalColumn::Apart(originals) => originals.push(value.as_ref()),
        }
    }

    fn join(column: &mut OriginalColumn, other: OriginalColumn) {
        match (column, other) {
            (OriginalColumn::Here(texts), OriginalColumn::Here(more)) => texts.join(more),
            (OriginalColumn::Apart(originals), OriginalColumn::Apart(more)) => originals.append(more),
            (column, other) => {
                debug_assert!(false, "a load stores original records either separately or inline: {column:?}, {other:?}")
            }
        }
    }

    fn into_array(column: OriginalColumn) -> Result<ArrayRef, ArrowError> {
        match column {
            OriginalColumn::Here(texts) => texts.into_array(),
            OriginalColumn::Apart(originals) => Ok(new_null_array(&DataType::Utf8View, originals.rows())),
        }
    }

    /// Separately stored originals have chosen their own order.
    fn arrange(column: &mut OriginalColumn, order: &[u32]) {
        if let OriginalColumn::Here(texts) = column {
            texts.arrange(order);
        }
    }

    fn take_order(column: &mut OriginalColumn) -> Option<Vec<u32>> {
        match column {
            OriginalColumn::Here(_) => None,
            OriginalColumn::Apart(originals) => originals.take_order(),
        }
    }

    fn encode(column: OriginalColumn, descriptor: ColumnDescPtr) -> Result<Encoded> {
        match column {
            OriginalColumn::Here(texts) => texts.encode(PageCompression::Zstd, descriptor),
            OriginalColumn::Apart(originals) => originals.encode(descriptor),
        }
    }

    fn set_apart(column: &mut OriginalColumn) {
        *column = OriginalColumn::Apart(RawRecordPages::default());
    }
}

macro_rules! number_kind {
    ($kind:ident, $number:ty, $array:ident $(. $zone:ident)?, $statistics:expr) => {
        impl ColumnType for $kind {
            type Value<'a> = Option<$number>;
            type Column = DictionaryColumn;
            const KIND: FieldKind = FieldKind::$kind;

            #[inline]
            fn push(column: &mut DictionaryColumn, value: &Option<$number>) -> usize {
                match value {
                    Some(number) => column.push(&number.to_le_bytes()),
                    None => column.push_missing(),
                }
            }

            fn join(column: &mut DictionaryColumn, other: DictionaryColumn) {
                column.join(&other);
            }

            fn into_array(column: DictionaryColumn) -> Result<ArrayRef, ArrowError> {
                let numbers: Vec<$number> = numbers(&column).map(<$number>::from_le_bytes).collect();
                let number_of = |code: u32| (code as usize).checked_sub(1).and_then(|at| numbers.get(at)).copied();
                let array: $array = column.codes().map(number_of).collect();
                Ok(Arc::new(array $(. $zone("UTC"))?))
            }

            fn arrange(column: &mut DictionaryColumn, order: &[u32]) {
                column.arrange(order);
            }

            fn encode(mut column: DictionaryColumn, descriptor: ColumnDescPtr) -> Result<Encoded> {
                let values: Vec<[u8; 8]> = numbers(&column).collect();
                let numbers: Vec<$number> = values.iter().map(|value| <$number>::from_le_bytes(*value)).collect();
                let statistics = ($statistics)(&numbers, Some(column.nulls() as u64));
                column.encode_numbers(&values, descriptor, statistics)
            }
        }
    };
}

fn numbers(column: &DictionaryColumn) -> impl Iterator<Item = [u8; 8]> {
    column.values().filter_map(|value| value.first_chunk::<8>().copied())
}

fn int_statistics(numbers: &[i64], nulls: Option<u64>) -> Statistics {
    Statistics::int64(numbers.iter().min().copied(), numbers.iter().max().copied(), None, nulls, false)
}

/// Floats have no total order (zeros, NaN), so only the number of missing values is recorded.
fn float_statistics(_numbers: &[f64], nulls: Option<u64>) -> Statistics {
    Statistics::double(None, None, None, nulls, false)
}

number_kind!(Int, i64, Int64Array, int_statistics);
number_kind!(Time, i64, TimestampMicrosecondArray.with_timezone, int_statistics);
number_kind!(Float, f64, Float64Array, float_statistics);
number_kind!(Duration, f64, Float64Array, float_statistics);

impl ColumnType for Bool {
    type Value<'a> = Option<bool>;
    type Column = Vec<Option<bool>>;
    const KIND: FieldKind = FieldKind::Bool;

    fn push(column: &mut Self::Column, value: &Option<bool>) -> usize {
        column.push(*value);
        1
    }

    fn join(column: &mut Self::Column, mut other: Self::Column) {
        column.append(&mut other);
    }

    fn into_array(column: Self::Column) -> Result<ArrayRef, ArrowError> {
        Ok(Arc::new(BooleanArray::from(column)))
    }

    fn arrange(column: &mut Self::Column, order: &[u32]) {
        *column = arranged(column, order);
    }

    /// Booleans have no dictionary: one bit per value.
    fn encode(column: Self::Column, descriptor: ColumnDescPtr) -> Result<Encoded> {
        let has = |wanted: bool| column.contains(&Some(wanted));
        let nulls = column.iter().filter(|value| value.is_none()).count();
        let any = nulls < column.len();
        let statistics = Statistics::boolean(any.then(|| !has(false)), any.then(|| has(true)), None, Some(nulls as u64), false);
        if !any {
            return encode_missing(column.len(), descriptor, statistics);
        }
        let mut chunk = Chunk::new(PageCompression::Zstd);
        let mut page = Vec::new();
        for rows in column.chunks(PAGE_ROWS) {
            page.clear();
            put_levels(rows.iter().map(Option::is_some), &mut page);
            let values: Vec<u32> = rows.iter().flatten().map(|value| u32::from(*value)).collect();
            put_bits(values.into_iter(), 1, &mut page);
            chunk.add_page(&page, rows.len(), Encoding::PLAIN)?;
        }
        chunk.finish(descriptor, Some(statistics))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_order_is_that_of_bytes(left in "[ab\0é]{0,11}", right in "[ab\0é]{0,11}") {
            prop_assert_eq!(is_before(left.as_bytes(), right.as_bytes()), left < right);
        }
    }
}
