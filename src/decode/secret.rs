//! Secrets: what may hold one, and how a record is written without it.
//!
//! In: a parsed record and its text. Out: a text that is safe to store. Masking happens before a
//! record is modeled, so neither its columns nor its kept original hold the secret.
//! Guarded by the integration test that searches a whole store for planted secrets.

use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

use super::json::Tape;

/// What stands in the place of a secret.
pub const MASK: &str = "***masked***";

/// Keys (without `_` and `-`, lower case) whose texts are secrets, at any depth below them.
/// `environment` and `env` are variables (ECS container definitions and overrides, dstack
/// configurations): their names are kept, their values are not.
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

/// Bytes of the longest name, with its separators.
const LONGEST: usize = 40;

/// Whether texts below this key are secrets.
pub fn is_sensitive_key(key: &str) -> bool {
    let bytes = key.as_bytes();
    // Nearly every key leaves here: the first letter and the length are cheap to test.
    if bytes.len() < 3
        || bytes.len() > LONGEST
        || !matches!(
            bytes[0] | 0x20,
            b'a' | b'b' | b'c' | b'd' | b'e' | b'i' | b'm' | b'n' | b'o' | b'p' | b'r' | b's' | b't' | b'u' | b'w' | b'x'
        )
    {
        return false;
    }
    let mut plain = [0u8; LONGEST];
    let mut length = 0;
    for byte in bytes {
        if matches!(byte, b'_' | b'-') {
            continue;
        }
        plain[length] = byte.to_ascii_lowercase();
        length += 1;
    }
    SENSITIVE.iter().any(|word| word.len() == length && word.as_bytes() == &plain[..length])
}

/// Texts that carry a credential whatever key they stand under.
static IN_TEXT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?i)((?:X-Amz-(?:Signature|Security-Token|Credential)|Signature|AWSAccessKeyId)=)[^&"\\\s]+"#,
        r#"|(\bBearer\s+)[A-Za-z0-9._~+/=-]{8,}"#,
        r#"|(-----BEGIN [A-Z ]*PRIVATE KEY-----)[^-]*"#,
        r#"|(\b(?:password|passwd|pwd|secret_?key|secret_?access_?key|session_?token|auth_?token|access_?token|api_?key)\b\\*["']?\s*[:=]\s*\\*["']?)[^\s"'\\,&}]+"#,
    ))
    .expect("the pattern is a constant")
});

static WORTH_A_LOOK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)X-Amz-S|X-Amz-Cred|Signature=|Bearer |PRIVATE KEY|passw|pwd|secret|token|api_?key|registry_?auth|environment|\benv\b")
        .expect("the pattern is a constant")
});

/// Whether a text with escapes (often JSON within JSON) is worth the masking pass.
pub fn text_may_hold_secret(text: &str) -> bool {
    WORTH_A_LOOK.is_match(text)
}

/// Whether the text of a record holds a signed URL, which no key gives away.
pub fn has_signed_url(text: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), b"X-Amz-S").is_some()
        || memchr::memmem::find(text.as_bytes(), b"Signature=").is_some()
        || memchr::memmem::find(text.as_bytes(), b"x-amz-s").is_some()
}

/// Masks credentials in plain text: signed URLs, bearer tokens, private keys, `password=…`.
pub fn mask_text(text: &str) -> Cow<'_, str> {
    IN_TEXT.replace_all(text, |found: &regex::Captures<'_>| {
        let kept = (1..=4).find_map(|group| found.get(group)).map_or("", |group| group.as_str());
        format!("{kept}{MASK}")
    })
}

/// Masks a fragment that is no JSON: every text after a sensitive key goes, and what [`mask_text`] knows.
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

/// Masks the secrets of a record on its tape, and gives its text without them.
pub fn mask_record(tape: &mut Tape<'_>, text: &str) -> String {
    tape.replace_texts(text, &|path, text| mask_value(path, text, 0))
}

/// What replaces one text, if anything does.
fn mask_value(path: &[&str], text: &str, depth: usize) -> Option<String> {
    if let Some(at) = path.iter().position(|key| is_sensitive_key(key)) {
        return mask_below(path, at, text);
    }
    let inner = text.trim_start();
    if depth < 4
        && (inner.starts_with('{') || inner.starts_with('['))
        && let Ok(mut tape) = Tape::parse(text)
    {
        return Some(tape.replace_texts(text, &|path, text| mask_value(path, text, depth + 1)));
    }
    match mask_text(text) {
        Cow::Owned(masked) => Some(masked),
        Cow::Borrowed(_) => None,
    }
}

/// Below a sensitive key all texts go, except the names of environment variables.
fn mask_below(path: &[&str], at: usize, text: &str) -> Option<String> {
    let key = path.get(at).copied().unwrap_or_default();
    let variables = key.eq_ignore_ascii_case("environment") || key.eq_ignore_ascii_case("env");
    let last = path.last().copied().unwrap_or_default();
    if variables && path.len() > at + 1 && last == "name" {
        return None;
    }
    // dstack also writes variables as `NAME=value`, or as a bare `NAME` taken from the caller's shell.
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
    // Names of parameters and the like carry no secret but tell what was used.
    if matches!(last, "accessKeyId" | "expiration" | "assumedRoleId" | "valueFrom" | "type") {
        return None;
    }
    Some(MASK.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mut tape = Tape::parse(text).unwrap();
        let out = mask_record(&mut tape, text);
        let mut written = String::new();
        tape.root().write(&mut written);
        let values: [serde_json::Value; 2] = [&out, &written].map(|text| serde_json::from_str(text).unwrap());
        assert_eq!(values[0], values[1], "the tape and the text agree");
        out
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
    fn variables_keep_their_names() {
        assert_eq!(
            masked(r#"{"environment":[{"name":"A","value":"s3cret"}],"env":["B=x","HOME"],"e":{"env":{"C":"y"}}}"#),
            r#"{"environment":[{"name":"A","value":"***masked***"}],"env":["B=***masked***","HOME"],"e":{"env":{"C":"***masked***"}}}"#
        );
    }

    #[test]
    fn json_within_json_and_urls_are_masked() {
        let out =
            masked(r#"{"m":"{\"registry_auth\":{\"password\":\"p\"}}","u":"https://h/?X-Amz-Signature=abc&x=1","t":"token"}"#);
        assert!(out.contains("X-Amz-Signature=***masked***&x=1"), "{out}");
        assert!(out.contains(r#"\"password\":\"***masked***\""#), "{out}");
        assert!(out.contains(r#""t":"token""#), "{out}");
    }
}
