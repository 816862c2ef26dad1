//! Launches for which `aws ecs run-task` or `start-task` returned `failures[]`.
//!
//! In: a response and one of its failures. Out: the CloudTrail record of the call, as far as it can be
//! derived, so that the same failure yields the same rows from either source.

use super::arn;
use crate::decode::json::Value;
use serde_json::{Value as Json, json};

/// A response, with what its failures have in common.
#[derive(Debug)]
pub struct RunResponse<'a> {
    /// The first task that was placed.
    placed: Option<Value<'a>>,
    /// RFC 3339; `None` if neither the response nor its file has a time.
    time: Option<String>,
    /// Whether the time is that of the file.
    is_of_file: bool,
    /// The hash of the text of the response.
    hash: blake3::Hasher,
    /// The first ARN among the failures.
    arn: Option<&'a str>,
    /// The first cluster that an ARN of the failures names.
    cluster: Option<&'a str>,
}

impl<'a> RunResponse<'a> {
    /// `answer` may also be a single failure. A response has a time only if something was placed; otherwise `saved`, the
    /// modification time of its file in microseconds, is used. A response within something else has none.
    pub fn new(answer: Value<'a>, saved: Option<i64>) -> RunResponse<'a> {
        let placed = answer.get("tasks").and_then(|tasks| tasks.items().next());
        let created = placed.and_then(|task| super::time::time_at(task, "createdAt"));
        let time = created.or(saved).and_then(|time| jiff::Timestamp::from_microsecond(time).ok()).map(|time| time.to_string());
        let failures = answer.get("failures");
        let arns = || failures.into_iter().flat_map(Value::items).filter_map(|failure| failure.text_at("arn"));
        let mut whole = String::new();
        answer.write(&mut whole);
        let mut hash = blake3::Hasher::new();
        hash.update(whole.as_bytes());
        let (arn, cluster) = (arns().find_map(arn::arn), arns().find_map(arn::cluster_of));
        RunResponse { placed, time, is_of_file: created.is_none(), hash, arn, cluster }
    }

    /// Whether the response has no time of its own.
    pub fn has_time_of_file(&self) -> bool {
        self.is_of_file
    }

    /// The record of the call, with one failure of the response; `None` without a time.
    pub fn call(&self, failure: Value<'_>, index: usize) -> Option<String> {
        let time = self.time.as_deref()?;
        let of_placed = |key: &str| self.placed.and_then(|task| task.text_at(key));
        let failed_arn = failure.text_at("arn").unwrap_or_default();
        // All elements of a response are about one call: a name in one element holds for the others.
        let some_arn = of_placed("taskArn").or_else(|| arn::arn(failed_arn)).or(self.arn).unwrap_or_default();
        let cluster = of_placed("clusterArn").or_else(|| arn::cluster_of(failed_arn)).or(self.cluster);
        let id = self.hash.clone().update(format!("#{index}").as_bytes()).finalize().to_hex();
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::Tape;

    /// The record of a failure of a response.
    fn as_call(answer: Value<'_>, index: usize, saved: Option<i64>) -> Option<String> {
        let failure = answer.get("failures").and_then(|failures| failures.items().nth(index)).unwrap();
        RunResponse::new(answer, saved).call(failure, index)
    }

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
        // The id is that of earlier loads of the same response.
        let mut whole = String::new();
        tape.root().write(&mut whole);
        assert_eq!(second["eventID"], json!(blake3::hash(format!("{whole}#1").as_bytes()).to_hex()[..32]));
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
