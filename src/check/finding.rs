//! What checks found.

use super::{Check, Severity};

/// All checks of a run with what came of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// In the order of the packs and of their checks.
    pub outcomes: Vec<Outcome>,
    /// The window of checks that have none of their own, for a reader.
    pub window: String,
    /// Why the answers may lack something; one sentence each.
    pub partial: Vec<String>,
    /// What was looked at: the folder of the store, an export or a file.
    pub home: String,
}

/// One check and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The pack it belongs to.
    pub pack: String,
    /// The check.
    pub check: Check,
    /// The query in canonical form, with its window; empty when it did not run.
    pub query: String,
    /// What came of it.
    pub state: State,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// No row reached the threshold.
    Passed,
    /// These rows did; never empty.
    Found(Vec<Finding>),
    /// The records that it needs are not in the store: one sentence.
    NotAnswered(String),
}

/// A row that reached the threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What is the case, where the row alone does not say it.
    pub told: Option<String>,
    /// What the row is about, by column.
    pub keys: Vec<(String, String)>,
    /// The other columns.
    pub values: Vec<(String, String)>,
    /// The column that was compared, and its value.
    pub measure: (String, f64),
    /// Records it rests on, the first few.
    pub records: Vec<Place>,
    /// How many records it rests on.
    pub rests_on: usize,
}

/// Where a record is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The id of the record, for `ecs-audit show`.
    pub id: String,
    /// The file it was read from; missing when that is not known.
    pub file: Option<String>,
    /// The number of the record in that file, from 1.
    pub record: Option<u64>,
}

impl Report {
    /// The number of findings.
    pub fn findings(&self) -> usize {
        self.outcomes.iter().map(|outcome| outcome.findings().len()).sum()
    }

    /// Whether there is a finding at least that bad.
    pub fn has(&self, severity: Severity) -> bool {
        self.outcomes.iter().any(|outcome| outcome.check.severity >= severity && !outcome.findings().is_empty())
    }

    /// The checks that were not answered, by the reason why: their ids, in the order of the packs.
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

    /// How many checks passed, found something, and were not answered.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |is: fn(&State) -> bool| self.outcomes.iter().filter(|outcome| is(&outcome.state)).count();
        (
            count(|state| *state == State::Passed),
            count(|state| matches!(state, State::Found(_))),
            count(|state| matches!(state, State::NotAnswered(_))),
        )
    }

    /// The packs in their order, each with its outcomes.
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
    /// The findings; none when it passed.
    pub fn findings(&self) -> &[Finding] {
        match &self.state {
            State::Found(findings) => findings,
            _ => &[],
        }
    }

    /// The name of the check among all packs.
    pub fn id(&self) -> String {
        format!("{}/{}", self.pack, self.check.name)
    }
}

impl Finding {
    /// A finding about a file as a whole.
    pub fn of_sentence(sentence: String, file: &str) -> Finding {
        let file = Some(file.to_owned()).filter(|file| !file.is_empty());
        Finding {
            keys: Vec::new(),
            values: Vec::new(),
            measure: ("rows".to_owned(), 1.0),
            records: file.map(|file| Place { id: String::new(), file: Some(file), record: None }).into_iter().collect(),
            rests_on: 0,
            told: Some(sentence),
        }
    }

    /// One sentence without a full stop: what the row is about, and its number.
    pub fn sentence(&self) -> String {
        if let Some(told) = &self.told {
            return told.clone();
        }
        let (measure, value) = &self.measure;
        let told = if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.0}") } else { format!("{value}") };
        if self.keys.is_empty() {
            return format!("{measure} {told}");
        }
        let keys: Vec<String> = self
            .keys
            .iter()
            .map(|(name, value)| {
                let value = if value.is_empty() { "(missing)" } else { value };
                format!("{name} {value}")
            })
            .collect();
        format!("{}: {measure} {told}", keys.join(", "))
    }
}
