//! The command line as people type it: a question without `query`, and the errors of arguments that do not fit.
//!
//! In: the arguments of the process. Out: arguments for the parser, or a text for stderr. Invariant: a command is never
//! taken for a question, because only nouns and saved queries start one.

use super::synonyms;
use crate::app::{AppError, is_valid};
use crate::diagnostic::Diagnostic;
use crate::lang::keyword::{self, NOUNS};
use crate::lang::{self, habit, suggest};
use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;

/// Adds the command `query` before a question: `ecs-audit failures by reason`.
pub fn completed(mut arguments: Vec<OsString>, command: &Command) -> Vec<OsString> {
    let first = first_word(&arguments, command).and_then(|index| arguments.get(index)).and_then(|word| word.to_str());
    if first.is_some_and(|word| is_question(word) && !is_command(word, command)) {
        arguments.insert(1, OsString::from("query"));
    }
    arguments
}

fn is_command(word: &str, command: &Command) -> bool {
    command.get_subcommands().any(|known| known.get_name() == word)
}

/// Whether a text starts with a noun or the name of a saved query.
fn is_question(text: &str) -> bool {
    let word = text.split(|c: char| c.is_whitespace() || c == ',').next().unwrap_or_default();
    let saved = word.strip_prefix('@').is_some_and(|name| !name.is_empty());
    saved || NOUNS.iter().any(|noun| noun.word.eq_ignore_ascii_case(word))
}

/// The index of the first argument that is neither an option nor the value of one.
fn first_word(arguments: &[OsString], command: &Command) -> Option<usize> {
    let query = command.find_subcommand("query")?;
    let known: Vec<&clap::Arg> = command.get_arguments().chain(query.get_arguments()).collect();
    let takes_value = |argument: &clap::Arg| argument.get_action().takes_values();
    let mut index = 1;
    while let Some(argument) = arguments.get(index) {
        let text = argument.to_str()?;
        let option = match text.strip_prefix("--") {
            Some("") => return None,
            Some(name) if name.contains('=') => None,
            Some(name) => known.iter().find(|argument| argument.get_long() == Some(name)),
            // `-f csv`; the value of `-fcsv` is in the same argument.
            None if text.starts_with('-') && text.len() > 1 => {
                let short = text.chars().nth(1).filter(|_| text.len() == 2);
                known.iter().find(|argument| short.is_some() && argument.get_short() == short)
            }
            None => return Some(index),
        };
        index += 1 + usize::from(option.is_some_and(|argument| takes_value(argument)));
    }
    None
}

/// What is wrong with the arguments, where the parser does not know what people mean; none = its own message is fine.
pub fn explained(error: &clap::Error, arguments: &[OsString], command: &Command) -> Option<AppError> {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = context(ContextKind::InvalidSubcommand)?;
            let at = first_word(arguments, command)?;
            if arguments.get(at)?.to_str()? != word {
                return unknown_action(word, arguments.get(at..)?, command);
            }
            Some(unknown_command(word, arguments.get(at..).unwrap_or_default(), command))
        }
        ErrorKind::UnknownArgument => {
            let option = context(ContextKind::InvalidArg)?.split(['=', ' ']).next()?;
            clause_as_option(option, arguments, command)
        }
        ErrorKind::MissingRequiredArgument => {
            let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else { return None };
            missing_argument(missing, arguments, command)
        }
        _ => None,
    }
}

/// An unknown word below a command, such as `store ls`.
fn unknown_action(word: &str, line: &[OsString], command: &Command) -> Option<AppError> {
    let mut words = line.iter().filter_map(|argument| argument.to_str());
    let inner = command.find_subcommand(words.next()?)?;
    let path = inner.get_name();
    let text = joined(line);
    let start = text.find(word).unwrap_or_default();
    let error = Diagnostic::error(format!("`{word}` is not an action of `{path}`"), start..start + word.len());
    let actions: Vec<&str> = inner.get_subcommands().map(Command::get_name).filter(|name| *name != "help").collect();
    let error = match synonyms::meant(path, word) {
        Some(action) => error.with_help(format!("did you mean `{}`?", format!("ecs-audit {path} {action}").trim_end())),
        None => match suggest::question(word, actions.iter().copied()) {
            Some(question) => error.with_label(question),
            // `report postmortem`: the folder is an option.
            None if inner.get_arguments().any(|argument| argument.get_long() == Some("out")) => {
                error.with_help(format!("did you mean `ecs-audit {path} --out {word}`?"))
            }
            None => error.with_note(format!("actions: {}", actions.join(", "))),
        },
    };
    Some(AppError::Query { text, diagnostics: vec![error] })
}

/// A command without what it needs, with its first example.
fn missing_argument(missing: &[String], arguments: &[OsString], command: &Command) -> Option<AppError> {
    let mut at = first_word(arguments, command)?;
    let mut inner = command.find_subcommand(arguments.get(at)?.to_str()?)?;
    let mut path = inner.get_name().to_owned();
    while let Some(next) = arguments.get(at + 1).and_then(|word| word.to_str()).and_then(|word| inner.find_subcommand(word)) {
        inner = next;
        path.push_str(&format!(" {}", inner.get_name()));
        at += 1;
    }
    let help = inner.get_after_help()?.to_string().replace(super::help::JOINED, " ");
    let example = help.lines().map(str::trim).find(|line| line.starts_with("ecs-audit"))?.to_owned();
    let error = Diagnostic::general(format!("`ecs-audit {path}` needs {}", missing.join(" and ")));
    let error = error.with_help(format!("`{example}`; `ecs-audit {path} --help` lists the options"));
    Some(AppError::Query { text: String::new(), diagnostics: vec![error] })
}

/// The words of arguments, for a query.
fn joined(arguments: &[OsString]) -> String {
    let words: Vec<_> =
        arguments.iter().map(|argument| argument.to_string_lossy()).take_while(|word| !word.starts_with("--")).collect();
    words.join(" ")
}

fn unknown_command(word: &str, rest: &[OsString], command: &Command) -> AppError {
    let text = joined(rest);
    let first = word.split_whitespace().next().unwrap_or_default().to_owned();
    // The parser explains both.
    if (habit::is_sql(&text) || lang::described_noun(&text).is_some())
        && let Err(diagnostics) = lang::parse(&text)
    {
        return AppError::Query { text, diagnostics };
    }
    let error = Diagnostic::error(format!("`{first}` is neither a command nor a noun"), 0..first.len());
    let commands: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    let names = commands.iter().copied().chain(NOUNS.iter().map(|noun| noun.word));
    // Rows that a query names are not a misspelled command: `services` is similar to `serve`.
    let rows = habit::rows_called(&first.to_lowercase());
    let near = if rows.is_some() { Vec::new() } else { suggest::nearest(&first, names) };
    let reworded = habit::reworded(&text, &is_valid(jiff::Timestamp::now()));
    // What other programs call a command is not a misspelled one: `import` is similar to `report`.
    if let (Some(meant), None) = (synonyms::meant("", &first), &reworded) {
        let after = if meant.starts_with('-') { "" } else { text.get(first.len()..).unwrap_or_default() };
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

/// `query failures --since 7d`: a clause that was written as an option.
fn clause_as_option(option: &str, arguments: &[OsString], command: &Command) -> Option<AppError> {
    let name = option.strip_prefix("--")?;
    let at = first_word(arguments, command)?;
    let asks = arguments.get(at).is_some_and(|word| word == "query");
    if !asks || !keyword::is_clause(name) {
        return None;
    }
    let mut words: Vec<String> = Vec::new();
    for argument in arguments.get(at + 1..)? {
        let word = argument.to_str()?;
        match word.strip_prefix("--") {
            Some(option) => {
                let (clause, value) = option.split_once('=').unwrap_or((option, ""));
                if !keyword::is_clause(clause) {
                    break;
                }
                words.push(format!("{clause} {value}"));
            }
            None => words.push(word.to_owned()),
        }
    }
    let error = Diagnostic::general(format!("`{option}` is not an option of `query`: `{name}` is part of the query"));
    let help = match lang::parse(&words.join(" ")) {
        Ok(query) => format!("`ecs-audit query {}`", lang::shell_quoted(&lang::format(&query))),
        Err(_) => format!("`ecs-audit query \"failures {name} …\"`"),
    };
    Some(AppError::Query { text: String::new(), diagnostics: vec![error.with_help(help)] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::short_formats::command;

    fn line(words: &[&str]) -> Vec<OsString> {
        std::iter::once("ecs-audit").chain(words.iter().copied()).map(OsString::from).collect()
    }

    #[test]
    fn a_question_needs_no_command() {
        for words in [
            &["failures", "by", "reason"][..],
            &["failures by reason since 7d"],
            &["Failures"],
            &["@lost"],
            &["--tz", "Asia/Tokyo", "failures"],
            &["--quiet", "--format", "csv", "quota"],
            &["-f", "csv", "failures"],
            &["-fcsv", "failures"],
            &["--tz=UTC", "calls", "where", "failed"],
        ] {
            let found = completed(line(words), &command());
            assert_eq!(found.get(1).and_then(|word| word.to_str()), Some("query"), "{words:?}");
            assert_eq!(found.len(), words.len() + 2);
        }
        for words in [
            &["load", "failures"][..],
            &["queries"],
            &["quota-report"],
            &["fialures"],
            &["--store", "failures"],
            &["--help"],
            &["--", "failures"],
            &["@"],
            &[],
            &["store", "failures"],
        ] {
            assert_eq!(completed(line(words), &command()), line(words), "{words:?}");
        }
    }

    fn message(words: &[&str]) -> String {
        let arguments = line(words);
        let error = command().try_get_matches_from(&arguments).unwrap_err();
        match explained(&error, &arguments, &command()) {
            Some(AppError::Query { text, diagnostics }) => crate::diagnostic::render_all(&diagnostics, &text),
            _ => String::new(),
        }
    }

    #[test]
    fn unknown_commands_say_what_works() {
        for (words, expected) in [
            (&["fialures", "by", "reason"][..], "did you mean `failures`?\n"),
            (&["fialures", "by", "reason"], "= help: `ecs-audit \"failures by reason\"`"),
            (&["laod", "exports"], "= help: `ecs-audit load exports`"),
            (&["how", "many", "failures"], "did you mean `ecs-audit query \"failures show count\"`?"),
            (&["select reason from failures"], "`ecs-audit sql \"select reason from failures\"`"),
            (&["frobnicate"], "= commands: load, query,"),
            (&["import", "exports"], "= help: did you mean `ecs-audit load exports`?"),
            (&["status"], "= help: did you mean `ecs-audit doctor`?"),
            (&["export"], "= help: did you mean `ecs-audit store export`?"),
            (&["store", "ls"], "| store ls\n  |       ^^\n  = help: did you mean `ecs-audit store`?"),
            (&["store", "rm"], "= help: did you mean `ecs-audit store drop`?"),
            (&["store", "compcat"], "did you mean `compact`?"),
            (&["report", "postmortem"], "= help: did you mean `ecs-audit report --out postmortem`?"),
            (&["store", "fialures"], "= actions: reclassify, "),
            (&["services"], "did you mean `ecs-audit query \"tasks by service\"`?"),
            (&["describe", "failures"], "= help: `ecs-audit fields failures` lists the fields"),
            (&["query", "failures", "--since", "7d"], "`ecs-audit query \"failures since 7d\"`"),
            (
                &["load"],
                "error: `ecs-audit load` needs <PATH>...\n  = help: `ecs-audit load s3-export/`; `ecs-audit load --help`",
            ),
            (&["catalog", "show"], "error: `ecs-audit catalog show` needs <ID>\n"),
            (&["query", "failures", "--limit=5", "--json"], "`ecs-audit query \"failures limit 5\"`"),
        ] {
            assert!(message(words).contains(expected), "{words:?}: {}", message(words));
        }
        assert_eq!(message(&["query", "failures", "--frobnicate"]), "");
    }
}
