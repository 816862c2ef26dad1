//! The explanation of one failure, as data.

use super::changes::Changes;
use super::launch::{Collision, Launch};
use super::network::Network;
use crate::rfc3339::{instant, some_instant};
use jiff::Timestamp;
use serde::Serialize;

/// Everything known about one failure.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Its id.
    pub id: String,
    /// Its kind: launch, api_error, task, service, deployment, agent, run, or resource (a dstack volume, gateway, fleet or instance).
    pub kind: String,
    /// Whether it ended as requested, which is not a failure.
    pub expected: bool,
    /// What failed.
    pub failure: Summary,
    /// Where.
    pub place: Vec<Fact>,
    /// When.
    pub when: When,
    /// The phases it reached.
    pub phases: Vec<PhaseStep>,
    /// Whether the program ever ran.
    pub ran: Option<bool>,
    /// What the evidence says about how it ended.
    pub notes: Vec<String>,
    /// Why.
    pub cause: Cause,
    /// The events around it, oldest first.
    pub chain: Vec<Event>,
    /// The outcome of the launch it belongs to.
    pub launch: Option<Launch>,
    /// The disconnect that a launch hit, if it failed with AGENT.
    pub collision: Option<Collision>,
    /// Related changes in the half hour before.
    pub changes: Option<Changes>,
    /// The arithmetic.
    pub calculation: Vec<String>,
    /// Network evidence; none unless it is a network failure.
    pub network: Option<Network>,
    /// What to check.
    pub verify: Vec<Check>,
    /// What to do.
    pub actions: Vec<String>,
    /// Those of the actions that repair nothing and only prevent the next failure.
    #[serde(skip)]
    pub preventive: Vec<String>,
    /// How to respond.
    pub response: Option<String>,
}

/// What failed, in one line.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// The thing that failed.
    pub what: String,
    /// The code of the reason.
    pub reason: Option<String>,
    /// The message, as recorded.
    pub message: Option<String>,
}

/// A name and a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// When it failed, and when the thing that failed began.
#[derive(Debug, Clone, Default, Serialize)]
pub struct When {
    /// When it failed.
    #[serde(serialize_with = "some_instant")]
    pub at: Option<Timestamp>,
    /// When it was created or submitted.
    #[serde(serialize_with = "some_instant")]
    pub began: Option<Timestamp>,
    /// Seconds between the two.
    pub lasted_seconds: Option<f64>,
}

/// How a phase went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It was completed.
    Done,
    /// It failed here.
    Failed,
    /// It was never reached.
    NotReached,
    /// The records do not say whether it was reached.
    NotRecorded,
    /// It came after the failure: the clean-up.
    After,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhaseStep {
    /// Its name.
    pub name: String,
    /// How it went.
    pub state: State,
    /// When it was reached.
    #[serde(serialize_with = "some_instant")]
    pub at: Option<Timestamp>,
    /// When it ended.
    #[serde(serialize_with = "some_instant")]
    pub until: Option<Timestamp>,
    /// What else is known.
    pub note: Option<String>,
}

/// Why it failed, as the catalog explains it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Cause {
    /// The catalog entry; none if no entry matches the message.
    pub id: Option<String>,
    /// Its name in the source.
    pub title: Option<String>,
    /// What it means.
    pub meaning: Option<String>,
    /// How to respond: transient, configuration, capacity, application, infrastructure or operator.
    pub class: Option<String>,
    /// launch, settings or program.
    pub category: Option<String>,
    /// How the wording of the entry is known: documented, source, observed or unverified.
    pub wording: Option<String>,
}

/// What an event shows, for decisions; its text is for readers only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum EventKind {
    /// An API call.
    Call {
        /// Its name.
        name: String,
        /// The number of tasks it placed, 0 if it was refused; none if it starts no tasks or its response is not recorded.
        placed: Option<i64>,
        /// Whether the caller of the call that failed made it afterwards.
        again: bool,
    },
    /// A change of a container instance.
    Instance {
        /// The change of the connection of its agent.
        agent: Option<AgentChange>,
        /// Whether its agent has another version than before.
        updated: bool,
    },
    /// A task that failed.
    TaskFailed {
        /// The reason, with the exit code.
        how: String,
    },
    /// Anything else.
    #[default]
    Other,
}

/// A change of the connection of a container agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentChange {
    /// It disconnected.
    Disconnected,
    /// It connected again.
    Reconnected,
}

/// An event with its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When.
    #[serde(serialize_with = "instant")]
    pub time: Timestamp,
    /// What it shows.
    #[serde(skip)]
    pub kind: EventKind,
    /// What, for readers.
    pub what: String,
    /// Who did it.
    pub who: Option<String>,
    /// Its relation to the failure.
    pub note: Option<String>,
    /// The id of the record.
    pub record: String,
}

impl Event {
    /// The name of the API call, if it is one.
    pub fn call(&self) -> Option<&str> {
        match &self.kind {
            EventKind::Call { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The change of the connection of a container agent, if it is one.
    pub fn agent(&self) -> Option<AgentChange> {
        match self.kind {
            EventKind::Instance { agent, .. } => agent,
            _ => None,
        }
    }
}

/// Something to check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// A command to run.
    pub command: Option<String>,
    /// What to look for.
    pub note: Option<String>,
}

/// Sorts events by time and removes duplicates.
pub(super) fn in_order(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by(|left, right| (left.time, &left.what, &left.record).cmp(&(right.time, &right.what, &right.record)));
    let mut seen = std::collections::BTreeSet::new();
    events.retain(|event| seen.insert((event.record.clone(), event.time, event.what.clone())));
    events
}
