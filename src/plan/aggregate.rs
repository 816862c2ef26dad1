//! Aggregates of a stage: each distinct one is computed once, and output items are expressions over them.
//!
//! In: the expressions of `show`. Out: columns `#a0`, `#a1`, … for the aggregate of the engine, and the items as
//! expressions over them and over the keys `#k0`, …. Results do not depend on the order of rows: sums of floats are
//! exact, `first` and `last` go by time and then by the columns that distinguish rows, and percentiles are computed
//! from all values.

use arrow::datatypes::DataType;
use datafusion::functions::expr_fn;
use datafusion::functions_aggregate::expr_fn as over;
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::functions_aggregate::percentile_cont::percentile_cont;
use datafusion::logical_expr::{Expr, ExprFunctionExt, lit, when};
use jiff::tz::TimeZone;

use super::PlanError;
use super::expression::{cast, column, lower, lower_row, quotient};
use super::rows::Order;
use crate::engine::functions::exact_sum;
use crate::lang::catalog::FieldType;
use crate::lang::checked::{self, Aggregate, Key};
use crate::nouns::Noun;

/// The number of all rows of a stage, for shares.
pub const TOTAL: &str = "#total";

/// The name of a key inside a stage.
pub fn key_name(index: usize) -> String {
    format!("#k{index}")
}

/// An aggregate of the engine.
#[derive(Debug)]
pub struct Call {
    /// The expression.
    pub expr: Expr,
    /// The name of its column.
    pub name: String,
    /// Its value without rows: zero for counts and sums, missing otherwise.
    pub zero: Option<Expr>,
}

/// The aggregates of one stage.
#[derive(Debug)]
pub struct Aggregates<'a> {
    /// The time zone of calendar functions.
    pub tz: &'a TimeZone,
    /// The noun whose measures can be used; none in later stages.
    pub noun: Option<&'static Noun>,
    /// The group keys.
    pub keys: &'a [Key],
    /// The order for `first` and `last`: the time, then the columns that distinguish rows.
    pub order: Vec<Order>,
    /// The aggregates that the engine has to compute.
    pub calls: Vec<Call>,
    /// The column with the count for shares, if one is needed.
    pub counted: Option<String>,
}

impl Aggregates<'_> {
    /// An item as an expression over the columns of keys and aggregates.
    pub fn item(&mut self, expr: &checked::Expr) -> Result<Expr, PlanError> {
        let tz = self.tz;
        lower(expr, tz, &mut |part| self.leaf(part))
    }

    fn leaf(&mut self, part: &checked::Expr) -> Option<Result<Expr, PlanError>> {
        if let Some(index) = self.keys.iter().position(|key| key.expr == *part) {
            return Some(Ok(column(&key_name(index))));
        }
        match part {
            checked::Expr::Aggregate { function, arg, kind } => Some(self.aggregate(*function, arg.as_deref(), *kind)),
            checked::Expr::Measure { name, .. } => {
                let found = self.noun.and_then(|noun| noun.measures.iter().find(|measure| measure.info.name == name));
                Some(match found {
                    Some(measure) => self.item(&measure.expr()),
                    None => Err(PlanError::Unchecked(format!("`{name}` is not a measure"))),
                })
            }
            checked::Expr::Field(field) => {
                Some(Err(PlanError::Unchecked(format!("`{}` is neither a key nor an aggregate", field.name))))
            }
            _ => None,
        }
    }

    /// The column of an aggregate, which is added if it is new.
    fn call(&mut self, expr: Expr, zero: Option<Expr>) -> Expr {
        if let Some(known) = self.calls.iter().find(|call| call.expr == expr) {
            return column(&known.name);
        }
        let name = format!("#a{}", self.calls.len());
        let column = column(&name);
        self.calls.push(Call { expr, name, zero });
        column
    }

    fn aggregate(&mut self, function: Aggregate, arg: Option<&checked::Expr>, kind: FieldType) -> Result<Expr, PlanError> {
        let Some(arg) = arg else {
            return Ok(self.rows(function));
        };
        let is_whole = arg.kind() == FieldType::Int;
        let value = lower_row(arg, self.tz)?;
        Ok(match function {
            Aggregate::Count | Aggregate::Share => self.count(value),
            Aggregate::Distinct => self.call(over::count_distinct(value), Some(lit(0_i64))),
            Aggregate::Sum if is_whole && kind == FieldType::Int => self.call(over::sum(value), Some(lit(0_i64))),
            Aggregate::Sum => self.sum(value),
            Aggregate::Min | Aggregate::Any => self.call(over::min(value), None),
            Aggregate::Max => self.call(over::max(value), None),
            Aggregate::Avg => {
                let (sum, count) = (self.sum(value.clone()), self.count(value));
                quotient(sum, count)
            }
            Aggregate::Percentile(percent) => {
                let values = cast(value, DataType::Float64).sort(true, false);
                self.call(percentile_cont(values, lit(f64::from(percent) / 100.0)), None)
            }
            Aggregate::Stddev => self.deviation(value)?,
            Aggregate::First => self.nearest(value, false)?,
            Aggregate::Last => self.nearest(value, true)?,
        })
    }

    /// `count` and `share` of rows.
    fn rows(&mut self, function: Aggregate) -> Expr {
        let rows = self.count(lit(1_i64));
        if function != Aggregate::Share {
            return rows;
        }
        if let Expr::Column(column) = &rows {
            self.counted = Some(column.name.clone());
        }
        quotient(rows, column(TOTAL))
    }

    fn count(&mut self, value: Expr) -> Expr {
        self.call(over::count(value), Some(lit(0_i64)))
    }

    fn sum(&mut self, value: Expr) -> Expr {
        self.call(exact_sum(cast(value, DataType::Float64)), Some(lit(0.0)))
    }

    /// The sample standard deviation; missing for fewer than two values.
    fn deviation(&mut self, value: Expr) -> Result<Expr, PlanError> {
        let value = cast(value, DataType::Float64);
        let count = self.count(value.clone());
        let sum = self.sum(value.clone());
        let squares = self.sum(value.clone() * value);
        let spread = squares - quotient(sum.clone() * sum, count.clone());
        let variance = quotient(spread, count - lit(1_i64));
        // Rounding can produce a number slightly below zero.
        let floor = when(variance.clone().lt(lit(0.0)), lit(0.0)).otherwise(variance)?;
        Ok(expr_fn::sqrt(floor))
    }

    /// The value of the first or last row that has one.
    fn nearest(&mut self, value: Expr, last: bool) -> Result<Expr, PlanError> {
        let order = self.order.iter().map(|order| {
            let descending = order.descending != last;
            column(&order.name).sort(!descending, false)
        });
        let nearest =
            first_value_udaf().call(vec![value.clone()]).order_by(order.collect()).filter(value.is_not_null()).build()?;
        Ok(self.call(nearest, None))
    }
}
