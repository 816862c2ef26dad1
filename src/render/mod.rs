//! Step ⑩: writes an [`Answer`] in one of seven formats.
//!
//! Each format is one file that implements [`Render`]. [`Cell`] defines how an Arrow value looks, and `visible`
//! defines what may reach a terminal. The same answer and the same [`Look`] always produce the same bytes; nothing
//! here reads a clock, a terminal or the store.

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

/// The field metadata key with the role of a column; see [`ROLE_KEY`].
pub const ROLE: &str = "ecs_audit.role";
/// The value of [`ROLE`] on group columns.
///
/// Without it, a numeric key such as an exit status cannot be distinguished from a measure, and sparklines have to
/// guess from the values.
pub const ROLE_KEY: &str = "key";

/// The output environment.
#[derive(Debug, Clone)]
pub struct Look {
    /// The width of the terminal; none = unlimited.
    pub width: Option<usize>,
    /// Whether escape sequences for bold text are allowed.
    pub color: bool,
    /// The time zone of displayed times.
    pub tz: TimeZone,
}

impl Default for Look {
    fn default() -> Self {
        Self { width: None, color: false, tz: TimeZone::UTC }
    }
}

/// Writes a result in one format.
pub trait Render {
    /// Writes the whole result to `out`.
    fn render(&self, answer: &Answer, look: &Look, out: &mut dyn io::Write) -> Result<(), RenderError>;
}

/// Why a result could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// Writing failed; a closed pipe is reported unchanged.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The number of columns and the width of the rows differ.
    #[error("the result declares {named} columns, but its rows have {found}; this is a bug in ecs-audit")]
    Shape {
        /// The number of declared columns.
        named: usize,
        /// The number of columns in the rows.
        found: usize,
    },
    /// A value of a type without a text form.
    #[error("cannot display column `{column}` as text: {source}; omit it with `show`, or use `--format parquet`")]
    Value {
        /// The column.
        column: String,
        /// The Arrow error.
        source: ArrowError,
    },
    /// Parquet does not support these rows.
    #[error("cannot write the rows as Parquet: {0}; `--format csv` supports every type")]
    Parquet(#[from] ::parquet::errors::ParquetError),
    /// The batches of the result do not have the same schema.
    #[error("cannot combine the rows: {0}; `--format csv` supports every type")]
    Batch(#[source] ArrowError),
}

/// Writes `answer` to `out` in `format`.
pub fn render(format: Format, answer: &Answer, look: &Look, out: &mut dyn io::Write) -> Result<(), RenderError> {
    format.renderer().render(answer, look, out)
}
