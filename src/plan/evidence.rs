//! The ids of the records a row rests on, as lists of texts.

use datafusion::functions_nested::expr_fn::{array_distinct, array_slice, array_sort};
use datafusion::logical_expr::{Expr, lit};

/// The most ids that stand beside one row that a person reads.
const MOST: i64 = 100;

/// Whether each row names the records it rests on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Evidence {
    /// No row does.
    #[default]
    Without,
    /// The first hundred ids: enough to look something up.
    First,
    /// Every id, for files that a number can be checked against.
    All,
}

impl Evidence {
    /// Whether there is a column with ids.
    pub fn wanted(self) -> bool {
        self != Evidence::Without
    }

    /// A list of ids: each once, in order, as many as are wanted.
    pub fn of(self, ids: Expr) -> Expr {
        let sorted = array_sort(array_distinct(ids), lit("ASC"), lit("NULLS LAST"));
        match self {
            Evidence::All => sorted,
            Evidence::Without | Evidence::First => array_slice(sorted, lit(1_i64), lit(MOST), None),
        }
    }
}
