//! Rows between two stages: what is visible, and the order they will be put into.
//!
//! The engine keeps no order through filters and joins, so the order is carried as columns and made
//! real where rows are cut off and at the end. Hidden columns begin with `#`, which no name does.

use std::collections::BTreeSet;

use datafusion::logical_expr::expr::Sort;
use datafusion::prelude::DataFrame;

use super::PlanError;
use super::evidence::Evidence;
use super::expression::column;
use crate::lang::catalog::FieldType;
use crate::lang::checked::Column;

/// One key of an order; missing values come last either way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The column.
    pub name: String,
    /// Greatest first.
    pub descending: bool,
}

impl Order {
    /// Least first.
    pub fn ascending(name: impl Into<String>) -> Self {
        Order { name: name.into(), descending: false }
    }

    /// The key as the engine takes it.
    pub fn sort(&self) -> Sort {
        column(&self.name).sort(!self.descending, false)
    }
}

/// The output of a stage.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The plan so far.
    pub frame: DataFrame,
    /// The visible columns.
    pub columns: Vec<Column>,
    /// The order of the rows, as far as it was asked for.
    pub order: Vec<Order>,
    /// Columns that tell rows apart, visible or not.
    pub identity: Vec<String>,
    /// Columns that hold parts of a whole.
    pub shares: BTreeSet<String>,
    /// Which ids of records are in the column for them.
    pub evidence: Evidence,
}

impl Rows {
    /// The whole order: what was asked for, then what tells rows apart.
    pub fn total_order(&self) -> Vec<Order> {
        let mut order = self.order.clone();
        for name in &self.identity {
            if !order.iter().any(|known| known.name == *name) {
                order.push(Order::ascending(name.clone()));
            }
        }
        order
    }

    /// Puts the rows into their order and cuts them off.
    pub fn cut(mut self, rows: Option<u32>) -> Result<Self, PlanError> {
        let order = self.total_order();
        self.frame = sorted(self.frame, &order)?;
        if let Some(rows) = rows {
            self.frame = self.frame.limit(0, Some(usize::try_from(rows).unwrap_or(usize::MAX)))?;
        }
        Ok(self)
    }

    /// The time of the rows: the column of that name, else the first time.
    pub fn time(&self) -> Option<&str> {
        let is_time = |column: &&Column| column.kind == FieldType::Time;
        let named = self.columns.iter().find(|column| column.name == "time").filter(is_time);
        named.or_else(|| self.columns.iter().find(is_time)).map(|column| column.name.as_str())
    }
}

/// A frame in an order; as it is when there is none.
pub fn sorted(frame: DataFrame, order: &[Order]) -> Result<DataFrame, PlanError> {
    if order.is_empty() {
        return Ok(frame);
    }
    Ok(frame.sort(order.iter().map(Order::sort).collect())?)
}
