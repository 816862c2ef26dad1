//! Results of Athena as `aws athena get-query-results` prints them: rows of cells without names.
//!
//! In: `{"Rows":[{"Data":[{"VarCharValue":"…"}]}],"ResultSetMetadata":{"ColumnInfo":[…]}}`. Out: each row as an object that
//! names its columns. The first page has the names as its first row, every page has them in its metadata.

use super::json::Value;
use serde_json::{Map, Value as Json};

/// The rows of a result as JSON objects; `None` for other objects.
pub fn rows(value: Value<'_>) -> Option<Vec<String>> {
    let table = value.get("Rows").filter(|rows| rows.is_array())?;
    let first = cells(table.items().next()?)?;
    let columns = value.path(&["ResultSetMetadata", "ColumnInfo"]).into_iter().flat_map(Value::items);
    let described: Vec<String> = columns.filter_map(|column| Some(column.text_at("Name")?.to_owned())).collect();
    let names = if described.is_empty() { first.clone() } else { described };
    let is_header = first == names;
    let rows = table.items().skip(usize::from(is_header)).map(|row| {
        let named = names.iter().zip(cells(row).unwrap_or_default()).filter(|(_, cell)| !cell.is_empty());
        Json::from(named.map(|(name, cell)| (name.clone(), Json::from(cell))).collect::<Map<String, Json>>()).to_string()
    });
    Some(rows.collect())
}

/// The cells of a row; a cell without a value is empty.
fn cells(row: Value<'_>) -> Option<Vec<String>> {
    let data = row.get("Data").filter(|data| data.is_array())?;
    Some(data.items().map(|cell| cell.text_at("VarCharValue").unwrap_or_default().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::super::json::Tape;
    use super::*;

    fn of(text: &str) -> Option<Vec<String>> {
        rows(Tape::parse(text).unwrap().root())
    }

    #[test]
    fn rows_are_named_by_the_first_row_or_the_metadata() {
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
    fn other_objects_have_no_rows() {
        for text in [r#"{"Rows":[]}"#, r#"{"Rows":[{"a":1}]}"#, r#"{"Rows":"x"}"#, r#"{"rows":[]}"#, "{}"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
