//! The answers of `ecs-audit store`, for programs.

use crate::load::catalog_version;
use crate::store::{Dropped, Fault, ForeignCommit, Maintained, Reclassified, Verified};
use crate::table::Table;
use jiff::Timestamp;
use serde::Serialize;
use std::path::Path;

/// A commit of another program.
#[derive(Serialize)]
pub struct Commit<'c> {
    table: &'static str,
    version: u64,
    operation: &'c str,
    rows_removed: i64,
}

impl<'c> Commit<'c> {
    /// The facts of a commit.
    pub fn of(commit: &'c ForeignCommit) -> Self {
        Commit {
            table: commit.table.name(),
            version: commit.version,
            operation: &commit.operation,
            rows_removed: commit.rows_removed,
        }
    }
}

/// The result of `store adopt`.
#[derive(Serialize)]
pub struct Adopted<'c> {
    adopted: Vec<Commit<'c>>,
    undone: Vec<&'static str>,
}

impl<'c> Adopted<'c> {
    /// The accepted commits, and the tables whose changes were undone.
    pub fn of(adopted: &'c [ForeignCommit], undone: &[Table]) -> Self {
        Adopted { adopted: adopted.iter().map(Commit::of).collect(), undone: undone.iter().map(|table| table.name()).collect() }
    }
}

/// The result of `store reclassify`.
#[derive(Serialize)]
pub struct Classified {
    catalog: String,
    was_current: bool,
    records: u64,
    without_original: u64,
    failures_before: u64,
    failures_after: u64,
}

impl Classified {
    /// The result for the current catalog.
    pub fn of(done: &Reclassified) -> Self {
        Classified {
            catalog: catalog_version(),
            was_current: done.was_current,
            records: done.records,
            without_original: done.kept,
            failures_before: done.failures_before,
            failures_after: done.failures_after,
        }
    }
}

/// The result of `store compact`.
#[derive(Serialize)]
pub struct Compacted {
    files_before: u64,
    files_after: u64,
}

impl Compacted {
    /// The numbers of files.
    pub fn of(done: &Maintained) -> Self {
        Compacted { files_before: done.files_before, files_after: done.files_after }
    }
}

/// The result of `store vacuum`.
#[derive(Serialize)]
pub struct Vacuumed {
    files_before: u64,
    files_after: u64,
    bytes_freed: u64,
}

impl Vacuumed {
    /// The numbers of files and bytes.
    pub fn of(done: &Maintained) -> Self {
        Vacuumed { files_before: done.files_before, files_after: done.files_after, bytes_freed: done.bytes_freed }
    }
}

/// The result of `store drop`.
#[derive(Serialize)]
pub struct Removal {
    before: String,
    removed: bool,
    tables: Vec<OfTable>,
}

/// The effect on one table.
#[derive(Serialize)]
struct OfTable {
    table: &'static str,
    rows: u64,
    files: u64,
    rewritten: u64,
    bytes: u64,
}

impl Removal {
    /// What is removed, or would be.
    pub fn of(before: Timestamp, removed: bool, dropped: &[Dropped]) -> Self {
        let tables = dropped.iter().map(|dropped| OfTable {
            table: dropped.table.name(),
            rows: dropped.rows,
            files: dropped.files,
            rewritten: dropped.rewritten,
            bytes: dropped.bytes,
        });
        Removal { before: before.to_string(), removed, tables: tables.collect() }
    }
}

/// The result of `store verify`.
#[derive(Serialize)]
pub struct Integrity {
    intact: bool,
    repaired: bool,
    data_files: u64,
    rows: u64,
    bytes: u64,
    loaded_files: u64,
    faults: Vec<FaultFacts>,
}

impl Integrity {
    /// The result; `message` describes a fault in a sentence.
    pub fn of(done: &Verified, repaired: bool, message: impl Fn(&Fault) -> String) -> Self {
        Integrity {
            intact: !done.faults.iter().any(Fault::is_serious),
            repaired,
            data_files: done.files,
            rows: done.rows,
            bytes: done.bytes,
            loaded_files: done.loaded_files,
            faults: done.faults.iter().map(|fault| FaultFacts::of(fault, message(fault))).collect(),
        }
    }
}

/// A problem of a store. The facts depend on its kind.
#[derive(Default, Serialize)]
struct FaultFacts {
    kind: &'static str,
    serious: bool,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl FaultFacts {
    fn of(fault: &Fault, message: String) -> Self {
        let serious = fault.is_serious();
        let of = |kind| FaultFacts { kind, serious, message, ..FaultFacts::default() };
        let text = |path: &Path| Some(path.display().to_string());
        match fault {
            Fault::ManifestIsStale => of("manifest_is_stale"),
            Fault::ManifestIsIgnored => of("manifest_is_ignored"),
            Fault::NotAdopted(table) => FaultFacts { table: Some(table.name()), ..of("not_adopted") },
            Fault::LogDiffers(table) => FaultFacts { table: Some(table.name()), ..of("log_differs") },
            Fault::Missing(path) => FaultFacts { path: text(path), ..of("missing") },
            Fault::Size { path, expected, found } => {
                FaultFacts { path: text(path), expected: Some(*expected), found: Some(*found), ..of("size") }
            }
            Fault::Altered(path) => FaultFacts { path: text(path), ..of("altered") },
            Fault::Unreadable { path, detail } => {
                FaultFacts { path: text(path), detail: Some(detail.clone()), ..of("unreadable") }
            }
            Fault::Rows { path, expected, found } => {
                FaultFacts { path: text(path), expected: Some(*expected), found: Some(*found), ..of("rows") }
            }
            Fault::Duplicates { table, rows } => FaultFacts { table: Some(table.name()), rows: Some(*rows), ..of("duplicates") },
            Fault::Ledger(file) => FaultFacts { path: Some(file.clone()), ..of("ledger") },
            Fault::Orphan(path) => FaultFacts { path: text(path), ..of("orphan") },
        }
    }
}
