//! A message about something the user typed: what is wrong, where, and what works instead.
//!
//! In: data from the parser, the checker or the planner. Out: text with carets, from [`Diagnostic::render`].
//! Invariant: external input cannot move the cursor or color the terminal, because every line passes through
//! [`visible`].

use std::fmt::Write as _;
use std::ops::Range;

/// The severity; the first word of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Severity {
    /// The query cannot run.
    #[default]
    Error,
    /// The query runs, but may not do what was intended.
    Warning,
    /// An explanation of a result.
    Note,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// One message; see the top of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostic {
    /// The severity.
    pub severity: Severity,
    /// One sentence, without a period.
    pub message: String,
    /// The bytes of the source that the message is about.
    pub span: Option<Range<usize>>,
    /// A short text next to the carets.
    pub label: Option<String>,
    /// Additional lines, such as a list of known names.
    pub notes: Vec<String>,
    /// Something that works.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at a place in the source.
    pub fn error(message: impl Into<String>, span: Range<usize>) -> Self {
        Self { message: message.into(), span: Some(span), ..Self::default() }
    }

    /// An error about the whole source.
    pub fn general(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// A warning at a place in the source.
    pub fn warning(message: impl Into<String>, span: Range<usize>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message, span) }
    }

    /// A note without a place, such as the explanation of an empty result.
    pub fn note(message: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::general(message) }
    }

    /// Adds a text next to the carets.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds a line.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds a suggestion that works.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The text for a terminal; each line ends with a newline.
    pub fn render(&self, source: &str) -> String {
        let mut text = format!("{}: {}\n", self.severity.word(), visible(&self.message));
        match &self.span {
            Some(span) => text.push_str(&self.render_place(source, span)),
            None => {
                if let Some(label) = &self.label {
                    let _ = writeln!(text, "  = {}", visible(label));
                }
            }
        }
        for note in &self.notes {
            let _ = writeln!(text, "  = {}", visible(note));
        }
        if let Some(help) = &self.help {
            let _ = writeln!(text, "  = help: {}", visible(help));
        }
        text
    }

    /// The line of the source with carets under the span.
    fn render_place(&self, source: &str, span: &Range<usize>) -> String {
        let place = Place::find(source, span);
        let mut text = format!("  | {}\n  | {}{}", place.line, " ".repeat(place.column), "^".repeat(place.width));
        if let Some(label) = &self.label {
            let _ = write!(text, " {}", visible(label));
        }
        text.push('\n');
        text
    }
}

/// The texts of several messages, separated by empty lines.
pub fn render_all(diagnostics: &[Diagnostic], source: &str) -> String {
    let texts: Vec<String> = diagnostics.iter().map(|d| d.render(source)).collect();
    texts.join("\n")
}

/// The maximum number of source columns shown before and after the place of a message.
const CONTEXT: usize = 100;

/// A span as it appears on a screen.
struct Place {
    line: String,
    column: usize,
    width: usize,
}

impl Place {
    fn find(source: &str, span: &Range<usize>) -> Self {
        let start = floor_char_boundary(source, span.start);
        let end = floor_char_boundary(source, span.end.max(start));
        let (head, tail) = source.split_at(start);
        let before = head.rsplit('\n').next().unwrap_or_default();
        let inside = source.get(start..end).unwrap_or_default();
        let inside = inside.split('\n').next().unwrap_or_default();
        let rest = tail.split('\n').next().unwrap_or_default();
        let after = rest.get(inside.len()..).unwrap_or_default();

        let before = shorten_left(&visible(before));
        let inside = shorten_right(&visible(inside));
        let after = shorten_right(&visible(after));
        Self {
            column: display_width(&before),
            width: display_width(&inside).max(1),
            line: format!("{before}{inside}{after}").trim_end().to_owned(),
        }
    }
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn shorten_left(text: &str) -> String {
    let length = text.chars().count();
    if length <= CONTEXT {
        return text.to_owned();
    }
    let kept: String = text.chars().skip(length - CONTEXT).collect();
    format!("…{kept}")
}

fn shorten_right(text: &str) -> String {
    if text.chars().count() <= CONTEXT {
        return text.to_owned();
    }
    let kept: String = text.chars().take(CONTEXT).collect();
    format!("{kept}…")
}

/// Replaces every character that affects a terminal with a visible one, so that the number of characters stays the
/// same.
pub fn visible(text: &str) -> String {
    text.chars().map(visible_char).collect()
}

fn visible_char(c: char) -> char {
    match c {
        '\t' | '\n' | '\r' => ' ',
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        // C1 controls, zero-width and bidirectional marks, line separators, byte order mark, tags.
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        other => other,
    }
}

/// The width in columns of a text that passed through [`visible`].
fn display_width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> usize {
    match u32::from(c) {
        // Combining marks and variation selectors.
        0x0300..=0x036f
        | 0x1ab0..=0x1aff
        | 0x1dc0..=0x1dff
        | 0x20d0..=0x20ff
        | 0x3099..=0x309a
        | 0xfe00..=0xfe0f
        | 0xfe20..=0xfe2f
        | 0xe0100..=0xe01ef => 0,
        // East Asian wide and full-width forms, and emoji.
        0x1100..=0x115f
        | 0x231a..=0x231b
        | 0x2e80..=0x303e
        | 0x3041..=0x33ff
        | 0x3400..=0x4dbf
        | 0x4e00..=0x9fff
        | 0xa000..=0xa4cf
        | 0xa960..=0xa97f
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_under_the_span_with_the_label_beside_them() {
        let query = "failurs by reason since 7d";
        let text = Diagnostic::error("unknown noun `failurs`", 0..7)
            .with_label("did you mean `failures`?")
            .with_note("nouns: calls, events")
            .render(query);
        assert_eq!(
            text,
            "error: unknown noun `failurs`\n  | failurs by reason since 7d\n  \
             | ^^^^^^^ did you mean `failures`?\n  = nouns: calls, events\n"
        );
    }

    #[test]
    fn columns_count_what_a_terminal_shows() {
        let query = "message = 失敗 x";
        let at = query.find('x').unwrap();
        let text = Diagnostic::error("no", at..at + 1).render(query);
        assert_eq!(text.lines().nth(2).unwrap(), "  |                ^");
    }

    #[test]
    fn what_acts_on_a_terminal_is_made_visible() {
        let query = "a\u{1b}[31m\u{202e}b\u{9b}";
        let text = Diagnostic::error(format!("bad {query}"), 0..query.len()).render(query);
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{text:?}");
        assert!(text.contains("a␛[31m\u{fffd}b\u{fffd}"), "{text:?}");
    }

    #[test]
    fn only_the_line_of_the_span_is_shown() {
        let query = "failures\nwhere x\nsince 1d";
        let text = Diagnostic::error("no", 15..16).render(query);
        assert_eq!(text, "error: no\n  | where x\n  |       ^\n");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let query = format!("{}HERE{}", "a".repeat(5000), "b".repeat(5000));
        let text = Diagnostic::error("no", 5000..5004).render(&query);
        assert!(text.lines().all(|line| line.chars().count() < 220));
        assert!(text.contains("HERE"));
    }

    #[test]
    fn a_span_outside_the_source_does_no_harm() {
        for (start, end) in [(0, 100), (50, 60), (3, 2), (1, 2)] {
            let span = start..end;
            let text = Diagnostic::error("no", span).render("é");
            assert!(text.starts_with("error: no\n"));
        }
    }
}
