//! An analysis in a logical plan: a node whose inputs are logical plans, so that they are optimized with the query that
//! reads its rows, and shown with it.
//!
//! Invariants: the rows of a node are those of the analysis with some of its columns, in the order of its schema; the
//! conditions of a node are above it, too, so that it may return rows that they exclude.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, DFSchemaRef, Result, ScalarValue, plan_err};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, UserDefinedLogicalNodeCore, cast};
use datafusion::physical_expr::expressions::{cast as cast_physical, col as column_of};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion::physical_plan::ExecutionPlan;

use crate::engine::column;

/// An analysis as a logical plan knows it: its inputs, its columns, and the operator that computes its rows.
pub trait LogicalAnalysis: Debug + Send + Sync {
    /// The name of its function in SQL.
    fn name(&self) -> &'static str;

    /// Its inputs, in order.
    fn inputs(&self) -> &'static [AnalysisInput];

    /// All its columns.
    fn schema(&self) -> SchemaRef;

    /// What it needs of each input for the rows that fulfil these conditions on its columns; all of the inputs that the
    /// list does not have.
    ///
    /// # Errors
    ///
    /// If a condition cannot be evaluated.
    fn needs(&self, _filters: &[Expr]) -> Result<Vec<InputNeed>> {
        Ok(Vec::new())
    }

    /// The operator that computes the requested rows.
    ///
    /// # Errors
    ///
    /// If a condition cannot be evaluated.
    fn operator(&self, requested: RequestedRows<'_>, inputs: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>>;
}

/// An input of an analysis.
#[derive(Debug)]
pub struct AnalysisInput {
    /// The name, for readers of plans.
    pub name: &'static str,
    /// The columns that an input row and all rows that it contributes to have in common: a condition on only these also
    /// applies to the input.
    pub restricted_by: &'static [&'static str],
}

/// What an analysis needs of an input.
#[derive(Debug, Default)]
pub struct InputNeed {
    /// The condition on its rows.
    pub condition: Option<Expr>,
    /// The columns that are not read, and therefore null.
    pub unread: BTreeSet<&'static str>,
}

/// The rows that a query reads from an analysis.
#[derive(Debug)]
pub struct RequestedRows<'n> {
    /// The columns.
    pub schema: SchemaRef,
    /// The conditions; rows that they exclude may be returned as well.
    pub filters: &'n [Expr],
    /// The number of output partitions.
    pub outputs: usize,
}

/// The columns that rows of every input have in common with the rows that they contribute to, as strings over the rows of
/// one of them: [`Analysis::keys`](super::Analysis::keys) of an analysis with these inputs.
///
/// # Errors
///
/// If a column is missing.
pub fn common_keys(inputs: &[AnalysisInput], rows: &Schema) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
    let Some((first, others)) = inputs.split_first() else { return Ok(Vec::new()) };
    let common = first.restricted_by.iter().filter(|name| others.iter().all(|other| other.restricted_by.contains(name)));
    // Equal strings of different types would have different hashes.
    common.map(|name| cast_physical(column_of(name, rows)?, rows, DataType::Utf8View)).collect()
}

/// An analysis with its inputs.
#[derive(Debug, Clone)]
pub struct AnalysisNode {
    analysis: Arc<dyn LogicalAnalysis>,
    inputs: Vec<LogicalPlan>,
    filters: Vec<Expr>,
    schema: DFSchemaRef,
}

impl AnalysisNode {
    /// An analysis of these inputs.
    ///
    /// # Errors
    ///
    /// If the number of inputs is wrong.
    pub fn new(analysis: Arc<dyn LogicalAnalysis>, inputs: Vec<LogicalPlan>) -> Result<AnalysisNode> {
        let (given, expected) = (inputs.len(), analysis.inputs().len());
        if given != expected {
            let (name, inputs) = (analysis.name(), names(analysis.as_ref()));
            return plan_err!("`{name}` has {given} queries in parentheses as its first arguments, not {expected}: {inputs}");
        }
        let schema = Arc::new(DFSchema::try_from(analysis.schema())?);
        let inputs = inputs.into_iter().map(unqualified).collect::<Result<Vec<_>>>()?;
        Ok(AnalysisNode { analysis, inputs, filters: Vec::new(), schema })
    }

    /// The operator with these inputs and a number of output partitions.
    pub(super) fn operator(&self, inputs: Vec<Arc<dyn ExecutionPlan>>, outputs: usize) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = Arc::new(self.schema.as_arrow().clone());
        self.analysis.operator(RequestedRows { schema, filters: &self.filters, outputs }, inputs)
    }

    /// The node with only those of its columns that are read; nothing if these are all.
    pub(super) fn reading(&self, columns: &BTreeSet<String>) -> Result<Option<AnalysisNode>> {
        let schema = self.schema.as_arrow();
        let places = (0..).zip(schema.fields()).filter(|(_, field)| columns.contains(field.name()));
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        if places.len() == schema.fields().len() {
            return Ok(None);
        }
        let schema = Arc::new(DFSchema::try_from(schema.project(&places)?)?);
        Ok(Some(AnalysisNode { schema, ..self.clone() }))
    }

    /// The node with these conditions, applied to the inputs as far as possible; nothing if it has them already.
    pub(super) fn filtered(&self, conditions: &[&Expr]) -> Result<Option<AnalysisNode>> {
        let schema = self.analysis.schema();
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let own = conditions.iter().filter_map(|condition| over(condition, &columns));
        let new: Vec<Expr> = own.filter(|condition| !self.filters.contains(condition)).collect();
        if new.is_empty() {
            return Ok(None);
        }
        let filters = [self.filters.as_slice(), new.as_slice()].concat();
        let mut needs = self.analysis.needs(&filters)?.into_iter();
        let mut inputs = Vec::with_capacity(self.inputs.len());
        for (input, declared) in self.inputs.iter().zip(self.analysis.inputs()) {
            let InputNeed { condition, unread } = needs.next().unwrap_or_default();
            let reaching = new.iter().filter_map(|filter| over(filter, declared.restricted_by));
            let reaching = reaching.map(|filter| for_input(filter, &schema, input.schema())).collect::<Result<Vec<_>>>()?;
            let input = match conjunction(condition.into_iter().chain(reaching)) {
                Some(condition) => LogicalPlanBuilder::from(input.clone()).filter(condition)?.build()?,
                None => input.clone(),
            };
            inputs.push(without(input, &unread)?);
        }
        Ok(Some(AnalysisNode { inputs, filters, ..self.clone() }))
    }
}

/// The names of the inputs.
fn names(analysis: &dyn LogicalAnalysis) -> String {
    analysis.inputs().iter().map(|input| input.name).collect::<Vec<_>>().join(", ")
}

/// A condition with plain column names, if it uses only these columns and is the same for equal rows. A subquery is
/// planned where it is, so it is not moved.
pub fn over(filter: &Expr, columns: &[&str]) -> Option<Expr> {
    let is_known = filter.column_refs().iter().all(|column| columns.contains(&column.name.as_str()));
    if !is_known || filter.is_volatile() || has_subquery(filter) {
        return None;
    }
    let plain = |part: Expr| {
        Ok(match part {
            Expr::Column(column) => Transformed::yes(Expr::Column(Column::from_name(column.name))),
            other => Transformed::no(other),
        })
    };
    filter.clone().transform(plain).ok().map(|plain| plain.data)
}

/// A condition on the rows of an analysis, for an input in which the columns may have other types.
fn for_input(condition: Expr, rows: &Schema, input: &DFSchema) -> Result<Expr> {
    let typed = |part: Expr| {
        let Expr::Column(column) = &part else { return Ok(Transformed::no(part)) };
        let expected = rows.field_with_name(&column.name)?.data_type();
        if input.field_with_unqualified_name(&column.name)?.data_type() == expected {
            return Ok(Transformed::no(part));
        }
        let expected = expected.clone();
        Ok(Transformed::yes(cast(part, expected)))
    };
    condition.transform_up(typed).map(|condition| condition.data)
}

/// A condition that [`over`] returned, for rows of a schema.
///
/// # Errors
///
/// If a column is not in the schema, or has an unexpected type.
pub fn physical_condition(filter: &Expr, schema: SchemaRef) -> Result<Arc<dyn PhysicalExpr>> {
    let schema = DFSchema::try_from(schema)?;
    create_physical_expr(filter, &schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())
}

/// Whether an expression contains a query.
pub(super) fn has_subquery(expression: &Expr) -> bool {
    let is_query = |part: &Expr| {
        Ok(matches!(part, Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_)))
    };
    expression.exists(is_query).unwrap_or(true)
}

/// An input whose columns have plain names, as conditions on it do.
fn unqualified(input: LogicalPlan) -> Result<LogicalPlan> {
    if input.schema().iter().all(|(qualifier, _)| qualifier.is_none()) {
        return Ok(input);
    }
    let columns: Vec<Expr> = input
        .schema()
        .iter()
        .map(|(qualifier, field)| Expr::Column(Column::new(qualifier.cloned(), field.name())).alias(field.name()))
        .collect();
    LogicalPlanBuilder::from(input).project(columns)?.build()
}

/// An input in which some columns are null, so that they are not read.
fn without(input: LogicalPlan, unread: &BTreeSet<&'static str>) -> Result<LogicalPlan> {
    if unread.is_empty() {
        return Ok(input);
    }
    let mut columns = Vec::with_capacity(input.schema().fields().len());
    for field in input.schema().fields() {
        columns.push(match unread.contains(field.name().as_str()) {
            true => Expr::Literal(ScalarValue::try_from(field.data_type())?, None).alias(field.name()),
            false => column(field.name()),
        });
    }
    LogicalPlanBuilder::from(input).project(columns)?.build()
}

// An analysis is created once for each call, and shared by all plans that are derived from it.
impl PartialEq for AnalysisNode {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.analysis, &other.analysis)
            && self.schema == other.schema
            && self.filters == other.filters
            && self.inputs == other.inputs
    }
}

impl Eq for AnalysisNode {}

impl PartialOrd for AnalysisNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl Hash for AnalysisNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.analysis.name().hash(state);
        self.schema.as_arrow().fields().hash(state);
        self.filters.hash(state);
        self.inputs.hash(state);
    }
}

impl UserDefinedLogicalNodeCore for AnalysisNode {
    fn name(&self) -> &str {
        self.analysis.name()
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        self.inputs.iter().collect()
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    /// None: conditions are about its own rows, and not about those of an input.
    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: inputs=[{}]", self.analysis.name(), names(self.analysis.as_ref()))?;
        if !self.filters.is_empty() {
            let filters = self.filters.iter().map(ToString::to_string).collect::<Vec<_>>();
            write!(f, ", filters=[{}]", filters.join(", "))?;
        }
        Ok(())
    }

    fn with_exprs_and_inputs(&self, _expressions: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        // The engine moves a condition without columns below every node, and does not keep it above.
        let is_random = |input: &LogicalPlan| matches!(input, LogicalPlan::Filter(filter) if filter.predicate.is_volatile());
        if inputs.iter().all(is_random) && !self.inputs.iter().all(is_random) {
            let name = self.analysis.name();
            return plan_err!(
                "a random condition on the rows of `{name}` would apply to its inputs; put the rows into a subquery with a limit: \
                 `select * from (select * from … limit 1000000) where random() < 0.5`"
            );
        }
        Ok(AnalysisNode { inputs, ..self.clone() })
    }
}
