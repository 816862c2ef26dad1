//! `trace_principals(…)`: the person behind the caller of each call.

use std::sync::Arc;

use arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::logical_expr::WindowUDF;

use super::identity::{Assumption, Identity};
use super::trace::{Assumptions, trace};
use crate::engine::functions::partition_function;
use crate::engine::functions::record::{Cell, Kind, Rows, number, numbers, struct_type, text, texts};

/// The arguments, in order. Calls that issue role sessions have `raw`, callers to trace have `identity`.
pub const ARGUMENTS: &[&str] = &["id", "time", "raw", "identity"];

/// The columns for each caller.
const PERSON: &[(&str, Kind)] = &[("person", Kind::Text), ("confidence", Kind::Text)];

/// The function.
pub fn functions() -> [WindowUDF; 1] {
    [partition_function("trace_principals", ARGUMENTS.len(), struct_type(PERSON), trace_principals)]
}

fn trace_principals(values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    let (ids, times) = (texts(values, 0)?, numbers(values, 1)?);
    let (raws, identities) = (texts(values, 2)?, texts(values, 3)?);
    let call = |row: usize| Assumption::read(text(&ids, row)?, number(&times, row)?, text(&raws, row)?);
    let calls = Assumptions::new((0..rows).filter_map(call).collect());
    let mut found = Rows::new(PERSON, rows);
    for row in 0..rows {
        let identity = text(&identities, row).and_then(Identity::of_json);
        let traced = identity.map(|identity| trace(&calls, &identity, number(&times, row).unwrap_or_default()));
        let cells: Vec<Cell<'_>> = match traced {
            Some(traced) => vec![traced.person.into(), traced.confidence.word().into()],
            None => Vec::new(),
        };
        found.push(&cells);
    }
    Ok(Arc::new(found.finish()?))
}
