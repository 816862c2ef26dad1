//! What a report says first: what was lost, what it met, what ran short, in sentences with numbers.
//!
//! Every number is counted from the rows of a section, and the sentence leads there.

use super::desk::Told;
use crate::render::{Cell, Look};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Answers by section.
type Answers<'a> = BTreeMap<&'a str, Rc<Told>>;

/// Names told in one sentence.
const NAMES: usize = 4;

/// A sentence, and the section it is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Story {
    /// The number it is about.
    pub count: String,
    /// What it counts.
    pub what: String,
    /// Which ones, and why.
    pub detail: String,
    /// What follows from it.
    pub advice: String,
    /// The section.
    pub section: &'static str,
}

/// The stories that the sections tell.
pub fn stories(answers: &Answers<'_>) -> Vec<Story> {
    let tell = |section: &'static str, tell: fn(&Told) -> Option<Story>| {
        answers.get(section).filter(|told| !told.rows.is_empty()).and_then(|told| tell(told))
    };
    let told = [
        tell("lost-launches", lost),
        tell("missed-schedules", missed),
        tell("collisions-by-class", collisions),
        tell("stalls", stalls),
        tell("quota", quota),
        tell("network", network),
        tell("changes-before", changed),
    ];
    told.into_iter().flatten().collect()
}

fn lost(told: &Told) -> Option<Story> {
    let names = frequent(told, |row| {
        let of = |name: &str| told.text(row, name).filter(|name| !name.is_empty());
        let family = of("family").unwrap_or("not named");
        of("cluster").map_or_else(|| family.to_owned(), |cluster| format!("{cluster}/{family}"))
    });
    let reasons = frequent(told, |row| told.text(row, "reason").unwrap_or("no reason told").to_owned());
    Some(Story {
        count: told.rows.len().to_string(),
        what: plural(told.rows.len(), "launch was lost", "launches were lost"),
        detail: format!("{names}; for {reasons}"),
        advice: "run again what is still needed, each by its name".to_owned(),
        section: "lost-launches",
    })
}

fn missed(told: &Told) -> Option<Story> {
    let names = frequent(told, |row| told.text(row, "schedule").unwrap_or("not named").to_owned());
    let silent =
        (0..told.rows.len()).filter(|row| told.text(*row, "why").is_some_and(|why| why.starts_with("no record"))).count();
    let silent = if silent > 0 { format!("; {silent} of them without any record of a call") } else { String::new() };
    Some(Story {
        count: told.rows.len().to_string(),
        what: plural(told.rows.len(), "scheduled start never ran", "scheduled starts never ran"),
        detail: format!("{names}{silent}"),
        advice: "alarm on the start that did not come, not on an error: RunTask answered 200".to_owned(),
        section: "missed-schedules",
    })
}

fn collisions(told: &Told) -> Option<Story> {
    let whole = |row: usize, name: &str| told.number(row, name).unwrap_or_default() as u64;
    let rows = 0..told.rows.len();
    let total: u64 = rows.clone().map(|row| whole(row, "count")).sum();
    let classes: Vec<String> = rows
        .clone()
        .map(|row| format!("{} {}", whole(row, "count"), meaning(told.text(row, "class").unwrap_or("unknown"))))
        .collect();
    let known: Vec<usize> = rows.filter(|row| told.text(*row, "class") != Some("unknown")).collect();
    let advice = known.first().and_then(|row| told.text(*row, "advice")).unwrap_or_default();
    Some(Story {
        count: total.to_string(),
        what: plural(total as usize, "launch met an agent that was away", "launches met an agent that was away"),
        detail: classes.join(", "),
        advice: advice.to_owned(),
        section: "collisions-by-class",
    })
}

/// What the agent was doing, in words.
fn meaning(class: &str) -> &str {
    match class {
        "update" => "while it was updated",
        "restart" => "while it was restarted",
        "rotation" => "in the reconnect of normal operation",
        "outage" => "in an outage",
        "draining" => "on a draining instance",
        "unknown" => "with no record of the agent",
        other => other,
    }
}

fn quota(told: &Told) -> Option<Story> {
    let exact = |row: usize, name: &str| told.cell(row, name).map(|cell: &Cell| cell.human(&Look::default())).unwrap_or_default();
    let short: Vec<usize> = (0..told.rows.len())
        .filter(|row| {
            let more = |name: &str| told.number(*row, name).is_some_and(|number| number > 0.0);
            more("over") || more("refused")
        })
        .collect();
    let row = *short.first()?;
    let place: Vec<&str> = ["account", "region", "cluster", "service"]
        .iter()
        .filter_map(|name| told.text(row, name))
        .filter(|name| !name.is_empty())
        .collect();
    let limit = match exact(row, "allowed") {
        allowed if allowed.is_empty() => "the limit is in no record: name it with --quotas".to_owned(),
        allowed => format!("the limit is {allowed}, short by {}", exact(row, "over")),
    };
    let more = if short.len() > 1 { format!("; {} pools in all", short.len()) } else { String::new() };
    Some(Story {
        count: exact(row, "needed"),
        what: format!("{} needed at once", unit(told.text(row, "resource").unwrap_or_default())),
        detail: format!(
            "{}: at most {} in use, at most {} refused at once; {limit}{more}",
            place.join(", "),
            exact(row, "peak"),
            exact(row, "refused")
        ),
        advice: "raise the quota, use smaller tasks, or start them one after the other".to_owned(),
        section: "quota",
    })
}

fn stalls(told: &Told) -> Option<Story> {
    let names = frequent(told, |row| {
        let of = |name: &str| told.text(row, name).unwrap_or("not named");
        format!("{}/{}", of("cluster"), of("service"))
    });
    let longest = (0..told.rows.len()).filter_map(|row| told.number(row, "seconds_blocked")).fold(0.0, f64::max);
    let joined: f64 = (0..told.rows.len()).filter_map(|row| told.number(row, "joined")).sum();
    let joined = if joined > 0.0 { "instances joined meanwhile" } else { "no instance joined meanwhile" };
    let longest = Cell::Duration(longest).human(&Look::default());
    Some(Story {
        count: told.rows.len().to_string(),
        what: plural(
            told.rows.len(),
            "stall of a deployment, new tasks waiting for stopping ones",
            "stalls of deployments, new tasks waiting for stopping ones",
        ),
        detail: format!("{names}; the longest {longest}; {joined}"),
        advice: told.text(0, "avoided_by").map(|what| format!("what would have avoided it: {what}")).unwrap_or_default(),
        section: "stalls",
    })
}

fn network(told: &Told) -> Option<Story> {
    let places = |row: usize| {
        let of = |name: &str| told.text(row, name).unwrap_or("not named");
        format!("{}/{}", of("cluster"), of("service"))
    };
    let targets = frequent(told, |row| {
        let port = told.number(row, "dstport").map(|port| format!(" port {port}")).unwrap_or_default();
        format!("{}{port}", told.text(row, "dstaddr").unwrap_or("not named"))
    });
    let failures: BTreeSet<&str> = (0..told.rows.len()).filter_map(|row| told.text(row, "id")).collect();
    Some(Story {
        count: failures.len().to_string(),
        what: plural(
            failures.len(),
            "failure on the network met rejected packets",
            "failures on the network met rejected packets",
        ),
        detail: format!("{}; rejected on the way to {targets}", frequent(told, places)),
        advice: "allow it in the security groups of the task and of the target, and in the network ACL".to_owned(),
        section: "network",
    })
}

/// The first change before the greatest burst that has one: it shares most with it.
fn changed(told: &Told) -> Option<Story> {
    let of = |name: &str| told.text(0, name).unwrap_or_default();
    let failures = told.number(0, "failures").unwrap_or_default() as usize;
    let before = Cell::Duration(told.number(0, "before").unwrap_or_default()).human(&Look::default());
    let who = told.text(0, "user").map(|user| format!(" by {user}")).unwrap_or_default();
    let bursts: BTreeSet<_> = (0..told.rows.len()).filter_map(|row| told.time(row, "burst")).collect();
    let more = match bursts.len().saturating_sub(1) {
        0 => String::new(),
        1 => "; so does one more burst".to_owned(),
        more => format!("; so do {more} more bursts"),
    };
    Some(Story {
        count: failures.to_string(),
        what: format!(
            "{} ({}) {} soon after a change",
            if failures == 1 { "failure" } else { "failures" },
            of("cause"),
            plural(failures, "comes", "come")
        ),
        detail: format!("{}{who}, {before} before the first of them; both name {}{more}", of("change"), of("shares")),
        advice: "look at that change first; that it came before is no proof".to_owned(),
        section: "changes-before",
    })
}

/// What a pool is counted in.
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

fn plural(count: usize, one: &str, many: &str) -> String {
    if count == 1 { one.to_owned() } else { many.to_owned() }
}

/// The most frequent names of the rows, with counts.
fn frequent(told: &Told, name: impl Fn(usize) -> String) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for row in 0..told.rows.len() {
        *counts.entry(name(row)).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by(|left, right| (right.1, &left.0).cmp(&(left.1, &right.0)));
    let more = counts.len().saturating_sub(NAMES);
    let names: Vec<String> = counts.into_iter().take(NAMES).map(|(name, count)| format!("{name} ({count})")).collect();
    if more > 0 { format!("{} and {more} more", names.join(", ")) } else { names.join(", ") }
}
