//! Prints a pool in blocks: failure, current usage, calculation, history, forecast, notes and solutions.

use super::blocks::Page;
use crate::explain::capacity::{Capacity, PoolState, number};
use crate::plural::counted;
use crate::render::describe_duration;

pub(super) fn write(page: &mut Page<'_>, capacity: &Capacity) {
    if capacity.pools.is_empty() {
        page.line(&format!("no Fargate tasks, running or refused, are recorded in {}", capacity.region));
    }
    for (index, pool) in capacity.pools.iter().enumerate() {
        if index > 0 {
            page.gap();
        }
        write_pool(page, pool);
    }
}

fn write_pool(page: &mut Page<'_>, pool: &PoolState) {
    let place = format!("{} (account {}) at {}", pool.region, pool.account, page.time(pool.at));
    match pool.demands.is_empty() {
        false => page.block("Failure", &[format!("{} limit reached in {place}", pool.title())]),
        true => page.block("Pool", &[format!("{} in {place}", pool.title())]),
    }
    page.block("Current", &[pool.current()]);
    let mut calculation = vec![pool.calculation()];
    if let (Some(more), Some(most)) = (pool.more_fit, pool.at_most) {
        calculation.push(format!("room for {more} more of that size ({most} when empty)"));
    }
    for demand in &pool.demands {
        let family = if demand.family.is_empty() { String::new() } else { format!(" of {}", demand.family) };
        let tasks = counted(demand.tasks, "task", "tasks");
        calculation.push(format!("refused: {tasks}{family} for {}  [{}]", demand.caller, demand.record));
    }
    page.block("Calculation", &calculation);
    let at = pool.peak.at.map(|at| format!(", first at {}", page.time(at))).unwrap_or_default();
    let mut history = vec![format!("peak use {}, peak need {} vCPU{at}", number(pool.peak.used), number(pool.peak.needed))];
    if let Some(first) = pool.first_breach {
        let what = if pool.allowed.is_some() { "over the limit" } else { "refused" };
        history.push(format!("first {what} at {}, {} in total", page.time(first), describe_duration(pool.seconds_over)));
    }
    page.block("History", &history);
    page.block("Forecast", &pool.forecast.words("vCPU", pool.allowed));
    if !pool.notes.is_empty() {
        page.block("Notes", &pool.notes);
    }
    if !pool.solutions.is_empty() {
        page.steps("Solutions", &pool.solutions);
    }
}
