//! Times in JSON: RFC 3339 in UTC.

use jiff::Timestamp;
use serde::Serializer;

/// A time.
pub fn instant<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// A time, or null.
pub fn some_instant<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize)]
    struct Times {
        #[serde(serialize_with = "instant")]
        at: Timestamp,
        #[serde(serialize_with = "some_instant")]
        until: Option<Timestamp>,
    }

    #[test]
    fn times_are_texts_and_missing_ones_null() {
        let at: Timestamp = "2026-05-04T12:00:00.5+02:00".parse().unwrap();
        let json = |until| serde_json::to_string(&Times { at, until }).unwrap();
        assert_eq!(json(None), r#"{"at":"2026-05-04T10:00:00.5Z","until":null}"#);
        assert_eq!(json(Some(at)), r#"{"at":"2026-05-04T10:00:00.5Z","until":"2026-05-04T10:00:00.5Z"}"#);
    }
}
