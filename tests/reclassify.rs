//! `store reclassify` gives the rows that a fresh load with the present catalog gives.

use crate::store::{assert_alike, contents};
use crate::support::{TestEnv, project};
use ecs_audit::decode::budget::Limits;
use ecs_audit::discover::find_inputs;
use ecs_audit::load::{LoadOptions, Silent};
use ecs_audit::store::{Store, WriteOptions};
use ecs_audit::table::TableSet;
use std::collections::BTreeMap;
use std::time::Duration;

/// Rules that explain otherwise what the samples tell: a stopped task, a launch, a service message of
/// `describe-services`, a deployment and a dstack job; and a text that is no failure any more.
const RULES: &str = r#"
[[error]]
id = "own-pull"
name = "own pull rule"
stage = "image_pull"
class = "capacity"
retry = "after_fix"
confidence = "observed"
applies_to = ["task.stoppedReason", "container.reason"]
patterns = ['manifest for (?P<image>\S+) not found']
examples = ["manifest for a/b:1 not found"]
cause = "Ours."
source = "us"

[[error]]
id = "own-agent"
name = "own agent rule"
stage = "host"
class = "infrastructure"
retry = "backoff"
confidence = "observed"
applies_to = ["api.failure", "service.event", "service_action.reason", "deployment.reason"]
patterns = ["^AGENT$", "unable to place a task", "circuit breaker"]
examples = ["AGENT"]
cause = "Ours."
source = "us"

[[error]]
id = "own-exit"
name = "own exit rule"
stage = "running"
class = "transient"
retry = "backoff"
confidence = "observed"
applies_to = ["run.message"]
reasons = ["container_exited_with_error", "executor_error"]
patterns = []
examples = []
cause = "Ours."
source = "us"

[[error]]
id = "own-expected"
name = "asked for"
stage = "stop_request"
class = "operator"
retry = "none"
confidence = "observed"
applies_to = ["task.stoppedReason"]
stop_codes = ["UserInitiated"]
patterns = ["^Task failed container health checks"]
examples = ["Task failed container health checks"]
cause = "Ours."
source = "us"

[[benign]]
id = "own-benign"
applies_to = ["service.event"]
patterns = ["has reached a steady state", "is unhealthy in"]
examples = ["has reached a steady state"]
"#;

/// A submission without its run, as a log may have it.
const ALONE: &str = r#"{"id":"5a000000-0000-4000-8000-000000000001","submission_num":0,"submitted_at":"2026-03-04T06:00:00+00:00","last_processed_at":"2026-03-04T06:10:00+00:00","finished_at":"2026-03-04T06:10:00+00:00","status":"failed","termination_reason":"container_exited_with_error","termination_reason_message":"","exit_status":3,"job_provisioning_data":null}"#;

fn loaded(rules: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.write("rules.toml", RULES);
    env.write("alone/submission.json", ALONE);
    let samples = project().join("samples/exports");
    let mut arguments = vec!["load", samples.to_str().unwrap(), "alone"];
    arguments.extend(rules);
    env.run(&arguments).ok();
    env
}

#[test]
fn old_rows_become_those_of_a_fresh_load() {
    let rules = ["--rules", "rules.toml"];
    let (plain, ruled) = (loaded(&[]), loaded(&rules));
    let (want_plain, want_ruled) = (contents(&plain), contents(&ruled));
    assert_ne!(want_plain, want_ruled, "the rules change something");
    for noun in ["own-pull", "own-agent", "own-exit"] {
        assert!(want_ruled.contains(noun), "{noun}");
    }

    let said = plain.run(&["query", "failures by cause", "--rules", "rules.toml"]).ok();
    assert!(said.err.contains("`ecs-audit store reclassify` updates them"), "{}", said.err);
    let done = plain.run(&["store", "reclassify", "--rules", "rules.toml"]).ok();
    assert!(done.out.starts_with("reclassified: ") && done.out.contains(" failures became "), "{}", done.out);
    assert!(!done.out.contains("no original"), "every record has its original: {}", done.out);
    assert_alike(&contents(&plain), &want_ruled);
    let said = plain.run(&["query", "failures by cause", "--rules", "rules.toml"]).ok();
    assert!(!said.err.contains("reclassify"), "{}", said.err);

    // Once more changes nothing, and back again gives what was there.
    let again = plain.run(&["store", "reclassify", "--rules", "rules.toml"]).ok();
    assert!(again.out.starts_with("reclassified: nothing to do"), "{}", again.out);
    plain.run(&["store", "reclassify"]).ok();
    assert_alike(&contents(&plain), &want_plain);

    // Files, records and answers too, and the store goes on as any other.
    for query in
        ["failures show id, file, record, code sort id limit 1000", "tasks by expected, stop_code", "runs by phase, class"]
    {
        assert_eq!(plain.query(query), loaded(&[]).query(query), "{query}");
    }
    plain.run(&["store", "compact"]).ok();
    plain.run(&["store", "vacuum"]).ok();
    assert_alike(&contents(&plain), &want_plain);
    let samples = project().join("samples/exports");
    assert!(plain.load(&[&samples]).ok().out.contains("unchanged"));
    assert_alike(&contents(&plain), &want_plain);
}

/// A store with samples loaded by a program that keeps no originals.
fn loaded_without_originals(samples: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.write("rules.toml", RULES);
    let paths: Vec<_> = samples.iter().map(|name| project().join("samples/exports").join(name)).collect();
    let (inputs, troubled) = find_inputs(&paths, project(), None);
    assert!(!inputs.is_empty() && troubled.is_empty());
    let options = LoadOptions {
        latest: i64::MAX,
        keep_raw: false,
        tables: TableSet::ALL,
        limits: Limits::STANDARD,
        selection: Default::default(),
        integrity: None,
    };
    let write = WriteOptions { now: 1_772_900_000_000_000, patience: Duration::ZERO };
    Store::load(env.path(".ecs-audit"), inputs, Vec::new(), (&options, write), &Silent, &|| {}).unwrap();
    env
}

/// What [`contents`] tells, by table.
fn by_table(contents: &str) -> BTreeMap<String, Vec<String>> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut table = String::new();
    for line in contents.lines() {
        match line.split_once(": ").filter(|_| !line.starts_with('{')) {
            Some((name, _)) => name.clone_into(&mut table),
            None if line.is_empty() => {}
            None => tables.entry(table.clone()).or_default().push(line.to_owned()),
        }
    }
    tables
}

#[test]
fn records_without_originals_stay_as_they_are() {
    let bare = ["silent-batch", "dstack-error-phases", "shapes"];
    let env = loaded_without_originals(&bare);
    let before = contents(&env);
    assert_eq!(env.sql("select count(*) from calls where raw is not null"), [["0"]]);
    let would_change = contents(&loaded(&["--rules", "rules.toml"]));
    for cause in ["own-agent", "own-exit"] {
        assert!(would_change.contains(cause) && !before.contains(cause), "{cause}");
    }

    // A row that has its original is brought up to date between those that have none.
    let kept = ["rolling-deployment", "dstack-exit-status"].map(|name| project().join("samples/exports").join(name));
    env.load(&kept.each_ref().map(|path| path.as_path())).ok();
    let done = env.run(&["store", "reclassify", "--rules", "rules.toml"]).ok();
    let shown = done.out.lines().find(|line| line.contains("have no original"));
    let shown: usize = shown.unwrap().split_whitespace().next().unwrap().replace(',', "").parse().unwrap();
    let without = env.sql(
        "select count(*) from (select raw from calls where failed union all select raw from task_events \
         union all select raw from instance_events where agent_update_status = 'FAILED' \
         union all select raw from service_events union all select raw from run_records \
         union all select raw from run_events where reason is not null \
         union all select raw from job_submissions where run_record is null) where raw is null",
    );
    assert_eq!(without, [[shown.to_string()]]);

    let ruled = TestEnv::new();
    ruled.write("rules.toml", RULES);
    let paths = kept.each_ref().map(|path| path.to_str().unwrap());
    ruled.run(&["load", paths[0], paths[1], "--rules", "rules.toml"]).ok();
    let mut want = by_table(&before);
    for (table, rows) in by_table(&contents(&ruled)) {
        want.entry(table).or_default().extend(rows);
    }
    want.values_mut().for_each(|rows| rows.sort());
    let got = by_table(&contents(&env));
    assert!(got["failures"].iter().any(|row| row.contains("own-exit")) && got["failures"].len() > 20);
    for (table, rows) in &want {
        assert_alike(&got[table].join("\n"), &rows.join("\n"));
    }
    assert_eq!(got.len(), want.len());

    let again = env.run(&["store", "reclassify", "--rules", "rules.toml"]).ok();
    assert!(again.out.starts_with("reclassified: nothing to do"), "{}", again.out);
}

#[test]
fn without_a_store_there_is_nothing_to_reclassify() {
    let env = TestEnv::new();
    let ran = env.run(&["store", "reclassify"]);
    assert!(ran.code != 0 && ran.err.contains("there is no store"), "{}", ran.err);
}
