//! Dictionary-encoded columns: each distinct value is stored once, and each row has a code.
//!
//! Nearly all columns of a log repeat a few values: names, Regions, codes, small numbers. Values are stored as bytes
//! in the order of their first row. This is the dictionary encoding of Parquet, so rows are written without
//! conversion. Invariant: code 0 is a missing value, and code `n` is the `n`-th value.

use super::pages::{Chunk, Encoded, PAGE_ROWS, PageCompression, put_hybrid, put_levels, width_of};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use parquet::basic::Encoding;
use parquet::errors::Result;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;
use std::hash::BuildHasher;

/// The values and codes of a column.
#[derive(Debug, Default)]
pub struct DictionaryColumn {
    /// All values, concatenated.
    bytes: Vec<u8>,
    /// The end offset of each value in `bytes`.
    ends: Vec<usize>,
    /// The values by hash.
    known: HashTable<Value>,
    state: RandomState,
    codes: Codes,
    /// Missing values that have not been written yet. They are counted first, because most columns have no value in
    /// most rows.
    missing: usize,
    /// The value of the latest row that has one.
    last: Value,
}

/// A value: its code, and its position in the bytes of its column.
#[derive(Debug, Clone, Copy, Default)]
struct Value {
    code: u32,
    start: u32,
    length: u32,
}

impl Value {
    fn of(self, bytes: &[u8]) -> &[u8] {
        let start = self.start as usize;
        bytes.get(start..start + self.length as usize).unwrap_or_default()
    }
}

/// Codes, stored in as few bytes as the largest one needs.
#[derive(Debug)]
enum Codes {
    One(Vec<u8>),
    Two(Vec<u16>),
    Four(Vec<u32>),
}

impl Default for Codes {
    fn default() -> Self {
        Codes::One(Vec::new())
    }
}

impl Codes {
    #[inline]
    fn push(&mut self, code: u32) {
        match self {
            Codes::One(codes) if let Ok(code) = u8::try_from(code) => codes.push(code),
            Codes::Two(codes) if let Ok(code) = u16::try_from(code) => codes.push(code),
            Codes::Four(codes) => codes.push(code),
            _ => self.widen(code),
        }
    }

    /// Adds a code that needs more bytes than the previous ones.
    #[cold]
    fn widen(&mut self, code: u32) {
        *self = match (&*self, u16::try_from(code)) {
            (Codes::One(codes), Ok(code)) => Codes::Two(codes.iter().map(|code| u16::from(*code)).chain([code]).collect()),
            (codes, _) => Codes::Four(codes.all().chain([code]).collect()),
        };
    }

    fn push_missing(&mut self, rows: usize) {
        match self {
            Codes::One(codes) => codes.resize(codes.len() + rows, 0),
            Codes::Two(codes) => codes.resize(codes.len() + rows, 0),
            Codes::Four(codes) => codes.resize(codes.len() + rows, 0),
        }
    }

    fn len(&self) -> usize {
        match self {
            Codes::One(codes) => codes.len(),
            Codes::Two(codes) => codes.len(),
            Codes::Four(codes) => codes.len(),
        }
    }

    /// The codes of all rows.
    fn all(&self) -> impl Iterator<Item = u32> + '_ {
        let (one, two, four): (&[u8], &[u16], &[u32]) = match self {
            Codes::One(codes) => (codes, &[], &[]),
            Codes::Two(codes) => (&[], codes, &[]),
            Codes::Four(codes) => (&[], &[], codes),
        };
        let one = one.iter().map(|code| u32::from(*code));
        let two = two.iter().map(|code| u32::from(*code));
        one.chain(two).chain(four.iter().copied())
    }

    /// The number of rows without a value.
    fn missing(&self) -> usize {
        match self {
            Codes::One(codes) => codes.iter().filter(|code| **code == 0).count(),
            Codes::Two(codes) => codes.iter().filter(|code| **code == 0).count(),
            Codes::Four(codes) => codes.iter().filter(|code| **code == 0).count(),
        }
    }

    /// Adds their pages to a chunk whose values need `width` bits.
    fn encode(&self, width: u32, chunk: &mut Chunk) -> Result<()> {
        match self {
            Codes::One(codes) => add_pages(codes, width, chunk),
            Codes::Two(codes) => add_pages(codes, width, chunk),
            Codes::Four(codes) => add_pages(codes, width, chunk),
        }
    }

    fn arrange(&mut self, order: &[u32]) {
        match self {
            Codes::One(codes) => *codes = arranged(codes, order),
            Codes::Two(codes) => *codes = arranged(codes, order),
            Codes::Four(codes) => *codes = arranged(codes, order),
        }
    }

    /// Bytes per row.
    fn width(&self) -> usize {
        match self {
            Codes::One(_) => 1,
            Codes::Two(_) => 2,
            Codes::Four(_) => 4,
        }
    }
}

/// Overhead of a value in bytes.
const VALUE_COST: usize = 16;
/// Chunks smaller than this are not compressed.
const TINY: usize = 256;

impl DictionaryColumn {
    /// Adds a row with a value and returns by how many bytes the column grew.
    #[inline]
    pub(super) fn push(&mut self, value: &[u8]) -> usize {
        let before = self.bytes.len();
        let code = self.code_of(value);
        let rows = 1 + self.missing;
        if self.missing > 0 {
            self.write_missing();
        }
        self.codes.push(code);
        let grown = rows * self.codes.width();
        match self.bytes.len() - before {
            0 if !value.is_empty() => grown,
            fresh => grown + fresh + VALUE_COST,
        }
    }

    /// Adds a row without a value, which takes space only once a row with a value follows.
    #[inline]
    pub(super) fn push_missing(&mut self) -> usize {
        self.missing += 1;
        0
    }

    #[inline(never)]
    fn write_missing(&mut self) {
        self.codes.push_missing(self.missing);
        self.missing = 0;
    }

    /// The code of a value; new values are added.
    #[inline]
    fn code_of(&mut self, value: &[u8]) -> u32 {
        // A record often has the same value as the previous one.
        if self.last.code == 0 || !alike(self.last.of(&self.bytes), value) {
            let hash = self.state.hash_one(value);
            let found =
                self.known.find(hash, |known| known.length as usize == value.len() && alike(known.of(&self.bytes), value));
            self.last = found.copied().unwrap_or_else(|| self.insert(value, hash));
        }
        self.last.code
    }

    fn insert(&mut self, value: &[u8], hash: u64) -> Value {
        const FEW: &str = "columns are flushed long before they reach 4 GiB";
        let DictionaryColumn { bytes, ends, known, state, .. } = self;
        let start = u32::try_from(bytes.len()).expect(FEW);
        bytes.extend_from_slice(value);
        ends.push(bytes.len());
        let code = u32::try_from(ends.len()).expect(FEW);
        let value = Value { code, start, length: u32::try_from(value.len()).expect(FEW) };
        known.insert_unique(hash, value, |known| state.hash_one(known.of(bytes)));
        value
    }

    /// Appends the rows of another column.
    pub(super) fn join(&mut self, other: &DictionaryColumn) {
        let codes: Vec<u32> = other.values().map(|value| self.code_of(value)).collect();
        for code in other.codes() {
            match (code as usize).checked_sub(1).and_then(|at| codes.get(at)) {
                Some(code) => {
                    self.write_missing();
                    self.codes.push(*code);
                }
                None => self.missing += 1,
            }
        }
    }

    /// Reorders the rows.
    pub(super) fn arrange(&mut self, order: &[u32]) {
        if !self.is_missing() {
            self.write_missing();
            self.codes.arrange(order);
        }
    }

    /// The number of rows.
    pub(super) fn rows(&self) -> usize {
        self.missing + self.codes.len()
    }

    /// The values in the order of their codes, starting with code 1.
    pub(super) fn values(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.bytes.get(start..*end).unwrap_or_default())
    }

    /// Whether all rows are missing.
    pub(super) fn is_missing(&self) -> bool {
        self.ends.is_empty()
    }

    /// The codes of all rows.
    pub(super) fn codes(&self) -> impl Iterator<Item = u32> + '_ {
        self.codes.all().chain(std::iter::repeat_n(0, self.missing))
    }

    /// The bytes of all values, and the end offset of each.
    pub(super) fn into_values(self) -> (Vec<u8>, Vec<usize>) {
        (self.bytes, self.ends)
    }

    /// The number of rows without a value.
    pub(super) fn nulls(&self) -> usize {
        self.missing + self.codes.missing()
    }

    /// Encodes the column; `dictionary` has its values in plain encoding.
    pub(super) fn encode(&mut self, dictionary: &[u8], column: ColumnDescPtr, statistics: Statistics) -> Result<Encoded> {
        let values = self.ends.len();
        if values == 0 {
            return encode_missing(self.rows(), column, statistics);
        }
        let packing = if dictionary.len() + self.rows() * width_of(values) as usize / 8 < TINY {
            PageCompression::Plain
        } else {
            PageCompression::Zstd
        };
        let mut chunk = Chunk::new(packing);
        chunk.add_dictionary(dictionary, values)?;
        self.write_missing();
        self.codes.encode(width_of(values), &mut chunk)?;
        chunk.finish(column, Some(statistics))
    }

    /// Encodes a numeric column with these values. If nearly all rows differ, as times do, a dictionary needs more
    /// space than the plain numbers, and reading plain numbers takes half the time.
    pub(super) fn encode_numbers(
        &mut self,
        values: &[[u8; 8]],
        column: ColumnDescPtr,
        statistics: Statistics,
    ) -> Result<Encoded> {
        let present = self.rows() - self.nulls();
        if values.len() * 64 + present * width_of(values.len()) as usize <= present * 64 {
            return self.encode(values.as_flattened(), column, statistics);
        }
        let mut chunk = Chunk::new(PageCompression::Plain);
        self.write_missing();
        let codes: Vec<u32> = self.codes.all().collect();
        let mut body = Vec::new();
        for codes in codes.chunks(PAGE_ROWS) {
            body.clear();
            put_levels(codes.iter().map(|code| *code != 0), &mut body);
            let numbers = codes.iter().filter_map(|code| values.get(code.checked_sub(1)? as usize));
            numbers.for_each(|number| body.extend_from_slice(number));
            chunk.add_page(&body, codes.len(), Encoding::PLAIN)?;
        }
        chunk.finish(column, Some(statistics))
    }
}

/// Adds the pages of codes: which rows have a value, and their codes, zero-based.
fn add_pages<C: Copy + Into<u32>>(codes: &[C], width: u32, chunk: &mut Chunk) -> Result<()> {
    let (mut body, mut numbers) = (Vec::new(), Vec::new());
    for codes in codes.chunks(PAGE_ROWS) {
        let codes = || codes.iter().map(|code| (*code).into());
        body.clear();
        put_levels(codes().map(|code: u32| code != 0), &mut body);
        body.push(u8::try_from(width).unwrap_or(u8::MAX));
        if codes().any(|code| code == 0) {
            numbers.clear();
            numbers.extend(codes().filter_map(|code| code.checked_sub(1)));
            put_hybrid(numbers.iter().copied(), width, &mut body);
        } else {
            put_hybrid(codes().map(|code| code.wrapping_sub(1)), width, &mut body);
        }
        chunk.add_page(&body, codes().len(), Encoding::RLE_DICTIONARY)?;
    }
    Ok(())
}

/// Compares values. Most are so short that a general comparison would cost more than its call.
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

/// The values of the rows in another order.
pub(super) fn arranged<T: Copy + Default>(values: &[T], order: &[u32]) -> Vec<T> {
    order.iter().map(|row| values.get(*row as usize).copied().unwrap_or_default()).collect()
}

/// A column in which all rows are missing.
pub(super) fn encode_missing(rows: usize, column: ColumnDescPtr, statistics: Statistics) -> Result<Encoded> {
    let mut chunk = Chunk::new(PageCompression::Plain);
    let mut body = Vec::new();
    put_levels(std::iter::repeat_n(false, rows), &mut body);
    chunk.add_page(&body, rows, Encoding::PLAIN)?;
    chunk.finish(column, Some(statistics))
}
