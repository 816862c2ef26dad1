//! Writes results: to a terminal, a pipe or a file, in one of the output formats.

use super::args::Asking;
use super::destination;
use crate::answer::{Answer, AnswerWindow, Column, ColumnKind};
use crate::app::AppError;
use crate::context::Context;
use crate::lang::Query;
use crate::lang::checked::DEFAULT_ROWS;
use crate::plural;
use crate::render::{Format, Layout, Look, RANK, render};
use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use indicatif::HumanCount;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

/// The requested format: by name, or by the file extension; table by default.
pub fn format_of(asking: &Asking) -> Format {
    let by_name = asking.out.as_deref().and_then(Format::for_file);
    asking.format.or(by_name).unwrap_or(Format::Table)
}

/// Formats of other programs, which people name after `-o`.
const OTHER_FORMATS: &[&str] =
    &["yaml", "yml", "wide", "name", "tsv", "xml", "text", "txt", "pretty", "jsonpath", "excel", "xlsx"];

/// Refuses a file that cannot be written or whose extension names no format, before the query runs.
pub fn check_out(asking: &Asking) -> Result<(), AppError> {
    if let Some(path) = asking.out.as_deref() {
        destination::check(path)?;
    }
    let Some(path) = asking.out.as_deref().filter(|path| asking.format.is_none() && Format::for_file(path).is_none()) else {
        return Ok(());
    };
    let name = path.display().to_string();
    // `-o json` chooses a format in other programs.
    if let Ok(format) = name.parse::<Format>() {
        return Err(AppError::Sentence(format!(
            "`--out {name}` names a file; `--format {format}` chooses the format, and `--out FILE.{name}` writes to a file"
        )));
    }
    // `-o yaml`, `-o wide`.
    if OTHER_FORMATS.contains(&name.to_lowercase().as_str()) {
        let names = Format::ALL.map(Format::name).join(", ");
        return Err(AppError::Sentence(format!(
            "`--out {name}` names a file, and `{name}` is not a format; `--format` chooses one of {names}, and `--expanded` shows wide rows"
        )));
    }
    let Some(extension) = path.extension() else { return Ok(()) };
    let extension = extension.to_string_lossy().to_lowercase();
    let stem = path.with_extension("").display().to_string();
    let instead = match extension.as_str() {
        "xls" | "xlsx" | "ods" | "tsv" => format!("spreadsheets open CSV: `--out {stem}.csv`"),
        "pdf" | "doc" | "docx" => format!("a browser can print HTML: `--out {stem}.html`"),
        "log" | "out" | "text" => format!("`--out {stem}.txt` writes a table"),
        _ => format!("`--format FORMAT` chooses one, or `--out {stem}.csv`"),
    };
    Err(AppError::Sentence(format!(
        "`{name}`: `.{extension}` is not the extension of an output format; {instead}\nextensions: txt, csv, json, ndjson, md, html, parquet"
    )))
}

/// Writes a result to the requested destination in the requested format; `long` values do not fit into the rows of a terminal.
pub fn deliver(answer: &Answer, asking: &Asking, long: bool, shown: Shown, context: &Context) -> Result<(), AppError> {
    let format = format_of(asking);
    if format.is_binary() && asking.out.is_none() && context.width.is_some() {
        return Err(AppError::Sentence(format!("cannot print {format} on a terminal; write it to a file with --out FILE")));
    }
    if asking.expanded && format != Format::Table {
        return Err(AppError::Sentence(format!("--expanded lays out tables, not {format}; leave out one of the two")));
    }
    let expanded = asking.expanded || (long && context.width.is_some());
    let layout = if expanded { Layout::Expanded } else { Layout::Lines { hint: shown.hint() } };
    write(answer, format, asking.out.as_deref(), layout, context)
}

/// Which fields an answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Those that the query names, or those that are shown by default: `show *` shows more.
    Chosen,
    /// All that there are.
    All,
}

impl Shown {
    /// What a query shows.
    pub fn of(query: &Query) -> Shown {
        // Groups have no other fields.
        let grouped = query.stages.iter().any(|stage| !stage.by.is_empty() || stage.every.is_some());
        let all = grouped || query.stages.last().is_some_and(|stage| stage.all_columns.is_some());
        if all { Shown::All } else { Shown::Chosen }
    }

    /// How to see the columns that a table has no place for.
    fn hint(self) -> &'static str {
        match self {
            Shown::Chosen => "--expanded shows them, `show *` all fields",
            Shown::All => "--expanded shows them",
        }
    }
}

/// Prints a list whose texts are not shortened.
pub fn print(answer: &Answer, format: Format, out: Option<&Path>, context: &Context) -> Result<(), AppError> {
    write(answer, format, out, LIST, context)
}

/// The layout of lists.
pub const LIST: Layout = Layout::Wrapped { hint: "a wider terminal or --json shows them" };

/// How results look on this terminal.
pub fn look(layout: Layout, context: &Context) -> Look {
    Look { width: context.width, color: context.color, tz: context.tz.clone(), layout }
}

fn write(answer: &Answer, format: Format, out: Option<&Path>, layout: Layout, context: &Context) -> Result<(), AppError> {
    match out {
        None => {
            let look = look(layout, context);
            let mut out = BufWriter::new(io::stdout().lock());
            render(format, answer, &look, &mut out)?;
            out.flush()?;
        }
        Some(path) => {
            let look = Look { width: None, color: false, ..look(layout, context) };
            let mut out = BufWriter::new(destination::create(path)?);
            render(format, answer, &look, &mut out)?;
            out.flush()?;
        }
    }
    Ok(())
}

/// Rows of texts as a result; missing cells are empty. A narrow table leaves out columns from the right.
pub fn listing(names: &[&str], rows: Vec<Vec<String>>) -> Result<Answer, AppError> {
    ranked_listing(names, &[], rows)
}

/// As [`listing`]; a narrow table leaves out the columns `first` first, in their order.
pub fn ranked_listing(names: &[&str], first: &[&str], rows: Vec<Vec<String>>) -> Result<Answer, AppError> {
    let field = |name: &&str| {
        let field = Field::new(*name, DataType::Utf8, false);
        match first.iter().position(|other| other == name) {
            None => field,
            // The other ranks are positions.
            Some(place) => field.with_metadata([(RANK.to_owned(), (usize::from(u8::MAX) - place).to_string())].into()),
        }
    };
    let schema = Arc::new(Schema::new(names.iter().map(field).collect::<Vec<_>>()));
    let column = |index: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.get(index).map_or("", String::as_str))))
    };
    let batch = RecordBatch::try_new(Arc::clone(&schema), (0..names.len()).map(column).collect())
        .map_err(|error| AppError::Sentence(error.to_string()))?;
    Ok(Answer {
        query: String::new(),
        columns: names.iter().map(|name| Column { name: (*name).to_owned(), kind: ColumnKind::Text }).collect(),
        schema,
        batches: vec![batch],
        window: AnswerWindow::default(),
        spark: false,
    })
}

/// The report about a file with a result.
pub fn written(answer: &Answer, out: &Path) -> String {
    let rows = plural::word(answer.rows(), "row", "rows");
    format!("wrote {} {rows} to {}", HumanCount(answer.rows() as u64), out.display())
}

/// The default number of rows: a table on a terminal shows the newest few, everything else gets all rows.
pub fn default_rows(format: Format, shown: bool, context: &Context) -> Option<u32> {
    (shown && format == Format::Table && context.width.is_some()).then_some(DEFAULT_ROWS)
}

/// The chart of a result.
pub fn chart(answer: &Answer, look: &Look) -> Result<String, AppError> {
    let drawn = crate::render::chart(answer, look)?;
    drawn.ok_or_else(|| {
        let works = "a chart draws groups, such as `failures by reason` or `failures every 1h`";
        AppError::Sentence(format!("nothing to draw: {works}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_of_a_table_suggests_nothing_that_was_asked_for() {
        for (text, shown) in [
            ("failures", Shown::Chosen),
            ("failures show time, reason", Shown::Chosen),
            ("failures show *", Shown::All),
            ("failures by reason | where count > 1", Shown::All),
            ("failures by reason", Shown::All),
            ("failures every 1h", Shown::All),
        ] {
            assert_eq!(Shown::of(&crate::lang::parse(text).unwrap()), shown, "{text}");
        }
        assert!(!Shown::All.hint().contains("show *"));
    }
}
