//! Hash index of row numbers, an interner, and a chunked arena whose rows never move.

use std::hash::{Hash, Hasher};
use std::ops::Range;

/// No row.
pub const NONE: u32 = u32::MAX;

/// Row numbers by hash, each with half of its hash: most other rows need not be compared, and none when the table
/// grows. The caller compares the rows.
#[derive(Debug, Default)]
pub struct HashIndex {
    slots: Vec<Slot>,
    rows: usize,
}

/// Half of a hash, and its row.
pub type Slot = (u32, u32);

/// An empty slot.
const FREE: Slot = (0, NONE);

/// The first candidate row for a hash, from its first slot; the caller must compare it. [`NONE`] if there is no
/// candidate.
pub fn likely((known, row): Slot, hash: u64) -> u32 {
    if known == half(hash) { row } else { NONE }
}

impl HashIndex {
    /// The bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    /// The row with a hash that the caller considers equal.
    pub fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let hash = half(hash);
        let mut at = hash as usize & mask;
        loop {
            match self.slots.get(at) {
                None | Some(&FREE) => return None,
                Some(&(known, row)) if known == hash && same(row) => return Some(row),
                Some(_) => at = (at + 1) & mask,
            }
        }
    }

    /// The first slot of a hash. Prefetching the slots of many hashes before comparing any of them overlaps their
    /// cache misses.
    pub fn slot(&self, hash: u64) -> Slot {
        let mask = self.slots.len().wrapping_sub(1);
        self.slots.get(half(hash) as usize & mask).copied().unwrap_or(FREE)
    }

    /// Adds a row that [`HashIndex::find`] did not find.
    pub fn insert(&mut self, row: u32, hash: u64) {
        // A quarter of the slots stays empty, so that every search ends.
        if (self.rows + 1) * 4 > self.slots.len() * 3 {
            let slots = (self.slots.len() * 2).max(16);
            let old = std::mem::replace(&mut self.slots, vec![FREE; slots]);
            old.into_iter().filter(|slot| *slot != FREE).for_each(|slot| self.put(slot));
        }
        self.put((half(hash), row));
        self.rows += 1;
    }

    fn put(&mut self, slot: Slot) {
        let Some(mask) = self.slots.len().checked_sub(1) else { return };
        let mut at = slot.0 as usize & mask;
        while self.slots.get(at).is_some_and(|slot| *slot != FREE) {
            at = (at + 1) & mask;
        }
        if let Some(free) = self.slots.get_mut(at) {
            *free = slot;
        }
    }
}

fn half(hash: u64) -> u32 {
    (hash ^ hash >> 32) as u32
}

/// Mixes a number into a hash: the two halves of a wide product.
pub fn fold(hash: u64, number: u64) -> u64 {
    let product = u128::from(hash ^ number ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xA076_1D64_78BD_642F_E703_7ED1_A0B4_28DB);
    (product as u64) ^ (product >> 64) as u64
}

/// A hash of the numbers of a value.
#[derive(Debug, Default)]
struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.write_u64(u64::from_le_bytes(*word)));
        rest.iter().for_each(|byte| self.write_u8(*byte));
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = fold(self.0, number);
    }
}

/// An interner of small values.
#[derive(Debug)]
pub struct Interner<T> {
    list: Vec<T>,
    index: HashIndex,
    /// The number that was last returned.
    last: u32,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Interner { list: Vec::new(), index: HashIndex::default(), last: NONE }
    }
}

impl<T: Copy + Eq + Hash> Interner<T> {
    /// The bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.list.capacity() * size_of::<T>() + self.index.bytes()
    }

    /// All values in the order of their numbers.
    pub fn list(&self) -> &[T] {
        &self.list
    }

    /// The value of a number.
    pub fn get(&self, number: u32) -> Option<&T> {
        self.list.get(number as usize)
    }

    /// The number of a known value.
    pub fn find(&self, value: &T) -> Option<u32> {
        self.index.find(hash_of(value), |number| self.get(number) == Some(value))
    }

    /// The number of a value, which is added if it is new; [`NONE`] if there are too many.
    pub fn intern(&mut self, value: T) -> u32 {
        // Consecutive values are often equal.
        if self.get(self.last) != Some(&value) {
            self.last = self.find(&value).unwrap_or_else(|| self.push(value));
        }
        self.last
    }

    fn push(&mut self, value: T) -> u32 {
        let Some(number) = u32::try_from(self.list.len()).ok().filter(|number| *number != NONE) else { return NONE };
        self.list.push(value);
        self.index.insert(number, hash_of(&value));
        number
    }
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut folded = Folded::default();
    value.hash(&mut folded);
    folded.finish()
}

/// Rows per chunk.
const PIECE: usize = 1 << 16;

/// Rows in chunks, which grow without being copied: copying would need twice the memory.
#[derive(Debug)]
pub struct Arena<T> {
    chunks: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Arena { chunks: Vec::new(), len: 0 }
    }
}

impl<T> Arena<T> {
    /// The bytes that it holds, without what its rows point to.
    pub fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.capacity() * size_of::<T>()).sum()
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The row with a number.
    pub fn get(&self, row: u32) -> Option<&T> {
        self.chunks.get(row as usize / PIECE)?.get(row as usize % PIECE)
    }

    /// The row with a number, mutable.
    pub fn get_mut(&mut self, row: u32) -> Option<&mut T> {
        self.chunks.get_mut(row as usize / PIECE)?.get_mut(row as usize % PIECE)
    }

    /// Adds a row and returns its number; [`NONE`] if there are too many, in which case the row is not added.
    pub fn push(&mut self, row: T) -> u32 {
        let Some(number) = u32::try_from(self.len).ok().filter(|number| *number != NONE) else { return NONE };
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < PIECE => chunk.push(row),
            // The first chunk grows, because there may be only a few rows.
            None => self.chunks.push(vec![row]),
            Some(_) => {
                let mut chunk = Vec::with_capacity(PIECE);
                chunk.push(row);
                self.chunks.push(chunk);
            }
        }
        self.len += 1;
        number
    }

    /// All rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.chunks.iter().flatten()
    }
}

impl<T> IntoIterator for Arena<T> {
    type Item = T;
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Vec<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.chunks.into_iter().flatten()
    }
}

/// Members sorted by group.
#[derive(Debug, Default)]
pub struct Groups {
    /// The start offset of each group, plus the end of the last one.
    starts: Vec<usize>,
    members: Vec<u32>,
}

impl Groups {
    /// Groups these pairs of group and member; members keep their order.
    pub fn new(pairs: impl Iterator<Item = (u32, u32)> + Clone, groups: usize) -> Groups {
        let starts = starts(pairs.clone().map(|(group, _)| group), groups);
        let mut next = starts.clone();
        let mut members = vec![0; starts.last().copied().unwrap_or(0)];
        pairs.for_each(|(group, member)| {
            let Some(next) = next.get_mut(group as usize) else { return };
            if let Some(slot) = members.get_mut(*next) {
                *slot = member;
            }
            *next += 1;
        });
        Groups { starts, members }
    }

    /// The members of a group.
    pub fn of(&self, group: u32) -> &[u32] {
        let edge = |group: usize| self.starts.get(group).copied().unwrap_or(0);
        self.members.get(edge(group as usize)..edge(group as usize + 1)).unwrap_or_default()
    }

    /// The number of members of a group.
    pub fn size(&self, group: u32) -> usize {
        self.of(group).len()
    }
}

/// The start offset of each group if members are stored by group, given the group of each member, plus the end of the
/// last one.
pub fn starts(members: impl Iterator<Item = u32>, groups: usize) -> Vec<usize> {
    let mut starts = vec![0_usize; groups + 1];
    members.for_each(|group| {
        if let Some(start) = starts.get_mut(group as usize + 1) {
            *start += 1;
        }
    });
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    starts
}

/// Divides groups of these sizes into a number of consecutive shares with about the same work, given that the members
/// of a group are sorted.
pub fn balanced(sizes: &[usize], shares: usize) -> Vec<Range<usize>> {
    let shares = shares.max(1);
    let work = |members: &usize| members * (usize::BITS - members.leading_zeros()) as usize;
    let all: usize = sizes.iter().map(work).sum();
    let mut balanced = Vec::with_capacity(shares);
    let (mut start, mut end, mut done) = (0, 0, 0);
    for share in 1..=shares {
        while let Some(members) = sizes.get(end).filter(|_| share == shares || done * shares < all * share) {
            done += work(members);
            end += 1;
        }
        balanced.push(start..end);
        start = end;
    }
    balanced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_whatever_their_hashes_share() {
        for intern in [u64::MAX, 0xFF, 1, 0] {
            let mut index = HashIndex::default();
            let mut rows = Arena::default();
            let hash = |key: u64| fold(0, key) & intern;
            for key in (0..500_u64).map(|number| number * 37 % 400) {
                let known = index.find(hash(key), |row| rows.get(row) == Some(&key));
                if known.is_none() {
                    let row = rows.push(key);
                    index.insert(row, hash(key));
                }
            }
            assert_eq!(rows.len(), 400);
            let mut at_once = 0;
            for key in 0..400 {
                let row = index.find(hash(key), |row| rows.get(row) == Some(&key)).unwrap();
                assert_eq!(rows.get(row), Some(&key));
                at_once += usize::from(likely(index.slot(hash(key)), hash(key)) == row);
            }
            // Most rows with different hashes are in the first slot that is checked.
            assert!(intern < u64::MAX || at_once > 200, "{at_once}");
            assert!(intern < u64::MAX || likely(index.slot(hash(400)), hash(400)) == NONE);
            assert_eq!(index.find(hash(400), |row| rows.get(row) == Some(&400)), None);
        }
    }

    #[test]
    fn values_have_one_number_each() {
        let mut values = Interner::default();
        let numbers: Vec<u32> = (0..900_u32).map(|number| values.intern((number * 7 % 300, NONE))).collect();
        let back: Vec<_> = numbers.iter().map(|number| values.get(*number).copied()).collect();
        assert_eq!(back, (0..900).map(|number| Some((number * 7 % 300, NONE))).collect::<Vec<_>>());
        assert_eq!((values.list().len(), values.find(&(300, NONE)), values.get(NONE)), (300, None, None));
    }

    #[test]
    fn pieces_follow_each_other() {
        let mut rows = Arena::default();
        (0..PIECE as u64 * 2 + 3).for_each(|number| assert_eq!(u64::from(rows.push(number)), number));
        *rows.get_mut(PIECE as u32).unwrap() += 1;
        assert_eq!(rows.get(PIECE as u32), Some(&(PIECE as u64 + 1)));
        assert_eq!(rows.iter().count(), rows.len());
        assert_eq!(rows.into_iter().last(), Some(PIECE as u64 * 2 + 2));
    }

    #[test]
    fn groups_keep_the_order_of_their_members_and_are_dealt_evenly() {
        let groups = Groups::new([(2, 7), (0, 1), (2, 3), (9, 9), (0, 4)].into_iter(), 3);
        assert_eq!([groups.of(0), groups.of(1), groups.of(2), groups.of(3)], [&[1, 4][..], &[], &[7, 3], &[]]);
        let sizes = [0, 1, 2].map(|group| groups.size(group));
        assert_eq!(balanced(&sizes, 2), [0..1, 1..3]);
        assert_eq!(balanced(&[2], 3), [0..1, 1..1, 1..1]);
        assert_eq!(balanced(&[], 2), [0..0, 0..0]);
    }
}
