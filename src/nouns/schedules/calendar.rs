//! Schedules with fixed times of day, on fixed weekdays or every few days, in a time zone.

use std::collections::BTreeMap;

use jiff::civil::{Date, time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp, ToSpan};

use super::schedule::{Cost, MOST_SLOTS, Start, few, phase, steady};
use crate::micros::SECOND;

/// Minutes in a day.
const DAY_MINUTES: i64 = 24 * 60;
/// Minutes after the expected time within which a start belongs to it.
const NEAR: i64 = 5;
/// A schedule with more times of day than this is a period.
const MOST_TIMES: usize = 200;
/// The minimum number of hits of a time.
const ENOUGH: usize = 3;
/// The minimum number of hits of a time that recurs every few days: it has few days, and such steps are easily found
/// by chance.
const ENOUGH_STEPS: usize = 4;
/// The maximum step in days that a history of weeks can show.
const LONGEST_STEP: i32 = 14;
/// A time with this many misses at the end, while other times of the same caller were hit, has ended.
const OVER: usize = 3;

/// Fixed times on fixed days.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// The time zone.
    zone: TimeZone,
    /// The times, by time of day.
    times: Vec<TimeOfDay>,
}

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TimeOfDay {
    /// Minutes after midnight.
    minute: i64,
    /// The days.
    days: Days,
    /// The first day with a hit.
    first: Date,
    /// The last day with a hit.
    last: Date,
    /// Whether it has ended.
    over: bool,
}

/// The days of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Days {
    /// Weekdays as a bit set: bit 0 is Monday.
    Weekdays(u8),
    /// Every few days, counted from the first one.
    Every(i32),
}

/// The times that explain sorted starts, with their cost.
pub fn infer(starts: &[Start], zones: &[TimeZone]) -> Option<(Calendar, Cost)> {
    if starts.len() < ENOUGH {
        return None;
    }
    let mut best: Option<(Calendar, Cost)> = None;
    for zone in zones {
        let Some((calendar, cost)) = fit(starts, zone) else { continue };
        if best.as_ref().is_none_or(|(_, least)| cost < *least) {
            best = Some((calendar, cost));
        }
    }
    best
}

/// A start in local time.
struct Local {
    /// Days since 1970.
    day: i64,
    minute: i64,
    after_failure: bool,
}

/// Sorted starts in local time.
fn on_the_clock(starts: &[Start], zone: &TimeZone) -> Option<Vec<Local>> {
    let mut local = Vec::with_capacity(starts.len());
    // The offset stays the same until the clocks change.
    let (mut offset, mut until) = (0, i64::MIN);
    for start in starts {
        if start.time >= until {
            let at = Timestamp::from_microsecond(start.time).ok()?;
            offset = i64::from(zone.to_offset(at).seconds());
            until = zone.following(at).next().map_or(i64::MAX, |change| change.timestamp().as_microsecond());
        }
        let minutes = (start.time.div_euclid(SECOND) + offset).div_euclid(60);
        let (day, minute) = (minutes.div_euclid(DAY_MINUTES), minutes.rem_euclid(DAY_MINUTES));
        local.push(Local { day, minute, after_failure: start.after_failure });
    }
    Some(local)
}

/// The date this many days after 1970-01-01.
fn date(day: i64) -> Option<Date> {
    Date::constant(1970, 1, 1).checked_add(Span::new().try_days(day).ok()?).ok()
}

fn fit(starts: &[Start], zone: &TimeZone) -> Option<(Calendar, Cost)> {
    let mut left = on_the_clock(starts, zone)?;
    let newest = left.iter().map(|start| start.day).max().and_then(date)?;
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for start in &left {
        *counts.entry(start.minute).or_default() += 1;
        if counts.len() > MOST_TIMES * 4 {
            return None;
        }
    }
    let (mut times, mut missed, mut loose) = (Vec::new(), 0, Vec::new());
    while left.len() >= ENOUGH {
        let Some(minute) = phase(&counts, DAY_MINUTES) else { break };
        let distance = |start: &Local| (start.minute - minute + DAY_MINUTES / 2).rem_euclid(DAY_MINUTES) - DAY_MINUTES / 2;
        let (near, far): (Vec<Local>, Vec<Local>) = left.into_iter().partition(|start| (-1..=NEAR).contains(&distance(start)));
        left = far;
        for start in &near {
            counts.remove(&start.minute);
        }
        // A start just before midnight belongs to the next day.
        let day_of = |start: &Local| start.day + i64::from(start.minute > minute + 12 * 60);
        let mut days: Vec<i64> = near.iter().map(day_of).collect();
        days.dedup();
        let days: Vec<Date> = days.into_iter().filter_map(date).collect();
        match time_of_day(minute, &days, zone) {
            Some((found, holes, odd)) if times.len() < MOST_TIMES => {
                times.push(found);
                missed += holes;
                loose.extend(std::iter::repeat_n(false, odd));
            }
            _ => loose.extend(near.iter().map(|start| start.after_failure)),
        }
        if times.len() >= MOST_TIMES {
            break;
        }
    }
    loose.extend(left.iter().map(|start| start.after_failure));
    let unexplained = loose.iter().filter(|after_failure| !**after_failure).count();
    if times.is_empty() || !few(unexplained, starts.len()) {
        return None;
    }
    // A time without recent hits, while other times continued, was removed from the schedule.
    let newer = times.iter().map(|time| time.first).max();
    for time in &mut times {
        let after = days_between(time.last, newest).skip(1).filter(|day| time.is_on(*day)).count();
        // A time that started afterwards has replaced it.
        time.over = after >= OVER || newer.is_some_and(|newer| newer > time.last);
    }
    if times.iter().all(|time| time.over) {
        return None;
    }
    times.sort_unstable_by_key(|time| time.minute);
    let cost = unexplained + missed + times.len();
    Some((Calendar { zone: zone.clone(), times }, cost))
}

/// A time of day with its days, the number of days without a hit, and the number of hits on other days.
type Found = (TimeOfDay, usize, usize);

/// The days of a time of day: its weekdays, or every few days if that explains more hits.
fn time_of_day(minute: i64, days: &[Date], zone: &TimeZone) -> Option<Found> {
    let wrong = |found: &Found| found.1 + found.2;
    let steps = every(minute, days, zone);
    let weekdays = weekdays(minute, days, zone);
    match (steps, weekdays) {
        (Some(steps), Some(weekdays)) => Some(if wrong(&steps) < wrong(&weekdays) { steps } else { weekdays }),
        (found, None) | (None, found) => found,
    }
}

/// Every few days.
fn every(minute: i64, days: &[Date], zone: &TimeZone) -> Option<Found> {
    let mut steps: BTreeMap<i32, usize> = BTreeMap::new();
    for pair in days.windows(2) {
        let [earlier, later] = pair else { continue };
        *steps.entry(earlier.until(*later).ok()?.get_days()).or_default() += 1;
    }
    let (step, count) = steps.iter().max_by_key(|(step, count)| (**count, std::cmp::Reverse(**step)))?;
    // Weekdays already express every day and every week.
    if !(2..=LONGEST_STEP).contains(step) || *step == 7 || (count + 1) < ENOUGH_STEPS {
        return None;
    }
    let found = TimeOfDay { minute, days: Days::Every(*step), first: *days.first()?, last: *days.last()?, over: false };
    let (found, missed, odd) = judged(found, days, zone)?;
    (odd == 0 && days.len() >= ENOUGH_STEPS && missed * 3 <= days.len()).then_some((found, missed, odd))
}

/// On weekdays.
fn weekdays(minute: i64, days: &[Date], zone: &TimeZone) -> Option<Found> {
    let (first, last) = (*days.first()?, *days.last()?);
    let (mut hits, mut chances) = ([0usize; 7], [0usize; 7]);
    for day in days {
        *hits.get_mut(weekday(*day))? += 1;
    }
    for day in days_between(first, last) {
        *chances.get_mut(weekday(day))? += 1;
    }
    let unseen = |day: usize| hits.get(day) == Some(&0) && chances.get(day).is_some_and(|chances| *chances > 0);
    let weekend = unseen(5) && unseen(6);
    let mut weekdays = 0u8;
    for (day, (hits, chances)) in hits.iter().zip(&chances).enumerate() {
        let on = match (*hits, *chances) {
            (0, 0) => false,
            // A single day without a start is a miss; two on the same weekday are a rule.
            (0, 1) => !(weekend && day >= 5),
            (0, _) => false,
            (hits, chances) => hits * 2 >= chances,
        };
        weekdays |= u8::from(on) << day;
    }
    let found = TimeOfDay { minute, days: Days::Weekdays(weekdays), first, last, over: false };
    let (found, missed, odd) = judged(found, days, zone)?;
    // Days that follow another rule than the week hit each weekday now and then.
    few(odd, days.len()).then_some((found, missed, odd))
}

/// A time of day with the number of its days without a hit and the number of other hits, if it is a schedule at all.
fn judged(found: TimeOfDay, days: &[Date], zone: &TimeZone) -> Option<Found> {
    let there = |day: &Date| found.is_on(*day) && (days.binary_search(day).is_ok() || found.instant(*day, zone).is_some());
    let expected: Vec<Date> = days_between(found.first, found.last).filter(there).collect();
    let on: Vec<bool> = expected.iter().map(|day| days.binary_search(day).is_ok()).collect();
    let hit = on.iter().filter(|hit| **hit).count();
    let mut adjacent = 0;
    for pair in on.windows(2) {
        adjacent += usize::from(matches!(pair, [true, true]));
    }
    (hit >= ENOUGH && steady(adjacent, hit)).then_some((found, expected.len() - hit, days.len() - hit))
}

fn weekday(day: Date) -> usize {
    usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0)
}

/// The days from one to another, both inclusive.
fn days_between(first: Date, last: Date) -> impl Iterator<Item = Date> {
    first.series(1.day()).take_while(move |day| *day <= last)
}

impl TimeOfDay {
    fn is_on(&self, day: Date) -> bool {
        match self.days {
            Days::Weekdays(weekdays) => weekdays >> weekday(day) & 1 == 1,
            Days::Every(step) => self.first.until(day).is_ok_and(|since| since.get_days().rem_euclid(step) == 0),
        }
    }

    /// The time on a day; none if the clocks skip it.
    fn instant(&self, day: Date, zone: &TimeZone) -> Option<i64> {
        let there = zone.to_ambiguous_timestamp(day.to_datetime(clock(self.minute)?));
        if matches!(there.offset(), AmbiguousOffset::Gap { .. }) {
            return None;
        }
        there.compatible().ok().map(Timestamp::as_microsecond)
    }
}

impl Calendar {
    /// The expected starts up to a time. A time that the clocks skip on a day is not expected on that day. After the
    /// last start, starts are expected for as long as the schedule was observed.
    pub fn slots(&self, until: i64) -> Vec<i64> {
        let mut slots = Vec::new();
        let first = self.times.iter().map(|time| time.first).min().unwrap_or_default();
        let last = self.times.iter().map(|time| time.last).max().unwrap_or_default();
        let lived = first.until(last).map(|lived| lived.get_days()).unwrap_or_default();
        let end = last.saturating_add(lived.days());
        for expected in &self.times {
            for day in expected.first.series(1.day()) {
                if day > end || (expected.over && day > expected.last) || slots.len() >= MOST_SLOTS {
                    break;
                }
                if !expected.is_on(day) {
                    continue;
                }
                let Some(slot) = expected.instant(day, &self.zone) else { continue };
                if slot > until {
                    break;
                }
                slots.push(slot);
            }
        }
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// The description at a time, such as `daily at 03:00`, `every 2 days at 16:48` or `Mon-Fri at 09:00, 17:00
    /// (Europe/Berlin)`.
    pub fn name(&self, at: i64) -> String {
        let day = Timestamp::from_microsecond(at).map(|at| self.zone.to_datetime(at).date());
        let used = |time: &&TimeOfDay| day.as_ref().map_or(!time.over, |day| self.is_used(time, *day));
        let mut days: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for time in self.times.iter().filter(used) {
            days.entry(time.days.name()).or_default().push(time.minute);
        }
        let part = |(days, minutes): (String, Vec<i64>)| {
            let mut times: Vec<String> =
                minutes.iter().take(6).map(|minute| format!("{:02}:{:02}", minute / 60, minute % 60)).collect();
            if minutes.len() > times.len() {
                times.push(format!("{} more", minutes.len() - times.len()));
            }
            format!("{days} at {}", times.join(", "))
        };
        let parts: Vec<String> = days.into_iter().map(part).collect();
        let zone = self.zone.iana_name().filter(|zone| *zone != "UTC").map(|zone| format!(" ({zone})")).unwrap_or_default();
        format!("{}{zone}", parts.join("; "))
    }
}

fn clock(minute: i64) -> Option<jiff::civil::Time> {
    let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
    ((0..24).contains(&hour) && (0..60).contains(&minute)).then(|| time(hour, minute, 0, 0))
}

impl Calendar {
    /// Whether a time was part of the schedule on a day: until it ended, or since it replaced another one.
    fn is_used(&self, time: &TimeOfDay, day: Date) -> bool {
        let replaced = |other: &TimeOfDay| other.over && other.last < time.first && day <= other.last;
        if time.over { day <= time.last } else { !self.times.iter().any(replaced) }
    }
}

impl Days {
    fn name(self) -> String {
        match self {
            Days::Weekdays(weekdays) => weekdays_name(weekdays),
            Days::Every(step) => format!("every {step} days"),
        }
    }
}

fn weekdays_name(weekdays: u8) -> String {
    const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    match weekdays {
        0b111_1111 => "daily".to_owned(),
        0b001_1111 => "Mon-Fri".to_owned(),
        0b110_0000 => "Sat, Sun".to_owned(),
        some => {
            let on = NAMES.iter().enumerate().filter(|(day, _)| some >> day & 1 == 1).map(|(_, name)| *name);
            on.collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_follow_the_clock_of_their_zone() {
        for name in ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"] {
            let zone = TimeZone::get(name).unwrap();
            // Every 37 minutes and some seconds since 1969, across all clock changes, some of them twice.
            let times = (-20_000..500_000_i64).step_by(3).map(|number| (number - number % 2) * 2_221_500_001);
            let starts: Vec<Start> = times.map(|time| Start { time, after_failure: false }).collect();
            let local = on_the_clock(&starts, &zone).unwrap();
            for (start, local) in starts.iter().zip(local) {
                let local_time = zone.to_datetime(Timestamp::from_microsecond(start.time).unwrap());
                let minute = i64::from(local_time.hour()) * 60 + i64::from(local_time.minute());
                assert_eq!((date(local.day).unwrap(), local.minute), (local_time.date(), minute), "{name} {}", start.time);
            }
        }
    }
}
