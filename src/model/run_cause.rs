//! Determines which job caused a dstack run to fail.

use super::submission::Submission;

/// The cause of a failed run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The submission at this index.
    Submission(usize),
    /// The termination reason of the run; no job caused it.
    Run,
    /// Unknown.
    Unknown,
}

/// The root cause of a failed run: of the newest submissions of its jobs, except those that succeeded or failed as a
/// consequence, the one that finished first. Job order is irrelevant: the master is usually a victim.
pub(super) fn root_cause(submissions: &[Submission<'_>], run_reason: Option<&str>) -> Cause {
    let newest = || submissions.iter().enumerate().filter(|(_, submission)| submission.newest);
    let culprit = newest()
        .filter(|(_, submission)| {
            let reason = submission.reason.as_deref();
            reason.is_some_and(|reason| !matches!(reason, "scaled_down" | "done_by_runner" | "terminated_by_server"))
        })
        .min_by_key(|(_, submission)| (submission.time().unwrap_or(i64::MAX), submission.replica, submission.job_num));
    let by_server = || newest().find(|(_, submission)| is_server_error(submission));
    match culprit.or_else(by_server) {
        Some((index, _)) => Cause::Submission(index),
        None if matches!(run_reason, Some("gateway_error" | "server_error")) => Cause::Run,
        None => Cause::Unknown,
    }
}

/// `terminated_by_server` with a message other than the plan to resubmit.
fn is_server_error(submission: &Submission<'_>) -> bool {
    submission.reason.as_deref() == Some("terminated_by_server")
        && submission
            .message
            .map(str::trim)
            .is_some_and(|message| !message.is_empty() && !message.starts_with("Run is to be resubmitted"))
}
