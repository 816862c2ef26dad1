//! Signatures of digests: RSA (PKCS #1 v1.5) with SHA-256.

use super::evidence::Evidence;
use super::model::Digest;
use super::name::base_name;
use super::verdict::{FindingKind, UnverifiedKind, Verdict};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;
use std::collections::BTreeMap;

/// The only signature algorithm that CloudTrail uses.
const ALGORITHM: &str = "SHA256withRSA";

/// The public keys of AWS by fingerprint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicKeys(BTreeMap<String, Vec<u8>>);

impl PublicKeys {
    /// Adds the keys in the output of `aws cloudtrail list-public-keys`.
    ///
    /// # Errors
    /// With what was expected.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
        let list = value.get("PublicKeyList").or(Some(&value)).and_then(Value::as_array);
        let list = list.ok_or("expected `PublicKeyList`, as `aws cloudtrail list-public-keys` writes it")?;
        for key in list {
            let text = |name: &str| key.get(name).and_then(Value::as_str).ok_or_else(|| format!("a key has no `{name}`"));
            let der = STANDARD.decode(text("Value")?.trim()).map_err(|error| format!("a key is not base64: {error}"))?;
            self.0.insert(text("Fingerprint")?.to_ascii_lowercase(), der);
        }
        if self.0.is_empty() {
            Err("it contains no keys; name the Region of the trail with `--region`".to_owned())
        } else {
            Ok(())
        }
    }
}

/// Checks the signature of every digest. It is in the next digest, or in a file beside the digest with the metadata of
/// its object.
pub fn check(evidence: &Evidence, keys: &PublicKeys, verdict: &mut Verdict) {
    verdict.signatures.checked = true;
    let mut signatures: BTreeMap<&str, &str> =
        evidence.signatures.iter().map(|(name, signature)| (name.as_str(), signature.as_str())).collect();
    for previous in evidence.digests.iter().filter_map(|digest| digest.previous.as_ref()) {
        signatures.extend(previous.signature.as_deref().map(|signature| (base_name(&previous.object), signature)));
    }
    for digest in &evidence.digests {
        if digest.signature_algorithm != ALGORITHM {
            let detail = format!("it is signed with `{}`; only {ALGORITHM} is known", digest.signature_algorithm);
            verdict.add_unverified(UnverifiedKind::UnknownAlgorithm, &digest.file, detail);
            continue;
        }
        let Some(signature) = signatures.get(base_name(&digest.object)) else {
            verdict.add_unverified(UnverifiedKind::NoSignature, &digest.file, no_signature(digest));
            continue;
        };
        let Some(key) = keys.0.get(&digest.fingerprint.to_ascii_lowercase()) else {
            let detail = format!("the key with fingerprint {} is not among the public keys", digest.fingerprint);
            verdict.add_unverified(UnverifiedKind::NoKey, &digest.file, detail);
            continue;
        };
        if is_signed(digest, signature, key) {
            verdict.signatures.verified += 1;
        } else {
            let detail = format!("the signature does not match its content and the key {}", digest.fingerprint);
            verdict.add_finding(FindingKind::BadSignature, &digest.file, None, detail);
        }
    }
}

fn no_signature(digest: &Digest) -> String {
    format!(
        "its signature is in the metadata of its object: `aws s3api head-object --bucket {} --key {} > {}.gz.head.json` saves it",
        digest.bucket,
        digest.object,
        base_name(&digest.object)
    )
}

fn is_signed(digest: &Digest, signature: &str, key: &[u8]) -> bool {
    let before = digest.previous.as_ref().and_then(|previous| previous.signature.as_deref()).unwrap_or("null");
    let Digest { end_text, bucket, object, sha256, .. } = digest;
    let text = format!("{end_text}\n{bucket}/{object}\n{sha256}\n{before}");
    let Some(signature) = bytes_of(signature) else { return false };
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(text.as_bytes(), &signature).is_ok()
}

/// The bytes of hexadecimal digits.
fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8; 2]| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok();
    if rest.is_empty() { pairs.iter().map(pair).collect() } else { None }
}
