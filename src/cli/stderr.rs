//! Writes to standard error, and defines the errors of commands.

use crate::decode::secret::mask_text;
use crate::diagnostic::{Diagnostic, render_all};
use crate::render::{RenderError, visible, wrap_message};
use crate::report::ReportError;
use crate::run::RunError;
use crate::store::StoreError;
use jiff::tz::TimeZone;
use std::io::{self, IsTerminal, Write};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A message.
    #[error("{0}")]
    Sentence(String),
    /// An invalid query, with its text.
    #[error("invalid query")]
    Query {
        /// The text of the query.
        text: String,
        /// The errors in the query.
        diagnostics: Vec<Diagnostic>,
    },
    /// Running a query failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Writing a report failed.
    #[error(transparent)]
    Report(ReportError),
    /// Rendering failed.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Writing output failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<ReportError> for CliError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Query { text, diagnostics } => CliError::Query { text, diagnostics },
            ReportError::Run(error) => CliError::Run(error),
            error => CliError::Report(error),
        }
    }
}

impl CliError {
    /// Whether the reader of the output closed the pipe, which is not an error.
    pub fn is_broken_pipe(&self) -> bool {
        match self {
            CliError::Io(error) | CliError::Render(RenderError::Io(error)) => error.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }

    /// An error of running a query; errors in its text show the position.
    pub fn of_run(error: RunError, text: &str) -> Self {
        match error {
            RunError::Typed(diagnostic) => CliError::Query { text: text.to_owned(), diagnostics: vec![*diagnostic] },
            error => CliError::Run(error),
        }
    }

    /// Prints the error.
    pub fn say(&self) {
        match self {
            CliError::Query { text, diagnostics } => {
                say_raw(&render_all(diagnostics, text));
            }
            CliError::Store(StoreError::Missing(path)) => {
                // A folder that is not a store may be an export.
                let is_export = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
                let path = visible(&path.display().to_string()).into_owned();
                let steps = first_steps(if is_export { &path } else { "DIR" });
                say_raw(&format!("error: there is no store at `{path}`\n{steps}"));
            }
            other => say(&format!("error: {other}")),
        }
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

/// Prints a line to standard error and ignores errors.
pub fn say(line: &str) {
    let safe: Vec<String> = line.lines().map(|line| visible(&mask_text(line)).to_string()).collect();
    say_raw(&safe.join("\n"));
}

/// Prints text that is already sanitized, broken at words where a terminal shows it.
pub fn say_raw(text: &str) {
    let text = text.trim_end();
    let wrapped = io::stderr().is_terminal().then(|| wrap_message(text, super::terminal_width()));
    let _ = writeln!(io::stderr().lock(), "{}", wrapped.as_deref().unwrap_or(text).trim_end());
}

/// A time zone by name or offset, or that of the machine.
pub fn time_zone(name: &str) -> Result<TimeZone, CliError> {
    let found = if name.eq_ignore_ascii_case("local") { TimeZone::try_system().ok() } else { crate::lang::zone::read(name) };
    found.ok_or_else(|| {
        let question = zone_like(name).map(|question| format!("; {question}")).unwrap_or_default();
        CliError::Sentence(format!(
            "unknown time zone `{name}`{question}\nexpected a name such as UTC or Asia/Tokyo, an offset such as +02:00, or local"
        ))
    })
}

/// Abbreviations that are not zones, because several zones share them, and the zone that is meant most often.
const ABBREVIATIONS: &[(&str, &str)] = &[
    ("PST", "America/Los_Angeles"),
    ("PDT", "America/Los_Angeles"),
    ("MDT", "America/Denver"),
    ("CST", "America/Chicago"),
    ("CDT", "America/Chicago"),
    ("EDT", "America/New_York"),
    ("BST", "Europe/London"),
    ("CEST", "Europe/Berlin"),
    ("MSK", "Europe/Moscow"),
    ("IST", "Asia/Kolkata"),
    ("SGT", "Asia/Singapore"),
    ("JST", "Asia/Tokyo"),
    ("KST", "Asia/Seoul"),
    ("AEST", "Australia/Sydney"),
    ("AEDT", "Australia/Sydney"),
];

/// The zone of a city, or a zone with a similar name.
fn zone_like(name: &str) -> Option<String> {
    let zones: Vec<String> = jiff::tz::db().available().map(|zone| zone.as_str().to_owned()).collect();
    if let Some((_, zone)) = ABBREVIATIONS.iter().find(|(short, _)| short.eq_ignore_ascii_case(name)) {
        return Some(format!("did you mean `{zone}`?"));
    }
    let city = name.rsplit('/').next().unwrap_or(name).replace(' ', "_");
    let of_city = zones.iter().find(|zone| zone.rsplit_once('/').is_some_and(|(_, last)| last.eq_ignore_ascii_case(&city)));
    match of_city {
        Some(zone) => Some(format!("did you mean `{zone}`?")),
        None => crate::lang::suggest::question(name, zones.iter().map(String::as_str)),
    }
}
