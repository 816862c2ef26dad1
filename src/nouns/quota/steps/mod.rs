//! `quota_steps(refusals, tasks, submissions, limits, from, to, changes, ids, peaks)`: the usage of every pool as a
//! step function.
//!
//! `refusals`, `tasks`, `submissions` and `limits` are SQL (for their columns, see [`refusals::Refusals`] and
//! [`task_interval::PartialState`]); `from` and `to` bound the window in microseconds; `changes` are the times at which limits change.
//! With `peaks`, only the first steps with the peak of usage and with the peak of demand are returned. Filters on
//! constant columns of a pool are pushed down to the inputs if possible, and skip pools otherwise: a query for one
//! resource reads only what that resource needs.

mod level_steps;
mod pools;
mod refusals;
mod task_interval;
mod usage;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, StringViewArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;

use super::ON_FARGATE;
use super::limits::{Quotas, RESOURCES};
use crate::engine::functions::time_type;
use crate::engine::operators::source::{input, number, over, text};
use crate::engine::operators::{Analysis, AnalysisExec, OutputChunk};
use level_steps::Walk;
use pools::FinalState;
use refusals::Refusals;
use task_interval::PartialState;

// The indexes of resources in `RESOURCES`.
const VCPU: u8 = 0;
const VCPU_SPOT: u8 = 1;
const CLUSTER: u8 = 2;
const SERVICE: u8 = 3;
const CPU: u8 = 4;
const MEMORY: u8 = 5;
const ENI: u8 = 6;
const GPUS: u8 = 7;
const PRICE: u8 = 8;

/// Resources for which demand can be refused.
const FARGATE: &[u8] = &[VCPU, VCPU_SPOT];

/// The index of a resource.
fn resource(name: &str) -> Option<u8> {
    RESOURCES.iter().position(|(known, _)| *known == name).and_then(|place| u8::try_from(place).ok())
}

/// Whether the scope of a resource has two parts.
fn is_of_two(resource: u8) -> bool {
    matches!(resource, SERVICE | CPU | MEMORY | ENI | GPUS)
}

/// The constant columns of a pool.
const POOL_COLUMNS: &[(&str, DataType)] = &[
    ("id", DataType::Utf8View),
    ("account", DataType::Utf8View),
    ("region", DataType::Utf8View),
    ("resource", DataType::Utf8View),
    ("cluster", DataType::Utf8View),
    ("service", DataType::Utf8View),
    ("container_instance", DataType::Utf8View),
    ("project", DataType::Utf8View),
    ("backend", DataType::Utf8View),
    ("known_limit", DataType::Float64),
    ("known_source", DataType::Utf8View),
];

fn pool_fields() -> impl Iterator<Item = Field> {
    POOL_COLUMNS.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true))
}

fn pool_schema() -> SchemaRef {
    Arc::new(Schema::new(pool_fields().collect::<Vec<_>>()))
}

/// The function, for registration under its name.
#[derive(Debug)]
struct Function {
    quotas: Arc<Quotas>,
}

/// The function that replays with these quotas: its name, and the implementation.
pub fn quota_steps_function(quotas: &Arc<Quotas>) -> (&'static str, Arc<dyn TableFunctionImpl>) {
    ("quota_steps", Arc::new(Function { quotas: Arc::clone(quotas) }))
}

impl TableFunctionImpl for Function {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let arguments = args.exprs();
        let holds = |place: usize| matches!(arguments.get(place), Some(Expr::Literal(ScalarValue::Boolean(Some(true)), _)));
        let with_ids = holds(7);
        // Ids are needed for all steps.
        let only_peaks = holds(8) && !with_ids;
        let amounts = ["used", "used_lower", "refused"].map(|name| Field::new(name, DataType::Float64, true));
        let counts = ["tasks", "open_tasks"].map(|name| Field::new(name, DataType::Int64, true));
        let times = ["time", "ended_at"].map(|name| Field::new(name, time_type(), true));
        let ids = with_ids.then(|| Field::new("ids", DataType::List(level_steps::item()), true));
        let fields = pool_fields().chain(times).chain(amounts).chain(counts).chain(ids);
        Ok(Arc::new(Table {
            refusals: text(arguments, 0)?,
            tasks: text(arguments, 1)?,
            submissions: text(arguments, 2)?,
            limits: text(arguments, 3)?,
            from: number(arguments, 4)?,
            to: number(arguments, 5)?,
            changes: changes(arguments.get(6)),
            with_ids,
            only_peaks,
            quotas: Arc::clone(&self.quotas),
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
        }))
    }
}

/// The times of a list.
fn changes(list: Option<&Expr>) -> Vec<i64> {
    let Some(Expr::Literal(ScalarValue::List(lists), _)) = list else { return Vec::new() };
    let numbers = lists.iter().flatten().next();
    numbers.and_then(|numbers| Some(numbers.as_primitive_opt::<Int64Type>()?.iter().flatten().collect())).unwrap_or_default()
}

/// The rows of the function for its arguments.
#[derive(Debug)]
struct Table {
    refusals: String,
    tasks: String,
    submissions: String,
    limits: String,
    from: Option<i64>,
    to: Option<i64>,
    changes: Vec<i64>,
    with_ids: bool,
    only_peaks: bool,
    quotas: Arc<Quotas>,
    schema: SchemaRef,
}

impl Table {
    /// The task events for these resources, with the columns that these need.
    fn tasks_of(&self, wanted: &BTreeSet<u8>) -> String {
        let any = |resources: &[u8]| resources.iter().any(|resource| wanted.contains(resource));
        let on_instances = any(&[CPU, MEMORY, ENI]);
        let mut conditions = Vec::new();
        let fargate = any(FARGATE);
        if fargate {
            // A start on Spot also satisfies demand that was refused on demand.
            conditions.push(ON_FARGATE);
        }
        if any(&[CLUSTER]) {
            conditions.push("e.cluster is not null");
        }
        if any(&[SERVICE]) {
            conditions.push("e.service is not null");
        }
        if any(&[CPU, MEMORY]) {
            conditions.push("e.container_instance is not null");
        } else if any(&[ENI]) {
            conditions.push("(e.container_instance is not null and e.networked)");
        }
        // Nearly every event belongs to some pool, so a filter would cost more than it saves.
        let condition = match conditions.as_slice() {
            [] => "false".to_owned(),
            _ if any(&[CLUSTER]) => "true".to_owned(),
            conditions => conditions.join(" or "),
        };
        let column = |name: &str, kind: &str, needed: bool| {
            if needed { format!("e.{name}") } else { format!("arrow_cast(null, '{kind}') as {name}") }
        };
        let named = |name: &str, needed: bool| column(name, "Utf8View", needed);
        format!(
            "select e.\"key\", e.account, e.region, {}, {}, {}, {}, {}, {}, e.created, e.seen, e.early, e.stop, {}, {}, e.last_status, \
             {}, {}, {}{} from ({}) e where {condition}",
            named("cluster", any(&[CLUSTER, SERVICE]) || on_instances || fargate),
            named("service", any(&[SERVICE]) || fargate),
            named("container_instance", on_instances),
            named("launch_type", fargate),
            named("capacity_provider", fargate),
            column("networked", "Boolean", any(&[ENI])),
            column("cpu", "Int64", fargate || any(&[CPU])),
            column("memory", "Int64", any(&[MEMORY])),
            named("family", fargate),
            named("\"group\"", fargate),
            named("started_by", fargate),
            if self.with_ids { ", e.id" } else { "" },
            self.tasks,
        )
    }
}

/// The columns of filters that can be pushed down to tasks and refusals. A refusal on Spot ends the earlier demand of
/// a caller, even if that was refused on demand.
const PLACE: &[&str] = &["account", "region"];
/// The columns of filters that can be pushed down to inputs that contain their resource.
const REACHING: &[&str] = &["account", "region", "resource"];

/// An input for some resources; without rows if none of them is needed.
fn needed(sql: &str, resources: &[u8], wanted: &BTreeSet<u8>) -> String {
    let condition = if resources.iter().any(|resource| wanted.contains(resource)) { "true" } else { "false" };
    format!("select * from ({sql}) s where {condition}")
}

/// The resources that match the filters on the resource name.
fn wanted(session: &dyn Session, filters: &[Expr]) -> Result<BTreeSet<u8>> {
    let filters = filters.iter().filter_map(|filter| over(filter, &["resource"]));
    let all = 0..u8::try_from(RESOURCES.len()).unwrap_or(u8::MAX);
    let Some(filter) = conjunction(filters) else { return Ok(all.collect()) };
    let schema = Arc::new(Schema::new(vec![Field::new("resource", DataType::Utf8View, true)]));
    let condition = session.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(&schema))?)?;
    let names = StringViewArray::from_iter_values(RESOURCES.iter().map(|(name, _)| *name));
    let passed = condition.evaluate(&RecordBatch::try_new(schema, vec![Arc::new(names)])?)?.into_array(RESOURCES.len())?;
    let passes = |place: &u8| {
        let place = usize::from(*place);
        passed.as_boolean_opt().is_none_or(|passed| passed.is_valid(place) && passed.value(place))
    };
    Ok(all.filter(passes).collect())
}

#[async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = wanted(session, filters)?;
        let names: Vec<&str> = POOL_COLUMNS.iter().map(|(name, _)| *name).collect();
        let fixed: Vec<Expr> = filters.iter().filter_map(|filter| over(filter, &names)).collect();
        let refs = fixed.iter().flat_map(|filter| filter.column_refs().into_iter().map(|column| column.name.clone()));
        let mut asked: BTreeSet<String> = refs.collect();
        let condition = match conjunction(fixed) {
            Some(filter) => Some(session.create_physical_expr(filter, &DFSchema::try_from(pool_schema())?)?),
            None => None,
        };
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => Arc::clone(&self.schema),
        };
        asked.extend(schema.fields().iter().map(|field| field.name().clone()));
        let inputs = vec![
            input(session, &needed(&self.refusals, FARGATE, &wanted), filters, PLACE).await?,
            input(session, &self.tasks_of(&wanted), filters, PLACE).await?,
            input(session, &needed(&self.submissions, &[GPUS, PRICE], &wanted), filters, REACHING).await?,
            input(session, &self.limits, filters, REACHING).await?,
        ];
        let outputs = session.config().target_partitions().max(1);
        let sweep = QuotaSteps {
            from: self.from,
            to: self.to,
            changes: self.changes.clone(),
            with_ids: self.with_ids,
            only_peaks: self.only_peaks,
            quotas: Arc::clone(&self.quotas),
            wanted,
            asked,
            condition,
            schema: Arc::clone(&schema),
            shares: outputs,
        };
        Ok(Arc::new(AnalysisExec::new(Arc::new(sweep), inputs, schema, outputs)))
    }
}

/// What to compute for the pools.
#[derive(Debug)]
struct QuotaSteps {
    from: Option<i64>,
    to: Option<i64>,
    changes: Vec<i64>,
    with_ids: bool,
    /// Whether only the peaks of usage and demand are needed.
    only_peaks: bool,
    quotas: Arc<Quotas>,
    wanted: BTreeSet<u8>,
    /// The columns that are read.
    asked: BTreeSet<String>,
    /// The filters on [`POOL_COLUMNS`].
    condition: Option<Arc<dyn PhysicalExpr>>,
    schema: SchemaRef,
    /// The number of shares of the tasks.
    shares: usize,
}

impl QuotaSteps {
    fn wants(&self, resource: u8) -> bool {
        self.wanted.contains(&resource)
    }

    fn asks(&self, column: &str) -> bool {
        self.asked.contains(column)
    }
}

impl Analysis for QuotaSteps {
    type BuildSide = Refusals;
    type PartialState = PartialState;
    type FinalState = FinalState;

    const NAME: &'static str = "QuotaStepsExec";
    const FIRST: usize = 1;

    fn details(&self) -> String {
        let names = RESOURCES.iter().zip(0_u8..).filter(|(_, place)| self.wants(*place)).map(|((name, _), _)| *name);
        let names = names.collect::<Vec<_>>().join(", ");
        let rows = if self.only_peaks { "peaks" } else { "all" };
        format!("inputs=[refusals, tasks, submissions, limits], resources=[{names}], rows={rows}")
    }

    fn first(&self, batches: &[RecordBatch]) -> Result<Refusals> {
        Refusals::new(batches)
    }

    fn partial(&self, refusals: &Arc<Refusals>) -> PartialState {
        // Other events are only read for their effect on refusals.
        let kept = match (self.wants(VCPU), self.wants(VCPU_SPOT), self.wanted.len()) {
            (true, _, 1) => task_interval::ON_DEMAND,
            (_, true, 1) => task_interval::SPOT,
            _ => 0,
        };
        PartialState::new(Arc::clone(refusals), kept, self.with_ids, self.shares)
    }

    fn add(&self, partial: &mut PartialState, input: usize, batch: &RecordBatch) -> Result<()> {
        match input {
            1 => partial.add_tasks(batch),
            2 => partial.add_others(batch),
            _ => partial.add_limits(batch),
        }
    }

    fn bytes(partial: &PartialState) -> usize {
        partial.bytes()
    }

    fn merged(&self, partials: Vec<PartialState>, chunks: usize) -> Result<FinalState> {
        FinalState::new(self, partials, chunks)
    }

    fn rows(self: Arc<Self>, merged: Arc<FinalState>, chunk: usize) -> OutputChunk {
        Box::new(Walk::new(self, merged, chunk))
    }
}
