//! Rows between two stages: their visible columns, and the order that they will be sorted in.
//!
//! The engine does not keep an order through filters and joins, so sort keys are carried as columns, and rows are
//! sorted only before a limit and at the end. Hidden columns start with `#`, which no name can.

use std::collections::BTreeSet;

use datafusion::logical_expr::expr::Sort;
use datafusion::prelude::DataFrame;

use super::PlanError;
use super::evidence::Evidence;
use super::expression::column;
use crate::lang::catalog::FieldType;
use crate::lang::checked::Column;

/// A sort key; missing values come last in both directions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The column.
    pub name: String,
    /// Descending.
    pub descending: bool,
}

impl Order {
    /// Ascending.
    pub fn ascending(name: impl Into<String>) -> Self {
        Order { name: name.into(), descending: false }
    }

    /// The key as a sort expression of the engine.
    pub fn sort(&self) -> Sort {
        column(&self.name).sort(!self.descending, false)
    }
}

/// The output of a stage.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The plan.
    pub frame: DataFrame,
    /// The visible columns.
    pub columns: Vec<Column>,
    /// The requested order.
    pub order: Vec<Order>,
    /// Columns that distinguish rows, visible or not.
    pub identity: Vec<String>,
    /// Columns that contain fractions of a whole.
    pub shares: BTreeSet<String>,
    /// Which record ids the evidence column contains.
    pub evidence: Evidence,
}

impl Rows {
    /// The total order: the requested keys, then the columns that distinguish rows.
    pub fn total_order(&self) -> Vec<Order> {
        let mut order = self.order.clone();
        for name in &self.identity {
            if !order.iter().any(|known| known.name == *name) {
                order.push(Order::ascending(name.clone()));
            }
        }
        order
    }

    /// Sorts and limits the rows.
    pub fn cut(mut self, rows: Option<u32>) -> Result<Self, PlanError> {
        let order = self.total_order();
        self.frame = sorted(self.frame, &order)?;
        if let Some(rows) = rows {
            self.frame = self.frame.limit(0, Some(usize::try_from(rows).unwrap_or(usize::MAX)))?;
        }
        Ok(self)
    }

    /// The time of the rows: the column with this name, else the first time column.
    pub fn time(&self) -> Option<&str> {
        let is_time = |column: &&Column| column.kind == FieldType::Time;
        let named = self.columns.iter().find(|column| column.name == "time").filter(is_time);
        named.or_else(|| self.columns.iter().find(is_time)).map(|column| column.name.as_str())
    }
}

/// A sorted frame; unchanged without sort keys.
pub fn sorted(frame: DataFrame, order: &[Order]) -> Result<DataFrame, PlanError> {
    if order.is_empty() {
        return Ok(frame);
    }
    Ok(frame.sort(order.iter().map(Order::sort).collect())?)
}
