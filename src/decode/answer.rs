//! Responses of the ECS API as the CLI and SDKs print them: every element of every list is accounted for.
//!
//! In: a response, or one of its elements. Out: the meaning of each element. Tasks, services, container instances and
//! deployments are recognized by their own keys anywhere; this module covers the rest: `failures[]`, lists of names,
//! and descriptions that contain no event.

use super::envelope::Shape;
use super::json::Value;
use super::looks;
use crate::knowledge;

/// Classifies an element of `failures[]`; `None` if it is not from the ECS API. `answer` is the object that contains
/// the list.
pub fn failure_shape(answer: Option<Value<'_>>, failure: Value<'_>, index: usize) -> Option<Shape> {
    let reason = failure.text_at("reason").filter(|reason| !reason.is_empty())?;
    if failure.entries().any(|(key, _)| !matches!(key, "arn" | "reason" | "detail")) {
        return None;
    }
    let arn = failure.text_at("arn").unwrap_or_default();
    let beside = |key: &str| answer.is_some_and(|answer| answer.get(key).is_some_and(Value::is_array));
    let is_code = || answer.is_some() && knowledge::is_launch_reason(reason);
    let of_list = || beside("tasks") || knowledge::described_lists().any(beside);
    if !(of_list() || arn.starts_with("arn:aws") && arn.contains(":ecs:") || is_code()) {
        return None;
    }
    // `start-task` on a nonexistent instance reports the reason of a describe call, but it is a launch.
    let of_instance = arn.contains(":container-instance/") && beside("tasks");
    if reason == "MISSING" && !of_instance {
        return Some(Shape::Other("missing"));
    }
    if beside("protectedTasks") || matches!(reason, "TASK_NOT_VALID" | "DEPLOYMENT_BLOCKED") {
        return Some(Shape::Other("task_protection"));
    }
    let is_launch = beside("tasks") || answer.is_none() || !knowledge::described_lists().any(beside);
    Some(if is_launch { Shape::LaunchFailure(index) } else { Shape::Other("failed_description") })
}

/// The reason code for an element under `key` that contains no record.
pub fn described(key: &str, element: Value<'_>) -> Option<&'static str> {
    let of_lists = key.ends_with("Arns") || key == "families";
    match element.text() {
        Some(text) if of_lists && (looks::is_arn(text) || key == "families") => Some("list_of_names"),
        Some(_) => None,
        None => {
            let why = knowledge::described_list(key).or_else(|| knowledge::described_object(key));
            why.filter(|_| element.is_object() && looks::has_arn(element))
        }
    }
}

/// Whether all lists of a response are empty.
pub fn is_empty(answer: Value<'_>) -> bool {
    let is_list =
        |key: &str| key == "tasks" || key == "families" || key.ends_with("Arns") || knowledge::described_list(key).is_some();
    let lists = || answer.entries().filter(|(_, child)| child.is_array());
    lists().any(|(key, _)| is_list(key)) && lists().all(|(_, list)| list.items().next().is_none())
}

#[cfg(test)]
mod tests {
    use super::super::json::Tape;
    use super::*;

    #[test]
    fn empty_answers() {
        let empty = |text: &str| is_empty(Tape::parse(text).unwrap().root());
        assert!(empty(r#"{"tasks":[],"failures":[]}"#) && empty(r#"{"taskArns":[],"nextToken":null}"#));
        assert!(!empty(r#"{"tasks":[],"failures":[{}]}"#) && !empty(r#"{"items":[]}"#) && !empty("{}"));
    }

    #[test]
    fn failures_by_request() {
        let of = |text: &str| {
            let tape = Tape::parse(text).unwrap();
            let failures: Vec<Value<'_>> = tape.root().get("failures").unwrap().items().collect();
            failures
                .iter()
                .enumerate()
                .map(|(index, failure)| failure_shape(Some(tape.root()), *failure, index))
                .collect::<Vec<_>>()
        };
        let launch = of(
            r#"{"failures":[{"reason":"RESOURCE:MEMORY"},{"arn":"arn:aws:ecs:r:1:container-instance/c/i","reason":"AGENT"}],"tasks":[]}"#,
        );
        assert_eq!(launch, [Some(Shape::LaunchFailure(0)), Some(Shape::LaunchFailure(1))]);
        let missing = of(r#"{"tasks":[],"failures":[{"arn":"arn:aws:ecs:r:1:task/c/t","reason":"MISSING"}]}"#);
        assert_eq!(missing, [Some(Shape::Other("missing"))]);
        let started = of(r#"{"tasks":[],"failures":[{"arn":"arn:aws:ecs:r:1:container-instance/c/i","reason":"MISSING"}]}"#);
        assert_eq!(started, [Some(Shape::LaunchFailure(0))]);
        let services = of(r#"{"services":[],"failures":[{"arn":"web","reason":"MISSING"}]}"#);
        assert_eq!(services, [Some(Shape::Other("missing"))]);
        let protection = of(r#"{"protectedTasks":[],"failures":[{"arn":"arn:aws:ecs:r:1:task/c/t","reason":"TASK_NOT_VALID"}]}"#);
        assert_eq!(protection, [Some(Shape::Other("task_protection"))]);
        assert_eq!(
            of(r#"{"failures":[{"reason":"assertion failed"},{"reason":"TIMEOUT"},{"reason":"AGENT","test":"a"}]}"#),
            [None; 3]
        );
        assert_eq!(of(r#"{"failures":[{"reason":"RESOURCE:ENI"}]}"#), [Some(Shape::LaunchFailure(0))]);
    }
}
