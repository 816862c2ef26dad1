//! Splits a text into JSON values, whatever separates them.
//!
//! In: the plain bytes of a file. Out: [`Piece`]s in order: values and unreadable parts. `{"Records":[…]}` and bare
//! arrays yield their elements, newline-delimited and concatenated values yield themselves, and a timestamp before a
//! value is skipped, with the name of a log stream after it. Invariant: every other byte that is not white space or
//! punctuation between values belongs to exactly one piece, so nothing is lost silently. After damage, parsing resumes
//! at the next recognizable value; the search for it has an allowance, so that it takes linear time.

use super::budget::{Budget, Exceeded};
use super::chunk::Form;
use super::envelope::METADATA;
use super::json::{JsonError, Tape};
use super::parse::read_front;
use super::resync::{Damage, Resync};
use memchr::memchr;

/// Keys of lists that may be too long to parse as one value: their elements are parsed one by one.
const LISTS: [&str; 9] =
    ["Records", "Events", "runs", "tasks", "services", "containerInstances", "logEvents", "events", "results"];

/// Those of ECS API responses. Keys beside the list determine what its elements are, so a response is parsed as a
/// whole if it is small enough.
const ANSWERS: [&str; 3] = ["tasks", "services", "containerInstances"];

/// Maximum size of a response that is parsed as a whole; `describe-…` returns at most a hundred elements.
const WHOLE: usize = 16 << 20;

/// A part of a file.
#[derive(Debug)]
pub enum Piece<'a> {
    /// A JSON value.
    Value {
        /// The parsed value.
        tape: Tape<'a>,
        /// Its text.
        text: &'a str,
        /// Its offset.
        offset: usize,
        /// The key of the list that contains it, if the list is not parsed as a whole.
        list: Option<&'a str>,
        /// Whether it is a document of its own, or an element of a list of such: neither a part of something else, nor found behind
        /// damage or a timestamp.
        is_top: bool,
    },
    /// A JSON value beside a list whose elements are parsed one by one; usually metadata without records.
    Aside {
        /// The parsed value.
        tape: Tape<'a>,
        /// Its text.
        text: &'a str,
        /// Its offset.
        offset: usize,
    },
    /// Bytes that are not a JSON value.
    Broken {
        /// Its bytes.
        bytes: &'a [u8],
        /// Their offset.
        offset: usize,
        /// A code: `broken_json`, `truncated`, `invalid_utf8`, `too_deep`, `too_large`, `too_many_nodes`, `too_damaged`,
        /// `not_json`.
        why: &'static str,
        /// The error.
        detail: String,
    },
    /// The file exceeds a limit: nothing is read from here on.
    Stopped {
        /// The offset of the first byte that is not read.
        offset: usize,
        /// The limit.
        limit: Exceeded,
    },
    /// Harmless damage between values, such as a surplus brace.
    Stray {
        /// The skipped bytes.
        bytes: &'a [u8],
    },
}

/// Splits a text; `on` receives the pieces in order.
pub fn split<'a>(bytes: &'a [u8], budget: &Budget, on: &mut dyn FnMut(Piece<'a>)) {
    let start = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    Splitter::new(bytes, budget, on).values(start);
}

/// Splits a chunk made by [`super::chunk`].
pub fn split_chunk<'a>(bytes: &'a [u8], form: Form, budget: &Budget, on: &mut dyn FnMut(Piece<'a>)) {
    let mut splitter = Splitter::new(bytes, budget, on);
    match form {
        Form::Values => splitter.values(0),
        Form::Elements(list) => splitter.chunk_elements(list),
        Form::Tail => {
            let end = splitter.tail(0);
            splitter.values(end);
        }
    }
}

/// Whether the object at `at` starts with a known list, `{"Records":[`; returns the list and the offset after the
/// bracket.
pub fn list_head(bytes: &[u8], at: usize) -> Option<(&'static str, usize)> {
    let quote = skip(bytes, at + 1, b"");
    let rest = bytes.get(quote..)?.strip_prefix(b"\"")?;
    let list = LISTS.iter().find(|list| rest.strip_prefix(list.as_bytes()).is_some_and(|after| after.first() == Some(&b'"')))?;
    let colon = skip(bytes, quote + list.len() + 2, b"");
    if bytes.get(colon) != Some(&b':') {
        return None;
    }
    let bracket = skip(bytes, colon + 1, b"");
    // A list of lists (CloudWatch Logs Insights results) is parsed as a whole.
    let first = skip(bytes, bracket + 1, b"");
    (bytes.get(bracket) == Some(&b'[') && bytes.get(first) != Some(&b'[')).then_some((*list, bracket + 1))
}

/// Skips white space and the given bytes.
pub(super) fn skip(bytes: &[u8], mut at: usize, more: &[u8]) -> usize {
    while bytes.get(at).is_some_and(|byte| byte.is_ascii_whitespace() || more.contains(byte)) {
        at += 1;
    }
    at
}

/// The end of the value at `at`, if it is valid.
fn skip_value(bytes: &[u8], at: usize) -> Option<usize> {
    let mut stream = serde_json::Deserializer::from_slice(bytes.get(at..)?).into_iter::<serde::de::IgnoredAny>();
    stream.next()?.ok()?;
    Some(at + stream.byte_offset())
}

struct Splitter<'a, 'f> {
    bytes: &'a [u8],
    /// The same bytes if all of them are UTF-8, so that single values need no check.
    text: Option<&'a str>,
    /// Otherwise, a valid UTF-8 range and its offset.
    valid: (usize, &'a str),
    /// Whether the file ends inside the last record, or the rest is not read.
    cut: bool,
    /// Whether more was closed than opened, so that what follows may be a part of something unless it begins a line.
    strayed: bool,
    /// Whether the values at hand are documents of their own.
    is_top: bool,
    budget: &'f Budget,
    resync: Resync<'a>,
    on: &'f mut dyn FnMut(Piece<'a>),
}

impl<'a, 'f> Splitter<'a, 'f> {
    fn new(bytes: &'a [u8], budget: &'f Budget, on: &'f mut dyn FnMut(Piece<'a>)) -> Self {
        let text = std::str::from_utf8(bytes).ok();
        let resync = Resync::new(bytes, budget.limits().resync);
        Splitter { bytes, text, valid: (0, ""), cut: false, strayed: false, is_top: true, budget, resync, on }
    }

    /// Charges a record that starts at `at`; if there are too many, nothing more is read.
    fn admits(&mut self, at: usize) -> bool {
        match self.budget.charge_records(1) {
            Ok(()) => true,
            Err(limit) => {
                self.stop(at, limit);
                false
            }
        }
    }

    /// Reads nothing from `at` on; returns the end of the text.
    fn stop(&mut self, at: usize, limit: Exceeded) -> usize {
        self.cut = true;
        (self.on)(Piece::Stopped { offset: at, limit });
        self.bytes.len()
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    fn skip(&self, at: usize, more: &[u8]) -> usize {
        skip(self.bytes, at, more)
    }

    /// Top-level values.
    fn values(&mut self, mut at: usize) {
        let mut is_stamped = false;
        loop {
            self.is_top = !std::mem::take(&mut is_stamped);
            // NUL is padding; RS (0x1e) separates JSON text sequences.
            at = self.skip(at, b"\0\x1e");
            let Some(byte) = self.byte(at) else { return };
            at = match byte {
                b'{' => match list_head(self.bytes, at) {
                    Some((list, first)) => match self.answer(at, list) {
                        Some(end) => end,
                        None => {
                            let end = self.elements(first, Some(list));
                            self.tail(end)
                        }
                    },
                    None if !self.admits(at) => return,
                    None => self.value(at, None, false),
                },
                b'[' => self.elements(at + 1, None),
                b']' | b'}' | b',' => self.stray(at),
                _ if !self.admits(at) => return,
                b'0'..=b'9' => match self.after_time_stamp(at) {
                    Some(next) => {
                        is_stamped = true;
                        next
                    }
                    None => self.junk_line(at),
                },
                b'"' => self.value(at, None, false),
                _ => self.junk_line(at),
            };
        }
    }

    /// A response of the ECS API at `at`, if it is valid and small; returns the offset after it.
    fn answer(&mut self, at: usize, list: &str) -> Option<usize> {
        if !ANSWERS.contains(&list) || self.bytes.len() - at > WHOLE {
            return None;
        }
        let text = self.text?;
        let (tape, length) = Tape::parse_front(text.get(at..)?)?;
        let (tape, slice) = (tape.ok()?, text.get(at..at + length)?);
        if !self.admits(at) {
            return Some(self.bytes.len());
        }
        let is_top = self.is_document(at);
        (self.on)(Piece::Value { tape, text: slice, offset: at, list: None, is_top });
        Some(at + length)
    }

    /// The remainder of an object after its list: elements of further lists and other objects. Returns the offset
    /// after the closing brace, or the offset at which to resume.
    fn tail(&mut self, mut at: usize) -> usize {
        self.is_top = false;
        loop {
            if self.cut {
                return self.bytes.len();
            }
            at = self.skip(at, b",");
            match self.byte(at) {
                Some(b'}') => return at + 1,
                Some(b'"') => {}
                _ => return at,
            }
            let Some(after_key) = skip_value(self.bytes, at) else { return at };
            let colon = self.skip(after_key, b"");
            if self.byte(colon) != Some(b':') {
                return at;
            }
            let key = self.bytes.get(at + 1..after_key.saturating_sub(1)).and_then(|key| std::str::from_utf8(key).ok());
            let value = self.skip(colon + 1, b"");
            at = match self.byte(value) {
                Some(b'[') if self.holds_objects(value) && key.is_none_or(|key| !METADATA.contains(&key)) => {
                    self.elements(value + 1, key)
                }
                Some(b'{' | b'[') => self.aside(value),
                _ => match skip_value(self.bytes, value) {
                    Some(end) => end,
                    None => return at,
                },
            };
        }
    }

    /// Whether the array at `at` starts with an object or array.
    fn holds_objects(&self, at: usize) -> bool {
        matches!(self.byte(self.skip(at + 1, b"")), Some(b'{' | b'['))
    }

    /// A value beside a list; returns the offset after it, or after the damage.
    fn aside(&mut self, at: usize) -> usize {
        if !self.admits(at) {
            return self.bytes.len();
        }
        let front = self.text.and_then(|text| text.get(at..)).and_then(Tape::parse_front);
        let Some((Ok(tape), length)) = front else { return self.value(at, None, true) };
        let text = self.text.and_then(|text| text.get(at..at + length)).unwrap_or_default();
        (self.on)(Piece::Aside { tape, text, offset: at });
        at + length
    }

    /// The elements of an array that starts before `at`; returns the offset after its end.
    fn elements(&mut self, mut at: usize, list: Option<&'a str>) -> usize {
        loop {
            at = self.skip(at, b",\0");
            at = match self.byte(at) {
                None if self.cut => return at,
                None => {
                    self.broken(at, at, "truncated", "the file ends inside an unclosed list".to_owned());
                    return at;
                }
                Some(b']') => return at + 1,
                Some(b'}') => self.stray(at),
                Some(_) if !self.admits(at) => return self.bytes.len(),
                Some(_) => self.value(at, list, true),
            };
        }
    }

    /// Elements until the end of the chunk.
    fn chunk_elements(&mut self, list: Option<&'a str>) {
        let mut at = self.skip(0, b",\0");
        while at < self.bytes.len() {
            at = match self.byte(at) {
                Some(b'}' | b']') => self.stray(at),
                _ if !self.admits(at) => return,
                _ => self.value(at, list, true),
            };
            at = self.skip(at, b",\0");
        }
    }

    /// One value; returns the offset after it, or after the damage.
    fn value(&mut self, at: usize, list: Option<&'a str>, in_array: bool) -> usize {
        let bytes = self.bytes;
        let parsed = match self.text {
            Some(text) => {
                let front = text.get(at..).and_then(Tape::parse_front);
                front.map(|(result, length)| (result, at + length))
            }
            None => {
                let front = self.valid_from(at).and_then(read_front);
                front.map(|(tape, length)| (Ok(tape), at + length)).or_else(|| {
                    let rest = bytes.get(at..).unwrap_or_default();
                    let parsed = Tape::parse_bytes(rest.get(..Tape::WINDOW).unwrap_or(rest), rest.len());
                    parsed.map(|(result, length)| (result, at + length))
                })
            }
        };
        match parsed {
            Some((Ok(tape), end)) => {
                let slice = bytes.get(at..end).unwrap_or_default();
                let text = match self.text {
                    Some(text) => text.get(at..end),
                    None => std::str::from_utf8(slice).ok(),
                };
                match text {
                    Some(text) => {
                        if let Err(limit) = self.budget.charge_nodes(tape.size() as u64) {
                            return self.stop(at, limit);
                        }
                        let is_top = list.is_none() && self.is_document(at);
                        (self.on)(Piece::Value { tape, text, offset: at, list, is_top });
                    }
                    None => self.broken(at, end, "invalid_utf8", "the record is not valid UTF-8".to_owned()),
                }
                end
            }
            Some((Err(error), _)) => self.damage(at, &error, in_array),
            None => bytes.len(),
        }
    }

    /// Valid UTF-8 from an offset on.
    fn valid_from(&mut self, at: usize) -> Option<&'a str> {
        let (start, text) = self.valid;
        if let Some(rest) = at.checked_sub(start).and_then(|at| text.get(at..)).filter(|rest| !rest.is_empty()) {
            return Some(rest);
        }
        let text = self.bytes.get(at..)?.utf8_chunks().next()?.valid();
        self.valid = (at, text);
        Some(text)
    }

    /// Reports a value that does not parse, and finds the offset at which to resume.
    fn damage(&mut self, at: usize, error: &JsonError, in_array: bool) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let place = at + error.bytes_read(rest);
        // It is valid up to the end of the file, so it is cut off, and its content belongs to it.
        let is_cut = in_array && error.is_eof() && self.text.is_some();
        let is_valid = matches!(error, JsonError::TooLarge | JsonError::TooManyNodes);
        let damage = Damage { at, place, is_valid, in_array };
        let end = if is_cut { Some(self.bytes.len()) } else { self.resync.next_value(damage) };
        let Some(end) = end else {
            self.cut = true;
            let detail = "the file is so damaged that its rest is not searched for further records".to_owned();
            self.broken(at, self.bytes.len(), "too_damaged", detail);
            return self.bytes.len();
        };
        let slice = self.bytes.get(at..end).unwrap_or_default();
        let text = error.to_string();
        let (why, detail) = match error {
            JsonError::TooLarge => ("too_large", text),
            JsonError::TooManyNodes => ("too_many_nodes", text),
            JsonError::Invalid(_) if self.text.is_none() && std::str::from_utf8(slice).is_err() => {
                ("invalid_utf8", "the record contains bytes that are not valid UTF-8".to_owned())
            }
            JsonError::Invalid(_) if text.contains("recursion limit") => {
                ("too_deep", "the record is nested deeper than 128 levels".to_owned())
            }
            JsonError::Invalid(_) if error.is_eof() && end == self.bytes.len() => {
                self.cut = true;
                ("truncated", "the record is cut off at the end of the file".to_owned())
            }
            JsonError::Invalid(_) if matches!(self.byte(at), Some(b'{' | b'[' | b'"')) => {
                ("broken_json", format!("invalid JSON: {}", without_place(&text)))
            }
            JsonError::Invalid(_) => ("not_json", format!("not JSON: {}", without_place(&text))),
        };
        self.broken(at, end, why, detail);
        end
    }

    /// Matches a timestamp before a JSON value, as CloudWatch Logs exports write it, and as `aws logs tail` does with the
    /// name of the log stream after it; returns the offset of the value.
    fn after_time_stamp(&self, at: usize) -> Option<usize> {
        let head = self.bytes.get(at..self.bytes.len().min(at + 48))?;
        // The console puts the record on the next line.
        let blank = head.iter().position(u8::is_ascii_whitespace)?;
        let stamp = std::str::from_utf8(head.get(..blank)?).ok()?;
        let is_millis = stamp.len() == 13 && stamp.bytes().all(|byte| byte.is_ascii_digit());
        if !is_millis && stamp.parse::<jiff::Timestamp>().is_err() && stamp.parse::<jiff::civil::DateTime>().is_err() {
            return None;
        }
        let is_value = |at: usize| matches!(self.byte(at), Some(b'{' | b'['));
        let next = self.skip(at + blank, b"");
        if is_millis || is_value(next) {
            return is_value(next).then_some(next);
        }
        let stream = stream_name(self.bytes.get(next..)?)?;
        let value = self.skip(next + stream.len(), b"");
        is_value(value).then_some(value)
    }

    /// A line that does not start like a JSON value.
    fn junk_line(&mut self, at: usize) -> usize {
        let end = memchr(b'\n', self.bytes.get(at..).unwrap_or_default()).map_or(self.bytes.len(), |n| at + n);
        self.broken(at, end, "not_json", "expected a JSON value: `{` or `[`".to_owned());
        end
    }

    /// Whether the value at `at` is a document of its own.
    fn is_document(&self, at: usize) -> bool {
        let begins_line = || at.checked_sub(1).is_none_or(|before| self.byte(before) == Some(b'\n'));
        self.is_top && !self.resync.is_inside() && (!self.strayed || begins_line())
    }

    fn stray(&mut self, at: usize) -> usize {
        self.strayed = true;
        (self.on)(Piece::Stray { bytes: self.bytes.get(at..at + 1).unwrap_or_default() });
        at + 1
    }

    fn broken(&mut self, at: usize, end: usize, why: &'static str, detail: String) {
        let bytes = self.bytes.get(at..end).unwrap_or_default();
        (self.on)(Piece::Broken { bytes, offset: at, why, detail });
    }
}

/// The name of a log stream, which has no blanks; one without digits may be the level of a line.
pub fn stream_name(text: &[u8]) -> Option<&[u8]> {
    let head = text.get(..text.len().min(MAX_STREAM_NAME + 1))?;
    let (name, _) = head.split_at_checked(head.iter().position(u8::is_ascii_whitespace)?)?;
    name.iter().any(u8::is_ascii_digit).then_some(name)
}

/// Maximum length of the name of a log stream (CloudWatch Logs API reference, `CreateLogStream`).
const MAX_STREAM_NAME: usize = 512;

/// The message of a parser without line and column, which are relative to the record, not to the file.
fn without_place(text: &str) -> &str {
    text.split(" at line ").next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::super::budget::Limits;
    use super::*;

    fn pieces(bytes: &[u8]) -> Vec<String> {
        let mut out = Vec::new();
        split(bytes, &Budget::default(), &mut |piece| {
            out.push(match piece {
                Piece::Value { text, list, .. } => format!("{}{text}", list.unwrap_or_default()),
                Piece::Broken { why, offset, .. } => format!("!{why}@{offset}"),
                Piece::Stopped { offset, limit } => format!("#{}@{offset}", limit.why),
                Piece::Stray { bytes } => format!("~{}", String::from_utf8_lossy(bytes)),
                Piece::Aside { text, .. } => format!("+{text}"),
            });
        });
        out
    }

    #[test]
    fn documents_of_their_own() {
        let answer = "{\"tasks\":[],\"failures\":[]}";
        let table: &[(String, &[bool])] = &[
            (format!("{answer}\n{answer}{answer}"), &[true, true, true]),
            (format!("[{answer}, {answer}]"), &[true, true]),
            (format!("{{\"results\":[{answer}],\"more\":[{answer}]}}{answer}"), &[false, false, true]),
            (format!("2026-03-04T02:10:00Z {answer}\n{answer}\n"), &[false, true]),
            // What is left of an object that is cut off.
            (format!("{{\"job\":\"x\",\n\"answers\":[\n{answer},\n{answer},\n{{\"log\":\"x"), &[false, false]),
            (format!("{{\"job\":\"x\",\"answers\":[\n{answer},\n{answer},\n{{\"log\":\"x"), &[false, false]),
            (format!("{{\"a\":{{\"b\":1\n{answer}\n"), &[true]),
            (format!("{{\"a\":x}}\n{answer}\n{{\"b\":{{}}}}}}\n{answer}"), &[true, true, true]),
        ];
        for (text, want) in table {
            let mut found = Vec::new();
            split(text.as_bytes(), &Budget::default(), &mut |piece| {
                if let Piece::Value { is_top, .. } = piece {
                    found.push(is_top);
                }
            });
            assert_eq!(found, *want, "{text}");
        }
    }

    #[test]
    fn every_way_values_follow_each_other() {
        let table: &[(&str, &[&str])] = &[
            (r#"{"Records":[{"a":1},{"b":2}]}"#, &[r#"Records{"a":1}"#, r#"Records{"b":2}"#]),
            (r#" { "Events" : [ {"a":1} ], "NextToken": "x" }"#, &[r#"Events{"a":1}"#]),
            (
                r#"{"Records":[{"a":1}],"More":[{"b":2}],"meta":{"c":[]},"tags":[{}]}"#,
                &[r#"Records{"a":1}"#, r#"More{"b":2}"#, r#"+{"c":[]}"#, "+[{}]"],
            ),
            (
                r#"{"Records":[{"a":1}],"More":[{"b":2}{"c":3}"#,
                &[r#"Records{"a":1}"#, r#"More{"b":2}"#, r#"More{"c":3}"#, "!truncated@43"],
            ),
            (r#"{"tasks":[],"failures":[{"a":1}]}{"b":2}"#, &[r#"{"tasks":[],"failures":[{"a":1}]}"#, r#"{"b":2}"#]),
            (r#"{"tasks":[{"a":1},{"b":"#, &[r#"tasks{"a":1}"#, "!truncated@18"]),
            ("[{\"a\":1},\r\n {\"b\":2}]\n", &[r#"{"a":1}"#, r#"{"b":2}"#]),
            ("{\"a\":1}\n{\"b\":2}\r\n", &[r#"{"a":1}"#, r#"{"b":2}"#]),
            (r#"{"a":1}{"b":{"c":"}{"}}"#, &[r#"{"a":1}"#, r#"{"b":{"c":"}{"}}"#]),
            ("2021-08-03T13:39:35.000Z {\"a\":1}\n1627997975000 {\"b\":2}\n", &[r#"{"a":1}"#, r#"{"b":2}"#]),
            ("2021-08-03T13:39:35 {\"a\":1}\n2021-08-03T13:39:36 {\"b\":2}\n", &[r#"{"a":1}"#, r#"{"b":2}"#]),
            (
                "2021-08-03T13:39:35.000001+00:00 ecs/web/0a1b {\"a\":1}\n2021-08-03T13:39:35.1+00:00 s1\n{\n\"b\":2}\n",
                &[r#"{"a":1}"#, "{\n\"b\":2}"],
            ),
            ("2021-08-03T13:39:35.000Z\n{\n\"a\":1}\r\n2021-08-03T13:39:36.000Z\r\n{\"b\":2}\n", &["{\n\"a\":1}", r#"{"b":2}"#]),
            ("2021-08-03T13:39:35Z INFO {\"a\":1}\n2021-08-03T13:39:35Z s1 done\n", &["!not_json@0", "!not_json@34"]),
            ("[]", &[]),
            (r#"{"Records":[]}"#, &[]),
            ("\u{feff}{\"a\":1}", &[r#"{"a":1}"#]),
            ("", &[]),
        ];
        for (text, want) in table {
            assert_eq!(pieces(text.as_bytes()), *want, "{text}");
        }
    }

    #[test]
    fn damage_costs_one_record() {
        let table: &[(&[u8], &[&str])] = &[
            (br#"[{"a":1}},{"b":2},{"c":3}]"#, &[r#"{"a":1}"#, "~}", r#"{"b":2}"#, r#"{"c":3}"#]),
            (br#"{"Records":[{"a":1},{"b":},{"c":3}]}"#, &[r#"Records{"a":1}"#, "!broken_json@20", r#"Records{"c":3}"#]),
            (
                br#"{"Records":[{"a":1},{"b":"x},{"c":3},{"d":4}]}"#,
                &[r#"Records{"a":1}"#, "!broken_json@20", r#"Records{"c":3}"#, r#"Records{"d":4}"#],
            ),
            // Nested objects of a truncated record are not records.
            (br#"{"Records":[{"a":1},{"b":[{"c":1},{"d":2},{"e":"#, &[r#"Records{"a":1}"#, "!truncated@20"]),
            (b"{\"a\":1}\n{\"b\":\n{\"c\":3}\n", &[r#"{"a":1}"#, "!broken_json@8", r#"{"c":3}"#]),
            (br#"{"Records":[{"a":1},]}"#, &[r#"Records{"a":1}"#]),
            (br#"{"Records":[{"a":1},{"b":2"#, &[r#"Records{"a":1}"#, "!truncated@20"]),
            (b"[{\"a\":\"\xff\"},{\"b\":2}]", &["!invalid_utf8@1", r#"{"b":2}"#]),
            (
                b"[{\"a\":1},{\"b\":\"\xff\"},{\"c\":\"\xc3\xa9\"},{\"d\":\"\xff\"},{\"e\":3}]",
                &[r#"{"a":1}"#, "!invalid_utf8@9", r#"{"c":"é"}"#, "!invalid_utf8@30", r#"{"e":3}"#],
            ),
            (b"hello\nworld", &["!not_json@0", "!not_json@6"]),
            // A bracket, a quote or a brace is missing.
            (
                br#"[{"z":1},{"a":[1,2},{"b":1},{"a":[1,2},{"b":2}]"#,
                &[r#"{"z":1}"#, "!broken_json@9", r#"{"b":1}"#, "!broken_json@28", r#"{"b":2}"#],
            ),
            (
                br#"[{"a":{"b":1},{"c":[{"d":2},{"e":3}]},{"f":4}]"#,
                &["!broken_json@1", r#"{"c":[{"d":2},{"e":3}]}"#, r#"{"f":4}"#],
            ),
            // Beside other values in a line.
            (br#"{"a":1},{"b":x},{"c":3}"#, &[r#"{"a":1}"#, "~,", "!broken_json@8", "~,", r#"{"c":3}"#]),
            (br#"{"a":x}{"b":2}"#, &["!broken_json@0", r#"{"b":2}"#]),
        ];
        for (text, want) in table {
            assert_eq!(pieces(text), *want, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn a_text_may_be_too_damaged() {
        // Every second element has a quote too many, in front of a value that is read again for each.
        let nested = r#"{"a":[{},"#.repeat(100) + &"1,".repeat(2000);
        let text = format!("[{}", nested.repeat(3));
        let last = |limits: Limits| {
            let mut last = String::new();
            split(text.as_bytes(), &Budget::new(limits), &mut |piece| {
                if let Piece::Broken { why, .. } = piece {
                    last = why.to_owned();
                }
            });
            last
        };
        assert_ne!(last(Limits::STANDARD), "too_damaged");
        assert_eq!(last(Limits { resync: 0, ..Limits::STANDARD }), "too_damaged");
    }
}
