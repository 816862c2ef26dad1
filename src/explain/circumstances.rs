//! Circumstances that change how to read a failure: the owner of the failed container, a successful retry, an instance that
//! was created although the reason says no capacity, a run that occupies the fleet, AWS faults in the same minutes, or a
//! change that removed something the failure names. They take precedence over the general advice in the catalog.

use super::changes::Changes;
use super::finding::Check;
use super::gather::FailureContext;
use super::launch::Launch;
use super::network::{NO_ROUTE, Network, Verdict};
use super::records::{Records, Row, equals, home_of, like_it, text, time, within};
use crate::knowledge::{Host, where_to_look};
use crate::nouns::failures::ROLLOUT_SECONDS;
use crate::plural::counted;
use crate::render::describe_duration;
use crate::run::RunError;
use crate::table::Table;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The time, in seconds, around a capacity failure in which AWS faults count as related.
const SAME_MINUTES: i64 = 5 * 60;
/// The time after a failure, in seconds, in which a task counts as its retry.
const RETRY_WITHIN: i64 = 60 * 60;

/// The circumstances of a failure.
#[derive(Debug, Default)]
pub(super) struct Circumstances {
    /// Sentences about the evidence.
    pub notes: Vec<String>,
    /// What to do first.
    pub actions: Vec<String>,
    /// Where to look if no record names a cause.
    pub look: Vec<String>,
    /// How to respond, if the evidence is more specific than the catalog.
    pub response: Option<String>,
}

/// Collects the circumstances of a failure.
pub(super) fn circumstances(
    records: &Records<'_>,
    case: &FailureContext,
    launch: Option<&Launch>,
    network: Option<&Network>,
    changes: Option<&Changes>,
) -> Result<Circumstances, RunError> {
    let mut circumstances = Circumstances::default();
    if case.expected {
        return Ok(circumstances);
    }
    whose_container(case, &mut circumstances);
    root_of_deployment(records, case, &mut circumstances)?;
    created_instance(case, &mut circumstances);
    busy_fleet(records, case, &mut circumstances)?;
    faults_of_aws(records, case, &mut circumstances)?;
    undo(network, changes, &mut circumstances);
    if let Some(healed) = healed(records, case, launch)? {
        // A retry that succeeded minutes later disproves "do not retry". Capacity shortages recur regardless of one retry.
        let pointless = case.text("class") != Some("capacity") && case.entry().is_none_or(|entry| entry.retry == "after_fix");
        if pointless {
            circumstances.response = Some(format!("No action needed now: {healed}; investigate if it happens again"));
        }
        circumstances.notes.push(healed);
    }
    let only_wrapped = case.entry().is_some_and(|entry| entry.generic) && case.text("class").is_none();
    if case.text("cause").is_none() || only_wrapped {
        unnamed(records, case, only_wrapped, &mut circumstances)?;
    } else if case.entry().is_some_and(|entry| entry.id == "essential-exited") {
        // Its text names no container, so that the reason of another one may be the cause.
        circumstances.notes.extend(reported_by_containers(records, case)?);
    }
    Ok(circumstances)
}

/// Explains the failure of a sidecar container, such as one that AWS injects.
fn whose_container(case: &FailureContext, circumstances: &mut Circumstances) {
    let (Some(known), Some(name)) = (case.beside, case.text("container")) else { return };
    let whose = if known.injected { "which AWS adds to the task" } else { "which runs next to the program" };
    circumstances.notes.push(format!("container {name} is {}, {whose}, not the program itself", known.title));
    let pulls = matches!(case.text("phase"), Some("image_pull" | "config_fetch"));
    circumstances.actions.push(if pulls { known.pull.clone() } else { known.fault.clone() });
}

/// Finds the task or service failures that made a deployment fail, or whose consequence a service reports.
fn root_of_deployment(records: &Records<'_>, case: &FailureContext, circumstances: &mut Circumstances) -> Result<(), RunError> {
    if !matches!(case.kind(), "deployment" | "service") || case.failure.flag("secondary") != Some(true) {
        return Ok(());
    }
    let Some(at) = case.failure.time("time") else { return Ok(()) };
    let condition = format!(
        "kind in ('task', 'service') and phase <> 'deployment' and {} and {} and {} and {}",
        equals("service", case.text("service")),
        like_it("cluster", case.text("cluster")),
        home_of(&case.failure),
        within(at, ROLLOUT_SECONDS, at, 60)
    );
    let rows = records.failures(&condition)?;
    let key = |row: &Row| ["phase", "cause", "reason"].map(|column| row.text(column).unwrap_or_default().to_owned());
    let Some(root) = rows.iter().max_by_key(|row| rows.iter().filter(|other| key(other) == key(row)).count()) else {
        return Ok(());
    };
    let alike = rows.iter().filter(|other| key(other) == key(root)).count();
    let times = counted(alike, "failure", "failures");
    let (phase, id) = (root.text("phase").unwrap_or("unknown"), root.text("id").unwrap_or_default());
    let reason = root.text("reason").unwrap_or("no reason recorded");
    circumstances.notes.push(format!("this is a consequence: the same service had {times} before (phase {phase}, {reason})"));
    circumstances.actions.push(format!("Start with the first failure: `ecs-audit explain {id}`"));
    Ok(())
}

/// A created instance contradicts a reason that reports missing capacity.
fn created_instance(case: &FailureContext, circumstances: &mut Circumstances) {
    let Some(job) = case.submission.as_ref().filter(|job| job.flag("provisioned") == Some(true)) else { return };
    if !case.text("reason").is_some_and(|reason| reason.contains("no_capacity")) || case.failure.flag("ran") == Some(true) {
        return;
    }
    let machine = [job.text("instance_type"), job.text("backend"), job.text("region")];
    let machine = machine.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let waited = job.time("submitted_at").zip(job.time("finished_at"));
    let waited = waited.map(|(from, until)| format!(" within {}", describe_duration(until.duration_since(from).as_secs_f64())));
    circumstances.notes.push(format!(
        "the reason says no capacity, but an instance was created ({machine}); it did not run the job{}",
        waited.unwrap_or_default()
    ));
}

/// Another run that holds an instance of the project can explain why no fleet or offer is available.
fn busy_fleet(records: &Records<'_>, case: &FailureContext, circumstances: &mut Circumstances) -> Result<(), RunError> {
    let asks = case.kind() == "run"
        && matches!(case.text("phase"), Some("placement" | "capacity"))
        && case.text("reason").is_some_and(|reason| reason.contains("no_capacity"));
    let (Some(at), Some(project)) = (case.failure.time("time").filter(|_| asks), case.text("project")) else { return Ok(()) };
    let now = time(at);
    let condition = format!(
        "provisioned and submitted_at <= {now} and (finished_at is null or finished_at >= {now}) \
         and run_id in (select run_id from run_records where {} and run_id is not null) and {}",
        equals("project", Some(project)),
        case.text("run_id").map_or_else(|| "true".to_owned(), |run| format!("run_id <> {}", text(run)))
    );
    let rows = records.some(Table::JobSubmissions, &condition, "submitted_at", 50)?;
    let mut jobs: Vec<&str> = rows.iter().filter_map(|row| row.text("job")).collect();
    jobs.dedup();
    let Some(first) = rows.first() else { return Ok(()) };
    let machine = [first.text("instance_type"), first.text("backend"), first.text("region")];
    let machine = machine.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let more = if jobs.len() > 1 { format!(" and {} more", jobs.len() - 1) } else { String::new() };
    let job = first.text("job").unwrap_or("another job");
    circumstances
        .notes
        .push(format!("job {job}{more} held an instance at that time ({machine}): the fleet may be busy rather than missing"));
    circumstances.actions.push(format!(
        "If the run targets the fleet that {job} occupies, wait for that job to end, stop it, or add nodes to the fleet; then submit the run again"
    ));
    circumstances.response =
        Some(format!("If the run targets that fleet, a retry succeeds once {job} ends; otherwise fix the fleet first"));
    Ok(())
}

/// AWS faults in the same minutes cast doubt on a message about capacity.
fn faults_of_aws(records: &Records<'_>, case: &FailureContext, circumstances: &mut Circumstances) -> Result<(), RunError> {
    let Some(at) = case.failure.time("time").filter(|_| case.text("class") == Some("capacity")) else { return Ok(()) };
    let condition = format!(
        "kind = 'api_error' and class in ('transient', 'infrastructure') and reason not like '%Throttl%' \
         and reason not like '%TooManyRequests%' and {} and {} and {}",
        like_it("account", case.text("account")),
        like_it("region", case.text("region")),
        within(at, SAME_MINUTES, at, SAME_MINUTES)
    );
    let rows = records.failures(&condition)?;
    let Some(first) = rows.first() else { return Ok(()) };
    let calls = counted(rows.len(), "call", "calls");
    circumstances.notes.push(format!(
        "{calls} of the account failed with {} within the same minutes: an AWS fault can look like missing capacity",
        first.text("reason").unwrap_or("a service fault")
    ));
    circumstances.response =
        Some("Retry with exponential backoff; plan capacity only if the failures continue after the AWS fault ends".to_owned());
    Ok(())
}

/// Advises to undo the call that probably caused the failure: from a likely network branch, otherwise a removal that shares
/// more than the cluster with the failure.
fn undo(network: Option<&Network>, changes: Option<&Changes>, circumstances: &mut Circumstances) {
    let likely = network.iter().flat_map(|network| &network.branches).filter(|branch| branch.verdict == Verdict::Likely);
    let shown = likely.flat_map(|branch| &branch.speaks_for).find_map(|evidence| Some((evidence, evidence.removal.as_ref()?)));
    let by = |who: Option<&str>| who.map(|who| format!(" by {who}")).unwrap_or_default();
    if let Some((evidence, what)) = shown {
        let record = evidence.record.as_deref().unwrap_or_default();
        circumstances.actions.push(format!(
            "Undo {what}{} unless it was intended: the evidence above makes it the likely cause (`ecs-audit show {record}`)",
            by(evidence.who.as_deref())
        ));
        return;
    }
    let change = changes.iter().flat_map(|changes| &changes.changes);
    if let Some(change) = change.into_iter().find(|change| change.removes_shared) {
        circumstances.actions.push(format!(
            "Look first at {}{}, {} before: it removed something that this failure names ({}); undo it unless it was intended",
            change.event.what,
            by(change.event.who.as_deref()),
            describe_duration(change.before_seconds as f64),
            change.shares.join(", ")
        ));
    }
}

/// Describes a successful retry.
fn healed(records: &Records<'_>, case: &FailureContext, launch: Option<&Launch>) -> Result<Option<String>, RunError> {
    let Some(at) = case.failure.time("time") else { return Ok(None) };
    if let Some(launch) = launch.filter(|launch| launch.outcome == "healed") {
        let after = launch.healed_at.map(|healed| describe_duration(healed.duration_since(at).as_secs_f64().max(0.0)));
        return Ok(Some(format!("a retry placed the task {} later", after.unwrap_or_else(|| "some time".to_owned()))));
    }
    let later = |since: Timestamp| describe_duration(since.duration_since(at).as_secs_f64().max(0.0));
    if let Some(job) = case.submission.as_ref() {
        let condition = format!(
            "{} and {} and submitted_at > {} and status in ('done', 'running')",
            equals("run_id", job.text("run_id")),
            equals("job", job.text("job")),
            job.time("submitted_at").map_or_else(|| time(at), time)
        );
        let rows = records.some(Table::JobSubmissions, &condition, "submitted_at", 1)?;
        let again = rows.first().and_then(|row| Some((row.time("submitted_at")?, row.text("status")?)));
        return Ok(again.map(|(submitted, status)| {
            format!("a new attempt of the same job, submitted {} later, is {status}", later(submitted))
        }));
    }
    // A later task heals only a task that never ran: a program that failed may fail again.
    if case.kind() != "task" || case.failure.flag("ran") == Some(true) {
        return Ok(None);
    }
    let starter = match (case.text("service"), case.text("started_by")) {
        (Some(service), _) => equals("service", Some(service)),
        (None, Some(starter)) => equals("started_by", Some(starter)),
        (None, None) => return Ok(None),
    };
    let began = case.task.as_ref().and_then(|task| task.time("created_at")).unwrap_or(at);
    let condition = format!(
        "{starter} and {} and {} and {} and created_at > {} and created_at <= {} and started_at is not null",
        like_it("cluster", case.text("cluster")),
        home_of(&case.failure),
        equals("task_definition", case.text("task_definition")),
        time(began),
        time(super::records::shifted(at, RETRY_WITHIN))
    );
    let rows = records.some(Table::TaskEvents, &condition, "started_at, version", 1)?;
    let started = rows.first().and_then(|row| row.time("started_at")).filter(|started| *started > at);
    Ok(started.map(|started| format!("a task of the same revision started {} later", later(started))))
}

/// If no record names a cause, lists places to look instead of guessing one.
fn unnamed(
    records: &Records<'_>,
    case: &FailureContext,
    only_wrapped: bool,
    circumstances: &mut Circumstances,
) -> Result<(), RunError> {
    let says_why = !only_wrapped && case.text("message").is_some_and(|message| Some(message) != case.text("reason"));
    let reported = reported_by_containers(records, case)?;
    circumstances.notes.push(match (says_why, reported.is_empty()) {
        (true, _) => "no catalog entry matches the message: the cause is unknown".to_owned(),
        (false, true) => "no record names a cause".to_owned(),
        (false, false) => "no record names a cause; what its containers report may be one".to_owned(),
    });
    circumstances.notes.extend(reported);
    circumstances.response.get_or_insert_with(|| "The cause is unknown: investigate before you retry".to_owned());
    let host = match (case.text("launch_type"), case.text("container_instance")) {
        (Some("FARGATE"), _) => Some(Host::Fargate),
        (Some("EC2" | "EXTERNAL" | "MANAGED_INSTANCES"), _) | (None, Some(_)) => Some(Host::Ec2),
        _ => None,
    };
    circumstances.look.extend(where_to_look(case.kind(), host).into_iter().map(str::to_owned));
    Ok(())
}

/// The most containers of a task whose reasons are listed.
const MOST_REASONS: usize = 5;

/// The reasons of the containers of a task, such as that of a managed agent that did not start, except the
/// message of the failure.
fn reported_by_containers(records: &Records<'_>, case: &FailureContext) -> Result<Vec<String>, RunError> {
    let Some(task) = case.text("task").filter(|_| case.kind() == "task") else { return Ok(Vec::new()) };
    let condition = format!(
        "{} and {} and reason is not null and reason is distinct from {}",
        equals("task", Some(task)),
        like_it("cluster", case.text("cluster")),
        text(case.text("message").unwrap_or_default())
    );
    let order = "version desc nulls last, \"time\" desc nulls last";
    let mut seen = BTreeSet::new();
    let line = |row: &Row| {
        let name = row.text("name").or(row.text("container"))?;
        seen.insert(name.to_owned()).then_some(format!("container {name} reports: {}", row.text("reason")?))
    };
    let rows = records.some(Table::ContainerEvents, &condition, order, 100)?;
    Ok(rows.iter().filter_map(line).take(MOST_REASONS).collect())
}

/// Words in advice that opens the network further than the task needs.
const WIDENS: [&str; 4] = ["assignPublicIp", "public IP", "0.0.0.0/0", "internet gateway"];

/// The actions from the evidence, followed by those of the catalog. An action that opens the network is kept only if the
/// evidence shows that the task has no route to its target.
pub(super) fn actions(first: &[String], general: Vec<String>, network: Option<&Network>) -> Vec<String> {
    let closed = network.is_some_and(|network| {
        let shown = |verdict: Verdict| matches!(verdict, Verdict::Likely | Verdict::Possible);
        network.branches.iter().any(|branch| branch.name == NO_ROUTE && shown(branch.verdict))
    });
    let widens = |action: &String| WIDENS.iter().any(|word| action.contains(word));
    let unguided = first.is_empty() && !closed && general.iter().any(widens);
    let mut actions = first.to_vec();
    if unguided {
        actions.push("First find out which part of the path is blocked: the route table of the subnet, the VPC endpoints, or the security groups and network ACLs on both sides".to_owned());
    }
    actions.extend(general.into_iter().filter(|action| closed || !widens(action)));
    actions
}

/// Turns the places to look into checks; `fill` inserts the names.
pub(super) fn checks(look: &[String], fill: impl Fn(&str) -> Check) -> Vec<Check> {
    look.iter().map(|template| fill(template)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn advice_opens_the_network_only_without_a_route() {
        let general = words(&["Set assignPublicIp=ENABLED", "Run the runbook"]);
        assert_eq!(actions(&words(&["Undo it"]), general.clone(), None), ["Undo it", "Run the runbook"]);
        let advice = actions(&[], general.clone(), None);
        assert!(!advice.iter().any(|action| action.contains("assignPublicIp")), "{advice:?}");
        assert!(advice.iter().any(|action| action.contains("which part of the path is blocked")), "{advice:?}");
        let branch = super::super::network::Branch {
            name: NO_ROUTE,
            verdict: Verdict::Likely,
            speaks_for: Vec::new(),
            against: Vec::new(),
        };
        let network = Network { interface: None, address: None, subnet: None, branches: vec![branch], missing: Vec::new() };
        assert_eq!(actions(&[], general.clone(), Some(&network)), general);
    }
}
