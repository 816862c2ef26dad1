//! The outcome of a launch and its collision with a disconnected agent: the nouns `launches` and `collisions` for one failure.

use super::gather::FailureContext;
use super::records::{Records, Row, text};
use crate::nouns::{self, ViewRequest};
use crate::plural::counted;
use crate::render::describe_duration;
use crate::rfc3339::some_instant;
use crate::run::RunError;
use jiff::Timestamp;
use serde::Serialize;

/// A launch: the calls that try to start the same tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Launch {
    /// Id of its first call.
    pub id: String,
    /// started, healed or lost.
    pub outcome: String,
    /// Number of calls.
    pub attempts: i64,
    /// Number of failed calls.
    pub failures: i64,
    /// Tasks that were never placed.
    pub missing: i64,
    /// The call that healed it.
    pub healed_by: Option<String>,
    /// When it was healed.
    #[serde(serialize_with = "some_instant")]
    pub healed_at: Option<Timestamp>,
    /// Seconds from the first call to the healing one.
    pub delay_seconds: Option<f64>,
    /// Whether it follows the schedule of its caller.
    pub regular: bool,
}

/// The disconnect that a launch hit when it failed with AGENT.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Collision {
    /// update, restart, rotation, outage, draining or unknown.
    pub class: String,
    /// The evidence for the class.
    pub basis: String,
    /// When the agent disconnected.
    #[serde(serialize_with = "some_instant")]
    pub window_start: Option<Timestamp>,
    /// When it reconnected.
    #[serde(serialize_with = "some_instant")]
    pub window_end: Option<Timestamp>,
    /// Length of the disconnect in seconds.
    pub window_seconds: Option<f64>,
    /// Attempts and failures on the instance within 60 s of a disconnect and at other times.
    pub chance: Option<Chance>,
    /// How often the same caller was affected.
    pub recurrence: Recurrence,
    /// What to do.
    pub advice: String,
}

/// The arithmetic behind a lift.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Chance {
    /// Attempts while the agent was disconnected, or within 60 s of that.
    pub inside_attempts: i64,
    /// Number that failed with AGENT.
    pub inside_failures: i64,
    /// Attempts at other times.
    pub outside_attempts: i64,
    /// Number that failed with AGENT.
    pub outside_failures: i64,
    /// Share inside / share outside.
    pub lift: Option<f64>,
    /// The probability of as many failures inside by chance.
    pub p_value: Option<f64>,
}

/// How often the same caller was affected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recurrence {
    /// Calls that failed with AGENT.
    pub failures: i64,
    /// Calls that placed all requested tasks.
    pub accepted: i64,
    /// Failures / calls.
    pub rate: Option<f64>,
    /// Number of separate disconnects.
    pub windows: i64,
    /// Number of instances.
    pub instances: i64,
    /// The class of more than half of the disconnects.
    pub class: Option<String>,
    /// By minute of the hour, UTC.
    pub minutes: Option<String>,
    /// By hour of the day, UTC.
    pub hours: Option<String>,
    /// Median length of the disconnects in seconds.
    pub median_window_seconds: Option<f64>,
    /// The next start at risk.
    #[serde(serialize_with = "some_instant")]
    pub next_at_risk: Option<Timestamp>,
}

/// The first row of a noun; ongoing intervals end at the newest record.
fn ask(records: &Records<'_>, word: &str, columns: &str, condition: &str) -> Result<Option<Row>, RunError> {
    let Some(noun) = nouns::noun(word) else { return Ok(None) };
    let newest = records.rows("select max(last_event) as newest from files")?;
    let anchor = newest.first().and_then(|row| row.time("newest")).map_or(0, Timestamp::as_microsecond);
    let view = (noun.view)(ViewRequest { anchor, ..ViewRequest::default() });
    let view = records.view(&view);
    let statement = format!("select {columns} from {view} n where {condition} order by n.\"time\", n.id limit 1");
    Ok(records.rows(&statement)?.into_iter().next())
}

/// The launch that a failed call belongs to.
pub(super) fn launch(records: &Records<'_>, case: &FailureContext) -> Result<Option<Launch>, RunError> {
    let asks = matches!(case.text("event_name"), Some("RunTask" | "StartTask"));
    let Some(call) = case.text("call").filter(|_| asks && matches!(case.kind(), "launch" | "api_error")) else { return Ok(None) };
    let Some(row) = &case.call else { return Ok(None) };
    let columns = "n.id, n.outcome, n.attempts, n.failures, n.missing, n.healed_by, n.healed_at, n.delay, n.regular";
    let launch = |id: &str| ask(records, "launches", columns, &format!("n.id = {}", text(id)));
    // A launch has the id of its first call, which most failed calls are.
    let first = if records.has_evaluated() { launch(call)? } else { None };
    let row = match first {
        Some(row) => Some(row),
        None => match launch_of(records, call, row)? {
            Some(id) => launch(&id)?,
            None => None,
        },
    };
    Ok(row.map(|row| Launch {
        outcome: row.text("outcome").unwrap_or_default().to_owned(),
        attempts: row.int("attempts").unwrap_or_default(),
        failures: row.int("failures").unwrap_or_default(),
        missing: row.int("missing").unwrap_or_default(),
        healed_by: row.text("healed_by").map(str::to_owned),
        healed_at: row.time("healed_at"),
        delay_seconds: row.number("delay"),
        regular: row.flag("regular") == Some(true),
        id: row.text("id").unwrap_or_default().to_owned(),
    }))
}

/// The launch id of a RunTask or StartTask call.
fn launch_of(records: &Records<'_>, call: &str, row: &Row) -> Result<Option<String>, RunError> {
    let like_it = ["account", "region", "cluster", "family"].map(|column| (column, row.text(column).map(text)));
    let statement = nouns::launches::launch_of_call(&text(call), &like_it);
    Ok(records.rows(&statement)?.first().and_then(|row| row.text("launch")).map(str::to_owned))
}

/// The collision of a launch that failed with AGENT.
pub(super) fn collision(records: &Records<'_>, case: &FailureContext) -> Result<Option<Collision>, RunError> {
    let agent = case.kind() == "launch" && case.text("reason") == Some("AGENT");
    let Some(id) = case.text("id").filter(|_| agent) else { return Ok(None) };
    let Some(row) = ask(records, "collisions", "n.*", &format!("n.id = {}", text(id)))? else { return Ok(None) };
    let int = |name: &str| row.int(name).unwrap_or_default();
    let word = |name: &str| row.text(name).map(str::to_owned);
    let chance = row.int("inside_attempts").map(|inside_attempts| Chance {
        inside_attempts,
        inside_failures: int("inside_failures"),
        outside_attempts: int("outside_attempts"),
        outside_failures: int("outside_failures"),
        lift: row.number("lift"),
        p_value: row.number("p_value"),
    });
    Ok(Some(Collision {
        class: word("class").unwrap_or_default(),
        basis: word("basis").unwrap_or_default(),
        window_start: row.time("window_start"),
        window_end: row.time("window_end"),
        window_seconds: row.number("window"),
        chance,
        recurrence: Recurrence {
            failures: int("series_failures"),
            accepted: int("series_accepted"),
            rate: row.number("series_rate"),
            windows: int("series_windows"),
            instances: int("series_instances"),
            class: word("series_class"),
            minutes: word("minutes"),
            hours: word("hours"),
            median_window_seconds: row.number("median_window"),
            next_at_risk: row.time("next_at_risk"),
        },
        advice: word("advice").unwrap_or_default(),
    }))
}

impl Launch {
    /// Its outcome as text.
    pub(super) fn describe(&self) -> String {
        let calls = |number: i64| counted(number, "call", "calls");
        match self.outcome.as_str() {
            "healed" => {
                let after = self.delay_seconds.map(|seconds| format!(" after {}", describe_duration(seconds)));
                let by = self.healed_by.as_deref().unwrap_or("an unidentified call");
                format!("healed by {by}{}: {}, {} failed", after.unwrap_or_default(), calls(self.attempts), self.failures)
            }
            "lost" => {
                let tasks = counted(self.missing, "task", "tasks");
                format!("lost: {tasks} never placed in {}", calls(self.attempts))
            }
            other => other.to_owned(),
        }
    }
}

impl Chance {
    /// The calculation as text.
    pub(super) fn describe(&self) -> String {
        let share = |failed: i64, of: i64| format!("{failed} of {of}");
        let inside = share(self.inside_failures, self.inside_attempts);
        let outside = share(self.outside_failures, self.outside_attempts);
        let lift = self.lift.map(|lift| {
            let least = if self.outside_failures == 0 { "at least " } else { "" };
            format!("; lift {least}{lift:.1}")
        });
        let p = self.p_value.map(|p| if p < 0.001 { ", p < 0.001".to_owned() } else { format!(", p = {p:.3}") });
        format!(
            "attempts on the instance that failed with AGENT: {inside} within 60 s of an agent disconnect, {outside} at other times{}{}",
            lift.unwrap_or_default(),
            p.unwrap_or_default()
        )
    }
}

impl Recurrence {
    /// How often and when, as text.
    pub(super) fn describe(&self) -> Vec<String> {
        if self.failures < 2 {
            return vec![format!("the only failure in {} calls from the same caller", self.accepted + self.failures)];
        }
        let percent = self.rate.map(|rate| format!(" ({:.1} % of its calls)", rate * 100.0)).unwrap_or_default();
        let instances = counted(self.instances, "instance", "instances");
        let windows = counted(self.windows, "disconnect", "separate disconnects");
        let mut lines = vec![format!(
            "{} AGENT failures from the same caller{percent}, {} calls accepted; {windows}, {instances}",
            self.failures, self.accepted
        )];
        if let Some(class) = &self.class {
            lines.push(format!("most of these failures coincided with: {class}"));
        }
        if let (Some(minutes), Some(hours)) = (&self.minutes, &self.hours) {
            lines.push(format!("by minute of the hour: {minutes}; by hour of the day (UTC): {hours}"));
        }
        if let Some(seconds) = self.median_window_seconds {
            lines.push(format!("median disconnect: {}", describe_duration(seconds)));
        }
        lines
    }
}
