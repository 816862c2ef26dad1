//! Arrows point one way: which module may use which.

use crate::support::project;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules each module may use. `decode` knows shapes and words, but no meaning, `lang` and `model` no engine, `render` no store.
const MAY_USE: &[(&str, &[&str])] = &[
    ("allocator", &[]),
    ("answer", &[]),
    ("check", &["answer", "toml_document", "lang", "percent", "plural", "render"]),
    ("cluster", &["engine", "nouns"]),
    ("config", &["toml_document", "lang"]),
    ("context", &[]),
    ("decode", &["knowledge"]),
    ("diagnostic", &[]),
    ("digests", &["decode", "discover", "rfc3339"]),
    ("discover", &["decode", "knowledge"]),
    ("doctor", &["toml_document"]),
    ("toml_document", &["lang"]),
    ("exit", &[]),
    ("engine", &["decode", "lang", "micros", "table"]),
    (
        "explain",
        &["answer", "incidents", "knowledge", "lang", "micros", "model", "nouns", "plural", "render", "rfc3339", "run", "table"],
    ),
    ("fuzzing", &["config", "decode", "discover", "lang", "load", "model", "plan", "store", "table"]),
    ("incidents", &["knowledge", "micros", "plural"]),
    ("knowledge", &["percent"]),
    ("lang", &["diagnostic"]),
    ("load", &["decode", "digests", "discover", "micros", "model", "table"]),
    ("mcp", &["question"]),
    ("micros", &[]),
    ("model", &["decode", "knowledge", "micros", "table"]),
    ("nouns", &["engine", "incidents", "knowledge", "lang", "micros", "render", "table"]),
    ("percent", &[]),
    ("plural", &[]),
    ("plan", &["answer", "diagnostic", "engine", "lang", "nouns", "render", "table"]),
    ("preflight", &["check", "config", "toml_document", "render"]),
    ("question", &[]),
    ("redact", &["answer", "percent", "table"]),
    ("render", &["answer", "plural"]),
    ("report", &["answer", "diagnostic", "explain", "lang", "model", "plan", "plural", "redact", "render", "run"]),
    ("rfc3339", &[]),
    ("run", &["answer", "diagnostic", "lang", "nouns", "plan", "render", "table"]),
    ("serve", &["lang", "question", "render"]),
    ("store", &["digests", "discover", "load", "micros", "table"]),
    ("substr", &[]),
    ("table", &["substr"]),
];

/// Modules that must not name the engine.
const NO_ENGINE: &[&str] = &[
    "allocator",
    "answer",
    "config",
    "decode",
    "diagnostic",
    "digests",
    "discover",
    "toml_document",
    "incidents",
    "knowledge",
    "lang",
    "load",
    "mcp",
    "micros",
    "model",
    "percent",
    "plural",
    "question",
    "render",
    "rfc3339",
    "serve",
    "substr",
    "table",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}

/// The part of a source before its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

#[test]
fn modules_use_only_what_they_may() {
    let root = project().join("src");
    let mut checked = 0;
    for path in sources(&root) {
        let relative = path.strip_prefix(&root).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let module = first.trim_end_matches(".rs");
        let is_test = relative.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")));
        if matches!(module, "cli" | "main" | "lib") || is_test {
            continue;
        }
        let (_, allowed) =
            MAY_USE.iter().find(|(name, _)| *name == module).unwrap_or_else(|| panic!("{module} is not in the table"));
        for line in code(&path).lines().filter(|line| !line.trim_start().starts_with("//")) {
            for part in line.split("crate::").skip(1) {
                let used = part.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).next().unwrap();
                assert!(
                    used == module || allowed.contains(&used) || used.is_empty(),
                    "{} uses crate::{used}: {line}",
                    relative.display()
                );
                checked += 1;
            }
            assert!(
                !(NO_ENGINE.contains(&module) && line.contains("datafusion")),
                "{} names the engine: {line}",
                relative.display()
            );
            assert!(!line.contains("println!"), "{} prints: {line}", relative.display());
        }
    }
    assert!(checked > 50, "the test reads the sources: {checked}");
}

/// The parts of nouns that touch the engine; everything else in `nouns` is SQL as text or plain Rust.
const NOUNS_WITH_ENGINE: &[&str] = &[
    "nouns/collisions/chance.rs",
    "nouns/collisions/function.rs",
    "nouns/incidents/function.rs",
    "nouns/launches/function.rs",
    "nouns/mod.rs",
    "nouns/portable.rs",
    "nouns/principals/function.rs",
    "nouns/quota/limit_function.rs",
    "nouns/quota/steps/",
    "nouns/schedules/function.rs",
    "nouns/stalls/min_blocked.rs",
    "nouns/stalls/observations.rs",
    "nouns/stalls/operator.rs",
    "nouns/stalls/rows.rs",
];

#[test]
fn algorithms_of_nouns_know_no_engine() {
    let root = project().join("src");
    let mut checked = 0;
    for path in sources(&root.join("nouns")) {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        if name.contains("tests") || NOUNS_WITH_ENGINE.iter().any(|known| name.starts_with(known)) {
            continue;
        }
        let uses = code(&path).lines().any(|line| !line.trim_start().starts_with("//") && line.contains("datafusion"));
        assert!(!uses, "{name} names the engine");
        checked += 1;
    }
    assert!(checked > 20, "the test reads the sources: {checked}");
}

#[test]
fn the_planner_and_the_engine_name_no_noun() {
    let root = project().join("src");
    for path in sources(&root.join("plan")).into_iter().chain(sources(&root.join("engine"))) {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        if name.contains("tests") {
            continue;
        }
        for noun in ecs_audit::nouns::NOUNS.iter() {
            let text = format!("\"{}\"", noun.word);
            let named = code(&path).lines().any(|line| !line.trim_start().starts_with("//") && line.contains(&text));
            assert!(!named, "{name} depends on the noun {}", noun.word);
        }
    }
}
