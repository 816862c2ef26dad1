//! JSON: one document with its schema, the query, the window, the columns and the rows, one row per line.
//!
//! Keys are in column order. Characters that affect a terminal are written as `\u` escapes, without any loss.

use std::borrow::Cow;
use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Value, json};

use super::rows::visit_rows;
use super::schema::Schema;
use super::time::describe_instant;
use super::visible::is_hidden;
use super::{Cell, Look, Render, RenderError};
use crate::answer::{Answer, Column, ColumnKind};

/// The format `json`.
pub(super) struct Json;

impl Render for Json {
    fn render(&self, answer: &Answer, look: &Look, out: &mut dyn io::Write) -> Result<(), RenderError> {
        write_head(answer, look, out)?;
        let keys = row_keys(&answer.columns);
        let mut line = Vec::new();
        let mut first = true;
        visit_rows(answer, |cells| {
            line.clear();
            line.extend_from_slice(if first { b"\n" } else { b",\n" });
            first = false;
            write_row(&keys, cells, look, &mut line)?;
            Ok(out.write_all(&line)?)
        })?;
        out.write_all(if first { b"]}\n" } else { b"\n]}\n" })?;
        Ok(())
    }
}

fn write_head(answer: &Answer, look: &Look, out: &mut dyn io::Write) -> Result<(), RenderError> {
    let mut head = Vec::new();
    head.extend_from_slice(b"{\"schema\":");
    write_value(&Schema::Rows.id(), &mut head)?;
    head.extend_from_slice(b",\n \"query\":");
    write_value(&answer.query.as_str(), &mut head)?;
    head.extend_from_slice(b",\n \"window\":{\"from\":");
    let window = &answer.window;
    let end = |instant: Option<_>| instant.map(|instant| describe_instant(instant, &look.tz));
    write_value(&end(window.from), &mut head)?;
    head.extend_from_slice(b",\"to\":");
    write_value(&end(window.to), &mut head)?;
    head.extend_from_slice(b",\"origin\":");
    write_value(&window.origin.as_str(), &mut head)?;
    head.extend_from_slice(b"},\n \"columns\":[");
    let keys = row_keys(&answer.columns);
    for (index, (key, column)) in keys.iter().zip(&answer.columns).enumerate() {
        let comma: &[u8] = if index == 0 { b"" } else { b"," };
        head.extend_from_slice(comma);
        // The keys of this object are in alphabetical order, regardless of the map type.
        let entry = json!({"name": key, "type": type_name(column.kind)});
        write_value(&entry, &mut head)?;
    }
    head.extend_from_slice(b"],\n \"rows\":[");
    out.write_all(&head)?;
    Ok(())
}

/// The column names, made unique if two are equal, so that no value is lost.
pub(super) fn row_keys(columns: &[Column]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::with_capacity(columns.len());
    for column in columns {
        let mut key = column.name.clone();
        let mut number = 1;
        while keys.contains(&key) {
            number += 1;
            key = format!("{}_{number}", column.name);
        }
        keys.push(key);
    }
    keys
}

/// Appends one row as an object.
pub(super) fn write_row(keys: &[String], cells: &[Cell], look: &Look, line: &mut Vec<u8>) -> Result<(), RenderError> {
    line.push(b'{');
    for (index, (key, cell)) in keys.iter().zip(cells).enumerate() {
        if index > 0 {
            line.push(b',');
        }
        write_value(&Value::String(key.clone()), line)?;
        line.push(b':');
        write_value(&cell.json(look), line)?;
    }
    line.push(b'}');
    Ok(())
}

/// A value as one line of JSON, safe for a terminal.
pub fn json_line(value: &impl Serialize) -> Result<String, RenderError> {
    let mut line = Vec::new();
    write_value(value, &mut line)?;
    // JSON is UTF-8.
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn write_value(value: &impl Serialize, line: &mut Vec<u8>) -> Result<(), RenderError> {
    let mut serializer = Serializer::with_formatter(line, Compact);
    value.serialize(&mut serializer).map_err(|error| RenderError::Io(error.into()))
}

fn type_name(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Text => "text",
        ColumnKind::Int => "int",
        ColumnKind::Float => "float",
        ColumnKind::Share => "share",
        ColumnKind::Bool => "bool",
        ColumnKind::Time => "time",
        ColumnKind::Duration => "duration",
        ColumnKind::List => "list",
    }
}

/// Compact JSON in which characters that affect a terminal are escaped.
struct Compact;

impl Formatter for Compact {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        writer.write_all(escape_hidden(fragment).as_bytes())
    }
}

/// The text of a JSON string in which characters that affect a terminal are escaped.
pub(super) fn escape_hidden(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_hidden(letter) {
            letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escaped.push_str(&format!("\\u{unit:04x}")));
        } else {
            escaped.push(letter);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut line = Vec::new();
        write_value(&Value::String(text.to_owned()), &mut line).unwrap();
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn escapes_lose_nothing() {
        let hostile = "\u{1b}[2J\u{9b}\u{202e}\u{e0041}\u{7f}\u{0}\"\\\n失敗👩‍💻";
        let text = written(hostile);
        assert!(!text.chars().any(is_hidden), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), hostile);
        assert_eq!(written("\u{202e}\u{e0041}"), r#""\u202e\udb40\udc41""#);
    }

    #[test]
    fn columns_of_the_same_name_stay_apart() {
        let column = |name: &str| Column { name: name.to_owned(), kind: ColumnKind::Int };
        let columns = ["x", "x_2", "x", "x"].map(column);
        assert_eq!(row_keys(&columns), ["x", "x_2", "x_3", "x_4"]);
    }
}
