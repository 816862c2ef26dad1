//! What a store lacks and what is odd in it: advice from `knowledge/doctor.toml`, tried against the tables.
//!
//! In: functions that count the rows of a table and give the lines of a statement or query. Out: the
//! [`Advice`] that holds, with the lines that show it. Invariant: nothing is advised that the store does not show.

use crate::document::{Document, Mistake, Section};
use std::path::Path;

/// The advice that comes with the program.
const BUILTIN: &str = include_str!("../knowledge/doctor.toml");

/// Lines shown of what an advice rests on.
const SHOWN: usize = 3;

/// What kind of advice it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Records that would answer more.
    Missing,
    /// Something about the records that are there.
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

/// How it is found out whether an advice holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// The table has no rows.
    Empty(String),
    /// The statement gives rows; the first column is shown.
    Sql(String),
    /// The query gives rows; each is told in this line, with its values in place of `{0}`, `{1}`, ….
    Query(String, String),
}

/// One advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Its name.
    pub id: String,
    /// What kind it is.
    pub kind: Kind,
    /// What is the case.
    pub title: String,
    /// How that is found out.
    pub test: Test,
    /// Tables of which one must have rows.
    pub given: Vec<String>,
    /// What it means for answers.
    pub means: String,
    /// What to do, a line each.
    pub actions: Vec<String>,
}

/// An advice that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The advice.
    pub advice: Advice,
    /// What shows it, the first few lines.
    pub shown: Vec<String>,
    /// How many lines there are.
    pub lines: usize,
}

/// Rows, each value as text.
pub type Lines = Vec<Vec<String>>;

/// The tables of a store, as far as advice needs them.
pub struct Patient<'p, E> {
    /// The rows of a table.
    pub count: &'p dyn Fn(&str) -> Result<u64, E>,
    /// The first column of a statement's rows, as text.
    pub sql: &'p dyn Fn(&str) -> Result<Vec<String>, E>,
    /// The rows of a query, each value as text.
    pub query: &'p dyn Fn(&str) -> Result<Lines, E>,
}

const KEYS: &[&str] = &["id", "kind", "title", "empty", "rows", "query", "line", "given", "means", "do"];

/// All advice there is.
pub fn advice() -> Result<Vec<Advice>, Mistake> {
    let document = Document::parse(BUILTIN, Path::new("doctor.toml"))?;
    let top = document.top();
    top.expect_keys(&["advice"])?;
    top.sections("advice")?.iter().map(read).collect()
}

fn read(section: &Section<'_>) -> Result<Advice, Mistake> {
    section.expect_keys(KEYS)?;
    let owned = |text: &str| text.to_owned();
    let test = match (section.text("empty")?, section.text("rows")?, section.text("query")?) {
        (Some(table), None, None) => Test::Empty(owned(table)),
        (None, Some(sql), None) => Test::Sql(owned(sql)),
        (None, None, Some(query)) => Test::Query(owned(query), owned(section.required("line")?)),
        _ => return Err(section.mistake("expected one of `empty`, `rows` and `query`")),
    };
    let kind = match section.required("kind")? {
        "missing" => Kind::Missing,
        "odd" => Kind::Odd,
        other => return Err(section.mistake_of("kind", format!("`{other}` is no kind; expected missing or odd"))),
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

/// The advice that holds for these tables.
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

/// A line with the values of a row.
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
