//! The summary of a report: sentences about lost launches, disconnected agents, quotas and changes.
//!
//! Every number is counted from the rows of a section, to which the sentence links.

use super::queries::QueryResult;
use crate::plural::{counted, word};
use crate::render::{Cell, Look};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Results by section.
type Answers<'a> = BTreeMap<&'a str, Rc<QueryResult>>;

/// The maximum number of names in a sentence.
const NAMES: usize = 4;

/// A sentence of the summary, with its section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Story {
    /// The main number.
    pub count: String,
    /// What the number counts.
    pub what: String,
    /// The affected names, and the reasons.
    pub detail: String,
    /// What to do.
    pub advice: String,
    /// The id of the section.
    pub section: &'static str,
}

/// The sentences for these results.
pub fn stories(answers: &Answers<'_>) -> Vec<Story> {
    let story = |section: &'static str, make: fn(&QueryResult) -> Option<Story>| {
        answers.get(section).filter(|result| !result.rows.is_empty()).and_then(|result| make(result))
    };
    let result = [
        story("lost-launches", lost),
        story("missed-schedules", missed),
        story("collisions-by-class", collisions),
        story("stalls", stalls),
        story("quota", quota),
        story("network", network),
        story("changes-before", changed),
    ];
    result.into_iter().flatten().collect()
}

fn lost(result: &QueryResult) -> Option<Story> {
    let names = frequent_places(result, |row| {
        let of = |name: &str| result.text(row, name).filter(|name| !name.is_empty());
        let family = of("family").unwrap_or("unnamed");
        of("cluster").map_or_else(|| family.to_owned(), |cluster| format!("{cluster}/{family}"))
    });
    let reasons = frequent(result, |row| result.text(row, "reason").unwrap_or("no reason given").to_owned());
    Some(Story {
        count: result.rows.len().to_string(),
        what: word(result.rows.len(), "launch was lost", "launches were lost").to_owned(),
        detail: format!("{names}; reasons: {reasons}"),
        advice: "rerun the jobs that are still needed".to_owned(),
        section: "lost-launches",
    })
}

fn missed(result: &QueryResult) -> Option<Story> {
    let names = frequent_places(result, |row| result.text(row, "schedule").unwrap_or("unnamed").to_owned());
    let called = |row: usize| result.text(row, "launch").is_some_and(|launch| !launch.is_empty());
    let silent = (0..result.rows.len()).filter(|row| !called(*row)).count();
    let silent = if silent > 0 { format!("; {silent} without any recorded call") } else { String::new() };
    Some(Story {
        count: result.rows.len().to_string(),
        what: word(result.rows.len(), "scheduled start never ran", "scheduled starts never ran").to_owned(),
        detail: format!("{names}{silent}"),
        advice: "alert on missing starts, not on errors: RunTask returned 200".to_owned(),
        section: "missed-schedules",
    })
}

fn collisions(result: &QueryResult) -> Option<Story> {
    let whole = |row: usize, name: &str| result.number(row, name).unwrap_or_default() as u64;
    let rows = 0..result.rows.len();
    let total: u64 = rows.clone().map(|row| whole(row, "count")).sum();
    let classes: Vec<String> = rows
        .clone()
        .map(|row| format!("{} {}", whole(row, "count"), meaning(result.text(row, "class").unwrap_or("unknown"))))
        .collect();
    let known: Vec<usize> = rows.filter(|row| result.text(*row, "class") != Some("unknown")).collect();
    let advice = known.first().and_then(|row| result.text(*row, "advice")).unwrap_or_default();
    Some(Story {
        count: total.to_string(),
        what: word(total, "launch hit a disconnected agent", "launches hit a disconnected agent").to_owned(),
        detail: classes.join(", "),
        advice: advice.to_owned(),
        section: "collisions-by-class",
    })
}

/// The class of a collision in words.
fn meaning(class: &str) -> &str {
    match class {
        "update" => "during an agent update",
        "restart" => "during an agent restart",
        "rotation" => "during a routine reconnect",
        "outage" => "during an outage",
        "draining" => "on a draining instance",
        "unknown" => "without any record of the agent",
        other => other,
    }
}

fn quota(result: &QueryResult) -> Option<Story> {
    let exact =
        |row: usize, name: &str| result.cell(row, name).map(|cell: &Cell| cell.human(&Look::default())).unwrap_or_default();
    let short: Vec<usize> = (0..result.rows.len())
        .filter(|row| {
            let more = |name: &str| result.number(*row, name).is_some_and(|number| number > 0.0);
            more("over") || more("refused")
        })
        .collect();
    let row = *short.first()?;
    let place: Vec<&str> = ["account", "region", "cluster", "service"]
        .iter()
        .filter_map(|name| result.text(row, name))
        .filter(|name| !name.is_empty())
        .collect();
    let limit = match exact(row, "allowed") {
        allowed if allowed.is_empty() => "no record contains the limit; pass it with --quotas".to_owned(),
        allowed => format!("the limit is {allowed}, short by {}", exact(row, "over")),
    };
    let more = if short.len() > 1 { format!("; {} pools in total", short.len()) } else { String::new() };
    Some(Story {
        count: exact(row, "needed"),
        what: format!("{} needed at the peak", unit(result.text(row, "resource").unwrap_or_default())),
        detail: format!(
            "{}: peak usage {}, at most {} refused at a time; {limit}{more}",
            place.join(", "),
            exact(row, "peak"),
            exact(row, "refused")
        ),
        advice: "raise the quota, use smaller tasks, or start them one at a time".to_owned(),
        section: "quota",
    })
}

fn stalls(result: &QueryResult) -> Option<Story> {
    let names = frequent_places(result, |row| {
        let of = |name: &str| result.text(row, name).unwrap_or("unnamed");
        format!("{}/{}", of("cluster"), of("service"))
    });
    let longest = (0..result.rows.len()).filter_map(|row| result.number(row, "seconds_blocked")).fold(0.0, f64::max);
    let joined: f64 = (0..result.rows.len()).filter_map(|row| result.number(row, "joined")).sum();
    let joined = if joined > 0.0 { "instances joined in the meantime" } else { "no instance joined in the meantime" };
    let longest = Cell::Duration(longest).human(&Look::default());
    Some(Story {
        count: result.rows.len().to_string(),
        what: word(
            result.rows.len(),
            "deployment stall: new tasks waited for stopping ones",
            "deployment stalls: new tasks waited for stopping ones",
        )
        .to_owned(),
        detail: format!("{names}; longest {longest}; {joined}"),
        advice: result.text(0, "avoided_by").map(|what| format!("to prevent it: {what}")).unwrap_or_default(),
        section: "stalls",
    })
}

fn network(result: &QueryResult) -> Option<Story> {
    let places = |row: usize| {
        let of = |name: &str| result.text(row, name).unwrap_or("unnamed");
        format!("{}/{}", of("cluster"), of("service"))
    };
    let targets = frequent(result, |row| {
        let port = result.number(row, "dstport").map(|port| format!(" port {port}")).unwrap_or_default();
        format!("{}{port}", result.text(row, "dstaddr").unwrap_or("unnamed"))
    });
    let failures: BTreeSet<&str> = (0..result.rows.len()).filter_map(|row| result.text(row, "id")).collect();
    Some(Story {
        count: failures.len().to_string(),
        what: word(
            failures.len(),
            "network failure coincides with rejected packets",
            "network failures coincide with rejected packets",
        )
        .to_owned(),
        detail: format!("{}; rejected traffic to {targets}", frequent_places(result, places)),
        advice: "allow the traffic in the security groups of the task and the target, and in the network ACL".to_owned(),
        section: "network",
    })
}

/// The most closely related change before the largest burst that has one.
fn changed(result: &QueryResult) -> Option<Story> {
    let of = |name: &str| result.text(0, name).unwrap_or_default();
    let failures = result.number(0, "failures").unwrap_or_default() as usize;
    let before = Cell::Duration(result.number(0, "before").unwrap_or_default()).human(&Look::default());
    let who = result.text(0, "user").map(|user| format!(" by {user}")).unwrap_or_default();
    let bursts: BTreeSet<_> = (0..result.rows.len()).filter_map(|row| result.time(row, "burst")).collect();
    let more = match bursts.len().saturating_sub(1) {
        0 => String::new(),
        more => format!("; {}", counted(more, "more burst follows a change", "more bursts follow a change")),
    };
    Some(Story {
        count: failures.to_string(),
        what: format!("{} ({}) began shortly after a change", word(failures, "failure", "failures"), of("cause")),
        detail: format!("{}{who}, {before} before the first failure; both name {}{more}", of("change"), of("shares")),
        advice: "look at this change first; timing alone does not prove cause".to_owned(),
        section: "changes-before",
    })
}

/// The unit of a pool.
pub fn unit(resource: &str) -> String {
    match resource {
        "fargate_vcpu" => "Fargate vCPU".to_owned(),
        "fargate_spot_vcpu" => "Fargate Spot vCPU".to_owned(),
        "tasks_per_service" => "tasks of a service".to_owned(),
        "tasks_per_cluster" => "tasks of a cluster".to_owned(),
        "eni" => "network interfaces of an instance".to_owned(),
        "dstack_gpus" => "GPUs".to_owned(),
        "dstack_price" => "USD per hour".to_owned(),
        other => other.replace('_', " "),
    }
}

/// An account and a Region.
type Home<'r> = (Option<&'r str>, Option<&'r str>);

/// The most frequent services or jobs in the rows, with counts: with the account or Region if several have one of this name.
fn frequent_places(result: &QueryResult, name: impl Fn(usize) -> String) -> String {
    let home = |row: usize| (result.text(row, "account"), result.text(row, "region"));
    let mut homes: BTreeMap<String, BTreeSet<Home<'_>>> = BTreeMap::new();
    for row in 0..result.rows.len() {
        homes.entry(name(row)).or_default().insert(home(row));
    }
    frequent(result, |row| {
        let (name, (account, region)) = (name(row), home(row));
        let homes = || homes.get(&name).into_iter().flatten();
        let has_others = homes().any(|(other, _)| *other != account);
        let has_regions = homes().filter(|(other, _)| *other == account).count() > 1;
        let home = account.filter(|_| has_others).into_iter().chain(region.filter(|_| has_regions));
        match home.collect::<Vec<_>>().as_slice() {
            [] => name,
            home => format!("{name} ({})", home.join(", ")),
        }
    })
}

/// The most frequent names in the rows, with counts.
fn frequent(result: &QueryResult, name: impl Fn(usize) -> String) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for row in 0..result.rows.len() {
        *counts.entry(name(row)).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by(|left, right| (right.1, &left.0).cmp(&(left.1, &right.0)));
    let more = counts.len().saturating_sub(NAMES);
    let names: Vec<String> = counts.into_iter().take(NAMES).map(|(name, count)| format!("{name} ({count})")).collect();
    if more > 0 { format!("{} and {more} more", names.join(", ")) } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Answer, AnswerWindow, Column, ColumnKind};
    use std::sync::Arc;

    /// Stalls of these accounts, Regions, clusters and services.
    fn result(rows: &[[&str; 4]]) -> QueryResult {
        let columns =
            ["account", "region", "cluster", "service"].map(|name| Column { name: name.to_owned(), kind: ColumnKind::Text });
        let answer = Answer {
            query: String::new(),
            columns: columns.to_vec(),
            schema: Arc::new(arrow::datatypes::Schema::empty()),
            batches: Vec::new(),
            window: AnswerWindow::default(),
            spark: false,
        };
        let rows = rows.iter().map(|row| row.iter().map(|text| Cell::Text((*text).to_owned())).collect()).collect();
        QueryResult { query: String::new(), answer, rows, evidence: Vec::new() }
    }

    #[test]
    fn services_with_one_name_are_told_apart_by_account_or_region() {
        let detail = |rows: &[[&str; 4]]| stalls(&result(rows)).unwrap().detail.split(';').next().unwrap().to_owned();
        let (own, other, abroad) =
            (["1", "eu-west-1", "c", "web"], ["2", "eu-west-1", "c", "web"], ["1", "us-east-1", "c", "web"]);
        assert_eq!(detail(&[own, own]), "c/web (2)");
        assert_eq!(detail(&[own, own, other]), "c/web (1) (2), c/web (2) (1)");
        assert_eq!(detail(&[own, abroad, abroad]), "c/web (us-east-1) (2), c/web (eu-west-1) (1)");
        assert_eq!(detail(&[own, ["2", "eu-west-1", "c", "api"]]), "c/api (1), c/web (1)");
    }
}
