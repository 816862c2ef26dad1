//! Text for a terminal: as much detail as one screen has room for, down to one line per check with its first finding.

use super::text::{head, quiet};
use super::{Detail, text};
use crate::check::{Finding, Outcome, Report};
use crate::render::{shorten, visible, wrap_page};

/// The rows of a screen. The height of the terminal is not used, so that the same report looks the same on each one.
const ROWS: usize = 40;

/// The numbers of findings per check that are tried, from all on.
const TRIED: [Detail; 4] = [Detail::All, Detail::Top(10), Detail::Top(5), Detail::Top(3)];

/// The report as lines.
pub(super) fn write(report: &Report, width: usize) -> String {
    let mut tried = TRIED.into_iter().map(|detail| text::write(report, detail));
    tried.find(|text| rows(text, width) <= ROWS).unwrap_or_else(|| overview(report, width))
}

/// The rows of a text whose long lines are broken at words.
fn rows(text: &str, width: usize) -> usize {
    wrap_page(text, width).lines().count()
}

/// One line per check with findings, the most severe first.
fn overview(report: &Report, width: usize) -> String {
    let mut text = head(report);
    let found = report.found();
    let names = found.iter().map(|outcome| outcome.id().chars().count()).max().unwrap_or_default();
    let most = found.iter().map(|outcome| outcome.findings().len()).max().unwrap_or_default();
    let digits = most.to_string().len();
    for outcome in &found {
        let first = outcome.findings().first().map(Finding::sentence).unwrap_or_default();
        let (severity, id, number) = (outcome.check.severity.word(), outcome.id(), outcome.findings().len());
        let line = format!("{severity:<8} {id:<names$}  {number:>digits$}  {}", visible(&first));
        text.push_str(&format!("{}\n", shorten(&line, width)));
    }
    let all: Vec<&Outcome> = report.outcomes.iter().collect();
    for (word, names) in quiet(&all, Outcome::id).into_iter().filter(|(word, _)| *word != "unanswered") {
        text.push_str(&format!("{}\n", shorten(&format!("{word:<8} {}", names.join(", ")), width)));
    }
    text.push_str("Each check with its first finding: add --top 3 for more, with queries and what to do, or name a pack\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Check, Severity, State};
    use crate::render::width_of;

    /// A report in which each of several checks has so many findings.
    fn report(checks: usize, findings: usize) -> Report {
        let outcome = |nth: usize| {
            let severity = Severity::ALL.into_iter().cycle().nth(nth).unwrap();
            let check = Check {
                name: format!("check-{nth}"),
                question: "What happened?".to_owned(),
                query: "failures".to_owned(),
                measure: None,
                threshold: 1.0,
                severity,
                remedy: "Do something".to_owned(),
                needs: Vec::new(),
            };
            let found = (0..findings).map(|row| Finding::of_sentence(format!("{row} {}", "long ".repeat(60)), "f.json"));
            let state = if findings == 0 { State::Passed } else { State::Found(found.collect()) };
            Outcome::new("pack", check, state)
        };
        Report {
            outcomes: (0..checks).map(outcome).collect(),
            window: String::new(),
            partial: Vec::new(),
            home: String::new(),
            baseline: None,
        }
    }

    #[test]
    fn a_screen_has_as_much_as_fits() {
        let few = report(2, 2);
        assert_eq!(write(&few, 200), text::write(&few, Detail::All));
        let more = report(3, 20);
        assert_eq!(write(&more, 400), text::write(&more, Detail::Top(5)));
        assert_eq!(write(&report(4, 0), 80), text::write(&report(4, 0), Detail::All));
    }

    #[test]
    fn many_findings_are_one_line_per_check() {
        let many = report(25, 12);
        let text = write(&many, 80);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 27, "the summary, the checks, and how to see more:\n{text}");
        assert!(lines[1].starts_with("error    pack/check-2   12  0 long"), "{text}");
        assert!(lines[1..26].iter().all(|line| width_of(line) <= 80), "{text}");
        assert!(lines[25].starts_with("note "), "the most severe first:\n{text}");
    }
}
