//! `ecs-audit timeline`: shows the events of a name in order.

use super::args::{Global, Timeline};
use super::ask::Tables;
use super::explain::{print, records, since, subject};
use super::say::Failure;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::explain::{print_story, story};
use crate::table::TableSet;

/// Runs the command.
pub fn run(arguments: &Timeline, global: &Global, context: &Context) -> Result<ExitCode, Failure> {
    // The original records show whether a schedule was turned off.
    let tables = Tables::open(&arguments.from, true, TableSet::ALL, global, context)?;
    print(&timeline_text(&tables, arguments, context)?)?;
    Ok(tables.loaded)
}

/// The timeline of a name.
pub fn timeline_text(tables: &Tables, arguments: &Timeline, context: &Context) -> Result<String, Failure> {
    let records = records(tables);
    let subject = subject(&records, &arguments.what)?;
    let since = since(arguments.since.as_deref(), tables, context)?;
    let Some(story) = story(&records, &subject, since)? else {
        return Err(Failure::Sentence(format!(
            "{} `{}` has no timeline: no event is recorded for it\nexpected a failure id, task, run, service, deployment, container instance, cluster, task definition or schedule",
            subject.kind.word(),
            subject.name
        )));
    };
    print_story(&story, arguments.format, &context.tz).map_err(|error| Failure::Io(error.into()))
}
