//! The result of a query: rows, and everything that a reader needs to trust them.
//!
//! Produced by [`crate::run`] and read by [`crate::render`]. It carries the absolute window and the canonical query,
//! so that no renderer can omit them.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use jiff::Timestamp;

/// The meaning of a column, which the Arrow type alone does not express.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Names, ids, messages.
    Text,
    /// Whole numbers (counts, exit codes).
    Int,
    /// Numbers with fractions.
    Float,
    /// A fraction between 0 and 1.
    Share,
    /// True or false.
    Bool,
    /// A point in time: `Timestamp(µs, UTC)`.
    Time,
    /// A length of time in seconds (`Float64`).
    Duration,
    /// A list of texts (`List<Utf8>`), for example the record ids behind a row.
    List,
}

/// An output column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The displayed name.
    pub name: String,
    /// How to display its values.
    pub kind: ColumnKind,
}

/// The absolute, half-open window an answer covers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnswerWindow {
    /// The first instant inside the window; none = from the beginning of the store.
    pub from: Option<Timestamp>,
    /// The first instant after the window; none = no upper bound.
    pub to: Option<Timestamp>,
    /// How the window was derived, such as `7d before newest event`.
    pub origin: String,
}

/// Rows in their final order, with the query and the window that they answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The query in canonical form (empty for plain SQL).
    pub query: String,
    /// The output columns, in order; as many as the schema has fields.
    pub columns: Vec<Column>,
    /// The Arrow schema of the batches (there may be no batches).
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// The requested window.
    pub window: AnswerWindow,
    /// Whether the first column is a time bucket followed by groups, so that a sparkline makes sense.
    pub spark: bool,
}

impl Answer {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}
