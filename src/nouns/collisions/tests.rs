//! Tests collisions on generated clusters, compared with the planted causes and with random data.

use std::collections::BTreeMap;

use crate::nouns::launches::tests::Random;
use crate::plan::tests::fixture::{at, lines, packed, tables, try_ask};
use crate::table::{Call, Failure, InstanceEvent, Row};

const SECOND: i64 = 1_000_000;

fn start() -> i64 {
    at("2026-02-01T00:00:00Z")
}

/// An event of instance `i` of a cluster.
#[derive(Clone)]
struct Reported {
    time: i64,
    connected: Option<bool>,
    agent: &'static str,
    update: Option<&'static str>,
    status: &'static str,
    tasks: i64,
}

const CONNECTED: Reported = Reported { time: 0, connected: Some(true), agent: "1.0.0", update: None, status: "ACTIVE", tasks: 1 };

/// A cluster with one instance.
#[derive(Default)]
struct Cluster {
    name: String,
    rows: Vec<Row<'static>>,
    events: i64,
    calls: usize,
}

impl Cluster {
    fn new(name: String) -> Self {
        Cluster { name, ..Cluster::default() }
    }

    fn event(&mut self, reported: Reported) {
        self.events += 1;
        self.rows.push(
            InstanceEvent {
                id: Some(format!("{}-e{:05}", self.name, self.events).into()),
                time: Some(reported.time),
                account: Some("1".into()),
                region: Some("r".into()),
                cluster: Some(self.name.clone().into()),
                container_instance: Some("i".into()),
                container_instance_arn: Some(format!("{}/i", self.name).into()),
                version: Some(self.events),
                status: Some(reported.status.into()),
                agent_connected: reported.connected,
                agent_version: Some(reported.agent.into()),
                agent_hash: Some("abc".into()),
                agent_update_status: reported.update.map(Into::into),
                running_tasks: Some(reported.tasks),
                source: Some("eventbridge".into()),
                ..InstanceEvent::default()
            }
            .into(),
        );
    }

    /// The agent disconnects for a while, and reconnects with a version.
    fn gap(&mut self, from: i64, to: i64, agent: (&'static str, &'static str)) {
        self.event(Reported { time: from, connected: Some(false), agent: agent.0, ..CONNECTED });
        self.event(Reported { time: to, agent: agent.1, ..CONNECTED });
    }

    fn call(&mut self, time: i64, name: &'static str) {
        self.calls += 1;
        self.rows.push(
            Call {
                id: Some(format!("{}-x{:05}", self.name, self.calls).into()),
                container_instance: Some("i".into()),
                event_name: Some(name.into()),
                ..self.base(time)
            }
            .into(),
        );
    }

    fn base(&self, time: i64) -> Call<'static> {
        Call {
            time: Some(time),
            event_source: Some("ecs.amazonaws.com".into()),
            account: Some("1".into()),
            region: Some("r".into()),
            cluster: Some(self.name.clone().into()),
            ..Call::default()
        }
    }

    /// A task start; a failed one gets AGENT. Returns its id.
    fn start(&mut self, time: i64, started_by: &'static str, failed: bool, instance: bool) -> String {
        self.calls += 1;
        let id = format!("{}-x{:05}", self.name, self.calls);
        let call = Call {
            id: Some(id.clone().into()),
            event_name: Some("RunTask".into()),
            family: Some("f".into()),
            started_by: Some(started_by.into()),
            asked: Some(1),
            placed: Some(i64::from(!failed)),
            missing: Some(i64::from(failed)),
            failed: Some(failed),
            failure_reasons: failed.then(|| "AGENT".into()),
            container_instance: (!failed).then(|| "i".into()),
            ..self.base(time)
        };
        self.rows.push(call.into());
        if failed {
            let failure = Failure {
                id: Some(id.clone().into()),
                record: Some(id.clone().into()),
                call: Some(id.clone().into()),
                time: Some(time),
                kind: Some("launch".into()),
                reason: Some("AGENT".into()),
                event_name: Some("RunTask".into()),
                account: Some("1".into()),
                region: Some("r".into()),
                cluster: Some(self.name.clone().into()),
                family: Some("f".into()),
                started_by: Some(started_by.into()),
                container_instance: instance.then(|| "i".into()),
                ..Failure::default()
            };
            self.rows.push(failure.into());
        }
        id
    }
}

/// Plants a cause around a failure at some time; returns the expected class.
fn plant(random: &mut Random, cluster: &mut Cluster, number: u64) -> (String, &'static str) {
    let t = start() + random.between(1, 20) * 3600 * SECOND;
    // A failure can be recorded up to 60 s outside of the disconnect.
    let mut near = |from: i64, to: i64| random.between(from / SECOND - 60, to / SECOND + 60) * SECOND;
    let named = !number.is_multiple_of(3);
    cluster.event(Reported { time: start(), ..CONNECTED });
    let class = match number % 12 {
        0 => {
            cluster.call(t - 20 * SECOND, "UpdateContainerAgent");
            cluster.gap(t, t + 90 * SECOND, ("1.0.0", "1.1.0"));
            "update"
        }
        // No call: a new package or a new image.
        1 => {
            cluster.gap(t, t + 30 * SECOND, ("1.0.0", "1.1.0"));
            "update"
        }
        // The new version is not recorded, but an update was in progress.
        2 => {
            cluster.event(Reported { time: t, connected: Some(false), update: Some("UPDATING"), ..CONNECTED });
            cluster.event(Reported { time: t + 40 * SECOND, ..CONNECTED });
            "update"
        }
        3 => {
            cluster.gap(t, t + 25 * SECOND, ("1.0.0", "1.0.0"));
            cluster.call(t + 24 * SECOND, "RegisterContainerInstance");
            "restart"
        }
        4 => {
            cluster.gap(t, t + 2 * SECOND, ("1.0.0", "1.0.0"));
            "rotation"
        }
        // An update that finished earlier, even shortly before, does not count.
        5 => {
            cluster.call(t - 1500 * SECOND, "UpdateContainerAgent");
            cluster.gap(t - 1490 * SECOND, t - 1400 * SECOND, ("1.0.0", "1.1.0"));
            cluster.gap(t, t + 2 * SECOND, ("1.1.0", "1.1.0"));
            "rotation"
        }
        6 => {
            cluster.gap(t, t + 2400 * SECOND, ("1.0.0", "1.0.0"));
            "outage"
        }
        // It never reconnected, and the disconnect is recorded twice.
        7 => {
            cluster.event(Reported { time: t, connected: Some(false), ..CONNECTED });
            cluster.event(Reported { time: t + 5 * SECOND, connected: Some(false), tasks: 0, ..CONNECTED });
            "outage"
        }
        8 => {
            cluster.event(Reported { time: t, status: "DRAINING", ..CONNECTED });
            let id = cluster.start(t + 600 * SECOND, "rule", true, true);
            return (id, "draining");
        }
        // Only the same state again: the reconnect is not recorded.
        9 => {
            cluster.event(Reported { time: t, ..CONNECTED });
            "rotation"
        }
        // Far from everything.
        10 => {
            cluster.gap(t, t + 2 * SECOND, ("1.0.0", "1.0.0"));
            let id = cluster.start(t + 600 * SECOND, "rule", true, named);
            return (id, "unknown");
        }
        // An old event that arrives late does not hide the disconnect.
        _ => {
            cluster.event(Reported { time: t, connected: Some(false), ..CONNECTED });
            cluster.event(Reported { time: t - 7 * SECOND, connected: None, tasks: 7, ..CONNECTED });
            cluster.event(Reported { time: t + 45 * SECOND, ..CONNECTED });
            "rotation"
        }
    };
    let until = match number % 12 {
        0 => 90,
        1 => 30,
        2 => 40,
        3 => 25,
        4 | 5 => 2,
        6 => 2400,
        7 => 4000,
        9 => 0,
        _ => 45,
    };
    let time = near(t, t + until * SECOND);
    (cluster.start(time, "rule", true, named), class)
}

#[test]
fn what_was_planted_is_what_is_met() {
    let mut random = Random(17);
    let (mut rows, mut planted) = (Vec::new(), BTreeMap::new());
    for number in 0..1200 {
        let mut cluster = Cluster::new(format!("h{number:04}"));
        let (id, class) = plant(&mut random, &mut cluster, number);
        planted.insert(id, class);
        rows.append(&mut cluster.rows);
    }
    for place in (1..rows.len()).rev() {
        rows.swap(place, random.below(place as u64 + 1) as usize);
    }
    let session = packed(&rows, 3);
    let found = lines(&try_ask(&session, "collisions show id, class, basis limit 10000", false).unwrap());
    assert_eq!(found.len(), planted.len());
    for line in found {
        let (id, rest) = line.split_once('|').unwrap();
        assert!(rest.split('|').next() == Some(planted[id]), "{id} met {rest}, planted {}", planted[id]);
    }
}

/// Disconnects, and starts of which some fail at random, independent of the agent.
#[test]
fn chance_is_not_taken_for_a_cause() {
    let mut random = Random(23);
    let mut rows = Vec::new();
    for number in 0..20 {
        let mut cluster = Cluster::new(format!("h{number:02}"));
        for minute in 0..2000 {
            let t = start() + minute * 600 * SECOND;
            if minute % 3 == 0 {
                cluster.gap(t, t + 2 * SECOND, ("1.0.0", "1.0.0"));
            }
            let failed = random.below(25) == 0;
            cluster.start(t + random.between(0, 599) * SECOND, "rule", failed, true);
        }
        rows.append(&mut cluster.rows);
    }
    let session = packed(&rows, 3);
    let found = lines(
        &try_ask(
            &session,
            "collisions by class show count, min(p_value), avg(overall_lift), any(overall_p_value), any(next_at_risk)",
            false,
        )
        .unwrap(),
    );
    assert!(!found.iter().any(|line| line.starts_with("update") || line.starts_with("restart")), "{found:?}");
    let overall: Vec<&str> = found[0].split('|').collect();
    let (least, lift, p): (f64, f64, f64) =
        (overall[2].parse().unwrap(), overall[3].parse().unwrap(), overall[4].parse().unwrap());
    assert!((0.7..1.4).contains(&lift) && p > 0.01 && least > 0.0005, "{found:?}");
    // Almost no start hit a disconnect, and the result says so.
    let unknown = found.iter().find(|line| line.starts_with("unknown")).unwrap();
    let (unknown, all): (usize, usize) = (
        unknown.split('|').nth(1).unwrap().parse().unwrap(),
        found.iter().map(|line| line.split('|').nth(1).unwrap().parse::<usize>().unwrap()).sum(),
    );
    assert!(unknown * 10 > all * 8, "{found:?}");
}

#[test]
fn the_counts_behind_a_lift_are_those_of_a_plain_count() {
    let mut random = Random(29);
    for _ in 0..6 {
        let mut cluster = Cluster::new("c".to_owned());
        let (mut gaps, mut starts) = (Vec::new(), Vec::new());
        let mut t = start();
        for _ in 0..random.between(1, 40) {
            t += random.between(100, 3000) * SECOND;
            let end = t + random.between(1, 120) * SECOND;
            cluster.gap(t, end, ("1.0.0", "1.0.0"));
            gaps.push((t, end));
            t = end;
        }
        for _ in 0..random.between(1, 80) {
            let time = start() + random.between(0, (t - start()) / SECOND) * SECOND;
            let failed = random.below(3) == 0;
            cluster.start(time, "rule", failed, true);
            starts.push((time, failed));
        }
        cluster.start(start() + SECOND, "rule", true, true);
        starts.push((start() + SECOND, true));
        let inside = |time: i64| gaps.iter().any(|(from, to)| time >= from - 60 * SECOND && time <= to + 60 * SECOND);
        let count = |is_inside: bool, only_failed: bool| {
            starts.iter().filter(|(time, failed)| inside(*time) == is_inside && (*failed || !only_failed)).count()
        };
        let session = tables(std::mem::take(&mut cluster.rows), 2);
        let query = "collisions by inside_attempts, inside_failures, outside_attempts, outside_failures, series_failures, \
                     series_accepted show count";
        let found = lines(&try_ask(&session, query, false).unwrap());
        let failures = count(true, true) + count(false, true);
        let expected = format!(
            "{}|{}|{}|{}|{failures}|{}|{failures}",
            count(true, false),
            count(true, true),
            count(false, false),
            count(false, true),
            starts.len() - failures
        );
        assert_eq!(found, [expected]);
    }
}

#[test]
fn windows_that_recur_say_when_the_next_start_is_at_risk() {
    let mut cluster = Cluster::new("c".to_owned());
    let versions = ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0", "1.6.0", "1.7.0"];
    for quarter in 0..96 * 7 {
        let t = at("2026-02-25T00:00:00Z") + quarter * 900 * SECOND;
        // Every day at 03:00, an update collides with the start.
        let hit = quarter % 96 == 12;
        if hit {
            let day = (quarter / 96) as usize;
            cluster.gap(t - 10 * SECOND, t + 80 * SECOND, (versions[day], versions[day + 1]));
        }
        cluster.start(t + 5 * SECOND, "events-rule/x", hit, true);
    }
    let session = tables(std::mem::take(&mut cluster.rows), 2);
    let query = "collisions show class, series_failures, series_accepted, series_windows, series_class, minutes, hours, \
                 median_window, next_at_risk, outcome limit 1";
    let found = lines(&try_ask(&session, query, false).unwrap());
    // The newest event of the tests is on 2026-03-04 at noon.
    assert_eq!(found, ["update|7|665|7|update|00×7|03×7|90.0|2026-03-05T03:00:00Z|lost"]);
    let plain = lines(&try_ask(&session, "collisions show count, lost, healed, lift", false).unwrap());
    assert!(plain[0].starts_with("7|7|0|"), "{plain:?}");
}
