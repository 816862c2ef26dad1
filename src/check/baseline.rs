//! Baselines: findings that somebody has accepted, with a reason and until a date, in a TOML file.
//!
//! In: a file, or the findings of a report. Out: a report without the accepted findings, or the text of a file. Invariants:
//! an entry accepts exactly one finding, identified by its check and its group, never by counts or times; a finding whose
//! entry has expired is reported again; the same findings always produce the same text.

use super::{Applied, Expired, Finding, Outcome, Report, State};
use crate::toml_document::{ConfigError, Document, Section};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const KEYS: &[&str] = &["check", "about", "reason", "until"];

const HEAD: &str = "# Accepted findings: `ecs-audit check --baseline FILE` reports only what is not listed here.\n\
                    # Give each one a reason. From the day after `until` on, the finding is reported again.\n";

/// A finding in the form that stays the same: the id of its check, and the values that identify it.
type Identity = (String, BTreeMap<String, String>);

/// Accepted findings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Baseline {
    entries: BTreeMap<Identity, Entry>,
}

/// Why, and for how long, a finding is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// The reason; empty if nobody has given one yet.
    reason: String,
    /// The last day on which the finding is accepted.
    until: Date,
}

impl Baseline {
    /// Reads a file.
    pub fn parse(text: &str, path: &Path) -> Result<Baseline, ConfigError> {
        let document = Document::parse(text, path)?;
        let top = document.top();
        top.expect_keys(&["finding"])?;
        let mut entries = BTreeMap::new();
        for section in &top.sections("finding")? {
            section.expect_keys(KEYS)?;
            let identity = (section.required("check")?.to_owned(), about(section)?);
            let reason = section.text("reason")?.unwrap_or_default().trim().to_owned();
            let described = describe(&identity);
            if entries.insert(identity, Entry { reason, until: until(section)? }).is_some() {
                return Err(section.error_at_key("check", format!("`{described}` is listed twice")));
            }
        }
        Ok(Baseline { entries })
    }

    /// Removes the accepted findings from a report, and marks those whose entry has expired on this day.
    pub fn apply(&self, report: &mut Report, today: Date) {
        let mut applied = Applied::default();
        let mut matched = BTreeSet::new();
        for outcome in &mut report.outcomes {
            let id = outcome.id();
            let State::Found(findings) = &mut outcome.state else { continue };
            let before = findings.len();
            findings.retain_mut(|finding| {
                let identity = identity(&id, finding);
                let Some(entry) = self.entries.get(&identity) else { return true };
                matched.insert(identity);
                if entry.until < today {
                    finding.expired = Some(Expired { until: entry.until, reason: entry.reason.clone() });
                    applied.expired += 1;
                    return true;
                }
                applied.unexplained += usize::from(entry.reason.is_empty());
                false
            });
            let accepted = before - findings.len();
            let is_empty = findings.is_empty();
            outcome.accepted = accepted;
            applied.accepted += accepted;
            if is_empty {
                outcome.state = State::Passed;
            }
        }
        let unmatched = self.entries.keys().filter(|identity| !matched.contains(*identity) && was_checked(identity, report));
        applied.unmatched = unmatched.map(describe).collect();
        report.baseline = Some(applied);
    }

    /// The findings of a report as a baseline, accepted from a day to another. Known entries keep their reason and their date, and
    /// those of checks that were not answered are kept. Only an expired entry without a reason is renewed: nobody has decided
    /// about it.
    pub fn of(report: &Report, known: &Baseline, (today, until): (Date, Date)) -> Baseline {
        let kept = known.entries.iter().filter(|(identity, _)| !was_checked(identity, report));
        let mut entries: BTreeMap<Identity, Entry> = kept.map(|(identity, entry)| (identity.clone(), entry.clone())).collect();
        for outcome in &report.outcomes {
            for finding in outcome.findings() {
                let identity = identity(&outcome.id(), finding);
                let is_undecided = |entry: &&Entry| entry.reason.is_empty() && entry.until < today;
                let entry = known.entries.get(&identity).filter(|entry| !is_undecided(entry)).cloned();
                entries.insert(identity, entry.unwrap_or(Entry { reason: String::new(), until }));
            }
        }
        Baseline { entries }
    }

    /// The number of entries.
    pub fn entries(&self) -> usize {
        self.entries.len()
    }

    /// The entries of both; those of the other one win.
    #[must_use]
    pub fn merged(mut self, other: Baseline) -> Baseline {
        self.entries.extend(other.entries);
        self
    }

    /// The text of a file.
    pub fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for ((check, about), entry) in &self.entries {
            let about: Vec<String> = about.iter().map(|(name, value)| format!("{} = {}", key(name), quoted(value))).collect();
            let about = if about.is_empty() { String::new() } else { format!("about = {{ {} }}\n", about.join(", ")) };
            text.push_str(&format!(
                "\n[[finding]]\ncheck = {}\n{about}reason = {}\nuntil = {}\n",
                quoted(check),
                quoted(&entry.reason),
                entry.until
            ));
        }
        text
    }
}

fn identity(check: &str, finding: &Finding) -> Identity {
    (check.to_owned(), finding.identity.iter().cloned().collect())
}

/// Whether a report says what became of the check of an entry: its pack was run, and the check was answered or does not
/// exist any more.
fn was_checked((check, _): &Identity, report: &Report) -> bool {
    match report.outcomes.iter().find(|outcome| outcome.id() == *check) {
        Some(outcome) => !matches!(outcome.state, State::NotAnswered(_)),
        None => {
            let pack = check.split_once('/').map(|(pack, _)| pack);
            let has_pack = |outcome: &Outcome| pack == Some(outcome.pack.as_str());
            report.outcomes.iter().any(has_pack)
        }
    }
}

/// An entry in words.
fn describe((check, about): &Identity) -> String {
    let about: Vec<String> = about.iter().map(|(name, value)| format!("{name} {value}")).collect();
    if about.is_empty() { check.clone() } else { format!("{check}: {}", about.join(", ")) }
}

/// The values that identify the finding of an entry.
fn about(section: &Section<'_>) -> Result<BTreeMap<String, String>, ConfigError> {
    let Some(about) = section.section("about")? else { return Ok(BTreeMap::new()) };
    let mut values = BTreeMap::new();
    for name in about.keys() {
        values.insert(name.to_owned(), about.scalar(name)?.unwrap_or_default());
    }
    Ok(values)
}

/// The last day of an entry.
fn until(section: &Section<'_>) -> Result<Date, ConfigError> {
    let text = section.scalar("until")?;
    let date = text.as_ref().and_then(|text| text.parse::<Date>().ok());
    date.ok_or_else(|| {
        let found = text.map_or("`until` is missing".to_owned(), |text| format!("`until` is `{text}`"));
        section.error_at_key("until", format!("{found}; expected the last day on which it is accepted, such as 2026-06-30"))
    })
}

/// A key, quoted if it is not a bare one.
fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if is_bare { name.to_owned() } else { quoted(name) }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 2);
    safe.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => safe.extend(['\\', c]),
            '\n' => safe.push_str("\\n"),
            '\t' => safe.push_str("\\t"),
            '\r' => safe.push_str("\\r"),
            // Characters that are invisible to a reader of the file could disguise what an entry accepts.
            _ if crate::render::is_hidden(c) => {
                safe.push_str(&format!("\\U{:08X}", u32::from(c)));
            }
            other => safe.push(other),
        }
    }
    safe.push('"');
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Check, Severity};
    use jiff::civil::date;

    fn finding(keys: &[(&str, &str)], count: f64) -> Finding {
        let keys: Vec<(String, String)> = keys.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Finding {
            description: None,
            identity: keys.clone(),
            keys,
            values: Vec::new(),
            measure: ("count".to_owned(), count),
            records: Vec::new(),
            rests_on: 0,
            expired: None,
        }
    }

    fn report(findings: Vec<Finding>) -> Report {
        let check = Check {
            name: "c".to_owned(),
            question: "q".to_owned(),
            query: "failures".to_owned(),
            measure: None,
            threshold: 1.0,
            severity: Severity::Error,
            remedy: "r".to_owned(),
            needs: Vec::new(),
        };
        let state = if findings.is_empty() { State::Passed } else { State::Found(findings) };
        Report {
            outcomes: vec![Outcome::new("p", check, state)],
            window: String::new(),
            partial: Vec::new(),
            home: String::new(),
            baseline: None,
        }
    }

    fn read(text: &str) -> Baseline {
        Baseline::parse(text, Path::new("b.toml")).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    #[test]
    fn what_is_written_reads_back_and_accepts_every_finding() {
        let hostile = "a \"quoted\" \\ \u{1b}[0m\n\u{202e}\u{0}é";
        let found = vec![finding(&[("cluster", hostile), ("max(x y)", "")], 3.0), finding(&[], 1.0)];
        let until = date(2026, 6, 30);
        let baseline = Baseline::of(&report(found.clone()), &Baseline::default(), (date(2026, 4, 1), until));
        assert!(!baseline.text().contains(['\u{1b}', '\u{202e}', '\u{0}']));
        assert_eq!(read(&baseline.text()), baseline);
        let mut again = report(found);
        baseline.apply(&mut again, until);
        assert_eq!((again.findings(), again.outcomes[0].accepted), (0, 2));
        let applied = again.baseline.unwrap();
        assert_eq!((applied.accepted, applied.unexplained, applied.expired), (2, 2, 0));
    }

    #[test]
    fn a_new_group_is_reported_and_another_count_is_not() {
        let baseline =
            read("[[finding]]\ncheck = \"p/c\"\nabout = { cluster = \"a\" }\nreason = \"known\"\nuntil = 2026-06-30\n");
        let mut found = report(vec![finding(&[("cluster", "a")], 90.0), finding(&[("cluster", "b")], 1.0)]);
        baseline.apply(&mut found, date(2026, 6, 30));
        let sentences: Vec<String> = found.outcomes[0].findings().iter().map(Finding::sentence).collect();
        assert_eq!(sentences, ["cluster b: count 1"]);
    }

    #[test]
    fn an_entry_counts_again_after_its_day_and_one_without_a_finding_is_named() {
        let entry = |cluster: &str| {
            format!(
                "[[finding]]\ncheck = \"p/c\"\nabout = {{ cluster = \"{cluster}\" }}\nreason = \"known\"\nuntil = \"2026-06-30\"\n"
            )
        };
        let other =
            "[[finding]]\ncheck = \"other/x\"\nuntil = 2026-06-30\n[[finding]]\ncheck = \"p/resolved\"\nuntil = 2026-06-30\n";
        let baseline = read(&format!("{}{}{other}", entry("a"), entry("b")));
        let mut found = report(vec![finding(&[("cluster", "a")], 2.0)]);
        baseline.apply(&mut found, date(2026, 7, 1));
        let sentences: Vec<String> = found.outcomes[0].findings().iter().map(Finding::sentence).collect();
        assert_eq!(sentences, ["cluster a: count 2 (accepted until 2026-06-30: known)"]);
        let applied = found.baseline.clone().unwrap();
        assert_eq!((applied.accepted, applied.expired), (0, 1));
        // The pack of `other/x` was not run, so nothing is known about it.
        assert_eq!(applied.unmatched, ["p/c: cluster b", "p/resolved"]);
        let days = (date(2026, 9, 2), date(2026, 12, 1));
        let again = Baseline::of(&report(vec![finding(&[("cluster", "a")], 2.0)]), &baseline, days);
        let text = again.text();
        assert!(text.contains("other/x") && !text.contains("p/resolved") && !text.contains("\"b\""), "{text}");
        assert!(text.contains("reason = \"known\"\nuntil = 2026-06-30"), "an expired entry is not renewed: {text}");
        let undecided = read(&entry("a").replace("reason = \"known\"\n", ""));
        let again = Baseline::of(&report(vec![finding(&[("cluster", "a")], 2.0)]), &undecided, days);
        assert!(again.text().contains("until = 2026-12-01"), "nobody has decided about it: {}", again.text());
    }

    #[test]
    fn mistakes_have_their_line() {
        let error = |text: &str| Baseline::parse(text, Path::new("b.toml")).unwrap_err().to_string();
        assert_eq!(
            error("[[finding]]\ncheck = \"p/c\"\nuntil = \"soon\"\n"),
            "b.toml:3: `until` is `soon`; expected the last day on which it is accepted, such as 2026-06-30"
        );
        assert!(error("[[finding]]\ncheck = \"p/c\"\n").contains("`until` is missing"));
        let twice = "[[finding]]\ncheck = \"p/c\"\nuntil = 2026-06-30\n";
        assert_eq!(error(&format!("{twice}{twice}")), "b.toml:5: `p/c` is listed twice");
        assert!(error("[[findings]]\n").contains("did you mean `finding`?"));
    }
}
