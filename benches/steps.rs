//! Benchmarks of the individual steps of a load and of a query, on a generated corpus with a fixed seed.
//!
//! Results are bytes or records per second, for comparisons before and after a change on the same machine. See `peers/`
//! for a comparison with other programs.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ecs_audit::decode::budget::{Budget, Limits};
use ecs_audit::decode::buffer::Buffer;
use ecs_audit::decode::inflate::inflate;
use ecs_audit::decode::json::Tape;
use ecs_audit::decode::split::split;
use ecs_audit::discover::{Input, Source};
use ecs_audit::knowledge::TextKind;
use ecs_audit::lang;
use ecs_audit::load::{LoadOptions, Silent, load};
use ecs_audit::model::ecs_event::Envelope;
use ecs_audit::model::failure::classify;
use ecs_audit::model::{Modeled, Origin, cloudtrail::model_call, task::model_task};
use ecs_audit::store::{MemorySink, Store, WriteOptions};
use ecs_audit::table::{Columns, Table, TableSet};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

/// A small random number generator with a fixed seed, so that the corpus is reproducible.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn record(random: &mut Random) -> String {
    let (day, second) = (random.below(7) + 1, random.below(86_400));
    let (source, name) = [("ecs", "RunTask"), ("s3", "GetObject"), ("sts", "GetCallerIdentity"), ("ec2", "DescribeInstances")]
        [random.below(4) as usize];
    let response = match (name, random.below(20)) {
        ("RunTask", 0) => {
            r#"{"tasks":[],"failures":[{"arn":"arn:aws:ecs:us-east-1:111122223333:container-instance/batch/0a1b","reason":"AGENT"}]}"#
        }
        ("RunTask", _) => {
            r#"{"tasks":[{"taskArn":"arn:aws:ecs:us-east-1:111122223333:task/batch/0a1b2c","lastStatus":"PENDING","cpu":"256"}],"failures":[]}"#
        }
        _ => "null",
    };
    format!(
        r#"{{"eventVersion":"1.09","userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLE:s{id}","arn":"arn:aws:sts::111122223333:assumed-role/role-{role}/s{id}","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE","sessionContext":{{"sessionIssuer":{{"type":"Role","userName":"role-{role}"}},"attributes":{{"mfaAuthenticated":"false"}}}}}},"eventTime":"2026-03-{day:02}T{:02}:{:02}:{:02}Z","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.{role}","userAgent":"aws-sdk-go-v2/1.30.3 os/linux lang/go#1.23 md/GOOS#linux","requestParameters":{{"cluster":"batch","taskDefinition":"nightly:3","count":1,"startedBy":"events-rule/nightly","filler":"{filler}"}},"responseElements":{response},"requestID":"r-{id}","eventID":"e-{id}","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}}"#,
        second / 3600,
        second / 60 % 60,
        second % 60,
        id = random.below(u64::MAX >> 34),
        role = random.below(200),
        filler = "x".repeat(random.below(600) as usize),
    )
}

fn document(seed: u64, records: usize) -> String {
    let mut random = Random(seed);
    let records: Vec<String> = (0..records).map(|_| record(&mut random)).collect();
    format!("{{\"Records\":[{}]}}", records.join(","))
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

fn options() -> LoadOptions {
    LoadOptions {
        latest: i64::MAX,
        keep_raw: true,
        tables: TableSet::ALL,
        limits: Limits::STANDARD,
        selection: Default::default(),
        integrity: None,
    }
}

fn decode(criterion: &mut Criterion) {
    let text = document(7, 2_000);
    let packed = gzip(&text);
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Bytes(text.len() as u64));
    let mut plain = Buffer::default();
    group.bench_function("inflate", |bench| {
        bench.iter(|| black_box(inflate(&packed, &Budget::new(Limits::STANDARD), usize::MAX, &mut plain)))
    });
    group.bench_function("split and parse", |bench| {
        bench.iter(|| {
            let mut values = 0;
            split(
                text.as_bytes(),
                &Budget::new(Limits { records: u64::MAX, file_nodes: u64::MAX, ..Limits::STANDARD }),
                &mut |piece| values += usize::from(matches!(black_box(piece), ecs_audit::decode::split::Piece::Value { .. })),
            );
            values
        });
    });
    group.bench_function("split, parse, model, build", |bench| {
        bench.iter(|| {
            let mut columns = Columns::new(Table::Calls);
            split(
                text.as_bytes(),
                &Budget::new(Limits { records: u64::MAX, file_nodes: u64::MAX, ..Limits::STANDARD }),
                &mut |piece| {
                    let ecs_audit::decode::split::Piece::Value { tape, text, .. } = piece else { return };
                    let origin = Origin { file: "f", record: 1, raw: Some(text), text };
                    if let Modeled::Record(record) = model_call(tape.root(), "cloudtrail", origin) {
                        record.rows.iter().filter(|row| row.table() == Table::Calls).for_each(|row| columns.push(row));
                    }
                },
            );
            columns.into_rows()
        });
    });
    let one = record(&mut Random(3));
    group.throughput(Throughput::Bytes(one.len() as u64));
    group
        .bench_function("parse one record", |bench| bench.iter(|| Tape::parse(black_box(&one)).map(|tape| tape.repeated_keys())));
    group.finish();
}

/// Failure texts as in an export; one in three has names of its own.
fn failure_texts(seed: u64) -> Vec<(TextKind, String)> {
    let mut random = Random(seed);
    let task = |random: &mut Random| format!("{:032x}", u128::from(random.below(u64::MAX >> 34)));
    (0..300)
        .map(|number| match number % 6 {
            0 => (TextKind::ApiFailure, "AGENT".to_owned()),
            1 => (TextKind::TaskStoppedReason, "Essential container in task exited".to_owned()),
            2 => (TextKind::ContainerReason, "OutOfMemoryError: Container killed due to memory usage".to_owned()),
            3 => (
                TextKind::ServiceActionReason,
                format!("(service web) (task {}) failed container health checks.", task(&mut random)),
            ),
            4 => (
                TextKind::TaskStoppedReason,
                format!(
                    "CannotPullContainerError: failed to resolve ref 111122223333.dkr.ecr.us-east-1.amazonaws.com/web:{}: not found",
                    task(&mut random)
                ),
            ),
            _ => (TextKind::TaskStoppedReason, format!("nobody has a rule for {}", task(&mut random))),
        })
        .collect()
}

/// The cost of the catalog: texts classified per second, and the same records modeled with and without failures. Five
/// of a hundred records report a failure, so the difference between the last two is the cost of classification.
fn classification(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("classify");
    // Classifications are cached, so each iteration gets new texts.
    let mut seed = 0;
    let mut fresh = || {
        seed += 1;
        seed
    };
    group.throughput(Throughput::Bytes(failure_texts(0).iter().map(|(_, text)| text.len() as u64).sum()));
    group.bench_function("texts", |bench| {
        let explained = |texts: Vec<(TextKind, String)>| {
            texts.iter().filter(|(kind, text)| classify(*kind, black_box(text)).cause.is_some()).count()
        };
        bench.iter_batched(|| failure_texts(fresh()), explained, BatchSize::LargeInput);
    });
    for (name, failing) in [("records without failures", 0), ("records, 5 % of them failures", 5)] {
        group.throughput(Throughput::Bytes(tasks(0, failing).iter().map(|text| text.len() as u64).sum()));
        group.bench_function(name, |bench| bench.iter_batched(|| tasks(fresh(), failing), modeled, BatchSize::LargeInput));
    }
    group.finish();
}

/// The number of records that could be modeled.
fn modeled(records: Vec<String>) -> usize {
    let is_record = |text: &&String| {
        let tape = Tape::parse(black_box(text)).expect("sound JSON");
        let origin = Origin { file: "f", record: 1, raw: Some(text), text };
        let Modeled::Record(record) = model_task(tape.root(), Envelope::describe(), origin) else { return false };
        !black_box(record.rows).is_empty()
    };
    records.iter().filter(is_record).count()
}

/// States of a thousand tasks; some of each hundred could not pull their image, each a different one.
fn tasks(seed: u64, failing: u64) -> Vec<String> {
    let mut random = Random(seed);
    (0..1_000)
        .map(|number| {
            let id = random.below(u64::MAX >> 34);
            let end = if number % 100 < failing {
                format!(
                    r#""lastStatus":"STOPPED","stopCode":"TaskFailedToStart","stoppedReason":"CannotPullContainerError: failed to resolve ref 111122223333.dkr.ecr.us-east-1.amazonaws.com/web:{id}: not found","stoppedAt":"2026-03-04T02:11:00Z""#
                )
            } else {
                r#""lastStatus":"RUNNING","healthStatus":"UNKNOWN","connectivity":"CONNECTED","launchType":"FARGATE","platformVersion":"1.4.0","availabilityZone":"us-east-1a","capacityProviderName":"FARGATE","connectivityAt":"2026-03-04T02:10:02Z""#.to_owned()
            };
            format!(
                r#"{{"attachments":[{{"id":"a","type":"eni","status":"ATTACHED","details":[{{"name":"subnetId","value":"subnet-0a1b2c3d"}},{{"name":"networkInterfaceId","value":"eni-{id}"}},{{"name":"privateIPv4Address","value":"10.0.0.7"}}]}}],"clusterArn":"arn:aws:ecs:us-east-1:111122223333:cluster/web","taskArn":"arn:aws:ecs:us-east-1:111122223333:task/web/{id:032x}","taskDefinitionArn":"arn:aws:ecs:us-east-1:111122223333:task-definition/web:7","group":"service:web","desiredStatus":"RUNNING","cpu":"256","memory":"512","createdAt":"2026-03-04T02:10:00Z","version":3,{end},"containers":[{{"containerArn":"arn:aws:ecs:us-east-1:111122223333:container/web/{id}","name":"app","image":"111122223333.dkr.ecr.us-east-1.amazonaws.com/web:1","lastStatus":"RUNNING","networkInterfaces":[],"cpu":"0"}}]}}"#
            )
        })
        .collect()
}

fn loading(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut bytes = 0;
    let inputs: Vec<Input> = (0..64)
        .map(|number| {
            let text = document(number, 500);
            bytes += text.len() as u64;
            let path = dir.path().join(format!("{number}.json.gz"));
            let packed = gzip(&text);
            std::fs::write(&path, &packed).expect("a file");
            Input {
                source: Source::File(path),
                name: format!("{number}.json.gz").into(),
                folder: None,
                size: packed.len() as u64,
                modified: Some(1),
            }
        })
        .collect();
    let mut group = criterion.benchmark_group("load");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("into memory", |bench| {
        bench.iter(|| {
            let sink = MemorySink::default();
            let reports = load(&inputs, &sink, None, None, &options(), &Silent);
            black_box(reports.map(|reports| reports.len()))
        });
    });
    group.bench_function("into a store", |bench| {
        bench.iter(|| {
            let store = tempfile::tempdir().expect("a temporary folder");
            let write = WriteOptions { now: 1_772_900_000_000_000, patience: Duration::ZERO };
            Store::load(store.path(), inputs.clone(), Vec::new(), (&options(), write), &Silent, &|| {})
                .map(|loaded| loaded.totals.read)
        });
    });
    group.finish();
}

fn language(criterion: &mut Criterion) {
    let query = "failures where service like batch-* and exit_code not in (0, 143) by cluster, reason every 1h since 7d top 10";
    criterion
        .bench_function("lex and parse", |bench| bench.iter(|| lang::parse(black_box(query)).map(|query| lang::format(&query))));
}

criterion_group!(benches, decode, classification, loading, language);
criterion_main!(benches);
