//! Accounts for every record of a file: loaded, duplicate, filtered or quarantined.

use crate::decode::budget::Limits;
use crate::decode::envelope::{LOG_LINE, NOT_A_RECORD};
use crate::decode::secret::mask_text;
use crate::discover::Input;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Maximum number of rejected records that are kept with their details.
const REMEMBERED: usize = Limits::STANDARD.remembered;
/// Maximum number of notes.
const NOTES: usize = Limits::STANDARD.notes;
/// The note in place of further ones.
const MORE_NOTES: &str = "more notes are left out";

/// The outcome of one file of a load. `read = loaded + duplicate + filtered + quarantined` always holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The file name.
    pub name: Arc<str>,
    /// The folder that a relative name is resolved against.
    pub folder: Option<Arc<str>>,
    /// Bytes on disk.
    pub size: u64,
    /// Modification time in microseconds.
    pub modified: Option<i64>,
    /// Bytes after decompression.
    pub bytes: u64,
    /// BLAKE3 of the bytes on disk, in hex.
    pub content_hash: String,
    /// The detected format.
    pub format: String,
    /// Records read.
    pub read: u64,
    /// Records loaded.
    pub loaded: u64,
    /// Records that the store already had.
    pub duplicate: u64,
    /// Records skipped on purpose.
    pub filtered: u64,
    /// Records that could not be loaded.
    pub quarantined: u64,
    /// Reasons for filtering records, without repeats.
    pub filtered_as: Vec<String>,
    /// Harmless oddities, without repeats.
    pub notes: Vec<String>,
    /// The account shared by all records.
    pub account: Option<String>,
    /// The region shared by all records.
    pub region: Option<String>,
    /// Oldest record, in microseconds.
    pub first: Option<i64>,
    /// Newest record, in microseconds.
    pub last: Option<i64>,
    /// Records (or the whole file) that were quarantined.
    pub problems: Vec<Rejected>,
    /// Further ones, by reason: their number, and the first of them.
    pub more_problems: BTreeMap<String, (u64, Option<u64>)>,
    /// The part of the file that is not read because of a limit.
    pub stopped: Option<Rejected>,
    /// For a file that is read in parts: records in earlier parts.
    pub before: u64,
    /// Whether it is a member of an archive.
    pub is_member: bool,
    /// Lines of programs among the filtered records.
    pub log_lines: u64,
    /// The messages of a list of CloudWatch Logs that are read one by one.
    pub log_group: LogGroup,
}

/// What the messages of a log group are: a group of records has nothing else, unless a program writes to it, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogGroup {
    /// Records.
    pub records: u64,
    /// Lines that are not records.
    pub lines: u64,
    /// The record number of the first line.
    pub first_line: Option<u64>,
    /// Whether a program writes to it, such as a function of Lambda.
    pub is_of_program: bool,
}

impl LogGroup {
    /// Adds the messages of another part of the list.
    pub fn join(&mut self, part: LogGroup) {
        self.records += part.records;
        self.lines += part.lines;
        self.first_line = self.first_line.or(part.first_line);
        self.is_of_program |= part.is_of_program;
    }
}

/// How the formats of archives end.
pub(super) const ARCHIVE: &str = " archive";

/// A record, or a whole file, that could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Record number from 1; `None` for the whole file.
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

impl Rejected {
    /// A file that could not be loaded as a whole.
    pub fn of_file(why: &str, detail: String) -> Rejected {
        Rejected { record: None, offset: None, why: why.to_owned(), detail, sample: String::new() }
    }
}

impl FileReport {
    /// Whether it is an archive, whose members have reports of their own.
    pub fn is_archive(&self) -> bool {
        self.format.ends_with(ARCHIVE)
    }

    /// An empty report.
    pub fn new(input: &Input) -> Self {
        FileReport {
            name: input.name.clone(),
            folder: input.folder.clone(),
            size: input.size,
            modified: input.modified,
            ..FileReport::default()
        }
    }

    /// Whether the counts add up.
    pub fn balances(&self) -> bool {
        self.read == self.loaded + self.duplicate + self.filtered + self.quarantined
    }

    /// The number of the next record, from 1.
    pub fn next_number(&self) -> u64 {
        self.before + self.read + 1
    }

    /// An empty report for a part of the same file. Each part gets its own copy of the name, because parts are read
    /// in parallel and every record increments the reference count.
    pub fn part(&self, before: u64) -> Self {
        FileReport { name: Arc::from(&*self.name), modified: self.modified, before, ..FileReport::default() }
    }

    /// Merges the report of a part.
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
        part.problems.into_iter().for_each(|rejected| self.remember(rejected));
        if let Some(Rejected { why, detail, offset: Some(offset), .. }) = part.stopped {
            self.stop(&why, detail, offset);
        }
        for (why, (number, first)) in part.more_problems {
            self.more_problems.entry(why).or_insert((0, first)).0 += number;
        }
        self.log_lines += part.log_lines;
        self.log_group.join(part.log_group);
        part.filtered_as.iter().for_each(|why| push_unique(&mut self.filtered_as, why));
        part.notes.iter().for_each(|note| self.note(note));
    }

    /// Counts a record that is skipped on purpose.
    pub fn filter(&mut self, why: &str) {
        self.read += 1;
        self.filtered += 1;
        self.log_lines += u64::from(why == LOG_LINE);
        push_unique(&mut self.filtered_as, why);
    }

    /// Counts a record, or the file as a whole, that cannot be loaded.
    pub fn quarantine(&mut self, mut rejected: Rejected) {
        if let Cow::Owned(masked) = mask_text(&rejected.detail) {
            rejected.detail = masked;
        }
        self.read += 1;
        self.quarantined += 1;
        self.remember(rejected);
    }

    /// Whether the details of a further rejected record are kept.
    pub fn keeps_details(&self) -> bool {
        self.problems.len() < REMEMBERED
    }

    fn remember(&mut self, rejected: Rejected) {
        // Damage of the file as a whole is always named; a file has little of that.
        if self.keeps_details() || (rejected.record.is_none() && self.problems.len() < 2 * REMEMBERED) {
            self.problems.push(rejected);
        } else {
            self.more_problems.entry(rejected.why).or_insert((0, rejected.record)).0 += 1;
        }
    }

    /// Notes that the file exceeds a limit: nothing is read from this offset on.
    pub fn stop(&mut self, why: &str, detail: String, offset: u64) {
        if self.stopped.as_ref().and_then(|stopped| stopped.offset).is_none_or(|known| offset < known) {
            let (why, offset) = (why.to_owned(), Some(offset));
            self.stopped = Some(Rejected { record: None, offset, why, detail, sample: String::new() });
        }
    }

    /// Completes the list of rejected records: one for the part of the file that is not read, and one per reason for
    /// those without details, which are already counted. Lines in a log group of records are rejected, too.
    pub fn sum_up(&mut self) {
        let LogGroup { records, lines, first_line, is_of_program } = std::mem::take(&mut self.log_group);
        if records > 0 && lines > 0 && !is_of_program {
            self.filtered -= lines;
            self.quarantined += lines;
            self.log_lines -= lines;
            if self.log_lines == 0 {
                self.filtered_as.retain(|why| why != LOG_LINE);
            }
            let (why, detail) = ("unknown_shape".to_owned(), format!("{NOT_A_RECORD}; {lines} in all"));
            self.remember(Rejected { record: first_line, offset: None, why, detail, sample: String::new() });
        }
        if let Some(mut stopped) = self.stopped.take() {
            stopped.detail.push_str("; the records after this offset are not loaded");
            self.quarantine(stopped);
        }
        for (why, (number, first)) in std::mem::take(&mut self.more_problems) {
            let first = first.map_or_else(String::new, |first| format!(", the first one is record {first}"));
            let detail = format!("{number} more records of this file were rejected for this reason{first}");
            self.problems.push(Rejected { record: None, offset: None, why, detail, sample: String::new() });
        }
    }

    /// Adds a note unless it is already present.
    pub fn note(&mut self, note: &str) {
        match self.notes.len() < NOTES {
            true => push_unique(&mut self.notes, note),
            false if self.notes.iter().any(|known| known == note) => {}
            false => push_unique(&mut self.notes, MORE_NOTES),
        }
    }

    /// Extends the time span with one record, and clears the account and region if the record differs.
    pub fn see(&mut self, time: i64, account: Option<&str>, region: Option<&str>) {
        let is_first = self.first.is_none();
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
        narrow(&mut self.account, account, is_first);
        narrow(&mut self.region, region, is_first);
    }
}

fn push_unique(list: &mut Vec<String>, text: &str) {
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

/// Totals over all files of a load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Number of files, including the members of archives.
    pub files: u64,
    /// Number of archives.
    pub archives: u64,
    /// Files unchanged since their last load.
    pub unchanged: u64,
    /// Bytes after decompression.
    pub bytes: u64,
    /// Records read.
    pub read: u64,
    /// Records loaded.
    pub loaded: u64,
    /// Records that the store already had.
    pub duplicate: u64,
    /// Records skipped on purpose.
    pub filtered: u64,
    /// Records that could not be loaded.
    pub quarantined: u64,
}

impl Totals {
    /// Adds a file.
    pub fn add(&mut self, report: &FileReport) {
        if report.is_archive() {
            self.archives += 1;
        } else {
            self.files += 1;
        }
        self.bytes += report.bytes;
        self.read += report.read;
        self.loaded += report.loaded;
        self.duplicate += report.duplicate;
        self.filtered += report.filtered;
        self.quarantined += report.quarantined;
    }

    /// Counts records as quarantined that were counted as loaded.
    pub fn quarantine_loaded(&mut self, records: u64) {
        self.loaded = self.loaded.saturating_sub(records);
        self.quarantined += records;
    }
}
