//! `ecs-audit catalog show ID`: shows one entry in full.

use super::explain::Page;
use crate::cli::args::CatalogShow;
use crate::cli::stderr::CliError;
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::exit::ExitCode;
use crate::knowledge::Benign;
use crate::lang::suggest;
use crate::model::catalog::{Entry, FailureCatalog};
use std::io::{self, Write};

/// Runs the command.
pub fn run(arguments: &CatalogShow, context: &Context) -> Result<ExitCode, CliError> {
    let catalog = FailureCatalog::current();
    let id = arguments.id.to_lowercase();
    let mut page = Page::new(context);
    if let Some(entry) = catalog.entries().iter().find(|entry| entry.id.to_lowercase() == id) {
        of_entry(&mut page, entry);
    } else if let Some(benign) = catalog.benign().iter().find(|benign| benign.id.to_lowercase() == id) {
        of_benign(&mut page, benign);
    } else if let [entry] =
        catalog.entries().iter().filter(|entry| entry.id.to_lowercase().starts_with(&id)).collect::<Vec<_>>()[..]
    {
        of_entry(&mut page, entry);
    } else {
        return Err(unknown(&arguments.id, catalog));
    }
    io::stdout().lock().write_all(page.text().as_bytes())?;
    Ok(ExitCode::Ok)
}

fn of_entry(page: &mut Page, entry: &Entry) {
    page.title(&format!("{}: {}", entry.id, entry.name));
    page.line("means", &entry.cause);
    page.answer(entry, &entry.stage);
    if entry.generic {
        page.line("generic", "yes: it knows the kind of failure and nothing else");
    }
    page.list("kinds of text", entry.applies_to.iter().map(|kind| kind.name().to_owned()));
    page.list("stop codes", entry.stop_codes.iter().cloned());
    page.list("reasons", entry.reasons.iter().cloned());
    page.lines("patterns", &entry.patterns);
    page.lines("examples", &entry.examples);
    page.lines("verify", &entry.verify);
    page.lines("do", &entry.actions);
    page.line("source", &entry.source);
}

fn of_benign(page: &mut Page, benign: &Benign) {
    page.title(&format!("{}: not a failure", benign.id));
    page.list("kinds of text", benign.applies_to.iter().map(|kind| kind.name().to_owned()));
    page.lines("patterns", &benign.patterns);
    page.lines("examples", &benign.examples);
}

fn unknown(id: &str, catalog: &FailureCatalog) -> CliError {
    let entries = catalog.entries().iter().map(|entry| entry.id.as_str());
    let known = entries.chain(catalog.benign().iter().map(|benign| benign.id.as_str()));
    let mut diagnostic = Diagnostic::error(format!("no catalog entry has the id `{id}`"), 0..id.len());
    let lower = id.to_lowercase();
    let begun: Vec<&str> = known.clone().filter(|name| name.to_lowercase().starts_with(&lower)).collect();
    if begun.len() > 1 {
        diagnostic = diagnostic.with_note(format!("{} ids begin with it: {}", begun.len(), begun.join(", ")));
    } else if let Some(question) = suggest::question(id, known) {
        diagnostic = diagnostic.with_label(question);
    }
    let diagnostic = diagnostic.with_note("`ecs-audit catalog list` lists all entries".to_owned());
    CliError::Query { text: id.to_owned(), diagnostics: vec![diagnostic] }
}
