//! What joins signals: each signal has keys, and signals with a common key are one incident.

use super::root::{Root, Shared};
use super::signal::{Place, Signal, SignalKind};
use super::{PLACE_GAP, RUN_GAP, SHARED_GAP};
use std::collections::HashSet;

/// A key of a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// How far apart signals with this key may be, in microseconds; none = any distance.
    pub within: Option<i64>,
}

/// A signal with its root.
#[derive(Debug)]
pub struct Rooted<'s, 'a> {
    /// The signal.
    pub signal: &'s Signal<'a>,
    /// Its root class; none for unknown messages, and for signals that are not failures.
    pub root: Option<&'static Root>,
}

impl Rooted<'_, '_> {
    /// The name of its root.
    pub fn root_id(&self) -> &str {
        match self.signal.kind {
            SignalKind::Stall => "stall",
            SignalKind::MissedStart if self.signal.call.is_none() => "schedule",
            SignalKind::Collision => "agent",
            _ => self.root.map_or("unknown", |root| root.id.as_str()),
        }
    }

    /// Whether it only follows from another failure.
    pub fn is_consequence(&self) -> bool {
        let signal = self.signal;
        let deployment = matches!(signal.failure_kind, Some("deployment"))
            || (signal.failure_kind == Some("service") && self.root.is_some_and(|root| root.id == "deployment"));
        signal.kind == SignalKind::Failure && (signal.secondary || deployment)
    }

    /// Its keys. `windowed` has the failures whose disconnect is recorded.
    pub fn keys(&self, windowed: &HashSet<&str>) -> Vec<Key> {
        let signal = self.signal;
        let mut keys = Vec::new();
        let mut exact = |name: String| keys.push(Key { name, within: None });
        match signal.kind {
            SignalKind::Launch => signal.records.iter().for_each(|call| exact(format!("call|{call}"))),
            SignalKind::MissedStart => match (signal.call, signal.island) {
                (Some(launch), _) => exact(format!("call|{launch}")),
                (None, island) => exact(joined(
                    "silence",
                    signal.place,
                    &[signal.schedule, signal.place.family, Some(&island.unwrap_or_default().to_string())],
                )),
            },
            SignalKind::Collision => {
                exact(format!("failure|{}", signal.id));
                if let (Some(window), Some(instance)) = (signal.window, signal.place.instance) {
                    exact(joined("window", signal.place, &[signal.place.cluster, Some(instance), Some(&window.to_string())]));
                }
            }
            SignalKind::Stall => {
                if let Some(deployment) = signal.deployment {
                    exact(joined("stalled", signal.place, &[signal.place.cluster, Some(deployment)]));
                }
                if signal.place.service.is_some() || signal.deployment.is_none() {
                    keys.push(Key { name: stalled(signal.place), within: Some(SHARED_GAP) });
                }
            }
            SignalKind::Failure => {
                exact(format!("failure|{}", signal.id));
                signal.call.iter().for_each(|call| exact(format!("call|{call}")));
                if self.is_consequence() {
                    keys.push(Key { name: format!("consequence|{}", place(signal)), within: Some(RUN_GAP) });
                } else if !windowed.contains(signal.id) {
                    keys.extend(self.of_root());
                }
            }
        }
        keys
    }

    /// The keys of a failure that is a root: its place, its deployment, and what it shares with others.
    fn of_root(&self) -> Vec<Key> {
        let (signal, root) = (self.signal, self.root_id());
        let near = |name: String| Key { name, within: Some(PLACE_GAP) };
        let api = signal.failure_kind == Some("api_error");
        // Unknown messages are alike only if their reason is; so are refused calls.
        let detail = if api || self.root.is_none() { signal.reason.unwrap_or_default() } else { "" };
        let event = if api { signal.event_name.unwrap_or_default() } else { "" };
        let mut keys = vec![near(format!("place|{}|{root}|{detail}|{event}", place(signal)))];
        if let Some(deployment) = signal.deployment.filter(|_| signal.ran != Some(true)) {
            keys.push(near(joined("deployment", signal.place, &[signal.place.cluster, Some(deployment), signal.phase])));
        }
        if signal.failure_kind == Some("service") && matches!(root, "capacity" | "placement") {
            keys.push(Key { name: stalled(signal.place), within: Some(SHARED_GAP) });
        }
        let shared = self.root.and_then(|root| root.shared).and_then(|shared| self.shared(shared, root));
        keys.extend(shared.map(|name| Key { name, within: Some(SHARED_GAP) }));
        keys
    }

    fn shared(&self, shared: Shared, root: &str) -> Option<String> {
        let (signal, there) = (self.signal, self.signal.place);
        let cluster = |more: Option<&str>| match (there.cluster, there.project) {
            (Some(cluster), _) => Some(joined("cluster", there, &[Some(cluster), Some(root), more])),
            (None, Some(project)) => Some(joined("project", there, &[Some(project), Some(root), more])),
            (None, None) => None,
        };
        match shared {
            Shared::Instance => {
                there.instance.map(|instance| joined("instance", there, &[there.cluster, Some(instance), Some(root)]))
            }
            Shared::Cluster => cluster(signal.cause),
            Shared::Region => {
                there.region?;
                let what = signal.quota.or(signal.cause).or(signal.reason);
                // Quotas of dstack backends are those of a project.
                Some(joined("region", there, &[there.project, Some(root), what]))
            }
            Shared::Subnet => match there.subnet {
                Some(subnet) => Some(joined("subnet", there, &[Some(subnet), Some(root)])),
                None => cluster(None),
            },
            Shared::Resource => signal.resource.map(|resource| joined("resource", there, &[Some(resource), Some(root)])),
        }
    }
}

/// A name from an account, a Region and other parts.
fn joined(what: &str, there: Place<'_>, parts: &[Option<&str>]) -> String {
    let mut name = format!("{what}|{}|{}", there.account.unwrap_or_default(), there.region.unwrap_or_default());
    for part in parts {
        name.push('|');
        name.push_str(part.unwrap_or_default());
    }
    name
}

/// The service whose tasks wait.
fn stalled(there: Place<'_>) -> String {
    joined("stalled service", there, &[there.cluster, there.service.or(there.instance)])
}

/// The service, job, run or caller of a signal.
pub fn place(signal: &Signal<'_>) -> String {
    let there = signal.place;
    if let Some(run) = there.run {
        return format!("run|{}|{run}", there.project.unwrap_or_default());
    }
    if let Some(service) = there.service {
        return joined("service", there, &[there.cluster, Some(service)]);
    }
    if let Some(family) = there.family {
        return joined("family", there, &[there.cluster, Some(family)]);
    }
    if let Some(instance) = there.instance {
        return joined("instance", there, &[there.cluster, Some(instance)]);
    }
    joined("caller", there, &[there.project, there.cluster, signal.user, signal.event_name])
}
