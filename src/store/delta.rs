//! The Delta log of each table: create, commit, restore.

use super::commit::durable;
use super::manifest::DataFile;
use super::write::{day_name, day_of_name, day_of_path, load_of, table_folder};
use super::{StoreError, StoreRoot, guard};
use crate::micros::MILLISECOND;
use crate::table::{FieldKind, Table};
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TableReference};
use deltalake_core::kernel::{Action, Add, DataType, PrimitiveType, Remove, StructField, StructType, Transaction};
use deltalake_core::logstore::{LogStore, LogStoreFactory, ObjectStoreRef, StorageConfig, default_logstore, logstore_factories};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaResult, DeltaTable, DeltaTableBuilder};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

/// The application id in the `txn` actions of our commits, which also carry the number of the change.
const APPLICATION: &str = "ecs-audit";

/// Table property that documents the encoding of originals.
const RAW_CONVENTION: &str =
    r#"in the column raw, "\u0001", "\u0002" and "\u0003" stand for the values of id, request_id and shared_event_id"#;

/// The log folder within a table folder.
pub const LOG: &str = "_delta_log";

fn failed(table: Table) -> impl Fn(deltalake_core::DeltaTableError) -> StoreError {
    move |error| StoreError::Delta { table: table.name(), detail: error.to_string() }
}

/// The tag of an added file with the BLAKE3 hash of its content.
const HASH: &str = "ecs-audit.blake3";

/// Prepares to open a table whose log is safe to read.
fn builder(root: &StoreRoot, table: Table) -> Result<DeltaTableBuilder, StoreError> {
    root.check_log(table)?;
    match root.delta_location(table)? {
        None => DeltaTableBuilder::from_url(url_of(root, table)?).map_err(failed(table)),
        Some((url, client)) => {
            know_buckets();
            let builder = DeltaTableBuilder::from_url(url.clone()).map_err(failed(table))?;
            Ok(builder.with_storage_backend(client, url))
        }
    }
}

/// Logs in buckets, which the Delta library reads like those in other places.
#[derive(Debug)]
struct LogsInBuckets;

impl LogStoreFactory for LogsInBuckets {
    fn with_options(
        &self,
        of_table: ObjectStoreRef,
        of_store: ObjectStoreRef,
        location: &url::Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        Ok(default_logstore(of_table, of_store, location, options))
    }
}

/// Lets the Delta library open tables in buckets with the client that it is given.
fn know_buckets() {
    static KNOWN: Once = Once::new();
    KNOWN.call_once(|| {
        if let Ok(scheme) = url::Url::parse("s3://") {
            logstore_factories().insert(scheme, Arc::new(LogsInBuckets));
        }
    });
}

/// The URL of an existing local table folder.
fn url_of(root: &Path, table: Table) -> Result<url::Url, StoreError> {
    let folder = table_folder(root, table);
    let folder = folder.canonicalize().map_err(|error| StoreError::io(&folder, error))?;
    url::Url::from_directory_path(&folder).map_err(|()| StoreError::Delta {
        table: table.name(),
        detail: format!("`{}` cannot be written as a URL", folder.display()),
    })
}

/// Opens a table at its newest version; creates it if it does not exist.
pub async fn open_or_create(root: &StoreRoot, table: Table) -> Result<DeltaTable, StoreError> {
    guard::make_folders(root, &table_folder(root, table).join(LOG))?;
    root.check_log(table)?;
    let delta = DeltaTable::try_from_url(url_of(root, table)?).await.map_err(failed(table))?;
    if delta.version().is_some() {
        return Ok(delta);
    }
    let columns = table
        .fields()
        .iter()
        .map(|field| StructField::new(field.name, delta_type(field.kind), true))
        .chain([StructField::new("day", DataType::Primitive(PrimitiveType::Date), true)]);
    let delta = delta
        .create()
        .with_table_name(table.name())
        .with_columns(columns)
        .with_partition_columns(["day"])
        .with_raise_if_key_not_exists(false)
        .with_configuration([("ecs-audit.raw", Some(RAW_CONVENTION))])
        .await
        .map_err(failed(table))?;
    guard::make_private(root, &commit_path(root, table, 0))?;
    Ok(delta)
}

/// Adds missing columns to the metadata of a table; returns the new version if there were any.
pub async fn evolve(root: &StoreRoot, table: Table, load: u64, facts: Facts) -> Result<Option<u64>, StoreError> {
    let delta = open_or_create(root, table).await?;
    let schema = delta.snapshot().map_err(failed(table))?.schema();
    let missing = table.fields().iter().filter(|field| schema.field(field.name).is_none());
    let missing: Vec<StructField> = missing.map(|field| StructField::new(field.name, delta_type(field.kind), true)).collect();
    if missing.is_empty() {
        return Ok(None);
    }
    let delta = delta.add_columns().with_fields(missing).with_commit_properties(properties(load, facts));
    Ok(delta.await.map_err(failed(table))?.version())
}

/// Marks a commit as ours.
fn properties(load: u64, facts: Facts) -> CommitProperties {
    let transaction = Transaction::new(APPLICATION, i64::try_from(load).unwrap_or(i64::MAX));
    CommitProperties::default().with_metadata(facts).with_application_transaction(transaction)
}

fn delta_type(kind: FieldKind) -> DataType {
    DataType::Primitive(match kind {
        FieldKind::Text => PrimitiveType::String,
        FieldKind::Int => PrimitiveType::Long,
        FieldKind::Float | FieldKind::Duration => PrimitiveType::Double,
        FieldKind::Bool => PrimitiveType::Boolean,
        FieldKind::Time => PrimitiveType::Timestamp,
    })
}

/// The content of a commit.
#[derive(Debug, Default)]
pub struct Change<'a> {
    /// Added files.
    pub add: &'a [DataFile],
    /// Removed files.
    pub remove: &'a [DataFile],
    /// Whether rows change; false for compaction.
    pub data_change: bool,
    /// Commit time, in milliseconds since 1970 UTC.
    pub at: i64,
    /// The number of the change, for the `txn` action.
    pub load: u64,
    /// Metadata for the log.
    pub facts: Facts,
}

/// Metadata of a commit.
pub type Facts = Vec<(String, serde_json::Value)>;

/// The `commitInfo` of a commit, including its metadata.
pub type CommitInfo = serde_json::Map<String, serde_json::Value>;

/// Commits a change and returns the new version.
pub async fn commit(delta: &DeltaTable, table: Table, change: Change<'_>) -> Result<u64, StoreError> {
    let adds = change.add.iter().map(|file| Action::Add(add_action(file, &change)));
    let removes = change.remove.iter().map(|file| Action::Remove(remove_action(file, &change)));
    let actions: Vec<Action> = removes.chain(adds).collect();
    let state = delta.snapshot().map_err(failed(table))?;
    let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: Some(vec!["day".to_owned()]), predicate: None };
    let done = CommitBuilder::from(properties(change.load, change.facts.clone()))
        .with_actions(actions)
        .build(Some(state as &dyn TableReference), delta.log_store(), operation)
        .await
        .map_err(failed(table))?;
    Ok(done.version())
}

fn partition(file: &DataFile) -> HashMap<String, Option<String>> {
    HashMap::from([("day".to_owned(), Some(day_name(file.day)))])
}

fn add_action(file: &DataFile, change: &Change<'_>) -> Add {
    Add {
        path: file.path.clone(),
        partition_values: partition(file),
        size: i64::try_from(file.size).unwrap_or(i64::MAX),
        modification_time: change.at,
        data_change: change.data_change,
        stats: Some(stats_of(file).to_string()),
        tags: file.hash.as_ref().map(|hash| HashMap::from([(HASH.to_owned(), Some(hash.clone()))])),
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    }
}

/// The statistics of a file, as written to the log.
fn stats_of(file: &DataFile) -> serde_json::Value {
    let time = |micros: Option<i64>| {
        micros
            .and_then(|micros| Timestamp::from_microsecond(micros).ok())
            .map(|time| serde_json::json!({"time": time.to_string()}))
    };
    let mut stats = serde_json::json!({"numRecords": file.rows});
    if let (Some(first), Some(last)) = (time(file.first), time(file.last)) {
        stats["minValues"] = first;
        stats["maxValues"] = last;
    }
    stats
}

fn remove_action(file: &DataFile, change: &Change<'_>) -> Remove {
    Remove {
        path: file.path.clone(),
        data_change: change.data_change,
        deletion_timestamp: Some(change.at),
        extended_file_metadata: Some(true),
        partition_values: Some(partition(file)),
        size: i64::try_from(file.size).ok(),
        tags: None,
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
    }
}

/// The files of a table at a version of its log, ordered by load.
pub async fn files_at(root: &StoreRoot, table: Table, version: u64) -> Result<Vec<DataFile>, StoreError> {
    let delta = builder(root, table)?.with_version(version).load().await.map_err(failed(table))?;
    let state = delta.snapshot().map_err(failed(table))?;
    let mut files = Vec::new();
    for logged in state.log_data().iter() {
        let path = logged.path().into_owned();
        let day = day_of_path(&path);
        let size = u64::try_from(logged.size()).unwrap_or(0);
        let stats = logged.stats().map(|stats| stats.to_string());
        // The only access to the tags of a file.
        #[allow(deprecated)]
        let hash = hash_of(logged.add_action().tags);
        files.push(data_file(root, table, &LoggedFile { path, day, size, stats, hash })?);
    }
    files.sort_by(|left, right| (load_of(&left.path), &left.path).cmp(&(load_of(&right.path), &right.path)));
    Ok(files)
}

fn hash_of(tags: Option<HashMap<String, Option<String>>>) -> Option<String> {
    tags?.remove(HASH)?
}

/// A file in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoggedFile {
    /// Path relative to the table folder.
    pub path: String,
    /// Its partition.
    pub day: Option<i32>,
    /// Bytes.
    pub size: u64,
    /// Statistics as JSON.
    pub stats: Option<String>,
    /// The hash of its content.
    pub hash: Option<String>,
}

impl From<&DataFile> for LoggedFile {
    fn from(file: &DataFile) -> LoggedFile {
        let stats = Some(stats_of(file).to_string());
        LoggedFile { path: file.path.clone(), day: Some(file.day), size: file.size, stats, hash: file.hash.clone() }
    }
}

/// A file of the log with its row count and time span, which are read from its footer if the log lacks them.
///
/// # Errors
/// When the file has no day, its path is outside the table folder, or its footer is needed but cannot be read.
pub fn data_file(root: &StoreRoot, table: Table, logged: &LoggedFile) -> Result<DataFile, StoreError> {
    let LoggedFile { path, day, size, stats, hash } = logged;
    let wrong = |detail: String| StoreError::Delta { table: table.name(), detail };
    let Some(day) = day.filter(|_| guard::is_data_path(path)) else {
        return Err(wrong(format!("the log names `{path}`, which is not in a day partition of the table")));
    };
    let stats: Stats = stats.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let (first, last) = (micros(stats.first), micros(stats.last));
    if let Some(rows) = stats.rows.filter(|rows| *rows == 0 || first.is_some() == last.is_some() && first.is_some()) {
        let file = DataFile { path: path.clone(), day, size: *size, rows, first, last, hash: hash.clone() };
        return file.check().map(|()| file).map_err(wrong);
    }
    let (rows, span) = super::read::rows_and_span(root, &table_folder(root, table).join(path))?;
    let file = DataFile { path: path.clone(), day, size: *size, rows, first: span.0, last: span.1, hash: hash.clone() };
    file.check().map(|()| file).map_err(wrong)
}

/// The statistics of a file, in the format of [`add_action`].
#[derive(Debug, Default, serde::Deserialize)]
struct Stats {
    #[serde(rename = "numRecords")]
    rows: Option<u64>,
    #[serde(rename = "minValues", default)]
    first: Times,
    #[serde(rename = "maxValues", default)]
    last: Times,
}

#[derive(Debug, Default, serde::Deserialize)]
struct Times {
    time: Option<String>,
}

fn micros(times: Times) -> Option<i64> {
    times.time.and_then(|time| time.parse::<Timestamp>().ok()).map(Timestamp::as_microsecond)
}

/// The `commitInfo` and version of the newest commit with metadata `named`; `None` if there is no such commit. The
/// log is read backwards as long as its commits are separate files.
pub fn newest_with(root: &StoreRoot, table: Table, named: &str) -> Result<Option<(u64, CommitInfo)>, StoreError> {
    let versions = versions(root, table)?;
    for version in versions.into_iter().rev() {
        let facts = read_commit(root, table, version)?.info;
        if facts.contains_key(named) {
            return Ok(Some((version, facts)));
        }
    }
    Ok(None)
}

/// The versions whose commits still exist as separate files.
pub fn versions(root: &StoreRoot, table: Table) -> Result<BTreeSet<u64>, StoreError> {
    let names = root.names(&table_folder(root, table).join(LOG))?;
    let version = |name: &str| name.strip_suffix(".json")?.parse().ok().filter(|version| *version <= guard::MOST);
    Ok(names.iter().filter_map(|(name, _)| version(name)).collect())
}

/// The temporary files in the log of a table: a commit is written as `NAME.json#NUMBER` and then renamed, by the client of
/// local files that this program and others use.
pub fn staged(root: &StoreRoot, table: Table) -> Result<Vec<PathBuf>, StoreError> {
    let log = table_folder(root, table).join(LOG);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_staged = |name: &str| {
        let commit = name.split_once('#').and_then(|(commit, number)| Some((commit.strip_suffix(".json")?, number)));
        commit.is_some_and(|(version, number)| is_number(version) && is_number(number))
    };
    let names = root.names(&log)?;
    Ok(names.iter().filter(|(name, is_folder)| !is_folder && is_staged(name)).map(|(name, _)| log.join(name)).collect())
}

/// Those of these data files that commits of a table removed, and when, in microseconds since 1970 UTC. The log is read
/// backwards, because files are removed soon after they were replaced.
pub fn removed(root: &StoreRoot, table: Table, files: &BTreeSet<&str>) -> Result<BTreeMap<String, i64>, StoreError> {
    let mut found = BTreeMap::new();
    for version in versions(root, table)?.into_iter().rev() {
        if found.len() == files.len() {
            break;
        }
        for (path, at) in read_commit(root, table, version)?.remove {
            if files.contains(path.as_str()) {
                // An earlier removal is of a file with the same name.
                found.entry(path).or_insert(at);
            }
        }
    }
    Ok(found)
}

/// The checksum of a commit; `None` if it no longer exists as a separate file.
pub fn seal(root: &StoreRoot, table: Table, version: u64) -> Result<Option<String>, StoreError> {
    /// Digits of the checksum: 128 bits.
    const DIGITS: usize = 32;
    let text = root.read(&commit_path(root, table, version), guard::MOST_TEXT)?;
    Ok(text.map(|text| blake3::hash(&text).to_hex().chars().take(DIGITS).collect()))
}

/// The file of a commit.
pub fn commit_path(root: &Path, table: Table, version: u64) -> PathBuf {
    table_folder(root, table).join(LOG).join(format!("{version:020}.json"))
}

/// Whether the commit of a version still exists as a separate file.
pub fn has_commit(root: &StoreRoot, table: Table, version: u64) -> bool {
    root.has_file(&commit_path(root, table, version))
}

/// The newest version of a table with a log.
pub fn newest(root: &StoreRoot, table: Table) -> Result<u64, StoreError> {
    Ok(versions(root, table)?.last().copied().unwrap_or(0))
}

/// Whether the log continues after this version, without listing the folder.
pub fn goes_on_after(root: &StoreRoot, table: Table, version: u64) -> bool {
    #[derive(serde::Deserialize)]
    struct Checkpoint {
        version: u64,
    }
    if has_commit(root, table, version + 1) {
        return true;
    }
    if !root.is_folder() {
        // All names are known, so no request is needed.
        const DIGITS: usize = 20;
        let version_of = |name: &str| name.get(..DIGITS)?.parse::<u64>().ok();
        let names = root.names(&table_folder(root, table).join(LOG)).unwrap_or_default();
        return names.iter().filter_map(|(name, _)| version_of(name)).any(|newest| newest > version);
    }
    // Commits may have been deleted after a checkpoint.
    const MOST_CHECKPOINT: u64 = 1 << 20;
    let checkpoint = root.read(&last_checkpoint(root, table), MOST_CHECKPOINT).ok().flatten();
    let checkpoint = checkpoint.and_then(|text| serde_json::from_slice::<Checkpoint>(&text).ok());
    checkpoint.is_some_and(|checkpoint| checkpoint.version > version)
}

/// The hint of the Delta library to the newest checkpoint.
fn last_checkpoint(root: &Path, table: Table) -> PathBuf {
    table_folder(root, table).join(LOG).join("_last_checkpoint")
}

/// Syncs a commit and its folder to disk. Only the owner can read it.
pub fn sync_commit(root: &Path, table: Table, version: u64) -> Result<(), StoreError> {
    let path = commit_path(root, table, version);
    for made in [path.clone(), path.with_extension("checkpoint.parquet"), last_checkpoint(root, table)] {
        guard::make_private(root, &made)?;
    }
    durable(&path)?;
    path.parent().map_or(Ok(()), durable)
}

/// A commit as seen by a program that did not make it.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// The version it created.
    pub version: u64,
    /// Its `commitInfo`.
    pub info: CommitInfo,
    /// Its operation, such as `WRITE` or `DELETE`.
    pub operation: String,
    /// Whether its `txn` action carries our application id.
    pub has_our_id: bool,
    /// Whether it changes rows.
    pub data_change: bool,
    /// Added files.
    pub add: Vec<LoggedFile>,
    /// Removed files, and when, in microseconds since 1970 UTC; 0 if it does not say.
    pub remove: BTreeMap<String, i64>,
    /// The new table metadata.
    pub metadata: Option<LoggedMetadata>,
    /// Table features that readers must support.
    pub reader_features: Vec<String>,
    /// Whether it deletes rows with deletion vectors.
    pub has_deletion_vectors: bool,
}

/// The table metadata in a commit.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedMetadata {
    schema_string: String,
    #[serde(default)]
    partition_columns: Vec<String>,
    #[serde(default)]
    configuration: HashMap<String, Option<String>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LoggedProtocol {
    reader_features: Vec<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoggedTransaction {
    app_id: String,
}

/// One action of a commit.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LoggedAction {
    add: Option<Add>,
    remove: Option<Remove>,
    meta_data: Option<LoggedMetadata>,
    protocol: Option<LoggedProtocol>,
    txn: Option<LoggedTransaction>,
    commit_info: Option<CommitInfo>,
}

/// Table features that do not affect how data files are read.
const HARMLESS_FEATURES: [&str; 3] = ["timestampNtz", "vacuumProtocolCheck", "deletionVectors"];

impl Commit {
    /// An empty commit with this version.
    pub fn at(version: u64) -> Commit {
        Commit { version, ..Commit::default() }
    }

    /// Whether ecs-audit can use the table after this commit.
    ///
    /// # Errors
    /// With the unsupported feature.
    pub fn usable(&self, table: Table) -> Result<(), String> {
        if self.has_deletion_vectors {
            return Err("it deletes rows with deletion vectors, which ecs-audit does not support; rewrite the files \
                        (`REORG TABLE ... APPLY (PURGE)`)"
                .to_owned());
        }
        if let Some(feature) = self.reader_features.iter().find(|feature| !HARMLESS_FEATURES.contains(&feature.as_str())) {
            return Err(format!("it enables the table feature `{feature}`, which ecs-audit does not support"));
        }
        let Some(metadata) = &self.metadata else { return Ok(()) };
        let mapping = metadata.configuration.get("delta.columnMapping.mode").cloned().flatten();
        if mapping.is_some_and(|mode| mode != "none") {
            return Err("it enables column mapping, which ecs-audit does not support".to_owned());
        }
        if metadata.partition_columns != ["day"] {
            return Err("the table is no longer partitioned by `day`".to_owned());
        }
        let schema: StructType = serde_json::from_str(&metadata.schema_string)
            .map_err(|error| format!("the schema of the table cannot be read: {error}"))?;
        for field in table.fields() {
            // A column of a newer release may not have been added yet.
            let Some(found) = schema.field(field.name) else { continue };
            if *found.data_type() != delta_type(field.kind) {
                return Err(format!("column `{}` now has a different type: {}", field.name, found.data_type()));
            }
        }
        Ok(())
    }
}

/// Reads a commit of a table's log.
///
/// # Errors
/// When it is missing or is not a Delta commit.
pub fn read_commit(root: &StoreRoot, table: Table, version: u64) -> Result<Commit, StoreError> {
    let path = commit_path(root, table, version);
    let missing = || StoreError::io(&path, std::io::Error::from(std::io::ErrorKind::NotFound));
    let text = root.read(&path, guard::MOST_TEXT)?.ok_or_else(missing)?;
    let mut commit = Commit::at(version);
    for action in serde_json::Deserializer::from_slice(&text).into_iter::<LoggedAction>() {
        let action = action.map_err(|error| StoreError::Damaged { path: path.clone(), detail: error.to_string() })?;
        if let Some(add) = action.add {
            commit.data_change |= add.data_change;
            commit.has_deletion_vectors |= add.deletion_vector.is_some();
            let day = add.partition_values.get("day").and_then(|day| day_of_name(day.as_deref()?));
            let size = u64::try_from(add.size).unwrap_or(0);
            commit.add.push(LoggedFile { path: add.path, day, size, stats: add.stats, hash: hash_of(add.tags) });
        }
        if let Some(remove) = action.remove {
            commit.data_change |= remove.data_change;
            commit.remove.insert(remove.path, remove.deletion_timestamp.unwrap_or(0).saturating_mul(MILLISECOND));
        }
        if let Some(info) = action.commit_info {
            commit.operation = info.get("operation").and_then(serde_json::Value::as_str).unwrap_or("unknown").to_owned();
            commit.info = info;
        }
        commit.has_our_id |= action.txn.is_some_and(|txn| txn.app_id == APPLICATION);
        commit.metadata = action.meta_data.or(commit.metadata);
        commit.reader_features.extend(action.protocol.unwrap_or_default().reader_features);
    }
    // The time of a removal is optional. Without it, readers may still use the file for as long as after the commit.
    let at = commit.info.get("timestamp").and_then(serde_json::Value::as_i64).unwrap_or_default().saturating_mul(MILLISECOND);
    commit.remove.values_mut().filter(|removed| **removed == 0).for_each(|removed| *removed = at);
    Ok(commit)
}
