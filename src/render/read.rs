//! Converts Arrow values to [`Cell`]s: the Arrow type defines the storage, the column kind the meaning.
//!
//! Every Arrow type is supported; types without a cell of their own use Arrow's text.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use jiff::Timestamp;

use super::Cell;
use crate::answer::ColumnKind;

/// A column without dictionary or run-end encoding.
pub(super) fn decode_column(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Dictionary(_, values) => cast(column, values),
        DataType::RunEndEncoded(_, values) => cast(column, values.data_type()),
        _ => Ok(ArrayRef::clone(column)),
    }
}

/// The value in `row`, which must be less than the length of `column`.
pub(super) fn read_cell(column: &dyn Array, row: usize, kind: ColumnKind) -> Result<Cell, ArrowError> {
    if column.is_null(row) {
        return Ok(Cell::Missing);
    }
    Ok(match column.data_type() {
        DataType::Null => Cell::Missing,
        DataType::Boolean => Cell::Bool(column.as_boolean().value(row)),
        DataType::Utf8 => Cell::Text(column.as_string::<i32>().value(row).to_owned()),
        DataType::LargeUtf8 => Cell::Text(column.as_string::<i64>().value(row).to_owned()),
        DataType::Utf8View => Cell::Text(column.as_string_view().value(row).to_owned()),
        DataType::Int8 => int(stored::<Int8Type>(column, row), kind),
        DataType::Int16 => int(stored::<Int16Type>(column, row), kind),
        DataType::Int32 => int(stored::<Int32Type>(column, row), kind),
        DataType::Int64 => int(stored::<Int64Type>(column, row), kind),
        DataType::UInt8 => int(stored::<UInt8Type>(column, row), kind),
        DataType::UInt16 => int(stored::<UInt16Type>(column, row), kind),
        DataType::UInt32 => int(stored::<UInt32Type>(column, row), kind),
        DataType::UInt64 => int(stored::<UInt64Type>(column, row), kind),
        DataType::Float16 => widened(stored::<Float16Type>(column, row), kind),
        DataType::Float32 => widened(stored::<Float32Type>(column, row), kind),
        DataType::Float64 => float(stored::<Float64Type>(column, row), kind),
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            Cell::Decimal(text(column, row)?)
        }
        DataType::Timestamp(unit, _) => instant(column, row, unit),
        DataType::Duration(unit) => Cell::Duration(seconds(column, row, unit)),
        DataType::List(_) => list(&column.as_list::<i32>().value(row))?,
        DataType::LargeList(_) => list(&column.as_list::<i64>().value(row))?,
        DataType::FixedSizeList(..) => list(&column.as_fixed_size_list().value(row))?,
        DataType::Struct(fields) => {
            let columns = column.as_struct().columns();
            let named = fields.iter().zip(columns).map(|(field, column)| {
                let cell = read_cell(column, row, ColumnKind::Text)?;
                Ok((field.name().clone(), cell))
            });
            Cell::Record(named.collect::<Result<_, ArrowError>>()?)
        }
        _ => Cell::Text(text(column, row)?),
    })
}

fn stored<T: ArrowPrimitiveType>(column: &dyn Array, row: usize) -> T::Native {
    column.as_primitive::<T>().value(row)
}

fn int(value: impl Into<i128>, kind: ColumnKind) -> Cell {
    let value = value.into();
    match kind {
        ColumnKind::Duration => Cell::Duration(value as f64),
        ColumnKind::Share => Cell::Share(value as f64),
        _ => Cell::Int(value),
    }
}

fn float(value: f64, kind: ColumnKind) -> Cell {
    /// The largest whole number up to which a float represents every whole number.
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    match kind {
        ColumnKind::Duration => Cell::Duration(value),
        ColumnKind::Share => Cell::Share(value),
        ColumnKind::Int if value.fract() == 0.0 && value.abs() <= WHOLE => Cell::Int(value as i128),
        _ => Cell::Float(value),
    }
}

/// Converts a short float through its digits, because 0.1 must not become 0.100000001490116.
fn widened(value: impl ToString + Into<f64>, kind: ColumnKind) -> Cell {
    let digits = value.to_string();
    float(digits.parse().unwrap_or_else(|_| value.into()), kind)
}

fn instant(column: &dyn Array, row: usize, unit: &TimeUnit) -> Cell {
    let (count, instant) = match unit {
        TimeUnit::Second => {
            let count = stored::<TimestampSecondType>(column, row);
            (count, Timestamp::from_second(count))
        }
        TimeUnit::Millisecond => {
            let count = stored::<TimestampMillisecondType>(column, row);
            (count, Timestamp::from_millisecond(count))
        }
        TimeUnit::Microsecond => {
            let count = stored::<TimestampMicrosecondType>(column, row);
            (count, Timestamp::from_microsecond(count))
        }
        TimeUnit::Nanosecond => {
            let count = stored::<TimestampNanosecondType>(column, row);
            (count, Timestamp::from_nanosecond(i128::from(count)))
        }
    };
    // A year beyond 9999 has no calendar text, so the stored number is shown.
    instant.map_or(Cell::Int(i128::from(count)), Cell::Time)
}

fn seconds(column: &dyn Array, row: usize, unit: &TimeUnit) -> f64 {
    match unit {
        TimeUnit::Second => stored::<DurationSecondType>(column, row) as f64,
        TimeUnit::Millisecond => stored::<DurationMillisecondType>(column, row) as f64 / 1e3,
        TimeUnit::Microsecond => stored::<DurationMicrosecondType>(column, row) as f64 / 1e6,
        TimeUnit::Nanosecond => stored::<DurationNanosecondType>(column, row) as f64 / 1e9,
    }
}

fn list(items: &ArrayRef) -> Result<Cell, ArrowError> {
    let items = decode_column(items)?;
    let cells = (0..items.len()).map(|row| read_cell(&items, row, ColumnKind::Text));
    Ok(Cell::List(cells.collect::<Result<_, _>>()?))
}

fn text(column: &dyn Array, row: usize) -> Result<String, ArrowError> {
    let options = FormatOptions::default();
    ArrayFormatter::try_new(column, &options)?.value(row).try_to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array, Int64Array, ListArray, StructArray,
        TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array,
    };
    use arrow::datatypes::Field;

    use super::*;

    fn read(column: impl Array + 'static, row: usize, kind: ColumnKind) -> Cell {
        let column = decode_column(&(Arc::new(column) as ArrayRef)).unwrap();
        read_cell(&column, row, kind).unwrap()
    }

    #[test]
    fn the_kind_gives_a_number_its_meaning() {
        let numbers = Float64Array::from(vec![0.5, 135.0]);
        assert_eq!(read(numbers.clone(), 0, ColumnKind::Share), Cell::Share(0.5));
        assert_eq!(read(numbers.clone(), 1, ColumnKind::Duration), Cell::Duration(135.0));
        assert_eq!(read(numbers.clone(), 1, ColumnKind::Int), Cell::Int(135));
        assert_eq!(read(numbers, 0, ColumnKind::Int), Cell::Float(0.5));
        let ints = Int64Array::from(vec![Some(7), None]);
        assert_eq!(read(ints.clone(), 0, ColumnKind::Duration), Cell::Duration(7.0));
        assert_eq!(read(ints, 1, ColumnKind::Int), Cell::Missing);
    }

    #[test]
    fn stored_digits_survive() {
        let large = UInt64Array::from(vec![u64::MAX]);
        assert_eq!(read(large, 0, ColumnKind::Int), Cell::Int(u64::MAX.into()));
        let short = Float32Array::from(vec![0.1]);
        assert_eq!(read(short, 0, ColumnKind::Float), Cell::Float(0.1));
        let decimal = Decimal128Array::from(vec![1250]).with_precision_and_scale(10, 2).unwrap();
        assert_eq!(read(decimal, 0, ColumnKind::Float), Cell::Decimal("12.50".into()));
    }

    #[test]
    fn times_of_every_unit() {
        let micros = TimestampMicrosecondArray::from(vec![1_500_000, i64::MAX]);
        let expected = Timestamp::from_millisecond(1500).unwrap();
        assert_eq!(read(micros.clone().with_timezone("UTC"), 0, ColumnKind::Time), Cell::Time(expected));
        assert_eq!(read(micros, 1, ColumnKind::Time), Cell::Int(i64::MAX.into()));
        let nanos = TimestampNanosecondArray::from(vec![1_500_000_000]);
        assert_eq!(read(nanos, 0, ColumnKind::Time), Cell::Time(expected));
        let day = Date32Array::from(vec![0]);
        assert_eq!(read(day, 0, ColumnKind::Text), Cell::Text("1970-01-01".into()));
    }

    #[test]
    fn encodings_and_nesting_are_undone() {
        let words: DictionaryArray<Int8Type> = vec![Some("a"), None, Some("b")].into_iter().collect();
        assert_eq!(read(words.clone(), 2, ColumnKind::Text), Cell::Text("b".into()));
        assert_eq!(read(words, 1, ColumnKind::Text), Cell::Missing);
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None])]);
        let items = Cell::List(vec![Cell::Int(1), Cell::Missing]);
        assert_eq!(read(lists.clone(), 0, ColumnKind::List), items);
        let field = Arc::new(Field::new("ids", lists.data_type().clone(), true));
        let record = StructArray::from(vec![(field, Arc::new(lists) as ArrayRef)]);
        assert_eq!(read(record, 0, ColumnKind::Text), Cell::Record(vec![("ids".into(), items)]));
    }
}
