//! Cells as safe, finished text with headers: what a table is drawn from.

use super::rows::{is_numeric, visit_rows};
use super::{Look, RenderError, visible};
use crate::answer::{Answer, ColumnKind};

/// A header with what the layout has to know of the column below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// The name, safe to print.
    pub name: String,
    /// Numbers stand on the right.
    pub numeric: bool,
    /// Text may be shortened; a shortened number would be another number.
    pub elastic: bool,
}

/// A table of texts, safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grid {
    /// One a column.
    pub headers: Vec<Header>,
    /// Each as long as `headers`.
    pub rows: Vec<Vec<String>>,
}

impl Grid {
    /// The whole answer as a person reads it.
    pub fn read(answer: &Answer, look: &Look) -> Result<Self, RenderError> {
        let headers = answer.columns.iter().map(|column| Header {
            name: visible(&column.name).into_owned(),
            numeric: is_numeric(column.kind),
            elastic: matches!(column.kind, ColumnKind::Text | ColumnKind::List),
        });
        let mut rows = Vec::with_capacity(answer.rows());
        visit_rows(answer, |cells| {
            let texts = cells.iter().map(|cell| cell.human(look));
            rows.push(texts.map(|text| visible(&text).into_owned()).collect());
            Ok(())
        })?;
        Ok(Self { headers: headers.collect(), rows })
    }
}
