//! The original records of a table, compressed while they arrive.
//!
//! Originals are nine tenths of the bytes of a log. Gathered as a column they would be copied four times, and
//! be compressed long after the processor has forgotten them. So each goes straight into an open page of a
//! Parquet column (optional byte arrays, plain), and a full page is compressed at once, into a tenth.
//! Invariant: the pages are those of one column chunk as the Parquet format has it
//! (<https://parquet.apache.org/docs/file-format/data-pages/>), so any reader reads them.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::{OffsetIndexMetaData, PageLocation};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use std::cell::RefCell;
use std::io::Write;

/// A page is closed beyond this many bytes: large enough that neighbours compress each other.
const PAGE: usize = 1 << 20;
/// Room before the values of a page for the levels of a page without missing values.
const FRONT: usize = 16;
/// Zstandard level 1 runs at about 1 GB/s a core.
const LEVEL: i32 = 1;

/// The originals of a number of rows, as the pages of a column chunk.
#[derive(Debug, Default)]
pub struct Originals {
    /// Pages with their headers, one after the other.
    chunk: Vec<u8>,
    /// The bytes and rows of each.
    pages: Vec<(usize, usize)>,
    /// Bytes of the pages and headers before compression.
    plain: usize,
    open: OpenPage,
    problem: Option<ParquetError>,
}

/// The page that is being filled.
#[derive(Debug, Default)]
struct OpenPage {
    /// [`FRONT`] bytes of room, then each value behind its length.
    body: Vec<u8>,
    /// Which rows have a value, as runs of equal rows.
    runs: Vec<(bool, usize)>,
    rows: usize,
}

impl OpenPage {
    fn push(&mut self, text: Option<&str>) {
        if self.body.is_empty() {
            self.body.resize(FRONT, 0);
        }
        if let Some(text) = text {
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            self.body.extend_from_slice(&length.to_le_bytes());
            self.body.extend_from_slice(text.as_bytes());
        }
        match self.runs.last_mut() {
            Some((present, rows)) if *present == text.is_some() => *rows += 1,
            _ => self.runs.push((text.is_some(), 1)),
        }
        self.rows += 1;
    }

    /// Definition levels, behind their length: runs of the hybrid encoding, one bit wide.
    fn levels(&self) -> Vec<u8> {
        let mut levels = vec![0; 4];
        for (present, rows) in &self.runs {
            let mut header = (*rows as u64) << 1;
            while header >= 0x80 {
                levels.push(header as u8 | 0x80);
                header >>= 7;
            }
            levels.push(header as u8);
            levels.push(u8::from(*present));
        }
        let length = u32::try_from(levels.len() - 4).unwrap_or(u32::MAX);
        levels.splice(..4, length.to_le_bytes());
        levels
    }

    /// Gives the page, levels before values.
    fn bytes(&mut self) -> &[u8] {
        let levels = self.levels();
        let start = match FRONT.checked_sub(levels.len()) {
            Some(start) => {
                self.body.splice(start..FRONT, levels);
                start
            }
            None => {
                self.body.splice(..FRONT, levels);
                0
            }
        };
        self.body.get(start..).unwrap_or_default()
    }

    fn clear(&mut self) {
        self.body.clear();
        self.runs.clear();
        self.rows = 0;
    }
}

/// What a thread compresses with.
struct Press {
    zstd: Option<zstd::bulk::Compressor<'static>>,
    packed: Vec<u8>,
}

thread_local! {
    static PRESS: RefCell<Press> = const { RefCell::new(Press { zstd: None, packed: Vec::new() }) };
}

impl Press {
    /// Compresses one page.
    fn press(&mut self, page: &[u8]) -> Result<Bytes> {
        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            empty => empty.insert(zstd::bulk::Compressor::new(LEVEL)?),
        };
        self.packed.clear();
        self.packed.reserve(zstd::zstd_safe::compress_bound(page.len()));
        zstd.compress_to_buffer(page, &mut self.packed)?;
        Ok(Bytes::copy_from_slice(&self.packed))
    }
}

impl Originals {
    /// Adds the original of the next row and says by how many bytes this grew.
    pub fn push(&mut self, text: Option<&str>) -> usize {
        let before = self.chunk.capacity() + self.open.body.capacity();
        self.open.push(text);
        if self.open.body.len() >= PAGE {
            self.close_page();
        }
        (self.chunk.capacity() + self.open.body.capacity()).saturating_sub(before)
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.pages.iter().map(|(_, rows)| rows).sum::<usize>() + self.open.rows
    }

    /// Puts others behind these.
    pub fn append(&mut self, mut other: Originals) {
        self.close_page();
        other.close_page();
        self.chunk.append(&mut other.chunk);
        self.pages.append(&mut other.pages);
        self.plain += other.plain;
        self.problem = self.problem.take().or(other.problem);
    }

    /// An error is kept for the end, so that adding a row cannot fail.
    fn close_page(&mut self) {
        if self.open.rows == 0 {
            return;
        }
        let rows = self.open.rows;
        let before = self.chunk.len();
        match write_page(self.open.bytes(), rows, &mut self.chunk) {
            Ok(plain) => {
                self.plain += plain;
                self.pages.push((self.chunk.len() - before, rows));
            }
            Err(error) => self.problem = Some(error),
        }
        self.open.clear();
    }

    /// The bytes of the column chunk, and what a Parquet file has to know of it.
    pub fn finish(mut self, column: ColumnDescPtr) -> Result<(Bytes, ColumnCloseResult)> {
        self.close_page();
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let rows = self.rows();
        let number = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        let mut page_locations = Vec::with_capacity(self.pages.len());
        let (mut offset, mut first_row) = (0, 0);
        for (size, rows) in &self.pages {
            page_locations.push(PageLocation {
                offset: number(offset),
                compressed_page_size: i32::try_from(*size).unwrap_or(i32::MAX),
                first_row_index: number(first_row),
            });
            offset += size;
            first_row += rows;
        }
        let metadata = ColumnChunkMetaData::builder(column)
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE])
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
            .set_num_values(number(rows))
            .set_total_compressed_size(number(self.chunk.len()))
            .set_total_uncompressed_size(number(self.plain))
            .set_data_page_offset(0)
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: self.chunk.len() as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(OffsetIndexMetaData { page_locations, unencoded_byte_array_data_bytes: None }),
        };
        Ok((self.chunk.into(), close))
    }
}

/// Writes a page behind its header, and gives the bytes both would have without compression.
fn write_page(page: &[u8], rows: usize, chunk: &mut Vec<u8>) -> Result<usize> {
    let buf = PRESS.with(|press| press.borrow_mut().press(page))?;
    let data = Page::DataPage {
        buf,
        num_values: u32::try_from(rows).unwrap_or(u32::MAX),
        encoding: Encoding::PLAIN,
        def_level_encoding: Encoding::RLE,
        rep_level_encoding: Encoding::RLE,
        statistics: None,
    };
    let mut sink = TrackedWrite::new(chunk);
    let spec = SerializedPageWriter::new(&mut sink).write_page(CompressedPage::new(data, page.len()))?;
    sink.flush()?;
    Ok(spec.uncompressed_size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    use proptest::prelude::*;
    use std::sync::Arc;

    /// What a reader of Parquet finds in the file that the originals make.
    fn read_back(originals: Originals) -> Vec<Option<String>> {
        let schema = Arc::new(parse_message_type("message m { optional binary raw (UTF8); }").unwrap());
        let properties = Arc::new(WriterProperties::builder().build());
        let mut file = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
        let column = file.schema_descr().column(0);
        let (chunk, close) = originals.finish(column).unwrap();
        let mut group = file.next_row_group().unwrap();
        group.append_column(&chunk, close).unwrap();
        group.close().unwrap();
        let bytes = Bytes::from(file.into_inner().unwrap());
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
        let batches: Vec<_> = reader.map(Result::unwrap).collect();
        let texts = |column: &dyn Array| column.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect();
        batches.iter().flat_map(|batch| -> Vec<_> { texts(batch.column(0)) }).collect()
    }

    fn gather(texts: &[Option<String>]) -> Originals {
        let mut originals = Originals::default();
        texts.iter().for_each(|text| {
            originals.push(text.as_deref());
        });
        originals
    }

    #[test]
    fn many_pages_are_read_back() {
        let texts: Vec<_> =
            (0..40_000).map(|row| (row % 7 != 3).then(|| format!("{{\"record\":{row},\"{}\"}}", "x".repeat(row % 90)))).collect();
        let originals = gather(&texts);
        assert!(originals.pages.len() > 1 && originals.rows() == texts.len());
        assert_eq!(read_back(originals), texts);
    }

    proptest! {
        #[test]
        fn what_is_set_apart_is_read_back(
            first in prop::collection::vec(prop::option::of("[a-zé\"]{0,40}"), 0..200),
            second in prop::collection::vec(prop::option::of("[a-z]{0,4}"), 0..20),
        ) {
            let mut originals = gather(&first);
            originals.append(gather(&second));
            let expected = [first, second].concat();
            prop_assert_eq!(originals.rows(), expected.len());
            if !expected.is_empty() {
                prop_assert_eq!(read_back(originals), expected);
            }
        }
    }
}
