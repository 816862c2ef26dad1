//! The names of log and digest files. A file is found by its name wherever the export was copied to.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The last part of a path or key without the ending `.gz`, which some tools remove together with the compression.
pub fn base_name(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.strip_suffix(".gz").unwrap_or(name)
}

/// Whether a file is named like a digest.
pub fn is_digest_name(path: &str) -> bool {
    base_name(path).contains("_CloudTrail-Digest_")
}

/// The name of a log file: `ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_UNIQUE.json.gz`, or `CloudTrail-Insight` and the
/// like in place of `CloudTrail`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogName<'n> {
    /// The account.
    pub account: &'n str,
    /// The Region.
    pub region: &'n str,
    /// The minute of delivery.
    pub delivered: Timestamp,
}

/// The parts of a log file's name; `None` for other names.
pub fn log_name(path: &str) -> Option<LogName<'_>> {
    let name = base_name(path).strip_suffix(".json")?;
    let mut parts = name.split('_');
    let (account, kind, region, time) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    parts.next()?;
    let is_log = kind.starts_with("CloudTrail") && kind != "CloudTrail-Digest" && parts.next().is_none();
    if !is_log || account.is_empty() || !account.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let delivered = DateTime::strptime("%Y%m%dT%H%MZ", time).ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some(LogName { account, region, delivered })
}

/// The name of a digest: `ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOMEREGION_YYYYMMDDTHHMMSSZ.json.gz`. The name of a
/// trail may contain `_`, so it is what remains between the other parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DigestName {
    /// The account.
    pub account: String,
    /// The Region of the logs.
    pub region: String,
    /// The trail.
    pub trail: String,
    /// Whether it was delivered late. Such digests are not part of the hourly chain.
    pub is_backfill: bool,
}

/// The parts of a digest's name; a name of another form is a trail of its own.
pub fn digest_name(object: &str) -> DigestName {
    let name = base_name(object);
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let (stem, is_backfill) = stem.strip_suffix("_backfill").map_or((stem, false), |stem| (stem, true));
    let parts = || {
        let (account, rest) = stem.split_once("_CloudTrail-Digest_")?;
        let (region, rest) = rest.split_once('_')?;
        let (rest, _time) = rest.rsplit_once('_')?;
        let (trail, _home) = rest.rsplit_once('_')?;
        Some((account, region, trail))
    };
    let (account, region, trail) = parts().unwrap_or(("", "", ""));
    DigestName { account: account.to_owned(), region: region.to_owned(), trail: trail.to_owned(), is_backfill }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_parts() {
        let name = log_name("a/b/111122223333_CloudTrail_eu-west-1_20260302T2355Z_AbCdEf0123456789.json.gz").unwrap();
        assert_eq!((name.account, name.region), ("111122223333", "eu-west-1"));
        assert_eq!(name.delivered.to_string(), "2026-03-02T23:55:00Z");
        assert!(log_name("111122223333_CloudTrail-Insight_eu-west-1_20260302T2355Z_AbCdEf0123456789.json").is_some());
        for other in [
            "111122223333_CloudTrail-Digest_eu-west-1_my_trail_eu-west-1_20260302T235959Z.json.gz",
            "x_CloudTrail_eu-west-1_20260302T2355Z_A.json",
            "111122223333_CloudTrail_eu-west-1_2026_A.json",
            "records.json",
        ] {
            assert_eq!(log_name(other), None, "{other}");
        }
        let digest =
            digest_name("k/111122223333_CloudTrail-Digest_eu-west-1_my_trail_us-east-1_20260302T235959Z_backfill.json.gz");
        assert_eq!((digest.region.as_str(), digest.trail.as_str(), digest.is_backfill), ("eu-west-1", "my_trail", true));
    }
}
