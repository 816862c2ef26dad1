//! The commit point: makes a change visible atomically and cleans up after interrupted changes.
//!
//! A change is committed to the Delta log of every affected table, then to the log of the ledger, whose commit
//! records the version of every table, and finally to the manifest, which readers open. Invariants: a manifest lists
//! only existing files; a lost or outdated manifest is rebuilt from the newest ledger commit; no file is deleted
//! while the manifest or the logs may be inconsistent.

use super::delta::{self, CommitInfo, Facts};
use super::maintain::unlisted;
use super::manifest::{DataFile, Manifest, TableState};
use super::reconcile::{ForeignCommit, Reconciled, Unfinished, reconcile};
use super::write::{LoadWriter, load_of, table_folder};
use super::{StoreError, StoreRoot, fault, guard, lock, removed};
use crate::table::Table;
use futures::future::try_join_all;
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Commit metadata: the number of the load.
pub const LOAD: &str = "ecs-audit.load";
/// Ledger commit metadata: the version of every table.
const TABLES: &str = "ecs-audit.tables";
/// Ledger commit metadata: the number of records classified by each version of the failure catalog.
const CATALOGS: &str = "ecs-audit.catalogs";
/// Ledger commit metadata: the checksums of commits by table and version, so that a changed log is noticed.
pub const SEALS: &str = "ecs-audit.seals";
/// Marks compaction commits.
const COMPACTION: &str = "ecs-audit.compaction";
/// Marks reclassification commits.
const RECLASSIFIED: &str = "ecs-audit.reclassified";
/// Marks commits that undo an unfinished change.
const UNDOES: &str = "ecs-audit.undoes";
/// Marks commits that adopt changes of other programs.
const ADOPTED: &str = "ecs-audit.adopted";
/// Marks commits that remove old records.
const DROPPED: &str = "ecs-audit.dropped";

/// The purpose of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Adds records.
    Load,
    /// Rewrites the same rows into fewer files.
    Compaction,
    /// Classifies the same records with this version of the failure catalog.
    Reclassification(String),
    /// Adopts changes of other programs.
    Adoption,
    /// Removes old records.
    Retention,
}

impl Purpose {
    fn facts(&self, manifest: &Manifest) -> Facts {
        let mut facts = vec![(LOAD.to_owned(), json!(manifest.loads))];
        match self {
            Purpose::Load => {}
            Purpose::Compaction => facts.push((COMPACTION.to_owned(), json!(true))),
            Purpose::Reclassification(version) => facts.push((RECLASSIFIED.to_owned(), json!(version))),
            Purpose::Adoption => facts.push((ADOPTED.to_owned(), json!(true))),
            Purpose::Retention => facts.push((DROPPED.to_owned(), json!(true))),
        }
        facts
    }
}

/// The part of a change that affects one table.
#[derive(Debug, Clone, Default)]
pub struct TableChange {
    /// Added files.
    pub add: Vec<DataFile>,
    /// Removed files.
    pub remove: Vec<DataFile>,
}

/// Commits a change: to the tables, to the ledger, then to the manifest. `manifest` is the current one with the
/// number of this change and its new catalog counts; it is updated to the one that is written.
///
/// # Errors
/// When a log or the manifest cannot be written; readers then keep seeing the previous state.
pub async fn commit(
    root: &StoreRoot,
    manifest: &mut Manifest,
    mut changes: BTreeMap<Table, TableChange>,
    purpose: &Purpose,
    now: i64,
) -> Result<(), StoreError> {
    let mut next = manifest.clone();
    let shrinks = changes.values().any(|change| !change.remove.is_empty());
    let ledger = changes.remove(&Table::Files).unwrap_or_default();
    let facts = purpose.facts(&next);
    let load = next.loads;
    sync_files(root, &changes, &ledger)?;
    evolve_all(root, &mut next, &facts).await?;
    let versions = changes.iter().map(async |(table, change)| {
        fault::step(root)?;
        let delta = delta::open_or_create(root, *table).await?;
        let version = delta::commit(&delta, *table, change_of(change, purpose, (load, now), facts.clone())).await?;
        is_next(*table, next.table(*table), version)?;
        delta::sync_commit(root, *table, version)?;
        fault::step(root)?;
        Ok::<u64, StoreError>(version)
    });
    let versions: Vec<u64> = try_join_all(versions).await?;
    for ((table, change), version) in changes.into_iter().zip(versions) {
        replace(&mut next, table, version, change, now);
    }
    let versions: Map<String, Value> = next.tables.iter().map(|(name, state)| (name.clone(), json!(state.version))).collect();
    let mut facts = facts;
    fault::step(root)?;
    let delta = delta::open_or_create(root, Table::Files).await?;
    facts.push((SEALS.to_owned(), seals(root, manifest, &mut next, delta.version().unwrap_or(0))?));
    facts.push((TABLES.to_owned(), Value::Object(versions)));
    facts.push((CATALOGS.to_owned(), json!(next.catalogs)));
    let version = delta::commit(&delta, Table::Files, change_of(&ledger, purpose, (load, now), facts)).await?;
    is_next(Table::Files, next.table(Table::Files), version)?;
    delta::sync_commit(root, Table::Files, version)?;
    fault::step(root)?;
    replace(&mut next, Table::Files, version, ledger, now);
    if let Some(state) = next.tables.get_mut(Table::Files.name()) {
        state.sealed = version.checked_sub(1);
    }
    next.ledger_seal = delta::seal(root, Table::Files, version)?.map(|seal| (version, seal));
    if shrinks {
        next.recount();
    }
    next.write(root)?;
    *manifest = next;
    Ok(())
}

/// The checksums of the commits since the last change of the ledger. The newest commit of the ledger, at this version,
/// is the last one that they can include.
fn seals(root: &StoreRoot, before: &Manifest, next: &mut Manifest, ledger: u64) -> Result<Value, StoreError> {
    let mut seals = Map::new();
    let with_ledger = Table::ALL.iter().filter(|table| **table == Table::Files || next.table(**table).is_some());
    for table in with_ledger.copied().collect::<Vec<_>>() {
        let first = match before.table(table) {
            // Commits of earlier releases have no checksums.
            Some(state) => state.sealed.unwrap_or(state.version) + 1,
            None => 0,
        };
        let last = if table == Table::Files { ledger } else { next.table(table).map_or(0, |state| state.version) };
        let mut versions = Map::new();
        for version in first..=last {
            if let Some(seal) = delta::seal(root, table, version)? {
                versions.insert(version.to_string(), Value::String(seal));
            }
        }
        if let Some(state) = next.tables.get_mut(table.name()) {
            state.sealed = Some(last);
        }
        if !versions.is_empty() {
            seals.insert(table.name().to_owned(), Value::Object(versions));
        }
    }
    Ok(Value::Object(seals))
}

/// The checksums in a commit of the ledger: table name, version, checksum.
pub fn seals_of(facts: &CommitInfo) -> impl Iterator<Item = (&str, u64, &str)> {
    let tables = facts.get(SEALS).and_then(Value::as_object).into_iter().flatten();
    tables.flat_map(|(table, versions)| {
        let versions = versions.as_object().into_iter().flatten();
        versions.filter_map(move |(version, seal)| Some((table.as_str(), version.parse().ok()?, seal.as_str()?)))
    })
}

/// Fails if another program has committed to a table since this command read it: what it did is not known here. The
/// change then stays unfinished, and the next command undoes it and adopts what the other program did.
fn is_next(table: Table, known: Option<&TableState>, version: u64) -> Result<(), StoreError> {
    // Creating a table makes version 0.
    let expected = known.map_or(0, |state| state.version) + 1;
    if version == expected { Ok(()) } else { Err(StoreError::Changed { table: table.name() }) }
}

/// Adds the columns of this release to the metadata of tables from earlier releases, so that other engines see them.
async fn evolve_all(root: &StoreRoot, manifest: &mut Manifest, facts: &Facts) -> Result<(), StoreError> {
    let load = manifest.loads;
    for table in Table::ALL {
        let Some(state) = manifest.tables.get_mut(table.name()) else { continue };
        let columns = table.fields().len();
        if state.columns == columns {
            continue;
        }
        fault::step(root)?;
        if let Some(version) = delta::evolve(root, *table, load, facts.clone()).await? {
            delta::sync_commit(root, *table, version)?;
            state.version = version;
        }
        state.columns = columns;
    }
    Ok(())
}

fn change_of<'a>(change: &'a TableChange, purpose: &Purpose, (load, now): (u64, i64), facts: Facts) -> delta::Change<'a> {
    let data_change = *purpose != Purpose::Compaction;
    delta::Change { add: &change.add, remove: &change.remove, data_change, at: now / 1000, load, facts }
}

/// Syncs the data files of a change and their folders to disk before a commit refers to them. Files are synced in
/// parallel, which is faster than one by one.
fn sync_files(root: &StoreRoot, changes: &BTreeMap<Table, TableChange>, ledger: &TableChange) -> Result<(), StoreError> {
    let of_table = |table: Table, change: &TableChange| {
        let folder = table_folder(root, table);
        change.add.iter().map(|file| folder.join(&file.path)).collect::<Vec<_>>()
    };
    let mut files: Vec<_> = changes.iter().flat_map(|(table, change)| of_table(*table, change)).collect();
    files.extend(of_table(Table::Files, ledger));
    let folders: BTreeSet<_> = files.iter().flat_map(|file| file.ancestors().skip(1).take(2).map(Path::to_path_buf)).collect();
    files.par_iter().with_max_len(1).try_for_each(|file| root.fetch(file).and_then(|()| durable(file)))?;
    folders.iter().try_for_each(|folder| durable(folder))
}

/// Syncs a file or folder to disk.
///
/// # Errors
/// When the sync fails.
pub fn durable(path: &Path) -> Result<(), StoreError> {
    fault::step(path)?;
    let sync = || fs::File::open(path)?.sync_all();
    sync().map_err(|error| StoreError::io(path, error))
}

/// Whether ecs-audit made a commit.
pub fn is_ours(commit: &delta::Commit) -> bool {
    commit.has_our_id || commit.info.contains_key(LOAD)
}

fn replace(manifest: &mut Manifest, table: Table, version: u64, change: TableChange, now: i64) {
    manifest.leave(table, &change.remove, now);
    manifest.add(table, version, change.add);
}

/// A store that is ready for writing.
#[derive(Debug)]
pub struct Recovered {
    /// The manifest, identical to the one on disk.
    pub manifest: Manifest,
    /// Whether the manifest was missing and had to be rebuilt.
    pub was_lost: bool,
    /// Changes of other programs that were adopted.
    pub adopted: Vec<ForeignCommit>,
}

/// Brings a store to its last complete change: rebuilds a lost or outdated manifest, undoes an interrupted change and
/// adopts the changes of other programs. A new store gets its manifest here, so that a store without one is never
/// mistaken for new. The caller holds the lock, so there is no other writer.
///
/// # Errors
/// When parts of the store are missing or the changes of other programs cannot be used. Nothing is changed in that
/// case.
pub async fn recover(
    root: &StoreRoot,
    _lock: &lock::WriteLock,
    unfinished: Unfinished,
    now: i64,
) -> Result<Recovered, StoreError> {
    let on_disk = Manifest::read(root)?;
    let (mut manifest, was_lost) = match on_disk.clone() {
        Some(manifest) => match ahead_of(root, &manifest).await? {
            Some(ahead) => (ahead, false),
            None => (manifest, false),
        },
        None if holds_tables(root) => (rebuilt(root).await?, true),
        None => (Manifest::default(), true),
    };
    let was_lost = was_lost && manifest.loads > 0;
    let found = beyond(root, &manifest, unfinished).await?;
    let mut adopted = Vec::new();
    let mut rows_changed = Vec::new();
    for (table, found) in found {
        let mut version = found.version;
        if !found.undo.add.is_empty() || !found.undo.remove.is_empty() {
            fault::step(root)?;
            let undone = TableChange { add: found.undo.remove, remove: found.undo.add };
            let facts = vec![(LOAD.to_owned(), json!(manifest.loads)), (UNDOES.to_owned(), json!(true))];
            let delta = delta::open_or_create(root, table).await?;
            version = delta::commit(&delta, table, change_of(&undone, &Purpose::Load, (manifest.loads, now), facts)).await?;
            delta::sync_commit(root, table, version)?;
        }
        manifest.adopt(table, version, found.files, now);
        if !found.foreign.is_empty() {
            adopted.extend(found.foreign);
            rows_changed.push((table, found.rows_changed));
        }
    }
    if adopted.is_empty() {
        if on_disk.as_ref() != Some(&manifest) {
            manifest.write(root)?;
        }
    } else {
        manifest.recount();
        let mut next = manifest.clone();
        next.loads += 1;
        let writer = LoadWriter::new(root, next.loads);
        for (table, changed) in &rows_changed {
            removed::remember(root, &manifest, *table, changed, &writer, now)?;
        }
        let changes = writer.finish()?.into_iter().map(|(table, add)| (table, TableChange { add, remove: Vec::new() }));
        commit(root, &mut next, changes.collect(), &Purpose::Adoption, now).await?;
        manifest = next;
    }
    for table in Table::ALL {
        remove_unfinished(root, *table, &manifest)?;
    }
    Ok(Recovered { manifest, was_lost, adopted })
}

/// Compares the logs of the tables with the manifest.
///
/// # Errors
/// When a log is missing or incomplete, or the changes of other programs cannot be used.
pub async fn beyond(
    root: &StoreRoot,
    manifest: &Manifest,
    unfinished: Unfinished,
) -> Result<Vec<(Table, Reconciled)>, StoreError> {
    let mut found = Vec::new();
    for table in Table::ALL {
        let known = manifest.table(*table);
        root.check_folders(&table_folder(root, *table))?;
        if root.has_folder(&table_folder(root, *table).join(delta::LOG)) {
            // A table that is not in the manifest was created by an interrupted change; its version 0 is empty.
            let (version, files) = known.map_or((0, &[][..]), |state| (state.version, &state.files));
            let newest = delta::newest(root, *table)?;
            if newest < version {
                return Err(ends_early(root, *table, newest, version));
            }
            if newest > version {
                root.check_log(*table)?;
                let reconciled = reconcile(root, *table, (version, files), newest, unfinished).await?;
                found.push((*table, reconciled));
            }
        } else if known.is_some_and(|state| !state.files.is_empty()) {
            let detail = format!("the log of table `{}` is missing", table.name());
            return Err(StoreError::Incomplete { root: root.to_path_buf(), detail });
        }
    }
    Ok(found)
}

/// Whether the folder of the tables has any content.
pub fn holds_tables(root: &StoreRoot) -> bool {
    let tables = root.join("tables");
    if root.is_folder() { fs::read_dir(tables).is_ok_and(|mut tables| tables.next().is_some()) } else { root.has_folder(&tables) }
}

/// Whether a manifest is that of the newest change. In a folder it is, because both are written under the lock, or
/// [`recover`] finds out. A bucket may hold a copy of another time than the logs, so there it is compared with the newest
/// commit of the ledger.
///
/// # Errors
/// When it is that of the newest change, but parts of the store are missing, such as after an interrupted copy.
pub fn is_current(root: &StoreRoot, manifest: &Manifest) -> Result<bool, StoreError> {
    if root.is_folder() {
        return Ok(true);
    }
    let Some((ledger, facts)) = delta::newest_with(root, Table::Files, TABLES)? else {
        // A first load that is still running, or was interrupted.
        return Ok(manifest.loads == 0);
    };
    let versions = facts.get(TABLES).and_then(Value::as_object);
    let is_named = |table: &Table| {
        let known = manifest.table(*table).map(|state| state.version);
        let named = versions.and_then(|versions| versions.get(table.name())?.as_u64());
        known == if *table == Table::Files { Some(ledger) } else { named }
    };
    let seal = delta::seal(root, Table::Files, ledger)?.map(|seal| (ledger, seal));
    if !Table::ALL.iter().all(is_named) || manifest.ledger_seal != seal {
        return Ok(false);
    }
    for table in Table::ALL {
        let Some(state) = manifest.table(*table) else { continue };
        let newest = delta::newest(root, *table)?;
        if newest < state.version {
            return Err(ends_early(root, *table, newest, state.version));
        }
    }
    all_there(root, manifest)?;
    Ok(true)
}

/// A log that lacks its newest commits.
fn ends_early(root: &Path, table: Table, newest: u64, version: u64) -> StoreError {
    let detail = format!("the log of table `{}` ends at version {newest}, but version {version} is needed", table.name());
    StoreError::Incomplete { root: root.to_path_buf(), detail }
}

/// The manifest of a change that was committed to the ledger but not to the manifest; `None` if the manifest is up to
/// date or files of that change are missing.
async fn ahead_of(root: &StoreRoot, manifest: &Manifest) -> Result<Option<Manifest>, StoreError> {
    let known = manifest.table(Table::Files).map(|state| state.version);
    let Some((version, facts)) = delta::newest_with(root, Table::Files, TABLES)? else { return Ok(None) };
    if known.is_some_and(|known| version <= known) || loads_of(&facts) <= manifest.loads {
        return Ok(None);
    }
    match manifest_of(root, version, &facts).await {
        Ok(ahead) => Ok(Some(ahead)),
        Err(StoreError::Incomplete { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Rebuilds the manifest from the newest ledger commit.
///
/// # Errors
/// When no ledger commit lists versions, or listed files are missing.
pub async fn rebuilt(root: &StoreRoot) -> Result<Manifest, StoreError> {
    match delta::newest_with(root, Table::Files, TABLES)? {
        Some((version, facts)) => manifest_of(root, version, &facts).await,
        None => {
            let detail = match root.is_folder() {
                true => "`manifest.json` is missing, and no commit of the ledger `tables/files` lists its contents",
                false => "no commit of the ledger `tables/files` lists its contents",
            };
            Err(StoreError::Incomplete { root: root.to_path_buf(), detail: detail.to_owned() })
        }
    }
}

fn loads_of(facts: &CommitInfo) -> u64 {
    facts.get(LOAD).and_then(Value::as_u64).filter(|load| *load <= guard::MOST).unwrap_or(0)
}

async fn manifest_of(root: &StoreRoot, ledger: u64, facts: &CommitInfo) -> Result<Manifest, StoreError> {
    let mut manifest = Manifest::after(loads_of(facts));
    let catalogs = facts.get(CATALOGS).cloned().and_then(|catalogs| serde_json::from_value(catalogs).ok());
    manifest.catalogs = catalogs.unwrap_or_default();
    let named = |table: Table| match table {
        Table::Files => Some(ledger),
        table => facts.get(TABLES)?.get(table.name())?.as_u64(),
    };
    let is_sealed = facts.contains_key(SEALS);
    for table in Table::ALL {
        let Some(named) = named(*table).filter(|version| *version <= guard::MOST) else { continue };
        let version = same_records_up_to(root, *table, named)?;
        let files = delta::files_at(root, *table, version).await.map_err(|error| incomplete(root, error))?;
        let newest = files.iter().filter_map(|file| load_of(&file.path)).max().unwrap_or(0);
        manifest.loads = manifest.loads.max(newest);
        let sealed = if *table == Table::Files { named.checked_sub(1) } else { Some(named) };
        manifest
            .tables
            .insert(table.name().to_owned(), TableState { sealed: sealed.filter(|_| is_sealed), ..TableState::default() });
        manifest.add(*table, version, files);
    }
    manifest.ledger_seal = delta::seal(root, Table::Files, ledger)?.map(|seal| (ledger, seal));
    manifest.check().map_err(|detail| StoreError::Incomplete { root: root.to_path_buf(), detail })?;
    all_there(root, &manifest)?;
    manifest.superseded = unlisted(root, &manifest)?;
    Ok(manifest)
}

/// A log that cannot be read up to the version in the ledger is incomplete.
fn incomplete(root: &Path, error: StoreError) -> StoreError {
    StoreError::Incomplete { root: root.to_path_buf(), detail: error.to_string() }
}

/// The newest version with the same records as this one. Earlier releases did not commit compaction and
/// reclassification to the ledger, and vacuum may have deleted the files that they replaced.
fn same_records_up_to(root: &StoreRoot, table: Table, version: u64) -> Result<u64, StoreError> {
    let mut same = version;
    for next in delta::versions(root, table)?.split_off(&(version + 1)) {
        let facts = delta::read_commit(root, table, next)?.info;
        let replaces = facts.contains_key(COMPACTION) || facts.contains_key(RECLASSIFIED);
        if next != same + 1 || !replaces {
            break;
        }
        same = next;
    }
    Ok(same)
}

/// Checks that every file of a manifest exists with its full size.
pub fn all_there(root: &StoreRoot, manifest: &Manifest) -> Result<(), StoreError> {
    let mut missing = Vec::new();
    let mut count = 0;
    for table in Table::ALL {
        for file in manifest.files(*table) {
            count += 1;
            let path = table_folder(root, *table).join(&file.path);
            if root.size(&path)?.unwrap_or(0) != file.size {
                missing.push(path);
            }
        }
    }
    let Some(first) = missing.first() else { return Ok(()) };
    let detail = format!("{} of {count} data files are missing or truncated, such as `{}`", missing.len(), first.display());
    Err(StoreError::Incomplete { root: root.to_path_buf(), detail })
}

/// Deletes Parquet files of changes that the manifest does not know. No log refers to them and nobody can be reading
/// them; the next change reuses their names.
fn remove_unfinished(root: &StoreRoot, table: Table, manifest: &Manifest) -> Result<(), StoreError> {
    let folder = table_folder(root, table);
    let known: BTreeSet<&str> = manifest.files(table).iter().map(|file| file.path.as_str()).collect();
    for (day, _) in guard::names(root, &folder)?.into_iter().filter(|(day, is_folder)| *is_folder && day.starts_with("day=")) {
        for (name, is_folder) in guard::names(root, &folder.join(&day))? {
            let is_unfinished = is_ours_by_name(&name) && load_of(&name).is_some_and(|load| load > manifest.loads);
            let path = format!("{day}/{name}");
            if is_unfinished && !is_folder && !known.contains(path.as_str()) {
                guard::remove(root, &folder.join(path))?;
            }
        }
    }
    Ok(())
}

/// Whether a file has a name that a load gives: `load-NNNNNN-NNNNN.parquet`.
pub fn is_ours_by_name(name: &str) -> bool {
    let numbers = name.strip_prefix("load-").and_then(|rest| rest.strip_suffix(".parquet")).and_then(|rest| rest.split_once('-'));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    numbers.is_some_and(|(load, number)| is_number(load) && is_number(number))
}
