//! Messages for Slack: Block Kit as JSON, ready for a webhook or `chat.postMessage`.
//!
//! <https://docs.slack.dev/reference/block-kit/blocks>. Invariants: no text of a record is a mention, a link or the end of
//! a block (only addresses of the AWS console are links), and no message exceeds the limits of Slack; what does not fit is counted.

use std::io;
use std::sync::Arc;

use serde_json::{Value, json};

use super::time::describe_window;
use super::{Cell, Layout, Look, ROLE, ROLE_LINK, Render, RenderError, rows, table, visible};
use crate::answer::Answer;
use crate::plural::counted;

/// The blocks that a message can have.
const MOST_BLOCKS: usize = 50;
/// The characters that the text of a section can have.
const MOST_TEXT: usize = 3000;
/// The characters that a header can have.
const MOST_HEADER: usize = 150;
/// The characters that the address and the name of a link can have.
const MOST_LINK: (usize, usize) = (2000, 200);
/// The values that name the row of a link.
const NAMING: usize = 2;
/// The columns of a table: what Slack shows on a laptop without breaking lines.
const COLUMNS: usize = 100;

const FENCE: &str = "```";

/// The format `slack`.
pub(super) struct Slack;

impl Render for Slack {
    fn render(&self, answer: &Answer, look: &Look, out: &mut dyn io::Write) -> Result<(), RenderError> {
        // A table has no room for addresses, and no links.
        let (answer, links) = without_links(answer, look)?;
        let narrow = Look { width: Some(COLUMNS), color: false, tz: look.tz.clone(), layout: Layout::default() };
        let mut drawn = Vec::new();
        table::Table.render(&answer, &narrow, &mut drawn)?;
        let mut message = SlackMessage::default();
        let title = if answer.query.is_empty() { "SQL" } else { answer.query.as_str() };
        if title.chars().count() > MOST_HEADER {
            message.code(title);
        }
        let rows = answer.rows();
        let rows = counted(rows, "row", "rows");
        let window = if answer.query.is_empty() { String::new() } else { describe_window(&answer.window, &look.tz) + " · " };
        message.text(&format!("{window}{rows}"));
        String::from_utf8_lossy(&drawn).lines().for_each(|line| message.code(line));
        if !links.is_empty() {
            message.heading("Links");
            links.iter().for_each(|(name, url)| message.link(name, url));
        }
        Ok(out.write_all(message.json(title).as_bytes())?)
    }
}

/// An answer without its column of links, and the links with the first values of their rows.
fn without_links(answer: &Answer, look: &Look) -> Result<(Answer, Vec<(String, String)>), RenderError> {
    let is_link = |column: &usize| {
        let field = answer.schema.fields().get(*column);
        field.is_some_and(|field| field.metadata().get(ROLE).is_some_and(|role| role == ROLE_LINK))
    };
    let (linked, kept): (Vec<usize>, Vec<usize>) = (0..answer.columns.len()).partition(is_link);
    let [link] = linked.as_slice() else { return Ok((answer.clone(), Vec::new())) };
    let name = |cells: &[Cell]| {
        let values = kept.iter().filter_map(|column| cells.get(*column)).filter(|cell| **cell != Cell::Missing);
        values.take(NAMING).map(|cell| cell.human(look)).collect::<Vec<_>>().join(" · ")
    };
    let mut links = Vec::new();
    for cells in rows(answer)? {
        if let Some(Cell::Text(url)) = cells.get(*link) {
            links.push((name(&cells), url.clone()));
        }
    }
    let wrong = |source| RenderError::Value { column: ROLE_LINK.to_owned(), source };
    let schema = Arc::new(answer.schema.project(&kept).map_err(wrong)?);
    let batches = answer.batches.iter().map(|batch| batch.project(&kept)).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    let columns = kept.iter().filter_map(|column| answer.columns.get(*column)).cloned().collect();
    Ok((Answer { columns, schema, batches, ..answer.clone() }, links))
}

/// A message under construction. All texts are plain; they are escaped here.
#[derive(Debug, Clone, Default)]
pub struct SlackMessage {
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
enum Line {
    /// The title of a section.
    Heading(String),
    /// A line of a section.
    Text(String),
    /// A line of preformatted text.
    Code(String),
    /// A name and an address.
    Link(String, String),
}

impl SlackMessage {
    /// Begins a section.
    pub fn heading(&mut self, title: &str) {
        self.lines.push(Line::Heading(title.to_owned()));
    }

    /// Adds a line to a section.
    pub fn text(&mut self, line: &str) {
        self.lines.push(Line::Text(line.to_owned()));
    }

    /// Adds an item of a list to a section.
    pub fn item(&mut self, line: &str) {
        self.text(&format!("• {line}"));
    }

    /// Adds an item of a list that leads to an address of the AWS console.
    pub fn link(&mut self, name: &str, url: &str) {
        self.lines.push(Line::Link(name.to_owned(), url.to_owned()));
    }

    /// Adds a line of preformatted text: a command or a row of a table.
    pub fn code(&mut self, line: &str) {
        self.lines.push(Line::Code(line.to_owned()));
    }

    /// The message.
    pub fn json(&self, title: &str) -> String {
        let mut blocks = Blocks::new(title);
        for line in &self.lines {
            blocks.add(line);
        }
        let message = json!({ "text": escaped(title, MOST_TEXT), "blocks": blocks.finish() });
        format!("{message:#}\n")
    }
}

/// Blocks within the limits.
struct Blocks {
    blocks: Vec<Value>,
    /// The text of the section that is not finished.
    open: String,
    /// The characters of `open`.
    length: usize,
    /// Whether `open` is preformatted, without its fences.
    is_code: bool,
    /// The lines for which there was no room.
    left_out: usize,
}

impl Blocks {
    fn new(title: &str) -> Self {
        let title = if title.trim().is_empty() { "ecs-audit" } else { title };
        let text = escaped(title, MOST_HEADER);
        let header = json!({ "type": "header", "text": { "type": "plain_text", "text": text, "emoji": false } });
        Blocks { blocks: vec![header], open: String::new(), length: 0, is_code: false, left_out: 0 }
    }

    fn add(&mut self, line: &Line) {
        let (text, is_code, starts) = match line {
            Line::Heading(title) => (format!("*{}*", escaped(title, MOST_TEXT / 2).replace('*', "∗")), false, true),
            Line::Text(text) => (escaped(text, MOST_TEXT), false, false),
            Line::Link(name, url) => (format!("• {}", linked(name, url)), false, false),
            // A fence inside would end the block.
            Line::Code(text) => (escaped(&text.replace(FENCE, "'''"), room(true)), true, false),
        };
        // A section is never empty.
        let text = if text.is_empty() { " ".to_owned() } else { text };
        let length = text.chars().count() + 1;
        if starts || is_code != self.is_code || self.length + length > room(is_code) + 1 {
            self.close();
        }
        // One block is kept for the number of lines that are left out.
        if self.open.is_empty() && self.blocks.len() + 1 >= MOST_BLOCKS {
            self.left_out += 1;
            return;
        }
        self.is_code = is_code;
        if !self.open.is_empty() {
            self.open.push('\n');
        }
        self.open.push_str(&text);
        self.length += length;
    }

    fn close(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let text = std::mem::take(&mut self.open);
        let text = if self.is_code { format!("{FENCE}\n{text}\n{FENCE}") } else { text };
        self.blocks.push(json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } }));
        self.length = 0;
    }

    fn finish(mut self) -> Vec<Value> {
        self.close();
        if self.left_out > 0 {
            let text = format!("{} more lines do not fit into a message", self.left_out);
            self.blocks.push(json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": text }] }));
        }
        self.blocks
    }
}

/// The characters that a section can have, without fences.
const fn room(is_code: bool) -> usize {
    if is_code { MOST_TEXT - 2 * (FENCE.len() + 1) } else { MOST_TEXT }
}

/// A link as Slack writes it; only the name if the address has characters that would end the link, or is too long.
fn linked(name: &str, url: &str) -> String {
    let (most_address, most_name) = MOST_LINK;
    let name = escaped(if name.trim().is_empty() { "link" } else { name }, most_name);
    let address = url.replace('&', "&amp;");
    let is_address = url.starts_with("https://") && url.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '|'));
    if is_address && address.len() <= most_address { format!("<{address}|{name}>") } else { name }
}

/// The text without characters that act, with entities for those that Slack interprets, in at most so many characters.
fn escaped(text: &str, most: usize) -> String {
    let safe = visible(text);
    let entity = |c: char| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    };
    let width = |c: char| entity(c).map_or(1, str::len);
    let total: usize = safe.chars().map(width).sum();
    // A text that is cut has room for the ellipsis.
    let room = if total > most { most.saturating_sub(1) } else { most };
    let (mut out, mut used) = (String::with_capacity(safe.len()), 0);
    for c in safe.chars() {
        used += width(c);
        if used > room {
            break;
        }
        match entity(c) {
            Some(entity) => out.push_str(entity),
            None => out.push(c),
        }
    }
    if total > most {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts of a message; panics if it is not what Slack accepts.
    fn texts(message: &SlackMessage, title: &str) -> Vec<String> {
        let value: Value = serde_json::from_str(&message.json(title)).unwrap();
        let blocks = value["blocks"].as_array().unwrap();
        assert!(blocks.len() <= MOST_BLOCKS, "{}", blocks.len());
        assert_eq!(blocks[0]["type"], "header");
        let text = |block: &Value| {
            let text = block["text"]["text"].as_str().or_else(|| block["elements"][0]["text"].as_str()).unwrap().to_owned();
            let most = if block["type"] == "header" { MOST_HEADER } else { MOST_TEXT };
            assert!(!text.is_empty() && text.chars().count() <= most, "{}", text.chars().count());
            text
        };
        blocks.iter().map(text).collect()
    }

    #[test]
    fn no_text_acts() {
        let mut message = SlackMessage::default();
        message.heading("<!channel> *a*");
        message.item("<@U1> & <http://x|y>\u{202e}");
        message.code("a ``` b");
        assert_eq!(
            texts(&message, "<b>"),
            ["&lt;b&gt;", "*&lt;!channel&gt; ∗a∗*\n• &lt;@U1&gt; &amp; &lt;http://x|y&gt;\\u{202e}", "```\na ''' b\n```"]
        );
    }

    #[test]
    fn only_addresses_are_links() {
        let mut message = SlackMessage::default();
        message.link("task <a>|b", "https://console.aws.amazon.com/x?a=1&b=2#/c");
        message.link("evil", "https://x|y>");
        message.link("script", "javascript:alert(1)");
        message.link("long", &format!("https://{}", "x".repeat(5000)));
        assert_eq!(
            texts(&message, "t")[1],
            "• <https://console.aws.amazon.com/x?a=1&amp;b=2#/c|task &lt;a&gt;|b>\n• evil\n• script\n• long"
        );
    }

    #[test]
    fn texts_are_cut_between_entities() {
        assert_eq!(escaped("a&b", 7), "a&amp;b");
        assert_eq!(escaped("a&b", 6), "a…");
        assert_eq!(escaped("abc", 3), "abc");
        assert_eq!(escaped("abcd", 3), "ab…");
    }

    #[test]
    fn no_message_exceeds_the_limits() {
        for (lines, length) in [(0, 0), (1, 9000), (3, 2999), (2000, 100), (200, 2900), (1, 0)] {
            for kind in [Line::Heading as fn(String) -> Line, Line::Text, Line::Code] {
                let message = SlackMessage { lines: vec![kind("&".repeat(length)); lines] };
                let texts = texts(&message, &"x".repeat(200));
                let all = lines * length * 5 < 40 * MOST_TEXT && lines < 45;
                assert!(all || texts.last().unwrap().contains("more lines do not fit"), "{lines} {length}");
            }
        }
    }

    #[test]
    fn lines_stay_together_while_they_fit() {
        let mut message = SlackMessage::default();
        message.text("a");
        message.text("b");
        message.code("c");
        message.code("d");
        message.heading("e");
        assert_eq!(texts(&message, "t"), ["t", "a\nb", "```\nc\nd\n```", "*e*"]);
    }
}
