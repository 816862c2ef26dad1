//! The functions of the language: one table of names, arguments, results and documentation, and each
//! function as a value, so that a planner matches on values and not on names.
//!
//! Invariant: the table is the only place that knows a function's name.

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
    /// The number that a text spells, missing when it spells none.
    Number,
    /// The first argument that is not missing.
    Coalesce,
    /// Rounded to whole numbers, or to the decimals of the second argument (a literal).
    Round,
    /// Without its sign.
    Abs,
}

/// A function over the rows of a group. Missing values have no part in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// Rows, or rows where the argument is not missing.
    Count,
    /// The rows of the group as a part (0 to 1) of all rows of the stage after its filter.
    Share,
    /// Different values, exactly.
    Distinct,
    /// Sum.
    Sum,
    /// Least value.
    Min,
    /// Greatest value.
    Max,
    /// Mean.
    Avg,
    /// `p95` is `Percentile(95)`; `median` is `Percentile(50)`. Interpolated between values.
    Percentile(u8),
    /// Standard deviation of the sample.
    Stddev,
    /// The value of the earliest row that has one.
    First,
    /// The value of the latest row that has one.
    Last,
    /// The least value: one of them, and the same one every time.
    Any,
}

/// A function of the language.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Function {
    /// Its name; `p` stands for `p50`, `p95`, `p99` and every other `p1` to `p99`.
    pub name: &'static str,
    /// What it is.
    pub kind: FunctionKind,
    /// Its arguments.
    pub args: Args,
    /// The type of its result.
    pub result: ResultType,
    /// One line of explanation.
    pub doc: &'static str,
}

/// What a function is computed over.
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

/// The arguments a function takes.
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
    /// One text.
    Text,
    /// One number or duration.
    Number,
    /// One number or duration, and perhaps a literal number of decimals.
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

/// All functions. `count` and `share` may stand without parentheses.
pub const FUNCTIONS: &[Function] = &[
    aggregate("count", Aggregate::Count, Args::MaybeOne, INT, "rows, or rows where the argument is known"),
    aggregate("share", Aggregate::Share, Args::None, FLOAT, "the group's part of all rows"),
    aggregate("distinct", Aggregate::Distinct, Args::Any, INT, "different values"),
    aggregate("sum", Aggregate::Sum, Args::Number, ResultType::Same, "sum"),
    aggregate("min", Aggregate::Min, Args::Any, ResultType::Same, "least value"),
    aggregate("max", Aggregate::Max, Args::Any, ResultType::Same, "greatest value"),
    aggregate("avg", Aggregate::Avg, Args::Number, ResultType::Mean, "mean"),
    Function {
        name: "p",
        kind: FunctionKind::Percentile,
        args: Args::Number,
        result: ResultType::Mean,
        doc: "percentile: p50, p95, p99 and every other from p1 to p99",
    },
    aggregate("median", Aggregate::Percentile(50), Args::Number, ResultType::Mean, "the same as p50"),
    aggregate("stddev", Aggregate::Stddev, Args::Number, ResultType::Mean, "standard deviation"),
    aggregate("first", Aggregate::First, Args::Any, ResultType::Same, "value of the earliest row that has one"),
    aggregate("last", Aggregate::Last, Args::Any, ResultType::Same, "value of the latest row that has one"),
    aggregate("any", Aggregate::Any, Args::Any, ResultType::Same, "one of the values"),
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
    scalar("number", Scalar::Number, Args::Text, FLOAT, "the number that a text spells"),
    scalar("coalesce", Scalar::Coalesce, Args::Many, ResultType::Same, "the first that is not missing"),
    scalar("round", Scalar::Round, Args::NumberAndDigits, ResultType::Same, "rounded, to whole numbers or so many decimals"),
    scalar("abs", Scalar::Abs, Args::Number, ResultType::Same, "without its sign"),
    Function {
        name: "field",
        kind: FunctionKind::Field,
        args: Args::Any,
        result: ResultType::Same,
        doc: "a column, also to the right of an operator: `where started_at > field(stopped_at)`",
    },
];

/// Finds a function by its lower-case name; `p95` gives the percentage too.
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
    fn every_name_stands_once_in_the_table() {
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
