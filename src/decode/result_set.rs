//! Results of queries that name their columns once: of Athena, BigQuery, Azure Log Analytics, pandas.
//!
//! In: an object with columns and rows, `{"columns":[{"name":"eventName"}],"rows":[["RunTask"]]}`, in one of the forms of [`rows`].
//! Out: each row as an object that names its columns. Without the names, a cell with the response of a call would look like output
//! of `run-task`.

use super::json::Value;
use serde_json::{Map, Value as Json};

/// The rows of a result as JSON objects; `None` for other objects.
pub fn rows(value: Value<'_>) -> Option<Vec<String>> {
    let (names, mut table) = of_athena(value).or_else(|| of_columns(value))?;
    // The first page of Athena repeats the names as its first row.
    if table.first().is_some_and(|first| first.iter().map(|cell| cell.as_str()).eq(names.iter().map(|name| Some(name.as_str()))))
    {
        table.remove(0);
    }
    Some(table.into_iter().map(|cells| object(&names, cells)).collect())
}

fn object(names: &[String], cells: Vec<Json>) -> String {
    let named = names.iter().zip(cells).filter(|(_, cell)| !cell.is_null());
    Json::from(named.map(|(name, cell)| (name.clone(), cell)).collect::<Map<String, Json>>()).to_string()
}

type Table = (Vec<String>, Vec<Vec<Json>>);

/// `{"Rows":[{"Data":[{"VarCharValue":"…"}]}],"ResultSetMetadata":{"ColumnInfo":[{"Name":"…"}]}}`; without metadata, the first row
/// has the names.
fn of_athena(value: Value<'_>) -> Option<Table> {
    let cells = |row: Value<'_>| -> Option<Vec<Json>> {
        let data = row.get("Data").filter(|data| data.is_array())?;
        Some(
            data.items()
                .map(|cell| cell.text_at("VarCharValue").filter(|text| !text.is_empty()).map_or(Json::Null, Json::from))
                .collect(),
        )
    };
    let table: Vec<Vec<Json>> = value.get("Rows")?.items().map(cells).collect::<Option<_>>()?;
    let first = table.first()?;
    let described = names_of(value.path(&["ResultSetMetadata", "ColumnInfo"]));
    let in_row = || -> Vec<String> { first.iter().map(|cell| cell.as_str().unwrap_or_default().to_owned()).collect() };
    Some((described.unwrap_or_else(in_row), table))
}

/// `{"columns":["…"],"data":[[…]]}`, also with objects that have a name as columns, with `rows` in place of `data`, or as BigQuery
/// writes it: `{"schema":{"fields":[{"name":"…"}]},"rows":[{"f":[{"v":"…"}]}]}`.
fn of_columns(value: Value<'_>) -> Option<Table> {
    let names = names_of(value.get("columns").or_else(|| value.path(&["schema", "fields"])))?;
    let listed = value.get("rows").or_else(|| value.get("data")).filter(|rows| rows.is_array())?;
    let cells = |row: Value<'_>| -> Option<Vec<Json>> {
        let cells: Vec<Json> = match row.get("f") {
            Some(cells) => cells.items().map(|cell| cell.get("v").map_or(Json::Null, json)).collect(),
            None => row.items().map(json).collect(),
        };
        (cells.len() == names.len()).then_some(cells)
    };
    let table: Vec<Vec<Json>> = listed.items().map(cells).collect::<Option<_>>()?;
    (!table.is_empty()).then_some((names, table))
}

/// The names in a list of columns, if each has one.
fn names_of(columns: Option<Value<'_>>) -> Option<Vec<String>> {
    let name = |column: Value<'_>| {
        column.text().or_else(|| column.text_at("name")).or_else(|| column.text_at("Name")).map(str::to_owned)
    };
    let names: Vec<String> = columns?.items().map(name).collect::<Option<_>>()?;
    (!names.is_empty()).then_some(names)
}

fn json(value: Value<'_>) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::json::Tape;
    use super::*;

    fn of(text: &str) -> Option<Vec<String>> {
        rows(Tape::parse(text).unwrap().root())
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
