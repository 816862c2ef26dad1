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
            // A folder that is not a store may be an export.
            let is_export = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
            let path = visible(&path.display().to_string()).into_owned();
            let steps = first_steps(if is_export { &path } else { "DIR" });
            say_raw(&format!("error: there is no store at `{path}`\n{steps}"));
        }
        other => say(&format!("error: {other}")),
    }
}

/// What to do without a store, with the folder of an export.
pub fn first_steps(export: &str) -> String {
    [
        format!("  = load an export: `ecs-audit load {export}` (CloudTrail, ECS events, dstack runs, in any mix)"),
        "  = then ask: `ecs-audit failures by reason since 7d`, or `ecs-audit doctor` for what the store contains".to_owned(),
        format!("  = or query an export directly: `ecs-audit query --from {export} \"failures by reason since 7d\"`"),
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
