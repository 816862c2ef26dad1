//! The command line as people type it: a question without `query`, and the errors of arguments that do not fit.
//!
//! In: the arguments of the process. Out: arguments for the parser, or a text for stderr. Invariant: a command is never
//! taken for a question, because no command is a noun, a saved query or the beginning of a sentence about one.

use super::foreign_options;
use super::unknown_command::{self, joined};
use super::{separated, synonyms};
use crate::app::{AppError, is_valid};
use crate::diagnostic::Diagnostic;
use crate::lang::keyword::{self, NOUNS};
use crate::lang::{self, habit, suggest};
use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;
use std::path::Path;

/// Adds the command `query` before a question: `ecs-audit failures by reason`.
pub fn completed(mut arguments: Vec<OsString>, command: &Command) -> Vec<OsString> {
    let first = first_word(&arguments, command).and_then(|index| arguments.get(index)).and_then(|word| word.to_str());
    if first.is_some_and(|word| is_question(word) && !is_command(word, command)) || is_spoken(&arguments, command) {
        arguments.insert(1, OsString::from("query"));
    }
    let at = first_word(&arguments, command);
    separated::joined(arguments, at)
}

/// Whether the arguments are a sentence around a noun, such as `which tasks were oom`, which only the store can explain.
fn is_spoken(arguments: &[OsString], command: &Command) -> bool {
    let Some(at) = first_word(arguments, command) else { return false };
    let text = joined(arguments.get(at..).unwrap_or_default());
    let Some((first, rest)) = text.split_once(char::is_whitespace) else { return false };
    let names = command.get_subcommands().map(Command::get_name).chain(NOUNS.iter().map(|noun| noun.word));
    // `task ID`.
    let is_singular = NOUNS.iter().any(|noun| noun.word.strip_suffix('s') == Some(first));
    !rest.trim().is_empty()
        && first.chars().all(char::is_alphanumeric)
        && !is_command(first, command)
        && !Path::new(first).exists()
        && (is_singular || suggest::nearest(first, names).is_empty())
        && synonyms::meant("", first).is_none()
        && lang::described_noun(&text).is_none()
        && !habit::is_sql(&text)
        && habit::reworded(&text, &is_valid(jiff::Timestamp::now())).is_none()
        && !habit::with_bare_value(&text).is_empty()
}

fn is_command(word: &str, command: &Command) -> bool {
    word == "help" || command.get_subcommands().any(|known| known.get_name() == word)
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
            Some(unknown_command::explained(word, arguments.get(at..).unwrap_or_default(), command))
        }
        ErrorKind::UnknownArgument => {
            let word = context(ContextKind::InvalidArg)?;
            let (inner, path, at) = innermost(arguments, command);
            if !word.starts_with('-') {
                return unexpected_word(word, &path, arguments.get(at..)?, command);
            }
            let option = word.split(['=', ' ']).next()?;
            let rest: Vec<&str> = arguments.get(at..)?.iter().filter_map(|argument| argument.to_str()).collect();
            Some(foreign_options::explained(option, &rest, &path, inner, command))
        }
        ErrorKind::ValueValidation => {
            let (option, value) = (context(ContextKind::InvalidArg)?, context(ContextKind::InvalidValue)?);
            let is_path = option.starts_with("--format") && Path::new(value).exists();
            is_path.then(|| {
                let error = Diagnostic::general(format!("`{value}` is not a format, but a file or folder"));
                let help = format!("did you mean `--from {value}`? It reads an export; `-f` is short for --format");
                AppError::Query { text: String::new(), diagnostics: vec![error.with_help(help)] }
            })
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
        _ if path == "help" && word_of_language(word).is_some() => {
            return word_of_language(word).map(|help| AppError::Query { text, diagnostics: vec![error.with_help(help)] });
        }
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

/// Where the help of a noun or a keyword is.
fn word_of_language(word: &str) -> Option<String> {
    let word = word.to_lowercase();
    if let Some(noun) = lang::described_noun(&format!("fields {word}")) {
        return Some(format!(
            "`{noun}` is a noun: `ecs-audit fields {noun}` lists its fields, and `ecs-audit query {noun}` its rows"
        ));
    }
    let keyword = keyword::KEYWORDS.iter().find(|keyword| keyword.word == word)?;
    Some(format!("`{word}` is a word of the query language: {}; `ecs-audit query --help` has examples", keyword.doc))
}

/// The command of the arguments, its path, and the index of the first argument after it.
fn innermost<'c>(arguments: &[OsString], command: &'c Command) -> (&'c Command, String, usize) {
    let named = |inner: &'c Command, at: usize| {
        arguments.get(at).and_then(|word| word.to_str()).and_then(|word| inner.find_subcommand(word))
    };
    let Some((mut inner, mut at)) = first_word(arguments, command).and_then(|at| Some((named(command, at)?, at + 1))) else {
        return (command, String::new(), 1);
    };
    let mut path = inner.get_name().to_owned();
    while let Some(next) = named(inner, at) {
        inner = next;
        path.push_str(&format!(" {}", inner.get_name()));
        at += 1;
    }
    (inner, path, at)
}

/// A command without what it needs, with its first example.
fn missing_argument(missing: &[String], arguments: &[OsString], command: &Command) -> Option<AppError> {
    let (inner, path, _) = innermost(arguments, command);
    let help = inner.get_after_help()?.to_string().replace(super::help::JOINED, " ");
    let example = help.lines().map(str::trim).find(|line| line.starts_with("ecs-audit"))?.to_owned();
    let error = Diagnostic::general(format!("`ecs-audit {path}` needs {}", missing.join(" and ")));
    let error = error.with_help(format!("`{example}`; `ecs-audit {path} --help` lists the options"));
    Some(AppError::Query { text: String::new(), diagnostics: vec![error] })
}

/// A word more than a command takes: SQL without quotes, or a sentence such as `show me all failures`.
fn unexpected_word(word: &str, path: &str, rest: &[OsString], command: &Command) -> Option<AppError> {
    let words = joined(rest);
    let text = format!("{path} {words}");
    let help = match path {
        "sql" => format!("quote the statement: `ecs-audit sql {}`", lang::shell_quoted(&words)),
        "fields" => {
            let noun = rest.first()?.to_str()?;
            format!("`ecs-audit fields {noun}` lists all fields of `{noun}`")
        }
        _ => match habit::reworded(&text, &is_valid(jiff::Timestamp::now())) {
            Some(query) => format!("did you mean `ecs-audit query {}`?", lang::shell_quoted(&query)),
            None => format!("`ecs-audit {path} --help` lists what it takes"),
        },
    };
    let inner = command.find_subcommand(path)?;
    let takes = match inner.get_positionals().count() {
        0 => "no arguments".to_owned(),
        1 => "one argument".to_owned(),
        most => format!("{most} arguments"),
    };
    let start = text.find(&format!(" {word}")).map_or(0, |space| space + 1);
    let error = Diagnostic::error(format!("`{path}` takes {takes}, and `{word}` is one too many"), start..start + word.len());
    Some(AppError::Query { text, diagnostics: vec![error.with_help(help)] })
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
        let mut command = command();
        let error = command.try_get_matches_from_mut(&arguments).unwrap_err();
        match explained(&error, &arguments, &command) {
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
    }

    #[test]
    fn names_of_files_and_things_are_recognized() {
        for (words, expected) in [
            (
                &["Cargo.toml"][..],
                "`ecs-audit load Cargo.toml`; to query it directly: `ecs-audit query --from Cargo.toml \"failures by reason\"`",
            ),
            (&["src", "calls by user"], "`ecs-audit query --from src \"calls by user\"`"),
            (&["s3://bucket/AWSLogs"], "to load it: `ecs-audit load s3://bucket/AWSLogs`"),
            (&["42b98325d5f2"], "did you mean `ecs-audit explain 42b98325d5f2`?"),
            (&["checkout-web"], "did you mean `ecs-audit explain checkout-web`?"),
            (&["verify-digest"], "did you mean `verify-digests`?"),
            (&["why", "did", "checkout-web", "fail?"], "did you mean `ecs-audit explain checkout-web`?"),
            (&["why"], "did you mean `ecs-audit explain last`?"),
            (&["describe", "task"], "`ecs-audit fields tasks` lists the fields"),
            (&["help", "tasks"], "`ecs-audit fields tasks` lists its fields"),
            (&["help", "since"], "`since` is a word of the query language: start of the window"),
            (&["show", "me", "all", "failures"], "did you mean `ecs-audit query \"failures\"`?"),
            (&["sql", "select", "1", "as", "n"], "quote the statement: `ecs-audit sql \"select 1 as n\"`"),
            (&["fields", "failures", "reason"], "`ecs-audit fields failures` lists all fields"),
            (&["query", "failures", "-f", "src"], "did you mean `--from src`?"),
            (&["tail"], "did you mean `ecs-audit query \"failures limit 20\"`?"),
        ] {
            assert!(message(words).contains(expected), "{words:?}: {}", message(words));
        }
    }

    #[test]
    fn sentences_about_a_noun_are_for_the_store() {
        for (words, expected) in [
            (&["which", "tasks", "were", "oom"][..], true),
            (&["stopped tasks"], true),
            (&["how", "many", "failures"], false),
            (&["fialures", "by", "reason"], false),
            (&["get", "failures"], false),
            (&["load", "tasks"], false),
            (&["task", "42b98325"], true),
            (&["describe", "failures"], false),
            (&["stopped"], false),
        ] {
            assert_eq!(is_spoken(&line(words), &command()), expected, "{words:?}");
        }
    }
}
