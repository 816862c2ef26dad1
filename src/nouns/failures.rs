//! `failures`: one row per failure, even if several records describe it.
//!
//! ECS and dstack send the record of a stopped task or run several times, with the same time; the newest copy counts.
//! Their window function partitions by failure *and* time, so that a filter on the time can be pushed below it. Failed
//! deployments, agent updates and resources of dstack are repeated by later records; of these the earliest counts. An event of a service about
//! a rollback belongs to the deployment that failed, and a deployment whose tasks failed before it is their consequence.

use super::sql::{columns, computed, evidence, evidence_of, evidence_over};
use super::{Measure, Needs, Noun, ViewRequest, table_fields};
use crate::incidents::ROLLOUT;
use crate::lang::catalog::{FieldInfo, FieldType, MeasureInfo};
use crate::lang::checked::Aggregate;
use crate::micros::{HOUR, MINUTE, SECOND};
use crate::table::Table;

/// The records that report failures of any kind.
pub const FAILING: &[Table] =
    &[Table::Calls, Table::TaskEvents, Table::ServiceEvents, Table::InstanceEvents, Table::JobSubmissions, Table::RunEvents];
/// What a question about failures needs.
pub const FAILURES: Needs = Needs::ByValue { column: "kind", of: records_of, any: FAILING };

/// The records that report a kind of failure.
fn records_of(kind: &str) -> &'static [Table] {
    match kind {
        "launch" | "api_error" => &[Table::Calls],
        "task" => &[Table::TaskEvents],
        "service" | "deployment" => &[Table::ServiceEvents],
        "agent" => &[Table::InstanceEvents],
        // Attempts that the server has pruned are known from their events only.
        "run" => &[Table::JobSubmissions, Table::RunEvents],
        "resource" => &[Table::RunEvents],
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
        needs: FAILURES,
        fields: table_fields(Table::Failures).into_iter().chain(COMPUTED.iter().copied()).collect(),
        measures: vec![
            measure("calls", Aggregate::Distinct, "call", FieldType::Text, "distinct calls that failed (launch, api_error)"),
            measure("missing", Aggregate::Sum, "missing_tasks", FieldType::Int, "tasks that were requested but not placed"),
        ],
        shown: &["time", "kind", "phase", "reason", "what", "cluster", "task", "message"],
        optional: &["kind", "task", "cluster", "phase"],
        ..Noun::recorded("failures", view)
    }
}

const COMPUTED: &[FieldInfo] = &[computed(
    "what",
    FieldType::Text,
    "what failed: the service, else the family, the run or job, the API call, or the instance",
)];

pub(super) fn view(need: ViewRequest) -> String {
    let what = "coalesce(f.service, f.family, f.run, f.job, f.event_name, f.container_instance)";
    format!("select f.*, arrow_cast({what}, 'Utf8View') as what from ({}) f", stored(need))
}

/// The rows without computed columns (see `failures/failures.sql`).
pub(super) fn stored(need: ViewRequest) -> String {
    let roots = |rows: &str| format!(include_str!("failures/roots.sql"), rows = rows, jitter = JITTER, rollout = ROLLOUT);
    let rows = format!(
        include_str!("failures/failures.sql"),
        all = columns(Table::Failures, "f", &[]),
        decided = columns_with_secondary(),
        named = columns(Table::Failures, "f", &["incident", "secondary"]),
        consequence = CONSEQUENCE,
        roots_of_reports = roots("reports"),
        roots_of_deployments = roots("own_failures"),
        rollback = ROLLBACK,
        jitter = JITTER,
        one = evidence(need, "f.record"),
        of_copies = evidence_over(need, "f.record", "f.incident, f.\"time\""),
        of_incident = evidence_over(need, "f.record", "f.incident"),
        passed = evidence_of(need, "f"),
    );
    if need.raw { format!(include_str!("failures/originals.sql"), rows = rows) } else { rows }
}

/// How long after a deployment failed ECS may still report its rollback, in microseconds.
const ROLLBACK: i64 = HOUR;
/// Reports of one failure that carry different ids are at most so far apart in the other direction.
const JITTER: i64 = MINUTE;
/// How long before a deployment failed its tasks may have failed, in seconds.
pub const ROLLOUT_SECONDS: i64 = ROLLOUT / SECOND;

/// Reports of a service about tasks that failed, without a fault of their own.
const CONSEQUENCE: &str = "(coalesce(f.kind, '') = 'service' and f.secondary is null and f.service is not null)";

/// All columns of `f`, with `secondary` decided by the matching row of `r`.
fn columns_with_secondary() -> String {
    let columns = Table::Failures.fields().iter().map(|field| match field.name {
        "secondary" => "coalesce(f.secondary, r.id is not null) as secondary".to_owned(),
        name => format!("f.{}", super::sql::quoted(name)),
    });
    columns.collect::<Vec<_>>().join(", ")
}
