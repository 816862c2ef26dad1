//! Prints findings, groups and timelines as text, Markdown, HTML or JSON. Control characters in log text are escaped.

mod blocks;
mod capacity;
mod changes;
mod expected_start;
mod finding;
mod incident;
mod launch;
mod network;
mod story;

use super::capacity::Capacity;
use super::changes::Changes;
use super::expected_start::ExpectedStart;
use super::find::{Subject, SubjectKind};
use super::finding::Finding;
use super::groups::Group;
use super::incidents::Incident;
use super::links::Link;
use super::losses::Loss;
use super::story::Story;
use crate::plural::counted;
use crate::render::{Schema, elsewhere, json_document};
use blocks::Page;
use jiff::tz::TimeZone;
use serde::Serialize;

/// The output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// For a terminal.
    #[default]
    Text,
    /// For a program.
    Json,
    /// For a ticket.
    Markdown,
    /// One file for a browser: no script, nothing fetched, and no links unless they are asked for.
    Html,
    /// For a chat: Block Kit of Slack.
    Slack,
}

impl std::str::FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Layout::Text),
            "json" => Ok(Layout::Json),
            "markdown" | "md" => Ok(Layout::Markdown),
            "html" => Ok(Layout::Html),
            "slack" => Ok(Layout::Slack),
            other => Err(format!("expected text, json, markdown, html or slack{}", elsewhere(other))),
        }
    }
}

/// The text to print, or a JSON serialization error.
pub type Printed = Result<String, serde_json::Error>;

#[derive(Serialize)]
struct Explained<'f> {
    subject: &'f Subject,
    others: usize,
    losses: &'f [Loss],
    finding: Option<&'f Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<&'f [Link]>,
}

/// The maximum number of losses in text output; JSON has all.
const LOSSES: usize = 10;

/// Prints a finding, or that nothing failed, followed by the losses of the subject, costliest first, and by links if they are
/// given.
pub fn print_finding(
    subject: &Subject,
    found: Option<(&Finding, usize)>,
    losses: &[Loss],
    links: Option<&[Link]>,
    layout: Layout,
    tz: &TimeZone,
) -> Printed {
    let (finding, others) = (found.map(|(finding, _)| finding), found.map_or(0, |(_, others)| others));
    if layout == Layout::Json {
        return json_document(Schema::Explain, &Explained { subject, others, losses, finding, links });
    }
    let mut page = Page::new(layout, tz);
    match finding {
        Some(finding) => finding::write(&mut page, finding),
        None => page.line(&format!("no failures recorded for {} {}", subject.kind.word(), subject.name)),
    }
    if !losses.is_empty() {
        page.heading("Losses, largest first");
        for loss in losses.iter().take(LOSSES) {
            page.event((&page.time(loss.time), None), &loss.what, &loss.id);
        }
        if losses.len() > LOSSES {
            page.line(&format!("{} more", losses.len() - LOSSES));
        }
    }
    if others > 0 {
        let more = counted(others, "other failure", "other failures");
        page.heading("More");
        page.line(&match subject.kind {
            SubjectKind::Failure => format!("{more} reported in the same record"),
            kind => format!("{more} of {} {}; --all explains each cause once", kind.word(), subject.name),
        });
    }
    write_links(&mut page, links);
    Ok(page.text(&format!("{} {}", subject.kind.word(), subject.name)))
}

/// Prints incidents, worst first, and groups of failures.
pub fn print_groups(incidents: &[Incident], groups: &[Group], layout: Layout, tz: &TimeZone) -> Printed {
    if layout == Layout::Json {
        #[derive(Serialize)]
        struct All<'g> {
            incidents: &'g [Incident],
            groups: &'g [Group],
        }
        return json_document(Schema::ExplainAll, &All { incidents, groups });
    }
    let mut page = Page::new(layout, tz);
    if groups.is_empty() && incidents.is_empty() {
        page.line("no failures");
    }
    incidents.iter().take(incident::SHOWN).for_each(|incident| incident::write(&mut page, incident));
    if incidents.len() > incident::SHOWN {
        page.line(&format!(
            "{} smaller incidents: `ecs-audit query \"incidents sort -weight\"`",
            incidents.len() - incident::SHOWN
        ));
    }
    if !groups.is_empty() {
        page.heading("Failures by cause");
    }
    groups.iter().for_each(|group| finding::write_group(&mut page, group));
    Ok(page.text(if incidents.is_empty() { "failures by cause" } else { "incidents" }))
}

/// Prints quota pools.
pub fn print_capacity(capacity: &Capacity, layout: Layout, tz: &TimeZone) -> Printed {
    if layout == Layout::Json {
        return json_document(Schema::ExplainQuota, capacity);
    }
    let mut page = Page::new(layout, tz);
    capacity::write(&mut page, capacity);
    Ok(page.text(&format!("quota {}", capacity.region)))
}

/// Prints an expected start of a schedule.
pub fn print_slot(slot: &ExpectedStart, layout: Layout, tz: &TimeZone) -> Printed {
    if layout == Layout::Json {
        return json_document(Schema::ExplainStart, slot);
    }
    let mut page = Page::new(layout, tz);
    expected_start::write(&mut page, slot);
    Ok(page.text(&format!("expected start {}", slot.id)))
}

/// Prints the changes before bursts of failures, largest first, or that nothing failed. `bursts` is the total number.
pub fn print_changes(subject: Option<&Subject>, found: &[Changes], bursts: usize, layout: Layout, tz: &TimeZone) -> Printed {
    let more_bursts = bursts.saturating_sub(found.len());
    if layout == Layout::Json {
        #[derive(Serialize)]
        struct All<'c> {
            subject: Option<&'c Subject>,
            found: Option<&'c Changes>,
            bursts: &'c [Changes],
            more_bursts: usize,
        }
        return json_document(Schema::Changes, &All { subject, found: found.first(), bursts: found, more_bursts });
    }
    let mut page = Page::new(layout, tz);
    let name = subject.map_or_else(|| "that time".to_owned(), |subject| format!("{} {}", subject.kind.word(), subject.name));
    for changes in found {
        changes::write(&mut page, &name, changes);
    }
    if found.is_empty() {
        page.line(&format!("no failures recorded for {name}; use --at TIME to look around a point in time"));
    }
    if more_bursts > 0 {
        page.line(&format!("{more_bursts} smaller bursts are not listed; use --at TIME to look around one"));
    }
    Ok(page.text(&format!("changes before {name}")))
}

/// Prints a timeline, followed by links if they are given.
pub fn print_story(story: &Story, links: Option<&[Link]>, layout: Layout, tz: &TimeZone) -> Printed {
    if layout == Layout::Json {
        #[derive(Serialize)]
        struct Linked<'s> {
            #[serde(flatten)]
            story: &'s Story,
            #[serde(skip_serializing_if = "Option::is_none")]
            links: Option<&'s [Link]>,
        }
        return json_document(Schema::Timeline, &Linked { story, links });
    }
    let mut page = Page::new(layout, tz);
    story::write(&mut page, story);
    write_links(&mut page, links);
    Ok(page.text(&format!("timeline of {} {}", story.subject.kind.word(), story.subject.name)))
}

/// The links to the AWS console.
fn write_links(page: &mut Page<'_>, links: Option<&[Link]>) {
    let Some(links) = links else { return };
    page.heading("Links");
    if links.is_empty() {
        page.line("nothing in these records has a page in the AWS console");
    }
    for link in links {
        page.link(&format!("{} {}", link.kind, link.name), &link.url);
    }
}
