//! `ecs-audit explain`: explains a failure with its phase, cause, preceding events and advice.

use super::args::{Explain, Global};
use super::notes::subject;
use super::open::open;
use super::progress::Working;
use super::settings::{as_of, limits};
use super::stderr::say;
use super::stdout::{page, print};
use crate::app::{Anchor, AppError, Dataset, OF_INCIDENTS, QueryRunner, checked_scope, evaluate, explained, ids, instant, since};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::explain::{
    Capacity, ExpectedStart, Layout, Printed, Records, Subject, capacity, explain, groups, incidents, is_slot, links_of_finding,
    losses, print_capacity, print_finding, print_groups, print_slot, slot,
};
use crate::nouns::ViewRequest;
use crate::table::TableSet;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Runs the command.
pub fn run(arguments: &Explain, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    // Comparing changes requires names from the original records.
    let tables = open(&arguments.from, true, TableSet::ALL, global, context)?;
    limits(&arguments.limits, global).install(&tables)?;
    let working = Working::on("explaining", context);
    let records = tables.records();
    let since = since(arguments.since.as_deref(), &tables, context)?;
    let condition =
        checked_scope(arguments.scope.condition(), &tables, Anchor::new(&as_of(None, global), &tables, context)?.time, context)?;
    if !condition.is_empty() && !arguments.all {
        return Err(AppError::Sentence("--where, --cluster, --service, --account and --region need --all".to_owned()));
    }
    let is_failure = arguments.what.as_deref().is_some_and(|what| what != "quota" && !is_slot(what));
    if arguments.links && (arguments.all || !is_failure) {
        let what =
            "--links is for one failure: `ecs-audit explain last --links`; leave it out with --all, quota and expected starts";
        return Err(AppError::Sentence(what.to_owned()));
    }
    let text = match &arguments.what {
        Some(word) if word == "quota" => {
            print_capacity(&quota(arguments, &records, &tables, context)?, arguments.format, &context.tz)
        }
        Some(_) if arguments.region.is_some() => {
            let name = arguments.what.as_deref().unwrap_or_default();
            return Err(AppError::Sentence(format!(
                "`explain` takes one name: `ecs-audit explain {name}`; a region is only allowed after quota: `ecs-audit explain quota ap-northeast-1`"
            )));
        }
        None => everything(None, (since, &condition), (&tables, arguments), (global, context))?,
        Some(name) if is_slot(name) => {
            print_slot(&expected_start(name, &records, &tables, context)?, arguments.format, &context.tz)
        }
        Some(name) => {
            let subject = subject(&records, name)?;
            if arguments.all {
                everything(Some(&subject), (since, &condition), (&tables, arguments), (global, context))?
            } else {
                let found = explain(&records, &subject)?;
                let found = found.as_ref().map(|(finding, others)| (finding, *others));
                let links = match found.filter(|_| arguments.links) {
                    Some((finding, _)) => Some(links_of_finding(&records, finding)?),
                    None => arguments.links.then(Vec::new),
                };
                let losses = losses(&records, &subject)?;
                print_finding(&subject, found, &losses, links.as_deref(), arguments.format, &context.tz)
            }
        }
    };
    drop(working);
    let text = text.map_err(|error| AppError::Io(error.into()))?;
    print(&if arguments.format == Layout::Text { page(text, context) } else { text })?;
    Ok(tables.loaded)
}

/// The number of incidents that are explained in detail.
const DETAILED: usize = 10;

/// The incidents and causes of a subject, or of everything, since a time and within a condition.
fn everything(
    subject: Option<&Subject>,
    (since, condition): (Option<Timestamp>, &str),
    (tables, arguments): (&Dataset, &Explain),
    (global, context): (&Global, &Context),
) -> Result<Printed, AppError> {
    let kept = |noun: &str| -> Result<Option<BTreeSet<String>>, AppError> {
        if condition.is_empty() {
            return Ok(None);
        }
        let runner = QueryRunner::new(tables, &as_of(None, global), BTreeMap::new(), context)?;
        ids(&runner, &[noun], condition).map(Some)
    };
    // Every incident is explained from the same rows.
    let need = ViewRequest { evidence: true, ..explained(tables) };
    let records = &tables.records().with_evaluated(evaluate(tables, need, &OF_INCIDENTS)?);
    let groups = groups(records, subject, since, kept("failures")?.as_ref())?;
    let only = kept("incidents")?;
    let incidents = incidents(records, subject, since, only.as_ref(), (DETAILED, context.threads))?;
    if incidents.is_empty() && groups.is_empty() && !global.quiet {
        say(&nothing_found(tables, since, condition)?);
    }
    Ok(print_groups(&incidents, &groups, arguments.format, &context.tz))
}

/// Why there is nothing to explain: the window or the condition, or that there is nothing at all.
fn nothing_found(tables: &Dataset, since: Option<Timestamp>, condition: &str) -> Result<String, AppError> {
    let rows = crate::render::rows(&tables.sql("select max(\"time\") as newest from failures")?)?;
    let look = crate::render::Look::default();
    let newest = rows.first().and_then(|row| row.first()).map(|cell| cell.exact(&look)).filter(|time| !time.is_empty());
    let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
    let condition = if condition.is_empty() { "" } else { " match the condition" };
    Ok(match newest {
        Some(newest) => format!("note: no failures{condition}{since}; the newest failure is from {newest}"),
        None => "note: no failures are loaded; `ecs-audit doctor` shows what the store contains".to_owned(),
    })
}

/// The explanation of an argument, as text.
pub fn text_of(tables: &Dataset, name: &str, context: &Context) -> Result<String, AppError> {
    let records = tables.records();
    if is_slot(name) {
        let slot = expected_start(name, &records, tables, context)?;
        return print_slot(&slot, Layout::Text, &context.tz).map_err(|error| AppError::Io(error.into()));
    }
    let subject = subject(&records, name)?;
    let found = explain(&records, &subject)?;
    let found = found.as_ref().map(|(finding, others)| (finding, *others));
    print_finding(&subject, found, &losses(&records, &subject)?, None, Layout::Text, &context.tz)
        .map_err(|error| AppError::Io(error.into()))
}

/// The pools of a Region.
fn quota(arguments: &Explain, records: &Records<'_>, tables: &Dataset, context: &Context) -> Result<Capacity, AppError> {
    let region = match &arguments.region {
        Some(region) => region.clone(),
        None => only_region(tables)?,
    };
    let region = &region;
    let at = match arguments.at.as_deref() {
        None => None,
        Some(text) => Some(instant(text, context)?),
    };
    Ok(capacity(records, region, at, tables.last.unwrap_or(context.now))?)
}

/// The region of the tasks, if there is one; several are an error that lists them.
fn only_region(tables: &Dataset) -> Result<String, AppError> {
    let statement = "select region, count(*) as n from (select region from task_events union all select region from calls) t \
                     where region is not null group by region order by n desc, region";
    let rows = crate::render::rows(&tables.sql(statement)?)?;
    let look = crate::render::Look::default();
    let regions: Vec<String> = rows.iter().filter_map(|row| row.first()).map(|cell| cell.exact(&look)).collect();
    match regions.as_slice() {
        [] => {
            Err(AppError::Sentence("no task event and no call with a region is loaded, so no quota can be explained".to_owned()))
        }
        [only] => Ok(only.clone()),
        [first, ..] => Err(AppError::Sentence(format!(
            "quotas are separate in each region: add one, such as `ecs-audit explain quota {first}`\nregions: {}",
            regions.join(", ")
        ))),
    }
}

/// The expected start with this id.
fn expected_start(name: &str, records: &Records<'_>, tables: &Dataset, context: &Context) -> Result<ExpectedStart, AppError> {
    let found = slot(records, name, tables.last.unwrap_or(context.now))?;
    found.ok_or_else(|| {
        AppError::Sentence(format!(
            "no expected start has the id `{name}`\nexpected the id of an expected start; \
             `ecs-audit query \"schedules where state = missed show id, time, schedule, why\"` lists the missed ones"
        ))
    })
}
