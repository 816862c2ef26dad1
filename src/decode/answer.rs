//! Responses of the ECS API as the CLI and SDKs print them: every element of every list is accounted for.
//!
//! In: a response, or one of its elements. Out: the meaning of each element. Tasks, services, container instances and
//! deployments are recognized by their own keys anywhere; this module covers the rest: `failures[]`, lists of names,
//! and descriptions that contain no event.

use super::envelope::{Shape, no_record};
use super::json::Value;
use super::looks;
use crate::knowledge;

/// What the elements of `failures[]` are, in their order; `None` if none is from the ECS API. `answer` is the object
/// that contains the list.
pub fn failure_shapes(answer: Value<'_>, failures: &[Value<'_>]) -> Option<Vec<Shape>> {
    let lists = Lists::of(answer);
    let shapes: Vec<_> = failures.iter().map(|failure| failure_shape(Some(&lists), *failure)).collect();
    let is_known = shapes.iter().any(Option::is_some);
    is_known
        .then(|| shapes.into_iter().zip(failures).map(|(shape, failure)| shape.unwrap_or_else(|| no_record(*failure))).collect())
}

/// What a failure without its response is; `None` if it is not from the ECS API.
pub fn single_failure_shape(failure: Value<'_>) -> Option<Shape> {
    failure_shape(None, failure)
}

/// The lists beside `failures[]`, which say what the request was.
struct Lists {
    tasks: bool,
    protected_tasks: bool,
    /// A list of a `describe-…` response.
    described: bool,
}

impl Lists {
    fn of(answer: Value<'_>) -> Lists {
        let has = |key: &str| answer.get(key).is_some_and(Value::is_array);
        Lists { tasks: has("tasks"), protected_tasks: has("protectedTasks"), described: knowledge::described_lists().any(has) }
    }
}

fn failure_shape(answer: Option<&Lists>, failure: Value<'_>) -> Option<Shape> {
    let reason = failure.text_at("reason").filter(|reason| !reason.is_empty())?;
    if failure.entries().any(|(key, _)| !matches!(key, "arn" | "reason" | "detail")) {
        return None;
    }
    let arn = failure.text_at("arn").unwrap_or_default();
    let beside = |list: fn(&Lists) -> bool| answer.is_some_and(list);
    let (tasks, described) = (beside(|lists| lists.tasks), beside(|lists| lists.described));
    let is_code = || answer.is_some() && knowledge::is_launch_reason(reason);
    if !(tasks || described || arn.starts_with("arn:aws") && arn.contains(":ecs:") || is_code()) {
        return None;
    }
    // `start-task` on a nonexistent instance reports the reason of a describe call, but it is a launch.
    let of_instance = arn.contains(":container-instance/") && tasks;
    if reason == "MISSING" && !of_instance {
        return Some(Shape::Other("missing"));
    }
    if beside(|lists| lists.protected_tasks) || matches!(reason, "TASK_NOT_VALID" | "DEPLOYMENT_BLOCKED") {
        return Some(Shape::Other("task_protection"));
    }
    Some(if tasks || !described { Shape::LaunchFailure } else { Shape::Other("failed_description") })
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
            failure_shapes(tape.root(), &failures)
        };
        let launch = of(
            r#"{"failures":[{"reason":"RESOURCE:MEMORY"},{"arn":"arn:aws:ecs:r:1:container-instance/c/i","reason":"AGENT"}],"tasks":[]}"#,
        );
        assert_eq!(launch, Some(vec![Shape::LaunchFailure; 2]));
        let missing = of(r#"{"tasks":[],"failures":[{"arn":"arn:aws:ecs:r:1:task/c/t","reason":"MISSING"}]}"#);
        assert_eq!(missing, Some(vec![Shape::Other("missing")]));
        let started = of(r#"{"tasks":[],"failures":[{"arn":"arn:aws:ecs:r:1:container-instance/c/i","reason":"MISSING"}]}"#);
        assert_eq!(started, Some(vec![Shape::LaunchFailure]));
        let services = of(r#"{"services":[],"failures":[{"arn":"web","reason":"MISSING"}]}"#);
        assert_eq!(services, Some(vec![Shape::Other("missing")]));
        let protection = of(r#"{"protectedTasks":[],"failures":[{"arn":"arn:aws:ecs:r:1:task/c/t","reason":"TASK_NOT_VALID"}]}"#);
        assert_eq!(protection, Some(vec![Shape::Other("task_protection")]));
        assert_eq!(
            of(r#"{"failures":[{"reason":"assertion failed"},{"reason":"TIMEOUT"},{"reason":"AGENT","test":"a"}]}"#),
            None
        );
        assert_eq!(of(r#"{"failures":[{"reason":"RESOURCE:ENI"}]}"#), Some(vec![Shape::LaunchFailure]));
    }
}
