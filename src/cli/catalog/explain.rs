//! `ecs-audit catalog explain`: shows which entry explains a message.

mod page;

use crate::app::AppError;
use crate::cli::args::CatalogExplain;
use crate::cli::output::{listing, print};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::knowledge::TextKind;
use crate::model::catalog::{FailureCatalog, Finding, filled_lines};
use crate::render::{Format, json_line};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, BufWriter, Write};

pub use page::{Page, category_of};

/// The maximum number of bytes read per line: messages are shorter, and are recognized by their beginning.
const LONGEST: u64 = 1 << 20;

/// Runs the command.
pub fn run(arguments: &CatalogExplain, context: &Context) -> Result<ExitCode, AppError> {
    let kind = arguments.kind.as_deref().and_then(TextKind::named);
    let catalog = FailureCatalog::current();
    let from_input = arguments.message == "-";
    match arguments.format {
        Some(Format::Ndjson) if from_input => answer_lines(catalog, kind)?,
        Some(Format::Ndjson) => write_line(&mut io::stdout().lock(), &object(catalog, kind, &arguments.message))?,
        None if !from_input => {
            let mut page = Page::new(context);
            print_page(&mut page, catalog, kind, &arguments.message);
            io::stdout().lock().write_all(page.text().as_bytes())?;
        }
        format => {
            let messages = if from_input { all_lines()? } else { vec![arguments.message.clone()] };
            let rows = messages.iter().map(|message| row(catalog, kind, message)).collect();
            let names = ["id", "phase", "class", "category", "retry", "confidence", "kind", "fields", "message"];
            print(&listing(&names, rows)?, format.unwrap_or(Format::Table), None, context)?;
        }
    }
    Ok(ExitCode::Ok)
}

/// Answers each line as soon as it is read.
fn answer_lines(catalog: &FailureCatalog, kind: Option<TextKind>) -> Result<(), AppError> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut input = BufReader::new(io::stdin().lock());
    while let Some(line) = next_line(&mut input)? {
        write_line(&mut out, &object(catalog, kind, &line))?;
        // An interactive caller waits for each answer.
        if input.buffer().is_empty() {
            out.flush()?;
        }
    }
    Ok(out.flush()?)
}

fn write_line(out: &mut impl Write, answer: &Option<Object<'_>>) -> Result<(), AppError> {
    writeln!(out, "{}", json_line(answer)?)?;
    Ok(())
}

fn all_lines() -> Result<Vec<String>, AppError> {
    let mut input = io::stdin().lock();
    let mut lines = Vec::new();
    while let Some(line) = next_line(&mut input)? {
        lines.push(line);
    }
    Ok(lines)
}

/// The next line, with invalid bytes replaced; a line that is too long is truncated.
fn next_line(input: &mut impl BufRead) -> Result<Option<String>, AppError> {
    let mut line = Vec::new();
    if io::Read::take(&mut *input, LONGEST).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() as u64 == LONGEST && !line.ends_with(b"\n") {
        input.skip_until(b'\n')?;
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned()))
}

/// The explanation of a message, for programs.
#[derive(Debug, Serialize)]
struct Object<'c> {
    id: &'c str,
    phase: Option<&'c str>,
    class: Option<&'c str>,
    category: Option<&'c str>,
    retry: Option<&'c str>,
    confidence: Option<&'c str>,
    fields: BTreeMap<String, String>,
    /// Only present if the message does not report a failure.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    benign: bool,
}

/// The explanation of a message; none if it is unknown.
fn object<'c>(catalog: &'c FailureCatalog, kind: Option<TextKind>, message: &str) -> Option<Object<'c>> {
    let of = |id| Object {
        id,
        phase: None,
        class: None,
        category: None,
        retry: None,
        confidence: None,
        fields: BTreeMap::new(),
        benign: false,
    };
    let found = catalog.look_into(kind, message);
    match found.finding {
        Finding::Unknown => None,
        Finding::Benign(_, id) => Some(Object { benign: true, ..of(id) }),
        Finding::Failure(read, entry) => Some(Object {
            phase: Some(read.phase_of(entry, &found.text)),
            class: entry.class.as_deref(),
            category: category_of(entry),
            retry: Some(&entry.retry),
            confidence: Some(&entry.confidence),
            fields: catalog.captures(entry, &found.text).into_iter().map(|(name, value)| (name, value.to_owned())).collect(),
            ..of(&entry.id)
        }),
    }
}

/// The explanation as cells.
fn row(catalog: &FailureCatalog, kind: Option<TextKind>, message: &str) -> Vec<String> {
    let found = catalog.look_into(kind, message);
    let mut cells = match found.finding {
        Finding::Unknown => vec!["unknown".to_owned()],
        Finding::Benign(read, id) => {
            let mut cells = vec![String::new(); 8];
            cells.splice(0..1, [format!("not a failure ({id})")]);
            cells.splice(6..7, [read.name().to_owned()]);
            cells
        }
        Finding::Failure(read, entry) => {
            let caught = catalog.captures(entry, &found.text);
            let fields: Vec<String> = caught.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            vec![
                entry.id.clone(),
                read.phase_of(entry, &found.text).to_owned(),
                entry.class.clone().unwrap_or_default(),
                category_of(entry).unwrap_or_default().to_owned(),
                entry.retry.clone(),
                entry.confidence.clone(),
                read.name().to_owned(),
                fields.join(", "),
            ]
        }
    };
    cells.resize(8, String::new());
    cells.push(message.to_owned());
    cells
}

/// Prints the explanation for people.
fn print_page(page: &mut Page, catalog: &FailureCatalog, kind: Option<TextKind>, message: &str) {
    let found = catalog.look_into(kind, message);
    match found.finding {
        Finding::Unknown => {
            page.title("unknown: no catalog entry explains this message");
            page.line("tried as", kind.map_or("every kind of text", TextKind::name));
            page.line("add a rule", "write a rule with this message as its example; `ecs-audit catalog test FILE` tests it");
        }
        Finding::Benign(read, id) => {
            page.title(&format!("not a failure: {id}"));
            page.line("kind of text", read.name());
        }
        Finding::Failure(read, entry) => {
            let fields = catalog.captures(entry, &found.text);
            page.title(&format!("{}: {}", entry.id, entry.name));
            page.line("means", &entry.cause);
            page.line("kind of text", read.name());
            if found.text != message.trim() {
                page.line("read as", &found.text);
            }
            page.answer(entry, read.phase_of(entry, &found.text));
            let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            page.lines("in the message", &pairs);
            page.lines("verify", &filled_lines(&entry.verify, &fields));
            page.lines("do", &filled_lines(&entry.actions, &fields));
        }
    }
}
