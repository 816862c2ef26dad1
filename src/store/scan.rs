//! Exposes a base table to DataFusion: the files in the manifest, read by DataFusion's Parquet source, with time
//! filter, projection and limit pushed down.

use super::manifest::DataFile;
use super::{StoreError, StoreRoot};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use std::path::PathBuf;
use std::sync::Arc;

/// A base table.
#[derive(Debug)]
pub struct StoreTable {
    schema: SchemaRef,
    /// The store, with an absolute path.
    root: StoreRoot,
    /// Absolute path of the table folder.
    folder: PathBuf,
    files: Vec<DataFile>,
}

impl StoreTable {
    /// A table with these files in a folder of a store; both have absolute paths.
    pub fn new(schema: SchemaRef, (root, folder): (&StoreRoot, PathBuf), files: Vec<DataFile>) -> Self {
        StoreTable { schema, root: root.clone(), folder, files }
    }

    /// Checks the files that the engine is about to open, because it follows links and trusts the sizes.
    fn check(&self, files: &[&DataFile]) -> std::result::Result<(), StoreError> {
        self.root.check_folders(&self.folder)?;
        for file in files {
            let path = self.folder.join(&file.path);
            if let Some(found) = self.root.size(&path)?.filter(|found| *found != file.size) {
                let detail = format!("it has {found} bytes, not {}", file.size);
                return Err(StoreError::Damaged { path, detail });
            }
        }
        Ok(())
    }

    fn partitioned(&self, file: &DataFile) -> PartitionedFile {
        let path = self.folder.join(&file.path);
        let exact = self.root.engine_path(&path);
        let location = exact.as_ref().map_or_else(|_| path.to_string_lossy().into_owned(), ToString::to_string);
        let mut partitioned = PartitionedFile::new(location, file.size).with_metadata_size_hint(64 << 10);
        // `new` would percent-encode the encoded path again, so the path is set directly.
        if let Ok(exact) = exact {
            partitioned.object_meta.location = exact;
        }
        partitioned.with_statistics(Arc::new(self.statistics_of(file)))
    }

    fn statistics_of(&self, file: &DataFile) -> Statistics {
        let rows = usize::try_from(file.rows).unwrap_or(usize::MAX);
        let time = |micros: Option<i64>| {
            let micros = micros.map(|micros| ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())));
            match micros {
                Some(micros) if file.is_ours() => Precision::Exact(micros),
                Some(micros) => Precision::Inexact(micros),
                None => Precision::Absent,
            }
        };
        let columns = self.schema.fields().iter().map(|field| {
            if field.name() == "time" {
                ColumnStatistics::new_unknown().with_min_value(time(file.first)).with_max_value(time(file.latest_possible()))
            } else {
                ColumnStatistics::new_unknown()
            }
        });
        Statistics {
            num_rows: Precision::Exact(rows),
            total_byte_size: Precision::Inexact(usize::try_from(file.size).unwrap_or(usize::MAX)),
            column_statistics: columns.collect(),
        }
    }
}

/// The interval of `time` implied by simple comparisons; files outside are not opened.
#[derive(Debug, Default, Clone, Copy)]
struct Span {
    from: Option<i64>,
    to: Option<i64>,
}

impl Span {
    fn of(filters: &[Expr]) -> Span {
        let mut span = Span::default();
        for filter in filters {
            span.narrow(filter);
        }
        span
    }

    fn narrow(&mut self, filter: &Expr) {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return };
        if *op == Operator::And {
            self.narrow(left);
            self.narrow(right);
            return;
        }
        let (Expr::Column(column), Expr::Literal(value, _)) = (left.as_ref(), right.as_ref()) else { return };
        let ScalarValue::TimestampMicrosecond(Some(micros), _) = value else { return };
        if column.name != "time" {
            return;
        }
        match op {
            Operator::Gt | Operator::GtEq => self.from = Some(self.from.map_or(*micros, |from| from.max(*micros))),
            Operator::Lt | Operator::LtEq => self.to = Some(self.to.map_or(*micros, |to| to.min(*micros))),
            _ => {}
        }
    }

    fn touches(self, file: &DataFile) -> bool {
        let starts_before_end = self.to.is_none_or(|to| file.first.is_none_or(|first| first <= to));
        let ends_after_start = self.from.is_none_or(|from| file.latest_possible().is_none_or(|last| last >= from));
        starts_before_end && ends_after_start
    }
}

#[async_trait]
impl TableProvider for StoreTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // This pushdown only skips whole files. The filter itself stays in the plan, and the physical optimizer
        // pushes it into the Parquet source.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let span = Span::of(filters);
        let wanted: Vec<&DataFile> = self.files.iter().filter(|file| span.touches(file)).collect();
        if wanted.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema.project(columns)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        self.check(&wanted).map_err(|error| DataFusionError::Execution(error.to_string()))?;
        let groups = distribute(&wanted, state.config().target_partitions());
        let groups =
            groups.into_iter().map(|files| FileGroup::new(files.into_iter().map(|file| self.partitioned(file)).collect()));
        let options = state.config_options().execution.parquet.clone();
        let runtime = state.runtime_env();
        let location = self.root.engine_location().map_err(|error| DataFusionError::Execution(error.to_string()))?;
        let place = match location {
            None => ObjectStoreUrl::local_filesystem(),
            Some((url, client)) => {
                // The data files of a bucket are read by ranges: footers, then the pages that the query needs.
                runtime.register_object_store(&url, client);
                ObjectStoreUrl::parse(url.as_str())?
            }
        };
        // One command asks many questions about the same files, whose footers are read once.
        let footers = runtime.cache_manager.get_file_metadata_cache();
        let readers = CachedParquetFileReaderFactory::new(runtime.object_store(&place)?, footers);
        let source = ParquetSource::new(Arc::clone(&self.schema))
            .with_table_parquet_options(datafusion::common::config::TableParquetOptions { global: options, ..Default::default() })
            .with_parquet_file_reader_factory(Arc::new(readers));
        let rows = wanted.iter().map(|file| file.rows).sum::<u64>();
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = Precision::Exact(usize::try_from(rows).unwrap_or(usize::MAX));
        let config = FileScanConfigBuilder::new(place, Arc::new(source))
            .with_file_groups(groups.collect())
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// Assigns files to groups of similar total size, in order of day, because events of the same task are usually close
/// in time.
fn distribute<'a>(files: &[&'a DataFile], groups: usize) -> Vec<Vec<&'a DataFile>> {
    let groups = groups.clamp(1, files.len().max(1));
    let mut by_day = files.to_vec();
    by_day.sort_by(|left, right| left.path.cmp(&right.path));
    let all = files.iter().map(|file| u128::from(file.size)).sum::<u128>().max(1);
    let mut shares = vec![Vec::new(); groups];
    let mut before = 0;
    for file in by_day {
        // The group that contains the file's midpoint.
        let middle = before + u128::from(file.size) / 2;
        let group = (middle * groups as u128 / all) as usize;
        if let Some(group) = shares.get_mut(group.min(groups - 1)) {
            group.push(file);
        }
        before += u128::from(file.size);
    }
    shares.retain(|files| !files.is_empty());
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_other_programs_are_truncated_to_milliseconds() {
        let file = |path: &str, last: i64| DataFile {
            path: format!("day=2026-03-04/{path}.parquet"),
            day: 20_516,
            size: 1,
            rows: 1,
            first: Some(1_000_000),
            last: Some(last),
            hash: None,
        };
        let touches = |file: DataFile, from: i64| Span { from: Some(from), to: None }.touches(&file);
        // A row at 2.000500 s is later than the truncated 2.000 s.
        assert!(touches(file("part-00000-1.zstd", 2_000_000), 2_000_500));
        assert!(!touches(file("part-00000-1.zstd", 2_000_000), 2_001_000));
        // Not truncated: the times of our files, and of programs that write microseconds.
        assert!(!touches(file("load-000001-00001", 2_000_000), 2_000_500));
        assert!(!touches(file("part-00000-1.zstd", 2_000_100), 2_000_500));
    }

    #[test]
    fn groups_are_days_after_days_of_about_as_many_bytes() {
        let file = |day: i32, size: u64| DataFile {
            path: format!("day={day:02}/f"),
            day,
            size,
            rows: 1,
            first: None,
            last: None,
            hash: None,
        };
        let files = [file(4, 10), file(1, 10), file(3, 5), file(2, 10), file(5, 6)];
        let files: Vec<&DataFile> = files.iter().collect();
        let days = |groups: usize| -> Vec<Vec<i32>> {
            distribute(&files, groups).iter().map(|group| group.iter().map(|file| file.day).collect()).collect()
        };
        assert_eq!(days(1), [[1, 2, 3, 4, 5]]);
        assert_eq!(days(2), [vec![1, 2], vec![3, 4, 5]]);
        assert_eq!(days(9), [[1], [2], [3], [4], [5]]);
        let empty = [file(1, 0), file(2, 0)];
        assert_eq!(distribute(&empty.iter().collect::<Vec<_>>(), 2).iter().map(Vec::len).sum::<usize>(), 2);
        assert!(distribute(&[], 2).is_empty());
    }
}
