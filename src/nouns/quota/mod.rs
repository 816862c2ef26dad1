//! `quota`: the usage, refused demand and limit of each pool, one row per change.
//!
//! Usage consists of intervals: a task from its creation to its stop, refused demand until it is satisfied or
//! abandoned. `quota.sql` has the rows: `quota_steps` reads the events of tasks once for all requested pools and computes
//! the steps of each pool in the engine. Conditions on `resource`, `account` or `region` reach the scans.

pub mod limit_function;
pub mod limits;
pub mod refused;
pub mod steps;
#[cfg(test)]
mod tests;

use super::sql::{computed, no_raw, quoted, seconds_so_far};
use super::{EVIDENCE, Measure, Needs, Noun, ViewRequest};
use crate::lang::catalog::{Assumed, FieldInfo, FieldType, MeasureInfo};
use crate::lang::checked::Aggregate;
use crate::table::Table;

const FIELDS: &[FieldInfo] = &[
    computed("id", FieldType::Text, "the pool: resource/account/region/scope"),
    computed("time", FieldType::Time, "start of the interval"),
    computed("ended_at", FieldType::Time, "end of the interval; missing = ongoing"),
    computed("duration", FieldType::Duration, "length of the interval, up to the newest event"),
    computed("account", FieldType::Text, "account"),
    computed("region", FieldType::Text, "region"),
    computed(
        "resource",
        FieldType::Text,
        "fargate_vcpu, fargate_spot_vcpu, tasks_per_cluster, tasks_per_service, instance_cpu, instance_memory, eni, \
         dstack_gpus or dstack_price",
    ),
    computed("cluster", FieldType::Text, "short cluster name, if the pool belongs to a cluster"),
    computed("service", FieldType::Text, "service (tasks_per_service)"),
    computed("container_instance", FieldType::Text, "container instance id (instance_cpu, instance_memory, eni)"),
    computed("project", FieldType::Text, "dstack project"),
    computed("backend", FieldType::Text, "dstack backend (dstack_gpus)"),
    computed(
        "used",
        FieldType::Float,
        "in use, from creation to stop: vCPU, tasks, CPU units, MiB, interfaces, GPUs, USD per hour",
    ),
    computed("used_lower", FieldType::Float, "in use if usage ends when the containers stop (executionStoppedAt)"),
    computed("refused", FieldType::Float, "requested and refused, each caller once; a service event counts as at least one task"),
    computed("needed", FieldType::Float, "used and refused"),
    computed("allowed", FieldType::Float, "the limit; missing = unknown"),
    computed("over", FieldType::Float, "amount by which needed exceeds allowed, else 0"),
    computed("tasks", FieldType::Int, "number of tasks or job submissions in use"),
    computed("open_tasks", FieldType::Int, "number of those without a recorded stop"),
    computed("limit_source", FieldType::Text, "source of the limit: quotas, message, registered or instance_type"),
];

/// The constant columns of a pool.
pub const FIXED: &[&str] =
    &["id", "account", "region", "resource", "cluster", "service", "container_instance", "project", "backend"];
/// The columns whose maximum most queries need.
pub const HIGHEST: &[&str] = &["used", "needed"];

/// The records that show the usage of a resource.
fn records_of(resource: &str) -> &'static [Table] {
    if resource.starts_with("dstack_") { &[Table::JobSubmissions] } else { &[Table::TaskEvents] }
}

/// The noun.
pub fn noun() -> Noun {
    let peak = Measure {
        info: MeasureInfo { name: "peak", kind: FieldType::Float, doc: "peak usage" },
        function: Aggregate::Max,
        column: ("used", FieldType::Float),
    };
    Noun {
        needs: Needs::ByValue { column: "resource", of: records_of, any: &[Table::TaskEvents, Table::JobSubmissions] },
        fields: FIELDS.to_vec(),
        measures: vec![peak],
        shown: &[
            "time",
            "account",
            "region",
            "resource",
            "cluster",
            "service",
            "container_instance",
            "used",
            "refused",
            "needed",
            "allowed",
            "over",
        ],
        optional: &["container_instance", "service", "cluster", "account", "refused"],
        default_measure: "peak",
        is_level: true,
        peaks: Some((FIXED, HIGHEST)),
        assumed: Some(Assumed { column: "resource", value: limits::FARGATE, why: "other resources have different units" }),
        ..Noun::computed("quota", view)
    }
}

/// Whether a task runs on Fargate, for task events with the alias `e`.
pub const ON_FARGATE: &str = "(e.launch_type = 'FARGATE' or e.capacity_provider in ('FARGATE', 'FARGATE_SPOT'))";

/// A bound of the window.
fn bound(micros: Option<i64>) -> String {
    micros.map_or_else(|| "cast(null as bigint)".to_owned(), |micros| micros.to_string())
}

fn view(need: ViewRequest) -> String {
    let id = |sql: &'static str| if need.evidence { sql } else { "" };
    let ids = if need.evidence { format!(", q.ids as {}", quoted(EVIDENCE)) } else { String::new() };
    format!(
        include_str!("quota.sql"),
        refusals = refused::refusals(),
        task_id = id(", e.id"),
        submission_id = id(", min(j.run_record) as id"),
        passed_id = id(", s.id"),
        on_fargate = ON_FARGATE,
        message_limits = refused::stated(),
        from = bound(need.from),
        to = bound(need.to),
        evidence = need.evidence,
        peaks = need.peaks,
        duration = seconds_so_far("q.\"time\"", "q.ended_at", need),
        more = format_args!("{}{ids}", no_raw(need)),
    )
}
