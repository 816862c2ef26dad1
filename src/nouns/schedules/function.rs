//! `run_history(…)`: compares the runs of a caller, as a window function over its expected starts.

use std::sync::Arc;

use arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::logical_expr::WindowUDF;

use super::history::{Run, Usual, compare};
use crate::engine::functions::partition_function;
use crate::engine::functions::record::{Kind, Rows, number, numbers, struct_type};

/// The arguments, in order: the expected start, the first start and the last stop of the tasks, until when a stop would have been
/// recorded, and the newest event.
const ARGUMENTS: usize = 5;

/// The columns for each expected start.
const HISTORY: &[(&str, Kind)] = &[
    ("start_delay", Kind::Float),
    ("duration", Kind::Float),
    ("overlap", Kind::Float),
    ("previous_runs", Kind::Int),
    ("usual_duration", Kind::Float),
    ("duration_score", Kind::Float),
    ("usual_start_delay", Kind::Float),
    ("start_delay_score", Kind::Float),
];

/// The window functions over the expected starts of a caller.
pub fn functions() -> [WindowUDF; 1] {
    [partition_function("run_history", ARGUMENTS, struct_type(HISTORY), run_history)]
}

fn run_history(values: &[ArrayRef], _rows: usize) -> Result<ArrayRef> {
    let (expected, started, stopped) = (numbers(values, 0)?, numbers(values, 1)?, numbers(values, 2)?);
    let (watched, anchors) = (numbers(values, 3)?, numbers(values, 4)?);
    let run = |row: usize| Run {
        expected_at: number(&expected, row).unwrap_or_default(),
        started_at: number(&started, row),
        stopped_at: number(&stopped, row),
        watched_until: number(&watched, row),
    };
    let runs: Vec<Run> = (0..expected.len()).map(run).collect();
    let now = anchors.iter().next().flatten().unwrap_or(i64::MIN);
    let mut rows = Rows::new(HISTORY, runs.len());
    for one in compare(&runs, now) {
        let median = |usual: Option<Usual>| usual.map(|usual| usual.median);
        let score = |usual: Option<Usual>| usual.map(|usual| usual.score);
        rows.push(&[
            one.start_delay.into(),
            one.duration.into(),
            one.overlap.into(),
            one.previous.into(),
            median(one.usual_duration).into(),
            score(one.usual_duration).into(),
            median(one.usual_start_delay).into(),
            score(one.usual_start_delay).into(),
        ]);
    }
    Ok(Arc::new(rows.finish()?))
}
