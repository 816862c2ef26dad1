//! Loads the records in a text that is not JSON as a whole.
//!
//! In: the bytes of a log, a ticket or a transcript. Out: the records in it, as if they were a file; lines that are JSON count like
//! lines of a file of JSON, and other text counts for nothing. What looks like a damaged record is reported beside records; a text
//! that has no others is a document that quotes some, and is reported once.

use super::account::{FileReport, Rejected};
use super::file::{Place, load_value, sample};
use super::worker::{FileContext, LoadError, Worker};
use crate::decode::quoted::{Quoted, holds_record, is_of_record, read};

/// Loads the records in a text.
pub(super) fn load_quoted(
    worker: &mut Worker<'_>,
    bytes: &[u8],
    options: FileContext<'_>,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    let mut failed = None;
    let mut broken = Broken::default();
    read(bytes, options.budget, &mut |quoted| match quoted {
        _ if failed.is_some() => {}
        Quoted::Value { tape, text, offset, is_line } => {
            let place = if is_line { Place::Inner } else { Place::Aside };
            failed = load_value(worker, tape, text, offset, (options, place), report).err();
        }
        Quoted::Broken { text, offset, why } => broken.add(text, offset, why, options, report),
        Quoted::Stopped { offset, limit } => report.stop(limit.why, limit.detail, offset as u64),
    });
    if let Some(error) = failed {
        return Err(error);
    }
    if report.loaded + report.duplicate > 0 {
        report.note("the text around the records is skipped");
        broken.report(report);
    } else if broken.count > 0 || report.read == 0 && quotes_record(bytes) {
        let detail = "text that quotes records of AWS or dstack, none of which is complete JSON; export them again as JSON";
        report.quarantine(Rejected::of_file("unknown_shape", detail.to_owned()));
    } else if report.read == 0 {
        report.filter("not_a_log");
    }
    if report.format.is_empty() {
        report.format = "text".to_owned();
    }
    Ok(())
}

/// Whether a line of a text quotes a record in a form that is not JSON, such as with doubled quotes.
fn quotes_record(bytes: &[u8]) -> bool {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    head.split(|byte| *byte == b'\n').any(|line| holds_record(line) && is_of_record(&String::from_utf8_lossy(line)))
}

/// The part of a text that is looked at.
const HEAD: usize = 1 << 20;

/// Damaged records of a text, until it is known whether it has others.
#[derive(Default)]
struct Broken {
    count: usize,
    /// The first ones.
    known: Vec<Rejected>,
}

impl Broken {
    fn add(&mut self, text: &str, offset: usize, why: &str, options: FileContext<'_>, report: &FileReport) {
        self.count += 1;
        if self.known.len() < options.limits.remembered {
            let detail = match why {
                "cut_off" => {
                    "the text begins in the middle of a record; the beginning of the record is in another part of the export"
                }
                "truncated" => "a record is cut off at the end of the text",
                "too_damaged" => "the text is so damaged that its rest is not searched for further records",
                "too_large" | "too_many_nodes" => "a record that exceeds the limits of one record",
                _ => "a record in text that is not valid JSON, or is cut off",
            };
            self.known.push(Rejected {
                record: None,
                offset: Some(offset as u64),
                why: why.to_owned(),
                detail: detail.to_owned(),
                sample: sample(text.as_bytes(), report),
            });
        }
    }

    fn report(self, report: &mut FileReport) {
        let others = self.count - self.known.len();
        for rejected in self.known {
            report.quarantine(Rejected { record: Some(report.next_number()), ..rejected });
        }
        for _ in 0..others {
            let (why, detail) = ("broken_json".to_owned(), String::new());
            report.quarantine(Rejected { record: Some(report.next_number()), offset: None, why, detail, sample: String::new() });
        }
    }
}
