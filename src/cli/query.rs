//! `ecs-audit query` and `ecs-audit sql`.

use super::args::{Asking, Global, Query, Sql};
use super::ask::{Dataset, Shown, check_out, deliver, format_of};
use super::links::linked;
use super::progress::Working;
use super::redact::redactor;
use super::stderr::{CliError, say, say_raw, warn};
use super::{columns, config, destination, document, limits, output_words, torn};
use crate::answer::{Answer, AnswerWindow};
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::exit::ExitCode;
use crate::lang::ast::{self, Source};
use crate::lang::checked::DEFAULT_ROWS;
use crate::lang::{self, CheckContext, Checked};
use crate::nouns::{self, Noun, ViewRequest, ZoneName};
use crate::plan::{self, Evidence, Options, PlanCatalog, nouns_named_in, register_nouns};
use crate::plural;
use crate::redact::NOTE;
use crate::render::{Format, Look, Schema, describe_instant, describe_window};
use crate::run;
use crate::table::{Table, TableSet};
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use indicatif::HumanCount;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;

/// The number of column values that are read for suggestions.
const SUGGESTED: usize = 1000;

/// Runs `sql`.
pub fn run_sql(arguments: &Sql, global: &Global, context: &Context) -> Result<ExitCode, CliError> {
    check_out(&arguments.asking)?;
    let statement = &arguments.statement;
    let from = &arguments.asking.from;
    let read = if from.is_empty() { None } else { columns::of_statement(arguments, global, context)? };
    let tables = match read {
        Some(columns) => Dataset::open(from, columns.has_originals(), columns, global, context)?,
        None => {
            let nouns = nouns_named_in(statement);
            let need = sql_request(statement, context);
            let mut keep_raw = statement.to_lowercase().contains("raw") || statement.contains('*');
            keep_raw |= nouns.iter().any(|noun| noun.reads_originals);
            let wanted = TableSet::named_in(&format!("{statement} {}", plan::tables_behind(&nouns, need)));
            Dataset::open(from, keep_raw, wanted, global, context)?
        }
    };
    limits::install(&arguments.limits, &tables, global)?;
    #[cfg(feature = "cluster")]
    let tables = super::cluster::connect(&arguments.on, tables, global)?;
    let answer = sql_answer(&tables, statement, context)?;
    deliver(&answer, &arguments.asking, false, Shown::All, context)?;
    if !global.quiet {
        report_written(&answer, &arguments.asking);
    }
    Ok(tables.loaded)
}

/// What a statement requests from the views of the nouns in it.
fn sql_request(statement: &str, context: &Context) -> ViewRequest {
    ViewRequest {
        raw: statement.to_lowercase().contains("raw"),
        extra: may_read_extra(&nouns_named_in(statement), statement),
        zone: ZoneName::of(&context.tz),
        ..ViewRequest::default()
    }
}

/// Whether a text may read columns that are missing unless they are requested. False positives cost time and memory but
/// do not change the result.
fn may_read_extra(nouns: &[&Noun], text: &str) -> bool {
    let text = text.to_lowercase();
    nouns.iter().any(|noun| !noun.extra.is_empty() && (text.contains('*') || noun.extra.iter().any(|name| text.contains(name))))
}

/// The rows of a statement, in which nouns are tables.
pub fn sql_answer(tables: &Dataset, statement: &str, context: &Context) -> Result<Answer, CliError> {
    let nouns = register(tables, statement, context)?;
    let _working = Working::on("querying", context);
    let answer = tables.rows(statement).map_err(|error| CliError::of_run(error, statement));
    for noun in nouns {
        // Another statement may request other columns.
        let _ = tables.session.deregister_table(noun.word);
    }
    answer
}

/// Makes the nouns in a statement readable as tables.
pub fn register(tables: &Dataset, statement: &str, context: &Context) -> Result<Vec<&'static Noun>, CliError> {
    let mut need = sql_request(statement, context);
    need.anchor = tables.last.unwrap_or(context.now).as_microsecond();
    let nouns = nouns_named_in(statement);
    tables.runtime.block_on(register_nouns(&tables.session, &nouns, need)).map_err(run::RunError::from)?;
    Ok(nouns)
}

/// Reports how many rows were written to a file.
fn report_written(answer: &Answer, asking: &Asking) {
    if let Some(out) = &asking.out {
        say(&written(answer, out));
    }
}

/// The report about a file with a result.
pub fn written(answer: &Answer, out: &Path) -> String {
    let rows = plural::word(answer.rows(), "row", "rows");
    format!("wrote {} {rows} to {}", HumanCount(answer.rows() as u64), out.display())
}

/// Runs `query`.
pub fn run_query(arguments: &Query, global: &Global, context: &Context) -> Result<ExitCode, CliError> {
    check_out(&arguments.asking)?;
    let text = match arguments.query.as_slice() {
        [only] if only == "-" => text_of_stdin()?,
        words => torn::joined(words),
    };
    let wrong = |mut diagnostics: Vec<Diagnostic>| {
        if let Some(advice) = torn::advice(&arguments.query, &text, &diagnostics) {
            // What the shell has left of the query is not what was meant.
            diagnostics.iter_mut().for_each(|diagnostic| diagnostic.help = None);
            diagnostics.push(advice);
        } else if let (Some(wanted), Some(last)) = (output_words::read(&text), diagnostics.last_mut()) {
            last.help = Some(format!("did you mean `{}`?", wanted.command_line()));
        }
        CliError::Query { text: text.clone(), diagnostics }
    };
    let query = lang::parse_if(&text, &is_valid(context.now)).map_err(wrong)?;
    let wants_json = format_of(&arguments.asking) == Format::Json;
    if arguments.canonical {
        let canonical = lang::format(&query);
        match wants_json {
            true => document::print(Schema::Plan, &Plan { query: &canonical, plan: None })?,
            false => writeln!(io::stdout().lock(), "{canonical}")?,
        }
        return Ok(ExitCode::Ok);
    }
    let saved = saved_texts(&arguments.set, global)?;
    let expanded = lang::expand(&query, &PlanCatalog::default().with_saved(saved.clone())).map_err(wrong)?;
    let from = &arguments.asking.from;
    // Redaction and links look for names in all tables.
    let looks_everywhere = arguments.redact || arguments.links;
    let read = if from.is_empty() || looks_everywhere {
        None
    } else {
        columns::of_query(&query, &text, arguments, &saved, global, context)?
    };
    let tables = match read {
        Some(columns) => Dataset::open(from, columns.has_originals(), columns, global, context)?,
        None => {
            let keep_raw = arguments.redact || mentions_raw(&expanded);
            let originals = keep_raw || reads_originals(&expanded);
            let wanted = if looks_everywhere { TableSet::ALL } else { tables_behind(&expanded, keep_raw) };
            Dataset::open(from, originals, wanted, global, context)?
        }
    };
    limits::install(&arguments.limits, &tables, global)?;
    #[cfg(feature = "cluster")]
    let tables = super::cluster::connect(&arguments.on, tables, global)?;
    let asker = asker(&tables, arguments, saved, global, context)?;
    let checked = asker.check(&query, &text).map_err(|failure| match failure {
        CliError::Query { diagnostics, .. } => wrong(diagnostics),
        other => other,
    })?;
    if !global.quiet {
        checked.warnings.iter().for_each(|warning| warn(warning, &text));
    }
    let evidence = evidence(arguments);
    let options = Options { anchor: asker.anchor.time, evidence };
    if arguments.explain {
        let plan = tables.runtime.block_on(run::explain(&tables.session, &checked, options));
        let plan = plan.map_err(|error| CliError::of_run(error, &text))?;
        match wants_json {
            true => document::print(Schema::Plan, &Plan { query: &checked.canonical, plan: Some(&plan) })?,
            false => writeln!(io::stdout().lock(), "{plan}")?,
        }
        return Ok(tables.loaded);
    }
    let mut answer = asker.answer(&checked, &text, evidence)?;
    if arguments.links {
        answer = linked(&answer, &checked, arguments.evidence, &tables)?;
    }
    if arguments.redact {
        answer =
            redactor(&tables, &global.store, arguments.asking.from.is_empty())?.answer(&answer).map_err(run::RunError::from)?;
    }
    if !global.quiet {
        asker.echo(&answer, &checked);
    }
    if arguments.chart {
        print_chart(&answer, &arguments.asking, context)?;
    } else {
        deliver(&answer, &arguments.asking, arguments.links, Shown::of(&expanded), context)?;
    }
    if !global.quiet {
        report_written(&answer, &arguments.asking);
        // Suggestions could reveal redacted names.
        if arguments.redact {
            say(&format!("note: {NOTE}"));
        } else {
            after(&answer, &checked, &tables, options);
        }
        note_catalog(&expanded, &tables);
    }
    Ok(tables.loaded)
}

/// The runner of a query with these arguments.
pub fn asker<'t>(
    tables: &'t Dataset,
    arguments: &Query,
    saved: BTreeMap<String, String>,
    global: &Global,
    context: &'t Context,
) -> Result<Asker<'t>, CliError> {
    let mut asker = Asker::new(tables, arguments.as_of.as_deref(), saved, global, context)?;
    asker.default_rows = default_rows(format_of(&arguments.asking), arguments.asking.out.is_none() && !arguments.chart, context);
    Ok(asker)
}

/// Whether rows include the ids of their records: a link may be that of the only record behind a row.
pub fn evidence(arguments: &Query) -> Evidence {
    if arguments.evidence || arguments.links { Evidence::First } else { Evidence::Without }
}

/// Whether a query names only what exists, whatever the store contains: what cannot run is not suggested.
pub fn is_valid(now: Timestamp) -> impl Fn(&ast::Query) -> bool {
    let context = CheckContext { anchor: now, now, first: None, last: None, tz: TimeZone::UTC, default_rows: None };
    move |query| lang::is_valid(query, &PlanCatalog::default(), &context)
}

/// A query that is shown instead of run, for programs.
#[derive(Serialize)]
struct Plan<'q> {
    /// In canonical form.
    query: &'q str,
    plan: Option<&'q str>,
}

/// The query on standard input, up to the length of the longest query.
fn text_of_stdin() -> Result<String, CliError> {
    let mut bytes = Vec::new();
    // One more byte makes the query too long, which the parser reports.
    io::stdin().lock().take(lang::token::MAX_LENGTH as u64 + 1).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| CliError::Sentence("stdin is not UTF-8 text; expected a query".to_owned()))
}

/// The SQL for the number of callers without a schedule, which are not in `schedules`; none for other nouns.
pub fn irregular_callers(checked: &Checked, options: Options) -> Option<String> {
    let need = ViewRequest { anchor: options.anchor.as_microsecond(), zone: ZoneName::of(&checked.tz), ..ViewRequest::default() };
    (checked.source == "schedules").then(|| nouns::schedules::callers(need))
}

/// Reports the number of callers without a schedule.
fn irregular(tables: &Dataset, checked: &Checked, options: Options) {
    let Some(Ok(answer)) = irregular_callers(checked, options).map(|callers| tables.sql(&callers)) else { return };
    let number = |column: usize| {
        let cell = answer.batches.first().map(|batch| batch.column(column));
        cell.and_then(|cell| cell.as_primitive_opt::<Int64Type>()).and_then(|numbers| numbers.iter().next().flatten())
    };
    if let (Some(regular), Some(irregular)) = (number(0), number(1)) {
        say(&format!(
            "note: {regular} callers follow a schedule; {irregular} do not, so no starts are expected of them \
             (`launches where not regular by cluster, family, started_by` lists them)"
        ));
    }
}

/// Prints the chart of a result, on standard output or to a file.
fn print_chart(answer: &Answer, asking: &Asking, context: &Context) -> Result<(), CliError> {
    let width = if asking.out.is_some() { None } else { context.width };
    let look = Look { width, color: context.color && asking.out.is_none(), tz: context.tz.clone(), ..Look::default() };
    let text = chart(answer, &look)?;
    match &asking.out {
        None => super::explain::print(&text),
        Some(path) => destination::write(path, text),
    }
}

/// The chart of a result.
pub fn chart(answer: &Answer, look: &Look) -> Result<String, CliError> {
    let drawn = crate::render::chart(answer, look)?;
    drawn.ok_or_else(|| {
        let works = "a chart draws groups, such as `failures by reason` or `failures every 1h`";
        CliError::Sentence(format!("nothing to draw: {works}"))
    })
}

/// Rows are classified when they are loaded, so later changes of the catalog do not apply to them.
fn note_catalog(query: &ast::Query, tables: &Dataset) {
    let classified = [Table::Failures, Table::TaskEvents, Table::ServiceEvents, Table::JobSubmissions];
    let asked = tables_behind(query, false);
    if tables.classified_by_others > 0 && classified.into_iter().any(|table| asked.contains(table)) {
        say(&format!(
            "note: {} records were loaded with another version of the failure catalog or with other rules; \
             `ecs-audit store reclassify` updates them",
            tables.classified_by_others
        ));
    }
}

/// The nouns of an expanded query.
fn nouns_of(query: &ast::Query) -> impl Iterator<Item = &'static Noun> {
    let source = match &query.source.value {
        Source::Noun(source) => Some(source),
        Source::Saved(_) => None,
    };
    let related = query.stages.iter().flat_map(|stage| &stage.relations).map(|relation| &relation.noun.value);
    source.into_iter().chain(related).filter_map(|word| nouns::noun(word))
}

/// The tables that the nouns of a query need.
fn tables_behind(query: &ast::Query, keep_raw: bool) -> TableSet {
    let Source::Noun(_) = &query.source.value else { return TableSet::ALL };
    let nouns: Vec<&Noun> = nouns_of(query).collect();
    let extra = may_read_extra(&nouns, &lang::format(query));
    let need = ViewRequest { raw: keep_raw, extra, evidence: true, ..ViewRequest::default() };
    let views = nouns.into_iter().map(|noun| (noun.view)(need));
    TableSet::named_in(&views.collect::<Vec<_>>().join(" "))
}

/// Whether a noun of a query needs the original records.
fn reads_originals(query: &ast::Query) -> bool {
    let extra: Vec<&Noun> = nouns_of(query).filter(|noun| noun.extra_reads_originals).collect();
    nouns_of(query).any(|noun| noun.reads_originals) || may_read_extra(&extra, &lang::format(query))
}

/// Whether a query may use `raw`. False positives cost memory but do not change the result.
fn mentions_raw(query: &ast::Query) -> bool {
    lang::format(query).to_lowercase().contains("raw")
}

/// Whether one of these queries needs the original records; errors in them are reported when they run.
pub fn any_reads_originals<'q>(mut texts: impl Iterator<Item = &'q str>, saved: &BTreeMap<String, String>) -> bool {
    let catalog = PlanCatalog::default().with_saved(saved.clone());
    texts.any(|text| {
        let expanded = lang::parse(text).and_then(|query| lang::expand(&query, &catalog));
        expanded.is_ok_and(|query| reads_originals(&query) || mentions_raw(&query))
    })
}

/// Runs queries on tables.
pub struct Asker<'t> {
    /// The tables.
    pub tables: &'t Dataset,
    /// The reference point for relative times.
    pub anchor: Anchor,
    /// The default number of rows; none = all.
    pub default_rows: Option<u32>,
    catalog: PlanCatalog,
    context: &'t Context,
}

impl<'t> Asker<'t> {
    /// Creates a query runner with these saved queries, relative to this time or to that of the settings.
    pub fn new(
        tables: &'t Dataset,
        as_of: Option<&str>,
        saved: BTreeMap<String, String>,
        global: &Global,
        context: &'t Context,
    ) -> Result<Asker<'t>, CliError> {
        let anchor = anchor(as_of, tables, global, context)?;
        let catalog = catalog(tables).with_saved(saved);
        Ok(Asker { tables, anchor, default_rows: None, catalog, context })
    }

    /// Expands saved queries in a query.
    pub fn expand(&self, query: &ast::Query, text: &str) -> Result<ast::Query, CliError> {
        lang::expand(query, &self.catalog).map_err(|diagnostics| CliError::Query { text: text.to_owned(), diagnostics })
    }

    /// Resolves the names in a query and makes its times absolute.
    pub fn check(&self, query: &ast::Query, text: &str) -> Result<Checked, CliError> {
        let (tables, context) = (self.tables, self.context);
        let check = CheckContext { default_rows: self.default_rows, ..check_context(self.anchor.time, tables, context) };
        let checked = lang::check(query, &self.catalog, &check);
        let mut checked = checked.map_err(|diagnostics| CliError::Query { text: text.to_owned(), diagnostics })?;
        self.anchor.describe_origin(&mut checked);
        Ok(checked)
    }

    /// The result of a checked query.
    pub fn answer(&self, checked: &Checked, text: &str, evidence: Evidence) -> Result<Answer, CliError> {
        let options = Options { anchor: self.anchor.time, evidence };
        let (session, checked) = (self.tables.session.clone(), checked.clone());
        let _working = Working::on("querying", self.context);
        let answer = self.tables.wait(async move {
            run::evaluate_few(&session, &checked, options).await?;
            run::answer(&session, &checked, options).await
        });
        answer.map_err(|error| CliError::of_run(error, text))
    }

    /// The result of a query.
    pub fn ask(&self, query: &ast::Query, text: &str, evidence: Evidence) -> Result<(Checked, Answer), CliError> {
        let checked = self.check(query, text)?;
        let answer = self.answer(&checked, text, evidence)?;
        Ok((checked, answer))
    }

    /// The window of a result with both ends: a window without an end ends with the newest event, which is included.
    pub fn whole_window(&self, answer: &Answer) -> AnswerWindow {
        let mut window = answer.window.clone();
        window.from = window.from.or(self.tables.first);
        window.to = window.to.or(self.tables.last);
        window
    }

    /// The window of a query with both ends, whether or not it can be answered.
    pub fn window_of(&self, checked: &Checked) -> AnswerWindow {
        let window = &checked.window;
        AnswerWindow {
            from: window.from.or(self.tables.first),
            to: window.to.or(self.tables.last),
            origin: window.origin.clone(),
        }
    }

    /// Prints the window on standard error, before the rows.
    pub fn echo(&self, answer: &Answer, checked: &Checked) {
        say(&self.window_line(answer, checked, "--as-of now"));
    }

    /// The window of a result, as a line; `clock` is how to count from the current time.
    pub fn window_line(&self, answer: &Answer, checked: &Checked, clock: &str) -> String {
        let (anchor, context) = (&self.anchor, self.context);
        let from_newest = anchor.name.is_none() && checked.window.from_newest;
        let mut window = self.whole_window(answer);
        if from_newest {
            window.origin.push_str(&format!("; use {clock} for the current time"));
        }
        let mut line = format!("window {}", describe_window(&window, &context.tz));
        if let Some(other) = checked.stages.iter().find_map(|stage| stage.compare.as_ref()) {
            let other = AnswerWindow { from: other.from, to: other.to, origin: other.origin.clone() };
            line.push_str(&format!("\ncompared with {}", describe_window(&other, &context.tz)));
        }
        if from_newest {
            let age = context.now.duration_since(anchor.time);
            let length = checked.window.from.map_or(SignedDuration::ZERO, |from| anchor.time.duration_since(from));
            if age > length && age > SignedDuration::from_hours(24) {
                line.push_str(&format!("\nnote: the newest event is {} days old", age.as_hours() / 24));
            }
        }
        line
    }
}

/// The default number of rows: a table on a terminal shows the newest few, everything else gets all rows.
pub fn default_rows(format: Format, shown: bool, context: &Context) -> Option<u32> {
    (shown && format == Format::Table && context.width.is_some()).then_some(DEFAULT_ROWS)
}

/// The context in which queries on these tables are checked; by default, they return all rows.
pub fn check_context(anchor: Timestamp, tables: &Dataset, context: &Context) -> CheckContext {
    CheckContext { anchor, now: context.now, first: tables.first, last: tables.last, tz: context.tz.clone(), default_rows: None }
}

/// The reference point for relative times.
pub struct Anchor {
    /// The time.
    pub time: Timestamp,
    /// Its description, unless it is the newest event.
    name: Option<String>,
}

impl Anchor {
    /// Adds the reference point to the description of the window.
    fn describe_origin(&self, checked: &mut Checked) {
        if let Some(name) = &self.name {
            checked.window.origin = checked.window.origin.replace("newest event", name);
        }
    }
}

/// The texts of the saved queries with these parameter values.
pub fn saved_texts(set: &[(String, String)], global: &Global) -> Result<BTreeMap<String, String>, CliError> {
    let given: BTreeMap<String, String> = set.iter().cloned().collect();
    global.configured.settings.texts(&given).map_err(CliError::Sentence)
}

/// The reference point for relative times: the option, else the settings.
pub fn anchor(as_of: Option<&str>, tables: &Dataset, global: &Global, context: &Context) -> Result<Anchor, CliError> {
    let newest = Anchor { time: tables.last.unwrap_or(context.now), name: None };
    let setting = config::as_of(global);
    let (text, origin) = as_of.map_or((setting.value.as_str(), setting.origin.as_str()), |text| (text, "--as-of"));
    if text == "latest" {
        return Ok(newest);
    }
    if text == "now" {
        return Ok(Anchor { time: context.now, name: Some("the clock".to_owned()) });
    }
    let wrong = || {
        CliError::Sentence(format!("{origin} `{text}`: expected now, latest, or a time such as 2026-03-04T12:00Z or 2026-03-04"))
    };
    let instant = lang::time::read_instant(text, 0..text.len()).map_err(|_| wrong())?;
    let time = on_the_clock(instant, context).ok_or_else(wrong)?;
    Ok(Anchor { time, name: Some(describe_instant(time, &context.tz)) })
}

/// A date or a time as a point in time; none for relative times.
pub fn on_the_clock(instant: lang::ast::Instant, context: &Context) -> Option<Timestamp> {
    let time = match instant {
        lang::ast::Instant::Date(date) => date.to_zoned(context.tz.clone()).map(|zoned| zoned.timestamp()),
        lang::ast::Instant::DateTime(time, Some(offset)) => offset.to_timestamp(time),
        lang::ast::Instant::DateTime(time, None) => time.to_zoned(context.tz.clone()).map(|zoned| zoned.timestamp()),
        _ => return None,
    };
    time.ok()
}

/// The catalog of the language, with values from these tables for suggestions.
pub fn catalog(tables: &Dataset) -> PlanCatalog {
    let session = tables.session.clone();
    let handle = tables.runtime.handle().clone();
    PlanCatalog::new(move |noun, field| handle.block_on(run::values(&session, noun, field, SUGGESTED)).unwrap_or_default())
}

/// Prints additional notes on standard error.
pub fn after(answer: &Answer, checked: &Checked, tables: &Dataset, options: Options) {
    if answer.rows() == 0 {
        let loaded = tables.first.zip(tables.last);
        let why = run::explain_empty(&tables.session, checked, options, loaded);
        let lines = tables.runtime.block_on(why).unwrap_or_default();
        let mut text = "note: no rows".to_owned();
        for line in lines {
            text.push_str(&format!("\n  = {}", crate::render::visible(&line)));
        }
        say_raw(&text);
    }
    irregular(tables, checked, options);
    if let Some(limit) = checked.default_limit.filter(|limit| answer.rows() >= *limit as usize) {
        say(&format!("note: showing the newest {limit} rows; `limit all` shows all, --out FILE writes all"));
    }
}
