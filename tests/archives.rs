//! Archives and compressed files give the same answers as the folder they were made from, and what cannot be read is
//! named with its reason.

use crate::subsets::every_noun;
use crate::support::{Ran, TestEnv, project};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use zip_writer::{Packed, write as zip};

#[expect(dead_code, reason = "the unit tests of the reader use the rest")]
#[path = "../src/decode/archive/zip/writer.rs"]
mod zip_writer;

fn record(number: u32) -> String {
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/nightly/s{number}","principalId":"AROA1:s{number}","accountId":"111122223333","sessionContext":{{"sessionIssuer":{{"type":"Role","arn":"arn:aws:iam::111122223333:role/nightly","accountId":"111122223333","userName":"nightly"}}}}}},"eventTime":"2026-03-04T02:{:02}:00Z","eventSource":"ecs.amazonaws.com","eventName":"RunTask","awsRegion":"eu-west-1","sourceIPAddress":"10.0.0.1","userAgent":"aws-cli","requestParameters":{{"cluster":"batch","count":1,"taskDefinition":"nightly:{number}"}},"responseElements":{{"failures":[{{"arn":"arn:aws:ecs:eu-west-1:111122223333:container-instance/batch/i{number}","reason":"AGENT"}}],"tasks":[]}},"requestID":"r-{number}","eventID":"e-{number}","readOnly":false,"eventType":"AwsApiCall","recipientAccountId":"111122223333"}}"#,
        number % 60
    )
}

fn export(numbers: std::ops::Range<u32>) -> Vec<u8> {
    format!(r#"{{"Records":[{}]}}"#, numbers.map(record).collect::<Vec<_>>().join(",")).into_bytes()
}

fn files_of_the_samples() -> Vec<(String, Vec<u8>)> {
    let root = project().join("samples/exports");
    let mut files: Vec<(String, Vec<u8>)> = walkdir::WalkDir::new(&root)
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let name = entry.path().strip_prefix(root.parent().unwrap()).unwrap();
            (name.display().to_string(), std::fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mtime(1_772_900_000);
        builder.append_data(&mut header, name, &**bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip_of(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    zip(&files.iter().map(|(name, bytes)| Packed::deflated(name, bytes)).collect::<Vec<_>>())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 1).unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The answers to every question about all columns, in one run, without the row of the archive itself; names of members
/// are those of the folder.
fn answers(env: &TestEnv, questions: &str, archive: &str) -> String {
    let mut command = env.command();
    command.args(["repl", "--quiet", "--format", "csv"]).stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(questions.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).replace(&format!("{archive}!"), "");
    let own = format!("{archive},");
    text.lines().filter(|line| !line.starts_with(&own)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn an_export_packed_in_any_way_gives_the_same_answers() {
    let files = files_of_the_samples();
    // Of equal records in two files, the first one that was read is kept.
    let questions = ["`file`", "`record`", "`raw`", "`run_record`"]
        .iter()
        .fold(every_noun(), |questions, column| questions.replace(&format!(", {column}"), ""));
    let folder = TestEnv::new();
    for (name, bytes) in &files {
        folder.write(name, bytes);
    }
    folder.load(&[Path::new("exports")]).ok();
    let want = answers(&folder, &questions, "none");
    assert!(want.lines().count() > 400, "{want}");
    let each = |pack: fn(&[u8]) -> Vec<u8>| files.iter().map(|(name, bytes)| (name.clone(), pack(bytes))).collect::<Vec<_>>();
    let archives: [(&str, Vec<u8>); 7] = [
        ("a.zip", zip_of(&files)),
        ("a.tar", tar(&files)),
        ("a.tgz", gzip(&tar(&files))),
        ("a.unknown", zstd(&tar(&files))),
        ("a.tar.bz2", bzip2(&tar(&each(zstd)))),
        ("a.tar.xz", xz(&tar(&each(bzip2)))),
        ("a.json", zip_of(&each(xz))),
    ];
    for (name, bytes) in archives {
        let env = TestEnv::new();
        env.write(name, bytes);
        let ran = env.load(&[Path::new(name)]).ok();
        assert!(ran.out.contains("3,060 read = 3,036 loaded + 21 duplicate + 3 filtered + 0 quarantined"), "{name}\n{}", ran.out);
        assert!(ran.out.contains("103 and 1 archive"), "{name}\n{}", ran.out);
        let have = answers(&env, &questions, name);
        for (have, want) in have.lines().zip(want.lines()) {
            assert_eq!(have, want, "{name}");
        }
        assert_eq!(have.lines().count(), want.lines().count(), "{name}");
        let direct = env.run(&["query", "--from", name, "failures by reason", "--format", "csv", "-q"]).ok();
        assert_eq!(direct.out, folder.run(&["query", "failures by reason", "--format", "csv", "-q"]).ok().out, "{name}");
    }
}

/// Read, loaded, duplicate, filtered and quarantined of each file in the ledger, with the reasons.
fn ledger(env: &TestEnv) -> BTreeMap<String, String> {
    let rows = env.sql("select file, read, loaded, duplicate, filtered, quarantined, why from files order by load, file");
    for row in &rows {
        let number = |index: usize| row[index].parse::<i64>().unwrap();
        assert_eq!(number(1), number(2) + number(3) + number(4) + number(5), "{row:?}");
    }
    rows.into_iter().map(|row| (row[0].clone(), row[1..].join(" ").trim_end().to_owned())).collect()
}

fn reasons(env: &TestEnv) -> BTreeMap<String, String> {
    env.sql("select file, why, detail from quarantine").into_iter().map(|row| (row[0].clone(), row[1..].join(": "))).collect()
}

#[test]
fn every_member_is_accounted_for_and_read_once() {
    let env = TestEnv::new();
    let mut wrong_sum = gzip(&export(3..5));
    let end = wrong_sum.len() - 6;
    wrong_sum[end] ^= 1;
    let members = [
        Packed::deflated("a/1.json", &export(0..2)),
        Packed::deflated("a/1.json", &export(2..3)),
        Packed::stored("b.json.gz", &wrong_sum),
        Packed::stored("secret.json", b"x").flags(1),
        Packed::stored("../../../etc/notes.txt", b"buy milk"),
        Packed::stored("__MACOSX/._1.json", b"x"),
        Packed::stored(".DS_Store", b"x"),
        Packed::stored("link", b"/etc/passwd").link(),
        Packed::stored(b"\xff.json", &export(5..6)),
        Packed::stored("inner.tar.zst", &zstd(&tar(&[("x.json".to_owned(), export(6..7))]))),
    ];
    env.write("a.zip", zip(&members));
    let ran = env.load(&[Path::new("a.zip")]);
    assert_eq!(ran.code, 3, "{}\n{}", ran.out, ran.err);
    let want = [
        ("a.zip", "0 0 0 0 0 quarantined_members"),
        ("a.zip!a/1.json", "2 2 0 0 0"),
        ("a.zip!a/1.json#2", "1 1 0 0 0"),
        ("a.zip!b.json.gz", "3 2 0 0 1"),
        ("a.zip!secret.json", "1 0 0 0 1"),
        ("a.zip!../../../etc/notes.txt", "1 0 0 1 0 not_a_log"),
        ("a.zip!__MACOSX/._1.json", "1 0 0 1 0 resource_fork"),
        ("a.zip!.DS_Store", "1 0 0 1 0 hidden_file"),
        ("a.zip!link", "1 0 0 1 0 link"),
        ("a.zip!\\xff.json", "1 1 0 0 0"),
        ("a.zip!inner.tar.zst", "0 0 0 0 0"),
        ("a.zip!inner.tar.zst!x.json", "1 1 0 0 0"),
    ];
    let want: BTreeMap<String, String> = want.map(|(file, counts)| (file.to_owned(), counts.to_owned())).into();
    assert_eq!(ledger(&env), want);
    let reasons = reasons(&env);
    assert!(reasons["a.zip!b.json.gz"].starts_with("damaged_gzip: "), "{reasons:?}");
    assert_eq!(reasons["a.zip!secret.json"], "encrypted: an encrypted member; `7z x a.zip` asks for its password and unpacks it");
    // The file and the original of a record are those of its member.
    let row = &env.query("calls where id = \"e-6\" show file, raw.eventID")[0];
    assert_eq!(row[..], ["a.zip!inner.tar.zst!x.json", "e-6"]);

    // A member that could not be loaded is tried again, the others are left alone.
    let again = env.load(&[Path::new("a.zip")]);
    assert_eq!(again.code, 3, "{}", again.out);
    assert_eq!(ledger(&env), want, "nothing new");
    env.write("a.zip", zip(&members[..2]));
    let changed = env.load(&[Path::new("a.zip")]).ok();
    assert!(changed.out.contains("0 read"), "{}", changed.out);
    let settled = env.load(&[Path::new("a.zip")]).ok();
    assert!(settled.out.contains("1 unchanged since"), "{}", settled.out);
    // The members are known under any name.
    env.write("copy.zip", zip(&members[..2]));
    env.load(&[Path::new("copy.zip")]).ok();
    assert_eq!(ledger(&env)["copy.zip!a/1.json"], "2 0 2 0 0");
}

#[test]
fn what_is_wrong_with_an_archive_is_reported_on_the_archive() {
    let files = [("1.json".to_owned(), export(0..2)), ("2.json".to_owned(), export(2..4)), ("3.json".to_owned(), export(4..6))];
    let packed = tar(&files);
    let mut wrong_sum = gzip(&packed);
    let end = wrong_sum.len() - 6;
    wrong_sum[end] ^= 1;
    let mut damaged = packed.clone();
    let second = packed.windows(6).position(|window| window == b"2.json").unwrap();
    damaged[second] = b'x';
    let nested = (0..4).fold(export(0..1), |inner, depth| zip(&[Packed::stored(format!("{depth}"), &inner)]));
    let mut split = zip(&[Packed::stored("1.json", &export(0..1))]);
    let place = split.len() - 22 + 4;
    split[place] = 3;
    let trailing = [zip_of(&files), export(6..7)].concat();
    let cases: [(&str, Vec<u8>, i64, &str, &str); 9] = [
        ("trailing.zip", trailing, 6, "trailing.zip", "damaged_zip: "),
        ("sum.tar.gz", wrong_sum, 6, "sum.tar.gz", "damaged_gzip: the gzip stream is damaged"),
        ("cut.tar.gz", gzip(&packed)[..gzip(&packed).len() - 40].to_vec(), 4, "cut.tar.gz", "truncated_"),
        ("damaged.tar", damaged, 4, "damaged.tar", "damaged_tar: a damaged header after `1.json`"),
        ("cut.zip", zip_of(&files)[..zip_of(&files).len() - 60].to_vec(), 6, "cut.zip", "truncated_zip: the archive ends early"),
        ("split.zip", split, 0, "split.zip", "split_archive: one part of a split archive; join the parts: `zip -s 0 split.zip"),
        ("nested.zip", nested, 0, "nested.zip!3!2!1", "nested_archive: an archive nested in 3 others"),
        (
            "x.7z",
            b"7z\xbc\xaf\x27\x1c\x00\x04".to_vec(),
            0,
            "x.7z",
            "archive: a 7-Zip archive, which is not read; make it readable, then load the result: `7z x x.7z`",
        ),
        ("deep.gz", gzip(&gzip(&gzip(&gzip(&export(0..1))))), 0, "deep.gz", "too_deep: compressed more than 3 times"),
    ];
    for (name, bytes, loaded, place, why) in cases {
        let env = TestEnv::new();
        env.write(name, bytes);
        let ran = env.load(&[Path::new(name)]);
        assert_eq!(ran.code, 3, "{name}\n{}", ran.out);
        let ledger = ledger(&env);
        let sum: i64 = ledger.values().map(|counts| counts.split(' ').nth(1).unwrap().parse::<i64>().unwrap()).sum();
        assert!(sum >= loaded, "{name}: {ledger:?}");
        let reasons = reasons(&env);
        assert!(reasons.get(place).is_some_and(|reason| reason.starts_with(why)), "{name}: {reasons:?}");
    }
}

#[test]
fn an_archive_that_unpacks_itself_is_read() {
    let env = TestEnv::new();
    let packed = zip_of(&[("1.json".to_owned(), export(0..2))]);
    env.write("setup.exe", [&b"MZ\x90\0\x03\0\0\0"[..], &packed].concat());
    env.write("setup.run", [&b"#!/bin/sh\nexec unzip $0\n"[..], &packed].concat());
    env.load(&[Path::new(".")]).ok();
    let ledger = ledger(&env);
    assert!(ledger["setup.exe!1.json"].starts_with("2 "), "{ledger:?}");
    assert!(ledger["setup.run!1.json"].starts_with("2 "), "{ledger:?}");
}

#[test]
fn bombs_are_refused_and_empty_archives_are_empty() {
    let zeros = vec![b' '; 80 << 20];
    let env = TestEnv::new();
    env.write("zip", zip(&[Packed::deflated("zeros.json", &zeros), Packed::deflated("1.json", &export(0..1))]));
    env.write("tar", gzip(&tar(&[("zeros.json".to_owned(), zeros.clone())])));
    env.write("gz", gzip(&gzip(&zeros)));
    env.write("xz", xz(&zeros));
    let ran = env.load(&[Path::new(".")]);
    assert_eq!(ran.code, 3, "{}", ran.out);
    let reasons = reasons(&env);
    for place in ["zip!zeros.json", "tar", "gz", "xz"] {
        let found = reasons.iter().any(|(file, why)| file.starts_with(place) && why.starts_with("decompression_bomb"));
        assert!(found, "{place}: {reasons:?}");
    }
    let env = TestEnv::new();
    env.write("a.zip", zip(&[]));
    env.write("a.tar", tar(&[]));
    env.write("a.tar.gz", gzip(&vec![0; 10_240]));
    env.load(&[Path::new(".")]).ok();
    let all: Vec<String> = ledger(&env).into_values().collect();
    assert_eq!(all, ["0 0 0 0 0 empty"; 3]);
}

#[test]
fn members_outside_the_window_are_left_out_by_their_paths() {
    let member = |day: &str| format!("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/{day}/a.json");
    let files = [(member("04"), export(0..2)), (member("20"), export(2..3))];
    let env = TestEnv::new();
    env.write("a.tar", tar(&files));
    let load = |more: &[&str]| -> Ran { env.run(&[&["load", "a.tar"], more].concat()) };
    let ran = load(&["--until", "2026-03-10"]).ok();
    assert!(ran.out.contains("3 read = 2 loaded + 0 duplicate + 1 filtered"), "{}", ran.out);
    // The archive is read again, because something was left out.
    let ran = load(&[]).ok();
    assert!(ran.out.contains("1 read = 1 loaded"), "{}", ran.out);
    assert!(load(&[]).ok().out.contains("unchanged since"));
}

#[test]
fn a_location_elsewhere_says_how_to_bring_it_here() {
    let env = TestEnv::new();
    for (location, command) in [
        ("https://host/logs/a.tar.gz", "curl -fLO 'https://host/logs/a.tar.gz' && ecs-audit load a.tar.gz"),
        ("gs://bucket/AWSLogs/", "gcloud storage cp -r gs://bucket/AWSLogs/ export && ecs-audit load export"),
        ("az://bucket/AWSLogs/", "azcopy copy az://bucket/AWSLogs/ export --recursive && ecs-audit load export"),
    ] {
        let load = env.run(&["load", location]);
        assert!(load.code != 0 && load.err.contains(command), "{}", load.err);
        let query = env.run(&["query", "--from", location, "failures"]);
        assert!(query.code != 0 && query.err.contains(command), "{}", query.err);
    }
}

mod parquet_files {
    use super::*;
    use arrow::array::{
        Array, ArrayRef, BooleanArray, Int64Array, ListArray, MapArray, StringArray, StructArray, TimestampMillisecondArray,
    };
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::{DataType, Field, Fields};
    use arrow::record_batch::RecordBatch;
    use parquet::arrow::ArrowWriter;
    use parquet::basic::Compression;
    use parquet::file::properties::WriterProperties;
    use serde_json::Value;
    use std::sync::Arc;

    fn text(values: &[Option<String>]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    fn structure(fields: Vec<(&str, ArrayRef)>) -> ArrayRef {
        let types: Fields = fields.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
        Arc::new(StructArray::new(types, fields.into_iter().map(|(_, array)| array).collect(), None))
    }

    fn write(columns: Vec<(&str, ArrayRef)>, compression: Compression) -> Vec<u8> {
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap();
        let mut out = Vec::new();
        let properties = WriterProperties::builder().set_compression(compression).build();
        let mut writer = ArrowWriter::try_new(&mut out, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        out
    }

    struct Records(Vec<Value>);

    impl Records {
        fn new(numbers: std::ops::Range<u32>) -> Records {
            Records(numbers.map(|number| serde_json::from_str(&record(number)).unwrap()).collect())
        }

        fn column(&self, path: &str) -> ArrayRef {
            let value = |record: &Value| {
                let found = record.pointer(path)?;
                Some(found.as_str().map_or_else(|| found.to_string(), str::to_owned)).filter(|text| text != "null")
            };
            text(&self.0.iter().map(value).collect::<Vec<_>>())
        }
    }

    /// What is compared: rows of calls and failures without the original.
    fn rows(env: &TestEnv) -> Vec<Vec<String>> {
        let mut rows = env.query(
            "calls show time, id, event_name, event_source, account, region, cluster, task_definition, principal, role, source_ip, user_agent sort id limit 500",
        );
        rows.extend(env.query("failures show time, kind, reason, cluster, account, region sort time limit 500"));
        rows
    }

    fn of_json() -> Vec<Vec<String>> {
        let env = TestEnv::new();
        env.write("1.json", export(0..40));
        env.load(&[Path::new("1.json")]).ok();
        rows(&env)
    }

    fn of_parquet(bytes: &[u8]) -> (Vec<Vec<String>>, TestEnv) {
        let env = TestEnv::new();
        env.write("0001.parquet", bytes);
        let ran = env.load(&[Path::new("0001.parquet")]).ok();
        assert!(ran.out.contains("40 read = 40 loaded"), "{}", ran.out);
        (rows(&env), env)
    }

    /// Columns of the table that the Athena manual creates: lower case, a struct for the identity, JSON as text.
    fn of_athena(records: &Records) -> Vec<(&'static str, ArrayRef)> {
        let at = |path: &str| records.column(path);
        let issuer = structure(vec![
            ("type", at("/userIdentity/sessionContext/sessionIssuer/type")),
            ("arn", at("/userIdentity/sessionContext/sessionIssuer/arn")),
            ("accountid", at("/userIdentity/sessionContext/sessionIssuer/accountId")),
            ("username", at("/userIdentity/sessionContext/sessionIssuer/userName")),
        ]);
        let identity = structure(vec![
            ("type", at("/userIdentity/type")),
            ("principalid", at("/userIdentity/principalId")),
            ("arn", at("/userIdentity/arn")),
            ("accountid", at("/userIdentity/accountId")),
            ("invokedby", at("/userIdentity/invokedBy")),
            ("sessioncontext", structure(vec![("sessionissuer", issuer)])),
        ]);
        vec![
            ("eventversion", at("/eventVersion")),
            ("useridentity", identity),
            ("eventtime", at("/eventTime")),
            ("eventsource", at("/eventSource")),
            ("eventname", at("/eventName")),
            ("awsregion", at("/awsRegion")),
            ("sourceipaddress", at("/sourceIPAddress")),
            ("useragent", at("/userAgent")),
            ("errorcode", at("/errorCode")),
            ("requestparameters", at("/requestParameters")),
            ("responseelements", at("/responseElements")),
            ("requestid", at("/requestID")),
            ("eventid", at("/eventID")),
            ("readonly", at("/readOnly")),
            ("eventtype", at("/eventType")),
            ("recipientaccountid", at("/recipientAccountId")),
        ]
    }

    #[test]
    fn cloudtrail_in_columns_gives_the_rows_of_its_records() {
        let want = of_json();
        assert!(want.len() >= 80, "{want:?}");
        let records = Records::new(0..40);
        for compression in [Compression::SNAPPY, Compression::GZIP(Default::default()), Compression::UNCOMPRESSED] {
            assert_eq!(of_parquet(&write(of_athena(&records), compression)).0, want, "{compression}");
        }
        let snake = of_athena(&records).into_iter().map(|(name, array)| match name {
            "useridentity" => ("user_identity", array),
            "eventtime" => {
                let times: Vec<i64> = (0..40).map(|number| 1_772_589_600_000 + i64::from(number) * 60_000).collect();
                ("event_time", Arc::new(TimestampMillisecondArray::from(times).with_timezone("UTC")) as ArrayRef)
            }
            "requestparameters" => {
                let at = |path: &str| records.column(path);
                let count: ArrayRef = Arc::new(Int64Array::from(vec![1; 40]));
                let parameters = vec![
                    ("cluster", at("/requestParameters/cluster")),
                    ("count", count),
                    ("taskdefinition", at("/requestParameters/taskDefinition")),
                ];
                ("request_parameters", structure(parameters))
            }
            "readonly" => ("read_only", Arc::new(BooleanArray::from(vec![false; 40])) as ArrayRef),
            "eventid" => ("event_id", array),
            "eventname" => ("event_name", array),
            "eventsource" => ("event_source", array),
            "awsregion" => ("aws_region", array),
            "recipientaccountid" => ("recipient_account_id", array),
            "responseelements" => ("response_elements", array),
            "sourceipaddress" => ("source_ip_address", array),
            "useragent" => ("user_agent", array),
            other => (other, array),
        });
        let (have, env) = of_parquet(&write(snake.collect(), Compression::ZSTD(Default::default())));
        assert_eq!(have, want);
        let raw = env.query("calls where id = \"e-7\" show raw.eventName, raw.requestParameters.taskDefinition");
        assert_eq!(raw, [["RunTask", "nightly:7"]]);
        let whole = write(
            vec![("cloudtrailevent", text(&(0..40).map(|number| Some(record(number))).collect::<Vec<_>>()))],
            Compression::SNAPPY,
        );
        assert_eq!(of_parquet(&whole).0, want);
    }

    #[test]
    fn security_lake_gives_the_rows_of_its_records() {
        let records = Records::new(0..40);
        let at = |path: &str| records.column(path);
        let nothing = || text(&vec![None; 40]);
        let user = structure(vec![
            ("type", at("/userIdentity/type")),
            ("uid", at("/userIdentity/arn")),
            ("uid_alt", at("/userIdentity/principalId")),
            ("account", structure(vec![("uid", at("/userIdentity/accountId"))])),
        ]);
        let session = structure(vec![
            ("issuer", at("/userIdentity/sessionContext/sessionIssuer/arn")),
            ("is_mfa", Arc::new(BooleanArray::from(vec![false; 40]))),
        ]);
        let api = structure(vec![
            ("operation", at("/eventName")),
            ("version", nothing()),
            ("service", structure(vec![("name", at("/eventSource"))])),
            ("request", structure(vec![("uid", at("/requestID")), ("data", at("/requestParameters"))])),
            ("response", structure(vec![("error", nothing()), ("message", nothing()), ("data", at("/responseElements"))])),
        ]);
        let keys = text(&vec![Some("readOnly".to_owned()); 40]);
        let values = text(&vec![Some("false".to_owned()); 40]);
        let entries = StructArray::new(
            Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)]),
            vec![keys, values],
            None,
        );
        let entry = Arc::new(Field::new("entries", Array::data_type(&entries).clone(), false));
        let unmapped: ArrayRef = Arc::new(MapArray::new(entry, OffsetBuffer::from_lengths(vec![1; 40]), entries, None, false));
        let empty = ListArray::new_null(Arc::new(Field::new("item", DataType::Utf8, true)), 40);
        let class: ArrayRef = Arc::new(Int64Array::from(vec![6003; 40]));
        let times: Vec<i64> = (0..40).map(|number| 1_772_589_600_000 + i64::from(number) * 60_000).collect();
        let columns: Vec<(&str, ArrayRef)> = vec![
            (
                "metadata",
                structure(vec![
                    ("uid", at("/eventID")),
                    ("event_code", at("/eventType")),
                    ("product", structure(vec![("version", at("/eventVersion")), ("name", nothing())])),
                ]),
            ),
            ("time", Arc::new(Int64Array::from(times))),
            (
                "cloud",
                structure(vec![("region", at("/awsRegion")), ("account", structure(vec![("uid", at("/recipientAccountId"))]))]),
            ),
            ("api", api),
            ("actor", structure(vec![("user", user), ("session", session)])),
            ("http_request", structure(vec![("user_agent", at("/userAgent"))])),
            ("src_endpoint", structure(vec![("ip", at("/sourceIPAddress")), ("domain", nothing())])),
            ("resources", Arc::new(empty)),
            ("class_uid", class),
            ("unmapped", unmapped),
        ];
        let (have, env) = of_parquet(&write(columns, Compression::ZSTD(Default::default())));
        assert_eq!(have, of_json());
        // The records of the trail itself are the same records.
        env.write("1.json", export(0..40));
        let ran = env.load(&[Path::new("1.json")]).ok();
        assert!(ran.out.contains("40 read = 0 loaded + 40 duplicate"), "{}", ran.out);
    }

    #[test]
    fn parquet_of_something_else_is_named() {
        let env = TestEnv::new();
        env.write("a.parquet", write(vec![("price", text(&[Some("1".to_owned())]))], Compression::SNAPPY));
        env.write("b.parquet", &write(vec![("price", text(&[Some("1".to_owned())]))], Compression::SNAPPY)[..20]);
        let ran = env.load(&[Path::new(".")]);
        assert_eq!(ran.code, 3, "{}", ran.out);
        assert!(
            ran.out.contains("Parquet columns that are not those of CloudTrail, OCSF, events or a flow log: price"),
            "{}",
            ran.out
        );
        assert!(reasons(&env)["b.parquet"].starts_with("broken_parquet"), "{}", ran.out);
    }
}

#[test]
fn a_secret_in_a_packed_member_is_masked() {
    let text = record(1).replace("\"count\":1", "\"count\":1,\"overrides\":{\"containerOverrides\":[{\"environment\":[{\"name\":\"TOKEN\",\"value\":\"FAKE-SECRET-PACKED\"}]}]}");
    let ocsf = serde_json::json!({
        "class_uid": 6003, "time": 1_772_590_200_000i64, "metadata": {"uid": "o-1"},
        "api": {"operation": "RunTask", "service": {"name": "ecs.amazonaws.com"}, "request": {"data": "{\"overrides\":{\"containerOverrides\":[{\"environment\":[{\"name\":\"TOKEN\",\"value\":\"FAKE-SECRET-OCSF\"}]}]}}"}},
        "cloud": {"region": "eu-west-1", "account": {"uid": "111122223333"}}
    });
    let env = TestEnv::new();
    env.write(
        "a.zip",
        zip(&[Packed::deflated("1.json", text.as_bytes()), Packed::deflated("2.json", ocsf.to_string().as_bytes())]),
    );
    let ran = env.load(&[Path::new("a.zip")]).ok();
    assert!(ran.out.contains("2 read = 2 loaded"), "{}", ran.out);
    let raw = env.sql("select raw from calls").concat().concat();
    assert!(raw.contains("TOKEN") && !raw.contains("FAKE-SECRET"), "{raw}");
}

/// Members may be called like the signed URLs that they were downloaded from.
#[test]
fn secrets_in_names_of_members_are_masked() {
    let signed = |last: u8| format!("day/1.json?X-Amz-Signature=0f1e2d3c4b5a6978{last}&token=kq7Wz3Vn9x");
    let files: Vec<(String, Vec<u8>)> =
        (1..3).map(|number| (signed(number), export(u32::from(number)..u32::from(number) + 1))).collect();
    for (name, bytes) in [("a.zip", zip_of(&files)), ("a.tar", tar(&files)), ("a.tgz", gzip(&tar(&files)))] {
        let env = TestEnv::new();
        env.write(name, bytes);
        let ran = env.load(&[Path::new(name)]).ok();
        let members: Vec<String> = ledger(&env).into_keys().filter(|file| file.contains('!')).collect();
        assert_eq!(members.len(), 2, "{members:?}");
        for text in members.iter().chain([&ran.out, &ran.err]) {
            assert!(!text.contains("2d3c4b5a") && !text.contains("kq7Wz3Vn9x"), "{text}");
        }
        assert!(members.iter().all(|file| file.contains("!day/1.json?X-Amz-Signature=***masked***")), "{members:?}");
    }
}

#[test]
fn a_damaged_header_does_not_show_the_content_of_a_member() {
    let mut packed = tar(&[("1.json".to_owned(), export(0..1)), ("2.json".to_owned(), export(1..2))]);
    let header = packed.windows(6).position(|window| window == b"2.json").unwrap();
    let content: Vec<u8> = b"the answer is kq7Wz3Vn9x ".iter().copied().cycle().take(512).collect();
    packed[header..header + 512].copy_from_slice(&content);
    let env = TestEnv::new();
    env.write("a.tar", packed);
    let ran = env.load(&[Path::new("a.tar")]);
    assert!(!ran.out.contains("Wz3V") && !ran.err.contains("Wz3V"), "{}{}", ran.out, ran.err);
    let reason = &reasons(&env)["a.tar"];
    assert!(reason.starts_with("damaged_tar: a damaged header after `1.json`; its member is not loaded"), "{reason}");
}

/// Paths of archives may be given in a list with others.
#[test]
fn archives_and_folders_load_together() {
    let env = TestEnv::new();
    let archive: PathBuf = env.write("packed/a.zip", zip(&[Packed::deflated("1.json", &export(0..2))]));
    env.write("folder/1.json", export(0..3));
    let folder = env.path("folder");
    let ran = env.load(&[&archive, &folder]).ok();
    assert!(ran.out.contains("5 read = 3 loaded + 2 duplicate"), "{}", ran.out);
}
