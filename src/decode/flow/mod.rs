//! VPC flow logs: lines of fields, with or without a header line, tables in CSV and Parquet files of the same fields.
//!
//! In: the plain bytes of a file. Out: [`FlowLine`]s: the values of each record in the order of a [`FlowLayout`],
//! which comes from the preceding header line, or is the default format if there is none. A timestamp before a line
//! (from a CloudWatch Logs export) is skipped. This module does not interpret values.

mod layout;
mod parquet;

pub use layout::{FlowField, FlowLayout};
pub use parquet::{FlowParquetError, FlowRow, read_parquet};

use super::budget::{Budget, Exceeded};
use memchr::memchr;

/// A line of a flow log.
#[derive(Debug)]
pub enum FlowLine<'a, 'r> {
    /// A record, with values in layout order.
    Record {
        /// The layout.
        layout: &'r FlowLayout,
        /// The values; `-` if missing.
        values: &'r [&'a str],
        /// The line without its timestamp.
        text: &'a str,
        /// Its offset.
        offset: usize,
    },
    /// A header line.
    Header(&'r FlowLayout),
    /// An unreadable line.
    Broken {
        /// Its bytes.
        bytes: &'a [u8],
        /// Its offset.
        offset: usize,
        /// A code: `broken_flow` or `invalid_utf8`.
        why: &'static str,
        /// The error.
        detail: String,
    },
    /// The lines from here to the next header are unreadable: their format is unknown or has no time.
    UnknownFormat {
        /// The first of these lines.
        bytes: &'a [u8],
        /// The error.
        detail: String,
    },
    /// The file exceeds a limit: nothing is read from this offset on.
    Stopped(Exceeded, usize),
}

/// Whether a text starts like a flow log: with a header line or a record.
pub fn is_flow_log(content: &[u8]) -> bool {
    let head = content.get(..4096).unwrap_or(content);
    let Ok(line) = std::str::from_utf8(head.split(|byte| *byte == b'\n').next().unwrap_or_default()) else { return false };
    let line = without_stamp(line.trim());
    header_of(line).is_some() || is_record(line)
}

/// The fields of a header line, and what separates them: blanks as AWS writes them, or the delimiter of a table in CSV, as Athena
/// returns it.
fn header_of(line: &str) -> Option<(FlowLayout, char)> {
    if let Some(layout) = FlowLayout::of_header(line) {
        return Some((layout, BLANK));
    }
    // Most lines are records, which start with a digit.
    if !line.trim_start_matches('"').starts_with(|letter: char| letter.is_ascii_lowercase()) {
        return None;
    }
    // Tables of other programs have times and actions, or addresses, too.
    let is_place =
        |field: FlowField| matches!(field, FlowField::InterfaceId | FlowField::SourceAddress | FlowField::TargetAddress);
    let is_own = |field: FlowField| matches!(field, FlowField::InterfaceId | FlowField::Action | FlowField::LogStatus);
    [',', ';', '\t'].into_iter().filter(|delimiter| line.contains(*delimiter)).find_map(|delimiter| {
        let layout = FlowLayout::new(line.split(delimiter).map(bare));
        let has = |test: fn(FlowField) -> bool| layout.fields().flatten().any(test);
        (layout.is_known() && has(is_place) && has(is_own)).then_some((layout, delimiter))
    })
}

/// What separates the fields of a line that AWS wrote.
const BLANK: char = ' ';

/// A cell of CSV without its quotes; the values of a flow log have none of their own.
fn bare(cell: &str) -> &str {
    cell.trim().trim_matches('"')
}

/// Whether a text is a record in any format: it has an interface id and an action.
pub fn is_record(line: &str) -> bool {
    let has = |test: fn(&str) -> bool| line.split(' ').any(test);
    line.len() < 4096
        && line.contains(" eni-")
        && line.split(' ').count() >= 5
        && has(|word| matches!(word, "ACCEPT" | "REJECT" | "NODATA" | "SKIPDATA"))
}

/// Whether a text is a record in the default format.
pub fn is_default_record(line: &str) -> bool {
    let mut words = line.split(' ');
    words.next() == Some("2")
        && words.next().is_some_and(|account| account.len() == 12)
        && words.next().is_some_and(|interface| interface.starts_with("eni-"))
        && words.count() == FlowLayout::default().len() - 3
}

/// Reads the lines of a flow log.
pub fn read_lines<'a>(bytes: &'a [u8], budget: &Budget, on: &mut dyn FnMut(FlowLine<'a, '_>)) {
    let mut layout: Option<(FlowLayout, char)> = None;
    let mut values = Vec::with_capacity(32);
    // The lines from here to the next header are unreadable.
    let mut unreadable = false;
    let mut at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let (offset, line) = (at, rest.get(..end).unwrap_or_default());
        at += end + 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        if let Err(limit) = budget.charge_records(1) {
            return on(FlowLine::Stopped(limit, offset));
        }
        let Ok(text) = std::str::from_utf8(line) else {
            let detail = "the line is not valid UTF-8".to_owned();
            on(FlowLine::Broken { bytes: line, offset, why: "invalid_utf8", detail });
            continue;
        };
        // A tab may end an empty cell.
        let text = without_stamp(text.trim_matches([BLANK, '\r']));
        if let Some(header) = header_of(text) {
            unreadable = !header.0.has_time();
            if unreadable {
                on(FlowLine::UnknownFormat { bytes: line, detail: NO_TIME.to_owned() });
            } else {
                on(FlowLine::Header(&layout.insert(header).0));
            }
            continue;
        }
        if unreadable {
            continue;
        }
        if layout.is_none() && !is_default_record(text) && is_record(text) {
            on(FlowLine::UnknownFormat { bytes: line, detail: missing_header(text) });
            unreadable = true;
            continue;
        }
        let (layout, delimiter) = layout.get_or_insert_with(|| (FlowLayout::default(), BLANK));
        values.clear();
        match *delimiter {
            BLANK => values.extend(text.split(BLANK).filter(|word| !word.is_empty())),
            delimiter => values.extend(text.split(delimiter).map(bare).map(|cell| if cell.is_empty() { "-" } else { cell })),
        }
        if values.len() == layout.len() {
            on(FlowLine::Record { layout, values: &values, text, offset });
        } else {
            let (has, fields) = (values.len(), layout.len());
            let detail = format!("a line with {has} values; the format has {fields} fields");
            on(FlowLine::Broken { bytes: line, offset, why: "broken_flow", detail });
        }
    }
}

/// Why records cannot be kept.
const NO_TIME: &str = "the fields `start` and `end` are missing; at least one is needed to date a record";

/// The error for a line whose format is unknown.
fn missing_header(line: &str) -> String {
    format!(
        "lines of {} values without a header line; only the default format (14 fields, version 2) needs none: add the line of \
         field names of the flow log above them",
        line.split(' ').count()
    )
}

/// The line without the timestamp that CloudWatch Logs exports prepend, and without the name of the log stream that
/// `aws logs tail` writes after it.
fn without_stamp(line: &str) -> &str {
    match line.split_once(' ') {
        Some((stamp, rest)) if stamp.len() > 12 && is_stamp(stamp) => without_stream(rest.trim_start()),
        _ => line,
    }
}

/// The record in the default format behind the name of its log stream, such as `eni-0a1b2c3d-all`.
fn without_stream(line: &str) -> &str {
    match line.split_once(' ') {
        Some((stream, rest)) if stream.starts_with("eni-") && is_default_record(rest.trim_start()) => rest.trim_start(),
        _ => line,
    }
}

/// `2026-03-04T05:45:00.000Z`, `2026-03-04T05:45:00+00:00`, or milliseconds since 1970.
fn is_stamp(word: &str) -> bool {
    let bytes = word.as_bytes();
    let dated = bytes.get(4) == Some(&b'-') && bytes.get(10) == Some(&b'T') && (word.ends_with('Z') || word.contains('+'));
    dated || (word.len() == 13 && bytes.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str =
        "2 111122223333 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK";

    fn summary(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        read_lines(text.as_bytes(), &Budget::default(), &mut |line| {
            out.push(match line {
                FlowLine::Record { layout, values, .. } => {
                    let of = |field| layout.fields().position(|known| known == Some(field)).map(|index| values[index]);
                    format!("{} {}", of(FlowField::Start).unwrap_or("?"), of(FlowField::Action).unwrap_or("?"))
                }
                FlowLine::Header(layout) => format!("header of {}", layout.len()),
                FlowLine::Broken { offset, why, detail, .. } => format!("{why}@{offset}: {detail}"),
                FlowLine::UnknownFormat { detail, .. } => format!("unknown format: {detail}"),
                FlowLine::Stopped(limit, offset) => format!("{}@{offset}", limit.why),
            });
        });
        out
    }

    #[test]
    fn with_and_without_a_header() {
        let custom = "action start interface-id region srcaddr future-field\nREJECT 1418530010 eni-1 us-east-1 - x\n";
        assert_eq!(summary(RECORD), ["1418530010 ACCEPT"]);
        assert_eq!(summary(&format!("2026-03-04T05:45:00.000Z {RECORD}\r\n\n")), ["1418530010 ACCEPT"]);
        assert_eq!(summary(&format!("1418530010000 {RECORD}")), ["1418530010 ACCEPT"]);
        // Concatenated files, each with its header.
        assert_eq!(summary(&format!("{RECORD}\n{custom}")), ["1418530010 ACCEPT", "header of 6", "1418530010 REJECT"]);
        for known in [RECORD, custom, &format!("2026-03-04T05:45:00.000Z {RECORD}")] {
            assert!(is_flow_log(known.as_bytes()), "{known}");
        }
        let quoted = "\"version\",\"interface_id\",\"srcaddr\",\"start\",\"action\",\"vpc_id\"\n\"2\",\"eni-1\",\"-\",\"1418530010\",\"REJECT\",\"\"\n";
        assert_eq!(summary(quoted), ["header of 6", "1418530010 REJECT"]);
        assert_eq!(summary("start;action;srcaddr\r\n1418530010;ACCEPT;\r\n"), ["header of 3", "1418530010 ACCEPT"]);
        assert_eq!(
            summary("start,action,srcaddr\n1418530010,ACCEPT\n"),
            ["header of 3", "broken_flow@21: a line with 2 values; the format has 3 fields"]
        );
        assert!(is_flow_log(quoted.as_bytes()));
        for stamp in ["2026-03-04T05:45:00+00:00 eni-1235b8ca123456789-all", "2026-03-04T05:45:00.000Z eni-1235b8ca123456789-all"]
        {
            assert_eq!(summary(&format!("{stamp} {RECORD}\n")), ["1418530010 ACCEPT"], "{stamp}");
        }
        for other in
            ["version start of a text about the region", "{\"a\":1}", "", "eni-1 ACCEPT", "start,end,srcaddr", "start,end,action"]
        {
            assert!(!is_flow_log(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn damage_costs_one_line() {
        let text = format!("{RECORD}\n2 111122223333 eni-1\n{RECORD}\n");
        let got = summary(&text);
        assert_eq!(got.len(), 3);
        assert_eq!(got[1], format!("broken_flow@{}: a line with 3 values; the format has 14 fields", RECORD.len() + 1));
        let bad = "action interface-id region srcaddr\nREJECT eni-1 us-east-1 -\nversion account-id interface-id start end action\n2 1 eni-1 1418530010 1418530070 REJECT\n";
        let got = summary(bad);
        assert!(got.len() == 3 && got[0].starts_with("unknown format") && got[2] == "1418530010 REJECT", "{got:?}");
        let got = summary("5 vpc-1 subnet-1 eni-1 10.0.0.1 REJECT OK\n");
        assert!(got.len() == 1 && got[0].starts_with("unknown format: lines of 7 values without a header line"), "{got:?}");
        let mut why = Vec::new();
        read_lines(b"\xff\xfe eni", &Budget::default(), &mut |line| {
            if let FlowLine::Broken { why: code, .. } = line {
                why.push(code);
            }
        });
        assert_eq!(why, ["invalid_utf8"]);
    }
}
