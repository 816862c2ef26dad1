//! Habits from other query languages and from speech: `how many failures`, `group by reason`, `order by count desc`.
//!
//! In: a text that does not parse. Out: the same question in this language, for the help of the error. Rules are
//! applied to the words of the text. Invariant: a suggestion parses, because every result is parsed before it is
//! returned, so a rule may be wrong about a text without harm.

mod conditions;
mod order;
mod phrases;
mod pieces;
mod source;
mod value;

use super::Query;
use super::format;
use super::keyword;
use super::parse::parse_at;
use pieces::{Piece, cut};
pub use source::rows_called;
pub(super) use source::synonym;
pub use value::with_bare_value;

/// Longer texts are not reworded: nobody types them by habit.
const LONGEST: usize = 2_000;

/// The query that a text in other words means, in canonical form, if it is accepted.
pub fn reworded(text: &str, accepts: &dyn Fn(&Query) -> bool) -> Option<String> {
    // Someone who writes backticks knows this language.
    if text.len() > LONGEST || text.contains('`') {
        return None;
    }
    // A question mark after a word ends a sentence; after another sign it is a wildcard.
    let text = text.trim_end();
    let asked = text.strip_suffix(['?', '.', '!']).filter(|text| text.ends_with(char::is_alphanumeric));
    let pieces = cut(asked.unwrap_or(text));
    let query = in_this_language(pieces.clone(), accepts).or_else(|| {
        // `reason=AGENT`, `by reason since 7d`: the noun is the first one that has these fields.
        let nouns = if lacks_noun(&pieces) { ASSUMED_NOUNS } else { &[] };
        nouns.iter().find_map(|noun| {
            in_this_language(std::iter::once(Piece::word(*noun)).chain(pieces.iter().cloned()).collect(), accepts)
        })
    });
    query.map(|query| format(&query))
}

/// The nouns of a text that starts with a condition or a clause.
const ASSUMED_NOUNS: &[&str] = &["failures", "tasks", "calls"];

/// Whether a text starts with a condition or a clause.
fn lacks_noun(pieces: &[Piece]) -> bool {
    let operators = ["=", "==", "!=", "<>", "<", ">", "<=", ">=", "like", "contains", "is", "in"];
    pieces.first().is_some_and(|first| keyword::is_clause(&first.lower()))
        || matches!(pieces.first(), Some(Piece::Word(word)) if !word.starts_with('@'))
            && pieces.get(1).is_some_and(|piece| piece.is_any(&operators))
}

fn in_this_language(mut pieces: Vec<Piece>, accepts: &dyn Fn(&Query) -> bool) -> Option<Query> {
    source::reword(&mut pieces)?;
    phrases::reword(&mut pieces);
    conditions::reword(&mut pieces);
    let text: Vec<String> = pieces.iter().map(Piece::written).collect();
    parse_at(&text.join(" "), 0).ok().filter(accepts)
}

/// Whether a text is a SQL statement, which `sql` runs.
pub fn is_sql(text: &str) -> bool {
    let words: Vec<String> = text.split_whitespace().take(400).map(str::to_lowercase).collect();
    let has = |wanted: &str| words.iter().any(|word| word.trim_start_matches('(') == wanted);
    match words.first().map(String::as_str) {
        Some("select") => has("from") || words.get(1).is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit())),
        Some("with") => has("as") && has("select"),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
