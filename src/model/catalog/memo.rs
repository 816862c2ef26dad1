//! Remembers what explained a text: most texts of an export are the same few.

use crate::knowledge::TextKind;
use std::collections::HashMap;
use std::sync::RwLock;

/// How many texts are remembered, and how long they may be.
const TEXTS: usize = 4096;
const LENGTH: usize = 1024;

/// Answers given so far: the index of an entry, or that there is none.
#[derive(Debug, Default)]
pub(super) struct Memo(RwLock<HashMap<TextKind, HashMap<String, Option<usize>>>>);

impl Memo {
    /// The answer for a text: remembered, else found and remembered while there is room.
    pub(super) fn get_or_find(&self, kind: TextKind, text: &str, find: impl FnOnce() -> Option<usize>) -> Option<usize> {
        // A poisoned lock only means that nothing is remembered any more.
        let known = self.0.read().ok().and_then(|known| known.get(&kind)?.get(text).copied());
        if let Some(answer) = known {
            return answer;
        }
        let answer = find();
        if text.len() <= LENGTH
            && let Ok(mut known) = self.0.write()
        {
            let texts = known.entry(kind).or_default();
            if texts.len() < TEXTS {
                texts.insert(text.to_owned(), answer);
            }
        }
        answer
    }
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
            memo.get_or_find(TextKind::ApiError, &number.to_string(), || Some(number));
        }
        assert_eq!(memo.get_or_find(TextKind::ApiError, &(TEXTS + 5).to_string(), || Some(1)), Some(1));
        let size = memo.0.read().unwrap().get(&TextKind::ApiError).map(HashMap::len);
        assert_eq!(size, Some(TEXTS));
    }
}
