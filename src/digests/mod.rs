//! Integrity of a CloudTrail export: checks log files against the digest files that CloudTrail delivers every hour.
//!
//! In: the files of an export. Out: a [`Verdict`] that names modified, missing and unlisted files, gaps of the chain of
//! digests, and everything that could not be checked. A digest lists the SHA-256 hash of every log file of its hour, and
//! the hash and the signature of the digest before it, so a chain of digests vouches for all files in between. The
//! signatures are checked only with the public keys of AWS, which must come from a trusted source.

mod chain;
mod evidence;
mod logs;
mod model;
mod name;
mod signature;
mod verdict;

#[cfg(test)]
mod tests;

pub use evidence::{Content, Evidence, LocalFile, read, read_digests};
use logs::listed_hashes;
pub use model::{Digest, ListedLog, Previous};
pub use name::{base_name, is_digest_name};
pub use signature::PublicKeys;
pub use verdict::{Finding, FindingKind, LogCounts, SignatureCounts, Trail, Unverified, UnverifiedKind, Verdict};

/// Checks the files of an export; without keys, signatures are not checked.
pub fn check(evidence: &Evidence, keys: Option<&PublicKeys>) -> Verdict {
    let mut verdict = Verdict::default();
    for (file, detail) in &evidence.unreadable_digests {
        verdict.add_unverified(UnverifiedKind::UnreadableDigest, file, detail.clone());
    }
    let chains = chain::chains(&evidence.digests, &mut verdict);
    chain::check(&chains, &evidence.digests, &mut verdict);
    logs::check(&chains, evidence, &mut verdict);
    if let Some(keys) = keys {
        signature::check(evidence, keys, &mut verdict);
    }
    verdict.finish();
    verdict
}

/// The SHA-256 hash of bytes, in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
