//! `quota`: for each pool, how much of it was in use, refused and allowed, one row for each change.
//!
//! A thing that uses a pool is a span of time: a task from its creation to its stop, a refused demand
//! until it is met or given up. `quota_steps` reads the events of tasks once, for all pools that are asked
//! for, and sweeps the spans of each pool, in the engine. A filter on `resource`, `account` or `region`
//! reaches the scans.

use super::{as_text, computed, no_raw, quoted, refused, seconds_so_far};
use crate::lang::catalog::{FieldInfo, FieldType, MeasureInfo};
use crate::lang::checked::Aggregate;
use crate::plan::nouns::{EVIDENCE, Measure, Need, Needs, Noun};
use crate::table::Table;

const FIELDS: &[FieldInfo] = &[
    computed("id", FieldType::Text, "the pool: resource/account/region/scope"),
    computed("time", FieldType::Time, "since when it was so"),
    computed("ended_at", FieldType::Time, "up to when; missing = it still lasted"),
    computed("duration", FieldType::Duration, "how long it was so, up to the newest event"),
    computed("account", FieldType::Text, "account"),
    computed("region", FieldType::Text, "region"),
    computed(
        "resource",
        FieldType::Text,
        "fargate_vcpu, fargate_spot_vcpu, tasks_per_cluster, tasks_per_service, instance_cpu, instance_memory, eni, \
         dstack_gpus or dstack_price",
    ),
    computed("cluster", FieldType::Text, "short cluster name, where the pool is of one"),
    computed("service", FieldType::Text, "service (tasks_per_service)"),
    computed("container_instance", FieldType::Text, "container instance id (instance_cpu, instance_memory, eni)"),
    computed("project", FieldType::Text, "dstack project"),
    computed("backend", FieldType::Text, "dstack backend (dstack_gpus)"),
    computed(
        "used",
        FieldType::Float,
        "in use, from creation to stop: vCPU, tasks, CPU units, MiB, interfaces, GPUs, USD per hour",
    ),
    computed("used_lower", FieldType::Float, "the same if use ends when the containers stop (executionStoppedAt)"),
    computed("refused", FieldType::Float, "asked for and refused, each caller once; a service event counts one task at least"),
    computed("needed", FieldType::Float, "used and refused"),
    computed("allowed", FieldType::Float, "the limit; missing = not known"),
    computed("over", FieldType::Float, "how far needed is above allowed, 0 where it is not"),
    computed("tasks", FieldType::Int, "tasks, or job submissions, that use it"),
    computed("open_tasks", FieldType::Int, "those of them that were never seen to stop"),
    computed("limit_source", FieldType::Text, "where the limit is from: quotas, message, registered or instance_type"),
];

/// What does not change in a pool.
pub const FIXED: &[&str] =
    &["id", "account", "region", "resource", "cluster", "service", "container_instance", "project", "backend"];
/// What a query mostly asks the greatest value of.
pub const HIGHEST: &[&str] = &["used", "needed"];

/// The records that show the use of a resource.
fn records_of(resource: &str) -> &'static [Table] {
    if resource.starts_with("dstack_") { &[Table::JobSubmissions] } else { &[Table::TaskEvents] }
}

/// The noun.
pub fn noun() -> Noun {
    let peak = Measure {
        info: MeasureInfo { name: "peak", kind: FieldType::Float, doc: "the most in use at once" },
        function: Aggregate::Max,
        column: ("used", FieldType::Float),
    };
    Noun {
        word: "quota",
        needs: Needs::ByValue { column: "resource", of: records_of, any: &[Table::TaskEvents, Table::JobSubmissions] },
        reads_originals: false,
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
        view,
    }
}

/// Whether a task is on Fargate, of task events behind the alias `e`.
pub const ON_FARGATE: &str = "(e.launch_type = 'FARGATE' or e.capacity_provider in ('FARGATE', 'FARGATE_SPOT'))";
const ON_INSTANCE: &str = "concat(coalesce(e.cluster, ''), '/', e.container_instance)";

/// The most that one job submission counts for, in units or micro-dollars: absurd numbers in a record must not end a sum of
/// them. A float is exact up to this many.
const MOST: &str = "9e15";

/// Events of tasks. Nearly all name their task by its ARN: the other names are read for the others only.
fn tasks(need: Need) -> String {
    let id = if need.evidence { ", e.id" } else { "" };
    let named = |key: &str, condition: &str| {
        format!(
            "select {key} as \"key\", e.account, e.region, e.cluster, e.service, e.container_instance, e.launch_type, \
             e.capacity_provider, e.network_interface is not null as networked, e.created_at as created, e.\"time\" as seen, \
             e.execution_stopped_at as early, e.stopped_at as stop, e.cpu, e.memory, e.last_status, e.family, e.\"group\", \
             e.started_by{id} from task_events e{condition}"
        )
    };
    [named("e.task_arn", ""), named("coalesce(e.task, e.id, '')", " where e.task_arn is null")].join(" union all ")
}

/// Job submissions of dstack that got an instance, from its provisioning to their end.
fn dstack(resource: &str, scope: &str, region: &str, units: &str, need: Need) -> String {
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

/// Job submissions, as spans of what they take of GPUs and of money.
fn submissions(need: Need) -> String {
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

/// Limits that the records themselves state: of instances, and the newest number in a message.
fn stated() -> String {
    let instance = |resource: &str, value: &str, source: &str| {
        format!(
            "select '{resource}' as resource, e.account, e.region, {ON_INSTANCE} as scope, cast({value} as double) as allowed, \
             '{source}' as source from instance_events e where e.container_instance is not null group by 1, 2, 3, 4"
        )
    };
    let interfaces = "case when max(e.instance_type) like '%.16xlarge' then 14 \
         when max(e.instance_type) in ('m6i.8xlarge', 'm6i.12xlarge') or max(e.instance_type) like '%.4xlarge' then 7 \
         when max(e.instance_type) like '%.2xlarge' or max(e.instance_type) like '%.xlarge' then 3 \
         when max(e.instance_type) = 'm6g.medium' then 1 when max(e.instance_type) like '%.large' then 2 end";
    [
        instance("instance_cpu", "max(e.registered_cpu)", "registered"),
        instance("instance_memory", "max(e.registered_memory)", "registered"),
        instance("eni", interfaces, "instance_type"),
        refused::stated(),
    ]
    .join(" union all ")
}

fn bound(micros: Option<i64>) -> String {
    micros.map_or_else(|| "cast(null as bigint)".to_owned(), |micros| micros.to_string())
}

fn view(need: Need) -> String {
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
             from quota_steps({refusals}, {tasks}, {submissions}, {limits}, {from}, {to}, quota_changes(), {evidence}, {peaks}) q) q) q",
        known = listed("id time ended_at account region resource cluster service container_instance project backend"),
        duration = seconds_so_far("q.\"time\"", "q.ended_at", need),
        levels = listed("used used_lower refused needed allowed"),
        raw = no_raw(need),
        tasks = as_text(&tasks(need)),
        submissions = as_text(&submissions(need)),
        refusals = as_text(&refused::refusals()),
        limits = as_text(&stated()),
        from = bound(need.from),
        to = bound(need.to),
        evidence = need.evidence,
        peaks = need.peaks,
    )
}
