//! What to do about an incident, in two kinds: what to do now, and what prevents it next time.

use super::finding::Finding;
use super::launch::Collision;
use super::records::Row;
use super::recovery::Recovery;
use crate::render::{capitalized, describe_duration};
use serde::Serialize;

/// What to do about an incident.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// What to do now: check, undo, repair, run again what was missed. Empty if there is nothing to do.
    pub now: Vec<String>,
    /// What prevents it next time.
    pub prevent: Vec<String>,
}

impl Remedy {
    /// All actions, those for now first.
    pub fn all(&self) -> Vec<String> {
        [self.now.as_slice(), self.prevent.as_slice()].concat()
    }
}

fn is_over(recovery: Option<&Recovery>) -> bool {
    recovery.is_some_and(Recovery::is_over)
}

/// What to do about work that never ran: launches and starts that no later run is known to make up for.
fn run_again(incident: &Row, recovery: Option<&Recovery>) -> Option<String> {
    let count = |name: &str| incident.int(name).unwrap_or_default();
    let missed = count("missed_starts").max(count("launches_lost"));
    if missed == 0 || count("reruns") >= missed {
        return None;
    }
    let (one, many) =
        if count("missed_starts") >= missed { ("missed start", "missed starts") } else { ("lost launch", "lost launches") };
    let open = missed - count("reruns");
    let what = match (missed, open) {
        (1, _) => format!("the {one}"),
        (_, 1) => format!("the other {one}"),
        (missed, open) if open < missed => format!("the other {open} {many}"),
        (missed, _) => format!("the {missed} {many}"),
    };
    Some(if is_over(recovery) {
        format!("Run again what {what} should have done, unless the later run made up for it")
    } else {
        format!("Run again what {what} should have done, if it is still needed")
    })
}

/// What to do about the failure that an incident began with. Once it is over, the cause no longer needs a repair in a hurry:
/// what repairs it prevents the next one.
pub(super) fn of_finding(finding: &Finding, incident: &Row, recovery: Option<&Recovery>) -> Remedy {
    let mut remedy = finding.collision.as_ref().map(of_collision).unwrap_or_default();
    let is_connected = finding.collision.as_ref().is_some_and(|collision| collision.window_end.is_some());
    remedy.now = run_again(incident, recovery).into_iter().chain(remedy.now).collect();
    let over = is_over(recovery);
    for action in &finding.actions {
        let is_preventive = finding.preventive.contains(action);
        // After a reconnect, there is no disconnected instance to repair.
        if is_connected && !is_preventive {
            continue;
        }
        let list = if over || is_preventive { &mut remedy.prevent } else { &mut remedy.now };
        if !list.contains(action) {
            list.push(action.clone());
        }
    }
    remedy
}

/// What to do about the disconnect that a launch hit, with its length.
fn of_collision(collision: &Collision) -> Remedy {
    let mut remedy = Remedy::default();
    let lasted = collision.window_seconds.map(describe_duration);
    let why = |what: &str| format!("Find out why the agent {what}: read /var/log/ecs/ecs-agent.log of the container instance");
    match collision.class.as_str() {
        "update" => {
            remedy.prevent.push("Do not update agents in the minutes when schedules start".to_owned());
            remedy.prevent.push("Update one container instance at a time, so that another one can take the launch".to_owned());
        }
        "restart" => remedy.now.push(why("restarted")),
        "outage" => {
            remedy.now.push(why("was disconnected"));
            if collision.window_end.is_none() {
                remedy.now.push("Check that the agent is connected again: no record shows it".to_owned());
            }
        }
        "rotation" => {}
        "draining" => remedy.prevent.push("Keep another container instance ACTIVE before you drain one".to_owned()),
        _ => remedy
            .prevent
            .push("Collect ECS Container Instance State Change events: they show what the agent was doing".to_owned()),
    }
    remedy.prevent.push(match (collision.class.as_str(), lasted) {
        ("rotation", Some(lasted)) => {
            format!("Make the caller retry with backoff: the agent was disconnected for {lasted}, as it is about every half hour")
        }
        (_, Some(lasted)) => format!("Make the caller retry for longer than the disconnect, which lasted {lasted} here"),
        (_, None) => "Make the caller retry with backoff".to_owned(),
    });
    remedy
}

/// What to do about a stall: its settings, given as lines that begin with a verb.
pub(super) fn of_stall(stall: &Row, recovery: Option<&Recovery>) -> Remedy {
    let mut remedy = Remedy { now: Vec::new(), prevent: stall.list("preventions").iter().map(|way| capitalized(way)).collect() };
    if !is_over(recovery) {
        let service = stall.text("service").unwrap_or("the service");
        remedy.now.push(format!("Check that the deployment of {service} ended: no record shows it"));
    }
    if stall.int("joined") == Some(0) {
        remedy.prevent.push(
            "Do not rely on scale-out: no instance joined in the meantime, because pending tasks do not make the capacity \
             provider scale out here"
                .to_owned(),
        );
    }
    remedy
}

/// What to do if a schedule did not call.
pub(super) fn of_schedule(incident: &Row, recovery: Option<&Recovery>) -> Remedy {
    let mut now: Vec<String> = Vec::new();
    if !is_over(recovery) {
        now.push("Enable the schedule again, if it was disabled by mistake".to_owned());
    }
    now.extend(run_again(incident, recovery));
    let prevent = vec!["Alert on missing starts, not on errors: a call that is not made cannot fail".to_owned()];
    Remedy { now, prevent }
}
