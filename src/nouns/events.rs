//! `events`: task, instance, service, deployment, health and dstack events with common columns.

use super::sql::{columns, computed, evidence, quoted};
use super::{Needs, Noun, ViewRequest};
use crate::lang::catalog::{FieldInfo, FieldType};
use crate::table::Table;

const FIELDS: &[FieldInfo] = &[
    computed("id", FieldType::Text, "event id"),
    computed("time", FieldType::Time, "time of the event"),
    computed("kind", FieldType::Text, "task, instance, service, deployment, health or run"),
    computed("detail_type", FieldType::Text, "detail-type of the event; missing for output of describe calls"),
    computed("account", FieldType::Text, "account"),
    computed("region", FieldType::Text, "region"),
    computed("cluster", FieldType::Text, "short cluster name"),
    computed("service", FieldType::Text, "service"),
    computed("family", FieldType::Text, "task definition family"),
    computed("task_definition", FieldType::Text, "task definition as family:revision"),
    computed("task", FieldType::Text, "task id"),
    computed("container_instance", FieldType::Text, "container instance id"),
    computed("ec2_instance", FieldType::Text, "EC2 instance id"),
    computed("deployment", FieldType::Text, "deployment id"),
    computed("project", FieldType::Text, "dstack project"),
    computed("target", FieldType::Text, "name of the dstack run, job or instance"),
    computed("status", FieldType::Text, "lastStatus, status, severity (INFO, WARN or ERROR), or the new status"),
    computed("event_name", FieldType::Text, "event name of service and deployment events"),
    computed("reason", FieldType::Text, "stop code or termination reason"),
    computed("message", FieldType::Text, "message or reason"),
    computed("version", FieldType::Int, "orders the events of a task or instance"),
    computed("source", FieldType::Text, "eventbridge, describe or dstack"),
    computed("file", FieldType::Text, "source file"),
    computed("record", FieldType::Int, "record number in the file, starting at 1"),
    computed("raw", FieldType::Text, "the original record, with secrets masked"),
];

/// The noun.
pub fn noun() -> Noun {
    Noun {
        needs: Needs::All(&[&[
            Table::TaskEvents,
            Table::InstanceEvents,
            Table::ServiceEvents,
            Table::RunEvents,
            Table::JobSubmissions,
        ]]),
        fields: FIELDS.to_vec(),
        shown: &["time", "kind", "cluster", "service", "task", "status", "event_name", "message"],
        optional: &["kind", "cluster", "task", "event_name", "service"],
        ..Noun::recorded("events", view)
    }
}

/// The name of a column in a table, if it differs.
type Renamed = &'static [(&'static str, &'static str)];

const TASK: Renamed = &[
    ("kind", "'task'"),
    ("detail_type", "case when e.source = 'eventbridge' then 'ECS Task State Change' end"),
    ("status", "e.last_status"),
    ("reason", "e.stop_code"),
    ("message", "e.stopped_reason"),
];

const INSTANCE: Renamed = &[
    ("kind", "'instance'"),
    ("detail_type", "case when e.source = 'eventbridge' then 'ECS Container Instance State Change' end"),
    ("message", "e.status_reason"),
];

const SERVICE: Renamed = &[
    (
        "detail_type",
        "case when e.source <> 'eventbridge' then null when e.kind = 'deployment' then 'ECS Deployment State Change' \
         when e.kind = 'health' then 'AWS Health Event' else 'ECS Service Action' end",
    ),
    ("status", "e.event_type"),
];

const RUN: Renamed = &[("kind", "'run'"), ("status", "e.to_status")];

fn view(need: ViewRequest) -> String {
    let parts = [
        part(Table::TaskEvents, TASK, need),
        part(Table::InstanceEvents, INSTANCE, need),
        part(Table::ServiceEvents, SERVICE, need),
        part(Table::RunEvents, RUN, need),
    ];
    parts.join(" union all ")
}

fn part(table: Table, renamed: Renamed, need: ViewRequest) -> String {
    let known = columns(table, "e", &[]);
    let items: Vec<String> = FIELDS
        .iter()
        .map(|field| {
            let own = format!("e.{}", quoted(field.name));
            let written = renamed.iter().find(|(name, _)| *name == field.name);
            let expression = match (written, field.kind) {
                (Some((_, expression)), _) => format!("arrow_cast({expression}, 'Utf8View')"),
                (None, _) if known.split(", ").any(|column| column == own) => own,
                (None, FieldType::Int) => "cast(null as bigint)".to_owned(),
                (None, _) => "arrow_cast(null, 'Utf8View')".to_owned(),
            };
            format!("{expression} as {}", quoted(field.name))
        })
        .collect();
    format!("select {}{} from {} e", items.join(", "), evidence(need, "e.id"), table.name())
}
