//! Classifies collisions: what the agent of an instance was doing when a launch failed with AGENT.

use super::connection::{Gap, InstanceEvent, TOLERANCE, gaps, met};
use crate::micros::{MINUTE, SECOND};
use crate::render::describe_duration;

/// How long before a failure an update can have been requested.
const ASKED_BEFORE: i64 = 30 * MINUTE;
/// How far around a disconnect the instance can have registered again.
const REGISTERED_WITHIN: i64 = 5 * MINUTE;
/// The maximum length of a rotation.
const ROTATION: i64 = 60 * SECOND;

/// What an agent was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It was being updated.
    Update,
    /// It restarted with the same version.
    Restart,
    /// It reconnected, as it does about every half hour.
    Rotation,
    /// It was disconnected for longer.
    Outage,
    /// The instance was leaving the cluster.
    Draining,
    /// There are no records that show it.
    Unknown,
}

impl Class {
    /// The value in the query language.
    pub fn word(self) -> &'static str {
        match self {
            Class::Update => "update",
            Class::Restart => "restart",
            Class::Rotation => "rotation",
            Class::Outage => "outage",
            Class::Draining => "draining",
            Class::Unknown => "unknown",
        }
    }

    /// What to do about the affected launches.
    pub fn advice(self) -> &'static str {
        match self {
            Class::Update => {
                "Do not update agents in the minutes when schedules start. Update one instance at a time. Make the caller \
                 retry with backoff: an EventBridge rule does not"
            }
            Class::Restart => {
                "Find out why the agent restarted. Keep a second instance that can take the launch. Make the caller retry \
                 with backoff: an EventBridge rule does not"
            }
            Class::Rotation => {
                "Make the caller retry with backoff: an EventBridge rule does not, and the agent reconnects about every half \
                 hour in normal operation. Either keep a second instance that can take the launch, or run the task on Fargate"
            }
            Class::Outage => {
                "Find out why the agent was disconnected for minutes or longer: it is not recorded. Either keep a second \
                 instance that can take the launch, or run the task on Fargate. Make the caller retry for longer than the outage"
            }
            Class::Draining => "Keep another instance ACTIVE before you drain one. Make the caller retry with backoff",
            Class::Unknown => {
                "Collect ECS Container Instance State Change events: they show what the agent was doing. Make the caller \
                 retry with backoff: an EventBridge rule does not"
            }
        }
    }
}

/// A call about an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceCall<'a> {
    /// Id of the call.
    pub id: &'a str,
    /// The time.
    pub time: i64,
}

/// All records of a container instance.
#[derive(Debug, Default)]
pub struct Agent<'a> {
    /// Its events, in order.
    pub events: Vec<InstanceEvent<'a>>,
    /// The disconnects.
    pub gaps: Vec<Gap>,
    /// Successful UpdateContainerAgent calls, ordered by time.
    pub updates: Vec<InstanceCall<'a>>,
    /// RegisterContainerInstance calls, ordered by time.
    pub registrations: Vec<InstanceCall<'a>>,
    /// The indexes of its events, ordered by time.
    by_time: Vec<usize>,
}

/// What a failed launch collided with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// What the agent was doing.
    pub class: Class,
    /// The index of the disconnect.
    pub gap: Option<usize>,
    /// The evidence for the class.
    pub basis: String,
    /// The call that requested the update.
    pub update: Option<usize>,
    /// The registration after a restart.
    pub registration: Option<usize>,
}

impl<'a> Agent<'a> {
    /// Sorts the records and finds the disconnects.
    pub fn settle(&mut self) {
        super::connection::order(&mut self.events);
        self.gaps = gaps(&self.events);
        self.updates.sort_by_key(|call| (call.time, call.id));
        self.registrations.sort_by_key(|call| (call.time, call.id));
        self.by_time = (0..self.events.len()).collect();
        let events = &self.events;
        self.by_time.sort_by_key(|place| (events.get(*place).map(|event| event.time), *place));
    }

    /// Classifies a launch that failed at a time.
    pub fn meet(&self, time: i64) -> Met {
        let gap = met(&self.gaps, time);
        let known = gap.and_then(|gap| self.gaps.get(gap));
        let none = Met { class: Class::Unknown, gap, basis: String::new(), update: None, registration: None };
        if let Some((basis, update)) = self.update_at(time, known) {
            return Met { class: Class::Update, basis, update, ..none };
        }
        let Some(gap) = known else { return self.without_gap(time, none) };
        let length = gap.end.map(|end| end - gap.start);
        let disconnected = length.map(|length| format!("disconnected for {}", describe(length)));
        let disconnected = disconnected.unwrap_or_else(|| "disconnected, with no reconnect recorded".to_owned());
        let registered = self.registrations.iter().position(|call| {
            let end = gap.end.unwrap_or(i64::MAX).saturating_add(REGISTERED_WITHIN);
            (gap.start - REGISTERED_WITHIN..=end).contains(&call.time)
        });
        if registered.is_some() {
            let basis = format!("RegisterContainerInstance with the same version; {disconnected}");
            return Met { class: Class::Restart, basis, registration: registered, ..none };
        }
        let leaving = self.between(gap).any(InstanceEvent::leaving);
        match length {
            Some(..=ROTATION) if !leaving => Met { class: Class::Rotation, basis: disconnected, ..none },
            Some(..=ROTATION) => Met { class: Class::Draining, basis: format!("not ACTIVE; {disconnected}"), ..none },
            _ => Met { class: Class::Outage, basis: disconnected, ..none },
        }
    }

    fn without_gap(&self, time: i64, none: Met) -> Met {
        let Some(event) = self.newest_before(time) else {
            let basis = match self.events.is_empty() {
                true => "no events of the instance are recorded",
                false => "no events of the instance are recorded before it",
            };
            return Met { basis: basis.to_owned(), ..none };
        };
        match event.status {
            Some(status) if event.leaving() => Met { class: Class::Draining, basis: format!("status {status}"), ..none },
            _ => Met { basis: "no disconnect of the agent is recorded at that time".to_owned(), ..none },
        }
    }

    /// The evidence for an update in progress, if any.
    fn update_at(&self, time: i64, gap: Option<&Gap>) -> Option<(String, Option<usize>)> {
        let begin = gap.map_or(time, |gap| gap.start.min(time));
        let asked = self.update_before(begin);
        if let Some(gap) = gap {
            let first = self.events.get(gap.first).filter(|event| event.agent_version.is_some() && !gap.weak);
            let before = first.or_else(|| gap.first.checked_sub(1).and_then(|place| self.events.get(place)));
            let back = gap.back.and_then(|place| self.events.get(place));
            if let Some((before, back)) = before.zip(back) {
                let differs =
                    |left: Option<&str>, right: Option<&str>| left.zip(right).is_some_and(|(left, right)| left != right);
                let version = differs(before.agent_version, back.agent_version);
                if version || differs(before.agent_hash, back.agent_hash) {
                    let name = |event: &InstanceEvent<'_>| event.agent_version.unwrap_or("?").to_owned();
                    let what = if version { "agent" } else { "build of agent" };
                    return Some((format!("{what} {} became {}", name(before), name(back)), asked));
                }
            }
        }
        if let Some(call) = asked.and_then(|place| self.updates.get(place)) {
            let ago = describe((time - call.time).max(0));
            return Some((format!("UpdateContainerAgent {ago} before"), asked));
        }
        let during = gap.and_then(|gap| self.between(gap).find(|event| event.updating()));
        let during = during.or_else(|| self.newest_before(time).filter(|event| gap.is_none() && event.updating()));
        during.and_then(|event| event.update_status).map(|status| (format!("agentUpdateStatus {status}"), None))
    }

    /// The latest update that was requested shortly before a time and had not finished.
    fn update_before(&self, time: i64) -> Option<usize> {
        let place = self.updates.partition_point(|call| call.time <= time).checked_sub(1)?;
        let call = self.updates.get(place)?;
        if time - call.time > ASKED_BEFORE {
            return None;
        }
        let known = |place: &usize| self.events.get(*place);
        let from = self.by_time.partition_point(|place| known(place).is_some_and(|event| event.time <= call.time));
        let version = from.checked_sub(1).and_then(|place| self.by_time.get(place)).and_then(known);
        let version = version.map(|event| (event.agent_version, event.agent_hash));
        let since = self.by_time.get(from..).unwrap_or_default().iter().filter_map(known);
        let mut until = since.take_while(|event| event.time < time);
        let over = until.any(|event| {
            let changed = version.is_some_and(|version| version != (event.agent_version, event.agent_hash));
            event.updated() || (changed && event.connected == Some(true))
        });
        (!over).then_some(place)
    }

    /// The latest event up to a time.
    fn newest_before(&self, time: i64) -> Option<&InstanceEvent<'a>> {
        let known = |place: &usize| self.events.get(*place);
        let place = self.by_time.partition_point(|place| known(place).is_some_and(|event| event.time <= time)).checked_sub(1)?;
        self.by_time.get(place).and_then(known)
    }

    /// The events from the first to the last of a disconnect; the last one only shows the reconnect.
    fn between(&self, gap: &Gap) -> impl Iterator<Item = &InstanceEvent<'a>> {
        let end = gap.back.unwrap_or(self.events.len()).max(gap.first);
        self.events.get(gap.first..end).unwrap_or_default().iter()
    }

    /// Whether an attempt at a time can have collided with a disconnect.
    pub fn is_in_gap(&self, time: i64) -> bool {
        met(&self.gaps, time).is_some_and(|gap| self.gaps.get(gap).is_some_and(|gap| gap.distance(time) <= TOLERANCE))
    }
}

/// A duration in microseconds as text.
fn describe(micros: i64) -> String {
    describe_duration(micros as f64 / SECOND as f64)
}
