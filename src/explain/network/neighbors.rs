//! Checks whether other tasks in the same subnet failed the same way or started.

use super::{Branch, Evidence, NetworkContext, branch};
use crate::explain::records::{Records, equals, text, time, within};
use crate::plural::counted;
use crate::render::describe_duration;
use crate::run::RunError;

/// The time around the failure, in seconds.
const AROUND: i64 = 3600;

/// The branch; none if the subnet is unknown.
pub(super) fn more_than_this(records: &Records<'_>, context: &NetworkContext) -> Result<Option<Branch>, RunError> {
    let Some(subnet) = context.subnet.as_deref() else { return Ok(None) };
    let in_subnet = equals("subnet", Some(subnet));
    let near = within(context.began, AROUND, context.ended, AROUND);
    let alike = format!(
        "{in_subnet} and {near} and id <> {} and (cause = {} or phase = 'network')",
        text(&context.id),
        text(&context.cause)
    );
    let mut speaks_for = Vec::new();
    if let Some(row) = records.count_failures(&alike)?.filter(|row| row.int("failures") > Some(0)) {
        let others = row.int("failures").unwrap_or_default();
        let seconds = row.time("first").zip(row.time("last")).map(|(first, last)| last.duration_since(first).as_secs());
        let within =
            seconds.filter(|seconds| *seconds > 0).map(|seconds| format!(" within {}", describe_duration(seconds as f64)));
        let what = format!(
            "{} in {subnet} failed the same way{}",
            counted(others, "other task", "other tasks"),
            within.unwrap_or_default()
        );
        let record = row.text("record").map(str::to_owned);
        speaks_for.push(Evidence { what, time: row.time("first"), record, strong: true, ..Evidence::default() });
    }
    let started = records.rows(&format!(
        "select count(distinct task) as tasks, min(started_at) as first, \
         first_value(id order by started_at, \"time\", id) as record from task_events \
         where {in_subnet} and started_at >= {} and started_at <= {} and {}",
        time(context.began),
        time(crate::explain::records::shifted(context.ended, AROUND)),
        context.task.as_deref().map_or_else(|| "true".to_owned(), |task| format!("task <> {}", text(task)))
    ))?;
    let started = started.first().filter(|row| row.int("tasks") > Some(0));
    let against = started.map(|row| {
        let tasks = row.int("tasks").unwrap_or_default();
        let tasks = counted(tasks, "task", "tasks");
        let what = format!("{tasks} in {subnet} started at that time or within the next hour");
        let record = row.text("record").map(str::to_owned);
        Evidence { what, time: row.time("first"), record, ..Evidence::default() }
    });
    Ok(Some(branch("other tasks are affected too", speaks_for, against.into_iter().collect())))
}
