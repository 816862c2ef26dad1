//! Time zones by name: `UTC`, `Asia/Tokyo`, `+02:00`.
//!
//! Invariant: `read(name(zone))` is the zone, for every zone that [`read`] returns.

use jiff::tz::{Offset, TimeZone};

/// The zone with this IANA name or this offset from UTC; none if there is no such zone.
pub fn read(name: &str) -> Option<TimeZone> {
    if let Some(offset) = read_offset(name) {
        return Some(if offset.is_zero() { TimeZone::UTC } else { TimeZone::fixed(offset) });
    }
    if name.eq_ignore_ascii_case("z") {
        return Some(TimeZone::UTC);
    }
    TimeZone::get(name).ok()
}

/// The name of a zone, as [`read`] accepts it.
pub fn name(zone: &TimeZone) -> String {
    if let Some(name) = zone.iana_name() {
        return name.to_owned();
    }
    match zone.to_fixed_offset() {
        Ok(offset) => offset_name(offset),
        Err(_) => "local time".to_owned(),
    }
}

/// `+02:00`, `+0200`, `+2`, with or without `UTC` before it.
fn read_offset(text: &str) -> Option<Offset> {
    let text = text.strip_prefix("UTC").unwrap_or(text);
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-" | "\u{2212}", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some(parts) => parts,
        None if rest.len() == 4 => rest.split_at_checked(2)?,
        None => (rest, "00"),
    };
    let digits = |text: &str, most: usize| {
        let fits = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| text.parse::<i32>().ok()).flatten()
    };
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2).filter(|minutes| *minutes < 60)?);
    // No place is further from UTC than 14 hours.
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok().filter(|_| hours <= 14)
}

fn offset_name(offset: Offset) -> String {
    let seconds = offset.seconds().unsigned_abs();
    let sign = if offset.is_negative() { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_offsets_are_read() {
        for (text, expected) in [
            ("UTC", "UTC"),
            ("z", "UTC"),
            ("+00:00", "UTC"),
            ("Asia/Tokyo", "Asia/Tokyo"),
            ("+02:00", "+02:00"),
            ("+0530", "+05:30"),
            ("-3", "-03:00"),
            ("-9:30", "-09:30"),
            ("UTC+2", "+02:00"),
        ] {
            let zone = read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(name(&zone), expected, "{text}");
            assert_eq!(read(&name(&zone)), Some(zone), "{text}");
        }
        for text in ["", "+", "+25", "+02:60", "2", "+2:", "+020", "Moon/Base", "\u{2212}"] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
