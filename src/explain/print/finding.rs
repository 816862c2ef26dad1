//! Prints a finding or a group section by section and omits empty sections.

use super::blocks::Page;
use super::{changes, launch};
use crate::explain::finding::{Event, Finding, PhaseStep, State};
use crate::explain::groups::Group;
use crate::render::describe_duration;
use crate::render::visible;

/// The maximum number of changes in a finding; `ecs-audit changes` lists all.
const CHANGES: usize = 5;

pub(super) fn write(page: &mut Page<'_>, finding: &Finding) {
    failure(page, finding);
    if !finding.place.is_empty() {
        page.heading("Where");
        let facts: Vec<(&str, &str)> = finding.place.iter().map(|fact| (fact.name, fact.value.as_str())).collect();
        page.facts(&facts);
    }
    when(page, finding);
    phases(page, finding);
    cause(page, finding);
    launch::write(page, finding);
    section(page, "Calculation", &finding.calculation);
    if let Some(network) = &finding.network {
        super::network::write(page, network);
    }
    if !finding.chain.is_empty() {
        page.heading("Chain");
        for event in &finding.chain {
            let who = event.who.as_deref().map(|who| format!(" by {who}")).unwrap_or_default();
            let what = shortened(&event.what);
            page.event((&page.time(event.time), None), &format!("{what}{who}{}", note(event)), &event.record);
        }
    }
    if let Some(found) = finding.changes.as_ref().filter(|found| !found.changes.is_empty()) {
        page.heading("Changes in the half hour before");
        changes::lines(page, found, CHANGES);
    }
    if !finding.verify.is_empty() {
        page.heading("Verify");
        for check in &finding.verify {
            match (&check.command, &check.note) {
                (Some(command), note) => {
                    let note = note.as_deref().map(|note| format!("  # {note}")).unwrap_or_default();
                    page.command(&format!("{command}{note}"));
                }
                (None, Some(note)) => page.line(note),
                (None, None) => {}
            }
        }
    }
    numbered(page, "Actions", &finding.actions);
    if let Some(response) = &finding.response {
        page.heading("Response");
        page.line(response);
    }
}

/// The relation of an event to the failure, in parentheses.
pub(super) fn note(event: &Event) -> String {
    event.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default()
}

/// Shortens a long text: the failure section has it in full, and `show` prints the record.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 200;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let begin: String = text.chars().take(LONGEST).collect();
    format!("{}…", begin.trim_end())
}

fn failure(page: &mut Page<'_>, finding: &Finding) {
    page.heading(if finding.expected { "No failure" } else { "Failure" });
    let parts = [finding.failure.reason.as_deref(), finding.failure.message.as_deref()];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    let reason = parts.join(": ");
    // A message often begins with the code.
    let message = finding.failure.message.as_deref().unwrap_or_default();
    let starts = finding.failure.reason.as_deref().is_some_and(|reason| message.starts_with(reason));
    let reason = if starts { message.to_owned() } else { reason };
    page.line(&if reason.is_empty() { finding.failure.what.clone() } else { format!("{}: {reason}", finding.failure.what) });
    page.line(&format!("id {}", finding.id));
}

fn when(page: &mut Page<'_>, finding: &Finding) {
    let Some(at) = finding.when.at else { return };
    page.heading("When");
    let lasted = match (finding.when.began, finding.when.lasted_seconds) {
        (Some(_), Some(seconds)) if finding.kind == "run" => format!(", {} after it was submitted", describe_duration(seconds)),
        (Some(_), Some(seconds)) => format!(", {} after it was created", describe_duration(seconds)),
        _ => String::new(),
    };
    page.line(&format!("{}{lasted}", page.time(at)));
}

fn phases(page: &mut Page<'_>, finding: &Finding) {
    if finding.phases.is_empty() && finding.notes.is_empty() {
        return;
    }
    page.heading("Phase");
    for phase_step in &finding.phases {
        page.marked(&step(page, phase_step));
    }
    if finding.kind != "api_error" {
        match finding.ran {
            Some(true) => page.line("the program ran"),
            Some(false) => page.line("the program never ran"),
            None if matches!(finding.kind.as_str(), "task" | "run") => page.line("whether the program ran is not recorded"),
            None => {}
        }
    }
    finding.notes.iter().for_each(|note| page.line(note));
}

fn step(page: &Page<'_>, phase_step: &PhaseStep) -> String {
    let mark = match phase_step.state {
        State::Done => "✓",
        State::Failed => "✗",
        State::NotReached => "·",
        State::NotRecorded => "?",
        State::After => "–",
    };
    let mut text = format!("{mark} {}", phase_step.name);
    if let Some(at) = phase_step.at {
        text.push_str(&format!("  {}", page.time(at)));
    }
    if let Some(until) = phase_step.until {
        let word = if phase_step.at.is_some() { " …" } else { "  until" };
        text.push_str(&format!("{word} {}", page.time(until)));
        if let Some(at) = phase_step.at {
            text.push_str(&format!(" ({})", describe_duration(until.duration_since(at).as_secs_f64())));
        }
    }
    match phase_step.state {
        State::Failed => text.push_str("  ← failed here"),
        State::NotReached => text.push_str("  never reached"),
        State::NotRecorded => text.push_str("  not recorded"),
        _ => {}
    }
    if let Some(note) = &phase_step.note {
        text.push_str(&format!("  ({note})"));
    }
    text
}

fn cause(page: &mut Page<'_>, finding: &Finding) {
    if finding.expected {
        return;
    }
    page.heading("Cause");
    let cause = &finding.cause;
    match (&cause.id, &cause.title) {
        (Some(id), Some(title)) => page.line(&format!("{title} ({id})")),
        _ if finding.failure.message.is_some() && finding.kind != "agent" => {
            page.line("unknown message: no catalog entry matches");
        }
        _ => page.line("unknown: no catalog entry matches"),
    }
    if let Some(meaning) = &cause.meaning {
        page.line(meaning);
    }
    let kinds: Vec<String> = [("class", &cause.class), ("category", &cause.category)]
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)))
        .collect();
    if !kinds.is_empty() {
        page.line(&kinds.join(", "));
    }
    let confidence = match cause.wording.as_deref() {
        Some("documented") => "confidence: the message is documented by AWS",
        Some("source") => "confidence: the message is confirmed in source code",
        Some("observed") => "confidence: the message was seen in real reports",
        Some("kind_only") => "confidence: only the kind of failure is known; the message itself gives the reason",
        Some(_) => "confidence: the message is widely known, but no source confirms it",
        None => return,
    };
    page.line(confidence);
}

pub(super) fn write_group(page: &mut Page<'_>, group: &Group) {
    let name = match (&group.title, &group.cause) {
        (Some(title), Some(cause)) => format!("{title} ({cause})"),
        _ => format!("{} (unknown message)", group.reason.as_deref().unwrap_or("no reason recorded")),
    };
    page.heading(&visible(&format!("{} × {name}", group.count)));
    page.line(&format!("first {}, last {}", page.time(group.first), page.time(group.last)));
    match &group.meaning {
        Some(meaning) => page.line(meaning),
        None => page.line("no catalog entry matches"),
    }
    group.response.iter().for_each(|response| page.line(response));
    for (index, action) in group.actions.iter().enumerate() {
        page.numbered(index + 1, action);
    }
    for id in &group.examples {
        page.command(&format!("ecs-audit explain {id}"));
    }
}

fn section(page: &mut Page<'_>, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        page.heading(title);
        lines.iter().for_each(|line| page.line(line));
    }
}

fn numbered(page: &mut Page<'_>, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        page.heading(title);
        for (index, line) in lines.iter().enumerate() {
            page.numbered(index + 1, line);
        }
    }
}
