//! Loads VPC flow logs, as text or Parquet, into the columns of a worker.

use super::account::{FileReport, Rejected};
use super::file::{accept, sample};
use super::parquet::load_rows;
use super::worker::{FileContext, LoadError, Worker};
use crate::decode::flow::{FlowLayout, FlowLine, FlowParquetError, read_lines, read_parquet};
use crate::decode::parquet_cost::Refused;
use crate::model::Origin;
use crate::model::flow::model_flow;

/// Loads the lines of a flow log.
pub fn load_flow_log(
    worker: &mut Worker<'_>,
    bytes: &[u8],
    options: FileContext<'_>,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    report.format = "VPC flow log".to_owned();
    let mut failed = None;
    read_lines(bytes, options.budget, &mut |line| {
        if failed.is_some() {
            return;
        }
        match line {
            FlowLine::Header(layout) => note_unknown(layout, report),
            FlowLine::Record { layout, values, text, offset } => {
                failed = load_record(worker, layout, values, (Some(offset as u64), text), options, report).err();
            }
            FlowLine::Broken { bytes, offset, why, detail } => report.quarantine(Rejected {
                record: Some(report.next_number()),
                offset: Some(offset as u64),
                why: why.to_owned(),
                detail,
                sample: sample(bytes, report),
            }),
            FlowLine::Stopped(limit, offset) => report.stop(limit.why, limit.detail, offset as u64),
            FlowLine::UnknownFormat { bytes, detail } => report.quarantine(Rejected {
                record: None,
                offset: None,
                why: "flow_format".to_owned(),
                detail,
                sample: sample(bytes, report),
            }),
        }
    });
    failed.map_or(Ok(()), Err)
}

/// Loads a Parquet file: a flow log, or the rows of another log.
pub fn load_parquet(
    worker: &mut Worker<'_>,
    bytes: &[u8],
    options: FileContext<'_>,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    report.format = "VPC flow log in Parquet".to_owned();
    let mut failed = None;
    let read = read_parquet(bytes, options.budget, &mut |row| {
        if failed.is_some() {
            return;
        }
        if report.read == 0 {
            note_unknown(row.layout, report);
        }
        let line = row.values.join(" ");
        failed = load_record(worker, row.layout, row.values, (None, &line), options, report).err();
    });
    match read {
        _ if failed.is_some() => failed.map_or(Ok(()), Err),
        Ok(true) => Ok(()),
        Ok(false) => load_rows(worker, bytes, options, report),
        Err(error) => {
            let why = match &error {
                FlowParquetError::Refused(Refused::Exceeded(limit)) => limit.why,
                _ => "broken_parquet",
            };
            let (why, detail, sample) = (why.to_owned(), error.to_string(), String::new());
            report.quarantine(Rejected { record: None, offset: None, why, detail, sample });
            Ok(())
        }
    }
}

/// Loads one record; `text` is its line.
pub fn load_record<'a>(
    worker: &mut Worker<'_>,
    layout: &FlowLayout,
    values: &[&'a str],
    (offset, text): (Option<u64>, &'a str),
    options: FileContext<'_>,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    let file = report.name.clone();
    let record = i64::try_from(report.next_number()).unwrap_or(i64::MAX);
    let origin = Origin { file: &file, record, raw: options.keep_raw.then_some(text), text };
    accept(worker, model_flow(layout, values, origin), (offset, text), options, report)
}

fn note_unknown(layout: &FlowLayout, report: &mut FileReport) {
    let unknown: Vec<&str> = layout.unknown().collect();
    if !unknown.is_empty() {
        report.note(&format!("flow log fields without a column: {}", unknown.join(" ")));
    }
}
