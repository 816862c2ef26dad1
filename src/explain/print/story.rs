//! A story: one line for each event, then how long each phase took.

use super::blocks::Page;
use super::finding::span;
use crate::explain::story::Story;

pub(super) fn write(page: &mut Page<'_>, story: &Story) {
    page.heading(&format!("Timeline of {} {}", story.subject.kind.word(), story.subject.name));
    if story.events.is_empty() {
        page.line("no events of it are recorded");
    }
    let since: Vec<String> = story
        .events
        .iter()
        .map(|line| line.since_seconds.map(|seconds| format!("+{}", span(seconds))).unwrap_or_default())
        .collect();
    let width = since.iter().map(|text| text.chars().count()).max().unwrap_or_default();
    for (line, since) in story.events.iter().zip(&since) {
        if line.gap {
            page.line(&format!("… nothing is recorded for {}", since.trim_start_matches('+')));
        }
        let who = line.event.who.as_deref().map(|who| format!(" by {who}")).unwrap_or_default();
        page.line(&format!("{}  {since:>width$}  {}{who}  [{}]", page.time(line.event.time), line.event.what, line.event.record));
    }
    if !story.phases.is_empty() {
        page.heading("Phases");
        for phase in &story.phases {
            page.line(&format!(
                "{}  {} … {}  {}",
                phase.what,
                page.time(phase.from),
                page.time(phase.until),
                span(phase.seconds)
            ));
        }
    }
}
