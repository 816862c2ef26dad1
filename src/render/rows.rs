//! Iterates over the rows of a result, in order, as slices of [`Cell`]s.

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;

use super::read::{decode_column, read_cell};
use super::{Cell, RenderError};
use crate::answer::{Answer, ColumnKind};

/// Calls `visit` with the cells of each row.
pub(super) fn visit_rows(answer: &Answer, mut visit: impl FnMut(&[Cell]) -> Result<(), RenderError>) -> Result<(), RenderError> {
    let mut cells = Vec::with_capacity(answer.columns.len());
    for batch in &answer.batches {
        let columns = decode_batch(answer, batch)?;
        for row in 0..batch.num_rows() {
            cells.clear();
            for (column, shown) in columns.iter().zip(&answer.columns) {
                let cell = read_cell(column, row, shown.kind).map_err(|source| value_error(&shown.name, source))?;
                cells.push(cell);
            }
            visit(&cells)?;
        }
    }
    Ok(())
}

/// The cells of each row, in order.
pub fn rows(answer: &Answer) -> Result<Vec<Vec<Cell>>, RenderError> {
    let mut rows = Vec::with_capacity(answer.rows());
    visit_rows(answer, |cells| {
        rows.push(cells.to_vec());
        Ok(())
    })?;
    Ok(rows)
}

/// Whether a column contains numbers, which are right-aligned.
pub fn is_numeric(kind: ColumnKind) -> bool {
    matches!(kind, ColumnKind::Int | ColumnKind::Float | ColumnKind::Share | ColumnKind::Duration)
}

fn decode_batch(answer: &Answer, batch: &RecordBatch) -> Result<Vec<ArrayRef>, RenderError> {
    if batch.num_columns() != answer.columns.len() {
        return Err(RenderError::Shape { named: answer.columns.len(), found: batch.num_columns() });
    }
    batch
        .columns()
        .iter()
        .zip(&answer.columns)
        .map(|(column, shown)| decode_column(column).map_err(|source| value_error(&shown.name, source)))
        .collect()
}

fn value_error(column: &str, source: arrow::error::ArrowError) -> RenderError {
    RenderError::Value { column: super::visible(column).into_owned(), source }
}
