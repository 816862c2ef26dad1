//! Detects secrets and writes records without them.
//!
//! In: a parsed record and its text. Out: a text that is safe to store. Masking happens before a record is modeled,
//! so neither its columns nor the stored original contain the secret. An integration test searches a whole store for
//! planted secrets.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;
use wide::u8x16;

use super::json::{Tape, TextPlace};

/// Replaces a secret.
pub const MASK: &str = "***masked***";

/// Keys (without `_` and `-`, in lower case) below which all strings are secrets. `environment` and `env` hold
/// variables (ECS container definitions and overrides, dstack configurations): names are kept, values are masked.
const SENSITIVE: &[&str] = &[
    "accesstoken",
    "adminpassword",
    "apikey",
    "apisecret",
    "apitoken",
    "authorization",
    "authorizationtoken",
    "authpassword",
    "authtoken",
    "bearertoken",
    "clientsecret",
    "credentials",
    "currentpassword",
    "dbpassword",
    "environment",
    "env",
    "environmentvariables",
    "idtoken",
    "instanceidentitydocumentsignature",
    "masteruserpassword",
    "newpassword",
    "oldpassword",
    "passphrase",
    "passwd",
    "password",
    "plaintext",
    "privatekey",
    "privatekeypem",
    "pwd",
    "refreshtoken",
    "registryauth",
    "samlassertion",
    "secretaccesskey",
    "secretbinary",
    "secretkey",
    "secretstring",
    "securitytoken",
    "sessiontoken",
    "signature",
    "sshkey",
    "sshprivatekey",
    "tokenvalue",
    "token",
    "userpassword",
    "webidentitytoken",
    "xamzsecuritytoken",
];

/// Length of the longest key.
const LONGEST: usize = 40;

/// For each letter, the lengths of the keys that start with it and of those that end with it: bit n represents n
/// bytes.
static LENGTHS: [[u64; 256]; 2] = lengths();

const fn lengths() -> [[u64; 256]; 2] {
    let mut lengths = [[0u64; 256]; 2];
    let mut at = 0;
    while at < SENSITIVE.len() {
        let name = SENSITIVE[at].as_bytes();
        let edges = [name[0], name[name.len() - 1]];
        let mut edge = 0;
        while edge < 2 {
            lengths[edge][edges[edge] as usize] |= 1 << name.len();
            lengths[edge][edges[edge].to_ascii_uppercase() as usize] |= 1 << name.len();
            edge += 1;
        }
        at += 1;
    }
    lengths
}

/// For each letter, the second letters of the keys that start with it: bit n represents the n-th letter. All bits are
/// set for a separator, which may occur anywhere.
static SECONDS: [u32; 256] = seconds();

const fn seconds() -> [u32; 256] {
    let mut seconds = [0u32; 256];
    let mut at = 0;
    while at < SENSITIVE.len() {
        let name = SENSITIVE[at].as_bytes();
        let bit = letter_bit(name[1]);
        seconds[name[0] as usize] |= bit;
        seconds[name[0].to_ascii_uppercase() as usize] |= bit;
        at += 1;
    }
    seconds
}

/// Upper- and lower-case letters share a bit.
const fn letter_bit(letter: u8) -> u32 {
    if is_separator(letter) { u32::MAX } else { 1 << (letter & 31) }
}

/// Whether strings below this key are secrets.
#[inline]
pub fn is_sensitive_key(key: &str) -> bool {
    let bytes = key.as_bytes();
    let ([first, second, ..], Some(last)) = (bytes, bytes.last()) else { return false };
    // Rejects nearly every key: no sensitive key has this start, end and length (or up to three bytes less).
    let lengths = LENGTHS[0][usize::from(*first)] & LENGTHS[1][usize::from(*last)];
    if bytes.len() > LONGEST
        || lengths & ((0b1111 << bytes.len()) >> 3) == 0
        || SECONDS[usize::from(*first)] & letter_bit(*second) == 0
    {
        return false;
    }
    is_sensitive_name(bytes, lengths)
}

#[inline(never)]
fn is_sensitive_name(bytes: &[u8], lengths: u64) -> bool {
    let length = bytes.len() - bytes.iter().filter(|byte| is_separator(**byte)).count();
    if lengths & (1 << length) == 0 {
        return false;
    }
    let letters = || bytes.iter().filter(|byte| !is_separator(**byte)).map(u8::to_ascii_lowercase);
    SENSITIVE.iter().any(|name| name.len() == length && name.bytes().eq(letters()))
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b'_' | b'-')
}

/// Strings that carry a credential under any key.
static IN_TEXT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?i)((?:X-Amz-(?:Signature|Security-Token|Credential)|Signature|AWSAccessKeyId)=)[^&"\\\s]+"#,
        r#"|(\bBearer\s+)[A-Za-z0-9._~+/=-]{8,}"#,
        r#"|(-----BEGIN [A-Z ]*PRIVATE KEY-----)[^-]*"#,
        r#"|((?:\b|_)(?:password|passwd|pwd|secret_?key|secret_?access_?key|session_?token|auth_?token|access_?token|api[_-]?key)\b\\*["']?\s*[:=]\s*\\*["']?)[^\s"'\\,&}]+"#,
        // Shell variables.
        r#"|((?-i:\b[A-Z][A-Z0-9_]*_(?:TOKEN|SECRET|KEY|PASS))=\\*["']?)[^\s"'\\,&}]+"#,
    ))
    .expect("the pattern is a constant")
});

/// Substrings of all keys and words that masking knows; strings without any of them are left unchanged.
static WORTH_A_LOOK: LazyLock<AhoCorasick> = LazyLock::new(|| {
    const WORDS: [&str; 19] = [
        "x-amz-",
        "signature",
        "bearer",
        "private",
        "pass",
        "pwd",
        "secret",
        "token",
        "api",
        "accesskey",
        "_key",
        "registry",
        "authorization",
        "credential",
        "plaintext",
        "ssh",
        "assertion",
        "auth",
        "env",
    ];
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(WORDS)
        .expect("the words are constants")
});

/// Whether a string with escapes (often JSON within JSON) needs the masking pass.
pub fn text_may_hold_secret(text: &str) -> bool {
    WORTH_A_LOOK.is_match(text)
}

/// Whether a string of the record may hold a credential regardless of its key: `…Signature=…`, `--password=…`,
/// `Bearer …`. `record` is its JSON.
pub fn has_credential_text(record: &str) -> bool {
    is_worth_a_search(record.as_bytes()) && CREDENTIAL_WORD.is_match(record)
}

/// Bytes compared at a time.
const LANES: usize = 16;

/// Whether one of the words of [`CREDENTIAL_WORD`] may be present, followed by what makes it a credential. One pass
/// searches for a rare pair of letters from each word.
fn is_worth_a_search(record: &[u8]) -> bool {
    let small = u8x16::splat(LETTER_CASE);
    let [assigns, k, e, w, o, d, r, space] = b"=kewodr ".map(u8x16::splat);
    let last_ascii = u8x16::splat(0x7f);
    let mut at = 0;
    while let Some(part) = record.get(at..=at + LANES) {
        if let (Some(these), Some(next)) = (part.first_chunk(), part.last_chunk()) {
            let (these, next) = (u8x16::new(*these), u8x16::new(*next));
            let (letters, followers) = (these | small, next | small);
            // "key" and "token"; "password", "passwd" and "pwd"; "bearer", followed by any white space.
            let ke = letters.simd_eq(k) & followers.simd_eq(e);
            let wo = letters.simd_eq(w) & (followers.simd_eq(o) | followers.simd_eq(d));
            let r = letters.simd_eq(r) & (next.simd_eq(space) | next.simd_gt(last_ascii));
            let mut found = (these.simd_eq(assigns) | ke | wo | r).to_bitmask();
            while found != 0 {
                if marks_credential(record, at + found.trailing_zeros() as usize) {
                    return true;
                }
                found &= found - 1;
            }
        }
        at += LANES;
    }
    (at..record.len()).any(|at| marks_credential(record, at))
}

/// The bit that distinguishes lower case from upper case.
const LETTER_CASE: u8 = 0x20;

/// Whether the byte at a position is the `=` of an assignment, or the rare letter of a word.
fn marks_credential(record: &[u8], at: usize) -> bool {
    let (before, from) = record.split_at_checked(at).unwrap_or_default();
    let after =
        |word: &[u8]| from.split_at_checked(word.len()).filter(|(is, _)| is.eq_ignore_ascii_case(word)).map(|(_, after)| after);
    match from.first().map(|letter| letter | LETTER_CASE) {
        Some(b'=') => is_behind_word(before),
        Some(b'k') => {
            after(b"key").is_some_and(|after| after.starts_with(b"-") || is_assigned(after))
                || after(b"ken").is_some_and(is_assigned)
        }
        Some(b'w') => after(b"word").or_else(|| after(b"wd")).is_some_and(is_assigned),
        Some(b'r') => ends_with(before, b"beare") && from.get(1).is_some_and(|next| *next == b' ' || !next.is_ascii()),
        _ => false,
    }
}

/// Whether `=` or `:` follows, after an optional apostrophe and white space.
fn is_assigned(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"'").unwrap_or(text).trim_ascii_start();
    // There may be white space outside ASCII in between.
    text.first().is_some_and(|next| matches!(next, b'=' | b':') || !next.is_ascii())
}

fn ends_with(text: &[u8], end: &[u8]) -> bool {
    let start = text.len().checked_sub(end.len());
    start.and_then(|start| text.get(start..)).is_some_and(|last| last.eq_ignore_ascii_case(end))
}

/// Whether a text may end with one of the words of [`CREDENTIAL_WORD`] that only count before `=`.
fn is_behind_word(text: &[u8]) -> bool {
    const ENDS: [&[u8]; 5] = [b"signature", b"credential", b"keyid", b"_secret", b"_pass"];
    ENDS.iter().any(|end| ends_with(text, end))
}

/// Matches a superset of [`IN_TEXT`] for strings without escapes, searched in a whole record: a double quote would
/// end the string, so a word before one is a key and not a match.
static CREDENTIAL_WORD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?i)(?:X-Amz-(?:Signature|Security-Token|Credential)|Signature|AWSAccessKeyId|(?-i:_TOKEN|_SECRET|_KEY|_PASS))="#,
        r#"|Bearer\s|PRIVATE KEY-"#,
        r#"|(?:password|passwd|pwd|secret_?key|secret_?access_?key|session_?token|auth_?token|access_?token|api[_-]?key)"#,
        r#"'?\s*[:=]"#,
    ))
    .expect("the pattern is a constant")
});

/// Masks credentials in plain text: signed URLs, bearer tokens, private keys, `password=…`.
pub fn mask_text(text: &str) -> Cow<'_, str> {
    IN_TEXT.replace_all(text, |found: &regex::Captures<'_>| {
        let kept = found.iter().skip(1).flatten().next().map_or("", |group| group.as_str());
        format!("{kept}{MASK}")
    })
}

/// Masks a fragment that is not valid JSON: every string after a sensitive key, and everything that [`mask_text`]
/// detects.
pub fn mask_fragment(text: &str) -> String {
    static AFTER_KEY: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"(\\*"([A-Za-z_-]{3,24})\\*"\s*:\s*)(\\*")[^"]*"#).expect("the pattern is a constant"));
    static VARIABLE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"(\\*"value\\*"\s*:\s*\\*")[^"]*"#).expect("the pattern is a constant"));
    let text = AFTER_KEY.replace_all(text, |found: &regex::Captures<'_>| {
        let group = |index: usize| found.get(index).map_or("", |group| group.as_str());
        if is_sensitive_key(group(2)) { format!("{}{}{MASK}", group(1), group(3)) } else { group(0).to_owned() }
    });
    let text = VARIABLE
        .replace_all(&text, |found: &regex::Captures<'_>| format!("{}{MASK}", found.get(1).map_or("", |group| group.as_str())));
    mask_text(&text).into_owned()
}

/// Masks the secrets of a record on its tape and returns the resulting text.
pub fn mask_record(tape: &mut Tape<'_>, text: &str, has_credential_text: bool) -> String {
    mask_tape(tape, text, has_credential_text, 0)
}

/// `depth` is the nesting level of JSON within JSON.
fn mask_tape(tape: &mut Tape<'_>, text: &str, has_words: bool, depth: usize) -> String {
    tape.replace_texts(text, has_words, &|place| mask_value(place, has_words, depth))
}

/// The replacement for one string, if any.
fn mask_value(place: &TextPlace<'_>, has_words: bool, depth: usize) -> Option<String> {
    let text = place.text;
    if let Some(at) = place.secret {
        return mask_below(place.path, at, text);
    }
    let inner = text.trim_start();
    if depth < 4
        && (inner.starts_with('{') || inner.starts_with('['))
        && let Ok(mut tape) = Tape::parse(text)
    {
        return Some(mask_tape(&mut tape, text, has_credential_text(text), depth + 1));
    }
    if !has_words && !place.escaped {
        return None;
    }
    match mask_text(text) {
        Cow::Owned(masked) => Some(masked),
        Cow::Borrowed(_) => None,
    }
}

/// Below a sensitive key, all strings are masked except the names of environment variables.
fn mask_below(path: &[&str], at: usize, text: &str) -> Option<String> {
    let key = path.get(at).copied().unwrap_or_default();
    let variables = key.eq_ignore_ascii_case("environment") || key.eq_ignore_ascii_case("env");
    let last = path.last().copied().unwrap_or_default();
    if variables && path.len() > at + 1 && last == "name" {
        return None;
    }
    // dstack also writes variables as `NAME=value`, or as `NAME` if the value comes from the caller's shell.
    if variables && path.len() == at + 1 {
        return match text.split_once('=') {
            Some((name, _)) => Some(format!("{name}={MASK}")),
            None if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && text.len() < 40
                && !text.is_empty() =>
            {
                None
            }
            None => Some(MASK.to_owned()),
        };
    }
    // Names of parameters and the like are not secret and show what was used.
    if matches!(last, "accessKeyId" | "expiration" | "assumedRoleId" | "valueFrom" | "type") {
        return None;
    }
    Some(MASK.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The fast search finds everything that the pattern would mask in a string without escapes.
        #[test]
        fn nothing_that_is_masked_is_overlooked(
            text in "((?i:password|passwd|pwd|secret_?key|secretaccesskey|sessiontoken|auth_token|api[_-]?key|signature|bearer|\
    x-amz-credential|awsaccesskeyid|db_pass|a_key|client_secret|-----begin (rsa )?private key-----)|[:=' \u{a0}_-]|[a-zA-Z0-9é]{1,9}){1,8}",
        ) {
            // Characters that only Unicode case folding maps to `k` and `s`.
            let text = text.replace('\u{212a}', "K").replace('\u{17f}', "S");
            prop_assert!(has_credential_text(&text) || !IN_TEXT.is_match(&text), "{}", text);
        }
    }

    fn masked(text: &str) -> String {
        let mut tape = Tape::parse(text).unwrap();
        let out = mask_record(&mut tape, text, has_credential_text(text));
        let mut written = String::new();
        tape.root().write(&mut written);
        let values: [serde_json::Value; 2] = [&out, &written].map(|text| serde_json::from_str(text).unwrap());
        assert_eq!(values[0], values[1], "the tape and the text agree");
        out
    }

    #[test]
    fn words_are_found_wherever_they_stand() {
        for before in 0..40 {
            for after in [0, 1, 7, 30] {
                let text = |word: &str| format!("{}{word}{}", "r w".repeat(before), "o =\"".repeat(after));
                for word in ["bearer x", "password:", "Signature=x", "'TOKEN' = x", "api_key: x", "KEY-", "PWD=", "Bearer\u{a0}"]
                {
                    assert!(is_worth_a_search(text(word).as_bytes()), "{}", text(word));
                }
                for word in ["bearers", "passwor", "Zm9v==\"", "word", "error ", "\"token\": \"x", "flag=x", "keys: x", "n:x"] {
                    assert!(!is_worth_a_search(text(word).as_bytes()), "{}", text(word));
                }
            }
        }
    }

    #[test]
    fn keys_are_found_in_every_spelling() {
        for key in ["password", "registry_auth", "registryAuth", "SessionToken", "session-token", "env", "secretAccessKey"] {
            assert!(is_sensitive_key(key), "{key}");
        }
        for key in ["secrets", "eventName", "nextToken", "clientToken", "environmentFiles", "tokens", "image"] {
            assert!(!is_sensitive_key(key), "{key}");
        }
    }

    #[test]
    fn every_name_is_found_with_separators_and_capitals() {
        for name in SENSITIVE {
            assert!(is_sensitive_key(name) && is_sensitive_key(&name.to_uppercase()), "{name}");
            for at in 1..name.len() {
                let (front, back) = name.split_at(at);
                assert!(is_sensitive_key(&format!("{front}_{back}")), "{front}_{back}");
                assert!(is_sensitive_key(&format!("{front}-{}", back.to_uppercase())), "{front}-{back}");
                assert!(!is_sensitive_key(&format!("{front}9{back}")), "{front}9{back}");
            }
        }
    }

    #[test]
    fn texts_with_a_sensitive_name_are_worth_a_look() {
        for name in SENSITIVE {
            assert!(text_may_hold_secret(&format!("{{\"{}\":\"x\"}}", name.to_uppercase())), "{name}");
        }
        assert!(!text_may_hold_secret(r#"{"Statement":[{"Effect":"Allow","Action":"ecs:*"}]}"#));
    }

    #[test]
    fn only_what_may_be_secret_is_looked_at() {
        let out = masked(
            r#"{"credentials":{"sessionToken":"t","credentials":{"x":"y"}},"m":"say \"hi\"","n":[{"env":{"A":"b"}}],"env\u0069":"kept"}"#,
        );
        assert_eq!(
            out,
            r#"{"credentials":{"sessionToken":"***masked***","credentials":{"x":"***masked***"}},"m":"say \"hi\"","n":[{"env":{"A":"***masked***"}}],"env\u0069":"kept"}"#
        );
    }

    #[test]
    fn variables_keep_their_names() {
        assert_eq!(
            masked(r#"{"environment":[{"name":"A","value":"s3cret"}],"env":["B=x","HOME"],"e":{"env":{"C":"y"}}}"#),
            r#"{"environment":[{"name":"A","value":"***masked***"}],"env":["B=***masked***","HOME"],"e":{"env":{"C":"***masked***"}}}"#
        );
    }

    #[test]
    fn credentials_in_plain_texts_are_masked() {
        for (text, left) in [
            (r#"{"command":["run","--password=hunter2"]}"#, "--password=***masked***"),
            (r#"{"m":"Authorization: Bearer abcdefgh12345"}"#, "Bearer ***masked***"),
            (r#"{"m":"password: hunter2, again"}"#, "password: ***masked***, again"),
            (
                r#"{"command":["sh","-c","DB_PASSWORD=hunter2 GITHUB_TOKEN=abc run --key=k"]}"#,
                "DB_PASSWORD=***masked*** GITHUB_TOKEN=***masked*** run --key=k",
            ),
            (
                r#"{"m":"AWS_SECRET_ACCESS_KEY=a/b+c and CLIENT_SECRET='d'"}"#,
                "AWS_SECRET_ACCESS_KEY=***masked*** and CLIENT_SECRET='***masked***'",
            ),
            (r#"{"m": "PASSWORD: hunter2"}"#, "PASSWORD: ***masked***"),
            (r#"{"m":"used api-key: abc"}"#, "api-key: ***masked***"),
            (r#"{"m":"used api_key: abc, token"}"#, "api_key: ***masked***, token"),
            (r#"{"url":"https://b/?X-Amz-Security-Token=abc"}"#, "X-Amz-Security-Token=***masked***"),
            (r#"{"m":"PASSWORD:hunter2, passwd:a secret_key:b sessionToken:c"}"#, "PASSWORD:***masked***, passwd:***masked*** s"),
            (r#"{"m":"api_key:abc"}"#, "api_key:***masked***"),
            (r#"{"m":"BEARER abcdefgh12345"}"#, "BEARER ***masked***"),
            (r#"{"m":"-----BEGIN PRIVATE KEY-----MIIEabc"}"#, "-----BEGIN PRIVATE KEY-----***masked***"),
        ] {
            assert!(has_credential_text(text), "{text}");
            assert!(masked(text).contains(left), "{}", masked(text));
        }
        assert!(!has_credential_text(r#"{"password":"below a key","sha":"Ty7hsM27xthM="}"#));
    }

    #[test]
    fn json_within_json_and_urls_are_masked() {
        let out =
            masked(r#"{"m":"{\"registry_auth\":{\"password\":\"p\"}}","u":"https://h/?X-Amz-Signature=abc&x=1","t":"token"}"#);
        assert!(out.contains("X-Amz-Signature=***masked***&x=1"), "{out}");
        assert!(out.contains(r#"\"password\":\"***masked***\""#), "{out}");
        assert!(out.contains(r#""t":"token""#), "{out}");
        let out = masked(r#"{"m":"{\"c\":\"api_key:abc\"}"}"#);
        assert!(out.contains("api_key:***masked***"), "{out}");
    }
}
