//! Quoting of untrusted names in SQL, and formatting of durations.

use super::chain::length;
use super::records;

#[test]
fn names_cannot_leave_their_quotes() {
    assert_eq!(records::text("x' or '1'='1"), "'x'' or ''1''=''1'");
    assert_eq!(records::equals("task", None), "false");
    assert_eq!(records::like_it("cluster", None), "true");
}

#[test]
fn durations_are_formatted() {
    for (seconds, words) in [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3_660, "1 h 1 min"), (90_000, "1 d 1 h")] {
        assert_eq!(length(seconds), words);
    }
}
