//! Shared by all commands that query: opens tables, runs queries, and prints results.

use super::args::{Asking, Global};
use super::destination;
use super::interrupt::wait;
use super::load::{Bar, MANIFEST_WAS_LOST, exit_code, inputs, load_options, on_threads};
use super::stderr::{CliError, say};
use super::store::described;
use crate::allocator::keep_freed_memory;
use crate::answer::{Answer, AnswerWindow, Column, ColumnKind};
use crate::context::Context;
use crate::discover::{Input, Source};
use crate::engine::functions::with_originals;
use crate::engine::{ProjectedTable, RecordingTable, ScannedColumns};
use crate::exit::ExitCode;
use crate::lang::{Checked, Query};
use crate::load::{FileReport, Integrity, LoadOptions, Progress, Silent, Totals, load};
use crate::model::catalog::FailureCatalog;
use crate::plan::{self, Options};
use crate::render::{Format, Layout, Look, RANK, render};
use crate::run::{self, RunError};
use crate::store::{MemorySink, Store};
use crate::table::{Projection, Table};
use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::datasource::TableProvider;
use datafusion::prelude::SessionContext;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The tables of a store or an export, ready for queries.
pub struct Dataset {
    /// The engine session with the tables.
    pub session: SessionContext,
    /// The runtime of the engine.
    pub runtime: tokio::runtime::Runtime,
    /// The oldest event.
    pub first: Option<Timestamp>,
    /// The newest event.
    pub last: Option<Timestamp>,
    /// The number of records in the store that another version of the failure catalog classified.
    pub classified_by_others: u64,
    /// The outcome of the load, for an export that is read directly.
    pub loaded: ExitCode,
    /// The tables with rows.
    pub filled: BTreeSet<Table>,
}

impl Dataset {
    /// Opens the tables of the store, or of the given exports; `wanted` are the tables or columns that queries will read.
    pub fn open(
        from: &[PathBuf],
        keep_raw: bool,
        wanted: impl Into<Projection>,
        global: &Global,
        context: &Context,
    ) -> Result<Dataset, CliError> {
        if from.is_empty() {
            Dataset::of_store(&Store::open(&global.store)?, context)
        } else {
            Dataset::of_export(from, keep_raw, wanted.into(), context)
        }
    }

    /// Opens the tables of a store.
    pub fn of_store(store: &Store, context: &Context) -> Result<Dataset, CliError> {
        keep_freed_memory();
        let mut tables = Dataset::empty(context, store.manifest().first_event, store.manifest().last_event)?;
        if store.manifest_was_lost() {
            say(MANIFEST_WAS_LOST);
        }
        for commit in store.foreign() {
            say(&format!("note: another program changed the store: {}", crate::render::visible(&described(commit))));
        }
        tables.filled = Table::ALL.iter().copied().filter(|table| !store.manifest().files(*table).is_empty()).collect();
        tables.classified_by_others = store.manifest().classified_by_others(&FailureCatalog::current_version());
        for (table, provider) in store.tables() {
            let provider = with_originals(table, Arc::new(provider)).map_err(RunError::from)?;
            tables.register(table.name(), provider)?;
        }
        Ok(tables)
    }

    /// Tables without rows that record which of their columns are scanned.
    pub fn recording(context: &Context) -> Result<(Dataset, Arc<ScannedColumns>), CliError> {
        let tables = Dataset::empty(context, None, None)?;
        let scanned = Arc::new(ScannedColumns::default());
        for table in Table::ALL {
            tables.register(table.name(), Arc::new(RecordingTable::new(*table, Arc::clone(&scanned))))?;
        }
        Ok((tables, scanned))
    }

    /// Loads the tables of exports without a store. Only the wanted columns are kept, and originals only if they are
    /// needed.
    fn of_export(from: &[PathBuf], keep_raw: bool, wanted: Projection, context: &Context) -> Result<Dataset, CliError> {
        let (inputs, unreadable) = inputs(from, None)?;
        // What differs from the digests is a note of its file.
        let reads_files = wanted.of(Table::Files).is_some();
        let integrity = if reads_files { Integrity::of(&inputs, |_| true).map(Arc::new) } else { None };
        let load_into = |sink: &MemorySink| {
            let options = LoadOptions { integrity: integrity.clone(), ..load_options(context, keep_raw, sink.tables()) };
            load_in_memory(&inputs, sink, &options, context)
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
            say(&format!(
                "note: {} of {} records could not be loaded; query `quarantine` for details",
                totals.quarantined, totals.read
            ));
        }
        tables.loaded = exit_code(&totals);
        Ok(tables)
    }

    /// A session without tables.
    pub fn empty(context: &Context, first: Option<i64>, last: Option<i64>) -> Result<Dataset, CliError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(context.threads)
            .thread_stack_size(16 << 20)
            .enable_all()
            .build()?;
        let instant = |micros: Option<i64>| micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        let session = plan::session(context.threads, context.memory);
        Ok(Dataset {
            session,
            runtime,
            first: instant(first),
            last: instant(last),
            classified_by_others: 0,
            loaded: ExitCode::Ok,
            filled: BTreeSet::new(),
        })
    }

    /// The message for a query that cannot be answered because its records are not loaded.
    pub fn unanswerable(&self, checked: &Checked) -> Option<String> {
        let missing = plan::unmet(checked, &|table| self.filled.contains(&table));
        (!missing.is_empty()).then(|| format!("no {} are loaded", plan::records_called(&missing)))
    }

    fn register(&self, name: &str, provider: Arc<dyn TableProvider>) -> Result<(), CliError> {
        self.session.register_table(name, provider).map_err(RunError::from)?;
        Ok(())
    }

    /// Runs a SQL statement.
    pub fn sql(&self, statement: &str) -> Result<Answer, CliError> {
        Ok(self.rows(statement)?)
    }

    /// The rows of a SQL statement.
    pub fn rows(&self, statement: &str) -> Result<Answer, RunError> {
        let (session, statement) = (self.session.clone(), statement.to_owned());
        self.wait(async move { run::sql(&session, &statement).await })
    }

    /// Runs a checked query.
    pub fn answer(&self, checked: &Checked, options: Options) -> Result<Answer, RunError> {
        let (session, checked) = (self.session.clone(), checked.clone());
        self.wait(async move { run::answer(&session, &checked, options).await })
    }

    /// Waits for a query.
    pub fn wait<T: Send + 'static>(
        &self,
        query: impl Future<Output = Result<T, RunError>> + Send + 'static,
    ) -> Result<T, RunError> {
        wait(&self.runtime, query)
    }
}

/// Loads inputs into memory, with a progress bar on a terminal.
fn load_in_memory(
    inputs: &[Input],
    sink: &MemorySink,
    options: &LoadOptions,
    context: &Context,
) -> Result<Vec<FileReport>, CliError> {
    let bar = Bar::new(inputs, context.progress);
    let reports = on_threads(context.threads, || {
        let progress: &dyn Progress = match &bar {
            Some(bar) => bar,
            None => &Silent,
        };
        load(inputs, sink, None, None, options, progress)
    })?;
    if let Some(bar) = &bar {
        bar.end();
    }
    Ok(reports.map_err(crate::store::StoreError::from)?)
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

/// The requested format: by name, or by the file extension; table by default.
pub fn format_of(asking: &Asking) -> Format {
    let by_name = asking.out.as_deref().and_then(Format::for_file);
    asking.format.or(by_name).unwrap_or(Format::Table)
}

/// Formats of other programs, which people name after `-o`.
const OTHER_FORMATS: &[&str] =
    &["yaml", "yml", "wide", "name", "tsv", "xml", "text", "txt", "pretty", "jsonpath", "excel", "xlsx"];

/// Refuses a file that cannot be written or whose extension names no format, before the query runs.
pub fn check_out(asking: &Asking) -> Result<(), CliError> {
    if let Some(path) = asking.out.as_deref() {
        destination::check(path)?;
    }
    let Some(path) = asking.out.as_deref().filter(|path| asking.format.is_none() && Format::for_file(path).is_none()) else {
        return Ok(());
    };
    let name = path.display().to_string();
    // `-o json` chooses a format in other programs.
    if let Ok(format) = name.parse::<Format>() {
        return Err(CliError::Sentence(format!(
            "`--out {name}` names a file; `--format {format}` chooses the format, and `--out FILE.{name}` writes to a file"
        )));
    }
    // `-o yaml`, `-o wide`.
    if OTHER_FORMATS.contains(&name.to_lowercase().as_str()) {
        let names = Format::ALL.map(Format::name).join(", ");
        return Err(CliError::Sentence(format!(
            "`--out {name}` names a file, and `{name}` is not a format; `--format` chooses one of {names}, and `--expanded` shows wide rows"
        )));
    }
    let Some(extension) = path.extension() else { return Ok(()) };
    let extension = extension.to_string_lossy().to_lowercase();
    let stem = path.with_extension("").display().to_string();
    let instead = match extension.as_str() {
        "xls" | "xlsx" | "ods" | "tsv" => format!("spreadsheets open CSV: `--out {stem}.csv`"),
        "pdf" | "doc" | "docx" => format!("a browser can print HTML: `--out {stem}.html`"),
        "log" | "out" | "text" => format!("`--out {stem}.txt` writes a table"),
        _ => format!("`--format FORMAT` chooses one, or `--out {stem}.csv`"),
    };
    Err(CliError::Sentence(format!(
        "`{name}`: `.{extension}` is not the extension of an output format; {instead}\nextensions: txt, csv, json, ndjson, md, html, parquet"
    )))
}

/// Writes a result to the requested destination in the requested format; `long` values do not fit into the rows of a terminal.
pub fn deliver(answer: &Answer, asking: &Asking, long: bool, shown: Shown, context: &Context) -> Result<(), CliError> {
    let format = format_of(asking);
    if format.is_binary() && asking.out.is_none() && context.width.is_some() {
        return Err(CliError::Sentence(format!("cannot print {format} on a terminal; write it to a file with --out FILE")));
    }
    if asking.expanded && format != Format::Table {
        return Err(CliError::Sentence(format!("--expanded lays out tables, not {format}; leave out one of the two")));
    }
    let expanded = asking.expanded || (long && context.width.is_some());
    let layout = if expanded { Layout::Expanded } else { Layout::Lines { hint: shown.hint() } };
    write(answer, format, asking.out.as_deref(), layout, context)
}

/// Which fields an answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Those that the query names, or those that are shown by default: `show *` shows more.
    Chosen,
    /// All that there are.
    All,
}

impl Shown {
    /// What a query shows.
    pub fn of(query: &Query) -> Shown {
        // Groups have no other fields.
        let grouped = query.stages.iter().any(|stage| !stage.by.is_empty() || stage.every.is_some());
        let all = grouped || query.stages.last().is_some_and(|stage| stage.all_columns.is_some());
        if all { Shown::All } else { Shown::Chosen }
    }

    /// How to see the columns that a table has no place for.
    fn hint(self) -> &'static str {
        match self {
            Shown::Chosen => "--expanded shows them, `show *` all fields",
            Shown::All => "--expanded shows them",
        }
    }
}

/// Prints a list whose texts are not shortened.
pub fn print(answer: &Answer, format: Format, out: Option<&Path>, context: &Context) -> Result<(), CliError> {
    write(answer, format, out, LIST, context)
}

/// The layout of lists.
pub const LIST: Layout = Layout::Wrapped { hint: "a wider terminal or --json shows them" };

/// How results look on this terminal.
pub fn look(layout: Layout, context: &Context) -> Look {
    Look { width: context.width, color: context.color, tz: context.tz.clone(), layout }
}

fn write(answer: &Answer, format: Format, out: Option<&Path>, layout: Layout, context: &Context) -> Result<(), CliError> {
    match out {
        None => {
            let look = look(layout, context);
            let mut out = BufWriter::new(io::stdout().lock());
            render(format, answer, &look, &mut out)?;
            out.flush()?;
        }
        Some(path) => {
            let look = Look { width: None, color: false, ..look(layout, context) };
            let mut out = BufWriter::new(destination::create(path)?);
            render(format, answer, &look, &mut out)?;
            out.flush()?;
        }
    }
    Ok(())
}

/// Rows of texts as a result; missing cells are empty. A narrow table leaves out columns from the right.
pub fn listing(names: &[&str], rows: Vec<Vec<String>>) -> Result<Answer, CliError> {
    ranked_listing(names, &[], rows)
}

/// As [`listing`]; a narrow table leaves out the columns `first` first, in their order.
pub fn ranked_listing(names: &[&str], first: &[&str], rows: Vec<Vec<String>>) -> Result<Answer, CliError> {
    let field = |name: &&str| {
        let field = Field::new(*name, DataType::Utf8, false);
        match first.iter().position(|other| other == name) {
            None => field,
            // The other ranks are positions.
            Some(place) => field.with_metadata([(RANK.to_owned(), (usize::from(u8::MAX) - place).to_string())].into()),
        }
    };
    let schema = Arc::new(Schema::new(names.iter().map(field).collect::<Vec<_>>()));
    let column = |index: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.get(index).map_or("", String::as_str))))
    };
    let batch = RecordBatch::try_new(Arc::clone(&schema), (0..names.len()).map(column).collect())
        .map_err(|error| CliError::Sentence(error.to_string()))?;
    Ok(Answer {
        query: String::new(),
        columns: names.iter().map(|name| Column { name: (*name).to_owned(), kind: ColumnKind::Text }).collect(),
        schema,
        batches: vec![batch],
        window: AnswerWindow::default(),
        spark: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_of_a_table_suggests_nothing_that_was_asked_for() {
        for (text, shown) in [
            ("failures", Shown::Chosen),
            ("failures show time, reason", Shown::Chosen),
            ("failures show *", Shown::All),
            ("failures by reason | where count > 1", Shown::All),
            ("failures by reason", Shown::All),
            ("failures every 1h", Shown::All),
        ] {
            assert_eq!(Shown::of(&crate::lang::parse(text).unwrap()), shown, "{text}");
        }
        assert!(!Shown::All.hint().contains("show *"));
    }
}
