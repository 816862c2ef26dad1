//! What leaves a store, and what never enters it: old records, records that another program deleted, and records that a load
//! was not asked for.

use crate::store::{assert_alike, contents};
use crate::support::{Ran, TestEnv, project};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn samples() -> PathBuf {
    project().join("samples/exports")
}

fn log_of(env: &TestEnv, table: &str) -> PathBuf {
    env.path(&format!(".ecs-audit/tables/{table}/_delta_log"))
}

/// The commits of a table, oldest first.
fn commits(env: &TestEnv, table: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(log_of(env, table)).unwrap().flatten().map(|entry| entry.path());
    let mut commits: Vec<_> = entries.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect();
    commits.sort();
    commits
}

/// The files that the log of a table names.
fn logged(env: &TestEnv, table: &str) -> Vec<Value> {
    let mut files: Vec<Value> = Vec::new();
    for commit in commits(env, table) {
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
fn commit(env: &TestEnv, table: &str, operation: &str, actions: &[Value]) {
    let version = commits(env, table).len();
    let mut lines = vec![json!({"commitInfo": {"timestamp": 1_772_900_000_000_i64, "operation": operation}})];
    lines.extend_from_slice(actions);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(log_of(env, table).join(format!("{version:020}.json")), text).unwrap();
}

fn removal(file: &Value) -> Value {
    json!({"remove": {
        "path": file["path"], "dataChange": true, "deletionTimestamp": 1_772_900_000_000_i64,
        "extendedFileMetadata": true, "partitionValues": file["partitionValues"], "size": file["size"],
    }})
}

fn count(env: &TestEnv, table: &str) -> u64 {
    env.sql(&format!("select count(*) as n from {table}"))[0][0].parse().unwrap()
}

fn rows_of(file: &Value) -> u64 {
    let stats: Value = serde_json::from_str(file["stats"].as_str().unwrap()).unwrap();
    stats["numRecords"].as_u64().unwrap()
}

/// A copy of the samples whose files have other bytes and the same records.
fn changed_copy(env: &TestEnv, from: &Path) -> PathBuf {
    let to = env.path("copy");
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

fn is_whole(env: &TestEnv) -> Ran {
    env.run(&["store", "verify"]).ok()
}

#[test]
fn what_another_program_deleted_stays_deleted() {
    let env = TestEnv::new();
    let export = samples().join("fargate-quota");
    env.load(&[&export]).ok();
    let all = count(&env, "calls");
    let file = logged(&env, "calls").remove(0);
    let rows = rows_of(&file);
    commit(&env, "calls", "DELETE", &[removal(&file)]);

    // Answers are those of the changed data, before anything else is written.
    assert_eq!(count(&env, "calls"), all - rows);
    let asked = env.run(&["query", "calls show count"]).ok();
    assert!(asked.err.contains(&format!("DELETE of table `calls` (version 2): {rows} rows removed")), "{}", asked.err);
    let verified = is_whole(&env);
    assert!(verified.out.contains("store adopt"), "{}", verified.out);

    // A load of the same files, and of others with the same records, does not bring them back.
    let again = env.load(&[&export]).ok();
    assert!(again.err.contains("another program changed the store"), "{}", again.err);
    let copy = changed_copy(&env, &export);
    let copied = env.load(&[&copy]).ok();
    assert!(copied.out.contains(" removed from the store in "), "{}", copied.out);
    assert_eq!(count(&env, "calls"), all - rows);
    assert_eq!(count(&env, "removed"), rows);
    is_whole(&env);

    // The ledger knows: a lost manifest changes nothing.
    std::fs::remove_file(env.path(".ecs-audit/manifest.json")).unwrap();
    assert_eq!(count(&env, "calls"), all - rows);
}

#[test]
fn changes_of_another_program_can_be_adopted_or_undone() {
    let env = TestEnv::new();
    env.load(&[&samples().join("silent-batch")]).ok();
    let before = contents(&env);
    let nothing = env.run(&["store", "adopt"]).ok();
    assert!(nothing.out.contains("nothing to adopt"), "{}", nothing.out);

    let file = logged(&env, "task_events").remove(0);
    commit(&env, "task_events", "DELETE", &[removal(&file)]);
    let undone = env.run(&["store", "adopt", "--undo"]).ok();
    assert_eq!(undone.out, "undone in task_events\n");
    assert_alike(&contents(&env), &before);
    is_whole(&env);

    // A compaction by another program changes no row.
    let path = file["path"].as_str().unwrap();
    let folder = env.path(".ecs-audit/tables/task_events");
    let moved = format!("{}/part-00000-of-another-program.parquet", path.rsplit_once('/').unwrap().0);
    std::fs::copy(folder.join(path), folder.join(&moved)).unwrap();
    let mut added = file.clone();
    added["path"] = json!(moved);
    added["dataChange"] = json!(false);
    added["stats"] = Value::Null;
    let mut removed = removal(&file);
    removed["remove"]["dataChange"] = json!(false);
    commit(&env, "task_events", "OPTIMIZE", &[removed, json!({ "add": added })]);
    let adopted = env.run(&["store", "adopt"]).ok();
    assert!(
        adopted.out.contains("OPTIMIZE of table `task_events`") && adopted.out.contains("no rows changed"),
        "{}",
        adopted.out
    );
    assert_alike(&contents(&env), &before);
    assert_eq!(count(&env, "removed"), 0);
    env.load(&[&samples()]).ok();
    let whole = TestEnv::new();
    whole.load(&[&samples()]).ok();
    assert_alike(&contents(&env), &contents(&whole));
    is_whole(&env);
}

#[test]
fn what_cannot_be_read_is_refused_and_can_be_undone() {
    let env = TestEnv::new();
    env.load(&[&samples().join("silent-batch")]).ok();
    let before = contents(&env);
    let file = logged(&env, "calls").remove(0);
    let mut marked = file.clone();
    marked["deletionVector"] =
        json!({"storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^", "offset": 4, "sizeInBytes": 40, "cardinality": 6});
    commit(&env, "calls", "DELETE", &[removal(&file), json!({ "add": marked })]);
    for arguments in [vec!["query", "calls"], vec!["store", "compact"], vec!["store", "adopt"]] {
        let ran = env.run(&arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains("deletion vectors") && ran.err.contains("ecs-audit store adopt --undo"), "{}", ran.err);
    }
    env.run(&["store", "adopt", "--undo"]).ok();
    assert_alike(&contents(&env), &before);
}

#[test]
fn old_records_leave_and_do_not_come_back() {
    let env = TestEnv::new();
    let export = samples().join("fargate-quota");
    env.load(&[&export]).ok();
    let all = count(&env, "calls");
    let old: u64 =
        env.sql("select count(*) as n from calls where time < timestamp '2026-03-04T00:00:00Z'")[0][0].parse().unwrap();
    assert!(old > 0 && old < all);
    let preview = env.run(&["store", "drop", "--before", "2026-03-04"]).ok();
    assert!(preview.out.contains("nothing was removed") && preview.out.contains("calls"), "{}", preview.out);
    assert_eq!(count(&env, "calls"), all);
    let done = env.run(&["store", "drop", "--before", "2026-03-04", "--yes"]).ok();
    assert!(done.out.contains("not be loaded again"), "{}", done.out);
    assert_eq!(count(&env, "calls"), all - old);
    let copied = env.load(&[&changed_copy(&env, &export)]).ok();
    assert!(copied.out.contains("removed from the store"), "{}", copied.out);
    assert_eq!(count(&env, "calls"), all - old);
    is_whole(&env);
    let wrong = env.run(&["store", "drop", "--before", "soon"]);
    assert!(wrong.code == 2 && wrong.err.contains("--before `soon`"), "{}", wrong.err);
    let wrong = env.run(&["store", "drop", "--before", "1d", "--table", "cals"]);
    assert!(wrong.code == 2 && wrong.err.contains("expected calls"), "{}", wrong.err);
}

#[test]
fn a_load_reads_the_selection_and_a_later_one_the_rest() {
    let whole = TestEnv::new();
    whole.load(&[&samples()]).ok();
    let env = TestEnv::new();
    let samples = samples();
    let path = samples.to_str().unwrap();
    let some = env.run(&["load", path, "--since", "2026-03-03", "--until", "2026-03-05", "--region", "us-east-1"]).ok();
    assert!(some.out.contains("outside --since/--until"), "{}", some.out);
    assert!(some.out.contains("skipped"), "{}", some.out);
    let other = "select count(*) as n from calls where time < timestamp '2026-03-03' or time >= timestamp '2026-03-05' \
                 or region <> 'us-east-1'";
    assert_eq!(env.sql(other)[0][0], "0");
    let taken = count(&env, "calls");
    assert!(taken > 0 && taken < count(&whole, "calls"), "{taken}");
    // The same again is no news, and grows nothing.
    let ledger = count(&env, "files");
    env.run(&["load", path, "--since", "2026-03-03", "--until", "2026-03-05", "--region", "us-east-1"]).ok();
    assert_eq!(count(&env, "files"), ledger);
    env.load(&[&samples]).ok();
    assert_alike(&contents(&env), &contents(&whole));
    let wrong = env.run(&["load", path, "--since", "yesterdayish"]);
    assert!(wrong.code == 2 && wrong.err.contains("--since `yesterdayish`"), "{}", wrong.err);
}

#[test]
fn nouns_are_tables_of_sql_and_files_of_an_export() {
    let env = TestEnv::new();
    env.load(&[&samples()]).ok();
    for noun in ["tasks", "launches", "schedules", "stalls", "quota", "collisions", "gaps", "events"] {
        let rows = env.sql(&format!("select count(*) as n from {noun}"))[0][0].clone();
        // These two count one kind of rows where none is named.
        let source = match noun {
            "quota" => "quota where resource is not missing show count".to_owned(),
            "gaps" => "gaps where kind is not missing show count".to_owned(),
            noun => format!("{noun} show count"),
        };
        assert_eq!(rows, env.query(&source)[0][0], "{noun}");
        let direct = env.run(&[
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
    assert!(!env.sql("select l.outcome, t.task from launches l join tasks t on l.cluster = t.cluster limit 1").is_empty());
    env.run(&["store", "export", "out", "--format", "csv", "launches", "failures"]).ok();
    let text = std::fs::read_to_string(env.path("out/launches.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(reader.records().filter(Result::is_ok).count() as u64, count(&env, "launches"));
    env.run(&["store", "export", "out"]).ok();
    for noun in ["stalls", "quota", "calls"] {
        assert!(std::fs::read(env.path(&format!("out/{noun}.parquet"))).unwrap().starts_with(b"PAR1"), "{noun}");
    }
    let wrong = env.run(&["store", "export", "out", "stals"]);
    assert!(wrong.code == 2 && wrong.err.contains("unknown noun `stals`"), "{}", wrong.err);
}

#[test]
fn memory_is_limited_by_every_option() {
    let env = TestEnv::new();
    env.load(&[&samples()]).ok();
    let plenty = env.run(&["query", "calls by user, event_name", "--format", "csv"]).ok().out;
    let little = env.run(&["query", "calls by user, event_name", "--format", "csv", "--memory", "64MiB"]).ok().out;
    assert_eq!(plenty, little);
    let settings = env.run(&["config", "--memory", "64MiB", "--format", "csv"]).ok().out;
    assert!(settings.contains("memory,64.00 MiB,option --memory"), "{settings}");
    let wrong = env.run(&["query", "calls", "--memory", "lots"]);
    assert!(wrong.code == 2 && wrong.err.contains("--memory `lots`"), "{}", wrong.err);
}
