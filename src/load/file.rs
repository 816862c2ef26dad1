//! Loads one file: decodes and models its bytes into the columns of a worker.

use super::account::{FileReport, LogGroup, Rejected};
use super::archive::{load_stream, open_stream};
use super::dedup::Claim;
use super::flow::{load_flow_log, load_parquet, load_record};
use super::layers::{Job, base_name, reported};
use super::quoted::load_quoted;
use super::selection::REMOVED;
use super::settle::CONFLICT;
use super::tables::{load_csv, unreadable_row};
use super::worker::{FileContext, LoadError, LoadOptions, Pool, Worker};
use super::{Known, Progress};
use crate::decode::answer::failure_shapes;
use crate::decode::budget::Budget;
use crate::decode::buffer::Buffer;
use crate::decode::chunk::{Chunk, chunks};
use crate::decode::envelope::{self, Found, Shape};
use crate::decode::flow::FlowLayout;
use crate::decode::json::{Tape, Value};
use crate::decode::looks;
use crate::decode::pieces::{Line, PrintedLines};
use crate::decode::secret;
use crate::decode::split::{Piece, split, split_chunk};
use crate::discover::{Input, Kind, Source, kind_of, kind_of_name};
use crate::model::ecs_event::Envelope;
use crate::model::run_answer::RunResponse;
use crate::model::time::time_at;
use crate::model::{self, Modeled, Origin, Refusal};
use crate::table::Row;
use bytes::Bytes;
use rayon::prelude::*;
use std::fs::File;
use std::io::{ErrorKind, Read};

/// Reads the bytes of an input; the error is a message for the user.
pub fn read_bytes(input: &Input, budget: &Budget, out: &mut Buffer) -> Result<(), String> {
    out.clear();
    let limit = budget.limits().file_bytes;
    if input.size > limit {
        return Err(format!("{} bytes exceed the limit of {limit} bytes for one file", input.size));
    }
    let read = match &input.source {
        Source::File(path) => File::open(path).and_then(|file| read_file(file, input.size, limit, out)),
        Source::Stdin => read_rest(std::io::stdin().lock(), limit, Vec::new(), out),
        Source::Object(object) => {
            let bytes = object.read_now(limit)?;
            out.take(bytes.into());
            Ok(())
        }
        Source::Store => Ok(()),
    };
    match read {
        Ok(()) => budget.charge_read(out.len() as u64).map_err(|limit| limit.detail),
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

/// Loads one file into the columns of a worker; returns its report and those of its members.
pub fn load_file(
    pool: &Pool<'_>,
    input: &Input,
    known: Option<&Known<'_>>,
    options: &LoadOptions,
    progress: &dyn Progress,
) -> Result<Vec<FileReport>, LoadError> {
    let mut report = FileReport::new(input);
    let mut reports = Vec::new();
    let budget = Budget::new(options.limits);
    let job = Job { pool, known, options: FileContext { options, budget: &budget }, progress };
    if input.source == Source::Store {
        report.format = "store".to_owned();
        report.filter("store");
        job.done(report, 0, &mut reports);
        return Ok(reports);
    }
    if let Some(stream) = open_stream(input) {
        job.contained(&mut report, |report| load_stream(job, stream, report, &mut reports))?;
        job.done(report, 0, &mut reports);
        return Ok(reports);
    }
    let (mut packed, mut plain) = pool.buffers();
    let read = read_bytes(input, &budget, &mut packed);
    let result = job.load_read(report, read.map(|()| &*packed), &mut plain, &mut reports);
    pool.give_back((packed, plain));
    result.map(|()| reports)
}

/// Loads an object whose bytes were downloaded, as [`load_file`] does for a file.
pub fn load_object(
    pool: &Pool<'_>,
    input: &Input,
    downloaded: Result<Bytes, String>,
    known: Option<&Known<'_>>,
    options: &LoadOptions,
    progress: &dyn Progress,
) -> Result<Vec<FileReport>, LoadError> {
    let mut reports = Vec::new();
    let budget = Budget::new(options.limits);
    let job = Job { pool, known, options: FileContext { options, budget: &budget }, progress };
    let charged = |bytes: Bytes| budget.charge_read(bytes.len() as u64).map(|()| bytes).map_err(|limit| limit.detail);
    let read = downloaded.and_then(charged);
    let (packed, mut plain) = pool.buffers();
    let read = read.as_deref().map_err(Clone::clone);
    let result = job.load_read(FileReport::new(input), read, &mut plain, &mut reports);
    pool.give_back((packed, plain));
    result.map(|()| reports)
}

/// Reports a copy of a loaded file: all of its records are duplicates.
pub(super) fn count_as_duplicates(before: FileReport, report: &mut FileReport) {
    report.note("a file with the same content is already loaded");
    *report = FileReport {
        name: std::mem::take(&mut report.name),
        folder: report.folder.take(),
        modified: report.modified,
        is_member: report.is_member,
        notes: std::mem::take(&mut report.notes),
        loaded: 0,
        duplicate: before.loaded + before.duplicate,
        ..before
    };
}

/// Loads bytes of a kind that are neither compressed nor an archive.
pub(super) fn load_text(job: Job<'_, '_>, whole: &[u8], kind: Kind, report: &mut FileReport) -> Result<(), LoadError> {
    let wide = text_of_utf32(whole).or_else(|| text_of_utf16(whole));
    let decoded = wide.map(|(text, encoding)| (text, format!("decoded from {encoding}")));
    let converted = decoded.or_else(|| Some((without_colors(whole, kind)?, "removed terminal colors".to_owned())));
    let (bytes, kind) = match &converted {
        Some((text, note)) => {
            report.note(note);
            (text.as_bytes(), kind_of(text.as_bytes()))
        }
        None => (whole, kind),
    };
    let unescaped;
    let (bytes, kind) = match kind {
        Kind::Escaped(escaping) => {
            report.note(escaping.note());
            unescaped = escaping.undo(bytes);
            // The headers of an e-mail still name its encoding.
            let inner = Some(kind_of(unescaped.as_bytes())).filter(|kind| !matches!(kind, Kind::Escaped(_)));
            (unescaped.as_bytes(), inner.unwrap_or(Kind::Text))
        }
        kind => (bytes, kind),
    };
    report.bytes = bytes.len() as u64;
    load_plain(job.pool, bytes, kind, job.options, report)
}

/// Decodes UTF-32 that starts with a byte order mark. In UTF-16, the one with the low byte first would be followed by NUL.
fn text_of_utf32(bytes: &[u8]) -> Option<(String, &'static str)> {
    let unit: fn([u8; 4]) -> u32 = match bytes {
        [0xff, 0xfe, 0, 0, ..] => u32::from_le_bytes,
        [0, 0, 0xfe, 0xff, ..] => u32::from_be_bytes,
        _ => return None,
    };
    let (units, rest) = bytes.get(4..)?.as_chunks::<4>();
    let letter = |unit: u32| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
    let mut text: String = units.iter().map(|bytes| letter(unit(*bytes))).collect();
    if !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    Some((text, "UTF-32"))
}

/// Decodes UTF-16 that starts with a byte order mark, or with JSON.
fn text_of_utf16(bytes: &[u8]) -> Option<(String, &'static str)> {
    let (unit, mark): (fn([u8; 2]) -> u16, usize) = match bytes {
        [0xff, 0xfe, ..] => (u16::from_le_bytes, 2),
        [0xfe, 0xff, ..] => (u16::from_be_bytes, 2),
        [b'{' | b'[', 0, b' '..=b'~' | b'\r' | b'\n' | b'\t', 0, ..] => (u16::from_le_bytes, 0),
        [0, b'{' | b'[', 0, b' '..=b'~' | b'\r' | b'\n' | b'\t', ..] => (u16::from_be_bytes, 0),
        _ => return None,
    };
    let units = bytes.get(mark..)?.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
    Some((char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect(), "UTF-16"))
}

/// Removes the color codes of a terminal, such as those of `jq -C`, from a text that begins with one, or from a log or transcript.
/// JSON has no bare control characters, so nothing of a record is lost.
fn without_colors(bytes: &[u8], kind: Kind) -> Option<String> {
    const CODE: &str = "\x1b[";
    let is_log = || {
        let head = bytes.get(..1 << 16).unwrap_or(bytes);
        matches!(kind, Kind::Text | Kind::Filtered("not_a_log")) && memchr::memmem::find(head, CODE.as_bytes()).is_some()
    };
    if !bytes.trim_ascii_start().starts_with(CODE.as_bytes()) && !is_log() {
        return None;
    }
    let mut rest = std::str::from_utf8(bytes).ok()?;
    let mut text = String::with_capacity(rest.len());
    while let Some((before, code)) = rest.split_once(CODE) {
        text.push_str(before);
        let end = code.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ';');
        rest = end.strip_prefix(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(end);
    }
    text.push_str(rest);
    Some(text)
}

fn load_plain(
    pool: &Pool<'_>,
    bytes: &[u8],
    kind: Kind,
    options: FileContext<'_>,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    let kind = match kind {
        Kind::Filtered("not_a_log") => kind_of_name(&report.name, bytes).unwrap_or(Kind::Filtered("not_a_log")),
        kind => kind,
    };
    match kind {
        Kind::Json => load_json(pool, bytes, options, report),
        Kind::Text | Kind::Escaped(_) => pool.with_worker(|worker| load_quoted(worker, bytes, options, report)),
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
            let detail = detail.replace("{file}", base_name(&report.name));
            report.quarantine(Rejected::of_file(why, detail));
            Ok(())
        }
    }
}

fn load_json(pool: &Pool<'_>, bytes: &[u8], options: FileContext<'_>, report: &mut FileReport) -> Result<(), LoadError> {
    let chunks = if bytes.len() > LARGE { chunks(bytes, PART) } else { None };
    match chunks {
        Some(chunks) => load_chunks(pool, bytes, &chunks, options, report)?,
        None => pool.with_worker(|worker| load_pieces(worker, 0, options, report, |on| split(bytes, options.budget, on)))?,
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
    options: FileContext<'_>,
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
                    load_pieces(worker, chunk.bytes.start, options, part, |on| split_chunk(text, chunk.form, options.budget, on))
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
    options: FileContext<'_>,
    report: &mut FileReport,
    pieces: impl FnOnce(&mut dyn FnMut(Piece<'b>)),
) -> Result<(), LoadError> {
    let mut failed = None;
    let mut printed = PrintedLines::default();
    pieces(&mut |piece| {
        if failed.is_none() {
            failed = load_piece(worker, piece, (base, &mut printed), options, report).err();
        }
    });
    count_lines(printed.rest().len(), report);
    failed.map_or(Ok(()), Err)
}

/// Counts messages of a program that are not records.
fn count_lines(lines: usize, report: &mut FileReport) {
    let first_line = (lines > 0).then(|| report.next_number());
    (0..lines).for_each(|_| report.filter(envelope::LOG_LINE));
    report.log_group.join(LogGroup { records: 0, lines: lines as u64, first_line, is_of_program: lines > 0 });
}

/// Loads a value that a program printed over several messages.
fn load_printed(
    worker: &mut Worker<'_>,
    lines: usize,
    text: Option<String>,
    offset: usize,
    options: FileContext<'_>,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    let read = report.read;
    if let Some((text, tape)) = text.as_deref().and_then(|text| Some((text, Tape::parse(text).ok()?))) {
        let kept = report.loaded + report.duplicate;
        load_value(worker, tape, text, offset, (options, Place::Inner), report)?;
        let records = report.loaded + report.duplicate - kept;
        report.log_group.join(LogGroup { records, lines: 0, first_line: None, is_of_program: true });
    }
    if report.read == read {
        count_lines(lines, report);
    }
    Ok(())
}

fn load_piece(
    worker: &mut Worker<'_>,
    piece: Piece<'_>,
    (base, printed): (usize, &mut PrintedLines),
    options: FileContext<'_>,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    match piece {
        Piece::Value { tape, text, offset, list, is_top } => {
            let of_program = match list {
                Some("events" | "logEvents") => envelope::message_of_program(tape.root()),
                _ => None,
            };
            if of_program.is_some() {
                match printed.add(tape.root(), base + offset) {
                    Line::Other => {}
                    Line::Part { given_up } => {
                        count_lines(given_up.len(), report);
                        return Ok(());
                    }
                    Line::Last { lines, text } => {
                        let first = lines.first().copied().unwrap_or_default();
                        return load_printed(worker, lines.len(), text, first, options, report);
                    }
                }
            }
            let (lines, kept, number) = (report.log_lines, report.loaded + report.duplicate, report.next_number());
            let place = if is_top { Place::Top } else { Place::Inner };
            load_value(worker, tape, text, base + offset, (options, place), report)?;
            if let Some(is_of_program) = of_program {
                let (records, lines) = (report.loaded + report.duplicate - kept, report.log_lines - lines);
                let first_line = (lines > 0).then_some(number);
                report.log_group.join(LogGroup { records, lines, first_line, is_of_program });
            }
            Ok(())
        }
        Piece::Aside { tape, text, offset } => load_value(worker, tape, text, base + offset, (options, Place::Aside), report),
        Piece::Broken { bytes, offset, why, detail } => {
            let record = Some(report.next_number());
            let sample = sample(bytes, report);
            report.quarantine(Rejected { record, offset: Some((base + offset) as u64), why: why.to_owned(), detail, sample });
            Ok(())
        }
        Piece::Stopped { offset, limit } => {
            report.stop(limit.why, limit.detail, (base + offset) as u64);
            Ok(())
        }
        Piece::Stray { bytes } => {
            let stray = secret::mask_text(&String::from_utf8_lossy(bytes)).into_owned();
            report.note(&format!("skipped a stray `{stray}` between records"));
            Ok(())
        }
    }
}

/// Where a value is in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is a document of its own, so that the time of the file can be its time.
    Top,
    /// It is within something else: a text, a table, or what is left of something damaged.
    Inner,
    /// It is beside a list, and may contain no record.
    Aside,
}

/// Loads the records in a value.
pub(super) fn load_value(
    worker: &mut Worker<'_>,
    tape: Tape<'_>,
    text: &str,
    offset: usize,
    (options, place): (FileContext<'_>, Place),
    report: &mut FileReport,
) -> Result<(), LoadError> {
    if tape.repeated_keys() > 0 {
        report.note("a record repeats a key; the last value is used");
    }
    let mut failed = None;
    // The splitter has charged the first one.
    let mut is_first = true;
    envelope::with_masked(text, tape, |tape, text| {
        let find = if place == Place::Aside { envelope::find_aside } else { envelope::find };
        find(tape, text, options.budget, &mut |mut found| {
            if failed.is_some() {
                return;
            }
            if !std::mem::take(&mut is_first)
                && let Err(limit) = options.budget.charge_records(1)
            {
                return report.stop(limit.why, limit.detail, offset as u64);
            }
            if place != Place::Top {
                found.shape = found.shape.inner();
            }
            failed = load_found(worker, &found, offset, options, report).err();
        });
    });
    failed.map_or(Ok(()), Err)
}

fn load_found(
    worker: &mut Worker<'_>,
    found: &Found<'_>,
    offset: usize,
    options: FileContext<'_>,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    // Each element of a response sets the format by itself.
    if report.format.is_empty() && !matches!(found.shape, Shape::LaunchResponse | Shape::InnerLaunchResponse) {
        report.format = format_of(found.shape).to_owned();
    }
    match found.shape {
        Shape::Other(why) => {
            report.filter(why);
            if let Some(note) = note_of(why, found.value) {
                report.note(note);
            }
            return Ok(());
        }
        Shape::Unknown => {
            let rejected = unknown_shape(found.value, offset, report);
            report.quarantine(rejected);
            return Ok(());
        }
        Shape::LaunchResponse => {
            let response = RunResponse::new(found.value, report.modified);
            return load_launch_response(worker, (found.value, response), offset, options, report);
        }
        // The time of the file is not that of a response within something else.
        Shape::InnerLaunchResponse => {
            let response = RunResponse::new(found.value, None);
            return load_launch_response(worker, (found.value, response), offset, options, report);
        }
        Shape::LaunchFailure | Shape::InnerLaunchFailure => {
            let saved = report.modified.filter(|_| found.shape == Shape::LaunchFailure);
            let response = RunResponse::new(found.value, saved);
            return load_launch_failure(worker, &response, (found.value, 0), offset, options, report);
        }
        Shape::Unreadable(why, detail) => {
            let rejected = Rejected {
                record: Some(report.next_number()),
                offset: Some(offset as u64),
                why: why.to_owned(),
                detail: detail.to_owned(),
                sample: found.value.text().map(|text| sample(text.as_bytes(), report)).unwrap_or_default(),
            };
            report.quarantine(rejected);
            return Ok(());
        }
        Shape::UnreadableRow => {
            if let Some((column, cell)) = found.value.entries().next() {
                let rejected = unreadable_row(column, cell.text().unwrap_or_default(), Some(offset as u64), report);
                report.quarantine(rejected);
            }
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
fn note_of(why: &str, value: Value<'_>) -> Option<&'static str> {
    match why {
        // An element of `failures[]` has nothing but its ARN to say what is missing; a task always has one.
        "missing" if value.text_at("arn").is_some_and(|arn| arn.contains(":task/")) => {
            Some("MISSING: ECS keeps stopped tasks for about an hour, so the stop reason is not in this file")
        }
        "missing" => {
            Some("MISSING: something that was requested does not exist under this name in this account, Region and cluster")
        }
        "empty_answer" => Some("an empty response: the requested resources do not exist"),
        "ocsf_class" => {
            Some("OCSF events without an API call, such as network activity, are not read: export VPC flow logs instead")
        }
        "batch_job" => {
            Some("jobs of AWS Batch are not read: export the ECS events, or `describe-tasks` of each `taskArn` within an hour")
        }
        "stack_event" => {
            Some("events of CloudFormation are not read: export `describe-services` and the ECS events of the service")
        }
        "list_of_names" => Some("`list-…` returns only names: export `describe-…` to get the records"),
        _ => None,
    }
}

/// Quarantines a value that looks like a record but has no known shape.
fn unknown_shape(value: Value<'_>, offset: usize, report: &FileReport) -> Rejected {
    let mut text = String::new();
    if report.keeps_details() {
        value.write(&mut text);
    }
    Rejected {
        record: Some(report.next_number()),
        offset: Some(offset as u64),
        why: "unknown_shape".to_owned(),
        detail: format!(
            "{} looks like AWS or dstack data, but is not a supported record; if `--query` removed fields, export again without it",
            looks::top_keys(value)
        ),
        sample: sample(text.as_bytes(), report),
    }
}

/// Loads the elements of `failures[]` from the output of `run-task` or `start-task`.
fn load_launch_response(
    worker: &mut Worker<'_>,
    (answer, response): (Value<'_>, RunResponse<'_>),
    offset: usize,
    options: FileContext<'_>,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    let failures: Vec<Value<'_>> = answer.get("failures").into_iter().flat_map(Value::items).collect();
    let shapes = failure_shapes(answer, &failures).unwrap_or_default();
    for (index, (shape, failure)) in shapes.into_iter().zip(failures).enumerate() {
        // The first one is charged with the response.
        if index > 0
            && let Err(limit) = options.budget.charge_records(1)
        {
            report.stop(limit.why, limit.detail, offset as u64);
            return Ok(());
        }
        if shape == Shape::LaunchFailure {
            if report.format.is_empty() {
                report.format = format_of(shape).to_owned();
            }
            load_launch_failure(worker, &response, (failure, index), offset, options, report)?;
        } else {
            load_found(worker, &Found { shape, value: failure, text: None }, offset, options, report)?;
        }
    }
    Ok(())
}

/// Loads a failure of a response as if it came from the CloudTrail record of that call.
fn load_launch_failure(
    worker: &mut Worker<'_>,
    response: &RunResponse<'_>,
    (failure, index): (Value<'_>, usize),
    offset: usize,
    options: FileContext<'_>,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    let Some(text) = response.call(failure, index) else {
        let detail = "`run-task` output has no timestamp: save the response to a file of its own, and the modification time of that \
                      file is used";
        let modeled = Modeled::Refused(Refusal { why: "missing_time", detail: detail.to_owned() });
        return accept(worker, modeled, (Some(offset as u64), ""), options, report);
    };
    let file = report.name.clone();
    let record = i64::try_from(report.next_number()).unwrap_or(i64::MAX);
    let origin = Origin { file: &file, record, raw: options.keep_raw.then_some(&text), text: &text };
    if response.has_time_of_file() {
        report.note("`run-task` output has no timestamp: the modification time of the file was used");
    }
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
    options: FileContext<'_>,
    report: &mut FileReport,
) -> Result<(), LoadError> {
    let file = report.name.clone();
    let read = report.read;
    for (list, is_message) in [("events", true), ("deployments", false)] {
        for part in service.get(list).into_iter().flat_map(Value::items) {
            if let Err(limit) = options.budget.charge_records(1) {
                report.stop(limit.why, limit.detail, offset as u64);
                return Ok(());
            }
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
        Shape::DstackResource(why) => model::dstack_resource::model_resource(value, why, origin),
        Shape::ServiceMessage => model::service::model_service_message(value, value, origin),
        Shape::Deployment => model::service::model_service_deployment(value, value, origin),
        Shape::ServiceDeployment => model::service_deployment::model_described_deployment(value, origin),
        Shape::ServiceRevision => model::service_deployment::model_service_revision(value, origin),
        Shape::ActionLog => model::action_log::model_action_log(value, origin),
        Shape::Health => model::service::model_health(value, DESCRIBED, origin),
        // Handled by the caller.
        Shape::Service
        | Shape::LaunchResponse
        | Shape::LaunchFailure
        | Shape::InnerLaunchResponse
        | Shape::InnerLaunchFailure
        | Shape::UnreadableRow
        | Shape::FlowLine
        | Shape::Other(_)
        | Shape::Unknown
        | Shape::Unreadable(..) => Modeled::Filtered("not_a_log"),
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
    let modeled = model::ecs_event::model_event(envelope, detail, origin);
    match modeled {
        // The time of the event is there, and would have been used.
        Modeled::Refused(refusal) if refusal.why == "missing_time" => Modeled::Refused(Refusal::missing_time_at(value, "time")),
        modeled => modeled,
    }
}

/// Counts the outcome of a record, and stores its rows if it is new.
pub(super) fn accept(
    worker: &mut Worker<'_>,
    modeled: Modeled<'_>,
    (offset, text): (Option<u64>, &str),
    options: FileContext<'_>,
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
            let number = i64::try_from(report.next_number()).unwrap_or(i64::MAX);
            match worker.keep(&record, (&report.name, number))? {
                Claim::New | Claim::Fuller { .. } | Claim::Conflict { is_kept: true } => {
                    report.read += 1;
                    report.loaded += 1;
                }
                Claim::Duplicate => {
                    report.read += 1;
                    report.duplicate += 1;
                }
                Claim::Removed => report.filter(REMOVED),
                Claim::Conflict { is_kept: false } => {
                    let (record, sample) = (Some(report.next_number()), sample(text.as_bytes(), report));
                    let (why, detail) = (CONFLICT.to_owned(), "another record has this id and other content".to_owned());
                    report.quarantine(Rejected { record, offset, why, detail, sample });
                }
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
        sample: sample(text.as_bytes(), report),
    });
    Ok(())
}

fn time_text(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |time| time.to_string())
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
        Shape::LaunchResponse | Shape::LaunchFailure | Shape::InnerLaunchResponse | Shape::InnerLaunchFailure => "run-task",
        Shape::Unknown | Shape::UnreadableRow => "unknown",
        Shape::Run => "dstack runs",
        Shape::RunEvent => "dstack events",
        Shape::Submission => "dstack submissions",
        Shape::DstackResource(_) => "dstack resources",
        Shape::Other(why) => why,
        Shape::FlowLine => "VPC flow log",
        Shape::Unreadable("flow_format", _) => "VPC flow log",
        Shape::Unreadable(..) => "CloudTrail",
    }
}

/// The beginning of a rejected record, with secrets masked; empty if the details are not kept.
pub(super) fn sample(bytes: &[u8], report: &FileReport) -> String {
    if !report.keeps_details() {
        return String::new();
    }
    let head = bytes.get(..bytes.len().min(4096)).unwrap_or_default();
    let text = String::from_utf8_lossy(head);
    secret::mask_fragment(&text).chars().take(120).collect()
}
