//! The analyses over many task events: seconds and peak memory of each, on two threads.
//!
//! ```text
//! cargo bench --bench analyses                                   ten million events
//! EVENTS=1000000 cargo bench --bench analyses -- quota stalls     one million, some nouns only
//! ```
//!
//! The events are made here from a seed, written as Parquet the way a store keeps them, and asked through
//! the same tables and plans as a store: 30 days, 16 accounts and regions, half of the tasks on Fargate, the
//! others on 1,000 instances, three events a task, 500 refused calls and ten stalled deployments.

use ecs_audit::lang::{self, CheckContext};
use ecs_audit::plan::{Evidence, Options, PlanCatalog, session};
use ecs_audit::run;
use ecs_audit::store::{DataFile, StoreTable};
use ecs_audit::table::{Call, Columns, Failure, InstanceEvent, Row, Table, TaskEvent};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// The questions, by the noun they ask about.
const QUERIES: &[(&str, &str)] = &[
    ("quota", "quota where resource = fargate_vcpu by region every 5m show max(used), max(needed)"),
    ("quota", "quota where resource = fargate_vcpu by region every 5m since 1d"),
    ("quota", "quota where resource = instance_cpu by cluster"),
    ("quota", "quota by resource"),
    ("stalls", "stalls since 30d"),
    ("collisions", "collisions by started_by since 30d"),
    ("schedules", "schedules where state = missed since 31d"),
    ("launches", "launches by outcome since 30d"),
];

const REGIONS: [&str; 4] = ["us-east-1", "eu-west-1", "ap-northeast-1", "us-west-2"];
const ACCOUNTS: [&str; 4] = ["111122223333", "222233334444", "333344445555", "444455556666"];
const START: i64 = 1_772_000_000_000_000;
const MONTH: i64 = 30 * 86_400 * 1_000_000;
const SECOND: i64 = 1_000_000;

/// A small generator of numbers: the events depend on the seed only.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % limit as u64) as i64
    }
}

/// The files of the tables as they grow.
struct Shelf<'d> {
    dir: &'d Path,
    files: BTreeMap<Table, Vec<DataFile>>,
}

impl Shelf<'_> {
    fn put(&mut self, table: Table, columns: &mut Columns) -> Result<(), Box<dyn Error>> {
        let rows = std::mem::replace(columns, Columns::new(table)).into_rows()?;
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let files = self.files.entry(table).or_default();
        let name = format!("{}-{}.parquet", table.name(), files.len());
        let path = self.dir.join(&name);
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?)).build();
        let mut writer = ArrowWriter::try_new(std::fs::File::create(&path)?, rows.schema(), Some(properties))?;
        writer.write(&rows)?;
        writer.close()?;
        let size = path.metadata()?.len();
        files.push(DataFile { path: name, day: 0, size, rows: rows.num_rows() as u64, first: None, last: None });
        Ok(())
    }
}

/// One task: its three events.
fn task<'t>(random: &mut Random, number: i64, tasks: i64) -> [TaskEvent<'t>; 3] {
    let (account, region) = (ACCOUNTS[random.below(4) as usize], REGIONS[random.below(4) as usize]);
    let cluster = format!("cluster-{}", random.below(10));
    let id = format!("{:016x}{:016x}", random.0, number);
    let created = START + MONTH / tasks * number + random.below(SECOND);
    let started = created + (5 + random.below(30)) * SECOND;
    let stopped = started + (60 + random.below(3_600)) * SECOND;
    let stopping = stopped - (1 + random.below(20)) * SECOND;
    let fargate = random.below(2) == 0;
    let instance = (!fargate).then(|| format!("{:032x}", random.below(1_000)));
    let cpu = 256 << random.below(3);
    let service = random.below(100);
    let event = |nth: usize, time: i64, status: &'static str, wanted: &'static str| TaskEvent {
        id: Some(format!("{id}-{nth}").into()),
        time: Some(time),
        account: Some(account.into()),
        region: Some(region.into()),
        cluster: Some(cluster.clone().into()),
        service: Some(format!("service-{service}").into()),
        group: Some(format!("service:service-{service}").into()),
        family: Some(format!("family-{service}").into()),
        task_definition: Some(format!("family-{service}:7").into()),
        task_arn: Some(format!("arn:aws:ecs:{region}:{account}:task/{cluster}/{id}").into()),
        task: Some(id.clone().into()),
        version: Some(nth as i64),
        last_status: Some(status.into()),
        desired_status: Some(wanted.into()),
        launch_type: Some(if fargate { "FARGATE" } else { "EC2" }.into()),
        container_instance: instance.clone().map(Into::into),
        started_by: Some(format!("ecs-svc/{}", service * 1_000 + number / 100_000).into()),
        cpu: Some(cpu),
        memory: Some(cpu * 2),
        created_at: Some(created),
        ..TaskEvent::default()
    };
    [
        event(0, created, "PENDING", "RUNNING"),
        TaskEvent {
            pull_started_at: Some(started - SECOND),
            started_at: Some(started),
            ..event(1, started, "RUNNING", "RUNNING")
        },
        TaskEvent {
            pull_started_at: Some(started - SECOND),
            started_at: Some(started),
            stopping_at: Some(stopping),
            execution_stopped_at: Some(stopped - 400_000),
            stopped_at: Some(stopped),
            ..event(2, stopped, "STOPPED", "STOPPED")
        },
    ]
}

fn make(shelf: &mut Shelf<'_>, events: i64) -> Result<(), Box<dyn Error>> {
    let mut random = Random(7);
    let tasks = events / 3;
    let mut columns = Columns::new(Table::TaskEvents);
    for number in 0..tasks {
        for event in task(&mut random, number, tasks) {
            columns.push(&Row::from(event));
        }
        if number % 200_000 == 199_999 {
            shelf.put(Table::TaskEvents, &mut columns)?;
        }
    }
    shelf.put(Table::TaskEvents, &mut columns)?;
    let mut instances = Columns::new(Table::InstanceEvents);
    for number in 0..1_000_i64 {
        for (account, region) in ACCOUNTS.iter().flat_map(|account| REGIONS.map(|region| (*account, region))) {
            let cluster = number % 10;
            instances.push(&Row::from(InstanceEvent {
                id: Some(format!("i-{number}-{account}-{region}").into()),
                time: Some(START),
                account: Some(account.into()),
                region: Some(region.into()),
                cluster: Some(format!("cluster-{cluster}").into()),
                container_instance: Some(format!("{number:032x}").into()),
                registered_cpu: Some(2_048),
                registered_memory: Some(15_624),
                agent_version: Some("1.94.0".into()),
                agent_connected: Some(true),
                ..InstanceEvent::default()
            }));
        }
    }
    shelf.put(Table::InstanceEvents, &mut instances)?;
    let (mut calls, mut failures) = (Columns::new(Table::Calls), Columns::new(Table::Failures));
    for number in 0..500_i64 {
        let common = (Some(START + MONTH / 500 * number), Some(ACCOUNTS[0].into()), Some(REGIONS[0].into()));
        let id = format!("call-{number}");
        calls.push(&Row::from(Call {
            id: Some(id.clone().into()),
            time: common.0,
            account: common.1.clone(),
            region: common.2.clone(),
            event_name: Some("RunTask".into()),
            event_source: Some("ecs.amazonaws.com".into()),
            cluster: Some("cluster-1".into()),
            family: Some("family-1".into()),
            started_by: Some("batch".into()),
            asked: Some(1),
            placed: Some(0),
            missing: Some(1),
            failed: Some(true),
            source: Some("cloudtrail".into()),
            ..Call::default()
        }));
        failures.push(&Row::from(Failure {
            id: Some(id.clone().into()),
            record: Some(id.clone().into()),
            call: Some(id.into()),
            time: common.0,
            account: common.1,
            region: common.2,
            kind: Some("launch".into()),
            cause: Some("quota-fargate-vcpu".into()),
            family: Some("family-1".into()),
            started_by: Some("batch".into()),
            missing_tasks: Some(1),
            requested_cpu: Some(4_096),
            ..Failure::default()
        }));
    }
    shelf.put(Table::Calls, &mut calls)?;
    shelf.put(Table::Failures, &mut failures)
}

/// Peak memory of the process in MiB since [`forget_peak`], where the system tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}

fn forget_peak() {
    // Where that is not allowed, the peak is that of all queries so far.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn main() -> Result<(), Box<dyn Error>> {
    let events: i64 = std::env::var("EVENTS").ok().and_then(|events| events.parse().ok()).unwrap_or(10_000_000);
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let dir = tempfile::tempdir()?;
    let made = Instant::now();
    let mut shelf = Shelf { dir: dir.path(), files: BTreeMap::new() };
    make(&mut shelf, events)?;
    println!("{events} task events made in {:.1} s", made.elapsed().as_secs_f64());
    let session = session(2);
    for table in Table::ALL {
        let files = shelf.files.remove(table).unwrap_or_default();
        session.register_table(table.name(), Arc::new(StoreTable::new(table.schema(), dir.path().to_path_buf(), files)))?;
    }
    let anchor = Timestamp::from_microsecond(START + MONTH)?;
    let context = CheckContext { anchor, now: anchor, first: None, last: Some(anchor), tz: TimeZone::UTC };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_stack_size(16 << 20).build()?;
    println!("{:>8}  {:>8}  {:>8}  query", "seconds", "peak MiB", "rows");
    for (noun, text) in QUERIES.iter().filter(|(noun, _)| wanted.is_empty() || wanted.iter().any(|word| word == noun)) {
        let query = lang::parse(text).map_err(|errors| format!("{text}: {errors:?}"))?;
        let checked =
            lang::check(&query, &PlanCatalog::default(), &context).map_err(|errors| format!("{noun}: {text}: {errors:?}"))?;
        forget_peak();
        let begun = Instant::now();
        let answer = runtime.block_on(run::answer(&session, &checked, Options { anchor, evidence: Evidence::Without }))?;
        let peak = peak().map_or_else(|| "?".to_owned(), |peak| peak.to_string());
        println!("{:8.2}  {peak:>8}  {:>8}  {text}", begun.elapsed().as_secs_f64(), answer.rows());
    }
    Ok(())
}
