//! Explains why a text is not a query, and what works instead.
//!
//! In: the text and the errors of the parser. Out: errors whose last one ends with a suggestion, if there is one.

use super::relation::unknown_noun;
use super::{habit, keyword};
use crate::diagnostic::Diagnostic;

/// Adds what the text means in this language. If it does not start with a noun, no later error is of interest.
pub(super) fn explained(text: &str, mut errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
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
    let suggestion = habit::reworded(text);
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
        [first, noun] if ["describe", "desc", "schema", "columns", "fields"].contains(&first.as_str()) => {
            keyword::NOUNS.iter().map(|known| known.word).find(|known| known == noun)
        }
        _ => None,
    }
}

/// A text as one argument of a command line.
pub fn shell_quoted(text: &str) -> String {
    if text.contains(['"', '$', '`', '\\', '!']) { format!("'{}'", text.replace('\'', r"'\''")) } else { format!("\"{text}\"") }
}
