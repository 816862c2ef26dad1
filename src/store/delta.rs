//! The Delta log of each table: created, committed to, restored.

use super::StoreError;
use super::manifest::DataFile;
use super::write::{day_name, day_of_name, load_of, table_folder};
use crate::table::{FieldKind, Table};
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TableReference};
use deltalake_core::kernel::{Action, Add, DataType, PrimitiveType, Remove, StructField};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableBuilder};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// The folder of the log in that of its table.
pub const LOG: &str = "_delta_log";

fn failed(table: Table) -> impl Fn(deltalake_core::DeltaTableError) -> StoreError {
    move |error| StoreError::Delta { table: table.name(), detail: error.to_string() }
}

/// The URL of the folder of a table, which exists.
fn url_of(root: &Path, table: Table) -> Result<url::Url, StoreError> {
    let folder = table_folder(root, table);
    let folder = folder.canonicalize().map_err(|error| StoreError::io(&folder, error))?;
    url::Url::from_directory_path(&folder).map_err(|()| StoreError::Delta {
        table: table.name(),
        detail: format!("`{}` cannot be written as a URL", folder.display()),
    })
}

/// Opens a table at its newest version, creating it where there is none.
pub async fn open_or_create(root: &Path, table: Table) -> Result<DeltaTable, StoreError> {
    let folder = table_folder(root, table);
    std::fs::create_dir_all(&folder).map_err(|error| StoreError::io(&folder, error))?;
    let delta = DeltaTable::try_from_url(url_of(root, table)?).await.map_err(failed(table))?;
    if delta.version().is_some() {
        return Ok(delta);
    }
    let columns = table
        .fields()
        .iter()
        .map(|field| StructField::new(field.name, delta_type(field.kind), true))
        .chain([StructField::new("day", DataType::Primitive(PrimitiveType::Date), true)]);
    delta
        .create()
        .with_table_name(table.name())
        .with_columns(columns)
        .with_partition_columns(["day"])
        .await
        .map_err(failed(table))
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

/// What one commit changes.
#[derive(Debug, Default)]
pub struct Change<'a> {
    /// Files that join the table.
    pub add: &'a [DataFile],
    /// Files that leave it.
    pub remove: &'a [DataFile],
    /// Whether rows change; false for compaction.
    pub data_change: bool,
    /// When, in milliseconds since 1970 UTC.
    pub at: i64,
    /// Facts for the log.
    pub facts: Facts,
}

/// Facts that a commit is given.
pub type Facts = Vec<(String, serde_json::Value)>;

/// What a commit says of itself in the log: its `commitInfo`, with the facts that it was given.
pub type CommitInfo = serde_json::Map<String, serde_json::Value>;

/// Commits a change and gives the new version.
pub async fn commit(delta: &DeltaTable, table: Table, change: Change<'_>) -> Result<u64, StoreError> {
    let adds = change.add.iter().map(|file| Action::Add(add_action(file, &change)));
    let removes = change.remove.iter().map(|file| Action::Remove(remove_action(file, &change)));
    let actions: Vec<Action> = removes.chain(adds).collect();
    let state = delta.snapshot().map_err(failed(table))?;
    let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: Some(vec!["day".to_owned()]), predicate: None };
    let properties = CommitProperties::default().with_metadata(change.facts.clone());
    let done = CommitBuilder::from(properties)
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
    Add {
        path: file.path.clone(),
        partition_values: partition(file),
        size: i64::try_from(file.size).unwrap_or(i64::MAX),
        modification_time: change.at,
        data_change: change.data_change,
        stats: Some(stats.to_string()),
        tags: None,
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    }
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

/// Brings a table back to the version that the manifest names, if a load died after committing to it. Answers with the
/// version that holds these files from now on: Delta goes back by a new commit.
pub async fn restore(root: &Path, table: Table, version: u64) -> Result<u64, StoreError> {
    let delta = open_or_create(root, table).await?;
    let newest = delta.version().unwrap_or(0);
    if newest < version {
        let detail = format!("the log of table `{}` ends at version {newest}, and version {version} is needed", table.name());
        return Err(StoreError::Incomplete { root: root.to_path_buf(), detail });
    }
    if newest == version {
        return Ok(version);
    }
    let (restored, _) =
        delta.restore().with_version_to_restore(version).with_ignore_missing_files(true).await.map_err(failed(table))?;
    Ok(restored.version().unwrap_or(version))
}

/// The files of a table at a version of its log, oldest load first.
pub async fn files_at(root: &Path, table: Table, version: u64) -> Result<Vec<DataFile>, StoreError> {
    let builder = DeltaTableBuilder::from_url(url_of(root, table)?).map_err(failed(table))?;
    let delta = builder.with_version(version).load().await.map_err(failed(table))?;
    let state = delta.snapshot().map_err(failed(table))?;
    let mut files = Vec::new();
    for logged in state.log_data().iter() {
        let stats: Stats = logged.stats().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let path = logged.path().into_owned();
        let day = path.strip_prefix("day=").and_then(|rest| rest.split('/').next()).and_then(day_of_name);
        let (Some(day), Ok(size), Some(rows)) = (day, u64::try_from(logged.size()), stats.rows) else {
            let detail = format!("the log names `{path}`, which ecs-audit did not write");
            return Err(StoreError::Delta { table: table.name(), detail });
        };
        files.push(DataFile { path, day, size, rows, first: micros(stats.first), last: micros(stats.last) });
    }
    files.sort_by(|left, right| (load_of(&left.path), &left.path).cmp(&(load_of(&right.path), &right.path)));
    Ok(files)
}

/// The statistics of a file in the log, as [`add_action`] writes them.
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

/// What the newest commit with the fact `named` says of itself, and its version; nothing where no commit has it. The log
/// is read backwards, as far as its single commits reach.
pub fn newest_with(root: &Path, table: Table, named: &str) -> Result<Option<(u64, CommitInfo)>, StoreError> {
    let versions = versions(root, table)?;
    for version in versions.into_iter().rev() {
        let facts = facts_of(root, table, version)?;
        if facts.contains_key(named) {
            return Ok(Some((version, facts)));
        }
    }
    Ok(None)
}

/// The versions whose commits are still single files in the log.
pub fn versions(root: &Path, table: Table) -> Result<BTreeSet<u64>, StoreError> {
    let folder = table_folder(root, table).join(LOG);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(StoreError::io(&folder, error)),
    };
    let version = |entry: std::fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".json")?.parse().ok();
    Ok(entries.flatten().filter_map(version).collect())
}

/// What a commit says of itself.
pub fn facts_of(root: &Path, table: Table, version: u64) -> Result<CommitInfo, StoreError> {
    let path = table_folder(root, table).join(LOG).join(format!("{version:020}.json"));
    let text = std::fs::read(&path).map_err(|error| StoreError::io(&path, error))?;
    let actions = serde_json::Deserializer::from_slice(&text).into_iter::<serde_json::Map<String, serde_json::Value>>();
    for action in actions {
        let mut action = action.map_err(|error| StoreError::Damaged { path: path.clone(), detail: error.to_string() })?;
        if let Some(serde_json::Value::Object(facts)) = action.remove("commitInfo") {
            return Ok(facts);
        }
    }
    Ok(serde_json::Map::new())
}
