//! No secret of a record is anywhere in the store, and no command prints one: not in a column, not in an original, not in
//! a quarantine sample, not in the name of a file, not in a report or a message.

use crate::support::{Ran, TestEnv, project};
use std::path::Path;

/// Every planted secret of the samples holds this.
const MARK: &str = "FAKE-SECRET-";

const TABLES: [&str; 12] = [
    "calls",
    "task_events",
    "container_events",
    "instance_events",
    "service_events",
    "run_records",
    "job_submissions",
    "run_events",
    "failures",
    "quarantine",
    "files",
    "flows",
];

#[test]
fn planted_secrets_do_not_enter_the_store() {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/oddities"), &project().join("samples/exports")]);
    // Of the records with secrets, something must have been loaded, or the test proves nothing.
    let masked = env.sql("select count(*) from (select raw from calls union all select raw from task_events union all select raw from run_records) where raw like '%***masked***%'");
    assert!(masked[0][0].parse::<u64>().unwrap() >= 5, "{masked:?}");
    for table in TABLES {
        let leak = table_text(&env, table).lines().find(|line| line.contains(MARK)).map(str::to_owned);
        assert!(leak.is_none(), "{table}: {leak:?}");
    }
}

fn table_text(env: &TestEnv, table: &str) -> String {
    env.run(&["sql", &format!("select * from {table}"), "--format", "ndjson", "-q"]).ok().out
}

/// The examples of secrets: their kind, their text, and what is secret in it.
fn examples() -> Vec<(bool, String, Vec<String>)> {
    let file = std::fs::read_to_string(project().join("tests/secrets/leaks.txt")).unwrap();
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (kind, text) = line.split_once('\t').unwrap();
            let text = text.replace('¬', "");
            let secrets = text.split('⟦').skip(1).map(|part| part.split_once('⟧').unwrap().0.to_owned()).collect();
            (kind == "text", text.replace(['⟦', '⟧'], ""), secrets)
        })
        .collect()
}

/// An export with one record for each example, and a damaged copy of each; returns what must not be seen.
fn planted(env: &TestEnv) -> Vec<String> {
    let (mut events, mut calls, mut runs, mut damaged) = (String::new(), Vec::new(), Vec::new(), String::new());
    let mut secrets = Vec::new();
    for (at, (is_text, text, own)) in examples().into_iter().enumerate() {
        // A word such as `debug` may be anywhere.
        secrets.extend(own.into_iter().filter(|secret| secret.len() > 7 && secret.bytes().any(|byte| byte.is_ascii_digit())));
        let minute = format!("{:02}:{:02}", at / 60, at % 60);
        if is_text {
            let reason = serde_json::to_string(&text.replace(r"\n", "\n")).unwrap();
            let task = format!("arn:aws:ecs:us-east-1:111122223333:task/b/{at:032x}");
            let event = format!(
                r#"{{"version":"0","id":"30000000-0000-4000-8000-{at:012}","detail-type":"ECS Task State Change","source":"aws.ecs","account":"111122223333","time":"2026-03-04T{minute}:00Z","region":"us-east-1","detail":{{"clusterArn":"arn:aws:ecs:us-east-1:111122223333:cluster/b","taskArn":"{task}","taskDefinitionArn":"arn:aws:ecs:us-east-1:111122223333:task-definition/job:1","lastStatus":"STOPPED","desiredStatus":"STOPPED","stoppedReason":{reason},"containers":[{{"name":"app","lastStatus":"STOPPED","exitCode":1,"reason":{reason}}}],"createdAt":"2026-03-04T{minute}:00Z","stoppedAt":"2026-03-04T{minute}:10Z","version":3}}}}"#
            );
            damaged.push_str(&format!(
                r#"{{"detail-type":"ECS Task State Change","source":"aws.ecs","detail":{{"stoppedReason":{reason},"#
            ));
            damaged.push('\n');
            events.push_str(&event);
            events.push('\n');
            runs.push(format!(
                r#"{{"id":"d90ef556-ea22-4d95-a446-{at:012}","project_name":"main","user":"ann","submitted_at":"2026-03-04T{minute}:00Z","last_processed_at":"2026-03-04T{minute}:30Z","status":"failed","status_message":"failed","termination_reason":"job_failed","run_spec":{{"run_name":"run-{at}","configuration":{{"type":"task","env":{{"x":{reason}}},"commands":[{reason}]}}}},"jobs":[]}}"#
            ));
        } else {
            calls.push(format!(
                r#"{{"eventVersion":"1.08","userIdentity":{{"type":"IAMUser","userName":"bob"}},"eventTime":"2026-03-04T{minute}:01Z","eventSource":"ecs.amazonaws.com","eventName":"RunTask","awsRegion":"us-east-1","requestID":"r{at}","eventID":"10000000-0000-4000-8000-{at:012}","eventType":"AwsApiCall","recipientAccountId":"111122223333","requestParameters":{text}}}"#
            ));
            damaged
                .push_str(&format!(r#"{{"eventSource":"ecs.amazonaws.com","eventName":"RunTask","requestParameters":{text},"#));
            damaged.push('\n');
        }
    }
    env.write("export/events.ndjson", events);
    env.write("export/calls.json", format!(r#"{{"Records":[{}]}}"#, calls.join(",")));
    env.write("export/runs.json", format!("[{}]", runs.join(",")));
    env.write("export/damaged.ndjson", damaged);
    env.write("export/late.json?X-Amz-Signature=0f1e2d3c4b5a69788796a5b4c3d2e1f0", "{\"eventSource\":");
    secrets.push("0f1e2d3c4b5a69788796a5b4c3d2e1f0".to_owned());
    secrets.sort();
    secrets.dedup();
    secrets
}

fn assert_clean(place: &str, text: &str, secrets: &[String]) {
    let leak = secrets.iter().find_map(|secret| {
        let line = text.lines().find(|line| line.contains(secret.as_str()))?;
        Some(format!("`{secret}` in {line}"))
    });
    assert!(leak.is_none(), "{place}: {}", leak.unwrap_or_default());
}

#[test]
fn no_command_prints_a_planted_secret() {
    let env = TestEnv::new();
    let secrets = planted(&env);
    assert!(secrets.len() > 150, "{}", secrets.len());
    let clean = |place: &str, ran: Ran| {
        assert_clean(place, &ran.out, &secrets);
        assert_clean(place, &ran.err, &secrets);
    };
    let loaded = env.load(&[Path::new("export")]);
    assert_eq!(loaded.code, 3, "{}\n{}", loaded.out, loaded.err);
    clean("load", loaded);
    for (table, least) in [("task_events", 200), ("calls", 100), ("run_records", 200), ("quarantine", 300)] {
        let rows = env.sql(&format!("select count(*) from {table}"));
        assert!(rows[0][0].parse::<u64>().unwrap() >= least, "{table}: {rows:?}");
    }
    for table in TABLES {
        assert_clean(table, &table_text(&env, table), &secrets);
    }
    for arguments in [
        &["query", "failures by reason", "--format", "csv"] as &[&str],
        &["query", "quarantine show file, why, detail, sample", "--format", "csv"],
        &["query", "patterns", "--format", "csv"],
        &["doctor"],
        &["explain", "00000000000000000000000000000001"],
        &["report", "--out", "post"],
        &["load", "missing.json?X-Amz-Signature=0f1e2d3c4b5a69788796a5b4c3d2e1f0"],
    ] {
        clean(&arguments.join(" "), env.run(arguments));
    }
    for entry in std::fs::read_dir(env.path("post")).unwrap() {
        let path = entry.unwrap().path();
        assert_clean(&path.display().to_string(), &String::from_utf8_lossy(&std::fs::read(&path).unwrap()), &secrets);
    }
}

#[test]
fn diagnoses_stay_readable() {
    let env = TestEnv::new();
    let reasons = [
        "CannotStartContainerError: open /run/mount1/etc/passwd: no such file or directory",
        "failed to authorize: incorrect username or password: denied: requested access to the resource is denied",
        "KeyError: password: missing",
        "CACHE_KEY=v2-build-99",
    ];
    let event = |at: usize, reason: &str| {
        format!(
            r#"{{"version":"0","id":"30000000-0000-4000-8000-{at:012}","detail-type":"ECS Task State Change","source":"aws.ecs","account":"111122223333","time":"2026-03-04T04:00:0{at}Z","region":"us-east-1","detail":{{"clusterArn":"arn:aws:ecs:us-east-1:111122223333:cluster/b","taskArn":"arn:aws:ecs:us-east-1:111122223333:task/b/{at:032x}","taskDefinitionArn":"arn:aws:ecs:us-east-1:111122223333:task-definition/job:1","lastStatus":"STOPPED","desiredStatus":"STOPPED","stoppedReason":"{reason}","containers":[],"createdAt":"2026-03-04T04:00:00Z","stoppedAt":"2026-03-04T04:00:10Z","version":3}}}}"#
        )
    };
    let lines: Vec<String> = reasons.iter().enumerate().map(|(at, reason)| event(at, reason)).collect();
    env.write("x.ndjson", lines.join("\n"));
    env.load(&[Path::new("x.ndjson")]).ok();
    let events = table_text(&env, "task_events");
    for reason in reasons {
        assert!(events.contains(reason), "{reason}: {events}");
    }
}

#[test]
#[cfg(unix)]
fn redaction_creates_nothing_where_it_must_not() {
    use std::os::unix::fs::PermissionsExt;
    let env = TestEnv::new();
    let export = project().join("samples/exports");
    let from = env.run(&["query", "failures by reason", "--redact", "--from", export.to_str().unwrap()]).ok();
    assert!(from.err.contains("Not replaced"), "{}", from.err);
    assert!(!env.path(".ecs-audit").exists());
    env.load(&[&export]);
    // The store of somebody else.
    let store = env.path(".ecs-audit");
    std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o555)).unwrap();
    let read_only = env.run(&["query", "failures by reason", "--redact"]);
    std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o755)).unwrap();
    read_only.ok();
    let _ = std::fs::remove_file(store.join("redaction.key"));
    env.run(&["query", "failures by reason", "--redact"]).ok();
    let key = std::fs::metadata(store.join("redaction.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let beside =
        std::fs::read_dir(&store).unwrap().flatten().filter(|entry| entry.file_name().to_string_lossy().ends_with(".tmp"));
    assert_eq!(beside.count(), 0);
}
