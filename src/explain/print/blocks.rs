//! A page of headings and lines as plain text, Markdown, HTML or a Slack message; untrusted text is escaped in all of them.

use super::Layout;
use crate::render::{
    PAGE_STYLE, SlackMessage, advice_html, advice_markdown, describe_instant, escape_html, escape_markdown, visible,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Blocks everything the page does not use, in case a value escapes its context.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

const STYLE: &str = "\
main { max-width: 60rem; }
h1 { font-size: 1.3rem; }
h2 { font-size: 1.05rem; margin: 1rem 0 .25rem; padding-top: .5rem; }
ul, ol { margin: 0; padding-left: 1.25rem; }
li { overflow-wrap: anywhere; }
li.in { margin-left: 1.25rem; }
li.marked { list-style: none; margin-left: -1.1rem; }
table { font-size: .95rem; min-width: 0; } th, td { border: 0; padding: .1rem 1rem .1rem 0; } td { max-width: none; }
th { font-weight: normal; white-space: nowrap; }
td.t { white-space: nowrap; font-variant-numeric: tabular-nums; } small { font: 11px/1.4 ui-monospace, monospace; color: var(--soft); }
@media (max-width: 600px) { tr:has(.t) td { display: block; } tr:has(.t) td.t { display: inline; } tr:has(.t) td:last-child { padding-bottom: .5rem; } }
code { background: var(--card); padding: .1rem .3rem; }
";

/// A page under construction.
pub(super) struct Page<'z> {
    text: String,
    layout: Layout,
    /// The HTML element that is currently open.
    open: Option<&'static str>,
    /// The message, for Slack.
    message: SlackMessage,
    tz: &'z TimeZone,
}

impl<'z> Page<'z> {
    pub(super) fn new(layout: Layout, tz: &'z TimeZone) -> Self {
        Page { text: String::new(), layout, open: None, message: SlackMessage::default(), tz }
    }

    /// The reader's time zone.
    pub(super) fn tz(&self) -> &'z TimeZone {
        self.tz
    }

    /// Formats a time in the reader's time zone.
    pub(super) fn time(&self, instant: Timestamp) -> String {
        describe_instant(instant, self.tz)
    }

    /// Returns the page; the title is used only in HTML and Slack.
    pub(super) fn text(mut self, title: &str) -> String {
        if self.layout == Layout::Slack {
            return self.message.json(&one_line(title));
        }
        if self.layout != Layout::Html {
            return self.text;
        }
        self.close();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <title>ecs-audit: {}</title>\n<style>\n{PAGE_STYLE}{STYLE}</style>\n</head>\n\
             <body>\n<main>\n{}</main>\n</body>\n</html>\n",
            escape_html(&one_line(title)),
            self.text
        )
    }

    /// The title of a section.
    pub(super) fn heading(&mut self, title: &str) {
        let title = one_line(title);
        match self.layout {
            Layout::Markdown => {
                let space = if self.text.is_empty() { "" } else { "\n" };
                self.text.push_str(&format!("{space}## {}\n\n", escape_markdown(&title)));
            }
            Layout::Html => {
                self.close();
                // The first one is that of the page.
                let tag = if self.text.is_empty() { "h1" } else { "h2" };
                self.text.push_str(&format!("<{tag}>{}</{tag}>\n", escape_html(&title)));
            }
            Layout::Slack => self.message.heading(&title),
            _ => self.text.push_str(&format!("{title}\n")),
        }
    }

    /// A line of a section.
    pub(super) fn line(&mut self, line: &str) {
        let safe = one_line(line);
        match self.layout {
            Layout::Markdown => self.text.push_str(&format!("- {}\n", escape_markdown(&safe))),
            Layout::Html => self.item("ul", "", &escape_html(&safe)),
            Layout::Slack => self.message.item(&safe),
            _ => self.text.push_str(&format!("  {safe}\n")),
        }
    }

    /// A line that begins with a mark of its own, and needs none of a list.
    pub(super) fn marked(&mut self, line: &str) {
        match self.layout {
            Layout::Html => self.item("ul", " class=\"marked\"", &escape_html(&one_line(line))),
            _ => self.line(line),
        }
    }

    /// An event: its time, the time since the one before, what happened, and the id of its record. A page shows events as a table,
    /// so that times are below each other.
    pub(super) fn event(&mut self, (time, since): (&str, Option<&str>), what: &str, record: &str) {
        if self.layout != Layout::Html {
            let since = since.map(|since| format!("{since}  ")).unwrap_or_default();
            return self.line(&format!("{time}  {since}{what}  [{record}]"));
        }
        self.open("table");
        let [time, since, what, record] =
            [time, since.unwrap_or_default(), what, record].map(|text| escape_html(&one_line(text)));
        self.text.push_str(&format!(
            "<tr><td class=\"t\">{time}</td><td class=\"t\">{since}</td><td>{what} <small>[{record}]</small></td></tr>\n"
        ));
    }

    /// A line of a tree. `above` says for each parent level whether that branch was the last one; `is_last` says the same for
    /// this line.
    pub(super) fn branch(&mut self, above: &[bool], is_last: bool, line: &str) {
        let safe = one_line(line);
        match self.layout {
            Layout::Markdown => {
                let indent = "  ".repeat(above.len());
                self.text.push_str(&format!("{indent}- {}\n", escape_markdown(&safe)));
            }
            Layout::Html => self.item("ul", if above.is_empty() { "" } else { " class=\"in\"" }, &escape_html(&safe)),
            Layout::Slack => self.message.text(&format!("{}• {safe}", "    ".repeat(above.len()))),
            _ => {
                let stems: String = above.iter().map(|ended| if *ended { "   " } else { "│  " }).collect();
                let fork = if is_last { "└─" } else { "├─" };
                self.text.push_str(&format!("  {stems}{fork} {safe}\n"));
            }
        }
    }

    /// A numbered line of advice.
    pub(super) fn numbered(&mut self, number: usize, line: &str) {
        let safe = one_line(line);
        match self.layout {
            Layout::Markdown => self.text.push_str(&format!("{number}. {}\n", advice_markdown(&safe))),
            Layout::Html => self.item("ol", "", &advice_html(&safe)),
            Layout::Slack => self.message.text(&format!("{number}. {safe}")),
            _ => self.text.push_str(&format!("  {number}. {safe}\n")),
        }
    }

    /// A block under a short name: `[Name]  first line`, further lines below it.
    pub(super) fn block(&mut self, name: &str, lines: &[String]) {
        if self.has_headings() {
            self.heading(name);
            return lines.iter().for_each(|line| self.line(line));
        }
        let mut label = format!("[{}]", one_line(name));
        for line in lines {
            self.text.push_str(&format!("{label:<14} {}\n", one_line(line)));
            label.clear();
        }
    }

    /// A block of numbered lines.
    pub(super) fn steps(&mut self, name: &str, lines: &[String]) {
        if self.has_headings() {
            self.heading(name);
            return lines.iter().enumerate().for_each(|(index, line)| self.numbered(index + 1, line));
        }
        let lines: Vec<String> = lines.iter().enumerate().map(|(index, line)| format!("{}. {line}", index + 1)).collect();
        self.block(name, &lines);
    }

    /// Whether blocks are sections with a heading.
    fn has_headings(&self) -> bool {
        matches!(self.layout, Layout::Markdown | Layout::Html | Layout::Slack)
    }

    /// Space between two groups of blocks.
    pub(super) fn gap(&mut self) {
        if !self.has_headings() {
            self.text.push('\n');
        }
    }

    /// Names and values, aligned in text.
    pub(super) fn facts(&mut self, facts: &[(&str, &str)]) {
        let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        for (name, value) in facts {
            match self.layout {
                Layout::Markdown | Layout::Slack => self.line(&format!("{name}: {value}")),
                Layout::Html => {
                    self.open("table");
                    let (name, value) = (escape_html(&one_line(name)), escape_html(&one_line(value)));
                    self.text.push_str(&format!("<tr><th>{name}</th><td>{value}</td></tr>\n"));
                }
                _ => self.line(&format!("{name:width$}  {value}")),
            }
        }
    }

    /// An address of the AWS console, which consists of characters that need no escapes in any format.
    pub(super) fn link(&mut self, name: &str, url: &str) {
        let safe = one_line(name);
        match self.layout {
            Layout::Markdown => self.text.push_str(&format!("- [{}]({url})\n", escape_markdown(&safe))),
            Layout::Html => {
                // The page gives its own address to nobody, and the console gets no access to the page.
                let name = escape_html(&safe);
                self.item("ul", "", &format!("<a rel=\"noreferrer\" href=\"{}\">{name}</a>", escape_html(url)));
            }
            Layout::Slack => self.message.link(&safe, url),
            _ => self.text.push_str(&format!("  {safe}\n    {url}\n")),
        }
    }

    /// A command to copy.
    pub(super) fn command(&mut self, command: &str) {
        let safe = one_line(command);
        match self.layout {
            Layout::Markdown => {
                // A fence longer than any run of backticks inside cannot be closed by the content.
                let longest = safe.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
                let fence = "`".repeat(longest + 1);
                let space = if longest > 0 { " " } else { "" };
                self.text.push_str(&format!("- {fence}{space}{safe}{space}{fence}\n"));
            }
            Layout::Html => self.item("ul", "", &format!("<code>{}</code>", escape_html(&safe))),
            Layout::Slack => self.message.code(&safe),
            _ => self.text.push_str(&format!("  $ {safe}\n")),
        }
    }

    /// An item of a list in HTML; its content is escaped already.
    fn item(&mut self, list: &'static str, attributes: &str, content: &str) {
        self.open(list);
        self.text.push_str(&format!("<li{attributes}>{content}</li>\n"));
    }

    fn open(&mut self, element: &'static str) {
        if self.open != Some(element) {
            self.close();
            self.text.push_str(&format!("<{element}>\n"));
            self.open = Some(element);
        }
    }

    fn close(&mut self) {
        if let Some(element) = self.open.take() {
            self.text.push_str(&format!("</{element}>\n"));
        }
    }
}

/// Joins lines with spaces and escapes terminal control characters.
fn one_line(text: &str) -> String {
    let lines = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
    visible(&lines.collect::<Vec<_>>().join(" ")).into_owned()
}
