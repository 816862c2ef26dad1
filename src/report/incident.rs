//! The incidents of a report: the worst ones in full, each series once, and the others as rows of a table.

use super::ReportError;
use super::cost::{Cost, Usage};
use super::manifest::Prices;
use super::preview::Preview;
use super::queries::{QueryCache, QueryResult};
use crate::explain::{Counts, Detail, Suspect, describe_without_run, details, headline, span};
use crate::plural::counted;
use crate::render::{Cell, Look, describe_instant};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// The number of series that are shown in full.
pub const FULL: usize = 6;
/// The number of other series in the table.
const SMALLER: usize = 14;
/// The number of actions that are shown before the rest is folded: what to do now, and what prevents it if there is nothing to do
/// now, else only one of these.
const ACTIONS: usize = 2;
/// The maximum number of events and record ids of an incident.
const LISTED: usize = 12;

/// A series of incidents on the page: its worst incident, and how often it repeats.
#[derive(Debug, Clone, Default, Serialize)]
pub struct IncidentCard {
    /// The rank, starting at 1.
    pub rank: usize,
    /// The id of the first failure with the root cause.
    pub id: String,
    /// Who was hit.
    pub who: String,
    /// When, for how long, and how many tasks.
    pub when: String,
    /// The root cause, with the change that led to it.
    pub why: String,
    /// The root class.
    pub root: String,
    /// How to respond, as one word.
    pub class: String,
    /// The confidence in the root cause.
    pub confidence: String,
    /// The evidence for the confidence level.
    pub basis: String,
    /// What it consists of and what it cost.
    pub impact: Vec<String>,
    /// The affected services, jobs and runs.
    pub place: String,
    /// The container instance, if there is only one.
    pub instance: Option<String>,
    /// The change that led to it, with its caller and record.
    pub suspect: Option<Change>,
    /// Whether it is over, as a sentence without a period; empty where that does not apply.
    pub recovery: String,
    /// Whether everything that it hit recovered.
    pub is_over: bool,
    /// The id of the record that shows the recovery.
    pub recovered_by: Option<String>,
    /// What to do now; empty if there is nothing to do.
    pub now: Vec<String>,
    /// What to do now besides.
    pub more_now: Vec<String>,
    /// What prevents it next time.
    pub prevent: Vec<String>,
    /// What prevents it besides.
    pub more_prevent: Vec<String>,
    /// How to respond, as a sentence.
    pub response: String,
    /// The calculation.
    pub calculation: Vec<String>,
    /// What the evidence says about how it ended.
    pub notes: Vec<String>,
    /// The events around its first failure: time, description, record.
    pub chain: Vec<[String; 3]>,
    /// How to verify it.
    pub verify: Vec<String>,
    /// The ids of its records, not more than a few.
    pub records: Vec<String>,
    /// The number of further records.
    pub more_records: usize,
    /// Incidents of the same series: when, what, impact, id.
    pub repeats: Vec<[String; 4]>,
    /// The sum of the series, if it repeats.
    pub together: String,
    /// Its start and its end.
    #[serde(skip)]
    pub times: (Timestamp, Timestamp),
    /// Its account and Region, if there is only one.
    #[serde(skip)]
    pub home: (Option<String>, Option<String>),
    /// The numbers that `impact` describes.
    #[serde(skip)]
    pub sums: Sums,
}

/// Sums over incidents.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sums {
    /// Launches that were never placed.
    pub lost: f64,
    /// Starts without a call.
    pub not_called: f64,
    /// Failures that are consequences.
    pub consequences: f64,
    /// Launches that a retry placed.
    pub healed: f64,
    /// Seconds during which a service or deployment was impaired.
    pub degraded: f64,
}

impl Sums {
    fn of(result: &QueryResult, rows: &[usize]) -> Self {
        // The sum of no numbers is -0.0, which would be shown.
        let sum = |name: &str| rows.iter().filter_map(|row| result.number(*row, name)).fold(0.0, |sum, number| sum + number);
        Sums {
            lost: sum("launches_lost"),
            not_called: sum("not_called"),
            consequences: sum("consequences"),
            healed: sum("launches_healed"),
            degraded: sum("degraded"),
        }
    }

    /// How long a service or deployment was impaired, in words; none below a minute.
    pub fn impaired(&self) -> Option<String> {
        (self.degraded >= 60.0).then(|| format!("{} impaired", span_of(self.degraded)))
    }
}

/// A change, for readers.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// When.
    pub time: String,
    /// The call.
    pub what: String,
    /// Who made it.
    pub who: String,
    /// The id of its record.
    pub record: String,
    /// What it shares with the incident.
    pub shares: String,
    /// Whether other evidence than the time speaks for it.
    pub likely: bool,
}

/// The incidents of a page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Incidents {
    /// The worst series.
    pub cards: Vec<IncidentCard>,
    /// The other series.
    pub smaller: Preview,
    /// Incidents whose details could not be computed: the headline and the reason.
    #[serde(skip)]
    pub failed: Vec<(String, String)>,
}

/// The incidents of a result, worst first.
pub fn incidents(
    cache: &QueryCache<'_>,
    result: &QueryResult,
    prices: Option<&Prices>,
    full: usize,
    tz: &TimeZone,
) -> Result<Incidents, ReportError> {
    let mut series: Vec<(&str, Vec<usize>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for row in 0..result.rows.len() {
        let name = result.text(row, "series").unwrap_or_default();
        let place = *places.entry(name).or_insert_with(|| {
            series.push((name, Vec::new()));
            series.len() - 1
        });
        if let Some((_, rows)) = series.get_mut(place) {
            rows.push(row);
        }
    }
    // The rows come worst first, and so do the series.
    let lead: Vec<usize> = series.iter().take(full).filter_map(|(_, rows)| rows.first().copied()).collect();
    let ids: Vec<&str> = lead.iter().map(|row| result.text(*row, "id").unwrap_or_default()).collect();
    let (mut cards, mut failed) = (Vec::new(), Vec::new());
    let details = details(cache.records, &ids, cache.threads).unwrap_or_else(|error| {
        failed.push(("Details of incidents".to_owned(), error.to_string()));
        ids.iter().map(|_| Ok(None)).collect()
    });
    for ((index, (_, rows)), found) in series.iter().take(full).enumerate().zip(details) {
        let Some(row) = rows.first() else { continue };
        // A damaged table costs the details that need it, not the incident.
        let found = match found {
            Ok(found) => found.unwrap_or_default(),
            Err(error) => {
                let what = result.text(*row, "what").unwrap_or_default();
                failed.push((format!("Details of incident {} ({what})", index + 1), error.to_string()));
                Detail::default()
            }
        };
        cards.push(card(cache, result, index + 1, *row, rows, found, (prices, tz)));
    }
    Ok(Incidents { cards, smaller: smaller(result, series.get(full..).unwrap_or_default(), tz), failed })
}

fn card(
    cache: &QueryCache<'_>,
    result: &QueryResult,
    rank: usize,
    row: usize,
    rows: &[usize],
    found: Detail,
    (prices, tz): (Option<&Prices>, &TimeZone),
) -> IncidentCard {
    let of = |name: &str| result.text(row, name).unwrap_or_default().to_owned();
    let redacted = |texts: Vec<String>| texts.iter().map(|text| cache.text(text)).collect::<Vec<_>>();
    let is_over = found.is_over();
    let suspect = found.suspect.map(|suspect| Suspect {
        what: cache.text(&suspect.what),
        who: suspect.who.map(|who| cache.text(&who)),
        person: suspect.person.map(|person| cache.text(&person)),
        // The pseudonym of a caller replaces the role and the session together.
        session: suspect.session.filter(|_| cache.redactor.is_none()),
        ..suspect
    });
    let (start, end) = times(result, row);
    let tasks = counts(result, &[row]).tasks_besides();
    let head = headline((&of("symptom"), &of("because")), (start, end), tasks, suspect.as_ref(), tz);
    let recovery = found.recovery.as_ref().map(|recovery| cache.text(&recovery.sentence(start, tz))).unwrap_or_default();
    let first = |actions: Vec<String>, shown: usize| {
        let mut actions = redacted(actions);
        let more = actions.split_off(actions.len().min(shown));
        (actions, more)
    };
    let (now, more_now) = first(found.remedy.now, ACTIONS);
    let (prevent, more_prevent) = first(found.remedy.prevent, if now.is_empty() { ACTIONS } else { 1 });
    let by = suspect.as_ref().and_then(Suspect::by);
    let evidence = result.evidence.get(row).map(Vec::as_slice).unwrap_or_default();
    let from = found.chain.len().saturating_sub(LISTED);
    let chain = found.chain.iter().skip(from).map(|event| {
        let who = event.who.as_deref().map(|who| format!(" by {who}")).unwrap_or_default();
        let note = event.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
        [describe_instant(event.time, tz), cache.text(&format!("{}{who}{note}", event.what)), cache.text(&event.record)]
    });
    IncidentCard {
        rank,
        id: of("id"),
        who: head.who,
        when: head.when,
        why: head.why,
        root: of("root"),
        class: of("class"),
        confidence: of("confidence"),
        basis: of("basis"),
        impact: impact(result, &[row], prices, tz),
        place: of("place"),
        instance: result.text(row, "container_instance").map(str::to_owned),
        suspect: suspect.map(|suspect| Change {
            time: describe_instant(suspect.time, tz),
            what: suspect.what,
            who: by.unwrap_or_default(),
            record: suspect.record,
            shares: cache.text(&suspect.shares.join(", ")),
            likely: suspect.likely,
        }),
        recovery,
        is_over,
        recovered_by: found.recovery.and_then(|recovery| recovery.recovered_by),
        now,
        more_now,
        prevent,
        more_prevent,
        response: found.response.map(|text| cache.text(&text)).unwrap_or_default(),
        calculation: redacted(found.calculation),
        notes: redacted(found.notes),
        chain: chain.collect(),
        verify: redacted(found.verify),
        records: evidence.iter().take(LISTED).cloned().collect(),
        more_records: evidence.len().saturating_sub(LISTED),
        repeats: rows.iter().filter(|other| **other != row).map(|other| repeat(result, *other, prices, tz)).collect(),
        together: if rows.len() > 1 { impact(result, rows, prices, tz).join(", ") } else { String::new() },
        times: (start, end),
        home: (result.text(row, "account").map(str::to_owned), result.text(row, "region").map(str::to_owned)),
        sums: Sums::of(result, &[row]),
    }
}

fn times(result: &QueryResult, row: usize) -> (Timestamp, Timestamp) {
    let start = result.time(row, "time").unwrap_or(Timestamp::UNIX_EPOCH);
    (start, result.time(row, "end").unwrap_or(start))
}

fn repeat(result: &QueryResult, row: usize, prices: Option<&Prices>, tz: &TimeZone) -> [String; 4] {
    let (start, end) = times(result, row);
    let of = |name: &str| result.text(row, name).unwrap_or_default().to_owned();
    [span(start, end, tz), of("what"), impact(result, &[row], prices, tz).join(", "), of("id")]
}

/// The numbers of incidents together.
fn counts(result: &QueryResult, rows: &[usize]) -> Counts {
    let sum = |name: &str| rows.iter().filter_map(|row| result.number(*row, name)).sum::<f64>() as i64;
    Counts {
        failures: sum("failures"),
        consequences: sum("consequences"),
        launches_lost: sum("launches_lost"),
        launches_healed: sum("launches_healed"),
        missed_starts: sum("missed_starts"),
        not_called: sum("not_called"),
        tasks: sum("tasks"),
    }
}

/// What incidents consist of and what they cost together.
fn impact(result: &QueryResult, rows: &[usize], prices: Option<&Prices>, tz: &TimeZone) -> Vec<String> {
    let sum = |name: &str| rows.iter().filter_map(|row| result.number(*row, name)).sum::<f64>();
    let mut parts = counts(result, rows).words();
    let gaps = rows.iter().filter_map(|row| {
        let (from, until) = (result.time(*row, "without_run_from")?, result.time(*row, "without_run_until")?);
        Some((result.text(*row, "without_run_of"), from, until))
    });
    // Times of different days without a run cannot be added up: of several incidents, the longest one counts.
    let longest =
        gaps.reduce(|longest, gap| if gap.2.duration_since(gap.1) > longest.2.duration_since(longest.1) { gap } else { longest });
    parts.extend(longest.map(|gap| match rows.len() {
        1 => describe_without_run(gap, tz),
        _ => format!("the longest time without a run {}", span_of(gap.2.duration_since(gap.1).as_secs_f64())),
    }));
    let reruns = sum("reruns");
    if reruns > 0.0 {
        parts.push(counted(reruns, "rerun outside of the schedule", "reruns outside of the schedule"));
    }
    parts.extend(Sums::of(result, rows).impaired());
    let wasted = sum("wasted");
    if wasted >= 360.0 {
        parts.push(format!("{:.1} task-hours wasted ({:.1} vCPU hours)", wasted / 3600.0, sum("vcpu_hours")));
    }
    let cost = Cost::of(rows.iter().map(|row| Usage::of(result, *row)), prices).usd;
    if let Some(cost) = cost.filter(|cost| *cost >= 0.01) {
        parts.push(format!("USD {cost:.2}"));
    }
    parts
}

/// A duration in words.
fn span_of(seconds: f64) -> String {
    Cell::Duration(seconds).human(&Look::default())
}

/// The series after the first ones, one row each.
fn smaller(result: &QueryResult, series: &[(&str, Vec<usize>)], tz: &TimeZone) -> Preview {
    let columns =
        [("what", false), ("when", false), ("times", true), ("failures", true), ("lost", true), ("tasks", true), ("sure", false)];
    let rows = series.iter().take(SMALLER).filter_map(|(_, rows)| {
        let lead = *rows.first()?;
        let sum = |name: &str| rows.iter().filter_map(|row| result.number(*row, name)).sum::<f64>();
        let first = rows.iter().map(|row| times(result, *row).0).min()?;
        let last = rows.iter().map(|row| times(result, *row).1).max()?;
        let of = |name: &str| result.text(lead, name).unwrap_or_default().to_owned();
        let short = |count: f64| if count == 0.0 { String::new() } else { count.to_string() };
        Some(vec![
            of("what"),
            span(first, last, tz),
            rows.len().to_string(),
            short(sum("failures") + sum("consequences")),
            short(sum("launches_lost") + sum("not_called")),
            short(sum("tasks")),
            of("confidence"),
        ])
    });
    let mut table = Preview::texts(&columns, rows.collect());
    table.total = series.len();
    table
}
