//! The pages of `docs/`: their examples run, and the field reference matches the schema.

use crate::readme::run_page;
use crate::support::{TestEnv, project};
use ecs_audit::lang::catalog::{Catalog, NounStatus};
use ecs_audit::lang::function::{FUNCTIONS, FunctionKind};
use ecs_audit::lang::keyword::{KEYWORDS, KeywordRole, NOUNS, OPERATORS, UNITS};
use ecs_audit::plan::PlanCatalog;
use std::fmt::Write;

#[test]
fn the_examples_of_the_pages_run() {
    for (page, least) in [
        ("docs/stories.md", 12),
        ("docs/automation.md", 8),
        ("docs/language.md", 4),
        ("docs/investigate.md", 10),
        ("docs/incidents.md", 2),
        ("docs/report.md", 5),
        ("docs/store.md", 5),
        ("docs/catalog.md", 7),
        ("docs/security.md", 1),
    ] {
        let (run, wrong) = run_page(page);
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
        assert!(run >= least, "{page} has examples: {run}");
    }
}

/// The ```query blocks of the language's page; each line that is not indented is a query.
fn queries(page: &str) -> Vec<String> {
    let mut queries: Vec<String> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```query";
        } else if inside && line.starts_with("  ") {
            queries.last_mut().unwrap().push_str(line);
        } else if inside && !line.trim().is_empty() {
            queries.push(line.to_owned());
        }
    }
    queries
}

#[test]
fn every_query_of_the_language_page_runs() {
    let env = TestEnv::new();
    env.load(&[&project().join("samples/exports")]).ok();
    let page = std::fs::read_to_string(project().join("docs/language.md")).unwrap();
    let queries = queries(&page);
    assert!(queries.len() >= 40, "{}", queries.len());
    env.write("questions.txt", queries.join("\n"));
    // In one process: a store is opened once.
    let output = env
        .command()
        .args(["repl", "--format", "csv", "--quiet"])
        .stdin(std::fs::File::open(env.path("questions.txt")).unwrap())
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && shown.is_empty(), "{shown}");
    for word in KEYWORDS.iter().filter(|word| word.role == KeywordRole::Clause) {
        let used = queries.iter().any(|query| query.split_whitespace().any(|part| part == word.word));
        assert!(used, "no example has `{}`", word.word);
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The field reference, from the tables that the program reads.
fn reference() -> String {
    let catalog = PlanCatalog::default();
    let mut page = String::from(
        "# Nouns, fields and functions\n\nThis page is generated from the schema, and a test keeps it up to date. `ecs-audit fields` and \
         `ecs-audit fields NOUN` print the same.\n`raw.…` reads fields of the original records, under their own names.\n",
    );
    for noun in NOUNS.iter().filter(|noun| catalog.status(noun.word) == NounStatus::Ready) {
        write!(page, "\n## {}\n\n{}.\n\n| Field | Type | Description |\n|---|---|---|\n", noun.word, noun.doc).unwrap();
        for field in catalog.fields(noun.word) {
            writeln!(page, "| `{}` | {} | {} |", field.name, field.kind.word(), cell(field.doc)).unwrap();
        }
        for (index, measure) in catalog.measures(noun.word).iter().enumerate() {
            if index == 0 {
                page.push_str("\n| Measure | Type | Description |\n|---|---|---|\n");
            }
            writeln!(page, "| `{}` | {} | {} |", measure.name, measure.kind.word(), cell(measure.doc)).unwrap();
        }
    }
    page.push_str("\n## Functions\n\n| Function | Over | Description |\n|---|---|---|\n");
    for function in FUNCTIONS {
        let over = match function.kind {
            FunctionKind::Scalar(_) | FunctionKind::Field => "one row",
            FunctionKind::Aggregate(_) | FunctionKind::Percentile => "a group",
        };
        let name = if function.kind == FunctionKind::Percentile { "p1 … p99" } else { function.name };
        writeln!(page, "| `{name}` | {over} | {} |", cell(function.doc)).unwrap();
    }
    page.push_str("\n## Keywords and operators\n\n| Word | Meaning |\n|---|---|\n");
    for word in KEYWORDS {
        writeln!(page, "| `{}` | {} |", word.word, cell(word.doc)).unwrap();
    }
    for sign in OPERATORS.iter().filter(|sign| sign.sign != "`") {
        writeln!(page, "| `{}` | {} |", cell(sign.sign), cell(sign.doc)).unwrap();
    }
    let units: Vec<String> = UNITS.iter().map(|(word, _)| format!("`{word}`")).collect();
    write!(page, "\nUnits of time: {}. `m` is minutes, `mo` is months.\n", units.join(" ")).unwrap();
    page
}

#[test]
fn the_field_reference_is_that_of_the_schema() {
    let path = project().join("docs/fields.md");
    let made = reference();
    if std::env::var_os("ECS_AUDIT_BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "docs/fields.md is out of date; run ECS_AUDIT_BLESS=1 cargo test --test integration field_reference");
}

/// Every relative link of the pages has a target.
#[test]
fn links_lead_somewhere() {
    let mut links = 0;
    for page in [
        "README.md",
        "docs/README.md",
        "docs/export-aws.md",
        "docs/export-dstack.md",
        "docs/stories.md",
        "docs/language.md",
        "docs/automation.md",
        "docs/investigate.md",
        "docs/report.md",
        "docs/serve.md",
        "docs/store.md",
        "docs/catalog.md",
        "docs/schemas/README.md",
    ] {
        let path = project().join(page);
        for part in std::fs::read_to_string(&path).unwrap().split("](").skip(1) {
            let target = part.split(')').next().unwrap().split('#').next().unwrap();
            if !target.is_empty() && !target.contains("://") {
                assert!(path.parent().unwrap().join(target).exists(), "{page}: {target}");
                links += 1;
            }
        }
    }
    assert!(links > 8, "{links}");
}
