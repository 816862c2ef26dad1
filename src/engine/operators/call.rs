//! Analyses as functions in SQL: `from f((select …), (select …), parameter, …)`.
//!
//! A noun registers a table function that creates the analysis from its parameters. The queries before them are planned
//! like any other subquery, so that a view names all tables that it reads, and become the inputs of an [`AnalysisNode`].

use std::fmt::{self, Debug};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{DFSchema, Result, ScalarValue, plan_datafusion_err, plan_err};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::sqlparser::ast::{self, FunctionArg, FunctionArgExpr, TableFactor};

use super::node::{AnalysisNode, LogicalAnalysis};

/// A table function that creates an analysis from its parameters.
pub fn analysis_function(
    create: impl Fn(&[Expr]) -> Result<Arc<dyn LogicalAnalysis>> + Send + Sync + 'static,
) -> Arc<dyn TableFunctionImpl> {
    Arc::new(AnalysisFunction(create))
}

/// A parameter that is a whole number, or missing.
///
/// # Errors
///
/// If it is something else.
pub fn number(parameters: &[Expr], place: usize) -> Result<Option<i64>> {
    match parameters.get(place) {
        Some(Expr::Literal(ScalarValue::Int64(number), _)) => Ok(*number),
        Some(Expr::Literal(ScalarValue::Null, _)) => Ok(None),
        other => Err(plan_datafusion_err!("parameter {}: expected a whole number, not {other:?}", place + 1)),
    }
}

struct AnalysisFunction<F>(F);

impl<F> Debug for AnalysisFunction<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnalysisFunction").finish_non_exhaustive()
    }
}

impl<F> TableFunctionImpl for AnalysisFunction<F>
where
    F: Fn(&[Expr]) -> Result<Arc<dyn LogicalAnalysis>> + Send + Sync + 'static,
{
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        Ok(Arc::new(WithoutInputs((self.0)(args.exprs())?)))
    }
}

/// An analysis before its inputs are planned. It cannot be read.
#[derive(Debug)]
struct WithoutInputs(Arc<dyn LogicalAnalysis>);

#[async_trait]
impl TableProvider for WithoutInputs {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        _projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // Without inputs, the node is an error that lists what is missing.
        AnalysisNode::new(Arc::clone(&self.0), Vec::new())?.operator(Vec::new(), 1)
    }
}

/// A call with queries among its arguments.
struct Call {
    name: ast::ObjectName,
    alias: Option<ast::TableAlias>,
    queries: Vec<ast::Query>,
    parameters: Vec<ast::Expr>,
}

impl Call {
    fn of(relation: &TableFactor) -> Option<Call> {
        let TableFactor::Table { name, alias, args: Some(arguments), .. } = relation else { return None };
        let (mut queries, mut parameters) = (Vec::new(), Vec::new());
        for argument in &arguments.args {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(ast::Expr::Subquery(query))) => queries.push(ast::Query::clone(query)),
                FunctionArg::Unnamed(FunctionArgExpr::Expr(parameter)) => parameters.push(parameter.clone()),
                _ => return None,
            }
        }
        let call = Call { name: name.clone(), alias: alias.clone(), queries, parameters };
        (!call.queries.is_empty()).then_some(call)
    }
}

/// Plans the calls of analyses.
#[derive(Debug)]
pub struct AnalysisRelations;

impl RelationPlanner for AnalysisRelations {
    fn plan_relation(&self, relation: TableFactor, context: &mut dyn RelationPlannerContext) -> Result<RelationPlanning> {
        let Some(Call { name, alias, queries, parameters }) = Call::of(&relation) else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let mut inputs = Vec::with_capacity(queries.len());
        for query in queries {
            let subquery = Box::new(query);
            inputs.push(context.plan(TableFactor::Derived { lateral: false, subquery, alias: None, sample: None })?);
        }
        let mut values = Vec::with_capacity(parameters.len());
        for parameter in parameters {
            values.push(context.sql_expr_to_logical_expr(parameter, &DFSchema::empty())?);
        }
        let function = context.object_name_to_table_reference(name)?;
        let source = context.context_provider().get_table_function_source(function.table(), values)?;
        let provider = source_as_provider(&source)?;
        let Some(WithoutInputs(analysis)) = provider.downcast_ref::<WithoutInputs>() else {
            return plan_err!("`{}` takes no queries as arguments", function.table());
        };
        let node = Arc::new(AnalysisNode::new(Arc::clone(analysis), inputs)?);
        let plan = LogicalPlan::Extension(Extension { node });
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}
