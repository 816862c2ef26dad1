//! Links to the AWS console for what an explanation, a timeline or a row of a query names.
//!
//! In: names and ids of records. Out: a link for each that has a page. Invariant: a name that occurs in several clusters or Regions
//! has no link, unless something else says which one is meant.

use super::find::SubjectKind;
use super::finding::{Event, Finding};
use super::records::{Records, Row, text};
use super::story::Story;
use crate::knowledge::{ConsoleNames, ConsolePage, console_link};
use crate::run::RunError;
use crate::table::Table;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The number of names in one statement.
const AT_ONCE: usize = 1000;

/// A link to a page of the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// task, service, deployment, cluster, container instance or event.
    pub kind: &'static str,
    /// The name, or the id of the record of an event.
    pub name: String,
    /// The address.
    pub url: String,
}

/// What a row of a query or a record names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// The Region.
    pub region: Option<String>,
    /// The cluster.
    pub cluster: Option<String>,
    /// The service.
    pub service: Option<String>,
    /// The task.
    pub task: Option<String>,
    /// The container instance.
    pub instance: Option<String>,
    /// The event of CloudTrail.
    pub event: Option<String>,
    /// The only record behind a row.
    pub record: Option<String>,
}

impl Named {
    fn names(&self) -> ConsoleNames<'_> {
        ConsoleNames {
            region: self.region.as_deref(),
            cluster: self.cluster.as_deref(),
            service: self.service.as_deref(),
            task: self.task.as_deref(),
            instance: self.instance.as_deref(),
            event: self.event.as_deref(),
        }
    }
}

/// The links of an explanation: what failed, then the calls around it and the changes before it.
pub fn links_of_finding(records: &Records<'_>, finding: &Finding) -> Result<Vec<Link>, RunError> {
    let fact = |name: &str| finding.place.iter().find(|fact| fact.name == name).map(|fact| fact.value.as_str());
    let names = ConsoleNames {
        region: fact("region"),
        cluster: fact("cluster"),
        service: fact("service"),
        task: fact("task"),
        instance: fact("container instance"),
        event: None,
    };
    let mut links = of_names(&names, fact("deployment"));
    let changes = finding.changes.iter().flat_map(|found| &found.changes).map(|change| &change.event);
    links.extend(of_events(records, finding.chain.iter().chain(changes))?);
    Ok(links)
}

/// The links of a timeline: its subject, then the calls in it.
pub fn links_of_story(records: &Records<'_>, story: &Story) -> Result<Vec<Link>, RunError> {
    let subject = &story.subject;
    let mut links = match subject.kind {
        SubjectKind::Task | SubjectKind::Service | SubjectKind::Instance | SubjectKind::Cluster => {
            let known = places(records, subject.kind, &BTreeSet::from([subject.name.as_str()]))?;
            let name = Some(subject.name.as_str());
            let place = only(known.get(&subject.name), None, subject.cluster.as_deref());
            let (region, cluster) = place.map_or((None, None), |(region, cluster)| (Some(region), Some(cluster)));
            let of = |kind| name.filter(|_| subject.kind == kind);
            let names = ConsoleNames {
                region,
                cluster,
                service: of(SubjectKind::Service),
                task: of(SubjectKind::Task),
                instance: of(SubjectKind::Instance),
                event: None,
            };
            of_names(&names, None)
        }
        SubjectKind::Deployment => match deployed(records, &subject.name)? {
            Some(named) => of_names(&named.names(), Some(&subject.name)),
            None => Vec::new(),
        },
        SubjectKind::Failure | SubjectKind::Submission | SubjectKind::Run | SubjectKind::Family | SubjectKind::Schedule => {
            Vec::new()
        }
    };
    links.extend(of_events(records, story.events.iter().map(|line| &line.event))?);
    Ok(links)
}

/// The link of each row of a query: to its event, its task, the only record behind it, its service, its container instance or its
/// cluster, whichever is the first with a page.
pub fn links_of_rows(records: &Records<'_>, rows: &[Named]) -> Result<Vec<Option<String>>, RunError> {
    let names = |of: fn(&Named) -> Option<&String>| {
        // A row with both its Region and its cluster needs no search.
        let open = rows.iter().filter(|row| row.region.is_none() || row.cluster.is_none());
        open.filter_map(of).map(String::as_str).collect::<BTreeSet<_>>()
    };
    let tasks = places(records, SubjectKind::Task, &names(|row| row.task.as_ref()))?;
    let services = places(records, SubjectKind::Service, &names(|row| row.service.as_ref()))?;
    let instances = places(records, SubjectKind::Instance, &names(|row| row.instance.as_ref()))?;
    let clusters = places(records, SubjectKind::Cluster, &names(|row| row.cluster.as_ref()))?;
    let events: Vec<&str> = rows.iter().filter_map(|row| row.event.as_deref()).collect();
    let regions = regions_of_calls(records, &events)?;
    let about: BTreeSet<&str> = rows.iter().filter_map(|row| row.record.as_deref()).collect();
    let about = named_in_records(records, &about)?;
    let link = |row: &Named| {
        let complete = |page, known: &BTreeMap<String, Places>, name: Option<&String>| {
            let region = row.region.as_deref();
            let (region, cluster) = match (region, row.cluster.as_deref()) {
                (Some(region), Some(cluster)) => (region, cluster),
                (region, cluster) => only(known.get(name?), region, cluster)?,
            };
            console_link(page, &ConsoleNames { region: Some(region), cluster: Some(cluster), ..row.names() })
        };
        let event = || {
            let region = row.region.as_deref().or_else(|| regions.get(row.event.as_deref()?).map(String::as_str));
            console_link(ConsolePage::Event, &ConsoleNames { region, ..row.names() })
        };
        let record = || about.get(row.record.as_deref()?).and_then(of_record);
        event()
            .or_else(|| complete(ConsolePage::Task, &tasks, row.task.as_ref()))
            .or_else(record)
            .or_else(|| complete(ConsolePage::Service, &services, row.service.as_ref()))
            .or_else(|| complete(ConsolePage::Instance, &instances, row.instance.as_ref()))
            .or_else(|| complete(ConsolePage::Cluster, &clusters, row.cluster.as_ref()))
    };
    Ok(rows.iter().map(link).collect())
}

/// The link of a record: a failed task says more than the call that requested it.
fn of_record(named: &Named) -> Option<String> {
    let pages = [ConsolePage::Task, ConsolePage::Event, ConsolePage::Service, ConsolePage::Instance, ConsolePage::Cluster];
    pages.into_iter().find_map(|page| console_link(page, &named.names()))
}

/// The links of names in one cluster. The deployment is a part of its service.
fn of_names(names: &ConsoleNames<'_>, deployment: Option<&str>) -> Vec<Link> {
    let pages = [
        (ConsolePage::Task, names.task),
        (ConsolePage::Deployment, deployment),
        (ConsolePage::Service, names.service),
        (ConsolePage::Instance, names.instance),
        (ConsolePage::Cluster, names.cluster),
    ];
    let link = |(page, name): (ConsolePage, Option<&str>)| {
        Some(Link { kind: page.word(), name: name?.to_owned(), url: console_link(page, names)? })
    };
    pages.into_iter().filter_map(link).collect()
}

/// The links of the events that are calls, in their order.
fn of_events<'e>(records: &Records<'_>, events: impl Iterator<Item = &'e Event>) -> Result<Vec<Link>, RunError> {
    let mut seen = BTreeSet::new();
    let ids: Vec<&str> = events.map(|event| event.record.as_str()).filter(|id| seen.insert(*id)).collect();
    let regions = regions_of_calls(records, &ids)?;
    let link = |id: &&str| {
        let region = regions.get(*id)?.as_str();
        let names = ConsoleNames { region: Some(region), event: Some(*id), ..ConsoleNames::default() };
        Some(Link { kind: ConsolePage::Event.word(), name: (*id).to_owned(), url: console_link(ConsolePage::Event, &names)? })
    };
    Ok(ids.iter().filter_map(link).collect())
}

/// The Regions of records that are calls of CloudTrail, by id.
fn regions_of_calls(records: &Records<'_>, ids: &[&str]) -> Result<BTreeMap<String, String>, RunError> {
    let mut regions = BTreeMap::new();
    for ids in ids.chunks(AT_ONCE) {
        let statement = format!(
            "select id, region from calls where id in ({}) and source = 'cloudtrail' and region is not null",
            list(ids.iter().copied())
        );
        for row in records.rows(&statement)? {
            if let (Some(id), Some(region)) = (row.text("id"), row.text("region")) {
                regions.insert(id.to_owned(), region.to_owned());
            }
        }
    }
    Ok(regions)
}

/// The Regions and clusters in which a name occurs.
type Places = BTreeSet<(String, String)>;

/// Where names of a kind occur.
fn places(records: &Records<'_>, kind: SubjectKind, names: &BTreeSet<&str>) -> Result<BTreeMap<String, Places>, RunError> {
    let mut found: BTreeMap<String, Places> = BTreeMap::new();
    let names: Vec<&str> = names.iter().copied().collect();
    for names in names.chunks(AT_ONCE) {
        let names = list(names.iter().copied());
        let tables = kind.known_in().iter().filter_map(|(table, columns)| {
            let column = columns.first()?;
            let table = table.name();
            Some(format!("select \"{column}\" as name, region, \"cluster\" from {table} where \"{column}\" in ({names})"))
        });
        let tables = tables.collect::<Vec<_>>().join(" union all ");
        let condition = "region is not null and \"cluster\" is not null";
        for row in records.rows(&format!("select distinct name, region, \"cluster\" from ({tables}) t where {condition}"))? {
            if let (Some(name), Some(region), Some(cluster)) = (row.text("name"), row.text("region"), row.text("cluster")) {
                found.entry(name.to_owned()).or_default().insert((region.to_owned(), cluster.to_owned()));
            }
        }
    }
    Ok(found)
}

/// The only place in a Region and a cluster, if they are known.
fn only<'p>(places: Option<&'p Places>, region: Option<&str>, cluster: Option<&str>) -> Option<(&'p str, &'p str)> {
    let is_there = |place: &&(String, String)| {
        region.is_none_or(|region| region == place.0) && cluster.is_none_or(|cluster| cluster == place.1)
    };
    let mut found = places?.iter().filter(is_there);
    match (found.next(), found.next()) {
        (Some((region, cluster)), None) => Some((region, cluster)),
        _ => None,
    }
}

/// The service of a deployment.
fn deployed(records: &Records<'_>, deployment: &str) -> Result<Option<Named>, RunError> {
    let rows = records.rows(&format!(
        "select distinct region, \"cluster\", service from (\
           select region, \"cluster\", service from {} where deployment = {name} \
           union all select region, \"cluster\", service from {} where started_by = {name}) d where service is not null limit 2",
        Table::ServiceEvents.name(),
        Table::TaskEvents.name(),
        name = text(deployment)
    ))?;
    match rows.as_slice() {
        [row] => Ok(Some(named(row))),
        _ => Ok(None),
    }
}

/// What records name, by their ids.
fn named_in_records(records: &Records<'_>, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, Named>, RunError> {
    const NOTHING: &str = "cast(null as varchar)";
    // Failures come last: they say more about their record than the record itself.
    let tables = [
        ("calls", ["id", "service", NOTHING, NOTHING, "case when source = 'cloudtrail' then id end"]),
        ("instance_events", ["id", NOTHING, NOTHING, "container_instance", NOTHING]),
        ("service_events", ["id", "service", NOTHING, NOTHING, NOTHING]),
        ("task_events", ["id", "service", "task", "container_instance", NOTHING]),
        // A launch that failed has no task; one that its call placed is another one.
        ("failures", ["record", "service", "case when kind = 'task' then task end", "container_instance", "call"]),
    ];
    // Several failures may have one record: the last row counts, so those with fewer names come first.
    let order = (2..=7).map(|column| format!("{column} desc nulls first")).collect::<Vec<_>>().join(", ");
    let mut found = BTreeMap::new();
    let ids: Vec<&str> = ids.iter().copied().collect();
    for ids in ids.chunks(AT_ONCE) {
        let ids = list(ids.iter().copied());
        for (table, [id, service, task, instance, event]) in &tables {
            let statement = format!(
                "select {id} as record, region, \"cluster\", {service} as service, {task} as task, {instance} as instance, \
                 {event} as event from {table} where {id} in ({ids}) order by {order}"
            );
            for row in records.rows(&statement)? {
                if let Some(record) = row.text("record") {
                    found.insert(record.to_owned(), named(&row));
                }
            }
        }
    }
    Ok(found)
}

fn named(row: &Row) -> Named {
    let own = |column: &str| row.text(column).map(str::to_owned);
    Named {
        region: own("region"),
        cluster: own("cluster"),
        service: own("service"),
        task: own("task"),
        instance: own("instance"),
        event: own("event"),
        record: None,
    }
}

/// Names as a list of SQL.
fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(text).collect::<Vec<_>>().join(", ")
}
