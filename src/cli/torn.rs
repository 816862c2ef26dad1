//! A query that the shell has split: `ecs-audit query failures where exit_code > 137` without quotes sends the
//! answer to a new file `137`, and the query loses its test.
//!
//! In: the arguments of `query` and the error. Out: advice to quote the query. Nothing is deleted.

use crate::diagnostic::Diagnostic;
use crate::lang;
use crate::lang::token::{TokenKind, tokenize};
#[cfg(unix)]
use std::fs::File;
use std::path::Path;

/// The largest number of files in the working directory that are compared with standard output.
#[cfg(unix)]
const MOST_FILES: usize = 10_000;

/// The text of a query from its arguments. An argument with spaces was quoted for the shell, so it may be a string; so may
/// one with the wildcard of SQL.
pub fn joined(arguments: &[String]) -> String {
    let plain = arguments.join(" ");
    let is_string = |argument: &String| argument.contains(|c: char| c.is_whitespace() || c == '%');
    if arguments.len() > 1 && arguments.iter().any(is_string) {
        let quote = |argument: &String| if is_string(argument) { lang::format::literal(argument) } else { argument.clone() };
        let quoted = arguments.iter().map(quote).collect::<Vec<_>>().join(" ");
        if lang::parse(&quoted).is_ok() {
            return quoted;
        }
    }
    plain
}

/// Advice for an invalid query, if the shell may have interpreted a part.
pub fn advice(arguments: &[String], text: &str, errors: &[Diagnostic]) -> Option<Diagnostic> {
    advice_for(arguments, text, errors, taken_file())
}

/// The advice when standard output is this new file.
fn advice_for(arguments: &[String], text: &str, errors: &[Diagnostic], taken: Option<String>) -> Option<Diagnostic> {
    // Of a quoted query, the shell takes only what follows the quotes: `"tasks where exit_code" > 137`. Anything but a
    // number is a file that somebody chose.
    let is_number = |name: &String| name.starts_with(|c: char| c.is_ascii_digit()) || name == "=";
    if arguments.len() < 2 && !taken.as_ref().is_some_and(is_number) {
        return None;
    }
    let (message, whole) = match lost_test(text, errors, taken.as_deref()) {
        Some(whole) => match &taken {
            Some(name) => {
                (format!("the shell took `>` as a redirection: it created the file `{name}` for this output (delete it)"), whole)
            }
            None => ("the shell may have taken `>` or `<` as a redirection".to_owned(), whole),
        },
        None => ("the shell replaced `*` with the names of files".to_owned(), starred(arguments)?),
    };
    let help = format!("quote the query: `ecs-audit query {}`", lang::shell_quoted(&whole));
    Some(Diagnostic::note(message).with_help(help))
}

/// The query with the right side of the test that lost it; none if the errors are about something else.
fn lost_test(text: &str, errors: &[Diagnostic], taken: Option<&str>) -> Option<String> {
    let (tokens, _) = tokenize(text);
    let opens = |index: usize| match tokens.get(index).map(|token| &token.kind) {
        Some(TokenKind::Word(word)) => ["where", "and", "or", "not"].contains(&&*word.to_lowercase()),
        Some(kind) => *kind == TokenKind::Open,
        None => false,
    };
    let is_name =
        |index: usize| matches!(tokens.get(index).map(|token| &token.kind), Some(TokenKind::Word(_) | TokenKind::Name(_)));
    let ends = |index: usize| match tokens.get(index).map(|token| &token.kind) {
        // `time between A and B` is a habit of SQL.
        Some(TokenKind::Word(word)) => lang::keyword::is_reserved(word) && !word.eq_ignore_ascii_case("between"),
        Some(kind) => matches!(kind, TokenKind::Close | TokenKind::Pipe),
        None => true,
    };
    let subject = |index: usize| index > 0 && opens(index - 1) && is_name(index);
    errors.iter().filter_map(|error| error.span.as_ref()).find_map(|span| {
        let index = tokens.iter().position(|token| token.span == *span)?;
        // `exit_code >= 137` writes to a file `=`, and leaves `exit_code 137`.
        if taken == Some("=") && index > 0 && subject(index - 1) && is_name(index) {
            let (before, after) = text.split_at_checked(span.start)?;
            return Some(format!("{before}>= {after}"));
        }
        if !subject(index) || !ends(index + 1) {
            return None;
        }
        let value = taken.filter(|name| *name != "=").unwrap_or("…");
        let (before, after) = text.split_at_checked(span.end)?;
        Some(format!("{before} > {value}{after}"))
    })
}

/// The query with `*` in place of the names of files after `show`, or a pattern after `like`.
fn starred(arguments: &[String]) -> Option<String> {
    let is_file = |word: &&String| Path::new(word).symlink_metadata().is_ok();
    let (at, least) = arguments.iter().enumerate().find_map(|(index, word)| match word.to_lowercase().as_str() {
        "show" => Some((index, 1)),
        "like" => Some((index, 2)),
        _ => None,
    })?;
    let names = arguments.get(at + 1..)?;
    let count = names.iter().take_while(is_file).count();
    if count < least {
        return None;
    }
    let (files, after) = names.split_at_checked(count)?;
    let pattern = if least == 1 { "*".to_owned() } else { format!("{}*", common_start(files)) };
    let before = arguments.get(..=at)?.iter().map(String::as_str);
    let words: Vec<&str> = before.chain([pattern.as_str()]).chain(after.iter().map(String::as_str)).collect();
    let text = words.join(" ");
    lang::parse(&text).is_ok().then_some(text)
}

fn common_start(names: &[String]) -> String {
    let first = names.first().map(String::as_str).unwrap_or_default();
    let shared = |length: &usize| names.iter().all(|name| name.chars().take(*length).eq(first.chars().take(*length)));
    let length = (0..=first.chars().count()).rev().find(shared).unwrap_or(0);
    first.chars().take(length).collect()
}

/// The name of the empty file in the working directory that standard output is, if it is one.
#[cfg(unix)]
fn taken_file() -> Option<String> {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    let out = File::from(std::io::stdout().as_fd().try_clone_to_owned().ok()?).metadata().ok()?;
    if !out.is_file() || out.len() > 0 {
        return None;
    }
    let found =
        std::fs::read_dir(".").ok()?.take(MOST_FILES).flatten().find(|entry| {
            entry.metadata().is_ok_and(|file| file.is_file() && (file.dev(), file.ino()) == (out.dev(), out.ino()))
        });
    // A name with a dot is a file that somebody chose, such as `out.csv`.
    let name = found?.file_name().into_string().ok()?;
    let value = name.chars().all(lang::token::is_word_char) && (!name.contains('.') || lang::time::is_date(&name));
    (value || name == "=").then_some(name)
}

/// Elsewhere, the test without its right side is the only sign.
#[cfg(not(unix))]
fn taken_file() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str, word: &str) -> Vec<Diagnostic> {
        let start = text.find(word).unwrap();
        vec![Diagnostic::error("", start..start + word.len())]
    }

    #[test]
    fn a_test_without_its_right_side_is_recognized() {
        for (text, word, taken, expected) in [
            ("failures where exit_code", "exit_code", Some("137"), Some("failures where exit_code > 137")),
            ("failures where exit_code", "exit_code", None, Some("failures where exit_code > …")),
            ("failures where exit_code by reason", "exit_code", Some("0"), Some("failures where exit_code > 0 by reason")),
            ("failures where ran and exit_code", "exit_code", Some("0"), Some("failures where ran and exit_code > 0")),
            ("failures where exit_code 137", "137", Some("="), Some("failures where exit_code >= 137")),
            ("failures where exit_code 137 by reason", "137", Some("="), Some("failures where exit_code >= 137 by reason")),
            ("failures where reason = AGENT", "AGENT", Some("137"), None),
            ("failures by exit_cod", "exit_cod", Some("137"), None),
            ("failures where time between 2026-03-04 and 2026-03-05", "time", None, None),
            ("fialures", "fialures", None, None),
        ] {
            assert_eq!(lost_test(text, &error(text, word), taken).as_deref(), expected, "{text} {taken:?}");
        }
    }

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn one_argument_was_quoted() {
        let text = "failures where exit_code";
        let advice = |taken: Option<&str>| {
            let taken = taken.map(str::to_owned);
            advice_for(&words(&[text]), text, &error(text, "exit_code"), taken).and_then(|advice| advice.help)
        };
        assert_eq!((advice(None), advice(Some("answers"))), (None, None));
        let quoted = "quote the query: `ecs-audit query \"failures where exit_code > 137\"`";
        assert_eq!(advice(Some("137")).as_deref(), Some(quoted), "the end of the query was outside of the quotes");
    }

    #[test]
    fn names_of_files_were_a_pattern() {
        let torn = words(&["failures", "show", "Cargo.toml", "src", "limit", "5"]);
        assert_eq!(starred(&torn).as_deref(), Some("failures show * limit 5"));
        let torn = words(&["failures", "where", "service", "like", "Cargo.lock", "Cargo.toml"]);
        assert_eq!(starred(&torn).as_deref(), Some("failures where service like Cargo.*"));
        assert_eq!(starred(&words(&["failures", "show", "reason", "limit", "5"])), None);
        assert_eq!(starred(&words(&["failures", "by", "reason"])), None);
    }

    #[test]
    fn quotes_of_the_shell_are_kept_where_they_matter() {
        for (arguments, expected) in [
            (&["failures", "where", "message", "contains", "not found"][..], "failures where message contains 'not found'"),
            (&["failures", "since", "2026-03-04 05:00"], "failures since '2026-03-04 05:00'"),
            (&["failures", "where", "message", "like", "%disk%"], "failures where message like '%disk%'"),
            (&["failures", "where reason = AGENT"], "failures where reason = AGENT"),
            (&["failures by reason"], "failures by reason"),
            (&["failures", "by", "reason"], "failures by reason"),
        ] {
            assert_eq!(joined(&words(arguments)), expected);
        }
    }
}
