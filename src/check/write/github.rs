//! Workflow commands of GitHub Actions: one annotation per check, the most severe first, because a step shows only the
//! first ten annotations of a severity.
//!
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>

use super::{Detail, summary};
use crate::check::{Report, Severity};
use crate::render::visible;

/// The report as workflow commands, after a line with the summary.
pub(super) fn write(report: &Report, detail: Detail) -> String {
    let mut text = format!("ecs-audit check: {}\n", summary(report));
    for partial in &report.partial {
        text.push_str(&command("warning", "ecs-audit: incomplete", std::slice::from_ref(partial)));
    }
    for (why, ids) in report.not_answered() {
        text.push_str(&command("notice", "ecs-audit: unanswered checks", &[why.to_owned(), ids.join(", ")]));
    }
    for outcome in report.found() {
        let (shown, more) = detail.split(outcome.findings());
        let mut lines = vec![outcome.check.question.clone()];
        lines.extend(shown.iter().map(|finding| format!("- {}", finding.sentence())));
        if more > 0 {
            lines.push(format!("- and {more} more"));
        }
        lines.push(format!("What to do: {}", outcome.check.remedy));
        let title = format!("{}: {}", outcome.id(), super::count(outcome.findings().len(), "finding"));
        text.push_str(&command(level(outcome.check.severity), &title, &lines));
    }
    text
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    }
}

/// A workflow command on one line.
fn command(level: &str, title: &str, lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| visible(line).into_owned()).collect();
    format!("::{level} title={}::{}\n", property(&visible(title)), data(&lines.join("\n")))
}

/// The message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_a_command() {
        let hostile = "a,b: 50%\n::stop-commands::x\r".to_owned();
        assert_eq!(data(&hostile), "a,b: 50%25%0A::stop-commands::x%0D");
        assert_eq!(property(&hostile), "a%2Cb%3A 50%25%0A%3A%3Astop-commands%3A%3Ax%0D");
        // Line breaks of records are shown as such; only our own end a line.
        let line = command("error", "t\nu", &[hostile, "second".to_owned()]);
        assert_eq!(line, "::error title=t\\nu::a,b: 50%25\\n::stop-commands::x\\r%0Asecond\n");
    }
}
