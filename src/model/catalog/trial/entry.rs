//! Checks one entry and its examples.

use super::super::finding::names_in;
use super::super::{FailureCatalog, JobEnd, wrong_words};
use crate::knowledge::{Entry, ExitStatus, TextKind};
use regex::Regex;

/// The errors of an entry, without its examples.
pub(super) fn wrong_entry(entry: &Entry, catalog: &FailureCatalog) -> Vec<String> {
    let mut wrong: Vec<String> = wrong_words(entry).map(|word| word.to_string()).collect();
    wrong.extend(wrong_patterns(&entry.patterns));
    let of_jobs = entry.applies_to == [TextKind::RunMessage];
    if entry.applies_to.is_empty() {
        let kinds = TextKind::ALL.map(TextKind::name).join(", ");
        wrong.push(format!("`applies_to` is empty; expected one or more of {kinds}"));
    } else if of_jobs && entry.reasons.is_empty() {
        wrong.push("an entry for run.message must list its termination reasons in `reasons`".to_owned());
    } else if !of_jobs && !entry.reasons.is_empty() {
        wrong.push("`reasons` are for dstack only; expected applies_to = [\"run.message\"] and nothing else".to_owned());
    } else if !of_jobs && entry.applies_to.contains(&TextKind::RunMessage) {
        wrong.push("run.message cannot be combined with other kinds; expected a separate entry for it".to_owned());
    }
    if entry.patterns.is_empty() && entry.reasons.is_empty() {
        wrong.push("no patterns, so the entry explains nothing".to_owned());
    }
    if entry.examples.is_empty() && !entry.patterns.is_empty() {
        wrong.push("no examples; expected at least one message that the patterns match".to_owned());
    }
    let unknown =
        entry.reasons.iter().filter(|reason| catalog.job_reason(reason).is_none() && catalog.run_reason(reason).is_none());
    wrong.extend(unknown.map(|reason| format!("unknown termination reason `{reason}`; declare it in a [[reason]]")));
    wrong
}

pub(super) fn wrong_patterns(patterns: &[String]) -> Vec<String> {
    let broken = patterns.iter().filter_map(|pattern| Some((pattern, Regex::new(pattern).err()?)));
    // The last line of the error has the message; the lines before it mark the position.
    let messages = broken.map(|(pattern, error)| {
        let error = error.to_string();
        let what = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("pattern '{pattern}' is not a valid regular expression: {what}")
    });
    messages.collect()
}

/// Why an example does not match its own entry.
pub(super) fn wrong_example(entry: &Entry, example: &str, catalog: &FailureCatalog) -> Option<String> {
    let mismatch = |found: Option<&Entry>| match found {
        Some(found) if found.id == entry.id => None,
        Some(found) => Some(format!("is explained by `{}`", found.id)),
        None => Some("is not explained by any entry".to_owned()),
    };
    if let Some(reason) = entry.reasons.first() {
        let exit_status = entry.exit_status == Some(ExitStatus::Present);
        let (spot, provisioned) = (entry.spot.or(Some(true)), entry.provisioned == Some(true));
        return mismatch(catalog.explain_job(JobEnd { reason, message: example, exit_status, spot, provisioned }));
    }
    entry.applies_to.iter().find_map(|kind| match catalog.benign_as(*kind, example) {
        Some(benign) => Some(format!("as {} is benign according to `{}`", kind.name(), benign.id)),
        None => mismatch(catalog.explain(*kind, example)).map(|what| format!("as {} {what}", kind.name())),
    })
}

/// Valid, but probably unintended rules.
pub(super) fn doubtful(entry: &Entry) -> Vec<String> {
    let regexes: Vec<Regex> = entry.patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect();
    let unused = regexes.iter().filter(|regex| !entry.examples.iter().any(|example| regex.is_match(example.trim())));
    let mut notes: Vec<String> = unused.map(|regex| format!("pattern '{regex}' has no example")).collect();
    let names: Vec<&str> = regexes.iter().flat_map(|regex| regex.capture_names().flatten()).collect();
    let advice = entry.verify.iter().chain(&entry.actions);
    let unknown = advice.flat_map(|advice| names_in(advice)).filter(|name| !names.contains(name));
    notes
        .extend(unknown.map(|name| format!("no pattern captures `{{{name}}}`: it will appear as {}", name.to_ascii_uppercase())));
    notes
}
