//! The samples tell what `samples/expected.toml` says: every file is accounted for, every query answers.

use crate::support::{TestEnv, project};
use std::collections::BTreeMap;
use std::path::Path;
use toml::{Table, Value};

fn expected(name: &str) -> Table {
    std::fs::read_to_string(project().join(name)).unwrap().parse().unwrap()
}

fn int(table: &Table, key: &str) -> i64 {
    table.get(key).and_then(Value::as_integer).unwrap_or(0)
}

fn text<'a>(table: &'a Table, key: &str) -> &'a str {
    table.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn tables<'a>(table: &'a Table, key: &str) -> Vec<&'a Table> {
    table[key].as_array().unwrap().iter().map(|value| value.as_table().unwrap()).collect()
}

/// What the ledger says of each file, by its path below `root`: read, loaded, duplicate, filtered, quarantined, why.
fn ledger(env: &TestEnv, root: &Path) -> BTreeMap<String, (Vec<i64>, String)> {
    let rows = env.sql("select file, read, loaded, duplicate, filtered, quarantined, coalesce(why, '') from files order by file");
    let prefix = format!("{}/", root.display());
    rows.into_iter()
        .map(|row| {
            let counts: Vec<i64> = row[1..6].iter().map(|cell| cell.parse().unwrap()).collect();
            assert_eq!(counts[0], counts[1..].iter().sum::<i64>(), "{row:?}");
            (row[0].trim_start_matches(&prefix).to_owned(), (counts, row[6].clone()))
        })
        .collect()
}

/// Loads a folder alone, and compares its totals and the answers of its queries. Returns its ledger.
fn check_folder(folder: &str, expected: &Table) -> BTreeMap<String, (Vec<i64>, String)> {
    let env = TestEnv::new();
    let root = project().join(folder);
    env.load(&[&root]).ok();

    let ledger = ledger(&env, &root);
    let totals = expected["totals"].as_table().unwrap();
    assert_eq!(ledger.len() as i64, int(totals, "files"), "{folder}");
    let sum = |index: usize| ledger.values().map(|(counts, _)| counts[index]).sum::<i64>();
    let want: Vec<i64> = ["read", "loaded", "duplicate", "filtered", "quarantined"].iter().map(|key| int(totals, key)).collect();
    assert_eq!((0..5).map(sum).collect::<Vec<_>>(), want, "{folder}");

    for query in tables(expected, "query") {
        let answer = env.query(text(query, "query"));
        let rows = query["rows"].as_array().unwrap().iter().map(|row| row.as_array().unwrap().iter().map(cell).collect());
        assert_eq!(answer, rows.collect::<Vec<Vec<String>>>(), "{folder}: {}", text(query, "query"));
    }
    ledger
}

#[test]
fn the_exports_are_accounted_for_and_answer() {
    let expected = expected("samples/expected.toml");
    let ledger = check_folder("samples/exports", &expected);
    for file in tables(&expected, "file") {
        let (counts, why) = &ledger[text(file, "path")];
        assert_eq!(
            (counts[0], counts[3], why.as_str()),
            (int(file, "read"), int(file, "filtered"), text(file, "why")),
            "{file:?}"
        );
    }
}

#[test]
fn the_folders_beside_them_answer_what_was_planted() {
    let expected = expected("samples/expected.toml");
    let folders = expected["folder"].as_table().unwrap();
    assert_eq!(folders.keys().collect::<Vec<_>>(), ["people", "schedules"]);
    for (name, expected) in folders {
        check_folder(&format!("samples/{name}"), expected.as_table().unwrap());
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[test]
fn the_oddities_are_counted_as_their_list_says() {
    let env = TestEnv::new();
    let root = project().join("samples/oddities");
    let ran = env.load(&[&root]);
    assert_eq!(ran.code, 3, "some of it cannot be loaded\n{}\n{}", ran.out, ran.err);
    let ledger = ledger(&env, &root);
    let reasons: BTreeMap<String, String> = env
        .query("quarantine show file, why sort file limit 1000")
        .into_iter()
        .map(|row| (row[0].trim_start_matches(&format!("{}/", root.display())).to_owned(), row[1].clone()))
        .collect();
    for file in tables(&expected("samples/oddities/expected.toml"), "file") {
        let path = text(file, "path");
        let (counts, why) = ledger.get(path).unwrap_or_else(|| panic!("{path} is not in the ledger"));
        let want: Vec<i64> =
            ["read", "loaded", "duplicate", "filtered", "quarantined"].iter().map(|key| int(file, key)).collect();
        assert_eq!(counts, &want, "{path}");
        let shown = if want[4] > 0 { reasons[path].as_str() } else { why.as_str() };
        assert_eq!(shown, text(file, "why"), "{path}");
    }
}

#[test]
fn a_query_without_a_store_answers_the_same() {
    let env = TestEnv::new();
    let root = project().join("samples/exports");
    env.load(&[&root]).ok();
    let from = root.display().to_string();
    for query in [
        "failures by reason since 7d",
        "tasks by cluster, last_status",
        "failures since 7d show id, time, kind, reason sort id limit 500",
        "calls by raw.eventVersion",
    ] {
        let stored = env.run(&["query", query, "--format", "csv", "-q"]).ok();
        let direct = env.run(&["query", "--from", &from, query, "--format", "csv", "-q"]).ok();
        assert_eq!(stored.out, direct.out, "{query}");
    }
}
