//! How complete the data behind a report is: what is loaded for its window, and what cannot be known without the rest.

use super::ReportError;
use super::incident::IncidentCard;
use super::queries::{Between, QueryCache, QueryResult};
use crate::explain::span;
use crate::plural::word;
use crate::render::{MISSING, describe_duration, thousands};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// The coverage of a window.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Coverage {
    /// What is loaded, one entry per source.
    pub loaded: Vec<String>,
    /// What is not known, and why.
    pub unknown: Vec<String>,
    /// The hours without CloudTrail records; their sentence follows once the incidents are known.
    #[serde(skip)]
    missing: Vec<MissingHour>,
}

/// An hour without CloudTrail records.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MissingHour {
    start: Timestamp,
    account: Option<String>,
    region: Option<String>,
}

/// A source whose records span less than this share of the window says so.
const COMPLETE: f64 = 0.9;

/// The length of an hour.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The noun of the source whose missing hours are known.
const CALLS: &str = "calls";

/// A source: its name, its query, what one row is called, and what is not known without it.
const SOURCES: [(&str, &str, &str, &str); 4] = [
    ("CloudTrail", CALLS, "calls", "lost launches, missed starts, refused calls and who changed what"),
    ("ECS events", "events", "events", "failed tasks, deployments, stalls and what the agents were doing"),
    ("dstack", "runs", "job submissions", ""),
    ("VPC flow logs", "flows", "records", ""),
];

/// The coverage of a window.
pub fn coverage(cache: &QueryCache<'_>, window: Between, tz: &TimeZone) -> Result<Coverage, ReportError> {
    let mut coverage = Coverage::default();
    let mut has_calls = false;
    for (name, noun, rows, without) in SOURCES {
        let query = format!("{noun} show count, first(time) as first, last(time) as last");
        let missing = cache.unanswerable(noun, None)?;
        let result = match cache.measure(&query, window) {
            Err(ReportError::Run(error)) => {
                coverage.unknown.push(format!("{name}: not known, the query failed ({error})"));
                continue;
            }
            result => result?,
        };
        let count = result.number(0, "count").unwrap_or_default();
        let times = result.time(0, "first").zip(result.time(0, "last"));
        match (times.filter(|_| count > 0.0), without) {
            (Some((first, last)), _) => {
                let count = thousands(count as u64);
                let short = shorter((first, last), window);
                coverage.loaded.push(format!("{name}: {count} {rows}, {}{short}", span(first, last, tz)));
                has_calls |= noun == CALLS;
            }
            (None, "") => {}
            (None, without) => {
                let why = missing.map_or_else(|| format!("no {name} in the window"), |_| format!("no {name} loaded"));
                coverage.unknown.push(format!("{without}: not known, {why}"));
            }
        }
    }
    if has_calls {
        match cache
            .measure("gaps where kind = missing show time, account, region sort time, account, region limit 1000000", window)
        {
            Ok(gaps) if gaps.rows.is_empty() => coverage.loaded.push("no hour of CloudTrail is missing".to_owned()),
            Ok(gaps) => coverage.missing = missing_hours(&gaps),
            Err(ReportError::Run(error)) => {
                coverage.unknown.push(format!("missing hours: not known, the query failed ({error})"))
            }
            Err(error) => return Err(error),
        }
    }
    Ok(coverage)
}

/// How much of the window a source covers, if that is clearly less than the whole window.
fn shorter((first, last): (Timestamp, Timestamp), (from, to): Between) -> String {
    let (covered, all) = (last.duration_since(first).as_secs_f64(), to.duration_since(from).as_secs_f64());
    if covered >= all * COMPLETE {
        return String::new();
    }
    format!(" (only {} of the {})", describe_duration(covered), describe_duration(all))
}

fn missing_hours(gaps: &QueryResult) -> Vec<MissingHour> {
    let own = |row: usize, name: &str| gaps.text(row, name).map(str::to_owned);
    let hour = |row: usize| {
        Some(MissingHour { start: gaps.time(row, "time")?, account: own(row, "account"), region: own(row, "region") })
    };
    (0..gaps.rows.len()).filter_map(hour).collect()
}

impl MissingHour {
    /// Whether an incident can have records in this hour.
    fn meets(&self, incident: &IncidentCard) -> bool {
        let is_same = |own: &Option<String>, other: &Option<String>| own.is_none() || other.is_none() || own == other;
        let (start, end) = incident.times;
        let ends = self.start.saturating_add(HOUR).unwrap_or(self.start);
        is_same(&self.account, &incident.home.0) && is_same(&self.region, &incident.home.1) && start < ends && end >= self.start
    }
}

impl Coverage {
    /// Adds the sentence about missing hours: how many, where most hours are missing, what that means for the counts, and whether the
    /// worst incidents are among them. A quiet Region has such hours, too, which the reader has to judge.
    pub fn relate(&mut self, (from, to): Between, worst: &[IncidentCard]) {
        let mut pairs: BTreeMap<(Option<&str>, Option<&str>), usize> = BTreeMap::new();
        for hour in &self.missing {
            *pairs.entry((hour.account.as_deref(), hour.region.as_deref())).or_default() += 1;
        }
        let most = pairs.iter().max_by(|left, right| left.1.cmp(right.1).then(right.0.cmp(left.0)));
        let Some(((account, region), most)) = most else { return };
        let window = (to.duration_since(from).as_secs_f64() / 3600.0).round().max(*most as f64);
        let window = thousands(window as u64);
        let pair = format!("{}/{}", account.unwrap_or(MISSING), region.unwrap_or(MISSING));
        let all = self.missing.len();
        let hours = match pairs.len() {
            1 => format!("{} of {window} hours without CloudTrail records in {pair}", thousands(all as u64)),
            many => format!(
                "{} {} without CloudTrail records in {many} pairs of account and Region, the most ({} of {window}) in {pair}",
                thousands(all as u64),
                word(all, "hour", "hours"),
                thousands(*most as u64)
            ),
        };
        let met: Vec<String> = worst
            .iter()
            .filter(|incident| self.missing.iter().any(|hour| hour.meets(incident)))
            .map(|incident| incident.rank.to_string())
            .collect();
        let shown = worst.len();
        let incidents = match (shown, met.as_slice()) {
            (0, _) => String::new(),
            (1, []) => ". The incident below does not fall into these hours".to_owned(),
            (_, []) => format!(". None of the {shown} worst incidents falls into these hours"),
            (_, met) => format!(". Of the worst incidents, these hours touch number {}", met.join(", ")),
        };
        self.unknown.push(format!(
            "{hours}: logs are missing, or nothing happened. Counts of launches, missed starts and refused calls are minimums{incidents}"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_that_covers_less_than_the_window_says_so() {
        let window = (at("2026-03-01T03:20:11Z"), at("2026-03-08T03:20:12Z"));
        let short = |first, last| shorter((at(first), at(last)), window);
        assert_eq!(short("2026-03-04T05:20:00Z", "2026-03-04T05:34:00Z"), " (only 14m of the 7d)");
        assert_eq!(short("2026-03-02T01:30:00Z", "2026-03-08T02:40:00Z"), " (only 6d 1h of the 7d)");
        assert_eq!(short("2026-03-01T03:30:00Z", "2026-03-08T03:17:00Z"), "");
    }

    #[test]
    fn missing_hours_say_where_and_whether_incidents_are_among_them() {
        let hour = |start, account: &str| MissingHour {
            start: at(start),
            account: Some(account.to_owned()),
            region: Some("us-east-1".to_owned()),
        };
        let incident = |rank, account: &str, from, to| IncidentCard {
            rank,
            times: (at(from), at(to)),
            home: (Some(account.to_owned()), Some("us-east-1".to_owned())),
            ..IncidentCard::default()
        };
        let window = (at("2026-03-01T00:00:00Z"), at("2026-03-02T00:00:00Z"));
        let of = |missing: Vec<MissingHour>, worst: &[IncidentCard]| {
            let mut coverage = Coverage { missing, ..Coverage::default() };
            coverage.relate(window, worst);
            coverage.unknown.join("|")
        };
        let (first, second) = (hour("2026-03-01T05:00:00Z", "1111"), hour("2026-03-01T07:00:00Z", "2222"));
        let worst = [
            incident(1, "1111", "2026-03-01T06:00:00Z", "2026-03-01T06:30:00Z"),
            incident(2, "2222", "2026-03-01T05:10:00Z", "2026-03-01T05:20:00Z"),
        ];
        let one = of(vec![first.clone()], &worst);
        assert!(one.starts_with("1 of 24 hours without CloudTrail records in 1111/us-east-1: logs are missing"), "{one}");
        assert!(one.ends_with("are minimums. None of the 2 worst incidents falls into these hours"), "{one}");
        let during = incident(3, "1111", "2026-03-01T05:59:00Z", "2026-03-01T06:30:00Z");
        let both = of(vec![first, second], &[worst[0].clone(), during]);
        assert!(
            both.starts_with("2 hours without CloudTrail records in 2 pairs of account and Region, the most (1 of 24) in 1111/")
        );
        assert!(both.ends_with("these hours touch number 3"), "{both}");
        assert_eq!(of(Vec::new(), &worst), "");
    }
}
