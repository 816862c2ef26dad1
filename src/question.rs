//! Questions as command lines, answered by processes of their own.
//!
//! Servers ([`crate::mcp`], [`crate::serve`]) turn a request into the command line that a person would type. The command
//! line implements [`Ask`], because only it starts processes.

use std::io;

/// The output of a command.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// Standard output: the data.
    pub data: String,
    /// Standard error: the window, notes, errors.
    pub notes: String,
    /// Whether the command answered.
    pub answered: bool,
    /// Whether the data was longer than the limit, so that the end is missing.
    pub cut: bool,
}

/// Runs commands on a store.
pub trait Ask: Send + Sync + 'static {
    /// Runs a command line without the name of the program. Dropping the future ends the command.
    ///
    /// # Errors
    ///
    /// If the command cannot be started, or takes too long ([`io::ErrorKind::TimedOut`]), or if too many others are waiting
    /// ([`io::ErrorKind::ResourceBusy`]).
    fn ask(&self, command: Vec<String>) -> impl Future<Output = io::Result<Output>> + Send;
}
