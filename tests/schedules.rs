//! Runs of schedules against each other: overlaps, and runs that start later or take longer than the ones before.

use crate::support::{TestEnv, project};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// A schedule of every 10 minutes from midnight on: (seconds until the task runs, seconds for which it runs).
const RUNS: [(i64, i64); 14] = [
    (25, 120),
    (25, 130),
    (26, 110),
    (25, 120),
    (24, 130),
    (25, 110),
    (25, 120),
    (26, 130),
    (25, 110),
    // The next run starts 600s later, at +25s, so that they overlap for 300s.
    (25, 900),
    (25, 120),
    (325, 120),
    (25, 110),
    // The newest one has not stopped.
    (25, 0),
];

fn time(seconds: i64) -> String {
    let midnight: Timestamp = "2026-03-04T00:00:00Z".parse().unwrap();
    midnight.checked_add(SignedDuration::from_secs(seconds)).unwrap().to_string()
}

fn task(nth: usize) -> String {
    format!("arn:aws:ecs:eu-west-1:111122223333:task/batch/{nth:032x}")
}

fn call(nth: usize) -> Value {
    json!({
        "eventVersion": "1.11", "eventTime": time(nth as i64 * 600 + 5), "eventSource": "ecs.amazonaws.com", "eventName": "RunTask",
        "awsRegion": "eu-west-1", "eventID": format!("call-{nth:02}"), "recipientAccountId": "111122223333", "readOnly": false,
        "eventType": "AwsApiCall", "userIdentity": {"type": "AssumedRole", "accountId": "111122223333",
            "arn": "arn:aws:sts::111122223333:assumed-role/scheduler/x",
            "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "scheduler"}}},
        "requestParameters": {"cluster": "batch", "count": 1, "taskDefinition": "sync:3", "startedBy": "events-rule/sync"},
        "responseElements": {"failures": [], "tasks": [{"taskArn": task(nth),
            "clusterArn": "arn:aws:ecs:eu-west-1:111122223333:cluster/batch", "startedBy": "events-rule/sync",
            "taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/sync:3", "lastStatus": "PENDING"}]}
    })
}

fn event(nth: usize, (delay, lasts): (i64, i64)) -> Value {
    let at = nth as i64 * 600;
    let started = at + delay;
    let mut detail = json!({
        "taskArn": task(nth), "clusterArn": "arn:aws:ecs:eu-west-1:111122223333:cluster/batch",
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/sync:3", "group": "family:sync",
        "startedBy": "events-rule/sync", "launchType": "FARGATE", "desiredStatus": "RUNNING", "lastStatus": "RUNNING",
        "createdAt": time(at + 5), "startedAt": time(started), "updatedAt": time(started), "version": 3,
        "containers": [{"name": "sync", "lastStatus": "RUNNING"}]
    });
    if lasts > 0 {
        let stopped = time(started + lasts);
        for (key, value) in [
            ("lastStatus", "STOPPED"),
            ("desiredStatus", "STOPPED"),
            ("stoppedAt", stopped.as_str()),
            ("updatedAt", stopped.as_str()),
        ] {
            detail[key] = json!(value);
        }
        detail["containers"] = json!([{"name": "sync", "lastStatus": "STOPPED", "exitCode": 0}]);
        detail["version"] = json!(5);
    }
    let id = format!("00000000-0000-4000-8000-{nth:012}");
    json!({"version": "0", "id": id, "detail-type": "ECS Task State Change", "source": "aws.ecs", "account": "111122223333",
        "time": detail["updatedAt"], "region": "eu-west-1", "resources": [], "detail": detail})
}

fn lines(values: impl Iterator<Item = Value>) -> String {
    values.map(|value| value.to_string() + "\n").collect()
}

fn loaded(with_tasks: bool) -> TestEnv {
    let env = TestEnv::new();
    let calls = env.write("calls.ndjson", lines((0..RUNS.len()).map(call)));
    env.load(&[&calls]).ok();
    if with_tasks {
        let events = env.write("events.ndjson", lines(RUNS.iter().enumerate().map(|(nth, run)| event(nth, *run))));
        env.load(&[&events]).ok();
    }
    env
}

#[test]
fn runs_are_compared_with_the_next_one_and_the_ones_before() {
    let env = loaded(true);
    let rows = env.query("schedules show time, start_delay, duration, overlap, previous_runs, usual_duration sort time");
    assert_eq!(rows.len(), RUNS.len(), "{rows:?}");
    let row = |nth: usize| rows[nth].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(row(0), ["2026-03-04T00:00:00Z", "25", "120", "0", "0", ""]);
    assert_eq!(row(9), ["2026-03-04T01:30:00Z", "25", "900", "300", "9", "120"]);
    assert_eq!(row(10), ["2026-03-04T01:40:00Z", "25", "120", "0", "10", "120"]);
    assert_eq!(row(11), ["2026-03-04T01:50:00Z", "325", "120", "0", "11", "120"]);
    // The newest event is the start of the last run.
    assert_eq!(row(13), ["2026-03-04T02:10:00Z", "25", "0", "", "13", "120"]);
    let odd = env.query(
        "schedules where duration_score > 5 or start_delay_score > 5 show time, duration_score, start_delay_score sort time",
    );
    assert_eq!(odd.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["2026-03-04T01:30:00Z", "2026-03-04T01:50:00Z"]);
    // Durations of 110, 120 and 130: the median absolute deviation is 10, the spread 14.826.
    let score: f64 = odd[0][1].parse().unwrap();
    assert!((score - 780.0 / 14.826).abs() < 1e-3, "{score}");
    // The history reaches back beyond the window.
    assert_eq!(env.query("schedules where overlap > 0s since 1h show previous_runs"), [["9"]]);
    assert_eq!(env.sql("select sum(overlap), count(duration) from schedules"), [["300", "14"]]);
    assert_eq!(env.query("schedules show count, max(overlap)"), [["14", "300"]]);
    let exports =
        ["query", "schedules show *", "--from", "calls.ndjson", "--from", "events.ndjson", "--format", "csv", "--quiet"];
    assert!(env.run(&exports).ok().out.contains(",overlap,"));
}

#[test]
fn odd_runs_are_found_by_the_built_in_pack() {
    let env = loaded(true);
    let ran = env.run(&["check", "schedules", "--since", "7d", "--format", "json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let found = |check: &str| {
        let checks = report["checks"].as_array().unwrap();
        let check = checks.iter().find(|one| one["check"] == check).unwrap();
        assert_eq!(check["findings"].as_array().unwrap().len(), 1, "{check}");
        check["findings"][0].clone()
    };
    for (check, column, value) in
        [("overlaps", "max_overlap", 300.0), ("late", "max_start_delay", 325.0), ("over-long", "max_duration", 900.0)]
    {
        let finding = found(check);
        assert_eq!(finding["about"], json!({"cluster": "batch", "schedule": "sync"}));
        assert_eq!((&finding["measure"], finding["value"].as_f64()), (&json!(column), Some(value)), "{finding}");
        assert_eq!(finding["other"]["count"], json!("1"), "{finding}");
    }
}

/// `samples/README.md` plants one run of each kind, and two that only look like one.
#[test]
fn the_pack_finds_the_planted_runs_and_nothing_else() {
    let env = TestEnv::new();
    let from = project().join("samples/schedules").display().to_string();
    let ran = env.run(&["check", "schedules", "--from", &from, "--since", "7d", "--format", "json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let found: Vec<(&str, Value)> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|check| {
            let findings = check["findings"].as_array().unwrap().iter();
            findings
                .map(move |finding| (check["check"].as_str().unwrap(), json!([finding["about"]["schedule"], finding["value"]])))
        })
        .collect();
    let planted = [("overlaps", "price-ticks", 52.0), ("late", "rate-import", 390.0), ("over-long", "ledger-close", 1500.0)];
    assert_eq!(found, planted.map(|(check, schedule, seconds)| (check, json!([schedule, seconds]))));
    // None of the other samples has such a run.
    let others = project().join("samples/exports").display().to_string();
    let ran = env.run(&["check", "schedules", "--from", &others, "--since", "31d"]).ok();
    assert!(ran.out.contains("0 findings in 0 checks; 4 passed"), "{}", ran.out);
}

/// Runs every 10 minutes of which one never stops, while the others do.
#[test]
fn a_run_that_hangs_overlaps_all_later_ones() {
    let env = TestEnv::new();
    let hangs = 9;
    let calls = env.write("calls.ndjson", lines((0..RUNS.len()).map(call)));
    let runs = (0..RUNS.len()).map(|nth| event(nth, (25, if nth == hangs { 0 } else { 120 })));
    let events = env.write("events.ndjson", lines(runs));
    env.load(&[&calls, &events]).ok();
    // It started at 5,425 s; the next one starts at 6,025 s, and the newest event is of 7,945 s.
    let rows = env.query("schedules where overlap > 0s show time, duration, overlap, stopped_at, previous_runs");
    assert_eq!(rows, [["2026-03-04T01:30:00Z", "2520", "1920", "", "9"]]);
    let stopped = env.query("schedules where stopped_at > 2026-03-04T02:10:00Z show time, stopped_at");
    assert_eq!(stopped, [["2026-03-04T02:10:00Z", "2026-03-04T02:12:25Z"]]);
    let ran = env.run(&["check", "schedules", "--since", "7d", "--quiet"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    for line in ["cluster batch, schedule sync: max_overlap 32m", "cluster batch, schedule sync: max_duration 42m"] {
        assert!(ran.out.contains(line), "{}", ran.out);
    }
}

/// Without stops in the export, a run that has not stopped is no overlap.
#[test]
fn runs_whose_stops_are_not_exported_are_not_compared() {
    let env = TestEnv::new();
    let calls = env.write("calls.ndjson", lines((0..RUNS.len()).map(call)));
    let events = env.write("events.ndjson", lines((0..RUNS.len()).map(|nth| event(nth, (25, 0)))));
    env.load(&[&calls, &events]).ok();
    assert_eq!(env.query("schedules where overlap > 0s"), Vec::<Vec<String>>::new());
    assert_eq!(env.sql("select count(duration) from schedules"), [["1"]]);
}

#[test]
fn without_events_of_tasks_nothing_is_said_about_runs() {
    let env = loaded(false);
    let rows = env.query("schedules show state, duration, overlap, previous_runs limit 1");
    assert_eq!(rows, [["started", "", "", "0"]]);
    let ran = env.run(&["check", "schedules", "--since", "7d"]);
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert!(ran.out.contains("3 unanswered\nunanswered: no task events are loaded"), "{}", ran.out);
}

#[test]
fn tasks_are_read_only_if_requested() {
    let env = loaded(true);
    let plan = |query: &str| env.run(&["query", query, "--explain"]).ok().out;
    assert!(!plan("schedules by schedule").contains("task_events"));
    let compared = plan("schedules where overlap > 0s by schedule");
    assert!(
        compared.contains("WholePartitionsExec") && !compared.contains("NestedLoopJoin") && !compared.contains("CrossJoin"),
        "{compared}"
    );
}

/// A call of a rule for its job, every 10 minutes.
fn call_of(job: &str, nth: usize) -> Value {
    let text = call(nth).to_string().replace("events-rule/sync", &format!("events-rule/{job}"));
    let text = text.replace("sync:3", &format!("{job}:3")).replace("\"call-", &format!("\"{job}-"));
    serde_json::from_str(&text).unwrap()
}

/// A call that placed nothing, because the agent of an instance was disconnected.
fn refused(mut call: Value) -> Value {
    let instance = "arn:aws:ecs:eu-west-1:111122223333:container-instance/batch/00000000000000000000000000000001";
    call["responseElements"] = json!({"failures": [{"arn": instance, "reason": "AGENT"}], "tasks": []});
    call
}

/// Two jobs that run every 10 minutes. At 01:00, one disconnected agent refuses both; `sync` is not called at 01:10 either. A
/// person starts `sync` at 01:05:05.
fn with_missed_starts() -> TestEnv {
    let mut calls = Vec::new();
    for nth in 0..14 {
        let of = |job| if nth == 6 { refused(call_of(job, nth)) } else { call_of(job, nth) };
        calls.push(of("rates"));
        calls.extend((nth != 7).then(|| of("sync")));
    }
    let mut by_hand = call_of("sync", 20);
    by_hand["eventTime"] = json!(time(6 * 600 + 305));
    by_hand["eventID"] = json!("by-hand");
    by_hand["userIdentity"]["arn"] = json!("arn:aws:sts::111122223333:assumed-role/Operator/mo");
    by_hand["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] = json!("Operator");
    for starter in ["/requestParameters", "/responseElements/tasks/0"] {
        by_hand.pointer_mut(starter).unwrap().as_object_mut().unwrap().remove("startedBy");
    }
    calls.push(by_hand);
    let env = TestEnv::new();
    let calls = env.write("calls.ndjson", lines(calls.into_iter()));
    env.load(&[&calls]).ok();
    env
}

#[test]
fn a_missed_start_shows_how_long_nothing_ran_and_who_started_the_job_instead() {
    let env = with_missed_starts();
    let shown = "show schedule, time, previous_run, next_run, without_run, rerun, rerun_at sort schedule, time";
    let (before, after) = ("2026-03-04T00:50:05Z", "2026-03-04T01:20:05Z");
    assert_eq!(
        env.query(&format!("schedules where state = missed {shown}")),
        [
            ["rates", "2026-03-04T01:00:00Z", before, "2026-03-04T01:10:05Z", "1200", "", ""],
            ["sync", "2026-03-04T01:00:00Z", before, after, "900", "by-hand", "2026-03-04T01:05:05Z"],
            // The start by hand came before this one.
            ["sync", "2026-03-04T01:10:00Z", "2026-03-04T01:05:05Z", after, "900", "", ""],
        ]
    );
    assert_eq!(
        env.query("schedules where state != missed and (previous_run is not missing or rerun is not missing) show count"),
        [["0"]]
    );
    let shown = "show root, missed_starts, without_run, reruns sort time, root";
    assert_eq!(env.query(&format!("incidents {shown}")), [["agent", "2", "1200", "1"], ["schedule", "1", "900", "0"]]);
}

#[test]
fn the_explanation_of_a_missed_start_names_what_the_records_show_of_its_effect() {
    let env = with_missed_starts();
    let explained = |time: &str| -> (Value, String) {
        let ids = env.query(&format!("schedules where schedule = sync and time = {time} show id"));
        let id = ids[0][0].as_str();
        let json = env.run(&["explain", id, "--format", "json", "--quiet"]).ok().out;
        (serde_json::from_str(&json).unwrap(), env.run(&["explain", id, "--quiet"]).ok().out)
    };
    let (start, text) = explained("2026-03-04T01:00:00Z");
    assert_eq!(
        [&start["previous_run"], &start["next_run"], &start["without_run_seconds"], &start["missed_in_a_row"]],
        [&json!("2026-03-04T00:50:05Z"), &json!("2026-03-04T01:20:05Z"), &json!(900.0), &json!(2)]
    );
    assert_eq!(start["rerun"], json!({"call": "by-hand", "time": "2026-03-04T01:05:05Z", "who": "Operator/mo", "person": null}));
    assert_eq!(start["incident"]["other_schedules"], json!([{"schedule": "rates", "missed": 1}]));
    for line in [
        "No run for 15m, since 2026-03-04T00:50:05Z: 2 starts missed in a row.",
        "Started outside of the schedule by Operator/mo at 2026-03-04T01:05:05Z, 5m 5s after this start was expected (call by-hand).",
        "The same incident made other schedules miss starts: rates (1).",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let (silent, text) = explained("2026-03-04T01:10:00Z");
    assert_eq!([&silent["rerun"], &silent["incident"]], [&Value::Null, &Value::Null]);
    assert!(text.contains("No start outside of the schedule is recorded until then."), "{text}");
    let (ran, text) = explained("2026-03-04T00:50:00Z");
    assert_eq!((&ran["missed_in_a_row"], &ran["previous_run"]), (&json!(0), &Value::Null));
    assert!(!text.contains("[Effect]"), "{text}");
}

/// A call about a rule or schedule, at a number of seconds after midnight.
fn about(id: &str, seconds: i64, (service, name): (&str, &str), request: Value) -> Value {
    json!({
        "eventVersion": "1.11", "eventTime": time(seconds), "eventSource": format!("{service}.amazonaws.com"), "eventName": name,
        "awsRegion": "eu-west-1", "eventID": id, "recipientAccountId": "111122223333", "readOnly": false,
        "eventType": "AwsApiCall", "userIdentity": {"type": "IAMUser", "userName": "mika"},
        "requestParameters": request, "responseElements": null
    })
}

#[test]
fn only_the_own_rule_disables_a_schedule() {
    let disabled = |calls: &[Value]| {
        let env = TestEnv::new();
        // The starts at 01:40 and 01:50 are missing; the hour has other records.
        let runs = (0..RUNS.len()).filter(|nth| ![10, 11].contains(nth)).map(call);
        env.load(&[&env.write("calls.ndjson", lines(runs.chain(calls.iter().cloned())))]).ok();
        let rows = env.query("schedules where state = missed show time, absence, disabled_by sort time");
        assert_eq!(rows.iter().map(|row| &row[0][11..16]).collect::<Vec<_>>(), ["01:40", "01:50"], "{rows:?}");
        rows.into_iter().map(|row| (row[1].clone(), row[2].clone())).collect::<Vec<_>>()
    };
    let events = |name: &'static str| ("events", name);
    let not_called = || ("not_called".to_owned(), String::new());
    let by = |call: &str, at: &str| ("disabled".to_owned(), format!("{call} by mika at 2026-03-04T{at}Z"));
    let other_bus = about("d1", 5700, events("DisableRule"), json!({"name": "sync", "eventBusName": "orders"}));
    let own = about("d2", 5760, events("DisableRule"), json!({"name": "sync"}));
    // EventBridge Scheduler has names of its own.
    let schedule =
        about("d3", 5700, ("scheduler", "UpdateSchedule"), json!({"name": "sync", "groupName": "default", "state": "DISABLED"}));
    let enabled = |bus: &str| about("e1", 6500, events("EnableRule"), json!({"name": "sync", "eventBusName": bus}));
    let default = "arn:aws:events:eu-west-1:111122223333:event-bus/default";
    let both_missed = [by("DisableRule", "01:36:00"), by("DisableRule", "01:36:00")];
    assert_eq!(disabled(&[schedule]), [not_called(), not_called()]);
    assert_eq!(disabled(std::slice::from_ref(&own)), both_missed);
    assert_eq!(disabled(&[own.clone(), other_bus.clone(), enabled("orders")]), both_missed);
    assert_eq!(disabled(&[own, other_bus, enabled(default)]), [both_missed[0].clone(), not_called()]);
}

#[test]
fn a_run_that_something_else_starts_does_not_show_that_a_schedule_works() {
    let recovery_of = |enabled: bool| -> Value {
        let env = TestEnv::new();
        // `sync` is not called from 01:40 to 02:10. Two calls by hand run the job meanwhile.
        let runs = (0..20).filter(|nth| !(10..14).contains(nth) && (enabled || *nth < 14)).map(call);
        let other = (0..20).map(|nth| call_of("rates", nth));
        let by_hand = [(10, 6305), (30, 8700)].map(|(nth, at)| {
            let mut call = call(100 + nth);
            call["eventTime"] = json!(time(at));
            for starter in ["/requestParameters", "/responseElements/tasks/0"] {
                call.pointer_mut(starter).unwrap().as_object_mut().unwrap().remove("startedBy");
            }
            call
        });
        let disabled = about("off", 5760, ("events", "DisableRule"), json!({"name": "sync"}));
        let calls = runs.chain(other).chain(by_hand).chain([disabled]);
        env.load(&[&env.write("calls.ndjson", lines(calls))]).ok();
        let all = env.run(&["explain", "--all", "--format", "json", "--quiet"]).ok().out;
        let all: Value = serde_json::from_str(&all).unwrap();
        let incidents = all["incidents"].as_array().unwrap();
        incidents.iter().find(|incident| incident["root"] == "schedule").unwrap_or_else(|| panic!("{all}")).clone()
    };
    let off = recovery_of(false);
    let recovery = &off["detail"]["recovery"];
    assert_eq!((&recovery["recovered_at"], &recovery["not_recovered"]), (&Value::Null, &json!(["sync"])), "{off}");
    let now = off["detail"]["remedy"]["now"].to_string();
    assert!(now.contains("Enable the schedule again"), "{now}");
    let on = recovery_of(true);
    assert_eq!(on["detail"]["recovery"]["recovered"][0]["at"], json!(time(14 * 600 + 5)), "{on}");
    assert_eq!(on["detail"]["recovery"]["recovered"][0]["sign"], json!("ran_again"), "{on}");
    // One call ran the job once, before several starts that were missed.
    assert_eq!((&on["missed_starts"], &on["reruns"]), (&json!(4), &json!(1)), "{on}");
    let now = on["detail"]["remedy"]["now"].to_string();
    assert!(now.contains("Run again what the other 3 missed starts should have done"), "{now}");
}
