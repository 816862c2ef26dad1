//! `failures`: one row for each incident, also when several records tell of it.
//!
//! Stopped tasks and dstack runs are told again and again with the same time; of each telling of one
//! incident the newest counts. Their window goes by incident *and* time, so that a time filter can pass
//! below it. Failed deployments and agent updates are repeated by later events: the earliest counts.

use super::{columns, evidence, evidence_of, evidence_over};
use crate::lang::catalog::{FieldType, MeasureInfo};
use crate::lang::checked::Aggregate;
use crate::plan::nouns::{Measure, Need, Needs, Noun, table_fields};
use crate::table::Table;

/// The records that report failures of any kind.
const FAILING: &[Table] = &[Table::Calls, Table::TaskEvents, Table::ServiceEvents, Table::InstanceEvents, Table::JobSubmissions];
/// What a question about failures needs.
pub const FAILURES: Needs = Needs::ByValue { column: "kind", of: records_of, any: FAILING };

/// The records that report a kind of failure.
fn records_of(kind: &str) -> &'static [Table] {
    match kind {
        "launch" | "api_error" => &[Table::Calls],
        "task" => &[Table::TaskEvents],
        "service" | "deployment" => &[Table::ServiceEvents],
        "agent" => &[Table::InstanceEvents],
        "run" => &[Table::JobSubmissions],
        _ => FAILING,
    }
}

/// The noun.
pub fn noun() -> Noun {
    let measure = |name, function, column, kind, doc| Measure {
        info: MeasureInfo { name, kind: FieldType::Int, doc },
        function,
        column: (column, kind),
    };
    Noun {
        word: "failures",
        needs: FAILURES,
        reads_originals: false,
        fields: table_fields(Table::Failures),
        measures: vec![
            measure("calls", Aggregate::Distinct, "call", FieldType::Text, "distinct calls that failed (launch, api_error)"),
            measure("missing", Aggregate::Sum, "missing_tasks", FieldType::Int, "tasks asked for and not placed"),
        ],
        shown: &["time", "kind", "phase", "reason", "cluster", "service", "task", "message"],
        view,
    }
}

pub(super) fn view(need: Need) -> String {
    let all = columns(Table::Failures, "f", &[]);
    let one = evidence(need, "f.record");
    let several = evidence_over(need, "f.record", "f.incident, f.time");
    let passed = evidence_of(need, "f");
    let earliest = evidence_over(need, "f.record", "f.incident");
    let rows = format!(
        "select {all}{one} from failures f \
         where f.incident is null or f.kind is null or f.kind not in ('task', 'run', 'deployment', 'agent') \
         union all \
         select {all}{passed} from (select {all}{several}, row_number() over (\
             partition by f.incident, f.time order by f.version desc nulls last, f.id) as nth, \
             count(f.version) over (partition by f.incident) as versions \
             from failures f where f.incident is not null and f.kind in ('task', 'run')) f \
         where f.nth = 1 and (f.version is not null or f.versions = 0) \
         union all \
         select {all}{passed} from (select {all}{earliest}, row_number() over (\
             partition by f.kind, f.incident order by f.time, f.version desc nulls last, f.id) as nth \
             from failures f where f.incident is not null and f.kind in ('deployment', 'agent')) f \
         where f.nth = 1"
    );
    if need.raw { with_raw(&rows) } else { rows }
}

/// Failures have no record of their own: it is fetched by the id of the record that tells of them.
fn with_raw(rows: &str) -> String {
    format!(
        "select f.*, r.raw from ({rows}) f left join (\
           select r.id, min(r.raw) as raw from (\
             select id, raw from calls union all select id, raw from task_events \
             union all select id, raw from instance_events union all select id, raw from service_events \
             union all select id, raw from run_records union all select id, raw from run_events \
             union all select s.id, r.raw from job_submissions s join run_records r on r.id = s.run_record) r \
           where r.id in (select record from failures) group by r.id) r on r.id = f.record"
    )
}
