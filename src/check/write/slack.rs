//! A message for Slack: the summary, then a section per check with findings, the most severe first.

use super::{Detail, summary};
use crate::check::Report;
use crate::render::SlackMessage;

/// The findings per check, unless another number is given: a message is read, not searched.
const SHOWN: usize = 5;

/// The report as a message.
pub(super) fn write(report: &Report, detail: Detail) -> String {
    let detail = if matches!(detail, Detail::Top(_)) { detail } else { Detail::Top(SHOWN) };
    let mut message = SlackMessage::default();
    message.text(&format!("Window: {}", report.window));
    for partial in &report.partial {
        message.text(&format!("Incomplete: {partial}"));
    }
    for (why, ids) in report.not_answered() {
        message.text(&format!("Unanswered: {why} ({})", ids.join(", ")));
    }
    for outcome in report.found() {
        let check = &outcome.check;
        let (shown, more) = detail.split(outcome.findings());
        message.heading(&format!("{}: {}", check.severity.word(), outcome.id()));
        message.text(&check.question);
        shown.iter().for_each(|finding| message.item(&finding.sentence()));
        if more > 0 {
            message.item(&format!("and {more} more"));
        }
        message.text(&format!("What to do: {}", check.remedy));
    }
    message.json(&format!("ecs-audit: {}", summary(report)))
}
