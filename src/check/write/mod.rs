//! Writes reports: one file per format.

mod json;
mod junit;
mod markdown;
mod sarif;
mod text;

use super::Report;
use std::fmt;
use std::str::FromStr;

/// A report format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// JUnit XML, for test reporters.
    Junit,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// For issues, chats and job summaries.
    Markdown,
}

impl Layout {
    const ALL: [Layout; 5] = [Layout::Text, Layout::Json, Layout::Junit, Layout::Sarif, Layout::Markdown];

    fn word(self) -> &'static str {
        match self {
            Layout::Text => "text",
            Layout::Json => "json",
            Layout::Junit => "junit",
            Layout::Sarif => "sarif",
            Layout::Markdown => "markdown",
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let lower = word.to_ascii_lowercase();
        let found = Self::ALL.into_iter().find(|layout| layout.word() == lower || (lower == "md" && *layout == Layout::Markdown));
        found.ok_or_else(|| "expected text, json, junit, sarif or markdown".to_owned())
    }
}

/// Writes a report in a format.
pub fn write(report: &Report, layout: Layout) -> String {
    match layout {
        Layout::Text => text::write(report),
        Layout::Json => json::write(report),
        Layout::Junit => junit::write(report),
        Layout::Sarif => sarif::write(report),
        Layout::Markdown => markdown::write(report),
    }
}

/// `1 finding`, `2 findings`.
fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// The result in one line.
fn summary(report: &Report) -> String {
    let (passed, found, open) = report.counts();
    let mut text = format!("{} in {}; {} passed", count(report.findings(), "finding"), count(found, "check"), passed);
    if open > 0 {
        text.push_str(&format!(", {open} unanswered"));
    }
    text
}
