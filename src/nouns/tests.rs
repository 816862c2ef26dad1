//! Tests the rows behind each noun.

use arrow::datatypes::DataType;

use crate::lang::catalog::FieldType;
use crate::plan::tests::fixture::{ask, at, checked, lines, options, tables, try_ask, wait};
use crate::table::{
    Call, ContainerEvent, Failure, InstanceEvent, JobSubmission, Row, RunEvent, RunRecord, ServiceEvent, TaskEvent,
};
use crate::{nouns, plan};

/// The required Arrow type for columns of a kind.
fn arrow_type(kind: FieldType) -> DataType {
    plan::arrow_type(kind)
}

#[test]
fn every_view_has_the_columns_it_promises() {
    let session = tables(Vec::new(), 2);
    for noun in nouns::NOUNS.iter() {
        let extra = noun.extra.first().map(|name| format!("{} where {name} is not missing", noun.word));
        for text in [noun.word.to_owned(), format!("{} where raw.a.b = x", noun.word)].into_iter().chain(extra) {
            for evidence in [false, true] {
                let rows = wait(plan::window_frame(&session, &checked(&text), options(evidence))).unwrap();
                for field in &noun.fields {
                    let found = rows.schema().field_with_unqualified_name(field.name).unwrap();
                    assert_eq!(*found.data_type(), arrow_type(field.kind), "{}.{}", noun.word, field.name);
                }
                assert_eq!(rows.schema().has_column_with_unqualified_name(nouns::EVIDENCE), evidence);
                let answer = try_ask(&session, &text, evidence).unwrap_or_else(|error| panic!("{text}: {error}"));
                assert_eq!(answer.rows(), 0, "{text}");
            }
        }
    }
}

fn incident(id: &'static str, incident: &'static str, version: Option<i64>, message: &'static str) -> Row<'static> {
    Failure {
        id: Some(id.into()),
        record: Some(id.into()),
        time: Some(at("10:00:00")),
        kind: Some("task".into()),
        incident: Some(incident.into()),
        version,
        message: Some(message.into()),
        ..Failure::default()
    }
    .into()
}

#[test]
fn two_records_of_one_failure_are_one_row_that_names_both() {
    let task = TaskEvent {
        id: Some("t2".into()),
        time: Some(at("10:00:00")),
        raw: Some(r#"{"detail":{"stoppedReason":"stopped"}}"#.into()),
        ..TaskEvent::default()
    };
    let rows = vec![
        incident("t1", "x", Some(3), "old"),
        incident("t2", "x", Some(5), "new"),
        incident("t3", "x", None, "undated"),
        incident("t4", "y", None, "other"),
        task.into(),
    ];
    let session = tables(rows, 2);
    let answer = try_ask(&session, "failures show message sort message", true).unwrap();
    assert_eq!(lines(&answer), ["new|[t1, t2, t3]", "other|[t4]"]);
    assert_eq!(
        ask(&session, "failures show message, raw.detail.stoppedReason as reason sort message"),
        ["new|stopped", "other|."]
    );
}

fn task(id: &'static str, version: i64, time: &str) -> TaskEvent<'static> {
    TaskEvent {
        id: Some(id.into()),
        time: Some(at(time)),
        task: Some("t".into()),
        task_arn: Some("arn:t".into()),
        version: Some(version),
        created_at: Some(at("09:00:00")),
        cluster: Some("blue".into()),
        source: Some("eventbridge".into()),
        ..TaskEvent::default()
    }
}

#[test]
fn a_task_is_one_row_in_its_latest_state() {
    let running =
        TaskEvent { last_status: Some("RUNNING".into()), started_at: Some(at("09:00:30")), ..task("e1", 2, "09:00:30") };
    let stopped = TaskEvent {
        last_status: Some("STOPPED".into()),
        started_at: Some(at("09:00:30")),
        pull_started_at: Some(at("09:00:10")),
        pull_stopped_at: Some(at("09:00:12.500")),
        stopping_at: Some(at("09:09:50")),
        stopped_at: Some(at("09:10:00")),
        exit_code: Some(137),
        ..task("e2", 5, "09:10:01")
    };
    let pending = TaskEvent {
        task: Some("p".into()),
        task_arn: Some("arn:p".into()),
        last_status: Some("PENDING".into()),
        created_at: Some(at("11:45:00")),
        ..task("e3", 1, "11:45:01")
    };
    let session = tables(vec![stopped.into(), running.into(), pending.into()], 2);
    let shown = "tasks show task, time, last_status, duration, start_latency, pull_time, run_time, stop_time, events sort task";
    assert_eq!(ask(&session, shown), ["p|11:45:01Z|PENDING|900.0|.|.|.|.|1", "t|09:10:00Z|STOPPED|600.0|30.0|2.5|570.0|10.0|2"]);
    assert_eq!(ask(&session, "tasks where last_status = PENDING and duration > 10m by cluster since 1d"), ["blue|1"]);
    assert_eq!(ask(&session, "tasks by service show p95(start_latency) since 7d sort -p95_start_latency"), [".|30.0"]);
    assert_eq!(ask(&session, "tasks where exit_code = 137 by cluster"), ["blue|1"]);
    let evidence = try_ask(&session, "tasks where task = t show task", true).unwrap();
    assert_eq!(lines(&evidence), ["t|[e1, e2]"]);
    assert_eq!(
        ask(&session, "events where task = t show detail_type, status sort time"),
        ["ECS Task State Change|RUNNING", "ECS Task State Change|STOPPED"]
    );
}

#[test]
fn a_duration_is_missing_if_it_would_be_negative() {
    let reversed = TaskEvent {
        last_status: Some("STOPPED".into()),
        created_at: Some(at("09:00:03")),
        started_at: Some(at("09:00:01")),
        pull_started_at: Some(at("09:00:20")),
        pull_stopped_at: Some(at("09:00:12")),
        stopping_at: Some(at("09:10:05")),
        stopped_at: Some(at("09:10:00")),
        ..task("e1", 5, "09:10:01")
    };
    let session = tables(vec![reversed.into()], 1);
    assert_eq!(ask(&session, "tasks show start_latency, pull_time, stop_time, run_time"), [".|.|.|599.0"]);
    assert_eq!(ask(&session, "tasks where start_latency < 0s or pull_time < 0s show task"), Vec::<String>::new());
}

#[test]
fn a_container_is_one_row_in_its_latest_state() {
    let reported = |id: &'static str, name: &'static str, version, exit_code| {
        Row::from(ContainerEvent {
            id: Some(id.into()),
            event_id: Some(id.split('#').next().unwrap_or(id).into()),
            time: Some(at("09:00:00") + version),
            task_arn: Some("arn:t".into()),
            name: Some(name.into()),
            version: Some(version),
            exit_code,
            ..ContainerEvent::default()
        })
    };
    let rows =
        vec![reported("e1#app", "app", 1, None), reported("e2#app", "app", 2, Some(1)), reported("e2#log", "log", 2, Some(0))];
    let session = tables(rows, 2);
    assert_eq!(ask(&session, "containers show name, exit_code sort name"), ["app|1", "log|0"]);
}

fn instance(id: &'static str, version: i64, time: &str, connected: bool, agent: &'static str) -> InstanceEvent<'static> {
    InstanceEvent {
        id: Some(id.into()),
        time: Some(at(time)),
        container_instance: Some("i".into()),
        container_instance_arn: Some("arn:i".into()),
        version: Some(version),
        status: Some("ACTIVE".into()),
        agent_connected: Some(connected),
        agent_version: Some(agent.into()),
        ..InstanceEvent::default()
    }
}

#[test]
fn instances_show_changes_updates_and_disconnects() {
    let updating =
        InstanceEvent { agent_update_status: Some("UPDATING".into()), ..instance("e4", 4, "10:20:00", false, "1.74.0") };
    let call = Call {
        id: Some("c1".into()),
        time: Some(at("10:19:00")),
        event_name: Some("UpdateContainerAgent".into()),
        event_source: Some("ecs.amazonaws.com".into()),
        container_instance: Some("i".into()),
        user: Some("ops".into()),
        ..Call::default()
    };
    let rows: Vec<Row<'_>> = vec![
        instance("e1", 1, "10:00:00", true, "1.73.0").into(),
        instance("e2", 2, "10:05:00", true, "1.73.0").into(),
        instance("e3", 3, "10:10:00", false, "1.73.0").into(),
        updating.into(),
        instance("e5", 5, "10:30:00", true, "1.74.0").into(),
        instance("e6", 6, "11:00:00", false, "1.74.0").into(),
        InstanceEvent { container_instance_arn: Some("arn:j".into()), ..instance("j1", 9, "09:00:00", false, "1.73.0") }.into(),
        InstanceEvent { container_instance_arn: Some("arn:j".into()), ..instance("j2", 10, "09:00:02", true, "1.73.0") }.into(),
        call.into(),
    ];
    let session = tables(rows, 2);
    assert_eq!(
        ask(&session, "instances where container_instance_arn = arn:i show id, changed, duration sort time"),
        [
            "e1|first|600.0",
            "e3|agent_connected|600.0",
            "e4|agent_version,agent_update_status|600.0",
            "e5|agent_connected,agent_update_status|1800.0",
            "e6|agent_connected|3600.0",
        ]
    );
    let offline = "instances where agent_connected = false by container_instance show count, sum(duration) as offline since 7d";
    assert_eq!(ask(&session, offline), ["i|4|4802.0"]);
    assert_eq!(
        ask(&session, "agent_disconnects show time, reconnected_at, duration, version_before, version_after sort time"),
        ["09:00:00Z|09:00:02Z|2.0|.|1.73.0", "10:10:00Z|10:30:00Z|1200.0|1.73.0|1.74.0", "11:00:00Z|.|3600.0|1.74.0|."]
    );
    assert_eq!(
        ask(&session, "agent_updates show id, what, from_version, to_version, agent_update_status, user sort time"),
        [
            "c1|requested|.|.|.|ops",
            "e4#status|status|1.74.0|.|UPDATING|.",
            "e4#version_changed|version_changed|1.73.0|1.74.0|UPDATING|.",
        ]
    );
    let evidence = try_ask(&session, "agent_updates by container_instance", true).unwrap();
    assert_eq!(lines(&evidence), ["i|3|[c1, e4]"]);
}

#[test]
fn a_deployment_is_one_row_with_its_end() {
    let reported = |id: &'static str, deployment: &'static str, name: &'static str, time: &str| {
        Row::from(ServiceEvent {
            id: Some(id.into()),
            time: Some(at(time)),
            kind: Some("deployment".into()),
            deployment: Some(deployment.into()),
            event_name: Some(name.into()),
            source: Some("eventbridge".into()),
            message: Some(id.into()),
            ..ServiceEvent::default()
        })
    };
    let rows = vec![
        reported("e1", "d1", "SERVICE_DEPLOYMENT_IN_PROGRESS", "09:00:00"),
        reported("e2", "d1", "SERVICE_DEPLOYMENT_FAILED", "09:10:00"),
        reported("e3", "d2", "SERVICE_DEPLOYMENT_IN_PROGRESS", "11:00:00"),
    ];
    let session = tables(rows, 2);
    assert_eq!(
        ask(&session, "deployments show deployment, state, started_at, finished_at, duration, reason, events sort deployment"),
        ["d1|FAILED|09:00:00Z|09:10:00Z|600.0|e2|2", "d2|IN_PROGRESS|11:00:00Z|.|3600.0|e3|1"]
    );
    assert_eq!(ask(&session, "events by kind, detail_type"), ["deployment|ECS Deployment State Change|3"]);
}

#[test]
fn a_submission_is_one_row_with_its_run_beside_it() {
    let job = |id: &'static str, submission: &'static str, processed: &str, status: &'static str| {
        Row::from(JobSubmission {
            id: Some(id.into()),
            time: Some(at(processed)),
            run_id: Some("r1".into()),
            submission: Some(submission.into()),
            last_processed_at: Some(at(processed)),
            submitted_at: Some(at("09:00:00")),
            status: Some(status.into()),
            run_record: Some("s2".into()),
            ..JobSubmission::default()
        })
    };
    let run = |id: &'static str, run_id: &'static str, name: &'static str, status: &'static str, processed: &str| {
        Row::from(RunRecord {
            id: Some(id.into()),
            time: Some(at(processed)),
            run_id: Some(run_id.into()),
            run: Some(name.into()),
            run_status: Some(status.into()),
            run_processed_at: Some(at(processed)),
            raw: Some(r#"{"run_spec":{"x":1}}"#.into()),
            ..RunRecord::default()
        })
    };
    let event = RunEvent { id: Some("v".into()), time: Some(at("09:30:00")), ..RunEvent::default() };
    let rows = vec![
        job("j1@1", "j1", "09:10:00", "running"),
        job("j1@2", "j1", "09:20:00", "failed"),
        job("j2@1", "j2", "09:25:00", "running"),
        run("s1", "r1", "train", "running", "09:10:00"),
        run("s2", "r1", "train", "failed", "09:20:00"),
        run("s3", "r2", "queued", "submitted", "09:00:00"),
        event.into(),
    ];
    let session = tables(rows, 2);
    let answer =
        try_ask(&session, "runs show id, run, submission, status, run_status, raw.run_spec.x as x sort id", true).unwrap();
    assert_eq!(
        lines(&answer),
        [
            "j1@2|train|j1|failed|failed|1|[j1@2, s2]",
            "j2@1|train|j2|running|failed|1|[j2@1, s2]",
            "s3|queued|.|.|submitted|1|[s3]"
        ]
    );
    assert_eq!(ask(&session, "runs by run"), ["train|2", "queued|1"]);
    assert_eq!(ask(&session, "events by kind"), ["run|1"]);
}

#[test]
fn gaps_are_the_hours_without_calls() {
    let call = |id: &'static str, time: &str, name: &'static str| {
        Row::from(Call {
            id: Some(id.into()),
            time: Some(at(time)),
            account: Some("1".into()),
            region: Some("us-east-1".into()),
            event_source: Some("ecs.amazonaws.com".into()),
            event_name: Some(name.into()),
            source: Some("cloudtrail".into()),
            raw: Some(r#"{"requestParameters":{"startedBy":"cron"}}"#.into()),
            ..Call::default()
        })
    };
    let rows = vec![call("a", "01:59:59", "RunTask"), call("b", "05:00:00", "StopTask"), call("c", "06:30:00", "StartTask")];
    let session = tables(rows, 2);
    assert_eq!(
        ask(&session, "gaps show time, began_at, ended_at, hours sort time"),
        ["02:00:00Z|02:00:00Z|05:00:00Z|3", "03:00:00Z|02:00:00Z|05:00:00Z|3", "04:00:00Z|02:00:00Z|05:00:00Z|3"]
    );
    assert_eq!(ask(&session, "gaps by account, region since 2026-03-04T03:00"), ["1|us-east-1|2"]);
    assert_eq!(ask(&session, "attempts by raw.requestParameters.startedBy as who"), ["cron|2"]);
    assert_eq!(ask(&session, "calls show id sort time limit 1"), ["a"]);
}
