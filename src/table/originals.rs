//! The original records of a table, compressed while they arrive.
//!
//! Originals are nine tenths of the bytes of a log. Gathered as a column they would be copied four times, and
//! be compressed long after the processor has forgotten them. So each goes straight into an open page of a
//! Parquet column (optional byte arrays, plain), and a full page is compressed at once, into a tenth.
//!
//! An id that has a column of its own is not kept twice: random digits cost more than all other text together. In the
//! original a control character stands for it, which no JSON text holds ([`STAND_INS`]); [`restore`] puts it back.

use super::pages::{Chunk, Encoded, PAGE_BYTES, put_levels};
use crate::part::place_of;
use memchr::memmem;
use parquet::basic::Encoding;
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescPtr;
use std::borrow::Cow;

/// What stands in an original for an id, and the column that has the id.
pub const STAND_INS: [(char, &str); 3] = [('\u{1}', "id"), ('\u{2}', "request_id"), ('\u{3}', "shared_event_id")];

/// The ids of a record, in the order of [`STAND_INS`].
pub type OwnIds<'a> = [Option<&'a str>; STAND_INS.len()];

/// An original record.
#[derive(Debug, Clone, Copy)]
pub struct OriginalText<'a> {
    /// Its text.
    pub text: &'a str,
    /// The ids in it that columns of their own have.
    pub ids: OwnIds<'a>,
}

impl<'a> OriginalText<'a> {
    /// Gives it piece by piece, with stand-ins for its ids.
    fn pieces(&self, mut on: impl FnMut(&[u8])) {
        let mut found = [(usize::MAX, 0, 0); STAND_INS.len()];
        for ((slot, id), (stand_in, _)) in found.iter_mut().zip(self.ids).zip(STAND_INS) {
            let Some(id) = id.filter(|id| !id.is_empty()) else { continue };
            if let Some(place) = place_of(id, self.text).or_else(|| find(id, self.text)) {
                *slot = (place, id.len(), stand_in as u8);
            }
        }
        found.sort_unstable();
        let bytes = self.text.as_bytes();
        let mut from = 0;
        for (place, length, stand_in) in found {
            // The same id twice has one place.
            let Some(before) = bytes.get(from..place) else { continue };
            on(before);
            on(&[stand_in]);
            from = place + length;
        }
        on(bytes.get(from..).unwrap_or_default());
    }
}

/// Where a text is found in a whole. Up to so many bytes can be searched for without preparation.
fn find(text: &str, whole: &str) -> Option<usize> {
    const FRONT: usize = 32;
    let (text, whole) = (text.as_bytes(), whole.as_bytes());
    let front = text.get(..FRONT).unwrap_or(text);
    memmem::find_iter(whole, front).find(|at| whole.get(*at..).is_some_and(|rest| rest.starts_with(text)))
}

impl<'a> From<&'a str> for OriginalText<'a> {
    /// An original that is kept as it is.
    fn from(text: &'a str) -> Self {
        OriginalText { text, ids: OwnIds::default() }
    }
}

/// An original as it was, of the text that is kept of it and its ids.
pub fn restore<'a>(kept: &'a str, ids: OwnIds<'_>) -> Cow<'a, str> {
    let is_stand_in = |letter: char| STAND_INS.iter().any(|(stand_in, _)| *stand_in == letter);
    if !kept.contains(is_stand_in) {
        return Cow::Borrowed(kept);
    }
    let mut whole = String::with_capacity(kept.len() + 128);
    for part in kept.split_inclusive(is_stand_in) {
        let id = STAND_INS.iter().zip(ids).find_map(|((stand_in, _), id)| Some((part.strip_suffix(*stand_in)?, id)));
        let (text, id) = id.unwrap_or((part, None));
        whole.push_str(text);
        whole.push_str(id.unwrap_or_default());
    }
    Cow::Owned(whole)
}

/// Room before the values of a page for the levels of a page in which all rows have a value, or none.
const FRONT: usize = 16;
/// Bytes of the length before a text.
const LENGTH: usize = 4;

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
    fn push(&mut self, original: Option<&OriginalText<'_>>) {
        if self.body.is_empty() {
            self.body.resize(FRONT, 0);
        }
        if let Some(original) = original {
            let start = self.body.len();
            self.body.extend_from_slice(&[0; LENGTH]);
            original.pieces(|piece| self.body.extend_from_slice(piece));
            let length = u32::try_from(self.body.len() - start - LENGTH).unwrap_or(u32::MAX);
            if let Some(slot) = self.body.get_mut(start..start + LENGTH) {
                slot.copy_from_slice(&length.to_le_bytes());
            }
        }
        self.present.push(original.is_some());
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
    pub fn push(&mut self, original: Option<&OriginalText<'_>>) -> usize {
        let before = self.chunk.size() + self.open.body.capacity();
        self.open.push(original);
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
            originals.push(text.as_deref().map(OriginalText::from).as_ref());
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

    /// What is kept of an original.
    fn kept(original: &OriginalText<'_>) -> String {
        let mut bytes = Vec::new();
        original.pieces(|piece| bytes.extend_from_slice(piece));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn ids_are_not_kept_twice() {
        let text = r#"{"requestID":"r-1","eventID":"e-1","note":"r-1","sharedEventID":"s-1"}"#;
        let original = OriginalText { text, ids: [text.get(30..33), Some("r-1"), Some("s-1")] };
        let expected = "{\"requestID\":\"\u{2}\",\"eventID\":\"\u{1}\",\"note\":\"r-1\",\"sharedEventID\":\"\u{3}\"}";
        assert_eq!(kept(&original), expected);
        assert_eq!(restore(expected, original.ids), text);
        assert!(matches!(restore(text, original.ids), Cow::Borrowed(_)));
        // An id that the text does not have, and one id in two columns.
        let original = OriginalText { text, ids: [Some("0123"), Some("s-1"), Some("s-1")] };
        assert_eq!(restore(&kept(&original), original.ids), text);
    }

    proptest! {
        #[test]
        fn what_is_left_out_is_put_back(
            text in "[ab\"é]{0,30}",
            ids in prop::array::uniform3(prop::option::of("[abé]{0,4}")),
        ) {
            let original = OriginalText { text: &text, ids: ids.each_ref().map(|id| id.as_deref()) };
            let kept = kept(&original);
            prop_assert_eq!(restore(&kept, original.ids), text.as_str());
        }

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
