//! `ecs-audit query` and `ecs-audit sql`.

use super::args::{Asking, Global, Query, Sql};
use super::notes::{after, note_catalog};
use super::open::open;
use super::output::{Shown, chart, check_out, default_rows, deliver, format_of, written};
use super::progress::Working;
use super::settings::{as_of, limits, saved_texts};
use super::stderr::{say, warn};
use super::{destination, output_words, stdout, torn};
use crate::answer::Answer;
use crate::app::{
    AppError, QueryOptions, QueryRunner, columns_of_query, columns_of_statement, is_valid, linked, mentions_raw, reads_originals,
    redactor, sql_answer, sql_request, tables_behind,
};
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::exit::ExitCode;
use crate::lang;
use crate::plan::{self, Evidence, Options, PlanCatalog, nouns_named_in};
use crate::redact::NOTE;
use crate::render::{Format, Look, Schema};
use crate::run;
use crate::table::{Table, TableSet};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};

/// Runs `sql`.
pub fn run_sql(arguments: &Sql, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    check_out(&arguments.asking)?;
    let statement = &arguments.statement;
    if let Ok(query) = lang::parse(statement) {
        let error = Diagnostic::general("this is a query, not a SQL statement");
        let help = format!("`ecs-audit query {}`", lang::shell_quoted(&lang::format(&query)));
        return Err(AppError::Query { text: statement.clone(), diagnostics: vec![error.with_help(help)] });
    }
    let limits = limits(&arguments.limits, global);
    let from = &arguments.asking.from;
    let read = if from.is_empty() { None } else { columns_of_statement(statement, &limits, context)? };
    let tables = match read {
        Some(columns) => open(from, columns.has_originals(), columns, global, context)?,
        None => {
            let nouns = nouns_named_in(statement);
            let need = sql_request(statement, context);
            let mut keep_raw = statement.to_lowercase().contains("raw") || statement.contains('*');
            keep_raw |= nouns.iter().any(|noun| noun.reads_originals);
            let wanted = TableSet::named_in(&format!("{statement} {}", plan::tables_behind(&nouns, need)));
            open(from, keep_raw, wanted, global, context)?
        }
    };
    limits.install(&tables)?;
    #[cfg(feature = "cluster")]
    let tables = super::cluster::connect(&arguments.on, tables, global)?;
    let working = Working::on("querying", context);
    let answer = sql_answer(&tables, statement, context)?;
    drop(working);
    deliver(&answer, &arguments.asking, false, Shown::All, context)?;
    if !global.quiet {
        report_written(&answer, &arguments.asking);
        // The noun has another number of rows than the table of its name.
        if plan::tables_named_in(statement).contains(Table::Failures.name()) {
            say(
                "note: the table `failures` has each record of a failure; `ecs-audit query` merges those of one failure into one row",
            );
        }
    }
    Ok(tables.loaded)
}

/// Reports how many rows were written to a file.
fn report_written(answer: &Answer, asking: &Asking) {
    if let Some(out) = &asking.out {
        say(&written(answer, out));
    }
}

/// Runs `query`.
pub fn run_query(arguments: &Query, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
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
        AppError::Query { text: text.clone(), diagnostics }
    };
    let query = match lang::parse_if(&text, &is_valid(context.now)) {
        Ok(query) => query,
        Err(errors) if errors.iter().all(|error| error.help.is_none()) => {
            let meant = meant_in_store(&text, arguments, global, context);
            return Err(wrong(lang::suggested(&text, errors, meant)));
        }
        Err(errors) => return Err(wrong(errors)),
    };
    let wants_json = format_of(&arguments.asking) == Format::Json;
    if arguments.canonical {
        let canonical = lang::format(&query);
        match wants_json {
            true => stdout::print_document(Schema::Plan, &Plan { query: &canonical, plan: None })?,
            false => writeln!(io::stdout().lock(), "{canonical}")?,
        }
        return Ok(ExitCode::Ok);
    }
    let saved = saved_texts(&arguments.set, global)?;
    let expanded = lang::expand(&query, &PlanCatalog::default().with_saved(saved.clone())).map_err(wrong)?;
    let options = options(arguments, saved, global, context);
    let from = &arguments.asking.from;
    // Redaction and links look for names in all tables.
    let looks_everywhere = arguments.redact || arguments.links;
    let read = if from.is_empty() || looks_everywhere { None } else { columns_of_query(&query, &text, &options, context)? };
    let tables = match read {
        Some(columns) => open(from, columns.has_originals(), columns, global, context)?,
        None => {
            let keep_raw = arguments.redact || mentions_raw(&expanded);
            let originals = keep_raw || reads_originals(&expanded);
            let wanted = if looks_everywhere { TableSet::ALL } else { tables_behind(&expanded, keep_raw) };
            open(from, originals, wanted, global, context)?
        }
    };
    options.limits.install(&tables)?;
    #[cfg(feature = "cluster")]
    let tables = super::cluster::connect(&arguments.on, tables, global)?;
    let runner = QueryRunner::with_options(&tables, &options, context)?;
    let checked = runner.check(&query, &text).map_err(|failure| match failure {
        AppError::Query { diagnostics, .. } => wrong(diagnostics),
        other => other,
    })?;
    if !global.quiet {
        checked.warnings.iter().for_each(|warning| warn(warning, &text));
    }
    let evidence = options.evidence;
    let options = Options { anchor: runner.anchor.time, evidence };
    if arguments.explain {
        let plan = tables.runtime.block_on(run::explain(&tables.session, &checked, options));
        let plan = plan.map_err(|error| AppError::of_run(error, &text))?;
        match wants_json {
            true => stdout::print_document(Schema::Plan, &Plan { query: &checked.canonical, plan: Some(&plan) })?,
            false => writeln!(io::stdout().lock(), "{plan}")?,
        }
        return Ok(tables.loaded);
    }
    let working = Working::on("querying", context);
    let mut answer = runner.answer(&checked, &text, evidence)?;
    drop(working);
    if arguments.links {
        answer = linked(&answer, &checked, arguments.evidence, &tables)?;
    }
    if arguments.redact {
        answer =
            redactor(&tables, &global.store, arguments.asking.from.is_empty())?.answer(&answer).map_err(run::RunError::from)?;
    }
    if !global.quiet {
        say(&runner.window_line(&answer, &checked, "--as-of now"));
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

/// The query that a text with a value but without its field means, such as `failures of checkout`, if the store has the value.
fn meant_in_store(text: &str, arguments: &Query, global: &Global, context: &Context) -> Option<String> {
    // Reading an export for a hint could take minutes.
    if !arguments.asking.from.is_empty() || lang::habit::with_bare_value(text).is_empty() {
        return None;
    }
    let tables = open(&arguments.asking.from, false, TableSet::ALL, global, context).ok()?;
    QueryRunner::new(&tables, &as_of(None, global), BTreeMap::new(), context).ok()?.meant(text)
}

/// How a query with these arguments is run.
pub fn options(arguments: &Query, saved: BTreeMap<String, String>, global: &Global, context: &Context) -> QueryOptions {
    let shown = arguments.asking.out.is_none() && !arguments.chart;
    // A link may be that of the only record behind a row.
    let has_ids = arguments.evidence || arguments.links;
    QueryOptions {
        as_of: as_of(arguments.as_of.as_deref(), global),
        saved,
        limits: limits(&arguments.limits, global),
        default_rows: default_rows(format_of(&arguments.asking), shown, context),
        evidence: if has_ids { Evidence::First } else { Evidence::Without },
    }
}

/// A query that is shown instead of run, for programs.
#[derive(Serialize)]
struct Plan<'q> {
    /// In canonical form.
    query: &'q str,
    plan: Option<&'q str>,
}

/// The query on standard input, up to the length of the longest query.
fn text_of_stdin() -> Result<String, AppError> {
    let mut bytes = Vec::new();
    // One more byte makes the query too long, which the parser reports.
    io::stdin().lock().take(lang::token::MAX_LENGTH as u64 + 1).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| AppError::Sentence("stdin is not UTF-8 text; expected a query".to_owned()))
}

/// Prints the chart of a result, on standard output or to a file.
fn print_chart(answer: &Answer, asking: &Asking, context: &Context) -> Result<(), AppError> {
    let width = if asking.out.is_some() { None } else { context.width };
    let look = Look { width, color: context.color && asking.out.is_none(), tz: context.tz.clone(), ..Look::default() };
    let text = chart(answer, &look)?;
    match &asking.out {
        None => stdout::print(&text),
        Some(path) => destination::write(path, text),
    }
}
