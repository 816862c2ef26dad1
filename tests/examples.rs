//! The files in `docs/examples/`: the scripts and the commands of the workflows run on the samples, with an `aws` that copies the
//! samples and a `curl` that keeps what it is given.

use crate::support::{TestEnv, VARIABLES, binary, project};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

fn example(name: &str) -> PathBuf {
    project().join("docs/examples").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(example(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn json(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Copies a part of the samples to the last argument, once: the other folders of a bucket are empty.
const AWS: &str = r#"#!/bin/sh
echo "$*" >>aws.log
for target; do :; done
case "$target" in */) ;; *) echo "unexpected target $target" >&2; exit 1 ;; esac
[ -e copied ] || { mkdir -p "$target" && cp -R "$SAMPLES/silent-batch" "$target" && touch copied; }
"#;

/// Keeps its arguments and its standard input.
const CURL: &str = "#!/bin/sh\necho \"$*\" >>curl.log\ncat >>curl.stdin\n";

/// Keeps its arguments and the file that it is given last, as the comment that it posts.
const GH: &str = "#!/bin/sh\necho \"$*\" >>gh.log\nfor body; do :; done\ncp \"$body\" posted.md\n";

/// A folder with commands that stand in for those of AWS and of the web.
fn prepared() -> TestEnv {
    let env = TestEnv::new();
    for (name, script) in [("bin/aws", AWS), ("bin/curl", CURL), ("bin/gh", GH)] {
        let path = env.write(name, script);
        let made = Command::new("chmod").arg("+x").arg(&path).status().unwrap();
        assert!(made.success());
    }
    // The examples call the binary by its name, wherever the binary under test is.
    let linked = Command::new("ln").arg("-s").arg(binary()).arg(env.path("bin/ecs-audit")).status().unwrap();
    assert!(linked.success());
    env
}

/// Runs a shell in the folder.
fn shell(env: &TestEnv, arguments: &[&str]) -> Output {
    let path = format!("{}:{}", env.path("bin").display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.args(arguments).current_dir(env.path(""));
    for name in VARIABLES {
        command.env_remove(name);
    }
    command
        .env("PATH", path)
        .env("XDG_CONFIG_HOME", env.path(""))
        .env("SAMPLES", project().join("samples/exports"))
        .env("BUCKET", "example-logs")
        .env("ACCOUNT", "111122223333")
        .env("REGION", "ap-northeast-1")
        .env("SLACK_WEBHOOK_URL", "https://hooks.example.com/services/FAKE-SECRET-WEBHOOK")
        .env("GITHUB_STEP_SUMMARY", env.path("summary.md"))
        .env("NUMBER", "7")
        .output()
        .unwrap()
}

fn run_script(env: &TestEnv, name: &str) -> (String, String, Option<i32>) {
    let output = shell(env, &[example(name).to_str().unwrap()]);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.status.code())
}

#[test]
fn the_nightly_script_prints_each_finding_once() {
    let env = prepared();
    let (out, err, code) = run_script(&env, "nightly.sh");
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("lost-launches") && out.contains("feed-sync"), "{out}");
    let synced = fs::read_to_string(env.path("aws.log")).unwrap();
    assert_eq!(synced.lines().count(), 4, "two folders of two days: {synced}");
    assert!(synced.contains("s3://example-logs/AWSLogs/111122223333/CloudTrail/ap-northeast-1/"), "{synced}");
    assert!(fs::read_to_string(env.path("known.toml")).unwrap().contains("check = \"lost-launches/lost\""));
    let (out, err, code) = run_script(&env, "nightly.sh");
    assert_eq!((out.as_str(), err.as_str(), code), ("", "", Some(0)), "nothing is new");
    // A finding that is not known is new.
    fs::write(env.path("known.toml"), "").unwrap();
    let (out, _, code) = run_script(&env, "nightly.sh");
    assert!(code == Some(0) && out.contains("feed-sync"), "{out}");
}

#[test]
fn the_nightly_script_reports_an_error() {
    let env = prepared();
    env.write("known.toml", "[[finding]]\ncheck = 5\n");
    let (_, err, code) = run_script(&env, "nightly.sh");
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("known.toml"), "cron mails the error: {err}");
}

#[test]
fn the_scheduled_task_posts_to_slack_and_hides_the_webhook() {
    let env = prepared();
    let (out, err, code) = run_script(&env, "ecs-task.sh");
    assert_eq!(code, Some(0), "{out}{err}");
    let message: Value = serde_json::from_str(&fs::read_to_string(env.path("message.json")).unwrap()).unwrap();
    assert!(message["blocks"].as_array().is_some_and(|blocks| !blocks.is_empty()), "{message}");
    assert!(message.to_string().contains("feed-sync"), "{message}");
    let called = fs::read_to_string(env.path("curl.log")).unwrap();
    assert!(called.contains("--data @message.json") && !called.contains("FAKE-SECRET"), "{called}");
    let given = fs::read_to_string(env.path("curl.stdin")).unwrap();
    assert_eq!(given, "url = \"https://hooks.example.com/services/FAKE-SECRET-WEBHOOK\"\n");
    // An export without records is not a clean result.
    let env = prepared();
    env.write("copied", "");
    let (_, _, code) = run_script(&env, "ecs-task.sh");
    assert!(code != Some(0) && !env.path("curl.log").exists(), "{code:?}");
}

#[test]
fn the_task_definition_passes_preflight_and_runs_the_script() {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    let file = example("ecs-task-definition.json");
    let ran = env.run(&["preflight", file.to_str().unwrap(), "--fail-on", "note"]).ok();
    let passed = ran.out.lines().find(|line| line.starts_with("  ok ")).unwrap_or_default();
    assert!(passed.contains("fargate-size") && passed.contains("log-options"), "{}", ran.out);
    let definition = json("ecs-task-definition.json");
    let container = &definition["containerDefinitions"][0];
    let dockerfile = text("Dockerfile");
    let entry = dockerfile.lines().find_map(|line| line.strip_prefix("ENTRYPOINT ")).unwrap();
    assert_eq!(container["entryPoint"], serde_json::from_str::<Value>(entry).unwrap(), "as the image does");
    // The script reads what the definition sets.
    let set = ["environment", "secrets"].into_iter().flat_map(|list| container[list].as_array().unwrap());
    let set: Vec<&str> = set.map(|variable| variable["name"].as_str().unwrap()).collect();
    let script = text("ecs-task.sh");
    for name in &set {
        assert!(script.contains(&format!("${name}")), "{name}");
    }
    assert_eq!(set, ["BUCKET", "ACCOUNT", "REGION", "SLACK_WEBHOOK_URL"]);
    let schedule = json("ecs-schedule.json");
    let target = schedule["Target"]["EcsParameters"]["TaskDefinitionArn"].as_str().unwrap();
    assert!(target.ends_with(&format!("/{}", definition["family"].as_str().unwrap())), "{target}");
}

/// The commands of a workflow: what follows `run:`.
fn commands(workflow: &str) -> Vec<&str> {
    workflow.lines().filter_map(|line| line.trim_start().trim_start_matches("- ").strip_prefix("run: ")).collect()
}

#[test]
fn the_commands_of_the_workflows_run() {
    let mut known = 0;
    for name in ["github-check.yml", "github-preflight.yml"] {
        let workflow = text(name);
        assert!(!workflow.contains('\t') && workflow.contains("\njobs:\n"), "{name}");
        let env = prepared();
        let copied =
            Command::new("cp").arg("-R").arg(project().join("samples/exports")).arg(env.path("s3-export")).status().unwrap();
        assert!(copied.success());
        env.write("deploy/taskdef.json", text("ecs-task-definition.json"));
        env.write("accepted.toml", "");
        let ours = |command: &&str| command.starts_with("ecs-audit ") || command.starts_with("gh pr comment ");
        for command in commands(&workflow).into_iter().filter(ours) {
            let output = shell(&env, &["-ec", command]);
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            let code = output.status.code();
            assert!(matches!(code, Some(0 | 1 | 3)), "{name}: {command}: {code:?}\n{err}");
            match command {
                check if check.contains("check") && check.contains("github") => {
                    assert_eq!(code, Some(1), "{err}");
                    assert!(out.contains("::error title=lost-launches/lost"), "{out}");
                    // With every finding accepted, the workflow passes.
                    env.run(&["check", "--since", "1d", "--write-baseline", "accepted.toml", "--quiet"]);
                    let again = shell(&env, &["-ec", command]);
                    let out = String::from_utf8_lossy(&again.stdout);
                    assert!(again.status.code() == Some(0) && !out.contains("::error"), "{out}");
                    env.write("accepted.toml", "");
                }
                summary if summary.contains("GITHUB_STEP_SUMMARY") => {
                    assert!(fs::read_to_string(env.path("summary.md")).unwrap().contains("lost-launches"));
                }
                written if written.contains("comment.md ||") => assert!(out.is_empty(), "{out}"),
                posted if posted.starts_with("gh ") => {
                    let called = fs::read_to_string(env.path("gh.log")).unwrap();
                    assert_eq!(called, "pr comment 7 --edit-last --create-if-none --body-file comment.md\n");
                    let comment = fs::read_to_string(env.path("posted.md")).unwrap();
                    assert!(comment.starts_with("**Preflight passed** for "), "{comment}");
                    let parts = ["\n### Not checked\n\n- ", "\nPassed: ", "\nWindow: failures since 30d.\n"];
                    assert!(parts.iter().all(|part| comment.contains(part)), "{comment}");
                }
                preflight if preflight.contains("preflight") => assert!(out.starts_with("ecs-audit"), "{out}"),
                load => assert!(load.starts_with("ecs-audit load "), "{load}"),
            }
            known += 1;
        }
    }
    assert_eq!(known, 7, "commands of ecs-audit in the workflows, and the comment");
}

#[test]
fn the_crontab_runs_the_script() {
    let crontab = text("crontab");
    let line = crontab.lines().find(|line| line.contains("nightly.sh")).unwrap();
    let (schedule, command) = line.split_once("  ").unwrap();
    assert_eq!(schedule.split(' ').count(), 5, "{schedule}");
    assert!(!command.contains('%'), "cron reads % as the end of a line: {command}");
    for name in ["BUCKET", "ACCOUNT", "REGION"] {
        assert!(crontab.lines().any(|line| line.starts_with(&format!("{name}="))), "{name}");
    }
    let checked = Command::new("sh").args(["-n", "-c", command]).status().unwrap();
    assert!(checked.success(), "{command}");
}

#[test]
fn every_example_is_listed() {
    let listed = text("README.md");
    for entry in fs::read_dir(project().join("docs/examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || listed.contains(&format!("({name})")), "{name} is not in docs/examples/README.md");
    }
    for part in listed.split("](").skip(1) {
        let target = part.split(')').next().unwrap();
        assert!(example(target).exists(), "{target}");
    }
}
