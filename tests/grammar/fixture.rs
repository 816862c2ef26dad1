//! A fixed catalog and a fixed store span for the examples.

use ecs_audit::lang::checked::CheckContext;
use ecs_audit::lang::{Catalog, FieldInfo, FieldType, MeasureInfo, NounStatus};
use jiff::tz::TimeZone;

use FieldType::{Bool, Duration, Float, Int, Text, Time};

const fn field(name: &'static str, kind: FieldType) -> FieldInfo {
    FieldInfo { name, kind, doc: "" }
}

const fn measure(name: &'static str, kind: FieldType) -> MeasureInfo {
    MeasureInfo { name, kind, doc: "" }
}

const FAILURES: &[FieldInfo] = &[
    field("time", Time),
    field("kind", Text),
    field("phase", Text),
    field("ran", Bool),
    field("reason", Text),
    field("cause", Text),
    field("message", Text),
    field("account", Text),
    field("region", Text),
    field("cluster", Text),
    field("service", Text),
    field("task_definition", Text),
    field("task", Text),
    field("container_instance", Text),
    field("exit_code", Int),
    field("requested_cpu", Float),
    field("missing_tasks", Int),
    field("secondary", Bool),
];

const CALLS: &[FieldInfo] = &[
    field("time", Time),
    field("event_name", Text),
    field("error_code", Text),
    field("user", Text),
    field("service", Text),
    field("request_id", Text),
    field("failed", Bool),
];

const TASKS: &[FieldInfo] = &[
    field("time", Time),
    field("cluster", Text),
    field("service", Text),
    field("task", Text),
    field("task_definition", Text),
    field("last_status", Text),
    field("stop_code", Text),
    field("stopped_reason", Text),
    field("exit_code", Int),
    field("duration", Duration),
    field("start_latency", Duration),
    field("started_at", Time),
    field("stopped_at", Time),
    field("expected", Bool),
];

const RUNS: &[FieldInfo] = &[
    field("time", Time),
    field("run", Text),
    field("job", Text),
    field("image", Text),
    field("message", Text),
    field("termination_reason", Text),
    field("exit_status", Int),
];

const INSTANCES: &[FieldInfo] = &[
    field("time", Time),
    field("container_instance", Text),
    field("service", Text),
    field("cluster", Text),
    field("agent_connected", Bool),
    field("duration", Duration),
    field("task", Text),
];

const QUOTA: &[FieldInfo] = &[
    field("time", Time),
    field("region", Text),
    field("resource", Text),
    field("used", Float),
    field("needed", Float),
    field("allowed", Float),
    field("over", Float),
];

const SCHEDULES: &[FieldInfo] = &[field("time", Time), field("schedule", Text), field("missed_at", Time)];

const STORE: &[FieldInfo] =
    &[field("time", Time), field("account", Text), field("region", Text), field("why", Text), field("file", Text)];

/// The catalog of the examples.
pub struct Known;

impl Catalog for Known {
    fn status(&self, noun: &str) -> NounStatus {
        match noun {
            "stalls" | "flows" => NounStatus::Later("`stalls` does not run yet in this version"),
            _ => NounStatus::Ready,
        }
    }

    fn fields(&self, noun: &str) -> &[FieldInfo] {
        match noun {
            "failures" => FAILURES,
            "calls" => CALLS,
            "tasks" => TASKS,
            "runs" => RUNS,
            "quota" => QUOTA,
            "schedules" => SCHEDULES,
            "gaps" | "quarantine" | "loads" => STORE,
            _ => INSTANCES,
        }
    }

    fn measures(&self, noun: &str) -> &[MeasureInfo] {
        const FAILURES: &[MeasureInfo] = &[measure("calls", Int), measure("missing", Int)];
        const COLLISIONS: &[MeasureInfo] = &[measure("lost", Int), measure("healed", Int), measure("lift", Float)];
        const SCHEDULES: &[MeasureInfo] = &[measure("expected", Int), measure("started", Int), measure("missed", Int)];
        match noun {
            "failures" => FAILURES,
            "collisions" => COLLISIONS,
            "schedules" => SCHEDULES,
            _ => &[],
        }
    }

    fn values(&self, _noun: &str, _field: &str) -> Vec<(String, u64)> {
        Vec::new()
    }

    fn saved(&self, name: &str) -> Option<String> {
        (name == "nightly").then(|| "failures where cluster = batch by reason".to_owned())
    }

    fn saved_names(&self) -> Vec<String> {
        vec!["nightly".to_owned()]
    }
}

/// A store from December 2025 to 8 March 2026.
pub fn context() -> CheckContext {
    let last = "2026-03-08T10:14:07Z".parse().unwrap();
    CheckContext {
        anchor: last,
        now: "2026-03-20T00:00:00Z".parse().unwrap(),
        first: Some("2025-12-01T00:00:00Z".parse().unwrap()),
        last: Some(last),
        tz: TimeZone::UTC,
        default_rows: Some(50),
    }
}
