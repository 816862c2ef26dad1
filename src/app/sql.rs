//! Runs SQL statements in which nouns are tables.

use super::dataset::Dataset;
use super::error::AppError;
use super::needs::may_read_extra;
use crate::answer::Answer;
use crate::context::Context;
use crate::nouns::{Noun, ViewRequest, ZoneName};
use crate::plan::{nouns_named_in, register_nouns};
use crate::run;

/// What a statement requests from the views of the nouns in it.
pub fn sql_request(statement: &str, context: &Context) -> ViewRequest {
    ViewRequest {
        raw: statement.to_lowercase().contains("raw"),
        extra: may_read_extra(&nouns_named_in(statement), statement),
        zone: ZoneName::of(&context.tz),
        ..ViewRequest::default()
    }
}

/// The rows of a statement, in which nouns are tables.
pub fn sql_answer(tables: &Dataset, statement: &str, context: &Context) -> Result<Answer, AppError> {
    let nouns = register(tables, statement, context)?;
    let answer = tables.rows(statement).map_err(|error| AppError::of_run(error, statement));
    for noun in nouns {
        // Another statement may request other columns.
        let _ = tables.session.deregister_table(noun.word);
    }
    answer
}

/// Makes the nouns in a statement readable as tables.
pub fn register(tables: &Dataset, statement: &str, context: &Context) -> Result<Vec<&'static Noun>, AppError> {
    let mut need = sql_request(statement, context);
    need.anchor = tables.last.unwrap_or(context.now).as_microsecond();
    let nouns = nouns_named_in(statement);
    tables.runtime.block_on(register_nouns(&tables.session, &nouns, need)).map_err(run::RunError::from)?;
    Ok(nouns)
}
