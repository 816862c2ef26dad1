//! A page of headings and lines, as plain text or Markdown; hostile text cannot act in either.

use super::Layout;
use crate::render::{describe_instant, escape_markdown, visible};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A page that grows.
pub(super) struct Page<'z> {
    text: String,
    markdown: bool,
    tz: &'z TimeZone,
}

impl<'z> Page<'z> {
    pub(super) fn new(layout: Layout, tz: &'z TimeZone) -> Self {
        Page { text: String::new(), markdown: layout == Layout::Markdown, tz }
    }

    /// A time in the zone of the reader.
    pub(super) fn time(&self, instant: Timestamp) -> String {
        describe_instant(instant, self.tz)
    }

    /// The page.
    pub(super) fn text(self) -> String {
        self.text
    }

    /// The title of a section.
    pub(super) fn heading(&mut self, title: &str) {
        if self.markdown {
            let space = if self.text.is_empty() { "" } else { "\n" };
            self.text.push_str(&format!("{space}## {}\n\n", escape_markdown(&one_line(title))));
        } else {
            self.text.push_str(&format!("{}\n", one_line(title)));
        }
    }

    /// A line of a section.
    pub(super) fn line(&mut self, line: &str) {
        let safe = one_line(line);
        if self.markdown {
            self.text.push_str(&format!("- {}\n", escape_markdown(&safe)));
        } else {
            self.text.push_str(&format!("  {safe}\n"));
        }
    }

    /// A numbered line.
    pub(super) fn numbered(&mut self, number: usize, line: &str) {
        let safe = one_line(line);
        if self.markdown {
            self.text.push_str(&format!("{number}. {}\n", escape_markdown(&safe)));
        } else {
            self.text.push_str(&format!("  {number}. {safe}\n"));
        }
    }

    /// Names and values, aligned in text.
    pub(super) fn facts(&mut self, facts: &[(&str, &str)]) {
        let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        for (name, value) in facts {
            if self.markdown {
                self.line(&format!("{name}: {value}"));
            } else {
                self.line(&format!("{name:width$}  {value}"));
            }
        }
    }

    /// A command to copy.
    pub(super) fn command(&mut self, command: &str) {
        let safe = one_line(command);
        if self.markdown {
            // A fence longer than any run of back-ticks inside cannot be left.
            let longest = safe.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
            let fence = "`".repeat(longest + 1);
            let space = if longest > 0 { " " } else { "" };
            self.text.push_str(&format!("- {fence}{space}{safe}{space}{fence}\n"));
        } else {
            self.text.push_str(&format!("  $ {safe}\n"));
        }
    }
}

/// Text on one line: line ends become blanks, what acts on a terminal is escaped.
fn one_line(text: &str) -> String {
    let lines = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
    visible(&lines.collect::<Vec<_>>().join(" ")).into_owned()
}
