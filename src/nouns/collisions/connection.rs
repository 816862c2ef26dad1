//! Finds the disconnects of an agent in the events of its instance.

use crate::micros::SECOND;

/// The tolerance around a disconnect within which a call can have hit it: calls have whole seconds, and their clock
/// differs.
pub const TOLERANCE: i64 = 60 * SECOND;
/// The assumed length of a disconnect whose start is not recorded.
const WEAK: i64 = 10 * SECOND;

/// An event of a container instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InstanceEvent<'a> {
    /// Id of the record.
    pub id: &'a str,
    /// The time.
    pub time: i64,
    /// Orders the events of an instance.
    pub version: Option<i64>,
    /// Whether the agent was connected.
    pub connected: Option<bool>,
    /// The agent version.
    pub agent_version: Option<&'a str>,
    /// The agent build.
    pub agent_hash: Option<&'a str>,
    /// agentUpdateStatus.
    pub update_status: Option<&'a str>,
    /// The status of the instance.
    pub status: Option<&'a str>,
    /// Whether it repeats the previous event, including resources and tasks.
    pub same: bool,
}

impl InstanceEvent<'_> {
    /// Whether an update is in progress.
    pub fn updating(&self) -> bool {
        matches!(self.update_status, Some("STAGING" | "STAGED" | "UPDATING"))
    }

    /// Whether an update has finished.
    pub fn updated(&self) -> bool {
        matches!(self.update_status, Some("UPDATED" | "FAILED"))
    }

    /// Whether the instance accepts no tasks.
    pub fn leaving(&self) -> bool {
        self.status.is_some_and(|status| status != "ACTIVE")
    }
}

/// A disconnect of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// When the agent disconnected.
    pub start: i64,
    /// When the agent reconnected; none = no reconnect recorded.
    pub end: Option<i64>,
    /// The index of the event that shows the disconnect.
    pub first: usize,
    /// The index of the event that shows the reconnect.
    pub back: Option<usize>,
    /// Whether only its end is recorded.
    pub weak: bool,
}

impl Gap {
    /// The distance from a time; 0 = inside.
    pub fn distance(&self, time: i64) -> i64 {
        if time < self.start { self.start - time } else { self.end.map_or(0, |end| (time - end).max(0)) }
    }

    /// The length, up to a given time if it is ongoing.
    pub fn length(&self, until: i64) -> i64 {
        (self.end.unwrap_or(until) - self.start).max(0)
    }
}

/// Sorts the events of an instance by version, then by time.
pub fn order(events: &mut [InstanceEvent<'_>]) {
    events.sort_by(|left, right| {
        let key = |event: &InstanceEvent<'_>| (event.version.is_none(), event.version, event.time);
        key(left).cmp(&key(right)).then_with(|| left.id.cmp(right.id))
    });
}

/// The disconnects in sorted events, ordered by start.
pub fn gaps(events: &[InstanceEvent<'_>]) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    let mut open: Option<(usize, i64)> = None;
    let mut was_connected = false;
    for (place, event) in events.iter().enumerate() {
        match (event.connected, open) {
            (Some(false), None) => open = Some((place, event.time)),
            (Some(true), Some((first, start))) => {
                gaps.push(Gap { start, end: Some(event.time.max(start)), first, back: Some(place), weak: false });
                open = None;
            }
            (Some(true), None) if was_connected && event.same => {
                let start = event.time - WEAK;
                gaps.push(Gap { start, end: Some(event.time), first: place, back: Some(place), weak: true });
            }
            _ => {}
        }
        was_connected = event.connected.unwrap_or(was_connected);
    }
    gaps.extend(open.map(|(first, start)| Gap { start, end: None, first, back: None, weak: false }));
    gaps.sort_by_key(|gap| (gap.start, gap.first));
    gaps
}

/// The disconnect that contains a time, or the nearest one within the tolerance; the earlier one in a tie.
pub fn met(gaps: &[Gap], time: i64) -> Option<usize> {
    let after = gaps.partition_point(|gap| gap.start <= time);
    // Disconnects only overlap if events are out of order, so checking a few to the left is enough.
    let near = after.saturating_sub(4)..(after + 1).min(gaps.len());
    let candidates = near.filter_map(|place| Some((place, gaps.get(place)?)));
    let found =
        candidates.map(|(place, gap)| (gap.distance(time), gap.weak, place)).filter(|(distance, ..)| *distance <= TOLERANCE);
    found.min_by_key(|(distance, weak, place)| (*weak, *distance, *place)).map(|(.., place)| place)
}
