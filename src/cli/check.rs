//! `ecs-audit check`: runs packs of checks on a store, for cron and CI.

use super::args::{CheckArgs, Global};
use super::open::open;
use super::output::{listing, print};
use super::progress::Working;
use super::settings::{as_of, limits, saved_texts};
use super::stderr::say;
use super::{destination, stdout};
use crate::answer::Answer;
use crate::app::{AppError, Dataset, QueryRunner, any_reads_originals, checked_scope};
use crate::check::{BUILTIN_PACKS, Baseline, Check, Detail, Layout, Outcome, Pack, Report, State, find, write};
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::exit::ExitCode;
use crate::lang::ast::{self, Spanned};
use crate::lang::time::read_instant;
use crate::lang::{self, Checked, suggest};
use crate::nouns::{self, ViewRequest, ZoneName};
use crate::plan::{self, Evidence, Options};
use crate::render::{Format, Look, describe_window};
use crate::run::{self, RunError, parallel_queries};
use crate::table::{Table, TableSet};
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The default window.
const SINCE: &str = "1d";

/// The number of days for which a new baseline accepts a finding, counted from the newest event.
const ACCEPTED_DAYS: i64 = 90;

/// Runs the command.
pub fn run(arguments: &CheckArgs, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let packs = packs(&arguments.packs, global)?;
    if arguments.list {
        return list(&packs, arguments.format, context);
    }
    let saved = saved_texts(&arguments.set, global)?;
    let queries = packs.iter().flat_map(|pack| &pack.checks).map(|check| check.query.as_str());
    let tables = open(&arguments.from, any_reads_originals(queries, &saved), TableSet::ALL, global, context)?;
    run_on(&tables, packs, saved, arguments, global, context)
}

/// Runs the checks on the tables of a prompt.
pub fn run_here(tables: &Dataset, arguments: &CheckArgs, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let packs = packs(&arguments.packs, global)?;
    if arguments.list {
        return list(&packs, arguments.format, context);
    }
    run_on(tables, packs, saved_texts(&arguments.set, global)?, arguments, global, context)
}

fn run_on(
    tables: &Dataset,
    packs: Vec<Pack>,
    saved: BTreeMap<String, String>,
    arguments: &CheckArgs,
    global: &Global,
    context: &Context,
) -> Result<ExitCode, AppError> {
    let detail = detail(arguments, context)?;
    // Mistakes in these files are reported before anything is computed.
    let accepted = arguments.baseline.as_deref().map(baseline).transpose()?;
    let target = arguments.write_baseline.as_deref().map(target).transpose()?;
    let working = Working::on("checking", context);
    let packs = if arguments.packs.is_empty() { of_this_store(packs, tables, global) } else { packs };
    let runner = QueryRunner::new(tables, &as_of(arguments.as_of.as_deref(), global), saved, context)?;
    limits(&arguments.limits, global).install(tables)?;
    let window = window(arguments)?;
    let condition = checked_scope(arguments.scope.condition(), tables, runner.anchor.time, context)?;
    let asked = (&window, arguments.since.is_some(), condition.as_str());
    let (mut outcomes, default_window) = outcomes(&packs, asked, &runner, context, &working)?;
    name_files(&mut outcomes, tables)?;
    let partial = partial(tables, &runner, &window)?;
    drop(working);
    let home = arguments.from.first().map_or(&*global.store, |path| path.as_path());
    let mut report = Report { outcomes, window: default_window, partial, home: home.display().to_string(), baseline: None };
    if !global.quiet {
        say(&format!("window {}", report.window));
        report.partial.iter().for_each(|line| say(&format!("note: {line}")));
    }
    if let (Some(path), Some(known)) = (&arguments.write_baseline, target) {
        // Entries of the file itself win over those of --baseline.
        let known = accepted.unwrap_or_default().merged(known);
        let newest = tables.last.unwrap_or(runner.anchor.time);
        let today = date(newest, context);
        let found = Baseline::of(&report, &known, (today, today.saturating_add(ACCEPTED_DAYS.days())));
        // Within a scope, nothing is known about the findings outside of it.
        let written = if condition.is_empty() { found } else { known.merged(found) };
        destination::write(path, written.text())?;
        if !global.quiet {
            let (entries, path) = (written.entries(), path.display());
            say(&format!("wrote {entries} accepted findings to {path}; give each one a reason and a last day"));
        }
        return Ok(if is_complete(&report) { ExitCode::Ok } else { ExitCode::Partial });
    }
    if let Some(accepted) = &accepted {
        accepted.apply(&mut report, date(runner.anchor.time, context));
        // Within a scope, an entry may be about something outside of it.
        if let Some(applied) = report.baseline.as_mut().filter(|_| !condition.is_empty()) {
            applied.unmatched.clear();
        }
        if !global.quiet {
            notes(&report).iter().for_each(|note| say(note));
        }
    }
    let text = write(&report, arguments.format, detail);
    match &arguments.out {
        Some(path) => destination::write(path, text)?,
        None if arguments.format == Layout::Text => stdout::print_page(text, context)?,
        None => stdout::print(&text)?,
    }
    Ok(if report.has(arguments.fail_on) {
        ExitCode::Finding
    } else if is_complete(&report) {
        ExitCode::Ok
    } else {
        ExitCode::Partial
    })
}

/// Whether every check was answered from all records.
fn is_complete(report: &Report) -> bool {
    report.partial.is_empty() && report.not_answered().is_empty()
}

/// How many findings are shown.
fn detail(arguments: &CheckArgs, context: &Context) -> Result<Detail, AppError> {
    match arguments.top {
        Some(_) if !arguments.format.is_for_people() => {
            let people: Vec<String> =
                Layout::ALL.into_iter().filter(|layout| layout.is_for_people()).map(|layout| layout.to_string()).collect();
            Err(AppError::Sentence(format!("--top is for {}; {} always has all findings", people.join(", "), arguments.format)))
        }
        Some(top) => Ok(Detail::Top(top.get())),
        None => Ok(match context.width.filter(|_| arguments.out.is_none()) {
            Some(width) => Detail::Screen(width),
            None => Detail::All,
        }),
    }
}

/// Reads a baseline.
fn baseline(path: &Path) -> Result<Baseline, AppError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        AppError::Sentence(format!("`{}`: {error}; `--write-baseline FILE` writes a baseline", path.display()))
    })?;
    Baseline::parse(&text, path).map_err(|error| AppError::Sentence(error.to_string()))
}

/// The entries of the file to write, if it exists. A file that is not a baseline is never overwritten.
fn target(path: &Path) -> Result<Baseline, AppError> {
    destination::refuse_store(path)?;
    if path.exists() { baseline(path) } else { Ok(Baseline::default()) }
}

/// The day of a time in the reader's time zone.
fn date(time: jiff::Timestamp, context: &Context) -> Date {
    context.tz.to_datetime(time).date()
}

/// What readers of a report need to know about its baseline.
fn notes(report: &Report) -> Vec<String> {
    let Some(applied) = &report.baseline else { return Vec::new() };
    let mut notes = Vec::new();
    if applied.unexplained > 0 {
        notes.push(format!("note: accepted findings without a reason: {}", applied.unexplained));
    }
    if applied.expired > 0 {
        notes.push(format!("note: findings that the baseline accepted until a day that has passed: {}", applied.expired));
    }
    let unmatched = applied.unmatched.iter();
    notes.extend(unmatched.map(|entry| format!("note: the baseline lists a finding that no longer occurs: {entry}")));
    notes
}

/// The requested packs: built-in ones by name, others by file; all packs if none is given.
fn packs(names: &[String], global: &Global) -> Result<Vec<Pack>, AppError> {
    let tables: Vec<&str> = Table::ALL.iter().map(|table| table.name()).collect();
    let parse = |text: &str, path: &Path| {
        Pack::parse(text, path, &tables).map_err(|config_error| AppError::Sentence(config_error.to_string()))
    };
    let file = |path: &Path| {
        let text = std::fs::read_to_string(path)
            .map_err(|error| AppError::Sentence(format!("`{}`: {error}; expected a TOML file with [[check]]", path.display())))?;
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
        Some(twice) => Err(AppError::Sentence(format!("two packs are called `{}`; rename one", twice.name))),
        None => Ok(packs),
    }
}

fn unknown(name: &str) -> AppError {
    let known = BUILTIN_PACKS.iter().map(|(known, _)| *known);
    let mut diagnostic = Diagnostic::error(format!("`{name}` is neither a built-in pack nor a file"), 0..name.len());
    if let Some(question) = suggest::question(name, known.clone()) {
        diagnostic = diagnostic.with_label(question);
    }
    let note = format!("built-in packs: {}", known.collect::<Vec<_>>().join(", "));
    AppError::Query { text: name.to_owned(), diagnostics: vec![diagnostic.with_note(note)] }
}

fn list(packs: &[Pack], layout: Layout, context: &Context) -> Result<ExitCode, AppError> {
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
    let format = match layout {
        Layout::Json => Format::Json,
        Layout::Markdown => Format::Markdown,
        Layout::Slack => Format::Slack,
        // The others are formats of findings.
        Layout::Text | Layout::Junit | Layout::Sarif | Layout::Github | Layout::Gitlab => Format::Table,
    };
    print(&answer, format, None, context)?;
    Ok(ExitCode::Ok)
}

/// The window of the options, as a clause.
fn window(arguments: &CheckArgs) -> Result<ast::Window, AppError> {
    let instant = |option: &str, text: &str| {
        let read = read_instant(text, 0..text.len());
        read.map(|instant| Spanned::new(instant, 0..0)).map_err(|error| {
            AppError::Sentence(format!(
                "{option} `{text}`: {}; expected a duration such as 1d, or a time such as 2026-03-04",
                error.message
            ))
        })
    };
    let since = instant("--since", arguments.since.as_deref().unwrap_or(SINCE))?;
    let until = arguments.until.as_deref().map(|text| instant("--until", text)).transpose()?;
    Ok(ast::Window::Open { since: Some(since), until })
}

/// A check with its query.
struct Question<'p> {
    pack: &'p str,
    check: &'p Check,
    text: String,
    checked: Checked,
    /// Whether it uses the window of the options.
    shown: bool,
}

/// The outcome of each check, and the default window.
fn outcomes(
    packs: &[Pack],
    asked: (&ast::Window, bool, &str),
    runner: &QueryRunner<'_>,
    context: &Context,
    working: &Working,
) -> Result<(Vec<Outcome>, String), AppError> {
    let (mut outcomes, mut questions) = (Vec::new(), Vec::new());
    let mut default_window = String::new();
    for (pack, check) in packs.iter().flat_map(|pack| pack.checks.iter().map(|check| (pack.name.as_str(), check))) {
        let question = match question(pack, check, asked, runner) {
            // A noun without the fields of the scope has no rows that are known to be in it.
            Err(_) if !asked.2.is_empty() && question(pack, check, (asked.0, asked.1, ""), runner).is_ok() => {
                let state = State::NotAnswered(format!("its rows do not have the fields of `{}`", asked.2));
                outcomes.push(Outcome::new(pack, check.clone(), state));
                continue;
            }
            other => other?,
        };
        if question.shown {
            default_window = describe_window(&runner.window_of(&question.checked), &context.tz);
        }
        let state = match runner.tables.unanswerable(&question.checked).or_else(|| needed(check, runner.tables)) {
            Some(why) => State::NotAnswered(format!("{why}; `ecs-audit doctor` shows how to export them")),
            None => {
                questions.push((outcomes.len(), question));
                State::Passed
            }
        };
        outcomes.push(Outcome::new(pack, check.clone(), state));
    }
    let answers = answers(&questions, runner, context, working)?;
    let look = Look { tz: context.tz.clone(), ..Look::default() };
    for ((index, question), answer) in questions.into_iter().zip(answers) {
        let answer = answer.map_err(|error| question.in_check(AppError::of_run(error, &question.text)))?;
        let findings = find(question.check, &answer, &look)
            .map_err(|why| AppError::Sentence(format!("check `{}/{}`: {why}", question.pack, question.check.name)))?;
        if let Some(outcome) = outcomes.get_mut(index) {
            outcome.query = question.checked.canonical;
            outcome.state = if findings.is_empty() { State::Passed } else { State::Found(findings) };
        }
    }
    Ok((outcomes, default_window))
}

/// The results of the checks, computed in parallel.
fn answers(
    questions: &[(usize, Question<'_>)],
    runner: &QueryRunner<'_>,
    context: &Context,
    working: &Working,
) -> Result<Vec<Result<Answer, RunError>>, AppError> {
    let (tables, anchor) = (runner.tables, runner.anchor.time);
    let options = Options { anchor, evidence: Evidence::First };
    // Rows that two checks need are computed only once: most checks query failures, and several the same schedules.
    let mut needed: BTreeMap<String, usize> = BTreeMap::new();
    let of_failures = ViewRequest {
        anchor: anchor.as_microsecond(),
        evidence: true,
        zone: ZoneName::of(&context.tz),
        ..ViewRequest::default()
    };
    for (_, question) in questions {
        let failures = nouns::noun("failures").filter(|noun| noun.word == question.checked.source);
        let view = match failures {
            Some(noun) => Some((noun.view)(of_failures)),
            None => plan::computed_rows(&question.checked, options),
        };
        if let Some(view) = view {
            *needed.entry(view).or_default() += 1;
        }
    }
    for (view, _) in needed.into_iter().filter(|(_, checks)| *checks > 1) {
        let session = tables.session.clone();
        tables.wait(async move { run::evaluate(&session, &view, &[], &[]).await })?;
    }
    let answered = AtomicUsize::new(0);
    let ask = |(_, question): &(usize, Question<'_>)| {
        let answer = tables.answer(&question.checked, options);
        let answered = answered.fetch_add(1, Ordering::Relaxed) + 1;
        working.done(|| format!("{answered} of {} questions", questions.len()));
        answer
    };
    Ok(parallel_queries(context.threads, questions, ask))
}

impl Question<'_> {
    /// Adds the name of the check to an error.
    fn in_check(&self, failure: AppError) -> AppError {
        in_check(self.pack, self.check, failure)
    }
}

fn in_check(pack: &str, check: &Check, failure: AppError) -> AppError {
    match failure {
        AppError::Query { text, diagnostics } => AppError::Query {
            text,
            diagnostics: diagnostics
                .into_iter()
                .map(|one| one.with_note(format!("in the check `{pack}/{}`", check.name)))
                .collect(),
        },
        other => other,
    }
}

/// The final query of a check.
fn question<'p>(
    pack: &'p str,
    check: &'p Check,
    (window, is_given, condition): (&ast::Window, bool, &str),
    runner: &QueryRunner<'_>,
) -> Result<Question<'p>, AppError> {
    let wrong = |failure| in_check(pack, check, failure);
    let parsed = lang::parse(&check.query).map_err(|diagnostics| AppError::Query { text: check.query.clone(), diagnostics });
    let mut query = runner.expand(&parsed.map_err(wrong)?, &check.query).map_err(wrong)?;
    lang::narrow(&mut query, condition)
        .map_err(|diagnostics| wrong(AppError::Query { text: condition.to_owned(), diagnostics }))?;
    let mut shown = false;
    if let Some(stage) = query.stages.first_mut()
        && (stage.window.is_none() || is_given)
    {
        stage.window = Some(Spanned::new(window.clone(), 0..0));
        shown = true;
    }
    // Positions refer to the text with the window in it.
    let text = lang::format(&query);
    let query = lang::parse(&text).map_err(|diagnostics| AppError::Query { text: text.clone(), diagnostics })?;
    let checked = runner.check(&query, &text).map_err(wrong)?;
    Ok(Question { pack, check, text, checked, shown })
}

/// The message for a required table without rows.
fn needed(check: &Check, tables: &Dataset) -> Option<String> {
    let has_rows = |name: &str| tables.filled.iter().any(|table| table.name() == name);
    let missing = check.needs.iter().find(|need| !has_rows(need))?;
    let table = Table::ALL.iter().find(|table| table.name() == missing)?;
    Some(format!("no {} are loaded", plan::records_called(&[*table])))
}

/// The packs, without those for a system that has no records while another system has some.
fn of_this_store(packs: Vec<Pack>, tables: &Dataset, global: &Global) -> Vec<Pack> {
    let has_rows = |name: &String| tables.filled.iter().any(|table| table.name() == name);
    let fits = |pack: &Pack| pack.when.is_empty() || pack.when.iter().any(has_rows);
    if !packs.iter().any(fits) {
        return packs;
    }
    let (kept, others): (Vec<Pack>, Vec<Pack>) = packs.into_iter().partition(fits);
    if !others.is_empty() && !global.quiet {
        let names: Vec<&str> = others.iter().map(|pack| pack.name.as_str()).collect();
        say(&format!(
            "note: skipped, because the store has none of their records: {}; name a pack to run it anyway",
            names.join(", ")
        ));
    }
    kept
}

/// The tables with records that a finding can refer to.
const RECORDS: [Table; 7] = [
    Table::Calls,
    Table::TaskEvents,
    Table::InstanceEvents,
    Table::ServiceEvents,
    Table::JobSubmissions,
    Table::RunRecords,
    Table::RunEvents,
];

/// Adds the file of each record of a finding.
fn name_files(outcomes: &mut [Outcome], tables: &Dataset) -> Result<(), AppError> {
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
    let parts = RECORDS.map(|table| format!("select id, file, record from {} where id in ({list})", table.name()));
    let all = parts.join(" union all ");
    // A record can be in several files.
    let statement = format!(
        "select id, min(file) as file, min(record) as record from (select a.*, min(file) over (partition by id) as first from ({all}) a) b \
         where file = first group by id order by id"
    );
    let answer = tables.sql(&statement)?;
    let mut files = BTreeMap::new();
    for row in crate::render::rows(&answer)? {
        if let [id, file, record] = row.as_slice() {
            let number = record.as_number().map(|number| number as u64);
            files.insert(id.exact(&Look::default()), (file.exact(&Look::default()), number));
        }
    }
    places(outcomes, &mut |place| {
        if let Some((file, record)) = files.get(&place.id) {
            (place.file, place.record) = (Some(file.clone()), *record);
        }
    });
    Ok(())
}

/// The reasons why results may be incomplete.
fn partial(tables: &Dataset, runner: &QueryRunner<'_>, window: &ast::Window) -> Result<Vec<String>, AppError> {
    let mut partial = Vec::new();
    partial.extend(tables.quarantined()?);
    let query = ast::Query {
        source: Spanned::new(ast::Source::Noun("failures".to_owned()), 0..0),
        stages: vec![ast::Stage { window: Some(Spanned::new(window.clone(), 0..0)), ..ast::Stage::default() }],
    };
    let text = lang::format(&query);
    let checked = runner.check(&query, &text)?;
    let micros = |time: jiff::Timestamp| time.as_microsecond();
    let mut conditions = vec!["true".to_owned()];
    conditions.extend(checked.window.from.map(|from| format!("cast(\"time\" as bigint) >= {}", micros(from))));
    conditions.extend(checked.window.to.map(|to| format!("cast(\"time\" as bigint) < {}", micros(to))));
    let condition = conditions.join(" and ");
    let parts = RECORDS.map(|table| format!("select 1 from {} where {condition}", table.name()));
    if tables.number(&format!("select count(*) from ({})", parts.join(" union all ")))? == 0 {
        partial.push("the window has no records, so nothing is known about this time".to_owned());
    }
    Ok(partial)
}
