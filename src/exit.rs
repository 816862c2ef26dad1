//! Exit codes.

use std::process;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitCode {
    /// Success.
    Ok,
    /// A check found something, or a report differs from its store.
    Finding,
    /// The request could not be fulfilled.
    Error,
    /// Success, but some of the input could not be loaded.
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
