-- When the tasks that a call placed ran and stopped. Without a stop until all tasks have stopped; then `watched_until` is the newest
-- record of its tasks, or of any task in its cluster if events with stops are exported from there.
with streams as (
    select t.account, t.region, t.cluster, max(t."time") as newest
    from task_events t
    where t.source = 'eventbridge'
    group by t.account, t.region, t.cluster
    having count(t.stopped_at) > 0
),

tasks as (
    select
        t.task, min(t.account) as account, min(t.region) as region, min(t.cluster) as cluster,
        min(t.started_at) as started_at, max(t.stopped_at) as stopped_at, max(t."time") as newest
    from task_events t
    where t.task is not null
    group by t.task
)

select
    c.call_id, min(t.started_at) as started_at,
    case when count(*) = count(t.stopped_at) then max(t.stopped_at) end as stopped_at,
    case when count(*) > count(t.stopped_at) then max(greatest(t.newest, s.newest)) end as watched_until
from (
    select c.id as call_id, unnest(string_to_array(coalesce(c.tasks, c.task), ' ')) as task
    from calls c
    where c.event_source = 'ecs.amazonaws.com' and c.event_name in ('RunTask', 'StartTask') and c.task is not null
) c
join tasks t on t.task = c.task
left join streams s
    on coalesce(s.account, '') = coalesce(t.account, '') and coalesce(s.region, '') = coalesce(t.region, '')
    and coalesce(s.cluster, '') = coalesce(t.cluster, '')
group by c.call_id
