//! Text: the summary and the unanswered checks, then each pack with its findings, the most severe checks first.

use super::{Detail, summary};
use crate::check::{Finding, Outcome, Report, State};
use crate::render::visible;
use std::cmp::Reverse;

/// The report as lines.
pub(super) fn write(report: &Report, detail: Detail) -> String {
    let mut text = head(report);
    for (pack, mut outcomes) in report.packs() {
        text.push_str(&format!("{pack}\n"));
        outcomes.sort_by_key(|outcome| Reverse(outcome.check.severity));
        for outcome in outcomes.iter().filter(|outcome| !outcome.findings().is_empty()) {
            check(&mut text, outcome, detail);
        }
        for (word, names) in quiet(&outcomes, |outcome| outcome.check.name.clone()) {
            text.push_str(&format!("  {word:<8} {}\n", names.join(", ")));
        }
    }
    text
}

/// The summary and the unanswered checks.
pub(super) fn head(report: &Report) -> String {
    let mut text = format!("{}\n", summary(report));
    for (why, ids) in report.not_answered() {
        text.push_str(&format!("unanswered: {}\n  {}\n", visible(why), visible(&ids.join(", "))));
    }
    text
}

/// The checks without findings to report, by state.
pub(super) fn quiet(outcomes: &[&Outcome], name: fn(&Outcome) -> String) -> Vec<(&'static str, Vec<String>)> {
    let mut states: [(&'static str, Vec<String>); 3] = [("ok", Vec::new()), ("accepted", Vec::new()), ("unanswered", Vec::new())];
    let [(_, passed), (_, accepted), (_, open)] = &mut states;
    for outcome in outcomes {
        let name = name(outcome);
        match &outcome.state {
            State::Passed if outcome.accepted > 0 => accepted.push(format!("{name} ({})", outcome.accepted)),
            State::Passed => passed.push(name),
            State::NotAnswered(_) => open.push(name),
            State::Found(_) => {}
        }
    }
    states.into_iter().filter(|(_, names)| !names.is_empty()).collect()
}

/// A check with its findings and what to do.
fn check(text: &mut String, outcome: &Outcome, detail: Detail) {
    let check = &outcome.check;
    let (shown, more) = detail.split(outcome.findings());
    text.push_str(&format!("  {:<8} {}: {}\n", check.severity.word(), check.name, visible(&check.question)));
    for finding in shown {
        text.push_str(&format!("             {}{}\n", visible(&finding.sentence()), record(finding)));
    }
    if more > 0 {
        text.push_str(&format!("             and {more} more\n"));
    }
    if outcome.accepted > 0 {
        text.push_str(&format!("             and {} accepted by the baseline\n", outcome.accepted));
    }
    text.push_str(&format!("           do: {}\n", visible(&check.remedy)));
    if !outcome.query.is_empty() {
        text.push_str(&format!("           ask: {}\n", visible(&outcome.query)));
    }
}

/// The first record behind a finding, and the number of the others.
fn record(finding: &Finding) -> String {
    let Some(first) = finding.records.first().filter(|first| !first.id.is_empty()) else { return String::new() };
    let more = finding.rests_on.saturating_sub(1);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("  [{}{more}]", visible(&first.id))
}
