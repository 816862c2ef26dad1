//! `calls`, the CloudTrail records, and `attempts`, the calls that start tasks.

use super::sql::{columns, computed, evidence};
use super::{Needs, Noun, ViewRequest, table_fields};
use crate::lang::catalog::{FieldInfo, FieldType};
use crate::table::Table;

/// `calls`.
pub fn calls() -> Noun {
    Noun {
        needs: Needs::All(&[&[Table::Calls]]),
        fields: fields(),
        shown: &["time", "event_name", "user", "cluster", "service", "error_code", "error_message", "request_id"],
        optional: &["request_id", "service", "cluster", "user"],
        ..Noun::recorded("calls", |need| view(need, ""))
    }
}

/// `attempts`.
pub fn attempts() -> Noun {
    Noun {
        needs: Needs::All(&[&[Table::Calls]]),
        fields: fields(),
        shown: &[
            "time",
            "event_name",
            "cluster",
            "family",
            "started_by",
            "user",
            "asked",
            "placed",
            "missing",
            "failure_reasons",
            "error_code",
        ],
        optional: &["user", "started_by", "event_name", "cluster", "placed", "asked"],
        ..Noun::computed("attempts", |need| {
            view(need, " where c.event_source = 'ecs.amazonaws.com' and c.event_name in ('RunTask', 'StartTask')")
        })
    }
}

const COMPUTED: &[FieldInfo] = &[
    computed("role", FieldType::Text, "role of the caller, from the ARN of an assumed role"),
    computed("principal", FieldType::Text, "caller without its session: role, user name, AWS service, or root"),
];

fn fields() -> Vec<FieldInfo> {
    table_fields(Table::Calls).into_iter().chain(COMPUTED.iter().copied()).collect()
}

/// The role in `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
const ROLE: &str =
    "case when c.user_arn like 'arn:%:assumed-role/_%' then split_part(split_part(c.user_arn, ':assumed-role/', 2), '/', 1) end";

/// Sessions of a role differ in what follows its name, or its id if the record has no ARN.
const PRINCIPAL: &str = "case when c.user_type = 'Root' then 'root' \
     when c.\"user\" like 'arn:%' then regexp_replace(c.\"user\", '^.*[:/]', '') \
     when c.user_type = 'AssumedRole' then split_part(split_part(c.\"user\", '/', 1), ':', 1) else c.\"user\" end";

fn view(need: ViewRequest, filter: &str) -> String {
    let text = |sql: &str| format!("arrow_cast({sql}, 'Utf8View')");
    format!(
        "select {}, {} as role, {} as principal{} from calls c{filter}",
        columns(Table::Calls, "c", &[]),
        text(ROLE),
        text(&format!("coalesce({ROLE}, {PRINCIPAL})")),
        evidence(need, "c.id")
    )
}
