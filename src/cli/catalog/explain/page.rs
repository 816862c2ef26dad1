//! Text layout: names on the left, texts on the right, wrapped to the terminal.

use crate::context::Context;
use crate::model::catalog::Entry;
use crate::model::failure::category;
use crate::render::visible;

/// The column in which texts start.
const INDENT: usize = 18;
/// The minimum width of the text column.
const NARROW: usize = 30;

/// A page under construction. Everything added to it is sanitized for a terminal.
#[derive(Debug)]
pub struct Page {
    text: String,
    width: Option<usize>,
}

impl Page {
    /// An empty page with the width of the terminal, or unlimited without one.
    pub fn new(context: &Context) -> Self {
        let width = context.width.map(|width| width.saturating_sub(INDENT).max(NARROW));
        Page { text: String::new(), width }
    }

    /// Adds a heading.
    pub fn title(&mut self, title: &str) {
        self.text.push_str(&format!("{}\n", visible(title)));
    }

    /// Adds a name with a text, unless the text is empty.
    pub fn line(&mut self, name: &str, text: &str) {
        let text = visible(text);
        for (index, part) in wrapped(&text, self.width).into_iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            self.text.push_str(&format!("  {name:<width$}{part}\n", width = INDENT - 2));
        }
    }

    /// Adds a name with several texts, one below the other.
    pub fn lines(&mut self, name: &str, texts: &[String]) {
        for (index, text) in texts.iter().enumerate() {
            self.line(if index == 0 { name } else { "" }, text);
        }
    }

    /// Adds a name with words in one row.
    pub fn list(&mut self, name: &str, words: impl Iterator<Item = String>) {
        self.line(name, &words.collect::<Vec<String>>().join(", "));
    }

    /// Adds the classification of an entry for a failure of this phase.
    pub fn answer(&mut self, entry: &Entry, phase: &str) {
        self.line("phase", phase);
        self.line("class", entry.class.as_deref().unwrap_or_default());
        self.line("category", category_of(entry).unwrap_or("none"));
        self.line("retry", retry(&entry.retry));
        self.line("confidence", confidence(&entry.confidence));
    }

    /// The page.
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn retry(word: &str) -> &str {
    match word {
        "backoff" => "backoff: retry unchanged, with exponential backoff",
        "after_fix" => "after_fix: fix the configuration before retrying",
        "conditional" => "conditional: depends on the details or on how often it happens",
        "none" => "none: nothing to retry",
        other => other,
    }
}

fn confidence(word: &str) -> &str {
    match word {
        "documented" => "documented: the message appears in the vendor's documentation",
        "source" => "source: the message appears in the source code of the agent or server",
        "observed" => "observed: the message was seen in real reports",
        "unverified" => "unverified: the message is widely quoted, but no source confirms it",
        "kind_only" => "kind_only: only the kind of failure is known; the message itself says why",
        other => other,
    }
}

/// Wraps a text at spaces; a word longer than the limit is not split.
fn wrapped(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else {
        return Some(text.to_owned()).filter(|text| !text.is_empty()).into_iter().collect();
    };
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The category, as far as the text alone determines it.
pub fn category_of(entry: &Entry) -> Option<&'static str> {
    category(entry.class.as_deref(), Some(&entry.stage), entry.ran, Some(&entry.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_wrapped_at_spaces() {
        assert_eq!(wrapped("one two three", Some(7)), ["one two", "three"]);
        assert_eq!(wrapped("verylongword x", Some(4)), ["verylongword", "x"]);
        assert_eq!(wrapped("a  b", None), ["a  b"]);
        assert!(wrapped("", None).is_empty() && wrapped("", Some(3)).is_empty());
    }
}
