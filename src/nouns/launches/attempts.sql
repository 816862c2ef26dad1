-- The calls that start tasks, with the columns that combining them requires. Placeholder: more, further columns of a call `c`.
select
    c.id, c."time", c.account, c.region, c.cluster, c.family, c.task_definition, c.started_by, c."group", c."user",
    split_part(c."user", '/', 1) as caller, c.event_name, c.launch_type, c.container_instance, c.asked, c.placed, c.missing,
    coalesce(c.missing, 0) > 0 as failed,
    coalesce(c.error_code, c.failure_reasons) as reason,
    c.overrides, c.source, c.file, c.record{more}
from calls c
where c.event_source = 'ecs.amazonaws.com' and c.event_name in ('RunTask', 'StartTask') and c."time" is not null
