//! The inputs of an analysis: SQL in string arguments, planned with the filters that can be pushed down.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result, ScalarValue, exec_datafusion_err, plan_datafusion_err};
use datafusion::execution::SessionState;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;

use super::unoptimized::Unoptimized;

/// A string argument.
pub fn text(arguments: &[Expr], place: usize) -> Result<String> {
    match arguments.get(place) {
        Some(Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _)) => Ok(text.clone()),
        other => Err(plan_datafusion_err!("argument {place}: expected a string, not {other:?}")),
    }
}

/// An argument that is a whole number, or missing.
pub fn number(arguments: &[Expr], place: usize) -> Result<Option<i64>> {
    match arguments.get(place) {
        Some(Expr::Literal(ScalarValue::Int64(number), _)) => Ok(*number),
        Some(Expr::Literal(ScalarValue::Null, _)) => Ok(None),
        other => Err(plan_datafusion_err!("argument {place}: expected a whole number, not {other:?}")),
    }
}

/// A condition without table qualifiers, if it only uses these columns.
pub fn over(filter: &Expr, columns: &[&str]) -> Option<Expr> {
    let known = filter.column_refs().iter().all(|column| columns.contains(&column.name.as_str()));
    let plain = |partial: Expr| {
        Ok(match partial {
            Expr::Column(column) => Transformed::yes(Expr::Column(Column::from_name(column.name))),
            other => Transformed::no(other),
        })
    };
    if known && !filter.is_volatile() { filter.clone().transform(plain).ok().map(|plain| plain.data) } else { None }
}

/// The plan of an input, with the filters that use only these of its columns.
///
/// The physical optimizer has not run on this plan: it runs once, on the whole plan that the input becomes part of.
/// Its rules assume this; for example, filters must not have been pushed down into a join whose inputs are swapped
/// later.
///
/// # Errors
///
/// If the text is not a `select` on the tables of the session.
pub async fn input(session: &dyn Session, sql: &str, filters: &[Expr], columns: &[&str]) -> Result<Arc<dyn ExecutionPlan>> {
    let state = session
        .as_any()
        .downcast_ref::<SessionState>()
        .ok_or_else(|| exec_datafusion_err!("the analysis only runs in an ecs-audit session"))?;
    let plan = state.create_logical_plan(sql).await?;
    let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    read_only.verify_plan(&plan)?;
    let mut filters = filters.iter().filter_map(|filter| over(filter, columns));
    let plan = filters.try_fold(LogicalPlanBuilder::from(plan), |plan, filter| plan.filter(filter))?;
    Unoptimized::new(state).create_physical_plan(&plan.build()?).await
}
