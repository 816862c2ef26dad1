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

/// Values that a program printed with line breaks, of which CloudWatch Logs makes a message per line: the places of the messages,
/// and their text. The lines of one log stream follow each other; those of others may be between them.
pub fn printed_over_messages(messages: &[Value<'_>]) -> Vec<(Vec<usize>, String)> {
    let mut open: BTreeMap<&str, (Vec<usize>, String)> = BTreeMap::new();
    let mut printed = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let Some(line) = log_message(*message).map(str::trim_end) else { continue };
        let stream = message.text_at("logStreamName").unwrap_or_default();
        if let Some(bracket) = opening(line) {
            open.insert(stream, (vec![place], bracket.to_owned()));
        } else if let Some((places, text)) = open.get_mut(stream) {
            places.push(place);
            text.push('\n');
            text.push_str(line);
            if matches!(line, "}" | "]") {
                printed.extend(open.remove(stream).filter(|(_, text)| Tape::parse(text).is_ok()));
            }
        }
    }
    printed.sort();
    printed
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
