//! dstack volumes, gateways, fleets and instances that failed.
//!
//! In: such a resource as exported, or an event about one. Out: the row of the event or of the state, and the failure. A
//! resource that is well describes a state and not what happened: it is filtered with its reason.

use super::catalog::{FailureCatalog, Finding, TextKind};
use super::failure::Classification;
use super::field::{Name, lower, name, text_at};
use super::time::time_at;
use super::{Modeled, Origin, Record, Refusal};
use crate::decode::json::Value;
use crate::table::{Failure, Row, RunEvent, Table};
use std::borrow::Cow;

/// The termination reason of an instance that failed in a way that only its message says.
const ERROR: &str = "error";

/// A sort of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Volume,
    Gateway,
    Fleet,
    Instance,
}

impl Sort {
    /// The sort with the name that targets of events have.
    fn named(target: &str) -> Option<Sort> {
        Some(match target {
            "volume" => Sort::Volume,
            "gateway" | "gateway-replica" => Sort::Gateway,
            "fleet" => Sort::Fleet,
            "instance" => Sort::Instance,
            _ => return None,
        })
    }

    /// The sort of a record that is recognized by this reason code.
    fn of_record(why: &str) -> Option<Sort> {
        Sort::named(why.strip_prefix("dstack_")?)
    }

    /// Its name.
    const fn word(self) -> &'static str {
        match self {
            Sort::Volume => "volume",
            Sort::Gateway => "gateway",
            Sort::Fleet => "fleet",
            Sort::Instance => "instance",
        }
    }

    /// The phase of a failure whose message is unknown: what it is for is what failed.
    const fn phase(self) -> &'static str {
        match self {
            Sort::Volume => "volume",
            Sort::Gateway => "network",
            Sort::Fleet | Sort::Instance => "host",
        }
    }
}

/// What is known about a resource that may have failed.
#[derive(Debug)]
struct Resource<'a> {
    sort: Sort,
    name: Name<'a>,
    id: Name<'a>,
    project: Name<'a>,
    user: Name<'a>,
    backend: Name<'a>,
    region: Name<'a>,
    /// The final status, or the termination reason of an instance.
    reason: Name<'a>,
    message: Option<&'a str>,
}

/// Models a resource; `why` is the reason code under which one that is well is filtered.
pub fn model_resource<'a>(value: Value<'a>, why: &'static str, origin: Origin<'a>) -> Modeled<'a> {
    let Some(sort) = Sort::of_record(why) else { return Modeled::Filtered(why) };
    let resource = Resource::read(sort, value);
    let Some(class) = resource.classify() else { return Modeled::Filtered(why) };
    let times = ["finished_at", "deleted_at", "last_processed_at", "created_at", "created"];
    let Some(time) = times.into_iter().find_map(|key| time_at(value, key)) else {
        let created = if sort == Sort::Instance { "created" } else { "created_at" };
        return Modeled::Refused(Refusal::missing_time_in(value, &[created, "finished_at", "deleted_at", "last_processed_at"]));
    };
    let id: Cow<'a, str> = Cow::Owned(origin.content_id());
    let row = RunEvent {
        id: Some(id.clone()),
        time: Some(time),
        message: resource.message.and_then(name).or_else(|| resource.reason.clone()),
        target_type: name(sort.word()),
        target: resource.name.clone(),
        target_id: resource.id.clone(),
        project: resource.project.clone(),
        to_status: value.text_at("status").and_then(lower),
        reason: resource.reason.clone(),
        source: name("dstack"),
        file: origin.file(),
        record: Some(origin.record),
        raw: origin.raw(),
        ..RunEvent::default()
    };
    let failure = resource.failure(class, &id, time, origin);
    let rows = vec![Row::from(row), Row::from(failure)];
    Modeled::Record(Record { table: Table::RunEvents, id, account: None, time, rows })
}

/// Models a resource again from its original.
pub fn model_original<'a>(value: Value<'a>, origin: Origin<'a>) -> Modeled<'a> {
    let why = match value.path(&["configuration", "type"]).and_then(Value::text) {
        Some("volume") => "dstack_volume",
        Some("gateway") => "dstack_gateway",
        Some("fleet") => "dstack_fleet",
        _ if value.get("instances").is_some() => "dstack_fleet",
        _ => "dstack_instance",
    };
    model_resource(value, why, origin)
}

/// The failure that an event about a resource reports: `reason` and `message` are those in its text, and `to_status` is the
/// new status. An event whose first target is a job is about the job.
pub(super) fn failure_of_event<'a>(
    event: Value<'a>,
    (reason, message, to_status): (Name<'a>, Option<&'a str>, Name<'a>),
    (id, time): (&str, i64),
    origin: Origin<'a>,
) -> Option<Failure<'a>> {
    let target = event.get("targets")?.items().next()?;
    let sort = Sort::named(target.text_at("type")?)?;
    let failed = to_status.filter(|status| status == "failed");
    let resource = Resource {
        sort,
        name: text_at(target, "name"),
        id: text_at(target, "id"),
        project: text_at(target, "project_name"),
        user: text_at(event, "actor_user"),
        backend: None,
        region: None,
        reason: if sort == Sort::Instance { reason } else { failed },
        message,
    };
    let class = resource.classify()?;
    Some(resource.failure(class, id, time, origin))
}

impl<'a> Resource<'a> {
    fn read(sort: Sort, value: Value<'a>) -> Self {
        let status = value.text_at("status").and_then(lower);
        let failed = status.filter(|status| status == "failed");
        let ended = value.text_at("termination_reason");
        // Releases before 0.20.1 have their message as the reason.
        let (reason, message) = match (sort, ended) {
            (Sort::Instance, Some(reason)) if reason.contains(' ') => (name(ERROR), Some(reason)),
            (Sort::Instance, reason) => (reason.and_then(lower), value.text_at("termination_reason_message")),
            _ => (failed, value.text_at("status_message")),
        };
        // What the gateway says of its replicas is less than what they say themselves.
        let of_replica = || {
            let mut replicas = value.get("replicas").into_iter().flat_map(Value::items);
            replicas.find_map(|replica| replica.text_at("status_message").filter(|_| is_failed(replica)))
        };
        let message = if sort == Sort::Gateway { of_replica().or(message) } else { message };
        let configuration = value.get("configuration").or_else(|| value.path(&["spec", "configuration"]));
        let of_configuration = |key: &str| configuration.and_then(|configuration| text_at(configuration, key));
        let backend = text_at(value, "backend").or_else(|| of_configuration("backend"));
        Resource {
            sort,
            name: text_at(value, "name"),
            id: text_at(value, "id"),
            project: text_at(value, "project_name"),
            user: text_at(value, "user"),
            backend: backend.map(|backend| Cow::Owned(backend.to_ascii_lowercase())),
            region: text_at(value, "region").or_else(|| of_configuration("region")),
            reason,
            message: message.map(str::trim).filter(|message| !message.is_empty()),
        }
    }

    /// The classification; `None` if it did not fail. An instance ends for many reasons, and its catalog entry says whether
    /// its end was wanted.
    fn classify(&self) -> Option<Classification> {
        let reason = self.reason.as_deref()?;
        let of_text = |text: &str| FailureCatalog::current().look_up(Some(TextKind::RunMessage), text);
        let found = match self.message.map(of_text) {
            None | Some(Finding::Unknown) => of_text(reason),
            Some(found) => found,
        };
        let of_sort = Classification { phase: Some(self.sort.phase()), ..Classification::default() };
        match found {
            Finding::Failure(_, entry) if entry.class.as_deref() == Some("operator") => None,
            Finding::Failure(_, entry) => Some(Classification::of(entry)),
            Finding::Benign(..) => None,
            Finding::Unknown => (self.sort != Sort::Instance || reason == ERROR).then_some(of_sort),
        }
    }

    fn failure(self, class: Classification, record: &str, time: i64, origin: Origin<'a>) -> Failure<'a> {
        let what = self.name.as_deref().or(self.id.as_deref()).unwrap_or("(not named)");
        let mut failure = Failure {
            id: Some(Cow::Owned(record.to_owned())),
            time: Some(time),
            kind: name("resource"),
            event_name: Some(Cow::Owned(format!("{} {what}", self.sort.word()))),
            incident: self.id.as_deref().map(|id| Cow::Owned(format!("resource:{id}"))),
            reason: self.reason,
            message: self.message.and_then(name),
            user: self.user,
            project: self.project,
            backend: self.backend,
            region: self.region,
            secondary: Some(false),
            source: name("dstack"),
            file: origin.file(),
            record: Some(Cow::Owned(record.to_owned())),
            ..Failure::default()
        };
        class.fill(&mut failure);
        failure
    }
}

/// Whether a replica failed; one that failed to start is terminated afterwards.
fn is_failed(replica: Value<'_>) -> bool {
    replica
        .text_at("status")
        .is_some_and(|status| ["failed", "terminating", "terminated"].contains(&&*status.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::Tape;

    /// `phase class cause reason region` of the failure of a resource, or why there is none.
    fn verdict(why: &'static str, text: &str) -> String {
        let tape = Tape::parse(text).unwrap();
        let origin = Origin { file: "f", record: 1, raw: None, text };
        match model_resource(tape.root(), why, origin) {
            Modeled::Filtered(why) => format!("filtered: {why}"),
            Modeled::Refused(refusal) => refusal.why.to_owned(),
            Modeled::Record(record) => {
                let [Row::RunEvents(event), Row::Failures(failure)] = record.rows.as_slice() else { panic!("two rows") };
                let text = |field: &Name<'_>| field.as_deref().unwrap_or("-").to_owned();
                assert_eq!((event.time, failure.kind.as_deref()), (failure.time, Some("resource")));
                let fields =
                    [&failure.event_name, &failure.phase, &failure.class, &failure.cause, &failure.reason, &failure.region];
                fields.map(text).join(" ")
            }
        }
    }

    fn volume(status: &str, more: &str) -> String {
        format!(
            r#"{{"id":"v1","name":"herbs","project_name":"garden","configuration":{{"type":"volume","backend":"gcp","region":"north"}},
            "created_at":"2026-03-01T08:00:00Z","status":"{status}"{more}}}"#
        )
    }

    #[test]
    fn a_volume_fails_by_its_status() {
        let of = |status, more| verdict("dstack_volume", &volume(status, more));
        assert_eq!(of("active", ""), "filtered: dstack_volume");
        assert_eq!(of("failed", ""), "volume herbs volume - - failed north");
        assert_eq!(of("failed", r#","status_message":"nobody has seen this""#), "volume herbs volume - - failed north");
        assert_eq!(
            of("failed", r#","status_message":"Volume herbs not found","deleted":true"#),
            "volume herbs volume configuration dstack-volume-not-found failed north"
        );
        assert_eq!(
            of("failed", r#","status_message":"Backend error: ComputeError('Volume herbs not found')""#),
            "volume herbs volume configuration dstack-volume-not-found failed north"
        );
        assert_eq!(verdict("dstack_volume", r#"{"id":"v1","status":"failed"}"#), "missing_time");
    }

    #[test]
    fn a_gateway_fails_as_its_replica_does() {
        let of = |more: &str| {
            let text = r#"{"id":"g1","name":"gate","project_name":"garden","configuration":{"type":"gateway","region":"north"},
                "created_at":"2026-03-01T08:00:00Z","status":"failed""#;
            verdict("dstack_gateway", &format!("{text}{more}}}"))
        };
        let own = r#","status_message":"Failed to provision gateway replica""#;
        assert_eq!(of(own), "gateway gate network infrastructure dstack-gateway-replica failed north");
        let replica = r#","replicas":[{"status":"running","status_message":"x"},
            {"status":"terminated","status_message":"No default VPC in region north"}]"#;
        assert_eq!(of(&format!("{own}{replica}")), "gateway gate network configuration dstack-cloud-network failed north");
    }

    #[test]
    fn an_instance_fails_if_its_end_was_not_wanted() {
        let of = |reason: &str, message: &str| {
            let text = format!(
                r#"{{"id":"i1","name":"bed-0","project_name":"garden","region":"north","created":"2026-03-01T08:00:00Z",
                "status":"terminated","termination_reason":{reason},"termination_reason_message":{message}}}"#
            );
            verdict("dstack_instance", &text)
        };
        for reason in ["null", r#""terminated_by_user""#, r#""idle_timeout""#, r#""job_finished""#, r#""fleet_spec_mismatch""#] {
            assert_eq!(of(reason, "null"), "filtered: dstack_instance", "{reason}");
        }
        assert_eq!(of(r#""Idle timeout""#, "null"), "filtered: dstack_instance");
        assert_eq!(of(r#""max_instances_limit""#, r#""Fleet has too many instances""#), "filtered: dstack_instance");
        assert_eq!(of(r#""no_offers""#, "null"), "instance bed-0 capacity capacity dstack-host-no-offers no_offers north");
        assert_eq!(
            of(r#""provisioning_timeout""#, r#""nobody has seen this""#),
            "instance bed-0 host transient dstack-host-not-running provisioning_timeout north"
        );
        assert_eq!(of(r#""unreachable""#, "null"), "instance bed-0 host transient dstack-instance-unreachable unreachable north");
        assert_eq!(of(r#""error""#, r#""nobody has seen this""#), "instance bed-0 host - - error north");
        assert_eq!(
            of(r#""Retry duration expired""#, "null"),
            "instance bed-0 capacity capacity dstack-host-no-offers error north"
        );
    }
}
