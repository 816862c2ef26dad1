//! Step ⑧: the query engine, and what we add to it: functions, operators, tables in memory, and a session with all of
//! them. Knows no noun.

mod base_tables;
pub mod functions;
pub mod operators;
mod session;

pub use base_tables::{ProjectedTable, RecordingTable, ScannedColumns};
pub use session::session;

use datafusion::common::Column;
use datafusion::logical_expr::Expr;

/// A column by its exact name.
pub fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}
