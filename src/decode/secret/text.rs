//! Finds and masks the secrets of a text, whatever key it is below.

use super::rules::{RULES, Shape};
use super::value::{is_mixed, is_placeholder, is_random};
use super::{MASK, assign, command, search, url};
use base64::Engine;
use std::borrow::Cow;
use std::ops::Range;

/// Masks credentials in a text: signed URLs, tokens of providers, private keys, `password=…`, options of commands.
pub fn mask_text(text: &str) -> Cow<'_, str> {
    if !search::has_credential(text) {
        return Cow::Borrowed(text);
    }
    masked(text)
}

/// The same without the quick search.
pub(super) fn masked(text: &str) -> Cow<'_, str> {
    replace(text, ranges(text))
}

/// The ranges of secrets in a text.
pub(super) fn ranges(text: &str) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut on = |range: Range<usize>| ranges.push(range);
    private_keys(text, &mut on);
    for shape in RULES.shapes_of(text) {
        shape_ranges(shape, text, &mut on);
    }
    assign::find(text, &mut on);
    url::find(text, &mut on);
    command::find(text, &mut on);
    ranges
}

/// Replaces ranges of a text with the mask.
pub(super) fn replace(text: &str, mut ranges: Vec<Range<usize>>) -> Cow<'_, str> {
    ranges.retain(|range| range.start < range.end && text.get(range.clone()).is_some_and(|part| part != MASK));
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for range in ranges {
        if range.start >= copied {
            out.push_str(text.get(copied..range.start).unwrap_or_default());
            out.push_str(MASK);
        }
        copied = copied.max(range.end);
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

fn shape_ranges(shape: &Shape, text: &str, on: &mut dyn FnMut(Range<usize>)) {
    for found in shape.pattern().into_iter().flat_map(|pattern| pattern.captures_iter(text)) {
        let secret = found.name("secret").or_else(|| found.name("secret2")).or_else(|| found.get(0));
        let Some(secret) = secret else { continue };
        let value = secret.as_str();
        let is_secret = !is_placeholder(value)
            && (!shape.random || is_random(value))
            && (!shape.mixed || is_mixed(value))
            && (!shape.decodes || is_basic(value));
        if is_secret {
            on(secret.range());
        }
    }
}

/// Whether a text is base64 of `user:password`.
fn is_basic(value: &str) -> bool {
    let plain = base64::engine::general_purpose::STANDARD_NO_PAD.decode(value.trim_end_matches('='));
    plain.is_ok_and(|plain| plain.contains(&b':') && plain.iter().all(|byte| !byte.is_ascii_control()))
}

const BEGIN: &str = "-----BEGIN ";

/// Whether a line starts a private key.
pub(super) fn begins_private_key(text: &str) -> bool {
    key_start(text, 0).is_some()
}

/// Whether a line ends a private key.
pub(super) fn ends_private_key(text: &str) -> bool {
    text.contains("-----END ") && text.contains("PRIVATE KEY")
}

/// Where the content of the next private key starts.
fn key_start(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let begin = at + text.get(at..)?.find(BEGIN)? + BEGIN.len();
        let label = text.get(begin..)?;
        let end = label.find("-----").filter(|end| *end < 64);
        match end {
            Some(end) if label.get(..end)?.contains("PRIVATE KEY") => return Some(begin + end + 5),
            _ => at = begin,
        }
    }
}

/// Private keys, to their end; without an end, to that of the text.
fn private_keys(text: &str, on: &mut dyn FnMut(Range<usize>)) {
    let mut at = 0;
    while let Some(start) = key_start(text, at) {
        let rest = text.get(start..).unwrap_or_default();
        let end = start + rest.find("-----END").unwrap_or(rest.len());
        let last = text.get(start..end).map_or(end, |body| start + body.trim_end_matches(['\n', '\r', ' ']).len());
        on(start..last);
        at = end.max(start);
    }
    // PuTTY keys have a line with the number of lines.
    if let Some(start) = text.find("Private-Lines: ") {
        on(start + "Private-Lines: ".len()..text.len());
    }
}
