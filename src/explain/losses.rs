//! Losses of a service, cluster, deployment, schedule, task definition or container instance in addition to its failures:
//! launches that never placed their tasks, missed starts, stalled deployments and launches that hit a disconnected agent.
//! The costliest come first: work that never ran, then waiting time.

use super::find::{Subject, SubjectKind};
use super::finding::{Event, EventKind};
use super::records::{Records, Row, equals, like_it, text};
use crate::nouns::{self, ViewRequest};
use crate::plural::counted;
use crate::render::describe_duration;
use crate::rfc3339::instant;
use crate::run::RunError;
use jiff::Timestamp;
use serde::Serialize;

/// One loss.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Loss {
    /// lost_launch, missed_start, stall or collision.
    pub kind: &'static str,
    /// When it began.
    #[serde(serialize_with = "instant")]
    pub time: Timestamp,
    /// What happened.
    pub what: String,
    /// Tasks that never ran.
    pub never_ran: i64,
    /// Total seconds that tasks waited.
    pub waited_seconds: f64,
    /// The row id of its noun. `explain` accepts the ids of lost launches and missed starts.
    pub id: String,
    /// The launch of a missed start, if there was one.
    #[serde(skip)]
    launch: Option<String>,
}

/// The SQL view of a noun; ongoing intervals end at the newest record.
pub(super) fn view(records: &Records<'_>, word: &str) -> Result<Option<String>, RunError> {
    let Some(noun) = nouns::noun(word) else { return Ok(None) };
    let newest = records.rows("select max(last_event) as newest from files")?;
    let anchor = newest.first().and_then(|row| row.time("newest")).map_or(0, Timestamp::as_microsecond);
    Ok(Some(records.view(&(noun.view)(ViewRequest { anchor, ..ViewRequest::default() }))))
}

/// The losses of a subject, costliest first.
pub fn losses(records: &Records<'_>, subject: &Subject) -> Result<Vec<Loss>, RunError> {
    let mut found = Vec::new();
    for (word, kind) in
        [("launches", "lost_launch"), ("schedules", "missed_start"), ("stalls", "stall"), ("collisions", "collision")]
    {
        let Some(condition) = condition(records, subject, word)? else { continue };
        let Some(view) = view(records, word)? else { continue };
        let only = match word {
            "launches" => "n.outcome = 'lost'",
            "schedules" => "n.state = 'missed'",
            // Lost launches are already listed as rows of their own.
            "collisions" if subject.kind != SubjectKind::Instance => "(n.outcome is null or n.outcome <> 'lost')",
            _ => "true",
        };
        let statement = format!("select n.* from {view} n where {only} and {condition} order by n.\"time\", n.id");
        found.extend(records.rows(&statement)?.iter().filter_map(|row| loss(kind, row)));
    }
    // A start of a schedule that was called and placed nothing counts once, as the lost launch.
    let lost: std::collections::BTreeSet<String> =
        found.iter().filter(|loss| loss.kind == "lost_launch").map(|loss| loss.id.clone()).collect();
    found.retain(|loss| loss.launch.as_ref().is_none_or(|launch| !lost.contains(launch)));
    found.sort_by(|left, right| {
        let by_cost = right.never_ran.cmp(&left.never_ran).then(right.waited_seconds.total_cmp(&left.waited_seconds));
        by_cost.then(left.time.cmp(&right.time)).then_with(|| left.id.cmp(&right.id))
    });
    Ok(found)
}

/// The condition for rows of a noun that belong to a subject; none if the noun does not cover such subjects.
fn condition(records: &Records<'_>, subject: &Subject, word: &str) -> Result<Option<String>, RunError> {
    let is = |column: &str| equals(column, Some(&subject.name));
    let there = subject.there();
    let condition = match (subject.kind, word) {
        (SubjectKind::Cluster, _) => is("cluster"),
        (SubjectKind::Service, "stalls") => is("service"),
        (SubjectKind::Service, "launches" | "collisions") => equals("group", Some(&format!("service:{}", subject.name))),
        (SubjectKind::Deployment, "stalls") => is("deployment"),
        (SubjectKind::Deployment, "launches" | "collisions") => is("started_by"),
        (SubjectKind::Family, "stalls") => {
            format!("({} or starts_with(task_definition, {}))", is("task_definition"), text(&format!("{}:", subject.name)))
        }
        (SubjectKind::Family, "launches") => format!("({} or {})", is("family"), is("task_definition")),
        (SubjectKind::Family, _) => is("family"),
        (SubjectKind::Instance, "stalls" | "collisions") => is("container_instance"),
        (SubjectKind::Schedule, "schedules") => is("schedule"),
        (SubjectKind::Schedule, "launches" | "collisions") => match starts_of(records, &subject.name)? {
            Some(series) => series,
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(Some(format!("{condition} and {there}")))
}

/// The condition for launches of a schedule: account, Region, cluster, family and startedBy. Schedules of several Regions may
/// have one name.
fn starts_of(records: &Records<'_>, schedule: &str) -> Result<Option<String>, RunError> {
    let Some(view) = view(records, "schedules")? else { return Ok(None) };
    let columns = ["account", "region", "cluster", "family", "started_by"];
    let listed = columns.map(|column| format!("s.\"{column}\"")).join(", ");
    let statement = format!("select distinct {listed} from {view} s where s.schedule = {} order by {listed}", text(schedule));
    let of_one = |row: &Row| format!("({})", columns.map(|column| like_it(column, row.text(column))).join(" and "));
    let series: Vec<String> = records.rows(&statement)?.iter().map(of_one).collect();
    Ok((!series.is_empty()).then(|| format!("({})", series.join(" or "))))
}

/// The failures of the starts of a schedule.
pub(super) fn failures_of_schedule(records: &Records<'_>, schedule: &str) -> Result<String, RunError> {
    Ok(starts_of(records, schedule)?.unwrap_or_else(|| "false".to_owned()))
}

fn loss(kind: &'static str, row: &Row) -> Option<Loss> {
    let (time, id) = (row.time("time")?, row.text("id")?.to_owned());
    let seconds = |column: &str| row.number(column).unwrap_or_default();
    let whole = |column: &str| row.int(column).unwrap_or_default();
    let tasks = |count: i64| counted(count, "task", "tasks");
    let (what, never_ran, waited_seconds) = match kind {
        "lost_launch" => {
            let reason = row.text("reason").map(|reason| format!(": {reason}")).unwrap_or_default();
            let family = row.text("family").unwrap_or("an unrecorded task definition");
            (format!("launch of {family} lost, {} never placed{reason}", tasks(whole("missing"))), whole("missing").max(1), 0.0)
        }
        "missed_start" => {
            let why = row.text("why").map(|why| format!(": {why}")).unwrap_or_default();
            let launch = row.text("launch").map(|launch| format!(" (launch {launch})")).unwrap_or_default();
            (format!("start of {} missed{why}{launch}", row.text("schedule").unwrap_or("a schedule")), 1, 0.0)
        }
        "stall" => {
            let (blocked, pending) = (whole("seconds_blocked"), whole("pending").max(1));
            let avoided = row.text("avoided_by").map(|by| format!("; to prevent it: {by}")).unwrap_or_default();
            let what = format!(
                "{} waited {} on {} for tasks that were stopping{avoided}",
                tasks(pending),
                describe_duration(blocked as f64),
                row.text("container_instance").unwrap_or("a container instance"),
            );
            (what, 0, blocked as f64 * pending as f64)
        }
        _ => {
            let outcome = row.text("outcome").unwrap_or("unknown");
            let what = format!(
                "launch of {} hit a disconnected agent ({}), outcome {outcome}",
                row.text("family").unwrap_or("an unrecorded task definition"),
                row.text("class").unwrap_or("unknown"),
            );
            (what, i64::from(outcome == "lost"), if outcome == "healed" { seconds("delay") } else { 0.0 })
        }
    };
    let launch = row.text("launch").filter(|_| kind == "missed_start").map(str::to_owned);
    Some(Loss { kind, time, what, never_ran, waited_seconds, id, launch }.with_cost())
}

impl Loss {
    /// Adds the lost time to the description of a collision.
    fn with_cost(mut self) -> Self {
        if self.kind == "collision" && self.waited_seconds > 0.0 {
            self.what.push_str(&format!(" after {}", describe_duration(self.waited_seconds)));
        }
        self
    }

    /// Converts it to a timeline event.
    pub(super) fn event(&self) -> Event {
        Event { time: self.time, kind: EventKind::Other, what: self.what.clone(), who: None, note: None, record: self.id.clone() }
    }
}
