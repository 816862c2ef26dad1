//! Benchmarks of the analyses on many task events: time and peak memory of each, on two threads.
//!
//! ```text
//! cargo bench --bench analyses                                   ten million events
//! EVENTS=1000000 cargo bench --bench analyses -- quota stalls     one million, some nouns only
//! KEPT=/some/folder cargo bench --bench analyses                  keeps the generated store
//! ```
//!
//! The events are generated with a fixed seed and written like the files of a load: 30 days, 16 accounts and Regions,
//! half of the tasks on Fargate and the others on 1,000 instances, three events per task, and 500 refused calls.
//! `collisions`, `schedules` and `launches` query two million calls (`ATTEMPTS`) of 600 schedules and 200 irregular
//! callers, of which one in 500 fails with AGENT, and the agents of 240 instances that disconnect every two hours.

use ecs_audit::lang::{self, CheckContext};
use ecs_audit::load::{Day, day_of};
use ecs_audit::plan::{Evidence, Options, PlanCatalog, session};
use ecs_audit::run::answer;
use ecs_audit::store::{LoadWriter, Manifest, Store, StoreError};
use ecs_audit::table::{Call, Columns, Failure, InstanceEvent, Row, Table, TaskEvent};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// The same allocator as the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The benchmarked queries, by noun.
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

/// A small random number generator with a fixed seed, so that the events are reproducible.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % limit as u64) as i64
    }
}

/// Rows that have not been written yet, by table and day.
struct Shelf {
    writer: LoadWriter,
    columns: BTreeMap<(Table, Day), Columns>,
}

/// The number of bytes after which a load thread writes a file.
const FULL: usize = 12 << 20;

impl Shelf {
    fn new(dir: &Path) -> Self {
        Shelf { writer: LoadWriter::new(dir, 1), columns: BTreeMap::new() }
    }

    fn push(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        let key = (row.table(), day_of(row.time().unwrap_or(START)));
        let columns = self.columns.entry(key).or_insert_with(|| Columns::new(key.0));
        columns.push(row);
        if columns.bytes() < FULL {
            return Ok(());
        }
        let full = std::mem::replace(columns, Columns::new(key.0));
        self.writer.write(key.0, key.1, full)
    }

    /// Writes the remaining rows, and commits all of them.
    fn finish(self, dir: &Path) -> Result<(), StoreError> {
        for ((table, day), columns) in self.columns {
            self.writer.write(table, day, columns)?;
        }
        let mut manifest = Manifest::default();
        self.writer.finish().expect("the files are written").into_iter().for_each(|(table, files)| manifest.add(table, 0, files));
        manifest.write(dir)
    }
}

/// A task with its three events.
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

fn make(shelf: &mut Shelf, events: i64) -> Result<(), StoreError> {
    let mut random = Random(7);
    let tasks = events / 3;
    for number in 0..tasks {
        for event in task(&mut random, number, tasks) {
            shelf.push(&Row::from(event))?;
        }
    }
    for number in 0..1_000_i64 {
        for (account, region) in ACCOUNTS.iter().flat_map(|account| REGIONS.map(|region| (*account, region))) {
            let cluster = number % 10;
            shelf.push(&Row::from(InstanceEvent {
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
            }))?;
        }
    }
    for number in 0..500_i64 {
        let common = (Some(START + MONTH / 500 * number), Some(ACCOUNTS[0].into()), Some(REGIONS[0].into()));
        let id = format!("call-{number}");
        shelf.push(&Row::from(Call {
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
        }))?;
        shelf.push(&Row::from(Failure {
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
        }))?;
    }
    Ok(())
}

/// The calls for `collisions`, `schedules` and `launches`.
fn make_attempts(shelf: &mut Shelf, attempts: i64) -> Result<(), StoreError> {
    const SCHEDULES: i64 = 600;
    const INSTANCES: i64 = 3;
    let mut random = Random(11);
    // Six of seven calls are regular, with an interval of whole minutes: 15 minutes for two million calls.
    let starts = attempts * 6 / 7 / SCHEDULES;
    let period = (MONTH / starts / (60 * SECOND)).max(1) * 60 * SECOND;
    for number in 0..attempts {
        let regular = number < starts * SCHEDULES;
        let caller = if regular { number % SCHEDULES } else { SCHEDULES + random.below(200) };
        let jitter = random.below(3 * SECOND);
        let time =
            if regular { START + period * (number / SCHEDULES) + caller * SECOND + jitter } else { START + random.below(MONTH) };
        let place = caller % 16;
        let (account, region) = (ACCOUNTS[(place / 4) as usize], REGIONS[(place % 4) as usize]);
        let cluster = format!("cluster-{}", caller % 80);
        let instance = format!("{:032x}", caller % 80 * INSTANCES + random.below(INSTANCES));
        let failed = random.below(500) == 0;
        let id = format!("{:08x}-{:04x}-4000-8000-{number:012x}", random.below(1 << 32), random.below(1 << 16));
        let (family, started_by) = (format!("family-{caller}"), regular.then(|| format!("events-rule/rule-{caller}")));
        let user = format!("role-{caller}/session-{}", random.below(50));
        shelf.push(&Row::from(Call {
            id: Some(id.clone().into()),
            time: Some(time),
            account: Some(account.into()),
            region: Some(region.into()),
            event_name: Some("RunTask".into()),
            event_source: Some("ecs.amazonaws.com".into()),
            cluster: Some(cluster.clone().into()),
            container_instance: (!failed).then(|| instance.clone().into()),
            family: Some(family.clone().into()),
            task_definition: Some(format!("{family}:3").into()),
            started_by: started_by.clone().map(Into::into),
            user: Some(user.clone().into()),
            asked: Some(1),
            placed: Some(i64::from(!failed)),
            missing: Some(i64::from(failed)),
            failed: Some(failed),
            failure_reasons: failed.then(|| "AGENT".into()),
            source: Some("cloudtrail".into()),
            ..Call::default()
        }))?;
        if failed {
            shelf.push(&Row::from(Failure {
                id: Some(id.clone().into()),
                record: Some(id.clone().into()),
                call: Some(id.into()),
                time: Some(time),
                account: Some(account.into()),
                region: Some(region.into()),
                kind: Some("launch".into()),
                reason: Some("AGENT".into()),
                event_name: Some("RunTask".into()),
                cluster: Some(cluster.into()),
                container_instance: Some(instance.into()),
                family: Some(family.into()),
                started_by: started_by.map(Into::into),
                user: Some(user.into()),
                missing_tasks: Some(1),
                ..Failure::default()
            }))?;
        }
    }
    for number in 0..80 * INSTANCES {
        let cluster = number / INSTANCES;
        let place = cluster % 16;
        for turn in 0..720_i64 {
            let (hours, away) = (turn / 2, turn % 2);
            let time = START + hours * 7_200 * SECOND + away * 3 * SECOND + number * 20 * SECOND;
            shelf.push(&Row::from(InstanceEvent {
                id: Some(format!("i-{number}-{turn}").into()),
                time: Some(time),
                account: Some(ACCOUNTS[(place / 4) as usize].into()),
                region: Some(REGIONS[(place % 4) as usize].into()),
                cluster: Some(format!("cluster-{cluster}").into()),
                container_instance: Some(format!("{number:032x}").into()),
                version: Some(turn),
                agent_version: Some("1.94.0".into()),
                agent_connected: Some(away == 1),
                source: Some("eventbridge".into()),
                ..InstanceEvent::default()
            }))?;
        }
    }
    Ok(())
}

/// Peak memory of the process in MiB since [`forget_peak`], if the system provides it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}

fn forget_peak() {
    // If that is not permitted, the peak covers all queries so far.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// CPU seconds that the process has used, if the system provides them.
fn used() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit(") ").next()?.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    // Linux reports a hundred ticks per second to all programs.
    Some((ticks()? + ticks()?) / 100.0)
}

type Make = fn(&mut Shelf, i64) -> Result<(), StoreError>;

/// Creates a store with this number of rows, or opens a kept one, and runs some queries.
fn run(name: &str, rows: i64, make: Make, queries: &[(&str, &str)]) -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let kept = std::env::var_os("KEPT").map(|folder| PathBuf::from(folder).join(format!("{name}-{rows}")));
    let dir = kept.unwrap_or_else(|| temporary.path().to_path_buf());
    std::fs::create_dir_all(&dir)?;
    let made = Instant::now();
    if Manifest::read(&dir)?.is_none() {
        let mut shelf = Shelf::new(&dir);
        make(&mut shelf, rows)?;
        shelf.finish(&dir)?;
        println!("{rows} {name} made in {:.1} s", made.elapsed().as_secs_f64());
    }
    let session = session(2, usize::MAX);
    for (table, rows) in Store::open(&dir)?.tables() {
        session.register_table(table.name(), Arc::new(rows))?;
    }
    let anchor = Timestamp::from_microsecond(START + MONTH)?;
    let context = CheckContext { anchor, now: anchor, first: None, last: Some(anchor), tz: TimeZone::UTC, default_rows: None };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_stack_size(16 << 20).build()?;
    println!("{:>8}  {:>8}  {:>8}  {:>8}  query", "seconds", "of CPU", "peak MiB", "rows");
    for (noun, text) in queries {
        let query = lang::parse(text).map_err(|errors| format!("{text}: {errors:?}"))?;
        let checked =
            lang::check(&query, &PlanCatalog::default(), &context).map_err(|errors| format!("{noun}: {text}: {errors:?}"))?;
        forget_peak();
        let (begun, before) = (Instant::now(), used());
        let answer = runtime.block_on(answer(&session, &checked, Options { anchor, evidence: Evidence::Without }))?;
        let seconds = begun.elapsed().as_secs_f64();
        let peak = peak().map_or_else(|| "?".to_owned(), |peak| peak.to_string());
        let used = used().zip(before).map_or_else(|| "?".to_owned(), |(after, before)| format!("{:.2}", after - before));
        println!("{seconds:8.2}  {used:>8}  {peak:>8}  {:>8}  {text}", answer.rows());
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let number = |name: &str, usual: i64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let asked = |(noun, _): &&(&str, &str)| wanted.is_empty() || wanted.iter().any(|word| word == noun);
    let stores: [(&str, i64, Make); 2] =
        [("task events", number("EVENTS", 10_000_000), make), ("attempts", number("ATTEMPTS", 2_000_000), make_attempts)];
    for (name, rows, make) in stores {
        let of_tasks = |(noun, _): &&(&str, &str)| matches!(*noun, "quota" | "stalls") == (name == "task events");
        let queries: Vec<(&str, &str)> = QUERIES.iter().filter(asked).filter(of_tasks).copied().collect();
        if !queries.is_empty() {
            run(name, rows, make, &queries)?;
        }
    }
    Ok(())
}
