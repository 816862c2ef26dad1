//! Markdown: a table of the checks, then a section for each check with findings.

use super::{Detail, summary};
use crate::check::{Report, State};
use crate::render::{advice_markdown, escape_markdown as escape};

/// The report as Markdown.
pub(super) fn write(report: &Report, detail: Detail) -> String {
    let mut text = format!("# ecs-audit\n\n{}. Window: {}.\n\n", summary(report), escape(&report.window));
    for (why, ids) in report.not_answered() {
        text.push_str(&format!("> Unanswered: {} ({})\n\n", escape(why), escape(&ids.join(", "))));
    }
    for partial in &report.partial {
        text.push_str(&format!("> {}\n\n", escape(partial)));
    }
    for unmatched in report.baseline.iter().flat_map(|applied| &applied.unmatched) {
        text.push_str(&format!("> The baseline lists a finding that no longer occurs: {}\n\n", escape(unmatched)));
    }
    text.push_str("| Check | Result | Question |\n|---|---|---|\n");
    for outcome in &report.outcomes {
        let result = match &outcome.state {
            State::Passed if outcome.accepted > 0 => format!("{} accepted", outcome.accepted),
            State::Passed => "ok".to_owned(),
            State::NotAnswered(why) => format!("unanswered: {}", escape(why)),
            State::Found(findings) => {
                format!("**{}**: {}", outcome.check.severity.word(), super::count(findings.len(), "finding"))
            }
        };
        text.push_str(&format!("| {} | {result} | {} |\n", escape(&outcome.id()), escape(&outcome.check.question)));
    }
    for outcome in report.outcomes.iter().filter(|outcome| !outcome.findings().is_empty()) {
        text.push_str(&format!("\n## {}\n\n{}\n\n", escape(&outcome.id()), escape(&outcome.check.question)));
        let (shown, more) = detail.split(outcome.findings());
        for finding in shown {
            text.push_str(&format!("- {}", escape(&finding.sentence())));
            if let Some(first) = finding.records.first().filter(|first| !first.id.is_empty()) {
                let more = finding.rests_on.saturating_sub(1);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                text.push_str(&format!(" (record {}{more})", escape(&first.id)));
            }
            text.push('\n');
        }
        if more > 0 {
            text.push_str(&format!("- and {more} more\n"));
        }
        text.push_str(&format!("\nWhat to do: {}\n", advice_markdown(&outcome.check.remedy)));
        if !outcome.query.is_empty() {
            text.push_str(&format!("\nQuery: {}\n", escape(&outcome.query)));
        }
    }
    text
}
