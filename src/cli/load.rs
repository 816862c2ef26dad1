//! `ecs-audit load`: loads exports into the store and prints a summary.

mod document;
mod left_out;
mod reports;
mod summary;

use super::args::{Global, Load};
use super::environment::search_context;
use super::progress;
use super::settings::write_options;
use super::stderr::{say, say_note};
use super::stdout;
use crate::app::{AppError, Note, described, exit_code, load_options, on_threads, point_in_time, search, unreadable};
use crate::context::Context;
use crate::discover::Found;
use crate::exit::ExitCode;
use crate::load::{FileReport, LoadOptions, Selection};
use crate::render::{Schema, TextFormat, visible};
use crate::store::Store;
use crate::table::TableSet;
use document::Document;
use left_out::{LeftOut, leave_out};
use summary::summary;

/// Runs the command.
pub fn run(arguments: &Load, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let selection = selection(arguments, context)?;
    let Found { mut inputs, problems, cut } = search(&arguments.paths, Some(&global.store), &selection, &search_context()?)?;
    let not_read: Vec<FileReport> = problems.iter().map(unreadable).collect();
    let left_out = LeftOut { files: leave_out(&mut inputs, &selection), cut };
    let options = LoadOptions { selection, ..load_options(context, true, TableSet::ALL) };
    let write_options = write_options(global, context)?;
    let loaded = on_threads(context.threads, || {
        let progress = progress::of_load(&inputs, context);
        Store::load(&global.store, inputs, not_read, (&options, write_options), &*progress, &|| {
            say("note: another ecs-audit is writing to the store; waiting for it");
        })
    })??;
    for commit in &loaded.adopted {
        say(&format!("note: another program changed the store; the change is kept: {}", visible(&described(commit))));
    }
    if loaded.manifest_was_lost {
        say_note(&Note::ManifestRebuilt);
    }
    if let Some(why) = &loaded.untidy {
        say(&format!("note: the records are loaded, but small files in the store could not be merged: {why}"));
    }
    match arguments.output.format {
        TextFormat::Json => stdout::print_document(Schema::Load, &Document::of(&loaded, &left_out, &global.store))?,
        TextFormat::Text => stdout::print_page(summary(&loaded, &left_out, &global.store, context), context)?,
    }
    Ok(exit_code(&loaded.totals))
}

/// The selection of records to load.
fn selection(arguments: &Load, context: &Context) -> Result<Selection, AppError> {
    let time = |option: &str, text: &Option<String>| {
        let time = text.as_deref().map(|text| point_in_time(option, text, context.now, context)).transpose()?;
        Ok::<_, AppError>(time.map(jiff::Timestamp::as_microsecond))
    };
    Ok(Selection {
        since: time("--since", &arguments.since)?,
        until: time("--until", &arguments.until)?,
        accounts: arguments.account.clone(),
        regions: arguments.region.clone(),
        removed: Vec::new(),
    })
}
