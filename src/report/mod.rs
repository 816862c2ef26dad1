//! ⑪ Many answers become one directory: a CSV file for each section, `report.md`, `report.html` and
//! `manifest.json`.
//!
//! In: a [`Request`] with an absolute window, and a [`Desk`] that answers queries of the language. Out: the
//! bytes of every file. What is asked stands in `sections.toml`; every number is the answer to a query
//! there, and the manifest has these queries in canonical form. Invariant: the same request to the same
//! store gives the same bytes, whatever the threads, the clock or the zone of the machine; only
//! [`folder`] touches the disk.

mod build;
mod chart;
mod desk;
mod draw;
mod finding;
mod folder;
mod instant;
mod made;
mod manifest;
mod markdown;
mod page;
mod section;
mod sheet;
mod story;
mod verify;

pub use build::{Built, asked_often, build};
pub use desk::{Desk, Run};
pub use folder::{read, write};
pub use manifest::{Manifest, Own, Request, Snapshot};
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
    /// A sentence.
    #[error("{0}")]
    Sentence(String),
    /// A query of the report, with its text.
    #[error("a query of the report cannot run")]
    Query {
        /// The text of the query.
        text: String,
        /// What is wrong with it.
        diagnostics: Vec<Diagnostic>,
    },
    /// Asking.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Writing a table.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Putting rows together.
    #[error("the rows cannot be put together: {0}; this is a bug in ecs-audit")]
    Shape(#[from] ArrowError),
    /// The page.
    #[error("the page cannot be written: {0:#}; this is a bug in ecs-audit")]
    Page(#[from] minijinja::Error),
    /// A chart.
    #[error("a chart cannot be drawn: {0}; this is a bug in ecs-audit")]
    Chart(String),
    /// The disk.
    #[error("`{path}`: {error}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

impl ReportError {
    fn io(path: &Path, error: io::Error) -> Self {
        ReportError::Io { path: path.to_path_buf(), error }
    }
}
