//! Resolves time clauses to an absolute, half-open window and describes its origin.
//!
//! `7d` is 7 × 24 h before the anchor; months, years and calendar days follow the time zone of the query. Only `now`
//! uses the current time.

use jiff::civil::Date;
use jiff::{SignedDuration, Span as Length, Timestamp, ToSpan as _, Zoned};

use super::{Checker, Outcome};
use crate::diagnostic::Diagnostic;
use crate::lang::ast::{self, CalendarUnit, Compare, Duration, Instant, Period, Query, Span, Spanned};
use crate::lang::checked::{CheckContext, Every, Stage, StepUnit, Window};
use crate::lang::keyword::Unit;
use crate::lang::zone;

/// How far `around` reaches by default.
const AROUND_SECONDS: i64 = 3_600;

/// The maximum number of empty buckets that are filled per group.
const MAX_BUCKETS: i64 = 100_000;

impl Checker<'_> {
    /// The window of the first stage; later stages have none.
    pub(super) fn window(&mut self, query: &Query) -> Option<Window> {
        for later in query.stages.iter().skip(1) {
            if let Some(window) = &later.window {
                let error = Diagnostic::error("a time window is only allowed in the first stage", window.span.clone())
                    .with_label("move it before the first `|`");
                self.errors.push(error);
            }
        }
        let Some(written) = query.stages.first().and_then(|stage| stage.window.as_ref()) else {
            return Some(Window { origin: "all events in the store".into(), ..Window::default() });
        };
        if self.time_field().is_none() {
            let message = format!("`{}` cannot be limited to a time window: these rows have no time", self.noun);
            self.errors.push(Diagnostic::error(message, written.span.clone()));
            return None;
        }
        let outcome = self.resolve(written).and_then(|window| {
            self.refuse_empty(&window, &written.span)?;
            self.refuse_outside(&window, &written.span)?;
            Ok(window)
        });
        self.keep(outcome)
    }

    fn resolve(&self, written: &Spanned<ast::Window>) -> Outcome<Window> {
        let bound = |instant: &Spanned<Instant>| self.absolute(&instant.value, &instant.span);
        Ok(match &written.value {
            ast::Window::Open { since, until } => Window {
                from: since.as_ref().map(bound).transpose()?,
                to: until.as_ref().map(bound).transpose()?,
                origin: match (since, until) {
                    (Some(since), None) => self.since_origin(&since.value),
                    (Some(since), Some(until)) => {
                        format!("from {} until {}", self.describe(&since.value), self.describe(&until.value))
                    }
                    (None, Some(until)) => format!("until {}", self.describe(&until.value)),
                    (None, None) => "all events in the store".into(),
                },
                from_newest: [since, until].into_iter().flatten().any(|time| self.is_from_newest(&time.value)),
            },
            ast::Window::Between(from, to) => Window {
                from: Some(bound(from)?),
                to: Some(bound(to)?),
                origin: format!("between {} and {}", self.describe(&from.value), self.describe(&to.value)),
                from_newest: self.is_from_newest(&from.value) || self.is_from_newest(&to.value),
            },
            ast::Window::On(day) => self.day(day)?,
            ast::Window::Around(middle, within) => self.around(middle, within.as_ref())?,
        })
    }

    /// The calendar day that contains an instant, or the whole of a week, month or year.
    fn day(&self, day: &Spanned<Instant>) -> Outcome<Window> {
        if let Instant::Calendar { unit, .. } = day.value {
            let start = self.absolute(&day.value, &day.span)?;
            let end = self.unit_after(start, unit, &day.span)?;
            let tz = &self.context.tz;
            let last = end.to_zoned(tz.clone()).date().yesterday().map_err(|_| out_of_range(&day.span))?;
            let first = start.to_zoned(tz.clone()).date();
            let origin = format!("the {} {first} to {last} in {}", unit.word(), zone::name(tz));
            return Ok(Window { from: Some(start), to: Some(end), origin, from_newest: false });
        }
        let at = self.absolute(&day.value, &day.span)?.to_zoned(self.context.tz.clone());
        let start = at.start_of_day().map_err(|_| out_of_range(&day.span))?.timestamp();
        let end = self.day_after(start, &day.span)?;
        let origin = format!("the day {} in {}", at.date(), zone::name(&self.context.tz));
        Ok(Window { from: Some(start), to: Some(end), origin, from_newest: false })
    }

    fn around(&self, middle: &Spanned<Instant>, within: Option<&Spanned<Duration>>) -> Outcome<Window> {
        let at = self.absolute(&middle.value, &middle.span)?;
        let (from, to, reach) = match within {
            None => (at.checked_sub(AROUND_SECONDS.seconds()), at.checked_add(AROUND_SECONDS.seconds()), "1h".to_owned()),
            Some(within) => {
                let back = shift(at, &within.value, -1, self.context, &within.span)?;
                let forth = shift(at, &within.value, 1, self.context, &within.span)?;
                (Ok(back), Ok(forth), within.value.to_string())
            }
        };
        let origin = format!("{reach} on both sides of {}", self.describe(&middle.value));
        let from = from.map_err(|_| out_of_range(&middle.span))?;
        let to = to.map_err(|_| out_of_range(&middle.span))?;
        Ok(Window { from: Some(from), to: Some(to), origin, from_newest: self.is_from_newest(&middle.value) })
    }

    /// An instant as an absolute time.
    pub(super) fn absolute(&self, instant: &Instant, span: &Span) -> Outcome<Timestamp> {
        absolute(instant, self.context, span)
    }

    /// The start of the calendar day after the one that contains a time.
    pub(super) fn day_after(&self, at: Timestamp, span: &Span) -> Outcome<Timestamp> {
        at.to_zoned(self.context.tz.clone())
            .tomorrow()
            .and_then(|day| day.start_of_day())
            .map(|day| day.timestamp())
            .map_err(|_| out_of_range(span))
    }

    /// The start of the calendar unit after the one that starts at a time.
    pub(super) fn unit_after(&self, start: Timestamp, unit: CalendarUnit, span: &Span) -> Outcome<Timestamp> {
        let tz = &self.context.tz;
        first_day(start.to_zoned(tz.clone()).date(), unit, -1)
            .and_then(|day| day.to_zoned(tz.clone()))
            .and_then(|day| day.start_of_day())
            .map(|day| day.timestamp())
            .map_err(|_| out_of_range(span))
    }

    fn refuse_empty(&self, window: &Window, span: &Span) -> Outcome<()> {
        match (window.from, window.to) {
            (Some(from), Some(to)) if from >= to => {
                let error = Diagnostic::error("the window ends before it starts", span.clone())
                    .with_note(format!("window {}", range_text(window)));
                Err(if from == to {
                    Diagnostic { message: "the window is empty".into(), ..error }.into()
                } else {
                    error.with_label("put the earlier time first").into()
                })
            }
            _ => Ok(()),
        }
    }

    /// A window without any data is an error, because an empty result would be misleading.
    fn refuse_outside(&self, window: &Window, span: &Span) -> Outcome<()> {
        let (Some(first), Some(last)) = (self.context.first, self.context.last) else {
            return Ok(());
        };
        let after = window.from.is_some_and(|from| from > last);
        let before = window.to.is_some_and(|to| to <= first);
        if !after && !before {
            return Ok(());
        }
        let error = Diagnostic::error("no data in this window", span.clone())
            .with_label(format!("all data in the store is {}", if after { "older" } else { "newer" }))
            .with_note(format!("window {}", range_text(window)))
            .with_note(format!("the store has data from {first} to {last}"));
        // An export is older than the clock.
        let is_clock = after && !self.is_anchored_at_newest() && self.context.anchor == self.context.now;
        Err(if is_clock { error.with_help("`--as-of latest` counts back from the newest event") } else { error }.into())
    }

    fn since_origin(&self, since: &Instant) -> String {
        match since {
            Instant::Ago(_) => self.describe(since),
            other => format!("since {}", self.describe(other)),
        }
    }

    /// Whether relative times count back from the newest event, and not from a given time.
    fn is_anchored_at_newest(&self) -> bool {
        self.context.last.is_none_or(|last| last == self.context.anchor)
    }

    /// Whether an instant counts back from the newest event.
    fn is_from_newest(&self, instant: &Instant) -> bool {
        self.is_anchored_at_newest() && !matches!(instant, Instant::Now | Instant::Date(_) | Instant::DateTime(..))
    }

    /// Describes an instant for the window line.
    fn describe(&self, instant: &Instant) -> String {
        let anchor = if self.is_anchored_at_newest() { "newest event".to_owned() } else { self.context.anchor.to_string() };
        match instant {
            Instant::Latest => anchor,
            Instant::Today => format!("the day of {anchor}"),
            Instant::Yesterday => format!("the day before {anchor}"),
            Instant::Weekday(_) => format!("{instant} before {anchor}"),
            Instant::Calendar { last: false, unit } => format!("the {} of {anchor}", unit.word()),
            Instant::Calendar { last: true, unit } => format!("the {} before that of {anchor}", unit.word()),
            Instant::Ago(duration) => format!("{duration} before {anchor}"),
            other => other.to_string(),
        }
    }

    /// The window of `compare`, with absolute times.
    pub(super) fn compare_window(&self, written: &Spanned<Compare>) -> Outcome<Window> {
        let window = match &written.value {
            Compare::Previous(period) => self.previous_window(*period, &written.span)?,
            Compare::Between(from, to) => {
                let from = self.absolute(&from.value, &from.span)?;
                let to = self.absolute(&to.value, &to.span)?;
                Window { from: Some(from), to: Some(to), ..Window::default() }
            }
        };
        self.refuse_empty(&window, &written.span)?;
        Ok(window)
    }

    /// The preceding window of the same length, or this window one calendar unit earlier.
    fn previous_window(&self, period: Option<Period>, span: &Span) -> Outcome<Window> {
        let error = |message: &str| Diagnostic::error(message, span.clone());
        let Some(from) = self.window.from else {
            let message = "`compare previous` requires a window with a start";
            return Err(error(message).with_label("add `since 7d`, or give the other window: `compare between A and B`").into());
        };
        // A window without an end includes the newest event.
        let to = self.window.to.unwrap_or(self.context.anchor);
        let out_of_range = |_| Box::new(error("the preceding window is out of range"));
        let Some(period) = period else {
            let before = from.checked_sub(to.duration_since(from)).map_err(out_of_range)?;
            let origin = "the preceding window".into();
            return Ok(Window { from: Some(before), to: Some(from), origin, from_newest: false });
        };
        let length = match period {
            Period::Day => 1.day(),
            Period::Week => 1.week(),
            Period::Month => 1.month(),
        };
        let earlier = |time: Timestamp| time.to_zoned(self.context.tz.clone()).checked_sub(length).map(|zoned| zoned.timestamp());
        let inside = if self.window.to.is_none() { SignedDuration::from_micros(1) } else { SignedDuration::ZERO };
        Ok(Window {
            from: Some(earlier(from).map_err(out_of_range)?),
            to: Some(earlier(to).and_then(|to| to.checked_add(inside)).map_err(out_of_range)?),
            origin: format!("a {} earlier", period.word()),
            from_newest: false,
        })
    }

    /// `every`, as elapsed seconds or one unit of the calendar.
    pub(super) fn every(&self, written: &ast::Every) -> Outcome<Every> {
        let span = &written.step.span;
        let error = |message: &str| Diagnostic::error(message, span.clone());
        let Some(field) = self.time_field() else {
            return Err(error("`every` requires a time column").into());
        };
        let (amount, unit) = match written.step.value.parts.as_slice() {
            [(amount, unit)] if calendar_unit(*unit).is_some() => {
                (i64::from(*amount), calendar_unit(*unit).unwrap_or(StepUnit::Day))
            }
            parts if parts.iter().any(|(_, unit)| calendar_unit(*unit).is_some()) => {
                return Err(error("a step of days or longer must be one number and one unit")
                    .with_label("such as `1d`, `2w` or `36h`")
                    .into());
            }
            _ => (crate::lang::time::seconds(&written.step.value).unwrap_or(0), StepUnit::Second),
        };
        if amount == 0 {
            return Err(error("a step must be longer than zero").into());
        }
        Ok(Every { amount, unit, fill: written.fill, field })
    }

    /// Refuses to fill buckets if that would create far more rows than there are events.
    pub(super) fn too_many_buckets(&self, query: &Query, stages: &[Stage], window: &Window) -> Option<Box<Diagnostic>> {
        let from = window.from.or(self.context.first)?;
        let to = window.to.unwrap_or(self.context.anchor);
        let seconds = to.as_second().saturating_sub(from.as_second());
        let every = stages.first()?.every.as_ref().filter(|every| every.fill)?;
        let buckets = seconds / every.amount.saturating_mul(unit_seconds(every.unit)).max(1);
        if buckets <= MAX_BUCKETS {
            return None;
        }
        let span = query.stages.first()?.every.as_ref()?.step.span.clone();
        let message = format!("the window has {buckets} steps; at most {MAX_BUCKETS} can be filled");
        Some(Diagnostic::error(message, span).with_label("use a longer step, or add `nofill`").into())
    }
}

/// An instant as an absolute time.
pub fn absolute(instant: &Instant, context: &CheckContext, span: &Span) -> Result<Timestamp, Box<Diagnostic>> {
    let tz = &context.tz;
    let out = |_: jiff::Error| out_of_range(span);
    let midnight = |zoned: Result<Zoned, jiff::Error>| -> Outcome<Timestamp> {
        zoned.and_then(|zoned| zoned.start_of_day()).map(|day| day.timestamp()).map_err(out)
    };
    let anchor = context.anchor;
    match instant {
        Instant::Now => Ok(context.now),
        Instant::Latest => Ok(anchor),
        Instant::Today => midnight(Ok(anchor.to_zoned(tz.clone()))),
        Instant::Yesterday => midnight(anchor.to_zoned(tz.clone()).yesterday()),
        Instant::Weekday(day) => {
            let today = anchor.to_zoned(tz.clone());
            let since = i64::from(day.until(today.weekday()));
            midnight(today.checked_sub(since.days()))
        }
        Instant::Calendar { last, unit } => {
            let today = anchor.to_zoned(tz.clone());
            let start = first_day(today.date(), *unit, i32::from(*last)).map_err(out)?;
            midnight(start.to_zoned(tz.clone()))
        }
        Instant::Ago(duration) => shift(anchor, duration, -1, context, span),
        Instant::Date(date) => midnight(date.to_zoned(tz.clone())),
        Instant::DateTime(datetime, Some(offset)) => offset.to_timestamp(*datetime).map_err(out),
        Instant::DateTime(datetime, None) => datetime.to_zoned(tz.clone()).map(|zoned| zoned.timestamp()).map_err(out),
    }
}

/// Moves a time by a duration: months and years by calendar, the rest by elapsed time.
fn shift(at: Timestamp, duration: &Duration, sign: i64, context: &CheckContext, span: &Span) -> Outcome<Timestamp> {
    let (mut months, mut seconds) = (0_i64, 0_i64);
    for (amount, unit) in &duration.parts {
        let amount = i64::from(*amount) * sign;
        match unit {
            Unit::Month => months += amount,
            Unit::Year => months += amount * 12,
            fixed => seconds += amount * fixed.seconds().unwrap_or(0),
        }
    }
    let out = |_: jiff::Error| out_of_range(span);
    let calendar = Length::new().try_months(months).map_err(out)?;
    let elapsed = Length::new().try_seconds(seconds).map_err(out)?;
    at.to_zoned(context.tz.clone()).checked_add(calendar).and_then(|zoned| zoned.timestamp().checked_add(elapsed)).map_err(out)
}

/// The calendar unit of a bucket; none for units of elapsed time.
fn calendar_unit(unit: Unit) -> Option<StepUnit> {
    match unit {
        Unit::Second | Unit::Minute | Unit::Hour => None,
        Unit::Day => Some(StepUnit::Day),
        Unit::Week => Some(StepUnit::Week),
        Unit::Month => Some(StepUnit::Month),
        Unit::Year => Some(StepUnit::Year),
    }
}

/// The first day of the calendar unit that contains a day, or of the one that is `back` units earlier.
fn first_day(day: Date, unit: CalendarUnit, back: i32) -> Result<Date, jiff::Error> {
    match unit {
        CalendarUnit::Week => {
            let monday = day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days())?;
            monday.checked_sub(back.weeks())
        }
        CalendarUnit::Month => day.first_of_month().checked_sub(back.months()),
        CalendarUnit::Year => day.first_of_year().checked_sub(back.years()),
    }
}

fn unit_seconds(unit: StepUnit) -> i64 {
    match unit {
        StepUnit::Second => 1,
        StepUnit::Day => 86_400,
        StepUnit::Week => 7 * 86_400,
        StepUnit::Month => 28 * 86_400,
        StepUnit::Year => 365 * 86_400,
    }
}

fn out_of_range(span: &Span) -> Box<Diagnostic> {
    Diagnostic::error("time out of range", span.clone()).with_label("years range from -9999 to 9999").into()
}

fn range_text(window: &Window) -> String {
    // The clock has nanoseconds.
    let text = |at: Timestamp| at.round(jiff::Unit::Second).unwrap_or(at).to_string();
    let text = |at: Option<Timestamp>| at.map(text).unwrap_or_default();
    format!("{} … {}", text(window.from), text(window.to)).trim().to_owned()
}
