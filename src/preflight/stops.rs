//! Stops: how long stopping took in the store, against the stop time-out of the definition.

use super::{Definition, Past, found, open, span};
use crate::check::State;

/// Seconds from the order to stop to the end of the program, one row a task that was told to stop while it ran.
const STOPS: &str = "
    select (cast(execution_stopped_at as bigint) - cast(stopping_at as bigint)) / 1000000.0
    from (select t.*, row_number() over (partition by task_arn order by version desc nulls last, time desc, id) as nth
          from task_events t where family = 'FAMILY') t
    where nth = 1 and started_at is not null and execution_stopped_at > stopping_at
      and stop_code in ('UserInitiated', 'ServiceSchedulerInitiated') order by 1";

/// From this many seconds on a stop is long: what waits for its room waits as long.
const LONG: f64 = 60.0;

/// The answer to `stop-killed` or `stop-holds`.
pub fn state<E>(question: &str, definition: &Definition, past: Option<&Past<'_, E>>) -> Result<State, E> {
    if question == "stop-holds" && definition.fargate {
        return Ok(open("tasks on Fargate share no instance"));
    }
    let Some(past) = past else { return Ok(open("no store was asked")) };
    let rows = (past.rows)(&STOPS.replace("FAMILY", &definition.family.replace('\'', "''")))?;
    let stops: Vec<f64> = rows.iter().filter_map(|row| row.first()?.as_number()).collect();
    let Some(longest) = stops.last().copied() else {
        return Ok(open(&format!("no task of family {} was told to stop while it ran", definition.family)));
    };
    let timeout = definition.stop_timeout();
    let sentence = if question == "stop-killed" {
        let over = stops.iter().filter(|seconds| **seconds > timeout as f64).count();
        (over > 0).then(|| {
            format!(
                "{over} of {} stops took longer than the time-out of {timeout} s (the longest {}): the program would be killed before it has ended",
                stops.len(),
                span(longest)
            )
        })
    } else {
        let held = longest.min(timeout as f64);
        (held >= LONG).then(|| {
            format!(
                "stops took up to {}, and the time-out is {timeout} s: {} CPU units and {} MiB stay taken for up to {} after a stop",
                span(longest),
                definition.needed_cpu(),
                definition.needed_memory(),
                span(held)
            )
        })
    };
    Ok(found(sentence.into_iter(), ""))
}
