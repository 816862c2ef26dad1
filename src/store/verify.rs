//! `store verify`: checks the integrity of a store and repairs what it can.

use super::commit::{beyond, recover, seals_of};
use super::ledger::Ledger;
use super::maintain::remove_superseded;
use super::manifest::{DataFile, Manifest};
use super::read::decode_columns;
use super::reconcile::Unfinished;
use super::write::table_folder;
use super::{Store, StoreError, StoreRoot, WriteOptions, delta, lock, runtime};
use crate::load::Identity;
use crate::table::Table;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

/// A problem of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// `manifest.json` is missing or contradicts the ledger's log.
    ManifestIsStale,
    /// `manifest.json` in a bucket is missing, damaged or older than the logs, which are read instead.
    ManifestIsIgnored,
    /// Another program changed a table, and the change is not adopted yet.
    NotAdopted(Table),
    /// The log of a table lists different files than the manifest.
    LogDiffers(Table),
    /// A required file is missing.
    Missing(PathBuf),
    /// The size of a file differs from the log.
    Size {
        /// The file.
        path: PathBuf,
        /// Size according to the log, in bytes.
        expected: u64,
        /// Actual size, in bytes.
        found: u64,
    },
    /// The content of a file differs from the one that was written.
    Altered(PathBuf),
    /// A file cannot be decoded.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error.
        detail: String,
    },
    /// The row count of a file differs from the log.
    Rows {
        /// The file.
        path: PathBuf,
        /// Rows according to the log.
        expected: u64,
        /// Actual number of rows.
        found: u64,
    },
    /// A table contains duplicate records.
    Duplicates {
        /// The table.
        table: Table,
        /// Number of surplus rows.
        rows: u64,
    },
    /// The counts of a file in the ledger are inconsistent.
    Ledger(String),
    /// No log or manifest lists this file.
    Orphan(PathBuf),
}

impl Fault {
    /// Whether the problem makes answers wrong or impossible.
    pub fn is_serious(&self) -> bool {
        !matches!(self, Fault::ManifestIsStale | Fault::ManifestIsIgnored | Fault::NotAdopted(_) | Fault::Orphan(_))
    }
}

/// The result of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Data files.
    pub files: u64,
    /// Decoded rows.
    pub rows: u64,
    /// Total size of the data files, in bytes.
    pub bytes: u64,
    /// Loaded files in the ledger.
    pub loaded_files: u64,
    /// Problems found.
    pub faults: Vec<Fault>,
}

impl Store {
    /// Runs all checks: manifest, ledger and logs agree; each file exists, has the expected size and row count, and
    /// can be decoded; records are unique; the ledger counts are consistent.
    pub fn verify(root: impl Into<StoreRoot>) -> Result<Verified, StoreError> {
        let root = &root.into().listed()?.with_logs()?;
        let runtime = runtime(root)?;
        let mut faults = Vec::new();
        let manifest = match Manifest::read(root)? {
            Some(manifest) => manifest,
            None => {
                let manifest = Store::open(root)?.manifest().clone();
                // In a bucket, the manifest is only a copy.
                faults.push(if root.is_folder() { Fault::ManifestIsStale } else { Fault::ManifestIsIgnored });
                manifest
            }
        };
        if manifest.loads == 0 {
            return Err(root.missing());
        }
        faults.extend(altered_commits(root, &manifest)?);
        let later = match runtime.block_on(beyond(root, &manifest, Unfinished::Refuse)) {
            // The fault that was found explains the error.
            Err(_) if faults.iter().any(Fault::is_serious) => Vec::new(),
            later => later?,
        };
        for (table, found) in later {
            let has_undo = !found.undo.add.is_empty() || !found.undo.remove.is_empty();
            match (found.foreign.is_empty(), has_undo) {
                (false, _) => faults.push(Fault::NotAdopted(table)),
                (true, true) => faults.push(Fault::ManifestIsStale),
                // The claim of a writer, or a change that was undone.
                (true, false) => {}
            }
        }
        let mut verified = Verified::default();
        for table in Table::ALL {
            let Some(state) = manifest.table(*table) else { continue };
            match runtime.block_on(delta::files_at(root, *table, state.version)) {
                Ok(logged) if by_path(&logged) == by_path(&state.files) => {}
                Ok(_) => faults.push(Fault::LogDiffers(*table)),
                Err(error) => {
                    let path = table_folder(root, *table).join(delta::LOG);
                    faults.push(Fault::Unreadable { path, detail: error.to_string() });
                }
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

    /// Repairs what it can: rebuilds the manifest, undoes unfinished changes, adopts those of other programs and
    /// deletes replaced files.
    pub fn repair(root: impl Into<StoreRoot>, options: WriteOptions, waiting: &dyn Fn()) -> Result<(), StoreError> {
        root.into().change(options, waiting, |root| Store::repair_in_folder(root, options, waiting))
    }

    fn repair_in_folder(root: &StoreRoot, options: WriteOptions, waiting: &dyn Fn()) -> Result<(), StoreError> {
        let lock = lock::take(root, options.patience, waiting)?;
        let mut recovered = runtime(root)?.block_on(recover(root, &lock, Unfinished::Refuse, options.now))?;
        remove_superseded(root, &mut recovered.manifest, options.now - super::KEEP)?;
        Ok(())
    }
}

fn by_path(files: &[DataFile]) -> BTreeMap<&str, &DataFile> {
    files.iter().map(|file| (file.path.as_str(), file)).collect()
}

/// The commits whose content differs from their checksum, and those that cannot be read.
fn altered_commits(root: &StoreRoot, manifest: &Manifest) -> Result<Vec<Fault>, StoreError> {
    let mut seals: BTreeMap<(Table, u64), String> = BTreeMap::new();
    let mut faults = Vec::new();
    for version in delta::versions(root, Table::Files)? {
        match delta::read_commit(root, Table::Files, version) {
            Ok(commit) => {
                for (name, version, seal) in seals_of(&commit.info) {
                    let table = Table::ALL.iter().find(|table| table.name() == name);
                    seals.extend(table.map(|table| ((*table, version), seal.to_owned())));
                }
            }
            Err(error) => {
                let path = delta::commit_path(root, Table::Files, version);
                faults.push(Fault::Unreadable { path, detail: error.to_string() });
            }
        }
    }
    seals.extend(manifest.ledger_seal.clone().map(|(version, seal)| ((Table::Files, version), seal)));
    for ((table, version), seal) in seals {
        // Old commits may have been deleted after a checkpoint.
        if delta::seal(root, table, version)?.is_some_and(|found| found != seal) {
            faults.push(Fault::Altered(delta::commit_path(root, table, version)));
        }
    }
    Ok(faults)
}

fn check(root: &StoreRoot, table: Table, file: &DataFile) -> Option<Fault> {
    let path = table_folder(root, table).join(&file.path);
    let unreadable = |error: StoreError| match error {
        StoreError::Parquet { detail, .. } | StoreError::Io { detail, .. } => detail,
        error => error.to_string(),
    };
    let size = match root.size(&path) {
        Ok(None) => return Some(Fault::Missing(path)),
        Ok(Some(size)) => size,
        Err(error) => return Some(Fault::Unreadable { path, detail: unreadable(error) }),
    };
    if size != file.size {
        return Some(Fault::Size { path, expected: file.size, found: size });
    }
    let open = match root.open(&path) {
        Ok(open) => open,
        Err(error) => return Some(Fault::Unreadable { path, detail: unreadable(error) }),
    };
    let is_unchanged = |hash: &String| open.hash().map(|found| found.to_hex().as_str() == hash.as_str());
    match file.hash.as_ref().map(is_unchanged) {
        Some(Ok(false)) => return Some(Fault::Altered(path)),
        Some(Err(error)) => {
            let detail = unreadable(StoreError::io(&path, error));
            return Some(Fault::Unreadable { path, detail });
        }
        Some(Ok(true)) | None => {}
    }
    let columns: Vec<&str> = table.fields().iter().map(|field| field.name).collect();
    // One column at a time, to bound memory use.
    let mut found = None;
    for column in columns {
        match decode_columns(open.clone(), &path, &[column]) {
            Err(error) => return Some(Fault::Unreadable { path, detail: unreadable(error) }),
            Ok(batches) => found = found.or(Some(batches.iter().map(|batch| batch.num_rows() as u64).sum())),
        }
    }
    let found = found.unwrap_or(0);
    (found != file.rows).then_some(Fault::Rows { path, expected: file.rows, found })
}

/// Counts duplicate records of a table.
fn duplicates(root: &StoreRoot, manifest: &Manifest) -> Result<Vec<Fault>, StoreError> {
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

/// Data files that neither the manifest nor the log of their table mentions, not even as removed.
fn orphans(root: &StoreRoot, manifest: &Manifest) -> Result<Vec<PathBuf>, StoreError> {
    let mut orphans = Vec::new();
    for table in Table::ALL {
        let mut removed = BTreeSet::new();
        for version in delta::versions(root, *table)? {
            removed.extend(delta::read_commit(root, *table, version).map(|commit| commit.remove).unwrap_or_default().into_keys());
        }
        orphans.extend(unnamed(root, manifest, *table, &removed, root.data_files(*table)));
    }
    orphans.sort();
    Ok(orphans)
}

/// Those of the data files of a table that are not among `logged`, and that the manifest does not mention.
pub(super) fn unnamed(
    root: &Path,
    manifest: &Manifest,
    table: Table,
    logged: &BTreeSet<String>,
    files: Vec<PathBuf>,
) -> Vec<PathBuf> {
    let folder = table_folder(root, table);
    let superseded = manifest.superseded.iter().filter(|file| file.table == table.name()).map(|file| file.path.as_str());
    let named: BTreeSet<&str> = manifest.files(table).iter().map(|file| file.path.as_str()).chain(superseded).collect();
    let is_unnamed = |path: &PathBuf| {
        let name = path.strip_prefix(&folder).ok().and_then(Path::to_str).map(|name| name.replace('\\', "/"));
        name.is_some_and(|name| !named.contains(name.as_str()) && !logged.contains(&name))
    };
    files.into_iter().filter(is_unnamed).collect()
}
