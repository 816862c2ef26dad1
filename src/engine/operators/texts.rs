//! Interned strings, and columns of them as numbers.

use arrow::array::{Array, StringViewArray};
use arrow::buffer::Buffer;

use super::index::{HashIndex, NONE, fold};

/// Strings by number; [`NONE`] is a missing string.
#[derive(Debug, Default)]
pub struct Texts {
    bytes: String,
    ends: Vec<usize>,
    index: HashIndex,
}

impl Texts {
    /// The bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>() + self.index.bytes()
    }

    /// The string with a number.
    pub fn get(&self, number: u32) -> Option<&str> {
        let number = number as usize;
        let end = *self.ends.get(number)?;
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.bytes.get(start..end)
    }

    /// The number of a known string.
    pub fn find(&self, text: &str) -> Option<u32> {
        self.index.find(hash(text), |number| self.get(number) == Some(text))
    }

    /// The number of a string, which is added if it is new.
    pub fn intern(&mut self, text: &str) -> u32 {
        let hash = hash(text);
        if let Some(known) = self.index.find(hash, |number| self.get(number) == Some(text)) {
            return known;
        }
        let Some(number) = u32::try_from(self.ends.len()).ok().filter(|number| *number != NONE) else { return NONE };
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
        self.index.insert(number, hash);
        number
    }

    /// The number of a string that may be missing.
    pub fn keep_some(&mut self, text: Option<&str>) -> u32 {
        text.map_or(NONE, |text| self.intern(text))
    }

    /// Adds the strings of another table and returns their numbers in this one.
    pub fn merge(&mut self, other: &Texts) -> Vec<u32> {
        (0..other.ends.len())
            .map(|number| u32::try_from(number).map_or(NONE, |number| self.keep_some(other.get(number))))
            .collect()
    }
}

/// Converts a number of another table, given the result of [`Texts::merge`].
pub fn renumbered(numbers: &[u32], number: u32) -> u32 {
    numbers.get(number as usize).copied().unwrap_or(NONE)
}

fn hash(text: &str) -> u64 {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let hash = words.iter().fold(text.len() as u64, |hash, word| fold(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    fold(hash, u64::from_le_bytes(last))
}

/// The number of cache slots.
const SLOTS: usize = 2048;

/// A cache from the string views of a column to their numbers in one table. Columns with few distinct strings have
/// equal views for equal strings, so most strings need not be read.
#[derive(Debug, Default)]
pub struct Memory {
    slots: Vec<(u128, u32)>,
    /// The buffers of the views, kept alive so that their addresses stay valid.
    buffers: Vec<Buffer>,
}

impl Memory {
    /// The strings of a column as numbers.
    pub fn numbers(&mut self, column: &StringViewArray, texts: &mut Texts) -> Vec<u32> {
        self.numbers_by(column, |text| texts.intern(text))
    }

    /// The strings of a column as their numbers in a table, which is not changed; [`NONE`] for unknown strings.
    pub fn known(&mut self, column: &StringViewArray, texts: &Texts) -> Vec<u32> {
        self.numbers_by(column, |text| texts.find(text).unwrap_or(NONE))
    }

    fn numbers_by(&mut self, column: &StringViewArray, mut number_of: impl FnMut(&str) -> u32) -> Vec<u32> {
        // Views point into the buffers of their batch, which are often the same as those of the previous batch.
        let buffers = column.data_buffers();
        let is_same = |(left, right): (&Buffer, &Buffer)| left.as_ptr() == right.as_ptr() && left.len() == right.len();
        let known = self.buffers.len() == buffers.len() && self.buffers.iter().zip(buffers.iter()).all(is_same);
        if !known || self.slots.is_empty() {
            self.buffers = buffers.to_vec();
            self.slots.clear();
            self.slots.resize(SLOTS, (u128::MAX, NONE));
        }
        let views = column.views().iter().enumerate();
        let number = |(row, view): (usize, &u128)| {
            if !column.is_valid(row) {
                return NONE;
            }
            let at = fold(*view as u64, (*view >> 64) as u64) as usize % SLOTS;
            match self.slots.get_mut(at) {
                Some((known, number)) if known == view => *number,
                Some(slot) => {
                    *slot = (*view, number_of(column.value(row)));
                    slot.1
                }
                None => NONE,
            }
        };
        views.map(number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_number_here_and_elsewhere() {
        let mut texts = Texts::default();
        let words = ["", "a", "aaaaaaaa", "aaaaaaaaa", "b", "\u{1F600}", "0123456789abcdef0123456789abcdef"];
        let numbers: Vec<u32> = words.iter().map(|word| texts.intern(word)).collect();
        assert_eq!(words.map(|word| texts.intern(word)).to_vec(), numbers);
        assert!(numbers.iter().zip(words).all(|(number, word)| texts.get(*number) == Some(word)));
        assert_eq!(texts.keep_some(None), NONE);
        assert_eq!(texts.get(NONE), None);
        let mut other = Texts::default();
        other.intern("b");
        other.intern("new");
        let there = texts.merge(&other);
        assert_eq!(
            (renumbered(&there, 0), texts.get(renumbered(&there, 1)), renumbered(&there, NONE)),
            (numbers[4], Some("new"), NONE)
        );
    }

    #[test]
    fn columns_of_texts_become_columns_of_numbers() {
        let column = |from: usize| {
            let word = |row: usize| (!row.is_multiple_of(7)).then(|| format!("{:0>width$}", row % 1_500, width = 1 + row % 40));
            StringViewArray::from_iter((from..from + 5_000).map(word))
        };
        let (mut texts, mut memory) = (Texts::default(), Memory::default());
        let (nothing, mut known) = (Texts::default(), Memory::default());
        for column in [column(0), column(0).slice(900, 4_000), column(3_000), column(0), column(77)] {
            for partial in [column.slice(0, 2_000), column.slice(1_000, 3_000)] {
                let numbers = memory.numbers(&partial, &mut texts);
                let back: Vec<Option<&str>> = numbers.iter().map(|number| texts.get(*number)).collect();
                assert_eq!(back, partial.iter().collect::<Vec<_>>());
                assert!(known.known(&partial, &nothing).iter().all(|number| *number == NONE));
                assert_eq!(Memory::default().known(&partial, &texts), numbers);
            }
        }
    }
}
