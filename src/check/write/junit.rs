//! JUnit XML: one suite per pack, one test case per check. Durations are omitted because they would differ every
//! time.

use super::summary;
use crate::check::{Report, State};

/// The report as XML.
pub(super) fn write(report: &Report) -> String {
    let (_, found, open) = report.counts();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text.push_str(&format!(
        "<testsuites name=\"ecs-audit\" tests=\"{}\" failures=\"{found}\" errors=\"0\" skipped=\"{open}\">\n",
        report.outcomes.len()
    ));
    for (pack, outcomes) in report.packs() {
        let found = outcomes.iter().filter(|outcome| matches!(outcome.state, State::Found(_))).count();
        let open = outcomes.iter().filter(|outcome| matches!(outcome.state, State::NotAnswered(_))).count();
        text.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{found}\" errors=\"0\" skipped=\"{open}\" time=\"0\">\n",
            escape(pack),
            outcomes.len()
        ));
        for outcome in outcomes {
            let check = &outcome.check;
            text.push_str(&format!(
                "    <testcase classname=\"ecs-audit.{}\" name=\"{}\" time=\"0\"",
                escape(pack),
                escape(&check.name)
            ));
            match &outcome.state {
                State::Passed => text.push_str("/>\n"),
                State::NotAnswered(why) => {
                    text.push_str(&format!(">\n      <skipped message=\"{}\"/>\n    </testcase>\n", escape(why)));
                }
                State::Found(findings) => {
                    let message = format!("{}: {}", check.question, super::count(findings.len(), "finding"));
                    text.push_str(&format!(
                        ">\n      <failure type=\"{}\" message=\"{}\">",
                        check.severity.word(),
                        escape(&message)
                    ));
                    let mut lines: Vec<String> = findings.iter().map(|finding| finding.sentence()).collect();
                    lines.push(format!("do: {}", check.remedy));
                    if !outcome.query.is_empty() {
                        lines.push(format!("ask: {}", outcome.query));
                    }
                    text.push_str(&lines.iter().map(|line| escape(line)).collect::<Vec<_>>().join("\n"));
                    text.push_str("</failure>\n    </testcase>\n");
                }
            }
        }
        let mut lines = vec![format!("window: {}", report.window), summary(report)];
        lines.extend(report.partial.iter().cloned());
        let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
        text.push_str(&format!("    <system-out>{}</system-out>\n  </testsuite>\n", lines.join("\n")));
    }
    text.push_str("</testsuites>\n");
    text
}

/// Text that is safe in elements and attributes; characters that XML does not allow are made visible.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in crate::render::visible(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_an_attribute() {
        let safe = escape("a\"/><script>&\u{1b}[0m\u{0}\u{ffff}");
        assert!(!safe.contains(['"', '<', '>', '\u{1b}', '\u{0}', '\u{ffff}']), "{safe}");
        assert!(safe.starts_with("a&quot;/&gt;&lt;script&gt;&amp;"));
    }
}
