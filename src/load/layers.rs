//! Removes the layers around the records of a file: compression in any order, and archives.
//!
//! In: the bytes of a file or member. Out: its report and those of its members. All layers of one input share its
//! budget.

use super::account::{FileReport, Rejected};
use super::archive::{self, Packed};
use super::contain::contained;
use super::file::{count_as_duplicates, load_text};
use super::worker::{FileContext, LoadError, Pool};
use super::{Known, Progress};
use crate::decode::archive::{ArchiveKind, HEAD, is_zip_behind_front};
use crate::decode::buffer::Buffer;
use crate::decode::compression::Compression;
use crate::decode::inflate::InflateProblem;
use crate::discover::{Kind, is_refused, kind_of};
use std::io::Cursor;

/// Compressions around each other, as by a browser or a proxy; more are not plausible.
pub(super) const MAX_LAYERS: usize = 3;

/// From this many compressed bytes on, the beginning is inspected first, so that a tar file is not held in memory as a whole.
const LARGE: usize = 4 << 20;

/// What the loading of one input shares.
#[derive(Clone, Copy)]
pub(super) struct Job<'j, 's> {
    pub pool: &'j Pool<'s>,
    pub known: Option<&'j Known<'j>>,
    pub options: FileContext<'j>,
    pub progress: &'j dyn Progress,
}

impl Job<'_, '_> {
    /// Loads the bytes of a file or member in `depth` archives; appends its report and those of its members.
    pub fn load(
        self,
        mut report: FileReport,
        bytes: &[u8],
        plain: &mut Buffer,
        depth: usize,
        out: &mut Vec<FileReport>,
    ) -> Result<(), LoadError> {
        report.content_hash = blake3::hash(bytes).to_hex().to_string();
        let place = out.len();
        match self.known.and_then(|known| known(&report.content_hash)) {
            Some(before) => count_as_duplicates(before, &mut report),
            None => self.contained(&mut report, |report| unpack(self, bytes, plain, &[], report, depth, out))?,
        }
        self.done(report, place, out);
        Ok(())
    }

    /// Runs `read` and turns a panic into a problem of the file; records before the panic are loaded and counted.
    pub fn contained(
        self,
        report: &mut FileReport,
        read: impl FnOnce(&mut FileReport) -> Result<(), LoadError>,
    ) -> Result<(), LoadError> {
        reported(self.pool, report, read)
    }

    /// Loads the bytes that were read of an input, or reports why they cannot be read.
    pub fn load_read(
        self,
        mut report: FileReport,
        read: Result<&[u8], String>,
        plain: &mut Buffer,
        out: &mut Vec<FileReport>,
    ) -> Result<(), LoadError> {
        match read {
            Ok(bytes) => {
                report.size = bytes.len() as u64;
                self.progress.bytes_read(report.size);
                self.load(report, bytes, plain, 0, out)
            }
            Err(detail) => {
                report.format = "unreadable".to_owned();
                report.quarantine(Rejected::of_file("unreadable", detail));
                self.done(report, 0, out);
                Ok(())
            }
        }
    }

    /// Keeps the report of a file before those of its members.
    pub fn done(self, mut report: FileReport, place: usize, out: &mut Vec<FileReport>) {
        report.sum_up();
        debug_assert!(report.balances());
        self.progress.file_done(&report);
        out.insert(place, report);
    }
}

/// Runs `read` and turns a panic into a problem of the file.
pub(super) fn reported(
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
            report.quarantine(Rejected::of_file("internal_error", detail));
            Ok(())
        }
    }
}

/// Loads bytes from which `layers` have been removed.
fn unpack(
    job: Job<'_, '_>,
    bytes: &[u8],
    plain: &mut Buffer,
    layers: &[Compression],
    report: &mut FileReport,
    depth: usize,
    out: &mut Vec<FileReport>,
) -> Result<(), LoadError> {
    let refused = is_refused(bytes);
    if let Some(kind) = ArchiveKind::of(bytes).filter(|_| !refused) {
        let mut seekable = Cursor::new(bytes);
        let packed = match kind {
            ArchiveKind::Zip => Packed::Zip(&mut seekable),
            ArchiveKind::Tar => Packed::Tar(Box::new(bytes), false),
        };
        return archive::load_members(job, packed, layers, report, depth, out);
    }
    let Some(compression) = Compression::of(bytes).filter(|_| !refused) else {
        if layers.is_empty() {
            see(job, report, bytes, false);
        }
        let kind = kind_of(bytes);
        if kind == Kind::Filtered("not_a_log") && is_zip_behind_front(bytes) {
            report.note("the bytes before the archive, such as a program that unpacks it, are skipped");
            let mut seekable = Cursor::new(bytes);
            return archive::load_members(job, Packed::Zip(&mut seekable), layers, report, depth, out);
        }
        return load_text(job, bytes, kind, report);
    };
    if layers.len() == MAX_LAYERS {
        report.format = compression.name().to_owned();
        let detail = format!("compressed more than {MAX_LAYERS} times; decompress the file first");
        report.quarantine(Rejected::of_file("too_deep", detail));
        return Ok(());
    }
    let layers = [layers, &[compression]].concat();
    if bytes.len() > LARGE
        && ArchiveKind::of(&compression.peek(bytes, HEAD)) == Some(ArchiveKind::Tar)
        && let Ok(decoder) = compression.decoder(bytes)
    {
        return archive::load_members(job, Packed::Tar(decoder, true), &layers, report, depth, out);
    }
    let problem = compression.decompress(bytes, job.options.budget, job.options.limits.text_bytes, plain);
    if layers.len() == 1 {
        see(job, report, plain, problem.is_some());
    }
    let unusable = match &problem {
        Some(InflateProblem::Bomb(limit)) => Some(Rejected::of_file(limit.why, limit.detail.clone())),
        Some(InflateProblem::Window) => Some(Rejected::of_file("compression", needs_memory(compression, report))),
        _ => None,
    };
    if let Some(rejected) = unusable {
        report.format = compression.name().to_owned();
        report.quarantine(rejected);
        return Ok(());
    }
    let mut inner = Buffer::default();
    match problem {
        None => unpack(job, plain, &mut inner, &layers, report, depth, out),
        Some(problem) => {
            // A further layer of a damaged stream would only report the same damage again.
            if ArchiveKind::of(plain).is_some() {
                unpack(job, plain, &mut inner, &layers, report, depth, out)?;
            } else {
                load_text(job, plain, kind_of(plain), report)?;
            }
            report_damage(compression, problem, report);
            Ok(())
        }
    }
}

/// Compares a log file with its digest, which has the hash of the log without its one layer of compression.
fn see(job: Job<'_, '_>, report: &FileReport, bytes: &[u8], is_damaged: bool) {
    if let Some(integrity) = &job.options.integrity {
        integrity.see(&report.name, bytes, is_damaged);
    }
}

/// What to do with a file whose decoder needs more memory than a load may use.
pub(super) fn needs_memory(compression: Compression, report: &FileReport) -> String {
    let file = base_name(&report.name);
    let command = match compression {
        Compression::Zstd => format!("zstd -d --long=31 {file}"),
        _ => format!("{} -d {file}", compression.name()),
    };
    format!("decompression needs more than 128 MiB of memory; decompress it first: `{command}`")
}

/// The last part of a name.
pub(super) fn base_name(name: &str) -> &str {
    name.rsplit(['/', '!']).next().unwrap_or(name)
}

/// Reports a damaged stream.
pub(super) fn report_damage(compression: Compression, problem: InflateProblem, report: &mut FileReport) {
    let name = compression.name();
    match problem {
        InflateProblem::Truncated => {
            let detail = format!("the {name} stream ends early; the records before the cut are loaded");
            report_cut(&format!("truncated_{name}"), detail, report);
        }
        InflateProblem::Damaged(detail) => {
            let detail = format!("the {name} stream is damaged ({detail}); the records before the damage are loaded");
            report_cut(&format!("damaged_{name}"), detail, report);
        }
        InflateProblem::Bomb(limit) => report.quarantine(Rejected::of_file(limit.why, limit.detail)),
        InflateProblem::Window => {
            let detail = needs_memory(compression, report);
            report.quarantine(Rejected::of_file("compression", detail));
        }
    }
}

/// Reports a damaged end once: on the record that is cut off, or for the whole file if there is none.
pub(super) fn report_cut(why: &str, detail: String, report: &mut FileReport) {
    if let Some(last) = report.problems.last_mut()
        && matches!(last.why.as_str(), "truncated" | "broken_json" | "invalid_utf8" | "broken_flow")
    {
        last.why = why.to_owned();
        last.detail = detail;
        return;
    }
    if report.bytes == 0 {
        report.filtered_as.retain(|known| known != "empty");
    }
    report.quarantine(Rejected::of_file(why, detail));
}
