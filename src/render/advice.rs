//! Advice: sentences in which backticks mark commands, such as "`ecs-audit explain FAMILY` shows the evidence".
//!
//! Such sentences contain names from records, which may have backticks of their own. Every part is escaped for where it lands, so
//! these can only move the borders of what is shown as code.

use super::html::escape as escape_html;
use super::markdown::{code as markdown_code, escape as escape_markdown};

/// Advice as HTML.
pub fn advice_html(text: &str) -> String {
    with_code(text, escape_html, |code| format!("<code>{}</code>", escape_html(code)))
}

/// Advice as Markdown.
pub fn advice_markdown(text: &str) -> String {
    with_code(text.trim_matches(' '), spaced_markdown, markdown_code)
}

/// Text between commands, with the spaces around it.
fn spaced_markdown(text: &str) -> String {
    let inner = text.trim_matches(' ');
    let (before, after) = if inner.is_empty() { (text, "") } else { text.split_once(inner).unwrap_or_default() };
    format!("{before}{}{after}", escape_markdown(inner))
}

fn with_code(text: &str, plain: fn(&str) -> String, code: fn(&str) -> String) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // Without a second backtick, or with nothing in between, a backtick is only a character.
    let is_code = |index: usize| index % 2 == 1;
    let is_clear =
        parts.len() % 2 == 1 && parts.iter().enumerate().all(|(index, part)| !is_code(index) || !part.trim().is_empty());
    if !is_clear {
        return plain(text);
    }
    parts.iter().enumerate().map(|(index, part)| if is_code(index) { code(part) } else { plain(part) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_code_and_the_rest_is_text() {
        let text = "Undo it (`ecs-audit show a_b*c`) & read `x<y`";
        assert_eq!(advice_html(text), "Undo it (<code>ecs-audit show a_b*c</code>) &amp; read <code>x&lt;y</code>");
        assert_eq!(advice_markdown(text), "Undo it (`ecs-audit show a_b*c`) &amp; read `x<y`");
        assert_eq!(advice_markdown("1. `a` `b` * "), "1\\. `a` `b` \\*");
        assert_eq!(advice_markdown(""), "");
    }

    #[test]
    fn a_backtick_in_a_name_makes_no_markup() {
        for hostile in ["a`<b>*c*", "``<b>*c*", "`<b>` `*c*`", "`a` `<b>*c*", "x``` <b>*c*"] {
            let html = advice_html(hostile);
            assert!(!html.contains("<b>"), "{html}");
            let markdown = advice_markdown(hostile);
            // What is not in code is escaped.
            let outside: String = markdown.replace("\\`", "").split('`').step_by(2).collect();
            assert!(!outside.contains('<') && !outside.replace("\\*", "").contains('*'), "{markdown}");
        }
    }
}
