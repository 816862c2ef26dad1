//! Compaction and vacuum on request: merges small files of a day and deletes replaced files.

use super::commit::{Recovered, is_ours_by_name, recover};
use super::manifest::{Manifest, Superseded};
use super::reconcile::Unfinished;
use super::verify::unnamed;
use super::write::table_folder;
use super::{Store, StoreError, StoreRoot, WriteOptions, delta, fault, guard, lock, merge, runtime};
use crate::micros::DAY;
use crate::table::Table;
use std::collections::{BTreeMap, BTreeSet};

/// The result of maintenance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Files before.
    pub files_before: u64,
    /// Files after.
    pub files_after: u64,
    /// Bytes freed.
    pub bytes_freed: u64,
}

impl Store {
    /// Merges the small files of each table and day. Readers that have the store open are not affected, because the
    /// old files remain until [`Store::vacuum`].
    pub fn compact(root: impl Into<StoreRoot>, options: WriteOptions, waiting: &dyn Fn()) -> Result<Maintained, StoreError> {
        root.into().change(options, waiting, |root| Store::compact_in_folder(root, options, waiting))
    }

    fn compact_in_folder(root: &StoreRoot, options: WriteOptions, waiting: &dyn Fn()) -> Result<Maintained, StoreError> {
        let lock = lock::take(root, options.patience, waiting)?;
        let runtime = runtime(root)?;
        let mut manifest = written(root, runtime.block_on(recover(root, &lock, Unfinished::Refuse, options.now))?)?;
        let mut done = Maintained { files_before: count(&manifest), ..Maintained::default() };
        merge::tidy(root, &mut manifest, merge::Extent::All, &runtime, options.now)?;
        done.files_after = count(&manifest);
        Ok(done)
    }

    /// Deletes the files that were replaced at least `keep` microseconds ago, so that readers of an older version can
    /// finish; in a bucket also what writers left that stopped or died.
    pub fn vacuum(
        root: impl Into<StoreRoot>,
        keep: i64,
        options: WriteOptions,
        waiting: &dyn Fn(),
    ) -> Result<Maintained, StoreError> {
        root.into().change(options, waiting, |root| Store::vacuum_in_folder(root, keep, options, waiting))
    }

    fn vacuum_in_folder(
        root: &StoreRoot,
        keep: i64,
        options: WriteOptions,
        waiting: &dyn Fn(),
    ) -> Result<Maintained, StoreError> {
        let lock = lock::take(root, options.patience, waiting)?;
        let mut manifest = written(root, runtime(root)?.block_on(recover(root, &lock, Unfinished::Refuse, options.now))?)?;
        let unlisted = unlisted(root, &manifest)?;
        manifest.superseded.extend(unlisted);
        let replaced = manifest.superseded.len() as u64;
        let until = options.now.saturating_sub(keep);
        let bytes_freed = remove_superseded(root, &mut manifest, until)? + remove_staged(root, until)?;
        let (abandoned, bytes_abandoned) = remove_abandoned(root, &manifest, keep)?;
        let files_after = count(&manifest) + manifest.superseded.len() as u64;
        let files_before = count(&manifest) + replaced + abandoned;
        Ok(Maintained { files_before, files_after, bytes_freed: bytes_freed + bytes_abandoned })
    }
}

/// How long a writer may take from its first data file in a bucket to its commit, in microseconds.
const UPLOAD: i64 = DAY;

/// Deletes the data files that a writer left in the bucket of a working copy, because another one was faster or it died: no
/// log names them. Younger ones may be those of a writer that has yet to commit, however short the retention is. Returns
/// their number and bytes. In a folder, the next change deletes them.
fn remove_abandoned(root: &StoreRoot, manifest: &Manifest, keep: i64) -> Result<(u64, u64), StoreError> {
    let mut unnamed_files = Vec::new();
    for table in Table::ALL {
        let mut logged = BTreeSet::new();
        for version in delta::versions(root, *table)? {
            let commit = delta::read_commit(root, *table, version)?;
            logged.extend(commit.remove.into_keys());
            logged.extend(commit.add.into_iter().map(|file| file.path));
        }
        unnamed_files.extend(unnamed(root, manifest, *table, &logged, root.data_files_of_origin(*table)));
    }
    // Other programs have rules of their own for what they leave.
    unnamed_files.retain(|path| path.file_name().is_some_and(|name| is_ours_by_name(&name.to_string_lossy())));
    if unnamed_files.is_empty() {
        return Ok((0, 0));
    }
    let Some(now) = root.now_in_origin()? else { return Ok((0, 0)) };
    let until = now.saturating_sub(keep.max(UPLOAD));
    let (mut files, mut bytes) = (0, 0);
    for path in unnamed_files.iter().filter(|path| root.written_in_origin(path).is_some_and(|written| written <= until)) {
        files += 1;
        bytes += root.remove(path)?;
    }
    Ok((files, bytes))
}

/// Deletes the files that were replaced at or before `until` (microseconds since 1970 UTC); returns the bytes freed.
pub(super) fn remove_superseded(root: &StoreRoot, manifest: &mut Manifest, until: i64) -> Result<u64, StoreError> {
    let (expired, kept): (Vec<_>, Vec<_>) =
        std::mem::take(&mut manifest.superseded).into_iter().partition(|file| file.at <= until);
    manifest.superseded = kept;
    if expired.is_empty() {
        return Ok(0);
    }
    let mut deletable: BTreeMap<Table, BTreeSet<String>> = BTreeMap::new();
    for table in Table::ALL {
        let of_table = expired.iter().filter(|file| file.table == table.name());
        let files: BTreeSet<&str> = of_table.map(|file| file.path.as_str()).collect();
        if !files.is_empty() {
            // The manifest is only a cache: what may be deleted is decided by the log.
            deletable.insert(*table, delta::removed(root, *table, &files)?.into_keys().collect());
        }
    }
    let mut bytes = 0;
    for (table, paths) in deletable {
        let known: BTreeSet<&str> = manifest.files(table).iter().map(|file| file.path.as_str()).collect();
        for file in paths.iter().filter(|path| !known.contains(path.as_str())) {
            let path = table_folder(root, table).join(file);
            fault::step(&path)?;
            bytes += root.remove(&path)?;
        }
    }
    // The manifest is updated after files are deleted: a file listed as superseded may be missing, but an unlisted file must
    // not remain.
    manifest.write(root)?;
    Ok(bytes)
}

/// Deletes the temporary files that a commit left which was interrupted at or before `until` (microseconds since 1970 UTC);
/// returns the bytes freed. The writer of such a file renames it, so an old one has no writer.
fn remove_staged(root: &StoreRoot, until: i64) -> Result<u64, StoreError> {
    let mut bytes = 0;
    for table in Table::ALL {
        for path in delta::staged(root, *table)? {
            let modified = guard::file_at(root, &path)?.and_then(|metadata| metadata.modified().ok());
            let modified = modified.and_then(|time| jiff::Timestamp::try_from(time).ok());
            if modified.is_some_and(|time| time.as_microsecond() <= until) {
                fault::step(&path)?;
                bytes += root.remove(&path)?;
            }
        }
    }
    Ok(bytes)
}

/// Replaced data files that the manifest does not list as such: those of a manifest that was lost, and those that an earlier
/// release left when it was interrupted.
pub(super) fn unlisted(root: &StoreRoot, manifest: &Manifest) -> Result<Vec<Superseded>, StoreError> {
    let mut found = Vec::new();
    for table in Table::ALL {
        let folder = table_folder(root, *table);
        let listed = manifest.superseded.iter().filter(|file| file.table == table.name()).map(|file| file.path.as_str());
        let known: BTreeSet<&str> = manifest.files(*table).iter().map(|file| file.path.as_str()).chain(listed).collect();
        let present = [root.data_files(*table), root.data_files_of_origin(*table)].concat();
        let names =
            present.iter().filter_map(|path| path.strip_prefix(&folder).ok()?.to_str()).map(|name| name.replace('\\', "/"));
        let names: Vec<String> = names.filter(|name| guard::is_data_path(name) && !known.contains(name.as_str())).collect();
        if names.is_empty() {
            continue;
        }
        let removed = delta::removed(root, *table, &names.iter().map(String::as_str).collect())?;
        found.extend(removed.into_iter().map(|(path, at)| Superseded { table: table.name().to_owned(), path, at }));
    }
    Ok(found)
}

/// The manifest of a non-empty store.
pub(super) fn written(root: &StoreRoot, recovered: Recovered) -> Result<Manifest, StoreError> {
    Some(recovered.manifest).filter(|manifest| manifest.loads > 0).ok_or_else(|| StoreError::Missing(root.to_path_buf()))
}

fn count(manifest: &Manifest) -> u64 {
    manifest.tables.values().map(|state| state.files.len() as u64).sum()
}
