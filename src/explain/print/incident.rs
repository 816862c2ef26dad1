//! Prints incidents.

use super::Page;
use crate::explain::incidents::{Incident, headline};
use crate::plural::counted;
use crate::render::describe_duration;

/// The maximum number of incidents in text; JSON has all.
pub(super) const SHOWN: usize = 10;
/// The maximum number of actions of an incident in text.
const ACTIONS: usize = 3;

/// Prints an incident: its headline, the root cause, what to do, and how to read more.
pub(super) fn write(page: &mut Page<'_>, incident: &Incident) {
    let detail = incident.detail.as_ref();
    let suspect = detail.and_then(|detail| detail.suspect.as_ref());
    let tz = page.tz();
    let headline = headline((&incident.symptom, &incident.because), (incident.start, incident.end), incident.tasks, suspect, tz);
    page.heading(&headline.sentence());
    page.line(&counts(incident));
    page.line(&format!("root {}, confidence {}: {}", incident.root, incident.confidence, incident.basis));
    if let Some(suspect) = suspect {
        let by = suspect.who.as_deref().map(|who| format!(" by {who}")).unwrap_or_default();
        page.line(&format!("change before: {}{by} [{}]", suspect.what, suspect.record));
    }
    for (index, action) in detail.iter().flat_map(|detail| &detail.actions).take(ACTIONS).enumerate() {
        page.numbered(index + 1, action);
    }
    detail.and_then(|detail| detail.response.as_ref()).iter().for_each(|response| page.line(response));
    page.command(&format!("ecs-audit explain {}", incident.id));
}

/// What an incident consists of, in words.
fn counts(incident: &Incident) -> String {
    let parts = [
        (incident.failures, "failure", "failures"),
        (incident.consequences, "consequence", "consequences"),
        (incident.launches_lost, "launch lost", "launches lost"),
        (incident.launches_healed, "launch placed by a retry", "launches placed by a retry"),
        (incident.missed_starts, "scheduled start missed", "scheduled starts missed"),
        (incident.stalls, "stalled instance", "stalled instances"),
    ];
    let parts = parts.iter().filter(|(count, _, _)| *count > 0);
    let mut parts: Vec<String> = parts.map(|(count, one, many)| counted(*count, one, many)).collect();
    parts.extend(incident.without_run_seconds.map(|seconds| format!("{} without a run", describe_duration(seconds))));
    if incident.reruns > 0 {
        parts.push(counted(incident.reruns, "rerun outside of the schedule", "reruns outside of the schedule"));
    }
    parts.join(", ")
}
