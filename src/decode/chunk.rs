//! Cuts a large JSON text between values, so that its parts can be parsed in parallel.
//!
//! In: the plain bytes of a file. Out: [`Chunk`]s that cover the whole file, in order. Splitting each chunk yields
//! the same pieces as splitting the whole. If the text does not look like valid JSON throughout, there are no chunks,
//! and the file is parsed as one.

use super::split::list_head;
use memchr::memchr2;
use std::ops::Range;

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its bytes.
    pub bytes: Range<usize>,
    /// How to parse it.
    pub form: Form,
    /// Number of values before it.
    pub before: u64,
}

/// How to parse a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Top-level values.
    Values,
    /// Elements of a list, without its brackets.
    Elements(Option<&'static str>),
    /// The remainder of an object after such a list, followed by top-level values.
    Tail,
}

/// Cuts a text into chunks of about `step` bytes; `None` if it cannot be cut safely.
pub fn chunks(bytes: &[u8], step: usize) -> Option<Vec<Chunk>> {
    let start = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let start = start + bytes.get(start..)?.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let (first, form) = match bytes.get(start)? {
        b'[' => (start + 1, Form::Elements(None)),
        b'{' => match list_head(bytes, start) {
            Some((list, first)) => (first, Form::Elements(Some(list))),
            None => (start, Form::Values),
        },
        // Timestamps before the values are not JSON, so such files are parsed as one.
        _ => return None,
    };
    Scan { bytes, form, step, chunks: Vec::new(), start: first, values: 0, before: 0 }.run(first)
}

struct Scan<'a> {
    bytes: &'a [u8],
    form: Form,
    step: usize,
    chunks: Vec<Chunk>,
    /// Start of the current chunk.
    start: usize,
    /// Values so far.
    values: u64,
    /// Number of values before the current chunk.
    before: u64,
}

impl Scan<'_> {
    fn run(mut self, first: usize) -> Option<Vec<Chunk>> {
        let mut depth = 0usize;
        let mut at = first;
        while let Some(byte) = self.bytes.get(at) {
            match byte {
                b'{' | b'[' => {
                    if depth == 0 {
                        self.value_begins(at);
                    }
                    depth += 1;
                }
                b'}' | b']' if depth > 0 => depth -= 1,
                b']' if self.form != Form::Values => return Some(self.list_ends(at)),
                b'"' => at = self.string_end(at + 1)?,
                b','
                | b':'
                | b' '
                | b'\t'
                | b'\r'
                | b'\n'
                | b'0'..=b'9'
                | b'+'
                | b'-'
                | b'.'
                | b'E'
                | b'e'
                | b't'
                | b'r'
                | b'u'
                | b'f'
                | b'a'
                | b'l'
                | b's'
                | b'n' => {}
                _ => return None,
            }
            at += 1;
        }
        // An unclosed list is damaged and is parsed as one chunk.
        if depth > 0 || self.form != Form::Values {
            return None;
        }
        self.cut(at);
        Some(self.chunks)
    }

    fn value_begins(&mut self, at: usize) {
        if at - self.start >= self.step {
            self.cut(at);
        }
        self.values += 1;
    }

    fn cut(&mut self, at: usize) {
        self.chunks.push(Chunk { bytes: self.start..at, form: self.form, before: self.before });
        self.start = at;
        self.before = self.values;
    }

    /// Leaves the remainder of the object and further documents to the regular parser.
    fn list_ends(mut self, at: usize) -> Vec<Chunk> {
        self.cut(at);
        let form = if matches!(self.form, Form::Elements(Some(_))) { Form::Tail } else { Form::Values };
        if at + 1 < self.bytes.len() {
            self.chunks.push(Chunk { bytes: at + 1..self.bytes.len(), form, before: self.values });
        }
        self.chunks
    }

    /// The closing quote of a string; `None` if a control character shows that the quotes are unbalanced.
    fn string_end(&self, mut at: usize) -> Option<usize> {
        loop {
            let found = memchr2(b'"', b'\\', self.bytes.get(at..)?)?;
            let text = self.bytes.get(at..at + found)?;
            if text.iter().any(|byte| *byte < 0x20) {
                return None;
            }
            at += found;
            if self.bytes.get(at) == Some(&b'"') {
                return Some(at);
            }
            at += 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::budget::Budget;
    use crate::decode::split::{Piece, split, split_chunk};

    fn whole(text: &[u8]) -> Vec<(usize, String)> {
        let mut out = Vec::new();
        split(text, &Budget::default(), &mut |piece| out.push(summary(piece, 0)));
        out
    }

    fn summary(piece: Piece<'_>, base: usize) -> (usize, String) {
        match piece {
            Piece::Value { text, offset, list, .. } => (base + offset, format!("{list:?} {text}")),
            Piece::Broken { why, offset, .. } => (base + offset, why.to_owned()),
            Piece::Stray { bytes } => (0, String::from_utf8_lossy(bytes).into_owned()),
            Piece::Stopped { offset, limit } => (base + offset, limit.detail),
            Piece::Aside { text, offset, .. } => (base + offset, text.to_owned()),
        }
    }

    #[test]
    fn chunks_give_the_same_pieces() {
        let records: Vec<String> =
            (0..200).map(|number| format!(r#"{{"n":{number},"t":"a}}{{\"[","l":[1,{{"x":true}}]}}"#)).collect();
        let texts = [
            format!("{{\"Records\":[{}],\"next\":\"x\",\"meta\":{{}},\"More\":[{}]}}", records.join(","), records.join(",")),
            format!("[{}]\n", records.join(",\n  ")),
            records.join("\n"),
            records.join(""),
            format!("{{\"Records\":[{}]}}{{\"Records\":[{}]}}", records.join(","), records.join(" , ")),
        ];
        for text in &texts {
            let bytes = text.as_bytes();
            let chunks = chunks(bytes, 500).unwrap();
            assert!(chunks.len() > 5);
            let (mut pieces, budget) = (Vec::new(), Budget::default());
            for chunk in &chunks {
                split_chunk(&bytes[chunk.bytes.clone()], chunk.form, &budget, &mut |piece| {
                    pieces.push(summary(piece, chunk.bytes.start))
                });
            }
            assert_eq!(pieces, whole(bytes));
        }
    }

    #[test]
    fn what_does_not_look_sound_is_not_cut() {
        for text in [r#"[{"a":"x},{"b":1}]"#, r#"[{"a":1},{"b":2}"#, "2026-03-04T00:00:00Z {}", "{\"a\":1}\ngarbage\n{\"b\":2}"] {
            assert_eq!(chunks(text.as_bytes(), 1), None, "{text}");
        }
    }
}
