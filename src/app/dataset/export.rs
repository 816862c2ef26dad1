//! Loads exports into memory, for queries without a store.

use super::Dataset;
use crate::allocator::keep_freed_memory;
use crate::app::error::AppError;
use crate::app::inputs::{ProgressOf, SearchContext, exit_code, inputs, load_options};
use crate::app::note::Note;
use crate::app::threads::on_threads;
use crate::context::Context;
use crate::discover::{Input, Source};
use crate::engine::ProjectedTable;
use crate::load::{FileReport, Integrity, LoadOptions, Totals, load};
use crate::run::RunError;
use crate::store::{MemorySink, StoreError};
use crate::table::{Projection, Table};
use arrow::record_batch::RecordBatch;
use std::path::PathBuf;
use std::sync::Arc;

impl Dataset {
    /// Loads the tables of exports without a store. Only the wanted columns are kept, and originals only if they are
    /// needed.
    pub fn of_export(
        from: &[PathBuf],
        keep_raw: bool,
        wanted: Projection,
        (search, progress): (&SearchContext, &ProgressOf<'_>),
        context: &Context,
    ) -> Result<Dataset, AppError> {
        let (inputs, unreadable) = inputs(from, None, search)?;
        // What differs from the digests is a note of its file.
        let reads_files = wanted.of(Table::Files).is_some();
        let integrity = if reads_files { Integrity::of(&inputs, |_| true).map(Arc::new) } else { None };
        let load_into = |sink: &MemorySink| {
            let options = LoadOptions { integrity: integrity.clone(), ..load_options(context, keep_raw, sink.tables()) };
            load_in_memory(&inputs, sink, &options, progress, context)
        };
        let can_repeat = inputs.iter().all(can_be_read_again);
        let mut sink = if can_repeat { MemorySink::of(wanted.clone()) } else { MemorySink::with_identities(wanted.clone()) };
        let mut reports = load_into(&sink)?;
        if sink.is_unsettled() {
            // Some record that the query reads has the id of another one, which happens so rarely that the ids of all records
            // are not worth their memory.
            sink = MemorySink::with_identities(wanted.clone());
            reports = load_into(&sink)?;
        }
        reports.extend(unreadable);
        if let Some(integrity) = integrity {
            integrity.findings(&mut reports);
        }
        let mut totals = Totals::default();
        reports.iter().for_each(|report| totals.add(report));
        totals.quarantine_loaded(sink.replaced());
        let mut memory = sink.finish(&reports, context.now.as_microsecond())?;
        keep_freed_memory();
        let mut tables = Dataset::empty(context, memory.first_event, memory.last_event)?;
        for table in Table::ALL {
            let batches = memory.batches.remove(table).unwrap_or_default();
            if batches.iter().any(|batch| batch.num_rows() > 0) {
                tables.filled.insert(*table);
            }
            let partitions = deal(batches, context.threads);
            let provider = ProjectedTable::new(*table, wanted.of(*table), partitions).map_err(RunError::from)?;
            tables.register(table.name(), Arc::new(provider))?;
        }
        if totals.quarantined > 0 {
            tables.notes.push(Note::NotLoaded { quarantined: totals.quarantined, read: totals.read });
        }
        tables.loaded = exit_code(&totals);
        Ok(tables)
    }
}

/// Loads inputs into memory.
fn load_in_memory(
    inputs: &[Input],
    sink: &MemorySink,
    options: &LoadOptions,
    progress: &ProgressOf<'_>,
    context: &Context,
) -> Result<Vec<FileReport>, AppError> {
    let progress = progress(inputs);
    let reports = on_threads(context.threads, || load(inputs, sink, None, None, options, &*progress))?;
    Ok(reports.map_err(StoreError::from)?)
}

/// Whether an input can be read twice at little cost: not a pipe, and not an object that would be downloaded again.
fn can_be_read_again(input: &Input) -> bool {
    matches!(input.source, Source::File(_)) && input.modified.is_some()
}

/// Distributes batches to one partition per thread, deterministically.
fn deal(batches: Vec<RecordBatch>, threads: usize) -> Vec<Vec<RecordBatch>> {
    let mut shares = vec![Vec::new(); threads.max(1)];
    let mut rows = vec![0usize; threads.max(1)];
    for batch in batches {
        let least = rows.iter().enumerate().min_by_key(|(_, rows)| **rows).map_or(0, |(index, _)| index);
        if let (Some(partition), Some(count)) = (shares.get_mut(least), rows.get_mut(least)) {
            *count += batch.num_rows();
            partition.push(batch);
        }
    }
    shares
}
