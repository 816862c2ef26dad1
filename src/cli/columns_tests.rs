//! The columns that a question reads suffice for its answer: the same rows as from whole tables.

use super::args::{Cli, Command};
use super::open::open;
use super::query::options;
use super::settings::saved_texts;
use crate::app::{AppError, Dataset, QueryOptions, QueryRunner, callers_sql, columns_of_query};
use crate::context::Context;
use crate::engine::ProjectedTable;
use crate::lang::{self, ast};
use crate::nouns::NOUNS;
use crate::plan::Options;
use crate::render::{Format, Look, render};
use crate::run::{self, parallel_map};
use crate::table::{ColumnSet, Projection, Table, TableSet};
use arrow::record_batch::RecordBatch;
use clap::Parser;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn context() -> Context {
    Context {
        now: "2026-03-09T00:00:00Z".parse().unwrap(),
        tz: TimeZone::UTC,
        width: None,
        color: false,
        progress: false,
        threads: 2,
        memory: 1 << 30,
    }
}

/// A question, with the arguments of its command.
struct Question {
    text: String,
    query: ast::Query,
    options: QueryOptions,
}

impl Question {
    /// The question, unless its text is not a query.
    fn new(text: &str, more: &[String]) -> Option<Question> {
        let words = ["ecs-audit", "query", "--no-config", text].into_iter().chain(more.iter().map(String::as_str));
        let cli = Cli::try_parse_from(words).unwrap();
        let Some(Command::Query(arguments)) = cli.command else { panic!("{text} is not a query") };
        let saved = saved_texts(&arguments.set, &cli.global).unwrap();
        let options = options(&arguments, saved, &cli.global, &context());
        Some(Question { text: text.to_owned(), query: lang::parse(text).ok()?, options })
    }

    fn columns(&self) -> Option<Projection> {
        columns_of_query(&self.query, &self.text, &self.options, &context()).unwrap()
    }

    /// Its rows, or why there are none, and the notes that read records.
    fn answer(&self, tables: &Dataset) -> Result<String, AppError> {
        let context = context();
        self.options.limits.install(tables)?;
        let runner = QueryRunner::with_options(tables, &self.options, &context)?;
        let checked = runner.check(&self.query, &self.text)?;
        let options = Options { anchor: runner.anchor.time, evidence: self.options.evidence };
        let answer = runner.answer(&checked, &self.text, options.evidence)?;
        let mut bytes = Vec::new();
        render(Format::Ndjson, &answer, &Look::default(), &mut bytes).unwrap();
        let mut text = String::from_utf8(bytes).unwrap();
        if answer.rows() == 0 {
            let why = run::explain_empty(&tables.session, &checked, options, tables.first.zip(tables.last));
            text.push_str(&tables.runtime.block_on(why)?.join("\n"));
        }
        if let Some(callers) = callers_sql(&checked, options) {
            text.push_str(&format!("{:?}", tables.sql(&callers)?.batches));
        }
        Ok(text)
    }
}

/// All rows of the samples.
struct Samples {
    whole: Dataset,
    rows: BTreeMap<Table, Vec<RecordBatch>>,
}

impl Samples {
    fn new() -> Samples {
        let global = Cli::try_parse_from(["ecs-audit", "doctor", "--no-config"]).unwrap().global;
        let from = [PathBuf::from("samples/exports"), PathBuf::from("samples/oddities/one-bad-line.ndjson")];
        let whole = open(&from, true, TableSet::ALL, &global, &context()).unwrap();
        let of = |table: Table| whole.sql(&format!("select * from {}", table.name())).unwrap().batches;
        let rows = Table::ALL.iter().map(|table| (*table, of(*table))).collect();
        Samples { whole, rows }
    }

    /// The tables with some columns only.
    fn with(&self, columns: &Projection) -> Dataset {
        let mut tables = Dataset::empty(&context(), None, None).unwrap();
        (tables.first, tables.last) = (self.whole.first, self.whole.last);
        for table in Table::ALL {
            let kept = columns.of(*table);
            let places: Vec<usize> = kept.unwrap_or(ColumnSet::NONE).columns(*table).collect();
            let rows = self.rows[table].iter().map(|rows| rows.project(&places).unwrap());
            let rows = rows.filter(|_| kept.is_some()).collect();
            let projected = ProjectedTable::new(*table, kept, vec![rows]).unwrap();
            tables.session.register_table(table.name(), Arc::new(projected)).unwrap();
        }
        tables
    }
}

/// Each noun by itself, without rows, over time and with evidence, and the queries with known results.
fn questions() -> Vec<Question> {
    let mut questions = Vec::new();
    for noun in NOUNS.iter().map(|noun| noun.word) {
        // Without a window, there is nothing that patterns could be new in.
        let window = if noun == "patterns" { "since 7d" } else { "" };
        for clauses in ["limit 9", "where id = nothing", "every 1d"] {
            questions.extend(Question::new(&format!("{noun} {clauses} {window}"), &[]));
        }
        questions.extend(Question::new(&format!("{noun} since 3d"), &["--evidence".to_owned()]));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/queries");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "toml")) {
        let file: toml::Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
        for case in file["case"].as_array().unwrap() {
            let more = case.get("args").and_then(toml::Value::as_array).cloned().unwrap_or_default();
            let more: Vec<String> = more.iter().map(|word| word.as_str().unwrap().to_owned()).collect();
            questions.extend(Question::new(case["query"].as_str().unwrap(), &more));
        }
    }
    questions
}

#[test]
fn the_columns_of_a_question_suffice_for_its_answer() {
    let samples = Samples::new();
    let everything = Projection::from(TableSet::ALL);
    let questions = questions();
    let differences = parallel_map(2, &questions, |question| {
        let columns = question.columns()?;
        let [narrow, whole] = [&columns, &everything].map(|columns| match question.answer(&samples.with(columns)) {
            Ok(text) => text,
            Err(error) => error.to_string(),
        });
        Some((narrow != whole).then(|| format!("{}\n{narrow}\ninstead of\n{whole}", question.text)))
    });
    let known = differences.iter().flatten().count();
    assert!(known * 10 > questions.len() * 9, "the columns of {known} of {} questions are known", questions.len());
    let differences: Vec<&String> = differences.iter().flatten().flatten().collect();
    assert!(differences.is_empty(), "{differences:?}");
}

#[test]
fn a_question_keeps_few_columns() {
    let columns = |text: &str| Question::new(text, &[]).unwrap().columns().unwrap();
    let mut expected = Projection::default();
    expected.add(Table::Calls, ColumnSet::named(Table::Calls, &["event_source"]));
    assert_eq!(columns("calls by event_source"), expected);
    expected.add(Table::Calls, ColumnSet::named(Table::Calls, &["time", "user"]));
    assert_eq!(columns("calls where user = x by event_source since 7d"), expected);
    assert!(!columns("calls show id").has_originals());
    assert!(columns("calls show raw.eventName as name").has_originals());
    assert!(columns("schedules").has_originals(), "rules that were disabled are known from the original records");
    let whole = columns("calls show *").of(Table::Calls).unwrap();
    assert_eq!(whole.columns(Table::Calls).count(), Table::Calls.fields().len());
}

#[test]
fn a_query_with_a_mistake_keeps_what_its_suggestions_may_read() {
    assert_eq!(Question::new("failures by resaon", &[]).unwrap().columns(), None);
}
