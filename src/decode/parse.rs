//! One JSON value from the front of a text straight onto a tape.
//!
//! Nearly every record of a log is plain JSON: short texts, whole numbers, no white space. This reader
//! takes those in one pass, eight bytes at a time within texts. Whatever is out of the ordinary
//! (damage, deep nesting, fractions) it leaves to serde_json, which reads the value again from its
//! beginning and says what is wrong with it. Invariant: what this reader accepts, serde_json accepts
//! with the same result (property test below).

use super::json::{Node, SeenKeys, Tape};
use std::borrow::Cow;

/// Nesting beyond this is left to serde_json, which allows 128 levels.
const DEEP: usize = 64;

/// Reads the value at the front of `text`; gives it and the place after it, or nothing where
/// serde_json has to judge.
pub(super) fn read_front(text: &str) -> Option<(Tape<'_>, usize)> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, tape: Tape::with_capacity(192), line_breaks: false };
    // Whether a word or a number ends here, what follows decides.
    if !matches!(reader.next()?, b'{' | b'[' | b'"') {
        return None;
    }
    reader.line_breaks = false;
    reader.value(0)?;
    reader.tape.set_line_breaks(reader.line_breaks);
    Some((reader.tape, reader.at))
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    tape: Tape<'a>,
    line_breaks: bool,
}

impl<'a> Reader<'a> {
    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next byte that is no white space.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' => {
                    self.line_breaks = true;
                    self.at += 1;
                }
                byte => return Some(byte),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.next()? {
            b'"' => self.string(),
            b'{' if depth < DEEP => self.object(depth),
            b'[' if depth < DEEP => self.array(depth),
            b't' => self.word("true", Node::Bool(true)),
            b'f' => self.word("false", Node::Bool(false)),
            b'n' => self.word("null", Node::Null),
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn word(&mut self, word: &str, node: Node<'a>) -> Option<()> {
        let end = self.at + word.len();
        (self.bytes.get(self.at..end)? == word.as_bytes()).then_some(())?;
        self.at = end;
        self.tape.push(node);
        Some(())
    }

    /// Whole numbers that surely fit; the byte after them must be there and end them.
    fn number(&mut self) -> Option<()> {
        let negative = self.byte()? == b'-';
        let first = self.at + usize::from(negative);
        let mut end = first;
        let mut value = 0i64;
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(end).copied() {
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
            end += 1;
        }
        let digits = end - first;
        let leading_zero = digits > 1 && self.bytes.get(first) == Some(&b'0');
        let ends = matches!(self.bytes.get(end)?, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
        // `-0` is a float to serde_json.
        if digits == 0 || digits > 18 || leading_zero || !ends || (negative && value == 0) {
            return None;
        }
        self.at = end;
        self.tape.push(Node::Int(if negative { -value } else { value }));
        Some(())
    }

    #[inline]
    fn string(&mut self) -> Option<()> {
        let first = self.at + 1;
        let (end, plain) = end_of_string(self.bytes, first)?;
        self.at = end + 1;
        if plain {
            self.tape.push(Node::Text(Cow::Borrowed(self.text.get(first..end)?)));
        } else {
            let quoted = self.text.get(first - 1..=end)?;
            let unescaped: Cow<'_, str> = serde_json::from_str::<String>(quoted).ok()?.into();
            self.tape.push_escaped(unescaped);
        }
        Some(())
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        let at = self.tape.open(Node::Array { end: 0 });
        self.at += 1;
        if self.next()? == b']' {
            self.at += 1;
            self.tape.close(at);
            return Some(());
        }
        loop {
            self.value(depth + 1)?;
            let byte = self.next()?;
            self.at += 1;
            match byte {
                b',' => {}
                b']' => {
                    self.tape.close(at);
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        let at = self.tape.open(Node::Object { end: 0 });
        self.at += 1;
        if self.next()? == b'}' {
            self.at += 1;
            self.tape.close(at);
            return Some(());
        }
        let mut seen = SeenKeys::default();
        loop {
            if self.next()? != b'"' {
                return None;
            }
            self.string()?;
            self.tape.note_key(at, &mut seen);
            if self.next()? != b':' {
                return None;
            }
            self.at += 1;
            self.value(depth + 1)?;
            let byte = self.next()?;
            self.at += 1;
            match byte {
                b',' => {}
                b'}' => {
                    self.tape.close(at);
                    return Some(());
                }
                _ => return None,
            }
        }
    }
}

/// The closing quote of the string whose content begins at `at`, and whether it has no escapes;
/// nothing for a control character, or where the text ends within it.
#[inline]
fn end_of_string(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut plain = true;
    loop {
        at = at_special(bytes, at)?;
        match bytes.get(at)? {
            b'"' => return Some((at, plain)),
            b'\\' => {
                plain = false;
                at += 2;
            }
            _ => return None,
        }
    }
}

const ONES: u64 = u64::from_le_bytes([0x01; 8]);
const HIGH: u64 = u64::from_le_bytes([0x80; 8]);

/// The next quote, backslash or control character.
#[inline]
fn at_special(bytes: &[u8], mut at: usize) -> Option<usize> {
    // Of each mask only the lowest bit set is exact, and only the lowest of all is used:
    // <https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord>
    while let Some(chunk) = bytes.get(at..)?.first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * u64::from(b'"'));
        let slash = word ^ (ONES * u64::from(b'\\'));
        let found =
            (quote.wrapping_sub(ONES) & !quote) | (slash.wrapping_sub(ONES) & !slash) | (word.wrapping_sub(ONES * 0x20) & !word);
        let found = found & HIGH;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).map(|found| at + found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn general(text: &str) -> Option<(Tape<'_>, usize)> {
        let (tape, end) = Tape::parse_front_generally(text)?;
        Some((tape.ok()?, end))
    }

    fn agrees(text: &str) -> Result<(), TestCaseError> {
        if let Some((tape, end)) = read_front(text) {
            let expected = general(text);
            prop_assert!(expected.is_some(), "serde_json refuses {text}");
            let (expected, expected_end) = expected.unwrap();
            prop_assert_eq!(end, expected_end);
            prop_assert_eq!(tape, expected);
        }
        Ok(())
    }

    #[test]
    fn records_are_taken_here() {
        for text in [
            r#"{"a":"x","b":[1,-2,true,null,{"c":"d"}],"a":{}} rest"#,
            "[ ]",
            "{ \"k\" : [ \"é\", \"long enough to need more than one word\" ] }\n{",
            r#"{"m":"{\"password\":\"p\"}","t":"a\\"}"#,
            r#""text""#,
        ] {
            assert!(read_front(text).is_some(), "{text}");
            agrees(text).unwrap();
        }
    }

    #[test]
    fn what_is_odd_is_left_to_serde_json() {
        for text in [
            "",
            "{",
            "[1",
            "[1.5]",
            "[01]",
            "[-]",
            "[-0]",
            "[9223372036854775808]",
            "{\"a\" 1}",
            "[1,]",
            "\"a\nb\"",
            "\"a",
            "\"\\x\"",
            "nul",
            "12",
        ] {
            assert!(read_front(text).is_none(), "{text}");
        }
        assert!(read_front(&"[".repeat(1000)).is_none());
    }

    proptest! {
        #[test]
        fn accepts_only_what_serde_json_accepts(text in r#"([\[\]{}:, ]|"(a|\\n|\\u00e9|\\|password|é)*"|-?[0-9]{1,20}|[0-9.eE+-]{1,3}|true|null|fals|\n){0,24}"#) {
            agrees(&text)?;
        }

        #[test]
        fn a_cut_is_never_accepted_as_whole(cut in 0usize..90) {
            let text = r#"{"a":"x\"y","b":[1,-2,true,null,{"c":"déf"}],"password":{"e":"0123456789abcdef"}}"#;
            if let Some(front) = text.get(..cut) {
                agrees(front)?;
            }
        }
    }
}
