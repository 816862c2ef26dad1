//! `patterns`: one row per kind of message in the window that no catalog entry explains.
//!
//! Messages are of the same kind if they only differ in ids, host names, addresses, times and numbers. The window is
//! applied inside the view, because `new` compares it with the preceding window of the same length.

use super::sql::{computed, no_raw, quoted};
use super::{EVIDENCE, Noun, ViewRequest, failures};
use crate::lang::catalog::{FieldInfo, FieldType};

const FIELDS: &[FieldInfo] = &[
    computed("id", FieldType::Text, "the template"),
    computed("time", FieldType::Time, "when it was last seen"),
    computed("template", FieldType::Text, "the message with its variable parts masked"),
    computed("seen", FieldType::Int, "failures with this template in the window"),
    computed("first_seen", FieldType::Time, "time of the first one"),
    computed("last_seen", FieldType::Time, "time of the last one"),
    computed(
        "new",
        FieldType::Bool,
        "not seen in the preceding window of the same length; missing if that window has no records",
    ),
    computed("kind", FieldType::Text, "kind of the most recent failure"),
    computed("reason", FieldType::Text, "reason of the most recent failure"),
    computed("example", FieldType::Text, "message of the most recent failure"),
    computed("failure", FieldType::Text, "id of the most recent failure"),
];

/// The noun.
pub fn noun() -> Noun {
    Noun {
        needs: failures::FAILURES,
        fields: FIELDS.to_vec(),
        shown: &["last_seen", "seen", "new", "kind", "reason", "template"],
        optional: &["kind", "new", "seen"],
        ..Noun::computed("patterns", view)
    }
}

fn view(need: ViewRequest) -> String {
    let time = |micros: i64| format!("arrow_cast({micros}, 'Timestamp(Microsecond, Some(\"UTC\"))')");
    let to = need.to.map_or_else(|| "true".to_owned(), |to| format!("f.\"time\" < {}", time(to)));
    let (seen, scanned, new) = match need.from {
        Some(from) => {
            let before = from.saturating_sub(need.to.unwrap_or(need.anchor).saturating_sub(from));
            let from = time(from);
            (
                format!("m.\"time\" >= {from}"),
                format!("f.\"time\" >= {}", time(before)),
                // Without records in the preceding window, nothing can be called new.
                format!(
                    "case when (select count(*) from files where first_event < {from} and last_event >= {}) > 0 \
                     then count(*) filter (where m.\"time\" < {from}) = 0 end",
                    time(before)
                ),
            )
        }
        None => ("m.\"time\" is not null".to_owned(), "true".to_owned(), "cast(null as boolean)".to_owned()),
    };
    let last = |column: &str| format!("first_value(m.{column} order by m.\"time\" desc, m.id) filter (where {seen})");
    let raw = no_raw(need);
    let evidence = if need.evidence {
        format!(
            ", array_agg(arrow_cast(m.record, 'Utf8') order by m.\"time\" desc, m.id) filter (where {seen}) as {}",
            quoted(EVIDENCE)
        )
    } else {
        String::new()
    };
    format!(
        "select g.* from (select m.template as id, max(m.\"time\") filter (where {seen}) as \"time\", m.template, \
         count(*) filter (where {seen}) as seen, min(m.\"time\") filter (where {seen}) as first_seen, \
         max(m.\"time\") filter (where {seen}) as last_seen, {new} as \"new\", {} as kind, {} as reason, {} as example, \
         {} as failure{raw}{evidence} from (\
           select message_template(f.message) as template, f.\"time\", f.id, f.kind, f.reason, f.message, f.record \
           from ({}) f where f.cause is null and f.message is not null and {scanned} and {to}) m \
         group by m.template) g where g.seen > 0",
        last("kind"),
        last("reason"),
        last("message"),
        last("id"),
        failures::stored(ViewRequest { raw: false, evidence: false, ..need }),
    )
}
