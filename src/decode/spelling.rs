//! Converts the key spelling and enumerations of SDKs to those of the API.
//!
//! In: a value. Out: whether it must be converted, and the text: `TaskArn` and `task_arn` become `taskArn`,
//! `{"value":"FARGATE"}` becomes `"FARGATE"`. Invariant: conversion is idempotent.

use super::json::Value;
use std::borrow::Cow;

/// Keys that are specific to the ECS API; if one has another spelling, the whole value is converted.
const OWN_KEYS: &[&str] = &[
    "capacityProviderArn",
    "clusterArn",
    "clusterArns",
    "containerArn",
    "containerInstanceArn",
    "containerInstanceArns",
    "daemonArn",
    "daemonDeploymentArn",
    "serviceArn",
    "serviceArns",
    "serviceDeploymentArn",
    "serviceRevisionArn",
    "stopCode",
    "stoppedReason",
    "taskArn",
    "taskArns",
    "taskDefinitionArn",
    "taskDefinitionArns",
];

/// Lists and objects of responses; other programs have them too, so their content decides.
const HOLDERS: &[&str] = &[
    "clusters",
    "containerInstances",
    "daemonDeployments",
    "service",
    "serviceDeployments",
    "serviceRevisions",
    "services",
    "task",
    "tasks",
];

/// Whether an object comes from the ECS API in the spelling of an SDK.
pub fn is_of_sdk(value: Value<'_>) -> bool {
    let is_empty_list = |child: Value<'_>| child.is_array() && child.items().next().is_none();
    let (mut holders, mut failures) = (0, false);
    for (key, child) in value.entries() {
        let Cow::Owned(spelled) = api_key(key) else { continue };
        if OWN_KEYS.contains(&spelled.as_str()) {
            return true;
        }
        if HOLDERS.contains(&spelled.as_str()) {
            let first = if child.is_array() { child.items().next() } else { Some(child) };
            if first.is_some_and(is_of_sdk) {
                return true;
            }
            holders += usize::from(is_empty_list(child));
        }
        failures |= spelled == "failures" && child.is_array();
    }
    // `{"Failures":[…],"Tasks":[]}`: a launch that placed nothing.
    holders > 0 && failures
}

/// Whether any value below is an enumeration written as an object.
pub fn has_enum_object(value: Value<'_>) -> bool {
    enum_value(value).is_some()
        || value.items().any(has_enum_object)
        || value.entries().any(|(_, child)| (child.is_object() || child.is_array()) && has_enum_object(child))
}

/// The value of an enumeration written as an object, `{"value":"FARGATE"}`.
fn enum_value(value: Value<'_>) -> Option<Value<'_>> {
    let mut entries = value.entries();
    let (key, inner) = entries.next()?;
    let is_plain = !inner.is_object() && !inner.is_array();
    (is_plain && entries.next().is_none() && matches!(key, "value" | "Value")).then_some(inner)
}

/// Writes a value in API spelling.
pub fn write_as_api(value: Value<'_>, out: &mut String) {
    if let Some(inner) = enum_value(value) {
        return inner.write(out);
    }
    let separate = |index: usize, out: &mut String| {
        if index > 0 {
            out.push(',');
        }
    };
    if value.is_array() {
        out.push('[');
        for (index, item) in value.items().enumerate() {
            separate(index, out);
            write_as_api(item, out);
        }
        out.push(']');
    } else if value.is_object() {
        out.push('{');
        for (index, (key, child)) in value.entries().enumerate() {
            separate(index, out);
            out.push_str(&serde_json::Value::from(&*api_key(key)).to_string());
            out.push(':');
            write_as_api(child, out);
        }
        out.push('}');
    } else {
        value.write(out);
    }
}

/// A key in API spelling.
pub fn api_key(key: &str) -> Cow<'_, str> {
    if key.bytes().any(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_')) {
        return Cow::Borrowed(key);
    }
    if key.contains('_') && !key.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(of_snake(key));
    }
    let capitals = key.bytes().take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()).count();
    match capitals {
        0 => Cow::Borrowed(key),
        _ if !key.starts_with(|letter: char| letter.is_ascii_uppercase()) => Cow::Borrowed(key),
        1 => Cow::Owned(lower_front(key, 1)),
        // The last capital starts the next word: `EC2InstanceId`.
        all if all == key.len() => Cow::Owned(key.to_ascii_lowercase()),
        several => Cow::Owned(lower_front(key, several - 1)),
    }
}

fn lower_front(key: &str, count: usize) -> String {
    let (front, rest) = key.split_at_checked(count).unwrap_or((key, ""));
    format!("{}{rest}", front.to_ascii_lowercase())
}

fn of_snake(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for (index, word) in key.split('_').filter(|word| !word.is_empty()).enumerate() {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        if index == 0 {
            out.push_str(word);
        } else {
            out.push_str(&first.to_ascii_uppercase());
            out.push_str(rest);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::json::Tape;
    use super::*;

    #[test]
    fn keys_of_every_spelling() {
        for (key, want) in [
            ("TaskArn", "taskArn"),
            ("task_arn", "taskArn"),
            ("taskArn", "taskArn"),
            ("EC2InstanceId", "ec2InstanceId"),
            ("Ec2InstanceId", "ec2InstanceId"),
            ("CPU", "cpu"),
            ("Cpu", "cpu"),
            ("detail-type", "detail-type"),
            ("", ""),
            ("_", ""),
            ("é", "é"),
            ("2Fast", "2Fast"),
        ] {
            assert_eq!(api_key(key), want, "{key}");
        }
    }

    #[test]
    fn values_of_sdks_are_written_as_the_api_has_them() {
        let text = r#"{"Tasks":[{"TaskArn":"arn:x","LaunchType":{"Value":"EC2"},"Containers":[{"ExitCode":1}]}],"Failures":[]}"#;
        let tape = Tape::parse(text).unwrap();
        assert!(is_of_sdk(tape.root()) && has_enum_object(tape.root()));
        let mut out = String::new();
        write_as_api(tape.root(), &mut out);
        assert_eq!(out, r#"{"tasks":[{"taskArn":"arn:x","launchType":"EC2","containers":[{"exitCode":1}]}],"failures":[]}"#);
        assert!(!is_of_sdk(Tape::parse(&out).unwrap().root()));
    }

    #[test]
    fn what_others_write_stays() {
        for text in [
            r#"{"Tasks":[{"Title":"buy milk"}]}"#,
            r#"{"Service":{"Name":"x"},"Failures":[]}"#,
            r#"{"EventName":"RunTask"}"#,
            r#"{"tasks":[],"failures":[]}"#,
            r#"{"name":"a","value":"b"}"#,
        ] {
            let tape = Tape::parse(text).unwrap();
            assert!(!is_of_sdk(tape.root()) && !has_enum_object(tape.root()), "{text}");
        }
    }
}
