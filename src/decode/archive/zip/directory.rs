//! The directory at the end of a zip file, read in pieces of constant size.

use super::super::Damage;
use super::entry::{CENTRAL, Entry};
use std::io::{Read, Seek, SeekFrom};

/// Where the directory is.
#[derive(Debug, Clone, Copy)]
pub struct Directory {
    start: u64,
    end: u64,
    /// Bytes before the archive, such as a program that unpacks it; offsets do not count them.
    front: u64,
    /// Bytes after the archive; 0 if they are padding.
    trailing: u64,
}

/// The end record without its comment.
const END: usize = 22;
const LONGEST_COMMENT: u64 = u16::MAX as u64;
/// The record before the end that says where the larger one of zip64 is.
const LOCATOR: u64 = 20;
const SPLIT: &str = "one part of a split archive; join the parts: `zip -s 0 {file} --out whole.zip`";

impl Directory {
    /// Finds the directory; `None` if the end of the archive is missing.
    pub fn find(from: &mut (impl Read + Seek)) -> Result<Option<Directory>, Damage> {
        let unreadable = |error: std::io::Error| Damage::new("unreadable", error.to_string());
        let length = from.seek(SeekFrom::End(0)).map_err(unreadable)?;
        let first = length.saturating_sub(END as u64 + LONGEST_COMMENT);
        from.seek(SeekFrom::Start(first)).map_err(unreadable)?;
        let mut tail = Vec::new();
        from.by_ref().take(END as u64 + LONGEST_COMMENT).read_to_end(&mut tail).map_err(unreadable)?;
        let Some(at) = memchr::memmem::rfind_iter(&tail, b"PK\x05\x06").find(|at| is_end(&tail, *at)) else { return Ok(None) };
        let record = tail.get(at..).unwrap_or_default();
        let end = first + at as u64;
        let after = tail.get(at + END + usize::from(short(record, 20))..).unwrap_or_default();
        let is_padding = after.iter().all(|byte| *byte == 0 || byte.is_ascii_whitespace());
        let trailing = if is_padding { 0 } else { after.len() as u64 };
        let is_zip64 = (short(record, 4), short(record, 6)) == (u16::MAX, u16::MAX)
            || long(record, 16) == u32::MAX
            || long(record, 12) == u32::MAX;
        if is_zip64 && let Some(found) = of_zip64(from, end) {
            return found.map(|directory| Some(Directory { trailing, ..directory }));
        }
        if short(record, 4) != 0 || short(record, 6) != 0 {
            return Err(Damage::new("split_archive", SPLIT));
        }
        Ok(Some(Directory { trailing, ..located(end, u64::from(long(record, 12)), u64::from(long(record, 16))) }))
    }

    /// Whether it is that of an archive with members behind other bytes.
    pub fn is_behind_front(&self, from: &mut (impl Read + Seek)) -> bool {
        let mut entry = [0; 4];
        self.front > 0 && read_at(from, self.start, &mut entry).is_some() && entry == *b"PK\x01\x02"
    }

    /// What is wrong with the bytes around the archive, which are not read.
    pub fn damages(&self, from: &mut (impl Read + Seek)) -> Vec<Damage> {
        let mut damages = Vec::new();
        let mut head = [0; 4];
        if self.front > 0 && read_at(from, 0, &mut head).is_some() && head == *b"PK\x03\x04" {
            let detail = format!(
                "the first {} bytes belong to another archive, which is not read; unpack it, and load its members from a folder",
                self.front
            );
            damages.push(Damage::new("damaged_zip", detail));
        }
        if self.trailing > 0 {
            let detail = format!(
                "{} bytes after the end of the archive are not read; if they are records, load them from a file of their own",
                self.trailing
            );
            damages.push(Damage::new("damaged_zip", detail));
        }
        damages
    }

    /// Its entries.
    pub fn entries(self) -> Entries {
        Entries { directory: self, at: self.start, chunk: Vec::new(), offset: 0, count: 0 }
    }
}

/// Whether an end record starts here: its comment must reach the end of the file, or trailing bytes follow it.
fn is_end(tail: &[u8], at: usize) -> bool {
    tail.get(at..at + END).is_some_and(|record| at + END + usize::from(short(record, 20)) <= tail.len())
}

/// The directory of `size` bytes that ends at `end`; `offset` is what the archive says.
fn located(end: u64, size: u64, offset: u64) -> Directory {
    let start = end.saturating_sub(size);
    Directory { start, end, front: start.saturating_sub(offset), trailing: 0 }
}

/// The directory of zip64; `None` if there is no locator.
fn of_zip64(from: &mut (impl Read + Seek), end: u64) -> Option<Result<Directory, Damage>> {
    let mut locator = [0; LOCATOR as usize];
    read_at(from, end.checked_sub(LOCATOR)?, &mut locator)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return None;
    }
    let mut record = [0; 56];
    let mut at = double(&locator, 8);
    // With bytes before the archive, the record is where its length says.
    if read_at(from, at, &mut record).is_none() || !record.starts_with(b"PK\x06\x06") {
        at = end.checked_sub(LOCATOR + 56)?;
        read_at(from, at, &mut record)?;
    }
    if !record.starts_with(b"PK\x06\x06") {
        return Some(Err(Damage::new("damaged_zip", "the end record of zip64 is missing")));
    }
    if long(&record, 16) != 0 || long(&record, 20) != 0 || long(&locator, 16) > 1 {
        return Some(Err(Damage::new("split_archive", SPLIT)));
    }
    Some(Ok(located(at, double(&record, 40), double(&record, 48))))
}

fn read_at(from: &mut (impl Read + Seek), at: u64, out: &mut [u8]) -> Option<()> {
    from.seek(SeekFrom::Start(at)).ok()?;
    from.read_exact(out).ok()
}

/// Bytes of the directory that are read together; an entry has fewer than 200 KiB.
const CHUNK: usize = 1 << 20;
const LONGEST_ENTRY: usize = CENTRAL + 3 * (u16::MAX as usize);

/// The entries of a directory.
#[derive(Debug)]
pub struct Entries {
    directory: Directory,
    /// Offset of what follows the chunk.
    at: u64,
    chunk: Vec<u8>,
    /// Offset of the next entry in the chunk.
    offset: usize,
    count: u64,
}

impl Entries {
    /// The next entry; the error is a message for the user.
    pub fn next(&mut self, from: &mut (impl Read + Seek)) -> Result<Option<Entry>, String> {
        if self.chunk.len() - self.offset < LONGEST_ENTRY && self.at < self.directory.end {
            self.refill(from).map_err(|error| format!("the directory cannot be read: {error}"))?;
        }
        let rest = self.chunk.get(self.offset..).unwrap_or_default();
        // The record of zip64 and a signature may follow the entries.
        if rest.is_empty() || (!rest.starts_with(b"PK\x01\x02") && rest.starts_with(b"PK")) {
            return Ok(None);
        }
        let Some((mut entry, length)) = Entry::of_directory(rest) else {
            return Err(format!("the directory is damaged after {} members; the others are not loaded", self.count));
        };
        entry.header = entry.header.saturating_add(self.directory.front);
        self.offset += length;
        self.count += 1;
        Ok(Some(entry))
    }

    fn refill(&mut self, from: &mut (impl Read + Seek)) -> std::io::Result<()> {
        self.chunk.drain(..self.offset);
        self.offset = 0;
        from.seek(SeekFrom::Start(self.at))?;
        let more = (self.directory.end - self.at).min(CHUNK as u64);
        let read = from.take(more).read_to_end(&mut self.chunk)?;
        self.at = if read == 0 { self.directory.end } else { self.at + read as u64 };
        Ok(())
    }
}

pub(super) fn short(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u16::from_le_bytes(*bytes))
}

pub(super) fn long(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

pub(super) fn double(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
