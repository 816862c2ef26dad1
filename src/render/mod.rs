//! Step ⑩: an [`Answer`] goes in, bytes in one of seven formats come out.
//!
//! One file per format behind [`Render`]. What an Arrow value looks like is decided in one place
//! ([`Cell`]), what may reach a terminal in another (`visible`). The same answer and the same
//! [`Look`] always give the same bytes; nothing here reads a clock, a terminal or the store.

mod bars;
mod cell;
mod chart;
mod csv;
mod fit;
mod format;
mod grid;
mod html;
mod json;
mod markdown;
mod ndjson;
mod number;
mod parquet;
mod read;
mod rows;
mod spark;
mod table;
#[cfg(test)]
mod tests;
mod time;
mod visible;

use std::io;

use arrow::error::ArrowError;
use jiff::tz::TimeZone;

pub use self::bars::sparkline;
pub use self::cell::Cell;
pub use self::chart::chart;
pub use self::format::{Format, UnknownFormat};
pub use self::html::escape as escape_html;
pub use self::json::json_line;
pub use self::markdown::escape as escape_markdown;
pub use self::rows::{is_numeric, rows};
pub use self::spark::{SparkRow, SparkTable, Summary, spark_columns};
pub use self::time::{describe_instant, describe_window};
pub use self::visible::visible;
use crate::answer::Answer;

/// The field metadata key that says which part a column plays; see [`ROLE_KEY`].
pub const ROLE: &str = "ecs_audit.role";
/// The value of [`ROLE`] on columns that rows are grouped by.
///
/// Without it a numeric key such as an exit status cannot be told from a measure, and the
/// sparklines fall back on what the values allow.
pub const ROLE_KEY: &str = "key";

/// What the reader's side looks like.
#[derive(Debug, Clone)]
pub struct Look {
    /// Columns of the terminal; none = as wide as the text.
    pub width: Option<usize>,
    /// Whether escape sequences for bold text are welcome.
    pub color: bool,
    /// The zone in which times are shown.
    pub tz: TimeZone,
}

impl Default for Look {
    fn default() -> Self {
        Self { width: None, color: false, tz: TimeZone::UTC }
    }
}

/// Writes an answer in one format.
pub trait Render {
    /// Writes the whole answer to `out`.
    fn render(&self, answer: &Answer, look: &Look, out: &mut dyn io::Write) -> Result<(), RenderError>;
}

/// Why an answer could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The output refused the bytes; a closed pipe arrives here as it came.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The answer names a different number of columns than its rows have.
    #[error("the answer names {named} columns but its rows have {found}; this is a bug in ecs-audit")]
    Shape {
        /// How many columns are named.
        named: usize,
        /// How many the rows have.
        found: usize,
    },
    /// A value of a type that has no text form.
    #[error("column `{column}` cannot be shown as text: {source}; leave it out with `show`, or try `--format parquet`")]
    Value {
        /// The column.
        column: String,
        /// What Arrow said.
        source: ArrowError,
    },
    /// Parquet has no place for these rows.
    #[error("the rows cannot be written as Parquet: {0}; `--format csv` takes every type")]
    Parquet(#[from] ::parquet::errors::ParquetError),
    /// The batches of the answer do not fit together.
    #[error("the rows cannot be put together: {0}; `--format csv` takes every type")]
    Batch(#[source] ArrowError),
}

/// Writes `answer` to `out` in `format`.
pub fn render(format: Format, answer: &Answer, look: &Look, out: &mut dyn io::Write) -> Result<(), RenderError> {
    format.renderer().render(answer, look, out)
}
