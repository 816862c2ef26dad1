//! Loads the members of archives as if they were files of a folder: each has its own report, named
//! `archive.zip!folder/member.json`.
//!
//! In: an archive, as bytes or as a large file that is read as a stream. Out: the report of the archive, which counts
//! what is wrong with it as a whole, and the reports of its members. Members are read in batches of bounded size and
//! loaded in parallel.

use super::account::{FileReport, Rejected};
use super::layers::{Job, MAX_LAYERS, base_name, report_cut, report_damage};
use super::selection::{QUARANTINED_MEMBERS, is_incomplete};
use super::worker::LoadError;
use crate::decode::archive::{Allowance, ArchiveKind, Content, Member, Watched, read_tar, read_zip};
use crate::decode::budget::Budget;
use crate::decode::compression::Compression;
use crate::discover::{Input, Source, is_refused, masked_name};
use rayon::prelude::*;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::sync::Arc;

/// Archives within archives; exports are packed once or twice.
const MAX_DEPTH: usize = 3;
/// Bytes of the members that are loaded together.
const BATCH_BYTES: usize = 16 << 20;
/// Members that are loaded together.
const BATCH: usize = 256;
/// Files larger than this are read as a stream if they are archives.
const STREAM: u64 = 64 << 20;
/// Bytes that show what a large file is; bzip2 has blocks of up to 900 kB.
const LONG_HEAD: u64 = 1 << 20;

/// The bytes of an archive.
pub(super) enum Packed<'p> {
    /// A zip file.
    Zip(&'p mut dyn ReadSeek),
    /// A tar file; the bytes of a compressed one have not been charged yet.
    Tar(Box<dyn Read + 'p>, bool),
}

impl Packed<'_> {
    fn kind(&self) -> ArchiveKind {
        match self {
            Packed::Zip(_) => ArchiveKind::Zip,
            Packed::Tar(..) => ArchiveKind::Tar,
        }
    }
}

/// A reader that can go back.
pub(super) trait ReadSeek: Read + Seek {}

impl<R: Read + Seek> ReadSeek for R {}

/// The format of an archive: `zip archive`, `tar.gz archive`.
fn format_of(kind: ArchiveKind, layers: &[Compression]) -> String {
    let mut name = match kind {
        ArchiveKind::Zip => "zip",
        ArchiveKind::Tar => "tar",
    }
    .to_owned();
    for layer in layers.iter().rev() {
        name.push('.');
        name.push_str(layer.ending());
    }
    format!("{name}{}", super::account::ARCHIVE)
}

/// Loads the members of an archive that is in `depth` others, from which `layers` have been removed, the outermost first.
pub(super) fn load_members(
    job: Job<'_, '_>,
    packed: Packed<'_>,
    layers: &[Compression],
    report: &mut FileReport,
    depth: usize,
    out: &mut Vec<FileReport>,
) -> Result<(), LoadError> {
    report.format = format_of(packed.kind(), layers);
    if depth == MAX_DEPTH {
        let detail = format!("an archive nested in {MAX_DEPTH} others; unpack the outer one and load the folder");
        report.quarantine(Rejected::of_file("nested_archive", detail));
        return Ok(());
    }
    let first = out.len();
    let allowance = Allowance { budget: job.options.budget, member: job.options.limits.text_bytes };
    let mut batch = Batch::new(job, report, depth, out);
    let (damages, problem) = match packed {
        Packed::Zip(mut from) => (read_zip(&mut from, allowance, &mut |member| batch.take(member)), None),
        Packed::Tar(from, charged) => {
            let mut watched = Watched::new(from, charged.then_some(allowance.budget));
            let damages = read_tar(&mut watched, allowance, &mut |member| batch.take(member));
            (damages, watched.problem())
        }
    };
    let left_out = batch.finish()?;
    let file = base_name(&report.name).to_owned();
    for damage in damages {
        report.quarantine(Rejected::of_file(&damage.why, damage.detail.replace("{file}", &file)));
    }
    if let Some(problem) = problem {
        match layers.first() {
            Some(outermost) => report_damage(*outermost, problem, report),
            None => report_cut("unreadable", "the archive cannot be read to its end".to_owned(), report),
        }
    }
    left_out.into_iter().for_each(|why| report.filter(why));
    let members = out.get(first..).unwrap_or_default();
    if members.is_empty() && report.read == 0 {
        report.filtered_as.push("empty".to_owned());
    }
    mark_incomplete(members, report);
    Ok(())
}

/// Marks an archive that a later load must read again, because of its members.
fn mark_incomplete(members: &[FileReport], report: &mut FileReport) {
    let mut mark = |why: &str| {
        if !report.filtered_as.iter().any(|known| known == why) {
            report.filtered_as.push(why.to_owned());
        }
    };
    for member in members {
        member.filtered_as.iter().filter(|why| is_incomplete(why)).for_each(|why| mark(why));
        if member.quarantined > 0 {
            mark(QUARANTINED_MEMBERS);
        }
    }
}

/// Members that are loaded together.
struct Batch<'b, 'j, 's> {
    job: Job<'j, 's>,
    parent: Parent,
    depth: usize,
    members: Vec<Member>,
    bytes: usize,
    /// How often each name has been seen, by its hash.
    names: HashMap<u64, u32>,
    /// The reasons for which members are left out because of their paths.
    left_out: Vec<&'static str>,
    failed: Option<LoadError>,
    out: &'b mut Vec<FileReport>,
}

/// What members inherit from their archive.
struct Parent {
    name: Arc<str>,
    folder: Option<Arc<str>>,
    modified: Option<i64>,
}

impl<'b, 'j, 's> Batch<'b, 'j, 's> {
    fn new(job: Job<'j, 's>, report: &FileReport, depth: usize, out: &'b mut Vec<FileReport>) -> Self {
        let parent = Parent { name: report.name.clone(), folder: report.folder.clone(), modified: report.modified };
        let (members, names, left_out) = (Vec::new(), HashMap::new(), Vec::new());
        Batch { job, parent, depth, members, bytes: 0, names, left_out, failed: None, out }
    }

    /// Adds a member; returns whether to go on.
    fn take(&mut self, mut member: Member) -> bool {
        if let Some(why) = self.job.options.selection.leaves_out_file(&member.name) {
            self.left_out.push(why);
            return true;
        }
        let hash = blake3::hash(member.name.as_bytes());
        let hash = hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let times = self.names.entry(hash).or_default();
        *times += 1;
        if *times > 1 {
            member.name.push_str(&format!("#{times}"));
        }
        if let Content::Bytes(bytes, _) = &member.content {
            self.bytes += bytes.len();
        }
        self.members.push(member);
        if self.bytes >= BATCH_BYTES || self.members.len() >= BATCH {
            self.load();
        }
        self.failed.is_none()
    }

    fn load(&mut self) {
        self.bytes = 0;
        let (job, parent, depth) = (self.job, &self.parent, self.depth + 1);
        let loaded: Result<Vec<Vec<FileReport>>, LoadError> = std::mem::take(&mut self.members)
            .into_par_iter()
            .with_max_len(1)
            .map(|member| load_member(job, parent, member, depth))
            .collect();
        match loaded {
            Ok(reports) => self.out.extend(reports.into_iter().flatten()),
            Err(error) => self.failed = Some(error),
        }
    }

    /// Loads the rest; returns the reasons for which members were left out.
    fn finish(mut self) -> Result<Vec<&'static str>, LoadError> {
        if self.failed.is_none() {
            self.load();
        }
        self.failed.map_or(Ok(self.left_out), Err)
    }
}

fn load_member(job: Job<'_, '_>, parent: &Parent, member: Member, depth: usize) -> Result<Vec<FileReport>, LoadError> {
    let mut reports = Vec::new();
    let mut report = FileReport {
        name: format!("{}!{}", parent.name, masked_name(member.name)).into(),
        folder: parent.folder.clone(),
        modified: member.modified.or(parent.modified),
        is_member: true,
        ..FileReport::default()
    };
    match member.content {
        Content::Bytes(bytes, damage) => {
            report.size = bytes.len() as u64;
            let (packed, mut plain) = job.pool.buffers();
            let loaded = job.load(report, &bytes, &mut plain, depth, &mut reports);
            job.pool.give_back((packed, plain));
            loaded?;
            if let Some((damage, report)) = damage.zip(reports.first_mut()) {
                report_cut(&damage.why, damage.detail, report);
            }
        }
        Content::Skipped(why) => {
            report.format = why.to_owned();
            report.filter(why);
            job.done(report, 0, &mut reports);
        }
        Content::Unreadable(damage) => {
            report.format = "unreadable".to_owned();
            let detail = damage.detail.replace("{file}", base_name(&parent.name));
            report.quarantine(Rejected::of_file(&damage.why, detail));
            job.done(report, 0, &mut reports);
        }
    }
    Ok(reports)
}

/// A large file that is an archive.
pub(super) struct Stream {
    file: File,
    kind: ArchiveKind,
    layers: Vec<Compression>,
}

/// Opens a large file if it is an archive; all other files are read into memory.
pub(super) fn open_stream(input: &Input) -> Option<Stream> {
    let Source::File(path) = &input.source else { return None };
    if input.size <= STREAM {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let mut head = Vec::new();
    file.by_ref().take(LONG_HEAD).read_to_end(&mut head).ok()?;
    file.rewind().ok()?;
    let mut layers = Vec::new();
    loop {
        if is_refused(&head) {
            return None;
        }
        match ArchiveKind::of(&head) {
            // A compressed zip file cannot be read as a stream, since its directory is at the end.
            Some(ArchiveKind::Zip) if !layers.is_empty() => return None,
            Some(kind) => return Some(Stream { file, kind, layers }),
            None => {}
        }
        let compression = Compression::of(&head).filter(|_| layers.len() < MAX_LAYERS)?;
        head = compression.peek(&head, LONG_HEAD as usize);
        layers.push(compression);
    }
}

/// Loads a large archive; its members are in memory one batch at a time.
pub(super) fn load_stream(
    job: Job<'_, '_>,
    stream: Stream,
    report: &mut FileReport,
    out: &mut Vec<FileReport>,
) -> Result<(), LoadError> {
    let Stream { mut file, kind, layers } = stream;
    if kind == ArchiveKind::Zip {
        let mut hasher = blake3::Hasher::new();
        let whole = hasher.update_reader(&mut file).is_ok();
        if whole {
            report.content_hash = hasher.finalize().to_hex().to_string();
        }
        // The limit for one file does not hold for archives.
        let _larger = job.options.budget.charge_read(report.size);
        let loaded = load_members(job, Packed::Zip(&mut file), &layers, report, 0, out);
        job.progress.bytes_read(report.size);
        return loaded;
    }
    let mut source = Tracked { file, hasher: blake3::Hasher::new(), budget: job.options.budget, job };
    let mut from: Box<dyn Read + '_> = Box::new(&mut source);
    for layer in &layers {
        from = match layer.decoder(BufReader::with_capacity(256 << 10, from)) {
            Ok(decoder) => decoder,
            Err(error) => {
                report.format = format_of(kind, &layers);
                report.quarantine(Rejected::of_file("unreadable", error.to_string()));
                return Ok(());
            }
        };
    }
    load_members(job, Packed::Tar(from, !layers.is_empty()), &layers, report, 0, out)?;
    // What comes after a damaged place belongs to the content, too.
    let _rest = std::io::copy(&mut source, &mut std::io::sink());
    report.content_hash = source.hasher.finalize().to_hex().to_string();
    Ok(())
}

/// The bytes on disk: hashed, charged and shown as progress.
struct Tracked<'t, 'j, 's> {
    file: File,
    hasher: blake3::Hasher,
    budget: &'t Budget,
    job: Job<'j, 's>,
}

impl Read for Tracked<'_, '_, '_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(out)?;
        self.hasher.update(out.get(..read).unwrap_or_default());
        // The limit for one file does not hold for archives; what is counted raises the other allowances.
        let _larger = self.budget.charge_read(read as u64);
        self.job.progress.bytes_read(read as u64);
        Ok(read)
    }
}
