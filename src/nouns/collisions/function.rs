//! `agent_collisions(…)`: matches the failed launches of a cluster with the states of its agents.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, StringViewArray};
use datafusion::common::Result;
use datafusion::logical_expr::WindowUDF;

use super::classify::{Agent, Class, InstanceCall, Met};
use super::connection::InstanceEvent;
use super::recurrence::{CallOf, FailureOf, Rates, Recurrence, main_class, recurrence};
use crate::engine::functions::partition_function;
use crate::engine::functions::record::{Cell, Kind, Rows, flag, flags, list_type, lists, number, numbers, text, texts};
use crate::nouns::zone;

/// The arguments, in order. `kind` is event, update, register, attempt, refused (for a reason other than AGENT) or
/// failure.
pub const ARGUMENTS: &[&str] = &[
    "kind",
    "id",
    "time",
    "instance",
    "version",
    "connected",
    "agent_version",
    "agent_hash",
    "update_status",
    "status",
    "same",
    "family",
    "caller",
    "accepted",
    "anchor",
    "zone",
];

/// The columns for each failure, as a list with one element. The counts of the whole cluster are also on the first
/// row of the partition; all other rows have no list.
const COLLISION: &[(&str, Kind)] = &[
    ("class", Kind::Text),
    ("basis", Kind::Text),
    ("instance", Kind::Text),
    ("window_start", Kind::Time),
    ("window_end", Kind::Time),
    ("window_seconds", Kind::Float),
    ("weak", Kind::Bool),
    ("version_before", Kind::Text),
    ("version_after", Kind::Text),
    ("update_call", Kind::Text),
    ("inside", Kind::Int),
    ("inside_failed", Kind::Int),
    ("outside", Kind::Int),
    ("outside_failed", Kind::Int),
    ("cluster_inside", Kind::Int),
    ("cluster_inside_failed", Kind::Int),
    ("cluster_outside", Kind::Int),
    ("cluster_outside_failed", Kind::Int),
    ("part_inside", Kind::Int),
    ("part_inside_failed", Kind::Int),
    ("part_outside", Kind::Int),
    ("part_outside_failed", Kind::Int),
    ("series_failures", Kind::Int),
    ("series_accepted", Kind::Int),
    ("series_rate", Kind::Float),
    ("series_windows", Kind::Int),
    ("series_instances", Kind::Int),
    ("series_class", Kind::Text),
    ("minutes", Kind::Text),
    ("hours", Kind::Text),
    ("median_window", Kind::Float),
    ("phase_lock", Kind::Float),
    ("next_at_risk", Kind::Time),
    ("advice", Kind::Text),
    ("evidence", Kind::Texts),
];

/// The function.
pub fn functions() -> [WindowUDF; 1] {
    [partition_function("agent_collisions", ARGUMENTS.len(), list_type(COLLISION), agent_collisions)]
}

struct Columns {
    kinds: StringViewArray,
    ids: StringViewArray,
    times: Int64Array,
    instances: StringViewArray,
    versions: Int64Array,
    connected: BooleanArray,
    agent_versions: StringViewArray,
    agent_hashes: StringViewArray,
    update_statuses: StringViewArray,
    statuses: StringViewArray,
    same: BooleanArray,
    families: StringViewArray,
    callers: StringViewArray,
    accepted: BooleanArray,
    anchors: Int64Array,
    zones: StringViewArray,
}

impl Columns {
    fn read(values: &[ArrayRef]) -> Result<Self> {
        Ok(Columns {
            kinds: texts(values, 0)?,
            ids: texts(values, 1)?,
            times: numbers(values, 2)?,
            instances: texts(values, 3)?,
            versions: numbers(values, 4)?,
            connected: flags(values, 5)?,
            agent_versions: texts(values, 6)?,
            agent_hashes: texts(values, 7)?,
            update_statuses: texts(values, 8)?,
            statuses: texts(values, 9)?,
            same: flags(values, 10)?,
            families: texts(values, 11)?,
            callers: texts(values, 12)?,
            accepted: flags(values, 13)?,
            anchors: numbers(values, 14)?,
            zones: texts(values, 15)?,
        })
    }

    fn time(&self, row: usize) -> i64 {
        number(&self.times, row).unwrap_or_default()
    }

    fn event(&self, row: usize) -> InstanceEvent<'_> {
        InstanceEvent {
            id: text(&self.ids, row).unwrap_or_default(),
            time: self.time(row),
            version: number(&self.versions, row),
            connected: flag(&self.connected, row),
            agent_version: text(&self.agent_versions, row),
            agent_hash: text(&self.agent_hashes, row),
            update_status: text(&self.update_statuses, row),
            status: text(&self.statuses, row),
            same: flag(&self.same, row).unwrap_or(false),
        }
    }

    fn call(&self, row: usize) -> InstanceCall<'_> {
        InstanceCall { id: text(&self.ids, row).unwrap_or_default(), time: self.time(row) }
    }

    /// A caller and what it starts.
    fn series(&self, row: usize) -> (&str, &str) {
        (text(&self.families, row).unwrap_or_default(), text(&self.callers, row).unwrap_or_default())
    }
}

/// A failed launch with its collision.
struct Failed<'c> {
    row: usize,
    series: (&'c str, &'c str),
    of: FailureOf<'c>,
}

/// The starts and failures of a caller.
#[derive(Default)]
struct Caller<'c> {
    calls: Vec<CallOf<'c>>,
    failures: Vec<FailureOf<'c>>,
}

fn agent_collisions(values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    let columns = Columns::read(values)?;
    let mut cells_of: BTreeMap<usize, Vec<Cell<'_>>> = BTreeMap::new();
    let agents = agents(&columns, rows);
    let failed = failed(&columns, rows, &agents);
    let rates = rates(&columns, rows, &agents, &failed);
    let whole = rates.values().fold(Rates::default(), |mut sum, one| {
        sum.join(*one);
        sum
    });
    let mut callers: BTreeMap<(&str, &str), Caller<'_>> = BTreeMap::new();
    for one in &failed {
        callers.entry(one.series).or_default().failures.push(one.of.clone());
    }
    if !callers.is_empty() {
        for row in (0..rows).filter(|row| text(&columns.kinds, *row) == Some("attempt")) {
            let Some(caller) = callers.get_mut(&columns.series(row)) else { continue };
            caller.calls.push(CallOf {
                id: text(&columns.ids, row).unwrap_or_default(),
                time: columns.time(row),
                accepted: flag(&columns.accepted, row).unwrap_or(false),
                instance: text(&columns.instances, row),
            });
        }
    }
    let until = columns.anchors.iter().next().flatten().unwrap_or(i64::MAX);
    let zones = zone::tried(columns.zones.iter().next().flatten().unwrap_or_default());
    let recurrences: BTreeMap<(&str, &str), (Recurrence, Option<Class>)> = callers
        .iter()
        .map(|(series, caller)| {
            let found = recurrence(&caller.calls, &caller.failures, &agents, &zones, until);
            (*series, (found, main_class(&caller.failures)))
        })
        .collect();
    for one in &failed {
        if let Some((recurrence, main)) = recurrences.get(&one.series) {
            cells_of.insert(one.row, collision(one, &agents, &rates, whole, (recurrence, *main), until));
        }
    }
    if rows > 0 {
        let first = cells_of.entry(0).or_default();
        first.resize(COLLISION.len(), Cell::None);
        for (name, count) in [
            ("part_inside", whole.inside),
            ("part_inside_failed", whole.inside_failed),
            ("part_outside", whole.outside),
            ("part_outside_failed", whole.outside_failed),
        ] {
            let place = COLLISION.iter().position(|(known, _)| *known == name);
            if let Some(cell) = place.and_then(|place| first.get_mut(place)) {
                *cell = count.into();
            }
        }
    }
    let mut all = Rows::new(COLLISION, cells_of.len());
    cells_of.values().for_each(|cells| all.push(cells));
    let lengths: Vec<usize> = (0..rows).map(|row| usize::from(cells_of.contains_key(&row))).collect();
    Ok(Arc::new(lists(COLLISION, &lengths, all)?))
}

fn agents(columns: &Columns, rows: usize) -> BTreeMap<&str, Agent<'_>> {
    let mut agents: BTreeMap<&str, Agent<'_>> = BTreeMap::new();
    for row in 0..rows {
        let (Some(kind), Some(instance)) = (text(&columns.kinds, row), text(&columns.instances, row)) else { continue };
        match kind {
            "event" => agents.entry(instance).or_default().events.push(columns.event(row)),
            "update" => agents.entry(instance).or_default().updates.push(columns.call(row)),
            "register" => agents.entry(instance).or_default().registrations.push(columns.call(row)),
            _ => {}
        }
    }
    agents.values_mut().for_each(Agent::settle);
    agents
}

/// The failures with their collisions. A failure without an instance collides with the disconnected agent of the
/// cluster.
fn failed<'c>(columns: &'c Columns, rows: usize, agents: &BTreeMap<&'c str, Agent<'c>>) -> Vec<Failed<'c>> {
    let unknown =
        |basis: &str| Met { class: Class::Unknown, gap: None, basis: basis.to_owned(), update: None, registration: None };
    let mut failed = Vec::new();
    for row in (0..rows).filter(|row| text(&columns.kinds, *row) == Some("failure")) {
        let time = columns.time(row);
        let named = text(&columns.instances, row);
        let (instance, met) = match named {
            Some(instance) => match agents.get(instance) {
                Some(agent) => (named, agent.meet(time)),
                None => (named, unknown("no events of the instance are recorded")),
            },
            None => {
                let disconnected = agents.iter().filter(|(_, agent)| agent.is_in_gap(time));
                let met = disconnected.map(|(instance, agent)| (*instance, agent.meet(time))).min_by_key(|(_, met)| met.class);
                match met {
                    Some((instance, met)) => (Some(instance), met),
                    None => (None, unknown("the failure does not name an instance, and none was disconnected at that time")),
                }
            }
        };
        // The second and later failures of a call have the id of the call, # and a number.
        let id = text(&columns.ids, row).unwrap_or_default();
        let call = id.split_once('#').map_or(id, |(call, _)| call);
        failed.push(Failed { row, series: columns.series(row), of: FailureOf { call, time, instance, met } });
    }
    failed
}

/// Attempts inside and outside the disconnects of each agent with recorded events.
fn rates<'c>(
    columns: &'c Columns,
    rows: usize,
    agents: &BTreeMap<&'c str, Agent<'c>>,
    failed: &[Failed<'c>],
) -> BTreeMap<&'c str, Rates> {
    let mut rates: BTreeMap<&str, Rates> = BTreeMap::new();
    let mut add = |instance: &'c str, time: i64, failed: bool| {
        if let Some(agent) = agents.get(instance).filter(|agent| !agent.events.is_empty()) {
            rates.entry(instance).or_default().add(agent.is_in_gap(time), failed);
        }
    };
    for row in 0..rows {
        let is_attempt = matches!(text(&columns.kinds, row), Some("attempt" | "refused"));
        if let Some(instance) = text(&columns.instances, row).filter(|_| is_attempt) {
            add(instance, columns.time(row), false);
        }
    }
    for one in failed {
        if let Some(instance) = one.of.instance {
            add(instance, one.of.time, true);
        }
    }
    rates
}

fn collision<'c>(
    failed: &'c Failed<'_>,
    agents: &'c BTreeMap<&str, Agent<'_>>,
    rates: &BTreeMap<&str, Rates>,
    whole: Rates,
    (recurrence, main): (&'c Recurrence, Option<Class>),
    until: i64,
) -> Vec<Cell<'c>> {
    let met = &failed.of.met;
    let agent = failed.of.instance.and_then(|instance| agents.get(instance));
    let gap = agent.zip(met.gap).and_then(|(agent, gap)| agent.gaps.get(gap));
    let event = |place: Option<usize>| agent.zip(place).and_then(|(agent, place)| agent.events.get(place));
    let first = gap.and_then(|gap| event(Some(gap.first)));
    let back = gap.and_then(|gap| event(gap.back));
    let earlier = gap.and_then(|gap| event(gap.first.checked_sub(1)));
    let before = first.filter(|event| event.agent_version.is_some()).or(earlier);
    let update = agent.zip(met.update).and_then(|(agent, place)| agent.updates.get(place));
    let registration = agent.zip(met.registration).and_then(|(agent, place)| agent.registrations.get(place));
    let rate = failed.of.instance.and_then(|instance| rates.get(instance)).copied();
    // Without events of the agent, the rate of the cluster does not apply either.
    let whole = rate.map(|_| whole);
    let mut evidence = vec![failed.of.call];
    evidence.extend([first, back].into_iter().flatten().map(|event| event.id));
    evidence.extend([update, registration].into_iter().flatten().map(|call| call.id));
    let calls = recurrence.calls.max(recurrence.failures).max(1);
    vec![
        met.class.word().into(),
        met.basis.as_str().into(),
        failed.of.instance.into(),
        gap.map(|gap| gap.start).into(),
        gap.and_then(|gap| gap.end).into(),
        gap.map(|gap| gap.length(until) as f64 / 1e6).into(),
        gap.map(|gap| gap.weak).into(),
        before.and_then(|event| event.agent_version).into(),
        back.and_then(|event| event.agent_version).into(),
        update.map(|call| call.id).into(),
        rate.map(|rate| rate.inside).into(),
        rate.map(|rate| rate.inside_failed).into(),
        rate.map(|rate| rate.outside).into(),
        rate.map(|rate| rate.outside_failed).into(),
        whole.map(|rate| rate.inside).into(),
        whole.map(|rate| rate.inside_failed).into(),
        whole.map(|rate| rate.outside).into(),
        whole.map(|rate| rate.outside_failed).into(),
        Cell::None,
        Cell::None,
        Cell::None,
        Cell::None,
        recurrence.failures.into(),
        recurrence.accepted.into(),
        (recurrence.failures as f64 / calls as f64).into(),
        recurrence.windows.into(),
        recurrence.instances.into(),
        main.map(Class::word).into(),
        recurrence.minutes.as_str().into(),
        recurrence.hours.as_str().into(),
        recurrence.median.map(|median| median as f64 / 1e6).into(),
        recurrence.phase_lock.into(),
        recurrence.next_at_risk.into(),
        met.class.advice().into(),
        evidence.into(),
    ]
}
