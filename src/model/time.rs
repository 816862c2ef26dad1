//! Times of records, in microseconds since 1970 UTC: how they are written is known to [`crate::instant`].

use crate::decode::json::Value;
use crate::instant;
use std::borrow::Cow;
use std::ops::Range;

/// Valid record times: from 2006, when AWS launched (<https://aws.amazon.com/blogs/aws/amazon_s3/>), until 2100.
/// Programs write the zero value of their language, such as the year 1 or 1970, for a missing time.
const PLAUSIBLE: Range<i64> = 1_136_073_600_000_000..4_102_444_800_000_000;

/// The time, if it is valid for a record.
pub fn plausible(micros: i64) -> Option<i64> {
    PLAUSIBLE.contains(&micros).then_some(micros)
}

/// Whether a text is a well-formed time outside the valid range.
pub fn is_implausible(text: &str) -> bool {
    instant::of_text(text).is_some_and(|micros| plausible(micros).is_none())
}

/// The value of a time field, for an error message; `None` if it has none.
pub fn shown_at<'a>(value: Value<'a>, key: &str) -> Option<Cow<'a, str>> {
    let found = value.get(key).filter(|found| !found.is_null() && found.text() != Some(""))?;
    let written = || {
        let mut text = String::new();
        found.write(&mut text);
        Cow::Owned(text)
    };
    Some(found.scalar().unwrap_or_else(written))
}

/// Parses a valid time.
pub fn parse_time(text: &str) -> Option<i64> {
    instant::of_text(text).and_then(plausible)
}

/// Parses a valid time from a JSON value: a string, or a number since 1970.
pub fn time_of(value: Value<'_>) -> Option<i64> {
    let micros = match value.text() {
        Some(text) => instant::of_text(text),
        None => value.int().map(instant::of_integer).or_else(|| value.float().and_then(instant::of_number)),
    };
    micros.and_then(plausible)
}

/// The time under a key.
pub fn time_at(value: Value<'_>, key: &str) -> Option<i64> {
    value.get(key).and_then(time_of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::Tape;

    #[test]
    fn texts_and_numbers_are_times() {
        let want = parse_time("2026-03-04T02:10:00Z");
        assert!(want.is_some());
        for value in [
            "\"2026-03-04T02:10:00Z\"",
            "\"2026-03-04 03:10:00+0100\"",
            "\"1772590200\"",
            "1772590200",
            "1772590200.0",
            "1772590200000",
            "1772590200000000",
            "1772590200000000000",
        ] {
            let text = format!("{{\"time\":{value}}}");
            assert_eq!(time_at(Tape::parse(&text).unwrap().root(), "time"), want, "{value}");
        }
        for value in ["null", "true", "{}", "[1772590200]", "\"redacted\"", "0", "\"\""] {
            let text = format!("{{\"time\":{value}}}");
            assert_eq!(time_at(Tape::parse(&text).unwrap().root(), "time"), None, "{value}");
        }
    }

    #[test]
    fn what_programs_write_where_they_have_no_time_is_none() {
        for text in [
            "0001-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "Jan 1, 1970 12:00:00 AM",
            "2005-12-31T23:59:59Z",
            "2100-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "0",
            "-62135596800",
            "/Date(-62135596800000)/",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
            assert!(is_implausible(text), "{text}");
        }
        for text in ["2006-01-01T00:00:00Z", "2099-12-31T23:59:59.999999Z", "1772600000", "1772600000000", "redacted", ""] {
            assert!(!is_implausible(text), "{text}");
        }
    }

    #[test]
    fn what_is_there_is_shown() {
        let text = r#"{"a":"next week","b":7,"c":null,"d":"","e":{"$date":1},"f":true}"#;
        let tape = Tape::parse(text).unwrap();
        let shown = ["a", "b", "c", "d", "e", "f", "g"].map(|key| shown_at(tape.root(), key).map(Cow::into_owned));
        assert_eq!(
            shown,
            [Some("next week"), Some("7"), None, None, Some(r#"{"$date":1}"#), Some("true"), None]
                .map(|text| text.map(str::to_owned))
        );
    }
}
