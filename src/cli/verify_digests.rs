//! `ecs-audit verify-digests`: checks the log files of an export against CloudTrail's digest files.

use super::args::VerifyDigests;
use super::environment::search_context;
use super::stdout;
use crate::app::{AppError, inputs, on_threads};
use crate::context::Context;
use crate::digests::{Finding, PublicKeys, Trail, Unverified, UnverifiedKind, Verdict, check, read};
use crate::exit::ExitCode;
use crate::render::{Schema, TextFormat, describe_instant, visible};
use serde::Serialize;

/// The number of unverified files that are listed for each reason.
const LISTED: usize = 5;

/// Runs the command.
pub fn run(arguments: &VerifyDigests, context: &Context) -> Result<ExitCode, AppError> {
    let keys = keys(arguments)?;
    let (inputs, unreadable) = inputs(&arguments.paths, None, &search_context()?)?;
    let evidence = on_threads(context.threads, || read(&inputs))?;
    let mut verdict = check(&evidence, keys.as_ref());
    for report in &unreadable {
        let detail = report.problems.first().map(|problem| problem.detail.clone()).unwrap_or_default();
        verdict.unverified.push(Unverified { kind: UnverifiedKind::UnreadableLog, file: report.name.to_string(), detail });
    }
    match arguments.output.format {
        TextFormat::Json => stdout::print_document(Schema::VerifyDigests, &Verification::of(&verdict))?,
        TextFormat::Text => stdout::print_page(text(&verdict, context), context)?,
    }
    Ok(if !verdict.findings.is_empty() {
        ExitCode::Finding
    } else if verdict.digests == 0 || !verdict.unverified.is_empty() {
        ExitCode::Partial
    } else {
        ExitCode::Ok
    })
}

fn keys(arguments: &VerifyDigests) -> Result<Option<PublicKeys>, AppError> {
    let mut keys = PublicKeys::default();
    for path in &arguments.public_keys {
        let wrong = |detail: String| {
            let how = "expected the output of `aws cloudtrail list-public-keys --start-time TIME --end-time TIME --output json`";
            AppError::Sentence(format!("`{}`: {detail}; {how}", path.display()))
        };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        keys.add(&text).map_err(wrong)?;
    }
    Ok((!arguments.public_keys.is_empty()).then_some(keys))
}

fn text(verdict: &Verdict, context: &Context) -> String {
    if verdict.digests == 0 && verdict.unverified.iter().all(|one| one.kind == UnverifiedKind::NotCovered) {
        return "no digest files found, so nothing can be verified: copy `AWSLogs/ACCOUNT/CloudTrail-Digest/` from the bucket, \
                beside the logs\n"
            .to_owned();
    }
    let mut text = String::new();
    for trail in &verdict.trails {
        text.push_str(&trail_line(trail, context));
    }
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<12} {value}\n"));
    line("digests", verdict.digests.to_string());
    line("log files", format!("{} listed, {} verified", verdict.logs.listed, verdict.logs.verified));
    line(
        "signatures",
        if verdict.signatures.checked {
            format!("{} verified", verdict.signatures.verified)
        } else {
            "not checked: `--public-keys FILE` takes the keys that `aws cloudtrail list-public-keys` lists".to_owned()
        },
    );
    if !verdict.findings.is_empty() {
        text.push_str("\nFindings\n");
        verdict.findings.iter().for_each(|finding| text.push_str(&finding_lines(finding)));
    }
    if !verdict.unverified.is_empty() {
        text.push_str("\nNot verified\n");
        text.push_str(&unverified_lines(&verdict.unverified));
    }
    text.push_str(match (verdict.findings.is_empty(), verdict.unverified.is_empty()) {
        (false, _) => "\nthe export differs from what CloudTrail delivered\n",
        (true, false) => "\nno differences found, but not everything could be verified\n",
        (true, true) if verdict.signatures.checked => "\nverified: the export is as CloudTrail delivered and signed it\n",
        (true, true) => "\nverified: all log files match their digests\n",
    });
    text
}

fn trail_line(trail: &Trail, context: &Context) -> String {
    let time = |time: Option<jiff::Timestamp>| {
        time.map_or_else(|| "an unknown time".to_owned(), |time| describe_instant(time, &context.tz))
    };
    let before = if trail.starts_before { "; an earlier digest is not in the export" } else { "" };
    visible(&format!(
        "trail {} of {} in {}: {} digests from {} to {}{before}",
        trail.name,
        trail.account,
        trail.region,
        trail.digests,
        time(trail.from),
        time(trail.to)
    ))
    .to_string()
        + "\n"
}

fn finding_lines(finding: &Finding) -> String {
    let kind = finding.kind.word().replace('_', " ");
    let mut text = format!("  {kind:<15} {}\n    {}\n", visible(&finding.file), visible(&finding.detail));
    if let Some(digest) = &finding.digest {
        text.push_str(&format!("    digest {}\n", visible(digest)));
    }
    text
}

/// The first files of each kind.
fn unverified_lines(unverified: &[Unverified]) -> String {
    let mut text = String::new();
    for of_kind in unverified.chunk_by(|left, right| left.kind == right.kind) {
        for one in of_kind.iter().take(LISTED) {
            let kind = one.kind.word().replace('_', " ");
            text.push_str(&format!("  {kind:<15} {}\n    {}\n", visible(&one.file), visible(&one.detail)));
        }
        if of_kind.len() > LISTED {
            text.push_str(&format!("  … and {} more; `--json` lists all\n", of_kind.len() - LISTED));
        }
    }
    text
}

/// The result, for programs.
#[derive(Serialize)]
struct Verification<'v> {
    verified: bool,
    #[serde(flatten)]
    verdict: &'v Verdict,
}

impl<'v> Verification<'v> {
    fn of(verdict: &'v Verdict) -> Self {
        let verified = verdict.findings.is_empty() && verdict.unverified.is_empty() && verdict.digests > 0;
        Verification { verified, verdict }
    }
}
