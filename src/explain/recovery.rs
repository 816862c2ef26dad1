//! Whether an incident is over: the first record after its last signal that shows it, for each service, job, schedule, run
//! or container instance that it hit. The rule is in `docs/incidents.md`.

use super::headline::clock;
use super::records::{Records, Row, at_home, equals, like_it, shifted, text, time};
use crate::incidents::HitKind;
use crate::nouns::incidents::function::{HITS, LOST};
use crate::rfc3339::{instant, some_instant};
use crate::run::RunError;
use crate::table::Table;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// How long before the end of a failed dstack job its retry can have been submitted, in seconds: times of the two are recorded
/// by different steps of the server.
const RESUBMITTED: i64 = 60;

/// How long after a call its tasks can be created, in seconds: calls are recorded in whole seconds, and clocks differ.
const SAME_LAUNCH: i64 = 60;

/// What shows that something recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecoverySign {
    /// The service reported a steady state.
    SteadyState,
    /// A deployment of the service was completed.
    DeploymentCompleted,
    /// A task of the service started; the failed ones never did.
    TaskStarted,
    /// The job ran again.
    RanAgain,
    /// The job ran again and exited with code 0; it had failed while it ran.
    Succeeded,
    /// A new attempt of the dstack run is running or done.
    Resubmitted,
    /// The agent of the container instance was updated.
    AgentUpdated,
}

impl RecoverySign {
    /// The verb of a sentence about it.
    fn verb(self) -> &'static str {
        match self {
            RecoverySign::SteadyState => "reached a steady state",
            RecoverySign::DeploymentCompleted => "completed a deployment",
            RecoverySign::TaskStarted => "started a task again",
            RecoverySign::RanAgain => "ran again",
            RecoverySign::Succeeded => "ran again and exited with code 0",
            RecoverySign::Resubmitted => "was submitted again and ran",
            RecoverySign::AgentUpdated => "was updated",
        }
    }
}

/// The recovery of one service, job, run or container instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recovered {
    /// Its name.
    pub name: String,
    /// What shows it.
    pub sign: RecoverySign,
    /// When.
    #[serde(serialize_with = "instant")]
    pub at: Timestamp,
    /// The id of the record.
    pub record: String,
}

/// Whether an incident is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recovery {
    /// When the last of what it hit recovered; none if something did not.
    #[serde(serialize_with = "some_instant")]
    pub recovered_at: Option<Timestamp>,
    /// The id of the record that shows it.
    pub recovered_by: Option<String>,
    /// What recovered, in order.
    pub recovered: Vec<Recovered>,
    /// What has no sign of recovery until the end of the data.
    pub not_recovered: Vec<String>,
    /// The newest record: nothing is known about the time after it.
    #[serde(serialize_with = "instant")]
    pub data_until: Timestamp,
}

impl Recovery {
    /// Whether everything that it hit recovered.
    pub fn is_over(&self) -> bool {
        self.recovered_at.is_some()
    }

    fn of(mut recovered: Vec<Recovered>, not_recovered: Vec<String>, data_until: Timestamp) -> Option<Recovery> {
        recovered.sort_by(|left, right| (left.at, &left.name).cmp(&(right.at, &right.name)));
        if recovered.is_empty() && not_recovered.is_empty() {
            return None;
        }
        let last = recovered.last().filter(|_| not_recovered.is_empty());
        let (recovered_at, recovered_by) = (last.map(|last| last.at), last.map(|last| last.record.clone()));
        Some(Recovery { recovered_at, recovered_by, recovered, not_recovered, data_until })
    }

    /// The answer to "is it over?" as a sentence without a period. Times without a date are of the day `day_of`.
    pub fn sentence(&self, day_of: Timestamp, tz: &TimeZone) -> String {
        let at = |one: &Recovered| clock(one.at, day_of, tz);
        let one = |one: &Recovered| format!("{} {} at {}", one.name, one.sign.verb(), at(one));
        let until = format!("until the end of the data ({})", clock(self.data_until, day_of, tz));
        match (self.recovered.as_slice(), self.not_recovered.as_slice()) {
            ([only], []) => format!("Over: {}", one(only)),
            ([first, last], []) if first.sign == last.sign => {
                format!("Over: {} and {} at {}", one(first), last.name, at(last))
            }
            ([first, last], []) => format!("Over: {} and {}", one(first), one(last)),
            ([.., last], []) => {
                format!(
                    "Over: all {} recovered. The last was {}, which {} at {}",
                    self.recovered.len(),
                    last.name,
                    last.sign.verb(),
                    at(last)
                )
            }
            ([], [_]) => format!("No sign of recovery {until}"),
            (_, missing) => {
                let others = missing.len().saturating_sub(2);
                let others = if others > 0 { format!(" and {others} more") } else { String::new() };
                let named: Vec<&str> = missing.iter().take(2).map(String::as_str).collect();
                let named = named.join(if others.is_empty() { " and " } else { ", " });
                let rest = self.recovered.last().map(|last| format!(". {}", one(last))).unwrap_or_default();
                format!("No sign that {named}{others} recovered {until}{rest}")
            }
        }
    }
}

/// What an incident hit, from its row.
struct Target<'r> {
    kind: HitKind,
    name: &'r str,
    cluster: Option<&'r str>,
    account: Option<&'r str>,
    region: Option<&'r str>,
    lost: bool,
    resumed: Option<Timestamp>,
}

impl Target<'_> {
    fn home(&self) -> String {
        format!("{} and {}", like_it("cluster", self.cluster), at_home(self.account, self.region))
    }
}

/// What is known about one target.
enum Known {
    Recovered(RecoverySign, Timestamp, String),
    NoSign,
    /// It is not expected to happen again: a run-once task has nothing that could recover.
    NotApplicable,
}

/// Phases of failures after the program started: only a run that ends well shows that the cause no longer exists.
const RAN: [&str; 3] = ["running", "health_check", "stop_request"];

/// Whether the incident of a row is over; none where that does not apply.
pub(super) fn recovery(records: &Records<'_>, incident: &Row) -> Result<Option<Recovery>, RunError> {
    let (Some(start), Some(end)) = (incident.time("start"), incident.time("end")) else { return Ok(None) };
    let targets = targets(incident);
    // The others are not listed, so that nothing could be said about all.
    if targets.is_empty() || targets.len() >= HITS {
        return Ok(None);
    }
    let newest = records.rows(&format!("select max(last_event) as newest from files where {}", of_homes(&targets)))?;
    let Some(data_until) = newest.first().and_then(|row| row.time("newest")) else { return Ok(None) };
    let ran = incident.text("phase").is_some_and(|phase| RAN.contains(&phase));
    let (mut recovered, mut missing) = (Vec::new(), Vec::new());
    for target in &targets {
        let known = match target.kind {
            HitKind::Service => of_service(records, target, end, ran)?,
            HitKind::Job => of_job(records, target, end, ran && !target.lost)?,
            HitKind::Schedule => of_schedule(records, target)?,
            HitKind::Run => of_run(records, target, (start, end))?,
            HitKind::Instance => of_instance(records, target, end)?,
        };
        match known {
            Known::Recovered(sign, at, record) => {
                recovered.push(Recovered { name: target.name.to_owned(), sign, at, record });
            }
            Known::NoSign => missing.push(target.name.to_owned()),
            Known::NotApplicable => {}
        }
    }
    Ok(Recovery::of(recovered, missing, data_until))
}

/// Files that are known to be of other accounts or Regions say nothing about these targets.
fn of_homes(targets: &[Target<'_>]) -> String {
    let among = |column: &str, of: fn(&Target<'_>) -> Option<String>| match targets.iter().map(of).collect::<Option<Vec<_>>>() {
        Some(values) => format!("({column} is null or {column} in ({}))", values.join(", ")),
        None => "true".to_owned(),
    };
    let (account, region) =
        (among("account", |target| target.account.map(text)), among("region", |target| target.region.map(text)));
    format!("{account} and {region}")
}

/// An item of a list in which a missing value is empty.
fn some(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

fn targets(incident: &Row) -> Vec<Target<'_>> {
    let list = |name: &str| incident.list(name);
    let (clusters, accounts) = (list("hit_clusters"), list("hit_accounts"));
    let (regions, lost, resumed) = (list("hit_regions"), list("hit_lost"), list("hit_resumed"));
    let named = list("hit_kinds").iter().zip(list("hit_names")).enumerate();
    let target = named.filter_map(|(index, (kind, name))| {
        Some(Target {
            kind: HitKind::of(kind)?,
            name,
            cluster: some(clusters.get(index)),
            account: some(accounts.get(index)),
            region: some(regions.get(index)),
            lost: lost.get(index).is_some_and(|lost| lost == LOST),
            resumed: some(resumed.get(index)).and_then(|micros| Timestamp::from_microsecond(micros.parse().ok()?).ok()),
        })
    });
    target.collect()
}

/// A row as the sign of a recovery.
fn shown(row: Option<&Row>, at: &str, sign: RecoverySign) -> Option<Known> {
    let row = row?;
    Some(Known::Recovered(sign, row.time(at)?, row.text("id")?.to_owned()))
}

/// A steady state or a completed deployment; if ECS reported neither, a task that started where the failed ones never did.
fn of_service(records: &Records<'_>, target: &Target<'_>, end: Timestamp, ran: bool) -> Result<Known, RunError> {
    let there = format!("{} and {}", equals("service", Some(target.name)), target.home());
    let condition = format!(
        "{there} and \"time\" > {} and (event_name in ('SERVICE_STEADY_STATE', 'SERVICE_DEPLOYMENT_COMPLETED') \
         or (event_name is null and message like '% has reached a steady state.%'))",
        time(end)
    );
    let events = records.some(Table::ServiceEvents, &condition, "\"time\"", 1)?;
    let event = events.first();
    let sign = match event.and_then(|event| event.text("event_name")) {
        Some("SERVICE_DEPLOYMENT_COMPLETED") => RecoverySign::DeploymentCompleted,
        _ => RecoverySign::SteadyState,
    };
    if let Some(known) = shown(event, "time", sign) {
        return Ok(known);
    }
    let started = if ran { None } else { started(records, &there, end)? };
    Ok(shown(started.as_ref(), "started_at", RecoverySign::TaskStarted).unwrap_or(Known::NoSign))
}

/// The first task that was created after a time and started.
fn started(records: &Records<'_>, there: &str, after: Timestamp) -> Result<Option<Row>, RunError> {
    let after = time(after);
    let condition = format!("{there} and \"time\" > {after} and created_at > {after} and started_at > {after}");
    Ok(records.some(Table::TaskEvents, &condition, "started_at, version", 1)?.into_iter().next())
}

/// The next run of a job: a task that started, or a call that placed one if no task is recorded. After a failure while it ran,
/// only a run that exits with code 0 counts.
fn of_job(records: &Records<'_>, target: &Target<'_>, end: Timestamp, ran: bool) -> Result<Known, RunError> {
    let family = equals("family", Some(target.name));
    let there = format!("{family} and service is null and {}", target.home());
    // A launch that was lost in part placed the other tasks, which are not a later run.
    let end = if target.lost { shifted(end, SAME_LAUNCH) } else { end };
    let next = started(records, &there, end)?;
    if ran {
        let condition = format!(
            "{there} and \"time\" > {end} and created_at > {end} and stopped_at is not null and exit_code = 0",
            end = time(end)
        );
        let ended = records.some(Table::TaskEvents, &condition, "stopped_at, version", 1)?;
        let known = shown(ended.first(), "stopped_at", RecoverySign::Succeeded);
        return Ok(known.unwrap_or(if next.is_some() { Known::NoSign } else { Known::NotApplicable }));
    }
    if let Some(known) = shown(next.as_ref(), "started_at", RecoverySign::RanAgain) {
        return Ok(known);
    }
    let calls = format!("event_name in ('RunTask', 'StartTask') and {family} and {} and \"time\" > {}", target.home(), time(end));
    // Where its tasks are recorded, one that was placed and never started shows no recovery.
    if !records.any(Table::TaskEvents, &format!("{there} and \"time\" > {}", time(end)))? {
        let placed = records.some(Table::Calls, &format!("{calls} and placed > 0"), "\"time\"", 1)?;
        if let Some(known) = shown(placed.first(), "time", RecoverySign::RanAgain) {
            return Ok(known);
        }
    }
    let is_expected = target.lost || records.any(Table::Calls, &calls)?;
    Ok(if is_expected { Known::NoSign } else { Known::NotApplicable })
}

/// The next call of a schedule that had not called: what runs its job otherwise does not show that the schedule works.
fn of_schedule(records: &Records<'_>, target: &Target<'_>) -> Result<Known, RunError> {
    let Some(resumed) = target.resumed else { return Ok(Known::NoSign) };
    let condition = format!(
        "event_name in ('RunTask', 'StartTask') and {} and {} and placed > 0 and \"time\" = {}",
        equals("family", Some(target.name)),
        target.home(),
        time(resumed)
    );
    let calls = records.some(Table::Calls, &condition, "id", 1)?;
    Ok(shown(calls.first(), "time", RecoverySign::RanAgain).unwrap_or(Known::NoSign))
}

/// A later attempt of a dstack run that is running or done.
fn of_run(records: &Records<'_>, target: &Target<'_>, (start, end): (Timestamp, Timestamp)) -> Result<Known, RunError> {
    let after = time(shifted(end, -RESUBMITTED).max(start));
    let condition = format!(
        "submitted_at > {after} and run_id in (select run_id from run_records where run = {} and {} and run_id is not null)",
        text(target.name),
        like_it("project", target.cluster)
    );
    let again = format!("{condition} and status in ('done', 'running')");
    let rows = records.some(Table::JobSubmissions, &again, "submitted_at, \"time\" desc", 1)?;
    if let Some(known) = shown(rows.first(), "submitted_at", RecoverySign::Resubmitted) {
        return Ok(known);
    }
    let has_tried = records.any(Table::JobSubmissions, &condition)?;
    Ok(if has_tried { Known::NoSign } else { Known::NotApplicable })
}

/// The agent of a container instance, whose update had failed, with another version or a later update that ended well.
fn of_instance(records: &Records<'_>, target: &Target<'_>, end: Timestamp) -> Result<Known, RunError> {
    let there = format!("{} and {}", equals("container_instance", Some(target.name)), target.home());
    let end = time(end);
    let condition = format!(
        "{there} and \"time\" > {end} and (agent_update_status = 'UPDATED' or agent_version not in \
         (select agent_version from instance_events where {there} and \"time\" <= {end} and agent_version is not null))"
    );
    let rows = records.some(Table::InstanceEvents, &condition, "\"time\"", 1)?;
    Ok(shown(rows.first(), "time", RecoverySign::AgentUpdated).unwrap_or(Known::NoSign))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn recovered(name: &str, sign: RecoverySign, time: &str) -> Recovered {
        Recovered { name: name.to_owned(), sign, at: at(time), record: format!("record of {name}") }
    }

    #[test]
    fn an_incident_is_over_when_everything_that_it_hit_recovered() {
        let until = at("2026-03-08T03:20:11Z");
        let day = at("2026-03-05T09:10:22Z");
        let feed = || recovered("feed-sync", RecoverySign::RanAgain, "2026-03-05T10:00:24Z");
        let stock = || recovered("stock-export", RecoverySign::RanAgain, "2026-03-05T15:20:31Z");
        let cart = || recovered("cart", RecoverySign::SteadyState, "2026-03-06T07:21:51Z");
        let of = |found: Vec<Recovered>, missing: &[&str]| {
            let missing = missing.iter().map(|name| (*name).to_owned()).collect();
            let recovery = Recovery::of(found, missing, until)?;
            assert_eq!(recovery.is_over(), recovery.recovered_by.is_some());
            Some((recovery.recovered_by.clone(), recovery.sentence(day, &TimeZone::UTC)))
        };
        let over = |by: &str, sentence: &str| Some((Some(format!("record of {by}")), sentence.to_owned()));
        assert_eq!(of(vec![feed()], &[]), over("feed-sync", "Over: feed-sync ran again at 10:00Z"));
        let both = "Over: feed-sync ran again at 10:00Z and stock-export at 15:20Z";
        assert_eq!(of(vec![stock(), feed()], &[]), over("stock-export", both));
        let mixed = "Over: feed-sync ran again at 10:00Z and cart reached a steady state at 2026-03-06 07:21Z";
        assert_eq!(of(vec![feed(), cart()], &[]), over("cart", mixed));
        let all = "Over: all 3 recovered. The last was cart, which reached a steady state at 2026-03-06 07:21Z";
        assert_eq!(of(vec![feed(), cart(), stock()], &[]), over("cart", all));
        let none = "No sign of recovery until the end of the data (2026-03-08 03:20Z)";
        assert_eq!(of(Vec::new(), &["web"]), Some((None, none.to_owned())));
        let some = "No sign that web recovered until the end of the data (2026-03-08 03:20Z). feed-sync ran again at 10:00Z";
        assert_eq!(of(vec![feed()], &["web"]), Some((None, some.to_owned())));
        assert_eq!(of(Vec::new(), &[]), None);
    }
}
