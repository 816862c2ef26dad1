//! The manifest: the version and the files of every table in the store.
//!
//! This small file is replaced atomically by a rename, which is the moment a load becomes visible: readers open only
//! the files it lists, so they never see a partial load. The Delta logs hold the same information for other engines.

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

/// The store format that this program writes.
const FORMAT: u32 = 3;
/// The oldest supported format. Format 1 stores originals with their ids, so nothing needs to be restored; format 2
/// replaces the ids with control characters.
const OLDEST: u32 = 1;
const NAME: &str = "manifest.json";

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
    /// Newest row.
    pub last: Option<i64>,
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
}

impl Manifest {
    /// An empty manifest after this many loads.
    pub fn after(loads: u64) -> Manifest {
        Manifest { loads, ..Manifest::default() }
    }

    /// Reads the manifest of a store; `None` if nothing was loaded yet.
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

fn older(left: Option<i64>, right: Option<i64>) -> Option<i64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    }
}
