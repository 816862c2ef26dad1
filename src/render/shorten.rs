//! Display widths, and texts shortened to one. Wide characters take two columns, as in the table layout.

use tabled::grid::util::string::{get_char_width, get_string_width};

/// Texts shorter than this lose their end instead of their middle.
const BOTH_ENDS: usize = 8;
/// The number of digits from which a word of hexadecimal digits is an id.
const ID: usize = 16;
const ELLIPSIS: &str = "…";

/// The display width of a text.
pub fn width_of(text: &str) -> usize {
    get_string_width(text)
}

/// The text with a capital first letter.
pub fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The text shortened to `limit` columns. Sentences lose their end, and so do ids, because their beginning is enough to
/// find them again. Other names lose their middle, because names differ at the end.
pub fn shorten(text: &str, limit: usize) -> String {
    if width_of(text) <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(1);
    if limit == 0 {
        return String::new();
    }
    if text.contains(char::is_whitespace) || room < BOTH_ENDS || is_id(text) {
        let start = take_columns(text.chars(), room);
        return format!("{}{ELLIPSIS}", start.trim_end());
    }
    let end: String = take_columns(text.chars().rev(), room / 2);
    let start = take_columns(text.chars(), room - room / 2);
    let end: String = end.chars().rev().collect();
    format!("{start}{ELLIPSIS}{end}")
}

fn is_id(text: &str) -> bool {
    text.len() >= ID && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// As many characters as fit into `room` columns.
pub(super) fn take_columns(chars: impl Iterator<Item = char>, room: usize) -> String {
    let mut left = room;
    let mut taken: String = chars
        .map_while(|c| {
            left = left.checked_sub(get_char_width(c))?;
            Some(c)
        })
        .collect();
    // A variation selector can make the previous character wider.
    while width_of(&taken) > room {
        taken.pop();
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_and_ids_lose_their_end_and_names_their_middle() {
        assert_eq!(shorten("cannot pull the image", 12), "cannot pull…");
        assert_eq!(shorten("arn:aws:ecs:task/0123456789", 14), "arn:aws…456789");
        assert_eq!(shorten("d25e49b0-637f-469f-8e82-413fa77b3188", 10), "d25e49b0-…");
        assert_eq!(shorten("short", 5), "short");
        assert_eq!(shorten("shorter", 1), "…");
        assert_eq!(shorten("shorter", 0), "");
    }

    #[test]
    fn wide_characters_are_counted() {
        assert_eq!(shorten("失敗しました", 5), "失敗…");
        assert_eq!(width_of(&shorten("失敗しました", 4)), 3);
        for limit in 0..12 {
            for text in ["❤️❤️❤️❤️❤️ ❤️", "👩‍💻👩‍💻👩‍💻👩‍💻👩‍💻👩‍💻", "e\u{301}e\u{301}e\u{301} x"]
            {
                assert!(width_of(&shorten(text, limit)) <= limit, "{text} {limit}");
            }
        }
    }
}
