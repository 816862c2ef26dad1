//! Prints an expected start in blocks: slot, where, why, neighbors, checks and actions.

use super::blocks::Page;
use crate::explain::expected_start::{ExpectedStart, Neighbor};
use crate::render::describe_duration;

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
    if let Some(next) = slot.next_run {
        let gap = next.duration_since(slot.expected_at).as_secs_f64();
        why.push(format!(
            "It ran next at {}, {} after this start was expected.",
            page.time(next),
            describe_duration(gap.max(0.0))
        ));
    }
    if let Some(failure) = &slot.failure {
        why.push(format!("{}: {}", failure.title, failure.meaning));
    }
    page.block("Why", &why);
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

fn line(page: &Page<'_>, neighbor: &Neighbor) -> String {
    let why = neighbor.why.as_ref().map(|why| format!("  {why}")).unwrap_or_default();
    format!("{}  {}{why}", page.time(neighbor.at), neighbor.state)
}
