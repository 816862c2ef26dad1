//! Tests that rows are the same in Arrow and when read back from Parquet.

use super::column_type::{ColumnType, Time};
use super::*;
use arrow::array::{Array, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use proptest::prelude::*;
use std::sync::Arc;

/// What a Parquet reader finds in a file with these columns.
fn read_back(columns: Columns) -> RecordBatch {
    let schema = columns.table().schema();
    let parquet = ArrowSchemaConverter::new().convert(&schema).unwrap();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut file = SerializedFileWriter::new(Vec::new(), parquet.root_schema_ptr(), properties).unwrap();
    let descriptors = file.schema_descr().columns().to_vec();
    let mut group = file.next_row_group().unwrap();
    columns.encode(&descriptors, &mut |(chunk, close)| group.append_column(&chunk, close).map(|_| ())).unwrap();
    group.close().unwrap();
    let bytes = Bytes::from(file.into_inner().unwrap());
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader
        .map(|batch| {
            let batch = batch.unwrap();
            let arrays =
                batch.columns().iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()).unwrap());
            RecordBatch::try_new(Arc::clone(&schema), arrays.collect()).unwrap()
        })
        .collect();
    concat_batches(&schema, &batches).unwrap()
}

/// The rows as sorted text.
fn sorted(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::new().with_null("-");
    let columns: Vec<_> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap()).collect();
    let row = |row| columns.iter().map(|column| format!("{:?}", column.value(row).to_string())).collect::<String>();
    let mut rows: Vec<String> = (0..batch.num_rows()).map(row).collect();
    rows.sort();
    rows
}

/// Rows for every column type: few and many distinct values, missing values, and no values at all.
fn gather(rows: &[(Option<u16>, Option<bool>, String)], apart: bool) -> Columns {
    gather_of_kinds(rows, apart, false)
}

/// The same rows, with or without kinds of originals.
fn gather_of_kinds(rows: &[(Option<u16>, Option<bool>, String)], apart: bool, kinds: bool) -> Columns {
    let mut columns = if apart { Columns::with_originals_apart(Table::RunRecords) } else { Columns::new(Table::RunRecords) };
    for (number, flag, text) in rows {
        let original = text.repeat(40);
        columns.push(&Row::from(RunRecord {
            id: number.map(|number| format!("{number:036}").into()),
            time: number.map(i64::from),
            run: Some(text.as_str().into()),
            run_cost: number.map(|number| f64::from(number % 5) / 3.0),
            deleted: *flag,
            source: Some("dstack".into()),
            raw: flag.map(|_| OriginalText { kind: kinds.then_some(text), ..original.as_str().into() }),
            ..RunRecord::default()
        }));
    }
    columns
}

fn rows() -> impl Strategy<Value = Vec<(Option<u16>, Option<bool>, String)>> {
    prop::collection::vec((prop::option::of(any::<u16>()), prop::option::of(any::<bool>()), "[a-cé\u{0}\"]{0,14}"), 1..90)
}

proptest! {
    #[test]
    fn rows_are_read_back(first in rows(), second in rows()) {
        let joined = |apart| {
            let mut columns = gather(&first, apart);
            columns.join(gather(&second, apart));
            columns
        };
        let whole = [first.clone(), second.clone()].concat();
        let expected = gather(&whole, false).into_rows().unwrap();
        prop_assert_eq!(&joined(false).into_rows().unwrap(), &expected);
        prop_assert_eq!(&read_back(gather(&whole, false)), &expected);
        prop_assert_eq!(&read_back(joined(false)), &expected);
        prop_assert_eq!(&read_back(joined(true)), &expected);
    }

    #[test]
    fn rows_stay_whole_in_another_order(first in rows(), second in rows()) {
        let mut columns = gather_of_kinds(&first, true, true);
        columns.join(gather_of_kinds(&second, true, true));
        let expected = gather(&[first, second].concat(), false).into_rows().unwrap();
        prop_assert_eq!(sorted(&read_back(columns)), sorted(&expected));
    }
}

#[test]
fn long_columns_have_several_pages() {
    let rows: Vec<_> = (0..50_000u32)
        .map(|row| (u16::try_from(row % 60_000).ok(), (row > 45_000).then_some(row % 3 == 0), "x".repeat(row as usize % 40)))
        .collect();
    let expected = gather(&rows, false).into_rows().unwrap();
    assert_eq!(read_back(gather(&rows, true)), expected);
    assert_eq!(expected.column_by_name("id").unwrap().null_count(), 0);
}

#[test]
fn numbers_that_differ_from_row_to_row_have_no_dictionary() {
    use parquet::schema::types::{ColumnDescriptor, ColumnPath, Type as SchemaType};
    let kind = SchemaType::primitive_type_builder("time", parquet::basic::Type::INT64).build().unwrap();
    let column = Arc::new(ColumnDescriptor::new(Arc::new(kind), 1, 0, ColumnPath::from("time")));
    let is_in_dictionary = |distinct: i64| {
        let mut times = <Time as ColumnType>::Column::default();
        (0..1_000).for_each(|row| _ = Time::push(&mut times, &(row % 3 > 0).then_some(row % distinct)));
        let (_, close) = Time::encode(times, Arc::clone(&column)).unwrap();
        close.metadata.dictionary_page_offset().is_some()
    };
    assert_eq!([2, 300, 990, 1_000].map(is_in_dictionary), [true, true, false, false]);
}

#[test]
fn the_oldest_and_newest_time_are_known() {
    let mut columns = gather(&[(Some(7), None, String::new())], false);
    columns.join(gather(&[(None, None, String::new()), (Some(3), None, String::new())], false));
    assert_eq!((columns.span(), columns.rows()), (Some((3, 7)), 3));
}
