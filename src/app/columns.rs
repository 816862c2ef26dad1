//! Which columns of an export a question reads. Only these are kept when it is loaded, because an export does not fit into
//! memory as easily as the few columns of a question.
//!
//! The question is planned over empty tables that record what is scanned.

use super::callers::callers_sql;
use super::dataset::Dataset;
use super::error::AppError;
use super::limits::Limits;
use super::runner::{QueryOptions, QueryRunner};
use super::sql::register;
use crate::context::Context;
use crate::lang::ast;
use crate::plan::Options;
use crate::run;
use crate::table::Projection;

/// The columns that a query and the notes about its result read. None if this is unknown without the records: the query
/// has a mistake, or its window is empty when the clock is used in place of the newest event.
pub fn columns_of_query(
    query: &ast::Query,
    text: &str,
    options: &QueryOptions,
    context: &Context,
) -> Result<Option<Projection>, AppError> {
    let (tables, scanned) = Dataset::recording(context)?;
    options.limits.install(&tables)?;
    let runner = QueryRunner::with_options(&tables, options, context)?;
    let Ok(checked) = runner.check(query, text) else { return Ok(None) };
    let options = Options { anchor: runner.anchor.time, evidence: options.evidence };
    let callers = callers_sql(&checked, options);
    let session = tables.session.clone();
    let planned = tables.wait(async move {
        run::dry_run(&session, &checked, options).await?;
        match callers {
            Some(callers) => run::dry_run_sql(&session, &callers).await,
            None => Ok(()),
        }
    });
    Ok(planned.is_ok().then(|| scanned.projection()))
}

/// The columns that a SQL statement reads; none if it cannot be planned.
pub fn columns_of_statement(statement: &str, limits: &Limits, context: &Context) -> Result<Option<Projection>, AppError> {
    let (tables, scanned) = Dataset::recording(context)?;
    limits.install(&tables)?;
    if register(&tables, statement, context).is_err() {
        return Ok(None);
    }
    let (session, statement) = (tables.session.clone(), statement.to_owned());
    let planned = tables.wait(async move { run::dry_run_sql(&session, &statement).await });
    Ok(planned.is_ok().then(|| scanned.projection()))
}
