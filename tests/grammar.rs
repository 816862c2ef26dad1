//! The language against `grammar/`: examples, specification and properties.
//!
//! In an example file, lines that begin with `#` come first: a comment that names the productions it
//! shows, `#= ` with the canonical text of a valid query that is not canonical itself, and `#! ` with
//! the exact error text of an invalid one. `UPDATE=1` writes the error texts anew.

mod fixture;
mod properties;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ecs_audit::diagnostic::render_all;
use ecs_audit::lang::keyword::{FUNCTIONS, KEYWORDS, NOUNS, OPERATORS, UNITS};
use ecs_audit::lang::{check, format, parse};

use fixture::{Known, context};

/// One example file.
struct Example {
    path: PathBuf,
    comments: Vec<String>,
    query: String,
}

impl Example {
    fn lines_after(&self, mark: &str) -> Vec<&str> {
        self.comments.iter().filter_map(|line| line.strip_prefix(mark)).collect()
    }

    fn name(&self) -> String {
        self.path.file_name().unwrap().to_string_lossy().into_owned()
    }
}

fn grammar_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("grammar")
}

fn examples(kind: &str) -> Vec<Example> {
    let mut paths: Vec<PathBuf> = fs::read_dir(grammar_dir().join(kind))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "q"))
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let (comments, query): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('#'));
            let comments = comments.into_iter().map(str::to_owned).collect();
            Example { comments, query: query.join("\n"), path }
        })
        .collect()
}

/// The errors of a query as a person sees them; empty when it runs.
fn error_text(query: &str) -> String {
    let checked = parse(query).and_then(|parsed| check(&parsed, &Known, &context()));
    match checked {
        Ok(_) => String::new(),
        Err(errors) => render_all(&errors, query),
    }
}

#[test]
fn valid_examples_have_a_canonical_text_that_is_a_fixed_point() {
    let all = examples("valid");
    assert!(all.len() >= 60, "{} valid examples", all.len());
    for example in all {
        let name = example.name();
        let parsed = parse(&example.query).unwrap_or_else(|errors| panic!("{name}:\n{}", render_all(&errors, &example.query)));
        let canonical = format(&parsed);
        if let Some(expected) = example.lines_after("#= ").first() {
            assert_eq!(canonical, *expected, "{name}");
        }
        let again = parse(&canonical).unwrap_or_else(|errors| panic!("{name}:\n{}", render_all(&errors, &canonical)));
        assert_eq!(again, parsed, "{name}: {canonical}");
        assert_eq!(format(&again), canonical, "{name}");
    }
}

#[test]
fn valid_examples_check_unless_a_clause_does_not_run_yet() {
    for example in examples("valid") {
        let text = error_text(&example.query);
        let messages: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
        assert!(
            messages.iter().all(|message| message.ends_with("does not run yet in this version")),
            "{}:\n{text}",
            example.name()
        );
    }
}

#[test]
fn invalid_examples_give_exactly_their_error() {
    let all = examples("invalid");
    assert!(all.len() >= 40, "{} invalid examples", all.len());
    let update = std::env::var_os("UPDATE").is_some();
    for example in all {
        let text = error_text(&example.query);
        assert!(!text.is_empty(), "{} has no error", example.name());
        let found: Vec<String> = text.lines().map(|line| format!("#! {line}").trim_end().to_owned()).collect();
        if update {
            let kept = example.comments.iter().filter(|line| !line.starts_with("#!")).cloned();
            let lines: Vec<String> = kept.chain(found).chain([example.query.clone()]).collect();
            fs::write(&example.path, lines.join("\n") + "\n").unwrap();
            continue;
        }
        let expected: Vec<&String> = example.comments.iter().filter(|line| line.starts_with("#!")).collect();
        assert_eq!(expected, found.iter().collect::<Vec<_>>(), "{}", example.name());
    }
}

/// The specification without comments and special sequences.
fn specification() -> String {
    let text = fs::read_to_string(grammar_dir().join("ecs-audit.ebnf")).unwrap();
    let mut plain = String::new();
    for (index, part) in text.split("(*").enumerate() {
        let kept = if index == 0 { Some(part) } else { part.split_once("*)").map(|(_, after)| after) };
        plain.push_str(kept.expect("every comment ends"));
    }
    plain.split('?').step_by(2).collect()
}

/// What stands in quotes.
fn terminals(specification: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = specification;
    while let Some(at) = rest.find(['"', '\'']) {
        let quote = &rest[at..=at];
        let (terminal, after) = rest[at + 1..].split_once(quote).expect("every terminal ends");
        found.insert(terminal.to_owned());
        rest = after;
    }
    found
}

#[test]
fn the_specification_quotes_exactly_the_words_of_the_tables() {
    let words = KEYWORDS.iter().map(|keyword| keyword.word);
    let words = words.chain(NOUNS.iter().map(|noun| noun.word));
    let words = words.chain(FUNCTIONS.iter().map(|function| function.name));
    let words = words.chain(UNITS.iter().map(|(word, _)| *word));
    let words = words.chain(OPERATORS.iter().map(|operator| operator.sign));
    let tables: BTreeSet<String> = words.map(str::to_owned).collect();
    let quoted = terminals(&specification());
    let only_quoted: Vec<_> = quoted.difference(&tables).collect();
    let only_tables: Vec<_> = tables.difference(&quoted).collect();
    assert!(only_quoted.is_empty(), "in the specification only: {only_quoted:?}");
    assert!(only_tables.is_empty(), "in the tables only: {only_tables:?}");
}

#[test]
fn every_production_has_an_accepted_and_a_rejected_example() {
    let specification = specification();
    let productions: BTreeSet<&str> = specification
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.trim())
        .filter(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        .collect();
    assert!(productions.len() > 40, "{productions:?}");
    for kind in ["valid", "invalid"] {
        let shown: BTreeSet<String> = examples(kind)
            .iter()
            .flat_map(|example| example.comments.clone())
            .filter_map(|line| Some(line.strip_prefix("# ")?.split(':').next()?.to_owned()))
            .flat_map(|names| names.split(", ").map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let without: Vec<_> = productions.iter().filter(|name| !shown.contains(**name)).collect();
        assert!(without.is_empty(), "no {kind} example names {without:?}");
    }
}
