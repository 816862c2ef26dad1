//! The entries of the catalog, as the TOML files contain them.

use serde::Deserialize;

/// The kind of a text that reports a failure; entries list the kinds they apply to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum TextKind {
    /// `stoppedReason` of a task.
    #[serde(rename = "task.stoppedReason")]
    TaskStoppedReason,
    /// `reason` of a container.
    #[serde(rename = "container.reason")]
    ContainerReason,
    /// `statusReason` of an attachment (EBS, ENI).
    #[serde(rename = "attachment.statusReason")]
    AttachmentStatusReason,
    /// A message of `describe-services`.
    #[serde(rename = "service.event")]
    ServiceEvent,
    /// `reason` of an ECS Service Action, or its `eventName` where there is no reason.
    #[serde(rename = "service_action.reason")]
    ServiceActionReason,
    /// `reason` of an ECS Deployment State Change.
    #[serde(rename = "deployment.reason")]
    DeploymentReason,
    /// `responseElements.failures[].reason` of a call.
    #[serde(rename = "api.failure")]
    ApiFailure,
    /// `<errorCode>: <errorMessage>` of a call.
    #[serde(rename = "api.error")]
    ApiError,
    /// That the `agentUpdateStatus` of a container instance is FAILED; ECS has no words of its own for it.
    #[serde(rename = "instance.agentUpdateStatus")]
    AgentUpdateStatus,
    /// `termination_reason_message` of a dstack job submission.
    #[serde(rename = "run.message")]
    RunMessage,
}

impl TextKind {
    /// Every kind, the most informative first.
    pub const ALL: [TextKind; 10] = [
        TextKind::TaskStoppedReason,
        TextKind::ContainerReason,
        TextKind::AttachmentStatusReason,
        TextKind::ServiceEvent,
        TextKind::ServiceActionReason,
        TextKind::DeploymentReason,
        TextKind::ApiFailure,
        TextKind::ApiError,
        TextKind::AgentUpdateStatus,
        TextKind::RunMessage,
    ];

    /// The name that the catalog has for it.
    pub const fn name(self) -> &'static str {
        match self {
            TextKind::TaskStoppedReason => "task.stoppedReason",
            TextKind::ContainerReason => "container.reason",
            TextKind::AttachmentStatusReason => "attachment.statusReason",
            TextKind::ServiceEvent => "service.event",
            TextKind::ServiceActionReason => "service_action.reason",
            TextKind::DeploymentReason => "deployment.reason",
            TextKind::ApiFailure => "api.failure",
            TextKind::ApiError => "api.error",
            TextKind::AgentUpdateStatus => "instance.agentUpdateStatus",
            TextKind::RunMessage => "run.message",
        }
    }

    /// The kind with this name, in any case.
    pub fn named(name: &str) -> Option<TextKind> {
        TextKind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

/// Which exit statuses of a dstack job an entry fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExitStatus {
    /// None was recorded.
    Missing,
    /// There is one.
    Present,
}

/// One kind of failure: how it is recognized, why it happens, what to check and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name of the entry; the `cause` of the failures it explains.
    pub id: String,
    /// The error as its source names it.
    pub name: String,
    /// The phase it happens in.
    pub stage: String,
    /// How to respond; missing where that depends on something else.
    #[serde(default)]
    pub class: Option<String>,
    /// What a retry can do: `backoff`, `after_fix`, `conditional` or `none`.
    pub retry: String,
    /// Where the wording is from: `documented`, `source`, `observed` or `unverified`; `kind_only`: only the kind is known.
    pub confidence: String,
    /// The kinds of text it applies to.
    pub applies_to: Vec<TextKind>,
    /// The stop codes it comes with.
    #[serde(default)]
    pub stop_codes: Vec<String>,
    /// It knows the kind of the failure and nothing else: any other explanation is better.
    #[serde(default)]
    pub generic: bool,
    /// The text is one of Docker, containerd or runc, whoever prints it: messages of dstack are looked up here, too.
    #[serde(default)]
    pub engine: bool,
    /// Its words are everyday ones: it looks at no other kinds of text than those it applies to.
    #[serde(default)]
    pub strict: bool,
    /// It reports a consequence of tasks that failed: where one of the service failed before, that is the root.
    #[serde(default)]
    pub consequence: bool,
    /// The termination reasons of dstack it applies to.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// The exit statuses it fits (dstack); missing: any.
    #[serde(default)]
    pub exit_status: Option<ExitStatus>,
    /// The instances it fits, spot or not (dstack); missing: any.
    #[serde(default)]
    pub spot: Option<bool>,
    /// Whether an instance was created for the jobs it fits (dstack); missing: any.
    #[serde(default)]
    pub provisioned: Option<bool>,
    /// Whether the program ever ran; missing: the record itself decides.
    #[serde(default)]
    pub ran: Option<bool>,
    /// Regular expressions; the first entry with one that is found in the text explains it.
    pub patterns: Vec<String>,
    /// Texts that it explains: its tests.
    pub examples: Vec<String>,
    /// Indexes of examples whose wording was put together from a template.
    #[serde(default)]
    pub illustrative: Vec<usize>,
    /// Why it happens.
    pub cause: String,
    /// What to check; `{name}` stands for what the pattern caught under that name.
    #[serde(default)]
    pub verify: Vec<String>,
    /// What to do; `{name}` as in `verify`.
    #[serde(default)]
    pub actions: Vec<String>,
    /// Indexes of actions that repair nothing and only prevent the next failure.
    #[serde(default)]
    pub prevent: Vec<usize>,
    /// Where the knowledge is from.
    #[serde(default)]
    pub source: String,
}

impl Entry {
    /// The actions that repair nothing and only prevent the next failure.
    pub fn preventive(&self) -> impl Iterator<Item = &String> {
        self.prevent.iter().filter_map(|index| self.actions.get(*index))
    }
}

/// What an exit code of a container means.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExitCode {
    /// The code.
    pub code: i64,
    /// Its name, such as `SIGKILL (9)`.
    pub name: String,
    /// The phase.
    pub stage: String,
    /// The class; `none` for success.
    pub class: String,
    /// The meaning.
    pub meaning: String,
    /// What to check.
    pub check: String,
}

/// What a `stopCode` of a task means.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StopCode {
    /// The code, such as `TaskFailedToStart`.
    pub code: String,
    /// The phase.
    pub stage: String,
    /// The class.
    pub class: String,
    /// The meaning.
    pub meaning: String,
}

/// Texts that do not report a failure.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Benign {
    /// The name of the entry.
    pub id: String,
    /// The kinds of text it applies to.
    pub applies_to: Vec<TextKind>,
    /// Regular expressions.
    pub patterns: Vec<String>,
    /// Texts it recognizes: its tests.
    pub examples: Vec<String>,
}

/// Whether a reason reports a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It does.
    Yes,
    /// It was requested, or everything went well.
    No,
    /// It is a consequence of something else.
    Secondary,
}

/// A termination reason of a dstack job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct JobReason {
    /// The reason, in lower case.
    pub name: String,
    /// Whether it reports a failure.
    #[serde(rename = "failure")]
    pub verdict: Verdict,
    /// The final status of the job.
    pub status: String,
    /// What `retry.on_events` must hold for a retry; missing: it is never retried.
    #[serde(default)]
    pub retry_event: Option<String>,
    /// What `dstack ps -v` prints.
    #[serde(default)]
    pub error: Option<String>,
    /// The first release that has it.
    pub since: String,
}

/// A termination reason of a dstack run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RunReason {
    /// The reason, in lower case.
    pub name: String,
    /// The final status of the run.
    pub status: String,
    /// What `dstack ps -v` prints.
    #[serde(default)]
    pub error: Option<String>,
    /// The first release that has it.
    pub since: String,
}

/// One TOML text of the catalog.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct CatalogText {
    /// What explains failures, from specific to generic.
    #[serde(default, rename = "error")]
    pub entries: Vec<Entry>,
    /// Exit codes.
    #[serde(default, rename = "exit_code")]
    pub exit_codes: Vec<ExitCode>,
    /// Stop codes.
    #[serde(default, rename = "stop_code")]
    pub stop_codes: Vec<StopCode>,
    /// Texts that do not report a failure.
    #[serde(default)]
    pub benign: Vec<Benign>,
    /// Termination reasons of dstack jobs.
    #[serde(default, rename = "reason")]
    pub job_reasons: Vec<JobReason>,
    /// Termination reasons of dstack runs.
    #[serde(default, rename = "run_reason")]
    pub run_reasons: Vec<RunReason>,
}
