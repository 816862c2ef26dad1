//! The store: loading is idempotent, incremental, independent of order, and survives being killed.

use crate::support::{TestEnv, project};
use std::path::Path;
use std::time::Duration;

/// Everything in the store but where it came from, as text: equal stores give equal text.
pub fn contents(env: &TestEnv) -> String {
    let mut all = String::new();
    for (table, left_out) in [
        ("calls", "file, record"),
        ("task_events", "file, record"),
        ("container_events", "file, record"),
        ("instance_events", "file, record"),
        ("service_events", "file, record"),
        ("run_records", "file, record"),
        ("job_submissions", "file, record"),
        ("run_events", "file, record"),
        ("flows", "file, record"),
        ("failures", "file"),
    ] {
        let mut rows: Vec<String> = env
            .run(&["sql", &format!("select * except ({left_out}) from {table}"), "--format", "ndjson", "-q"])
            .ok()
            .out
            .lines()
            .map(str::to_owned)
            .collect();
        rows.sort();
        all.push_str(&format!("{table}: {}\n{}\n", rows.len(), rows.join("\n")));
    }
    all
}

/// Stores must be alike; where they are not, the first lines that differ are printed.
pub fn assert_alike(left: &str, right: &str) {
    let differ = left.lines().zip(right.lines()).find(|(left, right)| left != right);
    assert!(left == right, "{} and {} lines, first: {differ:#?}", left.lines().count(), right.lines().count());
}

fn samples() -> std::path::PathBuf {
    project().join("samples/exports")
}

#[test]
fn twice_in_halves_and_backwards_gives_the_same_rows() {
    let once = TestEnv::new();
    once.load(&[&samples()]).ok();
    let want = contents(&once);
    assert!(want.len() > 100_000);

    let again = once.load(&[&samples()]).ok();
    assert!(again.out.contains("unchanged"), "{}", again.out);
    assert_alike(&contents(&once), &want);

    let folders: Vec<_> = {
        let mut folders: Vec<_> = std::fs::read_dir(samples()).unwrap().flatten().map(|entry| entry.path()).collect();
        folders.sort();
        folders.reverse();
        folders
    };
    let parts = TestEnv::new();
    for folder in &folders {
        parts.load(&[folder]).ok();
    }
    assert_alike(&contents(&parts), &want);

    // A copy of the export elsewhere holds nothing new, whatever its times are.
    let copied = TestEnv::new();
    std::fs::create_dir(copied.path("copy")).unwrap();
    copy(&samples(), &copied.path("copy"));
    copied.load(&[&samples()]).ok();
    copied.load(&[&copied.path("copy")]).ok();
    assert_alike(&contents(&copied), &want);
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::write(&target, std::fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

#[test]
fn two_loads_at_once_do_not_meet() {
    let env = TestEnv::new();
    let children: Vec<_> =
        (0..3).map(|_| env.command().arg("load").arg(samples()).stdout(std::process::Stdio::null()).spawn().unwrap()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let whole = TestEnv::new();
    whole.load(&[&samples()]).ok();
    assert_alike(&contents(&env), &contents(&whole));

    let lock = std::fs::File::create(env.path(".ecs-audit/lock")).unwrap();
    lock.lock().unwrap();
    let ran = env.run(&["load", samples().to_str().unwrap(), "--wait", "1s"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("another `ecs-audit` is writing"), "{}", ran.err);
}

#[test]
fn compaction_and_vacuum_keep_the_rows() {
    let env = TestEnv::new();
    for folder in ["silent-batch", "fargate-quota", "rolling-deployment", "dstack-exit-status"] {
        env.load(&[&samples().join(folder)]).ok();
    }
    let want = contents(&env);
    let ran = env.run(&["store", "compact"]).ok();
    assert!(ran.out.starts_with("compacted: "), "{}", ran.out);
    assert_alike(&contents(&env), &want);
    let ran = env.run(&["store", "vacuum", "--keep", "0s"]).ok();
    assert!(ran.out.starts_with("vacuumed: "), "{}", ran.out);
    assert_alike(&contents(&env), &want);
    env.load(&[&samples()]).ok();
    let whole = TestEnv::new();
    whole.load(&[&samples()]).ok();
    assert_alike(&contents(&env), &contents(&whole));
}

/// The files hold stand-ins for the ids that have columns of their own; nobody who asks sees them.
#[test]
fn originals_are_whole_again() {
    let env = TestEnv::new();
    env.load(&[&samples()]).ok();
    let statement = "select count(*) as n, count(*) filter (where json_path(raw, '/eventID') = id) as ids, \
         count(*) filter (where coalesce(json_path(raw, '/requestID'), '') = coalesce(request_id, '')) as requests, \
         count(*) filter (where strpos(raw, '\"\\u000') > 0) as stand_ins from calls";
    for step in ["store compact", "store vacuum --keep 0s", "store reclassify"] {
        let ran = env.run(&["sql", statement, "--format", "csv"]).ok();
        let row: Vec<&str> = ran.out.lines().last().unwrap().split(',').collect();
        assert!(row[0] != "0" && row[1..] == [row[0], row[0], "0"], "before {step}: {row:?}");
        env.run(&step.split(' ').collect::<Vec<_>>()).ok();
    }
}

#[test]
fn only_a_store_of_a_known_format_is_read() {
    let env = TestEnv::new();
    env.load(&[&samples().join("silent-batch")]).ok();
    let rows = env.sql("select count(*) from calls");
    let manifest = env.path(".ecs-audit/manifest.json");
    let known = std::fs::read_to_string(&manifest).unwrap();
    for (format, read) in [(0, false), (1, true), (2, true), (3, true), (4, false)] {
        let other = known.replacen("\"format\":3,", &format!("\"format\":{format},"), 1);
        assert!(format == 3 || other != known, "{other}");
        std::fs::write(&manifest, other).unwrap();
        if read {
            assert_eq!(env.sql("select count(*) from calls"), rows, "format {format}");
            continue;
        }
        let ran = env.run(&["query", "calls"]);
        assert!(ran.code == 2 && ran.err.contains(&format!("has format {format}")), "{}", ran.err);
    }
}

#[test]
fn the_overview_shows_what_the_store_contains() {
    let env = TestEnv::new();
    let ran = env.run(&["store"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("load an export: "), "{}", ran.err);
    env.load(&[&samples()]).ok();
    let ran = env.run(&["store"]).ok();
    for word in ["calls", "task_events", "together", "111122223333", "ap-northeast-1", "2026-03-04"] {
        assert!(ran.out.contains(word), "{word} in\n{}", ran.out);
    }
}

#[test]
fn other_engines_can_read_the_tables() {
    let env = TestEnv::new();
    env.load(&[&samples().join("silent-batch")]).ok();
    env.load(&[&samples().join("fargate-quota")]).ok();
    let rows: u64 = env.sql("select count(*) from calls")[0][0].parse().unwrap();
    let url = url::Url::from_directory_path(env.path(".ecs-audit/tables/calls").canonicalize().unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let table = runtime.block_on(deltalake_core::open_table(url)).unwrap();
    assert_eq!(table.version(), Some(2));
    let mut in_log = 0;
    for uri in table.get_file_uris().unwrap() {
        let path = url::Url::parse(&uri).map_or_else(|_| std::path::PathBuf::from(&uri), |url| url.to_file_path().unwrap());
        let file = std::fs::File::open(path).unwrap();
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        in_log += u64::try_from(reader.metadata().file_metadata().num_rows()).unwrap();
    }
    assert_eq!(in_log, rows);
}

/// The versions in the log of a table, as many as it has.
fn commits(env: &TestEnv, table: &str) -> usize {
    std::fs::read_dir(env.path(&format!(".ecs-audit/tables/{table}/_delta_log"))).unwrap().flatten().count()
}

/// Every data file of the store with its size.
fn data_files(env: &TestEnv) -> Vec<(std::path::PathBuf, u64)> {
    fn collect(folder: &Path, files: &mut Vec<(std::path::PathBuf, u64)>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                collect(&entry.path(), files);
            } else if entry.path().extension().is_some_and(|kind| kind == "parquet") {
                files.push((entry.path(), entry.metadata().unwrap().len()));
            }
        }
    }
    let mut files = Vec::new();
    collect(&env.path(".ecs-audit/tables"), &mut files);
    files.sort();
    files
}

#[test]
fn a_lost_manifest_is_rebuilt_and_nothing_is_deleted() {
    let env = TestEnv::new();
    let manifest = env.path(".ecs-audit/manifest.json");
    env.load(&[&samples().join("silent-batch")]).ok();
    env.load(&[&samples().join("fargate-quota")]).ok();
    for step in ["", "store compact", "store vacuum --keep 0s", "store reclassify"] {
        if !step.is_empty() {
            env.run(&step.split(' ').collect::<Vec<_>>()).ok();
        }
        let (want, files) = (contents(&env), data_files(&env));
        std::fs::remove_file(&manifest).unwrap();
        let asked = env.run(&["query", "calls show count", "--format", "csv"]).ok();
        assert!(asked.err.contains("note: manifest.json was missing"), "{}", asked.err);
        assert_alike(&contents(&env), &want);
        assert!(!manifest.exists(), "who only reads writes nothing");
        // A load of nothing new writes it again, and deletes nothing.
        let again = env.load(&[&samples().join("silent-batch")]).ok();
        assert!(again.err.contains("note: manifest.json was missing"), "{}", again.err);
        assert_eq!(data_files(&env), files, "after `{step}`");
        assert_alike(&contents(&env), &want);
        assert!(!env.run(&["query", "calls show count"]).ok().err.contains("missing"));
    }
    env.load(&[&samples()]).ok();
    let whole = TestEnv::new();
    whole.load(&[&samples()]).ok();
    assert_alike(&contents(&env), &contents(&whole));
}

#[test]
fn a_store_that_is_not_all_there_is_refused_and_left_as_it_is() {
    let env = TestEnv::new();
    env.load(&[&samples().join("silent-batch")]).ok();
    std::fs::remove_file(env.path(".ecs-audit/manifest.json")).unwrap();
    let refused = |reason: &str| {
        let files = data_files(&env);
        for ran in [env.load(&[&samples().join("fargate-quota")]), env.run(&["query", "calls"])] {
            assert_eq!(ran.code, 2, "{}", ran.out);
            assert!(ran.err.contains("is incomplete") && ran.err.contains(reason), "{}", ran.err);
            assert!(ran.err.contains("copy it again"), "{}", ran.err);
        }
        assert_eq!(data_files(&env), files);
    };
    let (first, _) = data_files(&env).into_iter().next().unwrap();
    std::fs::rename(&first, env.path("kept")).unwrap();
    refused("data files are missing or truncated, such as");
    std::fs::rename(env.path("kept"), &first).unwrap();
    env.run(&["query", "calls show count"]).ok();
    std::fs::rename(env.path(".ecs-audit/tables/files"), env.path("files")).unwrap();
    refused("no commit of the ledger `tables/files` lists its contents");
}

#[test]
fn a_manifest_that_is_behind_the_ledger_loses_no_load() {
    let env = TestEnv::new();
    let manifest = env.path(".ecs-audit/manifest.json");
    env.load(&[&samples().join("silent-batch")]).ok();
    let (before, old) = (contents(&env), std::fs::read(&manifest).unwrap());
    env.load(&[&samples().join("fargate-quota")]).ok();
    let after = contents(&env);
    std::fs::write(&manifest, &old).unwrap();
    assert_alike(&contents(&env), &before);
    env.load(&[&samples().join("silent-batch")]).ok();
    assert_alike(&contents(&env), &after);
}

#[test]
fn what_a_dead_load_left_is_undone_once() {
    let env = TestEnv::new();
    let half = samples().join("silent-batch");
    let ledger = env.path(".ecs-audit/tables/files/_delta_log");
    env.load(&[&half]).ok();
    let (before, old) = (contents(&env), std::fs::read(env.path(".ecs-audit/manifest.json")).unwrap());
    env.load(&[&samples().join("fargate-quota")]).ok();
    // As if it had died just before the ledger's commit.
    std::fs::write(env.path(".ecs-audit/manifest.json"), old).unwrap();
    let mut versions: Vec<_> = std::fs::read_dir(&ledger).unwrap().flatten().map(|entry| entry.path()).collect();
    versions.sort();
    std::fs::remove_file(versions.last().unwrap()).unwrap();
    env.load(&[&half]).ok();
    let undone = commits(&env, "calls");
    assert_alike(&contents(&env), &before);
    for _ in 0..3 {
        env.load(&[&half]).ok();
    }
    assert_eq!(commits(&env, "calls"), undone, "each load undoes it again");
    env.load(&[&samples()]).ok();
    let whole = TestEnv::new();
    whole.load(&[&samples()]).ok();
    assert_alike(&contents(&env), &contents(&whole));
    std::fs::remove_file(env.path(".ecs-audit/manifest.json")).unwrap();
    assert_alike(&contents(&env), &contents(&whole));
}

#[test]
fn what_could_not_be_read_is_tried_again() {
    let env = TestEnv::new();
    let call = |id: &str, time: &str| {
        format!(
            "{{\"eventVersion\":\"1.08\",\"eventTime\":\"{time}\",\"eventSource\":\"ecs.amazonaws.com\",\"eventName\":\"ListTasks\",\
             \"awsRegion\":\"us-east-1\",\"eventID\":\"{id}\",\"recipientAccountId\":\"111122223333\"}}"
        )
    };
    let tomorrow = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(60)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    env.write("in/good.json", call("a", "2026-03-04T00:00:00Z"));
    let ahead = env.write("in/ahead.ndjson", [call("b", "2026-03-04T00:00:01Z"), call("c", &tomorrow)].join("\n"));
    // A hole of 3 GiB takes no room; it is over the limit of a file.
    let large = env.path("in/large.json");
    std::fs::File::create(&large).unwrap().set_len(3 << 30).unwrap();
    let load = || env.load(&[Path::new("in")]);
    let first = load();
    assert!(first.code == 3 && first.out.contains("quarantined  future_time in 1 file, unreadable in 1 file"), "{}", first.out);
    let ledger = "select count(*) from files";
    assert_eq!(env.sql(ledger), [["3"]]);
    for _ in 0..2 {
        let again = load();
        assert!(again.code == 3 && again.out.contains("(1 unchanged since they were loaded)"), "{}", again.out);
        assert!(again.out.contains("future_time in 1 file, unreadable in 1 file"), "{}", again.out);
        assert_eq!(env.query("quarantine by why"), [["future_time", "1"], ["unreadable", "1"]]);
        assert_eq!(env.sql(ledger), [["3"]], "what is as it was is not written down again");
    }
    std::fs::remove_file(&large).unwrap();
    env.write("in/large.json", call("d", "2026-03-04T00:00:02Z"));
    assert_eq!(load().code, 3);
    assert_eq!(env.query("quarantine by why"), [["future_time", "1"]]);
    std::fs::write(&ahead, call("b", "2026-03-04T00:00:01Z")).unwrap();
    load().ok();
    assert_eq!(env.query("quarantine show count"), [["0"]]);
    assert_eq!(env.run(&["doctor"]).ok().out.matches("could not be loaded").count(), 0);
    assert!(load().ok().out.contains("(3 unchanged since they were loaded)"));
    assert_eq!(env.query("calls show count"), [["3"]]);
}

#[test]
fn one_relative_name_in_two_folders_is_two_files() {
    let env = TestEnv::new();
    let store = env.path("store");
    let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_600_000);
    for (folder, id) in [("a", "one"), ("b", "two")] {
        let text = format!(
            "{{\"eventTime\":\"2026-03-04T00:00:00Z\",\"eventSource\":\"ecs.amazonaws.com\",\"eventName\":\"RunTask\",\"eventID\":\"{id}\"}}"
        );
        let path = env.write(&format!("{folder}/call.json"), text);
        std::fs::File::options().append(true).open(&path).unwrap().set_modified(time).unwrap();
        let load = || {
            let mut command = env.command();
            command.current_dir(env.path(folder)).args(["load", "call.json", "--store"]).arg(&store);
            String::from_utf8(command.output().unwrap().stdout).unwrap()
        };
        assert!(load().contains("1 read = 1 loaded"), "{folder}");
        assert!(load().contains("(1 unchanged since they were loaded)"), "{folder}");
    }
    let mut command = env.command();
    let asked = command.args(["query", "calls show count", "--format", "csv", "-q", "--store"]).arg(&store).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&asked.stdout).trim(), "count\n2");
}

/// The files of each table and day that the manifest names.
fn files_of_days(env: &TestEnv) -> std::collections::BTreeMap<(String, i64), usize> {
    let manifest = std::fs::read_to_string(env.path(".ecs-audit/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let mut days = std::collections::BTreeMap::new();
    for (table, state) in manifest["tables"].as_object().unwrap() {
        for file in state["files"].as_array().unwrap() {
            *days.entry((table.clone(), file["day"].as_i64().unwrap())).or_default() += 1;
        }
    }
    days
}

/// One load of everything leaves one file for each table and day, many small loads at most two.
#[test]
fn many_small_loads_leave_few_files() {
    let whole = TestEnv::new();
    whole.load(&[&samples()]).ok();
    assert!(files_of_days(&whole).values().all(|files| *files == 1), "{:?}", files_of_days(&whole));
    let env = TestEnv::new();
    let folder = samples().join("silent-batch/AWSLogs/111122223333/CloudTrail");
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().flatten() {
        files.extend(Some(entry.into_path()).filter(|path| path.is_file()));
    }
    assert!(files.len() > 20);
    for file in &files {
        env.load(&[file]).ok();
    }
    assert!(files_of_days(&env).values().all(|files| *files <= 2), "{:?}", files_of_days(&env));
    let want = contents(&env);
    // What was merged stays for those who have opened the store before, until it is removed.
    let before = data_files(&env).len();
    let named: usize = files_of_days(&env).values().sum();
    assert!(before > named, "{before} files");
    let ran = env.run(&["store", "vacuum"]).ok();
    assert!(ran.out.starts_with("vacuumed: 0 of"), "{}", ran.out);
    env.run(&["store", "vacuum", "--keep", "0s"]).ok();
    assert_eq!(data_files(&env).len(), named);
    env.run(&["store", "compact"]).ok();
    assert!(files_of_days(&env).values().all(|files| *files == 1), "{:?}", files_of_days(&env));
    assert_alike(&contents(&env), &want);
    let once = TestEnv::new();
    once.load(&files.iter().map(|file| file.as_path()).collect::<Vec<_>>()).ok();
    assert_alike(&contents(&once), &want);
}

/// What the files hold in `raw` is JSON also for those who know nothing of ecs-audit.
#[test]
fn originals_in_the_files_are_json() {
    use arrow::array::{Array, AsArray};
    let env = TestEnv::new();
    env.load(&[&samples()]).ok();
    let mut rows = 0;
    for (path, _) in data_files(&env).into_iter().filter(|(path, _)| !path.components().any(|part| part.as_os_str() == "flows")) {
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap());
        for batch in reader.unwrap().build().unwrap() {
            let batch = batch.unwrap();
            let Some(column) = batch.column_by_name("raw") else { continue };
            let texts = arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8).unwrap();
            for text in texts.as_string::<i32>().iter().flatten() {
                serde_json::from_str::<serde_json::Value>(text).unwrap_or_else(|error| panic!("{error}: {text}"));
                rows += 1;
            }
            assert_eq!(texts.len(), batch.num_rows());
        }
    }
    assert!(rows > 1000, "{rows}");
}
