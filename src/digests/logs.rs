//! The log files: each listed one must be there and have its hash, and each one that is there must be listed.

use super::chain::Chains;
use super::evidence::{Content, Evidence, LocalFile};
use super::model::{Digest, ListedLog, SHA_256};
use super::name::{base_name, log_name};
use super::verdict::{FindingKind, UnverifiedKind, Verdict};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A file that was delivered this shortly before the end of the last digest may be listed in the next one: the time in
/// its name is older than its delivery.
const MARGIN: SignedDuration = SignedDuration::from_mins(15);

/// The hashes in digests, by the name of the log file.
pub(super) fn listed_hashes(digests: &[Digest]) -> BTreeMap<&str, &str> {
    digests.iter().flat_map(|digest| &digest.logs).map(|log| (base_name(&log.object), log.hash.as_str())).collect()
}

/// Checks the log files.
pub fn check(chains: &Chains<'_>, evidence: &Evidence, verdict: &mut Verdict) {
    let mut by_name: BTreeMap<&str, Vec<&LocalFile>> = BTreeMap::new();
    let mut by_hash: BTreeMap<&str, &LocalFile> = BTreeMap::new();
    for file in &evidence.files {
        by_name.entry(base_name(&file.name)).or_default().push(file);
        if let Content::Sha256(hash) = &file.content {
            by_hash.entry(hash).or_insert(file);
        }
    }
    let mut listed: BTreeSet<&str> = BTreeSet::new();
    for digest in chains.values().flatten() {
        for log in &digest.logs {
            if listed.insert(base_name(&log.object)) {
                verdict.logs.listed += 1;
                let there = by_name.get(base_name(&log.object)).map(Vec::as_slice).unwrap_or_default();
                check_log(log, digest, there, &by_hash, verdict);
            }
        }
    }
    let unlisted = evidence.files.iter().filter(|file| !listed.contains(base_name(&file.name)));
    for file in unlisted {
        check_unlisted(file, chains, verdict);
    }
}

fn check_log(
    log: &ListedLog,
    digest: &Digest,
    there: &[&LocalFile],
    by_hash: &BTreeMap<&str, &LocalFile>,
    verdict: &mut Verdict,
) {
    let expected = log.hash.to_ascii_lowercase();
    if log.algorithm != SHA_256 {
        let detail = format!("its hash in `{}` uses `{}`; only {SHA_256} is known", digest.file, log.algorithm);
        verdict.add_unverified(UnverifiedKind::UnknownAlgorithm, &log.object, detail);
        return;
    }
    // The file may have been renamed: its content decides.
    if there.is_empty() && !by_hash.contains_key(expected.as_str()) {
        let detail = "it is not in the export".to_owned();
        verdict.add_finding(FindingKind::MissingLog, &log.object, Some(&digest.file), detail);
        return;
    }
    let mut is_verified = true;
    for file in there {
        match &file.content {
            Content::Sha256(found) if *found == expected => {}
            Content::Sha256(found) => {
                is_verified = false;
                let detail = format!("its SHA-256 is {found}; the digest says {expected}");
                verdict.add_finding(FindingKind::ModifiedLog, &file.name, Some(&digest.file), detail);
            }
            Content::Damaged(detail) => {
                is_verified = false;
                verdict.add_finding(FindingKind::ModifiedLog, &file.name, Some(&digest.file), detail.clone());
            }
            Content::NotRead => is_verified = false,
            Content::Unreadable(detail) => {
                is_verified = false;
                verdict.add_unverified(UnverifiedKind::UnreadableLog, &file.name, detail.clone());
            }
        }
    }
    verdict.logs.verified += usize::from(is_verified);
}

/// A log file that no digest lists was added, or its digest is not in the export.
fn check_unlisted(file: &LocalFile, chains: &Chains<'_>, verdict: &mut Verdict) {
    let Some(name) = log_name(&file.name) else { return };
    let of_region: Vec<&Digest> = chains
        .iter()
        .filter(|(chain, _)| chain.account == name.account && chain.region == name.region && !chain.is_backfill)
        .flat_map(|(_, digests)| digests.iter().copied())
        .filter(|digest| tree_of(&digest.file) == tree_of(&file.name))
        .collect();
    let covering = of_region.iter().find(|digest| covers(digest, name.delivered));
    let is_last = |digest: &Digest| of_region.iter().all(|other| other.end <= digest.end);
    match covering.filter(|digest| !(is_last(digest) && is_near_end(digest, name.delivered))) {
        Some(digest) => {
            let detail = format!("it was delivered {}, and no digest lists it", name.delivered);
            verdict.add_finding(FindingKind::UnlistedLog, &file.name, Some(&digest.file), detail);
        }
        None => {
            let detail = format!("no digest in the export covers {}, when it was delivered", name.delivered);
            verdict.add_unverified(UnverifiedKind::NotCovered, &file.name, detail);
        }
    }
}

/// The folder of an account in a copy of a bucket, or the folder of a file elsewhere: the digests of one trail say nothing
/// about the log files of another one, which are in another copy.
fn tree_of(path: &str) -> &str {
    let folders = path.match_indices("/CloudTrail").map(|(end, _)| end);
    let end = folders.last().filter(|end| path.get(end + 1..).is_some_and(|rest| rest.contains('/')));
    let end = end.or_else(|| path.rfind('/')).unwrap_or(0);
    path.get(..end).unwrap_or_default()
}

fn covers(digest: &Digest, time: Timestamp) -> bool {
    digest.start.zip(digest.end).is_some_and(|(start, end)| start <= time && time <= end)
}

fn is_near_end(digest: &Digest, time: Timestamp) -> bool {
    digest.end.is_some_and(|end| end.duration_since(time) < MARGIN)
}
