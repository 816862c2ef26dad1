//! The failure catalog through the real binary: list, show, explain, test, and rules of one's own.

use crate::support::{TestEnv, project};
use ecs_audit::knowledge::TextKind;
use ecs_audit::model::catalog::{FailureCatalog, Finding};
use std::io::Write;
use std::process::Stdio;

/// A message of an imaginary in-house admission webhook, and a rule for it.
const MESSAGE: &str = "AdmissionDenied: image registry.example/web:1 is not signed";
const RULE: &str = r#"
[[error]]
id = "image-not-signed"
name = "AdmissionDenied"
stage = "image_pull"
class = "configuration"
retry = "after_fix"
confidence = "observed"
applies_to = ["task.stoppedReason"]
patterns = ['^AdmissionDenied: image (?P<image>\S+) is not signed']
examples = ["AdmissionDenied: image registry.example/web:1 is not signed"]
cause = "The admission check of the cluster takes signed images only."
verify = ["cosign verify {image}"]
actions = ["Sign {image} in the build"]
source = "platform team"
"#;

fn task(reason: &str) -> String {
    serde_json::json!({
        "id": "5f1d6a3e-0000-4000-8000-000000000001", "version": "0", "source": "aws.ecs",
        "detail-type": "ECS Task State Change", "account": "111122223333", "region": "eu-west-1",
        "time": "2026-03-07T03:00:08Z", "resources": [],
        "detail": {
            "clusterArn": "arn:aws:ecs:eu-west-1:111122223333:cluster/batch",
            "taskArn": "arn:aws:ecs:eu-west-1:111122223333:task/batch/0a1b2c3d4e5f60718293a4b5c6d7e8f9",
            "taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:1",
            "lastStatus": "STOPPED", "desiredStatus": "STOPPED", "stopCode": "TaskFailedToStart",
            "stoppedReason": reason, "stoppedAt": "2026-03-07T03:00:08Z", "createdAt": "2026-03-07T03:00:00Z",
            "containers": [], "version": 3
        }
    })
    .to_string()
}

/// What `catalog explain -` answers to messages, one each.
fn explain(env: &TestEnv, arguments: &[&str], messages: &[&str]) -> Vec<serde_json::Value> {
    let mut command = env.command();
    command.args(["catalog", "explain", "-", "--format", "ndjson"]).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let text: String = messages.iter().map(|message| format!("{message}\n")).collect();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_example_is_explained_by_its_own_entry() {
    let (env, catalog) = (TestEnv::new(), FailureCatalog::builtin());
    for kind in TextKind::ALL.into_iter().filter(|kind| *kind != TextKind::RunMessage) {
        for arguments in [&["--kind", kind.name()][..], &[]] {
            // Everyday words are understood only where the kind of text is known.
            let strict_too = !arguments.is_empty();
            let of_kind = catalog.entries().iter().filter(|entry| entry.applies_to.contains(&kind));
            let wanted: Vec<(&str, &str)> = of_kind
                .filter(|entry| strict_too || !entry.strict)
                .flat_map(|entry| entry.examples.iter().map(|example| (entry.id.as_str(), example.as_str())))
                .filter(|(_, example)| !example.contains('\n'))
                .collect();
            let messages: Vec<&str> = wanted.iter().map(|(_, example)| *example).collect();
            assert!(!messages.is_empty(), "{}", kind.name());
            let answers = explain(&env, arguments, &messages);
            assert_eq!(answers.len(), wanted.len());
            for ((id, example), answer) in wanted.iter().zip(answers) {
                assert_eq!(answer["id"], *id, "{arguments:?}: {example}");
                assert!(answer["phase"].is_string() && answer["retry"].is_string() && answer["fields"].is_object());
            }
        }
    }
}

#[test]
fn examples_of_several_lines_and_of_dstack_too() {
    let catalog = FailureCatalog::builtin();
    let mut jobs = 0;
    for entry in catalog.entries() {
        for example in &entry.examples {
            let kind = (!entry.reasons.is_empty()).then_some(TextKind::RunMessage);
            let kind = kind.or(entry.applies_to.first().copied().filter(|_| entry.strict));
            let found = match catalog.look_up(kind, example) {
                Finding::Failure(_, found) => found.id.as_str(),
                Finding::Benign(_, id) => panic!("{example} is benign: {id}"),
                Finding::Unknown => "nothing",
            };
            // Entries that take any message go by the reason of the job, which a message alone does not have.
            let by_reason = entry.patterns.iter().any(|pattern| pattern == r"(?s)\S");
            jobs += usize::from(!entry.reasons.is_empty() && !by_reason);
            assert!(found == entry.id || by_reason, "{}: {example} is explained by {found}", entry.id);
            assert!(catalog.look_up(None, example) != Finding::Unknown || by_reason || entry.strict, "{example}");
        }
    }
    assert!(jobs > 30, "{jobs}");
}

#[test]
fn benign_texts_are_not_failures() {
    let env = TestEnv::new();
    let texts: Vec<&str> =
        FailureCatalog::builtin().benign().iter().flat_map(|benign| benign.examples.iter().map(String::as_str)).collect();
    for answer in explain(&env, &[], &texts) {
        assert_eq!((&answer["benign"], &answer["phase"]), (&true.into(), &serde_json::Value::Null), "{answer}");
    }
    let shown = env.run(&["catalog", "explain", texts[0]]).ok();
    assert!(shown.out.starts_with("not a failure: steady-state\n"), "{}", shown.out);
}

#[test]
fn an_error_is_explained_as_any_tool_prints_it() {
    let env = TestEnv::new();
    let text = "Error: creating ECS Service (oven): operation error ECS: CreateService, https response error StatusCode: 400, RequestID: 0a1b, \
                InvalidParameterException: nobody knows these words";
    for kind in [&["--kind", "api.error"][..], &[]] {
        let shown = env.run(&[&["catalog", "explain"], kind, &[text]].concat()).ok().out;
        for wanted in [
            "api-invalid-parameter: ",
            "phase           api\n",
            "detail = nobody knows these words\n",
            "The text: 'nobody knows these words'\n",
        ] {
            assert!(shown.contains(wanted), "{wanted} in {shown}");
        }
    }
    let literal = "ERROR - EcsOperatorError: {'tasks': [], 'failures': [{'arn': 'x', 'reason': 'RESOURCE:MEMORY'}]}";
    let answers = explain(&env, &[], &[literal, "Error: the oven is cold"]);
    assert_eq!((&answers[0]["id"], &answers[0]["phase"]), (&"placement-resource-memory".into(), &"placement".into()));
    assert_eq!(answers[1], serde_json::Value::Null);
}

#[test]
fn a_message_is_explained_with_its_own_names() {
    let env = TestEnv::new();
    let text = "(service web) was unable to place a task because no container instance met all of its requirements. \
                The closest matching container-instance 0a1b2c3d encountered error \"AGENT\".";
    let shown = env.run(&["catalog", "explain", text]).ok().out;
    for wanted in [
        "placement-agent: AGENT\n",
        "kind of text    service.event\n",
        "phase           placement\n",
        "category        launch\n",
        "container_instance = 0a1b2c3d\n",
        "--container-instances 0a1b2c3d --query",
    ] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    let long = format!("AGENT {}", "x".repeat(3 << 20));
    let answers = explain(&env, &[], &[&long, "AGENT", "AGENT\r"]);
    assert_eq!(
        answers.iter().map(|answer| &answer["id"]).collect::<Vec<_>>(),
        [&serde_json::Value::Null, &"placement-agent".into(), &"placement-agent".into()]
    );
    let answers = explain(&env, &["--kind", "service.event"], &[text, "nobody has seen this", ""]);
    let wanted = serde_json::json!({
        "id": "placement-agent", "phase": "placement", "class": "infrastructure", "category": "launch", "retry": "backoff",
        "confidence": "documented", "fields": {"container_instance": "0a1b2c3d"}
    });
    assert_eq!(answers, [wanted, serde_json::Value::Null, serde_json::Value::Null]);
    let unknown = env.run(&["catalog", "explain", "nobody has\u{1b}[31m seen this"]).ok();
    assert!(unknown.out.starts_with("unknown: "), "{}", unknown.out);
    let table = env.run(&["catalog", "explain", "nobody has\u{1b}[31m seen this", "--format", "table"]).ok();
    assert!(table.out.contains("unknown") && !table.out.contains('\u{1b}'), "{}", table.out);
    assert_eq!(env.run(&["catalog", "explain", "--kind", "task", "AGENT"]).code, 2);
}

#[test]
fn the_catalog_can_be_listed_and_shown() {
    let env = TestEnv::new();
    let all = env.run(&["catalog", "list", "--format", "csv"]).ok();
    let rows = all.cells();
    assert_eq!(rows[0], ["id", "phase", "class", "kind", "title"]);
    assert_eq!(rows.len() - 1, FailureCatalog::builtin().entries().len());
    assert!(all.err.contains(&format!("catalog {}", FailureCatalog::builtin().version())), "{}", all.err);
    let some =
        env.run(&["catalog", "list", "agent", "--phase", "placement", "--class", "infrastructure", "--format", "csv"]).ok();
    assert!(some.cells().iter().any(|row| row[0] == "placement-agent") && some.cells().len() < 10, "{}", some.out);
    assert!(some.cells()[1..].iter().all(|row| row[1] == "placement" && row[2] == "infrastructure"));
    assert_eq!(env.run(&["catalog", "list", "--phase", "spot", "--quiet"]).ok().err, "");
    assert_eq!(env.run(&["catalog", "list", "--phase", "placment"]).code, 2);

    let shown = env.run(&["catalog", "show", "placement-agent"]).ok().out;
    for name in ["means", "phase", "class", "category", "retry", "confidence", "patterns", "examples", "verify", "do", "source"] {
        assert!(shown.contains(&format!("\n  {name:<16}")), "{name}: {shown}");
    }
    let wrong = env.run(&["catalog", "show", "placement-agnet"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("did you mean `placement-agent`?"), "{}", wrong.err);
}

#[test]
fn rules_change_the_cause_of_a_query() {
    let env = TestEnv::new();
    env.write("rules.toml", RULE);
    env.write("export/event.json", task(MESSAGE));
    let query = ["query", "--from", "export", "failures by cause, phase, class", "--format", "csv", "--quiet"];
    let before = env.run(&query).ok().cells();
    assert_eq!(before[1][0], "", "the built-in catalog does not know it: {before:?}");
    let after = env.run(&[&query[..], &["--rules", "rules.toml"]].concat()).ok().cells();
    assert_eq!(after[1], ["image-not-signed", "image_pull", "configuration", "1"]);

    // The environment does the same, and a store keeps what its load knew.
    let loaded = env.command().args(["load", "export"]).env("ECS_AUDIT_RULES", "rules.toml").output().unwrap();
    assert!(loaded.status.success());
    assert_eq!(env.query("failures by cause"), [["image-not-signed", "1"]]);
    let note = "note: 1 records were loaded with another version of the failure catalog or with other rules;";
    let other = env.run(&["query", "failures by cause"]).ok();
    assert!(other.err.contains(note), "{}", other.err);
    assert!(other.err.contains("`ecs-audit store reclassify` updates them"), "{}", other.err);
    let same = env.run(&["query", "failures by cause", "--rules", "rules.toml"]).ok();
    assert!(!same.err.contains(note), "{}", same.err);
    let unclassified = env.run(&["query", "calls by event_name"]).ok();
    assert!(!unclassified.err.contains(note), "{}", unclassified.err);
    let overview = env.run(&["store"]).ok().out;
    assert!(overview.contains("\nfailure catalog ") && overview.contains(" for 1 records\n"), "{overview}");
}

#[test]
fn rules_take_part_in_the_catalog() {
    let env = TestEnv::new();
    env.write("rules.toml", RULE);
    let shown = env.run(&["catalog", "explain", MESSAGE, "--rules", "rules.toml"]).ok().out;
    assert!(shown.contains("cosign verify registry.example/web:1\n"), "{shown}");
    let listed = env.run(&["catalog", "list", "--rules", "rules.toml", "--format", "csv"]).ok();
    assert_eq!(listed.cells()[1][0], "image-not-signed", "what a user adds comes first");
    assert!(!listed.err.contains(FailureCatalog::builtin().version()), "other rules, another version: {}", listed.err);
    // An id of the built-in catalog is replaced where it stands.
    env.write("own.toml", RULE.replace("image-not-signed", "essential-exited"));
    let count = FailureCatalog::builtin().entries().len();
    let listed = env.run(&["catalog", "list", "--rules", "own.toml", "--format", "csv"]).ok().cells();
    let place = FailureCatalog::builtin().entries().iter().position(|entry| entry.id == "essential-exited").unwrap();
    assert_eq!((listed.len() - 1, listed[place + 1][4].as_str()), (count, "AdmissionDenied"));
    // Of several files the first wins.
    env.write("second.toml", RULE.replace("configuration", "operator"));
    let both = ["catalog", "list", "image-not-signed", "--rules", "second.toml", "--rules", "rules.toml", "--format", "csv"];
    assert_eq!(env.run(&both).ok().cells()[1][2], "operator");
}

#[test]
fn mistakes_in_rules_are_found() {
    let env = TestEnv::new();
    env.write("good.toml", RULE);
    let good = env.run(&["catalog", "test", "good.toml"]).ok();
    assert_eq!(good.out, "good.toml: 1 entry and 1 example passed\n");
    env.write("bad.toml", RULE.replace("image_pull", "pulling").replace("(?P<image>", "(?P<image"));
    let bad = env.run(&["catalog", "test", "bad.toml"]);
    assert_eq!(bad.code, 2);
    assert!(bad.out.contains("bad.toml:2: entry `image-not-signed`: unknown phase `pulling`; expected one of "), "{}", bad.out);
    assert!(bad.out.contains("is not a valid regular expression: "), "{}", bad.out);
    assert!(bad.out.ends_with("bad.toml: 0 entries and 0 examples passed, 2 errors\n"), "{}", bad.out);
    // Broken rules stop everything else, but not the command that finds the mistakes.
    let used = env.run(&["catalog", "list", "--rules", "bad.toml"]);
    assert_eq!(used.code, 2);
    assert!(
        used.err.contains("`bad.toml`: entry `image-not-signed`") && used.err.contains("catalog test bad.toml"),
        "{}",
        used.err
    );
    assert_eq!(env.run(&["catalog", "test", "good.toml", "--rules", "bad.toml"]).code, 0);
    let missing = env.run(&["catalog", "test", "none.toml"]);
    assert_eq!(missing.code, 2);
    assert!(missing.err.contains("`none.toml`: "), "{}", missing.err);
    for text in [
        "tools",
        "deployments",
        "ec2-launch",
        "inner-reasons",
        "ecs-errors",
        "ecs-agent",
        "ecs-api",
        "engine",
        "catch-all",
        "dstack",
    ] {
        let path = project().join(format!("src/knowledge/{text}.toml"));
        env.run(&["catalog", "test", path.to_str().unwrap()]).ok();
    }
}

#[test]
fn messages_of_a_service_are_known_by_what_is_inside() {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/oddities/service-messages.json")]).ok();
    let causes: Vec<String> = env.query("failures show cause limit 100").into_iter().flatten().collect();
    for cause in [
        "deployment-hook-failed",
        "deployment-pause-hook",
        "launch-ec2-capacity",
        "health-target-zone",
        "health-replaced",
        "deployment-failed",
    ] {
        assert!(causes.iter().any(|found| found == cause), "{cause}: {causes:?}");
    }
}

/// Messages that people met, collected in public places, where that collection is at hand.
#[test]
fn real_messages_are_explained() {
    let path = project().join("../shared/data/public/ecs-reasons/split/shared.tsv");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("NOT TESTED: there is no {}, so nothing is known about real messages", path.display());
        return;
    };
    let messages: Vec<&str> = text.lines().filter_map(|line| line.split('\t').next()).collect();
    let unknown: Vec<&str> =
        messages.iter().copied().filter(|message| FailureCatalog::builtin().look_up(None, message) == Finding::Unknown).collect();
    let known = messages.len() - unknown.len();
    eprintln!("{known} of {} real messages are known; unknown:", messages.len());
    unknown.iter().for_each(|message| eprintln!("  {message}"));
    assert!(known * 100 >= messages.len() * 95, "{unknown:#?}");
    let kind_only = |message: &&str| match FailureCatalog::builtin().look_up(None, message) {
        Finding::Failure(_, entry) => entry.generic,
        _ => false,
    };
    let caught: Vec<&str> = messages.iter().copied().filter(kind_only).collect();
    eprintln!("of {} only the kind is known ({} %):", caught.len(), caught.len() * 100 / messages.len());
    caught.iter().for_each(|message| eprintln!("  {message}"));
    assert!(caught.len() * 100 <= messages.len() * 15, "{caught:#?}");
}
