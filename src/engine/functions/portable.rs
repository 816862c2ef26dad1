//! Functions with state as documents, for a process that runs an expression which another one has planned. All other
//! functions are known by their names.

use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Span, Step};
use super::{bucket, calendar, gap, original, span};
use crate::lang::checked::StepUnit;

/// A function with its state.
#[derive(Debug, Serialize, Deserialize)]
pub enum FunctionDocument {
    /// `every_…`: the bucket of a time.
    Bucket(StepDocument),
    /// `bucket_gap`, with its span and its number of arguments.
    Gap(StepDocument, Option<i64>, Option<i64>, usize),
    /// `bucket_span`, with the end of open intervals.
    Span(StepDocument, i64),
    /// `hour`, …, by name, with its time zone.
    Calendar(String, String),
}

/// A [`Step`].
#[derive(Debug, Serialize, Deserialize)]
pub struct StepDocument {
    amount: i64,
    unit: u8,
    zone: String,
}

const UNITS: [StepUnit; 5] = [StepUnit::Second, StepUnit::Day, StepUnit::Week, StepUnit::Month, StepUnit::Year];

impl StepDocument {
    pub(super) fn of(amount: i64, unit: StepUnit, tz: &TimeZone) -> Result<StepDocument> {
        let unit = (0..).zip(UNITS).find(|(_, known)| *known == unit).map_or(0, |(number, _)| number);
        Ok(StepDocument { amount, unit, zone: zone_name(tz)? })
    }

    fn step(&self) -> Result<Step> {
        let unit = UNITS.get(usize::from(self.unit)).ok_or_else(|| exec_datafusion_err!("unknown unit {}", self.unit))?;
        Ok(Step::of(self.amount, *unit, zone(&self.zone)?))
    }
}

/// The name of a time zone, by which other machines know it.
pub(super) fn zone_name(tz: &TimeZone) -> Result<String> {
    match tz.iana_name() {
        Some(name) => Ok(name.to_owned()),
        None if tz.to_fixed_offset().is_ok_and(|offset| offset.is_zero()) => Ok("UTC".to_owned()),
        None => exec_err!("a cluster needs a time zone with a name; `--tz Europe/Berlin` or `--tz UTC` works"),
    }
}

fn zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name).map_err(|error| exec_datafusion_err!("this machine does not know time zone `{name}`: {error}"))
}

/// The state of a function; none if it has no state, or is not one of these.
///
/// # Errors
///
/// If it has a time zone without a name.
pub fn function_document(function: &ScalarUDF) -> Option<Result<FunctionDocument>> {
    bucket::document(function)
        .or_else(|| gap::document(function))
        .or_else(|| span::document(function))
        .or_else(|| calendar::document(function))
}

/// The function with this state.
///
/// # Errors
///
/// If this machine lacks its time zone.
pub fn function_of(document: &FunctionDocument) -> Result<ScalarUDF> {
    Ok(match document {
        FunctionDocument::Bucket(step) => bucket::function(step.step()?),
        FunctionDocument::Gap(step, first, last, arguments) => {
            gap::function(step.step()?, Span { first: *first, last: *last }, *arguments)
        }
        FunctionDocument::Span(step, last) => span::function(step.step()?, *last),
        FunctionDocument::Calendar(name, tz) => {
            calendar::function(name, &zone(tz)?).ok_or_else(|| exec_datafusion_err!("`{name}` is not a part of the calendar"))?
        }
    })
}

/// Functions that plans contain although no session registers them.
pub fn unregistered_functions() -> [ScalarUDF; 1] {
    [original::original_function()]
}
