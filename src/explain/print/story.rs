//! Prints a timeline: one line for each event, then the length of each phase.

use super::blocks::Page;
use super::finding::note;
use crate::explain::story::Story;
use crate::render::describe_duration;

pub(super) fn write(page: &mut Page<'_>, story: &Story) {
    page.heading(&format!("Timeline of {} {}", story.subject.kind.word(), story.subject.name));
    if story.events.is_empty() {
        page.line("no events recorded");
    }
    let since: Vec<String> = story
        .events
        .iter()
        .map(|line| line.since_seconds.map(|seconds| format!("+{}", describe_duration(seconds))).unwrap_or_default())
        .collect();
    let width = since.iter().map(|text| text.chars().count()).max().unwrap_or_default();
    let times: Vec<String> = story.events.iter().map(|line| page.time(line.event.time)).collect();
    let longest = times.iter().map(|text| text.chars().count()).max().unwrap_or_default();
    for ((line, since), time) in story.events.iter().zip(&since).zip(&times) {
        if line.gap {
            page.line(&format!("… no records for {}", since.trim_start_matches('+')));
        }
        let event = &line.event;
        let who = event.who.as_deref().map(|who| format!(" by {who}")).unwrap_or_default();
        let (time, since) = (format!("{time:longest$}"), format!("{since:>width$}"));
        page.event((&time, Some(&since)), &format!("{}{who}{}", event.what, note(event)), &event.record);
    }
    if !story.phases.is_empty() {
        page.heading("Phases");
        for phase in &story.phases {
            page.line(&format!(
                "{}  {} … {}  {}",
                phase.what,
                page.time(phase.from),
                page.time(phase.until),
                describe_duration(phase.seconds)
            ));
        }
    }
}
