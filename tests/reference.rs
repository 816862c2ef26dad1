//! The reference tables beside the project, row by row against the built-in catalog and real exports.

use crate::support::{TestEnv, project};
use ecs_audit::knowledge::TextKind;
use ecs_audit::model::catalog::{FailureCatalog, JobEnd};
use std::collections::BTreeMap;
use std::path::PathBuf;
use toml::{Table, Value};

fn reference(name: &str) -> Option<String> {
    let path = project().join("../shared/reference").join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        eprintln!("skipped: there is no {}", path.display());
    }
    text
}

/// The rows of the Markdown table below a heading, header and ruler left out.
fn rows(text: &str, heading: &str) -> Vec<Vec<String>> {
    let section = text.split(heading).nth(1).unwrap_or_else(|| panic!("no {heading}"));
    let lines = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().replace("**", "")).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = lines.skip(2).map(cells).collect();
    assert!(rows.len() > 4, "{heading}: {rows:?}");
    rows
}

fn plain(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}

/// The phases of the catalog that a word of dstack can stand for.
fn phases(words: &str) -> Vec<&'static str> {
    let mut phases = Vec::new();
    for (word, ours) in [
        ("scheduling", &["placement"][..]),
        ("provisioning", &["placement", "capacity", "volume"]),
        ("pulling", &["image_pull", "container_create", "container_start", "config_fetch"]),
        ("creating", &["container_create"]),
        ("preparing", &["config_fetch", "volume", "container_create"]),
        ("starting", &["container_start"]),
        ("running", &["running", "host", "spot"]),
        // A value that no code of dstack sets has no phase there.
        ("-", &["container_start"]),
        ("any", &["stop_request", "api"]),
    ] {
        if words.contains(word) {
            phases.extend(ours);
        }
    }
    phases
}

/// The classes of the catalog that a class of dstack can stand for.
fn classes(words: &str) -> Vec<&'static str> {
    let mut classes = Vec::new();
    for (word, ours) in [
        ("capacity", "capacity"),
        ("config", "configuration"),
        ("transient", "transient"),
        ("infra", "infrastructure"),
        ("app", "application"),
        ("policy", "operator"),
        ("user", "operator"),
    ] {
        if words.contains(word) {
            classes.push(ours);
        }
    }
    classes
}

fn exports() -> Vec<PathBuf> {
    ["v0.18.44", "v0.19.25", "v0.22.5"]
        .iter()
        .map(|version| project().join(format!("../shared/data/dstack/{version}/enum-coverage.api-runs-list.json")))
        .filter(|path| path.is_file())
        .collect()
}

/// Every termination reason: what the table says against what an export of each version becomes.
#[test]
fn termination_reasons_are_those_of_the_table() {
    let Some(text) = reference("dstack.md") else { return };
    let catalog = FailureCatalog::builtin();
    let table = rows(&text, "### 3.3 JobTerminationReason");
    assert_eq!(table.len(), 21);
    let mut compared = 0;
    let mut shown: Vec<(PathBuf, BTreeMap<String, Vec<String>>)> = Vec::new();
    for path in exports() {
        let env = TestEnv::new();
        env.run(&["load", path.to_str().unwrap()]).ok();
        let rows = env
            .query("runs where run like jtr-* show run, termination_reason, status, retry_event, error, phase, class limit 100");
        shown.push((path, rows.into_iter().map(|mut row| (row.remove(0), row)).collect()));
    }
    for row in &table {
        let [reason, status, retry, error, phase, class, advice] = row.as_slice() else { panic!("{row:?}") };
        let reason = plain(reason);
        let known = catalog.job_reason(&reason).unwrap_or_else(|| panic!("{reason} is not in the catalog"));
        assert_eq!(known.status, *status, "{reason}");
        assert_eq!(known.retry_event.as_deref().unwrap_or("-"), retry, "{reason}");
        let error = plain(error.split(" (").next().unwrap());
        assert_eq!(known.error.as_deref().unwrap_or("null"), error, "{reason}");
        let no_failure = class.contains("success") || class.contains("user") || advice.contains("Not a failure");
        let entries: Vec<_> = catalog.entries().iter().filter(|entry| entry.reasons.contains(&reason)).collect();
        assert_eq!(entries.is_empty(), no_failure, "{reason}");
        for (path, shown) in &shown {
            let Some(row) = shown.get(&format!("jtr-{}", reason.replace('_', "-"))) else { continue };
            let [shown_reason, shown_status, shown_retry, shown_error, shown_phase, shown_class] = row.as_slice() else {
                panic!("{row:?}")
            };
            let name = format!("{reason} in {}", path.display());
            assert_eq!(*shown_reason, reason, "{name}: a run's name says its reason");
            assert_eq!(shown_status, status, "{name}");
            assert_eq!(*shown_retry, retry.replace('-', "").replace("nocapacity", "no-capacity"), "{name}");
            if path.to_string_lossy().contains("v0.22.5") {
                assert_eq!(*shown_error, error.replace("null", ""), "{name}");
            }
            if no_failure {
                assert_eq!((shown_phase.as_str(), shown_class.as_str()), ("", ""), "{name} is not a failure");
            } else {
                let (phases, classes) = (phases(phase), classes(class));
                assert!(phases.contains(&shown_phase.as_str()), "{name}: {shown_phase}, the table has {phase}");
                let secondary = class.contains("secondary") && shown_class.is_empty();
                let unset = class == "-" && shown_class == "configuration";
                assert!(
                    secondary || unset || classes.contains(&shown_class.as_str()),
                    "{name}: {shown_class}, the table has {class}"
                );
                assert!(entries.iter().all(|entry| !entry.actions.is_empty() || entry.retry == "none"), "{name} has no advice");
            }
            compared += 1;
        }
    }
    if !shown.is_empty() {
        assert!(compared >= 58, "{compared} rows of exports were compared");
    }
}

/// What the reference says of a termination reason, as facts.
#[derive(serde::Deserialize)]
struct Advice {
    row: Vec<AdviceRow>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct AdviceRow {
    reason: String,
    #[serde(default)]
    facts: Vec<Fact>,
    #[serde(default)]
    messages: Vec<MessageFact>,
    #[serde(default)]
    by_spot: Vec<SpotFact>,
    #[serde(default)]
    aside: Vec<String>,
}

#[derive(serde::Deserialize)]
struct Fact {
    table: String,
    says: Vec<String>,
}

#[derive(serde::Deserialize)]
struct MessageFact {
    table: String,
    message: String,
    entry: String,
}

#[derive(serde::Deserialize)]
struct SpotFact {
    table: String,
    spot: String,
    on_demand: String,
}

fn advice() -> Vec<AdviceRow> {
    let advice: Advice = toml::from_str(include_str!("reference/advice.toml")).unwrap();
    assert_eq!(advice.row.len(), 21);
    advice.row
}

/// Every fact of the fixture is in what the catalog says of the reason.
#[test]
fn the_catalog_has_what_the_reference_advises() {
    let catalog = FailureCatalog::builtin();
    let mut wrong = Vec::new();
    for row in advice() {
        let reason = row.reason.as_str();
        let known = catalog.job_reason(reason).unwrap();
        let shown: Vec<String> = catalog
            .entries()
            .iter()
            .filter(|entry| entry.reasons.iter().any(|known| known == reason))
            .map(|entry| format!("{} {}", entry.cause, entry.actions.join(" ")))
            .collect();
        for fact in &row.facts {
            let says = |pattern: &String| {
                let pattern = regex::Regex::new(pattern).unwrap();
                shown.iter().any(|shown| pattern.is_match(shown))
            };
            if !fact.says.iter().any(says) {
                wrong.push(format!("{reason}: nothing says `{}`", fact.table));
            }
        }
        let explained = |message: &str, spot: Option<bool>| {
            let end = JobEnd { reason, message, exit_status: false, spot, provisioned: false };
            catalog.explain_job(end).map_or("nothing", |entry| entry.id.as_str())
        };
        for fact in &row.messages {
            assert_eq!(explained(&fact.message, None), fact.entry, "{reason}: {}", fact.message);
        }
        for fact in &row.by_spot {
            assert_eq!((explained("", Some(true)), explained("", Some(false))), (fact.spot.as_str(), fact.on_demand.as_str()));
        }
        // Nobody is shown to have dstack retry what it never retries.
        if known.retry_event.is_none() {
            let retries = |shown: &&String| shown.contains("on_events") || shown.contains("Retry on");
            wrong.extend(shown.iter().find(retries).map(|shown| format!("{reason}: dstack does not retry it, but `{shown}`")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The fixture leaves out nothing of the table, and says nothing that is not in it.
#[test]
fn the_facts_are_those_of_the_table() {
    let Some(text) = reference("dstack.md") else { return };
    let table = rows(&text, "### 3.3 JobTerminationReason");
    let advice = advice();
    for row in &table {
        let reason = plain(&row[0]);
        let known = advice.iter().find(|known| known.reason == reason).unwrap_or_else(|| panic!("no facts of {reason}"));
        let quotes = known.facts.iter().map(|fact| &fact.table).chain(known.messages.iter().map(|fact| &fact.table));
        let quotes = quotes.chain(known.by_spot.iter().map(|fact| &fact.table)).chain(&known.aside);
        let mut left = row[6].clone();
        for quote in quotes {
            assert!(left.contains(quote.as_str()), "{reason}: the table does not say `{quote}`, or it is quoted twice");
            left = left.replacen(quote.as_str(), "|", 1);
        }
        assert!(!left.contains(|letter: char| letter.is_alphanumeric()), "{reason}: no fact of `{left}`");
    }
}

/// What `explain` tells of a run with a reason is what the catalog has for that reason.
#[test]
fn runs_are_explained_with_the_advice_of_their_reason() {
    let Some(path) = exports().pop() else { return };
    let env = TestEnv::new();
    env.run(&["load", path.to_str().unwrap()]).ok();
    let mut explained = 0;
    for row in env.query("failures where kind = run and run like jtr-* show run, reason, cause limit 100") {
        let [run, reason, cause] = row.as_slice() else { panic!("{row:?}") };
        assert_eq!(*run, format!("jtr-{}", reason.replace('_', "-")), "a run's name says its reason");
        let entry = FailureCatalog::builtin().entry(cause).unwrap_or_else(|| panic!("{run}: {cause}"));
        assert!(entry.reasons.contains(reason), "{run}: {cause}");
        let shown = env.run(&["explain", run, "--format", "json"]).ok().out;
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let shown = shown.to_string();
        for action in entry.actions.iter().filter(|action| !action.contains('{')) {
            let action = serde_json::Value::from(action.as_str()).to_string();
            assert!(shown.contains(action.trim_matches('"')), "{run}: not shown: {action}\n{shown}");
        }
        explained += 1;
    }
    assert!(explained >= 15, "{explained} runs");
}

/// Reasons of whole runs.
#[test]
fn run_reasons_are_those_of_the_table() {
    let Some(text) = reference("dstack.md") else { return };
    let catalog = FailureCatalog::builtin();
    let table = rows(&text, "### 3.2 RunTerminationReason");
    assert_eq!(table.len(), 7);
    for row in &table {
        let known = catalog.run_reason(&plain(&row[0])).unwrap_or_else(|| panic!("{row:?}"));
        assert_eq!(
            (known.status.as_str(), known.error.as_deref().unwrap_or("null")),
            (row[1].as_str(), plain(&row[2]).as_str()),
            "{row:?}"
        );
    }
    for path in exports() {
        let env = TestEnv::new();
        env.run(&["load", path.to_str().unwrap()]).ok();
        let shown = env.query("runs where run like rtr-* by run, run_reason, run_status show distinct(run_id) sort run");
        assert!(shown.len() >= 2, "{shown:?}");
        for row in shown {
            let name = row[0].trim_start_matches("rtr-").replace('-', "_");
            let wanted = table.iter().find(|known| plain(&known[0]) == name).unwrap();
            assert_eq!((row[1].as_str(), &row[2]), (name.as_str(), &wanted[1]), "{}", path.display());
        }
        // A run whose only reason is its own is one failure, and its jobs are consequences.
        let server = env.query("failures where run = rtr-server-error and not secondary show reason");
        assert_eq!(server, [["server_error"]], "{}", path.display());
    }
}

/// Messages of `failed_to_start_due_to_no_capacity`, by how they begin.
#[test]
fn messages_without_capacity_are_those_of_the_table() {
    let Some(text) = reference("dstack.md") else { return };
    let mut compared = 0;
    for row in rows(&text, "**3.3.1 Messages") {
        for template in row[0].split('`').skip(1).step_by(2) {
            let message = template
                .replace("<f>", "cloud")
                .replace("\\n", "\n")
                .replace("[ (attempt limit reached)]", "")
                .replace("<type>", "p5.48xlarge")
                .replace("<backend>/<region>", "aws/us-east-1")
                .replace("<cloud text>", "InsufficientInstanceCapacity")
                .replace("<reasons>", "volumes are in another region");
            let message = message.replace(" N ", " 3 ").replace(" M ", " 3 ").replace("K more", "2 more");
            let end = JobEnd { reason: "failed_to_start_due_to_no_capacity", message: &message, ..JobEnd::default() };
            let entry = FailureCatalog::builtin().explain_job(end).unwrap_or_else(|| panic!("{message}"));
            let class = entry.class.as_deref().unwrap_or_default();
            assert!(classes(&row[1]).contains(&class), "{message}: {class} by {}, the table has {}", entry.id, row[1]);
            compared += 1;
        }
    }
    assert!(compared >= 8, "{compared}");
}

/// Exit codes with `container_exited_with_error`, through a real export with the number put in.
#[test]
fn exit_codes_are_those_of_the_table() {
    let Some(text) = reference("dstack.md") else { return };
    let Some(path) = exports().pop() else { return };
    let export: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let run = export.as_array().unwrap().iter().find(|run| run["run_spec"]["run_name"] == "jtr-container-exited-with-error");
    let run = run.unwrap();
    let env = TestEnv::new();
    let mut wanted: Vec<(String, String)> = Vec::new();
    for row in rows(&text, "### 3.4 Exit codes") {
        for code in row[0].split(", ") {
            let status = match code {
                "null" => serde_json::Value::Null,
                "128+n" => 130.into(),
                number => number.parse::<i64>().unwrap().into(),
            };
            let mut run = run.clone();
            run["id"] = format!("00000000-0000-4000-8000-{:012}", wanted.len()).into();
            run["run_spec"]["run_name"] = format!("exit-{code}").into();
            let submission = &mut run["jobs"][0]["job_submissions"][0];
            submission["id"] = format!("10000000-0000-4000-8000-{:012}", wanted.len()).into();
            submission["exit_status"] = status.clone();
            run["latest_job_submission"] = serde_json::Value::Null;
            env.write(&format!("runs/{}.json", wanted.len()), run.to_string());
            wanted.push((format!("exit-{code}"), row[2].clone()));
        }
    }
    env.run(&["load", "runs"]).ok();
    let shown: BTreeMap<String, Vec<String>> = env
        .query("failures where kind = run show run, phase, ran, class, exit_code, signal limit 100")
        .into_iter()
        .map(|mut row| (row.remove(0), row))
        .collect();
    for (run, class) in &wanted {
        let row = shown.get(run).unwrap_or_else(|| panic!("{run}: {shown:?}"));
        let ran = run != "exit-null";
        assert_eq!((row[0].as_str() == "running", row[1].as_str()), (ran, if ran { "true" } else { "false" }), "{run}: {row:?}");
        let classes = classes(class);
        // `OOM likely`, `signal n`: no class, but the program's end all the same.
        let fits = if classes.is_empty() { row[2] == "application" } else { classes.contains(&row[2].as_str()) };
        assert!(fits, "{run}: {}, the table has {class}", row[2]);
        if run == "exit-137" {
            assert_eq!((row[3].as_str(), row[4].as_str()), ("137", "9"));
        }
    }
    assert!(wanted.len() >= 11, "{wanted:?}");
}

/// What the reference says of an entry, and the catalog no longer does: real messages showed otherwise. An agent that is
/// disconnected is for whoever runs the instances, a zone without capacity is a matter of capacity, Docker kills what
/// ignores SIGTERM, and a conflict is the doing of a caller.
const REVISED: [(&str, &str, &str); 4] = [
    ("placement-agent", "class", "infrastructure"),
    ("fargate-capacity-unavailable", "class", "capacity"),
    ("cannot-stop", "class", "infrastructure"),
    ("api-conflict", "class", "operator"),
];

/// Examples of the reference that another entry explains, because it reads what is inside: the state that was not
/// reached, the error code of EC2, the sentence after the code.
const MOVED: [(&str, &str); 12] = [
    ("registry-credentials-malformed", "asm-secret-permission"),
    ("cannot-create", "engine-name-in-use"),
    ("api-invalid-parameter", "api-identifier"),
    ("docker-client", "engine-daemon-unreachable"),
    ("docker-timeout", "transition-created"),
    ("cannot-stop", "transition-stopped"),
    ("eni-ec2-error", "eni-settings"),
    ("api-client", "api-concurrent"),
    ("secrets-generic", "secrets-network"),
    ("start-gpu", "start-gpu-driver"),
    ("oci-runtime", "engine-security-profile"),
    ("service-target-unhealthy", "service-health-unknown"),
];

/// Every example of the reference catalog is explained by the entry of its name; benign texts are no failures.
#[test]
fn examples_of_the_reference_are_explained_by_their_entries() {
    let Some(text) = reference("ecs-errors.toml") else { return };
    let reference: Table = text.parse().unwrap();
    let catalog = FailureCatalog::builtin();
    let texts = |table: &Table, key: &str| -> Vec<String> {
        table.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let kind = |name: &str| TextKind::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or_else(|| panic!("{name}"));
    let (mut entries, mut examples, mut wrong) = (0, 0, Vec::new());
    for entry in reference["error"].as_array().unwrap().iter().filter_map(Value::as_table) {
        let id = entry["id"].as_str().unwrap();
        entries += 1;
        let known = catalog.entry(id).unwrap_or_else(|| panic!("{id} is not in the catalog"));
        for (key, ours) in [("stage", Some(&known.stage)), ("class", known.class.as_ref()), ("retry", Some(&known.retry))] {
            let revised = REVISED.iter().find(|(revised, of, _)| (*revised, *of) == (id, key)).map(|(_, _, now)| *now);
            assert_eq!(revised.or(entry.get(key).and_then(Value::as_str)), ours.map(String::as_str), "{id}: {key}");
        }
        for example in texts(entry, "examples") {
            for kind in texts(entry, "applies_to").iter().map(|name| kind(name)) {
                let found = catalog.explain(kind, &example).map_or("nothing", |found| found.id.as_str());
                if (found != id && !MOVED.contains(&(id, found))) || catalog.is_benign(kind, &example) {
                    wrong.push(format!("{id}: {example} as {} is explained by {found}", kind.name()));
                }
                examples += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {examples}\n{}", wrong.len(), wrong.join("\n"));
    assert!(entries >= 170 && examples > 300, "{entries} entries, {examples} examples");
    let mut benign = 0;
    for entry in reference["benign"].as_array().unwrap().iter().filter_map(Value::as_table) {
        for example in texts(entry, "examples") {
            for kind in texts(entry, "applies_to").iter().map(|name| kind(name)) {
                assert!(catalog.is_benign(kind, &example), "{example}");
                benign += 1;
            }
        }
    }
    assert!(benign > 5, "{benign}");
}
