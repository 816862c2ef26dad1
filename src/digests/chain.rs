//! The chain of digests: each contains the hash of the one before it.

use super::model::{Digest, SHA_256};
use super::name::{DigestName, base_name, digest_name};
use super::verdict::{FindingKind, Trail, UnverifiedKind, Verdict};
use std::collections::BTreeMap;

/// The digests of each trail and Region, oldest first.
pub type Chains<'d> = BTreeMap<DigestName, Vec<&'d Digest>>;

/// Sorts digests into chains, without copies, and describes each chain.
pub fn chains<'d>(digests: &'d [Digest], verdict: &mut Verdict) -> Chains<'d> {
    let mut chains = Chains::new();
    for digest in digests {
        chains.entry(digest_name(&digest.object)).or_default().push(digest);
    }
    for (name, chain) in &mut chains {
        chain.sort_by(|left, right| (left.end, &left.object, &left.sha256).cmp(&(right.end, &right.object, &right.sha256)));
        chain.dedup_by(|left, right| left.object == right.object && left.sha256 == right.sha256);
        let first = chain.first();
        verdict.digests += chain.len();
        verdict.trails.push(Trail {
            account: name.account.clone(),
            region: name.region.clone(),
            name: name.trail.clone(),
            digests: chain.len(),
            from: first.and_then(|digest| digest.start),
            to: chain.last().and_then(|digest| digest.end),
            starts_before: first.is_some_and(|digest| digest.previous.is_some()),
        });
    }
    chains
}

/// Checks every link.
pub fn check(chains: &Chains<'_>, digests: &[Digest], verdict: &mut Verdict) {
    let mut known: BTreeMap<&str, Vec<&Digest>> = BTreeMap::new();
    for digest in digests {
        known.entry(base_name(&digest.object)).or_default().push(digest);
        let (named, is) = (base_name(&digest.file), base_name(&digest.object));
        if super::is_digest_name(named) && super::is_digest_name(is) && named != is {
            let detail = format!("its content is that of `{is}`");
            verdict.add_finding(FindingKind::MovedDigest, &digest.file, None, detail);
        }
    }
    // Digests without the key of a trail do not form a chain.
    for (name, chain) in chains.iter().filter(|(name, _)| !name.trail.is_empty()) {
        for (place, digest) in chain.iter().enumerate() {
            let before = place.checked_sub(1).and_then(|before| chain.get(before));
            let Some(previous) = &digest.previous else {
                if let Some(before) = before.filter(|_| !name.is_backfill) {
                    let detail = format!(
                        "a new chain starts {}; the one before it ended {}; nothing vouches for log files in between",
                        start_of(digest),
                        before.end_text
                    );
                    verdict.add_finding(FindingKind::RestartedChain, &digest.file, None, detail);
                }
                continue;
            };
            let Some(copies) = known.get(base_name(&previous.object)) else {
                if let Some(before) = before {
                    let detail = format!("the chain has a gap from {} to {}", before.end_text, start_of(digest));
                    let kind = FindingKind::MissingDigest;
                    verdict.add_finding(kind, &previous.object, Some(&digest.file), detail);
                }
                continue;
            };
            if previous.algorithm != SHA_256 {
                let detail = format!("the hash of the digest before it uses `{}`; only {SHA_256} is known", previous.algorithm);
                verdict.add_unverified(UnverifiedKind::UnknownAlgorithm, &digest.file, detail);
                continue;
            }
            for copy in copies.iter().filter(|copy| !copy.sha256.eq_ignore_ascii_case(&previous.hash)) {
                let detail = format!("its SHA-256 is {}; the next digest says {}", copy.sha256, previous.hash);
                let kind = FindingKind::ModifiedDigest;
                verdict.add_finding(kind, &copy.file, Some(&digest.file), detail);
            }
        }
    }
}

fn start_of(digest: &Digest) -> String {
    digest.start.map_or_else(|| "at an unknown time".to_owned(), |start| start.to_string())
}
