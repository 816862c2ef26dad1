//! Secrets that a name announces: `NAME=value`, `name: value`, `"name": "value"`, parameters of URLs, headers.

use super::names::{NameClass, classify, normalized};
use super::rules::RULES;
use super::value::{is_diagnostic, is_message, is_mixed, is_path, is_placeholder, is_random};
use std::ops::Range;

/// The ranges of secrets that are assigned in a text.
pub(super) fn find(text: &str, on: &mut dyn FnMut(Range<usize>)) {
    let mut done = 0;
    for at in memchr::memchr2_iter(b'=', b':', text.as_bytes()) {
        if at >= done
            && let Some(range) = secret_at(text, at)
        {
            done = range.end;
            on(range);
        }
    }
}

/// Whether a name that may announce a secret is before the `=` or `:` at a position.
pub(super) fn announces(text: &str, at: usize) -> bool {
    Assignment::at(text, at).is_some()
}

/// The secret that is assigned at the `=` or `:` at a position.
fn secret_at(text: &str, at: usize) -> Option<Range<usize>> {
    let assignment = Assignment::at(text, at)?;
    let value = assignment.value(text)?;
    assignment.secret(text, value)
}

struct Assignment<'t> {
    name: &'t str,
    class: NameClass,
    /// The byte before the name.
    before: Option<u8>,
    /// Where the name starts.
    start: usize,
    is_equals: bool,
    is_query: bool,
    /// Where the value starts, possibly with white space.
    from: usize,
}

/// A value, without its quotes.
struct Assigned {
    range: Range<usize>,
    quoted: bool,
    spaced: bool,
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

impl<'t> Assignment<'t> {
    fn at(text: &'t str, at: usize) -> Option<Self> {
        const LONGEST: usize = 80;
        let bytes = text.as_bytes();
        let byte = |at: usize| bytes.get(at).copied();
        let is_equals = byte(at) == Some(b'=');
        let (previous, next) = (at.checked_sub(1).and_then(byte), byte(at + 1));
        let mut end = at;
        let mut from = at + 1;
        // `password==x`, which is as often a comparison.
        let is_double = is_equals && next == Some(b'=') && byte(at + 2) != Some(b'=');
        if is_equals {
            match (previous, next) {
                (Some(b'=' | b'!' | b'<' | b'>'), _) => return None,
                (_, Some(b'=')) if is_double => from += 1,
                (_, Some(b'=')) => return None,
                (Some(b':'), _) => end -= 1,
                (_, Some(b'>')) => from += 1,
                _ => {}
            }
        } else if matches!(next, Some(b':' | b'=')) || previous == Some(b':') || bytes.get(at..)?.starts_with(b"://") {
            return None;
        }
        let back = |end: usize, most: usize, skip: fn(u8) -> bool| {
            let front = bytes.get(..end).unwrap_or_default();
            end - front.iter().rev().take(most).take_while(|byte| skip(**byte)).count()
        };
        end = back(end, 3, |byte| matches!(byte, b' ' | b'\t'));
        let quotes = back(end, 9, |byte| matches!(byte, b'"' | b'\'' | b'\\' | b']' | b'`'));
        let was_quoted = quotes < end;
        end = quotes;
        let start = back(end, LONGEST, is_name);
        let name = text.get(start..end)?.trim_start_matches(['-', '.']);
        if name.len() < 2 && !matches!(name, "s" | "t") {
            return None;
        }
        let before = start.checked_sub(1).and_then(byte);
        // `/etc/passwd: no such file`, `arn:aws:secretsmanager:eu-west-1:111122223333:secret:…`.
        let is_inside = !is_equals && !was_quoted && matches!(before, Some(b'/' | b'\\' | b':' | b'@'));
        // `/password:x` is an option on Windows.
        let is_option = before == Some(b'/')
            && !next.is_some_and(|next| next.is_ascii_whitespace())
            && start.checked_sub(2).and_then(byte).is_none_or(|byte| matches!(byte, b' ' | b'"'));
        if is_inside && !is_option {
            return None;
        }
        let is_query = is_equals && matches!(before, Some(b'?' | b'&' | b';' | b'#'));
        let mut class = classify(name);
        if !is_query && before == Some(b' ') && name.eq_ignore_ascii_case("key") {
            let word = back(start - 1, LONGEST, is_name);
            class = classify(&format!("{}key", text.get(word..start - 1)?));
            class = if class == NameClass::Secret { class } else { NameClass::Plain };
        }
        if is_query && !matches!(class, NameClass::Secret) {
            let plain = normalized(name);
            if RULES.names.query_weak.contains(&plain) {
                class = NameClass::Weak;
            } else if RULES.names.query.contains(&plain) {
                class = NameClass::Secret;
            }
        }
        if !matches!(class, NameClass::Secret | NameClass::Weak) {
            return None;
        }
        if is_double {
            class = NameClass::Weak;
        }
        Some(Assignment { name, class, before, start, is_equals, is_query, from })
    }

    /// The assigned value.
    fn value(&self, text: &str) -> Option<Assigned> {
        let rest = text.get(self.from..)?;
        let most = if self.is_query { 0 } else { 16 };
        let blanks = rest.bytes().take(most).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let wide = rest.bytes().take(most).take_while(u8::is_ascii_whitespace).count();
        let quote_at = |blanks: usize| {
            let value = rest.get(blanks..)?;
            let slashes = value.bytes().take_while(|byte| *byte == b'\\').count();
            let quote = value.as_bytes().get(slashes).copied().filter(|byte| matches!(byte, b'"' | b'\'' | b'`'))?;
            Some((blanks + slashes + 1, quote, slashes))
        };
        if let Some((start, quote, slashes)) = quote_at(wide) {
            let start = self.from + start;
            let mut end = closing_quote(text, start, quote, slashes).unwrap_or(text.len());
            // The shell joins `'it'\''s'` into one word.
            let after = end + 1;
            if self.is_equals
                && slashes == 0
                && text.as_bytes().get(after).is_some_and(|next| matches!(next, b'\\' | b'"' | b'\''))
            {
                let word = text.get(after..).unwrap_or_default();
                end = after + word.find(char::is_whitespace).unwrap_or(word.len());
            }
            return (end > start).then_some(Assigned { range: start..end, quoted: true, spaced: wide > 0 });
        }
        let start = self.from + blanks;
        let rest = text.get(start..)?;
        let length = enclosed_length(rest).unwrap_or_else(|| self.bare_length(rest));
        (length > 0).then_some(Assigned { range: start..start + length, quoted: false, spaced: wide > 0 })
    }

    /// The length of a value without quotes.
    fn bare_length(&self, rest: &str) -> usize {
        let bytes = rest.as_bytes();
        let ends = |at: usize, byte: u8| match byte {
            b'"' | b'\'' | b'`' | b'<' | b'>' => true,
            b'\\' => matches!(bytes.get(at + 1), Some(b'n' | b'r' | b't' | b'"' | b'\'' | b'\\')),
            byte => byte.is_ascii_whitespace(),
        };
        let end = bytes.iter().enumerate().position(|(at, byte)| ends(at, *byte)).unwrap_or(bytes.len());
        let run = bytes.get(..end).unwrap_or_default();
        let cuts = |at: usize, byte: u8| {
            let after = run.get(at + 1..).unwrap_or_default();
            match byte {
                b'&' | b'#' if self.is_query => true,
                b'&' | b',' | b';' | b'|' => after.is_empty() || starts_assignment(after),
                b')' | b'}' | b']'
                    if run.get(..at).is_none_or(|before| !before.iter().any(|byte| matches!(byte, b'(' | b'{' | b'['))) =>
                {
                    after.iter().all(|byte| matches!(byte, b')' | b'}' | b']' | b',' | b';' | b'.' | b':'))
                        || matches!(after.first(), Some(b',' | b';'))
                }
                _ => false,
            }
        };
        run.iter().enumerate().position(|(at, byte)| cuts(at, *byte)).unwrap_or(end)
    }

    /// The part of the value that is a secret.
    fn secret(&self, text: &str, value: Assigned) -> Option<Range<usize>> {
        let plain = normalized(self.name);
        let rest = text.get(value.range.start..)?;
        let word = text.get(value.range.clone())?;
        if RULES.names.headers.contains(&plain) {
            return (!is_message(rest))
                .then(|| self.line(text, &value))
                .filter(|range| text.get(range.clone()).is_some_and(|value| !is_placeholder(value)));
        }
        if plain.ends_with("authorization") && (value.spaced || value.quoted || is_scheme(word)) {
            return authorization(text, &value);
        }
        if is_placeholder(word) {
            return None;
        }
        if self.class == NameClass::Weak {
            return is_random(word).then_some(value.range);
        }
        let is_short_number = plain.ends_with("token") && word.len() < 7 && word.bytes().all(|byte| byte.is_ascii_digit());
        if is_short_number || is_path(word) && (plain.ends_with("pwd") || word.matches('/').count() > 1) {
            return None;
        }
        // Test results: `PASS: login`, `pass: 12`.
        if plain == "pass" && (!is_mixed(word) || word.bytes().all(|byte| byte.is_ascii_digit())) {
            return None;
        }
        if self.is_equals {
            return (value.quoted || !is_diagnostic(word)).then_some(value.range);
        }
        let is_prose = match (value.quoted, value.spaced) {
            (true, _) => word.contains(' ') && is_message(word),
            (false, true) => is_message(rest) || self.is_of_parser(text),
            (false, false) => is_message(rest) || RULES.names.ambiguous.contains(&plain) && !is_random(word),
        };
        (!is_prose).then_some(value.range)
    }

    /// Whether a word such as `unexpected` is before the name.
    fn is_of_parser(&self, text: &str) -> bool {
        let before = text.get(..self.start).unwrap_or_default().trim_end();
        self.before == Some(b' ')
            && before
                .rsplit(char::is_whitespace)
                .next()
                .is_some_and(|word| RULES.values.before.contains(&word.to_ascii_lowercase()))
    }

    /// The value to the end of the line, or of the quotes around the header.
    fn line(&self, text: &str, value: &Assigned) -> Range<usize> {
        if value.quoted {
            return value.range.clone();
        }
        let rest = text.get(value.range.start..).unwrap_or_default();
        let quote = self.before.filter(|before| matches!(before, b'"' | b'\'')).map(char::from);
        let end = rest.find(|letter: char| matches!(letter, '\n' | '\r') || Some(letter) == quote).unwrap_or(rest.len());
        value.range.start..value.range.start + end
    }
}

/// The length of a value in angle brackets, or of a command in place of a value: `<x>`, `$(echo x)`.
fn enclosed_length(rest: &str) -> Option<usize> {
    const LONGEST: usize = 512;
    let (close, may_have_spaces) = match rest.as_bytes() {
        [b'<', ..] => (b'>', false),
        [b'$', b'(', ..] => (b')', true),
        _ => return None,
    };
    let is_inside = |byte: &u8| *byte != close && *byte != b'\n' && (may_have_spaces || !byte.is_ascii_whitespace());
    let inside = rest.bytes().take(LONGEST).take_while(is_inside).count();
    (rest.as_bytes().get(inside) == Some(&close)).then_some(inside + 1)
}

/// Whether a text starts with a further assignment.
fn starts_assignment(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let name = text.iter().take_while(|byte| is_name(**byte)).count();
    name > 0 && matches!(text.get(name), Some(b'=' | b':'))
}

/// The credential of an `Authorization` header, without its scheme.
fn authorization(text: &str, value: &Assigned) -> Option<Range<usize>> {
    let start = value.range.start;
    let end = if value.quoted { value.range.end } else { text.len() };
    let rest = text.get(start..end)?;
    let line = rest.find(['\n', '\r']).unwrap_or(rest.len());
    let rest = rest.get(..line)?;
    let first = rest.find(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'')).unwrap_or(rest.len());
    let (scheme, after) = rest.split_at_checked(first)?;
    let second = after.trim_start_matches(' ');
    let stop =
        second.find(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '\\' | ',')).unwrap_or(second.len());
    let credential = second.get(..stop)?;
    let lower = scheme.to_ascii_lowercase();
    if matches!(lower.as_str(), "digest" | "aws4-hmac-sha256" | "oauth" | "hmac" | "hawk") {
        return Some(start + rest.len() - second.len()..start + rest.len());
    }
    let is_scheme = is_scheme(scheme);
    if is_scheme && !credential.is_empty() {
        let is_secret =
            !is_placeholder(credential) && !credential.starts_with("realm=") && (is_mixed(credential) || !is_message(second));
        let from = start + rest.len() - second.len();
        return is_secret.then(|| from..from + credential.len());
    }
    let is_secret = !is_scheme && !scheme.is_empty() && !is_placeholder(scheme) && !is_message(rest);
    is_secret.then(|| start..start + scheme.trim_end_matches([',', ';']).len())
}

/// Whether a word is the scheme before the credential of an `Authorization` header.
fn is_scheme(word: &str) -> bool {
    matches!(
        word.to_ascii_lowercase().as_str(),
        "basic"
            | "bearer"
            | "bot"
            | "token"
            | "apikey"
            | "api-key"
            | "key"
            | "negotiate"
            | "ntlm"
            | "splunk"
            | "jwt"
            | "genie"
            | "geniekey"
            | "sso-key"
            | "pat"
    )
}

/// The quote that ends a string; `slashes` are the backslashes before its opening quote.
pub(super) fn closing_quote(text: &str, start: usize, quote: u8, slashes: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = start;
    while let Some(found) = memchr::memchr(quote, bytes.get(from..)?) {
        let at = from + found;
        let before = bytes.get(start..at)?.iter().rev().take_while(|byte| **byte == b'\\').count();
        if slashes == 0 && before % 2 == 0 {
            return Some(at);
        }
        if slashes > 0 && before == slashes {
            return Some(at - slashes);
        }
        // With fewer backslashes, an enclosing string ends.
        if slashes > 0 && before < slashes {
            return Some(at - before);
        }
        from = at + 1;
    }
    None
}
