//! What an incident is made of: one observation of a problem.

/// What was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalKind {
    /// A failure.
    Failure,
    /// A launch that a call failed to place: lost or healed.
    Launch,
    /// An expected start that never ran.
    MissedStart,
    /// A launch that hit a disconnected agent.
    Collision,
    /// New tasks that waited for stopping ones.
    Stall,
}

impl SignalKind {
    /// The kind with this name.
    pub fn of(word: &str) -> Option<SignalKind> {
        Some(match word {
            "failure" => SignalKind::Failure,
            "launch" => SignalKind::Launch,
            "missed_start" => SignalKind::MissedStart,
            "collision" => SignalKind::Collision,
            "stall" => SignalKind::Stall,
            _ => return None,
        })
    }
}

/// Where it was observed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place<'a> {
    /// AWS account.
    pub account: Option<&'a str>,
    /// AWS Region.
    pub region: Option<&'a str>,
    /// Short cluster name.
    pub cluster: Option<&'a str>,
    /// Service.
    pub service: Option<&'a str>,
    /// Task definition family.
    pub family: Option<&'a str>,
    /// dstack project.
    pub project: Option<&'a str>,
    /// dstack run name.
    pub run: Option<&'a str>,
    /// Container instance id.
    pub instance: Option<&'a str>,
    /// Subnet of the task.
    pub subnet: Option<&'a str>,
}

/// What a failed attempt used up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Waste {
    /// From the creation of the task to its end.
    pub task_seconds: f64,
    /// The same, times its vCPUs.
    pub vcpu_seconds: f64,
    /// The same, times its GiB of memory.
    pub gib_seconds: f64,
    /// The price of that time, if the records have one.
    pub usd: Option<f64>,
}

/// One observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal<'a> {
    /// Its id: of the failure, the launch, the expected start, the failure of a collision, or the stall.
    pub id: &'a str,
    /// What was observed.
    pub kind: SignalKind,
    /// When the trouble began, in microseconds.
    pub start: i64,
    /// When it ended, in microseconds.
    pub end: i64,
    /// Where.
    pub place: Place<'a>,
    /// The deployment, as `ecs-svc/…`.
    pub deployment: Option<&'a str>,
    /// The name of the schedule (missed starts).
    pub schedule: Option<&'a str>,
    /// The call that disabled the schedule, with its caller and time (missed starts).
    pub disabled_by: Option<&'a str>,
    /// The phase that failed.
    pub phase: Option<&'a str>,
    /// The reason code; why a start was missed.
    pub reason: Option<&'a str>,
    /// The catalog entry.
    pub cause: Option<&'a str>,
    /// How to respond.
    pub class: Option<&'a str>,
    /// How the wording of the catalog entry is known.
    pub wording: Option<&'a str>,
    /// The kind of the failure: launch, api_error, task, …
    pub failure_kind: Option<&'a str>,
    /// Whether the program ever ran.
    pub ran: Option<bool>,
    /// Whether it is a consequence of another failure.
    pub secondary: bool,
    /// The task or job submission.
    pub task: Option<&'a str>,
    /// The id of the call that failed, or of the launch (missed starts).
    pub call: Option<&'a str>,
    /// The role, secret or image that the message names.
    pub resource: Option<&'a str>,
    /// The quota that was reached.
    pub quota: Option<&'a str>,
    /// The API action or event.
    pub event_name: Option<&'a str>,
    /// The caller.
    pub user: Option<&'a str>,
    /// Outcome of a launch; class of a collision.
    pub outcome: Option<&'a str>,
    /// The exit code.
    pub exit_code: Option<i64>,
    /// The start of the disconnect (collisions), in microseconds.
    pub window: Option<i64>,
    /// The end of the disconnect (collisions), in microseconds; none if no record shows that the agent reconnected.
    pub window_end: Option<i64>,
    /// Number of the gap in a schedule (missed starts without a launch).
    pub island: Option<i64>,
    /// When the schedule ran before (missed starts), in microseconds.
    pub previous_run: Option<i64>,
    /// When the schedule ran next (missed starts), in microseconds.
    pub next_run: Option<i64>,
    /// When a schedule that had not called did so again (missed starts without a launch), in microseconds.
    pub resumed: Option<i64>,
    /// The id of the call outside of schedules that came before the next run (missed starts).
    pub rerun: Option<&'a str>,
    /// Tasks that were not placed, or that waited.
    pub tasks: i64,
    /// What it used up.
    pub waste: Waste,
    /// The ids of its records; the calls of a launch.
    pub records: Vec<&'a str>,
}

impl<'a> Signal<'a> {
    /// A signal of a kind at a time, without any other information.
    pub fn at(id: &'a str, kind: SignalKind, time: i64) -> Signal<'a> {
        Signal {
            id,
            kind,
            start: time,
            end: time,
            place: Place::default(),
            deployment: None,
            schedule: None,
            disabled_by: None,
            phase: None,
            reason: None,
            cause: None,
            class: None,
            wording: None,
            failure_kind: None,
            ran: None,
            secondary: false,
            task: None,
            call: None,
            resource: None,
            quota: None,
            event_name: None,
            user: None,
            outcome: None,
            exit_code: None,
            window: None,
            window_end: None,
            island: None,
            previous_run: None,
            next_run: None,
            resumed: None,
            rerun: None,
            tasks: 0,
            waste: Waste::default(),
            records: Vec::new(),
        }
    }
}
