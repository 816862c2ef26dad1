//! Step ⑩: writes an [`Answer`] in one of the formats of [`Format`].
//!
//! Each format is one file that implements [`Render`]. [`Cell`] defines how an Arrow value looks, and `visible`
//! defines what may reach a terminal. The same answer and the same [`Look`] always produce the same bytes; nothing
//! here reads a clock, a terminal or the store.

mod advice;
mod bars;
mod cell;
mod chart;
mod csv;
mod draw;
mod expanded;
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
mod schema;
mod shorten;
mod slack;
mod spark;
mod table;
#[cfg(test)]
mod tests;
mod time;
mod tone;
mod visible;
mod wrap;

use std::io;

use arrow::error::ArrowError;
use jiff::tz::TimeZone;

pub use self::advice::{advice_html, advice_markdown};
pub use self::bars::sparkline;
pub use self::cell::Cell;
pub use self::chart::chart;
pub use self::format::{FORMATS, Format, FormatInfo, TextFormat, UnknownFormat, elsewhere};
pub use self::html::{PAGE_STYLE, PALETTE, escape as escape_html, script_hash};
pub use self::json::json_line;
pub use self::markdown::{code as markdown_code, escape as escape_markdown};
pub use self::number::{describe_duration, thousands};
pub use self::rows::{is_numeric, rows};
pub use self::schema::{Schema, json_document, json_pretty};
pub use self::shorten::{capitalized, shorten, width_of};
pub use self::slack::SlackMessage;
pub use self::spark::{SparkRow, SparkTable, Summary, spark_columns};
pub use self::time::{describe_instant, describe_window};
pub use self::visible::{is_hidden, visible};
pub use self::wrap::{wrap_message, wrap_page};
use crate::answer::Answer;

/// The field metadata key with the role of a column; see [`ROLE_KEY`].
pub const ROLE: &str = "ecs_audit.role";
/// The value of [`ROLE`] on group columns.
///
/// Without it, a numeric key such as an exit status cannot be distinguished from a measure, and sparklines have to
/// guess from the values.
pub const ROLE_KEY: &str = "key";
/// The value of [`ROLE`] on a column with addresses of the AWS console.
pub const ROLE_LINK: &str = "link";
/// The field metadata key with the rank of a column in tables that are too narrow for all columns: a number; the column
/// with the largest one is left out first. Columns without it are left out from the right.
pub const RANK: &str = "ecs_audit.rank";

/// The metadata key of the column whose sentence gets space before other columns do.
pub const MAIN: &str = "ecs_audit.main";
/// A missing value, wherever people read it. Formats for machines have their own: an empty cell, or null.
pub const MISSING: &str = "—";

/// The output environment.
#[derive(Debug, Clone)]
pub struct Look {
    /// The width of the terminal; none = unlimited.
    pub width: Option<usize>,
    /// Whether escape sequences for bold text and colors are allowed.
    pub color: bool,
    /// The time zone of displayed times.
    pub tz: TimeZone,
    /// What a table does with rows that are wider than the terminal.
    pub layout: Layout,
}

/// What a table does with rows that are wider than the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One line per row: texts are shortened, and columns that do not fit are left out and named, with this hint.
    Lines {
        /// How to see the other columns.
        hint: &'static str,
    },
    /// Whole texts, which continue on further lines at words; columns that do not fit are left out and named, with this
    /// hint.
    Wrapped {
        /// How to see the other columns.
        hint: &'static str,
    },
    /// One line per value.
    Expanded,
}

impl Default for Layout {
    fn default() -> Self {
        Self::Lines { hint: "" }
    }
}

impl Default for Look {
    fn default() -> Self {
        Self { width: None, color: false, tz: TimeZone::UTC, layout: Layout::default() }
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
