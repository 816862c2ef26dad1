//! A digest file.

use super::sha256;
use jiff::Timestamp;
use serde_json::Value;

/// One digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// The file that it was read from.
    pub file: String,
    /// The SHA-256 hash of its uncompressed content.
    pub sha256: String,
    /// The start of its period.
    pub start: Option<Timestamp>,
    /// The end of its period.
    pub end: Option<Timestamp>,
    /// The end as written, which is part of the signed text.
    pub end_text: String,
    /// The bucket that it was delivered to.
    pub bucket: String,
    /// Its key in the bucket.
    pub object: String,
    /// The fingerprint of the key that signed it.
    pub fingerprint: String,
    /// The algorithm of its signature.
    pub signature_algorithm: String,
    /// The digest before it; `None` for the first one of a trail.
    pub previous: Option<Previous>,
    /// The log files that were delivered in its period.
    pub logs: Vec<ListedLog>,
}

/// The digest before a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previous {
    /// Its key.
    pub object: String,
    /// Its hash.
    pub hash: String,
    /// The algorithm of the hash.
    pub algorithm: String,
    /// Its signature in hexadecimal digits.
    pub signature: Option<String>,
}

/// A log file in a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedLog {
    /// Its key.
    pub object: String,
    /// The hash of its uncompressed content.
    pub hash: String,
    /// The algorithm of the hash.
    pub algorithm: String,
}

/// The only hash algorithm that CloudTrail uses.
pub const SHA_256: &str = "SHA-256";

impl Digest {
    /// Parses the uncompressed content of a digest file.
    ///
    /// # Errors
    /// With what is missing.
    pub fn parse(file: &str, content: &[u8]) -> Result<Digest, String> {
        let value: Value = serde_json::from_slice(content).map_err(|error| format!("not a digest: {error}"))?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let needed = |key: &str| text(key).ok_or_else(|| format!("not a digest: `{key}` is missing"));
        let time = |key: &str| value.get(key).and_then(Value::as_str).and_then(|time| time.parse().ok());
        let listed = value.get("logFiles").and_then(Value::as_array).ok_or("not a digest: `logFiles` is missing")?;
        let previous = text("previousDigestS3Object").map(|object| Previous {
            object,
            hash: text("previousDigestHashValue").unwrap_or_default(),
            algorithm: text("previousDigestHashAlgorithm").unwrap_or_default(),
            signature: text("previousDigestSignature"),
        });
        Ok(Digest {
            file: file.to_owned(),
            sha256: sha256(content),
            start: time("digestStartTime"),
            end: time("digestEndTime"),
            end_text: needed("digestEndTime")?,
            bucket: text("digestS3Bucket").unwrap_or_default(),
            object: needed("digestS3Object")?,
            fingerprint: text("digestPublicKeyFingerprint").unwrap_or_default(),
            signature_algorithm: text("digestSignatureAlgorithm").unwrap_or_default(),
            previous,
            logs: listed.iter().map(listed_log).collect::<Result<_, _>>()?,
        })
    }
}

fn listed_log(value: &Value) -> Result<ListedLog, String> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    Ok(ListedLog {
        object: text("s3Object").ok_or("an entry of `logFiles` has no `s3Object`")?,
        hash: text("hashValue").unwrap_or_default(),
        algorithm: text("hashAlgorithm").unwrap_or_default(),
    })
}
