//! Looks up a text in the catalog, even if its kind is unknown.
//!
//! In: a text, and its kind if known. Out: a [`Finding`], with the part of the text that it is about, and advice with the names from
//! that part.

use super::launch_failures::launch_failures;
use super::printed_error::{begins_with_code, printed_error};
use super::{FailureCatalog, JobEnd, wrapper};
use crate::knowledge::{self, Entry, TextKind, Verdict};
use std::borrow::Cow;

/// The maximum number of wrappers of dstack that are opened: a line of a log, what it is about, an error, and its constructor.
const MOST_WRAPPERS: usize = 5;

/// How a text was interpreted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// A message of this kind.
    As(TextKind),
    /// A termination reason of a dstack job or run, as opposed to a message.
    TerminationReason,
}

impl Read {
    /// Its display name.
    pub const fn name(self) -> &'static str {
        match self {
            Read::As(kind) => kind.name(),
            Read::TerminationReason => "termination_reason",
        }
    }
}

/// The result of a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding<'c> {
    /// An entry matches.
    Failure(Read, &'c Entry),
    /// The text is benign; the name of the matching entry.
    Benign(Read, &'c str),
    /// Nothing matches.
    Unknown,
}

/// A finding with the text that was looked up: what a tool printed around an error is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup<'c, 't> {
    /// The result.
    pub finding: Finding<'c>,
    /// The text that matches; names are captured from it.
    pub text: Cow<'t, str>,
}

impl Finding<'_> {
    /// Whether it says more than the kind of a failure.
    fn is_specific(self) -> bool {
        match self {
            Finding::Failure(_, entry) => entry.confidence != "kind_only",
            Finding::Benign(..) => true,
            Finding::Unknown => false,
        }
    }
}

impl Entry {
    /// The phase of a failure with this message: a rejected call failed at the call, whatever its message is about,
    /// and a fault that Docker reports from several calls failed in the one that the message names.
    pub fn phase_in(&self, kind: TextKind, text: &str) -> &str {
        if kind == TextKind::ApiError { "api" } else { wrapper::phase(&self.stage, text) }
    }
}

impl Read {
    /// The phase of an entry for a text with this interpretation.
    pub fn phase_of<'e>(self, entry: &'e Entry, text: &str) -> &'e str {
        match self {
            Read::As(kind) => entry.phase_in(kind, text),
            Read::TerminationReason => &entry.stage,
        }
    }
}

impl FailureCatalog {
    /// Looks up a text. Without a kind, all kinds are tried: entries in their order, then the messages of dstack.
    pub fn look_up(&self, kind: Option<TextKind>, text: &str) -> Finding<'_> {
        self.look_into(kind, text).finding
    }

    /// Looks up a text, also within what tools print around it.
    pub fn look_into<'t>(&self, kind: Option<TextKind>, text: &'t str) -> Lookup<'_, 't> {
        self.look_within(kind, text, 0)
    }

    /// Looks up what is left of a text after so many wrappers of dstack.
    fn look_within<'t>(&self, kind: Option<TextKind>, text: &'t str, wrappers: usize) -> Lookup<'_, 't> {
        let mut text = text.trim();
        if kind.is_none_or(|kind| kind == TextKind::RunMessage) {
            let change = status_change(text);
            let (reason, message) = change.unwrap_or((text, ""));
            if let Some(finding) = self.look_up_reason(reason, message) {
                let text = Cow::Borrowed(if message.is_empty() { text } else { message });
                return Lookup { finding, text };
            }
            // Termination reasons of instances are not those of jobs; their messages are more specific anyway.
            text = change.map_or(text, |(reason, message)| if message.is_empty() { reason } else { message });
            if let Some(found) = self.look_up_wrapped(kind, text, wrappers) {
                return found;
            }
        }
        if kind == Some(TextKind::RunMessage) {
            return self.look_up_message(text);
        }
        let is_answer = kind.is_none_or(|kind| matches!(kind, TextKind::ApiFailure | TextKind::ApiError));
        if let Some(found) = is_answer.then(|| self.look_up_launch(text)).flatten() {
            return found;
        }
        let of_tool = printed_error(text);
        let is_call = |error: &str, refusal: bool| match kind {
            Some(kind) => kind == TextKind::ApiError,
            None => refusal || is_of_api(error),
        };
        if let Some(error) = of_tool.as_ref().filter(|error| is_call(&error.text, error.refusal)) {
            let finding = self.look_up_call(&error.text);
            let may_be_of_cloud = kind.is_none() && !finding.is_specific() && knowledge::quotes_call_of_dstack(text);
            if let Some(entry) = may_be_of_cloud.then(|| self.telling_job_entry(text)).flatten() {
                return Lookup { finding: Finding::Failure(Read::As(TextKind::RunMessage), entry), text: Cow::Borrowed(text) };
            }
            if error.refusal || finding != Finding::Unknown {
                return Lookup { finding, text: Cow::Owned(error.text.clone()) };
            }
        }
        let of_kind = |text: &str| match kind {
            Some(kind) => self.look_up_as(kind, text),
            None => self.look_up_all(text),
        };
        let finding = of_kind(text);
        let Some(error) = of_tool.filter(|_| finding == Finding::Unknown) else {
            return Lookup { finding, text: Cow::Borrowed(text) };
        };
        let finding = match of_kind(&error.text) {
            // Whatever the kind, the form of a refused call shows what happened.
            Finding::Unknown if error.refusal => self.look_up_call(&error.text),
            finding => finding,
        };
        Lookup { finding, text: Cow::Owned(error.text) }
    }

    /// A message of dstack, which may quote a call that dstack made to a cloud.
    fn look_up_message<'t>(&self, text: &'t str) -> Lookup<'_, 't> {
        let finding = self.look_up_as(TextKind::RunMessage, text);
        let refused = (finding == Finding::Unknown).then(|| printed_error(text)).flatten().filter(|error| error.refusal);
        match refused {
            Some(error) => Lookup { finding: self.look_up_call(&error.text), text: Cow::Owned(error.text) },
            None => Lookup { finding, text: Cow::Borrowed(text) },
        }
    }

    /// The first known reason in an answer that a program printed.
    fn look_up_launch<'t>(&self, text: &'t str) -> Option<Lookup<'_, 't>> {
        launch_failures(text).into_iter().find_map(|reason| match self.look_up_as(TextKind::ApiFailure, reason) {
            Finding::Unknown => None,
            finding => Some(Lookup { finding, text: Cow::Borrowed(reason) }),
        })
    }

    /// The error of a refused call. Without an error code it may be a text of another kind: CloudFormation reports a deployment that
    /// it waited for in the same form.
    fn look_up_call(&self, error: &str) -> Finding<'_> {
        match self.look_up_as(TextKind::ApiError, error) {
            Finding::Failure(_, entry) if !entry.applies_to.contains(&TextKind::ApiError) && !begins_with_code(error) => {
                let kind = kinds_of(error).into_iter().find(|kind| entry.applies_to.contains(kind));
                Finding::Failure(Read::As(kind.unwrap_or(TextKind::ApiError)), entry)
            }
            finding => finding,
        }
    }

    /// Looks up what a wrapper of dstack holds: an entry for the message with its reason, else one for the message, else one
    /// for the reason.
    fn look_up_wrapped<'t>(&self, kind: Option<TextKind>, text: &'t str, wrappers: usize) -> Option<Lookup<'_, 't>> {
        if wrappers == MOST_WRAPPERS {
            return None;
        }
        let by_code = |code: &'t str, message: &'t str| {
            let text = Cow::Borrowed(if message.is_empty() { code } else { message });
            self.look_up_reason(code, message).map(|finding| Lookup { finding, text })
        };
        let by_message = |message: &'t str| self.look_within(kind, message, wrappers + 1);
        knowledge::unwrapped(text).find_map(|inner| {
            let found = match (inner.code, inner.message) {
                (Some(code), None) => by_code(code, "")?,
                (None, Some(message)) => by_message(message),
                (Some(code), Some(message)) => {
                    let of_code = by_code(code, message)?;
                    let is_by_code = matches!(of_code.finding, Finding::Failure(_, entry) if entry.patterns.is_empty());
                    let of_message = is_by_code.then(|| by_message(message));
                    of_message.filter(|found| found.finding != Finding::Unknown).unwrap_or(of_code)
                }
                (None, None) => return None,
            };
            (found.finding != Finding::Unknown).then_some(found)
        })
    }

    fn look_up_as(&self, kind: TextKind, text: &str) -> Finding<'_> {
        if let Some(benign) = self.benign_as(kind, text) {
            return Finding::Benign(Read::As(kind), &benign.id);
        }
        let entry = match kind {
            TextKind::RunMessage => self.job_entries(text).into_iter().next(),
            kind => self.explain(kind, text),
        };
        entry.map_or(Finding::Unknown, |entry| Finding::Failure(Read::As(kind), entry))
    }

    /// The dstack entries with a pattern that matches a message, else those with the message as an example. Entries
    /// that match any message depend on the termination reason, which a text alone does not have.
    fn job_entries(&self, text: &str) -> Vec<&Entry> {
        let found = self.job_texts.matches(text).filter(|index| self.job_texts.captures(*index, "?").is_none());
        let found: Vec<&Entry> = found.filter_map(|index| self.entries.get(index)).collect();
        let is_example = |entry: &&Entry| entry.examples.iter().any(|example| example.eq_ignore_ascii_case(text));
        let of_jobs = self.entries.iter().filter(|entry| !entry.reasons.is_empty());
        let found = if found.is_empty() { of_jobs.filter(is_example).collect() } else { found };
        let knows_more = found.first().is_some_and(|entry| !entry.generic);
        match self.explain_engine(text).filter(|_| !knows_more) {
            Some(of_engine) => vec![of_engine],
            None => found,
        }
    }

    /// The first dstack entry for a message of unknown kind: everyday words say nothing without the kind.
    fn telling_job_entry(&self, text: &str) -> Option<&Entry> {
        self.job_entries(text).into_iter().find(|entry| !entry.strict)
    }

    /// The first entry in catalog order for any kind; messages of dstack come last.
    fn look_up_all(&self, text: &str) -> Finding<'_> {
        let of_dstack = knowledge::is_of_dstack(text).then(|| self.telling_job_entry(text)).flatten();
        let may_be_strict = is_of_api(text);
        let fits = |entry: &&Entry| may_be_strict || !entry.strict;
        let of_texts = || self.texts.matches(text).filter_map(|index| self.entries.get(index)).find(fits);
        let entry = of_dstack.or_else(of_texts).or_else(|| self.telling_job_entry(text));
        let kinds = kinds_of(text);
        let benign = kinds.iter().find_map(|kind| Some((*kind, self.benign_as(*kind, text)?)));
        match (entry, benign) {
            // A benign message of one kind may be a failure in another.
            (entry, Some((kind, benign))) if entry.is_none_or(|entry| entry.applies_to.contains(&kind)) => {
                Finding::Benign(Read::As(kind), &benign.id)
            }
            (Some(entry), _) => {
                let kind = kinds.into_iter().find(|kind| entry.applies_to.contains(kind));
                kind.map_or(Finding::Unknown, |kind| Finding::Failure(Read::As(kind), entry))
            }
            (None, _) => Finding::Unknown,
        }
    }

    /// A dstack termination reason represents a job that ended without a message, so an exit of the container is one
    /// of the program.
    fn look_up_reason(&self, reason: &str, message: &str) -> Option<Finding<'_>> {
        let reason = reason.to_ascii_lowercase();
        match self.job_reason(&reason) {
            Some(known) if known.verdict == Verdict::No => {
                return Some(Finding::Benign(Read::TerminationReason, &known.name));
            }
            Some(_) => {}
            None => {
                self.run_reason(&reason)?;
            }
        }
        let exit_status = message.is_empty();
        let entry = self.explain_job(JobEnd { reason: &reason, message, exit_status, ..JobEnd::default() });
        entry.map(|entry| Finding::Failure(Read::TerminationReason, entry))
    }
}

/// The possible kinds of a text, likeliest first: services start their messages with their name.
fn kinds_of(text: &str) -> Vec<TextKind> {
    let of_service = text.trim_start_matches('(').starts_with("service ");
    let first = of_service.then_some(TextKind::ServiceEvent);
    first.into_iter().chain(TextKind::ALL).collect()
}

/// The reason and the message of a dstack event: `Job status changed RUNNING -> TERMINATING. Termination reason:
/// EXECUTOR_ERROR (prepareVolumes error: …)`.
fn status_change(text: &str) -> Option<(&str, &str)> {
    let (change, rest) = text.split_once(". Termination reason: ")?;
    let (_, statuses) = change.split_once(" status changed ")?;
    let reason = rest.split_once(" (").map_or(rest, |(reason, _)| reason);
    let message = rest.split_once(" (").and_then(|(_, message)| message.trim_end().strip_suffix(')'));
    (statuses.contains(" -> ") && !reason.contains(' ')).then_some((reason, message.unwrap_or_default()))
}

/// Whether a text starts with the error code of an API. Errors of tasks and containers have the same form, but end with
/// `Error` or are stop codes.
fn is_of_api(text: &str) -> bool {
    let code = text.split_once(':').map_or("", |(code, _)| code);
    begins_with_code(text) && (!code.ends_with("Error") || code == "ValidationError") && !knowledge::is_stop_text(text)
}

/// How the lines of advice begin that are commands.
pub const PROGRAMS: [&str; 3] = ["aws ", "dstack ", "docker "];

/// Lines of advice with the captured values. A sentence about a value that the text does not have says nothing, so it is left out; a
/// command marks the value as `NAME`, as commands do with all that their reader has to fill in.
pub fn filled_lines(lines: &[String], fields: &[(String, &str)]) -> Vec<String> {
    let is_known = |name: &&str| fields.iter().any(|(field, _)| field == *name);
    let is_command = |line: &str| PROGRAMS.iter().any(|program| line.starts_with(program));
    let is_filled = |line: &&String| is_command(line) || names_in(line).iter().all(is_known);
    lines.iter().filter(is_filled).map(|line| filled(line, fields)).collect()
}

/// Replaces every `{name}` in advice with the captured value, quoted for a shell if necessary: the value comes from a
/// log, and the advice may be pasted into a terminal. A missing value is shown as `NAME`.
pub fn filled(advice: &str, fields: &[(String, &str)]) -> String {
    let mut out = String::with_capacity(advice.len());
    let mut rest = advice;
    while let Some((before, name, after)) = next_name(rest) {
        out.push_str(before);
        // Inside quotes of the advice, additional quotes would not be effective.
        let in_quotes = ['\'', '"'].into_iter().any(|quote| out.matches(quote).count() % 2 == 1);
        match fields.iter().find(|(field, _)| field == name) {
            Some((_, value)) if is_plain(value) => out.push_str(value),
            Some((_, value)) if !in_quotes => out.push_str(&format!("'{}'", value.replace('\'', r"'\''"))),
            _ => out.push_str(&name.to_ascii_uppercase()),
        }
        rest = after;
    }
    out + rest
}

/// The names in braces in advice.
pub(super) fn names_in(advice: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = advice;
    while let Some((_, name, after)) = next_name(rest) {
        names.push(name);
        rest = after;
    }
    names
}

/// The text before the first `{name}`, the name, and the rest.
fn next_name(text: &str) -> Option<(&str, &str, &str)> {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    text.match_indices('{').find_map(|(at, _)| {
        let before = text.get(..at)?;
        let (name, after) = text.get(at + 1..)?.split_once('}')?;
        // `${name}` belongs to a shell.
        (is_name(name) && !before.ends_with('$')).then_some((before, name, after))
    })
}

/// Whether a shell accepts a value without quotes.
fn is_plain(value: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:@%+=,".contains(letter);
    !value.is_empty() && value.chars().all(plain) && !value.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_filled_in_and_safe_to_paste() {
        let fields = [("image".to_owned(), "web:1.2"), ("name".to_owned(), "x; rm -rf ~'")];
        assert_eq!(filled("docker pull {image}", &fields), "docker pull web:1.2");
        assert_eq!(filled("id {name}!", &fields), r"id 'x; rm -rf ~'\'''!");
        assert_eq!(filled("sh -c 'id {name}' {image}", &fields), "sh -c 'id NAME' web:1.2");
        assert_eq!(filled("echo \"{name}\"", &fields), "echo \"NAME\"");
        assert_eq!(filled("--secret {secret_id}", &fields), "--secret SECRET_ID");
        assert_eq!(filled("-f '{{.State.Error}}' ${image} {a: b} {", &fields), "-f '{{.State.Error}}' ${image} {a: b} {");
        assert_eq!(filled("{image", &fields), "{image");
        assert_eq!(names_in("{a} {b_c} {D} ${e}"), ["a", "b_c"]);
    }

    #[test]
    fn a_sentence_without_its_value_is_left_out() {
        let lines = ["The text: {detail}", "aws ecs describe-tasks --tasks {task}", "Read it"].map(str::to_owned);
        assert_eq!(filled_lines(&lines, &[]), ["aws ecs describe-tasks --tasks TASK", "Read it"]);
        let fields = [("detail".to_owned(), "so it is")];
        assert_eq!(filled_lines(&lines[..1], &fields), ["The text: 'so it is'"]);
    }

    #[test]
    fn a_refused_call_failed_at_the_api() {
        let catalog = FailureCatalog::builtin();
        let phase = |kind, text| match catalog.look_up(kind, text) {
            Finding::Failure(read, entry) => read.phase_of(entry, text).to_owned(),
            other => format!("{other:?}"),
        };
        let text = "InvalidParameterException: No Container Instances were found in your cluster.";
        assert_eq!(
            (phase(Some(TextKind::ApiError), text), phase(Some(TextKind::ServiceEvent), text)),
            ("api".into(), "placement".into())
        );
    }

    #[test]
    fn texts_of_docker_in_messages_of_dstack_are_known() {
        let catalog = FailureCatalog::builtin();
        let end =
            |reason, message| catalog.explain_job(JobEnd { reason, message, ..JobEnd::default() }).map(|entry| entry.id.as_str());
        let message = "createContainer error: Error response from daemon: unknown log opt 'tagg' for json-file log driver";
        assert_eq!(end("creating_container_error", message), Some("log-driver-options"));
        assert_eq!(end("creating_container_error", "pullImage error: nobody has seen this"), Some("dstack-pull"));
        assert_eq!(end("creating_container_error", ""), Some("dstack-create"));
        let found = catalog.look_up(Some(TextKind::RunMessage), "Error response from daemon: layer does not exist");
        assert!(
            matches!(found, Finding::Failure(Read::As(TextKind::RunMessage), entry) if entry.id == "engine-storage"),
            "{found:?}"
        );
    }

    #[test]
    fn wrappers_of_dstack_are_read_through() {
        let catalog = FailureCatalog::builtin();
        let id = |kind, text: &str| match catalog.look_up(kind, text) {
            Finding::Failure(_, entry) => entry.id.clone(),
            Finding::Benign(_, id) => format!("benign {id}"),
            Finding::Unknown => "unknown".to_owned(),
        };
        for (text, want) in [
            // The message says more than the code, and the code more than nothing.
            (
                "Run failed with error code VOLUME_ERROR.\nError: Volume herbs not found\nCheck CLI logs.",
                "dstack-volume-not-found",
            ),
            ("Run failed with error code VOLUME_ERROR.\nError: nobody has seen this\nCheck CLI logs.", "dstack-volume"),
            ("JobTerminationReason.LOG_QUOTA_EXCEEDED", "dstack-log-quota"),
            ("JOB_FAILED\n(INSTANCE_UNREACHABLE)", "dstack-instance-unreachable"),
            // The message may belong to another reason.
            ("gateway_error: Volume herbs not found", "dstack-volume-not-found"),
            ("Backend error: ComputeError('No default VPC in region north')", "dstack-cloud-network"),
            ("Gateway status changed PROVISIONING -> FAILED (No VPC named herbs in region north)", "dstack-cloud-network"),
            (
                "[09:30:00] ERROR    dstack._internal.server.services.seeds:7 volume(0a1b2c)herbs: Bad volume id: herbs",
                "dstack-volume-not-found",
            ),
            ("Backend error: ComputeError('nobody has seen this')", "unknown"),
            ("not_a_reason: nobody has seen this", "unknown"),
            ("terminated_by_user", "benign terminated_by_user"),
        ] {
            assert_eq!(id(Some(TextKind::RunMessage), text), want, "{text}");
            assert_eq!(id(None, text), want, "{text}");
        }
        assert_eq!(id(Some(TextKind::RunMessage), &"Backend error: ".repeat(5_000)), "unknown");
    }

    #[test]
    fn a_refused_call_in_a_message_of_dstack_is_looked_up_in_both() {
        let catalog = FailureCatalog::builtin();
        let id = |kind, text: &str| match catalog.look_up(kind, text) {
            Finding::Failure(read, entry) => format!("{} as {}", entry.id, read.name()),
            other => format!("{other:?}"),
        };
        let call = |operation: &str, message: &str| {
            format!(
                "botocore.exceptions.ClientError: An error occurred (InvalidParameterCombination) when calling the {operation} operation: {message}"
            )
        };
        let placement = "Cluster placement groups are not supported by the 'seed.large' instance type.";
        let of_cloud = call("RunInstances", placement);
        assert_eq!(id(Some(TextKind::RunMessage), &of_cloud), "dstack-cloud-type as run.message");
        assert_eq!(id(None, &of_cloud), "dstack-cloud-type as run.message");
        let unseen = call("RunInstances", "nobody has seen this");
        assert!(
            id(Some(TextKind::RunMessage), &unseen).ends_with(" as api.error"),
            "{}",
            id(Some(TextKind::RunMessage), &unseen)
        );
        // A call of ECS is none of dstack, and everyday words say nothing without the kind.
        assert!(id(None, &call("RunTask", placement)).ends_with(" as api.error"));
        assert_eq!(id(Some(TextKind::RunMessage), "Invalid seed"), "dstack-invalid-value as run.message");
        assert_eq!(id(None, "Invalid seed"), "Unknown");
    }

    #[test]
    fn a_text_is_read_as_what_it_is() {
        let catalog = FailureCatalog::builtin();
        let id = |kind, text| match catalog.look_up(kind, text) {
            Finding::Failure(read, entry) => format!("{} as {}", entry.id, read.name()),
            Finding::Benign(read, id) => format!("benign {id} as {}", read.name()),
            Finding::Unknown => "unknown".to_owned(),
        };
        assert_eq!(id(None, "AGENT"), "placement-agent as task.stoppedReason");
        assert_eq!(id(Some(TextKind::ApiFailure), " AGENT\n"), "placement-agent as api.failure");
        assert_eq!(id(None, "(service web) has reached a steady state."), "benign steady-state as service.event");
        assert_eq!(id(None, "INSTANCE_UNREACHABLE"), "dstack-instance-unreachable as termination_reason");
        assert_eq!(id(None, "container_exited_with_error"), "dstack-exited as termination_reason");
        assert_eq!(id(None, "terminated_by_user"), "benign terminated_by_user as termination_reason");
        assert_eq!(id(Some(TextKind::ApiError), "instance_unreachable"), "unknown");
        let event = "Job status changed PULLING -> TERMINATING. Termination reason: CREATING_CONTAINER_ERROR \
                     (pullImage error: manifest unknown)";
        assert_eq!(id(None, event), "dstack-pull-not-found as termination_reason");
        let event = "Instance status changed BUSY -> TERMINATING. Termination reason: ERROR (Cannot get HealthcheckResponse)";
        assert_eq!(id(Some(TextKind::RunMessage), event), "dstack-host-shim as run.message");
        assert_eq!(id(None, "Job status changed PULLING -> RUNNING"), "unknown");
        let cli =
            "An error occurred (ThrottlingException) when calling the RunTask operation (reached max retries: 2): Rate exceeded";
        assert_eq!(id(None, cli), "api-throttling as api.error");
        let sdk = "operation error ECS: CreateService, https response error StatusCode: 400, RequestID: 0a, ServiceNotActiveException: x";
        assert_eq!(id(Some(TextKind::ApiError), sdk), "api-service-not-found as api.error");
        assert_eq!(id(None, "pullImage error: write /x: no space left on device"), "dstack-disk-full as run.message");
        assert_eq!(id(Some(TextKind::RunMessage), "max duration exceeded"), "dstack-max-duration as run.message");
        for text in ["", "nobody has seen this"] {
            assert_eq!(id(None, text), "unknown");
            assert_eq!(id(Some(TextKind::RunMessage), text), "unknown");
        }
    }
}
