//! The manifest: which version and which files of every table make up the store.
//!
//! One small file, replaced as a whole by a rename, is the moment a load becomes visible: readers open
//! what it names and nothing else, so they never see half a load. The Delta logs hold the same
//! facts for other engines.

use super::StoreError;
use super::commit::durable;
use super::fault;
use super::write::load_of;
use crate::table::Table;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;

/// The layout of the store that this program reads and writes.
const FORMAT: u32 = 3;
/// The oldest format that is read as well. In format 1 originals hold all their ids, which are then not put back; in format 2
/// control characters stand for them.
const OLDEST: u32 = 1;
const NAME: &str = "manifest.json";

/// A Parquet file of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Path below the folder of the table, with `/`.
    pub path: String,
    /// Day of its rows, as days since 1970 UTC.
    pub day: i32,
    /// Bytes on disk.
    pub size: u64,
    /// Rows.
    pub rows: u64,
    /// Oldest row, in microseconds since 1970 UTC.
    pub first: Option<i64>,
    /// Newest row.
    pub last: Option<i64>,
}

/// A file that no version names any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superseded {
    /// The table.
    pub table: String,
    /// Path below the folder of the table.
    pub path: String,
    /// Since when, in microseconds since 1970 UTC.
    pub at: i64,
}

/// What is visible of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableState {
    /// The version in its Delta log.
    pub version: u64,
    /// How many columns its Delta metadata has been brought to; missing in stores of earlier releases.
    #[serde(default)]
    pub columns: usize,
    /// Its files, oldest load first.
    pub files: Vec<DataFile>,
}

/// What is visible of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// The version of ecs-audit that wrote it.
    pub written_by: String,
    /// Loads so far.
    pub loads: u64,
    /// The tables by name.
    pub tables: BTreeMap<String, TableState>,
    /// Files that were replaced and are still there, for those who opened them before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub superseded: Vec<Superseded>,
    /// How many records were classified by which version of the failure catalog.
    #[serde(default)]
    pub catalogs: BTreeMap<String, u64>,
    /// Oldest event of the store, in microseconds since 1970 UTC.
    pub first_event: Option<i64>,
    /// Newest event of the store: the anchor of relative times.
    pub last_event: Option<i64>,
}

impl Manifest {
    /// An empty manifest after so many loads.
    pub fn after(loads: u64) -> Manifest {
        Manifest { loads, ..Manifest::default() }
    }

    /// Reads the manifest of a store; none where nothing was loaded yet.
    pub fn read(root: &Path) -> Result<Option<Manifest>, StoreError> {
        let path = root.join(NAME);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io(&path, error)),
        };
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|error| StoreError::Damaged { path: path.clone(), detail: error.to_string() })?;
        if !(OLDEST..=FORMAT).contains(&manifest.format) {
            return Err(StoreError::Format { path, found: manifest.format, known: FORMAT });
        }
        Ok(Some(manifest))
    }

    /// Replaces the manifest of a store.
    pub fn write(&self, root: &Path) -> Result<(), StoreError> {
        let path = root.join(NAME);
        let fresh = root.join("manifest.json.new");
        let manifest = Manifest { format: FORMAT, written_by: env!("CARGO_PKG_VERSION").to_owned(), ..self.clone() };
        let text = serde_json::to_vec(&manifest)
            .map_err(|error| StoreError::Damaged { path: path.clone(), detail: error.to_string() })?;
        fault::step(root)?;
        let write = || {
            let mut file = fs::File::create(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&fresh, &path)
        };
        write().map_err(|error| StoreError::io(&path, error))?;
        durable(root)
    }

    /// What is visible of a table.
    pub fn table(&self, table: Table) -> Option<&TableState> {
        self.tables.get(table.name())
    }

    /// The files of a table.
    pub fn files(&self, table: Table) -> &[DataFile] {
        self.table(table).map_or(&[], |state| &state.files)
    }

    /// How many records were classified by other versions of the failure catalog than this one.
    pub fn classified_by_others(&self, catalog: &str) -> u64 {
        self.catalogs.iter().filter(|(version, _)| *version != catalog).map(|(_, records)| records).sum()
    }

    /// Takes files out of a table; they stay for those who opened them before.
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

    /// Takes over the files that a table has at this version of its log.
    pub fn adopt(&mut self, table: Table, version: u64, files: Vec<DataFile>, now: i64) {
        let kept: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let left: Vec<DataFile> = self.files(table).iter().filter(|file| !kept.contains(file.path.as_str())).cloned().collect();
        self.leave(table, &left, now);
        self.loads = self.loads.max(files.iter().filter_map(|file| load_of(&file.path)).max().unwrap_or(0));
        let state = self.tables.entry(table.name().to_owned()).or_default();
        (state.version, state.files) = (version, files);
    }

    /// Finds the span of events again, after files have left.
    pub fn recount(&mut self) {
        let files = Table::ALL.iter().filter(|table| table.holds_events()).flat_map(|table| self.files(*table));
        let (mut first, mut last) = (None, None);
        for file in files {
            first = older(first, file.first);
            last = last.max(file.last);
        }
        (self.first_event, self.last_event) = (first, last);
    }

    /// Adds files to a table whose Delta log is at `version` now, and widens the span of events.
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

fn older(left: Option<i64>, right: Option<i64>) -> Option<i64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    }
}
