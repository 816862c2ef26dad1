//! A code quality report of GitLab: one issue per finding.
//!
//! <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>

use super::json::pretty;
use super::line_of;
use crate::check::{Finding, Outcome, Report, Severity};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The report as a list of issues.
pub(super) fn write(report: &Report) -> String {
    let mut seen = BTreeMap::new();
    let mut issues = Vec::new();
    for outcome in &report.outcomes {
        issues.extend(outcome.findings().iter().map(|finding| issue(outcome, finding, &report.home, &mut seen)));
    }
    pretty(&Value::Array(issues))
}

fn issue(outcome: &Outcome, finding: &Finding, home: &str, seen: &mut BTreeMap<String, usize>) -> Value {
    let check = &outcome.check;
    let place = finding.records.iter().find(|place| place.file.is_some());
    // A missing start has no record, but every issue has a place.
    let (path, line) = place.map_or((home, 1), |place| (place.file.as_deref().unwrap_or(home), line_of(place)));
    json!({
        "description": format!("{}: {}. {}", check.question, finding.sentence(), check.remedy),
        "check_name": outcome.id(),
        "fingerprint": unique(finding.fingerprint(&outcome.id()), seen),
        "severity": severity(check.severity),
        "location": { "path": path.strip_prefix("./").unwrap_or(path), "lines": { "begin": line } },
    })
}

/// A fingerprint that no other issue has. Rows that differ only in their times have the same one otherwise.
fn unique(fingerprint: String, seen: &mut BTreeMap<String, usize>) -> String {
    let count = seen.entry(fingerprint.clone()).or_default();
    *count += 1;
    if *count == 1 { fingerprint } else { format!("{fingerprint}-{count}") }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "info",
        Severity::Warning => "minor",
        Severity::Error => "major",
    }
}
