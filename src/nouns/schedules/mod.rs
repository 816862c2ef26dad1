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
    computed("previous_run", FieldType::Time, "if missed: the run before, by the schedule or another call"),
    computed("next_run", FieldType::Time, "if missed: when the schedule ran next"),
    computed(
        "without_run",
        FieldType::Duration,
        "if missed: time from the previous run to the next one or to a rerun; missing = one is not recorded",
    ),
    computed(
        "rerun",
        FieldType::Text,
        "if missed: id of the first call outside of schedules that started the task definition before the next run",
    ),
    computed("rerun_at", FieldType::Time, "if missed: time of that call"),
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
        "time from the first start to the last stop of its tasks; without a recorded stop, until the newest event of its cluster",
    ),
    computed(
        "overlap",
        FieldType::Duration,
        "time for which it still ran after the next run had started; 0 = none; without a recorded stop, so far",
    ),
    computed("stopped_at", FieldType::Time, "when the last of its tasks stopped; missing = no stop is recorded"),
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
    "stopped_at",
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
            let kind = match field.kind {
                FieldType::Int => "Int64",
                FieldType::Time => "Timestamp(Microsecond, Some(\"UTC\"))",
                _ => "Float64",
            };
            format!(", arrow_cast(null, '{kind}') as {}", field.name)
        });
        return starts(need, &missing.collect::<String>());
    }
    let compared = of_tasks.iter().map(|field| match field.name {
        // It is a fact of the run, and no comparison.
        "stopped_at" => ", x.stopped_at".to_owned(),
        name => format!(", get_field(x.history, '{name}') as {name}"),
    });
    format!(
        "select {kept}{compared}{raw}{evidence} from (\
           select b.*, u.stopped_at, run_history(cast(b.expected_at as bigint), cast(u.started_at as bigint), cast(u.stopped_at as bigint), \
             cast(u.watched_until as bigint), cast({anchor} as bigint)) over (\
               partition by b.first_call order by b.expected_at, b.id) as history \
           from ({starts}) b left join ({RUNS}) u on u.call_id = b.placed_by) x",
        kept = list(fields.iter().map(|field| field.name), "x"),
        compared = compared.collect::<String>(),
        raw = no_raw(need),
        evidence = evidence_of(need, "x"),
        anchor = need.anchor,
        starts = starts(ViewRequest { raw: false, ..need }, ", s.first as first_call, s.placed_by"),
    )
}

/// When the tasks that a call placed ran and stopped.
const RUNS: &str = include_str!("runs.sql");

/// The expected starts, with more columns at the end.
fn starts(need: ViewRequest, more: &str) -> String {
    let evidence = if need.evidence { format!(", s.evidence as {}", quoted(EVIDENCE)) } else { String::new() };
    format!(
        include_str!("schedules.sql"),
        attempts = attempts(""),
        expected = over_attempts("expected_starts", need),
        reasons = REASONS,
        hour = HOUR,
        not_exported = Absence::NotExported.word(),
        not_called = Absence::NotCalled.word(),
        disabled = Absence::Disabled.word(),
        delay = seconds("s.at", "s.started_at"),
        without_run = seconds("s.previous_run", "least(s.next_run, s.rerun_at)"),
        more = format_args!("{more}{}{evidence}", no_raw(need)),
    )
}

/// Counts the callers with and without a schedule: `regular`, `irregular`.
pub fn callers(need: ViewRequest) -> String {
    format!(
        "select count(*) filter (where w.regular) as regular, count(*) filter (where not w.regular) as irregular from (\
           select get_field({}, 'regular') as regular from ({}) a) w",
        over_attempts("regular_caller", need),
        attempts(""),
    )
}
