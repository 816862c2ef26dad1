//! Formats that are recognized but not read, and the spelling of keys that tables change.

use serde::Deserialize;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A format that is recognized but not read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// A reason code.
    pub why: String,
    /// What it is, as a person would say it.
    pub what: String,
    /// Its first bytes in hexadecimal, as alternatives.
    #[serde(default)]
    magic: Vec<String>,
    /// The offset of these bytes.
    #[serde(default)]
    at: usize,
    /// Whether a text may begin with these bytes, so that the content must be binary.
    #[serde(default)]
    binary: bool,
    /// Endings of names, for a format without such bytes.
    #[serde(default)]
    endings: Vec<String>,
    /// A command that makes it readable; `{file}` is replaced with its name.
    pub command: String,
    /// The message for the user.
    #[serde(skip)]
    pub advice: String,
    #[serde(skip)]
    bytes: Vec<Vec<u8>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Formats {
    signature: Vec<Signature>,
    ending: Vec<Signature>,
}

static FORMATS: LazyLock<Formats> = LazyLock::new(|| {
    let mut formats: Formats = toml::from_str(include_str!("formats.toml")).expect("the built-in list is tested");
    for format in formats.signature.iter_mut().chain(&mut formats.ending) {
        format.advice =
            format!("{}, which is not read; make it readable, then load the result: `{}`", format.what, format.command);
        format.bytes = format.magic.iter().map(|magic| bytes_of(magic)).collect();
    }
    formats
});

fn bytes_of(hexadecimal: &str) -> Vec<u8> {
    hexadecimal.split(' ').map(|byte| u8::from_str_radix(byte, 16).expect("the built-in list is tested")).collect()
}

impl Signature {
    /// The format of a file, by its first bytes.
    pub fn of(head: &[u8]) -> Option<&'static Signature> {
        FORMATS.signature.iter().find(|format| {
            let from = head.get(format.at..).unwrap_or_default();
            format.bytes.iter().any(|magic| from.starts_with(magic))
                && (format.at == 0 || head.starts_with(b"PK"))
                && (!format.binary || is_binary(head))
        })
    }

    /// The format of a file whose binary content says nothing, by its name.
    pub fn of_name(name: &str, head: &[u8]) -> Option<&'static Signature> {
        if !is_binary(head) {
            return None;
        }
        let (_, ending) = name.rsplit_once('.')?;
        FORMATS.ending.iter().find(|format| format.endings.iter().any(|known| known.eq_ignore_ascii_case(ending)))
    }
}

/// Whether the first bytes are not those of a text.
fn is_binary(head: &[u8]) -> bool {
    let head = head.get(..512).unwrap_or(head);
    // A character may be cut off at the end.
    head.contains(&0)
        || head
            .utf8_chunks()
            .any(|chunk| chunk.invalid().len() > 3 || (!chunk.invalid().is_empty() && !head.ends_with(chunk.invalid())))
}

#[derive(Debug, Deserialize)]
struct Keys {
    keys: Vec<String>,
}

static KEYS: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let list: Keys = toml::from_str(include_str!("cloudtrail-keys.toml")).expect("the built-in list is tested");
    list.keys.into_iter().map(|key| (plain(&key), key)).collect()
});

fn plain(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The CloudTrail spelling of a key that a table wrote in lower case or with underscores.
pub fn cloudtrail_key(key: &str) -> Option<&'static str> {
    KEYS.get(&plain(key)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_well_formed() {
        for format in FORMATS.signature.iter().chain(&FORMATS.ending) {
            assert!(format.bytes.iter().all(|magic| magic.len() > 1) && !format.why.contains(' '), "{format:?}");
            assert!(format.magic.is_empty() != format.endings.is_empty(), "{format:?}");
            assert!(!format.command.is_empty(), "{format:?}");
        }
        assert_eq!(Signature::of(b"7z\xbc\xaf\x27\x1c\0").map(|format| &*format.why), Some("archive"));
        let document = [&[b'P', b'K', 3, 4][..], &[0; 26], b"[Content_Types].xml"].concat();
        assert_eq!(Signature::of(&document).map(|format| &*format.why), Some("document"));
        assert_eq!(Signature::of_name("x.json.br", b"\0").map(|format| &*format.why), Some("compression"));
        assert_eq!((Signature::of(b"{}"), Signature::of(b""), Signature::of_name("br", b"\0")), (None, None, None));
        assert_eq!((Signature::of(b"ORCHESTRATOR up"), Signature::of_name("x.br", "text é".as_bytes())), (None, None));
        assert_eq!(Signature::of(b"ORC\x0a\0").map(|format| &*format.why), Some("table_format"));
    }

    #[test]
    fn keys_of_every_spelling() {
        for (key, want) in [
            ("eventid", "eventID"),
            ("event_id", "eventID"),
            ("taskdefinition", "taskDefinition"),
            ("task_definition", "taskDefinition"),
        ] {
            assert_eq!(cloudtrail_key(key), Some(want));
        }
        assert_eq!(cloudtrail_key("mine"), None);
    }
}
