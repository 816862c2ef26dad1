//! Why a command failed. The command line prints it.

use crate::diagnostic::Diagnostic;
use crate::render::RenderError;
use crate::report::ReportError;
use crate::run::RunError;
use crate::store::StoreError;
use std::io;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A message.
    #[error("{0}")]
    Sentence(String),
    /// An invalid query, with its text.
    #[error("invalid query")]
    Query {
        /// The text of the query.
        text: String,
        /// The errors in the query.
        diagnostics: Vec<Diagnostic>,
    },
    /// Running a query failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Writing a report failed.
    #[error(transparent)]
    Report(ReportError),
    /// Rendering failed.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Writing output failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<ReportError> for AppError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Query { text, diagnostics } => AppError::Query { text, diagnostics },
            ReportError::Run(error) => AppError::Run(error),
            error => AppError::Report(error),
        }
    }
}

impl AppError {
    /// Whether the reader of the output closed the pipe, which is not an error.
    pub fn is_broken_pipe(&self) -> bool {
        match self {
            AppError::Io(error) | AppError::Render(RenderError::Io(error)) => error.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }

    /// An error of running a query; errors in its text show the position.
    pub fn of_run(error: RunError, text: &str) -> Self {
        match error {
            RunError::Typed(diagnostic) => AppError::Query { text: text.to_owned(), diagnostics: vec![*diagnostic] },
            error => AppError::Run(error),
        }
    }
}
