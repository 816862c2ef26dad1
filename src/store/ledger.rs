//! The ledger: what every load read, and what it could not load.

use super::StoreError;
use super::manifest::Manifest;
use super::read::{ints, read_columns, texts};
use crate::load::{FileReport, Trouble};
use crate::table::{Columns, LoadedFile, Quarantined, Row, Table};
use arrow::record_batch::RecordBatch;
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// What the ledger knows of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFile {
    /// Bytes on disk.
    pub size: u64,
    /// Modification time.
    pub modified: Option<i64>,
    /// The load that read it last.
    pub load: i64,
    /// What became of its records then.
    pub report: FileReport,
}

/// The files of all loads: the newest row of each name, and a row of each content.
#[derive(Debug, Default)]
pub struct Ledger {
    by_name: HashMap<Arc<str>, KnownFile>,
    by_content: HashMap<String, FileReport>,
}

impl Ledger {
    /// Reads the ledger of a store.
    pub fn read(root: &Path, manifest: &Manifest) -> Result<Ledger, StoreError> {
        const COLUMNS: [&str; 17] = [
            "load",
            "file",
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
        if !known.report.content_hash.is_empty() && known.report.quarantined == 0 {
            self.by_content.insert(known.report.content_hash.clone(), known.report.clone());
        }
        match self.by_name.get_mut(&known.report.name) {
            Some(there) if there.load > known.load => {}
            Some(there) => *there = known,
            None => drop(self.by_name.insert(known.report.name.clone(), known)),
        }
    }

    /// Whether a file is as it was when it was loaded last.
    pub fn is_unchanged(&self, name: &str, size: u64, modified: Option<i64>) -> bool {
        modified.is_some() && self.by_name.get(name).is_some_and(|known| known.size == size && known.modified == modified)
    }

    /// The report of a file with this content, if all of it could be loaded.
    pub fn content(&self, hash: &str) -> Option<&FileReport> {
        self.by_content.get(hash)
    }
}

fn known_files(batch: &RecordBatch) -> Vec<KnownFile> {
    let text = |name: &str| texts(batch, name).into_iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>();
    let (names, hashes, formats) = (text("file"), text("content_hash"), text("format"));
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
    let string = |column: &[Option<String>], row: usize| column.get(row).cloned().flatten();
    (0..batch.num_rows())
        .map(|row| KnownFile {
            size: count(&sizes, row),
            modified: int(&modified, row),
            load: int(&loads, row).unwrap_or(0),
            report: FileReport {
                name: string(&names, row).unwrap_or_default().into(),
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
                filtered_as: string(&whys, row).map(|why| why.split(", ").map(str::to_owned).collect()).unwrap_or_default(),
                account: string(&accounts, row),
                region: string(&regions, row),
                first: int(&first, row),
                last: int(&last, row),
                ..FileReport::default()
            },
        })
        .collect()
}

/// The rows of the ledger and the quarantine for one load.
pub fn ledger_columns(reports: &[FileReport], load: u64, at: i64) -> [Columns; 2] {
    let mut files = Columns::new(Table::Files);
    let mut quarantine = Columns::new(Table::Quarantine);
    for report in reports {
        files.push(&file_row(report, load, at));
        for (index, trouble) in report.problems.iter().enumerate() {
            quarantine.push(&trouble_row(report, trouble, index, load, at));
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

/// The name of a file's content, or of the file where its content could not be read.
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

fn trouble_row<'a>(report: &'a FileReport, trouble: &'a Trouble, index: usize, load: u64, at: i64) -> Row<'a> {
    let hash: String = content_name(report).chars().take(16).collect();
    let record = trouble.record.map_or_else(|| format!("file.{index}"), |record| record.to_string());
    let name_hash: String = blake3::hash(report.name.as_bytes()).to_hex().chars().take(8).collect();
    Row::from(Quarantined {
        id: Some(Cow::Owned(format!("{hash}{name_hash}#{record}@{load}"))),
        time: Some(at),
        load: int(load),
        file: text(&report.name),
        record: trouble.record.and_then(int),
        byte_offset: trouble.offset.and_then(int),
        why: text(&trouble.why),
        detail: text(&trouble.detail),
        sample: text(&trouble.sample),
    })
}
