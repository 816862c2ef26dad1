//! Events that ECS and AWS Health send through EventBridge.
//!
//! In: an envelope and its detail. Out: the rows of the event. Delivery is at least once and unordered: the id of the
//! envelope identifies the record, and versions in the detail give the order.

use super::instance::model_instance;
use super::service::{model_deployment, model_health, model_service_action};
use super::task::model_task;
use super::time::time_at;
use super::{Modeled, Origin, Refusal};
use crate::decode::json::Value;
use std::borrow::Cow;

/// The metadata of an event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Envelope<'a> {
    /// The id of the event.
    pub id: Option<&'a str>,
    /// The event time, in microseconds since 1970 UTC.
    pub time: Option<i64>,
    /// The account.
    pub account: Option<&'a str>,
    /// The region.
    pub region: Option<&'a str>,
    /// The type of the detail, such as `ECS Task State Change`.
    pub detail_type: &'a str,
    /// The sender, such as `aws.ecs`; `describe` for output of `aws ecs describe-…`.
    pub source: &'a str,
    /// The first affected resource.
    pub resource: Option<&'a str>,
}

impl<'a> Envelope<'a> {
    /// The envelope of a recorded event.
    pub fn read(event: Value<'a>) -> Self {
        Envelope {
            id: event.text_at("id").filter(|id| !id.is_empty()),
            time: time_at(event, "time"),
            account: event.text_at("account").filter(|account| !account.is_empty()),
            region: event.text_at("region").filter(|region| !region.is_empty()),
            detail_type: event.text_at("detail-type").unwrap_or_default(),
            source: event.text_at("source").unwrap_or_default(),
            resource: super::field::first_at(event, "resources"),
        }
    }

    /// The envelope for output of `aws ecs describe-…`, which has none.
    pub fn describe() -> Self {
        Envelope { source: "describe", ..Envelope::default() }
    }

    /// The value of the column `source`.
    pub(super) fn source_name(&self) -> Option<Cow<'a, str>> {
        Some(Cow::Borrowed(if self.source == "describe" { "describe" } else { "eventbridge" }))
    }

    /// The id of the record.
    pub(super) fn record_id(&self, origin: Origin<'a>) -> Cow<'a, str> {
        self.id.map_or_else(|| Cow::Owned(origin.content_id()), Cow::Borrowed)
    }
}

/// Models one event.
pub fn model_event<'a>(envelope: Envelope<'a>, detail: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
    match envelope.detail_type {
        "ECS Task State Change" => model_task(detail, envelope, origin),
        "ECS Container Instance State Change" => model_instance(detail, envelope, origin),
        "ECS Service Action" => model_service_action(detail, envelope, origin),
        "ECS Deployment State Change" | "ECS Service Deployment State Change" => model_deployment(detail, envelope, origin),
        "AWS Health Event" => model_health(detail, envelope, origin),
        other if other.starts_with("ECS ") || envelope.source == "aws.ecs" => model_by_kind(other, detail, envelope, origin),
        _ => Modeled::Filtered("other_event"),
    }
}

/// ECS events with other types: those of daemons and gateways, and of future features.
fn model_by_kind<'a>(detail_type: &str, detail: Value<'a>, envelope: Envelope<'a>, origin: Origin<'a>) -> Modeled<'a> {
    if detail_type.ends_with("Deployment State Change") {
        return model_deployment(detail, envelope, origin);
    }
    let is_named = detail.get("eventName").is_some();
    if is_named {
        return model_service_action(detail, envelope, origin);
    }
    Modeled::Refused(Refusal {
        why: "unknown_shape",
        detail: format!(
            "unknown ECS event type `{}`; expected a task, container instance, service or deployment event",
            detail_type.chars().take(60).collect::<String>()
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::Tape;
    use crate::table::Table;

    #[test]
    fn events_of_others_are_left_out() {
        let text = r#"{"id":"e1","detail-type":"GuardDuty Finding","source":"aws.guardduty","account":"111122223333",
            "time":"2026-03-04T02:10:00Z","region":"us-east-1","resources":[],"detail":{}}"#;
        let tape = Tape::parse(text).unwrap();
        let envelope = Envelope::read(tape.root());
        assert_eq!((envelope.id, envelope.resource, envelope.time.is_some()), (Some("e1"), None, true));
        let origin = Origin { file: "f", record: 1, raw: None, text };
        let detail = tape.root().get("detail").unwrap();
        assert!(matches!(model_event(envelope, detail, origin), Modeled::Filtered("other_event")));
    }

    #[test]
    fn an_event_without_id_is_named_after_its_content() {
        let text = r#"{"detail-type":"ECS Task State Change","source":"aws.ecs","time":"2026-03-04T02:10:00Z",
            "detail":{"taskArn":"arn:aws:ecs:us-east-1:111122223333:task/c/0a","lastStatus":"RUNNING"}}"#;
        let tape = Tape::parse(text).unwrap();
        let origin = Origin { file: "f", record: 1, raw: None, text };
        let detail = tape.root().get("detail").unwrap();
        let Modeled::Record(record) = model_event(Envelope::read(tape.root()), detail, origin) else { panic!("a record") };
        assert_eq!((record.table, record.id.len()), (Table::TaskEvents, 32));
        assert_eq!(record.account.as_deref(), Some("111122223333"));
    }
}
