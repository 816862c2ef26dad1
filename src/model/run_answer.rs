//! Launches for which `aws ecs run-task` or `start-task` returned `failures[]`.
//!
//! In: a response and the index of one of its failures. Out: the CloudTrail record of the call, as far as it can be
//! derived, so that the same failure yields the same rows from either source.

use super::arn;
use crate::decode::json::Value;
use serde_json::{Value as Json, json};

/// The record of a call, with this failure; `None` if neither the response nor its file has a time. `answer` may also
/// be a single failure. A response has a time only if something was placed; otherwise `saved`, the modification time
/// of its file in microseconds, is used.
pub fn as_call(answer: Value<'_>, index: usize, saved: Option<i64>) -> Option<String> {
    let failure = answer.get("failures").and_then(|failures| failures.items().nth(index)).unwrap_or(answer);
    let placed = answer.get("tasks").and_then(|tasks| tasks.items().next());
    let of_placed = |key: &str| placed.and_then(|task| task.text_at(key));
    let time = placed.and_then(|task| super::time::time_at(task, "createdAt")).or(saved)?;
    let time = jiff::Timestamp::from_microsecond(time).ok()?.to_string();
    let failed_arn = failure.text_at("arn").unwrap_or_default();
    // All elements of a response are about one call: what one of them names holds for the others.
    let arns = || answer.get("failures").into_iter().flat_map(Value::items).filter_map(|other| other.text_at("arn"));
    let some_arn =
        of_placed("taskArn").or_else(|| arn::arn(failed_arn)).or_else(|| arns().find_map(arn::arn)).unwrap_or_default();
    let cluster = of_placed("clusterArn").or_else(|| arn::cluster_of(failed_arn)).or_else(|| arns().find_map(arn::cluster_of));
    let mut whole = String::new();
    answer.write(&mut whole);
    let id = blake3::hash(format!("{whole}#{index}").as_bytes()).to_hex();
    let started = matches!(failure.text_at("reason"), Some("MISSING" | "INACTIVE"));
    let known = |value: Option<&str>| value.map_or(Json::Null, Json::from);
    let record = json!({
        "eventSource": "ecs.amazonaws.com",
        "eventName": if started { "StartTask" } else { "RunTask" },
        "eventTime": time,
        "eventID": id.chars().take(32).collect::<String>(),
        "awsRegion": known(arn::region(some_arn)),
        "recipientAccountId": known(arn::account(some_arn)),
        "requestParameters": {
            "cluster": known(cluster),
            "taskDefinition": known(of_placed("taskDefinitionArn")),
            "startedBy": known(of_placed("startedBy")),
            // The response does not include the requested count. At least one task was not placed; further failures
            // are additional reasons.
            "count": u8::from(index == 0),
        },
        "responseElements": { "tasks": [], "failures": [serde_json::to_value(failure).unwrap_or_default()] },
    });
    Some(record.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::Tape;

    #[test]
    fn an_answer_becomes_a_call() {
        let text = r#"{"failures":[{"arn":"arn:aws:ecs:eu-west-1:111122223333:container-instance/batch/i1","reason":"RESOURCE:MEMORY"},
            {"reason":"AGENT"}],"tasks":[]}"#;
        let tape = Tape::parse(text).unwrap();
        assert_eq!(as_call(tape.root(), 0, None), None);
        let call: Json = serde_json::from_str(&as_call(tape.root(), 0, Some(1_777_888_800_000_000)).unwrap()).unwrap();
        assert_eq!((&call["eventName"], &call["awsRegion"]), (&json!("RunTask"), &json!("eu-west-1")));
        assert_eq!((&call["requestParameters"]["cluster"], &call["requestParameters"]["count"]), (&json!("batch"), &json!(1)));
        let second: Json = serde_json::from_str(&as_call(tape.root(), 1, Some(1_777_888_800_000_000)).unwrap()).unwrap();
        assert_eq!(second["responseElements"]["failures"], json!([{"reason": "AGENT"}]));
        assert_ne!(second["eventID"], call["eventID"]);
        let place = ["awsRegion", "recipientAccountId"].map(|key| second[key].as_str().unwrap_or_default());
        assert_eq!((place, &second["requestParameters"]["cluster"]), (["eu-west-1", "111122223333"], &json!("batch")));
    }

    #[test]
    fn a_cluster_that_no_element_names_is_unknown() {
        let tape = Tape::parse(r#"{"failures":[{"reason":"AGENT"},{"arn":"web","reason":"RESOURCE:CPU"}],"tasks":[]}"#).unwrap();
        let call: Json = serde_json::from_str(&as_call(tape.root(), 0, Some(1_777_888_800_000_000)).unwrap()).unwrap();
        assert_eq!((&call["requestParameters"]["cluster"], &call["awsRegion"]), (&Json::Null, &Json::Null));
    }
}
