//! `verify-digests`: what it prints and how it ends.

use crate::support::{TestEnv, project};
use std::fs;
use std::path::Path;

const LOG: &str = "export/AWSLogs/111122223333/CloudTrail/eu-west-1/2026/05/11/111122223333_CloudTrail_eu-west-1_20260511T0815Z_q7RkD2mXv0TzYw1b.json.gz";
const NEWEST: &str = "export/AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/05/11/111122223333_CloudTrail-Digest_eu-west-1_audit_all_eu-west-1_20260511T110000Z.json.gz";

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &target) } else { _ = fs::copy(entry.path(), target).unwrap() }
    }
}

fn export() -> TestEnv {
    let env = TestEnv::new();
    copy(&project().join("samples/digests"), &env.path("export"));
    env
}

#[test]
fn an_untouched_export_is_verified() {
    let env = export();
    let ran = env.run(&["verify-digests", "export", "--public-keys", "export/public-keys.json"]).ok();
    assert!(ran.out.contains("3 listed, 3 verified") && ran.out.contains("signatures   3 verified"), "{}", ran.out);
    let ran = env.run(&["verify-digests", "export"]).ok();
    assert!(ran.out.contains("signatures   not checked") && ran.out.contains("--public-keys FILE"), "{}", ran.out);
    let json: serde_json::Value = serde_json::from_str(&env.run(&["verify-digests", "export", "--json"]).ok().out).unwrap();
    assert_eq!((json["verified"].as_bool(), json["log_files"]["verified"].as_u64()), (Some(true), Some(3)));
}

#[test]
fn a_difference_is_exit_code_1_and_a_doubt_3() {
    let env = export();
    fs::remove_file(env.path(&format!("{NEWEST}.head.json"))).unwrap();
    let ran = env.run(&["verify-digests", "export", "--public-keys", "export/public-keys.json"]);
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert!(ran.out.contains("aws s3api head-object --bucket example-trail-logs"), "{}", ran.out);
    fs::remove_file(env.path(LOG)).unwrap();
    let ran = env.run(&["verify-digests", "export"]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("missing log") && ran.out.contains("q7RkD2mXv0TzYw1b"), "{}", ran.out);
    let json: serde_json::Value = serde_json::from_str(&env.run(&["verify-digests", "export", "--json"]).out).unwrap();
    assert_eq!(json["findings"][0]["kind"], "missing_log");
    let nothing = env.run(&["verify-digests", "export/public-keys.json"]);
    assert!(nothing.code == 3 && nothing.out.contains("no digest files found"), "{}", nothing.out);
    let keys = env.run(&["verify-digests", "export", "--public-keys", LOG]);
    assert!(keys.code == 2 && keys.err.contains("aws cloudtrail list-public-keys"), "{}", keys.err);
}

#[test]
fn a_load_compares_logs_with_their_digests() {
    let env = export();
    let loaded = env.load(&[Path::new("export")]).ok();
    assert!(!loaded.out.contains("integrity"), "{}", loaded.out);
    assert!(env.run(&["doctor"]).ok().out.contains("their signatures are not checked"));
    let env = export();
    fs::copy(env.path(&LOG.replace("0815Z_q7RkD2mXv0TzYw1b", "0845Z_Hs93nVbC41xLpQe8")), env.path(LOG)).unwrap();
    fs::remove_file(env.path(&LOG.replace("0815Z_q7RkD2mXv0TzYw1b", "1025Z_u5WgZt0aJk27RyNf"))).unwrap();
    let loaded = env.load(&[Path::new("export")]).ok();
    assert!(loaded.out.contains("integrity    2 differences") && loaded.out.contains("modified log: "), "{}", loaded.out);
    let kinds = env.query("gaps where kind in (modified, missing_file) by kind sort kind");
    assert_eq!(kinds, [["missing_file", "1"], ["modified", "1"]]);
    let question = "gaps where kind in (modified, missing_file) show time, kind, account, region sort kind";
    let rows = ["query", question, "--format", "csv"];
    let stored = env.run(&rows).ok().out;
    assert!(stored.contains("2026-05-11T11:00:00Z,missing_file,111122223333,eu-west-1"), "{stored}");
    assert_eq!(stored, env.run(&[&rows[..], &["--from", "export"]].concat()).ok().out);
    let doctor = env.run(&["doctor"]).ok().out;
    assert!(doctor.contains("differ from what CloudTrail delivered") && doctor.contains("q7RkD2mXv0TzYw1b"), "{doctor}");
}
