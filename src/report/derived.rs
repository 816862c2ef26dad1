//! Derived sections, which no query can produce: the ranked changes before the main bursts, and the traffic that flow
//! logs show as rejected.
//!
//! Their rows are computed in the same way as `ecs-audit changes` and `ecs-audit explain` do for a single failure.

use super::ReportError;
use super::queries::{Between, QueryCache, QueryResult};
use crate::answer::{Answer, AnswerWindow, Column, ColumnKind};
use crate::explain::{Burst, Changes, bursts, changes_of, rejects};
use crate::model::catalog::FailureCatalog;
use crate::render::Cell;
use crate::run::{RunError, parallel_queries};
use arrow::array::{ArrayRef, Float64Array, Int64Array, ListBuilder, StringArray, StringBuilder, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The number of bursts for which changes are listed.
const BURSTS: usize = 12;
/// The number of changes listed per burst, most closely related first.
const CHANGES: usize = 10;

/// A derived section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Derived {
    /// The changes before the main bursts.
    Changes,
    /// Failures whose traffic was rejected.
    Rejects,
}

impl Derived {
    /// Its rows; `query` is the query that they are derived from.
    pub fn result(self, cache: &QueryCache<'_>, query: String, window: Between) -> Result<QueryResult, ReportError> {
        let (columns, rows) = match self {
            Derived::Changes => (CHANGE_COLUMNS, changes(cache, window)?),
            Derived::Rejects => (REJECT_COLUMNS, network(cache, window)?),
        };
        cache.redacted(answer(query, columns, &rows)?)
    }
}

/// A row, and the ids of its records.
type Row = (Vec<Cell>, Vec<String>);

const CHANGE_COLUMNS: &[(&str, ColumnKind)] = &[
    ("burst", ColumnKind::Time),
    ("failures", ColumnKind::Int),
    ("cause", ColumnKind::Text),
    ("cluster", ColumnKind::Text),
    ("time", ColumnKind::Time),
    ("before", ColumnKind::Duration),
    ("change", ColumnKind::Text),
    ("user", ColumnKind::Text),
    ("shares", ColumnKind::Text),
    ("id", ColumnKind::Text),
    ("others", ColumnKind::Int),
];

fn changes(cache: &QueryCache<'_>, window: Between) -> Result<Vec<Row>, ReportError> {
    let kept = in_scope(cache, window)?;
    let most = if kept.is_some() { usize::MAX >> 1 } else { BURSTS };
    let mut main = bursts(cache.records, window, most)?;
    main.retain(|burst| kept.as_ref().is_none_or(|kept| kept.contains(&burst.id)));
    main.truncate(BURSTS);
    let records = cache.records;
    let found = parallel_queries(cache.threads, &main, |burst| changes_of(records, burst));
    let mut rows = Vec::new();
    for (burst, changes) in main.iter().zip(found) {
        if let Some(changes) = changes? {
            rows.extend(changes_before(burst, &changes));
        }
    }
    Ok(rows)
}

/// The changes before a burst; bursts without any related change are omitted.
fn changes_before<'a>(burst: &'a Burst, changes: &'a Changes) -> impl Iterator<Item = Row> + 'a {
    let cause = burst.cause.as_deref().unwrap_or_default();
    let cause = FailureCatalog::current().entry(cause).map_or(cause, |entry| entry.name.as_str());
    changes.changes.iter().take(CHANGES).map(move |change| {
        let cells = vec![
            Cell::Time(burst.first),
            Cell::Int(burst.failures as i128),
            text(Some(cause)),
            text(burst.place.as_deref()),
            Cell::Time(change.event.time),
            Cell::Duration(change.before_seconds as f64),
            text(Some(&change.event.what)),
            text(change.event.who.as_deref()),
            text(Some(&change.shares.join(", "))),
            text(Some(&change.event.record)),
            Cell::Int(changes.others as i128),
        ];
        let issued = change.principal_chain.iter().filter_map(|principal| principal.record.clone());
        (cells, [change.event.record.clone(), burst.record.clone()].into_iter().chain(issued).collect())
    })
}

/// The ids of the failures in the scope of the report; none if it is not narrowed.
fn in_scope(cache: &QueryCache<'_>, window: Between) -> Result<Option<BTreeSet<String>>, ReportError> {
    if cache.scope.is_empty() {
        return Ok(None);
    }
    let result = cache.ask("failures show id limit 4000000000", Some(window))?;
    Ok(Some((0..result.rows.len()).filter_map(|row| result.text(row, "id").map(str::to_owned)).collect()))
}

const REJECT_COLUMNS: &[(&str, ColumnKind)] = &[
    ("time", ColumnKind::Time),
    ("cluster", ColumnKind::Text),
    ("service", ColumnKind::Text),
    ("cause", ColumnKind::Text),
    ("interface", ColumnKind::Text),
    ("srcaddr", ColumnKind::Text),
    ("dstaddr", ColumnKind::Text),
    ("dstport", ColumnKind::Int),
    ("rejected", ColumnKind::Int),
    ("id", ColumnKind::Text),
    ("account", ColumnKind::Text),
    ("region", ColumnKind::Text),
];

fn network(cache: &QueryCache<'_>, window: Between) -> Result<Vec<Row>, ReportError> {
    let kept = in_scope(cache, window)?;
    let mut rejects = rejects(cache.records, window)?;
    rejects.retain(|reject| kept.as_ref().is_none_or(|kept| kept.contains(&reject.id)));
    let row = |reject: crate::explain::Reject| {
        let cells = vec![
            Cell::Time(reject.time),
            text(reject.cluster.as_deref()),
            text(reject.service.as_deref()),
            text(reject.cause.as_deref()),
            text(Some(&reject.interface)),
            text(Some(&reject.from)),
            text(Some(&reject.to)),
            reject.port.map_or(Cell::Missing, |port| Cell::Int(port.into())),
            Cell::Int(reject.rejected.into()),
            text(Some(&reject.id)),
            text(reject.account.as_deref()),
            text(reject.region.as_deref()),
        ];
        let mut ids = reject.flows;
        ids.push(reject.record);
        (cells, ids)
    };
    Ok(rejects.into_iter().map(row).collect())
}

fn text(text: Option<&str>) -> Cell {
    text.filter(|text| !text.is_empty()).map_or(Cell::Missing, |text| Cell::Text(text.to_owned()))
}

/// Rows as a result, with the ids of their records in the last column.
fn answer(query: String, columns: &[(&str, ColumnKind)], rows: &[Row]) -> Result<Answer, ReportError> {
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (index, (_, kind)) in columns.iter().enumerate() {
        let cells = || rows.iter().map(move |(cells, _)| cells.get(index));
        arrays.push(match kind {
            ColumnKind::Time => Arc::new(cells().map(micros).collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
            ColumnKind::Int => Arc::new(cells().map(whole).collect::<Int64Array>()),
            ColumnKind::Duration => Arc::new(cells().map(|cell| cell?.as_number()).collect::<Float64Array>()),
            _ => Arc::new(cells().map(words).collect::<StringArray>()),
        });
    }
    let mut ids = ListBuilder::new(StringBuilder::new());
    for (_, records) in rows {
        ids.append_value(records.iter().map(Some));
    }
    arrays.push(Arc::new(ids.finish()));
    let named = columns.iter().copied().chain([("evidence", ColumnKind::List)]);
    let columns: Vec<Column> = named.map(|(name, kind)| Column { name: name.to_owned(), kind }).collect();
    let fields = columns.iter().zip(&arrays).map(|(column, array)| Field::new(&column.name, array.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(RunError::from)?;
    Ok(Answer { query, columns, schema, batches: vec![batch], window: AnswerWindow::default(), spark: false })
}

fn micros(cell: Option<&Cell>) -> Option<i64> {
    match cell? {
        Cell::Time(time) => Some(time.as_microsecond()),
        _ => None,
    }
}

fn whole(cell: Option<&Cell>) -> Option<i64> {
    match cell? {
        Cell::Int(number) => i64::try_from(*number).ok(),
        _ => None,
    }
}

fn words(cell: Option<&Cell>) -> Option<&str> {
    match cell? {
        Cell::Text(text) => Some(text),
        _ => None,
    }
}
