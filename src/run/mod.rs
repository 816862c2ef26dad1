//! Step ⑧: runs query plans and returns the rows as an [`Answer`].
//!
//! In: a session with the base tables, and a checked query. Out: rows with their window and canonical query, or an
//! explanation why there are none. Nothing is printed.

mod dry_run;
mod empty;
mod parallel;
mod ranks;
mod rejected;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNode;
use datafusion::datasource::{MemTable, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::displayable;
use datafusion::prelude::{DataFrame, SessionContext};
use futures::StreamExt;

pub use dry_run::{dry_run, dry_run_sql};
pub use empty::{explain_empty, values};
pub use parallel::{parallel_map, parallel_queries};

use crate::answer::{Answer, AnswerWindow, Column, ColumnKind};
use crate::diagnostic::Diagnostic;
use crate::lang::catalog::FieldType;
use crate::lang::checked::{Checked, Role};
use crate::plan::{self, Options, PlanError, Planned};
use crate::render::{MAIN, RANK, ROLE, ROLE_KEY};

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An error in the query, with its position in the query text.
    #[error("{}", .0.message)]
    Typed(Box<Diagnostic>),
    /// The query could not be planned.
    #[error("{0}")]
    Plan(PlanError),
    /// The engine failed during execution.
    #[error("query execution failed: {0}")]
    Execution(String),
    /// The query needs more memory than it may use.
    #[error(
        "this query needs more memory than it may use\n\
         narrow its window (`since 1d`), or allow more with --memory, for example --memory 8GiB\n({0})"
    )]
    Memory(String),
    /// The SQL statement was rejected.
    #[error("invalid SQL: {0}")]
    Sql(String),
    /// Somebody stopped the query.
    #[error("interrupted")]
    Interrupted,
    /// The rows do not have the planned columns.
    #[error("cannot combine the rows: {0}; this is a bug in ecs-audit")]
    Shape(#[from] ArrowError),
}

impl From<PlanError> for RunError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Typed(diagnostic) => RunError::Typed(diagnostic),
            other => RunError::Plan(other),
        }
    }
}

impl From<DataFusionError> for RunError {
    fn from(error: DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(text) => RunError::Memory(text.clone()),
            _ => RunError::Execution(sentence(&error)),
        }
    }
}

/// The error message without the prefixes of the engine.
fn sentence(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::Execution(text) | DataFusionError::Plan(text) | DataFusionError::NotImplemented(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Runs a query.
pub async fn answer(session: &SessionContext, checked: &Checked, options: Options) -> Result<Answer, RunError> {
    let planned = plan::plan(session, checked, options).await?;
    let spark = planned.columns.first().is_some_and(|column| column.role == Role::Bucket)
        && planned.columns.iter().any(|column| column.role == Role::Key);
    let schema = answer_schema(&planned, checked);
    let columns = answer_columns(&planned);
    let batches = with_schema(planned.frame.collect().await?, &schema)?;
    let window = AnswerWindow { from: checked.window.from, to: checked.window.to, origin: checked.window.origin.clone() };
    Ok(Answer { query: checked.canonical.clone(), columns, schema, batches, window, spark })
}

/// Evaluates a view and registers its rows in the session, so that every query reads them and none evaluates the view
/// again. `also` are views with the same rows but fewer columns; of the views in `evaluated`, the rows are read, too.
pub async fn evaluate(session: &SessionContext, view: &str, also: &[String], evaluated: &[String]) -> Result<(), RunError> {
    let mut missing = BTreeSet::new();
    for name in std::iter::once(view).chain(also.iter().map(String::as_str)).map(plan::evaluated_name) {
        if !session.table_exist(name.as_str())? {
            missing.insert(name);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let frame = session.sql(&plan::with_evaluated(view, evaluated)).await?;
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let mut stream = frame.execute_stream().await?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.next().await {
        batches.push(own_texts(&batch?)?);
    }
    let rows = MemTable::try_new(schema, vec![batches])?;
    let rows: Arc<dyn TableProvider> = Arc::new(rows);
    for name in missing {
        session.register_table(name, Arc::clone(&rows))?;
    }
    Ok(())
}

/// Evaluates the noun of a query that reads all rows of a window, if there are few: then it is known whether there
/// are others outside the window, without computing them again.
pub async fn evaluate_few(session: &SessionContext, checked: &Checked, options: Options) -> Result<(), RunError> {
    match few_rows(checked, options) {
        Some(view) => evaluate(session, &view, &[], &[]).await,
        None => Ok(()),
    }
}

/// The view that is evaluated for a query.
fn few_rows(checked: &Checked, options: Options) -> Option<String> {
    plan::few_rows(checked, options).filter(|_| empty::shows_every_row(checked))
}

/// A batch with its own string buffers: strings that were read from a file keep the whole read buffer alive.
fn own_texts(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let own = |array: &ArrayRef| match array.as_string_view_opt() {
        Some(texts) => Arc::new(texts.gc()) as ArrayRef,
        None => Arc::clone(array),
    };
    RecordBatch::try_new(batch.schema(), batch.columns().iter().map(own).collect())
}

/// The query plan: the canonical form, the window, and both plans of the engine.
pub async fn explain(session: &SessionContext, checked: &Checked, options: Options) -> Result<String, RunError> {
    let planned = plan::plan(session, checked, options).await?;
    let instant = |time: Option<jiff::Timestamp>| time.map_or_else(|| "…".to_owned(), |time| time.to_string());
    let logical = planned.frame.clone().into_optimized_plan()?;
    let physical = planned.frame.create_physical_plan().await?;
    Ok(format!(
        "query\n  {}\nwindow\n  [{}, {}) {}\nlogical plan\n{}physical plan\n{}",
        checked.canonical,
        instant(checked.window.from),
        instant(checked.window.to),
        checked.window.origin,
        indented(&logical.display_indent().to_string()),
        indented(&displayable(physical.as_ref()).indent(false).to_string()),
    ))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// Runs a SELECT over the base tables; statements that change anything are rejected.
pub async fn sql(session: &SessionContext, text: &str) -> Result<Answer, RunError> {
    let frame = sql_frame(session, text).await?;
    let (schema, columns) = sql_columns(&frame);
    let batches = with_schema(frame.collect().await?, &schema)?;
    Ok(Answer { query: String::new(), columns, schema, batches, window: AnswerWindow::default(), spark: false })
}

async fn sql_frame(session: &SessionContext, text: &str) -> Result<DataFrame, RunError> {
    let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let frame = session.sql_with_options(text, read_only).await.map_err(|error| rejected::rejected(&error, session, text))?;
    let plan = frame.logical_plan();
    let lists_tables = |plan: &LogicalPlan| matches!(plan, LogicalPlan::TableScan(scan) if scan.table_name.schema() == Some("information_schema"));
    // The engine lists its tables in a different order each time.
    let is_unordered =
        plan.exists(|plan| Ok(lists_tables(plan)))? && !plan.exists(|plan| Ok(matches!(plan, LogicalPlan::Sort(_))))?;
    if !is_unordered {
        return Ok(frame);
    }
    let keys = frame.schema().columns().into_iter().map(|column| Expr::Column(column).sort(true, false)).collect();
    Ok(frame.sort(keys)?)
}

/// The columns of a result that does not come from a query of the language.
pub fn frame_columns(frame: &DataFrame) -> Vec<Column> {
    sql_columns(frame).1
}

fn sql_columns(frame: &DataFrame) -> (SchemaRef, Vec<Column>) {
    let fields: Vec<Field> =
        frame.schema().fields().iter().map(|field| Field::new(field.name(), field.data_type().clone(), true)).collect();
    let columns = fields.iter().map(|field| Column { name: field.name().clone(), kind: sql_kind(field.data_type()) }).collect();
    (Arc::new(Schema::new(fields)), columns)
}

fn sql_kind(data_type: &DataType) -> ColumnKind {
    match data_type {
        kind if kind.is_integer() => ColumnKind::Int,
        kind if kind.is_numeric() => ColumnKind::Float,
        DataType::Boolean => ColumnKind::Bool,
        DataType::Timestamp(..) => ColumnKind::Time,
        kind if kind.is_list() => ColumnKind::List,
        _ => ColumnKind::Text,
    }
}

/// The schema of a result, with key columns marked as keys, and the rank of columns in narrow tables.
fn answer_schema(planned: &Planned, checked: &Checked) -> SchemaRef {
    let fields = planned.frame.schema().fields();
    let roles = planned.columns.iter().map(|column| Some(column.role)).chain(std::iter::repeat(None));
    let ranks = ranks::of(planned, checked);
    let main = ranks::main_column(&ranks, checked);
    let marked = fields.iter().zip(roles).map(|(field, role)| {
        let plain = Field::new(field.name(), field.data_type().clone(), true);
        let rank = ranks.get(field.name().as_str());
        let is_main = main == Some(field.name().as_str());
        let rank = rank.map(|rank| (RANK.to_owned(), rank.to_string()));
        plain.with_metadata(match role {
            Some(Role::Key) => [(ROLE.to_owned(), ROLE_KEY.to_owned())].into(),
            _ => rank.into_iter().chain(is_main.then(|| (MAIN.to_owned(), String::new()))).collect(),
        })
    });
    Arc::new(Schema::new(marked.collect::<Vec<_>>()))
}

fn answer_columns(planned: &Planned) -> Vec<Column> {
    let shown = planned.columns.iter().map(|column| Column {
        name: column.name.clone(),
        kind: if planned.shares.contains(&column.name) { ColumnKind::Share } else { column_kind(column.kind) },
    });
    let evidence = planned.evidence.iter().map(|name| Column { name: name.clone(), kind: ColumnKind::List });
    shown.chain(evidence).collect()
}

fn column_kind(kind: FieldType) -> ColumnKind {
    match kind {
        FieldType::Text => ColumnKind::Text,
        FieldType::Int => ColumnKind::Int,
        FieldType::Float => ColumnKind::Float,
        FieldType::Bool => ColumnKind::Bool,
        FieldType::Time => ColumnKind::Time,
        FieldType::Duration => ColumnKind::Duration,
    }
}

/// The rows with a common schema, without empty batches.
fn with_schema(batches: Vec<RecordBatch>, schema: &SchemaRef) -> Result<Vec<RecordBatch>, ArrowError> {
    let filled = batches.into_iter().filter(|batch| batch.num_rows() > 0);
    let same = |(array, field): (&ArrayRef, &Arc<Field>)| {
        if array.data_type() == field.data_type() {
            Ok(Arc::clone(array))
        } else {
            arrow::compute::cast(array, field.data_type())
        }
    };
    filled
        .map(|batch| {
            let arrays = batch.columns().iter().zip(schema.fields()).map(same).collect::<Result<_, _>>()?;
            RecordBatch::try_new(Arc::clone(schema), arrays)
        })
        .collect()
}
