//! Changes a store in a bucket: through a working copy in a private folder, which any command that writes changes like a
//! store in a folder.
//!
//! The copy has all logs; data files are fetched when they are read. What is new in it is then written to the bucket: the
//! data files, under names that nobody else uses; a first commit of the ledger, which claims the next version; the commits
//! of the tables; and the commit of the ledger that makes them visible. Invariants: commits are written only if none has
//! their version, so of two writers that start from the same version, one claims the next, and the other one stops; a commit
//! is written after everything that it names. A writer that dies leaves a claim, which the next one ignores after
//! [`CLAIM`], and commits that the next one undoes, as in a folder. If the dead writer was only slow, its commit of the
//! ledger is refused.

use super::bucket::{Bucket, IN_LOG, PROBE};
use super::delta::{self, LOG};
use super::manifest::Manifest;
use super::root::Origin;
use super::write::table_folder;
use super::{StoreError, StoreRoot, WriteOptions, commit, guard, runtime};
use crate::micros::SECOND;
use crate::table::Table;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long a claim is respected: between it and the last commit, a writer sends only small objects, which takes seconds.
const CLAIM: Duration = Duration::from_secs(300);
/// How often a claimed store is looked at.
const STEP: Duration = Duration::from_secs(2);
/// Marks the commit of the ledger that claims the next version.
const CLAIMED: &str = "ecs-audit.claim";

impl StoreRoot {
    /// Runs a command that changes the store, in the folder or in a working copy of the bucket.
    ///
    /// # Errors
    /// Those of the command, and for a bucket when another writer was faster: nothing is visible then.
    pub fn change<T>(
        &self,
        options: WriteOptions,
        waiting: &dyn Fn(),
        command: impl FnOnce(&StoreRoot) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.is_folder() {
            return command(self);
        }
        let copy = self.consistent(|| WorkingCopy::check_out(self, options, waiting))?;
        let done = command(&copy.root)?;
        copy.publish()?;
        Ok(done)
    }
}

/// A working copy of a store in a bucket.
struct WorkingCopy {
    /// The bucket, as it was listed.
    bucket: StoreRoot,
    /// The copy.
    root: StoreRoot,
    /// The number of the claim in the ledger's log; `None` for a new store, whose first commit of the ledger is its claim.
    claim: Option<u64>,
    /// Whether the manifest of the bucket could not be used.
    lacks_manifest: bool,
    /// Removes the folder of the copy when it is dropped.
    _folder: tempfile::TempDir,
}

impl WorkingCopy {
    /// Copies the logs of a store to a private folder, once no other writer has a claim.
    fn check_out(bucket: &StoreRoot, options: WriteOptions, waiting: &dyn Fn()) -> Result<WorkingCopy, StoreError> {
        let bucket = unclaimed(bucket, options, waiting)?;
        probe(&bucket)?;
        let io = |error| StoreError::io(&std::env::temp_dir(), error);
        let folder = tempfile::Builder::new().prefix("ecs-audit-").tempdir().map_err(io)?;
        let path = folder.path().canonicalize().map_err(io)?;
        let listed = Arc::clone(bucket.bucket().ok_or_else(|| bucket.missing())?);
        let root = StoreRoot::copy(path, Origin::new(listed)?);
        copy_logs(&bucket, &root)?;
        let found = Manifest::read(&bucket)?;
        let lacks_manifest = found.is_none() && commit::holds_tables(&bucket);
        match found {
            Some(manifest) => manifest.write(&root)?,
            None if lacks_manifest => runtime(&root)?.block_on(commit::rebuilt(&root))?.write(&root)?,
            None => {}
        }
        let claim = match delta::versions(&root, Table::Files)?.last() {
            Some(newest) => Some(claim_after(&root, *newest, options.now)?),
            None => None,
        };
        Ok(WorkingCopy { bucket, root, claim, lacks_manifest, _folder: folder })
    }

    /// Writes what is new in the copy to the bucket.
    fn publish(self) -> Result<(), StoreError> {
        let WorkingCopy { bucket: root, root: copy, claim, .. } = &self;
        let bucket = root.bucket().ok_or_else(|| root.missing())?;
        let mut ledger = new_commits(copy, bucket, Table::Files)?;
        let mut tables = Vec::new();
        let mut data = Vec::new();
        for table in Table::ALL {
            if *table != Table::Files {
                tables.extend(new_commits(copy, bucket, *table)?);
            }
            for path in copy.data_files(*table) {
                let name = copy.name_of(&path)?;
                if bucket.size(&name).is_none() {
                    data.push((name, path));
                }
            }
        }
        // Without a new commit of the ledger, nothing would become visible: an unfinished change of a writer that died is
        // undone together with the next change.
        let is_changed = ledger.len() > usize::from(claim.is_some());
        if is_changed {
            let first = ledger.remove(0);
            if bucket.listing().is_empty() {
                // Whoever finds the first tables without a complete ledger knows from it that nothing is loaded yet.
                let empty = Manifest::default().to_bytes(&copy.join(Manifest::NAME))?;
                put(root, bucket.folder().create(Manifest::NAME, empty.into()))?;
            }
            if put(root, bucket.folder().read(&first.0, guard::MOST_TEXT))?.is_some() {
                return Err(StoreError::Raced(root.to_path_buf()));
            }
            put(root, bucket.folder().create_all(data))?;
            for (name, path) in std::iter::once(first).chain(tables).chain(ledger) {
                let bytes = copy.read(&path, guard::MOST_TEXT)?.unwrap_or_default();
                if !put(root, bucket.folder().create(&name, bytes.into()))? {
                    return Err(StoreError::Raced(root.to_path_buf()));
                }
            }
        }
        let removed = copy.removed();
        if is_changed || self.lacks_manifest || !removed.is_empty() {
            self.write_hints(bucket, is_changed);
        }
        if removed.is_empty() { Ok(()) } else { put(root, bucket.folder().delete(&removed)) }
    }

    /// Writes new checkpoints and the manifest. They only make the next opening faster, and are made up for if they are
    /// missing or older than the logs, so a failure here does not fail the change, which is already visible.
    fn write_hints(&self, bucket: &Bucket, is_changed: bool) {
        for table in Table::ALL.iter().filter(|_| is_changed) {
            let log = table_folder(&self.root, *table).join(LOG);
            let write = |name: &str| {
                let path = log.join(name);
                let bytes = guard::read(&self.root, &path, guard::MOST_TEXT).ok()??;
                bucket.folder().replace(&self.root.name_of(&path).ok()?, bytes.into()).ok()
            };
            let is_new = |name: &str| {
                let name = self.root.name_of(&log.join(name)).unwrap_or_default();
                name.ends_with(".parquet") && bucket.size(&name).is_none()
            };
            let names = guard::names(&self.root, &log).unwrap_or_default();
            let fresh: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).filter(|name| is_new(name)).collect();
            if !fresh.is_empty() && fresh.iter().all(|name| write(name).is_some()) {
                // The hint to the newest checkpoint.
                let _ = write("_last_checkpoint");
            }
        }
        if let Some(manifest) = self.manifest(is_changed) {
            let _ = bucket.folder().replace(Manifest::NAME, manifest.into());
        }
    }

    /// The manifest of the bucket after a command.
    fn manifest(&self, is_changed: bool) -> Option<Vec<u8>> {
        let mut manifest = Manifest::read(&self.root).ok()??;
        let sealed = manifest.ledger_seal.as_ref().map(|(version, _)| *version);
        if let Some(state) = manifest.tables.get_mut(Table::Files.name())
            && !is_changed
            && self.claim == Some(state.version)
        {
            // The claim was not written; nor does the manifest name those of writers that died.
            state.version = sealed.unwrap_or(state.version.saturating_sub(1));
        }
        manifest.to_bytes(&self.root.join(Manifest::NAME)).ok()
    }
}

/// An error of a request, with the location of the store.
fn put<T>(root: &StoreRoot, done: Result<T, String>) -> Result<T, StoreError> {
    done.map_err(|detail| StoreError::Io { path: root.to_path_buf(), detail })
}

/// The listed store, once no other writer has a claim.
fn unclaimed(root: &StoreRoot, options: WriteOptions, waiting: &dyn Fn()) -> Result<StoreRoot, StoreError> {
    let mut waited = Duration::ZERO;
    loop {
        let listed = root.listed()?;
        if !is_claimed(&listed)? {
            return Ok(listed);
        }
        if waited >= options.patience {
            return Err(StoreError::Busy(root.to_path_buf()));
        }
        if waited.is_zero() {
            waiting();
        }
        std::thread::sleep(STEP);
        waited += STEP;
    }
}

/// Whether the newest commit of the ledger is a recent claim, by the clock of the server.
fn is_claimed(root: &StoreRoot) -> Result<bool, StoreError> {
    let Some(newest) = delta::versions(root, Table::Files)?.last().copied() else { return Ok(false) };
    // The first commit creates the table, and is the claim of the first load.
    if newest > 0 && !delta::read_commit(root, Table::Files, newest)?.info.contains_key(CLAIMED) {
        return Ok(false);
    }
    let name = root.name_of(&delta::commit_path(root, Table::Files, newest))?;
    let bucket = root.bucket().ok_or_else(|| root.missing())?;
    let now = put(root, bucket.now())?;
    let written = bucket.listing().get(&name).map_or(now, |listed| listed.modified);
    let age = now.saturating_sub(written);
    Ok(age < i64::try_from(CLAIM.as_secs()).unwrap_or(i64::MAX).saturating_mul(SECOND))
}

/// Fails if the server ignores conditions, so that two writers would overwrite each other's commits.
fn probe(root: &StoreRoot) -> Result<(), StoreError> {
    let bucket = root.bucket().ok_or_else(|| root.missing())?;
    put(root, bucket.write_probe())?;
    match put(root, bucket.folder().create(PROBE, Bytes::from(format!("overwritten {:016x}\n", random()?))))? {
        false => Ok(()),
        true => Err(StoreError::Unconditional(root.to_path_buf())),
    }
}

/// A random number.
pub fn random() -> Result<u64, StoreError> {
    let mut bytes = [0u8; 8];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Io { path: PathBuf::new(), detail: error.to_string() })?;
    Ok(u64::from_le_bytes(bytes))
}

/// Copies the logs of the tables.
fn copy_logs(bucket: &StoreRoot, copy: &StoreRoot) -> Result<(), StoreError> {
    let listed = bucket.bucket().ok_or_else(|| bucket.missing())?;
    let mut names = Vec::new();
    for table in Table::ALL {
        let log = table_folder(bucket, *table).join(LOG);
        if bucket.has_folder(&log) {
            bucket.check_log(*table)?;
        }
        let folder = bucket.name_of(&log)?;
        // Commits and checkpoints, and nothing that a name could lead elsewhere.
        let is_plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let files = listed.below(&folder).filter(|(name, _)| is_plain(name) && !name.starts_with('.'));
        names.extend(files.map(|(name, size)| (format!("{folder}/{name}"), size)));
    }
    let texts: BTreeMap<String, Bytes> = put(bucket, listed.folder().read_all(names))?;
    for (name, bytes) in texts {
        debug_assert!(name.contains(IN_LOG), "{name}");
        let path = copy.join(&name);
        if let Some(folder) = path.parent() {
            guard::make_folders(copy, folder)?;
        }
        let mut file = guard::create(copy, &path)?;
        file.write_all(&bytes).map_err(|error| StoreError::io(&path, error))?;
    }
    Ok(())
}

/// Adds a commit to the log of the ledger that says nothing except that somebody is about to write the next one. Readers
/// look for the newest commit that names the versions of the tables.
fn claim_after(copy: &StoreRoot, newest: u64, now: i64) -> Result<u64, StoreError> {
    let version = newest + 1;
    let path = delta::commit_path(copy, Table::Files, version);
    let info = serde_json::json!({"commitInfo": {
        "timestamp": now / 1000,
        "operation": "CLAIM",
        "operationParameters": {},
        CLAIMED: format!("{:016x}", random()?),
        commit::LOAD: 0,
    }});
    let mut file = guard::create(copy, &path)?;
    writeln!(file, "{info}").map_err(|error| StoreError::io(&path, error))?;
    Ok(version)
}

/// The commits of a table that are in the copy only, oldest first: their names in the store, and their paths.
fn new_commits(copy: &StoreRoot, bucket: &Bucket, table: Table) -> Result<Vec<(String, PathBuf)>, StoreError> {
    let mut commits = Vec::new();
    for version in delta::versions(copy, table)? {
        let path = delta::commit_path(copy, table, version);
        let name = copy.name_of(&path)?;
        if bucket.size(&name).is_none() {
            commits.push((name, path));
        }
    }
    Ok(commits)
}
