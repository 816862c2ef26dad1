//! `launches`: attempts combined with their retries, and whether they succeeded.

pub mod fold;
pub mod function;
pub mod series;
#[cfg(test)]
pub(crate) mod tests;

use self::function::ARGUMENTS as ATTEMPT_ARGUMENTS;
use super::sql::{computed, quoted};
use super::{EVIDENCE, Measure, Needs, Noun, ViewRequest};
use crate::lang::catalog::{FieldInfo, FieldType, MeasureInfo};
use crate::lang::checked::Aggregate;
use crate::table::Table;

const FIELDS: &[FieldInfo] = &[
    computed("id", FieldType::Text, "id of the first call"),
    computed("time", FieldType::Time, "time of the first attempt"),
    computed("first_attempt", FieldType::Time, "time of the first attempt (same as `time`)"),
    computed("attempts", FieldType::Int, "number of calls, including retries"),
    computed("outcome", FieldType::Text, "started (the first call placed all tasks), healed (a retry placed them), or lost"),
    computed("healed_by", FieldType::Text, "id of the call that placed the missing tasks"),
    computed("healed_at", FieldType::Time, "time of the call that placed the missing tasks"),
    computed("lost_at", FieldType::Time, "time of the first attempt, if the launch is lost"),
    computed("delay", FieldType::Duration, "time from the first call to the healing call"),
    computed("failures", FieldType::Int, "calls that placed fewer tasks than requested"),
    computed("reason", FieldType::Text, "reason of the first failure"),
    computed("regular", FieldType::Bool, "whether the first call follows the schedule of its caller"),
    computed("account", FieldType::Text, "account"),
    computed("region", FieldType::Text, "region"),
    computed("cluster", FieldType::Text, "short cluster name"),
    computed("family", FieldType::Text, "task definition family"),
    computed("task_definition", FieldType::Text, "task definition of the first call"),
    computed("started_by", FieldType::Text, "startedBy: the rule, the schedule, or the caller"),
    computed("group", FieldType::Text, "task group, if the call has one"),
    computed("caller", FieldType::Text, "caller, without the session name"),
    computed("event_name", FieldType::Text, "RunTask or StartTask"),
    computed("launch_type", FieldType::Text, "EC2, FARGATE, EXTERNAL or MANAGED_INSTANCES"),
    computed("asked", FieldType::Int, "tasks requested by the first call"),
    computed("placed", FieldType::Int, "tasks placed in total"),
    computed("missing", FieldType::Int, "tasks never placed"),
    computed("source", FieldType::Text, "cloudtrail or eventbridge"),
    computed("file", FieldType::Text, "file that contains the first call"),
    computed("record", FieldType::Int, "record number in the file, starting at 1"),
];

/// The noun.
pub fn noun() -> Noun {
    Noun {
        needs: Needs::All(&[&[Table::Calls]]),
        fields: FIELDS.to_vec(),
        measures: vec![
            counted("lost", "lost_at", FieldType::Time, "launches that never placed all requested tasks"),
            counted("healed", "healed_at", FieldType::Time, "launches completed by a retry"),
        ],
        shown: &["time", "cluster", "family", "started_by", "attempts", "outcome", "delay", "reason"],
        optional: &["started_by", "cluster", "attempts", "delay"],
        ..Noun::computed("launches", view)
    }
}

/// A measure that counts rows with a value.
pub(super) fn counted(name: &'static str, column: &'static str, kind: FieldType, doc: &'static str) -> Measure {
    Measure { info: MeasureInfo { name, kind: FieldType::Int, doc }, function: Aggregate::Count, column: (column, kind) }
}

/// The calls that start tasks, with the columns that combining them requires, and others.
pub(super) fn attempts(more: &str) -> String {
    format!(include_str!("attempts.sql"), more = more)
}

/// A window function over the attempts of a cluster and family, with the alias `a`.
pub(super) fn over_attempts(function: &str, need: ViewRequest) -> String {
    let argument = |name: &&str| match *name {
        "time" => "cast(a.\"time\" as bigint)".to_owned(),
        "anchor" => format!("cast({} as bigint)", need.anchor),
        "zone" => need.zone.sql(),
        "evidence" => need.evidence.to_string(),
        name => format!("a.{}", quoted(name)),
    };
    let arguments: Vec<String> = ATTEMPT_ARGUMENTS.iter().map(argument).collect();
    format!(
        "{function}({}) over (partition by a.account, a.region, a.cluster, a.family order by a.\"time\", a.id)",
        arguments.join(", ")
    )
}

/// The attempts, each with its launch as the struct `f`.
pub(super) fn folded(need: ViewRequest, more: &str) -> String {
    format!("select a.*, {} as f from ({}) a", over_attempts("fold_attempts", need), attempts(more))
}

fn view(need: ViewRequest) -> String {
    let (raw, with_raw) = if need.raw { (", w.raw", ", c.raw") } else { ("", "") };
    let evidence = if need.evidence { format!(", get_field(w.f, 'evidence') as {}", quoted(EVIDENCE)) } else { String::new() };
    format!(
        include_str!("launches.sql"),
        folded = folded(need, with_raw),
        reasons = REASONS,
        more = format_args!("{raw}{evidence}"),
    )
}

/// The reason of the first failure of each call that starts tasks.
pub(super) const REASONS: &str = include_str!("reasons.sql");

/// The launch of a call, given SQL for its id, account, region, cluster and family: only attempts with the same
/// values are combined.
pub fn launch_of_call(call: &str, like_it: &[(&str, Option<String>)]) -> String {
    let same = like_it.iter().map(|(column, value)| match value {
        Some(value) => format!("a.\"{column}\" = {value}"),
        None => format!("a.\"{column}\" is null"),
    });
    let same = same.collect::<Vec<_>>().join(" and ");
    format!(
        "select get_field(w.f, 'launch') as launch from (select a.*, {} as f from (select a.* from ({}) a where {same}) a) w \
         where w.id = {call}",
        over_attempts("fold_attempts", ViewRequest::default()),
        attempts(""),
    )
}
