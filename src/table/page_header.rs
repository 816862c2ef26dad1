//! Page headers with checksums, which the Parquet library reads and does not write.
//!
//! A header is a Thrift structure in the compact protocol
//! (<https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>, `PageHeader`): its first
//! three fields are numbers, the fourth is the checksum of the stored bytes of the page (CRC-32 as gzip uses it).
//! [`with_checksum`] inserts this field, whatever follows.

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};

/// Field 4 after field 3: a 32-bit number.
const CHECKSUM_FIELD: u8 = 0x15;
/// The largest nesting of a header; those of the library have three levels.
const DEPTH: u32 = 8;

/// A header and the page after it.
pub struct RawPage {
    /// The header with its checksum, then the page.
    pub stored: Vec<u8>,
    /// The size of the page before it had a checksum, header included.
    pub size_before: usize,
}

/// Takes the first page of a chunk, and adds its checksum.
///
/// # Errors
/// When the bytes do not start with a page header and its page.
pub fn with_checksum(chunk: &[u8]) -> Result<RawPage> {
    let mut header = Reader { bytes: chunk, at: 0 };
    let mut compressed_size = None;
    for id in 1..=3 {
        // Each of the first three fields follows the one before it and is a 32-bit number.
        if header.byte()? != CHECKSUM_FIELD {
            return Err(broken());
        }
        let number = header.number()?;
        compressed_size = (id == 3).then_some(number >> 1);
    }
    let before = header.at;
    let next = header.byte()?;
    // The number of the next field is stored as the distance from the field before it.
    let next = next.checked_sub(0x10).filter(|next| next & 0xf0 != 0).ok_or_else(broken)?;
    header.skip_value(next & 0x0f, DEPTH)?;
    header.skip_fields(DEPTH)?;
    let end = header.at;
    let size = compressed_size.and_then(|size| usize::try_from(size).ok()).ok_or_else(broken)?;
    let page = end.checked_add(size).and_then(|page_end| chunk.get(end..page_end)).ok_or_else(broken)?;
    let (first, rest) = (chunk.get(..before).ok_or_else(broken)?, chunk.get(before + 1..end).ok_or_else(broken)?);
    let mut stored = Vec::with_capacity(end + page.len() + 6);
    stored.extend_from_slice(first);
    stored.push(CHECKSUM_FIELD);
    put_number(crc32fast::hash(page).cast_signed(), &mut stored);
    stored.push(next);
    stored.extend_from_slice(rest);
    stored.extend_from_slice(page);
    Ok(RawPage { stored, size_before: end + page.len() })
}

/// The pages of a chunk, each with its checksum.
///
/// # Errors
/// When the chunk is not a sequence of pages without checksums.
pub fn pages(mut chunk: &[u8]) -> Result<Vec<(Bytes, usize)>> {
    let mut pages = Vec::new();
    while !chunk.is_empty() {
        let page = with_checksum(chunk)?;
        chunk = chunk.get(page.size_before..).unwrap_or_default();
        pages.push((page.stored.into(), page.size_before));
    }
    Ok(pages)
}

fn broken() -> ParquetError {
    ParquetError::General("a page header was expected".to_owned())
}

/// Appends a number in the compact protocol: zigzag, then seven bits per byte.
fn put_number(number: i32, out: &mut Vec<u8>) {
    let mut rest = ((number << 1) ^ (number >> 31)).cast_unsigned();
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Reads a structure in the compact protocol.
struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8> {
        let byte = self.bytes.get(self.at).copied().ok_or_else(broken)?;
        self.at += 1;
        Ok(byte)
    }

    /// A number as stored, without undoing zigzag.
    fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(broken())
    }

    /// Skips the fields of a structure up to its end.
    fn skip_fields(&mut self, depth: u32) -> Result<()> {
        loop {
            let field = self.byte()?;
            if field == 0 {
                return Ok(());
            }
            if field & 0xf0 == 0 {
                self.number()?;
            }
            self.skip_value(field & 0x0f, depth)?;
        }
    }

    fn skip_value(&mut self, kind: u8, depth: u32) -> Result<()> {
        let depth = depth.checked_sub(1).ok_or_else(broken)?;
        match kind {
            // True and false are in the kind.
            1 | 2 => Ok(()),
            3 => self.byte().map(drop),
            4..=6 => self.number().map(drop),
            7 => self.skip_bytes(8),
            8 => {
                let length = self.number()?;
                self.skip_bytes(usize::try_from(length).map_err(|_| broken())?)
            }
            12 => self.skip_fields(depth),
            // No field of a page header is a list or map.
            _ => Err(broken()),
        }
    }

    fn skip_bytes(&mut self, count: usize) -> Result<()> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len()).ok_or_else(broken)?;
        self.at = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_inserted_before_whatever_follows() {
        // A data page of 3 bytes, then 2 bytes that do not belong to it.
        let header = [0x15, 0x00, 0x15, 0x0c, 0x15, 0x06, 0x2c, 0x15, 0x02, 0x15, 0x00, 0x15, 0x06, 0x15, 0x06, 0x00, 0x00];
        let mut chunk = header.to_vec();
        chunk.extend_from_slice(b"abcde");
        let page = with_checksum(&chunk).unwrap();
        assert_eq!(page.size_before, header.len() + 3);
        let mut expected = header[..6].to_vec();
        expected.push(0x15);
        put_number(crc32fast::hash(b"abc").cast_signed(), &mut expected);
        expected.push(0x1c);
        expected.extend_from_slice(&header[7..]);
        expected.extend_from_slice(b"abc");
        assert_eq!(page.stored, expected);
        // The result has a checksum, so it is refused instead of getting a second one.
        assert!(with_checksum(&page.stored).is_err());
    }

    #[test]
    fn no_bytes_cause_a_panic() {
        let header =
            [0x15, 0x00, 0x15, 0x0c, 0x15, 0x06, 0x2c, 0x15, 0x02, 0x15, 0x00, 0x15, 0x06, 0x15, 0x06, 0x00, 0x00, 1, 2, 3];
        for length in 0..header.len() {
            assert!(with_checksum(&header[..length]).is_err(), "{length}");
        }
        for place in 0..header.len() {
            for byte in 0..=u8::MAX {
                let mut changed = header;
                changed[place] = byte;
                let _ = with_checksum(&changed);
            }
        }
    }
}
