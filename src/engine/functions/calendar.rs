//! `hour(time)`, `weekday(time)`, …: parts of the calendar in a time zone.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringViewArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

#[cfg(feature = "cluster")]
use super::FunctionDocument;
use super::{argument, times};
use crate::lang::checked::Scalar;

#[derive(Debug, PartialEq, Eq)]
struct CalendarPart {
    part: Scalar,
    tz: TimeZone,
    signature: Signature,
}

// A time zone has no hash; equal parts have equal functions.
impl Hash for CalendarPart {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.part.hash(state);
    }
}

/// A part of the calendar; none if the function does not work on times.
pub fn calendar_part(part: Scalar, tz: &TimeZone, time: Expr) -> Option<Expr> {
    name(part)?;
    Some(of_part(part, tz).call(vec![time]))
}

fn of_part(part: Scalar, tz: &TimeZone) -> ScalarUDF {
    ScalarUDF::new_from_impl(CalendarPart { part, tz: tz.clone(), signature: Signature::any(1, Volatility::Immutable) })
}

/// The state of the function, if it is one of these.
#[cfg(feature = "cluster")]
pub(super) fn document(function: &ScalarUDF) -> Option<Result<FunctionDocument>> {
    let CalendarPart { part, tz, .. } = function.inner().downcast_ref::<CalendarPart>()?;
    let part = name(*part)?.to_owned();
    Some(super::portable::zone_name(tz).map(|zone| FunctionDocument::Calendar(part, zone)))
}

/// The function for a part by its name.
#[cfg(feature = "cluster")]
pub(super) fn function(part: &str, tz: &TimeZone) -> Option<ScalarUDF> {
    let parts = [
        Scalar::Hour,
        Scalar::Minute,
        Scalar::MinuteOfDay,
        Scalar::Weekday,
        Scalar::Day,
        Scalar::Week,
        Scalar::Month,
        Scalar::Year,
        Scalar::Date,
    ];
    let part = parts.into_iter().find(|known| name(*known) == Some(part))?;
    Some(of_part(part, tz))
}

fn name(part: Scalar) -> Option<&'static str> {
    Some(match part {
        Scalar::Hour => "hour",
        Scalar::Minute => "minute",
        Scalar::MinuteOfDay => "minute_of_day",
        Scalar::Weekday => "weekday",
        Scalar::Day => "day",
        Scalar::Week => "week",
        Scalar::Month => "month",
        Scalar::Year => "year",
        Scalar::Date => "date",
        Scalar::Lower | Scalar::Upper | Scalar::Length | Scalar::Number | Scalar::Coalesce | Scalar::Round | Scalar::Abs => {
            return None;
        }
    })
}

fn number(part: Scalar, at: DateTime) -> Option<i64> {
    Some(match part {
        Scalar::Hour => i64::from(at.hour()),
        Scalar::Minute => i64::from(at.minute()),
        Scalar::MinuteOfDay => i64::from(at.hour()) * 60 + i64::from(at.minute()),
        Scalar::Weekday => i64::from(at.weekday().to_monday_one_offset()),
        Scalar::Day => i64::from(at.day()),
        Scalar::Week => i64::from(at.date().iso_week_date().week()),
        Scalar::Month => i64::from(at.month()),
        Scalar::Year => i64::from(at.year()),
        _ => return None,
    })
}

impl ScalarUDFImpl for CalendarPart {
    fn name(&self) -> &str {
        name(self.part).unwrap_or("calendar")
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(match self.part {
            Scalar::Date => DataType::Utf8View,
            _ => DataType::Int64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let times = times(argument(&args.args, 0)?, args.number_rows)?;
        let local = times.iter().map(|time| {
            let time = Timestamp::from_microsecond(time?).ok()?;
            Some(self.tz.to_datetime(time))
        });
        let array: ArrayRef = match self.part {
            Scalar::Date => {
                let days = local.map(|at| at.map(|at| at.date().to_string()));
                Arc::new(days.collect::<StringViewArray>())
            }
            part => Arc::new(local.map(|at| at.and_then(|at| number(part, at))).collect::<Int64Array>()),
        };
        Ok(ColumnarValue::Array(array))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_of_the_calendar() {
        let at = "2026-01-04T23:45:10".parse().unwrap();
        for (part, expected) in [
            (Scalar::Hour, 23),
            (Scalar::Minute, 45),
            (Scalar::MinuteOfDay, 23 * 60 + 45),
            (Scalar::Weekday, 7),
            (Scalar::Day, 4),
            (Scalar::Week, 1),
            (Scalar::Month, 1),
            (Scalar::Year, 2026),
        ] {
            assert_eq!(number(part, at), Some(expected), "{part:?}");
            assert!(name(part).is_some());
        }
        assert_eq!(number(Scalar::Lower, at), None);
    }
}
