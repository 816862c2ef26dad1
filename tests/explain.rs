//! Compares the output of `explain` and `timeline` over the samples with snapshots, and tests unknown names.
//!
//! The snapshots in `tests/explain/` were reviewed against `samples/README.md`. After an intended change,
//! `ECS_AUDIT_BLESS=1 cargo test --test integration explain` rewrites them: review the diff.

use crate::support::{TestEnv, project};
use std::sync::LazyLock;

static DESK: LazyLock<TestEnv> = LazyLock::new(|| {
    let env = TestEnv::new();
    let mut command = env.command();
    // The path of the samples is not part of the output.
    command.arg("load").arg(project().join("samples/exports"));
    assert!(command.output().unwrap().status.success());
    env.write("quotas.json", std::fs::read(project().join("samples/quotas.json")).unwrap());
    env
});

/// Snapshot names with the arguments that produce them.
const SNAPSHOTS: &[(&str, &[&str])] = &[
    ("agent-launch", &["explain", "d25e49b0-637f-469f-8e82-413fa77b3188"]),
    ("agent-launch-healed", &["explain", "5f67a8b8-cade-4493-9ed2-0b2b44902638"]),
    ("agent-launch-in-an-outage", &["explain", "d53b1f7c-d21a-4e7e-8db2-66a6ee3cbf04"]),
    ("image-pull", &["explain", "bba21565b90b6c1dc9da8aee7abbccd7"]),
    ("secret", &["explain", "bf03a1bab6b5fff74654cfd832318dd5"]),
    ("network", &["explain", "77954849-eedf-47b8-ac98-415d8259b246"]),
    ("start", &["explain", "96d8c73d-dce8-4c51-8491-88ba32aa586b"]),
    ("oom", &["explain", "arn:aws:ecs:ap-northeast-1:111122223333:task/batch/0c3d1c31a0138640d818802046393acb"]),
    ("bare-137", &["explain", "2f12d6ca8cd077b6c36555ec12077602"]),
    ("exit-1", &["explain", "fca793db334301170136c02831858f67"]),
    ("asked-to-stop", &["explain", "3a30de965da95dceb1ddab42c0614ffe"]),
    ("deployment", &["explain", "ecs-svc/3726654232655040678"]),
    ("vcpu-quota", &["explain", "847f1ce8-57c5-4f6d-a31d-7fb1210e1805"]),
    ("vcpu-quota-with-limit", &["explain", "847f1ce8-57c5-4f6d-a31d-7fb1210e1805", "--quotas", "quotas.json"]),
    ("quota", &["explain", "quota", "ap-northeast-1", "--quotas", "quotas.json"]),
    ("quota-at", &["explain", "quota", "ap-northeast-1", "--at", "2026-03-02T09:50Z", "--what-if", "limit=16"]),
    ("quota-without-limit", &["explain", "quota", "ap-northeast-1"]),
    ("quota-json", &["explain", "quota", "ap-northeast-1", "--quotas", "quotas.json", "--format", "json"]),
    ("quota-markdown", &["explain", "quota", "ap-northeast-1", "--quotas", "quotas.json", "--format", "markdown"]),
    ("resource-cpu", &["explain", "3f7ce1f6-55b4-41fb-aa68-1f3d582b744f"]),
    ("resource-memory", &["explain", "3de83feb-b59a-48e8-bc25-6811a7fe28b5"]),
    ("missed-start", &["explain", "01a0ca2c-b3d1-4068-bfcb-6853eea59b12@2026-03-07T03:00:00Z"]),
    ("missed-start-disabled", &["explain", "01a0ca2c-b3d1-4068-bfcb-6853eea59b12@2026-03-04T13:15:00Z"]),
    ("missed-start-json", &["explain", "01a0ca2c-b3d1-4068-bfcb-6853eea59b12@2026-03-07T03:00:00Z", "--format", "json"]),
    ("run-with-exit-status", &["explain", "tokenize-corpus"]),
    ("run-without-exit-status", &["explain", "user-in-image"]),
    ("run-of-two-nodes", &["explain", "train-2node"]),
    ("run-signal-lost", &["explain", "finetune-a10-1"]),
    ("run-no-capacity", &["explain", "no-h100"]),
    ("agent-update", &["explain", "653f3478-d66d-459f-a50a-f1a616acc577"]),
    ("refused-call", &["explain", "53b28d74-9607-49a5-acb2-150ec5439b32"]),
    ("service-all", &["explain", "checkout-web", "--all"]),
    ("tokyo", &["explain", "3f7ce1f6-55b4-41fb-aa68-1f3d582b744f", "--format", "markdown", "--tz", "Asia/Tokyo"]),
    ("json", &["explain", "3f7ce1f6-55b4-41fb-aa68-1f3d582b744f", "--format", "json"]),
    ("timeline-json", &["timeline", "user-in-image", "--format", "json"]),
    ("timeline-task", &["timeline", "bf03a1bab6b5fff74654cfd832318dd5"]),
    ("timeline-deployment", &["timeline", "ecs-svc/3726654232655040678"]),
    ("timeline-run", &["timeline", "tokenize-corpus"]),
];

#[test]
fn the_output_is_the_golden_text() {
    let mut wrong = Vec::new();
    for (name, arguments) in SNAPSHOTS {
        let output = DESK.run(arguments).ok().out;
        let path = project().join(format!("tests/explain/{name}.txt"));
        if std::env::var_os("ECS_AUDIT_BLESS").is_some() {
            std::fs::write(&path, &output).unwrap();
        } else if std::fs::read_to_string(&path).unwrap_or_default() != output {
            wrong.push(format!("{name}: ecs-audit {}\n{output}", arguments.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn threads_and_the_store_do_not_change_a_byte() {
    let export = project().join("samples/exports");
    let export = export.to_str().unwrap();
    for name in ["d25e49b0-637f-469f-8e82-413fa77b3188", "ecs-svc/3726654232655040678", "train-2node"] {
        let one = DESK.run(&["explain", name, "--threads", "1"]).ok().out;
        assert_eq!(one, DESK.run(&["explain", name, "--threads", "7"]).ok().out);
        assert_eq!(one, DESK.run(&["explain", name, "--from", export, "--threads", "3"]).ok().out);
    }
    let one = DESK.run(&["timeline", "e232a49637a39eb84a7dd75f21f52e4a", "--threads", "1"]).ok().out;
    assert_eq!(one, DESK.run(&["timeline", "e232a49637a39eb84a7dd75f21f52e4a", "--threads", "5"]).ok().out);
    assert!(one.contains("agent disconnected") && one.contains("RunTask"), "{one}");
}

#[test]
fn every_failure_is_in_a_group_and_groups_can_be_explained() {
    let ids = DESK.query("failures show id limit 500");
    assert!(ids.len() > 100, "{}", ids.len());
    let groups = DESK.run(&["explain", "--all", "--format", "json"]).ok().out;
    let groups: serde_json::Value = serde_json::from_str(&groups).unwrap();
    let groups = groups["groups"].as_array().unwrap();
    let counted: u64 = groups.iter().map(|group| group["count"].as_u64().unwrap()).sum();
    assert_eq!(counted as usize, ids.len(), "every failure is in one group");
    // Only every third cause, because testing all takes minutes.
    for group in groups.iter().step_by(3) {
        let id = group["examples"][0].as_str().unwrap();
        let output = DESK.run(&["explain", id, "--format", "json"]).ok().out;
        let output: serde_json::Value = serde_json::from_str(&output).unwrap();
        assert_eq!(output["finding"]["id"], id);
        assert_eq!(output["finding"]["cause"]["id"], group["cause"]);
        let failed = output["finding"]["phases"].as_array().unwrap().iter().filter(|phase| phase["state"] == "failed").count();
        assert_eq!(failed, 1, "one phase failed: {output}");
        let chain = output["finding"]["chain"].as_array().unwrap();
        assert!(!chain.is_empty(), "{output}");
        let record = chain[chain.len() / 2]["record"].as_str().unwrap();
        assert_eq!(DESK.run(&["show", record]).code, 0, "{record} of {id} can be shown");
    }
}

#[test]
fn every_expected_start_that_is_listed_can_be_explained() {
    let slots = DESK.query("schedules where state = missed or state = healed show id, schedule, state, why sort id limit 100");
    assert!(slots.len() > 10, "{}", slots.len());
    for slot in slots.iter().step_by(4) {
        let [id, schedule, state, why] = slot.as_slice() else { panic!("{slot:?}") };
        let output = DESK.run(&["explain", id, "--format", "json"]).ok().out;
        let output: serde_json::Value = serde_json::from_str(&output).unwrap();
        for (name, value) in [("id", id), ("schedule", schedule), ("state", state), ("why", why)] {
            assert_eq!(output[name], value.as_str(), "{id}: {name}");
        }
        assert!(!output["verify"].as_array().unwrap().is_empty(), "{output}");
        assert!(output["before"].as_array().unwrap().len() + output["after"].as_array().unwrap().len() > 3, "{output}");
    }
    // A time without an expected start.
    let ran = DESK.run(&["explain", "01a0ca2c-b3d1-4068-bfcb-6853eea59b12@2026-03-07T03:00:01Z"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(
        ran.err.contains("no expected start has the id") && ran.err.contains("schedules where state = missed"),
        "{}",
        ran.err
    );
}

#[test]
fn an_unknown_name_is_an_error_with_the_nearest() {
    let ran = DESK.run(&["explain", "nightly-setlement"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("nothing named `nightly-setlement` was found; did you mean `nightly-settlement`?"), "{}", ran.err);
    for name in ["x' or '1'='1", "", "arn:aws:ecs:::", "/", "\u{1b}[31m", "'", "i-", "zz/"] {
        let ran = DESK.run(&["explain", name]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{name}: {}", ran.err);
        assert!(ran.err.contains("nothing named") && !ran.err.contains('\u{1b}'), "{}", ran.err);
    }
    let output = DESK.run(&["timeline", "batch"]).ok().out;
    assert!(output.contains("Timeline of cluster batch") && output.contains("launch of nightly-settlement lost"), "{output}");
    let ran = DESK.run(&["explain", "--all", "--since", "soon"]);
    assert!(ran.code == 2 && ran.err.contains("expected a duration such as 7d"), "{}", ran.err);
    let begun = DESK.run(&["explain", "d25e49b0"]).ok();
    assert!(begun.out.contains("d25e49b0-637f-469f-8e82-413fa77b3188"), "{}", begun.out);
}

#[test]
fn a_deployment_is_known_from_the_tasks_that_it_started() {
    let env = TestEnv::new();
    let of = |id: &str, starter: &str| {
        stopped(r#""Essential container in task exited""#, &format!(r#","stopCode":"EssentialContainerExited","startedBy":"{starter}","containers":[{{"name":"app","lastStatus":"STOPPED","exitCode":3}}]"#))
            .replace(TASK, id)
            .replace("11111111-0000", &format!("{}-0000", &id[..8]))
    };
    let (one, two) = ("0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
    let other = of("0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c", "nightly-cron");
    env.write(
        "events.ndjson",
        [of(one, "ecs-svc/5550001112223334445"), of(two, "ecs-svc/5550001112223334445"), other].join("\n"),
    );
    env.run(&["load", "events.ndjson"]).ok();
    for name in ["ecs-svc/5550001112223334445", "5550001112223334445", "ecs-svc/55500"] {
        let out = env.run(&["explain", name]).ok().out;
        assert!(out.contains("1 other failure of deployment ecs-svc/5550001112223334445"), "{name}: {out}");
        let out = env.run(&["timeline", name]).ok().out;
        assert!(out.contains(one) && out.contains(two) && !out.contains("0c0c0c0c"), "{name}: {out}");
    }
    let ran = env.run(&["explain", "nightly-cron"]);
    assert_eq!(ran.code, 2, "a caller that starts a task is not a deployment: {}", ran.out);
}

#[test]
fn the_start_of_an_id_means_what_was_derived_from_it_too() {
    let env = TestEnv::new();
    let ecs = "arn:aws:ecs:eu-west-1:111122223333";
    let deployment = |id: &str, service: &str| {
        format!(
            r#"{{"serviceDeploymentArn":"{ecs}:service-deployment/depot/{service}/{id}","serviceArn":"{ecs}:service/depot/{service}","clusterArn":"{ecs}:cluster/depot","createdAt":"2026-04-02T07:00:00Z","startedAt":"2026-04-02T07:00:00Z","finishedAt":"2026-04-02T07:04:00Z","status":"ROLLBACK_FAILED","statusReason":"No rollback candidate was found to run the rollback."}}"#
        )
    };
    let (first, second) = (deployment("Qz7Lm-first", "pack"), deployment("Qz9Lm-second", "send"));
    env.write("deployments.json", format!(r#"{{"serviceDeployments":[{first},{second}],"failures":[]}}"#));
    env.run(&["load", "deployments.json"]).ok();
    for command in ["explain", "timeline", "changes"] {
        let ran = env.run(&[command, "Qz7Lm"]);
        assert_eq!(ran.code, 0, "{command}: {}", ran.err);
        assert!(ran.out.contains("Qz7Lm-first"), "{command}: {}", ran.out);
    }
    let ran = env.run(&["explain", "Qz9L"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    // Names that only begin alike are different things.
    let third = deployment("Qz7Lm-first-and-more", "mail");
    env.write("third.json", format!(r#"{{"serviceDeployments":[{third}],"failures":[]}}"#));
    env.run(&["load", "third.json"]).ok();
    let ran = env.run(&["explain", "Qz7Lm"]);
    assert!(ran.code == 2 && ran.err.contains("several names begin with") && !ran.err.contains('@'), "{}", ran.err);
}

/// An event of a stopped task.
fn stopped(reason: &str, more: &str) -> String {
    format!(
        r#"{{"version":"0","id":"11111111-0000-4000-8000-000000000001","detail-type":"ECS Task State Change","source":"aws.ecs","account":"111122223333","time":"2026-03-04T10:00:00Z","region":"eu-west-1","resources":[],"detail":{{"clusterArn":"arn:aws:ecs:eu-west-1:111122223333:cluster/c; rm -rf $HOME","taskArn":"arn:aws:ecs:eu-west-1:111122223333:task/c/0123456789abcdef0123456789abcdef","taskDefinitionArn":"arn:aws:ecs:eu-west-1:111122223333:task-definition/app:1","group":"family:app","launchType":"EC2","lastStatus":"STOPPED","desiredStatus":"STOPPED","createdAt":"2026-03-04T09:00:00Z","stoppedAt":"2026-03-04T10:00:00Z","updatedAt":"2026-03-04T10:00:00Z","version":3,"stoppedReason":{reason}{more}}}}}"#
    )
}

const TASK: &str = "0123456789abcdef0123456789abcdef";

fn output(event: &str) -> String {
    let env = TestEnv::new();
    env.write("event.json", event);
    env.run(&["explain", TASK, "--from", "event.json"]).ok().out
}

#[test]
fn text_from_logs_cannot_act() {
    let event = stopped(r#""\u001b[31mnever seen\nFailure\u202e""#, r#","stopCode":"TaskFailedToStart","containers":[]"#);
    let out = output(&event);
    assert!(out.contains("unknown message: no catalog entry matches"), "{out}");
    assert!(out.contains("\\u{1b}[31mnever seen") && !out.contains(['\u{1b}', '\u{202e}']), "{out}");
    assert_eq!(out.lines().filter(|line| *line == "Failure").count(), 1, "a message cannot forge a section: {out}");
    let pull = r#""CannotPullContainerError: pull access denied""#;
    let out = output(&stopped(pull, r#","stopCode":"TaskFailedToStart","startedBy":"x","containers":[]"#));
    assert!(!out.lines().any(|line| line.starts_with("  $ ") && line.contains(" c; rm")), "{out}");
}

#[test]
fn times_prove_what_a_stop_code_only_guesses() {
    let unknown = r#""never seen before""#;
    let pulling = r#","stopCode":"TaskFailedToStart","pullStartedAt":"2026-03-04T09:00:05Z","containers":[]"#;
    let out = output(&stopped(unknown, pulling));
    assert!(out.contains("✗ image pull  2026-03-04T09:00:05Z  ← failed here  (last recorded step"), "{out}");
    let pulled =
        r#","stopCode":"New","pullStartedAt":"2026-03-04T09:00:05Z","pullStoppedAt":"2026-03-04T09:00:06Z","containers":[]"#;
    let out = output(&stopped(unknown, pulled));
    assert!(out.contains("✓ image pull") && out.contains("✗ container start"), "{out}");
    assert!(out.contains("the program never ran"), "{out}");
    let out = output(&stopped(unknown, r#","stopCode":"TaskFailedToStart","containers":[]"#));
    assert!(out.contains("✗ placement  ← failed here  (last recorded step"), "{out}");
}

#[test]
fn what_a_managed_agent_reports_is_evidence() {
    let agent = r#"{"name":"ExecuteCommandAgent","lastStatus":"STOPPED","reason":"CannotStartManagedAgentError: no space left\u001b[0m"}"#;
    let containers = format!(
        r#","stopCode":"TaskFailedToStart","containers":[{{"name":"app","lastStatus":"STOPPED","managedAgents":[{agent}]}},{{"name":"cache","lastStatus":"STOPPED"}}]"#
    );
    let out = output(&stopped(r#""Task failed to start""#, &containers));
    assert!(out.contains("no record names a cause; what its containers report may be one"), "{out}");
    assert!(
        out.contains("container app reports: CannotStartManagedAgentError: no space left") && !out.contains('\u{1b}'),
        "{out}"
    );
    assert!(!out.contains("container cache reports"), "{out}");
    let silent =
        output(&stopped(r#""Task failed to start""#, r#","stopCode":"TaskFailedToStart","containers":[{"name":"app"}]"#));
    assert!(silent.contains("  no record names a cause\n") && !silent.contains(" reports: "), "{silent}");
}

#[test]
fn a_container_beside_the_program_gets_advice_of_its_own() {
    let exited = |code: i64| {
        let containers = format!(
            r#","startedAt":"2026-03-04T09:00:10Z","stopCode":"EssentialContainerExited","containers":[{{"name":"app","lastStatus":"STOPPED","exitCode":143}},{{"name":"log_router","lastStatus":"STOPPED","exitCode":{code}}}]"#
        );
        output(&stopped(r#""Essential container in task exited""#, &containers))
    };
    let out = exited(1);
    assert!(out.contains("container log_router is the FireLens log router") && out.contains("exit 1"), "{out}");
    assert!(!out.contains("application error") && !out.contains("Fix the program"), "{out}");
    assert!(exited(139).contains("SIGSEGV"), "a signal is one in any container");
    let sick = r#","startedAt":"2026-03-04T09:00:10Z","stopCode":"ServiceSchedulerInitiated","containers":[{"name":"app","lastStatus":"STOPPED","exitCode":0,"healthStatus":"UNKNOWN"},{"name":"ecs-service-connect-z1","lastStatus":"STOPPED","exitCode":0,"healthStatus":"UNHEALTHY"}]"#;
    let out = output(&stopped(r#""Task failed container health checks""#, sick));
    assert!(out.contains("class infrastructure") && !out.contains("Fix the application"), "{out}");
}

#[test]
fn a_phase_without_a_record_is_not_called_unreached() {
    let created = r#","stopCode":"TaskFailedToStart","containers":[{"name":"app","lastStatus":"STOPPED","reason":"CannotCreateContainerError: mount denied"}]"#;
    let out = output(&stopped(r#""Task failed to start""#, created));
    assert!(out.contains("? image pull  not recorded\n") && out.contains("· started  never reached"), "{out}");
    let pulled = output(&stopped(
        r#""Task failed to start""#,
        &format!(r#"{created},"pullStoppedAt":"2026-03-04T09:00:06Z","pullStartedAt":"2026-03-04T09:00:05Z""#),
    ));
    assert!(pulled.contains("✓ image pull  2026-03-04T09:00:05Z"), "{pulled}");
    let network = r#","stopCode":"TaskFailedToStart","containers":[]"#;
    let out = output(&stopped(r#""Timeout waiting for network interface provisioning to complete.""#, network));
    assert!(out.contains("· image pull  never reached"), "{out}");
    // What `--query` left of two tasks.
    let row = |reason: &str| {
        let task = format!("arn:aws:ecs:eu-west-1:111122223333:task/c/{TASK}");
        output(&format!(
            r#"[{{"taskArn":"{task}","stoppedAt":"2026-03-04T10:00:00Z","stopCode":"EssentialContainerExited","stoppedReason":"{reason}"}}]"#
        ))
    };
    let out = row("Essential container in task exited");
    assert!(out.contains("? started  not recorded") && out.contains("whether the program ran is not recorded"), "{out}");
    let out = row("OutOfMemoryError: Container killed due to memory usage");
    assert!(out.contains("✓ started  (startedAt is missing, but only a program that runs ends like this)"), "{out}");
    assert!(out.contains("the program ran"), "{out}");
}

#[test]
fn a_kill_is_out_of_memory_only_with_evidence() {
    let container = |reason: &str| format!(r#""containers":[{{"name":"app","lastStatus":"STOPPED","exitCode":137{reason}}}]"#);
    let ran =
        r#","startedAt":"2026-03-04T09:00:10Z","stoppingAt":"2026-03-04T09:59:00Z","executionStoppedAt":"2026-03-04T09:59:30Z""#;
    let essential = r#","stopCode":"EssentialContainerExited","#;
    let exited = r#""Essential container in task exited""#;
    let oom =
        output(&stopped(exited, &format!("{ran}{essential}{}", container(r#","reason":"OutOfMemoryError: Container killed""#))));
    assert!(oom.contains("out of memory, according to the record (exit code 137)") && !oom.contains("SIGKILL"), "{oom}");
    let bare = output(&stopped(exited, &format!("{ran}{essential}{}", container(""))));
    assert!(bare.contains("SIGKILL; no record reports out of memory"), "{bare}");
    assert!(bare.contains("no stop request preceded it"), "{bare}");
    let user = r#","stopCode":"UserInitiated","#;
    let late = output(&stopped(r#""enough""#, &format!("{ran}{user}{}", container(""))));
    assert!(late.contains("it kept running for 30s after a stop request from a user: the stop timeout ended it"), "{late}");
    let health = r#","stopCode":"ServiceSchedulerInitiated","#;
    let reason = r#""Task failed container health checks""#;
    let sick = output(&stopped(reason, &format!("{ran}{health}{}", container(""))));
    assert!(sick.contains("its health checks failed first"), "{sick}");
}

#[test]
fn a_page_is_one_file_that_cannot_act() {
    let env = TestEnv::new();
    let hostile = r#""CannotPullContainerError: <script>alert(1)</script> & \"quotes\" 'x' manifest unknown""#;
    env.write("event.json", stopped(hostile, r#","stopCode":"TaskFailedToStart","containers":[]"#));
    let page = env.run(&["explain", TASK, "--from", "event.json", "--format", "html"]).ok().out;
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quotes&quot;"), "{page}");
    for act in ["<script", "<a ", "<img", "http-equiv=\"refresh\"", "onclick", "src="] {
        assert!(!page.contains(act), "{act}: {page}");
    }
    for element in ["ul", "ol", "table", "li", "h2", "code", "tr", "td"] {
        let (opened, closed) = (format!("<{element}>"), format!("</{element}>"));
        let opened = page.matches(&opened).count() + page.matches(&format!("<{element} ")).count();
        assert_eq!(opened, page.matches(&closed).count(), "{element}: {page}");
    }
    assert!(page.contains("<h2>Cause</h2>") && page.contains("<tr><th>cluster</th>"), "{page}");
    // Phases have marks of their own, and events are rows of a table.
    let timeline = DESK.run(&["timeline", "checkout-web", "--format", "html"]).ok().out;
    assert!(
        timeline.contains("<tr><td class=\"t\">2026-03-03T01:10:12.324Z</td><td class=\"t\">+8.5s</td><td>task "),
        "{timeline}"
    );
    let network = DESK.run(&["explain", "77954849-eedf-47b8-ac98-415d8259b246", "--format", "html"]).ok().out;
    assert!(network.contains("<li class=\"marked\">✗ "), "{network}");
    assert!(network.contains("<li>likely: a security group") && network.contains("<li class=\"in\">for: "), "{network}");
    let markdown = DESK.run(&["explain", "77954849-eedf-47b8-ac98-415d8259b246", "--format", "markdown"]).ok().out;
    assert!(markdown.contains("\n- likely: a security group") && markdown.contains("\n  - for: "), "{markdown}");
    let all = DESK.run(&["explain", "--all", "--format", "html"]).ok().out;
    assert!(all.contains("<title>ecs-audit: incidents</title>"), "{all}");
}

/// The id of an incident may be that of a stall or of an expected start, which no record has.
#[test]
fn the_ids_of_computed_rows_are_explained() {
    for incident in DESK.query("incidents where root in (stall, schedule) since 7d show id, root limit 1000") {
        let explained = DESK.run(&["explain", &incident[0], "--quiet"]).ok().out;
        assert!(!explained.is_empty(), "{incident:?}");
    }
    let stall = DESK.query("stalls show id, deployment limit 1").remove(0);
    let explained = DESK.run(&["explain", &stall[0]]).ok().out;
    assert!(explained.contains(&stall[0]) && explained.contains("Losses, largest first"), "{explained}");
    let timeline = DESK.run(&["timeline", &stall[0]]).ok().out;
    assert!(timeline.starts_with(&format!("Timeline of deployment {}", stall[1])), "{timeline}");
    let start = DESK.query("schedules where absence = disabled show id, schedule limit 1").remove(0);
    let timeline = DESK.run(&["timeline", &start[0]]).ok().out;
    assert!(timeline.starts_with(&format!("Timeline of schedule {}", start[1])), "{timeline}");
    let unknown = format!("{}0", stall[0]);
    assert!(DESK.run(&["explain", &unknown]).err.contains("nothing named"));
}

/// A call that places several tasks appears in the timeline of each task.
#[test]
fn the_second_task_of_a_call_finds_it() {
    let env = TestEnv::new();
    let task = |id: char| format!("arn:aws:ecs:eu-west-1:111122223333:task/c/{}", id.to_string().repeat(32));
    env.write(
        "call.json",
        format!(
            r#"{{"eventVersion":"1.09","userIdentity":{{"type":"IAMUser","userName":"ren"}},"eventTime":"2026-03-04T09:00:00Z","eventSource":"ecs.amazonaws.com","eventName":"RunTask","awsRegion":"eu-west-1","requestParameters":{{"cluster":"c","taskDefinition":"app:1","count":2}},"responseElements":{{"tasks":[{{"taskArn":"{}"}},{{"taskArn":"{}"}}],"failures":[]}},"eventID":"run-two","readOnly":false,"recipientAccountId":"111122223333"}}"#,
            task('a'),
            task('b')
        ),
    );
    env.run(&["load", "call.json"]).ok();
    for id in ["a", "b"] {
        let output = env.run(&["timeline", &id.repeat(32)]).ok().out;
        assert!(output.contains("RunTask app:1 placed 2 of 2 by ren  [run-two]"), "{output}");
    }
    assert_eq!(env.run(&["timeline", &"c".repeat(32)]).code, 2);
    assert_eq!(env.run(&["timeline", ""]).code, 2);
}

#[test]
fn a_timeline_can_begin_later() {
    let whole = DESK.run(&["timeline", "checkout-web"]).ok().out;
    let late = DESK.run(&["timeline", "checkout-web", "--since", "2026-03-06"]).ok().out;
    let times = |text: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| line.trim_start().split(' ').next())
            .filter(|word| word.starts_with("2026-"))
            .map(str::to_owned)
            .collect()
    };
    assert!(times(&whole).len() > times(&late).len() && !times(&late).is_empty(), "{late}");
    assert!(times(&late).iter().all(|time| time.as_str() >= "2026-03-06"), "{late}");
    let instance = DESK.run(&["timeline", "e232a49637a39eb84a7dd75f21f52e4a", "--since", "1d"]).ok().out;
    assert!(times(&instance).iter().all(|time| time.as_str() >= "2026-03-07T03:20:11"), "{instance}");
    assert_eq!(DESK.run(&["timeline", "checkout-web", "--since", "soon"]).code, 2);
}
