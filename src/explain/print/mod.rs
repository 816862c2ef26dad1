//! Findings, groups and stories as text, Markdown or JSON. Text from logs is made visible on the way.

mod blocks;
mod capacity;
mod changes;
mod finding;
mod launch;
mod network;
mod slot;
mod story;

use super::capacity::Capacity;
use super::changes::Changes;
use super::find::{Subject, SubjectKind};
use super::finding::Finding;
use super::groups::Group;
use super::slot::Slot;
use super::story::Story;
use blocks::Page;
use jiff::tz::TimeZone;
use serde::Serialize;

/// How a finding is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// For a terminal.
    #[default]
    Text,
    /// For a program.
    Json,
    /// For a ticket or a chat.
    Markdown,
    /// One file for a browser: no script, no link, nothing fetched.
    Html,
}

impl std::str::FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Layout::Text),
            "json" => Ok(Layout::Json),
            "markdown" | "md" => Ok(Layout::Markdown),
            "html" => Ok(Layout::Html),
            _ => Err("expected text, json, markdown or html".to_owned()),
        }
    }
}

/// A text to print, or why JSON could not be made.
pub type Printed = Result<String, serde_json::Error>;

#[derive(Serialize)]
struct Explained<'f> {
    subject: &'f Subject,
    others: usize,
    finding: Option<&'f Finding>,
}

/// A finding; none says that nothing failed.
pub fn print_finding(subject: &Subject, found: Option<(&Finding, usize)>, layout: Layout, tz: &TimeZone) -> Printed {
    let (finding, others) = (found.map(|(finding, _)| finding), found.map_or(0, |(_, others)| others));
    if layout == Layout::Json {
        return json(&Explained { subject, others, finding });
    }
    let mut page = Page::new(layout, tz);
    match finding {
        Some(finding) => finding::write(&mut page, finding),
        None => page.line(&format!("{} {}: no failure of it is recorded", subject.kind.word(), subject.name)),
    }
    if others > 0 {
        let more = if others == 1 { "1 other failure".to_owned() } else { format!("{others} other failures") };
        page.heading("More");
        page.line(&match subject.kind {
            SubjectKind::Failure => format!("{more} told by the same record"),
            kind => format!("{more} of {} {}; --all explains each cause once", kind.word(), subject.name),
        });
    }
    Ok(page.text(&format!("{} {}", subject.kind.word(), subject.name)))
}

/// Groups of failures.
pub fn print_groups(groups: &[Group], layout: Layout, tz: &TimeZone) -> Printed {
    if layout == Layout::Json {
        #[derive(Serialize)]
        struct All<'g> {
            groups: &'g [Group],
        }
        return json(&All { groups });
    }
    let mut page = Page::new(layout, tz);
    if groups.is_empty() {
        page.line("no failures");
    }
    groups.iter().for_each(|group| finding::write_group(&mut page, group));
    Ok(page.text("failures by cause"))
}

/// Pools with their arithmetic.
pub fn print_capacity(told: &Capacity, layout: Layout, tz: &TimeZone) -> Printed {
    if layout == Layout::Json {
        return json(told);
    }
    let mut page = Page::new(layout, tz);
    capacity::write(&mut page, told);
    Ok(page.text(&format!("quota {}", told.region)))
}

/// An expected start of a schedule.
pub fn print_slot(slot: &Slot, layout: Layout, tz: &TimeZone) -> Printed {
    if layout == Layout::Json {
        return json(slot);
    }
    let mut page = Page::new(layout, tz);
    slot::write(&mut page, slot);
    Ok(page.text(&format!("expected start {}", slot.id)))
}

/// The changes before a burst of failures; none says that nothing failed.
pub fn print_changes(subject: &Subject, found: Option<&Changes>, layout: Layout, tz: &TimeZone) -> Printed {
    if layout == Layout::Json {
        #[derive(Serialize)]
        struct All<'c> {
            subject: &'c Subject,
            found: Option<&'c Changes>,
        }
        return json(&All { subject, found });
    }
    let mut page = Page::new(layout, tz);
    match found {
        Some(found) => changes::write(&mut page, subject, found),
        None => page.line(&format!("{} {}: no failure of it is recorded", subject.kind.word(), subject.name)),
    }
    Ok(page.text(&format!("changes before {} {}", subject.kind.word(), subject.name)))
}

/// A story.
pub fn print_story(told: &Story, layout: Layout, tz: &TimeZone) -> Printed {
    if layout == Layout::Json {
        return json(told);
    }
    let mut page = Page::new(layout, tz);
    story::write(&mut page, told);
    Ok(page.text(&format!("timeline of {} {}", told.subject.kind.word(), told.subject.name)))
}

fn json(value: &impl Serialize) -> Printed {
    Ok(format!("{}\n", serde_json::to_string_pretty(value)?))
}
