//! Loads the rows of tables as text: CSV and its relatives.

use super::account::{FileReport, Rejected};
use super::file::{Place, load_value, sample};
use super::worker::{FileContext, LoadError, Worker};
use crate::decode::csv::{self, CsvLine};
use crate::decode::json::Tape;

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
