//! A table in GitHub Flavored Markdown; no text is interpreted as markup.

use std::io;

use super::rows::{is_numeric, visit_rows};
use super::visible::visible_except;
use super::{Look, Render, RenderError};
use crate::answer::Answer;

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
            let texts = cells.iter().map(|cell| escape(&cell.human(look)));
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

/// Adds backslashes before Markdown markup, entities for HTML, and `<br>` for line breaks.
pub fn escape(text: &str) -> String {
    let unified = text.replace("\r\n", "\n");
    let shown = visible_except(&unified, &['\n']);
    let mut out = String::with_capacity(shown.len() + 8);
    let mut before = None;
    let mut rest = shown.trim_matches(' ').chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' => out.push_str("<br>"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '|' | '`' | '*' | '[' | ']' | '~' | '$' => out.extend(['\\', c]),
            // An underscore inside a word is not markup, and reads better without a backslash.
            '_' if !is_inside_word(before, rest.clone().next()) => out.push_str("\\_"),
            other => out.push(other),
        }
        before = Some(c);
    }
    out
}

fn is_inside_word(before: Option<char>, after: Option<char>) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    is_word(before) && is_word(after)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ];
        for (text, escaped) in cases {
            assert_eq!(escape(text), escaped);
        }
    }
}
