//! `stalls`: tasks that waited on a container instance for resources held by stopping tasks.
//!
//! `instance_stalls` reads all events of instances and their tasks once, in the engine. Its result is small, and is
//! joined with settings, stop timeouts and new instances.

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

/// The id of a record, if needed.
fn id_of(alias: &str, need: ViewRequest) -> String {
    if need.evidence { format!("{alias}.id") } else { "arrow_cast(null, 'Utf8View')".to_owned() }
}

/// Events of tasks on instances. Nearly all identify their task by its ARN, which ends with its id; other names are
/// only read for the rest.
fn tasks(need: ViewRequest) -> String {
    let named = |key: &str, name: &str, condition: &str| {
        format!(
            "select {key} as \"key\", e.account, e.region, e.cluster, e.container_instance, e.service, e.started_by as deployment, \
             e.task_definition as definition, e.last_status, e.desired_status, e.created_at as created, e.\"time\" as seen, \
             e.pull_started_at as pull, e.started_at as started, e.stopping_at as stopping, e.stopped_at as stopped, \
             e.cpu, e.memory, {name} as task, {} as id from task_events e where e.container_instance is not null{condition}",
            id_of("e", need)
        )
    };
    let in_arn = named("e.task_arn", "arrow_cast(null, 'Utf8View')", "");
    [in_arn, named("coalesce(e.task, e.id)", "e.task", " and e.task_arn is null")].join(" union all ")
}

/// Events of instances.
fn instances(need: ViewRequest) -> String {
    format!(
        "select i.account, i.region, i.cluster, i.container_instance, i.ec2_instance, i.agent_version, i.\"time\" as seen, \
         i.registered_cpu as cpu, i.registered_memory as memory, {} as id from instance_events i where i.container_instance is not null",
        id_of("i", need)
    )
}

/// The latest call before a stall that matches a condition, as columns of the stall.
fn newest(stalls: &str, columns: &str, calls: &str, on: &str, order: &str) -> String {
    format!(
        "select x.* except (nth) from (select s.*, {columns}, row_number() over (partition by s.id \
         order by {order} c.\"time\" desc nulls last, c.id) as nth \
         from ({stalls}) s left join ({calls}) c on c.account = s.account and c.region = s.region and {on}) x where x.nth = 1"
    )
}

/// When each instance joined its cluster: its first event.
const JOINED: &str = "select j.account, j.region, j.cluster, j.container_instance, \
     coalesce(min(j.registered), min(j.called)) as joined_at, min(j.seen) as seen from (\
       select i.account, i.region, i.cluster, i.container_instance, i.registered_at as registered, \
       arrow_cast(null, 'Timestamp(Microsecond, Some(\"UTC\"))') as called, i.\"time\" as seen from instance_events i \
       union all \
       select c.account, c.region, c.cluster, c.container_instance, \
       arrow_cast(null, 'Timestamp(Microsecond, Some(\"UTC\"))') as registered, c.\"time\" as called, \
       arrow_cast(null, 'Timestamp(Microsecond, Some(\"UTC\"))') as seen from calls c \
       where c.event_source = 'ecs.amazonaws.com' and c.event_name = 'RegisterContainerInstance' and c.failed is not true) j \
     where j.container_instance is not null group by 1, 2, 3, 4";

fn view(need: ViewRequest) -> String {
    let stalls = format!(
        "select arrow_cast(concat(g.container_instance, '/', cast(cast(g.\"time\" as bigint) as varchar), '/', \
         coalesce(g.deployment, '')), 'Utf8View') as id, g.\"time\", g.until as ended_at, g.account, \
         g.region, g.cluster, g.container_instance, g.definition as task_definition, \
         g.* except (\"time\", until, account, region, cluster, container_instance, definition, open) \
         from instance_stalls(({tasks}), ({instances}), {anchor}, min_blocked()) g",
        tasks = tasks(need),
        instances = instances(need),
        anchor = need.anchor,
    );
    let calls = |names: &str| {
        format!(
            "select c.* from calls c where c.event_source = 'ecs.amazonaws.com' and c.event_name in ({names}) and c.failed is not true"
        )
    };
    // Only settings from before the stall apply.
    let with_settings = newest(
        &stalls,
        "c.maximum_percent, c.minimum_healthy_percent, c.desired_count",
        &calls("'CreateService', 'UpdateService'"),
        "c.cluster = s.cluster and c.service = s.service and c.\"time\" <= s.\"time\" \
         and (c.maximum_percent is not null or c.minimum_healthy_percent is not null)",
        "",
    );
    let with_timeouts = newest(
        &with_settings,
        "c.stop_timeout",
        &calls("'RegisterTaskDefinition'"),
        "c.family = split_part(s.stopping_definition, ':', 1) and c.stop_timeout is not null and c.\"time\" <= s.\"time\"",
        "case when c.task_definition = s.stopping_definition then 0 else 1 end,",
    );
    // The first event of an instance can be later than its registration.
    let with_joined = format!(
        "select x.* except (nth) from (select s.*, count(j.container_instance) over (partition by s.id) as joined, \
         row_number() over (partition by s.id order by j.container_instance) as nth from ({with_timeouts}) s \
         left join ({JOINED}) j on j.account = s.account and j.region = s.region and j.cluster = s.cluster \
         and j.joined_at >= s.\"time\" and j.joined_at < s.ended_at and (j.seen is null or j.seen >= s.\"time\")) x where x.nth = 1"
    );
    finished(need, &with_joined)
}

fn finished(need: ViewRequest, stalls: &str) -> String {
    let listed = |names: &str| names.split(' ').map(|name| format!("s.{}", quoted(name))).collect::<Vec<_>>().join(", ");
    let text = |expression: &str, name: &str| format!("arrow_cast({expression}, 'Utf8View') as {name}");
    let ids = if need.evidence { format!(", s.ids as {}", quoted(EVIDENCE)) } else { String::new() };
    let sum = |what: &str, unit: &str| {
        format!(
            "concat(cast(s.running_{what} as varchar), ' running + ', cast(s.stopping_{what} as varchar), ' stopping + ', \
             cast(s.pending_{what} as varchar), ' pending = ', cast(s.needed_{what} as varchar), ' of ', \
             coalesce(cast(s.registered_{what} as varchar), '?'), ' {unit}')"
        )
    };
    format!(
        "select {known}, s.stop_micros / 1000000.0 as stop_time, cast(s.stop_timeout as double) as stop_timeout, \
         s.reserved_cpu, s.needed_cpu, s.reserved_memory, s.needed_memory, \
         cast(round((cast(s.ended_at as bigint) - cast(s.\"time\" as bigint)) / 1000000.0) as bigint) as seconds_blocked, \
         {arithmetic}, s.joined, \
         agent_queues(s.agent_version) as agent_queues, {avoided}{raw}{ids} from (\
           select s.*, s.running_cpu + s.stopping_cpu as reserved_cpu, s.running_memory + s.stopping_memory as reserved_memory, \
           s.running_cpu + s.stopping_cpu + s.pending_cpu as needed_cpu, \
           s.running_memory + s.stopping_memory + s.pending_memory as needed_memory from ({stalls}) s) s",
        known = listed(
            "id time ended_at account region cluster container_instance ec2_instance service deployment task_definition pending \
             pending_tasks stopping stopping_tasks registered_cpu registered_memory agent_version maximum_percent \
             minimum_healthy_percent desired_count"
        ),
        arithmetic = text(&format!("concat({}, '; ', {})", sum("cpu", "CPU units"), sum("memory", "MiB")), "arithmetic"),
        avoided = text(&avoided(), "avoided_by"),
        raw = no_raw(need),
    )
}

/// The settings that would have prevented a stall, computed from its numbers.
fn avoided() -> String {
    let text = |expression: &str| format!("cast({expression} as varchar)");
    let at_once = "s.desired_count - cast(ceil(s.desired_count * s.minimum_healthy_percent / 100.0) as bigint)";
    let beside = "cast(floor(s.desired_count * s.maximum_percent / 100.0) as bigint) - s.desired_count";
    let short = |what: &str| text(&format!("greatest(s.needed_{what} - coalesce(s.registered_{what}, s.needed_{what}), 0)"));
    let healthy = format!(
        "case when s.minimum_healthy_percent < 100 and {at_once} > 0 then concat('minimumHealthyPercent 100 (with ', {}, ' it allowed ', {}, \
         ' of ', {}, ' tasks to stop before new ones ran); ') else '' end",
        text("s.minimum_healthy_percent"),
        text(at_once),
        text("s.desired_count"),
    );
    let maximum = format!(
        "case when {beside} > 0 then concat('maximumPercent below ', {}, ' (it allowed ', {}, ' new tasks in addition to ', {}, '); ') \
         else '' end",
        text("s.maximum_percent"),
        text(beside),
        text("s.desired_count"),
    );
    let took = text("cast(round(s.stop_micros / 1000000.0) as bigint)");
    let stop = format!(
        "concat('tasks that stop in less than ', {took}, ' s', case when s.stop_timeout is not null then concat(' (stopTimeout ', {}, \
         ' s)') else '' end, ': a longer stop timeout makes the stall longer; ')",
        text("s.stop_timeout"),
    );
    let room = format!("'room for ', {}, ' CPU units and ', {}, ' MiB more; '", short("cpu"), short("memory"));
    format!("concat({healthy}, {maximum}, {room}, {stop}, 'task scale-in protection for tasks that are still working')")
}
