//! `schedules`: one row per expected start of a caller with a schedule, and its outcome.

pub mod absence;
pub mod calendar;
pub mod expected;
pub mod function;
pub mod history;
pub mod period;
pub mod schedule;
#[cfg(test)]
mod tests;

use self::absence::Absence;
use super::launches::{REASONS, attempts, counted, over_attempts};
use super::sql::{computed, evidence_of, list, no_raw, quoted, seconds};
use super::{EVIDENCE, Needs, Noun, ViewRequest};
use crate::lang::catalog::{FieldInfo, FieldType};
use crate::micros::HOUR;
use crate::table::Table;

const FIELDS: &[FieldInfo] = &[
    computed("id", FieldType::Text, "id of the first call of the caller, @, and the expected time"),
    computed("time", FieldType::Time, "expected start time"),
    computed("expected_at", FieldType::Time, "expected start time (same as `time`)"),
    computed("state", FieldType::Text, "started, late, healed (by a retry) or missed"),
    computed(
        "why",
        FieldType::Text,
        "the failure at that time; or `no record`, with whether the hour has any records and who disabled the schedule",
    ),
    computed("absence", FieldType::Text, "why no call is recorded: not_exported, disabled or not_called"),
    computed("disabled_by", FieldType::Text, "the call that disabled the schedule, with its caller and time"),
    computed("schedule", FieldType::Text, "name of the rule or schedule, or of the job"),
    computed("frequency", FieldType::Text, "the detected schedule, such as `every 15m`"),
    computed("started_at", FieldType::Time, "when it ran; missing = it did not run"),
    computed("late_at", FieldType::Time, "when it ran, if late"),
    computed("healed_at", FieldType::Time, "when it ran, if started by a retry"),
    computed("missed_at", FieldType::Time, "when it was expected, if missed"),
    computed("delay", FieldType::Duration, "time from the expected to the actual start"),
    computed("launch", FieldType::Text, "id of the launch for this start"),
    computed("account", FieldType::Text, "account"),
    computed("region", FieldType::Text, "region"),
    computed("cluster", FieldType::Text, "short cluster name"),
    computed("family", FieldType::Text, "task definition family"),
    computed("started_by", FieldType::Text, "startedBy: the rule or the schedule"),
    computed("group", FieldType::Text, "task group, if the first call has one"),
    computed("caller", FieldType::Text, "caller, without the session name"),
    computed("start_delay", FieldType::Duration, "time from the expected start until its first task ran"),
    computed(
        "duration",
        FieldType::Duration,
        "time from the first start to the last stop of its tasks; for the newest run of a schedule, so far",
    ),
    computed("overlap", FieldType::Duration, "time for which it still ran after the next run had started; 0 = none"),
    computed("previous_runs", FieldType::Int, "earlier runs that it is compared with: those that have ended, at most 50"),
    computed("usual_duration", FieldType::Duration, "median duration of the previous runs"),
    computed(
        "duration_score",
        FieldType::Float,
        "distance of the duration from its median, in scaled median absolute deviations (× 1.4826; at least 5 % of the median and 1s)",
    ),
    computed("usual_start_delay", FieldType::Duration, "median start delay of the previous runs"),
    computed(
        "start_delay_score",
        FieldType::Float,
        "distance of the start delay from its median, in scaled median absolute deviations",
    ),
];

/// The fields that come from the tasks of a run.
const OF_TASKS: &[&str] = &[
    "start_delay",
    "duration",
    "overlap",
    "previous_runs",
    "usual_duration",
    "duration_score",
    "usual_start_delay",
    "start_delay_score",
];

/// The noun.
pub fn noun() -> Noun {
    Noun {
        needs: Needs::All(&[&[Table::Calls]]),
        reads_originals: true,
        fields: FIELDS.to_vec(),
        measures: vec![
            counted("expected", "expected_at", FieldType::Time, "expected starts"),
            counted("started", "started_at", FieldType::Time, "expected starts that ran, including late and healed ones"),
            counted("late", "late_at", FieldType::Time, "expected starts that ran late"),
            counted("healed", "healed_at", FieldType::Time, "expected starts that a retry started"),
            counted("missed", "missed_at", FieldType::Time, "expected starts that never ran"),
        ],
        shown: &["time", "schedule", "state", "why", "frequency", "started_at", "cluster", "family"],
        optional: &["family", "cluster", "started_at", "frequency"],
        extra: OF_TASKS,
        ..Noun::computed("schedules", view)
    }
}

/// The rows, with the fields from tasks if they are requested: these take another pass over all events of tasks.
fn view(need: ViewRequest) -> String {
    let (of_tasks, fields): (Vec<&FieldInfo>, Vec<&FieldInfo>) = FIELDS.iter().partition(|field| OF_TASKS.contains(&field.name));
    if !need.extra {
        let missing = of_tasks.iter().map(|field| {
            let kind = if field.kind == FieldType::Int { "bigint" } else { "double" };
            format!(", cast(null as {kind}) as {}", field.name)
        });
        return starts(need, &missing.collect::<String>());
    }
    let compared = of_tasks.iter().map(|field| format!(", get_field(x.history, '{0}') as {0}", field.name));
    format!(
        "select {kept}{compared}{raw}{evidence} from (\
           select b.*, run_history(cast(b.expected_at as bigint), cast(u.started_at as bigint), cast(u.stopped_at as bigint), \
             cast({anchor} as bigint)) over (partition by b.first_call order by b.expected_at, b.id) as history \
           from ({starts}) b left join ({RUNS}) u on u.call_id = b.placed_by) x",
        kept = list(fields.iter().map(|field| field.name), "x"),
        compared = compared.collect::<String>(),
        raw = no_raw(need),
        evidence = evidence_of(need, "x"),
        anchor = need.anchor,
        starts = starts(ViewRequest { raw: false, ..need }, ", s.first as first_call, s.placed_by"),
    )
}

/// When the tasks that a call placed ran and stopped. If one of them has not stopped, there is no stop.
const RUNS: &str = "select c.call_id, min(t.started_at) as started_at, \
     case when count(*) = count(t.stopped_at) then max(t.stopped_at) end as stopped_at from (\
       select c.id as call_id, unnest(string_to_array(coalesce(c.tasks, c.task), ' ')) as task from calls c \
       where c.event_source = 'ecs.amazonaws.com' and c.event_name in ('RunTask', 'StartTask') and c.task is not null) c \
     join (select t.task, min(t.started_at) as started_at, max(t.stopped_at) as stopped_at from task_events t \
       where t.task is not null group by t.task) t on t.task = c.task group by c.call_id";

/// The expected starts, with more columns at the end.
fn starts(need: ViewRequest, more: &str) -> String {
    let of = |name: &str| format!("get_field(e.s, '{name}')");
    let raw = no_raw(need);
    let evidence = if need.evidence { format!(", s.evidence as {}", quoted(EVIDENCE)) } else { String::new() };
    // A regular start is expected at a computed time: one that comes earlier has no delay.
    let delay = seconds("s.at", "s.started_at");
    let delay = format!("coalesce({delay}, case when s.started_at is not null then 0.0 end)");
    let when = |state: &str, time: &str| format!("case when s.state = '{state}' then {time} end as {state}_at");
    let called = "s.state = 'started' or s.state = 'late' or s.launch is not null";
    let disabled_by = "concat(d.event_name, coalesce(concat(' by ', d.\"user\"), ''), ' at ', arrow_cast(d.since, 'Utf8'))";
    format!(
        "select arrow_cast(concat(s.first, '@', cast(s.at as varchar)), 'Utf8View') as id, s.at as \"time\", s.at as expected_at, \
         s.state, arrow_cast(case when s.state = 'started' or s.state = 'late' then null \
           when s.launch is not null then coalesce(r.reason, s.reason) \
           when h.hour is null then 'no record: not in this export' \
           when d.event_name is null then 'no record: not called' \
           else concat('no record: not called; ', {disabled_by}) end, 'Utf8View') as why, \
         arrow_cast(case when {called} then null when h.hour is null then '{not_exported}' \
           when d.event_name is null then '{not_called}' else '{disabled}' end, 'Utf8View') as absence, \
         arrow_cast(case when {called} or h.hour is null or d.event_name is null then null else {disabled_by} end, \
           'Utf8View') as disabled_by, \
         s.schedule, s.frequency, s.started_at, {late}, {healed}, {missed}, {delay} as delay, s.launch, s.account, \
         s.region, s.cluster, s.family, s.started_by, s.\"group\", s.caller{more}{raw}{evidence} from (select s.*, {SCHEDULE} as schedule from (\
           select e.first, {at} as at, {state} as state, {reason} as reason, {frequency} as frequency, {started} as started_at, \
           {placed} as placed_by, {launch} as launch, {ids} as evidence, e.account, e.region, e.cluster, e.family, e.started_by, e.\"group\", e.caller \
           from (select w.id as first, w.account, w.region, w.cluster, w.family, w.started_by, w.\"group\", w.caller, \
             unnest(w.slots) as s from (select a.id, a.account, a.region, a.cluster, a.family, a.started_by, a.\"group\", \
               a.caller, {over_attempts} as slots from ({attempts}) a) w where w.slots is not null) e) s) s \
         left join (select distinct coalesce(c.account, '') as account, coalesce(c.region, '') as region, \
           cast(c.\"time\" as bigint) / {HOUR} as hour from calls c where c.\"time\" is not null) h \
         on h.account = coalesce(s.account, '') and h.region = coalesce(s.region, '') \
         and h.hour = cast(s.at as bigint) / {HOUR} \
         left join ({REASONS}) r on r.id = s.launch \
         left join ({DISABLED}) d on s.launch is null and d.name = s.schedule and d.account = coalesce(s.account, '') \
         and d.region = coalesce(s.region, '') and d.since <= s.at and (d.until is null or d.until > s.at)",
        not_exported = Absence::NotExported.word(),
        not_called = Absence::NotCalled.word(),
        disabled = Absence::Disabled.word(),
        late = when("late", "s.started_at"),
        healed = when("healed", "s.started_at"),
        missed = when("missed", "s.at"),
        at = of("expected_at"),
        state = of("state"),
        reason = of("reason"),
        frequency = of("frequency"),
        started = of("started_at"),
        placed = of("placed_by"),
        launch = of("launch"),
        ids = of("evidence"),
        over_attempts = over_attempts("expected_starts", need),
        attempts = attempts(""),
    )
}

/// The intervals in which a rule or a schedule was disabled, with the call that disabled it.
const DISABLED: &str = "select d.* from (select d.*, lead(d.since) over (\
       partition by d.account, d.region, d.name order by d.since, d.id) as until from (\
         select c.id, c.\"time\" as since, coalesce(c.account, '') as account, coalesce(c.region, '') as region, c.event_name, \
         c.\"user\", json_path(c.raw, '/requestParameters/state') as state, \
         coalesce(json_path(c.raw, '/requestParameters/name'), json_path(c.raw, '/requestParameters/rule')) as name \
         from calls c where c.event_source in ('events.amazonaws.com', 'scheduler.amazonaws.com') and c.error_code is null \
         and c.event_name in ('DisableRule', 'EnableRule', 'PutRule', 'DeleteRule', 'PutTargets', 'RemoveTargets', \
           'CreateSchedule', 'UpdateSchedule', 'DeleteSchedule')) d where d.name is not null) d \
     where d.event_name in ('DisableRule', 'DeleteRule', 'RemoveTargets', 'DeleteSchedule') or d.state = 'DISABLED'";

/// The name of a schedule.
const SCHEDULE: &str = "arrow_cast(case when starts_with(s.started_by, 'events-rule/') then substr(s.started_by, 13) \
     when starts_with(s.started_by, 'chronos-schedule/') then substr(s.started_by, 18) \
     when s.started_by = 'AWS Step Functions' then concat(s.family, ' (Step Functions)') \
     else coalesce(s.started_by, concat(s.family, ' by ', s.caller)) end, 'Utf8View')";

/// Counts the callers with and without a schedule: `regular`, `irregular`.
pub fn callers(need: ViewRequest) -> String {
    format!(
        "select count(*) filter (where w.regular) as regular, count(*) filter (where not w.regular) as irregular from (\
           select get_field({}, 'regular') as regular from ({}) a) w",
        over_attempts("regular_caller", need),
        attempts(""),
    )
}
