//! Questions with known answers, as files: `tests/queries/*.toml`.
//!
//! A file has `load` (paths below the project, or `[[input]]` with `name` and `text`) and `[[case]]`s, each
//! with `query`, optional `args`, and one of `csv` (the whole answer), `error` (what stands on standard
//! error) or `contains` (texts that the answer or the talk must hold).

use crate::support::{TestEnv, project};
use toml::{Table, Value};

fn texts(table: &Table, key: &str) -> Vec<String> {
    let list = table.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    list.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

#[test]
fn every_file_answers_as_it_says() {
    let mut files: Vec<_> =
        std::fs::read_dir(project().join("tests/queries")).unwrap().flatten().map(|entry| entry.path()).collect();
    files.sort();
    let (mut cases, mut wrong) = (0, Vec::new());
    for path in files.iter().filter(|path| path.extension().is_some_and(|ending| ending == "toml")) {
        let name = path.file_name().unwrap().to_string_lossy();
        let file: Table = std::fs::read_to_string(path).unwrap().parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        let env = TestEnv::new();
        for load in texts(&file, "load") {
            env.load(&[&project().join(load)]).ok();
        }
        for input in file.get("input").and_then(Value::as_array).into_iter().flatten() {
            let input = input.as_table().unwrap();
            let path = env.write(input["name"].as_str().unwrap(), input["text"].as_str().unwrap());
            env.load(&[&path]).ok();
        }
        for case in file["case"].as_array().unwrap() {
            wrong.extend(check(&env, &name, case.as_table().unwrap()));
            cases += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {cases} cases\n\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(cases > 20, "{cases} cases");
}

/// What is wrong with the answer, if anything is.
fn check(env: &TestEnv, name: &str, case: &Table) -> Option<String> {
    let query = case["query"].as_str().unwrap();
    // What lies in the project is found from any folder.
    let whole = |arg: String| if arg.starts_with("samples/") { project().join(arg).display().to_string() } else { arg };
    let args: Vec<String> = texts(case, "args").into_iter().map(whole).collect();
    let mut arguments = vec!["query", query];
    arguments.extend(args.iter().map(String::as_str));
    if !args.iter().any(|arg| arg == "--format" || arg == "--explain" || arg == "--canonical") {
        arguments.extend(["--format", "csv"]);
    }
    let ran = env.run(&arguments);
    let wrong = |what: String| Some(format!("{name}: {query}\n{what}\nprinted:\n{}\nstandard error:\n{}", ran.out, ran.err));
    let text = |key: &str| case.get(key).and_then(Value::as_str);
    if let Some(error) = text("error") {
        let right = ran.code == 2 && ran.err.trim() == error.trim();
        return if right { None } else { wrong(format!("code {}, expected the error\n{error}", ran.code)) };
    }
    if ran.code != 0 {
        return wrong(format!("code {}", ran.code));
    }
    if let Some(csv) = text("csv").filter(|csv| ran.out.trim() != csv.trim()) {
        return wrong(format!("expected\n{csv}"));
    }
    let said = |text: &String| ran.out.contains(text) || ran.err.contains(text);
    if let Some(text) = texts(case, "contains").iter().find(|text| !said(text)) {
        return wrong(format!("{text:?} is missing"));
    }
    if let Some(text) = texts(case, "lacks").iter().find(|text| said(text)) {
        return wrong(format!("{text:?} is there"));
    }
    assert!(case.contains_key("csv") || case.contains_key("contains"), "{name}: {query}: nothing is expected");
    None
}

/// All example queries of the language: those whose nouns and clauses run give an answer, the others
/// say in one sentence that they do not.
#[test]
fn every_valid_query_runs_or_says_why_not() {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    let mut files: Vec<_> =
        std::fs::read_dir(project().join("grammar/valid")).unwrap().flatten().map(|entry| entry.path()).collect();
    files.sort();
    let (mut ran_well, mut later) = (0, 0);
    for path in &files {
        let text = std::fs::read_to_string(path).unwrap();
        let query: String = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
        let ran = env.run(&["query", &query, "--format", "json"]);
        let shown = format!("{}: {query}\n{}\n{}", path.display(), ran.out, ran.err);
        assert!(!ran.err.contains("panicked"), "{shown}");
        match ran.code {
            0 => {
                serde_json::from_str::<serde_json::Value>(&ran.out).unwrap_or_else(|error| panic!("{error}: {shown}"));
                ran_well += 1;
            }
            _ => {
                assert_eq!(ran.code, 2, "{shown}");
                assert!(ran.err.starts_with("error: "), "{shown}");
                later += usize::from(ran.err.contains("does not run yet"));
            }
        }
    }
    println!("{ran_well} run, {later} do not run yet, of {}", files.len());
    assert!(ran_well > later && ran_well > 40);
}
