//! The result of a check.

use crate::rfc3339::some_instant;
use jiff::Timestamp;
use serde::Serialize;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A log file differs from its hash.
    ModifiedLog,
    /// A listed log file is missing.
    MissingLog,
    /// A log file was delivered in the period of the digests, and none lists it.
    UnlistedLog,
    /// A digest differs from its hash in the next one.
    ModifiedDigest,
    /// A digest of the chain is missing.
    MissingDigest,
    /// A chain starts again: nothing vouches for the time between.
    RestartedChain,
    /// A digest file has the name of another one.
    MovedDigest,
    /// A signature does not match its digest.
    BadSignature,
}

impl FindingKind {
    /// Its name in machine-readable output.
    pub fn word(self) -> &'static str {
        match self {
            FindingKind::ModifiedLog => "modified_log",
            FindingKind::MissingLog => "missing_log",
            FindingKind::UnlistedLog => "unlisted_log",
            FindingKind::ModifiedDigest => "modified_digest",
            FindingKind::MissingDigest => "missing_digest",
            FindingKind::RestartedChain => "restarted_chain",
            FindingKind::MovedDigest => "moved_digest",
            FindingKind::BadSignature => "bad_signature",
        }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The kind.
    pub kind: FindingKind,
    /// The file, or the key of a missing one.
    pub file: String,
    /// The digest that shows it.
    pub digest: Option<String>,
    /// The facts, in one line.
    pub detail: String,
}

/// Why something could not be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnverifiedKind {
    /// A digest cannot be read.
    UnreadableDigest,
    /// A log file cannot be read.
    UnreadableLog,
    /// A hash or signature uses an unknown algorithm.
    UnknownAlgorithm,
    /// The signature of a digest is not in the export.
    NoSignature,
    /// The key that signed a digest is not given.
    NoKey,
    /// No digest covers the time when a log file was delivered.
    NotCovered,
}

impl UnverifiedKind {
    /// Its name in machine-readable output.
    pub fn word(self) -> &'static str {
        match self {
            UnverifiedKind::UnreadableDigest => "unreadable_digest",
            UnverifiedKind::UnreadableLog => "unreadable_log",
            UnverifiedKind::UnknownAlgorithm => "unknown_algorithm",
            UnverifiedKind::NoSignature => "no_signature",
            UnverifiedKind::NoKey => "no_key",
            UnverifiedKind::NotCovered => "not_covered",
        }
    }
}

/// Something that could not be verified.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unverified {
    /// The kind.
    pub kind: UnverifiedKind,
    /// The file.
    pub file: String,
    /// Why, in one line.
    pub detail: String,
}

/// The digests of one trail and Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trail {
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The name of the trail.
    #[serde(rename = "trail")]
    pub name: String,
    /// The number of digests.
    pub digests: usize,
    /// The start of the first digest.
    #[serde(serialize_with = "some_instant")]
    pub from: Option<Timestamp>,
    /// The end of the last digest.
    #[serde(serialize_with = "some_instant")]
    pub to: Option<Timestamp>,
    /// Whether an earlier digest exists that is not in the export.
    pub starts_before: bool,
}

/// Log files by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LogCounts {
    /// Listed in digests.
    pub listed: usize,
    /// Equal to their hash.
    pub verified: usize,
}

/// Signatures by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SignatureCounts {
    /// Whether keys were given.
    pub checked: bool,
    /// Correct.
    pub verified: usize,
}

/// The result of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The trails.
    pub trails: Vec<Trail>,
    /// The number of digests.
    pub digests: usize,
    /// The log files.
    #[serde(rename = "log_files")]
    pub logs: LogCounts,
    /// The signatures.
    pub signatures: SignatureCounts,
    /// What is wrong, by kind and file.
    pub findings: Vec<Finding>,
    /// What could not be verified.
    pub unverified: Vec<Unverified>,
}

impl Verdict {
    /// Adds something that is wrong.
    pub(super) fn add_finding(&mut self, kind: FindingKind, file: &str, digest: Option<&str>, detail: String) {
        self.findings.push(Finding { kind, file: file.to_owned(), digest: digest.map(str::to_owned), detail });
    }

    /// Adds something that could not be verified.
    pub(super) fn add_unverified(&mut self, kind: UnverifiedKind, file: &str, detail: String) {
        self.unverified.push(Unverified { kind, file: file.to_owned(), detail });
    }

    /// Puts the lists into a fixed order.
    pub(super) fn finish(&mut self) {
        self.findings.sort();
        self.findings.dedup();
        self.unverified.sort();
        self.unverified.dedup();
    }
}
