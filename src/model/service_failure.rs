//! Failures reported by services: placement, configuration, startup, health checks, deployments.

use super::catalog::{Entry, FailureCatalog, TextKind};
use super::failure::Classification;
use super::field::name;
use super::reason::reason_name;
use crate::knowledge::{DeploymentOutcome, FaultOf};
use crate::table::{Failure, ServiceEvent};
use std::borrow::Cow;

/// The failure behind a WARN or ERROR event of a service: each one is a failure, whether it is recognized or not.
pub(super) fn service_failure<'a>(event: &ServiceEvent<'a>, kind: TextKind, text: &str) -> Failure<'a> {
    let catalog = FailureCatalog::current();
    let by_name = || event.event_name.as_deref().and_then(|event_name| catalog.explain(kind, event_name));
    let entry = catalog.explain(kind, text).or_else(by_name);
    let mut failure = of_event(event, "service");
    let named = reason_name(text).map(|code| Cow::Owned(code.to_owned()));
    failure.reason = named.or_else(|| event.event_name.clone()).or_else(|| entry.map(code_of));
    failure.secondary = secondary_by(entry);
    classify(&mut failure, entry, kind, text);
    failure
}

/// A text about failed tasks names no fault of its own: the records of tasks decide.
fn secondary_by(entry: Option<&Entry>) -> Option<bool> {
    (!entry.is_some_and(|entry| entry.consequence)).then_some(false)
}

/// The failure in a message of `describe-services`, if any; benign messages are distinguished from warnings.
pub(super) fn message_failure<'a>(event: &mut ServiceEvent<'a>, text: &str) -> Option<Failure<'a>> {
    let catalog = FailureCatalog::current();
    if catalog.is_benign(TextKind::ServiceEvent, text) {
        event.event_type = name("INFO");
        return None;
    }
    let entry = catalog.explain(TextKind::ServiceEvent, text);
    let outcome = DeploymentOutcome::of(text).filter(|_| entry.is_none_or(|entry| entry.retry != "none"));
    if let Some(outcome) = outcome.filter(|outcome| outcome.reports_a_deployment(entry.map(|entry| entry.stage.as_str()))) {
        event.event_type = name("ERROR");
        event.deployment = event.deployment.take().or_else(|| outcome.failed.map(|failed| Cow::Owned(failed.to_owned())));
        return Some(deployment_failure_of(event, TextKind::ServiceEvent, text));
    }
    let entry = entry?;
    // The same list contains stops on request.
    if entry.retry == "none" {
        event.event_type = name("INFO");
        return None;
    }
    event.event_type = name("WARN");
    let captures = catalog.captures(entry, text);
    let instance = captures.iter().find(|(group, _)| group == "container_instance");
    event.container_instance = instance.map(|(_, instance)| Cow::Owned((*instance).to_owned()));
    let mut failure = of_event(event, "service");
    failure.reason = Some(reason_name(text).map_or_else(|| code_of(entry), |code| Cow::Owned(code.to_owned())));
    failure.secondary = secondary_by(Some(entry));
    classify(&mut failure, Some(entry), TextKind::ServiceEvent, text);
    Some(failure)
}

/// The failure of a deployment. The event and the describe output of a deployment yield the same failure.
pub(super) fn deployment_failure<'a>(event: &ServiceEvent<'a>) -> Failure<'a> {
    let text = event.message.clone().unwrap_or_default();
    deployment_failure_of(event, TextKind::DeploymentReason, &text)
}

/// The failure of a deployment with a reason. If the reason names no specific fault, the task records decide whether
/// it is a consequence of failed tasks.
fn deployment_failure_of<'a>(event: &ServiceEvent<'a>, kind: TextKind, text: &str) -> Failure<'a> {
    let outcome = DeploymentOutcome::of(text);
    let bare = outcome.is_some_and(|outcome| outcome.bare);
    let entry = FailureCatalog::current().explain(kind, text).filter(|_| !bare);
    let mut failure = of_event(event, "deployment");
    failure.reason = event.event_name.clone().or(name(if bare { ROLLBACK } else { FAILED }));
    failure.incident = event.deployment.as_deref().map(|deployment| Cow::Owned(format!("deployment:{deployment}")));
    failure.secondary = outcome.is_some_and(|outcome| outcome.of == FaultOf::Itself).then_some(false);
    classify(&mut failure, entry, kind, text);
    if entry.is_none() {
        Classification { phase: Some("deployment"), ..Classification::default() }.fill(&mut failure);
    }
    failure
}

/// The ECS event name of a failed deployment.
const FAILED: &str = "SERVICE_DEPLOYMENT_FAILED";
/// The ECS event name of a rollback to an earlier revision.
const ROLLBACK: &str = "SERVICE_DEPLOYMENT_ROLLBACK_STARTED";

/// The classification of a message by its entry; whether a program ran is only known if nothing was placed.
fn classify(failure: &mut Failure<'_>, entry: Option<&'static Entry>, kind: TextKind, text: &str) {
    failure.ran = entry.and_then(|entry| matches!(entry.stage.as_str(), "placement" | "capacity").then_some(false));
    entry.map(|entry| Classification::of_message(entry, kind, text)).unwrap_or_default().fill(failure);
}

/// A code for a message without one: the name of its entry if that is a code, else its id.
fn code_of<'a>(entry: &'static Entry) -> Cow<'a, str> {
    let is_code = reason_name(&entry.name) == Some(entry.name.as_str());
    Cow::Borrowed(if is_code { &entry.name } else { &entry.id })
}

fn of_event<'a>(event: &ServiceEvent<'a>, kind: &'static str) -> Failure<'a> {
    let task_definition = event.task_definition.clone();
    let family = task_definition.as_deref().map(|definition| Cow::Owned(super::arn::family(definition).to_owned()));
    Failure {
        kind: name(kind),
        message: event.message.clone().or_else(|| event.event_name.clone()),
        account: event.account.clone(),
        region: event.region.clone(),
        cluster: event.cluster.clone(),
        service: event.service.clone(),
        family,
        task_definition,
        container_instance: event.container_instance.clone(),
        capacity_provider: event.capacity_provider.clone(),
        event_name: event.event_name.clone(),
        secondary: Some(false),
        source: event.source.clone(),
        file: event.file.clone(),
        ..Failure::default()
    }
}
