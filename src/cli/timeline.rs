//! `ecs-audit timeline`: shows the events of a name in order.

use super::args::{Global, Timeline};
use super::ask::Dataset;
use super::explain::{page, print, records, since, subject};
use super::progress::Working;
use super::query::{Asker, anchor};
use super::scope::ids;
use super::stderr::CliError;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::explain::{Layout, links_of_story, print_story, story};
use crate::table::TableSet;
use std::collections::{BTreeMap, BTreeSet};

/// Runs the command.
pub fn run(arguments: &Timeline, global: &Global, context: &Context) -> Result<ExitCode, CliError> {
    // The original records show whether a schedule was turned off.
    let tables = Dataset::open(&arguments.from, true, TableSet::ALL, global, context)?;
    let condition = arguments.scope.checked(&tables, anchor(None, &tables, global, context)?.time, context)?;
    let kept = match condition.as_str() {
        "" => None,
        condition => {
            let asker = Asker::new(&tables, None, BTreeMap::new(), global, context)?;
            Some(ids(&asker, &RECORDED, condition)?)
        }
    };
    let text = narrowed_text(&tables, arguments, kept.as_ref(), context)?;
    print(&if arguments.format == Layout::Text { page(text, context) } else { text })?;
    Ok(tables.loaded)
}

/// The nouns whose rows are events of timelines.
const RECORDED: [&str; 4] = ["calls", "events", "runs", "failures"];

/// The timeline of a name.
pub fn timeline_text(tables: &Dataset, arguments: &Timeline, context: &Context) -> Result<String, CliError> {
    narrowed_text(tables, arguments, None, context)
}

/// The timeline of a name, with only the events of some records.
fn narrowed_text(
    tables: &Dataset,
    arguments: &Timeline,
    kept: Option<&BTreeSet<String>>,
    context: &Context,
) -> Result<String, CliError> {
    let _working = Working::on("collecting events", context);
    let records = records(tables);
    let subject = subject(&records, &arguments.what)?;
    let since = since(arguments.since.as_deref(), tables, context)?;
    let Some(mut story) = story(&records, &subject, since)? else {
        return Err(CliError::Sentence(format!(
            "{} `{}` has no timeline: no event is recorded for it\nexpected a failure id, task, run, service, deployment, container instance, cluster, task definition or schedule",
            subject.kind.word(),
            subject.name
        )));
    };
    if let Some(kept) = kept {
        story.retain(|record| kept.contains(record));
    }
    let links = if arguments.links { Some(links_of_story(&records, &story)?) } else { None };
    print_story(&story, links.as_deref(), arguments.format, &context.tz).map_err(|error| CliError::Io(error.into()))
}
