//! `ecs-audit explain`: explains a failure with its phase, cause, preceding events and advice.

use super::args::{Explain, Global};
use super::ask::Tables;
use super::limits;
use super::query::on_the_clock;
use super::say::Failure;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::explain::{
    Capacity, ExpectedStart, Layout, Records, Subject, begun, capacity, explain, groups, is_slot, losses, nearest, newest,
    print_capacity, print_finding, print_groups, print_slot, resolve, schedule_named, slot,
};
use crate::lang::time::{read_duration, read_instant, seconds};
use crate::run;
use crate::table::TableSet;
use jiff::{SignedDuration, Timestamp};
use std::io::{self, Write};

/// Runs the command.
pub fn run(arguments: &Explain, global: &Global, context: &Context) -> Result<ExitCode, Failure> {
    // Comparing changes requires names from the original records.
    let tables = Tables::open(&arguments.from, true, TableSet::ALL, global, context)?;
    limits::install(&arguments.limits, &tables, global)?;
    let records = records(&tables);
    let since = since(arguments.since.as_deref(), &tables, context)?;
    let text = match &arguments.what {
        Some(word) if word == "quota" => {
            print_capacity(&quota(arguments, &records, &tables, context)?, arguments.format, &context.tz)
        }
        Some(_) if arguments.region.is_some() => {
            return Err(Failure::Sentence("a Region is only allowed after quota: explain quota ap-northeast-1".to_owned()));
        }
        None => print_groups(&groups(&records, None, since)?, arguments.format, &context.tz),
        Some(name) if is_slot(name) => {
            print_slot(&expected_start(name, &records, &tables, context)?, arguments.format, &context.tz)
        }
        Some(name) => {
            let subject = subject(&records, name)?;
            if arguments.all {
                print_groups(&groups(&records, Some(&subject), since)?, arguments.format, &context.tz)
            } else {
                let found = explain(&records, &subject)?;
                let found = found.as_ref().map(|(finding, others)| (finding, *others));
                print_finding(&subject, found, &losses(&records, &subject)?, arguments.format, &context.tz)
            }
        }
    };
    print(&text.map_err(|error| Failure::Io(error.into()))?)?;
    Ok(tables.loaded)
}

/// The explanation of an argument, as text.
pub fn text_of(tables: &Tables, name: &str, context: &Context) -> Result<String, Failure> {
    let records = records(tables);
    if is_slot(name) {
        let slot = expected_start(name, &records, tables, context)?;
        return print_slot(&slot, Layout::Text, &context.tz).map_err(|error| Failure::Io(error.into()));
    }
    let subject = subject(&records, name)?;
    let found = explain(&records, &subject)?;
    let found = found.as_ref().map(|(finding, others)| (finding, *others));
    print_finding(&subject, found, &losses(&records, &subject)?, Layout::Text, &context.tz)
        .map_err(|error| Failure::Io(error.into()))
}

/// The pools of a Region.
fn quota(arguments: &Explain, records: &Records<'_>, tables: &Tables, context: &Context) -> Result<Capacity, Failure> {
    let Some(region) = &arguments.region else {
        return Err(Failure::Sentence("name a Region, for example: explain quota ap-northeast-1".to_owned()));
    };
    let at = match arguments.at.as_deref() {
        None => None,
        Some(text) => Some(instant(text, context)?),
    };
    Ok(capacity(records, region, at, tables.last.unwrap_or(context.now))?)
}

/// The time that `--at` names.
pub fn instant(text: &str, context: &Context) -> Result<Timestamp, Failure> {
    let wrong = || Failure::Sentence(format!("--at `{text}`: expected a time such as 2026-03-02T10:00:05Z"));
    let instant = read_instant(text, 0..text.len()).map_err(|_| wrong())?;
    on_the_clock(instant, context).ok_or_else(wrong)
}

/// The expected start with this id.
fn expected_start(name: &str, records: &Records<'_>, tables: &Tables, context: &Context) -> Result<ExpectedStart, Failure> {
    let found = slot(records, name, tables.last.unwrap_or(context.now))?;
    found.ok_or_else(|| {
        Failure::Sentence(format!(
            "no expected start has the id `{name}`\nexpected the id of an expected start; \
             `ecs-audit query \"schedules where state = missed show id, time, schedule, why\"` lists the missed ones"
        ))
    })
}

/// The tables, ready for queries.
pub fn records(tables: &Tables) -> Records<'_> {
    Records::new(|statement: &str| tables.runtime.block_on(run::sql(&tables.session, statement)))
}

/// The number of names with the same beginning that an error lists.
const LISTED_AT_MOST: usize = 8;

/// Resolves a name or the beginning of an id; an unknown name is an error that suggests similar ones.
pub fn subject(records: &Records<'_>, name: &str) -> Result<Subject, Failure> {
    if name == "last" {
        let newest = newest(records)?;
        return newest.ok_or_else(|| Failure::Sentence("nothing to explain: no failures are recorded".to_owned()));
    }
    if let Some(subject) = resolve(records, name)? {
        return Ok(subject);
    }
    // A part of an id, as people copy it, means the only thing that begins with it.
    let begun = begun(records, name, LISTED_AT_MOST + 1)?;
    if let [subject] = begun.as_slice() {
        return Ok(subject.clone());
    }
    if !begun.is_empty() {
        let names = begun.iter().take(LISTED_AT_MOST).map(|subject| format!("  {} {}", subject.kind.word(), subject.name));
        let names = names.collect::<Vec<_>>().join("\n");
        let more = if begun.len() > LISTED_AT_MOST { "\n  …" } else { "" };
        return Err(Failure::Sentence(format!("several names begin with `{name}`; type more of one:\n{names}{more}")));
    }
    if let Some(subject) = schedule_named(records, name)? {
        return Ok(subject);
    }
    let near = nearest(records, name)?.map(|question| format!("; {question}")).unwrap_or_default();
    Err(Failure::Sentence(format!(
        "nothing named `{name}` was found{near}\nexpected a failure id, task, run, job, service, deployment, container instance, task definition, cluster, schedule, ARN, or `last`; \
         `ecs-audit query \"failures show id, kind, reason\"` lists ids"
    )))
}

/// Prints a text unchanged.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// A duration before the newest event, or a time.
pub fn since(text: Option<&str>, tables: &Tables, context: &Context) -> Result<Option<Timestamp>, Failure> {
    let newest = tables.last.unwrap_or(context.now);
    text.map(|text| point_in_time("--since", text, newest, context)).transpose()
}

/// The value of an option: a duration back from `anchor`, or a time.
pub fn point_in_time(option: &str, text: &str, anchor: Timestamp, context: &Context) -> Result<Timestamp, Failure> {
    let wrong = || Failure::Sentence(format!("{option} `{text}`: expected a duration such as 7d, or a time such as 2026-03-04"));
    if let Ok(duration) = read_duration(text, 0..text.len()) {
        let back = seconds(&duration).ok_or_else(wrong)?;
        return anchor.checked_sub(SignedDuration::from_secs(back)).map_err(|_| wrong());
    }
    let time = read_instant(text, 0..text.len()).ok().and_then(|instant| super::query::on_the_clock(instant, context));
    time.ok_or_else(wrong)
}
