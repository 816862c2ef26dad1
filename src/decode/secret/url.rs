//! Passwords in addresses: `scheme://user:password@host`.

use super::value::{is_mixed, is_placeholder, is_random};
use std::ops::Range;

/// The ranges of passwords and tokens before the `@` of addresses.
pub(super) fn find(text: &str, on: &mut dyn FnMut(Range<usize>)) {
    for at in memchr::memchr_iter(b'@', text.as_bytes()) {
        if let Some(range) = secret_before(text, at)
            && text.get(range.clone()).is_some_and(|secret| !is_placeholder(secret))
        {
            on(range);
        }
    }
}

/// Whether a secret may be before the `@` at a position.
pub(super) fn announces(text: &str, at: usize) -> bool {
    secret_before(text, at).is_some()
}

/// The secret before the `@` at a position.
fn secret_before(text: &str, at: usize) -> Option<Range<usize>> {
    const LONGEST: usize = 4096;
    let host = text.get(at + 1..)?;
    // The digest of an image.
    if host.starts_with("sha256:") || host.starts_with("sha512:") {
        return None;
    }
    let front = text.as_bytes().get(..at)?;
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\');
    let length = front.iter().rev().take(LONGEST).take_while(|byte| !ends(byte)).count();
    let run = text.get(at - length..at)?;
    let Some(scheme) = run.find("://") else { return without_scheme(run, host, at) };
    // The last address of the run.
    let scheme = run.rfind("://").unwrap_or(scheme);
    let user = run.get(scheme + 3..)?;
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
    // `jdbc:oracle:thin:user/password@host`.
    if let Some((_, user)) = run.rsplit_once(":thin:") {
        return user.split_once('/').map(|(_, password)| at - password.len()..at);
    }
    let run = run.get(run.rfind(['=', ',', ';', '(']).map_or(0, |before| before + 1)..)?;
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
