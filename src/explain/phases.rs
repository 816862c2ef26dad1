//! The phases that a task, launch or run completed, and the one where it failed.

use super::finding::{Rung, State};
use super::gather::Case;
use super::records::{Records, Row, equals};
use crate::run::RunError;
use crate::table::Table;
use jiff::Timestamp;

/// The phases with their times, and whether the program ever ran.
pub(super) fn ladder(records: &Records<'_>, case: &Case) -> Result<(Vec<Rung>, Option<bool>), RunError> {
    let recorded = case.failure.flag("ran");
    Ok(match (case.kind(), &case.task) {
        ("launch", _) => (of_launch(case), Some(false)),
        ("task", Some(task)) => {
            let rungs = of_task(case, task);
            (rungs, recorded.or(Some(task.time("started_at").is_some())))
        }
        ("run", _) => (of_run(records, case)?, recorded),
        ("agent", _) => (vec![rung("agent update", State::Failed, case.failure.time("time"))], recorded),
        // A service, a deployment or a refused call has one phase: where it failed.
        _ => {
            let at = case.failure.time("time");
            (case.text("phase").map(|phase| rung(phase_name(phase), State::Failed, at)).into_iter().collect(), recorded)
        }
    })
}

fn rung(name: &str, state: State, at: Option<Timestamp>) -> Rung {
    Rung { name: name.to_owned(), state, at, until: None, note: None }
}

/// The display name of a phase.
fn phase_name(phase: &str) -> &str {
    match phase {
        "image_pull" => "image pull",
        "config_fetch" => "secrets and settings",
        "container_create" => "container creation",
        "container_start" => "container start",
        "health_check" => "health check",
        "stop_request" => "stop request",
        "volume" => "volume set-up",
        "network" => "network set-up",
        "logging" => "log set-up",
        "api" => "API call",
        other => other,
    }
}

fn of_launch(case: &Case) -> Vec<Rung> {
    let at = case.failure.time("time");
    let phase = case.text("phase").unwrap_or("placement");
    let mut rungs = vec![rung("asked", State::Done, at), rung(phase_name(phase), State::Failed, None)];
    rungs.extend(["image pull", "started"].map(|name| rung(name, State::NotReached, None)));
    rungs
}

/// Note on a failed phase that is inferred from timestamps.
const LAST_RECORDED: &str = "last recorded step; no catalog entry matches the message";

/// The phase in which a task failed. A stop code without a matching catalog entry would only be a guess, so the phase is
/// inferred from the timestamps and marked as such.
fn failed_phase<'c>(case: &'c Case, task: &Row) -> Option<(&'c str, Option<&'static str>)> {
    if case.expected {
        return None;
    }
    let recorded = case.text("phase");
    let ran = task.time("started_at").is_some() || case.failure.flag("ran") == Some(true);
    if let Some(phase) = recorded.filter(|_| case.text("cause").is_some() || ran) {
        return Some((phase, None));
    }
    let placed = task.text("container_instance").is_some() || task.time("connectivity_at").is_some();
    let last = match (ran, task.time("pull_stopped_at"), task.time("pull_started_at")) {
        (true, ..) => "running",
        (_, Some(_), _) => "container_start",
        (_, _, Some(_)) => "image_pull",
        _ if placed => "set-up",
        _ => recorded.unwrap_or("placement"),
    };
    Some((last, Some(LAST_RECORDED)))
}

fn of_task(case: &Case, task: &Row) -> Vec<Rung> {
    let (failed, note) = failed_phase(case, task).map_or((None, None), |(phase, note)| (Some(phase), note));
    let (pulling, pulled) = (task.time("pull_started_at"), task.time("pull_stopped_at"));
    let started = task.time("started_at");
    let mut rungs = vec![rung("created", State::Done, task.time("created_at"))];
    let placed = task.text("container_instance").is_some() || task.time("connectivity_at").is_some() || pulling.is_some();
    let is_placement = matches!(failed, Some("placement" | "capacity"));
    if is_placement {
        rungs.push(rung(failed.unwrap_or_default(), State::Failed, None));
    } else if placed || started.is_some() {
        let mut step = rung("placed", State::Done, task.time("connectivity_at"));
        step.note = task.text("container_instance").map(|instance| format!("on {instance}"));
        rungs.push(step);
    }
    // Setup before the first container appears only if it failed, at the time the task gave up.
    let ended = task.time("stopping_at").or(task.time("execution_stopped_at")).or(task.time("stopped_at"));
    let before_start = matches!(
        failed,
        Some("network" | "config_fetch" | "volume" | "logging" | "set-up" | "container_create" | "container_start")
    );
    let set_up = || rung(phase_name(failed.unwrap_or_default()), State::Failed, ended);
    let set_up_first = before_start && pulled.is_none() && !matches!(failed, Some("container_create" | "container_start"));
    if set_up_first {
        rungs.push(set_up());
    }
    // A failure before the image pull means that nothing was pulled, even if the record has pull times.
    let before_pull = matches!(failed, Some("placement" | "capacity" | "network" | "config_fetch"));
    let pull_state = match (failed, pulling, pulled) {
        (Some("image_pull"), ..) => State::Failed,
        _ if before_pull && started.is_none() => State::NotReached,
        (_, _, Some(_)) => State::Done,
        _ if started.is_some() => State::Done,
        _ => State::NotReached,
    };
    if pull_state != State::Done || pulling.is_some() {
        let mut pull = rung("image pull", pull_state, pulling);
        pull.until = pulled;
        if pull_state == State::Failed && pulled.is_none() {
            pull.note = Some("pullStoppedAt is missing".to_owned());
        }
        rungs.push(pull);
    }
    if before_start && !set_up_first {
        rungs.push(set_up());
    }
    let ran = started.is_some() || case.failure.flag("ran") == Some(true);
    let mut start = rung("started", if ran { State::Done } else { State::NotReached }, started);
    if ran && started.is_none() {
        start.note = Some("startedAt is missing, but a container has an exit code".to_owned());
    }
    rungs.push(start);
    if matches!(failed, Some("running" | "health_check" | "stop_request" | "host" | "spot" | "deployment")) {
        let mut step = rung(phase_name(failed.unwrap_or_default()), State::Failed, started);
        step.until = task.time("execution_stopped_at").or(ended);
        rungs.push(step);
    }
    if let Some(step) = rungs.iter_mut().find(|step| step.state == State::Failed && note.is_some()) {
        step.note = note.map(str::to_owned);
    }
    let state = if case.expected { State::Done } else { State::After };
    rungs.extend(task.time("stopping_at").map(|at| rung("stopping", state, Some(at))));
    rungs.extend(task.time("stopped_at").map(|at| rung("stopped", state, Some(at))));
    rungs
}

fn of_run(records: &Records<'_>, case: &Case) -> Result<Vec<Rung>, RunError> {
    let Some(job) = &case.submission else {
        let at = case.failure.time("time");
        return Ok(case.text("phase").map(|phase| rung(phase_name(phase), State::Failed, at)).into_iter().collect());
    };
    let events = records.of(Table::RunEvents, &equals("target_id", case.text("submission")))?;
    let reached =
        |status: &str| events.iter().find(|event| event.text("to_status") == Some(status)).and_then(|event| event.time("time"));
    let phase = case.text("phase");
    let ended = reached("terminating").or(job.time("finished_at"));
    let mut rungs = vec![rung("submitted", State::Done, job.time("submitted_at"))];
    // Each dstack status with the phases that can fail in it.
    let steps: &[(&str, &str, &[&str])] = &[
        ("provisioning", "provisioning", &["placement", "capacity", "network", "volume", "host"]),
        ("pulling", "image pull", &["image_pull"]),
        ("running", "running", &["running", "health_check", "stop_request", "spot"]),
    ];
    let mut failed = false;
    for (status, name, phases) in steps {
        let at = reached(status);
        let here = phase.is_some_and(|phase| phases.contains(&phase));
        let before =
            *status == "running" && matches!(phase, Some("container_create" | "container_start" | "config_fetch" | "logging"));
        if before {
            // The status RUNNING can include setup before the program starts.
            if at.is_some() {
                let mut step = rung("running (according to dstack)", State::Done, at);
                step.note = Some("the program had not started".to_owned());
                rungs.push(step);
            }
            rungs.push(rung(phase_name(phase.unwrap_or_default()), State::Failed, ended));
            rungs.push(rung("program started", State::NotReached, None));
            failed = true;
            continue;
        }
        let inferred = *status == "provisioning" && job.flag("provisioned") == Some(true);
        let state = match (here, failed) {
            (true, _) => State::Failed,
            (false, true) => State::NotReached,
            _ if at.is_some() || inferred => State::Done,
            // A program that ran does not imply a pull: the image may have been cached.
            _ if case.failure.flag("ran") == Some(true) && *status == "pulling" => continue,
            _ if case.failure.flag("ran") == Some(true) => State::Done,
            // Phases before the failed one were completed even without an event, except the image pull, because the image may
            // have been cached.
            _ if *status != "pulling" && phase.is_some_and(|phase| steps_before(phase).contains(status)) => State::Done,
            _ if *status == "pulling" && phase.is_some_and(|phase| steps_before(phase).contains(status)) => continue,
            _ => State::NotReached,
        };
        let mut step = rung(name, state, at);
        if state == State::Failed {
            step.until = ended;
            if phase.is_some_and(|phase| phase != *status && phase_name(phase) != *name) {
                step.note = phase.map(phase_name).map(str::to_owned);
            }
        }
        failed |= here;
        rungs.push(step);
    }
    if phase.is_none() {
        let last = rungs.iter_mut().rev().find(|step| step.state == State::Done);
        last.into_iter().for_each(|step| {
            step.state = State::Failed;
            step.note = Some(LAST_RECORDED.to_owned());
        });
    }
    rungs.extend(reached("terminating").map(|at| rung("terminating", State::After, Some(at))));
    rungs.extend(job.time("finished_at").map(|at| rung("finished", State::After, Some(at))));
    Ok(rungs)
}

/// The statuses that a job had completed before it failed in a phase.
fn steps_before(phase: &str) -> &'static [&'static str] {
    match phase {
        "image_pull" => &["provisioning"],
        "container_create" | "container_start" | "config_fetch" | "logging" | "running" | "health_check" | "spot" => {
            &["provisioning", "pulling"]
        }
        _ => &[],
    }
}
