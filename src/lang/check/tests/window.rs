//! Time clauses are resolved to absolute windows.

use super::*;

#[test]
fn windows_are_absolute_and_half_open() {
    let berlin = "Europe/Berlin";
    for (clause, zone, from, to, origin) in [
        ("", "UTC", "", "", "all events in the store"),
        ("since 7d", "UTC", "2026-03-22T10:14:07Z", "", "7d before newest event"),
        // Seven days are 168 hours, even across a daylight saving change.
        ("since 7d", berlin, "2026-03-22T10:14:07Z", "", "7d before newest event"),
        ("since 1h30m", "UTC", "2026-03-29T08:44:07Z", "", "1h30m before newest event"),
        ("since 1mo", "UTC", "2026-02-28T10:14:07Z", "", "1mo before newest event"),
        ("until 1d", "UTC", "", "2026-03-28T10:14:07Z", "until 1d before newest event"),
        ("since today", berlin, "2026-03-28T23:00:00Z", "", "since the day of newest event"),
        // A day of 23 hours.
        ("on today", berlin, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", "the day 2026-03-29 in Europe/Berlin"),
        ("on yesterday", "UTC", "2026-03-28T00:00:00Z", "2026-03-29T00:00:00Z", "the day 2026-03-28 in UTC"),
        // 2026-03-29 is a Sunday.
        ("since sunday", "UTC", "2026-03-29T00:00:00Z", "", "since sunday before newest event"),
        ("on monday", "UTC", "2026-03-23T00:00:00Z", "2026-03-24T00:00:00Z", "the day 2026-03-23 in UTC"),
        ("since this week", "UTC", "2026-03-23T00:00:00Z", "", "since the week of newest event"),
        ("since last week", "UTC", "2026-03-16T00:00:00Z", "", "since the week before that of newest event"),
        ("on last week", "UTC", "2026-03-16T00:00:00Z", "2026-03-23T00:00:00Z", "the week 2026-03-16 to 2026-03-22 in UTC"),
        (
            "on last month",
            berlin,
            "2026-01-31T23:00:00Z",
            "2026-02-28T23:00:00Z",
            "the month 2026-02-01 to 2026-02-28 in Europe/Berlin",
        ),
        ("since last year", "UTC", "2025-01-01T00:00:00Z", "", "since the year before that of newest event"),
        ("since 2026-03-04T02:10", "Asia/Tokyo", "2026-03-03T17:10:00Z", "", "since 2026-03-04T02:10"),
        ("since 2026-03-04T02:10+01:00", "Asia/Tokyo", "2026-03-04T01:10:00Z", "", "since 2026-03-04T02:10+01:00"),
        (
            "between 2026-03-01 and 2026-03-08",
            "UTC",
            "2026-03-01T00:00:00Z",
            "2026-03-08T00:00:00Z",
            "between 2026-03-01 and 2026-03-08",
        ),
        ("around latest", "UTC", "2026-03-29T09:14:07Z", "2026-03-29T11:14:07Z", "1h on both sides of newest event"),
        ("around latest within 15m", "UTC", "2026-03-29T09:59:07Z", "2026-03-29T10:29:07Z", "15m on both sides of newest event"),
    ] {
        let window = outcome(&format!("failures {clause}"), zone).unwrap().window;
        let text = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        assert_eq!((text(window.from), text(window.to)), (from.into(), to.into()), "{clause} {zone}");
        assert_eq!(window.origin, origin, "{clause}");
    }
}

#[test]
fn another_anchor_is_named() {
    let mut context = context("UTC");
    context.anchor = "2026-03-01T00:00:00Z".parse().unwrap();
    let window = check(&parse("failures since 1d").unwrap(), &Small, &context).unwrap().window;
    assert_eq!(window.origin, "1d before 2026-03-01T00:00:00Z");
}

#[test]
fn windows_that_hold_nothing_are_errors() {
    for (clause, message) in [
        ("since now", "no data in this window"),
        ("until 2020-01-01", "no data in this window"),
        ("between 1d and 2d", "the window ends before it starts"),
        ("since latest until latest", "the window is empty"),
        ("since 999999999y", "time out of range"),
    ] {
        assert_eq!(messages(&format!("failures {clause}")), [message], "{clause}");
    }
}
