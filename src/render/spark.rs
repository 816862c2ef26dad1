//! Sparklines for results by time and group: one line per group.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::bars::{peak, sparkline};
use super::fit::GAP;
use super::grid::{Grid, Header};
use super::rows::{is_numeric, visit_rows};
use super::shorten::width_of;
use super::{Cell, Look, ROLE, ROLE_KEY, RenderError, visible};
use crate::answer::{Answer, Column, ColumnKind};

/// A wider sparkline is harder to read.
const WIDEST: usize = 60;
/// A narrower sparkline is useless.
const NARROWEST: usize = 8;

/// One line per group, the largest first.
#[derive(Debug, Clone, PartialEq)]
pub struct SparkTable {
    /// The columns that form a group.
    pub keys: Vec<Column>,
    /// The drawn column.
    pub measure: Column,
    /// How its values are combined.
    pub summary: Summary,
    /// The groups.
    pub rows: Vec<SparkRow>,
}

/// A group over time.
#[derive(Debug, Clone, PartialEq)]
pub struct SparkRow {
    /// The key values of the group.
    pub keys: Vec<Cell>,
    /// The combined value; none if all are missing.
    pub summary: Option<f64>,
    /// The values by time, the same number in every row.
    pub values: Vec<Option<f64>>,
}

/// How the values of a group are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Summary {
    /// Counts and sums are added.
    Total,
    /// For averages, percentiles and levels, the largest value is used.
    Peak,
}

/// The groups of a result over time, if it has a time bucket, keys, and then a measure.
///
/// None if the result does not request sparklines, or if a group has two values for one bucket: then the keys were
/// misidentified, and no chart is better than a wrong one.
pub fn spark_columns(answer: &Answer) -> Result<Option<SparkTable>, RenderError> {
    let Some(first_measure) = first_measure(answer) else {
        return Ok(None);
    };
    let Some((keys, measure)) = answer.columns.get(1..first_measure).zip(answer.columns.get(first_measure)) else {
        return Ok(None);
    };
    let Some(groups) = read_groups(answer, first_measure)? else {
        return Ok(None);
    };
    let buckets: Vec<Timestamp> = {
        let every = groups.values().flat_map(|group| group.values.keys());
        let mut every: Vec<_> = every.copied().collect();
        every.sort_unstable();
        every.dedup();
        every
    };
    let summary = summary_of(measure);
    let mut rows: Vec<_> = groups.into_values().map(|group| group.into_row(&buckets, summary)).collect();
    // The sort is stable, so groups of the same size keep the order of their keys.
    rows.sort_by(|a, b| {
        let size = |row: &SparkRow| row.summary.unwrap_or(f64::NEG_INFINITY);
        size(b).total_cmp(&size(a))
    });
    Ok(Some(SparkTable { keys: keys.to_vec(), measure: measure.clone(), summary, rows }))
}

impl SparkTable {
    /// The table as text, with sparklines as wide as the terminal allows.
    pub(super) fn grid(&self, look: &Look) -> Grid {
        let header = |name: &str, numeric, elastic| Header { name: name.to_owned(), numeric, elastic, rank: None, main: false };
        let mut headers: Vec<_> =
            self.keys.iter().map(|key| header(&visible(&key.name), is_numeric(key.kind), !is_numeric(key.kind))).collect();
        let word = match self.summary {
            Summary::Total => "total",
            Summary::Peak => "peak",
        };
        let name = visible(&self.measure.name);
        headers.push(header(&format!("{word} {name}"), true, false));
        headers.push(header("trend", false, false));
        let mut rows: Vec<Vec<String>> = self.rows.iter().map(|row| self.texts(row, look)).collect();
        let width = spark_width(&headers, &rows, look);
        for (texts, row) in rows.iter_mut().zip(&self.rows) {
            texts.push(sparkline(&row.values, width));
        }
        Grid { headers, rows }
    }

    fn texts(&self, row: &SparkRow, look: &Look) -> Vec<String> {
        let summary = row.summary.map_or(Cell::Missing, |value| self.cell(value));
        row.keys.iter().chain([&summary]).map(|cell| visible(&cell.human(look)).into_owned()).collect()
    }

    fn cell(&self, value: f64) -> Cell {
        match self.measure.kind {
            ColumnKind::Share => Cell::Share(value),
            ColumnKind::Duration => Cell::Duration(value),
            ColumnKind::Int if value.fract() == 0.0 => Cell::Int(value as i128),
            _ => Cell::Float(value),
        }
    }
}

/// At least a third of the terminal, because keys can be shortened but the sparkline cannot.
fn spark_width(headers: &[Header], rows: &[Vec<String>], look: &Look) -> usize {
    let Some(width) = look.width else {
        return WIDEST;
    };
    let taken: usize = headers
        .iter()
        .enumerate()
        .map(|(column, header)| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let data = cells.map(|cell| width_of(cell)).max().unwrap_or(0);
            // The header of the trend itself takes no space next to the keys.
            let name = if column + 1 == headers.len() { 0 } else { width_of(&header.name) };
            data.max(name) + GAP
        })
        .sum();
    width.saturating_sub(taken).max(width / 3).clamp(NARROWEST, WIDEST)
}

/// The first column that is not a key.
fn first_measure(answer: &Answer) -> Option<usize> {
    let columns = &answer.columns;
    if !answer.spark || columns.first()?.kind != ColumnKind::Time {
        return None;
    }
    let marked = |index: usize| {
        let fields = answer.schema.fields();
        let role = fields.get(index).and_then(|field| field.metadata().get(ROLE));
        role.is_some_and(|role| role == ROLE_KEY)
    };
    let any_marked = (1..columns.len()).any(marked);
    let is_key = |&(index, column): &(usize, &Column)| {
        if any_marked { marked(index) } else { !is_numeric(column.kind) }
    };
    let keys = columns.iter().enumerate().skip(1).take_while(is_key).count();
    let measure = columns.get(keys + 1)?;
    (keys > 0 && is_numeric(measure.kind)).then_some(keys + 1)
}

/// Groups by the text of their keys, so that their order does not depend on the order of the rows.
type Groups = BTreeMap<Vec<Option<String>>, Group>;

#[derive(Default)]
struct Group {
    keys: Vec<Cell>,
    values: BTreeMap<Timestamp, Option<f64>>,
}

impl Group {
    fn into_row(self, buckets: &[Timestamp], summary: Summary) -> SparkRow {
        let value = |bucket| self.values.get(bucket).copied().flatten();
        let values: Vec<Option<f64>> = buckets.iter().map(value).collect();
        let summary = match summary {
            Summary::Total => values.iter().flatten().copied().reduce(|a, b| a + b),
            Summary::Peak => peak(&values),
        };
        SparkRow { keys: self.keys, summary, values }
    }
}

/// All groups of the result; none if one has two values for a bucket.
fn read_groups(answer: &Answer, first_measure: usize) -> Result<Option<Groups>, RenderError> {
    let look = Look::default();
    let mut groups = Groups::new();
    let mut is_clear = true;
    visit_rows(answer, |cells| {
        let (Some(Cell::Time(bucket)), Some(keys), Some(value)) =
            (cells.first(), cells.get(1..first_measure), cells.get(first_measure))
        else {
            return Ok(());
        };
        let name = |key: &Cell| (*key != Cell::Missing).then(|| key.exact(&look));
        let group = groups.entry(keys.iter().map(name).collect::<Vec<_>>());
        let group = group.or_insert_with(|| Group { keys: keys.to_vec(), ..Group::default() });
        is_clear &= group.values.insert(*bucket, value.as_number()).is_none();
        Ok(())
    })?;
    Ok(is_clear.then_some(groups))
}

fn summary_of(measure: &Column) -> Summary {
    const LEVELS: [&str; 9] = ["avg", "min", "max", "first", "last", "any", "distinct", "median", "peak"];
    let name = measure.name.as_str();
    let stem = name.split(['_', '(']).next().unwrap_or(name);
    let is_percentile = stem.strip_prefix('p').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    let adds_up = match measure.kind {
        ColumnKind::Int => !is_percentile && !LEVELS.contains(&stem),
        _ => stem == "sum",
    };
    if adds_up { Summary::Total } else { Summary::Peak }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::{Field, Schema};
    use arrow::record_batch::RecordBatch;

    use super::*;

    /// Rows of (hour, reason, status, count).
    fn answer(rows: &[(i64, &str, i64, i64)], marked: bool) -> Answer {
        let hours = rows.iter().map(|row| row.0 * 3_600_000_000);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(TimestampMicrosecondArray::from_iter_values(hours)),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1))),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2))),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.3))),
        ];
        let names = ["time", "reason", "status", "count"];
        let field = |(name, column): (&&str, &ArrayRef)| {
            let field = Field::new(*name, column.data_type().clone(), true);
            let is_key = marked && ["reason", "status"].contains(name);
            let role = is_key.then(|| (ROLE.to_owned(), ROLE_KEY.to_owned()));
            field.with_metadata(role.into_iter().collect::<HashMap<_, _>>())
        };
        let fields: Vec<_> = names.iter().zip(&columns).map(field).collect();
        let schema = Arc::new(Schema::new(fields));
        let kinds = [ColumnKind::Time, ColumnKind::Text, ColumnKind::Int, ColumnKind::Int];
        let column = |(name, kind): (&str, ColumnKind)| Column { name: name.to_owned(), kind };
        Answer {
            query: String::new(),
            columns: names.into_iter().zip(kinds).map(column).collect(),
            schema: schema.clone(),
            batches: vec![RecordBatch::try_new(schema, columns).unwrap()],
            window: Default::default(),
            spark: true,
        }
    }

    #[test]
    fn numeric_keys_are_keys_when_marked() {
        let rows = [(0, "a", 1, 5), (0, "a", 137, 1), (1, "a", 1, 10), (2, "b", 1, 70)];
        let table = spark_columns(&answer(&rows, true)).unwrap().unwrap();
        assert_eq!(table.measure.name, "count");
        assert_eq!(table.summary, Summary::Total);
        let totals: Vec<_> = table.rows.iter().map(|row| row.summary).collect();
        assert_eq!(totals, [Some(70.0), Some(15.0), Some(1.0)]);
        assert_eq!(table.rows[1].values, [Some(5.0), Some(10.0), None]);
        let grid = table.grid(&Look::default());
        assert_eq!(grid.rows[1], ["a", "1", "15", "▅█ "]);
        assert_eq!(grid.headers[2].name, "total count");
    }

    #[test]
    fn keys_that_are_not_understood_give_no_picture() {
        let rows = [(0, "a", 1, 5), (0, "a", 137, 1)];
        assert_eq!(spark_columns(&answer(&rows, false)).unwrap(), None);
        let mut quiet = answer(&rows, true);
        quiet.spark = false;
        assert_eq!(spark_columns(&quiet).unwrap(), None);
    }

    #[test]
    fn only_counts_and_sums_add_up() {
        let summary = |name: &str, kind| summary_of(&Column { name: name.to_owned(), kind });
        assert_eq!(summary("count", ColumnKind::Int), Summary::Total);
        assert_eq!(summary("placed", ColumnKind::Int), Summary::Total);
        assert_eq!(summary("max_used", ColumnKind::Int), Summary::Peak);
        assert_eq!(summary("p95_exit_code", ColumnKind::Int), Summary::Peak);
        assert_eq!(summary("sum_duration", ColumnKind::Duration), Summary::Total);
        assert_eq!(summary("share", ColumnKind::Share), Summary::Peak);
    }
}
