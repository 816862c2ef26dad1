//! Failures of dstack jobs: one per submission that failed or was terminated for a reason other than a user request.
//!
//! The reason is kept as recorded; phase and `ran` reflect the evidence: if a container exited without an exit
//! status, the program did not exit.

use super::catalog::{Entry, FailureCatalog, JobEnd, signal};
use super::failure::Classification;
use super::field::{Name, name};
use super::run_cause::Cause;
use super::submission::Submission;
use crate::knowledge::Verdict;
use crate::table::Failure;
use std::borrow::Cow;

/// The data of a run that failures and submissions need.
#[derive(Debug, Default)]
pub(super) struct RunContext<'r, 'a> {
    pub record: &'r str,
    pub time: i64,
    pub run: Name<'a>,
    pub run_id: Name<'a>,
    pub run_reason: Name<'a>,
    pub run_error: Name<'a>,
    pub project: Name<'a>,
    pub user: Name<'a>,
    pub file: Name<'a>,
    /// Whether it is the context of a submission without its run.
    pub alone: bool,
}

impl<'r, 'a> RunContext<'r, 'a> {
    /// The context of a submission without its run.
    pub(super) fn alone(record: &'r str, time: i64, file: Name<'a>) -> Self {
        RunContext { record, time, file, alone: true, ..RunContext::default() }
    }
}

/// The failures of a run, in submission order.
pub(super) fn failures_of<'a>(context: &RunContext<'_, 'a>, submissions: &[Submission<'a>], cause: Cause) -> Vec<Failure<'a>> {
    let blamed = |index: usize| cause == Cause::Submission(index);
    let mut failures: Vec<Failure<'a>> = submissions
        .iter()
        .enumerate()
        .filter_map(|(index, submission)| match verdict(submission) {
            Verdict::No => None,
            Verdict::Yes => Some(of_submission(context, submission, false)),
            Verdict::Secondary => {
                let sole = blamed(index) && submission.message.is_some_and(|message| !message.trim().is_empty());
                Some(of_submission(context, submission, !sole))
            }
        })
        .collect();
    if cause == Cause::Run {
        failures.insert(0, of_run(context));
    }
    for (index, failure) in failures.iter_mut().enumerate() {
        failure.id = Some(Cow::Owned(match index {
            0 => context.record.to_owned(),
            _ => format!("{}#{}", context.record, index + 1),
        }));
    }
    failures
}

/// Whether a submission is a failure. For reasons of future releases, the status decides.
fn verdict(submission: &Submission<'_>) -> Verdict {
    let failed = submission.status.as_deref() == Some("failed");
    let known = submission.reason.as_deref().map(|reason| FailureCatalog::current().job_reason(reason));
    match known {
        Some(Some(known)) => known.verdict,
        _ if failed => Verdict::Yes,
        _ => Verdict::No,
    }
}

/// The entry that matches the end of a submission.
fn explanation(submission: &Submission<'_>) -> Option<&'static Entry> {
    let message = submission.message.unwrap_or_default();
    // Old records have no exit status field; an exit of the program then has an empty message.
    let exited_unrecorded = !submission.records_exit_status && message.is_empty();
    FailureCatalog::current().explain_job(JobEnd {
        reason: submission.reason.as_deref()?,
        message,
        exit_status: submission.exit_status.is_some() || exited_unrecorded,
        spot: submission.machine.spot,
        provisioned: submission.machine.provisioned,
    })
}

/// Phase and class of the end of a submission; `None` if it is not a failure.
pub(super) fn classify_end(submission: &Submission<'_>) -> Option<Classification> {
    if verdict(submission) == Verdict::No {
        return None;
    }
    let mut class = explanation(submission).map(Classification::of).unwrap_or_default();
    // Exit code 127 of a started program is a configuration error; -1 is a signal of unknown number.
    if let (Some("dstack-exited"), Some(code)) = (class.cause, submission.exit_status) {
        let known = FailureCatalog::current().exit_code(code);
        class.class = known.map(|known| known.class.as_str()).filter(|known| *known == "configuration").or(class.class);
    }
    Some(class)
}

fn of_submission<'a>(context: &RunContext<'_, 'a>, submission: &Submission<'a>, secondary: bool) -> Failure<'a> {
    let entry = explanation(submission);
    let exit_code = submission.exit_status.filter(|code| *code != 0);
    let message = submission.message.map(str::trim).and_then(name);
    let status_message = || submission.status_message.clone();
    let machine = &submission.machine;
    let mut failure = Failure {
        time: submission.time().or(Some(context.time)),
        ran: entry.and_then(|entry| entry.ran).or(exit_code.map(|_| true)),
        reason: submission.reason.clone().or_else(|| submission.status.clone()),
        message: message.or_else(|| submission.error.clone()).or_else(status_message).or(context.run_error.clone()),
        region: machine.region.clone(),
        exit_code,
        signal: exit_code.and_then(signal),
        image: submission.image.clone(),
        backend: machine.backend.clone(),
        job: submission.job.clone(),
        submission: submission.id.and_then(name),
        secondary: Some(secondary),
        incident: submission.id.map(|id| Cow::Owned(format!("submission:{id}"))),
        version: submission.last_processed_at.map(|time| time / 1_000_000),
        ..of_context(context)
    };
    classify_end(submission).unwrap_or_default().fill(&mut failure);
    failure
}

/// A run that failed without a failed job.
fn of_run<'a>(context: &RunContext<'_, 'a>) -> Failure<'a> {
    let reason = context.run_reason.as_deref().unwrap_or_default();
    let entry = FailureCatalog::current().explain_job(JobEnd { reason, ..JobEnd::default() });
    let mut failure = Failure {
        reason: context.run_reason.clone(),
        message: context.run_error.clone(),
        secondary: Some(false),
        incident: context.run_id.as_deref().map(|run| Cow::Owned(format!("run:{run}"))),
        version: Some(context.time / 1_000_000),
        ..of_context(context)
    };
    entry.map(Classification::of).unwrap_or_default().fill(&mut failure);
    failure
}

fn of_context<'a>(context: &RunContext<'_, 'a>) -> Failure<'a> {
    Failure {
        time: Some(context.time),
        kind: name("run"),
        user: context.user.clone(),
        project: context.project.clone(),
        run: context.run.clone(),
        run_id: context.run_id.clone(),
        source: name("dstack"),
        file: context.file.clone(),
        record: Some(Cow::Owned(context.record.to_owned())),
        ..Failure::default()
    }
}
