//! Every console block of the README runs and prints what it says.
//!
//! A block is ```console; `$ ` begins a command, the lines after it are its output. `…` on a line of its
//! own stands for any number of lines, and within a line for any text. `cargo run --release --` is the
//! binary under test.

use crate::support::{TestEnv, VARIABLES, binary, project};
use std::process::Command;

struct Example {
    command: String,
    output: Vec<String>,
}

fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let (mut inside, mut document) = (false, false);
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside && let Some(command) = line.strip_prefix("$ ") {
            document = command.contains("<<'END'");
            examples.push(Example { command: command.to_owned(), output: Vec::new() });
        } else if document && let Some(example) = examples.last_mut() {
            // The lines of a here-document belong to the command.
            example.command.push_str(&format!("\n{line}"));
            document = line != "END";
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

/// Runs the console blocks of a page in a folder that has the samples; how many ran, and what was wrong.
pub fn run_page(page: &str) -> (usize, Vec<String>) {
    let env = TestEnv::new();
    let binary = binary().parent().unwrap().to_owned();
    let copied = Command::new("cp").arg("-r").arg(project().join("samples")).arg(env.path("samples")).status().unwrap();
    assert!(copied.success());
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let (mut run, mut wrong) = (0, Vec::new());
    for example in examples(&std::fs::read_to_string(project().join(page)).unwrap()) {
        let mut command = Command::new("sh");
        command.args(["-c", &example.command.replace("cargo run --release --", "ecs-audit")]);
        command.current_dir(env.path("")).env("PATH", &path);
        for name in VARIABLES {
            command.env_remove(name);
        }
        let output = command.env("XDG_CONFIG_HOME", env.path("")).output().unwrap();
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        let lines: Vec<&str> = printed.lines().collect();
        let mut patterns = example.output;
        while patterns.last().is_some_and(|line| line.trim().is_empty()) {
            patterns.pop();
        }
        if !matches(&patterns, &lines) {
            wrong.push(format!("$ {}\nprinted:\n{printed}\n{page} says:\n{}", example.command, patterns.join("\n")));
        }
        run += 1;
    }
    (run, wrong)
}

#[test]
fn the_tour_runs() {
    let (run, wrong) = run_page("README.md");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(run >= 8, "the README has a tour: {run}");
}
