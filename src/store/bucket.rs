//! The objects of a store in a bucket.
//!
//! In: names relative to the prefix of the store, with `/`. Invariant: after [`Bucket::listed`], sizes and names are those
//! of one listing, and an object of a table that was not listed does not exist.

use crate::discover::{Listed, Location, ObjectFolder, S3Settings};
use bytes::Bytes;
use object_store::ObjectStore;
use object_store::path::Path;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The folder of the tables. Only its objects are listed.
pub const TABLES: &str = "tables";

/// What is between the folder of a table and the name of a commit.
pub const IN_LOG: &str = "/_delta_log/";
/// The object with which the server is asked whether it respects conditions, and for its time.
pub const PROBE: &str = "conditional-writes";
/// Its content.
const PROBE_TEXT: &[u8] =
    b"ecs-audit checks with this object that it cannot be overwritten by a request with `If-None-Match: *`.\n";
/// The largest logs that are kept in memory, in bytes.
const MOST_IN_MEMORY: u64 = 256 << 20;

/// A prefix of a bucket with a store.
#[derive(Debug, Clone)]
pub struct Bucket {
    folder: ObjectFolder,
    /// All objects of the tables, once they were listed.
    listed: BTreeMap<String, Listed>,
    /// The commits of the tables, if they were fetched together.
    logs: BTreeMap<String, Bytes>,
}

impl Bucket {
    /// Prepares requests; the error is a message for the user.
    pub fn open(location: &Location, settings: &S3Settings) -> Result<Bucket, String> {
        Ok(Bucket { folder: ObjectFolder::open(location, settings)?, listed: BTreeMap::new(), logs: BTreeMap::new() })
    }

    /// The same bucket with the objects that are there now.
    pub fn listed(&self) -> Result<Bucket, String> {
        Ok(Bucket { folder: self.folder.clone(), listed: self.folder.list(TABLES)?, logs: BTreeMap::new() })
    }

    /// The same bucket with the commits of all tables in memory, for a command that reads all logs. Logs that are too
    /// large for that are read one by one.
    pub fn with_logs(&self) -> Result<Bucket, String> {
        let is_commit = |name: &str| name.ends_with(".json") && name.contains(IN_LOG);
        let commits = self.listed.iter().filter(|(name, _)| is_commit(name));
        let commits: Vec<(String, u64)> = commits.map(|(name, listed)| (name.clone(), listed.size)).collect();
        let size = commits.iter().fold(0u64, |sum, (_, size)| sum.saturating_add(*size));
        let logs = if size > MOST_IN_MEMORY { BTreeMap::new() } else { self.folder.read_all(commits)? };
        Ok(Bucket { logs, ..self.clone() })
    }

    /// The URL of the store.
    pub fn name(&self) -> String {
        self.folder.name()
    }

    /// The URL of the bucket, and a client for its keys.
    pub fn client(&self) -> (String, Arc<dyn ObjectStore>) {
        (self.folder.bucket_url(), self.folder.client())
    }

    /// A client that reaches only the objects of the store.
    pub fn confined(&self) -> Arc<dyn ObjectStore> {
        self.folder.confined()
    }

    /// The key of an object.
    pub fn key(&self, name: &str) -> Result<Path, String> {
        self.folder.key(name)
    }

    /// The requests to its objects.
    pub fn folder(&self) -> &ObjectFolder {
        &self.folder
    }

    /// Writes the object [`PROBE`].
    pub fn write_probe(&self) -> Result<(), String> {
        self.folder.replace(PROBE, Bytes::from_static(PROBE_TEXT))
    }

    /// The current time by the clock of the server, which also dates the objects, in microseconds since 1970 UTC: this
    /// machine's clock may be wrong.
    pub fn now(&self) -> Result<i64, String> {
        self.write_probe()?;
        self.folder.modified(PROBE)?.ok_or_else(|| format!("the object `{PROBE}` was deleted while this command was running"))
    }

    /// All objects of the tables.
    pub fn listing(&self) -> &BTreeMap<String, Listed> {
        &self.listed
    }

    /// The size of a listed object.
    pub fn size(&self, name: &str) -> Option<u64> {
        Some(self.listed.get(name)?.size)
    }

    /// Whether any object is below a name.
    pub fn has_folder(&self, name: &str) -> bool {
        self.below(name).next().is_some()
    }

    /// The names below a folder, relative to it, and their sizes.
    pub fn below(&self, folder: &str) -> impl Iterator<Item = (&str, u64)> {
        let start = format!("{folder}/");
        let listed = self.listed.range(start.clone()..);
        listed.map_while(move |(name, listed)| Some((name.strip_prefix(&start)?, listed.size)))
    }

    /// The names in a folder, and whether each is a folder.
    pub fn names(&self, folder: &str) -> Vec<(String, bool)> {
        let mut names: BTreeMap<&str, bool> = BTreeMap::new();
        for (name, _) in self.below(folder) {
            let (name, is_folder) = match name.split_once('/') {
                Some((folder, _)) => (folder, true),
                None => (name, false),
            };
            *names.entry(name).or_default() |= is_folder;
        }
        names.into_iter().map(|(name, is_folder)| (name.to_owned(), is_folder)).collect()
    }

    /// The bytes of an object that has at most this many; `None` if there is none. What was not listed is not requested.
    pub fn read(&self, name: &str, limit: u64) -> Result<Option<Bytes>, String> {
        if let Some(bytes) = self.logs.get(name).filter(|bytes| bytes.len() as u64 <= limit) {
            return Ok(Some(bytes.clone()));
        }
        let is_of_a_table = name.strip_prefix(TABLES).is_some_and(|rest| rest.starts_with('/'));
        if is_of_a_table && self.size(name).is_none() { Ok(None) } else { self.folder.read(name, limit) }
    }

    /// The bytes of a listed object; `None` if it was not listed.
    pub fn read_listed(&self, name: &str) -> Result<Option<Bytes>, String> {
        self.size(name).map(|size| self.folder.read_listed(name, size)).transpose()
    }
}
