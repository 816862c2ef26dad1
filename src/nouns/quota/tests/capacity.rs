//! Tests `quota` and `stalls` on small random histories, compared with a naive computation for each instant.
//!
//! Every history is an account (or a container instance) of its own, so one query covers many.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::nouns::quota::limits::{Quota, Quotas, WhatIf};
use crate::nouns::{self, ViewRequest, set_min_blocked, set_quotas};
use crate::plan::tests::fixture::{Random, checked_in, lines, options, packed, tables, try_ask, wait};
use crate::run;
use crate::table::{Failure, InstanceEvent, Row, TaskEvent};

/// The night in which the clocks in Berlin go back, in microseconds.
fn base() -> i64 {
    "2025-10-26T00:00:00Z".parse::<Timestamp>().unwrap().as_microsecond()
}

const MINUTE: i64 = 60_000_000;

/// One event of a task, times in minutes.
#[derive(Debug, Clone)]
struct Reported {
    task: i64,
    at: i64,
    created: Option<i64>,
    early: Option<i64>,
    stopped: Option<i64>,
    status: &'static str,
    cpu: i64,
    spot: bool,
    caller: i64,
}

#[derive(Debug, Clone)]
struct Refusal {
    id: String,
    at: i64,
    caller: i64,
    missing: i64,
    cpu: i64,
    spot: bool,
}

/// The events of an account, in random order, with gaps and repetitions.
fn history(random: &mut Random) -> (Vec<Reported>, Vec<Refusal>) {
    let mut reported = Vec::new();
    for task in 0..random.below(6) {
        let created = random.below(40);
        let stopped = (!random.one_in(4)).then(|| created + random.below(30));
        let early = stopped.filter(|_| random.one_in(2)).map(|stopped| stopped - random.below(3).min(stopped - created));
        let (cpu, spot, caller) = ([256, 512, 1024][random.below(3) as usize], random.one_in(4), random.below(2));
        let row =
            |at, status| Reported { task, at, created: Some(created), early: None, stopped: None, status, cpu, spot, caller };
        let mut own = vec![row(created, "PROVISIONING"), row(created + 1, "RUNNING")];
        if let Some(stopped) = stopped {
            let seen = !random.one_in(5);
            own.push(Reported { early, stopped: seen.then_some(stopped), ..row(stopped, "STOPPED") });
        }
        own.retain(|_| !random.one_in(5));
        for event in &mut own {
            if random.one_in(6) {
                event.created = None;
            }
        }
        if random.one_in(3)
            && let Some(again) = own.last().cloned()
        {
            own.push(again);
        }
        reported.extend(own);
    }
    for index in (1..reported.len()).rev() {
        reported.swap(index, random.below(index as i64 + 1) as usize);
    }
    let refusals = (0..random.below(4))
        .map(|number| Refusal {
            id: format!("r{number}"),
            at: random.below(40),
            caller: random.below(2),
            missing: 1 + random.below(3),
            cpu: [256, 1024][random.below(2) as usize],
            spot: random.one_in(4),
        })
        .collect();
    (reported, refusals)
}

fn text(value: impl Into<String>) -> Option<std::borrow::Cow<'static, str>> {
    Some(value.into().into())
}

fn rows(account: usize, (reported, refusals): &(Vec<Reported>, Vec<Refusal>)) -> Vec<Row<'static>> {
    let time = |minute: i64| base() + minute * MINUTE;
    let event = |(number, event): (usize, &Reported)| {
        Row::from(TaskEvent {
            id: text(format!("{account}-{number}")),
            time: Some(time(event.at)),
            account: text(account.to_string()),
            region: text("eu-west-1"),
            task_arn: text(format!("arn:{account}/t{}", event.task)),
            last_status: text(event.status),
            launch_type: text("FARGATE"),
            capacity_provider: event.spot.then(|| "FARGATE_SPOT".into()),
            cpu: Some(event.cpu),
            family: text("family"),
            started_by: text(format!("caller{}", event.caller)),
            created_at: event.created.map(time),
            execution_stopped_at: event.early.map(time),
            stopped_at: event.stopped.map(time),
            ..TaskEvent::default()
        })
    };
    let failure = |refusal: &Refusal| {
        Row::from(Failure {
            id: text(format!("{account}-{}", refusal.id)),
            record: text(format!("{account}-{}", refusal.id)),
            time: Some(time(refusal.at)),
            kind: text("launch"),
            cause: text("quota-fargate-vcpu"),
            account: text(account.to_string()),
            region: text("eu-west-1"),
            family: text("family"),
            started_by: text(format!("caller{}", refusal.caller)),
            capacity_provider: refusal.spot.then(|| "FARGATE_SPOT".into()),
            missing_tasks: Some(refusal.missing),
            requested_cpu: Some(refusal.cpu),
            ..Failure::default()
        })
    };
    reported.iter().enumerate().map(event).chain(refusals.iter().map(failure)).collect()
}

/// An interval of one pool, in minutes; the end is exclusive.
#[derive(Debug, Clone, Copy)]
struct Span {
    spot: bool,
    start: i64,
    early: i64,
    end: i64,
    used: i64,
    refused: i64,
}

const FOREVER: i64 = i64::MAX;

/// The intervals of an account, computed naively.
fn spans((reported, refusals): &(Vec<Reported>, Vec<Refusal>)) -> Vec<Span> {
    let mut spans = Vec::new();
    let tasks: BTreeSet<i64> = reported.iter().map(|event| event.task).collect();
    for task in tasks {
        let own: Vec<&Reported> = reported.iter().filter(|event| event.task == task).collect();
        let created = own.iter().filter_map(|event| event.created).min();
        let start = created.unwrap_or_else(|| own.iter().map(|event| event.at).min().unwrap());
        let stop = |event: &&Reported| event.stopped.or((event.status == "STOPPED").then_some(event.at));
        let end = own.iter().filter_map(stop).max().unwrap_or(FOREVER);
        let early = own.iter().filter_map(|event| event.early).max().unwrap_or(end).min(end);
        spans.push(Span { spot: own[0].spot, start, early, end, used: own[0].cpu, refused: 0 });
    }
    for refusal in refusals {
        let newer = refusals
            .iter()
            .filter(|other| other.caller == refusal.caller && (other.at, &other.id) > (refusal.at, &refusal.id))
            .map(|other| other.at);
        let starts = reported.iter().filter(|event| event.caller == refusal.caller).filter_map(|event| event.created);
        let end = newer.chain(starts.filter(|start| *start > refusal.at)).chain([refusal.at + 15]).min().unwrap();
        let refused = refusal.missing * refusal.cpu;
        spans.push(Span { spot: refusal.spot, start: refusal.at, early: end.min(refusal.at + 15), end, used: 0, refused });
    }
    spans.retain(|span| span.start < span.end);
    spans
}

/// The totals at a minute: used, lower bound, refused, tasks.
fn level(spans: &[Span], minute: i64) -> [i64; 4] {
    let mut level = [0; 4];
    for span in spans.iter().filter(|span| span.start <= minute && minute < span.end) {
        level[0] += span.used;
        level[1] += if minute < span.early { span.used } else { 0 };
        level[2] += span.refused;
        level[3] += i64::from(span.refused == 0);
    }
    level
}

/// The instants at which something changes.
fn instants(spans: &[Span]) -> BTreeSet<i64> {
    let ends = |span: &Span| {
        [span.start, span.end, if span.used > 0 && span.early < span.end { span.early.max(span.start) } else { span.start }]
    };
    spans.iter().flat_map(ends).filter(|minute| *minute != FOREVER).collect()
}

fn instant(minute: i64) -> String {
    Timestamp::from_microsecond(base() + minute * MINUTE).unwrap().to_string()
}

fn vcpu(units: i64) -> String {
    format!("{:?}", units as f64 / 1024.0)
}

#[test]
fn quota_is_what_counting_at_every_instant_finds() {
    let mut random = Random(23);
    let mut compared = 0;
    for round in 0..8 {
        let histories: Vec<_> = (0..250).map(|_| history(&mut random)).collect();
        let all = histories.iter().enumerate().flat_map(|(account, history)| rows(account, history)).collect();
        let session = tables(all, 1 + round % 3);
        let query = "quota where resource in (fargate_vcpu, fargate_spot_vcpu) \
             show time, account, resource, used, used_lower, refused, tasks limit 100000";
        let mut found = lines(&try_ask(&session, query, false).unwrap());
        found.sort_unstable();
        let mut expected = Vec::new();
        for (account, history) in histories.iter().enumerate() {
            for (spot, resource) in [(false, "fargate_vcpu"), (true, "fargate_spot_vcpu")] {
                let own: Vec<Span> = spans(history).into_iter().filter(|span| span.spot == spot).collect();
                for minute in instants(&own) {
                    let [used, lower, refused, tasks] = level(&own, minute);
                    let (used, lower, refused) = (vcpu(used), vcpu(lower), vcpu(refused));
                    expected.push(format!("{}|{account}|{resource}|{used}|{lower}|{refused}|{tasks}", instant(minute)));
                }
            }
        }
        expected.sort_unstable();
        if let Some((found, expected)) = found.iter().zip(&expected).find(|(found, expected)| found != expected) {
            let account: usize = expected.split('|').nth(1).unwrap().parse().unwrap();
            panic!("round {round}: found {found}, expected {expected}, of {:?}", histories[account]);
        }
        assert_eq!(found.len(), expected.len());
        compared += histories.len();
    }
    assert_eq!(compared, 2000);
}

#[test]
fn peaks_are_found_without_writing_all_levels() {
    let mut random = Random(57);
    let resources = [(false, "fargate_vcpu"), (true, "fargate_spot_vcpu")];
    for round in 0..3 {
        let histories: Vec<_> = (0..250).map(|_| history(&mut random)).collect();
        let all: Vec<Row<'_>> = histories.iter().enumerate().flat_map(|(account, history)| rows(account, history)).collect();
        let session = packed(&all, 1 + round);
        let ask = |shown: &str, window: &str| {
            let query = format!(
                "quota where resource in (fargate_vcpu, fargate_spot_vcpu) by account, resource show {shown} {window} limit 100000"
            );
            let mut rows = lines(&try_ask(&session, &query, false).unwrap_or_else(|error| panic!("{query}: {error}")));
            rows.sort_unstable();
            rows
        };
        let mut expected = Vec::new();
        for (account, history) in histories.iter().enumerate() {
            for (spot, resource) in resources {
                let own: Vec<Span> = spans(history).into_iter().filter(|span| span.spot == spot).collect();
                let levels: Vec<[i64; 4]> = instants(&own).into_iter().map(|minute| level(&own, minute)).collect();
                let used = levels.iter().map(|[used, ..]| *used).max();
                let needed = levels.iter().map(|[used, _, refused, _]| used + refused).max();
                if let (Some(used), Some(needed)) = (used, needed) {
                    expected.push(format!("{account}|{resource}|{}|{}", vcpu(used), vcpu(needed)));
                }
            }
        }
        expected.sort_unstable();
        assert_eq!(ask("max(used), max(needed)", ""), expected);
        let view = (nouns::noun("quota").unwrap().view)(ViewRequest { peaks: true, ..ViewRequest::default() });
        let reported =
            format!("select max(n), count(*) from (select count(*) as n from ({view}) where used > 0 or needed > 0 group by id)");
        let reported = lines(&wait(run::sql(&session, &reported)).unwrap());
        let used = expected.iter().filter(|row| !row.ends_with("|0.0|0.0")).count();
        assert_eq!(reported, [format!("2|{used}")], "most rows of a pool, and pools");
        // If rows are counted as well, all rows are returned, and the peaks are the same in every window.
        for _ in 0..4 {
            let from = random.below(60);
            let window = format!("since {} until {}", instant(from), instant(from + 1 + random.below(20)));
            let counted = ask("max(used), max(needed), count", &window);
            let uncounted = counted.iter().map(|row| row.rsplit_once('|').unwrap().0);
            assert_eq!(ask("max(used), max(needed)", &window), uncounted.collect::<Vec<_>>(), "{window}");
        }
    }
}

#[test]
fn buckets_hold_the_levels_that_reach_into_them() {
    let mut random = Random(31);
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    for round in 0..12 {
        // Hours instead of minutes: intervals of days, across the night with 25 hours.
        let stretch = |(mut reported, _): (Vec<Reported>, Vec<Refusal>)| {
            for event in &mut reported {
                event.spot = false;
                for time in [&mut event.created, &mut event.early, &mut event.stopped].into_iter().flatten() {
                    *time *= 60;
                }
                event.at *= 60;
            }
            (reported, Vec::new())
        };
        let histories: Vec<_> = (0..30).map(|_| stretch(history(&mut random))).collect();
        let all = histories.iter().enumerate().flat_map(|(account, history)| rows(account, history)).collect();
        let session = tables(all, 1 + round % 3);
        let query = checked_in(
            "quota where resource = fargate_vcpu by account every 1d nofill between 2025-10-26 and 2025-10-28 limit 100000",
            "Europe/Berlin",
        );
        let answer = wait(run::answer(&session, &query, options(false))).unwrap();
        let mut found = lines(&answer);
        found.sort_unstable();
        let days = [26, 27].map(|day| jiff::civil::date(2025, 10, day).to_zoned(zone.clone()).unwrap());
        let mut expected = Vec::new();
        for (account, history) in histories.iter().enumerate() {
            let own = spans(history);
            let Some(first) = instants(&own).first().copied() else { continue };
            for day in &days {
                let edge = |zoned: &jiff::Zoned| (zoned.timestamp().as_microsecond() - base()).div_euclid(MINUTE);
                let (from, to) = (edge(day), edge(&day.checked_add(1.day()).unwrap()));
                let peak = (from.max(first)..to).map(|minute| level(&own, minute)[0]).max();
                if let Some(peak) = peak {
                    expected.push(format!("{}|{account}|{}", day.timestamp(), vcpu(peak)));
                }
            }
        }
        expected.sort_unstable();
        assert_eq!(found, expected, "round {round}");
    }
}

#[test]
fn limits_change_when_they_do_and_the_first_breach_is_found() {
    let task = |number: i64, created: i64| Reported {
        task: number,
        at: created,
        created: Some(created),
        early: None,
        stopped: None,
        status: "RUNNING",
        cpu: 1024,
        spot: false,
        caller: 0,
    };
    let refusal = Refusal { id: "r".to_owned(), at: 7, caller: 1, missing: 1, cpu: 1024, spot: false };
    let session = tables(rows(0, &(vec![task(0, 1), task(1, 5)], vec![refusal])), 2);
    let quota = |since: Option<i64>, limit: f64| Quota {
        resource: "fargate_vcpu".to_owned(),
        account: None,
        region: Some("eu-west-1".to_owned()),
        cluster: None,
        service: None,
        since: since.map(|minute| base() + minute * MINUTE),
        limit,
    };
    let limits = vec![quota(None, 2.0), quota(Some(10), 4.0)];
    set_quotas(&session, Quotas { limits: limits.clone(), what_if: WhatIf::default() });
    let ask = |query: &str| lines(&try_ask(&session, query, false).unwrap());
    let curve = "quota where resource = fargate_vcpu show time, used, needed, allowed, over sort time";
    let at = |minute: i64, rest: &str| format!("{}|{rest}", instant(minute));
    let expected = [
        at(1, "1.0|1.0|2.0|0.0"),
        at(5, "2.0|2.0|2.0|0.0"),
        at(7, "2.0|3.0|2.0|1.0"),
        at(10, "2.0|3.0|4.0|0.0"),
        at(22, "2.0|2.0|4.0|0.0"),
    ];
    assert_eq!(ask(curve), expected);
    let breach = "quota where resource = fargate_vcpu and over > 0 show first(time), sum(duration)";
    assert_eq!(ask(breach), [at(7, "180.0")]);
    let what_if = WhatIf { limit: Some(2.5), spot_limit: None, task_vcpu: Some(0.5) };
    set_quotas(&session, Quotas { limits, what_if });
    assert_eq!(ask("quota where resource = fargate_vcpu show max(needed), max(allowed), max(over)"), ["1.5|2.5|0.0"]);
}

/// A task of an instance, times in seconds.
#[derive(Debug, Clone, Copy)]
struct Placed {
    created: i64,
    pulled: Option<i64>,
    stopping: Option<i64>,
    stopped: Option<i64>,
    cpu: i64,
    deployment: i64,
}

const SECOND: i64 = 1_000_000;
const LEAST: i64 = 5;
const REGISTERED: i64 = 2048;

fn placed(random: &mut Random) -> Vec<Placed> {
    let task = |random: &mut Random| {
        let created = random.below(40);
        let pulled = (!random.one_in(4)).then(|| created + random.below(25));
        let stopping = random.one_in(2).then(|| created + random.below(30));
        let least = pulled.unwrap_or(created).max(stopping.unwrap_or(created));
        let stopped = (!random.one_in(5)).then(|| least + random.below(25));
        Placed { created, pulled, stopping, stopped, cpu: [512, 1024][random.below(2) as usize], deployment: random.below(2) }
    };
    (0..1 + random.below(6)).map(|_| task(random)).collect()
}

/// Stalls computed for each second: start, end, deployment, waiting tasks, stopping tasks, CPU needed.
fn blocked(tasks: &[Placed], last: i64) -> Vec<(i64, i64, i64, usize, usize, i64)> {
    let end = |task: &Placed| task.stopped.unwrap_or(last);
    let waits = |task: &Placed, at: i64| {
        let until = [task.pulled, task.stopping, Some(end(task))].into_iter().flatten().min().unwrap();
        task.created <= at && at < until
    };
    let leaves = |task: &Placed, at: i64| task.stopping.is_some_and(|from| from.max(task.created) <= at && at < end(task));
    let needed = |at: i64| tasks.iter().filter(|task| task.created <= at && at < end(task)).map(|task| task.cpu).sum::<i64>();
    let mut runs: BTreeMap<i64, Vec<(i64, i64, usize)>> = BTreeMap::new();
    for (index, task) in tasks.iter().enumerate() {
        let mut from = None;
        for at in 0..=last {
            let now = at < last && waits(task, at) && needed(at) > REGISTERED && tasks.iter().any(|other| leaves(other, at));
            match (from, now) {
                (None, true) => from = Some(at),
                (Some(begin), false) => {
                    if at - begin >= LEAST {
                        runs.entry(task.deployment).or_default().push((begin, at, index));
                    }
                    from = None;
                }
                _ => {}
            }
        }
    }
    let mut stalls = Vec::new();
    for (deployment, mut runs) in runs {
        runs.sort_unstable();
        let mut merged: Vec<(i64, i64, BTreeSet<usize>)> = Vec::new();
        for (from, to, task) in runs {
            match merged.last_mut() {
                Some((_, end, tasks)) if from <= *end => {
                    *end = to.max(*end);
                    tasks.insert(task);
                }
                _ => merged.push((from, to, BTreeSet::from([task]))),
            }
        }
        for (from, to, waiting) in merged {
            let stopping = tasks.iter().filter(|task| (from..to).any(|at| leaves(task, at))).count();
            let most = (from..to).map(needed).max().unwrap();
            stalls.push((from, to, deployment, waiting.len(), stopping, most));
        }
    }
    stalls.sort_unstable();
    stalls
}

#[test]
fn stalls_are_what_watching_every_second_finds() {
    let mut random = Random(47);
    let anchor = crate::plan::tests::fixture::at("12:00:00");
    let last = 120;
    let start = anchor - last * SECOND;
    let time = |second: i64| start + second * SECOND;
    let (mut compared, mut stalled) = (0, 0);
    for round in 0..8 {
        let histories: Vec<Vec<Placed>> = (0..250).map(|_| placed(&mut random)).collect();
        let mut all = Vec::new();
        for (number, tasks) in histories.iter().enumerate() {
            let instance = format!("ci{number:03}");
            all.push(Row::from(InstanceEvent {
                id: text(format!("i-{number}")),
                time: Some(time(random.below(60))),
                account: text("1"),
                region: text("eu-west-1"),
                cluster: text("c"),
                container_instance: text(instance.clone()),
                registered_cpu: Some(REGISTERED),
                registered_memory: Some(1 << 20),
                ..InstanceEvent::default()
            }));
            for (index, task) in tasks.iter().enumerate() {
                let event = |nth: i64, at: i64, status: &'static str| TaskEvent {
                    id: text(format!("{number}-{index}-{nth}")),
                    time: Some(time(at)),
                    account: text("1"),
                    region: text("eu-west-1"),
                    cluster: text("c"),
                    container_instance: text(instance.clone()),
                    task_arn: text(format!("{number}/{index}")),
                    task: text(format!("t{index}")),
                    last_status: text(status),
                    desired_status: text("RUNNING"),
                    started_by: text(format!("d{}", task.deployment)),
                    created_at: Some(time(task.created)),
                    cpu: Some(task.cpu),
                    memory: Some(task.cpu),
                    ..TaskEvent::default()
                };
                let mut own = vec![event(0, task.created, "PENDING")];
                if let Some(pulled) = task.pulled {
                    own.push(TaskEvent { pull_started_at: Some(time(pulled)), ..event(1, pulled, "RUNNING") });
                }
                if let Some(stopping) = task.stopping {
                    // Shown by `stoppingAt`, or only by the desired status.
                    let known = (!random.one_in(3)).then(|| time(stopping));
                    let pulled = task.pulled.filter(|pulled| *pulled <= stopping);
                    let status = if pulled.is_some() { "RUNNING" } else { "PENDING" };
                    let pull_started_at = pulled.map(time);
                    own.push(TaskEvent {
                        stopping_at: known,
                        desired_status: text("STOPPED"),
                        pull_started_at,
                        ..event(2, stopping, status)
                    });
                }
                if let Some(stopped) = task.stopped {
                    let pull_started_at = task.pulled.map(time);
                    own.push(TaskEvent {
                        stopped_at: Some(time(stopped)),
                        stopping_at: task.stopping.map(time),
                        desired_status: text("STOPPED"),
                        pull_started_at,
                        ..event(3, stopped, "STOPPED")
                    });
                }
                if random.one_in(3) {
                    own.push(TaskEvent { id: text(format!("{number}-{index}-9")), ..event(0, task.created, "PENDING") });
                }
                for _ in 0..random.below(3) {
                    own.rotate_left(1);
                }
                all.extend(own.into_iter().map(Row::from));
            }
        }
        let session = tables(all, 1 + round % 3);
        set_min_blocked(&session, std::time::Duration::from_secs(LEAST as u64));
        let query = "stalls show container_instance, time, ended_at, deployment, pending, stopping, needed_cpu limit 100000";
        let mut found = lines(&try_ask(&session, query, false).unwrap());
        found.sort_unstable();
        let shown = |second: i64| Timestamp::from_microsecond(time(second)).unwrap().to_string().replace("2026-03-04T", "");
        let mut expected: Vec<String> = Vec::new();
        for (number, tasks) in histories.iter().enumerate() {
            for (from, to, deployment, pending, stopping, needed) in blocked(tasks, last) {
                expected.push(format!("ci{number:03}|{}|{}|d{deployment}|{pending}|{stopping}|{needed}", shown(from), shown(to)));
            }
        }
        expected.sort_unstable();
        if let Some((found, expected)) = found.iter().zip(&expected).find(|(found, expected)| found != expected) {
            let number: usize = expected[2..5].parse().unwrap();
            panic!("round {round}: found {found}, expected {expected}, of {:?}", histories[number]);
        }
        assert_eq!(found.len(), expected.len());
        compared += histories.len();
        stalled += expected.len();
    }
    assert!(compared == 2000 && stalled > 100, "{compared} histories, {stalled} stalls");
}
