//! The content of the report page as data, and as HTML from the template `page.html`.
//!
//! A single function makes invisible characters visible and escapes HTML in all texts of the page. Only charts, which
//! do this themselves, are inserted unchanged.

use super::ReportError;
use super::chart::Chart;
use super::coverage::Coverage;
use super::finding::Finding;
use super::impact::Card;
use super::incident::Incidents;
use super::manifest::{Request, Snapshot};
use super::preview::Preview;
use super::story::Story;
use crate::render::{PAGE_STYLE, advice_html, describe_instant, describe_window, script_hash, visible};
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, escape_formatter};
use serde::Serialize;

/// A number of the summary.
#[derive(Debug, Clone, Serialize)]
pub struct Fact {
    /// The id.
    pub id: String,
    /// What the number counts.
    pub label: String,
    /// The number, or [`UNKNOWN`].
    pub value: String,
    /// The number, if it is known.
    #[serde(skip)]
    pub number: Option<f64>,
    /// Why the number is unknown.
    pub unknown: Option<String>,
    /// Whether it is shown at the top.
    pub headline: bool,
    /// The query that computes it.
    pub query: String,
}

/// Shown in place of a number that the store cannot provide.
pub const UNKNOWN: &str = "unknown";

impl Fact {
    /// The number, or the reason why it is unknown.
    pub fn text(&self) -> String {
        match &self.unknown {
            Some(why) => format!("{}: {why}", self.value),
            None => self.value.clone(),
        }
    }

    /// The number with its label.
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
    /// The title.
    pub title: String,
    /// The error message of the engine.
    pub why: String,
}

/// A section with a table.
#[derive(Debug, Clone, Serialize)]
pub struct Block {
    /// The id.
    pub id: String,
    /// The title.
    pub title: String,
    /// The description of its rows.
    pub about: String,
    /// The text to show if there are no rows.
    pub nothing: String,
    /// The rows.
    pub sheet: Preview,
    /// The file with all rows.
    pub file: String,
    /// The query.
    pub query: String,
    /// Whether it is a custom section.
    pub own: bool,
    /// The group of the appendix.
    pub group: String,
}

/// Sections and charts of the appendix that belong together.
#[derive(Debug, Clone, Serialize)]
pub struct Group {
    /// The id on the page.
    pub id: String,
    /// The title.
    pub title: String,
    /// The charts.
    pub charts: Vec<Chart>,
    /// The sections.
    pub blocks: Vec<Block>,
}

/// The scope of the report, and the data behind it.
#[derive(Debug, Clone, Serialize)]
pub struct About {
    /// The window, with its origin.
    pub window: String,
    /// How the window was derived.
    pub origin: String,
    /// The start of the window.
    pub from: String,
    /// The end of the window.
    pub until: String,
    /// The time zone.
    pub time_zone: String,
    /// The program version.
    pub tool: String,
    /// The version of the failure catalog.
    pub catalog: String,
    /// The number of files in the store.
    pub files: u64,
    /// The content hash of the store.
    pub content: String,
    /// The first and last event in the store.
    pub events: String,
    /// Whether there is a file with all failures.
    pub failures: bool,
    /// Whether names were replaced with pseudonyms.
    pub redacted: bool,
    /// What is replaced, and what is left.
    pub redaction: &'static str,
    /// The condition that narrows the report; empty = everything.
    pub scope: String,
}

impl About {
    /// Creates the description from a request and the state of the store.
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
            redaction: crate::redact::NOTE,
            scope: request.scope.clone(),
        }
    }
}

/// The whole page.
#[derive(Debug, Serialize)]
pub struct Page {
    /// The title.
    pub title: String,
    /// See [`About`].
    pub about: About,
    /// The numbers.
    pub facts: Vec<Fact>,
    /// The numbers at the top, with what they consist of.
    pub cards: Vec<Card>,
    /// Whether the numbers add up, as sentences.
    pub sums: Vec<String>,
    /// What is loaded, and what is not known.
    pub coverage: Coverage,
    /// The incidents.
    pub incidents: Incidents,
    /// Whether the report has a part about incidents.
    pub has_incidents: bool,
    /// The summary.
    pub stories: Vec<Story>,
    /// The findings.
    pub findings: Vec<Finding>,
    /// The number of findings shown in full; the others are rows of a table.
    pub full: usize,
    /// The chart of the main part.
    pub charts: Vec<Chart>,
    /// The appendix.
    pub groups: Vec<Group>,
    /// Sections without rows, one line each.
    pub quiet: Vec<Block>,
    /// Parts that could not be computed.
    pub failed: Vec<Failed>,
}

impl Page {
    /// The report in one line.
    pub fn summary(&self) -> String {
        let facts: Vec<String> = self.facts.iter().filter(|fact| fact.headline).map(Fact::sentence).collect();
        facts.join(", ")
    }
}

/// The only script of the page.
const SCRIPT: &str = include_str!("script.js");

/// The length from which a value that looks like an id is folded.
const LONG_ID: usize = 20;

/// Whether a value is a long id, such as a UUID or the id of a task.
fn is_long_id(value: &str) -> bool {
    let of_id = |letter: char| letter.is_ascii_hexdigit() || matches!(letter, '-' | '/' | '@' | '#' | ':' | '.' | 'T' | 'Z');
    let last = value.rsplit('/').next().unwrap_or(value);
    value.len() >= LONG_ID
        && value.is_ascii()
        && last.chars().all(of_id)
        && last.chars().filter(char::is_ascii_hexdigit).count() >= LONG_ID - 6
        && last.parse::<jiff::Timestamp>().is_err()
}

/// The part of a long id that is shown.
fn short_id(value: &str) -> String {
    let last = value.rsplit('/').next().unwrap_or(value);
    let begin: String = last.chars().take(8).collect();
    format!("{begin}…")
}

/// The template engine: escapes HTML, makes invisible characters visible, and has the style sheet.
pub fn environment<'t>(templates: &[(&'t str, &'t str)]) -> Result<Environment<'t>, ReportError> {
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
    for (name, text) in templates {
        env.add_template(name, text)?;
    }
    env.add_test("long_id", |value: &str| is_long_id(value));
    env.add_filter("short_id", |value: &str| short_id(value));
    env.add_filter("advice", |value: &str| minijinja::Value::from_safe_string(advice_html(value)));
    env.add_global("style", minijinja::Value::from_safe_string(format!("{PAGE_STYLE}{}", include_str!("style.css"))));
    env.add_global("script", minijinja::Value::from_safe_string(SCRIPT.to_owned()));
    env.add_global("script_hash", minijinja::Value::from_safe_string(script_hash(SCRIPT)));
    Ok(env)
}

/// The page as HTML.
pub fn html(page: &Page) -> Result<String, ReportError> {
    let env = environment(&[("page.html", include_str!("page.html"))])?;
    let mut text = env.get_template("page.html")?.render(page)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_ids_are_folded() {
        for id in [
            "e38f8ff8-f08f-473b-9e29-285aa60093c8",
            "e232a49637a39eb84a7dd75f21f52e4a",
            "ecs-svc/1931771335527380427",
            "1234567890123456789012",
        ] {
            assert!(is_long_id(id), "{id}");
        }
        for other in ["2026-03-04T05:22:33.459Z", "checkout/checkout-web", "events-rule/nightly-settlement", "no", "12345"] {
            assert!(!is_long_id(other), "{other}");
        }
        assert_eq!(short_id("ecs-svc/1931771335527380427"), "19317713…");
    }
}
