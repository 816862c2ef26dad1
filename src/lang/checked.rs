//! The checked query: names resolved, literals typed, times absolute, defaults written out.
//!
//! Made by [`crate::lang::check()`], read by the planner, which needs neither the clock nor the
//! catalog any more. Invariant: every [`FieldRef`] of a stage is a column of the source (first
//! stage) or of the stage before it, and every index points into [`Stage::columns`].
//!
//! # Missing values
//!
//! The language has two truth values. A test on a missing field is *false*, and `not` turns it into
//! *true*; so `not (reason = AGENT)`, `reason != AGENT` and `reason not in (AGENT)` all **keep**
//! rows without a reason. A plan must therefore compile [`Pred::Compare`] with [`CompareOp::Ne`] as
//! `IS DISTINCT FROM`, [`Pred::In`] and [`Pred::Range`] with `negated` as *missing or not in*, and
//! whatever stands below [`Pred::Not`] as *false when null*.

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use super::ast::{Arith, CompareOp, PathPart, Period, RelationKind, Span};
use super::catalog::FieldType;
pub use super::function::{Aggregate, Scalar};
use crate::diagnostic::Diagnostic;

/// What the checker must be told about the outside world.
#[derive(Debug, Clone)]
pub struct CheckContext {
    /// The newest event in the store, or the time given with `--as-of`.
    pub anchor: Timestamp,
    /// The clock.
    pub now: Timestamp,
    /// The oldest event in the store, when known.
    pub first: Option<Timestamp>,
    /// The newest event in the store, when known.
    pub last: Option<Timestamp>,
    /// The zone of dates, calendar days and bucket edges.
    pub tz: TimeZone,
    /// How many rows a query without groups, `sort` and `limit` gives, the newest ones; none where it gives all, as
    /// everything but a table on a terminal does.
    pub default_rows: Option<u32>,
}

/// A query that can be planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The noun.
    pub source: String,
    /// The query in canonical form, as it was asked.
    pub canonical: String,
    /// The absolute window; it applies to the time of the source's rows.
    pub window: Window,
    /// One or more stages; each reads the columns of the one before.
    pub stages: Vec<Stage>,
    /// The zone of calendar functions and buckets.
    pub tz: TimeZone,
    /// The limit of [`CheckContext::default_rows`], where it was put into this query.
    pub default_limit: Option<u32>,
    /// What the person should know although the query runs.
    pub warnings: Vec<Diagnostic>,
}

/// How many rows a query without groups, `sort` and `limit` shows in a table on a terminal.
pub const DEFAULT_ROWS: u32 = 50;

/// A half-open window `[from, to)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The first instant inside; none = from the beginning of the store.
    pub from: Option<Timestamp>,
    /// The first instant after; none = no upper bound, so that the newest event is inside.
    pub to: Option<Timestamp>,
    /// How it came about, such as `7d before newest event`.
    pub origin: String,
}

/// One stage: filter, group, show, sort, limit, in this order.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Which rows of the input are kept.
    pub filter: Option<Pred>,
    /// Correlations with other nouns.
    pub relations: Vec<Relation>,
    /// True when rows become groups: by `by`, `every`, `bursts` or an aggregate in `show`. With
    /// neither keys nor buckets the result is one row.
    pub grouped: bool,
    /// The keys of the groups.
    pub by: Vec<Key>,
    /// Time buckets; their start is the first output column, named `time`.
    pub every: Option<Every>,
    /// The longest pause inside one burst, in seconds.
    pub bursts: Option<f64>,
    /// The columns that are not keys. Empty in a grouped stage: only the keys are shown. Empty
    /// otherwise: all columns of the input are passed on.
    pub show: Vec<Item>,
    /// The other window to compare with; its origin says which one it is.
    pub compare: Option<Window>,
    /// The order of the result. Empty means: as it comes from the stage before. A grouped stage
    /// always ends with its keys, so the order is total; otherwise ties break on the record id.
    pub sort: Vec<SortKey>,
    /// How many rows or groups are kept, after sorting.
    pub limit: Option<Limit>,
    /// The output: bucket time, keys, then `show`.
    pub columns: Vec<Column>,
}

/// One output column of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, unique in the stage.
    pub name: String,
    /// Its type.
    pub kind: FieldType,
    /// What it is to the groups.
    pub role: Role,
}

/// What a column is to the groups it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The start of a time bucket.
    Bucket,
    /// A key.
    Key,
    /// Computed over the rows of a group.
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
    /// How it is computed; has no aggregate.
    pub expr: Expr,
    /// The name of its column.
    pub name: String,
    /// The type of its column.
    pub kind: FieldType,
}

/// One shown column.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// How it is computed. In a grouped stage every field outside an aggregate is inside a part that
    /// equals the `expr` of a key.
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
    /// Seconds that always elapse, or a unit of the calendar of [`Checked::tz`].
    pub unit: StepUnit,
    /// Whether empty buckets appear with zero.
    pub fill: bool,
    /// The time that is cut into buckets.
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
    /// Rows without a partner are kept, instead of rows with one.
    pub negated: bool,
    /// Which order in time.
    pub kind: RelationKind,
    /// The other noun.
    pub noun: String,
    /// Which of its rows count.
    pub filter: Option<Pred>,
    /// The greatest distance in seconds.
    pub within: f64,
    /// Columns that must be equal on both sides.
    pub matching: Vec<FieldRef>,
}

/// One key of the order. Missing values come last in both directions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// What is ordered by.
    pub column: SortColumn,
    /// Greatest first.
    pub descending: bool,
}

/// What a sort key looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortColumn {
    /// An output column: index into [`Stage::columns`].
    Output(usize),
    /// A column of the input that is not shown; only in stages without groups.
    Input(FieldRef),
}

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The groups with the greatest measure.
    Top(Ranking),
    /// The groups with the least measure.
    Bottom(Ranking),
    /// The first rows in order.
    Rows(u32),
}

/// How `top` and `bottom` choose. With `every`, whole groups (all buckets of a key) are ranked by the
/// measure over the whole window, and the others are summed up in a group named `(other)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranking {
    /// How many are kept.
    pub rows: u32,
    /// The measure: index into [`Stage::columns`].
    pub measure: usize,
    /// Choose inside each value of this key: index into [`Stage::columns`].
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
        /// The operator. Division always gives a fraction (or a duration); by zero gives missing.
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
        /// What it is computed over; none for `count` and `share`.
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
    /// Whether this or an expression within it is such a one.
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
    /// Whether an expression of it is such a one.
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
    /// The opposite; **true where the inner predicate is unknown**.
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
    /// A glob over the whole text, in any case: `*` any text, `?` one character, `\` before a sign
    /// takes it as it is.
    Like {
        /// A text.
        left: Expr,
        /// The glob.
        pattern: String,
    },
    /// A part of the text, in any case.
    Contains {
        /// A text.
        left: Expr,
        /// The part.
        text: String,
    },
    /// A regular expression, found anywhere in the text; case matters.
    Matches {
        /// A text.
        left: Expr,
        /// The expression, not yet compiled.
        regex: String,
        /// Where it stands in the query, for an error about it.
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
