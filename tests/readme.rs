//! Every console block of the README runs and prints what it says.
//!
//! A block is ```console; `$ ` begins a command, the lines after it are its output. `…` on a line of its
//! own stands for any number of lines, and within a line for any text. `cargo run --release --` is the
//! binary under test.

use crate::support::{Desk, binary, project};
use std::process::Command;

struct Example {
    command: String,
    output: Vec<String>,
}

fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && let Some(command) = line.strip_prefix("$ ") {
            examples.push(Example { command: command.to_owned(), output: Vec::new() });
        } else if inside && let Some(example) = examples.last_mut() {
            example.output.push(line.to_owned());
        }
    }
    examples
}

/// Whether a line is what the pattern says; `…` stands for any text.
fn line_matches(pattern: &str, line: &str) -> bool {
    let mut rest = line.trim_end();
    let parts: Vec<&str> = pattern.trim_end().split('…').collect();
    for (index, part) in parts.iter().enumerate() {
        let found = match (index, index + 1 == parts.len()) {
            (0, true) => return rest == *part,
            (0, false) => rest.starts_with(part).then_some(0),
            (_, true) => return rest.ends_with(part) && rest.len() >= part.len(),
            (_, false) => rest.find(part),
        };
        match found {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

fn matches(patterns: &[String], lines: &[&str]) -> bool {
    match patterns.split_first() {
        None => lines.iter().all(|line| line.trim().is_empty()),
        Some((first, rest)) if first.trim() == "…" => (0..=lines.len()).any(|skip| matches(rest, &lines[skip..])),
        Some((first, rest)) => lines.split_first().is_some_and(|(line, lines)| line_matches(first, line) && matches(rest, lines)),
    }
}

#[test]
fn the_tour_runs() {
    let desk = Desk::new();
    let binary = binary().parent().unwrap().to_owned();
    let copied = Command::new("cp").arg("-r").arg(project().join("samples")).arg(desk.path("samples")).status().unwrap();
    assert!(copied.success());
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let (mut run, mut wrong) = (0, Vec::new());
    for example in examples(&std::fs::read_to_string(project().join("README.md")).unwrap()) {
        let output = Command::new("sh")
            .args(["-c", &example.command.replace("cargo run --release --", "ecs-audit")])
            .current_dir(desk.path(""))
            .env("PATH", &path)
            .env_remove("ECS_AUDIT_STORE")
            .env_remove("ECS_AUDIT_RULES")
            .env_remove("ECS_AUDIT_CONFIG")
            .env("XDG_CONFIG_HOME", desk.path(""))
            .output()
            .unwrap();
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        let lines: Vec<&str> = printed.lines().collect();
        let patterns: Vec<String> = example
            .output
            .into_iter()
            .rev()
            .skip_while(|line| line.trim().is_empty())
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        if !matches(&patterns, &lines) {
            wrong.push(format!("$ {}\nprinted:\n{printed}\nthe README says:\n{}", example.command, patterns.join("\n")));
        }
        run += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(run >= 8, "the README has a tour: {run}");
}
