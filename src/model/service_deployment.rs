//! Service deployments and revisions from `aws ecs describe-service-deployments` and related commands, and daemon
//! deployments.
//!
//! In: one deployment or revision. Out: a row, and a failure if the deployment failed, even if its rollback
//! succeeded.

use super::catalog::{FailureCatalog, TextKind};
use super::ecs_event::Envelope;
use super::field::{name, text_at};
use super::service::{deployment_of, finish, of_envelope, set_cluster, set_service};
use super::service_failure::deployment_failure;
use super::time::time_at;
use super::{Modeled, Origin, arn};
use crate::decode::json::Value;
use crate::knowledge;
use crate::table::{Failure, ServiceEvent};
use std::borrow::Cow;

/// The times of a deployment; the first one that it has is that of its state.
const TIMES: [&str; 5] = ["finishedAt", "stoppedAt", "updatedAt", "startedAt", "createdAt"];

/// Models a deployment of a service or daemon.
pub fn model_described_deployment<'a>(deployment: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let mut event = described(deployment, origin, "deployment");
    let status = deployment.text_at("status").unwrap_or_default();
    event.deployment = deployment_of(deployment);
    event.message = text_at(deployment, "statusReason").or_else(|| rollback_reason(deployment));
    let of_daemon = deployment.get("daemonDeploymentArn").is_some();
    let noun = if of_daemon { "DAEMON" } else { "SERVICE" };
    event.event_name = Some(Cow::Owned(format!("{noun}_DEPLOYMENT_{}", knowledge::event_of_status(status))));
    // States that are not listed are used as they are.
    let failed = knowledge::deployment_failed(status).unwrap_or_else(|| status.contains("FAIL") || status.contains("ROLLBACK"));
    event.event_type = name(if failed { "ERROR" } else { "INFO" });
    let time = TIMES.iter().find_map(|key| time_at(deployment, key));
    // A deployment is exported repeatedly; each of its states is one record.
    let id = format!("{}@{status}@{}", event.deployment.as_deref().unwrap_or_default(), time.unwrap_or_default());
    let failure = failed.then(|| failure_of(&mut event, deployment));
    finish(event, Cow::Owned(id), time, (deployment, &TIMES), failure)
}

fn rollback_reason<'a>(deployment: Value<'a>) -> super::field::Name<'a> {
    deployment.path(&["rollback", "reason"]).and_then(Value::text).and_then(name)
}

/// The failure, classified by the more specific text: `statusReason` may only describe the rollback, while `rollback`
/// has the reason for it.
fn failure_of<'a>(event: &mut ServiceEvent<'a>, deployment: Value<'a>) -> Failure<'a> {
    let catalog = FailureCatalog::current();
    let explains = |text: &str| catalog.explain(TextKind::DeploymentReason, text).is_some();
    let better = rollback_reason(deployment).filter(|_| !event.message.as_deref().is_some_and(explains));
    let shown = event.message.take();
    event.message = better.filter(|text| explains(text)).or_else(|| shown.clone());
    let mut failure = deployment_failure(event);
    failure.message = shown.clone().or(failure.message);
    event.message = shown;
    failure
}

/// Models a revision of a service: its task definition and creation time.
pub fn model_service_revision<'a>(revision: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let mut event = described(revision, origin, "revision");
    event.event_type = name("INFO");
    event.task_definition = revision.text_at("taskDefinition").map(arn::task_definition).and_then(name);
    let id = revision.text_at("serviceRevisionArn").and_then(name).unwrap_or_else(|| Cow::Owned(origin.content_id()));
    finish(event, id, time_at(revision, "createdAt"), (revision, &["createdAt"]), None)
}

fn described<'a>(value: Value<'a>, origin: Origin<'a>, kind: &'static str) -> ServiceEvent<'a> {
    let mut event = of_envelope(Envelope::describe(), origin, kind);
    set_cluster(&mut event, value.text_at("clusterArn"));
    let own = ["serviceArn", "daemonArn"].iter().find_map(|key| value.text_at(key));
    // The ARN of a deployment is `service-deployment/CLUSTER/SERVICE/ID`.
    let of_deployment = || {
        let arn = ["serviceDeploymentArn", "daemonDeploymentArn"].iter().find_map(|key| value.text_at(key))?;
        arn.rsplit_once('/').map(|(service, _)| service)
    };
    match own {
        Some(own) => set_service(&mut event, Some(own)),
        None => {
            set_service(&mut event, of_deployment());
            event.service_arn = None;
        }
    }
    event
}

/// Models a stored original that is independent of a service.
pub fn model_original<'a>(value: Value<'a>, origin: Origin<'a>) -> Option<Modeled<'a>> {
    let has = |key: &str| value.get(key).is_some();
    if has("detail-type") {
        return None;
    }
    if has("actionSourceId") {
        return Some(super::action_log::model_action_log(value, origin));
    }
    if has("serviceDeploymentArn") || has("daemonDeploymentArn") {
        return Some(model_described_deployment(value, origin));
    }
    if has("serviceRevisionArn") {
        return Some(model_service_revision(value, origin));
    }
    let of_health = has("eventTypeCode") || value.get("event").is_some_and(|event| event.get("eventTypeCode").is_some());
    of_health.then(|| super::service::model_health(value, Envelope::describe(), origin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::Tape;
    use crate::table::Row;

    fn summary(text: &str) -> Vec<String> {
        let tape = Tape::parse(text).unwrap();
        let origin = Origin { file: "f", record: 1, raw: None, text };
        let Modeled::Record(record) = model_described_deployment(tape.root(), origin) else { panic!("a record") };
        let show = |fields: &[&Option<Cow<'_, str>>]| {
            fields.iter().map(|field| field.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" ")
        };
        let row = |row: &Row<'_>| match row {
            Row::ServiceEvents(event) => show(&[&event.event_name, &event.event_type, &event.service, &event.cluster]),
            Row::Failures(failure) => show(&[&failure.kind, &failure.phase, &failure.reason, &failure.incident]),
            _ => panic!("a service event or a failure"),
        };
        record.rows.iter().map(row).collect()
    }

    fn deployment(status: &str, reason: &str) -> String {
        format!(
            r#"{{"serviceDeploymentArn":"arn:aws:ecs:eu-west-1:111122223333:service-deployment/shop/cart/d1","status":"{status}",
                "startedAt":"2026-05-04T10:00:00Z","finishedAt":"2026-05-04T10:09:00Z","statusReason":{reason}}}"#
        )
    }

    #[test]
    fn every_state_is_judged_by_its_name() {
        for (status, fails) in [
            ("PENDING", false),
            ("IN_PROGRESS", false),
            ("SUCCESSFUL", false),
            ("STOP_REQUESTED", false),
            ("STOPPED", true),
            ("ROLLBACK_REQUESTED", true),
            ("ROLLBACK_IN_PROGRESS", true),
            ("ROLLBACK_SUCCESSFUL", true),
            ("ROLLBACK_FAILED", true),
            ("ROLLBACK_NEW", true),
            ("NEW", false),
        ] {
            let summary = summary(&deployment(status, "null"));
            assert_eq!(summary.len(), if fails { 2 } else { 1 }, "{status}: {summary:?}");
            if fails {
                assert_eq!(summary[1], format!("deployment deployment SERVICE_DEPLOYMENT_{status} deployment:d1"));
            }
        }
        assert_eq!(summary(&deployment("SUCCESSFUL", "null")), ["SERVICE_DEPLOYMENT_COMPLETED INFO cart shop"]);
    }

    #[test]
    fn daemons_have_deployments_too() {
        let text = r#"{"daemonDeploymentArn":"arn:aws:ecs:eu-west-1:111122223333:daemon-deployment/shop/logs/d7","status":"ROLLBACK_FAILED",
            "clusterArn":"arn:aws:ecs:eu-west-1:111122223333:cluster/shop","createdAt":1777888800}"#;
        let want = [
            "DAEMON_DEPLOYMENT_ROLLBACK_FAILED ERROR logs shop",
            "deployment deployment DAEMON_DEPLOYMENT_ROLLBACK_FAILED deployment:d7",
        ];
        assert_eq!(summary(text), want);
    }
}
