//! Values without a field: `failures of checkout-web`, `calls RunTask`, `stopped tasks`, `oom kills yesterday`.
//!
//! In: a text that does not parse. Out: queries whose first condition is the value alone; the checker names the field,
//! because only the store knows which one has this value. Invariant: the rest of each query parses.

use super::super::ast::{Condition, Expr, Field, Pred, Query, Spanned, Test};
use super::super::keyword;
use super::super::parse::parse_at;
use super::super::time::{is_date, weekday};
use super::pieces::{Piece, cut};
use super::{LONGEST, conditions, phrases, source};

/// Words between a noun and a value.
const JOINTS: &[&str] = &["of", "for", "in", "on", "at", "from", "with", "named", "called", "id", "to"];

/// Words after a value that change nothing, as in `oom kills`.
const ROWS: &[&str] =
    &["kills", "kill", "killed", "errors", "error", "crashes", "problems", "issues", "exceptions", "failed", "failing"];

/// Words that speech has around a value.
const SPEECH: &[&str] = &[
    "what", "which", "who", "why", "did", "do", "does", "is", "was", "were", "has", "have", "the", "a", "called", "made", "used",
    "an",
];

/// The nouns of a text that has none, in the order in which the value is looked for.
const NOUNS: &[&str] = &["failures", "calls"];

/// The queries that a text with a value but without its field may mean.
pub fn with_bare_value(text: &str) -> Vec<Query> {
    if text.len() > LONGEST || text.contains('`') {
        return Vec::new();
    }
    let pieces = cut(text.trim().trim_end_matches(['?', '!', ';']));
    let noun = pieces.iter().enumerate().find_map(|(index, piece)| Some((index, source::noun(piece)?)));
    match noun {
        Some((at, noun)) => around_noun(&pieces, at).and_then(|(value, rest)| query(noun, value, rest)).into_iter().collect(),
        None => match alone(&pieces) {
            Some((value, rest)) => NOUNS.iter().filter_map(|noun| query(noun, value, rest)).collect(),
            None => Vec::new(),
        },
    }
}

/// The value before or after the noun, and the clauses after both.
fn around_noun(pieces: &[Piece], at: usize) -> Option<(&str, &[Piece])> {
    let mut before = pieces.get(..at)?.iter().filter(|piece| !source::is_filler(piece) && !piece.is_any(SPEECH));
    let after = pieces.get(at + 1..)?;
    match (before.next(), before.next()) {
        (Some(piece), None) => Some((value(piece)?, after)),
        (Some(_), Some(_)) => None,
        (None, _) => {
            let skipped = after.iter().take_while(|piece| piece.is_any(JOINTS) || piece.is_any(SPEECH)).count();
            value_first(after.get(skipped..)?)
        }
    }
}

/// The value of a text without a noun, and the clauses after it.
fn alone(pieces: &[Piece]) -> Option<(&str, &[Piece])> {
    let skipped = pieces.iter().take_while(|piece| piece.is_any(SPEECH)).count();
    value_first(pieces.get(skipped..)?)
}

/// A value, and the clauses after it.
fn value_first(pieces: &[Piece]) -> Option<(&str, &[Piece])> {
    let (first, rest) = pieces.split_first()?;
    let noise = rest.iter().take_while(|piece| piece.is_any(ROWS)).count();
    Some((value(first)?, rest.get(noise..)?))
}

/// What can be a value: no word of the language, and no time.
fn value(piece: &Piece) -> Option<&str> {
    let is_time = |word: &str| is_date(word) || weekday(word).is_some() || ["last", "this", "today", "yesterday"].contains(&word);
    match piece {
        Piece::Quoted(text) if !text.is_empty() => Some(text),
        Piece::Word(word) if !keyword::is_reserved(word) && !is_time(&word.to_lowercase()) && !word.starts_with('@') => {
            Some(word)
        }
        _ => None,
    }
}

fn query(noun: &str, value: &str, rest: &[Piece]) -> Option<Query> {
    let mut pieces = vec![Piece::word(noun)];
    pieces.extend(rest.iter().cloned());
    phrases::reword(&mut pieces);
    conditions::reword(&mut pieces);
    let text: Vec<String> = pieces.iter().map(Piece::written).collect();
    let mut query = parse_at(&text.join(" "), 0).ok()?;
    let stage = query.stages.first_mut()?;
    let subject = Spanned::new(Expr::Field(Field::Name(value.to_owned())), 0..0);
    let mut conditions = vec![Pred::Test(Test { subject, condition: Condition::True })];
    match stage.filter.take() {
        None => {}
        Some(Pred::And(others)) => conditions.extend(others),
        Some(other) => conditions.push(other),
    }
    stage.filter = if conditions.len() == 1 { conditions.pop() } else { Some(Pred::And(conditions)) };
    Some(query)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::format;

    #[test]
    fn a_value_without_its_field_is_a_condition_of_its_own() {
        for (text, expected) in [
            ("failures of checkout since 7d", &["failures where checkout since 7d"][..]),
            ("failures in batch by reason", &["failures where batch by reason"]),
            ("calls runtask", &["calls where runtask"]),
            ("stopped tasks yesterday", &["tasks where stopped on yesterday"]),
            ("which tasks were oom killed since 7d", &["tasks where oom since 7d"]),
            ("oom kills last 7 days", &["failures where oom since 7d", "calls where oom since 7d"]),
            ("failures checkout where ran", &["failures where checkout and ran"]),
            ("failures by reason of checkout", &[]),
            ("failures last week", &[]),
            ("failures where reason", &[]),
            ("two words failures", &[]),
            ("@lost batch", &[]),
            ("", &[]),
        ] {
            let found: Vec<String> = with_bare_value(text).iter().map(format).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
