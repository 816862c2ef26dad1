//! A column of strings that differ in every row: ids, and original records that stay in memory.
//!
//! Strings are stored like the plain values of a Parquet page (length, then bytes), so they are copied only once.
//! Invariant: a row without a string adds nothing to a block; a row with a string adds at least its length.

use super::pages::{Chunk, Encoded, PAGE_BYTES, PAGE_ROWS, PageCompression, make_room, put_levels};
use super::text_statistics;
use arrow::array::{ArrayRef, StringViewBuilder};
use arrow::buffer::Buffer;
use arrow::error::ArrowError;
use parquet::basic::Encoding;
use parquet::errors::Result;
use parquet::schema::types::ColumnDescPtr;
use std::sync::Arc;

/// Bytes of the length prefix of a string.
const LENGTH: usize = 4;

/// Bytes per block. All blocks have the same size, so the allocator can reuse freed ones, and their content never
/// moves.
const BLOCK: usize = 512 << 10;

/// The strings of a column.
#[derive(Debug, Default)]
pub struct PlainColumn {
    /// The strings, each after its length. No string spans two blocks; a very long one gets a block of its own.
    blocks: Vec<Vec<u8>>,
    /// The position of the string of each row; [`MISSING`] if there is none.
    places: Vec<Place>,
}

/// The position of a string: the block number and the offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    block: u32,
    offset: u32,
}

/// The position of a missing string.
const MISSING: Place = Place { block: u32::MAX, offset: u32::MAX };

impl PlainColumn {
    /// Adds a row and returns by how many bytes the column grew.
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

    /// Starts a block. The first block grows, because there may be only a few strings.
    #[inline(never)]
    fn add_block(&mut self, bytes: usize) {
        let room = if self.blocks.is_empty() { 0 } else { BLOCK.max(bytes) };
        self.blocks.push(Vec::with_capacity(room));
    }

    /// Appends the rows of another column.
    pub(super) fn join(&mut self, other: PlainColumn) {
        let base = self.blocks.len() as u32;
        self.blocks.extend(other.blocks);
        let moved = |place: Place| if place == MISSING { place } else { Place { block: base + place.block, ..place } };
        self.places.extend(other.places.into_iter().map(moved));
    }

    /// Reorders the rows.
    pub(super) fn arrange(&mut self, order: &[u32]) {
        self.places = order.iter().map(|row| self.places.get(*row as usize).copied().unwrap_or(MISSING)).collect();
    }

    /// A string with its length prefix, by its position.
    fn part(&self, place: Place) -> Option<&[u8]> {
        part(self.blocks.get(place.block as usize)?, place.offset)
    }

    /// The strings that are present.
    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().filter_map(|place| self.part(*place)?.get(LENGTH..))
    }

    /// The number of leading rows that fit into a page.
    fn rows_of_page(&self, places: &[Place]) -> usize {
        let mut bytes = 0;
        let fits = |place: &&Place| {
            bytes += self.part(**place).map_or(0, <[u8]>::len);
            bytes <= PAGE_BYTES
        };
        places.iter().take(PAGE_ROWS).take_while(fits).count().max(1)
    }

    /// The column as an Arrow array.
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
    pub(super) fn encode(self, packing: PageCompression, column: ColumnDescPtr) -> Result<Encoded> {
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

/// A string with its length prefix, by its offset in a block.
fn part(block: &[u8], offset: u32) -> Option<&[u8]> {
    let rest = block.get(offset as usize..)?;
    let length = u32::from_le_bytes(*rest.first_chunk::<LENGTH>()?);
    rest.get(..LENGTH + length as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};

    fn gather(texts: &[Option<String>]) -> PlainColumn {
        let mut column = PlainColumn::default();
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
