//! Container instances: state change events, and `aws ecs describe-container-instances`.
//!
//! In: a ContainerInstance object. Out: its row, and a failure if an agent update ended FAILED.

use super::catalog::TextKind;
use super::ecs_event::Envelope;
use super::failure::classify;
use super::field::{name, whole_number};
use super::time::time_of;
use super::{Modeled, Origin, Record, Refusal, arn};
use crate::decode::json::Value;
use crate::table::{Failure, InstanceEvent, Row, Table};
use std::borrow::Cow;

/// Models a container instance from an event or describe output.
pub fn model_instance<'a>(detail: Value<'a>, envelope: Envelope<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let mut instance = InstanceEvent {
        event_time: envelope.time,
        account: envelope.account.and_then(name),
        region: envelope.region.and_then(name),
        source: envelope.source_name(),
        file: origin.file(),
        record: Some(origin.record),
        ..InstanceEvent::default()
    };
    let mut parts = Parts::default();
    for (key, value) in detail.entries() {
        read_field(&mut instance, &mut parts, key, value);
    }
    let Some(time) = parts.updated_at.or(envelope.time).or(instance.registered_at) else {
        return Modeled::Refused(Refusal::missing_time_in(detail, &["updatedAt", "registeredAt"]));
    };
    let id = envelope.record_id(origin);
    instance.id = Some(id.clone());
    instance.time = Some(time);
    instance.raw = origin.raw();
    place(&mut instance, parts.instance_arn.or(envelope.resource));
    let failure = agent_failure(&instance);
    let account = instance.account.clone();
    let mut rows = vec![Row::from(instance)];
    rows.extend(failure.map(Row::from));
    Modeled::Record(Record { table: Table::InstanceEvents, id, account, time, rows })
}

/// Parts of an instance that later steps need.
#[derive(Debug, Default)]
struct Parts<'a> {
    updated_at: Option<i64>,
    instance_arn: Option<&'a str>,
}

fn read_field<'a>(instance: &mut InstanceEvent<'a>, parts: &mut Parts<'a>, key: &str, value: Value<'a>) {
    let text = || value.text().and_then(name);
    match key {
        "containerInstanceArn" => parts.instance_arn = value.text(),
        "updatedAt" => parts.updated_at = time_of(value),
        "clusterArn" => {
            instance.cluster_arn = text();
            instance.cluster = value.text().map(arn::short).and_then(name);
        }
        "ec2InstanceId" => instance.ec2_instance = text(),
        "version" => instance.version = value.int(),
        "status" => instance.status = text(),
        "statusReason" => instance.status_reason = text(),
        "agentConnected" => instance.agent_connected = value.bool(),
        "agentUpdateStatus" => instance.agent_update_status = text(),
        "versionInfo" => read_versions(instance, value),
        "capacityProviderName" => instance.capacity_provider = text(),
        "attributes" => read_attributes(instance, value),
        "registeredResources" => {
            instance.registered_cpu = resource(value, "CPU");
            instance.registered_memory = resource(value, "MEMORY");
        }
        "remainingResources" => {
            instance.remaining_cpu = resource(value, "CPU");
            instance.remaining_memory = resource(value, "MEMORY");
        }
        "runningTasksCount" => instance.running_tasks = whole_number(value),
        "pendingTasksCount" => instance.pending_tasks = whole_number(value),
        "registeredAt" => instance.registered_at = time_of(value),
        _ => {}
    }
}

fn read_versions<'a>(instance: &mut InstanceEvent<'a>, versions: Value<'a>) {
    for (key, value) in versions.entries() {
        let text = value.text().and_then(name);
        match key {
            "agentVersion" => instance.agent_version = text,
            "agentHash" => instance.agent_hash = text,
            "dockerVersion" => instance.docker_version = text,
            _ => {}
        }
    }
}

fn read_attributes<'a>(instance: &mut InstanceEvent<'a>, attributes: Value<'a>) {
    for attribute in attributes.items() {
        let slot = match attribute.text_at("name") {
            Some("ecs.instance-type") => &mut instance.instance_type,
            Some("ecs.availability-zone") => &mut instance.availability_zone,
            _ => continue,
        };
        *slot = attribute.text_at("value").and_then(name);
    }
}

/// The amount of a resource such as `{"name":"CPU","type":"INTEGER","integerValue":2048}`.
fn resource(resources: Value<'_>, wanted: &str) -> Option<i64> {
    let resource = resources.items().find(|resource| resource.text_at("name") == Some(wanted))?;
    resource.get("integerValue").and_then(Value::int).filter(|amount| i32::try_from(*amount).is_ok())
}

fn place<'a>(instance: &mut InstanceEvent<'a>, instance_arn: Option<&'a str>) {
    let Some(instance_arn) = instance_arn else { return };
    instance.container_instance_arn = name(instance_arn);
    instance.container_instance = name(arn::short(instance_arn));
    instance.account = instance.account.take().or_else(|| arn::account(instance_arn).and_then(name));
    instance.region = instance.region.take().or_else(|| arn::region(instance_arn).and_then(name));
    instance.cluster = instance.cluster.take().or_else(|| arn::cluster_of(instance_arn).and_then(name));
}

/// An agent update that ended FAILED. Every later event repeats this status, so all events with the same agent are
/// one incident, dated by the earliest.
fn agent_failure<'a>(instance: &InstanceEvent<'a>) -> Option<Failure<'a>> {
    if instance.agent_update_status.as_deref() != Some("FAILED") {
        return None;
    }
    let arn = instance.container_instance_arn.as_deref().unwrap_or_default();
    let agent = instance.agent_version.as_deref().unwrap_or_default();
    let message = match agent {
        "" => "agentUpdateStatus is FAILED".to_owned(),
        agent => format!("agentUpdateStatus is FAILED; the agent is still {agent}"),
    };
    let class = classify(TextKind::AgentUpdateStatus, &message);
    let mut failure = Failure {
        id: instance.id.clone(),
        time: instance.time,
        kind: name("agent"),
        reason: name("AGENT_UPDATE_FAILED"),
        message: Some(Cow::Owned(message)),
        account: instance.account.clone(),
        region: instance.region.clone(),
        cluster: instance.cluster.clone(),
        container_instance: instance.container_instance.clone(),
        capacity_provider: instance.capacity_provider.clone(),
        secondary: Some(false),
        incident: Some(Cow::Owned(format!("agent:{arn}:{agent}"))),
        version: instance.version.map(|version| -version),
        source: instance.source.clone(),
        file: instance.file.clone(),
        record: instance.id.clone(),
        ..Failure::default()
    };
    class.fill(&mut failure);
    Some(failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::Tape;

    #[test]
    fn an_instance_with_a_failed_update() {
        let text = r#"{"agentConnected":true,"attributes":[{"name":"ecs.instance-type","value":"m5.large"},{"name":"x"}],
            "clusterArn":"arn:aws:ecs:us-east-1:111122223333:cluster/tools","agentUpdateStatus":"FAILED",
            "containerInstanceArn":"arn:aws:ecs:us-east-1:111122223333:container-instance/tools/b54a",
            "registeredResources":[{"name":"CPU","type":"INTEGER","integerValue":2048},{"name":"MEMORY","integerValue":3767},
            {"name":"PORTS","stringSetValue":["22"]}],"remainingResources":[{"name":"CPU","integerValue":1988}],
            "status":"ACTIVE","version":14801,"versionInfo":{"agentHash":"aebcbca","agentVersion":"1.13.0"},
            "updatedAt":"2016-12-06T16:41:06.991Z"}"#;
        let tape = Tape::parse(text).unwrap();
        let origin = Origin { file: "f", record: 1, raw: None, text };
        let Modeled::Record(record) = model_instance(tape.root(), Envelope::describe(), origin) else { panic!("a record") };
        let [Row::InstanceEvents(instance), Row::Failures(failure)] = record.rows.as_slice() else {
            panic!("an instance and a failure")
        };
        assert_eq!((instance.registered_cpu, instance.registered_memory), (Some(2048), Some(3767)));
        assert_eq!((instance.remaining_cpu, instance.remaining_memory), (Some(1988), None));
        assert_eq!(instance.instance_type.as_deref(), Some("m5.large"));
        assert_eq!((instance.cluster.as_deref(), instance.region.as_deref()), (Some("tools"), Some("us-east-1")));
        assert_eq!((instance.source.as_deref(), record.account.as_deref()), (Some("describe"), Some("111122223333")));
        assert_eq!((failure.kind.as_deref(), failure.version), (Some("agent"), Some(-14801)));
        assert_eq!(failure.code.as_deref(), Some("agent.host.agent-update-failed"));
    }
}
