//! What the language knows about the store: nouns, fields, types, and values that occur.
//!
//! The language defines this trait and the planner implements it, so the parser and the checker compile and run
//! without the query engine. Invariant: every field name is lower-case `snake_case`.

/// The type of a column, as far as the language needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// Names, ids, messages.
    Text,
    /// Whole numbers, 64 bits.
    Int,
    /// Numbers with fractions.
    Float,
    /// True or false.
    Bool,
    /// A point in time.
    Time,
    /// A length of time, in seconds.
    Duration,
}

impl FieldType {
    /// The name of the type in messages and in `fields`.
    pub fn word(self) -> &'static str {
        match self {
            FieldType::Text => "text",
            FieldType::Int => "whole number",
            FieldType::Float => "number",
            FieldType::Bool => "true or false",
            FieldType::Time => "time",
            FieldType::Duration => "duration",
        }
    }
}

/// One column of a noun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldInfo {
    /// Its name in queries.
    pub name: &'static str,
    /// Its type.
    pub kind: FieldType,
    /// One line of explanation.
    pub doc: &'static str,
}

/// A named aggregate of a noun, in addition to `count` and `share`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeasureInfo {
    /// Its name in `show`.
    pub name: &'static str,
    /// The type of its result.
    pub kind: FieldType,
    /// One line of explanation.
    pub doc: &'static str,
}

/// A column of kinds, with the kind that is assumed when a query groups rows without naming one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assumed {
    /// The column.
    pub column: &'static str,
    /// The assumed value.
    pub value: &'static str,
    /// Why the other values are excluded.
    pub why: &'static str,
}

/// Whether a noun can be queried in this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NounStatus {
    /// It can be queried.
    Ready,
    /// It cannot be queried yet; the text says so.
    Later(&'static str),
}

/// The names, types and values that a query may use.
pub trait Catalog {
    /// Whether a noun of [`crate::lang::keyword::NOUNS`] can be queried.
    fn status(&self, noun: &str) -> NounStatus;

    /// The columns of a noun, in the order in which `fields` lists them.
    fn fields(&self, noun: &str) -> &[FieldInfo];

    /// The named aggregates of a noun.
    fn measures(&self, noun: &str) -> &[MeasureInfo];

    /// The values of a text column with their number of rows, most frequent first; may be empty.
    fn values(&self, noun: &str, field: &str) -> Vec<(String, u64)>;

    /// The text of a saved query.
    fn saved(&self, _name: &str) -> Option<String> {
        None
    }

    /// The names of the saved queries, for suggestions.
    fn saved_names(&self) -> Vec<String> {
        Vec::new()
    }

    /// The columns that a query shows by default; empty means all of them.
    fn shown(&self, _noun: &str) -> &[&'static str] {
        &[]
    }

    /// The measure that `by` shows by default.
    fn default_measure(&self, _noun: &str) -> &'static str {
        "count"
    }

    /// The kind that is assumed when a query groups rows that cannot be counted together.
    fn assumed(&self, _noun: &str) -> Option<Assumed> {
        None
    }
}

/// Finds a column by its lower-case name.
pub fn find_field<'a>(catalog: &'a dyn Catalog, noun: &str, name: &str) -> Option<&'a FieldInfo> {
    catalog.fields(noun).iter().find(|field| field.name == name)
}
