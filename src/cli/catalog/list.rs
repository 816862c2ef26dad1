//! `ecs-audit catalog list`: lists all entries, or those that match.

use crate::answer::Answer;
use crate::app::AppError;
use crate::cli::args::CatalogList;
use crate::cli::output::{print, ranked_listing};
use crate::cli::stderr::say;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::knowledge::TextKind;
use crate::model::catalog::{Entry, FailureCatalog};

/// Runs the command.
pub fn run(arguments: &CatalogList, quiet: bool, context: &Context) -> Result<ExitCode, AppError> {
    let catalog = FailureCatalog::current();
    let all = catalog.entries();
    let shown: Vec<&Entry> = all.iter().filter(|entry| is_wanted(entry, arguments)).collect();
    print(&answer(&shown)?, arguments.format, None, context)?;
    if !quiet {
        say(&format!("{} of {} entries; catalog {}", shown.len(), all.len(), catalog.version()));
    }
    Ok(ExitCode::Ok)
}

fn is_wanted(entry: &Entry, arguments: &CatalogList) -> bool {
    let kind = arguments.kind.as_deref().and_then(TextKind::named);
    arguments.phase.as_ref().is_none_or(|phase| *phase == entry.stage)
        && arguments.class.as_ref().is_none_or(|class| Some(class) == entry.class.as_ref())
        && kind.is_none_or(|kind| entry.applies_to.contains(&kind))
        && arguments.words.iter().all(|word| holds(entry, word))
}

fn holds(entry: &Entry, word: &str) -> bool {
    let word = word.to_lowercase();
    let texts = [&entry.id, &entry.name, &entry.cause];
    let mut texts = texts.into_iter().chain(&entry.patterns).chain(&entry.examples);
    texts.any(|text| text.to_lowercase().contains(&word))
}

fn answer(entries: &[&Entry]) -> Result<Answer, AppError> {
    let row = |entry: &&Entry| {
        let kinds: Vec<&str> = entry.applies_to.iter().map(|kind| kind.name()).collect();
        let class = entry.class.clone().unwrap_or_default();
        vec![entry.id.clone(), entry.stage.clone(), class, kinds.join(", "), entry.name.clone()]
    };
    let names = ["id", "phase", "class", "kind", "title"];
    ranked_listing(&names, &["kind", "class", "phase"], entries.iter().map(row).collect())
}
