//! The numbers behind a refused launch: requested, placed and missing tasks, and usage compared with capacity.

use super::capacity::number;
use super::gather::FailureContext;
use super::records::{Records, Row, equals, home_of, like_it, text, time};
use crate::nouns::quota::limits::{FARGATE, FARGATE_SPOT};
use crate::run::RunError;
use crate::table::Table;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The calculation, line by line; empty if no record has numbers.
pub(super) fn calculate(records: &Records<'_>, case: &FailureContext) -> Result<Vec<String>, RunError> {
    let Some(at) = case.failure.time("time") else { return Ok(Vec::new()) };
    let mut lines = Vec::new();
    if let Some(call) = case.call.as_ref().filter(|_| case.kind() == "launch")
        && let (Some(asked), Some(placed), Some(missing)) = (call.int("asked"), call.int("placed"), call.int("missing"))
    {
        lines.push(format!("tasks: {asked} requested − {placed} placed = {missing} missing"));
    }
    let reason = case.text("reason").unwrap_or_default();
    let cause = case.text("cause").unwrap_or_default();
    if cause.starts_with("quota-fargate") && case.kind() == "launch" {
        lines.extend(fargate(records, case, at)?);
    } else if reason == "RESOURCE:CPU" || reason == "RESOURCE:MEMORY" {
        lines.extend(instance(records, case, at)?);
    }
    if super::exit::oom(case)
        && let Some(memory) = case.task.as_ref().and_then(|task| task.int("memory"))
    {
        lines.push(format!("memory of the task: {memory} MiB"));
    }
    Ok(lines)
}

/// Fargate: vCPU in use, refused, needed.
fn fargate(records: &Records<'_>, case: &FailureContext, at: Timestamp) -> Result<Vec<String>, RunError> {
    let spot = case.text("capacity_provider") == Some("FARGATE_SPOT");
    let pool = if spot {
        "capacity_provider = 'FARGATE_SPOT'"
    } else {
        "(launch_type = 'FARGATE' or capacity_provider = 'FARGATE') and (capacity_provider is distinct from 'FARGATE_SPOT')"
    };
    let rows = records.rows(&format!(
        "select max(cpu) as cpu, coalesce(task_arn, task) as name from task_events where {pool} and {} and {} and created_at <= {} \
         group by coalesce(task_arn, task) having max(stopped_at) is null or max(stopped_at) > {} order by name",
        like_it("account", case.text("account")),
        like_it("region", case.text("region")),
        time(at),
        time(at),
    ))?;
    let mut sizes: BTreeMap<i64, i64> = BTreeMap::new();
    for row in &rows {
        *sizes.entry(row.int("cpu").unwrap_or_default()).or_default() += 1;
    }
    let running: i64 = sizes.iter().map(|(cpu, count)| cpu.saturating_mul(*count)).fold(0, i64::saturating_add);
    let terms: Vec<String> = sizes.iter().rev().map(|(cpu, count)| format!("{count} × {}", vcpu(*cpu))).collect();
    let mut lines = vec![format!(
        "running: {} = {} vCPU in {} tasks known from these records",
        if terms.is_empty() { "0".to_owned() } else { terms.join(" + ") },
        vcpu(running),
        rows.len()
    )];
    let Some(requested) = case.failure.int("requested_cpu") else { return Ok(lines) };
    let missing = case.call.as_ref().and_then(|call| call.int("missing")).unwrap_or(1);
    let refused = requested.saturating_mul(missing);
    lines.push(format!("refused: {missing} × {} = {} vCPU", vcpu(requested), vcpu(refused)));
    lines.push(format!("needed: {} + {} = {} vCPU", vcpu(running), vcpu(refused), vcpu(running.saturating_add(refused))));
    lines.push(match limit(records, case, at)? {
        None => format!(
            "limit: not in these records; if they cover all usage of the account and Region, it is at least {} and below {} vCPU",
            vcpu(running),
            vcpu(running.saturating_add(refused))
        ),
        Some(limit) => {
            let needed = running.saturating_add(refused) as f64 / 1024.0;
            let rest = if needed > limit {
                format!("short by {}", number(needed - limit))
            } else {
                format!("{} are used outside these records, or the limit is lower", number(limit - needed))
            };
            format!("limit: {} vCPU: {rest}", number(limit))
        }
    });
    Ok(lines)
}

/// The limit from the quota file.
fn limit(records: &Records<'_>, case: &FailureContext, at: Timestamp) -> Result<Option<f64>, RunError> {
    let name = |column: &str| case.text(column).map_or_else(|| "null".to_owned(), text);
    let pool = if case.text("capacity_provider") == Some("FARGATE_SPOT") { FARGATE_SPOT } else { FARGATE };
    let rows = records.rows(&format!(
        "select cast(quota_limit('{pool}', {}, {}, null, null, {}) as varchar) as allowed",
        name("account"),
        name("region"),
        time(at)
    ))?;
    Ok(rows.first().and_then(|row| row.text("allowed")).and_then(|allowed| allowed.parse().ok()))
}

/// CPU units as vCPU.
fn vcpu(units: i64) -> String {
    let text = format!("{:.3}", units as f64 / 1024.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Compares the requested resources with the free resources that the instance last reported.
fn instance(records: &Records<'_>, case: &FailureContext, at: Timestamp) -> Result<Vec<String>, RunError> {
    let Some(instance) = case.text("container_instance") else { return Ok(Vec::new()) };
    let before = format!(
        "{} and {} and \"time\" <= {} and remaining_cpu is not null",
        equals("container_instance", Some(instance)),
        like_it("cluster", case.text("cluster")),
        time(at)
    );
    let reports = records.some(Table::InstanceEvents, &before, "\"time\" desc, version desc nulls last", 1)?;
    let size = requested(records, case, at)?;
    let Some(report) = reports.first() else {
        let lines = [("CPU units", size.cpu), ("MiB of memory", size.memory)];
        let asked = lines.iter().filter_map(|(unit, value)| value.map(|value| format!("{value} {unit}"))).collect::<Vec<_>>();
        let asked = if asked.is_empty() { String::new() } else { format!("one task requests {}; ", asked.join(" and ")) };
        return Ok(vec![format!("{asked}no earlier record shows the free resources of instance {instance}")]);
    };
    let since = time(report.time("time").unwrap_or(at));
    // The call is recorded in whole seconds; the tasks it placed are created in the next.
    let soon = time(super::records::shifted(at, 2));
    let now = time(at);
    let lives = format!("max(stopped_at) is null or max(stopped_at) > {now}");
    let placed = reserved(records, instance, &format!("min(created_at) > {since} and min(created_at) <= {soon}"), &lives)?;
    let ended = format!("max(stopped_at) > {since} and max(stopped_at) <= {now}");
    let stopped = reserved(records, instance, &format!("min(created_at) <= {since}"), &ended)?;
    let rows = [
        ("CPU units", size.cpu, report.int("remaining_cpu"), report.int("registered_cpu"), (placed.cpu, stopped.cpu)),
        (
            "MiB of memory",
            size.memory,
            report.int("remaining_memory"),
            report.int("registered_memory"),
            (placed.memory, stopped.memory),
        ),
    ];
    let mut lines = Vec::new();
    for (unit, asked, free, registered, (placed, stopped)) in rows {
        let (Some(reported), Some(registered)) = (free, registered) else { continue };
        let free = reported.saturating_sub(placed).saturating_add(stopped);
        let sum = match (placed, stopped) {
            (0, 0) => free.to_string(),
            (placed, 0) => format!("{reported} − {placed} = {free}"),
            (0, stopped) => format!("{reported} + {stopped} = {free}"),
            (placed, stopped) => format!("{reported} − {placed} + {stopped} = {free}"),
        };
        let left = format!("{sum} of {registered} free");
        lines.push(match asked {
            None => format!("{unit}: {left}; no record shows what one task requests"),
            Some(asked) if asked > free => {
                format!("{unit}: one task requests {asked}{}, {left}: short by {}", size.whose, asked.saturating_sub(free))
            }
            Some(asked) => format!("{unit}: one task requests {asked}{}, {left}: enough", size.whose),
        });
    }
    let age = report.time("time").map(|reported| at.duration_since(reported).as_secs()).unwrap_or_default();
    let mut changed = String::new();
    if placed.tasks > 0 {
        changed.push_str(&format!(", minus the tasks placed since ({})", placed.tasks));
    }
    if stopped.tasks > 0 {
        changed.push_str(&format!(", plus the tasks stopped since ({})", stopped.tasks));
    }
    if age > 3600 {
        changed.push_str("; this report is old and may be outdated");
    }
    lines.push(format!(
        "free resources as last reported by instance {instance}, {} before the failure{changed}",
        crate::render::describe_duration(age as f64)
    ));
    Ok(lines)
}

/// Resources reserved by tasks.
struct Reserved {
    tasks: usize,
    cpu: i64,
    memory: i64,
}

/// Resources of tasks that were placed on an instance, or stopped, since its last report.
fn reserved(records: &Records<'_>, instance: &str, created: &str, stopped: &str) -> Result<Reserved, RunError> {
    let rows = records.rows(&format!(
        "select max(cpu) as cpu, max(memory) as memory, coalesce(task_arn, task) as name from task_events \
         where {} group by coalesce(task_arn, task) having {created} and ({stopped}) order by name",
        equals("container_instance", Some(instance)),
    ))?;
    let sum = |column: &str| rows.iter().filter_map(|row| row.int(column)).fold(0, i64::saturating_add);
    Ok(Reserved { tasks: rows.len(), cpu: sum("cpu"), memory: sum("memory") })
}

struct Size {
    cpu: Option<i64>,
    memory: Option<i64>,
    whose: &'static str,
}

/// The size of one task: from the call, otherwise from the most recent task of the service or family.
fn requested(records: &Records<'_>, case: &FailureContext, at: Timestamp) -> Result<Size, RunError> {
    let size = |row: &Row, cpu: &str, memory: &str, whose| Size { cpu: row.int(cpu), memory: row.int(memory), whose };
    let own = size(&case.failure, "requested_cpu", "requested_memory", "");
    if own.cpu.is_some() || own.memory.is_some() {
        return Ok(own);
    }
    let (column, name) =
        if case.text("service").is_some() { ("service", case.text("service")) } else { ("family", case.text("family")) };
    let condition = format!(
        "{} and {} and {} and \"time\" <= {} and cpu is not null",
        equals(column, name),
        like_it("cluster", case.text("cluster")),
        home_of(&case.failure),
        time(at)
    );
    let rows = records.some(Table::TaskEvents, &condition, "\"time\" desc", 1)?;
    Ok(rows.first().map_or(own, |row| size(row, "cpu", "memory", " (like the most recent task)")))
}
