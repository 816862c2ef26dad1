//! `ecs-audit timeline`: one story on one clock.

use super::args::{Global, Timeline};
use super::ask::Tables;
use super::explain::{print, records, subject};
use super::say::Failure;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::explain::{Layout, print_story, story};
use crate::table::TableSet;

/// Runs the command.
pub fn run(arguments: &Timeline, global: &Global, context: &Context) -> Result<ExitCode, Failure> {
    let tables = Tables::open(&arguments.from, false, TableSet::ALL, global, context)?;
    print(&told(&tables, &arguments.what, arguments.format, context)?)?;
    Ok(tables.loaded)
}

/// The story of what a name stands for, as text.
pub fn text_of(tables: &Tables, name: &str, context: &Context) -> Result<String, Failure> {
    told(tables, name, Layout::Text, context)
}

fn told(tables: &Tables, name: &str, layout: Layout, context: &Context) -> Result<String, Failure> {
    let records = records(tables);
    let subject = subject(&records, name)?;
    let Some(story) = story(&records, &subject)? else {
        return Err(Failure::Sentence(format!(
            "{} `{}` has no timeline of its own: expected a task, run, service, deployment or container instance",
            subject.kind.word(),
            subject.name
        )));
    };
    print_story(&story, layout, &context.tz).map_err(|error| Failure::Io(error.into()))
}
