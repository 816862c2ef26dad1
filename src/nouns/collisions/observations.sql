-- All records about agents and launches. Each part has the columns that its records have; the others are missing.
-- Placeholders:
--
--   attempts   the query of attempts.sql
--   window     the events of the instance of an event `i`, in their order

-- Instance events with a change, and repeated events, which show an unrecorded reconnect.
select
    'event' as kind, x.id as id, cast(x."time" as bigint) as "time", x.account as account, x.region as region,
    arrow_cast(coalesce(x.cluster, 'default'), 'Utf8View') as cluster, x.container_instance as instance, x.version as version,
    x.agent_connected as connected, x.agent_version as agent_version, x.agent_hash as agent_hash,
    x.agent_update_status as update_status, x.status as status, x.same as same
from (
    select
        i.*,
        i.nth > 1 and i.source = 'eventbridge' and i.version > i.was_version and not (i.differs or i.counts_differ) as same
    from (
        select
            i.*,
            (i.agent_connected is distinct from i.was_agent_connected)
                or (i.agent_version is distinct from i.was_agent_version)
                or (i.agent_hash is distinct from i.was_agent_hash)
                or (i.agent_update_status is distinct from i.was_agent_update_status)
                or (i.status is distinct from i.was_status) as differs,
            (i.registered_cpu is distinct from i.was_registered_cpu)
                or (i.registered_memory is distinct from i.was_registered_memory)
                or (i.remaining_cpu is distinct from i.was_remaining_cpu)
                or (i.remaining_memory is distinct from i.was_remaining_memory)
                or (i.running_tasks is distinct from i.was_running_tasks)
                or (i.pending_tasks is distinct from i.was_pending_tasks) as counts_differ
        from (
            select
                i.*,
                lag(i.agent_connected) over ({window}) as was_agent_connected,
                lag(i.agent_version) over ({window}) as was_agent_version,
                lag(i.agent_hash) over ({window}) as was_agent_hash,
                lag(i.agent_update_status) over ({window}) as was_agent_update_status,
                lag(i.status) over ({window}) as was_status,
                lag(i.registered_cpu) over ({window}) as was_registered_cpu,
                lag(i.registered_memory) over ({window}) as was_registered_memory,
                lag(i.remaining_cpu) over ({window}) as was_remaining_cpu,
                lag(i.remaining_memory) over ({window}) as was_remaining_memory,
                lag(i.running_tasks) over ({window}) as was_running_tasks,
                lag(i.pending_tasks) over ({window}) as was_pending_tasks,
                lag(i.version) over ({window}) as was_version,
                row_number() over ({window}) as nth
            from (
                select
                    i.id, i."time", i.account, i.region, i.cluster, i.container_instance, i.container_instance_arn, i.source,
                    i.agent_connected, i.agent_version, i.agent_hash, i.agent_update_status, i.status, i.registered_cpu,
                    i.registered_memory, i.remaining_cpu, i.remaining_memory, i.running_tasks, i.pending_tasks, i.version
                from instance_events i
                where i.container_instance is not null and i."time" is not null
            ) i
        ) i
    ) i
) x
where x.nth = 1 or x.differs or x.same

union all by name
select
    case x.event_name when 'UpdateContainerAgent' then 'update' else 'register' end as kind, x.id as id,
    cast(x."time" as bigint) as "time", x.account as account, x.region as region,
    arrow_cast(coalesce(x.cluster, 'default'), 'Utf8View') as cluster, x.container_instance as instance
from calls x
where x.event_source = 'ecs.amazonaws.com'
    and x.event_name in ('UpdateContainerAgent', 'RegisterContainerInstance')
    and x.error_code is null
    and x.container_instance is not null
    and x."time" is not null

union all by name
select
    'attempt' as kind, x.id as id, cast(x."time" as bigint) as "time", x.account as account, x.region as region,
    arrow_cast(coalesce(x.cluster, 'default'), 'Utf8View') as cluster,
    case when x.placed > 0 then x.container_instance end as instance, x.family as family,
    coalesce(x.started_by, x.caller) as caller, coalesce(x.missing, 0) = 0 as accepted
from ({attempts}) x

union all by name
select
    'refused' as kind, x.id as id, cast(x."time" as bigint) as "time", x.account as account, x.region as region,
    arrow_cast(coalesce(x.cluster, 'default'), 'Utf8View') as cluster, x.container_instance as instance
from failures x
where x.kind = 'launch' and x.reason <> 'AGENT' and x.container_instance is not null and x."time" is not null

union all by name
select
    'failure' as kind, x.id as id, cast(x."time" as bigint) as "time", x.account as account, x.region as region,
    arrow_cast(coalesce(x.cluster, 'default'), 'Utf8View') as cluster, x.container_instance as instance, x.family as family,
    coalesce(x.started_by, split_part(x."user", '/', 1)) as caller
from failures x
where x.kind = 'launch' and x.reason = 'AGENT' and x."time" is not null
