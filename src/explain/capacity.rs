//! The state of a quota pool at an instant: usage, refused demand, need, limit, and what to do.

mod forecast;
mod gather;
mod solve;
mod trend;

use crate::plural::counted;
use crate::rfc3339::{instant, some_instant};
use jiff::Timestamp;
use serde::Serialize;

pub use forecast::Forecast;
pub use gather::capacity;

/// The new-account default of both Fargate vCPU quotas: shown if the limit is unknown, never assumed.
pub(super) const NEW_ACCOUNT: u32 = 6;

/// The Fargate pools of a region.
#[derive(Debug, Clone, Serialize)]
pub struct Capacity {
    /// The region.
    pub region: String,
    /// One for each account and pool with usage or refused demand, largest shortage first.
    pub pools: Vec<PoolState>,
}

/// A pool at an instant.
#[derive(Debug, Clone, Serialize)]
pub struct PoolState {
    /// `fargate_vcpu` or `fargate_spot_vcpu`.
    pub resource: String,
    /// The unit.
    pub unit: &'static str,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The instant.
    #[serde(serialize_with = "instant")]
    pub at: Timestamp,
    /// The limit; none if unknown.
    pub allowed: Option<f64>,
    /// The source of the limit.
    pub limit_source: Option<String>,
    /// Usage from creation to stop.
    pub used: f64,
    /// Usage if it ends when the containers stop.
    pub used_lower: f64,
    /// Requested and refused.
    pub refused: f64,
    /// Usage plus refused demand.
    pub needed: f64,
    /// Need above the limit.
    pub short: Option<f64>,
    /// Free capacity.
    pub free: Option<f64>,
    /// The number of additional tasks of the requested size that fit.
    pub more_fit: Option<i64>,
    /// The number of tasks of that size that fit into the whole limit.
    pub at_most: Option<i64>,
    /// Tasks in use, by size.
    pub running: Vec<Sized>,
    /// Tasks in use that had not started.
    pub not_started: i64,
    /// Tasks in use without a recorded stop.
    pub open: i64,
    /// Refused demands.
    pub demands: Vec<Demand>,
    /// Peak usage and peak need.
    pub peak: Peak,
    /// When the need first exceeded the limit or, without a known limit, was first refused.
    #[serde(serialize_with = "some_instant")]
    pub first_breach: Option<Timestamp>,
    /// Total seconds over the limit.
    pub seconds_over: f64,
    /// A limit with headroom: the peak need plus 20 %, rounded up.
    pub recommended: i64,
    /// Usage outside these records that explains a refusal below the limit.
    pub unexplained: Option<f64>,
    /// Requested increases, granted or not.
    pub requested: Vec<Raise>,
    /// Services with a rolling deployment at that instant.
    pub deployments: Vec<String>,
    /// When the limit will be reached, or why no forecast is possible.
    pub forecast: Forecast,
    /// Further notes.
    pub notes: Vec<String>,
    /// Recommended actions.
    pub solutions: Vec<String>,
}

/// Some tasks of one size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sized {
    /// Number of tasks.
    pub tasks: i64,
    /// Size of one task.
    pub size: f64,
}

/// A demand that was refused.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Demand {
    /// The caller.
    pub caller: String,
    /// The task definition family.
    pub family: String,
    /// Number of tasks.
    pub tasks: i64,
    /// Size of one task.
    pub size: f64,
    /// The id of the record.
    pub record: String,
}

/// Maxima over all records.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Peak {
    /// Peak usage.
    pub used: f64,
    /// Peak need.
    pub needed: f64,
    /// When the need first reached its peak.
    #[serde(serialize_with = "some_instant")]
    pub at: Option<Timestamp>,
}

/// A requested increase of the limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Raise {
    /// The requested value.
    pub value: String,
    /// When.
    #[serde(serialize_with = "instant")]
    pub at: Timestamp,
    /// The id of the record.
    pub record: String,
}

impl PoolState {
    /// The display name of the pool.
    pub fn title(&self) -> &'static str {
        if self.resource.contains("spot") { "Fargate Spot vCPU" } else { "Fargate On-Demand vCPU" }
    }

    /// The code of its quota.
    pub fn code(&self) -> &'static str {
        if self.resource.contains("spot") { "L-36FBB829" } else { "L-3032A538" }
    }

    /// Current usage in one line.
    pub fn current(&self) -> String {
        let tasks =
            terms(&self.running, |sized| format!("{} × {} vCPU", counted(sized.tasks, "task", "tasks"), number(sized.size)));
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

    /// The calculation in one line.
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

/// A number with as many decimals as it needs, three at most.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
