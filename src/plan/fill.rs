//! Fills empty buckets of `every`.
//!
//! Each row returns its own bucket and the empty ones next to it (see `function::gap`), so the groups are computed
//! once, and no join with a list of all buckets is needed.

use arrow::datatypes::DataType;
use datafusion::common::{Column, ScalarValue, UnnestOptions};
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::functions_window::expr_fn::{lag, lead};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, LogicalPlanBuilder, Operator, WindowFunctionDefinition, binary_expr, when,
};
use datafusion::prelude::DataFrame;
use jiff::Timestamp;

use super::PlanError;
use super::aggregate::Call;
use super::evidence::Evidence;
use super::expression::column;
use crate::engine::functions::{Span, Step, bucket_gap};
use crate::lang::checked::Window;
use crate::nouns::EVIDENCE;

/// The column with the start of a bucket.
pub const BUCKET: &str = "#b";

/// The range of buckets to fill: the window, up to the anchor.
pub fn span(step: &Step, window: &Window, anchor: Timestamp) -> Span {
    let start = |time: Timestamp| step.start(time.as_microsecond());
    let end = window.to.map(|to| to.as_microsecond().saturating_sub(1));
    let last = end.map_or(anchor.as_microsecond(), |end| end.min(anchor.as_microsecond()));
    Span { first: window.from.and_then(start), last: step.start(last) }
}

/// Groups with a row for each bucket; `keys` identify the groups.
pub fn fill(
    groups: DataFrame,
    keys: &[String],
    calls: &[Call],
    evidence: Evidence,
    (step, span): (Step, Span),
) -> Result<DataFrame, PlanError> {
    let partition: Vec<Expr> = keys.iter().map(|key| column(key)).collect();
    let beside = |neighbor: Expr, name: &str| -> Result<Expr, PlanError> {
        let order = vec![column(BUCKET).sort(true, false)];
        Ok(neighbor.partition_by(partition.clone()).order_by(order).build()?.alias(name))
    };
    let edge = |definition, name: &str| {
        let function = WindowFunction::new(WindowFunctionDefinition::AggregateUDF(definition), vec![column(BUCKET)]);
        Expr::from(function).alias(name)
    };
    let neighbors =
        vec![beside(lag(column(BUCKET), Some(1), None), "#previous")?, beside(lead(column(BUCKET), Some(1), None), "#next")?];
    let edges = vec![edge(min_udaf(), "#least"), edge(max_udaf(), "#greatest")];
    // One call per sort order, because the engine does not support mixed orders.
    let placed = groups.window(edges)?.window(neighbors)?;
    let arguments = [BUCKET, "#previous", "#next", "#least", "#greatest"].map(column).to_vec();
    let mut items = vec![bucket_gap(step, span, arguments).alias("#at"), column(BUCKET)];
    items.extend(keys.iter().map(|key| column(key)));
    items.extend(calls.iter().map(|call| column(&call.name)));
    if evidence.wanted() {
        items.push(column(EVIDENCE));
    }
    let filled = unnest(placed.select(items)?, "#at")?;
    let own = binary_expr(column("#at"), Operator::IsNotDistinctFrom, column(BUCKET));
    let mut items = vec![column("#at").alias(BUCKET)];
    items.extend(keys.iter().map(|key| column(key)));
    for call in calls {
        let value = when(own.clone(), column(&call.name));
        let value = match &call.zero {
            Some(zero) => value.clone().otherwise(zero.clone())?,
            None => value.clone().end()?,
        };
        items.push(value.alias(&call.name));
    }
    if evidence.wanted() {
        items.push(when(own, column(EVIDENCE)).otherwise(no_ids())?.alias(EVIDENCE));
    }
    Ok(filled.select(items)?)
}

/// An empty list of ids.
fn no_ids() -> Expr {
    Expr::Literal(ScalarValue::List(ScalarValue::new_list_nullable(&[], &DataType::Utf8)), None)
}

/// Expands the lists of a column to rows.
pub(super) fn unnest(frame: DataFrame, name: &str) -> Result<DataFrame, PlanError> {
    let (state, plan) = frame.into_parts();
    let plan = LogicalPlanBuilder::from(plan)
        .unnest_columns_with_options(vec![Column::new_unqualified(name)], UnnestOptions::new())?
        .build()?;
    Ok(DataFrame::new(state, plan))
}
