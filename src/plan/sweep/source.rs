//! The inputs of an analysis: SQL as text arguments, planned with the filters that reach them.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result, ScalarValue, exec_datafusion_err, plan_datafusion_err};
use datafusion::execution::SessionState;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;

use super::unoptimized::Unoptimized;

/// An argument that is text.
pub fn text(arguments: &[Expr], place: usize) -> Result<String> {
    match arguments.get(place) {
        Some(Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _)) => Ok(text.clone()),
        other => Err(plan_datafusion_err!("argument {place}: a text was expected, not {other:?}")),
    }
}

/// An argument that is a whole number, or missing.
pub fn number(arguments: &[Expr], place: usize) -> Result<Option<i64>> {
    match arguments.get(place) {
        Some(Expr::Literal(ScalarValue::Int64(number), _)) => Ok(*number),
        Some(Expr::Literal(ScalarValue::Null, _)) => Ok(None),
        other => Err(plan_datafusion_err!("argument {place}: a whole number was expected, not {other:?}")),
    }
}

/// A condition over columns without the name of their table, if it is over these alone.
pub fn over(filter: &Expr, columns: &[&str]) -> Option<Expr> {
    let known = filter.column_refs().iter().all(|column| columns.contains(&column.name.as_str()));
    let plain = |part: Expr| {
        Ok(match part {
            Expr::Column(column) => Transformed::yes(Expr::Column(Column::from_name(column.name))),
            other => Transformed::no(other),
        })
    };
    if known && !filter.is_volatile() { filter.clone().transform(plain).ok().map(|plain| plain.data) } else { None }
}

/// The plan of an input, with those of the filters that are over these of its columns.
///
/// The physical optimizer has not run on the plan: it runs once, on the whole plan that the input becomes a part of.
/// Its rules assume that; a join whose inputs it wants to swap, for example, must not have pushed filters down yet.
///
/// # Errors
/// When the text is no `select` over the tables of the session.
pub async fn input(session: &dyn Session, sql: &str, filters: &[Expr], columns: &[&str]) -> Result<Arc<dyn ExecutionPlan>> {
    let state = session
        .as_any()
        .downcast_ref::<SessionState>()
        .ok_or_else(|| exec_datafusion_err!("the analysis runs in a session of ecs-audit only"))?;
    let plan = state.create_logical_plan(sql).await?;
    let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    read_only.verify_plan(&plan)?;
    let mut filters = filters.iter().filter_map(|filter| over(filter, columns));
    let plan = filters.try_fold(LogicalPlanBuilder::from(plan), |plan, filter| plan.filter(filter))?;
    Unoptimized::new(state).create_physical_plan(&plan.build()?).await
}
