//! The zone of a query as part of a plan, and the zones whose clocks a schedule may follow.

use std::collections::BTreeSet;
use std::sync::Mutex;

use jiff::tz::TimeZone;

/// The name of a zone; `UTC` where a zone has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneName(&'static str);

/// Names given out so far: the plan of a query needs them as long as it lives, and there are few.
static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Zones whose clocks change in different ways; a schedule that follows another one of the same way is found, too.
const OTHERS: &[&str] = &["UTC", "America/New_York", "Europe/Berlin", "Australia/Sydney"];

impl ZoneName {
    /// The name of a zone.
    pub fn of(zone: &TimeZone) -> Self {
        let Some(name) = zone.iana_name() else { return Self::default() };
        let Ok(mut names) = NAMES.lock() else { return Self::default() };
        let known = names.get(name).copied().unwrap_or_else(|| {
            let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
            names.insert(name);
            name
        });
        ZoneName(known)
    }

    /// As a text of SQL.
    pub fn sql(self) -> String {
        format!("'{}'", self.0.replace('\'', "''"))
    }
}

impl Default for ZoneName {
    fn default() -> Self {
        ZoneName("UTC")
    }
}

/// The zones to try for a schedule: the one of the query first.
pub fn tried(name: &str) -> Vec<TimeZone> {
    let mut zones = Vec::with_capacity(OTHERS.len() + 1);
    zones.extend(TimeZone::get(name).ok());
    zones.extend(OTHERS.iter().filter(|other| **other != name).filter_map(|other| TimeZone::get(other).ok()));
    zones
}
