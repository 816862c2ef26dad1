//! The answer to a query: rows, and everything a reader needs to trust them.
//!
//! Made by [`crate::run`], read by [`crate::render`]. It carries the absolute window and the
//! canonical query, so that no renderer can forget them.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use jiff::Timestamp;

/// What a column means to a reader; the Arrow type alone does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Names, ids, messages.
    Text,
    /// Whole numbers (counts, exit codes).
    Int,
    /// Numbers with fractions.
    Float,
    /// A part of a whole between 0 and 1.
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

/// One output column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name as shown.
    pub name: String,
    /// How to show its values.
    pub kind: ColumnKind,
}

/// The absolute, half-open window an answer covers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnswerWindow {
    /// First instant inside the window; none = from the beginning of the store.
    pub from: Option<Timestamp>,
    /// First instant after the window; none = no upper bound.
    pub to: Option<Timestamp>,
    /// How the window came about, such as `7d before newest event`.
    pub origin: String,
}

/// Rows in their final order, with what they rest on.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The query in canonical form (empty for plain SQL).
    pub query: String,
    /// The output columns, in order; as many as the schema has fields.
    pub columns: Vec<Column>,
    /// The Arrow schema of the batches (there may be no batch at all).
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// The window that was asked for.
    pub window: AnswerWindow,
    /// True when the first column is a time bucket and groups follow it: a sparkline makes sense.
    pub spark: bool,
}

impl Answer {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}
