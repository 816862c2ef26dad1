//! `quota`: the usage, refused demand and limit of each pool, one row per change.
//!
//! Usage consists of intervals: a task from its creation to its stop, refused demand until it is satisfied or
//! abandoned. `quota_steps` reads the events of tasks once for all requested pools and computes the steps of each
//! pool in the engine. Filters on `resource`, `account` or `region` reach the scans.

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
const ON_INSTANCE: &str = "concat(coalesce(e.cluster, ''), '/', e.container_instance)";

/// The maximum units or micro-dollars of one job submission, because absurd numbers in a record must not break the
/// sum. Floats are exact up to this number.
const MOST: &str = "9e15";

/// Events of tasks. Nearly all identify their task by its ARN; other names are only read for the rest.
fn tasks(need: ViewRequest) -> String {
    let id = if need.evidence { ", e.id" } else { "" };
    let named = |key: &str, condition: &str| {
        format!(
            "select {key} as \"key\", e.account, e.region, e.cluster, e.service, e.container_instance, e.launch_type, \
             e.capacity_provider, e.network_interface is not null as networked, e.created_at as created, e.\"time\" as seen, \
             e.execution_stopped_at as early, e.stopped_at as stop, e.cpu, e.memory, e.last_status, e.family, e.\"group\", \
             e.started_by{id}, {ON_FARGATE} as on_fargate from task_events e{condition}"
        )
    };
    [named("e.task_arn", ""), named("coalesce(e.task, e.id, '')", " where e.task_arn is null")].join(" union all ")
}

/// dstack job submissions with an instance, from provisioning to end.
fn dstack(resource: &str, scope: &str, region: &str, units: &str, need: ViewRequest) -> String {
    let (id, passed) = if need.evidence { (", min(j.run_record) as id", ", s.id") } else { ("", "") };
    format!(
        "select '{resource}' as resource, arrow_cast(null, 'Utf8View') as account, {region} as region, \
         arrow_cast({scope}, 'Utf8View') as scope, coalesce(p.start, s.start) as created, s.stop as early, s.stop, \
         cast(least({units}, {MOST}) as bigint) as units{passed} \
         from (select coalesce(j.submission, j.id) as submission, max(j.run_id) as run_id, min(j.submitted_at) as start, \
           max(coalesce(j.finished_at, case when j.status in ('terminated', 'aborted', 'failed', 'done') \
             then j.last_processed_at end)) as stop, bool_or(j.provisioned) as provisioned, max(j.backend) as backend, \
           max(j.region) as region, max(j.gpus) as gpus, max(j.price) as price, max(j.blocks) as blocks, \
           max(j.total_blocks) as total_blocks{id} \
           from job_submissions j group by 1) s \
         left join (select r.run_id, max(r.project) as project from run_records r group by 1) r on r.run_id = s.run_id \
         left join (select n.target_id, min(n.\"time\") as start from run_events n \
           where n.to_status in ('provisioning', 'pulling', 'running') group by 1) p on p.target_id = s.submission \
         where s.provisioned and ({units}) > 0"
    )
}

/// Job submissions as intervals of GPUs and cost.
fn submissions(need: ViewRequest) -> String {
    let gpus = dstack(
        "dstack_gpus",
        "concat(coalesce(r.project, ''), '/', coalesce(s.backend, ''))",
        "s.region",
        "coalesce(s.gpus, 0)",
        need,
    );
    let price = dstack(
        "dstack_price",
        "coalesce(r.project, '')",
        "arrow_cast(null, 'Utf8View')",
        "coalesce(round(s.price * coalesce(s.blocks, 1) / greatest(coalesce(s.total_blocks, 1), 1) * 1000000), 0)",
        need,
    );
    [gpus, price].join(" union all ")
}

/// Limits in the records: those of instances, and the latest number in a message.
fn stated() -> String {
    let instance = |resource: &str, value: &str, source: &str| {
        format!(
            "select '{resource}' as resource, e.account, e.region, {ON_INSTANCE} as scope, cast({value} as double) as allowed, \
             '{source}' as source from instance_events e where e.container_instance is not null group by 1, 2, 3, 4"
        )
    };
    [
        instance("instance_cpu", "max(e.registered_cpu)", "registered"),
        instance("instance_memory", "max(e.registered_memory)", "registered"),
        instance("eni", "task_interfaces(max(e.instance_type))", "instance_type"),
        refused::stated(),
    ]
    .join(" union all ")
}

fn bound(micros: Option<i64>) -> String {
    micros.map_or_else(|| "cast(null as bigint)".to_owned(), |micros| micros.to_string())
}

fn view(need: ViewRequest) -> String {
    let ids = if need.evidence { format!(", q.ids as {}", quoted(EVIDENCE)) } else { String::new() };
    let listed = |names: &str| names.split(' ').map(|name| format!("q.{}", quoted(name))).collect::<Vec<_>>().join(", ");
    format!(
        "select {known}, {duration} as duration, {levels}, \
         case when q.allowed is not null then greatest(0.0, q.needed - q.allowed) end as over, q.tasks, q.open_tasks, \
         q.limit_source{raw}{ids} from (\
           select q.*, q.used + q.refused as needed, coalesce(q.stated, q.known_limit) as allowed, \
           arrow_cast(case when q.stated is not null then 'quotas' when q.known_limit is not null then q.known_source end, \
             'Utf8View') as limit_source from (\
             select q.*, quota_limit(q.resource, q.account, q.region, q.cluster, q.service, q.\"time\") as stated \
             from quota_steps(({refusals}), ({tasks}), ({submissions}), ({limits}), {from}, {to}, quota_changes(), {evidence}, {peaks}) \
             q) q) q",
        known = listed("id time ended_at account region resource cluster service container_instance project backend"),
        duration = seconds_so_far("q.\"time\"", "q.ended_at", need),
        levels = listed("used used_lower refused needed allowed"),
        raw = no_raw(need),
        tasks = tasks(need),
        submissions = submissions(need),
        refusals = refused::refusals(),
        limits = stated(),
        from = bound(need.from),
        to = bound(need.to),
        evidence = need.evidence,
        peaks = need.peaks,
    )
}
