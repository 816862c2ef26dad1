//! The command line, a thin layer: arguments become calls, results become text, errors become exit codes.
//!
//! This is the only module that prints, and the only one that reads the clock, the environment and the terminal.

mod args;
mod ask;
mod catalog;
mod changes;
mod check;
mod child;
#[cfg(feature = "cluster")]
mod cluster;
mod columns;
mod config;
mod destination;
mod doctor;
mod document;
mod evaluated;
mod explain;
mod export;
mod fields;
mod help;
mod interrupt;
mod invocation;
mod limits;
mod links;
mod load;
mod manual;
mod mcp;
mod memory;
mod output_words;
mod per_store;
mod preflight;
mod progress;
mod queries;
mod query;
mod redact;
mod repl;
mod report;
mod rules;
mod scope;
mod serve;
mod short_formats;
mod show;
mod stderr;
mod store;
mod synonyms;
#[cfg(test)]
mod table_tests;
mod timeline;
mod torn;
mod verify_digests;

use crate::context::Context;
use crate::exit::ExitCode;
use clap::FromArgMatches;
use std::ffi::OsString;
use std::io::{self, IsTerminal};

pub use args::Cli;
pub use stderr::CliError;

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
                Some(failure) => failure.say(),
                None => help::print(&error),
            }
            return if error.use_stderr() { ExitCode::Error } else { ExitCode::Ok };
        }
    };
    let result =
        config::apply(&mut cli.global, &matches).and_then(|()| context(&cli)).and_then(|context| dispatch(cli, &context));
    match result {
        Ok(code) => code,
        Err(failure) if failure.is_broken_pipe() => ExitCode::Ok,
        Err(failure) => {
            failure.say();
            ExitCode::Error
        }
    }
}

fn dispatch(cli: Cli, context: &Context) -> Result<ExitCode, CliError> {
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

/// Without a command: the prompt on a terminal with a store, else the first steps.
fn alone(global: &args::Global, context: &Context) -> Result<ExitCode, CliError> {
    let at_terminal = context.width.is_some() && io::stdin().is_terminal();
    match crate::store::Store::open(&global.store) {
        Ok(_) if at_terminal => return repl::run(&args::Repl::default(), global, context),
        Ok(_) => stderr::say_raw(&format!("{ABOUT}\n{FIRST_QUESTION}\n{OTHER_COMMANDS}")),
        Err(crate::store::StoreError::Missing(_)) => {
            stderr::say_raw(&format!("{ABOUT}\n{}\n{OTHER_COMMANDS}", stderr::first_steps()))
        }
        Err(error) => return Err(error.into()),
    }
    Ok(ExitCode::Error)
}

const ABOUT: &str = "ecs-audit analyzes failures on Amazon ECS and dstack, offline.";
const FIRST_QUESTION: &str = "  = ask: `ecs-audit failures by reason since 7d`, or `ecs-audit repl` for a prompt";
const OTHER_COMMANDS: &str = "  = `ecs-audit --help` lists all commands";

/// Whether the environment asks for text without colors.
fn is_plain() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

fn context(cli: &Cli) -> Result<Context, CliError> {
    let tz = match &cli.global.tz {
        None => jiff::tz::TimeZone::UTC,
        Some(name) => stderr::time_zone(name)?,
    };
    let is_terminal = io::stdout().is_terminal();
    let threads = cli.global.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from));
    let memory = memory::limit(cli.global.memory.as_deref())?;
    Ok(Context {
        now: jiff::Timestamp::now(),
        tz,
        width: is_terminal.then(terminal_width),
        color: is_terminal && !is_plain(),
        progress: io::stderr().is_terminal() && !cli.global.quiet,
        threads: threads.max(1),
        memory,
    })
}

fn terminal_width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0);
    columns.unwrap_or_else(|| terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)))
}
