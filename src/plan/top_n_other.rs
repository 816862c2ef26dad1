//! `top` and `bottom` with `every`: selects whole groups and merges the others into an `(other)` group.
//!
//! The groups are ranked over the whole window first. Then the rows of the other groups get the key `(other)` before
//! they are divided into buckets, so that all measures of `(other)` are correct, including averages and percentiles.

use datafusion::common::{Column as ColumnName, NullEquality};
use datafusion::logical_expr::{Expr, JoinType, LogicalPlanBuilder, lit, when};
use datafusion::prelude::DataFrame;

use super::PlanError;
use super::aggregate::{Aggregates, TOTAL, key_name};
use super::expression::{arrow_type, cast, column};
use super::rank::first_of;
use super::rows::Order;
use crate::lang::catalog::FieldType;
use crate::lang::checked::{Column, Limit, Ranking, Role, Stage};

/// The hidden key that distinguishes the `(other)` group from rows with missing keys.
pub const OTHER: &str = "#other";

/// The key text of the `(other)` group.
const WORD: &str = "(other)";

/// The ranking of a limit that merges groups, and whether it keeps the largest.
pub fn folding(limit: &Limit) -> Option<(Ranking, bool)> {
    match limit {
        Limit::Top(ranking) => Some((*ranking, true)),
        Limit::Bottom(ranking) => Some((*ranking, false)),
        Limit::Rows(_) => None,
    }
}

/// The keys that become `(other)`: all except the one of `per`.
fn folded(stage: &Stage, per: Option<usize>) -> Vec<bool> {
    let first_key = usize::from(stage.every.is_some());
    (0..stage.by.len()).map(|index| per != Some(index + first_key)).collect()
}

/// The columns, with keys that can contain `(other)` as text.
pub fn as_text(mut columns: Vec<Column>, per: Option<usize>) -> Vec<Column> {
    for (index, column) in columns.iter_mut().enumerate() {
        if column.role == Role::Key && per != Some(index) {
            column.kind = FieldType::Text;
        }
    }
    columns
}

/// Rows in which the keys of unselected groups are replaced, and [`OTHER`] marks them.
pub fn fold(
    frame: DataFrame,
    stage: &Stage,
    aggregates: &Aggregates<'_>,
    items: &[Expr],
    (ranking, largest): (Ranking, bool),
    text: bool,
) -> Result<DataFrame, PlanError> {
    let chosen = chosen(frame.clone(), stage, aggregates, items, (ranking, largest))?;
    let names: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    let folded = folded(stage, ranking.per);
    let on = |name: fn(usize) -> String| -> Vec<ColumnName> {
        (0..stage.by.len()).map(|index| ColumnName::new_unqualified(name(index))).collect()
    };
    let (state, plan) = frame.into_parts();
    let joined = LogicalPlanBuilder::from(plan)
        .join_detailed(
            chosen.into_unoptimized_plan(),
            JoinType::Left,
            (on(key_name), on(chosen_name)),
            None,
            NullEquality::NullEqualsNull,
        )?
        .build()?;
    let mut items = Vec::with_capacity(names.len() + 1);
    for name in &names {
        let key = (0..stage.by.len()).find(|index| key_name(*index) == *name);
        items.push(match key.filter(|index| folded.get(*index) == Some(&true)) {
            Some(index) => other_key(stage, index, text)?.alias(name),
            None => column(name),
        });
    }
    items.push(column("#chosen").is_null().alias(OTHER));
    Ok(DataFrame::new(state, joined).select(items)?)
}

fn chosen_name(index: usize) -> String {
    format!("#r{index}")
}

/// A key, or `(other)`; missing if the column has a type that cannot contain the text.
fn other_key(stage: &Stage, index: usize, text: bool) -> Result<Expr, PlanError> {
    let key = column(&key_name(index));
    let is_text = stage.by.get(index).is_some_and(|key| key.kind == FieldType::Text);
    let kept = column("#chosen").is_not_null();
    if !text && !is_text {
        return Ok(when(kept, key).end()?);
    }
    let word = cast(lit(WORD), arrow_type(FieldType::Text));
    Ok(when(kept, cast(key, arrow_type(FieldType::Text))).otherwise(word)?)
}

/// The keys of the selected groups, as `#r0`, …, with `#chosen`.
fn chosen(
    frame: DataFrame,
    stage: &Stage,
    aggregates: &Aggregates<'_>,
    items: &[Expr],
    (ranking, largest): (Ranking, bool),
) -> Result<DataFrame, PlanError> {
    let keys: Vec<String> = (0..stage.by.len()).map(key_name).collect();
    let computed: Vec<Expr> = aggregates.calls.iter().map(|call| call.expr.clone().alias(&call.name)).collect();
    let mut groups = frame.aggregate(keys.iter().map(|key| column(key)).collect(), computed)?;
    if aggregates.counted.is_some() {
        // A share ranks like its count.
        let fields = groups.schema().fields();
        let mut all: Vec<Expr> = fields.iter().map(|field| column(field.name())).collect();
        all.push(lit(1_i64).alias(TOTAL));
        groups = groups.select(all)?;
    }
    let first_key = usize::from(stage.every.is_some());
    let first_item = first_key + stage.by.len();
    let measure = ranking.measure.checked_sub(first_item).and_then(|index| items.get(index));
    let Some(measure) = measure else {
        return Err(PlanError::Unchecked("the column to rank by is not a measure".into()));
    };
    let mut columns: Vec<Expr> = keys.iter().enumerate().map(|(index, key)| column(key).alias(chosen_name(index))).collect();
    columns.push(measure.clone().alias("#measure"));
    let per: Vec<String> = ranking.per.and_then(|per| per.checked_sub(first_key)).map(chosen_name).into_iter().collect();
    let mut order = vec![Order { name: "#measure".to_owned(), descending: largest }];
    order.extend((0..keys.len()).map(chosen_name).map(Order::ascending));
    let kept = first_of(groups.select(columns)?, &per, &order, ranking.rows)?;
    let mut output: Vec<Expr> = (0..keys.len()).map(|index| column(&chosen_name(index))).collect();
    output.push(lit(true).alias("#chosen"));
    Ok(kept.select(output)?)
}
