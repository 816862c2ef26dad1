//! dstack runs, separate job submissions, and events of the dstack server.
//!
//! In: a Run as exported (one document is one record), a job submission, or an event. Out: the row of the run, then
//! one per submission, then the failures. Snapshots of a run are kept separate: queries decide which is newest, and a
//! snapshot with fewer submissions removes none.

use super::dstack_resource::failure_of_event;
use super::failure::Classification;
use super::field::{Name, lower, name, text_at};
use super::run_cause::{Cause, root_cause};
use super::run_failure::{RunContext, failures_of};
use super::submission::Submission;
use super::time::time_at;
use super::{Modeled, Origin, Record, Refusal};
use crate::decode::json::Value;
use crate::table::{Failure, Row, RunEvent, RunRecord, Table};
use std::borrow::Cow;

/// Models a run with all submissions in the document.
pub fn model_run<'a>(run: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let mut record = read_run(run, origin);
    let Some(time) = record.run_processed_at.or(record.run_submitted_at) else {
        return Modeled::Refused(Refusal::missing_time_in(run, &["submitted_at", "last_processed_at"]));
    };
    let id: Cow<'a, str> = Cow::Owned(origin.content_id());
    record.id = Some(id.clone());
    record.time = Some(time);
    record.raw = origin.raw();
    let jobs: Vec<Value<'a>> = run.get("jobs").map(|jobs| jobs.items().collect()).unwrap_or_default();
    let mut submissions = Vec::new();
    for job in &jobs {
        let all: Vec<Value<'a>> = job.get("job_submissions").map(|all| all.items().collect()).unwrap_or_default();
        let newest = all.len().saturating_sub(1);
        submissions.extend(all.into_iter().enumerate().map(|(index, submission)| {
            let spec = job.get("job_spec");
            Submission::read(submission, spec, index == newest)
        }));
    }
    record.jobs = i64::try_from(jobs.len()).ok();
    record.submissions = i64::try_from(submissions.len()).ok();
    let failed = record.run_status.as_deref() == Some("failed");
    let cause = if failed { root_cause(&submissions, record.run_reason.as_deref()) } else { Cause::Unknown };
    record_cause(&mut record, &submissions, cause);
    let context = RunContext {
        record: &id,
        time,
        run: record.run.clone(),
        run_id: record.run_id.clone(),
        run_reason: record.run_reason.clone(),
        run_error: record.run_error.clone(),
        project: record.project.clone(),
        user: record.user.clone(),
        file: origin.file(),
        alone: false,
    };
    let failures = failures_of(&context, &submissions, cause);
    let mut rows = Vec::with_capacity(1 + submissions.len() + failures.len());
    rows.push(Row::from(record));
    for submission in submissions {
        rows.push(Row::from(submission.row(&context, origin)));
    }
    rows.extend(failures.into_iter().map(Row::from));
    Modeled::Record(Record { table: Table::RunRecords, id, account: None, time, rows })
}

fn read_run<'a>(run: Value<'a>, origin: Origin<'a>) -> RunRecord<'a> {
    let mut record =
        RunRecord { source: name("dstack"), file: origin.file(), record: Some(origin.record), ..RunRecord::default() };
    for (key, value) in run.entries() {
        let text = || value.text().and_then(name);
        match key {
            "id" => record.run_id = text(),
            "project_name" => record.project = text(),
            "user" => record.user = text(),
            "fleet" => record.fleet = text_at(value, "name"),
            "submitted_at" => record.run_submitted_at = super::time::time_of(value),
            "last_processed_at" => record.run_processed_at = super::time::time_of(value),
            "next_triggered_at" => record.next_triggered_at = super::time::time_of(value),
            "status" => record.run_status = value.text().and_then(lower),
            "status_message" => record.run_status_message = text(),
            "termination_reason" => record.run_reason = value.text().and_then(lower),
            "error" => record.run_error = text(),
            "deleted" => record.deleted = value.bool(),
            "deployment_num" => record.deployment_num = value.int(),
            "cost" => record.run_cost = value.float(),
            "run_spec" => {
                record.run = text_at(value, "run_name");
                let configuration = value.get("configuration");
                record.run_type = configuration.and_then(|configuration| text_at(configuration, "type"));
                let schedule = configuration.and_then(|configuration| configuration.get("schedule"));
                record.scheduled = Some(schedule.is_some_and(|schedule| !schedule.is_null()));
            }
            _ => {}
        }
    }
    record
}

fn record_cause<'a>(record: &mut RunRecord<'a>, submissions: &[Submission<'a>], cause: Cause) {
    match cause {
        Cause::Submission(index) => {
            if let Some(submission) = submissions.get(index) {
                record.cause_reason = submission.reason.clone();
                record.cause_exit_status = submission.exit_status;
                record.cause_message = submission.message.and_then(name);
            }
        }
        Cause::Run => record.cause_reason = record.run_reason.clone(),
        Cause::Unknown => {}
    }
}

/// Models a job submission without its run.
pub fn model_submission<'a>(submission: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let value = submission;
    // A row of the database has the names of run and job beside its own fields.
    let submission = Submission::read(value, Some(value), true);
    let Some(time) = submission.time() else {
        return Modeled::Refused(Refusal::missing_time_in(value, &["submitted_at", "last_processed_at", "finished_at"]));
    };
    let id: Cow<'a, str> = Cow::Owned(origin.content_id());
    let context = RunContext {
        run: text_at(value, "run_name"),
        run_id: text_at(value, "run_id"),
        project: text_at(value, "project_name"),
        ..RunContext::alone(&id, time, origin.file())
    };
    let submissions = [submission];
    let failures = failures_of(&context, &submissions, Cause::Submission(0));
    let [submission] = submissions;
    let mut rows = vec![Row::from(submission.row(&context, origin))];
    rows.extend(failures.into_iter().map(Row::from));
    Modeled::Record(Record { table: Table::JobSubmissions, id, account: None, time, rows })
}

/// Models one event of the dstack server.
pub fn model_run_event<'a>(event: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let Some(time) = time_at(event, "recorded_at") else {
        return Modeled::Refused(Refusal::missing_time_at(event, "recorded_at"));
    };
    let id = text_at(event, "id").unwrap_or_else(|| Cow::Owned(origin.content_id()));
    let target = event.get("targets").and_then(|targets| targets.items().next());
    let of_target = |key: &str| target.and_then(|target| text_at(target, key));
    let message = event.text_at("message").unwrap_or_default();
    let (from_status, to_status) = statuses(message);
    let mut failures = failures_of_event(event, &id, time, origin);
    let mut reason = termination_reason(message);
    if let Some(failure) =
        failure_of_event(event, (reason.clone(), reported_reason(message), to_status.clone()), (&*id, time), origin)
    {
        // A reason marks the events that the catalog can affect.
        reason = reason.or_else(|| failure.reason.clone());
        failures.push(failure);
    }
    let row = RunEvent {
        id: Some(id.clone()),
        time: Some(time),
        message: name(message),
        actor: text_at(event, "actor_user").or_else(|| text_at(event, "actor_user_id")),
        target_type: of_target("type"),
        target: of_target("name"),
        target_id: of_target("id"),
        project: of_target("project_name"),
        from_status,
        to_status,
        reason,
        source: name("dstack"),
        file: origin.file(),
        record: Some(origin.record),
        raw: origin.raw(),
    };
    let mut rows = vec![Row::from(row)];
    rows.extend(failures.into_iter().map(Row::from));
    Modeled::Record(Record { table: Table::RunEvents, id, account: None, time, rows })
}

/// The failure reported by an event: a job starts to terminate with an error reason. Attempts that the server has
/// pruned are only known from their events; if the run still has the submission, that one takes precedence.
fn failures_of_event<'a>(event: Value<'a>, id: &str, time: i64, origin: Origin<'a>) -> Vec<Failure<'a>> {
    let message = event.text_at("message").unwrap_or_default();
    let (Some(from), Some(reason)) = (statuses(message).0, termination_reason(message)) else { return Vec::new() };
    let targets = || event.get("targets").into_iter().flat_map(Value::items);
    let Some(job) = targets().find(|target| target.text_at("type") == Some("job")) else { return Vec::new() };
    let submission = Submission {
        id: job.text_at("id").filter(|id| !id.is_empty()),
        job: text_at(job, "name"),
        status: name("failed"),
        reason: Some(reason),
        message: reported_reason(message).or(Some("")),
        newest: true,
        ..Submission::default()
    };
    let context = RunContext {
        run: submission.job.as_deref().and_then(run_of_job).map(|run| Cow::Owned(run.to_owned())),
        project: text_at(job, "project_name"),
        user: text_at(event, "actor_user"),
        ..RunContext::alone(id, time, origin.file())
    };
    let mut failures = failures_of(&context, &[submission], Cause::Submission(0));
    for failure in &mut failures {
        failure.ran = failure.ran.or(Some(from == "running"));
        // The failed step is what the job was doing, unless the reason is more specific.
        if failure.phase.is_none() {
            Classification { phase: phase_of_status(&from), ..Classification::default() }.fill(failure);
        }
    }
    failures
}

/// The step that a status represents.
fn phase_of_status(status: &str) -> Option<&'static str> {
    Some(match status {
        "submitted" | "pending" => "capacity",
        "provisioning" => "host",
        "pulling" => "image_pull",
        "running" => "running",
        _ => return None,
    })
}

/// The run in a job name, `RUN-JOB-REPLICA`.
fn run_of_job(job: &str) -> Option<&str> {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (rest, replica) = job.rsplit_once('-')?;
    let (run, job) = rest.rsplit_once('-')?;
    (number(replica) && number(job) && !run.is_empty()).then_some(run)
}

/// The text in parentheses after the reason, or after the new status of a volume or gateway.
fn reported_reason(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("Termination reason: ").or_else(|| message.split_once(" -> "))?;
    let (_, text) = rest.split_once(" (")?;
    Some(text.trim_end().strip_suffix(')').unwrap_or(text))
}

/// The statuses in `… status changed A -> B…` and `… status: B`.
fn statuses(message: &str) -> (Name<'_>, Name<'_>) {
    let word = |text| first_word(text).and_then(lower);
    if let Some((from, to)) = message.split_once(" status changed ").and_then(|(_, change)| change.split_once(" -> ")) {
        return (word(from), word(to));
    }
    let created = message.split_once("Status: ").or_else(|| message.split_once(" status: "));
    (None, created.and_then(|(_, status)| word(status)))
}

fn termination_reason(message: &str) -> Name<'_> {
    first_word(message.split_once("Termination reason: ")?.1).and_then(lower)
}

fn first_word(text: &str) -> Option<&str> {
    text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')).next().filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests;
