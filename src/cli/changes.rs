//! `ecs-audit changes`: lists the changes before failures, or around a time.

use super::args::{Changes, Global};
use super::notes::subject;
use super::open::open;
use super::progress::Working;
use super::stdout::{page, print};
use crate::app::{AppError, Dataset, instant};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::explain::{Around, Layout, changes, print_changes};
use crate::lang::time::{read_duration, seconds};
use crate::table::TableSet;

/// Runs the command.
pub fn run(arguments: &Changes, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let tables = open(&arguments.from, true, TableSet::ALL, global, context)?;
    print(&changes_text(&tables, arguments, context)?)?;
    Ok(tables.loaded)
}

/// The changes, as text.
pub fn changes_text(tables: &Dataset, arguments: &Changes, context: &Context) -> Result<String, AppError> {
    let _working = Working::on("looking for changes", context);
    let records = tables.records();
    let subject = arguments.what.as_deref().map(|what| subject(&records, what)).transpose()?;
    let around = Around {
        at: arguments.at.as_deref().map(|text| instant(text, context)).transpose()?,
        seconds: arguments.around.as_deref().map(duration).transpose()?,
    };
    let (found, bursts) = changes(&records, subject.as_ref(), around)?;
    let text = print_changes(subject.as_ref(), &found, bursts, arguments.format, &context.tz);
    let text = text.map_err(|error| AppError::Io(error.into()))?;
    Ok(if arguments.format == Layout::Text { page(text, context) } else { text })
}

fn duration(text: &str) -> Result<i64, AppError> {
    let read = read_duration(text, 0..text.len()).ok().and_then(|duration| seconds(&duration));
    read.ok_or_else(|| AppError::Sentence(format!("--around `{text}`: expected a duration such as 30m or 2h")))
}
