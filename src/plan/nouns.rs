//! The nouns that run: their columns, measures and the SQL of the rows behind them.
//!
//! In: nothing. Out: one table, made once, from which the catalog, the planner and `fields` read.
//! Invariant: the rows of a noun's view have every column of [`Noun::fields`], `time` and `id` among
//! them, and `id` tells rows of equal time apart.

use std::sync::LazyLock;

use super::views;
use super::zone::ZoneName;
use crate::lang::catalog::{Assumed, FieldInfo, FieldType, MeasureInfo};
use crate::lang::checked::{Aggregate, Expr, FieldRef};
use crate::table::{Field, FieldKind, Table};

/// Something that can be asked about.
#[derive(Debug)]
pub struct Noun {
    /// The word.
    pub word: &'static str,
    /// The records that its rows are derived from.
    pub needs: Needs,
    /// Whether its rows are made with the original records, also where nobody asks for `raw`.
    pub reads_originals: bool,
    /// Its columns.
    pub fields: Vec<FieldInfo>,
    /// Its named aggregates.
    pub measures: Vec<Measure>,
    /// What is shown of a row when nothing is said.
    pub shown: &'static [&'static str],
    /// Makes the SQL of its rows.
    pub view: fn(Need) -> String,
}

impl Noun {
    /// The measure that groups show when a query names none.
    pub fn default_measure(&self) -> &'static str {
        if self.word == "quota" { "peak" } else { "count" }
    }

    /// Whether its rows are put together from many records: to ask for them again takes as long as the first time.
    pub fn is_computed(&self) -> bool {
        let recorded = ["failures", "calls", "events", "agent_updates", "agent_disconnects", "flows", "quarantine", "loads"];
        !recorded.contains(&self.word)
    }

    /// Whether it has few rows, however much is read for them, and all their columns cost little more than some.
    pub fn has_few_rows(&self) -> bool {
        self.word == "stalls"
    }

    /// Whether its rows are levels: each holds from its `time` up to its `ended_at`.
    pub fn is_level(&self) -> bool {
        self.word == "quota"
    }

    /// The columns in which all levels of one thing agree, and those whose greatest values are had without all levels
    /// ([`Need::peaks`]).
    pub fn peaks(&self) -> Option<(&'static [&'static str], &'static [&'static str])> {
        (self.word == "quota").then_some((views::quota::FIXED, views::quota::HIGHEST))
    }

    /// What is meant when groups are made without naming the kind of rows.
    pub fn assumed(&self) -> Option<Assumed> {
        match self.word {
            "quota" => Some(Assumed { column: "resource", value: super::quotas::FARGATE, why: "others have other units" }),
            "gaps" => Some(Assumed { column: "kind", value: "missing", why: "others are no hours without records" }),
            _ => None,
        }
    }
}

/// The records that a noun rests on.
#[derive(Debug, Clone, Copy)]
pub enum Needs {
    /// Of each list at least one table must have rows.
    All(&'static [&'static [Table]]),
    /// The rows with one value of a column rest on some tables, those with another on others. One must have rows.
    ByValue {
        /// The column.
        column: &'static str,
        /// The tables that the rows with a value rest on.
        of: fn(&str) -> &'static [Table],
        /// The tables that all rows rest on.
        any: &'static [Table],
    },
}

/// A named aggregate of one column.
#[derive(Debug)]
pub struct Measure {
    /// What a query and `fields` see of it.
    pub info: MeasureInfo,
    /// What is computed.
    pub function: Aggregate,
    /// Over which column, of which type.
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

/// What a query asks of a view beyond its columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Need {
    /// What still lasts is taken to last until then: microseconds since 1970.
    pub anchor: i64,
    /// Where the window begins: microseconds since 1970, itself inside.
    pub from: Option<i64>,
    /// Where the window ends: microseconds since 1970, itself outside.
    pub to: Option<i64>,
    /// Of the levels of one thing (see [`Noun::peaks`]) only those at which each of its greatest values is reached: no
    /// other row is looked at.
    pub peaks: bool,
    /// The column `raw`, also where it has to be fetched from another table.
    pub raw: bool,
    /// The column [`EVIDENCE`]: the ids of the records a row rests on.
    pub evidence: bool,
    /// Whose clock tells the time of day.
    pub zone: ZoneName,
}

/// The hidden column with the ids of records, a list of texts.
pub const EVIDENCE: &str = "#evidence";

/// All nouns that run.
pub static NOUNS: LazyLock<Vec<Noun>> = LazyLock::new(views::all);

/// The noun of a word.
pub fn noun(word: &str) -> Option<&'static Noun> {
    NOUNS.iter().find(|noun| noun.word == word)
}

/// SQL for the launch that a call belongs to, given its id and where it was made, as SQL: its column is `launch`.
pub fn launch_of_call(call: &str, like_it: &[(&str, Option<String>)]) -> String {
    views::launch_of_call(call, like_it)
}

/// SQL that counts callers with a rhythm and without one: its columns are `regular` and `irregular`.
pub fn callers(need: Need) -> String {
    views::callers(need)
}

/// Why a word that is no noun of this table does not run: one sentence.
pub fn later() -> &'static str {
    "this does not run in this version yet"
}

/// The columns of a base table as the language sees them.
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
