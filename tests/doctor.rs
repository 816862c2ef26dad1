//! `ecs-audit doctor` and `ecs-audit preflight` through the real binary.

use crate::support::{TestEnv, project};
use serde_json::{Value, json};

fn loaded() -> TestEnv {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    env
}

/// The ids of the advice that holds for some samples.
fn advice(env: &TestEnv, sample: &str) -> Vec<String> {
    let path = project().join("samples/exports").join(sample);
    let ran = env.run(&["doctor", "--json", "--from", path.to_str().unwrap()]).ok();
    let shown: Value = serde_json::from_str(&ran.out).unwrap();
    shown["advice"].as_array().unwrap().iter().map(|advice| advice["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn doctor_shows_what_an_export_lacks() {
    let env = TestEnv::new();
    let quota = advice(&env, "fargate-quota");
    assert!(quota.contains(&"no-instance-events".to_owned()), "{quota:?}");
    let batch = advice(&env, "silent-batch");
    assert!(!batch.contains(&"no-instance-events".to_owned()) && batch.contains(&"no-service-events".to_owned()), "{batch:?}");
    let events = advice(&env, "rolling-deployment/exportedlogs/3c5a1f0e-6d2b-4b7e-9a41-0f8e7d6c5b4a/aws-events-ecs-1");
    assert!(events.contains(&"no-calls".to_owned()), "{events:?}");
    let runs = advice(&env, "dstack-exit-status/runs-list.json");
    assert_eq!(runs, ["no-dstack-events"]);
    let text = env.run(&["doctor", "--from", project().join("samples/exports/fargate-quota").to_str().unwrap()]).ok().out;
    assert!(text.contains("→ aws events put-rule --name ecs-audit-instances"), "{text}");
    assert!(text.contains("Contents\n  calls"), "{text}");
}

#[test]
fn doctor_shows_missing_flow_logs_and_quotas() {
    let env = TestEnv::new();
    let quota = advice(&env, "fargate-quota");
    assert!(quota.contains(&"no-quotas".to_owned()) && !quota.contains(&"no-flow-logs".to_owned()), "{quota:?}");
    let events = advice(&env, "fargate-quota/ecs-events");
    assert!(events.contains(&"no-flow-logs".to_owned()), "{events:?}");
    let exports = project().join("samples/exports/fargate-quota");
    let quotas = project().join("samples/quotas.json");
    let ran = |more: &[&str]| env.run(&[&["doctor", "--from", exports.to_str().unwrap()], more].concat()).ok().out;
    assert!(ran(&[]).contains("· 111122223333 ap-northeast-1: at most 8 vCPU in use (fargate_vcpu)"), "{}", ran(&[]));
    let shown = ran(&["--quotas", quotas.to_str().unwrap()]);
    assert!(!shown.contains("its quota is unknown"), "{shown}");
}

#[test]
fn doctor_shows_isolated_records_in_one_line() {
    let env = TestEnv::new();
    let call = |time: &str| {
        json!({"eventVersion": "1.08", "eventTime": time, "eventSource": "ecs.amazonaws.com", "eventName": "ListTasks",
            "awsRegion": "eu-west-1", "recipientAccountId": "111122223333", "eventID": format!("id-{time}"), "readOnly": true})
        .to_string()
    };
    let lines = ["2024-01-01T00:00:00Z", "2024-05-01T00:00:00Z", "2025-05-01T00:00:00Z", "2025-05-01T01:00:00Z"].map(call);
    env.write("calls.ndjson", lines.join("\n"));
    let text = env.run(&["doctor", "--from", "calls.ndjson"]).ok().out;
    assert!(text.contains("    · 2 times between 2024-01-01 and 2025-05-01; the longest 365 days\n    Relative times"), "{text}");
    assert!(
        text.contains(
            "· 111122223333 eu-west-1: 11662 hours between 2024-01-01T01:00:00Z and 2025-05-01T00:00:00Z\n    If no failure"
        ),
        "{text}"
    );
}

#[test]
fn doctor_shows_data_problems() {
    let env = loaded();
    env.load(&[&project().join("samples/oddities/one-bad-line.ndjson")]);
    let unknown = json!({"id": "unknown-1", "detail-type": "ECS Task State Change", "source": "aws.ecs", "account": "111122223333",
        "region": "ap-northeast-1", "time": "2026-03-07T10:00:00Z", "detail": {"version": 1, "lastStatus": "STOPPED",
        "desiredStatus": "STOPPED", "stopCode": "TaskFailedToStart", "stoppedReason": "Zorg of the host flared", "containers": [],
        "updatedAt": "2026-03-07T10:00:00Z", "stoppedAt": "2026-03-07T10:00:00Z",
        "taskArn": "arn:aws:ecs:ap-northeast-1:111122223333:task/batch/a1",
        "clusterArn": "arn:aws:ecs:ap-northeast-1:111122223333:cluster/batch"}});
    env.load(&[&env.write("unknown.json", unknown.to_string())]).ok();
    let text = env.run(&["doctor"]).ok().out;
    assert!(text.contains("records that could not be loaded\n    · broken_json: 1"), "{text}");
    assert!(text.contains("TaskFailedToStart: 1"), "{text}");
    assert_eq!(text, env.run(&["doctor", "--threads", "1"]).ok().out);
    let ran = env.run(&["doctor", "--store", "elsewhere"]);
    assert!(ran.code == 2 && ran.err.contains("there is no store"), "{}", ran.err);
}

fn definition() -> Value {
    json!({
        "family": "feed-sync", "executionRoleArn": "arn:aws:iam::111122223333:role/batchExecutionRole",
        "containerDefinitions": [{
            "name": "app", "image": "111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/feed-sync:2026.03.04", "cpu": 128, "memory": 256,
        }]
    })
}

/// The findings of a preflight by question, and the exit code.
fn preflight(env: &TestEnv, definition: &Value, arguments: &[&str]) -> (Vec<(String, String)>, i32) {
    env.write("taskdef.json", definition.to_string());
    let ran = env.run(&[&["preflight", "taskdef.json", "--format", "json"], arguments].concat());
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err));
    let mut found = Vec::new();
    for check in report["checks"].as_array().unwrap() {
        for finding in check["findings"].as_array().unwrap() {
            found.push((check["check"].as_str().unwrap().to_owned(), finding["sentence"].as_str().unwrap().to_owned()));
        }
    }
    (found, ran.code)
}

fn of<'f>(found: &'f [(String, String)], question: &str) -> Vec<&'f str> {
    found.iter().filter(|(name, _)| name == question).map(|(_, shown)| shown.as_str()).collect()
}

#[test]
fn preflight_finds_what_failed_before() {
    let env = loaded();
    let (found, code) = preflight(&env, &definition(), &[]);
    assert!(of(&found, "image-failed").is_empty(), "this image has started since: {found:?}");
    assert_eq!(of(&found, "instance-room"), [""; 0], "{found:?}");
    assert_eq!(code, 0, "{found:?}");
    let mut broken = definition();
    broken["containerDefinitions"][0]["image"] =
        json!("111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/feed-sync:2026.03.04-rc1");
    broken["containerDefinitions"][0]["secrets"] = json!([{"name": "DB", "valueFrom": "arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:batch/report-db-Qk3XzT:password::"}]);
    let (found, code) = preflight(&env, &broken, &[]);
    assert_eq!(code, 1);
    assert!(of(&found, "image-failed")[0].contains("cause pull-not-found: count 4"), "{found:?}");
    assert_eq!(of(&found, "secret-failed").len(), 1, "{found:?}");
}

#[test]
fn preflight_computes_room_and_stops() {
    let env = loaded();
    let mut large = definition();
    large["containerDefinitions"][0]["memory"] = json!(9000);
    let (found, code) = preflight(&env, &large, &[]);
    assert_eq!(code, 1);
    assert!(of(&found, "instance-room")[0].contains("no instance is that large (at most 2048 and 7985)"), "{found:?}");
    let mut fargate = definition();
    fargate["family"] = json!("checkout-recalc");
    (fargate["cpu"], fargate["memory"], fargate["networkMode"]) = (json!("4096"), json!("8192"), json!("awsvpc"));
    let quotas = project().join("samples/quotas.json");
    let (found, code) = preflight(&env, &fargate, &["--fargate", "--count", "3", "--quotas", quotas.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(of(&found, "quota-room")[0].contains("12 vCPU for 3 tasks, 0 in use, 12 needed; the limit is 8"), "{found:?}");
    let (found, _) = preflight(&env, &definition(), &["--count", "100"]);
    assert!(of(&found, "instance-room")[0].contains("of 100 on 2 instances"), "{found:?}");
    let mut cart = definition();
    cart["family"] = json!("cart");
    cart["containerDefinitions"][0]["cpu"] = json!(1024);
    let (found, _) = preflight(&env, &cart, &[]);
    assert!(
        of(&found, "stop-killed")[0].contains("4 of 4 stops took longer than the stop timeout of 30s"),
        "samples: 2,408 s: {found:?}"
    );
    cart["containerDefinitions"][0]["stopTimeout"] = json!(2500);
    let (found, _) = preflight(&env, &cart, &[]);
    assert!(of(&found, "stop-killed").is_empty());
    assert!(of(&found, "stop-holds")[0].contains("1024 CPU units"), "{found:?}");
}

#[test]
fn preflight_is_one_comment_in_markdown() {
    let env = loaded();
    let mut broken = definition();
    broken["containerDefinitions"][0]["image"] =
        json!("111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/feed-sync:2026.03.04-rc1");
    broken["family"] = json!("feed-sync|@team");
    env.write("taskdef.json", broken.to_string());
    let ran = env.run(&["preflight", "taskdef.json", "--format", "markdown", "--quiet"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[0].starts_with("**Preflight failed** for feed-sync\\|@&#8203;team in taskdef.json: 1 error"), "{}", ran.out);
    let at =
        |wanted: &str| lines.iter().position(|line| line.starts_with(wanted)).unwrap_or_else(|| panic!("{wanted}: {}", ran.out));
    let finding =
        at("- image 111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/feed-sync:2026.03.04-rc1, cause pull-not-found: count 4 (");
    let order =
        [0, at("### error: image-failed"), finding, at("What to do: "), at("### Not checked"), at("Passed: "), at("Window: ")];
    assert!(order.is_sorted(), "{order:?}: {}", ran.out);
    assert!(lines[at("### Not checked")..].iter().any(|line| line.contains("preflight/quota-room")), "{}", ran.out);
    // The verdict and the exit code agree.
    let ran = env.run(&["preflight", "taskdef.json", "--format", "markdown", "--quiet", "--fail-on", "error"]);
    assert!(ran.code == 1 && ran.out.starts_with("**Preflight failed**"), "{}", ran.out);
    env.write("taskdef.json", definition().to_string());
    let ran = env.run(&["preflight", "taskdef.json", "--format", "markdown", "--quiet"]).ok();
    assert!(ran.out.starts_with("**Preflight passed** for feed-sync in taskdef.json: "), "{}", ran.out);
}

#[test]
fn preflight_works_without_a_store_and_reports_errors() {
    let env = TestEnv::new();
    let mut fargate = definition();
    fargate["requiresCompatibilities"] = json!(["FARGATE"]);
    fargate["cpu"] = json!("1 vCPU");
    fargate["memory"] = json!("1 GB");
    let (found, code) = preflight(&env, &fargate, &[]);
    assert_eq!(code, 1);
    assert!(of(&found, "fargate-size")[0].contains("from 2048 to 8192 MiB (next valid: 2048)"), "{found:?}");
    assert!(of(&found, "fargate-settings")[0].contains("awsvpc"), "{found:?}");
    env.write("no.json", "[]");
    let ran = env.run(&["preflight", "no.json"]);
    assert!(ran.code == 2 && ran.err.contains("missing containerDefinitions"), "{}", ran.err);
    assert_eq!(env.run(&["preflight", "absent.json"]).code, 2);
    assert_eq!(env.run(&["preflight", "taskdef.json", "--store", "elsewhere"]).code, 2, "a store that was named must be there");
    let sarif = env.run(&["preflight", "taskdef.json", "--format", "sarif"]).out;
    let log: Value = serde_json::from_str(&sarif).unwrap();
    assert_eq!(log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "taskdef.json");
}
