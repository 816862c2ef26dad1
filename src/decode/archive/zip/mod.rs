//! Reads zip files: the directory at the end names the members; without it, the members are found one after the other.
//!
//! The format is small, and reading it here keeps the memory for the directory constant, shows damaged members beside
//! sound ones, and uses the decoders that the program has anyway. Format: APPNOTE.TXT of PKWARE.

mod directory;
mod entry;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub mod writer;

use super::super::compression::{Compression, problem_of};
use super::super::inflate::{InflateProblem, Stopped, expand};
use super::{Allowance, Content, Damage, Member, OnMember, is_metadata};
use directory::Directory;
use entry::Entry;
use flate2::bufread::DeflateDecoder;
use std::io::{BufRead, BufReader, Cursor, Read, Seek, SeekFrom};

/// Reads the members; returns what is wrong with the archive as a whole.
pub fn read_zip(from: &mut (impl Read + Seek), allowance: Allowance<'_>, on: &mut OnMember<'_>) -> Vec<Damage> {
    let directory = match Directory::find(from) {
        Ok(Some(directory)) => directory,
        Ok(None) => return read_in_order(from, allowance, on),
        Err(damage) => return vec![damage],
    };
    let mut damages = directory.damages(from);
    let mut entries = directory.entries();
    loop {
        match entries.next(from) {
            Ok(None) => return damages,
            Ok(Some(entry)) if entry.is_folder() => {}
            Ok(Some(entry)) => {
                let content = content_of(from, &entry, allowance);
                if !on(Member { name: entry.name, modified: entry.modified, content }) {
                    return damages;
                }
            }
            Err(detail) => {
                damages.push(Damage::new("damaged_zip", detail));
                return damages;
            }
        }
    }
}

/// Whether the bytes end with an archive that does not begin at their start: with a program that unpacks it, for example.
pub fn is_zip_behind_front(bytes: &[u8]) -> bool {
    let mut from = Cursor::new(bytes);
    matches!(Directory::find(&mut from), Ok(Some(directory)) if directory.is_behind_front(&mut from))
}

/// Reads the members of an archive whose end is missing, up to the first one that is cut off.
fn read_in_order(from: &mut (impl Read + Seek), allowance: Allowance<'_>, on: &mut OnMember<'_>) -> Vec<Damage> {
    let mut at = 0;
    let mut count = 0u64;
    while let Ok(Some((mut entry, start))) = entry::read_local(from, at) {
        // The sizes may follow the data; then the end of the stream shows them.
        let unsized_data = entry.has_descriptor() && entry.packed == 0;
        if unsized_data {
            match unsized_content(from, &mut entry, start, allowance) {
                Some(end) => at = end,
                None => break,
            }
        } else {
            at = start.saturating_add(entry.packed);
        }
        if entry.is_folder() {
            continue;
        }
        let content = content_of(from, &entry, allowance);
        count += 1;
        if !on(Member { name: entry.name, modified: entry.modified, content }) {
            return Vec::new();
        }
    }
    let detail = format!("the archive ends early: the directory at its end is missing; {count} members were found before");
    vec![Damage::new("truncated_zip", detail)]
}

/// Finds the sizes of a member whose header lacks them; returns the offset of what follows.
fn unsized_content(from: &mut (impl Read + Seek), entry: &mut Entry, start: u64, allowance: Allowance<'_>) -> Option<u64> {
    if entry.method != DEFLATE || entry.is_encrypted() {
        return None;
    }
    from.seek(SeekFrom::Start(start)).ok()?;
    let most = allowance.budget.inflatable().min(allowance.member as u64) + 1;
    (entry.packed, entry.plain) = {
        let mut decoder = DeflateDecoder::new(BufReader::new(&mut *from));
        let plain = std::io::copy(&mut decoder.by_ref().take(most), &mut std::io::sink()).ok()?;
        (decoder.total_in(), plain)
    };
    let after = start.checked_add(entry.packed)?;
    from.seek(SeekFrom::Start(after)).ok()?;
    let mut descriptor = Vec::new();
    from.take(LONGEST_DESCRIPTOR + 2).read_to_end(&mut descriptor).ok()?;
    let signed = if descriptor.starts_with(b"PK\x07\x08") { 4 } else { 0 };
    entry.checksum = directory::long(&descriptor, signed);
    // The sizes have four bytes each, or eight with zip64; what follows begins with `PK`.
    let length = [signed + 12, signed + 20]
        .into_iter()
        .find(|length| descriptor.get(*length..).is_some_and(|next| next.starts_with(b"PK")));
    Some(after + length.unwrap_or(signed + 12) as u64)
}

/// Signature, checksum and two sizes of zip64.
const LONGEST_DESCRIPTOR: u64 = 24;
const STORED: u16 = 0;
const DEFLATE: u16 = 8;
const AES: u16 = 99;

/// The content of a member.
fn content_of(from: &mut (impl Read + Seek), entry: &Entry, allowance: Allowance<'_>) -> Content {
    let unreadable = |why: &str, detail: String| Content::Unreadable(Damage::new(why, detail));
    if entry.is_link() {
        return Content::Skipped("link");
    }
    if let Some(why) = is_metadata(&entry.name, b"") {
        return Content::Skipped(why);
    }
    if entry.is_encrypted() || entry.method == AES {
        return unreadable("encrypted", "an encrypted member; `7z x {file}` asks for its password and unpacks it".to_owned());
    }
    if let Some(damage) = allowance.too_large(entry.plain) {
        return Content::Unreadable(damage);
    }
    match entry::read_local(from, entry.header) {
        Ok(Some((_, start))) if from.seek(SeekFrom::Start(start)).is_ok() => {}
        _ => return unreadable("damaged_zip", format!("no header of the member at offset {}", entry.header)),
    }
    let packed = BufReader::new(from.take(entry.packed));
    let decoder = match decoder(entry.method, packed) {
        Ok(Some(decoder)) => decoder,
        Ok(None) => {
            let name = method_name(entry.method);
            return unreadable("compression", format!("{name} is not supported; unpack the archive: `7z x {{file}}`"));
        }
        Err(error) => return unreadable("damaged_zip", error.to_string()),
    };
    let mut bytes = Vec::new();
    let problem = match expand(decoder, allowance.budget, allowance.member, &mut bytes) {
        Err(stopped @ Stopped::Failed(_)) => Some(problem_of(stopped)),
        Err(Stopped::Exceeded(limit)) => return unreadable(limit.why, limit.detail),
        Ok(()) => None,
    };
    if let Some(why) = is_metadata(&entry.name, &bytes) {
        return Content::Skipped(why);
    }
    let damage = match problem {
        Some(InflateProblem::Truncated) => Some("it ends early".to_owned()),
        Some(InflateProblem::Damaged(detail)) => Some(detail),
        Some(InflateProblem::Window) => Some("it needs too much memory".to_owned()),
        _ if (bytes.len() as u64) < entry.plain => Some(format!("it has {} instead of {} bytes", bytes.len(), entry.plain)),
        _ if crc32fast::hash(&bytes) != entry.checksum => Some("its checksum is wrong".to_owned()),
        _ => None,
    };
    let damage = damage.map(|detail| Damage::new("damaged_zip", format!("the member is damaged: {detail}")));
    Content::Bytes(bytes, damage)
}

/// A reader of the plain bytes; `None` for a method that is not supported.
fn decoder<'r>(method: u16, packed: impl BufRead + 'r) -> std::io::Result<Option<Box<dyn Read + 'r>>> {
    let compression = match method {
        STORED => return Ok(Some(Box::new(packed))),
        DEFLATE => return Ok(Some(Box::new(DeflateDecoder::new(packed)))),
        12 => Compression::Bzip2,
        20 | 93 => Compression::Zstd,
        95 => Compression::Xz,
        _ => return Ok(None),
    };
    compression.decoder(packed).map(Some)
}

/// The name of a method that is not supported.
fn method_name(method: u16) -> String {
    let name = match method {
        1 => "Shrink",
        2..=5 => "Reduce",
        6 => "Implode",
        9 => "Deflate64",
        14 => "LZMA",
        94 => "MP3",
        96 => "JPEG",
        97 => "WavPack",
        98 => "PPMd",
        _ => return format!("compression method {method}"),
    };
    format!("compression with {name}")
}
