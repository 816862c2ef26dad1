//! One member as its headers describe it.

use super::super::{micros, name_of};
use super::directory::{double, long, short};
use std::io::{Read, Seek, SeekFrom};

/// Bytes of an entry of the directory, without its name, extra fields and comment.
pub const CENTRAL: usize = 46;
/// Bytes of the header before the data.
const LOCAL: usize = 30;

/// A member.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    pub name: String,
    pub method: u16,
    pub checksum: u32,
    /// Bytes of the compressed data.
    pub packed: u64,
    /// Bytes of the plain data.
    pub plain: u64,
    /// Offset of the header before the data.
    pub header: u64,
    pub modified: Option<i64>,
    flags: u16,
    /// Attributes of Unix: type and permissions.
    mode: u32,
}

impl Entry {
    /// Reads an entry of the directory; returns it with its length.
    pub fn of_directory(bytes: &[u8]) -> Option<(Entry, usize)> {
        let head = bytes.get(..CENTRAL).filter(|head| head.starts_with(b"PK\x01\x02"))?;
        let (name, extra, comment) = (short(head, 28), short(head, 30), short(head, 32));
        let name_end = CENTRAL + usize::from(name);
        let extra_end = name_end + usize::from(extra);
        let length = extra_end + usize::from(comment);
        bytes.get(..length)?;
        let made_on_unix = matches!(head.get(5), Some(3 | 19));
        let mut entry = Entry {
            flags: short(head, 8),
            method: short(head, 10),
            modified: dos_time(short(head, 14), short(head, 12)),
            checksum: long(head, 16),
            packed: u64::from(long(head, 20)),
            plain: u64::from(long(head, 24)),
            header: u64::from(long(head, 42)),
            mode: if made_on_unix { long(head, 38) >> 16 } else { 0 },
            name: String::new(),
        };
        entry.name_and_extra(bytes.get(CENTRAL..name_end)?, bytes.get(name_end..extra_end)?);
        Some((entry, length))
    }

    fn name_and_extra(&mut self, name: &[u8], extra: &[u8]) {
        self.name = name_of(name);
        let mut rest = extra;
        while let Some((head, body)) = rest.split_at_checked(4) {
            let Some((field, after)) = body.split_at_checked(usize::from(short(head, 2))) else { break };
            rest = after;
            match short(head, 0) {
                0x0001 => self.zip64(field),
                // Seconds since 1970, where the header has the local time of the writer.
                0x5455 if field.first().is_some_and(|flags| flags & 1 == 1) && field.len() >= 5 => {
                    self.modified = micros(i64::from(long(field, 1).cast_signed()));
                }
                0x7075 if field.first() == Some(&1) => {
                    let unicode = field.get(5..).and_then(|name| std::str::from_utf8(name).ok());
                    if let Some(unicode) = unicode.filter(|_| long(field, 1) == crc32fast::hash(name)) {
                        self.name = name_of(unicode.as_bytes());
                    }
                }
                _ => {}
            }
        }
        // Some writers on Windows separate folders with `\`.
        if !self.name.contains('/') && !name.contains(&0xff) && name.contains(&b'\\') && std::str::from_utf8(name).is_ok() {
            self.name = self.name.replace('\\', "/");
        }
    }

    /// Sizes and offset that do not fit into 32 bits; only those are present.
    fn zip64(&mut self, field: &[u8]) {
        let mut at = 0;
        for value in [&mut self.plain, &mut self.packed, &mut self.header] {
            if *value == u64::from(u32::MAX) && field.len() >= at + 8 {
                *value = double(field, at);
                at += 8;
            }
        }
    }

    pub fn is_folder(&self) -> bool {
        self.name.ends_with('/')
    }

    pub fn is_link(&self) -> bool {
        self.mode & 0o170_000 == 0o120_000
    }

    /// Whether the data, or the whole directory, is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.flags & (1 | 1 << 6 | 1 << 13) != 0
    }

    /// Whether the sizes follow the data.
    pub fn has_descriptor(&self) -> bool {
        self.flags & 1 << 3 != 0
    }
}

/// Reads the header before the data; returns the member and the offset of its data, or `None` if there is no header.
pub fn read_local(from: &mut (impl Read + Seek), at: u64) -> std::io::Result<Option<(Entry, u64)>> {
    from.seek(SeekFrom::Start(at))?;
    let mut head = [0; LOCAL];
    from.read_exact(&mut head)?;
    if head.starts_with(b"PK\x07\x08PK\x03\x04") {
        // The mark of a split archive that fits into one file.
        return read_local(from, at.saturating_add(4));
    }
    if !head.starts_with(b"PK\x03\x04") {
        return Ok(None);
    }
    let (name, extra) = (short(&head, 26), short(&head, 28));
    let mut rest = vec![0; usize::from(name) + usize::from(extra)];
    from.read_exact(&mut rest)?;
    let mut entry = Entry {
        flags: short(&head, 6),
        method: short(&head, 8),
        modified: dos_time(short(&head, 12), short(&head, 10)),
        checksum: long(&head, 14),
        packed: u64::from(long(&head, 18)),
        plain: u64::from(long(&head, 22)),
        header: at,
        ..Entry::default()
    };
    let (name, extra) = rest.split_at_checked(usize::from(name)).unwrap_or_default();
    entry.name_and_extra(name, extra);
    Ok(Some((entry, at.saturating_add((LOCAL + rest.len()) as u64))))
}

/// A time of MS-DOS, which has no zone and is taken for UTC.
fn dos_time(date: u16, time: u16) -> Option<i64> {
    let part = |value: u16, from: u32, bits: u32| i8::try_from(value >> from & ((1 << bits) - 1)).unwrap_or_default();
    let date_time = jiff::civil::DateTime::new(
        1980 + i16::from(part(date, 9, 7)),
        part(date, 5, 4),
        part(date, 0, 5),
        part(time, 11, 5),
        part(time, 5, 6),
        part(time, 0, 5) * 2,
        0,
    );
    let zoned = date_time.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_microsecond())
}
