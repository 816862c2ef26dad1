//! Links to the AWS console, which only `--links` adds.

use crate::support::{TestEnv, project};
use serde_json::Value;

const CONSOLE: &str = "https://ap-northeast-1.console.aws.amazon.com";

fn loaded() -> TestEnv {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    env
}

fn json(env: &TestEnv, arguments: &[&str]) -> Value {
    serde_json::from_str(&env.run(arguments).ok().out).unwrap()
}

/// The address of the link of a kind.
fn url<'v>(answer: &'v Value, kind: &str, name: &str) -> Option<&'v str> {
    let links = answer["links"].as_array().unwrap();
    links.iter().find(|link| link["kind"] == kind && link["name"] == name).and_then(|link| link["url"].as_str())
}

#[test]
fn rows_lead_to_what_they_name() {
    let env = loaded();
    let row = |query: &str| json(&env, &["query", query, "--links", "--json", "--quiet"])["rows"][0].clone();
    let call = "d25e49b0-637f-469f-8e82-413fa77b3188";
    let task = "0c3d1c31a0138640d818802046393acb";
    let event = format!("{CONSOLE}/cloudtrailv2/home?region=ap-northeast-1#/events/{call}");
    // The task is found by its name, the cluster and Region are not shown.
    let of_task = row(&format!("failures where task = {task} show task"));
    assert_eq!(of_task["link"], format!("{CONSOLE}/ecs/v2/clusters/batch/tasks/{task}?region=ap-northeast-1"));
    assert!(of_task.get("evidence").is_none(), "{of_task}");
    // A launch that placed nothing has no task, only the call.
    assert_eq!(row(&format!("failures where id = '{call}' show time, cluster"))["link"], event);
    assert_eq!(row(&format!("calls where id = '{call}' show id, region"))["link"], event);
    let service = row("failures where service = search by service");
    assert_eq!(service["link"], format!("{CONSOLE}/ecs/v2/clusters/storefront/services/search?region=ap-northeast-1"));
    // A service of this name exists in two Regions.
    let ambiguous = row("failures where service = checkout-web by service");
    assert!(ambiguous["count"].as_i64().unwrap() > 1 && ambiguous["link"].is_null(), "{ambiguous}");
    let shown = row("failures where service = checkout-web by service, region");
    assert_eq!(shown["link"], format!("{CONSOLE}/ecs/v2/clusters/checkout/services/checkout-web?region=ap-northeast-1"));
    assert!(row("failures by class")["link"].is_null());
    let both = env.run(&["query", "failures limit 1", "--links", "--evidence", "--csv", "--quiet"]).ok().out;
    assert!(both.lines().next().unwrap().ends_with(",evidence,link"), "{both}");
    let empty = env.run(&["query", "failures where reason = nothing show id", "--links", "--csv", "--quiet"]).ok().out;
    assert_eq!(empty, "id,link\n");
}

#[test]
fn a_message_has_links_that_can_be_clicked() {
    let env = loaded();
    let blocks = |arguments: &[&str]| json(&env, arguments)["blocks"].to_string();
    let task = "0c3d1c31a0138640d818802046393acb";
    let address = format!("{CONSOLE}/ecs/v2/clusters/batch/tasks/{task}?region=ap-northeast-1");
    let query = format!("failures where task = {task} show task, reason");
    let asked = blocks(&["query", &query, "--links", "--format", "slack", "--quiet"]);
    assert!(asked.contains(&format!("• <{address}|{task} · OutOfMemoryError>")), "{asked}");
    assert!(asked.contains("reason\\n") && !asked.contains("  link"), "{asked}");
    let none = blocks(&["query", "failures where class = configuration by class", "--links", "--format", "slack", "--quiet"]);
    assert!(!none.contains("link") && !none.contains("Links"), "{none}");
    let explained = blocks(&["explain", "97972f89-64bc-498b-b90c-c8e784405475", "--links", "--format", "slack"]);
    let service =
        format!("<{CONSOLE}/ecs/v2/clusters/checkout/services/checkout-web?region=ap-northeast-1|service checkout-web>");
    assert!(explained.contains(&service), "{explained}");
}

#[test]
fn explanations_and_timelines_have_links() {
    let env = loaded();
    let call = "d25e49b0-637f-469f-8e82-413fa77b3188";
    let explained = json(&env, &["explain", call, "--links", "--json"]);
    let event = format!("{CONSOLE}/cloudtrailv2/home?region=ap-northeast-1#/events/{call}");
    assert_eq!(url(&explained, "event", call), Some(event.as_str()));
    let instance = "e232a49637a39eb84a7dd75f21f52e4a";
    let page = format!("{CONSOLE}/ecs/v2/clusters/batch/infrastructure/container-instances/{instance}?region=ap-northeast-1");
    assert_eq!(url(&explained, "container instance", instance), Some(page.as_str()));
    assert!(url(&explained, "cluster", "batch").is_some() && url(&explained, "task", call).is_none());
    let task = "0c3d1c31a0138640d818802046393acb";
    let timeline = json(&env, &["timeline", task, "--links", "--json"]);
    let page = format!("{CONSOLE}/ecs/v2/clusters/batch/tasks/{task}?region=ap-northeast-1");
    assert_eq!(url(&timeline, "task", task), Some(page.as_str()));
    let deployment = json(&env, &["timeline", "ecs-svc/1931771335527380427", "--links", "--json"]);
    let page = format!("{CONSOLE}/ecs/v2/clusters/storefront/services/cart/deployments?region=ap-northeast-1");
    assert_eq!(url(&deployment, "deployment", "ecs-svc/1931771335527380427"), Some(page.as_str()));
    // A run of dstack has no page in the console.
    let run = json(&env, &["timeline", "user-in-image", "--links", "--json"]);
    assert_eq!(run["links"].as_array().map(Vec::len), Some(0));
    for (format, expected) in [
        ("text", format!("  event {call}\n    {event}\n")),
        ("markdown", format!("- [event {call}]({event})\n")),
        ("html", format!("href=\"{event}\">event {call}</a>")),
    ] {
        let page = env.run(&["explain", call, "--links", "--format", format]).ok().out;
        assert!(page.contains(&expected), "{page}");
    }
}

#[test]
fn only_the_option_adds_links() {
    let env = loaded();
    for arguments in [
        &["explain", "last", "--json"][..],
        &["explain", "last", "--format", "html"],
        &["timeline", "cart", "--format", "markdown"],
        &["query", "failures limit 3", "--json"],
    ] {
        let text = env.run(arguments).ok().out;
        assert!(!text.contains("console.aws") && !text.contains("\"link"), "{text}");
    }
    for arguments in [
        &["query", "failures", "--links", "--redact"][..],
        &["query", "failures by reason", "--links", "--chart"],
        &["explain", "--all", "--links"],
        &["explain", "quota", "ap-northeast-1", "--links"],
    ] {
        assert_eq!(env.run(arguments).code, 2, "{arguments:?}");
    }
}
