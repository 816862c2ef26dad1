//! Values of OpenTelemetry (OTLP as JSON), which name their type: `{"stringValue":"web"}`, `{"kvlistValue":{"values":[…]}}`.
//!
//! In: an object. Out: whether it is a value with keys, such as the body of a log record that was parsed, and its text with plain
//! values. A body that is a string needs no conversion.

use super::json::Value;
use serde_json::Number;

/// Whether an object is a value with keys.
pub fn is_map(value: Value<'_>) -> bool {
    let mut entries = value.entries();
    let is_list = |(key, child): (&str, Value<'_>)| key == "kvlistValue" && child.get("values").is_some_and(Value::is_array);
    entries.next().is_some_and(is_list) && entries.next().is_none()
}

/// Writes a value without the names of types.
pub fn write_plain(value: Value<'_>, out: &mut String) {
    let Some((kind, content)) = value.entries().next() else { return out.push_str("null") };
    let items = || content.get("values").into_iter().flat_map(Value::items);
    match kind {
        "kvlistValue" => {
            out.push('{');
            for (index, item) in items().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::Value::from(item.text_at("key").unwrap_or_default()).to_string());
                out.push(':');
                write_item(item.get("value"), out);
            }
            out.push('}');
        }
        "arrayValue" => {
            out.push('[');
            for (index, item) in items().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_item(Some(item), out);
            }
            out.push(']');
        }
        // 64 bits are a string in JSON.
        "intValue" => match content.text().and_then(|text| text.parse::<Number>().ok()) {
            Some(number) => out.push_str(&number.to_string()),
            None => content.write(out),
        },
        "stringValue" | "boolValue" | "doubleValue" | "bytesValue" => content.write(out),
        _ => value.write(out),
    }
}

fn write_item(value: Option<Value<'_>>, out: &mut String) {
    match value {
        Some(value) if value.is_object() => write_plain(value, out),
        Some(value) => value.write(out),
        None => out.push_str("null"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::Tape;
    use super::*;

    #[test]
    fn bodies_become_plain() {
        let body = r#"{"kvlistValue":{"values":[{"key":"detail-type","value":{"stringValue":"x"}},{"key":"n","value":{"intValue":"3"}},
            {"key":"ok","value":{"boolValue":true}},{"key":"none","value":{}},{"key":"absent"},{"key":"odd","value":{"intValue":"x"}},
            {"key":"list","value":{"arrayValue":{"values":[{"stringValue":"a"},{"kvlistValue":{"values":[]}},{"arrayValue":{}}]}}}]}}"#;
        let tape = Tape::parse(body).unwrap();
        assert!(is_map(tape.root()));
        let mut out = String::new();
        write_plain(tape.root(), &mut out);
        let want = serde_json::json!({"detail-type": "x", "n": 3, "ok": true, "none": null, "absent": null, "odd": "x", "list": ["a", {}, []]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap(), want);
    }

    #[test]
    fn other_objects_are_not_maps() {
        for text in ["{}", r#"{"stringValue":"x"}"#, r#"{"kvlistValue":{}}"#, r#"{"kvlistValue":{"values":[]},"a":1}"#, "[1]"] {
            assert!(!is_map(Tape::parse(text).unwrap().root()), "{text}");
        }
    }
}
