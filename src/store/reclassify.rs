//! Applies the current failure catalog to old rows, using the stored originals.
//!
//! Rewrites the tables whose columns depend on the catalog. Each record is modeled by the same code that loads it, so
//! the rows equal those of a fresh load. Records without an original are left unchanged. The manifest is replaced
//! last, so readers never see an intermediate state and an interruption changes nothing.

use super::commit::{Purpose, TableChange, commit, recover};
use super::maintain::written;
use super::manifest::{DataFile, Manifest};
use super::read::{in_schema, ints, read_columns, texts};
use super::reconcile::Unfinished;
use super::write::LoadWriter;
use super::{Store, StoreError, StoreRoot, WriteOptions, lock, runtime};
use crate::load::{Deduplicator, LoadError, OriginalRecord, Worker, catalog_version, remodel};
use crate::table::{ID_PLACEHOLDERS, Table, TableSet, restore};
use arrow::array::BooleanArray;
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::record_batch::RecordBatch;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The tables with columns that depend on the catalog.
const TARGETS: [Table; 4] = [Table::Failures, Table::TaskEvents, Table::ServiceEvents, Table::JobSubmissions];
/// The tables whose records are modeled again.
const SOURCES: [Table; 7] = [
    Table::Calls,
    Table::TaskEvents,
    Table::InstanceEvents,
    Table::ServiceEvents,
    Table::RunRecords,
    Table::RunEvents,
    Table::JobSubmissions,
];

/// The result of reclassification.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reclassified {
    /// Whether nothing had to be done.
    pub was_current: bool,
    /// Records modeled again.
    pub records: u64,
    /// Records without an original, which are left unchanged.
    pub kept: u64,
    /// Failures before.
    pub failures_before: u64,
    /// Failures after, as rows.
    pub failures_after: u64,
}

impl Store {
    /// Applies the current catalog to the rows of a store.
    pub fn reclassify(root: impl Into<StoreRoot>, options: WriteOptions, waiting: &dyn Fn()) -> Result<Reclassified, StoreError> {
        root.into().change(options, waiting, |root| Store::reclassify_in_folder(root, options, waiting))
    }

    fn reclassify_in_folder(root: &StoreRoot, options: WriteOptions, waiting: &dyn Fn()) -> Result<Reclassified, StoreError> {
        let lock = lock::take(root, options.patience, waiting)?;
        let runtime = runtime(root)?;
        let mut manifest = written(root, runtime.block_on(recover(root, &lock, Unfinished::Refuse, options.now))?)?;
        let version = catalog_version();
        let rows = |manifest: &Manifest| manifest.files(Table::Failures).iter().map(|file| file.rows).sum::<u64>();
        let before = rows(&manifest);
        let known: u64 = manifest.catalogs.values().sum();
        if manifest.classified_by_others(&version) == 0 && (known > 0 || manifest.loads == 0) {
            let same = Reclassified { was_current: true, failures_before: before, failures_after: before, ..Default::default() };
            return Ok(same);
        }
        manifest.loads += 1;
        let writer = LoadWriter::new(root, manifest.loads);
        let kept = model_all(root, &manifest, &writer)?;
        keep_old(root, &manifest, &kept.without_original, &writer)?;
        let mut added = writer.finish()?;
        let mut changes = BTreeMap::new();
        for table in TARGETS {
            let change = TableChange { add: added.remove(&table).unwrap_or_default(), remove: manifest.files(table).to_vec() };
            if !change.add.is_empty() || !change.remove.is_empty() {
                changes.insert(table, change);
            }
        }
        manifest.catalogs = [(version.clone(), known.max(kept.records))].into();
        let purpose = Purpose::Reclassification(version);
        runtime.block_on(commit(root, &mut manifest, changes, &purpose, options.now))?;
        Ok(Reclassified {
            was_current: false,
            records: kept.records,
            kept: kept.without_original.len() as u64,
            failures_before: before,
            failures_after: rows(&manifest),
        })
    }
}

/// The outcome for the records.
#[derive(Debug, Default)]
struct Done {
    records: u64,
    /// Ids of records without an original.
    without_original: BTreeSet<(Table, String)>,
}

impl Done {
    fn join(mut self, other: Done) -> Done {
        self.records += other.records;
        self.without_original.extend(other.without_original);
        self
    }
}

/// Models all records again, file by file.
fn model_all(root: &StoreRoot, manifest: &Manifest, writer: &LoadWriter) -> Result<Done, StoreError> {
    let dedup = Deduplicator::new(None);
    let tables = TableSet::of(&TARGETS);
    let files: Vec<(Table, &DataFile)> =
        SOURCES.iter().flat_map(|table| manifest.files(*table).iter().map(move |file| (*table, file))).collect();
    files
        .into_par_iter()
        .with_max_len(1)
        .map(|(table, file)| {
            let mut worker = Worker::new(&dedup, writer, tables);
            let mut done = Done::default();
            for batch in read_columns(root, table, file, &columns_of(table))? {
                model_batch(&mut worker, table, &batch, &mut done)?;
            }
            for ((table, day), batch) in worker.finish() {
                writer.write(table, day, batch)?;
            }
            Ok(done)
        })
        .try_reduce(Done::default, |left, right| Ok(left.join(right)))
}

/// The columns needed to model a record again.
fn columns_of(table: Table) -> Vec<&'static str> {
    let mut columns = vec!["id", "source", "file", "record", "raw"];
    match table {
        Table::Calls => columns.extend(["failed", "request_id", "shared_event_id"]),
        Table::InstanceEvents => columns.push("agent_update_status"),
        Table::ServiceEvents => columns.extend(["kind", "cluster", "cluster_arn", "service", "service_arn"]),
        Table::RunEvents => columns.push("reason"),
        Table::JobSubmissions => columns.push("run_record"),
        _ => {}
    }
    columns
}

fn model_batch<'r>(worker: &mut Worker<'_>, table: Table, batch: &'r RecordBatch, done: &mut Done) -> Result<(), StoreError> {
    let text = |name: &str| texts(batch, name);
    let (ids, sources, files, raws, records) = (text("id"), text("source"), text("file"), text("raw"), ints(batch, "record"));
    let concerned = concerned(table, batch);
    let kinds = text("kind");
    let stood_for = ID_PLACEHOLDERS.map(|(_, id)| text(id));
    for row in (0..batch.num_rows()).filter(|row| concerned.get(*row) == Some(&true)) {
        let of = |column: &[Option<&'_ str>]| column.get(row).copied().flatten().map(str::to_owned);
        let service = (table == Table::ServiceEvents).then(|| service_of(batch, row));
        let at = |column: &Vec<Option<&'r str>>| column.get(row).copied().flatten();
        let raw = at(&raws).map(|raw| restore(raw, stood_for.each_ref().map(at)));
        let (source, file) = (of(&sources).unwrap_or_default(), of(&files).unwrap_or_default());
        let again = match raw {
            None => false,
            Some(raw) => {
                let stored = OriginalRecord {
                    table,
                    raw: &raw,
                    source: &source,
                    file: &file,
                    record: records.get(row).copied().flatten().unwrap_or_default(),
                    service: service.as_deref(),
                    is_deployment: of(&kinds).as_deref() == Some("deployment"),
                };
                remodel(worker, stored)?
            }
        };
        if again {
            done.records += 1;
        } else {
            done.without_original.insert((table, of(&ids).unwrap_or_default()));
        }
    }
    Ok(())
}

/// Selects the rows that the catalog can affect.
fn concerned(table: Table, batch: &RecordBatch) -> Vec<bool> {
    match table {
        // A call that succeeded completely is not a failure in any catalog.
        Table::Calls => ints(batch, "failed").into_iter().map(|failed| failed == Some(1)).collect(),
        Table::InstanceEvents => texts(batch, "agent_update_status").into_iter().map(|status| status == Some("FAILED")).collect(),
        // Only the final state of a job or run has a reason.
        Table::RunEvents => texts(batch, "reason").into_iter().map(|reason| reason.is_some()).collect(),
        // Submissions within a run are modeled with the run.
        Table::JobSubmissions => texts(batch, "run_record").into_iter().map(|run| run.is_none()).collect(),
        _ => vec![true; batch.num_rows()],
    }
}

/// The service that contained an element of `describe-services`, as far as its row preserves it.
fn service_of(batch: &RecordBatch, row: usize) -> String {
    let text = |name: &str| texts(batch, name).get(row).copied().flatten().map(str::to_owned);
    let mut service = serde_json::Map::new();
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            service.insert(key.to_owned(), serde_json::Value::from(value));
        }
    };
    put("serviceArn", text("service_arn"));
    put("serviceName", text("service"));
    put("clusterArn", text("cluster_arn").or_else(|| text("cluster")));
    serde_json::Value::Object(service).to_string()
}

/// Copies the rows of records without an original.
fn keep_old(
    root: &StoreRoot,
    manifest: &Manifest,
    without: &BTreeSet<(Table, String)>,
    writer: &LoadWriter,
) -> Result<(), StoreError> {
    if without.is_empty() {
        return Ok(());
    }
    for table in TARGETS {
        let names: Vec<&str> = table.fields().iter().map(|field| field.name).collect();
        for file in manifest.files(table) {
            let mut batches = Vec::new();
            for batch in read_columns(root, table, file, &names)? {
                let wanted = BooleanArray::from(stays(table, &batch, without));
                let batch = filter_record_batch(&in_schema(table, &batch)?, &wanted).map_err(LoadError::from)?;
                batches.push(batch);
            }
            let whole = concat_batches(&table.schema(), &batches).map_err(LoadError::from)?;
            writer.write_rows(table, file.day, &whole)?;
        }
    }
    Ok(())
}

/// Selects the rows of records without an original.
fn stays(table: Table, batch: &RecordBatch, without: &BTreeSet<(Table, String)>) -> Vec<bool> {
    let known = |table: Table, id: Option<&str>| id.is_some_and(|id| without.contains(&(table, id.to_owned())));
    let text = |name: &str| texts(batch, name);
    let rows = 0..batch.num_rows();
    match table {
        Table::Failures => {
            let (records, submissions, runs) = (text("record"), text("submission"), text("run_id"));
            let alone: BTreeSet<&str> = without
                .iter()
                .filter(|(table, _)| *table == Table::JobSubmissions)
                .filter_map(|(_, id)| id.split('@').next())
                .collect();
            rows.map(|row| {
                let of = |column: &[Option<&'_ str>]| column.get(row).copied().flatten().map(str::to_owned);
                let record = of(&records);
                let is_alone = of(&runs).is_none() && of(&submissions).is_some_and(|id| alone.contains(id.as_str()));
                is_alone || SOURCES.iter().any(|source| known(*source, record.as_deref()))
            })
            .collect()
        }
        Table::JobSubmissions => {
            let (ids, runs) = (text("id"), text("run_record"));
            rows.map(|row| {
                let of = |column: &[Option<&'_ str>]| column.get(row).copied().flatten().map(str::to_owned);
                let run = of(&runs);
                known(Table::RunRecords, run.as_deref()) || (run.is_none() && known(table, of(&ids).as_deref()))
            })
            .collect()
        }
        _ => text("id").into_iter().map(|id| known(table, id)).collect(),
    }
}
