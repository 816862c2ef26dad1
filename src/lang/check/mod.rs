//! [`Query`] + [`Catalog`] + [`CheckContext`] → [`Checked`]: names resolved, literals typed, times absolute, defaults
//! filled in.
//!
//! Errors are collected, one per clause. Invariant: a checked query is returned only if there are no errors.

mod assume;
mod expr;
mod habit;
mod literal;
mod order;
mod pred;
mod relation;
mod saved;
mod scope;
mod stage;
mod window;

pub use window::absolute;

use super::ast::{Query, Source, Span, Spanned};
use super::catalog::{Catalog, NounStatus};
use super::checked::{CheckContext, Checked, Column, Role, Window};
use super::keyword::NOUNS;
use super::relation::unknown_noun;
use crate::diagnostic::Diagnostic;

/// A checked node, or the error.
type Outcome<T> = Result<T, Box<Diagnostic>>;

/// Checks a query against the catalog.
pub fn check(query: &Query, catalog: &dyn Catalog, context: &CheckContext) -> Result<Checked, Vec<Diagnostic>> {
    checked_once(query, catalog, context).map_err(|mut errors| {
        let suggestion = habit::reworded(query, catalog, true, &|reworded| checked_once(reworded, catalog, context).is_ok());
        if let (Some(suggestion), Some(last)) = (suggestion, errors.last_mut()) {
            last.help = Some(format!("did you mean `{}`?", super::format(&suggestion)));
        }
        errors
    })
}

/// The query with the field that has the value of a condition such as `where oom`. If no field has it, the value is looked
/// for in messages with `any_word`, else there is no query.
pub fn with_named_field(query: &Query, catalog: &dyn Catalog, any_word: bool, context: &CheckContext) -> Option<Query> {
    habit::reworded(query, catalog, any_word, &|reworded| checked_once(reworded, catalog, context).is_ok())
}

/// Whether a query checks. Saved queries are not looked up.
pub fn is_valid(query: &Query, catalog: &dyn Catalog, context: &CheckContext) -> bool {
    matches!(query.source.value, Source::Saved(_)) || checked_once(query, catalog, context).is_ok()
}

/// [`check`] without suggestions.
fn checked_once(query: &Query, catalog: &dyn Catalog, context: &CheckContext) -> Result<Checked, Vec<Diagnostic>> {
    let expanded = expand(query, catalog)?;
    // A saved query is replaced by its text, so that the answer shows the complete query.
    let canonical = super::format(&expanded);
    let noun = source_noun(&expanded, catalog).map_err(|error| vec![*error])?;
    let mut checker = Checker::new(noun, catalog, context);
    let checked = checker.query(&expanded, canonical);
    let errors = checker.errors;
    let warnings = checker.warnings;
    match checked {
        Some(checked) if errors.is_empty() => {
            let warnings = saved::locate(warnings, query);
            Ok(Checked { warnings, ..checked })
        }
        _ => Err(saved::locate(errors, query)),
    }
}

/// Expands the saved queries in a query.
pub fn expand(query: &Query, catalog: &dyn Catalog) -> Result<Query, Vec<Diagnostic>> {
    saved::expand(query, catalog).map_err(|error| vec![*error])
}

/// The noun of an expanded query, if it can be queried.
fn source_noun(query: &Query, catalog: &dyn Catalog) -> Outcome<String> {
    let Spanned { value, span } = &query.source;
    match value {
        Source::Noun(noun) => ready_noun(noun, span, catalog).map(|()| noun.clone()),
        Source::Saved(name) => Err(saved::unknown(name, span, catalog)),
    }
}

/// Whether a word is a noun that can be queried.
fn ready_noun(noun: &str, span: &Span, catalog: &dyn Catalog) -> Outcome<()> {
    if !NOUNS.iter().any(|known| known.word == noun) {
        return Err(unknown_noun(noun, span.clone()));
    }
    match catalog.status(noun) {
        NounStatus::Ready => Ok(()),
        NounStatus::Later(sentence) => Err(Diagnostic::error(sentence.trim_end_matches('.'), span.clone()).into()),
    }
}

/// The state of checking a query.
struct Checker<'a> {
    catalog: &'a dyn Catalog,
    context: &'a CheckContext,
    noun: String,
    /// The input columns of the current stage.
    input: Vec<Column>,
    /// The window of the query.
    window: Window,
    /// Whether the current stage reads the rows of the noun.
    first: bool,
    /// Whether the earlier stages pass the rows of the noun on with all their columns.
    whole_rows: bool,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    fn new(noun: String, catalog: &'a dyn Catalog, context: &'a CheckContext) -> Self {
        let input = noun_columns(&noun, catalog);
        let window = Window::default();
        let (errors, warnings) = (Vec::new(), Vec::new());
        Self { catalog, context, noun, input, window, first: true, whole_rows: true, errors, warnings }
    }

    /// The value, or none after recording the error.
    fn keep<T>(&mut self, outcome: Outcome<T>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                self.errors.push(*error);
                None
            }
        }
    }

    fn query(&mut self, query: &Query, canonical: String) -> Option<Checked> {
        let window = self.window(query);
        if let Some(window) = &window {
            self.window.clone_from(window);
        }
        let mut stages = Vec::new();
        let mut default_limit = None;
        for (index, written) in query.stages.iter().enumerate() {
            let place = stage::Place {
                last: index + 1 == query.stages.len(),
                feeds_groups: query.stages.get(index + 1).is_some_and(|next| self.groups(next)),
                after_groups: stages.iter().any(|stage: &super::checked::Stage| stage.grouped),
            };
            let checked = self.stage(written, place);
            // Later stages would only repeat the errors of this one.
            let (mut stage, defaulted) = checked.filter(|_| self.errors.is_empty())?;
            self.assume(&mut stage, &query.source.span);
            default_limit = default_limit.or(defaulted);
            self.input.clone_from(&stage.columns);
            self.first = false;
            self.whole_rows &= !stage.grouped && stage.show.is_empty();
            stages.push(stage);
        }
        let window = window?;
        if let Some(error) = self.too_many_buckets(query, &stages, &window) {
            self.errors.push(*error);
        }
        Some(Checked {
            source: self.noun.clone(),
            canonical,
            window,
            stages,
            tz: self.context.tz.clone(),
            default_limit,
            warnings: Vec::new(),
        })
    }
}

/// The columns of a noun's rows.
fn noun_columns(noun: &str, catalog: &dyn Catalog) -> Vec<Column> {
    let column = |field: &super::catalog::FieldInfo| Column { name: field.name.to_owned(), kind: field.kind, role: Role::Field };
    catalog.fields(noun).iter().map(column).collect()
}

#[cfg(test)]
mod tests;
