//! `flows`: VPC flow log records.

use super::sql::{columns, evidence};
use super::{Needs, Noun, ViewRequest, table_fields};
use crate::table::Table;

/// The noun.
pub fn noun() -> Noun {
    Noun {
        needs: Needs::All(&[&[Table::Flows]]),
        fields: table_fields(Table::Flows),
        shown: &["time", "interface", "srcaddr", "srcport", "dstaddr", "dstport", "protocol", "packets", "bytes", "action"],
        optional: &["bytes", "packets", "interface", "protocol", "srcport", "dstport"],
        ..Noun::recorded("flows", view)
    }
}

fn view(need: ViewRequest) -> String {
    format!("select {}{} from flows f", columns(Table::Flows, "f", &[]), evidence(need, "f.id"))
}
