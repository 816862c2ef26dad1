//! Reads the times of all exports: the one place that knows how a time may be written.
//!
//! In: a text or a number. Out: microseconds since 1970 UTC. A time without a zone is in UTC, as Athena, CloudTrail Lake and pandas
//! write it. Invariant: a date alone is not a time.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The forms that are read, for an error message.
pub const EXPECTED: &str =
    "a time such as 2026-03-04T02:10:00Z, or seconds, milliseconds, microseconds or nanoseconds since 1970";

/// The longest text that can be a time.
const LONGEST: usize = 60;

/// The fewest digits of a number with an exponent: with less, spreadsheets have rounded it.
const EXACT: usize = 10;

/// Reads a text: ISO 8601 in its variants (a blank for the `T`, any number of fractional digits, an offset without a colon or without
/// minutes, no zone), compact `20131102T010628Z`, the SDK format `Jul 19, 2023 9:25:09 PM`, RFC 2822, `7/19/2023, 9:25:09.000 PM` of
/// Azure, `/Date(1774059160000)/` of PowerShell, and a number as of [`of_number`].
pub fn of_text(text: &str) -> Option<i64> {
    if let Some(micros) = utc_seconds(text.as_bytes()) {
        return Some(micros);
    }
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_microsecond());
    }
    if text.len() > LONGEST || !text.is_ascii() {
        return None;
    }
    iso(text).or_else(|| number(text)).or_else(|| of_milliseconds(text)).or_else(|| of_people(text))
}

/// Reads a number of seconds since 1970, or of milliseconds, microseconds or nanoseconds: what each of them can be does not overlap
/// from 1973 to 5138.
pub fn of_number(number: f64) -> Option<i64> {
    let size = number.abs();
    let micros = if size < 1e11 {
        number * 1e6
    } else if size < 1e14 {
        number * 1e3
    } else if size < 1e17 {
        number
    } else {
        number / 1e3
    };
    // Float casts saturate.
    micros.is_finite().then_some(micros.round() as i64)
}

/// The same for an integer, which a float may not hold exactly.
pub fn of_integer(number: i64) -> i64 {
    match number.unsigned_abs() {
        ..100_000_000_000 => number * 1_000_000,
        100_000_000_000..100_000_000_000_000 => number * 1_000,
        100_000_000_000_000..100_000_000_000_000_000 => number,
        _ => number / 1_000,
    }
}

/// Fast path for `2023-07-19T21:17:28Z`, the format of nearly every record.
fn utc_seconds(text: &[u8]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', o1, o2, b'-', d1, d2, b'T', h1, h2, b':', m1, m2, b':', s1, s2, b'Z'] = text else {
        return None;
    };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    let pair = |high: &u8, low: &u8| Some(digit(high)? * 10 + digit(low)?);
    let (year, month, day) = (pair(y1, y2)? * 100 + pair(y3, y4)?, pair(o1, o2)?, pair(d1, d2)?);
    let (hour, minute, second) = (pair(h1, h2)?, pair(m1, m2)?, pair(s1, s2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    if year < 1 || day < 1 || day > days_in_month || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days since 1970 in the civil calendar, with years that start in March.
    let (march_year, march_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let days = march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400 + day_of_year - 719_468;
    Some((days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000)
}

/// ISO 8601 with a date and a time.
fn iso(text: &str) -> Option<i64> {
    let mut rest = Rest(text);
    let year = rest.digits(4)?;
    let separator = rest.one_of(b"-/");
    let month = rest.digits(2)?;
    let separated = |rest: &mut Rest<'_>| separator.is_none_or(|separator| rest.one_of(&[separator]).is_some()).then_some(());
    separated(&mut rest)?;
    let day = rest.digits(2)?;
    let is_comma = rest.one_of(b"Tt ,")? == b',';
    if is_comma {
        rest.one_of(b" ")?;
    }
    let hour = rest.digits(2)?;
    let colon = rest.one_of(b":");
    // Four digits before a zone may be anything, so compact times have the seconds.
    let minute = rest.digits(2)?;
    let has_seconds = colon.is_none() || rest.one_of(b":").is_some();
    let second = if has_seconds { rest.digits(2)? } else { 0 };
    let fraction = if has_seconds && rest.one_of(b".,").is_some() { rest.fraction()? } else { 0 };
    let offset = rest.zone()?;
    let date = jiff::civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    // A leap second is the last one of its minute.
    let second = if second == 60 { 59 } else { second };
    let at = |part: i16| i8::try_from(part).ok();
    let time = jiff::civil::Time::new(at(hour)?, at(minute)?, at(second)?, 0).ok()?;
    let utc = utc(date.to_datetime(time))?;
    Some(utc + fraction - offset * 1_000_000)
}

/// What is left of a text.
struct Rest<'t>(&'t str);

impl Rest<'_> {
    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let first = self.0.bytes().next().filter(|byte| bytes.contains(byte))?;
        self.0 = self.0.get(1..)?;
        Some(first)
    }

    fn digits(&mut self, count: usize) -> Option<i16> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()?;
        self.0 = rest;
        Some(number)
    }

    /// A fraction of a second in microseconds, of any number of digits.
    fn fraction(&mut self) -> Option<i64> {
        let count = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at_checked(count).filter(|(digits, _)| !digits.is_empty())?;
        self.0 = rest;
        let micros = digits.bytes().chain(std::iter::repeat(b'0')).take(6);
        Some(micros.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0')))
    }

    /// The rest as a zone: its offset in seconds.
    fn zone(&mut self) -> Option<i64> {
        let zone = self.0.trim_start();
        if ["", "Z", "z", "UTC", "GMT"].contains(&zone) {
            return Some(0);
        }
        let mut rest = Rest(zone);
        let sign = if rest.one_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = rest.digits(2)?;
        rest.one_of(b":");
        let minutes = if rest.0.is_empty() { 0 } else { rest.digits(2)? };
        // `+0000 UTC`, as Go prints it.
        let is_offset = matches!(rest.0, "" | " UTC" | " GMT") && hours <= 18 && minutes < 60;
        is_offset.then(|| sign * (i64::from(hours) * 3_600 + i64::from(minutes) * 60))
    }
}

/// A number that is written as text.
fn number(text: &str) -> Option<i64> {
    if let Ok(whole) = text.parse() {
        return Some(of_integer(whole));
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E'));
    let is_exact = mantissa.len() == text.len() || mantissa.bytes().filter(u8::is_ascii_digit).count() >= EXACT;
    of_number(text.parse().ok().filter(|_| is_number && is_exact)?)
}

/// `/Date(1774059160000)/`; a zone may follow the number, which is in UTC anyway.
fn of_milliseconds(text: &str) -> Option<i64> {
    let millis = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/"))?;
    let digits = millis.split_at_checked(1).map_or(millis.len(), |(_, rest)| 1 + rest.find(['+', '-']).unwrap_or(rest.len()));
    millis.get(..digits)?.parse::<i64>().ok()?.checked_mul(1000)
}

/// Forms with the name of a month, or with the half of the day.
fn of_people(text: &str) -> Option<i64> {
    let civil = |format: &str| DateTime::strptime(format, text).ok();
    let local = civil("%b %d, %Y %I:%M:%S %p")
        .or_else(|| civil("%m/%d/%Y, %I:%M:%S%.f %p"))
        .or_else(|| civil("%a, %d %b %Y %H:%M:%S GMT"));
    match local {
        Some(local) => utc(local),
        None => jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok().map(|time| time.as_microsecond()),
    }
}

fn utc(local: DateTime) -> Option<i64> {
    local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn every_form_of_one_time() {
        let want = micros("2023-07-19T21:25:09Z");
        for text in [
            "2023-07-19T21:25:09Z",
            "2023-07-19T21:25:09.000Z",
            "2023-07-19t21:25:09z",
            "2023-07-19 21:25:09",
            "2023-07-19T21:25:09",
            "2023/07/19 21:25:09",
            "2023-07-19, 21:25:09",
            "2023-07-19 21:25:09 UTC",
            "2023-07-19 21:25:09.000000 UTC",
            "2023-07-19 21:25:09 +0000 UTC",
            "2023-07-19T14:25:09-07:00",
            "2023-07-19T14:25:09-0700",
            "2023-07-19T14:25:09-07",
            "2023-07-19 14:25:09 -0700",
            "2023-07-19 23:25:09.000000+02:00",
            "2023-07-20T03:10:09+0545",
            "2023-07-19T21:25:09,000Z",
            "2023-07-19T21:25:09.000000000000Z",
            "20230719T212509Z",
            "20230719T212509",
            "20230719T232509+0200",
            " 2023-07-19T21:25:09Z ",
            "Jul 19, 2023 9:25:09 PM",
            "7/19/2023, 9:25:09.000 PM",
            "Wed, 19 Jul 2023 21:25:09 GMT",
            "Wed, 19 Jul 2023 21:25:09 +0000",
            "Wed, 19 Jul 2023 23:25:09 +0200",
            "/Date(1689801909000)/",
            "/Date(1689801909000+0200)/",
            "1689801909",
            "1689801909.0",
            "1689801909000",
            "1689801909000.0",
            "1689801909000000",
            "1689801909000000000",
            "1.689801909e9",
            "1.689801909E+12",
        ] {
            assert_eq!(of_text(text), Some(want), "{text}");
        }
        assert_eq!(of_text("2023-07-19T21:25Z"), Some(micros("2023-07-19T21:25:00Z")));
        assert_eq!(of_text("2016-12-31T23:59:60Z"), Some(micros("2016-12-31T23:59:59Z")));
    }

    #[test]
    fn fractions_of_any_length() {
        for (text, want) in [
            ("2025-06-02 01:06:14.9", 900_000),
            ("2025-06-02T01:06:14.98Z", 980_000),
            ("2025-06-02 01:06:14.123456+0000", 123_456),
            ("2025-06-02 01:06:14.1234567", 123_456),
            ("2025-06-02T01:06:14.123456789012Z", 123_456),
            ("1748826374.5", 500_000),
            ("1748826374123", 123_000),
            ("1748826374123456", 123_456),
            ("1748826374123456789", 123_456),
        ] {
            assert_eq!(of_text(text).map(|time| time % 1_000_000), Some(want), "{text}");
        }
    }

    #[test]
    fn numbers_of_any_unit() {
        let want = micros("2023-07-19T21:25:09Z");
        for number in [1_689_801_909, 1_689_801_909_000, 1_689_801_909_000_000, 1_689_801_909_000_000_000] {
            assert_eq!(of_integer(number), want, "{number}");
            assert_eq!(of_number(number as f64), Some(want), "{number}");
        }
        assert_eq!(of_number(1_689_801_909.25), Some(want + 250_000));
        assert_eq!(of_integer(-62_135_596_800), micros("0001-01-01T00:00:00Z"));
        assert_eq!((of_integer(i64::MIN), of_number(f64::NAN)), (i64::MIN / 1_000, None));
    }

    #[test]
    fn what_is_not_a_time() {
        for text in [
            "redacted",
            "",
            "-",
            "2023-07-19",
            "2023-13-19T21:25:09Z",
            "2023-02-30T21:25:09Z",
            "2023-07-19T25:25:09Z",
            "2023-07-19T21:25:09.Z",
            "2023-07-19T21:25:09+99:00",
            "2023-07-19T21:25:09 CEST",
            "2023-07/19T21:25:09Z",
            "19.7.2023 21:25:09",
            "19/07/2023 21:25",
            "1.6898E+12",
            "infinity",
            "NaT",
        ] {
            assert_eq!(of_text(text), None, "{text}");
        }
    }

    #[test]
    fn the_fast_path_agrees_with_jiff() {
        for days in (0..60_000).step_by(17) {
            let time = Timestamp::from_second(days * 86_400 + days % 86_400).unwrap();
            let text = time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            assert_eq!(utc_seconds(text.as_bytes()), Some(time.as_microsecond()), "{text}");
        }
    }
}
