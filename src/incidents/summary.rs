//! One incident, from its signals.

use super::hit::{Hit, hits};
use super::label::{Homes, place_name};
use super::root::because_of;
use super::rule::Rooted;
use super::signal::{Signal, SignalKind, Waste};
use super::title::title;
use crate::micros::{MINUTE, SECOND};
use crate::plural::counted;
use std::collections::{BTreeMap, BTreeSet};

/// The confidence in the root cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    /// No catalog entry explains the messages.
    Unknown,
    /// Only the kind of failure is known; the reason is not in these records.
    Low,
    /// The messages name a symptom that can have several causes.
    Medium,
    /// The messages name the cause, or a second record confirms it.
    High,
}

impl Confidence {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Confidence::Unknown => "unknown",
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

/// An incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// The id of its first failure with the root cause, or of its first signal if nothing failed.
    pub id: String,
    /// When it began, in microseconds.
    pub start: i64,
    /// When its last signal ended, in microseconds.
    pub end: i64,
    /// A sentence about it.
    pub what: String,
    /// The sentence without the root cause: who was hit, and how.
    pub symptom: String,
    /// The root class.
    pub root: String,
    /// The phase that failed.
    pub phase: Option<String>,
    /// The reason code.
    pub reason: Option<String>,
    /// The catalog entry of the root cause.
    pub cause: Option<String>,
    /// The root cause in words.
    pub because: String,
    /// How to respond.
    pub class: Option<String>,
    /// The confidence in the root cause.
    pub confidence: Confidence,
    /// The evidence for the confidence level.
    pub basis: &'static str,
    /// The affected services, jobs and runs with their numbers of signals, most affected first.
    pub places: Vec<(String, usize)>,
    /// What all roots have in common: account, Region, cluster, service, family, project, run, container instance.
    pub common: Common,
    /// Failures that are not consequences.
    pub failures: u64,
    /// Failures that are consequences.
    pub consequences: u64,
    /// Launches that were lost.
    pub launches_lost: u64,
    /// Launches that a retry placed.
    pub launches_healed: u64,
    /// Starts that never ran.
    pub missed_starts: u64,
    /// Starts that never ran and have no call, so that no launch counts them.
    pub not_called: u64,
    /// The longest time between the runs before and after a start that never ran.
    pub without_run: Option<WithoutRun>,
    /// Calls outside of schedules that started the task definition after a start that never ran and before the next run.
    pub reruns: u64,
    /// Stalls.
    pub stalls: u64,
    /// Launches that hit a disconnected agent.
    pub collisions: u64,
    /// Tasks that failed, waited, or were not placed.
    pub tasks: u64,
    /// How long a service or deployment was impaired, in seconds; none for jobs.
    pub degraded_seconds: Option<f64>,
    /// What failed attempts used up.
    pub waste: Waste,
    /// Orders incidents by their impact.
    pub weight: f64,
    /// Incidents with the same text repeat each other.
    pub series: String,
    /// The services, jobs, runs and instances that it hit: recovery is searched for each.
    pub hits: Vec<Hit>,
    /// The ids of its records.
    pub records: Vec<String>,
}

/// A time in which a schedule did not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithoutRun {
    /// The schedule, or the job if it has no name.
    pub of: Option<String>,
    /// The run before, in microseconds.
    pub from: i64,
    /// The run after, in microseconds; clocks differ, but it is never before `from`.
    pub until: i64,
}

impl WithoutRun {
    fn of(signal: &Signal<'_>) -> Option<WithoutRun> {
        let (from, until) = (signal.previous_run?, signal.next_run?);
        // The name of a schedule can say who calls it; the job is what readers know.
        let of = signal.place.family.or(signal.schedule).map(str::to_owned);
        Some(WithoutRun { of, from, until: until.max(from) })
    }

    /// Its length in seconds.
    pub fn seconds(&self) -> f64 {
        self.until.saturating_sub(self.from) as f64 / SECOND as f64
    }
}

/// Columns in which all roots of an incident agree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Common {
    /// AWS account.
    pub account: Option<String>,
    /// AWS Region.
    pub region: Option<String>,
    /// Short cluster name.
    pub cluster: Option<String>,
    /// Service.
    pub service: Option<String>,
    /// Task definition family.
    pub family: Option<String>,
    /// dstack project.
    pub project: Option<String>,
    /// dstack run.
    pub run: Option<String>,
    /// Container instance.
    pub instance: Option<String>,
    /// Deployment.
    pub deployment: Option<String>,
}

/// The incident with these signals, sorted by time; none if they only are launches that ended well.
pub(super) fn incident(members: &[&Rooted<'_, '_>], homes: &Homes<'_>) -> Option<Incident> {
    let signals = || members.iter().map(|member| member.signal);
    let of = |kind: SignalKind| signals().filter(move |signal| signal.kind == kind);
    let count = |kind: SignalKind| of(kind).count() as u64;
    let failures: Vec<&&Rooted<'_, '_>> = members.iter().filter(|member| member.signal.kind == SignalKind::Failure).collect();
    let launch = |outcome: &str| of(SignalKind::Launch).filter(|signal| signal.outcome == Some(outcome)).count() as u64;
    if failures.is_empty() && launch("lost") + count(SignalKind::MissedStart) + count(SignalKind::Stall) == 0 {
        return None;
    }
    let roots = roots(members);
    let chosen = root(&roots);
    let main = main(&roots, &chosen)?;
    let names = places(&roots, place_name);
    let places = places(&roots, |signal| homes.label(signal));
    let (start, end) = (signals().map(|signal| signal.start).min()?, signals().map(|signal| signal.end).max()?);
    let secondary = failures.iter().filter(|member| member.signal.secondary).count() as u64;
    let tasks = tasks(members);
    let not_called = of(SignalKind::MissedStart).filter(|signal| signal.call.is_none()).count() as u64;
    // Of several that are equally long, the first.
    let without_run = of(SignalKind::MissedStart).filter_map(WithoutRun::of).reduce(|longest, other| {
        if other.until.saturating_sub(other.from) > longest.until.saturating_sub(longest.from) { other } else { longest }
    });
    let degraded = roots.iter().any(|member| member.signal.place.service.is_some() || member.signal.kind == SignalKind::Stall);
    let degraded_seconds = degraded.then(|| end.saturating_sub(start) as f64 / SECOND as f64);
    let (lost, missed) = (launch("lost"), count(SignalKind::MissedStart));
    let because = because(main, &chosen, members);
    let (confidence, basis) = confidence(&roots, &chosen, members);
    let minutes = degraded_seconds.unwrap_or_default().min(4.0 * 3600.0) / 60.0;
    let mut records: BTreeSet<&str> = signals().flat_map(|signal| signal.records.iter().copied()).collect();
    records.remove("");
    let mut incident = Incident {
        id: main.signal.id.to_owned(),
        start,
        end,
        what: String::new(),
        symptom: String::new(),
        phase: main.signal.phase.map(str::to_owned),
        reason: main.signal.reason.map(str::to_owned),
        cause: main.signal.cause.map(str::to_owned),
        because,
        class: main.signal.class.map(str::to_owned),
        confidence,
        basis,
        common: common(&roots),
        failures: failures.len() as u64 - secondary,
        consequences: secondary,
        launches_lost: lost,
        launches_healed: launch("healed"),
        missed_starts: missed,
        not_called,
        without_run,
        reruns: of(SignalKind::MissedStart).filter_map(|signal| signal.rerun).collect::<BTreeSet<_>>().len() as u64,
        stalls: count(SignalKind::Stall),
        collisions: count(SignalKind::Collision),
        tasks,
        degraded_seconds,
        waste: waste(&failures),
        weight: 10.0 * missed as f64 + 5.0 * lost.saturating_sub(missed - not_called) as f64 + 2.0 * tasks as f64 + minutes / 4.0,
        series: series(&chosen, main.signal, &names, members),
        hits: hits(members),
        records: records.into_iter().map(str::to_owned).collect(),
        root: chosen,
        places,
    };
    (incident.symptom, incident.what) = title(&incident, main.signal, members, homes);
    Some(incident)
}

/// The signals that are not consequences; all of them if everything is.
fn roots<'m, 's, 'a>(members: &[&'m Rooted<'s, 'a>]) -> Vec<&'m Rooted<'s, 'a>> {
    let kept: Vec<&Rooted<'_, '_>> = members.iter().copied().filter(|member| !member.is_consequence()).collect();
    if kept.is_empty() { members.to_vec() } else { kept }
}

/// The root of most failures; a stall and a disconnect explain the failures that come with them.
fn root(roots: &[&Rooted<'_, '_>]) -> String {
    let has = |kind: SignalKind| roots.iter().any(|member| member.signal.kind == kind);
    if has(SignalKind::Stall) {
        return "stall".to_owned();
    }
    if has(SignalKind::Collision) {
        return "agent".to_owned();
    }
    let failed = |member: &&&Rooted<'_, '_>| member.signal.kind == SignalKind::Failure;
    let votes: Vec<&str> = roots.iter().filter(failed).map(|member| member.root_id()).collect();
    let all: Vec<&str> = if votes.is_empty() { roots.iter().map(|member| member.root_id()).collect() } else { votes };
    let most = most_frequent(all.iter().copied());
    most.unwrap_or("unknown").to_owned()
}

/// The most frequent value; of several, the one that comes first.
fn most_frequent<T: Ord + Copy>(values: impl Iterator<Item = T> + Clone) -> Option<T> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    values.clone().for_each(|value| *counts.entry(value).or_default() += 1);
    let most = counts.values().max().copied()?;
    values.into_iter().find(|value| counts.get(value) == Some(&most))
}

/// The first signal with the root and its most frequent cause.
fn main<'m, 's, 'a>(roots: &[&'m Rooted<'s, 'a>], chosen: &str) -> Option<&'m Rooted<'s, 'a>> {
    let is_main = |kind: SignalKind| roots.iter().copied().filter(move |member| member.signal.kind == kind);
    let candidates: Vec<&Rooted<'_, '_>> = match chosen {
        "stall" => is_main(SignalKind::Stall).collect(),
        "schedule" => is_main(SignalKind::MissedStart).collect(),
        chosen => is_main(SignalKind::Failure).filter(|member| member.root_id() == chosen).collect(),
    };
    let causes = candidates.iter().map(|member| (member.signal.cause, member.signal.reason));
    let most = most_frequent(causes.clone());
    let main = candidates.iter().zip(causes).find(|(_, cause)| Some(*cause) == most).map(|(member, _)| *member);
    main.or_else(|| is_main(SignalKind::Failure).next()).or_else(|| roots.first().copied())
}

/// What the agent was doing, by the first collision.
fn agent_activity<'a>(members: &[&Rooted<'_, 'a>]) -> Option<&'a str> {
    let collisions = members.iter().filter(|member| member.signal.kind == SignalKind::Collision);
    collisions.filter_map(|member| member.signal.outcome).next()
}

/// The length of the disconnect, in words; none if no record shows that the agent reconnected.
fn disconnected(members: &[&Rooted<'_, '_>]) -> Option<String> {
    let lengths = members.iter().filter_map(|member| Some(member.signal.window_end?.saturating_sub(member.signal.window?)));
    let micros = lengths.max().filter(|micros| *micros > 0)?;
    let minutes = micros.saturating_add(MINUTE / 2) / MINUTE;
    Some(if minutes < 1 {
        counted((micros / SECOND).max(1), "second", "seconds")
    } else if minutes < 120 {
        counted(minutes, "minute", "minutes")
    } else {
        counted(minutes / 60, "hour", "hours")
    })
}

/// The cause in words.
fn because(main: &Rooted<'_, '_>, chosen: &str, members: &[&Rooted<'_, '_>]) -> String {
    match chosen {
        "stall" => "stopping tasks still held the resources that new tasks needed".to_owned(),
        "schedule" => match main.signal.disabled_by {
            Some(call) => format!("no call is recorded after {call}"),
            None => "no call is recorded".to_owned(),
        },
        "agent" => {
            let when = match agent_activity(members) {
                Some("update") => " during an agent update".to_owned(),
                Some("restart") => " while it restarted (why is not recorded)".to_owned(),
                Some("rotation") => " during a routine reconnect".to_owned(),
                Some("outage") => match disconnected(members) {
                    Some(length) => format!(" for {length} (why is not recorded)"),
                    None => " (why is not recorded)".to_owned(),
                },
                Some("draining") => " while the instance drained".to_owned(),
                _ => String::new(),
            };
            let phrase = main.signal.cause.and_then(because_of);
            phrase.map_or_else(|| format!("the container agent was disconnected{when}"), str::to_owned)
        }
        _ => {
            let phrase = match main.signal.cause {
                Some(cause) => because_of(cause).or(main.root.map(|root| root.because.as_str())),
                None => main.root.filter(|root| root.phase_suffices).map(|root| root.because.as_str()),
            };
            let code = main.signal.exit_code.filter(|code| *code != 0 && chosen == "program");
            let code = code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
            match (phrase, main.signal.reason) {
                (Some(phrase), _) => format!("{phrase}{code}"),
                (None, Some(reason)) => format!("unrecognized message, reason {reason}"),
                (None, None) => "no reason is recorded".to_owned(),
            }
        }
    }
}

/// The confidence in the root, and the evidence for it.
fn confidence(roots: &[&Rooted<'_, '_>], chosen: &str, members: &[&Rooted<'_, '_>]) -> (Confidence, &'static str) {
    let has_window = |signal: &Signal<'_>| signal.kind == SignalKind::Collision && signal.window.is_some();
    match chosen {
        "stall" => return (Confidence::High, "reserved CPU and memory were reconstructed from task events"),
        "schedule" => {
            return if members.iter().any(|member| member.signal.disabled_by.is_some()) {
                (Confidence::High, "a recorded call disabled the schedule")
            } else {
                (Confidence::Medium, "other calls of that hour are recorded, this one is not")
            };
        }
        "agent" if members.iter().any(|member| has_window(member.signal)) => {
            return (Confidence::High, "instance events show the disconnect");
        }
        "agent" => return (Confidence::Medium, "ECS names the agent; no instance event shows the disconnect"),
        _ => {}
    }
    let failed: Vec<&&Rooted<'_, '_>> =
        roots.iter().filter(|member| member.signal.kind == SignalKind::Failure && member.root_id() == chosen).collect();
    if chosen == "unknown" || failed.iter().all(|member| member.signal.cause.is_none()) {
        return (Confidence::Unknown, "no catalog entry explains the messages");
    }
    let is_vague = |signal: &Signal<'_>| signal.wording == Some("kind_only") || signal.cause == Some("essential-exited");
    if failed.iter().any(|member| is_vague(member.signal)) {
        return (Confidence::Low, "the records name the kind of failure, not its reason");
    }
    let certain = failed.iter().all(|member| member.root.is_some_and(|root| root.certain));
    let causes: BTreeSet<Option<&str>> = failed.iter().map(|member| member.signal.cause).collect();
    if chosen == "program" {
        return (Confidence::Low, "the exit code is recorded; why the program failed is in its own log");
    }
    if !certain {
        return (Confidence::Medium, "the messages name a symptom that can have several causes");
    }
    if causes.len() > 1 {
        return (Confidence::Medium, "the messages name several causes of one class");
    }
    (Confidence::High, "the messages name the cause")
}

/// The affected services, jobs and runs, named by `name`.
fn places(roots: &[&Rooted<'_, '_>], name: impl Fn(&Signal<'_>) -> String) -> Vec<(String, usize)> {
    let failed = roots.iter().any(|member| member.signal.kind == SignalKind::Failure);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for member in roots.iter().filter(|member| !failed || member.signal.kind == SignalKind::Failure) {
        *counts.entry(name(member.signal)).or_default() += 1;
    }
    let mut places: Vec<(String, usize)> = counts.into_iter().collect();
    places.sort_by(|left, right| (right.1, &left.0).cmp(&(left.1, &right.0)));
    places
}

/// The columns in which the roots agree.
fn common(roots: &[&Rooted<'_, '_>]) -> Common {
    let same = |value: fn(&Signal<'_>) -> Option<String>| {
        let values: BTreeSet<String> = roots.iter().filter_map(|member| value(member.signal)).collect();
        if values.len() == 1 { values.into_iter().next() } else { None }
    };
    Common {
        account: same(|signal| signal.place.account.map(str::to_owned)),
        region: same(|signal| signal.place.region.map(str::to_owned)),
        cluster: same(|signal| signal.place.cluster.map(str::to_owned)),
        service: same(|signal| signal.place.service.map(str::to_owned)),
        family: same(|signal| signal.place.family.map(str::to_owned)),
        project: same(|signal| signal.place.project.map(str::to_owned)),
        run: same(|signal| signal.place.run.map(str::to_owned)),
        instance: same(|signal| signal.place.instance.map(str::to_owned)),
        deployment: same(|signal| signal.deployment.map(str::to_owned)),
    }
}

/// Tasks that failed, waited, or were not placed. Retries of a launch ask for the same tasks.
fn tasks(members: &[&Rooted<'_, '_>]) -> u64 {
    let mut failed: BTreeSet<&str> = BTreeSet::new();
    // The numbers are those of the records, which may hold anything.
    let (mut waited, mut asked, mut unplaced) = (0_i64, 0_i64, 0_i64);
    for signal in members.iter().map(|member| member.signal) {
        match (signal.kind, signal.failure_kind) {
            (SignalKind::Failure, Some("task" | "run")) => {
                failed.insert(signal.task.unwrap_or(signal.id));
            }
            (SignalKind::Failure, Some("launch")) => asked = asked.saturating_add(signal.tasks.max(0)),
            (SignalKind::Launch, _) => unplaced = unplaced.saturating_add(signal.tasks.max(1)),
            (SignalKind::Stall, _) => waited = waited.saturating_add(signal.tasks.max(1)),
            _ => {}
        }
    }
    // Without the launches, the calls are all that is known.
    let unplaced = if unplaced == 0 { asked } else { unplaced };
    (failed.len() as u64).saturating_add(u64::try_from(waited.saturating_add(unplaced)).unwrap_or_default())
}

/// What failed attempts used up; each task counts once.
fn waste(failures: &[&&Rooted<'_, '_>]) -> Waste {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut sum = Waste::default();
    for signal in failures.iter().map(|member| member.signal) {
        if seen.insert(signal.task.unwrap_or(signal.id)) {
            sum.task_seconds += signal.waste.task_seconds;
            sum.vcpu_seconds += signal.waste.vcpu_seconds;
            sum.gib_seconds += signal.waste.gib_seconds;
            if let Some(usd) = signal.waste.usd {
                sum.usd = Some(sum.usd.unwrap_or_default() + usd);
            }
        }
    }
    sum
}

/// The text that repeated incidents have in common: the root, its cause or what the agent was doing, and the cluster or
/// service.
fn series(root: &str, main: &Signal<'_>, places: &[(String, usize)], members: &[&Rooted<'_, '_>]) -> String {
    let cause = agent_activity(members).or(main.cause).or(main.reason).unwrap_or("unknown");
    let place = match (root, main.place.cluster) {
        ("agent" | "quota" | "throttling", Some(cluster)) => cluster,
        ("throttling", None) => main.place.account.unwrap_or_default(),
        _ => places.first().map(|(name, _)| name.as_str()).unwrap_or_default(),
    };
    if matches!(root, "stall" | "schedule") { format!("{root} in {place}") } else { format!("{root}/{cause} in {place}") }
}
