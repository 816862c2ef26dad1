//! Changes before a failure: the write calls of the preceding half hour, ranked by what they share with the failure, and the
//! people behind the roles that made them.
//!
//! Timing alone proves nothing, so each change shows what it shares with the failure.

mod bursts;
mod person;

pub use bursts::{Burst, bursts, changes_of};
pub use person::{Person, Principal};
pub(super) use person::{callers, with_people};

use super::chain::HALF_HOUR;
use super::describe;
use super::find::{Subject, SubjectKind, failures_of};
use super::finding::Event;
use super::records::{Records, Row, equals, home_of, like_it, shifted, text, within};
use crate::rfc3339::instant;
use crate::run::RunError;
use crate::table::Table;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

/// Failures at most this many seconds apart form one burst.
const BURST: i64 = 10 * 60;
/// How long before a failure a launch into the same subnet is relevant, in seconds.
const NEIGHBOR_WITHIN: i64 = 7 * 24 * 3600;
/// The maximum number of calls to examine, newest first.
const MOST: usize = 20_000;

/// The changes before a failure or a burst.
#[derive(Debug, Clone, Serialize)]
pub struct Changes {
    /// The first failure of the burst.
    #[serde(serialize_with = "instant")]
    pub before: Timestamp,
    /// Start of the examined period.
    #[serde(serialize_with = "instant")]
    pub since: Timestamp,
    /// End of the examined period.
    #[serde(serialize_with = "instant")]
    pub until: Timestamp,
    /// The number of failures in the burst.
    pub failures: usize,
    /// Related changes, most closely related first.
    pub changes: Vec<Change>,
    /// The number of unrelated write calls of the account in that period.
    pub others: usize,
}

/// A change, and what it shares with the failure.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// The call.
    #[serde(flatten)]
    pub event: Event,
    /// What it shares: `cluster batch`, `security group sg-…`.
    pub shares: Vec<String>,
    /// Seconds before the first failure; negative after it.
    pub before_seconds: i64,
    /// The person behind the role session that made the call, if recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
    /// The principals from the caller back to the first known one, with the calls that connect them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub principal_chain: Vec<Principal>,
    /// How sure the first of them is: certain, likely or unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_confidence: Option<&'static str>,
    /// Whether it shares more than the cluster or subnet with the failure.
    #[serde(skip)]
    pub shares_closely: bool,
    /// Whether it removed something and shares more than the cluster or subnet with the failure.
    #[serde(skip)]
    pub removes_shared: bool,
}

/// The period to examine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Around {
    /// A point in time that replaces the failure times.
    pub at: Option<Timestamp>,
    /// Seconds before and after that replace the half hour before.
    pub seconds: Option<i64>,
}

impl Around {
    fn before(self) -> i64 {
        self.seconds.unwrap_or(HALF_HOUR)
    }

    fn after(self) -> i64 {
        self.seconds.unwrap_or(0)
    }
}

/// The maximum number of bursts.
const BURSTS: usize = 10;
/// The maximum number of changes per burst whose callers are traced.
const PERSONS: usize = 20;

/// The changes before each burst of failures of a subject, largest burst first, and the number of bursts; or the changes
/// around a time. Without a subject, all changes around that time.
pub fn changes(records: &Records<'_>, subject: Option<&Subject>, around: Around) -> Result<(Vec<Changes>, usize), RunError> {
    let failures = subject.map(|subject| failures_of(records, subject)).transpose()?.unwrap_or_default();
    if let Some(at) = around.at {
        let distance = |row: &&Row| row.time("time").map_or(u64::MAX, |time| time.duration_since(at).as_secs().unsigned_abs());
        let failure = failures.iter().min_by_key(distance).cloned();
        let failure = failure.or_else(|| subject.map(of_subject)).unwrap_or_default();
        let all = subject.is_none();
        return Ok((vec![look(records, &failure, at, 0, around, all)?], 1));
    }
    let mut in_time: Vec<(Timestamp, &Row)> = failures.iter().filter_map(|row| Some((row.time("time")?, row))).collect();
    in_time.sort_by_key(|(time, row)| (*time, row.flag("secondary") == Some(true)));
    let mut bursts: Vec<(Timestamp, &Row, usize)> = Vec::new();
    let mut last: Option<Timestamp> = None;
    for (time, row) in in_time {
        let goes_on = last.is_some_and(|last| time.duration_since(last).as_secs() <= BURST);
        match bursts.last_mut().filter(|_| goes_on) {
            Some((_, _, count)) => *count += 1,
            None => bursts.push((time, row, 1)),
        }
        last = Some(time);
    }
    let all = bursts.len();
    bursts.sort_by_key(|(first, _, count)| (std::cmp::Reverse(*count), std::cmp::Reverse(*first)));
    bursts.truncate(BURSTS);
    let found: Result<Vec<Changes>, RunError> = bursts
        .into_iter()
        .map(|(first, failure, count)| {
            let began = began(records, failure, first)?;
            look(records, failure, began, count, around, false)
        })
        .collect();
    Ok((found?, all))
}

/// A row that represents a subject without failures.
fn of_subject(subject: &Subject) -> Row {
    let mut row = Row::default();
    let column = match subject.kind {
        SubjectKind::Service => Some("service"),
        SubjectKind::Cluster => Some("cluster"),
        SubjectKind::Instance => Some("container_instance"),
        SubjectKind::Family => Some("family"),
        SubjectKind::Task => Some("task"),
        _ => None,
    };
    if let Some(column) = column {
        row.set(column, &subject.name);
    }
    for (column, value) in [("cluster", &subject.cluster), ("account", &subject.account), ("region", &subject.region)] {
        if let Some(value) = value {
            row.set(column, value);
        }
    }
    row
}

/// The changes before one failure.
pub(super) fn changes_before(records: &Records<'_>, failure: &Row) -> Result<Option<Changes>, RunError> {
    let Some(at) = failure.time("time") else { return Ok(None) };
    before(records, failure, at, 1).map(Some)
}

fn before(records: &Records<'_>, failure: &Row, first: Timestamp, failures: usize) -> Result<Changes, RunError> {
    let began = began(records, failure, first)?;
    look(records, failure, began, failures, Around::default(), false)
}

/// The changes around a time that share something with a failure, or all changes.
fn look(
    records: &Records<'_>,
    failure: &Row,
    began: Timestamp,
    failures: usize,
    around: Around,
    all: bool,
) -> Result<Changes, RunError> {
    let marks = marks(records, failure, began)?;
    let (since, until) = (shifted(began, -around.before()), shifted(began, around.after()));
    let condition = format!("{} and {WRITES} and {}", like_it("account", failure.text("account")), within(since, 0, until, 0));
    let rows = records.some_with_raw(Table::Calls, &condition, "\"time\" desc", MOST)?;
    let mut changes = Vec::new();
    let mut others = 0;
    for row in &rows {
        let shared = shared(row, failure, &marks);
        let Some(mut event) = describe::call(row).filter(|_| all || !shared.is_empty()) else {
            others += 1;
            continue;
        };
        event.note = None;
        let weight: u32 = shared.iter().map(|mark| mark.kind.weight()).sum();
        let shares = shared.iter().map(|mark| format!("{} {}", mark.kind.word(), mark.name)).collect();
        let before_seconds = began.duration_since(event.time).as_secs();
        let shares_closely = shared.iter().any(|mark| !matches!(mark.kind, Kind::Cluster | Kind::Subnet));
        let removes_shared = shares_closely && row.text("event_name").is_some_and(describe::removes);
        let change = Change {
            event,
            shares,
            before_seconds,
            person: None,
            principal_chain: Vec::new(),
            principal_confidence: None,
            shares_closely,
            removes_shared,
        };
        changes.push((weight, row, change));
    }
    changes.sort_by(|(left, _, a), (right, _, b)| {
        let near = a.before_seconds.abs().cmp(&b.before_seconds.abs());
        right.cmp(left).then(near).then_with(|| a.event.record.cmp(&b.event.record))
    });
    let callers: Vec<&Row> = changes.iter().take(PERSONS).map(|(_, row, _)| *row).collect();
    let behind = person::behind(records, &callers)?;
    for ((_, _, change), behind) in changes.iter_mut().zip(behind) {
        if behind.who.is_some() {
            change.event.who = behind.who;
        }
        change.person = behind.person;
        change.principal_chain = behind.chain;
        change.principal_confidence = Some(behind.confidence);
    }
    let changes = changes.into_iter().map(|(_, _, change)| change).collect();
    Ok(Changes { before: began, since, until, failures, changes, others })
}

/// The creation time of the failed task, if known and earlier.
fn began(records: &Records<'_>, failure: &Row, first: Timestamp) -> Result<Timestamp, RunError> {
    let Some(task) = failure.text("task").filter(|_| failure.text("kind") == Some("task")) else { return Ok(first) };
    let rows = records.some(Table::TaskEvents, &equals("task", Some(task)), "version desc nulls last", 1)?;
    let created = rows.first().and_then(|row| row.time("created_at"));
    // A task that ran for a long time did not fail because of changes before its creation.
    let soon = created.filter(|created| first.duration_since(*created).as_secs().abs() <= HALF_HOUR);
    Ok(soon.map_or(first, |created| created.min(first)))
}

/// The condition for calls that change something. Task starts and routine agent calls do not affect other resources.
const WRITES: &str = "error_code is null and read_only is not true and event_name not in ('RunTask', 'StartTask', \
     'SubmitTaskStateChange', 'SubmitContainerStateChange', 'SubmitAttachmentStateChanges', 'DiscoverPollEndpoint', \
     'AssumeRole', 'AssumeRoleWithWebIdentity', 'AssumeRoleWithSAML', 'GenerateDataKey', 'Decrypt', 'Encrypt', \
     'CreateLogStream', 'PutLogEvents', 'GetAuthorizationToken', 'BatchGetImage', 'GetSecretValue', 'ConsoleLogin') \
     and event_name not like 'Describe%' and event_name not like 'List%' and event_name not like 'Get%'";

/// SQL for the calls that define what services and tasks are made of. They are few.
pub fn definitions() -> String {
    "select id, \"time\", account, region, event_name, \"cluster\", service, family from calls \
     where event_name in ('RegisterTaskDefinition', 'CreateService', 'UpdateService')"
        .to_owned()
}

/// The kinds of resources that a failure and a change can share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Service,
    TaskDefinition,
    Instance,
    Role,
    SecurityGroup,
    Subnet,
    Secret,
    /// A security group used by launches into the same subnet.
    Neighbor,
    Cluster,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Service => "service",
            Kind::TaskDefinition => "task definition",
            Kind::Instance => "container instance",
            Kind::Role => "role",
            Kind::SecurityGroup => "security group",
            Kind::Subnet => "subnet",
            Kind::Secret => "secret",
            Kind::Neighbor => "security group used by other tasks in the subnet:",
            Kind::Cluster => "cluster",
        }
    }

    fn weight(self) -> u32 {
        match self {
            Kind::Service => 6,
            Kind::TaskDefinition | Kind::Instance | Kind::Role | Kind::SecurityGroup | Kind::Secret => 5,
            Kind::Subnet => 4,
            Kind::Neighbor => 3,
            Kind::Cluster => 2,
        }
    }
}

/// A resource related to the failure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    kind: Kind,
    name: String,
}

/// The resources related to a failure: from its columns and from its call, task, service and task definition.
fn marks(records: &Records<'_>, failure: &Row, began: Timestamp) -> Result<BTreeSet<Mark>, RunError> {
    let mut marks = BTreeSet::new();
    let columns = [
        (Kind::Service, "service"),
        (Kind::TaskDefinition, "family"),
        (Kind::Instance, "container_instance"),
        (Kind::Cluster, "cluster"),
    ];
    for (kind, column) in columns {
        marks.extend(failure.text(column).map(|name| Mark { kind, name: name.to_owned() }));
    }
    let home = home_of(failure);
    // The failed call has the time of the failure.
    let at = failure.time("time").unwrap_or(began);
    let service = format!("{} and {}", equals("service", failure.text("service")), like_it("cluster", failure.text("cluster")));
    let task = equals("task", failure.text("task").filter(|_| failure.text("kind") == Some("task")));
    let sources = [
        (Table::Calls, format!("{} and {}", equals("id", failure.text("call")), within(at, 60, at, 60))),
        (Table::TaskEvents, task),
    ];
    let mut sources = sources
        .into_iter()
        .map(|(table, condition)| Ok(records.some_with_raw(table, &condition, "\"time\" desc", 1)?.into_iter().next()))
        .collect::<Result<Vec<Option<Row>>, RunError>>()?;
    let family = equals("family", failure.text("family"));
    for condition in [
        format!("{family} and event_name = 'RegisterTaskDefinition' and {home}"),
        format!("{service} and event_name in ('CreateService', 'UpdateService') and {home}"),
    ] {
        sources.push(records.newest_with_raw(&definitions(), &condition, began)?);
    }
    for row in sources.iter().flatten() {
        marks.extend(row.text("raw").map(named).unwrap_or_default());
    }
    marks.extend(named_in(failure.text("message").unwrap_or_default()));
    let neighbors = neighbors(records, failure, began, &marks)?;
    marks.extend(neighbors);
    Ok(marks)
}

/// Task events do not contain security groups, so the last launch into the same subnet provides them.
fn neighbors(records: &Records<'_>, failure: &Row, began: Timestamp, marks: &BTreeSet<Mark>) -> Result<Vec<Mark>, RunError> {
    if marks.iter().any(|mark| mark.kind == Kind::SecurityGroup) {
        return Ok(Vec::new());
    }
    let mut neighbors = Vec::new();
    for subnet in marks.iter().filter(|mark| mark.kind == Kind::Subnet) {
        let condition = format!(
            "{} and {} and event_name = 'RunTask' and {} and contains(raw, {})",
            equals("cluster", failure.text("cluster")),
            home_of(failure),
            within(began, NEIGHBOR_WITHIN, began, 0),
            text(&subnet.name)
        );
        let rows = records.some_with_raw(Table::Calls, &condition, "\"time\" desc", 1)?;
        let groups = rows.first().and_then(|row| row.text("raw")).map(named).unwrap_or_default();
        let groups = groups.into_iter().filter(|mark| mark.kind == Kind::SecurityGroup);
        neighbors.extend(groups.map(|mark| Mark { kind: Kind::Neighbor, ..mark }));
    }
    Ok(neighbors)
}

/// The parts of a record that describe its subject, without the caller.
fn about(raw: &str) -> Option<serde_json::Value> {
    let mut record: serde_json::Value = serde_json::from_str(raw).ok()?;
    let mut parts = serde_json::Map::new();
    for key in ["requestParameters", "responseElements", "detail"] {
        parts.extend(record.get_mut(key).map(|part| (key.to_owned(), part.take())));
    }
    Some(if parts.is_empty() { record } else { serde_json::Value::Object(parts) })
}

fn named(raw: &str) -> BTreeSet<Mark> {
    let Some(about) = about(raw) else { return BTreeSet::new() };
    let mut marks = BTreeSet::new();
    texts(&about, &mut |text| marks.extend(named_in(text)));
    marks
}

/// Visits all strings in a value.
fn texts(value: &serde_json::Value, see: &mut impl FnMut(&str)) {
    match value {
        serde_json::Value::String(text) => see(text),
        serde_json::Value::Array(items) => items.iter().for_each(|item| texts(item, see)),
        serde_json::Value::Object(members) => members.values().for_each(|member| texts(member, see)),
        _ => {}
    }
}

/// The security groups, subnets, roles and secrets named in a text.
fn named_in(text: &str) -> Vec<Mark> {
    let words = text.split(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';' | '"' | '\'' | '(' | ')'));
    let mark = |word: &str| {
        let word = word.trim_end_matches(['.', ':']);
        let id = |prefix: &str| {
            word.strip_prefix(prefix).is_some_and(|id| id.len() >= 8 && id.chars().all(|letter| letter.is_ascii_hexdigit()))
        };
        let resource = || word.strip_prefix("arn:").and_then(|rest| rest.splitn(5, ':').nth(4));
        let (kind, name) = match word {
            _ if id("sg-") => (Kind::SecurityGroup, word),
            _ if id("subnet-") => (Kind::Subnet, word),
            _ if word.contains(":iam::") => (Kind::Role, resource()?.strip_prefix("role/")?.rsplit('/').next()?),
            _ if word.contains(":secretsmanager:") => (Kind::Secret, resource()?.strip_prefix("secret:")?.split(':').next()?),
            _ => return None,
        };
        (!name.is_empty()).then(|| Mark { kind, name: name.to_owned() })
    };
    words.filter_map(mark).collect()
}

/// The resources that a call shares with a failure. Another Region, or another cluster, has other services, clusters and task
/// definitions of the same names.
fn shared<'m>(row: &Row, failure: &Row, marks: &'m BTreeSet<Mark>) -> Vec<&'m Mark> {
    let may_be = |column: &str| match (row.text(column), failure.text(column)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    let (same_region, same_cluster) = (may_be("region"), may_be("cluster"));
    let mut words: BTreeSet<String> = BTreeSet::new();
    let raw = row.text("raw");
    if let Some(about) = raw.and_then(about) {
        texts(&about, &mut |text| {
            words.insert(text.to_owned());
            words.extend(named_in(text).into_iter().map(|mark| mark.name));
        });
    }
    let columns = |kind: Kind| match kind {
        Kind::Service => row.text("service"),
        Kind::TaskDefinition => row.text("family"),
        Kind::Instance => row.text("container_instance"),
        Kind::Cluster => row.text("cluster"),
        _ => None,
    };
    let same_name = |mark: &Mark| match mark.kind {
        Kind::Service | Kind::TaskDefinition | Kind::Cluster if !same_region => false,
        Kind::Service if !same_cluster => false,
        // Short names are ambiguous, so compare the column of the same kind.
        Kind::Service | Kind::TaskDefinition | Kind::Instance | Kind::Cluster => columns(mark.kind) == Some(mark.name.as_str()),
        _ => words.contains(&mark.name),
    };
    marks.iter().filter(|mark| same_name(mark)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_what_a_call_is_about() {
        let raw = r#"{"userIdentity":{"arn":"arn:aws:sts::111122223333:assumed-role/deployer/x"},
            "requestParameters":{"groupId":"sg-0f1e2d3c4b5a69788","role":"arn:aws:iam::111122223333:role/app/task-role",
            "secret":"arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-AbCdEf:password::"}}"#;
        let found: Vec<String> = named(raw).into_iter().map(|mark| format!("{} {}", mark.kind.word(), mark.name)).collect();
        assert_eq!(found, ["role task-role", "security group sg-0f1e2d3c4b5a69788", "secret prod/db-AbCdEf"]);
        assert!(named("no JSON").is_empty());
        assert!(named_in("sg- subnet-xyz arn:aws:iam::x arn:aws:iam::1:user/y").is_empty());
    }
}
