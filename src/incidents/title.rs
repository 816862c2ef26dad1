//! The sentence about an incident: its symptom, and the root cause in words.

use super::label::Homes;
use super::rule::Rooted;
use super::signal::{Signal, SignalKind};
use super::summary::Incident;
use crate::plural::counted;
use std::collections::BTreeSet;

/// The maximum number of names in a title.
const NAMES: usize = 2;

/// The maximum length of a name in a title, in characters. Records can hold names of any length, and one must not push the next
/// incident off the screen.
const NAME_LENGTH: usize = 80;

/// The symptom, and the sentence without the times.
pub(super) fn title(incident: &Incident, main: &Signal<'_>, members: &[&Rooted<'_, '_>], homes: &Homes<'_>) -> (String, String) {
    let symptom = symptom(incident, main, members, homes);
    // The symptom of a failed agent is its cause.
    let is_cause = !matches!(incident.root.as_str(), "stall" | "schedule") && main.failure_kind == Some("agent");
    let what = if is_cause { symptom.clone() } else { format!("{symptom}: {}", incident.because) };
    (symptom, what)
}

/// Who was hit, and how.
fn symptom(incident: &Incident, main: &Signal<'_>, members: &[&Rooted<'_, '_>], homes: &Homes<'_>) -> String {
    let who = subject(&incident.places, |_| true);
    match incident.root.as_str() {
        "stall" => {
            let stalls = members.iter().filter(|member| member.signal.kind == SignalKind::Stall);
            let instances: BTreeSet<_> = stalls.filter_map(|member| member.signal.place.instance).collect();
            let instances = counted(instances.len().max(1), "instance", "instances");
            format!("The deployment of {who} stalled on {instances}")
        }
        "schedule" => {
            let name = main.schedule.map_or(who, |name| format!("{name}{}", homes.suffix(main)));
            format!("{name} missed {}", counted(incident.missed_starts, "start", "starts"))
        }
        _ => match main.failure_kind {
            Some("api_error") if incident.launches_lost > 0 => format!("{who} could not be launched"),
            Some("api_error") => {
                let event = main.event_name.unwrap_or("A call");
                let times = if incident.failures > 1 { format!(" {} times", incident.failures) } else { String::new() };
                let of = main.place.service.or(main.place.family).or(main.place.cluster);
                let of = of.map(|of| format!(" for {of}{}", homes.suffix(main))).unwrap_or_default();
                format!("{event}{of} was refused{times}")
            }
            Some("launch") if incident.launches_lost > 0 => {
                let who = without_launch(incident, members, homes).unwrap_or(who);
                format!("{who} lost {}", counted(incident.launches_lost, "launch", "launches"))
            }
            Some("launch") if incident.launches_healed > 0 => format!("{who} started late, after a retry"),
            Some("launch") => format!("{who} could not be launched"),
            Some("agent") => {
                let because = capitalized(&incident.because);
                format!("{because} on container instance {}", main.place.instance.unwrap_or("(not named)"))
            }
            Some("deployment") => format!("The deployment of {who} failed"),
            Some("service") => format!("{who} reported a problem"),
            Some("run") => {
                let verb = if main.ran == Some(false) { "could not start" } else { "failed" };
                format!("Run {who} {verb}")
            }
            Some("resource") => format!("{who} failed"),
            Some("task") if main.ran == Some(false) => format!("{who} could not start tasks"),
            Some("task") => format!("{who} failed"),
            _ => who,
        },
    }
}

/// The jobs that lost a launch; none if no place is one of theirs. A job whose launch a retry placed is affected, but lost nothing.
fn without_launch(incident: &Incident, members: &[&Rooted<'_, '_>], homes: &Homes<'_>) -> Option<String> {
    let is_lost = |signal: &Signal<'_>| signal.kind == SignalKind::Launch && signal.outcome == Some("lost");
    let lost = members.iter().map(|member| member.signal).filter(|signal| is_lost(signal));
    let lost: BTreeSet<String> = lost.map(|signal| homes.label(signal)).collect();
    let is_named = |name: &str| lost.contains(name);
    incident.places.iter().any(|(name, _)| is_named(name)).then(|| subject(&incident.places, is_named))
}

/// The affected services, jobs or runs that are meant, without their cluster.
fn subject(places: &[(String, usize)], is_meant: impl Fn(&str) -> bool) -> String {
    let mut names: Vec<String> = Vec::new();
    for name in places.iter().map(|(name, _)| name).filter(|name| is_meant(name)).map(|name| short(name)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let more = names.len().saturating_sub(NAMES);
    names.truncate(NAMES);
    match (names.as_slice(), more) {
        ([], _) => "something unnamed".to_owned(),
        ([one, other], 0) => format!("{one} and {other}"),
        (names, 0) => names.join(", "),
        (names, more) => format!("{} and {more} more", names.join(", ")),
    }
}

/// A name without its cluster, of at most [`NAME_LENGTH`] characters.
fn short(name: &str) -> String {
    let name = name.split_once('/').map_or(name, |(_, name)| name);
    match name.char_indices().nth(NAME_LENGTH) {
        None => name.to_owned(),
        Some(_) => name.chars().take(NAME_LENGTH - 1).chain(['…']).collect(),
    }
}

/// A phrase as the beginning of a sentence. Names keep their letters: another case can be another name.
fn capitalized(phrase: &str) -> String {
    let mut letters = phrase.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
