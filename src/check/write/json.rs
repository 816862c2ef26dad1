//! JSON: one document with keys in a fixed order.

use crate::check::{Applied, Expired, Finding, Outcome, Report, Severity, State};
use crate::render::{Schema, json_pretty};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Document<'r> {
    schema: &'static str,
    tool: &'static str,
    version: &'static str,
    window: &'r str,
    findings: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    partial: &'r [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<Accepted<'r>>,
    checks: Vec<Entry<'r>>,
}

#[derive(Serialize)]
struct Accepted<'r> {
    accepted: usize,
    without_reason: usize,
    expired: usize,
    unmatched: &'r [String],
}

#[derive(Serialize)]
struct Entry<'r> {
    pack: &'r str,
    check: &'r str,
    question: &'r str,
    severity: &'static str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'r str>,
    threshold: f64,
    query: &'r str,
    remedy: &'r str,
    accepted: usize,
    findings: Vec<Row<'r>>,
}

#[derive(Serialize)]
struct Row<'r> {
    sentence: String,
    about: BTreeMap<&'r str, &'r str>,
    measure: &'r str,
    value: f64,
    other: BTreeMap<&'r str, &'r str>,
    records: Vec<Record<'r>>,
    rests_on: usize,
    fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_until: Option<String>,
}

#[derive(Serialize)]
struct Record<'r> {
    id: &'r str,
    file: Option<&'r str>,
}

/// The report as a document.
pub(super) fn write(report: &Report) -> String {
    let document = Document {
        schema: Schema::Check.id(),
        tool: "ecs-audit",
        version: env!("CARGO_PKG_VERSION"),
        window: &report.window,
        findings: report.findings(),
        errors: report.findings_of(Severity::Error),
        warnings: report.findings_of(Severity::Warning),
        notes: report.findings_of(Severity::Note),
        partial: &report.partial,
        baseline: report.baseline.as_ref().map(accepted),
        checks: report.outcomes.iter().map(entry).collect(),
    };
    pretty(&document)
}

fn accepted(applied: &Applied) -> Accepted<'_> {
    let Applied { accepted, unexplained, expired, unmatched } = applied;
    Accepted { accepted: *accepted, without_reason: *unexplained, expired: *expired, unmatched }
}

fn entry(outcome: &Outcome) -> Entry<'_> {
    let Outcome { pack, check, query, state, accepted } = outcome;
    let (word, why) = match state {
        State::Passed if *accepted > 0 => ("accepted", None),
        State::Passed => ("passed", None),
        State::Found(_) => ("found", None),
        State::NotAnswered(why) => ("not_answered", Some(why.as_str())),
    };
    Entry {
        pack,
        check: &check.name,
        question: &check.question,
        severity: check.severity.word(),
        state: word,
        why,
        threshold: check.threshold,
        query,
        remedy: &check.remedy,
        accepted: *accepted,
        findings: outcome.findings().iter().map(|finding| row(finding, &outcome.id())).collect(),
    }
}

fn row<'r>(finding: &'r Finding, rule: &str) -> Row<'r> {
    Row {
        sentence: finding.sentence(),
        about: finding.keys.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        measure: &finding.measure.0,
        value: finding.measure.1,
        other: finding.values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        records: finding
            .records
            .iter()
            .filter(|place| !place.id.is_empty())
            .map(|place| Record { id: &place.id, file: place.file.as_deref() })
            .collect(),
        rests_on: finding.rests_on,
        fingerprint: finding.fingerprint(rule),
        accepted_until: finding.expired.as_ref().map(|Expired { until, .. }| until.to_string()),
    }
}

/// JSON in which characters that affect a terminal are escaped.
pub(super) fn pretty(value: &impl Serialize) -> String {
    json_pretty(value).unwrap_or_default()
}
