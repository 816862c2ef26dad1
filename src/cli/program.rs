//! The program that answers the questions of a server: this one, with the global options of the server.

use super::args::Global;
use crate::app::Program;
use crate::context::Context;
use std::ffi::OsString;
use std::io;

/// The smallest memory limit that a command accepts, in MiB.
const LEAST_MEMORY: usize = 32;

/// This program, which gives each question `memory` bytes.
pub fn program(memory: usize, global: &Global, context: &Context) -> io::Result<Program> {
    Ok(Program { path: std::env::current_exe()?, options: options(memory, global, context), zone: global.tz.clone() })
}

/// The global options of every question.
fn options(memory: usize, global: &Global, context: &Context) -> Vec<OsString> {
    let mut options: Vec<OsString> = vec!["--store".into(), global.store.as_os_str().into()];
    let mut add = |name: &str, value: OsString| options.extend([name.into(), value]);
    add("--threads", context.threads.to_string().into());
    add("--memory", format!("{}MiB", (memory >> 20).max(LEAST_MEMORY)).into());
    if let Some(file) = &global.config {
        add("--config", file.into());
    }
    for file in &global.rules {
        add("--rules", file.into());
    }
    if global.no_config {
        options.push("--no-config".into());
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;
    use crate::cli::short_formats::command;
    use clap::FromArgMatches;
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    #[test]
    fn questions_get_the_options_of_the_server() {
        let matches = command().try_get_matches_from(["ecs-audit", "--store", "a b", "fields"]).unwrap();
        let global = Cli::from_arg_matches(&matches).unwrap().global;
        let (now, tz) = (Timestamp::UNIX_EPOCH, TimeZone::UTC);
        let context = Context { now, tz, width: None, color: false, progress: false, threads: 3, memory: 1 << 30 };
        let options = options(1 << 20, &global, &context);
        assert_eq!(options[..4], ["--store", "a b", "--threads", "3"]);
        assert_eq!(options[4..], ["--memory", "32MiB"]);
    }
}
