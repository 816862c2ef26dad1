//! What leaves a store, and what never enters it: old records, records that another program deleted, and records that a load
//! was not asked for.

use crate::store::{assert_alike, contents};
use crate::support::{Desk, Ran, project};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn samples() -> PathBuf {
    project().join("samples/exports")
}

fn log_of(desk: &Desk, table: &str) -> PathBuf {
    desk.path(&format!(".ecs-audit/tables/{table}/_delta_log"))
}

/// The commits of a table, oldest first.
fn commits(desk: &Desk, table: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(log_of(desk, table)).unwrap().flatten().map(|entry| entry.path());
    let mut commits: Vec<_> = entries.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect();
    commits.sort();
    commits
}

/// The files that the log of a table names.
fn logged(desk: &Desk, table: &str) -> Vec<Value> {
    let mut files: Vec<Value> = Vec::new();
    for commit in commits(desk, table) {
        for line in std::fs::read_to_string(commit).unwrap().lines() {
            let action: Value = serde_json::from_str(line).unwrap();
            if let Some(add) = action.get("add") {
                files.push(add.clone());
            }
            if let Some(remove) = action.get("remove") {
                files.retain(|file| file["path"] != remove["path"]);
            }
        }
    }
    files
}

/// Commits actions to a table as another program would.
fn commit(desk: &Desk, table: &str, operation: &str, actions: &[Value]) {
    let version = commits(desk, table).len();
    let mut lines = vec![json!({"commitInfo": {"timestamp": 1_772_900_000_000_i64, "operation": operation}})];
    lines.extend_from_slice(actions);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(log_of(desk, table).join(format!("{version:020}.json")), text).unwrap();
}

fn removal(file: &Value) -> Value {
    json!({"remove": {
        "path": file["path"], "dataChange": true, "deletionTimestamp": 1_772_900_000_000_i64,
        "extendedFileMetadata": true, "partitionValues": file["partitionValues"], "size": file["size"],
    }})
}

fn count(desk: &Desk, table: &str) -> u64 {
    desk.sql(&format!("select count(*) as n from {table}"))[0][0].parse().unwrap()
}

fn rows_of(file: &Value) -> u64 {
    let stats: Value = serde_json::from_str(file["stats"].as_str().unwrap()).unwrap();
    stats["numRecords"].as_u64().unwrap()
}

/// A copy of the samples whose files have other bytes and the same records.
fn changed_copy(desk: &Desk, from: &Path) -> PathBuf {
    let to = desk.path("copy");
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().flatten() {
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &target);
                continue;
            }
            let mut bytes = std::fs::read(entry.path()).unwrap();
            if entry.path().extension().is_some_and(|ending| ending == "gz") {
                use std::io::Write;
                let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                member.write_all(b"\n").unwrap();
                bytes.extend(member.finish().unwrap());
            } else {
                bytes.push(b'\n');
            }
            std::fs::write(target, bytes).unwrap();
        }
    }
    copy(from, &to);
    to
}

fn is_whole(desk: &Desk) -> Ran {
    desk.run(&["store", "verify"]).ok()
}

#[test]
fn what_another_program_deleted_stays_deleted() {
    let desk = Desk::new();
    let export = samples().join("fargate-quota");
    desk.load(&[&export]).ok();
    let all = count(&desk, "calls");
    let file = logged(&desk, "calls").remove(0);
    let rows = rows_of(&file);
    commit(&desk, "calls", "DELETE", &[removal(&file)]);

    // Answers are those of the changed data, before anything else is written.
    assert_eq!(count(&desk, "calls"), all - rows);
    let asked = desk.run(&["query", "calls show count"]).ok();
    assert!(asked.err.contains(&format!("DELETE of table `calls` (version 2): {rows} rows removed")), "{}", asked.err);
    let verified = is_whole(&desk);
    assert!(verified.out.contains("store adopt"), "{}", verified.out);

    // A load of the same files, and of others with the same records, does not bring them back.
    let again = desk.load(&[&export]).ok();
    assert!(again.err.contains("another program changed the store"), "{}", again.err);
    let copy = changed_copy(&desk, &export);
    let copied = desk.load(&[&copy]).ok();
    assert!(copied.out.contains(" removed from the store in "), "{}", copied.out);
    assert_eq!(count(&desk, "calls"), all - rows);
    assert_eq!(count(&desk, "removed"), rows);
    is_whole(&desk);

    // The ledger knows: a lost manifest changes nothing.
    std::fs::remove_file(desk.path(".ecs-audit/manifest.json")).unwrap();
    assert_eq!(count(&desk, "calls"), all - rows);
}

#[test]
fn changes_of_another_program_can_be_adopted_or_undone() {
    let desk = Desk::new();
    desk.load(&[&samples().join("silent-batch")]).ok();
    let before = contents(&desk);
    let nothing = desk.run(&["store", "adopt"]).ok();
    assert!(nothing.out.contains("nothing to adopt"), "{}", nothing.out);

    let file = logged(&desk, "task_events").remove(0);
    commit(&desk, "task_events", "DELETE", &[removal(&file)]);
    let undone = desk.run(&["store", "adopt", "--undo"]).ok();
    assert_eq!(undone.out, "undone in task_events\n");
    assert_alike(&contents(&desk), &before);
    is_whole(&desk);

    // A compaction by another program changes no row.
    let path = file["path"].as_str().unwrap();
    let folder = desk.path(".ecs-audit/tables/task_events");
    let moved = format!("{}/part-00000-of-another-program.parquet", path.rsplit_once('/').unwrap().0);
    std::fs::copy(folder.join(path), folder.join(&moved)).unwrap();
    let mut added = file.clone();
    added["path"] = json!(moved);
    added["dataChange"] = json!(false);
    added["stats"] = Value::Null;
    let mut removed = removal(&file);
    removed["remove"]["dataChange"] = json!(false);
    commit(&desk, "task_events", "OPTIMIZE", &[removed, json!({ "add": added })]);
    let adopted = desk.run(&["store", "adopt"]).ok();
    assert!(
        adopted.out.contains("OPTIMIZE of table `task_events`") && adopted.out.contains("no rows changed"),
        "{}",
        adopted.out
    );
    assert_alike(&contents(&desk), &before);
    assert_eq!(count(&desk, "removed"), 0);
    desk.load(&[&samples()]).ok();
    let whole = Desk::new();
    whole.load(&[&samples()]).ok();
    assert_alike(&contents(&desk), &contents(&whole));
    is_whole(&desk);
}

#[test]
fn what_cannot_be_read_is_refused_and_can_be_undone() {
    let desk = Desk::new();
    desk.load(&[&samples().join("silent-batch")]).ok();
    let before = contents(&desk);
    let file = logged(&desk, "calls").remove(0);
    let mut marked = file.clone();
    marked["deletionVector"] =
        json!({"storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^", "offset": 4, "sizeInBytes": 40, "cardinality": 6});
    commit(&desk, "calls", "DELETE", &[removal(&file), json!({ "add": marked })]);
    for arguments in [vec!["query", "calls"], vec!["store", "compact"], vec!["store", "adopt"]] {
        let ran = desk.run(&arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains("deletion vectors") && ran.err.contains("ecs-audit store adopt --undo"), "{}", ran.err);
    }
    desk.run(&["store", "adopt", "--undo"]).ok();
    assert_alike(&contents(&desk), &before);
}

#[test]
fn old_records_leave_and_do_not_come_back() {
    let desk = Desk::new();
    let export = samples().join("fargate-quota");
    desk.load(&[&export]).ok();
    let all = count(&desk, "calls");
    let old: u64 =
        desk.sql("select count(*) as n from calls where time < timestamp '2026-03-04T00:00:00Z'")[0][0].parse().unwrap();
    assert!(old > 0 && old < all);
    let preview = desk.run(&["store", "drop", "--before", "2026-03-04"]).ok();
    assert!(preview.out.contains("nothing was removed") && preview.out.contains("calls"), "{}", preview.out);
    assert_eq!(count(&desk, "calls"), all);
    let done = desk.run(&["store", "drop", "--before", "2026-03-04", "--yes"]).ok();
    assert!(done.out.contains("not be loaded again"), "{}", done.out);
    assert_eq!(count(&desk, "calls"), all - old);
    let copied = desk.load(&[&changed_copy(&desk, &export)]).ok();
    assert!(copied.out.contains("removed from the store"), "{}", copied.out);
    assert_eq!(count(&desk, "calls"), all - old);
    is_whole(&desk);
    let wrong = desk.run(&["store", "drop", "--before", "soon"]);
    assert!(wrong.code == 2 && wrong.err.contains("--before `soon`"), "{}", wrong.err);
    let wrong = desk.run(&["store", "drop", "--before", "1d", "--table", "cals"]);
    assert!(wrong.code == 2 && wrong.err.contains("expected calls"), "{}", wrong.err);
}

#[test]
fn a_load_takes_what_it_was_asked_for_and_the_rest_later() {
    let whole = Desk::new();
    whole.load(&[&samples()]).ok();
    let desk = Desk::new();
    let samples = samples();
    let path = samples.to_str().unwrap();
    let some = desk.run(&["load", path, "--since", "2026-03-03", "--until", "2026-03-05", "--region", "us-east-1"]).ok();
    assert!(some.out.contains("outside --since/--until"), "{}", some.out);
    assert!(some.out.contains("skipped"), "{}", some.out);
    let other = "select count(*) as n from calls where time < timestamp '2026-03-03' or time >= timestamp '2026-03-05' \
                 or region <> 'us-east-1'";
    assert_eq!(desk.sql(other)[0][0], "0");
    let taken = count(&desk, "calls");
    assert!(taken > 0 && taken < count(&whole, "calls"), "{taken}");
    // The same again is no news, and grows nothing.
    let ledger = count(&desk, "files");
    desk.run(&["load", path, "--since", "2026-03-03", "--until", "2026-03-05", "--region", "us-east-1"]).ok();
    assert_eq!(count(&desk, "files"), ledger);
    desk.load(&[&samples]).ok();
    assert_alike(&contents(&desk), &contents(&whole));
    let wrong = desk.run(&["load", path, "--since", "yesterdayish"]);
    assert!(wrong.code == 2 && wrong.err.contains("--since `yesterdayish`"), "{}", wrong.err);
}

#[test]
fn nouns_are_tables_of_sql_and_files_of_an_export() {
    let desk = Desk::new();
    desk.load(&[&samples()]).ok();
    for noun in ["tasks", "launches", "schedules", "stalls", "quota", "collisions", "gaps", "events"] {
        let rows = desk.sql(&format!("select count(*) as n from {noun}"))[0][0].clone();
        // These two count one kind of rows where none is named.
        let source = match noun {
            "quota" => "quota where resource is not missing show count".to_owned(),
            "gaps" => "gaps where kind is not missing show count".to_owned(),
            noun => format!("{noun} show count"),
        };
        assert_eq!(rows, desk.query(&source)[0][0], "{noun}");
        let direct = desk.run(&[
            "sql",
            &format!("select count(*) as n from {noun}"),
            "--from",
            samples().to_str().unwrap(),
            "--format",
            "csv",
            "-q",
        ]);
        assert_eq!(direct.out.lines().nth(1), Some(rows.as_str()), "{noun}: {}", direct.err);
    }
    assert!(!desk.sql("select l.outcome, t.task from launches l join tasks t on l.cluster = t.cluster limit 1").is_empty());
    desk.run(&["store", "export", "out", "--format", "csv", "launches", "failures"]).ok();
    let text = std::fs::read_to_string(desk.path("out/launches.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(reader.records().filter(Result::is_ok).count() as u64, count(&desk, "launches"));
    desk.run(&["store", "export", "out"]).ok();
    for noun in ["stalls", "quota", "calls"] {
        assert!(std::fs::read(desk.path(&format!("out/{noun}.parquet"))).unwrap().starts_with(b"PAR1"), "{noun}");
    }
    let wrong = desk.run(&["store", "export", "out", "stals"]);
    assert!(wrong.code == 2 && wrong.err.contains("unknown noun `stals`"), "{}", wrong.err);
}

#[test]
fn memory_is_limited_where_asked_for() {
    let desk = Desk::new();
    desk.load(&[&samples()]).ok();
    let plenty = desk.run(&["query", "calls by user, event_name", "--format", "csv"]).ok().out;
    let little = desk.run(&["query", "calls by user, event_name", "--format", "csv", "--memory", "64MiB"]).ok().out;
    assert_eq!(plenty, little);
    let settings = desk.run(&["config", "--memory", "64MiB", "--format", "csv"]).ok().out;
    assert!(settings.contains("memory,64.00 MiB,option --memory"), "{settings}");
    let wrong = desk.run(&["query", "calls", "--memory", "lots"]);
    assert!(wrong.code == 2 && wrong.err.contains("--memory `lots`"), "{}", wrong.err);
}
