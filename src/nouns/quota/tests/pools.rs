//! Tests `quota` for every pool on small random histories, compared with a naive computation for each instant.
//!
//! Every history is an account (or a dstack project) of its own, so one query covers many. Events of one task can
//! report different places, as events of unplaced tasks do.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::plan::tests::fixture::{Random, checked, lines, options, packed, try_ask, wait};
use crate::plan::{Evidence, Options};
use crate::run;
use crate::table::{JobSubmission, Row, RunEvent, RunRecord, TaskEvent};

const MINUTE: i64 = 60_000_000;
const FOREVER: i64 = i64::MAX;

/// The night in which the clocks in Berlin go back.
fn time(minute: i64) -> i64 {
    "2025-10-26T00:00:00Z".parse::<Timestamp>().unwrap().as_microsecond() + minute * MINUTE
}

fn instant(minute: i64) -> String {
    Timestamp::from_microsecond(time(minute)).unwrap().to_string()
}

fn text(value: impl Into<String>) -> Option<std::borrow::Cow<'static, str>> {
    Some(value.into().into())
}

/// An interval of a pool, in minutes; the end is exclusive.
#[derive(Debug, Clone)]
struct Span {
    start: i64,
    early: i64,
    end: i64,
    units: f64,
    id: String,
}

/// The rows of a pool: its intervals at each instant at which one of them changes.
fn steps(pool: &str, spans: &[Span]) -> Vec<String> {
    let spans: Vec<&Span> = spans.iter().filter(|span| span.start < span.end).collect();
    let early = |span: &&&Span| span.early < span.end;
    let ends = spans.iter().filter(|span| span.end != FOREVER).map(|span| span.end);
    let earlier = spans.iter().filter(early).map(|span| span.early.max(span.start));
    let instants: BTreeSet<i64> = spans.iter().map(|span| span.start).chain(ends).chain(earlier).collect();
    let step = |at: &i64| {
        let here: Vec<&&Span> = spans.iter().filter(|span| span.start <= *at && *at < span.end).collect();
        let sum = |of: &dyn Fn(&Span) -> bool| here.iter().filter(|span| of(span)).fold(0.0, |sum, span| sum + span.units);
        let used = sum(&|_| true);
        let lower = sum(&|span| *at < span.early);
        let open = here.iter().filter(|span| span.end == FOREVER).count();
        let until = instants.range(at + 1..).next().map_or_else(|| ".".to_owned(), |until| instant(*until));
        let mut ids: Vec<&str> = here.iter().map(|span| span.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let ids = ids.join(", ");
        format!("{pool}|{}|{until}|{:?}|{:?}|{}|{open}|[{ids}]", instant(*at), used, lower, here.len())
    };
    instants.iter().map(step).collect()
}

const SHOWN: &str = "show id, time, ended_at, used, used_lower, tasks, open_tasks limit 1000000";

fn assert_same(rows: &[Row<'_>], threads: usize, query: &str, mut expected: Vec<String>) {
    let mut found = lines(&try_ask(&packed(rows, threads), query, true).unwrap_or_else(|error| panic!("{query}: {error}")));
    found.sort_unstable();
    expected.sort_unstable();
    if let Some((found, expected)) = found.iter().zip(&expected).find(|(found, expected)| found != expected) {
        panic!("{query}: found {found}, expected {expected}");
    }
    assert_eq!(found.len(), expected.len(), "{query}");
    assert!(!expected.is_empty(), "{query}");
}

/// An event of a task.
#[derive(Debug, Clone)]
struct Reported {
    id: String,
    task: i64,
    at: i64,
    created: Option<i64>,
    early: Option<i64>,
    stopped: Option<i64>,
    status: &'static str,
    cpu: Option<i64>,
    memory: Option<i64>,
    cluster: Option<&'static str>,
    service: Option<&'static str>,
    instance: Option<&'static str>,
    networked: bool,
    launch_type: &'static str,
    spot: bool,
}

/// The events of an account, in random order, with gaps, repetitions and changing places.
fn reported(random: &mut Random) -> Vec<Reported> {
    let mut reported = Vec::new();
    for task in 0..1 + random.below(5) {
        let created = random.below(40);
        let stopped = (!random.one_in(4)).then(|| created + random.below(30));
        let early = stopped.filter(|_| random.one_in(2)).map(|stopped| stopped - random.below(3).min(stopped - created));
        let fargate = random.one_in(2);
        let base = Reported {
            id: String::new(),
            task,
            at: created,
            created: Some(created),
            early: None,
            stopped: None,
            status: "PROVISIONING",
            cpu: Some([256, 512, 1024][random.below(3) as usize]),
            memory: Some([512, 2048][random.below(2) as usize]),
            cluster: Some(["blue", "green"][random.below(2) as usize]),
            service: [None, Some("web"), Some("jobs")][random.below(3) as usize],
            instance: if fargate { None } else { [Some("i1"), Some("i2")][random.below(2) as usize] },
            networked: random.one_in(2),
            launch_type: if fargate { "FARGATE" } else { "EC2" },
            spot: fargate && random.one_in(2),
        };
        let mut own = vec![base.clone(), Reported { at: created + 1, status: "RUNNING", ..base.clone() }];
        if let Some(stopped) = stopped {
            let seen = !random.one_in(5);
            own.push(Reported { at: stopped, early, stopped: seen.then_some(stopped), status: "STOPPED", ..base });
        }
        for (nth, event) in own.iter_mut().enumerate() {
            event.id = format!("{task}-{nth}");
            // Fields that an event omits, or another place.
            match random.below(12) {
                0 => event.created = None,
                1 => event.instance = None,
                2 => event.service = None,
                3 => event.networked = !event.networked,
                4 => event.cluster = [None, Some("blue")][random.below(2) as usize],
                5 => (event.cpu, event.memory) = (None, None),
                6 => event.cpu = Some(2048),
                7 => event.instance = event.instance.map(|_| "i2"),
                8 => event.spot = event.launch_type == "FARGATE",
                _ => {}
            }
        }
        own.retain(|_| !random.one_in(6));
        if random.one_in(3)
            && let Some(again) = own.last().cloned()
        {
            own.push(again);
        }
        reported.extend(own);
    }
    random.shuffle(&mut reported);
    reported
}

fn event(account: usize, reported: &Reported) -> Row<'static> {
    // Tasks are identified by their ARN, by their id alone, or by both.
    let by_id = reported.task % 3 == 0;
    Row::from(TaskEvent {
        id: text(format!("{account}-{}", reported.id)),
        time: Some(time(reported.at)),
        account: text(account.to_string()),
        region: text("eu-west-1"),
        task_arn: if by_id { None } else { text(format!("arn:{account}/t{}", reported.task)) },
        task: text(format!("{account}t{}", reported.task)),
        last_status: text(reported.status),
        launch_type: text(reported.launch_type),
        capacity_provider: reported.spot.then(|| "FARGATE_SPOT".into()),
        cluster: reported.cluster.map(Into::into),
        service: reported.service.map(Into::into),
        container_instance: reported.instance.map(Into::into),
        network_interface: reported.networked.then(|| "eni-1".into()),
        cpu: reported.cpu,
        memory: reported.memory,
        created_at: reported.created.map(time),
        execution_stopped_at: reported.early.map(time),
        stopped_at: reported.stopped.map(time),
        ..TaskEvent::default()
    })
}

/// The pools in an event, by their ids without resource, account and Region, with the usage.
fn pools(reported: &Reported) -> Vec<(&'static str, String, f64)> {
    let cluster = reported.cluster.unwrap_or_default();
    let cpu = reported.cpu.unwrap_or(0) as f64;
    let mut pools = Vec::new();
    if reported.spot {
        pools.push(("fargate_spot_vcpu", String::new(), cpu / 1024.0));
    } else if reported.launch_type == "FARGATE" {
        pools.push(("fargate_vcpu", String::new(), cpu / 1024.0));
    }
    if reported.cluster.is_some() {
        pools.push(("tasks_per_cluster", format!("/{cluster}"), 1.0));
    }
    if let Some(service) = reported.service {
        pools.push(("tasks_per_service", format!("/{cluster}/{service}"), 1.0));
    }
    if let Some(instance) = reported.instance {
        pools.push(("instance_cpu", format!("/{cluster}/{instance}"), cpu));
        pools.push(("instance_memory", format!("/{cluster}/{instance}"), reported.memory.unwrap_or(0) as f64));
        if reported.networked {
            pools.push(("eni", format!("/{cluster}/{instance}"), 1.0));
        }
    }
    pools
}

/// The rows of all pools of an account: a task uses the pools that are named in its events.
fn of_account(account: usize, reported: &[Reported]) -> Vec<(&'static str, Vec<String>)> {
    type Events<'t> = BTreeMap<i64, Vec<(&'t Reported, f64)>>;
    let mut by_pool: BTreeMap<(&'static str, String), Events<'_>> = BTreeMap::new();
    for event in reported {
        for (resource, scope, units) in pools(event) {
            by_pool.entry((resource, scope)).or_default().entry(event.task).or_default().push((event, units));
        }
    }
    let span = |events: &Vec<(&Reported, f64)>| {
        let own = || events.iter().map(|(event, _)| event);
        let seen = own().map(|event| event.at).min().unwrap();
        let start = own().filter_map(|event| event.created).min().unwrap_or(seen);
        let stop = |event: &&Reported| event.stopped.or((event.status == "STOPPED").then_some(event.at));
        let end = own().filter_map(stop).max().unwrap_or(FOREVER);
        let early = own().filter_map(|event| event.early).max().unwrap_or(end);
        let units = events.iter().map(|(_, units)| *units).fold(0.0, f64::max);
        let id = own().map(|event| format!("{account}-{}", event.id)).min().unwrap();
        Span { start, early, end, units, id }
    };
    let rows = by_pool.into_iter().map(|((resource, scope), tasks)| {
        let spans: Vec<Span> = tasks.values().map(span).collect();
        (resource, steps(&format!("{resource}/{account}/eu-west-1{scope}"), &spans))
    });
    rows.collect()
}

#[test]
fn every_pool_of_tasks_is_what_counting_at_every_instant_finds() {
    let mut random = Random(101);
    for round in 0..4 {
        let histories: Vec<Vec<Reported>> = (0..300).map(|_| reported(&mut random)).collect();
        let rows: Vec<Row<'_>> = histories
            .iter()
            .enumerate()
            .flat_map(|(account, reported)| reported.iter().map(move |reported| event(account, reported)))
            .collect();
        let expected: Vec<(&str, Vec<String>)> =
            histories.iter().enumerate().flat_map(|(account, reported)| of_account(account, reported)).collect();
        let of = |wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
            expected.iter().filter(|(resource, _)| wanted(resource)).flat_map(|(_, rows)| rows.clone()).collect()
        };
        let threads = 1 + round % 3;
        assert_same(&rows, threads, &format!("quota {SHOWN}"), of(&|_| true));
        // A query for a single pool reads other columns and rows, but has the same result.
        let resources = ["fargate_vcpu", "fargate_spot_vcpu", "tasks_per_cluster", "tasks_per_service"];
        for resource in resources.into_iter().chain(["instance_cpu", "instance_memory", "eni"]).filter(|_| round == 0) {
            let query = format!("quota where resource = {resource} {SHOWN}");
            assert_same(&rows, threads, &query, of(&|known| known == resource));
        }
        let query = format!("quota where resource matches /^instance_/ and cluster = blue and account = 7 {SHOWN}");
        let blue = |row: &&String| row.contains("/7/eu-west-1/blue/");
        let wanted: Vec<String> = of(&|known| known.starts_with("instance_")).iter().filter(blue).cloned().collect();
        if !wanted.is_empty() {
            assert_same(&rows, threads, &query, wanted);
        }
    }
}

/// Tasks that start one minute apart, and stop a fixed time after the last start: how many run at each step, and how
/// many of them are listed.
fn named(tasks: i64) -> Vec<(usize, usize)> {
    let event = |task: i64| {
        Row::from(TaskEvent {
            id: text(format!("e{task}")),
            time: Some(time(task)),
            account: text("1"),
            region: text("eu-west-1"),
            task: text(format!("t{task}")),
            launch_type: text("FARGATE"),
            cpu: Some(1024),
            created_at: Some(time(task)),
            stopped_at: Some(time(tasks + task)),
            ..TaskEvent::default()
        })
    };
    let rows: Vec<Row<'_>> = (0..tasks).map(event).collect();
    let query = checked("quota where resource = fargate_vcpu show time, tasks sort time limit 1000000");
    let options = Options { evidence: Evidence::All, ..options(true) };
    let answer = wait(run::answer(&packed(&rows, 2), &query, options)).unwrap();
    let counts = |line: String| {
        let [_, tasks, ids] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
        (tasks.parse().unwrap(), ids.split(", ").filter(|id| *id != "[]").count())
    };
    lines(&answer).into_iter().map(counts).collect()
}

#[test]
fn levels_name_their_records_and_of_very_many_the_peak() {
    let steps = named(400);
    assert_eq!((steps.len(), steps.iter().map(|(tasks, _)| *tasks).max()), (800, Some(400)));
    assert!(steps.iter().all(|(tasks, named)| tasks == named));
    let steps = named(600);
    let whole = |(tasks, named): &&(usize, usize)| tasks == named && *tasks > 100;
    assert_eq!(steps.iter().filter(whole).collect::<Vec<_>>(), [&(600, 600)]);
    assert!(steps.iter().all(|(tasks, named)| *named == *tasks.min(&100) || *tasks == 600));
}

/// A job submission of a run.
#[derive(Debug, Clone)]
struct Submission {
    submitted: i64,
    /// When events show that an instance was used.
    provisioning: Option<i64>,
    finished: Option<i64>,
    processed: i64,
    status: &'static str,
    provisioned: bool,
    backend: &'static str,
    gpus: Option<i64>,
    price: f64,
    blocks: Option<i64>,
}

fn submissions(random: &mut Random) -> Vec<Submission> {
    let submission = |random: &mut Random| {
        let submitted = random.below(40);
        let ended = submitted + random.below(30);
        let status = ["running", "terminated", "failed", "pulling"][random.below(4) as usize];
        Submission {
            submitted,
            provisioning: random.one_in(2).then(|| submitted + random.below(5)),
            finished: random.one_in(2).then_some(ended),
            processed: ended + random.below(3),
            status,
            provisioned: !random.one_in(4),
            backend: ["aws", "gcp"][random.below(2) as usize],
            gpus: [None, Some(0), Some(1), Some(8)][random.below(4) as usize],
            price: [0.0, 0.5, 4.0][random.below(3) as usize],
            blocks: random.one_in(3).then(|| 1 + random.below(4)),
        }
    };
    (0..1 + random.below(5)).map(|_| submission(random)).collect()
}

/// The rows of a project: its run in two snapshots, the older one without an end.
fn records(project: usize, submissions: &[Submission], random: &mut Random) -> Vec<Row<'static>> {
    let mut rows = Vec::new();
    for snapshot in 0..2 {
        rows.push(Row::from(RunRecord {
            id: text(format!("{project}-run-{snapshot}")),
            time: Some(time(90)),
            run_id: text(format!("run{project}")),
            project: text(format!("p{project}")),
            ..RunRecord::default()
        }));
        for (nth, reported) in submissions.iter().enumerate() {
            let newest = snapshot == 1;
            rows.push(Row::from(JobSubmission {
                id: text(format!("{project}-{nth}-{snapshot}")),
                time: Some(time(reported.processed)),
                run_id: text(format!("run{project}")),
                run_record: text(format!("{project}-run-{snapshot}")),
                submission: text(format!("s{project}-{nth}")),
                submitted_at: Some(time(reported.submitted)),
                finished_at: reported.finished.filter(|_| newest).map(time),
                last_processed_at: Some(time(reported.processed)),
                status: text(if newest { reported.status } else { "provisioning" }),
                provisioned: Some(reported.provisioned && newest),
                backend: text(reported.backend),
                region: text("us-east-1"),
                gpus: reported.gpus,
                price: Some(reported.price),
                blocks: reported.blocks,
                total_blocks: reported.blocks.map(|_| 4),
                ..JobSubmission::default()
            }));
        }
    }
    for (nth, reported) in submissions.iter().enumerate() {
        for (word, at) in [("provisioning", reported.provisioning), ("running", reported.provisioning.map(|at| at + 2))] {
            rows.extend(at.map(|at| {
                Row::from(RunEvent {
                    id: text(format!("{project}-{nth}-{word}")),
                    time: Some(time(at)),
                    target_id: text(format!("s{project}-{nth}")),
                    to_status: text(word),
                    ..RunEvent::default()
                })
            }));
        }
    }
    random.shuffle(&mut rows);
    rows
}

fn of_project(project: usize, submissions: &[Submission]) -> Vec<String> {
    let mut gpus: BTreeMap<&str, Vec<Span>> = BTreeMap::new();
    let mut price = Vec::new();
    for reported in submissions.iter().filter(|reported| reported.provisioned) {
        let over = matches!(reported.status, "terminated" | "failed");
        let end = reported.finished.or(over.then_some(reported.processed)).unwrap_or(FOREVER);
        let start = reported.provisioning.unwrap_or(reported.submitted);
        let span = |units: f64| Span { start, early: end, end, units, id: format!("{project}-run-0") };
        if reported.gpus.unwrap_or(0) > 0 {
            gpus.entry(reported.backend).or_default().push(span(reported.gpus.unwrap_or(0) as f64));
        }
        let cost = reported.price * reported.blocks.unwrap_or(1) as f64 / reported.blocks.map_or(1.0, |_| 4.0);
        if cost > 0.0 {
            price.push(span(cost));
        }
    }
    let mut rows: Vec<String> = Vec::new();
    for (backend, spans) in &gpus {
        rows.extend(steps(&format!("dstack_gpus/us-east-1/p{project}/{backend}"), spans));
    }
    rows.extend(steps(&format!("dstack_price/p{project}"), &price));
    rows
}

#[test]
fn pools_of_job_submissions_are_what_counting_at_every_instant_finds() {
    let mut random = Random(59);
    for round in 0..4 {
        let histories: Vec<Vec<Submission>> = (0..300).map(|_| submissions(&mut random)).collect();
        let mut rows = Vec::new();
        let mut expected = Vec::new();
        for (project, submissions) in histories.iter().enumerate() {
            rows.extend(records(project, submissions, &mut random));
            expected.extend(of_project(project, submissions));
        }
        let threads = 1 + round % 3;
        for resource in ["dstack_gpus", "dstack_price"] {
            let own: Vec<String> = expected.iter().filter(|row| row.starts_with(resource)).cloned().collect();
            assert_same(&rows, threads, &format!("quota where resource = {resource} {SHOWN}"), own);
        }
        assert_same(&rows, threads, &format!("quota where resource in (dstack_gpus, dstack_price) {SHOWN}"), expected);
    }
}
