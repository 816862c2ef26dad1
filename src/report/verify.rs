//! Compares a report with the store and lists differences by file, row and column.

use super::Manifest;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Files by name.
type Files = BTreeMap<String, Vec<u8>>;

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The file.
    pub file: String,
    /// The position in the file.
    pub place: String,
    /// The content of the report.
    pub was: String,
    /// The content of the store.
    pub is: String,
}

/// All differences between a report and its recomputation. The state of the store and the file sizes in the manifest
/// are not compared, because they follow from the rest.
pub fn compare(report: &Files, again: &Files) -> Vec<Difference> {
    let names: BTreeSet<&String> = report.keys().chain(again.keys()).collect();
    let mut found = Vec::new();
    for name in names {
        match (report.get(name), again.get(name)) {
            (Some(was), Some(is)) if was != is => {
                let differences = if name.ends_with(".csv") {
                    tables(was, is)
                } else if name == "manifest.json" {
                    manifests(was, is)
                } else {
                    lines(was, is)
                };
                found.extend(differences.into_iter().map(|(place, was, is)| Difference { file: name.clone(), place, was, is }));
            }
            (Some(_), Some(_)) | (None, None) => {}
            (Some(_), None) => found.push(whole(name, "there", "not part of this report")),
            (None, Some(_)) => found.push(whole(name, "missing", "part of this report")),
        }
    }
    found
}

fn whole(name: &str, was: &str, is: &str) -> Difference {
    Difference { file: name.to_owned(), place: "the file".to_owned(), was: was.to_owned(), is: is.to_owned() }
}

/// Place, was, is.
type Found = (String, String, String);

fn tables(was: &[u8], is: &[u8]) -> Vec<Found> {
    let read = |bytes: &[u8]| -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let text = |record: csv::ByteRecord| record.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect();
        reader.byte_records().filter_map(Result::ok).map(text).collect()
    };
    let (was, is) = (read(was), read(is));
    let header: Vec<String> = is.first().cloned().unwrap_or_default();
    if let Some(found) = incidents(&header, &was, &is) {
        return found;
    }
    if was.len() != is.len() {
        return rows(&was, &is);
    }
    let mut found = Vec::new();
    for row in 0..was.len().max(is.len()) {
        let place = if row == 0 { "header".to_owned() } else { format!("row {row}") };
        match (was.get(row), is.get(row)) {
            (Some(was), Some(is)) => {
                for column in 0..was.len().max(is.len()) {
                    let cell = |cells: &[String]| cells.get(column).cloned().unwrap_or_default();
                    let (was, is) = (cell(was), cell(is));
                    if was != is {
                        let name = header.get(column).cloned().unwrap_or_else(|| (column + 1).to_string());
                        found.push((format!("{place}, column {name}"), was, is));
                    }
                }
            }
            (Some(was), None) => found.push((place, was.join(","), "missing".to_owned())),
            (None, Some(is)) => found.push((place, "missing".to_owned(), is.join(","))),
            (None, None) => {}
        }
    }
    if found.is_empty() {
        vec![("formatting".to_owned(), "different quotes or line endings".to_owned(), "the same cells".to_owned())]
    } else {
        found
    }
}

/// The differences of a table of incidents, by incident; none for other tables, or if only the order differs.
fn incidents(header: &[String], was: &[Vec<String>], is: &[Vec<String>]) -> Option<Vec<Found>> {
    let column = |name: &str| header.iter().position(|known| known == name);
    let (id, what, time) = (column("id")?, column("what")?, column("time")?);
    column("launches_lost")?;
    let of = |row: &[String], index: usize| row.get(index).cloned().unwrap_or_default();
    let named = |rows: &[Vec<String>]| -> BTreeMap<String, Vec<String>> {
        rows.iter().skip(1).map(|row| (of(row, id), row.clone())).collect()
    };
    let (was, is) = (named(was), named(is));
    let place = |row: &[String]| format!("incident {} ({}, {})", of(row, id), of(row, what), of(row, time));
    let mut found = Vec::new();
    for (key, row) in &is {
        let Some(before) = was.get(key) else {
            found.push((place(row), "missing".to_owned(), "an incident".to_owned()));
            continue;
        };
        for (index, name) in header.iter().enumerate() {
            let (before, after) = (of(before, index), of(row, index));
            if before != after {
                found.push((format!("{}, {name}", place(row)), before, after));
            }
        }
    }
    let left = was.iter().filter(|(key, _)| !is.contains_key(*key));
    found.extend(left.map(|(_, row)| (place(row), "an incident".to_owned(), "missing".to_owned())));
    (!found.is_empty()).then_some(found)
}

/// The rows of a table that the other table does not have; after a missing row, the following rows are not
/// differences.
fn rows(was: &[Vec<String>], is: &[Vec<String>]) -> Vec<Found> {
    let only = |these: &[Vec<String>], those: &[Vec<String>]| {
        let mut known: BTreeMap<&Vec<String>, usize> = BTreeMap::new();
        those.iter().for_each(|row| *known.entry(row).or_default() += 1);
        let mut only = Vec::new();
        for (index, row) in these.iter().enumerate() {
            match known.get_mut(row).filter(|count| **count > 0) {
                Some(count) => *count -= 1,
                None => only.push((index, row.join(","))),
            }
        }
        only
    };
    let place = |row: usize| if row == 0 { "header".to_owned() } else { format!("row {row}") };
    let none = || "missing".to_owned();
    let missing = only(was, is).into_iter().map(|(row, text)| (place(row), text, none()));
    let lacking = only(is, was).into_iter().map(|(row, text)| (place(row), none(), text));
    missing.chain(lacking).collect()
}

fn lines(was: &[u8], is: &[u8]) -> Vec<Found> {
    let read = |bytes: &[u8]| -> Vec<String> { String::from_utf8_lossy(bytes).split('\n').map(str::to_owned).collect() };
    let (was, is) = (read(was), read(is));
    let mut found = Vec::new();
    for line in 0..was.len().max(is.len()) {
        let (was, is) = (was.get(line), is.get(line));
        if was != is {
            let text_of = |line: Option<&String>| line.cloned().unwrap_or_else(|| "missing".to_owned());
            found.push((format!("line {}", line + 1), text_of(was), text_of(is)));
        }
    }
    found
}

fn manifests(was: &[u8], is: &[u8]) -> Vec<Found> {
    let read = |bytes: &[u8]| -> Value {
        let manifest: Result<Manifest, _> = serde_json::from_slice(bytes);
        manifest.ok().and_then(|manifest| serde_json::to_value(manifest).ok()).unwrap_or_default()
    };
    let mut found = Vec::new();
    values("", &read(was), &read(is), &mut found);
    found
}

fn values(path: &str, was: &Value, is: &Value, found: &mut Vec<Found>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (was, is) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let of = |object: &serde_json::Map<String, Value>| object.get(key).cloned().unwrap_or_default();
                values(&below(key), &of(left), &of(right), found);
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for index in 0..left.len().max(right.len()) {
                let of = |array: &[Value]| array.get(index).cloned().unwrap_or_default();
                values(&below(&index.to_string()), &of(left), &of(right), found);
            }
        }
        (was, is) if was != is => found.push((path.to_owned(), was.to_string(), is.to_string())),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(name: &str, text: &str) -> Files {
        Files::from([(name.to_owned(), text.as_bytes().to_vec())])
    }

    #[test]
    fn a_number_is_named_by_row_and_column() {
        let found = compare(&files("a.csv", "x,n\nq,99\n"), &files("a.csv", "x,n\nq,20\n"));
        let [one] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((&*one.place, &*one.was, &*one.is), ("row 1, column n", "99", "20"));
    }

    #[test]
    fn a_changed_incident_is_named() {
        let table = |rows: &str| files("incidents.csv", &format!("time,what,launches_lost,id\n{rows}"));
        let found = compare(&table("t,web failed,2,a\nu,api failed,0,b\n"), &table("u,api failed,1,b\nv,mail failed,0,c\n"));
        let lines: Vec<String> = found.iter().map(|one| format!("{}: was {}, is {}", one.place, one.was, one.is)).collect();
        assert_eq!(
            lines,
            [
                "incident b (api failed, u), launches_lost: was 0, is 1",
                "incident c (mail failed, v): was missing, is an incident",
                "incident a (web failed, t): was an incident, is missing",
            ]
        );
    }

    #[test]
    fn rows_files_and_spelling_are_compared() {
        let differ = |was: &str, is: &str| compare(&files("a.csv", was), &files("a.csv", is)).len();
        assert_eq!(differ("x\n1\n", "x\n1\n"), 0);
        assert_eq!(differ("x\n1\n2\n", "x\n1\n"), 1);
        assert_eq!(differ("x\n2\n3\n4\n", "x\n1\n2\n3\n4\n"), 1, "the rows after a missing one are the same");
        assert_eq!(differ("x\n\"1\"\n", "x\n1\n"), 1);
        assert_eq!(compare(&files("a.csv", ""), &files("b.csv", "")).len(), 2);
        assert_eq!(compare(&files("a.md", "1\n2"), &files("a.md", "1\n3"))[0].place, "line 2");
    }
}
