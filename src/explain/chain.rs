//! The events around a failure, before and after, oldest first, each with its record.

use super::changes::with_people;
use super::describe;
use super::finding::{AgentChange, Event, EventKind, in_order};
use super::gather::FailureContext;
use super::records::{Records, Row, calls_of_task, equals, home_of, like_it, shifted, text, time, within};
use crate::render::describe_duration;
use crate::run::RunError;
use crate::table::Table;
use jiff::Timestamp;

/// The time, in seconds, around a failure in which events of its instance and service are included.
const AROUND: i64 = 10 * 60;
/// The time, in seconds, before a failure to search for changes and after it to search for retries.
pub(super) const HALF_HOUR: i64 = 30 * 60;
/// Label of a call made by a caller that retries.
const RETRY: &str = "retry";
/// Label of a call that may be a retry or the next scheduled start.
const AGAIN: &str = "called again by the same caller";
/// The maximum number of events of one sort.
const MOST: usize = 12;

/// The chain of a failure.
pub(super) fn chain(records: &Records<'_>, case: &FailureContext) -> Result<Vec<Event>, RunError> {
    let Some(at) = case.failure.time("time") else { return Ok(Vec::new()) };
    let events = match case.kind() {
        "launch" | "api_error" => of_call(records, case, at)?,
        "task" => of_task(records, case, at)?,
        "deployment" => of_deployment(records, case, at)?,
        "service" => of_service(records, case, at)?,
        "agent" => of_agent(records, case, at)?,
        "run" => of_run(records, case)?,
        "resource" => of_resource(records, case)?,
        _ => Vec::new(),
    };
    with_people(records, in_order(events))
}

fn calls(records: &Records<'_>, condition: &str, order: &str, limit: usize) -> Result<Vec<Event>, RunError> {
    Ok(records.some(Table::Calls, condition, order, limit)?.iter().filter_map(describe::call).collect())
}

/// Instance changes around a time: all nearby changes, the last one before and the first one after.
fn instance(
    records: &Records<'_>,
    case: &FailureContext,
    from: Timestamp,
    to: Timestamp,
    near: i64,
) -> Result<Vec<Event>, RunError> {
    let Some(instance) = case.text("container_instance") else { return Ok(Vec::new()) };
    let same = equals("container_instance", Some(instance));
    let rows = records.of(Table::InstanceEvents, &format!("{same} and {}", within(from, 2 * 3600, to, 2 * 3600)))?;
    let changes = describe::instance_changes(&rows);
    let (start, end) = (shifted(from, -near), shifted(to, near));
    let is_near = |event: &&Event| event.time >= start && event.time <= end;
    let mut events: Vec<Event> = changes.iter().filter(is_near).cloned().collect();
    // A disconnect that began long before may still last, and may end long after.
    let is_disconnect = |event: &Event| event.agent() == Some(AgentChange::Disconnected);
    let open = changes.iter().rev().find(|event| event.time < start).filter(|event| is_disconnect(event));
    events.extend(open.cloned());
    let disconnected = in_order(events.clone()).last().is_some_and(is_disconnect);
    if disconnected {
        events.extend(changes.iter().find(|event| event.time > end).cloned());
    }
    let names = "event_name in ('UpdateContainerAgent', 'RegisterContainerInstance', 'UpdateContainerInstancesState', 'DeregisterContainerInstance')";
    let condition = format!("{same} and {names} and {}", within(from, near.max(HALF_HOUR), to, near));
    events.extend(calls(records, &condition, "\"time\"", MOST)?);
    Ok(events)
}

fn of_call(records: &Records<'_>, case: &FailureContext, at: Timestamp) -> Result<Vec<Event>, RunError> {
    let mut events: Vec<Event> = case.call.iter().filter_map(describe::call).collect();
    events.extend(instance(records, case, at, at, AROUND)?);
    events.extend(later_calls(records, case, at)?);
    Ok(events)
}

/// Earlier attempts of a caller that retries, and its next calls until one placed all requested tasks.
fn later_calls(records: &Records<'_>, case: &FailureContext, at: Timestamp) -> Result<Vec<Event>, RunError> {
    let Some(call) = &case.call else { return Ok(Vec::new()) };
    let role = call.text("user").map(|user| user.split('/').next().unwrap_or(user));
    let retries = call.text("started_by") == Some("AWS Step Functions");
    let same = format!(
        "{} and {} and {} and {} and {} and {} and \"id\" <> {}",
        equals("event_name", call.text("event_name")),
        like_it("account", call.text("account")),
        like_it("region", call.text("region")),
        like_it("cluster", call.text("cluster")),
        like_it("family", call.text("family")),
        like_it("started_by", call.text("started_by")),
        text(call.text("id").unwrap_or_default()),
    );
    let later = format!("\"time\" > {} and \"time\" <= {} and {same}", time(at), time(shifted(at, HALF_HOUR)));
    let rows = records.some(Table::Calls, &later, "\"time\"", MOST)?;
    let same_role = |row: &&Row| row.text("user").map(|user| user.split('/').next().unwrap_or(user)) == role;
    let mut events = Vec::new();
    // Only failed earlier calls count: a scheduled start a quarter of an hour before is not an attempt.
    let earlier =
        format!("missing > 0 and \"time\" >= {} and \"time\" < {} and {same}", time(shifted(at, -HALF_HOUR)), time(at),);
    let before = records.some(Table::Calls, &earlier, "\"time\" desc", MOST)?;
    for row in before.iter().filter(same_role).filter(|_| retries) {
        let Some(mut event) = describe::call(row) else { continue };
        event.note =
            Some(format!("an earlier attempt, {} before", describe_duration(at.duration_since(event.time).as_secs_f64())));
        events.push(event);
    }
    for row in rows.iter().filter(same_role) {
        let Some(mut event) = describe::call(row) else { continue };
        let after = event.time.duration_since(at).as_secs();
        let placed = placed_all(row);
        let kind = if retries { RETRY } else { AGAIN };
        let healed = if placed && retries { ", which succeeded" } else { "" };
        event.note = Some(format!("{kind} after {}{healed}", describe_duration(after as f64)));
        if let EventKind::Call { again, .. } = &mut event.kind {
            *again = true;
        }
        events.push(event);
        if placed {
            break;
        }
    }
    Ok(events)
}

/// Whether a call placed all tasks that it requested. Only one without a count, such as one whose response is not recorded,
/// counts as successful because it was accepted: a response may lack tasks without any failure, and the further failures of
/// a saved response request nothing.
fn placed_all(row: &Row) -> bool {
    match (row.int("placed"), row.int("missing")) {
        (Some(placed), Some(missing)) => placed > 0 && missing == 0,
        _ => row.flag("failed") == Some(false),
    }
}

/// States that the same caller did not place the task in the next half hour; none if the recorded calls end earlier.
pub(super) fn never_placed(records: &Records<'_>, case: &FailureContext, chain: &[Event]) -> Result<Option<String>, RunError> {
    let Some(at) = case.failure.time("time").filter(|_| case.kind() == "launch") else { return Ok(None) };
    let again = |event: &Event| match event.kind {
        EventKind::Call { again: true, placed, .. } => Some(placed),
        _ => None,
    };
    let mut later = chain.iter().filter_map(again);
    // A call whose response is not recorded may have placed the task.
    let placed = later.clone().any(|placed| placed != Some(0));
    let end = format!(
        "\"time\" > {} and {} and {}",
        time(shifted(at, HALF_HOUR)),
        like_it("account", case.text("account")),
        like_it("region", case.text("region"))
    );
    if placed || !records.any(Table::Calls, &end)? {
        return Ok(None);
    }
    let tried = if later.next().is_some() { "tried again but placed nothing" } else { "did not try again" };
    Ok(Some(format!("the same caller {tried} in the next half hour")))
}

fn of_task(records: &Records<'_>, case: &FailureContext, at: Timestamp) -> Result<Vec<Event>, RunError> {
    let Some(task) = case.text("task") else { return Ok(Vec::new()) };
    let same_task = format!("{} and {}", equals("task", Some(task)), like_it("cluster", case.text("cluster")));
    let rows = records.of(Table::TaskEvents, &same_task)?;
    let mut events: Vec<Event> = rows.iter().filter_map(describe::task).collect();
    let began = case.task.as_ref().and_then(|task| task.time("created_at")).unwrap_or(at);
    // Calls about a task, and its own, are made while it exists.
    let life = case.task.as_ref().and_then(|task| task.time("created_at"));
    let life = life.map_or_else(|| "true".to_owned(), |created| within(created, HALF_HOUR, at, HALF_HOUR));
    for condition in [format!("{} and read_only is not true", calls_of_task(task)), own_refused_calls(task)] {
        events.extend(calls(records, &format!("{condition} and {life}"), "\"time\"", MOST)?);
    }
    if case.text("container_instance").is_some() {
        events.extend(instance(records, case, began, at, 60)?.into_iter().filter(|event| event.time <= shifted(at, 60)));
    }
    if let Some(service) = case.text("service") {
        let of_service = format!(
            "{} and {} and {} and {}",
            equals("service", Some(service)),
            like_it("cluster", case.text("cluster")),
            home_of(&case.failure),
            within(began, AROUND, at, AROUND)
        );
        events.extend(service_events(records, &of_service)?);
        events.extend(changes_of_service(records, case, began, at)?);
    }
    events.extend(network_changes(records, case, began)?);
    if !case.expected {
        events.extend(next_task(records, case, began)?);
    }
    Ok(events)
}

/// The condition for refused calls that a task made itself: its id is the session name.
pub(super) fn own_refused_calls(task: &str) -> String {
    format!("right(\"user\", {}) = {} and error_code is not null", task.chars().count(), text(task))
}

fn service_events(records: &Records<'_>, condition: &str) -> Result<Vec<Event>, RunError> {
    Ok(records.some(Table::ServiceEvents, condition, "\"time\" desc", MOST)?.iter().filter_map(describe::service).collect())
}

/// Earlier calls that changed the service.
fn changes_of_service(
    records: &Records<'_>,
    case: &FailureContext,
    began: Timestamp,
    at: Timestamp,
) -> Result<Vec<Event>, RunError> {
    let condition = format!(
        "{} and {} and {} and event_name in ('CreateService', 'UpdateService', 'DeleteService') and {}",
        equals("service", case.text("service")),
        like_it("cluster", case.text("cluster")),
        home_of(&case.failure),
        within(began, HALF_HOUR, at, 0)
    );
    calls(records, &condition, "\"time\" desc", MOST)
}

/// Network changes before a network timeout. Timing alone does not prove that they are the cause.
fn network_changes(records: &Records<'_>, case: &FailureContext, began: Timestamp) -> Result<Vec<Event>, RunError> {
    let cause = case.text("cause").unwrap_or_default();
    if case.text("phase") != Some("network") && !cause.contains("network") && !cause.contains("timeout") && !cause.contains("dns")
    {
        return Ok(Vec::new());
    }
    let names = ["SecurityGroup", "Route", "NatGateway", "VpcEndpoint", "NetworkAcl", "Subnet", "InternetGateway"];
    let names: Vec<String> = names.iter().map(|name| format!("event_name like '%{name}%'")).collect();
    let condition = format!(
        "event_source = 'ec2.amazonaws.com' and read_only is not true and error_code is null and event_name not like 'Describe%' \
         and ({}) and {} and {} and {}",
        names.join(" or "),
        like_it("account", case.text("account")),
        like_it("region", case.text("region")),
        within(began, HALF_HOUR, began, 0)
    );
    let mut events = calls(records, &condition, "\"time\" desc", MOST)?;
    for event in &mut events {
        event.note = Some("a network change shortly before the failure; not proven to be the cause".to_owned());
    }
    Ok(events)
}

/// The next task of the same service, or with the same startedBy, that started.
fn next_task(records: &Records<'_>, case: &FailureContext, began: Timestamp) -> Result<Vec<Event>, RunError> {
    let starter = match (case.text("service"), case.text("started_by")) {
        (Some(service), _) => equals("service", Some(service)),
        (None, Some(starter)) => equals("started_by", Some(starter)),
        (None, None) => return Ok(Vec::new()),
    };
    let condition = format!(
        "{starter} and {} and {} and {} and created_at > {} and created_at <= {} and started_at is not null",
        like_it("cluster", case.text("cluster")),
        home_of(&case.failure),
        like_it("family", case.text("family")),
        time(began),
        time(shifted(began, 3600))
    );
    let rows = records.some(Table::TaskEvents, &condition, "created_at, version", 1)?;
    let whose = if case.text("service").is_some() { "of the service" } else { "with the same startedBy" };
    let event = rows.first().and_then(|row| {
        let what = format!("next task {whose} to start: {} ({})", row.text("task")?, row.text("task_definition").unwrap_or("?"));
        let (time, record) = (row.time("started_at")?, row.text("id")?.to_owned());
        Some(Event { time, kind: EventKind::Other, what, who: None, note: None, record })
    });
    Ok(event.into_iter().collect())
}

fn of_deployment(records: &Records<'_>, case: &FailureContext, at: Timestamp) -> Result<Vec<Event>, RunError> {
    let deployment = case.text("incident").and_then(|incident| incident.strip_prefix("deployment:"));
    let deployment_events = records.of(Table::ServiceEvents, &equals("deployment", deployment))?;
    let began = deployment_events.iter().filter_map(|row| row.time("time")).min().unwrap_or(at);
    let mut events: Vec<Event> = deployment_events.iter().filter_map(describe::service).collect();
    let of_service = format!(
        "{} and {} and {} and {}",
        equals("service", case.text("service")),
        like_it("cluster", case.text("cluster")),
        home_of(&case.failure),
        within(began, 60, at, AROUND)
    );
    events.extend(service_events(records, &of_service)?);
    events.extend(changes_of_service(records, case, began, at)?);
    events.extend(failed_tasks(records, &equals("started_by", deployment), at)?);
    Ok(events)
}

/// The failed tasks, without duplicates.
fn failed_tasks(records: &Records<'_>, condition: &str, until: Timestamp) -> Result<Vec<Event>, RunError> {
    let condition = format!("kind = 'task' and {condition} and \"time\" <= {}", time(until));
    let rows = records.failures(&condition)?;
    let more = rows.len().saturating_sub(MOST);
    let mut events: Vec<Event> = rows.iter().take(MOST).filter_map(failed_task).collect();
    if let Some(oldest) = events.last_mut().filter(|_| more > 0) {
        oldest.what.push_str(&format!(" ({more} more failed earlier)"));
    }
    Ok(events)
}

fn failed_task(row: &Row) -> Option<Event> {
    let code = row.int("exit_code").map(|code| format!(", exit code {code}")).unwrap_or_default();
    let reason = row.text("reason").unwrap_or("no reason recorded");
    let how = format!("{reason}{code}");
    let what = format!("task {} failed: {how}", row.text("task").unwrap_or("?"));
    let kind = EventKind::TaskFailed { how };
    Some(Event { time: row.time("time")?, kind, what, who: None, note: None, record: row.text("record")?.to_owned() })
}

fn of_service(records: &Records<'_>, case: &FailureContext, at: Timestamp) -> Result<Vec<Event>, RunError> {
    let of_service = format!(
        "{} and {} and {}",
        equals("service", case.text("service")),
        like_it("cluster", case.text("cluster")),
        home_of(&case.failure)
    );
    let mut events = service_events(records, &format!("{of_service} and {}", within(at, HALF_HOUR, at, HALF_HOUR)))?;
    events.extend(changes_of_service(records, case, shifted(at, -HALF_HOUR), at)?);
    let since = format!("{of_service} and \"time\" >= {}", time(shifted(at, -HALF_HOUR)));
    events.extend(failed_tasks(records, &since, at)?);
    events.extend(instance(records, case, at, at, AROUND)?);
    Ok(events)
}

fn of_agent(records: &Records<'_>, case: &FailureContext, at: Timestamp) -> Result<Vec<Event>, RunError> {
    let mut events = instance(records, case, at, at, HALF_HOUR)?;
    let record = case.text("record").unwrap_or_default();
    if !events.iter().any(|event| event.record == record) {
        let message = case.text("message").unwrap_or("the update failed").to_owned();
        let record = record.to_owned();
        events.push(Event { time: at, kind: EventKind::Other, what: message, who: None, note: None, record });
    }
    Ok(events)
}

/// What the server recorded about a volume, gateway, fleet or instance of dstack.
fn of_resource(records: &Records<'_>, case: &FailureContext) -> Result<Vec<Event>, RunError> {
    let id = case.text("incident").and_then(|incident| incident.strip_prefix("resource:"));
    Ok(records
        .some(Table::RunEvents, &equals("target_id", id), "\"time\" desc", MOST)?
        .iter()
        .filter_map(describe::run)
        .collect())
}

fn of_run(records: &Records<'_>, case: &FailureContext) -> Result<Vec<Event>, RunError> {
    let (run, submission) = (case.text("run_id"), case.text("submission"));
    let targets = format!("{} or {}", equals("target_id", submission), equals("target_id", run));
    let mut events: Vec<Event> = records.of(Table::RunEvents, &targets)?.iter().filter_map(describe::run).collect();
    // The latest state of the other attempts and nodes of the run.
    let mut seen = std::collections::BTreeSet::new();
    let others = records.some(Table::JobSubmissions, &equals("run_id", run), "last_processed_at desc nulls last", 200)?;
    for other in others {
        let id = other.text("submission").unwrap_or_default().to_owned();
        if !seen.insert(id.clone()) || (Some(id.as_str()) == submission && !events.is_empty()) {
            continue;
        }
        let Some(mut event) = describe::submission(&other) else { continue };
        if Some(id.as_str()) != submission {
            let same_job = other.text("job") == case.text("job");
            let later = other.time("submitted_at") > case.submission.as_ref().and_then(|job| job.time("submitted_at"));
            let healed = same_job && later && other.text("status") == Some("done");
            let relation = match (same_job, later, healed) {
                (true, true, true) => "a later attempt of the same job, which succeeded",
                (true, true, false) => "a later attempt of the same job",
                (true, false, _) => "an earlier attempt of the same job",
                (false, ..) => "another job of the run",
            };
            event.note = Some(relation.to_owned());
        }
        events.push(event);
    }
    Ok(events)
}
