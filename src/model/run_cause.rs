//! Which job of a failed dstack run is to blame.

use super::submission::Submission;

/// What made a run fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The submission at this index.
    Submission(usize),
    /// The run's own termination reason: no job is to blame.
    Run,
    /// Nothing in the document tells.
    Unknown,
}

/// The root cause of a failed run: of the newest submissions of its jobs, without those that ended as
/// a consequence or as they should, the one that finished first. The order of jobs says nothing: the
/// master mostly is a victim.
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

/// `terminated_by_server` with a message that names more than the plan to start anew.
fn is_server_error(submission: &Submission<'_>) -> bool {
    submission.reason.as_deref() == Some("terminated_by_server")
        && submission
            .message
            .map(str::trim)
            .is_some_and(|message| !message.is_empty() && !message.starts_with("Run is to be resubmitted"))
}
