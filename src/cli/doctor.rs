//! `ecs-audit doctor`: shows what the store contains, data problems, and which exports are missing.

use super::args::{Doctor, Global};
use super::open::open;
use super::progress::Working;
use super::settings::{as_of, limits, saved_texts};
use super::{args, stdout};
use crate::app::{AppError, Dataset, MIN_BLOCKED, QueryRunner};
use crate::context::Context;
use crate::doctor::{Held, Kind, Patient, advice, examine};
use crate::exit::ExitCode;
use crate::lang;
use crate::plan::Evidence;
use crate::render::{Look, Schema, TextFormat, describe_instant, rows, visible};
use crate::table::{Table, TableSet};
use serde::Serialize;
use std::collections::BTreeMap;

/// Runs the command.
pub fn run(arguments: &Doctor, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let tables = open(&arguments.from, false, TableSet::ALL, global, context)?;
    run_on(&tables, arguments, global, context)
}

/// Examines the tables.
pub fn run_on(tables: &Dataset, arguments: &Doctor, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let working = Working::on("examining", context);
    let own = args::Limits { quotas: arguments.quotas.clone(), what_if: Vec::new(), min_blocked: MIN_BLOCKED };
    limits(&own, global).install(tables)?;
    let runner = QueryRunner::new(tables, &as_of(None, global), saved_texts(&[], global)?, context)?;
    let mut holdings = Vec::new();
    for table in Table::ALL {
        holdings.push((table.name(), tables.number(&format!("select count(*) from {}", table.name()))?));
    }
    let look = Look { tz: context.tz.clone(), ..Look::default() };
    let count = |name: &str| {
        let found = holdings.iter().find(|(table, _)| *table == name);
        Ok(found.map_or(0, |(_, rows)| u64::try_from(*rows).unwrap_or(0)))
    };
    let sql = |statement: &str| -> Result<Vec<String>, AppError> {
        let rows = rows(&tables.sql(statement)?)?;
        Ok(rows.iter().map(|row| row.first().map(|cell| cell.human(&look)).unwrap_or_default()).collect())
    };
    let query = |text: &str| -> Result<Vec<Vec<String>>, AppError> {
        let wrong = |diagnostics| AppError::Query { text: text.to_owned(), diagnostics };
        let parsed = lang::parse(text).map_err(wrong)?;
        let (_, answer) = runner.ask(&parsed, text, Evidence::Without)?;
        let row = |cells: Vec<crate::render::Cell>| cells.iter().map(|cell| cell.human(&look)).collect();
        Ok(rows(&answer)?.into_iter().map(row).collect())
    };
    let advice = advice().map_err(|config_error| AppError::Sentence(config_error.to_string()))?;
    let mut held = examine(advice, &Patient { count: &count, sql: &sql, query: &query })?;
    held.sort_by_key(|held| held.advice.kind == Kind::Missing);
    let span = tables
        .first
        .zip(tables.last)
        .map(|(first, last)| (describe_instant(first, &context.tz), describe_instant(last, &context.tz)));
    drop(working);
    if arguments.output.format == TextFormat::Json {
        stdout::print_document(Schema::Doctor, &Examination::new(&holdings, span.as_ref(), tables.classified_by_others, &held))?;
        return Ok(tables.loaded);
    }
    let mut text = String::from("Contents\n");
    for (table, rows) in holdings.iter().filter(|(_, rows)| *rows > 0) {
        text.push_str(&format!("  {table:<16} {rows:>10}\n"));
    }
    match span {
        Some((first, last)) => text.push_str(&format!("  events from {first} to {last}\n")),
        None => text.push_str("  no events: load an export with `ecs-audit load FOLDER`\n"),
    }
    if tables.classified_by_others > 0 {
        text.push_str(&format!(
            "  {} records were classified by another version of the failure catalog\n",
            tables.classified_by_others
        ));
    }
    print_advice(&mut text, "Data problems", held.iter().filter(|held| held.advice.kind == Kind::Odd));
    print_advice(&mut text, "Missing exports", held.iter().filter(|held| held.advice.kind == Kind::Missing));
    if held.is_empty() {
        text.push_str("\nNo data problems, and nothing is missing.\n");
    }
    stdout::print(&stdout::page(text, context))?;
    Ok(tables.loaded)
}

fn print_advice<'h>(text: &mut String, title: &str, held: impl Iterator<Item = &'h Held>) {
    for (index, held) in held.enumerate() {
        if index == 0 {
            text.push_str(&format!("\n{title}\n"));
        }
        let advice = &held.advice;
        text.push_str(&format!("  {}\n", advice.title));
        for line in &held.shown {
            text.push_str(&format!("    · {}\n", visible(line)));
        }
        if held.lines > held.shown.len().max(1) {
            text.push_str(&format!("    · … and {} more\n", held.lines - held.shown.len()));
        }
        text.push_str(&format!("    {}\n", advice.means));
        for action in &advice.actions {
            text.push_str(&format!("    → {action}\n"));
        }
    }
}

/// What the tables hold and lack, for programs.
#[derive(Serialize)]
struct Examination<'h> {
    tables: BTreeMap<&'h str, i64>,
    first: Option<&'h str>,
    last: Option<&'h str>,
    classified_by_others: u64,
    advice: Vec<HeldAdvice<'h>>,
}

#[derive(Serialize)]
struct HeldAdvice<'h> {
    id: &'h str,
    kind: &'static str,
    title: &'h str,
    shown: &'h [String],
    lines: usize,
    means: &'h str,
    #[serde(rename = "do")]
    actions: &'h [String],
}

impl<'h> Examination<'h> {
    fn new(holdings: &'h [(&str, i64)], span: Option<&'h (String, String)>, by_others: u64, held: &'h [Held]) -> Self {
        let advice = held.iter().map(|Held { advice, shown, lines }| HeldAdvice {
            id: &advice.id,
            kind: advice.kind.word(),
            title: &advice.title,
            shown,
            lines: *lines,
            means: &advice.means,
            actions: &advice.actions,
        });
        Examination {
            tables: holdings.iter().copied().collect(),
            first: span.map(|(first, _)| first.as_str()),
            last: span.map(|(_, last)| last.as_str()),
            classified_by_others: by_others,
            advice: advice.collect(),
        }
    }
}
