//! Compaction and vacuum: small files of a day become one, and what no version needs is removed.

use super::commit::{Purpose, Recovered, TableChange, commit, recover};
use super::manifest::{DataFile, Manifest};
use super::read::{in_schema, read_columns};
use super::write::{LoadWriter, table_folder};
use super::{Store, StoreError, WriteOptions, lock, runtime};
use crate::table::Table;
use arrow::compute::concat_batches;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Files below this size are worth putting together.
const SMALL: u64 = 16 << 20;
/// Files put together stay below this size on disk.
const LARGE: u64 = 64 << 20;

/// What maintenance did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Files before.
    pub files_before: u64,
    /// Files after.
    pub files_after: u64,
    /// Bytes that were freed.
    pub bytes_freed: u64,
}

impl Store {
    /// Puts the small files of each table and day together. Readers that have the store open are not
    /// disturbed: the old files stay until [`Store::vacuum`].
    pub fn compact(root: &Path, options: WriteOptions, waiting: &dyn Fn()) -> Result<Maintained, StoreError> {
        let lock = lock::take(root, options.patience, waiting)?;
        let runtime = runtime(root)?;
        let mut manifest = written(root, runtime.block_on(recover(root, &lock))?)?;
        let mut done = Maintained { files_before: count(&manifest), ..Maintained::default() };
        let plan = plan(&manifest);
        if !plan.is_empty() {
            manifest.loads += 1;
            let writer = LoadWriter::new(root, manifest.loads);
            plan.par_iter().try_for_each(|(table, day, files)| rewrite(root, *table, *day, files, &writer))?;
            let mut changes: BTreeMap<Table, TableChange> = BTreeMap::new();
            for (table, _, files) in plan {
                changes.entry(table).or_default().remove.extend(files);
            }
            for (table, add) in writer.finish() {
                changes.entry(table).or_default().add = add;
            }
            runtime.block_on(commit(root, &mut manifest, changes, &Purpose::Compaction, options.now))?;
        }
        done.files_after = count(&manifest);
        Ok(done)
    }

    /// Removes the files that the newest version no longer needs.
    pub fn vacuum(root: &Path, options: WriteOptions, waiting: &dyn Fn()) -> Result<Maintained, StoreError> {
        let lock = lock::take(root, options.patience, waiting)?;
        let manifest = written(root, runtime(root)?.block_on(recover(root, &lock))?)?;
        let mut done = Maintained { files_after: count(&manifest), ..Maintained::default() };
        for table in Table::ALL {
            let needed: BTreeSet<&str> = manifest.files(*table).iter().map(|file| file.path.as_str()).collect();
            let folder = table_folder(root, *table);
            let Ok(days) = fs::read_dir(&folder) else { continue };
            for day in days.flatten().filter(|day| day.file_name().to_string_lossy().starts_with("day=")) {
                let Ok(files) = fs::read_dir(day.path()) else { continue };
                for file in files.flatten() {
                    done.files_before += 1;
                    let path = format!("{}/{}", day.file_name().to_string_lossy(), file.file_name().to_string_lossy());
                    if needed.contains(path.as_str()) {
                        continue;
                    }
                    done.bytes_freed += file.metadata().map_or(0, |metadata| metadata.len());
                    fs::remove_file(file.path()).map_err(|error| StoreError::io(&file.path(), error))?;
                }
            }
        }
        Ok(done)
    }
}

/// The manifest of a store that something was loaded into.
pub(super) fn written(root: &Path, recovered: Recovered) -> Result<Manifest, StoreError> {
    Some(recovered.manifest).filter(|manifest| manifest.loads > 0).ok_or_else(|| StoreError::Missing(root.to_path_buf()))
}

fn count(manifest: &Manifest) -> u64 {
    manifest.tables.values().map(|state| state.files.len() as u64).sum()
}

type Group = (Table, i32, Vec<DataFile>);

/// The groups of small files that are put together.
fn plan(manifest: &Manifest) -> Vec<Group> {
    let mut groups = Vec::new();
    for table in Table::ALL {
        let mut days: BTreeMap<i32, Vec<&DataFile>> = BTreeMap::new();
        for file in manifest.files(*table).iter().filter(|file| file.size < SMALL) {
            days.entry(file.day).or_default().push(file);
        }
        for (day, files) in days {
            let mut group: Vec<DataFile> = Vec::new();
            for file in files {
                if group.iter().map(|file| file.size).sum::<u64>() + file.size > LARGE {
                    groups.push((*table, day, std::mem::take(&mut group)));
                }
                group.push(file.clone());
            }
            groups.push((*table, day, group));
        }
    }
    groups.retain(|(_, _, files)| files.len() > 1);
    groups
}

fn rewrite(root: &Path, table: Table, day: i32, files: &[DataFile], writer: &LoadWriter) -> Result<(), StoreError> {
    let names: Vec<&str> = table.fields().iter().map(|field| field.name).collect();
    let schema = table.schema();
    let mut batches = Vec::new();
    for file in files {
        for batch in read_columns(root, table, file, &names)? {
            let batch = in_schema(table, &batch)?;
            batches.push(batch);
        }
    }
    let whole = concat_batches(&schema, &batches).map_err(crate::load::LoadError::from)?;
    writer.write_rows(table, day, &whole)
}
