//! `--json` and `--csv`, short for `--format json` and `--format csv`, on every command with `--format`.

use super::args::{Cli, OUTPUT};
use clap::builder::ArgPredicate;
use clap::{Arg, ArgAction, Command, CommandFactory};

/// Commands that print text, not rows, so they have no CSV. `show` and `verify` are the names of two commands each.
const TEXTS: &[&str] = &[
    "adopt",
    "changes",
    "check",
    "compact",
    "doctor",
    "drop",
    "explain",
    "load",
    "preflight",
    "reclassify",
    "show",
    "test",
    "timeline",
    "vacuum",
    "verify",
    "verify-digests",
];

/// The command line of the program.
pub fn command() -> Command {
    with_short_formats(Cli::command())
}

fn with_short_formats(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    let command = names.into_iter().fold(command, |command, name| command.mut_subcommand(name, with_short_formats));
    let has = |command: &Command, id: &str| command.get_arguments().any(|argument| argument.get_id() == id);
    // `store export` writes Parquet or CSV files, one for each noun, and a brief is a page: their --json is about the files.
    if !has(&command, "format") || has(&command, "json") || ["export", "report"].contains(&command.get_name()) {
        return command;
    }
    let with_csv = !TEXTS.contains(&command.get_name());
    let charts = has(&command, "chart");
    let formats: &[&'static str] = if with_csv { &["json", "csv"] } else { &["json"] };
    formats.iter().fold(command, |command, format| {
        let mut short = Arg::new(*format)
            .long(*format)
            .action(ArgAction::SetTrue)
            .help(format!("Short for --format {format}"))
            .help_heading(OUTPUT)
            .conflicts_with("format");
        if *format == "csv" {
            short = short.conflicts_with("json");
        }
        if charts {
            short = short.conflicts_with("chart");
        }
        command
            .mut_arg("format", |argument| argument.default_value_if(*format, ArgPredicate::Equals("true".into()), *format))
            .arg(short)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Command as Parsed;
    use crate::render::{FORMATS, Format, TextFormat};
    use clap::FromArgMatches;

    fn parse(line: &[&str]) -> Result<Cli, clap::Error> {
        let line = ["ecs-audit"].iter().chain(line);
        command().try_get_matches_from(line).and_then(|matches| Cli::from_arg_matches(&matches))
    }

    #[test]
    fn short_forms_choose_the_format() {
        for (line, expected) in [
            (&["query", "failures", "--json"][..], Some(Format::Json)),
            (&["query", "--csv", "failures"], Some(Format::Csv)),
            (&["query", "failures", "--format", "html"], Some(Format::Html)),
            (&["query", "failures"], None),
        ] {
            let Some(Parsed::Query(query)) = parse(line).unwrap().command else { panic!("{line:?}") };
            assert_eq!(query.asking.format, expected, "{line:?}");
        }
        let Some(Parsed::Fields(fields)) = parse(&["fields", "--csv"]).unwrap().command else { panic!() };
        assert_eq!(fields.format, Format::Csv);
        assert!(parse(&["explain", "last", "--json"]).is_ok());
        let Some(Parsed::Load(load)) = parse(&["load", "x", "--json"]).unwrap().command else { panic!() };
        assert_eq!(load.output.format, TextFormat::Json);
        for line in [
            &["doctor", "--json"][..],
            &["store", "compact", "--json"],
            &["store", "verify", "--format", "json"],
            &["report", "--out", "x", "--json"],
            &["report", "verify", "x", "--json"],
            &["catalog", "show", "x", "--json"],
        ] {
            assert!(parse(line).is_ok(), "{line:?}");
        }
        assert!(parse(&["store", "--json"]).is_ok() && parse(&["catalog", "list", "--csv"]).is_ok());
    }

    #[test]
    fn two_formats_are_an_error() {
        for line in [
            &["query", "failures", "--json", "--csv"][..],
            &["query", "failures", "--json", "--format", "csv"],
            &["query", "failures", "--json", "--chart"],
            &["explain", "last", "--csv"],
            &["load", "x", "--csv"],
            &["show", "x", "--format", "csv"],
            &["report", "--out", "x", "--brief", "--format", "html", "--json"],
        ] {
            assert!(parse(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn each_command_takes_the_formats_of_the_list() {
        let lines: [(&str, &[&str]); 9] = [
            ("query", &["query", "failures"]),
            ("sql", &["sql", "select 1"]),
            ("store export", &["store", "export", "out"]),
            ("explain", &["explain", "last"]),
            ("timeline", &["timeline", "x"]),
            ("changes", &["changes", "last"]),
            ("check", &["check"]),
            ("preflight", &["preflight", "taskdef.json"]),
            ("report --brief", &["report", "--brief", "--out", "brief"]),
        ];
        for format in FORMATS {
            for (command, line) in &lines {
                let parsed = parse(&[*line, &["--format", format.name][..]].concat());
                assert_eq!(parsed.is_ok(), format.commands.contains(command), "{command} --format {}", format.name);
            }
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }
}
