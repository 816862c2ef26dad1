//! The results of checks.

use super::{Check, Severity};
use crate::render::MISSING;
use jiff::civil::Date;
use std::cmp::Reverse;

/// All checks of a run with their outcomes.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The outcomes, in the order of the packs and their checks.
    pub outcomes: Vec<Outcome>,
    /// The default window of checks without their own, as text.
    pub window: String,
    /// Reasons why results may be incomplete; one sentence each.
    pub partial: Vec<String>,
    /// The input: a store folder, an export or a file.
    pub home: String,
    /// The effect of the baseline, if there is one.
    pub baseline: Option<Applied>,
}

/// The effect of a baseline on a report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// The number of findings that were accepted and removed.
    pub accepted: usize,
    /// The number of those whose entry has no reason.
    pub unexplained: usize,
    /// The number of findings that are reported although an entry lists them, because its date has passed.
    pub expired: usize,
    /// The entries without a finding, in words.
    pub unmatched: Vec<String>,
}

/// A check and its outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The pack it belongs to.
    pub pack: String,
    /// The check.
    pub check: Check,
    /// The query in canonical form, with its window; empty if it did not run.
    pub query: String,
    /// The result.
    pub state: State,
    /// The number of findings that the baseline accepts; `state` does not have them.
    pub accepted: usize,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// No row reached the threshold.
    Passed,
    /// These rows reached the threshold; never empty.
    Found(Vec<Finding>),
    /// The store does not have the records that the check needs; the text says which.
    NotAnswered(String),
}

/// A row that reached the threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The finding in words, as people read its values.
    pub description: Option<String>,
    /// The identifying columns of the row.
    pub keys: Vec<(String, String)>,
    /// The other columns.
    pub values: Vec<(String, String)>,
    /// The compared column and its value.
    pub measure: (String, f64),
    /// The first few records behind the finding.
    pub records: Vec<Place>,
    /// The number of records behind the finding.
    pub rests_on: usize,
    /// What makes it the same finding in another load: the keys without times and durations.
    pub identity: Vec<(String, String)>,
    /// The baseline entry that accepted it until its date passed.
    pub expired: Option<Expired>,
}

/// A baseline entry whose date has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// The last day on which the finding was accepted.
    pub until: Date,
    /// The reason; empty if nobody gave one.
    pub reason: String,
}

/// The origin of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The id of the record, for `ecs-audit show`.
    pub id: String,
    /// The source file; missing if unknown.
    pub file: Option<String>,
    /// The record number in the file, starting at 1.
    pub record: Option<u64>,
}

impl Report {
    /// The checks with findings, the most severe first.
    pub fn found(&self) -> Vec<&Outcome> {
        let mut found: Vec<&Outcome> = self.outcomes.iter().filter(|outcome| !outcome.findings().is_empty()).collect();
        found.sort_by_key(|outcome| Reverse(outcome.check.severity));
        found
    }

    /// The number of findings.
    pub fn findings(&self) -> usize {
        self.outcomes.iter().map(|outcome| outcome.findings().len()).sum()
    }

    /// The number of findings with a severity.
    pub fn findings_of(&self, severity: Severity) -> usize {
        let of = self.outcomes.iter().filter(|outcome| outcome.check.severity == severity);
        of.map(|outcome| outcome.findings().len()).sum()
    }

    /// Whether there is a finding with at least this severity.
    pub fn has(&self, severity: Severity) -> bool {
        self.outcomes.iter().any(|outcome| outcome.check.severity >= severity && !outcome.findings().is_empty())
    }

    /// The ids of the unanswered checks by reason, in the order of the packs.
    pub fn not_answered(&self) -> Vec<(&str, Vec<String>)> {
        let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
        for outcome in &self.outcomes {
            let State::NotAnswered(why) = &outcome.state else { continue };
            match reasons.iter_mut().find(|(known, _)| known == why) {
                Some((_, ids)) => ids.push(outcome.id()),
                None => reasons.push((why, vec![outcome.id()])),
            }
        }
        reasons
    }

    /// The numbers of checks that passed, found something, and were unanswered. A check whose findings are all accepted
    /// is not counted.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |is: fn(&Outcome) -> bool| self.outcomes.iter().filter(|outcome| is(outcome)).count();
        (
            count(|outcome| outcome.state == State::Passed && outcome.accepted == 0),
            count(|outcome| matches!(outcome.state, State::Found(_))),
            count(|outcome| matches!(outcome.state, State::NotAnswered(_))),
        )
    }

    /// The packs in order, each with its outcomes.
    pub fn packs(&self) -> Vec<(&str, Vec<&Outcome>)> {
        let mut packs: Vec<(&str, Vec<&Outcome>)> = Vec::new();
        for outcome in &self.outcomes {
            match packs.last_mut() {
                Some((name, outcomes)) if *name == outcome.pack => outcomes.push(outcome),
                _ => packs.push((&outcome.pack, vec![outcome])),
            }
        }
        packs
    }
}

impl Outcome {
    /// The outcome of a check whose query is not known yet.
    pub fn new(pack: &str, check: Check, state: State) -> Outcome {
        Outcome { pack: pack.to_owned(), check, query: String::new(), state, accepted: 0 }
    }

    /// The findings; none if the check passed.
    pub fn findings(&self) -> &[Finding] {
        match &self.state {
            State::Found(findings) => findings,
            _ => &[],
        }
    }

    /// The unique name of the check across all packs.
    pub fn id(&self) -> String {
        format!("{}/{}", self.pack, self.check.name)
    }
}

impl Finding {
    /// A finding about a whole file.
    pub fn of_sentence(sentence: String, file: &str) -> Finding {
        let file = Some(file.to_owned()).filter(|file| !file.is_empty());
        Finding {
            keys: Vec::new(),
            values: Vec::new(),
            measure: ("rows".to_owned(), 1.0),
            records: file.map(|file| Place { id: String::new(), file: Some(file), record: None }).into_iter().collect(),
            rests_on: 0,
            identity: vec![("finding".to_owned(), sentence.clone())],
            expired: None,
            description: Some(sentence),
        }
    }

    /// The finding as one sentence, without a period.
    pub fn sentence(&self) -> String {
        let Some(Expired { until, reason }) = &self.expired else { return self.statement() };
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        format!("{} (accepted until {until}{reason})", self.statement())
    }

    /// A hash that is equal for the same check and identity, regardless of the load and the window.
    pub fn fingerprint(&self, rule: &str) -> String {
        let about = self.identity.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",");
        let hash = blake3::hash(format!("{rule}\n{about}").as_bytes());
        hash.to_hex().chars().take(32).collect()
    }

    fn statement(&self) -> String {
        if let Some(description) = &self.description {
            return description.clone();
        }
        let (measure, value) = &self.measure;
        let number = if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.0}") } else { format!("{value}") };
        sentence(&self.keys, measure, &number)
    }
}

/// A row that reached the threshold, as one sentence.
pub(super) fn sentence(keys: &[(String, String)], measure: &str, number: &str) -> String {
    if keys.is_empty() {
        return format!("{measure} {number}");
    }
    let shown = |value: &String| if value.is_empty() { MISSING.to_owned() } else { value.clone() };
    let keys: Vec<String> = keys.iter().map(|(name, value)| format!("{name} {}", shown(value))).collect();
    format!("{}: {measure} {number}", keys.join(", "))
}
