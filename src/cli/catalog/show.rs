//! `ecs-audit catalog show ID`: shows one entry in full.

use super::explain::{Page, category_of};
use crate::app::AppError;
use crate::cli::args::CatalogShow;
use crate::cli::stdout;
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::exit::ExitCode;
use crate::knowledge::{Benign, TextKind};
use crate::lang::suggest;
use crate::model::catalog::{Entry, FailureCatalog};
use crate::render::{Schema, TextFormat};
use serde::Serialize;
use std::io::{self, Write};

/// Runs the command.
pub fn run(arguments: &CatalogShow, context: &Context) -> Result<ExitCode, AppError> {
    let catalog = FailureCatalog::current();
    let found = find(&arguments.id, catalog)?;
    match arguments.output.format {
        TextFormat::Json => stdout::print_document(Schema::CatalogEntry, &Document::of(&found))?,
        TextFormat::Text => {
            let mut page = Page::new(context);
            match found {
                Found::Entry(entry) => of_entry(&mut page, entry),
                Found::Benign(benign) => of_benign(&mut page, benign),
            }
            io::stdout().lock().write_all(page.text().as_bytes())?;
        }
    }
    Ok(ExitCode::Ok)
}

/// What has an id.
enum Found<'c> {
    /// An entry that explains failures.
    Entry(&'c Entry),
    /// Texts that report no failure.
    Benign(&'c Benign),
}

/// The entry with an id, in any case, or the only one whose id begins with it.
fn find<'c>(id: &str, catalog: &'c FailureCatalog) -> Result<Found<'c>, AppError> {
    let lower = id.to_lowercase();
    if let Some(entry) = catalog.entries().iter().find(|entry| entry.id.to_lowercase() == lower) {
        return Ok(Found::Entry(entry));
    }
    if let Some(benign) = catalog.benign().iter().find(|benign| benign.id.to_lowercase() == lower) {
        return Ok(Found::Benign(benign));
    }
    let begun: Vec<&Entry> = catalog.entries().iter().filter(|entry| entry.id.to_lowercase().starts_with(&lower)).collect();
    match begun[..] {
        [entry] => Ok(Found::Entry(entry)),
        _ => Err(unknown(id, catalog)),
    }
}

/// An entry in full, for programs.
#[derive(Default, Serialize)]
struct Document<'c> {
    id: &'c str,
    benign: bool,
    title: Option<&'c str>,
    meaning: Option<&'c str>,
    phase: Option<&'c str>,
    class: Option<&'c str>,
    category: Option<&'c str>,
    retry: Option<&'c str>,
    confidence: Option<&'c str>,
    generic: bool,
    ran: Option<bool>,
    kinds: Vec<&'static str>,
    stop_codes: &'c [String],
    reasons: &'c [String],
    patterns: &'c [String],
    examples: &'c [String],
    verify: &'c [String],
    actions: &'c [String],
    source: Option<&'c str>,
}

impl<'c> Document<'c> {
    fn of(found: &Found<'c>) -> Self {
        let names = |kinds: &[TextKind]| kinds.iter().map(|kind| kind.name()).collect();
        match found {
            Found::Entry(entry) => Document {
                id: &entry.id,
                benign: false,
                title: Some(&entry.name),
                meaning: Some(&entry.cause),
                phase: Some(&entry.stage),
                class: entry.class.as_deref(),
                category: category_of(entry),
                retry: Some(&entry.retry),
                confidence: Some(&entry.confidence),
                generic: entry.generic,
                ran: entry.ran,
                kinds: names(&entry.applies_to),
                stop_codes: &entry.stop_codes,
                reasons: &entry.reasons,
                patterns: &entry.patterns,
                examples: &entry.examples,
                verify: &entry.verify,
                actions: &entry.actions,
                source: Some(entry.source.as_str()).filter(|source| !source.is_empty()),
            },
            Found::Benign(benign) => Document {
                id: &benign.id,
                benign: true,
                kinds: names(&benign.applies_to),
                patterns: &benign.patterns,
                examples: &benign.examples,
                ..Document::default()
            },
        }
    }
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

fn unknown(id: &str, catalog: &FailureCatalog) -> AppError {
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
    AppError::Query { text: id.to_owned(), diagnostics: vec![diagnostic] }
}
