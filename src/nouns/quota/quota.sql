-- One row per interval in which the usage, demand and limit of a pool are constant. Placeholders:
--
--   refusals             the query of refusals.sql
--   task_id              the id of a task event `e`, or nothing if no evidence is requested
--   submission_id        the id of the records of a job submission, likewise
--   passed_id            that id in the interval of the submission
--   on_fargate           whether a task event `e` ran on Fargate
--   message_limits       the query of the limits in messages
--   from, to             the window, in microseconds since 1970; null if it is open
--   evidence, peaks      whether records are requested, and whether only the peaks are
--   duration             the length of an interval `q`
--   more                 further columns of an interval `q`
select
    q.id, q."time", q.ended_at, q.account, q.region, q.resource, q.cluster, q.service, q.container_instance, q.project, q.backend,
    {duration} as duration,
    q.used, q.used_lower, q.refused, q.needed, q.allowed,
    case when q.allowed is not null then greatest(0.0, q.needed - q.allowed) end as over,
    q.tasks, q.open_tasks, q.limit_source{more}
from (
    select
        q.*,
        q.used + q.refused as needed,
        coalesce(q.stated, q.known_limit) as allowed,
        arrow_cast(
            case when q.stated is not null then 'quotas' when q.known_limit is not null then q.known_source end,
            'Utf8View'
        ) as limit_source
    from (
        select q.*, quota_limit(q.resource, q.account, q.region, q.cluster, q.service, q."time") as stated
        from quota_steps(
            ({refusals}),
            (
                -- Nearly all events identify their task by its ARN; other names are only read for the rest.
                select
                    e.task_arn as "key", e.account, e.region, e.cluster, e.service, e.container_instance,
                    e.launch_type, e.capacity_provider, e.network_interface is not null as networked,
                    e.created_at as created, e."time" as seen, e.execution_stopped_at as early, e.stopped_at as stop,
                    e.cpu, e.memory, e.last_status, e.family, e."group", e.started_by{task_id}, {on_fargate} as on_fargate
                from task_events e
                union all
                select
                    coalesce(e.task, e.id, '') as "key", e.account, e.region, e.cluster, e.service, e.container_instance,
                    e.launch_type, e.capacity_provider, e.network_interface is not null as networked,
                    e.created_at as created, e."time" as seen, e.execution_stopped_at as early, e.stopped_at as stop,
                    e.cpu, e.memory, e.last_status, e.family, e."group", e.started_by{task_id}, {on_fargate} as on_fargate
                from task_events e
                where e.task_arn is null
            ),
            (
                -- dstack job submissions with an instance, from provisioning to end. Absurd numbers in a record must not break
                -- a sum: floats are exact up to 9e15.
                with submissions as (
                    select
                        coalesce(j.submission, j.id) as submission, max(j.run_id) as run_id, min(j.submitted_at) as start,
                        max(coalesce(
                            j.finished_at,
                            case when j.status in ('terminated', 'aborted', 'failed', 'done') then j.last_processed_at end
                        )) as stop,
                        bool_or(j.provisioned) as provisioned, max(j.backend) as backend, max(j.region) as region,
                        coalesce(max(j.gpus), 0) as gpus,
                        coalesce(
                            round(
                                max(j.price) * coalesce(max(j.blocks), 1) / greatest(coalesce(max(j.total_blocks), 1), 1)
                                * 1000000
                            ),
                            0
                        ) as price{submission_id}
                    from job_submissions j
                    group by 1
                ),
                projects as (
                    select r.run_id, max(r.project) as project from run_records r group by 1
                ),
                begun as (
                    select n.target_id, min(n."time") as start
                    from run_events n
                    where n.to_status in ('provisioning', 'pulling', 'running')
                    group by 1
                )
                select
                    'dstack_gpus' as resource, arrow_cast(null, 'Utf8View') as account, s.region as region,
                    arrow_cast(concat(coalesce(r.project, ''), '/', coalesce(s.backend, '')), 'Utf8View') as scope,
                    coalesce(p.start, s.start) as created, s.stop as early, s.stop,
                    cast(least(s.gpus, 9e15) as bigint) as units{passed_id}
                from submissions s
                left join projects r on r.run_id = s.run_id
                left join begun p on p.target_id = s.submission
                where s.provisioned and s.gpus > 0
                union all
                select
                    'dstack_price' as resource, arrow_cast(null, 'Utf8View') as account, arrow_cast(null, 'Utf8View') as region,
                    arrow_cast(coalesce(r.project, ''), 'Utf8View') as scope,
                    coalesce(p.start, s.start) as created, s.stop as early, s.stop,
                    cast(least(s.price, 9e15) as bigint) as units{passed_id}
                from submissions s
                left join projects r on r.run_id = s.run_id
                left join begun p on p.target_id = s.submission
                where s.provisioned and s.price > 0
            ),
            (
                -- Limits in the records: those of instances, and the latest number in a message.
                select
                    'instance_cpu' as resource, e.account, e.region,
                    concat(coalesce(e.cluster, ''), '/', e.container_instance) as scope,
                    cast(max(e.registered_cpu) as double) as allowed, 'registered' as source
                from instance_events e
                where e.container_instance is not null
                group by 1, 2, 3, 4
                union all
                select
                    'instance_memory' as resource, e.account, e.region,
                    concat(coalesce(e.cluster, ''), '/', e.container_instance) as scope,
                    cast(max(e.registered_memory) as double) as allowed, 'registered' as source
                from instance_events e
                where e.container_instance is not null
                group by 1, 2, 3, 4
                union all
                select
                    'eni' as resource, e.account, e.region,
                    concat(coalesce(e.cluster, ''), '/', e.container_instance) as scope,
                    cast(task_interfaces(max(e.instance_type)) as double) as allowed, 'instance_type' as source
                from instance_events e
                where e.container_instance is not null
                group by 1, 2, 3, 4
                union all
                {message_limits}
            ),
            {from},
            {to},
            quota_changes(),
            {evidence},
            {peaks}
        ) q
    ) q
) q
