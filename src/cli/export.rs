//! `ecs-audit store export`: writes the rows of nouns to files for other tools.

use super::args::{Export, Global};
use super::open::open;
use super::progress::Working;
use super::settings::limits;
use super::stderr::say;
use super::{destination, stdout};
use crate::answer::{Answer, AnswerWindow, Column};
use crate::app::{AppError, Dataset};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::nouns::{NOUNS, Noun, ViewRequest, ZoneName};
use crate::plan::{noun_rows, order_of};
use crate::plural;
use crate::render::{Format, Look, Schema, render};
use crate::run::{self, RunError};
use crate::table::TableSet;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::StreamExt;
use indicatif::HumanCount;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Runs the command.
pub fn run(arguments: &Export, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let nouns = chosen(&arguments.nouns)?;
    let tables = open(&[], arguments.raw, TableSet::ALL, global, context)?;
    limits(&arguments.limits, global).install(&tables)?;
    let folder = &arguments.folder;
    let io = |error: std::io::Error| AppError::Sentence(format!("`{}`: {error}", folder.display()));
    destination::refuse_store(folder)?;
    destination::refuse_file_name(folder, |stem| {
        let file = folder.display();
        format!(
            "one file per noun: `ecs-audit store export {stem} --format csv`; one noun: `ecs-audit query failures --out {file}`"
        )
    })?;
    std::fs::create_dir_all(folder).map_err(io)?;
    let need = ViewRequest {
        anchor: tables.last.unwrap_or(context.now).as_microsecond(),
        raw: arguments.raw,
        extra: true,
        zone: ZoneName::of(&context.tz),
        ..ViewRequest::default()
    };
    let mut written = Vec::new();
    for noun in nouns {
        // Only nouns whose rows are records have original records.
        let need = ViewRequest { raw: need.raw && noun.fields.iter().any(|field| field.name == "raw"), ..need };
        let path = folder.join(format!("{}.{}", noun.word, arguments.format));
        let working = Working::on("exporting", context);
        working.done(|| noun.word.to_owned());
        let rows = tables.runtime.block_on(write(noun, need, arguments.format, &path, &tables, context))?;
        drop(working);
        if !global.quiet {
            say(&format!("wrote {} {} to {}", HumanCount(rows), plural::word(rows, "row", "rows"), path.display()));
        }
        written.push(Written { noun: noun.word, file: path.display().to_string(), rows });
    }
    if arguments.json {
        let folder = folder.display().to_string();
        stdout::print_document(Schema::StoreExport, &Document { folder, format: arguments.format.name(), files: written })?;
    }
    Ok(ExitCode::Ok)
}

/// What was written, for programs.
#[derive(Serialize)]
struct Document {
    folder: String,
    format: &'static str,
    files: Vec<Written>,
}

/// A file with the rows of a noun.
#[derive(Serialize)]
struct Written {
    noun: &'static str,
    file: String,
    rows: u64,
}

fn chosen(words: &[String]) -> Result<Vec<&'static Noun>, AppError> {
    if words.is_empty() {
        return Ok(NOUNS.iter().collect());
    }
    let known = |word: &String| {
        let noun = NOUNS.iter().find(|noun| noun.word == word);
        noun.ok_or_else(|| {
            let all: Vec<&str> = NOUNS.iter().map(|noun| noun.word).collect();
            AppError::Sentence(format!("unknown noun `{word}`: expected {}", all.join(", ")))
        })
    };
    words.iter().map(known).collect()
}

async fn write(
    noun: &Noun,
    need: ViewRequest,
    format: Format,
    path: &Path,
    tables: &Dataset,
    context: &Context,
) -> Result<u64, AppError> {
    let rows = noun_rows(&tables.session, noun, need).await.map_err(RunError::from)?;
    let rows = rows.sort(order_of(noun)).map_err(RunError::from)?;
    let columns = run::frame_columns(&rows);
    let stream = rows.execute_stream().await.map_err(RunError::from)?;
    let out = BufWriter::new(destination::create(path)?);
    if format.is_binary() { parquet(stream, out).await } else { text(stream, columns, format, out, context).await }
}

async fn parquet(mut stream: SendableRecordBatchStream, out: BufWriter<File>) -> Result<u64, AppError> {
    let failed = |error: parquet::errors::ParquetError| AppError::Sentence(error.to_string());
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(out, stream.schema(), Some(properties)).map_err(failed)?;
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(RunError::from)?;
        rows += batch.num_rows() as u64;
        writer.write(&batch).map_err(failed)?;
    }
    writer.close().map_err(failed)?;
    Ok(rows)
}

/// Writes batch by batch, because the output may be larger than memory.
async fn text(
    mut stream: SendableRecordBatchStream,
    columns: Vec<Column>,
    format: Format,
    mut out: BufWriter<File>,
    context: &Context,
) -> Result<u64, AppError> {
    let look = Look { tz: context.tz.clone(), ..Look::default() };
    let mut answer = Answer {
        query: String::new(),
        columns,
        schema: stream.schema(),
        batches: Vec::new(),
        window: AnswerWindow::default(),
        spark: false,
    };
    let mut rows = 0;
    let mut is_first = true;
    loop {
        let next = stream.next().await;
        if next.is_none() && !is_first {
            break;
        }
        answer.batches = next.transpose().map_err(RunError::from)?.into_iter().collect();
        rows += answer.rows() as u64;
        let mut rendered = Vec::new();
        render(format, &answer, &look, &mut rendered)?;
        // Write the CSV header only once. Column names contain no line breaks.
        let names = if is_first || format != Format::Csv {
            0
        } else {
            rendered.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1)
        };
        out.write_all(rendered.get(names..).unwrap_or(&[]))?;
        is_first = false;
    }
    out.flush()?;
    Ok(rows)
}
