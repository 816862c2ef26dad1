//! The containers of a task, and which of them to blame.

use super::catalog::{Entry, FailureCatalog, TextKind};
use super::field::name;
use super::reason::reason_name;
use crate::decode::json::Value;
use crate::table::{ContainerEvent, TaskEvent};
use std::borrow::Cow;

/// One container of a task.
#[derive(Debug, Default)]
pub(super) struct Container<'a> {
    pub name: Option<&'a str>,
    pub id: Option<&'a str>,
    pub image: Option<&'a str>,
    pub image_digest: Option<&'a str>,
    pub runtime_id: Option<&'a str>,
    pub last_status: Option<&'a str>,
    pub exit_code: Option<i64>,
    pub reason: Option<&'a str>,
    pub health_status: Option<&'a str>,
    pub cpu: Option<i64>,
    pub memory: Option<i64>,
    pub memory_reservation: Option<i64>,
}

impl<'a> Container<'a> {
    pub(super) fn read(value: Value<'a>) -> Self {
        let mut container = Container::default();
        for (key, value) in value.entries() {
            let text = value.text().filter(|text| !text.is_empty());
            match key {
                "name" => container.name = text,
                "containerArn" => container.id = text.map(super::arn::short),
                "image" => container.image = text,
                "imageDigest" => container.image_digest = text,
                "runtimeId" => container.runtime_id = text,
                "lastStatus" => container.last_status = text,
                "exitCode" => container.exit_code = value.int(),
                "reason" => container.reason = text,
                "healthStatus" => container.health_status = text,
                "cpu" => container.cpu = value.int(),
                "memory" => container.memory = value.int(),
                "memoryReservation" => container.memory_reservation = value.int(),
                _ => {}
            }
        }
        // SDKs write 0 for the exit code of a container that still runs.
        if container.last_status.is_some_and(|status| status != "STOPPED") {
            container.exit_code = None;
        }
        container
    }

    /// The row of the container, once the row of its task is complete.
    pub(super) fn row(&self, task: &TaskEvent<'a>) -> ContainerEvent<'a> {
        let event_id = task.id.as_deref().unwrap_or_default();
        ContainerEvent {
            id: Some(Cow::Owned(format!("{event_id}#{}", self.name.or(self.id).unwrap_or_default()))),
            event_id: task.id.clone(),
            time: task.time,
            account: task.account.clone(),
            region: task.region.clone(),
            cluster: task.cluster.clone(),
            service: task.service.clone(),
            family: task.family.clone(),
            task_definition: task.task_definition.clone(),
            task: task.task.clone(),
            task_arn: task.task_arn.clone(),
            version: task.version,
            container_instance: task.container_instance.clone(),
            launch_type: task.launch_type.clone(),
            name: self.name.and_then(name),
            container: self.id.and_then(name),
            image: self.image.and_then(name),
            image_digest: self.image_digest.and_then(name),
            runtime_id: self.runtime_id.and_then(name),
            last_status: self.last_status.and_then(name),
            task_status: task.last_status.clone(),
            exit_code: self.exit_code,
            reason: self.reason.and_then(name),
            health_status: self.health_status.and_then(name),
            cpu: self.cpu,
            memory: self.memory,
            memory_reservation: self.memory_reservation,
            started_at: task.started_at,
            stopped_at: task.stopped_at,
            source: task.source.clone(),
            file: task.file.clone(),
            record: task.record,
        }
    }

    /// The entry that explains its reason.
    pub(super) fn explanation(&self) -> Option<&'static Entry> {
        FailureCatalog::current().explain(TextKind::ContainerReason, self.reason?)
    }

    /// Its reason begins with the name of an error.
    pub(super) fn names_an_error(&self) -> bool {
        self.reason.and_then(reason_name).is_some()
    }
}

/// The container to blame for the end of its task. Events have no times of containers, so what they
/// tell decides: an error by name, an exit code of the program's own, SIGKILL without a stop request,
/// any other code, any reason. Containers that ended because another one did show 137 or 143.
pub(super) fn root_container<'c, 'a>(containers: &'c [Container<'a>], asked_for: bool) -> Option<&'c Container<'a>> {
    let rank = |container: &&'c Container<'a>| match (container.exit_code, container.reason) {
        _ if container.names_an_error() => 0,
        (Some(code), _) if !matches!(code, 0 | 137 | 143) => 1,
        (Some(137), _) if !asked_for => 2,
        (Some(code), _) if code != 0 => 3,
        (_, Some(_)) => 4,
        (Some(_), None) => 5,
        (None, None) => 6,
    };
    containers.iter().min_by_key(rank).filter(|container| rank(container) < 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &'static str, exit_code: Option<i64>, reason: Option<&'static str>) -> Container<'static> {
        Container { name: Some(name), exit_code, reason, ..Container::default() }
    }

    #[test]
    fn the_container_that_stopped_the_task_is_to_blame() {
        let root = |containers: &[Container<'static>], asked_for| {
            root_container(containers, asked_for).and_then(|container| container.name)
        };
        let (done, killed, ended) = (named("log", Some(0), None), named("app", Some(137), None), named("web", Some(143), None));
        assert_eq!(root(&[done, killed], false), Some("app"));
        let failed = named("job", Some(1), None);
        assert_eq!(root(&[ended, failed], false), Some("job"));
        let pulled = named("img", None, Some("CannotPullContainerError: not found"));
        assert_eq!(root(&[named("job", Some(1), None), pulled], false), Some("img"));
        assert_eq!(root(&[named("a", None, None)], false), None);
        assert_eq!(root(&[named("a", Some(0), None), named("b", Some(0), None)], false), Some("a"));
    }
}
