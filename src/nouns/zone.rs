//! The time zone of a query as part of a plan, and the time zones that a schedule may follow.

use std::collections::BTreeSet;
use std::sync::Mutex;

use jiff::tz::TimeZone;

/// The name of a time zone; `UTC` for a zone without a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneName(&'static str);

/// Interned names. Plans keep references to them, and there are only a few.
static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Time zones with different clock changes; a schedule in another zone with the same changes is also found.
const OTHERS: &[&str] = &["UTC", "America/New_York", "Europe/Berlin", "Australia/Sydney"];

impl ZoneName {
    /// The name of a time zone.
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

    /// As a SQL string.
    pub fn sql(self) -> String {
        format!("'{}'", self.0.replace('\'', "''"))
    }
}

impl Default for ZoneName {
    fn default() -> Self {
        ZoneName("UTC")
    }
}

/// The time zones to try for a schedule, starting with that of the query.
pub fn tried(name: &str) -> Vec<TimeZone> {
    let mut zones = Vec::with_capacity(OTHERS.len() + 1);
    zones.extend(TimeZone::get(name).ok());
    zones.extend(OTHERS.iter().filter(|other| **other != name).filter_map(|other| TimeZone::get(other).ok()));
    zones
}
