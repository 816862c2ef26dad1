//! Predicts the next object key from earlier objects with the same layout; every prediction is verified byte by byte.
//!
//! Records of one kind have the same keys in nearly the same order. A key seen in a position before is recognized
//! with one comparison, and its properties (sensitive, repeated) are already known. A wrong prediction only costs
//! time: unknown keys are parsed from scratch.

use super::keys::Key;
use super::secret::NameClass;
use wide::u8x16;

/// Maximum number of stored keys; beyond it, all are discarded and learning starts over.
const MOST: usize = 16 << 10;
/// Candidates tried in one position.
const CHOICES: usize = 12;
/// Maximum length of a stored key, with quotes and colon.
const LONGEST: usize = u8::MAX as usize;

/// A position in the order of keys. Even numbers stand for the first key of the object below a key; odd ones, for the
/// key that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyPosition(u32);

impl KeyPosition {
    /// No prediction is possible.
    pub(super) const UNKNOWN: KeyPosition = KeyPosition(u32::MAX);

    /// The position after a key.
    #[inline]
    pub(super) fn behind(key: u32) -> KeyPosition {
        KeyPosition(key << 1 | 1)
    }

    /// The position of the first key of the object below this key.
    #[inline]
    pub(super) fn below(self) -> KeyPosition {
        if self == KeyPosition::UNKNOWN { self } else { KeyPosition(self.0 & !1) }
    }

    /// The index of the key, and of its candidate in [`Known::next`].
    fn slot(self) -> (usize, usize) {
        ((self.0 >> 1) as usize, (self.0 & 1) as usize)
    }
}

/// A key in its position, with quotes and colon; sized to one cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Known {
    /// Its first bytes.
    begin: [u8; FRONT],
    /// A bit for each valid byte.
    counts: u32,
    /// First key of the object that is its value, and the key after it; 0 for none.
    next: [u32; 2],
    /// Another key in the same position.
    instead: u32,
    /// Its bytes.
    length: u8,
    meaning: Meaning,
    /// All bytes, if there are more than the above.
    whole: Option<Box<[u8; LONGEST]>>,
}

/// The properties of a key in its position.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Meaning {
    /// Whether a secret may be below it.
    pub(super) class: NameClass,
    /// Whether the object already has it.
    pub(super) repeated: bool,
    /// Its interned key.
    pub(super) key: Key,
}

/// Bytes compared at a time.
const FRONT: usize = 32;

const _: () = assert!(size_of::<Known>() == 64);

impl Known {
    /// `None` if the key is too long.
    fn new(quoted: &[u8], meaning: Meaning) -> Option<Self> {
        let length = u8::try_from(quoted.len()).ok()?;
        let counts = u32::MAX >> FRONT.saturating_sub(quoted.len());
        let whole = (quoted.len() > FRONT).then(|| Box::new(padded(quoted)));
        Some(Known { begin: padded(quoted), counts, length, meaning, whole, ..Known::default() })
    }

    /// Whether `bytes` start with it; `front` holds the first ones.
    #[inline(always)]
    fn begins(&self, bytes: &[u8], front: &[u8; FRONT]) -> bool {
        !equal_bytes(&self.begin, front) & self.counts == 0
            && (usize::from(self.length) <= FRONT || bytes.starts_with(self.quoted()))
    }

    /// The whole key.
    fn quoted(&self) -> &[u8] {
        let bytes = self.whole.as_ref().map_or(self.begin.as_slice(), |whole| whole.as_slice());
        bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// The first bytes, padded with zeros.
fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut padded = [0; N];
    padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    padded
}

/// A bit for each equal byte of two fronts.
#[inline]
fn equal_bytes(left: &[u8; FRONT], right: &[u8; FRONT]) -> u32 {
    let halves = left.as_chunks().0.iter().zip(right.as_chunks().0);
    halves.rev().fold(0, |bits, (left, right)| bits << 16 | u8x16::new(*left).simd_eq(u8x16::new(*right)).to_bitmask())
}

/// All learned keys; the first entry represents the root value.
#[derive(Debug)]
pub(super) struct KeyPredictor(Vec<Known>);

impl Default for KeyPredictor {
    fn default() -> Self {
        KeyPredictor(vec![Known::default()])
    }
}

impl KeyPredictor {
    /// The position of the root value.
    pub(super) const TOP: u32 = 0;

    /// Discards all keys if there are too many.
    pub(super) fn make_room(&mut self) {
        if self.0.len() >= MOST {
            self.0.truncate(1);
            self.0.iter_mut().for_each(|top| *top = Known::default());
        }
    }

    #[inline]
    fn first(&self, position: KeyPosition) -> u32 {
        let (key, side) = position.slot();
        self.0.get(key).and_then(|key| key.next.get(side)).copied().unwrap_or_default()
    }

    /// The key in this position that `bytes` start with: its index, its length with quotes and colon, its properties.
    #[inline(always)]
    pub(super) fn find(&self, position: KeyPosition, bytes: &[u8]) -> Option<(u32, usize, Meaning)> {
        let front = bytes.first_chunk()?;
        let mut at = self.first(position);
        while at != 0 {
            let key = self.0.get(at as usize)?;
            if key.begins(bytes, front) {
                return Some((at, usize::from(key.length), key.meaning));
            }
            at = key.instead;
        }
        None
    }

    /// Stores a new key in its position and returns its index.
    #[cold]
    pub(super) fn learn(&mut self, position: KeyPosition, quoted: &[u8], meaning: Meaning) -> Option<u32> {
        let fresh = u32::try_from(self.0.len()).ok().filter(|_| self.0.len() < MOST)?;
        let known = Known::new(quoted, meaning)?;
        let mut last = None;
        let mut next = self.first(position);
        for _ in 0..CHOICES {
            let Some(key) = self.0.get(next as usize).filter(|_| next != 0) else { break };
            // Keys near the end of a text are not predicted, so this one may already be stored.
            if key.quoted() == quoted {
                return Some(next);
            }
            (last, next) = (Some(next), key.instead);
        }
        if next != 0 {
            return None;
        }
        let slot = match last {
            Some(last) => &mut self.0.get_mut(last as usize)?.instead,
            None => {
                let (key, side) = position.slot();
                self.0.get_mut(key)?.next.get_mut(side)?
            }
        };
        *slot = fresh;
        self.0.push(known);
        Some(fresh)
    }
}
