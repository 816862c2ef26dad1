//! `ecs-audit explain`: explains a failure with its phase, cause, preceding events and advice.

use super::args::{Explain, Global};
use super::ask::Dataset;
use super::progress::Working;
use super::query::{Asker, anchor, on_the_clock};
use super::scope::ids;
use super::stderr::{CliError, say};
use super::{evaluated, limits};
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::exit::ExitCode;
use crate::explain::{
    Capacity, ExpectedStart, Layout, Printed, Records, SHORTEST_PREFIX, Subject, begun, capacity, described_by, explain, groups,
    homes, incidents, is_slot, links_of_finding, losses, nearest, newest, of_computed, print_capacity, print_finding,
    print_groups, print_slot, resolve, schedule_named, slot,
};
use crate::lang::keyword::NOUNS;
use crate::lang::time::read_instant;
use crate::lang::{self, CheckContext, absolute};
use crate::nouns::ViewRequest;
use crate::render::wrap_page;
use crate::table::TableSet;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

/// Runs the command.
pub fn run(arguments: &Explain, global: &Global, context: &Context) -> Result<ExitCode, CliError> {
    // Comparing changes requires names from the original records.
    let tables = Dataset::open(&arguments.from, true, TableSet::ALL, global, context)?;
    limits::install(&arguments.limits, &tables, global)?;
    let working = Working::on("explaining", context);
    let records = records(&tables);
    let since = since(arguments.since.as_deref(), &tables, context)?;
    let condition = arguments.scope.checked(&tables, anchor(None, &tables, global, context)?.time, context)?;
    if !condition.is_empty() && !arguments.all {
        return Err(CliError::Sentence("--where, --cluster, --service, --account and --region need --all".to_owned()));
    }
    let is_failure = arguments.what.as_deref().is_some_and(|what| what != "quota" && !is_slot(what));
    if arguments.links && (arguments.all || !is_failure) {
        let what =
            "--links is for one failure: `ecs-audit explain last --links`; leave it out with --all, quota and expected starts";
        return Err(CliError::Sentence(what.to_owned()));
    }
    let text = match &arguments.what {
        Some(word) if word == "quota" => {
            print_capacity(&quota(arguments, &records, &tables, context)?, arguments.format, &context.tz)
        }
        Some(_) if arguments.region.is_some() => {
            let name = arguments.what.as_deref().unwrap_or_default();
            return Err(CliError::Sentence(format!(
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
    let text = text.map_err(|error| CliError::Io(error.into()))?;
    print(&if arguments.format == Layout::Text { page(text, context) } else { text })?;
    Ok(tables.loaded)
}

/// A page of text for this terminal, broken at words.
pub fn page(text: String, context: &Context) -> String {
    context.width.map(|width| wrap_page(&text, width)).unwrap_or(text)
}

/// The number of incidents that are explained in detail.
const DETAILED: usize = 10;

/// The incidents and causes of a subject, or of everything, since a time and within a condition.
fn everything(
    subject: Option<&Subject>,
    (since, condition): (Option<Timestamp>, &str),
    (tables, arguments): (&Dataset, &Explain),
    (global, context): (&Global, &Context),
) -> Result<Printed, CliError> {
    let kept = |noun: &str| -> Result<Option<BTreeSet<String>>, CliError> {
        if condition.is_empty() {
            return Ok(None);
        }
        let asker = Asker::new(tables, None, BTreeMap::new(), global, context)?;
        ids(&asker, &[noun], condition).map(Some)
    };
    // Every incident is explained from the same rows.
    let need = ViewRequest { evidence: true, ..evaluated::explained(tables) };
    let records = &self::records(tables).with_evaluated(evaluated::evaluate(tables, need, &evaluated::OF_INCIDENTS)?);
    let groups = groups(records, subject, since, kept("failures")?.as_ref())?;
    let only = kept("incidents")?;
    let incidents = incidents(records, subject, since, only.as_ref(), (DETAILED, context.threads))?;
    if incidents.is_empty() && groups.is_empty() && !global.quiet {
        say(&nothing_found(tables, since, condition)?);
    }
    Ok(print_groups(&incidents, &groups, arguments.format, &context.tz))
}

/// Why there is nothing to explain: the window or the condition, or that there is nothing at all.
fn nothing_found(tables: &Dataset, since: Option<Timestamp>, condition: &str) -> Result<String, CliError> {
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
pub fn text_of(tables: &Dataset, name: &str, context: &Context) -> Result<String, CliError> {
    let records = records(tables);
    if is_slot(name) {
        let slot = expected_start(name, &records, tables, context)?;
        return print_slot(&slot, Layout::Text, &context.tz).map_err(|error| CliError::Io(error.into()));
    }
    let subject = subject(&records, name)?;
    let found = explain(&records, &subject)?;
    let found = found.as_ref().map(|(finding, others)| (finding, *others));
    print_finding(&subject, found, &losses(&records, &subject)?, None, Layout::Text, &context.tz)
        .map_err(|error| CliError::Io(error.into()))
}

/// The pools of a Region.
fn quota(arguments: &Explain, records: &Records<'_>, tables: &Dataset, context: &Context) -> Result<Capacity, CliError> {
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
fn only_region(tables: &Dataset) -> Result<String, CliError> {
    let statement = "select region, count(*) as n from (select region from task_events union all select region from calls) t \
                     where region is not null group by region order by n desc, region";
    let rows = crate::render::rows(&tables.sql(statement)?)?;
    let look = crate::render::Look::default();
    let regions: Vec<String> = rows.iter().filter_map(|row| row.first()).map(|cell| cell.exact(&look)).collect();
    match regions.as_slice() {
        [] => {
            Err(CliError::Sentence("no task event and no call with a region is loaded, so no quota can be explained".to_owned()))
        }
        [only] => Ok(only.clone()),
        [first, ..] => Err(CliError::Sentence(format!(
            "quotas are separate in each region: add one, such as `ecs-audit explain quota {first}`\nregions: {}",
            regions.join(", ")
        ))),
    }
}

/// The time that `--at` names.
pub fn instant(text: &str, context: &Context) -> Result<Timestamp, CliError> {
    let wrong = || CliError::Sentence(format!("--at `{text}`: expected a time such as 2026-03-02T10:00:05Z"));
    let instant = read_instant(text, 0..text.len()).map_err(|_| wrong())?;
    on_the_clock(instant, context).ok_or_else(wrong)
}

/// The expected start with this id.
fn expected_start(name: &str, records: &Records<'_>, tables: &Dataset, context: &Context) -> Result<ExpectedStart, CliError> {
    let found = slot(records, name, tables.last.unwrap_or(context.now))?;
    found.ok_or_else(|| {
        CliError::Sentence(format!(
            "no expected start has the id `{name}`\nexpected the id of an expected start; \
             `ecs-audit query \"schedules where state = missed show id, time, schedule, why\"` lists the missed ones"
        ))
    })
}

/// The tables, ready for queries.
pub fn records(tables: &Dataset) -> Records<'_> {
    Records::new(|statement: &str| tables.rows(statement))
}

/// The number of names with the same beginning that an error lists.
const LISTED_AT_MOST: usize = 8;

/// Resolves a name or the beginning of an id in the tables; several beginnings are an error that lists them.
pub fn known(records: &Records<'_>, name: &str) -> Result<Option<Subject>, CliError> {
    if let Some(subject) = resolve(records, name)? {
        return Ok(Some(subject));
    }
    // A part of an id, as people copy it, means the only thing that begins with it.
    let begun = begun(records, name, LISTED_AT_MOST + 1)?;
    if begun.len() > 1 {
        let names = begun.iter().take(LISTED_AT_MOST).map(|subject| format!("  {} {}", subject.kind.word(), subject.name));
        let names = names.collect::<Vec<_>>().join("\n");
        let more = if begun.len() > LISTED_AT_MOST { "\n  …" } else { "" };
        return Err(CliError::Sentence(format!(
            "several names begin with `{name}`; type more characters of one:\n{names}{more}"
        )));
    }
    Ok(begun.into_iter().next())
}

/// Whether a name means the newest failure.
pub fn is_newest(name: &str) -> bool {
    ["last", "latest", "newest"].iter().any(|word| word.eq_ignore_ascii_case(name))
}

/// Resolves a name or the beginning of an id; an unknown name is an error that suggests similar ones.
pub fn subject(records: &Records<'_>, name: &str) -> Result<Subject, CliError> {
    if is_newest(name) {
        let newest = newest(records)?;
        return newest.ok_or_else(|| CliError::Sentence("nothing to explain: no failures are recorded".to_owned()));
    }
    if let Some(subject) = known(records, name)? {
        return at_one_home(records, subject);
    }
    if let Some(subject) = of_computed(records, name)? {
        return Ok(subject);
    }
    if let Some(subject) = schedule_named(records, name)? {
        return Ok(subject);
    }
    if let Some(instead) = another_command(records, name)? {
        return Err(CliError::Sentence(instead));
    }
    let near = match nearest(records, name)? {
        Some(question) => format!("; {question}"),
        None if name.chars().count() < SHORTEST_PREFIX => {
            format!("; the beginning of an id has at least {SHORTEST_PREFIX} characters")
        }
        None => String::new(),
    };
    Err(CliError::Sentence(format!(
        "nothing named `{name}` was found{near}\nexpected a failure id, task, run, job, service, deployment, container instance, task definition, cluster, schedule, ARN, or `last`; \
         `ecs-audit query \"failures show id, kind, reason\"` lists ids"
    )))
}

/// What to do with a text that is not a name: a noun, a reason or a message.
fn another_command(records: &Records<'_>, name: &str) -> Result<Option<String>, CliError> {
    if name.eq_ignore_ascii_case("all") {
        return Ok(Some("nothing is named `all`; to explain each cause once: `ecs-audit explain --all`".to_owned()));
    }
    if let Some(noun) = NOUNS.iter().find(|noun| noun.word.eq_ignore_ascii_case(name)) {
        return Ok(Some(format!(
            "`{name}` is a noun, not the name of something; to list its rows: `ecs-audit query {}`, to explain all failures: `ecs-audit explain --all`",
            noun.word
        )));
    }
    if let Some(field) = described_by(records, name)? {
        let query = lang::shell_quoted(&format!("failures where {field} = {}", lang::format::literal(name)));
        return Ok(Some(format!(
            "`{name}` is a {field}, not the name of something; the failures with it: `ecs-audit query {query}`"
        )));
    }
    let is_message = name.split_whitespace().count() > 2;
    Ok(is_message.then(|| {
        format!(
            "nothing named `{name}` was found; to explain a message: `ecs-audit catalog explain {}`",
            lang::shell_quoted(name)
        )
    }))
}

/// The subject in one account and Region: what has the same name elsewhere is something else.
fn at_one_home(records: &Records<'_>, subject: Subject) -> Result<Subject, CliError> {
    let homes = homes(records, &subject)?;
    let Some((account, region)) = homes.first().filter(|_| homes.len() > 1) else { return Ok(subject) };
    let home = [Some(account), region.as_ref()].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ");
    say(&format!(
        "note: {} accounts or Regions have a {} `{}`; this is the one in {home}; an ARN names another one",
        homes.len(),
        subject.kind.word(),
        subject.name
    ));
    Ok(Subject { account: Some(account.clone()), region: region.clone(), ..subject })
}

/// Prints a text unchanged.
pub fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Prints a page of text, broken at words where a terminal shows it.
pub fn print_page(text: String, context: &Context) -> Result<(), CliError> {
    print(&page(text, context))
}

/// A duration before the newest event, or a time.
pub fn since(text: Option<&str>, tables: &Dataset, context: &Context) -> Result<Option<Timestamp>, CliError> {
    let newest = tables.last.unwrap_or(context.now);
    text.map(|text| point_in_time("--since", text, newest, context)).transpose()
}

/// The value of an option: a duration back from `anchor`, a time, or a day such as `yesterday`.
pub fn point_in_time(option: &str, text: &str, anchor: Timestamp, context: &Context) -> Result<Timestamp, CliError> {
    let wrong = |diagnostic: Box<Diagnostic>| {
        let why = diagnostic.label.as_deref().map(|label| format!(" ({label})")).unwrap_or_default();
        CliError::Sentence(format!(
            "{option} `{text}`: expected a duration such as 7d, a time such as 2026-03-04, or yesterday, monday or last week{why}"
        ))
    };
    let instant = read_instant(text, 0..text.len()).map_err(wrong)?;
    let check = CheckContext { anchor, now: context.now, first: None, last: None, tz: context.tz.clone(), default_rows: None };
    absolute(&instant, &check, &(0..text.len())).map_err(wrong)
}
