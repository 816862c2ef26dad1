//! `ecs-audit check` through the real binary: findings of the samples, exit codes, and formats for CI.

use crate::support::{TestEnv, project};
use serde_json::Value;

fn loaded() -> TestEnv {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    env
}

fn json(env: &TestEnv, arguments: &[&str]) -> Value {
    let ran = env.run(&[&["check", "--format", "json"], arguments].concat());
    assert_ne!(ran.code, 2, "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

/// The findings of a check: what each is about, with its number.
fn findings(report: &Value, check: &str) -> Vec<(String, f64)> {
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().find(|one| one["check"] == check).unwrap_or_else(|| panic!("{check}: {report}"));
    let rows = found["findings"].as_array().unwrap();
    let about = |row: &Value| {
        row["about"].as_object().unwrap().values().map(|value| value.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    rows.iter().map(|row| (about(row), row["value"].as_f64().unwrap())).collect()
}

#[test]
fn the_planted_stories_are_found() {
    let env = loaded();
    let report = json(&env, &["--since", "7d"]);
    let lost = findings(&report, "lost");
    let of = |family: &str| lost.iter().find(|(about, _)| about.contains(family)).map(|(_, count)| *count);
    assert_eq!((of("feed-sync"), of("nightly-settlement"), of("stock-export")), (Some(11.0), Some(2.0), Some(1.0)), "{lost:?}");
    let met: f64 = findings(&report, "agent-collisions").iter().map(|(_, count)| count).sum();
    assert_eq!(met, 20.0, "samples/README.md plants 20 AGENT failures");
    assert!(findings(&report, "missed").iter().any(|(about, _)| about.contains("feed-sync")), "the slot without a call");
    assert_eq!(findings(&report, "out-of-memory"), [("batch report-render".to_owned(), 3.0)]);
    assert_eq!(
        findings(&report, "misleading-reason").iter().map(|(_, count)| count).sum::<f64>(),
        2.0,
        "unknown user 1, repository set-up 1"
    );
    assert_eq!(findings(&report, "failed").len(), 1, "the deployment of search");
    let stalls = findings(&report, "stalls");
    assert!(stalls.len() == 1 && stalls[0].0.contains("ecs-svc/1931771335527380427"), "the deployment of cart: {stalls:?}");
    assert_eq!(findings(&report, "agent-away").iter().map(|(_, count)| count).sum::<f64>(), 1.0, "the outage of 2026-03-05");
    let records = &report["checks"][0]["findings"][0]["records"][0];
    assert!(records["file"].as_str().unwrap().contains("samples/exports"), "{records}");
    env.run(&["show", records["id"].as_str().unwrap()]).ok();
}

#[test]
fn exit_codes_distinguish_found_nothing_found_error_and_partial() {
    let env = loaded();
    assert_eq!(env.run(&["check", "--since", "7d"]).code, 1);
    env.write("quiet.toml", PACK.replace("FAMILY", "no-such-family"));
    let quiet = env.run(&["check", "quiet.toml"]);
    assert_eq!(quiet.code, 0, "{}{}", quiet.out, quiet.err);
    assert!(quiet.out.contains("0 findings in 0 checks; 1 passed"), "{}", quiet.out);
    env.write("found.toml", PACK.replace("FAMILY", "nightly-settlement"));
    assert_eq!(env.run(&["check", "found.toml", "--since", "7d"]).code, 1);
    assert_eq!(env.run(&["check", "found.toml", "--since", "7d", "--fail-on", "error"]).code, 0);
    env.write("wrong.toml", PACK.replace("family =", "famly ="));
    let wrong = env.run(&["check", "wrong.toml"]);
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.err.contains("did you mean `family`?") && wrong.err.contains("in the check `ours/settlement`"),
        "{}",
        wrong.err
    );
    let wrong = env.run(&["check", "lost-lunches"]);
    assert!(wrong.code == 2 && wrong.err.contains("did you mean `lost-launches`?"), "{}", wrong.err);
    env.load(&[&project().join("samples/oddities/one-bad-line.ndjson")]);
    let partial = env.run(&["check", "quiet.toml"]);
    assert_eq!(partial.code, 3, "{}", partial.err);
    assert!(partial.err.contains("records that could not be loaded: 1"), "{}", partial.err);
}

const PACK: &str = "name = \"ours\"\n[[check]]\nname = \"settlement\"\nquestion = \"Did <it> \\\"fail\\\"?\"\n\
    query = \"failures where family = FAMILY by reason\"\nremedy = \"Start it & tell us\"\n";

#[test]
fn what_is_not_in_the_export_is_not_answered() {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports/dstack-exit-status")]).ok();
    let report = json(&env, &["lost-launches"]);
    let disconnected = report["checks"].as_array().unwrap().iter().find(|check| check["check"] == "agent-away").unwrap();
    assert_eq!(disconnected["state"], "not_answered");
    assert!(disconnected["why"].as_str().unwrap().starts_with("no container instance events are loaded"), "{disconnected}");
}

#[test]
fn sarif_has_what_its_schema_requires() {
    let env = loaded();
    let ran = env.run(&["check", "--since", "7d", "--format", "sarif"]);
    assert_eq!(ran.code, 1);
    let log: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().ends_with("sarif-2.1.0.json"));
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "ecs-audit");
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let mut ids: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    for rule in rules {
        assert!(!rule["shortDescription"]["text"].as_str().unwrap().is_empty());
        assert!(["none", "note", "warning", "error"].contains(&rule["defaultConfiguration"]["level"].as_str().unwrap()));
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), rules.len(), "rule ids are unique");
    let results = run["results"].as_array().unwrap();
    assert!(results.len() > 20, "{}", results.len());
    let (mut prints, mut by_line) = (Vec::new(), 0);
    for result in results {
        let rule = &rules[result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let location = &result["locations"][0];
        for place in std::iter::once(location).chain(result["relatedLocations"].as_array().unwrap()) {
            let place = &place["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(!uri.is_empty() && uri.bytes().all(|byte| byte.is_ascii_graphic()), "{uri}");
            let line = place["region"]["startLine"].as_u64().unwrap();
            assert!(line >= 1);
            // One record a line: the line is that of the record.
            if uri.ends_with(".ndjson") {
                let text = std::fs::read_to_string(uri.strip_prefix("file://").unwrap()).unwrap();
                let id = place["region"]["properties"]["id"].as_str().unwrap();
                assert!(text.lines().nth(line as usize - 1).unwrap().contains(id), "{place}");
                by_line += 1;
            }
        }
        assert!(location["logicalLocations"][0]["fullyQualifiedName"].is_string());
        prints.push(result["partialFingerprints"]["finding/v1"].as_str().unwrap());
    }
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), results.len(), "fingerprints tell findings apart");
    assert!(by_line > 5, "{by_line}");
}

/// The findings of a report, from its summary: the first line of a text.
fn counted(text: &str) -> usize {
    text.split_once(" finding").unwrap().0.parse().unwrap()
}

#[test]
fn the_summary_comes_first_and_top_limits_each_check() {
    let env = loaded();
    let all = env.run(&["check", "--since", "7d"]).out;
    let report = json(&env, &["--since", "7d"]);
    let number = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(counted(&all) as u64, number("findings"));
    assert_eq!(number("findings"), number("errors") + number("warnings") + number("notes"));
    let first = all.lines().next().unwrap();
    assert!(
        first.contains(&format!(": {} errors, {} warnings, {} notes; ", number("errors"), number("warnings"), number("notes"))),
        "{first}"
    );
    assert!(!all.contains(" more\n"), "without a terminal, all findings are written: {all}");
    let top = env.run(&["check", "--since", "7d", "--top", "1"]);
    assert_eq!((top.code, counted(&top.out)), (1, counted(&all)), "the summary counts all");
    for (name, found) in report["checks"].as_array().unwrap().iter().map(|check| (&check["check"], &check["findings"])) {
        let more = found.as_array().unwrap().len().saturating_sub(1);
        assert!(more == 0 || top.out.contains(&format!("             and {more} more\n")), "{name}: {more}");
    }
    let lines = |text: &str| text.lines().filter(|line| line.starts_with("             ") && !line.contains(" and ")).count();
    assert!(lines(&top.out) < lines(&all), "{}", top.out);
    assert!(env.run(&["check", "--top", "1", "--format", "markdown", "--since", "7d"]).out.contains("\n- and "));
    let refused = env.run(&["check", "--top", "1", "--format", "sarif"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("--top is for text, markdown, slack, github; sarif always has all findings"), "{}", refused.err);
    assert_eq!(env.run(&["check", "--top", "0"]).code, 2);
}

/// The newest event of the samples is of 2026-03-08.
#[test]
fn a_baseline_accepts_findings_until_their_date() {
    let env = loaded();
    let written = env.run(&["check", "--since", "7d", "--write-baseline", "accepted.toml"]);
    assert_eq!((written.code, written.out.as_str()), (0, ""), "{}", written.err);
    let text = std::fs::read_to_string(env.path("accepted.toml")).unwrap();
    let all = counted(&env.run(&["check", "--since", "7d"]).out);
    assert_eq!(text.matches("[[finding]]").count(), all);
    assert_eq!(text.matches("reason = \"\"\nuntil = 2026-06-06\n").count(), all, "90 days after the newest event");

    let accepted = ["check", "--since", "7d", "--baseline", "accepted.toml"];
    let none = env.run(&accepted);
    assert_eq!(none.code, 0, "{}{}", none.out, none.err);
    let first = none.out.lines().next().unwrap();
    assert!(
        first.starts_with("0 findings in 0 checks; ") && first.ends_with(&format!("; {all} findings accepted by the baseline")),
        "{first}"
    );
    assert!(none.err.contains(&format!("accepted findings without a reason: {all}")), "{}", none.err);
    assert!(none.out.contains("  accepted ") && none.out.contains("lost (8)"), "{}", none.out);

    // Another window has other counts and times of the same findings.
    let longer = env.run(&["check", "lost-launches", "--since", "6d", "--baseline", "accepted.toml", "--quiet"]);
    assert_eq!(longer.code, 0, "{}", longer.out);

    // What was not there is reported.
    let entries: Vec<&str> = text.split("\n[[finding]]\n").collect();
    let without =
        |what: &str| entries.iter().filter(|entry| !entry.contains(what)).copied().collect::<Vec<_>>().join("\n[[finding]]\n");
    env.write("fewer.toml", without("out-of-memory"));
    let new = env.run(&["check", "--since", "7d", "--baseline", "fewer.toml"]);
    assert_eq!((new.code, counted(&new.out)), (1, 1), "{}", new.out);
    assert!(new.out.contains("cluster batch, family report-render: count 3"), "{}", new.out);
    assert_eq!(
        env.run(&["check", "--since", "7d", "--baseline", "fewer.toml", "--format", "junit"]).out.matches("<failure ").count(),
        1
    );

    // Its date has passed.
    let [before, after] = ["2026-06-06T12:00:00Z", "2026-06-07T12:00:00Z"].map(|now| {
        let window = ["--since", "2026-03-01T03:20:11Z", "--as-of", now, "--baseline", "accepted.toml", "--format", "json"];
        env.run(&[&["check", "stopped-tasks"], &window[..]].concat())
    });
    let report = |ran: &crate::support::Ran| serde_json::from_str::<Value>(&ran.out).unwrap();
    assert_eq!(before.code, 0, "{}", before.err);
    assert_eq!(report(&before)["baseline"]["accepted"], report(&after)["findings"]);
    assert_eq!(after.code, 1, "{}", after.err);
    assert!(after.out.contains("(accepted until 2026-06-06)"), "{}", after.out);
    assert_eq!(report(&after)["baseline"]["expired"], report(&after)["findings"]);

    // A finding that no longer occurs is named, unless its check was not run.
    env.write("more.toml", format!("{text}\n[[finding]]\ncheck = \"deployments/failed\"\nabout = {{ cluster = \"x\" }}\nreason = \"r\"\nuntil = 2026-06-06\n"));
    let more = env.run(&["check", "--since", "7d", "--baseline", "more.toml"]);
    assert!(more.err.contains("that no longer occurs: deployments/failed: cluster x"), "{}", more.err);
    let other = env.run(&["check", "lost-launches", "--since", "7d", "--baseline", "more.toml"]);
    assert!(!other.err.contains("no longer occurs"), "{}", other.err);

    // Reasons and dates survive when the file is written again.
    env.write("accepted.toml", text.replacen("reason = \"\"\nuntil = 2026-06-06", "reason = \"known\"\nuntil = 2027-01-01", 1));
    env.run(&["check", "--since", "7d", "--write-baseline", "accepted.toml"]).ok();
    let again = std::fs::read_to_string(env.path("accepted.toml")).unwrap();
    assert!(again.contains("reason = \"known\"\nuntil = 2027-01-01"), "{again}");
    assert_eq!(again.matches("[[finding]]").count(), all);

    // A file that is something else is neither read nor overwritten.
    env.write("notes.toml", "a = 1\n");
    for option in ["--baseline", "--write-baseline"] {
        let wrong = env.run(&["check", "--since", "7d", option, "notes.toml"]);
        assert!(wrong.code == 2 && wrong.err.contains("notes.toml:1: unknown key `a`"), "{}", wrong.err);
    }
    let absent = env.run(&["check", "--baseline", "absent.toml"]);
    assert!(absent.code == 2 && absent.err.contains("--write-baseline"), "{}", absent.err);
    assert_eq!(std::fs::read_to_string(env.path("notes.toml")).unwrap(), "a = 1\n");
}

#[test]
fn github_gets_one_annotation_per_check() {
    let env = loaded();
    env.write("found.toml", PACK.replace("FAMILY", "nightly-settlement").replace("Did <it>", "50%, or: did <it>"));
    let ran = env.run(&["check", "found.toml", "lost-launches", "--since", "7d", "--format", "github"]);
    assert_eq!(ran.code, 1);
    let mut lines = ran.out.lines();
    assert!(lines.next().unwrap().starts_with("ecs-audit check: "), "{}", ran.out);
    let levels: Vec<&str> = lines.clone().map(|line| line.split(' ').next().unwrap()).collect();
    let mut sorted = levels.clone();
    sorted.sort_by_key(|level| ["::error", "::warning", "::notice"].iter().position(|known| known == level).unwrap());
    assert_eq!(levels, sorted, "the most severe first");
    for line in lines {
        let (command, message) = line.split_once(" title=").unwrap();
        let (title, message) = message.split_once("::").unwrap();
        assert!(command.starts_with("::") && !title.contains([':', ',']) && !message.is_empty(), "{line}");
        assert!(title.ends_with(" finding") || title.ends_with(" findings"), "{line}");
        assert!(message.contains("%0AWhat to do: "), "{line}");
    }
    assert!(ran.out.contains("::warning title=ours/settlement%3A 2 findings::50%25, or: did <it>"), "{}", ran.out);
}

#[test]
fn gitlab_gets_issues_with_unique_fingerprints() {
    let env = loaded();
    let ran = env.run(&["check", "--since", "7d", "--format", "gitlab"]);
    assert_eq!(ran.code, 1);
    let issues: Value = serde_json::from_str(&ran.out).unwrap();
    let issues = issues.as_array().unwrap();
    assert_eq!(issues.len(), counted(&env.run(&["check", "--since", "7d"]).out));
    let mut prints: Vec<&str> = Vec::new();
    for issue in issues {
        assert!(!issue["description"].as_str().unwrap().is_empty() && issue["check_name"].as_str().unwrap().contains('/'));
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&issue["severity"].as_str().unwrap()));
        let path = issue["location"]["path"].as_str().unwrap();
        assert!(!path.is_empty() && !path.starts_with("./"), "{path}");
        assert!(issue["location"]["lines"]["begin"].as_u64().unwrap() >= 1);
        prints.push(issue["fingerprint"].as_str().unwrap());
    }
    let number = prints.len();
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), number);
    // A longer window finds the same.
    let longer = env.run(&["check", "--since", "8d", "--format", "gitlab"]).out;
    let missing = prints.iter().filter(|print| !longer.contains(*print)).count();
    assert_eq!(missing, 0, "fingerprints do not depend on counts and times");
}

/// The elements of an XML text in order, as (name, attributes); panics where it is not well formed.
fn elements(xml: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap();
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "{}", &rest[..at]);
        let end = rest.find('>').unwrap();
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            continue;
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut pairs = Vec::new();
        while let Some((key, after)) = attributes.split_once("=\"") {
            let (value, after) = after.split_once('"').unwrap();
            assert!(!value.contains('<'), "{value}");
            pairs.push((key.trim().to_owned(), value.to_owned()));
            attributes = after;
        }
        assert_eq!(attributes.trim(), "", "{tag}");
        found.push((name.to_owned(), pairs));
        if !closed {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty(), "{open:?}");
    found
}

#[test]
fn junit_has_what_its_schema_requires() {
    let env = loaded();
    env.write("found.toml", PACK.replace("FAMILY", "nightly-settlement"));
    let ran = env.run(&["check", "stopped-tasks", "found.toml", "exit-status", "--since", "7d", "--format", "junit"]);
    assert_eq!(ran.code, 1);
    let found = elements(&ran.out);
    let attribute = |pairs: &[(String, String)], name: &str| {
        pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_else(|| panic!("{name}: {pairs:?}"))
    };
    assert_eq!(found[0].0, "testsuites");
    let of = |name: &str| found.iter().filter(|(element, _)| element == name).collect::<Vec<_>>();
    assert_eq!(of("testsuite").len(), 3);
    let tests: usize = of("testsuite").iter().map(|(_, pairs)| attribute(pairs, "tests").parse::<usize>().unwrap()).sum();
    let failures: usize = of("testsuite").iter().map(|(_, pairs)| attribute(pairs, "failures").parse::<usize>().unwrap()).sum();
    assert_eq!(tests, of("testcase").len());
    assert_eq!(failures, of("failure").len());
    assert!(failures > 3, "{failures}");
    for (_, pairs) in of("testcase") {
        assert!(!attribute(pairs, "name").is_empty() && attribute(pairs, "classname").starts_with("ecs-audit."));
    }
    assert!(ran.out.contains("Did &lt;it&gt; &quot;fail&quot;?") && ran.out.contains("Start it &amp; tell us"), "{}", ran.out);
}

#[test]
fn reports_are_the_same_twice_and_in_every_form() {
    let env = loaded();
    for format in ["text", "json", "markdown"] {
        let one = env.run(&["check", "--since", "7d", "--format", format, "--threads", "1"]);
        let two = env.run(&["check", "--since", "7d", "--format", format, "--threads", "5", "--quiet"]);
        assert_eq!(one.out, two.out, "{format}");
        assert!(one.out.contains("agent-collisions"), "{format}");
    }
    let listed = env.run(&["check", "--list"]).ok().out;
    assert!(listed.contains("lost-launches") && listed.contains("misleading-reason"), "{listed}");
    env.write("found.toml", PACK.replace("FAMILY", "nightly-settlement"));
    env.write("ecs-audit/config.toml", "packs = [\"../found.toml\"]\n");
    assert!(env.run(&["check"]).out.contains("ours\n"), "packs of the configuration are checked too");
}

#[test]
fn completions_and_man_pages_know_every_command() {
    let env = TestEnv::new();
    for (shell, mark) in [
        ("bash", "complete "),
        ("zsh", "#compdef"),
        ("fish", "complete -c ecs-audit"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = env.run(&["completions", shell]).ok().out;
        assert!(script.contains(mark), "{shell}");
        for command in ["query", "check", "doctor", "preflight"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    assert_eq!(env.run(&["completions", "tcsh"]).code, 2);
    env.run(&["man", "--out", "man1"]).ok();
    let page = std::fs::read_to_string(env.path("man1/ecs-audit-query.1")).unwrap();
    assert!(page.contains(".TH") && page.contains("failures by reason since 7d"), "{page}");
    let main = std::fs::read_to_string(env.path("man1/ecs-audit.1")).unwrap();
    assert!(main.contains("Exit codes"), "{main}");
}

/// A shell that is there reads its script without complaint.
#[test]
fn bash_accepts_its_completions() {
    let env = TestEnv::new();
    let script = env.run(&["completions", "bash"]).ok().out;
    let path = env.write("completions.bash", script);
    let test = format!(
        "source {} && COMP_WORDS=(ecs-audit qu) COMP_CWORD=1 && _ecs__audit ecs-audit qu ecs-audit && echo \"${{COMPREPLY[*]}}\"",
        path.display()
    );
    let Ok(output) = std::process::Command::new("bash").args(["--norc", "-c", &test]).output() else { return };
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("query") && shown.contains("queries"), "{shown}{}", String::from_utf8_lossy(&output.stderr));
}

/// The exports of one kind among the samples, in a folder of their own.
fn only_calls(env: &TestEnv) {
    let calls = ["silent-batch/AWSLogs", "fargate-quota/AWSLogs/111122223333/CloudTrail"];
    let paths: Vec<_> =
        calls.iter().map(|name| project().join("samples/exports").join(name)).filter(|path| path.is_dir()).collect();
    assert!(!paths.is_empty());
    env.load(&paths.iter().map(|path| path.as_path()).collect::<Vec<_>>()).ok();
    assert_eq!(env.sql("select count(*) from task_events"), [["0"]]);
    assert_ne!(env.sql("select count(*) from calls"), [["0"]]);
}

#[test]
fn what_the_records_cannot_show_never_passes() {
    let env = TestEnv::new();
    only_calls(&env);
    let ran = env.run(&["check", "stopped-tasks", "deployments", "--since", "30d"]);
    assert_eq!(ran.code, 3, "{}", ran.out);
    let mut lines = ran.out.lines();
    assert_eq!(lines.next(), Some("0 findings in 0 checks; 0 passed, 13 unanswered"), "{}", ran.out);
    let second = lines.next().unwrap_or_default();
    assert!(second.starts_with("unanswered: no task events are loaded; `ecs-audit doctor` shows how"), "{}", ran.out);
    assert!(ran.out.contains("0 passed") && !ran.out.contains("  ok "), "{}", ran.out);
    // A query of one's own needs what it is about.
    let pack = |query: &str| {
        format!("name = \"ours\"\n[[check]]\nname = \"a\"\nquestion = \"q\"\nquery = \"{query}\"\nremedy = \"r\"\n")
    };
    for (query, code) in [
        ("failures where kind = task and family = none by cluster", 3),
        ("failures where kind in (task, run) and family = none by cluster", 3),
        ("failures where kind in (task, launch) and family = none by cluster", 0),
        ("failures where family = none by cluster", 0),
        ("quota where resource = fargate_vcpu and over > 1000000 by region", 3),
        ("stalls by cluster", 3),
        ("tasks where family = none by cluster", 3),
        ("runs where exit_status = 137 by run", 3),
        ("calls where event_name = none by user", 0),
        ("calls where event_name = none not following agent_disconnects within 5m by user", 3),
        ("schedules where schedule = none by schedule", 0),
    ] {
        env.write("own.toml", pack(query));
        let ran = env.run(&["check", "own.toml"]);
        assert_eq!(ran.code, code, "{query}\n{}{}", ran.out, ran.err);
    }
}

#[test]
fn packs_about_a_system_that_was_not_loaded_are_left_out_unless_named() {
    let env = TestEnv::new();
    only_calls(&env);
    let ran = env.run(&["check", "--since", "30d"]);
    assert!(ran.err.contains("skipped, because the store has none of their records: exit-status, error-phases"), "{}", ran.err);
    assert!(!ran.out.contains("exit-status") && ran.out.contains("stopped-tasks"), "{}", ran.out);
    let named = env.run(&["check", "exit-status"]);
    assert!(named.code == 3 && named.out.contains("\nunanswered: no dstack runs are loaded"), "{}", named.out);
}

/// The server of dstack deletes runs before their events.
#[test]
fn jobs_that_only_events_know_are_checked() {
    let env = TestEnv::new();
    let event = |number: u32, minute: u32, message: &str, job: &str| {
        let target = serde_json::json!({"type": "job", "id": format!("9a00000{number}-0000-4000-8000-00000000000{number}"), "name": job,
            "project_id": "5c000000-0000-4000-8000-000000000001", "project_name": "audio"});
        serde_json::json!({"id": format!("ev-{number}-{minute}"), "message": message, "actor_user": null,
            "recorded_at": format!("2026-04-02T09:{minute:02}:00Z"), "targets": [target]})
        .to_string()
    };
    let events = [
        event(1, 1, "Job status changed PROVISIONING -> PULLING", "tts-0-0"),
        event(
            1,
            4,
            "Job status changed PULLING -> TERMINATING. Termination reason: CREATING_CONTAINER_ERROR (denied: access forbidden)",
            "tts-0-0",
        ),
        event(2, 5, "Job status changed RUNNING -> TERMINATING. Termination reason: CONTAINER_EXITED_WITH_ERROR", "asr-0-0"),
    ];
    env.write("events.ndjson", events.join("\n"));
    env.run(&["load", "events.ndjson"]).ok();
    let report = json(&env, &["--since", "7d"]);
    let found = findings(&report, "never-ran");
    assert!(found.len() == 1 && found[0].0.contains("audio") && found[0].0.contains("tts"), "{report}");
    let state = |check: &str| {
        report["checks"].as_array().unwrap().iter().find(|one| one["check"] == check).map(|one| one["state"].clone()).unwrap()
    };
    assert_eq!(state("no-capacity"), "passed", "{report}");
    assert_eq!(state("killed"), "not_answered", "events have no exit status: {report}");
    let exits = json(&env, &["exit-status", "--since", "7d"]);
    assert!(exits["window"].as_str().unwrap().contains("2026-04-02T09:05:00Z"), "a window without an answer: {exits}");
    assert_eq!(env.query("incidents").len(), 2, "{:?}", env.query("incidents"));
}

/// The cause of a missed start is found in the original record of the call that disabled its rule.
#[test]
fn an_export_gives_the_causes_that_a_store_gives() {
    let env = loaded();
    let exports = project().join("samples/exports");
    let stored = env.run(&["check", "--since", "7d"]);
    let direct = env.run(&["check", "--since", "7d", "--from", exports.to_str().unwrap()]);
    assert_eq!(stored.out, direct.out);
    assert!(stored.out.contains("not called; DisableRule by"), "{}", stored.out);
}
