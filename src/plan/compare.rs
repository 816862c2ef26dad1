//! `compare`: the groups of two windows side by side.
//!
//! Both windows are grouped in the same way. Then their groups are combined with a union, marked with their window,
//! and groups with equal keys are merged into one row. Missing keys are equal, and unlike a join, this cannot
//! multiply rows.

use datafusion::functions::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::{array_agg, max};
use datafusion::functions_nested::expr_fn::flatten;
use datafusion::logical_expr::{Expr, lit, when};
use datafusion::prelude::DataFrame;
use datafusion::scalar::ScalarValue;

use super::evidence::Evidence;
use super::expression::{arrow_type, cast, column, typed};
use super::group::{finish, groups};
use super::rows::Rows;
use super::{PlanError, StageContext};
use crate::lang::catalog::FieldType;
use crate::lang::checked::{self, Aggregate, Column, Item, Role, Stage};
use crate::nouns::EVIDENCE;

/// Marks the window of a group.
const SIDE: [&str; 2] = ["#now", "#before"];

/// The groups of a stage in this window and in the other one; the filter of the stage has been applied to both.
pub fn compare(now: Rows, before: Rows, stage: &Stage, context: &StageContext<'_>) -> Result<Rows, PlanError> {
    let evidence = now.evidence;
    let columns = plain_columns(stage);
    let keys = stage.by.len();
    let mut sides = Vec::with_capacity(2);
    for (side, rows) in [now, before].into_iter().enumerate() {
        sides.push(marked(groups(rows, stage, &columns, context)?.frame, &columns, keys, side, evidence)?);
    }
    let [now, before] =
        <[DataFrame; 2]>::try_from(sides).map_err(|_| PlanError::Unchecked("`compare` requires two windows".into()))?;
    let frame = now.union(before)?;

    let group_by: Vec<Expr> = columns.iter().take(keys).map(|key| column(&key.name)).collect();
    let mut merged: Vec<Expr> = SIDE.iter().map(|mark| max(column(mark)).alias(*mark)).collect();
    for (index, _) in stage.show.iter().enumerate() {
        merged.extend([0, 1].map(|side| max(column(&value(side, index))).alias(value(side, index))));
    }
    if evidence.wanted() {
        merged.push(array_agg(column(EVIDENCE)).alias(EVIDENCE));
    }
    let frame = frame.aggregate(group_by, merged)?;

    let mut values: Vec<Expr> = columns.iter().take(keys).map(|key| column(&key.name)).collect();
    for (index, item) in stage.show.iter().enumerate() {
        let [now, before] = [0, 1].map(|side| counted(item, column(&value(side, index))));
        values.extend([now.clone(), before.clone()]);
        if matches!(item.kind, FieldType::Int | FieldType::Float | FieldType::Duration) {
            values.push(now - before);
        }
    }
    values.push(if stage.comparable {
        when(column(SIDE[0]).is_null(), lit("gone")).when(column(SIDE[1]).is_null(), lit("new")).end()?
    } else {
        typed(lit(ScalarValue::Null), FieldType::Text)
    });
    let mut output: Vec<Expr> = values
        .into_iter()
        .zip(&stage.columns)
        .map(|(value, column)| cast(value, arrow_type(column.kind)).alias(&column.name))
        .collect();
    if evidence.wanted() {
        output.push(evidence.of(flatten(column(EVIDENCE))).alias(EVIDENCE));
    }
    let keys: Vec<String> = columns.iter().take(keys).map(|key| key.name.clone()).collect();
    finish(frame.select(output)?, stage, stage.columns.clone(), &keys, evidence)
}

/// The columns of the stage without `compare`.
fn plain_columns(stage: &Stage) -> Vec<Column> {
    let keys = stage.by.iter().map(|key| Column { name: key.name.clone(), kind: key.kind, role: Role::Key });
    let items = stage.show.iter().map(|item| Column { name: item.name.clone(), kind: item.kind, role: Role::Measure });
    keys.chain(items).collect()
}

/// The name of the value of an item in one of the windows.
fn value(side: usize, index: usize) -> String {
    format!("#{side}v{index}")
}

/// The groups of one window, with the columns of both.
fn marked(frame: DataFrame, columns: &[Column], keys: usize, side: usize, evidence: Evidence) -> Result<DataFrame, PlanError> {
    let mut items: Vec<Expr> = columns.iter().take(keys).map(|key| column(&key.name)).collect();
    let nothing = || lit(ScalarValue::Null);
    for (index, mark) in SIDE.iter().enumerate() {
        let here = if index == side { lit(true) } else { typed(nothing(), FieldType::Bool) };
        items.push(here.alias(*mark));
    }
    for (index, item) in columns.iter().skip(keys).enumerate() {
        for of in [0, 1] {
            let here = if of == side { column(&item.name) } else { nothing() };
            items.push(cast(here, arrow_type(item.kind)).alias(value(of, index)));
        }
    }
    if evidence.wanted() {
        items.push(column(EVIDENCE));
    }
    Ok(frame.select(items)?)
}

/// The counts of a missing group are zero.
fn counted(item: &Item, value: Expr) -> Expr {
    use Aggregate::{Count, Distinct, Share, Sum};
    // All measures of nouns are counts or sums.
    let counts = matches!(
        item.expr,
        checked::Expr::Aggregate { function: Count | Distinct | Share | Sum, .. } | checked::Expr::Measure { .. }
    );
    let none = cast(lit(0i64), arrow_type(item.kind));
    if counts { coalesce(vec![value, none]) } else { value }
}
