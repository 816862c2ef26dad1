//! The original records of a table, compressed while they arrive.
//!
//! Originals are nine tenths of the bytes of a log. Gathered as a column they would be copied four times, and
//! be compressed long after the processor has forgotten them. So each goes straight into an open page of a
//! Parquet column (optional byte arrays, plain), and a full page is compressed at once, into a tenth.

use super::pages::{Chunk, Encoded, PAGE_BYTES, put_levels};
use parquet::basic::Encoding;
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescPtr;

/// Room before the values of a page for the levels of a page in which all rows have a value, or none.
const FRONT: usize = 16;

/// The originals of a number of rows, as the pages of a column chunk.
#[derive(Debug, Default)]
pub struct Originals {
    chunk: Chunk,
    open: OpenPage,
    problem: Option<ParquetError>,
}

/// The page that is being filled.
#[derive(Debug, Default)]
struct OpenPage {
    /// [`FRONT`] bytes of room, then each value behind its length.
    body: Vec<u8>,
    /// Which rows have a value.
    present: Vec<bool>,
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
        self.present.push(text.is_some());
    }

    /// Gives the page, levels before values.
    fn bytes(&mut self) -> &[u8] {
        let mut levels = Vec::new();
        put_levels(self.present.iter().copied(), &mut levels);
        let start = FRONT.saturating_sub(levels.len());
        self.body.splice(start..FRONT, levels);
        self.body.get(start..).unwrap_or_default()
    }

    fn clear(&mut self) {
        self.body.clear();
        self.present.clear();
    }
}

impl Originals {
    /// Adds the original of the next row and says by how many bytes this grew.
    pub fn push(&mut self, text: Option<&str>) -> usize {
        let before = self.chunk.size() + self.open.body.capacity();
        self.open.push(text);
        if self.open.body.len() >= PAGE_BYTES {
            self.close_page();
        }
        (self.chunk.size() + self.open.body.capacity()).saturating_sub(before)
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.chunk.rows() + self.open.present.len()
    }

    /// Puts others behind these.
    pub fn append(&mut self, mut other: Originals) {
        self.close_page();
        other.close_page();
        self.chunk.append(other.chunk);
        self.problem = self.problem.take().or(other.problem);
    }

    /// An error is kept for the end, so that adding a row cannot fail.
    fn close_page(&mut self) {
        let rows = self.open.present.len();
        if rows == 0 {
            return;
        }
        if let Err(error) = self.chunk.add_page(self.open.bytes(), rows, Encoding::PLAIN) {
            self.problem = Some(error);
        }
        self.open.clear();
    }

    /// The column as a Parquet chunk.
    pub fn encode(mut self, column: ColumnDescPtr) -> Result<Encoded> {
        self.close_page();
        match self.problem {
            Some(problem) => Err(problem),
            None => self.chunk.finish(column, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};
    use bytes::Bytes;
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
        let (chunk, close) = originals.encode(column).unwrap();
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
        assert!(originals.chunk.rows() < originals.rows() && originals.rows() == texts.len());
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
