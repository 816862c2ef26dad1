//! Base tables in memory: one that records which of its columns are scanned, and one that has only these.
//!
//! A question is planned over recording tables first, which have no rows; then only the columns that it scans are kept
//! when its export is read. Both tables have the schema of the whole base table and accept no filters, so that the
//! question has the same plan over both.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use crate::table::{ColumnSet, Projection, Table};

/// The columns that were scanned so far, of all recording tables of a session.
#[derive(Debug, Default)]
pub struct ScannedColumns(Mutex<Projection>);

impl ScannedColumns {
    /// The columns so far.
    pub fn projection(&self) -> Projection {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, table: Table, columns: ColumnSet) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(table, columns);
    }
}

/// A base table without rows that records which of its columns are scanned.
#[derive(Debug)]
pub struct RecordingTable {
    table: Table,
    scanned: Arc<ScannedColumns>,
}

impl RecordingTable {
    /// Such a table.
    pub fn new(table: Table, scanned: Arc<ScannedColumns>) -> RecordingTable {
        RecordingTable { table, scanned }
    }
}

#[async_trait]
impl TableProvider for RecordingTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => {
                self.scanned.add(self.table, ColumnSet::of(columns.iter().copied()));
                Arc::new(self.schema().project(columns)?)
            }
            None => {
                self.scanned.add(self.table, ColumnSet::ALL);
                self.schema()
            }
        };
        Ok(Arc::new(EmptyExec::new(schema)))
    }
}

/// A base table of which only some columns are in memory. A scan of another one is an error: its values are not missing,
/// they are unknown.
#[derive(Debug)]
pub struct ProjectedTable {
    table: Table,
    schema: SchemaRef,
    /// The columns in memory; none if the rows are not.
    kept: Option<ColumnSet>,
    rows: MemTable,
}

impl ProjectedTable {
    /// A table with these columns; each batch of a partition has just them.
    ///
    /// # Errors
    ///
    /// If a batch has other columns.
    pub fn new(table: Table, kept: Option<ColumnSet>, partitions: Vec<Vec<RecordBatch>>) -> Result<ProjectedTable> {
        let rows = MemTable::try_new(table.schema_of(kept.unwrap_or(ColumnSet::NONE)), partitions)?;
        Ok(ProjectedTable { table, schema: table.schema(), kept, rows })
    }

    /// Where the scanned columns are among those in memory.
    fn places(&self, projection: Option<&Vec<usize>>) -> Result<Vec<usize>> {
        let unknown = |what: &str| {
            exec_datafusion_err!(
                "{what} was not kept when the export was read, which is a bug in ecs-audit; load the export into a store \
                 with `ecs-audit load`, and run this on the store"
            )
        };
        let kept = self.kept.ok_or_else(|| unknown(&format!("table `{}`", self.table.name())))?;
        let place = |column: usize| {
            let name = self.table.fields().get(column).map_or("", |field| field.name);
            kept.place(column).ok_or_else(|| unknown(&format!("column `{name}` of `{}`", self.table.name())))
        };
        match projection {
            Some(columns) => columns.iter().copied().map(place).collect(),
            None => (0..self.table.fields().len()).map(place).collect(),
        }
    }
}

#[async_trait]
impl TableProvider for ProjectedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let places = self.places(projection)?;
        self.rows.scan(session, Some(&places), filters, limit).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::session;
    use crate::table::{Call, Columns, Row, TableSet};
    use arrow::array::AsArray;
    use datafusion::prelude::SessionContext;

    fn wait<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    /// The columns that a statement scans.
    fn scanned(statement: &str) -> Projection {
        let (session, scanned) = (session(2, usize::MAX), Arc::<ScannedColumns>::default());
        for table in Table::ALL {
            let recording = RecordingTable::new(*table, Arc::clone(&scanned));
            session.register_table(table.name(), Arc::new(recording)).unwrap();
        }
        wait(async { session.sql(statement).await.unwrap().create_physical_plan().await.unwrap() });
        scanned.projection()
    }

    /// A session with one call, of which some columns are in memory.
    fn calls(kept: &[&str]) -> SessionContext {
        let session = session(2, usize::MAX);
        let kept = ColumnSet::named(Table::Calls, kept);
        let mut columns = Columns::of(Table::Calls, kept);
        columns.push(&Row::from(Call { id: Some("c".into()), event_name: Some("RunTask".into()), ..Call::default() }));
        let table = ProjectedTable::new(Table::Calls, Some(kept), vec![vec![columns.into_rows().unwrap()]]).unwrap();
        session.register_table("calls", Arc::new(table)).unwrap();
        let unknown = ProjectedTable::new(Table::Flows, None, vec![Vec::new()]).unwrap();
        session.register_table("flows", Arc::new(unknown)).unwrap();
        session
    }

    fn rows(session: &SessionContext, statement: &str) -> Result<usize> {
        let batches = wait(async { session.sql(statement).await?.collect().await })?;
        Ok(batches.iter().map(RecordBatch::num_rows).sum())
    }

    #[test]
    fn what_a_statement_scans_is_recorded() {
        let mut expected = Projection::default();
        expected.add(Table::Calls, ColumnSet::named(Table::Calls, &["event_name", "region"]));
        expected.add(Table::Flows, ColumnSet::NONE);
        let statement = "select event_name from calls where region = 'r' and (select count(*) from flows) = 0";
        assert_eq!(scanned(statement), expected);
        let whole = scanned("select * from calls").of(Table::Calls).unwrap();
        assert_eq!(whole.columns(Table::Calls).count(), Table::Calls.fields().len());
    }

    #[test]
    fn a_column_that_was_not_kept_is_an_error() {
        let session = calls(&["event_name"]);
        assert_eq!(rows(&session, "select event_name from calls where event_name = 'RunTask'").unwrap(), 1);
        assert_eq!(rows(&session, "select 1 from calls").unwrap(), 1);
        for (statement, what) in [
            ("select id from calls", "column `id` of `calls`"),
            ("select * from calls", "column `id` of `calls`"),
            ("select event_name from calls where failed", "column `failed` of `calls`"),
            ("select count(*) from flows", "table `flows`"),
        ] {
            let error = rows(&session, statement).unwrap_err().to_string();
            assert!(error.contains(&format!("{what} was not kept")), "{statement}: {error}");
        }
    }

    #[test]
    fn columns_are_read_in_the_order_of_the_question() {
        let session = calls(&["event_name", "id"]);
        let batches = wait(async { session.sql("select event_name, id from calls").await.unwrap().collect().await.unwrap() });
        let values: Vec<&str> = batches[0].columns().iter().map(|column| column.as_string_view().value(0)).collect();
        assert_eq!(values, ["RunTask", "c"]);
    }

    #[test]
    fn a_table_with_all_columns_is_read_as_a_whole() {
        let session = session(1, usize::MAX);
        let whole = Projection::from(TableSet::ALL).of(Table::Calls);
        let mut columns = Columns::new(Table::Calls);
        columns.push(&Row::from(Call::default()));
        let table = ProjectedTable::new(Table::Calls, whole, vec![vec![columns.into_rows().unwrap()]]).unwrap();
        session.register_table("calls", Arc::new(table)).unwrap();
        assert_eq!(rows(&session, "select * from calls").unwrap(), 1);
    }
}
