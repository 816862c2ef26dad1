//! Detects secrets and writes records without them.
//!
//! In: a parsed record and its text. Out: a text that is safe to store. Masking happens before a record is modeled,
//! so neither its columns nor the stored original contain the secret. What a secret looks like is data:
//! `knowledge/secrets.toml`. An integration test searches a whole store for planted secrets.

mod assign;
mod command;
mod fragment;
mod names;
mod record;
mod rules;
mod search;
mod text;
mod url;
mod value;
mod words;

pub use fragment::mask_fragment;
pub use names::{NameClass, classify};
pub use record::mask_record;
pub use search::has_credential_text;
pub use text::mask_text;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::sync::LazyLock;

/// Replaces a secret.
pub const MASK: &str = "***masked***";

/// Substrings of all names that masking knows; strings without any of them, and without a credential in a text, are
/// left unchanged.
static WORTH_A_LOOK: LazyLock<AhoCorasick> = LazyLock::new(|| {
    const WORDS: &[&str] = &[
        "pass",
        "pwd",
        "secret",
        "token",
        "key",
        "credential",
        "authorization",
        "auth",
        "plaintext",
        "assertion",
        "env",
        "signature",
        "command",
        "cmd",
        "args",
        "argument",
        "entrypoint",
        "entry_point",
        "value",
        "cookie",
        "dsn",
        "connection",
        "conn_str",
        "connstr",
        "userdata",
        "user_data",
        "jwt",
        "creds",
        "variables",
        "buildspec",
        "private",
        "saml",
        "psk",
        "basicauth",
        "licen",
        "mfacode",
        "otp",
        "sas",
        "pat",
        "psw",
        "dburi",
        "dockerauth",
        "dockerconfig",
        "verification",
        "pw",
        "sid",
        "sig",
        "session",
        "nonce",
        "hmac",
        "salt",
        "pin",
        "basic",
    ];
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(WORDS)
        .expect("the words are constants")
});

/// Whether a string with escapes (often JSON within JSON) needs the masking pass.
pub fn text_may_hold_secret(text: &str) -> bool {
    is_like_json(text) && WORTH_A_LOOK.is_match(text) || search::has_credential(text)
}

/// Whether a text may be an object or a list in JSON, or a string with one.
fn is_like_json(text: &str) -> bool {
    let text = text.trim_start();
    text.strip_prefix('"').unwrap_or(text).starts_with(['{', '['])
}

#[cfg(test)]
mod tests;
