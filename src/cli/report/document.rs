//! What `ecs-audit report` wrote, and what `report verify` found, for programs.

use crate::report::{Built, Difference, Manifest, Snapshot};
use serde::Serialize;
use std::path::Path;

/// A report that was written.
#[derive(Serialize)]
pub(super) struct Written<'r> {
    folder: String,
    page: String,
    title: &'r str,
    from: String,
    until: String,
    origin: &'r str,
    time_zone: &'r str,
    brief: bool,
    redacted: bool,
    sections: Vec<Section<'r>>,
    files: Vec<&'r str>,
    failed: Vec<Failed<'r>>,
}

/// A section with its rows in a file.
#[derive(Serialize)]
struct Section<'r> {
    section: &'r str,
    file: &'r str,
    rows: usize,
}

/// A part that could not be computed.
#[derive(Serialize)]
struct Failed<'r> {
    title: &'r str,
    why: &'r str,
}

impl<'r> Written<'r> {
    /// The report in a folder; `page` is its file to open.
    pub(super) fn of(built: &'r Built, folder: &Path, page: &Path) -> Self {
        let Manifest { request, sections, .. } = &built.manifest;
        let section = sections.iter().map(|entry| Section { section: &entry.section, file: &entry.file, rows: entry.rows });
        Written {
            folder: folder.display().to_string(),
            page: page.display().to_string(),
            title: &request.title,
            from: request.from.to_string(),
            until: request.until.to_string(),
            origin: &request.origin,
            time_zone: &request.time_zone,
            brief: request.brief,
            redacted: request.redacted,
            sections: section.collect(),
            files: built.files.keys().map(String::as_str).collect(),
            failed: built.failed.iter().map(|(title, why)| Failed { title, why }).collect(),
        }
    }
}

/// The comparison of a report with the store.
#[derive(Serialize)]
pub(super) struct Verified<'r> {
    folder: String,
    verified: bool,
    files: usize,
    same_store: bool,
    same_program: bool,
    same_catalog: bool,
    differences: &'r [Difference],
}

impl<'r> Verified<'r> {
    /// The differences of a report, and whether the store, the program and the failure catalog are those of the report.
    pub(super) fn of(
        folder: &Path,
        (manifest, files): (&Manifest, usize),
        (store, program, catalog): (&Snapshot, &str, &str),
        differences: &'r [Difference],
    ) -> Self {
        Verified {
            folder: folder.display().to_string(),
            verified: differences.is_empty(),
            files,
            same_store: manifest.store.content == store.content,
            same_program: manifest.tool == program,
            same_catalog: manifest.catalog == catalog,
            differences,
        }
    }
}
