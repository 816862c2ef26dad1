//! The result of a load, for people.

use super::left_out::LeftOut;
use super::reports::{files_by_reason, span};
use crate::context::Context;
use crate::digests::Finding;
use crate::discover::Cut;
use crate::load::{FileReport, QUARANTINED_MEMBERS};
use crate::plural;
use crate::render::{describe_instant, visible};
use crate::store::Loaded;
use indicatif::{HumanBytes, HumanCount};
use std::collections::BTreeMap;
use std::path::Path;

/// The maximum number of rejected records listed individually.
const LISTED: usize = 10;

/// The summary of a load as text.
pub fn summary(loaded: &Loaded, left_out: &LeftOut, store: &Path, context: &Context) -> String {
    let totals = &loaded.totals;
    let count = |number: u64| HumanCount(number).to_string();
    let mut text = format!("loaded into {}\n", visible(&store.display().to_string()));
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<12} {value}\n"));
    let mut files = count(totals.files);
    if totals.archives > 0 {
        files.push_str(&format!(" and {} {}", count(totals.archives), plural::word(totals.archives, "archive", "archives")));
    }
    if totals.unchanged > 0 {
        files.push_str(&format!(" ({} unchanged since they were loaded)", count(totals.unchanged)));
    }
    if totals.files == 0 && left_out.files.is_empty() && left_out.cut.is_empty() {
        files.push_str(" (nothing was found at these paths)");
    }
    line("files", files);
    if !left_out.files.is_empty() {
        let reasons = left_out.files.iter().map(|(why, files)| format!("{} {why}", count(*files)));
        line("skipped", format!("{} (excluded by path)", reasons.collect::<Vec<_>>().join(", ")));
    }
    if let Some(prefixes) = not_listed(&left_out.cut) {
        line("not listed", prefixes);
    }
    line("bytes", format!("{} uncompressed", HumanBytes(totals.bytes)));
    line(
        "records",
        format!(
            "{} read = {} loaded + {} duplicate + {} filtered + {} quarantined",
            count(totals.read),
            count(totals.loaded),
            count(totals.duplicate),
            count(totals.filtered),
            count(totals.quarantined)
        ),
    );
    let (first, last) = span(&loaded.reports);
    if let (Some(first), Some(last)) = (first, last) {
        line("events", format!("{} … {}", describe_instant(first, &context.tz), describe_instant(last, &context.tz)));
    }
    let filtered = by_reason(&loaded.reports, |report| {
        // The mark of an archive filters nothing by itself.
        report.filtered_as.iter().filter(|why| *why != QUARANTINED_MEMBERS).cloned().collect()
    });
    if !filtered.is_empty() {
        line("filtered", filtered);
        if let Some(hint) = not_read(&loaded.reports) {
            line("not read", hint);
        }
    }
    let quarantined = by_reason(&loaded.reports, |report| report.problems.iter().map(|problem| problem.why.clone()).collect());
    if !quarantined.is_empty() {
        line("quarantined", quarantined);
        list_rejected(&loaded.reports, &mut text);
    }
    text.push_str(&integrity(&loaded.integrity));
    let notes = by_reason(&loaded.reports, |report| report.notes.clone());
    if !notes.is_empty() {
        text.push_str(&format!("  {:<12} {notes}\n", "notes"));
    }
    text
}

/// Names the first prefix in S3 that was not listed for each reason, and counts the others.
fn not_listed(cut: &[Cut]) -> Option<String> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for prefix in cut {
        reasons.entry(prefix.why).or_default().push(&prefix.name);
    }
    let named = reasons.iter().filter_map(|(why, prefixes)| {
        let (first, others) = prefixes.split_first()?;
        let more = if others.is_empty() { String::new() } else { format!(" and {} more", HumanCount(others.len() as u64)) };
        Some(format!("{}{more} {why}", visible(first)))
    });
    let named = named.collect::<Vec<_>>().join(", ");
    (!named.is_empty()).then(|| format!("{named} (excluded by prefix)"))
}

/// Names the files that differ from the digests that were loaded with them.
fn integrity(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "  {:<12} {} {} from what CloudTrail delivered; `ecs-audit verify-digests` shows all facts\n",
        "integrity",
        HumanCount(findings.len() as u64),
        plural::word(findings.len(), "difference", "differences")
    );
    for finding in findings.iter().take(LISTED) {
        text.push_str(&format!("    {}: {}\n", finding.kind.word().replace('_', " "), visible(&finding.file)));
    }
    if findings.len() > LISTED {
        text.push_str(&format!("    … and {} more\n", findings.len() - LISTED));
    }
    text
}

/// `digest in 4 files, empty in 1 file`, in alphabetical order.
fn by_reason(reports: &[FileReport], reasons: impl Fn(&FileReport) -> Vec<String>) -> String {
    let files = files_by_reason(reports, reasons);
    let counts: Vec<String> = files
        .iter()
        .map(|(reason, files)| format!("{} in {}", visible(reason), plural::counted(*files, "file", "files")))
        .collect();
    counts.join(", ")
}

/// The maximum number of files named in the hint about unread files.
const NAMED: usize = 3;

/// Names the first files without records and suggests what to export instead.
fn not_read(reports: &[FileReport]) -> Option<String> {
    let nothing = |report: &&FileReport| {
        report.read == report.filtered
            && report
                .filtered_as
                .iter()
                .any(|why| matches!(why.as_str(), "not_a_log" | "log_line" | "dstack_log" | "dstack_table" | "ecs_agent_log"))
    };
    let files: Vec<String> = reports.iter().filter(nothing).map(|report| visible(&report.name).to_string()).collect();
    let mut named = files.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if files.len() > NAMED {
        named.push_str(&format!(" and {} more", files.len() - NAMED));
    }
    let hint = "if that is an export, write it as JSON: `aws … --output json`, `dstack ps --json`";
    (!files.is_empty()).then(|| format!("{named}: no records found; {hint}"))
}

fn list_rejected(reports: &[FileReport], text: &mut String) {
    let rejected: Vec<_> =
        reports.iter().flat_map(|report| report.problems.iter().map(move |problem| (report, problem))).collect();
    for (report, problem) in rejected.iter().take(LISTED) {
        let place = problem.record.map_or_else(String::new, |record| format!(" record {record}"));
        text.push_str(&format!("    {}{place}: {}: {}\n", visible(&report.name), problem.why, visible(&problem.detail)));
    }
    // Only the first ones of a file have details.
    let all: u64 = reports.iter().map(|report| report.quarantined).sum();
    let more = all.saturating_sub(LISTED as u64);
    if more > 0 {
        text.push_str(&format!("    … and {} more: ecs-audit query \"quarantine\"\n", HumanCount(more)));
    }
}
