//! Colors for the outcome of things: failed in red, doubtful in yellow, good in green, missing faint.
//!
//! Colors repeat what the text says, so a table without them loses nothing.

use tabled::settings::Color;

use super::MISSING;

/// Columns whose words are an outcome.
const OUTCOMES: [&str; 13] = [
    "action",
    "agent_update_status",
    "connectivity",
    "event_type",
    "health_status",
    "last_status",
    "outcome",
    "result",
    "run_status",
    "severity",
    "state",
    "status",
    "to_status",
];
/// Columns with an exit status: everything but zero is a failure.
const EXITS: [&str; 2] = ["exit_code", "exit_status"];
const BAD: [&str; 10] =
    ["error", "failed", "failure", "lost", "missed", "reject", "disconnected", "unhealthy", "aborted", "rollback_failed"];
const DOUBTFUL: [&str; 9] = [
    "warning",
    "warn",
    "late",
    "healed",
    "terminated",
    "draining",
    "rollback_in_progress",
    "rollback_successful",
    "stop_requested",
];
const GOOD: [&str; 11] =
    ["ok", "accept", "completed", "connected", "done", "healthy", "passed", "running", "started", "successful", "updated"];

/// The color of a cell, if it has one.
pub(super) fn tone(column: &str, text: &str) -> Option<Color> {
    if text == MISSING {
        return Some(Color::new("\u{1b}[2m", "\u{1b}[22m"));
    }
    if EXITS.contains(&column) {
        return (text != "0").then_some(Color::FG_RED);
    }
    if column == "failed" {
        return (text == "true").then_some(Color::FG_RED);
    }
    if !OUTCOMES.contains(&column) {
        return None;
    }
    let word = text.to_ascii_lowercase();
    let is = |list: &[&str]| list.contains(&word.as_str());
    if is(&BAD) {
        Some(Color::FG_RED)
    } else if is(&DOUBTFUL) {
        Some(Color::FG_YELLOW)
    } else {
        is(&GOOD).then_some(Color::FG_GREEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_have_colors_and_other_columns_none() {
        assert_eq!(tone("outcome", "lost"), Some(Color::FG_RED));
        assert_eq!(tone("state", "FAILED"), Some(Color::FG_RED));
        assert_eq!(tone("severity", "warning"), Some(Color::FG_YELLOW));
        assert_eq!(tone("status", "done"), Some(Color::FG_GREEN));
        assert_eq!(tone("exit_code", "137"), Some(Color::FG_RED));
        assert_eq!(tone("exit_code", "0"), None);
        assert_eq!(tone("failed", "true"), Some(Color::FG_RED));
        assert_eq!(tone("message", "failed"), None);
        assert_eq!(tone("status", "something new"), None);
        assert!(tone("message", MISSING).is_some());
    }
}
