//! Compares how long stops took in the store with the stop timeout of the definition.

use super::{Definition, Past, Wanted, found, open};
use crate::check::State;
use crate::render::describe_duration;

/// Seconds from the stop request to the end of the program, one row per task that was running when it was stopped.
const STOPS: &str = "
    select (cast(execution_stopped_at as bigint) - cast(stopping_at as bigint)) / 1000000.0
    from (select t.*, row_number() over (partition by coalesce(task_arn, task, id) order by version desc nulls last, time desc, id) as nth
          from task_events t where family = 'FAMILY'HOME) t
    where nth = 1 and started_at is not null and execution_stopped_at > stopping_at
      and stop_code in ('UserInitiated', 'ServiceSchedulerInitiated') order by 1";

/// A stop is long from this many seconds on: new tasks that need the resources wait just as long.
const LONG: f64 = 60.0;

/// The result of `stop-killed` or `stop-holds`.
pub fn state<E>(question: &str, definition: &Definition, wanted: &Wanted, past: Option<&Past<'_, E>>) -> Result<State, E> {
    if question == "stop-holds" && definition.fargate {
        return Ok(open("Fargate tasks do not share an instance"));
    }
    let Some(past) = past else { return Ok(open("no store to query")) };
    let statement = STOPS.replace("HOME", &wanted.home.and_in_sql());
    let rows = (past.rows)(&statement.replace("FAMILY", &definition.family.replace('\'', "''")))?;
    let stops: Vec<f64> = rows.iter().filter_map(|row| row.first()?.as_number()).collect();
    let Some(longest) = stops.last().copied() else {
        return Ok(open(&format!("no running task of family {} was stopped", definition.family)));
    };
    let timeout = definition.stop_timeout();
    let sentence = if question == "stop-killed" {
        let over = stops.iter().filter(|seconds| **seconds > timeout as f64).count();
        (over > 0).then(|| {
            format!(
                "{over} of {} stops took longer than the stop timeout of {} (the longest {}): the program would be killed before it finishes",
                stops.len(),
                describe_duration(timeout as f64),
                describe_duration(longest)
            )
        })
    } else {
        let held = longest.min(timeout as f64);
        (held >= LONG).then(|| {
            format!(
                "stops took up to {}, and the stop timeout is {}: {} CPU units and {} MiB remain in use for up to {} after a stop request",
                describe_duration(longest),
                describe_duration(timeout as f64),
                definition.needed_cpu(),
                definition.needed_memory(),
                describe_duration(held)
            )
        })
    };
    Ok(found(sentence.into_iter(), ""))
}
