//! Every shape loads, every record is accounted for, and the order of loading does not matter.

use crate::support::{Desk, load_options, project};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::io::Write;

fn record(number: u32) -> String {
    format!(
        r#"{{"eventVersion":"1.09","userIdentity":{{"type":"IAMUser","userName":"u{number}"}},"eventTime":"2026-03-04T02:{:02}:00Z","eventSource":"ecs.amazonaws.com","eventName":"ListTasks","awsRegion":"us-east-1","requestParameters":null,"responseElements":null,"eventID":"id-{number}","recipientAccountId":"111122223333"}}"#,
        number % 60
    )
}

fn records(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(record).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Little to read, much to hold: blanks at the best ratio that deflate has.
fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..300 {
        encoder.write_all(&blanks).unwrap();
    }
    encoder.finish().unwrap()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn base64_gzip(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(gzip(text.as_bytes()))
}

/// The ids of all calls in the store.
fn ids(desk: &Desk) -> BTreeSet<String> {
    desk.sql("select id from calls order by id").into_iter().map(|row| row[0].clone()).collect()
}

#[test]
fn every_envelope_gives_the_same_record() {
    let one = record(1);
    let event = format!(
        r#"{{"version":"0","id":"env-1","detail-type":"AWS API Call via CloudTrail","source":"aws.ecs","account":"111122223333","time":"2026-03-04T02:01:00Z","region":"us-east-1","resources":[],"detail":{one}}}"#
    );
    let subscription = format!(
        r#"{{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":[],"logEvents":[{{"id":"1","timestamp":1,"message":{}}}]}}"#,
        quoted(&one)
    );
    let shapes = [
        ("records", format!(r#"{{"Records":[{one}]}}"#)),
        ("bare", one.clone()),
        ("array", format!("[{one}]")),
        ("pretty with mark", format!("\u{feff}[\r\n  {one}\r\n]\r\n")),
        ("lookup-events", format!(r#"{{"Events":[{{"EventId":"x","CloudTrailEvent":{}}}],"NextToken":null}}"#, quoted(&one))),
        ("token first", format!(r#"{{"NextToken":"t","Events":[{{"CloudTrailEvent":{}}}]}}"#, quoted(&one))),
        ("event", event.clone()),
        ("detail as text", event.replace(&one, &quoted(&one))),
        ("logs export", format!("2026-03-04T02:01:03.000Z {one}\n")),
        ("logs export in millis", format!("1772589663000 {one}\n")),
        ("subscription", subscription.clone()),
        ("packed subscription", format!(r#"{{"awslogs":{{"data":"{}"}}}}"#, base64_gzip(&subscription))),
        ("sns", format!(r#"{{"Type":"Notification","Message":{}}}"#, quoted(&event))),
        ("sqs of sns", format!(r#"{{"Messages":[{{"body":{}}}]}}"#, quoted(&format!(r#"{{"Message":{}}}"#, quoted(&event))))),
        ("vendor", format!(r#"{{"aws":{{"cloudtrail":{one}}}}}"#)),
        ("splunk", format!(r#"{{"result":{{"_raw":{}}}}}"#, quoted(&one))),
        ("filter-log-events", format!(r#"{{"events":[{{"message":{}}}]}}"#, quoted(&one))),
        ("insights results", format!(r#"{{"results":[[{{"field":"@message","value":{}}}]]}}"#, quoted(&one))),
    ];
    for (name, text) in &shapes {
        for bytes in [text.clone().into_bytes(), gzip(text.as_bytes())] {
            let desk = Desk::new();
            let file = desk.write("in/export.bin", bytes);
            let ran = desk.load(&[&file]);
            assert_eq!(ran.code, 0, "{name}: {}{}", ran.out, ran.err);
            assert_eq!(ids(&desk), BTreeSet::from(["id-1".to_owned()]), "{name}");
        }
    }
    // All of them together are one record: what came first was loaded, the others were counted.
    let desk = Desk::new();
    for (index, (_, text)) in shapes.iter().enumerate() {
        desk.write(&format!("in/{index:02}.json"), text);
    }
    desk.load(&[&desk.path("in")]).ok();
    let sums = desk.sql("select sum(read), sum(loaded), sum(duplicate) from files");
    assert_eq!(sums, [[shapes.len().to_string(), "1".to_owned(), (shapes.len() - 1).to_string()]]);
}

#[test]
fn a_large_file_is_read_in_parts_with_the_same_result() {
    let many = records(0..40_000);
    let whole = format!("{{\"Records\":[{}]}}", many.join(","));
    assert!(whole.len() > 8 << 20);
    let mut lines = many.join("\n");
    lines.push_str("\n{\"eventVersion\":\"1.09\",\n");
    let desk = Desk::new();
    let file = desk.write("big.json", whole.repeat(2));
    desk.load(&[&file]).ok();
    assert_eq!(desk.sql("select read, loaded, duplicate, quarantined from files"), [["80000", "40000", "40000", "0"]]);
    let numbers = desk.sql("select count(distinct record), min(record), max(record) from calls where file like '%big.json'");
    assert_eq!(numbers[0][0], "40000");
    // Damage makes it one part, and costs one record.
    let desk = Desk::new();
    let file = desk.write("lines.ndjson", lines.repeat(2));
    assert_eq!(desk.load(&[&file]).code, 3);
    assert_eq!(desk.sql("select read, loaded, duplicate, quarantined from files"), [["80002", "40000", "40000", "2"]]);
}

#[test]
fn troubled_files_cost_only_themselves() {
    let desk = Desk::new();
    desk.write("in/good.json", format!("[{}]", records(0..5).join(",")));
    desk.write("in/bomb.json.gz", bomb());
    desk.write("in/cut.json.gz", &gzip(format!("{{\"Records\":[{}]}}", records(10..400).join(",")).as_bytes())[..2000]);
    desk.write("in/db.sqlite", b"SQLite format 3\0rest");
    desk.write("in/empty.json", b"");
    desk.write("in/photo.png", b"\x89PNG\r\n\x1a\n\0\0");
    desk.write("in/deep.json", "[".repeat(100_000));
    desk.write("in/\u{202e}name\u{1b}[31m.json", record(7));
    let ran = desk.load(&[&desk.path("in")]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains('\u{1b}'), "escapes of file names do not reach the terminal");
    let bad = desk.sql("select count(*) from files where read <> loaded + duplicate + filtered + quarantined");
    assert_eq!(bad, [["0"]]);
    let whys: BTreeSet<String> = desk.query("quarantine by why").into_iter().map(|row| row[0].clone()).collect();
    for why in ["decompression_bomb", "truncated_gzip", "sqlite", "too_deep"] {
        assert!(whys.contains(why), "{why} in {whys:?}");
    }
    let before_the_cut = desk.sql("select loaded from files where file like '%cut%'");
    assert!(before_the_cut[0][0].parse::<u64>().unwrap() > 0);
    let ids = ids(&desk);
    assert!(ids.contains("id-0") && ids.contains("id-7") && ids.contains("id-10"));
}

#[test]
fn standard_input_loads() {
    let desk = Desk::new();
    let mut child = desk
        .command()
        .args(["load", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(record(3).as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(ids(&desk).len(), 1);
}

#[test]
fn a_record_dated_in_the_future_does_not_move_the_anchor() {
    let desk = Desk::new();
    let file = desk.write("in.ndjson", [record(1), record(2).replace("2026-03-04", "2099-03-04")].join("\n"));
    assert_eq!(desk.load(&[&file]).code, 3);
    assert_eq!(desk.query("quarantine by why"), [["future_time", "1"]]);
    let ran = desk.run(&["query", "calls by event_name since 1d", "--format", "csv"]).ok();
    assert!(ran.err.contains("2026-03-03T02:01:00Z"), "{}", ran.err);
}

/// Go's zero time, the beginning of Unix time, and times no export can hold.
#[test]
fn a_time_that_no_record_can_have_is_quarantined_and_spoils_nothing() {
    let desk = Desk::new();
    let times = ["0001-01-01", "1970-01-01", "2005-12-31", "2100-01-01", "9999-12-31"];
    let odd = (1..).zip(times).map(|(number, day)| record(number).replace("2026-03-04", day));
    let file = desk.write("in.ndjson", odd.chain([record(9)]).collect::<Vec<_>>().join("\n"));
    let ran = desk.load(&[&file]);
    assert!(ran.code == 3 && ran.out.contains("expected a time from 2006 to 2099"), "{}", ran.out);
    assert_eq!(desk.query("quarantine by why"), [["implausible_time", "5"]]);
    for arguments in [&["doctor"][..], &["store"], &["query", "calls every 1d"], &["query", "gaps"]] {
        desk.run(arguments).ok();
    }
    assert_eq!(desk.query("calls show count"), [["1"]]);
}

/// A task that never started has the zero time of Go where it has no time.
#[test]
fn a_zero_time_beside_sound_ones_is_missing() {
    let desk = Desk::new();
    let task = r#"{"id":"e-1","detail-type":"ECS Task State Change","source":"aws.ecs","account":"111122223333","time":"2026-03-04T05:00:00Z",
        "region":"us-east-1","resources":[],"detail":{"taskArn":"arn:aws:ecs:us-east-1:111122223333:task/web/0a1b","lastStatus":"STOPPED",
        "createdAt":"2026-03-04T04:59:00Z","startedAt":"0001-01-01T00:00:00Z","stoppedAt":"2026-03-04T05:00:00Z","containers":[]}}"#;
    desk.load(&[&desk.write("task.json", task)]).ok();
    assert_eq!(
        desk.sql("select cast(\"time\" as varchar), coalesce(cast(started_at as varchar), 'missing') from task_events"),
        [["2026-03-04T05:00:00Z", "missing"]]
    );
}

/// A file name that looks like one of CloudTrail's, with digits that are no time.
#[test]
fn a_file_name_without_a_sound_time_spoils_no_question_about_gaps() {
    let desk = Desk::new();
    desk.write("in/111122223333_CloudTrail_us-east-1_20269999T9999Z_aB3.json", record(1));
    desk.write("in/111122223333_CloudTrail_us-east-1_20260304T0330Z_aB3.json", record(2));
    desk.load(&[&desk.path("in")]).ok();
    assert_eq!(desk.query("gaps where kind = late by file").len(), 1);
}

/// What `ecs-audit` makes of arbitrary bytes is an account, never a panic.
fn balances(bytes: &[u8]) {
    use ecs_audit::discover::{Input, Source};
    use ecs_audit::load::{Silent, load};
    use ecs_audit::store::MemoryShelf;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    std::fs::write(&path, bytes).unwrap();
    let input = Input { source: Source::File(path), name: "x".into(), folder: None, size: bytes.len() as u64, modified: None };
    let options = load_options();
    let shelf = MemoryShelf::default();
    let reports = load(&[input], &shelf, None, None, &options, &Silent).unwrap();
    assert!(reports[0].balances(), "{:?}", reports[0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_account_balances_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        balances(&bytes);
    }

    #[test]
    fn the_account_balances_on_damaged_exports(start in 0usize..3000, length in 0usize..200, with in proptest::collection::vec(any::<u8>(), 0..20)) {
        let mut bytes = format!("{{\"Records\":[{}]}}", records(0..12).join(",")).into_bytes();
        let start = start.min(bytes.len());
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, with);
        balances(&bytes);
        balances(&gzip(&bytes));
    }
}

#[test]
fn real_exports_load_or_tell_why() {
    let shared = project().join("../shared/data");
    if !shared.is_dir() {
        eprintln!("skipped: there are no real records beside the project");
        return;
    }
    let desk = Desk::new();
    let ran = desk.load(&[&shared.join("public"), &shared.join("dstack")]);
    assert!(ran.code == 0 || ran.code == 3, "{}", ran.err);
    assert_eq!(desk.sql("select count(*) from files where read <> loaded + duplicate + filtered + quarantined"), [["0"]]);
    assert_eq!(desk.sql("select count(*) from quarantine where why is null or detail is null"), [["0"]]);
    // Every CloudTrail record that was counted when the files were collected is there or told.
    let told = std::fs::read_to_string(shared.join("public/files.tsv")).unwrap();
    let listed: u64 = told.lines().skip(1).filter_map(|line| line.split('\t').nth(4)?.parse::<u64>().ok()).sum();
    let seen = desk.sql("select sum(read) from files where file like '%/public/%' and format like 'CloudTrail%'");
    assert!(seen[0][0].parse::<u64>().unwrap() >= listed * 98 / 100, "{seen:?} of {listed}");
}
