//! The ledger: the files that each load read, and the records it quarantined.

use super::manifest::Manifest;
use super::read::{ints, read_columns, texts};
use super::{StoreError, StoreRoot};
use crate::discover::Input;
use crate::load::{FileReport, Rejected, is_incomplete};
use crate::table::{Columns, LoadedFile, Quarantined, Row, Table};
use arrow::record_batch::RecordBatch;
use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The latest ledger entry of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFile {
    /// Bytes on disk.
    pub size: u64,
    /// Modification time.
    pub modified: Option<i64>,
    /// The latest load that read it.
    pub load: i64,
    /// The outcome of its records in that load.
    pub report: FileReport,
}

/// The files of all loads: the newest row per path and one row per content.
#[derive(Debug, Default)]
pub struct Ledger {
    by_path: HashMap<String, Arc<KnownFile>>,
    by_content: HashMap<String, Arc<KnownFile>>,
}

impl Ledger {
    /// Reads the ledger.
    pub fn read(root: &StoreRoot, manifest: &Manifest) -> Result<Ledger, StoreError> {
        const COLUMNS: [&str; 18] = [
            "load",
            "file",
            "folder",
            "size",
            "modified",
            "bytes",
            "content_hash",
            "format",
            "read",
            "loaded",
            "duplicate",
            "filtered",
            "quarantined",
            "why",
            "account",
            "region",
            "first_event",
            "last_event",
        ];
        let mut ledger = Ledger::default();
        for file in manifest.files(Table::Files) {
            for batch in read_columns(root, Table::Files, file, &COLUMNS)? {
                for known in known_files(&batch) {
                    ledger.learn(known);
                }
            }
        }
        Ok(ledger)
    }

    fn learn(&mut self, known: KnownFile) {
        let known = Arc::new(known);
        // The members of an archive are known by their own content.
        let is_copy = !known.report.content_hash.is_empty() && !known.report.is_archive();
        if is_copy && known.report.quarantined == 0 && is_whole(&known.report) {
            self.by_content.insert(known.report.content_hash.clone(), Arc::clone(&known));
        }
        match self.by_path.entry(whole_path(known.report.folder.as_deref(), &known.report.name)) {
            Entry::Occupied(there) if there.get().load > known.load => {}
            Entry::Occupied(mut there) => drop(there.insert(known)),
            Entry::Vacant(slot) => drop(slot.insert(known)),
        }
    }

    /// Whether a file is unchanged and was completely loaded. Records that were quarantined, or filtered by an
    /// option, are retried: a permission, a limit or the clock may have changed since.
    pub fn is_settled(&self, input: &Input) -> bool {
        let known = || self.by_path.get(&whole_path(input.folder.as_deref(), &input.name));
        input.modified.is_some()
            && known().is_some_and(|known| {
                let same = known.size == input.size && known.modified == input.modified;
                same && known.report.quarantined == 0 && is_whole(&known.report)
            })
    }

    /// Whether the same content was completely loaded under the same name: a member of an archive that is read again
    /// because of others.
    pub fn is_unchanged(&self, report: &FileReport) -> bool {
        report.loaded == 0
            && report.quarantined == 0
            && is_whole(report)
            && self.by_path.get(&whole_path(report.folder.as_deref(), &report.name)).is_some_and(|known| {
                known.report.content_hash == report.content_hash && known.report.quarantined == 0 && is_whole(&known.report)
            })
    }

    /// The positions of the reports with new information: all except retried files that again yielded no records and
    /// the same problems.
    pub fn news(&self, root: &StoreRoot, manifest: &Manifest, reports: &[FileReport]) -> Result<Vec<usize>, StoreError> {
        let before = |report: &FileReport| {
            let known = self.by_path.get(&whole_path(report.folder.as_deref(), &report.name))?;
            let same = known.report.content_hash == report.content_hash
                && (known.report.read, known.report.quarantined) == (report.read, report.quarantined)
                && known.report.filtered_as.iter().all(|why| report.filtered_as.contains(why));
            (same && (report.quarantined > 0 || !is_whole(report)) && report.loaded == 0).then_some(known)
        };
        let mut problems: Option<Problems> = None;
        let mut news = Vec::new();
        for (place, report) in reports.iter().enumerate() {
            let same = match before(report) {
                None => false,
                Some(known) => {
                    let problems = match &mut problems {
                        Some(problems) => problems,
                        none => none.insert(read_problems(root, manifest)?),
                    };
                    let path = whole_path(report.folder.as_deref(), &report.name);
                    problems.get(&(path, known.load)).cloned().unwrap_or_default() == problems_of(report)
                }
            };
            if !same {
                news.push(place);
            }
        }
        Ok(news)
    }

    /// The newest row per file.
    pub fn files(&self) -> impl Iterator<Item = &KnownFile> {
        self.by_path.values().map(AsRef::as_ref)
    }

    /// The report of a completely loaded file with this content.
    pub fn content(&self, hash: &str) -> Option<&FileReport> {
        self.by_content.get(hash).map(|known| &known.report)
    }
}

/// Whether no record of a file was filtered by a time, account or region option, and no member of an archive has
/// quarantined records.
fn is_whole(report: &FileReport) -> bool {
    !report.filtered_as.iter().any(|why| is_incomplete(why))
}

/// A name resolved against its folder.
fn whole_path(folder: Option<&str>, name: &str) -> String {
    match folder {
        Some(folder) => format!("{}/{name}", folder.trim_end_matches('/')),
        None => name.to_owned(),
    }
}

/// Quarantined records, by path and load: record number and reason.
type Problems = HashMap<(String, i64), BTreeSet<(Option<i64>, String)>>;

fn problems_of(report: &FileReport) -> BTreeSet<(Option<i64>, String)> {
    report.problems.iter().map(|problem| (problem.record.and_then(int), problem.why.clone())).collect()
}

fn read_problems(root: &StoreRoot, manifest: &Manifest) -> Result<Problems, StoreError> {
    let mut problems = Problems::new();
    for file in manifest.files(Table::Quarantine) {
        for batch in read_columns(root, Table::Quarantine, file, &["load", "file", "folder", "record", "why"])? {
            let (loads, records) = (ints(&batch, "load"), ints(&batch, "record"));
            let (files, folders, whys) = (texts(&batch, "file"), texts(&batch, "folder"), texts(&batch, "why"));
            let rows = loads.into_iter().zip(records).zip(files.into_iter().zip(folders)).zip(whys);
            for (((load, record), (file, folder)), why) in rows {
                let key = (whole_path(folder, file.unwrap_or_default()), load.unwrap_or(0));
                problems.entry(key).or_default().insert((record, why.unwrap_or_default().to_owned()));
            }
        }
    }
    Ok(problems)
}

fn known_files<'b>(batch: &'b RecordBatch) -> Vec<KnownFile> {
    let text = |name: &str| texts(batch, name);
    let (names, hashes, formats) = (text("file"), text("content_hash"), text("format"));
    let folders = text("folder");
    let (whys, accounts, regions) = (text("why"), text("account"), text("region"));
    let number = |name: &str| ints(batch, name);
    let (loads, sizes, modified) = (number("load"), number("size"), number("modified"));
    let (bytes, read, loaded) = (number("bytes"), number("read"), number("loaded"));
    let (duplicate, filtered, quarantined) = (number("duplicate"), number("filtered"), number("quarantined"));
    let (first, last) = (number("first_event"), number("last_event"));
    let count = |column: &[Option<i64>], row: usize| {
        column.get(row).copied().flatten().and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
    };
    let int = |column: &[Option<i64>], row: usize| column.get(row).copied().flatten();
    let borrowed = |column: &[Option<&'b str>], row: usize| column.get(row).copied().flatten();
    let string = |column: &[Option<&'b str>], row: usize| borrowed(column, row).map(str::to_owned);
    (0..batch.num_rows())
        .map(|row| KnownFile {
            size: count(&sizes, row),
            modified: int(&modified, row),
            load: int(&loads, row).unwrap_or(0),
            report: FileReport {
                name: borrowed(&names, row).unwrap_or_default().into(),
                folder: borrowed(&folders, row).map(Arc::from),
                size: count(&sizes, row),
                modified: int(&modified, row),
                bytes: count(&bytes, row),
                content_hash: string(&hashes, row).unwrap_or_default(),
                format: string(&formats, row).unwrap_or_default(),
                read: count(&read, row),
                loaded: count(&loaded, row),
                duplicate: count(&duplicate, row),
                filtered: count(&filtered, row),
                quarantined: count(&quarantined, row),
                filtered_as: borrowed(&whys, row).map(|why| why.split(", ").map(str::to_owned).collect()).unwrap_or_default(),
                account: string(&accounts, row),
                region: string(&regions, row),
                first: int(&first, row),
                last: int(&last, row),
                ..FileReport::default()
            },
        })
        .collect()
}

/// The ledger and quarantine rows of one load.
pub fn ledger_columns(reports: &[&FileReport], load: u64, at: i64) -> [Columns; 2] {
    let mut files = Columns::new(Table::Files);
    let mut quarantine = Columns::new(Table::Quarantine);
    for report in reports {
        files.push(&file_row(report, load, at));
        for (index, rejected) in report.problems.iter().enumerate() {
            quarantine.push(&rejected_row(report, rejected, index, load, at));
        }
    }
    [files, quarantine]
}

fn text(text: &str) -> Option<Cow<'_, str>> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

fn int(number: u64) -> Option<i64> {
    i64::try_from(number).ok()
}

/// The content hash of a file, or the file name if its content could not be read.
fn content_name(report: &FileReport) -> String {
    if report.content_hash.is_empty() {
        blake3::hash(report.name.as_bytes()).to_hex().to_string()
    } else {
        report.content_hash.clone()
    }
}

fn file_row(report: &FileReport, load: u64, at: i64) -> Row<'_> {
    let joined = |list: &[String]| (!list.is_empty()).then(|| Cow::Owned(list.join(", ")));
    let hash: String = content_name(report).chars().take(32).collect();
    let name_hash: String = blake3::hash(report.name.as_bytes()).to_hex().chars().take(8).collect();
    Row::from(LoadedFile {
        id: Some(Cow::Owned(format!("{hash}{name_hash}@{load}"))),
        time: Some(at),
        load: int(load),
        file: text(&report.name),
        folder: report.folder.as_deref().and_then(text),
        size: int(report.size),
        modified: report.modified,
        bytes: int(report.bytes),
        content_hash: text(&report.content_hash),
        format: text(&report.format),
        read: int(report.read),
        loaded: int(report.loaded),
        duplicate: int(report.duplicate),
        filtered: int(report.filtered),
        quarantined: int(report.quarantined),
        why: joined(&report.filtered_as),
        note: joined(&report.notes),
        account: report.account.as_deref().and_then(text),
        region: report.region.as_deref().and_then(text),
        first_event: report.first,
        last_event: report.last,
    })
}

fn rejected_row<'a>(report: &'a FileReport, rejected: &'a Rejected, index: usize, load: u64, at: i64) -> Row<'a> {
    let hash: String = content_name(report).chars().take(16).collect();
    let record = rejected.record.map_or_else(|| format!("file.{index}"), |record| record.to_string());
    let name_hash: String = blake3::hash(report.name.as_bytes()).to_hex().chars().take(8).collect();
    Row::from(Quarantined {
        id: Some(Cow::Owned(format!("{hash}{name_hash}#{record}@{load}"))),
        time: Some(at),
        load: int(load),
        file: text(&report.name),
        folder: report.folder.as_deref().and_then(text),
        record: rejected.record.and_then(int),
        byte_offset: rejected.offset.and_then(int),
        why: text(&rejected.why),
        detail: text(&rejected.detail),
        sample: text(&rejected.sample),
    })
}
