//! `ecs-audit load`: loads exports into the store and prints a summary.

mod document;

use super::args::{Global, Load};
use super::explain::{point_in_time, print_page};
use super::stderr::{CliError, say};
use super::store::described;
use crate::context::Context;
use crate::decode::budget::Limits;
use crate::digests::Finding;
use crate::discover::{Cut, Found, Input, Problem, Remote, S3Settings, find};
use crate::exit::ExitCode;
use crate::load::{FileReport, LoadOptions, Progress, QUARANTINED_MEMBERS, Rejected, Selection, Silent, Totals};
use crate::micros::DAY;
use crate::plural;
use crate::render::{Schema, TextFormat, describe_instant, visible};
use crate::store::{Loaded, Store, WriteOptions};
use crate::table::TableSet;
use document::Document;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One day: the maximum time by which records may be ahead of the clock.
const AHEAD: i64 = DAY;
/// The maximum number of rejected records listed individually.
const LISTED: usize = 10;

/// The note after a missing manifest was rebuilt.
pub const MANIFEST_WAS_LOST: &str = "note: manifest.json was missing or damaged; it was rebuilt from the ledger's log";

/// Runs the command.
pub fn run(arguments: &Load, global: &Global, context: &Context) -> Result<ExitCode, CliError> {
    let selection = selection(arguments, context)?;
    let Found { mut inputs, problems, cut } = search(&arguments.paths, Some(&global.store), &selection)?;
    let not_read: Vec<FileReport> = problems.iter().map(unreadable).collect();
    let left_out = LeftOut { files: leave_out(&mut inputs, &selection), cut };
    let options = LoadOptions { selection, ..load_options(context, true, TableSet::ALL) };
    let write_options = write_options(global, context)?;
    let loaded = on_threads(context.threads, || {
        let bar = Bar::new(&inputs, context.progress);
        let progress: &dyn Progress = match &bar {
            Some(bar) => bar,
            None => &Silent,
        };
        let loaded = Store::load(&global.store, inputs, not_read, (&options, write_options), progress, &|| {
            say("note: another ecs-audit is writing to the store; waiting for it");
        });
        if let Some(bar) = &bar {
            bar.end();
        }
        loaded
    })??;
    for commit in &loaded.adopted {
        say(&format!("note: another program changed the store; the change is kept: {}", visible(&described(commit))));
    }
    if loaded.manifest_was_lost {
        say(MANIFEST_WAS_LOST);
    }
    if let Some(why) = &loaded.untidy {
        say(&format!("note: the records are loaded, but small files in the store could not be merged: {why}"));
    }
    match arguments.output.format {
        TextFormat::Json => super::document::print(Schema::Load, &Document::of(&loaded, &left_out, &global.store))?,
        TextFormat::Text => print_page(summary(&loaded, &left_out, &global.store, context), context)?,
    }
    Ok(exit_code(&loaded.totals))
}

/// The selection of records to load.
fn selection(arguments: &Load, context: &Context) -> Result<Selection, CliError> {
    let time = |option: &str, text: &Option<String>| {
        let time = text.as_deref().map(|text| point_in_time(option, text, context.now, context)).transpose()?;
        Ok::<_, CliError>(time.map(jiff::Timestamp::as_microsecond))
    };
    Ok(Selection {
        since: time("--since", &arguments.since)?,
        until: time("--until", &arguments.until)?,
        accounts: arguments.account.clone(),
        regions: arguments.region.clone(),
        removed: Vec::new(),
    })
}

/// What is excluded by its path.
struct LeftOut {
    /// The number of files by reason.
    files: BTreeMap<&'static str, u64>,
    /// Prefixes in S3 that were not listed, so that their files are not counted.
    cut: Vec<Cut>,
}

/// Excludes files by their paths and counts them by reason.
fn leave_out(inputs: &mut Vec<Input>, selection: &Selection) -> BTreeMap<&'static str, u64> {
    let mut left_out = BTreeMap::new();
    if !selection.is_everything() {
        inputs.retain(|input| {
            let why = selection.leaves_out_file(&input.name);
            why.map(|why| *left_out.entry(why).or_default() += 1).is_none()
        });
    }
    left_out
}

/// The options for writing to the store.
///
/// # Errors
/// If the default store is a symbolic link and was not named: whoever created the folder would choose where data is written.
pub fn write_options(global: &Global, context: &Context) -> Result<WriteOptions, CliError> {
    if global.configured.store_is_default() && global.store.is_symlink() {
        let store = global.store.display();
        let what = format!("`{store}` is a symbolic link; to write to the store that it points to, name it with --store {store}");
        return Err(CliError::Sentence(what));
    }
    Ok(WriteOptions { now: context.now.as_microsecond(), patience: global.wait })
}

/// `Partial` if something could not be loaded.
pub fn exit_code(totals: &Totals) -> ExitCode {
    if totals.quarantined > 0 { ExitCode::Partial } else { ExitCode::Ok }
}

/// The limits of a load.
pub fn load_options(context: &Context, keep_raw: bool, tables: TableSet) -> LoadOptions {
    LoadOptions {
        latest: context.now.as_microsecond().saturating_add(AHEAD),
        keep_raw,
        tables,
        limits: Limits::STANDARD,
        selection: Selection::default(),
        integrity: None,
    }
}

/// The files below some paths; each path that cannot be read becomes a report of its own.
pub fn inputs(paths: &[PathBuf], store: Option<&Path>) -> Result<(Vec<Input>, Vec<FileReport>), CliError> {
    let Found { inputs, problems, .. } = search(paths, store, &Selection::default())?;
    Ok((inputs, problems.iter().map(unreadable).collect()))
}

/// The environment variables that matter for S3.
pub fn s3_settings() -> S3Settings {
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    S3Settings::new(variables)
}

/// Searches paths and locations in S3. A prefix that the selection leaves out is not listed.
fn search(paths: &[PathBuf], store: Option<&Path>, selection: &Selection) -> Result<Found, CliError> {
    let remote = Remote { settings: s3_settings(), left_out: &|path| selection.leaves_out_file(path) };
    let found = find(paths, &std::env::current_dir()?, store, Some(&remote));
    if found.inputs.is_empty()
        && let Some(problem) = found.problems.first()
    {
        let next = match &problem.instead {
            Some(command) => format!("; bring it here first: `{command}`"),
            None if problem.is_explained => String::new(),
            None => match meant_location(&problem.name) {
                Some(location) => format!("; did you mean `{location}`?"),
                None => "; expected a file or folder of exports".to_owned(),
            },
        };
        return Err(CliError::Sentence(format!("`{}`: {}{next}", problem.name, problem.detail)));
    }
    Ok(found)
}

/// The location in S3 that a name with other signs after `s3` means, such as `s3:/bucket/prefix`.
fn meant_location(name: &str) -> Option<String> {
    let (scheme, rest) = name.split_at_checked(2)?;
    let place = rest.trim_start_matches([':', '/']);
    let signs = rest.strip_suffix(place)?;
    let meant = scheme.eq_ignore_ascii_case("s3") && (signs.contains(':') || signs.len() > 1) && !place.is_empty();
    meant.then(|| format!("s3://{place}"))
}

fn unreadable(problem: &Problem) -> FileReport {
    let mut report = FileReport {
        name: problem.name.as_str().into(),
        folder: problem.folder.clone(),
        format: "unreadable".to_owned(),
        ..FileReport::default()
    };
    let detail = match &problem.instead {
        Some(command) => format!("{}; bring it here first: `{command}`", problem.detail),
        None => problem.detail.clone(),
    };
    report.quarantine(Rejected { record: None, offset: None, why: "unreadable".to_owned(), detail, sample: String::new() });
    report
}

/// Runs a function on a pool of `threads` threads.
pub fn on_threads<R: Send>(threads: usize, run: impl FnOnce() -> R + Send) -> Result<R, CliError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(16 << 20)
        .build()
        .map_err(|error| CliError::Sentence(format!("could not start threads: {error}")))?;
    Ok(pool.install(run))
}

/// A progress bar on a terminal.
pub struct Bar {
    bar: ProgressBar,
    records: std::sync::atomic::AtomicU64,
    files: std::sync::atomic::AtomicU64,
    of: usize,
}

impl Bar {
    /// A bar over the bytes of the inputs, if requested.
    pub fn new(inputs: &[Input], wanted: bool) -> Option<Bar> {
        if !wanted {
            return None;
        }
        let bar = ProgressBar::new(inputs.iter().map(|input| input.size).sum());
        let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} eta {eta} {msg}").ok()?;
        bar.set_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Some(Bar { bar, records: Default::default(), files: Default::default(), of: inputs.len() })
    }

    /// Removes the bar.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn file_done(&self, report: &FileReport) {
        use std::sync::atomic::Ordering::Relaxed;
        let records = self.records.fetch_add(report.read, Relaxed) + report.read;
        let files = self.files.fetch_add(u64::from(!report.is_member), Relaxed) + u64::from(!report.is_member);
        self.bar.set_message(format!("{files}/{} files, {} records", self.of, HumanCount(records)));
    }

    fn bytes_read(&self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

/// The summary of a load as text.
fn summary(loaded: &Loaded, left_out: &LeftOut, store: &Path, context: &Context) -> String {
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

fn span(reports: &[FileReport]) -> (Option<jiff::Timestamp>, Option<jiff::Timestamp>) {
    let instant = |micros: i64| jiff::Timestamp::from_microsecond(micros).ok();
    (
        reports.iter().filter_map(|report| report.first).min().and_then(instant),
        reports.iter().filter_map(|report| report.last).max().and_then(instant),
    )
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

/// The number of files with each reason.
fn files_by_reason(reports: &[FileReport], reasons: impl Fn(&FileReport) -> Vec<String>) -> BTreeMap<String, u64> {
    let mut files: BTreeMap<String, u64> = BTreeMap::new();
    for report in reports {
        let mut reasons = reasons(report);
        reasons.sort();
        reasons.dedup();
        for reason in reasons {
            *files.entry(reason).or_default() += 1;
        }
    }
    files
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_with_other_signs_is_recognized() {
        for name in ["s3:/bucket/x", "s3:bucket/x", "S3//bucket/x", "s3:///bucket/x"] {
            assert_eq!(meant_location(name).as_deref(), Some("s3://bucket/x"), "{name}");
        }
        for name in ["s3/bucket", "s3-export", "s3:", "s3", "exports", "", "é"] {
            assert_eq!(meant_location(name), None, "{name}");
        }
    }
}
