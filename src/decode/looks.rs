//! Decides whether an unrecognized value still looks like an AWS or dstack record.
//!
//! In: a value without any known record. Out: whether to quarantine it, and the keys to report. An unrelated document
//! can be ignored; an unread AWS or dstack record is data loss.

use super::json::Value;
use super::spelling::api_key;
use crate::knowledge;

/// Keys that only AWS and dstack records have, in API spelling.
const KEYS: &[&str] = &[
    "clusterArn",
    "containerInstanceArn",
    "eventName",
    "jobProvisioningData",
    "jobSubmissions",
    "runSpec",
    "serviceArn",
    "serviceDeploymentArn",
    "stopCode",
    "stoppedReason",
    "taskArn",
    "taskDefinitionArn",
    "terminationReason",
];

/// Further keys of events and calls, by which a damaged text is recognized.
const QUOTED: [&str; 3] = ["detail-type", "eventSource", "eventVersion"];

/// The number of keys to report.
const NAMED: usize = 8;

/// Whether a value contains a key or string of AWS or dstack.
pub fn is_of_aws_or_dstack(value: Value<'_>) -> bool {
    if let Some(text) = value.text() {
        return is_arn(text);
    }
    value.items().any(is_of_aws_or_dstack)
        || value.entries().any(|(key, child)| KEYS.contains(&&*api_key(key)) || is_of_aws_or_dstack(child))
}

/// Whether a text that cannot be parsed names a key or a resource of AWS or dstack, as a record in JSON does.
pub fn quotes_aws_or_dstack(text: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), b"arn:aws").is_some() || quotes_key(text)
}

/// Whether a text that cannot be parsed names a key of AWS or dstack.
pub fn quotes_key(text: &str) -> bool {
    // The quotes of JSON in a string are escaped.
    let is_key = |at: usize| text.get(at..).is_some_and(|rest| rest.trim_start_matches('\\').starts_with('"'));
    let quotes = |key: &str| memchr::memmem::find_iter(text.as_bytes(), key.as_bytes()).any(|at| is_key(at + key.len()));
    KEYS.iter().chain(&QUOTED).any(|key| quotes(key))
}

/// Whether any string below is an ARN.
pub fn has_arn(value: Value<'_>) -> bool {
    match value.text() {
        Some(text) => is_arn(text),
        None => value.items().any(has_arn) || value.entries().any(|(_, child)| has_arn(child)),
    }
}

/// `arn:aws:…`, also in the China and GovCloud partitions.
pub fn is_arn(text: &str) -> bool {
    text.starts_with("arn:aws")
}

/// A text that only ECS writes: a message of a service, or a stop reason.
pub fn is_text_of_ecs(text: &str) -> bool {
    text.starts_with("(service ") || knowledge::is_stop_text(text)
}

/// `2026-03-18T…` or `2026-03-18 …`.
pub fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_digit) && bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-')
}

/// Describes a value for the user: its keys, or those of its first element.
pub fn top_keys(value: Value<'_>) -> String {
    let (what, holder) = match value.items().next() {
        Some(first) => ("a list of ", first),
        None => ("", value),
    };
    if !holder.is_object() {
        return format!("{what}{}", if value.is_array() { "values without keys" } else { "a string" });
    }
    let keys: Vec<&str> = holder.entries().map(|(key, _)| key).collect();
    let mut shown = keys.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if keys.len() > NAMED {
        shown.push_str(&format!(" and {} more", keys.len() - NAMED));
    }
    format!("{what}{} with the keys {shown}", if what.is_empty() { "an object" } else { "objects" })
}

#[cfg(test)]
mod tests {
    use super::super::json::Tape;
    use super::*;

    #[test]
    fn records_of_aws_and_dstack_are_recognized() {
        for text in [
            r#"{"a":[{"b":"arn:aws:ecs:us-east-1:111122223333:task/x"}]}"#,
            r#"{"StoppedReason":"x"}"#,
            r#"{"stopped_reason":"x"}"#,
            r#"{"eventName":"RunTask"}"#,
            r#"[{"job_submissions":[]}]"#,
            r#"["arn:aws-cn:ecs:cn-north-1:111122223333:task/x"]"#,
        ] {
            assert!(is_of_aws_or_dstack(Tape::parse(text).unwrap().root()), "{text}");
        }
        for text in ["{}", "[1]", r#""arn""#, r#"{"name":"x","status":"STOPPED"}"#] {
            assert!(!is_of_aws_or_dstack(Tape::parse(text).unwrap().root()), "{text}");
        }
    }

    #[test]
    fn damaged_texts_are_recognized_by_their_keys() {
        for text in
            [r#"{"eventVersion":"1.11","userId"#, r#"{\"detail-type\":\"ECS Ta"#, r#"{\\\"taskArn\\\""#, r#"{"x":["arn:aws:ecs:"#]
        {
            assert!(quotes_aws_or_dstack(text), "{text}");
        }
        for text in ["", r#"{"name":"eventVersio"#, "the eventName is missing", r#"{"arn":"x"#] {
            assert!(!quotes_aws_or_dstack(text), "{text}");
        }
    }

    #[test]
    fn keys_are_named() {
        let summary = |text: &str| top_keys(Tape::parse(text).unwrap().root());
        assert_eq!(summary(r#"{"a":1,"b":2}"#), "an object with the keys a, b");
        assert_eq!(summary(r#"[{"a":1}]"#), "a list of objects with the keys a");
        assert_eq!(summary(r#"[["x"]]"#), "a list of values without keys");
        assert!(summary(r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9}"#).ends_with("h and 1 more"));
    }
}
