//! Masks text that should be JSON and is not: the samples of quarantined records.

use super::assign::closing_quote;
use super::names::{NameClass, classify};
use super::value::is_placeholder;
use super::{MASK, command, text};
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// A key in quotes, which may be escaped, and its colon.
static KEY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?P<slashes>\\*)"(?P<key>[\w.:/-]{1,120})\\*"\s*:\s*"#).expect("the pattern is a constant"));

/// Masks a fragment that is not valid JSON: every string after or below a sensitive key, and everything that
/// [`super::mask_text`] detects.
pub fn mask_fragment(fragment: &str) -> String {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for found in KEY.captures_iter(fragment) {
        let Some(whole) = found.get(0) else { continue };
        let class = found.name("key").map_or(NameClass::Plain, |key| classify(key.as_str()));
        // The name beside a value may be cut off.
        let slashes = found.name("slashes").map_or(0, |slashes| slashes.len());
        if matches!(class, NameClass::Secret | NameClass::Variables | NameClass::Labeled | NameClass::Arguments) {
            let mut strings = Vec::new();
            value_ranges(fragment, whole.end(), slashes, class, &mut strings);
            if class == NameClass::Arguments {
                let texts: Vec<&str> = strings.iter().map(|range| fragment.get(range.clone()).unwrap_or_default()).collect();
                command::find_in_list(&texts, &mut |at, range| {
                    ranges.extend(strings.get(at).map(|string| string.start + range.start..string.start + range.end));
                });
            } else {
                ranges.append(&mut strings);
            }
        }
    }
    ranges.append(&mut text::ranges(fragment));
    // Command lines end at the quotes of their string.
    let mut start = 0;
    for piece in fragment.split('"') {
        command::find(piece, &mut |range| ranges.push(start + range.start..start + range.end));
        start += piece.len() + 1;
    }
    text::replace(fragment, ranges).into_owned()
}

/// The strings of the value that starts at a position.
fn value_ranges(fragment: &str, from: usize, slashes: usize, class: NameClass, ranges: &mut Vec<Range<usize>>) {
    let bytes = fragment.as_bytes();
    let mut at = from;
    let mut depth = 0usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let end = closing_quote(fragment, at + 1, b'"', slashes).unwrap_or(fragment.len());
                let after = fragment.get(end..).unwrap_or_default().trim_start_matches(['\\', '"']).trim_start();
                let is_key = depth > 0 && after.starts_with(':');
                // A string directly below `environment` is not a list of variables.
                let value = fragment.get(at + 1..end).unwrap_or_default();
                let is_kept = depth == 0 && class == NameClass::Variables && !value.contains(['=', '{', '[']);
                if !is_key && !is_kept && !is_placeholder(value) && value != MASK {
                    ranges.push(at + 1..end);
                }
                at = end + slashes;
            }
            b',' if depth == 0 => return,
            _ if depth == 0 && byte.is_ascii_digit() => {
                let length = bytes.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
                if class == NameClass::Secret {
                    ranges.push(at..at + length);
                }
                return;
            }
            _ => {}
        }
        at += 1;
        if depth == 0 && at > from && !matches!(byte, b'\\' | b' ' | b'\n' | b'\t' | b'\r') {
            return;
        }
    }
}
