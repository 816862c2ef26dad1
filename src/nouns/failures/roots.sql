-- The ids of rows of a service for which a task or the service failed before. Placeholders:
--
--   rows              the name of these rows; `rollout` is the incident of a deployment, `micros` the time
--   jitter, rollout   how long after and before the row the other failure may be, in microseconds
select d.id
from {rows} d
join (
    select r.id, r."time", r.started_by, r.account, r.region, r."cluster", r.service
    from failures r
    where r.kind in ('task', 'service')
        and r.service is not null
        -- The phases whose failures can make a rollout fail; `deployment` is not among these.
        and r.phase in (
            'placement', 'capacity', 'network', 'image_pull', 'config_fetch', 'logging', 'volume', 'container_create',
            'container_start', 'running', 'health_check'
        )
) r
    -- Account and region may be missing in what somebody pasted.
    on r.service = d.service
    and coalesce(r."cluster", '') = coalesce(d."cluster", '')
where (r.account is null or d.account is null or r.account = d.account)
    and (r.region is null or d.region is null or r.region = d.region)
    and cast(r."time" as bigint) <= d.micros + {jitter}
    and cast(r."time" as bigint) >= d.micros - {rollout}
    and (
        r.started_by is null
        or not starts_with(r.started_by, 'ecs-svc/')
        or not starts_with(coalesce(d.rollout, ''), 'deployment:ecs-svc/')
        or concat('deployment:', r.started_by) = d.rollout
    )
group by d.id
