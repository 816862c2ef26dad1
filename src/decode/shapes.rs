//! The keys that objects have had, in their order: what comes next is guessed, compared and known.
//!
//! Records of one kind have the same keys in nearly the same order. A key that was met in this place before is
//! recognized by one comparison, and what it means (it may name a secret, it repeats another key) was found out then.
//! Nothing depends on a guess but the time it saves: what is not here is read as if nothing had been learnt.

use super::keys::Key;
use wide::u8x16;

/// Keys that are kept; beyond them all are forgotten, and learning begins anew.
const MOST: usize = 16 << 10;
/// Keys that are tried in one place.
const CHOICES: usize = 12;
/// Bytes of a key with its quotes and colon, beyond which it is not kept.
const LONGEST: usize = u8::MAX as usize;

/// A place in the order of keys: what follows it is guessed. Twice the number of a key for the first key of the object
/// below it, one more for the key behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u32);

impl Place {
    /// Nothing is known from here on.
    pub(super) const UNKNOWN: Place = Place(u32::MAX);

    /// Where the key stands that follows one.
    #[inline]
    pub(super) fn behind(key: u32) -> Place {
        Place(key << 1 | 1)
    }

    /// Where the first key of the object below this key stands.
    #[inline]
    pub(super) fn below(self) -> Place {
        if self == Place::UNKNOWN { self } else { Place(self.0 & !1) }
    }

    /// The number of the key, and which of [`Known::next`] it is.
    fn slot(self) -> (usize, usize) {
        ((self.0 >> 1) as usize, (self.0 & 1) as usize)
    }
}

/// A key in its place, with its quotes and colon: as much as the processor fetches at once.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Known {
    /// Its first bytes.
    begin: [u8; FRONT],
    /// A bit for each of them that counts.
    counts: u32,
    /// First key of the object that is its value, and the key behind it; 0 is none.
    next: [u32; 2],
    /// Other key in its place.
    instead: u32,
    /// Its bytes.
    length: u8,
    meaning: Meaning,
    /// All of them, if there are more than those above.
    whole: Option<Box<[u8; LONGEST]>>,
}

/// What is known of a key in its place.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Meaning {
    /// Whether a secret may stand under it.
    pub(super) sensitive: bool,
    /// Whether the object had it before.
    pub(super) repeated: bool,
    /// Which one it is.
    pub(super) key: Key,
}

/// Bytes compared at once.
const FRONT: usize = 32;

const _: () = assert!(size_of::<Known>() == 64);

impl Known {
    /// Nothing for a key that is too long.
    fn new(quoted: &[u8], meaning: Meaning) -> Option<Self> {
        let length = u8::try_from(quoted.len()).ok()?;
        let counts = u32::MAX >> FRONT.saturating_sub(quoted.len());
        let whole = (quoted.len() > FRONT).then(|| Box::new(padded(quoted)));
        Some(Known { begin: padded(quoted), counts, length, meaning, whole, ..Known::default() })
    }

    /// Whether `bytes` begin with it; `front` are the first of them.
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

/// The first bytes; zeros where there are no more.
fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut padded = [0; N];
    padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    padded
}

/// A bit for each byte in which two fronts agree.
#[inline]
fn equal_bytes(left: &[u8; FRONT], right: &[u8; FRONT]) -> u32 {
    let halves = left.as_chunks().0.iter().zip(right.as_chunks().0);
    halves.rev().fold(0, |bits, (left, right)| bits << 16 | u8x16::new(*left).simd_eq(u8x16::new(*right)).to_bitmask())
}

/// All keys that were learnt; the first entry stands for the outermost value.
#[derive(Debug)]
pub(super) struct Shapes(Vec<Known>);

impl Default for Shapes {
    fn default() -> Self {
        Shapes(vec![Known::default()])
    }
}

impl Shapes {
    /// Where the outermost value stands.
    pub(super) const TOP: u32 = 0;

    /// Forgets all when there is too much.
    pub(super) fn make_room(&mut self) {
        if self.0.len() >= MOST {
            self.0.truncate(1);
            self.0.iter_mut().for_each(|top| *top = Known::default());
        }
    }

    #[inline]
    fn first(&self, place: Place) -> u32 {
        let (key, side) = place.slot();
        self.0.get(key).and_then(|key| key.next.get(side)).copied().unwrap_or_default()
    }

    /// The key in this place that `bytes` begin with: its number, its length with quotes and colon, what it means.
    #[inline(always)]
    pub(super) fn find(&self, place: Place, bytes: &[u8]) -> Option<(u32, usize, Meaning)> {
        let front = bytes.first_chunk()?;
        let mut at = self.first(place);
        while at != 0 {
            let key = self.0.get(at as usize)?;
            if key.begins(bytes, front) {
                return Some((at, usize::from(key.length), key.meaning));
            }
            at = key.instead;
        }
        None
    }

    /// Keeps a key that was not known in its place, and gives its number.
    #[cold]
    pub(super) fn learn(&mut self, place: Place, quoted: &[u8], meaning: Meaning) -> Option<u32> {
        let fresh = u32::try_from(self.0.len()).ok().filter(|_| self.0.len() < MOST)?;
        let known = Known::new(quoted, meaning)?;
        let mut last = None;
        let mut next = self.first(place);
        for _ in 0..CHOICES {
            let Some(key) = self.0.get(next as usize).filter(|_| next != 0) else { break };
            // Close to the end of a text keys are not found.
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
                let (key, side) = place.slot();
                self.0.get_mut(key)?.next.get_mut(side)?
            }
        };
        *slot = fresh;
        self.0.push(known);
        Some(fresh)
    }
}
