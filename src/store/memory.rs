//! The tables of a one-shot query: in memory, gone afterwards.

use super::StoreError;
use super::ledger::ledger_batches;
use crate::load::{Day, FileReport, Shelf};
use crate::table::{Batch, Table};
use arrow::record_batch::RecordBatch;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Rows by table.
#[derive(Debug, Default)]
pub struct MemoryShelf {
    batches: Mutex<BTreeMap<Table, Vec<RecordBatch>>>,
    span: Mutex<Option<(i64, i64)>>,
}

impl Shelf for MemoryShelf {
    fn put(&self, table: Table, _day: Day, batch: Batch) -> Result<(), String> {
        if batch.rows.num_rows() > 0 {
            self.batches.lock().unwrap_or_else(PoisonError::into_inner).entry(table).or_default().push(batch.rows);
        }
        Ok(())
    }

    fn span(&self, first: i64, last: i64) {
        let mut span = self.span.lock().unwrap_or_else(PoisonError::into_inner);
        *span = Some(span.map_or((first, last), |(oldest, newest)| (oldest.min(first), newest.max(last))));
    }
}

/// Everything a query needs, in memory.
#[derive(Debug)]
pub struct MemoryTables {
    /// The rows.
    pub batches: BTreeMap<Table, Vec<RecordBatch>>,
    /// Oldest event.
    pub first_event: Option<i64>,
    /// Newest event.
    pub last_event: Option<i64>,
}

impl MemoryShelf {
    /// Adds the ledger, and ends.
    pub fn finish(self, reports: &[FileReport], at: i64) -> Result<MemoryTables, StoreError> {
        let mut batches = self.batches.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (files, quarantine) = ledger_batches(reports, 1, at).map_err(crate::load::LoadError::from)?;
        batches.insert(Table::Files, vec![files.rows]);
        batches.insert(Table::Quarantine, vec![quarantine.rows]);
        let span = self.span.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(MemoryTables { batches, first_event: span.map(|(first, _)| first), last_event: span.map(|(_, last)| last) })
    }
}
