//! Lays out help texts: no line has a single stray word, defaults stay next to their names, examples stay on one line.
//!
//! Words that belong together are joined by no-break spaces before the text is wrapped, and they become spaces again
//! when it is printed.

use super::environment::is_plain;
use clap::builder::StyledStr;
use clap::{Arg, Command};
use std::io::{self, IsTerminal, Write};

/// Joins words.
pub const JOINED: char = '\u{a0}';

/// A last word that is shorter than this does not get a line of its own.
const LONELY: usize = 14;

/// The command line with texts that wrap well.
pub fn shaped(mut command: Command) -> Command {
    command.build();
    shape(command)
}

fn shape(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    let is_parent = |name: &String| name != "help";
    let command = names.iter().filter(|name| is_parent(name)).fold(command, |command, name| command.mut_subcommand(name, shape));
    let command = match names.iter().any(|name| name == "help") {
        true => command.mut_subcommand("help", |help| help.about("Print the help of a command")),
        false => command,
    };
    let about = command.get_about().map(|about| together(&about.to_string()));
    let after = command.get_after_help().map(|after| paragraphs(&after.to_string()));
    let command = about.into_iter().fold(command, |command, about| command.about(about));
    let command = after.into_iter().fold(command, |command, after| command.after_help(after));
    command.mut_args(argument)
}

/// An option with its default and its variable as part of the text.
fn argument(argument: Arg) -> Arg {
    let Some(help) = argument.get_help().map(StyledStr::to_string) else { return argument };
    let mut text = help;
    // A flag has the default `false`, which says nothing.
    let default: Vec<_> = argument.get_default_values().iter().filter_map(|value| value.to_str()).collect();
    if argument.get_action().takes_values() && !default.is_empty() && !argument.is_hide_default_value_set() {
        text.push_str(&format!(" [default:{JOINED}{}]", default.join(",")));
    }
    if let Some(variable) = argument.get_env().and_then(|variable| variable.to_str()) {
        text.push_str(&format!(" [env:{JOINED}{variable}]"));
    }
    let text =
        ["[default: ", "[env: "].iter().fold(text, |text, open| text.replace(open, &open.replace(' ', &JOINED.to_string())));
    argument.help(together(&text)).hide_default_value(true).hide_env(true)
}

/// Joins the last word to the one before it.
fn together(text: &str) -> String {
    match text.rsplit_once(' ') {
        Some((before, last)) if last.chars().count() < LONELY => format!("{before}{JOINED}{last}"),
        _ => text.to_owned(),
    }
}

/// Lines that are indented are examples, which are never wrapped; the others are paragraphs.
fn paragraphs(text: &str) -> String {
    let line = |line: &str| if line.starts_with(' ') { line.replace(' ', &JOINED.to_string()) } else { together(line) };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Prints the help or a usage error of the parser.
pub fn print(error: &clap::Error) {
    let text = error.render();
    let text = if has_color(error) { text.ansi().to_string() } else { text.to_string() }.replace(JOINED, " ");
    // Failing to print the help is not an error.
    let _ = match error.use_stderr() {
        true => write!(io::stderr().lock(), "{}", in_our_words(&text)),
        false => write!(io::stdout().lock(), "{text}"),
    };
}

/// A usage error with the words and quotes of the other messages.
fn in_our_words(text: &str) -> String {
    let line = |line: &str| {
        let line = line.replace("unrecognized subcommand", "unknown command").replace("subcommand", "command");
        if line.matches('\'').count().is_multiple_of(2) { line.replace('\'', "`") } else { line }
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn has_color(error: &clap::Error) -> bool {
    let terminal = if error.use_stderr() { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
    terminal && !is_plain()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::short_formats;

    /// Every command with its path.
    fn commands(command: &Command, path: &str, found: &mut Vec<(String, Command)>) {
        let path = format!("{path} {}", command.get_name()).trim().to_owned();
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            commands(inner, &path, found);
        }
        found.push((path, command.clone()));
    }

    #[test]
    fn no_line_of_help_holds_one_short_word() {
        let mut all = Vec::new();
        commands(&shaped(short_formats::command()), "", &mut all);
        assert!(all.len() > 25);
        for width in [80, 100] {
            for (path, command) in &all {
                let text = command.clone().term_width(width).max_term_width(width).render_help().to_string().replace(JOINED, " ");
                let mut before = "";
                for line in text.lines() {
                    let inside = line.starts_with("                  ") && !before.trim().is_empty();
                    let lonely = !line.trim().contains(' ') && line.trim().chars().count() < 8;
                    assert!(!(inside && lonely), "{path} at {width}: {before}\n{line}");
                    let torn = ["[default:", "[env:"]
                        .iter()
                        .any(|open| line.rfind(open).is_some_and(|at| !line.get(at..).unwrap_or_default().contains(']')));
                    assert!(!torn, "{path} at {width}: {line}");
                    before = line;
                }
            }
        }
    }

    #[test]
    fn every_command_has_two_examples() {
        let mut all = Vec::new();
        commands(&short_formats::command(), "", &mut all);
        for (path, command) in
            all.iter().filter(|(_, command)| command.get_after_help().is_some() || command.get_subcommands().count() == 0)
        {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples = text.lines().filter(|line| line.starts_with("  ") && line.contains("ecs-audit")).count();
            assert!(examples >= 2, "{path}: {examples} examples");
        }
    }

    #[test]
    fn one_word_for_one_thing() {
        let mut all = Vec::new();
        commands(&shaped(short_formats::command()), "", &mut all);
        for (path, command) in &all {
            let text = command.clone().render_long_help().to_string().replace(JOINED, " ");
            for word in [
                "subcommand",
                "may be repeated",
                "standard input",
                " source ",
                "Region ",
                "folder to write",
                "where it does not exist",
            ] {
                assert!(!text.contains(word), "{path}: `{word}`");
            }
        }
    }
}
