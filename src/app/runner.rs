//! Runs queries of the query language on opened tables.

use super::anchor::Anchor;
use super::dataset::Dataset;
use super::error::AppError;
use super::limits::Limits;
use crate::answer::{Answer, AnswerWindow};
use crate::config::Setting;
use crate::context::Context;
use crate::lang::{self, CheckContext, Checked, ast};
use crate::plan::{Evidence, Options, PlanCatalog};
use crate::render::describe_window;
use crate::run;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Whether a query names only what exists, whatever the store contains: what cannot run is not suggested.
pub fn is_valid(now: Timestamp) -> impl Fn(&ast::Query) -> bool {
    let context = CheckContext { anchor: now, now, first: None, last: None, tz: TimeZone::UTC, default_rows: None };
    move |query| lang::is_valid(query, &PlanCatalog::default(), &context)
}

/// How a query is run, besides its text.
pub struct QueryOptions {
    /// The reference point for relative times.
    pub as_of: Setting<String>,
    /// The texts of the saved queries, by name.
    pub saved: BTreeMap<String, String>,
    /// Quotas, assumptions and thresholds.
    pub limits: Limits,
    /// The default number of rows; none = all.
    pub default_rows: Option<u32>,
    /// Whether rows include the ids of their records.
    pub evidence: Evidence,
}

/// Runs queries on tables.
pub struct QueryRunner<'t> {
    /// The tables.
    pub tables: &'t Dataset,
    /// The reference point for relative times.
    pub anchor: Anchor,
    /// The default number of rows; none = all.
    pub default_rows: Option<u32>,
    catalog: PlanCatalog,
    context: &'t Context,
}

impl<'t> QueryRunner<'t> {
    /// Creates a query runner with these saved queries, relative to what a setting names.
    pub fn new(
        tables: &'t Dataset,
        as_of: &Setting<String>,
        saved: BTreeMap<String, String>,
        context: &'t Context,
    ) -> Result<QueryRunner<'t>, AppError> {
        let anchor = Anchor::new(as_of, tables, context)?;
        let catalog = tables.catalog().with_saved(saved);
        Ok(QueryRunner { tables, anchor, default_rows: None, catalog, context })
    }

    /// Creates the runner of a query with these options.
    pub fn with_options(tables: &'t Dataset, options: &QueryOptions, context: &'t Context) -> Result<QueryRunner<'t>, AppError> {
        let runner = QueryRunner::new(tables, &options.as_of, options.saved.clone(), context)?;
        Ok(QueryRunner { default_rows: options.default_rows, ..runner })
    }

    /// The query that a text with a value but without its field means, if the tables have the value.
    pub fn meant(&self, text: &str) -> Option<String> {
        let check = self.tables.check_context(self.anchor.time, self.context);
        let queries = lang::habit::with_bare_value(text);
        let named =
            |any_word: bool| queries.iter().find_map(|query| lang::with_named_field(query, &self.catalog, any_word, &check));
        // Without a noun, a word that is not a value is more likely a misspelled noun.
        let found = named(false).or_else(|| if queries.len() == 1 { named(true) } else { None });
        found.map(|query| lang::format(&query))
    }

    /// Expands saved queries in a query.
    pub fn expand(&self, query: &ast::Query, text: &str) -> Result<ast::Query, AppError> {
        lang::expand(query, &self.catalog).map_err(|diagnostics| AppError::Query { text: text.to_owned(), diagnostics })
    }

    /// Resolves the names in a query and makes its times absolute.
    pub fn check(&self, query: &ast::Query, text: &str) -> Result<Checked, AppError> {
        let (tables, context) = (self.tables, self.context);
        let check = CheckContext { default_rows: self.default_rows, ..tables.check_context(self.anchor.time, context) };
        let checked = lang::check(query, &self.catalog, &check);
        let mut checked = checked.map_err(|diagnostics| AppError::Query { text: text.to_owned(), diagnostics })?;
        self.anchor.describe_origin(&mut checked);
        Ok(checked)
    }

    /// The result of a checked query.
    pub fn answer(&self, checked: &Checked, text: &str, evidence: Evidence) -> Result<Answer, AppError> {
        let options = Options { anchor: self.anchor.time, evidence };
        let (session, checked) = (self.tables.session.clone(), checked.clone());
        let answer = self.tables.wait(async move {
            run::evaluate_few(&session, &checked, options).await?;
            run::answer(&session, &checked, options).await
        });
        answer.map_err(|error| AppError::of_run(error, text))
    }

    /// The result of a query.
    pub fn ask(&self, query: &ast::Query, text: &str, evidence: Evidence) -> Result<(Checked, Answer), AppError> {
        let checked = self.check(query, text)?;
        let answer = self.answer(&checked, text, evidence)?;
        Ok((checked, answer))
    }

    /// The window of a result with both ends: a window without an end ends with the newest event, which is included.
    pub fn whole_window(&self, answer: &Answer) -> AnswerWindow {
        let mut window = answer.window.clone();
        window.from = window.from.or(self.tables.first);
        window.to = window.to.or(self.tables.last);
        window
    }

    /// The window of a query with both ends, whether or not it can be answered.
    pub fn window_of(&self, checked: &Checked) -> AnswerWindow {
        let window = &checked.window;
        AnswerWindow {
            from: window.from.or(self.tables.first),
            to: window.to.or(self.tables.last),
            origin: window.origin.clone(),
        }
    }

    /// The window of a result, as a line; `clock` is how to count from the current time.
    pub fn window_line(&self, answer: &Answer, checked: &Checked, clock: &str) -> String {
        let (anchor, context) = (&self.anchor, self.context);
        let from_newest = anchor.is_newest_event() && checked.window.from_newest;
        let mut window = self.whole_window(answer);
        if from_newest {
            window.origin.push_str(&format!("; use {clock} for the current time"));
        }
        let mut line = format!("window {}", describe_window(&window, &context.tz));
        if let Some(other) = checked.stages.iter().find_map(|stage| stage.compare.as_ref()) {
            let other = AnswerWindow { from: other.from, to: other.to, origin: other.origin.clone() };
            line.push_str(&format!("\ncompared with {}", describe_window(&other, &context.tz)));
        }
        if from_newest {
            let age = context.now.duration_since(anchor.time);
            let length = checked.window.from.map_or(SignedDuration::ZERO, |from| anchor.time.duration_since(from));
            if age > length && age > SignedDuration::from_hours(24) {
                line.push_str(&format!("\nnote: the newest event is {} days old", age.as_hours() / 24));
            }
        }
        line
    }
}
