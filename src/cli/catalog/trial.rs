//! `ecs-audit catalog test FILE`: lists the errors in custom rules.

use crate::cli::args::CatalogTest;
use crate::cli::rules::text_of;
use crate::cli::stderr::CliError;
use crate::exit::ExitCode;
use crate::model::catalog::{RuleIssue, Trial};
use crate::plural::counted;
use crate::render::visible;
use std::io::{self, Write};
use std::path::Path;

/// Runs the command.
pub fn run(arguments: &CatalogTest) -> Result<ExitCode, CliError> {
    let mut code = ExitCode::Ok;
    for path in &arguments.files {
        let trial = Trial::of(&text_of(path)?);
        io::stdout().lock().write_all(account(path, &trial).as_bytes())?;
        if !trial.mistakes.is_empty() {
            code = ExitCode::Error;
        }
    }
    Ok(code)
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
