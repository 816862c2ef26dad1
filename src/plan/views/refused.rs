//! Demand for Fargate vCPU that was refused, as spans beside those of the tasks, and limits that
//! messages state.
//!
//! A caller that is refused asks again: its newest demand counts, until a task of it starts or 15 minutes
//! pass. A caller is what started the task (startedBy, else its group, else its service) with one family.
//! A service event names no number of tasks: one is counted. `quota` follows the same rule while it reads the
//! events of tasks ([`crate::plan::sweep`]); both are held against each other in the tests.

use super::quota::ON_FARGATE;
use crate::plan::quotas::DEMAND_STANDS;

/// The tasks that a call itself placed are created up to so much later, in microseconds.
const OWN: i64 = 2_000_000;

/// Which failures are refusals for the limit.
const REFUSED: &str = "f.cause = 'quota-fargate-vcpu' and f.account is not null and f.region is not null and \
     ((f.kind = 'launch' and f.missing_tasks > 0) or (f.kind = 'service' and f.service is not null))";
const POOL: &str = "case when f.capacity_provider = 'FARGATE_SPOT' then 'fargate_spot_vcpu' else 'fargate_vcpu' end";

fn time(micros: &str) -> String {
    format!("arrow_cast({micros}, 'Timestamp(Microsecond, Some(\"UTC\"))')")
}

/// The caller of a task event.
const CALLER: &str = "case when e.service is not null then concat('service:', coalesce(e.cluster, ''), '/', e.service) \
     else coalesce(e.started_by, e.\"group\") end";

/// Task events of some families or services, for who started when and how large. Few events are of these: whether one is
/// of a task on Fargate is asked of those only, and not of all while they are read; what is not starts at no time.
fn starts(join: &str, size_of: &str) -> String {
    format!(
        "select null as id, null as record, null as resource, e.account, e.region, {CALLER} as caller, \
         case when e.service is not null then '' else e.family end as family, {size_of} as size_of, \
         cast(case when {ON_FARGATE} then e.created_at end as bigint) as at, cast(null as bigint) as start, \
         cast(null as bigint) as missing, cast(null as bigint) as cpu, 0 as refusal, \
         case when {ON_FARGATE} and e.created_at is not null then e.cpu end as task_cpu from {join}"
    )
}

/// What was refused to whom: pool, account, region, cluster and service or who asked and the family, from when a start
/// is one of the next, since when the demand stands (both in microseconds), tasks missing, CPU units of one, id, record.
pub fn refusals() -> String {
    let of_service = |column: &str| format!("case when f.kind = 'service' then f.{column} end as {column}");
    format!(
        "select {POOL} as resource, f.account, f.region, {cluster}, {service}, \
         coalesce(f.started_by, f.\"group\", concat('family:', f.family)) as asker, f.family, \
         cast(f.\"time\" as bigint) + case when f.kind = 'launch' and f.task is not null then {OWN} else 0 end as at, \
         cast(f.\"time\" as bigint) as start, case when f.kind = 'service' then 1 else f.missing_tasks end as missing, \
         coalesce(f.requested_cpu, d.cpu) as cpu, f.id, f.record \
         from failures f left join (select c.account, c.region, c.task_definition, max(c.requested_cpu) as cpu from calls c \
           where c.event_source = 'ecs.amazonaws.com' and c.event_name = 'RegisterTaskDefinition' group by 1, 2, 3) d \
           on d.account = f.account and d.region = f.region and d.task_definition = f.task_definition \
         where {REFUSED}",
        cluster = of_service("cluster"),
        service = of_service("service"),
    )
}

/// The refused demands: pool, caller, family, tasks missing, CPU units of one, from start to stop.
pub fn demands() -> String {
    let caller =
        "case when r.service is not null then concat('service:', coalesce(r.cluster, ''), '/', r.service) else r.asker end";
    let refusals = format!(
        "select r.id, r.record, r.resource, r.account, r.region, {caller} as caller, \
         case when r.service is not null then '' else r.family end as family, \
         case when r.service is not null then {caller} else r.family end as size_of, \
         r.at, r.start, r.missing, r.cpu, 1 as refusal, cast(null as bigint) as task_cpu from ({}) r",
        refusals()
    );
    let families = starts(
        &format!(
            "(select distinct f.account, f.region, f.family from failures f where {REFUSED} and f.kind = 'launch') k \
             join task_events e on e.account = k.account and e.region = k.region and e.family = k.family"
        ),
        "e.family",
    );
    let services = starts(
        &format!(
            "(select distinct f.account, f.region, f.cluster, f.service from failures f where {REFUSED} and f.kind = 'service') k \
             join task_events e on e.account = k.account and e.region = k.region and e.cluster = k.cluster \
               and e.service = k.service"
        ),
        CALLER,
    );
    // From the newest back: the least time so far is the next one. A start at the very instant of a
    // refusal is no later start, and of two refusals at one instant the greater id is the newer. Of two starts at one
    // instant the larger task tells the size.
    let next = "min(w.at) over (partition by w.account, w.region, w.caller, w.family \
         order by w.at desc, w.refusal desc, w.id desc rows between unbounded preceding and 1 preceding)";
    let sized = "count(w.task_cpu) over (partition by w.account, w.region, w.size_of order by w.at, w.refusal, w.task_cpu, w.id \
         rows between unbounded preceding and current row)";
    let stop = time(&format!("least(w.start + {DEMAND_STANDS}, coalesce(w.next, w.start + {DEMAND_STANDS}))"));
    format!(
        "select w.resource, w.account, w.region, w.caller, w.family, w.record, {start} as start, {stop} as stop, w.missing, \
         quota_task_units(coalesce(w.cpu, w.last_cpu, 0)) as size from (\
           select w.*, max(w.task_cpu) over (partition by w.account, w.region, w.size_of, w.sized) as last_cpu from (\
             select w.*, {next} as next, {sized} as sized from (\
               {refusals} union all {families} union all {services}) w) w) w where w.refusal = 1",
        start = time("w.start"),
    )
}

/// The newest limit that a message states for a pool.
pub fn stated() -> String {
    format!(
        "select {POOL} as resource, f.account, f.region, '' as scope, \
         first_value(cast(regexp_match(f.message, '(?i)limit(?: of| is|:|=)? ?:?([0-9]+(?:[.][0-9]+)?)')[1] as double) \
           order by f.\"time\" desc, f.id) as allowed, 'message' as source \
         from failures f where f.cause = 'quota-fargate-vcpu' \
         and regexp_like(f.message, '(?i)limit(?: of| is|:|=)? ?:?[0-9]') group by 1, 2, 3"
    )
}
