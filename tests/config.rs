//! Configuration files and saved queries through the real binary.

use crate::support::{TestEnv, project};

fn loaded() -> TestEnv {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    env
}

/// The rows of `ecs-audit config`, by setting.
fn settings(env: &TestEnv, arguments: &[&str]) -> Vec<Vec<String>> {
    env.run(&[&["config", "--format", "csv"], arguments].concat()).ok().cells()
}

fn value(rows: &[Vec<String>], setting: &str) -> (String, String) {
    let row = rows.iter().find(|row| row[0] == setting).unwrap_or_else(|| panic!("{setting}: {rows:?}"));
    (row[1].clone(), row[2].clone())
}

#[test]
fn each_setting_comes_from_the_first_place_that_names_it() {
    let env = loaded();
    assert_eq!(value(&settings(&env, &[]), "tz"), ("UTC".into(), "default".into()));
    env.write("ecs-audit/config.toml", "tz = \"Europe/Berlin\"\nas_of = \"2026-03-04T12:00Z\"\n");
    let rows = settings(&env, &[]);
    assert_eq!(value(&rows, "tz").0, "Europe/Berlin");
    assert!(value(&rows, "as_of").1.ends_with("config.toml (the user's)"), "{rows:?}");
    env.write(".ecs-audit/ecs-audit.toml", "tz = \"Asia/Tokyo\"\n");
    let rows = settings(&env, &[]);
    assert_eq!(value(&rows, "tz"), ("Asia/Tokyo".into(), ".ecs-audit/ecs-audit.toml (the store's)".into()));
    assert_eq!(value(&rows, "as_of").0, "2026-03-04T12:00Z");
    env.write("team/team.toml", "tz = \"America/Lima\"\nstore = \"../.ecs-audit\"\n");
    let rows = settings(&env, &["--config", "team/team.toml"]);
    assert_eq!(value(&rows, "tz").0, "America/Lima");
    assert_eq!(value(&rows, "store"), ("team/../.ecs-audit".into(), "team/team.toml (--config or ECS_AUDIT_CONFIG)".into()));
    let output =
        env.command().args(["config", "--format", "csv", "--config", "team/team.toml"]).env("ECS_AUDIT_TZ", "UTC").output();
    assert!(String::from_utf8(output.unwrap().stdout).unwrap().contains("tz,UTC,ECS_AUDIT_TZ"));
    let rows = settings(&env, &["--config", "team/team.toml", "--tz", "Asia/Seoul"]);
    assert_eq!(value(&rows, "tz"), ("Asia/Seoul".into(), "option --tz".into()));
    assert_eq!(value(&settings(&env, &["--no-config"]), "tz").1, "default");
    let table = env.run(&["config"]).ok().out;
    assert!(table.contains("the store's") && table.contains("read"), "{table}");
}

#[test]
fn what_the_files_say_holds_for_queries() {
    let env = loaded();
    env.write(".ecs-audit/ecs-audit.toml", "tz = \"Asia/Tokyo\"\nas_of = \"2026-03-04T12:00Z\"\n");
    let ran = env.run(&["query", "failures by reason since 1d"]).ok();
    assert!(ran.err.contains("window 2026-03-03T21:00:00+09:00"), "{}", ran.err);
    let ran = env.run(&["query", "failures by reason since 1d", "--as-of", "latest", "--tz", "UTC"]).ok();
    assert!(ran.err.contains("window 2026-03-07T03:20:11Z"), "{}", ran.err);
    let rules = std::fs::read_to_string(project().join("samples/rules.toml")).unwrap();
    env.write("ecs-audit/rules.toml", rules);
    env.write("ecs-audit/config.toml", "rules = [\"rules.toml\"]\n");
    let listed = env.run(&["catalog", "list", "--format", "csv"]).ok().out;
    assert!(listed.contains("image-candidate-gone"), "the rules of the user's file are in the catalog");
}

#[test]
fn mistakes_name_the_file_the_line_and_what_works() {
    let env = TestEnv::new();
    for (text, shown) in [
        ("tz = \"UTC\"\nsotre = \"x\"\n", "config.toml:2: unknown key `sotre`; did you mean `store`?"),
        ("tz = 3\n", "config.toml:1: `tz` is a TOML integer; expected a quoted string"),
        ("a = = 1\n", "config.toml:1: "),
        ("[queries.x]\nquery = \"failures\"\nparams = 1\n", "config.toml:3: unknown key `params` in [queries.x]"),
    ] {
        env.write("ecs-audit/config.toml", text);
        let ran = env.run(&["config"]);
        assert_eq!(ran.code, 2, "{text}");
        assert!(ran.err.contains(shown), "{text}: {}", ran.err);
    }
    let ran = env.run(&["config", "--config", "absent.toml"]);
    assert!(ran.code == 2 && ran.err.contains("`absent.toml`: no such file"), "{}", ran.err);
    env.write("ecs-audit/config.toml", "tz = \"Mars/Olympus\"\n");
    assert!(env.run(&["fields"]).err.contains("unknown time zone `Mars/Olympus`"));
}

#[test]
fn saved_queries_have_parameters_and_take_clauses() {
    let env = loaded();
    env.write(
        "ecs-audit/config.toml",
        "[queries.exits]\nquestion = \"Which exits?\"\n\
         query = \"failures where cluster = $cluster and exit_code is not missing by exit_code since $since\"\n\
         defaults = { since = \"7d\" }\n",
    );
    let shown = env.run(&["query", "@exits"]);
    assert_eq!(shown.code, 2);
    assert!(shown.err.contains("the parameter `$cluster` has no value: set it with --set cluster=VALUE"), "{}", shown.err);
    let direct = env.run(&["query", "failures where cluster = batch and exit_code is not missing by exit_code since 7d"]).ok();
    let saved = env.run(&["query", "@exits", "--set", "cluster=batch"]).ok();
    assert_eq!(saved.out, direct.out);
    let changed = env.run(&["query", "@exits where exit_code = 137", "--set", "cluster=batch", "--format", "csv"]).ok();
    assert_eq!(changed.out, "exit_code,count\n137,4\n");
    let json = env.run(&["query", "@exits", "--set", "cluster=batch", "--format", "json"]).ok().out;
    assert!(json.contains("failures where cluster = batch"), "the answer says what was asked: {json}");
    let hostile = env.run(&["query", "@exits", "--set", "cluster=x or true"]).ok();
    assert!(hostile.out.lines().count() <= 2, "a value stays a value: {}", hostile.out);
    let ran = env.run(&["query", "@exits", "--set", "clutser=batch"]);
    assert!(ran.code == 2 && ran.err.contains("did you mean `cluster`?"), "{}", ran.err);
    let ran = env.run(&["query", "@exist"]);
    assert!(ran.code == 2 && ran.err.contains("did you mean `exits`?"), "{}", ran.err);
    let export = project().join("samples/exports");
    let from = env.run(&["query", "--from", export.to_str().unwrap(), "@exits", "--set", "cluster=batch"]).ok();
    assert_eq!(from.out, direct.out);
}

#[test]
fn queries_lists_what_is_saved_and_all_built_in_ones_run() {
    let env = loaded();
    let rows = env.run(&["queries", "--format", "csv"]).ok().cells();
    assert!(rows.len() > 5, "{rows:?}");
    for row in &rows[1..] {
        let mut arguments = vec!["query".to_owned(), format!("@{}", row[0])];
        for parameter in row[2].split_whitespace().filter(|parameter| !parameter.contains('=')) {
            arguments.extend(["--set".to_owned(), format!("{parameter}=cart")]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        env.run(&arguments).ok();
    }
    let one = env.run(&["queries", "@lost"]).ok().out;
    assert!(one.contains("since: default 7d") && one.contains("ecs-audit query @lost"), "{one}");
    let ran = env.run(&["queries", "lots"]);
    assert!(ran.code == 2 && ran.err.contains("did you mean `lost`?"), "{}", ran.err);
}
