//! The names of services, jobs and runs for readers: with the account or Region if several have one of this name.

use super::signal::{Signal, SignalKind};
use std::collections::{BTreeSet, HashMap};

/// An account, and its Region if it is known.
type Home<'a> = (&'a str, Option<&'a str>);

/// The accounts and Regions in which each name had trouble.
#[derive(Debug, Default)]
pub(super) struct Homes<'a>(HashMap<String, BTreeSet<Home<'a>>>);

impl<'a> Homes<'a> {
    /// Those of all signals of trouble: launches that were placed in the end are not named.
    pub(super) fn of(signals: &[Signal<'a>]) -> Homes<'a> {
        let is_trouble = |signal: &&Signal<'_>| signal.kind != SignalKind::Launch || signal.outcome == Some("lost");
        let mut homes: HashMap<String, BTreeSet<Home<'a>>> = HashMap::new();
        for signal in signals.iter().filter(is_trouble) {
            if let Some(account) = signal.place.account {
                homes.entry(place_name(signal)).or_default().insert((account, signal.place.region));
            }
        }
        Homes(homes)
    }

    /// The name of the service, job or run of a signal.
    pub(super) fn label(&self, signal: &Signal<'_>) -> String {
        format!("{}{}", place_name(signal), self.suffix(signal))
    }

    /// What follows the name: the account if several have this name, and the Region if the account has it in several.
    pub(super) fn suffix(&self, signal: &Signal<'_>) -> String {
        let Some((account, homes)) = signal.place.account.zip(self.0.get(&place_name(signal))) else { return String::new() };
        let has_others = homes.iter().any(|(other, _)| *other != account);
        let has_regions = homes.iter().filter(|(other, _)| *other == account).count() > 1;
        let account = has_others.then_some(account);
        let region = signal.place.region.filter(|_| has_regions);
        match account.into_iter().chain(region).collect::<Vec<_>>().as_slice() {
            [] => String::new(),
            home => format!(" ({})", home.join(", ")),
        }
    }
}

/// The name of a service, job or run: `cluster/service`.
pub(super) fn place_name(signal: &Signal<'_>) -> String {
    let there = signal.place;
    let within = there.cluster.or(there.project);
    let name = there.run.or(there.service).or(there.family).or(there.instance).or(signal.event_name);
    match (within, name) {
        (Some(within), Some(name)) => format!("{within}/{name}"),
        (one, other) => one.or(other).unwrap_or("unnamed").to_owned(),
    }
}
