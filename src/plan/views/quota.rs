//! `quota`: for each pool, how much of it was in use, refused and allowed, one row for each change.
//!
//! A thing that uses a pool is a span of time: a task from its creation to its stop, a refused demand
//! until it is met or given up. The spans of a pool are swept once by `level_steps`, in the engine. A
//! filter on `resource` reaches the scans: the pools are branches of one union.

use super::{computed, no_raw, quoted, refused, seconds_so_far};
use crate::lang::catalog::{FieldInfo, FieldType, MeasureInfo};
use crate::lang::checked::Aggregate;
use crate::plan::nouns::{EVIDENCE, Measure, Need, Noun};

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

/// The noun.
pub fn noun() -> Noun {
    let peak = Measure {
        info: MeasureInfo { name: "peak", kind: FieldType::Float, doc: "the most in use at once" },
        function: Aggregate::Max,
        column: ("used", FieldType::Float),
    };
    Noun {
        word: "quota",
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

/// A pool of tasks: a task is told of by several events, and each of them names the pool.
struct Tasks {
    resource: &'static str,
    /// Which events tell of the pool, over `e`.
    condition: &'static str,
    /// What belongs together inside account and region, over `e`.
    scope: &'static str,
    /// What one task uses, over `e`.
    units: &'static str,
}

/// Whether a task is on Fargate.
pub(super) const ON_FARGATE: &str = "(e.launch_type = 'FARGATE' or e.capacity_provider in ('FARGATE', 'FARGATE_SPOT'))";
const ON_DEMAND: &str = "(e.launch_type = 'FARGATE' or e.capacity_provider = 'FARGATE') and \
     coalesce(e.capacity_provider, '') <> 'FARGATE_SPOT'";
const ON_INSTANCE: &str = "concat(coalesce(e.cluster, ''), '/', e.container_instance)";

const TASKS: &[Tasks] = &[
    Tasks { resource: "fargate_vcpu", condition: ON_DEMAND, scope: "''", units: "quota_task_units(e.cpu)" },
    Tasks {
        resource: "fargate_spot_vcpu",
        condition: "e.capacity_provider = 'FARGATE_SPOT'",
        scope: "''",
        units: "quota_task_units(e.cpu)",
    },
    Tasks { resource: "tasks_per_cluster", condition: "e.cluster is not null", scope: "e.cluster", units: "1" },
    Tasks {
        resource: "tasks_per_service",
        condition: "e.service is not null",
        scope: "concat(coalesce(e.cluster, ''), '/', e.service)",
        units: "1",
    },
    Tasks { resource: "instance_cpu", condition: "e.container_instance is not null", scope: ON_INSTANCE, units: "e.cpu" },
    Tasks { resource: "instance_memory", condition: "e.container_instance is not null", scope: ON_INSTANCE, units: "e.memory" },
    Tasks {
        resource: "eni",
        condition: "e.container_instance is not null and e.network_interface is not null",
        scope: ON_INSTANCE,
        units: "1",
    },
];

/// When a task stopped, as far as an event tells.
const STOPPED: &str = "coalesce(e.stopped_at, case when e.last_status = 'STOPPED' then e.\"time\" end)";

impl Tasks {
    fn spans(&self, need: Need) -> String {
        let Tasks { resource, condition, scope, units } = self;
        let id = if need.evidence { ", e.id" } else { "" };
        format!(
            "select '{resource}' as resource, e.account, e.region, arrow_cast({scope}, 'Utf8View') as scope, \
             coalesce(e.task_arn, e.task, e.id) as \"key\", e.created_at as created, e.\"time\" as seen, \
             e.execution_stopped_at as early, {STOPPED} as stop, cast({units} as bigint) as units, \
             cast(0 as bigint) as refused{id} from task_events e where {condition}"
        )
    }
}

/// Job submissions of dstack that got an instance, from its provisioning to their end.
fn dstack(resource: &str, scope: &str, region: &str, units: &str, need: Need) -> String {
    let (id, passed) = if need.evidence { (", min(j.run_record) as id", ", s.id") } else { ("", "") };
    format!(
        "select '{resource}' as resource, arrow_cast(null, 'Utf8View') as account, {region} as region, \
         arrow_cast({scope}, 'Utf8View') as scope, arrow_cast(null, 'Utf8View') as \"key\", \
         coalesce(p.start, s.start) as created, s.start as seen, s.stop as early, s.stop, \
         cast({units} as bigint) as units, cast(0 as bigint) as refused{passed} \
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

/// All spans of all pools.
fn spans(need: Need) -> String {
    let mut branches: Vec<String> = TASKS.iter().map(|tasks| tasks.spans(need)).collect();
    branches.push(dstack(
        "dstack_gpus",
        "concat(coalesce(r.project, ''), '/', coalesce(s.backend, ''))",
        "s.region",
        "coalesce(s.gpus, 0)",
        need,
    ));
    branches.push(dstack(
        "dstack_price",
        "coalesce(r.project, '')",
        "arrow_cast(null, 'Utf8View')",
        "coalesce(round(s.price * coalesce(s.blocks, 1) / greatest(coalesce(s.total_blocks, 1), 1) * 1000000), 0)",
        need,
    ));
    branches.push(refused::spans(need));
    branches.join(" union all ")
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
    let text = |expression: &str, name: &str| format!("arrow_cast({expression}, 'Utf8View') as {name}");
    let of_task_pools = "q.resource in ('tasks_per_service', 'instance_cpu', 'instance_memory', 'eni')";
    let cluster = format!(
        "nullif(case when q.resource = 'tasks_per_cluster' then q.scope when {of_task_pools} then split_part(q.scope, '/', 1) end, '')"
    );
    let service = "case when q.resource = 'tasks_per_service' then split_part(q.scope, '/', 2) end";
    let instance = "case when q.resource in ('instance_cpu', 'instance_memory', 'eni') then split_part(q.scope, '/', 2) end";
    let project = "nullif(case when q.resource like 'dstack%' then split_part(q.scope, '/', 1) end, '')";
    let backend = "nullif(case when q.resource = 'dstack_gpus' then split_part(q.scope, '/', 2) end, '')";
    let amount = |name: &str| {
        format!(
            "cast(q.step['{name}'] as double) / case when q.resource in ('fargate_vcpu', 'fargate_spot_vcpu') then 1024.0 \
             when q.resource = 'dstack_price' then 1000000.0 else 1.0 end as {name}"
        )
    };
    let (id, ids) =
        if need.evidence { (", s.id", format!(", q.step['ids'] as {}", quoted(EVIDENCE))) } else { ("", String::new()) };
    let passed = if need.evidence { format!(", q.{}", quoted(EVIDENCE)) } else { String::new() };
    let raw = no_raw(need);
    let duration = seconds_so_far("q.\"time\"", "q.ended_at", need);
    let listed = |names: &str| names.split(' ').map(|name| format!("q.{}", quoted(name))).collect::<Vec<_>>().join(", ");
    let known = listed("id time ended_at account region resource cluster service container_instance project backend");
    let levels = listed("used used_lower refused needed allowed");
    format!(
        "select {known}, {duration} as duration, {levels}, \
         case when q.allowed is not null then greatest(0.0, q.needed - q.allowed) end as over, q.tasks, q.open_tasks, \
         q.limit_source{raw}{passed} from (\
           select q.*, q.lower as used_lower, q.used + q.refused as needed, \
           coalesce(q.stated, k.allowed) as allowed, \
           arrow_cast(case when q.stated is not null then 'quotas' when k.allowed is not null then k.source end, 'Utf8View') \
             as limit_source from (\
             select q.*, quota_limit(q.resource, q.account, q.region, q.cluster, q.service, q.\"time\") as stated from (\
               select {pool}, q.step['time'] as \"time\", q.step['until'] as ended_at, q.account, q.region, {resource}, q.scope, \
               {cluster}, {service}, {instance}, {project}, {backend}, {used}, {lower}, {refused}, \
               q.step['tasks'] as tasks, q.step['open'] as open_tasks{ids} from (\
                 select g.resource, g.account, g.region, g.scope, unnest(g.steps) as step from (\
                   select s.resource, s.account, s.region, s.scope, \
                   level_steps(s.\"key\", s.created, s.seen, s.early, s.stop, s.units, s.refused, {from}, {to}, quota_changes(){id}) as steps \
                   from ({spans}) s group by s.resource, s.account, s.region, s.scope) g) q) q) q \
           left join ({stated}) k on k.resource = q.resource and k.account = q.account and k.region = q.region \
             and k.scope = q.scope) q",
        pool = text("concat_ws('/', q.resource, q.account, q.region, nullif(q.scope, ''))", "id"),
        resource = text("q.resource", "resource"),
        cluster = text(&cluster, "cluster"),
        service = text(service, "service"),
        instance = text(instance, "container_instance"),
        project = text(project, "project"),
        backend = text(backend, "backend"),
        used = amount("used"),
        lower = amount("lower"),
        refused = amount("refused"),
        from = bound(need.from),
        to = bound(need.to),
        spans = spans(need),
        stated = stated(),
    )
}
