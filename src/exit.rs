//! What the program tells the shell.

use std::process;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitCode {
    /// All went well.
    Ok,
    /// What was looked for was found: by a check, or a report that differs from its store.
    Finding,
    /// Something the person asked for could not be done.
    Error,
    /// It was done, but some of the input could not be loaded.
    Partial,
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        process::ExitCode::from(match code {
            ExitCode::Ok => 0,
            ExitCode::Finding => 1,
            ExitCode::Error => 2,
            ExitCode::Partial => 3,
        })
    }
}
