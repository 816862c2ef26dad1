//! The axes: time, with ticks at hours and days in the time zone of the report, and counts.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use std::ops::Range;

const HOUR: i64 = 3600;
/// Tick intervals in seconds.
const STEPS: [i64; 17] = [
    60,
    5 * 60,
    10 * 60,
    15 * 60,
    30 * 60,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    24 * HOUR,
    2 * 24 * HOUR,
    7 * 24 * HOUR,
    14 * 24 * HOUR,
    28 * 24 * HOUR,
    91 * 24 * HOUR,
    365 * 24 * HOUR,
];

/// Seconds since 1970, between two times.
#[derive(Clone)]
pub struct TimeAxis {
    pub from: i64,
    pub until: i64,
    pub tz: TimeZone,
    pub marks: usize,
}

impl TimeAxis {
    /// An axis for a window with a maximum number of ticks.
    pub fn new(window: (Timestamp, Timestamp), tz: &TimeZone, marks: usize) -> TimeAxis {
        let from = window.0.as_second();
        TimeAxis { from, until: window.1.as_second().max(from + 1), tz: tz.clone(), marks: marks.max(2) }
    }

    fn step(&self) -> i64 {
        let length = self.until - self.from;
        STEPS.into_iter().find(|step| length / step < self.marks as i64).unwrap_or(365 * 24 * HOUR)
    }

    /// The label of a time: the day, or the hour of a day.
    pub fn label(&self, second: i64) -> String {
        let Ok(time) = Timestamp::from_second(second) else { return String::new() };
        let time = time.to_zoned(self.tz.clone());
        let form = if self.step() >= 24 * HOUR { "%b %-d" } else { "%b %-d %H:%M" };
        // Within a single day, ticks need no date.
        let form = if self.until - self.from <= 24 * HOUR { "%H:%M" } else { form };
        time.strftime(form).to_string()
    }
}

impl Ranged for TimeAxis {
    type FormatOption = DefaultFormatting;
    type ValueType = i64;

    fn map(&self, value: &i64, limit: (i32, i32)) -> i32 {
        let part = (*value - self.from) as f64 / (self.until - self.from) as f64;
        limit.0 + (part * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<i64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        let step = self.step();
        // Days start at midnight in the time zone, not in UTC.
        let offset = Timestamp::from_second(self.from).map_or(0, |from| i64::from(self.tz.to_offset(from).seconds()));
        let mut at = (self.from + offset).div_euclid(step) * step - offset;
        let mut points = Vec::new();
        while at < self.until && points.len() < 100 {
            if at >= self.from {
                points.push(at);
            }
            at += step;
        }
        points
    }

    fn range(&self) -> Range<i64> {
        self.from..self.until
    }
}

/// Numbers from zero to the maximum, with some margin above.
#[derive(Clone)]
pub struct CountAxis {
    pub largest: f64,
}

impl CountAxis {
    fn top(&self) -> f64 {
        self.largest.max(1.0) * 1.08
    }
}

impl Ranged for CountAxis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        limit.0 + (*value / self.top() * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        let largest = self.largest.clamp(1.0, 1e17) as u64;
        let steps = (0..18).flat_map(|power| [1, 2, 5].map(|digit: u64| digit * 10u64.pow(power)));
        let step = steps.into_iter().find(|step| largest / step <= 5).unwrap_or(largest);
        (0..=largest / step).map(|mark| (mark * step) as f64).collect()
    }

    fn range(&self) -> Range<f64> {
        0.0..self.largest.max(1.0)
    }
}
