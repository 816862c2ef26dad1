//! The tables of a store or an export, opened for queries.
//!
//! What a reader should know about how they were opened is in [`Dataset::notes`], which the front end prints.

mod export;
mod interrupt;

use super::error::AppError;
use super::note::Note;
use crate::allocator::keep_freed_memory;
use crate::answer::Answer;
use crate::context::Context;
use crate::engine::functions::with_originals;
use crate::engine::{RecordingTable, ScannedColumns};
use crate::exit::ExitCode;
use crate::explain::Records;
use crate::lang::{CheckContext, Checked};
use crate::model::catalog::FailureCatalog;
use crate::nouns::{self, ViewRequest};
use crate::plan::{self, Options, PlanCatalog};
use crate::run::{self, RunError};
use crate::store::Store;
use crate::table::Table;
use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::datasource::TableProvider;
use datafusion::prelude::SessionContext;
use interrupt::{can_cancel, wait_or_cancel};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The number of column values that are read for suggestions.
const SUGGESTED: usize = 1000;

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
    /// What a reader should know before the first result.
    pub notes: Vec<Note>,
    /// Whether Ctrl-C cancels queries.
    cancels: bool,
}

impl Dataset {
    /// Opens the tables of a store.
    pub fn of_store(store: &Store, context: &Context) -> Result<Dataset, AppError> {
        keep_freed_memory();
        let mut tables = Dataset::empty(context, store.manifest().first_event, store.manifest().last_event)?;
        if store.manifest_was_lost() {
            tables.notes.push(Note::ManifestRebuilt);
        }
        tables.notes.extend(store.foreign().iter().cloned().map(Note::ForeignCommit));
        tables.filled = Table::ALL.iter().copied().filter(|table| !store.manifest().files(*table).is_empty()).collect();
        tables.classified_by_others = store.manifest().classified_by_others(&FailureCatalog::current_version());
        for (table, provider) in store.tables() {
            let provider = with_originals(table, Arc::new(provider)).map_err(RunError::from)?;
            tables.register(table.name(), provider)?;
        }
        Ok(tables)
    }

    /// Tables without rows that record which of their columns are scanned.
    pub fn recording(context: &Context) -> Result<(Dataset, Arc<ScannedColumns>), AppError> {
        let tables = Dataset::empty(context, None, None)?;
        let scanned = Arc::new(ScannedColumns::default());
        for table in Table::ALL {
            tables.register(table.name(), Arc::new(RecordingTable::new(*table, Arc::clone(&scanned))))?;
        }
        Ok((tables, scanned))
    }

    /// The same tables, with queries that another session runs.
    #[cfg(feature = "cluster")]
    pub fn with_session(self, session: SessionContext) -> Dataset {
        Dataset { session, ..self }
    }

    /// A session without tables.
    pub fn empty(context: &Context, first: Option<i64>, last: Option<i64>) -> Result<Dataset, AppError> {
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
            notes: Vec::new(),
            cancels: false,
        })
    }

    /// The message for a query that cannot be answered because its records are not loaded.
    pub fn unanswerable(&self, checked: &Checked) -> Option<String> {
        let missing = plan::unmet(checked, &|table| self.filled.contains(&table));
        (!missing.is_empty()).then(|| format!("no {} are loaded", plan::records_called(&missing)))
    }

    fn register(&self, name: &str, provider: Arc<dyn TableProvider>) -> Result<(), AppError> {
        self.session.register_table(name, provider).map_err(RunError::from)?;
        Ok(())
    }

    /// Runs a SQL statement.
    pub fn sql(&self, statement: &str) -> Result<Answer, AppError> {
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
        if self.cancels { wait_or_cancel(&self.runtime, query) } else { self.runtime.block_on(query) }
    }

    /// From now on, Ctrl-C cancels the running query instead of ending the program.
    pub fn cancel_on_interrupt(&mut self) {
        self.cancels = can_cancel(&self.runtime);
    }

    /// The catalog of the language, with values from these tables for suggestions.
    pub fn catalog(&self) -> PlanCatalog {
        let session = self.session.clone();
        let handle = self.runtime.handle().clone();
        PlanCatalog::new(move |noun, field| handle.block_on(run::values(&session, noun, field, SUGGESTED)).unwrap_or_default())
    }

    /// The context in which queries on these tables are checked; by default, they return all rows.
    pub fn check_context(&self, anchor: Timestamp, context: &Context) -> CheckContext {
        CheckContext { anchor, now: context.now, first: self.first, last: self.last, tz: context.tz.clone(), default_rows: None }
    }

    /// The tables, ready for explanations.
    pub fn records(&self) -> Records<'_> {
        Records::new(|statement: &str| self.rows(statement))
    }

    /// The number that a statement returns.
    pub fn number(&self, statement: &str) -> Result<i64, AppError> {
        let answer = self.sql(statement)?;
        let batch = answer.batches.iter().find(|batch| batch.num_rows() > 0);
        let column = batch.and_then(|batch| arrow::compute::cast(batch.column(0), &DataType::Int64).ok());
        Ok(column.and_then(|column| column.as_primitive::<Int64Type>().iter().next().flatten()).unwrap_or(0))
    }

    /// The message about records that could not be loaded.
    pub fn quarantined(&self) -> Result<Option<String>, AppError> {
        let rows = nouns::noun("quarantine").map(|noun| (noun.view)(ViewRequest::default())).unwrap_or_default();
        let quarantined = self.number(&format!("select count(*) from ({rows}) q"))?;
        let sentence = format!("records that could not be loaded: {quarantined}; `ecs-audit query quarantine` shows why");
        Ok((quarantined > 0).then_some(sentence))
    }
}
