//! The cells of a table as sanitized text, with headers.

use super::rows::{is_numeric, visit_rows};
use super::{Look, RenderError, visible};
use crate::answer::{Answer, ColumnKind};

/// A header, with the layout of its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// The name, safe to print.
    pub name: String,
    /// Numbers are right-aligned.
    pub numeric: bool,
    /// Whether the text can be shortened; a shortened number would be a different number.
    pub elastic: bool,
}

/// A table of texts, safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grid {
    /// The column headers.
    pub headers: Vec<Header>,
    /// The rows; each has as many cells as there are headers.
    pub rows: Vec<Vec<String>>,
}

impl Grid {
    /// The whole result as people read it.
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
