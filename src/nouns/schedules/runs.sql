-- When the tasks that a call placed ran and stopped. Without a stop until all tasks have stopped.
select
    c.call_id, min(t.started_at) as started_at,
    case when count(*) = count(t.stopped_at) then max(t.stopped_at) end as stopped_at
from (
    select c.id as call_id, unnest(string_to_array(coalesce(c.tasks, c.task), ' ')) as task
    from calls c
    where c.event_source = 'ecs.amazonaws.com' and c.event_name in ('RunTask', 'StartTask') and c.task is not null
) c
join (
    select t.task, min(t.started_at) as started_at, max(t.stopped_at) as stopped_at
    from task_events t
    where t.task is not null
    group by t.task
) t on t.task = c.task
group by c.call_id
