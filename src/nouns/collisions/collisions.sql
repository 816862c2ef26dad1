-- One row per launch that failed with AGENT: the failure `f`, its launch `l`, and what the agent of its instance was doing, as
-- the struct `s`. Placeholders:
--
--   observations   the query of observations.sql
--   found          the collisions of a cluster, for observations `u`: a list of structs on the row of each failure
--   folded         the attempts, each with its launch as the struct `f`
--   with_raw       the join of the original records, if they are requested
--   more           further columns
with found as (
    select w.id, w."time", w.kind, w.account, w.region, w.cluster, unnest(w.found) as s
    from (select u.*, {found} as found from ({observations}) u) w
    where w.found is not null
),

-- The counts of all instances in the store.
counted as (
    select
        s.*,
        sum(get_field(s.s, 'part_inside')) over () as overall_inside,
        sum(get_field(s.s, 'part_inside_failed')) over () as overall_inside_failed,
        sum(get_field(s.s, 'part_outside')) over () as overall_outside,
        sum(get_field(s.s, 'part_outside_failed')) over () as overall_outside_failed
    from found s
)

select
    o.id,
    arrow_cast(o."time", 'Timestamp(Microsecond, Some("UTC"))') as "time",
    get_field(o.s, 'class') as class,
    get_field(o.s, 'basis') as basis,
    o.account, o.region, o.cluster,
    get_field(o.s, 'instance') as container_instance,
    f.family, f.started_by, f."group", split_part(f."user", '/', 1) as caller, f.event_name, f.call,
    get_field(o.s, 'window_start') as window_start,
    get_field(o.s, 'window_end') as window_end,
    get_field(o.s, 'window_seconds') as "window",
    get_field(o.s, 'weak') as weak,
    get_field(o.s, 'version_before') as version_before,
    get_field(o.s, 'version_after') as version_after,
    get_field(o.s, 'update_call') as update_call,
    get_field(l.f, 'launch') as launch,
    get_field(l.f, 'outcome') as outcome,
    get_field(l.f, 'healed_by') as healed_by,
    get_field(l.f, 'delay') as delay,
    case when get_field(l.f, 'outcome') = 'lost' then get_field(l.f, 'launch') end as lost_launch,
    case when get_field(l.f, 'outcome') = 'healed' then get_field(l.f, 'launch') end as healed_launch,
    get_field(o.s, 'inside') as inside_attempts,
    get_field(o.s, 'inside_failed') as inside_failures,
    get_field(o.s, 'outside') as outside_attempts,
    get_field(o.s, 'outside_failed') as outside_failures,
    agent_lift(
        get_field(o.s, 'inside'), get_field(o.s, 'inside_failed'), get_field(o.s, 'outside'), get_field(o.s, 'outside_failed')
    ) as lift,
    fisher_p(
        get_field(o.s, 'inside'), get_field(o.s, 'inside_failed'), get_field(o.s, 'outside'), get_field(o.s, 'outside_failed')
    ) as p_value,
    agent_lift(
        get_field(o.s, 'cluster_inside'), get_field(o.s, 'cluster_inside_failed'),
        get_field(o.s, 'cluster_outside'), get_field(o.s, 'cluster_outside_failed')
    ) as cluster_lift,
    fisher_p(
        get_field(o.s, 'cluster_inside'), get_field(o.s, 'cluster_inside_failed'),
        get_field(o.s, 'cluster_outside'), get_field(o.s, 'cluster_outside_failed')
    ) as cluster_p_value,
    agent_lift(o.overall_inside, o.overall_inside_failed, o.overall_outside, o.overall_outside_failed) as overall_lift,
    fisher_p(o.overall_inside, o.overall_inside_failed, o.overall_outside, o.overall_outside_failed) as overall_p_value,
    get_field(o.s, 'series_failures') as series_failures,
    get_field(o.s, 'series_accepted') as series_accepted,
    get_field(o.s, 'series_rate') as series_rate,
    get_field(o.s, 'series_windows') as series_windows,
    get_field(o.s, 'series_instances') as series_instances,
    get_field(o.s, 'series_class') as series_class,
    get_field(o.s, 'minutes') as minutes,
    get_field(o.s, 'hours') as hours,
    get_field(o.s, 'median_window') as median_window,
    get_field(o.s, 'phase_lock') as phase_lock,
    get_field(o.s, 'next_at_risk') as next_at_risk,
    get_field(o.s, 'advice') as advice,
    f.source, f.file{more}
from counted o
join failures f on f.id = o.id and f.kind = 'launch'
left join ({folded}) l on l.id = f.call
{with_raw}
where o.kind = 'failure'
