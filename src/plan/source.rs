//! The rows of a noun within the window of a query.

use std::collections::BTreeSet;

use datafusion::functions::expr_fn;
use datafusion::logical_expr::Expr;
use datafusion::prelude::{DataFrame, SessionContext};

use super::PlanError;
use super::evidence::Evidence;
use super::expression::{column, instant};
use super::rows::Rows;
use crate::lang::checked::{self, Checked, Column, Role, SortColumn, Stage, Window};
use crate::nouns::{EVIDENCE, Noun, ViewRequest};

/// All rows of a noun within a window, with plain column names.
pub async fn read(
    session: &SessionContext,
    noun: &Noun,
    need: ViewRequest,
    window: &Window,
    evidence: Evidence,
) -> Result<Rows, PlanError> {
    let view = view(session, noun, need).await?;
    let mut items = items(noun, need);
    if need.evidence {
        items.push(evidence.of(column(EVIDENCE)).alias(EVIDENCE));
    }
    let frame = view.select(items)?;
    let columns = noun.fields.iter().map(|field| Column { name: field.name.to_owned(), kind: field.kind, role: Role::Field });
    Ok(Rows {
        frame: if noun.is_level { in_force(frame, window)? } else { inside(frame, window)? },
        columns: columns.collect(),
        order: Vec::new(),
        identity: vec!["id".to_owned()],
        shares: BTreeSet::new(),
        evidence,
    })
}

/// The columns of a noun under plain names, and `raw` if it is requested.
pub(super) fn items(noun: &Noun, need: ViewRequest) -> Vec<Expr> {
    let mut names: Vec<&str> = noun.fields.iter().map(|field| field.name).collect();
    if need.raw && !names.contains(&"raw") {
        names.push("raw");
    }
    names.into_iter().map(|name| column(name).alias(name)).collect()
}

/// The rows of a view: the registered table with its evaluated rows, or its SQL.
async fn view(session: &SessionContext, noun: &Noun, need: ViewRequest) -> Result<DataFrame, PlanError> {
    let whole = (noun.view)(ViewRequest { peaks: false, ..need });
    let name = evaluated_name(&whole);
    if session.table_exist(name.as_str())? {
        return Ok(session.table(name.as_str()).await?);
    }
    let statement = if need.peaks { (noun.view)(need) } else { whole };
    Ok(session.sql(&statement).await?)
}

/// The table name for the rows of an evaluated view.
pub fn evaluated_name(statement: &str) -> String {
    format!("evaluated_{}", blake3::hash(statement.as_bytes()).to_hex())
}

/// A statement that reads the rows of evaluated views instead of computing them again.
pub fn with_evaluated(statement: &str, evaluated: &[String]) -> String {
    let read = |statement: String, view: &String| statement.replace(&format!("({view})"), &evaluated_name(view));
    evaluated.iter().fold(statement.to_owned(), read)
}

fn inside(mut frame: DataFrame, window: &Window) -> Result<DataFrame, PlanError> {
    if let Some(from) = window.from {
        frame = frame.filter(column("time").gt_eq(instant(from.as_microsecond())))?;
    }
    if let Some(to) = window.to {
        frame = frame.filter(column("time").lt(instant(to.as_microsecond())))?;
    }
    Ok(frame)
}

/// Levels within a window: a level that started earlier counts from the start of the window.
fn in_force(frame: DataFrame, window: &Window) -> Result<DataFrame, PlanError> {
    let mut frame = frame;
    if let Some(from) = window.from {
        let from = instant(from.as_microsecond());
        frame = frame.filter(column("ended_at").is_null().or(column("ended_at").gt(from.clone())))?;
        let items = frame.schema().fields().iter().map(|field| match field.name().as_str() {
            "time" => expr_fn::greatest(vec![column("time"), from.clone()]).alias("time"),
            name => column(name),
        });
        let items: Vec<Expr> = items.collect();
        frame = frame.select(items)?;
    }
    match window.to {
        Some(to) => Ok(frame.filter(column("time").lt(instant(to.as_microsecond())))?),
        None => Ok(frame),
    }
}

/// Whether a query reads the original records.
pub fn reads_raw(checked: &Checked) -> bool {
    checked.stages.iter().any(|stage| stage_reads(stage, &is_raw))
}

/// Whether a condition reads the original records.
pub fn filter_reads_raw(filter: Option<&checked::Pred>) -> bool {
    filter.is_some_and(|filter| filter.any(&is_raw))
}

/// Whether a query reads one of these columns, or passes on all columns to its answer.
pub fn reads(checked: &Checked, names: &[&str]) -> bool {
    if names.is_empty() {
        return false;
    }
    let is_one = |expr: &checked::Expr| is_field(expr, names);
    let sorts = |stage: &Stage| {
        stage.sort.iter().any(|key| matches!(&key.column, SortColumn::Input(field) if names.contains(&field.name.as_str())))
    };
    let mut shown = checked.stages.last().into_iter().flat_map(|stage| &stage.columns);
    checked.stages.iter().any(|stage| stage_reads(stage, &is_one) || sorts(stage))
        || shown.any(|column| names.contains(&column.name.as_str()))
}

/// Whether a condition reads one of these columns.
pub fn filter_reads(filter: Option<&checked::Pred>, names: &[&str]) -> bool {
    filter.is_some_and(|filter| filter.any(&|expr| is_field(expr, names)))
}

fn is_field(expr: &checked::Expr, names: &[&str]) -> bool {
    matches!(expr, checked::Expr::Field(field) if names.contains(&field.name.as_str()))
}

fn stage_reads(stage: &Stage, test: &dyn Fn(&checked::Expr) -> bool) -> bool {
    let mut exprs = stage.by.iter().map(|key| &key.expr).chain(stage.show.iter().map(|item| &item.expr));
    exprs.any(|expr| expr.any(test)) || stage.filter.as_ref().is_some_and(|filter| filter.any(test))
}

fn is_raw(expr: &checked::Expr) -> bool {
    matches!(expr, checked::Expr::Raw(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nouns;

    #[test]
    fn incidents_read_the_rows_of_the_nouns_that_they_are_computed_from() {
        let need = ViewRequest { anchor: 1, evidence: true, ..ViewRequest::default() };
        let view = |word: &str| (nouns::noun(word).unwrap().view)(need);
        let evaluated = ["launches", "schedules", "collisions", "stalls"].map(view);
        let statement = with_evaluated(&view("incidents"), &evaluated);
        for view in &evaluated {
            assert!(!statement.contains(view) && statement.contains(&format!("from {} ", evaluated_name(view))), "{view}");
        }
        assert_eq!(with_evaluated(&statement, &evaluated), statement);
    }
}
