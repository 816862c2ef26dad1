//! `ecs-audit preflight`: checks a task definition before it is deployed.

use super::args::{Global, Preflight};
use super::open::open;
use super::progress::Working;
use super::settings::{as_of, limits, saved_texts};
use super::stderr::say;
use super::stdout;
use crate::app::{AppError, QueryRunner};
use crate::check::{Check, Detail, Finding, Layout, comment, find, write};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::lang;
use crate::plan::Evidence;
use crate::preflight::{Definition, Home, Past, PreflightError, Wanted, examine};
use crate::render::{Look, rows};
use crate::store::StoreError;
use crate::table::TableSet;
use std::io::Read;

/// Runs the command.
pub fn run(arguments: &Preflight, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let (json, file) = read(arguments)?;
    let mut definition = Definition::parse(&json).map_err(|why| AppError::Sentence(format!("`{file}`: {why}")))?;
    definition.fargate = definition.fargate || arguments.fargate;
    let home = Home { account: arguments.account.clone(), region: arguments.region.clone() };
    let wanted =
        Wanted { cluster: arguments.cluster.clone(), home, count: arguments.count, since: arguments.since.clone(), file };
    let failure = |error: PreflightError<AppError>| match error {
        PreflightError::Past(failure) => failure,
        PreflightError::ConfigError(config_error) => AppError::Sentence(config_error.to_string()),
    };
    let tables = match open(&arguments.from, false, TableSet::ALL, global, context) {
        // The default store may be missing; the definition is still checked.
        Err(AppError::Store(StoreError::Missing(_))) if global.configured.store_origin == "default" => None,
        other => Some(other?),
    };
    let mut report = match &tables {
        None => {
            say(
                "note: no store found, so only the task definition itself is checked; name a store with --store or an export with --from",
            );
            examine(&definition, &wanted, None).map_err(failure)?
        }
        Some(tables) => {
            limits(&arguments.limits, global).install(tables)?;
            let runner = QueryRunner::new(tables, &as_of(None, global), saved_texts(&[], global)?, context)?;
            let find = |check: &Check, condition: &str| ask(check, condition, &runner);
            let rows = |statement: &str| Ok(rows(&tables.sql(statement)?)?);
            let query = |text: &str| rows_of(text, &runner);
            let _working = Working::on("querying", context);
            examine(&definition, &wanted, Some(&Past { find: &find, query: &query, rows: &rows })).map_err(failure)?
        }
    };
    if let Some(tables) = &tables {
        report.partial.extend(tables.quarantined()?);
    }
    if !global.quiet {
        report.partial.iter().for_each(|line| say(&format!("note: {line}")));
    }
    let text = match arguments.format {
        // One comment on a pull request.
        Layout::Markdown => comment(&report, &format!("{} in {}", definition.family, wanted.file), arguments.fail_on),
        format => write(&report, format, Detail::All),
    };
    match arguments.format {
        Layout::Text => stdout::print_page(text, context)?,
        _ => stdout::print(&text)?,
    }
    Ok(if report.has(arguments.fail_on) {
        ExitCode::Finding
    } else if report.partial.is_empty() {
        ExitCode::Ok
    } else {
        ExitCode::Partial
    })
}

/// The JSON, and its name in messages.
fn read(arguments: &Preflight) -> Result<(String, String), AppError> {
    let file = arguments.file.display().to_string();
    let mut json = String::new();
    let outcome = if file == "-" {
        std::io::stdin().lock().read_to_string(&mut json).map(|_| json)
    } else {
        std::fs::read_to_string(&arguments.file)
    };
    let json = outcome.map_err(|error| {
        let why = error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase();
        // A task definition has a name, too.
        let is_name = error.kind() == std::io::ErrorKind::NotFound && !file.contains(['.', '/']);
        let how = match is_name {
            true => format!(
                "; to check a registered one: `aws ecs describe-task-definition --task-definition {file} | ecs-audit preflight -`"
            ),
            false => String::new(),
        };
        AppError::Sentence(format!("`{file}`: {why}; expected the JSON of a task definition{how}"))
    })?;
    Ok((json, file))
}

/// The rows of a query.
fn rows_of(text: &str, runner: &QueryRunner<'_>) -> Result<Vec<Vec<crate::render::Cell>>, AppError> {
    let query = lang::parse(text).map_err(|diagnostics| AppError::Query { text: text.to_owned(), diagnostics })?;
    let (_, answer) = runner.ask(&query, text, Evidence::Without)?;
    Ok(rows(&answer)?)
}

/// The rows for a question that meet a condition.
fn ask(check: &Check, condition: &str, runner: &QueryRunner<'_>) -> Result<Vec<Finding>, AppError> {
    let wrong = |text: &str, diagnostics| AppError::Query { text: text.to_owned(), diagnostics };
    let mut query = lang::parse(&check.query).map_err(|diagnostics| wrong(&check.query, diagnostics))?;
    lang::narrow(&mut query, condition).map_err(|diagnostics| wrong(&format!("failures where {condition}"), diagnostics))?;
    let text = lang::format(&query);
    let (_, answer) = runner.ask(&query, &text, Evidence::First)?;
    let found = find(check, &answer, &Look::default());
    found.map_err(|why| AppError::Sentence(format!("question `{}`: {why}", check.name)))
}
