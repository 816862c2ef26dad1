//! Tests which filters reach the Parquet scan.

use std::fs::File;

use datafusion::prelude::ParquetReadOptions;

use super::fixture::{at, checked, lines, options, tables, wait};
use crate::plan::session;
use crate::run;
use crate::table::{Call, Columns, Row, Table, TaskEvent};

/// The physical plan of a query on one Parquet file, and its result.
fn physical(row: Row<'_>, query: &str) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let table: Table = row.table();
    let mut columns = Columns::new(table);
    columns.push(&row);
    let mut writer = parquet::arrow::ArrowWriter::try_new(File::create(&path).unwrap(), table.schema(), None).unwrap();
    writer.write(&columns.into_rows().unwrap()).unwrap();
    writer.close().unwrap();
    let session = session(2, usize::MAX);
    wait(session.register_parquet(table.name(), path.to_str().unwrap(), ParquetReadOptions::default())).unwrap();
    let text = wait(run::explain(&session, &checked(query), options(false))).unwrap();
    let answer = wait(run::answer(&session, &checked(query), options(false))).unwrap();
    (text.split("physical plan\n").nth(1).unwrap().to_owned(), lines(&answer))
}

fn call() -> Row<'static> {
    Call { id: Some("c".into()), time: Some(at("10:00:00")), event_name: Some("RunTask".into()), ..Call::default() }.into()
}

#[test]
fn time_columns_and_conditions_reach_the_scan() {
    let (plan, rows) = physical(call(), "calls where event_name = RunTask by event_name since 7d");
    assert_eq!(rows, ["RunTask|1"]);
    let scan = plan.lines().find(|line| line.contains("DataSourceExec")).unwrap();
    assert!(scan.contains("projection=[event_name@"), "{scan}");
    assert!(scan.contains("predicate=") && scan.contains("time@") && scan.contains("event_name@"), "{scan}");
    assert!(scan.contains("time_max@") || scan.contains("time_null_count@"), "{scan}");
    assert!(!plan.contains("FilterExec"), "{plan}");
}

#[test]
fn originals_are_read_only_when_requested() {
    let (plan, _) = physical(call(), "calls show id, event_name since 7d");
    assert!(!plan.contains("raw"), "{plan}");
    let (plan, rows) = physical(call(), "calls show id, raw.eventName as name since 7d");
    assert!(plan.contains("json_path(raw@"), "{plan}");
    assert_eq!(rows, ["c|."]);
}

#[test]
fn the_window_of_tasks_follows_their_latest_state() {
    // The latest state is outside the window, so the task is too, although an older state is inside.
    let reported = |version, time: &str| -> Row<'static> {
        TaskEvent {
            id: Some(format!("e{version}").into()),
            time: Some(at(time)),
            task_arn: Some("t".into()),
            version: Some(version),
            ..TaskEvent::default()
        }
        .into()
    };
    let session = tables(vec![reported(1, "09:00:00"), reported(2, "11:00:00")], 2);
    let rows = |query: &str| lines(&wait(run::answer(&session, &checked(query), options(false))).unwrap());
    assert_eq!(rows("tasks show events until 2026-03-04T10:00"), [""; 0]);
    assert_eq!(rows("tasks show events since 2026-03-04T10:00"), ["2"]);
}
