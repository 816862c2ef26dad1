//! Recognizes and reads compressed streams by their first bytes: gzip, zstd, bzip2, xz and zlib.
//!
//! In: the bytes of a file, or a reader. Out: the plain bytes within the budget of the file, or a reader over the plain bytes. A
//! damaged stream yields the bytes before the damage. A decoder that needs more than [`WINDOW`] bytes for its window
//! is refused before they are allocated.

use super::budget::Budget;
use super::buffer::Buffer;
use super::inflate::{InflateProblem, Stopped, expand, inflate, is_gzip};
use super::zlib::{ZlibReader, is_zlib};
use std::io::{BufRead, Error, ErrorKind, Read};

/// Maximum memory of a decoder: what `zstd -d` and `xz -d` of an archive packed with their highest normal level need.
const WINDOW: u32 = 128 << 20;

/// A compressed stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// One or more members of gzip.
    Gzip,
    /// One or more frames of Zstandard.
    Zstd,
    /// One or more streams of bzip2.
    Bzip2,
    /// One or more streams of xz.
    Xz,
    /// One or more streams of zlib, as HTTP calls `deflate`.
    Zlib,
}

impl Compression {
    /// Recognizes a stream by its first bytes.
    pub fn of(head: &[u8]) -> Option<Compression> {
        if is_gzip(head) {
            return Some(Compression::Gzip);
        }
        if head.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
            return Some(Compression::Xz);
        }
        // The level, then the magic number of a block or of the end.
        if let [b'B', b'Z', b'h', b'1'..=b'9', block @ ..] = head
            && [[0x31, 0x41, 0x59], [0x17, 0x72, 0x45]].iter().any(|magic| block.starts_with(magic))
        {
            return Some(Compression::Bzip2);
        }
        if is_zstd(head) {
            return Some(Compression::Zstd);
        }
        is_zlib(head).then_some(Compression::Zlib)
    }

    /// The ending that files of this compression usually have.
    pub fn ending(self) -> &'static str {
        match self {
            Compression::Gzip => "gz",
            Compression::Zstd => "zst",
            Compression::Bzip2 => "bz2",
            Compression::Xz => "xz",
            Compression::Zlib => "zz",
        }
    }

    /// The name, as in reason codes.
    pub fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Bzip2 => "bzip2",
            Compression::Xz => "xz",
            Compression::Zlib => "zlib",
        }
    }

    /// A reader of the plain bytes.
    pub fn decoder<'r>(self, from: impl BufRead + 'r) -> std::io::Result<Box<dyn Read + 'r>> {
        Ok(match self {
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(from)),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(from)?;
                decoder.window_log_max(WINDOW.ilog2())?;
                Box::new(decoder)
            }
            Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(from)),
            Compression::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(from, true, WINDOW / 1024)),
            Compression::Zlib => Box::new(ZlibReader::new(from)),
        })
    }

    /// Decompresses into `out`, whose content is replaced. Output of more than `most` bytes, or more than the budget
    /// allows, is discarded.
    pub fn decompress(self, bytes: &[u8], budget: &Budget, most: usize, out: &mut Buffer) -> Option<InflateProblem> {
        if self == Compression::Gzip {
            return inflate(bytes, budget, most, out);
        }
        let mut plain = Vec::new();
        let problem = match self.decoder(bytes) {
            Ok(decoder) => expand(decoder, budget, most, &mut plain).err().map(problem_of),
            Err(error) => Some(InflateProblem::Damaged(error.to_string())),
        };
        out.take(plain);
        problem
    }

    /// The first plain bytes; fewer if the stream ends or is damaged before.
    pub fn peek(self, bytes: &[u8], count: usize) -> Vec<u8> {
        let mut head = Vec::new();
        if let Ok(decoder) = self.decoder(bytes) {
            // What was read before damage remains in the vector.
            let _damaged = decoder.take(count as u64).read_to_end(&mut head);
        }
        head
    }
}

/// A frame of Zstandard, possibly after frames to skip; those begin files of lz4 as well.
fn is_zstd(head: &[u8]) -> bool {
    let mut rest = head;
    while let [0x50..=0x5f, 0x2a, 0x4d, 0x18, s0, s1, s2, s3, after @ ..] = rest {
        let size = usize::try_from(u32::from_le_bytes([*s0, *s1, *s2, *s3])).unwrap_or(usize::MAX);
        let Some(next) = after.get(size..) else { return false };
        rest = next;
    }
    rest.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

/// Classifies why a decoder stopped.
pub fn problem_of(stopped: Stopped) -> InflateProblem {
    match stopped {
        Stopped::Exceeded(limit) => InflateProblem::Bomb(limit),
        Stopped::Failed(error) => problem_of_error(&error),
    }
}

/// Classifies the error of a decoder.
pub fn problem_of_error(error: &Error) -> InflateProblem {
    // zstd has no error kind for it.
    if error.kind() == ErrorKind::OutOfMemory || error.to_string().contains("too much memory") {
        return InflateProblem::Window;
    }
    if error.kind() == ErrorKind::UnexpectedEof {
        return InflateProblem::Truncated;
    }
    InflateProblem::Damaged(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::budget::Limits;
    use super::*;
    use std::io::Write;

    pub fn pack(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        match compression {
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
                encoder.include_checksum(true).unwrap();
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Xz => {
                let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Zlib => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    const ALL: [Compression; 4] = [Compression::Gzip, Compression::Zstd, Compression::Bzip2, Compression::Xz];

    fn plain(packed: &[u8]) -> (Vec<u8>, Option<InflateProblem>) {
        let mut out = Buffer::default();
        let compression = Compression::of(packed).unwrap();
        let problem = compression.decompress(packed, &Budget::new(Limits::STANDARD), usize::MAX, &mut out);
        (out.to_vec(), problem)
    }

    #[test]
    fn every_compression_is_recognized_and_read() {
        let text: Vec<u8> =
            (0..30_000u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_string().into_bytes()).collect();
        for compression in ALL {
            let packed = pack(compression, &text);
            assert_eq!(Compression::of(&packed), Some(compression));
            assert_eq!(plain(&packed), (text.clone(), None), "{compression:?}");
            let two = [packed.clone(), pack(compression, b"more")].concat();
            assert_eq!(plain(&two), ([text.clone(), b"more".to_vec()].concat(), None), "{compression:?}: concatenated");
            assert_eq!(compression.peek(&packed, 3), text[..3]);
            let (head, problem) = plain(&packed[..packed.len() * 9 / 10]);
            assert_eq!(problem, Some(InflateProblem::Truncated), "{compression:?}");
            assert!(text.starts_with(&head), "{compression:?}");
            let mut damaged = packed.clone();
            let middle = damaged.len() / 2;
            damaged[middle..middle + 32].fill(0x55);
            assert!(matches!(plain(&damaged).1, Some(InflateProblem::Damaged(_))), "{compression:?}");
            assert_eq!(plain(&pack(compression, b"")), (Vec::new(), None), "{compression:?}: of nothing");
        }
    }

    #[test]
    fn a_bomb_is_discarded_in_every_compression() {
        for compression in ALL {
            let packed = pack(compression, &vec![0; 1 << 20]);
            let budget = Budget::new(Limits { inflated: 1 << 19, ratio: 1, ratio_large: 1, ..Limits::STANDARD });
            let mut out = Buffer::default();
            let problem = compression.decompress(&packed, &budget, usize::MAX, &mut out);
            assert!(matches!(problem, Some(InflateProblem::Bomb(_))) && out.is_empty(), "{compression:?}: {problem:?}");
        }
    }

    #[test]
    fn a_window_larger_than_the_limit_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(28).unwrap();
        encoder.write_all(&vec![7; 1 << 20]).unwrap();
        let packed = encoder.finish().unwrap();
        assert_eq!(plain(&packed).1, Some(InflateProblem::Window));
        let mut options = lzma_rust2::XzOptions::with_preset(1);
        options.lzma_options.dict_size = 256 << 20;
        let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
        encoder.write_all(b"text").unwrap();
        assert_eq!(plain(&encoder.finish().unwrap()).1, Some(InflateProblem::Window));
    }

    #[test]
    fn streams_of_zlib_are_read_to_their_end() {
        let text = br#"{"eventName":"RunTask"} {"eventName":"StopTask"}"#.repeat(20);
        let packed = pack(Compression::Zlib, &text);
        assert_eq!(plain(&packed), (text.clone(), None));
        assert_eq!(plain(&[&*packed, &packed].concat()), (text.repeat(2), None));
        assert_eq!(plain(&packed[..packed.len() - 6]).1, Some(InflateProblem::Truncated));
        assert!(matches!(plain(&[&packed[..], b"rest"].concat()), (read, Some(InflateProblem::Damaged(_))) if read == text));
        let mut wrong_sum = packed.clone();
        *wrong_sum.last_mut().unwrap() ^= 1;
        assert!(matches!(plain(&wrong_sum).1, Some(InflateProblem::Damaged(_))));
    }

    #[test]
    fn frames_to_skip_may_come_first() {
        let skipped = [&[0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3], &*pack(Compression::Zstd, b"text")].concat();
        assert_eq!(plain(&skipped), (b"text".to_vec(), None));
        for other in [
            &b"BZh9 is a label"[..],
            b"\x51\x2a\x4d\x18\xff\xff\xff\xff",
            b"\x28\xb5",
            b"PK\x03\x04",
            b"",
            b"x^2 + y^2",
            b"x\x9c",
        ] {
            assert_eq!(Compression::of(other), None);
        }
    }
}
