//! `flows`: VPC flow log records.

use super::{columns, evidence};
use crate::plan::nouns::{Needs, Noun, ViewRequest, table_fields};
use crate::table::Table;

/// The noun.
pub fn noun() -> Noun {
    Noun {
        word: "flows",
        needs: Needs::All(&[&[Table::Flows]]),
        reads_originals: false,
        fields: table_fields(Table::Flows),
        measures: Vec::new(),
        shown: &["time", "interface", "srcaddr", "srcport", "dstaddr", "dstport", "protocol", "packets", "bytes", "action"],
        view,
    }
}

fn view(need: ViewRequest) -> String {
    format!("select {}{} from flows f", columns(Table::Flows, "f", &[]), evidence(need, "f.id"))
}
