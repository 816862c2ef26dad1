//! The ids of the records a row rests on, as lists of texts.

use datafusion::functions_nested::expr_fn::{array_distinct, array_slice, array_sort};
use datafusion::logical_expr::{Expr, lit};

/// The most ids that stand beside one row.
const MOST: i64 = 100;

/// A list of ids: each once, in order, the first ones.
pub fn bounded(ids: Expr) -> Expr {
    let sorted = array_sort(array_distinct(ids), lit("ASC"), lit("NULLS LAST"));
    array_slice(sorted, lit(1_i64), lit(MOST), None)
}
