//! What a reader sees, as data; and as one HTML file, from the template `page.html`.
//!
//! Every text of the page goes through one place that makes hidden characters visible and escapes
//! HTML; only the charts, which did so themselves, go in as they are.

use super::ReportError;
use super::chart::Chart;
use super::finding::Finding;
use super::manifest::{Request, Snapshot};
use super::sheet::Sheet;
use super::story::Story;
use crate::render::{describe_instant, describe_window, visible};
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, escape_formatter};
use serde::Serialize;

/// A number of the summary.
#[derive(Debug, Clone, Serialize)]
pub struct Fact {
    /// Its name.
    pub id: String,
    /// What it counts.
    pub label: String,
    /// The number, or [`UNKNOWN`].
    pub value: String,
    /// Why the number is not known.
    pub unknown: Option<String>,
    /// Whether it stands at the top.
    pub headline: bool,
    /// The query it answers.
    pub query: String,
}

/// Shown instead of a number that the store cannot provide.
pub const UNKNOWN: &str = "not known";

impl Fact {
    /// The number, or the reason why it is not known.
    pub fn text(&self) -> String {
        match &self.unknown {
            Some(why) => format!("{}: {why}", self.value),
            None => self.value.clone(),
        }
    }

    /// The number with what it counts.
    pub fn sentence(&self) -> String {
        match &self.unknown {
            Some(why) => format!("{}: {} ({why})", self.label, self.value),
            None => format!("{} {}", self.value, self.label),
        }
    }
}

/// A part of the report that could not be computed.
#[derive(Debug, Clone, Serialize)]
pub struct Failed {
    /// Its heading.
    pub title: String,
    /// What the engine said.
    pub why: String,
}

/// A section with a table.
#[derive(Debug, Clone, Serialize)]
pub struct Block {
    /// Its name.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// What its rows are.
    pub about: String,
    /// What is said without rows.
    pub nothing: String,
    /// Its rows.
    pub sheet: Sheet,
    /// The file with all rows.
    pub file: String,
    /// The query it answers.
    pub query: String,
    /// Whether somebody asked for it with a query of their own.
    pub own: bool,
}

/// What the report is about, and what it rests on.
#[derive(Debug, Clone, Serialize)]
pub struct About {
    /// The window, with its origin.
    pub window: String,
    /// How it came about.
    pub origin: String,
    /// From when.
    pub from: String,
    /// Until when.
    pub until: String,
    /// The zone.
    pub time_zone: String,
    /// The program.
    pub tool: String,
    /// The failure catalog.
    pub catalog: String,
    /// Files in the store.
    pub files: u64,
    /// The content of the store.
    pub content: String,
    /// First and last event of the store.
    pub events: String,
    /// Whether every failure is in a file.
    pub failures: bool,
    /// Whether names were replaced.
    pub redacted: bool,
}

impl About {
    /// What a request and a store tell.
    pub fn of(request: &Request, store: &Snapshot, tool: &str, catalog: &str) -> About {
        let tz = request.tz();
        let when = |time: Option<jiff::Timestamp>| time.map_or_else(|| "none".to_owned(), |time| describe_instant(time, &tz));
        About {
            window: describe_window(&request.answer_window(), &tz),
            origin: request.origin.clone(),
            from: describe_instant(request.from, &tz),
            until: describe_instant(request.until, &tz),
            time_zone: request.time_zone.clone(),
            tool: tool.to_owned(),
            catalog: catalog.to_owned(),
            files: store.files,
            content: store.content.clone(),
            events: format!("{} … {}", when(store.first_event), when(store.last_event)),
            failures: request.wants("failures"),
            redacted: request.redacted,
        }
    }
}

/// The whole page.
#[derive(Debug, Serialize)]
pub struct Page {
    /// The heading.
    pub title: String,
    /// See [`About`].
    pub about: About,
    /// The numbers.
    pub facts: Vec<Fact>,
    /// What is said first.
    pub stories: Vec<Story>,
    /// The findings.
    pub findings: Vec<Finding>,
    /// How many of them are told in full; the rest are rows of a table.
    pub full: usize,
    /// The charts.
    pub charts: Vec<Chart>,
    /// Sections with rows.
    pub blocks: Vec<Block>,
    /// One line for each section without.
    pub quiet: Vec<Block>,
    /// What could not be computed.
    pub failed: Vec<Failed>,
}

impl Page {
    /// The report in one line.
    pub fn summary(&self) -> String {
        let facts: Vec<String> = self.facts.iter().filter(|fact| fact.headline).map(Fact::sentence).collect();
        facts.join(", ")
    }
}

/// The page as HTML.
pub fn html(page: &Page) -> Result<String, ReportError> {
    let mut env = Environment::new();
    env.set_auto_escape_callback(|_| AutoEscape::Html);
    env.set_formatter(|out, state, value| {
        let text = (value.kind() == ValueKind::String && !value.is_safe()).then(|| value.as_str()).flatten();
        match text {
            Some(text) => escape_formatter(out, state, &minijinja::Value::from(visible(text).into_owned())),
            None => escape_formatter(out, state, value),
        }
    });
    env.set_trim_blocks(true);
    env.set_lstrip_blocks(true);
    env.add_template("page.html", include_str!("page.html"))?;
    env.add_global("style", minijinja::Value::from_safe_string(include_str!("style.css").to_owned()));
    let mut text = env.get_template("page.html")?.render(page)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}
