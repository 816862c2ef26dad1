//! The functions of the language: a table of names, arguments, results and documentation. Each function is also a
//! value, so the planner matches on values instead of names.
//!
//! Invariant: only this table contains function names.

use super::catalog::FieldType;

/// A function of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// Hour of the day, 0 to 23.
    Hour,
    /// Minute of the hour, 0 to 59.
    Minute,
    /// Minute of the day, 0 to 1439.
    MinuteOfDay,
    /// ISO day of the week: 1 = Monday … 7 = Sunday.
    Weekday,
    /// Day of the month, 1 to 31.
    Day,
    /// ISO week of the year, 1 to 53.
    Week,
    /// Month, 1 to 12.
    Month,
    /// Year.
    Year,
    /// Calendar day as text, `2026-03-04`.
    Date,
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
    /// Number of characters.
    Length,
    /// The number that a string spells, missing if it is not a number.
    Number,
    /// The first argument that is not missing.
    Coalesce,
    /// Rounds to whole numbers, or to the number of decimals in the second argument (a literal).
    Round,
    /// Absolute value.
    Abs,
}

impl Scalar {
    /// Whether it returns a part of a time, so that groups by it have the order of time.
    pub const fn is_calendar(self) -> bool {
        matches!(
            self,
            Self::Hour
                | Self::Minute
                | Self::MinuteOfDay
                | Self::Weekday
                | Self::Day
                | Self::Week
                | Self::Month
                | Self::Year
                | Self::Date
        )
    }
}

/// A function over the rows of a group. Missing values are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// Rows, or rows where the argument is not missing.
    Count,
    /// The share (0 to 1) of the group in all rows of the stage after its filter.
    Share,
    /// Number of distinct values, exact.
    Distinct,
    /// Sum.
    Sum,
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
    /// Mean.
    Avg,
    /// `p95` is `Percentile(95)`; `median` is `Percentile(50)`. Interpolates between values.
    Percentile(u8),
    /// Sample standard deviation.
    Stddev,
    /// The value of the earliest row that has one.
    First,
    /// The value of the latest row that has one.
    Last,
    /// The smallest value: any one of them, but deterministic.
    Any,
}

/// A function of the language.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Function {
    /// Its name; `p` stands for `p50`, `p95`, `p99` and every other `p1` to `p99`.
    pub name: &'static str,
    /// The function.
    pub kind: FunctionKind,
    /// Its arguments.
    pub args: Args,
    /// The type of the result.
    pub result: ResultType,
    /// One line of explanation.
    pub doc: &'static str,
}

/// The kind of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    /// One row.
    Scalar(Scalar),
    /// The rows of a group.
    Aggregate(Aggregate),
    /// `p95`: an aggregate with the percentage in its name.
    Percentile,
    /// `field(x)`: the column itself.
    Field,
}

/// The arguments that a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Args {
    /// None.
    None,
    /// None, or one of any type.
    MaybeOne,
    /// One of any type.
    Any,
    /// One time.
    Time,
    /// One string.
    Text,
    /// One number or duration.
    Number,
    /// One number or duration, and optionally a literal number of decimals.
    NumberAndDigits,
    /// Two or more of one type.
    Many,
}

/// The type of a function's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultType {
    /// Always this one.
    Fixed(FieldType),
    /// The type of the first argument.
    Same,
    /// A duration for durations, otherwise a number with fractions.
    Mean,
}

const fn scalar(name: &'static str, function: Scalar, args: Args, result: ResultType, doc: &'static str) -> Function {
    Function { name, kind: FunctionKind::Scalar(function), args, result, doc }
}

const fn aggregate(name: &'static str, function: Aggregate, args: Args, result: ResultType, doc: &'static str) -> Function {
    Function { name, kind: FunctionKind::Aggregate(function), args, result, doc }
}

const INT: ResultType = ResultType::Fixed(FieldType::Int);
const FLOAT: ResultType = ResultType::Fixed(FieldType::Float);
const TEXT: ResultType = ResultType::Fixed(FieldType::Text);

/// All functions. `count` and `share` can be written without parentheses.
pub const FUNCTIONS: &[Function] = &[
    aggregate("count", Aggregate::Count, Args::MaybeOne, INT, "number of rows, or of rows where the argument has a value"),
    aggregate("share", Aggregate::Share, Args::None, FLOAT, "the group's share of all rows"),
    aggregate("distinct", Aggregate::Distinct, Args::Any, INT, "number of distinct values"),
    aggregate("sum", Aggregate::Sum, Args::Number, ResultType::Same, "sum"),
    aggregate("min", Aggregate::Min, Args::Any, ResultType::Same, "smallest value"),
    aggregate("max", Aggregate::Max, Args::Any, ResultType::Same, "largest value"),
    aggregate("avg", Aggregate::Avg, Args::Number, ResultType::Mean, "mean"),
    Function {
        name: "p",
        kind: FunctionKind::Percentile,
        args: Args::Number,
        result: ResultType::Mean,
        doc: "percentile: p50, p95, p99 and any other from p1 to p99",
    },
    aggregate("median", Aggregate::Percentile(50), Args::Number, ResultType::Mean, "same as p50"),
    aggregate("stddev", Aggregate::Stddev, Args::Number, ResultType::Mean, "standard deviation"),
    aggregate("first", Aggregate::First, Args::Any, ResultType::Same, "value of the earliest row that has one"),
    aggregate("last", Aggregate::Last, Args::Any, ResultType::Same, "value of the latest row that has one"),
    aggregate("any", Aggregate::Any, Args::Any, ResultType::Same, "any one of the values"),
    scalar("minute", Scalar::Minute, Args::Time, INT, "minute of the hour, 0 to 59"),
    scalar("minute_of_day", Scalar::MinuteOfDay, Args::Time, INT, "minute of the day, 0 to 1439"),
    scalar("hour", Scalar::Hour, Args::Time, INT, "hour of the day, 0 to 23"),
    scalar("weekday", Scalar::Weekday, Args::Time, INT, "day of the week, 1 = Monday to 7 = Sunday"),
    scalar("day", Scalar::Day, Args::Time, INT, "day of the month"),
    scalar("date", Scalar::Date, Args::Time, TEXT, "calendar day, such as 2026-03-04"),
    scalar("week", Scalar::Week, Args::Time, INT, "ISO week of the year"),
    scalar("month", Scalar::Month, Args::Time, INT, "month, 1 to 12"),
    scalar("year", Scalar::Year, Args::Time, INT, "year"),
    scalar("lower", Scalar::Lower, Args::Text, TEXT, "lower case"),
    scalar("upper", Scalar::Upper, Args::Text, TEXT, "upper case"),
    scalar("length", Scalar::Length, Args::Text, INT, "number of characters"),
    scalar("number", Scalar::Number, Args::Text, FLOAT, "converts a string to a number"),
    scalar("coalesce", Scalar::Coalesce, Args::Many, ResultType::Same, "the first argument that is not missing"),
    scalar("round", Scalar::Round, Args::NumberAndDigits, ResultType::Same, "rounded to a whole number or a number of decimals"),
    scalar("abs", Scalar::Abs, Args::Number, ResultType::Same, "absolute value"),
    Function {
        name: "field",
        kind: FunctionKind::Field,
        args: Args::Any,
        result: ResultType::Same,
        doc: "a column, even on the right of an operator: `where started_at > field(stopped_at)`",
    },
];

/// Finds a function by its lower-case name; for `p95`, also returns the percentage.
pub fn find_function(name: &str) -> Option<(&'static Function, Option<u8>)> {
    let percent = percentage(name);
    FUNCTIONS
        .iter()
        .find(|function| match function.kind {
            FunctionKind::Percentile => percent.is_some(),
            _ => function.name == name,
        })
        .map(|function| (function, percent))
}

/// The percentage in `p1` to `p99`.
fn percentage(name: &str) -> Option<u8> {
    let digits = name.strip_prefix('p')?;
    let plain = digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit());
    let percent = if plain && !digits.starts_with('0') { digits.parse().ok() } else { None };
    percent.filter(|p| (1..=99).contains(p))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_once_in_the_table() {
        let names: BTreeSet<_> = FUNCTIONS.iter().map(|f| f.name).collect();
        assert_eq!(names.len(), FUNCTIONS.len());
    }

    #[test]
    fn percentiles_are_found_by_their_number() {
        for (name, percent) in [("p50", 50), ("p1", 1), ("p99", 99)] {
            assert_eq!(find_function(name).unwrap().1, Some(percent));
        }
        for name in ["p", "p0", "p100", "p09", "p9x", "p+5"] {
            assert!(find_function(name).is_none(), "{name}");
        }
        assert!(find_function("count").is_some() && find_function("Count").is_none());
    }
}
