//! Markdown for one comment on a pull request: the verdict, then the findings with what to do, then what was not checked.
//!
//! GitHub refuses a comment of more than 65,536 characters. The whole stays below that, and says what is left out. It renders no
//! mention or link of a record, because all texts are escaped.

use super::{Detail, count, severities};
use crate::check::{Finding, Report, Severity, State};
use crate::render::{advice_markdown, escape_markdown, shorten};

/// The findings per check: a comment is read, not searched.
const SHOWN: usize = 5;
/// The columns of a text.
const LONGEST: usize = 500;
/// The bytes of an escaped text: characters may have no width, or a long escape.
const LONGEST_ESCAPED: usize = 3_000;
/// The bytes of a comment up to the end of a finding, so that the checks after it have room.
const FINDINGS: usize = 45_000;
/// The bytes of a comment up to the end of a check with findings, so that what was not checked has room.
const CHECKS: usize = 52_000;
/// The bytes of a comment up to the list of what is left out. The rest is for that list and the window.
const LINES: usize = 61_000;

/// The comment about a subject, such as a task definition. It fails if a finding has at least this severity.
pub fn comment(report: &Report, subject: &str, fail_on: Severity) -> String {
    let mut text = verdict(report, subject, fail_on);
    let (mut checks, mut findings) = (0, 0);
    for outcome in report.found() {
        let check = &outcome.check;
        let head = format!("\n### {}: {}\n\n{}\n\n", check.severity.word(), escape(&check.name), escape(&check.question));
        let remedy = format!("\nWhat to do: {}\n", fitted(&check.remedy, advice_markdown));
        if text.len() + head.len() + remedy.len() > CHECKS {
            checks += 1;
            findings += outcome.findings().len();
            continue;
        }
        text.push_str(&head);
        let (shown, mut more) = Detail::Top(SHOWN).split(outcome.findings());
        for finding in shown {
            let line = format!("- {}{}\n", escape(&finding.sentence()), record(finding));
            if !push_within(&mut text, &line, FINDINGS) {
                more += 1;
            }
        }
        if more > 0 {
            text.push_str(&format!("- and {more} more\n"));
        }
        text.push_str(&remedy);
    }
    let reasons = push_not_checked(&mut text, report);
    let names = push_passed(&mut text, report);
    let left_out = [
        (checks, format!("{} with {}", count(checks, "check"), count(findings, "finding"))),
        (reasons, format!("{} for what was not checked", count(reasons, "reason"))),
        (names, format!("the names of {}", count(names, "passed check"))),
    ];
    let left_out: Vec<String> = left_out.into_iter().filter(|(number, _)| *number > 0).map(|(_, what)| what).collect();
    if !left_out.is_empty() {
        let left_out = left_out.join(", ");
        text.push_str(&format!(
            "\nLeft out, because a comment is limited to 65,536 characters: {left_out}; `--format text` has all.\n"
        ));
    }
    text.push_str(&format!("\nWindow: {}.\n", escape(&report.window)));
    text
}

/// Appends a line if the text then has at most `limit` bytes; returns whether it did.
fn push_within(text: &mut String, line: &str, limit: usize) -> bool {
    let fits = text.len() + line.len() <= limit;
    if fits {
        text.push_str(line);
    }
    fits
}

/// Appends what was not checked; returns the number of reasons that have no room.
fn push_not_checked(text: &mut String, report: &Report) -> usize {
    let partial = report.partial.iter().map(|partial| format!("- Incomplete: {}\n", escape(partial)));
    let open = report.not_answered();
    let open = open.iter().map(|(why, ids)| format!("- {}: {}\n", escape(&ids.join(", ")), escape(why)));
    let lines: Vec<String> = partial.chain(open).collect();
    if lines.is_empty() {
        return 0;
    }
    text.push_str("\n### Not checked\n\n");
    lines.iter().filter(|line| !push_within(text, line, LINES)).count()
}

/// Appends the names of the checks that passed; returns the number of those that have no room.
fn push_passed(text: &mut String, report: &Report) -> usize {
    let passed = report.outcomes.iter().filter(|outcome| outcome.state == State::Passed);
    let names: Vec<String> = passed.map(|outcome| escape(&outcome.check.name)).collect();
    let mut shown = 0;
    for name in &names {
        let before = if shown == 0 { "\nPassed: " } else { ", " };
        if !push_within(text, &format!("{before}{name}"), LINES) {
            break;
        }
        shown += 1;
    }
    if shown > 0 {
        text.push_str(".\n");
    }
    names.len() - shown
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

/// A text, shortened and escaped.
fn escape(text: &str) -> String {
    fitted(text, escape_markdown)
}

/// A text in Markdown, shortened until it fits.
fn fitted(text: &str, markdown: impl Fn(&str) -> String) -> String {
    let mut short = shorten(text, LONGEST);
    loop {
        let escaped = markdown(&short);
        if escaped.len() <= LONGEST_ESCAPED {
            return escaped;
        }
        let half = short.chars().count() / 2;
        short = short.chars().take(half).chain(['…']).collect();
    }
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
        assert!(!text.contains("Left out"), "each check is shown");
    }

    #[test]
    fn a_comment_says_what_it_leaves_out() {
        // Escapes of eight characters, and characters without width.
        for long in ["@".repeat(400), "\u{200b}".repeat(100_000)] {
            let open = |nth: usize| State::NotAnswered(format!("{nth} {long}"));
            let outcomes = (0..40).flat_map(|nth| {
                let name = format!("{nth} {long}");
                let states = [found(&[long.as_str(), "b"]), open(nth), State::Passed];
                states.map(|state| outcome(&name, Severity::Error, state))
            });
            let mut report = report(outcomes.collect());
            (report.partial, report.window) = (vec![long.clone(); 40], long.clone());
            let text = comment(&report, &long, Severity::Error);
            assert!(text.len() < 65_536, "{}", text.len());
            let end = text.split_once("\nLeft out, because a comment is limited to 65,536 characters: ").unwrap().1;
            let shown = text.matches("### error: ").count();
            assert!(
                shown > 0 && end.starts_with(&format!("{} checks with {} findings, ", 40 - shown, 2 * (40 - shown))),
                "{end}"
            );
            let reasons = 80 - text.split_once("### Not checked").unwrap().1.matches("\n- ").count();
            assert!(end.contains(&format!(" {reasons} reasons for what was not checked, ")), "{end}");
            assert!(end.contains("; `--format text` has all.\n\nWindow: "), "{end}");
        }
    }
}
