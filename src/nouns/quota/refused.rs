//! Refused demand for Fargate vCPU, as intervals like those of the tasks, and limits in messages.
//!
//! A refused caller asks again, so only its latest demand counts, until one of its tasks starts or 15 minutes pass. A
//! caller is whatever started the task (startedBy, else its group, else its service), together with a family. A
//! service event does not contain a number of tasks, so it counts as one. `quota` applies the same rule while it
//! reads the events of tasks ([`crate::engine::operators`]); tests compare both.

use super::ON_FARGATE;
use super::limits::DEMAND_LASTS;

/// Tasks that a call itself placed are created within this time, in microseconds.
const OWN: i64 = 2_000_000;

/// Failures that are refusals because of the limit.
const REFUSED: &str = "f.cause = 'quota-fargate-vcpu' and f.account is not null and f.region is not null and \
     ((f.kind = 'launch' and f.missing_tasks > 0) or (f.kind = 'service' and f.service is not null))";
const POOL: &str = "case when f.capacity_provider = 'FARGATE_SPOT' then 'fargate_spot_vcpu' else 'fargate_vcpu' end";

/// The caller of a task event.
const CALLER: &str = "case when e.service is not null then concat('service:', coalesce(e.cluster, ''), '/', e.service) \
     else coalesce(e.started_by, e.\"group\") end";

/// The refusals (see `refusals.sql`).
pub fn refusals() -> String {
    format!(include_str!("refusals.sql"), pool = POOL, own = OWN, refused = REFUSED)
}

/// The refused demands: pool, caller, family, missing tasks, CPU units per task, from start to end.
pub fn demands() -> String {
    format!(
        include_str!("demands.sql"),
        refusals = refusals(),
        refused = REFUSED,
        caller = CALLER,
        on_fargate = ON_FARGATE,
        lasts = DEMAND_LASTS,
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
