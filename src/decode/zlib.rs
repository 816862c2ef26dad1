//! Reads streams of zlib: deflate with a header of two bytes and a checksum, as HTTP and some log shippers write it.
//!
//! In: a reader. Out: the plain bytes of all its streams. Invariant: a stream that ends early, and bytes after the last one,
//! are errors.

use flate2::{Decompress, FlushDecompress, Status};
use std::io::{BufRead, Error, ErrorKind, Read};

/// Bytes that show whether a file is compressed.
const HEAD: usize = 512;

/// Whether the bytes start like a stream of zlib. Its header is as short as a word, so the beginning must be binary, too, and
/// decompress.
pub(super) fn is_zlib(head: &[u8]) -> bool {
    let head = head.get(..HEAD).unwrap_or(head);
    let [0x78, 0x01 | 0x5e | 0x9c | 0xda, data @ ..] = head else { return false };
    data.iter().take(64).any(|byte| *byte < b'\t' || *byte >= 0x80) && matches!(ZlibReader::new(head).read(&mut [0; 64]), Ok(1..))
}

/// A reader of the plain bytes.
pub(super) struct ZlibReader<R> {
    from: R,
    inflater: Decompress,
    /// Whether a stream has ended and no other one has begun.
    has_ended: bool,
}

impl<R: BufRead> ZlibReader<R> {
    pub(super) fn new(from: R) -> Self {
        ZlibReader { from, inflater: Decompress::new(true), has_ended: false }
    }
}

impl<R: BufRead> Read for ZlibReader<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let input = self.from.fill_buf()?;
            if self.has_ended {
                match input.first() {
                    None => return Ok(0),
                    Some(0x78) => {
                        self.inflater.reset(true);
                        self.has_ended = false;
                    }
                    Some(_) => return Err(Error::new(ErrorKind::InvalidData, "other bytes follow the end of the stream")),
                }
            }
            let is_last = input.is_empty();
            let (consumed, written) = (self.inflater.total_in(), self.inflater.total_out());
            let status = self.inflater.decompress(input, out, FlushDecompress::None);
            let status = status.map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
            let consumed = usize::try_from(self.inflater.total_in() - consumed).unwrap_or(usize::MAX);
            let written = usize::try_from(self.inflater.total_out() - written).unwrap_or(usize::MAX);
            self.from.consume(consumed);
            self.has_ended = status == Status::StreamEnd;
            if written > 0 {
                return Ok(written);
            }
            if !self.has_ended && (is_last || consumed == 0) {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
