//! Parses durations, dates and points in time, without a clock or a time zone.
//!
//! The checker turns an [`Instant`] into an absolute time; this module only ensures that it is well formed.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::fmt::temporal::{Pieces, PiecesOffset};

use super::ast::{CalendarUnit, Duration, Instant, Span};
use super::keyword::{UNITS, Unit, find_unit};
use super::suggest;
use super::token::excerpt;
use crate::diagnostic::Diagnostic;

/// The keywords for a point in time.
const WORDS: &[&str] =
    &["now", "latest", "today", "yesterday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The maximum number of digits of an amount: a thousand years in seconds would not fit a time anyway.
const MOST_DIGITS: usize = 9;

/// The most words that one point in time can have: `last 1 day 12 hours 30 minutes`.
pub(super) const MOST_WORDS: usize = 7;

/// Reads `now`, `7d`, `7 days ago`, `last week`, `2026-03-04`, `2026-03-04 02:10`, ….
pub fn read_instant(text: &str, span: Span) -> Result<Instant, Box<Diagnostic>> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    match words.as_slice() {
        ["now"] => return Ok(Instant::Now),
        ["latest"] => return Ok(Instant::Latest),
        ["today"] => return Ok(Instant::Today),
        ["yesterday"] => return Ok(Instant::Yesterday),
        ["this", unit] => return read_calendar(false, unit, span),
        ["last", after @ ..] if !after.is_empty() => return read_last(after, span),
        [before @ .., "ago"] if !before.is_empty() => {
            return read_duration(&before.join(" "), span).map(Instant::Ago);
        }
        [day] => {
            if let Some(day) = weekday(day) {
                return Ok(Instant::Weekday(day));
            }
        }
        _ => {}
    }
    if looks_like_date(text) {
        return read_date(text, span);
    }
    if let Some(written) = digits_as_date(text) {
        return Err(Diagnostic::error(format!("unexpected `{text}`: expected a point in time"), span)
            .with_label(format!("write `{written}`"))
            .into());
    }
    if let Some(label) = other_date(&words) {
        return Err(Diagnostic::error(format!("unexpected `{}`: expected a point in time", excerpt(text)), span)
            .with_label(label)
            .into());
    }
    if let Some(duration) = other_duration(&lower) {
        return Err(Diagnostic::error(format!("unexpected `{}`: expected a point in time", excerpt(text)), span)
            .with_label(format!("write `{duration}`: durations always count back"))
            .into());
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) || is_signed(text) {
        return read_duration(text, span).map(Instant::Ago);
    }
    let label = suggest::question(text, WORDS.iter().copied()).unwrap_or_else(|| "not a point in time".to_owned());
    Err(Diagnostic::error(format!("unexpected `{}`: expected a point in time", excerpt(text)), span)
        .with_label(label)
        .with_help(INSTANT_FORMS)
        .into())
}

const INSTANT_FORMS: &str =
    "`7d` (before the newest event), `2026-03-04`, `2026-03-04T02:10Z`, `yesterday`, `monday`, `last week`, `now`";

/// How to write a date that is spelled in another way; `03/04` is two dates, so no date is suggested.
fn other_date(words: &[&str]) -> Option<String> {
    let first = words.first()?;
    let (hour, minute) = words.iter().find_map(|word| clock(word)).unwrap_or((0, 0));
    let parts = || words.iter().flat_map(|word| parts(word));
    let Some(month) = parts().find_map(month) else {
        let digits = first.starts_with(|c: char| c.is_ascii_digit());
        return match clock(first) {
            Some(_) => Some(format!("add a date: `2026-03-04 {hour:02}:{minute:02}`")),
            None if digits && first.contains(':') => Some("add a date: `2026-03-04 05:00`".to_owned()),
            None if digits && first.contains('/') => Some("write a date as `2026-03-04`".to_owned()),
            None => None,
        };
    };
    let numbers: Vec<u16> = parts().filter_map(number).collect();
    let day = numbers.iter().find(|number| **number <= 31).copied().unwrap_or(1);
    let year = numbers.iter().find(|number| **number >= 1000);
    let time = match (words.iter().any(|word| clock(word).is_some()), words.iter().any(|word| is_utc(word))) {
        (false, _) => String::new(),
        (true, utc) => format!(" {hour:02}:{minute:02}{}", if utc { "Z" } else { "" }),
    };
    let date = |year: u16| format!("{year}-{month:02}-{day:02}{time}");
    let label = match year {
        Some(year) => format!("write `{}`", date(*year)),
        None => format!("write it with its year, such as `{}`", date(2026)),
    };
    Some(if is_date(&date(*year.unwrap_or(&2026))) { label } else { "write a date as `2026-03-04`".to_owned() })
}

/// How many of these words are a date in another spelling, such as `4 March 05:00`; 0 if they are none.
pub(super) fn other_date_words(words: &[String]) -> usize {
    let is_part = |part: &str| {
        month(part).is_some() || clock(part).is_some() || number(part).is_some() || weekday(part).is_some() || is_utc(part)
    };
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let count = lower.iter().take_while(|word| parts(word).all(is_part)).count();
    let named = lower.iter().take(count).any(|word| parts(word).any(|part| month(part).is_some()));
    if named { count } else { 0 }
}

/// The parts of `04-mar-2026`.
fn parts(word: &str) -> impl Iterator<Item = &str> {
    word.split(['-', ',', '/']).filter(|part| !part.is_empty())
}

/// The number of a month, by its name or the first letters of its name.
fn month(word: &str) -> Option<usize> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let found = if word.len() < 3 { None } else { MONTHS.iter().position(|month| month.starts_with(word)) };
    found.map(|index| index + 1)
}

/// The number of `4`, `4th` or `2026`.
fn number(word: &str) -> Option<u16> {
    let digits = ["st", "nd", "rd", "th"].into_iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse::<u16>().ok().filter(|number| is_plain && *number > 0)
}

/// The hour and the minute of `14:00`, `5am` or `5:30pm`.
fn clock(word: &str) -> Option<(u8, u8)> {
    let (digits, late) = match (word.strip_suffix("am"), word.strip_suffix("pm")) {
        (Some(digits), _) => (digits, Some(false)),
        (_, Some(digits)) => (digits, Some(true)),
        _ => (word, None),
    };
    let (hour, minute) = match digits.split_once(':') {
        Some((hour, rest)) => (hour, rest.split(':').next().unwrap_or_default()),
        None if late.is_some() => (digits, "0"),
        None => return None,
    };
    let (hour, minute): (u8, u8) = (hour.parse().ok()?, minute.parse().ok()?);
    let hour = match late {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(late) => hour % 12 + if late { 12 } else { 0 },
    };
    (hour < 24 && minute < 60).then_some((hour, minute))
}

fn is_utc(word: &str) -> bool {
    ["utc", "gmt", "z"].contains(&word)
}

/// The duration of `now-2d`, as in Grafana, or of `PT2H`, as in ISO 8601.
fn other_duration(lower: &str) -> Option<String> {
    let from_now = lower.strip_prefix("now").and_then(|rest| rest.trim_start_matches("()").trim_start().strip_prefix('-'));
    let text = match from_now {
        Some(rest) => rest.trim().to_owned(),
        None => {
            let (days, hours) = lower.strip_prefix('p').map(|rest| rest.split_once('t').unwrap_or((rest, "")))?;
            // `P1M` is a month, `PT1M` a minute.
            format!("{}{hours}", days.replace('m', "mo"))
        }
    };
    read_duration(&text, 0..0).is_ok().then_some(text)
}

/// What follows `last`: `week`, or a duration before the newest event.
fn read_last(after: &[&str], span: Span) -> Result<Instant, Box<Diagnostic>> {
    let one = |unit| Ok(Instant::Ago(Duration { parts: vec![(1, unit)] }));
    let error = |label: &str| {
        let message = format!("`last {}` is not a point in time", excerpt(&after.join(" ")));
        Err(Diagnostic::error(message, span.clone()).with_label(label).into())
    };
    match after {
        // The same length with either reading, unlike a day, a week, a month or a year.
        ["second"] => one(Unit::Second),
        ["minute"] => one(Unit::Minute),
        ["hour"] => one(Unit::Hour),
        ["day"] => error("write `1d` for 24 hours, or `yesterday`"),
        [word] if weekday(word).is_some() => error(&format!("`{word}` is the newest one; for an earlier one, write its date")),
        [word] if !word.starts_with(|c: char| c.is_ascii_digit()) => read_calendar(true, word, span),
        _ => read_duration(&after.join(" "), span).map(Instant::Ago),
    }
}

/// The unit after `this` or `last`.
fn read_calendar(last: bool, word: &str, span: Span) -> Result<Instant, Box<Diagnostic>> {
    if let Some(unit) = CalendarUnit::ALL.into_iter().find(|unit| unit.word() == word) {
        return Ok(Instant::Calendar { last, unit });
    }
    let first = if last { "last" } else { "this" };
    Err(Diagnostic::error(format!("`{first} {}` is not a point in time", excerpt(word)), span)
        .with_label(format!("`{first}` takes `week`, `month` or `year`"))
        .into())
}

/// Reads `Mon` or `monday`.
pub fn weekday(text: &str) -> Option<Weekday> {
    let text = text.to_ascii_lowercase();
    let has_name = |name: &str| name == text || name.get(..3) == Some(&*text);
    Weekday::Monday.cycle_forward().take(7).find(|day| has_name(weekday_name(*day)))
}

/// The name of a day of the week, as [`weekday`] reads it.
pub fn weekday_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "monday",
        Weekday::Tuesday => "tuesday",
        Weekday::Wednesday => "wednesday",
        Weekday::Thursday => "thursday",
        Weekday::Friday => "friday",
        Weekday::Saturday => "saturday",
        Weekday::Sunday => "sunday",
    }
}

/// `20260304`, or seconds or milliseconds since 1970, as this language writes them.
fn digits_as_date(text: &str) -> Option<String> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    match text.len() {
        8 => {
            let date = format!("{}-{}-{}", text.get(..4)?, text.get(4..6)?, text.get(6..)?);
            is_date(&date).then_some(date)
        }
        10 => jiff::Timestamp::from_second(number).ok().map(|time| time.to_string()),
        13 => jiff::Timestamp::from_millisecond(number).ok().map(|time| time.to_string()),
        _ => None,
    }
}

/// Reads `7d`, `1h30m`, `90min`, `7 days`.
pub fn read_duration(text: &str, span: Span) -> Result<Duration, Box<Diagnostic>> {
    if is_signed(text) {
        let plain = text.trim_start_matches(['-', '+']);
        return Err(Diagnostic::error(format!("unexpected sign in the duration `{}`", excerpt(text)), span)
            .with_label(format!("write `{}`: durations always count back", excerpt(plain)))
            .into());
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (part, after) = read_part(rest, text, &span)?;
        parts.push(part);
        rest = after.trim_start();
    }
    if parts.is_empty() {
        return Err(not_a_duration(text, span).into());
    }
    Ok(Duration { parts })
}

/// The length in seconds, with days of 24 hours; none if it has months or years or is too long.
pub fn seconds(duration: &Duration) -> Option<i64> {
    duration
        .parts
        .iter()
        .try_fold(0_i64, |whole, (amount, unit)| whole.checked_add(unit.seconds()?.checked_mul(i64::from(*amount))?))
}

fn is_signed(text: &str) -> bool {
    text.strip_prefix(['-', '+']).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Reads an amount with its unit; returns it with the remaining text.
fn read_part<'a>(rest: &'a str, whole: &str, span: &Span) -> Result<((u32, Unit), &'a str), Box<Diagnostic>> {
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (digits, tail) = rest.split_at(digits);
    if digits.is_empty() {
        return Err(not_a_duration(whole, span.clone()).into());
    }
    let tail = tail.trim_start();
    let length = tail.find(|c: char| c.is_ascii_digit() || c.is_whitespace()).unwrap_or(tail.len());
    let (unit, after) = tail.split_at(length);
    let unit = read_unit(unit, digits, whole, span)?;
    let amount = if digits.len() <= MOST_DIGITS { digits.parse().ok() } else { None };
    match amount {
        Some(amount) => Ok(((amount, unit), after)),
        None => Err(Diagnostic::error(format!("the duration `{}` is too large", excerpt(whole)), span.clone())
            .with_label(format!("at most {MOST_DIGITS} digits"))
            .into()),
    }
}

fn read_unit(unit: &str, digits: &str, whole: &str, span: &Span) -> Result<Unit, Box<Diagnostic>> {
    if let Some(found) = find_unit(unit) {
        return Ok(found);
    }
    let error = |message: String| Diagnostic::error(message, span.clone());
    if unit == "M" {
        return Err(error("`M` is not a time unit".into())
            .with_label(format!("use `{digits}mo` for months or `{digits}m` for minutes"))
            .into());
    }
    if unit.is_empty() {
        return Err(error(format!("missing time unit in `{}`", excerpt(whole)))
            .with_label(format!("such as `{digits}d` or `{digits}h`"))
            .with_note(unit_list())
            .into());
    }
    if !unit.chars().all(char::is_alphabetic) {
        return Err(not_a_duration(whole, span.clone()).into());
    }
    let error = error(format!("`{}` is not a time unit", excerpt(unit)));
    let lower = unit.to_lowercase();
    let label = if find_unit(&lower).is_some() {
        format!("use `{digits}{lower}`")
    } else {
        // Single letters are near every short word.
        let long = UNITS.iter().map(|(word, _)| *word).filter(|word| word.len() > 3);
        suggest::question(unit, long).unwrap_or_else(|| "not a duration".to_owned())
    };
    Err(error.with_label(label).with_note(unit_list()).into())
}

fn unit_list() -> String {
    "units: s, m (or min), h, d, w, mo, y".to_owned()
}

fn not_a_duration(text: &str, span: Span) -> Diagnostic {
    Diagnostic::error(format!("unexpected `{}`: expected a duration", excerpt(text)), span)
        .with_label("not a duration")
        .with_help("`10m`, `1h30m`, `7d`")
}

/// Whether a text starts like a date, so that errors mention dates.
fn looks_like_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 5 && bytes.iter().take(4).all(u8::is_ascii_digit) && matches!(bytes.get(4), Some(b'-' | b'/' | b'.'))
}

/// Reads a date, or a date and a time of day with or without an offset.
fn read_date(text: &str, span: Span) -> Result<Instant, Box<Diagnostic>> {
    parse_date(text).ok_or_else(|| date_error(text, span).into())
}

fn parse_date(text: &str) -> Option<Instant> {
    if !text.is_ascii() || text.as_bytes().get(7) != Some(&b'-') {
        return None;
    }
    let text = spelled_out(text);
    let pieces = Pieces::parse(&text).ok()?;
    if pieces.time_zone_annotation().is_some() {
        return None;
    }
    let Some(time) = pieces.time() else {
        return (text.len() == "2026-03-04".len()).then_some(Instant::Date(pieces.date()));
    };
    let offset = match pieces.offset() {
        None => None,
        Some(PiecesOffset::Zulu) => Some(jiff::tz::Offset::UTC),
        Some(PiecesOffset::Numeric(numeric)) => Some(numeric.offset()),
        Some(_) => return None,
    };
    let datetime = DateTime::from_parts(pieces.date(), time);
    Some(Instant::DateTime(datetime, offset))
}

/// `2026-03-04 5:00 UTC` as `2026-03-04 05:00Z`.
fn spelled_out(text: &str) -> String {
    let text = text
        .strip_suffix(" UTC")
        .or_else(|| text.strip_suffix(" utc"))
        .map_or_else(|| text.to_owned(), |text| format!("{text}Z"));
    match text.split_once(' ') {
        Some((date, time)) if time.as_bytes().get(1) == Some(&b':') => format!("{date} 0{time}"),
        _ => text,
    }
}

fn date_error(text: &str, span: Span) -> Diagnostic {
    let error = Diagnostic::error(format!("`{}` is not a date", excerpt(text)), span)
        .with_help("`2026-03-04`, `2026-03-04T02:10`, `2026-03-04T02:10:30Z`, `2026-03-04T02:10+09:00`");
    match wrong_part(text) {
        Some(why) => error.with_label(why),
        None => error.with_label("not a calendar date or time"),
    }
}

/// Names the month or day that does not exist.
fn wrong_part(text: &str) -> Option<String> {
    if text.len() == "2026-03".len() && is_date(&format!("{text}-01")) {
        return Some(format!("add a day: `{text}-01`"));
    }
    let dashed = text.get(..10)?.replace(['/', '.'], "-");
    if !text.starts_with(&dashed) && is_date(&dashed) {
        return Some(format!("write `{dashed}`"));
    }
    let mut numbers = dashed.split('-').map(str::parse::<u16>);
    let year = numbers.next()?.ok()?;
    let month = numbers.next()?.ok()?;
    let day = numbers.next()?.ok()?;
    if !(1..=12).contains(&month) {
        return Some(format!("month {month} does not exist"));
    }
    let first = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
    let days = first.days_in_month();
    if !i8::try_from(day).is_ok_and(|day| (1..=days).contains(&day)) {
        return Some(format!("{year}-{month:02} has {days} days"));
    }
    Some("invalid time of day".to_owned())
}

/// Whether a text can be read as a date or datetime; used to recognize `2026-03-01..2026-03-08`.
pub fn is_date(text: &str) -> bool {
    looks_like_date(text) && parse_date(text).is_some()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::fmt::temporal::DateTimeParser;
    use jiff::tz::offset;

    use super::*;

    fn instant(text: &str) -> Instant {
        read_instant(text, 0..text.len()).unwrap_or_else(|e| panic!("{text}: {}", e.message))
    }

    #[test]
    fn durations_mix_units() {
        use Unit::*;
        for (text, parts) in [
            ("7d", vec![(7, Day)]),
            ("1h30m", vec![(1, Hour), (30, Minute)]),
            ("90min", vec![(90, Minute)]),
            ("1y2mo3w4d5h6m7s", vec![(1, Year), (2, Month), (3, Week), (4, Day), (5, Hour), (6, Minute), (7, Second)]),
            ("0s", vec![(0, Second)]),
            ("7 days", vec![(7, Day)]),
            ("2Weeks", vec![(2, Week)]),
            ("1 hour 30 minutes", vec![(1, Hour), (30, Minute)]),
            ("3 months", vec![(3, Month)]),
            ("5 mins", vec![(5, Minute)]),
        ] {
            assert_eq!(read_duration(text, 0..0).unwrap().parts, parts, "{text}");
        }
    }

    #[test]
    fn instants_are_words_durations_and_dates() {
        assert_eq!(instant("NOW"), Instant::Now);
        assert_eq!(instant("latest"), Instant::Latest);
        assert_eq!(instant("2026-03-04"), Instant::Date(date(2026, 3, 4)));
        let day = date(2026, 3, 4);
        assert_eq!(instant("2026-03-04T02:10"), Instant::DateTime(day.at(2, 10, 0, 0), None));
        assert_eq!(instant("2026-03-04 02:10"), Instant::DateTime(day.at(2, 10, 0, 0), None));
        let zulu = Some(offset(0));
        assert_eq!(instant("2026-03-04t02:10:05.25z"), Instant::DateTime(day.at(2, 10, 5, 250_000_000), zulu));
        let tokyo = Some(offset(9));
        assert_eq!(instant("2026-03-04T02:10+09:00"), Instant::DateTime(day.at(2, 10, 0, 0), tokyo));
    }

    #[test]
    fn times_as_people_say_them() {
        let ago = |amount, unit| Instant::Ago(Duration { parts: vec![(amount, unit)] });
        for (text, expected) in [
            ("7 days", ago(7, Unit::Day)),
            ("7 days ago", ago(7, Unit::Day)),
            ("last 24 hours", ago(24, Unit::Hour)),
            ("Last Hour", ago(1, Unit::Hour)),
            ("last week", Instant::Calendar { last: true, unit: CalendarUnit::Week }),
            ("This Month", Instant::Calendar { last: false, unit: CalendarUnit::Month }),
            ("Monday", Instant::Weekday(Weekday::Monday)),
            ("sun", Instant::Weekday(Weekday::Sunday)),
            ("2026-03-04 5:00", Instant::DateTime(date(2026, 3, 4).at(5, 0, 0, 0), None)),
            ("2026-03-04 05:00 UTC", Instant::DateTime(date(2026, 3, 4).at(5, 0, 0, 0), Some(offset(0)))),
        ] {
            assert_eq!(instant(text), expected, "{text}");
        }
    }

    #[test]
    fn offsets_are_read_as_the_reference_reads_them() {
        for text in ["2026-03-04T02:10Z", "2026-03-04T02:10-05:30", "2026-12-31T23:59:59.999+14:00"] {
            let Instant::DateTime(civil, Some(offset)) = instant(text) else { panic!("{text}") };
            let expected = DateTimeParser::new().parse_timestamp(text).unwrap();
            assert_eq!(offset.to_timestamp(civil).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn bad_input_says_what_is_wrong() {
        for (text, message, label) in [
            ("7x", "`x` is not a time unit", "not a duration"),
            ("3M", "`M` is not a time unit", "use `3mo` for months or `3m` for minutes"),
            ("1h30M", "`M` is not a time unit", "use `30mo` for months or `30m` for minutes"),
            ("7D", "`D` is not a time unit", "use `7d`"),
            ("7 dyas", "`dyas` is not a time unit", "did you mean `days`?"),
            ("7", "missing time unit in `7`", "such as `7d` or `7h`"),
            ("-7d", "unexpected sign in the duration `-7d`", "write `7d`: durations always count back"),
            ("2026-13-01", "`2026-13-01` is not a date", "month 13 does not exist"),
            ("2026-02-30", "`2026-02-30` is not a date", "2026-02 has 28 days"),
            ("2026-03-04T25:00", "`2026-03-04T25:00` is not a date", "invalid time of day"),
            ("2026/03/04", "`2026/03/04` is not a date", "write `2026-03-04`"),
            ("2026.13.04", "`2026.13.04` is not a date", "month 13 does not exist"),
            ("03/04/2026", "unexpected `03/04/2026`: expected a point in time", "write a date as `2026-03-04`"),
            ("march", "unexpected `march`: expected a point in time", "write it with its year, such as `2026-03-01`"),
            ("05:00", "unexpected `05:00`: expected a point in time", "add a date: `2026-03-04 05:00`"),
            ("2026-03", "`2026-03` is not a date", "add a day: `2026-03-01`"),
            ("20260304", "unexpected `20260304`: expected a point in time", "write `2026-03-04`"),
            ("1772597400", "unexpected `1772597400`: expected a point in time", "write `2026-03-04T04:10:00Z`"),
            ("last day", "`last day` is not a point in time", "write `1d` for 24 hours, or `yesterday`"),
            (
                "last monday",
                "`last monday` is not a point in time",
                "`monday` is the newest one; for an earlier one, write its date",
            ),
            ("last quarter", "`last quarter` is not a point in time", "`last` takes `week`, `month` or `year`"),
            ("this morning", "`this morning` is not a point in time", "`this` takes `week`, `month` or `year`"),
            ("todya", "unexpected `todya`: expected a point in time", "did you mean `today`?"),
            ("now-2d", "unexpected `now-2d`: expected a point in time", "write `2d`: durations always count back"),
            ("PT1H30M", "unexpected `PT1H30M`: expected a point in time", "write `1h30m`: durations always count back"),
            ("P1M", "unexpected `P1M`: expected a point in time", "write `1mo`: durations always count back"),
            ("14:00", "unexpected `14:00`: expected a point in time", "add a date: `2026-03-04 14:00`"),
            ("5:30pm", "unexpected `5:30pm`: expected a point in time", "add a date: `2026-03-04 17:30`"),
            ("12am", "unexpected `12am`: expected a point in time", "add a date: `2026-03-04 00:00`"),
            ("Mar 4", "unexpected `Mar 4`: expected a point in time", "write it with its year, such as `2026-03-04`"),
            ("may", "unexpected `may`: expected a point in time", "write it with its year, such as `2026-05-01`"),
            ("4 March 2025", "unexpected `4 March 2025`: expected a point in time", "write `2025-03-04`"),
            ("04-Mar-2025", "unexpected `04-Mar-2025`: expected a point in time", "write `2025-03-04`"),
            (
                "Wed, 05 Mar 2025 05:00:00 GMT",
                "unexpected `Wed, 05 Mar 2025 05:00:00 GMT`: expected a point in time",
                "write `2025-03-05 05:00Z`",
            ),
            ("Feb 30th 2026", "unexpected `Feb 30th 2026`: expected a point in time", "write a date as `2026-03-04`"),
            ("03/04/2026", "unexpected `03/04/2026`: expected a point in time", "write a date as `2026-03-04`"),
            ("99999999999d", "the duration `99999999999d` is too large", "at most 9 digits"),
            ("7d!", "unexpected `7d!`: expected a duration", "not a duration"),
        ] {
            let error = read_instant(text, 0..text.len()).unwrap_err();
            assert_eq!(error.message, message, "{text}");
            assert_eq!(error.label.as_deref(), Some(label), "{text}");
        }
    }

    #[test]
    fn a_date_in_another_spelling_has_several_words() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (text, count) in [
            ("Mar 4", 2),
            ("4 March 2026 05:00 by", 4),
            ("march", 1),
            ("05-Mar-2026 reason", 1),
            ("7 days", 0),
            ("monday", 0),
            ("5am", 0),
        ] {
            assert_eq!(other_date_words(&words(text)), count, "{text}");
        }
    }
}
