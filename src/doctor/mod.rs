//! Missing exports and data problems in a store: evaluates the advice in `knowledge/doctor.toml`.
//!
//! In: functions that count the rows of a table and return the rows of a statement or query. Out: the [`Advice`] that
//! applies, with the lines that show it. Invariant: every piece of advice is based on the content of the store.

use crate::toml_document::{ConfigError, Document, Section};
use std::path::Path;

/// The built-in advice.
const BUILTIN: &str = include_str!("../knowledge/doctor.toml");

/// The number of lines shown for each piece of advice.
const SHOWN: usize = 3;

/// The kinds of advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Missing records.
    Missing,
    /// A problem with the loaded records.
    Odd,
}

impl Kind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Missing => "missing",
            Kind::Odd => "odd",
        }
    }
}

/// The condition under which advice applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// The table has no rows.
    Empty(String),
    /// The statement returns rows; the first column is shown.
    Sql(String),
    /// The query returns rows; each is printed with this template, with its values in place of `{0}`, `{1}`, ….
    Query(String, String),
}

/// A piece of advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The id.
    pub id: String,
    /// The kind.
    pub kind: Kind,
    /// The finding.
    pub title: String,
    /// The condition.
    pub test: Test,
    /// Tables, at least one of which must have rows.
    pub given: Vec<String>,
    /// The effect on query results.
    pub means: String,
    /// What to do, one line each.
    pub actions: Vec<String>,
}

/// Advice that applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The advice.
    pub advice: Advice,
    /// The first few lines that show it.
    pub shown: Vec<String>,
    /// The total number of lines.
    pub lines: usize,
}

/// Rows, with each value as text.
pub type Lines = Vec<Vec<String>>;

/// Access to the tables of a store.
pub struct Patient<'p, E> {
    /// The number of rows of a table.
    pub count: &'p dyn Fn(&str) -> Result<u64, E>,
    /// The first column of the rows of a statement, as text.
    pub sql: &'p dyn Fn(&str) -> Result<Vec<String>, E>,
    /// The rows of a query, with each value as text.
    pub query: &'p dyn Fn(&str) -> Result<Lines, E>,
}

const KEYS: &[&str] = &["id", "kind", "title", "empty", "rows", "query", "line", "given", "means", "do"];

/// All advice.
pub fn advice() -> Result<Vec<Advice>, ConfigError> {
    let document = Document::parse(BUILTIN, Path::new("doctor.toml"))?;
    let top = document.top();
    top.expect_keys(&["advice"])?;
    top.sections("advice")?.iter().map(read).collect()
}

fn read(section: &Section<'_>) -> Result<Advice, ConfigError> {
    section.expect_keys(KEYS)?;
    let owned = |text: &str| text.to_owned();
    let test = match (section.text("empty")?, section.text("rows")?, section.text("query")?) {
        (Some(table), None, None) => Test::Empty(owned(table)),
        (None, Some(sql), None) => Test::Sql(owned(sql)),
        (None, None, Some(query)) => Test::Query(owned(query), owned(section.required("line")?)),
        _ => return Err(section.config_error("expected one of `empty`, `rows` and `query`")),
    };
    let kind = match section.required("kind")? {
        "missing" => Kind::Missing,
        "odd" => Kind::Odd,
        other => return Err(section.error_at_key("kind", format!("unknown kind `{other}`; expected missing or odd"))),
    };
    Ok(Advice {
        id: owned(section.required("id")?),
        kind,
        title: owned(section.required("title")?),
        test,
        given: section.texts("given")?.into_iter().map(owned).collect(),
        means: owned(section.required("means")?),
        actions: section.texts("do")?.into_iter().map(owned).collect(),
    })
}

/// The advice that applies to these tables.
pub fn examine<E>(advice: Vec<Advice>, patient: &Patient<'_, E>) -> Result<Vec<Held>, E> {
    let mut held = Vec::new();
    for advice in advice {
        let mut applies = advice.given.is_empty();
        for table in &advice.given {
            applies = applies || (patient.count)(table)? > 0;
        }
        if !applies {
            continue;
        }
        let lines = match &advice.test {
            Test::Empty(table) if (patient.count)(table)? == 0 => vec![String::new()],
            Test::Empty(_) => Vec::new(),
            Test::Sql(statement) => (patient.sql)(statement)?,
            Test::Query(query, line) => (patient.query)(query)?.iter().map(|row| filled(line, row)).collect(),
        };
        if !lines.is_empty() {
            let shown = lines.iter().filter(|line| !line.is_empty()).take(SHOWN).cloned().collect();
            held.push(Held { advice, shown, lines: lines.len() });
        }
    }
    Ok(held)
}

/// A line with the values of a row filled in.
fn filled(line: &str, row: &[String]) -> String {
    row.iter().enumerate().fold(line.to_owned(), |line, (index, value)| line.replace(&format!("{{{index}}}"), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_advice_is_sound() {
        let advice = advice().unwrap();
        let ids: BTreeSet<&str> = advice.iter().map(|advice| advice.id.as_str()).collect();
        assert_eq!(ids.len(), advice.len());
        let tables: Vec<&str> = crate::table::Table::ALL.iter().map(|table| table.name()).collect();
        for advice in &advice {
            assert!(!advice.actions.is_empty(), "{}", advice.id);
            let named = advice.given.iter().chain(match &advice.test {
                Test::Empty(table) => Some(table),
                _ => None,
            });
            for table in named {
                assert!(tables.contains(&table.as_str()), "{}: {table}", advice.id);
            }
        }
    }

    #[test]
    fn nothing_is_advised_without_what_it_is_for() {
        let count = |table: &str| -> Result<u64, ()> { Ok(u64::from(table == "job_submissions")) };
        let none = |_: &str| -> Result<Vec<String>, ()> { Ok(Vec::new()) };
        let no_rows = |_: &str| -> Result<Vec<Vec<String>>, ()> { Ok(Vec::new()) };
        let held = examine(advice().unwrap(), &Patient { count: &count, sql: &none, query: &no_rows }).unwrap();
        let ids: Vec<&str> = held.iter().map(|held| held.advice.id.as_str()).collect();
        assert_eq!(ids, ["no-dstack-events"]);
    }
}
