-- One row per launch: its first attempt, with the launch of that attempt as the struct `f`. Placeholders:
--
--   folded     the attempts, each with its launch
--   reasons    the query of reasons.sql
--   more       further columns of a first attempt `w`
select
    w.id, w."time", w."time" as first_attempt,
    get_field(w.f, 'attempts') as attempts,
    get_field(w.f, 'outcome') as outcome,
    get_field(w.f, 'healed_by') as healed_by,
    get_field(w.f, 'healed_at') as healed_at,
    get_field(w.f, 'lost_at') as lost_at,
    get_field(w.f, 'delay') as delay,
    get_field(w.f, 'failures') as failures,
    -- A failure with the same id reports the missing tasks of the first call.
    coalesce(r.reason, get_field(w.f, 'reason')) as reason,
    get_field(w.f, 'regular') as regular,
    w.account, w.region, w.cluster, w.family, w.task_definition, w.started_by, w."group", w.caller, w.event_name, w.launch_type,
    w.asked,
    w.asked - get_field(w.f, 'missing') as placed,
    get_field(w.f, 'missing') as missing,
    w.source, w.file, w.record{more}
from ({folded}) w
left join ({reasons}) r on r.id = w.id
where get_field(w.f, 'nth') = 1
