//! `ecs-audit timeline`: shows the events of a name in order.

use super::args::{Global, Timeline};
use super::notes::subject;
use super::open::open;
use super::progress::Working;
use super::settings::as_of;
use super::stdout::{page, print};
use crate::app::{Anchor, AppError, Dataset, QueryRunner, checked_scope, ids, since};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::explain::{Layout, links_of_story, print_story, story};
use crate::table::TableSet;
use std::collections::{BTreeMap, BTreeSet};

/// Runs the command.
pub fn run(arguments: &Timeline, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    // The original records show whether a schedule was turned off.
    let tables = open(&arguments.from, true, TableSet::ALL, global, context)?;
    let condition =
        checked_scope(arguments.scope.condition(), &tables, Anchor::new(&as_of(None, global), &tables, context)?.time, context)?;
    let kept = match condition.as_str() {
        "" => None,
        condition => {
            let runner = QueryRunner::new(&tables, &as_of(None, global), BTreeMap::new(), context)?;
            let _working = Working::on("querying", context);
            Some(ids(&runner, &RECORDED, condition)?)
        }
    };
    let text = narrowed_text(&tables, arguments, kept.as_ref(), context)?;
    print(&if arguments.format == Layout::Text { page(text, context) } else { text })?;
    Ok(tables.loaded)
}

/// The nouns whose rows are events of timelines.
const RECORDED: [&str; 4] = ["calls", "events", "runs", "failures"];

/// The timeline of a name.
pub fn timeline_text(tables: &Dataset, arguments: &Timeline, context: &Context) -> Result<String, AppError> {
    narrowed_text(tables, arguments, None, context)
}

/// The timeline of a name, with only the events of some records.
fn narrowed_text(
    tables: &Dataset,
    arguments: &Timeline,
    kept: Option<&BTreeSet<String>>,
    context: &Context,
) -> Result<String, AppError> {
    let _working = Working::on("collecting events", context);
    let records = tables.records();
    let subject = subject(&records, &arguments.what)?;
    let since = since(arguments.since.as_deref(), tables, context)?;
    let Some(mut story) = story(&records, &subject, since)? else {
        return Err(AppError::Sentence(format!(
            "{} `{}` has no timeline: no event is recorded for it\nexpected a failure id, task, run, service, deployment, container instance, cluster, task definition or schedule",
            subject.kind.word(),
            subject.name
        )));
    };
    if let Some(kept) = kept {
        story.retain(|record| kept.contains(record));
    }
    let links = if arguments.links { Some(links_of_story(&records, &story)?) } else { None };
    print_story(&story, links.as_deref(), arguments.format, &context.tz).map_err(|error| AppError::Io(error.into()))
}
