//! Settles conflicts among the rows of a load: finds the records in conflict, and removes the rows of those that are not
//! kept. Only files of the load are rewritten, before they are committed.

use super::manifest::DataFile;
use super::read::{in_schema, ints, read_columns, texts};
use super::write::{LoadWriter, table_folder};
use super::{StoreError, StoreRoot, guard};
use crate::load::{Conflict, LoadError, Removal, RowsToRemove, Settled, TableConflicts, WrittenRow};
use crate::table::Table;
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
            for file in files.iter_mut() {
                if let Some(fresh) = without(root, *table, file, &remove, writer)? {
                    guard::remove(root, &table_folder(root, *table).join(&file.path))?;
                    *file = fresh;
                }
            }
            files_without_rows(root, *table, files)?;
        }
    }
    Ok(settled)
}

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

/// Which rows of a batch stay; `None` if all do.
///
/// Rows of failures name the id of their record instead of its number. Of two records with one id in one file, the rows
/// that were written last stay.
fn kept_rows(batch: &RecordBatch, remove: &RowsToRemove) -> Option<BooleanArray> {
    let numbers = batch.column_by_name("record").is_some_and(|column| column.data_type().is_integer());
    let files = texts(batch, "file").into_iter();
    let kept: Vec<bool> = if numbers {
        let rows = files.zip(ints(batch, "record")).zip(texts(batch, "id"));
        rows.map(|((file, record), id)| !remove.contains(file, record, id)).collect()
    } else {
        let ids = texts(batch, "id");
        let last: HashMap<Option<&str>, usize> = ids.iter().copied().zip(0..).collect();
        let rows = files.zip(texts(batch, "record")).zip(ids.iter().copied()).enumerate();
        rows.map(|(place, ((file, record), id))| match remove.derived_from(file, record) {
            Removal::None => true,
            Removal::AllButLast => last.get(&id) == Some(&place),
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
    remove: &RowsToRemove,
    writer: &LoadWriter,
) -> Result<Option<DataFile>, StoreError> {
    if !["file", "record"].iter().all(|name| table.fields().iter().any(|field| field.name == *name)) {
        return Ok(None);
    }
    if read_columns(root, table, file, &["id", "file", "record"])?.iter().all(|batch| kept_rows(batch, remove).is_none()) {
        return Ok(None);
    }
    let columns: Vec<&str> = table.fields().iter().map(|field| field.name).collect();
    let mut fresh = writer.create(table, file.day)?;
    for batch in read_columns(root, table, file, &columns)? {
        let batch = in_schema(table, &batch)?;
        match kept_rows(&batch, remove) {
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
        for batch in batches.values_mut().flatten() {
            if let Some(kept) = kept_rows(batch, &remove) {
                *batch = filter_record_batch(batch, &kept)?;
            }
        }
    }
    Ok(settled)
}
