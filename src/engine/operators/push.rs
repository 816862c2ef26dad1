//! The optimizer rule for analyses: what a query reads of their rows reaches them and their inputs.
//!
//! Conditions stay above an analysis; on the way, the engine has moved them as close to it as it may. In the next pass,
//! the engine moves what this rule added to the inputs down to the scans.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, Extension, Filter, LogicalPlan, Projection, SubqueryAlias};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::node::{AnalysisNode, has_subquery};

/// The rule.
#[derive(Debug)]
pub struct PushIntoAnalyses;

impl OptimizerRule for PushIntoAnalyses {
    fn name(&self) -> &str {
        "push_into_analyses"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let pushed = match &plan {
            LogicalPlan::Projection(projection) => narrowed(projection)?,
            LogicalPlan::Filter(filter) => filtered(filter)?,
            _ => None,
        };
        Ok(pushed.map_or_else(|| Transformed::no(plan), Transformed::yes))
    }
}

fn analysis(plan: &LogicalPlan) -> Option<&AnalysisNode> {
    match plan {
        LogicalPlan::Extension(Extension { node }) => node.as_any().downcast_ref(),
        _ => None,
    }
}

fn planned(node: AnalysisNode) -> LogicalPlan {
    LogicalPlan::Extension(Extension { node: Arc::new(node) })
}

/// A filter whose conditions reach the analysis below it.
fn filtered(filter: &Filter) -> Result<Option<LogicalPlan>> {
    let Some(node) = analysis(&filter.input) else { return Ok(None) };
    let Some(node) = node.filtered(&split_conjunction(&filter.predicate))? else { return Ok(None) };
    Ok(Some(LogicalPlan::Filter(Filter::try_new(filter.predicate.clone(), Arc::new(planned(node)))?)))
}

/// A projection whose columns are all that the analysis below it computes.
fn narrowed(projection: &Projection) -> Result<Option<LogicalPlan>> {
    let mut columns = BTreeSet::new();
    if !projection.expr.iter().all(|expression| add_columns(expression, &mut columns)) {
        return Ok(None);
    }
    let Some(input) = input_reading(&projection.input, columns)? else { return Ok(None) };
    let schema = Arc::clone(&projection.schema);
    let projection = Projection::try_new_with_schema(projection.expr.clone(), Arc::new(input), schema)?;
    Ok(Some(LogicalPlan::Projection(projection)))
}

/// Adds the columns that an expression reads; false if it contains a query, which may read others.
fn add_columns(expression: &Expr, columns: &mut BTreeSet<String>) -> bool {
    columns.extend(expression.column_refs().into_iter().map(|column| column.name.clone()));
    !has_subquery(expression)
}

/// The input of a projection that reads these columns, if it is an analysis, possibly filtered and renamed, that has
/// others. The columns of an analysis have unique names.
fn input_reading(plan: &LogicalPlan, mut columns: BTreeSet<String>) -> Result<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::SubqueryAlias(renamed) => {
            let Some(input) = input_reading(&renamed.input, columns)? else { return Ok(None) };
            Ok(Some(LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(input), renamed.alias.clone())?)))
        }
        LogicalPlan::Filter(filter) => {
            if !add_columns(&filter.predicate, &mut columns) {
                return Ok(None);
            }
            let Some(input) = input_reading(&filter.input, columns)? else { return Ok(None) };
            Ok(Some(LogicalPlan::Filter(Filter::try_new(filter.predicate.clone(), Arc::new(input))?)))
        }
        _ => match analysis(plan) {
            Some(node) => Ok(node.reading(&columns)?.map(planned)),
            None => Ok(None),
        },
    }
}
