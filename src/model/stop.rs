//! Why a task stopped: on request, or because it failed; in that case, its phase and class.

use super::catalog::{Entry, FailureCatalog, TextKind, signal};
use super::container::{Container, root_container, unhealthy_container};
use super::failure::Classification;
use super::field::name;
use super::reason::reason_name;
use crate::knowledge::InjectedContainer;
use crate::micros::SECOND;
use crate::table::{Failure, TaskEvent};
use std::borrow::Cow;

/// The end of a task.
#[derive(Debug)]
pub(super) struct Stop<'a> {
    /// The stop code, recorded or inferred from the reason in records that have none.
    code: Option<Cow<'a, str>>,
    /// The entry that matches `stoppedReason`.
    explained: Option<&'static Entry>,
    /// Whether the stop was requested or successful; `None` if the record does not say.
    pub expected: Option<bool>,
}

impl<'a> Stop<'a> {
    /// Evaluates the stop of a task from its own record.
    pub(super) fn judge(task: &TaskEvent<'a>, containers: &[Container<'a>]) -> Self {
        let catalog = FailureCatalog::current();
        let explained = task.stopped_reason.as_deref().and_then(|reason| catalog.explain(TextKind::TaskStoppedReason, reason));
        // Records from before 2019 have no stop code, but their reasons have the same wording as later ones.
        let code = task.stop_code.clone().or_else(|| match explained?.stop_codes.as_slice() {
            [only] => Some(Cow::Borrowed(only.as_str())),
            _ => None,
        });
        let mut stop = Stop { code, explained, expected: None };
        stop.expected = stop.is_expected(task, containers);
        stop
    }

    /// Whether the stop was requested, in which case SIGTERM and SIGKILL are expected.
    fn was_requested(&self) -> bool {
        matches!(self.code.as_deref(), Some("UserInitiated" | "ServiceSchedulerInitiated"))
    }

    /// The container responsible for the end: the one that failed its health check, or the one that its exit points
    /// to.
    pub(super) fn blamed<'c>(&self, task: &TaskEvent<'_>, containers: &'c [Container<'a>]) -> Option<&'c Container<'a>> {
        let own = || containers.iter().filter(|container| container.injected.is_none());
        match self.expected {
            Some(true) => root_container(own(), self.was_requested()),
            _ if self.failed_container_check(task, containers) => unhealthy_container(containers),
            // The load balancer reported it, without naming a container.
            _ if self.failed_check() => root_container(own(), self.was_requested()),
            _ => root_container(containers, self.was_requested()),
        }
    }

    /// Whether a health check stopped the task.
    fn failed_check(&self) -> bool {
        self.explained.is_some_and(|entry| entry.stage == "health_check")
    }

    /// Whether it was the health check of a container.
    fn failed_container_check(&self, task: &TaskEvent<'_>, containers: &[Container<'_>]) -> bool {
        let unhealthy = || containers.iter().any(|container| container.health_status == Some("UNHEALTHY"));
        let named = || {
            let reason = task.stopped_reason.as_deref().unwrap_or_default().to_ascii_lowercase();
            reason.contains("container health check")
        };
        self.failed_check() && (unhealthy() || named())
    }

    fn is_expected(&self, task: &TaskEvent<'_>, containers: &[Container<'_>]) -> Option<bool> {
        let asked_for = self.explained.is_some_and(|entry| entry.class.as_deref() == Some("operator"));
        match self.code.as_deref() {
            Some("UserInitiated") => Some(true),
            // Among scheduler actions, only health checks and the like are failures, and those have specific reasons.
            Some("ServiceSchedulerInitiated") => Some(asked_for || self.explained.is_none()),
            Some("SpotInterruption" | "TerminationNotice" | "InfrastructureHealth") => Some(false),
            Some("TaskFailedToStart") => Some(asked_for),
            Some("EssentialContainerExited") => Some(ended_well(task, containers)),
            _ if asked_for => Some(true),
            _ => {
                let has_reason = task.stopped_reason.is_some() || containers.iter().any(|container| container.reason.is_some());
                let codes = containers.iter().any(|container| container.exit_code.is_some());
                let specific = self.explained.is_some_and(|entry| !entry.generic);
                (has_reason || codes).then(|| !specific && ended_well(task, containers))
            }
        }
    }
}

/// How long a task may take to stop before the default timeout kills it, with some margin.
const STOP_TIMEOUT: i64 = 25 * SECOND;

/// Application containers exited with 0, or with 0 and then a signal for the others: a completed job. Sidecars are
/// ignored, and so is a container that never started in a task that ran, because it was not essential.
fn ended_well(task: &TaskEvent<'_>, containers: &[Container<'_>]) -> bool {
    let essential =
        |container: &&Container<'_>| container.injected.is_none() && (container.exit_code.is_some() || task.started_at.is_none());
    let own = || containers.iter().filter(essential);
    let error = |container: &Container<'_>| {
        container.names_an_error() || container.explanation().is_some_and(|entry| entry.class.as_deref() != Some("operator"))
    };
    let waited = task.stopping_at.zip(task.execution_stopped_at).map(|(asked, ended)| ended.saturating_sub(asked));
    let timed_out = waited.is_some_and(|waited| waited >= STOP_TIMEOUT);
    let fine = |container: &Container<'_>| match container.exit_code {
        None | Some(0 | 143) => true,
        // SIGKILL after the stop timeout, once another container had finished.
        Some(137) => timed_out,
        Some(_) => false,
    };
    own().any(|container| container.exit_code == Some(0)) && own().all(|container| fine(container) && !error(container))
}

/// The failure of a stopped task, unless its stop was expected.
pub(super) fn task_failure<'a>(task: &TaskEvent<'a>, containers: &[Container<'a>], stop: &Stop<'a>) -> Option<Failure<'a>> {
    if stop.expected != Some(false) {
        return None;
    }
    // A container that exited with 0 did not cause the failure, whatever happened to the others. After a failed health check
    // the exit code is that of the stop: proxies and programs that shut down properly exit with 0 on SIGTERM.
    let checked = stop.failed_container_check(task, containers);
    let root = stop.blamed(task, containers).filter(|root| checked || root.reason.is_some() || root.exit_code != Some(0));
    let explanation = best_explanation(task, containers, stop, root);
    let exit_code = root.and_then(|root| root.exit_code).filter(|code| *code != 0);
    let ran = ran(task, stop, explanation, root);
    let mut failure = of_task(task);
    failure.ran = ran;
    failure.exit_code = exit_code;
    failure.signal = exit_code.and_then(signal);
    let only = if let [only] = containers { Some(only).filter(|_| root.is_none()) } else { None };
    let message = message(task, root, explanation);
    // A failed pull may name the image of a sidecar, while no container has a reason.
    let pulls = explanation.is_some_and(|explanation| explanation.entry.stage == "image_pull");
    let named = message.as_deref().filter(|_| pulls && containers.len() > 1).and_then(InjectedContainer::named_in);
    let named = named.and_then(|named| containers.iter().find(|container| container.injected == Some(named)));
    let blamed = named.filter(|_| root.is_none_or(|root| !root.names_an_error())).or(root).or(only);
    failure.container = blamed.and_then(|container| container.name).and_then(name);
    failure.image = blamed.and_then(|container| container.image).and_then(name);
    failure.message = message;
    failure.reason = reason(stop, &failure);
    let mut class = classification(task, stop, explanation, exit_code, ran);
    if blamed.is_some_and(|container| container.injected.is_some()) {
        class.class = fault_beside(class);
    }
    // Only the fact that the task did not start is known, so the class is unknown.
    if ran != Some(true)
        && root.is_none()
        && explanation.is_some_and(|explanation| explanation.entry.generic && reason_name(explanation.text).is_none())
    {
        class.class = None;
    }
    class.fill(&mut failure);
    Some(failure)
}

/// The class of a sidecar failure. The image of a sidecar is pulled with the execution role, which is configuration;
/// other sidecar failures are not the fault of the application. Transient faults keep their class.
fn fault_beside(found: Classification) -> Option<&'static str> {
    match (found.phase, found.class) {
        (_, Some("transient" | "capacity" | "operator")) => found.class,
        (Some("image_pull" | "config_fetch"), _) => Some("configuration"),
        _ => Some("infrastructure"),
    }
}

/// A message of the task with its matching entry.
#[derive(Debug, Clone, Copy)]
struct Explanation<'t> {
    text: &'t str,
    entry: &'static Entry,
}

/// The best of several messages: a container's error, a specific stop reason, a failed attachment, then generic
/// wrappers.
fn best_explanation<'t>(
    task: &'t TaskEvent<'_>,
    containers: &'t [Container<'_>],
    stop: &Stop<'_>,
    root: Option<&Container<'_>>,
) -> Option<Explanation<'t>> {
    // A sidecar is only considered if it failed.
    let counts = |container: &&'t Container<'_>| {
        container.injected.is_none() || root.is_some_and(|root| std::ptr::addr_eq(root, *container))
    };
    let of_containers = containers.iter().filter(counts).filter_map(|container| {
        let entry = container.explanation()?;
        let certain = container.exit_code.is_some() || container.names_an_error();
        Some((if certain { 0 } else { 3 }, Explanation { text: container.reason?, entry }))
    });
    let of_task = stop.explained.zip(task.stopped_reason.as_deref()).map(|(entry, text)| (1, Explanation { text, entry }));
    let of_attachment = task.attachment_reason.as_deref().and_then(|text| {
        let entry = FailureCatalog::current().explain(TextKind::AttachmentStatusReason, text)?;
        Some((2, Explanation { text, entry }))
    });
    of_containers
        .chain(of_task)
        .chain(of_attachment)
        .filter(|(_, explanation)| explanation.entry.class.as_deref() != Some("operator"))
        .min_by_key(|(rank, explanation)| (explanation.entry.generic, *rank))
        .map(|(_, explanation)| explanation)
}

/// The program ran if the task reached RUNNING, or, if that is not recorded, if there is an exit code other than that
/// of a container that could not be started, or a reason that only a running program has. `None` if the record does not
/// say.
fn ran(
    task: &TaskEvent<'_>,
    stop: &Stop<'_>,
    explanation: Option<Explanation<'_>>,
    root: Option<&Container<'_>>,
) -> Option<bool> {
    let stage = explanation.map(|explanation| explanation.entry.stage.as_str());
    let never_started = stop.code.as_deref() == Some("TaskFailedToStart")
        || stage.is_some_and(|stage| !matches!(stage, "running" | "health_check" | "host" | "spot" | "stop_request"));
    if task.started_at.is_some() {
        return Some(true);
    }
    if never_started {
        return Some(false);
    }
    let of_running =
        explanation.is_some_and(|explanation| !explanation.entry.generic) && matches!(stage, Some("running" | "health_check"));
    if of_running || root.is_some_and(|root| root.exit_code.is_some()) {
        return Some(true);
    }
    // ECS gives every task a version. A row that `--query` reduced has none, and may lack `startedAt`, too.
    task.version.map(|_| false)
}

/// Phase and class: from the matching entry; if that only states that a container exited, from its exit code; without
/// an entry, from exit code or stop code.
fn classification(
    task: &TaskEvent<'_>,
    stop: &Stop<'_>,
    explanation: Option<Explanation<'_>>,
    exit_code: Option<i64>,
    ran: Option<bool>,
) -> Classification {
    let catalog = FailureCatalog::current();
    let entry = explanation.map(|explanation| explanation.entry);
    let of_message = |found: Explanation<'_>| Classification::of_message(found.entry, TextKind::TaskStoppedReason, found.text);
    let mut found = explanation.map(of_message).unwrap_or_default();
    let wrapper = entry.is_none_or(|entry| entry.id == "essential-exited");
    let exited = matches!(stop.code.as_deref(), None | Some("EssentialContainerExited"));
    match exit_code.filter(|_| wrapper && exited) {
        Some(code) => {
            // Nobody requested a stop, so SIGTERM is not the end of a stop request.
            let known = catalog.exit_code(code).filter(|known| known.class != "none" && known.stage != "stop_request");
            let stage = known.map_or("running", |known| known.stage.as_str());
            found.phase = Some(if ran == Some(true) { "running" } else { stage });
            found.class = Some(known.map_or("application", |known| known.class.as_str()));
        }
        None if entry.is_none() => {
            let known = stop.code.as_deref().and_then(|code| catalog.stop_code(code));
            found.phase = phase_of_start(task, stop, exit_code).or_else(|| known.map(|known| known.stage.as_str()));
            found.class = known.map(|known| known.class.as_str());
        }
        None => {}
    }
    found
}

/// The phase in which a task failed to start, if it got as far as its images or its containers: only a task that is on a
/// host pulls images, and only a container that exists has an exit code.
fn phase_of_start(task: &TaskEvent<'_>, stop: &Stop<'_>, exit_code: Option<i64>) -> Option<&'static str> {
    if stop.code.as_deref() != Some("TaskFailedToStart") || task.started_at.is_some() {
        return None;
    }
    match (task.pull_started_at, task.pull_stopped_at) {
        (_, Some(_)) => Some("container_start"),
        (Some(_), None) => Some("image_pull"),
        (None, None) => exit_code.map(|_| "container_start"),
    }
}

/// The message with the reason.
fn message<'a>(task: &TaskEvent<'a>, root: Option<&Container<'a>>, explanation: Option<Explanation<'_>>) -> Option<Cow<'a, str>> {
    explanation
        .map(|explanation| Cow::Owned(explanation.text.to_owned()))
        .or_else(|| root.filter(|root| root.names_an_error()).and_then(|root| root.reason).and_then(name))
        .or_else(|| task.stopped_reason.clone())
        .or_else(|| task.attachment_reason.clone())
}

/// The code: the error name at the start of the message, else the stop code.
fn reason<'a>(stop: &Stop<'a>, failure: &Failure<'a>) -> Option<Cow<'a, str>> {
    let named = failure.message.as_deref().and_then(reason_name).map(|named| Cow::Owned(named.to_owned()));
    named.or_else(|| stop.code.clone())
}

fn of_task<'a>(task: &TaskEvent<'a>) -> Failure<'a> {
    let incident = match task.task_arn.as_deref() {
        Some(arn) => Some(Cow::Owned(format!("task:{arn}"))),
        None => task.id.clone(),
    };
    Failure {
        id: task.id.clone(),
        time: task.stopped_at.or(task.time),
        kind: name("task"),
        account: task.account.clone(),
        region: task.region.clone(),
        cluster: task.cluster.clone(),
        service: task.service.clone(),
        family: task.family.clone(),
        task_definition: task.task_definition.clone(),
        task: task.task.clone(),
        subnet: task.subnet.clone(),
        container_instance: task.container_instance.clone(),
        launch_type: task.launch_type.clone(),
        capacity_provider: task.capacity_provider.clone(),
        started_by: task.started_by.clone(),
        group: task.group.clone(),
        requested_cpu: task.cpu,
        requested_memory: task.memory,
        secondary: Some(false),
        incident,
        version: task.version,
        source: task.source.clone(),
        file: task.file.clone(),
        record: task.id.clone(),
        ..Failure::default()
    }
}
