//! `quarantine` and `loads`: what the store knows of itself, as it is kept.

use super::{columns, evidence, no_raw};
use crate::plan::nouns::{Need, Noun, table_fields};
use crate::table::Table;

/// `quarantine`.
pub fn quarantine() -> Noun {
    Noun {
        word: "quarantine",
        fields: table_fields(Table::Quarantine),
        measures: Vec::new(),
        shown: &["time", "why", "file", "record", "byte_offset", "detail"],
        view: |need| view(Table::Quarantine, need),
    }
}

/// `loads`, the ledger.
pub fn loads() -> Noun {
    Noun {
        word: "loads",
        fields: table_fields(Table::Files),
        measures: Vec::new(),
        shown: &["time", "load", "file", "format", "read", "loaded", "duplicate", "filtered", "quarantined", "why", "note"],
        view: |need| view(Table::Files, need),
    }
}

fn view(table: Table, need: Need) -> String {
    let all = columns(table, "t", &[]);
    format!("select {all}{}{} from {} t", no_raw(need), evidence(need, "t.id"), table.name())
}
