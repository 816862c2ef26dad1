//! Converts typed expressions of the language to expressions of the engine.
//!
//! Times are microseconds and durations are float seconds, so arithmetic between them needs conversions. Invariant:
//! the Arrow type of a result is [`arrow_type`] of its kind, after [`typed`].

use datafusion::common::ScalarValue;
use datafusion::functions::expr_fn;
use datafusion::logical_expr::{Cast, Expr, Operator, TryCast, binary_expr, lit, when};
use jiff::tz::TimeZone;

use super::PlanError;
pub use crate::engine::column;
use crate::engine::functions::{calendar_part, json_path, time_type};
use crate::lang::catalog::FieldType;
use crate::lang::checked::{self, Arith, Literal, Scalar};
use arrow::datatypes::DataType;

/// The expressions that the caller computes: keys and aggregates of a group.
pub type Leaf<'a> = &'a mut dyn FnMut(&checked::Expr) -> Option<Result<Expr, PlanError>>;

/// The Arrow type of a kind.
pub fn arrow_type(kind: FieldType) -> DataType {
    match kind {
        FieldType::Text => DataType::Utf8View,
        FieldType::Int => DataType::Int64,
        FieldType::Float | FieldType::Duration => DataType::Float64,
        FieldType::Bool => DataType::Boolean,
        FieldType::Time => time_type(),
    }
}

/// An expression with exactly the type of its kind.
pub fn typed(expr: Expr, kind: FieldType) -> Expr {
    cast(expr, arrow_type(kind))
}

/// An expression cast to a type; the optimizer removes redundant casts.
pub fn cast(expr: Expr, to: DataType) -> Expr {
    Expr::Cast(Cast::new(Box::new(expr), to))
}

/// An expression over one row.
pub fn lower_row(expr: &checked::Expr, tz: &TimeZone) -> Result<Expr, PlanError> {
    lower(expr, tz, &mut |_| None)
}

/// An expression with parts that the caller computes.
pub fn lower(expr: &checked::Expr, tz: &TimeZone, leaf: Leaf<'_>) -> Result<Expr, PlanError> {
    if let Some(done) = leaf(expr) {
        return done;
    }
    match expr {
        checked::Expr::Field(field) => Ok(column(&field.name)),
        checked::Expr::Raw(path) => Ok(json_path(column("raw"), path)),
        checked::Expr::Literal(literal) => Ok(constant(literal)),
        checked::Expr::Binary { op, left, right, kind } => {
            let left = (lower(left, tz, leaf)?, left.kind());
            let right = (lower(right, tz, leaf)?, right.kind());
            Ok(arithmetic(*op, left, right, *kind))
        }
        checked::Expr::Call { function, args, kind } => {
            let mut lowered = Vec::with_capacity(args.len());
            for arg in args {
                lowered.push(lower(arg, tz, leaf)?);
            }
            call(*function, lowered, *kind, tz)
        }
        checked::Expr::Aggregate { .. } | checked::Expr::Measure { .. } => {
            Err(PlanError::Unchecked("an aggregate is used outside of groups".into()))
        }
    }
}

/// A constant with the type of a column of its kind.
pub fn constant(literal: &Literal) -> Expr {
    let value = match literal {
        Literal::Text(text) => ScalarValue::Utf8View(Some(text.clone())),
        Literal::Int(number) => ScalarValue::Int64(Some(*number)),
        Literal::Float(number) | Literal::Duration(number) => ScalarValue::Float64(Some(*number)),
        Literal::Bool(value) => ScalarValue::Boolean(Some(*value)),
        Literal::Time(time) => return instant(time.as_microsecond()),
    };
    Expr::Literal(value, None)
}

/// A time in microseconds since 1970.
pub fn instant(micros: i64) -> Expr {
    Expr::Literal(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())), None)
}

fn arithmetic(op: Arith, left: (Expr, FieldType), right: (Expr, FieldType), kind: FieldType) -> Expr {
    let micros = |time: Expr| cast(time, DataType::Int64);
    match (op, left.1, right.1) {
        (Arith::Sub, FieldType::Time, FieldType::Time) => {
            let elapsed = micros(left.0) - micros(right.0);
            cast(elapsed, DataType::Float64) / lit(1_000_000.0)
        }
        (_, FieldType::Time, FieldType::Duration) => {
            let length = expr_fn::round(vec![right.0 * lit(1_000_000.0)]);
            let moved = apply(op, micros(left.0), cast(length, DataType::Int64));
            cast(moved, time_type())
        }
        (Arith::Div, ..) => quotient(left.0, right.0),
        _ => {
            let number = if kind == FieldType::Int { DataType::Int64 } else { DataType::Float64 };
            apply(op, cast(left.0, number.clone()), cast(right.0, number))
        }
    }
}

/// A fraction; missing if the divisor is zero.
pub fn quotient(left: Expr, right: Expr) -> Expr {
    let divisor = expr_fn::nullif(cast(right, DataType::Float64), lit(0.0));
    cast(left, DataType::Float64) / divisor
}

fn apply(op: Arith, left: Expr, right: Expr) -> Expr {
    match op {
        Arith::Add => left + right,
        Arith::Sub => left - right,
        Arith::Mul => left * right,
        Arith::Div => quotient(left, right),
    }
}

fn call(function: Scalar, args: Vec<Expr>, kind: FieldType, tz: &TimeZone) -> Result<Expr, PlanError> {
    if function == Scalar::Coalesce {
        return Ok(expr_fn::coalesce(args.into_iter().map(|arg| typed(arg, kind)).collect()));
    }
    let mut args = args.into_iter();
    let Some(first) = args.next() else {
        return Err(PlanError::Unchecked(format!("{function:?} has no argument")));
    };
    if let Some(part) = calendar_part(function, tz, first.clone()) {
        return Ok(part);
    }
    Ok(match function {
        Scalar::Lower => expr_fn::lower(first),
        Scalar::Upper => expr_fn::upper(first),
        Scalar::Length => cast(expr_fn::character_length(first), DataType::Int64),
        Scalar::Number => number(first)?,
        Scalar::Abs => expr_fn::abs(first),
        // A whole number needs no rounding.
        Scalar::Round if kind == FieldType::Int => first,
        Scalar::Round => {
            let digits = args.next().unwrap_or_else(|| lit(0_i64));
            expr_fn::round(vec![cast(first, DataType::Float64), cast(digits, DataType::Int32)])
        }
        other => return Err(PlanError::Unchecked(format!("{other:?} cannot be planned"))),
    })
}

/// Converts a string to a number; words such as `inf` are not numbers.
fn number(text: Expr) -> Result<Expr, PlanError> {
    let trimmed = expr_fn::trim(vec![text]);
    let spelled = binary_expr(trimmed.clone(), Operator::RegexMatch, lit(r"^[-+]?[0-9.]+([eE][-+]?[0-9]{1,3})?$"));
    let read = Expr::TryCast(TryCast::new(Box::new(trimmed), DataType::Float64));
    Ok(when(spelled, read).end()?)
}
