//! Services and daemons: ECS Service Action and Deployment State Change events, AWS Health events, and the messages
//! and deployments of `aws ecs describe-services`.
//!
//! In: the detail of an event, or a service with one of its elements. Out: one row, and a failure if it reports one.

use super::catalog::{FailureCatalog, TextKind};
use super::ecs_event::Envelope;
use super::field::{Name, first_at, name, text_at, whole_number};
use super::service_failure::{deployment_failure, service_failure};
use super::time::time_at;
use super::{Modeled, Origin, Record, Refusal, arn};
use crate::decode::json::Value;
use crate::knowledge;
use crate::table::{Failure, Row, ServiceEvent, Table};
use std::borrow::Cow;

/// Models an ECS Service Action, or its equivalent for a daemon.
pub fn model_service_action<'a>(detail: Value<'a>, envelope: Envelope<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let mut event = of_envelope(envelope, origin, "service");
    read_names(&mut event, detail, envelope);
    event.desired_count = detail.get("desiredCount").and_then(whole_number);
    let instance = first_at(detail, "containerInstanceArns").or_else(|| detail.text_at("containerInstanceArn"));
    event.container_instance = instance.map(arn::short).and_then(name);
    let provider = first_at(detail, "capacityProviderArns").or_else(|| detail.text_at("capacityProviderName"));
    event.capacity_provider = provider.map(arn::short).and_then(name);
    let time = time_at(detail, "createdAt").or(envelope.time);
    let failure = is_failure(&event).then(|| action_failure(&event));
    finish(event, envelope.record_id(origin), time, (detail, &["createdAt"]), failure)
}

/// Models an ECS Deployment State Change, or its equivalent for a daemon.
pub fn model_deployment<'a>(detail: Value<'a>, envelope: Envelope<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let mut event = of_envelope(envelope, origin, "deployment");
    read_names(&mut event, detail, envelope);
    event.deployment = text_at(detail, "deploymentId").or_else(|| deployment_of(detail));
    let time = time_at(detail, "updatedAt").or(envelope.time);
    let failure = is_failure(&event).then(|| deployment_failure(&event));
    finish(event, envelope.record_id(origin), time, (detail, &["updatedAt"]), failure)
}

/// The fields shared by all service and daemon events.
fn read_names<'a>(event: &mut ServiceEvent<'a>, detail: Value<'a>, envelope: Envelope<'a>) {
    event.event_type = text_at(detail, "eventType");
    event.event_name = text_at(detail, "eventName");
    event.message = text_at(detail, "reason");
    set_cluster(event, detail.text_at("clusterArn"));
    set_service(event, detail.text_at("serviceArn").or_else(|| detail.text_at("daemonArn")).or(envelope.resource));
}

/// The id of a service or daemon deployment.
pub(super) fn deployment_of<'a>(value: Value<'a>) -> Name<'a> {
    let arn = ["serviceDeploymentArn", "daemonDeploymentArn", "deploymentArn"].iter().find_map(|key| value.text_at(key));
    arn.map(arn::short).and_then(name)
}

/// Whether an event is a failure: by its name, or by severity if the name is unknown.
pub(super) fn is_failure(event: &ServiceEvent<'_>) -> bool {
    let known = event.event_name.as_deref().and_then(knowledge::event_is_failure);
    // Events of new features say in their name that something failed, whatever their severity.
    let says_failed = |name: &str| ["FAILED", "TIMED_OUT", "IMPAIRED"].iter().any(|end| name.ends_with(end));
    let is_severe = matches!(event.event_type.as_deref(), Some("WARN" | "WARNING" | "ERROR" | "CRITICAL"));
    known.unwrap_or(is_severe || event.event_name.as_deref().is_some_and(says_failed))
}

/// The failure of a service event, with or without a deployment.
pub(super) fn action_failure<'a>(event: &ServiceEvent<'a>) -> Failure<'a> {
    if event.event_name.as_deref().is_some_and(|event_name| event_name.contains("_DEPLOYMENT_")) {
        return deployment_failure(event);
    }
    let text = event.message.clone().or_else(|| event.event_name.clone()).unwrap_or_default();
    let (kind, inner) = explained_part(&text);
    service_failure(event, kind, inner)
}

/// The specific part of a reason and its matching entry: the text after `Task failed to reach RUNNING status:`, the
/// code before `RESOURCE:CPU - Unable to place …`, or the whole reason.
fn explained_part(text: &str) -> (TextKind, &str) {
    const KINDS: [TextKind; 3] = [TextKind::ServiceActionReason, TextKind::TaskStoppedReason, TextKind::ApiFailure];
    let inner = text.split_once(" status: ").map(|(_, inner)| inner);
    let code = text.split_once(" - ").map(|(code, _)| code);
    let catalog = FailureCatalog::current();
    let parts = [inner, code, Some(text)];
    let explained = parts
        .into_iter()
        .flatten()
        .find_map(|part| KINDS.into_iter().find(|kind| catalog.explain(*kind, part).is_some()).map(|kind| (kind, part)));
    explained.unwrap_or((TextKind::ServiceActionReason, text))
}

/// Models an AWS Health event about ECS, from EventBridge or the Health API; events of other services are filtered.
pub fn model_health<'a>(detail: Value<'a>, envelope: Envelope<'a>, origin: Origin<'a>) -> Modeled<'a> {
    // `describe-event-details` has the event next to its description.
    let about = detail.get("event").filter(|event| event.is_object()).unwrap_or(detail);
    let is_of_ecs = |service: &str| ["ECS", "FARGATE"].iter().any(|name| service.eq_ignore_ascii_case(name));
    if !about.text_at("service").is_some_and(is_of_ecs) {
        return Modeled::Filtered("other_event");
    }
    let mut event = of_envelope(envelope, origin, "health");
    event.event_type = text_at(about, "eventTypeCategory");
    event.event_name = text_at(about, "eventTypeCode");
    event.region = event.region.take().or_else(|| text_at(about, "region")).or_else(|| text_at(about, "eventRegion"));
    let descriptions = detail.get("eventDescription");
    let description = descriptions.and_then(|texts| texts.items().next()).or(descriptions);
    event.message = description.and_then(|description| text_at(description, "latestDescription"));
    let entity = detail.get("affectedEntities").and_then(|entities| entities.items().next());
    // Entities are `CLUSTER|SERVICE` names or tasks.
    if let Some((cluster, service)) =
        entity.and_then(|entity| entity.text_at("entityValue")).and_then(|entity| entity.split_once('|'))
    {
        event.cluster = name(arn::short(cluster.trim()));
        event.service = name(arn::short(service.trim()));
    }
    let time = envelope.time.or_else(|| time_at(about, "startTime")).or_else(|| time_at(about, "lastUpdatedTime"));
    finish(event, envelope.record_id(origin), time, (about, &["startTime", "lastUpdatedTime"]), None)
}

/// Models one element of `services[].events` from describe output.
pub fn model_service_message<'a>(service: Value<'a>, message: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let envelope = Envelope::describe();
    let mut event = of_described(service, origin, "service");
    event.message = text_at(message, "message");
    let time = time_at(message, "createdAt");
    let id = text_at(message, "id")
        .unwrap_or_else(|| Cow::Owned(format!("{}#{}", envelope.record_id(origin), time.unwrap_or_default())));
    let text = event.message.clone().unwrap_or_default();
    // If `--query` reduced the output, only the text contains the service name.
    event.service = event.service.take().or_else(|| service_in(&text).map(|service| Cow::Owned(service.to_owned())));
    let failure = super::service_failure::message_failure(&mut event, &text);
    finish(event, id, time, (message, &["createdAt"]), failure)
}

/// `web` in `(service web) …` and in `(service web, taskSet ecs-svc/1) …`.
fn service_in(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("(service ")?;
    rest.split([',', ')']).next().map(arn::short).filter(|service| !service.is_empty())
}

/// Models one element of `services[].deployments` from describe output.
pub fn model_service_deployment<'a>(service: Value<'a>, deployment: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let mut event = of_described(service, origin, "deployment");
    event.deployment = text_at(deployment, "id");
    event.task_definition = deployment.text_at("taskDefinition").map(arn::task_definition).and_then(name);
    event.desired_count = deployment.get("desiredCount").and_then(whole_number);
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
    // A deployment appears in every export; each of its states is one record.
    let id = format!(
        "{}@{}@{}",
        event.deployment.as_deref().unwrap_or_default(),
        event_name.unwrap_or_default(),
        time.unwrap_or_default()
    );
    let failure = (event_type == Some("ERROR")).then(|| deployment_failure(&event));
    finish(event, Cow::Owned(id), time, (deployment, &["updatedAt", "createdAt"]), failure)
}

pub(super) fn of_envelope<'a>(envelope: Envelope<'a>, origin: Origin<'a>, kind: &'static str) -> ServiceEvent<'a> {
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

pub(super) fn set_cluster<'a>(event: &mut ServiceEvent<'a>, cluster_arn: Option<&'a str>) {
    if let Some(cluster_arn) = cluster_arn {
        event.cluster_arn = arn::arn(cluster_arn).and_then(name);
        event.cluster = name(arn::short(cluster_arn));
    }
}

/// The service ARN, and the account, region and cluster from it if they are missing elsewhere.
pub(super) fn set_service<'a>(event: &mut ServiceEvent<'a>, service_arn: Option<&'a str>) {
    let Some(service_arn) = service_arn else { return };
    event.service_arn = arn::arn(service_arn).and_then(name);
    event.service = name(arn::short(service_arn));
    event.account = event.account.take().or_else(|| arn::account(service_arn).and_then(name));
    event.region = event.region.take().or_else(|| arn::region(service_arn).and_then(name));
    event.cluster = event.cluster.take().or_else(|| arn::cluster_of(service_arn).and_then(name));
}

pub(super) fn finish<'a>(
    mut event: ServiceEvent<'a>,
    id: Cow<'a, str>,
    time: Option<i64>,
    (holder, time_fields): (Value<'_>, &[&str]),
    failure: Option<Failure<'a>>,
) -> Modeled<'a> {
    let Some(time) = time else {
        return Modeled::Refused(Refusal::missing_time_in(holder, time_fields));
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
