//! Groups signals into incidents.

use super::label::Homes;
use super::root::root_of;
use super::rule::{Rooted, place};
use super::signal::{Signal, SignalKind};
use super::summary::{Incident, incident};
use super::{JITTER, PLACE_GAP, ROLLOUT, RUN_GAP};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The incidents that these signals are, oldest first.
pub fn incidents(mut signals: Vec<Signal<'_>>) -> Vec<Incident> {
    find_homes(&mut signals);
    signals.sort_by(|left, right| order(left).cmp(&order(right)));
    let rooted: Vec<Rooted<'_, '_>> =
        signals.iter().map(|signal| Rooted { signal, root: root_of(signal.cause, signal.phase) }).collect();
    let mut sets = Sets::new(rooted.len());
    join(&rooted, &mut sets);
    consequences(&rooted, &mut sets);
    let mut groups: BTreeMap<usize, Vec<&Rooted<'_, '_>>> = BTreeMap::new();
    for (index, signal) in rooted.iter().enumerate() {
        groups.entry(sets.find(index)).or_default().push(signal);
    }
    let homes = Homes::of(&signals);
    let mut found: Vec<Incident> = groups.values().filter_map(|members| incident(members, &homes)).collect();
    name_homes(&mut found);
    found.sort_by(|left, right| (left.start, &left.id).cmp(&(right.start, &right.id)));
    found
}

fn order<'s>(signal: &'s Signal<'_>) -> (i64, i64, &'s str, usize) {
    (signal.start, signal.end, signal.id, signal.kind as usize)
}

/// Pasted output has no account or Region; it belongs to the only ones with a cluster of this name.
fn find_homes(signals: &mut [Signal<'_>]) {
    // Missing: several accounts or Regions have a cluster of this name.
    type Home<'a> = Option<(Option<&'a str>, Option<&'a str>)>;
    let mut homes: HashMap<&str, Home<'_>> = HashMap::new();
    for signal in signals.iter() {
        let (Some(cluster), Some(account)) = (signal.place.cluster, signal.place.account) else { continue };
        let home = (Some(account), signal.place.region);
        homes.entry(cluster).and_modify(|known| *known = known.filter(|known| *known == home)).or_insert(Some(home));
    }
    for signal in signals {
        if signal.place.account.is_some() {
            continue;
        }
        if let Some(Some((account, region))) = signal.place.cluster.and_then(|cluster| homes.get(cluster)) {
            signal.place.account = *account;
            signal.place.region = signal.place.region.or(*region);
        }
    }
}

/// Adds the account and Region to a series if several have one of this name: they do not repeat each other.
fn name_homes(found: &mut [Incident]) {
    let home_of = |incident: &Incident| Some((incident.common.account.clone()?, incident.common.region.clone()));
    let mut homes: HashMap<String, HashSet<(String, Option<String>)>> = HashMap::new();
    for incident in found.iter() {
        homes.entry(incident.series.clone()).or_default().extend(home_of(incident));
    }
    for incident in found.iter_mut() {
        let Some((account, region)) = home_of(incident) else { continue };
        if homes.get(&incident.series).is_some_and(|homes| homes.len() > 1) {
            let home: Vec<String> = std::iter::once(account).chain(region).collect();
            incident.series = format!("{} ({})", incident.series, home.join(", "));
        }
    }
}

/// Joins signals with common keys.
fn join(rooted: &[Rooted<'_, '_>], sets: &mut Sets) {
    let is_windowed = |signal: &&Signal<'_>| signal.kind == SignalKind::Collision && signal.window.is_some();
    let windowed: HashSet<&str> = rooted.iter().map(|rooted| rooted.signal).filter(is_windowed).map(|signal| signal.id).collect();
    // The latest signal with a key, and the latest end of all of them.
    let mut latest: HashMap<String, (usize, i64)> = HashMap::new();
    for (index, signal) in rooted.iter().enumerate() {
        let (start, end) = (signal.signal.start, signal.signal.end);
        for key in signal.keys(&windowed) {
            match latest.get_mut(&key.name) {
                Some((other, until)) => {
                    if key.within.is_none_or(|within| start.saturating_sub(*until) <= within) {
                        sets.unite(*other, index);
                    }
                    *other = index;
                    *until = end.max(*until);
                }
                None => {
                    latest.insert(key.name, (index, end));
                }
            }
        }
    }
}

/// Joins groups that consist of consequences with the latest root before them.
fn consequences(rooted: &[Rooted<'_, '_>], sets: &mut Sets) {
    let mut roots: HashMap<String, Vec<usize>> = HashMap::new();
    let mut others: HashSet<usize> = HashSet::new();
    for (index, signal) in rooted.iter().enumerate() {
        if signal.is_consequence() {
            continue;
        }
        others.insert(sets.find(index));
        if matches!(signal.signal.kind, SignalKind::Failure | SignalKind::Stall) {
            roots.entry(place(signal.signal)).or_default().push(index);
        }
    }
    let mut joined: HashSet<usize> = HashSet::new();
    for (index, signal) in rooted.iter().enumerate() {
        let set = sets.find(index);
        if !signal.is_consequence() || others.contains(&set) || joined.contains(&set) {
            continue;
        }
        let near = roots.get(&place(signal.signal)).map(Vec::as_slice).unwrap_or_default();
        if let Some(root) = root_before(rooted, near, signal.signal) {
            sets.unite(root, index);
            joined.insert(sets.find(index));
        }
    }
}

/// The latest root that can have this consequence.
fn root_before(rooted: &[Rooted<'_, '_>], roots: &[usize], signal: &Signal<'_>) -> Option<usize> {
    let of_run = signal.place.run.is_some();
    let (before, after) = match (of_run, signal.failure_kind) {
        (true, _) => (RUN_GAP, RUN_GAP),
        (false, Some("deployment")) => (ROLLOUT, JITTER),
        (false, _) if signal.secondary => (ROLLOUT, JITTER),
        (false, _) => (PLACE_GAP, JITTER),
    };
    let fits = |root: &&usize| {
        let Some(root) = rooted.get(**root).map(|rooted| rooted.signal) else { return false };
        let same = match (root.deployment, signal.deployment) {
            (Some(left), Some(right)) => left == right,
            _ => true,
        };
        same && root.start <= signal.end.saturating_add(after) && root.end >= signal.start.saturating_sub(before)
    };
    roots.iter().rev().find(fits).copied()
}

/// Disjoint sets; a set is named by its smallest member.
#[derive(Debug)]
struct Sets(Vec<usize>);

impl Sets {
    fn new(count: usize) -> Self {
        Sets((0..count).collect())
    }

    fn find(&mut self, mut index: usize) -> usize {
        while let Some(parent) = self.0.get(index).copied().filter(|parent| *parent != index) {
            let above = self.0.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.0.get_mut(index) {
                *slot = above;
            }
            index = parent;
        }
        index
    }

    fn unite(&mut self, left: usize, right: usize) {
        let (left, right) = (self.find(left), self.find(right));
        if let Some(slot) = self.0.get_mut(left.max(right)) {
            *slot = left.min(right);
        }
    }
}
