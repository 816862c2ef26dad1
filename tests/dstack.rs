//! Real exports of dstack servers, where they are beside the project: queries give the numbers that were
//! computed for them beforehand.

use crate::support::{TestEnv, project};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// When the exports were made: what still ran is counted up to then.
const EXPORTED: &str = "2026-11-20T00:30:00Z";

/// The answer to a query, key and number, over one file.
fn ask(env: &TestEnv, file: &Path, query: &str) -> BTreeMap<String, f64> {
    let file = file.to_str().unwrap();
    let arguments = ["query", "--from", file, query, "--as-of", EXPORTED, "--quiet", "--format", "csv"];
    let rows = env.run(&arguments).ok().cells();
    let number = |text: &String| text.parse::<f64>().unwrap_or_else(|_| panic!("{query}: {text}"));
    rows.iter()
        .skip(1)
        .map(|row| {
            let (value, keys) = row.split_last().unwrap();
            let key = if keys.concat().is_empty() && !keys.is_empty() { "None".to_owned() } else { keys.join(" ") };
            (key, number(value))
        })
        .collect()
}

fn numbers(value: &Value) -> BTreeMap<String, f64> {
    value.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.as_f64().unwrap())).collect()
}

#[test]
fn the_numbers_of_real_exports_are_reproduced() {
    let folder = project().join("../shared/data/dstack");
    let Ok(expected) = std::fs::read(folder.join("expected.json")) else {
        eprintln!("skipped: there are no real dstack exports beside the project");
        return;
    };
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let env = TestEnv::new();
    let mut checked = 0;
    for (name, want) in expected.as_object().unwrap() {
        let file = folder.join(name);
        if !file.is_file() || want.get("run_status").is_none() {
            continue;
        }
        let one = |query: &str| ask(&env, &file, query)[""];
        let close = |got: f64, want: &Value| assert!((got - want.as_f64().unwrap()).abs() < 0.001, "{name}: {got} for {want}");
        for (key, query) in [("runs", "runs show distinct(run_id)"), ("submissions", "runs show distinct(submission)")] {
            if let Some(number) = want.get(key) {
                close(one(query), number);
            }
        }
        for (key, query) in [
            ("run_status", "runs by run_status show distinct(run_id)"),
            ("run_type", "runs by run_type show distinct(run_id)"),
            ("run_termination_reason", "runs by run_reason show distinct(run_id)"),
            ("failed_runs_by_root_cause", "runs where run_status = failed by cause_reason show distinct(run_id)"),
            (
                "failed_runs_by_exit_status",
                "runs where run_status = failed and cause_reason = container_exited_with_error by cause_exit_status show distinct(run_id)",
            ),
            ("submission_termination_reason", "runs where submission is not missing by termination_reason"),
            ("submission_status", "runs where submission is not missing by status"),
        ] {
            if let Some(want) = want.get(key) {
                assert_eq!(ask(&env, &file, query), numbers(want), "{name}: {query}");
                checked += 1;
            }
        }
        for (key, query) in [
            ("sum_run_cost_field", "runs by run_id show any(run_cost) as cost | show sum(cost)"),
            ("vcpu_hours", "runs where provisioned show sum(vcpu * duration / 3600)"),
            ("gpu_hours", "runs where provisioned show sum(gpus * duration / 3600)"),
        ] {
            if let Some(want) = want.get(key) {
                close(one(query), want);
                checked += 1;
            }
        }
        if let Some(want) = want.get("cost_by_backend") {
            let got = ask(&env, &file, "runs where provisioned by backend show sum(price * duration / 3600)");
            for (backend, want) in want.as_object().unwrap() {
                close(got[backend], want);
            }
        }
    }
    assert!(checked >= 18, "{checked} answers were compared");
}
