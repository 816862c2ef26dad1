//! The manifest: the version and the files of every table in the store.
//!
//! This small file is replaced atomically by a rename, which is the moment a load becomes visible: readers open only
//! the files it lists, so they never see a partial load. The Delta logs hold the same information for other engines.

use super::commit::durable;
use super::write::{day_of_path, load_of};
use super::{StoreError, StoreRoot, commit, fault, guard};
use crate::table::Table;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;

/// The store format that this program writes.
const FORMAT: u32 = 3;
/// The oldest supported format. Format 1 stores originals with their ids, so nothing needs to be restored; format 2
/// replaces the ids with control characters.
const OLDEST: u32 = 1;

/// A Parquet file of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Path relative to the table folder, with `/`.
    pub path: String,
    /// Day of its rows, as days since 1970 UTC.
    pub day: i32,
    /// Bytes on disk.
    pub size: u64,
    /// Rows.
    pub rows: u64,
    /// Oldest row, in microseconds since 1970 UTC.
    pub first: Option<i64>,
    /// Newest row; of a file of another program to the millisecond, see [`latest_possible`](Self::latest_possible).
    pub last: Option<i64>,
    /// The BLAKE3 hash of its content; missing for files of earlier releases and of other programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// A file that no current version uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superseded {
    /// The table.
    pub table: String,
    /// Path relative to the table folder.
    pub path: String,
    /// When it was replaced, in microseconds since 1970 UTC.
    pub at: i64,
}

/// The visible state of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableState {
    /// The version in its Delta log.
    pub version: u64,
    /// The number of columns in its Delta metadata; missing in stores from earlier releases.
    #[serde(default)]
    pub columns: usize,
    /// The newest version whose commit has a checksum in the ledger's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<u64>,
    /// Its files, ordered by load.
    pub files: Vec<DataFile>,
}

/// The visible state of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// The version of ecs-audit that wrote it.
    pub written_by: String,
    /// Number of loads so far.
    pub loads: u64,
    /// The tables by name.
    pub tables: BTreeMap<String, TableState>,
    /// Replaced files, kept for readers that opened them earlier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub superseded: Vec<Superseded>,
    /// The number of records classified by each version of the failure catalog.
    #[serde(default)]
    pub catalogs: BTreeMap<String, u64>,
    /// Oldest event of the store, in microseconds since 1970 UTC.
    pub first_event: Option<i64>,
    /// Newest event of the store: the anchor of relative times.
    pub last_event: Option<i64>,
    /// The version and the checksum of the newest commit of the ledger, which no other commit can contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger_seal: Option<(u64, String)>,
}

impl Manifest {
    /// The name of its file.
    pub const NAME: &str = "manifest.json";

    /// An empty manifest after this many loads.
    pub fn after(loads: u64) -> Manifest {
        Manifest { loads, ..Manifest::default() }
    }

    /// Reads the manifest of a store; `None` if nothing was loaded yet, or if the manifest is damaged, or a copy of another
    /// time than the logs, and can be rebuilt from them.
    pub fn read(root: impl Into<StoreRoot>) -> Result<Option<Manifest>, StoreError> {
        let root = &root.into();
        let path = root.join(Manifest::NAME);
        let Some(text) = root.read(&path, guard::MOST_TEXT)? else { return Ok(None) };
        let parsed = serde_json::from_slice::<Manifest>(&text).map_err(|error| error.to_string());
        // Another format may have another checksum.
        if let Ok(Manifest { format, .. }) = &parsed
            && !(OLDEST..=FORMAT).contains(format)
        {
            return Err(StoreError::Format { path, found: *format, known: FORMAT });
        }
        let sound = parsed.and_then(|manifest| match has_its_checksum(&text) {
            true => manifest.check().map(|()| manifest),
            false => Err("its content does not match its checksum".to_owned()),
        });
        match sound {
            Ok(manifest) => Ok(commit::is_current(root, &manifest)?.then_some(manifest)),
            Err(_) if commit::holds_tables(root) => Ok(None),
            Err(detail) => Err(StoreError::Damaged { path, detail }),
        }
    }

    /// Checks numbers and paths, so that nothing that uses them overflows or leaves the store.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn check(&self) -> Result<(), String> {
        let number = |what: &str, number: u64| {
            if number <= guard::MOST { Ok(()) } else { Err(format!("the {what} {number} is out of range")) }
        };
        let time = |time: Option<i64>| match time {
            Some(time) if jiff::Timestamp::from_microsecond(time).is_err() => Err(format!("the time {time} is out of range")),
            _ => Ok(()),
        };
        number("number of loads", self.loads)?;
        self.catalogs.values().try_for_each(|records| number("number of records", *records))?;
        time(self.first_event).and(time(self.last_event))?;
        for state in self.tables.values() {
            number("version", state.version)?;
            number("version", state.sealed.unwrap_or(0))?;
            for file in &state.files {
                file.check()?;
            }
        }
        match self.superseded.iter().find(|file| !guard::is_data_path(&file.path)) {
            Some(file) => Err(format!("`{}` is not a data file of a table", file.path)),
            None => Ok(()),
        }
    }

    /// The content of its file, which is at this path.
    pub fn to_bytes(&self, path: &Path) -> Result<Vec<u8>, StoreError> {
        let manifest = Manifest { format: FORMAT, written_by: env!("CARGO_PKG_VERSION").to_owned(), ..self.clone() };
        let mut text = serde_json::to_vec(&manifest)
            .map_err(|error| StoreError::Damaged { path: path.to_path_buf(), detail: error.to_string() })?;
        add_checksum(&mut text);
        Ok(text)
    }

    /// Replaces the manifest of a store.
    pub fn write(&self, root: &Path) -> Result<(), StoreError> {
        let path = root.join(Manifest::NAME);
        let fresh = root.join("manifest.json.new");
        let text = self.to_bytes(&path)?;
        fault::step(root)?;
        guard::file_at(root, &path)?;
        let mut file = guard::create(root, &fresh)?;
        let mut write = || {
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&fresh, &path)
        };
        write().map_err(|error| StoreError::io(&path, error))?;
        durable(root)
    }

    /// The visible state of a table.
    pub fn table(&self, table: Table) -> Option<&TableState> {
        self.tables.get(table.name())
    }

    /// The files of a table.
    pub fn files(&self, table: Table) -> &[DataFile] {
        self.table(table).map_or(&[], |state| &state.files)
    }

    /// The number of records classified by other versions of the failure catalog.
    pub fn classified_by_others(&self, catalog: &str) -> u64 {
        self.catalogs.iter().filter(|(version, _)| *version != catalog).map(|(_, records)| records).sum()
    }

    /// Removes files from a table; they stay on disk for readers that opened them earlier.
    pub fn leave(&mut self, table: Table, files: &[DataFile], now: i64) {
        if files.is_empty() {
            return;
        }
        let superseded = |file: &DataFile| Superseded { table: table.name().to_owned(), path: file.path.clone(), at: now };
        self.superseded.extend(files.iter().map(superseded));
        let removed: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        if let Some(state) = self.tables.get_mut(table.name()) {
            state.files.retain(|file| !removed.contains(file.path.as_str()));
        }
    }

    /// Replaces the files of a table with those at this version of its log.
    pub fn adopt(&mut self, table: Table, version: u64, files: Vec<DataFile>, now: i64) {
        let kept: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let left: Vec<DataFile> = self.files(table).iter().filter(|file| !kept.contains(file.path.as_str())).cloned().collect();
        self.leave(table, &left, now);
        self.loads = self.loads.max(files.iter().filter_map(|file| load_of(&file.path)).max().unwrap_or(0));
        let state = self.tables.entry(table.name().to_owned()).or_default();
        (state.version, state.files) = (version, files);
    }

    /// Recomputes the time span of events after files were removed.
    pub fn recount(&mut self) {
        let files = Table::ALL.iter().filter(|table| table.holds_events()).flat_map(|table| self.files(*table));
        let (mut first, mut last) = (None, None);
        for file in files {
            first = older(first, file.first);
            last = last.max(file.last);
        }
        (self.first_event, self.last_event) = (first, last);
    }

    /// Adds files to a table whose Delta log is now at `version`, and extends the time span of events.
    pub fn add(&mut self, table: Table, version: u64, files: Vec<DataFile>) {
        if table.holds_events() {
            for file in &files {
                self.first_event = older(self.first_event, file.first);
                self.last_event = self.last_event.max(file.last);
            }
        }
        let state = self.tables.entry(table.name().to_owned()).or_default();
        state.version = version;
        state.files.extend(files);
    }
}

/// Microseconds in a millisecond.
const MILLISECOND: i64 = 1000;

impl DataFile {
    /// Whether this program wrote the file, so that its times are exact.
    pub fn is_ours(&self) -> bool {
        load_of(&self.path).is_some()
    }

    /// A time that no row exceeds. Other programs truncate times in statistics to milliseconds, as the Delta protocol
    /// requires, so the newest row of their files may be later than [`last`](Self::last).
    pub fn latest_possible(&self) -> Option<i64> {
        self.last.map(|last| match !self.is_ours() && last.rem_euclid(MILLISECOND) == 0 {
            true => last.saturating_add(MILLISECOND - 1),
            false => last,
        })
    }

    /// Checks the path and the numbers of a file from a log or manifest.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn check(&self) -> Result<(), String> {
        let DataFile { path, day, size, rows, first, last, .. } = self;
        if !guard::is_data_path(path) {
            return Err(format!("`{path}` is not a data file of a table"));
        }
        if day_of_path(path).is_some_and(|of_path| of_path != *day) {
            return Err(format!("`{path}` is listed as a file of day {day} since 1970"));
        }
        let in_range = |time: &Option<i64>| time.is_none_or(|time| jiff::Timestamp::from_microsecond(time).is_ok());
        if *size > guard::MOST || *rows > guard::MOST || !in_range(first) || !in_range(last) {
            return Err(format!("`{path}` has a size, row count or time that is out of range"));
        }
        Ok(())
    }
}

/// The last member of a manifest: a checksum of everything before it.
const CHECKSUM: &[u8] = br#","checksum":""#;
/// The length of the checksum with its key and the closing characters.
const SUFFIX: usize = CHECKSUM.len() + 2 * blake3::OUT_LEN + 2;

fn add_checksum(text: &mut Vec<u8>) {
    let checksum = blake3::hash(text).to_hex();
    text.pop();
    text.extend_from_slice(CHECKSUM);
    text.extend_from_slice(checksum.as_bytes());
    text.extend_from_slice(b"\"}");
}

/// Whether the content of a manifest has its checksum; earlier releases wrote none.
fn has_its_checksum(text: &[u8]) -> bool {
    let Some((content, suffix)) = text.len().checked_sub(SUFFIX).and_then(|end| text.split_at_checked(end)) else {
        return true;
    };
    let Some(checksum) = suffix.strip_prefix(CHECKSUM) else { return true };
    let mut hasher = blake3::Hasher::new();
    hasher.update(content).update(b"}");
    checksum.strip_suffix(b"\"}").is_some_and(|checksum| checksum == hasher.finalize().to_hex().as_bytes())
}

fn older(left: Option<i64>, right: Option<i64>) -> Option<i64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    }
}
