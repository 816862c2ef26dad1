//! Explains why a text is not a query, and what works instead.
//!
//! In: the text and the errors of the parser. Out: errors whose last one ends with a suggestion, if there is one.

use super::parse::parse_at;
use super::relation::unknown_noun;
use super::token::{TokenKind, tokenize};
use super::{Query, habit, keyword};
use crate::diagnostic::Diagnostic;

/// Adds what the text means in this language. If it does not start with a noun, no later error is of interest.
pub(super) fn explained(text: &str, errors: Vec<Diagnostic>, accepts: &dyn Fn(&Query) -> bool) -> Vec<Diagnostic> {
    let start = text.len() - text.trim_start().len();
    let first = text.split_whitespace().next().unwrap_or_default();
    let span = start..start + first.len();
    if habit::is_sql(text) {
        let error = Diagnostic::error("this is SQL, but a query starts with a noun such as `failures`", span);
        return vec![error.with_help(format!("to run SQL: `ecs-audit sql {}`", shell_quoted(text.trim())))];
    }
    if let Some(noun) = described_noun(text) {
        let error = Diagnostic::error("a query starts with a noun such as `failures`", span);
        return vec![error.with_help(format!("`ecs-audit fields {noun}` lists the fields of `{noun}`"))];
    }
    if let Some((noun, second)) = second_noun(text) {
        let error = Diagnostic::error("a query has one noun", second.clone());
        let both = text.get(second).unwrap_or_default().to_lowercase();
        let related = format!("{noun} near {both} within 5m");
        let related = parse_at(&related, 0).is_ok_and(|query| accepts(&query)).then(|| format!("; `{related}` relates them"));
        return vec![error.with_help(format!("`{noun}` and `{both}` are two queries{}", related.unwrap_or_default()))];
    }
    let suggestion = habit::reworded(text, accepts);
    suggested(text, errors, suggestion)
}

/// The errors of a text that means another query, if that is known.
pub fn suggested(text: &str, mut errors: Vec<Diagnostic>, suggestion: Option<String>) -> Vec<Diagnostic> {
    let start = text.len() - text.trim_start().len();
    let first = text.split_whitespace().next().unwrap_or_default();
    let span = start..start + first.len();
    if starts_with_another_word(first) {
        // What the whole text means is more useful than a similar noun.
        errors = vec![match &suggestion {
            Some(_) => Diagnostic::error("a query starts with a noun such as `failures`", span),
            None => *unknown_noun(&first.to_lowercase(), span),
        }];
    } else if keyword::is_clause(first) && suggestion.is_some() {
        errors.truncate(1);
    }
    if let (Some(suggestion), Some(last)) = (suggestion, errors.last_mut()) {
        last.help = Some(format!("did you mean `{suggestion}`?"));
    }
    errors
}

/// The noun of a text such as `failures, tasks`, and the place of the second one.
fn second_noun(text: &str) -> Option<(&'static str, std::ops::Range<usize>)> {
    let is_noun = |word: &str| keyword::NOUNS.iter().map(|noun| noun.word).find(|noun| noun.eq_ignore_ascii_case(word));
    let (tokens, _) = tokenize(text);
    let word = |index: usize| match tokens.get(index).map(|token| &token.kind) {
        Some(TokenKind::Word(word)) => Some(word.to_lowercase()),
        _ => None,
    };
    let noun = is_noun(&word(0)?)?;
    let joined = match tokens.get(1).map(|token| &token.kind)? {
        TokenKind::Comma | TokenKind::Pipe => true,
        TokenKind::Word(word) => ["and", "join", "with"].contains(&word.to_lowercase().as_str()),
        _ => false,
    };
    let second = is_noun(&word(2)?)?;
    (joined && second != noun).then_some((noun, tokens.get(2)?.span.clone()))
}

/// Whether a word is neither a noun nor a clause, and no sign either.
fn starts_with_another_word(first: &str) -> bool {
    let is_name = !first.is_empty() && first.chars().all(|c| c.is_alphanumeric() || c == '_');
    let is_noun = keyword::NOUNS.iter().any(|noun| noun.word.eq_ignore_ascii_case(first));
    is_name && !is_noun && !keyword::is_clause(first)
}

/// The noun whose fields a text such as `describe failures` asks for.
pub fn described_noun(text: &str) -> Option<&'static str> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    match words.as_slice() {
        [first, noun] if ["describe", "desc", "schema", "columns", "fields"].contains(&first.as_str()) => keyword::NOUNS
            .iter()
            .map(|known| known.word)
            .find(|known| known == noun || known.strip_suffix('s') == Some(noun.as_str())),
        _ => None,
    }
}

/// A text as one argument of a command line.
pub fn shell_quoted(text: &str) -> String {
    if text.contains(['"', '$', '`', '\\', '!']) { format!("'{}'", text.replace('\'', r"'\''")) } else { format!("\"{text}\"") }
}
