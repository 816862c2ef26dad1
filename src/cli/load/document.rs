//! The result of a load, for programs.

use super::left_out::LeftOut;
use super::reports::{files_by_reason, span};
use crate::cli::store::document::Commit;
use crate::digests::Finding;
use crate::load::{FileReport, QUARANTINED_MEMBERS};
use crate::store::Loaded;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// What was loaded, and what was not.
#[derive(Serialize)]
pub(super) struct Document<'l> {
    store: String,
    files: u64,
    archives: u64,
    unchanged: u64,
    /// Files that are excluded by their paths, by reason.
    skipped: &'l BTreeMap<&'static str, u64>,
    not_listed: Vec<NotListed<'l>>,
    bytes: u64,
    records: Records,
    first: Option<String>,
    last: Option<String>,
    /// The number of files by reason.
    files_filtered: BTreeMap<String, u64>,
    files_quarantined: BTreeMap<String, u64>,
    files_noted: BTreeMap<String, u64>,
    problems: Vec<Problem<'l>>,
    integrity: &'l [Finding],
    adopted: Vec<Commit<'l>>,
    manifest_rebuilt: bool,
    not_tidied: Option<&'l str>,
}

/// read = loaded + duplicate + filtered + quarantined.
#[derive(Serialize)]
struct Records {
    read: u64,
    loaded: u64,
    duplicate: u64,
    filtered: u64,
    quarantined: u64,
}

/// A prefix in S3 that was not listed.
#[derive(Serialize)]
struct NotListed<'l> {
    prefix: &'l str,
    why: &'l str,
}

/// A record, or a file as a whole, that could not be loaded.
#[derive(Serialize)]
struct Problem<'l> {
    file: &'l str,
    record: Option<u64>,
    offset: Option<u64>,
    why: &'l str,
    detail: &'l str,
}

impl<'l> Document<'l> {
    pub(super) fn of(loaded: &'l Loaded, left_out: &'l LeftOut, store: &Path) -> Self {
        let (totals, reports) = (&loaded.totals, &loaded.reports);
        let (first, last) = span(reports);
        Document {
            store: store.display().to_string(),
            files: totals.files,
            archives: totals.archives,
            unchanged: totals.unchanged,
            skipped: &left_out.files,
            not_listed: left_out.cut.iter().map(|cut| NotListed { prefix: &cut.name, why: cut.why }).collect(),
            bytes: totals.bytes,
            records: Records {
                read: totals.read,
                loaded: totals.loaded,
                duplicate: totals.duplicate,
                filtered: totals.filtered,
                quarantined: totals.quarantined,
            },
            first: first.map(|time| time.to_string()),
            last: last.map(|time| time.to_string()),
            files_filtered: files_by_reason(reports, |report| {
                report.filtered_as.iter().filter(|why| *why != QUARANTINED_MEMBERS).cloned().collect()
            }),
            files_quarantined: files_by_reason(reports, |report| {
                report.problems.iter().map(|problem| problem.why.clone()).collect()
            }),
            files_noted: files_by_reason(reports, |report| report.notes.clone()),
            problems: reports.iter().flat_map(problems).collect(),
            integrity: &loaded.integrity,
            adopted: loaded.adopted.iter().map(Commit::of).collect(),
            manifest_rebuilt: loaded.manifest_was_lost,
            not_tidied: loaded.untidy.as_deref(),
        }
    }
}

fn problems(report: &FileReport) -> impl Iterator<Item = Problem<'_>> {
    report.problems.iter().map(|problem| Problem {
        file: &report.name,
        record: problem.record,
        offset: problem.offset,
        why: &problem.why,
        detail: &problem.detail,
    })
}
