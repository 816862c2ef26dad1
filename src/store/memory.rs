//! The tables of a one-shot query, in memory only.

use super::StoreError;
use super::conflict::settle_in_memory;
use super::ledger::ledger_columns;
use crate::load::{Conflict, Day, FileReport, RowSink, Settled};
use crate::table::{Columns, Table};
use arrow::record_batch::RecordBatch;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Rows by table.
#[derive(Debug, Default)]
pub struct MemorySink {
    batches: Mutex<BTreeMap<Table, Vec<RecordBatch>>>,
    span: Mutex<Option<(i64, i64)>>,
}

impl RowSink for MemorySink {
    fn put(&self, table: Table, _day: Day, columns: Columns) -> Result<(), String> {
        if columns.rows() > 0 {
            let rows = columns.into_rows().map_err(|error| error.to_string())?;
            self.batches.lock().unwrap_or_else(PoisonError::into_inner).entry(table).or_default().push(rows);
        }
        Ok(())
    }

    fn span(&self, first: i64, last: i64) {
        let mut span = self.span.lock().unwrap_or_else(PoisonError::into_inner);
        *span = Some(span.map_or((first, last), |(oldest, newest)| (oldest.min(first), newest.max(last))));
    }

    fn settle(&self, conflicts: &[Conflict]) -> Result<Vec<Settled>, String> {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        settle_in_memory(conflicts, &mut batches).map_err(|error| error.to_string())
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
    /// Adds the ledger and returns the tables.
    pub fn finish(self, reports: &[FileReport], at: i64) -> Result<MemoryTables, StoreError> {
        let mut batches = self.batches.into_inner().unwrap_or_else(PoisonError::into_inner);
        for columns in ledger_columns(&reports.iter().collect::<Vec<_>>(), 1, at) {
            batches.insert(columns.table(), vec![columns.into_rows().map_err(crate::load::LoadError::from)?]);
        }
        let span = self.span.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(MemoryTables { batches, first_event: span.map(|(first, _)| first), last_event: span.map(|(_, last)| last) })
    }
}
