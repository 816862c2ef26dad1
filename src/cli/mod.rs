//! The command line, a thin layer: arguments become calls, results become text, errors become exit codes.
//!
//! This is the only module that prints, and the only one that reads the clock, the environment and the terminal.

mod args;
mod catalog;
mod changes;
mod check;
#[cfg(feature = "cluster")]
mod cluster;
#[cfg(test)]
mod columns_tests;
mod config;
mod destination;
mod doctor;
mod environment;
mod explain;
mod export;
mod fields;
mod foreign_options;
mod help;
mod invocation;
mod load;
mod manual;
mod mcp;
mod memory;
mod notes;
mod open;
mod output;
mod output_words;
mod preflight;
mod program;
mod progress;
mod queries;
mod query;
mod repl;
mod report;
mod rules;
mod separated;
mod serve;
mod settings;
mod short_formats;
mod show;
mod stderr;
mod stdout;
mod store;
mod synonyms;
#[cfg(test)]
mod table_tests;
mod timeline;
mod torn;
mod unknown_command;
mod verify_digests;

use crate::app::AppError;
use crate::context::Context;
use crate::exit::ExitCode;
use args::Cli;
use clap::FromArgMatches;
use std::ffi::OsString;
use std::io::{self, IsTerminal};

/// Runs the program with these arguments; the first one is the program name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    crate::load::silence_contained_panics();
    let command = short_formats::command();
    let arguments = invocation::completed(arguments.into_iter().collect(), &command);
    let parse = |command: clap::Command| {
        let matches = command.try_get_matches_from(&arguments)?;
        Cli::from_arg_matches(&matches).map(|cli| (cli, matches))
    };
    // Only help and errors are printed, so only they need texts that wrap well.
    let (mut cli, matches) = match parse(command.clone()).or_else(|_| parse(help::shaped(command.clone()))) {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version are printed as output with exit code 0; the rest are usage errors.
            match invocation::explained(&error, &arguments, &help::shaped(command)) {
                Some(failure) => stderr::say_error(&failure),
                None => help::print(&error),
            }
            return if error.use_stderr() { ExitCode::Error } else { ExitCode::Ok };
        }
    };
    let result = settings::apply(&mut cli.global, &matches)
        .and_then(|()| environment::context(&cli.global))
        .and_then(|context| dispatch(cli, &context));
    match result {
        Ok(code) => code,
        Err(failure) if failure.is_broken_pipe() => ExitCode::Ok,
        Err(failure) => {
            stderr::say_error(&failure);
            ExitCode::Error
        }
    }
}

fn dispatch(cli: Cli, context: &Context) -> Result<ExitCode, AppError> {
    let global = &cli.global;
    // The command that tests rules must work with broken rules.
    if !matches!(&cli.command, Some(args::Command::Catalog(catalog)) if catalog.is_test()) {
        rules::install(global)?;
    }
    let Some(command) = cli.command else { return alone(global, context) };
    match command {
        args::Command::Load(arguments) => load::run(&arguments, global, context),
        args::Command::Query(arguments) => query::run_query(&arguments, global, context),
        args::Command::Sql(arguments) => query::run_sql(&arguments, global, context),
        args::Command::Fields(arguments) => fields::run(&arguments, context),
        args::Command::Queries(arguments) => queries::run(&arguments, global, context),
        args::Command::Config(arguments) => config::run(&arguments, global, context),
        args::Command::Check(arguments) => check::run(&arguments, global, context),
        args::Command::Explain(arguments) => explain::run(&arguments, global, context),
        args::Command::Timeline(arguments) => timeline::run(&arguments, global, context),
        args::Command::Changes(arguments) => changes::run(&arguments, global, context),
        args::Command::Report(arguments) => report::run(&arguments, global, context),
        args::Command::Show(arguments) => show::run(&arguments, global, context),
        args::Command::Catalog(arguments) => catalog::run(&arguments, global, context),
        args::Command::Preflight(arguments) => preflight::run(&arguments, global, context),
        args::Command::VerifyDigests(arguments) => verify_digests::run(&arguments, context),
        args::Command::Doctor(arguments) => doctor::run(&arguments, global, context),
        args::Command::Repl(arguments) => repl::run(&arguments, global, context),
        args::Command::Completions(arguments) => manual::completions(&arguments),
        args::Command::Man(arguments) => manual::pages(&arguments, global),
        args::Command::Mcp(arguments) => mcp::run(&arguments, global, context),
        args::Command::Serve(arguments) => serve::run(&arguments, global, context),
        #[cfg(feature = "cluster")]
        args::Command::Cluster(arguments) => cluster::run(&arguments, global, context),
        args::Command::Store(arguments) => store::run(&arguments, global, context),
    }
}

/// The arguments of `repl` without any: its defaults and what the environment sets.
fn prompt() -> Result<args::Repl, AppError> {
    let matches = short_formats::command().try_get_matches_from(["ecs-audit", "repl"]);
    let parsed = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed.map(|cli| cli.command) {
        Ok(Some(args::Command::Repl(arguments))) => Ok(arguments),
        Ok(_) => Err(AppError::Sentence("`ecs-audit repl` opens the prompt".to_owned())),
        Err(error) => Err(AppError::Sentence(error.to_string())),
    }
}

/// Without a command: the prompt on a terminal with a store, else the first steps.
fn alone(global: &args::Global, context: &Context) -> Result<ExitCode, AppError> {
    let at_terminal = context.width.is_some() && io::stdin().is_terminal();
    match crate::store::Store::open(&global.store) {
        Ok(_) if at_terminal => return repl::run(&prompt()?, global, context),
        Ok(_) => stderr::say_raw(&format!("{ABOUT}\n{FIRST_QUESTION}\n{OTHER_COMMANDS}")),
        Err(crate::store::StoreError::Missing(_)) => {
            stderr::say_raw(&format!("{ABOUT}\n{}\n{OTHER_COMMANDS}", stderr::first_steps("DIR")))
        }
        Err(error) => return Err(error.into()),
    }
    Ok(ExitCode::Error)
}

const ABOUT: &str = "ecs-audit analyzes failures on Amazon ECS and dstack, offline.";
const FIRST_QUESTION: &str = "  = ask: `ecs-audit failures by reason since 7d`, or `ecs-audit repl` for a prompt";
const OTHER_COMMANDS: &str = "  = `ecs-audit --help` lists all commands";
