-- One row per expected start of a caller with a schedule. Placeholders:
--
--   attempts                             the query of attempts.sql
--   expected                             the expected starts of the caller of an attempt `a`, as a list of structs
--   reasons                              the query of reasons.sql
--   hour                                 an hour in microseconds
--   not_exported, not_called, disabled   the words for why no call is recorded
--   delay                                the seconds from a start `s` to when it ran
--   without_run                          the seconds between the runs before and after a missed start `s`, whoever started them
--   more                                 further columns of a start `s`
with slots as (
    select
        w.id as first, w.account, w.region, w.cluster, w.family, w.started_by, w."group", w.caller, unnest(w.slots) as s
    from (
        select
            a.id, a.account, a.region, a.cluster, a.family, a.started_by, a."group", a.caller, {expected} as slots
        from ({attempts}) a
    ) w
    where w.slots is not null
),

starts as (
    select
        e.first,
        get_field(e.s, 'expected_at') as at,
        get_field(e.s, 'state') as state,
        get_field(e.s, 'reason') as reason,
        get_field(e.s, 'frequency') as frequency,
        get_field(e.s, 'started_at') as started_at,
        get_field(e.s, 'placed_by') as placed_by,
        get_field(e.s, 'launch') as launch,
        get_field(e.s, 'previous_run') as previous_run,
        get_field(e.s, 'next_run') as next_run,
        get_field(e.s, 'rerun') as rerun,
        get_field(e.s, 'rerun_at') as rerun_at,
        get_field(e.s, 'evidence') as evidence,
        e.account, e.region, e.cluster, e.family, e.started_by, e."group", e.caller
    from slots e
),

named as (
    select
        s.*,
        arrow_cast(
            case
                when starts_with(s.started_by, 'events-rule/') then substr(s.started_by, 13)
                when starts_with(s.started_by, 'chronos-schedule/') then substr(s.started_by, 18)
                when s.started_by = 'AWS Step Functions' then concat(s.family, ' (Step Functions)')
                else coalesce(s.started_by, concat(s.family, ' by ', s.caller))
            end,
            'Utf8View'
        ) as schedule,
        case
            when starts_with(s.started_by, 'events-rule/') then 'events.amazonaws.com'
            when starts_with(s.started_by, 'chronos-schedule/') then 'scheduler.amazonaws.com'
        end as source
    from starts s
),

-- The hours with any records: without them, it is unknown whether a start was called.
hours as (
    select distinct
        coalesce(c.account, '') as account, coalesce(c.region, '') as region, cast(c."time" as bigint) / {hour} as hour
    from calls c
    where c."time" is not null
),

-- The intervals in which a rule or a schedule was disabled, with the call that disabled it. A rule is known by its event bus
-- and its name, a schedule by its group and its name.
disabled as (
    select d.*
    from (
        select
            d.*,
            lead(d.since) over (
                partition by d.account, d.region, d.event_source, d.scope, d.name order by d.since, d.id
            ) as until,
            min(d.scope) over (partition by d.account, d.region, d.event_source, d.name) as first_scope,
            max(d.scope) over (partition by d.account, d.region, d.event_source, d.name) as last_scope,
            min(d.event_source) over (partition by d.account, d.region, d.name) as first_source,
            max(d.event_source) over (partition by d.account, d.region, d.name) as last_source
        from (
            select
                d.*,
                case
                    when d.event_source = 'scheduler.amazonaws.com' then coalesce(d.schedule_group, 'default')
                    when starts_with(d.bus, 'arn:') then split_part(d.bus, ':event-bus/', 2)
                    else coalesce(d.bus, 'default')
                end as scope
            from (
                select
                    c.id, c."time" as since, coalesce(c.account, '') as account, coalesce(c.region, '') as region, c.event_name,
                    c.event_source, c."user", json_path(c.raw, '/requestParameters/state') as state,
                    json_path(c.raw, '/requestParameters/eventBusName') as bus,
                    json_path(c.raw, '/requestParameters/groupName') as schedule_group,
                    coalesce(json_path(c.raw, '/requestParameters/name'), json_path(c.raw, '/requestParameters/rule')) as name
                from calls c
                where c.event_source in ('events.amazonaws.com', 'scheduler.amazonaws.com')
                    and c.error_code is null
                    and c.event_name in (
                        'DisableRule', 'EnableRule', 'PutRule', 'DeleteRule', 'PutTargets', 'RemoveTargets',
                        'CreateSchedule', 'UpdateSchedule', 'DeleteSchedule'
                    )
            ) d
            where d.name is not null
        ) d
    ) d
    where d.event_name in ('DisableRule', 'DeleteRule', 'RemoveTargets', 'DeleteSchedule') or d.state = 'DISABLED'
)

select
    arrow_cast(concat(s.first, '@', cast(s.at as varchar)), 'Utf8View') as id,
    s.at as "time", s.at as expected_at, s.state,
    arrow_cast(
        case
            when s.state = 'started' or s.state = 'late' then null
            when s.launch is not null then coalesce(r.reason, s.reason)
            when h.hour is null then 'no record: not in this export'
            when d.event_name is null then 'no record: not called'
            else concat(
                'no record: not called; ',
                concat(d.event_name, coalesce(concat(' by ', d."user"), ''), ' at ', arrow_cast(d.since, 'Utf8'))
            )
        end,
        'Utf8View'
    ) as why,
    arrow_cast(
        case
            when s.state = 'started' or s.state = 'late' or s.launch is not null then null
            when h.hour is null then '{not_exported}'
            when d.event_name is null then '{not_called}'
            else '{disabled}'
        end,
        'Utf8View'
    ) as absence,
    arrow_cast(
        case
            when s.state = 'started' or s.state = 'late' or s.launch is not null then null
            when h.hour is null or d.event_name is null then null
            else concat(d.event_name, coalesce(concat(' by ', d."user"), ''), ' at ', arrow_cast(d.since, 'Utf8'))
        end,
        'Utf8View'
    ) as disabled_by,
    s.schedule, s.frequency, s.started_at,
    case when s.state = 'late' then s.started_at end as late_at,
    case when s.state = 'healed' then s.started_at end as healed_at,
    case when s.state = 'missed' then s.at end as missed_at,
    -- A regular start is expected at a computed time: one that comes earlier has no delay.
    coalesce({delay}, case when s.started_at is not null then 0.0 end) as delay,
    s.previous_run, s.next_run, {without_run} as without_run, s.rerun, s.rerun_at,
    s.launch, s.account, s.region, s.cluster, s.family, s.started_by, s."group", s.caller{more}
from named s
left join hours h
    on h.account = coalesce(s.account, '')
    and h.region = coalesce(s.region, '')
    and h.hour = cast(s.at as bigint) / {hour}
left join ({reasons}) r on r.id = s.launch
left join disabled d
    on s.launch is null
    and d.name = s.schedule
    -- A caller names its rule or schedule, but not the event bus or group: EventBridge runs rules by the clock only on the
    -- default bus, and of schedules in several groups it is unknown which one called.
    and (
        (
            d.event_source = s.source
            and (d.first_scope = d.last_scope or (s.source = 'events.amazonaws.com' and d.scope = 'default'))
        )
        or (s.source is null and d.first_source = d.last_source and d.first_scope = d.last_scope)
    )
    and d.account = coalesce(s.account, '')
    and d.region = coalesce(s.region, '')
    and d.since <= s.at
    and (d.until is null or d.until > s.at)
