//! ECS tasks: state change events, and `aws ecs describe-tasks`.
//!
//! In: a Task object. Out: one row for the task, one per container, and a failure if the task stopped without a
//! request.

use super::container::{Container, mark_injected, root_container};
use super::ecs_event::Envelope;
use super::field::{Name, name, whole_number};
use super::stop::{Stop, task_failure};
use super::time::time_of;
use super::{Modeled, Origin, Record, Refusal, arn};
use crate::decode::json::Value;
use crate::table::{Row, Table, TaskEvent};
use std::borrow::Cow;

/// Models a task from an event or describe output.
pub fn model_task<'a>(detail: Value<'a>, envelope: Envelope<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let mut task = TaskEvent {
        event_time: envelope.time,
        account: envelope.account.and_then(name),
        region: envelope.region.and_then(name),
        source: envelope.source_name(),
        file: origin.file(),
        record: Some(origin.record),
        ..TaskEvent::default()
    };
    let mut parts = Parts::default();
    for (key, value) in detail.entries() {
        read_field(&mut task, &mut parts, key, value);
    }
    // If `--query` reduced the output, it may only have the stop time or reason.
    if task.last_status.is_none() && (task.stop_code.is_some() || task.stopped_at.is_some()) {
        task.last_status = name("STOPPED");
    }
    let Some(time) = parts.updated_at.or(envelope.time).or_else(|| newest_time(&task)) else {
        return Modeled::Refused(without_time(detail, envelope));
    };
    let id = envelope.record_id(origin);
    task.id = Some(id.clone());
    task.time = Some(time);
    task.raw = origin.raw();
    place(&mut task, parts.task_arn.or(envelope.resource));
    let mut containers: Vec<Container<'a>> =
        parts.containers.map(|containers| containers.items().map(Container::read).collect()).unwrap_or_default();
    fill_sizes(&mut task, &containers);
    task.images = images(&containers);
    let stopped = task.last_status.as_deref() == Some("STOPPED");
    if stopped {
        mark_injected(&mut containers);
    }
    let stop = stopped.then(|| Stop::judge(&task, &containers));
    set_exit(&mut task, &containers, stop.as_ref());
    task.expected = stop.as_ref().and_then(|stop| stop.expected);
    let failure = stop.and_then(|stop| task_failure(&task, &containers, &stop));
    let account = task.account.clone();
    let mut rows = Vec::with_capacity(2 + containers.len());
    let container_rows: Vec<Row<'a>> = containers.iter().map(|container| Row::from(container.row(&task))).collect();
    rows.push(Row::from(task));
    rows.extend(container_rows);
    rows.extend(failure.map(Row::from));
    Modeled::Record(Record { table: Table::TaskEvents, id, account, time, rows })
}

/// A task without any time; output reduced by `--query` often has none.
fn without_time(detail: Value<'_>, envelope: Envelope<'_>) -> Refusal {
    const TIMES: [&str; 4] = ["updatedAt", "stoppedAt", "startedAt", "createdAt"];
    let mut refusal = Refusal::missing_time_in(detail, &TIMES);
    if envelope.source == "describe" && refusal.why == "missing_time" {
        refusal.detail.push_str("; keep `createdAt`, `startedAt` and `stoppedAt` in `--query`, or leave out `--query`");
    }
    refusal
}

/// Parts of a task that later steps need.
#[derive(Debug, Default)]
struct Parts<'a> {
    updated_at: Option<i64>,
    task_arn: Option<&'a str>,
    containers: Option<Value<'a>>,
}

fn read_field<'a>(task: &mut TaskEvent<'a>, parts: &mut Parts<'a>, key: &str, value: Value<'a>) {
    let text = || value.text().and_then(name);
    match key {
        "taskArn" => parts.task_arn = value.text(),
        "updatedAt" => parts.updated_at = time_of(value),
        "containers" => parts.containers = Some(value),
        "attachments" => read_attachments(task, value),
        "clusterArn" => {
            task.cluster_arn = text();
            task.cluster = value.text().map(arn::short).and_then(name);
        }
        "group" => {
            task.group = text();
            task.service = value.text().and_then(arn::service_of_group).and_then(name);
        }
        "taskDefinitionArn" => {
            task.task_definition_arn = text();
            task.task_definition = value.text().map(arn::task_definition).and_then(name);
            task.family = value.text().map(arn::family).and_then(name);
        }
        "containerInstanceArn" => {
            task.container_instance_arn = text();
            task.container_instance = value.text().map(arn::short).and_then(name);
        }
        "version" => task.version = value.int(),
        "lastStatus" => task.last_status = text(),
        "desiredStatus" => task.desired_status = text(),
        "launchType" => task.launch_type = text(),
        "capacityProviderName" => task.capacity_provider = text(),
        "platformVersion" => task.platform_version = text(),
        "availabilityZone" => task.availability_zone = text(),
        "startedBy" => task.started_by = text(),
        "cpu" => task.cpu = whole_number(value).filter(|units| *units > 0),
        "memory" => task.memory = whole_number(value).filter(|mib| *mib > 0),
        "connectivity" => task.connectivity = text(),
        "healthStatus" => task.health_status = text(),
        "stopCode" => task.stop_code = text(),
        "stoppedReason" => task.stopped_reason = text(),
        _ => read_time(task, key, value),
    }
}

fn read_time(task: &mut TaskEvent<'_>, key: &str, value: Value<'_>) {
    let slot = match key {
        "createdAt" => &mut task.created_at,
        "connectivityAt" => &mut task.connectivity_at,
        "pullStartedAt" => &mut task.pull_started_at,
        "pullStoppedAt" => &mut task.pull_stopped_at,
        "startedAt" => &mut task.started_at,
        "stoppingAt" => &mut task.stopping_at,
        "executionStoppedAt" => &mut task.execution_stopped_at,
        "stoppedAt" => &mut task.stopped_at,
        _ => return,
    };
    *slot = time_of(value);
}

/// Describe output has no `updatedAt`, so the newest timestamp dates the state.
fn newest_time(task: &TaskEvent<'_>) -> Option<i64> {
    let times = [
        task.created_at,
        task.connectivity_at,
        task.pull_started_at,
        task.pull_stopped_at,
        task.started_at,
        task.stopping_at,
        task.execution_stopped_at,
        task.stopped_at,
    ];
    times.into_iter().flatten().max()
}

/// The task ARN, and the account, region and cluster from it if they are missing elsewhere.
fn place<'a>(task: &mut TaskEvent<'a>, task_arn: Option<&'a str>) {
    let Some(task_arn) = task_arn else { return };
    task.task_arn = name(task_arn);
    task.task = name(arn::short(task_arn));
    let fill = |slot: &mut Name<'a>, part: Option<&'a str>| {
        if slot.is_none() {
            *slot = part.and_then(name);
        }
    };
    fill(&mut task.account, arn::account(task_arn));
    fill(&mut task.region, arn::region(task_arn));
    fill(&mut task.cluster, arn::cluster_of(task_arn));
}

/// The network interface, and the reason of a failed attachment.
fn read_attachments<'a>(task: &mut TaskEvent<'a>, attachments: Value<'a>) {
    for attachment in attachments.items() {
        let is_interface = matches!(attachment.text_at("type"), Some("eni" | "ElasticNetworkInterface"));
        let details = attachment.get("details").into_iter().flat_map(Value::items);
        for detail in details {
            let value = detail.text_at("value").and_then(name);
            match detail.text_at("name") {
                Some("subnetId") if is_interface => task.subnet = value,
                Some("networkInterfaceId") if is_interface => task.network_interface = value,
                Some("privateIPv4Address") if is_interface => task.private_ip = value,
                Some("statusReason") => task.attachment_reason = value.or(task.attachment_reason.take()),
                _ => {}
            }
        }
    }
}

/// On EC2, a task may have no size; the sum of its containers is used.
fn fill_sizes(task: &mut TaskEvent<'_>, containers: &[Container<'_>]) {
    let sum = |values: &mut dyn Iterator<Item = i64>| Some(values.sum::<i64>()).filter(|total| *total > 0);
    task.cpu = task.cpu.or_else(|| sum(&mut containers.iter().filter_map(|container| container.cpu)));
    task.memory = task
        .memory
        .or_else(|| sum(&mut containers.iter().filter_map(|container| container.memory.or(container.memory_reservation))));
}

fn images<'a>(containers: &[Container<'a>]) -> Name<'a> {
    let mut images = containers.iter().filter_map(|container| container.image);
    let first = images.next()?;
    let mut all = Cow::Borrowed(first);
    for image in images {
        let all = all.to_mut();
        all.push(' ');
        all.push_str(image);
    }
    Some(all)
}

/// The exit code of the task and its container: the one responsible for the end; if it has no exit code, another one,
/// preferring application containers and codes other than 0.
fn set_exit<'a>(task: &mut TaskEvent<'a>, containers: &[Container<'a>], stop: Option<&Stop<'a>>) {
    let root = stop.map_or_else(|| root_container(containers, false), |stop| stop.blamed(task, containers));
    let Some(root) = root else { return };
    task.container_reason = root.reason.and_then(name);
    let of_others = || {
        let exited = containers.iter().filter(|container| container.exit_code.is_some());
        exited.min_by_key(|container| (container.injected.is_some(), container.exit_code == Some(0)))
    };
    let exited = Some(root).filter(|root| root.exit_code.is_some()).or_else(of_others);
    task.exit_container = exited.unwrap_or(root).name.and_then(name);
    task.exit_code = exited.and_then(|exited| exited.exit_code);
}

#[cfg(test)]
mod tests;
