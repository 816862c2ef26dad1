//! A first word that is neither a command nor a noun: a misspelled one, that of another program, a name, or a sentence.
//!
//! In: the word and the arguments after it. Out: an error whose help works. Invariant: a suggested query parses.

use super::synonyms;
use crate::app::{AppError, is_valid};
use crate::diagnostic::Diagnostic;
use crate::lang::keyword::NOUNS;
use crate::lang::{self, habit, suggest};
use clap::Command;
use std::ffi::OsString;
use std::path::Path;

/// Commands of other programs that are a query here.
const QUESTIONS: &[(&[&str], &str)] = &[
    (&["tail", "head", "recent", "latest", "newest", "watch", "follow", "last"], "failures limit 20"),
    (&["top"], "failures by reason top 10"),
    (&["summary", "stats", "count"], "failures by category, reason"),
];

/// What to do with the name of a file or of something in the store.
fn named_thing(first: &str, after: &str, command: &Command) -> Option<String> {
    if first.starts_with("s3://") || !first.starts_with("arn:") && Path::new(first).exists() {
        let query = if after.is_empty() { "failures by reason".to_owned() } else { after.to_owned() };
        return Some(format!(
            "to load it: `ecs-audit load {first}`; to query it directly: `ecs-audit query --from {first} {}`",
            lang::shell_quoted(&query)
        ));
    }
    let mut names = command.get_subcommands().map(Command::get_name).chain(NOUNS.iter().map(|noun| noun.word));
    let is_near = |name: &str| strsim::damerau_levenshtein(first, name) <= 2;
    let is_id = first.len() >= 8
        && first.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
        && first.contains(|c: char| c.is_ascii_digit());
    let is_name = is_id || first.starts_with("arn:") || first.starts_with("https://") || first.contains(['-', '/']);
    (after.is_empty() && is_name && !names.any(is_near)).then(|| format!("did you mean `ecs-audit explain {first}`?"))
}

/// The name in `why did checkout fail`, if there is one name.
fn spoken_name(text: &str) -> Option<&str> {
    const AROUND: &[&str] = &[
        "did", "does", "do", "is", "was", "were", "has", "have", "my", "the", "a", "fail", "failed", "failing", "fails", "crash",
        "crashed", "down", "stop", "stopped", "not", "start", "broken", "service", "task", "run", "job", "cluster", "keep",
        "keeps",
    ];
    let mut names = text.split_whitespace().map(|word| word.trim_end_matches('?')).filter(|word| !AROUND.contains(word));
    names.next().filter(|_| names.next().is_none())
}

/// What an unknown first word probably means.
pub fn explained(word: &str, rest: &[OsString], command: &Command) -> AppError {
    let text = joined(rest);
    let first = word.split_whitespace().next().unwrap_or_default().to_owned();
    // The parser explains both.
    if (habit::is_sql(&text) || lang::described_noun(&text).is_some())
        && let Err(diagnostics) = lang::parse(&text)
    {
        return AppError::Query { text, diagnostics };
    }
    let error = Diagnostic::error(format!("`{first}` is neither a command nor a noun"), 0..first.len());
    if let Some(help) = named_thing(&first, text.get(first.len()..).unwrap_or_default().trim(), command) {
        return AppError::Query { text, diagnostics: vec![error.with_help(help)] };
    }
    // What other programs do with the newest lines.
    let newest = QUESTIONS.iter().find(|(words, _)| words.contains(&text.to_lowercase().trim()));
    if let Some((_, query)) = newest {
        let error = error.with_help(format!("did you mean `ecs-audit query {}`?", lang::shell_quoted(query)));
        return AppError::Query { text, diagnostics: vec![error] };
    }
    let commands: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    let names = commands.iter().copied().chain(NOUNS.iter().map(|noun| noun.word));
    // Rows that a query names are not a misspelled command: `services` is similar to `serve`.
    let rows = habit::rows_called(&first.to_lowercase());
    let near = if rows.is_some() { Vec::new() } else { suggest::nearest(&first, names) };
    let reworded = habit::reworded(&text, &is_valid(jiff::Timestamp::now()));
    // What other programs call a command is not a misspelled one: `import` is similar to `report`.
    if let (Some(meant), None) = (synonyms::meant("", &first), &reworded) {
        let after = text.get(first.len()..).unwrap_or_default();
        let after = match meant {
            "explain" => format!(" {}", spoken_name(after).unwrap_or("last")),
            _ if meant.starts_with('-') => String::new(),
            _ => after.to_owned(),
        };
        let error = error.with_help(format!("did you mean `ecs-audit {meant}{after}`?"));
        return AppError::Query { text, diagnostics: vec![error] };
    }
    let error = match (near.first(), reworded) {
        (_, Some(query)) => error.with_help(format!("did you mean `ecs-audit query {}`?", lang::shell_quoted(&query))),
        (Some(name), None) => {
            let after = text.get(first.len()..).unwrap_or_default();
            let names: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
            let line = format!("{name}{after}");
            let is_query = NOUNS.iter().any(|noun| noun.word == *name) && lang::parse(&line).is_ok();
            let quoted = if is_query { lang::shell_quoted(&line) } else { line };
            let works = if near.len() == 1 { Some(format!("`ecs-audit {quoted}`")) } else { None };
            let error = error.with_label(format!("did you mean {}?", names.join(" or ")));
            match works {
                Some(works) => error.with_help(works),
                None => error,
            }
        }
        (None, None) => match rows {
            Some(query) => error.with_help(format!("did you mean `ecs-audit query {}`?", lang::shell_quoted(query))),
            None => error
                .with_note(format!("commands: {}", commands.join(", ")))
                .with_help("`ecs-audit failures by reason since 7d` runs a query; `ecs-audit --help` lists the commands"),
        },
    };
    AppError::Query { text, diagnostics: vec![error] }
}

/// The words of arguments, for a query.
pub fn joined(arguments: &[OsString]) -> String {
    let words: Vec<_> =
        arguments.iter().map(|argument| argument.to_string_lossy()).take_while(|word| !word.starts_with("--")).collect();
    words.join(" ")
}
