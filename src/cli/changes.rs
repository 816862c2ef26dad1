//! `ecs-audit changes`: lists the changes before a failure.

use super::args::{Changes, Global};
use super::ask::Tables;
use super::explain::{print, records, subject};
use super::say::Failure;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::explain::{changes, print_changes};
use crate::table::TableSet;

/// Runs the command.
pub fn run(arguments: &Changes, global: &Global, context: &Context) -> Result<ExitCode, Failure> {
    let tables = Tables::open(&arguments.from, true, TableSet::ALL, global, context)?;
    let records = records(&tables);
    let subject = subject(&records, &arguments.what)?;
    let found = changes(&records, &subject)?;
    let text = print_changes(&subject, found.as_ref(), arguments.format, &context.tz);
    print(&text.map_err(|error| Failure::Io(error.into()))?)?;
    Ok(tables.loaded)
}
