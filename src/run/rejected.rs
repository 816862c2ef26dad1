//! Why a SQL statement is rejected, as the other errors of this program: with its position and the nearest known name.

use super::{RunError, sentence};
use crate::diagnostic::Diagnostic;
use crate::lang::suggest;
use crate::nouns::{NOUNS, noun};
use crate::table::Table;
use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Statement as Sql, visit_expressions};
use datafusion::sql::sqlparser::parser::ParserError;
use std::ops::{ControlFlow, Range};

/// Functions that only the planner of the engine knows.
const OF_THE_PLANNER: [&str; 3] = ["unnest", "grouping", "struct"];

/// The error of a statement that the engine rejected.
pub(super) fn rejected(error: &DataFusionError, session: &SessionContext, text: &str) -> RunError {
    let diagnostic = match error.find_root() {
        DataFusionError::SQL(error, _) => Some(syntax(error, text)),
        DataFusionError::SchemaError(error, _) => of_column(error, text),
        DataFusionError::Plan(_) => changes(text).or_else(|| unknown_name(session, text)),
        _ => None,
    };
    diagnostic.map_or_else(|| RunError::Sql(sentence(error)), |diagnostic| RunError::Typed(Box::new(diagnostic)))
}

/// First words of statements that change something.
const CHANGES: [&str; 12] =
    ["insert", "update", "delete", "drop", "create", "alter", "truncate", "merge", "copy", "set", "begin", "commit"];

/// The error of a statement that changes something.
fn changes(text: &str) -> Option<Diagnostic> {
    let start = text.len() - text.trim_start().len();
    let word = text.split_whitespace().next().filter(|word| CHANGES.contains(&word.to_lowercase().as_str()))?;
    let error = Diagnostic::error(format!("`{word}` changes something, and `sql` only reads"), start..start + word.len());
    Some(error.with_help("write a `select`; `ecs-audit store --help` lists what changes a store"))
}

/// A syntax error. The parser of the engine reports the expected token and the position only in its message.
fn syntax(error: &ParserError, text: &str) -> Diagnostic {
    let what = match error {
        ParserError::ParserError(what) | ParserError::TokenizerError(what) => what.as_str(),
        ParserError::RecursionLimitExceeded => "the statement is nested too deeply",
    };
    let end = text.trim_end().len();
    let (what, span) = match what.rsplit_once(" at Line: ") {
        Some((what, place)) => (what, position(place, text).unwrap_or(end..end)),
        None => (what, end..end),
    };
    let what = match what.strip_prefix("Expected: ").and_then(|rest| rest.rsplit_once(", found: ")) {
        Some((expected, "EOF")) => format!("expected {expected}, found the end of the statement"),
        Some((expected, found)) => format!("expected {expected}, found `{found}`"),
        None => what.to_owned(),
    };
    Diagnostic::error(format!("invalid SQL: {what}"), span)
}

/// The word at a position such as `1, Column: 10`.
fn position(place: &str, text: &str) -> Option<Range<usize>> {
    let (line, column) = place.split_once(", Column: ")?;
    let (line, column) = (line.parse::<usize>().ok()?.checked_sub(1)?, column.parse::<usize>().ok()?.checked_sub(1)?);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(before..)?;
    let start = before + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at);
    let word = text.get(start..)?.split(|c: char| !is_word(c)).next().unwrap_or_default();
    Some(start..start + word.len())
}

fn of_column(error: &SchemaError, text: &str) -> Option<Diagnostic> {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => Some(unknown_column(field, valid_fields, text)),
        SchemaError::AmbiguousReference { field } => {
            let error = Diagnostic::error(format!("column `{}` is in several tables", field.name), place(text, &field.name));
            Some(error.with_label(format!("write `TABLE.{}`", field.name)))
        }
        _ => None,
    }
}

fn unknown_column(field: &Column, valid: &[Column], text: &str) -> Diagnostic {
    let error = Diagnostic::error(format!("unknown column `{}`", field.name), place(text, &field.name));
    let error = match suggest::question(&field.name, valid.iter().map(|column| column.name.as_str())) {
        Some(question) => error.with_label(question),
        None => error,
    };
    let of_noun = valid.iter().filter_map(|column| column.relation.as_ref()).find_map(|relation| noun(relation.table()));
    match of_noun {
        Some(noun) => error.with_note(format!("`ecs-audit fields {}` lists all fields", noun.word)),
        None if valid.is_empty() => error,
        None => {
            let names: Vec<&str> = valid.iter().map(|column| column.name.as_str()).collect();
            error.with_note(format!("columns: {}", names.join(", ")))
        }
    }
}

/// The first table or function of a query that does not exist.
fn unknown_name(session: &SessionContext, text: &str) -> Option<Diagnostic> {
    let state = session.state();
    let statement = state.sql_to_statement(text, &state.config().options().sql_parser.dialect).ok()?;
    let Statement::Statement(query) = &statement else { return None };
    if !matches!(**query, Sql::Query(_)) {
        return None;
    }
    for table in state.resolve_table_references(&statement).ok()? {
        let name = table.table();
        if session.table_exist(table.clone()).is_ok_and(|exists| !exists) && !state.table_functions().contains_key(name) {
            let known = NOUNS.iter().map(|noun| noun.word).chain(Table::ALL.iter().map(|table| table.name()));
            let error = Diagnostic::error(format!("unknown table `{name}`"), place(text, name));
            let error = match suggest::question(name, known) {
                Some(question) => error.with_label(question),
                None => error,
            };
            return Some(error.with_note("nouns are tables: `ecs-audit fields` lists them"));
        }
    }
    let known = |name: &str| {
        OF_THE_PLANNER.contains(&name)
            || state.scalar_functions().contains_key(name)
            || state.aggregate_functions().contains_key(name)
            || state.window_functions().contains_key(name)
            || state.higher_order_functions().contains_key(name)
    };
    let unknown = visit_expressions(&**query, |expr| match expr {
        Expr::Function(call) if !known(&call.name.to_string().to_lowercase()) => ControlFlow::Break(call.name.to_string()),
        _ => ControlFlow::Continue(()),
    });
    let ControlFlow::Break(name) = unknown else { return None };
    let error = Diagnostic::error(format!("unknown function `{name}`"), place(text, &name));
    let functions =
        state.scalar_functions().keys().chain(state.aggregate_functions().keys()).chain(state.window_functions().keys());
    Some(match suggest::question(&name, functions.map(String::as_str)) {
        Some(question) => error.with_label(question),
        None => error,
    })
}

/// Where a name is in a statement; its beginning if the name is written in another way.
fn place(text: &str, name: &str) -> Range<usize> {
    let found = text.char_indices().map(|(at, _)| at).find(|at| {
        let end = at + name.len();
        let before = text.get(..*at).and_then(|before| before.chars().next_back());
        let after = text.get(end..).and_then(|after| after.chars().next());
        text.get(*at..end).is_some_and(|part| part.eq_ignore_ascii_case(name))
            && [before, after].into_iter().flatten().all(|c| !is_word(c))
    });
    found.map_or(0..0, |at| at..at + name.len())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_whole_words() {
        assert_eq!(place("select reasons, Reason from x", "reason"), 16..22);
        assert_eq!(place("select 失敗, x from y", "x"), 15..16);
        assert_eq!(place("select 1", "x"), 0..0);
    }

    #[test]
    fn statements_that_change_something_are_recognized() {
        let error = changes(" DELETE from failures").unwrap();
        assert_eq!((error.message.as_str(), error.span), ("`DELETE` changes something, and `sql` only reads", Some(1..7)));
        assert!(changes("select 1").is_none() && changes("").is_none());
    }

    #[test]
    fn syntax_errors_have_their_position() {
        let found = |what: &str, text: &str| {
            let error = syntax(&ParserError::ParserError(what.to_owned()), text);
            (error.message, error.span)
        };
        assert_eq!(
            found("Expected: end of statement, found: frm at Line: 1, Column: 10", "select * frm failures"),
            ("invalid SQL: expected end of statement, found `frm`".to_owned(), Some(9..12))
        );
        assert_eq!(
            found("Expected: an expression, found: EOF", "select "),
            ("invalid SQL: expected an expression, found the end of the statement".to_owned(), Some(6..6))
        );
        assert_eq!(found("strange at Line: 2, Column: 3", "select\n  失 x").1, Some(9..12));
        assert_eq!(found("strange at Line: 9, Column: 9", "select").1, Some(6..6));
    }
}
