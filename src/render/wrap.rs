//! Breaks text at words, for cells below each other and for pages of text on a terminal.

use super::shorten::{take_columns, width_of};

/// The lines of a text, each at most `width` columns wide. Words that are wider than a line are broken.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let gap = usize::from(!line.is_empty());
        if width_of(&line) + gap + width_of(word) <= width {
            line.extend((gap > 0).then_some(' '));
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        let mut rest = word;
        // A character that is wider than the line stays whole.
        while width_of(rest) > width {
            let part = take_columns(rest.chars(), width);
            let cut = if part.is_empty() { rest.chars().next().map_or(rest.len(), char::len_utf8) } else { part.len() };
            let (start, end) = rest.split_at_checked(cut).unwrap_or((rest, ""));
            lines.push(start.to_owned());
            rest = end;
        }
        line.push_str(rest);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// A page of text whose lines are at most `width` columns wide, broken at words.
///
/// Continued lines are indented to the last column of an aligned line, such as the value after a name. Lines with a shell
/// command stay whole, so that they can be copied.
pub fn wrap_page(text: &str, width: usize) -> String {
    let mut page = String::with_capacity(text.len() + text.len() / 16);
    for line in text.lines() {
        if width_of(line) <= width || line.trim_start().starts_with("$ ") {
            page.push_str(line);
            page.push('\n');
        } else {
            wrap_line(&mut page, line, hanging(line, width / 2), width);
        }
    }
    page
}

/// The start of a further line of a message.
const FURTHER: &str = "  = ";

/// A message whose lines are at most `width` columns wide, broken at words and continued below their text.
///
/// A quoted line of the source and its carets stay whole, because they belong together column by column.
pub fn wrap_message(text: &str, width: usize) -> String {
    let mut message = String::with_capacity(text.len() + text.len() / 16);
    for line in text.lines() {
        if width_of(line) <= width || line.starts_with("  | ") {
            message.push_str(line);
            message.push('\n');
            continue;
        }
        let indent = match (line.starts_with(FURTHER), line.starts_with(' ')) {
            (true, _) => Indent { bytes: FURTHER.len(), columns: FURTHER.len() },
            (false, true) => hanging(line, width / 2),
            // A first line is continued below its second column, so that it does not look like two messages.
            (false, false) => Indent { bytes: 0, columns: 2 },
        };
        wrap_line(&mut message, line, indent, width);
    }
    message
}

/// Appends a line whose text after the indent is broken at words.
fn wrap_line(page: &mut String, line: &str, indent: Indent, width: usize) {
    let (start, rest) = line.split_at_checked(indent.bytes).unwrap_or(("", line));
    let pad = " ".repeat(indent.columns);
    for (index, part) in wrap(rest, width.saturating_sub(indent.columns)).iter().enumerate() {
        page.push_str(if index == 0 { start } else { &pad });
        page.push_str(part);
        page.push('\n');
    }
}

struct Indent {
    bytes: usize,
    columns: usize,
}

/// Where the text of a line begins: after its last gap of two spaces within `most` columns.
fn hanging(line: &str, most: usize) -> Indent {
    let mut indent = Indent { bytes: 0, columns: 0 };
    let mut spaces = 0;
    for (at, c) in line.char_indices() {
        let columns = line.get(..at).map_or(0, width_of);
        if columns > most {
            break;
        }
        // The start of the line counts as a gap.
        if c != ' ' && (spaces >= 2 || at == spaces) {
            indent = Indent { bytes: at, columns };
        }
        spaces = if c == ' ' { spaces + 1 } else { 0 };
    }
    indent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_breaks_at_words() {
        assert_eq!(wrap("one two three four", 9), ["one two", "three", "four"]);
        assert_eq!(wrap("", 9), [""]);
        assert_eq!(wrap("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrap("失敗しました", 5), ["失敗", "しま", "した"]);
        assert_eq!(wrap("失敗", 1), ["失", "敗"]);
        let text = "a  b   c";
        assert_eq!(wrap(text, 20), [text]);
    }

    #[test]
    fn messages_break_at_words_and_keep_their_carets() {
        let text = "error: unexpected `stopped`: expected a clause\n  | failures stopped since yesterday\n  |          ^^^^^^^\n\
                    \x20 = clauses: where, since, until";
        assert_eq!(
            wrap_message(text, 24),
            "error: unexpected\n  `stopped`: expected a\n  clause\n  | failures stopped since yesterday\n  |          ^^^^^^^\n\
             \x20 = clauses: where,\n    since, until\n"
        );
        assert_eq!(
            wrap_message("window 1 … 2\n    a list item that is long", 16),
            "window 1 … 2\n    a list item\n    that is long\n"
        );
        assert_eq!(wrap_message(text, 200).trim_end(), text);
    }

    #[test]
    fn pages_keep_their_columns_and_commands() {
        let page = "Where\n  account  one two three four five\n  $ aws ecs describe-tasks --cluster batch\nplain words only here";
        assert_eq!(
            wrap_page(page, 22),
            "Where\n  account  one two\n           three four\n           five\n  $ aws ecs describe-tasks --cluster batch\n\
             plain words only here\n"
        );
        assert_eq!(wrap_page("  a list item that is long", 14), "  a list item\n  that is long\n");
        for width in 0..40 {
            let joined: String = wrap_page(page, width).split_whitespace().collect();
            assert_eq!(joined, page.split_whitespace().collect::<String>(), "{width}");
        }
    }
}
