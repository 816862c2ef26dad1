//! Checks a task definition before it is deployed, on its own and against a store.
//!
//! In: a [`Definition`], and functions that query a store if there is one. Out: a [`Report`] in the format of
//! `check`. Invariant: without records, a check is unanswered and never passed.

mod definition;
mod home;
mod room;
mod shape;
mod size;
mod stops;

pub use definition::{Container, Definition};
pub use home::Home;

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
    /// The target account and Region; what is missing is taken from the ARN of the cluster, then of the definition.
    pub home: Home,
    /// The number of tasks.
    pub count: u64,
    /// How far back to look for failures, such as `30d`.
    pub since: String,
    /// The file of the definition, for reports.
    pub file: String,
}

/// The cells of a row.
type Row = Vec<Cell>;

/// Runs the query of a check with a further condition.
type Find<'p, E> = &'p dyn Fn(&Check, &str) -> Result<Vec<Finding>, E>;

/// Runs a query or a statement.
type Query<'p, E> = &'p dyn Fn(&str) -> Result<Vec<Row>, E>;

/// The store, as far as a preflight queries it.
pub struct Past<'p, E> {
    /// The rows of the query of a check that meet a condition (none if it is empty) and reach the threshold.
    pub find: Find<'p, E>,
    /// The rows of a query.
    pub query: Query<'p, E>,
    /// The rows of a statement.
    pub rows: Query<'p, E>,
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
    let of_cluster = wanted.cluster.as_deref().map(Home::of_arn).unwrap_or_default();
    let wanted = &Wanted { home: wanted.home.clone().or(&of_cluster).or(&definition.home), ..wanted.clone() };
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
                ("stop-killed" | "stop-holds", past) => {
                    stops::state(&name, definition, wanted, past).map_err(PreflightError::Past)?
                }
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
        let mut conditions = vec![wanted.home.condition()];
        if each == "image"
            && let Some(started) = last_start(&value, &wanted.home, past)?
        {
            // What failed before an image started has been mended.
            conditions.push(format!("time > '{started}'"));
        }
        conditions.retain(|condition| !condition.is_empty());
        findings.extend((past.find)(&filled, &conditions.join(" and "))?);
    }
    Ok(if findings.is_empty() { State::Passed } else { State::Found(findings) })
}

/// The last start of a task with this image.
fn last_start<E>(image: &str, home: &Home, past: &Past<'_, E>) -> Result<Option<jiff::Timestamp>, E> {
    let statement = format!(
        "select max(started_at) from task_events where started_at is not null and \
         strpos(' ' || images || ' ', ' {} ') > 0{}",
        image.replace('\'', "''"),
        home.and_in_sql()
    );
    Ok(home::only_time(&(past.rows)(&statement)?))
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
        let find = |check: &Check, _: &str| -> Result<Vec<Finding>, ()> {
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

    #[test]
    fn only_records_of_the_own_account_and_region_count() {
        let (conditions, statements) = (std::cell::RefCell::new(Vec::new()), std::cell::RefCell::new(Vec::new()));
        let find = |_: &Check, condition: &str| -> Result<Vec<Finding>, ()> {
            conditions.borrow_mut().push(condition.to_owned());
            Ok(Vec::new())
        };
        let started: jiff::Timestamp = "2026-03-04T05:20:00.000001Z".parse().unwrap();
        let rows = |statement: &str| -> Result<Vec<Vec<Cell>>, ()> {
            statements.borrow_mut().push(statement.to_owned());
            Ok(if statement.contains("max(started_at)") { vec![vec![Cell::Time(started)]] } else { Vec::new() })
        };
        let past = Past { find: &find, query: &rows, rows: &rows };
        let json = r#"{"taskDefinition":{"taskDefinitionArn":"arn:aws:ecs:eu-west-1:111122223333:task-definition/a:1","family":"a",
            "containerDefinitions":[{"name":"x","image":"i:1","memory":100}]}}"#;
        let definition = Definition::parse(json).unwrap();
        let region = Home { region: Some("us-east-1".to_owned()), ..Home::default() };
        for (home, expected) in [(Home::default(), "eu-west-1"), (region, "us-east-1")] {
            conditions.take();
            statements.take();
            examine(&definition, &Wanted { count: 1, home, ..Wanted::default() }, Some(&past)).unwrap();
            let here =
                format!("(account = '111122223333' or account is missing) and (region = '{expected}' or region is missing)");
            assert!(!conditions.borrow().is_empty() && conditions.borrow().iter().all(|condition| condition.starts_with(&here)));
            // Only images are asked about since their last start, to the microsecond.
            let since = conditions.borrow().iter().filter(|condition| condition.contains("05:20:00.000001Z")).count();
            assert_eq!(since, 1);
            let of_tables =
                statements.take().into_iter().filter(|statement| statement.contains("task_events")).collect::<Vec<_>>();
            assert_eq!(of_tables.len(), 4, "the start, the clusters, and two questions about stops: {of_tables:?}");
            let scoped = format!("coalesce(region, '{expected}') = '{expected}'");
            assert!(of_tables.iter().all(|statement| statement.contains(&scoped)), "{of_tables:?}");
        }
    }
}
