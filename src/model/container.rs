//! The containers of a task, and the one responsible for its end.

use super::catalog::{Entry, FailureCatalog, TextKind};
use super::field::{exit_code, name, whole_number};
use super::reason::reason_name;
use crate::decode::json::Value;
use crate::knowledge::InjectedContainer;
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
    /// The stop reason of a managed agent in it, such as that of ECS Exec.
    pub agent_reason: Option<&'a str>,
    /// Its AWS sidecar type, if it is a sidecar.
    pub injected: Option<&'static InjectedContainer>,
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
                "exitCode" => container.exit_code = exit_code(value),
                "reason" => container.reason = text,
                "healthStatus" => container.health_status = text,
                "cpu" => container.cpu = whole_number(value),
                "memory" => container.memory = whole_number(value),
                "memoryReservation" => container.memory_reservation = whole_number(value),
                "managedAgents" => container.agent_reason = stopped_agent(value),
                _ => {}
            }
        }
        // SDKs write exit code 0 for a container that is still running.
        if container.last_status.is_some_and(|status| status != "STOPPED") {
            container.exit_code = None;
        }
        container
    }

    /// The row of the container, after the row of its task is complete.
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
            // A stopped agent does not stop its container, so its reason is ignored if the container has one.
            reason: self.reason.or(self.agent_reason).and_then(name),
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

    /// The entry that matches its reason.
    pub(super) fn explanation(&self) -> Option<&'static Entry> {
        FailureCatalog::current().explain(TextKind::ContainerReason, self.reason?)
    }

    /// Whether its reason starts with an error name.
    pub(super) fn names_an_error(&self) -> bool {
        self.reason.and_then(reason_name).is_some()
    }
}

/// Why a managed agent is not running.
fn stopped_agent(agents: Value<'_>) -> Option<&str> {
    let mut stopped = agents.items().filter(|agent| agent.text_at("lastStatus").is_some_and(|status| status != "RUNNING"));
    stopped.find_map(|agent| agent.text_at("reason").filter(|reason| !reason.is_empty()))
}

/// Marks AWS sidecars. The only container of a task is its application, whatever its name.
pub(super) fn mark_injected(containers: &mut [Container<'_>]) {
    if containers.len() < 2 {
        return;
    }
    for container in containers.iter_mut() {
        container.injected = InjectedContainer::of(container.name, container.image);
    }
    if containers.iter().all(|container| container.injected.is_some()) {
        containers.iter_mut().for_each(|container| container.injected = None);
    }
}

/// The container responsible for the end of its task. Events have no container times, so the order is: a named error,
/// an exit code of the application's own, SIGKILL without a stop request, any other code, any reason. Containers that
/// ended because of another one report 137 or 143. A sidecar is responsible only if no application container failed
/// by itself.
pub(super) fn root_container<'c, 'a: 'c>(
    containers: impl IntoIterator<Item = &'c Container<'a>>,
    asked_for: bool,
) -> Option<&'c Container<'a>> {
    let rank = |container: &&'c Container<'a>| {
        let own = match (container.exit_code, container.reason) {
            _ if container.names_an_error() => 0,
            (Some(code), _) if !matches!(code, 0 | 137 | 143) => 1,
            (Some(137), _) if !asked_for => 3,
            (Some(code), _) if code != 0 => 4,
            (_, Some(_)) => 5,
            (Some(_), None) => 6,
            (None, None) => 9,
        };
        match container.injected {
            Some(_) if own <= 1 => 2,
            Some(_) if own < 9 => 8,
            _ => own,
        }
    };
    containers.into_iter().min_by_key(rank).filter(|container| rank(container) < 9)
}

/// The container whose health check stopped the task: one that is UNHEALTHY, application containers first. Otherwise,
/// only a container without a health status qualifies; UNKNOWN or HEALTHY means that it did not fail a check.
pub(super) fn unhealthy_container<'c, 'a>(containers: &'c [Container<'a>]) -> Option<&'c Container<'a>> {
    let unhealthy = containers.iter().filter(|container| container.health_status == Some("UNHEALTHY"));
    if let Some(found) = unhealthy.min_by_key(|container| container.injected.is_some()) {
        return Some(found);
    }
    let mut unreported = containers.iter().filter(|container| container.injected.is_none() && container.health_status.is_none());
    let first = unreported.next()?;
    unreported.next().is_none().then_some(first)
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

    #[test]
    fn what_runs_beside_the_program_is_to_blame_last() {
        let root = |mut containers: Vec<Container<'static>>| {
            mark_injected(&mut containers);
            root_container(&containers, false).and_then(|container| container.name)
        };
        let agent = || named("aws-guardduty-agent-x1", None, Some("CannotPullContainerError: denied"));
        assert_eq!(root(vec![agent(), named("job", Some(3), None)]), Some("job"));
        assert_eq!(root(vec![named("job", Some(143), None), agent()]), Some("aws-guardduty-agent-x1"));
        assert_eq!(root(vec![named("log_router", Some(1), None), named("job", Some(143), None)]), Some("log_router"));
        assert_eq!(root(vec![named("log_router", Some(143), None), named("job", Some(0), None)]), Some("job"));
        assert_eq!(root(vec![named("envoy", Some(7), None)]), Some("envoy"), "alone it is the program");
    }

    #[test]
    fn only_an_unhealthy_container_failed_its_check() {
        let with = |name: &'static str, health: Option<&'static str>| Container {
            health_status: health,
            exit_code: Some(137),
            ..named(name, None, None)
        };
        let blamed = |mut containers: Vec<Container<'static>>| {
            mark_injected(&mut containers);
            unhealthy_container(&containers).and_then(|container| container.name)
        };
        assert_eq!(blamed(vec![with("a", Some("UNKNOWN")), with("b", Some("UNHEALTHY"))]), Some("b"));
        assert_eq!(blamed(vec![with("envoy", Some("UNHEALTHY")), with("b", Some("UNHEALTHY"))]), Some("b"));
        assert_eq!(blamed(vec![with("a", Some("UNKNOWN")), with("envoy", Some("UNHEALTHY"))]), Some("envoy"));
        assert_eq!(blamed(vec![with("a", Some("UNKNOWN")), with("b", Some("HEALTHY"))]), None);
        assert_eq!(blamed(vec![with("a", None)]), Some("a"));
        assert_eq!(blamed(vec![with("a", None), with("b", None)]), None);
    }
}
