//! Services: ECS Service Action and Deployment State Change events, AWS Health events, and the messages
//! and deployments of `aws ecs describe-services`.
//!
//! In: the detail of an event, or a service with one of its elements. Out: one row, and a failure where
//! it tells of one.

use super::catalog::TextKind;
use super::ecs_event::Envelope;
use super::field::{first_at, int_at, name, text_at};
use super::service_failure::{deployment_failure, service_failure};
use super::time::time_at;
use super::{Modeled, Origin, Record, Refusal, arn};
use crate::decode::json::Value;
use crate::table::{Failure, Row, ServiceEvent, Table};
use std::borrow::Cow;

/// Models an ECS Service Action.
pub fn model_service_action<'a>(detail: Value<'a>, envelope: Envelope<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let mut event = of_envelope(envelope, origin, "service");
    event.event_type = text_at(detail, "eventType");
    event.event_name = text_at(detail, "eventName");
    event.message = text_at(detail, "reason");
    event.desired_count = int_at(detail, "desiredCount");
    event.container_instance = first_at(detail, "containerInstanceArns").map(arn::short).and_then(name);
    event.capacity_provider = first_at(detail, "capacityProviderArns").map(arn::short).and_then(name);
    set_cluster(&mut event, detail.text_at("clusterArn"));
    set_service(&mut event, envelope.resource);
    let time = time_at(detail, "createdAt").or(envelope.time);
    let text = event.message.clone().or_else(|| event.event_name.clone()).unwrap_or_default();
    let failure = if matches!(event.event_type.as_deref(), Some("WARN" | "ERROR")) {
        Some(match event.event_name.as_deref() {
            Some("SERVICE_DEPLOYMENT_FAILED") => deployment_failure(&event),
            _ => service_failure(&event, TextKind::ServiceActionReason, &text),
        })
    } else {
        None
    };
    finish(event, envelope.record_id(origin), time, (detail, "createdAt"), failure)
}

/// Models an ECS Deployment State Change.
pub fn model_deployment<'a>(detail: Value<'a>, envelope: Envelope<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let mut event = of_envelope(envelope, origin, "deployment");
    event.event_type = text_at(detail, "eventType");
    event.event_name = text_at(detail, "eventName");
    event.message = text_at(detail, "reason");
    event.deployment =
        text_at(detail, "deploymentId").or_else(|| detail.text_at("serviceDeploymentArn").map(arn::short).and_then(name));
    set_cluster(&mut event, detail.text_at("clusterArn"));
    set_service(&mut event, envelope.resource);
    let time = time_at(detail, "updatedAt").or(envelope.time);
    let failed = event.event_name.as_deref().is_some_and(|event_name| event_name.ends_with("FAILED"));
    let failure = failed.then(|| deployment_failure(&event));
    finish(event, envelope.record_id(origin), time, (detail, "updatedAt"), failure)
}

/// Models an AWS Health event about ECS; those about other services are left out.
pub fn model_health<'a>(detail: Value<'a>, envelope: Envelope<'a>, origin: Origin<'a>) -> Modeled<'a> {
    if !detail.text_at("service").is_some_and(|service| service.eq_ignore_ascii_case("ECS")) {
        return Modeled::Filtered("other_event");
    }
    let mut event = of_envelope(envelope, origin, "health");
    event.event_type = text_at(detail, "eventTypeCategory");
    event.event_name = text_at(detail, "eventTypeCode");
    let description = detail.get("eventDescription").and_then(|texts| texts.items().next());
    event.message = description.and_then(|description| text_at(description, "latestDescription"));
    let entity = detail.get("affectedEntities").and_then(|entities| entities.items().next());
    // Entities are named `CLUSTER|SERVICE`, or are tasks.
    if let Some((cluster, service)) =
        entity.and_then(|entity| entity.text_at("entityValue")).and_then(|entity| entity.split_once('|'))
    {
        event.cluster = name(arn::short(cluster));
        event.service = name(arn::short(service));
    }
    let time = envelope.time.or_else(|| time_at(detail, "startTime"));
    finish(event, envelope.record_id(origin), time, (detail, "startTime"), None)
}

/// Models one element of `services[].events` of describe output.
pub fn model_service_message<'a>(service: Value<'a>, message: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let envelope = Envelope::describe();
    let mut event = of_described(service, origin, "service");
    event.message = text_at(message, "message");
    let time = time_at(message, "createdAt");
    let id = text_at(message, "id")
        .unwrap_or_else(|| Cow::Owned(format!("{}#{}", envelope.record_id(origin), time.unwrap_or_default())));
    let text = event.message.clone().unwrap_or_default();
    let failure = super::service_failure::message_failure(&mut event, &text);
    finish(event, id, time, (message, "createdAt"), failure)
}

/// Models one element of `services[].deployments` of describe output.
pub fn model_service_deployment<'a>(service: Value<'a>, deployment: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let mut event = of_described(service, origin, "deployment");
    event.deployment = text_at(deployment, "id");
    event.task_definition = deployment.text_at("taskDefinition").map(arn::task_definition).and_then(name);
    event.desired_count = int_at(deployment, "desiredCount");
    event.message = text_at(deployment, "rolloutStateReason");
    let (event_type, event_name) = match deployment.text_at("rolloutState") {
        Some("COMPLETED") => (Some("INFO"), Some("SERVICE_DEPLOYMENT_COMPLETED")),
        Some("IN_PROGRESS") => (Some("INFO"), Some("SERVICE_DEPLOYMENT_IN_PROGRESS")),
        Some("FAILED") => (Some("ERROR"), Some("SERVICE_DEPLOYMENT_FAILED")),
        _ => (None, None),
    };
    event.event_type = event_type.and_then(name);
    event.event_name = event_name.and_then(name);
    let time = time_at(deployment, "updatedAt").or_else(|| time_at(deployment, "createdAt"));
    // A deployment is told again and again; each of its states is one record.
    let id = format!(
        "{}@{}@{}",
        event.deployment.as_deref().unwrap_or_default(),
        event_name.unwrap_or_default(),
        time.unwrap_or_default()
    );
    let failure = (event_type == Some("ERROR")).then(|| deployment_failure(&event));
    finish(event, Cow::Owned(id), time, (deployment, "updatedAt"), failure)
}

fn of_envelope<'a>(envelope: Envelope<'a>, origin: Origin<'a>, kind: &'static str) -> ServiceEvent<'a> {
    ServiceEvent {
        event_time: envelope.time,
        kind: name(kind),
        account: envelope.account.and_then(name),
        region: envelope.region.and_then(name),
        source: envelope.source_name(),
        file: origin.file(),
        record: Some(origin.record),
        raw: origin.raw(),
        ..ServiceEvent::default()
    }
}

fn of_described<'a>(service: Value<'a>, origin: Origin<'a>, kind: &'static str) -> ServiceEvent<'a> {
    let mut event = of_envelope(Envelope::describe(), origin, kind);
    set_cluster(&mut event, service.text_at("clusterArn"));
    set_service(&mut event, service.text_at("serviceArn"));
    event.service = text_at(service, "serviceName").or(event.service.take());
    event
}

fn set_cluster<'a>(event: &mut ServiceEvent<'a>, cluster_arn: Option<&'a str>) {
    if let Some(cluster_arn) = cluster_arn {
        event.cluster_arn = arn::arn(cluster_arn).and_then(name);
        event.cluster = name(arn::short(cluster_arn));
    }
}

/// The service ARN, and what it says about account, region and cluster where nothing else does.
fn set_service<'a>(event: &mut ServiceEvent<'a>, service_arn: Option<&'a str>) {
    let Some(service_arn) = service_arn else { return };
    event.service_arn = arn::arn(service_arn).and_then(name);
    event.service = name(arn::short(service_arn));
    event.account = event.account.take().or_else(|| arn::account(service_arn).and_then(name));
    event.region = event.region.take().or_else(|| arn::region(service_arn).and_then(name));
    event.cluster = event.cluster.take().or_else(|| arn::cluster_of(service_arn).and_then(name));
}

fn finish<'a>(
    mut event: ServiceEvent<'a>,
    id: Cow<'a, str>,
    time: Option<i64>,
    (holder, time_field): (Value<'_>, &str),
    failure: Option<Failure<'a>>,
) -> Modeled<'a> {
    let Some(time) = time else {
        return Modeled::Refused(Refusal::missing_time_at(holder, time_field));
    };
    event.id = Some(id.clone());
    event.time = Some(time);
    let account = event.account.clone();
    let mut rows = vec![Row::from(event)];
    rows.extend(failure.map(|mut failure| {
        failure.id = Some(id.clone());
        failure.record = Some(id.clone());
        failure.time = Some(time);
        failure.incident = failure.incident.or_else(|| Some(id.clone()));
        Row::from(failure)
    }));
    Modeled::Record(Record { table: Table::ServiceEvents, id, account, time, rows })
}

#[cfg(test)]
mod tests;
