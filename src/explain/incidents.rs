//! Incidents with what led to them and what to do: the noun `incidents`, and the explanation of its first failure.
//!
//! Reports and `explain --all` show incidents through this module, so that they agree.

use super::changes::{Change, callers};
use super::describe;
use super::find::{Subject, SubjectKind};
use super::finding::Finding;
use super::gather::explain;
use super::impact::Counts;
use super::losses::view;
use super::network::Verdict;
use super::records::{Records, Row, equals, home_of, like_it, text, time, within};
use super::recovery::{Recovery, recovery};
use super::remedy::{self, Remedy};
use crate::rfc3339::{instant, some_instant};
use crate::run::{RunError, parallel_queries};
use crate::table::Table;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

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
    /// The job of that schedule.
    pub without_run_of: Option<String>,
    /// The run before that time.
    #[serde(serialize_with = "some_instant")]
    pub without_run_from: Option<Timestamp>,
    /// The run after that time.
    #[serde(serialize_with = "some_instant")]
    pub without_run_until: Option<Timestamp>,
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
    /// Whether it is over; none where that does not apply, such as to a single task that ran once.
    pub recovery: Option<Recovery>,
    /// What to do, what to do now first.
    pub actions: Vec<String>,
    /// The same in two kinds.
    pub remedy: Remedy,
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
    /// The role session that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<RoleSession>,
    /// The id of its record.
    pub record: String,
    /// Whether other evidence than the time speaks for it.
    pub likely: bool,
    /// What it shares with the incident.
    pub shares: Vec<String>,
}

impl Incident {
    /// Its numbers.
    pub(super) fn counts(&self) -> Counts {
        Counts {
            failures: self.failures,
            consequences: self.consequences,
            launches_lost: self.launches_lost,
            launches_healed: self.launches_healed,
            missed_starts: self.missed_starts,
            not_called: self.not_called,
            tasks: self.tasks,
        }
    }

    /// The longest time without a run: the job, and the runs before and after.
    pub(super) fn without_run(&self) -> Option<(Option<&str>, Timestamp, Timestamp)> {
        Some((self.without_run_of.as_deref(), self.without_run_from?, self.without_run_until?))
    }
}

impl Detail {
    /// Whether everything that the incident hit recovered.
    pub fn is_over(&self) -> bool {
        self.recovery.as_ref().is_some_and(Recovery::is_over)
    }
}

/// A session of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleSession {
    /// The role.
    pub role: String,
    /// The session name.
    pub name: String,
}

/// The roles of IAM Identity Center, whose sessions have the name of the person.
const IDENTITY_CENTER: &str = "AWSReservedSSO_";

impl RoleSession {
    /// The session that made a call.
    fn of(call: &Row) -> Option<RoleSession> {
        let (_, resource) = call.text("user_arn")?.split_once(":assumed-role/")?;
        let (role, name) = resource.split_once('/')?;
        (!role.is_empty() && !name.is_empty()).then(|| RoleSession { role: role.to_owned(), name: name.to_owned() })
    }

    /// How the caller of a call is named that says no more than the session.
    fn caller(&self) -> String {
        format!("{}/{}", self.role, self.name)
    }
}

impl Suspect {
    /// Who made it, in a few words: the person if known, else the role and its session.
    pub fn name(&self) -> Option<String> {
        if let Some(person) = &self.person {
            return Some(person.clone());
        }
        match &self.session {
            Some(session) if session.role.starts_with(IDENTITY_CENTER) => Some(session.name.clone()),
            _ => self.by(),
        }
    }

    /// Who made it, with the roles in between.
    pub fn by(&self) -> Option<String> {
        let who = self.who.as_deref()?;
        Some(match &self.session {
            Some(session) if session.caller() == who => format!("role {} (session {})", session.role, session.name),
            _ => who.to_owned(),
        })
    }

    /// Adds the role session of its call.
    fn with_session(mut self, records: &Records<'_>) -> Result<Suspect, RunError> {
        let call = format!("{} and {}", equals("id", Some(&self.record)), within(self.time, 1, self.time, 1));
        self.session = records.some(Table::Calls, &call, "\"time\"", 1)?.first().and_then(RoleSession::of);
        Ok(self)
    }
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
    let rows = records.rows(&statement)?;
    let mut found: Vec<(&Row, Incident)> = rows.iter().filter_map(|row| Some((row, incident(row)?))).collect();
    found.retain(|(_, incident)| only.is_none_or(|only| only.contains(&incident.id)));
    let first = found.get(..detailed.min(found.len())).unwrap_or_default();
    let details = parallel_queries(threads, first, |(row, _)| detail_of(records, row));
    let mut found: Vec<Incident> = found.into_iter().map(|(_, incident)| incident).collect();
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
        without_run_of: own("without_run_of"),
        without_run_from: row.time("without_run_from"),
        without_run_until: row.time("without_run_until"),
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

/// What led to the incidents with these ids and what to do about them; none if nothing more is known.
pub fn details(records: &Records<'_>, ids: &[&str], threads: usize) -> Result<Vec<Result<Option<Detail>, RunError>>, RunError> {
    let rows = match view(records, "incidents")? {
        Some(view) if !ids.is_empty() => {
            let ids: Vec<String> = ids.iter().map(|id| text(id)).collect();
            records.rows(&format!("select i.* from {view} i where i.id in ({})", ids.join(", ")))?
        }
        _ => Vec::new(),
    };
    let row_of = |id: &str| rows.iter().find(|row| row.text("id") == Some(id));
    Ok(parallel_queries(threads, ids, |&id| row_of(id).map_or(Ok(None), |row| detail_of(records, row))))
}

fn detail_of(records: &Records<'_>, incident: &Row) -> Result<Option<Detail>, RunError> {
    let Some(id) = incident.text("id") else { return Ok(None) };
    let recovery = recovery(records, incident)?;
    let mut detail = match incident.text("root").unwrap_or_default() {
        "stall" => match of_stall(records, id, incident, recovery.as_ref())? {
            Some(detail) => detail,
            None => return Ok(None),
        },
        "schedule" => of_schedule(incident, recovery.as_ref()),
        _ => {
            let subject = Subject::named(SubjectKind::Failure, id);
            match explain(records, &subject)? {
                Some((finding, _)) => of_finding(finding, incident, recovery.as_ref()),
                None => return Ok(None),
            }
        }
    };
    detail.suspect = detail.suspect.map(|suspect| suspect.with_session(records)).transpose()?;
    detail.actions = detail.remedy.all();
    detail.recovery = recovery;
    Ok(Some(detail))
}

fn of_finding(finding: Finding, incident: &Row, recovery: Option<&Recovery>) -> Detail {
    let suspect = suspect(&finding, incident.text("root").unwrap_or_default());
    let remedy = remedy::of_finding(&finding, incident, recovery);
    let verify = finding.verify.into_iter().filter_map(|check| match (check.command, check.note) {
        (Some(command), Some(note)) => Some(format!("{command}  # {note}")),
        (Some(line), None) | (None, Some(line)) => Some(line),
        (None, None) => None,
    });
    Detail {
        suspect,
        remedy,
        response: finding.response,
        verify: verify.collect(),
        calculation: finding.calculation,
        chain: finding.chain,
        notes: finding.notes,
        ..Detail::default()
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
            session: None,
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
        session: None,
        record: found.event.record.clone(),
        // An update restarts the agent, which disconnects it.
        likely: found.removes_shared || (root == "agent" && call == Some("UpdateContainerAgent")),
        shares: found.shares.clone(),
    })
}

/// The settings that would have prevented a stall, and the update that began its deployment.
fn of_stall(records: &Records<'_>, id: &str, incident: &Row, recovery: Option<&Recovery>) -> Result<Option<Detail>, RunError> {
    let Some(view) = view(records, "stalls")? else { return Ok(None) };
    let rows = records.rows(&format!("select s.* from {view} s where s.id = {} limit 1", text(id)))?;
    let (Some(stall), Some(start)) = (rows.first(), incident.time("start")) else { return Ok(None) };
    let service = incident.text("service").or(stall.text("service"));
    let condition = format!(
        "{} and {} and {} and event_name in ('CreateService', 'UpdateService') and error_code is null and {}",
        equals("service", service),
        like_it("cluster", incident.text("cluster").or(stall.text("cluster"))),
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
        session: None,
        record: event.record,
        likely: true,
        shares: service.map(|service| format!("service {service}")).into_iter().collect(),
    });
    let calculation = stall.list("arithmetic_lines").to_vec();
    Ok(Some(Detail { suspect: update, remedy: remedy::of_stall(stall, recovery), calculation, ..Detail::default() }))
}

/// What to do if a schedule did not call.
fn of_schedule(incident: &Row, recovery: Option<&Recovery>) -> Detail {
    Detail {
        remedy: remedy::of_schedule(incident, recovery),
        response: Some("Find out why the schedule did not call; nothing retries it".to_owned()),
        ..Detail::default()
    }
}
