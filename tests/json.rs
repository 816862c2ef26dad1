//! JSON answers of commands that change a store or describe one. `tests/schemas/check.py` compares the shape of all answers with
//! their published schemas; these tests are about the values.

use crate::support::{Ran, TestEnv, project};
use serde_json::{Value, json};
use std::fs;

fn document(ran: Ran) -> Value {
    let document: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err));
    let schema = document["schema"].as_str().unwrap();
    let name = schema.split('/').nth(1).unwrap();
    assert!(project().join("docs/schemas").join(format!("{name}.json")).exists(), "{schema}");
    document
}

#[test]
fn a_load_accounts_for_every_record() {
    let env = TestEnv::new();
    let oddities = project().join("samples/oddities");
    let ran = env.run(&["load", oddities.to_str().unwrap(), "--json"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    let loaded = document(ran);
    let count = |name: &str| loaded["records"][name].as_u64().unwrap();
    assert_eq!(count("read"), count("loaded") + count("duplicate") + count("filtered") + count("quarantined"));
    assert!(count("loaded") > 0);
    let problems = loaded["problems"].as_array().unwrap();
    assert_eq!(problems.len() as u64, count("quarantined"));
    let line = problems.iter().find(|problem| problem["file"].as_str().unwrap().ends_with("one-bad-line.ndjson")).unwrap();
    assert_eq!((&line["why"], &line["record"]), (&json!("broken_json"), &json!(3)));
    assert_eq!(loaded["files_quarantined"]["broken_json"], env.query("quarantine where why = broken_json by file").len());
    let again = document(env.run(&["load", oddities.to_str().unwrap(), "--json"]));
    assert_eq!(again["records"]["loaded"], 0);
    assert!(again["unchanged"].as_u64() > Some(0), "{again}");
}

#[test]
fn a_record_is_shown_with_its_place() {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    let id = "d25e49b0-637f-469f-8e82-413fa77b3188";
    let shown = document(env.run(&["show", "d25e49b0", "--json"]).ok());
    assert_eq!((&shown["id"], &shown["table"], &shown["original"]["eventID"]), (&json!(id), &json!("calls"), &json!(id)));
    assert!(shown["record"].as_u64() >= Some(1) && shown["file"].as_str().unwrap().contains("silent-batch"), "{shown}");
    let text: Value = serde_json::from_str(&env.run(&["show", id]).ok().out).unwrap();
    assert_eq!(shown["original"], text);
}

#[test]
fn maintenance_says_what_it_did() {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports/fargate-quota")]).ok();
    let before = document(env.run(&["store", "verify", "--json"]).ok());
    assert_eq!((&before["intact"], &before["faults"]), (&json!(true), &json!([])));
    let preview = document(env.run(&["store", "drop", "--before", "1h", "--json"]).ok());
    let dropped = document(env.run(&["store", "drop", "--before", "1h", "--yes", "--json"]).ok());
    assert_eq!(preview["tables"], dropped["tables"]);
    assert_eq!((&preview["removed"], &dropped["removed"]), (&json!(false), &json!(true)));
    let rows = |document: &Value| -> u64 {
        document["tables"].as_array().unwrap().iter().map(|table| table["rows"].as_u64().unwrap()).sum()
    };
    assert!(rows(&dropped) > 0, "{dropped}");
    let vacuumed = document(env.run(&["store", "vacuum", "--keep", "0s", "--json"]).ok());
    assert!(vacuumed["bytes_freed"].as_u64() > Some(0), "{vacuumed}");
    assert_eq!(document(env.run(&["store", "reclassify", "--json"]).ok())["was_current"], true);
    assert_eq!(document(env.run(&["store", "adopt", "--json"]).ok())["adopted"], json!([]));

    let days = fs::read_dir(env.path(".ecs-audit/tables/calls")).unwrap().flatten();
    let days = days.filter(|entry| entry.file_name().to_string_lossy().starts_with("day="));
    let file = days.flat_map(|day| fs::read_dir(day.path()).unwrap().flatten()).next().unwrap().path();
    fs::write(&file, b"").unwrap();
    let ran = env.run(&["store", "verify", "--json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let damaged = document(ran);
    let fault = &damaged["faults"][0];
    assert_eq!((&damaged["intact"], &fault["kind"], &fault["found"]), (&json!(false), &json!("size"), &json!(0)));
    assert!(fault["path"].as_str().unwrap().ends_with(file.file_name().unwrap().to_str().unwrap()), "{fault}");
    assert_eq!(env.run(&["store", "--json", "verify"]).code, 2, "the format is that of the overview");
}

#[test]
fn a_report_names_its_files() {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports/silent-batch")]).ok();
    let written = document(env.run(&["report", "--since", "2d", "--out", "post", "--sections", "findings", "--json"]).ok());
    for file in written["files"].as_array().unwrap() {
        assert!(env.path("post").join(file.as_str().unwrap()).exists(), "{file}");
    }
    assert_eq!((&written["page"], &written["failed"]), (&json!("post/report.html"), &json!([])));
    let verified = document(env.run(&["report", "verify", "post", "--json"]).ok());
    assert_eq!((&verified["verified"], &verified["same_store"]), (&json!(true), &json!(true)));
    let page = env.path("post/report.md");
    fs::write(&page, fs::read_to_string(&page).unwrap().replacen('a', "b", 1)).unwrap();
    let ran = env.run(&["report", "verify", "post", "--json"]);
    assert_eq!(ran.code, 1);
    assert_eq!(document(ran)["differences"][0]["file"], "report.md");
}

#[test]
fn what_is_not_found_is_no_document() {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports/fargate-quota")]).ok();
    for arguments in [
        &["show", "nothing", "--json"][..],
        &["explain", "nothing", "--json"],
        &["catalog", "show", "nothing", "--json"],
        &["queries", "nothing", "--json"],
        &["load", "nothing", "--json"],
    ] {
        let ran = env.run(arguments);
        assert!(ran.code == 2 && ran.out.is_empty() && ran.err.starts_with("error: "), "{arguments:?}: {}", ran.err);
    }
}
