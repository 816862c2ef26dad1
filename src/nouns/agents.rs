//! `agent_updates` and `agent_disconnects`: updates and disconnects of the agents of container instances.

use super::instances::{ORDER, PARTITION};
use super::sql::{computed, differs, evidence, evidence_of, seconds_so_far};
use super::{Needs, Noun, ViewRequest};
use crate::lang::catalog::{FieldInfo, FieldType};
use crate::table::Table;

/// The common first columns of both nouns.
const COMMON: &[FieldInfo] = &[
    computed("id", FieldType::Text, "id of the record, with a # suffix if a record reports several changes"),
    computed("time", FieldType::Time, "time of the event"),
    computed("account", FieldType::Text, "account"),
    computed("region", FieldType::Text, "region"),
    computed("cluster", FieldType::Text, "short cluster name"),
    computed("container_instance", FieldType::Text, "container instance id"),
    computed("container_instance_arn", FieldType::Text, "container instance ARN"),
    computed("ec2_instance", FieldType::Text, "EC2 instance id"),
];

const UPDATE: &[FieldInfo] = &[
    computed("what", FieldType::Text, "requested (UpdateContainerAgent), version_changed, or status (agentUpdateStatus)"),
    computed("from_version", FieldType::Text, "agent version before"),
    computed("to_version", FieldType::Text, "agent version after"),
    computed("agent_update_status", FieldType::Text, "agentUpdateStatus"),
    computed("user", FieldType::Text, "caller who requested the update"),
    computed("failed", FieldType::Bool, "whether the request was refused or the update ended as FAILED"),
    computed("error_code", FieldType::Text, "errorCode of the request"),
    computed("source", FieldType::Text, "cloudtrail, eventbridge or describe"),
    computed("file", FieldType::Text, "source file"),
    computed("record", FieldType::Int, "record number in the file, starting at 1"),
    computed("raw", FieldType::Text, "the original record, with secrets masked"),
];

const DISCONNECT: &[FieldInfo] = &[
    computed("reconnected_at", FieldType::Time, "when the agent reconnected; missing = no reconnect recorded"),
    computed("duration", FieldType::Duration, "length of the disconnect, up to the newest event"),
    computed("version_before", FieldType::Text, "agent version before"),
    computed("version_after", FieldType::Text, "agent version after the reconnect"),
    computed("status", FieldType::Text, "status of the instance"),
    computed("running_tasks", FieldType::Int, "running tasks"),
    computed("source", FieldType::Text, "eventbridge or describe"),
    computed("file", FieldType::Text, "source file"),
    computed("record", FieldType::Int, "record number in the file, starting at 1"),
    computed("raw", FieldType::Text, "the original record, with secrets masked"),
];

/// The common columns of instance events.
const OF_EVENT: &str = "i.account, i.region, i.cluster, i.container_instance, i.container_instance_arn, i.ec2_instance";

/// `agent_updates`.
pub fn updates() -> Noun {
    Noun {
        needs: Needs::All(&[&[Table::InstanceEvents, Table::Calls]]),
        fields: [COMMON, UPDATE].concat(),
        shown: &["time", "cluster", "container_instance", "what", "from_version", "to_version", "agent_update_status", "user"],
        optional: &["user", "agent_update_status", "cluster", "from_version", "to_version"],
        ..Noun::recorded("agent_updates", updates_view)
    }
}

/// `agent_disconnects`.
pub fn disconnects() -> Noun {
    Noun {
        needs: Needs::All(&[&[Table::InstanceEvents]]),
        fields: [COMMON, DISCONNECT].concat(),
        shown: &["time", "cluster", "container_instance", "reconnected_at", "duration", "version_before", "version_after"],
        optional: &["cluster", "version_before", "version_after", "reconnected_at"],
        ..Noun::recorded("agent_disconnects", disconnects_view)
    }
}

fn updates_view(need: ViewRequest) -> String {
    let null = "arrow_cast(null, 'Utf8View')";
    let requested = format!(
        "select c.id, c.\"time\", c.account, c.region, c.cluster, c.container_instance, c.container_instance_arn, \
         {null} as ec2_instance, arrow_cast('requested', 'Utf8View') as what, {null} as from_version, \
         {null} as to_version, {null} as agent_update_status, c.\"user\", c.failed, c.error_code, c.source, c.file, \
         c.record, c.raw{one} from calls c \
         where c.event_source = 'ecs.amazonaws.com' and c.event_name = 'UpdateContainerAgent'",
        one = evidence(need, "c.id"),
    );
    let reported = |what: &str, from: &str, to: &str, failed: &str, filter: &str| {
        format!(
            "select arrow_cast(i.id || '#{what}', 'Utf8View') as id, i.\"time\", {OF_EVENT}, \
             arrow_cast('{what}', 'Utf8View') as what, {from} as from_version, {to} as to_version, \
             i.agent_update_status, {null} as \"user\", {failed} as failed, {null} as error_code, i.source, i.file, \
             i.record, i.raw{one} from ({changes}) i where i.nth > 1 and {filter}",
            one = evidence(need, "i.id"),
            changes = changes(),
        )
    };
    let version = reported(
        "version_changed",
        "i.was_version",
        "i.agent_version",
        "false",
        &format!("({} or {})", differs("i.agent_version", "i.was_version"), differs("i.agent_hash", "i.was_hash")),
    );
    let status = reported(
        "status",
        "i.agent_version",
        null,
        "(i.agent_update_status = 'FAILED')",
        &format!("i.agent_update_status is not null and {}", differs("i.agent_update_status", "i.was_status")),
    );
    format!("{requested} union all {version} union all {status}")
}

/// Instance events, each with the values of the previous one.
fn changes() -> String {
    let before = |name: &str| format!("lag(i.{name}) over ({PARTITION} {ORDER})");
    format!(
        "select i.*, row_number() over ({PARTITION} {ORDER}) as nth, {} as was_version, {} as was_hash, \
         {} as was_status from instance_events i",
        before("agent_version"),
        before("agent_hash"),
        before("agent_update_status"),
    )
}

fn disconnects_view(need: ViewRequest) -> String {
    let duration = seconds_so_far("i.\"time\"", "i.reconnected_at", need);
    let over = format!("over ({PARTITION} {ORDER})");
    // Only changes are kept, so the row after a disconnect is the reconnect. The first event of an instance counts as
    // a change, because events are sent when something changes.
    format!(
        "select i.id, i.\"time\", {OF_EVENT}, i.reconnected_at, {duration} as duration, i.version_before, \
         i.version_after, i.status, i.running_tasks, i.source, i.file, i.record, i.raw{passed} \
         from (select i.*, lead(i.\"time\") {over} as reconnected_at, lead(i.agent_version) {over} as version_after{one} \
           from (select i.*, lag(i.agent_connected) {over} as was_connected, lag(i.agent_version) {over} as version_before \
             from instance_events i where i.agent_connected is not null) i \
           where i.was_connected is null or i.agent_connected <> i.was_connected) i \
         where not i.agent_connected",
        one = evidence(need, "i.id"),
        passed = evidence_of(need, "i"),
    )
}
