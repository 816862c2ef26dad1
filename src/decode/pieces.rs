//! Joins texts that an export holds in pieces: bytes, lines of a notebook, and messages of a log.
//!
//! In: a list. Out: the text of its elements together, if it may hold records.

use super::envelope::log_message;
use super::json::{Tape, Value};
use super::looks;
use std::collections::BTreeMap;

/// The text of a list of bytes, as journald writes a message with control characters, and Node.js a buffer.
pub fn text_of_bytes(list: Value<'_>) -> Option<String> {
    list.items().next()?.int()?;
    let byte = |item: Value<'_>| item.int().and_then(|number| u8::try_from(number).ok());
    let bytes: Vec<u8> = list.items().map(byte).collect::<Option<_>>()?;
    String::from_utf8(bytes).ok().filter(|text| text.contains("{\""))
}

/// The text of a list of lines that are JSON together, as a notebook holds the output of a cell.
pub fn text_of_lines(list: Value<'_>) -> Option<String> {
    let first = list.items().next()?.text()?.trim_start();
    if !first.starts_with(['{', '[']) || Tape::parse(first).is_ok() {
        return None;
    }
    let lines: Vec<&str> = list.items().map(Value::text).collect::<Option<_>>()?;
    Some(lines.join("\n")).filter(|text| looks::quotes_key(text))
}

/// Joins values that a program printed with line breaks, of which CloudWatch Logs makes a message per line. The lines of one log
/// stream follow each other; those of others may be between them.
#[derive(Debug, Default)]
pub struct PrintedLines {
    /// For each log stream, the lines of a value that has no end yet: where they are, and their text.
    open: BTreeMap<String, (Vec<usize>, String)>,
}

/// What a message is, with the messages before it of its log stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// No part of a value.
    Other,
    /// Part of a value. If another had begun before it in its log stream, those lines are parts of none.
    Part {
        /// Where the lines are that are parts of no value.
        given_up: Vec<usize>,
    },
    /// The last part of a value.
    Last {
        /// Where its lines are.
        lines: Vec<usize>,
        /// Its text; none if it is not JSON.
        text: Option<String>,
    },
}

impl PrintedLines {
    /// Adds a message; `place` says where it is.
    pub fn add(&mut self, message: Value<'_>, place: usize) -> Line {
        let Some(line) = log_message(message).map(str::trim_end) else { return Line::Other };
        let stream = message.text_at("logStreamName").unwrap_or_default();
        if let Some(bracket) = opening(line) {
            let before = self.open.insert(stream.to_owned(), (vec![place], bracket.to_owned()));
            return Line::Part { given_up: before.unwrap_or_default().0 };
        }
        let Some((lines, text)) = self.open.get_mut(stream) else { return Line::Other };
        lines.push(place);
        text.push('\n');
        text.push_str(line);
        if !matches!(line, "}" | "]") {
            return Line::Part { given_up: Vec::new() };
        }
        let (lines, text) = self.open.remove(stream).unwrap_or_default();
        Line::Last { lines, text: Some(text).filter(|text| Tape::parse(text).is_ok()) }
    }

    /// Where the lines are of values without an end.
    pub fn rest(self) -> Vec<usize> {
        self.open.into_values().flat_map(|(lines, _)| lines).collect()
    }
}

/// The values that are printed over some of these messages: the places of the messages, and the text.
pub fn printed_over_messages(messages: &[Value<'_>]) -> Vec<(Vec<usize>, String)> {
    let mut lines = PrintedLines::default();
    let printed = messages.iter().enumerate().filter_map(|(place, message)| match lines.add(*message, place) {
        Line::Last { lines, text } => text.map(|text| (lines, text)),
        Line::Other | Line::Part { .. } => None,
    });
    printed.collect()
}

/// The bracket that begins a value over several lines, alone or after a few words: `Received event: {`.
fn opening(line: &str) -> Option<&str> {
    let words = line.strip_suffix(['{', '['])?;
    let is_start = !words.contains(['"', '{', '[', '}', ']']) && (words.is_empty() || words.ends_with([' ', ':', '=', '\t']));
    let is_indented = !words.is_empty() && words.trim().is_empty();
    (is_start && !is_indented).then(|| line.get(words.len()..)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_stream_are_joined() {
        let line = |stream: &str, text: &str| serde_json::json!({"timestamp": 1_772_600_000_000_i64, "logStreamName": stream, "message": text});
        let list = serde_json::json!([
            line("a", "START"),
            line("a", "Received event: {"),
            line("b", "["),
            line("a", "  \"x\": {\n"),
            line("b", "  1"),
            line("a", "  }"),
            line("a", "}"),
            line("a", "END"),
            line("b", "{"),
            line("b", "\"cut"),
            line("b", "}"),
        ]);
        let text = list.to_string();
        let tape = Tape::parse(&text).unwrap();
        let messages: Vec<Value<'_>> = tape.root().items().collect();
        assert_eq!(printed_over_messages(&messages), [(vec![1, 3, 5, 6], "{\n  \"x\": {\n  }\n}".to_owned())]);
    }
}
