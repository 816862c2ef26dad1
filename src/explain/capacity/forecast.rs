//! Forecasts when the need reaches the limit, from the daily peaks, or explains why no forecast is possible.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

use super::number;
use super::trend::{CHANCE, Trend};
use crate::explain::records::Records;
use crate::micros::DAY;
use crate::plural::counted;
use crate::run::RunError;

/// The minimum number of whole days.
const LEAST_DAYS: usize = 14;
/// The minimum effective number of days, corrected for autocorrelation.
const LEAST_COUNTING: f64 = 8.0;
/// The maximum horizon in days.
const FARTHEST: usize = 365;

/// A forecast of the daily peak need, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// Why there is no date.
    pub refused: Option<String>,
    /// When the limit is reached, if it can be forecast.
    pub reaches: Option<Reaches>,
    /// The value of the trend on the last day.
    pub level: Option<f64>,
    /// The growth of the need per day.
    pub per_day: Option<f64>,
    /// Whether the trend has a weekly pattern.
    pub weekly: bool,
    /// The horizon in days: as long as the history, at most a year.
    pub horizon_days: usize,
    /// The 95 % interval of the peak at the end of the horizon.
    pub at_horizon: Option<Interval>,
    /// UTC days without records of the account in the Region, which are not counted.
    pub days_without_records: usize,
    /// The peaks of whole UTC days.
    pub series: Vec<Peak>,
}

/// When the limit is reached, in UTC days; a missing day is beyond the horizon.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Reaches {
    /// Start of the 95 % interval.
    #[serde(serialize_with = "some_day")]
    pub earliest: Option<Date>,
    /// The day on which the trend meets the limit.
    #[serde(serialize_with = "some_day")]
    pub expected: Option<Date>,
    /// End of the 95 % interval.
    #[serde(serialize_with = "some_day")]
    pub latest: Option<Date>,
}

fn as_day<S: Serializer>(day: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(day)
}

fn some_day<S: Serializer>(day: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
    match day {
        Some(day) => serializer.collect_str(day),
        None => serializer.serialize_none(),
    }
}

/// An interval with its middle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Low end.
    pub low: f64,
    /// Middle.
    pub middle: f64,
    /// High end.
    pub high: f64,
}

/// The peak need of a day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Peak {
    /// The day.
    #[serde(serialize_with = "as_day")]
    pub day: Date,
    /// The peak need.
    pub needed: f64,
}

/// The need of one pool by days since 1970: the peak of that day and the level at its end.
type Steps = BTreeMap<i64, (f64, f64)>;

/// The daily need of all pools of a Region.
pub struct Days {
    steps: BTreeMap<(String, String), Steps>,
    /// Days with records, by account.
    recorded: BTreeMap<String, BTreeSet<i64>>,
    /// The day of the newest event, which is not complete.
    today: i64,
}

fn date(day: i64) -> Option<Date> {
    let noon = Timestamp::from_second(day.checked_mul(86_400)?).ok()?;
    Some(noon.to_zoned(TimeZone::UTC).date())
}

impl Days {
    /// Reads them; `curve` is the SQL of the steps of all pools.
    pub fn read(records: &Records<'_>, region: &str, curve: &str, anchor: Timestamp) -> Result<Days, RunError> {
        let mut steps: BTreeMap<(String, String), Steps> = BTreeMap::new();
        for row in records.rows(&format!(
            "select q.resource, q.account, cast(floor(cast(q.\"time\" as bigint) / {DAY}.0) as bigint) as day, \
             cast(max(q.needed) as varchar) as peak, cast(last_value(q.needed order by q.\"time\") as varchar) as last \
             from ({curve}) q group by 1, 2, 3"
        ))? {
            let float = |name: &str| row.text(name).and_then(|text| text.parse().ok());
            let (Some(resource), Some(account), Some(day)) = (row.text("resource"), row.text("account"), row.int("day")) else {
                continue;
            };
            if let (Some(peak), Some(last)) = (float("peak"), float("last")) {
                steps.entry((resource.to_owned(), account.to_owned())).or_default().insert(day, (peak, last));
            }
        }
        let day = |table: &str| {
            format!(
                "select t.account, cast(floor(cast(t.\"time\" as bigint) / {DAY}.0) as bigint) as day from {table} t where t.region = {}",
                crate::explain::records::text(region)
            )
        };
        let mut recorded: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for row in records.rows(&format!(
            "select distinct t.account, t.day from ({} union all {}) t where t.account is not null and t.day is not null",
            day("task_events"),
            day("calls")
        ))? {
            if let (Some(account), Some(day)) = (row.text("account"), row.int("day")) {
                recorded.entry(account.to_owned()).or_default().insert(day);
            }
        }
        Ok(Days { steps, recorded, today: anchor.as_microsecond().div_euclid(DAY) })
    }

    /// The peaks of the whole days of a pool and the number of days without records between them.
    fn peaks(&self, resource: &str, account: &str) -> (Vec<(i64, f64)>, usize) {
        let pool = (resource.to_owned(), account.to_owned());
        let (Some(steps), Some(recorded)) = (self.steps.get(&pool), self.recorded.get(account)) else {
            return (Vec::new(), 0);
        };
        // The first day may begin before its records, and the last day is not complete.
        let Some(first) = recorded.first() else { return (Vec::new(), 0) };
        let mut level = steps.range(..=first).next_back().map_or(0.0, |(_, (_, last))| *last);
        let (mut peaks, mut without) = (Vec::new(), 0);
        for day in first + 1..self.today {
            let step = steps.get(&day);
            if recorded.contains(&day) {
                peaks.push((day, step.map_or(level, |(peak, _)| peak.max(level))));
            } else {
                without += 1;
            }
            level = step.map_or(level, |(_, last)| *last);
        }
        (peaks, without)
    }

    /// The forecast of a pool.
    pub fn forecast(&self, resource: &str, account: &str, allowed: Option<f64>) -> Forecast {
        let (peaks, without) = self.peaks(resource, account);
        forecast(&peaks, without, allowed)
    }
}

/// The forecast from the peaks of whole days.
fn forecast(peaks: &[(i64, f64)], without: usize, allowed: Option<f64>) -> Forecast {
    let series = peaks.iter().filter_map(|(day, needed)| Some(Peak { day: date(*day)?, needed: *needed })).collect();
    let mut outcome = Forecast {
        refused: None,
        reaches: None,
        level: None,
        per_day: None,
        weekly: false,
        horizon_days: 0,
        at_horizon: None,
        days_without_records: without,
        series,
    };
    let trend = match trend(peaks) {
        Ok(trend) => trend,
        Err(reason) => return Forecast { refused: Some(reason), ..outcome },
    };
    let last = peaks.last().map_or(0, |(day, _)| *day);
    let horizon = peaks.len().min(FARTHEST);
    let end = last.saturating_add(i64::try_from(horizon).unwrap_or(0));
    let range = trend.at(end);
    outcome.level = Some(trend.at(last).middle);
    outcome.per_day = Some(trend.slope);
    outcome.weekly = trend.is_weekly();
    outcome.horizon_days = horizon;
    outcome.at_horizon = Some(Interval { low: range.low, middle: range.middle, high: range.high });
    let Some(allowed) = allowed else {
        outcome.refused = Some("the limit is unknown: provide it with --quotas FILE".to_owned());
        return outcome;
    };
    if let Some((day, peak)) = peaks.iter().rev().take(7).find(|(_, peak)| *peak >= allowed) {
        let day = date(*day).map_or_else(String::new, |day| format!(" on {day}"));
        outcome.refused = Some(format!("the limit is already reached: {} of {} needed{day}", number(*peak), number(allowed)));
        return outcome;
    }
    let first = |meets: &dyn Fn(i64) -> bool| (last + 1..=end).find(|day| meets(*day)).and_then(date);
    let reaches = Reaches {
        earliest: first(&|day| trend.at(day).high >= allowed),
        expected: first(&|day| trend.at(day).middle >= allowed),
        latest: first(&|day| trend.at(day).low >= allowed),
    };
    if reaches.earliest.is_some() {
        outcome.reaches = Some(reaches);
    } else {
        outcome.refused = Some(format!(
            "{} is not reached within {horizon} days, which is as far ahead as the history allows",
            number(allowed)
        ));
    }
    outcome
}

/// The trend of the peaks, or why there is none.
fn trend(peaks: &[(i64, f64)]) -> Result<Trend, String> {
    let days = peaks.len();
    if days < LEAST_DAYS {
        let whole = counted(days, "whole day", "whole days");
        return Err(format!("the history is too short: {whole} with records, {LEAST_DAYS} are needed"));
    }
    let trend = Trend::of(peaks).ok_or_else(|| "the days cannot be distinguished".to_owned())?;
    let least = peaks.iter().map(|(_, peak)| *peak).fold(f64::INFINITY, f64::min);
    let most = peaks.iter().map(|(_, peak)| *peak).fold(f64::NEG_INFINITY, f64::max);
    if least >= most {
        return Err(format!("no trend: the peak is {} on each of {days} days", number(most)));
    }
    if trend.counting < LEAST_COUNTING {
        return Err(format!(
            "no significant trend: the days are autocorrelated, so {days} observations carry the weight of {:.0}",
            trend.counting
        ));
    }
    if trend.slope <= 0.0 {
        return Err(format!("no growth: the peak changes by {} per day over {days} days", small(trend.slope)));
    }
    let chance = trend.chance();
    if chance >= CHANCE {
        return Err(format!(
            "no significant trend: {} per day over {days} days (p = {chance:.2}, required: below {CHANCE})",
            small(trend.slope)
        ));
    }
    Ok(trend)
}

/// A signed number with two significant digits.
pub fn small(number: f64) -> String {
    let digits = if number == 0.0 { 0.0 } else { (1.0 - number.abs().log10().floor()).clamp(0.0, 6.0) };
    format!("{number:+.*}", digits as usize)
}

impl Forecast {
    /// The forecast as text; `unit` names the unit.
    pub fn words(&self, unit: &str, allowed: Option<f64>) -> Vec<String> {
        let mut lines = Vec::new();
        let beyond = || format!("more than {} days ahead", self.horizon_days);
        if let (Some(reaches), Some(allowed)) = (self.reaches, allowed) {
            let expected = reaches.expected.map_or_else(beyond, |day| format!("on {day}"));
            let earliest = reaches.earliest.map_or_else(beyond, |day| day.to_string());
            let latest = reaches.latest.map_or_else(beyond, |day| day.to_string());
            lines.push(format!(
                "the daily peak reaches {} {unit} {expected}; 95 % interval {earliest} to {latest}",
                number(allowed)
            ));
        }
        if let Some(refused) = &self.refused {
            lines.push(format!("no date: {refused}"));
        }
        if let (Some(level), Some(per_day), Some(end)) = (self.level, self.per_day, self.at_horizon) {
            let week = if self.weekly { " with a weekly pattern" } else { "" };
            lines.push(format!(
                "{} {unit} on the last day, {} per day over {} days{week}; in {} days: {} to {}",
                rounded(level),
                small(per_day),
                self.series.len(),
                self.horizon_days,
                rounded(end.low.max(0.0)),
                rounded(end.high)
            ));
        }
        if self.days_without_records > 0 {
            lines.push(format!("days without records, not counted: {}", self.days_without_records));
        }
        lines
    }
}

fn rounded(value: f64) -> String {
    number((value * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: i64 = 20_500;

    fn peaks(days: i64, mut value: impl FnMut(i64) -> f64) -> Vec<(i64, f64)> {
        (0..days).map(|day| (FIRST + day, value(day))).collect()
    }

    /// Pseudo-random noise between -1 and 1.
    fn noise(day: i64) -> f64 {
        let mixed = (day as u64 + 17).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f64 / f64::from(1 << 23) - 1.0
    }

    #[test]
    fn planted_growth_is_inside_the_interval() {
        // From 10 by a half each day: 40 is reached on day 60.
        for seed in 0..40 {
            let outcome = forecast(&peaks(45, |day| 10.0 + 0.5 * day as f64 + 2.0 * noise(day + 1_000 * seed)), 0, Some(40.0));
            let reaches = outcome.reaches.unwrap_or_else(|| panic!("{seed}: {outcome:?}"));
            let planted = date(FIRST + 60).unwrap();
            let (earliest, expected) = (reaches.earliest.unwrap(), reaches.expected.unwrap());
            assert!(earliest <= planted && reaches.latest.is_none_or(|latest| latest >= planted), "{seed}: {reaches:?}");
            assert!(earliest <= expected && reaches.latest.is_none_or(|latest| latest >= expected), "{seed}: {reaches:?}");
        }
    }

    #[test]
    fn without_noise_the_day_is_exact() {
        let outcome = forecast(&peaks(30, |day| 10.0 + day as f64), 2, Some(50.0));
        let day = date(FIRST + 40);
        assert_eq!(outcome.reaches, Some(Reaches { earliest: day, expected: day, latest: day }));
        assert_eq!(
            outcome.words("vCPU", Some(50.0)),
            [
                "the daily peak reaches 50 vCPU on 2026-03-28; 95 % interval 2026-03-28 to 2026-03-28",
                "39 vCPU on the last day, +1.0 per day over 30 days; in 30 days: 69 to 69",
                "days without records, not counted: 2",
            ]
        );
    }

    #[test]
    fn an_impossible_forecast_is_refused_with_its_reason() {
        let refused = |peaks: &[(i64, f64)], allowed| {
            let outcome = forecast(peaks, 0, allowed);
            assert_eq!(outcome.reaches, None);
            outcome.refused.unwrap_or_default()
        };
        let short = refused(&peaks(13, |day| day as f64), Some(16.0));
        assert_eq!(short, "the history is too short: 13 whole days with records, 14 are needed");
        assert_eq!(refused(&[], Some(16.0)), "the history is too short: 0 whole days with records, 14 are needed");
        assert_eq!(refused(&peaks(30, |_| 8.0), Some(16.0)), "no trend: the peak is 8 on each of 30 days");
        let falling = refused(&peaks(30, |day| 40.0 - day as f64), Some(64.0));
        assert_eq!(falling, "no growth: the peak changes by -1.0 per day over 30 days");
        let far = refused(&peaks(30, |day| 10.0 + 0.1 * day as f64), Some(1_000.0));
        assert_eq!(far, "1000 is not reached within 30 days, which is as far ahead as the history allows");
        let reached = refused(&peaks(30, |day| 10.0 + day as f64), Some(39.0));
        assert_eq!(reached, "the limit is already reached: 39 of 39 needed on 2026-03-17");
        assert!(refused(&peaks(30, |day| day as f64), None).starts_with("the limit is unknown"));
    }

    #[test]
    fn noise_gives_no_date() {
        let mut dated = 0;
        for seed in 0..200 {
            let outcome = forecast(&peaks(40, |day| 20.0 + 4.0 * noise(day + 500 * seed)), 0, Some(26.0));
            dated += usize::from(outcome.reaches.is_some());
        }
        assert!(dated <= 4, "{dated} of 200");
    }

    #[test]
    fn days_are_whole_and_a_level_lasts_until_it_changes() {
        let pool = ("fargate_vcpu".to_owned(), "1".to_owned());
        // Three days of one level, a day without records, then a change back and forth within a day.
        let steps = Steps::from([(FIRST, (9.0, 4.0)), (FIRST + 5, (6.0, 2.0))]);
        let recorded = (FIRST..FIRST + 8).filter(|day| *day != FIRST + 3).collect();
        let days = Days {
            steps: BTreeMap::from([(pool, steps)]),
            recorded: BTreeMap::from([("1".to_owned(), recorded)]),
            today: FIRST + 7,
        };
        let expected = [(1, 4.0), (2, 4.0), (4, 4.0), (5, 6.0), (6, 2.0)].map(|(day, peak)| (FIRST + day, peak));
        assert_eq!(days.peaks("fargate_vcpu", "1"), (expected.to_vec(), 1));
        assert_eq!(days.peaks("fargate_vcpu", "2"), (Vec::new(), 0));
    }
}
