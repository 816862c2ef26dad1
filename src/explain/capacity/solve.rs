//! What the numbers of a pool mean for what to do.

use super::{NEW_ACCOUNT, PoolState, count, number};

/// vCPU sizes that Fargate has, least first.
const SIZES: &[f64] = &[0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

/// Fills in what follows from the numbers: how many fit, notes and numbered actions.
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
        notes.push(format!("{} of those in use: accepted, but not started yet", count(pool.not_started, "task")));
    }
    if pool.used_lower < pool.used {
        notes.push(format!(
            "in use is {} if a task frees its vCPU when its containers stop, not when it is STOPPED: AWS does not say which",
            number(pool.used_lower)
        ));
    }
    if pool.open > 0 {
        notes.push(format!("{} never seen to stop: they count up to the end of the records", count(pool.open, "task")));
    }
    if let Some(unexplained) = pool.unexplained {
        notes.push(format!(
            "refused although {} of {} would be needed: at least {} vCPU more are in use by something outside these records (EKS pods \
             share the quota), or the limit is lower",
            number(pool.needed),
            number(pool.allowed.unwrap_or(0.0)),
            number(unexplained)
        ));
    }
    for service in &pool.deployments {
        notes.push(format!("during a rolling deployment of {service}: its maximumPercent may double what it uses"));
    }
    for raise in &pool.requested {
        notes.push(format!(
            "a raise to {} was asked for at {} (asked for, not granted)  [{}]",
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
        Some(allowed) if needed <= allowed => format!(
            "Nothing is short at the most needed ({} of {}); a limit with a fifth to spare is {spare}",
            number(needed),
            number(allowed)
        ),
        _ => format!(
            "Raise {} to {} at least, {spare} with a fifth to spare: aws service-quotas request-service-quota-increase \
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
                "Smaller tasks: {tasks} × {} = {} fit into {} (--what-if task-vcpu={})",
                number(*smaller),
                number(smaller * tasks as f64),
                number(allowed),
                number(*smaller)
            ));
        }
        if let Some(at_most) = pool.at_most {
            actions.push(format!(
                "Run at most {} of {} vCPU at once, one after the other instead of together",
                count(at_most, "task"),
                number(size)
            ));
        }
    }
    let other = if pool.resource.contains("spot") { "On-Demand" } else { "FARGATE_SPOT" };
    actions.push(format!("Move some tasks to {other}, which has a quota of its own, or to another Region or account; more Availability Zones do not help"));
    if pool.allowed.is_none() {
        actions.push(format!(
            "Tell the limit with --quotas FILE (aws service-quotas list-service-quotas --service-code fargate --region {}): the default of \
             a new account is {NEW_ACCOUNT}, real ones are often higher",
            pool.region
        ));
    }
    actions
}
