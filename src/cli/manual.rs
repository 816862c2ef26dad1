//! `ecs-audit completions` and `ecs-audit man`: generated from the arguments that the program parses.

use super::args::{Completions, Global, Man};
use super::stderr::say;
use super::{short_formats, stdout};
use crate::app::AppError;
use crate::exit::ExitCode;

/// Runs `completions`.
pub fn completions(arguments: &Completions) -> Result<ExitCode, AppError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut short_formats::command(), "ecs-audit", &mut script);
    stdout::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Ok)
}

/// Runs `man`.
pub fn pages(arguments: &Man, global: &Global) -> Result<ExitCode, AppError> {
    let wrong = |error: std::io::Error| AppError::Sentence(format!("`{}`: {error}", arguments.out.display()));
    std::fs::create_dir_all(&arguments.out).map_err(wrong)?;
    // The defaults of the current environment must not appear in the pages.
    let command = short_formats::command().mut_args(|argument| argument.hide_env_values(true));
    clap_mangen::generate_to(command, &arguments.out).map_err(wrong)?;
    if !global.quiet {
        say(&format!("man pages written to {}", arguments.out.display()));
    }
    Ok(ExitCode::Ok)
}
