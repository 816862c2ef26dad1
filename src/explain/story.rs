//! Timelines: every event of a task, run, service, deployment, instance, cluster, task definition or schedule, from all
//! sources. The timeline of a failure that belongs to none of these, such as a refused launch, is its event chain.

use super::chain::own_refused_calls;
use super::changes::with_people;
use super::describe;
use super::find::{Subject, SubjectKind, failures_of};
use super::finding::{Event, EventKind, in_order};
use super::gather::chain_of;
use super::losses::losses;
use super::records::{Records, Row, calls_of_task, equals, home_of, like_it, time, within};
use crate::rfc3339::instant;
use crate::run::RunError;
use crate::table::Table;
use jiff::Timestamp;
use serde::Serialize;

/// The shortest interval, in seconds, that counts as a gap.
const SHORTEST_GAP: f64 = 300.0;

/// The events of one subject and the length of each phase.
#[derive(Debug, Clone, Serialize)]
pub struct Story {
    /// The subject of the timeline.
    pub subject: Subject,
    /// The events, oldest first.
    pub events: Vec<Line>,
    /// The phases.
    pub phases: Vec<Phase>,
}

impl Story {
    /// Keeps only the events of some records. Phases describe the whole subject, so they stay.
    pub fn retain(&mut self, kept: impl Fn(&str) -> bool) {
        let events = std::mem::take(&mut self.events).into_iter().map(|line| line.event);
        self.events = lines(events.filter(|event| kept(&event.record)).collect());
    }
}

/// One event with the time since the previous one.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// Seconds since the previous event; none for the first.
    pub since_seconds: Option<f64>,
    /// Whether a gap precedes it: more than 5 minutes and a fifth of the timeline without events.
    pub gap: bool,
}

/// A phase with its length.
#[derive(Debug, Clone, Serialize)]
pub struct Phase {
    /// What happened between the two times.
    pub what: String,
    /// Start.
    #[serde(serialize_with = "instant")]
    pub from: Timestamp,
    /// End.
    #[serde(serialize_with = "instant")]
    pub until: Timestamp,
    /// Length in seconds.
    pub seconds: f64,
}

/// Builds the timeline of a subject, optionally since a time; none for a failure without recorded events.
pub fn story(records: &Records<'_>, subject: &Subject, since: Option<Timestamp>) -> Result<Option<Story>, RunError> {
    let Some(subject) = protagonist(records, subject)? else { return of_failure(records, subject) };
    let same = |column: &str| equals(column, Some(&subject.name));
    let there = subject.there();
    // A service or an instance may have years of events.
    let late = since.map_or_else(|| "true".to_owned(), |since| format!("\"time\" >= {}", time(since)));
    let mut events = Vec::new();
    let mut phases = Vec::new();
    match subject.kind {
        SubjectKind::Task => {
            let rows = task_events(records, &format!("{} and {there}", same("task")))?;
            events.extend(rows.iter().filter_map(describe::task));
            events.extend(calls(records, &format!("{} and read_only is not true", calls_of_task(&subject.name)))?);
            events.extend(calls(records, &own_refused_calls(&subject.name))?);
            phases.extend(rows.last().map(of_task).unwrap_or_default());
            events.extend(rows.last().map(moments).unwrap_or_default());
        }
        SubjectKind::Service => {
            let condition = format!("{} and {there} and {late}", same("service"));
            events.extend(of_tasks(records, &condition)?);
            events.extend(services(records, &condition)?);
            events.extend(calls(records, &format!("{condition} and read_only is not true"))?);
        }
        SubjectKind::Deployment => {
            let own_events = records.of(Table::ServiceEvents, &same("deployment"))?;
            events.extend(own_events.iter().filter_map(describe::service));
            events.extend(of_tasks(records, &same("started_by"))?);
            phases.extend(whole("deployment", &own_events));
            events.extend(update_before(records, &own_events)?);
        }
        SubjectKind::Instance => {
            let condition = format!("{} and {there}", same("container_instance"));
            events.extend(describe::instance_changes(&records.of(Table::InstanceEvents, &condition)?));
            let condition = format!("{condition} and {late}");
            events.extend(of_tasks(records, &condition)?);
            let names = "event_name in ('UpdateContainerAgent', 'RegisterContainerInstance', 'UpdateContainerInstancesState', \
                         'DeregisterContainerInstance')";
            events.extend(calls(records, &format!("{condition} and (failed or {names})"))?);
        }
        SubjectKind::Run | SubjectKind::Submission => {
            let (run_events, spans) = of_run(records, &subject)?;
            events.extend(run_events);
            phases.extend(spans);
        }
        SubjectKind::Family | SubjectKind::Cluster | SubjectKind::Schedule => {
            events.extend(failed(records, &subject)?);
            if subject.kind == SubjectKind::Cluster {
                let condition = format!("{} and {there} and event_type in ('WARN', 'ERROR') and {late}", same("cluster"));
                events.extend(services(records, &condition)?);
                let rows = records.of(Table::InstanceEvents, &format!("{} and {there}", same("cluster")))?;
                events.extend(describe::instance_changes(&rows));
            }
            if subject.kind != SubjectKind::Schedule {
                let whose = match subject.kind {
                    SubjectKind::Cluster => format!("{} and {there}", same("cluster")),
                    _ => format!("({} or {}) and {there}", same("family"), same("task_definition")),
                };
                let starts = "event_name in ('RunTask', 'StartTask')";
                let condition = format!("{whose} and read_only is not true and (failed or not {starts}) and {late}");
                events.extend(calls(records, &condition)?);
            }
        }
        SubjectKind::Failure => return of_failure(records, &subject),
    }
    events.extend(losses(records, &subject)?.iter().map(super::losses::Loss::event));
    events.retain(|event| since.is_none_or(|since| event.time >= since));
    phases.retain(|phase| since.is_none_or(|since| phase.until >= since));
    Ok(Some(Story { events: lines(with_people(records, in_order(events))?), phases, subject }))
}

/// The timeline of a failure that belongs to no other subject: its event chain.
fn of_failure(records: &Records<'_>, subject: &Subject) -> Result<Option<Story>, RunError> {
    let Some(failure) = failures_of(records, subject)?.into_iter().next() else { return Ok(None) };
    let events = chain_of(records, failure)?;
    Ok((!events.is_empty()).then(|| Story { events: lines(events), phases: Vec::new(), subject: subject.clone() }))
}

/// Failures of a subject that also appear in the timelines of its tasks.
fn failed(records: &Records<'_>, subject: &Subject) -> Result<Vec<Event>, RunError> {
    let event = |row: &Row| {
        let kind = row.text("kind")?;
        let is_listed = matches!(kind, "task" | "run" | "deployment");
        let name = row.text("task").or(row.text("service")).or(row.text("job")).unwrap_or("not named");
        let reason = row.text("reason").unwrap_or("no reason recorded");
        let what = format!("{kind} {name} failed: {reason}");
        let record = row.text("record")?.to_owned();
        is_listed.then_some(Event { time: row.time("time")?, kind: EventKind::Other, what, who: None, note: None, record })
    };
    Ok(failures_of(records, subject)?.iter().filter_map(event).collect())
}

/// The subject whose timeline contains a failure.
fn protagonist(records: &Records<'_>, subject: &Subject) -> Result<Option<Subject>, RunError> {
    if subject.kind != SubjectKind::Failure {
        return Ok(Some(subject.clone()));
    }
    let failures = failures_of(records, subject)?;
    let Some(failure) = failures.first() else { return Ok(None) };
    let deployment = failure.text("incident").and_then(|incident| incident.strip_prefix("deployment:"));
    let found = [
        (SubjectKind::Task, failure.text("task")),
        (SubjectKind::Run, failure.text("run_id")),
        (SubjectKind::Submission, failure.text("submission")),
        (SubjectKind::Deployment, deployment),
        (SubjectKind::Service, failure.text("service")),
        (SubjectKind::Instance, failure.text("container_instance")),
    ];
    let found = found.into_iter().find_map(|(kind, name)| Some((kind, name?)));
    let known = |column: &str| failure.text(column).map(str::to_owned);
    // The Region of a dstack job is that of its backend.
    let region = known("region").filter(|_| failure.text("account").is_some());
    Ok(found.map(|(kind, name)| Subject {
        kind,
        name: name.to_owned(),
        cluster: known("cluster"),
        account: known("account"),
        region,
    }))
}

fn calls(records: &Records<'_>, condition: &str) -> Result<Vec<Event>, RunError> {
    Ok(records.of(Table::Calls, condition)?.iter().filter_map(describe::call).collect())
}

fn services(records: &Records<'_>, condition: &str) -> Result<Vec<Event>, RunError> {
    Ok(records.of(Table::ServiceEvents, condition)?.iter().filter_map(describe::service).collect())
}

/// The states of tasks in order, without duplicates.
fn task_events(records: &Records<'_>, condition: &str) -> Result<Vec<Row>, RunError> {
    let statement_order = "version nulls first, \"time\"";
    let mut rows = records.some(Table::TaskEvents, condition, statement_order, 100_000)?;
    let mut seen = std::collections::BTreeSet::new();
    rows.retain(|row| {
        let state = ["task", "last_status", "desired_status"].map(|column| row.text(column).unwrap_or_default().to_owned());
        seen.insert((state, row.int("version"), row.time("time")))
    });
    Ok(rows)
}

fn of_tasks(records: &Records<'_>, condition: &str) -> Result<Vec<Event>, RunError> {
    Ok(task_events(records, condition)?.iter().filter_map(describe::task).collect())
}

/// The timestamps in the last state of a task, which add detail to its state events.
fn moments(task: &Row) -> Vec<Event> {
    let moments = [
        ("created_at", "created"),
        ("pull_started_at", "image pull began"),
        ("pull_stopped_at", "image pull ended"),
        ("started_at", "started"),
        ("stopping_at", "stopping"),
        ("execution_stopped_at", "containers stopped"),
    ];
    let moment = |(column, what): (&str, &str)| {
        let what = format!("task {}: {what}", task.text("task")?);
        let (time, record) = (task.time(column)?, task.text("id")?.to_owned());
        Some(Event { time, kind: EventKind::Other, what, who: None, note: None, record })
    };
    moments.into_iter().filter_map(moment).collect()
}

/// The phases of a task, from the times in its last state.
fn of_task(task: &Row) -> Vec<Phase> {
    let spans = [
        ("created → started", "created_at", "started_at"),
        ("image pull", "pull_started_at", "pull_stopped_at"),
        ("running", "started_at", "execution_stopped_at"),
        ("stopping → stopped", "stopping_at", "stopped_at"),
        ("whole", "created_at", "stopped_at"),
    ];
    spans.into_iter().filter_map(|(what, from, until)| phase(what, task.time(from)?, task.time(until)?)).collect()
}

fn whole(what: &str, rows: &[Row]) -> Option<Phase> {
    let times = || rows.iter().filter_map(|row| row.time("time"));
    phase(what, times().min()?, times().max()?)
}

fn phase(what: &str, from: Timestamp, until: Timestamp) -> Option<Phase> {
    let seconds = until.duration_since(from).as_secs_f64();
    (seconds >= 0.0).then(|| Phase { what: what.to_owned(), from, until, seconds })
}

/// The call that started a deployment: the last update of the service in the preceding minute.
fn update_before(records: &Records<'_>, events: &[Row]) -> Result<Option<Event>, RunError> {
    let Some(first) = events.iter().min_by_key(|row| row.time("time")) else { return Ok(None) };
    let Some(began) = first.time("time") else { return Ok(None) };
    let condition = format!(
        "{} and {} and {} and event_name in ('CreateService', 'UpdateService') and error_code is null and {}",
        equals("service", first.text("service")),
        like_it("cluster", first.text("cluster")),
        home_of(first),
        within(began, 60, began, 0)
    );
    let rows = records.some(Table::Calls, &condition, "\"time\" desc", 1)?;
    Ok(rows.first().and_then(describe::call))
}

/// The events and phases of a run or of one job submission.
fn of_run(records: &Records<'_>, subject: &Subject) -> Result<(Vec<Event>, Vec<Phase>), RunError> {
    let same = |column: &str| equals(column, Some(&subject.name));
    let jobs = format!(
        "{} or {} or {} or run_id in (select run_id from run_records where {})",
        same("submission"),
        same("job"),
        same("run_id"),
        same("run")
    );
    let mut rows = records.some(Table::JobSubmissions, &jobs, "submitted_at, last_processed_at desc nulls last", 10_000)?;
    let mut seen = std::collections::BTreeSet::new();
    rows.retain(|row| row.text("submission").is_none_or(|submission| seen.insert(submission.to_owned())));
    // Attempts that the server has pruned survive only in their events.
    let failed = format!("{} or {} or {}", same("submission"), same("job"), same("run"));
    let pruned = records.some(Table::Failures, &failed, "\"time\"", 10_000)?;
    let known = rows.iter().chain(&pruned);
    let mut ids: std::collections::BTreeSet<&str> = known.filter_map(|row| row.text("submission")).collect();
    if subject.kind == SubjectKind::Run {
        ids.extend(rows.iter().filter_map(|row| row.text("run_id")));
    }
    let mut events = Vec::new();
    let mut phases = Vec::new();
    let run_events = if ids.is_empty() {
        // The server deletes runs before their events, which still name the run and its jobs.
        let of_jobs =
            format!("target_type = 'job' and starts_with(target, {})", super::records::text(&format!("{}-", subject.name)));
        records.of(Table::RunEvents, &format!("{} or {} or ({of_jobs})", same("target_id"), same("target")))?
    } else {
        let list = ids.iter().map(|id| super::records::text(id)).collect::<Vec<_>>().join(", ");
        records.of(Table::RunEvents, &format!("target_id in ({list})"))?
    };
    events.extend(run_events.iter().filter_map(describe::run));
    if rows.is_empty() {
        let mut targets: std::collections::BTreeMap<&str, Vec<&Row>> = std::collections::BTreeMap::new();
        for event in &run_events {
            targets.entry(event.text("target_id").unwrap_or_default()).or_default().push(event);
        }
        for own in targets.values() {
            let name = own.first().and_then(|event| event.text("target")).unwrap_or("job");
            phases.extend(of_statuses(name, own));
        }
    }
    let mut attempts: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for row in &rows {
        let submission = row.text("submission");
        let job = row.text("job").unwrap_or("job");
        let attempt = attempts.entry(job).or_default();
        *attempt += 1;
        let several = rows.iter().filter(|other| other.text("job") == row.text("job")).count() > 1;
        let name = if several { format!("{job}, attempt {attempt},") } else { job.to_owned() };
        let own: Vec<&Row> = run_events.iter().filter(|event| event.text("target_id") == submission).collect();
        events.extend(describe::submission(row));
        if let Some(at) = row.time("submitted_at").filter(|_| own.is_empty()) {
            let what = format!("job {} submitted", row.text("job").unwrap_or("?"));
            let record = submission.unwrap_or_default().to_owned();
            events.push(Event { time: at, kind: EventKind::Other, what, who: None, note: None, record });
        }
        phases.extend(of_submission(row, &name, &own));
    }
    Ok((events, phases))
}

/// The time that a submission spent in each status.
fn of_submission(row: &Row, name: &str, events: &[&Row]) -> Vec<Phase> {
    let mut phases = of_statuses(name, events);
    let ends = row.time("submitted_at").zip(row.time("finished_at"));
    phases.extend(ends.and_then(|(from, until)| phase(&format!("{name} whole"), from, until)));
    phases
}

/// The time between one status and the next, according to the events.
fn of_statuses(name: &str, events: &[&Row]) -> Vec<Phase> {
    let statuses: Vec<(&str, Timestamp)> =
        events.iter().filter_map(|event| Some((event.text("to_status")?, event.time("time")?))).collect();
    let span = |pair: &[(&str, Timestamp)]| match pair {
        [(status, from), (_, until)] => phase(&format!("{name} {status}"), *from, *until),
        _ => None,
    };
    statuses.windows(2).filter_map(span).collect()
}

/// Adds the time since the previous event to each event.
fn lines(events: Vec<Event>) -> Vec<Line> {
    let length = events.first().zip(events.last()).map(|(first, last)| last.time.duration_since(first.time).as_secs_f64());
    let long = (length.unwrap_or_default() / 5.0).max(SHORTEST_GAP);
    let mut before: Option<Timestamp> = None;
    let line = |event: Event| {
        let since_seconds = before.map(|before| event.time.duration_since(before).as_secs_f64());
        before = Some(event.time);
        Line { gap: since_seconds.is_some_and(|seconds| seconds > long), since_seconds, event }
    };
    events.into_iter().map(line).collect()
}
