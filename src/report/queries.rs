//! Runs and caches the queries of a report.
//!
//! Queries that are known in advance run in parallel; every result is kept.

use super::ReportError;
use crate::answer::{Answer, Column, ColumnKind};
use crate::explain::Records;
use crate::lang::ast::{Instant, Spanned, Window};
use crate::lang::{self, Catalog, CheckContext, Checked};
use crate::plan::Evidence;
use crate::redact::Redactor;
use crate::render::{self, Cell};
use crate::run::{RunError, parallel_map};
use arrow::datatypes::Schema;
use jiff::Timestamp;
use jiff::tz::Offset;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// Runs a checked query, with the ids of the records behind each row.
pub type Run<'s> = dyn Fn(&Checked, Evidence) -> Result<Answer, RunError> + Sync + 's;

/// Explains why a checked query cannot be answered, as a sentence without a period; none if it can.
pub type Unanswerable<'s> = dyn Fn(&Checked) -> Option<String> + 's;

/// A window: its first instant, and the first instant after it.
pub type Between = (Timestamp, Timestamp);

/// The query runner.
pub struct QueryCache<'s> {
    /// The catalog of the language.
    pub catalog: &'s dyn Catalog,
    /// The context in which queries are checked.
    pub check: CheckContext,
    /// Runs a query.
    pub run: &'s Run<'s>,
    /// Explains why a query cannot be answered, if its records are not loaded.
    pub unanswerable: &'s Unanswerable<'s>,
    /// The tables, for explanations.
    pub records: &'s Records<'s>,
    /// Redacts all results.
    pub redactor: Option<&'s Redactor>,
    /// The condition that narrows all queries; empty = none.
    pub scope: &'s str,
    /// The maximum number of parallel queries.
    pub threads: usize,
    /// The cached results.
    pub results: RefCell<BTreeMap<String, Rc<QueryResult>>>,
}

/// A result, separate from its evidence.
#[derive(Debug)]
pub struct QueryResult {
    /// The query in canonical form.
    pub query: String,
    /// The rows.
    pub answer: Answer,
    /// The rows as values.
    pub rows: Vec<Vec<Cell>>,
    /// The ids of the records behind each row.
    pub evidence: Vec<Vec<String>>,
}

impl QueryResult {
    /// The index of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.answer.columns.iter().position(|column| column.name == name)
    }

    /// A value.
    pub fn cell(&self, row: usize, name: &str) -> Option<&Cell> {
        self.rows.get(row)?.get(self.column(name)?).filter(|cell| **cell != Cell::Missing)
    }

    /// A text.
    pub fn text(&self, row: usize, name: &str) -> Option<&str> {
        match self.cell(row, name)? {
            Cell::Text(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// A time.
    pub fn time(&self, row: usize, name: &str) -> Option<Timestamp> {
        match self.cell(row, name)? {
            Cell::Time(time) => Some(*time),
            _ => None,
        }
    }

    /// A number.
    pub fn number(&self, row: usize, name: &str) -> Option<f64> {
        self.cell(row, name)?.as_number()
    }
}

impl QueryCache<'_> {
    /// The result of a query with all of its evidence; the window is added unless the query has one.
    pub fn ask(&self, text: &str, window: Option<Between>) -> Result<Rc<QueryResult>, ReportError> {
        let canonical = self.canonical(text, window)?;
        if let Some(result) = self.results.borrow().get(&canonical) {
            return Ok(Rc::clone(result));
        }
        let answer = (self.run)(&self.check(&canonical)?, Evidence::All)?;
        self.keep(canonical, answer)
    }

    /// The result of a query about all loaded data of a window, whatever the scope, without evidence.
    pub fn measure(&self, text: &str, window: Between) -> Result<Rc<QueryResult>, ReportError> {
        let canonical = canonical(text, Some(window), "")?;
        if let Some(result) = self.results.borrow().get(&canonical) {
            return Ok(Rc::clone(result));
        }
        let answer = (self.run)(&self.check(&canonical)?, Evidence::Without)?;
        self.keep(canonical, answer)
    }

    /// Runs many queries in parallel, so that later requests are answered from the cache.
    pub fn prepare(&self, questions: &[(&str, Option<Between>, Evidence)]) -> Result<(), ReportError> {
        let mut seen = BTreeSet::new();
        let mut missing = Vec::new();
        for (text, window, evidence) in questions {
            if self.outside(text, *window)? {
                continue;
            }
            let canonical = self.canonical(text, *window)?;
            if seen.insert(canonical.clone()) && !self.results.borrow().contains_key(&canonical) {
                missing.push((self.check(&canonical)?, canonical, *evidence));
            }
        }
        let run = self.run;
        let answers = parallel_map(self.threads, &missing, |(checked, _, evidence)| run(checked, *evidence));
        for ((_, canonical, _), answer) in missing.into_iter().zip(answers) {
            // A failed query runs again when its result is needed, and reports the error then.
            if let Ok(answer) = answer {
                self.keep(canonical, answer)?;
            }
        }
        Ok(())
    }

    /// Why a query cannot be answered, if its records are not loaded.
    pub fn unanswerable(&self, text: &str, window: Option<Between>) -> Result<Option<String>, ReportError> {
        Ok((self.unanswerable)(&self.check(&self.canonical(text, window)?)?))
    }

    /// A query with its window and the scope of the report, in canonical form. Queries without a window are about the
    /// whole store, so the scope does not apply to them.
    pub fn canonical(&self, text: &str, window: Option<Between>) -> Result<String, ReportError> {
        canonical(text, window, if window.is_some() { self.scope } else { "" })
    }

    /// Whether a query cannot be narrowed to the scope, because its rows do not have the fields.
    pub fn outside(&self, text: &str, window: Option<Between>) -> Result<bool, ReportError> {
        if self.scope.is_empty() || window.is_none() {
            return Ok(false);
        }
        Ok(self.check(&self.canonical(text, window)?).is_err() && self.check(&canonical(text, window, "")?).is_ok())
    }

    fn check(&self, canonical: &str) -> Result<Checked, ReportError> {
        let wrong = |diagnostics| ReportError::Query { text: canonical.to_owned(), diagnostics };
        lang::check(&lang::parse(canonical).map_err(wrong)?, self.catalog, &self.check).map_err(wrong)
    }

    fn keep(&self, canonical: String, answer: Answer) -> Result<Rc<QueryResult>, ReportError> {
        let result = Rc::new(self.redacted(answer)?);
        self.results.borrow_mut().insert(canonical, Rc::clone(&result));
        Ok(result)
    }

    /// A result after redaction, with its evidence split off.
    pub fn redacted(&self, answer: Answer) -> Result<QueryResult, ReportError> {
        apart(match self.redactor {
            Some(redactor) => redactor.answer(&answer)?,
            None => answer,
        })
    }

    /// A text after redaction.
    pub fn text(&self, text: &str) -> String {
        self.redactor.map_or_else(|| text.to_owned(), |redactor| redactor.text(text))
    }
}

/// A query with its window and a condition, in canonical form.
fn canonical(text: &str, window: Option<Between>, scope: &str) -> Result<String, ReportError> {
    let wrong = |diagnostics| ReportError::Query { text: text.to_owned(), diagnostics };
    let mut query = lang::parse(text).map_err(wrong)?;
    if let (Some((from, to)), Some(stage)) = (window, query.stages.first_mut())
        && stage.window.is_none()
    {
        stage.window = Some(Spanned { value: Window::Between(instant(from), instant(to)), span: 0..0 });
    }
    lang::narrow(&mut query, scope).map_err(wrong)?;
    Ok(lang::format(&query))
}

fn instant(time: Timestamp) -> Spanned<Instant> {
    Spanned { value: Instant::DateTime(Offset::UTC.to_datetime(time), Some(Offset::UTC)), span: 0..0 }
}

/// Removes the evidence column, which is the last one, from a result.
fn apart(mut answer: Answer) -> Result<QueryResult, ReportError> {
    let mut rows = render::rows(&answer)?;
    let has_evidence = answer.columns.last().is_some_and(|column| column.kind == ColumnKind::List);
    let mut evidence = Vec::new();
    if has_evidence {
        evidence.extend(rows.iter_mut().map(|row| row.pop().map(ids).unwrap_or_default()));
        answer.columns.pop();
        let kept: Vec<usize> = (0..answer.columns.len()).collect();
        answer.schema = Arc::new(answer.schema.project(&kept).unwrap_or_else(|_| Schema::empty()));
        answer.batches =
            answer.batches.iter().map(|batch| batch.project(&kept)).collect::<Result<_, _>>().map_err(RunError::from)?;
    }
    Ok(QueryResult { query: answer.query.clone(), answer, rows, evidence })
}

fn ids(cell: Cell) -> Vec<String> {
    let Cell::List(items) = cell else { return Vec::new() };
    let text = |item| match item {
        Cell::Text(text) => Some(text),
        _ => None,
    };
    items.into_iter().filter_map(text).collect()
}

/// Texts as a result.
pub fn listing(query: &str, names: &[&str], rows: &[Vec<String>]) -> Result<Answer, ReportError> {
    use arrow::array::{ArrayRef, StringArray};
    use arrow::datatypes::{DataType, Field};
    let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Utf8, false)).collect();
    let schema = Arc::new(Schema::new(fields));
    let column = |index: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.get(index).map_or("", String::as_str))))
    };
    let batch = arrow::record_batch::RecordBatch::try_new(Arc::clone(&schema), (0..names.len()).map(column).collect())
        .map_err(RunError::from)?;
    Ok(Answer {
        query: query.to_owned(),
        columns: names.iter().map(|name| Column { name: (*name).to_owned(), kind: ColumnKind::Text }).collect(),
        schema,
        batches: vec![batch],
        window: crate::answer::AnswerWindow::default(),
        spark: false,
    })
}
