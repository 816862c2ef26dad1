//! `ecs-audit show ID`: prints an original record and its source file.

use super::args::{Global, Show};
use super::notes::subject;
use super::open::open;
use super::stderr::say;
use super::stdout;
use crate::app::{AppError, Dataset, is_newest, known};
use crate::context::Context;
use crate::decode::json::{Tape, Value};
use crate::exit::ExitCode;
use crate::explain::SubjectKind;
use crate::lang::keyword::NOUNS;
use crate::render::{Schema, TextFormat};
use crate::table::{Table, TableSet};
use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use serde::Serialize;
use std::io::{self, Write};

/// Runs the command.
pub fn run(arguments: &Show, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let tables = open(&arguments.from, true, TableSet::ALL, global, context)?;
    print_record(&arguments.id, arguments.output.format, &tables)
}

/// Prints the record with an id.
pub fn print_record(id: &str, format: TextFormat, tables: &Dataset) -> Result<ExitCode, AppError> {
    let newest = match is_newest(id) {
        true => Some(subject(&tables.records(), id)?.name),
        false => None,
    };
    let record = find(newest.as_deref().unwrap_or(id), tables)?;
    match format {
        TextFormat::Text => print(&record)?,
        TextFormat::Json => {
            let tape = Tape::parse(&record.raw).ok();
            let document = Document {
                id: &record.id,
                table: record.table,
                file: &record.file,
                record: record.number.parse().ok(),
                original: tape.as_ref().map_or(Original::Text(&record.raw), |tape| Original::Json(tape.root())),
            };
            stdout::print_document(Schema::Record, &document)?;
        }
    }
    Ok(ExitCode::Ok)
}

/// The record with an id.
fn find(id: &str, tables: &Dataset) -> Result<Record, AppError> {
    let whole = id;
    // The id of a failure or container can have a suffix after the id of its record.
    let record = id.rsplit_once('#').map_or(id, |(record, _)| record);
    for id in [whole, record] {
        for table in Table::ALL.iter().filter(|table| table.fields().iter().any(|field| field.name == "raw")) {
            if let Some(found) = look(tables, *table, &format!("id = '{}'", quoted(id)))? {
                return Ok(found);
            }
        }
    }
    // A submission is part of the record of its run; a failure has the id of its record.
    let run = format!(
        "id in (select run_record from job_submissions where submission = '{0}' or id = '{0}' union all select record from failures where id = '{0}')",
        quoted(whole)
    );
    for table in [Table::RunRecords, Table::Calls, Table::TaskEvents, Table::InstanceEvents, Table::ServiceEvents] {
        if let Some(found) = look(tables, table, &run)? {
            return Ok(found);
        }
    }
    match begun(whole, tables)?.as_slice() {
        [] => {}
        // Only its record can be missing, and then the id itself is not found again.
        [only] if only != whole => return find(only, tables),
        ids => {
            let more = if ids.len() > LISTED { "\n  …" } else { "" };
            let list: Vec<String> = ids.iter().take(LISTED).map(|id| format!("  {id}")).collect();
            let list = list.join("\n");
            return Err(AppError::Sentence(format!(
                "several ids begin with `{whole}`; type more characters of one:\n{list}{more}"
            )));
        }
    }
    if NOUNS.iter().any(|noun| noun.word.eq_ignore_ascii_case(whole)) {
        return Err(AppError::Sentence(format!(
            "`show` prints one record by its id, and `{whole}` is a noun; to list them: `ecs-audit query {whole}`"
        )));
    }
    if let Some(found) = of_subject(whole, tables)? {
        return Ok(found);
    }
    let short = match whole.chars().count() < SHORTEST {
        true => format!("; the beginning of an id has at least {SHORTEST} characters"),
        false => String::new(),
    };
    Err(AppError::Sentence(format!(
        "no record has the id `{whole}`{short}; `--evidence` lists the ids behind each row of a query"
    )))
}

/// The newest record of what `explain` and `timeline` know by a name or the beginning of an id.
fn of_subject(name: &str, tables: &Dataset) -> Result<Option<Record>, AppError> {
    let Some(subject) = known(&tables.records(), name)? else { return Ok(None) };
    let (kind, whole) = (subject.kind.word(), subject.name.as_str());
    let places: &[(Table, &str)] = match subject.kind {
        // Their ids lead to records.
        SubjectKind::Failure | SubjectKind::Submission if whole != name => return find(whole, tables).map(Some),
        SubjectKind::Failure | SubjectKind::Submission => &[],
        SubjectKind::Task => &[(Table::TaskEvents, "task"), (Table::Calls, "task")],
        SubjectKind::Deployment => &[(Table::ServiceEvents, "deployment")],
        SubjectKind::Run => &[(Table::RunRecords, "run"), (Table::RunRecords, "run_id")],
        SubjectKind::Instance => &[(Table::InstanceEvents, "container_instance")],
        SubjectKind::Service | SubjectKind::Family | SubjectKind::Cluster | SubjectKind::Schedule => {
            return Err(AppError::Sentence(format!(
                "`{whole}` is a {kind}, not a record; `ecs-audit timeline {whole}` lists its records"
            )));
        }
    };
    for (table, column) in places {
        if let Some(found) = look(tables, *table, &format!("\"{column}\" = '{}'", quoted(whole)))? {
            say(&format!("note: the newest record of {kind} {whole}; `ecs-audit timeline {whole}` lists all"));
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The most ids with the same beginning that an error lists.
const LISTED: usize = 8;

/// The shortest beginning of an id that is looked for.
const SHORTEST: usize = 4;

/// The ids of records that begin with a text; one more than an error lists.
fn begun(start: &str, tables: &Dataset) -> Result<Vec<String>, AppError> {
    if start.chars().count() < SHORTEST {
        return Ok(Vec::new());
    }
    let with_originals = Table::ALL.iter().filter(|table| table.fields().iter().any(|field| field.name == "raw"));
    let ids: Vec<String> = with_originals
        .map(|table| format!("select id from {} where starts_with(id, '{}') and raw is not null", table.name(), quoted(start)))
        .collect();
    let statement = format!("select distinct id from ({}) t order by id limit {}", ids.join(" union all "), LISTED + 1);
    let look = crate::render::Look::default();
    let rows = crate::render::rows(&tables.sql(&statement)?)?;
    Ok(rows.iter().filter_map(|row| row.first()).map(|cell| cell.exact(&look)).collect())
}

struct Record {
    id: String,
    table: &'static str,
    file: String,
    number: String,
    raw: String,
}

fn look(tables: &Dataset, table: Table, condition: &str) -> Result<Option<Record>, AppError> {
    let statement = format!(
        "select id, file, record, raw from {} where ({condition}) and raw is not null \
         order by \"time\" desc, id, file, record limit 1",
        table.name()
    );
    let answer = tables.sql(&statement)?;
    let Some(batch) = answer.batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok(None) };
    let text = |index: usize| {
        let column = cast(batch.column(index), &DataType::Utf8).ok();
        column.map(|column| column.as_string::<i32>().iter().next().flatten().unwrap_or_default().to_owned()).unwrap_or_default()
    };
    Ok(Some(Record { id: text(0), table: table.name(), file: text(1), number: text(2), raw: text(3) }))
}

/// A record with its place, for programs.
#[derive(Serialize)]
struct Document<'r> {
    id: &'r str,
    table: &'static str,
    file: &'r str,
    record: Option<u64>,
    original: Original<'r>,
}

/// The original: JSON, or the text of a record that is not JSON.
#[derive(Serialize)]
#[serde(untagged)]
enum Original<'r> {
    Json(Value<'r>),
    Text(&'r str),
}

fn print(record: &Record) -> Result<(), AppError> {
    say(&format!("{}: record {} of {}", record.table, record.number, record.file));
    let pretty = Tape::parse(&record.raw).ok().and_then(|tape| serde_json::to_string_pretty(&tape.root()).ok());
    let pretty = pretty.unwrap_or_else(|| record.raw.clone());
    let mut out = io::stdout().lock();
    for line in pretty.lines() {
        writeln!(out, "{}", crate::render::visible(line))?;
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}
