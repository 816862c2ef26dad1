//! Prints the outcome of a launch and its collision.

use super::blocks::Page;
use crate::explain::finding::Finding;
use crate::render::describe_duration;

pub(super) fn write(page: &mut Page<'_>, finding: &Finding) {
    if let Some(launch) = &finding.launch {
        page.heading("Launch");
        page.line(&launch.describe());
    }
    let Some(collision) = &finding.collision else { return };
    page.heading("Collision");
    page.line(&format!("{}: {}", collision.class, collision.basis));
    if let Some(start) = collision.window_start {
        let end = collision.window_end.map_or_else(|| "no reconnect recorded".to_owned(), |end| page.time(end));
        let length = collision.window_seconds.map(|seconds| format!(" ({})", describe_duration(seconds))).unwrap_or_default();
        page.line(&format!("agent disconnected {} … {end}{length}", page.time(start)));
    }
    collision.chance.iter().for_each(|chance| page.line(&chance.describe()));
    collision.recurrence.describe().iter().for_each(|line| page.line(line));
    if let Some(next) = collision.recurrence.next_at_risk {
        page.line(&format!("next start at risk: {}", page.time(next)));
    }
    page.line(&format!("advice: {}", collision.advice));
}
