//! A single value of a result, and its text.
//!
//! `read` converts Arrow values to cells; cells are written as text or JSON. [`Cell::human`] is for people and
//! rounds; [`Cell::exact`] and [`Cell::json`] are for machines and do not round (beyond the 15 digits of a float).
//! The text is *not* sanitized here, because every format does that differently.

use jiff::Timestamp;
use serde_json::{Map, Number, Value};

use super::time::describe_instant;
use super::{Look, MISSING, number};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A missing value.
    Missing,
    /// True or false.
    Bool(bool),
    /// A whole number, wide enough for every Arrow integer type.
    Int(i128),
    /// A decimal number with its exact digits.
    Decimal(String),
    /// A number with a fraction.
    Float(f64),
    /// A fraction of a whole.
    Share(f64),
    /// A duration in seconds.
    Duration(f64),
    /// A point in time.
    Time(Timestamp),
    /// Any text.
    Text(String),
    /// A list of values.
    List(Vec<Cell>),
    /// Named values.
    Record(Vec<(String, Cell)>),
}

impl Cell {
    /// The value for people: rounded, with percent signs and units such as `2m 15s`. Missing values are [`MISSING`].
    pub fn human(&self, look: &Look) -> String {
        match self {
            Self::Float(value) => number::rounded(*value),
            Self::Share(value) => number::percent(*value),
            Self::Duration(seconds) => number::describe_duration(*seconds),
            Self::Missing => MISSING.to_owned(),
            Self::Time(instant) => describe_instant(milliseconds(*instant), &look.tz),
            other => other.spell(look, Self::human),
        }
    }

    /// The value for machines that read text: full precision, durations in seconds.
    pub fn exact(&self, look: &Look) -> String {
        match self {
            Self::Float(value) | Self::Share(value) | Self::Duration(value) => number::exact(*value),
            other => other.spell(look, Self::exact),
        }
    }

    /// The value with its JSON type. JSON has no `NaN` or infinity, so they become null.
    pub fn json(&self, look: &Look) -> Value {
        match self {
            Self::Missing => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => whole(*value),
            Self::Decimal(digits) => decimal(digits),
            Self::Float(value) | Self::Share(value) | Self::Duration(value) => {
                Number::from_f64(number::settled(*value)).map_or(Value::Null, Value::Number)
            }
            Self::Time(instant) => Value::String(describe_instant(*instant, &look.tz)),
            Self::Text(text) => Value::String(text.clone()),
            Self::List(items) => Value::Array(items.iter().map(|item| item.json(look)).collect()),
            Self::Record(fields) => {
                Value::Object(fields.iter().map(|(name, cell)| (name.clone(), cell.json(look))).collect::<Map<_, _>>())
            }
        }
    }

    /// Whether the value is text from the records, which can contain anything.
    pub(super) fn is_wordy(&self) -> bool {
        matches!(self, Self::Text(_) | Self::List(_) | Self::Record(_))
    }

    /// The value as a number that can be drawn and compared.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Decimal(digits) => digits.parse().ok(),
            Self::Float(value) | Self::Share(value) | Self::Duration(value) => Some(*value),
            _ => None,
        }
        .filter(|value| value.is_finite())
    }

    /// The common part of `human` and `exact`; `nested` writes the values inside this one.
    fn spell(&self, look: &Look, nested: fn(&Self, &Look) -> String) -> String {
        match self {
            Self::Missing => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Decimal(digits) => digits.clone(),
            Self::Float(value) | Self::Share(value) | Self::Duration(value) => number::exact(*value),
            Self::Time(instant) => describe_instant(*instant, &look.tz),
            Self::Text(text) => text.clone(),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|item| nested(item, look)).collect();
                items.join(", ")
            }
            Self::Record(fields) => {
                let fields: Vec<_> = fields.iter().map(|(name, cell)| format!("{name}: {}", nested(cell, look))).collect();
                format!("{{{}}}", fields.join(", "))
            }
        }
    }
}

/// The time in whole milliseconds: records are not more precise, and more digits would widen every time column.
fn milliseconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(instant.as_microsecond().div_euclid(1000)).unwrap_or(instant)
}

/// A JSON number if it fits into 64 bits; otherwise a string, which keeps every digit.
fn whole(value: i128) -> Value {
    if let Ok(small) = i64::try_from(value) {
        return Value::from(small);
    }
    match u64::try_from(value) {
        Ok(large) => Value::from(large),
        Err(_) => Value::String(value.to_string()),
    }
}

/// A JSON number if a float can represent the digits, otherwise a string.
fn decimal(digits: &str) -> Value {
    if let Ok(value) = digits.parse::<i128>() {
        return whole(value);
    }
    let significant = digits.bytes().filter(u8::is_ascii_digit).count();
    digits
        .parse()
        .ok()
        .filter(|_| significant <= number::DIGITS)
        .and_then(Number::from_f64)
        .map_or_else(|| Value::String(digits.to_owned()), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(cell: &Cell) -> String {
        cell.json(&Look::default()).to_string()
    }

    #[test]
    fn whole_numbers_stay_exact() {
        assert_eq!(json(&Cell::Int(i64::MAX.into())), "9223372036854775807");
        assert_eq!(json(&Cell::Int(i64::MIN.into())), "-9223372036854775808");
        assert_eq!(json(&Cell::Int(u64::MAX.into())), "18446744073709551615");
        assert_eq!(json(&Cell::Int(i128::from(u64::MAX) + 1)), "\"18446744073709551616\"");
    }

    #[test]
    fn decimals_keep_their_digits() {
        assert_eq!(json(&Cell::Decimal("12.50".into())), "12.5");
        assert_eq!(json(&Cell::Decimal("7".into())), "7");
        assert_eq!(json(&Cell::Decimal("0.12345678901234567".into())), "\"0.12345678901234567\"");
    }

    #[test]
    fn json_has_no_nan() {
        assert_eq!(json(&Cell::Float(f64::NAN)), "null");
        assert_eq!(json(&Cell::Share(f64::INFINITY)), "null");
        assert_eq!(json(&Cell::Float(0.1 + 0.2)), "0.3");
        assert_eq!(json(&Cell::Float(2.0)), "2.0");
    }

    #[test]
    fn people_and_machines_read_durations_differently() {
        let look = Look::default();
        let cell = Cell::List(vec![Cell::Duration(135.0), Cell::Missing]);
        assert_eq!(cell.human(&look), "2m 15s, —");
        assert_eq!(cell.exact(&look), "135, ");
        assert_eq!(json(&cell), "[135.0,null]");
    }

    #[test]
    fn people_read_milliseconds_and_machines_all_digits() {
        let look = Look::default();
        let cell = Cell::Time("2026-03-04T10:14:07.123456Z".parse().unwrap());
        assert_eq!(cell.human(&look), "2026-03-04T10:14:07.123Z");
        assert_eq!(cell.exact(&look), "2026-03-04T10:14:07.123456Z");
        assert_eq!(Cell::Time("1969-12-31T23:59:59.5Z".parse().unwrap()).human(&look), "1969-12-31T23:59:59.5Z");
        assert_eq!(Cell::Missing.human(&look), MISSING);
        assert_eq!(Cell::Missing.exact(&look), "");
    }

    #[test]
    fn records_are_objects() {
        let cell = Cell::Record(vec![("b".into(), Cell::Int(1)), ("a".into(), Cell::Text("x".into()))]);
        assert_eq!(cell.exact(&Look::default()), "{b: 1, a: x}");
        assert_eq!(cell.json(&Look::default()), serde_json::json!({"a": "x", "b": 1}));
    }
}
