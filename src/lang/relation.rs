//! Parses correlation clauses into a [`Relation`].

use super::ast::{Pred, Relation, RelationKind, Span, Spanned};
use super::cursor::{Cursor, Parsed};
use super::keyword::{self, NOUNS};
use super::parse::{duration, list};
use super::token::{TokenKind, excerpt};
use super::{expr, habit, suggest};
use crate::diagnostic::Diagnostic;

/// `near`, `following` or `preceding`, its target, distance and shared fields.
pub(super) fn relation(cursor: &mut Cursor, negated: bool) -> Parsed<Relation> {
    let span = cursor.span();
    let kind = [RelationKind::Near, RelationKind::Following, RelationKind::Preceding]
        .into_iter()
        .find(|kind| cursor.take_word(kind.word()));
    let Some(kind) = kind else {
        return Err(cursor.expected("`near`, `following` or `preceding`"));
    };
    let kind = Spanned::new(kind, span);
    let (noun, filter) = target(cursor)?;
    if !cursor.take_word("within") {
        let error = cursor.expected("`within` with a duration");
        return Err(error.with_help(format!("`{} {} within 10m`", kind.value.word(), noun.value)).into());
    }
    let within = duration(cursor, "a duration after `within`")?;
    let matching = if cursor.take_word("matching") {
        list(cursor, |cursor| expr::field(cursor, "a field after `matching`"))?
    } else {
        Vec::new()
    };
    Ok(Relation { negated, kind, noun, filter, within, matching })
}

/// `noun`, or `(noun where …)`.
fn target(cursor: &mut Cursor) -> Parsed<(Spanned<String>, Option<Pred>)> {
    if !cursor.take(&TokenKind::Open) {
        return Ok((target_noun(cursor)?, None));
    }
    let noun = target_noun(cursor)?;
    let filter = if cursor.take_word("where") { Some(cursor.nested(expr::predicate)?) } else { None };
    cursor.expect(&TokenKind::Close, "`where` or `)`")?;
    Ok((noun, filter))
}

fn target_noun(cursor: &mut Cursor) -> Parsed<Spanned<String>> {
    let span = cursor.span();
    let word = cursor.word().map(str::to_lowercase);
    match word {
        Some(word) if NOUNS.iter().any(|noun| noun.word == word) => {
            cursor.advance();
            Ok(Spanned::new(word, span))
        }
        Some(word) if !keyword::is_reserved(&word) => Err(unknown_noun(&word, span)),
        _ => Err(cursor.expected("a noun such as `failures`")),
    }
}

/// The error for an unknown noun.
pub(super) fn unknown_noun(word: &str, span: Span) -> Box<Diagnostic> {
    let nouns = || NOUNS.iter().map(|noun| noun.word);
    let error = Diagnostic::error(format!("unknown noun `{}`", excerpt(word)), span);
    if let Some(query) = habit::rows_called(word) {
        return error.with_help(format!("did you mean `{query}`?")).into();
    }
    let synonym = habit::synonym(word).map(|noun| format!("did you mean `{noun}`?"));
    let error = match synonym.or_else(|| suggest::question(word, nouns())) {
        Some(label) => error.with_label(label),
        None => error,
    };
    let mut sorted: Vec<&str> = nouns().collect();
    sorted.sort_unstable();
    let list = sorted.join(", ");
    error.with_note(format!("nouns: {list} (`ecs-audit fields`)")).into()
}
