//! Loads the rows of Parquet files: CloudTrail, OCSF and events.

use super::account::{FileReport, Rejected};
use super::file::{Place, load_value};
use super::tables::unreadable_row;
use super::worker::{FileContext, LoadError, Worker};
use crate::decode::json::Tape;
use crate::decode::parquet_rows::{Columns, Stop, read_rows};

/// Columns that a note names.
const NAMED: usize = 8;

/// Loads the rows of a Parquet file without a flow log.
pub(super) fn load_rows(
    worker: &mut Worker<'_>,
    bytes: &[u8],
    options: FileContext<'_>,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    // The first record gives the format.
    report.format.clear();
    let problems = report.problems.len();
    let mut failed = None;
    let read = read_rows(bytes, options.budget, &mut |row| {
        if failed.is_some() {
            return;
        }
        let row = match row {
            Ok(row) => row,
            Err(unreadable) => {
                let rejected = unreadable_row(&unreadable.column, &unreadable.cell, None, report);
                return report.quarantine(rejected);
            }
        };
        match Tape::parse(row) {
            Ok(tape) => failed = load_value(worker, tape, row, 0, (options, Place::Inner), report).err(),
            Err(error) => report.quarantine(Rejected {
                record: Some(report.next_number()),
                offset: None,
                why: "broken_parquet".to_owned(),
                detail: format!("a row that cannot be read as JSON: {error}"),
                sample: String::new(),
            }),
        }
    });
    // A row has no place of its own among the bytes.
    report.problems.iter_mut().skip(problems).for_each(|problem| problem.offset = None);
    if let Some(error) = failed {
        return Err(error);
    }
    let name = |columns: Columns| match columns {
        Columns::CloudTrail => "CloudTrail in Parquet",
        Columns::Ocsf => "OCSF in Parquet",
        Columns::Events => "events in Parquet",
    };
    match read {
        Ok(Ok(columns)) => {
            report.format = name(columns).to_owned();
            if report.read == 0 {
                report.filtered_as.push("empty".to_owned());
            }
        }
        Ok(Err(columns)) => {
            report.format = "parquet".to_owned();
            let mut names = columns.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            if columns.len() > NAMED {
                names.push_str(", …");
            }
            report.note(&format!("Parquet columns that are not those of CloudTrail, OCSF, events or a flow log: {names}"));
            report.filter("parquet");
        }
        Err(Stop::Damaged(detail)) => {
            report.format = "parquet".to_owned();
            report.quarantine(Rejected::of_file("broken_parquet", detail));
        }
        Err(Stop::Exceeded(limit)) => {
            report.format = "parquet".to_owned();
            report.quarantine(Rejected::of_file(limit.why, limit.detail));
        }
    }
    Ok(())
}
