//! `quarantine` and `loads`: tables about the store itself.

use super::sql::{columns, evidence, no_raw};
use super::{Needs, Noun, ViewRequest, table_fields};
use crate::table::Table;

/// `quarantine`.
pub fn quarantine() -> Noun {
    Noun {
        needs: Needs::All(&[]),
        fields: table_fields(Table::Quarantine),
        shown: &["time", "why", "file", "record", "byte_offset", "detail"],
        optional: &["byte_offset", "record"],
        ..Noun::recorded("quarantine", quarantined)
    }
}

/// `loads`, the ledger.
pub fn loads() -> Noun {
    Noun {
        needs: Needs::All(&[]),
        fields: table_fields(Table::Files),
        shown: &["time", "load", "file", "format", "read", "loaded", "duplicate", "filtered", "quarantined", "why", "note"],
        optional: &["note", "why", "load", "format", "filtered", "duplicate"],
        ..Noun::recorded("loads", |need| view(Table::Files, need))
    }
}

/// Input that could not be loaded the last time its file was read: if a file was read again, only its latest problems
/// count.
fn quarantined(need: ViewRequest) -> String {
    let rows = view(Table::Quarantine, need);
    format!(
        "{rows} where not exists (select 1 from files f where f.file = t.file and f.load > t.load \
         and (t.folder is null or f.folder = t.folder))"
    )
}

fn view(table: Table, need: ViewRequest) -> String {
    let all = columns(table, "t", &[]);
    format!("select {all}{}{} from {} t", no_raw(need), evidence(need, "t.id"), table.name())
}
