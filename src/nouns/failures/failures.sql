-- The stored failures, each once, even if several records describe it. Placeholders:
--
--   all, decided, named       the columns of a failure `f`: all; all with `secondary` decided by the matching row of `r`; all
--                             but `incident` and `secondary`
--   consequence               whether `f` is a report of a service about tasks that failed, without a fault of its own
--   roots_of_reports, roots_of_deployments   the queries of roots.sql for rows of `reports` and `own_failures`
--   rollback, jitter          how long after a deployment failed its rollback may be reported, and how far apart the
--                             reports of one failure are otherwise, in microseconds
--   one                       the record of `f` as evidence, if it is requested
--   of_copies, of_incident    those of all rows of the incident at one time, and of all rows of the incident
--   passed                    the evidence of an inner query
with reports as (
    select {all}, f.incident as rollout, cast(f."time" as bigint) as micros from failures f where {consequence}
),

-- Failed deployments, with the deployments of the scheduler (`ecs-svc/…`) of the same service that failed before and after.
neighbors as (
    select
        {named}, f.secondary, f.incident as own, cast(f."time" as bigint) as micros,
        case when starts_with(f.incident, 'deployment:ecs-svc/') then f.incident end as named,
        last_value(case when starts_with(f.incident, 'deployment:ecs-svc/') then f.incident end) ignore nulls over (
            partition by f.account, f.region, f."cluster", f.service order by f."time", f.id
            rows between unbounded preceding and current row
        ) as earlier,
        last_value(case when starts_with(f.incident, 'deployment:ecs-svc/') then cast(f."time" as bigint) end) ignore nulls over (
            partition by f.account, f.region, f."cluster", f.service order by f."time", f.id
            rows between unbounded preceding and current row
        ) as earlier_at,
        first_value(case when starts_with(f.incident, 'deployment:ecs-svc/') then f.incident end) ignore nulls over (
            partition by f.account, f.region, f."cluster", f.service order by f."time", f.id
            rows between current row and unbounded following
        ) as later,
        first_value(case when starts_with(f.incident, 'deployment:ecs-svc/') then cast(f."time" as bigint) end) ignore nulls
        over (
            partition by f.account, f.region, f."cluster", f.service order by f."time", f.id
            rows between current row and unbounded following
        ) as later_at
    from failures f
    where f.kind = 'deployment' and f.incident is not null
),

-- Rows that name no deployment of the scheduler, such as the line about the rollback or a service deployment, belong to the
-- one of the same service that failed just before.
resolved as (
    select
        {named}, f.secondary, f.micros,
        case
            when f.named is not null or f.service is null then f.own
            when f.micros - f.earlier_at <= {rollback} then f.earlier
            when f.later_at - f.micros <= {jitter} then f.later
            else f.own
        end as incident
    from neighbors f
),

own_failures as (
    select d.*, d.incident as rollout from resolved d where d.secondary is null and d.service is not null
)

select {all}{one}
from failures f
where (f.incident is null or f.kind is null or f.kind not in ('task', 'run', 'deployment', 'agent', 'resource')) and not {consequence}

union all
-- Reports about failed tasks of a service are secondary where a task failed before.
select {decided}{one}
from failures f
left join ({roots_of_reports}) r on r.id = f.id
where {consequence}

union all
-- The newest copy of the record of a task or run counts. The partition includes the time, so that a filter on it can be pushed
-- below the window.
select {all}{passed}
from (
    select
        {all}{of_copies},
        row_number() over (partition by f.incident, f."time" order by f.version desc nulls last, f.id) as nth,
        count(f.version) over (partition by f.incident) as versions
    from failures f
    where f.incident is not null and f.kind in ('task', 'run')
) f
where f.nth = 1 and (f.version is not null or f.versions = 0)

union all
-- Failed updates of agents are repeated by later events, failed resources of dstack by later exports: the earliest counts.
select {all}{passed}
from (
    select
        {all}{of_incident},
        row_number() over (partition by f.incident order by f."time", f.version desc nulls last, f.id) as nth
    from failures f
    where f.incident is not null and f.kind in ('agent', 'resource')
) f
where f.nth = 1

union all
-- Of the rows of a deployment, the line about the rollback says least.
select {decided}{passed}
from (
    select
        {named}, f.secondary, f.micros, f.incident{of_incident},
        row_number() over (
            partition by f.incident
            order by f.secondary is null and f.cause is null, f."time", f.version desc nulls last, f.id
        ) as nth
    from resolved f
) f
left join ({roots_of_deployments}) r on r.id = f.id
where f.nth = 1
