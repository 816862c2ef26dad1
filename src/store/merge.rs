//! Merges small files as part of every load.
//!
//! A load adds a file to each table and day it touches, so many small loads would leave many small files. After a
//! load, the small files of a day are merged: recent ones with each other, and all of them with the largest file once
//! they reach a quarter of its size. Each table and day thus has at most two files besides full ones, and a load
//! usually rewrites at most a quarter of a file (16 MiB) per table and day. Row groups that are large enough are
//! copied without decoding.

use super::commit::{Purpose, TableChange, commit};
use super::manifest::{DataFile, Manifest};
use super::read::in_schema;
use super::runtime::StoreRuntime;
use super::write::{LARGE_FILE, LoadWriter, OpenFile, table_folder};
use super::{StoreError, StoreRoot};
use crate::load::Day;
use crate::table::Table;
use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::PageIndexPolicy;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// The extent of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Merge enough to keep two small files per table and day.
    Tails,
    /// Merge all small files of a day.
    All,
}

/// The largest file of a day is rewritten once the smaller ones reach a quarter of its size.
const RATIO: u64 = 4;
/// A file smaller than this is always rewritten, because that is cheaper than an additional file for readers.
const TINY: u64 = 1 << 20;
/// Row groups of at least this many bytes (uncompressed) are copied without decoding.
const WHOLE_GROUP: i64 = 32 << 20;
/// Rows in memory are written as a row group when they reach this many bytes.
const GROUP_IN_MEMORY: usize = 64 << 20;
/// Rows decoded per batch.
const BATCH: usize = 8192;

/// Files of one table and day to merge.
type Group = (Table, Day, Vec<DataFile>);

/// Merges small files and commits the result.
pub fn tidy(
    root: &StoreRoot,
    manifest: &mut Manifest,
    extent: Extent,
    runtime: &StoreRuntime,
    now: i64,
) -> Result<(), StoreError> {
    let groups = plan(manifest, extent);
    if groups.is_empty() {
        return Ok(());
    }
    let mut next = manifest.clone();
    next.loads += 1;
    let writer = LoadWriter::new(root, next.loads);
    groups
        .par_iter()
        .with_max_len(1)
        .try_for_each(|(table, day, files)| merge(root, (*table, *day), files, &writer, WHOLE_GROUP))?;
    let mut changes: BTreeMap<Table, TableChange> = BTreeMap::new();
    for (table, _, files) in groups {
        changes.entry(table).or_default().remove.extend(files);
    }
    for (table, add) in writer.finish()? {
        changes.entry(table).or_default().add = add;
    }
    runtime.block_on(commit(root, &mut next, changes, &Purpose::Compaction, now))?;
    *manifest = next;
    Ok(())
}

/// The files to merge.
fn plan(manifest: &Manifest, extent: Extent) -> Vec<Group> {
    let mut groups = Vec::new();
    for table in Table::ALL {
        let mut days: BTreeMap<Day, Vec<&DataFile>> = BTreeMap::new();
        for file in manifest.files(*table).iter().filter(|file| file.size < LARGE_FILE) {
            days.entry(file.day).or_default().push(file);
        }
        for (day, mut files) in days {
            files.sort_by(|left, right| right.size.cmp(&left.size).then_with(|| left.path.cmp(&right.path)));
            let chosen = match extent {
                Extent::All => files,
                Extent::Tails => tail(files),
            };
            for part in parts(chosen) {
                groups.push((*table, day, part));
            }
        }
    }
    groups
}

/// Selects the small files of a day to merge; the largest comes first. Two files are kept; otherwise all but the
/// largest are merged, and the largest too once the others reach a quarter of its size.
fn tail(files: Vec<&DataFile>) -> Vec<&DataFile> {
    let Some((largest, rest)) = files.split_first().filter(|(_, rest)| rest.len() > 1) else { return Vec::new() };
    let size: u64 = rest.iter().map(|file| file.size).sum();
    if largest.size < TINY || size.saturating_mul(RATIO) >= largest.size { files } else { rest.to_vec() }
}

/// Splits files to merge into parts, so that no result is much larger than the target size.
fn parts(files: Vec<&DataFile>) -> Vec<Vec<DataFile>> {
    let mut parts: Vec<Vec<DataFile>> = Vec::new();
    let mut size = 0;
    for file in files {
        match parts.last_mut().filter(|_| size + file.size <= 2 * LARGE_FILE) {
            Some(part) => part.push(file.clone()),
            None => {
                size = 0;
                parts.push(vec![file.clone()]);
            }
        }
        size += file.size;
    }
    parts.retain(|part| part.len() > 1);
    parts
}

/// Merges files into a new one, ordered by their oldest row. Row groups of at least `whole_group` bytes are copied.
fn merge(
    root: &StoreRoot,
    (table, day): (Table, Day),
    files: &[DataFile],
    writer: &LoadWriter,
    whole_group: i64,
) -> Result<(), StoreError> {
    let mut files: Vec<&DataFile> = files.iter().collect();
    files.sort_by(|left, right| (left.first, &left.path).cmp(&(right.first, &right.path)));
    let mut out = writer.create(table, day)?;
    let mut pending = Pending::default();
    let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
    for file in files {
        let path = table_folder(root, table).join(&file.path);
        let source = root.open_local(&path)?;
        let failed = |error: &dyn std::fmt::Display| StoreError::parquet(&path, error);
        let metadata = ArrowReaderMetadata::load(&source, options.clone()).map_err(|error| failed(&error))?;
        let same_columns = metadata.metadata().file_metadata().schema() == out.schema();
        for (number, group) in metadata.metadata().row_groups().iter().enumerate() {
            let pages = metadata.metadata().offset_index().and_then(|groups| groups.get(number));
            if let Some(pages) = pages.filter(|_| same_columns && group.total_byte_size() >= whole_group) {
                pending.write(&mut out)?;
                out.copy(&source, group, pages, (file.first, file.latest_possible()))?;
                continue;
            }
            let reader = source.try_clone().map_err(|error| StoreError::io(&path, error))?;
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(reader, metadata.clone());
            let reader = reader.with_row_groups(vec![number]).with_batch_size(BATCH).build().map_err(|error| failed(&error))?;
            for batch in reader {
                pending.push(in_schema(table, &batch.map_err(|error| failed(&error))?)?);
                if pending.bytes >= GROUP_IN_MEMORY {
                    pending.write(&mut out)?;
                }
            }
        }
    }
    pending.write(&mut out)?;
    writer.keep(out)
}

/// Rows that are not yet written as a row group.
#[derive(Debug, Default)]
struct Pending {
    batches: Vec<RecordBatch>,
    bytes: usize,
}

impl Pending {
    fn push(&mut self, batch: RecordBatch) {
        self.bytes += batch.get_array_memory_size();
        self.batches.push(batch);
    }

    fn write(&mut self, out: &mut OpenFile) -> Result<(), StoreError> {
        let Pending { batches, .. } = std::mem::take(self);
        let Some(first) = batches.first() else { return Ok(()) };
        let rows = concat_batches(&first.schema(), &batches).map_err(crate::load::LoadError::from)?;
        out.append_rows(&rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::read::{read_columns, texts};
    use crate::table::{Columns, Quarantined, Row};
    use std::fs::File;

    fn file(size: u64) -> DataFile {
        DataFile { path: format!("day=2026-03-04/{size}"), day: 20_516, size, rows: 1, first: None, last: None, hash: None }
    }

    /// A day of small loads, each with one file of this size.
    fn many(loads: u64, size: u64) -> (usize, u64) {
        let mut manifest = Manifest::default();
        let mut written = 0;
        for load in 0..loads {
            manifest.add(Table::Calls, load, vec![file(size + load)]);
            for (table, _, files) in plan(&manifest, Extent::Tails) {
                let merged: u64 = files.iter().map(|file| file.size).sum();
                written += merged;
                let state = manifest.tables.get_mut(table.name()).unwrap();
                state.files.retain(|known| !files.contains(known));
                state.files.push(file(merged));
            }
        }
        let files = manifest.files(Table::Calls);
        let most = 2 + files.iter().filter(|file| file.size >= LARGE_FILE).count();
        assert!(files.len() <= most, "{} files", files.len());
        (files.len(), written)
    }

    #[test]
    fn many_small_loads_leave_few_files_and_rewrite_little_each() {
        for (loads, size) in [(2, 10), (288, 4 << 10), (1000, 100 << 10), (1000, 1 << 20)] {
            let (_, written) = many(loads, size);
            assert!(written / loads < LARGE_FILE / RATIO, "{loads} loads of {size} bytes rewrite {written} bytes");
        }
    }

    /// Copied and re-encoded row groups end up in one file, whichever are copied.
    #[test]
    fn copied_and_encoded_groups_make_one_file() {
        let dir = tempfile::tempdir().unwrap();
        let day = 20_516;
        let rows = |numbers: std::ops::Range<i64>| {
            let mut columns = Columns::new(Table::Quarantine);
            for number in numbers {
                let (id, detail) = (format!("id-{number:05}"), format!("{number} of many"));
                columns.push(&Row::from(Quarantined {
                    id: Some(id.into()),
                    time: Some(i64::from(day) * crate::micros::DAY + number),
                    detail: Some(detail.into()),
                    ..Quarantined::default()
                }));
            }
            columns
        };
        let writer = LoadWriter::new(dir.path(), 1);
        let mut files = Vec::new();
        for numbers in [0..50_000, 50_000..50_010, 50_010..90_000, 90_000..90_001] {
            let load = LoadWriter::new(dir.path(), 2 + files.len() as u64);
            load.write(Table::Quarantine, day, rows(numbers)).unwrap();
            files.extend(load.finish().unwrap().remove(&Table::Quarantine).unwrap());
        }
        for whole_group in [0, 100_000, i64::MAX] {
            merge(&dir.path().into(), (Table::Quarantine, day), &files, &writer, whole_group).unwrap();
        }
        let merged = writer.finish().unwrap().remove(&Table::Quarantine).unwrap();
        assert_eq!(merged.iter().map(|file| file.rows).collect::<Vec<_>>(), [90_001; 3]);
        let mut groups = Vec::new();
        for file in &merged {
            assert_eq!((file.first, file.last), (files[0].first, files[3].last));
            let batches = read_columns(&dir.path().into(), Table::Quarantine, file, &["id", "detail"]).unwrap();
            let read: Vec<String> = batches
                .iter()
                .flat_map(|batch| texts(batch, "id").into_iter().map(|id| id.unwrap().to_owned()).collect::<Vec<_>>())
                .collect();
            assert!(read.iter().enumerate().all(|(number, id)| *id == format!("id-{number:05}")) && read.len() == 90_001);
            let path = table_folder(dir.path(), Table::Quarantine).join(&file.path);
            let metadata = ArrowReaderMetadata::load(
                &File::open(path).unwrap(),
                ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Required),
            );
            groups.push(metadata.unwrap().metadata().num_row_groups());
        }
        assert_eq!(groups, [4, 4, 1], "all copied; the two large ones copied; none copied");
    }

    #[test]
    fn full_files_are_left_alone() {
        let mut manifest = Manifest::default();
        manifest.add(Table::Calls, 1, vec![file(LARGE_FILE), file(LARGE_FILE + 1), file(3 << 20)]);
        assert!(plan(&manifest, Extent::Tails).is_empty() && plan(&manifest, Extent::All).is_empty());
        manifest.add(Table::Calls, 2, vec![file(50 << 20), file(60 << 20), file(55 << 20)]);
        let parts: Vec<usize> = plan(&manifest, Extent::All).iter().map(|(_, _, files)| files.len()).collect();
        assert_eq!(parts, [2, 2], "no file is much larger than 128 MiB");
    }
}
