//! Checks a task definition before it is deployed, on its own and against a store.
//!
//! In: a [`Definition`], and functions that query a store if there is one. Out: a [`Report`] in the format of
//! `check`. Invariant: without records, a check is unanswered and never passed.

mod definition;
mod room;
mod shape;
mod size;
mod stops;

pub use definition::{Container, Definition};

use crate::check::{Check, Finding, Outcome, Report, Severity, State};
use crate::config::fill;
use crate::render::Cell;
use crate::toml_document::{ConfigError, Document};
use std::collections::BTreeMap;
use std::path::Path;

const QUESTIONS: &str = include_str!("../knowledge/preflight.toml");
const KEYS: &[&str] = &["name", "question", "severity", "remedy", "each", "query"];

/// The parameters of a preflight.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// The target cluster.
    pub cluster: Option<String>,
    /// The number of tasks.
    pub count: u64,
    /// How far back to look for failures, such as `30d`.
    pub since: String,
    /// The file of the definition, for reports.
    pub file: String,
}

/// The cells of a row.
type Row = Vec<Cell>;

/// The store, as far as a preflight queries it.
pub struct Past<'p, E> {
    /// The rows of the query of a check that reach its threshold.
    pub find: &'p dyn Fn(&Check) -> Result<Vec<Finding>, E>,
    /// The rows of a query.
    pub query: &'p dyn Fn(&str) -> Result<Vec<Row>, E>,
    /// The rows of a statement.
    pub rows: &'p dyn Fn(&str) -> Result<Vec<Row>, E>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError<E> {
    /// The built-in questions are invalid.
    #[error(transparent)]
    ConfigError(#[from] ConfigError),
    /// The store could not be queried.
    #[error("the store could not be queried")]
    Past(E),
}

/// A question with its parameter.
struct Question {
    check: Check,
    each: Option<String>,
}

/// The results for a definition.
pub fn examine<E>(definition: &Definition, wanted: &Wanted, past: Option<&Past<'_, E>>) -> Result<Report, PreflightError<E>> {
    let wrong = shape::examine(definition)?;
    let mut outcomes = Vec::new();
    for question in questions()? {
        let name = question.check.name.clone();
        let state = match (&question.each, past) {
            (Some(each), Some(past)) => {
                ask(&question.check, definition.values(each), each, wanted, past).map_err(PreflightError::Past)?
            }
            (Some(_), None) => open("no store to query"),
            (None, past) => match (name.as_str(), past) {
                ("instance-room", past) => room::instances(definition, wanted, past).map_err(PreflightError::Past)?,
                ("quota-room", past) => room::quota(definition, wanted, past).map_err(PreflightError::Past)?,
                ("stop-killed" | "stop-holds", past) => stops::state(&name, definition, past).map_err(PreflightError::Past)?,
                _ => found(wrong.iter().filter(|(about, _)| *about == name).map(|(_, what)| what.clone()), &wanted.file),
            },
        };
        outcomes.push(Outcome::new("preflight", question.check, state));
    }
    Ok(Report {
        outcomes,
        window: format!("failures since {}", wanted.since),
        partial: Vec::new(),
        home: wanted.file.clone(),
        baseline: None,
    })
}

fn questions() -> Result<Vec<Question>, ConfigError> {
    let document = Document::parse(QUESTIONS, Path::new("preflight.toml"))?;
    let top = document.top();
    top.expect_keys(&["question"])?;
    top.sections("question")?
        .iter()
        .map(|section| {
            section.expect_keys(KEYS)?;
            let severity = section.required("severity")?;
            let severity = Severity::ALL.into_iter().find(|known| known.word() == severity);
            let check = Check {
                name: section.required("name")?.to_owned(),
                question: section.required("question")?.to_owned(),
                query: section.text("query")?.unwrap_or_default().to_owned(),
                measure: None,
                threshold: 1.0,
                severity: severity.ok_or_else(|| section.error_at_key("severity", "expected note, warning or error"))?,
                remedy: section.required("remedy")?.to_owned(),
                needs: Vec::new(),
            };
            Ok(Question { check, each: section.text("each")?.map(str::to_owned) })
        })
        .collect()
}

/// Queries the store once per value.
fn ask<E>(check: &Check, values: Vec<String>, each: &str, wanted: &Wanted, past: &Past<'_, E>) -> Result<State, E> {
    let mut findings = Vec::new();
    for value in values {
        let given: BTreeMap<String, String> =
            [(each.to_owned(), value.clone()), ("since".to_owned(), wanted.since.clone())].into();
        let filled = Check { query: fill(&check.query, &given), ..check.clone() };
        let mut found = (past.find)(&filled)?;
        if each == "image" && !found.is_empty() {
            let started = last_start(&value, past)?;
            // Times in cells have the same format and are in UTC, so their texts compare like the times.
            found.retain(|finding| {
                let failed = finding.values.iter().find(|(name, _)| name == "last_time").map(|(_, time)| time);
                started.as_ref().is_none_or(|started| failed.is_none_or(|failed| later(failed, started)))
            });
        }
        findings.extend(found);
    }
    Ok(if findings.is_empty() { State::Passed } else { State::Found(findings) })
}

/// Whether a time is later than another; unreadable times count as later.
fn later(time: &str, than: &str) -> bool {
    match (time.parse::<jiff::Timestamp>(), than.parse::<jiff::Timestamp>()) {
        (Ok(time), Ok(than)) => time > than,
        _ => true,
    }
}

/// The last start of a task with this image.
fn last_start<E>(image: &str, past: &Past<'_, E>) -> Result<Option<String>, E> {
    let statement = format!(
        "select max(started_at) from task_events where started_at is not null and \
         strpos(', ' || images || ', ', ', {}, ') > 0",
        image.replace('\'', "''")
    );
    let rows = (past.rows)(&statement)?;
    Ok(match rows.first().and_then(|row| row.first()) {
        Some(Cell::Time(time)) => Some(time.to_string()),
        _ => None,
    })
}

/// Sentences as findings.
fn found(sentences: impl Iterator<Item = String>, file: &str) -> State {
    let findings: Vec<Finding> = sentences.map(|sentence| Finding::of_sentence(sentence, file)).collect();
    if findings.is_empty() { State::Passed } else { State::Found(findings) }
}

fn open(why: &str) -> State {
    State::NotAnswered(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_store_only_the_definition_is_judged() {
        let json = r#"{"family":"a","containerDefinitions":[{"name":"x","image":"i:1","memory":100}]}"#;
        let definition = Definition::parse(json).unwrap();
        let report = examine::<()>(&definition, &Wanted::default(), None).unwrap();
        for outcome in &report.outcomes {
            let expected = matches!(
                outcome.check.name.as_str(),
                "essential" | "fargate-size" | "container-sum" | "fargate-settings" | "execution-role" | "log-options"
            );
            assert_eq!(outcome.state == State::Passed, expected, "{}: {:?}", outcome.check.name, outcome.state);
        }
    }

    #[test]
    fn hostile_values_stay_values() {
        let asked = std::cell::RefCell::new(Vec::new());
        let find = |check: &Check| -> Result<Vec<Finding>, ()> {
            asked.borrow_mut().push(check.query.clone());
            Ok(Vec::new())
        };
        let rows = |_: &str| -> Result<Vec<Vec<Cell>>, ()> { Ok(Vec::new()) };
        let json = r#"{"family":"a' or ran","containerDefinitions":[{"name":"x","image":"i' or true since 1d","memory":100}]}"#;
        let wanted = Wanted { since: "30d".to_owned(), count: 1, ..Wanted::default() };
        examine(&Definition::parse(json).unwrap(), &wanted, Some(&Past { find: &find, query: &rows, rows: &rows })).unwrap();
        for query in asked.borrow().iter() {
            let parsed = crate::lang::parse(query).unwrap_or_else(|errors| panic!("{query}: {errors:?}"));
            assert_eq!(parsed.stages.len(), 1, "{query}");
        }
        assert!(asked.borrow().iter().any(|query| query.contains("image = \"i' or true since 1d\" by")), "{:?}", asked.borrow());
    }
}
