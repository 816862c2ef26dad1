//! The tables of a one-shot query, in memory only.
//!
//! Only the columns that the query reads are kept. Conflicting records are found by their ids, which queries rarely read:
//! a load that meets a conflict without them is repeated with them, unless the query reads no rows of such records.

use super::StoreError;
use super::conflict::settle_in_memory;
use super::ledger::ledger_columns;
use crate::load::{Conflict, Day, Difference, FileReport, LoadError, RowSink, Settled};
use crate::table::{ColumnSet, Columns, Projection, Table, TableSet};
use arrow::record_batch::RecordBatch;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The columns by which records in conflict are found.
const IDENTITY: &[&str] = &["id", "account", "version", "file", "record"];

/// Rows by table.
#[derive(Debug)]
pub struct MemorySink {
    /// The columns that are returned.
    wanted: Projection,
    /// The columns that are collected.
    collected: Projection,
    batches: Mutex<BTreeMap<Table, Vec<RecordBatch>>>,
    span: Mutex<Option<(i64, i64)>>,
    /// Whether a conflict could not be settled.
    is_unsettled: AtomicBool,
    /// The number of records that are counted as loaded, although a conflict replaced them.
    replaced: AtomicU64,
}

impl Default for MemorySink {
    /// A sink that keeps all columns of all tables.
    fn default() -> Self {
        MemorySink::of(Projection::from(TableSet::ALL))
    }
}

impl RowSink for MemorySink {
    fn put(&self, table: Table, _day: Day, columns: Columns) -> Result<(), String> {
        if columns.rows() > 0 {
            let rows = columns.into_rows().map_err(|error| error.to_string())?;
            self.batches.lock().unwrap_or_else(PoisonError::into_inner).entry(table).or_default().push(rows);
        }
        Ok(())
    }

    fn columns(&self, table: Table) -> Columns {
        Columns::of(table, self.collected.of(table).unwrap_or(ColumnSet::NONE))
    }

    fn span(&self, first: i64, last: i64) {
        let mut span = self.span.lock().unwrap_or_else(PoisonError::into_inner);
        *span = Some(span.map_or((first, last), |(oldest, newest)| (oldest.min(first), newest.max(last))));
    }

    fn settle(&self, conflicts: &[Conflict]) -> Result<Vec<Settled>, String> {
        let (read, unread): (Vec<Conflict>, Vec<Conflict>) =
            conflicts.iter().cloned().partition(|conflict| self.reads_rows_of(conflict.table));
        if !self.has_identities(&read) {
            self.is_unsettled.store(true, Ordering::Relaxed);
            return Ok(Vec::new());
        }
        // The record that was kept until then was counted as loaded. A reduced copy may be: nothing is lost with it.
        let is_replaced = |conflict: &&Conflict| conflict.is_kept && conflict.difference == Difference::Content;
        let replaced = unread.iter().filter(is_replaced).count() as u64;
        self.replaced.store(replaced, Ordering::Relaxed);
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        settle_in_memory(&read, &mut batches).map_err(|error| error.to_string())
    }
}

/// The data of a one-shot query.
#[derive(Debug)]
pub struct MemoryTables {
    /// Rows by table.
    pub batches: BTreeMap<Table, Vec<RecordBatch>>,
    /// Oldest event.
    pub first_event: Option<i64>,
    /// Newest event.
    pub last_event: Option<i64>,
}

impl MemorySink {
    /// A sink that keeps these columns.
    pub fn of(wanted: Projection) -> MemorySink {
        MemorySink {
            collected: wanted.clone(),
            wanted,
            batches: Mutex::default(),
            span: Mutex::default(),
            is_unsettled: AtomicBool::new(false),
            replaced: AtomicU64::new(0),
        }
    }

    /// A sink that returns these columns, and keeps those by which records in conflict are found until then.
    pub fn with_identities(wanted: Projection) -> MemorySink {
        let mut collected = wanted.clone();
        for table in Table::ALL.iter().copied().filter(|table| table.holds_events()) {
            collected.add(table, ColumnSet::named(table, IDENTITY));
        }
        MemorySink { collected, ..MemorySink::of(wanted) }
    }

    /// The tables whose rows are collected.
    pub fn tables(&self) -> TableSet {
        self.collected.tables()
    }

    /// Whether a conflict could not be settled, so that the load must be repeated with
    /// [`MemorySink::with_identities`].
    pub fn is_unsettled(&self) -> bool {
        self.is_unsettled.load(Ordering::Relaxed)
    }

    /// The number of records that are counted as loaded, although a conflict replaced them: conflicts of records whose rows
    /// nobody reads are not settled.
    pub fn replaced(&self) -> u64 {
        self.replaced.load(Ordering::Relaxed)
    }

    /// The collected tables in which a record of a table can have rows.
    fn tables_of(&self, record: Table) -> impl Iterator<Item = Table> {
        let tables = Table::ALL.iter().copied().filter(move |table| table.holds_events() && table.has_rows_of(record));
        tables.filter(|table| self.collected.of(*table).is_some())
    }

    /// Whether somebody reads rows of the records of a table, or the ledger, which names the records in conflict.
    fn reads_rows_of(&self, record: Table) -> bool {
        let reads_ledger = [Table::Files, Table::Quarantine].iter().any(|table| self.wanted.of(*table).is_some());
        reads_ledger || self.tables_of(record).next().is_some()
    }

    /// Whether records in conflict can be found, in their tables and in those with rows derived from them.
    fn has_identities(&self, conflicts: &[Conflict]) -> bool {
        let has =
            |table: Table| self.collected.of(table).is_some_and(|columns| columns.includes(ColumnSet::named(table, IDENTITY)));
        conflicts.iter().all(|conflict| has(conflict.table) && self.tables_of(conflict.table).all(has))
    }

    /// Adds the ledger and returns the tables.
    pub fn finish(self, reports: &[FileReport], at: i64) -> Result<MemoryTables, StoreError> {
        let mut batches = self.batches.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (table, rows) in &mut batches {
            let collected = self.collected.of(*table).unwrap_or(ColumnSet::NONE);
            let wanted = self.wanted.of(*table).unwrap_or(ColumnSet::NONE);
            if collected != wanted {
                *rows = rows.iter().map(|rows| project(rows, *table, collected, wanted)).collect::<Result<_, _>>()?;
            }
        }
        for columns in ledger_columns(&reports.iter().collect::<Vec<_>>(), 1, at) {
            let table = columns.table();
            let wanted = self.wanted.of(table).unwrap_or(ColumnSet::NONE);
            let rows = columns.into_rows().map_err(LoadError::from)?;
            batches.insert(table, vec![project(&rows, table, ColumnSet::ALL, wanted)?]);
        }
        batches.retain(|table, _| self.wanted.of(*table).is_some());
        let span = self.span.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(MemoryTables { batches, first_event: span.map(|(first, _)| first), last_event: span.map(|(_, last)| last) })
    }
}

/// The wanted columns of rows with the collected ones.
fn project(rows: &RecordBatch, table: Table, collected: ColumnSet, wanted: ColumnSet) -> Result<RecordBatch, LoadError> {
    let places: Vec<usize> = wanted.columns(table).filter_map(|column| collected.place(column)).collect();
    Ok(rows.project(&places)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Call, Row};

    fn of_table(table: Table, columns: &[&str]) -> Projection {
        let mut wanted = Projection::default();
        wanted.add(table, ColumnSet::named(table, columns));
        wanted
    }

    fn of_calls(columns: &[&str]) -> Projection {
        of_table(Table::Calls, columns)
    }

    fn put(sink: &MemorySink, id: &'static str, file: &'static str, event_name: &'static str) {
        let mut columns = sink.columns(Table::Calls);
        columns.push(&Row::from(Call {
            id: Some(id.into()),
            event_name: Some(event_name.into()),
            file: Some(file.into()),
            record: Some(1),
            ..Call::default()
        }));
        sink.put(Table::Calls, 1, columns).unwrap();
    }

    /// The second record has the id of the first, and is kept.
    fn conflict() -> Conflict {
        let later = ("b".into(), 1);
        let difference = Difference::Content;
        Conflict { table: Table::Calls, day: 1, id: "one".into(), account: None, version: None, difference, later, is_kept: true }
    }

    #[test]
    fn a_conflict_is_settled_by_columns_that_are_not_returned() {
        let narrow = MemorySink::of(of_calls(&["event_name"]));
        put(&narrow, "one", "a", "First");
        assert_eq!(narrow.settle(&[conflict()]), Ok(Vec::new()));
        assert!(narrow.is_unsettled());
        let sink = MemorySink::with_identities(of_calls(&["event_name"]));
        for (id, file, name) in [("one", "a", "First"), ("one", "b", "Second"), ("two", "a", "Third")] {
            put(&sink, id, file, name);
        }
        assert_eq!(sink.settle(&[conflict()]).unwrap().len(), 1);
        assert!(!sink.is_unsettled());
        let tables = sink.finish(&[], 0).unwrap();
        let rows = &tables.batches[&Table::Calls];
        assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
        assert!(rows.iter().all(|rows| rows.schema().fields().len() == 1));
        assert_eq!(tables.batches.len(), 1, "nobody asked for the ledger");
    }

    #[test]
    fn a_conflict_among_records_that_nobody_reads_needs_no_second_load() {
        let conflicts = [conflict(), Conflict { is_kept: false, ..conflict() }];
        for (table, column, is_unsettled) in [
            (Table::Flows, "action", false),
            (Table::TaskEvents, "task", false),
            // Rows of failures are derived from calls, and the ledger names both records.
            (Table::Failures, "reason", true),
            (Table::Quarantine, "why", true),
            (Table::Calls, "event_name", true),
        ] {
            let sink = MemorySink::of(of_table(table, &[column]));
            assert_eq!(sink.settle(&conflicts), Ok(Vec::new()));
            assert_eq!(sink.is_unsettled(), is_unsettled, "{table:?}");
            assert_eq!(sink.replaced(), u64::from(!is_unsettled), "the other one was quarantined when it was read");
        }
    }
}
