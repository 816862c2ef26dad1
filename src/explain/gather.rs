//! Collects everything known about a failure.

use super::chain::{chain, never_placed};
use super::changes::changes_before;
use super::circumstances::{actions, checks, circumstances};
use super::exit::{describe_exit, oom};
use super::find::{Subject, SubjectKind, failures_of};
use super::finding::{Cause, Event, Fact, Finding, Summary, When};
use super::launch::{collision, launch};
use super::network::network;
use super::phases::phase_steps;
use super::records::{Records, Row, equals, like_it, text, within};
use super::{advice, arithmetic};
use crate::knowledge::InjectedContainer;
use crate::model::catalog::{Entry, FailureCatalog};
use crate::run::RunError;
use crate::table::Table;

/// A failure with the related rows.
pub(super) struct FailureContext {
    /// The failure.
    pub failure: Row,
    /// The last state of its task.
    pub task: Option<Row>,
    /// Its job submission.
    pub submission: Option<Row>,
    /// The call that failed.
    pub call: Option<Row>,
    /// Whether it ended as requested.
    pub expected: bool,
    /// What its container is, if it runs beside the program.
    pub beside: Option<&'static InjectedContainer>,
}

impl FailureContext {
    /// A column of the failure.
    pub(super) fn text(&self, column: &str) -> Option<&str> {
        self.failure.text(column)
    }

    /// Its kind.
    pub(super) fn kind(&self) -> &str {
        self.text("kind").unwrap_or_default()
    }

    /// Whether an exit code has the meaning that a container beside the program gives it: 125 to 192 are given by Docker,
    /// the shell and signals.
    pub(super) fn is_exit_of_container_beside(&self, code: i64) -> bool {
        self.beside.is_some() && !(125..=192).contains(&code)
    }

    /// The catalog entry that matches it.
    pub(super) fn entry(&self) -> Option<&'static Entry> {
        FailureCatalog::current().entry(self.text("cause")?)
    }
}

/// Explains the most important failure of a subject: the newest one that is not a consequence of another. Also returns the
/// number of other failures; none if nothing failed.
pub fn explain(records: &Records<'_>, subject: &Subject) -> Result<Option<(Finding, usize)>, RunError> {
    let failures = failures_of(records, subject)?;
    let others = failures.len().saturating_sub(1);
    let case = match failures.into_iter().next() {
        Some(failure) => case_of(records, failure)?,
        None if subject.kind == SubjectKind::Task => match ended_well(records, subject)? {
            Some(case) => case,
            None => return Ok(None),
        },
        None => return Ok(None),
    };
    Ok(Some((finding(records, &case)?, others)))
}

/// The events before and after a failure, oldest first.
pub(super) fn chain_of(records: &Records<'_>, failure: Row) -> Result<Vec<Event>, RunError> {
    let case = case_of(records, failure)?;
    chain(records, &case)
}

fn case_of(records: &Records<'_>, failure: Row) -> Result<FailureContext, RunError> {
    let task = match failure.text("task").filter(|_| failure.text("kind") == Some("task")) {
        Some(task) => last_state(records, task, failure.text("cluster"))?,
        None => None,
    };
    let submission =
        first(records, Table::JobSubmissions, "submission", failure.text("submission"), "last_processed_at desc nulls last")?;
    let call = call_of(records, &failure)?;
    let beside = beside_the_program(records, &failure)?;
    Ok(FailureContext { failure, task, submission, call, expected: false, beside })
}

/// The kind of the failed container, if AWS adds it or publishes it to run beside a program, and the task has others.
fn beside_the_program(records: &Records<'_>, failure: &Row) -> Result<Option<&'static InjectedContainer>, RunError> {
    let task = failure.text("task").filter(|_| failure.text("kind") == Some("task"));
    let (Some(task), Some(name)) = (task, failure.text("container")) else { return Ok(None) };
    let Some(known) = InjectedContainer::of(Some(name), failure.text("image")) else { return Ok(None) };
    let others = format!("{} and name <> {}", equals("task", Some(task)), text(name));
    Ok(records.any(Table::ContainerEvents, &others)?.then_some(known))
}

/// The call that failed. Searching at the time of the failure first avoids reading every call.
fn call_of(records: &Records<'_>, failure: &Row) -> Result<Option<Row>, RunError> {
    let at = failure.time("time").map(|at| within(at, 60, at, 60));
    let near = at.map(|near| format!("{} and {near}", equals("id", failure.text("call"))));
    let found = near.map(|near| records.some(Table::Calls, &near, "\"time\"", 1)).transpose()?;
    match found.unwrap_or_default().into_iter().next() {
        Some(call) => Ok(Some(call)),
        None => first(records, Table::Calls, "id", failure.text("call"), "\"time\""),
    }
}

fn first(records: &Records<'_>, table: Table, column: &str, value: Option<&str>, order: &str) -> Result<Option<Row>, RunError> {
    let Some(value) = value else { return Ok(None) };
    Ok(records.some(table, &equals(column, Some(value)), order, 1)?.into_iter().next())
}

fn last_state(records: &Records<'_>, task: &str, cluster: Option<&str>) -> Result<Option<Row>, RunError> {
    let condition = format!("{} and {}", equals("task", Some(task)), like_it("cluster", cluster));
    let order = "version desc nulls last, \"time\" desc nulls last";
    Ok(records.some(Table::TaskEvents, &condition, order, 1)?.into_iter().next())
}

/// A task that stopped without a failure, treated like one so that its end can be explained.
fn ended_well(records: &Records<'_>, subject: &Subject) -> Result<Option<FailureContext>, RunError> {
    let Some(task) = last_state(records, &subject.name, subject.cluster.as_deref())? else { return Ok(None) };
    if task.text("last_status") != Some("STOPPED") {
        return Ok(None);
    }
    let mut failure = Row::default();
    failure.set("kind", "task");
    for (from, to) in [
        ("id", "id"),
        ("time", "time"),
        ("stopped_at", "time"),
        ("stop_code", "reason"),
        ("stopped_reason", "message"),
        ("exit_container", "container"),
        ("exit_code", "exit_code"),
        ("images", "image"),
    ] {
        failure.copy(&task, from, to);
    }
    for name in ["account", "region", "cluster", "service", "family", "task_definition", "task", "container_instance"] {
        failure.copy(&task, name, name);
    }
    for name in ["launch_type", "capacity_provider", "started_by", "group"] {
        failure.copy(&task, name, name);
    }
    Ok(Some(FailureContext { failure, task: Some(task), submission: None, call: None, expected: true, beside: None }))
}

fn finding(records: &Records<'_>, case: &FailureContext) -> Result<Finding, RunError> {
    let (phases, ran) = phase_steps(records, case)?;
    let entry = case.entry();
    let chain = chain(records, case)?;
    let launch = launch(records, case)?;
    let changes = if case.expected { None } else { changes_before(records, &case.failure)? };
    let network = if case.expected { None } else { network(records, case)? };
    let circumstances = circumstances(records, case, launch.as_ref(), network.as_ref(), changes.as_ref())?;
    let mut notes = describe_exit(case, ran, &chain);
    notes.extend(never_placed(records, case, &chain)?);
    notes.extend(circumstances.notes);
    let known = entry.filter(|_| !case.expected);
    let mut verify = known.map(|entry| advice::verify(case, entry)).unwrap_or_default();
    verify.extend(checks(&circumstances.look, |template| advice::place(case, template)));
    let general = known.map(|entry| advice::actions(case, entry)).unwrap_or_default();
    let response =
        if case.expected { None } else { circumstances.response.or_else(|| advice::response(entry, case.text("class"))) };
    Ok(Finding {
        id: case.text("id").unwrap_or_default().to_owned(),
        kind: case.kind().to_owned(),
        expected: case.expected,
        failure: summary(case),
        place: place(records, case)?,
        when: when(case),
        phases,
        ran,
        notes,
        cause: cause(case, entry),
        launch,
        collision: collision(records, case)?,
        changes,
        calculation: arithmetic::calculate(records, case)?,
        verify,
        actions: actions(&circumstances.actions, general, network.as_ref()),
        preventive: known.map(|entry| advice::preventive(case, entry)).unwrap_or_default(),
        network,
        response,
        chain,
    })
}

fn summary(case: &FailureContext) -> Summary {
    let definition = case.text("task_definition").or(case.text("family"));
    let of = |name: Option<&str>| name.map(|name| format!(" of {name}")).unwrap_or_default();
    let what = match case.kind() {
        "launch" => {
            let call = case.call.as_ref();
            let counts = call.and_then(|call| Some((call.int("placed")?, call.int("asked")?)));
            let counts = counts.map(|(placed, asked)| format!(" placed {placed} of {asked} tasks")).unwrap_or_default();
            format!("{}{}{counts}", case.text("event_name").unwrap_or("RunTask"), of(definition))
        }
        "api_error" => format!("{} was refused", case.text("event_name").unwrap_or("a call")),
        "task" if case.expected && case.failure.int("exit_code") == Some(0) => {
            format!("task{} exited with code 0", of(definition))
        }
        "task" if case.expected => format!("task{} stopped as requested", of(definition)),
        "task" => format!("task{} stopped", of(definition)),
        "service" => {
            let aside = if case.failure.flag("secondary") == Some(true) { ", a consequence of earlier failures" } else { "" };
            format!("service {} reported a problem{aside}", case.text("service").unwrap_or("(not named)"))
        }
        "deployment" => {
            let aside = if case.failure.flag("secondary") == Some(true) { ", a consequence of earlier failures" } else { "" };
            format!("deployment{} failed{aside}", of(case.text("service")))
        }
        "agent" => {
            format!("agent update on container instance {} failed", case.text("container_instance").unwrap_or("(not named)"))
        }
        "run" => {
            let name = case.text("job").or(case.text("run")).unwrap_or("(not named)");
            let status = case.submission.as_ref().and_then(|row| row.text("status")).unwrap_or("failed");
            let aside = if case.failure.flag("secondary") == Some(true) { ", a consequence of another failure" } else { "" };
            format!("job {name} {status}{aside}")
        }
        "resource" => format!("{} failed", case.text("event_name").unwrap_or("a resource")),
        other => other.to_owned(),
    };
    let message = case.text("message").filter(|message| Some(*message) != case.text("reason"));
    Summary { what, reason: case.text("reason").map(str::to_owned), message: message.map(str::to_owned) }
}

fn place(records: &Records<'_>, case: &FailureContext) -> Result<Vec<Fact>, RunError> {
    let mut facts: Vec<Fact> = Vec::new();
    let mut add = |name: &'static str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.push(Fact { name, value: value.to_owned() });
        }
    };
    let task = case.task.as_ref();
    let job = case.submission.as_ref();
    let incident = case.text("incident").and_then(|incident| incident.strip_prefix("deployment:"));
    let instance = case.text("container_instance");
    let known = first(records, Table::InstanceEvents, "container_instance", instance, "\"time\" desc")?;
    let known = known.as_ref();
    add("account", case.text("account"));
    add("project", case.text("project"));
    add("backend", case.text("backend"));
    add("region", case.text("region"));
    add("availability zone", task.and_then(|task| task.text("availability_zone")));
    add("cluster", case.text("cluster"));
    add("service", case.text("service"));
    add("deployment", incident);
    add("task definition", case.text("task_definition").or(case.text("family")));
    // A refused launch has no task; any task that its call placed is a different one.
    add("task", case.text("task").filter(|_| case.kind() != "launch"));
    add("container", case.text("container"));
    add("launch type", case.text("launch_type"));
    add("capacity provider", case.text("capacity_provider"));
    add("container instance", instance);
    add("EC2 instance", known.and_then(|known| known.text("ec2_instance")));
    add("instance type", known.and_then(|known| known.text("instance_type")).or(job.and_then(|job| job.text("instance_type"))));
    add("run", case.text("run"));
    add("job", case.text("job"));
    add("submission", case.text("submission"));
    add("instance", job.and_then(|job| job.text("instance")));
    let gpus = job.and_then(|job| Some((job.int("gpus").filter(|gpus| *gpus > 0)?, job.text("gpu")?)));
    let gpus = gpus.map(|(count, gpu)| format!("{count} × {gpu}"));
    add("GPU", gpus.as_deref());
    add("image", case.text("image").or(task.and_then(|task| task.text("images"))));
    add("started by", case.text("started_by"));
    add("caller", case.text("user"));
    Ok(facts)
}

fn when(case: &FailureContext) -> When {
    let at = case.failure.time("time");
    let created = case.task.as_ref().and_then(|task| task.time("created_at"));
    let began = created.or(case.submission.as_ref().and_then(|job| job.time("submitted_at")));
    let lasted_seconds = at.zip(began).map(|(at, began)| at.duration_since(began).as_secs_f64()).filter(|lasted| *lasted >= 0.0);
    When { at, began, lasted_seconds }
}

fn cause(case: &FailureContext, entry: Option<&Entry>) -> Cause {
    let known = |column: &str| case.text(column).map(str::to_owned);
    let mut cause = Cause {
        id: entry.map(|entry| entry.id.clone()),
        title: entry.map(|entry| entry.name.clone()),
        meaning: entry.map(|entry| entry.cause.clone()),
        class: known("class"),
        category: known("category"),
        wording: entry.map(|entry| entry.confidence.clone()),
    };
    // The exit code is more specific than the general entry.
    let code = case.failure.int("exit_code");
    if let Some(code) = code.filter(|_| !oom(case))
        && let Some(exit) = FailureCatalog::current().exit_code(code)
    {
        let name = if case.is_exit_of_container_beside(code) { String::new() } else { format!(": {}", exit.name) };
        cause.title = cause.title.map(|title| format!("{title}, exit {code}{name}"));
        if entry.is_some_and(|entry| advice::own_exit(case, entry).is_some()) {
            let whose = case.text("container").map(|name| format!(" {name}")).unwrap_or_default();
            let images = case.task.as_ref().and_then(|task| task.text("images")).unwrap_or_default();
            cause.meaning = Some(match images.split_whitespace().count() {
                0 | 1 => format!("The essential container{whose} exited with code {code}, which stopped the task."),
                // Events name no essential containers, and containers that ECS stopped have exit codes, too.
                count => format!(
                    "The container{whose} exited with code {code}. An essential container stopped the task; the record does not say \
                     which of its {count} containers are essential, or which one stopped first."
                ),
            });
        }
    }
    cause
}
