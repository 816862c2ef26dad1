//! Step ⑪: combines many results in one folder: a CSV file per section, `report.md`, `report.html` and
//! `manifest.json`. With [`Request::brief`], the files of [`BriefFormat`] take
//! the place of the page.
//!
//! In: a [`Request`] with an absolute window, and a [`QueryCache`] that runs queries. Out: the bytes of all files.
//! `sections.toml` defines the queries; every number is the result of one of them, and the manifest contains these
//! queries in canonical form. Invariant: the same request to the same store produces the same bytes, regardless of
//! the threads, the clock or the time zone of the machine. Only [`folder`] accesses the disk.

mod brief;
mod build;
mod chart;
mod cost;
mod coverage;
mod derived;
mod draw;
mod finding;
mod folder;
mod impact;
mod incident;
mod instant;
mod manifest;
mod markdown;
mod page;
mod preview;
mod queries;
mod section;
mod story;
mod verify;

pub use brief::BriefFormat;
pub use build::{Built, build, read_often};
pub use folder::{check_folder, read, write};
pub use manifest::{Manifest, Own, Prices, Request, Snapshot};
pub use queries::{QueryCache, Run};
pub use section::{check_names, names};
pub use verify::{Difference, compare};

use crate::diagnostic::Diagnostic;
use crate::render::RenderError;
use crate::run::RunError;
use arrow::error::ArrowError;
use std::io;
use std::path::{Path, PathBuf};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A message.
    #[error("{0}")]
    Sentence(String),
    /// An invalid query of the report, with its text.
    #[error("a query of the report is invalid")]
    Query {
        /// The text of the query.
        text: String,
        /// The errors in the query.
        diagnostics: Vec<Diagnostic>,
    },
    /// Running a query failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Writing a table failed.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Combining rows failed.
    #[error("cannot combine the rows: {0}; this is a bug in ecs-audit")]
    Shape(#[from] ArrowError),
    /// Rendering the page failed.
    #[error("cannot render the page: {0:#}; this is a bug in ecs-audit")]
    Page(#[from] minijinja::Error),
    /// Drawing a chart failed.
    #[error("cannot draw a chart: {0}; this is a bug in ecs-audit")]
    Chart(String),
    /// Accessing the disk failed.
    #[error("`{path}`: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
}

impl ReportError {
    fn io(path: &Path, error: io::Error) -> Self {
        ReportError::Io { path: path.to_path_buf(), error }
    }
}
