//! The phases that a task, launch or run completed, and the one where it failed.

use super::finding::{PhaseStep, State};
use super::gather::FailureContext;
use super::records::{Records, Row, equals};
use crate::run::RunError;
use crate::table::Table;
use jiff::Timestamp;

/// The phases with their times, and whether the program ever ran.
pub(super) fn phase_steps(records: &Records<'_>, case: &FailureContext) -> Result<(Vec<PhaseStep>, Option<bool>), RunError> {
    let recorded = case.failure.flag("ran");
    Ok(match (case.kind(), &case.task) {
        ("launch", _) => (of_launch(case), Some(false)),
        ("task", Some(task)) => {
            let ran = task_ran(case, task);
            (of_task(case, task, ran), ran)
        }
        ("run", _) => (of_run(records, case)?, recorded),
        ("agent", _) => (vec![phase_step("agent update", State::Failed, case.failure.time("time"))], recorded),
        // A service, a deployment or a refused call has one phase: where it failed.
        _ => {
            let at = case.failure.time("time");
            (case.text("phase").map(|phase| phase_step(phase_name(phase), State::Failed, at)).into_iter().collect(), recorded)
        }
    })
}

/// Whether the program of a task ran. A row that `--query` reduced has no version and may lack `startedAt`, too.
fn task_ran(case: &FailureContext, task: &Row) -> Option<bool> {
    let started = task.time("started_at").map(|_| true);
    started.or(case.failure.flag("ran")).or_else(|| task.int("version").map(|_| false))
}

fn phase_step(name: &str, state: State, at: Option<Timestamp>) -> PhaseStep {
    PhaseStep { name: name.to_owned(), state, at, until: None, note: None }
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

fn of_launch(case: &FailureContext) -> Vec<PhaseStep> {
    let at = case.failure.time("time");
    let phase = case.text("phase").unwrap_or("placement");
    let mut phase_steps = vec![phase_step("requested", State::Done, at), phase_step(phase_name(phase), State::Failed, None)];
    phase_steps.extend(["image pull", "started"].map(|name| phase_step(name, State::NotReached, None)));
    phase_steps
}

/// Note on a failed phase that is inferred from timestamps.
const LAST_RECORDED: &str = "last recorded step; no catalog entry matches the message";

/// The phase in which a task failed. A stop code without a matching catalog entry would only be a guess, so the phase is
/// inferred from the timestamps and marked as such.
fn failed_phase<'c>(case: &'c FailureContext, task: &Row) -> Option<(&'c str, Option<&'static str>)> {
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

fn of_task(case: &FailureContext, task: &Row, ran: Option<bool>) -> Vec<PhaseStep> {
    let (failed, note) = failed_phase(case, task).map_or((None, None), |(phase, note)| (Some(phase), note));
    let (pulling, pulled) = (task.time("pull_started_at"), task.time("pull_stopped_at"));
    let started = task.time("started_at");
    let mut phase_steps = vec![phase_step("created", State::Done, task.time("created_at"))];
    let placed = task.text("container_instance").is_some() || task.time("connectivity_at").is_some() || pulling.is_some();
    let is_placement = matches!(failed, Some("placement" | "capacity"));
    if is_placement {
        phase_steps.push(phase_step(failed.unwrap_or_default(), State::Failed, None));
    } else if placed || started.is_some() {
        let mut step = phase_step("placed", State::Done, task.time("connectivity_at"));
        step.note = task.text("container_instance").map(|instance| format!("on {instance}"));
        phase_steps.push(step);
    }
    // Setup before the first container appears only if it failed, at the time the task gave up.
    let ended = task.time("stopping_at").or(task.time("execution_stopped_at")).or(task.time("stopped_at"));
    let before_start = matches!(
        failed,
        Some("network" | "config_fetch" | "volume" | "logging" | "set-up" | "container_create" | "container_start")
    );
    let set_up = || phase_step(phase_name(failed.unwrap_or_default()), State::Failed, ended);
    let set_up_first = before_start && pulled.is_none() && !matches!(failed, Some("container_create" | "container_start"));
    if set_up_first {
        phase_steps.push(set_up());
    }
    // A failure before the image pull means that nothing was pulled, even if the record has pull times.
    let before_pull = matches!(failed, Some("placement" | "capacity" | "network" | "config_fetch"));
    // A container is created after its image was pulled or found on the instance, even if the record has no pull times. On
    // Fargate, volumes and log drivers are set up before the pull, on an instance when the container is created.
    let after_pull = match failed {
        Some("container_create" | "container_start") => true,
        Some("logging" | "volume") => task.text("launch_type").is_some_and(|launch_type| launch_type != "FARGATE"),
        _ => ran.is_none(),
    };
    let pull_state = match (failed, pulling, pulled) {
        (Some("image_pull"), ..) => State::Failed,
        _ if before_pull && started.is_none() => State::NotReached,
        (_, _, Some(_)) => State::Done,
        _ if ran == Some(true) => State::Done,
        _ if after_pull => State::NotRecorded,
        _ => State::NotReached,
    };
    if pull_state != State::Done || pulling.is_some() {
        let mut pull = phase_step("image pull", pull_state, pulling);
        pull.until = pulled;
        if pull_state == State::Failed && pulled.is_none() {
            pull.note = Some("pullStoppedAt is missing".to_owned());
        }
        phase_steps.push(pull);
    }
    if before_start && !set_up_first {
        phase_steps.push(set_up());
    }
    let reached = match ran {
        Some(true) => State::Done,
        Some(false) => State::NotReached,
        None => State::NotRecorded,
    };
    let mut start = phase_step("started", reached, started);
    if ran == Some(true) && started.is_none() {
        let exited = case.failure.int("exit_code").is_some() || task.int("exit_code").is_some();
        let why = if exited { "a container has an exit code" } else { "only a program that runs ends like this" };
        start.note = Some(format!("startedAt is missing, but {why}"));
    }
    phase_steps.push(start);
    if matches!(failed, Some("running" | "health_check" | "stop_request" | "host" | "spot" | "deployment")) {
        let mut step = phase_step(phase_name(failed.unwrap_or_default()), State::Failed, started);
        step.until = task.time("execution_stopped_at").or(ended);
        phase_steps.push(step);
    }
    if let Some(step) = phase_steps.iter_mut().find(|step| step.state == State::Failed && note.is_some()) {
        step.note = note.map(str::to_owned);
    }
    let state = if case.expected { State::Done } else { State::After };
    phase_steps.extend(task.time("stopping_at").map(|at| phase_step("stopping", state, Some(at))));
    phase_steps.extend(task.time("stopped_at").map(|at| phase_step("stopped", state, Some(at))));
    phase_steps
}

fn of_run(records: &Records<'_>, case: &FailureContext) -> Result<Vec<PhaseStep>, RunError> {
    let Some(job) = &case.submission else {
        let at = case.failure.time("time");
        return Ok(case.text("phase").map(|phase| phase_step(phase_name(phase), State::Failed, at)).into_iter().collect());
    };
    let events = records.of(Table::RunEvents, &equals("target_id", case.text("submission")))?;
    let reached =
        |status: &str| events.iter().find(|event| event.text("to_status") == Some(status)).and_then(|event| event.time("time"));
    let phase = case.text("phase");
    let ended = reached("terminating").or(job.time("finished_at"));
    let mut phase_steps = vec![phase_step("submitted", State::Done, job.time("submitted_at"))];
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
                let mut step = phase_step("running (according to dstack)", State::Done, at);
                step.note = Some("the program had not started".to_owned());
                phase_steps.push(step);
            }
            phase_steps.push(phase_step(phase_name(phase.unwrap_or_default()), State::Failed, ended));
            phase_steps.push(phase_step("program started", State::NotReached, None));
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
        let mut step = phase_step(name, state, at);
        if state == State::Failed {
            step.until = ended;
            if phase.is_some_and(|phase| phase != *status && phase_name(phase) != *name) {
                step.note = phase.map(phase_name).map(str::to_owned);
            }
        }
        failed |= here;
        phase_steps.push(step);
    }
    if phase.is_none() {
        let last = phase_steps.iter_mut().rev().find(|step| step.state == State::Done);
        last.into_iter().for_each(|step| {
            step.state = State::Failed;
            step.note = Some(LAST_RECORDED.to_owned());
        });
    }
    phase_steps.extend(reached("terminating").map(|at| phase_step("terminating", State::After, Some(at))));
    phase_steps.extend(job.time("finished_at").map(|at| phase_step("finished", State::After, Some(at))));
    Ok(phase_steps)
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
