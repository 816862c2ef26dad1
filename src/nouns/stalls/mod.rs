//! `stalls`: tasks that waited on a container instance for resources held by stopping tasks.
//!
//! `stalls.sql` has the rows: `instance_stalls` reads all events of instances and their tasks once, in the engine. Its
//! result is small, and is joined with settings, stop timeouts and new instances.

pub mod find;
pub mod min_blocked;
pub mod observations;
pub mod operator;
pub mod rows;

use super::sql::{computed, no_raw, quoted};
use super::{EVIDENCE, Needs, Noun, ViewRequest};
use crate::lang::catalog::{FieldInfo, FieldType};
use crate::table::Table;

const FIELDS: &[FieldInfo] = &[
    computed("id", FieldType::Text, "container instance/start in microseconds/deployment"),
    computed("time", FieldType::Time, "when the stall began"),
    computed("ended_at", FieldType::Time, "when the stall ended"),
    computed("seconds_blocked", FieldType::Int, "how long a task was blocked, in whole seconds"),
    computed("account", FieldType::Text, "account"),
    computed("region", FieldType::Text, "region"),
    computed("cluster", FieldType::Text, "short cluster name"),
    computed("container_instance", FieldType::Text, "container instance id"),
    computed("ec2_instance", FieldType::Text, "EC2 instance id"),
    computed("service", FieldType::Text, "service of the waiting tasks"),
    computed("deployment", FieldType::Text, "deployment or other starter of the waiting tasks"),
    computed("task_definition", FieldType::Text, "task definition of the waiting tasks"),
    computed("pending", FieldType::Int, "number of waiting tasks"),
    computed("pending_tasks", FieldType::Text, "ids of the waiting tasks"),
    computed("stopping", FieldType::Int, "number of tasks that were stopping and still held their resources"),
    computed("stopping_tasks", FieldType::Text, "ids of the stopping tasks"),
    computed("stop_time", FieldType::Duration, "time that the slowest stopping task took"),
    computed("stop_timeout", FieldType::Duration, "stopTimeout of the stopping tasks, if their task definition is recorded"),
    computed("registered_cpu", FieldType::Int, "CPU units registered by the instance"),
    computed("reserved_cpu", FieldType::Int, "CPU units of running and stopping tasks"),
    computed("needed_cpu", FieldType::Int, "CPU units of running, stopping and waiting tasks"),
    computed("registered_memory", FieldType::Int, "MiB registered by the instance"),
    computed("reserved_memory", FieldType::Int, "MiB of running and stopping tasks"),
    computed("needed_memory", FieldType::Int, "MiB of running, stopping and waiting tasks"),
    computed("arithmetic", FieldType::Text, "the calculation: running + stopping + pending against registered"),
    computed(
        "joined",
        FieldType::Int,
        "instances that joined the cluster in the meantime; 0 = the capacity provider did not scale out",
    ),
    computed("agent_version", FieldType::Text, "agent version"),
    computed(
        "agent_queues",
        FieldType::Bool,
        "whether the agent makes new tasks wait (1.74.1 or later); older agents start them immediately",
    ),
    computed("maximum_percent", FieldType::Int, "maximumPercent of the service, if recorded in a call"),
    computed("minimum_healthy_percent", FieldType::Int, "minimumHealthyPercent of the service, if recorded in a call"),
    computed("desired_count", FieldType::Int, "desiredCount of the service, if recorded in a call"),
    computed("avoided_by", FieldType::Text, "settings that would have prevented the stall"),
];

/// The noun.
pub fn noun() -> Noun {
    Noun {
        needs: Needs::All(&[&[Table::TaskEvents], &[Table::InstanceEvents]]),
        fields: FIELDS.to_vec(),
        shown: &[
            "time",
            "seconds_blocked",
            "cluster",
            "service",
            "deployment",
            "container_instance",
            "stopping",
            "pending",
            "arithmetic",
            "joined",
            "avoided_by",
        ],
        optional: &["avoided_by", "joined", "container_instance", "deployment", "cluster", "pending", "stopping"],
        has_few_rows: true,
        ..Noun::computed("stalls", view)
    }
}

fn view(need: ViewRequest) -> String {
    let id_of = |alias: &str| if need.evidence { format!("{alias}.id") } else { "arrow_cast(null, 'Utf8View')".to_owned() };
    let ids = if need.evidence { format!(", s.ids as {}", quoted(EVIDENCE)) } else { String::new() };
    format!(
        include_str!("stalls.sql"),
        anchor = need.anchor,
        task_id = id_of("e"),
        instance_id = id_of("i"),
        more = format_args!("{}{ids}", no_raw(need)),
    )
}
