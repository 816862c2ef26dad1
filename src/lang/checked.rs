//! The checked query: names resolved, literals typed, times absolute, defaults filled in.
//!
//! Created by [`crate::lang::check()`] and read by the planner, which no longer needs the clock or the catalog.
//! Invariant: every [`FieldRef`] of a stage is a column of the source (first stage) or of the previous stage, and
//! every index points into [`Stage::columns`].
//!
//! # Missing values
//!
//! The language has two truth values. A test on a missing field is *false*, and `not` turns it into *true*. Therefore
//! `not (reason = AGENT)`, `reason != AGENT` and `reason not in (AGENT)` all **keep** rows without a reason. A plan
//! must compile [`Pred::Compare`] with [`CompareOp::Ne`] as `IS DISTINCT FROM`, [`Pred::In`] and [`Pred::Range`] with
//! `negated` as *missing or not in*, and treat null as false below [`Pred::Not`].

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use super::ast::{Arith, CompareOp, PathPart, Period, RelationKind, Span};
use super::catalog::FieldType;
pub use super::function::{Aggregate, Scalar};
use crate::diagnostic::Diagnostic;

/// The environment that the checker needs.
#[derive(Debug, Clone)]
pub struct CheckContext {
    /// The newest event in the store, or the time given with `--as-of`.
    pub anchor: Timestamp,
    /// The current time.
    pub now: Timestamp,
    /// The oldest event in the store, if known.
    pub first: Option<Timestamp>,
    /// The newest event in the store, if known.
    pub last: Option<Timestamp>,
    /// The time zone of dates, calendar days and bucket boundaries.
    pub tz: TimeZone,
    /// The number of rows that a query without groups, `sort` and `limit` returns (the newest ones). None returns all
    /// rows, as everything except a table on a terminal does.
    pub default_rows: Option<u32>,
}

/// A query that can be planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The noun.
    pub source: String,
    /// The query in canonical form.
    pub canonical: String,
    /// The absolute window; it applies to the time of the source rows.
    pub window: Window,
    /// The stages; each reads the columns of the previous one.
    pub stages: Vec<Stage>,
    /// The time zone of calendar functions and buckets.
    pub tz: TimeZone,
    /// The limit of [`CheckContext::default_rows`], if it was added to this query.
    pub default_limit: Option<u32>,
    /// Warnings for the user; the query runs regardless.
    pub warnings: Vec<Diagnostic>,
}

/// The number of rows that a table on a terminal shows for a query without groups, `sort` and `limit`.
pub const DEFAULT_ROWS: u32 = 50;

/// A half-open window `[from, to)`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// The first instant inside the window; none = from the beginning of the store.
    pub from: Option<Timestamp>,
    /// The first instant after the window; none = no upper bound, so the newest event is included.
    pub to: Option<Timestamp>,
    /// How the window was derived, such as `7d before newest event`.
    pub origin: String,
    /// Whether it counts back from the newest event, instead of from a given time.
    pub from_newest: bool,
}

/// One stage: filter, group, show, sort, limit, in this order.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Which input rows to keep.
    pub filter: Option<Pred>,
    /// Correlations with other nouns.
    pub relations: Vec<Relation>,
    /// Whether rows are grouped: by `by`, `every`, `bursts` or an aggregate in `show`. Without keys and buckets, the
    /// result is one row.
    pub grouped: bool,
    /// The group keys.
    pub by: Vec<Key>,
    /// Time buckets; their start is the first output column, named `time`.
    pub every: Option<Every>,
    /// The longest pause within a burst, in seconds.
    pub bursts: Option<f64>,
    /// The columns that are not keys. If empty, a grouped stage shows only the keys, and any other stage passes on
    /// all input columns.
    pub show: Vec<Item>,
    /// The other window of `compare`; its origin describes it.
    pub compare: Option<Window>,
    /// Whether the other window of `compare` may have records: without any, nothing in this window is new.
    pub comparable: bool,
    /// The sort order. Empty keeps the order of the previous stage. A grouped stage always ends with its keys, so the
    /// order is total; otherwise ties are broken by record id.
    pub sort: Vec<SortKey>,
    /// How many rows or groups to keep after sorting.
    pub limit: Option<Limit>,
    /// The output columns: bucket time, keys, then `show`.
    pub columns: Vec<Column>,
}

/// One output column of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, unique in the stage.
    pub name: String,
    /// Its type.
    pub kind: FieldType,
    /// Its role in the groups.
    pub role: Role,
}

/// The role of a column in its groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The start of a time bucket.
    Bucket,
    /// A key.
    Key,
    /// Computed from the rows of a group.
    Measure,
    /// A field of a row.
    Field,
}

/// A column of a stage's input.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldRef {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: FieldType,
}

/// One key of the groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// The expression; it has no aggregates.
    pub expr: Expr,
    /// The name of its column.
    pub name: String,
    /// The type of its column.
    pub kind: FieldType,
}

/// One shown column.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The expression. In a grouped stage, every field outside an aggregate is part of an expression that equals the
    /// `expr` of a key.
    pub expr: Expr,
    /// The name of its column.
    pub name: String,
    /// The type of its column.
    pub kind: FieldType,
}

/// Time buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Every {
    /// How many units a bucket lasts; at least 1.
    pub amount: i64,
    /// A fixed number of seconds, or a calendar unit in the zone of [`Checked::tz`].
    pub unit: StepUnit,
    /// Whether empty buckets appear with zero.
    pub fill: bool,
    /// The time column to divide into buckets.
    pub field: FieldRef,
}

/// The unit of a time bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepUnit {
    /// Elapsed seconds.
    Second,
    /// Calendar days.
    Day,
    /// Calendar weeks, from Monday.
    Week,
    /// Calendar months.
    Month,
    /// Calendar years.
    Year,
}

/// A correlation with another noun.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// Whether rows without a partner are kept instead of rows with one.
    pub negated: bool,
    /// The order in time.
    pub kind: RelationKind,
    /// The other noun.
    pub noun: String,
    /// The condition on its rows.
    pub filter: Option<Pred>,
    /// The maximum distance in seconds.
    pub within: f64,
    /// Columns that must be equal on both sides.
    pub matching: Vec<FieldRef>,
}

/// A sort key. Missing values come last in both directions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// The target of the sort.
    pub column: SortColumn,
    /// Whether the order is descending.
    pub descending: bool,
}

/// The target of a sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortColumn {
    /// An output column: index into [`Stage::columns`].
    Output(usize),
    /// An input column that is not shown; only in stages without groups.
    Input(FieldRef),
}

/// How many rows or groups to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The groups with the largest measure.
    Top(Ranking),
    /// The groups with the smallest measure.
    Bottom(Ranking),
    /// The first rows in order.
    Rows(u32),
}

/// How `top` and `bottom` select groups. With `every`, whole groups (all buckets of a key) are ranked by the measure
/// over the whole window, and the others are combined into a group named `(other)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranking {
    /// How many to keep.
    pub rows: u32,
    /// The measure: index into [`Stage::columns`].
    pub measure: usize,
    /// Select within each value of this key: index into [`Stage::columns`].
    pub per: Option<usize>,
}

/// A typed expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// A column of the input.
    Field(FieldRef),
    /// A path into the original record; its type is text.
    Raw(Vec<PathPart>),
    /// A constant.
    Literal(Literal),
    /// Arithmetic.
    Binary {
        /// The operator. Division always returns a fraction (or a duration); division by zero returns a missing
        /// value.
        op: Arith,
        /// Left side.
        left: Box<Expr>,
        /// Right side.
        right: Box<Expr>,
        /// The type of the result.
        kind: FieldType,
    },
    /// A function of one row.
    Call {
        /// Which.
        function: Scalar,
        /// Its arguments.
        args: Vec<Expr>,
        /// The type of the result.
        kind: FieldType,
    },
    /// A function over the rows of a group.
    Aggregate {
        /// Which.
        function: Aggregate,
        /// Its argument; none for `count` and `share`.
        arg: Option<Box<Expr>>,
        /// The type of the result.
        kind: FieldType,
    },
    /// A named aggregate of the noun.
    Measure {
        /// Its name in the catalog.
        name: String,
        /// The type of the result.
        kind: FieldType,
    },
}

impl Expr {
    /// The type of the result.
    pub fn kind(&self) -> FieldType {
        match self {
            Expr::Field(field) => field.kind,
            Expr::Raw(_) => FieldType::Text,
            Expr::Literal(literal) => literal.kind(),
            Expr::Binary { kind, .. } | Expr::Call { kind, .. } | Expr::Aggregate { kind, .. } | Expr::Measure { kind, .. } => {
                *kind
            }
        }
    }

    /// Whether it needs a group of rows.
    pub fn has_aggregate(&self) -> bool {
        match self {
            Expr::Field(_) | Expr::Raw(_) | Expr::Literal(_) => false,
            Expr::Binary { left, right, .. } => left.has_aggregate() || right.has_aggregate(),
            Expr::Call { args, .. } => args.iter().any(Expr::has_aggregate),
            Expr::Aggregate { .. } | Expr::Measure { .. } => true,
        }
    }
}

/// A typed constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A point in time.
    Time(Timestamp),
    /// Seconds.
    Duration(f64),
}

impl Literal {
    /// Its type.
    pub fn kind(&self) -> FieldType {
        match self {
            Literal::Text(_) => FieldType::Text,
            Literal::Int(_) => FieldType::Int,
            Literal::Float(_) => FieldType::Float,
            Literal::Bool(_) => FieldType::Bool,
            Literal::Time(_) => FieldType::Time,
            Literal::Duration(_) => FieldType::Duration,
        }
    }
}

impl Expr {
    /// Whether this or a nested expression satisfies a condition.
    pub fn any(&self, test: &dyn Fn(&Expr) -> bool) -> bool {
        let within = || match self {
            Expr::Field(_) | Expr::Raw(_) | Expr::Literal(_) | Expr::Measure { .. } => false,
            Expr::Binary { left, right, .. } => left.any(test) || right.any(test),
            Expr::Call { args, .. } => args.iter().any(|arg| arg.any(test)),
            Expr::Aggregate { arg, .. } => arg.as_deref().is_some_and(|arg| arg.any(test)),
        };
        test(self) || within()
    }
}

impl Pred {
    /// Whether one of its expressions satisfies a condition.
    pub fn any(&self, test: &dyn Fn(&Expr) -> bool) -> bool {
        match self {
            Pred::And(members) | Pred::Or(members) => members.iter().any(|member| member.any(test)),
            Pred::Not(inner) => inner.any(test),
            Pred::Compare { left, right, .. } => left.any(test) || right.any(test),
            Pred::In { left, .. }
            | Pred::Range { left, .. }
            | Pred::Like { left, .. }
            | Pred::Contains { left, .. }
            | Pred::Matches { left, .. }
            | Pred::Missing { left, .. }
            | Pred::True(left) => left.any(test),
        }
    }
}

/// A typed predicate; see the top of this file for missing values.
#[derive(Debug, Clone, PartialEq)]
pub enum Pred {
    /// All of them.
    And(Vec<Pred>),
    /// At least one of them.
    Or(Vec<Pred>),
    /// A negation; **true if the inner predicate is unknown**.
    Not(Box<Pred>),
    /// A comparison; both sides have comparable types. [`CompareOp::Ne`] **keeps missing rows**.
    Compare {
        /// A field or call.
        left: Expr,
        /// The operator.
        op: CompareOp,
        /// A literal, or a field that was written as `field(name)`.
        right: Expr,
    },
    /// One of a list; with `negated` it **keeps missing rows**.
    In {
        /// A field or call.
        left: Expr,
        /// The list, of the type of `left`.
        values: Vec<Literal>,
        /// `not in`.
        negated: bool,
    },
    /// `low <= left <= high`; with `negated` it **keeps missing rows**.
    Range {
        /// A field or call.
        left: Expr,
        /// The lower end, included.
        low: Literal,
        /// The upper end, included.
        high: Literal,
        /// `not in`.
        negated: bool,
    },
    /// A glob that matches the whole text, ignoring case: `*` is any text, `?` is one character, `\` escapes the next
    /// character.
    Like {
        /// A text.
        left: Expr,
        /// The glob.
        pattern: String,
    },
    /// A substring, ignoring case.
    Contains {
        /// A text.
        left: Expr,
        /// The substring.
        text: String,
    },
    /// A regular expression that matches anywhere in the text; case-sensitive.
    Matches {
        /// A text.
        left: Expr,
        /// The expression, not yet compiled.
        regex: String,
        /// Its position in the query, for error messages.
        span: Span,
    },
    /// `is missing`.
    Missing {
        /// A field or call.
        left: Expr,
        /// `is not missing`.
        negated: bool,
    },
    /// A boolean that is true.
    True(Expr),
}
