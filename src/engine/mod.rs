//! Step ⑧: the query engine, and what we add to it: functions, operators, and a session with both. Knows no noun.

pub mod functions;
pub mod operators;
mod session;

pub use session::session;

use datafusion::common::Column;
use datafusion::logical_expr::Expr;

/// A column by its exact name.
pub fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}
