//! The Delta log of each table: created, committed to, restored.

use super::StoreError;
use super::manifest::DataFile;
use super::write::{day_name, table_folder};
use crate::table::{FieldKind, Table};
use deltalake_core::DeltaTable;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TableReference};
use deltalake_core::kernel::{Action, Add, DataType, PrimitiveType, Remove, StructField};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use jiff::Timestamp;
use std::collections::HashMap;
use std::path::Path;

fn failed(table: Table) -> impl Fn(deltalake_core::DeltaTableError) -> StoreError {
    move |error| StoreError::Delta { table: table.name(), detail: error.to_string() }
}

/// Opens a table at its newest version, creating it where there is none.
pub async fn open_or_create(root: &Path, table: Table) -> Result<DeltaTable, StoreError> {
    let folder = table_folder(root, table);
    std::fs::create_dir_all(&folder).map_err(|error| StoreError::io(&folder, error))?;
    let folder = folder.canonicalize().map_err(|error| StoreError::io(&folder, error))?;
    let url = url::Url::from_directory_path(&folder).map_err(|()| StoreError::Delta {
        table: table.name(),
        detail: format!("`{}` cannot be written as a URL", folder.display()),
    })?;
    let delta = DeltaTable::try_from_url(url).await.map_err(failed(table))?;
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
    pub facts: Vec<(String, serde_json::Value)>,
}

impl<'a> Change<'a> {
    /// What a load adds; `now` in microseconds since 1970 UTC.
    pub fn of_load(files: &'a [DataFile], now: i64, facts: Vec<(String, serde_json::Value)>) -> Self {
        Change { add: files, remove: &[], data_change: true, at: now / 1000, facts }
    }
}

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

/// Brings a table back to the version that the manifest names, if a load died after committing to it.
pub async fn restore(root: &Path, table: Table, version: u64) -> Result<u64, StoreError> {
    let delta = open_or_create(root, table).await?;
    if delta.version().is_none_or(|newest| newest <= version) {
        return Ok(version);
    }
    let (restored, _) =
        delta.restore().with_version_to_restore(version).with_ignore_missing_files(true).await.map_err(failed(table))?;
    Ok(restored.version().unwrap_or(version))
}
