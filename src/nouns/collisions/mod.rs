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
use super::sql::{computed, differs, quoted};
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

/// The columns of the union besides the arguments of the window function.
const CARRIED: &[&str] = &["account", "region", "cluster"];

/// One part of the union: values by name, missing otherwise.
fn part(values: &[(&str, &str)], rest: &str) -> String {
    let item = |name: &&str| {
        let value = values.iter().find(|(known, _)| known == name).map(|(_, value)| (*value).to_owned());
        let kind = match *name {
            "time" | "version" | "anchor" => "bigint",
            "connected" | "same" | "accepted" => "boolean",
            _ => "text",
        };
        let value = value.unwrap_or_else(|| "null".to_owned());
        let typed = match kind {
            "text" => format!("arrow_cast({value}, 'Utf8View')"),
            kind => format!("cast({value} as {kind})"),
        };
        format!("{typed} as {}", quoted(name))
    };
    let names = COLLISION_ARGUMENTS.iter().filter(|name| !matches!(**name, "anchor" | "zone")).chain(CARRIED);
    format!("select {} {rest}", names.map(item).collect::<Vec<_>>().join(", "))
}

const PLACE: [(&str, &str); 3] =
    [("account", "x.account"), ("region", "x.region"), ("cluster", "coalesce(x.cluster, 'default')")];

/// The union of all records about agents and launches.
fn observations() -> String {
    let time = ("time", "cast(x.\"time\" as bigint)");
    let id = ("id", "x.id");
    let at = |kind: &'static str, more: &[(&'static str, &'static str)]| {
        [&[("kind", kind), id, time], PLACE.as_slice(), more].concat()
    };
    let event = part(
        &at(
            "'event'",
            &[
                ("instance", "x.container_instance"),
                ("version", "x.version"),
                ("connected", "x.agent_connected"),
                ("agent_version", "x.agent_version"),
                ("agent_hash", "x.agent_hash"),
                ("update_status", "x.agent_update_status"),
                ("status", "x.status"),
                ("same", "x.same"),
            ],
        ),
        &format!("from ({}) x", changes()),
    );
    let call = |kind: &'static str, name: &str| {
        part(
            &at(kind, &[("instance", "x.container_instance")]),
            &format!(
                "from calls x where x.event_source = 'ecs.amazonaws.com' and x.event_name = '{name}' \
                 and x.error_code is null and x.container_instance is not null and x.\"time\" is not null"
            ),
        )
    };
    let series: &[(&str, &str)] = &[("family", "x.family"), ("caller", "coalesce(x.started_by, x.caller)")];
    let placed = ("instance", "case when x.placed > 0 then x.container_instance end");
    let attempt = part(
        &at("'attempt'", &[series, &[placed, ("accepted", "coalesce(x.missing, 0) = 0")]].concat()),
        &format!("from ({}) x", attempts("")),
    );
    let refused = part(
        &at("'refused'", &[("instance", "x.container_instance")]),
        "from failures x where x.kind = 'launch' and x.reason <> 'AGENT' and x.container_instance is not null \
         and x.\"time\" is not null",
    );
    let failed: &[(&str, &str)] = &[("instance", "x.container_instance")];
    let failure = part(
        &at(
            "'failure'",
            &[&[("family", "x.family"), ("caller", "coalesce(x.started_by, split_part(x.\"user\", '/', 1))")], failed].concat(),
        ),
        "from failures x where x.kind = 'launch' and x.reason = 'AGENT' and x.\"time\" is not null",
    );
    [event, call("'update'", "UpdateContainerAgent"), call("'register'", "RegisterContainerInstance"), attempt, refused, failure]
        .join(" union all ")
}

/// Instance events with a change, and repeated events, which show an unrecorded reconnect.
fn changes() -> String {
    const WATCHED: &[&str] = &["agent_connected", "agent_version", "agent_hash", "agent_update_status", "status"];
    const COUNTED: &[&str] =
        &["registered_cpu", "registered_memory", "remaining_cpu", "remaining_memory", "running_tasks", "pending_tasks"];
    let all = || WATCHED.iter().chain(COUNTED).chain([&"version"]);
    let lags: Vec<String> = all().map(|name| format!("lag(i.{name}) over ({PARTITION} {ORDER}) as was_{name}")).collect();
    let unlike = |name: &&'static str| differs(&format!("i.{name}"), &format!("i.was_{name}"));
    let changed: Vec<String> = WATCHED.iter().map(unlike).collect();
    let counts: Vec<String> = COUNTED.iter().map(unlike).collect();
    let changed = changed.join(" or ");
    let same = format!(
        "(i.nth > 1 and i.source = 'eventbridge' and i.version > i.was_version and not ({changed} or {}))",
        counts.join(" or ")
    );
    format!(
        "select i.*, {same} as same from (select i.*, {}, row_number() over ({PARTITION} {ORDER}) as nth from (\
           select i.id, i.\"time\", i.account, i.region, i.cluster, i.container_instance, i.container_instance_arn, i.source, {} \
           from instance_events i where i.container_instance is not null and i.\"time\" is not null) i) i \
         where i.nth = 1 or {changed} or {same}",
        lags.join(", "),
        all().map(|name| format!("i.{name}")).collect::<Vec<_>>().join(", "),
    )
}

fn view(need: ViewRequest) -> String {
    let argument = |name: &&str| match *name {
        "anchor" => format!("cast({} as bigint)", need.anchor),
        "zone" => need.zone.sql(),
        name => format!("u.{}", quoted(name)),
    };
    let arguments: Vec<String> = COLLISION_ARGUMENTS.iter().map(argument).collect();
    let of = |name: &str| format!("get_field(o.s, '{name}')");
    let of_launch = |name: &str| format!("get_field(l.f, '{name}')");
    let counts = |prefix: &str| {
        ["inside", "inside_failed", "outside", "outside_failed"].map(|name| of(&format!("{prefix}{name}"))).join(", ")
    };
    let parts = ["inside", "inside_failed", "outside", "outside_failed"];
    let overall = parts.map(|name| format!("o.overall_{name}")).join(", ");
    let sums = parts.map(|name| format!("sum(get_field(s.s, 'part_{name}')) over () as overall_{name}")).join(", ");
    let evidence = if need.evidence { format!(", {} as {}", of("evidence"), quoted(EVIDENCE)) } else { String::new() };
    let (raw, with_raw) = match need.raw {
        true => (", r.raw", " left join calls r on r.id = f.call"),
        false => ("", ""),
    };
    let plain = |names: &[&str]| names.iter().map(|name| format!("{} as {name}", of(name))).collect::<Vec<_>>().join(", ");
    let time = "arrow_cast(o.\"time\", 'Timestamp(Microsecond, Some(\"UTC\"))')";
    format!(
        "select o.id, {time} as \"time\", {class}, o.account, o.region, o.cluster, {instance} as container_instance, f.family, \
         f.started_by, f.\"group\", split_part(f.\"user\", '/', 1) as caller, f.event_name, f.call, {window}, {window_seconds} as \"window\", {versions}, \
         {launch} as launch, {outcome} as outcome, {healed_by} as healed_by, {delay} as delay, \
         case when {outcome} = 'lost' then {launch} end as lost_launch, \
         case when {outcome} = 'healed' then {launch} end as healed_launch, {inside} as inside_attempts, \
         {inside_failed} as inside_failures, {outside} as outside_attempts, {outside_failed} as outside_failures, \
         agent_lift({own}) as lift, fisher_p({own}) as p_value, agent_lift({cluster}) as cluster_lift, \
         fisher_p({cluster}) as cluster_p_value, agent_lift({overall}) as overall_lift, fisher_p({overall}) as overall_p_value, \
         {series}, f.source, f.file{raw}{evidence} \
         from (select s.*, {sums} from (\
             select w.id, w.\"time\", w.kind, w.account, w.region, w.cluster, unnest(w.found) as s from (\
               select u.*, agent_collisions({arguments}) over (partition by u.account, u.region, u.cluster \
               order by u.\"time\", u.id) as found from ({observations}) u) w where w.found is not null) s) o \
         join failures f on f.id = o.id and f.kind = 'launch' left join ({folded}) l on l.id = f.call{with_raw} \
         where o.kind = 'failure'",
        folded = folded(need, ""),
        launch = of_launch("launch"),
        outcome = of_launch("outcome"),
        healed_by = of_launch("healed_by"),
        delay = of_launch("delay"),
        class = plain(&["class", "basis"]),
        instance = of("instance"),
        window = plain(&["window_start", "window_end"]),
        window_seconds = of("window_seconds"),
        versions = plain(&["weak", "version_before", "version_after", "update_call"]),
        inside = of("inside"),
        inside_failed = of("inside_failed"),
        outside = of("outside"),
        outside_failed = of("outside_failed"),
        own = counts(""),
        cluster = counts("cluster_"),
        series = plain(&[
            "series_failures",
            "series_accepted",
            "series_rate",
            "series_windows",
            "series_instances",
            "series_class",
            "minutes",
            "hours",
            "median_window",
            "phase_lock",
            "next_at_risk",
            "advice"
        ]),
        arguments = arguments.join(", "),
        observations = observations(),
    )
}
