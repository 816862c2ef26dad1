//! Tests the forecast of `explain quota`, from task events to days.

use jiff::{Timestamp, ToSpan};

use crate::explain::{Capacity, Records, capacity};
use crate::nouns::quota::limits::{Quota, Quotas, WhatIf};
use crate::nouns::set_quotas;
use crate::plan::tests::fixture::{packed, wait};
use crate::run;
use crate::table::{Row, TaskEvent};

const HOUR: i64 = 3_600_000_000;

fn noon(day: i64) -> i64 {
    let first: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    first.as_microsecond() + day * 24 * HOUR
}

/// One event per task: a number of tasks with a quarter vCPU at noon of each day.
fn events(days: i64, tasks: impl Fn(i64) -> i64) -> Vec<Row<'static>> {
    let event = |day: i64, number: i64| {
        let id = format!("{:032x}", day * 100_000 + number + 1);
        Row::from(TaskEvent {
            id: Some(id.clone().into()),
            time: Some(noon(day) + HOUR),
            account: Some("111122223333".into()),
            region: Some("eu-west-1".into()),
            task_arn: Some(format!("arn:aws:ecs:eu-west-1:111122223333:task/c/{id}").into()),
            last_status: Some("STOPPED".into()),
            launch_type: Some("FARGATE".into()),
            cpu: Some(256),
            created_at: Some(noon(day)),
            stopped_at: Some(noon(day) + HOUR),
            ..TaskEvent::default()
        })
    };
    (0..days).flat_map(|day| (0..tasks(day)).map(move |number| event(day, number))).collect()
}

fn reported(rows: &[Row<'_>], days: i64, limit: Option<f64>) -> Capacity {
    let session = packed(rows, 2);
    let quota = |limit| Quota {
        resource: "fargate_vcpu".to_owned(),
        account: None,
        region: None,
        cluster: None,
        service: None,
        since: None,
        limit,
    };
    set_quotas(&session, Quotas { limits: limit.map(quota).into_iter().collect(), what_if: WhatIf::default() });
    let records = Records::new(|statement: &str| wait(run::sql(&session, statement)));
    let anchor = Timestamp::from_microsecond(noon(days - 1)).unwrap() + 1.hours();
    capacity(&records, "eu-west-1", None, anchor).unwrap()
}

#[test]
fn planted_growth_reaches_its_limit_on_its_day() {
    // Starts with 10 tasks and grows by two per day, half a vCPU: 40 vCPU are 160 tasks, reached on day 75.
    let days = 40;
    let capacity = reported(&events(days, |day| 10 + 2 * day), days, Some(40.0));
    let forecast = &capacity.pools[0].forecast;
    // The first day may have started before its records, and the last one is not over.
    assert_eq!(forecast.series.len(), 38);
    assert_eq!(forecast.series.first().map(|peak| (peak.day.to_string(), peak.needed)), Some(("2026-01-02".to_owned(), 3.0)));
    assert_eq!(
        forecast.words("vCPU", Some(40.0)),
        [
            "the daily peak reaches 40 vCPU on 2026-03-17; 95 % interval 2026-03-17 to 2026-03-17",
            "21.5 vCPU on the last day, +0.50 per day over 38 days; in 38 days: 40.5 to 40.5",
        ]
    );
}

#[test]
fn without_growth_history_or_limit_there_is_no_date() {
    let reason = |days, tasks: fn(i64) -> i64, limit| {
        let capacity = reported(&events(days, tasks), days, limit);
        let forecast = capacity.pools[0].forecast.clone();
        assert_eq!(forecast.reaches, None);
        forecast.refused.unwrap()
    };
    assert_eq!(reason(9, |day| 10 + day, Some(40.0)), "the history is too short: 7 whole days with records, 14 are needed");
    assert_eq!(reason(30, |_| 12, Some(40.0)), "no trend: the peak is 3 on each of 28 days");
    assert!(reason(40, |day| 20 + day * 7_919 % 13, Some(7.0)).starts_with("no "));
    assert_eq!(reason(40, |day| 10 + 2 * day, None), "the limit is unknown: provide it with --quotas FILE");
}
