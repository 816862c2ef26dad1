-- The signals of incidents: failures, lost launches, missed starts, collisions and stalls. Each part has the columns that it
-- knows; the others are missing. `start`, `end` and `window` are in microseconds since 1970. Placeholders:
--
--   failures, launches, schedules, collisions, stalls   the rows of these nouns
--   start_limit        the longest time from the creation of a task to a failure that belongs to its start, in seconds
--   worked             a task of a service that ran for longer did its work, in seconds
--   not_exported       the word for a start of which nothing is known
--   *_records          the records of a row, if they are requested

select
    'failure' as kind, f.id as id, f.kind as failure_kind, f.confidence as wording,
    f.account as account, f.region as region, f.cluster as cluster, f.service as service, f.family as family,
    f.project as project, f.run as run, f.subnet as subnet, f.container_instance as instance,
    case
        when starts_with(f.started_by, 'ecs-svc/') then f.started_by
        when starts_with(f.incident, 'deployment:ecs-svc/') then substr(f.incident, 12)
    end as deployment,
    f.phase as phase, f.reason as reason, f.cause as cause, f.class as class, f.call as call, f.quota as quota,
    f.event_name as event_name, f."user" as "user", f.exit_code as exit_code, f.ran as ran, f.secondary as secondary,
    case when f.kind = 'task' then f.task when f.kind = 'run' then f.submission end as task,
    case when f.phase = 'image_pull' then f.image else coalesce(f.role, f.secret) end as resource,
    cast(
        case
            when f.ran is not true and f.created <= f."time" and f.lasted <= {start_limit} then f.created
            else f."time"
        end as bigint
    ) as start,
    cast(f."time" as bigint) as "end",
    f.missing_tasks as tasks,
    f.spent as task_seconds, f.spent * f.vcpu as vcpu_seconds, f.spent * f.gib as gib_seconds, f.spent / 3600.0 * f.price as usd,
    arrow_cast(make_array(arrow_cast(f.record, 'Utf8')), 'List(Utf8)') as records
from (
    -- The time of failed attempts is wasted; of services, only that of attempts that failed early or never ran.
    select
        f.*,
        case
            when f.created <= f."time" and (f.service is null or f.ran is not true or f.lasted <= {worked}) then f.lasted
        end as spent
    from (
        select
            f.*,
            coalesce(t.created, j.start) as created,
            case
                when cast(f."time" as bigint) >= cast(coalesce(t.created, j.start) as bigint)
                    then cast(f."time" as bigint) - cast(coalesce(t.created, j.start) as bigint)
            end / 1000000.0 as lasted,
            coalesce(t.cpu / 1024.0, j.vcpu) as vcpu,
            coalesce(t.memory, j.memory) / 1024.0 as gib,
            j.price as price
        from ({failures}) f
        left join (
            select e.task, min(e.created_at) as created, max(e.cpu) as cpu, max(e.memory) as memory
            from task_events e
            where e.task in (select task from failures where kind = 'task')
            group by e.task
        ) t on f.kind = 'task' and t.task = f.task
        left join (
            -- Job submissions with their start and price. What no instance ran cost nothing.
            select
                s.submission, coalesce(p.start, s.start) as start, s.vcpu, s.memory,
                case
                    when s.provisioned then s.price * coalesce(s.blocks, 1) / greatest(coalesce(s.total_blocks, 1), 1)
                end as price
            from (
                select
                    j.submission, min(j.submitted_at) as start, max(j.vcpu) as vcpu, max(j.memory_mib) as memory,
                    max(j.price) as price, max(j.blocks) as blocks, max(j.total_blocks) as total_blocks,
                    bool_or(j.provisioned) as provisioned
                from job_submissions j
                where j.submission is not null
                group by j.submission
            ) s
            left join (
                select n.target_id, min(n."time") as start
                from run_events n
                where n.to_status in ('provisioning', 'pulling', 'running')
                group by n.target_id
            ) p on p.target_id = s.submission
        ) j on f.kind = 'run' and j.submission = f.submission
        where f."time" is not null
    ) f
) f

union all by name
-- Launches that a call failed to place. Their calls are their records, also if no evidence is requested.
select
    'launch' as kind, l.id as id, l.account as account, l.region as region, l.cluster as cluster, l.family as family,
    l.reason as reason, l.outcome as outcome, cast(l."time" as bigint) as start,
    cast(coalesce(l.healed_at, l."time") as bigint) as "end", l.missing as tasks{launch_records}
from ({launches}) l
where l.outcome <> 'started'

union all by name
-- Starts that never ran, unless nothing is known about their hour. `island` numbers the gaps of a schedule.
select
    'missed_start' as kind, s.id as id, s.account as account, s.region as region, s.cluster as cluster, s.family as family,
    s.schedule as schedule, s.disabled_by as disabled_by, s.island as island, s.launch as call, s.why as reason,
    cast(s.previous_run as bigint) as previous_run, cast(least(s.next_run, s.rerun_at) as bigint) as next_run, s.rerun as rerun,
    cast(case when s.launch is null then s.next_run end as bigint) as resumed,
    cast(s."time" as bigint) as start, cast(s."time" as bigint) as "end"{start_records}
from (
    select
        s.*,
        sum(case when s.state = 'missed' then 0 else 1 end) over (
            partition by s.account, s.region, s.cluster, s.family, s.started_by, s.schedule order by s."time", s.id
        ) as island
    from ({schedules}) s
) s
where s.state = 'missed' and (s.absence is distinct from '{not_exported}')

union all by name
select
    'collision' as kind, c.id as id, c.account as account, c.region as region, c.cluster as cluster, c.family as family,
    c.container_instance as instance, c.class as outcome, cast(c.window_start as bigint) as "window",
    cast(c.window_end as bigint) as window_end,
    cast(least(c."time", coalesce(c.window_start, c."time")) as bigint) as start,
    cast(greatest(c."time", coalesce(c.window_end, c."time")) as bigint) as "end"{collision_records}
from ({collisions}) c

union all by name
select
    'stall' as kind, s.id as id, s.account as account, s.region as region, s.cluster as cluster, s.service as service,
    s.deployment as deployment, s.container_instance as instance, s.pending as tasks, cast(s."time" as bigint) as start,
    cast(coalesce(s.ended_at, s."time") as bigint) as "end"{stall_records}
from ({stalls}) s
