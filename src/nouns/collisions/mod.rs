//! `collisions`: one row per launch that failed with AGENT, with what the agent of its instance was doing.

pub mod chance;
pub mod classify;
pub mod connection;
pub mod function;
pub mod recurrence;
#[cfg(test)]
mod tests;

use self::function::ARGUMENTS as COLLISION_ARGUMENTS;
use super::instances::{ORDER, PARTITION};
use super::launches::{attempts, counted, folded};
use super::sql::{computed, quoted};
use super::{EVIDENCE, Measure, Needs, Noun, ViewRequest};
use crate::lang::catalog::{FieldInfo, FieldType, MeasureInfo};
use crate::lang::checked::Aggregate;
use crate::table::Table;

const FIELDS: &[FieldInfo] = &[
    computed("id", FieldType::Text, "id of the failure"),
    computed("time", FieldType::Time, "when the launch failed"),
    computed("class", FieldType::Text, "what the agent was doing: update, restart, rotation, outage, draining or unknown"),
    computed("basis", FieldType::Text, "evidence for the class"),
    computed("account", FieldType::Text, "account"),
    computed("region", FieldType::Text, "region"),
    computed("cluster", FieldType::Text, "short cluster name"),
    computed("container_instance", FieldType::Text, "container instance id"),
    computed("family", FieldType::Text, "task definition family"),
    computed("started_by", FieldType::Text, "startedBy: the rule, the schedule, or the caller"),
    computed("group", FieldType::Text, "task group, if the call has one"),
    computed("caller", FieldType::Text, "caller, without the session name"),
    computed("event_name", FieldType::Text, "RunTask or StartTask"),
    computed("call", FieldType::Text, "id of the call"),
    computed("window_start", FieldType::Time, "start of the disconnect"),
    computed("window_end", FieldType::Time, "end of the disconnect; missing = no reconnect recorded"),
    computed("window", FieldType::Duration, "length of the disconnect, up to the newest event"),
    computed("weak", FieldType::Bool, "whether only the end of the disconnect is recorded"),
    computed("version_before", FieldType::Text, "agent version before"),
    computed("version_after", FieldType::Text, "agent version after the reconnect"),
    computed("update_call", FieldType::Text, "id of the UpdateContainerAgent call"),
    computed("launch", FieldType::Text, "id of the launch that the call belongs to"),
    computed("outcome", FieldType::Text, "outcome of the launch: healed or lost; started if nothing was missing"),
    computed("healed_by", FieldType::Text, "id of the call that healed the launch"),
    computed("delay", FieldType::Duration, "time from the first call of the launch to the healing call"),
    computed("lost_launch", FieldType::Text, "the launch id, if the launch is lost"),
    computed("healed_launch", FieldType::Text, "the launch id, if the launch is healed"),
    computed("inside_attempts", FieldType::Int, "attempts on the instance within 60 s of a disconnect"),
    computed("inside_failures", FieldType::Int, "how many of these failed with AGENT"),
    computed("outside_attempts", FieldType::Int, "attempts on the instance at other times"),
    computed("outside_failures", FieldType::Int, "how many of these failed with AGENT"),
    computed("lift", FieldType::Float, "failure rate inside / failure rate outside, for the instance"),
    computed("p_value", FieldType::Float, "probability of this many failures inside by chance (Fisher, one-sided)"),
    computed("cluster_lift", FieldType::Float, "lift for all instances of the cluster"),
    computed("cluster_p_value", FieldType::Float, "p-value for all instances of the cluster"),
    computed("overall_lift", FieldType::Float, "lift for all instances in the store"),
    computed("overall_p_value", FieldType::Float, "p-value for all instances in the store"),
    computed("series_failures", FieldType::Int, "calls of this caller and family that failed with AGENT"),
    computed("series_accepted", FieldType::Int, "calls of this caller and family that placed all tasks"),
    computed("series_rate", FieldType::Float, "share of these calls that failed with AGENT"),
    computed("series_windows", FieldType::Int, "number of different disconnects that the caller hit"),
    computed("series_instances", FieldType::Int, "number of different instances on which it failed"),
    computed("series_class", FieldType::Text, "class of more than half of its failures"),
    computed("minutes", FieldType::Text, "its failures by minute of the hour, most frequent first"),
    computed("hours", FieldType::Text, "its failures by hour of the day, most frequent first"),
    computed("median_window", FieldType::Duration, "median length of the disconnects that it hit"),
    computed(
        "phase_lock",
        FieldType::Float,
        "where its starts fall between two reconnects: 0 = random, 1 = always at the same point of the reconnect cycle",
    ),
    computed("next_at_risk", FieldType::Time, "next start that hits a disconnect, if disconnects come at regular intervals"),
    computed("advice", FieldType::Text, "what to do, by class"),
    computed("source", FieldType::Text, "cloudtrail or eventbridge"),
    computed("file", FieldType::Text, "file that contains the call"),
];

/// The noun.
pub fn noun() -> Noun {
    let distinct = |name, column, doc| Measure { function: Aggregate::Distinct, ..counted(name, column, FieldType::Text, doc) };
    Noun {
        needs: Needs::All(&[&[Table::Calls]]),
        fields: FIELDS.to_vec(),
        measures: vec![
            distinct(
                "lost",
                "lost_launch",
                "distinct lost launches; `count` counts collisions, of which a launch can have several",
            ),
            distinct("healed", "healed_launch", "distinct launches that a retry completed; `count` counts collisions"),
            Measure {
                info: MeasureInfo { name: "lift", kind: FieldType::Float, doc: "mean lift of the instances" },
                function: Aggregate::Avg,
                column: ("lift", FieldType::Float),
            },
        ],
        shown: &["time", "cluster", "family", "started_by", "class", "window", "outcome", "lift", "p_value"],
        optional: &["started_by", "cluster", "p_value", "lift", "window"],
        ..Noun::computed("collisions", view)
    }
}

fn view(need: ViewRequest) -> String {
    let argument = |name: &&str| match *name {
        "anchor" => format!("cast({} as bigint)", need.anchor),
        "zone" => need.zone.sql(),
        name => format!("u.{}", quoted(name)),
    };
    let arguments: Vec<String> = COLLISION_ARGUMENTS.iter().map(argument).collect();
    let found = format!(
        "agent_collisions({}) over (partition by u.account, u.region, u.cluster order by u.\"time\", u.id)",
        arguments.join(", ")
    );
    let window = format!("{PARTITION} {ORDER}");
    let (raw, with_raw) = if need.raw { (", r.raw", "left join calls r on r.id = f.call") } else { ("", "") };
    let evidence = if need.evidence { format!(", get_field(o.s, 'evidence') as {}", quoted(EVIDENCE)) } else { String::new() };
    format!(
        include_str!("collisions.sql"),
        observations = format_args!(include_str!("observations.sql"), attempts = attempts(""), window = window),
        found = found,
        folded = folded(need, ""),
        with_raw = with_raw,
        more = format_args!("{raw}{evidence}"),
    )
}
