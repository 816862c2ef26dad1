//! Accounting: what became of every record of a file.

use crate::discover::Input;
use std::sync::Arc;

/// One file of a load. `read = loaded + duplicate + filtered + quarantined` always holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The file.
    pub name: Arc<str>,
    /// The folder that a relative name counts from.
    pub folder: Option<Arc<str>>,
    /// Bytes on disk.
    pub size: u64,
    /// Modification time in microseconds.
    pub modified: Option<i64>,
    /// Bytes after decompression.
    pub bytes: u64,
    /// BLAKE3 of the bytes on disk, in hex.
    pub content_hash: String,
    /// What the file was recognised as.
    pub format: String,
    /// Records read.
    pub read: u64,
    /// Records loaded.
    pub loaded: u64,
    /// Records that were there already.
    pub duplicate: u64,
    /// Records left out on purpose.
    pub filtered: u64,
    /// Records that could not be loaded.
    pub quarantined: u64,
    /// Why records were filtered, each reason once.
    pub filtered_as: Vec<String>,
    /// Oddities that did no harm, each once.
    pub notes: Vec<String>,
    /// The account and region that all records share.
    pub account: Option<String>,
    /// See `account`.
    pub region: Option<String>,
    /// Oldest record, in microseconds.
    pub first: Option<i64>,
    /// Newest record, in microseconds.
    pub last: Option<i64>,
    /// What could not be loaded.
    pub problems: Vec<Rejected>,
    /// Records in the parts of the file before this one, where it is read in parts.
    pub before: u64,
}

/// Something that could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Record number from 1; none = the file as a whole.
    pub record: Option<u64>,
    /// Offset in the uncompressed file.
    pub offset: Option<u64>,
    /// A code such as `broken_json`.
    pub why: String,
    /// What was read and what was expected.
    pub detail: String,
    /// First characters, secrets masked.
    pub sample: String,
}

impl FileReport {
    /// The report of a file of which nothing is known yet.
    pub fn new(input: &Input) -> Self {
        FileReport {
            name: input.name.clone(),
            folder: input.folder.clone(),
            size: input.size,
            modified: input.modified,
            ..FileReport::default()
        }
    }

    /// Whether the identity of the accounting holds.
    pub fn balances(&self) -> bool {
        self.read == self.loaded + self.duplicate + self.filtered + self.quarantined
    }

    /// The number of the next record, from 1.
    pub fn next_number(&self) -> u64 {
        self.before + self.read + 1
    }

    /// An empty report of a part of the same file. Parts are read side by side, and each record counts a use of the name:
    /// each part has one of its own.
    pub fn part(&self, before: u64) -> Self {
        FileReport { name: Arc::from(&*self.name), modified: self.modified, before, ..FileReport::default() }
    }

    /// Adds the report of a part.
    pub fn join(&mut self, part: FileReport) {
        if self.format.is_empty() {
            self.format = part.format;
        }
        if part.first.is_some() {
            let same =
                |ours: &Option<String>, theirs: Option<String>, fresh: bool| if fresh || *ours == theirs { theirs } else { None };
            let fresh = self.first.is_none();
            self.account = same(&self.account, part.account, fresh);
            self.region = same(&self.region, part.region, fresh);
            self.first = self.first.map_or(part.first, |first| part.first.map(|other| first.min(other)));
            self.last = self.last.max(part.last);
        }
        self.read += part.read;
        self.loaded += part.loaded;
        self.duplicate += part.duplicate;
        self.filtered += part.filtered;
        self.quarantined += part.quarantined;
        self.problems.extend(part.problems);
        part.filtered_as.iter().for_each(|why| keep_once(&mut self.filtered_as, why));
        part.notes.iter().for_each(|note| keep_once(&mut self.notes, note));
    }

    /// Counts a record that is left out on purpose.
    pub fn filter(&mut self, why: &str) {
        self.read += 1;
        self.filtered += 1;
        keep_once(&mut self.filtered_as, why);
    }

    /// Counts a record, or the file as a whole, that cannot be loaded.
    pub fn quarantine(&mut self, rejected: Rejected) {
        self.read += 1;
        self.quarantined += 1;
        self.problems.push(rejected);
    }

    /// Keeps a note once.
    pub fn note(&mut self, note: &str) {
        keep_once(&mut self.notes, note);
    }

    /// Widens the span of time and narrows account and region by one record.
    pub fn see(&mut self, time: i64, account: Option<&str>, region: Option<&str>) {
        let is_first = self.first.is_none();
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
        narrow(&mut self.account, account, is_first);
        narrow(&mut self.region, region, is_first);
    }
}

fn keep_once(list: &mut Vec<String>, text: &str) {
    if !list.iter().any(|known| known == text) {
        list.push(text.to_owned());
    }
}

fn narrow(slot: &mut Option<String>, value: Option<&str>, is_first: bool) {
    if is_first {
        *slot = value.map(str::to_owned);
    } else if slot.as_deref() != value {
        *slot = None;
    }
}

/// The sums over all files of a load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files seen.
    pub files: u64,
    /// Files that had not changed since they were loaded.
    pub unchanged: u64,
    /// Bytes after decompression.
    pub bytes: u64,
    /// Records read.
    pub read: u64,
    /// Records loaded.
    pub loaded: u64,
    /// Records that were there already.
    pub duplicate: u64,
    /// Records left out on purpose.
    pub filtered: u64,
    /// Records that could not be loaded.
    pub quarantined: u64,
}

impl Totals {
    /// Adds a file.
    pub fn add(&mut self, report: &FileReport) {
        self.files += 1;
        self.bytes += report.bytes;
        self.read += report.read;
        self.loaded += report.loaded;
        self.duplicate += report.duplicate;
        self.filtered += report.filtered;
        self.quarantined += report.quarantined;
    }
}
