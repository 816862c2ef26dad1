//! `store reclassify` gives the rows that a fresh load with the present catalog gives.

use crate::store::{assert_alike, contents};
use crate::support::{Desk, project};

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

fn loaded(rules: &[&str]) -> Desk {
    let desk = Desk::new();
    desk.write("rules.toml", RULES);
    desk.write("alone/submission.json", ALONE);
    let samples = project().join("samples/exports");
    let mut arguments = vec!["load", samples.to_str().unwrap(), "alone"];
    arguments.extend(rules);
    desk.run(&arguments).ok();
    desk
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
    assert!(said.err.contains("`ecs-audit store reclassify` brings them up to date"), "{}", said.err);
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

#[test]
fn without_a_store_there_is_nothing_to_reclassify() {
    let desk = Desk::new();
    let ran = desk.run(&["store", "reclassify"]);
    assert!(ran.code != 0 && ran.err.contains("there is no store"), "{}", ran.err);
}
