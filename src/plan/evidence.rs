//! The ids of the records behind a row, as lists of strings.

use datafusion::functions_nested::expr_fn::{array_distinct, array_slice, array_sort};
use datafusion::logical_expr::{Expr, lit};

/// The maximum number of ids per row for readers.
const MOST: i64 = 100;

/// Whether rows include the ids of their records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Evidence {
    /// Without ids.
    #[default]
    Without,
    /// The first hundred ids, enough for a lookup.
    First,
    /// All ids, for files whose numbers can be verified.
    All,
}

impl Evidence {
    /// Whether there is an evidence column.
    pub fn wanted(self) -> bool {
        self != Evidence::Without
    }

    /// A sorted list of distinct ids, limited to the requested number.
    pub fn of(self, ids: Expr) -> Expr {
        let sorted = array_sort(array_distinct(ids), lit("ASC"), lit("NULLS LAST"));
        match self {
            Evidence::All => sorted,
            Evidence::Without | Evidence::First => array_slice(sorted, lit(1_i64), lit(MOST), None),
        }
    }
}
