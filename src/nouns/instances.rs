//! `instances`: one row per change of a container instance or its agent, with the time that the state lasted.

use super::sql::{columns, computed, differs, evidence, seconds_so_far};
use super::{Needs, Noun, ViewRequest, table_fields};
use crate::lang::catalog::{FieldInfo, FieldType};
use crate::table::Table;

/// The events of an instance, and their order.
pub const PARTITION: &str = "partition by coalesce(i.container_instance_arn, i.container_instance, i.id)";
/// See [`PARTITION`].
pub const ORDER: &str = "order by i.version nulls last, i.\"time\", i.id";

/// The compared columns: an event that changes none of them is not a change.
const WATCHED: &[&str] = &["status", "agent_connected", "agent_version", "agent_hash", "agent_update_status"];

const COMPUTED: &[FieldInfo] = &[
    computed("changed", FieldType::Text, "changed fields, separated by commas; `first` for the first event of an instance"),
    computed("until", FieldType::Time, "time of the next change; missing = ongoing"),
    computed("duration", FieldType::Duration, "length of this state, up to the newest event"),
];

/// The noun.
pub fn noun() -> Noun {
    let mut fields = table_fields(Table::InstanceEvents);
    fields.extend_from_slice(COMPUTED);
    Noun {
        needs: Needs::All(&[&[Table::InstanceEvents]]),
        fields,
        shown: &[
            "time",
            "cluster",
            "container_instance",
            "changed",
            "status",
            "agent_connected",
            "agent_version",
            "agent_update_status",
            "duration",
        ],
        optional: &["duration", "agent_update_status", "cluster", "agent_version", "status", "agent_connected"],
        ..Noun::computed("instances", view)
    }
}

fn view(need: ViewRequest) -> String {
    let all = columns(Table::InstanceEvents, "i", &[]);
    let one = evidence(need, "i.id");
    let before: Vec<String> =
        WATCHED.iter().map(|name| format!("lag(i.{name}) over ({PARTITION} {ORDER}) as was_{name}")).collect();
    let words: Vec<String> =
        WATCHED.iter().map(|name| format!("case when i.nth > 1 and {} then '{name}' end", changed(name))).collect();
    let some: Vec<String> = WATCHED.iter().map(|name| changed(name)).collect();
    let duration = seconds_so_far("i.\"time\"", "i.until", need);
    format!(
        "select {all}, arrow_cast(concat_ws(',', case when i.nth = 1 then 'first' end, {words}), 'Utf8View') as changed, \
         i.until, {duration} as duration{one} \
         from (select i.*, lead(i.\"time\") over ({PARTITION} {ORDER}) as until \
           from (select {all}, {before}, row_number() over ({PARTITION} {ORDER}) as nth from instance_events i) i \
           where i.nth = 1 or {some}) i",
        words = words.join(", "),
        before = before.join(", "),
        some = some.join(" or "),
    )
}

fn changed(name: &str) -> String {
    differs(&format!("i.{name}"), &format!("i.was_{name}"))
}
