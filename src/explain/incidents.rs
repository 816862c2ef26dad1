//! Incidents with what led to them and what to do: the noun `incidents`, and the explanation of its first failure.
//!
//! Reports and `explain --all` show incidents through this module, so that they agree.

use super::changes::{Change, callers};
use super::describe;
use super::find::{Subject, SubjectKind};
use super::finding::Finding;
use super::gather::explain;
use super::losses::view;
use super::network::Verdict;
use super::records::{Records, Row, equals, home_of, like_it, text, time, within};
use crate::plural::counted;
use crate::render::{capitalized, describe_duration};
use crate::rfc3339::instant;
use crate::run::{RunError, parallel_queries};
use crate::table::Table;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeSet;

/// The word by which advice to retry is recognized.
const BACKOFF: &str = "backoff";

/// How long before a stall the update of its service is searched, in seconds.
const UPDATE_BEFORE: i64 = 30 * 60;

/// An incident, as the noun has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Incident {
    /// The id of its first failure with the root cause.
    pub id: String,
    /// Who was hit, and why.
    pub what: String,
    /// Who was hit, and how.
    pub symptom: String,
    /// When it began.
    #[serde(serialize_with = "instant")]
    pub start: Timestamp,
    /// When its last signal ended.
    #[serde(serialize_with = "instant")]
    pub end: Timestamp,
    /// The root class.
    pub root: String,
    /// The root cause in words.
    pub because: String,
    /// The catalog entry of the root cause.
    pub cause: Option<String>,
    /// How to respond, as one word.
    pub class: Option<String>,
    /// The confidence in the root cause.
    pub confidence: String,
    /// The evidence for the confidence level.
    pub basis: String,
    /// The affected services, jobs and runs.
    pub place: String,
    /// The cluster, if there is only one.
    pub cluster: Option<String>,
    /// The service, if there is only one.
    pub service: Option<String>,
    /// Failures that are not consequences.
    pub failures: i64,
    /// Failures that are consequences.
    pub consequences: i64,
    /// Launches that were never placed.
    pub launches_lost: i64,
    /// Launches that a retry placed.
    pub launches_healed: i64,
    /// Starts that never ran.
    pub missed_starts: i64,
    /// Starts without any call.
    pub not_called: i64,
    /// The longest time between the runs before and after a start that never ran, in seconds.
    pub without_run_seconds: Option<f64>,
    /// Starts that never ran and whose task definition a call outside of schedules started before the next run.
    pub reruns: i64,
    /// Stalls.
    pub stalls: i64,
    /// Tasks that failed, waited, or were not placed.
    pub tasks: i64,
    /// How long a service or deployment was impaired, in seconds.
    pub degraded_seconds: Option<f64>,
    /// Task time of failed attempts, in seconds.
    pub wasted_seconds: f64,
    /// vCPU hours of failed attempts.
    pub vcpu_hours: f64,
    /// USD of failed attempts, if the records have prices.
    pub cost_usd: Option<f64>,
    /// Incidents with the same text repeat each other.
    pub series: String,
    /// What led to it and what to do; none if nothing more is known.
    pub detail: Option<Detail>,
}

/// What led to an incident and what to do about it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Detail {
    /// The change that probably led to it.
    pub suspect: Option<Suspect>,
    /// What to do, the most specific first.
    pub actions: Vec<String>,
    /// How to respond.
    pub response: Option<String>,
    /// What to check.
    pub verify: Vec<String>,
    /// The calculation.
    pub calculation: Vec<String>,
    /// The events around its first failure.
    #[serde(skip)]
    pub chain: Vec<super::finding::Event>,
    /// What the evidence says about how it ended.
    #[serde(skip)]
    pub notes: Vec<String>,
}

/// A change before an incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suspect {
    /// The name of the call.
    #[serde(skip)]
    pub call: Option<String>,
    /// The call, for readers.
    pub what: String,
    /// When.
    #[serde(serialize_with = "instant")]
    pub time: Timestamp,
    /// Who made it.
    pub who: Option<String>,
    /// The person behind the role session that made it, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The id of its record.
    pub record: String,
    /// Whether other evidence than the time speaks for it.
    pub likely: bool,
    /// What it shares with the incident.
    pub shares: Vec<String>,
}

/// The incidents of a subject, or all, that began since a time, worst first. `only` restricts them to some ids; the
/// first `detailed` ones have their detail.
pub fn incidents(
    records: &Records<'_>,
    subject: Option<&Subject>,
    since: Option<Timestamp>,
    only: Option<&BTreeSet<String>>,
    (detailed, threads): (usize, usize),
) -> Result<Vec<Incident>, RunError> {
    let Some(view) = view(records, "incidents")? else { return Ok(Vec::new()) };
    let of_subject = match subject {
        None => "true".to_owned(),
        Some(subject) => {
            let column = match subject.kind {
                SubjectKind::Service => "service",
                SubjectKind::Cluster => "cluster",
                SubjectKind::Family => "family",
                SubjectKind::Run => "run",
                SubjectKind::Instance => "container_instance",
                SubjectKind::Deployment => "deployment",
                // Incidents of a single task or call are its failure.
                _ => return Ok(Vec::new()),
            };
            format!("{} and {}", equals(column, Some(&subject.name)), subject.there())
        }
    };
    let condition = since.map_or_else(|| "true".to_owned(), |since| format!("i.\"time\" >= {}", time(since)));
    let condition = format!("{condition} and {of_subject}");
    let statement = format!("select i.* from {view} i where {condition} order by i.weight desc, i.\"time\", i.id");
    let mut found: Vec<Incident> = records.rows(&statement)?.iter().filter_map(incident).collect();
    found.retain(|incident| only.is_none_or(|only| only.contains(&incident.id)));
    let first = found.get(..detailed.min(found.len())).unwrap_or_default();
    let details = parallel_queries(threads, first, |incident| {
        let there = (incident.cluster.as_deref(), incident.service.as_deref());
        detail(records, &incident.id, (&incident.root, incident.start), there)
    });
    for (incident, detail) in found.iter_mut().zip(details) {
        incident.detail = detail?;
    }
    Ok(found)
}

fn incident(row: &Row) -> Option<Incident> {
    let own = |name: &str| row.text(name).map(str::to_owned);
    let whole = |name: &str| row.int(name).unwrap_or_default();
    Some(Incident {
        id: own("id")?,
        what: own("what")?,
        symptom: own("symptom").unwrap_or_default(),
        start: row.time("start")?,
        end: row.time("end")?,
        root: own("root").unwrap_or_default(),
        because: own("because").unwrap_or_default(),
        cause: own("cause"),
        class: own("class"),
        confidence: own("confidence").unwrap_or_default(),
        basis: own("basis").unwrap_or_default(),
        place: own("place").unwrap_or_default(),
        cluster: own("cluster"),
        service: own("service"),
        failures: whole("failures"),
        consequences: whole("consequences"),
        launches_lost: whole("launches_lost"),
        launches_healed: whole("launches_healed"),
        missed_starts: whole("missed_starts"),
        not_called: whole("not_called"),
        without_run_seconds: row.number("without_run"),
        reruns: whole("reruns"),
        stalls: whole("stalls"),
        tasks: whole("tasks"),
        degraded_seconds: row.number("degraded"),
        wasted_seconds: row.number("wasted").unwrap_or_default(),
        vcpu_hours: row.number("vcpu_hours").unwrap_or_default(),
        cost_usd: row.number("cost_usd"),
        series: own("series").unwrap_or_default(),
        detail: None,
    })
}

/// What led to an incident, given its id, root and start, its cluster and its service.
pub fn detail(
    records: &Records<'_>,
    id: &str,
    (root, start): (&str, Timestamp),
    there: (Option<&str>, Option<&str>),
) -> Result<Option<Detail>, RunError> {
    match root {
        "stall" => of_stall(records, id, start, there),
        "schedule" => Ok(Some(of_schedule())),
        _ => {
            let subject = Subject::named(SubjectKind::Failure, id);
            Ok(explain(records, &subject)?.map(|(finding, _)| of_finding(finding, root)))
        }
    }
}

fn of_finding(finding: Finding, root: &str) -> Detail {
    let suspect = suspect(&finding, root);
    let mut actions = finding.actions;
    if let Some(collision) = finding.collision.filter(|collision| !collision.advice.is_empty()) {
        // This advice is about the disconnect at hand; general advice to retry would repeat it right below.
        if collision.advice.contains(BACKOFF) {
            actions.sort_by_key(|action| action.contains(BACKOFF));
        }
        actions.insert(0, capitalized(&collision.advice));
    }
    let verify = finding.verify.into_iter().filter_map(|check| match (check.command, check.note) {
        (Some(command), Some(note)) => Some(format!("{command}  # {note}")),
        (Some(line), None) | (None, Some(line)) => Some(line),
        (None, None) => None,
    });
    Detail {
        suspect,
        actions,
        response: finding.response,
        verify: verify.collect(),
        calculation: finding.calculation,
        chain: finding.chain,
        notes: finding.notes,
    }
}

/// The change that the evidence points to; otherwise a change to the thing that failed.
fn suspect(finding: &Finding, root: &str) -> Option<Suspect> {
    let changes = || finding.changes.iter().flat_map(|changes| &changes.changes);
    let name = |change: &Change| change.person.as_ref().map(|person| person.name.clone());
    let branches = finding.network.iter().flat_map(|network| &network.branches);
    let removed = branches
        .filter(|branch| branch.verdict == Verdict::Likely)
        .flat_map(|branch| &branch.speaks_for)
        .find_map(|evidence| Some((evidence, evidence.removal.as_ref()?, evidence.time?, evidence.record.as_ref()?)));
    if let Some((evidence, what, time, record)) = removed {
        let change = changes().find(|change| change.event.record == *record);
        return Some(Suspect {
            call: change.and_then(|change| change.event.call()).map(str::to_owned),
            what: what.clone(),
            time,
            who: evidence.who.clone(),
            person: evidence.person.clone(),
            record: record.clone(),
            likely: true,
            shares: change.map(|change| change.shares.clone()).unwrap_or_default(),
        });
    }
    let removed = changes().find(|change| change.removes_shared);
    let found = removed.or_else(|| changes().find(|change| change.shares_closely))?;
    let call = found.event.call();
    Some(Suspect {
        call: call.map(str::to_owned),
        what: found.event.what.clone(),
        time: found.event.time,
        who: found.event.who.clone(),
        person: name(found),
        record: found.event.record.clone(),
        // An update restarts the agent, which disconnects it.
        likely: found.removes_shared || (root == "agent" && call == Some("UpdateContainerAgent")),
        shares: found.shares.clone(),
    })
}

/// The settings that would have prevented a stall, and the update that began its deployment.
fn of_stall(
    records: &Records<'_>,
    id: &str,
    start: Timestamp,
    (cluster, service): (Option<&str>, Option<&str>),
) -> Result<Option<Detail>, RunError> {
    let Some(view) = view(records, "stalls")? else { return Ok(None) };
    let rows = records.rows(&format!("select s.* from {view} s where s.id = {} limit 1", text(id)))?;
    let Some(stall) = rows.first() else { return Ok(None) };
    let condition = format!(
        "{} and {} and {} and event_name in ('CreateService', 'UpdateService') and error_code is null and {}",
        equals("service", service.or(stall.text("service"))),
        like_it("cluster", cluster.or(stall.text("cluster"))),
        home_of(stall),
        within(start, UPDATE_BEFORE, start, 0)
    );
    let calls = records.some(Table::Calls, &condition, "\"time\" desc", 1)?;
    let update = calls.first().and_then(describe::call);
    let made: Vec<(&str, Timestamp)> = update.iter().map(|event| (event.record.as_str(), event.time)).collect();
    let caller = callers(records, &made)?.into_values().next();
    let (who, person) = caller.map_or((None, None), |caller| (Some(caller.who), caller.person));
    let update = update.map(|event| Suspect {
        call: event.call().map(str::to_owned),
        what: event.what,
        time: event.time,
        who: who.or(event.who),
        person,
        record: event.record,
        likely: true,
        shares: service.map(|service| format!("service {service}")).into_iter().collect(),
    });
    let mut actions: Vec<String> = stall.list("preventions").iter().map(|way| format!("To prevent it: {way}")).collect();
    if stall.int("joined") == Some(0) {
        actions.push(
            "No instance joined in the meantime: pending tasks do not make the capacity provider scale out here".to_owned(),
        );
    }
    let calculation = stall.list("arithmetic_lines").to_vec();
    Ok(Some(Detail { suspect: update, actions, calculation, ..Detail::default() }))
}

/// What to do if a schedule did not call.
fn of_schedule() -> Detail {
    Detail {
        actions: vec![
            "Enable the schedule again, if it was disabled by mistake".to_owned(),
            "Run again what the missed starts should have done, if it is still needed".to_owned(),
            "Alert on missing starts, not on errors: a call that is not made cannot fail".to_owned(),
        ],
        response: Some("Find out why the schedule did not call; nothing retries it".to_owned()),
        ..Detail::default()
    }
}

/// The parts of a headline: `web could not start tasks`, `2026-03-04 05:20–05:37Z (17m 7s, 5 tasks)`, and the cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline {
    /// Who was hit.
    pub who: String,
    /// When, for how long, and how many tasks.
    pub when: String,
    /// The root cause, with the change that led to it.
    pub why: String,
}

impl Headline {
    /// The whole sentence.
    pub fn sentence(&self) -> String {
        format!("{} {}: {}", self.who, self.when, self.why)
    }
}

/// The headline of an incident, given its symptom and its root cause in words.
pub fn headline(
    (symptom, because): (&str, &str),
    (start, end): (Timestamp, Timestamp),
    tasks: i64,
    suspect: Option<&Suspect>,
    tz: &TimeZone,
) -> Headline {
    let seconds = end.duration_since(start).as_secs();
    let lasted = (seconds > 0).then(|| describe_duration(seconds as f64));
    let tasks = (tasks > 0).then(|| counted(tasks, "task", "tasks"));
    let size: Vec<String> = lasted.into_iter().chain(tasks).collect();
    let size = if size.is_empty() { String::new() } else { format!(" ({})", size.join(", ")) };
    let why = match suspect {
        None => because.to_owned(),
        Some(suspect) => {
            let by = suspect.person.as_deref().or_else(|| suspect.who.as_deref().map(person));
            let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
            let before = start.duration_since(suspect.time).as_secs();
            if suspect.likely {
                let likely = match suspect.call.as_deref() {
                    Some("UpdateContainerAgent" | "UpdateService") => "after",
                    _ => "likely cause:",
                };
                format!("{because}; {likely} {} at {}{by}", suspect.what, clock(suspect.time, start, tz))
            } else if before >= 0 {
                format!("{because}; it began {} after {}{by}", describe_duration(before as f64), suspect.what)
            } else {
                format!("{because}; {}{by} happened in the meantime", suspect.what)
            }
        }
    };
    Headline { who: symptom.to_owned(), when: format!("{}{size}", span(start, end, tz)), why }
}

/// The name of a caller in a headline: the person behind a single sign-on session, else the caller.
fn person(who: &str) -> &str {
    if who.starts_with("AWSReservedSSO_") { who.rsplit('/').next().unwrap_or(who) } else { who }
}

/// A time of day, with its day if it is another one.
fn clock(time: Timestamp, day_of: Timestamp, tz: &TimeZone) -> String {
    let (time, other) = (time.to_zoned(tz.clone()), day_of.to_zoned(tz.clone()));
    let format = if time.date() == other.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    format!("{}{}", time.strftime(format), zone(&time))
}

/// A period: `2026-03-04 05:20–05:37Z`.
pub fn span(start: Timestamp, end: Timestamp, tz: &TimeZone) -> String {
    let (from, to) = (start.to_zoned(tz.clone()), end.to_zoned(tz.clone()));
    let first = from.strftime("%Y-%m-%d %H:%M").to_string();
    let zone = zone(&to);
    if from.date() != to.date() {
        return format!("{first} – {}{zone}", to.strftime("%Y-%m-%d %H:%M"));
    }
    let last = to.strftime("%H:%M").to_string();
    if first.ends_with(&last) { format!("{first}{zone}") } else { format!("{first}–{last}{zone}") }
}

/// `Z`, or the offset from UTC.
fn zone(time: &jiff::Zoned) -> String {
    if time.offset().seconds() == 0 { "Z".to_owned() } else { time.strftime("%:z").to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_headline_has_who_when_how_long_and_why() {
        let suspect = Suspect {
            call: Some("RevokeSecurityGroupIngress".to_owned()),
            what: "RevokeSecurityGroupIngress sg-1 (tcp 443)".to_owned(),
            time: at("2026-03-04T05:12:20Z"),
            who: Some("AWSReservedSSO_Engineer_0f1e2d3c4b5a6978/mo".to_owned()),
            person: None,
            record: "r".to_owned(),
            likely: true,
            shares: Vec::new(),
        };
        let what = ("web could not start tasks", "no network path to Amazon ECR");
        let times = (at("2026-03-04T05:20:03Z"), at("2026-03-04T05:37:10Z"));
        let sentence = |suspect: Option<&Suspect>| headline(what, times, 5, suspect, &TimeZone::UTC).sentence();
        let begin = "web could not start tasks 2026-03-04 05:20–05:37Z (17m 7s, 5 tasks): no network path to Amazon ECR";
        assert_eq!(sentence(None), begin);
        assert_eq!(
            sentence(Some(&suspect)),
            format!("{begin}; likely cause: RevokeSecurityGroupIngress sg-1 (tcp 443) at 05:12Z by mo")
        );
        let earlier = Suspect { likely: false, who: None, ..suspect };
        assert_eq!(sentence(Some(&earlier)), format!("{begin}; it began 7m 43s after RevokeSecurityGroupIngress sg-1 (tcp 443)"));
    }

    #[test]
    fn a_headline_keeps_a_symptom_that_ends_like_its_cause() {
        let times = (at("2026-03-04T05:20:03Z"), at("2026-03-04T05:20:03Z"));
        let headline = headline(("run retry: timed out", "timed out"), times, 0, None, &TimeZone::UTC);
        assert_eq!(headline.sentence(), "run retry: timed out 2026-03-04 05:20Z: timed out");
    }

    #[test]
    fn periods_are_as_short_as_they_can_be() {
        let of = |from: &str, to: &str| span(at(from), at(to), &TimeZone::UTC);
        assert_eq!(of("2026-03-04T05:20:03Z", "2026-03-04T05:20:50Z"), "2026-03-04 05:20Z");
        assert_eq!(of("2026-03-04T23:20:03Z", "2026-03-05T01:00:00Z"), "2026-03-04 23:20 – 2026-03-05 01:00Z");
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let there = span(at("2026-03-04T05:20:03Z"), at("2026-03-04T05:37:00Z"), &tokyo);
        assert_eq!(there, "2026-03-04 14:20–14:37+09:00");
    }
}
