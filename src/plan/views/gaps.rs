//! `gaps`: one row for each hour between the first and the last CloudTrail record of an account and
//! region for which there is no record.

use super::{computed, no_raw, quoted};
use crate::lang::catalog::{FieldInfo, FieldType};
use crate::plan::nouns::{EVIDENCE, Need, Noun};

const FIELDS: &[FieldInfo] = &[
    computed("id", FieldType::Text, "account/region/hour"),
    computed("time", FieldType::Time, "start of the hour without records"),
    computed("account", FieldType::Text, "account"),
    computed("region", FieldType::Text, "region"),
    computed("began_at", FieldType::Time, "start of the first hour of this gap"),
    computed("ended_at", FieldType::Time, "start of the first hour with records again"),
    computed("hours", FieldType::Int, "hours of the whole gap"),
];

/// The noun.
pub fn noun() -> Noun {
    Noun {
        word: "gaps",
        fields: FIELDS.to_vec(),
        measures: Vec::new(),
        shown: &["time", "account", "region", "began_at", "ended_at", "hours"],
        view,
    }
}

/// Microseconds of an hour.
const HOUR: &str = "3600000000";

fn view(need: Need) -> String {
    let time = |hour: &str| format!("arrow_cast({hour} * {HOUR}, 'Timestamp(Microsecond, Some(\"UTC\"))')");
    let (at, began, ended) = (time("g.hour"), time("g.first"), time("g.next"));
    let raw = no_raw(need);
    let none =
        if need.evidence { format!(", arrow_cast(make_array(), 'List(Utf8)') as {}", quoted(EVIDENCE)) } else { String::new() };
    // The scan keeps hours, not records; then each gap is one row; then each of its hours.
    format!(
        "select arrow_cast(concat(coalesce(g.account, ''), '/', coalesce(g.region, ''), '/', cast(g.hour as varchar)), \
         'Utf8View') as id, {at} as \"time\", g.account, g.region, {began} as began_at, {ended} as ended_at, \
         g.next - g.first as hours{raw}{none} from (\
           select h.account, h.region, h.hour + 1 as first, h.next, unnest(range(h.hour + 1, h.next)) as hour from (\
             select h.account, h.region, h.hour, lead(h.hour) over (partition by h.account, h.region order by h.hour) as next \
             from (select distinct c.account, c.region, cast(c.\"time\" as bigint) / {HOUR} as hour \
               from calls c where c.source = 'cloudtrail' and c.\"time\" is not null) h) h \
           where h.next > h.hour + 1) g"
    )
}
