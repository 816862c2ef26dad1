//! Writes to standard error.

use super::environment::terminal_width;
use crate::app::{AppError, Note};
use crate::decode::secret::mask_text;
use crate::diagnostic::{Diagnostic, render_all};
use crate::render::{visible, wrap_message};
use crate::store::StoreError;
use std::io::{self, IsTerminal, Write};

/// Prints an error.
pub fn say_error(error: &AppError) {
    match error {
        AppError::Query { text, diagnostics } => {
            say_raw(&render_all(diagnostics, text));
        }
        AppError::Store(StoreError::Missing(path)) => {
            let path = path.display().to_string();
            say_raw(&format!("error: there is no store at `{}`\n{}", visible(&path), first_steps()));
        }
        other => say(&format!("error: {other}")),
    }
}

/// What to do without a store.
pub fn first_steps() -> String {
    [
        "  = load an export: `ecs-audit load DIR` (CloudTrail, ECS events, dstack runs, in any mix)",
        "  = then ask: `ecs-audit failures by reason since 7d`, or `ecs-audit doctor` for what the store contains",
        "  = or query an export directly: `ecs-audit query --from DIR \"failures by reason since 7d\"`",
    ]
    .join("\n")
}

/// Prints a warning about a query.
pub fn warn(warning: &Diagnostic, text: &str) {
    say_raw(&warning.render(text));
}

/// Prints a note.
pub fn say_note(note: &Note) {
    say(&note.to_string());
}

/// Prints a line to standard error and ignores errors.
pub fn say(line: &str) {
    let safe: Vec<String> = line.lines().map(|line| visible(&mask_text(line)).to_string()).collect();
    say_raw(&safe.join("\n"));
}

/// Prints text that is already sanitized, broken at words where a terminal shows it.
pub fn say_raw(text: &str) {
    let text = text.trim_end();
    let wrapped = io::stderr().is_terminal().then(|| wrap_message(text, terminal_width()));
    let _ = writeln!(io::stderr().lock(), "{}", wrapped.as_deref().unwrap_or(text).trim_end());
}
