//! Charges the cost of a Parquet file to its budget before anything is decoded.
//!
//! In: the bytes of a file. Out: permission, or the reason to refuse it. The sizes in the footer are only hints, so the
//! headers of all pages are read, too: they give the bytes that a decompressor may write. Invariant: a file that is
//! admitted expands to no more than its budget allows, and its column chunks do not overlap.

use super::budget::{Budget, Exceeded};
use super::thrift::{I32, I64, LIST, STRUCT, Thrift};

/// Why a file is not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It exceeds a limit.
    Exceeded(Exceeded),
    /// Its metadata is damaged.
    Damaged(&'static str),
}

/// Memory that a value takes at least once it is decoded; a page of repeated values has nearly no bytes.
const VALUE_BYTES: u64 = 4;

/// The last bytes: the length of the footer, and the magic number.
const TAIL: usize = 8;

/// Reads the footer of a file. Do this before a library decodes it: a library may trust the sizes in it.
pub fn cost(bytes: &[u8]) -> Result<Cost, Refused> {
    footer(bytes).ok_or(Refused::Damaged("the footer is cut off or damaged"))
}

impl Cost {
    /// Charges the rows and pages of the file.
    pub fn charge(&self, bytes: &[u8], budget: &Budget) -> Result<(), Refused> {
        if budget.charge_records(self.rows).is_err() {
            let detail = format!("{} rows in {} bytes; expected at most one row per byte, or a million", self.rows, bytes.len());
            return Err(Refused::Exceeded(Exceeded { why: "too_many_records", detail }));
        }
        let mut stored = 0u64;
        for chunk in &self.chunks {
            stored = stored.saturating_add(chunk.length);
            if stored > bytes.len() as u64 {
                return Err(Refused::Damaged("the column chunks overlap or lie outside the file"));
            }
            let range = usize::try_from(chunk.start).ok().zip(usize::try_from(chunk.start.saturating_add(chunk.length)).ok());
            let pages = range.and_then(|(start, end)| bytes.get(start..end));
            charge_pages(pages.ok_or(Refused::Damaged("a column chunk lies outside the file"))?, budget)?;
        }
        Ok(())
    }
}

/// What a file costs, according to its footer.
#[derive(Debug, Default)]
pub struct Cost {
    /// The number of rows.
    pub rows: u64,
    chunks: Vec<Chunk>,
}

/// The position of the pages of one column in one row group.
#[derive(Debug, Default, Clone, Copy)]
struct Chunk {
    start: u64,
    length: u64,
}

fn footer(bytes: &[u8]) -> Option<Cost> {
    let (before, tail) = bytes.split_last_chunk::<TAIL>()?;
    let [l0, l1, l2, l3, ..] = *tail;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    let mut from = Thrift::new(before.get(before.len().checked_sub(length)?..)?);
    let (mut rows, mut rows_of_groups, mut chunks) = (0u64, 0u64, Vec::new());
    from.each_field(&mut |from, field, kind| match (field, kind) {
        (2, LIST) => from.each_item(&mut |from, kind| if kind == STRUCT { schema_element(from) } else { None }),
        (3, I64) => {
            rows = u64::try_from(from.int()?).ok()?;
            Some(())
        }
        (4, LIST) => from.each_item(&mut |from, kind| {
            (kind == STRUCT).then_some(())?;
            rows_of_groups = rows_of_groups.checked_add(row_group(from, &mut chunks)?)?;
            Some(())
        }),
        _ => from.skip(kind),
    })?;
    Some(Cost { rows: rows.max(rows_of_groups), chunks })
}

/// An element of the schema has no more children than bytes follow.
fn schema_element(from: &mut Thrift<'_>) -> Option<()> {
    from.each_field(&mut |from, field, kind| match (field, kind) {
        (5, I32) => {
            let children = usize::try_from(from.int()?).ok()?;
            (children <= from.left()).then_some(())
        }
        _ => from.skip(kind),
    })
}

/// Collects the column chunks of a row group; returns its number of rows.
fn row_group(from: &mut Thrift<'_>, chunks: &mut Vec<Chunk>) -> Option<u64> {
    let mut rows = 0;
    from.each_field(&mut |from, field, kind| match (field, kind) {
        (1, LIST) => from.each_item(&mut |from, kind| {
            (kind == STRUCT).then_some(())?;
            from.each_field(&mut |from, field, kind| match (field, kind) {
                (3, STRUCT) => {
                    chunks.push(column_chunk(from)?);
                    Some(())
                }
                _ => from.skip(kind),
            })
        }),
        (3, I64) => {
            rows = u64::try_from(from.int()?).ok()?;
            Some(())
        }
        _ => from.skip(kind),
    })?;
    Some(rows)
}

fn column_chunk(from: &mut Thrift<'_>) -> Option<Chunk> {
    let (mut length, mut data, mut dictionary) = (0, 0, None);
    from.each_field(&mut |from, field, kind| {
        let slot = match (field, kind) {
            (7, I64) => &mut length,
            (9, I64) => &mut data,
            (11, I64) => dictionary.insert(0),
            _ => return from.skip(kind),
        };
        *slot = u64::try_from(from.int()?).ok()?;
        Some(())
    })?;
    // Some writers set the offset of a missing dictionary to 0.
    let start = dictionary.filter(|at| *at > 0).map_or(data, |at| data.min(at));
    Some(Chunk { start, length })
}

/// Charges the pages of a column chunk.
fn charge_pages(mut pages: &[u8], budget: &Budget) -> Result<(), Refused> {
    while !pages.is_empty() {
        let page = Page::read(pages).ok_or(Refused::Damaged("the header of a page is damaged"))?;
        let cost = page.plain.saturating_add(page.values.saturating_mul(VALUE_BYTES));
        budget.charge_inflated(cost).map_err(Refused::Exceeded)?;
        pages = pages.get(page.end..).ok_or(Refused::Damaged("a page is cut off"))?;
    }
    Ok(())
}

/// The header of a page.
struct Page {
    /// Bytes after decompression.
    plain: u64,
    values: u64,
    /// The offset after its compressed bytes.
    end: usize,
}

impl Page {
    fn read(bytes: &[u8]) -> Option<Page> {
        let mut from = Thrift::new(bytes);
        let (mut plain, mut packed, mut values) = (None, None, 0);
        from.each_field(&mut |from, field, kind| match (field, kind) {
            (2, I32) => {
                plain = Some(u64::try_from(from.int()?).ok()?);
                Some(())
            }
            (3, I32) => {
                packed = Some(usize::try_from(from.int()?).ok()?);
                Some(())
            }
            // The headers of data pages (versions 1 and 2) and dictionary pages begin with the number of values.
            (5 | 7 | 8, STRUCT) => from.each_field(&mut |from, field, kind| match (field, kind) {
                (1, I32) => {
                    values = u64::try_from(from.int()?).ok()?;
                    Some(())
                }
                _ => from.skip(kind),
            }),
            _ => from.skip(kind),
        })?;
        Some(Page { plain: plain?, values, end: from.at().checked_add(packed?)? })
    }
}
