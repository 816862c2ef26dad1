-- The refused demands: pool, caller, family, record, start, stop, missing tasks, and CPU units per task. The starts of tasks
-- of the families and services that were refused show when a demand ended, and how large its tasks are. Placeholders:
--
--   refusals     the query of refusals.sql
--   refused      the condition for refusals among failures `f`
--   caller       who started the task of a task event `e`
--   on_fargate   whether a task event `e` ran on Fargate
--   lasts        how long a demand lasts without a start or another request, in microseconds
with refused as (
    select
        r.id, r.record, r.resource, r.account, r.region, r.caller,
        case when r.service is not null then '' else r.family end as family,
        case when r.service is not null then r.caller else r.family end as size_of,
        r.at, r.start, r.missing, r.cpu, 1 as refusal, cast(null as bigint) as task_cpu
    from (
        select
            r.*,
            case
                when r.service is not null then concat('service:', coalesce(r.cluster, ''), '/', r.service)
                else r.asker
            end as caller
        from ({refusals}) r
    ) r
),

-- Tasks of the families and services that were refused.
starts as (
    select e.*, e.family as size_of
    from (select distinct f.account, f.region, f.family from failures f where {refused} and f.kind = 'launch') k
    join task_events e on e.account = k.account and e.region = k.region and e.family = k.family
    union all
    select e.*, {caller} as size_of
    from (select distinct f.account, f.region, f.cluster, f.service from failures f where {refused} and f.kind = 'service') k
    join task_events e on e.account = k.account and e.region = k.region and e.cluster = k.cluster and e.service = k.service
),

known as (
    select * from refused
    union all
    -- Whether a task ran on Fargate is only checked here, where there are few; others have no start.
    select
        null as id, null as record, null as resource, e.account, e.region, {caller} as caller,
        case when e.service is not null then '' else e.family end as family,
        e.size_of,
        cast(case when {on_fargate} then e.created_at end as bigint) as at,
        cast(null as bigint) as start, cast(null as bigint) as missing, cast(null as bigint) as cpu, 0 as refusal,
        case when {on_fargate} and e.created_at is not null then e.cpu end as task_cpu
    from starts e
)

select
    w.resource, w.account, w.region, w.caller, w.family, w.record,
    arrow_cast(w.start, 'Timestamp(Microsecond, Some("UTC"))') as start,
    arrow_cast(least(w.start + {lasts}, coalesce(w.next, w.start + {lasts})), 'Timestamp(Microsecond, Some("UTC"))') as stop,
    w.missing,
    quota_task_units(coalesce(w.cpu, w.last_cpu, 0)) as size
from (
    select w.*, max(w.task_cpu) over (partition by w.account, w.region, w.size_of, w.sized) as last_cpu
    from (
        select
            w.*,
            -- From the newest to the oldest: the smallest time so far is the next one. A start at the same instant as a
            -- refusal is not later, and of two simultaneous refusals, the one with the larger id is newer.
            min(w.at) over (
                partition by w.account, w.region, w.caller, w.family
                order by w.at desc, w.refusal desc, w.id desc
                rows between unbounded preceding and 1 preceding
            ) as next,
            -- Of two simultaneous starts, the larger task determines the size.
            count(w.task_cpu) over (
                partition by w.account, w.region, w.size_of
                order by w.at, w.refusal, w.task_cpu, w.id
                rows between unbounded preceding and current row
            ) as sized
        from known w
    ) w
) w
where w.refusal = 1
