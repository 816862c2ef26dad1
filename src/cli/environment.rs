//! Reads the clock, the environment and the terminal.

use super::args::Global;
use super::memory;
use crate::app::{AppError, SearchContext};
use crate::context::Context;
use crate::discover::S3Settings;
use jiff::tz::TimeZone;
use std::io::{self, IsTerminal};

/// Whether the environment asks for text without colors.
pub fn is_plain() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// What a run with these arguments knows about its environment.
pub fn context(global: &Global) -> Result<Context, AppError> {
    let tz = match &global.tz {
        None => TimeZone::UTC,
        Some(name) => time_zone(name)?,
    };
    let is_terminal = io::stdout().is_terminal();
    let threads = global.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from));
    let memory = memory::limit(global.memory.as_deref())?;
    Ok(Context {
        now: jiff::Timestamp::now(),
        tz,
        width: is_terminal.then(terminal_width),
        color: is_terminal && !is_plain(),
        progress: io::stderr().is_terminal() && !global.quiet,
        threads: threads.max(1),
        memory,
    })
}

/// The width of the terminal, or the number in `COLUMNS`.
pub fn terminal_width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0);
    columns.unwrap_or_else(|| terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)))
}

/// The environment variables that matter for S3.
pub fn s3_settings() -> S3Settings {
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    S3Settings::new(variables)
}

/// What a search for inputs needs to know.
pub fn search_context() -> Result<SearchContext, AppError> {
    Ok(SearchContext { folder: std::env::current_dir()?, s3: s3_settings() })
}

/// A time zone by name or offset, or that of the machine.
fn time_zone(name: &str) -> Result<TimeZone, AppError> {
    let found = if name.eq_ignore_ascii_case("local") { TimeZone::try_system().ok() } else { crate::lang::zone::read(name) };
    found.ok_or_else(|| {
        let question = zone_like(name).map(|question| format!("; {question}")).unwrap_or_default();
        AppError::Sentence(format!(
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
