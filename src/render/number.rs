//! Formats numbers: rounded for people, with all significant digits for machines.

/// The decimal digits that every `f64` keeps; sums in a different order differ beyond them.
pub(super) const DIGITS: usize = 15;

/// The value without the noise of binary fractions: `0.1 + 0.2` is `0.3`.
pub(super) fn settled(value: f64) -> f64 {
    significant(value, DIGITS)
}

/// All significant digits; very large and very small values use scientific notation.
pub(super) fn exact(value: f64) -> String {
    let value = settled(value);
    if value.is_nan() {
        return "NaN".to_owned();
    }
    let size = value.abs();
    if value.is_finite() && size != 0.0 && !(1e-7..1e16).contains(&size) { format!("{value:e}") } else { value.to_string() }
}

/// A few significant digits: `1234.5`, `12.35`, `0.0123`.
pub(super) fn rounded(value: f64) -> String {
    let size = value.abs();
    let value = if size >= 100.0 {
        places(value, 1)
    } else if size >= 1.0 {
        places(value, 2)
    } else {
        significant(value, 3)
    };
    exact(value)
}

/// A fraction as percent, always with one decimal so that columns align.
pub(super) fn percent(share: f64) -> String {
    let value = share * 100.0;
    if !value.is_finite() || value.abs() >= 1e9 {
        return format!("{}%", rounded(value));
    }
    if value > 0.0 && value < 0.05 {
        return "<0.1%".to_owned();
    }
    format!("{:.1}%", places(value, 1))
}

/// A number with thousands separators.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration with its two largest units, `2m 15s`, `1d 4h`, `340ms`: the units of the query language.
///
/// The only format of durations for people: tables, charts, checks, explanations and pages use it.
pub fn describe_duration(seconds: f64) -> String {
    let size = seconds.abs();
    // Beyond this, a float cannot represent single seconds.
    if !size.is_finite() || size >= 1e15 {
        return format!("{}s", exact(seconds));
    }
    let text = if size < 0.9995 && size > 0.0 {
        format!("{}ms", milliseconds(size * 1000.0))
    } else if size < 59.95 {
        format!("{}s", exact(places(size, 1)))
    } else {
        long_span(size.round() as u64)
    };
    if seconds < 0.0 { format!("-{text}") } else { text }
}

fn milliseconds(value: f64) -> String {
    if value >= 10.0 { exact(places(value, 0)) } else { exact(significant(value, 2)) }
}

fn long_span(seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;

    // Rounded to the smaller unit first, so that 23h 59m 50s becomes `1d` and never `23h 60m`.
    let seconds = if seconds >= DAY {
        nearest(seconds, HOUR)
    } else if seconds >= HOUR {
        nearest(seconds, MINUTE)
    } else {
        seconds
    };
    let (large, small) = if seconds >= DAY {
        ((seconds / DAY, "d"), (seconds % DAY / HOUR, "h"))
    } else if seconds >= HOUR {
        ((seconds / HOUR, "h"), (seconds % HOUR / MINUTE, "m"))
    } else {
        ((seconds / MINUTE, "m"), (seconds % MINUTE, "s"))
    };
    if small.0 == 0 { format!("{}{}", large.0, large.1) } else { format!("{}{} {}{}", large.0, large.1, small.0, small.1) }
}

fn nearest(value: u64, step: u64) -> u64 {
    (value + step / 2) / step * step
}

fn places(value: f64, places: usize) -> f64 {
    parsed(format!("{value:.places$}"), value)
}

fn significant(value: f64, digits: usize) -> f64 {
    let places = digits.saturating_sub(1);
    parsed(format!("{value:.places$e}"), value)
}

/// Rounds through text, because only this matches the printed digits.
fn parsed(text: String, value: f64) -> f64 {
    // `+ 0.0` turns a negative zero into a positive one.
    text.parse().unwrap_or(value) + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1204, "1,204"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn exact_keeps_fifteen_digits() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (0.1 + 0.2, "0.3"),
            (1_234_567.891, "1234567.891"),
            (135.0, "135"),
            (1e300, "1e300"),
            (-2.5e-9, "-2.5e-9"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, text) in cases {
            assert_eq!(exact(value), text);
        }
    }

    #[test]
    fn rounded_is_short() {
        let cases = [
            (1234.5678, "1234.6"),
            (12.3456, "12.35"),
            (0.012_345, "0.0123"),
            (3.0, "3"),
            (-0.000_4, "-0.0004"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ];
        for (value, text) in cases {
            assert_eq!(rounded(value), text);
        }
    }

    #[test]
    fn percent_lines_up() {
        let cases = [
            (0.125, "12.5%"),
            (1.0, "100.0%"),
            (0.0, "0.0%"),
            (-0.0, "0.0%"),
            (0.000_1, "<0.1%"),
            (f64::NAN, "NaN%"),
            (1e300, "1e302%"),
        ];
        for (value, text) in cases {
            assert_eq!(percent(value), text);
        }
    }

    #[test]
    fn spans_read_as_people_say_them() {
        let cases = [
            (0.0, "0s"),
            (0.000_34, "0.34ms"),
            (0.34, "340ms"),
            (0.999_9, "1s"),
            (1.5, "1.5s"),
            (59.96, "1m"),
            (135.0, "2m 15s"),
            (-135.0, "-2m 15s"),
            (3600.0, "1h"),
            (3725.0, "1h 2m"),
            (86_399.0, "1d"),
            (100_800.0, "1d 4h"),
            (1e300, "1e300s"),
            (f64::NAN, "NaNs"),
        ];
        for (seconds, text) in cases {
            assert_eq!(describe_duration(seconds), text);
        }
    }
}
