//! The syntax tree of a query: created by [`crate::lang::parse()`], read by the checker and by
//! [`crate::lang::format()`].
//!
//! Nothing in the tree is resolved: names are not looked up and values are still text, because only the type of a
//! column decides whether `7d` is a duration or an id. Invariant: equality ignores spans and quoting, so a query and
//! its canonical form have equal trees.

use std::ops::Range;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::Offset;

use super::keyword::Unit;

/// Bytes of the query text.
pub type Span = Range<usize>;

/// A node of the tree with its span. Nodes are equal if their values are.
#[derive(Debug, Clone)]
pub struct Spanned<T> {
    /// The node.
    pub value: T,
    /// Its position in the query.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Combines a node with its position.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A whole query: a source and one or more stages over it.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The source of the rows.
    pub source: Spanned<Source>,
    /// The clauses between pipes; never empty, but the first stage may have no clauses.
    pub stages: Vec<Stage>,
}

/// The first word of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A noun such as `failures`, in lower case; not yet checked.
    Noun(String),
    /// A saved query, `@name`, without the `@`.
    Saved(String),
}

/// The clauses between two pipes. Their order has no meaning and is not kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stage {
    /// All `where` clauses, joined by *and*.
    pub filter: Option<Pred>,
    /// `near`, `following`, `preceding`, in the order written.
    pub relations: Vec<Relation>,
    /// `since`, `until`, `between`, `on` or `around`.
    pub window: Option<Spanned<Window>>,
    /// `by`.
    pub by: Vec<Key>,
    /// `every`.
    pub every: Option<Every>,
    /// `bursts`.
    pub bursts: Option<Spanned<Duration>>,
    /// `show *`: all columns of a row, before those of `show`.
    pub all_columns: Option<Spanned<()>>,
    /// `show`.
    pub show: Vec<Item>,
    /// `compare`.
    pub compare: Option<Spanned<Compare>>,
    /// `sort`.
    pub sort: Vec<SortKey>,
    /// `top`, `bottom` or `limit`.
    pub limit: Option<Spanned<Limit>>,
}

/// The time clauses; the variants exclude each other.
#[derive(Debug, Clone, PartialEq)]
pub enum Window {
    /// `since` and `until`, at least one of them.
    Open {
        /// `since INSTANT`.
        since: Option<Spanned<Instant>>,
        /// `until INSTANT`.
        until: Option<Spanned<Instant>>,
    },
    /// `between INSTANT and INSTANT`.
    Between(Spanned<Instant>, Spanned<Instant>),
    /// `on INSTANT`: the calendar day that contains it, or the whole of a week, month or year.
    On(Spanned<Instant>),
    /// `around INSTANT [within DURATION]`.
    Around(Spanned<Instant>, Option<Spanned<Duration>>),
}

/// A point in time, as written.
#[derive(Debug, Clone, PartialEq)]
pub enum Instant {
    /// `now`: the current time.
    Now,
    /// `latest`: the newest event, or the time of `--as-of`.
    Latest,
    /// `today`: the calendar day of `latest`.
    Today,
    /// `yesterday`: the calendar day before that.
    Yesterday,
    /// `monday`: the newest day of that name, up to the day of `latest`.
    Weekday(Weekday),
    /// `this week`, `last month`: the calendar unit that contains `latest`, or the one before it.
    Calendar {
        /// Whether it is the one before.
        last: bool,
        /// The unit.
        unit: CalendarUnit,
    },
    /// `7d`: this long before `latest`.
    Ago(Duration),
    /// `2026-03-04`: midnight in the time zone of the query.
    Date(Date),
    /// `2026-03-04T02:10`, with its offset, if any.
    DateTime(DateTime, Option<Offset>),
}

/// A unit of the calendar that is longer than a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CalendarUnit {
    /// From Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
    /// A calendar year.
    Year,
}

impl CalendarUnit {
    /// All units.
    pub const ALL: [Self; 3] = [Self::Week, Self::Month, Self::Year];

    /// The keyword.
    pub fn word(self) -> &'static str {
        match self {
            CalendarUnit::Week => "week",
            CalendarUnit::Month => "month",
            CalendarUnit::Year => "year",
        }
    }
}

/// A duration as written, such as `1h30m`; the parts keep their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duration {
    /// Amounts with their units; never empty.
    pub parts: Vec<(u32, Unit)>,
}

/// A column or a path into the original record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    /// A column name; lower case unless it was written in backticks.
    Name(String),
    /// What follows `raw.`; case-sensitive, never empty.
    Raw(Vec<PathPart>),
}

/// One step of a path into the original record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PathPart {
    /// `.name`.
    Key(String),
    /// `[3]`, zero-based.
    Index(u32),
}

/// One key of `by`.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// A field or a call.
    pub expr: Spanned<Expr>,
    /// The name given with `as`.
    pub alias: Option<Spanned<String>>,
}

/// One column of `show`.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The expression.
    pub expr: Spanned<Expr>,
    /// The name given with `as`.
    pub alias: Option<Spanned<String>>,
}

/// An expression in `show`, `by` or on the left of a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// A column, a measure or a path.
    Field(Field),
    /// A number, as written: digits, or digits `.` digits, with a leading `-` when negative.
    Number(String),
    /// A quoted string.
    Text(String),
    /// `name(argument, …)`; the name is in lower case and not yet checked.
    Call(Spanned<String>, Vec<Spanned<Expr>>),
    /// Arithmetic; multiplication and division bind tighter, all operators group to the left.
    Binary(Arith, Box<Spanned<Expr>>, Box<Spanned<Expr>>),
}

/// An arithmetic operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arith {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
}

impl Arith {
    /// The operator sign.
    pub fn sign(self) -> &'static str {
        match self {
            Arith::Add => "+",
            Arith::Sub => "-",
            Arith::Mul => "*",
            Arith::Div => "/",
        }
    }

    /// The precedence; higher binds tighter.
    pub fn precedence(self) -> u8 {
        match self {
            Arith::Add | Arith::Sub => 1,
            Arith::Mul | Arith::Div => 2,
        }
    }
}

/// A predicate. `And` and `Or` have at least two members, none of which is of the same kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Pred {
    /// All of them.
    And(Vec<Pred>),
    /// At least one of them.
    Or(Vec<Pred>),
    /// A negation; its member is not a `Not`.
    Not(Box<Pred>),
    /// A single condition.
    Test(Test),
}

/// A field or call with a condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// A field or a call, never arithmetic.
    pub subject: Spanned<Expr>,
    /// The condition.
    pub condition: Condition,
}

/// The condition of a test.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// `= != < <= > >=` and a literal or `field(name)`.
    Compare(CompareOp, Operand),
    /// `[not] in (a, b)`.
    In {
        /// Whether it is `not in`.
        negated: bool,
        /// The list; never empty.
        values: Vec<Spanned<Value>>,
    },
    /// `[not] in low..high`, both ends included.
    Range {
        /// Whether it is `not in`.
        negated: bool,
        /// The lower bound.
        low: Spanned<Value>,
        /// The upper bound.
        high: Spanned<Value>,
    },
    /// `[not] like`, `contains` or `matches`.
    Text {
        /// Whether it is `not like` etc.
        negated: bool,
        /// Which of the three operators.
        op: TextOp,
        /// The pattern.
        pattern: Spanned<Value>,
    },
    /// `is [not] missing`.
    Missing {
        /// Whether it is `is not missing`.
        negated: bool,
    },
    /// No condition: the subject is a boolean.
    True,
}

/// The operators that compare with a single value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompareOp {
    /// `=`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

impl CompareOp {
    /// The operator sign.
    pub fn sign(self) -> &'static str {
        match self {
            CompareOp::Eq => "=",
            CompareOp::Ne => "!=",
            CompareOp::Lt => "<",
            CompareOp::Le => "<=",
            CompareOp::Gt => ">",
            CompareOp::Ge => ">=",
        }
    }
}

/// The operators that match text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextOp {
    /// `like`: a glob with `*` and `?`, ignoring case.
    Like,
    /// `contains`: a substring, ignoring case.
    Contains,
    /// `matches`: a regular expression.
    Matches,
}

impl TextOp {
    /// The keyword.
    pub fn word(self) -> &'static str {
        match self {
            TextOp::Like => "like",
            TextOp::Contains => "contains",
            TextOp::Matches => "matches",
        }
    }
}

/// The right side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A literal.
    Literal(Spanned<Value>),
    /// `field(name)`: another column.
    Field(Spanned<Field>),
}

/// A lexeme on the right of an operator; the type of the column decides what it means.
#[derive(Debug, Clone)]
pub struct Value {
    /// The text without quotes.
    pub text: String,
    /// Whether it was written in quotes; ignored by equality.
    pub quoted: bool,
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// `every DURATION [nofill]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Every {
    /// The length of a bucket.
    pub step: Spanned<Duration>,
    /// False after `nofill`: empty buckets are omitted.
    pub fill: bool,
}

/// The other window of `compare`.
#[derive(Debug, Clone, PartialEq)]
pub enum Compare {
    /// `previous`: the preceding window of the same length, or the same window one calendar unit earlier.
    Previous(Option<Period>),
    /// `between INSTANT and INSTANT`.
    Between(Spanned<Instant>, Spanned<Instant>),
}

/// The unit of `compare previous`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// `day`
    Day,
    /// `week`
    Week,
    /// `month`
    Month,
}

impl Period {
    /// The keyword.
    pub fn word(self) -> &'static str {
        match self {
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
        }
    }
}

/// A correlation clause.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// Whether it is `not near …`: rows without a partner.
    pub negated: bool,
    /// The order in time.
    pub kind: Spanned<RelationKind>,
    /// The other noun.
    pub noun: Spanned<String>,
    /// The condition on the rows of the other noun.
    pub filter: Option<Pred>,
    /// The maximum distance in time.
    pub within: Spanned<Duration>,
    /// Fields that must be equal on both sides.
    pub matching: Vec<Spanned<Field>>,
}

/// The order in time that a correlation requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RelationKind {
    /// `near`: before or after.
    Near,
    /// `following`: this row comes after the other.
    Following,
    /// `preceding`: this row comes before the other.
    Preceding,
}

impl RelationKind {
    /// The keyword.
    pub fn word(self) -> &'static str {
        match self {
            RelationKind::Near => "near",
            RelationKind::Following => "following",
            RelationKind::Preceding => "preceding",
        }
    }
}

/// One key of `sort`.
#[derive(Debug, Clone, PartialEq)]
pub struct SortKey {
    /// An output column or, if rows are not grouped, any field.
    pub field: Spanned<Field>,
    /// Whether it has a leading `-`.
    pub descending: bool,
}

/// The number of rows or groups to keep.
#[derive(Debug, Clone, PartialEq)]
pub enum Limit {
    /// `top N [per FIELD]`.
    Top(u32, Option<Spanned<Field>>),
    /// `bottom N [per FIELD]`.
    Bottom(u32, Option<Spanned<Field>>),
    /// `limit N`.
    Rows(u32),
    /// `limit all`: every row, even where a default limit applies.
    All,
}
