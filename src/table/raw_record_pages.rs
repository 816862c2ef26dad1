//! Compresses the original records of a table as they are added.
//!
//! Originals are nine tenths of the bytes of a log. If they were collected in a column, they would be copied four
//! times and compressed long after they left the processor cache. Instead, each record is written directly to an open
//! page of a Parquet column (optional byte arrays, plain encoding), and a full page is compressed immediately, to a
//! twentieth of its size.
//!
//! Records of the same kind look alike: stored next to each other, they take half the time to compress and half the
//! space. Therefore several pages are open, and each record is added to the page of its kind.
//! [`RawRecordPages::take_order`] returns the row permutation that the other columns must apply.
//!
//! An id that has its own column is not stored twice, because random digits cost more than all other text together.
//! In the original, a JSON escape replaces the whole value ([`ID_PLACEHOLDERS`]), so the stored text is valid JSON for any
//! reader; [`restore`] puts the id back. Stores with older formats have the bare control character instead.

use super::pages::{Chunk, Encoded, PAGE_BYTES, make_room, put_levels};
use crate::substr::offset_in;
use foldhash::fast::FixedState;
use memchr::memmem;
use parquet::basic::Encoding;
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescPtr;
use std::borrow::Cow;
use std::hash::BuildHasher;
use std::sync::LazyLock;

/// The placeholder that replaces an id between its quotes, and the column with the id.
pub const ID_PLACEHOLDERS: [(&str, &str); 3] = [(r"\u0001", "id"), (r"\u0002", "request_id"), (r"\u0003", "shared_event_id")];

/// The prefix of every placeholder.
const BEGIN: &str = "\"\\u000";

static FIND_PLACEHOLDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(BEGIN));

/// Marks an original that is stored unchanged because one of its values looks like a placeholder. JSON can start with
/// a space.
const AS_IT_IS: char = ' ';

/// The placeholders in stores of formats 1 and 2.
const OLD_STAND_INS: [char; 3] = ['\u{1}', '\u{2}', '\u{3}'];

/// The ids of a record, in the order of [`ID_PLACEHOLDERS`].
pub type OwnIds<'a> = [Option<&'a str>; ID_PLACEHOLDERS.len()];

/// An original record.
#[derive(Debug, Clone, Copy)]
pub struct OriginalText<'a> {
    /// The text.
    pub text: &'a str,
    /// The ids in it that have columns of their own.
    pub ids: OwnIds<'a>,
    /// The similarity key of records that look alike: the name of the call.
    pub kind: Option<&'a str>,
}

impl<'a> OriginalText<'a> {
    /// The positions of its ids. Ids nearly always point into the same bytes; in a rewritten text, they are found
    /// after their names.
    fn places(&self) -> [Option<usize>; ID_PLACEHOLDERS.len()] {
        static NAME: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(r#"ID":""#));
        let ids = self.ids.map(|id| id.filter(|id| !id.is_empty()));
        let mut places = ids.map(|id| offset_in(id?, self.text));
        if ids.iter().zip(&places).all(|(id, place)| id.is_some() == place.is_some()) {
            return places;
        }
        let bytes = self.text.as_bytes();
        for at in NAME.find_iter(bytes).map(|at| at + NAME.needle().len()) {
            let stands_here = |id: &str| bytes.get(at..).is_some_and(|rest| rest.starts_with(id.as_bytes()));
            for (place, id) in places.iter_mut().zip(ids) {
                *place = place.or_else(|| id.filter(|id| stands_here(id)).map(|_| at));
            }
        }
        for (place, id) in places.iter_mut().zip(ids) {
            *place = place.or_else(|| memmem::find(bytes, id?.as_bytes()));
        }
        places
    }

    /// Passes the record piece by piece, with placeholders for its ids.
    fn pieces(&self, mut on: impl FnMut(&[u8])) {
        let bytes = self.text.as_bytes();
        if has_none(&self.ids) {
            return on(bytes);
        }
        if self.text.starts_with(AS_IT_IS) || FIND_PLACEHOLDER.find(bytes).is_some() {
            on(&[AS_IT_IS as u8]);
            return on(bytes);
        }
        let is_quote = |place: Option<usize>| place.and_then(|place| bytes.get(place)) == Some(&b'"');
        let mut found = [(usize::MAX, 0, ""); ID_PLACEHOLDERS.len()];
        for (((slot, id), place), (stand_in, _)) in found.iter_mut().zip(self.ids).zip(self.places()).zip(ID_PLACEHOLDERS) {
            if let (Some(id), Some(place)) = (id, place)
                && is_quote(place.checked_sub(1))
                && is_quote(place.checked_add(id.len()))
            {
                *slot = (place, id.len(), stand_in);
            }
        }
        found.sort_unstable();
        let mut from = 0;
        for (place, length, stand_in) in found {
            // The same id in two columns has only one position.
            let Some(before) = bytes.get(from..place) else { continue };
            on(before);
            on(stand_in.as_bytes());
            from = place + length;
        }
        on(bytes.get(from..).unwrap_or_default());
    }
}

impl<'a> From<&'a str> for OriginalText<'a> {
    /// An original that is stored unchanged.
    fn from(text: &'a str) -> Self {
        OriginalText { text, ids: OwnIds::default(), kind: None }
    }
}

fn has_none(ids: &OwnIds<'_>) -> bool {
    ids.iter().all(|id| id.is_none_or(str::is_empty))
}

/// Restores an original from the stored text and its ids.
pub fn restore<'a>(kept: &'a str, ids: OwnIds<'_>) -> Cow<'a, str> {
    if has_none(&ids) {
        return Cow::Borrowed(kept);
    }
    if let Some(text) = kept.strip_prefix(AS_IT_IS) {
        return Cow::Borrowed(text);
    }
    if memchr::memchr3(OLD_STAND_INS[0] as u8, OLD_STAND_INS[1] as u8, OLD_STAND_INS[2] as u8, kept.as_bytes()).is_some() {
        return Cow::Owned(restore_old(kept, ids));
    }
    let (mut whole, mut done) = (String::new(), 0);
    for at in FIND_PLACEHOLDER.find_iter(kept.as_bytes()) {
        // A placeholder is the whole value.
        let own = ID_PLACEHOLDERS.iter().zip(ids).find_map(|((placeholder, _), id)| {
            let end = at + 1 + placeholder.len();
            let is_value = kept.get(at + 1..end) == Some(*placeholder) && kept.as_bytes().get(end) == Some(&b'"');
            id.filter(|_| is_value).map(|id| (id, end))
        });
        let Some((id, end)) = own else { continue };
        if whole.is_empty() {
            whole.reserve(kept.len() + 128);
        }
        whole.push_str(kept.get(done..=at).unwrap_or_default());
        whole.push_str(id);
        done = end;
    }
    if done == 0 {
        return Cow::Borrowed(kept);
    }
    whole.push_str(kept.get(done..).unwrap_or_default());
    Cow::Owned(whole)
}

fn restore_old(kept: &str, ids: OwnIds<'_>) -> String {
    let mut whole = String::with_capacity(kept.len() + 128);
    for part in kept.split_inclusive(OLD_STAND_INS) {
        let id = OLD_STAND_INS.iter().zip(ids).find_map(|(stand_in, id)| Some((part.strip_suffix(*stand_in)?, id)));
        let (text, id) = id.unwrap_or((part, None));
        whole.push_str(text);
        whole.push_str(id.unwrap_or_default());
    }
    whole
}

/// Space before the values of a page for its levels, if all rows have a value or none does.
const FRONT: usize = 16;
/// Bytes of the length prefix of a string.
const LENGTH: usize = 4;

/// The number of pages that are open at a time.
const OPEN: usize = 8;
/// The maximum bytes of all open pages; beyond it, the largest page is closed. A load has one set of pages per day.
const OPEN_BYTES: usize = 2 << 20;

/// The originals of a number of rows, as the pages of a column chunk.
#[derive(Debug, Default)]
pub struct RawRecordPages {
    chunk: Chunk,
    open: Vec<OpenPage>,
    /// Bytes of the open pages.
    open_bytes: usize,
    /// The rows of the pages so far, by insertion order.
    order: Vec<u32>,
    rows: usize,
    problem: Option<ParquetError>,
}

/// A page that is being filled.
#[derive(Debug, Default)]
struct OpenPage {
    /// [`FRONT`] bytes of space, then each value after its length.
    body: Vec<u8>,
    /// Its rows, and which of them have a value.
    rows: Vec<u32>,
    present: Vec<bool>,
}

impl OpenPage {
    fn push(&mut self, row: u32, original: Option<&OriginalText<'_>>) {
        if self.body.is_empty() {
            self.body.resize(FRONT, 0);
        }
        if let Some(original) = original {
            let start = self.body.len();
            make_room(&mut self.body, LENGTH + original.text.len(), PAGE_BYTES);
            self.body.extend_from_slice(&[0; LENGTH]);
            original.pieces(|piece| self.body.extend_from_slice(piece));
            let length = u32::try_from(self.body.len() - start - LENGTH).unwrap_or(u32::MAX);
            if let Some(slot) = self.body.get_mut(start..start + LENGTH) {
                slot.copy_from_slice(&length.to_le_bytes());
            }
        }
        self.rows.push(row);
        self.present.push(original.is_some());
    }

    /// Finishes the page, with the levels before the values.
    fn bytes(&mut self) -> &[u8] {
        let mut levels = Vec::new();
        put_levels(self.present.iter().copied(), &mut levels);
        let start = FRONT.saturating_sub(levels.len());
        self.body.splice(start..FRONT, levels);
        self.body.get(start..).unwrap_or_default()
    }

    fn clear(&mut self) {
        self.body.clear();
        self.rows.clear();
        self.present.clear();
    }
}

/// The open page for records of a kind.
fn place_of_kind(kind: Option<&str>) -> usize {
    kind.map_or(0, |kind| FixedState::default().hash_one(kind) as usize % OPEN)
}

impl RawRecordPages {
    /// Adds the original of the next row and returns by how many bytes the pages grew.
    pub fn push(&mut self, original: Option<&OriginalText<'_>>) -> usize {
        let row = u32::try_from(self.rows).unwrap_or(u32::MAX);
        self.rows += 1;
        let place = place_of_kind(original.and_then(|original| original.kind));
        if self.open.len() <= place {
            self.open.resize_with(place + 1, OpenPage::default);
        }
        let Some(open) = self.open.get_mut(place) else { return 0 };
        let (stored, room, bytes) = (self.chunk.size(), open.body.capacity(), open.body.len());
        open.push(row, original);
        let grown = open.body.capacity().saturating_sub(room);
        self.open_bytes += open.body.len() - bytes;
        if open.body.len() >= PAGE_BYTES {
            self.close_page(place);
        } else if self.open_bytes >= OPEN_BYTES {
            let largest = (0..self.open.len()).max_by_key(|place| self.open.get(*place).map(|open| open.body.len()));
            self.close_page(largest.unwrap_or(place));
        }
        grown + self.chunk.size() - stored + size_of::<u32>()
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Appends other originals.
    pub fn append(&mut self, mut other: RawRecordPages) {
        self.close_pages();
        other.close_pages();
        let base = u32::try_from(self.rows).unwrap_or(u32::MAX);
        self.order.extend(other.order.iter().map(|row| base.saturating_add(*row)));
        self.rows += other.rows;
        self.chunk.append(other.chunk);
        self.problem = self.problem.take().or(other.problem);
    }

    fn close_pages(&mut self) {
        (0..self.open.len()).for_each(|place| self.close_page(place));
    }

    /// Errors are kept until the end, so that adding a row cannot fail.
    fn close_page(&mut self, place: usize) {
        let Some(open) = self.open.get_mut(place).filter(|open| !open.rows.is_empty()) else { return };
        let rows = open.rows.len();
        self.open_bytes -= open.body.len();
        if let Err(error) = self.chunk.add_page(open.bytes(), rows, Encoding::PLAIN) {
            self.problem = Some(error);
        }
        self.order.append(&mut open.rows);
        open.clear();
    }

    /// The order in which the rows are stored, relative to the insertion order; none if they are equal. No more rows
    /// may be added.
    pub fn take_order(&mut self) -> Option<Vec<u32>> {
        self.close_pages();
        let order = std::mem::take(&mut self.order);
        (!order.is_sorted()).then_some(order)
    }

    /// The column as a Parquet chunk.
    pub fn encode(mut self, column: ColumnDescPtr) -> Result<Encoded> {
        self.close_pages();
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

    /// What a Parquet reader finds in a file with these originals, in insertion order.
    fn read_back(mut originals: RawRecordPages) -> Vec<Option<String>> {
        let order = originals.take_order();
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
        let stored: Vec<_> = batches.iter().flat_map(|batch| -> Vec<_> { texts(batch.column(0)) }).collect();
        let Some(order) = order else { return stored };
        let mut rows: Vec<(u32, Option<String>)> = order.into_iter().zip(stored).collect();
        rows.sort();
        rows.into_iter().map(|(_, text)| text).collect()
    }

    fn gather(texts: &[Option<String>]) -> RawRecordPages {
        let mut originals = RawRecordPages::default();
        texts.iter().for_each(|text| {
            let kind = text.as_deref().and_then(|text| text.get(..2));
            originals.push(text.as_deref().map(|text| OriginalText { kind, ..OriginalText::from(text) }).as_ref());
        });
        originals
    }

    #[test]
    fn many_pages_are_read_back() {
        let texts: Vec<_> = (0..40_000)
            .map(|row| (row % 7 != 3).then(|| format!("{}{{\"record\":{row},\"{}\"}}", row % 30, "x".repeat(row % 90))))
            .collect();
        let originals = gather(&texts);
        assert!(originals.chunk.rows() < originals.rows() && originals.rows() == texts.len());
        assert_eq!(read_back(originals), texts);
    }

    /// The stored text of an original.
    fn kept(original: &OriginalText<'_>) -> String {
        let mut bytes = Vec::new();
        original.pieces(|piece| bytes.extend_from_slice(piece));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn ids_are_not_kept_twice() {
        let text = r#"{"requestID":"r-1","eventID":"e-1","note":"r-1","sharedEventID":"s-1"}"#;
        let original = OriginalText { text, ids: [text.get(30..33), Some("r-1"), Some("s-1")], kind: None };
        let expected = r#"{"requestID":"\u0002","eventID":"\u0001","note":"r-1","sharedEventID":"\u0003"}"#;
        assert_eq!(kept(&original), expected);
        assert_eq!(restore(expected, original.ids), text);
        assert!(matches!(restore(text, original.ids), Cow::Borrowed(_)));
        // The form in stores with older formats.
        let old = "{\"requestID\":\"\u{2}\",\"eventID\":\"\u{1}\",\"note\":\"r-1\",\"sharedEventID\":\"\u{3}\"}";
        assert_eq!(restore(old, original.ids), text);
        // Only a whole value is replaced, and nothing is replaced if the text contains such a value itself.
        for (text, as_it_is) in [
            (r#"{"requestID":"x-e-1"}"#, ""),
            (r#"{"eventID":"e-1","note":"\u0001"}"#, " "),
            (r#"{"eventID":"e-1","note":"\u0009"}"#, " "),
            (r#" {"requestID":"x-e-1"}"#, " "),
        ] {
            let original = OriginalText { text, ids: [Some("e-1"), None, None], kind: None };
            assert_eq!(kept(&original), format!("{as_it_is}{text}"));
            assert_eq!(restore(&kept(&original), original.ids), text);
        }
        // An id that is not in the text, and an id in two columns.
        let original = OriginalText { text, ids: [Some("0123"), Some("s-1"), Some("s-1")], kind: None };
        assert_eq!(restore(&kept(&original), original.ids), text);
    }

    proptest! {
        #[test]
        fn what_is_left_out_is_put_back(
            text in "([ab\"é ]|\\\\u000[123]|\"\\\\u0001\"){0,30}",
            ids in prop::array::uniform3(prop::option::of("[abé]{0,4}")),
        ) {
            let original = OriginalText { text: &text, ids: ids.each_ref().map(|id| id.as_deref()), kind: None };
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
