//! `containers`: one row per container of each task, in its last known state.

use super::sql::{columns, evidence};
use super::{Needs, Noun, ViewRequest, table_fields};
use crate::table::Table;

/// The noun.
pub fn noun() -> Noun {
    Noun {
        needs: Needs::All(&[&[Table::TaskEvents]]),
        fields: table_fields(Table::ContainerEvents),
        shown: &["time", "cluster", "service", "task", "name", "last_status", "exit_code", "reason", "image"],
        optional: &["image", "cluster", "last_status", "service", "task"],
        ..Noun::computed("containers", view)
    }
}

fn view(need: ViewRequest) -> String {
    let all = columns(Table::ContainerEvents, "c", &[]);
    let one = evidence(need, "c.event_id");
    let rows = format!(
        "select {all}{one} from (select {all}, row_number() over (\
         partition by coalesce(c.task_arn, c.event_id), c.name \
         order by c.version desc nulls last, c.\"time\" desc nulls last, c.id) as nth \
         from container_events c) c where c.nth = 1"
    );
    if !need.raw {
        return rows;
    }
    // The record of a container is that of its task.
    format!(
        "select c.*, t.raw from ({rows}) c left join (\
         select id, min(raw) as raw from task_events group by id) t on t.id = c.event_id"
    )
}
