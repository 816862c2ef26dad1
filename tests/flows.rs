//! VPC flow logs: every way they are delivered, every record accounted for.

use crate::support::{TestEnv, load_options, project};
use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as Codec, GzipLevel};
use parquet::file::properties::WriterProperties;
use std::io::Write;
use std::sync::Arc;

const HEADER: &str =
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status";

/// A record of the default format.
fn record(number: u32) -> String {
    format!(
        "2 111122223333 eni-0a1b2c3d 10.0.0.1 10.0.0.9 {} 443 6 1 60 {} {} REJECT OK",
        40_000 + number,
        1_772_601_600 + number,
        1_772_601_660 + number
    )
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// The same records as a Parquet file, as VPC writes them: `_` in the names, gzip inside.
fn parquet(numbers: &[u32]) -> Vec<u8> {
    let texts = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; numbers.len()])) };
    let ints = |value: fn(u32) -> i32| -> ArrayRef {
        Arc::new(Int32Array::from_iter_values(numbers.iter().map(|number| value(*number))))
    };
    let longs = |value: fn(u32) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(numbers.iter().map(|number| value(*number))))
    };
    let none: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>; numbers.len()]));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("version", ints(|_| 2)),
        ("account_id", texts("111122223333")),
        ("interface_id", texts("eni-0a1b2c3d")),
        ("srcaddr", texts("10.0.0.1")),
        ("dstaddr", texts("10.0.0.9")),
        ("srcport", ints(|number| 40_000 + number as i32)),
        ("dstport", ints(|_| 443)),
        ("protocol", ints(|_| 6)),
        ("packets", longs(|_| 1)),
        ("bytes", longs(|_| 60)),
        ("start", longs(|number| 1_772_601_600 + i64::from(number))),
        ("end", longs(|number| 1_772_601_660 + i64::from(number))),
        ("action", texts("REJECT")),
        ("log_status", texts("OK")),
        ("pkt_dst_aws_service", none),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap();
    let properties = WriterProperties::builder().set_compression(Codec::GZIP(GzipLevel::default())).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

const ROWS: &str = "select srcport, action, \"end\", account from flows order by srcport";

#[test]
fn every_delivery_gives_the_same_rows() {
    let lines = |with: &dyn Fn(String) -> String| (1..=3).map(|number| with(record(number)) + "\n").collect::<String>();
    let messages: Vec<String> = (1..=3)
        .map(|number| format!(r#"{{"id":"{number}","timestamp":1772601600000,"message":"{}"}}"#, record(number)))
        .collect();
    let subscription = format!(
        r#"{{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":[],"logEvents":[{}]}}"#,
        messages.join(",")
    );
    let plain = format!("{HEADER}\n{}", lines(&|line| line));
    let deliveries: Vec<(&str, Vec<u8>)> = vec![
        ("with-header", plain.clone().into_bytes()),
        ("gzip", gzip(&plain)),
        ("windows", plain.replace('\n', "\r\n").into_bytes()),
        ("without-header", lines(&|line| line).into_bytes()),
        ("logs-export", gzip(&lines(&|line| format!("2026-03-04T05:45:00.000Z {line}")))),
        ("subscription", subscription.into_bytes()),
        ("filter-log-events", format!(r#"{{"events":[{}]}}"#, messages.join(",")).into_bytes()),
        ("parquet", parquet(&[1, 2, 3])),
    ];
    let all = TestEnv::new();
    let mut want = Vec::new();
    for (name, bytes) in deliveries {
        let env = TestEnv::new();
        env.load(&[&env.write(name, &bytes)]).ok();
        let rows = env.sql(ROWS);
        assert_eq!(rows.len(), 3, "{name}");
        assert_eq!(env.sql("select read, loaded, filtered, quarantined from files"), [["3", "3", "0", "0"]], "{name}");
        if want.is_empty() {
            want = rows;
        } else {
            assert_eq!(rows, want, "{name}");
        }
        // In one store the same record is there once, however often and in whatever form it comes.
        all.load(&[&all.write(name, &bytes)]).ok();
        assert_eq!(all.sql(ROWS), want, "{name} after the others");
    }
    assert_eq!(all.sql("select sum(read), sum(loaded), sum(duplicate) from files"), [["24", "3", "21"]]);
    assert_eq!(all.query("flows by action, dstport show count, sum(bytes)"), [["REJECT", "443", "3", "180"]]);
}

#[test]
fn custom_formats_are_read_by_their_header() {
    let env = TestEnv::new();
    let text = "start end action interface-id ecs-task-id ecs-service-name flow-direction reject-reason new-field\n\
                1772601600 1772601660 REJECT eni-1 0a1b web egress - 7\n\
                1772601600 1772601660 - eni-2 - - - - -\n";
    let loaded = env.load(&[&env.write("custom.log", text)]).ok();
    assert!(loaded.out.contains("flow log fields without a column: new-field in 1 file"), "{}", loaded.out);
    assert_eq!(
        env.query("flows where task is not missing show interface, action, task, service, flow_direction, reject_reason"),
        [["eni-1", "REJECT", "0a1b", "web", "egress", ""]]
    );
    let shown = env.sql("select id from flows where task is not null");
    let shown = env.run(&["show", &shown[0][0]]).ok();
    assert_eq!(shown.out, "1772601600 1772601660 REJECT eni-1 0a1b web egress - 7\n");
}

#[test]
fn bad_lines_are_quarantined_and_counted() {
    let env = TestEnv::new();
    let text = format!(
        "{HEADER}\n{}\n2 111122223333 eni-1\n{}\n{}\n{}\n",
        record(1),
        record(2).replace("REJECT", "DROP"),
        record(3).replace(" 443 ", " https "),
        record(4)
    );
    let ran = env.load(&[&env.write("bad.log", text)]);
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert_eq!(env.sql("select read, loaded, duplicate, filtered, quarantined from files"), [["5", "2", "0", "0", "3"]]);
    let why = env.sql("select record, why, detail from quarantine order by record");
    assert_eq!(why[0], ["2", "broken_flow", "a line with 3 values; the format has 14 fields"]);
    assert_eq!(why[1], ["3", "broken_flow", "`DROP`: expected ACCEPT or REJECT"]);
    assert_eq!(why[2], ["4", "broken_flow", "`https`: expected a whole number"]);
    // An unknown format is one problem, not one for each line.
    let unknown_format = "5 vpc-1 subnet-1 eni-1 10.0.0.1 REJECT OK\n".repeat(100);
    let ran = env.load(&[&env.write("unknown_format.log", unknown_format)]);
    assert!(ran.code == 3 && ran.out.contains("flow_format: lines of 7 values without a header line"), "{}", ran.out);
    assert_eq!(env.sql("select read, quarantined from files where file like '%unknown_format%'"), [["1", "1"]]);
    let message = r#"{"logEvents":[{"id":"1","timestamp":1,"message":"5 vpc-1 subnet-1 eni-1 10.0.0.1 REJECT OK"}],"messageType":"DATA_MESSAGE"}"#;
    let ran = env.load(&[&env.write("unknown_format.json", message)]);
    assert!(ran.code == 3 && ran.out.contains("flow_format: a flow log record in a custom format"), "{}", ran.out);
}

#[test]
fn damaged_and_foreign_parquet_files() {
    let env = TestEnv::new();
    let whole = parquet(&[1, 2]);
    let ran = env.load(&[&env.write("cut.parquet", &whole[..whole.len() / 2])]);
    assert!(ran.code == 3 && ran.out.contains("broken_parquet"), "{}", ran.out);
    let other = RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), other.schema(), None).unwrap();
    writer.write(&other).unwrap();
    let ran = env.load(&[&env.write("other.parquet", writer.into_inner().unwrap())]).ok();
    assert!(ran.out.contains("filtered     parquet in 1 file"), "{}", ran.out);
    assert_eq!(env.sql("select sum(read), sum(filtered), sum(quarantined) from files"), [["2", "1", "1"]]);
}

/// A store of a version that did not know the table, or some columns.
#[test]
fn a_store_without_the_table_opens() {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports/fargate-quota/ecs-events")]).ok();
    let manifest = env.path(".ecs-audit/manifest.json");
    let mut text: serde_json::Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    assert!(text["tables"].as_object_mut().unwrap().remove("flows").is_none(), "no flow log was loaded");
    let tables = env.path(".ecs-audit/tables");
    let _ = std::fs::remove_dir_all(tables.join("flows"));
    std::fs::write(&manifest, text.to_string()).unwrap();
    assert_eq!(env.query("flows show count"), [["0"]]);
    assert_eq!(env.run(&["explain", "last"]).code, 0);
    env.load(&[&env.write("flow.log", record(1))]).ok();
    assert_eq!(env.query("flows show count"), [["1"]]);
    env.run(&["store", "compact"]).ok();
    assert_eq!(env.query("flows show count"), [["1"]]);
}

/// Libraries have bugs too: whatever a damaged file does to them, it is the file that is quarantined, and the rest loads.
#[test]
fn no_damage_to_a_parquet_file_ends_a_load() {
    use ecs_audit::discover::{Input, Source};
    use ecs_audit::load::{Silent, load, silence_contained_panics};
    use ecs_audit::store::MemorySink;
    silence_contained_panics();
    let dir = tempfile::tempdir().unwrap();
    let input = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Input { source: Source::File(path), name: name.into(), folder: None, size: bytes.len() as u64, modified: None }
    };
    let options = load_options();
    let whole = parquet(&[1, 2, 3]);
    let sound = input("sound.log", record(7).as_bytes());
    let mut contained = 0;
    for place in (4..whole.len()).step_by(2) {
        for with in [0x00, 0xff, whole[place] ^ 0x40] {
            let mut bytes = whole.clone();
            bytes[place] = with;
            let sink = MemorySink::default();
            let inputs = [input("damaged.parquet", &bytes), sound.clone()];
            let reports = load(&inputs, &sink, None, None, &options, &Silent).unwrap();
            assert!(reports.iter().all(|report| report.balances()), "byte {place} became {with}: {reports:?}");
            assert_eq!(reports[1].loaded, 1, "byte {place} became {with}");
            contained += usize::from(reports[0].problems.iter().any(|problem| problem.why == "internal_error"));
        }
    }
    println!("{contained} panics were contained");
}

#[test]
fn the_file_that_made_the_reader_panic_is_quarantined() {
    let path = project().join("../shared/data/attack/parquet-panic-bit-width.parquet");
    if !path.is_file() {
        eprintln!("SKIPPED: `{}` is not there", path.display());
        return;
    }
    let env = TestEnv::new();
    env.write("in/flow.log", record(1));
    std::fs::copy(&path, env.path("in/damaged.parquet")).unwrap();
    let ran = env.load(&[&env.path("in")]);
    assert!(ran.code == 3 && !ran.err.contains("panicked"), "{}", ran.err);
    assert_eq!(env.query("flows show count"), [["1"]]);
    assert_eq!(env.query("quarantine show count"), [["1"]]);
}
