//! What a newcomer types, and what the program says to it: `tests/newcomers/*.txt`, one file per mistake.
//!
//! A file starts with a comment about the mistake and the command line, `$ …`. The rest is recorded: the exit code and
//! what was printed. `ECS_AUDIT_BLESS=1` records it anew; read each message as somebody who has never used the program.
//! `# in an empty folder` in the comment means that there is no store.

use crate::support::{TestEnv, VARIABLES, binary, project};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder with a store of the samples, and the files that the examples of the help name.
fn folder() -> TestEnv {
    let env = TestEnv::new();
    let copied = Command::new("cp").arg("-r").arg(project().join("samples/exports")).arg(env.path("s3-export")).status().unwrap();
    assert!(copied.success());
    for name in ["quotas.json", "rules.toml"] {
        fs::copy(project().join("samples").join(name), env.path(name)).unwrap();
    }
    env.load(&[&env.path("s3-export")]).ok();
    env
}

/// Runs a line in a shell: its exit code, standard output and standard error.
fn run(line: &str, folder: &Path) -> (i32, String, String) {
    let path = format!("{}:{}", binary().parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(folder).env("PATH", path).env("XDG_CONFIG_HOME", folder).env("HOME", folder);
    for name in VARIABLES {
        command.env_remove(name);
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// The age of the samples grows every day.
fn without_age(text: &str) -> String {
    let line = |line: &str| match line.split_once("note: the newest event is ") {
        Some((before, _)) => format!("{before}note: the newest event is … days old"),
        None => line.to_owned(),
    };
    text.lines().map(|text| line(text).trim_end().to_owned() + "\n").collect()
}

fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(project().join("tests/newcomers")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn mistakes_of_newcomers_get_the_recorded_message() {
    let full = folder();
    let mut wrong = Vec::new();
    let files = files();
    assert!(files.len() >= 22, "{}", files.len());
    for file in files {
        let recorded = fs::read_to_string(&file).unwrap();
        let (head, rest) = recorded.split_once("$ ").unwrap_or_else(|| panic!("{} has no command", file.display()));
        let line = rest.lines().next().unwrap();
        let empty = TestEnv::new();
        let folder = if head.contains("# in an empty folder") { empty.path("") } else { full.path("") };
        let (code, out, err) = run(line, &folder);
        let mut text = format!("{head}$ {line}\nexit code {code}\n");
        for (name, printed) in [("stdout", out), ("stderr", err)] {
            if !printed.is_empty() {
                // The folder has another name in each run.
                let printed = printed.replace(&folder.display().to_string(), "DIR/").replace("DIR//", "DIR/");
                text.push_str(&format!("\n--- {name}\n{}", without_age(&printed)));
            }
        }
        if std::env::var_os("ECS_AUDIT_BLESS").is_some() {
            fs::write(&file, text).unwrap();
        } else if text != recorded {
            wrong.push(format!("{}\nfound:\n{text}\nrecorded:\n{recorded}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The suggested queries of a message: `did you mean `…`?`.
fn suggestions(text: &str) -> impl Iterator<Item = &str> {
    text.split("did you mean `").skip(1).filter_map(|rest| rest.split_once("`?")).map(|(query, _)| query)
}

#[test]
fn suggested_queries_parse() {
    let mut seen = 0;
    for file in files() {
        let text = fs::read_to_string(&file).unwrap();
        for suggestion in suggestions(&text) {
            let query = match suggestion.strip_prefix("ecs-audit ") {
                // An option with its value.
                None if suggestion.starts_with('-') => continue,
                None => suggestion,
                // Options follow the query.
                Some(command) => match command.strip_prefix("query \"").and_then(|query| query.split('"').next()) {
                    Some(query) => query,
                    None => continue,
                },
            };
            // A single word is the name of a field or a value.
            if query.contains(' ') {
                let condition = format!("failures where {query}");
                assert!(
                    ecs_audit::lang::parse(query).is_ok() || ecs_audit::lang::parse(&condition).is_ok(),
                    "{}: {query}",
                    file.display()
                );
                seen += 1;
            }
        }
    }
    assert!(seen >= 6, "{seen}");
}

/// The commands that can be asked for help, from the help itself.
fn commands(folder: &Path, path: &str, found: &mut Vec<(String, String)>) {
    let (code, help, _) = run(&format!("ecs-audit {path} --help"), folder);
    assert_eq!(code, 0, "{path}");
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<String> = listed
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|name| name != "help")
        .collect();
    for name in names {
        commands(folder, format!("{path} {name}").trim(), found);
    }
    found.push((path.to_owned(), help));
}

#[test]
fn the_examples_of_the_help_run() {
    let env = folder();
    let definition = r#"{"family": "web", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "web", "image": "nginx:1.27", "essential": true}]}"#;
    let pack = "name = \"ours\"\n[[check]]\nname = \"settlement\"\nquestion = \"Did it fail?\"\n\
                query = \"failures where family = nightly-settlement by reason\"\nthreshold = 1\nseverity = \"error\"\nremedy = \"Look\"\n";
    for (name, text) in [
        ("taskdef.json", definition),
        ("our-checks.toml", pack),
        ("query.txt", "failures by reason"),
        ("questions.txt", "failures by reason\n"),
        ("messages.txt", "AGENT\n"),
        ("team.toml", "tz = \"Asia/Tokyo\"\n"),
    ] {
        env.write(name, text);
    }
    for (name, from) in [("trail.json.gz", "gz"), ("runs.json", "json")] {
        let file =
            walk(&project().join("samples/exports")).into_iter().find(|path| path.to_string_lossy().ends_with(from)).unwrap();
        fs::copy(file, env.path(name)).unwrap();
    }
    fs::create_dir(env.path("ecs-events")).unwrap();
    let mut found = Vec::new();
    commands(&env.path(""), "", &mut found);
    assert!(found.len() >= 25, "{}", found.len());
    // Reports and stores are made before they are verified.
    found.sort_by_key(|(path, _)| (path.contains("verify") || path == "man", path.clone()));
    let mut wrong = Vec::new();
    for (path, help) in &found {
        let examples: Vec<&str> = help
            .lines()
            .skip_while(|line| *line != "Examples:")
            .skip(1)
            .filter_map(|line| line.strip_prefix("  "))
            .take_while(|line| !line.is_empty())
            .filter(|line| line.contains("ecs-audit "))
            .collect();
        let has_commands = help.contains("\nCommands:\n") && path == "catalog";
        if examples.len() < 2 && !has_commands {
            wrong.push(format!("{path} has {} examples", examples.len()));
        }
        // A pipe from `aws`, S3 and public keys need an account, completions go to the home folder, a server does not end.
        let runs = |line: &&&str| {
            line.starts_with("ecs-audit")
                && path != "serve"
                && !["~/", "$PROFILE", "--public-keys", "s3://"].iter().any(|part| line.contains(part))
        };
        for line in examples.iter().filter(runs) {
            let (code, _, err) = run(line, &env.path(""));
            // The samples have no digest files, so that nothing can be verified.
            let fine = code == 0
                || (code == 1 && (path == "check" || path == "preflight" || path == "report verify"))
                || (code == 3 && path == "verify-digests");
            if !fine {
                wrong.push(format!("{line}: exit code {code}\n{err}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
