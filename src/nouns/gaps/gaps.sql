-- Hours without records, late deliveries, accounts without global records, and files that differ from their digests.
-- Placeholders:
--
--   hour         an hour in microseconds
--   late         the delay beyond which a delivery is late, in microseconds
--   name         the pattern of the name of a log file, with its delivery time
--   delivered    the pattern of the name of a log file or digest, with its account, Region and time
--   compact, extended        the format of such a time, and its replacement that can be parsed
--   modified, unlisted, lists_missing, any   parts of the notes about integrity
--   more         further columns, which are empty

-- The scan returns hours instead of records; then each gap becomes one row, and then one row per hour.
select
    arrow_cast(concat(coalesce(g.account, ''), '/', coalesce(g.region, ''), '/', cast(g.hour as varchar)), 'Utf8View') as id,
    arrow_cast(g.hour * {hour}, 'Timestamp(Microsecond, Some("UTC"))') as "time",
    arrow_cast('missing', 'Utf8View') as kind, g.account, g.region,
    arrow_cast(g.first * {hour}, 'Timestamp(Microsecond, Some("UTC"))') as began_at,
    arrow_cast(g.next * {hour}, 'Timestamp(Microsecond, Some("UTC"))') as ended_at,
    cast(g.next - g.first as bigint) as hours,
    arrow_cast(null, 'Utf8View') as file{more}
from (
    select h.account, h.region, h.hour + 1 as first, h.next, unnest(range(h.hour + 1, h.next)) as hour
    from (
        select h.account, h.region, h.hour, lead(h.hour) over (partition by h.account, h.region order by h.hour) as next
        from (
            select distinct c.account, c.region, cast(c."time" as bigint) / {hour} as hour
            from calls c
            where c.source = 'cloudtrail' and c."time" is not null
        ) h
    ) h
    where h.next > h.hour + 1
) g

union all
select
    arrow_cast(concat('late/', f.file), 'Utf8View') as id, f.delivered as "time",
    arrow_cast('late', 'Utf8View') as kind, f.account, f.region, f.first_event as began_at, f.delivered as ended_at,
    cast(ceil((cast(f.delivered as bigint) - cast(f.first_event as bigint)) / {hour}.0) as bigint) as hours,
    f.file{more}
from (
    select
        f.file, max(f.account) as account, max(f.region) as region, min(f.first_event) as first_event,
        arrow_cast(
            try_cast(regexp_replace(regexp_match(f.file, '{name}')[1], '{compact}', '{extended}') as timestamp(6)),
            'Timestamp(Microsecond, Some("UTC"))'
        ) as delivered
    from files f
    where f.first_event is not null and regexp_like(f.file, '{name}')
    group by f.file
) f
where cast(f.delivered as bigint) - cast(f.first_event as bigint) > {late}

union all
select
    arrow_cast(concat('global/', g.account), 'Utf8View') as id, g.last as "time",
    arrow_cast('global', 'Utf8View') as kind, g.account, arrow_cast('us-east-1', 'Utf8View') as region, g.first as began_at,
    g.last as ended_at,
    cast(ceil((cast(g.last as bigint) - cast(g.first as bigint)) / {hour}.0) as bigint) as hours,
    arrow_cast(null, 'Utf8View') as file{more}
from (
    select
        c.account, min(c."time") as first, max(c."time") as last, count(*) filter (where c.region = 'us-east-1') as records
    from calls c
    where c.source = 'cloudtrail' and c.account is not null and c."time" is not null
    group by c.account
) g
where g.records = 0

union all
select
    arrow_cast(concat('altered/', f.file), 'Utf8View') as id,
    coalesce(
        f.last_event,
        arrow_cast(
            try_cast(regexp_replace(regexp_match(f.file, '{delivered}')[3], '{compact}', '{extended}') as timestamp(6)),
            'Timestamp(Microsecond, Some("UTC"))'
        )
    ) as "time",
    arrow_cast(
        case
            when f.note like '%{modified}%' then 'modified'
            when f.note like '%{unlisted}%' then 'unlisted'
            when f.note like '%{lists_missing}%' then 'missing_file'
            else 'chain'
        end,
        'Utf8View'
    ) as kind,
    coalesce(f.account, regexp_match(f.file, '{delivered}')[1]) as account,
    coalesce(f.region, regexp_match(f.file, '{delivered}')[2]) as region,
    f.first_event as began_at, f.last_event as ended_at, cast(null as bigint) as hours, f.file{more}
from (
    select f.*, row_number() over (partition by f.folder, f.file order by f.load desc) as newest from files f
) f
where f.newest = 1 and f.note like '%{any}%'
