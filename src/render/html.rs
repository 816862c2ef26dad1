//! A self-contained page: no scripts, no links, no external resources, dark or light according to the browser.

use std::io;

use base64::Engine;

use super::grid::Grid;
use super::rows::{is_numeric, visit_rows};
use super::spark::spark_columns;
use super::time::describe_window;
use super::visible::visible_except;
use super::{Look, Render, RenderError};
use crate::answer::{Answer, Column, ColumnKind};
use crate::plural::counted;

/// The format `html`.
pub(super) struct Html;

/// Blocks everything that the page does not use, in case a value ever escapes from its cell.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Texts of up to this many characters are broken only between words.
const WHOLE: usize = 24;

/// The colors of all pages, in light and dark.
pub const PALETTE: &str = include_str!("palette.css");

/// What all pages look like: colors, type and tables.
pub const PAGE_STYLE: &str = concat!(include_str!("palette.css"), include_str!("page.css"));

/// Tables of up to this many columns fit into most windows when long texts are broken.
const FEW_COLUMNS: usize = 10;

const STYLE: &str = "\
main { max-width: none; padding: 1rem 1.25rem; }
h1 { font: 600 1.1rem/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.scroll { overflow: auto; max-height: calc(100vh - 6rem); }
td { white-space: pre-wrap; }
table.many { width: max-content; max-width: none; } table.many td { overflow-wrap: break-word; }
td.t { white-space: nowrap; }
thead th { position: sticky; top: 0; background: var(--paper); white-space: nowrap; }
tbody tr:hover { background: var(--card); }
td.trend { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre; }
";

impl Render for Html {
    fn render(&self, answer: &Answer, look: &Look, out: &mut dyn io::Write) -> Result<(), RenderError> {
        out.write_all(head(answer, look).as_bytes())?;
        write_rows(answer, look, out)?;
        if let Some(trends) = spark_columns(answer)? {
            // A page does not have a terminal width, so trends are as wide as possible.
            let wide = Look { width: None, ..look.clone() };
            out.write_all(trend_table(&trends.grid(&wide)).as_bytes())?;
        }
        out.write_all(b"</main>\n</body>\n</html>\n")?;
        Ok(())
    }
}

fn head(answer: &Answer, look: &Look) -> String {
    let query = if answer.query.is_empty() { "SQL".to_owned() } else { escape(&answer.query) };
    let window = escape(&describe_window(&answer.window, &look.tz));
    let rows = counted(answer.rows(), "row", "rows");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>ecs-audit: {query}</title>\n<style>\n{PAGE_STYLE}{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{query}</h1>\n<p class=\"soft\">window {window} · {rows}</p>\n"
    )
}

fn write_rows(answer: &Answer, look: &Look, out: &mut dyn io::Write) -> Result<(), RenderError> {
    let class = |column: &Column| match column.kind {
        ColumnKind::Time => " class=\"t\"",
        kind if is_numeric(kind) => " class=\"n\"",
        _ => "",
    };
    let classes: Vec<&str> = answer.columns.iter().map(class).collect();
    let names = answer.columns.iter().map(|column| escape(&column.name));
    let header = row("th", classes.iter().copied().zip(names));
    let many = if classes.len() > FEW_COLUMNS { " class=\"many\"" } else { "" };
    out.write_all(format!("<div class=\"scroll\"><table{many}>\n<thead>\n{header}</thead>\n<tbody>\n").as_bytes())?;
    visit_rows(answer, |cells| {
        let texts = classes.iter().zip(cells).map(|(class, cell)| {
            let text = cell.human(look);
            // Long ids and messages may break anywhere, so that the table fits the window; short words stay whole.
            let class = if class.is_empty() && text.chars().count() > WHOLE { " class=\"w\"" } else { *class };
            (class, escape(&text))
        });
        Ok(out.write_all(row("td", texts).as_bytes())?)
    })?;
    out.write_all(b"</tbody>\n</table></div>\n")?;
    Ok(())
}

/// The last column of a grid of trends is the sparkline, whose bars need a fixed-width font.
fn trend_table(grid: &Grid) -> String {
    let last = grid.headers.len().saturating_sub(1);
    let classes: Vec<&str> = grid
        .headers
        .iter()
        .enumerate()
        .map(|(column, header)| match (column == last, header.numeric) {
            (true, _) => " class=\"trend\"",
            (_, true) => " class=\"n\"",
            _ => "",
        })
        .collect();
    let names = grid.headers.iter().map(|header| escape(&header.name));
    let mut table = String::from("<div class=\"scroll\"><table>\n<thead>\n");
    table.push_str(&row("th", classes.iter().copied().zip(names)));
    table.push_str("</thead>\n<tbody>\n");
    for cells in &grid.rows {
        let texts = cells.iter().map(|cell| escape(cell));
        table.push_str(&row("td", classes.iter().copied().zip(texts)));
    }
    table.push_str("</tbody>\n</table></div>\n");
    table
}

fn row<'a>(tag: &str, cells: impl Iterator<Item = (&'a str, String)>) -> String {
    let mut line = String::from("<tr>");
    for (class, text) in cells {
        line.push_str(&format!("<{tag}{class}>{text}</{tag}>"));
    }
    line.push_str("</tr>\n");
    line
}

/// Text as HTML, with invisible characters made visible.
pub fn escape(text: &str) -> String {
    let shown = visible_except(text, &['\n']);
    let mut out = String::with_capacity(shown.len() + 8);
    for c in shown.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// The hash of a script, as a content security policy names it: a browser runs no other script.
pub fn script_hash(script: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, script.as_bytes());
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_for_markup() {
        assert_eq!(
            escape("<script>alert('1')</script> & \"\u{202e}\""),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;\\u{202e}&quot;"
        );
        assert_eq!(escape("one\ntwo\u{1b}"), "one\ntwo\\u{1b}");
    }
}
