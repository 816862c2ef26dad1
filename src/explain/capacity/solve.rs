//! Derives notes and recommended actions from the numbers of a pool.

use super::{NEW_ACCOUNT, PoolState, number};
use crate::plural::counted;

/// The vCPU sizes of Fargate tasks, smallest first.
const SIZES: &[f64] = &[0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

/// Fills in how many tasks fit, the notes and the actions.
pub(super) fn solve(pool: &mut PoolState) {
    let largest = pool.demands.iter().map(|demand| demand.size).chain(pool.running.iter().map(|sized| sized.size));
    let size = pool.demands.first().map(|demand| demand.size).or_else(|| largest.reduce(f64::max)).filter(|size| *size > 0.0);
    if let (Some(size), Some(free), Some(allowed)) = (size, pool.free, pool.allowed) {
        pool.more_fit = Some((free / size).floor() as i64);
        pool.at_most = Some((allowed / size).floor() as i64);
    }
    pool.notes = notes(pool);
    pool.solutions = solutions(pool, size);
}

fn notes(pool: &PoolState) -> Vec<String> {
    let mut notes = Vec::new();
    if pool.not_started > 0 {
        notes.push(format!("{} in use: accepted but not started", counted(pool.not_started, "task", "tasks")));
    }
    if pool.used_lower < pool.used {
        notes.push(format!(
            "usage is {} if a task releases its vCPU when its containers stop rather than when it is STOPPED; AWS does not document which",
            number(pool.used_lower)
        ));
    }
    if pool.open > 0 {
        notes.push(format!(
            "{} without a recorded stop: counted until the end of the records",
            counted(pool.open, "task", "tasks")
        ));
    }
    if let Some(unexplained) = pool.unexplained {
        notes.push(format!(
            "refused although only {} of {} would be needed: at least {} vCPU are used outside these records (EKS pods \
             share the quota), or the limit is lower",
            number(pool.needed),
            number(pool.allowed.unwrap_or(0.0)),
            number(unexplained)
        ));
    }
    for service in &pool.deployments {
        notes.push(format!("during a rolling deployment of {service}: its maximumPercent may double its usage"));
    }
    for raise in &pool.requested {
        notes.push(format!(
            "an increase to {} was requested at {} (requested, not necessarily granted)  [{}]",
            raise.value, raise.at, raise.record
        ));
    }
    notes
}

fn solutions(pool: &PoolState, size: Option<f64>) -> Vec<String> {
    let needed = pool.needed.max(pool.peak.needed);
    if needed <= 0.0 {
        return Vec::new();
    }
    let mut actions = Vec::new();
    let least = needed.ceil();
    let spare = pool.recommended;
    actions.push(match pool.allowed {
        Some(allowed) if needed <= allowed => {
            format!("The peak need fits ({} of {}); a limit with 20 % headroom is {spare}", number(needed), number(allowed))
        }
        _ => format!(
            "Raise {} to at least {}, or to {spare} for 20 % headroom: aws service-quotas request-service-quota-increase \
             --service-code fargate --quota-code {} --desired-value {spare} --region {}",
            pool.code(),
            number(least),
            pool.code(),
            pool.region
        ),
    });
    let tasks: i64 = pool.running.iter().map(|sized| sized.tasks).chain(pool.demands.iter().map(|demand| demand.tasks)).sum();
    if let (Some(allowed), Some(size), Some(short)) = (pool.allowed, size, pool.short)
        && short > 0.0
        && tasks > 0
    {
        let smaller = SIZES.iter().rev().find(|smaller| **smaller < size && **smaller * tasks as f64 <= allowed);
        if let Some(smaller) = smaller {
            actions.push(format!(
                "Use smaller tasks: {tasks} × {} = {} fit within {} (--what-if task-vcpu={})",
                number(*smaller),
                number(smaller * tasks as f64),
                number(allowed),
                number(*smaller)
            ));
        }
        if let Some(at_most) = pool.at_most {
            actions.push(format!(
                "Run at most {} of {} vCPU concurrently and queue the rest",
                counted(at_most, "task", "tasks"),
                number(size)
            ));
        }
    }
    let other = if pool.resource.contains("spot") { "On-Demand" } else { "FARGATE_SPOT" };
    actions.push(format!("Move some tasks to {other}, which has its own quota, or to another Region or account; more Availability Zones do not help"));
    if pool.allowed.is_none() {
        actions.push(format!(
            "Provide the limit with --quotas FILE (aws service-quotas list-service-quotas --service-code fargate --region {}): new accounts \
             start with {NEW_ACCOUNT}, actual limits are often higher",
            pool.region
        ));
    }
    actions
}
