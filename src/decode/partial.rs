//! Objects that `--query` reduced to a few keys.
//!
//! In: an object without typical keys. Out: its [`Shape`], if the remaining keys are unambiguous.

use super::envelope::Shape;
use super::json::Value;

/// Classifies an object with few keys.
pub fn shape(value: Value<'_>) -> Option<Shape> {
    let has = |key: &str| value.get(key).is_some_and(|child| !child.is_null());
    let text = |key: &str| value.text_at(key);
    if has("containerArn") {
        return None;
    }
    if has("eventTypeCode") && has("service") && (has("arn") || has("eventArn")) {
        return Some(Shape::Health);
    }
    if value.get("event").is_some_and(|event| shape(event) == Some(Shape::Health)) {
        return Some(Shape::Health);
    }
    let state = ["lastStatus", "stoppedReason", "stopCode", "stoppedAt", "desiredStatus"].iter().filter(|key| has(key)).count();
    if (has("taskArn") && state > 0) || (has("stoppedReason") && state > 1) {
        return Some(Shape::Task);
    }
    if has("containerInstanceArn") && (has("ec2InstanceId") || has("versionInfo") || has("agentUpdateStatus")) {
        return Some(Shape::ContainerInstance);
    }
    let holds = |list: &str, key: &str| {
        value.get(list).is_some_and(|list| list.items().next().is_some_and(|first| first.get(key).is_some()))
    };
    if holds("events", "message") && (has("serviceArn") || has("serviceName") || has("runningCount"))
        || holds("deployments", "rolloutState")
    {
        return Some(Shape::Service);
    }
    if text("message").is_some_and(|message| message.starts_with("(service ")) && has("createdAt") {
        return Some(Shape::ServiceMessage);
    }
    if text("id").is_some_and(|id| id.starts_with("ecs-svc/")) && (has("rolloutState") || has("taskDefinition")) {
        return Some(Shape::Deployment);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::json::Tape;
    use super::*;

    #[test]
    fn what_is_left_is_enough() {
        for (text, want) in [
            (r#"{"taskArn":"arn:x","stoppedReason":"y"}"#, Some(Shape::Task)),
            (r#"{"stoppedReason":"y","stopCode":"TaskFailedToStart"}"#, Some(Shape::Task)),
            (r#"{"taskArn":"arn:x","containerArn":"z","lastStatus":"STOPPED"}"#, None),
            (r#"{"taskArn":"arn:x"}"#, None),
            (r#"{"message":"(service a) x","createdAt":"t"}"#, Some(Shape::ServiceMessage)),
            (r#"{"id":"ecs-svc/1","rolloutState":"FAILED"}"#, Some(Shape::Deployment)),
            (r#"{"serviceName":"a","events":[{"message":"m"}]}"#, Some(Shape::Service)),
            (r#"{"runningCount":1,"events":[["t","m"]]}"#, None),
            (r#"{"arn":"a","service":"ECS","eventTypeCode":"c"}"#, Some(Shape::Health)),
            (r#"{"event":{"arn":"a","service":"ECS","eventTypeCode":"c"}}"#, Some(Shape::Health)),
            (r#"{"message":"hello","createdAt":"t"}"#, None),
        ] {
            assert_eq!(shape(Tape::parse(text).unwrap().root()), want, "{text}");
        }
    }
}
