//! The tables of a one-shot query: in memory, gone afterwards.

use super::StoreError;
use super::ledger::ledger_batches;
use crate::load::{Day, FileReport, Shelf};
use crate::table::Table;
use arrow::array::TimestampMicrosecondArray;
use arrow::compute::{max, min};
use arrow::record_batch::RecordBatch;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Rows by table.
#[derive(Debug, Default)]
pub struct MemoryShelf {
    batches: Mutex<BTreeMap<Table, Vec<RecordBatch>>>,
}

impl Shelf for MemoryShelf {
    fn put(&self, table: Table, _day: Day, batch: RecordBatch) -> Result<(), String> {
        if batch.num_rows() > 0 {
            self.batches.lock().unwrap_or_else(PoisonError::into_inner).entry(table).or_default().push(batch);
        }
        Ok(())
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
        batches.insert(Table::Files, vec![files]);
        batches.insert(Table::Quarantine, vec![quarantine]);
        let mut tables = MemoryTables { batches, first_event: None, last_event: None };
        let spans: Vec<_> = tables
            .batches
            .iter()
            .filter(|(table, _)| table.holds_events())
            .flat_map(|(_, batches)| batches.iter().filter_map(times).map(|times| (min(times), max(times))))
            .collect();
        tables.first_event = spans.iter().filter_map(|(first, _)| *first).min();
        tables.last_event = spans.iter().filter_map(|(_, last)| *last).max();
        Ok(tables)
    }
}

fn times(batch: &RecordBatch) -> Option<&TimestampMicrosecondArray> {
    batch.column_by_name("time").and_then(|column| column.as_any().downcast_ref())
}
