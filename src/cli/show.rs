//! `ecs-audit show ID`: prints an original record and its source file.

use super::args::{Global, Show};
use super::ask::Tables;
use super::say::{Failure, say};
use crate::context::Context;
use crate::decode::json::Tape;
use crate::exit::ExitCode;
use crate::table::{Table, TableSet};
use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use std::io::{self, Write};

/// Runs the command.
pub fn run(arguments: &Show, global: &Global, context: &Context) -> Result<ExitCode, Failure> {
    let tables = Tables::open(&arguments.from, true, TableSet::ALL, global, context)?;
    print_record(&arguments.id, &tables)
}

/// Prints the record with an id.
pub fn print_record(id: &str, tables: &Tables) -> Result<ExitCode, Failure> {
    let whole = id;
    // The id of a failure or container can have a suffix after the id of its record.
    let record = id.rsplit_once('#').map_or(id, |(record, _)| record);
    for id in [whole, record] {
        for table in Table::ALL.iter().filter(|table| table.fields().iter().any(|field| field.name == "raw")) {
            if let Some(found) = look(tables, *table, &format!("id = '{}'", quoted(id)))? {
                return print(&found);
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
            return print(&found);
        }
    }
    Err(Failure::Sentence(format!("no record has the id `{}`; `--evidence` lists the ids behind each row of a query", whole)))
}

struct Record {
    table: &'static str,
    file: String,
    number: String,
    raw: String,
}

fn look(tables: &Tables, table: Table, condition: &str) -> Result<Option<Record>, Failure> {
    let statement = format!(
        "select file, record, raw from {} where ({condition}) and raw is not null order by \"time\" desc, id, file, record limit 1",
        table.name()
    );
    let answer = tables.sql(&statement)?;
    let Some(batch) = answer.batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok(None) };
    let text = |index: usize| {
        let column = cast(batch.column(index), &DataType::Utf8).ok();
        column.map(|column| column.as_string::<i32>().iter().next().flatten().unwrap_or_default().to_owned()).unwrap_or_default()
    };
    Ok(Some(Record { table: table.name(), file: text(0), number: text(1), raw: text(2) }))
}

fn print(record: &Record) -> Result<ExitCode, Failure> {
    say(&format!("{}: record {} of {}", record.table, record.number, record.file));
    let pretty = Tape::parse(&record.raw)
        .and_then(|tape| serde_json::to_string_pretty(&tape.root()))
        .unwrap_or_else(|_| record.raw.clone());
    let mut out = io::stdout().lock();
    for line in pretty.lines() {
        writeln!(out, "{}", crate::render::visible(line))?;
    }
    Ok(ExitCode::Ok)
}

fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}
