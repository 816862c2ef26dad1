//! Checks literals: the type of the column determines how a lexeme is read.

use jiff::Timestamp;

use super::{Checker, Outcome};
use crate::diagnostic::Diagnostic;
use crate::lang::ast::{Instant, Spanned, Value};
use crate::lang::catalog::FieldType;
use crate::lang::checked::{Expr, Literal, Scalar};
use crate::lang::time;
use crate::lang::token::excerpt;

/// A written time: a point in time, or a whole day for a date without a time, or a whole week, month or year.
pub(super) struct TimeValue {
    /// The point in time, or the start of the day.
    pub(super) from: Timestamp,
    /// The start of the next day, week, month or year.
    pub(super) day_end: Option<Timestamp>,
}

impl Checker<'_> {
    /// Reads a literal with the type of `left`; `name` is the name of the column in messages. [`Checker::time_value`]
    /// reads times.
    pub(super) fn literal(&self, value: &Spanned<Value>, left: &Expr, name: &str) -> Outcome<Literal> {
        let text = value.value.text.as_str();
        if let Expr::Call { function: Scalar::Weekday, .. } = left
            && let Some(day) = time::weekday(text)
        {
            return Ok(Literal::Int(day.to_monday_one_offset().into()));
        }
        let kind = left.kind();
        let literal = match kind {
            FieldType::Text => Some(Literal::Text(text.to_owned())),
            FieldType::Int => text.parse().ok().map(Literal::Int),
            FieldType::Float => read_float(text).map(Literal::Float),
            FieldType::Bool => read_bool(text).map(Literal::Bool),
            FieldType::Duration => match read_float(text) {
                Some(seconds) => Some(Literal::Duration(seconds)),
                None => return self.duration_literal(value).map(Literal::Duration),
            },
            FieldType::Time => return self.time_value(value).map(|time| Literal::Time(time.from)),
        };
        literal.ok_or_else(|| misfit(value, kind, name))
    }

    fn duration_literal(&self, value: &Spanned<Value>) -> Outcome<f64> {
        let duration = time::read_duration(&value.value.text, value.span.clone())?;
        time::seconds(&duration).map(|seconds| seconds as f64).ok_or_else(|| {
            Diagnostic::error("months and years do not have a fixed length", value.span.clone())
                .with_label("use days: `30d`")
                .into()
        })
    }

    pub(super) fn time_value(&self, value: &Spanned<Value>) -> Outcome<TimeValue> {
        let instant = time::read_instant(&value.value.text, value.span.clone())?;
        let from = self.absolute(&instant, &value.span)?;
        let day_end = match instant {
            Instant::Date(_) | Instant::Today | Instant::Yesterday | Instant::Weekday(_) => {
                Some(self.day_after(from, &value.span)?)
            }
            Instant::Calendar { unit, .. } => Some(self.unit_after(from, unit, &value.span)?),
            _ => None,
        };
        Ok(TimeValue { from, day_end })
    }
}

fn read_float(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    if plain { text.parse().ok().filter(|float: &f64| float.is_finite()) } else { None }
}

fn read_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" => Some(false),
        _ => None,
    }
}

/// The error for a literal that the column's type cannot hold.
fn misfit(value: &Spanned<Value>, kind: FieldType, name: &str) -> Box<Diagnostic> {
    let text = excerpt(&value.value.text);
    let is_whole = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let out_of_range = kind == FieldType::Int && is_whole(value.value.text.trim_start_matches(['-', '+']));
    if out_of_range {
        let message = format!("`{text}` is out of range for `{name}`");
        return Diagnostic::error(message, value.span.clone()).with_label(format!("from {} to {}", i64::MIN, i64::MAX)).into();
    }
    let message = format!("`{name}` is a {}, but `{text}` is not", kind_phrase(kind));
    let error = Diagnostic::error(message, value.span.clone());
    if value.value.text.contains("..") {
        return error.with_label(format!("for a range: `{name} in {text}`")).into();
    }
    if super::pred::NO_VALUES.iter().any(|none| text.eq_ignore_ascii_case(none)) {
        return error.with_label(format!("to test for a missing value: `{name} is missing`")).into();
    }
    let label = match kind {
        FieldType::Bool => "expected true, false, yes or no",
        FieldType::Int => "expected a whole number",
        _ => "expected a number",
    };
    error.with_label(label).into()
}

/// The type of a value in a message: `a string`, `a time`.
pub(super) fn kind_phrase(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Bool => "true-or-false value",
        FieldType::Text => "string",
        other => other.word(),
    }
}
