//! Decompresses gzip of one or more members, within the budget of the file.
//!
//! In: the bytes of a file or of a message within it. Out: the plain bytes, and the problem if there was one. A
//! truncated or damaged stream yields the bytes before the damage. Sizes in a gzip trailer are untrusted hints, never
//! used beyond the budget.

use super::budget::{Budget, Exceeded};
use super::buffer::Buffer;
use flate2::read::MultiGzDecoder;
use libdeflater::{Crc, Decompressor};
use std::io::{ErrorKind, Read};

/// A problem with a compressed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InflateProblem {
    /// The stream ends early; the bytes before that are valid.
    Truncated,
    /// The stream is damaged; the bytes before that are valid.
    Damaged(String),
    /// It expands beyond a limit and is discarded.
    Bomb(Exceeded),
    /// Its decoder needs more memory than a load may use.
    Window,
}

/// Whether the bytes start like gzip.
pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Decompresses into `out`, whose content is replaced and whose memory is reused. Output of more than `most` bytes, or
/// more than the budget allows, is discarded.
pub fn inflate(bytes: &[u8], budget: &Budget, most: usize, out: &mut Buffer) -> Option<InflateProblem> {
    if let Some(length) = inflate_whole(bytes, budget, most, out) {
        out.hold(length);
        return budget.charge_inflated(length as u64).err().map(InflateProblem::Bomb);
    }
    let mut plain = Vec::new();
    let problem = inflate_stream(bytes, budget, most, &mut plain);
    out.take(plain);
    problem
}

/// Fast path for a single valid member whose trailer gives size and checksum; returns the size. All other cases take
/// the general path.
fn inflate_whole(bytes: &[u8], budget: &Budget, most: usize, out: &mut Buffer) -> Option<usize> {
    let (_, trailer) = bytes.split_last_chunk::<8>()?;
    let [c0, c1, c2, c3, s0, s1, s2, s3] = *trailer;
    let (checksum, size) = (u32::from_le_bytes([c0, c1, c2, c3]), u32::from_le_bytes([s0, s1, s2, s3]) as usize);
    // Deflate expands by a factor of at most 1032, so a larger size is wrong or there are several members.
    if size == 0 || size > most || size as u64 > budget.inflatable() || size > bytes.len().saturating_mul(1032) {
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

fn inflate_stream(bytes: &[u8], budget: &Budget, most: usize, out: &mut Vec<u8>) -> Option<InflateProblem> {
    match expand(MultiGzDecoder::new(bytes), budget, most, out) {
        Ok(()) => None,
        Err(Stopped::Exceeded(limit)) => Some(InflateProblem::Bomb(limit)),
        Err(Stopped::Failed(error)) if error.kind() == ErrorKind::UnexpectedEof => Some(InflateProblem::Truncated),
        // Some writers pad the end with zeros, so non-gzip bytes after a valid member are ignored.
        Err(Stopped::Failed(error)) if !is_of_checksum(&error) && is_padding_after_members(bytes, out.len()) => None,
        Err(Stopped::Failed(error)) => Some(InflateProblem::Damaged(error.to_string())),
    }
}

/// Why a stream was not read to its end.
#[derive(Debug)]
pub enum Stopped {
    /// It exceeds a limit; the output is discarded.
    Exceeded(Exceeded),
    /// It is damaged; the output before that is valid.
    Failed(std::io::Error),
}

/// Bytes that the output has room for at first.
const FIRST: usize = 64 << 10;

/// Appends what a decompressor yields to `out`, and charges the budget before memory is allocated. Output of more than
/// `most` bytes is discarded.
pub fn expand(mut from: impl Read, budget: &Budget, most: usize, out: &mut Vec<u8>) -> Result<(), Stopped> {
    let before = out.len();
    let mut length = before;
    let result = loop {
        if length == out.len() {
            // Room grows by a quarter: old and new memory exist together for a moment.
            let more = FIRST.max(out.len() / 4);
            if out.try_reserve_exact(more).is_err() {
                break Err(Stopped::Exceeded(budget.bomb()));
            }
            out.resize(length + more, 0);
        }
        match from.read(out.get_mut(length..).unwrap_or_default()) {
            Ok(0) => break Ok(()),
            Ok(read) => {
                length += read;
                if let Err(limit) = budget.charge_inflated(read as u64) {
                    break Err(Stopped::Exceeded(limit));
                }
                if length - before > most {
                    let detail = format!("it expands to more than {most} bytes: a decompression bomb");
                    break Err(Stopped::Exceeded(Exceeded { why: "decompression_bomb", detail }));
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => break Err(Stopped::Failed(error)),
        }
    };
    match result {
        Err(Stopped::Exceeded(_)) => {
            out.truncate(before);
            out.shrink_to_fit();
        }
        _ => out.truncate(length),
    }
    result
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
    use super::super::budget::Limits;
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn plain(packed: &[u8], out: &mut Buffer) -> Option<InflateProblem> {
        inflate(packed, &Budget::default(), Limits::STANDARD.text_bytes, out)
    }

    #[test]
    fn one_member_several_members_and_nothing() {
        let mut out = Buffer::default();
        assert_eq!(plain(&gzip(b"hello"), &mut out), None);
        assert_eq!(*out, *b"hello");
        // Two members of equal size: the trailer of the second must not be mistaken for the first's.
        let two = [gzip(b"hello"), gzip(b"world")].concat();
        assert_eq!(plain(&two, &mut out), None);
        assert_eq!(*out, *b"helloworld");
        assert_eq!(plain(&[gzip(b"same"), gzip(b"same")].concat(), &mut out), None);
        assert_eq!(*out, *b"samesame");
        assert_eq!(plain(&gzip(b""), &mut out), None);
        assert!(out.is_empty());
    }

    #[test]
    fn a_cut_keeps_what_came_before() {
        let text: Vec<u8> = (0..60_000u32).flat_map(|number| number.to_string().into_bytes()).collect();
        let packed = gzip(&text);
        let mut out = Buffer::default();
        let problem = plain(&packed[..packed.len() / 2], &mut out);
        assert_eq!(problem, Some(InflateProblem::Truncated));
        assert!(out.len() > 1000 && text.starts_with(&out[..]));
    }

    #[test]
    fn output_up_to_the_limit_is_kept() {
        let text = vec![b'x'; 100_000];
        let mut out = Buffer::default();
        // One member takes the fast path, two the general one.
        for packed in [gzip(&text), [gzip(&text[..40_000]), gzip(&text[..60_000])].concat()] {
            for (limit, fits) in [(100_000, true), (99_999, false)] {
                let budget = Budget::new(Limits { inflated: limit, inflated_large: 0, ratio_large: 0, ..Limits::STANDARD });
                let problem = inflate(&packed, &budget, usize::MAX, &mut out);
                assert_eq!((problem.is_none(), out.len()), (fits, if fits { 100_000 } else { 0 }));
                let problem = inflate(&packed, &Budget::new(Limits::STANDARD), limit as usize, &mut out);
                assert_eq!((problem.is_none(), out.len()), (fits, if fits { 100_000 } else { 0 }));
            }
            // All layers and members share the budget.
            let budget = Budget::new(Limits { inflated: 150_000, ..Limits::STANDARD });
            assert_eq!(inflate(&packed, &budget, usize::MAX, &mut out), None);
            assert!(matches!(inflate(&packed, &budget, usize::MAX, &mut out), Some(InflateProblem::Bomb(_))));
        }
    }
}
