//! Notes about results and names, on standard error.

use super::stderr::{say, say_note, say_raw};
use crate::answer::Answer;
use crate::app::{self, AppError, Callers, Dataset, callers, tables_behind};
use crate::explain::{Records, Subject};
use crate::lang::{Checked, ast};
use crate::plan::Options;
use crate::render::visible;
use crate::run;
use crate::table::Table;

/// Finds what a name means, and prints what a reader should know about the choice.
pub fn subject(records: &Records<'_>, name: &str) -> Result<Subject, AppError> {
    let resolved = app::subject(records, name)?;
    resolved.note.iter().for_each(say_note);
    Ok(resolved.subject)
}

/// Prints additional notes on standard error.
pub fn after(answer: &Answer, checked: &Checked, tables: &Dataset, options: Options) {
    if answer.rows() == 0 {
        let loaded = tables.first.zip(tables.last);
        let why = run::explain_empty(&tables.session, checked, options, loaded);
        let lines = tables.runtime.block_on(why).unwrap_or_default();
        let mut text = "note: no rows".to_owned();
        for line in lines {
            text.push_str(&format!("\n  = {}", visible(&line)));
        }
        if tables.first.is_none() {
            text.push_str("\n  = no records were read at all; `ecs-audit load PATH` reports what it found in each file");
        }
        say_raw(&text);
    }
    if let Some(Callers { regular, irregular }) = callers(tables, checked, options) {
        say(&format!(
            "note: {regular} callers follow a schedule; {irregular} do not, so no starts are expected of them \
             (`launches where not regular by cluster, family, started_by` lists them)"
        ));
    }
    if let Some(limit) = checked.default_limit.filter(|limit| answer.rows() >= *limit as usize) {
        say(&format!("note: showing the newest {limit} rows; `limit all` shows all, --out FILE writes all"));
    }
}

/// Rows are classified when they are loaded, so later changes of the catalog do not apply to them.
pub fn note_catalog(query: &ast::Query, tables: &Dataset) {
    let classified = [Table::Failures, Table::TaskEvents, Table::ServiceEvents, Table::JobSubmissions];
    let asked = tables_behind(query, false);
    if tables.classified_by_others > 0 && classified.into_iter().any(|table| asked.contains(table)) {
        say(&format!(
            "note: {} records were loaded with another version of the failure catalog or with other rules; \
             `ecs-audit store reclassify` updates them",
            tables.classified_by_others
        ));
    }
}
