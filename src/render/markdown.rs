//! A table in GitHub Flavored Markdown; no text is interpreted as markup or as a mention.
//!
//! GitLab, Jira and Confluence take the same: they know tables, backslashes before punctuation, and entities.

use std::io;

use super::rows::{is_numeric, visit_rows};
use super::visible::{visible, visible_except};
use super::{Look, Render, RenderError};
use crate::answer::Answer;

/// The longest text of a cell, in characters: a table with longer ones cannot be read, and GitHub takes 65,536 in all.
const LONGEST: usize = 500;

/// Separates a sign from a name so that they do not form a mention: invisible and without width.
const BREAK: &str = "&#8203;";

/// The format `markdown`.
pub(super) struct Markdown;

impl Render for Markdown {
    fn render(&self, answer: &Answer, look: &Look, out: &mut dyn io::Write) -> Result<(), RenderError> {
        if answer.columns.is_empty() {
            return Ok(());
        }
        let names = answer.columns.iter().map(|column| escape(&column.name));
        out.write_all(line(names).as_bytes())?;
        let rules = answer.columns.iter().map(|column| {
            let rule = if is_numeric(column.kind) { "--:" } else { "---" };
            rule.to_owned()
        });
        out.write_all(line(rules).as_bytes())?;
        visit_rows(answer, |cells| {
            let texts = cells.iter().map(|cell| escape(&bounded(cell.human(look))));
            Ok(out.write_all(line(texts).as_bytes())?)
        })
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let mut line = String::from("|");
    for cell in cells {
        line.push(' ');
        line.push_str(&cell);
        line.push_str(if cell.is_empty() { "|" } else { " |" });
    }
    line.push('\n');
    line
}

/// The beginning of a text that is too long for a cell.
fn bounded(text: String) -> String {
    let end = text.char_indices().nth(LONGEST).map(|(end, _)| end);
    end.map(|end| format!("{}…", text.get(..end).unwrap_or_default().trim_end())).unwrap_or(text)
}

/// Adds backslashes before Markdown markup, breaks mentions of people and issues, entities for HTML, and `<br>` for line breaks.
pub fn escape(text: &str) -> String {
    let unified = text.replace("\r\n", "\n");
    let shown = visible_except(&unified, &['\n']);
    let mut out = String::with_capacity(shown.len() + 8);
    let mut before = None;
    let mut text = shown.trim_matches(' ');
    // A list, a heading or a line across the page begins with these.
    if let Some((number, sign)) = block_sign(text).and_then(|at| text.split_at_checked(at)) {
        out.push_str(number);
        out.push('\\');
        text = sign;
    }
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' => out.push_str("<br>"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '|' | '`' | '*' | '[' | ']' | '~' | '$' => out.extend(['\\', c]),
            '@' | '#' if is_mention(c, before, rest.clone().next()) => {
                out.push(c);
                out.push_str(BREAK);
            }
            // An underscore inside a word is not markup, and reads better without a backslash.
            '_' if !is_inside_word(before, rest.clone().next()) => out.push_str("\\_"),
            other => out.push(other),
        }
        before = Some(c);
    }
    out
}

/// A text as code, even if it contains backticks.
pub fn code(text: &str) -> String {
    let text = visible(text);
    if text.contains('`') { format!("`` {text} ``").replace("```", "` ``") } else { format!("`{text}`") }
}

/// The place of the sign at the beginning of a text that would begin a list, a heading or a line across the page.
fn block_sign(text: &str) -> Option<usize> {
    let sign = text.find(|c: char| !c.is_ascii_digit())?;
    let mut rest = text.get(sign..)?.chars();
    let first = rest.next()?;
    let after = rest.as_str().trim_start_matches(first);
    let ends = after.is_empty() || after.starts_with([' ', '\n']);
    let begins = match first {
        '.' | ')' => sign > 0 && sign <= 9,
        '-' | '+' | '#' | '=' => sign == 0,
        _ => false,
    };
    (begins && ends).then_some(sign)
}

/// Whether a sign begins the name of a person or the number of an issue.
fn is_mention(sign: char, before: Option<char>, after: Option<char>) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    !before.is_some_and(is_word) && after.is_some_and(|c| if sign == '@' { is_word(c) } else { c.is_ascii_digit() })
}

fn is_inside_word(before: Option<char>, after: Option<char>) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    is_word(before) && is_word(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_cells_end_with_an_ellipsis() {
        assert_eq!(bounded("é".repeat(LONGEST)), "é".repeat(LONGEST));
        assert_eq!(bounded("é".repeat(LONGEST + 1)), format!("{}…", "é".repeat(LONGEST)));
    }

    #[test]
    fn nothing_is_taken_for_markup() {
        let cases = [
            ("a|b", "a\\|b"),
            ("`x` *y* ~z~", "\\`x\\` \\*y\\* \\~z\\~"),
            ("<script>&", "&lt;script&gt;&amp;"),
            ("[a](http://x)", "\\[a\\](http://x)"),
            ("one\r\ntwo\nthree", "one<br>two<br>three"),
            ("\u{1b}[0m", "\\\\u{1b}\\[0m"),
            ("C:\\|", "C:\\\\\\|"),
            ("exit_code _x_ __", "exit_code \\_x\\_ \\_\\_"),
            ("$HOME $x$", "\\$HOME \\$x\\$"),
            ("  ", ""),
            ("@mika: see #12", "@&#8203;mika: see #&#8203;12"),
            ("a@b.example x#1 @ #", "a@b.example x#1 @ #"),
            ("sha256@sha256:0", "sha256@sha256:0"),
            ("- x", "\\- x"),
            ("-5", "-5"),
            ("## x", "\\## x"),
            ("---", "\\---"),
            ("12. x", "12\\. x"),
            ("12.5 GiB", "12.5 GiB"),
            ("2026-03-04", "2026-03-04"),
            ("—", "—"),
        ];
        for (text, escaped) in cases {
            assert_eq!(escape(text), escaped);
        }
    }
}
