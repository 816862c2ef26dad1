//! `instance_stalls((tasks), (instances), last, least)`: finds stalls in the events of container instances and their
//! tasks.
//!
//! A stall is an interval of at least `least` microseconds in which a task waits (created, but nothing pulled or
//! started yet, and not stopping) while another task is stopping, and the reservations of all live tasks exceed what
//! the instance registered. Adjacent intervals of the same deployment are one stall. `tasks` and `instances` are queries
//! (for their columns, see [`PartialState`]); `last` is the end of all data in microseconds.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableFunctionImpl;
use datafusion::common::Result;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;

use super::observations::{FinalState, PartialState};
use super::rows::Stalls;
use super::{find, rows};
use crate::engine::operators::{
    Analysis, AnalysisExec, AnalysisInput, LogicalAnalysis, OutputChunk, RequestedRows, analysis_function, common_keys, number,
};
#[cfg(feature = "cluster")]
use crate::engine::operators::{Encoded, PlanReader, PlanWriter, Portable, PortableOperator};

/// The name of the function.
const NAME: &str = "instance_stalls";

/// A stall is computed from the events of one container instance.
const INSTANCE: &[&str] = &["account", "region", "cluster", "container_instance"];

/// The inputs.
const INPUTS: &[AnalysisInput] =
    &[AnalysisInput { name: "tasks", restricted_by: INSTANCE }, AnalysisInput { name: "instances", restricted_by: INSTANCE }];

/// The function: its name, and the implementation.
pub fn instance_stalls_function() -> (&'static str, Arc<dyn TableFunctionImpl>) {
    let create = |parameters: &[Expr]| -> Result<Arc<dyn LogicalAnalysis>> {
        let (last, least) = (number(parameters, 0)?.unwrap_or(0), number(parameters, 1)?.unwrap_or(0));
        Ok(Arc::new(Parameters { last, least }))
    };
    (NAME, analysis_function(create))
}

/// The parameters.
#[derive(Debug, Clone, Copy)]
struct Parameters {
    last: i64,
    least: i64,
}

impl LogicalAnalysis for Parameters {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inputs(&self) -> &'static [AnalysisInput] {
        INPUTS
    }

    fn schema(&self) -> SchemaRef {
        rows::schema()
    }

    fn operator(&self, requested: RequestedRows<'_>, inputs: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let RequestedRows { schema, outputs, .. } = requested;
        let sweep = InstanceStalls { parameters: *self, schema: Arc::clone(&schema) };
        Ok(Arc::new(AnalysisExec::new(Arc::new(sweep), inputs, schema, outputs)))
    }
}

/// What is computed.
#[derive(Debug)]
struct InstanceStalls {
    parameters: Parameters,
    /// The requested columns.
    schema: SchemaRef,
}

impl InstanceStalls {
    /// The stalls of a chunk.
    fn stalls(&self, merged: &FinalState, chunk: usize) -> Result<RecordBatch> {
        let Parameters { last, least } = self.parameters;
        let mut stalls = Stalls::default();
        for number in merged.shares.get(chunk).cloned().unwrap_or(0..0) {
            let Some((spot, number)) = merged.spots.get(number).zip(u32::try_from(number).ok()) else { continue };
            let observations = merged.observations(number, last, least);
            find::stalls(&observations).iter().for_each(|stall| stalls.push(&observations, *spot, stall));
        }
        let rows = stalls.finish()?;
        let places = self.schema.fields().iter().map(|field| rows.schema_ref().index_of(field.name()));
        Ok(rows.project(&places.collect::<Result<Vec<_>, _>>()?)?)
    }
}

impl Analysis for InstanceStalls {
    type BuildSide = ();
    type PartialState = PartialState;
    type FinalState = FinalState;

    const NAME: &'static str = "InstanceStallsExec";

    fn details(&self) -> String {
        "inputs=[tasks, instances]".to_owned()
    }

    fn keys(&self, _input: usize, rows: &Schema) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
        common_keys(INPUTS, rows)
    }

    fn partial(&self, _first: &Arc<()>) -> PartialState {
        PartialState::default()
    }

    fn add(&self, partial: &mut PartialState, input: usize, batch: &RecordBatch) -> Result<()> {
        if input == 0 { partial.add_tasks(batch) } else { partial.add_instances(batch) }
    }

    fn bytes(partial: &PartialState) -> usize {
        partial.bytes()
    }

    fn merged(&self, partials: Vec<PartialState>, chunks: usize) -> Result<FinalState> {
        Ok(FinalState::new(partials, chunks))
    }

    fn rows(self: Arc<Self>, merged: Arc<FinalState>, chunk: usize) -> OutputChunk {
        Box::new(std::iter::once_with(move || self.stalls(&merged, chunk)))
    }
}

/// The operator, for other processes.
#[cfg(feature = "cluster")]
pub fn portable() -> PortableOperator {
    PortableOperator::of::<InstanceStalls>()
}

#[cfg(feature = "cluster")]
impl Portable for InstanceStalls {
    /// The end of all data, the least duration, and the requested columns.
    type Document = (i64, i64, Encoded);

    fn document(&self, writer: &PlanWriter<'_>) -> Result<Self::Document> {
        Ok((self.parameters.last, self.parameters.least, writer.schema(&self.schema)?))
    }

    fn of_document((last, least, schema): Self::Document, reader: &PlanReader<'_>) -> Result<InstanceStalls> {
        Ok(InstanceStalls { parameters: Parameters { last, least }, schema: reader.schema(&schema)? })
    }
}
