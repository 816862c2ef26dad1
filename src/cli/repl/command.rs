//! Commands that start with `\`. One table defines their help, completion and parser.

use crate::cli::say::Failure;
use crate::lang::suggest;
use crate::render::Format;

/// A command.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Quit,
    Help,
    Format(Format),
    AsOf(String),
    Set(String, String),
    Evidence(bool),
    Chart(bool),
    Paging(bool),
    Fields(Option<String>),
    Queries(Option<String>),
    Sql(String),
    Explain(String),
    Timeline(String),
    Show(String),
}

/// The name, arguments and description of each command.
pub const COMMANDS: &[(&str, &str, &str)] = &[
    ("format", "FORMAT", "set the output format: table, csv, json, ndjson, markdown or html"),
    ("as-of", "TIME", "set the reference point for relative times: latest, now, or a time"),
    ("set", "NAME=VALUE", "set a parameter of saved queries"),
    ("evidence", "on|off", "show the ids of the records behind each row"),
    ("chart", "on|off", "draw charts instead of tables"),
    ("paging", "on|off", "send long results to $PAGER"),
    ("fields", "[NOUN]", "list the nouns, or the fields of one noun"),
    ("queries", "[NAME]", "list the saved queries, or show one"),
    ("explain", "X", "explain a failure: phase, cause, preceding events, what to do"),
    ("timeline", "X", "show everything that happened to a task, run, service, deployment or instance"),
    ("show", "ID", "print the original record with an id"),
    ("sql", "STATEMENT", "run a SQL statement on the same tables"),
    ("help", "", "list the commands"),
    ("quit", "", "quit (as does Ctrl-D)"),
];

/// The list of commands.
pub fn help() -> String {
    let line = |(name, arguments, doc): &(&str, &str, &str)| {
        let call = format!("\\{name} {arguments}");
        format!("  {call:<22} {doc}\n")
    };
    let commands: String = COMMANDS.iter().map(line).collect();
    format!("Anything else is a query, such as `failures by reason since 7d`; Tab completes it.\n{commands}")
}

impl Command {
    /// Parses a command, without the `\`.
    pub fn parse(text: &str) -> Result<Command, Failure> {
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let wrong = |expected: &str| Failure::Sentence(format!("\\{name} `{rest}`: expected {expected}"));
        let given = |expected: &str| if rest.is_empty() { Err(wrong(expected)) } else { Ok(rest.to_owned()) };
        let maybe = || Some(rest.to_owned()).filter(|rest| !rest.is_empty());
        let switch = || match rest {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(wrong("on or off")),
        };
        Ok(match name {
            "quit" | "q" | "exit" => Command::Quit,
            "help" | "h" | "?" => Command::Help,
            "format" => {
                Command::Format(rest.parse().map_err(|error: crate::render::UnknownFormat| Failure::Sentence(error.to_string()))?)
            }
            "as-of" => Command::AsOf(given("latest, now, or a time such as 2026-03-04T12:00Z")?),
            "set" => {
                let pair = rest.split_once('=').filter(|(name, _)| !name.trim().is_empty());
                let (name, value) = pair.ok_or_else(|| wrong("NAME=VALUE, such as cluster=batch"))?;
                Command::Set(name.trim().trim_start_matches('$').to_owned(), value.trim().to_owned())
            }
            "evidence" => Command::Evidence(switch()?),
            "chart" => Command::Chart(switch()?),
            "paging" => Command::Paging(switch()?),
            "fields" => Command::Fields(maybe()),
            "queries" => Command::Queries(maybe()),
            "sql" => Command::Sql(given("a SELECT statement")?),
            "explain" => Command::Explain(given("a failure, task, run, service or `last`")?),
            "timeline" => Command::Timeline(given("a task, run, service, deployment or instance")?),
            "show" => Command::Show(given("the id of a record")?),
            _ => {
                let question = suggest::question(name, COMMANDS.iter().map(|(name, ..)| *name));
                let hint = question.unwrap_or_else(|| "\\help lists the commands".to_owned());
                return Err(Failure::Sentence(format!("unknown command `\\{name}`; {hint}")));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_table_is_read() {
        for (name, arguments, _) in COMMANDS {
            let argument = match *arguments {
                "FORMAT" => "csv",
                "on|off" => "on",
                "NAME=VALUE" => "a=b c",
                _ => "x",
            };
            assert!(Command::parse(&format!("{name} {argument}")).is_ok(), "{name}");
        }
        assert_eq!(Command::parse("set $a=b c").unwrap(), Command::Set("a".into(), "b c".into()));
    }

    #[test]
    fn an_unknown_command_names_the_nearest() {
        assert_eq!(Command::parse("formt csv").unwrap_err().to_string(), "unknown command `\\formt`; did you mean `format`?");
        assert!(Command::parse("chart maybe").unwrap_err().to_string().contains("expected on or off"));
    }
}
