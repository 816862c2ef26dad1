//! The default tables of all nouns at the widths of common terminals, as golden files.
//!
//! `ECS_AUDIT_BLESS=1` updates them.

use super::args::{Cli, Global};
use super::open::open;
use super::output::{default_rows, look};
use super::settings::as_of;
use crate::app::QueryRunner;
use crate::context::Context;
use crate::lang;
use crate::nouns::NOUNS;
use crate::plan::Evidence;
use crate::render::{Format, Layout, render};
use crate::table::TableSet;
use clap::Parser;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tabled::grid::util::string::get_string_width;

const WIDTHS: [usize; 4] = [60, 80, 120, 200];
/// More rows show nothing new about the layout.
const ROWS: usize = 4;

fn context(width: usize) -> Context {
    Context {
        now: "2026-03-09T00:00:00Z".parse().unwrap(),
        tz: TimeZone::UTC,
        width: Some(width),
        color: false,
        progress: false,
        threads: 2,
        memory: 1 << 30,
    }
}

fn global() -> Global {
    Cli::try_parse_from(["ecs-audit", "doctor", "--no-config"]).unwrap().global
}

fn table(runner: &QueryRunner<'_>, query: &str, layout: Layout, context: &Context) -> String {
    let parsed = lang::parse(query).unwrap();
    let (_, answer) = runner.ask(&parsed, query, Evidence::Without).unwrap();
    let mut bytes = Vec::new();
    render(Format::Table, &answer, &look(layout, context), &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_default_tables_of_all_nouns_are_readable() {
    // Relative, because tables show the names of files. Tests run in the folder of the project.
    let from = ["samples/exports", "samples/oddities/one-bad-line.ndjson", "samples/oddities/truncated.json.gz"];
    let from = from.map(PathBuf::from);
    let tables = open(&from, true, TableSet::ALL, &global(), &context(80)).unwrap();
    for width in WIDTHS {
        let context = context(width);
        let runner = QueryRunner::new(&tables, &as_of(None, &global()), BTreeMap::new(), &context).unwrap();
        let mut text = String::new();
        for noun in NOUNS.iter() {
            // Without a window, there is nothing that patterns could be new in.
            let query = if noun.word == "patterns" { "patterns since 7d" } else { noun.word };
            let drawn = table(&runner, &format!("{query} limit {ROWS}"), Layout::Lines { hint: "--expanded" }, &context);
            let header = drawn.lines().next().unwrap();
            assert!(!header.contains('…'), "{}: a column is narrower than its name\n{drawn}", noun.word);
            for line in drawn.lines() {
                assert!(get_string_width(line) <= width, "{} {width}\n{drawn}", noun.word);
            }
            text.push_str(&format!("{query}\n{drawn}\n"));
        }
        compare(&format!("{width}.txt"), &text);
    }
    let context = context(80);
    let runner = QueryRunner::new(&tables, &as_of(None, &global()), BTreeMap::new(), &context).unwrap();
    let query = "failures where kind = task limit 2";
    compare("expanded.txt", &format!("{query}\n{}", table(&runner, query, Layout::Expanded, &context)));
}

fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables").join(name);
    if std::env::var_os("ECS_AUDIT_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, golden, "{name} differs; ECS_AUDIT_BLESS=1 updates it");
}

#[test]
fn only_a_table_on_a_terminal_has_a_default_limit() {
    let terminal = context(80);
    let pipe = Context { width: None, ..context(80) };
    assert_eq!(default_rows(Format::Table, true, &terminal), Some(50));
    assert_eq!(default_rows(Format::Table, false, &terminal), None, "a file or a chart");
    assert_eq!(default_rows(Format::Table, true, &pipe), None);
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Table) {
        assert_eq!(default_rows(format, true, &terminal), None, "{format}");
    }
}
