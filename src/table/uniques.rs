//! A column of texts that differ from row to row: ids, and original records where they stay in memory.
//!
//! Texts are gathered as Parquet has them in a page of plain values (length, then bytes), so that they are copied
//! once. Invariant: a row without a text adds nothing to `body`, a row with one at least its length.

use super::pages::{Chunk, Encoded, PAGE_BYTES, PAGE_ROWS, Packing, put_levels};
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

/// The texts of a column.
#[derive(Debug, Default)]
pub struct Uniques {
    body: Vec<u8>,
    /// Where each row ends in `body`.
    ends: Vec<usize>,
}

impl Uniques {
    /// Adds a row and says by how many bytes this grew.
    #[inline]
    pub(super) fn push(&mut self, text: Option<&str>) -> usize {
        let before = self.body.len();
        if let Some(text) = text {
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            self.body.extend_from_slice(&length.to_le_bytes());
            self.body.extend_from_slice(text.as_bytes());
        }
        self.ends.push(self.body.len());
        self.body.len() - before + size_of::<usize>()
    }

    /// Puts the rows of another column behind these.
    pub(super) fn join(&mut self, other: &Uniques) {
        let base = self.body.len();
        self.body.extend_from_slice(&other.body);
        self.ends.extend(other.ends.iter().map(|end| base + end));
    }

    /// Puts the rows into another order.
    pub(super) fn arrange(&mut self, order: &[u32]) {
        let parts: Vec<Range<usize>> = self.parts().collect();
        let mut arranged = Uniques { body: Vec::with_capacity(self.body.len()), ends: Vec::with_capacity(order.len()) };
        for row in order {
            let part = parts.get(*row as usize).cloned().and_then(|part| self.body.get(part));
            arranged.body.extend_from_slice(part.unwrap_or_default());
            arranged.ends.push(arranged.body.len());
        }
        *self = arranged;
    }

    /// The part of `body` that each row has.
    fn parts(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| start..*end)
    }

    /// The texts that are there.
    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.parts().filter_map(|part| self.body.get(part.start + LENGTH..part.end))
    }

    /// The column as Arrow has it.
    pub(super) fn into_array(self) -> Result<ArrayRef, ArrowError> {
        let parts: Vec<Range<usize>> = self.parts().collect();
        let mut array = StringViewBuilder::with_capacity(parts.len());
        // A block of views has at most 4 GiB; one as large as that is cut where a row ends.
        let mut blocks = Blocks { body: Buffer::from_vec(self.body), base: 0, block: None };
        for part in parts {
            if part.is_empty() {
                array.append_null();
            } else {
                let (block, offset) = blocks.place(part.start + LENGTH, part.end, &mut array);
                let length = u32::try_from(part.len() - LENGTH).unwrap_or(u32::MAX);
                array.try_append_view(block, offset, length)?;
            }
        }
        Ok(Arc::new(array.finish()))
    }

    /// The column as a Parquet chunk.
    pub(super) fn encode(self, packing: Packing, column: ColumnDescPtr) -> Result<Encoded> {
        let nulls = self.parts().filter(Range::is_empty).count();
        let statistics = text_statistics(self.texts(), nulls);
        let mut chunk = Chunk::new(packing);
        let mut page = Vec::new();
        let mut first = 0;
        while first < self.ends.len() {
            let start = first.checked_sub(1).and_then(|row| self.ends.get(row)).copied().unwrap_or(0);
            let rest = self.ends.get(first..).unwrap_or_default();
            let within = rest.partition_point(|end| end - start <= PAGE_BYTES);
            let rows = within.clamp(1, PAGE_ROWS).min(rest.len());
            let ends = rest.get(..rows).unwrap_or_default();
            let end = ends.last().copied().unwrap_or(start);
            page.clear();
            let starts = std::iter::once(&start).chain(ends);
            let present: Vec<bool> = starts.zip(ends).map(|(start, end)| start != end).collect();
            put_levels(present.into_iter(), &mut page);
            page.extend_from_slice(self.body.get(start..end).unwrap_or_default());
            chunk.add_page(&page, rows, Encoding::PLAIN)?;
            first += rows;
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
            Some(block) if end - self.base <= LARGEST => block,
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
