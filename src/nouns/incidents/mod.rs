//! `incidents`: failures, lost launches, missed starts, stalls and collisions that belong together, one row each.
//!
//! The rows of these nouns become signals in one union, `signals.sql`; [`crate::incidents`] has the rule that groups them.
//! The window applies to the start of an incident, so that an incident is always whole.

pub mod function;

use self::function::ARGUMENTS as INCIDENT_ARGUMENTS;
use super::schedules::absence::Absence;
use super::sql::{computed, no_raw, quoted, seconds};
use super::{EVIDENCE, Needs, Noun, ViewRequest, collisions, failures, launches, schedules, stalls};
use crate::engine::functions::record::Kind;
use crate::lang::catalog::{FieldInfo, FieldType};

const FIELDS: &[FieldInfo] = &[
    computed("id", FieldType::Text, "id of the first failure with the root cause (`ecs-audit explain ID`)"),
    computed("time", FieldType::Time, "when it began"),
    computed("start", FieldType::Time, "when it began (same as `time`)"),
    computed("end", FieldType::Time, "when its last failure, stall or disconnect ended"),
    computed("duration", FieldType::Duration, "from start to end"),
    computed("what", FieldType::Text, "a sentence: who was hit, and why"),
    computed("symptom", FieldType::Text, "the sentence without the root cause: who was hit, and how"),
    computed(
        "root",
        FieldType::Text,
        "root class, such as agent, capacity, image, network, permission, program, quota, schedule or stall",
    ),
    computed("phase", FieldType::Text, "phase that failed"),
    computed("reason", FieldType::Text, "reason of the first failure with the root cause"),
    computed("cause", FieldType::Text, "catalog entry of the root cause"),
    computed("because", FieldType::Text, "the root cause in words"),
    computed(
        "class",
        FieldType::Text,
        "how to respond: transient, configuration, capacity, application, infrastructure, operator",
    ),
    computed("confidence", FieldType::Text, "confidence in the root cause: high, medium, low or unknown"),
    computed("basis", FieldType::Text, "evidence for the confidence level"),
    computed("place", FieldType::Text, "affected services, jobs and runs, most affected first"),
    computed("places", FieldType::Int, "number of affected services, jobs and runs"),
    computed("account", FieldType::Text, "account, if there is only one"),
    computed("region", FieldType::Text, "region, if there is only one"),
    computed("cluster", FieldType::Text, "short cluster name, if there is only one"),
    computed("service", FieldType::Text, "service, if there is only one"),
    computed("family", FieldType::Text, "task definition family, if there is only one"),
    computed("project", FieldType::Text, "dstack project, if there is only one"),
    computed("run", FieldType::Text, "dstack run name, if there is only one"),
    computed("container_instance", FieldType::Text, "container instance id, if there is only one"),
    computed("deployment", FieldType::Text, "deployment, if there is only one"),
    computed("failures", FieldType::Int, "failures that are not consequences"),
    computed("consequences", FieldType::Int, "failures that are consequences of another one"),
    computed("launches_lost", FieldType::Int, "launches that were never placed"),
    computed("launches_healed", FieldType::Int, "launches that a retry placed"),
    computed("missed_starts", FieldType::Int, "scheduled starts that never ran, including those of lost launches"),
    computed("not_called", FieldType::Int, "scheduled starts without any call"),
    computed("without_run", FieldType::Duration, "longest time between the runs before and after a missed start of a schedule"),
    computed("without_run_of", FieldType::Text, "job of that schedule"),
    computed("without_run_from", FieldType::Time, "the run before that time"),
    computed("without_run_until", FieldType::Time, "the run after that time"),
    computed(
        "reruns",
        FieldType::Int,
        "missed starts after which a call outside of schedules started the task definition before the next run",
    ),
    computed("stalls", FieldType::Int, "stalls of a deployment, one per container instance"),
    computed("collisions", FieldType::Int, "launches that hit a disconnected agent"),
    computed("tasks", FieldType::Int, "tasks that failed, waited, or were not placed"),
    computed("degraded", FieldType::Duration, "how long a service or deployment was impaired; missing for jobs"),
    computed(
        "wasted",
        FieldType::Duration,
        "task time of failed attempts; of services, only attempts that failed within an hour or never ran",
    ),
    computed("vcpu_hours", FieldType::Float, "vCPU hours of failed attempts"),
    computed("gib_hours", FieldType::Float, "GiB hours of memory of failed attempts"),
    computed("cost_usd", FieldType::Float, "USD of failed attempts, if the records have prices (dstack)"),
    computed(
        "weight",
        FieldType::Float,
        "order by impact: 10 per missed start, 5 per other lost launch, 2 per task, 1 per 4 impaired minutes",
    ),
    computed("series", FieldType::Text, "incidents with the same text repeat each other"),
];

/// The noun.
pub fn noun() -> Noun {
    Noun {
        needs: Needs::All(&[failures::FAILING]),
        reads_originals: true,
        fields: FIELDS.to_vec(),
        shown: &["time", "duration", "what", "failures", "launches_lost", "tasks", "confidence"],
        optional: &["confidence", "duration", "tasks", "launches_lost"],
        main: Some("what"),
        ..Noun::computed("incidents", view)
    }
}

/// The longest time from the creation of a task to a failure that belongs to its start, in seconds.
pub const START: i64 = 30 * 60;
/// A task of a service that ran for longer did its work, so its time was not wasted; in seconds.
const WORKED: i64 = 60 * 60;

/// The columns with what an incident hit.
const HITS_OF: [&str; 7] = ["hit_kinds", "hit_names", "hit_clusters", "hit_accounts", "hit_regions", "hit_lost", "hit_resumed"];

/// The signals (see `signals.sql`).
fn signals(need: ViewRequest) -> String {
    let rows = ViewRequest { raw: false, extra: false, ..need };
    let records = |alias: &str, wanted: bool| match wanted {
        true => format!(", arrow_cast({alias}.{}, 'List(Utf8)') as records", quoted(EVIDENCE)),
        false => String::new(),
    };
    format!(
        include_str!("signals.sql"),
        failures = failures::view(ViewRequest { evidence: false, ..rows }),
        launches = (launches::noun().view)(ViewRequest { evidence: true, ..rows }),
        schedules = (schedules::noun().view)(rows),
        collisions = (collisions::noun().view)(rows),
        stalls = (stalls::noun().view)(rows),
        start_limit = START,
        worked = WORKED,
        not_exported = Absence::NotExported.word(),
        launch_records = records("l", true),
        start_records = records("s", need.evidence),
        collision_records = records("c", need.evidence),
        stall_records = records("s", need.evidence),
    )
}

fn view(need: ViewRequest) -> String {
    // Incidents are whole: the window applies to their start, not to their signals.
    let need = ViewRequest { from: None, to: None, peaks: false, ..need };
    let argument = |(name, _): &(&str, Kind)| match *name {
        "evidence" => need.evidence.to_string(),
        name => format!("u.{}", quoted(name)),
    };
    let arguments: Vec<String> = INCIDENT_ARGUMENTS.iter().map(argument).collect();
    let of = |name: &str| format!("get_field(i.s, '{name}')");
    let computed = ["id", "time", "start", "end", "duration"];
    let plain: Vec<String> = FIELDS
        .iter()
        .map(|field| field.name)
        .filter(|name| !computed.contains(name))
        .map(|name| format!("{} as {}", of(name), quoted(name)))
        .collect();
    // Not fields: explanations read what was hit as lists of one length.
    let hits = HITS_OF.map(|name| format!(", {} as {name}", of(name))).concat();
    let evidence = if need.evidence { format!(", {} as {}", of("evidence"), quoted(EVIDENCE)) } else { String::new() };
    format!(
        "select {id} as id, {start} as \"time\", {start} as \"start\", {end} as \"end\", {duration} as duration, {plain}{hits}{raw}{evidence} \
         from (select unnest(w.found) as s from (select find_incidents({arguments}) over (partition by u.part \
           order by u.\"start\", u.id) as found \
             from (select x.*, arrow_cast('', 'Utf8View') as part from ({signals}) x) u) w where w.found is not null) i",
        id = of("id"),
        start = of("start"),
        end = of("end"),
        duration = seconds(&of("start"), &of("end")),
        plain = plain.join(", "),
        raw = no_raw(need),
        arguments = arguments.join(", "),
        signals = signals(need),
    )
}
