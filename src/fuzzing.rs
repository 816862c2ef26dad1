//! The entry points for fuzz targets: one function per reader of untrusted bytes.
//!
//! In: a folder for temporary files, and any bytes. Out: nothing; a target panics if an invariant does not hold. The
//! targets of `fuzz/` (cargo-fuzz) and the regression test `tests/fuzz.rs` (stable) call the same functions. Not part of
//! the interface of the library.

use crate::config::{Config, Layer};
use crate::decode::budget::{Budget, Limits};
use crate::decode::buffer::Buffer;
use crate::decode::flow::{FlowLine, read_lines, read_parquet};
use crate::decode::inflate::inflate;
use crate::decode::json::Tape;
use crate::decode::quoted::{self, Quoted};
use crate::decode::split::{Piece, split};
use crate::decode::{csv, envelope};
use crate::discover::find_inputs;
use crate::lang::{self, CheckContext};
use crate::load::{LoadOptions, Selection, Silent, load, silence_contained_panics};
use crate::model::catalog::FailureCatalog;
use crate::plan::PlanCatalog;
use crate::store::{MemorySink, Store};
use crate::table::TableSet;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::path::Path;

/// A fuzz target.
pub type Target = fn(folder: &Path, bytes: &[u8]);

/// All targets by name: the names of the files in `fuzz/fuzz_targets` and of the folders in `fuzz/corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("catalog", catalog),
    ("config", config),
    ("csv", csv_lines),
    ("flow_parquet", flow_parquet),
    ("flow_text", flow_text),
    ("inflate", gzip),
    ("json", json),
    ("load", any_file),
    ("query", query),
    ("quoted", quoted_values),
    ("split", pieces),
    ("store", store_files),
];

/// Runs a target by its name.
pub fn run(name: &str, folder: &Path, bytes: &[u8]) {
    if let Some((_, target)) = TARGETS.iter().find(|(known, _)| *known == name) {
        target(folder, bytes);
    }
}

/// A budget that is small enough to be exceeded by mutated inputs.
fn budget(bytes: &[u8]) -> Budget {
    let budget = Budget::new(Limits { inflated: 1 << 20, inflated_large: 4 << 20, ..Limits::STANDARD });
    // An input of a fuzzer is far below the limit of a file.
    let charged = budget.charge_read(bytes.len() as u64);
    debug_assert!(charged.is_ok());
    budget
}

/// The JSON reader accepts what serde_json accepts, with the same content.
fn json(_folder: &Path, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (ours, theirs) = (Tape::parse(text), serde_json::from_str::<serde_json::Value>(text));
    assert_eq!(ours.is_ok(), theirs.is_ok(), "one parser accepts this: {text}");
    if let (Ok(ours), Ok(theirs)) = (ours, theirs)
        && ours.repeated_keys() == 0
    {
        assert_eq!(serde_json::to_value(ours.root()).ok(), Some(theirs), "{text}");
    }
}

/// Pieces are parts of the input, in order; envelopes in them are opened.
fn pieces(_folder: &Path, bytes: &[u8]) {
    let budget = budget(bytes);
    let mut last = 0;
    split(bytes, &budget, &mut |piece| {
        let (offset, length) = match piece {
            Piece::Value { tape, text, offset, .. } | Piece::Aside { tape, text, offset } => {
                assert_eq!(bytes.get(offset..offset + text.len()), Some(text.as_bytes()));
                envelope::with_masked(text, tape, |tape, text| {
                    envelope::find(tape, text, &budget, &mut |_| {});
                });
                (offset, text.len())
            }
            Piece::Broken { bytes: slice, offset, .. } => {
                assert_eq!(bytes.get(offset..offset + slice.len()), Some(slice));
                (offset, slice.len())
            }
            Piece::Stopped { offset, .. } => (offset, 0),
            Piece::Stray { .. } => return,
        };
        assert!(offset >= last, "a piece at {offset} follows one that ends at {last}");
        last = offset + length;
    });
}

/// Values within a text are JSON, in order.
fn quoted_values(_folder: &Path, bytes: &[u8]) {
    let mut last = 0;
    quoted::read(bytes, &budget(bytes), &mut |found| {
        let offset = match found {
            Quoted::Value { tape, text, offset, .. } => {
                assert_eq!(Tape::parse(text).ok().map(|again| again.root().is_object()), Some(tape.root().is_object()), "{text}");
                offset
            }
            Quoted::Broken { offset, .. } | Quoted::Stopped { offset, .. } => offset,
        };
        assert!(offset >= last && offset <= bytes.len(), "a value at {offset} follows one at {last}");
        last = offset;
    });
}

fn csv_lines(_folder: &Path, bytes: &[u8]) {
    csv::is_export(bytes);
    csv::read(bytes, &budget(bytes), &mut |line| {
        let offset = match line {
            csv::CsvLine::Record(_, offset) | csv::CsvLine::Broken(_, offset) => offset,
            csv::CsvLine::Unreadable(_, offset) | csv::CsvLine::Stopped(_, offset) => offset,
        };
        assert!(offset <= bytes.len() as u64);
    });
}

fn flow_text(_folder: &Path, bytes: &[u8]) {
    read_lines(bytes, &budget(bytes), &mut |line| {
        if let FlowLine::Record { layout, values, .. } = line {
            assert_eq!(layout.len(), values.len());
        }
    });
}

/// Damage is an error. The library may panic, which a load contains.
fn flow_parquet(_folder: &Path, bytes: &[u8]) {
    silence_contained_panics();
    let _ = std::panic::catch_unwind(|| read_parquet(bytes, &budget(bytes), &mut |_| {}).map_err(|error| error.to_string()));
}

/// The output never exceeds its limits, and is empty if it would.
fn gzip(_folder: &Path, bytes: &[u8]) {
    let (budget, most) = (budget(bytes), 1 << 19);
    let mut out = Buffer::default();
    let problem = inflate(bytes, &budget, most, &mut out);
    assert!(out.len() <= most, "{} bytes, {problem:?}", out.len());
}

/// Every record of a file is accounted for.
fn any_file(folder: &Path, bytes: &[u8]) {
    silence_contained_panics();
    let path = folder.join("input");
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    let (inputs, _) = find_inputs(&[path], folder, None);
    let options = LoadOptions {
        latest: i64::MAX,
        keep_raw: true,
        tables: TableSet::ALL,
        limits: Limits::STANDARD,
        selection: Selection::default(),
        integrity: None,
    };
    let sink = MemorySink::default();
    let reports = load(&inputs, &sink, None, None, &options, &Silent).expect("a bad file never aborts a load");
    for report in &reports {
        assert!(report.balances(), "{report:?}");
        let internal =
            report.problems.iter().find(|problem| problem.why == "internal_error" && report.format != "VPC flow log in Parquet");
        assert!(internal.is_none(), "{internal:?}");
    }
    sink.finish(&reports, 0).expect("rows fit their columns");
}

/// A query is refused with a message, or planned; its text form means the same.
fn query(_folder: &Path, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(query) = lang::parse(text) else { return };
    let anchor = Timestamp::UNIX_EPOCH;
    let context = CheckContext { anchor, now: anchor, first: None, last: None, tz: TimeZone::UTC, default_rows: Some(50) };
    let _ = lang::check(&query, &PlanCatalog::default(), &context);
}

fn catalog(_folder: &Path, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = FailureCatalog::with_rules(&[text]);
}

fn config(_folder: &Path, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for layer in [Layer::Named, Layer::Store, Layer::User] {
        let _ = Config::parse(text, Path::new("ecs-audit.toml"), layer);
    }
}

/// The bytes as the manifest of a store, and as the log of its ledger.
fn store_files(folder: &Path, bytes: &[u8]) {
    let (root, manifest) = (folder.join("store"), folder.join("store/manifest.json"));
    let log = root.join("tables/files/_delta_log");
    let write = std::fs::create_dir_all(&log)
        .and_then(|()| std::fs::write(&manifest, bytes))
        .and_then(|()| std::fs::write(log.join("00000000000000000000.json"), bytes));
    if write.is_ok() {
        let _ = Store::open(&root);
        let _ = std::fs::remove_file(&manifest);
        let _ = Store::open(&root);
    }
    let _ = std::fs::remove_dir_all(&root);
}
