//! Formats times and windows in a time zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::answer::AnswerWindow;

/// A time as RFC 3339: `2026-03-04T10:14:07Z`, or with the offset of the time zone at that time.
///
/// Fractions of a second are shown only as far as needed.
pub fn describe_instant(instant: Timestamp, tz: &TimeZone) -> String {
    if is_utc(tz) { instant.to_string() } else { instant.display_with_offset(tz.to_offset(instant)).to_string() }
}

/// A window with its origin: `2026-02-25T10:14:07Z … last record (7d before newest event)`.
pub fn describe_window(window: &AnswerWindow, tz: &TimeZone) -> String {
    let end =
        |instant: Option<Timestamp>, open: &str| instant.map_or_else(|| open.to_owned(), |instant| describe_instant(instant, tz));
    let from = end(window.from, "first record");
    let to = end(window.to, "last record");
    if window.origin.is_empty() { format!("{from} … {to}") } else { format!("{from} … {to} ({})", window.origin) }
}

fn is_utc(tz: &TimeZone) -> bool {
    *tz == TimeZone::UTC || matches!(tz.iana_name(), Some("UTC" | "Etc/UTC" | "Zulu" | "Etc/Zulu"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_zone_shows() {
        let noon = instant("2026-03-04T12:00:00Z");
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let utc = TimeZone::get("Etc/UTC").unwrap();
        assert_eq!(describe_instant(noon, &TimeZone::UTC), "2026-03-04T12:00:00Z");
        assert_eq!(describe_instant(noon, &utc), "2026-03-04T12:00:00Z");
        assert_eq!(describe_instant(noon, &tokyo), "2026-03-04T21:00:00+09:00");
    }

    #[test]
    fn the_offset_follows_the_season() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let winter = describe_instant(instant("2026-01-01T00:00:00Z"), &berlin);
        let summer = describe_instant(instant("2026-07-01T00:00:00Z"), &berlin);
        assert!(winter.ends_with("+01:00"), "{winter}");
        assert!(summer.ends_with("+02:00"), "{summer}");
    }

    #[test]
    fn fractions_have_no_trailing_zeros() {
        let text = describe_instant(instant("2026-03-04T12:00:00.250Z"), &TimeZone::UTC);
        assert_eq!(text, "2026-03-04T12:00:00.25Z");
    }

    #[test]
    fn an_open_end_is_said_in_words() {
        let window =
            AnswerWindow { from: Some(instant("2026-02-25T10:14:07Z")), to: None, origin: "7d before newest event".into() };
        assert_eq!(describe_window(&window, &TimeZone::UTC), "2026-02-25T10:14:07Z … last record (7d before newest event)");
        assert_eq!(describe_window(&AnswerWindow::default(), &TimeZone::UTC), "first record … last record");
    }
}
