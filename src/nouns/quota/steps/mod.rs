//! `quota_steps((refusals), (tasks), (submissions), (limits), from, to, changes, ids, peaks)`: the usage of every pool as
//! a step function.
//!
//! `refusals`, `tasks`, `submissions` and `limits` are queries (for their columns, see [`refusals::Refusals`] and
//! [`task_interval::PartialState`]); `from` and `to` bound the window in microseconds; `changes` are the times at which limits change.
//! With `peaks`, only the first steps with the peak of usage and with the peak of demand are returned. Conditions on
//! constant columns of a pool also apply to the inputs if possible, and skip pools otherwise: a query for one resource
//! reads only what that resource needs.

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
use datafusion::catalog::TableFunctionImpl;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::utils::{conjunction, disjunction};
use datafusion::logical_expr::{Expr, lit};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;

use super::limits::{Quotas, RESOURCES};
use crate::engine::column;
use crate::engine::functions::time_type;
use crate::engine::operators::{
    Analysis, AnalysisExec, AnalysisInput, InputNeed, LogicalAnalysis, OutputChunk, RequestedRows, analysis_function,
    common_keys, number, over, physical_condition,
};
#[cfg(feature = "cluster")]
use crate::engine::operators::{Encoded, PlanReader, PlanWriter, Portable, PortableOperator};
use level_steps::Walk;
use pools::FinalState;
use refusals::Refusals;
#[cfg(feature = "cluster")]
use serde::{Deserialize, Serialize};
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

/// The name of the function.
const NAME: &str = "quota_steps";

/// The function that replays with these quotas: its name, and the implementation.
pub fn quota_steps_function(quotas: &Arc<Quotas>) -> (&'static str, Arc<dyn TableFunctionImpl>) {
    let quotas = Arc::clone(quotas);
    let create = move |parameters: &[Expr]| -> Result<Arc<dyn LogicalAnalysis>> {
        Ok(Arc::new(Parameters::read(parameters, Arc::clone(&quotas))?))
    };
    (NAME, analysis_function(create))
}

/// The times of a list.
fn changes(list: Option<&Expr>) -> Vec<i64> {
    let Some(Expr::Literal(ScalarValue::List(lists), _)) = list else { return Vec::new() };
    let numbers = lists.iter().flatten().next();
    numbers.and_then(|numbers| Some(numbers.as_primitive_opt::<Int64Type>()?.iter().flatten().collect())).unwrap_or_default()
}

/// The columns that a refusal or a task has in common with its pools. A refusal on Spot ends the earlier demand of a
/// caller, even if that was refused on demand.
const PLACE: &[&str] = &["account", "region"];
/// The columns that an input row with a resource has in common with its pool.
const POOL: &[&str] = &["account", "region", "resource"];

/// The inputs.
const INPUTS: &[AnalysisInput] = &[
    AnalysisInput { name: "refusals", restricted_by: PLACE },
    AnalysisInput { name: "tasks", restricted_by: PLACE },
    AnalysisInput { name: "submissions", restricted_by: POOL },
    AnalysisInput { name: "limits", restricted_by: POOL },
];

/// The parameters.
#[derive(Debug)]
struct Parameters {
    from: Option<i64>,
    to: Option<i64>,
    changes: Vec<i64>,
    with_ids: bool,
    only_peaks: bool,
    quotas: Arc<Quotas>,
}

impl Parameters {
    fn read(parameters: &[Expr], quotas: Arc<Quotas>) -> Result<Parameters> {
        let holds = |place: usize| matches!(parameters.get(place), Some(Expr::Literal(ScalarValue::Boolean(Some(true)), _)));
        let with_ids = holds(3);
        Ok(Parameters {
            from: number(parameters, 0)?,
            to: number(parameters, 1)?,
            changes: changes(parameters.get(2)),
            with_ids,
            // Ids are needed for all steps.
            only_peaks: holds(4) && !with_ids,
            quotas,
        })
    }
}

impl LogicalAnalysis for Parameters {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inputs(&self) -> &'static [AnalysisInput] {
        INPUTS
    }

    fn schema(&self) -> SchemaRef {
        let amounts = ["used", "used_lower", "refused"].map(|name| Field::new(name, DataType::Float64, true));
        let counts = ["tasks", "open_tasks"].map(|name| Field::new(name, DataType::Int64, true));
        let times = ["time", "ended_at"].map(|name| Field::new(name, time_type(), true));
        let ids = self.with_ids.then(|| Field::new("ids", DataType::List(level_steps::item()), true));
        let fields = pool_fields().chain(times).chain(amounts).chain(counts).chain(ids);
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    fn needs(&self, filters: &[Expr]) -> Result<Vec<InputNeed>> {
        let wanted = Wanted::by(filters)?;
        let only_for = |resources: &[u8]| {
            let condition = (!wanted.any(resources)).then(|| lit(false));
            InputNeed { condition, ..InputNeed::default() }
        };
        Ok(vec![only_for(FARGATE), wanted.tasks(), only_for(&[GPUS, PRICE])])
    }

    fn operator(&self, requested: RequestedRows<'_>, inputs: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let RequestedRows { schema, filters, outputs } = requested;
        let names: Vec<&str> = POOL_COLUMNS.iter().map(|(name, _)| *name).collect();
        let fixed = conjunction(filters.iter().filter_map(|filter| over(filter, &names)));
        let mut asked: BTreeSet<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let mut condition = None;
        if let Some(fixed) = fixed {
            asked.extend(fixed.column_refs().into_iter().map(|column| column.name.clone()));
            condition = Some(physical_condition(&fixed, pool_schema())?);
        }
        let sweep = QuotaSteps {
            from: self.from,
            to: self.to,
            changes: self.changes.clone(),
            with_ids: self.with_ids,
            only_peaks: self.only_peaks,
            quotas: Arc::clone(&self.quotas),
            wanted: Wanted::by(filters)?.0,
            asked,
            condition,
            schema: Arc::clone(&schema),
            shares: outputs,
        };
        Ok(Arc::new(AnalysisExec::new(Arc::new(sweep), inputs, schema, outputs)))
    }
}

/// The requested resources.
struct Wanted(BTreeSet<u8>);

impl Wanted {
    /// The resources whose names fulfil the conditions.
    fn by(filters: &[Expr]) -> Result<Wanted> {
        let filters = filters.iter().filter_map(|filter| over(filter, &["resource"]));
        let all = 0..u8::try_from(RESOURCES.len()).unwrap_or(u8::MAX);
        let Some(filter) = conjunction(filters) else { return Ok(Wanted(all.collect())) };
        let schema = Arc::new(Schema::new(vec![Field::new("resource", DataType::Utf8View, true)]));
        let condition = physical_condition(&filter, Arc::clone(&schema))?;
        let names = StringViewArray::from_iter_values(RESOURCES.iter().map(|(name, _)| *name));
        let passed = condition.evaluate(&RecordBatch::try_new(schema, vec![Arc::new(names)])?)?.into_array(RESOURCES.len())?;
        let passes = |place: &u8| {
            let place = usize::from(*place);
            passed.as_boolean_opt().is_none_or(|passed| passed.is_valid(place) && passed.value(place))
        };
        Ok(Wanted(all.filter(passes).collect()))
    }

    fn any(&self, resources: &[u8]) -> bool {
        resources.iter().any(|resource| self.0.contains(resource))
    }

    /// The task events for these resources, with the columns that these need.
    fn tasks(&self) -> InputNeed {
        let (fargate, of_services, on_instances) = (self.any(FARGATE), self.any(&[SERVICE]), self.any(&[CPU, MEMORY, ENI]));
        let mut conditions = Vec::new();
        if fargate {
            // A start on Spot also satisfies demand that was refused on demand.
            conditions.push(column("on_fargate"));
        }
        if of_services {
            conditions.push(column("service").is_not_null());
        }
        if self.any(&[CPU, MEMORY]) {
            conditions.push(column("container_instance").is_not_null());
        } else if self.any(&[ENI]) {
            conditions.push(column("container_instance").is_not_null().and(column("networked")));
        }
        // Nearly every event belongs to some cluster, so a filter would cost more than it saves.
        let is_filtered = !self.any(&[CLUSTER]);
        let condition = is_filtered.then(|| disjunction(conditions).unwrap_or_else(|| lit(false)));
        let columns = [
            ("cluster", self.any(&[CLUSTER]) || of_services || on_instances || fargate),
            ("service", of_services || fargate),
            ("container_instance", on_instances),
            ("launch_type", fargate),
            ("capacity_provider", fargate),
            ("networked", self.any(&[ENI])),
            ("cpu", fargate || self.any(&[CPU])),
            ("memory", self.any(&[MEMORY])),
            ("family", fargate),
            ("group", fargate),
            ("started_by", fargate),
            // Only for the condition.
            ("on_fargate", false),
        ];
        let unread = columns.into_iter().filter(|(_, is_read)| !is_read).map(|(name, _)| name).collect();
        InputNeed { condition, unread }
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

    fn keys(&self, _input: usize, rows: &Schema) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
        common_keys(INPUTS, rows)
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

/// The operator, for other processes.
#[cfg(feature = "cluster")]
pub fn portable() -> PortableOperator {
    PortableOperator::of::<QuotaSteps>()
}

/// The parameters of [`QuotaSteps`].
#[cfg(feature = "cluster")]
#[derive(Serialize, Deserialize)]
pub struct Document {
    from: Option<i64>,
    to: Option<i64>,
    changes: Vec<i64>,
    with_ids: bool,
    only_peaks: bool,
    quotas: super::limits::Document,
    wanted: BTreeSet<u8>,
    asked: BTreeSet<String>,
    condition: Option<Encoded>,
    schema: Encoded,
    shares: usize,
}

#[cfg(feature = "cluster")]
impl Portable for QuotaSteps {
    type Document = Document;

    fn document(&self, writer: &PlanWriter<'_>) -> Result<Document> {
        Ok(Document {
            from: self.from,
            to: self.to,
            changes: self.changes.clone(),
            with_ids: self.with_ids,
            only_peaks: self.only_peaks,
            quotas: self.quotas.document(),
            wanted: self.wanted.clone(),
            asked: self.asked.clone(),
            condition: self.condition.as_ref().map(|condition| writer.expression(condition)).transpose()?,
            schema: writer.schema(&self.schema)?,
            shares: self.shares,
        })
    }

    fn of_document(document: Document, reader: &PlanReader<'_>) -> Result<QuotaSteps> {
        let condition = document.condition.map(|condition| reader.expression(&condition, &pool_schema()));
        Ok(QuotaSteps {
            from: document.from,
            to: document.to,
            changes: document.changes,
            with_ids: document.with_ids,
            only_peaks: document.only_peaks,
            quotas: Arc::new(Quotas::of_document(document.quotas)),
            wanted: document.wanted,
            asked: document.asked,
            condition: condition.transpose()?,
            schema: reader.schema(&document.schema)?,
            shares: document.shares,
        })
    }
}
