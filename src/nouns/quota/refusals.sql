-- Refused demand for Fargate vCPU: pool, account, region, cluster and service or caller and family, time from which a start
-- is one of the next, start of the demand (both in microseconds), missing tasks, CPU units per task, id, record.
-- Placeholders:
--
--   pool     the resource of a failure `f`
--   own      the time within which tasks that a call itself placed are created, in microseconds
--   refused  the condition for refusals
select
    {pool} as resource, f.account, f.region,
    case when f.kind = 'service' then f.cluster end as cluster,
    case when f.kind = 'service' then f.service end as service,
    coalesce(f.started_by, f."group", concat('family:', f.family)) as asker, f.family,
    cast(f."time" as bigint) + case when f.kind = 'launch' and f.task is not null then {own} else 0 end as at,
    cast(f."time" as bigint) as start,
    -- A service event does not contain a number of tasks.
    case when f.kind = 'service' then 1 else f.missing_tasks end as missing,
    coalesce(f.requested_cpu, d.cpu) as cpu, f.id, f.record
from failures f
left join (
    select c.account, c.region, c.task_definition, max(c.requested_cpu) as cpu
    from calls c
    where c.event_source = 'ecs.amazonaws.com' and c.event_name = 'RegisterTaskDefinition'
    group by 1, 2, 3
) d on d.account = f.account and d.region = f.region and d.task_definition = f.task_definition
where {refused}
