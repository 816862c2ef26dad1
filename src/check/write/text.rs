//! Text for a terminal: unanswered checks first, then each check with its findings and what to do.

use super::summary;
use crate::check::{Report, State};
use crate::render::visible;

/// The report as lines.
pub(super) fn write(report: &Report) -> String {
    let mut text = String::new();
    for (why, ids) in report.not_answered() {
        text.push_str(&format!("unanswered: {}\n  {}\n", visible(why), visible(&ids.join(", "))));
    }
    for (pack, outcomes) in report.packs() {
        text.push_str(&format!("{pack}\n"));
        for outcome in outcomes {
            let check = &outcome.check;
            match &outcome.state {
                State::Passed => text.push_str(&format!("  ok       {}\n", check.name)),
                State::NotAnswered(_) => text.push_str(&format!("  open     {}\n", check.name)),
                State::Found(findings) => {
                    text.push_str(&format!("  {:<8} {}: {}\n", check.severity.word(), check.name, visible(&check.question)));
                    for finding in findings {
                        text.push_str(&format!("             {}", visible(&finding.sentence())));
                        if let Some(first) = finding.records.first().filter(|first| !first.id.is_empty()) {
                            let more = finding.rests_on.saturating_sub(1);
                            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                            text.push_str(&format!("  [{}{more}]", visible(&first.id)));
                        }
                        text.push('\n');
                    }
                    text.push_str(&format!("           do: {}\n", visible(&check.remedy)));
                    if !outcome.query.is_empty() {
                        text.push_str(&format!("           ask: {}\n", visible(&outcome.query)));
                    }
                }
            }
        }
    }
    text.push_str(&format!("{}\n", summary(report)));
    text
}
