//! `ecs-audit check`: packs of checks against a store, for schedules and CI.

use super::args::{CheckArgs, Global};
use super::ask::{Tables, listing, print};
use super::explain;
use super::limits;
use super::query::{Asker, saved_texts};
use super::say::{Failure, say};
use crate::check::{BUILTIN_PACKS, Check, Outcome, Pack, Report, State, find, write};
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::exit::ExitCode;
use crate::lang::ast::{self, Spanned};
use crate::lang::time::read_instant;
use crate::lang::{self, suggest};
use crate::plan::Evidence;
use crate::render::{Format, Look, describe_window};
use crate::table::{Table, TableSet};
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The window where neither the option nor the check names one.
const SINCE: &str = "1d";

/// Runs the command.
pub fn run(arguments: &CheckArgs, global: &Global, context: &Context) -> Result<ExitCode, Failure> {
    let packs = packs(&arguments.packs, global)?;
    if arguments.list {
        return list(&packs, context);
    }
    let tables = Tables::open(&arguments.from, false, TableSet::ALL, global, context)?;
    let asker = Asker::new(&tables, arguments.as_of.as_deref(), saved_texts(&arguments.set, global)?, global, context)?;
    limits::install(&arguments.limits, &tables, global)?;
    let window = window(arguments)?;
    let mut outcomes = Vec::new();
    let mut told = String::new();
    for pack in &packs {
        for check in &pack.checks {
            let (outcome, shown) = outcome(&pack.name, check, (&window, arguments.since.is_some()), &asker, context)?;
            told = shown.unwrap_or(told);
            outcomes.push(outcome);
        }
    }
    name_files(&mut outcomes, &tables)?;
    let partial = partial(&tables, &asker, &window)?;
    let report = Report { outcomes, window: told, partial };
    if !global.quiet {
        say(&format!("window {}", report.window));
        report.partial.iter().for_each(|line| say(&format!("note: {line}")));
    }
    let text = write(&report, arguments.format);
    match &arguments.out {
        Some(path) => std::fs::write(path, text).map_err(|error| Failure::Sentence(format!("`{}`: {error}", path.display())))?,
        None => explain::print(&text)?,
    }
    Ok(if report.has(arguments.fail_on) {
        ExitCode::Finding
    } else if report.partial.is_empty() {
        ExitCode::Ok
    } else {
        ExitCode::Partial
    })
}

/// The packs that were asked for: built-in ones by name, others by file; all there are when none was named.
fn packs(names: &[String], global: &Global) -> Result<Vec<Pack>, Failure> {
    let tables: Vec<&str> = Table::ALL.iter().map(|table| table.name()).collect();
    let parse =
        |text: &str, path: &Path| Pack::parse(text, path, &tables).map_err(|mistake| Failure::Sentence(mistake.to_string()));
    let file = |path: &Path| {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::Sentence(format!("`{}`: {error}; expected a TOML file with [[check]]", path.display())))?;
        parse(&text, path)
    };
    let builtin = |name: &str, text: &str| parse(text, Path::new(name));
    let configured = global.configured.settings.packs.iter().map(|setting| &setting.value);
    let mut packs = Vec::new();
    if names.is_empty() {
        for (name, text) in BUILTIN_PACKS {
            packs.push(builtin(name, text)?);
        }
        for path in configured {
            packs.push(file(path)?);
        }
    }
    for name in names {
        match BUILTIN_PACKS.iter().find(|(known, _)| known == name) {
            Some((name, text)) => packs.push(builtin(name, text)?),
            None if Path::new(name).exists() => packs.push(file(Path::new(name))?),
            None => return Err(unknown(name)),
        }
    }
    let mut seen = BTreeSet::new();
    match packs.iter().find(|pack| !seen.insert(pack.name.clone())) {
        Some(twice) => Err(Failure::Sentence(format!("two packs are called `{}`; give one of them another name", twice.name))),
        None => Ok(packs),
    }
}

fn unknown(name: &str) -> Failure {
    let known = BUILTIN_PACKS.iter().map(|(known, _)| *known);
    let mut diagnostic = Diagnostic::error(format!("`{name}` is neither a built-in pack nor a file"), 0..name.len());
    if let Some(question) = suggest::question(name, known.clone()) {
        diagnostic = diagnostic.with_label(question);
    }
    let note = format!("built-in packs: {}", known.collect::<Vec<_>>().join(", "));
    Failure::Query { text: name.to_owned(), diagnostics: vec![diagnostic.with_note(note)] }
}

fn list(packs: &[Pack], context: &Context) -> Result<ExitCode, Failure> {
    let rows = packs.iter().flat_map(|pack| {
        pack.checks.iter().map(|check| {
            vec![
                pack.name.clone(),
                check.name.clone(),
                check.severity.word().to_owned(),
                check.question.clone(),
                check.query.clone(),
            ]
        })
    });
    let answer = listing(&["pack", "check", "severity", "question", "query"], rows.collect())?;
    print(&answer, Format::Table, None, context)?;
    Ok(ExitCode::Ok)
}

/// The window of the options, as a clause.
fn window(arguments: &CheckArgs) -> Result<ast::Window, Failure> {
    let instant = |option: &str, text: &str| {
        let read = read_instant(text, 0..text.len());
        read.map(|instant| Spanned::new(instant, 0..0)).map_err(|error| {
            Failure::Sentence(format!(
                "{option} `{text}`: {}; expected a duration such as 1d, or a time such as 2026-03-04",
                error.message
            ))
        })
    };
    let since = instant("--since", arguments.since.as_deref().unwrap_or(SINCE))?;
    let until = arguments.until.as_deref().map(|text| instant("--until", text)).transpose()?;
    Ok(ast::Window::Open { since: Some(since), until })
}

/// What came of a check, and the window it was asked for where that is the one of the options.
fn outcome(
    pack: &str,
    check: &Check,
    (window, is_told): (&ast::Window, bool),
    asker: &Asker<'_>,
    context: &Context,
) -> Result<(Outcome, Option<String>), Failure> {
    let outcome = |query: String, state| Outcome { pack: pack.to_owned(), check: check.clone(), query, state };
    if let Some(need) = missing_need(check, asker.tables)? {
        let why = format!("no {} have been loaded; `ecs-audit doctor` says how to export them", need.replace('_', " "));
        return Ok((outcome(String::new(), State::NotAnswered(why)), None));
    }
    let wrong = |failure: Failure| match failure {
        Failure::Query { text, diagnostics } => Failure::Query {
            text,
            diagnostics: diagnostics
                .into_iter()
                .map(|one| one.with_note(format!("in the check `{pack}/{}`", check.name)))
                .collect(),
        },
        other => other,
    };
    let parsed = lang::parse(&check.query).map_err(|diagnostics| Failure::Query { text: check.query.clone(), diagnostics });
    let mut query = asker.expand(&parsed.map_err(wrong)?, &check.query).map_err(wrong)?;
    let mut shown = false;
    if let Some(stage) = query.stages.first_mut()
        && (stage.window.is_none() || is_told)
    {
        stage.window = Some(Spanned::new(window.clone(), 0..0));
        shown = true;
    }
    // Places are those of the text with the window in it.
    let text = lang::format(&query);
    let query = lang::parse(&text).map_err(|diagnostics| Failure::Query { text: text.clone(), diagnostics })?;
    let (checked, answer) = asker.ask(&query, &text, Evidence::First).map_err(wrong)?;
    let look = Look { tz: context.tz.clone(), ..Look::default() };
    let findings =
        find(check, &answer, &look).map_err(|why| Failure::Sentence(format!("the check `{pack}/{}`: {why}", check.name)))?;
    let told = shown.then(|| describe_window(&asker.whole_window(&answer), &context.tz));
    let state = if findings.is_empty() { State::Passed } else { State::Found(findings) };
    Ok((outcome(checked.canonical, state), told))
}

/// The first table that a check needs and that is empty.
fn missing_need<'c>(check: &'c Check, tables: &Tables) -> Result<Option<&'c str>, Failure> {
    for need in &check.needs {
        if tables.sql(&format!("select 1 from {need} limit 1"))?.rows() == 0 {
            return Ok(Some(need));
        }
    }
    Ok(None)
}

/// Tables whose records a finding may rest on.
const RECORDS: [Table; 7] = [
    Table::Calls,
    Table::TaskEvents,
    Table::InstanceEvents,
    Table::ServiceEvents,
    Table::JobSubmissions,
    Table::RunRecords,
    Table::RunEvents,
];

/// Names the file of each record that a finding rests on.
fn name_files(outcomes: &mut [Outcome], tables: &Tables) -> Result<(), Failure> {
    let places = |outcomes: &mut [Outcome], visit: &mut dyn FnMut(&mut crate::check::Place)| {
        for outcome in outcomes {
            if let State::Found(findings) = &mut outcome.state {
                findings.iter_mut().flat_map(|finding| &mut finding.records).for_each(&mut *visit);
            }
        }
    };
    let mut ids = BTreeSet::new();
    places(outcomes, &mut |place| {
        ids.insert(place.id.clone());
    });
    if ids.is_empty() {
        return Ok(());
    }
    let list = ids.iter().map(|id| format!("'{}'", id.replace('\'', "''"))).collect::<Vec<_>>().join(", ");
    let parts = RECORDS.map(|table| format!("select id, file from {} where id in ({list})", table.name()));
    let statement = format!("select id, min(file) as file from ({}) group by id order by id", parts.join(" union all "));
    let answer = tables.sql(&statement)?;
    let mut files = BTreeMap::new();
    for row in crate::render::rows(&answer)? {
        if let [id, file] = row.as_slice() {
            files.insert(id.exact(&Look::default()), file.exact(&Look::default()));
        }
    }
    places(outcomes, &mut |place| place.file = files.get(&place.id).cloned());
    Ok(())
}

/// Why the answers may lack something.
fn partial(tables: &Tables, asker: &Asker<'_>, window: &ast::Window) -> Result<Vec<String>, Failure> {
    let mut partial = Vec::new();
    let quarantined = number(tables, "select count(*) from quarantine")?;
    if quarantined > 0 {
        partial.push(format!("records that could not be loaded: {quarantined}; `ecs-audit query quarantine` says why"));
    }
    let query = ast::Query {
        source: Spanned::new(ast::Source::Noun("failures".to_owned()), 0..0),
        stages: vec![ast::Stage { window: Some(Spanned::new(window.clone(), 0..0)), ..ast::Stage::default() }],
    };
    let text = lang::format(&query);
    let checked = asker.check(&query, &text)?;
    let micros = |time: jiff::Timestamp| time.as_microsecond();
    let mut conditions = vec!["true".to_owned()];
    conditions.extend(checked.window.from.map(|from| format!("cast(\"time\" as bigint) >= {}", micros(from))));
    conditions.extend(checked.window.to.map(|to| format!("cast(\"time\" as bigint) < {}", micros(to))));
    let condition = conditions.join(" and ");
    let parts = RECORDS.map(|table| format!("select 1 from {} where {condition}", table.name()));
    if number(tables, &format!("select count(*) from ({})", parts.join(" union all ")))? == 0 {
        partial.push("no record of any kind is in the window: this says nothing about what happened then".to_owned());
    }
    Ok(partial)
}

/// The number that a statement gives.
pub fn number(tables: &Tables, statement: &str) -> Result<i64, Failure> {
    let answer = tables.sql(statement)?;
    let batch = answer.batches.iter().find(|batch| batch.num_rows() > 0);
    let column = batch.and_then(|batch| arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Int64).ok());
    Ok(column.and_then(|column| column.as_primitive::<Int64Type>().iter().next().flatten()).unwrap_or(0))
}
