//! Resolves a typed name to a subject in the tables.

use super::expected_start::is_slot;
use super::records::{Records, Row, at_home, calls_of_task, equals, like_it, text};
use crate::lang::suggest;
use crate::run::RunError;
use crate::table::Table;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The subject of an explanation or timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// Its name or id.
    pub name: String,
    /// Its cluster, if the name contained one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Its account, if the name was an ARN or several accounts or Regions have one.
    #[serde(skip)]
    pub account: Option<String>,
    /// Its Region, likewise.
    #[serde(skip)]
    pub region: Option<String>,
}

impl Subject {
    /// Something with a name that says no more.
    pub fn named(kind: SubjectKind, name: &str) -> Subject {
        Subject { kind, name: name.to_owned(), cluster: None, account: None, region: None }
    }

    /// The condition for rows of its cluster, account and Region, as far as they are known.
    pub(super) fn there(&self) -> String {
        let cluster = like_it("cluster", self.cluster.as_deref());
        format!("{cluster} and {}", at_home(self.account.as_deref(), self.region.as_deref()))
    }
}

/// Kinds of subjects, in lookup order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// A failure, its record, or its call.
    Failure,
    /// An ECS task.
    Task,
    /// A job submission of dstack.
    Submission,
    /// A deployment of a service.
    Deployment,
    /// A run or job of dstack.
    Run,
    /// An ECS service.
    Service,
    /// A container instance.
    Instance,
    /// A task definition or its family.
    Family,
    /// A cluster.
    Cluster,
    /// A schedule, by its name in `schedules`.
    Schedule,
}

impl SubjectKind {
    const ALL: &'static [SubjectKind] = &[
        SubjectKind::Failure,
        SubjectKind::Task,
        SubjectKind::Submission,
        SubjectKind::Deployment,
        SubjectKind::Run,
        SubjectKind::Service,
        SubjectKind::Instance,
        SubjectKind::Family,
        SubjectKind::Cluster,
        SubjectKind::Schedule,
    ];

    /// Its name in text.
    pub fn word(self) -> &'static str {
        match self {
            SubjectKind::Failure => "failure",
            SubjectKind::Task => "task",
            SubjectKind::Submission => "submission",
            SubjectKind::Deployment => "deployment",
            SubjectKind::Run => "run",
            SubjectKind::Service => "service",
            SubjectKind::Instance => "container instance",
            SubjectKind::Family => "task definition",
            SubjectKind::Cluster => "cluster",
            SubjectKind::Schedule => "schedule",
        }
    }

    /// The tables and columns that contain such names.
    pub(super) fn known_in(self) -> &'static [(Table, &'static [&'static str])] {
        match self {
            SubjectKind::Failure => &[(Table::Failures, &["id", "record", "call"])],
            SubjectKind::Task => &[(Table::TaskEvents, &["task"]), (Table::Failures, &["task"]), (Table::Calls, &["task"])],
            SubjectKind::Submission => &[(Table::JobSubmissions, &["submission"]), (Table::Failures, &["submission"])],
            SubjectKind::Deployment => &[
                (Table::ServiceEvents, &["deployment"]),
                // Without events of the service, a deployment is known from the tasks that it started.
                (Table::TaskEvents, &["started_by"]),
                (Table::Failures, &["started_by"]),
            ],
            SubjectKind::Run => &[
                (Table::RunRecords, &["run", "run_id"]),
                (Table::JobSubmissions, &["job"]),
                // Attempts that the server has pruned survive only in their events.
                (Table::Failures, &["run", "job"]),
            ],
            SubjectKind::Service => &[
                (Table::ServiceEvents, &["service"]),
                (Table::TaskEvents, &["service"]),
                (Table::Failures, &["service"]),
                (Table::Calls, &["service"]),
            ],
            SubjectKind::Instance => &[
                (Table::InstanceEvents, &["container_instance"]),
                (Table::Failures, &["container_instance"]),
                (Table::TaskEvents, &["container_instance"]),
            ],
            SubjectKind::Family => &[
                (Table::TaskEvents, &["family", "task_definition"]),
                (Table::Calls, &["family", "task_definition"]),
                (Table::Failures, &["family", "task_definition"]),
            ],
            SubjectKind::Cluster => &[
                (Table::TaskEvents, &["cluster"]),
                (Table::Failures, &["cluster"]),
                (Table::ServiceEvents, &["cluster"]),
                (Table::InstanceEvents, &["cluster"]),
                (Table::Calls, &["cluster"]),
            ],
            // Schedules are not stored in a table: `schedule_named` computes them.
            SubjectKind::Schedule => &[],
        }
    }
}

/// Resolves a name; none if nothing has that name.
pub fn resolve(records: &Records<'_>, typed: &str) -> Result<Option<Subject>, RunError> {
    let Typed { kinds, cluster, name, account, region } = read(typed.trim());
    let subject = |kind: SubjectKind, name: String| Subject {
        kind,
        name,
        cluster: cluster.clone(),
        account: account.clone(),
        region: region.clone(),
    };
    if let Some(instance) = ec2_instance(records, &name)? {
        return Ok(Some(subject(SubjectKind::Instance, instance)));
    }
    for kind in kinds {
        for (table, columns) in kind.known_in() {
            let mut same: Vec<String> = columns.iter().map(|column| equals(column, Some(&name))).collect();
            if (*kind, *table) == (SubjectKind::Task, Table::Calls) {
                same.push(calls_of_task(&name));
            }
            let subject = subject(*kind, name.clone());
            let there = within_table(*table, &subject);
            let names = of_kind(*kind, columns);
            if records.any(*table, &format!("({}) and {names} and {there}", same.join(" or ")))? {
                return Ok(Some(subject));
            }
        }
    }
    Ok(None)
}

/// The condition for rows whose columns name something of a kind: a task may be started by a deployment or by anybody else.
fn of_kind(kind: SubjectKind, columns: &[&str]) -> &'static str {
    if kind == SubjectKind::Deployment && columns.contains(&"started_by") {
        "starts_with(started_by, 'ecs-svc/')"
    } else {
        "true"
    }
}

/// The condition for rows of the cluster, account and Region, if the table has these columns.
fn within_table(table: Table, subject: &Subject) -> String {
    let has = |column: &str| table.fields().iter().any(|field| field.name == column);
    if ["cluster", "account", "region"].into_iter().all(has) { subject.there() } else { "true".to_owned() }
}

/// An account and Region.
pub type Home = (String, Option<String>);

/// The accounts and Regions that have a service, cluster or task definition of a name: the one with the newest failure first,
/// else with the newest record. None for anything else, which has an id, and if the name was an ARN.
pub fn homes(records: &Records<'_>, subject: &Subject) -> Result<Vec<Home>, RunError> {
    let is_name = matches!(subject.kind, SubjectKind::Service | SubjectKind::Family | SubjectKind::Cluster);
    if !is_name || subject.account.is_some() {
        return Ok(Vec::new());
    }
    // The newest failure and the newest other record.
    let mut found: BTreeMap<Home, [Option<Timestamp>; 2]> = BTreeMap::new();
    for (table, columns) in subject.kind.known_in() {
        let same: Vec<String> = columns.iter().map(|column| equals(column, Some(&subject.name))).collect();
        // Anybody can ask for what does not exist.
        let changes = if *table == Table::Calls { "read_only is not true" } else { "true" };
        let statement = format!(
            "select account, region, max(\"time\") as newest from {} where ({}) and {} and {changes} and account is not null \
             group by account, region",
            table.name(),
            same.join(" or "),
            within_table(*table, subject)
        );
        for row in records.rows(&statement)? {
            let Some(account) = row.text("account") else { continue };
            let times = found.entry((account.to_owned(), row.text("region").map(str::to_owned))).or_default();
            if let Some(newest) = times.get_mut(usize::from(*table != Table::Failures)) {
                *newest = (*newest).max(row.time("newest"));
            }
        }
    }
    // Records without a Region belong to any Region of their account.
    let placed: BTreeSet<String> =
        found.keys().filter(|(_, region)| region.is_some()).map(|(account, _)| account.clone()).collect();
    found.retain(|(account, region), _| region.is_some() || !placed.contains(account));
    let mut homes: Vec<(Home, [Option<Timestamp>; 2])> = found.into_iter().collect();
    homes.sort_by(|(_, left), (_, right)| right.cmp(left));
    Ok(homes.into_iter().map(|(home, _)| home).collect())
}

/// The schedule with this name in `schedules`. Schedules are computed from all launches, so look them up last.
pub fn schedule_named(records: &Records<'_>, name: &str) -> Result<Option<Subject>, RunError> {
    let name = name.trim();
    if name.is_empty() {
        return Ok(None);
    }
    let Some(view) = super::losses::view(records, "schedules")? else { return Ok(None) };
    let found = records.rows(&format!("select s.schedule from {view} s where s.schedule = {} limit 1", text(name)))?;
    let found = found.first().and_then(|row| row.text("schedule"));
    Ok(found.map(|name| Subject::named(SubjectKind::Schedule, name)))
}

/// What the id of a computed row is about, such as that of an incident: the schedule of an expected start, and the deployment of a
/// stall, or its container instance if something else started the tasks.
pub fn of_computed(records: &Records<'_>, id: &str) -> Result<Option<Subject>, RunError> {
    let id = id.trim();
    let noun = match (is_slot(id), is_stall(id)) {
        (true, _) => "schedules",
        (false, true) => "stalls",
        (false, false) => return Ok(None),
    };
    let Some(view) = super::losses::view(records, noun)? else { return Ok(None) };
    let rows = records.rows(&format!("select r.* from {view} r where r.id = {} limit 1", text(id)))?;
    let Some(row) = rows.first() else { return Ok(None) };
    let deployment = row.text("deployment").filter(|deployment| deployment.starts_with("ecs-svc/"));
    let found = match (row.text("schedule"), deployment, row.text("container_instance")) {
        (Some(schedule), ..) => Some((SubjectKind::Schedule, schedule)),
        (None, Some(deployment), _) => Some((SubjectKind::Deployment, deployment)),
        (None, None, Some(instance)) => Some((SubjectKind::Instance, instance)),
        (None, None, None) => None,
    };
    Ok(found.map(|(kind, name)| Subject::named(kind, name)))
}

/// Whether a name has the shape of the id of a stall: the container instance, the start in microseconds, and what started the tasks.
fn is_stall(name: &str) -> bool {
    let mut parts = name.splitn(3, '/');
    let (instance, start, starter) = (parts.next(), parts.next(), parts.next());
    let is_number = |text: &str| text.len() >= 10 && text.chars().all(|letter| letter.is_ascii_digit());
    instance.is_some_and(|instance| !instance.is_empty()) && start.is_some_and(is_number) && starter.is_some()
}

/// The minimum length of an id prefix; shorter text is treated as a name.
pub const SHORTEST_PREFIX: usize = 4;

/// Subjects whose ids begin with the typed text, up to `most`.
pub fn begun(records: &Records<'_>, typed: &str, most: usize) -> Result<Vec<Subject>, RunError> {
    let Typed { kinds, cluster, name, account, region } = read(typed.trim());
    let mut found: Vec<Subject> = Vec::new();
    if name.chars().count() < SHORTEST_PREFIX {
        return Ok(found);
    }
    for kind in kinds {
        let wanted = Subject {
            kind: *kind,
            name: name.clone(),
            cluster: cluster.clone(),
            account: account.clone(),
            region: region.clone(),
        };
        for (table, columns) in kind.known_in() {
            for column in *columns {
                let statement = format!(
                    "select distinct \"{column}\" as name from {} where starts_with(\"{column}\", {}) and {} and {} order by 1 limit {}",
                    table.name(),
                    text(&name),
                    of_kind(*kind, columns),
                    within_table(*table, &wanted),
                    most + 1
                );
                for row in records.rows(&statement)? {
                    let Some(name) = row.text("name") else { continue };
                    // A record and its call may share an id, and a task and its session may share a name.
                    if !found.iter().any(|known| known.name == name) {
                        found.push(Subject { name: name.to_owned(), ..wanted.clone() });
                    }
                }
            }
        }
    }
    let names: Vec<String> = found.iter().map(|subject| subject.name.clone()).collect();
    found.retain(|subject| !names.iter().any(|name| is_part_of(&subject.name, name)));
    found.truncate(most);
    Ok(found)
}

/// Whether a name is one of several that were derived from another, as in `ID#2` or `ID@STATE@TIME`: it is about the same.
fn is_part_of(name: &str, whole: &str) -> bool {
    name.strip_prefix(whole).is_some_and(|rest| rest.starts_with(['#', '@']))
}

/// What a text says about a subject.
struct Typed {
    /// The possible kinds.
    kinds: &'static [SubjectKind],
    cluster: Option<String>,
    name: String,
    account: Option<String>,
    region: Option<String>,
}

/// Reads a name, an id or an ARN; ARNs and `cluster/service` narrow the kinds.
fn read(typed: &str) -> Typed {
    let all = SubjectKind::ALL;
    let plain = |kinds: &'static [SubjectKind], cluster: Option<String>, name: String| Typed {
        kinds,
        cluster,
        name,
        account: None,
        region: None,
    };
    let arn: Vec<&str> = typed.strip_prefix("arn:").map(|rest| rest.splitn(5, ':').collect()).unwrap_or_default();
    if let [_, _, region, account, resource] = arn.as_slice() {
        let known = |part: &str| (!part.is_empty()).then(|| part.to_owned());
        return Typed { account: known(account), region: known(region), ..of_resource(resource, all) };
    }
    if let Some(typed) = of_console(typed) {
        return typed;
    }
    // `task/ID`, as in the last part of an ARN.
    let kind = typed.split('/').next().map(kinds_of_resource).unwrap_or_default();
    if !kind.is_empty() && typed.contains('/') {
        return of_resource(typed, kind);
    }
    // Ids are in lower case; some tools show them in upper case.
    if is_upper_case_id(typed) {
        return plain(all, None, typed.to_lowercase());
    }
    if !typed.is_empty() && typed.len() > 12 && typed.chars().all(|letter| letter.is_ascii_digit()) {
        return plain(&[SubjectKind::Deployment], None, format!("ecs-svc/{typed}"));
    }
    match typed.split_once('/') {
        Some((cluster, name)) if cluster != "ecs-svc" && !name.is_empty() && !cluster.is_empty() => plain(
            &[SubjectKind::Task, SubjectKind::Service, SubjectKind::Instance, SubjectKind::Family],
            Some(cluster.to_owned()),
            name.to_owned(),
        ),
        _ => plain(all, None, typed.to_owned()),
    }
}

/// What a resource of an ARN names, such as `task/batch/ID`; anything of `others` if its type is unknown.
fn of_resource(resource: &str, others: &'static [SubjectKind]) -> Typed {
    let parts: Vec<&str> = resource.split('/').collect();
    let kinds = parts.first().map(|word| kinds_of_resource(word)).filter(|kinds| !kinds.is_empty()).unwrap_or(others);
    let cluster = if parts.len() == 3 { parts.get(1).map(|cluster| (*cluster).to_owned()) } else { None };
    let name = parts.last().copied().unwrap_or_default().to_owned();
    Typed { kinds, cluster, name, account: None, region: None }
}

/// The kinds of subjects with this resource type in an ARN; none if the type is unknown.
fn kinds_of_resource(word: &str) -> &'static [SubjectKind] {
    match word {
        "task" => &[SubjectKind::Task],
        "service" => &[SubjectKind::Service],
        "container-instance" => &[SubjectKind::Instance],
        "task-definition" => &[SubjectKind::Family],
        "cluster" => &[SubjectKind::Cluster],
        _ => &[],
    }
}

/// What a page of the AWS console shows, by its address: `https://…/ecs/v2/clusters/batch/tasks/ID/configuration?region=…`.
fn of_console(address: &str) -> Option<Typed> {
    let parts: Vec<&str> = address.strip_prefix("https://")?.split(['/', '?', '#', '&']).collect();
    parts.first().filter(|host| host.ends_with("console.aws.amazon.com"))?;
    let after = |word: &str| {
        let at = parts.iter().position(|part| *part == word)?;
        parts.get(at + 1).filter(|part| !part.is_empty()).map(|part| (*part).to_owned())
    };
    let cluster = after("clusters");
    let region = parts.iter().find_map(|part| part.strip_prefix("region=")).map(str::to_owned);
    let named: [(&str, &'static [SubjectKind]); 4] = [
        ("tasks", &[SubjectKind::Task]),
        ("services", &[SubjectKind::Service]),
        ("container-instances", &[SubjectKind::Instance]),
        ("task-definitions", &[SubjectKind::Family]),
    ];
    let found = named.into_iter().find_map(|(word, kinds)| Some((kinds, after(word)?)));
    let (kinds, name, cluster) = match found {
        Some((kinds, name)) => (kinds, name, cluster),
        None => (kinds_of_resource("cluster"), cluster?, None),
    };
    Some(Typed { kinds, cluster, name, account: None, region })
}

/// Whether a text is the id of a task or a record in upper case.
fn is_upper_case_id(text: &str) -> bool {
    let digits = || text.bytes().filter(|b| *b != b'-');
    digits().count() == 32
        && digits().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_lowercase())
        && digits().any(|b| b.is_ascii_uppercase())
}

/// A column of `failures` in which a text is a value that is not a name, such as a reason.
pub fn described_by(records: &Records<'_>, value: &str) -> Result<Option<&'static str>, RunError> {
    for column in ["reason", "cause", "category", "phase", "class", "kind"] {
        if records.any(Table::Failures, &equals(column, Some(value)))? {
            return Ok(Some(column));
        }
    }
    Ok(None)
}

/// The container instance on an EC2 instance.
fn ec2_instance(records: &Records<'_>, name: &str) -> Result<Option<String>, RunError> {
    if !name.starts_with("i-") {
        return Ok(None);
    }
    let condition = format!("{} and container_instance is not null", equals("ec2_instance", Some(name)));
    let rows = records.some(Table::InstanceEvents, &condition, "\"time\" desc", 1)?;
    Ok(rows.first().and_then(|row| row.text("container_instance")).map(str::to_owned))
}

/// The failures of a subject: the one to explain first, then the others, newest first.
pub(super) fn failures_of(records: &Records<'_>, subject: &Subject) -> Result<Vec<Row>, RunError> {
    let is = |column: &str| equals(column, Some(&subject.name));
    let condition = match subject.kind {
        SubjectKind::Failure => format!("{} or {} or {}", is("id"), is("record"), is("call")),
        SubjectKind::Task => is("task"),
        SubjectKind::Submission => is("submission"),
        SubjectKind::Deployment => {
            format!("\"incident\" = {} or {}", text(&format!("deployment:{}", subject.name)), is("started_by"))
        }
        SubjectKind::Run => format!("{} or {} or {}", is("run"), is("run_id"), is("job")),
        SubjectKind::Service => is("service"),
        SubjectKind::Instance => is("container_instance"),
        SubjectKind::Family => format!("{} or {}", is("family"), is("task_definition")),
        SubjectKind::Cluster => is("cluster"),
        SubjectKind::Schedule => super::losses::failures_of_schedule(records, &subject.name)?,
    };
    let condition = format!("({condition}) and {}", subject.there());
    let mut failures = records.failures(&condition)?;
    // The view omits older records of an incident, but their ids still identify it.
    if failures.is_empty() && subject.kind == SubjectKind::Failure {
        let older = records.some(Table::Failures, &condition, "\"time\" desc", 1)?;
        if let Some(incident) = older.first().and_then(|row| row.text("incident")) {
            failures = records.failures(&equals("incident", Some(incident)))?;
        }
    }
    let is_own = |row: &Row| match subject.kind {
        SubjectKind::Failure => row.text("id") == Some(&subject.name),
        SubjectKind::Deployment => row.text("kind") == Some("deployment"),
        _ => true,
    };
    failures.sort_by_key(|row| (!is_own(row), row.flag("secondary") == Some(true)));
    Ok(failures)
}

/// The newest failure that is not a consequence of another.
pub fn newest(records: &Records<'_>) -> Result<Option<Subject>, RunError> {
    // Only the view decides whether a deployment failure is a consequence: if the newest rows are, read all failures.
    let quick = records
        .failures("\"time\" = (select max(\"time\") from failures where secondary is not true) and secondary is not true")?;
    let failures = if quick.is_empty() { records.failures("secondary is not true")? } else { quick };
    let id = failures.first().and_then(|row| row.text("id"));
    Ok(id.map(|id| Subject::named(SubjectKind::Failure, id)))
}

/// Suggests names similar to an unknown one.
pub fn nearest(records: &Records<'_>, typed: &str) -> Result<Option<String>, RunError> {
    let Typed { name, .. } = read(typed.trim());
    let mut known: Vec<String> = Vec::new();
    for kind in SubjectKind::ALL {
        for (table, columns) in kind.known_in() {
            for column in *columns {
                let statement = format!(
                    "select distinct \"{column}\" as name from {} where \"{column}\" is not null and {} order by 1 limit 2000",
                    table.name(),
                    of_kind(*kind, columns)
                );
                known.extend(records.rows(&statement)?.iter().filter_map(|row| row.text("name")).map(str::to_owned));
            }
        }
    }
    // People often copy only a part of an id.
    let begun: Vec<&str> = known.iter().map(String::as_str).filter(|known| name.len() >= 4 && known.starts_with(&name)).collect();
    Ok(suggest::question(&name, if begun.is_empty() { known.iter().map(String::as_str).collect() } else { begun.clone() })
        .or_else(|| begun.first().map(|first| format!("did you mean `{first}`?"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_console_and_arns_write_them() {
        const ID: &str = "42b98325d5f2d7ab2dc135f614aaf617";
        let page = format!("https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/batch/tasks/{ID}/logs?region=eu-west-1");
        let old = format!("https://console.aws.amazon.com/ecs/home?region=eu-west-1#/clusters/batch/tasks/{ID}/details");
        let arn = format!("arn:aws:ecs:eu-west-1:111122223333:task/batch/{ID}");
        for typed in [page, old, arn, format!("task/batch/{ID}"), format!("task/{ID}")] {
            let found = read(&typed);
            assert_eq!((found.kinds, found.name.as_str()), (&[SubjectKind::Task][..], ID), "{typed}");
            assert_eq!(found.cluster.is_some(), typed.contains("batch"), "{typed}");
            assert_eq!(found.region.is_some(), typed.contains("eu-west-1"), "{typed}");
        }
        assert_eq!(read(&ID.to_uppercase()).name, ID);
        assert_eq!(read("D25E49B0-637F-469F-8E82-413FA77B3188").name, "d25e49b0-637f-469f-8e82-413fa77b3188");
        assert_eq!(read("ABCD-1").name, "ABCD-1");
        let service = read("https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/batch/services/web/health");
        assert_eq!((service.kinds, service.name.as_str()), (&[SubjectKind::Service][..], "web"));
        let cluster = read("https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/batch");
        assert_eq!((cluster.kinds, cluster.name.as_str()), (&[SubjectKind::Cluster][..], "batch"));
        let service = read("batch/web");
        assert_eq!((service.cluster.as_deref(), service.name.as_str()), (Some("batch"), "web"));
    }
}
