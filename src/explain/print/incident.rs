//! Prints incidents.

use super::Page;
use crate::explain::headline::{describe_without_run, headline};
use crate::explain::incidents::{Detail, Incident};
use crate::plural::counted;

/// The maximum number of incidents in text; JSON has all.
pub(super) const SHOWN: usize = 10;
/// The maximum number of actions of each kind of an incident in text.
const ACTIONS: usize = 2;

/// Prints an incident: its headline, the root cause, whether it is over, what to do, and how to read more.
pub(super) fn write(page: &mut Page<'_>, incident: &Incident) {
    let detail = incident.detail.as_ref();
    let suspect = detail.and_then(|detail| detail.suspect.as_ref());
    let tz = page.tz();
    let counts = incident.counts();
    let times = (incident.start, incident.end);
    let headline = headline((&incident.symptom, &incident.because), times, counts.tasks_besides(), suspect, tz);
    let mut words = counts.words();
    words.extend(incident.without_run().map(|gap| describe_without_run(gap, tz)));
    if incident.reruns > 0 {
        words.push(counted(incident.reruns, "rerun outside of the schedule", "reruns outside of the schedule"));
    }
    let recovery = detail.and_then(|detail| detail.recovery.as_ref());
    let over = recovery.map(|recovery| {
        let record = recovery.recovered_by.iter().map(|record| format!(" [{record}]"));
        format!("{}{}", recovery.sentence(incident.start, tz), record.collect::<String>())
    });
    page.heading(&headline.sentence());
    page.line(&words.join(", "));
    over.iter().for_each(|over| page.line(over));
    page.line(&format!("root {}, confidence {}: {}", incident.root, incident.confidence, incident.basis));
    if let Some(suspect) = suspect {
        let by = suspect.by().map(|by| format!(" by {by}")).unwrap_or_default();
        page.line(&format!("change before: {}{by} [{}]", suspect.what, suspect.record));
    }
    if let Some(detail) = detail {
        remedy(page, detail);
    }
    page.command(&format!("ecs-audit explain {}", incident.id));
}

/// What to do now, and what prevents it next time.
fn remedy(page: &mut Page<'_>, detail: &Detail) {
    let over = detail.is_over();
    let now = &detail.remedy.now;
    if now.is_empty() && over {
        page.line("Now: nothing, it is over");
    } else if !now.is_empty() {
        page.line("Now:");
        now.iter().take(ACTIONS).enumerate().for_each(|(index, action)| page.numbered(index + 1, action));
    }
    if !detail.remedy.prevent.is_empty() {
        page.line("To prevent it:");
        let prevent = detail.remedy.prevent.iter().take(ACTIONS).enumerate();
        prevent.for_each(|(index, action)| page.numbered(index + 1, action));
    }
    if !over {
        detail.response.iter().for_each(|response| page.line(response));
    }
}
