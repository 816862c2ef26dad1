//! Tests schedules that are neither a plain period nor a plain week, on generated histories with known expected
//! starts.

use std::collections::BTreeMap;

use crate::nouns::launches::tests::{Asked, Random, row};
use crate::plan::tests::fixture::{at, lines, packed, try_ask};

const DAY: i64 = 86_400;

/// A history of one caller, and `time|state|frequency` of each expected start up to the last actual one.
struct History {
    cluster: String,
    calls: Vec<Asked>,
    slots: Vec<String>,
}

impl History {
    fn new(cluster: String) -> History {
        History { cluster, calls: Vec::new(), slots: Vec::new() }
    }

    fn call(&mut self, time: i64) {
        let id = format!("{}-{:05}", self.cluster, self.calls.len());
        let (cluster, user) = (self.cluster.clone(), "role/x".to_owned());
        self.calls.push(Asked { id, cluster, time, started_by: "airflow", user, asked: 1, missing: 0, overrides: None });
    }

    /// An expected start with a number of starts; none = missed.
    fn slot(&mut self, random: &mut Random, time: i64, starts: usize, frequency: &str) {
        let state = if starts == 0 { "missed" } else { "started" };
        self.slots.push(format!("{}|{state}|{frequency}", jiff::Timestamp::from_second(time).unwrap()));
        let mut at = time + random.between(0, 30);
        for _ in 0..starts {
            self.call(at);
            at += random.between(1, 40);
        }
    }
}

/// The result for each history up to the planted end; starts are expected beyond the last one.
fn assert_as_planted(histories: &[History]) {
    let rows: Vec<_> = histories.iter().flat_map(|history| history.calls.iter().map(row)).collect();
    let session = packed(&rows, 3);
    let query = "schedules show cluster, expected_at, state, frequency sort expected_at limit 1000000";
    let mut reported: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines(&try_ask(&session, query, false).unwrap()) {
        let (cluster, rest) = line.split_once('|').unwrap();
        reported.entry(cluster.to_owned()).or_default().push(rest.to_owned());
    }
    for history in histories {
        let reported = reported.get(&history.cluster).cloned().unwrap_or_default();
        let reported: Vec<String> = reported.into_iter().take(history.slots.len()).collect();
        let differ = reported.iter().zip(&history.slots).position(|(reported, planted)| reported != planted);
        let around = |slots: &[String]| {
            slots.iter().skip(differ.unwrap_or_default().saturating_sub(3)).take(8).cloned().collect::<Vec<_>>()
        };
        assert!(
            reported == history.slots,
            "{}: found {:#?}, planted {:#?}",
            history.cluster,
            around(&reported),
            around(&history.slots)
        );
    }
}

fn clock(minute: i64) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

#[test]
fn every_few_days_is_not_a_schedule_of_weekdays() {
    let mut random = Random(11);
    let mut histories = Vec::new();
    for round in 0..120 {
        let step = [2, 3, 4, 5, 6, 9, 10, 14][round % 8];
        let minute = random.between(0, 1439);
        let mut history = History::new(format!("h{round:03}"));
        let first = at("2025-01-05T00:00:00Z") / 1_000_000 + random.between(0, 6) * DAY + minute * 60;
        let slots = 120 / step;
        for slot in 0..slots {
            // Every other history has bursts, every third has some days without a start.
            let burst = if round % 2 == 0 { random.between(2, 6) } else { 1 };
            let inside = slot > 2 && slot + 3 < slots;
            let missed = round % 3 == 0 && step < 6 && inside && slot % 7 == 3;
            let frequency = format!("every {step} days at {}", clock(minute));
            history.slot(&mut random, first + slot * step * DAY, if missed { 0 } else { burst as usize }, &frequency);
        }
        histories.push(history);
    }
    assert_as_planted(&histories);
    assert!(histories.iter().flat_map(|history| &history.slots).filter(|slot| slot.contains("missed")).count() > 50);
}

#[test]
fn days_by_no_rule_have_no_schedule() {
    let mut random = Random(13);
    let mut calls = Vec::new();
    for round in 0..300 {
        let mut history = History::new(format!("h{round:03}"));
        let noon = at("2025-01-01T12:00:00Z") / 1_000_000;
        if round % 3 == 0 {
            // The first of each month.
            let first = |month: i64| format!("2025-{month:02}-01T12:00:05Z");
            (1..=8).for_each(|month| history.call(at(&first(month)) / 1_000_000));
        } else {
            // Always at noon, but only on one in two or three days.
            let share = 2 + round as u64 % 2;
            (0..120).filter(|_| random.below(share) == 0).for_each(|day| history.call(noon + day * DAY));
        }
        calls.extend(history.calls);
    }
    let session = packed(&calls.iter().map(row).collect::<Vec<_>>(), 3);
    let found = lines(&try_ask(&session, "schedules by cluster, frequency show count, missed", false).unwrap());
    // By chance, a few look regular.
    assert!(found.len() <= 6, "{found:#?}");
}

#[test]
fn a_changed_period_holds_from_then_on() {
    let mut random = Random(17);
    let mut histories = Vec::new();
    let plans: &[&[i64]] = &[&[60, 30], &[30, 60], &[15, 60], &[60, 15], &[60, 30, 60], &[10, 5, 20], &[120, 60], &[90, 60]];
    for round in 0..160 {
        let plan = plans[round % plans.len()];
        let mut history = History::new(format!("h{round:03}"));
        let mut time = at("2025-01-05T00:00:00Z") / 1_000_000 + random.between(0, 59) * 60;
        let name = |period: &i64| match period {
            60 => "every 1h".to_owned(),
            90 => "every 1h30m".to_owned(),
            120 => "every 2h".to_owned(),
            period => format!("every {period}m"),
        };
        for (part, period) in plan.iter().enumerate() {
            let slots = random.between(30, 60);
            // The new interval counts from a new minute, or from the last start of the old one, which is its first.
            let offset = random.between(0, 4);
            for slot in 0..slots {
                let last = slot + 1 == slots;
                let missed = slot > 8 && slot + 8 < slots && random.below(15) == 0;
                let named = plan.get(part + 1).filter(|_| last && offset == 0).unwrap_or(period);
                history.slot(&mut random, time, usize::from(!missed), &name(named));
                time += if last { (plan.get(part + 1).unwrap_or(period) + offset) * 60 } else { period * 60 };
            }
        }
        histories.push(history);
    }
    assert_as_planted(&histories);
}

#[test]
fn a_moved_time_of_day_holds_from_then_on() {
    let mut random = Random(19);
    let mut histories = Vec::new();
    for round in 0..80 {
        let mut history = History::new(format!("h{round:03}"));
        let day = at("2025-01-05T00:00:00Z") / 1_000_000;
        let old = random.between(0, 700);
        let new = [old + 60, old + 700, old + 30, (old + 1380) % 1440][round % 4];
        let (before, after) = (random.between(8, 40), random.between(8, 40));
        for slot in 0..before + after {
            let minute = if slot < before { old } else { new };
            // One in each half, because two on the same weekday could be a rule.
            let missed = before > 14 && slot == before / 2 || after > 14 && slot == before + after / 2;
            let frequency = format!("daily at {}", clock(minute));
            history.slot(&mut random, day + slot * DAY + minute * 60, usize::from(!missed), &frequency);
        }
        histories.push(history);
    }
    assert_as_planted(&histories);
}
