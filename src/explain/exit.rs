//! Explains how a program exited: the meaning of exit codes such as 137 and 143 depends on the events around them.

use super::finding::{AgentChange, Event, EventKind};
use super::gather::FailureContext;
use crate::model::catalog::FailureCatalog;
use crate::plural::counted;
use crate::render::describe_duration;

/// Whether a record reports that the program ran out of memory.
pub(super) fn oom(case: &FailureContext) -> bool {
    let reports_oom = |text: Option<&str>| {
        text.is_some_and(|text| {
            let text = text.to_lowercase();
            text.contains("outofmemoryerror") || text.contains("out of memory") || text.contains("oomkilled")
        })
    };
    let task = case.task.as_ref();
    case.text("cause") == Some("oom")
        || reports_oom(case.text("reason"))
        || reports_oom(case.text("message"))
        || reports_oom(task.and_then(|task| task.text("container_reason")))
}

/// Sentences about how the program exited.
pub(super) fn describe_exit(case: &FailureContext, ran: Option<bool>, chain: &[Event]) -> Vec<String> {
    let mut notes = Vec::new();
    let code = case.failure.int("exit_code");
    match (case.kind(), ran) {
        ("task", Some(false)) => notes.push("startedAt is missing".to_owned()),
        ("run", Some(false)) if case.submission.is_some() => notes.push(match case.text("reason") {
            Some("container_exited_with_error") => {
                "no exit status, and the message describes a step before the program started: no container exited, although the reason says so"
                    .to_owned()
            }
            _ => "no exit status is recorded".to_owned(),
        }),
        ("deployment", _) => notes.extend(failed_tasks(chain)),
        ("launch", _) => notes.extend(disconnected(case, chain)),
        _ => {}
    }
    match code {
        _ if oom(case) => {
            let with = code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
            notes.push(format!("out of memory, according to the record{with}"));
        }
        Some(137) => notes.extend(killed(case, chain)),
        Some(143) => notes.push(match stop_request(case, chain) {
            Some(request) => format!("exit code 143: SIGTERM after {request}, as expected"),
            None => "exit code 143: SIGTERM; these records contain no stop request".to_owned(),
        }),
        Some(-1) if case.kind() == "run" => {
            notes.push("exit status -1: a signal ended the program; the records do not say which one".to_owned());
        }
        Some(code) if code != 0 && case.is_exit_of_container_beside(code) => {
            notes.push(format!("exit code {code}: defined by the container, which runs beside the program"));
        }
        Some(code) if code != 0 => notes.push(match FailureCatalog::current().exit_code(code) {
            Some(known) => format!("exit code {code}, {}: {}", known.name, known.meaning),
            None => format!("exit code {code}: defined by the program"),
        }),
        _ => {}
    }
    notes
}

/// Explains exit code 137 without a report of out of memory, from the events around it.
fn killed(case: &FailureContext, chain: &[Event]) -> Vec<String> {
    let mut notes = vec!["exit code 137: SIGKILL; no record reports out of memory".to_owned()];
    let Some(task) = case.task.as_ref() else { return notes };
    let reason = task.text("stopped_reason").unwrap_or_default().to_lowercase();
    let waited = task.time("stopping_at").zip(task.time("execution_stopped_at"));
    let waited = waited.map(|(asked, ended)| ended.duration_since(asked).as_secs_f64());
    if reason.contains("health check") || task.text("health_status") == Some("UNHEALTHY") {
        notes.push("its health checks failed first, so ECS stopped it".to_owned());
    }
    match (stop_request(case, chain), waited) {
        (Some(request), Some(waited)) if waited >= 1.0 => {
            notes.push(format!(
                "it kept running for {} after {request}: the stop timeout ended it",
                describe_duration(waited.round())
            ));
        }
        (Some(request), _) => notes.push(format!("it followed {request}")),
        (None, _) => notes.push("no stop request preceded it".to_owned()),
    }
    let host = matches!(task.text("stop_code"), Some("TerminationNotice" | "SpotInterruption" | "InfrastructureHealth"));
    let lost = chain.iter().any(|event| event.agent() == Some(AgentChange::Disconnected));
    if host {
        notes.push("its host was lost".to_owned());
    } else if lost {
        notes.push("the agent on its instance disconnected during that time: the host may have been lost".to_owned());
    } else if case.text("container_instance").is_some() {
        notes.push("its container instance reported no change while it ran".to_owned());
    }
    notes
}

/// How the tasks of a deployment failed, with the newest failure of each kind to explain next.
fn failed_tasks(chain: &[Event]) -> Vec<String> {
    let mut ways: std::collections::BTreeMap<&str, (usize, &str)> = std::collections::BTreeMap::new();
    for event in chain {
        if let EventKind::TaskFailed { how } = &event.kind {
            let (count, newest) = ways.entry(how).or_default();
            *count += 1;
            *newest = &event.record;
        }
    }
    let line = |(way, (count, newest)): (&str, (usize, &str))| {
        let tasks = counted(count, "task", "tasks");
        format!("{tasks} of the deployment failed ({way}); the newest: `ecs-audit explain {newest}`")
    };
    ways.into_iter().map(line).collect()
}

/// How long the agent was disconnected around a launch, according to the events of its instance.
fn disconnected(case: &FailureContext, chain: &[Event]) -> Option<String> {
    let at = case.failure.time("time").filter(|_| case.text("reason") == Some("AGENT"))?;
    let disconnect = chain.iter().rev().find(|event| event.time <= at && event.agent() == Some(AgentChange::Disconnected));
    let Some(disconnect) = disconnect else {
        return Some("no record shows when the agent disconnected".to_owned());
    };
    let is_reconnect = |event: &&Event| event.time > disconnect.time && event.agent() == Some(AgentChange::Reconnected);
    let Some(reconnect) = chain.iter().find(is_reconnect) else {
        return Some("the agent had disconnected earlier; no record shows when it reconnected".to_owned());
    };
    let seconds = reconnect.time.duration_since(disconnect.time).as_secs_f64();
    if reconnect.time < at {
        return Some(format!(
            "the agent had been disconnected for {} and reconnected before the call, according to its events",
            describe_duration(seconds)
        ));
    }
    let updated = matches!(reconnect.kind, EventKind::Instance { updated: true, .. });
    let updated = if updated { "; it reconnected with another version after an update" } else { "" };
    Some(format!("the agent was disconnected for {} around the call{updated}", describe_duration(seconds)))
}

/// Who or what requested the stop.
fn stop_request(case: &FailureContext, chain: &[Event]) -> Option<String> {
    if let Some(call) = chain.iter().find(|event| event.call() == Some("StopTask")) {
        return Some(format!("StopTask by {}", call.who.as_deref().unwrap_or("an unidentified caller")));
    }
    match case.task.as_ref()?.text("stop_code")? {
        "UserInitiated" => Some("a stop request from a user".to_owned()),
        "ServiceSchedulerInitiated" => Some("a stop request from the service scheduler".to_owned()),
        "SpotInterruption" => Some("a Spot interruption".to_owned()),
        "TerminationNotice" => Some("the termination of its host".to_owned()),
        _ => None,
    }
}
