//! Reads the members of archives, one at a time and never to disk: zip and tar, and tar in any supported compression.
//!
//! In: bytes or a reader, and the budget of the file. Out: a [`Member`] at a time, then what is wrong with the archive
//! as a whole. A damaged member is reported with its name, and the others are read. Names are labels for reports; they
//! are never used as paths.

mod tar;
mod watched;
mod zip;

pub use tar::read_tar;
pub use watched::Watched;
pub use zip::{is_zip_behind_front, read_zip};

use super::budget::Budget;

/// An archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveKind {
    /// A zip file.
    Zip,
    /// A tar file without compression.
    Tar,
}

/// Bytes from which a tar file is recognized.
pub const HEAD: usize = 512;

impl ArchiveKind {
    /// Recognizes an archive by its first bytes, at least [`HEAD`] if there are as many.
    pub fn of(head: &[u8]) -> Option<ArchiveKind> {
        // The first member, the end of an empty archive, and the mark of a split one.
        if [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"].iter().any(|magic| head.starts_with(*magic)) {
            return Some(ArchiveKind::Zip);
        }
        tar::is_tar(head).then_some(ArchiveKind::Tar)
    }
}

/// A member of an archive.
#[derive(Debug)]
pub struct Member {
    /// Its name, with `\xNN` for bytes that are not valid UTF-8.
    pub name: String,
    /// Its modification time in microseconds since 1970 UTC.
    pub modified: Option<i64>,
    /// Its content.
    pub content: Content,
}

/// The content of a member.
#[derive(Debug)]
pub enum Content {
    /// The bytes, and the problem if only those before damage are there.
    Bytes(Vec<u8>, Option<Damage>),
    /// It holds no records by its nature, with a reason code.
    Skipped(&'static str),
    /// It cannot be read.
    Unreadable(Damage),
}

/// Why a member or an archive cannot be read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// A reason code such as `damaged_zip`.
    pub why: String,
    /// What was found, and what works instead.
    pub detail: String,
}

impl Damage {
    fn new(why: impl Into<String>, detail: impl Into<String>) -> Damage {
        Damage { why: why.into(), detail: detail.into() }
    }
}

/// The budget of the file, and the size that a member may have.
#[derive(Debug, Clone, Copy)]
pub struct Allowance<'b> {
    /// The budget.
    pub budget: &'b Budget,
    /// Maximum bytes of one member, which is held in memory.
    pub member: usize,
}

impl Allowance<'_> {
    /// Why a member of this size is not read, if it is too large.
    fn too_large(&self, size: u64) -> Option<Damage> {
        let limit = self.member;
        (size > limit as u64)
            .then(|| Damage::new("too_large", format!("{size} bytes exceed the limit of {limit} bytes for one file")))
    }
}

/// Receives members; returns whether to go on.
pub type OnMember<'a> = dyn FnMut(Member) -> bool + 'a;

/// A name as text: bytes that are not valid UTF-8 become `\xNN`, and a leading `./` is dropped.
fn name_of(bytes: &[u8]) -> String {
    let mut name = String::new();
    for chunk in bytes.utf8_chunks() {
        name.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| name.push_str(&format!("\\x{byte:02x}")));
    }
    match name.strip_prefix("./") {
        Some(rest) => rest.to_owned(),
        None => name,
    }
}

/// The reason to skip a member because of its name or first bytes: metadata that macOS and Windows add.
fn is_metadata(name: &str, head: &[u8]) -> Option<&'static str> {
    const APPLE_DOUBLE: [u8; 4] = [0x00, 0x05, 0x16, 0x07];
    let base = name.rsplit('/').next().unwrap_or(name);
    if name.split('/').any(|part| part == "__MACOSX") || (base.starts_with("._") && head.starts_with(&APPLE_DOUBLE)) {
        return Some("resource_fork");
    }
    [".DS_Store", "Thumbs.db", "desktop.ini"].contains(&base).then_some("hidden_file")
}

/// Seconds as microseconds; 0 means an unknown time.
fn micros(seconds: i64) -> Option<i64> {
    (seconds != 0).then(|| seconds.saturating_mul(1_000_000))
}

/// A member in one line.
#[cfg(test)]
fn described(member: Member) -> String {
    let name = member.name;
    match member.content {
        Content::Bytes(bytes, damage) => {
            let damage = damage.map(|damage| format!(" {}", damage.why)).unwrap_or_default();
            format!("{name}={}{damage}", String::from_utf8_lossy(&bytes))
        }
        Content::Skipped(why) => format!("{name} {why}"),
        Content::Unreadable(damage) => format!("{name} {}", damage.why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_names() {
        assert_eq!(ArchiveKind::of(b"PK\x05\x06"), Some(ArchiveKind::Zip));
        assert_eq!(ArchiveKind::of(b"PK\x01\x02"), None);
        assert_eq!(ArchiveKind::of(b"{\"Records\":[]}"), None);
        assert_eq!(name_of(b"./a/b.json"), "a/b.json");
        assert_eq!(name_of(b"a\xff.json"), "a\\xff.json");
        assert_eq!(is_metadata("x/__MACOSX/._a.json", b""), Some("resource_fork"));
        assert_eq!(is_metadata("x/._a.json", b"\x00\x05\x16\x07"), Some("resource_fork"));
        assert_eq!(is_metadata("x/._a.json", b"{}"), None);
        assert_eq!(is_metadata(".DS_Store", b""), Some("hidden_file"));
        assert_eq!(is_metadata(".a.json", b"{}"), None);
    }
}
