//! A column of texts that differ from row to row: ids, and original records where they stay in memory.
//!
//! Texts are gathered as Parquet has them in a page of plain values (length, then bytes), so that they are copied
//! once. Invariant: a row without a text adds nothing to a block, a row with one at least its length.

use super::pages::{Chunk, Encoded, PAGE_BYTES, PAGE_ROWS, Packing, make_room, put_levels};
use super::text_statistics;
use arrow::array::{ArrayRef, StringViewBuilder};
use arrow::buffer::Buffer;
use arrow::error::ArrowError;
use parquet::basic::Encoding;
use parquet::errors::Result;
use parquet::schema::types::ColumnDescPtr;
use std::sync::Arc;

/// Bytes of the length before a text.
const LENGTH: usize = 4;

/// Bytes of a block. They are all alike, so that an allocator has room for one where another was; and what is in a
/// block is never moved.
const BLOCK: usize = 512 << 10;

/// The texts of a column.
#[derive(Debug, Default)]
pub struct Uniques {
    /// The texts, each behind its length. None goes on in another block: a very long one has a block for itself.
    blocks: Vec<Vec<u8>>,
    /// Where the text of each row stands; [`MISSING`] where there is none.
    places: Vec<Place>,
}

/// Where a text stands: the number of the block, and how many bytes come before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    block: u32,
    offset: u32,
}

/// The place of a text that is not there.
const MISSING: Place = Place { block: u32::MAX, offset: u32::MAX };

impl Uniques {
    /// Adds a row and says by how many bytes this grew.
    #[inline]
    pub(super) fn push(&mut self, text: Option<&str>) -> usize {
        let Some(text) = text else {
            self.places.push(MISSING);
            return size_of::<Place>();
        };
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let bytes = LENGTH + text.len();
        if self.blocks.last().is_none_or(|block| block.len() + bytes > BLOCK) {
            self.add_block(bytes);
        }
        let number = self.blocks.len() - 1;
        let Some(block) = self.blocks.last_mut() else { return 0 };
        let whole = BLOCK.saturating_sub(block.len());
        make_room(block, bytes, whole);
        self.places.push(Place { block: number as u32, offset: block.len() as u32 });
        block.extend_from_slice(&length.to_le_bytes());
        block.extend_from_slice(text.as_bytes());
        bytes + size_of::<Place>()
    }

    /// Begins a block. The first one grows, for there may be few texts.
    #[inline(never)]
    fn add_block(&mut self, bytes: usize) {
        let room = if self.blocks.is_empty() { 0 } else { BLOCK.max(bytes) };
        self.blocks.push(Vec::with_capacity(room));
    }

    /// Puts the rows of another column behind these.
    pub(super) fn join(&mut self, other: Uniques) {
        let base = self.blocks.len() as u32;
        self.blocks.extend(other.blocks);
        let moved = |place: Place| if place == MISSING { place } else { Place { block: base + place.block, ..place } };
        self.places.extend(other.places.into_iter().map(moved));
    }

    /// Puts the rows into another order.
    pub(super) fn arrange(&mut self, order: &[u32]) {
        self.places = order.iter().map(|row| self.places.get(*row as usize).copied().unwrap_or(MISSING)).collect();
    }

    /// A text behind its length, by its place.
    fn part(&self, place: Place) -> Option<&[u8]> {
        part(self.blocks.get(place.block as usize)?, place.offset)
    }

    /// The texts that are there.
    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().filter_map(|place| self.part(*place)?.get(LENGTH..))
    }

    /// How many of the first rows make a page.
    fn rows_of_page(&self, places: &[Place]) -> usize {
        let mut bytes = 0;
        let fits = |place: &&Place| {
            bytes += self.part(**place).map_or(0, <[u8]>::len);
            bytes <= PAGE_BYTES
        };
        places.iter().take(PAGE_ROWS).take_while(fits).count().max(1)
    }

    /// The column as Arrow has it.
    pub(super) fn into_array(self) -> Result<ArrayRef, ArrowError> {
        let mut array = StringViewBuilder::with_capacity(self.places.len());
        let blocks: Vec<(u32, Buffer)> = self
            .blocks
            .into_iter()
            .map(|block| {
                let block = Buffer::from_vec(block);
                (array.append_block(block.clone()), block)
            })
            .collect();
        for place in self.places {
            let block = blocks.get(place.block as usize);
            match block.and_then(|(number, block)| Some((*number, part(block, place.offset)?.len() - LENGTH))) {
                None => array.append_null(),
                Some((number, length)) => {
                    let offset = place.offset + LENGTH as u32;
                    array.try_append_view(number, offset, u32::try_from(length).unwrap_or(u32::MAX))?;
                }
            }
        }
        Ok(Arc::new(array.finish()))
    }

    /// The column as a Parquet chunk.
    pub(super) fn encode(self, packing: Packing, column: ColumnDescPtr) -> Result<Encoded> {
        let nulls = self.places.iter().filter(|place| **place == MISSING).count();
        let statistics = text_statistics(self.texts(), nulls);
        let mut chunk = Chunk::new(packing);
        let mut page = Vec::new();
        let mut rest = self.places.as_slice();
        while !rest.is_empty() {
            let (places, after) = rest.split_at_checked(self.rows_of_page(rest)).unwrap_or((rest, &[]));
            page.clear();
            put_levels(places.iter().map(|place| *place != MISSING), &mut page);
            places.iter().filter_map(|place| self.part(*place)).for_each(|part| page.extend_from_slice(part));
            chunk.add_page(&page, places.len(), Encoding::PLAIN)?;
            rest = after;
        }
        chunk.finish(column, Some(statistics))
    }
}

/// A text behind its length, by the bytes before it in a block.
fn part(block: &[u8], offset: u32) -> Option<&[u8]> {
    let rest = block.get(offset as usize..)?;
    let length = u32::from_le_bytes(*rest.first_chunk::<LENGTH>()?);
    rest.get(..LENGTH + length as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};

    fn gather(texts: &[Option<String>]) -> Uniques {
        let mut column = Uniques::default();
        texts.iter().for_each(|text| _ = column.push(text.as_deref()));
        column
    }

    #[test]
    fn texts_of_many_blocks_are_found_joined_and_in_another_order() {
        let lengths = [0, 7, BLOCK - LENGTH, BLOCK, 3 * BLOCK, 40_000, BLOCK / 2, BLOCK / 2 - LENGTH, 100];
        let texts: Vec<Option<String>> = (0..200_usize)
            .map(|row| (row % 11 != 5).then(|| format!("{row}").repeat(lengths[row * 7 % lengths.len()] / 3 + row % 2)))
            .collect();
        let (first, second) = texts.split_at(120);
        let mut column = gather(first);
        column.join(gather(second));
        assert!(column.blocks.len() > 20 && column.blocks.iter().any(|block| block.len() > BLOCK));
        let order: Vec<u32> = (0..200).map(|row| row * 77 % 200).collect();
        column.arrange(&order);
        let array = column.into_array().unwrap();
        let found: Vec<Option<&str>> = array.as_string_view().iter().collect();
        let expected: Vec<Option<&str>> = order.iter().map(|row| texts[*row as usize].as_deref()).collect();
        assert_eq!((array.len(), found == expected), (200, true));
    }
}
