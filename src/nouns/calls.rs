//! `calls`, the CloudTrail records, and `attempts`, the calls that start tasks.

use super::principals::{SESSION, sessions};
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
        extra: PERSON,
        extra_reads_originals: true,
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
        extra: PERSON,
        extra_reads_originals: true,
        ..Noun::recorded("attempts", |need| {
            view(need, " where c.event_source = 'ecs.amazonaws.com' and c.event_name in ('RunTask', 'StartTask')")
        })
    }
}

const COMPUTED: &[FieldInfo] = &[
    computed("role", FieldType::Text, "role of the caller, from the ARN of an assumed role"),
    computed("principal", FieldType::Text, "caller without its session: role, user name, AWS service, or root"),
    computed(
        "person",
        FieldType::Text,
        "person or workload behind the caller, found through AssumeRole calls and source identities; missing if unknown",
    ),
    computed("person_confidence", FieldType::Text, "confidence in the person: certain, likely or unknown"),
];

/// The fields that follow role sessions through other calls.
const PERSON: &[&str] = &["person", "person_confidence"];

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
    let (person, confidence, joined) = if need.extra {
        let known = format!("case when p.session is null then {PRINCIPAL} else p.person end");
        let confidence = format!(
            "case when p.session is not null then coalesce(p.confidence, 'unknown') \
             when ({PRINCIPAL}) is null then 'unknown' else 'certain' end"
        );
        (known, confidence, format!(" left join ({}) p on p.session = {SESSION}", sessions()))
    } else {
        ("null".to_owned(), "null".to_owned(), String::new())
    };
    format!(
        "select {}, {} as role, {} as principal, {} as person, {} as person_confidence{} from calls c{joined}{filter}",
        columns(Table::Calls, "c", &[]),
        text(ROLE),
        text(&format!("coalesce({ROLE}, {PRINCIPAL})")),
        text(&person),
        text(&confidence),
        evidence(need, "c.id")
    )
}
