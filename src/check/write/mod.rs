//! Writes reports: one file per format.

mod comment;
mod github;
mod gitlab;
mod json;
mod junit;
mod markdown;
mod sarif;
mod screen;
mod slack;
mod text;

pub use comment::comment;

use super::{Finding, Place, Report, Severity};
use crate::plural::counted;
use crate::render::elsewhere;
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
    /// For issues and job summaries.
    Markdown,
    /// For a chat: Block Kit of Slack.
    Slack,
    /// Workflow commands of GitHub Actions, which become annotations.
    Github,
    /// A code quality report of GitLab.
    Gitlab,
}

impl Layout {
    /// All formats, in the order of the documentation.
    pub const ALL: [Layout; 8] = [
        Layout::Text,
        Layout::Json,
        Layout::Junit,
        Layout::Sarif,
        Layout::Markdown,
        Layout::Slack,
        Layout::Github,
        Layout::Gitlab,
    ];

    fn word(self) -> &'static str {
        match self {
            Layout::Text => "text",
            Layout::Json => "json",
            Layout::Junit => "junit",
            Layout::Sarif => "sarif",
            Layout::Markdown => "markdown",
            Layout::Slack => "slack",
            Layout::Github => "github",
            Layout::Gitlab => "gitlab",
        }
    }

    /// Whether people read it, so that it may leave out findings.
    pub fn is_for_people(self) -> bool {
        matches!(self, Layout::Text | Layout::Markdown | Layout::Slack | Layout::Github)
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
        found.ok_or_else(|| {
            let [others @ .., last] = Self::ALL.map(Layout::word);
            format!("expected {} or {last}{}", others.join(", "), elsewhere(word))
        })
    }
}

/// How many findings a format for people has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// All.
    #[default]
    All,
    /// At most this many per check.
    Top(usize),
    /// As many as a screen of this width has room for.
    Screen(usize),
}

impl Detail {
    /// The findings that are shown, and the number of the others.
    fn split(self, findings: &[Finding]) -> (&[Finding], usize) {
        match self {
            Detail::Top(most) => (findings.get(..most).unwrap_or(findings), findings.len().saturating_sub(most)),
            Detail::All | Detail::Screen(_) => (findings, 0),
        }
    }
}

/// Writes a report in a format. Formats for programs always have all findings.
pub fn write(report: &Report, layout: Layout, detail: Detail) -> String {
    match (layout, detail) {
        (Layout::Text, Detail::Screen(width)) => screen::write(report, width),
        (Layout::Text, detail) => text::write(report, detail),
        (Layout::Json, _) => json::write(report),
        (Layout::Junit, _) => junit::write(report),
        (Layout::Sarif, _) => sarif::write(report),
        (Layout::Markdown, detail) => markdown::write(report, detail),
        (Layout::Slack, detail) => slack::write(report, detail),
        (Layout::Github, detail) => github::write(report, detail),
        (Layout::Gitlab, _) => gitlab::write(report),
    }
}

/// `1 finding`, `2 findings`.
fn count(number: usize, word: &str) -> String {
    counted(number, word, &format!("{word}s"))
}

/// The result in one line: findings by severity, then checks.
fn summary(report: &Report) -> String {
    let (passed, found, open) = report.counts();
    let mut text = format!("{} in {}", count(report.findings(), "finding"), count(found, "check"));
    let severities = severities(report);
    if !severities.is_empty() {
        text.push_str(&format!(": {}", severities.join(", ")));
    }
    text.push_str(&format!("; {passed} passed"));
    if open > 0 {
        text.push_str(&format!(", {open} unanswered"));
    }
    if let Some(applied) = report.baseline.as_ref().filter(|applied| applied.accepted > 0) {
        text.push_str(&format!("; {} accepted by the baseline", count(applied.accepted, "finding")));
    }
    text
}

/// `2 errors`, `1 warning`: the findings by severity, the most severe first.
fn severities(report: &Report) -> Vec<String> {
    let numbers = Severity::ALL.into_iter().rev().map(|severity| (report.findings_of(severity), severity));
    numbers.filter(|(number, _)| *number > 0).map(|(number, severity)| count(number, severity.word())).collect()
}

/// The line of a record in its file: in a file with one record per line, its number; in other files, the first line.
fn line_of(place: &Place) -> u64 {
    let file = place.file.as_deref().unwrap_or_default();
    let name = file.strip_suffix(".gz").unwrap_or(file);
    let by_line = [".ndjson", ".jsonl"].iter().any(|ending| name.ends_with(ending));
    place.record.filter(|_| by_line).unwrap_or(1).max(1)
}
