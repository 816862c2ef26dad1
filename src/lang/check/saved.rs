//! Expands saved queries: `@name` and the clauses after it become one query.
//!
//! The saved text comes first. A `where` is added to the one of its first stage, every other clause replaces the same
//! clause there, and stages after `|` follow the saved stages.

use super::Outcome;
use crate::diagnostic::Diagnostic;
use crate::lang::ast::{Pred, Query, Source, Span, Stage};
use crate::lang::catalog::Catalog;
use crate::lang::expr::join;
use crate::lang::parse::parse_at;
use crate::lang::suggest;
use crate::lang::token::{MAX_LENGTH, excerpt};

/// How deeply saved queries may refer to each other.
const MAX_CHAIN: usize = 8;

/// Spans in saved text start here, because no query is this long.
const OFFSET: usize = MAX_LENGTH + 1;

/// Expands saved queries.
pub(super) fn expand(query: &Query, catalog: &dyn Catalog) -> Outcome<Query> {
    let mut query = query.clone();
    let span = query.source.span.clone();
    for _ in 0..MAX_CHAIN {
        let Source::Saved(name) = &query.source.value else {
            return Ok(query);
        };
        let text = catalog.saved(name).ok_or_else(|| unknown(name, &span, catalog))?;
        let saved = parse_at(&text, OFFSET).map_err(|errors| {
            let describe = |error: &Diagnostic| {
                let label = error.label.as_deref().map(|label| format!(": {label}")).unwrap_or_default();
                format!("{}{label}", error.message)
            };
            let why = errors.first().map(describe).unwrap_or_default();
            let message = format!("invalid saved query `@{}`", excerpt(name));
            Box::new(Diagnostic::error(message, span.clone()).with_note(why).with_note(text.clone()))
        })?;
        query = merge(saved, query);
    }
    let message = format!("saved queries refer to each other more than {MAX_CHAIN} levels deep");
    Err(Diagnostic::error(message, span).into())
}

fn merge(mut saved: Query, outer: Query) -> Query {
    let mut added = outer.stages.into_iter();
    if let (Some(base), Some(over)) = (saved.stages.first_mut(), added.next()) {
        override_clauses(base, over);
    }
    saved.stages.extend(added);
    saved
}

fn override_clauses(base: &mut Stage, over: Stage) {
    base.filter = match (base.filter.take(), over.filter) {
        (Some(first), Some(second)) => Some(join(vec![first, second], Pred::And)),
        (first, second) => first.or(second),
    };
    base.relations.extend(over.relations);
    base.window = over.window.or(base.window.take());
    base.every = over.every.or(base.every.take());
    base.bursts = over.bursts.or(base.bursts.take());
    base.compare = over.compare.or(base.compare.take());
    base.limit = over.limit.or(base.limit.take());
    replace(&mut base.by, over.by);
    if over.all_columns.is_some() || !over.show.is_empty() {
        base.all_columns = over.all_columns;
        base.show = over.show;
    }
    replace(&mut base.sort, over.sort);
}

fn replace<T>(base: &mut Vec<T>, over: Vec<T>) {
    if !over.is_empty() {
        *base = over;
    }
}

/// The error for an unknown saved query.
pub(super) fn unknown(name: &str, span: &Span, catalog: &dyn Catalog) -> Box<Diagnostic> {
    let message = format!("unknown saved query `@{}`", excerpt(name));
    let error = Diagnostic::error(message, span.clone());
    let names = catalog.saved_names();
    let error = error.with_note("`ecs-audit queries` lists the saved queries");
    match suggest::question(name, names.iter().map(String::as_str)) {
        Some(label) => error.with_label(label).into(),
        None => error.into(),
    }
}

/// Moves errors inside a saved text to the place where the saved query is named.
pub(super) fn locate(found: Vec<Diagnostic>, query: &Query) -> Vec<Diagnostic> {
    found
        .into_iter()
        .map(|mut diagnostic| {
            if diagnostic.span.as_ref().is_some_and(|span| span.start >= OFFSET) {
                diagnostic.span = Some(query.source.span.clone());
                diagnostic.notes.push(format!("in the saved query `{}`", query.source.value));
            }
            diagnostic
        })
        .collect()
}
