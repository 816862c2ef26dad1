//! A column that holds each value once and a code for each row.
//!
//! Nearly all columns of a log repeat few values: names, regions, codes, small numbers. Each value is kept once, as
//! bytes, in the order of its first row; rows have its number. That is the dictionary encoding of Parquet, so what
//! arrives row by row is written as it is. Invariant: code 0 is a missing value, code `n` the `n`-th value.

use super::pages::{Chunk, Encoded, PAGE_ROWS, Packing, put_hybrid, put_levels, width_of};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use parquet::basic::Encoding;
use parquet::errors::Result;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;
use std::hash::BuildHasher;

/// Values and codes of a column.
#[derive(Debug, Default)]
pub struct Coded {
    /// All values, one after the other.
    bytes: Vec<u8>,
    /// Where each value ends in `bytes`.
    ends: Vec<usize>,
    /// Codes by the hash of their value.
    known: HashTable<u32>,
    state: RandomState,
    codes: Vec<u32>,
    /// Missing values before the first one that is not: most columns of most rows have no value at all.
    missing: usize,
    last: u32,
}

/// Bytes that a value takes beside its own.
const VALUE_COST: usize = 16;
/// Chunks below this many bytes are not compressed.
const TINY: usize = 256;

impl Coded {
    /// Adds a row with a value and says by how many bytes this grew.
    #[inline]
    pub(super) fn push(&mut self, value: &[u8]) -> usize {
        let before = self.bytes.len();
        let code = self.code_of(value);
        if self.missing > 0 {
            self.write_missing();
        }
        self.codes.push(code);
        match self.bytes.len() - before {
            0 if !value.is_empty() => 4,
            grown => grown + VALUE_COST + 4,
        }
    }

    /// Adds a row without a value.
    #[inline]
    pub(super) fn push_missing(&mut self) -> usize {
        if self.codes.is_empty() {
            self.missing += 1;
            return 0;
        }
        self.codes.push(0);
        4
    }

    #[cold]
    fn write_missing(&mut self) {
        self.codes.resize(self.codes.len() + self.missing, 0);
        self.missing = 0;
    }

    /// The code of a value, which is kept if it is new.
    #[inline]
    fn code_of(&mut self, value: &[u8]) -> u32 {
        // Records of one file often agree with the one before.
        if self.last != 0 && alike(value_of(&self.bytes, &self.ends, self.last), value) {
            return self.last;
        }
        let (bytes, ends, state) = (&self.bytes, &self.ends, &self.state);
        let found = self.known.find(state.hash_one(value), |code| alike(value_of(bytes, ends, *code), value));
        self.last = match found {
            Some(code) => *code,
            None => self.insert(value),
        };
        self.last
    }

    fn insert(&mut self, value: &[u8]) -> u32 {
        let Coded { bytes, ends, known, state, .. } = self;
        bytes.extend_from_slice(value);
        ends.push(bytes.len());
        let code = u32::try_from(ends.len()).expect("columns are handed on long before they have 4 billion rows");
        known.insert_unique(state.hash_one(value), code, |code| state.hash_one(value_of(bytes, ends, *code)));
        code
    }

    /// Puts the rows of another column behind these.
    pub(super) fn join(&mut self, other: &Coded) {
        let codes: Vec<u32> = (1..=other.ends.len())
            .map(|code| self.code_of(value_of(&other.bytes, &other.ends, u32::try_from(code).unwrap_or_default())))
            .collect();
        if other.codes.is_empty() {
            (0..other.missing).for_each(|_| {
                self.push_missing();
            });
            return;
        }
        self.write_missing();
        let renamed = |code: &u32| (*code as usize).checked_sub(1).and_then(|at| codes.get(at)).copied().unwrap_or(0);
        self.codes.extend(other.codes.iter().map(renamed));
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> usize {
        self.missing + self.codes.len()
    }

    /// The values, in the order of their codes from 1 on.
    pub(super) fn values(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.bytes.get(start..*end).unwrap_or_default())
    }

    /// Whether no row has a value.
    pub(super) fn is_missing(&self) -> bool {
        self.ends.is_empty()
    }

    /// The codes of all rows.
    pub(super) fn codes(&mut self) -> &[u32] {
        self.write_missing();
        &self.codes
    }

    /// The bytes of all values, and where each ends.
    pub(super) fn into_values(self) -> (Vec<u8>, Vec<usize>) {
        (self.bytes, self.ends)
    }

    /// Rows without a value.
    pub(super) fn nulls(&self) -> usize {
        self.missing + self.codes.iter().filter(|code| **code == 0).count()
    }

    /// Encodes the column; `dictionary` holds its values in plain encoding.
    pub(super) fn encode(&mut self, dictionary: &[u8], column: ColumnDescPtr, statistics: Statistics) -> Result<Encoded> {
        let values = self.ends.len();
        if values == 0 {
            return encode_missing(self.rows(), column, statistics);
        }
        let packing =
            if dictionary.len() + self.rows() * width_of(values) as usize / 8 < TINY { Packing::Plain } else { Packing::Zstd };
        let mut chunk = Chunk::new(packing);
        chunk.add_dictionary(dictionary, values)?;
        let width = width_of(values);
        let mut body = Vec::new();
        for codes in self.codes().chunks(PAGE_ROWS) {
            body.clear();
            put_levels(codes.iter().map(|code| *code != 0), &mut body);
            body.push(u8::try_from(width).unwrap_or(u8::MAX));
            if codes.contains(&0) {
                let present: Vec<u32> = codes.iter().filter_map(|code| code.checked_sub(1)).collect();
                put_hybrid(present.iter().copied(), width, &mut body);
            } else {
                put_hybrid(codes.iter().map(|code| code.wrapping_sub(1)), width, &mut body);
            }
            chunk.add_page(&body, codes.len(), Encoding::RLE_DICTIONARY)?;
        }
        chunk.finish(column, Some(statistics))
    }
}

/// The value of a code.
fn value_of<'a>(bytes: &'a [u8], ends: &[usize], code: u32) -> &'a [u8] {
    let code = code as usize;
    let end = code.checked_sub(1).and_then(|at| ends.get(at)).copied().unwrap_or_default();
    let start = code.checked_sub(2).and_then(|at| ends.get(at)).copied().unwrap_or_default();
    bytes.get(start..end).unwrap_or_default()
}

/// Whether values are the same. Most are shorter than a call of the general comparison is worth.
#[inline]
fn alike(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    match (left.first_chunk::<8>(), left.last_chunk::<8>(), right.first_chunk::<8>(), right.last_chunk::<8>()) {
        (Some(begin), Some(end), Some(other_begin), Some(other_end)) => {
            u64::from_le_bytes(*begin) == u64::from_le_bytes(*other_begin)
                && u64::from_le_bytes(*end) == u64::from_le_bytes(*other_end)
                && (left.len() <= 16 || left == right)
        }
        _ => left.iter().zip(right).all(|(left, right)| left == right),
    }
}

/// A column in which no row has a value.
pub(super) fn encode_missing(rows: usize, column: ColumnDescPtr, statistics: Statistics) -> Result<Encoded> {
    let mut chunk = Chunk::new(Packing::Plain);
    let mut body = Vec::new();
    put_levels(std::iter::repeat_n(false, rows), &mut body);
    chunk.add_page(&body, rows, Encoding::PLAIN)?;
    chunk.finish(column, Some(statistics))
}
