//! `top`, `bottom` and `per`: the rows with the largest or smallest measure.

use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{ExprFunctionExt, lit};
use datafusion::prelude::DataFrame;

use super::PlanError;
use super::expression::column;
use super::rows::{Order, Rows};
use crate::lang::checked::Ranking;

/// Keeps the rows that rank first, in their final order.
pub fn keep(mut rows: Rows, ranking: Ranking, largest: bool) -> Result<Rows, PlanError> {
    let name = |index: usize| rows.columns.get(index).map(|column| column.name.clone());
    let Some(measure) = name(ranking.measure) else {
        return Err(PlanError::Unchecked("the measure to rank by is not a column".into()));
    };
    let per: Vec<String> = ranking.per.and_then(name).into_iter().collect();
    let mut order = vec![Order { name: measure, descending: largest }];
    order.extend(rows.total_order());
    rows.frame = first_of(rows.frame, &per, &order, ranking.rows)?;
    Ok(rows)
}

/// The first rows in an order, within each value of some columns.
pub fn first_of(frame: DataFrame, per: &[String], order: &[Order], rows: u32) -> Result<DataFrame, PlanError> {
    let sort: Vec<_> = order.iter().map(Order::sort).collect();
    if per.is_empty() {
        return Ok(frame.sort(sort)?.limit(0, Some(usize::try_from(rows).unwrap_or(usize::MAX)))?);
    }
    let place = row_number().partition_by(per.iter().map(|name| column(name)).collect()).order_by(sort).build()?.alias("#nth");
    let names: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    let kept = frame.window(vec![place])?.filter(column("#nth").lt_eq(lit(u64::from(rows))))?;
    Ok(kept.select(names.iter().map(|name| column(name)).collect::<Vec<_>>())?)
}
