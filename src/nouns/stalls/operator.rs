//! `instance_stalls(tasks, instances, last, least)`: finds stalls in the events of container instances and their
//! tasks.
//!
//! A stall is an interval of at least `least` microseconds in which a task waits (created, but nothing pulled or
//! started yet, and not stopping) while another task is stopping, and the reservations of all live tasks exceed what
//! the instance registered. Adjacent intervals of the same deployment are one stall. `tasks` and `instances` are SQL
//! (for their columns, see [`observations::PartialState`]); `last` is the end of all data in microseconds.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::observations::{FinalState, PartialState};
use super::rows::Stalls;
use super::{find, rows};
use crate::engine::operators::source::{input, number, text};
use crate::engine::operators::{Analysis, AnalysisExec, OutputChunk};

/// The columns of filters that can be pushed down to the inputs: they exclude whole container instances.
const REACHING: &[&str] = &["account", "region", "cluster", "container_instance"];

#[derive(Debug)]
struct Function;

/// The function: its name, and the implementation.
pub fn instance_stalls_function() -> (&'static str, Arc<dyn TableFunctionImpl>) {
    ("instance_stalls", Arc::new(Function))
}

impl TableFunctionImpl for Function {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let arguments = args.exprs();
        Ok(Arc::new(Table {
            tasks: text(arguments, 0)?,
            instances: text(arguments, 1)?,
            last: number(arguments, 2)?.unwrap_or(0),
            least: number(arguments, 3)?.unwrap_or(0),
        }))
    }
}

/// The rows of the function for its arguments.
#[derive(Debug)]
struct Table {
    tasks: String,
    instances: String,
    last: i64,
    least: i64,
}

#[async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        rows::schema()
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
        let inputs = vec![
            input(session, &self.tasks, filters, REACHING).await?,
            input(session, &self.instances, filters, REACHING).await?,
        ];
        let schema = match projection {
            Some(columns) => Arc::new(rows::schema().project(columns)?),
            None => rows::schema(),
        };
        let sweep = InstanceStalls { last: self.last, least: self.least, projection: projection.cloned() };
        Ok(Arc::new(AnalysisExec::new(Arc::new(sweep), inputs, schema, session.config().target_partitions())))
    }
}

/// The parameters.
#[derive(Debug)]
struct InstanceStalls {
    last: i64,
    least: i64,
    projection: Option<Vec<usize>>,
}

impl InstanceStalls {
    /// The stalls of a chunk.
    fn stalls(&self, merged: &FinalState, chunk: usize) -> Result<RecordBatch> {
        let mut stalls = Stalls::default();
        for number in merged.shares.get(chunk).cloned().unwrap_or(0..0) {
            let Some((spot, number)) = merged.spots.get(number).zip(u32::try_from(number).ok()) else { continue };
            let observations = merged.observations(number, self.last, self.least);
            find::stalls(&observations).iter().for_each(|stall| stalls.push(&observations, *spot, stall));
        }
        let rows = stalls.finish()?;
        Ok(match &self.projection {
            Some(columns) => rows.project(columns)?,
            None => rows,
        })
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
