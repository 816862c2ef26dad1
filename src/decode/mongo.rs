//! Documents of MongoDB in Extended JSON, whose values name their type: `{"$date":{"$numberLong":"1772601700000"}}`,
//! `{"$numberInt":"137"}`, `{"$oid":"…"}`.
//!
//! In: an object. Out: whether it is such a document, and its text with plain values, in which dates are as in the records of AWS.

use super::json::Value;
use jiff::Timestamp;
use serde_json::Number;

/// Whether an object is a document: its id comes first, and it or another value names its type.
pub fn is_document(value: Value<'_>) -> bool {
    let mut entries = value.entries();
    let Some(("_id", id)) = entries.next() else { return false };
    scalar(id).is_some() || entries.any(|(_, child)| has_scalar(child))
}

fn has_scalar(value: Value<'_>) -> bool {
    scalar(value).is_some() || value.items().any(has_scalar) || value.entries().any(|(_, child)| has_scalar(child))
}

/// The type of a value and its content.
fn scalar(value: Value<'_>) -> Option<(&str, Value<'_>)> {
    let mut entries = value.entries();
    let (kind, content) = entries.next()?;
    let is_known = matches!(kind, "$date" | "$numberInt" | "$numberLong" | "$numberDouble" | "$numberDecimal" | "$oid");
    (is_known && entries.next().is_none()).then_some((kind, content))
}

/// Writes a value without the names of types.
pub fn write_plain(value: Value<'_>, out: &mut String) {
    match scalar(value) {
        Some(("$date", content)) => return write_date(content, out),
        Some(("$oid", content)) => return content.write(out),
        Some((_, content)) => return write_number(content, out),
        None => {}
    }
    if value.is_object() {
        out.push('{');
        for (index, (key, child)) in value.entries().enumerate() {
            if index > 0 {
                out.push(',');
            }
            out.push_str(&serde_json::Value::from(key).to_string());
            out.push(':');
            write_plain(child, out);
        }
        out.push('}');
    } else if value.is_array() {
        out.push('[');
        for (index, item) in value.items().enumerate() {
            if index > 0 {
                out.push(',');
            }
            write_plain(item, out);
        }
        out.push(']');
    } else {
        value.write(out);
    }
}

/// A text, or milliseconds since 1970 as a number.
fn write_date(content: Value<'_>, out: &mut String) {
    let digits = content.get("$numberLong").and_then(Value::text).and_then(|text| text.parse().ok());
    let millis = content.int().or(digits);
    match millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()) {
        Some(time) => out.push_str(&format!("\"{time}\"")),
        None => content.write(out),
    }
}

/// A number is a text; one that JSON cannot write remains one.
fn write_number(content: Value<'_>, out: &mut String) {
    match content.text().and_then(|text| text.parse::<Number>().ok()) {
        Some(number) => out.push_str(&number.to_string()),
        None => content.write(out),
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::Tape;
    use super::*;

    fn plain(text: &str) -> Option<serde_json::Value> {
        let tape = Tape::parse(text).unwrap();
        let mut out = String::new();
        is_document(tape.root()).then(|| write_plain(tape.root(), &mut out))?;
        Some(serde_json::from_str(&out).unwrap())
    }

    #[test]
    fn documents_become_plain() {
        let canonical = r#"{"_id":{"$oid":"65e5"},"time":{"$date":{"$numberLong":"1772601700123"}},"detail":{"exitCode":{"$numberInt":"137"},
            "n":{"$numberDouble":"Infinity"},"list":[{"$numberLong":"7"},"x",null]}}"#;
        let want = serde_json::json!({"_id": "65e5", "time": "2026-03-04T05:21:40.123Z",
            "detail": {"exitCode": 137, "n": "Infinity", "list": [7, "x", null]}});
        assert_eq!(plain(canonical), Some(want));
        let relaxed = r#"{"_id":"a","time":{"$date":"2026-03-04T05:21:40Z"},"at":{"$date":1772601700000}}"#;
        let want = serde_json::json!({"_id": "a", "time": "2026-03-04T05:21:40Z", "at": "2026-03-04T05:21:40Z"});
        assert_eq!(plain(relaxed), Some(want));
    }

    #[test]
    fn other_objects_are_not_documents() {
        for text in ["{}", r#"{"_id":"x","a":1}"#, r#"{"a":{"$oid":"x"}}"#, r#"{"_id":{"$oid":"x","b":1}}"#, "[]"] {
            assert_eq!(plain(text), None, "{text}");
        }
    }
}
