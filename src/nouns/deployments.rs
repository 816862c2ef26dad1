//! `deployments`: one row per service deployment, in its last known state.

use super::sql::{computed, evidence_of, evidence_over, seconds_so_far};
use super::{Needs, Noun, ViewRequest};
use crate::lang::catalog::{FieldInfo, FieldType};
use crate::table::Table;

const FIELDS: &[FieldInfo] = &[
    computed("id", FieldType::Text, "id of the event with the latest state"),
    computed("time", FieldType::Time, "when the latest state was reached"),
    computed("deployment", FieldType::Text, "deployment id"),
    computed("state", FieldType::Text, "IN_PROGRESS, COMPLETED or FAILED"),
    computed("started_at", FieldType::Time, "first event of the deployment"),
    computed("finished_at", FieldType::Time, "when the deployment completed or failed"),
    computed("duration", FieldType::Duration, "time from the first event to the end, or to the newest event"),
    computed("reason", FieldType::Text, "reason of the latest state"),
    computed("account", FieldType::Text, "account"),
    computed("region", FieldType::Text, "region"),
    computed("cluster", FieldType::Text, "short cluster name"),
    computed("service", FieldType::Text, "short service name"),
    computed("service_arn", FieldType::Text, "service ARN"),
    computed("task_definition", FieldType::Text, "task definition, if known"),
    computed("events", FieldType::Int, "number of recorded events"),
    computed("source", FieldType::Text, "eventbridge or describe"),
    computed("file", FieldType::Text, "source file"),
    computed("record", FieldType::Int, "record number in the file, starting at 1"),
    computed("raw", FieldType::Text, "the original record of the latest state, with secrets masked"),
];

/// The noun.
pub fn noun() -> Noun {
    Noun {
        needs: Needs::All(&[&[Table::ServiceEvents]]),
        fields: FIELDS.to_vec(),
        shown: &["time", "cluster", "service", "deployment", "state", "started_at", "duration", "reason"],
        optional: &["started_at", "cluster", "duration", "deployment"],
        ..Noun::computed("deployments", view)
    }
}

fn view(need: ViewRequest) -> String {
    let partition = "coalesce(d.deployment, d.id)";
    let ended = "d.event_name in ('SERVICE_DEPLOYMENT_COMPLETED', 'SERVICE_DEPLOYMENT_FAILED')";
    let duration = seconds_so_far("d.started_at", "d.finished_at", need);
    let several = evidence_over(need, "d.id", partition);
    let passed = evidence_of(need, "d");
    format!(
        "select d.id, d.\"time\", d.deployment, \
         arrow_cast(replace(d.event_name, 'SERVICE_DEPLOYMENT_', ''), 'Utf8View') as state, d.started_at, d.finished_at, \
         {duration} as duration, d.message as reason, d.account, d.region, d.cluster, d.service, d.service_arn, \
         d.task_definition, d.events, d.source, d.file, d.record, d.raw{passed} \
         from (select d.*{several}, min(d.\"time\") over (partition by {partition}) as started_at, \
           max(case when {ended} then d.\"time\" end) over (partition by {partition}) as finished_at, \
           count(*) over (partition by {partition}) as events, \
           row_number() over (partition by {partition} order by d.\"time\" desc nulls last, \
             case when {ended} then 0 else 1 end, d.id) as nth \
           from service_events d where d.kind = 'deployment') d where d.nth = 1"
    )
}
