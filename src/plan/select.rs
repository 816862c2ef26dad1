//! A stage without groups: selects, sorts and limits rows.

use std::collections::BTreeSet;

use datafusion::logical_expr::Expr;
use jiff::tz::TimeZone;

use super::PlanError;
use super::expression::{column, lower_row, typed};
use super::rank;
use super::rows::{Order, Rows};
use crate::lang::checked::{self, Limit, SortColumn, Stage};
use crate::nouns::EVIDENCE;

/// The rows of an ungrouped stage whose filter has been applied.
pub fn select(input: Rows, stage: &Stage, tz: &TimeZone) -> Result<Rows, PlanError> {
    let mut items = shown(&input, stage, tz)?;
    let order = carried_order(&input, stage, &mut items);
    let identity = carried_identity(&input, &mut items);
    if input.evidence.wanted() {
        items.push(column(EVIDENCE));
    }
    let rows = Rows {
        frame: input.frame.clone().select(items)?,
        columns: stage.columns.clone(),
        order,
        identity,
        shares: shares(&input, stage),
        evidence: input.evidence,
    };
    match stage.limit {
        None => Ok(rows),
        Some(Limit::Rows(count)) => rows.cut(Some(count)),
        Some(Limit::Top(ranking)) => rank::keep(rows, ranking, true),
        Some(Limit::Bottom(ranking)) => rank::keep(rows, ranking, false),
    }
}

fn shown(input: &Rows, stage: &Stage, tz: &TimeZone) -> Result<Vec<Expr>, PlanError> {
    if stage.show.is_empty() {
        return Ok(input.columns.iter().map(|known| column(&known.name)).collect());
    }
    let item = |item: &checked::Item| Ok(typed(lower_row(&item.expr, tz)?, item.kind).alias(&item.name));
    stage.show.iter().map(item).collect()
}

/// The sort keys as columns of the output; keys that are not shown are hidden columns.
fn carried_order(input: &Rows, stage: &Stage, items: &mut Vec<Expr>) -> Vec<Order> {
    let hide = |index: usize, name: &str, items: &mut Vec<Expr>| carried(items, name, format!("#s{index}"));
    if stage.sort.is_empty() {
        let inherited = input.order.iter().enumerate();
        return inherited
            .map(|(index, order)| Order { name: hide(index, &order.name, items), descending: order.descending })
            .collect();
    }
    let keys = stage.sort.iter().enumerate();
    keys.filter_map(|(index, key)| {
        let name = match &key.column {
            SortColumn::Output(output) => stage.columns.get(*output)?.name.clone(),
            SortColumn::Input(field) => hide(index, &field.name, items),
        };
        Some(Order { name, descending: key.descending })
    })
    .collect()
}

/// The columns that distinguish rows.
fn carried_identity(input: &Rows, items: &mut Vec<Expr>) -> Vec<String> {
    let names = input.identity.iter().enumerate();
    names.map(|(index, name)| carried(items, name, format!("#t{index}"))).collect()
}

/// The name in the output of a column of the input, which is added as a hidden column only if the output does not have it: the
/// engine rejects plans that sort the rows of a union by two names of one column.
fn carried(items: &mut Vec<Expr>, name: &str, hidden: String) -> String {
    if let Some(known) = items.iter().find_map(|item| name_of(item, name)) {
        return known;
    }
    items.push(column(name).alias(&hidden));
    hidden
}

/// The name of an output that is an unchanged column of the input.
fn name_of(item: &Expr, input: &str) -> Option<String> {
    let plain = |expr: &Expr| match expr {
        Expr::Column(known) => known.name == input,
        Expr::Cast(cast) => matches!(cast.expr.as_ref(), Expr::Column(known) if known.name == input),
        _ => false,
    };
    match item {
        Expr::Alias(alias) if plain(&alias.expr) => Some(alias.name.clone()),
        Expr::Column(known) if known.name == input => Some(known.name.clone()),
        _ => None,
    }
}

fn shares(input: &Rows, stage: &Stage) -> BTreeSet<String> {
    if stage.show.is_empty() {
        return input.shares.clone();
    }
    let shown = stage.show.iter().filter(|item| match &item.expr {
        checked::Expr::Field(field) => input.shares.contains(&field.name),
        _ => false,
    });
    shown.map(|item| item.name.clone()).collect()
}
