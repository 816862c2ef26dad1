//! A grouped stage: keys, buckets and aggregates.
//!
//! Steps: name the keys; with buckets, merge the groups that `top` excludes into `(other)`; aggregate; fill empty
//! buckets; compute the items; rank and limit.

use std::collections::BTreeSet;

use datafusion::functions_aggregate::expr_fn::{array_agg, max};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::functions_nested::expr_fn::flatten;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Expr, WindowFunctionDefinition};
use datafusion::prelude::DataFrame;

use super::aggregate::{Aggregates, TOTAL, key_name};
use super::bursts::{self, ENDED};
use super::evidence::Evidence;
use super::expression::{arrow_type, cast, column, lower_row, typed};
use super::fill::{self, BUCKET};
use super::rows::{Order, Rows};
use super::top_n_other::{self, OTHER};
use super::{PlanError, StageContext, rank};
use crate::engine::functions::{Step, bucket_span, time_bucket};
use crate::lang::checked::{self, Aggregate, Column, Limit, Role, SortColumn, Stage};
use crate::nouns::EVIDENCE;

/// The rows of a grouped stage whose filter has been applied.
pub fn group(input: Rows, stage: &Stage, context: &StageContext<'_>) -> Result<Rows, PlanError> {
    let evidence = input.evidence;
    let groups = groups(input, stage, &stage.columns, context)?;
    finish(groups.frame, stage, groups.columns, &groups.keys, evidence)
}

/// Groups before ranking and limiting.
pub(super) struct Groups {
    pub(super) frame: DataFrame,
    pub(super) columns: Vec<Column>,
    pub(super) keys: Vec<String>,
}

/// The groups of a stage, with the names in `columns`.
pub(super) fn groups(input: Rows, stage: &Stage, columns: &[Column], context: &StageContext<'_>) -> Result<Groups, PlanError> {
    let mut aggregates = Aggregates {
        tz: context.tz,
        noun: context.noun,
        keys: &stage.by,
        order: by_time(&input),
        calls: Vec::new(),
        counted: None,
    };
    let mut items = Vec::with_capacity(stage.show.len());
    for item in &stage.show {
        items.push(aggregates.item(&item.expr)?);
    }
    let mut keys: Vec<String> = (0..stage.by.len()).map(key_name).collect();
    let mut columns = columns.to_vec();
    let mut frame = named_keys(&input, stage, context)?;
    if let (Some(_), Some(ranking)) = (&stage.every, &stage.limit)
        && let Some(ranking) = top_n_other::folding(ranking)
    {
        frame = top_n_other::fold(frame, stage, &aggregates, &items, ranking, context.last)?;
        if context.last {
            columns = top_n_other::as_text(columns, ranking.0.per);
        }
        keys.push(OTHER.to_owned());
    }
    frame = aggregate(frame, stage, &keys, &aggregates, &input)?;
    if let Some(every) = stage.every.as_ref().filter(|every| every.fill) {
        let step = Step::new(every, context.tz);
        let span = fill::span(&step, context.window, context.anchor);
        frame = fill::fill(frame, &keys, &aggregates.calls, input.evidence, (step, span))?;
    }
    if let Some(counted) = &aggregates.counted {
        frame = with_total(frame, counted)?;
    }
    let frame = put_together(frame, stage, &columns, items, &keys, input.evidence)?;
    Ok(Groups { frame, columns, keys })
}

/// The order for `first` and `last`.
fn by_time(input: &Rows) -> Vec<Order> {
    let mut order: Vec<Order> = input.time().map(Order::ascending).into_iter().collect();
    order.extend(input.identity.iter().cloned().map(Order::ascending));
    order
}

/// Levels count in every bucket until they end, not only in the one in which they start.
fn in_every_bucket(input: &Rows, stage: &Stage, context: &StageContext<'_>) -> Result<DataFrame, PlanError> {
    let frame = input.frame.clone();
    let Some(every) = stage.every.as_ref().filter(|every| every.field.name == "time") else { return Ok(frame) };
    if !context.noun.is_some_and(|noun| noun.is_level) {
        return Ok(frame);
    }
    let end = context.window.to.map(|to| to.as_microsecond().saturating_sub(1));
    let last = end.unwrap_or(i64::MAX).min(context.anchor.as_microsecond());
    let step = Step::new(every, context.tz);
    let fields = frame.schema().fields();
    let items: Vec<Expr> = fields
        .iter()
        .map(|field| match field.name().as_str() {
            "time" => bucket_span(step.clone(), last, column("time"), column("ended_at")).alias("time"),
            name => column(name),
        })
        .collect();
    fill::unnest(frame.select(items)?, "time")
}

/// The input with the bucket and the keys as separate columns.
fn named_keys(input: &Rows, stage: &Stage, context: &StageContext<'_>) -> Result<DataFrame, PlanError> {
    let frame = in_every_bucket(input, stage, context)?;
    let fields = frame.schema().fields();
    let mut items: Vec<Expr> = fields.iter().map(|field| column(field.name())).collect();
    if let Some(every) = &stage.every {
        let step = Step::new(every, context.tz);
        items.push(time_bucket(step, column(&every.field.name)).alias(BUCKET));
    }
    for (index, key) in stage.by.iter().enumerate() {
        let value = lower_row(&key.expr, context.tz)?;
        items.push(typed(value, key.kind).alias(key_name(index)));
    }
    let frame = frame.select(items)?;
    let (Some(pause), Some(time)) = (stage.bursts, input.time()) else { return Ok(frame) };
    let keys: Vec<String> = (0..stage.by.len()).map(key_name).collect();
    bursts::with_begin(frame, &keys, time, &by_time(input), pause)
}

fn aggregate(
    frame: DataFrame,
    stage: &Stage,
    keys: &[String],
    aggregates: &Aggregates<'_>,
    input: &Rows,
) -> Result<DataFrame, PlanError> {
    let evidence = input.evidence;
    let bucket = has_bucket(stage).then(|| column(BUCKET));
    let groups: Vec<Expr> = bucket.into_iter().chain(keys.iter().map(|key| column(key))).collect();
    let mut computed: Vec<Expr> = aggregates.calls.iter().map(|call| call.expr.clone().alias(&call.name)).collect();
    if let (Some(_), Some(time)) = (stage.bursts, input.time()) {
        computed.push(max(column(time)).alias(ENDED));
    }
    if evidence.wanted() {
        computed.push(array_agg(column(EVIDENCE)).alias(EVIDENCE));
    }
    let frame = frame.aggregate(groups, computed)?;
    if !evidence.wanted() {
        return Ok(frame);
    }
    let fields = frame.schema().fields();
    let mut items: Vec<Expr> = fields.iter().map(|field| column(field.name())).filter(|item| *item != column(EVIDENCE)).collect();
    items.push(evidence.of(flatten(column(EVIDENCE))).alias(EVIDENCE));
    Ok(frame.select(items)?)
}

/// Whether the groups are divided by time, into buckets or bursts.
fn has_bucket(stage: &Stage) -> bool {
    stage.every.is_some() || stage.bursts.is_some()
}

/// Adds the number of all rows to each group.
fn with_total(frame: DataFrame, counted: &str) -> Result<DataFrame, PlanError> {
    let sum = WindowFunctionDefinition::AggregateUDF(sum_udaf());
    let total = Expr::from(WindowFunction::new(sum, vec![column(counted)]));
    Ok(frame.window(vec![total.alias(TOTAL)])?)
}

/// The output columns of a stage, from those of its groups.
fn put_together(
    frame: DataFrame,
    stage: &Stage,
    columns: &[Column],
    items: Vec<Expr>,
    keys: &[String],
    evidence: Evidence,
) -> Result<DataFrame, PlanError> {
    let bucket = has_bucket(stage).then(|| column(BUCKET));
    let ended = stage.bursts.map(|_| column(ENDED));
    let of_keys = keys.iter().take(stage.by.len()).map(|key| column(key));
    let values = bucket.into_iter().chain(ended).chain(of_keys).chain(items);
    let mut output: Vec<Expr> =
        values.zip(columns).map(|(value, column)| cast(value, arrow_type(column.kind)).alias(&column.name)).collect();
    if keys.len() > stage.by.len() {
        output.push(column(OTHER));
    }
    if evidence.wanted() {
        output.push(column(EVIDENCE));
    }
    Ok(frame.select(output)?)
}

/// Orders and limits the groups.
pub(super) fn finish(
    frame: DataFrame,
    stage: &Stage,
    columns: Vec<Column>,
    keys: &[String],
    evidence: Evidence,
) -> Result<Rows, PlanError> {
    let order = stage.sort.iter().filter_map(|key| match &key.column {
        SortColumn::Output(index) => Some(Order { name: columns.get(*index)?.name.clone(), descending: key.descending }),
        SortColumn::Input(_) => None,
    });
    let identity = columns.iter().filter(|column| matches!(column.role, Role::Bucket | Role::Key));
    let mut identity: Vec<String> = identity.map(|column| column.name.clone()).collect();
    if keys.len() > stage.by.len() {
        identity.push(OTHER.to_owned());
    }
    let rows = Rows { order: order.collect(), identity, shares: shares(stage), columns, frame, evidence };
    match stage.limit {
        None => Ok(rows),
        Some(Limit::Rows(count)) => rows.cut(Some(count)),
        // The groups were selected before they were divided into buckets.
        Some(_) if stage.every.is_some() => Ok(rows),
        Some(Limit::Top(ranking)) => rank::keep(rows, ranking, true),
        Some(Limit::Bottom(ranking)) => rank::keep(rows, ranking, false),
    }
}

fn shares(stage: &Stage) -> BTreeSet<String> {
    let is_share = |expr: &checked::Expr| matches!(expr, checked::Expr::Aggregate { function: Aggregate::Share, .. });
    stage.show.iter().filter(|item| is_share(&item.expr)).map(|item| item.name.clone()).collect()
}
