//! Encodes the pages of a column chunk in the Parquet format.
//!
//! In: the bodies of the pages, one after another. Out: the bytes of the chunk and its metadata
//! (<https://parquet.apache.org/docs/file-format/data-pages/>), readable by any Parquet reader. All columns of the
//! tables are optional and flat, so a body is its definition levels followed by the values that are present.

use super::page_header;
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy, ParquetMetaDataReader};
use parquet::file::page_index::offset_index::{OffsetIndexMetaData, PageLocation};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{Read, Write};

/// Rows per page of codes or short values; a query that needs few rows reads few pages.
pub(super) const PAGE_ROWS: usize = 20_000;
/// A page of long values is closed at this size in bytes: large enough for similar values to compress well.
pub(super) const PAGE_BYTES: usize = 512 << 10;
/// A Zstandard level that takes a quarter less time than level 1, for an eighth more space.
const LEVEL: i32 = -2;
/// The lowest level that codes letters by how often they occur, which is all that can be gained of random digits.
const LETTERS_LEVEL: i32 = 1;

/// The maximum size of a page header in bytes.
const HEADER: usize = 64;

/// A column chunk: its bytes and its metadata.
pub type Encoded = (StoredPages, ColumnCloseResult);

/// The column chunks of a Parquet file that the library wrote to memory, with a checksum in each page.
///
/// # Errors
/// When it is not such a file.
pub fn with_page_checksums(file: &Bytes) -> Result<Vec<Encoded>> {
    let metadata = ParquetMetaDataReader::new().with_offset_index_policy(PageIndexPolicy::Required).parse_and_finish(file)?;
    let indexes = metadata.offset_index();
    let mut chunks = Vec::new();
    for (number, group) in metadata.row_groups().iter().enumerate() {
        for (place, column) in group.columns().iter().enumerate() {
            let index = indexes.and_then(|groups| groups.get(number)?.get(place));
            chunks.push(rewritten(file, group.num_rows(), column, index)?);
        }
    }
    Ok(chunks)
}

/// A column chunk with checksums: the pages become longer, so sizes and offsets change.
fn rewritten(file: &Bytes, rows: i64, column: &ColumnChunkMetaData, index: Option<&OffsetIndexMetaData>) -> Result<Encoded> {
    let (start, length) = column.byte_range();
    let range = usize::try_from(start).ok().zip(usize::try_from(length).ok());
    let chunk = range.and_then(|(start, length)| file.get(start..start.checked_add(length)?)).unwrap_or_default();
    let pages = page_header::pages(chunk)?;
    let (mut offset, mut offset_before) = (0, start);
    let mut locations = Vec::new();
    let mut data_offset = None;
    for (stored, size_before) in &pages {
        if let Some(known) = index.and_then(|index| index.page_locations.iter().find(|page| page.offset as u64 == offset_before))
        {
            data_offset.get_or_insert(offset);
            locations.push(PageLocation {
                offset: number(offset),
                compressed_page_size: i32::try_from(stored.len()).unwrap_or(i32::MAX),
                first_row_index: known.first_row_index,
            });
        }
        offset += stored.len();
        offset_before += *size_before as u64;
    }
    let added = number(offset) - column.compressed_size();
    let metadata = column
        .clone()
        .into_builder()
        .set_total_compressed_size(number(offset))
        .set_total_uncompressed_size(column.uncompressed_size() + added)
        .set_dictionary_page_offset(column.dictionary_page_offset().map(|_| 0))
        .set_data_page_offset(number(data_offset.unwrap_or(0)))
        .build()?;
    let close = ColumnCloseResult {
        bytes_written: offset as u64,
        rows_written: u64::try_from(rows).unwrap_or(0),
        metadata,
        bloom_filter: None,
        column_index: None,
        offset_index: Some(OffsetIndexMetaData { page_locations: locations, unencoded_byte_array_data_bytes: None }),
    };
    Ok((StoredPages(pages.into_iter().map(|(page, _)| page).collect()), close))
}

/// The concatenated pages of a chunk.
#[derive(Debug)]
pub struct StoredPages(Vec<Bytes>);

impl Length for StoredPages {
    fn len(&self) -> u64 {
        self.0.iter().map(|page| page.len() as u64).sum()
    }
}

impl ChunkReader for StoredPages {
    type T = ReadPages;

    fn get_read(&self, start: u64) -> Result<ReadPages> {
        let mut pages = ReadPages { pages: self.0.clone().into(), at: 0 };
        std::io::copy(&mut (&mut pages).take(start), &mut std::io::sink())?;
        Ok(pages)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let mut bytes = vec![0; length];
        self.get_read(start)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// Reads pages sequentially.
#[derive(Debug)]
pub struct ReadPages {
    pages: VecDeque<Bytes>,
    /// The number of bytes of the first page that have been read.
    at: usize,
}

impl Read for ReadPages {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while let Some(page) = self.pages.front() {
            let read = page.get(self.at..).unwrap_or_default().read(out)?;
            if read > 0 || out.is_empty() {
                self.at += read;
                return Ok(read);
            }
            self.pages.pop_front();
            self.at = 0;
        }
        Ok(0)
    }
}

/// How the pages of a chunk are stored.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageCompression {
    /// Compressed.
    #[default]
    Zstd,
    /// Compressed by letter frequencies: ids are random hexadecimal digits, which repeat nothing but use half of each byte.
    Letters,
    /// Uncompressed: compressing a few bytes saves nothing, and readers need no decompressor.
    Plain,
}

/// A column chunk under construction.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// The dictionary page, if any, and the data pages, each with its header.
    stored: Vec<Bytes>,
    /// The bytes and rows of each data page.
    pages: Vec<(usize, usize)>,
    /// The size of the dictionary page, which comes first.
    dictionary: usize,
    /// The total size of pages and headers.
    size: usize,
    /// The total size of pages and headers before compression.
    plain: usize,
    packing: PageCompression,
}

impl Chunk {
    /// An empty chunk.
    pub(super) fn new(packing: PageCompression) -> Self {
        Chunk { packing, ..Chunk::default() }
    }

    /// The number of rows so far.
    pub(super) fn rows(&self) -> usize {
        self.pages.iter().map(|(_, rows)| rows).sum()
    }

    /// The number of bytes so far.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Adds the dictionary, which must come before all other pages.
    pub(super) fn add_dictionary(&mut self, body: &[u8], values: usize) -> Result<()> {
        let num_values = u32::try_from(values).unwrap_or(u32::MAX);
        self.dictionary =
            self.write(body, |buf| Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: false })?;
        Ok(())
    }

    /// Adds a page with this many rows: levels, then values in this encoding.
    pub(super) fn add_page(&mut self, body: &[u8], rows: usize, encoding: Encoding) -> Result<()> {
        let size = self.write(body, |buf| Page::DataPage {
            buf,
            num_values: u32::try_from(rows).unwrap_or(u32::MAX),
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        })?;
        self.pages.push((size, rows));
        Ok(())
    }

    /// Writes a page after its header and returns the size of both.
    fn write(&mut self, body: &[u8], page: impl FnOnce(Bytes) -> Page) -> Result<usize> {
        let (stored, plain) = PRESS.with(|press| press.borrow_mut().store(body, self.packing, page))?;
        let size = stored.len();
        self.stored.push(stored.into());
        self.size += size;
        self.plain += plain;
        Ok(size)
    }

    /// Appends the pages of another chunk, which has no dictionary.
    pub(super) fn append(&mut self, mut other: Chunk) {
        self.stored.append(&mut other.stored);
        self.pages.append(&mut other.pages);
        self.size += other.size;
        self.plain += other.plain;
    }

    /// The finished chunk.
    pub(super) fn finish(self, column: ColumnDescPtr, statistics: Option<Statistics>) -> Result<Encoded> {
        let rows = self.rows();
        let mut page_locations = Vec::with_capacity(self.pages.len());
        let (mut offset, mut first_row) = (self.dictionary, 0);
        for (size, rows) in &self.pages {
            page_locations.push(PageLocation {
                offset: number(offset),
                compressed_page_size: i32::try_from(*size).unwrap_or(i32::MAX),
                first_row_index: number(first_row),
            });
            offset += size;
            first_row += rows;
        }
        let mut encodings = vec![Encoding::PLAIN, Encoding::RLE];
        if self.dictionary > 0 {
            encodings.push(Encoding::RLE_DICTIONARY);
        }
        let compression = match self.packing {
            PageCompression::Zstd | PageCompression::Letters => Compression::ZSTD(ZstdLevel::default()),
            PageCompression::Plain => Compression::UNCOMPRESSED,
        };
        let mut metadata = ColumnChunkMetaData::builder(column)
            .set_encodings(encodings)
            .set_compression(compression)
            .set_num_values(number(rows))
            .set_total_compressed_size(number(self.size))
            .set_total_uncompressed_size(number(self.plain))
            .set_dictionary_page_offset((self.dictionary > 0).then_some(0))
            .set_data_page_offset(number(self.dictionary));
        if let Some(statistics) = statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let close = ColumnCloseResult {
            bytes_written: self.size as u64,
            rows_written: rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(OffsetIndexMetaData { page_locations, unencoded_byte_array_data_bytes: None }),
        };
        Ok((StoredPages(self.stored), close))
    }
}

fn number(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// The compressor of a thread.
struct PageCompressor {
    zstd: Option<zstd::bulk::Compressor<'static>>,
    letters: Option<zstd::bulk::Compressor<'static>>,
    packed: Vec<u8>,
}

thread_local! {
    static PRESS: RefCell<PageCompressor> = const { RefCell::new(PageCompressor { zstd: None, letters: None, packed: Vec::new() }) };
}

impl PageCompressor {
    /// A page as stored, after its header, and the size of both before compression.
    fn store(&mut self, body: &[u8], packing: PageCompression, page: impl FnOnce(Bytes) -> Page) -> Result<(Vec<u8>, usize)> {
        self.pack(body, packing)?;
        let values = Bytes::from(std::mem::take(&mut self.packed));
        let mut stored = Vec::with_capacity(values.len() + HEADER);
        let mut sink = TrackedWrite::new(&mut stored);
        SerializedPageWriter::new(&mut sink).write_page(CompressedPage::new(page(values.clone()), body.len()))?;
        sink.flush()?;
        drop(sink);
        let stored = page_header::with_checksum(&stored)?.stored;
        let plain = stored.len() - values.len() + body.len();
        // The buffer is reused for the next page.
        self.packed = values.into();
        Ok((stored, plain))
    }

    /// Compresses a page into `packed`.
    fn pack(&mut self, body: &[u8], packing: PageCompression) -> Result<()> {
        self.packed.clear();
        match packing {
            PageCompression::Plain => self.packed.extend_from_slice(body),
            PageCompression::Zstd | PageCompression::Letters => {
                let (zstd, level) = match packing {
                    PageCompression::Letters => (&mut self.letters, LETTERS_LEVEL),
                    _ => (&mut self.zstd, LEVEL),
                };
                let zstd = match zstd {
                    Some(zstd) => zstd,
                    empty => empty.insert(zstd::bulk::Compressor::new(level)?),
                };
                self.packed.reserve(zstd::zstd_safe::compress_bound(body.len()));
                zstd.compress_to_buffer(body, &mut self.packed)?;
            }
        }
        Ok(())
    }
}

/// Reserves space for more bytes. After two small steps, `lot` bytes are reserved at once, because many small steps
/// leave behind memory that the allocator cannot reuse.
#[inline]
pub(super) fn make_room(body: &mut Vec<u8>, bytes: usize, lot: usize) {
    const STEPS: [usize; 2] = [4 << 10, 32 << 10];
    let room = body.capacity();
    if room - body.len() < bytes {
        let more = STEPS.into_iter().find(|step| room < *step).unwrap_or(lot);
        body.reserve_exact(bytes.max(more));
    }
}

/// Appends numbers of `width` bits: one run if they are all equal, else bit-packed
/// (<https://parquet.apache.org/docs/file-format/data-pages/encodings/>, run length / bit-packing hybrid).
pub(super) fn put_hybrid(values: impl ExactSizeIterator<Item = u32> + Clone, width: u32, out: &mut Vec<u8>) {
    let count = values.len();
    let mut rest = values.clone();
    let Some(first) = rest.next() else { return };
    if rest.all(|value| value == first) {
        put_varint((count as u64) << 1, out);
        let bytes = width.div_ceil(8) as usize;
        out.extend_from_slice(first.to_le_bytes().get(..bytes).unwrap_or_default());
    } else {
        put_varint(((count as u64).div_ceil(8) << 1) | 1, out);
        put_bits(values, width, out);
    }
}

/// Appends numbers of `width` bits, lowest bit first, padded to a multiple of eight numbers.
pub(super) fn put_bits(mut values: impl ExactSizeIterator<Item = u32>, width: u32, out: &mut Vec<u8>) {
    let end = out.len() + values.len().div_ceil(8) * width as usize;
    out.reserve(end - out.len() + size_of::<u64>());
    // Eight narrow numbers fit into a word.
    while width <= 8 && values.len() >= 8 {
        let eight = values.by_ref().take(8);
        let (word, _) = eight.fold((0, 0), |(word, place), value| (word | u64::from(value) << place, place + width));
        out.extend_from_slice(&word.to_le_bytes());
        out.truncate(out.len() - size_of::<u64>() + width as usize);
    }
    let (mut word, mut bits) = (0u64, 0);
    for value in values {
        word |= u64::from(value) << bits;
        bits += width;
        if bits >= 32 {
            out.extend_from_slice(&(word as u32).to_le_bytes());
            word >>= 32;
            bits -= 32;
        }
    }
    let left = word.to_le_bytes();
    out.extend_from_slice(left.get(..bits.div_ceil(8) as usize).unwrap_or_default());
    out.resize(end, 0);
}

fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends the definition levels of a page after their length: which rows have a value.
pub(super) fn put_levels(present: impl ExactSizeIterator<Item = bool> + Clone, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    put_hybrid(present.map(u32::from), 1, out);
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    if let Some(slot) = out.get_mut(start..start + 4) {
        slot.copy_from_slice(&length.to_le_bytes());
    }
}

/// The number of bits needed to distinguish this many values.
pub(super) fn width_of(values: usize) -> u32 {
    values.checked_sub(1).map_or(0, |largest| usize::BITS - largest.leading_zeros())
}
