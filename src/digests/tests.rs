//! Changes an export in every way that digests reveal. The signatures of the sample were made with a key that no longer
//! exists.

use super::{Evidence, FindingKind, PublicKeys, UnverifiedKind, Verdict, check, read, sha256};
use crate::discover::find_inputs;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

const LOGS: &str = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/05/11/111122223333_CloudTrail_eu-west-1_";
const DIGESTS: &str =
    "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/05/11/111122223333_CloudTrail-Digest_eu-west-1_audit_all_eu-west-1_";
const LOG_8: &str = "20260511T0815Z_q7RkD2mXv0TzYw1b.json.gz";

/// A copy of the sample.
struct Export(tempfile::TempDir);

impl Export {
    fn new() -> Export {
        let dir = tempfile::tempdir().unwrap();
        copy(&sample(), dir.path());
        Export(dir)
    }

    fn log(&self, name: &str) -> PathBuf {
        self.0.path().join(format!("{LOGS}{name}"))
    }

    fn digest(&self, hour: &str) -> PathBuf {
        self.0.path().join(format!("{DIGESTS}20260511T{hour}0000Z.json.gz"))
    }

    fn evidence(&self) -> Evidence {
        let (inputs, problems) = find_inputs(&[self.0.path().to_path_buf()], Path::new("/"), None);
        assert!(problems.is_empty());
        read(&inputs)
    }

    fn verdict(&self) -> Verdict {
        check(&self.evidence(), Some(&keys()))
    }

    /// The kinds of findings, and whether each names the file.
    fn finds(&self, expected: &[(FindingKind, &str)]) {
        let found = self.verdict().findings;
        let kinds: Vec<FindingKind> = found.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, expected.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), "{found:#?}");
        for (finding, (_, name)) in found.iter().zip(expected) {
            assert!(finding.file.contains(name), "{finding:?}: {name}");
        }
    }
}

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/digests")
}

fn keys() -> PublicKeys {
    let mut keys = PublicKeys::default();
    keys.add(&fs::read_to_string(sample().join("public-keys.json")).unwrap()).unwrap();
    keys
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &target) } else { _ = fs::copy(entry.path(), target).unwrap() }
    }
}

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

fn pack(path: &Path, text: &str) {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    fs::write(path, encoder.finish().unwrap()).unwrap();
}

fn change(path: &Path, from: &str, to: &str) {
    let text = unpacked(path);
    assert!(text.contains(from), "{text}");
    pack(path, &text.replace(from, to));
}

#[test]
fn an_untouched_export_is_verified_completely() {
    let export = Export::new();
    let verdict = export.verdict();
    assert_eq!((verdict.findings.as_slice(), verdict.unverified.as_slice()), (&[][..], &[][..]));
    assert_eq!((verdict.digests, verdict.logs.listed, verdict.logs.verified), (3, 3, 3));
    assert_eq!(verdict.signatures.verified, 3);
    let [trail] = verdict.trails.as_slice() else { panic!("{verdict:?}") };
    assert_eq!((trail.name.as_str(), trail.region.as_str(), trail.digests), ("audit_all", "eu-west-1", 3));
    // Without keys, everything else is checked.
    let verdict = check(&export.evidence(), None);
    assert!(verdict.findings.is_empty() && verdict.unverified.is_empty() && !verdict.signatures.checked);
}

#[test]
fn the_same_content_without_compression_or_under_another_name_is_verified() {
    let export = Export::new();
    let log = export.log(LOG_8);
    fs::write(log.with_extension(""), unpacked(&log)).unwrap();
    fs::remove_file(&log).unwrap();
    assert_eq!(export.verdict().logs.verified, 3);
    fs::rename(log.with_extension(""), export.0.path().join("first.json")).unwrap();
    let verdict = export.verdict();
    assert_eq!((verdict.findings.len(), verdict.logs.verified), (0, 3), "{verdict:?}");
}

#[test]
fn changed_missing_and_added_logs_are_named() {
    let export = Export::new();
    change(&export.log(LOG_8), "ListClusters", "ListServices");
    export.finds(&[(FindingKind::ModifiedLog, LOG_8)]);
    fs::write(export.log(LOG_8), b"\x1f\x8b\x08\x00cut").unwrap();
    export.finds(&[(FindingKind::ModifiedLog, LOG_8)]);
    fs::remove_file(export.log(LOG_8)).unwrap();
    export.finds(&[(FindingKind::MissingLog, LOG_8)]);
    let export = Export::new();
    pack(&export.log("20260511T0930Z_aaaaaaaaaaaaaaaa.json.gz"), "{\"Records\":[]}");
    export.finds(&[(FindingKind::UnlistedLog, "0930Z_aaaaaaaaaaaaaaaa")]);
}

#[test]
fn a_log_that_the_next_digest_may_list_is_not_a_finding() {
    let export = Export::new();
    for name in ["20260511T1058Z_bbbbbbbbbbbbbbbb", "20260511T1130Z_cccccccccccccccc", "20260511T0715Z_dddddddddddddddd"] {
        pack(&export.log(&format!("{name}.json.gz")), "{\"Records\":[]}");
    }
    let verdict = export.verdict();
    assert!(verdict.findings.is_empty(), "{verdict:?}");
    let kinds: Vec<UnverifiedKind> = verdict.unverified.iter().map(|unverified| unverified.kind).collect();
    assert_eq!(kinds, [UnverifiedKind::NotCovered; 3]);
}

/// The digests of one trail say nothing about the log files of another trail beside it.
#[test]
fn logs_of_another_trail_are_not_unlisted() {
    let export = Export::new();
    let other = export.0.path().join("other-trail").join(format!("{LOGS}20260511T0930Z_aaaaaaaaaaaaaaaa.json.gz"));
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    pack(&other, "{\"Records\":[]}");
    let verdict = export.verdict();
    assert!(verdict.findings.is_empty(), "{verdict:?}");
    assert_eq!(verdict.unverified.iter().map(|unverified| unverified.kind).collect::<Vec<_>>(), [UnverifiedKind::NotCovered]);
}

#[test]
fn a_changed_digest_breaks_its_hash_and_its_signature() {
    let export = Export::new();
    let (log, digest) = (export.log(LOG_8), export.digest("09"));
    // Whoever changes a log and the digest that lists it still cannot change the next digest.
    let before = sha256(unpacked(&log).as_bytes());
    change(&log, "ListClusters", "ListServices");
    change(&digest, &before, &sha256(unpacked(&log).as_bytes()));
    export.finds(&[(FindingKind::ModifiedDigest, "090000Z"), (FindingKind::BadSignature, "090000Z")]);
    // Without the next digests, the signature is not known.
    for hour in ["10", "11"] {
        fs::remove_file(export.digest(hour)).unwrap();
    }
    let verdict = export.verdict();
    assert!(verdict.findings.iter().all(|finding| finding.kind == FindingKind::UnlistedLog), "{verdict:?}");
    assert!(verdict.unverified.iter().any(|unverified| unverified.kind == UnverifiedKind::NoSignature), "{verdict:?}");
}

#[test]
fn gaps_of_the_chain_are_named() {
    let export = Export::new();
    fs::remove_file(export.digest("10")).unwrap();
    export.finds(&[(FindingKind::MissingDigest, "100000Z")]);
    let detail = export.verdict().findings[0].detail.clone();
    assert!(detail.contains("2026-05-11T09:00:00Z to 2026-05-11T10:00:00Z"), "{detail}");
    // The first digest may be the start of the export.
    let export = Export::new();
    fs::remove_file(export.digest("09")).unwrap();
    let verdict = export.verdict();
    assert!(verdict.findings.is_empty() && verdict.trails[0].starts_before, "{verdict:?}");
    assert_eq!(verdict.unverified.len(), 2, "the logs of the first hour are not covered: {verdict:?}");
}

#[test]
fn a_chain_that_starts_again_and_a_digest_in_the_place_of_another_are_named() {
    let export = Export::new();
    let text = unpacked(&export.digest("11"));
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    for key in ["S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature"] {
        value[format!("previousDigest{key}")] = serde_json::Value::Null;
    }
    pack(&export.digest("11"), &value.to_string());
    let kinds: Vec<FindingKind> = export.verdict().findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [FindingKind::RestartedChain, FindingKind::BadSignature]);
    let export = Export::new();
    fs::copy(export.digest("10"), export.digest("11")).unwrap();
    let kinds: Vec<FindingKind> = export.verdict().findings.iter().map(|finding| finding.kind).collect();
    assert!(kinds.contains(&FindingKind::MovedDigest), "{kinds:?}");
}

#[test]
fn keys_of_another_region_verify_nothing() {
    let export = Export::new();
    let text = fs::read_to_string(sample().join("public-keys.json")).unwrap();
    let fingerprint = text.split('"').find(|part| part.len() == 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit())).unwrap();
    let mut other = PublicKeys::default();
    other.add(&text.replace(fingerprint, &"0".repeat(32))).unwrap();
    let verdict = check(&export.evidence(), Some(&other));
    assert_eq!(verdict.signatures.verified, 0);
    assert!(verdict.unverified.iter().all(|unverified| unverified.kind == UnverifiedKind::NoKey), "{verdict:?}");
    assert!(PublicKeys::default().add("{\"PublicKeyList\":[]}").is_err() && PublicKeys::default().add("[1]").is_err());
}

#[test]
fn damaged_digests_do_not_panic() {
    let export = Export::new();
    let text = unpacked(&export.digest("10"));
    for (from, to) in [("SHA-256", "MD5"), ("\"logFiles\":", "\"logs\":"), ("2026-05-11T10:00:00Z", "soon"), ("{", "")] {
        pack(&export.digest("10"), &text.replace(from, to));
        let verdict = export.verdict();
        assert!(!verdict.findings.is_empty() || !verdict.unverified.is_empty(), "{from} -> {to}");
    }
    for cut in (0..text.len()).step_by(97) {
        pack(&export.digest("10"), text.get(..cut).unwrap());
        export.verdict();
    }
}
