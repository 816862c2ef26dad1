//! `bursts D`: merges rows of a group that follow each other within a pause.
//!
//! A row starts a burst if it is the first of its group, or if the previous row is earlier by more than the pause.
//! Each row then knows the start of its burst, which is unique within the group and serves as the bucket.

use datafusion::functions_aggregate::min_max::max_udaf;
use datafusion::functions_window::expr_fn::lag;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Expr, ExprFunctionExt, WindowFrame, WindowFunctionDefinition, lit, when};
use datafusion::prelude::DataFrame;

use super::PlanError;
use super::expression::{arrow_type, cast, column};
use super::fill::BUCKET;
use super::rows::Order;
use crate::lang::catalog::FieldType;

/// The last time of a burst.
pub const ENDED: &str = "#ended";

/// Adds the start of its burst to each row; rows without a time have none. `pause` is in seconds.
pub fn with_begin(frame: DataFrame, keys: &[String], time: &str, order: &[Order], pause: f64) -> Result<DataFrame, PlanError> {
    let fields: Vec<Expr> = frame.schema().fields().iter().map(|field| column(field.name())).collect();
    let partition = || keys.iter().map(|key| column(key)).collect::<Vec<_>>();
    let sorted = || order.iter().map(Order::sort).collect::<Vec<_>>();

    let before = lag(column(time), Some(1), None).partition_by(partition()).order_by(sorted()).build()?;
    let frame = frame.window(vec![before.alias("#before")])?;

    let micros = |name: &str| cast(column(name), arrow_type(FieldType::Int));
    let begins = column("#before").is_null().or((micros(time) - micros("#before")).gt(lit((pause * 1e6) as i64)));
    let begin = when(begins, column(time)).end()?;
    let mut items = fields.clone();
    items.push(begin.alias("#begin"));
    let frame = frame.select(items)?;

    let so_far = WindowFrame::new(Some(true));
    let greatest = WindowFunctionDefinition::AggregateUDF(max_udaf());
    let begun = Expr::from(WindowFunction::new(greatest, vec![column("#begin")]));
    let begun = begun.partition_by(partition()).order_by(sorted()).window_frame(so_far).build()?;
    let frame = frame.window(vec![begun.alias("#begun")])?;
    let mut items = fields;
    items.push(when(column(time).is_not_null(), column("#begun")).end()?.alias(BUCKET));
    Ok(frame.select(items)?)
}
