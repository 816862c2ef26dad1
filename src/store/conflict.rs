//! Settles conflicts among the rows of a load: finds the records in conflict, and removes the rows of those that are not
//! kept. Only files of the load are rewritten, before they are committed.

use super::manifest::DataFile;
use super::read::{in_schema, ints, read_columns, texts};
use super::write::{LoadWriter, table_folder};
use super::{StoreError, StoreRoot, guard};
use crate::load::{Conflict, LoadError, Removal, RowsToRemove, Settled, TableConflicts, WrittenRow};
use crate::table::{FieldKind, Table};
use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use arrow::record_batch::RecordBatch;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Settles the conflicts of a load that wrote `written`; `stored` are the files of earlier loads. Replaces rewritten
/// files in `written`.
pub fn settle(
    root: &StoreRoot,
    conflicts: &[Conflict],
    stored: &BTreeMap<Table, Vec<DataFile>>,
    written: &mut BTreeMap<Table, Vec<DataFile>>,
    writer: &LoadWriter,
) -> Result<Vec<Settled>, StoreError> {
    let days: BTreeSet<_> = conflicts.iter().map(|conflict| (conflict.table, conflict.day)).collect();
    let mut settled = Vec::new();
    for (table, mut found) in TableConflicts::by_table(conflicts) {
        // A stored record is kept, so its rows come first.
        for files in [stored, &*written] {
            for file in files.get(&table).into_iter().flatten().filter(|file| days.contains(&(table, file.day))) {
                for batch in read_columns(root, table, file, &["id", "account", "version", "file", "record"])? {
                    see_rows(&batch, &mut found);
                }
            }
        }
        settled.extend(found.settled());
    }
    let remove = RowsToRemove::of(&settled);
    if !remove.is_empty() {
        for (table, files) in written.iter_mut() {
            // Only these files can have rows of the records: a main row has the day of its record.
            let is_derived = days.iter().any(|(record, _)| record != table && table.has_rows_of(*record));
            let can_have = |file: &DataFile| is_derived || days.contains(&(*table, file.day));
            if !["file", "record"].iter().all(|name| table.fields().iter().any(|field| field.name == *name)) {
                continue;
            }
            let mut coming = RowsToCome::default();
            let names_ids = table.fields().iter().any(|field| field.name == "record" && field.kind == FieldKind::Text);
            for file in files.iter().filter(|file| names_ids && can_have(file)) {
                read_columns(root, *table, file, DERIVED)?.iter().for_each(|batch| coming.count(batch, &remove));
            }
            for file in files.iter_mut().filter(|file| can_have(file)) {
                if let Some(fresh) = without(root, *table, file, (&remove, &mut coming), writer)? {
                    guard::remove(root, &table_folder(root, *table).join(&file.path))?;
                    *file = fresh;
                }
            }
            files_without_rows(root, *table, files)?;
        }
    }
    Ok(settled)
}

/// The columns that identify the rows to remove.
const DERIVED: &[&str] = &["id", "file", "record"];

/// Notes the main rows of a batch.
fn see_rows(batch: &RecordBatch, found: &mut TableConflicts) {
    let rows = texts(batch, "id").into_iter().zip(texts(batch, "account"));
    let rows = rows.zip(ints(batch, "version")).zip(texts(batch, "file").into_iter().zip(ints(batch, "record")));
    for (((id, account), version), (file, record)) in rows {
        if let (Some(id), Some(file), Some(record)) = (id, file, record) {
            found.see(WrittenRow { id, account, version, file, record });
        }
    }
}

/// The rows of which only the last one stays, in the order in which they were written: how many of each id are to come.
///
/// Rows of failures name the id of their record instead of its number. Of two records with one id in one file, the rows
/// that were written last stay.
#[derive(Debug, Default)]
struct RowsToCome(HashMap<String, usize>);

impl RowsToCome {
    /// Counts the rows of a batch.
    fn count(&mut self, batch: &RecordBatch, remove: &RowsToRemove) {
        if numbers_records(batch) {
            return;
        }
        let rows = texts(batch, "file").into_iter().zip(texts(batch, "record")).zip(texts(batch, "id"));
        for ((file, record), id) in rows {
            if remove.derived_from(file, record) == Removal::AllButLast {
                *self.0.entry(id.unwrap_or_default().to_owned()).or_default() += 1;
            }
        }
    }

    /// Whether the next row with this id is the last one.
    fn is_last(&mut self, id: Option<&str>) -> bool {
        let Some(rows) = self.0.get_mut(id.unwrap_or_default()) else { return true };
        *rows = rows.saturating_sub(1);
        *rows == 0
    }
}

/// Whether rows name their record by its number.
fn numbers_records(batch: &RecordBatch) -> bool {
    batch.column_by_name("record").is_some_and(|column| column.data_type().is_integer())
}

/// Which rows of a batch stay; `None` if all do.
fn kept_rows(batch: &RecordBatch, remove: &RowsToRemove, coming: &mut RowsToCome) -> Option<BooleanArray> {
    let files = texts(batch, "file").into_iter();
    let kept: Vec<bool> = if numbers_records(batch) {
        let rows = files.zip(ints(batch, "record")).zip(texts(batch, "id"));
        rows.map(|((file, record), id)| !remove.contains(file, record, id)).collect()
    } else {
        let rows = files.zip(texts(batch, "record")).zip(texts(batch, "id"));
        rows.map(|((file, record), id)| match remove.derived_from(file, record) {
            Removal::None => true,
            Removal::AllButLast => coming.is_last(id),
            Removal::All => false,
        })
        .collect()
    };
    (!kept.iter().all(|kept| *kept)).then(|| BooleanArray::from(kept))
}

/// Rewrites a file without some rows; `None` if it has none of these.
fn without(
    root: &StoreRoot,
    table: Table,
    file: &DataFile,
    (remove, coming): (&RowsToRemove, &mut RowsToCome),
    writer: &LoadWriter,
) -> Result<Option<DataFile>, StoreError> {
    let batches = read_columns(root, table, file, DERIVED)?;
    let kept: Vec<Option<BooleanArray>> = batches.iter().map(|batch| kept_rows(batch, remove, coming)).collect();
    if kept.iter().all(Option::is_none) {
        return Ok(None);
    }
    let columns: Vec<&str> = table.fields().iter().map(|field| field.name).collect();
    let mut fresh = writer.create(table, file.day)?;
    // Batches have the same rows, whichever columns are read.
    for (batch, kept) in read_columns(root, table, file, &columns)?.iter().zip(kept) {
        let batch = in_schema(table, batch)?;
        match kept {
            Some(kept) => fresh.append_rows(&filter_record_batch(&batch, &kept).map_err(LoadError::from)?)?,
            None => fresh.append_rows(&batch)?,
        }
    }
    Ok(Some(fresh.close()?))
}

/// Removes files that have no rows left.
fn files_without_rows(root: &StoreRoot, table: Table, files: &mut Vec<DataFile>) -> Result<(), StoreError> {
    for file in files.iter().filter(|file| file.rows == 0) {
        guard::remove(root, &table_folder(root, table).join(&file.path))?;
    }
    files.retain(|file| file.rows > 0);
    Ok(())
}

/// Settles the conflicts among rows in memory.
pub fn settle_in_memory(
    conflicts: &[Conflict],
    batches: &mut BTreeMap<Table, Vec<RecordBatch>>,
) -> Result<Vec<Settled>, LoadError> {
    let mut settled = Vec::new();
    for (table, mut found) in TableConflicts::by_table(conflicts) {
        batches.get(&table).into_iter().flatten().for_each(|batch| see_rows(batch, &mut found));
        settled.extend(found.settled());
    }
    let remove = RowsToRemove::of(&settled);
    if !remove.is_empty() {
        for batches in batches.values_mut() {
            let mut coming = RowsToCome::default();
            batches.iter().for_each(|batch| coming.count(batch, &remove));
            for batch in batches {
                if let Some(kept) = kept_rows(batch, &remove, &mut coming) {
                    *batch = filter_record_batch(batch, &kept)?;
                }
            }
        }
    }
    Ok(settled)
}
