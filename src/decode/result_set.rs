//! Results of queries that name their columns once: of Athena, BigQuery, Azure Log Analytics, pandas.
//!
//! In: an object with columns and rows, `{"columns":[{"name":"eventName"}],"rows":[["RunTask"]]}`, or with one list or object per
//! column, `{"eventName":["RunTask"]}` and `{"eventName":{"0":"RunTask"}}`. Out: each row as an object that names its columns. Without
//! the names, a cell with the response of a call would look like output of `run-task`.

use super::json::Value;
use super::{csv, objects, reduced};
use serde_json::{Map, Value as Json};

/// Longer names are no names of columns: each row repeats them.
const LONGEST_NAME: usize = 128;

/// A result: the names of its columns, and its cells.
#[derive(Debug)]
pub struct Table<'t> {
    names: Vec<&'t str>,
    cells: Cells<'t>,
}

#[derive(Debug)]
enum Cells<'t> {
    /// Rows of Athena, which are objects with a list of objects.
    Athena(Value<'t>),
    /// A list of rows, which are lists.
    Rows(Value<'t>),
    /// A list, or an object with an entry for each row, for each column.
    Columns(Vec<Value<'t>>),
}

/// The table in an object; `None` for other objects.
pub fn table(value: Value<'_>) -> Option<Table<'_>> {
    of_athena(value).or_else(|| of_rows(value)).or_else(|| of_columns(value)).filter(|table| {
        let is_name = |name: &&str| name.len() <= LONGEST_NAME;
        table.names.iter().all(is_name)
    })
}

impl Table<'_> {
    /// The rows as JSON objects, one after the other.
    pub fn rows(&self, on: &mut dyn FnMut(&str)) {
        match &self.cells {
            Cells::Athena(rows) => {
                // The first page repeats the names as its first row.
                let is_head = |row: Value<'_>| texts_of(row).eq(self.names.iter().copied().map(Some));
                let is_head = rows.items().next().is_some_and(is_head);
                for row in rows.items().skip(usize::from(is_head)) {
                    on(&self.object(texts_of(row).map(|text| text.map_or(Json::Null, Json::from))));
                }
            }
            Cells::Rows(rows) => {
                let is_head = |row: Value<'_>| row.items().map(Value::text).eq(self.names.iter().copied().map(Some));
                let is_head = rows.items().next().is_some_and(is_head);
                for row in rows.items().skip(usize::from(is_head)) {
                    on(&self.object(row_of(row).map(json)));
                }
            }
            Cells::Columns(columns) => {
                let mut columns: Vec<_> = columns.iter().map(|column| cells_of(*column)).collect();
                // All of them have the same length.
                loop {
                    let row: Vec<Json> = columns.iter_mut().map_while(|column| column.next().map(json)).collect();
                    if row.len() < self.names.len() {
                        return;
                    }
                    on(&self.object(row.into_iter()));
                }
            }
        }
    }

    fn object(&self, cells: impl Iterator<Item = Json>) -> String {
        let named = self.names.iter().zip(cells).filter(|(_, cell)| !cell.is_null());
        Json::from(named.map(|(name, cell)| ((*name).to_owned(), cell)).collect::<Map<String, Json>>()).to_string()
    }
}

/// The texts of a row of Athena; none for an empty cell.
fn texts_of(row: Value<'_>) -> impl Iterator<Item = Option<&str>> {
    let cells = row.get("Data").into_iter().flat_map(Value::items);
    cells.map(|cell| cell.text_at("VarCharValue").filter(|text| !text.is_empty()))
}

/// `{"Rows":[{"Data":[{"VarCharValue":"…"}]}],"ResultSetMetadata":{"ColumnInfo":[{"Name":"…"}]}}`; without metadata, the first row
/// has the names.
fn of_athena(value: Value<'_>) -> Option<Table<'_>> {
    let rows = value.get("Rows")?;
    let first = rows.items().next()?;
    if !rows.items().all(|row| row.get("Data").is_some_and(Value::is_array)) {
        return None;
    }
    let described = names_of(value.path(&["ResultSetMetadata", "ColumnInfo"]));
    let names = described.unwrap_or_else(|| texts_of(first).map(Option::unwrap_or_default).collect());
    Some(Table { names, cells: Cells::Athena(rows) })
}

/// The cells of a row: a list, or as BigQuery writes it, `{"f":[{"v":"…"}]}`.
fn row_of(row: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    let fields = row.get("f");
    let values = fields.into_iter().flat_map(Value::items).map(|cell| cell.get("v").unwrap_or(cell));
    values.chain(row.items().filter(move |_| fields.is_none()))
}

/// `{"columns":["…"],"data":[[…]]}`, also with objects that have a name as columns, with `rows` in place of `data`, or as BigQuery
/// writes it: `{"schema":{"fields":[{"name":"…"}]},"rows":[{"f":[{"v":"…"}]}]}`.
fn of_rows(value: Value<'_>) -> Option<Table<'_>> {
    let names = names_of(value.get("columns").or_else(|| value.path(&["schema", "fields"])))?;
    let rows = value.get("rows").or_else(|| value.get("data")).filter(|rows| rows.is_array())?;
    rows.items().next()?;
    rows.items().all(|row| row_of(row).count() == names.len()).then_some(Table { names, cells: Cells::Rows(rows) })
}

/// The names in a list of columns, if each has one.
fn names_of<'t>(columns: Option<Value<'t>>) -> Option<Vec<&'t str>> {
    let name = |column: Value<'t>| column.text().or_else(|| column.text_at("name")).or_else(|| column.text_at("Name"));
    let names: Vec<&str> = columns?.items().map(name).collect::<Option<_>>()?;
    (!names.is_empty()).then_some(names)
}

/// The cells of a column: a list, or an object with the label of each row as its key.
fn cells_of<'t>(column: Value<'t>) -> impl Iterator<Item = Value<'t>> + use<'t> {
    column.items().chain(column.entries().map(|(_, cell)| cell))
}

/// `{"eventName":{"0":"…","1":"…"}}` or `{"eventName":["…","…"]}`, as pandas writes a table by columns: all columns have the same rows,
/// and their names are those of a record.
fn of_columns(value: Value<'_>) -> Option<Table<'_>> {
    let (_, first) = value.entries().next()?;
    let count = cells_of(first).count();
    let is_column = |(_, column): (&str, Value<'_>)| {
        column.is_array() == first.is_array() && column.is_object() == first.is_object() && cells_of(column).count() == count
    };
    if count == 0 || !value.entries().all(is_column) {
        return None;
    }
    let names: Vec<&str> = value.entries().map(|(name, _)| name).collect();
    let header: Vec<String> = names.iter().map(|name| csv::plain_name(name)).collect();
    if !(csv::is_header(&header) || objects::is_header(&header) || reduced::is_header(&header)) {
        return None;
    }
    let columns: Vec<Value<'_>> = value.entries().map(|(_, column)| column).collect();
    let expected: Vec<&str> = first.entries().map(|(label, _)| label).collect();
    let is_aligned = columns.iter().all(|column| column.entries().map(|(label, _)| label).eq(expected.iter().copied()));
    is_aligned.then_some(Table { names, cells: Cells::Columns(columns) })
}

fn json(value: Value<'_>) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::json::Tape;
    use super::*;

    fn of(text: &str) -> Option<Vec<String>> {
        let tape = Tape::parse(text).unwrap();
        let mut rows = Vec::new();
        table(tape.root())?.rows(&mut |row| rows.push(row.to_owned()));
        Some(rows)
    }

    #[test]
    fn rows_of_athena_are_named_by_the_first_row_or_the_metadata() {
        let first = r#"{"Data":[{"VarCharValue":"eventname"},{"VarCharValue":"errorcode"}]}"#;
        let row = r#"{"Data":[{"VarCharValue":"RunTask"},{}]}"#;
        let info = r#","ResultSetMetadata":{"ColumnInfo":[{"Name":"eventname","Type":"varchar"},{"Name":"errorcode"}]}"#;
        let want = Some(vec![r#"{"eventname":"RunTask"}"#.to_owned()]);
        assert_eq!(of(&format!("{{\"Rows\":[{first},{row}]}}")), want);
        assert_eq!(of(&format!("{{\"Rows\":[{first},{row}]{info}}}")), want);
        // A further page.
        assert_eq!(of(&format!("{{\"Rows\":[{row}]{info}}}")), want);
    }

    #[test]
    fn rows_are_named_by_columns_beside_them() {
        for text in [
            r#"{"columns":[{"name":"EventName","type":"string"},{"name":"n"}],"rows":[["RunTask",1]]}"#,
            r#"{"columns":["EventName","n"],"index":[0],"data":[["RunTask",1]]}"#,
            r#"{"schema":{"fields":[{"name":"EventName"},{"name":"n"}]},"rows":[{"f":[{"v":"RunTask"},{"v":1}]}]}"#,
        ] {
            assert_eq!(of(text), Some(vec![r#"{"EventName":"RunTask","n":1}"#.to_owned()]), "{text}");
        }
    }

    #[test]
    fn columns_are_transposed() {
        let want = Some(vec![
            r#"{"eventName":"RunTask","eventSource":"ecs.amazonaws.com","requestParameters":{"cluster":"a"}}"#.to_owned(),
            r#"{"eventName":"StopTask","eventSource":"ecs.amazonaws.com"}"#.to_owned(),
        ]);
        for text in [
            r#"{"eventName":{"0":"RunTask","1":"StopTask"},"eventSource":{"0":"ecs.amazonaws.com","1":"ecs.amazonaws.com"},
                "requestParameters":{"0":{"cluster":"a"},"1":null}}"#,
            r#"{"eventName":["RunTask","StopTask"],"eventSource":["ecs.amazonaws.com","ecs.amazonaws.com"],"requestParameters":[{"cluster":"a"},null]}"#,
        ] {
            assert_eq!(of(text), want, "{text}");
        }
        let tasks = r#"{"taskArn":{"a":"t"},"lastStatus":{"a":"STOPPED"},"cpu":{"a":256}}"#;
        assert_eq!(of(tasks), Some(vec![r#"{"cpu":256,"lastStatus":"STOPPED","taskArn":"t"}"#.to_owned()]));
        assert!(of(r#"{"detail-type":["x"],"detail":[{}]}"#).is_some());
        for text in [
            // Other names, other lengths, other rows, or no rows.
            r#"{"price":{"0":1},"name":{"0":"x"}}"#,
            r#"{"eventName":["RunTask","StopTask"],"eventSource":["ecs.amazonaws.com"]}"#,
            r#"{"eventName":{"0":"RunTask"},"eventSource":{"1":"ecs.amazonaws.com"}}"#,
            r#"{"eventName":{"0":"RunTask"},"eventSource":["ecs.amazonaws.com"]}"#,
            r#"{"eventName":["RunTask"],"eventSource":"ecs.amazonaws.com"}"#,
            r#"{"eventName":[],"eventSource":[]}"#,
        ] {
            assert_eq!(of(text), None, "{text}");
        }
        let long = format!(r#"{{"eventName":["x"],"eventSource":["y"],"{}":[1]}}"#, "n".repeat(LONGEST_NAME + 1));
        assert_eq!(of(&long), None);
    }

    #[test]
    fn other_objects_have_no_rows() {
        for text in [
            r#"{"Rows":[]}"#,
            r#"{"Rows":[{"a":1}]}"#,
            r#"{"Rows":"x"}"#,
            r#"{"columns":["a"],"rows":[["x","y"]]}"#,
            r#"{"columns":["a"],"rows":[]}"#,
            r#"{"columns":[1],"data":[["x"]]}"#,
            "{}",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
