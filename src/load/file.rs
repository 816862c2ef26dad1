//! Loads one file: decodes and models its bytes into the columns of a worker.

use super::Known;
use super::account::{FileReport, Rejected};
use super::contain::contained;
use super::dedup::Claim;
use super::flow::{load_flow_log, load_parquet, load_record};
use super::selection::REMOVED;
use super::worker::{LoadError, LoadOptions, Pool, Worker};
use crate::decode::buffer::Buffer;
use crate::decode::chunk::{Chunk, chunks};
use crate::decode::csv::{self, CsvLine};
use crate::decode::envelope::{self, Found, Shape};
use crate::decode::flow::FlowLayout;
use crate::decode::inflate::{InflateProblem, inflate, is_gzip};
use crate::decode::json::{Tape, Value};
use crate::decode::looks;
use crate::decode::secret;
use crate::decode::split::{Piece, split, split_chunk};
use crate::discover::{Input, Kind, Source, kind_of};
use crate::model::ecs_event::Envelope;
use crate::model::time::time_at;
use crate::model::{self, Modeled, Origin, Refusal};
use crate::table::Row;
use rayon::prelude::*;
use std::fs::File;
use std::io::{ErrorKind, Read};

/// Reads the bytes of an input; the error is a message for the user.
pub fn read_bytes(input: &Input, limit: u64, out: &mut Buffer) -> Result<(), String> {
    out.clear();
    if input.size > limit {
        return Err(format!("{} bytes exceed the limit of {limit} bytes for one file", input.size));
    }
    let read = match &input.source {
        Source::File(path) => File::open(path).and_then(|file| read_file(file, input.size, limit, out)),
        Source::Stdin => read_rest(std::io::stdin().lock(), limit, Vec::new(), out),
        Source::Store => Ok(()),
    };
    match read {
        Ok(()) if out.len() as u64 > limit => Err(format!("more than {limit} bytes")),
        Ok(()) => Ok(()),
        Err(error) => Err(error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase()),
    }
}

/// Reads a file in one call, given its size; if it has grown, the rest is read too.
fn read_file(mut file: File, size: u64, limit: u64, out: &mut Buffer) -> std::io::Result<()> {
    let room = out.room(usize::try_from(size).unwrap_or(usize::MAX).saturating_add(1));
    let mut length = 0;
    while let Some(rest) = room.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => {
                out.hold(length);
                return Ok(());
            }
            Ok(read) => length += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let begin = room.to_vec();
    read_rest(file, limit, begin, out)
}

/// Reads the rest of a file, up to one byte more than the limit.
fn read_rest(from: impl Read, limit: u64, mut begin: Vec<u8>, out: &mut Buffer) -> std::io::Result<()> {
    let read = from.take((limit + 1).saturating_sub(begin.len() as u64)).read_to_end(&mut begin);
    out.take(begin);
    read.map(|_| ())
}

/// Files larger than this are split and read in parallel.
const LARGE: usize = 16 << 20;
/// The size of one part.
const PART: usize = 4 << 20;

/// Loads one file into the columns of a worker.
pub fn load_file(
    pool: &Pool<'_>,
    input: &Input,
    known: Option<&Known<'_>>,
    options: &LoadOptions,
) -> Result<FileReport, LoadError> {
    let mut report = FileReport::new(input);
    if input.source == Source::Store {
        report.format = "store".to_owned();
        report.filter("store");
        return Ok(report);
    }
    let (mut packed, mut plain) = pool.buffers();
    let result = match read_bytes(input, options.max_file_bytes, &mut packed) {
        Ok(()) => {
            report.size = packed.len() as u64;
            report.content_hash = blake3::hash(&packed).to_hex().to_string();
            match known.and_then(|known| known(&report.content_hash)) {
                Some(before) => {
                    count_as_duplicates(before, &mut report);
                    Ok(())
                }
                None => reported(pool, &mut report, |report| load_bytes(pool, &packed, &mut plain, options, report)),
            }
        }
        Err(detail) => {
            report.format = "unreadable".to_owned();
            report.quarantine(whole_file("unreadable", detail));
            Ok(())
        }
    };
    pool.give_back((packed, plain));
    result.map(|()| report)
}

/// Runs `read` and turns a panic into a problem of the file; records before the panic are loaded and counted.
fn reported(
    pool: &Pool<'_>,
    report: &mut FileReport,
    read: impl FnOnce(&mut FileReport) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    match contained(|| read(report)) {
        Ok(result) => result,
        Err(message) if pool.is_torn() => Err(LoadError::Torn { file: report.name.to_string(), message }),
        Err(message) => {
            if report.format.is_empty() {
                report.format = "unknown".to_owned();
            }
            let detail = format!("internal error while reading the file: {message}; the records before it are loaded");
            report.quarantine(whole_file("internal_error", detail));
            Ok(())
        }
    }
}

/// Reports a copy of a loaded file: all of its records are duplicates.
fn count_as_duplicates(before: FileReport, report: &mut FileReport) {
    report.note("a file with the same content is already loaded");
    *report = FileReport {
        name: std::mem::take(&mut report.name),
        folder: report.folder.take(),
        modified: report.modified,
        notes: std::mem::take(&mut report.notes),
        loaded: 0,
        duplicate: before.loaded + before.duplicate,
        ..before
    };
}

fn whole_file(why: &str, detail: String) -> Rejected {
    Rejected { record: None, offset: None, why: why.to_owned(), detail, sample: String::new() }
}

fn load_bytes(
    pool: &Pool<'_>,
    packed: &[u8],
    plain: &mut Buffer,
    options: &LoadOptions,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    let mut problem = None;
    let (mut inner, wide);
    let mut bytes: &[u8] = if is_gzip(packed) {
        problem = inflate(packed, options.inflate, plain);
        plain
    } else {
        packed
    };
    // The file was already compressed and was compressed again in transit.
    if problem.is_none() && is_gzip(packed) && is_gzip(bytes) {
        inner = Buffer::default();
        problem = inflate(bytes, options.inflate, &mut inner);
        bytes = &inner;
    }
    if let Some(text) = text_of_utf16(bytes) {
        report.note("decoded from UTF-16");
        wide = text;
        bytes = wide.as_bytes();
    }
    report.bytes = bytes.len() as u64;
    if let Some(InflateProblem::Bomb { reached }) = problem {
        report.format = "gzip".to_owned();
        let detail = format!("{} compressed bytes expand to more than {reached} bytes: a decompression bomb", packed.len());
        report.quarantine(whole_file("decompression_bomb", detail));
        return Ok(());
    }
    let result = load_plain(pool, bytes, options, report);
    if let Some(problem) = problem {
        report_damage(problem, report);
    }
    result
}

/// Decodes UTF-16 that starts with a byte order mark.
fn text_of_utf16(bytes: &[u8]) -> Option<String> {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let units = bytes.get(2..)?.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
    Some(char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

/// Reports a damaged end once: on the record that is cut off, or for the whole file if there is none.
fn report_damage(problem: InflateProblem, report: &mut FileReport) {
    let (why, detail) = match problem {
        InflateProblem::Truncated => {
            ("truncated_gzip", "the gzip stream ends early; the records before the cut are loaded".to_owned())
        }
        InflateProblem::Damaged(detail) => {
            ("damaged_gzip", format!("the gzip stream is damaged ({detail}); the records before the damage are loaded"))
        }
        InflateProblem::Bomb { .. } => return,
    };
    if let Some(last) = report.problems.last_mut()
        && matches!(last.why.as_str(), "truncated" | "broken_json" | "invalid_utf8" | "broken_flow")
    {
        last.why = why.to_owned();
        last.detail = detail;
        return;
    }
    if report.bytes == 0 {
        report.filtered_as.clear();
    }
    report.quarantine(whole_file(why, detail));
}

fn load_plain(pool: &Pool<'_>, bytes: &[u8], options: &LoadOptions, report: &mut FileReport) -> Result<(), LoadError> {
    match kind_of(bytes) {
        Kind::Json => load_json(pool, bytes, options, report),
        Kind::Csv => pool.with_worker(|worker| load_csv(worker, bytes, options, report)),
        Kind::FlowLog => pool.with_worker(|worker| load_flow_log(worker, bytes, options, report)),
        Kind::Parquet => pool.with_worker(|worker| load_parquet(worker, bytes, options, report)),
        Kind::Filtered(why) => {
            report.format = why.to_owned();
            if why == "empty" {
                report.filtered_as.push(why.to_owned());
            } else {
                report.filter(why);
            }
            Ok(())
        }
        Kind::Refused(why, detail) => {
            report.format = why.to_owned();
            report.quarantine(whole_file(why, detail.to_owned()));
            Ok(())
        }
    }
}

fn load_json(pool: &Pool<'_>, bytes: &[u8], options: &LoadOptions, report: &mut FileReport) -> Result<(), LoadError> {
    let chunks = if bytes.len() > LARGE { chunks(bytes, PART) } else { None };
    match chunks {
        Some(chunks) => load_chunks(pool, bytes, &chunks, options, report)?,
        None => pool.with_worker(|worker| load_pieces(worker, 0, options, report, |on| split(bytes, on)))?,
    }
    if report.format.is_empty() {
        report.format = "JSON without records".to_owned();
    }
    Ok(())
}

/// Reads the parts of a large file in parallel and merges their reports in order.
fn load_chunks(
    pool: &Pool<'_>,
    bytes: &[u8],
    chunks: &[Chunk],
    options: &LoadOptions,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    let parts: Result<Vec<FileReport>, LoadError> = chunks
        .par_iter()
        .with_max_len(1)
        .map(|chunk| {
            let mut part = report.part(chunk.before);
            let text = bytes.get(chunk.bytes.clone()).unwrap_or_default();
            reported(pool, &mut part, |part| {
                pool.with_worker(|worker| {
                    load_pieces(worker, chunk.bytes.start, options, part, |on| split_chunk(text, chunk.form, on))
                })
            })?;
            Ok(part)
        })
        .collect();
    parts?.into_iter().for_each(|part| report.join(part));
    Ok(())
}

/// Loads the pieces from `pieces`; `base` is their offset in the file.
fn load_pieces<'b>(
    worker: &mut Worker<'_>,
    base: usize,
    options: &LoadOptions,
    report: &mut FileReport,
    pieces: impl FnOnce(&mut dyn FnMut(Piece<'b>)),
) -> Result<(), LoadError> {
    let mut failed = None;
    pieces(&mut |piece| {
        if failed.is_none() {
            failed = load_piece(worker, piece, base, options, report).err();
        }
    });
    failed.map_or(Ok(()), Err)
}

fn load_piece(
    worker: &mut Worker<'_>,
    piece: Piece<'_>,
    base: usize,
    options: &LoadOptions,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    match piece {
        Piece::Value { tape, text, offset, .. } => load_value(worker, tape, text, base + offset, (options, false), report),
        Piece::Aside { tape, text, offset } => load_value(worker, tape, text, base + offset, (options, true), report),
        Piece::Broken { bytes, offset, why, detail } => {
            let record = Some(report.next_number());
            let sample = sample(bytes);
            report.quarantine(Rejected { record, offset: Some((base + offset) as u64), why: why.to_owned(), detail, sample });
            Ok(())
        }
        Piece::Stray { bytes } => {
            report.note(&format!("skipped a stray `{}` between records", String::from_utf8_lossy(bytes)));
            Ok(())
        }
    }
}

/// Loads the records in a value; a value beside a list may contain none.
fn load_value(
    worker: &mut Worker<'_>,
    tape: Tape<'_>,
    text: &str,
    offset: usize,
    (options, aside): (&LoadOptions, bool),
    report: &mut FileReport,
) -> Result<(), LoadError> {
    if tape.repeated_keys() > 0 {
        report.note("a record repeats a key; the last value is used");
    }
    let mut failed = None;
    envelope::with_masked(text, tape, |tape, text| {
        let find = if aside { envelope::find_aside } else { envelope::find };
        find(tape, text, &mut |found| {
            if failed.is_none()
                && let Err(error) = load_found(worker, &found, offset, options, report)
            {
                failed = Some(error);
            }
        });
    });
    failed.map_or(Ok(()), Err)
}

fn load_found(
    worker: &mut Worker<'_>,
    found: &Found<'_>,
    offset: usize,
    options: &LoadOptions,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    if report.format.is_empty() {
        report.format = format_of(found.shape).to_owned();
    }
    match found.shape {
        Shape::Other(why) => {
            report.filter(why);
            if let Some(note) = note_of(why) {
                report.note(note);
            }
            return Ok(());
        }
        Shape::Unknown => {
            let rejected = unknown_shape(found.value, offset, report);
            report.quarantine(rejected);
            return Ok(());
        }
        Shape::LaunchFailure(index) => return load_launch_failure(worker, (found.value, index), offset, options, report),
        Shape::Unreadable(why, detail) => {
            let rejected = Rejected {
                record: Some(report.next_number()),
                offset: Some(offset as u64),
                why: why.to_owned(),
                detail: detail.to_owned(),
                sample: found.value.text().map(|text| sample(text.as_bytes())).unwrap_or_default(),
            };
            report.quarantine(rejected);
            return Ok(());
        }
        Shape::FlowLine => {
            let text = found.value.text().unwrap_or_default();
            let values: Vec<&str> = text.split(' ').collect();
            return load_record(worker, &FlowLayout::default(), &values, (Some(offset as u64), text), options, report);
        }
        _ => {}
    }
    let mut written = String::new();
    let text = match found.text {
        Some(text) => text,
        None => {
            found.value.write(&mut written);
            &written
        }
    };
    if found.shape == Shape::Service {
        return load_service(worker, found.value, offset, options, report);
    }
    let file = report.name.clone();
    let origin = |report: &FileReport| Origin {
        file: &file,
        record: i64::try_from(report.next_number()).unwrap_or(i64::MAX),
        raw: options.keep_raw.then_some(text),
        text,
    };
    let modeled = model_one(found.shape, found.value, origin(report));
    accept(worker, modeled, (Some(offset as u64), text), options, report)
}

/// A note for the user about filtered records.
fn note_of(why: &str) -> Option<&'static str> {
    match why {
        "missing" => Some("MISSING: ECS keeps stopped tasks for about an hour, so the stop reason is not in this file"),
        "empty_answer" => Some("an empty response: the requested resources do not exist"),
        "list_of_names" => Some("`list-…` returns only names: export `describe-…` to get the records"),
        _ => None,
    }
}

/// Quarantines a value that looks like a record but has no known shape.
fn unknown_shape(value: Value<'_>, offset: usize, report: &FileReport) -> Rejected {
    let mut text = String::new();
    value.write(&mut text);
    Rejected {
        record: Some(report.next_number()),
        offset: Some(offset as u64),
        why: "unknown_shape".to_owned(),
        detail: format!(
            "{} looks like AWS or dstack data, but is not a supported record; if `--query` removed fields, export again without it",
            looks::top_keys(value)
        ),
        sample: sample(text.as_bytes()),
    }
}

/// Loads a failure from the output of `run-task` or `start-task` as if it came from the CloudTrail record of that
/// call.
fn load_launch_failure(
    worker: &mut Worker<'_>,
    (answer, index): (Value<'_>, usize),
    offset: usize,
    options: &LoadOptions,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    let Some(text) = model::run_answer::as_call(answer, index, report.modified) else {
        let detail =
            "`run-task` output has no timestamp: save it to a file, and the modification time of the file is used".to_owned();
        let modeled = Modeled::Refused(Refusal { why: "missing_time", detail });
        return accept(worker, modeled, (Some(offset as u64), ""), options, report);
    };
    let file = report.name.clone();
    let record = i64::try_from(report.next_number()).unwrap_or(i64::MAX);
    let origin = Origin { file: &file, record, raw: options.keep_raw.then_some(&text), text: &text };
    report.note("`run-task` output has no timestamp: the modification time of the file was used");
    match Tape::parse(&text) {
        Ok(tape) => {
            let modeled = model::cloudtrail::model_call(tape.root(), "describe", origin);
            accept(worker, modeled, (Some(offset as u64), &text), options, report)
        }
        Err(_) => {
            report.filter("not_a_log");
            Ok(())
        }
    }
}

/// Loads a service from `describe-services`: each event and each deployment is a separate record.
fn load_service(
    worker: &mut Worker<'_>,
    service: Value<'_>,
    offset: usize,
    options: &LoadOptions,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    let file = report.name.clone();
    let read = report.read;
    for (list, is_message) in [("events", true), ("deployments", false)] {
        for part in service.get(list).into_iter().flat_map(Value::items) {
            let mut text = String::new();
            part.write(&mut text);
            let record = i64::try_from(report.next_number()).unwrap_or(i64::MAX);
            let origin = Origin { file: &file, record, raw: options.keep_raw.then_some(&text), text: &text };
            let modeled = if is_message {
                model::service::model_service_message(service, part, origin)
            } else {
                model::service::model_service_deployment(service, part, origin)
            };
            accept(worker, modeled, (Some(offset as u64), &text), options, report)?;
        }
    }
    if report.read == read {
        report.filter("service_without_events");
    }
    Ok(())
}

/// Output of `aws ecs describe-…` has no envelope.
pub(super) const DESCRIBED: Envelope<'static> =
    Envelope { id: None, time: None, account: None, region: None, detail_type: "", source: "describe", resource: None };

fn model_one<'a>(shape: Shape, value: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
    match shape {
        // The copy that came through EventBridge is the same record, so both must produce identical rows.
        Shape::Call | Shape::EventBridgeCall => model::cloudtrail::model_call(value, "cloudtrail", origin),
        Shape::Event => model_event(value, origin),
        Shape::Task => model::task::model_task(value, DESCRIBED, origin),
        Shape::ContainerInstance => model::instance::model_instance(value, DESCRIBED, origin),
        Shape::Run => model::dstack::model_run(value, origin),
        Shape::RunEvent => model::dstack::model_run_event(value, origin),
        Shape::Submission => model::dstack::model_submission(value, origin),
        Shape::ServiceMessage => model::service::model_service_message(value, value, origin),
        Shape::Deployment => model::service::model_service_deployment(value, value, origin),
        Shape::ServiceDeployment => model::service_deployment::model_described_deployment(value, origin),
        Shape::ServiceRevision => model::service_deployment::model_service_revision(value, origin),
        Shape::ActionLog => model::action_log::model_action_log(value, origin),
        Shape::Health => model::service::model_health(value, DESCRIBED, origin),
        // Handled by the caller.
        Shape::Service | Shape::LaunchFailure(_) | Shape::FlowLine | Shape::Other(_) | Shape::Unknown | Shape::Unreadable(..) => {
            Modeled::Filtered("not_a_log")
        }
    }
}

pub(super) fn model_event<'a>(value: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let Some(detail) = value.get("detail") else { return Modeled::Filtered("not_a_log") };
    let detail_type = value.text_at("detail-type").or_else(|| value.text_at("detailType")).unwrap_or_default();
    let envelope = Envelope {
        id: value.text_at("id").filter(|id| !id.is_empty()),
        time: time_at(value, "time"),
        account: value.text_at("account"),
        region: value.text_at("region"),
        detail_type,
        source: value.text_at("source").unwrap_or_default(),
        resource: value.get("resources").and_then(|resources| resources.items().next().or(Some(resources))).and_then(Value::text),
    };
    model::ecs_event::model_event(envelope, detail, origin)
}

/// Counts the outcome of a record, and stores its rows if it is new.
pub(super) fn accept(
    worker: &mut Worker<'_>,
    modeled: Modeled<'_>,
    (offset, text): (Option<u64>, &str),
    options: &LoadOptions,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    let refusal = match modeled {
        Modeled::Filtered(why) => {
            report.filter(why);
            return Ok(());
        }
        Modeled::Record(record) if record.time > options.latest => Refusal {
            why: "future_time",
            detail: format!("the record is dated {}, more than a day after the load", time_text(record.time)),
        },
        Modeled::Record(record) => {
            if let Some(why) = options.selection.leaves_out(&record) {
                report.filter(why);
                return Ok(());
            }
            match worker.keep(&record)? {
                Claim::New => {
                    report.read += 1;
                    report.loaded += 1;
                }
                Claim::Duplicate => {
                    report.read += 1;
                    report.duplicate += 1;
                }
                Claim::Removed => report.filter(REMOVED),
            }
            let region = record.rows.first().and_then(Row::region);
            report.see(record.time, record.account.as_deref(), region);
            return Ok(());
        }
        Modeled::Refused(refusal) => refusal,
    };
    report.quarantine(Rejected {
        record: Some(report.next_number()),
        offset,
        why: refusal.why.to_owned(),
        detail: refusal.detail,
        sample: sample(text.as_bytes()),
    });
    Ok(())
}

fn time_text(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |time| time.to_string())
}

fn load_csv(worker: &mut Worker<'_>, bytes: &[u8], options: &LoadOptions, report: &mut FileReport) -> Result<(), LoadError> {
    report.format = "CloudTrail CSV".to_owned();
    let mut failed = None;
    csv::read(bytes, &mut |line| {
        if failed.is_some() {
            return;
        }
        let (text, offset) = match line {
            CsvLine::Record(text, offset) => (text, offset),
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
            Ok(tape) => failed = load_value(worker, tape, &text, offset, (options, false), report).err(),
            Err(error) => report.quarantine(Rejected {
                record: Some(report.next_number()),
                offset: Some(offset as u64),
                why: "broken_json".to_owned(),
                detail: format!("a cell holds a record that is not valid JSON: {error}"),
                sample: sample(text.as_bytes()),
            }),
        }
    });
    failed.map_or(Ok(()), Err)
}

/// The format name of a file, given the shape of its first record.
fn format_of(shape: Shape) -> &'static str {
    match shape {
        Shape::Call => "CloudTrail",
        Shape::EventBridgeCall => "CloudTrail by EventBridge",
        Shape::Event => "EventBridge",
        Shape::Task => "describe-tasks",
        Shape::ContainerInstance => "describe-container-instances",
        Shape::Service | Shape::ServiceMessage | Shape::Deployment => "describe-services",
        Shape::ServiceDeployment => "describe-service-deployments",
        Shape::ServiceRevision => "describe-service-revisions",
        Shape::ActionLog => "ECS Action Logs",
        Shape::Health => "AWS Health",
        Shape::LaunchFailure(_) => "run-task",
        Shape::Unknown => "unknown",
        Shape::Run => "dstack runs",
        Shape::RunEvent => "dstack events",
        Shape::Submission => "dstack submissions",
        Shape::Other(why) => why,
        Shape::FlowLine => "VPC flow log",
        Shape::Unreadable("flow_format", _) => "VPC flow log",
        Shape::Unreadable(..) => "CloudTrail",
    }
}

/// The beginning of a rejected record, with secrets masked.
pub(super) fn sample(bytes: &[u8]) -> String {
    let head = bytes.get(..bytes.len().min(4096)).unwrap_or_default();
    let text = String::from_utf8_lossy(head);
    secret::mask_fragment(&text).chars().take(120).collect()
}
