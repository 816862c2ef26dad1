//! What the language needs to know about the store: nouns, fields, types, and values that occur.
//!
//! The language defines the trait and the store implements it, so that the parser and the checker
//! build and run without the engine. Invariant: every field name is lower-case `snake_case`.

/// The type of a column, as far as the language cares.
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
    /// What a person calls it, for messages and `fields`.
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

/// A named aggregate of a noun, beside `count` and `share`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeasureInfo {
    /// Its name in `show`.
    pub name: &'static str,
    /// The type of its result.
    pub kind: FieldType,
    /// One line of explanation.
    pub doc: &'static str,
}

/// A column of kinds, and the kind that is meant when groups are made without naming it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assumed {
    /// The column.
    pub column: &'static str,
    /// The value that is meant.
    pub value: &'static str,
    /// Why the others are left out.
    pub why: &'static str,
}

/// Whether a noun can be asked about in this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NounStatus {
    /// It runs.
    Ready,
    /// It does not run yet; one sentence says so.
    Later(&'static str),
}

/// The names, types and values that a query may use.
pub trait Catalog {
    /// Whether a noun of [`crate::lang::keyword::NOUNS`] runs.
    fn status(&self, noun: &str) -> NounStatus;

    /// The columns of a noun, in the order `fields` lists them.
    fn fields(&self, noun: &str) -> &[FieldInfo];

    /// The named aggregates of a noun.
    fn measures(&self, noun: &str) -> &[MeasureInfo];

    /// Values that occur in a text column with the number of rows, most frequent first; may be empty.
    fn values(&self, noun: &str, field: &str) -> Vec<(String, u64)>;

    /// The text of a saved query.
    fn saved(&self, _name: &str) -> Option<String> {
        None
    }

    /// The names of the saved queries, for suggestions.
    fn saved_names(&self) -> Vec<String> {
        Vec::new()
    }

    /// The columns shown when a query names none; empty means all of them.
    fn shown(&self, _noun: &str) -> &[&'static str] {
        &[]
    }

    /// The measure that `by` shows when a query names none.
    fn default_measure(&self, _noun: &str) -> &'static str {
        "count"
    }

    /// What is meant when groups are made of rows that cannot be counted together.
    fn assumed(&self, _noun: &str) -> Option<Assumed> {
        None
    }
}

/// Finds a column by its lower-case name.
pub fn find_field<'a>(catalog: &'a dyn Catalog, noun: &str, name: &str) -> Option<&'a FieldInfo> {
    catalog.fields(noun).iter().find(|field| field.name == name)
}
