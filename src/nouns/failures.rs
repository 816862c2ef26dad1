//! `failures`: one row per failure, even if several records describe it.
//!
//! ECS and dstack send the record of a stopped task or run several times, with the same time; the newest copy counts.
//! Their window function partitions by failure *and* time, so that a filter on the time can be pushed below it. Failed
//! deployments and agent updates are repeated by later events; of these the earliest counts. An event of a service about
//! a rollback belongs to the deployment that failed, and a deployment whose tasks failed before it is their consequence.

use super::sql::{columns, computed, evidence, evidence_of, evidence_over};
use super::{Measure, Needs, Noun, ViewRequest, table_fields};
use crate::incidents::ROLLOUT;
use crate::lang::catalog::{FieldInfo, FieldType, MeasureInfo};
use crate::lang::checked::Aggregate;
use crate::micros::{HOUR, MINUTE, SECOND};
use crate::table::Table;

/// The records that report failures of any kind.
pub const FAILING: &[Table] =
    &[Table::Calls, Table::TaskEvents, Table::ServiceEvents, Table::InstanceEvents, Table::JobSubmissions, Table::RunEvents];
/// What a question about failures needs.
pub const FAILURES: Needs = Needs::ByValue { column: "kind", of: records_of, any: FAILING };

/// The records that report a kind of failure.
fn records_of(kind: &str) -> &'static [Table] {
    match kind {
        "launch" | "api_error" => &[Table::Calls],
        "task" => &[Table::TaskEvents],
        "service" | "deployment" => &[Table::ServiceEvents],
        "agent" => &[Table::InstanceEvents],
        // Attempts that the server has pruned are known from their events only.
        "run" => &[Table::JobSubmissions, Table::RunEvents],
        _ => FAILING,
    }
}

/// The noun.
pub fn noun() -> Noun {
    let measure = |name, function, column, kind, doc| Measure {
        info: MeasureInfo { name, kind: FieldType::Int, doc },
        function,
        column: (column, kind),
    };
    Noun {
        needs: FAILURES,
        fields: table_fields(Table::Failures).into_iter().chain(COMPUTED.iter().copied()).collect(),
        measures: vec![
            measure("calls", Aggregate::Distinct, "call", FieldType::Text, "distinct calls that failed (launch, api_error)"),
            measure("missing", Aggregate::Sum, "missing_tasks", FieldType::Int, "tasks that were requested but not placed"),
        ],
        shown: &["time", "kind", "phase", "reason", "what", "cluster", "task", "message"],
        optional: &["kind", "task", "cluster", "phase"],
        ..Noun::recorded("failures", view)
    }
}

const COMPUTED: &[FieldInfo] = &[computed(
    "what",
    FieldType::Text,
    "what failed: the service, else the family, the run or job, the API call, or the instance",
)];

pub(super) fn view(need: ViewRequest) -> String {
    let what = "coalesce(f.service, f.family, f.run, f.job, f.event_name, f.container_instance)";
    format!("select f.*, arrow_cast({what}, 'Utf8View') as what from ({}) f", stored(need))
}

/// The rows without computed columns.
pub(super) fn stored(need: ViewRequest) -> String {
    let all = columns(Table::Failures, "f", &[]);
    let one = evidence(need, "f.record");
    let several = evidence_over(need, "f.record", "f.incident, f.time");
    let passed = evidence_of(need, "f");
    let earliest = evidence_over(need, "f.record", "f.incident");
    let (deployments, consequences) = (deployments(need), consequences(need));
    let rows = format!(
        "select {all}{one} from failures f \
         where (f.incident is null or f.kind is null or f.kind not in ('task', 'run', 'deployment', 'agent')) \
         and not {CONSEQUENCE} \
         union all {consequences} \
         union all \
         select {all}{passed} from (select {all}{several}, row_number() over (\
             partition by f.incident, f.time order by f.version desc nulls last, f.id) as nth, \
             count(f.version) over (partition by f.incident) as versions \
             from failures f where f.incident is not null and f.kind in ('task', 'run')) f \
         where f.nth = 1 and (f.version is not null or f.versions = 0) \
         union all \
         select {all}{passed} from (select {all}{earliest}, row_number() over (\
             partition by f.incident order by f.time, f.version desc nulls last, f.id) as nth \
             from failures f where f.incident is not null and f.kind = 'agent') f \
         where f.nth = 1 \
         union all {deployments}"
    );
    if need.raw { with_raw(&rows) } else { rows }
}

/// How long after a deployment failed ECS may still report its rollback, in microseconds.
const ROLLBACK: i64 = HOUR;
/// Reports of one failure that carry different ids are at most so far apart in the other direction.
const JITTER: i64 = MINUTE;
/// How long before a deployment failed its tasks may have failed, in seconds.
pub const ROLLOUT_SECONDS: i64 = ROLLOUT / SECOND;
/// The phases whose failures can make a rollout fail; `deployment` is not included.
const ROOTS: &str = "('placement', 'capacity', 'network', 'image_pull', 'config_fetch', 'logging', 'volume', \
                     'container_create', 'container_start', 'running', 'health_check')";

/// Reports of a service about tasks that failed, without a fault of their own.
const CONSEQUENCE: &str = "(coalesce(f.kind, '') = 'service' and f.secondary is null and f.service is not null)";

/// Reports about failed tasks of a service: secondary where one of them failed before.
fn consequences(need: ViewRequest) -> String {
    let stored = columns(Table::Failures, "f", &[]);
    let reports =
        format!("select {stored}, f.incident as rollout, cast(f.time as bigint) as micros from failures f where {CONSEQUENCE}");
    let roots = with_roots(&reports);
    let (columns, one) = (columns_with_secondary(), evidence(need, "f.record"));
    format!("select {columns}{one} from failures f left join ({roots}) r on r.id = f.id where {CONSEQUENCE}")
}

/// The ids of rows of a service for which a task or the service failed before; `rollout` is the incident of a deployment.
fn with_roots(rows: &str) -> String {
    // Records of one service: account and region may be missing in what somebody pasted.
    format!(
        "select d.id from ({rows}) d \
         join (select r.id, r.time, r.started_by, r.account, r.region, r.\"cluster\", r.service from failures r \
           where r.kind in ('task', 'service') and r.service is not null and r.phase in {ROOTS}) r \
         on r.service = d.service and coalesce(r.\"cluster\", '') = coalesce(d.\"cluster\", '') \
         where (r.account is null or d.account is null or r.account = d.account) \
         and (r.region is null or d.region is null or r.region = d.region) \
         and cast(r.time as bigint) <= d.micros + {JITTER} and cast(r.time as bigint) >= d.micros - {ROLLOUT} \
         and (r.started_by is null or not starts_with(r.started_by, 'ecs-svc/') \
           or not starts_with(coalesce(d.rollout, ''), 'deployment:ecs-svc/') or concat('deployment:', r.started_by) = d.rollout) \
         group by d.id"
    )
}

/// All columns of `f`, with `secondary` decided by the matching row of `r`.
fn columns_with_secondary() -> String {
    let columns = Table::Failures.fields().iter().map(|field| match field.name {
        "secondary" => "coalesce(f.secondary, r.id is not null) as secondary".to_owned(),
        name => format!("f.{}", super::sql::quoted(name)),
    });
    columns.collect::<Vec<_>>().join(", ")
}

/// Failed deployments, each once. Rows that name no deployment of the scheduler (`ecs-svc/…`), such as the line about the
/// rollback or a service deployment, belong to the one of the same service that failed just before.
fn deployments(need: ViewRequest) -> String {
    let except = ["incident", "secondary"];
    let stored = columns(Table::Failures, "f", &except);
    let named = "case when starts_with(f.incident, 'deployment:ecs-svc/') then";
    let service = "partition by f.account, f.region, f.\"cluster\", f.service order by f.time, f.id";
    let before = "rows between unbounded preceding and current row";
    let after = "rows between current row and unbounded following";
    let neighbors = format!(
        "select {stored}, f.secondary, f.incident as own, cast(f.time as bigint) as micros, {named} f.incident end as named, \
         last_value({named} f.incident end) ignore nulls over ({service} {before}) as earlier, \
         last_value({named} cast(f.time as bigint) end) ignore nulls over ({service} {before}) as earlier_at, \
         first_value({named} f.incident end) ignore nulls over ({service} {after}) as later, \
         first_value({named} cast(f.time as bigint) end) ignore nulls over ({service} {after}) as later_at \
         from failures f where f.kind = 'deployment' and f.incident is not null"
    );
    let resolved = format!(
        "select {stored}, f.secondary, f.micros, case when f.named is not null or f.service is null then f.own \
         when f.micros - f.earlier_at <= {ROLLBACK} then f.earlier \
         when f.later_at - f.micros <= {JITTER} then f.later else f.own end as incident from ({neighbors}) f"
    );
    let several = evidence_over(need, "f.record", "f.incident");
    let passed = evidence_of(need, "f");
    // The line about the rollback says least of them.
    let first = format!(
        "select {stored}, f.secondary, f.micros, f.incident{several}, row_number() over (partition by f.incident \
         order by f.secondary is null and f.cause is null, f.time, f.version desc nulls last, f.id) as nth from ({resolved}) f"
    );
    let roots = with_roots(&format!(
        "select d.*, d.incident as rollout from ({resolved}) d where d.secondary is null and d.service is not null"
    ));
    let columns = columns_with_secondary();
    format!("select {columns}{passed} from ({first}) f left join ({roots}) r on r.id = f.id where f.nth = 1")
}

/// Failures have no record of their own: it is fetched by the id of the record that reports them.
fn with_raw(rows: &str) -> String {
    format!(
        "select f.*, r.raw from ({rows}) f left join (\
           select r.id, min(r.raw) as raw from (\
             select id, raw from calls union all select id, raw from task_events \
             union all select id, raw from instance_events union all select id, raw from service_events \
             union all select id, raw from run_records union all select id, raw from run_events \
             union all select s.id, r.raw from job_submissions s join run_records r on r.id = s.run_record) r \
           where r.id in (select record from failures) group by r.id) r on r.id = f.record"
    )
}
