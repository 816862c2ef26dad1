//! Prints an expected start in blocks: slot, where, why, neighbors, checks and actions.

use super::blocks::Page;
use crate::explain::expected_start::{ExpectedStart, Neighbor};
use crate::plural::counted;
use crate::render::describe_duration;
use jiff::Timestamp;

pub(super) fn write(page: &mut Page<'_>, slot: &ExpectedStart) {
    let expected = page.time(slot.expected_at);
    page.block(
        "Slot",
        &[format!("{} was expected at {expected}: {}", slot.schedule, slot.state), format!("schedule: {}", slot.frequency)],
    );
    page.block("Where", &slot.place.iter().map(|place| format!("{}: {}", place.name, place.value)).collect::<Vec<_>>());
    if let Some(started) = slot.started_at {
        let delay = started.duration_since(slot.expected_at).as_secs_f64();
        page.block("Started", &[format!("{}, {} after it was expected", page.time(started), describe_duration(delay.max(0.0)))]);
    }
    let mut why: Vec<String> = slot.why.iter().cloned().collect();
    why.push(slot.meaning.clone());
    if let Some(failure) = &slot.failure {
        why.push(format!("{}: {}", failure.title, failure.meaning));
    }
    page.block("Why", &why);
    let effect = effect(page, slot);
    if !effect.is_empty() {
        page.block("Effect", &effect);
    }
    let mut around: Vec<String> = slot.before.iter().map(|neighbor| line(page, neighbor)).collect();
    around.push(format!("{expected}  {}  (this one)", slot.state));
    around.extend(slot.after.iter().map(|neighbor| line(page, neighbor)));
    around.push(format!("{} of {} expected starts of this caller were missed", slot.missed, slot.expected));
    page.block("Neighbors", &around);
    if !slot.verify.is_empty() {
        page.block("Verify", &slot.verify);
    }
    if !slot.actions.is_empty() {
        page.steps("Actions", &slot.actions);
    }
}

/// What is recorded about the effect of a missed start: how long nothing ran, whether something else did its work, and which
/// schedules the same incident hit. Nothing if it was not missed.
fn effect(page: &Page<'_>, slot: &ExpectedStart) -> Vec<String> {
    if slot.missed_in_a_row == 0 {
        return Vec::new();
    }
    let after = |time: Timestamp| describe_duration(time.duration_since(slot.expected_at).as_secs_f64().max(0.0));
    let in_a_row = counted(slot.missed_in_a_row, "start", "starts");
    let mut lines = vec![match (slot.previous_run, slot.next_run, slot.without_run_seconds) {
        (Some(previous), Some(_), Some(seconds)) => {
            let since = page.time(previous);
            format!("No run for {}, since {since}: {in_a_row} missed in a row.", describe_duration(seconds))
        }
        (Some(previous), _, _) => format!("No run is recorded since {}: {in_a_row} missed in a row.", page.time(previous)),
        (None, ..) => format!("No run is recorded before: {in_a_row} missed in a row."),
    }];
    if slot.unrecorded_in_a_row > 0 {
        let unrecorded = counted(slot.unrecorded_in_a_row, "start is", "starts are");
        lines.push(format!("{unrecorded} in hours without records, so it may have run."));
    }
    if let Some(next) = slot.next_run {
        lines.push(format!("It ran next at {}, {} after this start was expected.", page.time(next), after(next)));
    }
    lines.push(match &slot.rerun {
        Some(rerun) => {
            let by = rerun.person.as_ref().or(rerun.who.as_ref()).map(|by| format!(" by {by}")).unwrap_or_default();
            format!(
                "Started outside of the schedule{by} at {}, {} after this start was expected (call {}).",
                page.time(rerun.time),
                after(rerun.time),
                rerun.call
            )
        }
        None => {
            let until = if slot.next_run.is_some() { "until then" } else { "since" };
            format!("No start outside of the schedule is recorded {until}.")
        }
    });
    if let Some(incident) = &slot.incident {
        let others: Vec<String> =
            incident.other_schedules.iter().map(|other| format!("{} ({})", other.schedule, other.missed)).collect();
        if !others.is_empty() {
            lines.push(format!("The same incident made other schedules miss starts: {}.", others.join(", ")));
        }
        lines.push(format!("Incident {}: {}", incident.id, incident.what));
    }
    lines
}

fn line(page: &Page<'_>, neighbor: &Neighbor) -> String {
    let why = neighbor.why.as_ref().map(|why| format!("  {why}")).unwrap_or_default();
    format!("{}  {}{why}", page.time(neighbor.at), neighbor.state)
}
