//! `incidents`: failures, lost launches, missed starts, stalls and collisions that belong together, one row each.
//!
//! The rows of these nouns become signals in one union; [`crate::incidents`] has the rule that groups them. The window
//! applies to the start of an incident, so that an incident is always whole.

pub mod function;

use self::function::ARGUMENTS as INCIDENT_ARGUMENTS;
use super::schedules::absence::Absence;
use super::sql::{as_text, computed, differs, no_raw, quoted, seconds};
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
        optional: &["confidence", "duration", "tasks"],
        ..Noun::computed("incidents", view)
    }
}

/// The longest time from the creation of a task to a failure that belongs to its start, in seconds.
pub const START: i64 = 30 * 60;
/// A task of a service that ran for longer did its work, so its time was not wasted; in seconds.
const WORKED: i64 = 60 * 60;

/// One part of the union: values by name, missing otherwise.
fn part(values: &[(&str, String)], rest: &str) -> String {
    let item = |(name, kind): &(&str, Kind)| {
        let value = values.iter().find(|(known, _)| known == name).map_or("null", |(_, value)| value.as_str());
        let typed = match kind {
            Kind::Text => format!("arrow_cast({value}, 'Utf8View')"),
            Kind::Int | Kind::Time => format!("cast({value} as bigint)"),
            Kind::Float => format!("cast({value} as double)"),
            Kind::Bool => format!("cast({value} as boolean)"),
            Kind::Texts if value == "null" => "arrow_cast(null, 'List(Utf8)')".to_owned(),
            Kind::Texts => format!("arrow_cast({value}, 'List(Utf8)')"),
        };
        format!("{typed} as {}", quoted(name))
    };
    let arguments = INCIDENT_ARGUMENTS.iter().filter(|(name, _)| *name != "evidence");
    format!("select {}, arrow_cast('', 'Utf8View') as part {rest}", arguments.map(item).collect::<Vec<_>>().join(", "))
}

/// Columns of the same name behind an alias.
fn plain(alias: &str, names: &[&'static str]) -> Vec<(&'static str, String)> {
    names.iter().map(|name| (*name, format!("{alias}.{}", quoted(name)))).collect()
}

/// The records of a row, if they are requested.
fn records(alias: &str, need: ViewRequest) -> Option<(&'static str, String)> {
    need.evidence.then(|| ("records", format!("{alias}.{}", quoted(EVIDENCE))))
}

/// The failures, with what their tasks and jobs used up.
fn failed(need: ViewRequest) -> String {
    let plainly = ViewRequest { raw: false, evidence: false, ..need };
    let created = "coalesce(t.created, j.start)";
    let lasted = seconds(created, "f.\"time\"");
    let early = format!("f.ran is not true and {created} <= f.\"time\" and {lasted} <= {START}");
    let counts = format!("(f.service is null or f.ran is not true or {lasted} <= {WORKED})");
    let spent = format!("case when {created} <= f.\"time\" and {counts} then {lasted} end");
    let mut values = plain(
        "f",
        &[
            "id",
            "account",
            "region",
            "cluster",
            "service",
            "family",
            "project",
            "run",
            "subnet",
            "phase",
            "reason",
            "cause",
            "class",
            "call",
            "quota",
            "event_name",
            "user",
            "exit_code",
            "ran",
            "secondary",
        ],
    );
    values.extend([
        ("kind", "'failure'".to_owned()),
        ("failure_kind", "f.kind".to_owned()),
        ("wording", "f.confidence".to_owned()),
        ("instance", "f.container_instance".to_owned()),
        (
            "deployment",
            "case when starts_with(f.started_by, 'ecs-svc/') then f.started_by \
             when starts_with(f.incident, 'deployment:ecs-svc/') then substr(f.incident, 12) end"
                .to_owned(),
        ),
        ("task", "case when f.kind = 'task' then f.task when f.kind = 'run' then f.submission end".to_owned()),
        ("resource", "case when f.phase = 'image_pull' then f.image else coalesce(f.role, f.secret) end".to_owned()),
        ("start", format!("case when {early} then {created} else f.\"time\" end")),
        ("end", "f.\"time\"".to_owned()),
        ("tasks", "f.missing_tasks".to_owned()),
        ("task_seconds", spent.clone()),
        ("vcpu_seconds", format!("({spent}) * coalesce(t.cpu / 1024.0, j.vcpu)")),
        ("gib_seconds", format!("({spent}) * coalesce(t.memory, j.memory) / 1024.0")),
        ("usd", format!("({spent}) / 3600.0 * j.price")),
        ("records", "make_array(arrow_cast(f.record, 'Utf8'))".to_owned()),
    ]);
    part(
        &values,
        &format!(
            "from ({failures}) f \
             left join (select e.task, min(e.created_at) as created, max(e.cpu) as cpu, max(e.memory) as memory \
               from task_events e where e.task in (select task from failures where kind = 'task') group by e.task) t \
             on f.kind = 'task' and t.task = f.task \
             left join ({JOBS}) j on f.kind = 'run' and j.submission = f.submission where f.\"time\" is not null",
            failures = failures::view(plainly),
        ),
    )
}

/// Job submissions with their start and price. What no instance ran cost nothing.
const JOBS: &str = "select s.submission, coalesce(p.start, s.start) as start, s.vcpu, s.memory, \
       case when s.provisioned then s.price * coalesce(s.blocks, 1) / greatest(coalesce(s.total_blocks, 1), 1) end as price \
     from (select j.submission, min(j.submitted_at) as start, max(j.vcpu) as vcpu, max(j.memory_mib) as memory, \
         max(j.price) as price, max(j.blocks) as blocks, max(j.total_blocks) as total_blocks, \
         bool_or(j.provisioned) as provisioned from job_submissions j where j.submission is not null group by j.submission) s \
     left join (select n.target_id, min(n.\"time\") as start from run_events n \
       where n.to_status in ('provisioning', 'pulling', 'running') group by n.target_id) p on p.target_id = s.submission";

/// Launches that a call failed to place. Their calls are their records, also if no evidence is requested.
fn unplaced(need: ViewRequest) -> String {
    let need = ViewRequest { raw: false, evidence: true, ..need };
    let view = (launches::noun().view)(need);
    let mut values = plain("l", &["id", "account", "region", "cluster", "family", "reason", "outcome"]);
    values.extend([
        ("kind", "'launch'".to_owned()),
        ("start", "l.\"time\"".to_owned()),
        ("end", "coalesce(l.healed_at, l.\"time\")".to_owned()),
        ("tasks", "l.missing".to_owned()),
    ]);
    values.extend(records("l", need));
    part(&values, &format!("from ({view}) l where l.outcome <> 'started'"))
}

/// Starts that never ran, unless nothing is known about their hour. `island` numbers the gaps of a schedule.
fn missed(need: ViewRequest) -> String {
    let view = (schedules::noun().view)(ViewRequest { raw: false, extra: false, ..need });
    let mut values = plain("s", &["id", "account", "region", "cluster", "family", "schedule", "disabled_by", "island"]);
    values.extend([
        ("kind", "'missed_start'".to_owned()),
        ("start", "s.\"time\"".to_owned()),
        ("end", "s.\"time\"".to_owned()),
        ("call", "s.launch".to_owned()),
        ("reason", "s.why".to_owned()),
    ]);
    values.extend(records("s", need));
    part(
        &values,
        &format!(
            "from (select s.*, sum(case when s.state = 'missed' then 0 else 1 end) over (partition by s.account, s.region, \
             s.cluster, s.family, s.started_by, s.schedule order by s.\"time\", s.id) as island from ({view}) s) s \
             where s.state = 'missed' and {known}",
            known = differs("s.absence", &as_text(Absence::NotExported.word()))
        ),
    )
}

fn collided(need: ViewRequest) -> String {
    let view = (collisions::noun().view)(ViewRequest { raw: false, ..need });
    let mut values = plain("c", &["id", "account", "region", "cluster", "family"]);
    values.extend([
        ("kind", "'collision'".to_owned()),
        ("instance", "c.container_instance".to_owned()),
        ("start", "least(c.\"time\", coalesce(c.window_start, c.\"time\"))".to_owned()),
        ("end", "greatest(c.\"time\", coalesce(c.window_end, c.\"time\"))".to_owned()),
        ("window", "c.window_start".to_owned()),
        ("outcome", "c.class".to_owned()),
    ]);
    values.extend(records("c", need));
    part(&values, &format!("from ({view}) c"))
}

fn stalled(need: ViewRequest) -> String {
    let view = (stalls::noun().view)(ViewRequest { raw: false, ..need });
    let mut values = plain("s", &["id", "account", "region", "cluster", "service", "deployment"]);
    values.extend([
        ("kind", "'stall'".to_owned()),
        ("instance", "s.container_instance".to_owned()),
        ("start", "s.\"time\"".to_owned()),
        ("end", "coalesce(s.ended_at, s.\"time\")".to_owned()),
        ("tasks", "s.pending".to_owned()),
    ]);
    values.extend(records("s", need));
    part(&values, &format!("from ({view}) s"))
}

fn view(need: ViewRequest) -> String {
    // Incidents are whole: the window applies to their start, not to their signals.
    let need = ViewRequest { from: None, to: None, peaks: false, ..need };
    let signals = [failed(need), unplaced(need), missed(need), collided(need), stalled(need)].join(" union all ");
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
    let evidence = if need.evidence { format!(", {} as {}", of("evidence"), quoted(EVIDENCE)) } else { String::new() };
    format!(
        "select {id} as id, {start} as \"time\", {start} as \"start\", {end} as \"end\", {duration} as duration, {plain}{raw}{evidence} \
         from (select unnest(w.found) as s from (select find_incidents({arguments}) over (partition by u.part \
           order by u.\"start\", u.id) as found from ({signals}) u) w where w.found is not null) i",
        id = of("id"),
        start = of("start"),
        end = of("end"),
        duration = seconds(&of("start"), &of("end")),
        plain = plain.join(", "),
        raw = no_raw(need),
        arguments = arguments.join(", "),
    )
}
