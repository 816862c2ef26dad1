//! ECS Action Logs: what the service scheduler did and why, for services and daemons.
//!
//! In: one line, in either of the two formats that AWS documents. Out: a row, and a failure if the event name or
//! state says so or, for unknown names, the level.

use super::catalog::{FailureCatalog, TextKind};
use super::ecs_event::Envelope;
use super::field::{Name, name, text_at};
use super::service::{action_failure, deployment_of, finish, is_failure, of_envelope, set_cluster, set_service};
use super::service_failure::service_failure;
use super::time::time_at;
use super::{Modeled, Origin, arn};
use crate::decode::json::Value;
use crate::knowledge;
use std::borrow::Cow;

/// Models one line.
pub fn model_action_log<'a>(line: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let detail = line.get("detail").unwrap_or(line);
    let at = |key: &str| text_at(line, key).or_else(|| text_at(detail, key));
    let event_name = at("eventName");
    let is_deployment = event_name.as_deref().is_some_and(|event_name| event_name.contains("_DEPLOYMENT_"));
    let mut event = of_envelope(Envelope::default(), origin, if is_deployment { "deployment" } else { "service" });
    event.source = name("action_log");
    event.event_type = at("logLevel").or_else(|| at("eventType"));
    event.event_name = event_name;
    event.message = at("statusReason").or_else(|| at("reason")).or_else(|| at("containerStoppedReason"));
    event.deployment = deployment_of(detail);
    event.container_instance = detail.text_at("containerInstanceArn").map(arn::short).and_then(name);
    event.account = at("account");
    event.region = at("region");
    set_cluster(&mut event, cluster_of(line));
    let source = line.text_at("actionSourceId").unwrap_or_default();
    set_service(&mut event, Some(source));
    // `service/CLUSTER/SERVICE`, where the id is not an ARN.
    if arn::arn(source).is_none()
        && let [_, cluster, _] = source.split('/').collect::<Vec<_>>()[..]
    {
        event.cluster = event.cluster.take().or_else(|| name(cluster));
    }
    let place = line.text_at("resourceArn").unwrap_or_default();
    event.account = event.account.take().or_else(|| arn::account(place).and_then(name));
    event.region = event.region.take().or_else(|| arn::region(place).and_then(name));
    let time =
        time_at(line, "timestamp").or_else(|| time_at(line, "eventTimestamp")).or_else(|| time_at(detail, "eventTimestamp"));
    event.event_time = time;
    let by_state = || detail.text_at("status").and_then(knowledge::deployment_failed).unwrap_or(false);
    let known = event.event_name.as_deref().and_then(knowledge::event_is_failure);
    let failure = (is_failure(&event) || (known.is_none() && by_state())).then(|| match stopped_reason(detail) {
        Some(reason) if !is_deployment && explains(&reason) => service_failure(&event, TextKind::TaskStoppedReason, &reason),
        _ => action_failure(&event),
    });
    finish(event, Cow::Owned(origin.content_id()), time, (line, &["timestamp", "eventTimestamp"]), failure)
}

/// The cluster of the log.
fn cluster_of(line: Value<'_>) -> Option<&str> {
    line.text_at("resourceArn").filter(|arn| arn.contains(":cluster/"))
}

/// The stop reason of a container, if the line has one.
fn stopped_reason<'a>(detail: Value<'a>) -> Name<'a> {
    text_at(detail, "containerStoppedReason").or_else(|| text_at(detail, "stoppedReason"))
}

fn explains(reason: &str) -> bool {
    FailureCatalog::current().explain(TextKind::TaskStoppedReason, reason).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::Tape;
    use crate::table::Row;

    fn summary(text: &str) -> Vec<String> {
        let tape = Tape::parse(text).unwrap();
        let origin = Origin { file: "f", record: 1, raw: None, text };
        let Modeled::Record(record) = model_action_log(tape.root(), origin) else { panic!("a record") };
        let show = |fields: &[&Option<Cow<'_, str>>]| {
            fields.iter().map(|field| field.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" ")
        };
        let row = |row: &Row<'_>| match row {
            Row::ServiceEvents(event) => show(&[&event.kind, &event.event_name, &event.service, &event.cluster, &event.region]),
            Row::Failures(failure) => show(&[&failure.kind, &failure.phase, &failure.class, &failure.reason]),
            _ => panic!("a service event or a failure"),
        };
        record.rows.iter().map(row).collect()
    }

    #[test]
    fn both_forms_are_read() {
        let inside = r#"{"resourceArn":"arn:aws:ecs:eu-west-1:111122223333:cluster/shop","actionSourceId":"service/shop/cart","logLevel":"INFO",
            "eventTimestamp":1777888800000,"detail":{"eventName":"SERVICE_DEPLOYMENT_ROLLBACK_SUCCESSFUL","status":"ROLLBACK_SUCCESSFUL"}}"#;
        let want = [
            "deployment SERVICE_DEPLOYMENT_ROLLBACK_SUCCESSFUL cart shop eu-west-1",
            "deployment deployment - SERVICE_DEPLOYMENT_ROLLBACK_SUCCESSFUL",
        ];
        assert_eq!(summary(inside), want);
        let above = r#"{"timestamp":1777888800000,"account":"111122223333","region":"eu-west-1","logLevel":"WARN",
            "resourceArn":"arn:aws:ecs:eu-west-1:111122223333:cluster/shop","eventName":"DAEMON_TASK_START_IMPAIRED",
            "actionSourceId":"arn:aws:ecs:eu-west-1:111122223333:daemon/shop/logs","detail":{"statusReason":"RESOURCE:CPU - insufficient CPU"}}"#;
        let want = ["service DAEMON_TASK_START_IMPAIRED logs shop eu-west-1", "service placement capacity RESOURCE:CPU"];
        assert_eq!(summary(above), want);
    }

    #[test]
    fn the_level_decides_for_names_that_are_not_known() {
        let line = |level: &str, name: &str| {
            format!(
                r#"{{"timestamp":1777888800000,"logLevel":"{level}","actionSourceId":"service/a/b","eventName":"{name}","detail":{{}}}}"#
            )
        };
        assert_eq!(summary(&line("ERROR", "SERVICE_NEW_THING")).len(), 2);
        assert_eq!(summary(&line("INFO", "SERVICE_NEW_THING")).len(), 1);
        assert_eq!(summary(&line("ERROR", "SERVICE_STEADY_STATE")).len(), 1);
        assert_eq!(summary(&line("INFO", "SERVICE_DEPLOYMENT_FAILED")).len(), 2);
    }
}
