//! Items of DynamoDB, whose values are objects that name their type: `{"S":"web"}`, `{"N":"3"}`, `{"M":{…}}`.
//!
//! In: an object. Out: whether it is such an item, and its text with plain values. A text in it may hold a record itself.

use super::json::Value;
use serde_json::Number;

/// Whether an object is an item: every value names its type.
pub fn is_item(value: Value<'_>) -> bool {
    let mut entries = value.entries();
    entries.next().is_some_and(|(_, first)| typed(first).is_some()) && entries.all(|(_, child)| typed(child).is_some())
}

/// The type of a value and its content.
fn typed(value: Value<'_>) -> Option<(&str, Value<'_>)> {
    let mut entries = value.entries();
    let (kind, content) = entries.next()?;
    let fits = match kind {
        "S" | "N" | "B" => content.text().is_some(),
        "BOOL" | "NULL" => content.bool().is_some(),
        "M" => content.is_object(),
        "L" | "SS" | "NS" | "BS" => content.is_array(),
        _ => false,
    };
    (fits && entries.next().is_none()).then_some((kind, content))
}

/// Writes an item with plain values.
pub fn write_plain(item: Value<'_>, out: &mut String) {
    out.push('{');
    for (index, (key, child)) in item.entries().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(&serde_json::Value::from(key).to_string());
        out.push(':');
        write_value(child, out);
    }
    out.push('}');
}

fn write_value(value: Value<'_>, out: &mut String) {
    match typed(value) {
        Some(("M", map)) => write_plain(map, out),
        Some(("L", list)) => {
            out.push('[');
            for (index, item) in list.items().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Some(("NULL", _)) => out.push_str("null"),
        // A number is a text; one that JSON cannot write remains one.
        Some(("N", number)) => match number.text().and_then(|text| text.parse::<Number>().ok()) {
            Some(plain) => out.push_str(&plain.to_string()),
            None => number.write(out),
        },
        Some((_, content)) => content.write(out),
        None => value.write(out),
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::Tape;
    use super::*;

    fn plain(text: &str) -> Option<serde_json::Value> {
        let tape = Tape::parse(text).unwrap();
        let mut out = String::new();
        is_item(tape.root()).then(|| write_plain(tape.root(), &mut out))?;
        Some(serde_json::from_str(&out).unwrap())
    }

    #[test]
    fn items_become_plain() {
        let item = r#"{"pk":{"S":"1"},"event":{"M":{"detail-type":{"S":"x"},"n":{"N":"3"},"big":{"N":"1e999"},"ok":{"BOOL":true},
            "none":{"NULL":true},"list":{"L":[{"S":"a"},{"M":{}}]},"names":{"SS":["a","b"]}}}}"#;
        let want = serde_json::json!({"pk": "1", "event": {"detail-type": "x", "n": 3, "big": "1e999", "ok": true, "none": null,
            "list": ["a", {}], "names": ["a", "b"]}});
        assert_eq!(plain(item), Some(want));
    }

    #[test]
    fn other_objects_are_not_items() {
        for text in
            ["{}", r#"{"S":"x"}"#, r#"{"a":{"S":1}}"#, r#"{"a":{"S":"x"},"b":1}"#, r#"{"a":{"S":"x","N":"1"}}"#, r#"[{"S":"x"}]"#]
        {
            assert_eq!(plain(text), None, "{text}");
        }
    }
}
