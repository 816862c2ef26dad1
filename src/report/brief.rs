//! The brief: one page for people who were not there, as a post-mortem that a person completes.
//!
//! Everything that the records show is filled in; everything else is marked with [`WRITE`]. Lists are short, so that the
//! page stays one page.

use super::ReportError;
use super::impact::Card;
use super::incident::IncidentCard;
use super::page::{About, environment};
use crate::plural::counted;
use crate::render::{SlackMessage, advice_markdown as advice, elsewhere, escape_markdown as escape, visible};
use serde::Serialize;

/// A format of the brief.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BriefFormat {
    /// For a ticket or a wiki.
    Markdown,
    /// For a browser.
    Html,
    /// For a chat: Block Kit of Slack.
    Slack,
}

impl BriefFormat {
    /// The file of the report that has it.
    pub fn file(self) -> &'static str {
        match self {
            BriefFormat::Markdown => "brief.md",
            BriefFormat::Html => "brief.html",
            BriefFormat::Slack => "brief.slack.json",
        }
    }
}

impl std::str::FromStr for BriefFormat {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word.to_ascii_lowercase().as_str() {
            "markdown" | "md" => Ok(BriefFormat::Markdown),
            "html" => Ok(BriefFormat::Html),
            "slack" => Ok(BriefFormat::Slack),
            other => Err(format!("expected markdown, html or slack{}", elsewhere(other))),
        }
    }
}

/// Marks what a person must write.
const WRITE: &str = "TO WRITE:";
/// The maximum number of incidents that the brief names.
pub const INCIDENTS: usize = 3;
/// The maximum number of lines of the timeline, and of action items.
const LINES: usize = 8;
const ITEMS: usize = 5;

/// The content of the brief.
#[derive(Debug, Serialize)]
pub struct Brief {
    title: String,
    about: About,
    impact: Vec<String>,
    timeline: Vec<[String; 2]>,
    causes: Vec<Cause>,
    factors: Vec<String>,
    well: Vec<String>,
    badly: Vec<String>,
    items: Vec<Item>,
    coverage: String,
    write: Write,
}

#[derive(Debug, Serialize)]
struct Cause {
    head: String,
    why: String,
    sure: String,
    record: String,
}

#[derive(Debug, Serialize)]
struct Item {
    action: String,
    place: String,
}

/// The questions that only a person can answer.
#[derive(Debug, Serialize)]
struct Write {
    mark: &'static str,
    impact: &'static str,
    causes: &'static str,
    factors: &'static str,
    well: &'static str,
    badly: &'static str,
    owner: &'static str,
    due: &'static str,
}

const QUESTIONS: Write = Write {
    mark: WRITE,
    impact: "what customers saw, who noticed it and how",
    causes: "why this could happen, not only what happened",
    factors: "what made it worse or slower to find",
    well: "what helped: alerts, people, runbooks",
    badly: "what did not help, and how long it took to notice, understand and repair",
    owner: "owner",
    due: "due date",
};

/// The brief of a report: its cards, its worst incidents, and what is loaded and not known.
pub fn brief(title: &str, about: &About, cards: &[Card], incidents: &[IncidentCard], coverage: (&[String], &[String])) -> Brief {
    let named: Vec<&IncidentCard> = incidents.iter().take(INCIDENTS).collect();
    let impact = cards.iter().map(|card| {
        let note = if card.note.is_empty() { String::new() } else { format!(" ({})", card.note) };
        if card.unknown {
            format!("{}: {}{note}", card.label, card.value)
        } else {
            format!("{} {}{note}", card.value, card.label)
        }
    });
    let causes = named.iter().map(|incident| Cause {
        head: format!("{} {}", incident.who, incident.when),
        why: incident.why.clone(),
        sure: format!("confidence {}: {}", incident.confidence, incident.basis),
        record: incident.id.clone(),
    });
    let mut items: Vec<Item> = Vec::new();
    for incident in &named {
        for action in incident.now.iter().take(1).chain(&incident.prevent).take(2) {
            if !items.iter().any(|item| item.action == *action) {
                items.push(Item { action: action.clone(), place: incident.place.clone() });
            }
        }
    }
    items.truncate(ITEMS);
    Brief {
        title: title.to_owned(),
        about: about.clone(),
        impact: impact.collect(),
        timeline: timeline(&named),
        causes: causes.collect(),
        factors: factors(&named),
        well: well(&named),
        badly: badly(&named),
        items,
        coverage: [coverage.0, coverage.1].concat().join(" · "),
        write: QUESTIONS,
    }
}

/// The incidents in order, each after the change that led to it.
fn timeline(named: &[&IncidentCard]) -> Vec<[String; 2]> {
    let mut incidents = named.to_vec();
    incidents.sort_by_key(|incident| incident.times.0);
    let mut lines: Vec<[String; 2]> = Vec::new();
    for incident in incidents {
        if let Some(change) = &incident.suspect {
            let by = if change.who.is_empty() { String::new() } else { format!(" by {}", change.who) };
            lines.push([change.time.clone(), format!("{}{by}", change.what)]);
        }
        let over = if incident.recovery.is_empty() { String::new() } else { format!(". {}", incident.recovery) };
        lines.push([incident.when.clone(), format!("{} ({}){over}", incident.who, incident.place)]);
    }
    lines.truncate(LINES);
    lines
}

fn factors(named: &[&IncidentCard]) -> Vec<String> {
    let mut factors = Vec::new();
    for incident in named {
        if !incident.repeats.is_empty() {
            let more = counted(incident.repeats.len(), "more incident like this", "more incidents like this");
            factors.push(format!("{}: {more} in the window, in total {}", incident.place, incident.together));
        }
        if let Some(change) = incident.suspect.as_ref().filter(|change| !change.likely) {
            factors.push(format!("{}: {} shortly before; timing alone does not prove cause", incident.place, change.what));
        }
    }
    factors.truncate(INCIDENTS);
    factors
}

/// A sentence about the first incident that a test holds for.
fn about(named: &[&IncidentCard], holds: fn(&IncidentCard) -> bool, sentence: &str) -> Option<String> {
    named.iter().find(|one| holds(one)).map(|one| format!("{}: {sentence}", one.place))
}

fn well(named: &[&IncidentCard]) -> Vec<String> {
    let lines = [
        about(named, |one| one.sums.healed > 0.0, "retries placed launches that were refused at first"),
        about(named, |one| one.sums.consequences > 0.0, "ECS also reported the problem at service or deployment level"),
    ];
    lines.into_iter().flatten().collect()
}

fn badly(named: &[&IncidentCard]) -> Vec<String> {
    let impaired = named.iter().find_map(|one| {
        let lasted = one.sums.impaired()?;
        Some(format!("{}: {lasted} before the last failure", one.place))
    });
    let lines = [
        about(named, |one| one.sums.lost > 0.0, "launches were lost, because nothing retried a call that was answered with 200"),
        about(named, |one| one.sums.not_called > 0.0, "starts were missed without any call, which no error shows"),
        impaired,
    ];
    lines.into_iter().flatten().collect()
}

/// The brief as Markdown.
pub fn markdown(brief: &Brief) -> String {
    let mut out = String::new();
    let write = |question: &str| format!("- **{WRITE}** {}", escape(question));
    let list = |lines: &[String]| lines.iter().map(|line| format!("- {}", escape(line))).collect::<Vec<_>>();
    let mut section = |title: &str, lines: Vec<String>| {
        out.push_str(&format!("## {title}\n\n{}\n\n", lines.join("\n")));
    };
    let with = |mut lines: Vec<String>, question: &str| {
        lines.push(write(question));
        lines
    };
    let questions = &brief.write;
    section("Impact", with(list(&brief.impact), questions.impact));
    let timeline = brief.timeline.iter().map(|[when, what]| format!("- {}: {}", escape(when), escape(what)));
    section("Timeline", timeline.collect());
    let causes = brief
        .causes
        .iter()
        .map(|cause| format!("- **{}**: {} ({})", escape(&cause.head), escape(&cause.why), escape(&cause.sure)));
    section("Root cause", with(causes.collect(), questions.causes));
    section("Contributing factors", with(list(&brief.factors), questions.factors));
    section("What went well", with(list(&brief.well), questions.well));
    section("What went badly", with(list(&brief.badly), questions.badly));
    let mut table = vec!["| Action | For | Owner | Due |".to_owned(), "|---|---|---|---|".to_owned()];
    table.extend(brief.items.iter().map(|item| {
        format!(
            "| {} | {} | **{WRITE}** {} | **{WRITE}** {} |",
            advice(&item.action),
            escape(&item.place),
            questions.owner,
            questions.due
        )
    }));
    section("Action items", table);
    let scope = if brief.about.scope.is_empty() { String::new() } else { format!(" Only {}.", escape(&brief.about.scope)) };
    let foot = format!(
        "Data: {}. Written by {}; `ecs-audit report verify DIR` recomputes every number.",
        escape(&brief.coverage),
        escape(&brief.about.tool)
    );
    format!(
        "# Post-mortem: {}\n\nDraft, {}.{scope} What only a person can know is marked **{WRITE}**.\n\n{out}{}\n",
        escape(&brief.title),
        escape(&brief.about.window),
        visible(&foot)
    )
}

/// The brief as a message for Slack: what is known, without the questions, which are answered in the document.
pub fn slack(brief: &Brief) -> String {
    let mut message = SlackMessage::default();
    message.text(&format!("Draft, {}.", brief.about.window));
    if !brief.about.scope.is_empty() {
        message.text(&format!("Only {}.", brief.about.scope));
    }
    let mut section = |title: &str, lines: &[String]| {
        if !lines.is_empty() {
            message.heading(title);
            lines.iter().for_each(|line| message.item(line));
        }
    };
    section("Impact", &brief.impact);
    let timeline = brief.timeline.iter().map(|[when, what]| format!("{when}: {what}"));
    section("Timeline", &timeline.collect::<Vec<_>>());
    let causes = brief.causes.iter().map(|cause| format!("{}: {} ({})", cause.head, cause.why, cause.sure));
    section("Root cause", &causes.collect::<Vec<_>>());
    section("Contributing factors", &brief.factors);
    section("What went well", &brief.well);
    section("What went badly", &brief.badly);
    let items = brief.items.iter().map(|item| format!("{} (for {})", item.action, item.place));
    section("Action items", &items.collect::<Vec<_>>());
    section("Data", std::slice::from_ref(&brief.coverage));
    message.json(&format!("Post-mortem: {}", brief.title))
}

/// The brief as HTML.
pub fn html(brief: &Brief) -> Result<String, ReportError> {
    let env = environment(&[("brief.html", include_str!("brief.html"))])?;
    let mut text = env.get_template("brief.html")?.render(brief)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}
