//! Passwords in addresses: `scheme://user:password@host`.

use super::value::{is_mixed, is_placeholder, is_random};
use std::ops::Range;

/// The longest address that is read, up to its `@`.
const LONGEST: usize = 4096;

/// The `@` of one address that are looked at, besides the last one: a password or a path may have some. A text of nothing but `@`
/// would take quadratic time otherwise.
const MOST_SIGNS: usize = 16;

/// The ranges of passwords and tokens before the `@` of addresses.
pub(super) fn find(text: &str, on: &mut dyn FnMut(Range<usize>)) {
    let mut front = Front::default();
    for at in memchr::memchr_iter(b'@', text.as_bytes()) {
        front.advance(text, at);
        if (front.signs <= MOST_SIGNS || front.is_last_sign(text, at))
            && let Some(range) = secret_before(text, at, &front)
            && text.get(range.clone()).is_some_and(|secret| !is_placeholder(secret))
        {
            on(range);
        }
    }
}

/// Whether a secret may be before the `@` at a position. An earlier `@` in the same word leaves the answer to [`find`], which
/// reads each byte once.
pub(super) fn announces(text: &str, at: usize) -> bool {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    let near = before.iter().rev().take(LONGEST).take_while(|byte| !ends_word(**byte) && **byte != b'@').count();
    let start = at - near;
    if near < LONGEST && start.checked_sub(1).and_then(|last| before.get(last)) == Some(&b'@') {
        return text.get(at + 1..).is_some_and(|host| !is_digest(host));
    }
    let mut front = Front { read: start, start, ..Front::default() };
    front.advance(text, at);
    secret_before(text, at, &front).is_some()
}

/// A byte that no address has.
fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\')
}

/// A byte before an address without a scheme.
fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'=' | b',' | b';' | b'(')
}

/// The digest of an image.
fn is_digest(host: &str) -> bool {
    host.starts_with("sha256:") || host.starts_with("sha512:")
}

const SCHEME: &str = "://";
/// `jdbc:oracle:thin:user/password@host`.
const THIN: &str = ":thin:";

/// What is known of the word before an `@`; every byte is read once, however many `@` there are.
#[derive(Debug, Clone, Copy, Default)]
struct Front {
    /// The end of what was read.
    read: usize,
    /// The start of the word.
    start: usize,
    /// The last `://` of the word.
    scheme: Option<usize>,
    /// The last `:thin:`.
    thin: Option<usize>,
    /// The last delimiter.
    delimiter: Option<usize>,
    /// The `@` since the address began, with the one at hand.
    signs: usize,
}

impl Front {
    /// Reads up to the `@` at a position.
    fn advance(&mut self, text: &str, at: usize) {
        let first = self.read;
        let bytes = text.as_bytes().get(first..at).unwrap_or_default();
        for (offset, byte) in bytes.iter().enumerate() {
            let place = first + offset;
            match *byte {
                b':' => {
                    let rest = bytes.get(offset..).unwrap_or_default();
                    if rest.starts_with(SCHEME.as_bytes()) {
                        (self.scheme, self.signs) = (Some(place), 0);
                    } else if rest.starts_with(THIN.as_bytes()) {
                        (self.thin, self.signs) = (Some(place), 0);
                    }
                }
                byte if is_delimiter(byte) => {
                    self.delimiter = Some(place);
                    if self.begins_at_delimiter(place) {
                        self.signs = 0;
                    }
                }
                byte if ends_word(byte) => *self = Front { start: place + 1, ..Front::default() },
                _ => {}
            }
        }
        self.read = at + 1;
        self.signs += 1;
    }

    /// Whether an address at a position has no scheme, so that it begins after a delimiter.
    fn begins_at_delimiter(&self, at: usize) -> bool {
        [self.scheme, self.thin].iter().all(|place| place.is_none_or(|place| place + LONGEST < at))
    }

    /// Whether the address has no further `@`.
    fn is_last_sign(&self, text: &str, at: usize) -> bool {
        let rest = text.as_bytes().get(at + 1..).unwrap_or_default();
        let by_delimiter = self.begins_at_delimiter(at);
        let ends = |offset: usize, byte: u8| {
            ends_word(byte)
                || by_delimiter && is_delimiter(byte)
                || byte == b':' && rest.get(offset..).is_some_and(|rest| rest.starts_with(SCHEME.as_bytes()))
        };
        let next = rest.iter().enumerate().find(|(offset, byte)| **byte == b'@' || ends(*offset, **byte));
        next.is_none_or(|(_, byte)| *byte != b'@')
    }
}

/// The secret before the `@` at a position.
fn secret_before(text: &str, at: usize, front: &Front) -> Option<Range<usize>> {
    let host = text.get(at + 1..)?;
    if is_digest(host) {
        return None;
    }
    let mut first = front.start.max(at.saturating_sub(LONGEST));
    while !text.is_char_boundary(first) {
        first += 1;
    }
    let in_reach = |place: Option<usize>| place.filter(|place| *place >= first);
    let Some(scheme) = in_reach(front.scheme) else {
        if let Some(thin) = in_reach(front.thin) {
            let user = text.get(thin + THIN.len()..at)?;
            return user.split_once('/').map(|(_, password)| at - password.len()..at);
        }
        let first = in_reach(front.delimiter).map_or(first, |delimiter| delimiter + 1);
        return without_scheme(text.get(first..at)?, host, at);
    };
    let user = text.get(scheme + SCHEME.len()..at)?;
    let start = at - user.len();
    let path = user.find(['/', '?', '#']);
    let authority = user.get(..path.unwrap_or(user.len()))?;
    if path.is_some() {
        // A path with an `@`, unless the password has a slash: then there is a colon, but no port.
        let (_, port) = authority.split_once(':')?;
        if authority.contains('@') || port.is_empty() || port.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
    }
    match user.find(':') {
        Some(colon) => Some(start + colon + 1..at),
        None => (user.len() >= 16 && is_random(user)).then_some(start..at),
    }
}

/// `user:password@tcp(host:3306)/db`, `user:password@db.example.com:5432`.
fn without_scheme(run: &str, host: &str, at: usize) -> Option<Range<usize>> {
    let (user, password) = run.split_once(':')?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if user.is_empty() || !user.bytes().all(is_plain) || password.contains('/') && !host.starts_with("tcp(") {
        return None;
    }
    let name = host.bytes().take_while(|byte| is_plain(*byte)).count();
    let (name, after) = host.split_at_checked(name)?;
    let is_host = name.contains('.')
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && (after.starts_with(':') || after.starts_with('/'));
    let is_driver = after.starts_with('(') && matches!(name, "tcp" | "unix" | "cloudsql");
    (is_driver || is_host && is_mixed(password)).then(|| at - password.len()..at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        find(text, &mut |range| found.push(text.get(range).unwrap()));
        found
    }

    #[test]
    fn every_address_of_a_list_is_found() {
        let list: Vec<String> = (0..40).map(|number| format!("amqp://ada:pw{number}x@queue{number}")).collect();
        let want: Vec<String> = (0..40).map(|number| format!("pw{number}x")).collect();
        assert_eq!(secrets(&list.join(",")), want);
        let list: Vec<String> = (0..40).map(|number| format!("ada:pw{number}x@db{number}.example.com:5432")).collect();
        assert_eq!(secrets(&list.join(",")), want);
        assert_eq!(secrets("jdbc:oracle:thin:ada/pw=1@db"), ["pw=1"]);
        assert_eq!(secrets("https://ada:p1x@w@host/a@b"), ["p1x", "p1x@w"]);
        // The password ends at the last `@`, however many it has.
        let long = format!("https://ada:pw{}host", "@".repeat(50));
        assert_eq!(secrets(&long).last().unwrap().len(), "pw".len() + 49);
        assert!(secrets("registry/web@sha256:0a and https://host:8080/a@b").is_empty());
        // A letter of several bytes where the longest address begins.
        let long = format!("https://ada:{}@host", "é".repeat(3000));
        assert!(secrets(&long).is_empty());
        assert_eq!(secrets(&format!("a{} https://ada:p1x@host", "é".repeat(3000))), ["p1x"]);
    }

    #[test]
    fn the_quick_search_overlooks_no_address() {
        for text in ["https://ada:pw@host", "a@b:c@d.example.com:1", "x@https://ada:pw@host", "ada:p1@tcp(db)", "é://é:é@é"] {
            let mut found = memchr::memchr_iter(b'@', text.as_bytes());
            assert!(secrets(text).is_empty() || found.any(|at| announces(text, at)), "{text}");
        }
        assert!(!announces("ada@example.com", 3) && !announces("registry/web@sha256:0a", 12));
    }
}
