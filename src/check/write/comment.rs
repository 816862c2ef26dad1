//! Markdown for one comment on a pull request: the verdict, then the findings with what to do, then what was not checked.
//!
//! GitHub takes 65,536 characters and renders no mention or link of a record, because all texts are escaped.

use super::{Detail, count, severities};
use crate::check::{Finding, Report, Severity, State};
use crate::render::{advice_markdown, escape_markdown, shorten};

/// The findings per check: a comment is read, not searched.
const SHOWN: usize = 5;
/// The columns of a text.
const LONGEST: usize = 500;
/// The bytes of the verdict and the findings, so that the rest has room in a comment.
const MOST: usize = 45_000;

/// The comment about a subject, such as a task definition. It fails if a finding has at least this severity.
pub fn comment(report: &Report, subject: &str, fail_on: Severity) -> String {
    let mut text = verdict(report, subject, fail_on);
    for outcome in report.found() {
        let check = &outcome.check;
        text.push_str(&format!("\n### {}: {}\n\n{}\n\n", check.severity.word(), escape(&check.name), escape(&check.question)));
        let (shown, mut more) = Detail::Top(SHOWN).split(outcome.findings());
        for finding in shown {
            let line = format!("- {}{}\n", escape(&finding.sentence()), record(finding));
            if text.len() + line.len() > MOST {
                more += 1;
            } else {
                text.push_str(&line);
            }
        }
        if more > 0 {
            text.push_str(&format!("- and {more} more\n"));
        }
        text.push_str(&format!("\nWhat to do: {}\n", advice_markdown(&shorten(&check.remedy, LONGEST))));
    }
    let open = report.not_answered();
    if !open.is_empty() || !report.partial.is_empty() {
        text.push_str("\n### Not checked\n\n");
        for partial in &report.partial {
            text.push_str(&format!("- Incomplete: {}\n", escape(partial)));
        }
        for (why, ids) in open {
            text.push_str(&format!("- {}: {}\n", escape(&ids.join(", ")), escape(why)));
        }
    }
    let passed = report.outcomes.iter().filter(|outcome| outcome.state == State::Passed);
    let passed: Vec<String> = passed.map(|outcome| escape(&outcome.check.name)).collect();
    if !passed.is_empty() {
        text.push_str(&format!("\nPassed: {}.\n", passed.join(", ")));
    }
    text.push_str(&format!("\nWindow: {}.\n", escape(&report.window)));
    text
}

/// The result in the first line.
fn verdict(report: &Report, subject: &str, fail_on: Severity) -> String {
    let (_, _, open) = report.counts();
    let word = if report.has(fail_on) { "failed" } else { "passed" };
    let found = severities(report);
    let found = if found.is_empty() { "no findings".to_owned() } else { found.join(", ") };
    let open = match open {
        0 => String::new(),
        open => format!("; {open} of {} unanswered", count(report.outcomes.len(), "question")),
    };
    format!("**Preflight {word}** for {}: {found}{open}.\n", escape(subject))
}

/// The first record behind a finding, and the number of the others.
fn record(finding: &Finding) -> String {
    let Some(first) = finding.records.first().filter(|first| !first.id.is_empty()) else { return String::new() };
    match finding.rests_on.saturating_sub(1) {
        0 => format!(" (record {})", escape(&first.id)),
        more => format!(" (record {} and {more} more)", escape(&first.id)),
    }
}

fn escape(text: &str) -> String {
    escape_markdown(&shorten(text, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Check, Outcome};

    fn outcome(name: &str, severity: Severity, state: State) -> Outcome {
        let check = Check {
            name: name.to_owned(),
            question: format!("What about {name}?"),
            query: String::new(),
            measure: None,
            threshold: 1.0,
            severity,
            remedy: format!("Mend {name}"),
            needs: Vec::new(),
        };
        Outcome::new("preflight", check, state)
    }

    fn found(sentences: &[&str]) -> State {
        State::Found(sentences.iter().map(|sentence| Finding::of_sentence((*sentence).to_owned(), "f.json")).collect())
    }

    fn report(outcomes: Vec<Outcome>) -> Report {
        Report {
            outcomes,
            window: "failures since 30d".to_owned(),
            partial: vec!["1 record is quarantined".to_owned()],
            home: "f.json".to_owned(),
            baseline: None,
        }
    }

    #[test]
    fn a_comment_has_the_verdict_first_and_what_was_not_checked() {
        let report = report(vec![
            outcome("size", Severity::Warning, found(&["two sizes"])),
            outcome("room", Severity::Error, found(&["no room for @team\n# now"])),
            outcome("quota", Severity::Error, State::NotAnswered("the limit is unknown".to_owned())),
            outcome("image", Severity::Error, State::Passed),
        ]);
        let text = comment(&report, "web in f.json", Severity::Error);
        let expected = "**Preflight failed** for web in f.json: 1 error, 1 warning; 1 of 4 questions unanswered.\n\n\
            ### error: room\n\nWhat about room?\n\n- no room for @&#8203;team<br># now\n\nWhat to do: Mend room\n\n\
            ### warning: size\n\nWhat about size?\n\n- two sizes\n\nWhat to do: Mend size\n\n\
            ### Not checked\n\n- Incomplete: 1 record is quarantined\n- preflight/quota: the limit is unknown\n\n\
            Passed: image.\n\nWindow: failures since 30d.\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_verdict_follows_the_severity_that_fails() {
        let warned = report(vec![outcome("size", Severity::Warning, found(&["two sizes"]))]);
        let first = |fail_on| comment(&warned, "web", fail_on).lines().next().unwrap().to_owned();
        assert_eq!(first(Severity::Error), "**Preflight passed** for web: 1 warning.");
        assert_eq!(first(Severity::Warning), "**Preflight failed** for web: 1 warning.");
        let clean = report(vec![outcome("size", Severity::Warning, State::Passed)]);
        assert!(comment(&clean, "web", Severity::Note).starts_with("**Preflight passed** for web: no findings.\n"));
    }

    #[test]
    fn a_comment_never_gets_too_long() {
        let hostile = "<".repeat(10_000);
        let many = vec![hostile.as_str(); 50];
        let outcomes = (0..20).map(|nth| outcome(&nth.to_string(), Severity::Error, found(&many)));
        let text = comment(&report(outcomes.collect()), &hostile, Severity::Error);
        assert!(text.len() < 65_536 && text.contains("- and 50 more\n") && text.ends_with("since 30d.\n"), "{}", text.len());
    }
}
