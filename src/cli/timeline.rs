//! `ecs-audit timeline`: one story on one clock.

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
    // Whether a schedule was turned off is in the original records.
    let tables = Tables::open(&arguments.from, true, TableSet::ALL, global, context)?;
    print(&told(&tables, arguments, context)?)?;
    Ok(tables.loaded)
}

/// The story of what a name stands for.
pub fn told(tables: &Tables, arguments: &Timeline, context: &Context) -> Result<String, Failure> {
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
