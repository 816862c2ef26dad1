//! Computes the edges of time buckets.
//!
//! Steps of elapsed time are counted from Monday 1970-01-05 00:00 in the time zone, so that hours start on the hour
//! of local time. Calendar steps follow the calendar, regardless of the length of a day.

use std::hash::{Hash, Hasher};

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::lang::checked::{Every, StepUnit};
use crate::micros::SECOND;

/// The length of a bucket, and its time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    amount: i64,
    unit: StepUnit,
    tz: TimeZone,
}

// A time zone has no hash; equal steps have equal amounts and units.
impl Hash for Step {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.amount.hash(state);
        self.unit.hash(state);
    }
}

impl Step {
    /// The step of an `every` clause in a time zone.
    pub fn new(every: &Every, tz: &TimeZone) -> Self {
        Self { amount: every.amount.max(1), unit: every.unit, tz: tz.clone() }
    }

    /// The step of another process.
    #[cfg(feature = "cluster")]
    pub(super) fn of(amount: i64, unit: StepUnit, tz: TimeZone) -> Step {
        Step { amount: amount.max(1), unit, tz }
    }

    /// The step for other processes.
    #[cfg(feature = "cluster")]
    pub(super) fn document(&self) -> datafusion::common::Result<super::portable::StepDocument> {
        super::portable::StepDocument::of(self.amount, self.unit, &self.tz)
    }

    /// The name in a plan, such as `every_1d`.
    pub fn name(&self) -> String {
        let unit = match self.unit {
            StepUnit::Second => "s",
            StepUnit::Day => "d",
            StepUnit::Week => "w",
            StepUnit::Month => "mo",
            StepUnit::Year => "y",
        };
        format!("every_{}{unit}", self.amount)
    }

    /// The start of the bucket that contains a time; none outside the calendar.
    pub fn start(&self, micros: i64) -> Option<i64> {
        if self.unit == StepUnit::Second {
            let step = self.amount.checked_mul(SECOND)?;
            let origin = self.midnight(date(1970, 1, 5))?;
            return micros.checked_sub((micros.checked_sub(origin)?).rem_euclid(step));
        }
        let time = Timestamp::from_microsecond(micros).ok()?;
        let day = self.tz.to_datetime(time).date();
        self.midnight(self.first_day(day)?)
    }

    /// The start of the next bucket after one that starts at a time.
    pub fn next(&self, start: i64) -> Option<i64> {
        if self.unit == StepUnit::Second {
            return start.checked_add(self.amount.checked_mul(SECOND)?);
        }
        let time = Timestamp::from_microsecond(start).ok()?;
        let day = self.tz.to_datetime(time).date();
        self.midnight(day.checked_add(self.span()?).ok()?)
    }

    fn span(&self) -> Option<Span> {
        let span = Span::new();
        match self.unit {
            StepUnit::Second => span.try_seconds(self.amount).ok(),
            StepUnit::Day => span.try_days(self.amount).ok(),
            StepUnit::Week => span.try_weeks(self.amount).ok(),
            StepUnit::Month => span.try_months(self.amount).ok(),
            StepUnit::Year => span.try_years(self.amount).ok(),
        }
    }

    /// The first day of the bucket that contains a day.
    fn first_day(&self, day: Date) -> Option<Date> {
        let days_back = |days: i64| {
            let span = Span::new().try_days(days).ok()?;
            day.checked_sub(span).ok()
        };
        match self.unit {
            StepUnit::Second => None,
            StepUnit::Day => days_back(days_since(date(1970, 1, 1), day)?.rem_euclid(self.amount)),
            StepUnit::Week => days_back(days_since(date(1970, 1, 5), day)?.rem_euclid(self.amount.checked_mul(7)?)),
            StepUnit::Month => {
                let months = i64::from(day.year()) * 12 + i64::from(day.month()) - 1;
                let first = months - months.rem_euclid(self.amount);
                let year = i16::try_from(first.div_euclid(12)).ok()?;
                let month = i8::try_from(first.rem_euclid(12) + 1).ok()?;
                Date::new(year, month, 1).ok()
            }
            StepUnit::Year => {
                let year = i64::from(day.year());
                let first = year - year.rem_euclid(self.amount);
                Date::new(i16::try_from(first).ok()?, 1, 1).ok()
            }
        }
    }

    /// The first instant of a day: after the gap if clocks were put forward over midnight.
    fn midnight(&self, day: Date) -> Option<i64> {
        let zoned = day.to_zoned(self.tz.clone()).ok()?;
        Some(zoned.timestamp().as_microsecond())
    }
}

fn days_since(origin: Date, day: Date) -> Option<i64> {
    Some(i64::from(origin.until(day).ok()?.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(amount: i64, unit: StepUnit, zone: &str) -> Step {
        Step { amount, unit, tz: TimeZone::get(zone).unwrap() }
    }

    fn micros(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn buckets_start_where_clock_and_calendar_of_the_zone_say() {
        use StepUnit::{Day, Month, Second, Week, Year};
        for (amount, unit, zone, at, start) in [
            (3600, Second, "UTC", "2026-03-04T10:59:59.999999Z", "2026-03-04T10:00:00Z"),
            (3600, Second, "UTC", "2026-03-04T10:00:00Z", "2026-03-04T10:00:00Z"),
            (3600, Second, "Asia/Kolkata", "2026-03-04T10:00:00Z", "2026-03-04T09:30:00Z"),
            (300, Second, "UTC", "1969-12-31T23:59:00Z", "1969-12-31T23:55:00Z"),
            (1, Day, "Asia/Tokyo", "2026-03-04T15:30:00Z", "2026-03-04T15:00:00Z"),
            (1, Day, "Asia/Tokyo", "2026-03-04T14:30:00Z", "2026-03-03T15:00:00Z"),
            (1, Week, "UTC", "2026-03-08T23:00:00Z", "2026-03-02T00:00:00Z"),
            (1, Month, "UTC", "2026-02-28T23:00:00Z", "2026-02-01T00:00:00Z"),
            (3, Month, "UTC", "2026-06-30T23:00:00Z", "2026-04-01T00:00:00Z"),
            (1, Year, "UTC", "2026-06-30T23:00:00Z", "2026-01-01T00:00:00Z"),
            // Midnight does not exist on this day.
            (1, Day, "America/Santiago", "2026-09-06T12:00:00Z", "2026-09-06T04:00:00Z"),
        ] {
            let step = step(amount, unit, zone);
            assert_eq!(step.start(micros(at)), Some(micros(start)), "{} {zone} {at}", step.name());
        }
    }

    #[test]
    fn days_have_the_hours_that_the_clocks_give_them() {
        let day = step(1, StepUnit::Day, "Europe/Berlin");
        let spring = day.start(micros("2026-03-29T12:00:00Z")).unwrap();
        assert_eq!(day.next(spring).unwrap() - spring, 23 * 3600 * SECOND);
        let autumn = day.start(micros("2026-10-25T12:00:00Z")).unwrap();
        assert_eq!(day.next(autumn).unwrap() - autumn, 25 * 3600 * SECOND);
    }

    #[test]
    fn every_bucket_is_followed_by_the_one_that_starts_where_it_ends() {
        for unit in [StepUnit::Second, StepUnit::Day, StepUnit::Week, StepUnit::Month, StepUnit::Year] {
            let step = step(2, unit, "Europe/Berlin");
            let mut start = step.start(micros("2026-01-01T00:00:00Z")).unwrap();
            for _ in 0..50 {
                let next = step.next(start).unwrap();
                assert_eq!(step.start(next), Some(next));
                assert_eq!(step.start(next - 1), Some(start));
                start = next;
            }
        }
        assert_eq!(step(1, StepUnit::Day, "UTC").start(i64::MAX), None);
    }
}
