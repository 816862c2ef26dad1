//! Describes an event record in one line.

use super::finding::{AgentChange, Event, EventKind};
use super::records::Row;

/// Name prefixes of calls that remove something.
const REMOVES: [&str; 9] =
    ["Revoke", "Delete", "Detach", "Remove", "Disassociate", "Deregister", "Disable", "Release", "ScheduleKeyDeletion"];

/// Whether a call of this name removes something.
pub(super) fn removes(event_name: &str) -> bool {
    REMOVES.iter().any(|verb| event_name.starts_with(verb))
}

/// A call.
pub(super) fn call(row: &Row) -> Option<Event> {
    let name = row.text("event_name").unwrap_or("a call");
    let object = match name {
        "RunTask" | "StartTask" => row.text("task_definition").or(row.text("family")),
        "StopTask" => row.text("task"),
        _ => row
            .text("service")
            .or(row.text("task_definition"))
            .or(row.text("container_instance"))
            .or(row.text("task"))
            .or(row.text("resource").and_then(|ids| ids.split(' ').next())),
    };
    let mut what = name.to_owned();
    if let Some(object) = object {
        what.push_str(&format!(" {object}"));
    }
    if let Some(rule) = row.text("rule") {
        what.push_str(&format!(" ({rule})"));
    }
    if let Some(code) = row.text("error_code") {
        what.push_str(&format!(" was refused: {code}"));
        if let Some(message) = row.text("error_message") {
            what.push_str(&format!(": {message}"));
        }
    } else if let (Some(asked), Some(placed)) = (row.int("asked"), row.int("placed")) {
        what.push_str(&format!(" placed {placed} of {asked}"));
        if let Some(reasons) = row.text("failure_reasons") {
            what.push_str(&format!(": {reasons}"));
        }
    } else if let Some(reason) = row.text("reason") {
        what.push_str(&format!(": {reason}"));
    }
    let kind = EventKind::Call { name: name.to_owned(), placed: row.int("placed"), again: false };
    Some(Event { kind, ..event(row, what, row.text("user").map(str::to_owned))? })
}

/// A state of a task.
pub(super) fn task(row: &Row) -> Option<Event> {
    let mut what =
        format!("task {} is {}", row.text("task").unwrap_or("?"), row.text("last_status").unwrap_or("in an unknown state"));
    if row.text("last_status") == Some("STOPPED") {
        what.push_str(&ending(row));
    } else if row.text("desired_status") == Some("STOPPED") {
        what.push_str(", stop requested");
        // The STOPPED state shows the reason.
        if let Some(code) = row.text("stop_code") {
            what.push_str(&format!(" ({code})"));
        }
    }
    event(row, what, None)
}

/// How a stopped task ended.
fn ending(row: &Row) -> String {
    let mut parts: Vec<String> = Vec::new();
    let stop: Vec<&str> = [row.text("stop_code"), row.text("stopped_reason")].into_iter().flatten().collect();
    if !stop.is_empty() {
        parts.push(stop.join(": "));
    }
    if let Some(code) = row.int("exit_code") {
        parts.push(match row.text("exit_container") {
            Some(container) => format!("container {container} exited {code}"),
            None => format!("exit code {code}"),
        });
    }
    if let Some(reason) = row.text("container_reason") {
        parts.push(reason.to_owned());
    }
    if let Some(reason) = row.text("attachment_reason") {
        parts.push(reason.to_owned());
    }
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join("; ")) }
}

/// Changes between successive states of container instances; the first state is included only if it is unusual.
pub(super) fn instance_changes(rows: &[Row]) -> Vec<Event> {
    let mut before: std::collections::BTreeMap<&str, &Row> = std::collections::BTreeMap::new();
    let mut events = Vec::new();
    for row in rows {
        let Some(instance) = row.text("container_instance") else { continue };
        let (kind, changes) = changes(before.insert(instance, row), row);
        if !changes.is_empty() {
            let event = event(row, format!("instance {instance}: {}", changes.join(", ")), None);
            events.extend(event.map(|event| Event { kind, ..event }));
        }
    }
    events
}

fn changes(before: Option<&Row>, now: &Row) -> (EventKind, Vec<String>) {
    let (mut agent, mut updated) = (None, false);
    let mut changes = Vec::new();
    let connected = now.flag("agent_connected");
    let was_connected = before.map_or(Some(true), |before| before.flag("agent_connected"));
    match (was_connected, connected) {
        (Some(true), Some(false)) => {
            agent = Some(AgentChange::Disconnected);
            changes.push("agent disconnected".to_owned());
        }
        (Some(false), Some(true)) => {
            agent = Some(AgentChange::Reconnected);
            changes.push("agent reconnected".to_owned());
        }
        _ => {}
    }
    let change = |column: &str| {
        let now = now.text(column)?;
        let before = before?.text(column);
        (before != Some(now)).then(|| (before.map(str::to_owned), now.to_owned()))
    };
    if let Some((before, now)) = change("agent_version") {
        updated = before.is_some();
        changes.push(before.map_or(format!("agent {now}"), |before| format!("agent {before} → {now}")));
    }
    if let Some((_, now)) = change("agent_update_status") {
        changes.push(format!("agent update {now}"));
    } else if before.is_none() && now.text("agent_update_status") == Some("FAILED") {
        changes.push("agent update FAILED".to_owned());
    }
    let status = now.text("status");
    if before.is_some_and(|before| before.text("status") != status) || (before.is_none() && status != Some("ACTIVE")) {
        let reason = now.text("status_reason").map(|reason| format!(" ({reason})")).unwrap_or_default();
        changes.extend(status.map(|status| format!("status {status}{reason}")));
    }
    (EventKind::Instance { agent, updated }, changes)
}

/// An event of a service or deployment.
pub(super) fn service(row: &Row) -> Option<Event> {
    let subject = row.text("deployment").or(row.text("service")).unwrap_or("?");
    let kind = if row.text("deployment").is_some() { "deployment" } else { "service" };
    let name = row.text("event_name");
    let message = row.text("message").filter(|message| Some(*message) != name);
    let parts: Vec<&str> = [name, message].into_iter().flatten().collect();
    event(row, format!("{kind} {subject}: {}", parts.join(": ")), None)
}

/// An event of dstack.
pub(super) fn run(row: &Row) -> Option<Event> {
    let kind = row.text("target_type").unwrap_or("run");
    let what = format!("{kind} {}: {}", row.text("target").unwrap_or("?"), row.text("message").unwrap_or_default());
    event(row, what, row.text("actor").map(str::to_owned))
}

/// How a job submission ended, or its status if it has not ended.
pub(super) fn submission(row: &Row) -> Option<Event> {
    let mut what = format!("job {} {}", row.text("job").unwrap_or("?"), row.text("status").unwrap_or("in an unknown state"));
    let mut parts: Vec<String> = row.text("termination_reason").map(str::to_owned).into_iter().collect();
    if let Some(status) = row.int("exit_status") {
        parts.push(format!("exit status {status}"));
    }
    parts.extend(row.text("message").map(|message| message.trim().to_owned()).filter(|message| !message.is_empty()));
    if !parts.is_empty() {
        what.push_str(&format!(": {}", parts.join("; ")));
    }
    let mut event = event(row, what, None)?;
    event.record = row.text("submission").unwrap_or(&event.record).to_owned();
    Some(event)
}

fn event(row: &Row, what: String, who: Option<String>) -> Option<Event> {
    Some(Event { time: row.time("time")?, kind: EventKind::Other, what, who, note: None, record: row.text("id")?.to_owned() })
}
