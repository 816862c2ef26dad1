//! Incidents: everything that the samples and a corpus plant is found once, with its root, and nothing else is one.

use crate::support::{TestEnv, project};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

static DESK: LazyLock<TestEnv> = LazyLock::new(|| {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    env
});

/// All incidents with their records.
fn incidents(env: &TestEnv, clauses: &str) -> Vec<Value> {
    let query = format!("incidents {clauses} show * limit 1000000");
    let ran = env.run(&["query", &query, "--format", "json", "--evidence", "--quiet"]).ok();
    let answer: Value = serde_json::from_str(&ran.out).unwrap();
    answer.as_array().cloned().unwrap_or_else(|| answer["rows"].as_array().unwrap().clone())
}

fn text<'v>(row: &'v Value, name: &str) -> &'v str {
    row[name].as_str().unwrap_or_default()
}

fn number(row: &Value, name: &str) -> i64 {
    row[name].as_i64().unwrap_or_default()
}

/// What `samples/README.md` says was planted: time, root, place, failures, consequences, launches lost, missed starts and
/// stalls. The place is the first one.
const PLANTED: &[(&str, &str, &str, [i64; 5])] = &[
    // fargate-quota
    ("2026-03-02T10:00", "quota", "checkout/checkout-recalc", [2, 0, 0, 0, 0]),
    ("2026-03-03T01:1", "image", "checkout/checkout-web", [4, 1, 0, 0, 0]),
    ("2026-03-03T06:", "permission", "checkout/checkout-api", [3, 0, 0, 0, 0]),
    ("2026-03-04T05:20", "network", "checkout/checkout-web", [5, 1, 0, 0, 0]),
    ("2026-03-04T23:0", "network", "checkout/checkout-mailer", [2, 0, 0, 0, 0]),
    ("2026-03-05T1", "network", "checkout/checkout-catalog", [3, 0, 0, 0, 0]),
    ("2026-03-05T15:", "network", "checkout/checkout-web", [1, 0, 0, 0, 0]),
    ("2026-03-05T16:1", "settings", "checkout/checkout-web", [1, 0, 0, 0, 0]),
    ("2026-03-06T08:00", "capacity", "checkout/checkout-spot", [1, 0, 0, 0, 0]),
    // rolling-deployment
    ("2026-03-05T06:00", "stall", "storefront/cart", [0, 0, 0, 0, 2]),
    ("2026-03-06T12:00", "program", "storefront/search", [3, 2, 0, 0, 0]),
    ("2026-03-06T18:20", "capacity", "storefront/search", [1, 0, 0, 0, 0]),
    // silent-batch: two updates, an outage, a restart, five reconnects
    ("2026-03-03T02:59", "agent", "batch/feed-sync", [3, 0, 2, 2, 0]),
    ("2026-03-07T02:59", "agent", "batch/nightly-inventory", [4, 0, 2, 2, 0]),
    ("2026-03-05T09:10", "agent", "batch/stock-export", [7, 0, 4, 4, 0]),
    ("2026-03-06T14:29", "agent", "batch/feed-sync", [1, 0, 1, 1, 0]),
    ("2026-03-02T13:45", "agent", "batch/feed-sync", [1, 0, 1, 1, 0]),
    ("2026-03-03T21:15", "agent", "batch/feed-sync", [1, 0, 1, 1, 0]),
    ("2026-03-04T08:30", "agent", "batch/feed-sync", [1, 0, 1, 1, 0]),
    ("2026-03-06T02:15", "agent", "batch/feed-sync", [1, 0, 1, 1, 0]),
    ("2026-03-07T18:00", "agent", "batch/feed-sync", [1, 0, 1, 1, 0]),
    ("2026-03-02T09:00", "capacity", "batch/month-end", [2, 0, 1, 0, 0]),
    ("2026-03-06T11:40", "capacity", "batch/price-backfill", [1, 0, 1, 0, 0]),
    ("2026-03-04T16:15", "image", "batch/feed-sync", [4, 0, 0, 0, 0]),
    ("2026-03-02T10:05", "permission", "batch/month-end", [1, 0, 0, 0, 0]),
    ("2026-03-06T05:30", "permission", "batch/report-render", [1, 0, 0, 0, 0]),
    ("2026-03-04T13:15", "schedule", "batch/feed-sync", [0, 0, 0, 1, 0]),
    ("2026-03-02T05:3", "memory", "batch/report-render", [1, 0, 0, 0, 0]),
    ("2026-03-03T05:3", "memory", "batch/report-render", [1, 0, 0, 0, 0]),
    ("2026-03-07T05:3", "memory", "batch/report-render", [1, 0, 0, 0, 0]),
    ("2026-03-04T05:3", "program", "batch/report-render", [1, 0, 0, 0, 0]),
];

/// What is planted one by one: programs of `feed-sync` and `nightly-settlement` that exit with 1, calls outside these
/// stories, and the runs of dstack. Root, number of incidents, failures, consequences, launches lost.
const SINGLE: &[(&str, i64, i64, i64, i64)] = &[
    ("agent", 1, 1, 0, 0),
    ("api", 2, 2, 0, 1),
    ("capacity", 1, 1, 0, 1),
    ("permission", 3, 3, 0, 2),
    ("program", 9, 9, 0, 0),
    ("throttling", 7, 9, 0, 0),
];

#[test]
fn what_the_samples_plant_is_found_once_with_its_root() {
    let found = incidents(&DESK, "since 7d");
    let mut left: Vec<&Value> = found.iter().collect();
    for (time, root, place, counts) in PLANTED {
        let fits = |row: &&Value| {
            let first = text(row, "place").split(", ").next() == Some(place);
            text(row, "time").starts_with(time) && text(row, "root") == *root && first
        };
        let matching: Vec<&Value> = left.iter().copied().filter(fits).collect();
        let [one] = matching.as_slice() else { panic!("{time} {root} {place}: {matching:#?}\n{}", titles(&left)) };
        let names = ["failures", "consequences", "launches_lost", "missed_starts", "stalls"];
        assert_eq!(names.map(|name| number(one, name)), *counts, "{time} {root} {place}");
        left.retain(|row| row["id"] != one["id"]);
    }
    let mut rest: BTreeMap<&str, (i64, i64, i64, i64)> = BTreeMap::new();
    for row in left.iter().filter(|row| row["project"].is_null()) {
        let sum = rest.entry(text(row, "root")).or_default();
        *sum = (
            sum.0 + 1,
            sum.1 + number(row, "failures"),
            sum.2 + number(row, "consequences"),
            sum.3 + number(row, "launches_lost"),
        );
    }
    let expected = SINGLE.iter().map(|(root, count, failures, after, lost)| (*root, (*count, *failures, *after, *lost)));
    assert_eq!(rest, expected.collect(), "{}", titles(&left));
    // 23 failed submissions of the week: two retries of one run are one incident, and so is a run of two nodes.
    let runs: Vec<&&Value> = left.iter().filter(|row| !row["project"].is_null()).collect();
    let sum = |name: &str| runs.iter().map(|row| number(row, name)).sum::<i64>();
    assert_eq!((runs.len(), sum("failures"), sum("consequences")), (21, 22, 1), "{}", titles(&left));
}

fn titles(rows: &[&Value]) -> String {
    let line = |row: &&Value| {
        let counts = ["failures", "consequences", "launches_lost", "missed_starts"].map(|name| number(row, name));
        format!("{} {} {} {counts:?} {}", text(row, "time"), text(row, "root"), text(row, "place"), text(row, "what"))
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_failure_and_every_loss_is_in_exactly_one_incident() {
    let found = incidents(&DESK, "");
    let sum = |name: &str| found.iter().map(|row| number(row, name)).sum::<i64>();
    let count = |query: &str| DESK.query(query)[0][0].parse::<i64>().unwrap();
    assert_eq!(sum("failures") + sum("consequences"), count("failures show count"));
    assert_eq!(sum("launches_lost"), count("launches show lost"));
    assert_eq!(sum("missed_starts"), count("schedules show missed"));
    assert_eq!(sum("stalls"), count("stalls show count"));
    assert_eq!(sum("collisions"), count("collisions show count"));
    let ids: BTreeSet<&str> = found.iter().map(|row| text(row, "id")).collect();
    assert_eq!(ids.len(), found.len());
    // The record of a failure is evidence of one incident only.
    let mut owners: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in &found {
        for record in row["evidence"].as_array().unwrap() {
            owners.entry(record.as_str().unwrap()).or_default().insert(text(row, "id"));
        }
    }
    for failure in DESK.query("failures where kind in (task, launch, run) show record limit 1000000") {
        assert_eq!(owners.get(failure[0].as_str()).map(BTreeSet::len), Some(1), "{failure:?}");
    }
}

#[test]
fn the_terminal_the_data_and_the_page_agree() {
    DESK.run(&["report", "--since", "7d", "--out", "agree", "--quiet"]).ok();
    let all: Value =
        serde_json::from_str(&DESK.run(&["explain", "--all", "--since", "7d", "--format", "json"]).ok().out).unwrap();
    let shown = all["incidents"].as_array().unwrap();
    let found = incidents(&DESK, "since 7d sort -weight, time, id");
    let ids = |rows: &[Value]| rows.iter().map(|row| text(row, "id").to_owned()).collect::<Vec<_>>();
    // The window of `explain` begins a fraction of a second later.
    assert_eq!(ids(shown), ids(&found));
    let csv = std::fs::read_to_string(DESK.path("agree/incidents.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + found.len());
    let page = std::fs::read_to_string(DESK.path("agree/report.html")).unwrap();
    let text_of = DESK.run(&["explain", "--all", "--since", "7d"]).ok().out;
    let sentence = "no network path to Amazon ECR. Likely cause: RevokeSecurityGroupIngress sg-0c9d8e7f6a5b41320 \
                    (tcp 443 sg-0f1e2d3c4b5a69788) at 05:12Z by ren";
    assert!(page.contains(sentence), "the page");
    let head = "checkout-web could not start tasks 2026-03-04 05:20–05:37Z (17m 6s, 5 tasks)";
    assert!(text_of.contains(&format!("{head}: {sentence}")), "{text_of}");
    // Undoing the change comes before the general advice, and nothing opens the network.
    let incident = shown.iter().find(|row| row["root"] == "network" && row["service"] == "checkout-web").unwrap();
    let actions = incident["detail"]["actions"].as_array().unwrap();
    assert!(actions[0].as_str().unwrap().starts_with("Undo RevokeSecurityGroupIngress"), "{actions:?}");
    // Every output says whether it is over, with the same words.
    let over = "Over: checkout-web reached a steady state at 06:30Z";
    assert_eq!(incident["detail"]["recovery"]["recovered_by"], "f665aae3-9188-4a35-986b-42bb83c5b144", "{incident}");
    for (name, shown) in [("terminal", &text_of), ("page", &page)] {
        assert!(shown.contains(over), "{name}");
    }
    let main = page.split("id=\"appendix\"").next().unwrap();
    for widening in ["0.0.0.0/0", "assignPublicIp", "public IP"] {
        assert!(!main.contains(widening), "{widening}");
    }
}

/// The name of what recovered, the sign, and its time.
type Sign = (&'static str, &'static str, &'static str);

/// The beginning of an incident, its root, what recovered (name, sign, time), and what did not.
type Recovered = (&'static str, &'static str, &'static [Sign], &'static [&'static str]);

/// Whether planted incidents are over: the beginning of the incident, its root, and the records that show it, by what it hit. The
/// last field has what did not recover until the end of the data.
const RECOVERED: &[Recovered] = &[
    (
        "2026-03-05T09:10",
        "agent",
        &[("feed-sync", "ran_again", "2026-03-05T10:00"), ("stock-export", "ran_again", "2026-03-05T15:20")],
        &[],
    ),
    ("2026-03-05T06:00", "stall", &[("cart", "deployment_completed", "2026-03-05T07:21:49Z")], &[]),
    ("2026-03-04T05:20", "network", &[("checkout-web", "steady_state", "2026-03-04T06:30:00Z")], &[]),
    ("2026-03-03T01:10", "image", &[("checkout-web", "steady_state", "2026-03-03T02:02:00Z")], &[]),
    ("2026-03-06T12:00", "program", &[("search", "deployment_completed", "2026-03-06T12:05:12Z")], &[]),
    ("2026-03-04T13:15", "schedule", &[("feed-sync", "ran_again", "2026-03-04T13:30")], &[]),
    ("2026-03-02T09:00", "capacity", &[], &["month-end"]),
];

#[test]
fn incidents_say_whether_they_are_over_and_which_record_shows_it() {
    let env = &*DESK;
    let ids: BTreeSet<String> =
        env.query("incidents since 7d show id limit 1000").into_iter().map(|row| row[0].clone()).collect();
    let one = |id: &str, clauses: &[&str]| -> Value {
        let arguments = [&["explain", "--all", "--since", "7d", "--format", "json"], clauses].concat();
        let all: Value = serde_json::from_str(&env.run(&arguments).ok().out).unwrap();
        let found = all["incidents"].as_array().unwrap().iter().find(|row| text(row, "id") == id).cloned();
        found.unwrap_or_else(|| panic!("{id}: {all}"))
    };
    for (start, root, recovered, missing) in RECOVERED {
        let query = format!("incidents where root = {root} since 7d show id, time limit 1000");
        let rows = env.query(&query);
        let id = rows.iter().find(|row| row[1].starts_with(start)).map(|row| row[0].clone());
        let id = id.unwrap_or_else(|| panic!("{start} {root}: {rows:?}"));
        assert!(ids.contains(&id));
        let incident = one(&id, &["--where", &format!("id = '{id}'")]);
        let recovery = &incident["detail"]["recovery"];
        let found: Vec<_> = recovery["recovered"].as_array().unwrap().iter().collect();
        assert_eq!(found.len(), recovered.len(), "{start} {root}: {recovery}");
        for (found, (name, sign, at)) in found.iter().zip(*recovered) {
            assert_eq!((text(found, "name"), text(found, "sign")), (*name, *sign), "{start} {root}");
            assert!(text(found, "at").starts_with(at), "{start} {root}: {found}");
            assert!(text(found, "at") > text(&incident, "end"), "{start} {root}: after the last signal");
            assert!(env.run(&["show", text(found, "record")]).ok().out.contains(name), "{start} {root}: {found}");
        }
        assert_eq!(recovery["not_recovered"], serde_json::json!(missing), "{start} {root}");
        assert_eq!(recovery["recovered_at"].is_null(), !missing.is_empty(), "{start} {root}");
        // What has recovered needs no repair now, only what was lost is run again.
        if missing.is_empty() {
            let now = incident["detail"]["remedy"]["now"].as_array().unwrap();
            let is_expected =
                |action: &Value| ["Run again what", "Find out why"].iter().any(|verb| action.as_str().unwrap().starts_with(verb));
            assert!(now.iter().all(is_expected), "{start} {root}: {now:?}");
        }
    }
}

#[test]
fn a_scope_narrows_reports_explanations_checks_and_timelines() {
    let env = &*DESK;
    env.run(&["report", "--since", "7d", "--out", "narrow", "--cluster", "checkout", "--quiet"]).ok();
    let csv = std::fs::read_to_string(env.path("narrow/failures.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let cluster = reader.headers().unwrap().iter().position(|name| name == "cluster").unwrap();
    let clusters: BTreeSet<String> = reader.records().map(|row| row.unwrap()[cluster].to_owned()).collect();
    assert_eq!(clusters, BTreeSet::from(["checkout".to_owned()]));
    let page = std::fs::read_to_string(env.path("narrow/report.html")).unwrap();
    assert!(page.contains("only cluster = &#x27;checkout&#x27;") && !page.contains("feed-sync"), "narrowed page");
    assert!(env.run(&["report", "verify", "narrow", "--quiet"]).ok().out.contains("files match"));
    let all = env.run(&["explain", "--all", "--service", "checkout-web", "--where", "phase = image_pull", "--format", "json"]);
    let all: Value = serde_json::from_str(&all.ok().out).unwrap();
    assert_eq!((all["groups"].as_array().unwrap().len(), all["incidents"].as_array().unwrap().len()), (1, 1), "{all}");
    let checked = env.run(&["check", "--since", "7d", "--cluster", "storefront", "--format", "json"]);
    assert!(!checked.out.contains("feed-sync") && checked.out.contains("cart"), "{}", checked.out);
    let timeline = |more: &[&str]| {
        let arguments = [&["timeline", "checkout", "--format", "json"], more].concat();
        let story: Value = serde_json::from_str(&env.run(&arguments).ok().out).unwrap();
        story["events"].as_array().unwrap().len()
    };
    assert!(timeline(&["--service", "checkout-web"]) < timeline(&[]));
    let wrong = env.run(&["report", "--out", "no", "--where", "clustr = x"]);
    assert!(wrong.code == 2 && wrong.err.contains("cluster") && !env.path("no").exists(), "{}", wrong.err);
    let wrong = env.run(&["explain", "last", "--cluster", "checkout"]);
    assert!(wrong.code == 2 && wrong.err.contains("--all"), "{}", wrong.err);
}

#[test]
fn a_brief_is_one_page_to_complete() {
    let env = &*DESK;
    env.write("prices.toml", "vcpu_hour = 0.04048\ngib_hour = 0.004445\n");
    let arguments = ["report", "--since", "7d", "--out", "brief", "--brief", "--prices", "prices.toml", "--quiet"];
    assert!(env.run(&arguments).ok().out.ends_with("brief.html\n"));
    let names: BTreeSet<String> =
        std::fs::read_dir(env.path("brief")).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(names.contains("brief.md") && names.contains("incidents.csv") && !names.contains("report.html"), "{names:?}");
    let brief = std::fs::read_to_string(env.path("brief/brief.md")).unwrap();
    for part in ["Impact", "Timeline", "Root cause", "Contributing factors", "What went well", "What went badly", "Action items"]
    {
        assert!(brief.contains(&format!("## {part}\n")), "{part}");
    }
    assert!(brief.matches("TO WRITE:").count() >= 7 && brief.contains("at most by the given prices"), "{brief}");
    assert!(brief.len() < 8000, "{}", brief.len());
    assert!(env.run(&["report", "verify", "brief", "--quiet"]).ok().out.contains("files match"));
    env.write("bad.toml", "vcpu_hour = -1\n");
    let wrong = env.run(&["report", "--out", "x", "--prices", "bad.toml"]);
    assert!(wrong.code == 2 && wrong.err.contains("must not be negative"), "{}", wrong.err);
}

#[test]
fn the_policy_of_the_page_names_the_script() {
    let env = &*DESK;
    env.run(&["report", "--since", "7d", "--out", "script", "--sections", "incidents", "--quiet"]).ok();
    let page = std::fs::read_to_string(env.path("script/report.html")).unwrap();
    let (_, rest) = page.split_once("<script>").unwrap();
    let (script, after) = rest.split_once("</script>").unwrap();
    assert!(!after.contains("<script") && !script.contains("</"), "one script, without markup");
    use base64::Engine;
    let digest = ring::digest::digest(&ring::digest::SHA256, script.as_bytes());
    let hash = base64::engine::general_purpose::STANDARD.encode(digest);
    assert!(page.contains(&format!("script-src 'sha256-{hash}'")), "the hash of the script is sha256-{hash}");
}

#[test]
fn a_changed_incident_is_named_and_a_wrong_folder_is_refused_first() {
    let env = &*DESK;
    env.run(&["report", "--since", "7d", "--out", "changed", "--sections", "incidents", "--quiet"]).ok();
    let path = env.path("changed/incidents.csv");
    let csv = std::fs::read_to_string(&path).unwrap();
    let line = csv.lines().find(|line| line.contains("cart stalled")).unwrap();
    std::fs::write(&path, csv.replace(&format!("{line}\n"), "")).unwrap();
    let ran = env.run(&["report", "verify", "changed", "--quiet"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("incidents.csv: incident ") && ran.out.contains("The deployment of cart stalled"), "{}", ran.out);
    env.write("mine/notes.txt", "keep");
    // The store does not exist either, but the folder is looked at first.
    let ran = env.run(&["report", "--out", "mine", "--store", "no-such-store"]);
    assert!(ran.code == 2 && ran.err.contains("is not a report"), "{}", ran.err);
}

/// Checks the incidents of a corpus against its truth.
pub fn check(env: &TestEnv, truth: &Value) {
    let found = incidents(env, "");
    let mut owners: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (index, row) in found.iter().enumerate() {
        for record in row["evidence"].as_array().unwrap() {
            owners.entry(record.as_str().unwrap()).or_default().insert(index);
        }
    }
    let of_root = |root: &str| (0..found.len()).filter(|index| text(&found[*index], "root") == root).collect::<BTreeSet<_>>();
    let agent = &truth["agent_failures"];
    let mut hit = BTreeSet::new();
    for cluster in agent["clusters"].as_object().unwrap().values() {
        for window in cluster["windows"].as_array().unwrap() {
            let calls: Vec<&str> =
                window["failed_run_task_event_ids"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            let of_calls = calls.iter().filter_map(|call| owners.get(call)).flatten().copied();
            let of_window: BTreeSet<usize> = of_calls.filter(|index| number(&found[*index], "failures") > 0).collect();
            assert!(of_window.len() <= 1, "{window}: {of_window:?}");
            for index in of_window {
                assert!(hit.insert(index), "two windows are one incident: {}", found[index]);
                assert_eq!(number(&found[index], "failures"), calls.len() as i64, "{}", found[index]);
            }
        }
    }
    assert_eq!(hit, of_root("agent"), "each disconnect that was hit is an incident, and no other");
    let sum = |name: &str| hit.iter().map(|index| number(&found[*index], name)).sum::<i64>();
    assert_eq!(sum("failures"), agent["failed_total"].as_i64().unwrap());
    assert_eq!(sum("launches_lost"), agent["scheduled_runs_lost"].as_i64().unwrap());
    let stalled = truth["deployments"]["list"].as_array().unwrap().iter().filter(|one| one["stalled"] == true);
    let stalled: BTreeSet<&str> = stalled.map(|one| one["deployment"].as_str().unwrap()).collect();
    let of_stalls: Vec<&str> = of_root("stall").into_iter().map(|index| text(&found[index], "deployment")).collect();
    assert_eq!(of_stalls.len(), stalled.len());
    assert_eq!(of_stalls.into_iter().collect::<BTreeSet<_>>(), stalled);
    let denied = truth["fargate_quota"]["denied_total"].as_i64().unwrap();
    let refused = of_root("quota").into_iter().map(|index| number(&found[index], "failures")).sum::<i64>();
    assert_eq!(refused, denied);
}

/// A connected agent whose update failed is updated when a record says so, not because it is connected.
#[test]
fn a_failed_update_of_an_agent_is_over_when_the_agent_was_updated() {
    let event = |minute: u32, version: &str, status: &str| {
        serde_json::json!({
            "version": "0", "id": format!("000001c3-0000-4000-8000-0000000000{minute:02}"), "source": "aws.ecs",
            "detail-type": "ECS Container Instance State Change", "account": "111122223333", "region": "eu-west-1",
            "time": format!("2026-03-01T09:{minute:02}:00Z"), "resources": [], "detail": {
                "agentConnected": true, "agentUpdateStatus": status, "status": "ACTIVE", "version": minute,
                "clusterArn": "arn:aws:ecs:eu-west-1:111122223333:cluster/batch",
                "containerInstanceArn": format!("arn:aws:ecs:eu-west-1:111122223333:container-instance/batch/{:032x}", 170),
                "ec2InstanceId": "i-0123456789abcdef0", "registeredResources": [], "remainingResources": [],
                "versionInfo": {"agentVersion": version}, "updatedAt": format!("2026-03-01T09:{minute:02}:00Z")
            }
        })
    };
    let failed = [event(1, "1.80.0", "STAGING"), event(2, "1.80.0", "FAILED"), event(20, "1.80.0", "FAILED")];
    let over = |events: &[Value]| {
        let env = TestEnv::new();
        let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
        env.load(&[&env.write("events.ndjson", lines)]).ok();
        env.run(&["explain", "--all", "--quiet"]).ok().out
    };
    assert!(over(&failed).contains("No sign of recovery"), "{}", over(&failed));
    let updated = [failed.as_slice(), &[event(40, "1.81.0", "UPDATED")]].concat();
    assert!(over(&updated).contains("was updated at 09:40Z"), "{}", over(&updated));
}
