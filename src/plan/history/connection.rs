//! The connection of an agent: when it was gone, as its instance events tell.

use super::SECOND;

/// How far around a disconnect a call may have met it: calls have whole seconds, by another clock.
pub const TOLERANCE: i64 = 60 * SECOND;
/// How long a disconnect is taken to have lasted of which only the reconnect was told.
const WEAK: i64 = 10 * SECOND;

/// An event of one container instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InstanceEvent<'a> {
    /// Id of the record.
    pub id: &'a str,
    /// When.
    pub time: i64,
    /// Orders the events of one instance.
    pub version: Option<i64>,
    /// Whether the agent was connected.
    pub connected: Option<bool>,
    /// Its version.
    pub agent_version: Option<&'a str>,
    /// Its build.
    pub agent_hash: Option<&'a str>,
    /// agentUpdateStatus.
    pub update_status: Option<&'a str>,
    /// Status of the instance.
    pub status: Option<&'a str>,
    /// It tells the same as the one before, resources and tasks included.
    pub same: bool,
}

impl InstanceEvent<'_> {
    /// Whether an update is under way.
    pub fn updating(&self) -> bool {
        matches!(self.update_status, Some("STAGING" | "STAGED" | "UPDATING"))
    }

    /// Whether an update has come to its end.
    pub fn updated(&self) -> bool {
        matches!(self.update_status, Some("UPDATED" | "FAILED"))
    }

    /// Whether the instance takes no tasks.
    pub fn leaving(&self) -> bool {
        self.status.is_some_and(|status| status != "ACTIVE")
    }
}

/// A time in which an agent was not connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// When it was told to be gone.
    pub start: i64,
    /// When it was back; none = it was not seen again.
    pub end: Option<i64>,
    /// The place of the event that told it was gone.
    pub first: usize,
    /// The place of the event that told it was back.
    pub back: Option<usize>,
    /// Only its end was told.
    pub weak: bool,
}

impl Gap {
    /// How far a time is from it; 0 = inside.
    pub fn distance(&self, time: i64) -> i64 {
        if time < self.start { self.start - time } else { self.end.map_or(0, |end| (time - end).max(0)) }
    }

    /// How long it lasted, up to a time where it still lasts.
    pub fn length(&self, until: i64) -> i64 {
        (self.end.unwrap_or(until) - self.start).max(0)
    }
}

/// Puts the events of one instance into their order: by version, then by time.
pub fn order(events: &mut [InstanceEvent<'_>]) {
    events.sort_by(|left, right| {
        let key = |event: &InstanceEvent<'_>| (event.version.is_none(), event.version, event.time);
        key(left).cmp(&key(right)).then_with(|| left.id.cmp(right.id))
    });
}

/// The times in which the agent was gone, of events in order, by their start.
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

/// The gap that holds a time, or the nearest one within the tolerance; the earlier of two.
pub fn met(gaps: &[Gap], time: i64) -> Option<usize> {
    let after = gaps.partition_point(|gap| gap.start <= time);
    // Gaps do not overlap but for those told out of order, so a few to the left are enough.
    let near = after.saturating_sub(4)..(after + 1).min(gaps.len());
    let told = near.filter_map(|place| Some((place, gaps.get(place)?)));
    let found = told.map(|(place, gap)| (gap.distance(time), gap.weak, place)).filter(|(distance, ..)| *distance <= TOLERANCE);
    found.min_by_key(|(distance, weak, place)| (*weak, *distance, *place)).map(|(.., place)| place)
}
