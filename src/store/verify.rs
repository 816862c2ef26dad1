//! `store verify`: checks the integrity of a store and repairs what it can.

use super::commit::{beyond, recover};
use super::ledger::Ledger;
use super::maintain::remove_superseded;
use super::manifest::{DataFile, Manifest};
use super::read::read_columns;
use super::reconcile::Unfinished;
use super::write::table_folder;
use super::{Store, StoreError, WriteOptions, delta, lock, runtime};
use crate::load::Identity;
use crate::table::Table;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What is wrong with a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The ledger's log says something else than `manifest.json`, or that file is missing.
    ManifestIsStale,
    /// Another program has changed a table; the change is not a part of the store yet.
    NotAdopted(Table),
    /// The log of a table names other files than the manifest does.
    LogDiffers(Table),
    /// A file that the store needs is missing.
    Missing(PathBuf),
    /// A file has another size than the log says.
    Size {
        /// The file.
        path: PathBuf,
        /// Bytes that the log says it has.
        expected: u64,
        /// Bytes that it has.
        found: u64,
    },
    /// A file cannot be decoded.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// A file has another number of rows than the log says.
    Rows {
        /// The file.
        path: PathBuf,
        /// Rows that the log says it has.
        expected: u64,
        /// Rows that it has.
        found: u64,
    },
    /// A record is in a table more than once.
    Duplicates {
        /// The table.
        table: Table,
        /// Rows too many.
        rows: u64,
    },
    /// The counts of a file in the ledger do not add up.
    Ledger(String),
    /// No log and no manifest names this file.
    Orphan(PathBuf),
}

impl Fault {
    /// Whether the store answers wrongly or not at all because of it.
    pub fn is_serious(&self) -> bool {
        !matches!(self, Fault::ManifestIsStale | Fault::NotAdopted(_) | Fault::Orphan(_))
    }
}

/// What was checked, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Data files.
    pub files: u64,
    /// Rows that were decoded.
    pub rows: u64,
    /// Bytes of the data files.
    pub bytes: u64,
    /// Files of loads in the ledger.
    pub loaded_files: u64,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

impl Store {
    /// Checks everything: that manifest, ledger and logs agree, that each file is there with its size and rows and can be
    /// decoded, that no record is there twice, and that the ledger adds up.
    pub fn verify(root: &Path) -> Result<Verified, StoreError> {
        let runtime = runtime(root)?;
        let mut faults = Vec::new();
        let manifest = match Manifest::read(root)? {
            Some(manifest) => manifest,
            None => {
                let manifest = Store::open(root)?.manifest().clone();
                faults.push(Fault::ManifestIsStale);
                manifest
            }
        };
        if manifest.loads == 0 {
            return Err(StoreError::Missing(root.to_path_buf()));
        }
        for (table, found) in runtime.block_on(beyond(root, &manifest, Unfinished::Refuse))? {
            let has_undo = !found.undo.add.is_empty() || !found.undo.remove.is_empty();
            faults.push(if found.foreign.is_empty() && has_undo { Fault::ManifestIsStale } else { Fault::NotAdopted(table) });
        }
        let mut verified = Verified::default();
        for table in Table::ALL {
            let Some(state) = manifest.table(*table) else { continue };
            let logged = runtime.block_on(delta::files_at(root, *table, state.version))?;
            let facts =
                |files: &[DataFile]| files.iter().map(|file| (file.path.clone(), file.size, file.rows)).collect::<BTreeSet<_>>();
            if facts(&logged) != facts(&state.files) {
                faults.push(Fault::LogDiffers(*table));
            }
            let checks = state.files.par_iter().with_max_len(1).map(|file| check(root, *table, file));
            faults.extend(checks.collect::<Vec<_>>().into_iter().flatten());
            verified.files += state.files.len() as u64;
            verified.rows += state.files.iter().map(|file| file.rows).sum::<u64>();
            verified.bytes += state.files.iter().map(|file| file.size).sum::<u64>();
        }
        if !faults.iter().any(Fault::is_serious) {
            faults.extend(duplicates(root, &manifest)?);
            let ledger = Ledger::read(root, &manifest)?;
            verified.loaded_files = ledger.files().count() as u64;
            let wrong = ledger.files().filter(|file| !file.report.balances());
            faults.extend(wrong.map(|file| Fault::Ledger(file.report.name.to_string())));
        }
        faults.extend(orphans(root, &manifest)?.into_iter().map(Fault::Orphan));
        verified.faults = faults;
        Ok(verified)
    }

    /// Repairs what can be repaired: makes the manifest anew, undoes unfinished changes, adopts those of others, and removes
    /// files that were replaced.
    pub fn repair(root: &Path, options: WriteOptions, waiting: &dyn Fn()) -> Result<(), StoreError> {
        let lock = lock::take(root, options.patience, waiting)?;
        let mut recovered = runtime(root)?.block_on(recover(root, &lock, Unfinished::Refuse, options.now))?;
        remove_superseded(root, &mut recovered.manifest, options.now - super::KEEP)?;
        Ok(())
    }
}

fn check(root: &Path, table: Table, file: &DataFile) -> Option<Fault> {
    let path = table_folder(root, table).join(&file.path);
    let Ok(metadata) = fs::metadata(&path) else { return Some(Fault::Missing(path)) };
    if metadata.len() != file.size {
        return Some(Fault::Size { path, expected: file.size, found: metadata.len() });
    }
    let columns: Vec<&str> = table.fields().iter().map(|field| field.name).collect();
    // One column at a time: a file may hold more than memory should.
    let mut found = None;
    for column in columns {
        match read_columns(root, table, file, &[column]) {
            Err(StoreError::Parquet { detail, .. } | StoreError::Io { detail, .. }) => {
                return Some(Fault::Unreadable { path, detail });
            }
            Err(error) => return Some(Fault::Unreadable { path, detail: error.to_string() }),
            Ok(batches) => found = found.or(Some(batches.iter().map(|batch| batch.num_rows() as u64).sum())),
        }
    }
    let found = found.unwrap_or(0);
    (found != file.rows).then_some(Fault::Rows { path, expected: file.rows, found })
}

/// Records that are in a table twice.
fn duplicates(root: &Path, manifest: &Manifest) -> Result<Vec<Fault>, StoreError> {
    let mut faults = Vec::new();
    for table in super::removed::with_identities() {
        let days: BTreeSet<i32> = manifest.files(table).iter().map(|file| file.day).collect();
        let mut rows = 0;
        for day in days {
            let identities = super::read::identities(root, manifest, table, day)?;
            let distinct: HashSet<&Identity> = identities.iter().collect();
            rows += (identities.len() - distinct.len()) as u64;
        }
        if rows > 0 {
            faults.push(Fault::Duplicates { table, rows });
        }
    }
    Ok(faults)
}

/// Data files that neither the manifest nor the log of their table names, also not as removed.
fn orphans(root: &Path, manifest: &Manifest) -> Result<Vec<PathBuf>, StoreError> {
    let mut superseded: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in &manifest.superseded {
        superseded.entry(&file.table).or_default().insert(&file.path);
    }
    let mut orphans = Vec::new();
    for table in Table::ALL {
        let folder = table_folder(root, *table);
        let known: BTreeSet<&str> = manifest.files(*table).iter().map(|file| file.path.as_str()).collect();
        let mut removed = BTreeSet::new();
        for version in delta::versions(root, *table)? {
            removed.extend(delta::read_commit(root, *table, version)?.remove);
        }
        for path in data_files(&folder) {
            let Some(name) = path.strip_prefix(&folder).ok().and_then(Path::to_str).map(|name| name.replace('\\', "/")) else {
                continue;
            };
            let named = known.contains(name.as_str())
                || removed.contains(&name)
                || superseded.get(table.name()).is_some_and(|files| files.contains(name.as_str()));
            if !named {
                orphans.push(path);
            }
        }
    }
    orphans.sort();
    Ok(orphans)
}

fn data_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(days) = fs::read_dir(folder) else { return Vec::new() };
    let days = days.flatten().filter(|day| day.file_name().to_string_lossy().starts_with("day="));
    days.filter_map(|day| fs::read_dir(day.path()).ok()).flat_map(|files| files.flatten().map(|file| file.path())).collect()
}
