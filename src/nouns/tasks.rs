//! `tasks`: one row per task, in its last known state, with the lengths of its phases.

use super::sql::{columns, computed, evidence_of, evidence_over, seconds, seconds_so_far};
use super::{Needs, Noun, ViewRequest, table_fields};
use crate::lang::catalog::{FieldInfo, FieldType};
use crate::table::Table;

const PARTITION: &str = "coalesce(t.task_arn, t.id)";

const COMPUTED: &[FieldInfo] = &[
    computed("duration", FieldType::Duration, "time from created to stopped, or to the newest event if not stopped"),
    computed("start_latency", FieldType::Duration, "time from created to started"),
    computed("pull_time", FieldType::Duration, "time spent pulling images"),
    computed("run_time", FieldType::Duration, "time from started to stopped, or to the newest event if not stopped"),
    computed("stop_time", FieldType::Duration, "time from stopping to stopped"),
    computed("events", FieldType::Int, "number of recorded states"),
];

/// The noun.
pub fn noun() -> Noun {
    let mut fields = table_fields(Table::TaskEvents);
    for field in &mut fields {
        match field.name {
            "id" => field.doc = "id of the event with the latest state",
            "time" => field.doc = "when the task stopped, else when it reached its latest state",
            _ => {}
        }
    }
    fields.extend_from_slice(COMPUTED);
    Noun {
        needs: Needs::All(&[&[Table::TaskEvents]]),
        fields,
        shown: &[
            "time",
            "cluster",
            "service",
            "task",
            "last_status",
            "stop_code",
            "exit_code",
            "duration",
            "stopped_reason",
            "container_reason",
        ],
        optional: &["stop_code", "cluster", "last_status", "container_reason", "service", "duration"],
        ..Noun::computed("tasks", view)
    }
}

fn view(need: ViewRequest) -> String {
    let kept = columns(Table::TaskEvents, "t", &["time"]);
    let inner = columns(Table::TaskEvents, "t", &[]);
    let several = evidence_over(need, "t.id", PARTITION);
    let passed = evidence_of(need, "t");
    let duration = seconds_so_far("t.created_at", "t.stopped_at", need);
    let latency = seconds("t.created_at", "t.started_at");
    let pull = seconds("t.pull_started_at", "t.pull_stopped_at");
    let run = seconds_so_far("t.started_at", "t.stopped_at", need);
    let stop = seconds("t.stopping_at", "t.stopped_at");
    format!(
        "select {kept}, coalesce(t.stopped_at, t.\"time\") as \"time\", {duration} as duration, \
         {latency} as start_latency, {pull} as pull_time, {run} as run_time, {stop} as stop_time, t.events{passed} \
         from (select {inner}{several}, count(*) over (partition by {PARTITION}) as events, row_number() over (\
         partition by {PARTITION} order by t.version desc nulls last, t.\"time\" desc nulls last, t.id) as nth \
         from task_events t) t where t.nth = 1"
    )
}
