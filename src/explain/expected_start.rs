//! Explains an expected start of a schedule: its outcome, the starts around it, what to check and what to do.

use super::changes::callers;
use super::describe;
use super::find::SHORTEST_PREFIX;
use super::records::{Records, Row, equals, text, time};
use crate::model::catalog::{FailureCatalog, Finding as Known, filled};
use crate::nouns::schedules::absence::Absence;
use crate::nouns::{self, EVIDENCE, ViewRequest};
use crate::rfc3339::{instant, some_instant};
use crate::run::RunError;
use crate::table::Table;
use jiff::Timestamp;
use serde::Serialize;

/// The number of neighbors shown on each side.
const NEIGHBORS: usize = 3;

/// The columns read for each expected start.
const COLUMNS: [&str; 20] = [
    "id",
    "time",
    "state",
    "why",
    "absence",
    "schedule",
    "frequency",
    "started_at",
    "launch",
    "previous_run",
    "next_run",
    "without_run",
    "rerun",
    "rerun_at",
    "account",
    "region",
    "cluster",
    "family",
    "started_by",
    "caller",
];

/// An expected start with everything known about it.
#[derive(Debug, Clone, Serialize)]
pub struct ExpectedStart {
    /// Its id: the first call of the caller, `@`, and the expected time.
    pub id: String,
    /// The name of the schedule.
    pub schedule: String,
    /// The schedule expression that predicts it.
    pub frequency: String,
    /// When it was expected.
    #[serde(serialize_with = "instant")]
    pub expected_at: Timestamp,
    /// started, late, healed or missed.
    pub state: String,
    /// The failure recorded at that time, or why there is no record.
    pub why: Option<String>,
    /// When it ran.
    #[serde(serialize_with = "some_instant")]
    pub started_at: Option<Timestamp>,
    /// The first call of the launch at that time.
    pub launch: Option<String>,
    /// Where, by name.
    pub place: Vec<Place>,
    /// Expected starts of this caller in all records.
    pub expected: usize,
    /// Expected starts that never ran.
    pub missed: usize,
    /// The expected starts before, oldest first.
    pub before: Vec<Neighbor>,
    /// The expected starts after, oldest first.
    pub after: Vec<Neighbor>,
    /// When the schedule ran before, if it missed this start.
    #[serde(serialize_with = "some_instant")]
    pub previous_run: Option<Timestamp>,
    /// When the schedule ran next, if it missed this start: until then, everything that needs its work had to wait.
    #[serde(serialize_with = "some_instant")]
    pub next_run: Option<Timestamp>,
    /// Seconds between these two runs.
    pub without_run_seconds: Option<f64>,
    /// Missed starts in a row, including this one; 0 if it was not missed.
    pub missed_in_a_row: usize,
    /// The missed starts in a row of which nothing is known, because their hours have no records.
    pub unrecorded_in_a_row: usize,
    /// The first start of the task definition outside of schedules before the next run, if the schedule missed this start.
    pub rerun: Option<Rerun>,
    /// The incident that this start belongs to, if a call failed to place its tasks.
    pub incident: Option<Membership>,
    /// What that means.
    pub meaning: String,
    /// The catalog entry of the failure recorded at that time.
    pub failure: Option<KnownFailure>,
    /// What to look at.
    pub verify: Vec<String>,
    /// What to do.
    pub actions: Vec<String>,
}

/// One fact about where it was expected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Place {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// An expected start before or after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Neighbor {
    /// When it was expected.
    #[serde(serialize_with = "instant")]
    pub at: Timestamp,
    /// Its outcome.
    pub state: String,
    /// Why it did not start on time.
    pub why: Option<String>,
    /// When it ran.
    #[serde(serialize_with = "some_instant")]
    pub started_at: Option<Timestamp>,
}

/// A start of the task definition outside of schedules: by hand, or by a program.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rerun {
    /// The id of the call.
    pub call: String,
    /// When.
    #[serde(serialize_with = "instant")]
    pub time: Timestamp,
    /// The caller.
    pub who: Option<String>,
    /// The person behind its role session, if known.
    pub person: Option<String>,
}

/// The incident of a missed start.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Membership {
    /// Its id.
    pub id: String,
    /// Who was hit, and why.
    pub what: String,
    /// The other schedules that missed starts in the same incident, by name.
    pub other_schedules: Vec<AlsoMissed>,
}

/// Missed starts of another schedule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlsoMissed {
    /// Its name.
    pub schedule: String,
    /// The number of missed starts.
    pub missed: i64,
}

/// A failure as the catalog describes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KnownFailure {
    /// The id of its entry.
    pub cause: String,
    /// Its name.
    pub title: String,
    /// What it means.
    pub meaning: String,
}

/// Whether a name has the shape of the id of an expected start.
pub fn is_slot(name: &str) -> bool {
    let parts = name.trim().rsplit_once('@');
    parts.is_some_and(|(first, at)| !first.is_empty() && at.parse::<Timestamp>().is_ok())
}

/// The expected start with this id, as of the newest record; none if no schedule predicts one at that time.
pub fn slot(records: &Records<'_>, name: &str, newest: Timestamp) -> Result<Option<ExpectedStart>, RunError> {
    let Some((first, at)) = name.trim().rsplit_once('@') else { return Ok(None) };
    let (Ok(at), Some(noun)) = (at.parse::<Timestamp>(), nouns::noun("schedules")) else { return Ok(None) };
    let need = ViewRequest { anchor: newest.as_microsecond(), ..ViewRequest::default() };
    let view = (noun.view)(need);
    let mut rows = records.rows(&format!(
        "select {} from ({view}) s where starts_with(s.id, {}) order by \"time\"",
        COLUMNS.map(|column| format!("\"{column}\"")).join(", "),
        text(first)
    ))?;
    // The beginning of an id is enough if only one schedule has it.
    let series = |row: &Row| row.text("id").and_then(|id| id.rsplit_once('@')).map(|(series, _)| series.to_owned());
    let mut named: Vec<Option<String>> = rows.iter().filter(|row| row.time("time") == Some(at)).map(series).collect();
    named.dedup();
    let whole = Some(first.to_owned());
    let wanted = match named.as_slice() {
        _ if named.contains(&whole) => whole,
        [only] if first.len() >= SHORTEST_PREFIX => only.clone(),
        _ => return Ok(None),
    };
    rows.retain(|row| series(row) == wanted);
    let Some(place) = rows.iter().position(|row| row.time("time") == Some(at)) else { return Ok(None) };
    let (earlier, rest) = rows.split_at(place);
    let Some((row, later)) = rest.split_first() else { return Ok(None) };
    let failure = known_failure(row);
    let goes_on = later.iter().any(|row| row.text("state") != Some("missed"));
    let state = row.text("state").unwrap_or_default().to_owned();
    let missed_row = missed_around(earlier, row, later);
    Ok(Some(ExpectedStart {
        id: row.text("id").unwrap_or_default().to_owned(),
        schedule: row.text("schedule").unwrap_or_default().to_owned(),
        frequency: row.text("frequency").unwrap_or_default().to_owned(),
        expected_at: at,
        why: row.text("why").map(str::to_owned),
        started_at: row.time("started_at"),
        launch: row.text("launch").map(str::to_owned),
        place: places(row),
        expected: rows.len(),
        missed: rows.iter().filter(|row| row.text("state") == Some("missed")).count(),
        before: earlier.iter().skip(earlier.len().saturating_sub(NEIGHBORS)).filter_map(neighbor).collect(),
        after: later.iter().take(NEIGHBORS).filter_map(neighbor).collect(),
        previous_run: row.time("previous_run"),
        next_run: row.time("next_run"),
        without_run_seconds: row.number("without_run"),
        missed_in_a_row: missed_row.len(),
        unrecorded_in_a_row: missed_row.iter().filter(|row| absence(row) == Some(Absence::NotExported)).count(),
        rerun: rerun(records, row)?,
        incident: incident(records, row, need)?,
        meaning: meaning(row, goes_on || later.is_empty()),
        verify: verify(row),
        actions: actions(row, failure.as_ref(), goes_on),
        failure,
        state,
    }))
}

fn neighbor(row: &Row) -> Option<Neighbor> {
    Some(Neighbor {
        at: row.time("time")?,
        state: row.text("state")?.to_owned(),
        why: row.text("why").map(str::to_owned),
        started_at: row.time("started_at"),
    })
}

/// The missed starts in a row around a start, including it; none if it was not missed.
fn missed_around<'r>(earlier: &'r [Row], row: &'r Row, later: &'r [Row]) -> Vec<&'r Row> {
    let is_missed = |row: &&Row| row.text("state") == Some("missed");
    if !is_missed(&row) {
        return Vec::new();
    }
    let before = earlier.iter().rev().take_while(is_missed);
    before.chain([row]).chain(later.iter().take_while(is_missed)).collect()
}

/// The start outside of schedules that may have done the work of a missed start, with its caller.
fn rerun(records: &Records<'_>, row: &Row) -> Result<Option<Rerun>, RunError> {
    let (Some(call), Some(at)) = (row.text("rerun"), row.time("rerun_at")) else { return Ok(None) };
    let condition = format!("{} and \"time\" = {}", equals("id", Some(call)), time(at));
    let calls = records.some(Table::Calls, &condition, "\"time\"", 1)?;
    let recorded = calls.first().and_then(describe::call).and_then(|event| event.who);
    let (who, person) = match callers(records, &[(call, at)])?.into_values().next() {
        Some(caller) => (Some(caller.who), caller.person),
        None => (recorded, None),
    };
    Ok(Some(Rerun { call: call.to_owned(), time: at, who, person }))
}

/// The incident of a missed start with a call. Its evidence has the calls of all starts that it lost.
fn incident(records: &Records<'_>, row: &Row, need: ViewRequest) -> Result<Option<Membership>, RunError> {
    let (Some("missed"), Some(launch)) = (row.text("state"), row.text("launch")) else { return Ok(None) };
    let (Some(incidents), Some(schedules)) = (nouns::noun("incidents"), nouns::noun("schedules")) else { return Ok(None) };
    // A start without a call refers to the calls around it, and so does its incident.
    let of_launch = format!(
        "select i.id, i.what, i.\"{EVIDENCE}\" as calls from ({view}) i \
         where i.launches_lost > 0 and i.root <> 'schedule' and array_has(i.\"{EVIDENCE}\", {launch}) order by i.id limit 1",
        view = (incidents.view)(ViewRequest { evidence: true, ..need }),
        launch = text(launch),
    );
    let missed = records.rows(&format!(
        "select i.id, i.what, s.schedule, count(*) as missed from ({of_launch}) i, ({view}) s \
         where s.state = 'missed' and s.launch is not null and array_has(i.calls, arrow_cast(s.launch, 'Utf8')) \
         group by i.id, i.what, s.schedule order by s.schedule",
        view = (schedules.view)(need),
    ))?;
    let Some(found) = missed.first() else { return Ok(None) };
    let others = missed.iter().filter(|other| other.text("schedule") != row.text("schedule"));
    let also = |other: &Row| {
        Some(AlsoMissed { schedule: other.text("schedule")?.to_owned(), missed: other.int("missed").unwrap_or_default() })
    };
    Ok(Some(Membership {
        id: found.text("id").unwrap_or_default().to_owned(),
        what: found.text("what").unwrap_or_default().to_owned(),
        other_schedules: others.filter_map(also).collect(),
    }))
}

fn places(row: &Row) -> Vec<Place> {
    let names = [
        ("account", "account"),
        ("region", "region"),
        ("cluster", "cluster"),
        ("task definition", "family"),
        ("started by", "started_by"),
        ("caller", "caller"),
    ];
    let named = names.into_iter().filter_map(|(name, column)| Some(Place { name, value: row.text(column)?.to_owned() }));
    named.collect()
}

/// The catalog entry for the failure of a launch that never placed its tasks.
fn known_failure(row: &Row) -> Option<KnownFailure> {
    row.text("launch")?;
    match FailureCatalog::current().look_up(None, row.text("why")?) {
        Known::Failure(_, entry) => {
            Some(KnownFailure { cause: entry.id.clone(), title: entry.name.clone(), meaning: entry.cause.clone() })
        }
        Known::Benign(..) | Known::Unknown => None,
    }
}

fn absence(row: &Row) -> Option<Absence> {
    Absence::of(row.text("absence")?)
}

fn meaning(row: &Row, goes_on: bool) -> String {
    let since = if goes_on { "" } else { " According to the records, no later start ran either." };
    let outcome = match (row.text("state").unwrap_or_default(), absence(row)) {
        ("started", _) => "It started in time, at the first attempt.".to_owned(),
        ("late", _) => "It started later than its schedule allows, at the first attempt.".to_owned(),
        ("healed", _) => "The first attempt failed, and a retry started it.".to_owned(),
        (_, Some(Absence::NotExported)) => {
            "No records of this account and Region exist for that hour: it may have run without being recorded here."
                .to_owned()
        }
        (_, Some(Absence::Disabled)) => "The schedule did not fire because it was disabled.".to_owned(),
        (_, Some(Absence::NotCalled)) => {
            "Other calls in that hour are recorded, but not this one: the schedule did not fire, or its call failed before it reached \
             Amazon ECS."
                .to_owned()
        }
        (_, None) => "The call was refused and no retry succeeded: this run is lost.".to_owned(),
    };
    outcome + since
}

/// What to check, with names filled in.
fn verify(row: &Row) -> Vec<String> {
    let started_by = row.text("started_by").unwrap_or_default();
    let (kind, name) = match started_by.split_once('/') {
        Some(("events-rule", name)) => ("rule", name),
        Some(("chronos-schedule", name)) => ("schedule", name),
        _ if started_by == "AWS Step Functions" => ("machine", started_by),
        _ => ("caller", started_by),
    };
    let fields = [("name".to_owned(), name), ("region".to_owned(), row.text("region").unwrap_or_default())];
    let command = |command: &str| filled(command, &fields);
    let of_schedule = match kind {
        "rule" => vec![
            command("aws events describe-rule --name {name} --region {region}"),
            "CloudWatch metrics FailedInvocations and ThrottledRules of the rule at that time".to_owned(),
        ],
        "schedule" => vec![
            command("aws scheduler get-schedule --name {name} --region {region}"),
            "CloudWatch metrics TargetErrorCount, InvocationDroppedCount and TargetErrorThrottledCount of EventBridge Scheduler"
                .to_owned(),
        ],
        "machine" => vec!["The execution of the state machine at that time, and its retry settings".to_owned()],
        _ => vec!["The log of the caller at that time".to_owned()],
    };
    match (row.text("state"), absence(row)) {
        (Some("missed"), Some(Absence::NotExported)) => {
            vec!["ecs-audit query \"gaps\" lists the hours without records".to_owned()]
        }
        (Some("missed"), Some(_)) => of_schedule,
        (_, _) => row
            .text("launch")
            .map(|launch| filled("ecs-audit explain {launch}", &[("launch".to_owned(), launch)]))
            .into_iter()
            .collect(),
    }
}

fn actions(row: &Row, failure: Option<&KnownFailure>, goes_on: bool) -> Vec<String> {
    let run_again = "Run it manually if the work is still needed: later starts do not make up for it".to_owned();
    match (row.text("state"), absence(row)) {
        (Some("missed"), Some(Absence::NotExported)) => {
            vec!["Export and load that hour, then run this command again".to_owned()]
        }
        // A schedule that ran later was enabled again.
        (Some("missed"), Some(Absence::Disabled)) if goes_on => vec![run_again],
        (Some("missed"), Some(Absence::Disabled)) => {
            vec!["Enable the schedule again if it should run".to_owned(), run_again]
        }
        (Some("missed"), Some(Absence::NotCalled)) => vec![
            "Add a retry policy and a dead-letter queue to the target of the schedule, so that dropped calls become visible"
                .to_owned(),
            run_again,
        ],
        (Some("missed"), None) => {
            let known = failure.and_then(|failure| FailureCatalog::current().entry(&failure.cause));
            // Advice with placeholders belongs to the explanation of the call.
            let advice = known.into_iter().flat_map(|entry| &entry.actions).filter(|action| !action.contains('{')).cloned();
            let mut actions: Vec<String> = advice.collect();
            let heals = known.is_none_or(|entry| matches!(entry.retry.as_str(), "backoff" | "conditional"));
            if heals && !actions.iter().any(|action| action.to_lowercase().contains("retry")) {
                let retry = "Make the caller retry failed starts with backoff: check `failures` in the response, not only errors";
                actions.push(retry.to_owned());
            }
            actions.push(run_again);
            actions
        }
        _ => Vec::new(),
    }
}
