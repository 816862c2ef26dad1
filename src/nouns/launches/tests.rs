//! Tests launches and schedules on generated histories, compared with a naive computation for each call.

use std::collections::BTreeMap;

use crate::plan::tests::fixture::{at, checked, lines, options, packed, tables, try_ask, wait};
use crate::run;
use crate::table::{Call, Row};

/// A xorshift generator, so that histories are reproducible.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    pub(crate) fn between(&mut self, least: i64, most: i64) -> i64 {
        least + self.below((most - least + 1) as u64) as i64
    }
}

/// A call as the oracle sees it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub id: String,
    /// Each history has a cluster of its own.
    pub cluster: String,
    /// Seconds.
    pub time: i64,
    pub started_by: &'static str,
    pub user: String,
    pub asked: i64,
    pub missing: i64,
    pub overrides: Option<&'static str>,
}

pub(crate) fn row(call: &Asked) -> Row<'static> {
    let failed = call.missing > 0;
    Call {
        id: Some(call.id.clone().into()),
        time: Some(call.time * 1_000_000),
        event_source: Some("ecs.amazonaws.com".into()),
        event_name: Some("RunTask".into()),
        account: Some("1".into()),
        region: Some("r".into()),
        cluster: Some(call.cluster.clone().into()),
        family: Some("f".into()),
        started_by: Some(call.started_by.into()),
        user: Some(call.user.clone().into()),
        asked: Some(call.asked),
        placed: Some(call.asked - call.missing),
        missing: Some(call.missing),
        failed: Some(failed),
        failure_reasons: failed.then(|| "AGENT".into()),
        overrides: call.overrides.map(Into::into),
        ..Call::default()
    }
    .into()
}

fn start() -> i64 {
    at("2026-01-12T00:00:00Z") / 1_000_000
}

/// Irregular calls: few callers and few minutes, so that ties, open launches and the 30-minute limit are common.
fn irregular(random: &mut Random, cluster: &str) -> Vec<Asked> {
    let mut calls: Vec<Asked> = (0..random.below(12))
        .map(|number| {
            let asked = random.between(1, 3);
            let started_by = ["AWS Step Functions", "ci", "airflow"][random.below(3) as usize];
            Asked {
                id: format!("{cluster}-{number:02}"),
                cluster: cluster.to_owned(),
                // Never the same interval three times in a row, so there is no schedule to find.
                time: start() + random.between(0, 7) * 600 + random.between(0, 1) * 7,
                started_by,
                user: format!("role/{}", random.below(2)),
                asked,
                missing: [0, 0, asked, asked, 1][random.below(5) as usize],
                overrides: [None, None, Some("x"), Some("y")][random.below(4) as usize],
            }
        })
        .collect();
    calls.sort_by(|left, right| (left.time, &left.id).cmp(&(right.time, &right.id)));
    calls
}

/// Launches of irregular callers, computed call by call: `first|attempts|failures|outcome|healed by|missing`.
fn folded_slowly(calls: &[Asked]) -> Vec<String> {
    let mut launches: Vec<(Vec<usize>, i64, Option<usize>)> = Vec::new();
    for (place, call) in calls.iter().enumerate() {
        let takes = |(members, missing, _): &&(Vec<usize>, i64, Option<usize>)| {
            let (first, last) = (&calls[members[0]], &calls[*members.last().unwrap()]);
            let who = call.started_by == "AWS Step Functions" || call.started_by == first.started_by || call.user == first.user;
            let work = call.overrides.is_none() || first.overrides.is_none() || call.overrides == first.overrides;
            *missing > 0 && call.time - last.time <= 1800 && who && work && call.asked <= *missing
        };
        let candidates: Vec<usize> = (0..launches.len()).filter(|index| takes(&&launches[*index])).collect();
        let session = candidates.iter().find(|index| calls[launches[**index].0[0]].user == call.user);
        match session.or(candidates.first()) {
            Some(index) => {
                let launch = &mut launches[*index];
                launch.0.push(place);
                launch.1 -= call.asked - call.missing;
                if launch.1 == 0 {
                    launch.2 = Some(place);
                }
            }
            None => launches.push((vec![place], call.missing, None)),
        }
    }
    let line = |(members, missing, healed): &(Vec<usize>, i64, Option<usize>)| {
        let failures = members.iter().filter(|place| calls[**place].missing > 0).count();
        let outcome = match (healed, missing) {
            (Some(_), _) => "healed",
            (None, 0) => "started",
            _ => "lost",
        };
        let healed = healed.map_or(".", |place| calls[place].id.as_str());
        format!("{}|{}|{failures}|{outcome}|{healed}|{missing}", calls[members[0]].id, members.len())
    };
    let mut lines: Vec<String> = launches.iter().map(line).collect();
    lines.sort();
    lines
}

/// Rows in random order.
fn shuffled(random: &mut Random, calls: &[Asked]) -> Vec<Row<'static>> {
    let mut stored: Vec<&Asked> = calls.iter().collect();
    for place in (1..stored.len()).rev() {
        stored.swap(place, random.below(place as u64 + 1) as usize);
    }
    stored.into_iter().map(row).collect()
}

#[test]
fn irregular_calls_fold_as_they_do_one_by_one() {
    let mut random = Random(3);
    let histories: Vec<Vec<Asked>> = (0..3000).map(|number| irregular(&mut random, &format!("h{number:04}"))).collect();
    let session = packed(&shuffled(&mut random, &histories.concat()), 3);
    let query = "launches show id, attempts, failures, outcome, healed_by, missing, regular sort id limit 100000";
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines(&try_ask(&session, query, false).unwrap()) {
        found.entry(line.split('-').next().unwrap().to_owned()).or_default().push(line);
    }
    let (mut healed, mut lost, mut joined, mut skipped) = (0, 0, 0, 0);
    for calls in histories.iter().filter(|calls| !calls.is_empty()) {
        let found = &found[&calls[0].cluster];
        // Another test covers callers that look regular by chance.
        if found.iter().any(|line| line.ends_with("true")) {
            skipped += 1;
            continue;
        }
        let found: Vec<&str> = found.iter().map(|line| line.trim_end_matches("|false")).collect();
        let expected = folded_slowly(calls);
        assert_eq!(found, expected, "{calls:#?}");
        healed += expected.iter().filter(|line| line.contains("healed")).count();
        lost += expected.iter().filter(|line| line.contains("lost")).count();
        joined += calls.len() - expected.len();
    }
    assert!(healed > 500 && lost > 2000 && joined > 1000 && skipped < 30, "{healed} {lost} {joined} {skipped}");
}

/// The planted outcome of an expected start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Planted {
    Started,
    Late,
    Healed,
    Lost,
    LostAgain,
    NoRecord,
}

/// A regular caller with planted outcomes: the calls, and the expected result for each start.
fn regular(random: &mut Random, cluster: &str, period: i64, slots: usize, retrier: bool) -> (Vec<Asked>, Vec<(i64, Planted)>) {
    let started_by = if retrier { "AWS Step Functions" } else { "events-rule/job" };
    let (mut calls, mut planted) = (Vec::new(), Vec::new());
    let first = start() + random.between(0, 59) * 60;
    for slot in 0..slots {
        let expected = first + slot as i64 * period;
        let what = match random.below(20) {
            // The last slot has a start, so that the schedule is known to continue until then.
            _ if slot == 0 || slot + 1 == slots => Planted::Started,
            0 => Planted::NoRecord,
            1 => Planted::Lost,
            2 => Planted::LostAgain,
            3 => Planted::Healed,
            4 if period >= 900 => Planted::Late,
            _ => Planted::Started,
        };
        planted.push((expected, what));
        let mut call = |time: i64, missing: i64, started_by: &'static str| {
            let id = format!("{cluster}-{:05}", calls.len());
            let (cluster, user) = (cluster.to_owned(), "role/x".to_owned());
            calls.push(Asked { id, cluster, time, started_by, user, asked: 1, missing, overrides: None });
        };
        let time = expected + random.between(1, 40);
        match what {
            Planted::NoRecord => {}
            Planted::Started => call(time, 0, started_by),
            Planted::Late => call(expected + random.between(301, period / 2), 0, started_by),
            Planted::Lost => call(time, 1, started_by),
            Planted::LostAgain => {
                call(time, 1, started_by);
                call(time + 60, 1, "AWS Step Functions");
            }
            Planted::Healed => {
                call(time, 1, started_by);
                call(time + 60, 1, "AWS Step Functions");
                call(time + 150, 0, "AWS Step Functions");
            }
        }
    }
    (calls, planted)
}

#[test]
fn planted_slots_are_found() {
    let mut random = Random(5);
    let mut histories = Vec::new();
    for round in 0..240 {
        let (period, slots) = [(900, 200), (3600, 60), (600, 120), (86_400, 40), (7200, 34), (1380, 150)][round % 6];
        let cluster = format!("h{round:03}");
        let (calls, planted) = regular(&mut random, &cluster, period, slots, round % 4 == 1);
        histories.push((cluster, period, calls, planted));
    }
    let calls: Vec<Asked> = histories.iter().flat_map(|(_, _, calls, _)| calls.clone()).collect();
    let session = packed(&shuffled(&mut random, &calls), 3);
    let by_cluster = |query: &str| {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in lines(&try_ask(&session, query, false).unwrap()) {
            let (cluster, rest) = line.split_once('|').unwrap();
            found.entry(cluster.to_owned()).or_default().push(rest.to_owned());
        }
        found
    };
    let slots = by_cluster("schedules show cluster, expected_at, state, why sort expected_at limit 1000000");
    let launches = by_cluster("launches by cluster show count, lost, healed");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (cluster, period, _, planted) in &histories {
        let mut expected = Vec::new();
        for (time, what) in planted {
            let (state, why) = match what {
                Planted::Started => ("started", "."),
                Planted::Late => ("late", "."),
                Planted::Healed => ("healed", "AGENT"),
                Planted::Lost | Planted::LostAgain => ("missed", "AGENT"),
                Planted::NoRecord => ("missed", "no record"),
            };
            *counts.entry(format!("{what:?}")).or_default() += 1;
            expected.push(format!("{}|{state}|{why}", jiff::Timestamp::from_second(*time).unwrap()));
        }
        // Starts are expected after the last start, and the result shows whether others called in that hour.
        let reported = slots.get(cluster).cloned().unwrap_or_default();
        let reported: Vec<String> = reported
            .iter()
            .take(expected.len())
            .map(|line| line.replace(": not called", "").replace(": not in this export", ""))
            .collect();
        assert_eq!(reported, expected, "every {period} s, {planted:?}");
        // The launches agree, and no start heals the previous one.
        let count = |some: &[Planted]| planted.iter().filter(|(_, what)| some.contains(what)).count();
        let lost = count(&[Planted::Lost, Planted::LostAgain]);
        let all = planted.len() - count(&[Planted::NoRecord]);
        assert_eq!(launches[cluster], [format!("{all}|{lost}|{}", count(&[Planted::Healed]))]);
    }
    assert!(counts.len() == 6 && counts.values().all(|count| *count > 500), "{counts:?}");
}

/// Calls of one caller at the given times.
fn calls_at(times: &[&str]) -> Vec<Row<'static>> {
    let call = |(number, time): (usize, &&str)| {
        row(&Asked {
            id: format!("c{number:03}"),
            cluster: "c".to_owned(),
            time: at(time) / 1_000_000,
            started_by: "chronos-schedule/report",
            user: "scheduler/x".into(),
            asked: 1,
            missing: 0,
            overrides: None,
        })
    };
    times.iter().enumerate().map(call).collect()
}

#[test]
fn no_launches_are_explained_by_the_launches_there_are() {
    let session = tables(calls_at(&["2026-03-04T01:00:00Z", "2026-03-04T01:07:00Z", "2026-02-01T00:00:00Z"]), 2);
    let why = |text: &str| wait(run::explain_empty(&session, &checked(text), options(false), None)).unwrap().join("\n");
    assert_eq!(
        why("launches where outcome = stardet and cluster = c by family since 1d"),
        "2 launches in the window\n`outcome = stardet` removed all rows; nearest values: started (2)"
    );
    assert_eq!(
        why("launches where cluster = c and reason = AGENT since 1d"),
        "2 launches in the window\n`reason = AGENT` removed all rows: `reason` has no value in any of these launches"
    );
    assert_eq!(why("launches where cluster = c since 1h"), "no launches in the window, 3 outside it");
    let later = why("launches by family | where count > 3");
    assert_eq!(later, "3 launches in the window\na later stage removed all rows");
}

fn schedules(times: &[&str], show: &str) -> Vec<String> {
    let session = tables(calls_at(times), 2);
    lines(&try_ask(&session, &format!("schedules show {show} sort expected_at limit 1000"), false).unwrap())
}

#[test]
fn a_time_of_day_keeps_to_the_clock_of_its_zone() {
    // New York puts its clocks forward on 2026-03-08, after the anchor, so this uses the opposite change on
    // 2025-11-02.
    let days: Vec<String> = (27..=31)
        .map(|day| format!("2025-10-{day}T13:30:05Z"))
        .chain((3..=9).filter(|day| *day != 6).map(|day| format!("2025-11-{day:02}T14:30:05Z")))
        .filter(|time| !time.starts_with("2025-11-08") && !time.starts_with("2025-11-09"))
        .collect();
    let days: Vec<&str> = days.iter().map(String::as_str).collect();
    let found = schedules(&days, "expected_at, state, frequency");
    let missed: Vec<&String> = found.iter().filter(|line| line.contains("missed") && line.as_str() < "2025-11-08").collect();
    assert_eq!(missed, ["2025-11-06T14:30:00Z|missed|Mon-Fri at 09:30 (America/New_York)"], "{found:#?}");
    assert!(!found.iter().any(|line| line.starts_with("2025-11-01") || line.starts_with("2025-11-02")), "{found:#?}");
}

#[test]
fn a_time_that_the_clock_skips_is_not_missed() {
    // 02:30 does not exist in New York on 2025-03-09.
    let days = ["05T07:30:01", "06T07:30:01", "07T07:30:01", "08T07:30:01", "10T06:30:01", "11T06:30:01", "12T06:30:01"];
    let days: Vec<String> = days.iter().map(|day| format!("2025-03-{day}Z")).collect();
    let found = schedules(&days.iter().map(String::as_str).collect::<Vec<_>>(), "expected_at, state");
    let inside: Vec<&String> = found.iter().filter(|line| line.as_str() < "2025-03-13").collect();
    assert_eq!(inside.len(), 7, "{found:#?}");
    assert!(inside.iter().all(|line| line.ends_with("started")), "{found:#?}");
}

#[test]
fn irregular_callers_have_no_schedule() {
    let mut random = Random(9);
    let mut calls = Vec::new();
    for history in 0..1000 {
        let bursts = random.below(2) == 1;
        let mut time = start();
        for number in 0..random.between(2, 30) {
            // Anywhere within three days, or in bursts a few seconds apart.
            time = match (bursts, random.below(4)) {
                (false, _) => start() + random.between(0, 3 * 86_400),
                (true, 0) => time + random.between(3600, 86_400),
                (true, _) => time + random.between(5, 20),
            };
            let missing = random.below(2) as i64;
            calls.push(Asked {
                id: format!("h{history:03}-{number:02}"),
                cluster: format!("h{history:03}"),
                time,
                started_by: "airflow",
                user: "airflow/x".into(),
                asked: 1,
                missing,
                overrides: None,
            });
        }
    }
    let session = packed(&shuffled(&mut random, &calls), 3);
    let found = lines(&try_ask(&session, "schedules by cluster, frequency show count", false).unwrap());
    // By chance, a few of a thousand look regular.
    assert!(found.len() <= 3, "{found:#?}");
}

#[test]
fn what_a_schedule_is_called_and_why_it_missed_depends_on_what_is_recorded() {
    let days = ["2026-02-20", "2026-02-21", "2026-02-22", "2026-02-24", "2026-02-26", "2026-02-27", "2026-02-28"];
    let times: Vec<String> = days.iter().map(|day| format!("{day}T03:00:04Z")).collect();
    let mut rows = calls_at(&times.iter().map(String::as_str).collect::<Vec<_>>());
    // Other records exist in the hour of the first missed start.
    let other = Call {
        id: Some("other".into()),
        time: Some(at("2026-02-23T03:59:59Z")),
        account: Some("1".into()),
        region: Some("r".into()),
        ..Call::default()
    };
    rows.push(other.into());
    let session = tables(rows, 2);
    let query = "schedules where state = missed until 2026-03-01 show expected_at, schedule, frequency, why sort expected_at";
    let found = lines(&try_ask(&session, query, false).unwrap());
    assert_eq!(
        found,
        [
            "2026-02-23T03:00:00Z|report|daily at 03:00|no record: not called",
            "2026-02-25T03:00:00Z|report|daily at 03:00|no record: not in this export",
        ]
    );
    // Starts without a call are expected because of the calls before and after them.
    let query = "schedules where state = missed until 2026-03-01 show expected_at sort expected_at";
    assert_eq!(
        lines(&try_ask(&session, query, true).unwrap()),
        ["2026-02-23T03:00:00Z|[c002, c003]", "2026-02-25T03:00:00Z|[c003, c004]"]
    );
}
