//! The store: loading is idempotent, incremental, independent of order, and survives being killed.

use crate::support::{Desk, project};
use std::path::Path;
use std::time::Duration;

/// Everything in the store but where it came from, as text: equal stores give equal text.
pub fn contents(desk: &Desk) -> String {
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
        let mut rows: Vec<String> = desk
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

/// Stores must be alike; where they are not, the first lines that differ are told.
pub fn assert_alike(left: &str, right: &str) {
    let differ = left.lines().zip(right.lines()).find(|(left, right)| left != right);
    assert!(left == right, "{} and {} lines, first: {differ:#?}", left.lines().count(), right.lines().count());
}

fn samples() -> std::path::PathBuf {
    project().join("samples/exports")
}

#[test]
fn twice_in_halves_and_backwards_gives_the_same_rows() {
    let once = Desk::new();
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
    let parts = Desk::new();
    for folder in &folders {
        parts.load(&[folder]).ok();
    }
    assert_alike(&contents(&parts), &want);

    // A copy of the export elsewhere holds nothing new, whatever its times are.
    let copied = Desk::new();
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
fn a_killed_load_leaves_nothing_and_the_next_one_ends_it() {
    let whole = Desk::new();
    whole.load(&[&samples()]).ok();
    let want = contents(&whole);

    let desk = Desk::new();
    let half = samples().join("silent-batch");
    desk.load(&[&half]).ok();
    let before = contents(&desk);
    for millis in [20, 60, 120, 200, 300, 450, 700] {
        let mut child = desk.command().arg("load").arg(samples()).stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        let _ = child.kill();
        let ended = child.wait().unwrap();
        let now = contents(&desk);
        assert!(now == before || (ended.success() || now == want), "after {millis} ms a reader sees half a load");
    }
    desk.load(&[&samples()]).ok();
    assert_alike(&contents(&desk), &want);
}

#[test]
fn two_loads_at_once_do_not_meet() {
    let desk = Desk::new();
    let children: Vec<_> =
        (0..3).map(|_| desk.command().arg("load").arg(samples()).stdout(std::process::Stdio::null()).spawn().unwrap()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let whole = Desk::new();
    whole.load(&[&samples()]).ok();
    assert_alike(&contents(&desk), &contents(&whole));

    let lock = std::fs::File::create(desk.path(".ecs-audit/lock")).unwrap();
    lock.lock().unwrap();
    let ran = desk.run(&["load", samples().to_str().unwrap(), "--wait", "1s"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("another `ecs-audit` is writing"), "{}", ran.err);
}

#[test]
fn compaction_and_vacuum_keep_the_rows() {
    let desk = Desk::new();
    for folder in ["silent-batch", "fargate-quota", "rolling-deployment", "dstack-exit-status"] {
        desk.load(&[&samples().join(folder)]).ok();
    }
    let want = contents(&desk);
    let ran = desk.run(&["store", "compact"]).ok();
    assert!(ran.out.starts_with("compacted: "), "{}", ran.out);
    assert_alike(&contents(&desk), &want);
    let ran = desk.run(&["store", "vacuum"]).ok();
    assert!(ran.out.starts_with("vacuumed: "), "{}", ran.out);
    assert_alike(&contents(&desk), &want);
    desk.load(&[&samples()]).ok();
    let whole = Desk::new();
    whole.load(&[&samples()]).ok();
    assert_alike(&contents(&desk), &contents(&whole));
}

/// The files hold stand-ins for the ids that have columns of their own; nobody who asks sees them.
#[test]
fn originals_are_whole_again() {
    let desk = Desk::new();
    desk.load(&[&samples()]).ok();
    let statement = "select count(*) as n, count(*) filter (where json_path(raw, '/eventID') = id) as ids, \
         count(*) filter (where coalesce(json_path(raw, '/requestID'), '') = coalesce(request_id, '')) as requests, \
         count(*) filter (where raw like '%' || chr(1) || '%') as stand_ins from calls";
    for step in ["store compact", "store vacuum", "store reclassify"] {
        let ran = desk.run(&["sql", statement, "--format", "csv"]).ok();
        let row: Vec<&str> = ran.out.lines().last().unwrap().split(',').collect();
        assert!(row[0] != "0" && row[1..] == [row[0], row[0], "0"], "before {step}: {row:?}");
        desk.run(&step.split(' ').collect::<Vec<_>>()).ok();
    }
}

#[test]
fn only_a_store_of_a_known_format_is_read() {
    let desk = Desk::new();
    desk.load(&[&samples().join("silent-batch")]).ok();
    let rows = desk.sql("select count(*) from calls");
    let manifest = desk.path(".ecs-audit/manifest.json");
    let known = std::fs::read_to_string(&manifest).unwrap();
    for (format, read) in [(0, false), (1, true), (2, true), (3, false)] {
        let other = known.replacen("\"format\":2,", &format!("\"format\":{format},"), 1);
        assert!(format == 2 || other != known, "{other}");
        std::fs::write(&manifest, other).unwrap();
        if read {
            assert_eq!(desk.sql("select count(*) from calls"), rows, "format {format}");
            continue;
        }
        let ran = desk.run(&["query", "calls"]);
        assert!(ran.code == 2 && ran.err.contains(&format!("has format {format}")), "{}", ran.err);
    }
}

#[test]
fn the_overview_tells_what_is_in_it() {
    let desk = Desk::new();
    let ran = desk.run(&["store"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("load an export first"), "{}", ran.err);
    desk.load(&[&samples()]).ok();
    let ran = desk.run(&["store"]).ok();
    for word in ["calls", "task_events", "together", "111122223333", "ap-northeast-1", "2026-03-04"] {
        assert!(ran.out.contains(word), "{word} in\n{}", ran.out);
    }
}

#[test]
fn other_engines_can_read_the_tables() {
    let desk = Desk::new();
    desk.load(&[&samples().join("silent-batch")]).ok();
    desk.load(&[&samples().join("fargate-quota")]).ok();
    let rows: u64 = desk.sql("select count(*) from calls")[0][0].parse().unwrap();
    let url = url::Url::from_directory_path(desk.path(".ecs-audit/tables/calls").canonicalize().unwrap()).unwrap();
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
