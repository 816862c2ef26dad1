//! Makes characters visible that would affect a terminal or be invisible.
//!
//! Log text is untrusted. Control characters (C0, C1, delete), text direction overrides, and zero-width characters
//! are replaced with their escape, such as `\u{1b}`, so that no record can move the cursor, recolor the screen or
//! disguise a name. Joiners and variation selectors are kept, because emoji and several scripts need them.

use std::borrow::Cow;

/// The text with every invisible or control character escaped.
pub fn visible(text: &str) -> Cow<'_, str> {
    visible_except(text, &[])
}

/// Like [`visible`], but keeps the characters in `keep`.
pub(super) fn visible_except<'a>(text: &'a str, keep: &[char]) -> Cow<'a, str> {
    let acts = |c: char| is_hidden(c) && !keep.contains(&c);
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Whether a character affects the output or is invisible.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'                     // soft hyphen
            | '\u{61c}'                  // Arabic letter mark
            | '\u{180e}'                 // Mongolian vowel separator
            | '\u{200b}'                 // zero width space
            | '\u{200e}' | '\u{200f}'    // direction marks
            | '\u{2028}'..='\u{202e}'    // line separators, direction embeddings and overrides
            | '\u{2060}'..='\u{206f}'    // word joiner, isolates, deprecated format characters
            | '\u{feff}'                 // byte order mark
            | '\u{fff9}'..='\u{fffb}'    // interlinear annotation
            | '\u{e0000}'..='\u{e007f}'  // tags
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_escaped() {
        assert_eq!(visible("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(visible("a\u{9b}31m"), "a\\u{9b}31m");
        assert_eq!(visible("x\u{202e}gnp.exe"), "x\\u{202e}gnp.exe");
        assert_eq!(visible("a\r\n\tb\0\u{7f}"), "a\\r\\n\\tb\\u{0}\\u{7f}");
        assert_eq!(visible("\u{feff}\u{200b}"), "\\u{feff}\\u{200b}");
    }

    #[test]
    fn ordinary_text_is_not_copied() {
        for text in ["RESOURCE:MEMORY", "失敗", "👩‍💻", "e\u{301}", "C:\\n", ""] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn a_format_may_keep_line_ends() {
        assert_eq!(visible_except("a\nb\u{1b}", &['\n']), "a\nb\\u{1b}");
    }

    #[test]
    fn no_control_character_gets_through() {
        let every: String = (0..=0x0010_ffff).filter_map(char::from_u32).collect();
        assert!(!visible(&every).chars().any(is_hidden));
    }
}
