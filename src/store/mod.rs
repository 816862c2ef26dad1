//! ⑤ The store: Delta Lake tables in a folder or bucket, and one manifest that defines the visible state.
//!
//! Layout: `manifest.json`, `lock`, and `tables/NAME/` with Parquet files by day and a Delta log. A load writes
//! Parquet files and commits them (see [`commit`]). Invariant: files in the manifest exist and never change; an
//! interrupted load leaves nothing visible, and the next load cleans up.

mod adopt;
mod bucket;
mod commit;
mod conflict;
mod copy;
mod delta;
mod error;
mod fault;
mod guard;
mod ledger;
mod lock;
mod maintain;
mod manifest;
mod memory;
mod merge;
mod read;
mod reclassify;
mod reconcile;
mod removed;
mod retention;
mod root;
mod runtime;
mod scan;
#[cfg(test)]
mod tests;
mod verify;
mod write;

pub use error::StoreError;
pub use ledger::{KnownFile, Ledger, ledger_columns};
pub use maintain::Maintained;
pub use manifest::{DataFile, Manifest, TableState};
pub use memory::{MemorySink, MemoryTables};
pub use reclassify::Reclassified;
pub use reconcile::ForeignCommit;
pub use retention::Dropped;
pub use root::StoreRoot;
pub use scan::StoreTable;
pub use verify::{Fault, Verified};
pub use write::LoadWriter;

use crate::digests::Finding;
use crate::discover::Input;
use crate::load::{FileReport, Integrity, LoadOptions, Progress, Stored, Totals, catalog_version, day_of};
use crate::micros::HOUR;
use crate::table::Table;
use commit::{Purpose, Recovered, TableChange, recover};
use maintain::remove_superseded;
use reconcile::Unfinished;
use runtime::StoreRuntime;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use write::table_folder;

/// How long replaced files are kept for readers that opened them, in microseconds.
const KEEP: i64 = HOUR;

/// An open store: a snapshot of its state when it was opened.
#[derive(Debug, Clone)]
pub struct Store {
    root: StoreRoot,
    manifest: Manifest,
    manifest_was_lost: bool,
    foreign: Vec<ForeignCommit>,
}

/// Options for writing to a store.
#[derive(Debug, Clone, Copy)]
pub struct WriteOptions {
    /// The current time, in microseconds since 1970 UTC.
    pub now: i64,
    /// How long to wait for another writer.
    pub patience: Duration,
}

/// The result of a load.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The totals.
    pub totals: Totals,
    /// One report per file that was read (unchanged files are skipped).
    pub reports: Vec<FileReport>,
    /// Whether `manifest.json` was missing and was rebuilt from the ledger.
    pub manifest_was_lost: bool,
    /// Changes of other programs that were adopted.
    pub adopted: Vec<ForeignCommit>,
    /// Differences between log files and the digests that were loaded with them.
    pub integrity: Vec<Finding>,
    /// The error if merging small files or deleting replaced ones failed.
    pub untidy: Option<String>,
}

impl Store {
    /// Opens a store for reading.
    pub fn open(root: impl Into<StoreRoot>) -> Result<Store, StoreError> {
        let root = root.into();
        root.consistent(|| Store::open_now(&root))
    }

    fn open_now(root: &StoreRoot) -> Result<Store, StoreError> {
        let root = root.listed()?;
        let (manifest, manifest_was_lost) = match Manifest::read(&root)? {
            Some(manifest) => (manifest, false),
            // A bucket often has no current manifest: nothing is lost.
            None if commit::holds_tables(&root) => (runtime(&root)?.block_on(commit::rebuilt(&root))?, root.is_folder()),
            None => return Err(root.missing()),
        };
        if manifest.loads == 0 {
            // The first load is still running, or was interrupted.
            return Err(root.missing());
        }
        let root = root.absolute()?;
        let mut store = Store { root, manifest, manifest_was_lost, foreign: Vec::new() };
        store.look_beyond()?;
        Ok(store)
    }

    /// Applies the commits of other programs since the last write of ecs-audit, so that queries reflect them: rows
    /// deleted elsewhere must not appear in answers.
    fn look_beyond(&mut self) -> Result<(), StoreError> {
        let newest = |table: &&Table| {
            self.manifest.table(**table).is_some_and(|state| delta::goes_on_after(&self.root, **table, state.version))
        };
        if !Table::ALL.iter().any(|table| newest(&table)) {
            return Ok(());
        }
        let found = runtime(&self.root)?.block_on(commit::beyond(&self.root, &self.manifest, Unfinished::Refuse))?;
        for (table, found) in found.into_iter().filter(|(_, found)| !found.foreign.is_empty()) {
            self.manifest.adopt(table, found.version, found.files, 0);
            self.foreign.extend(found.foreign);
        }
        if !self.foreign.is_empty() {
            self.manifest.recount();
        }
        Ok(())
    }

    /// Changes of other programs since the last write of ecs-audit.
    pub fn foreign(&self) -> &[ForeignCommit] {
        &self.foreign
    }

    /// Whether `manifest.json` is missing, so that its content was taken from the ledger.
    pub fn manifest_was_lost(&self) -> bool {
        self.manifest_was_lost
    }

    /// The visible state.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where the store is.
    pub fn root(&self) -> &StoreRoot {
        &self.root
    }

    /// The base tables, including empty ones.
    pub fn tables(&self) -> impl Iterator<Item = (Table, StoreTable)> + '_ {
        Table::ALL.iter().map(|table| {
            let files = self.manifest.files(*table).to_vec();
            (*table, StoreTable::new(table.schema(), (&self.root, table_folder(&self.root, *table)), files))
        })
    }

    /// Loads inputs into the store at `root`, which is created if necessary. Files that are unchanged since an
    /// earlier load are skipped; records already in the store are counted as duplicates.
    pub fn load(
        root: impl Into<StoreRoot>,
        inputs: Vec<Input>,
        unreadable: Vec<FileReport>,
        options: (&LoadOptions, WriteOptions),
        progress: &dyn Progress,
        waiting: &dyn Fn(),
    ) -> Result<Loaded, StoreError> {
        root.into().change(options.1, waiting, |root| Store::load_in_folder(root, inputs, unreadable, options, progress, waiting))
    }

    fn load_in_folder(
        root: &StoreRoot,
        mut inputs: Vec<Input>,
        unreadable: Vec<FileReport>,
        (load_options, write_options): (&LoadOptions, WriteOptions),
        progress: &dyn Progress,
        waiting: &dyn Fn(),
    ) -> Result<Loaded, StoreError> {
        let lock = lock::take(root, write_options.patience, waiting)?;
        let runtime = runtime(root)?;
        let recovered = runtime.block_on(recover(root, &lock, Unfinished::Refuse, write_options.now))?;
        let Recovered { mut manifest, was_lost, adopted } = recovered;
        let ledger = Ledger::read(root, &manifest)?;
        let mut loaded = Loaded { manifest_was_lost: was_lost, adopted, ..Loaded::default() };
        let integrity = Integrity::of(&inputs, |input| !ledger.is_settled(input)).map(Arc::new);
        let all = inputs.len();
        inputs.retain(|input| !ledger.is_settled(input));
        loaded.totals.unchanged = (all - inputs.len()) as u64;
        loaded.totals.files = loaded.totals.unchanged;
        if inputs.is_empty() && unreadable.is_empty() {
            return Ok(loaded);
        }
        manifest.loads += 1;
        let stored = removed::with_identities().map(|table| (table, manifest.files(table).to_vec())).collect();
        let writer = LoadWriter::new(root, manifest.loads).with_stored(stored);
        let existing = |table: Table, day: i32| {
            let present = read::contents(root, &manifest, table, day);
            let removed = removed::identities(root, &manifest, table, day);
            Ok(Stored {
                present: present.map_err(|error| error.to_string())?,
                removed: removed.map_err(|error| error.to_string())?,
            })
        };
        let mut load_options = load_options.clone();
        load_options.selection.removed = removed::rules(root, &manifest)?;
        load_options.integrity.clone_from(&integrity);
        let known = |hash: &str| ledger.content(hash).cloned();
        let mut reports = crate::load::load(&inputs, &writer, Some(&existing), Some(&known), &load_options, progress)?;
        let read = reports.len();
        reports.retain(|report| !(report.is_member && ledger.is_unchanged(report)));
        let unchanged = (read - reports.len()) as u64;
        loaded.totals.unchanged += unchanged;
        loaded.totals.files += unchanged;
        reports.extend(unreadable);
        loaded.integrity = integrity.map(|integrity| integrity.findings(&mut reports)).unwrap_or_default();
        for report in &reports {
            loaded.totals.add(report);
        }
        let news = ledger.news(root, &manifest, &reports)?;
        loaded.reports = reports;
        if news.is_empty() {
            // Files that fail again for the same reasons are already in the ledger.
            return Ok(loaded);
        }
        let news: Vec<&FileReport> = news.into_iter().filter_map(|place| loaded.reports.get(place)).collect();
        let [files, quarantine] = ledger_columns(&news, manifest.loads, write_options.now);
        writer.write(Table::Quarantine, day_of(write_options.now), quarantine)?;
        writer.write(Table::Files, day_of(write_options.now), files)?;
        if loaded.totals.loaded > 0 {
            *manifest.catalogs.entry(catalog_version()).or_default() += loaded.totals.loaded;
        }
        let changes = writer.finish()?.into_iter().map(|(table, add)| (table, TableChange { add, remove: Vec::new() })).collect();
        runtime.block_on(commit::commit(root, &mut manifest, changes, &Purpose::Load, write_options.now))?;
        // The records are committed: a failure from here on only costs space or time, and the next load retries.
        let tidied = merge::tidy(root, &mut manifest, merge::Extent::Tails, &runtime, write_options.now).and_then(|()| {
            match root.is_copy() {
                // Deleting needs a permission that a load does not: `store vacuum` does it.
                true => Ok(0),
                false => remove_superseded(root, &mut manifest, write_options.now - KEEP),
            }
        });
        loaded.untidy = tidied.err().map(|error| error.to_string());
        Ok(loaded)
    }
}

/// The runtime of the Delta library.
fn runtime(root: &Path) -> Result<StoreRuntime, StoreError> {
    StoreRuntime::new(root)
}
