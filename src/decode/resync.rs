//! Finds the next record after damage, in linear time.
//!
//! In: the offset of a value that does not parse, and the offset of the error. Out: the offset at which to resume.
//! Preferred is the end of the broken value by its brackets; otherwise, it is the next text that looks like a record
//! and parses. Invariant: all searches and failed parses of a text together look at a bounded multiple of its bytes;
//! beyond it, the search becomes simpler and finally ends.

use super::split::skip;
use memchr::{memchr, memchr2};

/// Beyond this multiple of the allowance, the rest of the text is not searched.
const PATIENCE: u64 = 2;
/// The distance that brackets are followed at most after the error: the size of large records.
const FAR: usize = 1 << 20;
/// The distance after several failures.
const NEAR: usize = 4 << 10;

/// A value that does not parse.
#[derive(Debug, Clone, Copy)]
pub(super) struct Damage {
    /// Its offset.
    pub(super) at: usize,
    /// The offset of the error.
    pub(super) place: usize,
    /// Whether it is valid up to there, but exceeds a limit.
    pub(super) is_valid: bool,
    /// Whether it is an element of a list.
    pub(super) in_array: bool,
}

/// The search for records in a damaged text.
#[derive(Debug)]
pub(super) struct Resync<'a> {
    bytes: &'a [u8],
    /// How far brackets are followed: less after each failure, because the next one is likely.
    reach: usize,
    /// Bytes that were searched without success, and will be searched again.
    spent: u64,
    allowance: u64,
    /// Whether a value was skipped without finding its end, so that what follows may be a part of it.
    is_inside: bool,
}

impl<'a> Resync<'a> {
    /// A search with an allowance of `least` bytes plus twice the text.
    pub(super) fn new(bytes: &'a [u8], least: u64) -> Self {
        let allowance = (bytes.len() as u64).saturating_mul(2).saturating_add(least);
        Resync { bytes, reach: FAR, spent: 0, allowance, is_inside: false }
    }

    /// Whether what follows may be a part of a value whose end was not found.
    pub(super) fn is_inside(&self) -> bool {
        self.is_inside
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    fn spend(&mut self, bytes: usize) {
        self.spent = self.spent.saturating_add(bytes as u64);
    }

    /// The offset at which the next value may start; `None` if too much was searched in vain.
    pub(super) fn next_value(&mut self, damage: Damage) -> Option<usize> {
        if self.spent > self.allowance.saturating_mul(PATIENCE) {
            return None;
        }
        let end = self.end_of(damage);
        // Two parsers have read this.
        self.spend(damage.place.saturating_sub(end).saturating_mul(2));
        Some(end)
    }

    fn end_of(&mut self, damage: Damage) -> usize {
        let Damage { at, place, is_valid, in_array } = damage;
        let mut most = if is_valid { self.bytes.len() } else { place.saturating_add(self.reach).min(self.bytes.len()) };
        let line_end = if in_array { None } else { self.end_of_line(at) };
        if let Some(line_end) = line_end {
            most = most.min(line_end);
        }
        if self.spent <= self.allowance {
            let (reached, end) = self.follow_brackets(at, most);
            match end {
                Some(end) => {
                    self.reach = (self.reach * 2).min(FAR);
                    return end;
                }
                None => {
                    self.reach = (self.reach / 2).max(NEAR);
                    self.spend(reached - at);
                }
            }
        }
        match line_end {
            Some(line_end) => {
                // What is valid beyond the beginning of the next line is no damaged line, but something over several lines.
                self.is_inside |= place > skip(self.bytes, line_end, b"") + 1;
                line_end
            }
            None => {
                self.is_inside = true;
                self.next_object(at + 1, in_array)
            }
        }
    }

    /// The end of the line, if the value starts the line and the next line starts a value.
    fn end_of_line(&self, at: usize) -> Option<usize> {
        let before = self.bytes.get(..at)?;
        let blanks = before.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let starts = before.get(..at - blanks)?.last().is_none_or(|byte| matches!(byte, b'\n' | 0x1e | 0xbf));
        let line_end = memchr(b'\n', self.bytes.get(at..)?).map_or(self.bytes.len(), |found| at + found);
        let next = skip(self.bytes, line_end, b"");
        let begins = self.byte(next).is_none_or(|byte| {
            (byte == b'{' || byte == b'[' || byte.is_ascii_digit())
                && next.checked_sub(1).and_then(|before| self.byte(before)) == Some(b'\n')
        });
        (starts && begins).then_some(line_end)
    }

    /// Follows the brackets that open at `at`, up to `most`; returns the offset reached, and the end of the value if they
    /// are balanced and followed by something plausible, or if a record follows where a key is expected.
    fn follow_brackets(&self, at: usize, most: usize) -> (usize, Option<usize>) {
        let mut open = Vec::new();
        let mut here = at;
        while here < most {
            match self.byte(here) {
                Some(b'{') if open.last() == Some(&b'}') && self.is_behind_comma(here) => return (here, Some(here)),
                Some(b'{') => open.push(b'}'),
                Some(b'[') => open.push(b']'),
                Some(byte @ (b'}' | b']')) => {
                    // Brackets that were not closed end with the one around them.
                    let Some(opened) = open.iter().rposition(|other| *other == byte) else { break };
                    let is_whole = opened + 1 == open.len();
                    open.truncate(opened);
                    if open.is_empty() {
                        let next = self.byte(skip(self.bytes, here + 1, b""));
                        let sensible = match is_whole {
                            true => next.is_none_or(|byte| matches!(byte, b',' | b']' | b'{' | b'}')),
                            false => next == Some(b']') || self.is_object(skip(self.bytes, here + 1, b",")),
                        };
                        return (here, sensible.then_some(here + 1));
                    }
                }
                Some(b'"') => match self.string_end(here + 1, most) {
                    Some(end) => here = end,
                    None => break,
                },
                _ => {}
            }
            here += 1;
        }
        (here.min(most), None)
    }

    /// Whether the last byte other than white space is a comma.
    fn is_behind_comma(&self, at: usize) -> bool {
        self.bytes.get(..at).unwrap_or_default().trim_ascii_end().ends_with(b",")
    }

    /// Whether an object with a key starts at `at`.
    fn is_object(&self, at: usize) -> bool {
        self.byte(at) == Some(b'{') && self.byte(skip(self.bytes, at + 1, b"")) == Some(b'"')
    }

    /// The closing quote of a string whose content starts at `first`; `None` if a quote seems to be missing before it.
    fn string_end(&self, first: usize, most: usize) -> Option<usize> {
        let mut at = first;
        loop {
            at += memchr2(b'"', b'\\', self.bytes.get(at..most)?)?;
            match self.byte(at)? {
                b'"' => break,
                _ => at += 2,
            }
        }
        // A string that ends with the start of a line or of a record, `},{`, lies between two strings.
        let content = self.bytes.get(first..at)?;
        let text = content.trim_ascii_end();
        let begins_line = memchr(b'\n', content.get(text.len()..)?).is_some();
        let record = text.strip_suffix(b"{").and_then(|before| before.trim_ascii_end().strip_suffix(b","));
        let begins_record = record.is_some_and(|before| before.trim_ascii_end().ends_with(b"}"));
        (!begins_line && !begins_record).then_some(at)
    }

    /// The next `{` that follows a comma (in an array) or starts a line.
    fn next_object(&mut self, from: usize, in_array: bool) -> usize {
        let mut at = from;
        while let Some(found) = memchr(b'{', self.bytes.get(at..).unwrap_or_default()).map(|found| at + found) {
            let before = self.bytes.get(..found).unwrap_or_default();
            let trimmed = before.trim_ascii_end();
            let begins_line = before.ends_with(b"\n");
            let after_element =
                trimmed.ends_with(b"},") || trimmed.strip_suffix(b",").is_some_and(|rest| rest.trim_ascii_end().ends_with(b"}"));
            // A quote after the brace: an object with a key, rather than a brace within a string.
            let begins = self.is_object(found) && (begins_line || (in_array && after_element) || trimmed.ends_with(b"}"));
            // Beyond the allowance, the parser decides.
            if begins && (self.spent > self.allowance || self.is_value(found)) {
                return found;
            }
            at = found + 1;
        }
        self.bytes.len()
    }

    /// Whether a valid value starts at `at`.
    fn is_value(&mut self, at: usize) -> bool {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let rest = rest.get(..super::json::Tape::WINDOW).unwrap_or(rest);
        let mut stream = serde_json::Deserializer::from_slice(rest).into_iter::<serde::de::IgnoredAny>();
        match stream.next() {
            Some(Ok(_)) => true,
            Some(Err(error)) => {
                self.spend(super::json::place_of(&error, rest));
                false
            }
            None => false,
        }
    }
}
