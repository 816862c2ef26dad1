//! Refused demand for Fargate vCPU, as intervals like those of the tasks, and limits in messages.
//!
//! A refused caller asks again, so only its latest demand counts, until one of its tasks starts or 15 minutes pass. A
//! caller is whatever started the task (startedBy, else its group, else its service), together with a family. A
//! service event does not contain a number of tasks, so it counts as one. `quota` applies the same rule while it
//! reads the events of tasks ([`crate::engine::operators`]); tests compare both.

use super::ON_FARGATE;
use super::limits::DEMAND_STANDS;

/// Tasks that a call itself placed are created within this time, in microseconds.
const OWN: i64 = 2_000_000;

/// Failures that are refusals because of the limit.
const REFUSED: &str = "f.cause = 'quota-fargate-vcpu' and f.account is not null and f.region is not null and \
     ((f.kind = 'launch' and f.missing_tasks > 0) or (f.kind = 'service' and f.service is not null))";
const POOL: &str = "case when f.capacity_provider = 'FARGATE_SPOT' then 'fargate_spot_vcpu' else 'fargate_vcpu' end";

fn time(micros: &str) -> String {
    format!("arrow_cast({micros}, 'Timestamp(Microsecond, Some(\"UTC\"))')")
}

/// The caller of a task event.
const CALLER: &str = "case when e.service is not null then concat('service:', coalesce(e.cluster, ''), '/', e.service) \
     else coalesce(e.started_by, e.\"group\") end";

/// Task events of some families or services: who started a task, when, and of which size. There are few of these, so
/// whether a task runs on Fargate is only checked for them; other tasks have no start.
fn starts(join: &str, size_of: &str) -> String {
    format!(
        "select null as id, null as record, null as resource, e.account, e.region, {CALLER} as caller, \
         case when e.service is not null then '' else e.family end as family, {size_of} as size_of, \
         cast(case when {ON_FARGATE} then e.created_at end as bigint) as at, cast(null as bigint) as start, \
         cast(null as bigint) as missing, cast(null as bigint) as cpu, 0 as refusal, \
         case when {ON_FARGATE} and e.created_at is not null then e.cpu end as task_cpu from {join}"
    )
}

/// The refusals: pool, account, region, cluster and service or caller and family, time from which a start is one of
/// the next, start of the demand (both in microseconds), missing tasks, CPU units per task, id, record.
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

/// The refused demands: pool, caller, family, missing tasks, CPU units per task, from start to end.
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
    // From the newest to the oldest: the smallest time so far is the next one. A start at the same instant as a
    // refusal is not later, and of two simultaneous refusals, the one with the larger id is newer. Of two
    // simultaneous starts, the larger task determines the size.
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

/// The latest limit in a message for a pool.
pub fn stated() -> String {
    format!(
        "select {POOL} as resource, f.account, f.region, '' as scope, \
         first_value(cast(regexp_match(f.message, '(?i)limit(?: of| is|:|=)? ?:?([0-9]+(?:[.][0-9]+)?)')[1] as double) \
           order by f.\"time\" desc, f.id) as allowed, 'message' as source \
         from failures f where f.cause = 'quota-fargate-vcpu' \
         and regexp_like(f.message, '(?i)limit(?: of| is|:|=)? ?:?[0-9]') group by 1, 2, 3"
    )
}
