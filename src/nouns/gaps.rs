//! `gaps`: CloudTrail records that are missing or were delivered late.
//!
//! `missing`: one row per hour without a record, between the first and the last record of an account and Region.
//! `late`: a file whose oldest record is more than 15 minutes older than its delivery time, which is part of the file
//! name; most files arrive within 5 minutes. `global`: an account without any record in us-east-1, where IAM, STS and
//! other global services write. `modified`, `unlisted`, `missing_file`, `chain`: a file that differs from what
//! CloudTrail delivered, according to the digests that were loaded with it.

use super::sql::{computed, no_raw, quoted};
use super::{EVIDENCE, Needs, Noun, ViewRequest};
use crate::lang::catalog::{Assumed, FieldInfo, FieldType};
use crate::micros::{HOUR, MINUTE};
use crate::table::{IntegrityNote, Table};

const FIELDS: &[FieldInfo] = &[
    computed("id", FieldType::Text, "account/region/hour, or kind and file or account"),
    computed("time", FieldType::Time, "start of the hour without records; for the other kinds, the end"),
    computed(
        "kind",
        FieldType::Text,
        "missing (an hour without records), late (a slow delivery), global (an account without us-east-1 records), or, according \
         to the digest files: modified (a file was changed), unlisted (a log file was added), missing_file (a digest lists log files \
         that are missing), chain (digests are missing)",
    ),
    computed("account", FieldType::Text, "account"),
    computed("region", FieldType::Text, "region"),
    computed("began_at", FieldType::Time, "start of the first hour of the gap"),
    computed("ended_at", FieldType::Time, "start of the first hour with records again"),
    computed("hours", FieldType::Int, "length of the whole gap in hours, rounded up"),
    computed("file", FieldType::Text, "the file that was delivered late, or differs from its digest"),
];

/// The noun.
pub fn noun() -> Noun {
    Noun {
        needs: Needs::All(&[&[Table::Calls]]),
        fields: FIELDS.to_vec(),
        shown: &["time", "kind", "account", "region", "began_at", "ended_at", "hours"],
        optional: &["ended_at", "account", "began_at", "kind"],
        assumed: Some(Assumed {
            column: "kind",
            value: "missing",
            why: "`late` rows are slow deliveries, `global` rows are accounts without us-east-1",
        }),
        ..Noun::computed("gaps", view)
    }
}

/// The delay in microseconds beyond which a delivery is late.
const LATE: i64 = 15 * MINUTE;
/// The delivery time in the name of a log file.
const NAME: &str = "_CloudTrail_[a-z0-9-]+_([0-9]{8}T[0-9]{4}Z)_[A-Za-z0-9]+[.]json";

/// The account, Region and time in the name of a log file or digest. The time of a digest also has seconds, which are ignored.
const DELIVERED: &str = "([0-9]{12})_CloudTrail[A-Za-z-]*_([a-z0-9-]+)_(?:.*_)?([0-9]{8}T[0-9]{4})[0-9]{0,2}Z";

/// The format of such a time, and its replacement that can be parsed. Invalid times become null.
const COMPACT: &str = "(....)(..)(..)T(..)(..)Z?";
const EXTENDED: &str = "\\1-\\2-\\3T\\4:\\5:00";

fn view(need: ViewRequest) -> String {
    let time = |hour: &str| format!("arrow_cast({hour} * {HOUR}, 'Timestamp(Microsecond, Some(\"UTC\"))')");
    let (at, began, ended) = (time("g.hour"), time("g.first"), time("g.next"));
    let raw = no_raw(need);
    let none =
        if need.evidence { format!(", arrow_cast(make_array(), 'List(Utf8)') as {}", quoted(EVIDENCE)) } else { String::new() };
    // The scan returns hours instead of records; then each gap becomes one row, and then one row per hour.
    let missing = format!(
        "select arrow_cast(concat(coalesce(g.account, ''), '/', coalesce(g.region, ''), '/', cast(g.hour as varchar)), \
         'Utf8View') as id, {at} as \"time\", arrow_cast('missing', 'Utf8View') as kind, g.account, g.region, {began} as began_at, \
         {ended} as ended_at, cast(g.next - g.first as bigint) as hours, arrow_cast(null, 'Utf8View') as file{raw}{none} from (\
           select h.account, h.region, h.hour + 1 as first, h.next, unnest(range(h.hour + 1, h.next)) as hour from (\
             select h.account, h.region, h.hour, lead(h.hour) over (partition by h.account, h.region order by h.hour) as next \
             from (select distinct c.account, c.region, cast(c.\"time\" as bigint) / {HOUR} as hour \
               from calls c where c.source = 'cloudtrail' and c.\"time\" is not null) h) h \
           where h.next > h.hour + 1) g"
    );
    let late = format!(
        "select arrow_cast(concat('late/', f.file), 'Utf8View') as id, f.delivered as \"time\", \
         arrow_cast('late', 'Utf8View') as kind, f.account, f.region, f.first_event as began_at, f.delivered as ended_at, \
         {} as hours, f.file{raw}{none} from (\
           select f.file, max(f.account) as account, max(f.region) as region, min(f.first_event) as first_event, \
           {delivered} as delivered \
           from files f where f.first_event is not null and regexp_like(f.file, '{NAME}') group by f.file) f \
         where cast(f.delivered as bigint) - cast(f.first_event as bigint) > {LATE}",
        hours("f.first_event", "f.delivered"),
        delivered = time_of(&format!("regexp_match(f.file, '{NAME}')[1]")),
    );
    let global = format!(
        "select arrow_cast(concat('global/', g.account), 'Utf8View') as id, g.last as \"time\", \
         arrow_cast('global', 'Utf8View') as kind, g.account, arrow_cast('us-east-1', 'Utf8View') as region, g.first as began_at, \
         g.last as ended_at, {} as hours, arrow_cast(null, 'Utf8View') as file{raw}{none} from (\
           select c.account, min(c.\"time\") as first, max(c.\"time\") as last, \
           count(*) filter (where c.region = 'us-east-1') as records \
           from calls c where c.source = 'cloudtrail' and c.account is not null and c.\"time\" is not null group by c.account) g \
         where g.records = 0",
        hours("g.first", "g.last"),
    );
    let part = |part: u8| format!("regexp_match(f.file, '{DELIVERED}')[{part}]");
    let altered = format!(
        "select arrow_cast(concat('altered/', f.file), 'Utf8View') as id, coalesce(f.last_event, {}) as \"time\", \
         arrow_cast(case when f.note like '%{modified}%' then 'modified' when f.note like '%{unlisted}%' then 'unlisted' \
           when f.note like '%{lists_missing}%' then 'missing_file' else 'chain' end, 'Utf8View') as kind, \
         coalesce(f.account, {}) as account, coalesce(f.region, {}) as region, f.first_event as began_at, \
         f.last_event as ended_at, cast(null as bigint) as hours, f.file{raw}{none} from (\
           select f.*, row_number() over (partition by f.folder, f.file order by f.load desc) as newest from files f) f \
         where f.newest = 1 and f.note like '%{any}%'",
        time_of(&part(3)),
        part(1),
        part(2),
        modified = IntegrityNote::Modified.text(),
        unlisted = IntegrityNote::Unlisted.text(),
        lists_missing = IntegrityNote::ListsMissing.text(),
        any = IntegrityNote::PREFIX,
    );
    [missing, late, global, altered].join(" union all ")
}

/// The time in a file name, as a timestamp.
fn time_of(part: &str) -> String {
    format!(
        "arrow_cast(try_cast(regexp_replace({part}, '{COMPACT}', '{EXTENDED}') as timestamp(6)), \
         'Timestamp(Microsecond, Some(\"UTC\"))')"
    )
}

/// Hours between two times, rounded up.
fn hours(from: &str, to: &str) -> String {
    format!("cast(ceil((cast({to} as bigint) - cast({from} as bigint)) / {HOUR}.0) as bigint)")
}
