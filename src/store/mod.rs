//! ⑤ The store: Delta Lake tables on disk, and one manifest that says what is visible.
//!
//! Layout: `manifest.json`, `lock`, and `tables/NAME/` with Parquet files by day and a Delta log.
//! A load writes Parquet files, commits to the Delta logs, the ledger `files` last, and then replaces
//! the manifest. Invariant: what the manifest names exists and never changes; a load that died leaves
//! nothing that a reader sees, and the next load removes what it left.

mod delta;
mod error;
mod ledger;
mod lock;
mod maintain;
mod manifest;
mod memory;
mod read;
mod reclassify;
mod scan;
mod write;

pub use error::StoreError;
pub use ledger::{KnownFile, Ledger, ledger_columns};
pub use maintain::Maintained;
pub use manifest::{DataFile, Manifest, TableState};
pub use memory::{MemoryShelf, MemoryTables};
pub use reclassify::Reclassified;
pub use scan::StoreTable;
pub use write::LoadWriter;

use crate::discover::Input;
use crate::load::{FileReport, LoadOptions, Progress, Totals, catalog_version, day_of};
use crate::table::Table;
use delta::Change;
use futures::future::try_join_all;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use write::table_folder;

/// An opened store: what it held when it was opened.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    manifest: Manifest,
}

/// How a store is written to.
#[derive(Debug, Clone, Copy)]
pub struct WriteOptions {
    /// The clock, in microseconds since 1970 UTC.
    pub now: i64,
    /// How long to wait for another writer.
    pub patience: Duration,
}

/// What a load did.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The sums.
    pub totals: Totals,
    /// One report a file that was read (not those that had not changed).
    pub reports: Vec<FileReport>,
}

impl Store {
    /// Opens a store for reading.
    pub fn open(root: &Path) -> Result<Store, StoreError> {
        let manifest = Manifest::read(root)?.ok_or_else(|| StoreError::Missing(root.to_path_buf()))?;
        let root = root.canonicalize().map_err(|error| StoreError::io(root, error))?;
        Ok(Store { root, manifest })
    }

    /// What is visible.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The base tables, empty ones included.
    pub fn tables(&self) -> impl Iterator<Item = (Table, StoreTable)> + '_ {
        Table::ALL.iter().map(|table| {
            let files = self.manifest.files(*table).to_vec();
            (*table, StoreTable::new(table.schema(), table_folder(&self.root, *table), files))
        })
    }

    /// Loads inputs into the store at `root`, creating it where there is none. Files that have not
    /// changed since they were loaded are skipped; records that are there already are counted.
    pub fn load(
        root: &Path,
        mut inputs: Vec<Input>,
        troubled: Vec<FileReport>,
        (load_options, write_options): (&LoadOptions, WriteOptions),
        progress: &dyn Progress,
        waiting: &dyn Fn(),
    ) -> Result<Loaded, StoreError> {
        let _lock = lock::take(root, write_options.patience, waiting)?;
        let manifest = Manifest::read(root)?.unwrap_or_default();
        let runtime = runtime(root)?;
        runtime.block_on(recover(root, &manifest))?;
        let ledger = Ledger::read(root, &manifest)?;
        let mut loaded = Loaded::default();
        let all = inputs.len();
        inputs.retain(|input| !ledger.is_unchanged(&input.name, input.size, input.modified));
        loaded.totals.unchanged = (all - inputs.len()) as u64;
        loaded.totals.files = loaded.totals.unchanged;
        if inputs.is_empty() && troubled.is_empty() {
            return Ok(loaded);
        }
        let number = manifest.loads + 1;
        let writer = LoadWriter::new(root, number);
        let existing = |table: Table, day: i32| read::identities(root, &manifest, table, day).map_err(|error| error.to_string());
        let known = |hash: &str| ledger.content(hash).cloned();
        let mut reports = crate::load::load(&inputs, &writer, Some(&existing), Some(&known), load_options, progress)?;
        reports.extend(troubled);
        for report in &reports {
            loaded.totals.add(report);
        }
        let [files, quarantine] = ledger_columns(&reports, number, write_options.now);
        writer.write(Table::Quarantine, day_of(write_options.now), quarantine)?;
        writer.write(Table::Files, day_of(write_options.now), files)?;
        let mut manifest = runtime.block_on(commit(root, manifest, writer.finish(), write_options.now))?;
        if loaded.totals.loaded > 0 {
            *manifest.catalogs.entry(catalog_version()).or_default() += loaded.totals.loaded;
        }
        manifest.write(root)?;
        loaded.reports = reports;
        Ok(loaded)
    }
}

/// Delta's log works asynchronously; a small runtime of its own is enough for a few commits.
fn runtime(root: &Path) -> Result<tokio::runtime::Runtime, StoreError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| StoreError::io(root, error))
}

/// Commits the files of a load to the Delta logs, the ledger last.
async fn commit(
    root: &Path,
    mut manifest: Manifest,
    files: BTreeMap<Table, Vec<DataFile>>,
    now: i64,
) -> Result<Manifest, StoreError> {
    manifest.loads += 1;
    let load = ("ecs-audit.load".to_owned(), serde_json::Value::from(manifest.loads));
    let (ledger, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|(table, _)| *table == Table::Files);
    let commits = others.iter().map(async |(table, files)| {
        let delta = delta::open_or_create(root, *table).await?;
        delta::commit(&delta, *table, Change::of_load(files, now, vec![load.clone()])).await
    });
    let versions = try_join_all(commits).await?;
    for ((table, files), version) in others.into_iter().zip(versions) {
        manifest.add(table, version, files);
    }
    if let Some((table, files)) = ledger.into_iter().next() {
        let delta = delta::open_or_create(root, table).await?;
        let versions = manifest.tables.iter().map(|(name, state)| (name.clone(), serde_json::Value::from(state.version)));
        let tables = ("ecs-audit.tables".to_owned(), serde_json::Value::Object(versions.collect()));
        let version = delta::commit(&delta, table, Change::of_load(&files, now, vec![load, tables])).await?;
        manifest.add(table, version, files);
    }
    Ok(manifest)
}

/// Undoes what a load that died has left: commits beyond the manifest, and files no commit names.
async fn recover(root: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    for table in Table::ALL {
        let folder = table_folder(root, *table);
        if !folder.join("_delta_log").is_dir() {
            remove_orphans(&folder, manifest.loads)?;
            continue;
        }
        match manifest.table(*table) {
            Some(state) => drop(delta::restore(root, *table, state.version).await?),
            // Created by a load that died: version 0 is the empty table.
            None => drop(delta::restore(root, *table, 0).await?),
        }
        remove_orphans(&folder, manifest.loads)?;
    }
    Ok(())
}

/// Removes the Parquet files of loads later than the manifest knows: nobody can be reading them.
fn remove_orphans(folder: &Path, loads: u64) -> Result<(), StoreError> {
    let Ok(days) = fs::read_dir(folder) else { return Ok(()) };
    for day in days.flatten().filter(|day| day.file_name().to_string_lossy().starts_with("day=")) {
        let Ok(files) = fs::read_dir(day.path()) else { continue };
        for file in files.flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let load = name.strip_prefix("load-").and_then(|rest| rest.get(..6)).and_then(|number| number.parse::<u64>().ok());
            if load.is_some_and(|load| load > loads) {
                fs::remove_file(file.path()).map_err(|error| StoreError::io(&file.path(), error))?;
            }
        }
    }
    Ok(())
}
