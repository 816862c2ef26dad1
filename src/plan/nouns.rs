//! The nouns: their columns, measures, and the SQL that produces their rows.
//!
//! Out: one table, built once and used by the catalog, the planner and `fields`. Invariant: the rows of the view of a
//! noun have every column of [`Noun::fields`], including `time` and `id`, and `id` distinguishes rows with equal
//! times.

use std::sync::LazyLock;

use super::views;
use super::zone::ZoneName;
use crate::lang::catalog::{Assumed, FieldInfo, FieldType, MeasureInfo};
use crate::lang::checked::{Aggregate, Expr, FieldRef};
use crate::table::{Field, FieldKind, Table};

/// A noun: what a query returns rows of.
#[derive(Debug)]
pub struct Noun {
    /// The name.
    pub word: &'static str,
    /// The records from which its rows are derived.
    pub needs: Needs,
    /// Whether its rows are derived from the original records, even if the query does not use `raw`.
    pub reads_originals: bool,
    /// The columns.
    pub fields: Vec<FieldInfo>,
    /// The named aggregates.
    pub measures: Vec<Measure>,
    /// The columns that are shown by default.
    pub shown: &'static [&'static str],
    /// Creates the SQL of its rows.
    pub view: fn(ViewRequest) -> String,
}

impl Noun {
    /// The default measure of groups.
    pub fn default_measure(&self) -> &'static str {
        if self.word == "quota" { "peak" } else { "count" }
    }

    /// Whether its rows are computed from many records, so that every query for them is slow.
    pub fn is_computed(&self) -> bool {
        let recorded = ["failures", "calls", "events", "agent_updates", "agent_disconnects", "flows", "quarantine", "loads"];
        !recorded.contains(&self.word)
    }

    /// Whether it has few rows regardless of its input, so that computing all columns costs little more.
    pub fn has_few_rows(&self) -> bool {
        self.word == "stalls"
    }

    /// Whether its rows are levels: each lasts from its `time` to its `ended_at`.
    pub fn is_level(&self) -> bool {
        self.word == "quota"
    }

    /// The columns in which all levels of a pool agree, and the columns whose maxima are computed without all levels
    /// ([`ViewRequest::peaks`]).
    pub fn peaks(&self) -> Option<(&'static [&'static str], &'static [&'static str])> {
        (self.word == "quota").then_some((views::quota::FIXED, views::quota::HIGHEST))
    }

    /// The kind of rows that is assumed if a query groups rows without naming one.
    pub fn assumed(&self) -> Option<Assumed> {
        match self.word {
            "quota" => {
                Some(Assumed { column: "resource", value: super::quotas::FARGATE, why: "other resources have different units" })
            }
            "gaps" => Some(Assumed {
                column: "kind",
                value: "missing",
                why: "`late` rows are slow deliveries, `global` rows are accounts without us-east-1",
            }),
            _ => None,
        }
    }
}

/// The records that a noun needs.
#[derive(Debug, Clone, Copy)]
pub enum Needs {
    /// Each list needs at least one table with rows.
    All(&'static [&'static [Table]]),
    /// The needed tables depend on the value of a column. At least one must have rows.
    ByValue {
        /// The column.
        column: &'static str,
        /// The tables for rows with this value.
        of: fn(&str) -> &'static [Table],
        /// The tables for all rows.
        any: &'static [Table],
    },
}

/// A named aggregate of one column.
#[derive(Debug)]
pub struct Measure {
    /// The name, type and description.
    pub info: MeasureInfo,
    /// The aggregate.
    pub function: Aggregate,
    /// The aggregated column and its type.
    pub column: (&'static str, FieldType),
}

impl Measure {
    /// The measure as an aggregate of the language.
    pub fn expr(&self) -> Expr {
        let (name, kind) = self.column;
        let field = Expr::Field(FieldRef { name: name.to_owned(), kind });
        Expr::Aggregate { function: self.function, arg: Some(Box::new(field)), kind: self.info.kind }
    }
}

/// What a query requests from a view besides its columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ViewRequest {
    /// The time until which ongoing states last: microseconds since 1970.
    pub anchor: i64,
    /// The start of the window: microseconds since 1970, inclusive.
    pub from: Option<i64>,
    /// The end of the window: microseconds since 1970, exclusive.
    pub to: Option<i64>,
    /// Return only the rows at which a pool reaches one of its maxima (see [`Noun::peaks`]).
    pub peaks: bool,
    /// The column `raw`, even if it must be read from another table.
    pub raw: bool,
    /// The column [`EVIDENCE`]: the ids of the records behind a row.
    pub evidence: bool,
    /// The time zone for the time of day.
    pub zone: ZoneName,
}

/// The hidden column with a list of record ids.
pub const EVIDENCE: &str = "#evidence";

/// All nouns.
pub static NOUNS: LazyLock<Vec<Noun>> = LazyLock::new(views::all);

/// The noun with a name.
pub fn noun(word: &str) -> Option<&'static Noun> {
    NOUNS.iter().find(|noun| noun.word == word)
}

/// SQL for the launch that a call belongs to, given SQL for its id and origin; the column is `launch`.
pub fn launch_of_call(call: &str, like_it: &[(&str, Option<String>)]) -> String {
    views::launch_of_call(call, like_it)
}

/// SQL that counts callers with and without a schedule; the columns are `regular` and `irregular`.
pub fn callers(need: ViewRequest) -> String {
    views::callers(need)
}

/// The reason why an unsupported noun cannot be queried, as one sentence.
pub fn later() -> &'static str {
    "this is not supported yet"
}

/// The columns of a base table in the language.
pub fn table_fields(table: Table) -> Vec<FieldInfo> {
    table.fields().iter().map(field_info).collect()
}

fn field_info(field: &Field) -> FieldInfo {
    let kind = match field.kind {
        FieldKind::Text => FieldType::Text,
        FieldKind::Int => FieldType::Int,
        FieldKind::Float => FieldType::Float,
        FieldKind::Bool => FieldType::Bool,
        FieldKind::Time => FieldType::Time,
        FieldKind::Duration => FieldType::Duration,
    };
    FieldInfo { name: field.name, kind, doc: field.doc }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::lang::keyword;

    #[test]
    fn every_noun_of_the_language_runs() {
        for known in keyword::NOUNS {
            assert!(noun(known.word).is_some(), "{}", known.word);
        }
        assert!(NOUNS.iter().all(|noun| keyword::NOUNS.iter().any(|known| known.word == noun.word)));
    }

    #[test]
    fn columns_have_one_name_and_the_shown_ones_exist() {
        for noun in NOUNS.iter() {
            let names: BTreeSet<&str> = noun.fields.iter().map(|field| field.name).collect();
            assert_eq!(names.len(), noun.fields.len(), "{}", noun.word);
            assert!(names.contains("id") && names.contains("time"), "{}", noun.word);
            for shown in noun.shown {
                assert!(names.contains(shown), "{} shows {shown}", noun.word);
            }
            for measure in &noun.measures {
                let (name, kind) = measure.column;
                assert!(noun.fields.iter().any(|field| field.name == name && field.kind == kind), "{name}");
            }
        }
    }
}
