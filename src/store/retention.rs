//! `store drop`: removes old records from the store and prevents loading them again.

use super::commit::{Purpose, TableChange, commit, recover};
use super::maintain::written;
use super::manifest::{DataFile, Manifest};
use super::read::{in_schema, ints, read_columns, texts};
use super::reconcile::Unfinished;
use super::removed::rule_row;
use super::write::LoadWriter;
use super::{Store, StoreError, StoreRoot, WriteOptions, lock, runtime};
use crate::load::{LoadError, RemovalRule, day_of};
use crate::table::{Columns, Table};
use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use arrow::record_batch::RecordBatch;
use std::collections::BTreeMap;

/// The effect of a rule on one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// The table.
    pub table: Table,
    /// Removed rows.
    pub rows: u64,
    /// Files that are removed entirely.
    pub files: u64,
    /// Files that are rewritten without the removed rows.
    pub rewritten: u64,
    /// Size of the removed and rewritten files, in bytes.
    pub bytes: u64,
}

/// The effect of a rule on one file.
enum Fate {
    Stays,
    Leaves,
    /// This many rows are removed.
    Shrinks(u64),
}

impl Store {
    /// Previews the effect of a rule.
    pub fn drop_preview(&self, rule: &RemovalRule) -> Result<Vec<Dropped>, StoreError> {
        let mut dropped = Vec::new();
        for table in tables(rule) {
            dropped.extend(count(&fates(&self.root, &self.manifest, table, rule)?, table));
        }
        Ok(dropped)
    }

    /// Removes the matching records and stores the rule.
    pub fn drop_rows(
        root: impl Into<StoreRoot>,
        rule: &RemovalRule,
        options: WriteOptions,
        waiting: &dyn Fn(),
    ) -> Result<Vec<Dropped>, StoreError> {
        root.into().change(options, waiting, |root| Store::drop_rows_in_folder(root, rule, options, waiting))
    }

    fn drop_rows_in_folder(
        root: &StoreRoot,
        rule: &RemovalRule,
        options: WriteOptions,
        waiting: &dyn Fn(),
    ) -> Result<Vec<Dropped>, StoreError> {
        let lock = lock::take(root, options.patience, waiting)?;
        let runtime = runtime(root)?;
        let mut manifest = written(root, runtime.block_on(recover(root, &lock, Unfinished::Refuse, options.now))?)?;
        manifest.loads += 1;
        let writer = LoadWriter::new(root, manifest.loads);
        let mut changes: BTreeMap<Table, TableChange> = BTreeMap::new();
        let mut dropped = Vec::new();
        for table in tables(rule) {
            let fates = fates(root, &manifest, table, rule)?;
            dropped.extend(count(&fates, table));
            for (file, fate) in fates {
                match fate {
                    Fate::Stays => continue,
                    Fate::Leaves => {}
                    Fate::Shrinks(_) => keep_others(root, table, &file, rule, &writer)?,
                }
                changes.entry(table).or_default().remove.push(file);
            }
        }
        let mut columns = Columns::new(Table::Removed);
        columns.push(&rule_row(rule, manifest.loads, options.now));
        writer.write(Table::Removed, day_of(options.now), columns)?;
        for (table, add) in writer.finish()? {
            changes.entry(table).or_default().add = add;
        }
        runtime.block_on(commit(root, &mut manifest, changes, &Purpose::Retention, options.now))?;
        Ok(dropped)
    }
}

/// The tables affected by the rule.
fn tables(rule: &RemovalRule) -> impl Iterator<Item = Table> + '_ {
    let has = |table: &Table, name: &str| table.fields().iter().any(|field| field.name == name);
    Table::ALL
        .iter()
        .copied()
        .filter(move |table| rule.table.map_or(table.holds_events(), |only| only == *table))
        .filter(move |table| rule.account.is_none() || has(table, "account"))
}

fn count(fates: &[(DataFile, Fate)], table: Table) -> Option<Dropped> {
    let mut dropped = Dropped { table, rows: 0, files: 0, rewritten: 0, bytes: 0 };
    for (file, fate) in fates {
        match fate {
            Fate::Stays => continue,
            Fate::Leaves => {
                dropped.files += 1;
                dropped.rows += file.rows;
            }
            Fate::Shrinks(rows) => {
                dropped.rewritten += 1;
                dropped.rows += rows;
            }
        }
        dropped.bytes += file.size;
    }
    (dropped.rows > 0).then_some(dropped)
}

fn fates(root: &StoreRoot, manifest: &Manifest, table: Table, rule: &RemovalRule) -> Result<Vec<(DataFile, Fate)>, StoreError> {
    let mut fates = Vec::new();
    for file in manifest.files(table) {
        let fate = if file.first.is_none_or(|first| first >= rule.before) {
            Fate::Stays
        } else if rule.account.is_none() && file.latest_possible().is_some_and(|last| last < rule.before) {
            Fate::Leaves
        } else {
            let covered = read_columns(root, table, file, &["time", "account"])?;
            match covered
                .iter()
                .map(|batch| covered_rows(table, batch, rule).iter().filter(|covered| **covered).count() as u64)
                .sum()
            {
                0 => Fate::Stays,
                rows if rows == file.rows => Fate::Leaves,
                rows => Fate::Shrinks(rows),
            }
        };
        fates.push((file.clone(), fate));
    }
    Ok(fates)
}

/// Selects the rows of a batch that match a rule.
fn covered_rows(table: Table, batch: &RecordBatch, rule: &RemovalRule) -> Vec<bool> {
    let rows = ints(batch, "time").into_iter().zip(texts(batch, "account"));
    rows.map(|(time, account)| time.is_some_and(|time| rule.covers(table, account, time))).collect()
}

/// Rewrites a file without the rows that match a rule.
fn keep_others(
    root: &StoreRoot,
    table: Table,
    file: &DataFile,
    rule: &RemovalRule,
    writer: &LoadWriter,
) -> Result<(), StoreError> {
    let columns: Vec<&str> = table.fields().iter().map(|field| field.name).collect();
    for batch in read_columns(root, table, file, &columns)? {
        let keep: BooleanArray = covered_rows(table, &batch, rule).into_iter().map(|covered| Some(!covered)).collect();
        let rows = filter_record_batch(&in_schema(table, &batch)?, &keep).map_err(LoadError::from)?;
        writer.write_rows(table, file.day, &rows)?;
    }
    Ok(())
}
