//! Decompresses gzip of one or more members, within limits.
//!
//! In: the bytes of a file. Out: the plain bytes, and the problem if there was one. A truncated or damaged stream
//! yields the bytes before the damage. Sizes in a gzip trailer are untrusted hints, never used beyond the limits.

use super::buffer::Buffer;
use flate2::read::MultiGzDecoder;
use libdeflater::{Crc, Decompressor};
use std::io::Read;

/// Limits on expansion.
#[derive(Debug, Clone, Copy)]
pub struct InflateLimits {
    /// Bytes after decompression.
    pub bytes: usize,
    /// Maximum ratio of output to input, which no legitimate log reaches; applies beyond 64 MiB of output.
    pub ratio: usize,
}

impl Default for InflateLimits {
    fn default() -> Self {
        InflateLimits { bytes: 2 << 30, ratio: 400 }
    }
}

/// The ratio is not checked below this output size.
const RATIO_FLOOR: usize = 64 << 20;

/// A problem with a compressed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InflateProblem {
    /// The stream ends early; the bytes before that are valid.
    Truncated,
    /// The stream is damaged; the bytes before that are valid.
    Damaged(String),
    /// It expands beyond the limits and is discarded.
    Bomb {
        /// Output size when decompression was aborted.
        reached: usize,
    },
}

/// Whether the bytes start like gzip.
pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Decompresses into `out`, whose content is replaced and whose memory is reused.
pub fn inflate(bytes: &[u8], limits: InflateLimits, out: &mut Buffer) -> Option<InflateProblem> {
    if let Some(length) = inflate_whole(bytes, limits, out) {
        out.hold(length);
        return None;
    }
    let mut plain = Vec::new();
    let problem = inflate_stream(bytes, limits, &mut plain);
    out.take(plain);
    problem
}

fn ceiling(compressed: usize, limits: InflateLimits) -> usize {
    limits.bytes.min(compressed.saturating_mul(limits.ratio).max(RATIO_FLOOR))
}

/// Fast path for a single valid member whose trailer gives size and checksum; returns the size. All other cases take
/// the general path.
fn inflate_whole(bytes: &[u8], limits: InflateLimits, out: &mut Buffer) -> Option<usize> {
    let (_, trailer) = bytes.split_last_chunk::<8>()?;
    let [c0, c1, c2, c3, s0, s1, s2, s3] = *trailer;
    let (checksum, size) = (u32::from_le_bytes([c0, c1, c2, c3]), u32::from_le_bytes([s0, s1, s2, s3]) as usize);
    // Deflate expands by a factor of at most 1032, so a larger size is wrong or there are several members.
    if size == 0 || size > ceiling(bytes.len(), limits) || size > bytes.len().saturating_mul(1032) {
        return None;
    }
    let room = out.room(size);
    let written = Decompressor::new().gzip_decompress(bytes, room).ok()?;
    // The trailer may belong to a later member; if the checksum matches these bytes, they are complete. Identical
    // members have equal trailers, so the search for another header distinguishes them.
    let mut crc = Crc::new();
    crc.update(room);
    (written == size && crc.sum() == checksum && !has_further_header(bytes)).then_some(size)
}

/// Whether another member header seems to follow: method deflate, no unknown flags.
fn has_further_header(bytes: &[u8]) -> bool {
    let rest = bytes.get(18..).unwrap_or_default();
    memchr::memmem::find_iter(rest, &[0x1f, 0x8b, 0x08]).any(|at| rest.get(at + 3).is_some_and(|flags| *flags < 0x20))
}

fn inflate_stream(bytes: &[u8], limits: InflateLimits, out: &mut Vec<u8>) -> Option<InflateProblem> {
    let ceiling = ceiling(bytes.len(), limits);
    let mut reader = MultiGzDecoder::new(bytes).take(ceiling as u64 + 1);
    let result = reader.read_to_end(out);
    if out.len() > ceiling {
        let reached = out.len();
        out.clear();
        out.shrink_to_fit();
        return Some(InflateProblem::Bomb { reached });
    }
    match result {
        Ok(_) => None,
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Some(InflateProblem::Truncated),
        // Some writers pad the end with zeros, so non-gzip bytes after a valid member are ignored.
        Err(error) if !is_of_checksum(&error) && is_padding_after_members(bytes, out.len()) => None,
        Err(error) => Some(InflateProblem::Damaged(error.to_string())),
    }
}

/// An all-zero checksum is damage, although it looks like padding.
fn is_of_checksum(error: &std::io::Error) -> bool {
    error.to_string().contains("checksum")
}

fn is_padding_after_members(bytes: &[u8], inflated: usize) -> bool {
    inflated > 0 && bytes.iter().rev().take(8).all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn one_member_several_members_and_nothing() {
        let mut out = Buffer::default();
        assert_eq!(inflate(&gzip(b"hello"), InflateLimits::default(), &mut out), None);
        assert_eq!(*out, *b"hello");
        // Two members of equal size: the trailer of the second must not be mistaken for the first's.
        let two = [gzip(b"hello"), gzip(b"world")].concat();
        assert_eq!(inflate(&two, InflateLimits::default(), &mut out), None);
        assert_eq!(*out, *b"helloworld");
        assert_eq!(inflate(&[gzip(b"same"), gzip(b"same")].concat(), InflateLimits::default(), &mut out), None);
        assert_eq!(*out, *b"samesame");
        assert_eq!(inflate(&gzip(b""), InflateLimits::default(), &mut out), None);
        assert!(out.is_empty());
    }

    #[test]
    fn a_cut_keeps_what_came_before() {
        let text: Vec<u8> = (0..60_000u32).flat_map(|number| number.to_string().into_bytes()).collect();
        let packed = gzip(&text);
        let mut out = Buffer::default();
        let problem = inflate(&packed[..packed.len() / 2], InflateLimits::default(), &mut out);
        assert_eq!(problem, Some(InflateProblem::Truncated));
        assert!(out.len() > 1000 && text.starts_with(&out[..]));
    }

    #[test]
    fn a_bomb_is_given_up() {
        let packed = gzip(&vec![0u8; 80 << 20]);
        let mut out = Buffer::default();
        let limits = InflateLimits { bytes: 2 << 30, ratio: 100 };
        assert!(matches!(inflate(&packed, limits, &mut out), Some(InflateProblem::Bomb { .. })));
        assert!(out.is_empty());
    }
}
