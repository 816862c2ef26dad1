//! `ecs-audit queries`: lists the saved queries, or shows one.

use super::args::{Global, Queries};
use super::output::{print, ranked_listing};
use super::stdout;
use crate::app::AppError;
use crate::config::SavedQuery;
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::exit::ExitCode;
use crate::lang::suggest;
use crate::render::{Format, visible};

/// Runs the command.
pub fn run(arguments: &Queries, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let queries = &global.configured.settings.queries;
    let shown: Vec<&SavedQuery> = match &arguments.name {
        None => queries.values().collect(),
        Some(name) => {
            let name = name.trim_start_matches('@');
            let Some(query) = queries.get(name) else { return Err(unknown(name, queries.keys().map(String::as_str))) };
            if arguments.format == Format::Table {
                stdout::print_page(describe(query), context)?;
                return Ok(ExitCode::Ok);
            }
            vec![query]
        }
    };
    let rows = shown.into_iter().map(|query| {
        vec![query.name.clone(), query.question.clone(), parameters(query), query.query.clone(), query.origin.clone()]
    });
    let names = ["name", "question", "parameters", "query", "from"];
    let answer = ranked_listing(&names, &["from", "parameters"], rows.collect())?;
    print(&answer, arguments.format, None, context)?;
    Ok(ExitCode::Ok)
}

fn parameters(query: &SavedQuery) -> String {
    let parameters = query.parameters.iter().map(|(name, default)| match default {
        Some(default) => format!("{name}={default}"),
        None => name.clone(),
    });
    parameters.collect::<Vec<_>>().join(" ")
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> AppError {
    let mut diagnostic = Diagnostic::error(format!("unknown saved query `@{name}`"), 0..name.len());
    if let Some(question) = suggest::question(name, known.clone()) {
        diagnostic = diagnostic.with_label(question);
    }
    let known = known.map(|name| format!("@{name}")).collect::<Vec<_>>().join(", ");
    AppError::Query { text: name.to_owned(), diagnostics: vec![diagnostic.with_note(format!("saved queries: {known}"))] }
}

fn describe(query: &SavedQuery) -> String {
    let mut text = format!("@{}\n", query.name);
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&format!("  {name:<11} {}\n", visible(value)));
        }
    };
    line("question", &query.question);
    line("query", &query.query);
    line("from", &query.origin);
    for (name, default) in &query.parameters {
        let value = default.as_ref().map_or("required".to_owned(), |default| format!("default {default}"));
        line("parameter", &format!("{name}: {value}"));
    }
    let set: String = query
        .parameters
        .iter()
        .filter(|(_, default)| default.is_none())
        .map(|(name, _)| format!(" --set {name}=VALUE"))
        .collect();
    line("run with", &format!("ecs-audit query @{}{set}", query.name));
    text
}
