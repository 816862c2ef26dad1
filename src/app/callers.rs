//! The callers that follow no schedule, which are not in `schedules`.

use super::dataset::Dataset;
use crate::lang::Checked;
use crate::nouns::{self, ViewRequest, ZoneName};
use crate::plan::Options;
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

/// The number of callers with and without a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Callers {
    /// With a schedule.
    pub regular: i64,
    /// Without a schedule: no starts are expected of them.
    pub irregular: i64,
}

/// The SQL for the number of callers without a schedule, which are not in `schedules`; none for other nouns.
pub fn callers_sql(checked: &Checked, options: Options) -> Option<String> {
    let need = ViewRequest { anchor: options.anchor.as_microsecond(), zone: ZoneName::of(&checked.tz), ..ViewRequest::default() };
    (checked.source == "schedules").then(|| nouns::schedules::callers(need))
}

/// The number of callers behind a query about schedules; none for other nouns.
pub fn callers(tables: &Dataset, checked: &Checked, options: Options) -> Option<Callers> {
    let answer = tables.sql(&callers_sql(checked, options)?).ok()?;
    let number = |column: usize| {
        let cell = answer.batches.first().map(|batch| batch.column(column));
        cell.and_then(|cell| cell.as_primitive_opt::<Int64Type>()).and_then(|numbers| numbers.iter().next().flatten())
    };
    Some(Callers { regular: number(0)?, irregular: number(1)? })
}
