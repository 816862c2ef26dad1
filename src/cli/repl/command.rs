//! Commands that start with `\`. One table defines their help, completion and parser.

use crate::app::AppError;
use crate::cli::args::{self, Cli};
use crate::cli::separated::without_kind;
use crate::cli::short_formats;
use crate::lang::{described_noun, suggest};
use crate::render::Format;
use clap::FromArgMatches;
use std::path::PathBuf;

/// A command.
#[derive(Debug)]
pub enum Command {
    Quit,
    Help,
    Clear,
    Format(Format),
    AsOf(String),
    Set(String, String),
    Evidence(bool),
    Chart(bool),
    Paging(bool),
    Timing(Option<bool>),
    Expanded(Option<bool>),
    Out(Option<PathBuf>),
    Fields(Option<String>),
    Queries(Option<String>),
    Sql(String),
    Explain(String),
    Timeline(String),
    Show(String),
    Changes(args::Changes),
    Check(Box<args::CheckArgs>),
    Doctor(args::Doctor),
    Report(Box<args::Report>),
}

/// The name, arguments and description of each command.
pub const COMMANDS: &[(&str, &str, &str)] = &[
    ("format", "FORMAT", "set the output format: table, csv, json, ndjson, markdown or html"),
    ("x", "[on|off]", "show one value per line, for wide rows"),
    ("o", "[FILE]", "write all rows of the next result to a file, in the format of its extension"),
    ("as-of", "TIME", "set the reference point for relative times: latest, now, or a time"),
    ("set", "NAME=VALUE", "set a parameter of saved queries"),
    ("evidence", "on|off", "show the ids of the records behind each row"),
    ("chart", "on|off", "draw charts instead of tables"),
    ("paging", "on|off", "send long results to $PAGER"),
    ("timing", "[on|off]", "show how long each answer took"),
    ("fields", "[NOUN]", "list the nouns, or the fields of one noun"),
    ("queries", "[NAME]", "list the saved queries, or show one"),
    ("explain", "X", "explain a failure: phase, cause, preceding events, what to do"),
    ("timeline", "X", "show everything that happened to a task, run, service, deployment or instance"),
    ("changes", "X", "list the changes before a failure, with the options of `ecs-audit changes`"),
    ("check", "[PACK…]", "run checks, with the options of `ecs-audit check`"),
    ("doctor", "", "show data problems and missing exports"),
    ("report", "DIR", "write a report to a folder, with the options of `ecs-audit report`"),
    ("show", "ID", "print the original record with an id"),
    ("sql", "STATEMENT", "run a SQL statement on the same tables (a line that starts with SELECT does the same)"),
    ("clear", "", "clear the screen"),
    ("help", "", "list the commands"),
    ("quit", "", "quit (as does Ctrl-D)"),
];

/// Commands that also work without the `\`, because people type them so, and what they are called here.
const WORDS: &[(&str, &str)] = &[
    ("help", "help"),
    ("?", "help"),
    (".help", "help"),
    ("exit", "quit"),
    ("quit", "quit"),
    ("q", "quit"),
    (":q", "quit"),
    (".exit", "quit"),
    (".quit", "quit"),
    ("clear", "clear"),
    ("show tables", "fields"),
    (".tables", "fields"),
    ("tables", "fields"),
    ("ls", "fields"),
];

/// Commands of the program that also work without the `\`: no query starts with them.
const PROGRAM: [&str; 9] = ["explain", "timeline", "changes", "check", "doctor", "report", "fields", "queries", "sql"];

/// The list of commands.
pub fn help() -> String {
    let line = |(name, arguments, doc): &(&str, &str, &str)| {
        let call = format!("\\{name} {arguments}");
        format!("  {call:<22} {doc}\n")
    };
    let commands: String = COMMANDS.iter().map(line).collect();
    format!(
        "Anything else is a query, such as `failures by reason since 7d`, or SQL; Tab completes it, and Ctrl-C cancels it. \
         Commands of the program also work without `\\`: `explain last`.\n{commands}"
    )
}

impl Command {
    /// The command on a line, if it is not a query.
    pub fn of_line(line: &str) -> Option<Result<Command, AppError>> {
        if let Some(command) = line.strip_prefix('\\') {
            return Some(Command::parse(command));
        }
        let plain = line.trim_end_matches(';').trim_end();
        let lower = plain.to_lowercase();
        if let Some((_, command)) = WORDS.iter().find(|(word, _)| *word == lower) {
            return Some(Command::parse(command));
        }
        if let Some(noun) = described_noun(&lower) {
            return Some(Ok(Command::Fields(Some(noun.to_owned()))));
        }
        let mut words = lower.split_whitespace();
        let is_sql = match words.next() {
            Some("select") => true,
            Some("with") => lower.contains(" as ") || lower.contains(" as("),
            Some("explain") => words.next().is_some_and(|next| matches!(next, "select" | "with")),
            _ => false,
        };
        if is_sql {
            return Some(Ok(Command::Sql(plain.to_owned())));
        }
        let mut words = lower.split_whitespace();
        let (first, second, third) = (words.next()?, words.next(), words.next());
        let is_command = match (first, second, third) {
            // `show failures` is half of a query.
            ("show", Some(word), None) => crate::lang::described_noun(&format!("fields {word}")).is_none(),
            ("format", Some(format), None) => format.parse::<Format>().is_ok(),
            ("load", ..) => true,
            _ => PROGRAM.contains(&first),
        };
        is_command.then(|| Command::parse(&format!("{first}{}", plain.get(first.len()..).unwrap_or_default())))
    }

    /// Parses a command, without the `\`.
    pub fn parse(text: &str) -> Result<Command, AppError> {
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let wrong = |expected: &str| match rest {
            "" => AppError::Sentence(format!("\\{name} needs {expected}")),
            _ => AppError::Sentence(format!("\\{name} `{rest}`: expected {expected}")),
        };
        let given = |expected: &str| if rest.is_empty() { Err(wrong(expected)) } else { Ok(rest.to_owned()) };
        let maybe = || Some(rest.to_owned()).filter(|rest| !rest.is_empty());
        let switch = || match rest {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(wrong("on or off")),
        };
        let toggle = || if rest.is_empty() { Ok(None) } else { switch().map(Some) };
        Ok(match name {
            "quit" | "q" | "exit" => Command::Quit,
            "help" | "h" | "?" => Command::Help,
            "clear" => Command::Clear,
            "format" => Command::Format(
                rest.parse().map_err(|error: crate::render::UnknownFormat| AppError::Sentence(error.to_string()))?,
            ),
            "as-of" => Command::AsOf(given("latest, now, or a time such as 2026-03-04T12:00Z")?),
            "set" => {
                let pair = rest.split_once('=').filter(|(name, _)| !name.trim().is_empty());
                let (name, value) = pair.ok_or_else(|| wrong("NAME=VALUE, such as cluster=batch"))?;
                Command::Set(name.trim().trim_start_matches('$').to_owned(), value.trim().to_owned())
            }
            "evidence" => Command::Evidence(switch()?),
            "chart" => Command::Chart(switch()?),
            "paging" => Command::Paging(switch()?),
            "timing" => Command::Timing(toggle()?),
            "x" => Command::Expanded(toggle()?),
            "o" => Command::Out(maybe().map(PathBuf::from)),
            "fields" | "d" | "dt" => Command::Fields(maybe()),
            "queries" => Command::Queries(maybe()),
            "sql" => Command::Sql(unquoted(&given("a SELECT statement")?).to_owned()),
            "explain" => Command::Explain(without_kind(&given("a failure, task, run, service or `last`")?).to_owned()),
            "timeline" => Command::Timeline(without_kind(&given("a task, run, service, deployment or instance")?).to_owned()),
            "load" => {
                let path = if rest.is_empty() { "DIR" } else { rest };
                let how = format!("leave the prompt and load with `ecs-audit load {path}`; then start it again");
                return Err(AppError::Sentence(format!("the prompt only reads the store: {how}")));
            }
            "show" => Command::Show(given("the id of a record")?),
            "changes" | "check" | "doctor" | "report" => {
                Command::of_program(name, words(rest).ok_or_else(|| wrong("a closing quote"))?)?
            }
            _ => {
                let question = suggest::question(name, COMMANDS.iter().map(|(name, ..)| *name));
                let hint = question.unwrap_or_else(|| "\\help lists the commands".to_owned());
                return Err(AppError::Sentence(format!("unknown command `\\{name}`; {hint}")));
            }
        })
    }

    /// A command with the options that it has outside the prompt.
    fn of_program(name: &str, mut words: Vec<String>) -> Result<Command, AppError> {
        // The folder of a report is what one names first.
        if name == "report" && words.first().is_some_and(|word| !word.starts_with('-')) {
            words.insert(0, "--out".to_owned());
        }
        let line = ["ecs-audit".to_owned(), name.to_owned()].into_iter().chain(words);
        let cli = short_formats::command().try_get_matches_from(line).and_then(|matches| Cli::from_arg_matches(&matches));
        let cli = cli.map_err(|error| AppError::Sentence(message(&error)))?;
        let here = |from: &[PathBuf], command| match from {
            [] => Ok(command),
            _ => Err(AppError::Sentence(format!("\\{name} uses the data of this prompt; leave out --from"))),
        };
        match cli.command {
            Some(args::Command::Changes(changes)) => here(&changes.from.clone(), Command::Changes(changes)),
            Some(args::Command::Check(check)) => here(&check.from.clone(), Command::Check(Box::new(check))),
            Some(args::Command::Doctor(doctor)) => here(&doctor.from.clone(), Command::Doctor(doctor)),
            Some(args::Command::Report(report)) => here(&report.from.clone(), Command::Report(report)),
            _ => Err(AppError::Sentence(format!("unknown command `\\{name}`; \\help lists the commands"))),
        }
    }
}

/// A line as it is typed here: lines that are copied from documentation start with the name of the program.
pub fn typed(line: &str) -> &str {
    let line = line.trim();
    let line = line.strip_prefix("$ ").map_or(line, str::trim_start);
    let line = line.strip_prefix("ecs-audit ").map_or(line, str::trim_start);
    line.strip_prefix("query ").map_or(line, |query| unquoted(query.trim()))
}

/// A text without the quotes that a shell needs.
fn unquoted(text: &str) -> &str {
    let inside = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote).filter(|inside| !inside.contains(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

/// The message of a mistake in options, without the usage.
fn message(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = if error.use_stderr() { text.split("\nUsage:").next().unwrap_or_default() } else { text.as_str() };
    text.trim().trim_start_matches("error: ").to_owned()
}

/// Words as a shell splits them; none if a quote is not closed.
fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => word.get_or_insert_default().push(c),
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(text: &str) -> String {
        Command::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn every_command_of_the_table_is_read() {
        for (name, arguments, _) in COMMANDS {
            let argument = match *arguments {
                "FORMAT" => "csv",
                "on|off" | "[on|off]" => "on",
                "NAME=VALUE" => "a=b c",
                "" | "[PACK…]" => "",
                _ => "x",
            };
            assert!(Command::parse(&format!("{name} {argument}")).is_ok(), "{name}");
        }
        assert!(matches!(Command::parse("set $a=b c"), Ok(Command::Set(name, value)) if name == "a" && value == "b c"));
        assert!(matches!(Command::parse("x"), Ok(Command::Expanded(None))));
        assert!(matches!(Command::parse("o"), Ok(Command::Out(None))));
    }

    #[test]
    fn an_unknown_command_names_the_nearest() {
        assert_eq!(failure("formt csv"), "unknown command `\\formt`; did you mean `format`?");
        assert!(failure("chart maybe").contains("expected on or off"));
    }

    #[test]
    fn words_and_sql_need_no_backslash() {
        let of = |line: &str| Command::of_line(line).map(Result::unwrap);
        assert!(matches!(of("quit"), Some(Command::Quit)));
        assert!(matches!(of("EXIT;"), Some(Command::Quit)));
        assert!(matches!(of("help"), Some(Command::Help)));
        assert!(matches!(of("clear"), Some(Command::Clear)));
        assert!(matches!(of("SELECT 1 as n;"), Some(Command::Sql(text)) if text == "SELECT 1 as n"));
        assert!(matches!(of("with a as (select 1) select * from a"), Some(Command::Sql(_))));
        assert!(of("failures by reason").is_none() && of("selections").is_none() && of("help me").is_none());
        assert!(matches!(of("explain task 42b9"), Some(Command::Explain(name)) if name == "42b9"));
        assert!(matches!(of("Explain LAST"), Some(Command::Explain(name)) if name == "LAST"));
        assert!(matches!(of("explain select 1"), Some(Command::Sql(_))));
        assert!(matches!(of("show d25e49b0"), Some(Command::Show(_))));
        assert!(of("show failures").is_none() && of("show me all failures").is_none() && of("format failures").is_none());
        assert!(matches!(of("fields"), Some(Command::Fields(None))));
        assert!(matches!(of("describe failures"), Some(Command::Fields(Some(noun))) if noun == "failures"));
        assert!(matches!(of("sql 'select 1'"), Some(Command::Sql(text)) if text == "select 1"));
        assert!(Command::of_line("load exports").unwrap().unwrap_err().to_string().contains("`ecs-audit load exports`"));
    }

    #[test]
    fn lines_from_documentation_are_read() {
        for (line, expected) in [
            ("$ ecs-audit query \"failures by reason\"", "failures by reason"),
            ("ecs-audit failures by reason", "failures by reason"),
            ("query failures where cluster = 'batch'", "failures where cluster = 'batch'"),
            ("ecs-audit explain last", "explain last"),
            ("failures by reason", "failures by reason"),
            ("ecs-audit", "ecs-audit"),
        ] {
            assert_eq!(typed(line), expected);
        }
    }

    #[test]
    fn commands_of_the_program_have_their_options() {
        let report = Command::parse("report out/a --since 7d --title \"One day\"").unwrap();
        assert!(
            matches!(report, Command::Report(report) if report.out == Some("out/a".into()) && report.title.as_deref() == Some("One day"))
        );
        assert!(matches!(Command::parse("changes last --around 2h"), Ok(Command::Changes(_))));
        assert!(failure("check --sinse 7d").contains("--sinse"), "{}", failure("check --sinse 7d"));
        assert!(!failure("check --sinse 7d").contains("Usage"));
        assert!(failure("check --from x").contains("leave out --from"));
        assert!(failure("report out --title \"One").contains("a closing quote"));
    }
}
