//! Arrows point one way: which module may use which.

use crate::support::project;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules each module may use; `cli` may use all. `decode` knows shapes and words, but no meaning, `lang` and `model` no engine, `render` no store.
const MAY_USE: &[(&str, &[&str])] = &[
    ("allocator", &[]),
    ("answer", &[]),
    (
        "app",
        &[
            "allocator",
            "answer",
            "config",
            "context",
            "decode",
            "diagnostic",
            "discover",
            "engine",
            "exit",
            "explain",
            "lang",
            "load",
            "micros",
            "model",
            "nouns",
            "plan",
            "redact",
            "render",
            "report",
            "run",
            "store",
            "table",
        ],
    ),
    ("check", &["answer", "toml_document", "lang", "percent", "plural", "render"]),
    ("cluster", &["engine", "nouns"]),
    ("config", &["toml_document", "lang"]),
    ("context", &[]),
    ("decode", &["instant", "knowledge"]),
    ("diagnostic", &[]),
    ("digests", &["decode", "discover", "rfc3339"]),
    ("discover", &["decode", "knowledge"]),
    ("doctor", &["toml_document"]),
    ("toml_document", &["lang"]),
    ("exit", &[]),
    ("engine", &["decode", "lang", "micros", "table"]),
    (
        "explain",
        &[
            "answer",
            "incidents",
            "knowledge",
            "lang",
            "micros",
            "model",
            "nouns",
            "plan",
            "plural",
            "render",
            "rfc3339",
            "run",
            "table",
        ],
    ),
    ("fuzzing", &["config", "decode", "discover", "lang", "load", "model", "plan", "store", "table"]),
    ("incidents", &["knowledge", "micros", "plural"]),
    ("instant", &[]),
    ("knowledge", &["percent"]),
    ("lang", &["diagnostic"]),
    ("load", &["decode", "digests", "discover", "micros", "model", "table"]),
    ("mcp", &["app", "context", "redact", "store"]),
    ("micros", &[]),
    ("model", &["decode", "instant", "knowledge", "micros", "table"]),
    ("nouns", &["engine", "incidents", "knowledge", "lang", "micros", "render", "table"]),
    ("percent", &[]),
    ("plural", &[]),
    ("plan", &["diagnostic", "engine", "lang", "nouns", "table"]),
    ("preflight", &["check", "config", "toml_document", "render"]),
    ("redact", &["answer", "percent", "table"]),
    ("render", &["answer", "plural"]),
    ("report", &["answer", "diagnostic", "explain", "lang", "model", "plan", "plural", "redact", "render", "run"]),
    ("rfc3339", &[]),
    ("run", &["answer", "diagnostic", "lang", "nouns", "plan", "render", "table"]),
    ("serve", &["app", "context", "lang", "plan", "render", "store"]),
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
    "instant",
    "knowledge",
    "lang",
    "load",
    "mcp",
    "micros",
    "model",
    "percent",
    "plural",
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

/// The part of a source before its tests, without comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether a file consists of tests.
fn is_test(relative: &Path) -> bool {
    let name = |part: &std::ffi::OsStr| part.to_str().is_some_and(|part| part == "tests" || part.ends_with("tests.rs"));
    relative.iter().any(name)
}

/// The first component of a path below `src`, without an extension.
fn module_of(relative: &Path) -> String {
    let first = relative.iter().next().unwrap().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The names that follow a path: `a` of `a::b`, or `a` and `c` of `{a::b, c}`.
fn heads(rest: &str) -> Vec<String> {
    let name = |text: &str| {
        let text = text.trim_start();
        text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).next().unwrap_or_default().to_owned()
    };
    let Some(list) = rest.strip_prefix('{') else { return vec![name(rest)] };
    let (mut heads, mut depth, mut start) = (Vec::new(), 0, 0);
    for (place, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                heads.push(name(&list[start..place]));
                start = place + 1;
            }
            _ => {}
        }
        if letter == '}' && depth == 0 && start == place + 1 {
            break;
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

/// The modules of the crate that some code uses.
fn used_modules(code: &str) -> BTreeSet<String> {
    code.split("crate::").skip(1).flat_map(heads).collect()
}

#[test]
fn lists_of_imports_are_read() {
    let code = "use crate::{answer::{Answer, Column}, run};\nuse crate::lang::{self, ast};\nlet x = crate::render::rows(&a);";
    assert_eq!(used_modules(code), BTreeSet::from(["answer", "lang", "render", "run"].map(str::to_owned)));
}

#[test]
fn modules_use_only_what_they_may() {
    let root = project().join("src");
    let mut checked = 0;
    for path in sources(&root) {
        let relative = path.strip_prefix(&root).unwrap();
        let module = module_of(relative);
        if matches!(module.as_str(), "cli" | "main" | "lib") || is_test(relative) {
            continue;
        }
        let (_, allowed) =
            MAY_USE.iter().find(|(name, _)| *name == module).unwrap_or_else(|| panic!("{module} is not in the table"));
        let code = code(&path);
        for used in used_modules(&code) {
            assert!(used == module || allowed.contains(&used.as_str()), "{} uses crate::{used}", relative.display());
            checked += 1;
        }
        for line in code.lines() {
            assert!(
                !(NO_ENGINE.contains(&module.as_str()) && line.contains("datafusion")),
                "{} names the engine: {line}",
                relative.display()
            );
            assert!(!line.contains("println!"), "{} prints: {line}", relative.display());
        }
    }
    assert!(checked > 50, "the test reads the sources: {checked}");
}

/// What only the command line may use: standard output and error, the clock, the environment and the terminal.
const OUTSIDE: &[&str] = &[
    "io::stdout",
    "io::stderr",
    "io::stdin",
    "Timestamp::now",
    "env::var",
    "env::current",
    "env::args",
    "env::temp_dir",
    "is_terminal",
    "terminal_size",
    "indicatif",
];

#[test]
fn what_front_ends_share_prints_and_reads_nothing_of_the_environment() {
    let root = project().join("src");
    let mut checked = 0;
    for path in sources(&root.join("app")).into_iter().chain(sources(&root.join("serve"))) {
        let code = code(&path);
        for outside in OUTSIDE {
            assert!(!code.contains(outside), "{} uses {outside}", path.display());
        }
        checked += 1;
    }
    assert!(checked > 20, "the test reads the sources: {checked}");
}

/// A circle in a graph, as the names on it; none if there is none.
fn circle(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit(
        name: &str,
        graph: &BTreeMap<String, BTreeSet<String>>,
        way: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = way.iter().position(|known| known == name) {
            return Some(way[start..].to_vec());
        }
        if done.contains(name) {
            return None;
        }
        way.push(name.to_owned());
        for next in graph.get(name).into_iter().flatten() {
            if let Some(found) = visit(next, graph, way, done) {
                return Some(found);
            }
        }
        way.pop();
        done.insert(name.to_owned());
        None
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|name| visit(name, graph, &mut Vec::new(), &mut done))
}

#[test]
fn circles_are_found() {
    let graph = |arrows: &[(&str, &str)]| {
        let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in arrows {
            graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        graph
    };
    assert_eq!(circle(&graph(&[("a", "b"), ("b", "c"), ("c", "b")])), Some(vec!["b".to_owned(), "c".to_owned()]));
    assert_eq!(circle(&graph(&[("a", "b"), ("a", "c"), ("b", "c")])), None);
}

#[test]
fn modules_do_not_use_each_other_in_circles() {
    let root = project().join("src");
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in sources(&root) {
        let relative = path.strip_prefix(&root).unwrap();
        let module = module_of(relative);
        if module == "lib" || is_test(relative) {
            continue;
        }
        let used = used_modules(&code(&path)).into_iter().filter(|used| *used != module);
        graph.entry(module.clone()).or_default().extend(used);
    }
    assert!(graph["cli"].contains("app") && graph["app"].contains("store"), "the test reads the sources");
    assert!(!graph.iter().any(|(module, used)| module != "main" && used.contains("cli")), "only the program uses cli");
    let front_ends = ["cli", "mcp", "serve"];
    for (module, used) in &graph {
        assert!(!used.contains("app") || front_ends.contains(&module.as_str()), "{module} uses app");
    }
    assert_eq!(circle(&graph), None);
}

/// The files and folders of a module that some code of it uses: `path` is relative to the folder of the module.
fn used_within(module: &str, path: &Path, code: &str) -> BTreeSet<String> {
    let mut used: BTreeSet<String> = code.split(&format!("crate::{module}::")).skip(1).flat_map(heads).collect();
    // The levels of modules between a file and the module.
    let depth = path.iter().count() - usize::from(path.ends_with("mod.rs"));
    let up = "super::".repeat(depth);
    for (place, _) in code.match_indices(&up) {
        let (before, rest) = (&code[..place], &code[place + up.len()..]);
        if !before.ends_with("super::") && !rest.starts_with("super::") {
            used.extend(heads(rest));
        }
    }
    used
}

/// Which files and folders of a module use which of them.
fn arrows_within(module: &str) -> BTreeMap<String, BTreeSet<String>> {
    let root = project().join("src").join(module);
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in sources(&root) {
        let relative = path.strip_prefix(&root).unwrap();
        if relative == Path::new("mod.rs") || is_test(relative) {
            continue;
        }
        let file = module_of(relative);
        let used = used_within(module, relative, &code(&path)).into_iter().filter(|used| *used != file);
        graph.entry(file.clone()).or_default().extend(used);
    }
    graph
}

#[test]
fn files_of_the_front_ends_do_not_use_each_other_in_circles() {
    let cli = arrows_within("cli");
    assert!(cli["repl"].contains("check") && cli["check"].contains("args"), "the test reads the sources");
    let app = arrows_within("app");
    assert!(app["runner"].contains("dataset") && app["dataset"].contains("inputs"), "the test reads the sources");
    for (module, graph) in [("cli", cli), ("app", app)] {
        for (file, used) in &graph {
            let unknown: Vec<&String> = used.iter().filter(|used| !graph.contains_key(*used)).collect();
            assert!(unknown.is_empty(), "{module}/{file} uses {unknown:?} of {module}/mod.rs; name the file that defines it");
        }
        assert_eq!(circle(&graph), None, "{module}");
    }
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
        let uses = code(&path).contains("datafusion");
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
            let named = code(&path).contains(&text);
            assert!(!named, "{name} depends on the noun {}", noun.word);
        }
    }
}
