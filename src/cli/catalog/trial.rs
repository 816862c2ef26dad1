//! `ecs-audit catalog test FILE`: lists the errors in custom rules.

use crate::app::AppError;
use crate::cli::args::CatalogTest;
use crate::cli::rules::text_of;
use crate::cli::stdout;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::model::catalog::{RuleIssue, Trial};
use crate::plural::counted;
use crate::render::{Schema, TextFormat, visible};
use serde::Serialize;
use std::path::Path;

/// Runs the command.
pub fn run(arguments: &CatalogTest, context: &Context) -> Result<ExitCode, AppError> {
    let mut trials = Vec::new();
    for path in &arguments.files {
        let trial = Trial::of(&text_of(path)?);
        if arguments.output.format == TextFormat::Text {
            stdout::print_page(account(path, &trial), context)?;
        }
        trials.push((path.as_path(), trial));
    }
    let valid = trials.iter().all(|(_, trial)| trial.mistakes.is_empty());
    if arguments.output.format == TextFormat::Json {
        let files = trials.iter().map(|(path, trial)| OfFile::new(path, trial)).collect();
        stdout::print_document(Schema::CatalogTest, &Document { valid, files })?;
    }
    Ok(if valid { ExitCode::Ok } else { ExitCode::Error })
}

/// The errors of all files, for programs.
#[derive(Serialize)]
struct Document<'t> {
    valid: bool,
    files: Vec<OfFile<'t>>,
}

#[derive(Serialize)]
struct OfFile<'t> {
    file: String,
    entries: usize,
    examples: usize,
    errors: Vec<Issue<'t>>,
    notes: Vec<Issue<'t>>,
}

#[derive(Serialize)]
struct Issue<'t> {
    line: Option<usize>,
    entry: Option<&'t str>,
    what: &'t str,
}

impl<'t> OfFile<'t> {
    fn new(path: &Path, trial: &'t Trial) -> Self {
        let issue = |issue: &'t RuleIssue| Issue { line: issue.line, entry: issue.entry.as_deref(), what: &issue.what };
        OfFile {
            file: path.display().to_string(),
            entries: trial.entries,
            examples: trial.examples,
            errors: trial.mistakes.iter().map(issue).collect(),
            notes: trial.notes.iter().map(issue).collect(),
        }
    }
}

fn account(path: &Path, trial: &Trial) -> String {
    let mut text = String::new();
    let lines = trial.mistakes.iter().map(|mistake| ("", mistake)).chain(trial.notes.iter().map(|note| ("note: ", note)));
    for (word, mistake) in lines {
        text.push_str(&format!("{}: {word}{}\n", place(path, mistake), visible(&sentence(mistake))));
    }
    let sum =
        format!("{} and {} passed", counted(trial.entries, "entry", "entries"), counted(trial.examples, "example", "examples"));
    let mistakes = match trial.mistakes.len() {
        0 => String::new(),
        number => format!(", {}", counted(number, "error", "errors")),
    };
    text.push_str(&format!("{}: {sum}{mistakes}\n", visible(&path.display().to_string())));
    text
}

fn place(path: &Path, mistake: &RuleIssue) -> String {
    let line = mistake.line.map_or_else(String::new, |line| format!(":{line}"));
    format!("{}{line}", visible(&path.display().to_string()))
}

fn sentence(mistake: &RuleIssue) -> String {
    match &mistake.entry {
        Some(entry) => format!("entry `{entry}`: {}", mistake.what),
        None => mistake.what.clone(),
    }
}
