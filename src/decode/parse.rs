//! A fast JSON parser that writes one value at the start of a text directly to a tape.
//!
//! Most log records are plain JSON: short strings, integers, no white space. This parser handles them in one pass and
//! scans strings in blocks; unusual numbers and escapes are delegated to serde_json. Anything else (damage, deep
//! nesting) is left to serde_json entirely, which parses the value from the start and reports the error. Invariant:
//! if this parser accepts a text, serde_json accepts it with the same result (property test below).

use super::json::{Node, Part, SeenKeys, Tape};
use super::key_predictor::{KeyPosition, KeyPredictor};
use std::cell::RefCell;
use wide::u8x16;

/// Deeper nesting is left to serde_json, which allows 128 levels.
const DEEP: usize = 64;

thread_local! {
    /// Keys learned from earlier records on this thread.
    static PREDICTOR: RefCell<KeyPredictor> = RefCell::default();
}

/// Parses the value at the start of `text`; returns it and the offset after it, or `None` if serde_json must decide.
pub(super) fn read_front(text: &str) -> Option<(Tape<'_>, usize)> {
    PREDICTOR.with_borrow_mut(|predictor| read_front_with(predictor, text))
}

fn read_front_with<'a>(predictor: &mut KeyPredictor, text: &'a str) -> Option<(Tape<'a>, usize)> {
    predictor.make_room();
    let bytes = text.as_bytes();
    let bytes = bytes.get(..Tape::WINDOW).unwrap_or(bytes);
    let specials = Specials::new(bytes);
    let mut reader = Reader { text, bytes, at: 0, tape: Tape::of(text), line_breaks: false, specials, predictor };
    // The next byte must end a word or number.
    if !matches!(reader.next()?, b'{' | b'[' | b'"') {
        return None;
    }
    reader.line_breaks = false;
    reader.value(0, KeyPosition::behind(KeyPredictor::TOP).below())?;
    (reader.at <= Tape::LONGEST).then_some(())?;
    reader.tape.check_size()?;
    reader.tape.set_line_breaks(reader.line_breaks);
    Some((reader.tape, reader.at))
}

struct Reader<'a, 's> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    tape: Tape<'a>,
    line_breaks: bool,
    specials: Specials<'a>,
    predictor: &'s mut KeyPredictor,
}

impl<'a> Reader<'a, '_> {
    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next byte other than white space.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        let byte = self.byte()?;
        if byte > b' ' { Some(byte) } else { self.next_behind_space() }
    }

    fn next_behind_space(&mut self) -> Option<u8> {
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

    /// A value; `below` is the prediction state for the keys of an object.
    #[inline(always)]
    fn value(&mut self, depth: usize, below: KeyPosition) -> Option<()> {
        // Strings are the most common.
        if self.next()? == b'"' { self.string() } else { self.other_value(depth, below) }
    }

    #[inline(never)]
    fn other_value(&mut self, depth: usize, below: KeyPosition) -> Option<()> {
        match self.next()? {
            b'{' if depth < DEEP => self.object(depth, below),
            b'[' if depth < DEEP => self.array(depth, below),
            b't' => self.word("true", Node::Bool(true)),
            b'f' => self.word("false", Node::Bool(false)),
            b'n' => self.word("null", Node::Null),
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn word(&mut self, word: &str, node: Node) -> Option<()> {
        let end = self.at + word.len();
        (self.bytes.get(self.at..end)? == word.as_bytes()).then_some(())?;
        self.at = end;
        self.tape.push(node);
        Some(())
    }

    /// A number; it must be followed by a byte that ends it.
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
        // serde_json reads `-0` as a float.
        if digits == 0 || digits > 18 || leading_zero || !ends || (negative && value == 0) {
            return self.odd_number();
        }
        self.at = end;
        self.tape.push(Node::Int(if negative { -value } else { value }));
        Some(())
    }

    /// A number with a fraction, or one that may overflow.
    #[inline(never)]
    fn odd_number(&mut self) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        let length = rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))?;
        if !matches!(rest.get(length)?, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') {
            return None;
        }
        let end = self.at + length;
        self.tape.push_number(self.text.get(self.at..end)?)?;
        self.at = end;
        Some(())
    }

    /// A string; most have no escapes.
    #[inline(always)]
    fn string(&mut self) -> Option<()> {
        let first = self.at + 1;
        let end = self.specials.next(first)?;
        if self.bytes.get(end) != Some(&b'"') {
            return self.odd_string(first, end);
        }
        self.at = end + 1;
        self.tape.push(Node::Text(Part::new(first, end)));
        Some(())
    }

    /// A string with escapes; `special` is the position of the first.
    #[inline(never)]
    fn odd_string(&mut self, first: usize, special: usize) -> Option<()> {
        let end = self.specials.end_of_string(special)?;
        self.at = end + 1;
        let text = match unescape(self.text.get(first..end)?) {
            Some(text) => text,
            None => serde_json::from_str(self.text.get(first - 1..=end)?).ok()?,
        };
        self.tape.push_escaped(text, Some(first..end));
        Some(())
    }

    fn array(&mut self, depth: usize, below: KeyPosition) -> Option<()> {
        let at = self.tape.open(Node::Array { end: 0 });
        self.at += 1;
        if self.next()? == b']' {
            self.at += 1;
            self.tape.close(at);
            return Some(());
        }
        loop {
            self.value(depth + 1, below)?;
            self.tape.check_size()?;
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

    fn object(&mut self, depth: usize, first: KeyPosition) -> Option<()> {
        let at = self.tape.open(Node::Object { end: 0 });
        self.at += 1;
        if self.next()? == b'}' {
            self.at += 1;
            self.tape.close(at);
            return Some(());
        }
        let mut position = first;
        let mut seen = None;
        loop {
            if self.next()? != b'"' {
                return None;
            }
            position = match self.predictor.find(position, self.bytes.get(self.at..)?) {
                Some((key, length, meaning)) => {
                    // Without quotes and colon.
                    self.tape.push_key(at, Part::new(self.at + 1, self.at + length - 2), meaning);
                    self.at += length;
                    KeyPosition::behind(key)
                }
                None => self.key(at, position, &mut seen)?,
            };
            self.value(depth + 1, position.below())?;
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

    /// Any key with its colon; it is learned if possible.
    fn key(&mut self, object_at: usize, position: KeyPosition, seen: &mut Option<SeenKeys>) -> Option<KeyPosition> {
        self.tape.check_size()?;
        let start = self.at;
        self.string()?;
        let end = self.at;
        if self.next()? != b':' {
            return None;
        }
        let plain = self.at == end && self.bytes.get(start..end)?.iter().all(|byte| *byte != b'\\');
        self.at += 1;
        let meaning = self.tape.note_key(object_at, seen);
        let learnt = match position {
            KeyPosition::UNKNOWN => None,
            _ if plain => self.predictor.learn(position, self.bytes.get(start..=end)?, meaning),
            _ => None,
        };
        Some(learnt.map_or(KeyPosition::UNKNOWN, KeyPosition::behind))
    }
}

/// Resolves the escapes of a string; `None` for escapes other than single letters.
fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        plain.push_str(rest.get(..at)?);
        plain.push(match rest.as_bytes().get(at + 1)? {
            letter @ (b'"' | b'\\' | b'/') => char::from(*letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            _ => return None,
        });
        rest = rest.get(at + 2..)?;
    }
    plain.push_str(rest);
    Some(plain)
}

/// Finds quotes, backslashes and control characters in blocks of bytes. Strings are short, so one block serves
/// several of them.
struct Specials<'a> {
    bytes: &'a [u8],
    /// Start of the current block.
    block: usize,
    /// One bit for each byte of the block that was found.
    found: u64,
}

/// Bytes per block: one bit of a word each.
const BLOCK: usize = 64;

impl<'a> Specials<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let mut specials = Specials { bytes, block: 0, found: 0 };
        specials.load(0);
        specials
    }

    /// The closing quote of a string; `special` is the position of the first special byte. `None` for a control
    /// character or an unclosed string.
    fn end_of_string(&mut self, special: usize) -> Option<usize> {
        let mut at = special;
        loop {
            match self.bytes.get(at)? {
                b'"' => return Some(at),
                b'\\' => at = self.next(at + 2)?,
                _ => return None,
            }
        }
    }

    /// The first special byte from `at` on.
    #[inline]
    fn next(&mut self, at: usize) -> Option<usize> {
        if at - self.block >= BLOCK {
            self.load(at);
        }
        let left = self.found >> (at - self.block);
        if left != 0 { Some(at + left.trailing_zeros() as usize) } else { self.next_block() }
    }

    /// The first special byte after the current block.
    #[inline(never)]
    fn next_block(&mut self) -> Option<usize> {
        loop {
            let at = self.block + BLOCK;
            if at >= self.bytes.len() {
                return None;
            }
            self.load(at);
            if self.found != 0 {
                return Some(at + self.found.trailing_zeros() as usize);
            }
        }
    }

    #[inline(never)]
    fn load(&mut self, at: usize) {
        self.block = at;
        let rest = self.bytes.get(at..).unwrap_or_default();
        self.found = match rest.first_chunk() {
            Some(block) => specials_of(block),
            None => {
                let mut block = [b' '; BLOCK];
                block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                specials_of(&block)
            }
        };
    }
}

/// One bit for each quote, backslash and control character.
#[inline]
fn specials_of(block: &[u8; BLOCK]) -> u64 {
    let quote = u8x16::splat(b'"');
    let slash = u8x16::splat(b'\\');
    let control = u8x16::splat(0x1f);
    let parts = block.as_chunks::<16>().0.iter();
    parts.rev().fold(0, |bits, part| {
        let part = u8x16::new(*part);
        let special = part.simd_eq(quote) | part.simd_eq(slash) | part.min(control).simd_eq(part);
        bits << 16 | u64::from(special.to_bitmask())
    })
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
            "[0.1,-0,-1.5e-7 ,9223372036854775807,9223372036854775808,-9223372036854775809,18446744073709551616]",
        ] {
            assert!(read_front(text).is_some(), "{text}");
            agrees(text).unwrap();
        }
    }

    #[test]
    fn what_was_learnt_changes_nothing() {
        let mut predictor = KeyPredictor::default();
        let wide = |from: usize| (from..from + 40).map(|key| format!(r#""key{key}":{key}"#)).collect::<Vec<_>>().join(",");
        let long = "k".repeat(300);
        let texts = [
            r#"{"a":1,"b":{"token":"x","a":2},"a":3,"password":"p","a":4} "#.to_owned(),
            r#"{"a":1,"b":{"a":2},"a":3}"#.to_owned(),
            r#"{"b":{"token":"x"},"a":3,"a" :4,"longer than sixteen bytes":5}"#.to_owned(),
            r#"{"b":{"token":"x"},"a":3,"a" :4,"longer than sixteen bytes, and more than":5}"#.to_owned(),
            r#"{"b":{"token":"x"},"a":3,"longer than sixteen bytes, and more thaN":[{"c":1},{"c":2,"c":3}]}"#.to_owned(),
            r#"{"\u0061":1,"a":2,"password":[{"a":1}]}"#.to_owned(),
            format!(r#"{{"{long}":1,"a":2,"{long}":3,"a":4}}"#),
            format!("[{{{}}},{{{}}},{{{}}}]", wide(0), wide(20), wide(30)),
        ];
        for text in texts.iter().chain(&texts).chain(texts.iter().rev()) {
            let (tape, end) = read_front_with(&mut predictor, text).unwrap();
            let (expected, expected_end) = general(text).unwrap();
            assert_eq!((tape, end), (expected, expected_end), "{text}");
        }
        // More keys than are stored.
        for from in (0..40_000).step_by(40) {
            let text = format!("{{{}}}", wide(from));
            assert_eq!(read_front_with(&mut predictor, &text).unwrap().0, general(&text).unwrap().0);
        }
    }

    #[test]
    fn what_is_odd_is_left_to_serde_json() {
        for text in [
            "",
            "{",
            "[1",
            "[1.5",
            "[1.]",
            "[1e999]",
            "[01]",
            "[-]",
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

    /// Any JSON document.
    fn document() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            any::<f64>().prop_filter("JSON has no other numbers", |number| number.is_finite()).prop_map(Into::into),
            any::<String>().prop_map(Into::into),
            "[a-z\"\\\\/ {}\\[\\]:,\\n\\t]{0,80}".prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 64, 12, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..12).prop_map(Into::into),
                prop::collection::vec(("[a-d]{0,2}|.{0,40}", inner), 0..12)
                    .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn documents_have_the_content_that_serde_json_reads(value in document(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            // Numbers may change when they are written, so both parsers read the text.
            let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
            let tape = Tape::parse(&text);
            prop_assert!(tape.is_ok(), "{text}");
            prop_assert_eq!(serde_json::to_value(tape.unwrap().root()).unwrap(), expected);
            agrees(&(text + "\n"))?;
        }

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
