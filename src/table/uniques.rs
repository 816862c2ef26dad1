//! A column of texts that differ from row to row: ids, and original records where they stay in memory.
//!
//! Texts are gathered as Parquet has them in a page of plain values (length, then bytes), so that they are copied
//! once. Invariant: a row without a text adds nothing to `body`, a row with one at least its length.

use super::pages::{Chunk, Encoded, PAGE_BYTES, PAGE_ROWS, Packing, make_room, put_levels};
use super::text_statistics;
use arrow::array::{ArrayRef, StringViewBuilder};
use arrow::buffer::Buffer;
use arrow::error::ArrowError;
use parquet::basic::Encoding;
use parquet::errors::Result;
use parquet::schema::types::ColumnDescPtr;
use std::ops::Range;
use std::sync::Arc;

/// Bytes of the length before a text.
const LENGTH: usize = 4;

/// Bytes of room that a column of many rows gets at once, or as much as it has.
const MANY: usize = 1 << 20;

/// The texts of a column.
#[derive(Debug, Default)]
pub struct Uniques {
    body: Vec<u8>,
    /// Where the text of each row stands in `body`, with its length before it; [`MISSING`] where there is none.
    starts: Vec<usize>,
}

/// The place of a text that is not there.
const MISSING: usize = usize::MAX;

impl Uniques {
    /// Adds a row and says by how many bytes this grew.
    #[inline]
    pub(super) fn push(&mut self, text: Option<&str>) -> usize {
        let Some(text) = text else {
            self.starts.push(MISSING);
            return size_of::<usize>();
        };
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let bytes = LENGTH + text.len();
        let lot = self.body.capacity().max(MANY);
        make_room(&mut self.body, bytes, lot);
        self.starts.push(self.body.len());
        self.body.extend_from_slice(&length.to_le_bytes());
        self.body.extend_from_slice(text.as_bytes());
        bytes + size_of::<usize>()
    }

    /// Puts the rows of another column behind these.
    pub(super) fn join(&mut self, other: &Uniques) {
        let base = self.body.len();
        self.body.extend_from_slice(&other.body);
        self.starts.extend(other.starts.iter().map(|start| if *start == MISSING { MISSING } else { base + start }));
    }

    /// Puts the rows into another order.
    pub(super) fn arrange(&mut self, order: &[u32]) {
        self.starts = order.iter().map(|row| self.starts.get(*row as usize).copied().unwrap_or(MISSING)).collect();
    }

    /// The part of `body` that a text takes with the length before it, by its place.
    fn part(&self, start: usize) -> Option<Range<usize>> {
        let length = self.body.get(start..)?.first_chunk::<LENGTH>()?;
        Some(start..start + LENGTH + u32::from_le_bytes(*length) as usize)
    }

    /// The texts that are there.
    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.starts.iter().filter_map(|start| self.body.get(self.part(*start)?)?.get(LENGTH..))
    }

    /// The column as Arrow has it.
    pub(super) fn into_array(self) -> Result<ArrayRef, ArrowError> {
        let mut array = StringViewBuilder::with_capacity(self.starts.len());
        let parts: Vec<Option<Range<usize>>> = self.starts.iter().map(|start| self.part(*start)).collect();
        // A block of views has at most 4 GiB; one as large as that is cut where a row ends.
        let mut blocks = Blocks { body: Buffer::from_vec(self.body), base: 0, block: None };
        for part in parts {
            match part {
                None => array.append_null(),
                Some(part) => {
                    let (block, offset) = blocks.place(part.start + LENGTH, part.end, &mut array);
                    let length = u32::try_from(part.len() - LENGTH).unwrap_or(u32::MAX);
                    array.try_append_view(block, offset, length)?;
                }
            }
        }
        Ok(Arc::new(array.finish()))
    }

    /// The column as a Parquet chunk.
    pub(super) fn encode(self, packing: Packing, column: ColumnDescPtr) -> Result<Encoded> {
        let nulls = self.starts.iter().filter(|start| **start == MISSING).count();
        let statistics = text_statistics(self.texts(), nulls);
        let mut chunk = Chunk::new(packing);
        let (mut page, mut texts) = (Vec::new(), Vec::new());
        let mut rest = self.starts.as_slice();
        while !rest.is_empty() {
            texts.clear();
            let mut rows = 0;
            for start in rest.iter().take(PAGE_ROWS) {
                let text = self.part(*start).and_then(|part| self.body.get(part)).unwrap_or_default();
                if rows > 0 && texts.len() + text.len() > PAGE_BYTES {
                    break;
                }
                texts.extend_from_slice(text);
                rows += 1;
            }
            let (starts, after) = rest.split_at_checked(rows).unwrap_or((rest, &[]));
            page.clear();
            put_levels(starts.iter().map(|start| *start != MISSING), &mut page);
            page.extend_from_slice(&texts);
            chunk.add_page(&page, rows, Encoding::PLAIN)?;
            rest = after;
        }
        chunk.finish(column, Some(statistics))
    }
}

/// The body of a column as blocks of an array of views.
struct Blocks {
    body: Buffer,
    /// Where the current block begins.
    base: usize,
    block: Option<u32>,
}

impl Blocks {
    /// The block and offset of a text.
    fn place(&mut self, start: usize, end: usize, array: &mut StringViewBuilder) -> (u32, u32) {
        const LARGEST: usize = i32::MAX as usize;
        let block = match self.block {
            Some(block) if start >= self.base && end - self.base <= LARGEST => block,
            _ => {
                self.base = start;
                let length = (self.body.len() - start).min(LARGEST);
                let block = array.append_block(self.body.slice_with_length(start, length));
                self.block = Some(block);
                block
            }
        };
        (block, u32::try_from(start - self.base).unwrap_or(u32::MAX))
    }
}
