//! Loads the rows of tables as text: CSV and its relatives.

use super::account::{FileReport, Rejected};
use super::file::{Place, load_value, sample};
use super::worker::{FileContext, LoadError, Worker};
use crate::decode::cells;
use crate::decode::csv::{self, CsvLine};
use crate::decode::json::Tape;

/// The part of a cell that is looked at for a sample.
const SAMPLE: usize = 4096;

/// Loads the lines of an export.
pub(super) fn load_csv(
    worker: &mut Worker<'_>,
    bytes: &[u8],
    options: FileContext<'_>,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    report.format = "CloudTrail CSV".to_owned();
    let mut failed = None;
    csv::read(bytes, options.budget, &mut |line| {
        if failed.is_some() {
            return;
        }
        let (text, offset) = match line {
            CsvLine::Record(text, offset) => (text, offset),
            CsvLine::Stopped(limit, offset) => return report.stop(limit.why, limit.detail, offset),
            CsvLine::Unreadable(row, offset) => {
                let rejected = unreadable_row(&row.column, &row.cell, Some(offset), report);
                return report.quarantine(rejected);
            }
            CsvLine::Broken(detail, offset) => {
                let record = Some(report.next_number());
                report.quarantine(Rejected {
                    record,
                    offset: Some(offset),
                    why: "broken_csv".to_owned(),
                    detail,
                    sample: String::new(),
                });
                return;
            }
        };
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        match Tape::parse(&text) {
            Ok(tape) => failed = load_value(worker, tape, &text, offset, (options, Place::Inner), report).err(),
            Err(error) => report.quarantine(Rejected {
                record: Some(report.next_number()),
                offset: Some(offset as u64),
                why: "broken_json".to_owned(),
                detail: format!("a cell holds a record that is not valid JSON: {error}"),
                sample: sample(text.as_bytes(), report),
            }),
        }
    });
    failed.map_or(Ok(()), Err)
}

/// Quarantines a row of a table with an object that cannot be read.
pub(super) fn unreadable_row(column: &str, cell: &str, offset: Option<u64>, report: &FileReport) -> Rejected {
    Rejected {
        record: Some(report.next_number()),
        offset,
        why: "unreadable_cell".to_owned(),
        detail: cells::advice(column, cell),
        // Masking expects the quotes of JSON.
        sample: sample(cell.chars().take(SAMPLE).collect::<String>().replace('\'', "\"").as_bytes(), report),
    }
}
