//! Gzip within limits, of one or several members.
//!
//! In: the bytes of a file. Out: the plain bytes, and what was wrong if something was. A truncated or
//! damaged stream keeps what came before the damage. Sizes in a gzip trailer are hints from the
//! file, never trusted beyond the limits.

use super::buffer::Buffer;
use flate2::read::MultiGzDecoder;
use libdeflater::{Crc, Decompressor};
use std::io::Read;

/// How much one file may expand.
#[derive(Debug, Clone, Copy)]
pub struct InflateLimits {
    /// Bytes after decompression.
    pub bytes: usize,
    /// Output bytes per input byte that no honest log reaches; applies beyond 64 MiB of output.
    pub ratio: usize,
}

impl Default for InflateLimits {
    fn default() -> Self {
        InflateLimits { bytes: 2 << 30, ratio: 400 }
    }
}

/// Below this many bytes of output the ratio is no concern.
const RATIO_FLOOR: usize = 64 << 20;

/// What was wrong with a compressed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InflateProblem {
    /// The stream ends early; what came before is good.
    Truncated,
    /// The stream is damaged; what came before is good.
    Damaged(String),
    /// It expands beyond the limits; nothing of it is used.
    Bomb {
        /// Bytes reached when it was given up.
        reached: usize,
    },
}

/// Whether the bytes begin like gzip.
pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Inflates into `out`, whose content goes and whose memory is used again from file to file.
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

/// The common case, one sound member whose trailer tells size and checksum; gives the size. Anything else is left to
/// the general path.
fn inflate_whole(bytes: &[u8], limits: InflateLimits, out: &mut Buffer) -> Option<usize> {
    let (_, trailer) = bytes.split_last_chunk::<8>()?;
    let [c0, c1, c2, c3, s0, s1, s2, s3] = *trailer;
    let (checksum, size) = (u32::from_le_bytes([c0, c1, c2, c3]), u32::from_le_bytes([s0, s1, s2, s3]) as usize);
    // Deflate cannot expand by more than 1032: a larger size is a lie, or several members.
    if size == 0 || size > ceiling(bytes.len(), limits) || size > bytes.len().saturating_mul(1032) {
        return None;
    }
    let room = out.room(size);
    let written = Decompressor::new().gzip_decompress(bytes, room).ok()?;
    // The trailer may belong to a later member: only if it is that of these bytes, they are all. (Members
    // that are alike have the same trailer; the search for another header tells them.)
    let mut crc = Crc::new();
    crc.update(room);
    (written == size && crc.sum() == checksum && !has_further_header(bytes)).then_some(size)
}

/// Whether something like the header of another member follows: method deflate, no unknown flags.
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
        // Some writers pad the end with zeros: what follows a sound member and is no gzip is ignored.
        Err(error) if !is_of_checksum(&error) && is_padding_after_members(bytes, out.len()) => None,
        Err(error) => Some(InflateProblem::Damaged(error.to_string())),
    }
}

/// A checksum of zeros is damage, though it ends like padding.
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
        // Two members of the same size: the trailer of the second must not be taken for the first's.
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
