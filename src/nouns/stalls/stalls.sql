-- One row per stall, with the settings that applied when it began. Placeholders:
--
--   anchor       the end of all data, in microseconds since 1970
--   task_id      the id of a task event `e`; null if no evidence is requested
--   instance_id  the id of an instance event `i`, likewise
--   more         further columns of a stall `s`
with found as (
    select
        arrow_cast(
            concat(g.container_instance, '/', cast(cast(g."time" as bigint) as varchar), '/', coalesce(g.deployment, '')),
            'Utf8View'
        ) as id,
        g."time", g.until as ended_at, g.account, g.region, g.cluster, g.container_instance, g.definition as task_definition,
        g.* except ("time", until, account, region, cluster, container_instance, definition, open)
    from instance_stalls(
        (
            -- Nearly all events identify their task by its ARN, which ends with its id; other names are only read for the rest.
            select
                e.task_arn as "key", e.account, e.region, e.cluster, e.container_instance, e.service,
                e.started_by as deployment, e.task_definition as definition, e.last_status, e.desired_status,
                e.created_at as created, e."time" as seen, e.pull_started_at as pull, e.started_at as started,
                e.stopping_at as stopping, e.stopped_at as stopped, e.cpu, e.memory,
                arrow_cast(null, 'Utf8View') as task, {task_id} as id
            from task_events e
            where e.container_instance is not null
            union all
            select
                coalesce(e.task, e.id) as "key", e.account, e.region, e.cluster, e.container_instance, e.service,
                e.started_by as deployment, e.task_definition as definition, e.last_status, e.desired_status,
                e.created_at as created, e."time" as seen, e.pull_started_at as pull, e.started_at as started,
                e.stopping_at as stopping, e.stopped_at as stopped, e.cpu, e.memory,
                e.task, {task_id} as id
            from task_events e
            where e.container_instance is not null and e.task_arn is null
        ),
        (
            select
                i.account, i.region, i.cluster, i.container_instance, i.ec2_instance, i.agent_version, i."time" as seen,
                i.registered_cpu as cpu, i.registered_memory as memory, {instance_id} as id
            from instance_events i
            where i.container_instance is not null
        ),
        {anchor},
        min_blocked()
    ) g
),

-- The latest settings of the service from before the stall.
with_settings as (
    select x.* except (nth)
    from (
        select
            s.*, c.maximum_percent, c.minimum_healthy_percent, c.desired_count,
            row_number() over (partition by s.id order by c."time" desc nulls last, c.id) as nth
        from found s
        left join (
            select c.*
            from calls c
            where c.event_source = 'ecs.amazonaws.com'
                and c.event_name in ('CreateService', 'UpdateService')
                and c.failed is not true
        ) c
            on c.account = s.account
            and c.region = s.region
            and c.cluster = s.cluster
            and c.service = s.service
            and c."time" <= s."time"
            and (c.maximum_percent is not null or c.minimum_healthy_percent is not null)
    ) x
    where x.nth = 1
),

-- The latest stop timeout of the stopping tasks: that of their revision, else that of another one of the family.
with_timeouts as (
    select x.* except (nth)
    from (
        select
            s.*, c.stop_timeout,
            row_number() over (
                partition by s.id
                order by
                    case when c.task_definition = s.stopping_definition then 0 else 1 end,
                    c."time" desc nulls last,
                    c.id
            ) as nth
        from with_settings s
        left join (
            select c.*
            from calls c
            where c.event_source = 'ecs.amazonaws.com'
                and c.event_name in ('RegisterTaskDefinition')
                and c.failed is not true
        ) c
            on c.account = s.account
            and c.region = s.region
            and c.family = split_part(s.stopping_definition, ':', 1)
            and c.stop_timeout is not null
            and c."time" <= s."time"
    ) x
    where x.nth = 1
),

-- When each instance joined its cluster. Its first event can be later than its registration.
joins as (
    select
        j.account, j.region, j.cluster, j.container_instance,
        coalesce(min(j.registered), min(j.called)) as joined_at, min(j.seen) as seen
    from (
        select
            i.account, i.region, i.cluster, i.container_instance, i.registered_at as registered,
            arrow_cast(null, 'Timestamp(Microsecond, Some("UTC"))') as called, i."time" as seen
        from instance_events i
        union all
        select
            c.account, c.region, c.cluster, c.container_instance,
            arrow_cast(null, 'Timestamp(Microsecond, Some("UTC"))') as registered, c."time" as called,
            arrow_cast(null, 'Timestamp(Microsecond, Some("UTC"))') as seen
        from calls c
        where c.event_source = 'ecs.amazonaws.com'
            and c.event_name = 'RegisterContainerInstance'
            and c.failed is not true
    ) j
    where j.container_instance is not null
    group by 1, 2, 3, 4
),

-- The number of instances that joined while the stall lasted.
with_joined as (
    select x.* except (nth)
    from (
        select
            s.*, count(j.container_instance) over (partition by s.id) as joined,
            row_number() over (partition by s.id order by j.container_instance) as nth
        from with_timeouts s
        left join joins j
            on j.account = s.account
            and j.region = s.region
            and j.cluster = s.cluster
            and j.joined_at >= s."time"
            and j.joined_at < s.ended_at
            and (j.seen is null or j.seen >= s."time")
    ) x
    where x.nth = 1
),

summed as (
    select
        s.*,
        s.running_cpu + s.stopping_cpu as reserved_cpu,
        s.running_memory + s.stopping_memory as reserved_memory,
        s.running_cpu + s.stopping_cpu + s.pending_cpu as needed_cpu,
        s.running_memory + s.stopping_memory + s.pending_memory as needed_memory,
        -- The tasks that a deployment may stop before it starts others, and those that it may start in addition.
        s.desired_count - cast(ceil(s.desired_count * s.minimum_healthy_percent / 100.0) as bigint) as stopped_first,
        cast(floor(s.desired_count * s.maximum_percent / 100.0) as bigint) - s.desired_count as started_beside
    from with_joined s
),

-- The lines of the calculation, and the settings that would have prevented the stall; those that do not apply are null.
worded as (
    select
        s.*,
        arrow_cast(
            make_array(
                concat(
                    cast(s.running_cpu as varchar), ' running + ', cast(s.stopping_cpu as varchar), ' stopping + ',
                    cast(s.pending_cpu as varchar), ' pending = ', cast(s.needed_cpu as varchar), ' of ',
                    coalesce(cast(s.registered_cpu as varchar), '?'), ' CPU units'
                ),
                concat(
                    cast(s.running_memory as varchar), ' running + ', cast(s.stopping_memory as varchar), ' stopping + ',
                    cast(s.pending_memory as varchar), ' pending = ', cast(s.needed_memory as varchar), ' of ',
                    coalesce(cast(s.registered_memory as varchar), '?'), ' MiB'
                )
            ),
            'List(Utf8)'
        ) as arithmetic_lines,
        arrow_cast(
            make_array(
                case
                    when s.minimum_healthy_percent < 100 and s.stopped_first > 0 then concat(
                        'set minimumHealthyPercent to 100 (now ', cast(s.minimum_healthy_percent as varchar),
                        ', which allowed ', cast(s.stopped_first as varchar), ' of ', cast(s.desired_count as varchar),
                        ' tasks to stop before new ones ran)'
                    )
                end,
                case
                    -- The lowest value with which one new task can start while all old ones run: with less, and a
                    -- minimumHealthyPercent of 100, no deployment could begin.
                    when s.started_beside > 1 and s.desired_count > 0 then concat(
                        'set maximumPercent to ',
                        cast(cast(ceil((s.desired_count + 1) * 100.0 / s.desired_count) as bigint) as varchar), ' (now ',
                        cast(s.maximum_percent as varchar), ', which allowed ', cast(s.started_beside as varchar),
                        ' new tasks in addition to ', cast(s.desired_count as varchar),
                        '): 100 together with minimumHealthyPercent 100 would block every deployment'
                    )
                end,
                concat(
                    'make room for ',
                    cast(greatest(s.needed_cpu - coalesce(s.registered_cpu, s.needed_cpu), 0) as varchar), ' CPU units and ',
                    cast(greatest(s.needed_memory - coalesce(s.registered_memory, s.needed_memory), 0) as varchar), ' MiB more'
                ),
                concat(
                    'let tasks stop in less than ', cast(cast(round(s.stop_micros / 1000000.0) as bigint) as varchar), ' s',
                    case
                        when s.stop_timeout is not null
                            then concat(' (stopTimeout ', cast(s.stop_timeout as varchar), ' s)')
                        else ''
                    end,
                    ', because a longer stop timeout makes the stall longer'
                ),
                'use task scale-in protection for tasks that are still working'
            ),
            'List(Utf8)'
        ) as preventions
    from summed s
)

select
    s.id, s."time", s.ended_at, s.account, s.region, s.cluster, s.container_instance, s.ec2_instance, s.service, s.deployment,
    s.task_definition, s.pending, s.pending_tasks, s.stopping, s.stopping_tasks, s.registered_cpu, s.registered_memory,
    s.agent_version, s.maximum_percent, s.minimum_healthy_percent, s.desired_count,
    s.stop_micros / 1000000.0 as stop_time,
    cast(s.stop_timeout as double) as stop_timeout,
    s.reserved_cpu, s.needed_cpu, s.reserved_memory, s.needed_memory,
    cast(round((cast(s.ended_at as bigint) - cast(s."time" as bigint)) / 1000000.0) as bigint) as seconds_blocked,
    arrow_cast(array_to_string(s.arithmetic_lines, '; '), 'Utf8View') as arithmetic,
    s.joined,
    agent_queues(s.agent_version) as agent_queues,
    arrow_cast(array_to_string(s.preventions, '; '), 'Utf8View') as avoided_by,
    -- Not fields: explanations read the same as lists.
    s.arithmetic_lines, s.preventions{more}
from worded s
