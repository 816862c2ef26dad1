//! A pool at an instant, with its arithmetic: what is in use, refused, needed and allowed, and what to do.
//!
//! ```text
//! explain quota REGION  { "region", "pools": [{resource, unit, account, region, at, allowed, limit_source, used, used_lower, refused,
//!                         needed, short, free, more_fit, at_most, running: [{tasks, size}], not_started, open, demands: [{caller, family,
//!                         tasks, size, record}], peak: {used, needed, at}, first_breach, seconds_over, recommended, unexplained,
//!                         requested: [{value, at, record}], deployments: [], forecast: {refused, reaches: {earliest, expected, latest},
//!                         level, per_day, weekly, horizon_days, at_horizon: {low, middle, high}, days_without_records,
//!                         series: [{day, needed}]}, notes: [], solutions: []}] }
//! ```

mod forecast;
mod gather;
mod solve;
mod trend;

use super::finding::{instant, some_instant};
use jiff::Timestamp;
use serde::Serialize;

pub use forecast::Forecast;
pub use gather::capacity;

/// The new-account default of both Fargate vCPU quotas: told where no limit is known, never assumed.
pub(super) const NEW_ACCOUNT: u32 = 6;

/// The Fargate pools of a region.
#[derive(Debug, Clone, Serialize)]
pub struct Capacity {
    /// The region.
    pub region: String,
    /// One for each account and pool that was used or refused, the shortest of room first.
    pub pools: Vec<PoolState>,
}

/// A pool at an instant.
#[derive(Debug, Clone, Serialize)]
pub struct PoolState {
    /// `fargate_vcpu` or `fargate_spot_vcpu`.
    pub resource: String,
    /// What one unit is.
    pub unit: &'static str,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The instant.
    #[serde(serialize_with = "instant")]
    pub at: Timestamp,
    /// The limit; none = not known.
    pub allowed: Option<f64>,
    /// Where it is from.
    pub limit_source: Option<String>,
    /// In use, from creation to stop.
    pub used: f64,
    /// In use, if use ends when the containers stop.
    pub used_lower: f64,
    /// Asked for and refused.
    pub refused: f64,
    /// Used and refused.
    pub needed: f64,
    /// How far that is above the limit.
    pub short: Option<f64>,
    /// What is free.
    pub free: Option<f64>,
    /// How many more tasks of the size asked for would fit.
    pub more_fit: Option<i64>,
    /// How many tasks of that size fit at all.
    pub at_most: Option<i64>,
    /// Tasks in use, by size.
    pub running: Vec<Sized>,
    /// Tasks in use that had not started.
    pub not_started: i64,
    /// Tasks in use that were never seen to stop.
    pub open: i64,
    /// What was refused.
    pub demands: Vec<Demand>,
    /// The most in use, and the most needed.
    pub peak: Peak,
    /// When more was needed than allowed for the first time, or was refused for the first time.
    #[serde(serialize_with = "some_instant")]
    pub first_breach: Option<Timestamp>,
    /// For how long in all.
    pub seconds_over: f64,
    /// A limit with room: the most needed and a fifth more, rounded up.
    pub recommended: i64,
    /// Refused although it would have fitted: in use by what these records do not see.
    pub unexplained: Option<f64>,
    /// Raises that were asked for, granted or not.
    pub requested: Vec<Raise>,
    /// Services with a rolling deployment at that instant.
    pub deployments: Vec<String>,
    /// When the limit will be reached, or why that cannot be told.
    pub forecast: Forecast,
    /// What else is worth knowing.
    pub notes: Vec<String>,
    /// What to do, with numbers.
    pub solutions: Vec<String>,
}

/// Some tasks of one size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sized {
    /// How many.
    pub tasks: i64,
    /// The size of one.
    pub size: f64,
}

/// A demand that was refused.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Demand {
    /// Who asked.
    pub caller: String,
    /// For what.
    pub family: String,
    /// For how many tasks.
    pub tasks: i64,
    /// Of which size.
    pub size: f64,
    /// The record that says so.
    pub record: String,
}

/// The most over all of the records.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Peak {
    /// In use at once.
    pub used: f64,
    /// Needed at once.
    pub needed: f64,
    /// When most was needed for the first time.
    #[serde(serialize_with = "some_instant")]
    pub at: Option<Timestamp>,
}

/// A raise of the limit that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Raise {
    /// To what.
    pub value: String,
    /// When.
    #[serde(serialize_with = "instant")]
    pub at: Timestamp,
    /// The record that says so.
    pub record: String,
}

impl PoolState {
    /// What a person calls the pool.
    pub fn title(&self) -> &'static str {
        if self.resource.contains("spot") { "Fargate Spot vCPU" } else { "Fargate On-Demand vCPU" }
    }

    /// The code of its quota.
    pub fn code(&self) -> &'static str {
        if self.resource.contains("spot") { "L-36FBB829" } else { "L-3032A538" }
    }

    /// One line of what is in use.
    pub fn current(&self) -> String {
        let tasks = terms(&self.running, |sized| format!("{} × {} vCPU", count(sized.tasks, "task"), number(sized.size)));
        let tasks = if tasks.is_empty() { String::new() } else { format!(" ({tasks})") };
        let used = number(self.used);
        match (self.allowed, self.free) {
            (Some(allowed), Some(free)) => {
                let free = if free > 0.0 { format!("{} free", number(free)) } else { "none free".to_owned() };
                format!("{used} of {} vCPU in use{tasks}, {free}", number(allowed))
            }
            _ => format!("{used} vCPU in use{tasks}; limit unknown (new accounts start with {NEW_ACCOUNT})"),
        }
    }

    /// The arithmetic on one line.
    pub fn calculation(&self) -> String {
        let running = terms(&self.running, |sized| format!("{} × {}", sized.tasks, number(sized.size)));
        let mut line =
            if running.is_empty() { "running 0".to_owned() } else { format!("running {running} = {}", number(self.used)) };
        let refused = terms(&self.demands, |demand| format!("{} × {}", demand.tasks, number(demand.size)));
        match refused.is_empty() {
            true => line.push_str("; refused 0"),
            false => line.push_str(&format!("; refused {refused} = {}", number(self.refused))),
        }
        line.push_str(&format!("; needed {}", number(self.needed)));
        match self.short {
            Some(short) if short > 0.0 => line.push_str(&format!("; short by {}", number(short))),
            Some(_) => line.push_str("; enough"),
            None => {}
        }
        line
    }
}

fn terms<T>(all: &[T], term: impl Fn(&T) -> String) -> String {
    all.iter().map(term).collect::<Vec<_>>().join(" + ")
}

pub(super) fn count(count: i64, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// A number with as many decimals as it needs, three at most.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
