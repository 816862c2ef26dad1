//! The cells of a table as sanitized text, with headers.

use super::rows::{is_numeric, visit_rows};
use super::{Look, MAIN, RANK, RenderError, visible};
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
    /// How early the column is left out if not all fit, the largest first; none = it stays.
    pub rank: Option<u32>,
    /// Whether its sentence says what a row is about, so that columns are left out until most of the sentence fits.
    pub main: bool,
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
        let headers = answer.columns.iter().enumerate().map(|(position, column)| Header {
            name: visible(&column.name).into_owned(),
            numeric: is_numeric(column.kind),
            elastic: matches!(column.kind, ColumnKind::Text | ColumnKind::List),
            rank: (position > 0).then(|| given_rank(answer, position).unwrap_or(position as u32)),
            main: answer.schema.fields().get(position).is_some_and(|field| field.metadata().contains_key(MAIN)),
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

/// The rank of a column in the metadata of its field.
fn given_rank(answer: &Answer, position: usize) -> Option<u32> {
    answer.schema.fields().get(position)?.metadata().get(RANK)?.parse().ok()
}
