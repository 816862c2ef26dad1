//! Queries the base tables and returns rows by column name. All values in SQL are quoted here.

use crate::answer::Answer;
use crate::nouns::ViewRequest;
use crate::run::RunError;
use crate::table::Table;
use crate::{nouns, plan};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

type Ask<'s> = dyn Fn(&str) -> Result<Answer, RunError> + Sync + 's;

/// The base tables, queried in SQL.
pub struct Records<'s> {
    ask: Box<Ask<'s>>,
    /// Views that are already evaluated.
    evaluated: BTreeSet<String>,
}

/// How far back the newest row is searched first, in seconds.
const LAST_DAYS: i64 = 2 * 24 * 60 * 60;

/// A condition that no row meets.
const NEVER: &str = "false";

/// One row, by the names of its columns; missing values have no entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row(BTreeMap<String, Cell>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Cell {
    Text(String),
    Int(i64),
    Time(i64),
    Flag(bool),
    List(Vec<String>),
}

impl<'s> Records<'s> {
    /// Runs queries with this function.
    pub fn new(ask: impl Fn(&str) -> Result<Answer, RunError> + Sync + 's) -> Self {
        Records { ask: Box::new(ask), evaluated: BTreeSet::new() }
    }

    /// The same tables with these views already evaluated.
    pub fn with_evaluated(self, views: impl IntoIterator<Item = String>) -> Self {
        Records { evaluated: views.into_iter().collect(), ..self }
    }

    /// Whether views are already evaluated, as for many explanations.
    pub(super) fn has_evaluated(&self) -> bool {
        !self.evaluated.is_empty()
    }

    /// The SQL to select from a view.
    pub(super) fn view(&self, view: &str) -> String {
        if self.evaluated.contains(view) { plan::evaluated_name(view) } else { format!("({view})") }
    }

    /// The rows of a statement over a table; skips the query if the condition cannot match.
    fn rows_where(&self, condition: &str, statement: impl FnOnce() -> String) -> Result<Vec<Row>, RunError> {
        let never = condition.strip_prefix(NEVER).is_some_and(|rest| rest.is_empty() || rest.starts_with(" and "));
        if never && !condition.contains(" or ") {
            return Ok(Vec::new());
        }
        self.rows(&statement())
    }

    /// The rows of a statement.
    pub(super) fn rows(&self, statement: &str) -> Result<Vec<Row>, RunError> {
        read(&(self.ask)(statement)?)
    }

    /// Rows of a table, oldest first.
    pub(super) fn of(&self, table: Table, condition: &str) -> Result<Vec<Row>, RunError> {
        self.rows_where(condition, || format!("{} order by \"time\", id", select(table, condition)))
    }

    /// The first rows of a table in an order.
    pub(super) fn some(&self, table: Table, condition: &str, order: &str, limit: usize) -> Result<Vec<Row>, RunError> {
        self.rows_where(condition, || format!("{} order by {order}, id limit {limit}", select(table, condition)))
    }

    /// The first rows of a table in an order, each with its original record.
    pub(super) fn some_with_raw(&self, table: Table, condition: &str, order: &str, limit: usize) -> Result<Vec<Row>, RunError> {
        let columns = columns(table);
        let table = table.name();
        self.rows_where(condition, || {
            format!("select {columns}, raw from {table} where {condition} order by {order}, id limit {limit}")
        })
    }

    /// The newest row of a view of calls up to a time, with its original record. Most are found in the last days, which
    /// avoids reading all.
    pub(super) fn newest_with_raw(&self, view: &str, condition: &str, until: Timestamp) -> Result<Option<Row>, RunError> {
        let before = format!("{condition} and \"time\" <= {}", time(until));
        for since in [format!(" and \"time\" >= {}", time(shifted(until, -LAST_DAYS))), String::new()] {
            let view = self.view(view);
            let newest =
                format!("select v.id, v.\"time\" from {view} v where {before}{since} order by v.\"time\" desc, v.id limit 1");
            let found = self.rows_where(condition, || newest)?.into_iter().next();
            if let Some((id, at)) = found.as_ref().and_then(|row| Some((row.text("id")?, row.time("time")?))) {
                let this = format!("{} and {}", equals("id", Some(id)), within(at, 0, at, 0));
                return Ok(self.some_with_raw(Table::Calls, &this, "\"time\" desc", 1)?.into_iter().next());
            }
        }
        Ok(None)
    }

    /// Whether a table has a matching row.
    pub(super) fn any(&self, table: Table, condition: &str) -> Result<bool, RunError> {
        Ok(!self.rows(&format!("select id from {} where {condition} limit 1", table.name()))?.is_empty())
    }

    /// Failures, one row per incident, newest first.
    pub(super) fn failures(&self, condition: &str) -> Result<Vec<Row>, RunError> {
        let (columns, view) = (columns(Table::Failures), self.view(&failures_view()));
        self.rows(&format!("select {columns} from {view} f where {condition} order by \"time\" desc nulls last, id"))
    }

    /// The number of failures, one per incident, with the first and last time and the record of the first one.
    pub(super) fn count_failures(&self, condition: &str) -> Result<Option<Row>, RunError> {
        let view = self.view(&failures_view());
        let columns = "count(*) as failures, min(\"time\") as first, max(\"time\") as last, \
                       first_value(record order by \"time\", id) as record";
        Ok(self.rows(&format!("select {columns} from {view} f where {condition}"))?.into_iter().next())
    }
}

/// SQL for all failures, one row per incident.
pub(super) fn failures_view() -> String {
    nouns::noun("failures").map(|noun| (noun.view)(ViewRequest::default())).unwrap_or_default()
}

fn select(table: Table, condition: &str) -> String {
    format!("select {} from {} where {condition}", columns(table), table.name())
}

fn columns(table: Table) -> String {
    let names = table.fields().iter().map(|field| field.name).filter(|name| *name != "raw");
    names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

/// A SQL string literal.
pub(super) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A SQL timestamp.
pub(super) fn time(value: Timestamp) -> String {
    format!("arrow_cast({}, 'Timestamp(Microsecond, Some(\"UTC\"))')", value.as_microsecond())
}

/// `"column" = 'value'`, or a condition that no row meets if there is no value.
pub(super) fn equals(column: &str, value: Option<&str>) -> String {
    value.map_or_else(|| NEVER.to_owned(), |value| format!("\"{column}\" = {}", text(value)))
}

/// The condition for calls about a task; one call may place several.
pub(super) fn calls_of_task(task: &str) -> String {
    let among = text(&format!(" {task} "));
    format!("({} or (tasks is not null and strpos(concat(' ', tasks, ' '), {among}) > 0))", equals("task", Some(task)))
}

/// Equality if the value is known, otherwise a condition that every row meets.
pub(super) fn like_it(column: &str, value: Option<&str>) -> String {
    value.map_or_else(|| "true".to_owned(), |value| format!("\"{column}\" = {}", text(value)))
}

/// The condition for rows of an account and Region; rows without them, such as pasted output, fit any.
pub(super) fn at_home(account: Option<&str>, region: Option<&str>) -> String {
    let fits = |column: &str, value: Option<&str>| {
        let value = text(value?);
        Some(format!("coalesce(\"{column}\", {value}) = {value}"))
    };
    let known: Vec<String> = [fits("account", account), fits("region", region)].into_iter().flatten().collect();
    if known.is_empty() { "true".to_owned() } else { known.join(" and ") }
}

/// The condition for rows of the account and Region of another row.
pub(super) fn home_of(row: &Row) -> String {
    at_home(row.text("account"), row.text("region"))
}

/// A condition for `"time"` in a closed window that extends two times by seconds.
pub(super) fn within(from: Timestamp, before: i64, to: Timestamp, after: i64) -> String {
    format!("\"time\" >= {} and \"time\" <= {}", time(shifted(from, -before)), time(shifted(to, after)))
}

/// Shifts a time by seconds, up to the limits of the type.
pub(super) fn shifted(instant: Timestamp, seconds: i64) -> Timestamp {
    instant.saturating_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(instant)
}

impl Row {
    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Cell::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A whole number.
    pub(super) fn int(&self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            Cell::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// A number with a fraction.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok()
    }

    /// A time.
    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        match self.0.get(name)? {
            Cell::Time(micros) => Timestamp::from_microsecond(*micros).ok(),
            _ => None,
        }
    }

    /// True or false.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.0.get(name)? {
            Cell::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The texts of a list that are not missing.
    pub(super) fn list(&self, name: &str) -> &[String] {
        match self.0.get(name) {
            Some(Cell::List(texts)) => texts,
            _ => &[],
        }
    }

    /// Sets a text, for rows made by hand.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), Cell::Text(value.to_owned()));
    }

    /// Copies a value under another name.
    pub(super) fn copy(&mut self, from: &Row, name: &str, to: &str) {
        if let Some(cell) = from.0.get(name) {
            self.0.insert(to.to_owned(), cell.clone());
        }
    }
}

fn read(answer: &Answer) -> Result<Vec<Row>, RunError> {
    let mut rows = Vec::with_capacity(answer.rows());
    for batch in &answer.batches {
        let mut read = vec![Row::default(); batch.num_rows()];
        for (column, array) in answer.columns.iter().zip(batch.columns()) {
            for (row, cell) in read.iter_mut().zip(cells(array)?) {
                if let Some(cell) = cell {
                    row.0.insert(column.name.clone(), cell);
                }
            }
        }
        rows.extend(read);
    }
    Ok(rows)
}

fn cells(array: &dyn Array) -> Result<Vec<Option<Cell>>, RunError> {
    let number = |array: &dyn Array| -> Result<Vec<Option<i64>>, RunError> {
        Ok(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().iter().collect())
    };
    Ok(match array.data_type() {
        DataType::Timestamp(unit, zone) => {
            let micros = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?;
            debug_assert!(matches!(unit, TimeUnit::Microsecond));
            number(&micros)?.into_iter().map(|cell| cell.map(Cell::Time)).collect()
        }
        kind if kind.is_integer() => number(array)?.into_iter().map(|cell| cell.map(Cell::Int)).collect(),
        DataType::List(_) => {
            let texts = |list: ArrayRef| -> Result<Cell, RunError> {
                let texts = cast(&list, &DataType::Utf8)?;
                Ok(Cell::List(texts.as_string::<i32>().iter().flatten().map(str::to_owned).collect()))
            };
            array.as_list::<i32>().iter().map(|list| list.map(texts).transpose()).collect::<Result<_, _>>()?
        }
        DataType::Boolean => array.as_boolean().iter().map(|cell| cell.map(Cell::Flag)).collect(),
        _ => {
            let texts = cast(array, &DataType::Utf8)?;
            texts.as_string::<i32>().iter().map(|cell| cell.map(|text| Cell::Text(text.to_owned()))).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ListBuilder, StringBuilder};

    #[test]
    fn lists_keep_their_items_and_leave_out_missing_ones() {
        let mut lists = ListBuilder::new(StringBuilder::new());
        lists.append_value([Some("a; b"), None, Some("c")]);
        lists.append_null();
        let read = cells(&lists.finish()).unwrap();
        assert_eq!(read, [Some(Cell::List(vec!["a; b".to_owned(), "c".to_owned()])), None]);
    }
}
