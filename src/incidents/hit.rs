//! The services, jobs, schedules, runs and instances that an incident hit: recovery is searched for each.

use super::rule::Rooted;
use super::signal::{Signal, SignalKind};
use std::cmp::Reverse;

/// What was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HitKind {
    /// A service: it recovers with a steady state.
    Service,
    /// A task definition family that no service runs: it recovers when it runs again.
    Job,
    /// A schedule that did not call, under the name of its job: it recovers when it calls again.
    Schedule,
    /// A dstack run.
    Run,
    /// A container instance whose agent failed to update.
    Instance,
}

impl HitKind {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            HitKind::Service => "service",
            HitKind::Job => "job",
            HitKind::Schedule => "schedule",
            HitKind::Run => "run",
            HitKind::Instance => "instance",
        }
    }

    /// The kind with this name.
    pub fn of(word: &str) -> Option<HitKind> {
        Some(match word {
            "service" => HitKind::Service,
            "job" => HitKind::Job,
            "schedule" => HitKind::Schedule,
            "run" => HitKind::Run,
            "instance" => HitKind::Instance,
            _ => return None,
        })
    }
}

/// A service, job, run or container instance that an incident hit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// What it is.
    pub kind: HitKind,
    /// Its account.
    pub account: Option<String>,
    /// Its Region.
    pub region: Option<String>,
    /// Its cluster; of a dstack run, its project.
    pub cluster: Option<String>,
    /// Its name.
    pub name: String,
    /// Whether one of its starts was lost or missed, so that it is expected to run again.
    pub lost: bool,
    /// When a schedule that had not called did so again, in microseconds.
    pub resumed: Option<i64>,
}

/// What these signals hit. Refused calls and launches that a retry placed hit nothing that has to recover.
pub(super) fn hits(members: &[&Rooted<'_, '_>]) -> Vec<Hit> {
    let mut found: Vec<Hit> = members.iter().filter_map(|member| hit(member.signal)).collect();
    // One that lost a start comes first and is kept; of schedules, one that did not call again, or the last to do so.
    let worst = |hit: &Hit| (!hit.lost, hit.resumed.is_some(), Reverse(hit.resumed));
    found.sort_by(|left, right| key(left).cmp(&key(right)).then_with(|| worst(left).cmp(&worst(right))));
    found.dedup_by(|later, kept| key(later) == key(kept));
    found
}

type Key<'h> = (HitKind, &'h str, Option<&'h str>, Option<&'h str>, Option<&'h str>);

fn key(hit: &Hit) -> Key<'_> {
    (hit.kind, &hit.name, hit.cluster.as_deref(), hit.account.as_deref(), hit.region.as_deref())
}

fn hit(signal: &Signal<'_>) -> Option<Hit> {
    let lost = match signal.kind {
        SignalKind::Launch => signal.outcome == Some("lost"),
        SignalKind::MissedStart => true,
        _ => false,
    };
    let counts = match signal.kind {
        SignalKind::Failure => matches!(signal.failure_kind, Some("task" | "service" | "deployment" | "agent" | "run")),
        // The tasks of a service wait until its deployment ends; others have no end of their own.
        SignalKind::Stall => signal.place.service.is_some(),
        SignalKind::Launch | SignalKind::MissedStart => lost,
        SignalKind::Collision => false,
    };
    let (kind, name) = named(signal).filter(|_| counts)?;
    let within = if kind == HitKind::Run { signal.place.project } else { signal.place.cluster };
    let own = |text: Option<&str>| text.map(str::to_owned);
    Some(Hit {
        kind,
        account: own(signal.place.account),
        region: own(signal.place.region),
        cluster: own(within),
        name: name.to_owned(),
        lost,
        resumed: signal.resumed,
    })
}

/// The first name that recovery can be searched by.
fn named<'a>(signal: &Signal<'a>) -> Option<(HitKind, &'a str)> {
    let there = signal.place;
    if signal.kind == SignalKind::MissedStart && signal.call.is_none() {
        return there.family.or(signal.schedule).map(|name| (HitKind::Schedule, name));
    }
    let run = there.run.map(|name| (HitKind::Run, name));
    let service = there.service.map(|name| (HitKind::Service, name));
    let job = there.family.map(|name| (HitKind::Job, name));
    let instance = there.instance.map(|name| (HitKind::Instance, name));
    run.or(service).or(job).or(instance)
}
