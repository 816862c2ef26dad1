//! Finds records in text that is not JSON as a whole: logs with other text before each record, tickets, e-mails, terminal
//! transcripts.
//!
//! In: the bytes of a file, or of a message. Out: [`Quoted`] values in order. A value may be anywhere in a line, in a string with
//! escaped quotes (`"{\"`), or over several lines that all begin alike (`> `, a timestamp, `[pod/a/b] `). Other text is skipped: the
//! caller decides by the first bytes that a file is text, so that exports of JSON never come here. Invariant: failed attempts
//! together read at most a bounded multiple of the text.

use super::budget::{Budget, Exceeded};
use super::json::{JsonError, Tape};
use super::{looks, python};
use memchr::{memchr, memmem};
use serde_json::{Number, Value as Json};

/// More cells than a person selects with `--query`.
const CELLS: usize = 16;

/// A value within a text.
#[derive(Debug)]
pub enum Quoted<'t> {
    /// A JSON value.
    Value {
        /// The parsed value.
        tape: Tape<'t>,
        /// Its text, without what precedes it on each of its lines.
        text: &'t str,
        /// Its offset.
        offset: usize,
        /// Whether it is a line of its own, as in a file of JSON lines.
        is_line: bool,
    },
    /// What looks like a record of AWS or dstack, but is not valid JSON.
    Broken {
        /// Its text.
        text: &'t str,
        /// Its offset.
        offset: usize,
        /// A code: `broken_json`, `cut_off`, `truncated`, `too_damaged`, `too_large` or `too_many_nodes`.
        why: &'static str,
    },
    /// The text exceeds a limit: nothing is read from here on.
    Stopped {
        /// The offset of the first byte that is not read.
        offset: usize,
        /// The limit.
        limit: Exceeded,
    },
}

/// Whether a text has keys of an event, a call, a task or a run in such quotes.
pub fn quotes_record(text: &[u8], quote: &str) -> bool {
    let has = |part: &str| memmem::find(text, part.as_bytes()).is_some();
    let has_key = |key: &str| has(&format!("{quote}{key}{quote}"));
    has("aws.ecs") && has_key("detail-type")
        || has(".amazonaws.com") && has_key("eventSource")
        || has_key("stoppedReason")
        || has_key("StoppedReason")
        || has_key("job_submissions")
        || has_key("run_spec") && has_key("submitted_at")
}

/// Whether a text has a record as a program prints it that does not write JSON: Python, JavaScript or Go.
pub fn prints_record(text: &[u8]) -> bool {
    let has = |part: &str| memmem::find(text, part.as_bytes()).is_some();
    // Keys that are words have no quotes there.
    let is_javascript = || has("aws.ecs") && has("'detail-type': ") || has(".amazonaws.com'") && has("eventSource: '");
    let is_go = || has(":ecs:") && (has("StoppedReason:") && has("TaskArn:") || has("DetailType:ECS "));
    memchr(b'{', text).is_some() && (python::prints_record(text) || is_javascript() || is_go())
}

/// Whether a text holds a record as JSON, which may be in a string.
pub fn holds_record(text: &[u8]) -> bool {
    next_object(text, 0).is_some() && (quotes_record(text, "\"") || quotes_record(text, "\\\""))
}

/// Whether a line is a row of tab-separated values with a time and something that only ECS writes, as `--output text` prints what
/// `--query` selected.
pub fn is_row(line: &[u8]) -> bool {
    std::str::from_utf8(line).is_ok_and(|line| row(line).is_some())
}

/// Finds the values in a text; `on` receives them in order.
pub fn read(bytes: &[u8], budget: &Budget, on: &mut dyn FnMut(Quoted<'_>)) {
    let allowance = (bytes.len() as u64).saturating_mul(2).saturating_add(budget.limits().resync);
    let mut search = Search { budget, allowance, on };
    let mut base = 0;
    // A record is not read across bytes that are not text.
    for chunk in bytes.utf8_chunks() {
        if search.read(chunk.valid(), base).is_none() {
            return;
        }
        base += chunk.valid().len() + chunk.invalid().len();
    }
}

/// The length of the end of a record at the beginning of a text, as a file has that was cut into parts: lines that close more
/// brackets than they open. After the first line, these are lines within an object: indented, or closing brackets. No complete
/// record is among them.
fn end_of_record(text: &str) -> usize {
    let mut depth = 0_i64;
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        let is_within = length == 0 || line.trim().is_empty() || line.starts_with([' ', '\t', '}', ']']);
        if length > LINES || !is_within || line.starts_with(['{', '[']) || begins_record(line.trim_start()) {
            break;
        }
        let mut in_text = length == 0 && begins_in_text(line);
        let mut escaped = false;
        for (at, byte) in line.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = in_text,
                b'"' => in_text = !in_text,
                b'{' | b'[' if !in_text => depth += 1,
                b'}' | b']' if !in_text => depth -= 1,
                _ => {}
            }
            // What closes first is the value of a key, or only text.
            if depth == -1 && matches!(byte, b'}' | b']') {
                let before = text.get(..length + at).unwrap_or_default();
                if !before.contains("\":") && !before.contains("\" :") {
                    return 0;
                }
            }
        }
        length += line.len();
        if depth < 0 && line.trim_end().ends_with(['}', ']', ',']) {
            // Closing brackets may go on in lines of their own.
            let is_closing = |byte: &u8| matches!(byte, b'}' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n');
            let rest = text.get(length..).unwrap_or_default();
            return length + rest.bytes().take_while(is_closing).count();
        }
    }
    0
}

/// Whether a text begins within a string: its first quote is followed by what follows a string.
fn begins_in_text(line: &str) -> bool {
    line.split_once('"').is_some_and(|(_, after)| after.trim_start().starts_with([':', ',', '}', ']']))
}

/// Whether a line begins with a complete record.
fn begins_record(line: &str) -> bool {
    line.starts_with('{')
        && matches!(Tape::parse_front(line), Some((Ok(_), length)) if line.get(..length).is_some_and(is_of_record))
}

/// The offset of the next object that has a key or ends its line, or of the string that holds one.
fn next_object(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr(b'{', bytes.get(at..)?)?;
        let after = bytes.get(at + 1..)?;
        // Something may precede the key on the next line.
        let ends_line = || after.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r')) == Some(&b'\n');
        if after.trim_ascii_start().starts_with(b"\"") || ends_line() {
            return Some(at);
        }
        let quote = at.checked_sub(1).filter(|quote| *quote >= from && bytes.get(*quote) == Some(&b'"'));
        if let Some(quote) = quote.filter(|_| after.starts_with(b"\\\"")) {
            return Some(quote);
        }
        at += 1;
    }
}

/// The search through one text. Its methods return `None` when nothing more is to be read.
struct Search<'b, 'f> {
    budget: &'b Budget,
    /// Bytes that may still be read in vain.
    allowance: u64,
    on: &'f mut dyn FnMut(Quoted<'_>),
}

impl Search<'_, '_> {
    fn read(&mut self, text: &str, base: usize) -> Option<()> {
        let cut = if base == 0 { end_of_record(text) } else { 0 };
        if let Some(broken) = text.get(..cut).filter(|broken| !broken.is_empty()) {
            (self.on)(Quoted::Broken { text: broken, offset: 0, why: "cut_off" });
        }
        let (mut at, mut line) = (cut, cut);
        while let Some(opening) = next_object(text.as_bytes(), at) {
            let between = text.get(at..opening).unwrap_or_default();
            self.rows(between, false, base + at)?;
            if let Some(line_break) = between.rfind('\n') {
                line = at + line_break + 1;
            }
            at = self.value(text, Opening { at: opening, line, base })?;
            if let Some(line_break) = text.get(opening..at).and_then(|value| value.rfind('\n')) {
                line = opening + line_break + 1;
            }
        }
        self.rows(text.get(at..).unwrap_or_default(), true, base + at)
    }

    /// One value; returns the offset at which to go on.
    fn value(&mut self, text: &str, opening: Opening) -> Option<usize> {
        let Opening { at, line, base } = opening;
        let rest = text.get(at..).unwrap_or_default();
        let (result, length) = Tape::parse_front(rest)?;
        let error = match result {
            Ok(tape) => {
                let (value, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
                let is_line =
                    at == line && !value.contains('\n') && after.bytes().next().is_none_or(|byte| byte.is_ascii_whitespace());
                self.found(tape, value, base + at, is_line)?;
                return Some(at + length);
            }
            Err(error) => error,
        };
        let read = error.bytes_read(rest.as_bytes()).clamp(1, rest.len());
        self.spend(2 * read, base + at)?;
        // An object that goes on in the next lines, as it is printed for people.
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
        let goes_on = rest.bytes().skip(1).find(|byte| !blank(byte)).is_none_or(|byte| byte == b'\n');
        if goes_on && let Some(end) = self.lines(text, opening)? {
            return Some(end);
        }
        let in_line = memchr(b'\n', rest.as_bytes().get(..read).unwrap_or_default()).unwrap_or(read);
        let length = rest.ceil_char_boundary(if goes_on { read } else { in_line });
        let (broken, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if !is_of_record(broken) {
            return Some(at + length);
        }
        (self.on)(Quoted::Broken { text: broken, offset: base + at, why: why_of(&error, length == rest.len()) });
        // Objects in the rest of the record are not records.
        let front = text.get(line..at).unwrap_or_default();
        let indent = front.len() - front.trim_start().len();
        Some(at + if goes_on { length + rest_of_object(after, indent) } else { rest_of_line(rest, length) })
    }

    /// An object whose further lines all begin like the one in which it opens; returns the offset after it.
    fn lines(&mut self, text: &str, Opening { at, line, base }: Opening) -> Option<Option<usize>> {
        let front = text.get(line..at).unwrap_or_default();
        let mut lines = text.get(at..).unwrap_or_default().split_inclusive('\n');
        let first = lines.next().unwrap_or_default();
        let next = lines.clone().next().unwrap_or_default();
        let common = common_front(front, next);
        let Some((front, indented)) = front.split_at_checked(common).filter(|(front, _)| !front.trim().is_empty()) else {
            return Some(None);
        };
        let indent = indented.len() - indented.trim_start().len();
        let (mut object, mut ends) = (first.to_owned(), vec![at + first.len()]);
        let mut end = at + first.len();
        for line in lines {
            let Some(inner) = without_front(line, front) else { break };
            object.push_str(inner);
            end += line.len();
            ends.push(end);
            let inner = inner.trim_end();
            if inner.len() - inner.trim_start().len() <= indent && inner.trim_start().starts_with('}') || object.len() > LINES {
                break;
            }
        }
        match Tape::parse_front(&object) {
            Some((Ok(tape), length)) => {
                let value = object.get(..length).unwrap_or(&object);
                self.spend(object.len() - value.len(), base + at)?;
                self.found(tape, value, base + at, false)?;
                let breaks = value.bytes().filter(|byte| *byte == b'\n').count();
                Some(Some(ends.get(breaks).copied().unwrap_or(end)))
            }
            _ => {
                self.spend(object.len(), base + at)?;
                Some(None)
            }
        }
    }

    /// Rows of `--output text` in a text without objects. Its last line may go on behind it.
    fn rows(&mut self, text: &str, is_last: bool, base: usize) -> Option<()> {
        let mut offset = base;
        for line in text.split_inclusive('\n') {
            if (is_last || line.ends_with('\n'))
                && let Some(list) = row(line)
                && let Ok(tape) = Tape::parse(&list)
            {
                self.found(tape, &list, offset, false)?;
            }
            offset += line.len();
        }
        Some(())
    }

    fn found(&mut self, tape: Tape<'_>, text: &str, offset: usize, is_line: bool) -> Option<()> {
        let charged = self.budget.charge_records(1).and_then(|()| self.budget.charge_nodes(tape.size() as u64));
        if let Err(limit) = charged {
            (self.on)(Quoted::Stopped { offset, limit });
            return None;
        }
        (self.on)(Quoted::Value { tape, text, offset, is_line });
        Some(())
    }

    /// Counts bytes that were read in vain.
    fn spend(&mut self, bytes: usize, offset: usize) -> Option<()> {
        let left = self.allowance.checked_sub(bytes as u64);
        if left.is_none() {
            (self.on)(Quoted::Broken { text: "", offset, why: "too_damaged" });
        }
        self.allowance = left?;
        Some(())
    }
}

/// Where an object opens in a text.
#[derive(Clone, Copy)]
struct Opening {
    /// Its offset.
    at: usize,
    /// The offset of its line.
    line: usize,
    /// The offset of the text in the file.
    base: usize,
}

/// The most bytes of an object in lines that begin alike.
const LINES: usize = 4 << 20;

/// Whether a text that is not JSON is a part of a record: a pattern that matches events has lists for values, and no ARN.
pub fn is_of_record(text: &str) -> bool {
    const PARTS: [&str; 5] = ["arn:aws", "\"eventVersion\"", "\"eventTime\"", ":\"aws.ecs\"", ": \"aws.ecs\""];
    looks::quotes_key(text) && PARTS.iter().any(|part| memmem::find(text.as_bytes(), part.as_bytes()).is_some())
}

fn why_of(error: &JsonError, is_end: bool) -> &'static str {
    match error {
        JsonError::TooLarge => "too_large",
        JsonError::TooManyNodes => "too_many_nodes",
        JsonError::Invalid(_) if error.is_eof() && is_end => "truncated",
        JsonError::Invalid(_) => "broken_json",
    }
}

/// How many bytes of a text belong to the object before it, which opened in a line with this indentation: lines that are indented
/// further, up to closing brackets that are not.
fn rest_of_object(text: &str, indent: usize) -> usize {
    let mut lines = text.split_inclusive('\n');
    let mut length = lines.next().map_or(0, str::len);
    for line in lines {
        let inner = line.trim();
        let is_deeper = line.len() - line.trim_start().len() > indent;
        let closes = inner.starts_with(['}', ']']);
        if !(is_deeper || closes || inner.is_empty()) {
            break;
        }
        length += line.len();
        if closes && !is_deeper {
            break;
        }
    }
    length
}

/// How many bytes of a line belong to the broken object that it begins with: up to the bracket that closes it, at least `read`
/// bytes; the whole line if none does.
fn rest_of_line(text: &str, read: usize) -> usize {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\n' => return at,
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && at >= read {
            return at + 1;
        }
    }
    text.len()
}

/// How many bytes two lines have in common at their beginning; digits may differ, as in timestamps.
fn common_front(line: &str, next: &str) -> usize {
    let same = line.bytes().zip(next.bytes()).take_while(|(a, b)| are_alike(*a, *b)).count();
    line.floor_char_boundary(next.floor_char_boundary(same))
}

fn are_alike(a: u8, b: u8) -> bool {
    a == b || a.is_ascii_digit() && b.is_ascii_digit()
}

/// A line without what it has in common with others; white space at the end of an empty line may be missing.
fn without_front<'l>(line: &'l str, front: &str) -> Option<&'l str> {
    match line.split_at_checked(front.len()) {
        Some((begin, inner)) if begin.bytes().zip(front.bytes()).all(|(a, b)| are_alike(a, b)) => Some(inner),
        _ => {
            let (line, front) = (line.trim_end(), front.trim_end());
            (line.len() == front.len() && line.bytes().zip(front.bytes()).all(|(a, b)| are_alike(a, b))).then_some("\n")
        }
    }
}

/// The list that a row of tab-separated values is, as JSON.
fn row(line: &str) -> Option<String> {
    if !line.contains('\t') {
        return None;
    }
    let cells: Vec<&str> = line.trim().split('\t').map(str::trim).filter(|cell| !matches!(*cell, "" | "None")).collect();
    let is_time = |cell: &&str| looks::is_date(cell) || cell.len() >= 10 && number(cell).is_some();
    let is_of_ecs = |cell: &&str| looks::is_text_of_ecs(cell) || looks::is_arn(cell) && cell.contains(":task/");
    let is_row = (2..=CELLS).contains(&cells.len()) && cells.iter().any(is_time) && cells.iter().any(is_of_ecs);
    let value = |cell: &str| number(cell).map_or_else(|| Json::from(cell), Json::Number);
    is_row.then(|| Json::from_iter(cells.into_iter().map(value)).to_string())
}

/// A time in seconds since 1970, as the AWS CLI 1 prints it.
fn number(cell: &str) -> Option<Number> {
    let is_plain = cell.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_plain.then(|| cell.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::budget::Limits;
    use super::*;

    fn found_with(bytes: &[u8], limits: Limits) -> Vec<String> {
        let mut out = Vec::new();
        read(bytes, &Budget::new(limits), &mut |quoted| {
            out.push(match quoted {
                Quoted::Value { text, is_line, .. } => {
                    format!("{}{}", if is_line { "=" } else { "" }, text.split_whitespace().collect::<String>())
                }
                Quoted::Broken { why, offset, .. } => format!("!{why}@{offset}"),
                Quoted::Stopped { limit, offset } => format!("#{}@{offset}", limit.why),
            });
        });
        out
    }

    fn found(text: &str) -> Vec<String> {
        found_with(text.as_bytes(), Limits::STANDARD)
    }

    #[test]
    fn a_text_may_begin_in_a_record() {
        for (text, want) in [
            ("redAt\":\"x\"}},\"id\":\"1\"}\n{\"a\":1}\n", &["!cut_off@0", "={\"a\":1}"][..]),
            ("  \"name\": \"x\",\n  \"list\": [\n    {\n    }\n  ]\n}\n]\n{\n  \"a\": 1\n}\n", &["!cut_off@0", "{\"a\":1}"]),
            ("see } {\"a\":1}\n", &["{\"a\":1}"]),
            ("[info] {\"a\":1}\n", &["{\"a\":1}"]),
            ("{\"a\":1}}\n{\"b\":1}\n", &["{\"a\":1}", "={\"b\":1}"]),
            // A bracket in a string closes nothing.
            (
                "x {\"a\":1}\nx {\"a\":\"not ] this\"}\nx {\"b\":\"y}}\"}\n",
                &["{\"a\":1}", "{\"a\":\"not]this\"}", "{\"b\":\"y}}\"}"],
            ),
            ("x {\"a\":1}\n\"k\": 1 ]}\n", &["{\"a\":1}"]),
            ("    {\"eventVersion\":\"1\"}\n    \"k\": 1 ]}\n    {\"a\":1}\n", &["{\"eventVersion\":\"1\"}", "{\"a\":1}"]),
        ] {
            assert_eq!(found(text), want, "{text}");
        }
    }

    #[test]
    fn records_that_programs_print() {
        for text in [
            "got {'source': 'aws.ecs', 'detail-type': 'x'}",
            "INFO {\n  source: 'aws.ecs',\n  'detail-type': 'x'\n}",
            "{\n  eventVersion: '1.09',\n  eventSource: 'ecs.amazonaws.com'\n}",
            "{Version:0 DetailType:ECS Task State Change Resources:[arn:aws:ecs:eu-west-1:111122223333:task/a/b]}",
        ] {
            assert!(prints_record(text.as_bytes()), "{text}");
        }
        for text in ["{'source': 'shop', 'detail-type': 'x'}", "'detail-type': 'aws.ecs'", "{\"source\":\"aws.ecs\"}", ""] {
            assert!(!prints_record(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn values_after_other_text() {
        for (text, want) in [
            (
                "2026-03-04T02:10:00Z stdout F {\"a\":1}\n2026-03-04T02:10:01Z stdout F {\"b\":2}\n",
                vec!["{\"a\":1}", "{\"b\":2}"],
            ),
            ("[pod/web/app] {\"a\":1}\n[pod/web/app] done\n", vec!["{\"a\":1}"]),
            ("<134>1 2026-03-04T02:10:00Z host app 1 - - {\"a\":{\"b\":\"}\"}} end\n", vec!["{\"a\":{\"b\":\"}\"}}"]),
            ("2026-03-04T02:10:00Z {app=\"web\"} {\"a\":1}\n", vec!["{\"a\":1}"]),
            ("x={\"a\":y} event={\"b\":2}\n", vec!["{\"b\":2}"]),
            ("level=info msg=\"{\\\"a\\\":1}\" n=3\n", vec!["\"{\\\"a\\\":1}\""]),
            ("```{\"a\":1}```\n", vec!["{\"a\":1}"]),
            ("{code:json}\n{\n  \"a\": 1\n}\n{code}\n", vec!["{\"a\":1}"]),
            ("hello\n{\"a\":1}\n\n{\"b\":2}", vec!["={\"a\":1}", "={\"b\":2}"]),
            ("ok: [localhost] => {\n    \"a\": {\n        \"b\": 1\n    }\n}\n", vec!["{\"a\":{\"b\":1}}"]),
            ("nothing { here }\n", vec![]),
        ] {
            assert_eq!(found(text), want, "{text}");
        }
    }

    #[test]
    fn lines_that_begin_alike() {
        for (front, other) in [
            ("> ", "> "),
            ("2026-03-04T02:10:00.1234567Z ", "2026-03-04T02:11:59.7654321Z "),
            ("[pod/web/app] ", "[pod/web/app] "),
            ("Mar  4 02:10:00 host app[1]: ", "Mar  4 02:10:01 host app[1]: "),
        ] {
            let text = format!(
                "{front}see {{\n{other}  \"a\": [\n{other}    1\n{other}  ]\n{other}}}\n{other}{{\"b\":2}}\n{other}end\n"
            );
            assert_eq!(found(&text), ["{\"a\":[1]}", "{\"b\":2}"], "{text}");
        }
        assert_eq!(found("> {\n>\n>   \"a\": 1\n> }\nYes\n"), ["{\"a\":1}"]);
    }

    #[test]
    fn damage_costs_one_record_and_is_reported_if_it_is_of_aws() {
        let call = "{\"eventVersion\":\"1.11\",";
        assert_eq!(found(&format!("got {call}\ngot {{\"b\":2}}\n")), ["!broken_json@4", "{\"b\":2}"]);
        assert_eq!(found(&format!("got {{\n  \"b\": 2\n}}\ngot {call}")), ["{\"b\":2}", "!truncated@21"]);
        let pretty = "see\n{\n  \"source\": \"aws.ecs\",\n  \"detail-type\": x,\n  \"detail\": {\n    \"taskArn\": \"t\"\n  }\n}\nand {\"b\":2}\n";
        assert_eq!(found(pretty), ["!broken_json@4", "{\"b\":2}"]);
        assert_eq!(found("{\"a\":x}\n{\"b\":2}\n"), ["={\"b\":2}"]);
        let (before, after) = pretty.split_once("and").unwrap();
        let indented: String = before.lines().map(|line| format!("    {line}\n")).collect();
        assert_eq!(found(&format!("{indented}    {{\"c\":3}}\nand{after}")), ["!broken_json@12", "{\"c\":3}", "{\"b\":2}"]);
        let beside = "see {\"eventVersion\":\"1\",\"a\":{\"b\":x},\"c\":{\"d\":1}} and {\"b\":2}\n";
        assert_eq!(found(beside), ["!broken_json@4", "{\"b\":2}"]);
        assert!(found("{\n  \"source\": [\"aws.ecs\"],\n  \"detail\": {\"stoppedReason\": [...]}\n}\n").is_empty());
        let bytes = [b"a {\"taskArn\":\"arn:aws:".as_slice(), &[0xff], b"\"}\nb {\"b\":2}\n"].concat();
        assert_eq!(found_with(&bytes, Limits::STANDARD), ["!truncated@2", "{\"b\":2}"]);
    }

    #[test]
    fn rows_of_the_cli() {
        let arn = "arn:aws:ecs:eu-west-1:111122223333:task/depot/t1";
        for (line, want) in [
            (
                "2026-03-04T02:10:00+00:00\t(service web) was unable\n".to_owned(),
                "[\"2026-03-04T02:10:00+00:00\",\"(serviceweb)wasunable\"]",
            ),
            ("1772586000.5\t(service web) x".to_owned(), "[1772586000.5,\"(serviceweb)x\"]"),
            (
                format!("{arn}\t2026-03-04T02:10:00Z\tNone\tCannotPull\n"),
                &*format!("[\"{arn}\",\"2026-03-04T02:10:00Z\",\"CannotPull\"]"),
            ),
        ] {
            assert!(is_row(line.trim_end().as_bytes()), "{line}");
            assert_eq!(found(&line), [want], "{line}");
        }
        for other in ["2026-03-04T02:10:00Z (service web) x\n", "a\tb\n", "2026-03-04\tnotes\n"] {
            assert!(found(other).is_empty() && !is_row(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn what_is_read_again_and_again_counts_against_the_allowance() {
        let strict = Limits { resync: 0, ..Limits::STANDARD };
        let alike = "> {\n> \"a\":1}\n".repeat(400);
        assert!(found_with(alike.as_bytes(), strict).iter().any(|found| found.contains("too_damaged")));
        assert_eq!(found(&alike).len(), 400);
        let one_line = format!("log \"stoppedReason\" {}", "{\"a\"x ".repeat(200_000));
        assert!(found(&one_line).len() < 3);
    }

    #[test]
    fn attempts_have_an_allowance() {
        // Each of these objects is read up to the end of the text before it turns out to be cut off.
        let text = "{\"a\":[\n".repeat(60) + &"1,\n".repeat(2000);
        assert!(found(&text).iter().all(|found| !found.contains("too_damaged")));
        let strict = Limits { resync: 0, ..Limits::STANDARD };
        assert!(found_with(text.as_bytes(), strict).iter().any(|found| found.contains("too_damaged")));
        assert_eq!(
            found_with(b"x {\"a\":1}\n", Limits { file_nodes: 0, ..Limits::STANDARD }).first().map(|found| &found[..1]),
            Some("#")
        );
    }
}
