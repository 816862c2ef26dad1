//! `quarantine` and `loads`: tables about the store itself.

use super::{columns, evidence, no_raw};
use crate::plan::nouns::{Needs, Noun, ViewRequest, table_fields};
use crate::table::Table;

/// `quarantine`.
pub fn quarantine() -> Noun {
    Noun {
        word: "quarantine",
        needs: Needs::All(&[]),
        reads_originals: false,
        fields: table_fields(Table::Quarantine),
        measures: Vec::new(),
        shown: &["time", "why", "file", "record", "byte_offset", "detail"],
        view: quarantined,
    }
}

/// `loads`, the ledger.
pub fn loads() -> Noun {
    Noun {
        word: "loads",
        needs: Needs::All(&[]),
        reads_originals: false,
        fields: table_fields(Table::Files),
        measures: Vec::new(),
        shown: &["time", "load", "file", "format", "read", "loaded", "duplicate", "filtered", "quarantined", "why", "note"],
        view: |need| view(Table::Files, need),
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
