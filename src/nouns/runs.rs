//! `runs`: one row per dstack job submission with the columns of its run, and one per run without submissions.
//! Snapshots repeat both, so the latest one is used.

use super::sql::{computed, evidence, evidence_of, list, quoted, seconds_so_far};
use super::{Needs, Noun, ViewRequest, table_fields};
use crate::lang::catalog::{FieldInfo, FieldType};
use crate::table::Table;

/// The noun.
pub fn noun() -> Noun {
    let mut fields = table_fields(Table::JobSubmissions);
    fields.extend(of_run().iter().copied());
    fields.push(computed(
        "latest",
        FieldType::Bool,
        "whether this is the last submission of its job, which shows how the job ended",
    ));
    fields.push(computed("duration", FieldType::Duration, "time from submitted to finished, or to the newest event"));
    Noun {
        needs: Needs::All(&[&[Table::JobSubmissions, Table::RunRecords]]),
        fields,
        shown: &["time", "project", "run", "job", "status", "phase", "termination_reason", "exit_status", "backend", "message"],
        optional: &["backend", "project", "job", "phase", "exit_status"],
        ..Noun::computed("runs", view)
    }
}

/// The columns that only runs have.
fn of_run() -> Vec<FieldInfo> {
    let of_job = table_fields(Table::JobSubmissions);
    let is_new = |field: &FieldInfo| !of_job.iter().any(|known| known.name == field.name);
    table_fields(Table::RunRecords).into_iter().filter(is_new).collect()
}

fn view(need: ViewRequest) -> String {
    let run_names: Vec<&str> = Table::RunRecords.fields().iter().map(|field| field.name).collect();
    let of_job: Vec<String> = Table::JobSubmissions
        .fields()
        .iter()
        .map(|field| {
            let name = quoted(field.name);
            if run_names.contains(&field.name) { format!("coalesce(j.{name}, r.{name}) as {name}") } else { format!("j.{name}") }
        })
        .collect();
    let of_run = list(of_run().iter().map(|field| field.name), "r");
    let duration = seconds_so_far("j.submitted_at", "j.finished_at", need);
    let passed = if need.evidence {
        format!(", array_concat({}, {}) as {}", part("j"), part("r"), quoted(super::EVIDENCE))
    } else {
        String::new()
    };
    format!(
        "select {}, {of_run}, j.latest, {duration} as duration{passed} from (select *, row_number() over (partition by run_id, replica, job_num \
         order by submitted_at desc nulls last, submission_num desc nulls last, id) = 1 as latest from ({})) j \
         full join ({}) r on j.run_id = r.run_id",
        of_job.join(", "),
        latest(Table::JobSubmissions, "coalesce(t.submission, t.id)", "t.last_processed_at desc nulls last, t.id", need),
        latest(
            Table::RunRecords,
            "coalesce(t.run_id, t.id)",
            "t.run_processed_at desc nulls last, t.submissions desc nulls last, t.id",
            need
        ),
    )
}

/// The evidence of one side of the join, empty if that side has no row.
fn part(alias: &str) -> String {
    let column = evidence_of(ViewRequest { evidence: true, ..ViewRequest::default() }, alias);
    format!("coalesce({}, arrow_cast(make_array(), 'List(Utf8)'))", column.trim_start_matches(", "))
}

fn latest(table: Table, partition: &str, order: &str, need: ViewRequest) -> String {
    let one = evidence(need, "t.id");
    format!(
        "select t.*{one} from (select t.*, row_number() over (partition by {partition} order by {order}) as nth \
         from {} t) t where t.nth = 1",
        table.name()
    )
}
