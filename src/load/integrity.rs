//! Checks log files against the digests of CloudTrail that are loaded with them.
//!
//! A load hashes the log files that its digests list while it has their bytes in memory. What differs becomes a note of
//! the file in the ledger. `verify-digests` checks more: files of earlier loads, and signatures.

use super::account::FileReport;
use crate::digests::{
    Content, Evidence, Finding, FindingKind, LocalFile, base_name, check, is_digest_name, read_digests, sha256,
};
use crate::discover::Input;
use crate::table::IntegrityNote;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

/// The digests of a load, and the log files that they list.
#[derive(Debug)]
pub struct Integrity {
    evidence: Evidence,
    listed: HashSet<String>,
    /// The names of all files, read or not.
    files: Vec<String>,
    seen: Mutex<BTreeMap<String, Content>>,
}

impl Integrity {
    /// Reads the new digests among some files; `None` if there are none.
    pub fn of(inputs: &[Input], is_new: impl Fn(&Input) -> bool) -> Option<Integrity> {
        let digests: Vec<&Input> = inputs.iter().filter(|input| is_digest_name(&input.name) && is_new(input)).collect();
        if digests.is_empty() {
            return None;
        }
        let evidence = read_digests(&digests);
        let logs = evidence.digests.iter().flat_map(|digest| &digest.logs);
        let listed = logs.map(|log| base_name(&log.object).to_owned()).collect();
        let files = inputs.iter().map(|input| input.name.to_string()).collect();
        Some(Integrity { evidence, listed, files, seen: Mutex::default() })
    }

    /// Hashes the uncompressed content of a file, if a digest lists it.
    pub fn see(&self, name: &str, bytes: &[u8], is_damaged: bool) {
        if self.listed.contains(base_name(name)) {
            let content = match is_damaged {
                true => Content::Damaged("it cannot be decompressed completely".to_owned()),
                false => Content::Sha256(sha256(bytes)),
            };
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), content);
        }
    }

    /// What differs; each finding is also a note of its file or digest.
    pub fn findings(&self, reports: &mut [FileReport]) -> Vec<Finding> {
        let mut seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let mut evidence = self.evidence.clone();
        let content = |name: &String| seen.remove(name).unwrap_or(Content::NotRead);
        evidence.files = self.files.iter().map(content).zip(&self.files).map(|(content, name)| local(name, content)).collect();
        let known: BTreeSet<&str> = self.files.iter().map(|name| base_name(name)).collect();
        let mut findings = check(&evidence, None).findings;
        // A digest of an earlier load is there, and is not read again.
        findings.retain(|finding| finding.kind != FindingKind::MissingDigest || !known.contains(base_name(&finding.file)));
        let mut notes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for finding in &findings {
            let (file, note) = note_of(finding);
            notes.entry(file).or_default().insert(note);
        }
        for report in reports {
            let name = std::sync::Arc::clone(&report.name);
            notes.get(&*name).into_iter().flatten().for_each(|note| report.note(note));
        }
        findings
    }
}

fn local(name: &str, content: Content) -> LocalFile {
    LocalFile { name: name.to_owned(), content }
}

/// The note of a finding, and the file that gets it: a missing file is noted on the digest that lists it.
fn note_of(finding: &Finding) -> (&str, &'static str) {
    let on_digest = finding.digest.as_deref().unwrap_or(&finding.file);
    let (file, note) = match finding.kind {
        FindingKind::ModifiedLog | FindingKind::ModifiedDigest => (finding.file.as_str(), IntegrityNote::Modified),
        FindingKind::MissingLog => (on_digest, IntegrityNote::ListsMissing),
        FindingKind::UnlistedLog => (finding.file.as_str(), IntegrityNote::Unlisted),
        FindingKind::MissingDigest => (on_digest, IntegrityNote::NoPredecessor),
        FindingKind::RestartedChain => (finding.file.as_str(), IntegrityNote::NewChain),
        FindingKind::MovedDigest => (finding.file.as_str(), IntegrityNote::WrongName),
        FindingKind::BadSignature => (finding.file.as_str(), IntegrityNote::BadSignature),
    };
    (file, note.text())
}
