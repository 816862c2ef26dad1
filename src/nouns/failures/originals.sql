-- Failures have no record of their own: it is fetched by the id of the record that reports them. Placeholder: rows, the
-- failures.
select f.*, r.raw
from ({rows}) f
left join (
    select r.id, min(r.raw) as raw
    from (
        select id, raw from calls
        union all
        select id, raw from task_events
        union all
        select id, raw from instance_events
        union all
        select id, raw from service_events
        union all
        select id, raw from run_records
        union all
        select id, raw from run_events
        union all
        select s.id, r.raw from job_submissions s join run_records r on r.id = s.run_record
    ) r
    where r.id in (select record from failures)
    group by r.id
) r on r.id = f.record
