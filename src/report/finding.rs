//! Findings: the failures of each cause, with advice from the failure catalog and an explained example.

use super::queries::{QueryCache, QueryResult};
use super::{ReportError, section};
use crate::explain::{Subject, SubjectKind, explain, response};
use crate::model::catalog::{FailureCatalog, filled_lines};
use crate::render::describe_instant;
use crate::run::parallel_queries;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;

/// The number of findings with an explained example; the others only have the advice of the catalog.
pub const WORKED_OUT: usize = 12;
/// The maximum number of places listed.
const PLACES: usize = 3;
/// The maximum number of events shown for an example.
const CHAIN: usize = 8;

/// The failures with one cause.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The rank, starting at 1.
    pub rank: usize,
    /// The catalog entry; empty if the messages are not explained.
    pub cause: String,
    /// The name of the error in its source.
    pub title: String,
    /// The meaning.
    pub meaning: String,
    /// How to respond, as one word.
    pub class: String,
    /// How to respond, as a sentence.
    pub response: String,
    /// The number of failures.
    pub count: u64,
    /// Tasks requested but not placed.
    pub not_placed: u64,
    /// The share of all failures, consequences included, as a percentage.
    pub share: String,
    /// The time of the first failure.
    pub first: String,
    /// The time of the last failure.
    pub last: String,
    /// The id of the newest failure.
    pub newest: String,
    /// The places, with counts.
    pub places: Vec<String>,
    /// The number of further places.
    pub more_places: usize,
    /// The exit codes, with counts.
    pub codes: Vec<String>,
    /// What to do.
    pub actions: Vec<String>,
    /// The newest failure, explained.
    pub example: Option<Example>,
}

/// An explained failure of a finding.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Example {
    /// The failure and its message.
    pub what: String,
    /// What the evidence shows about how it ended.
    pub notes: Vec<String>,
    /// The calculation.
    pub calculation: Vec<String>,
    /// The preceding events: time, description, record.
    pub chain: Vec<[String; 3]>,
    /// How to verify it.
    pub verify: Vec<String>,
}

/// All findings, most frequent first.
pub fn findings(cache: &QueryCache<'_>, window: (Timestamp, Timestamp), tz: &TimeZone) -> Result<Vec<Finding>, ReportError> {
    let Some(spec) = section::sections().iter().find(|section| section.id == "failures-by-cause") else {
        return Ok(Vec::new());
    };
    let result = cache.ask(&spec.query, Some(window))?;
    let (mut places, mut codes) = (places(cache, window)?, codes(cache, window)?);
    let mut findings = Vec::new();
    for row in 0..result.rows.len() {
        let cause = result.text(row, "cause").unwrap_or_default().to_owned();
        let mut finding = finding(&result, row, cause, tz);
        let key = (finding.cause.clone(), finding.class.clone());
        let found = places.remove(&key).unwrap_or_default();
        finding.more_places = found.len().saturating_sub(PLACES);
        finding.places = found.into_iter().take(PLACES).map(|(name, count)| format!("{name} ({count})")).collect();
        finding.codes = codes.remove(&key).unwrap_or_default().iter().map(|(code, count)| described(*code, *count)).collect();
        findings.push(finding);
    }
    work_out(cache, &mut findings, tz)?;
    disambiguate(&mut findings);
    Ok(findings)
}

/// Explains the newest failure of each of the first findings.
fn work_out(cache: &QueryCache<'_>, findings: &mut [Finding], tz: &TimeZone) -> Result<(), ReportError> {
    let newest: Vec<String> = findings.iter().take(WORKED_OUT).map(|finding| finding.newest.clone()).collect();
    let records = cache.records;
    let explained = parallel_queries(cache.threads, &newest, |id| explain(records, &Subject::named(SubjectKind::Failure, id)));
    for (finding, explained) in findings.iter_mut().zip(explained) {
        finding.example = explained?.map(|(explained, _)| example(cache, explained, tz));
    }
    Ok(())
}

/// The queries behind the findings; the first one counts their failures.
pub fn queries() -> impl Iterator<Item = &'static str> {
    let by_cause = section::sections().iter().filter(|spec| spec.id == "failures-by-cause");
    by_cause.map(|spec| spec.query.as_str()).chain([PLACES_QUERY, CODES_QUERY])
}

/// If several causes have the same name, the cause or the response is appended to it.
fn disambiguate(findings: &mut [Finding]) {
    let mut names: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for finding in findings.iter() {
        *names.entry(finding.title.clone()).or_default().entry(finding.cause.clone()).or_default() += 1;
    }
    for finding in findings {
        let Some(causes) = names.get(&finding.title) else { continue };
        let mut more = Vec::new();
        if causes.len() > 1 {
            more.push(finding.cause.as_str());
        }
        if causes.get(&finding.cause).is_some_and(|count| *count > 1) && !finding.class.is_empty() {
            more.push(finding.class.as_str());
        }
        if !more.is_empty() {
            finding.title = format!("{} ({})", finding.title, more.join(", "));
        }
    }
}

fn finding(result: &QueryResult, row: usize, cause: String, tz: &TimeZone) -> Finding {
    let entry = FailureCatalog::current().entry(&cause);
    let class = result.text(row, "class").unwrap_or_default().to_owned();
    let when = |name: &str| result.time(row, name).map(|time| describe_instant(time, tz)).unwrap_or_default();
    let whole = |name: &str| result.number(row, name).unwrap_or_default() as u64;
    let share = result.cell(row, "share").map(|cell| cell.human(&crate::render::Look::default())).unwrap_or_default();
    Finding {
        rank: row + 1,
        title: entry.map_or_else(|| "Messages that no catalog entry explains".to_owned(), |entry| entry.name.clone()),
        meaning: entry.map(|entry| entry.cause.clone()).unwrap_or_default(),
        response: response(entry, Some(class.as_str()).filter(|class| !class.is_empty())).unwrap_or_default(),
        count: whole("count"),
        not_placed: whole("not_placed"),
        share,
        first: when("first"),
        last: when("last"),
        newest: result.text(row, "newest").unwrap_or_default().to_owned(),
        places: Vec::new(),
        more_places: 0,
        codes: Vec::new(),
        actions: entry.map(|entry| filled_lines(&entry.actions, &[])).unwrap_or_default(),
        example: None,
        class,
        cause,
    }
}

/// The cause and class of a row.
type Key = (String, String);

/// The places of the failures of each cause, most frequent first.
fn places(cache: &QueryCache<'_>, window: (Timestamp, Timestamp)) -> Result<BTreeMap<Key, Vec<(String, u64)>>, ReportError> {
    let result = cache.ask(PLACES_QUERY, Some(window))?;
    let mut places: BTreeMap<Key, Vec<(String, u64)>> = BTreeMap::new();
    for row in 0..result.rows.len() {
        let of = |name: &str| result.text(row, name).unwrap_or_default();
        let name = [of("service"), of("family"), of("run"), of("container_instance"), of("event_name")]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or("unnamed");
        let group = [of("cluster"), of("project")].into_iter().find(|name| !name.is_empty());
        let name = group.map_or_else(|| name.to_owned(), |group| format!("{group}/{name}"));
        let count = result.number(row, "count").unwrap_or_default() as u64;
        let list = places.entry((of("cause").to_owned(), of("class").to_owned())).or_default();
        match list.iter_mut().find(|(known, _)| *known == name) {
            Some((_, total)) => *total += count,
            None => list.push((name, count)),
        }
    }
    for list in places.values_mut() {
        list.sort_by(|left, right| (right.1, &left.0).cmp(&(left.1, &right.0)));
    }
    Ok(places)
}

/// The exit codes of each cause, most frequent first.
fn codes(cache: &QueryCache<'_>, window: (Timestamp, Timestamp)) -> Result<BTreeMap<Key, Vec<(i64, u64)>>, ReportError> {
    let result = cache.ask(CODES_QUERY, Some(window))?;
    let mut codes: BTreeMap<Key, Vec<(i64, u64)>> = BTreeMap::new();
    for row in 0..result.rows.len() {
        let of = |name: &str| result.text(row, name).unwrap_or_default().to_owned();
        let whole = |name: &str| result.number(row, name).unwrap_or_default();
        codes.entry((of("cause"), of("class"))).or_default().push((whole("exit_code") as i64, whole("count") as u64));
    }
    Ok(codes)
}

/// An exit code with its meaning.
fn described(code: i64, count: u64) -> String {
    let meaning = FailureCatalog::current().exit_code(code).map(|known| format!(", {}", known.name)).unwrap_or_default();
    format!("exit code {code}{meaning} ({count})")
}

/// The query for the exit codes of the findings.
const CODES_QUERY: &str = "failures where exit_code is not missing by cause, class, exit_code show count";

/// The query for the places of the findings.
const PLACES_QUERY: &str =
    "failures by cause, class, cluster, service, family, project, run, container_instance, event_name show count";

fn example(cache: &QueryCache<'_>, finding: crate::explain::Finding, tz: &TimeZone) -> Example {
    let result = [finding.failure.reason.as_deref(), finding.failure.message.as_deref()];
    let result: Vec<&str> = result.into_iter().flatten().collect();
    let what = if result.is_empty() { finding.failure.what } else { format!("{}: {}", finding.failure.what, result.join(": ")) };
    let texts = |texts: Vec<String>| texts.iter().map(|text| cache.text(text)).collect::<Vec<_>>();
    let from = finding.chain.len().saturating_sub(CHAIN);
    let chain = finding.chain.iter().skip(from).map(|event| {
        let who = event.who.as_deref().map(|who| format!(" by {who}")).unwrap_or_default();
        let note = event.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
        [describe_instant(event.time, tz), cache.text(&format!("{}{who}{note}", event.what)), cache.text(&event.record)]
    });
    let verify = finding.verify.iter().map(|check| match (&check.command, &check.note) {
        (Some(command), Some(note)) => format!("{command}  # {note}"),
        (Some(line), None) | (None, Some(line)) => line.clone(),
        (None, None) => String::new(),
    });
    Example {
        what: cache.text(&what),
        notes: texts(finding.notes),
        calculation: texts(finding.calculation),
        chain: chain.collect(),
        verify: texts(verify.filter(|line| !line.is_empty()).collect()),
    }
}

/// The rows of `findings.csv`.
pub const COLUMNS: &[&str] = &[
    "rank",
    "cause",
    "title",
    "class",
    "response",
    "count",
    "share",
    "not_placed",
    "first",
    "last",
    "newest",
    "places",
    "exit_codes",
    "meaning",
    "actions",
];

/// A finding as a row of `findings.csv`.
pub fn row(finding: &Finding) -> Vec<String> {
    let numbered = finding.actions.iter().enumerate().map(|(index, action)| format!("{}. {action}", index + 1));
    vec![
        finding.rank.to_string(),
        finding.cause.clone(),
        finding.title.clone(),
        finding.class.clone(),
        finding.response.clone(),
        finding.count.to_string(),
        finding.share.clone(),
        finding.not_placed.to_string(),
        finding.first.clone(),
        finding.last.clone(),
        finding.newest.clone(),
        finding.places.join(", "),
        finding.codes.join(", "),
        finding.meaning.clone(),
        numbered.collect::<Vec<_>>().join("\n"),
    ]
}
