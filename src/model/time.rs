//! Parses export timestamps to microseconds since 1970 UTC.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::decode::json::Value;
use std::borrow::Cow;
use std::ops::Range;

/// Valid record times: from 2006, when AWS launched (<https://aws.amazon.com/blogs/aws/amazon_s3/>), until 2100.
/// Programs write the zero value of their language, such as the year 1 or 1970, for a missing time.
const PLAUSIBLE: Range<i64> = 1_136_073_600_000_000..4_102_444_800_000_000;

/// The time, if it is valid for a record.
pub fn plausible(micros: i64) -> Option<i64> {
    PLAUSIBLE.contains(&micros).then_some(micros)
}

/// Whether a text is a well-formed time outside the valid range.
pub fn is_implausible(text: &str) -> bool {
    let micros = read_time(text).or_else(|| of_number(text.trim().parse().ok()?));
    micros.is_some_and(|micros| plausible(micros).is_none())
}

/// The value of a time field, for an error message.
pub fn shown_at<'a>(value: Value<'a>, key: &str) -> Option<Cow<'a, str>> {
    let found = value.get(key)?;
    found.text().map(Cow::Borrowed).or_else(|| found.float().map(|number| Cow::Owned(number.to_string())))
}

/// Parses a valid time: RFC 3339 with any offset and 0 to 9 fractional digits, the SDK format `Jul 19, 2023 9:25:09
/// PM` (UTC), compact `20131102T010628Z`, `2026-03-04 02:10:00` (UTC, also with ` UTC` as Ruby writes it), RFC 1123,
/// `7/19/2023, 9:25:09.000 PM` of Azure (UTC), `/Date(1774059160000)/` of PowerShell.
pub fn parse_time(text: &str) -> Option<i64> {
    read_time(text).and_then(plausible)
}

fn read_time(text: &str) -> Option<i64> {
    if let Some(micros) = parse_utc_seconds(text.as_bytes()) {
        return Some(micros);
    }
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_microsecond());
    }
    if text.len() > 60 || !text.is_ascii() {
        return None;
    }
    if let Some(millis) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        // A zone may follow the number, which is in UTC anyway.
        let digits = millis.split_at_checked(1).map_or(millis.len(), |(_, rest)| 1 + rest.find(['+', '-']).unwrap_or(rest.len()));
        return millis.get(..digits)?.parse::<i64>().ok()?.checked_mul(1000);
    }
    let civil = |format: &str, text: &str| DateTime::strptime(format, text).ok();
    let local = civil("%b %d, %Y %I:%M:%S %p", text)
        .or_else(|| civil("%Y%m%dT%H%M%SZ", text))
        .or_else(|| civil("%Y-%m-%d %H:%M:%S%.f", text.strip_suffix(" UTC").unwrap_or(text)))
        .or_else(|| civil("%Y-%m-%dT%H:%M:%S%.f", text))
        .or_else(|| civil("%Y-%m-%d, %H:%M:%S", text))
        .or_else(|| civil("%m/%d/%Y, %I:%M:%S%.f %p", text))
        .or_else(|| civil("%a, %d %b %Y %H:%M:%S GMT", text));
    if let Some(local) = local {
        return local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_microsecond());
    }
    // `2021-11-18T09:41:02.123000-0800` and `2021-11-18 09:41:02.123000+00:00`, as written by Python and older SDKs.
    jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", text)
        .or_else(|_| jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S%.f%:z", text))
        .and_then(|parsed| parsed.to_timestamp())
        .ok()
        .map(|time| time.as_microsecond())
}

/// Parses a valid time from a JSON value: a string as above, or a number of seconds or milliseconds since 1970.
pub fn time_of(value: Value<'_>) -> Option<i64> {
    match value.text() {
        Some(text) => parse_time(text),
        None => value.float().and_then(of_number).and_then(plausible),
    }
}

/// The time of a number of seconds or milliseconds since 1970.
fn of_number(number: f64) -> Option<i64> {
    // Seconds until the year 5138, milliseconds from 1973 on: the ranges do not overlap.
    let seconds = if number.abs() >= 1e11 { number / 1e3 } else { number };
    let micros = (seconds * 1e6).round();
    // Float casts saturate.
    micros.is_finite().then_some(micros as i64)
}

/// The time under a key.
pub fn time_at(value: Value<'_>, key: &str) -> Option<i64> {
    value.get(key).and_then(time_of)
}

/// Fast path for `2023-07-19T21:17:28Z`, the format of nearly every record.
fn parse_utc_seconds(text: &[u8]) -> Option<i64> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_seen_in_exports() {
        let want = "2023-07-19T21:25:09Z".parse::<Timestamp>().unwrap().as_microsecond();
        for text in [
            "2023-07-19T21:25:09Z",
            "2023-07-19T21:25:09.000Z",
            "Jul 19, 2023 9:25:09 PM",
            "20230719T212509Z",
            "2023-07-19T14:25:09-07:00",
            "2023-07-19 21:25:09",
            "2023-07-19 21:25:09 UTC",
            "7/19/2023, 9:25:09.000 PM",
            "Wed, 19 Jul 2023 21:25:09 GMT",
            "2023-07-19T21:25:09+0000",
            "/Date(1689801909000)/",
            "/Date(1689801909000+0200)/",
        ] {
            assert_eq!(parse_time(text), Some(want), "{text}");
        }
        for text in ["redacted", "", "2023-13-19T21:25:09Z", "2023-02-30T21:25:09Z", "19.7.2023"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
        assert_eq!(parse_time("2025-06-02T01:06:14.98Z").map(|time| time % 1_000_000), Some(980_000));
    }

    #[test]
    fn what_programs_write_where_they_have_no_time_is_none() {
        for text in [
            "0001-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "Jan 1, 1970 12:00:00 AM",
            "2005-12-31T23:59:59Z",
            "2100-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "0",
            "-62135596800",
            "/Date(-62135596800000)/",
            "1e300",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
            assert!(is_implausible(text), "{text}");
        }
        for text in ["2006-01-01T00:00:00Z", "2099-12-31T23:59:59.999999Z", "1772600000", "1772600000000", "redacted", ""] {
            assert!(!is_implausible(text), "{text}");
        }
    }

    #[test]
    fn the_fast_path_agrees_with_jiff() {
        for days in (0..60_000).step_by(17) {
            let time = Timestamp::from_second(days * 86_400 + days % 86_400).unwrap();
            let text = time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            assert_eq!(parse_utc_seconds(text.as_bytes()), Some(time.as_microsecond()), "{text}");
        }
    }
}
