//! Caches matches: most messages of an export are the same few, except for the ids in them.

use crate::knowledge::TextKind;
use std::collections::HashMap;
use std::sync::RwLock;

/// Maximum number and length of cached texts.
const TEXTS: usize = 4096;
const LENGTH: usize = 1024;
/// A hexadecimal word with a decimal digit is an id from this length on: the parts of a UUID have 4 digits.
const ID: usize = 4;

/// Cached results: the index of an entry, or that none matches.
#[derive(Debug, Default)]
pub(super) struct Memo {
    known: RwLock<HashMap<TextKind, HashMap<String, Option<usize>>>>,
    ids_matter: bool,
}

impl Memo {
    /// A cache for these patterns. If a pattern depends on the characters of an id, texts with different ids are
    /// cached separately.
    pub(super) fn of<'p>(mut patterns: impl Iterator<Item = &'p str>) -> Self {
        let names_id = |pattern: &str| {
            // The letter of a word boundary (`\b`) is not part of the word.
            let words = pattern.replace(r"\b", " ");
            without_ids(&words) != words
        };
        Memo { known: RwLock::default(), ids_matter: patterns.any(names_id) }
    }

    /// The result for a text: cached, or computed and cached if there is room.
    pub(super) fn get_or_find(&self, kind: TextKind, text: &str, find: impl FnOnce() -> Option<usize>) -> Option<usize> {
        if text.len() > LENGTH {
            return find();
        }
        let text = self.key(text);
        // A poisoned lock only disables the cache.
        let known = self.known.read().ok().and_then(|known| known.get(&kind)?.get(&text).copied());
        if let Some(answer) = known {
            return answer;
        }
        let answer = find();
        if let Ok(mut known) = self.known.write() {
            let texts = known.entry(kind).or_default();
            if texts.len() < TEXTS {
                texts.insert(text, answer);
            }
        }
        answer
    }

    fn key(&self, text: &str) -> String {
        if self.ids_matter { text.to_owned() } else { without_ids(text) }
    }

    #[cfg(test)]
    pub(super) fn is_known(&self, kind: TextKind, text: &str) -> bool {
        self.known.read().unwrap().get(&kind).is_some_and(|known| known.contains_key(&self.key(text)))
    }
}

/// A text with every character of an id replaced by zero, which preserves the length and position of everything else.
fn without_ids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |letter: char| letter.is_alphanumeric();
        let length = rest.find(|letter| is_word(letter) != is_word(first)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        if is_id(word) {
            out.extend(word.bytes().map(|_| '0'))
        } else {
            out.push_str(word)
        }
        rest = after;
    }
    out
}

fn is_id(word: &str) -> bool {
    word.len() >= ID
        && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && word.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_found_once_for_each_kind() {
        let memo = Memo::default();
        assert_eq!(memo.get_or_find(TextKind::ApiFailure, "AGENT", || Some(3)), Some(3));
        assert_eq!(memo.get_or_find(TextKind::ApiFailure, "AGENT", || panic!("found twice")), Some(3));
        assert_eq!(memo.get_or_find(TextKind::ApiError, "AGENT", || None), None);
        assert_eq!(memo.get_or_find(TextKind::ApiError, "AGENT", || panic!("found twice")), None);
    }

    #[test]
    fn it_never_outgrows_its_room() {
        let memo = Memo::default();
        for number in 0..TEXTS + 10 {
            memo.get_or_find(TextKind::ApiError, &format!("text-{number}z"), || Some(number));
        }
        assert_eq!(memo.get_or_find(TextKind::ApiError, &format!("text-{}z", TEXTS + 5), || Some(1)), Some(1));
        let size = memo.known.read().unwrap().get(&TextKind::ApiError).map(HashMap::len);
        assert_eq!(size, Some(TEXTS));
    }

    #[test]
    fn texts_that_differ_in_an_id_have_one_answer() {
        let memo = Memo::of(["task (?P<task>[0-9a-f]{32}) (?:failed|403)"].into_iter());
        let text = |id: &str| format!("task {id} of 111122223333 failed at 12:30 with 403");
        assert_eq!(memo.get_or_find(TextKind::ApiError, &text("0123456789abcdef"), || Some(1)), Some(1));
        assert_eq!(memo.get_or_find(TextKind::ApiError, &text("fedcba9876543210"), || panic!("found twice")), Some(1));
        for other in [text("fedcba987654321"), text("fedcba9876543210").replace("403", "404"), text("web-fedcba9876543210")] {
            assert_eq!(memo.get_or_find(TextKind::ApiError, &other, || None), None, "{other}");
        }
    }

    #[test]
    fn a_pattern_that_names_an_id_is_tried_for_each_id() {
        assert!(!Memo::of([r"\b429\b", "[0-9a-f]{32}"].into_iter()).ids_matter);
        let memo = Memo::of([r"111122223333\.dkr"].into_iter());
        assert_eq!(memo.get_or_find(TextKind::ApiError, "111122223333.dkr", || Some(1)), Some(1));
        assert_eq!(memo.get_or_find(TextKind::ApiError, "222233334444.dkr", || None), None);
    }

    #[test]
    fn ids_leave_all_else_in_its_place() {
        let uuid = "3f0c1a2b-11aa-4bcd-8abc-0123456789ab";
        assert_eq!(
            without_ids(&format!("(task {uuid}) é 403, web-v12 deadbeef")),
            format!("(task {}) é 403, web-v12 deadbeef", "00000000-0000-0000-0000-000000000000")
        );
        assert_eq!(without_ids(""), "");
    }
}
