//! `calls`, the CloudTrail records, and `attempts`, the calls that start tasks.

use super::sql::{columns, evidence};
use super::{Needs, Noun, ViewRequest, table_fields};
use crate::table::Table;

/// `calls`.
pub fn calls() -> Noun {
    Noun {
        needs: Needs::All(&[&[Table::Calls]]),
        fields: table_fields(Table::Calls),
        shown: &["time", "event_name", "user", "cluster", "service", "error_code", "error_message", "request_id"],
        ..Noun::recorded("calls", |need| view(need, ""))
    }
}

/// `attempts`.
pub fn attempts() -> Noun {
    Noun {
        needs: Needs::All(&[&[Table::Calls]]),
        fields: table_fields(Table::Calls),
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
        ..Noun::computed("attempts", |need| {
            view(need, " where c.event_source = 'ecs.amazonaws.com' and c.event_name in ('RunTask', 'StartTask')")
        })
    }
}

fn view(need: ViewRequest, filter: &str) -> String {
    format!("select {}{} from calls c{filter}", columns(Table::Calls, "c", &[]), evidence(need, "c.id"))
}
