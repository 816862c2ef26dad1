//! A table of the report: the CSV file with all rows, and the preview on the page.

use super::ReportError;
use super::queries::QueryResult;
use crate::answer::{Answer, ColumnKind};
use crate::render::{Cell, Format, Look, is_numeric, render};
use jiff::tz::TimeZone;
use serde::Serialize;

/// The preview of a table on the page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Preview {
    /// The columns.
    pub columns: Vec<Heading>,
    /// The rows shown.
    pub rows: Vec<Vec<String>>,
    /// The total number of rows.
    pub total: usize,
}

/// A column header.
#[derive(Debug, Clone, Serialize)]
pub struct Heading {
    /// The name.
    pub name: String,
    /// Whether its values are right-aligned.
    pub numeric: bool,
    /// Whether its values are times, which are not wrapped.
    pub time: bool,
}

impl Preview {
    /// The first rows of a result, without some columns.
    pub fn of(result: &QueryResult, (most, without): (usize, &[String]), tz: &TimeZone) -> Preview {
        let look = look(tz);
        let shown = || result.rows.iter().take(most);
        let is_filled = |column: usize| shown().any(|cells| cells.get(column).is_some_and(|cell| *cell != Cell::Missing));
        // Columns without any value would take the place of those that have some; the CSV file has all columns.
        let is_wanted = |column: usize| result.answer.columns.get(column).is_some_and(|column| !without.contains(&column.name));
        let all = (0..result.answer.columns.len()).filter(|column| is_wanted(*column));
        let filled: Vec<usize> = all.filter(|column| most == 0 || is_filled(*column)).collect();
        let columns = filled.iter().filter_map(|column| result.answer.columns.get(*column));
        let cells =
            |cells: &Vec<Cell>| filled.iter().filter_map(|column| cells.get(*column)).map(|cell| cell.human(&look)).collect();
        Preview {
            columns: columns
                .map(|column| Heading {
                    name: column_title(&column.name),
                    numeric: is_numeric(column.kind),
                    time: column.kind == ColumnKind::Time,
                })
                .collect(),
            rows: shown().map(cells).collect(),
            total: result.rows.len(),
        }
    }

    /// A table of texts; the given columns are numeric.
    pub fn texts(columns: &[(&str, bool)], rows: Vec<Vec<String>>) -> Preview {
        let heading = |(name, numeric): &(&str, bool)| Heading {
            name: (*name).to_owned(),
            numeric: *numeric,
            time: matches!(*name, "from" | "until" | "first" | "last"),
        };
        Preview { columns: columns.iter().map(heading).collect(), total: rows.len(), rows }
    }
}

/// A column name for readers.
fn column_title(name: &str) -> String {
    name.replace('_', " ")
}

/// A result as CSV.
pub fn csv(answer: &Answer, tz: &TimeZone) -> Result<Vec<u8>, ReportError> {
    let mut bytes = Vec::new();
    render(Format::Csv, answer, &look(tz), &mut bytes)?;
    Ok(bytes)
}

fn look(tz: &TimeZone) -> Look {
    Look { tz: tz.clone(), ..Look::default() }
}
